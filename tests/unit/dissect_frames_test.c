/* dissect_frames_test.c - frames of every kind, whole, cut and broken. */
#include "dissect_rows.h"

static const struct row link_rows[] = {
    {"Ethernet II", 1, ETHER "0800" TCP4, OK_TCP4, 0},
    {"Ethernet II, IPv6", 1, ETHER "86dd" TCP6, OK_TCP6, 0},
    {"padding is no payload", 1, ETHER "0800" V4("0028", "06") TCP "000000000000",
     "ok tcp 10.0.0.1:1234 > 10.0.0.2:80 ''", 0},
    {"a check sequence at the end is no payload", 1, ETHER "0800" TCP4 "deadbeef", OK_TCP4, 0},
    {"802.3 with SNAP", 1, ETHER "0033 aaaa03 000000 0800" TCP4 "0000", OK_TCP4, 0},
    {"SNAP of a bridge", 1, ETHER "0033 aaaa03 0000f8 0800" TCP4, OK_TCP4, 0},
    {"SNAP of a vendor", 1, ETHER "0010 aaaa03 00000c 2000 0102030405060708", "other_link", 0},
    {"LLC names IP itself", 1, ETHER "002e 060603" TCP4, OK_TCP4, 0},
    {"spanning tree", 1, ETHER "0026 424203 0000000000", "other_link", 0},
    {"LLC with two bytes of control", 1, ETHER "0004 04040001", "other_link", 0},
    {"Novell's IPX in 802.3 is not IP", 1, ETHER "0022 ffff0022 4500", "other_network", 0},
    {"IPX in LLC", 1, ETHER "0025 e0e003 ffff0022", "other_network", 0},
    {"neither length nor type", 1, ETHER "05dd" TCP4, "other_link", 0},
    {"802.3 of no length", 1, ETHER "0000 aaaa03 000000 0800" TCP4, "malformed", 0},
    {"ARP", 1, ETHER "0806 0001 0800 0604 0001", "arp", 0},
    {"RARP", 1, ETHER "8035 0001 0800 0604 0003", "arp", 0},
    {"LLDP", 1, ETHER "88cc 0207", "other_link", 0},
    {"an EtherType that nobody knows", 1, ETHER "1234 4500", "other_network", 0},
    {"one VLAN tag", 1, ETHER "8100 600a 0800" TCP4, OK_TCP4 " vlan 10", 0},
    {"a customer's tag in a provider's", 1, ETHER "88a8 0064 8100 0fff 86dd" TCP6,
     OK_TCP6 " vlan 100.4095", 0},
    {"stacked in the old ways", 1, ETHER "9100 0001 9200 0002 8100 0003 0800" TCP4,
     OK_TCP4 " vlan 1.2.3", 0},
    {"the fifth tag is walked but not kept", 1,
     ETHER "8100 0001 8100 0002 8100 0003 8100 0004 8100 0005 0800" TCP4, OK_TCP4 " vlan 1.2.3.4",
     0},
    {"802.3 in a VLAN", 1, ETHER "8100 0007 0033 aaaa03 000000 0800" TCP4, OK_TCP4 " vlan 7", 0},
    {"ARP in a VLAN", 1, ETHER "8100 0007 0806 0001", "arp vlan 7", 0},
    {"Linux cooked", 113, "0000 0001 0006 0200000000aa0000 0800" TCP4, OK_TCP4, 0},
    {"Linux cooked, VLAN", 113, "0000 0001 0006 0200000000aa0000 8100 0005 86dd" TCP6,
     OK_TCP6 " vlan 5", 0},
    {"Linux cooked, LLC", 113, "0000 0001 0006 0200000000aa0000 0004 424203", "other_link", 0},
    {"Linux cooked, ARP", 113, "0000 0001 0006 0200000000aa0000 0806 0001", "arp", 0},
    {"Linux cooked, netlink", 113, "0004 0338 0000 0000000000000000 0800" TCP4, "other_link", 0},
    {"Linux cooked 2", 276, "0800 0000 00000003 0001 04 06 0200000000aa0000" TCP4, OK_TCP4, 0},
    {"Linux cooked 2, IPv6", 276, "86dd 0000 00000003 0001 04 06 0200000000aa0000" TCP6, OK_TCP6,
     0},
    {"Linux cooked 2, netlink", 276, "0800 0000 00000003 0338 04 06 0000000000000000" TCP4,
     "other_link", 0},
    {"loopback of a little-endian host", 0, "02000000" TCP4, OK_TCP4, 0},
    {"loopback of a big-endian host", 0, "00000002" TCP4, OK_TCP4, 0},
    {"loopback, IPv6 on Linux", 0, "0a000000" TCP6, OK_TCP6, 0},
    {"loopback, IPv6 on NetBSD and OpenBSD", 0, "00000018" TCP6, OK_TCP6, 0},
    {"loopback, IPv6 on FreeBSD", 0, "1c000000" TCP6, OK_TCP6, 0},
    {"loopback, IPv6 on macOS", 0, "1e000000" TCP6, OK_TCP6, 0},
    {"loopback, another family", 0, "07000000" TCP4, "other_network", 0},
    {"OpenBSD's loopback", 108, "00000002" TCP4, OK_TCP4, 0},
    {"PPP with address and control", 9, "ff03 0021" TCP4, OK_TCP4, 0},
    {"PPP without", 9, "0021" TCP4, OK_TCP4, 0},
    {"PPP, protocol in one byte", 9, "21" TCP4, OK_TCP4, 0},
    {"PPP, address and control, protocol in one byte", 50, "ff03 57" TCP6, OK_TCP6, 0},
    {"PPP, IPv6", 9, "ff03 0057" TCP6, OK_TCP6, 0},
    {"PPP, link control", 9, "ff03 c021 0101", "other_link", 0},
    {"PPP, compressed TCP", 9, "ff03 002d 0101", "other_network", 0},
    {"PPP, an even protocol", 9, "ff03 0020 0101", "malformed", 0},
    {"PPP with a direction", 204, "01 ff03 0021" TCP4, OK_TCP4, 0},
    {"Cisco's HDLC on a serial line", 50, "0f00 0800" TCP4, OK_TCP4, 0},
    {"Cisco's line control", 50, "8f00 8035 00000002", "other_link", 0},
    {"PPPoE", 1, ETHER "8864 1100 0001 002d 0021" TCP4 "0000", OK_TCP4, 0},
    {"PPPoE, link control", 1, ETHER "8864 1100 0001 0006 c021 0101 0004", "other_link", 0},
    {"PPPoE discovery", 1, ETHER "8863 1109 0000 0004 01010000", "other_link", 0},
    {"PPPoE of another version", 1, ETHER "8864 2100 0001 002d 0021" TCP4, "malformed", 0},
    {"PPPoE says less than IP", 1,
     ETHER "8864 1100 0001 002a 0021" V4("002e", "06") TCP "000000000000",
     "ok tcp 10.0.0.1:1234 > 10.0.0.2:80 ''", 0},
    {"MPLS, two labels", 1, ETHER "8847 00010040 00011140" TCP4, OK_TCP4, 0},
    {"MPLS, IPv6", 1, ETHER "8848 00011140" TCP6, OK_TCP6, 0},
    {"MPLS in PPP", 9, "0281 00011140" TCP4, OK_TCP4, 0},
    {"MPLS with a control word", 1, ETHER "8847 00011140 00000000 0200", "other_network", 0},
    {"MPLS around nothing", 1, ETHER "8847 00011140", "malformed", 0},
    {"raw IPv4", 101, TCP4, OK_TCP4, 0},
    {"raw IPv6", 101, TCP6, OK_TCP6, 0},
    {"raw by its number on most systems", 12, TCP4, OK_TCP4, 0},
    {"raw by its number on OpenBSD", 14, TCP6, OK_TCP6, 0},
    {"raw of neither version", 101, "5500 0000", "malformed", 0},
    {"IPv4 without a link", 228, TCP4, OK_TCP4, 0},
    {"IPv6 without a link", 229, TCP6, OK_TCP6, 0},
    {"IPv6 where IPv4 was said", 228, TCP6, "malformed", 0},
    {"a link type that we do not read", 147, TCP4, "unknown_link", 0},
    {"nothing at all", 1, "", "malformed", 0},
    {"a runt", 1, "0200000000bb 0200000000aa 08", "malformed", 0},
};

static const struct row network_rows[] = {
    {"options of IPv4", 228,
     "4600 0023 1234 0000 40 11 0000 0a000001 0a000002 94040000" UDP("000b") ABC, OK_UDP4, 0},
    {"a header checksum that is right", 228,
     "4500 001f 1234 0000 40 11 5498 0a000001 0a000002" UDP("000b") ABC, OK_UDP4, 0},
    {"a header checksum that is wrong", 228,
     "4500 001f 1234 0000 40 11 5499 0a000001 0a000002" UDP("000b") ABC, "bad_checksum", 0},
    {"a header below its own size", 228, "4400 001f 1234 0000 40 11 0000 0a000001 0a000002" ABC,
     "malformed", 0},
    {"options that are not there", 228, "4600 0014 1234 0000 40 11 0000 0a000001 0a000002",
     "malformed", 0},
    {"a length below the header", 228, V4("0013", "11") UDP("000b") ABC, "malformed", 0},
    {"no length: segmentation offload", 228, V4("0000", "06") TCP ABC, OK_TCP4, 0},
    {"no length, cut", 228, V4("0000", "06") TCP ABC,
     "ok tcp 10.0.0.1:1234 > 10.0.0.2:80 'ab' of 3", 42},
    {"cut by the snap length", 1, ETHER "0800" TCP4, "ok tcp 10.0.0.1:1234 > 10.0.0.2:80 'a' of 3",
     55},
    {"longer than the wire", 228, V4("0040", "06") TCP ABC,
     "ok tcp 10.0.0.1:1234 > 10.0.0.2:80 'abc' of 24", 0},
    {"longer than the wire, within a header", 228, V4("0040", "06") "04d2 0050", "malformed", 0},
    {"SCTP", 228, V4("0024", "84") "04d20050 00000000 00000000 0b000004",
     "ok sctp 10.0.0.1:1234 > 10.0.0.2:80 '\\0b\\00\\00\\04'", 0},
    {"an SCTP header that is not there", 228, V4("001c", "84") "04d2005000000000", "malformed", 0},
    {"another transport", 228, V4("0018", "88") "00000001", "other_transport", 0},
    {"ESP", 228, V4("0018", "32") "00000001", "encrypted", 0},
    {"ICMPv6 in IPv4", 228, V4("001c", "3a") "8000 0000 0001 0001", "other_transport", 0},
    {"authentication before TCP", 228, V4("0037", "33") "06010000 00000001 00000001" TCP ABC,
     OK_TCP4, 0},

    {"the first fragment", 228, V4_PIECE("0024", "2000", "11") UDP("0020") "6162636465666768",
     "fragment 17 #1234 at 0 more 10.0.0.1 > 10.0.0.2 '\\04\\d2\\005\\00 \\00\\00abcdefgh'", 0},
    {"the last fragment", 228, V4_PIECE("0017", "0002", "11") ABC,
     "fragment 17 #1234 at 16 10.0.0.1 > 10.0.0.2 'abc'", 0},
    {"a fragment with Ethernet's padding", 1,
     ETHER "0800" V4_PIECE("0017", "0002", "11") ABC "0000",
     "fragment 17 #1234 at 16 10.0.0.1 > 10.0.0.2 'abc'", 0},
    {"a fragment that was cut", 228, V4_PIECE("001c", "2001", "06") "6162636465666768",
     "fragment 6 #1234 at 8 more 10.0.0.1 > 10.0.0.2 'abcd' of 8", 24},
    {"a fragment between that is no multiple of eight", 228, V4_PIECE("0017", "2001", "11") ABC,
     "malformed", 0},
    {"a fragment that ends at the greatest length", 228,
     V4_PIECE("001f", "1ffc", "01") "6162636465666768696a6b",
     "fragment 1 #1234 at 65504 10.0.0.1 > 10.0.0.2 'abcdefghijk'", 0},
    {"a fragment that ends past the greatest length", 228,
     V4_PIECE("0018", "1fff", "01") "61626364", "malformed", 0},
    {"a fragment for which its own header is too much", 228,
     V4_PIECE("0020", "1ffc", "01") "6162636465666768696a6b6c", "malformed", 0},

    {"IPv6 of no length: segmentation offload", 229, V6("0000", "06") TCP ABC, OK_TCP6, 0},
    {"IPv6 with nothing in it", 229, V6("0000", "3b") "0000", "other_transport", 0},
    {"IPv6 around ESP", 229, V6("0008", "32") "0000000100000001", "encrypted", 0},
    {"ICMP in IPv6", 229, V6("0008", "01") "0800 0000 0001 0001", "other_transport", 0},
    {"hop-by-hop options", 229, V6("001f", "00") "0600 0502 0000 0100" TCP ABC, OK_TCP6, 0},
    {"all extension headers at once", 229,
     V6("0057", "00") "3c00 0502 0000 0100"                  /* hop-by-hop */
                      "2b01 0104 00000000 0106 000000000000" /* options, 16 bytes */
                      "3300 0000 00000000"                   /* routing, there already */
                      "2c04 0000 00000001 00000001 0000000000000000 00000000" /* authentication */
                      "0600 0000 00000001" /* an atomic fragment */
     TCP ABC,
     OK_TCP6, 0},
    {"a routing header on its way", 229,
     V6("003f", "2b") "0604 0002 00000000 20010db8000000000000000000000009"
                      "20010db800000000000000000000000a" TCP ABC,
     "ok tcp 2001:db8::1:1234 > 2001:db8::a:80 'abc'", 0},
    {"a routing header at its end", 229,
     V6("003f", "2b") "0604 0000 00000000 20010db8000000000000000000000009"
                      "20010db800000000000000000000000a" TCP ABC,
     OK_TCP6, 0},
    {"the home of a mobile destination", 229,
     V6("002f", "2b") "0602 0201 00000000 20010db800000000000000000000000b" TCP ABC,
     "ok tcp 2001:db8::1:1234 > 2001:db8::b:80 'abc'", 0},
    {"segment routing, the last segment first", 229,
     V6("003f", "2b") "0604 0401 01000000 20010db800000000000000000000000c"
                      "20010db8000000000000000000000002" TCP ABC,
     "ok tcp 2001:db8::1:1234 > 2001:db8::c:80 'abc'", 0},
    {"a routing header with more segments than addresses", 229,
     V6("002f", "2b") "0602 0002 00000000 20010db800000000000000000000000b" TCP ABC, OK_TCP6, 0},
    {"the home of a mobile source", 229,
     V6("002f", "3c") "0602 0102 0000 c910 20010db800000000000000000000000d" TCP ABC,
     "ok tcp 2001:db8::d:1234 > 2001:db8::2:80 'abc'", 0},
    {"an option that runs over its header", 229, V6("001f", "3c") "0600 c910 0000 0000" TCP ABC,
     OK_TCP6, 0},
    {"an extension header longer than the packet", 229,
     V6("0008", "00") "0601 0104 0000 0000" TCP ABC, "malformed", 0},
    {"authentication shorter than it can be", 229, V6("001f", "33") "0600 0000 00000001" TCP ABC,
     "malformed", 0},
    {"a jumbogram cut by the snap length", 229, V6("0000", "00") "0600 c204 00010000" TCP "616263",
     "ok tcp 2001:db8::1:1234 > 2001:db8::2:80 'abc' of 65508", 0},
    {"a jumbogram of UDP", 229, V6("0000", "00") "1100 c204 00010010" UDP("0000") ABC,
     "ok udp 2001:db8::1:1234 > 2001:db8::2:53 'abc' of 65536", 0},
    {"a jumbogram that is not one", 229, V6("0000", "00") "0600 c204 0000ffff" TCP ABC, "malformed",
     0},
    {"a jumbogram that has a length as well", 229, V6("001f", "00") "0600 c204 00010000" TCP ABC,
     "malformed", 0},
    {"an IPv6 fragment", 229, V6("0010", "2c") "1100 0009 deadbeef 6162636465666768",
     "fragment 17 #deadbeef at 8 more 2001:db8::1 > 2001:db8::2 'abcdefgh'", 0},
    {"the last IPv6 fragment, after options", 229,
     V6("0013", "3c") "2c00 0104 00000000 0600 0010 00000007 616263",
     "fragment 6 #7 at 16 2001:db8::1 > 2001:db8::2 'abc'", 0},
    {"an IPv6 fragment that is no multiple of eight", 229,
     V6("000b", "2c") "1100 0001 deadbeef 616263", "malformed", 0},
    {"an IPv6 fragment that ends past the greatest length", 229,
     V6("0010", "2c") "1100 fff8 deadbeef 6162636465666768", "malformed", 0},
    {"an IPv6 fragment for which the options before are too much", 229,
     V6("0018", "3c") "2c00 0104 00000000 0600 fff0 00000007 6162636465666768", "malformed", 0},
    {"the same without them", 229, V6("0010", "2c") "0600 fff0 00000007 6162636465666768",
     "fragment 6 #7 at 65520 2001:db8::1 > 2001:db8::2 'abcdefgh'", 0},
};

static const struct row transport_rows[] = {
    {"TCP with options", 228,
     V4("0037", "06") "04d2 0050 00000001 00000000 8002 ffff 0000 0000"
                      "020405b4 01030307 04020000" ABC,
     OK_TCP4, 0},
    {"TCP with a data offset below five", 228,
     V4("002b", "06") "04d2 0050 00000001 00000000 4002 ffff 0000 0000" ABC, "malformed", 0},
    {"TCP options that are not in the packet", 228,
     V4("002b", "06") "04d2 0050 00000001 00000000 6002 ffff 0000 0000" ABC "00", "malformed", 0},
    {"TCP options that were cut", 228,
     V4("0037", "06") "04d2 0050 00000001 00000000 8002 ffff 0000 0000"
                      "020405b4 01030307 04020000" ABC,
     "truncated", 44},
    {"TCP in a packet too short for it", 228, V4("0020", "06") TCP, "malformed", 0},
    {"UDP", 1, ETHER "0800" UDP4, OK_UDP4, 0},
    {"UDP without payload", 228, V4("001c", "11") UDP("0008"),
     "ok udp 10.0.0.1:1234 > 10.0.0.2:53 ''", 0},
    {"UDP shorter than its packet", 228, V4("001f", "11") UDP("000a") ABC,
     "ok udp 10.0.0.1:1234 > 10.0.0.2:53 'ab'", 0},
    {"UDP longer than its packet", 228, V4("001f", "11") UDP("0020") ABC, OK_UDP4, 0},
    {"UDP cut by the snap length", 228, UDP4, "ok udp 10.0.0.1:1234 > 10.0.0.2:53 'a' of 3", 29},
    {"UDP cut in its header", 228, UDP4, "truncated", 27},
    {"UDP of no length in a packet that has one", 228, V4("001f", "11") UDP("0000") ABC,
     "malformed", 0},
    {"UDP of no length in a packet of none", 228, V4("0000", "11") UDP("0000") ABC, OK_UDP4, 0},
    {"UDP below its own header", 228, V4("001f", "11") UDP("0007") ABC, "malformed", 0},
    {"an echo", 228, V4("001f", "01") "0800 0000 0001 0002" ABC,
     "ok icmp 10.0.0.1 > 10.0.0.2 'abc'", 0},
    {"ICMP shorter than eight bytes", 228, V4("001b", "01") "0800 0000 0001 00", "malformed", 0},
    {"an echo of ICMPv6", 229, V6("000b", "3a") "8000 0000 0001 0002" ABC,
     "ok icmpv6 2001:db8::1 > 2001:db8::2 'abc'", 0},
    {"an error that quotes TCP", 228,
     V4("0038", "01") "0303 0000 00000000 4500 0100 0001 0000 01 06 1234 0a000003 0a000001"
                      "01bb 04d2 00000001",
     "ok icmp 10.0.0.1 > 10.0.0.2 '28 bytes' quotes tcp 10.0.0.3:443 > 10.0.0.1:1234", 0},
    {"an error that quotes UDP after options", 228,
     V4("003c", "01") "0b00 0000 00000000 4600 0100 0001 0000 01 11 1234 0a000003 0a000001 01010101"
                      "0035 04d2 00080000",
     "ok icmp 10.0.0.1 > 10.0.0.2 '32 bytes' quotes udp 10.0.0.3:53 > 10.0.0.1:1234", 0},
    {"an error that quotes an echo", 228,
     V4("0038", "01") "0b00 0000 00000000 4500 0100 0001 0000 01 01 1234 0a000003 0a000001"
                      "0800 0000 0001 0002",
     "ok icmp 10.0.0.1 > 10.0.0.2 '28 bytes' quotes icmp 10.0.0.3 > 10.0.0.1", 0},
    {"an error that quotes a first fragment", 228,
     V4("0038", "01") "0303 0000 00000000 4500 0100 0001 2000 01 06 1234 0a000003 0a000001"
                      "01bb 04d2 00000001",
     "ok icmp 10.0.0.1 > 10.0.0.2 '28 bytes' quotes tcp 10.0.0.3:443 > 10.0.0.1:1234", 0},
    {"an error that quotes a later fragment quotes no one", 228,
     V4("0038", "01") "0303 0000 00000000 4500 0100 0001 0001 01 06 1234 0a000003 0a000001"
                      "01bb 04d2 00000001",
     "ok icmp 10.0.0.1 > 10.0.0.2 '28 bytes'", 0},
    {"an error that quotes seven bytes", 228,
     V4("0037", "01") "0303 0000 00000000 4500 0100 0001 0000 01 06 1234 0a000003 0a000001"
                      "01bb 04d2 000000",
     "ok icmp 10.0.0.1 > 10.0.0.2 '27 bytes'", 0},
    {"an error that quotes ESP", 228,
     V4("0038", "01") "0303 0000 00000000 4500 0100 0001 0000 01 32 1234 0a000003 0a000001"
                      "01bb 04d2 00000001",
     "ok icmp 10.0.0.1 > 10.0.0.2 '28 bytes'", 0},
    {"an echo quotes no one, whatever is in it", 228,
     V4("0038", "01") "0800 0000 00000000 4500 0100 0001 0000 01 06 1234 0a000003 0a000001"
                      "01bb 04d2 00000001",
     "ok icmp 10.0.0.1 > 10.0.0.2 '28 bytes'", 0},
    {"an ICMPv6 error", 229,
     V6("0038", "3a") "0104 0000 00000000" V6("0100", "11") "0035 04d2 00080000",
     "ok icmpv6 2001:db8::1 > 2001:db8::2 '48 bytes' quotes udp 2001:db8::1:53 > 2001:db8::2:1234",
     0},
    {"an ICMPv6 error that quotes a first fragment", 229,
     V6("0040", "3a") "0200 0000 00000500" V6("0100", "2c") "1100 0001 00000001 0035 04d2 00080000",
     "ok icmpv6 2001:db8::1 > 2001:db8::2 '56 bytes' quotes udp 2001:db8::1:53 > 2001:db8::2:1234",
     0},
    {"an ICMPv6 error that quotes a later fragment", 229,
     V6("0040", "3a") "0200 0000 00000500" V6("0100", "2c") "1100 0009 00000001 0035 04d2 00080000",
     "ok icmpv6 2001:db8::1 > 2001:db8::2 '56 bytes'", 0},
};

static void links_are_walked(void)
{
    EACH(link_rows, check);
}

static void networks_are_walked(void)
{
    EACH(network_rows, check);
}

static void transports_are_walked(void)
{
    EACH(transport_rows, check);
}

static void frames_are_cut_at_each_length(void)
{
    EACH(link_rows, cut_everywhere);
    EACH(network_rows, cut_everywhere);
    EACH(transport_rows, cut_everywhere);
}

static void mutants_do_no_harm(void)
{
    random_seed();
    EACH(link_rows, mutate);
    EACH(network_rows, mutate);
    EACH(transport_rows, mutate);
}

static void a_wrong_header_is_read_all_the_same(void)
{
    char line[LINE_MAX_LEN];
    struct packet packet;
    struct frame frame;

    size_t len =
        picture_bytes(bytes, "4500 001f 1234 0000 40 11 5499 0a000001 0a000002" UDP("000b") ABC);
    enum verdict v = picture_dissect(line, &packet, &frame, 228, bytes, len, len);
    CU_ASSERT_EQUAL(v, VERDICT_BAD_CHECKSUM);
    CU_ASSERT_EQUAL(packet.transport, TRANSPORT_UDP);
    say_packet(line, VERDICT_OK, &packet);
    CU_ASSERT_STRING_EQUAL(line, OK_UDP4);
}

/* A frame check sequence is no payload, where only the frame says how long a packet is. */
static void a_check_sequence_is_no_payload(void)
{
    static const struct {
        const char *picture, *expected;
        size_t cut;
    } cases[] = {
        {ETHER "0800" V4("002b", "06") TCP ABC "eeeeeeee", OK_TCP4, 0},
        {ETHER "0800" V4("0000", "06") TCP ABC "eeeeeeee", OK_TCP4, 0},
        {ETHER "0800" V4("0000", "06") TCP ABC "eeeeeeee", OK_TCP4, 3}, /* not all captured */
        {ETHER "0800" V4("0000", "06") TCP ABC "eeeeeeee", OK_TCP4, 4},
        {ETHER "86dd" V6("0000", "06") TCP ABC "eeeeeeee", OK_TCP6, 0},
        {ETHER "86dd" V6("0017", "06") TCP ABC "eeeeeeee", OK_TCP6, 0},
        /* Inside a packet that says its length, there is none of the frame's. */
        {ETHER "0800" V4("003f", "04") V4("0000", "06") TCP ABC "eeeeeeee", OK_TCP4 " in 4in4", 0},
        {ETHER "0800", "malformed", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[LINE_MAX_LEN];
        struct packet p;
        size_t len = picture_bytes(bytes, cases[i].picture);
        struct frame frame = {.bytes = span_of(bytes, len - cases[i].cut),
                              .wire_len = (uint32_t)len,
                              .link_type = 1,
                              .fcs_len = 4};
        say_packet(line, dissect(&frame, &p), &p);
        if (strcmp(line, cases[i].expected) != 0)
            printf("\n    case %zu: %s\n", i, line);
        CU_ASSERT_STRING_EQUAL(line, cases[i].expected);
    }
}

static void the_members_say_what_the_headers_do(void)
{
    static const uint8_t src[] = {2, 0, 0, 0, 0, 0xaa}, dst[] = {2, 0, 0, 0, 0, 0xbb};
    char line[LINE_MAX_LEN];
    struct packet p;
    struct frame frame;

    size_t len = picture_bytes(bytes, ETHER "0800" TCP4 "0000");
    picture_dissect(line, &p, &frame, 1, bytes, len, len);
    CU_ASSERT_PTR_EQUAL(p.frame, &frame);
    CU_ASSERT_TRUE(p.has_macs);
    CU_ASSERT_EQUAL(memcmp(p.src_mac, src, 6), 0);
    CU_ASSERT_EQUAL(memcmp(p.dst_mac, dst, 6), 0);
    CU_ASSERT_EQUAL(p.ip_version, 4);
    CU_ASSERT_EQUAL(p.ttl, 64);
    CU_ASSERT_EQUAL(p.ip_len, 43);
    CU_ASSERT_EQUAL(p.ip_payload_len, 23);
    CU_ASSERT_EQUAL(p.ip_payload_offset, 1034);
    CU_ASSERT_EQUAL(p.headers.len, 20);
    CU_ASSERT_EQUAL(p.payload_offset, 1054);
    CU_ASSERT_EQUAL(tcp_seq(&p.tcp), 1);
    CU_ASSERT_EQUAL(tcp_ack(&p.tcp), 2);
    CU_ASSERT_EQUAL(tcp_flags(&p.tcp), TCP_PSH | TCP_ACK);
    CU_ASSERT_EQUAL(tcp_window(&p.tcp), 0x2000);

    len = picture_bytes(bytes, "0000 0001 0006 0200000000aa0000 86dd" TCP6);
    picture_dissect(line, &p, &frame, 113, bytes, len, len);
    CU_ASSERT_FALSE(p.has_macs); /* cooked frames know the sender's only */
    CU_ASSERT_EQUAL(p.ip_version, 6);
    CU_ASSERT_EQUAL(p.ip_len, 63);

    len = picture_bytes(bytes, V6("0000", "00") "0600 c204 00010000" TCP ABC);
    picture_dissect(line, &p, &frame, 229, bytes, len, 40 + 65536);
    CU_ASSERT_EQUAL(p.ip_len, 40 + 65536);
    CU_ASSERT_EQUAL(p.ip_payload_len, 65528);
}

/* A frame of nothing but tags, labels or options must end. */
static void stacks_without_end_are_malformed(void)
{
    static const struct {
        uint32_t link_type;
        const char *start, *again;
    } stacks[] = {
        {1, ETHER "8100", "0001 8100"},
        {1, ETHER "8847", "00010040"},
        {229, V6("fff8", "3c"), "3c00 0104 00000000"},
    };
    char line[LINE_MAX_LEN];
    struct packet p;
    struct frame frame;

    for (size_t i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++) {
        size_t len = picture_bytes(bytes, stacks[i].start);
        while (len < 65000)
            len += picture_bytes(bytes + len, stacks[i].again);
        CU_ASSERT_EQUAL(picture_dissect(line, &p, &frame, stacks[i].link_type, bytes, len, len),
                        VERDICT_MALFORMED);
    }
}

static void verdicts_have_their_words(void)
{
    for (int v = 0; v < VERDICT_COUNT; v++)
        CU_ASSERT_PTR_NOT_NULL(verdict_name((enum verdict)v));
    CU_ASSERT_STRING_EQUAL(verdict_name(VERDICT_OTHER_TRANSPORT), "other_transport");
    CU_ASSERT_STRING_EQUAL(verdict_name(VERDICT_FILTERED), "filtered");
    CU_ASSERT_STRING_EQUAL(verdict_name(VERDICT_OVERLAP), "overlap");
}

static const struct test tests[] = {
    {"every link is walked to its packet", links_are_walked},
    {"IPv4 and IPv6 are walked to their transport", networks_are_walked},
    {"every transport is walked to its payload", transports_are_walked},
    {"the members of a packet say what its headers do", the_members_say_what_the_headers_do},
    {"a frame check sequence is no payload", a_check_sequence_is_no_payload},
    {"a packet with a wrong header checksum is read all the same",
     a_wrong_header_is_read_all_the_same},
    {"a frame cut at any length is truncated or keeps its verdict", frames_are_cut_at_each_length},
    {"a stack without end is malformed", stacks_without_end_are_malformed},
    {"mutants do no harm", mutants_do_no_harm},
    {"verdicts have their words", verdicts_have_their_words},
};
SUITE("dissect_frames", tests)
