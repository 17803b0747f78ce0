/* datagram_test.c - UDP and ICMP conversations as pictures; '|' stands between datagrams. */
#include "reassembly/flows.h"

#include "scene.h"
#include "suite.h"

#include <string.h>

#define V6 "client [2001:db8::1]:40000; server [2001:db8::2]:53\n"

#define NTP "client 10.0.0.1:123; server 10.0.0.2:123\n"
#define X9 "787878787878787878"
#define X9_TEXT "xxxxxxxxx"
#define X47 X9 X9 X9 X9 X9 "7878"
#define X47_TEXT X9_TEXT X9_TEXT X9_TEXT X9_TEXT X9_TEXT "xx"

static const struct scene udp_scenes[] = {
    {"each datagram is kept as it came, one behind the other",
     .script = "c udp 'AA'; s udp 'BBB'; c udp 'CC'; c udp 'CC'", .client = "AA|CC|CC",
     .server = "BBB", .flows = "udp two_way Dd capture_end guessed",
     .counts = "client 3 packets 6 bytes 0 again, server 1 packets 3 bytes 0 again"},
    {"nothing is heard of one way", .script = "c udp 'AA'; c udp 'BB'", .client = "AA|BB",
     .flows = "udp one_way D capture_end guessed"},
    {"IPv6 is no different", .script = V6 "c udp 'AA'; s udp 'BBB'", .client = "AA",
     .server = "BBB", .flows = "udp two_way Dd capture_end guessed"},
    {"a datagram without payload is a packet all the same", .script = "c udp; s udp; c udp 'A'",
     .client = "A", .flows = "udp two_way D capture_end guessed",
     .counts = "client 2 packets 1 bytes 0 again, server 1 packets 0 bytes 0 again"},
    {"what the snap length cut stays inside its datagram",
     .script = "c udp 'AAAA' snap=44; c udp 'BB'; c udp 'CCC' snap=42", .client = "AA~~|BB~~~",
     .gaps = "client 2+2 truncated, client 6+3 truncated",
     .counts = "client 3 packets 4 bytes 0 again, server 0 packets 0 bytes 0 again"},
    {"once a side has shown a right checksum, a wrong one is refused",
     .script = "c udp 'AA'; c udp 'BB' bad-checksum; c udp 'CC'", .client = "AA|CC",
     .refused = "client bad_checksum BB@2", .oddities = "bad_checksum",
     .flows = "udp one_way DC capture_end guessed"},
    {"before, it is odd, and the datagram kept",
     .script = "c udp 'BB' bad-checksum; c udp 'AA'; s udp 'CC' bad-checksum", .client = "BB|AA",
     .server = "CC", .oddities = "bad_checksum x2"},
    {"left to the network card it is odd, and left out it is not",
     .script = "c udp 'AA'; c udp 'BB' offload; c udp 'CC' no-checksum", .client = "AA|BB|CC",
     .oddities = "checksum_offload"},
    {"the port below 1024 is the server's", .script = "s udp 'A'; c udp 'B'", .client = "B",
     .server = "A", .flows = "udp two_way dD capture_end guessed"},
    {"of two high ports, who speaks first is the client",
     .script = "client 10.0.0.1:40000; server 10.0.0.2:5060; s udp 'A'; c udp 'B'", .client = "A",
     .server = "B", .flows = "udp two_way Dd capture_end guessed"},
    {"an answer of NTP says that it is one", .script = NTP "s udp hex:24" X47 "; c udp hex:23" X47,
     .client = "#" X47_TEXT, .server = "$" X47_TEXT, .flows = "udp two_way dD capture_end guessed"},
    {"and so does a question", .script = NTP "c udp hex:23" X47, .client = "#" X47_TEXT,
     .flows = "udp one_way D capture_end guessed"},
    {"what is no NTP at its port says nothing", .script = NTP "s udp '$' 'AA'; c udp 'B'",
     .client = "$AA", .server = "B", .flows = "udp two_way Dd capture_end guessed"},
    {"an answer of DNS between two ports 53",
     .script = "client 10.0.0.1:53; server 10.0.0.2:53; s udp hex:4141"
               "ff" X9 "; c udp 'AAA' hex:" X9,
     .client = "AAA" X9_TEXT, .server = "AA?" X9_TEXT,
     .flows = "udp two_way dD capture_end guessed"},
    {"an answer of DHCP to its client's port",
     .script = "client 0.0.0.0:68; server 10.0.0.2:67; s udp hex:02" X47 X47 X47 X47 X47,
     .server = "?" X47_TEXT X47_TEXT X47_TEXT X47_TEXT X47_TEXT,
     .flows = "udp one_way d capture_end guessed"},
    {"the same ports of TCP are another flow", .script = "c udp 'A'; c 'B'", .client = "A | B",
     .flows = "udp one_way D capture_end guessed | midstream D capture_end guessed"},
    {"an idle conversation ends after three minutes",
     .script = "c udp 'A'; at +179; s udp 'B'; at +181; c udp 'C'", .client = "A | C",
     .server = "B | ",
     .flows = "udp two_way Dd timeout guessed | udp one_way D capture_end guessed"},
};

static const struct scene icmp_scenes[] = {
    {"an echo and its reply are one flow", .script = "c icmp echo 'AA'; s icmp reply 'AA'",
     .client = "AA", .server = "AA", .flows = "icmp 8/0 two_way Dd capture_end"},
    {"who asks is the client, even if the reply is captured first",
     .script = "s icmp reply 'BB'; c icmp echo 'AA'", .client = "AA", .server = "BB",
     .flows = "icmp 8/0 two_way dD capture_end"},
    {"pings in both directions are two flows",
     .script = "c icmp echo 'AA'; s icmp echo 'BB'; s icmp reply 'AA'; c icmp reply 'BB'",
     .client = "AA | BB", .server = "AA | BB",
     .flows = "icmp 8/0 two_way Dd capture_end | icmp 8/0 two_way Dd capture_end"},
    {"ICMPv6 has its own numbers",
     .script = V6
     "c icmp echo 'AA'; s icmp reply 'AA'; c icmp type=135,0 'xxxxB'; s icmp type=136,0 'xxxxC'",
     .client = "AA | B", .server = "AA | C",
     .flows = "icmpv6 128/0 two_way Dd capture_end | icmpv6 135/0 two_way Dd capture_end"},
    {"a timestamp and its reply are one flow",
     .script = "c icmp type=13,0 'xxxxAA'; s icmp type=14,0 'xxxxBB'", .client = "AA",
     .server = "BB", .flows = "icmp 13/0 two_way Dd capture_end"},
    {"messages without an answer are a flow each way, type and code",
     .script = "c icmp type=5,0 'xxxxA'; s icmp type=5,0 'xxxxB'; c icmp type=5,1 'xxxxC'",
     .client = "A | B | C",
     .flows = "icmp 5/0 one_way D capture_end | icmp 5/0 one_way D capture_end | "
              "icmp 5/1 one_way D capture_end"},
    {"an idle ping ends after a minute", .script = "c icmp echo 'AA'; at +61; c icmp echo 'BB'",
     .client = "AA | BB", .flows = "icmp 8/0 one_way D timeout | icmp 8/0 one_way D capture_end"},
    {"a wrong checksum is odd", .script = "c icmp echo 'AA' bad-checksum", .client = "AA",
     .oddities = "bad_checksum"},
};

static void udp(void)
{
    check_scenes(udp_scenes, COUNT(udp_scenes));
}

static void icmp(void)
{
    check_scenes(icmp_scenes, COUNT(icmp_scenes));
}

static void check_frames(const char *script, const char *frames)
{
    struct telling t;
    telling_init(&t, script, NULL);
    CU_ASSERT(is_whole(&t, script));
    CU_ASSERT_STRING_EQUAL(t.frames, frames);
    telling_release(&t);
}

static void quotes(void)
{
    check_frames("c udp \"A\"; s icmp unreachable=3", "0:1, 1:2, 0:2");
    check_frames("c SYN; s icmp unreachable=1 quote=28", "0:1, 1:2, 0:2");
    check_frames("s udp \"A\"; c icmp exceeded", "0:1, 1:2, 0:2");
    check_frames("client [2001:db8::1]:4; server [2001:db8::2]:5; c udp \"A\"; s icmp unreachable",
                 "0:1, 1:2, 0:2");
    check_frames("c icmp echo \"A\"; s icmp exceeded", "0:1, 1:2, 0:2");
    /* from a router on the way */
    check_frames("c udp \"A\"; s icmp exceeded from=192.0.2.1", "0:1, 1:2, 0:2");
    /* no host should answer an error with one; both are of one flow, which has each frame once */
    check_frames("c udp \"A\"; s icmp unreachable=3 quote=28; s icmp unreachable=3 quote=28",
                 "0:1, 1:2, 0:2, 1:3");
    /* too little is quoted to know the ports */
    check_frames("c udp \"A\"; s icmp unreachable=3 quote=27", "0:1, 1:2");
    /* the flow has ended */
    check_frames("c udp \"A\"; at +200; s icmp unreachable=3", "0:1, 1:2");
    /* it says nothing of the flow's sides, and does not keep it alive */
    check_frames("c udp \"A\"; at +170; s icmp unreachable=3; at +20; c udp \"B\"",
                 "0:1, 1:2, 0:2, 2:3");
}

static void every_frame(void)
{
    check_frames(OPEN "c \"A\"; s; c @0 \"A\"; c FIN; s RST; c udp \"B\"; c @9 \"C\" bad-checksum",
                 "0:1, 0:2, 0:3, 0:4, 0:5, 0:6, 0:7, 0:8, 1:9, 0:10");
}

static const struct test tests[] = {
    {"UDP datagrams are kept apart", udp},
    {"ICMP messages that answer each other are one flow", icmp},
    {"an ICMP error belongs to the flow that it quotes, too", quotes},
    {"every frame is told, with payload or without", every_frame},
};
SUITE("datagram", tests)
