/* dissect_tunnel_test.c - frames in tunnels: the path, the packet inside, and what stays
 * outside. */
#include "dissect_rows.h"

/* What is inside: 10.0.0.1 to 10.0.0.2; Ethernet between other addresses than outside. */
#define IN4 TCP4                                 /* 43 bytes, 0x2b */
#define IN6 TCP6                                 /* 63 bytes, 0x3f */
#define INNER_ETHER "0200000000dd 0200000000cc " /* and a type: 14 bytes */
#define IN_ETHER INNER_ETHER "0800" TCP4         /* 57 bytes, 0x39 */

/* Outside: 192.0.2.1 to 192.0.2.2, and 2001:db8:f::1 to ::2. */
#define OUT4(len, protocol) "4500" len "4321 0000 40" protocol "0000 c0000201 c0000202 "
#define OUT6(len, next) \
    "60000000" len next "40 20010db8000f00000000000000000001 20010db8000f00000000000000000002 "
#define OUT_UDP(ip_len, port, udp_len) OUT4(ip_len, "11") "c350" port udp_len "0000 "
#define FROM_UDP(ip_len, port, udp_len) OUT4(ip_len, "11") port "c350" udp_len "0000 "

static const struct row ip_rows[] = {
    {"IPv4 in IPv4", 228, OUT4("003f", "04") IN4, OK_TCP4 " in 4in4", 0},
    {"IPv6 in IPv4", 228, OUT4("0053", "29") IN6, OK_TCP6 " in 6in4", 0},
    {"IPv4 in IPv6", 229, OUT6("002b", "04") IN4, OK_TCP4 " in 4in6", 0},
    {"IPv6 in IPv6", 229, OUT6("003f", "29") IN6, OK_TCP6 " in 6in6", 0},
    {"IPv4 in IPv6, behind options", 229, OUT6("0033", "3c") "0400 0104 00000000" IN4,
     OK_TCP4 " in 4in6", 0},
    {"IPv6 in IPv4, behind authentication", 228,
     OUT4("0063", "33") "2902 0000 00000001 00000001 00000000" IN6, OK_TCP6 " in 6in4", 0},
    {"one in another in a third", 228, OUT4("0067", "29") OUT6("002b", "04") IN4,
     OK_TCP4 " in 6in4/4in6", 0},
    {"IPv4 where IPv6 was said", 228, OUT4("003f", "29") IN4, "malformed in 6in4", 0},
    /* RFC 6951, with a checksum of zero. */
    {"SCTP in UDP", 228,
     V4("0034", "11") "26ab26ab 0020 0000 "
                      "04d20050 00000000 00000000 0100 000c 0000000100000000",
     "ok sctp 10.0.0.1:1234 > 10.0.0.2:80 '\\01\\00\\00\\0c\\00\\00\\00\\01\\00\\00\\00\\00' in "
     "udp",
     0},
    {"what has its port, and a wrong checksum, is a datagram", 228,
     V4("002c", "11") "26ab26ab 0018 0000 "
                      "04d20050 00000000 00000001 0b000004",
     "ok udp 10.0.0.1:9899 > 10.0.0.2:9899 "
     "'\\04\\d2\\00P\\00\\00\\00\\00\\00\\00\\00\\01\\0b\\00\\00\\04'",
     0},
    {"and so is one whose chunks do not end with it", 228,
     V4("002c", "11") "26ab26ab 0018 0000 "
                      "04d20050 00000000 00000000 0b000008",
     "ok udp 10.0.0.1:9899 > 10.0.0.2:9899 "
     "'\\04\\d2\\00P\\00\\00\\00\\00\\00\\00\\00\\00\\0b\\00\\00\\08'",
     0},
    {"another transport inside", 228, OUT4("0030", "04") V4("001c", "88") "0000000000000000",
     "other_transport in 4in4", 0},
    {"ICMP inside", 228, OUT4("0033", "04") V4("001f", "01") "0800 0000 0001 0002" ABC,
     "ok icmp 10.0.0.1 > 10.0.0.2 'abc' in 4in4", 0},
    {"ESP inside", 228, OUT4("0030", "04") V4("001c", "32") "0000000100000001", "encrypted in 4in4",
     0},
    {"a fragment inside", 228, OUT4("0030", "04") V4_PIECE("001c", "2001", "11") "6162636465666768",
     "fragment 17 #1234 at 8 more 10.0.0.1 > 10.0.0.2 'abcdefgh' in 4in4", 0},
    {"padding behind what is inside", 1, ETHER "0800" OUT4("003f", "04") IN4 "000000",
     OK_TCP4 " in 4in4", 0},
    {"a wrong header checksum outside counts", 228,
     "4500 003f 1234 0000 40 04 5499 c0000201 c0000202" IN4, "bad_checksum in 4in4", 0},
    {"Ethernet in IP", 228, OUT4("004f", "61") "3000" IN_ETHER, OK_TCP4 " in etherip", 0},
    {"Ethernet in IP of another version", 228, OUT4("004f", "61") "2000" IN_ETHER, "malformed", 0},
    {"Ethernet in IPv6", 229, OUT6("0039", "8f") IN_ETHER, OK_TCP4 " in ethernet", 0},
    {"MPLS in IP", 228, OUT4("0043", "89") "00011140" IN4, OK_TCP4 " in mpls", 0},
};

static const struct row gre_rows[] = {
    {"GRE", 228, OUT4("0043", "2f") "0000 0800" IN4, OK_TCP4 " in gre", 0},
    {"GRE around IPv6", 228, OUT4("0057", "2f") "0000 86dd" IN6, OK_TCP6 " in gre", 0},
    {"GRE in IPv6", 229, OUT6("002f", "2f") "0000 0800" IN4, OK_TCP4 " in gre", 0},
    {"GRE with a key", 228, OUT4("0047", "2f") "2000 0800 0000002a" IN4, OK_TCP4 " in gre:42", 0},
    {"GRE with the greatest key", 228, OUT4("0047", "2f") "2000 0800 ffffffff" IN4,
     OK_TCP4 " in gre:4294967295", 0},
    {"GRE with checksum, key and sequence", 228,
     OUT4("004f", "2f") "b000 0800 12340000 00000007 00000001" IN4, OK_TCP4 " in gre:7", 0},
    {"GRE with a sequence", 228, OUT4("0047", "2f") "1000 0800 00000001" IN4, OK_TCP4 " in gre", 0},
    {"GRE with source routes", 228,
     OUT4("0053", "2f") "4000 0800 00000000 0800 00 04 c0000203 00000000" IN4, OK_TCP4 " in gre",
     0},
    {"GRE with source routes without end", 228,
     OUT4("0028", "2f") "4000 0800 00000000 0800 00 04 c0000203 0800 00 04", "malformed", 0},
    {"GRE of another version", 228, OUT4("0043", "2f") "0002 0800" IN4, "malformed", 0},
    {"Ethernet in GRE", 228, OUT4("0051", "2f") "0000 6558" IN_ETHER, OK_TCP4 " in gre", 0},
    {"Ethernet in GRE with a key, which says the direction or the flow", 228,
     OUT4("0055", "2f") "2000 6558 02000000" IN_ETHER, OK_TCP4 " in gre", 0},
    {"a VLAN inside", 228, OUT4("0055", "2f") "0000 6558" INNER_ETHER "8100 0007 0800" IN4,
     OK_TCP4 " vlan 7 in gre", 0},
    {"a VLAN outside and one inside", 1,
     ETHER "8100 0003 0800" OUT4("0055", "2f") "0000 6558" INNER_ETHER "8100 0007 0800" IN4,
     OK_TCP4 " vlan 3.7 in gre", 0},
    {"MPLS in GRE", 228, OUT4("0047", "2f") "0000 8847 00011140" IN4, OK_TCP4 " in gre", 0},
    {"PPP in GRE", 228, OUT4("0047", "2f") "0000 880b ff03 0021" IN4, OK_TCP4 " in gre", 0},
    {"GRE in GRE", 228, OUT4("005f", "2f") "2000 0800 00000001" OUT4("0043", "2f") "0000 0800" IN4,
     OK_TCP4 " in gre:1/gre", 0},
    {"a protocol in GRE that we do not read", 228, OUT4("001c", "2f") "0000 1234 00000000",
     "other_network in gre", 0},
    {"redirected web traffic", 228, OUT4("0047", "2f") "0000 883e 00000000" IN4, OK_TCP4 " in gre",
     0},
    {"redirected web traffic of the first version", 228, OUT4("0043", "2f") "0000 883e" IN4,
     OK_TCP4 " in gre", 0},
    {"an access point's frame", 228,
     OUT4("0063", "2f") "0000 8210 0801 0000 0200000000a1 0200000000a2 0200000000a3 3012"
                        "aaaa03 000000 0800" IN4,
     OK_TCP4 " in gre", 0},
    {"PPTP", 228, OUT4("0051", "2f") "3001 880b 002d 0009 00000001 0021" IN4, OK_TCP4 " in pptp",
     0},
    {"PPTP, acknowledging", 228,
     OUT4("0057", "2f") "3081 880b 002f 0009 00000001 00000001 ff03 0021" IN4, OK_TCP4 " in pptp",
     0},
    {"PPTP, acknowledging only", 228, OUT4("0020", "2f") "2081 880b 0000 0009 00000001",
     "other_transport", 0},
    {"PPTP, encrypted", 228, OUT4("0028", "2f") "3001 880b 0004 0009 00000001 00fd 9000",
     "other_network in pptp", 0},
    {"PPTP, link control", 228, OUT4("0028", "2f") "3001 880b 0004 0009 00000001 c021 0101",
     "other_link in pptp", 0},
    {"MikroTik's Ethernet", 228, OUT4("0055", "2f") "2001 6400 0039 2a00" IN_ETHER,
     OK_TCP4 " in eoip:42", 0},
    {"a mirror of type I", 228, OUT4("0051", "2f") "0000 88be" IN_ETHER, OK_TCP4 " in erspan", 0},
    {"a mirror of type II", 228,
     OUT4("005d", "2f") "1000 88be 00000001 1001 0001 00000000" IN_ETHER, OK_TCP4 " in erspan", 0},
    {"a mirror of type III", 228,
     OUT4("0061", "2f") "1000 22eb 00000001 2001 0001 00000000 00000000" IN_ETHER,
     OK_TCP4 " in erspan", 0},
    {"a mirror of type III, with what is the platform's own", 228,
     OUT4("0069", "2f") "1000 22eb 00000001 2001 0001 00000000 00000001 0000000000000000" IN_ETHER,
     OK_TCP4 " in erspan", 0},
    {"a mirror of type III, of IP", 228,
     OUT4("0053", "2f") "1000 22eb 00000001 2001 0001 00000000 00000800" IN4, OK_TCP4 " in erspan",
     0},
    {"a mirror of no type", 228,
     OUT4("005d", "2f") "1000 88be 00000001 3001 0001 00000000" IN_ETHER, "malformed in erspan", 0},
};

#define OUTSIDE(port, what) "ok udp 192.0.2.1:50000 > 192.0.2.2:" port " '" what "'"

static const struct row udp_rows[] = {
    {"VXLAN", 228, OUT_UDP("005d", "12b5", "0049") "08000000 00002a00" IN_ETHER,
     OK_TCP4 " in vxlan:42", 0},
    {"VXLAN at Linux's old port", 228, OUT_UDP("005d", "2118", "0049") "08000000 ffffff00" IN_ETHER,
     OK_TCP4 " in vxlan:16777215", 0},
    {"VXLAN, its reserved bits set", 228,
     OUT_UDP("005d", "12b5", "0049") "f8ffffff 00002aff" IN_ETHER, OK_TCP4 " in vxlan:42", 0},
    {"VXLAN without a network is none", 228,
     OUT_UDP("005d", "12b5", "0049") "00000000 00002a00" IN_ETHER, OUTSIDE("4789", "65 bytes"), 0},
    {"VXLAN from its port is none", 228,
     FROM_UDP("005d", "12b5", "0049") "08000000 00002a00" IN_ETHER,
     "ok udp 192.0.2.1:4789 > 192.0.2.2:50000 '65 bytes'", 0},
    {"what is short for VXLAN", 228, OUT_UDP("001f", "12b5", "000b") ABC, OUTSIDE("4789", "abc"),
     0},
    {"ARP in VXLAN", 228,
     OUT_UDP("0036", "12b5", "0022") "08000000 00002a00" INNER_ETHER "0806 00010800",
     OUTSIDE("4789", "26 bytes"), 0},
    {"a broken packet in VXLAN", 228,
     OUT_UDP("003a", "12b5", "0026") "08000000 00002a00" INNER_ETHER "0800 4500 002b 1234 0000",
     OUTSIDE("4789", "30 bytes"), 0},
    {"ESP in VXLAN", 228,
     OUT_UDP("004e", "12b5", "003a") "08000000 00002a00" INNER_ETHER
                                     "0800" V4("001c", "32") "0000000100000001",
     OUTSIDE("4789", "50 bytes"), 0},
    {"a fragment in VXLAN", 228,
     OUT_UDP("004e", "12b5", "003a") "08000000 00002a00" INNER_ETHER
                                     "0800" V4_PIECE("001c", "2001", "11") "6162636465666768",
     "fragment 17 #1234 at 8 more 10.0.0.1 > 10.0.0.2 'abcdefgh' in vxlan:42", 0},
    {"a fragment in VXLAN, its header checksum wrong", 228,
     OUT_UDP("004e", "12b5", "003a") "08000000 00002a00" INNER_ETHER "0800"
                                     "4500 001c 1234 2001 40 11 1111 0a000001 0a000002"
                                     "6162636465666768",
     OUTSIDE("4789", "50 bytes"), 0},
    /* RFC 8086, with a key. */
    {"GRE", 228, OUT_UDP("004f", "1292", "003b") "2000 0800 0000002a" IN4, OK_TCP4 " in gre:42", 0},
    {"GRE from its port is none", 228, FROM_UDP("004b", "1292", "0037") "0000 0800" IN4,
     "ok udp 192.0.2.1:4754 > 192.0.2.2:50000 '47 bytes'", 0},
    {"what is short for GRE", 228, OUT_UDP("001f", "1292", "000b") ABC, OUTSIDE("4754", "abc"), 0},
    {"VXLAN-GPE around IPv4", 228, OUT_UDP("004f", "12b6", "003b") "0c000001 00002a00" IN4,
     OK_TCP4 " in vxlan:42", 0},
    {"VXLAN-GPE around a service header", 228,
     OUT_UDP("0057", "12b6", "0043") "0c000004 00002a00 0002 0101 00000aff" IN4,
     OK_TCP4 " in vxlan:42/nsh", 0},
    {"VXLAN-GPE around what nobody knows", 228,
     OUT_UDP("004f", "12b6", "003b") "0c000009 00002a00" IN4, OUTSIDE("4790", "51 bytes"), 0},
    {"Geneve", 228, OUT_UDP("005d", "17c1", "0049") "0000 6558 00002a00" IN_ETHER,
     OK_TCP4 " in geneve:42", 0},
    {"Geneve with options", 228,
     OUT_UDP("0065", "17c1", "0051") "0240 6558 00002a00 0102 80 01 00000000" IN_ETHER,
     OK_TCP4 " in geneve:42", 0},
    {"Geneve around IPv6", 228, OUT_UDP("0063", "17c1", "004f") "0000 86dd 00002a00" IN6,
     OK_TCP6 " in geneve:42", 0},
    {"Geneve of another version is none", 228,
     OUT_UDP("005d", "17c1", "0049") "4000 6558 00002a00" IN_ETHER, OUTSIDE("6081", "65 bytes"), 0},
    {"Geneve's own message", 228, OUT_UDP("005d", "17c1", "0049") "0080 6558 00002a00" IN_ETHER,
     OUTSIDE("6081", "65 bytes"), 0},
    {"GTP", 228, OUT_UDP("004f", "0868", "003b") "30ff 002b 00000001" IN4, OK_TCP4 " in gtp", 0},
    {"GTP around IPv6", 228, OUT_UDP("0063", "0868", "004f") "30ff 003f 00000001" IN6,
     OK_TCP6 " in gtp", 0},
    {"GTP from its port", 228, FROM_UDP("004f", "0868", "003b") "30ff 002b 00000001" IN4,
     OK_TCP4 " in gtp", 0},
    {"GTP with a sequence", 228,
     OUT_UDP("0053", "0868", "003f") "32ff 002f 00000001 0001 00 00" IN4, OK_TCP4 " in gtp", 0},
    {"GTP with two extensions", 228,
     OUT_UDP("005f", "0868",
             "004b") "34ff 003b 00000001 0000 00 85 01 1009 c0 02 00000000 0000 00" IN4,
     OK_TCP4 " in gtp", 0},
    {"GTP with an extension of no length is none", 228,
     OUT_UDP("0057", "0868", "0043") "34ff 0033 00000001 0000 00 85 00 1009 00" IN4,
     OUTSIDE("2152", "59 bytes"), 0},
    {"GTP that says more than there is", 228,
     OUT_UDP("004f", "0868", "003b") "30ff 0100 00000001" IN4, OUTSIDE("2152", "51 bytes"), 0},
    {"an echo of GTP", 228, OUT_UDP("0028", "0868", "0014") "3201 0004 00000000 0001 0000",
     OUTSIDE("2152", "2\\01\\00\\04\\00\\00\\00\\00\\00\\01\\00\\00"), 0},
    {"GTP around what is not IP", 228, OUT_UDP("0027", "0868", "0013") "30ff 0003 00000001" ABC,
     OUTSIDE("2152", "0\\ff\\00\\03\\00\\00\\00\\01abc"), 0},
    {"GTP in GTP", 228,
     OUT_UDP("0073", "0868", "005f") "30ff 004f 00000001" OUT_UDP("004f", "0868",
                                                                  "003b") "30ff 002b 00000001" IN4,
     OK_TCP4 " in gtp/gtp", 0},
    {"what is no GTP in GTP", 228,
     OUT_UDP("0043", "0868", "002f") "30ff 001f 00000001" OUT_UDP("001f", "0868", "000b") ABC,
     OUTSIDE("2152", "abc") " in gtp", 0},
    {"Teredo", 228,
     OUT_UDP("005b", "0dd8", "0047") "60000000 0017 06 40 20010000000000000000000000000001 "
                                     "20010db8000000000000000000000002" TCP ABC,
     "ok tcp 2001::1:1234 > 2001:db8::2:80 'abc' in teredo", 0},
    {"Teredo, told where it came from", 228,
     FROM_UDP("0070", "0dd8", "005c") "0001 00 00 0000000000000000 00 0000 1234 c0000203"
                                      "60000000 0017 06 40 20010db8000000000000000000000002 "
                                      "20010000000000000000000000000001" TCP ABC,
     "ok tcp 2001:db8::2:1234 > 2001::1:80 'abc' in teredo", 0},
    {"IPv6 that is not Teredo's", 228, OUT_UDP("005b", "0dd8", "0047") IN6,
     OUTSIDE("3544", "63 bytes"), 0},
    {"AYIYA", 228,
     OUT_UDP(
         "008f", "13d0",
         "007b") "42 52 11 29 00000000"
                 "20010db8000000000000000000000001 0000000000000000000000000000000000000000" IN6,
     OK_TCP6 " in ayiya", 0},
    {"AYIYA's own message", 228,
     OUT_UDP("004c", "13d0", "0038") "42 52 10 3b 00000000"
                                     "20010db8000000000000000000000001 "
                                     "0000000000000000000000000000000000000000 61626364",
     OUTSIDE("5072", "48 bytes"), 0},
    {"an access point's Ethernet", 228,
     OUT_UDP("005d", "147f", "0049") "00100000 00000000" IN_ETHER, OK_TCP4 " in capwap", 0},
    {"an access point's 802.11", 228,
     OUT_UDP("006f", "147f",
             "005b") "00100300 00000000 0801 0000 0200000000a1 0200000000a2 0200000000a3 3012"
                     "aaaa03 000000 0800" IN4,
     OK_TCP4 " in capwap", 0},
    {"an access point's 802.11, control and sequence swapped, a fragment", 228,
     OUT_UDP("006f", "147f",
             "005b") "00100300 00000000 0108 0000 0200000000a1 0200000000a2 0200000000a3 3011"
                     "aaaa03 000000 0800" IN4,
     OUTSIDE("5247", "83 bytes"), 0},
    {"the same, whole", 228,
     OUT_UDP("006f", "147f",
             "005b") "00100300 00000000 0108 0000 0200000000a1 0200000000a2 0200000000a3 7630"
                     "aaaa03 000000 0800" IN4,
     OK_TCP4 " in capwap", 0},
    {"TZSP around Ethernet", 228, OUT_UDP("005a", "9090", "0046") "01 00 0001 01" IN_ETHER,
     OK_TCP4 " in tzsp", 0},
    {"TZSP with tags and padding between", 228,
     OUT_UDP("0062", "9090", "004e") "01 00 0001 0a 01 d8 00 29 02 0039 01" IN_ETHER,
     OK_TCP4 " in tzsp", 0},
    {"TZSP around 802.11", 228,
     OUT_UDP("006c", "9090",
             "0058") "01 01 0012 01 0801 0000 0200000000a1 0200000000a2 0200000000a3 "
                     "3012 aaaa03 000000 0800" IN4,
     OK_TCP4 " in tzsp", 0},
    {"TZSP, a sign of life", 228, OUT_UDP("0021", "9090", "000d") "01 04 0000 01",
     OUTSIDE("37008", "\\01\\04\\00\\00\\01"), 0},
    {"TZSP of another version", 228, OUT_UDP("005a", "9090", "0046") "02 00 0001 01" IN_ETHER,
     OUTSIDE("37008", "62 bytes"), 0},
    {"TZSP whose tags have no end", 228, OUT_UDP("0023", "9090", "000f") "01 00 0001 0a 05 d8",
     OUTSIDE("37008", "\\01\\00\\00\\01\\0a\\05\\d8"), 0},
    {"LISP", 228, OUT_UDP("004f", "10f5", "003b") "80123456 00000001" IN4, OK_TCP4 " in lisp", 0},
    {"LISP with an instance", 228, OUT_UDP("004f", "10f5", "003b") "88123456 00002a00" IN4,
     OK_TCP4 " in lisp:42", 0},
    {"MPLS in UDP", 228, OUT_UDP("004b", "19eb", "0037") "00011140" IN4, OK_TCP4 " in mpls", 0},
    {"L2TP", 228, OUT_UDP("0053", "06a5", "003f") "4002 0037 0001 0002 ff03 0021" IN4,
     OK_TCP4 " in l2tp", 0},
    {"L2TP, all that may be in it", 228,
     OUT_UDP("0059", "06a5", "0045") "4a02 003d 0001 0002 0001 0001 0002 0000 0021" IN4 "00000000",
     OK_TCP4 " in l2tp", 0},
    {"L2TP, control", 228, OUT_UDP("0028", "06a5", "0014") "c802 000c 0001 0002 0001 0001",
     OUTSIDE("1701", "\\c8\\02\\00\\0c\\00\\01\\00\\02\\00\\01\\00\\01"), 0},
    {"L2TP version 3", 228, OUT_UDP("005d", "06a5", "0049") "0003 0000 00000001" IN_ETHER,
     OK_TCP4 " in l2tp", 0},
    {"L2TP version 3, with a cookie of eight and a sublayer", 228,
     OUT_UDP("0069", "06a5", "0055") "0003 0000 00000001 1111111122222222 40000001" IN_ETHER,
     OK_TCP4 " in l2tp", 0},
};

static const struct row link_rows[] = {
    {"L2TP version 3 over IP", 228, OUT4("0055", "73") "00000001 11111111" IN_ETHER "0000",
     OK_TCP4 " in l2tp", 0},
    {"L2TP version 3 over IP, PPP", 228, OUT4("0049", "73") "00000001 ff03 0021" IN4,
     OK_TCP4 " in l2tp", 0},
    {"L2TP version 3 over IP, control", 228, OUT4("0020", "73") "00000000 c803 000c 00000001",
     "other_transport", 0},
    {"L2TP version 3 over IP, of what it does not say", 228,
     OUT4("0048",
          "73") "00000001 "
                "111111112222222233333333444444445555555566666666777777778888888899999999aaaaaaaa",
     "other_transport", 0},
    {"a pseudowire with a control word", 1, ETHER "8847 00011140 00000000" IN_ETHER,
     OK_TCP4 " in pw", 0},
    {"a pseudowire without", 1, ETHER "8847 00011140" IN_ETHER, OK_TCP4 " in pw", 0},
    {"a pseudowire with a VLAN", 1, ETHER "8847 00011140 00000001" INNER_ETHER "8100 0005 0800" IN4,
     OK_TCP4 " vlan 5 in pw", 0},
    {"a pseudowire to an address that begins with a one", 1,
     ETHER "8847 00011140 1200000000dd 0200000000cc 0800" IN4, OK_TCP4 " in pw", 0},
    {"ARP on a pseudowire", 1, ETHER "8847 00011140 00000000" INNER_ETHER "0806 00010800 06040001",
     "arp in pw", 0},
    {"the messages beside a pseudowire", 1,
     ETHER "8847 00011140 10000021 111111112222222233333333444444445555555566666666",
     "other_network", 0},
    {"a provider's backbone", 1, ETHER "88e7 0000002a" IN_ETHER, OK_TCP4 " in pbb:42", 0},
    {"a provider's backbone, in a VLAN", 1,
     ETHER "88a8 0064 88e7 3300002a" INNER_ETHER "8100 0007 86dd" IN6,
     OK_TCP6 " vlan 100.7 in pbb:42", 0},
    {"a service header", 1, ETHER "894f 0002 0101 00000aff" IN4, OK_TCP4 " in nsh", 0},
    {"a service header with metadata, around Ethernet", 1,
     ETHER "894f 0006 0103 00000aff 00000001000000020000000300000004" IN_ETHER, OK_TCP4 " in nsh",
     0},
    {"a service header that is too short for itself", 1, ETHER "894f 0001 0101 00000aff" IN4,
     "malformed", 0},
    {"a service header around nobody knows what", 1, ETHER "894f 0002 0107 00000aff" IN4,
     "other_network", 0},
    {"MACsec, signed only", 1,
     ETHER "88e5 00 2b 00000001 0800" IN4 "11111111111111111111111111111111", OK_TCP4, 0},
    {"MACsec, signed only, with its channel", 1,
     ETHER "88e5 20 00 00000001 0200000000aa0001 86dd" IN6 "11111111111111111111111111111111",
     OK_TCP6, 0},
    {"MACsec, encrypted", 1, ETHER "88e5 2c 00 00000001 0200000000aa0001 1234567890abcdef",
     "encrypted", 0},
    {"MACsec of another version", 1, ETHER "88e5 80 00 00000001 0800" IN4, "malformed", 0},
    {"a port's tag", 1, ETHER "8926 00010002 0800" IN4, OK_TCP4, 0},
};

static void tunnels_over_ip_are_entered(void)
{
    EACH(ip_rows, check);
    EACH(gre_rows, check);
}

static void tunnels_over_udp_are_entered_or_left_alone(void)
{
    EACH(udp_rows, check);
}

static void tunnels_over_links_are_entered(void)
{
    EACH(link_rows, check);
}

static void frames_are_cut_at_each_length(void)
{
    EACH(ip_rows, cut_everywhere);
    EACH(gre_rows, cut_everywhere);
    EACH(udp_rows, cut_everywhere);
    EACH(link_rows, cut_everywhere);
}

static void mutants_do_no_harm(void)
{
    random_seed();
    EACH(ip_rows, mutate);
    EACH(gre_rows, mutate);
    EACH(udp_rows, mutate);
    EACH(link_rows, mutate);
}

/* `count` IPv4 headers, then one around TCP. */
static enum verdict nest(char line[LINE_MAX_LEN], struct packet *p, unsigned count)
{
    static struct frame frame;
    size_t len = 0;

    for (unsigned i = 0; i < count; i++) {
        uint8_t *header = bytes + len;
        len += picture_bytes(header, OUT4("0000", "04"));
        header[3] = (uint8_t)((count - i) * 20 + 43);
    }
    len += picture_bytes(bytes + len, IN4);
    return picture_dissect(line, p, &frame, 228, bytes, len, len);
}

static void the_depth_is_bounded(void)
{
    char line[LINE_MAX_LEN];
    struct packet p;

    CU_ASSERT_EQUAL(nest(line, &p, 8), VERDICT_OK);
    CU_ASSERT_STRING_EQUAL(line, OK_TCP4 " in 4in4/4in4/4in4/4in4/4in4/4in4/4in4/4in4");
    CU_ASSERT_EQUAL(nest(line, &p, 9), VERDICT_MALFORMED);
}

/* Eight times the longest name and number there is. */
static void the_longest_path_has_room(void)
{
    static struct frame frame;
    char line[LINE_MAX_LEN];
    struct packet p;
    size_t len = 0;

    for (unsigned i = 0; i < 8; i++) {
        const size_t left = (8 - i) * (20 + 8 + 8 + 14) + (i == 0 ? 0 : 0) + 43 - 14;
        uint8_t *header = bytes + len + (i > 0 ? 14 : 0);
        if (i > 0)
            len += picture_bytes(bytes + len, INNER_ETHER "0800");
        len += picture_bytes(bytes + len, OUT_UDP("0000", "17c1", "0000") "0000 6558 ffffff00");
        header[2] = (uint8_t)((left + 14) >> 8);
        header[3] = (uint8_t)(left + 14);
        header[24] = (uint8_t)((left - 6) >> 8);
        header[25] = (uint8_t)(left - 6);
    }
    len += picture_bytes(bytes + len, INNER_ETHER "0800" IN4);
    CU_ASSERT_EQUAL(picture_dissect(line, &p, &frame, 228, bytes, len, len), VERDICT_OK);
    CU_ASSERT_EQUAL(strlen(p.tunnel), PACKET_TUNNEL_MAX - 1);
    CU_ASSERT_EQUAL(p.tunnel_count, 8);
    CU_ASSERT_EQUAL(p.transport, TRANSPORT_TCP);
}

static void the_members_are_those_of_the_innermost(void)
{
    static const uint8_t src[] = {2, 0, 0, 0, 0, 0xcc}, dst[] = {2, 0, 0, 0, 0, 0xdd};
    char line[LINE_MAX_LEN];
    struct packet p;
    struct frame frame;

    size_t len = picture_bytes(
        bytes, ETHER "0800" OUT_UDP("005d", "12b5", "0049") "08000000 00002a00" IN_ETHER "0000");
    bytes[14 + 20 + 7] = 1; /* a checksum outside that is wrong changes nothing */
    picture_dissect(line, &p, &frame, 1, bytes, len, len);
    CU_ASSERT_EQUAL(memcmp(p.src_mac, src, 6), 0);
    CU_ASSERT_EQUAL(memcmp(p.dst_mac, dst, 6), 0);
    CU_ASSERT_EQUAL(p.ip_len, 43);
    CU_ASSERT_EQUAL(p.ip_payload_len, 23);
    CU_ASSERT_EQUAL(p.ip_payload_offset, 1000 + 14 + 28 + 8 + 14 + 20);
    CU_ASSERT_EQUAL(p.payload_offset, 1000 + 14 + 28 + 8 + 14 + 40);
    CU_ASSERT_EQUAL(p.payload.len, 3);
    CU_ASSERT_EQUAL(p.whole.len, 0);
    CU_ASSERT_EQUAL(p.tunnel_count, 1);

    /* And outside, where the inside is none. */
    len = picture_bytes(bytes,
                        ETHER "0800" OUT_UDP("0036", "12b5", "0022") "08000000 00002a00" INNER_ETHER
                                                                     "0806 00010800");
    picture_dissect(line, &p, &frame, 1, bytes, len, len);
    CU_ASSERT_EQUAL(p.src_mac[5], 0xaa);
    CU_ASSERT_EQUAL(p.ip_len, 54);
    CU_ASSERT_EQUAL(p.transport, TRANSPORT_UDP);
    CU_ASSERT_EQUAL(p.payload_offset, 1000 + 14 + 28);
    CU_ASSERT_EQUAL(p.payload.len, 26);
    CU_ASSERT_EQUAL(p.tunnel_count, 0);
}

/* An end of the inner packet that has no ports must not show those outside. */
static void ports_do_not_leak(void)
{
    char line[LINE_MAX_LEN];
    struct packet p;
    struct frame frame;

    size_t len = picture_bytes(bytes, OUT_UDP("0043", "0868", "002f") "30ff 001f 00000001" V4(
                                          "001f", "01") "0800 0000 0001 0002" ABC);
    picture_dissect(line, &p, &frame, 228, bytes, len, len);
    CU_ASSERT_STRING_EQUAL(line, "ok icmp 10.0.0.1 > 10.0.0.2 'abc' in gtp");
    CU_ASSERT_EQUAL(p.ends.src_port, 0);
    CU_ASSERT_EQUAL(p.ends.dst_port, 0);
}

static const struct test tests[] = {
    {"tunnels over IP are entered", tunnels_over_ip_are_entered},
    {"tunnels over UDP are entered, or left alone", tunnels_over_udp_are_entered_or_left_alone},
    {"tunnels over links are entered", tunnels_over_links_are_entered},
    {"a frame cut at any length is truncated, keeps its verdict, or is the datagram outside",
     frames_are_cut_at_each_length},
    {"mutants do no harm", mutants_do_no_harm},
    {"eight tunnels are entered, a ninth is malformed", the_depth_is_bounded},
    {"the longest path has room", the_longest_path_has_room},
    {"the members of a packet are those of the innermost", the_members_are_those_of_the_innermost},
    {"ports outside do not show inside", ports_do_not_leak},
};
SUITE("dissect_tunnel", tests)
