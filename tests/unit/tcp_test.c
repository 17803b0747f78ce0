/* tcp_test.c - TCP conversations as pictures. Letters are segments, dots are holes, '~' is what the
 * snap length cut off; see scene.h and picture_sink.h. */
#include "reassembly/flows.h"

#include "scene.h"
#include "suite.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct scene opening_scenes[] = {
    {"a handshake makes a connection", .script = OPEN, .flows = "established ShA capture_end",
     .counts = "client 2 packets 0 bytes 0 again, server 1 packets 0 bytes 0 again, rtt 2 ms"},
    {"a SYN alone is an attempt", .script = "c SYN", .flows = "attempt S capture_end"},
    {"an answered SYN is a handshake", .script = "c SYN; s SYN ACK",
     .flows = "handshake Sh capture_end"},
    {"a SYN-ACK says who the client is", .script = "s SYN ACK; c; c 'A'; s 'B'", .client = "A",
     .server = "B", .flows = "established hADd capture_end"},
    {"a SYN may be captured after its SYN-ACK", .script = "s SYN ACK; c SYN; c; c 'AAA'; s 'B'",
     .client = "AAA", .server = "B", .flows = "established hSADd capture_end"},
    {"both may open at once (RFC 9293 3.5)",
     .script = "c SYN; s SYN; c SYN ACK; s SYN ACK; c 'A'; s 'B'", .client = "A", .server = "B",
     .flows = "established SsHhDd capture_end"},
    {"a SYN that comes again opens nothing new, and its time counts from the last",
     .script = "c SYN; at +1; c SYN; s SYN ACK; c", .flows = "established ShA capture_end",
     .counts = "client 3 packets 0 bytes 0 again, server 1 packets 0 bytes 0 again, rtt 2 ms"},
    {"a SYN that comes again after the answer does not shorten the handshake",
     .script = "c SYN; s SYN ACK; c SYN; c", .flows = "established ShA capture_end",
     .counts = "client 3 packets 0 bytes 0 again, server 1 packets 0 bytes 0 again, rtt 3 ms"},
    {"a SYN that comes again in the middle opens nothing new",
     .script = OPEN "c 'AA'; c SYN; c @2 'BB'", .client = "AABB",
     .flows = "established ShAD capture_end"},
    {"a row has what its packets say",
     .script = "c SYN vlan=5 ttl=60; s SYN ACK vlan=5 ttl=50; c ttl=59 vlan=6; s 'AA' ttl=51",
     .server = "AA",
     .facts = "client 80 of ip 116 of frames ttl 59 flags 12 mac 01, "
              "server 82 of ip 114 of frames ttl 50 flags 1a mac 02, vlan 5, 0 to 3 ms"},
    {"of two SYN-ACKs with different numbers the client says which counts: the second",
     .script = "c SYN; s SYN ACK; isn server 777777; s SYN ACK; c @0; s 'A'", .server = "A",
     .oddities = "syn_changed", .flows = "established ShAd capture_end"},
    {"or the first",
     .script = "isn server 777777; c SYN; s SYN ACK seq=5000; s SYN ACK; c @0 seq=1001; s 'A'",
     .server = "A", .oddities = "syn_changed", .flows = "established ShAd capture_end"},
    {"or else the server's next bytes do",
     .script = "c SYN; s SYN ACK; isn server 777777; s SYN ACK; s 'A'", .server = "A",
     .oddities = "syn_changed", .flows = "established Shd capture_end"},
    {"a forged one after the true one, before the client speaks, is not believed",
     .script = "c SYN; s SYN ACK; s SYN ACK seq=777777; c; s 'A'; c", .server = "A",
     .oddities = "syn_changed", .flows = "established ShAd capture_end"},
    {"and not in the middle", .script = OPEN "s 'A'; isn server 777777; s SYN ACK", .server = "A",
     .oddities = "syn_changed", .flows = "established ShAd capture_end"},
    {"a SYN may carry data", .script = "c SYN 'AA'; s SYN ACK; c; c 'BB'", .client = "AABB",
     .oddities = "syn_data", .flows = "established ShAD capture_end"},
    {"which the server may not take: what comes again counts then (RFC 7413 4.2)",
     .script = "c SYN 'AAA'; s SYN ACK ack=0; c @0 'BBBCC'; s", .client = "BBBCC",
     .conflicts = "client AAA@0", .oddities = "syn_data, syn_data_ignored"},
    {"with the same bytes, that is no conflict",
     .script = "c SYN 'AA'; s SYN ACK ack=0; c @0 'AA'; s", .client = "AA",
     .oddities = "syn_data, syn_data_ignored"},
    {"what the server has taken does not give way", .script = "c SYN 'AA'; s SYN ACK; c @0 'BB'; s",
     .client = "AA", .conflicts = "client BB@0", .oddities = "syn_data"},
    {"nor what nobody answered", .script = "c SYN 'AA'; c @0 'BB'", .client = "AA",
     .conflicts = "client BB@0", .oddities = "syn_data"},
    {"the server may take it in part: what comes again in place of the rest counts",
     .script = "c SYN 'AAAA'; s SYN ACK ack=2; c @0 'BBBB'; s", .client = "AABB",
     .conflicts = "client BB@0, client AA@2", .oddities = "syn_data, syn_data_ignored"},
    {"a handshake may be split in two (SYN for SYN-ACK)",
     .script = "c SYN; s ack=0; s SYN; c SYN ACK; s; c 'A'; s 'B'", .client = "A", .server = "B",
     .flows = "established SasHDd capture_end"},
    {"a SYN may be captured after the first data", .script = "c 'AA'; c SYN; s SYN ACK; c 'BB'",
     .client = "AABB", .flows = "established DSh capture_end"},
    {"data from the server opens the connection, too", .script = "c SYN; s SYN ACK; s 'B'",
     .server = "B", .flows = "established Shd capture_end"},
    {"a SYN may be captured after later data", .script = "c @2 'BB'; c SYN; s SYN ACK; c @0 'AA'",
     .client = "@-2 AABB", .flows = "established DSh capture_end"},
};

static const struct scene order_scenes[] = {
    {"segments in order", .script = OPEN "c 'AAA'; c 'BB'; s 'CCCC'", .client = "AAABB",
     .server = "CCCC",
     .counts = "client 4 packets 5 bytes 0 again, server 2 packets 4 bytes 0 again, rtt 2 ms"},
    {"segments out of order", .script = OPEN "c @5 'CC'; c @0 'AAA'; c @3 'BB'",
     .client = "AAABBCC"},
    {"segments back to front", .script = OPEN "c @4 'C'; c @3 'B'; c @0 'AAA'", .client = "AAABC"},
    {"what comes again is counted, and kept once", .script = OPEN "c 'AAA'; c @0 'AAA'; c @1 'A'",
     .client = "AAA", .flows = "established ShADT capture_end",
     .counts = "client 5 packets 3 bytes 4 again, server 1 packets 0 bytes 0 again, rtt 2 ms"},
    {"an overlap with the same bytes is no conflict",
     .script = OPEN "c 'ABC'; c @2 'CDE'; c @0 'ABCDEFG'", .client = "ABCDEFG",
     .counts = "client 5 packets 7 bytes 6 again, server 1 packets 0 bytes 0 again, rtt 2 ms"},
    {"the first arrival of a position is kept", .script = OPEN "c 'AAA'; c @0 'BBBBB'",
     .client = "AAABB", .conflicts = "client BBB@0"},
    {"a conflict is each range that differs", .script = OPEN "c 'AAAAAA'; c @0 'AxAAyy'",
     .client = "AAAAAA", .conflicts = "client x@1, client yy@4"},
    {"a conflict reaches over several segments, and stops at what is new",
     .script = OPEN "c 'AA'; c 'BB'; c @6 'DD'; c @1 'xxxCCx'", .client = "AABBCCDD",
     .conflicts = "client xxx@1, client x@6"},
    {"three versions are two conflicts", .script = OPEN "c 'AAA'; c @0 'BBB'; c @0 'CCC'",
     .client = "AAA", .conflicts = "client BBB@0, client CCC@0"},
    {"without a SYN the first byte to arrive is position 0, and earlier ones lie below",
     .script = "c @5 'CC'; c @3 'BB'; c @0 'AAA'; c @7 'DD'", .client = "@-5 AAABBCCDD",
     .flows = "midstream D capture_end guessed"},
    {"without a SYN nothing is missing before the first byte",
     .script = "c @1000 'AA'; c @1003 'BB'; s 'CC' noack", .client = "AA.BB", .server = "CC",
     .gaps = "client 2+1 unknown", .flows = "midstream DdG capture_end guessed",
     .oddities = "no_ack_flag"},
    {"urgent bytes stay where they are", .script = OPEN "c 'AAB' urg=3; c 'CC'", .client = "AABCC",
     .oddities = "urgent"},
};

static const struct scene gap_scenes[] = {
    {"a hole that the receiver acknowledged past was lost by the capture",
     .script = OPEN "c 'AAA'; c @5 'CC'; s", .client = "AAA..CC", .gaps = "client 3+2 capture_loss",
     .flows = "established ShADaG capture_end"},
    {"an old acknowledgement takes nothing back", .script = OPEN "c 'AAA'; c @5 'CC'; s; s ack=1",
     .client = "AAA..CC", .gaps = "client 3+2 capture_loss"},
    {"a hole that its acknowledgements stop before was lost by the network",
     .script = OPEN "c 'AAA'; s; c @5 'CC'; s ack=3", .client = "AAA..CC",
     .gaps = "client 3+2 network_loss"},
    {"a hole is unknown where no acknowledgement was captured",
     .script = "c SYN; c 'AAA'; c @5 'CC'", .client = "AAA..CC", .gaps = "client 3+2 unknown"},
    {"a hole that an acknowledgement ends in has two causes",
     .script = OPEN "c 'AAA'; c @7 'CC'; s ack=5", .client = "AAA....CC",
     .gaps = "client 3+2 capture_loss, client 5+2 network_loss"},
    {"what a FIN shows to be missing is a tail", .script = OPEN "c 'AA'; c @5 FIN",
     .client = "AA...", .gaps = "client 2+3 network_loss tail"},
    {"what an acknowledgement shows to be missing is a tail", .script = OPEN "c 'AA'; s ack=6",
     .client = "AA....", .gaps = "client 2+4 capture_loss tail"},
    {"a tail may be known from both", .script = OPEN "c 'AA'; c @8 FIN; s ack=6",
     .client = "AA......", .gaps = "client 2+4 capture_loss tail, client 6+2 network_loss tail"},
    {"a stream may be nothing but a tail", .script = OPEN "s ack=3", .client = "...",
     .gaps = "client 0+3 capture_loss tail"},
    {"a FIN is no byte, and so never missing", .script = OPEN "c 'AA'; c FIN; s; s FIN; c",
     .client = "AA", .flows = "closed ShADFaf fin"},
    {"an acknowledged FIN may be captured after its acknowledgement",
     .script = OPEN "c 'AA'; s ack=3; c FIN", .client = "AA"},
    {"after a SYN something may be missing at the beginning", .script = OPEN "c @3 'AA'",
     .client = "...AA", .gaps = "client 0+3 network_loss"},
    {"a hole of a gigabyte is one row", .script = "c 'A'; c @1000000000 'B'",
     .client = "A.{999999999}B", .gaps = "client 1+999999999 unknown",
     .oddities = "window_unknown"},
    {"each side has its own", .script = OPEN "c 'A'; s 'B'; c @2 'A'; s @2 'B'; c", .client = "A.A",
     .server = "B.B", .gaps = "client 1+1 capture_loss, server 1+1 capture_loss"},
    {"what the snap length cut is no gap", .script = OPEN "c 'AAAAA' snap=57; c 'BB'",
     .client = "AAA~~BB", .gaps = "client 3+2 truncated", .flows = "established ShAD capture_end"},
    {"what was cut at the end is inside the stream, and no tail",
     .script = OPEN "c 'AAAAA' snap=57; c @8 FIN", .client = "AAA~~...",
     .gaps = "client 3+2 truncated, client 5+3 network_loss tail"},
    {"also where nothing comes after it", .script = "c SYN; c 'AAAAA' snap=57", .client = "AAA~~",
     .gaps = "client 3+2 truncated"},
    {"what was cut and acknowledged is still cut", .script = OPEN "c 'AAAAA' snap=57; s",
     .client = "AAA~~", .gaps = "client 3+2 truncated"},
    {"a segment may be cut to nothing", .script = OPEN "c 'AAA' snap=54; c 'BB'", .client = "~~~BB",
     .gaps = "client 0+3 truncated"},
    {"cut and lost may touch", .script = OPEN "c 'AAA' snap=56; c @5 'BB'; s ack=4",
     .client = "AA~..BB",
     .gaps = "client 2+1 truncated, client 3+1 capture_loss, client 4+1 network_loss"},
    {"a whole copy fills what was cut", .script = OPEN "c 'ABCDE' snap=57; c @0 'ABCDE'",
     .client = "ABCDE",
     .counts = "client 4 packets 5 bytes 3 again, server 1 packets 0 bytes 0 again, rtt 2 ms"},
    {"without a SYN a stream may begin with what was cut",
     .script = "c @4 'CCC'; c @0 'AAAA' snap=54", .client = "@-4 ~~~~CCC",
     .gaps = "client -4+4 truncated"},
    {"without a SYN a hole may follow what was cut at the beginning",
     .script = "c @6 'CCC'; c @0 'AAAA' snap=54", .client = "@-6 ~~~~..CCC",
     .gaps = "client -6+4 truncated, client -2+2 unknown"},
};

static const struct scene checksum_scenes[] = {
    {"once a side has shown a right checksum, a wrong one is refused",
     .script = OPEN "c 'AA'; c 'BB' bad-checksum; c 'CC'; s ack=2", .client = "AA..CC",
     .gaps = "client 2+2 refused", .refused = "client bad_checksum BB@2",
     .oddities = "bad_checksum", .flows = "established ShADCaG capture_end"},
    {"unless nothing in the capture speaks against it but the checksum",
     .script = OPEN "c 'AA'; s ack=2; c 'BB' bad-checksum; c 'CC'", .client = "AABBCC",
     .refused = "client bad_checksum BB@2", .oddities = "bad_checksum"},
    {"an acknowledgement of what lies before it does not",
     .script = OPEN "c 'AAAA'; c 'BB' bad-checksum; s ack=2", .client = "AAAABB",
     .refused = "client bad_checksum BB@4", .oddities = "bad_checksum"},
    {"a FIN does, for what lies behind it", .script = OPEN "c 'AA' FIN; c @2 'BB' bad-checksum",
     .client = "AA", .refused = "client bad_checksum BB@2", .oddities = "bad_checksum"},
    {"and the window", .script = OPEN "c 'AA'; c @5000000 'BB' bad-checksum", .client = "AA",
     .refused = "client bad_checksum BB@5000000", .oddities = "bad_checksum"},
    {"midstream, what is refused says where the stream is, too",
     .script = "c; s; c 'AA' bad-checksum; s; c 'BB'", .client = "AABB",
     .refused = "client bad_checksum AA@0", .oddities = "bad_checksum"},
    {"but binds it to nothing", .script = "c; c @-900000000 'XX' bad-checksum; c @0 'AA'; c 'BB'",
     .client = "@900000000 AABB", .refused = "client bad_checksum XX@0",
     .oddities = "bad_checksum"},
    {"what was refused may come again in order",
     .script = OPEN "c 'AA'; c 'BB' bad-checksum; c @2 'bb'", .client = "AAbb",
     .refused = "client bad_checksum BB@2", .oddities = "bad_checksum"},
    {"what came in refused segments only counts once it is acknowledged",
     .script = OPEN "c 'AA'; c 'BB' bad-checksum; s; c @6 'CC'", .client = "AABB..CC",
     .gaps = "client 4+2 network_loss", .refused = "client bad_checksum BB@2",
     .oddities = "bad_checksum"},
    {"what was acknowledged before it came with a wrong checksum counts as well",
     .script = OPEN "c 'AA'; s ack=4; c 'BB' bad-checksum", .client = "AABB",
     .refused = "client bad_checksum BB@2", .oddities = "bad_checksum"},
    {"an acknowledgement of half a refused segment believes that half",
     .script = OPEN "c 'AA'; c 'BBBB' bad-checksum; s ack=4", .client = "AABB",
     .refused = "client bad_checksum BBBB@2", .oddities = "bad_checksum"},
    {"a wrong segment before the real one is not believed: the real one is there",
     .script = OPEN "c 'AA'; c 'XX' bad-checksum; c @2 'BB'; s", .client = "AABB",
     .refused = "client bad_checksum XX@2", .oddities = "bad_checksum"},
    {"what was believed gives way to a right one",
     .script = OPEN "c 'AA'; c 'XX' bad-checksum; s ack=4; c @2 'BB'", .client = "AABB",
     .conflicts = "client XX@2", .refused = "client bad_checksum XX@2", .oddities = "bad_checksum"},
    {"after a pause of the capture beyond the window the stream goes on once it is acknowledged",
     .script = OPEN "c 'A'; s; c @9000000 'BB'; s; c 'CC'; s", .client = "A.{8999999}BBCC",
     .gaps = "client 1+8999999 capture_loss", .refused = "client out_of_window BB@9000000",
     .oddities = "out_of_window"},
    {"before, it is kept, and a right one takes its positions",
     .script = "c 'AAA' bad-checksum; c @0 'ABA'", .client = "ABA", .conflicts = "client A@1",
     .oddities = "bad_checksum"},
    {"a right one takes no more than it brings", .script = "c 'AAAA' bad-checksum; c @2 'BBBB'",
     .client = "AABBBB", .conflicts = "client AA@2", .oddities = "bad_checksum"},
    {"a right one takes the middle", .script = "c 'AAAAA' bad-checksum; c @1 'BBB'; c @0 'CCCCC'",
     .client = "CBBBC", .conflicts = "client AAA@1, client A@0, client CCC@1, client A@4",
     .oddities = "bad_checksum"},
    {"what was taken is taken once", .script = "c 'AA' bad-checksum; c @0 'BB'; c @0 'CC'",
     .client = "BB", .conflicts = "client AA@0, client CC@0", .oddities = "bad_checksum"},
    {"of two wrong ones the first is kept", .script = "c 'AA' bad-checksum; c @0 'BB' bad-checksum",
     .client = "AA", .conflicts = "client BB@0", .oddities = "bad_checksum x2"},
    {"a side that never shows a right one is believed",
     .script = "c 'AA' bad-checksum; s 'CC'; c 'BB' bad-checksum; s 'DD'", .client = "AABB",
     .server = "CCDD", .oddities = "bad_checksum x2"},
    {"a checksum left to the network card is as good as a right one",
     .script = OPEN "c 'AA' offload; c 'BB'; c @4 'CC' offload", .client = "AABBCC",
     .oddities = "checksum_offload x2"},
    {"one left to the card does not make wrong ones refused",
     .script = "c 'AA' offload; c 'BB' bad-checksum", .client = "AABB",
     .oddities = "checksum_offload, bad_checksum"},
    {"where it leaves them to its card, a bare segment with a wrong one is somebody else's",
     .script = "every offload\n" OPEN "c 'AA'; c RST bad-checksum; c 'BB'", .client = "AABB",
     .oddities = "checksum_offload x4, bad_checksum, checksum_offload",
     .flows = "established ShADC capture_end"},
    {"a wrong checksum of the IP header is judged in the same way",
     .script = OPEN "c 'AA'; c 'BB' bad-ip-checksum; c 'CC'; s 'D' bad-checksum bad-ip-checksum "
                    "ack=2; c ack=0; s ack=2",
     .client = "AA..CC", .gaps = "client 2+2 refused",
     .refused = "client bad_checksum BB@2, server bad_checksum D@0",
     .oddities = "bad_ip_checksum x2"},
    {"a capture may have no right one of the IP header at all",
     .script = "every bad-ip-checksum\n" OPEN "c 'AA'; s 'B'", .client = "AA", .server = "B",
     .oddities = "bad_ip_checksum x5"},
    {"a RST with a wrong checksum ends nothing",
     .script = OPEN "c 'AA'; s RST bad-checksum; c 'BB'", .client = "AABB",
     .oddities = "bad_checksum", .flows = "established ShADc capture_end"},
    {"a SYN with a wrong checksum takes no connection over",
     .script = OPEN "c 'AA'; isn client 99000; c SYN bad-checksum", .client = "AA",
     .oddities = "bad_checksum", .flows = "established ShADC capture_end"},
};

static const struct scene window_scenes[] = {
    {"what lies beyond the window is refused, whatever small window was offered",
     .script = OPEN "c 'A'; c @2000000 'B'; c @1 'C'", .client = "AC",
     .refused = "client out_of_window B@2000000", .oddities = "out_of_window"},
    {"a segment may lie half in the window", .script = OPEN "c 'A'; c @1048576 'BC'; c @1 'D'",
     .client = "AD.{1048574}B", .gaps = "client 2+1048574 network_loss",
     .refused = "client out_of_window C@1048577", .oddities = "out_of_window"},
    {"a scaled window reaches further",
     .script = "c SYN ws=7; s SYN ACK ws=7; c; s; c 'A'; c @8000000 'B'; c @8400000 'C'; c @1 'D'",
     .client = "AD.{7999998}B.{399999}C",
     .gaps = "client 2+7999998 network_loss, client 8000001+399999 network_loss"},
    {"but not further than it says",
     .script = "c SYN ws=7; s SYN ACK ws=7; c; s; c 'A'; c @8388482 'B'; c @8388480 'C'",
     .client = "A.{8388479}C", .gaps = "client 1+8388479 network_loss",
     .refused = "client out_of_window B@8388482", .oddities = "out_of_window"},
    {"the window of a SYN is never scaled (RFC 7323 2.2)",
     .script = "c SYN ws=7; s SYN ACK ws=14; c; c 'A'; c @2000000 'B'", .client = "A",
     .refused = "client out_of_window B@2000000", .oddities = "out_of_window"},
    {"the largest window counts",
     .script = "c SYN ws=7; s SYN ACK ws=7; c; s; s win=1; c 'A'; c @8000000 'B'",
     .client = "A.{7999999}B", .gaps = "client 1+7999999 network_loss"},
    {"a window is scaled only if both sides offered to (RFC 7323 2.2)",
     .script = "c SYN; s SYN ACK ws=14; c; s; c 'A'; c @8000000 'B'", .client = "A",
     .refused = "client out_of_window B@8000000", .oddities = "out_of_window"},
    {"what was acknowledged moves the window along",
     .script = OPEN "c 'A'; s ack=900000; c @1900000 'B'", .client = "A.{899999}.{1000000}B",
     .gaps = "client 1+899999 capture_loss, client 900000+1000000 network_loss"},
    {"an acknowledgement from nowhere moves nothing",
     .script = OPEN "c 'A'; s ack=500000000; c 'B'", .client = "AB"},
    {"without SYNs the scale is not known, and the window wide",
     .script = "c 'A'; c @1000000000 'B'; c @2000000000 'C'",
     .client = "A.{999999999}B.{999999999}C",
     .gaps = "client 1+999999999 unknown, client 1000000001+999999999 unknown",
     .oddities = "window_unknown x2"},
    {"one SYN without a scale is enough to know it (RFC 7323 2.2)",
     .script = "c SYN; c 'A'; c @9000000 'B'", .client = "A",
     .refused = "client out_of_window B@9000000", .oddities = "out_of_window"},
    {"one with a scale is not", .script = "c SYN ws=7; c 'A'; c @9000000 'B'",
     .client = "A.{8999999}B", .gaps = "client 1+8999999 unknown", .oddities = "window_unknown"},
    {"what lies before the SYN is refused", .script = OPEN "c 'AA'; c @-4 'xxx'", .client = "AA",
     .refused = "client before_start xxx@-4", .oddities = "before_start"},
    {"and so is the part of a segment that does", .script = OPEN "c @-2 'xxAA'", .client = "AA",
     .refused = "client before_start xx@-2", .oddities = "before_start"},
    {"without a SYN the stream reaches as far down",
     .script = "c @3000000 'C'; c @2000000 'B'; c @0 'A'",
     .client = "@-3000000 A.{1999999}B.{999999}C",
     .gaps = "client -2999999+1999999 unknown, client -999999+999999 unknown",
     .oddities = "window_unknown"},
    {"and no further", .script = "c @1500000000 'C'; c @0 'A'", .client = "C",
     .refused = "client out_of_window A@-1500000000", .oddities = "out_of_window"},
    {"a keep-alive's byte is refused (RFC 9293 3.8.4)", .script = OPEN "c 'AA'; s; c @1 'z'",
     .client = "AA", .refused = "client keepalive z@1", .oddities = "keepalive_data"},
    {"also before any data", .script = OPEN "c @-1 'z'; c 'AA'", .client = "AA",
     .refused = "client keepalive z@-1", .oddities = "keepalive_data"},
    {"a byte from below, when the stream has gone on, is none",
     .script = OPEN "c 'AAA'; s ack=2; c @1 'z'", .client = "AAA", .conflicts = "client z@1"},
    {"a keep-alive without a byte is nothing odd", .script = OPEN "c 'AA'; s; c @1; s",
     .client = "AA", .flows = "established ShADa capture_end"},
    {"the byte of a zero window's probe belongs to the stream",
     .script = OPEN "c 'AA'; s win=0; c 'B'; s ack=2 win=0; c @2 'B'; s; c 'C'", .client = "AABC",
     .flows = "established ShADawT capture_end",
     .counts = "client 6 packets 4 bytes 1 again, server 4 packets 0 bytes 0 again, rtt 2 ms"},
    {"unless the receiver did not take it, and another one comes (RFC 9293 3.8.6.1)",
     .script = OPEN "c 'AA'; s win=0; c 'z'; s ack=2 win=0; s ack=2; c @2 'BB'; s",
     .client = "AABB", .conflicts = "client z@2"},
    {"one that was taken stays", .script = OPEN "c 'AA'; s win=0; c 'B'; s ack=3; c @2 'xC'; s",
     .client = "AABC", .conflicts = "client x@2"},
    {"a byte into an open window is no probe", .script = OPEN "c 'AA'; s; c 'B'; c @2 'xC'; s",
     .client = "AABC", .conflicts = "client x@2"},
    {"a segment with an old timestamp is refused (PAWS, RFC 7323 5)",
     .script = "c SYN ts=100,0; s SYN ACK ts=900,100; c ts=101,900; c 'AA' ts=200,900; s "
               "ts=901,200; c ts=201,901; c 'XX' ts=150,900; c @2 'BB' ts=202,901; s ts=902,202",
     .client = "AABB", .refused = "client old_timestamp XX@2", .oddities = "old_timestamp"},
    {"unless its receiver acknowledges it",
     .script = "c SYN ts=100,0; s SYN ACK ts=900,100; c ts=101,900; c 'AA' ts=200,900; s "
               "ts=901,200; c ts=201,901; c 'BB' ts=150,900; s ts=902,202",
     .client = "AABB", .refused = "client old_timestamp BB@2", .oddities = "old_timestamp"},
    {"an old copy of what was delivered is a duplicate",
     .script = "c SYN ts=100,0; s SYN ACK ts=900,100; c ts=101,900; c 'AA' ts=200,900; s "
               "ts=901,200; c ts=201,901; c @0 'AA' ts=150,900",
     .client = "AA"},
    {"timestamps wrap",
     .script = "c SYN ts=4294967290,0; s SYN ACK ts=900,4294967290; c ts=4294967291,900; "
               "c 'AA' ts=4294967295,900; s ts=901,4294967295; c 'BB' ts=3,901; s ts=902,3; "
               "c 'CC' ts=4,902",
     .client = "AABBCC"},
    {"segments that were sent out of order have no old timestamp",
     .script = "c SYN ts=100,0; s SYN ACK ts=900,100; c ts=101,900; c @2 'BB' ts=202,900; "
               "s ts=901,101 ack=0; c @0 'AA' ts=201,900; s ts=902,201",
     .client = "AABB"},
};

static const struct scene closing_scenes[] = {
    {"one FIN closes half", .script = OPEN "c 'AA'; c FIN; s 'BB'", .client = "AA", .server = "BB",
     .flows = "closing ShADFd capture_end"},
    {"both FINs close, the client's first", .script = OPEN "c FIN; s FIN; c",
     .flows = "closed ShAFf fin"},
    {"both FINs close, the server's first", .script = OPEN "s FIN; c FIN; s",
     .flows = "closed ShAfFa fin"},
    {"both FINs close at once", .script = OPEN "c 'A'; s 'B'; c FIN ack=1; s FIN ack=1; c; s",
     .client = "A", .server = "B", .flows = "closed ShADdFfa fin"},
    {"a FIN comes with data", .script = OPEN "c 'AA' FIN; s 'BB' FIN; c", .client = "AA",
     .server = "BB", .flows = "closed ShAFf fin"},
    {"a FIN may overtake data", .script = OPEN "c 'AA'; c @4 FIN; c @2 'BB'", .client = "AABB",
     .flows = "closing ShADF capture_end"},
    {"a FIN may come again", .script = OPEN "c 'AA' FIN; c @2 FIN; c @0 'AA' FIN", .client = "AA",
     .flows = "closing ShAFT capture_end"},
    {"a FIN elsewhere is odd, and the first counts", .script = OPEN "c 'AA' FIN; c @5 FIN",
     .client = "AA", .oddities = "fin_moved"},
    {"data after the FIN is odd, and kept", .script = OPEN "c 'AA' FIN; c @2 'BB'",
     .client = "AABB", .oddities = "data_after_fin", .flows = "closing ShAFD capture_end"},
    {"a FIN out of window closes nothing", .script = OPEN "c @3000000 FIN",
     .oddities = "out_of_window", .flows = "established ShA capture_end"},
    {"nor together with the other side's", .script = OPEN "c @3000000 FIN; s FIN",
     .oddities = "out_of_window", .flows = "closing ShAf capture_end"},
    {"without data before them, two FINs close too", .script = "c FIN; s FIN; c",
     .flows = "closed FfA fin guessed"},
    {"a RST resets", .script = OPEN "c 'AA'; s RST", .client = "AA", .flows = "reset ShADr reset"},
    {"a RST answers a SYN", .script = "c SYN; s RST ACK", .flows = "rejected Sr reset"},
    {"also without an ACK", .script = "c SYN; s RST", .flows = "rejected Sr reset"},
    {"a RST that answers another SYN is odd", .script = "c SYN; s RST ACK ack=5000",
     .oddities = "reset_out_of_window", .flows = "attempt S capture_end"},
    {"a RST may say why (RFC 1122 4.2.2.12)", .script = "c SYN; s RST ACK 'no'", .server = "no",
     .flows = "rejected Sr reset"},
    {"also in the middle", .script = "c 'A'; s 'B' ack=0; c ack=0; s RST 'no' noack", .client = "A",
     .server = "Bno", .flows = "reset DdAr reset guessed"},
    {"a RST out of window is odd", .script = OPEN "c 'AA'; s @3000000 RST; c 'BB'",
     .client = "AABB", .oddities = "reset_out_of_window", .flows = "established ShAD capture_end"},
    {"so is one from below, even if an old segment came again",
     .script = OPEN "c 'AAAAAAAA'; s; c @0 'A'; c @2 RST", .client = "AAAAAAAA",
     .oddities = "reset_out_of_window", .flows = "established ShADaT capture_end"},
    {"one may lie where the receiver is, or a byte below it",
     .script = OPEN "c 'AAAA'; s ack=2; c @2 RST", .client = "AAAA", .flows = "reset ShADaR reset"},
    {"as if it answered a keep-alive", .script = OPEN "c 'AAAA'; s; c @3 RST", .client = "AAAA",
     .flows = "reset ShADaR reset"},
    {"a FIN after a RST changes nothing", .script = OPEN "s RST; c FIN",
     .flows = "reset ShArF reset"},
    {"a FIN from before the SYN closes nothing", .script = OPEN "c @-5 FIN",
     .oddities = "out_of_window", .flows = "established ShA capture_end"},
    {"so is one of the server", .script = OPEN "s 'AAAA'; c; s @1 RST", .server = "AAAA",
     .oddities = "reset_out_of_window", .flows = "established ShAd capture_end"},
    {"data after a RST is odd, and kept", .script = OPEN "c 'AA'; s RST; c 'BB'", .client = "AABB",
     .oddities = "data_after_reset", .flows = "reset ShADr reset"},
    {"a RST was forged when its own side goes on after it",
     .script = OPEN "c 'AA'; s RST; c 'BB'; s 'CC'; c", .client = "AABB", .server = "CC",
     .oddities = "data_after_reset x2, reset_ignored", .flows = "established ShADrd capture_end"},
    {"an old copy does not show that", .script = OPEN "s 'CC'; c; s RST; s @0 'CC'", .server = "CC",
     .oddities = "data_after_reset", .flows = "reset ShAdrt reset"},
    {"a refusal was forged when the answer comes after it",
     .script = "c SYN; s RST ACK; s SYN ACK; c; c 'A'; s 'B'", .client = "A", .server = "B",
     .oddities = "reset_ignored", .flows = "established SrhADd capture_end"},
    {"a RST after both FINs leaves the flow closed", .script = OPEN "c FIN; s FIN; c RST",
     .flows = "closed ShAFfR fin"},
    {"a RST alone is a reset", .script = "s RST", .flows = "reset r reset guessed"},
};

#define AGAIN "isn client 900000 server 700000; c SYN; s SYN ACK; c\n"

static const struct scene reuse_scenes[] = {
    {"a SYN after the close begins another flow",
     .script = OPEN "c 'AA'; c FIN; s FIN; c\n" AGAIN "c 'BB'", .client = "AA | BB",
     .flows = "closed ShADFf fin | established ShAD capture_end"},
    {"a SYN after a RST too", .script = OPEN "c 'AA'; s RST\n" AGAIN "c 'BB'", .client = "AA | BB",
     .flows = "reset ShADr reset | established ShAD capture_end"},
    {"a SYN with another number takes the ports over without a close",
     .script = OPEN "c 'AA'\n" AGAIN "c 'BB'", .client = "AA | BB",
     .flows = "established ShAD reused | established ShAD capture_end"},
    {"what comes long after a handshake was broken off is another flow",
     .script = "c SYN; s SYN ACK; c RST noack; at +4; c 'AA' ack=0; s RST noack", .client = " | AA",
     .flows = "reset ShR reset | reset Dr reset guessed"},
    {"but not while a SYN-ACK that was not heard could be repeated, nor after a handshake",
     .script = "c SYN; s SYN ACK; c RST noack; at +3; c 'AA' ack=0; s ack=2", .client = "AA",
     .oddities = "data_after_reset, reset_ignored", .flows = "established ShRDa capture_end"},
    {"nor after its end", .script = OPEN "c RST noack; at +9; c 'AA'; s", .client = "AA",
     .oddities = "data_after_reset, reset_ignored", .flows = "established ShARDa capture_end"},
    {"a refused SYN that tries again with another number is another flow",
     .script = "c SYN; s RST ACK\n" AGAIN "c 'BB'", .client = " | BB",
     .flows = "rejected Sr reset | established ShAD capture_end"},
    {"and so is one with the same number, half a second later",
     .script = "c SYN; s RST ACK; at +0.5; c SYN @-1; s RST ACK; at +0.5; c SYN @-1; s SYN ACK; c\n"
               "c 'BB'",
     .client = " |  | BB",
     .flows = "rejected Sr reset | rejected Sr reset | established ShAD capture_end"},
    {"but a copy of it is none", .script = "c SYN; s RST ACK; at +0.05; c SYN @-1; s RST ACK",
     .flows = "rejected Sr reset"},
    {"a SYN of the other side after the close turns the roles",
     .script = OPEN "c 'AA'; c FIN; s FIN; c; isn client 900000 server 700000\n"
                    "s SYN; c SYN ACK; s; c 'BB'",
     .client = "AA | ", .server = " | BB",
     .flows = "closed ShADFf fin | established ShAd capture_end"},
    {"a SYN far from the data that went before is another flow",
     .script = "c @2000000000 'A'; c SYN; s SYN ACK ack=0; c; c @0 'B'", .client = "A | B",
     .flows = "midstream D reused guessed | established ShAD capture_end"},
    {"and so is one ahead of it",
     .script = "c 'A'; isn client 900000000 server 700000; c SYN; s SYN ACK; c; c @0 'B'",
     .client = "A | B", .flows = "midstream D reused guessed | established ShAD capture_end"},
    {"a SYN to a side that was talking before is another flow",
     .script = "s 'A'; c SYN; isn server 700000; s SYN ACK; s 'B'", .server = "A | B",
     .flows = "midstream d reused guessed | established Shd capture_end"},
    {"a SYN that nobody answers takes nothing over (RFC 5961 4)",
     .script = OPEN "c 'AA'; s 'BB'; c SYN seq=900000; s ack=2; c 'CC'; s 'DD'; c",
     .client = "AACC | ", .server = "BBDD | ", .oddities = "syn_in_connection",
     .flows = "established ShADda capture_end | attempt S capture_end"},
    {"however often it comes",
     .script = OPEN "c 'AA'; c SYN seq=900000; c SYN seq=900000; c 'CC'; s", .client = "AACC | ",
     .oddities = "syn_in_connection",
     .flows = "established ShADa capture_end | attempt S capture_end"},
    {"each with another number is an attempt of its own",
     .script = OPEN "c 'AA'; c SYN seq=900000; c SYN seq=910000; c 'CC'; s", .client = "AACC |  | ",
     .oddities = "syn_in_connection x2",
     .flows = "established ShADa capture_end | attempt S reused | attempt S capture_end"},
    {"one that the other side refuses does not either",
     .script = OPEN "c 'AA'; c SYN @500000; s RST ACK ack=500001; c @2 'CC'; s ack=4",
     .client = "AACC | ", .oddities = "syn_in_connection",
     .flows = "established ShADa capture_end | rejected Sr reset"},
    {"a SYN after a forged RST takes nothing over either",
     .script = OPEN "c 'AA'; s RST; c SYN seq=900000; c 'CC'; s 'DD'; c", .client = "AACC | ",
     .server = "DD | ", .oddities = "data_after_reset x2, reset_ignored, syn_in_connection",
     .flows = "established ShADrd capture_end | attempt S capture_end"},
    {"where the capture has one side only, what follows the SYN shows that it was the end",
     .script = "c SYN; c ack=0; c 'AA' ack=0\nisn client 900000; c SYN; c ack=0; c 'BB' ack=0",
     .client = "AA | BB", .flows = "established SAD reused | established SAD capture_end"},
    {"or that it was not", .script = "c SYN; c; c 'AA'; c SYN seq=900000; c 'BB'",
     .client = "AABB | ", .oddities = "syn_in_connection",
     .flows = "established SAD capture_end | attempt S capture_end"},
    {"the same with the server's side only",
     .script = "s SYN ACK; s 'AA'\nisn server 700000; s SYN ACK; s 'BB'", .server = "AA | BB",
     .flows = "established hd reused | established hd capture_end"},
    {"a SYN-ACK that the capture missed is made up for by the next acknowledgement",
     .script = OPEN "c 'AA'; s\nisn client 900000 server 700000; c SYN; s @0 'DD' ack=0; c",
     .client = "AA | ", .server = " | DD",
     .flows = "established ShADa reused | established SdA capture_end"},
    {"after the close a SYN-ACK is enough",
     .script = OPEN "c 'AA'; c FIN; s FIN; c; isn client 900000 server 700000\n"
                    "s SYN ACK; c; c 'BB'",
     .client = "AA | BB", .flows = "closed ShADFf fin | established hAD capture_end"},
    {"the last ACK and a late copy belong to the closed flow",
     .script = OPEN "c 'AA'; c FIN; s FIN; c; c @0 'AA'; s", .client = "AA",
     .flows = "closed ShADFfTa fin"},
};

#define HIGH "client 10.0.0.1:40000; server 10.0.0.2:50000\n"
#define LOW "client 10.0.0.1:20; server 10.0.0.2:80\n"

static const struct scene client_scenes[] = {
    {"the port below 1024 is the server's, even if it speaks first", .script = "s 'A'; c 'B'",
     .client = "B", .server = "A", .flows = "midstream dD capture_end guessed"},
    {"of two high ports, who speaks first is the client", .script = HIGH "s 'A'; c 'B'",
     .client = "A", .server = "B", .flows = "midstream Dd capture_end guessed"},
    {"of two low ports too", .script = LOW "s 'A'; c 'B'", .client = "A", .server = "B",
     .flows = "midstream Dd capture_end guessed"},
    {"a SYN says it, whatever the ports",
     .script = "client 10.0.0.1:80; server 10.0.0.2:40000\n" OPEN "c 'A'", .client = "A",
     .flows = "established ShAD capture_end"},
    {"both may be the same host",
     .script = "client 127.0.0.1:40000; server 127.0.0.1:80\n" OPEN "c 'A'; s 'B'", .client = "A",
     .server = "B", .flows = "established ShADd capture_end"},
    {"IPv6 is no different",
     .script = "client [2001:db8::2]:40000; server [2001:db8::1]:80\n" OPEN "c 'A'; s 'B'",
     .client = "A", .server = "B", .flows = "established ShADd capture_end"},
    {"IPv6 addresses that look like IPv4 ones are others",
     .script = "c 'A'; client [::ffff:10.0.0.1]:40000; server [::ffff:10.0.0.2]:80; c 'B'",
     .client = "A | B"},
    {"addresses and ports together are the flow",
     .script = "c 'A'; client 10.0.0.1:40001; c 'B'; client 10.0.0.3:40000; c 'C'\n"
               "client 10.0.0.1:40000; c 'D'",
     .client = "AD | B | C",
     .flows = "midstream D capture_end guessed | midstream D capture_end guessed | "
              "midstream D capture_end guessed"},
};

#define OTHER "client 10.0.0.9:9999\n"

static const struct scene clock_scenes[] = {
    {"half an opening waits for a minute",
     .script = "c SYN; at +59; " OTHER "c SYN; at +2; c @0 'A'", .client = " | A",
     .flows = "attempt S timeout | established SD capture_end"},
    {"an opened connection waits for ever in a file", .script = OPEN "c 'A'; at +1000000; c 'B'",
     .client = "AB", .flows = "established ShAD capture_end"},
    {"and for two hours when live", .script = OPEN "c 'A'; at +7201; c 'B'", .client = "A | B",
     .flows = "established ShAD timeout | midstream D capture_end guessed",
     .stage = {.timeouts = &flow_timeouts_live}},
    {"that are counted from its last packet",
     .script = OPEN "c 'A'; at +7000; c 'B'; at +7000; " OTHER "c SYN; at +100; client "
                    "10.0.0.1:40000; c 'C'",
     .client = "ABC | ", .flows = "established ShAD capture_end | attempt S timeout",
     .stage = {.timeouts = &flow_timeouts_live}},
    {"exactly, although nobody looks at it all the time",
     .script = OPEN "c 'A'; at 7000; c 'B'; at 7250; " OTHER "c SYN\n"
                    "at 14205; client 10.0.0.1:40000; c 'C'",
     .client = "AB |  | C",
     .flows = "established ShAD timeout | attempt S timeout | midstream D capture_end guessed",
     .stage = {.timeouts = &flow_timeouts_live}},
    {"a closed one waits for two minutes",
     .script = OPEN "c 'A'; c FIN; s FIN; at +119; c; at +121; c 'B'", .client = "A | B",
     .flows = "closed ShADFf fin | midstream D capture_end guessed"},
    {"a flow's times are the smallest and the largest",
     .script = "at 10; c SYN; at 5; s SYN ACK; at 8; c",
     .facts = "client 80 of ip 108 of frames ttl 64 flags 12 mac 01, "
              "server 40 of ip 54 of frames ttl 64 flags 12 mac 02, 5000 to 10000 ms"},
    {"a clock that runs backwards ends nothing",
     .script = "at 1000\n" OPEN "at 10; c 'A'; at 1001; c 'B'; at 5; " OTHER "c SYN; at 50; c",
     .client = "AB | ", .flows = "established ShAD capture_end | established SA capture_end"},
};

static void opening(void)
{
    check_scenes(opening_scenes, COUNT(opening_scenes));
}
static void order(void)
{
    check_scenes(order_scenes, COUNT(order_scenes));
}
static void gaps(void)
{
    check_scenes(gap_scenes, COUNT(gap_scenes));
}
static void checksums(void)
{
    check_scenes(checksum_scenes, COUNT(checksum_scenes));
}
static void windows(void)
{
    check_scenes(window_scenes, COUNT(window_scenes));
}
static void closing(void)
{
    check_scenes(closing_scenes, COUNT(closing_scenes));
}
static void reuse(void)
{
    check_scenes(reuse_scenes, COUNT(reuse_scenes));
}
static void clients(void)
{
    check_scenes(client_scenes, COUNT(client_scenes));
}
static void clocks(void)
{
    check_scenes(clock_scenes, COUNT(clock_scenes));
}

/* ---- ceilings ---- */

/* A script in the making. */
struct lines {
    FILE *out;
    char *text;
    size_t len;
};

static void lines_init(struct lines *l)
{
    l->out = open_memstream(&l->text, &l->len);
    if (!l->out)
        abort();
}

static void lines_play(struct lines *l, struct telling *t, const struct stage *stage)
{
    fclose(l->out);
    telling_init(t, l->text, stage);
    free(l->text);
}

static unsigned count_of(const char *text, const char *word)
{
    unsigned count = 0;
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
        count++;
    return count;
}

/* Whether `first` is told before `second`. */
static bool is_before(const struct telling *t, const char *first, const char *second)
{
    const char *one = strstr(t->calls, first), *other = strstr(t->calls, second);
    return one && other && one < other;
}

/* Every second byte comes, more of them than there may be ranges; then all others. What holes were
 * given up by then stays closed; the sink adds up that every position is told once. */
static void settles(void)
{
    enum { HOLES = RANGES_MAX + 1000 };
    struct lines l;
    struct telling t;

    lines_init(&l);
    fputs(OPEN, l.out);
    for (int i = 0; i < HOLES; i++)
        fprintf(l.out, "c @%d \"x\"\n", 2 * i + 1);
    for (int i = 0; i < HOLES; i++)
        fprintf(l.out, "c @%d \"y\"\n", 2 * i);
    lines_play(&l, &t, NULL);
    CU_ASSERT(is_whole(&t, "more holes than can be"));
    CU_ASSERT_EQUAL(strlen(t.client), 2 * HOLES);
    unsigned closed = count_of(t.client, ".");
    CU_ASSERT_EQUAL(closed, RANGES_MAX / 2 + 1);
    CU_ASSERT_EQUAL(count_of(t.gaps, "network_loss"), closed);
    CU_ASSERT_EQUAL(count_of(t.refused, "settled y"), closed);
    CU_ASSERT(is_before(&t, "client gap 0+1", "flow 0 frame 5000")); /* in the middle of it */
    CU_ASSERT_STRING_EQUAL(t.flows, "established ShADG capture_end");
    telling_release(&t);
}

/* The same without a SYN, from the top down: every byte is a new beginning. */
static void settles_downwards(void)
{
    enum { HOLES = RANGES_MAX + 1000 };
    struct lines l;
    struct telling t;

    lines_init(&l);
    for (int i = HOLES; i > 0; i--)
        fprintf(l.out, "c @%d \"x\"\n", 2 * i);
    lines_play(&l, &t, NULL);
    CU_ASSERT(is_whole(&t, "more holes than can be, downwards"));
    CU_ASSERT(count_of(t.refused, "settled") > 0);
    telling_release(&t);
}

/* A flow table that has room for few ranges: what finds none is refused, and never in silence. */
static void no_room_for_ranges(void)
{
    struct lines l;
    struct telling t;
    struct stage stage = {.memory = 208 * 1024};

    lines_init(&l);
    for (int port = 1; port <= 20; port++) {
        fprintf(l.out, "client 10.0.0.1:%d\n" OPEN, 40000 + port);
        for (int i = 0; i < 200; i++)
            fprintf(l.out, "c @%d \"x\"\n", 2 * i + 1);
    }
    lines_play(&l, &t, &stage);
    CU_ASSERT(is_whole(&t, "no room for ranges"));
    CU_ASSERT(count_of(t.refused, "no_memory x") + count_of(t.refused, "settled x") > 100);
    telling_release(&t);
}

enum { FEW_FLOWS = 104 * 1024 }; /* room for some more than a hundred, not for what 300 need */

static void attempts(struct lines *l, int first_port, int count)
{
    for (int port = first_port; port < first_port + count; port++)
        fprintf(l->out, "client 10.0.0.1:%d\nc SYN\n", port);
}

static void evicts_the_oldest(void)
{
    struct lines l;
    struct telling t, again;
    struct stage stage = {.memory = FEW_FLOWS};

    for (int i = 0; i < 2; i++) {
        lines_init(&l);
        attempts(&l, 1000, 300);
        lines_play(&l, i == 0 ? &t : &again, &stage);
    }
    CU_ASSERT(is_whole(&t, "300 attempts"));
    unsigned evicted = count_of(t.flows, "evicted");
    CU_ASSERT(evicted > 100 && evicted < 300);
    CU_ASSERT_EQUAL(count_of(t.calls, "oddity flow_evicted"), evicted);
    CU_ASSERT(is_before(&t, "flow 0 end", "flow 1 end"));
    CU_ASSERT(is_before(&t, "flow 1 end", "flow 2 end"));
    CU_ASSERT_STRING_EQUAL(t.calls, again.calls);
    telling_release(&t);
    telling_release(&again);
}

/* Half of the table, then a word from the first, then more than the other half. */
static void spares_the_busy(void)
{
    struct lines l;
    struct telling t;
    struct stage stage = {.memory = FEW_FLOWS};

    lines_init(&l);
    attempts(&l, 1000, 20);
    attempts(&l, 1000, 1);
    attempts(&l, 2000, 160);
    lines_play(&l, &t, &stage);
    CU_ASSERT(is_whole(&t, "a busy attempt"));
    CU_ASSERT(is_before(&t, "flow 1 end", "flow 0 end"));
    CU_ASSERT(is_before(&t, "flow 19 end", "flow 0 end"));
    telling_release(&t);
}

/* More connections with holes, one after the other, than would find room together. */
static void gives_memory_back(void)
{
    struct lines l;
    struct telling t;
    struct stage stage = {.memory = 2 * FEW_FLOWS};

    lines_init(&l);
    for (int i = 0; i < 1000; i++)
        fprintf(l.out,
                "isn client %d server %d\n" OPEN "c @1 \"x\"; c @3 \"x\"; c @5 \"x\"\n"
                "s @1 \"x\"; s @3 \"x\"; s @5 \"x\"\n",
                1000 * i, 7000 * i);
    lines_play(&l, &t, &stage);
    CU_ASSERT(is_whole(&t, "a thousand connections"));
    CU_ASSERT_STRING_EQUAL(t.oddities, "");
    CU_ASSERT_EQUAL(count_of(t.flows, "reused"), 999);
    telling_release(&t);
}

/* A connection and a closed one, both older than many attempts. */
static void evicts_the_closed_first(void)
{
    struct lines l;
    struct telling t;
    struct stage stage = {.memory = FEW_FLOWS};

    lines_init(&l);
    fputs("client 10.0.0.1:1\n" OPEN "client 10.0.0.1:2\n" OPEN, l.out);
    attempts(&l, 1000, 20);
    fputs("client 10.0.0.1:3\n" OPEN "c FIN; s FIN; c\n", l.out);
    attempts(&l, 2000, 200);
    fputs("client 10.0.0.1:2; c \"A\"\n", l.out);
    lines_play(&l, &t, &stage);
    CU_ASSERT(is_whole(&t, "a closed flow among attempts"));
    CU_ASSERT(is_before(&t, "flow 22 end", "oddity flow_evicted")); /* the closed one */
    CU_ASSERT(is_before(&t, "flow 2 end", "flow 3 end"));           /* then attempts */
    CU_ASSERT_EQUAL(
        strncmp(t.flows, "established ShA capture_end | established ShAD capture_end |", 60), 0);
    telling_release(&t);
}

/* Closed flows leave by the clock, although a file's opened ones never do. */
static void closed_ones_leave(void)
{
    struct telling t;
    telling_init(&t,
                 OPEN "at +100; c \"A\"\n" /* by now it is no half-open one any more */
                      "at +1; c FIN; s FIN; c\n"
                      "at +119; client 10.0.0.1:2; c SYN\n"
                      "at +2; client 10.0.0.1:3; c SYN\n",
                 NULL);
    CU_ASSERT(is_whole(&t, "a closed flow"));
    CU_ASSERT(is_before(&t, "flow 1 frame", "flow 0 end"));
    CU_ASSERT(is_before(&t, "flow 0 end", "flow 2 frame"));
    telling_release(&t);
}

static void no_room_at_all(void)
{
    struct telling t;
    struct stage stage = {.memory = 1000};
    telling_init(&t, OPEN, &stage);
    CU_ASSERT(is_whole(&t, "no memory"));
    CU_ASSERT_STRING_EQUAL(t.oddities, "no_memory x3");
    telling_release(&t);
}

static const struct test tests[] = {
    {"a connection opens", opening},
    {"segments are put in order, and conflicts told", order},
    {"what is missing is told with its cause", gaps},
    {"checksums are judged per side", checksums},
    {"what cannot belong to the stream is refused", windows},
    {"a connection closes", closing},
    {"ports are used again", reuse},
    {"one side is the client", clients},
    {"flows end by the capture's clock", clocks},
    {"more holes than can be remembered are settled", settles},
    {"also when they come from the top down", settles_downwards},
    {"ranges that find no memory are refused", no_room_for_ranges},
    {"a full table gives the oldest up, every time the same", evicts_the_oldest},
    {"a full table gives closed flows up first, and opened ones last", evicts_the_closed_first},
    {"a full table spares a flow that was busy", spares_the_busy},
    {"a flow gives its memory back", gives_memory_back},
    {"a closed flow leaves by the clock", closed_ones_leave},
    {"a table without memory says so for every packet", no_room_at_all},
};
SUITE("tcp", tests)
