/* dissect_wlan_test.c - 802.11 and the rarer links. */
#include "dissect_rows.h"

#define A1 "0200000000a1 "
#define A2 "0200000000a2 "
#define A3 "0200000000a3 "
#define A4 "0200000000a4 "
#define SNAP "aaaa03 000000 "
/* From a station to its access point: control, duration, addresses, sequence. */
#define TO_AP "0801 0000 " A1 A2 A3 "3012 "

static const struct row wlan_rows[] = {
    {"802.11, to an access point", 105, TO_AP SNAP "0800" TCP4, OK_TCP4, 0},
    {"with its check sequence", 105, TO_AP SNAP "0800" TCP4 "deadbeef", OK_TCP4, 0},
    {"802.11, from an access point", 105, "0802 0000 " A1 A2 A3 "3012 " SNAP "86dd" TCP6, OK_TCP6,
     0},
    {"802.11, from one station to another", 105, "0800 0000 " A1 A2 A3 "3012 " SNAP "0800" TCP4,
     OK_TCP4, 0},
    {"802.11, between access points", 105, "0803 0000 " A1 A2 A3 "3012 " A4 SNAP "0800" TCP4,
     OK_TCP4, 0},
    {"802.11 with QoS", 105, "8801 0000 " A1 A2 A3 "3012 0500 " SNAP "0800" TCP4, OK_TCP4, 0},
    {"802.11 with QoS, between access points", 105,
     "8803 0000 " A1 A2 A3 "3012 " A4 "0500 " SNAP "0800" TCP4, OK_TCP4, 0},
    {"802.11 with QoS and HT control", 105,
     "8881 0000 " A1 A2 A3 "3012 0500 11223344 " SNAP "0800" TCP4, OK_TCP4, 0},
    {"802.11, protected", 105, "0841 0000 " A1 A2 A3 "3012 11223344556677889900", "encrypted", 0},
    {"802.11, nothing but a sign of life", 105, "4801 0000 " A1 A2 A3 "3012", "other_link", 0},
    {"802.11, the first of two fragments", 105, "0805 0000 " A1 A2 A3 "3012 " SNAP "0800" TCP4,
     "other_link", 0},
    {"802.11, the second", 105, "0801 0000 " A1 A2 A3 "3112 " SNAP "0800" TCP4, "other_link", 0},
    {"a beacon", 105, "8000 0000 ffffffffffff " A2 A3 "3012 0000", "other_link", 0},
    {"an acknowledgement", 105, "d400 0000 " A1, "other_link", 0},
    {"802.11 of another version", 105, "0901 0000 " A1 A2 A3 "3012 " SNAP "0800" TCP4, "malformed",
     0},
    {"ARP by radio", 105, TO_AP SNAP "0806 0001", "arp", 0},
    {"an aggregate of one", 105,
     "8801 0000 " A1 A2 A3 "3012 8000 " A3 A2 "0033 " SNAP "0800" TCP4 "00", OK_TCP4, 0},
    {"radiotap", 127, "00 00 0800 00000000 " TO_AP SNAP "0800" TCP4, OK_TCP4, 0},
    {"radiotap, its header padded to a multiple of four", 127,
     "00 00 0900 02000000 20 8801 0000 " A1 A2 A3 "3012 0500 0000 " SNAP "0800" TCP4, OK_TCP4, 0},
    {"radiotap, the same behind a time and two words", 127,
     "00 00 1900 03000080 00000000 00000000 1122334455667788 20 "
     "8801 0000 " A1 A2 A3 "3012 0500 0000 " SNAP "0800" TCP4,
     OK_TCP4, 0},
    {"radiotap that is too short for itself", 127, "00 00 0700 00000000 " TO_AP SNAP "0800" TCP4,
     "malformed", 0},
    {"PPI", 192, "00 00 0800 69000000 " TO_AP SNAP "0800" TCP4, OK_TCP4, 0},
    {"PPI around Ethernet", 192, "00 00 0c00 01000000 11223344 " ETHER "0800" TCP4, OK_TCP4, 0},
    {"PPI around what we do not read", 192, "00 00 0800 93000000 " TCP4, "unknown_link", 0},
    {"AVS", 163, "80211001 0000000c 11223344 " TO_AP SNAP "0800" TCP4, OK_TCP4, 0},
    {"AVS under prism's number", 119, "80211001 00000008 " TO_AP SNAP "0800" TCP4, OK_TCP4, 0},
    {"cooked, with radiotap", 113,
     "0000 0323 0000 0000000000000000 0000 00 00 0800 00000000 " TO_AP SNAP "0800" TCP4, OK_TCP4,
     0},
};

static const struct row wan_rows[] = {
    {"frame relay, IPv4", 107, "1841 03 cc" TCP4, OK_TCP4, 0},
    {"frame relay, IPv6 behind padding", 107, "1841 03 00 8e" TCP6, OK_TCP6, 0},
    {"frame relay, four bytes of address", 107, "18406003 03 cc" TCP4, OK_TCP4, 0},
    {"frame relay, an EtherType in SNAP", 107, "1841 03 00 80 000000 0800" TCP4, OK_TCP4, 0},
    {"frame relay, Ethernet bridged", 107, "1841 03 00 80 0080c2 0007 " ETHER "0800" TCP4, OK_TCP4,
     0},
    {"frame relay, Cisco's", 107, "1841 0800" TCP4, OK_TCP4, 0},
    {"frame relay, its own signals", 107, "0001 03 08 00 75 95", "other_link", 0},
    {"frame relay, an address without end", 107, "18404040 03 cc" TCP4, "malformed", 0},
    {"Cisco's HDLC", 104, "0f00 0800" TCP4, OK_TCP4, 0},
    {"MPLS in Cisco's HDLC", 104, "0f00 8847 00011140" TCP4, OK_TCP4, 0},
    {"PPPoE without Ethernet", 51, "1100 0001 002d 0021" TCP4, OK_TCP4, 0},
    {"LLC over ATM", 100, SNAP "0800" TCP4, OK_TCP4, 0},
    {"FDDI", 10, "57 0200000000bb 0200000000aa " SNAP "0800" TCP4, OK_TCP4, 0},
    {"FDDI's own", 10, "41 0200000000bb 0200000000aa 0000", "other_link", 0},
    {"token ring", 6, "10 40 0200000000bb 0200000000aa " SNAP "0800" TCP4, OK_TCP4, 0},
    {"token ring with a route", 6,
     "10 40 0200000000bb 8200000000aa 0630 0011 0020 " SNAP "0800" TCP4, OK_TCP4, 0},
    {"token ring's own", 6, "10 05 c00000000001 0200000000aa 0000", "other_link", 0},
    {"ARCNET on Linux", 129, "be 00 ea08 d4 00 0165" TCP4, OK_TCP4, 0},
    {"ARCNET on Linux, RFC 1051", 129, "be 00 ea08 f0" TCP4, OK_TCP4, 0},
    {"ARCNET on Linux, ARP", 129, "be 00 ea08 d5 00 0165 0007", "arp", 0},
    {"ARCNET, split", 129, "be 00 ea08 d4 03 0165" TCP4, "other_link", 0},
    {"ARCNET on BSD", 7, "be 00 d4 00 0165" TCP4, OK_TCP4, 0},
    {"ARCNET on BSD, an exception", 7, "be 00 c4 ff 000000 00 0165" TCP6, OK_TCP6, 0},
    {"SLIP", 8, "00 40 0000000000000000000000000000" TCP4, OK_TCP4, 0},
    {"SLIP, compressed", 8, "00 80 0000000000000000000000000000 1122", "other_network", 0},
    {"IP over InfiniBand", 242,
     "0000000000000000000000000000000000000000 000000000000000000000000000000000000000a 0800 "
     "0000" TCP4,
     OK_TCP4, 0},
    {"Solaris's between zones", 226, "01 02 0001 0000002b 00000001 00000000 00000000 00000001" TCP4,
     OK_TCP4, 0},
    {"Solaris's between zones, IPv6", 226,
     "01 1a 0002 0000003f 00000001 00000000 00000000 00000001" TCP6, OK_TCP6, 0},
    {"Solaris's between zones, of another family", 226,
     "01 0a 0002 0000003f 00000001 00000000 00000000 00000001" TCP6, "other_network", 0},
    {"PKTAP around Ethernet", 258, "10000000 01000000 01000000 00000000 " ETHER "0800" TCP4,
     OK_TCP4, 0},
    {"PKTAP by its old number", 149, "0c000000 01000000 0c000000 " TCP4, OK_TCP4, 0},
    {"PKTAP around nothing", 258, "0c000000 00000000 01000000 ", "other_link", 0},
    {"a Juniper's Ethernet", 178, "4d4743 81 0006 010203040506 " ETHER "0800" TCP4, OK_TCP4, 0},
    {"a Juniper's PPP", 179, "4d4743 01 ff03 0021" TCP4, OK_TCP4, 0},
    {"a Juniper's frame relay", 180, "4d4743 01 1841 03 cc" TCP4, OK_TCP4, 0},
    {"a Juniper's HDLC", 181, "4d4743 01 0f00 0800" TCP4, OK_TCP4, 0},
    {"a Juniper's, without its link", 178, "4d4743 03 00000000" TCP4, "other_link", 0},
    {"not a Juniper's", 178, "4d4744 01 " ETHER "0800" TCP4, "malformed", 0},
    {"netfilter's log", 239, "02 00 0000 0500 0a00 41000000 2f00 0900" TCP4 "00", OK_TCP4, 0},
    {"netfilter's log of a big-endian host", 239,
     "0a 00 0000 0005 000a 41000000 0043 0009" TCP6 "00", OK_TCP6, 0},
    {"netfilter's log, without a packet", 239, "02 00 0000 0500 0a00 41000000", "other_link", 0},
    {"netfilter's log of another family", 239, "07 00 0000 2f00 0900" TCP4 "00", "other_network",
     0},
    {"netfilter's log, an attribute without length", 239, "02 00 0000 0000 0900" TCP4, "malformed",
     0},
    {"netfilter's queue, by netlink", 253,
     "0004 0338 0000 0000000000000000 000c 43000000 0003 0000 00000000 00000000 02 00 0002 2f00 "
     "0a00" TCP4 "00",
     OK_TCP4, 0},
    {"another message of netfilter's", 253,
     "0004 0338 0000 0000000000000000 000c 14000000 0201 0000 00000000 00000000 02000000",
     "other_link", 0},
    {"another netlink", 253, "0004 0338 0000 0000000000000000 0000 14000000 0003 0000",
     "other_link", 0},
};

static void radio_is_walked(void)
{
    EACH(wlan_rows, check);
}

static void rare_links_are_walked(void)
{
    EACH(wan_rows, check);
}

static void frames_are_cut_at_each_length(void)
{
    EACH(wlan_rows, cut_everywhere);
    EACH(wan_rows, cut_everywhere);
}

static void mutants_do_no_harm(void)
{
    random_seed();
    EACH(wlan_rows, mutate);
    EACH(wan_rows, mutate);
}

/* IEEE 802.11 table 9-60: the last byte of who sent it and of who it is for. */
static void addresses_are_where_the_directions_say(void)
{
    static const struct {
        const char *picture;
        uint8_t src, dst;
    } rows[] = {
        {"0800 0000 " A1 A2 A3 "3012 " SNAP "0800" TCP4, 0xa2, 0xa1},
        {"0801 0000 " A1 A2 A3 "3012 " SNAP "0800" TCP4, 0xa2, 0xa3},
        {"0802 0000 " A1 A2 A3 "3012 " SNAP "0800" TCP4, 0xa3, 0xa1},
        {"0803 0000 " A1 A2 A3 "3012 " A4 SNAP "0800" TCP4, 0xa4, 0xa3},
        {"8801 0000 " A1 A2 A3 "3012 8000 " A4 A1 "0033 " SNAP "0800" TCP4 "00", 0xa1, 0xa4},
    };
    char line[LINE_MAX_LEN];
    struct packet p;
    struct frame frame;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = picture_bytes(bytes, rows[i].picture);
        picture_dissect(line, &p, &frame, 105, bytes, len, len);
        CU_ASSERT_STRING_EQUAL(line, OK_TCP4);
        CU_ASSERT_TRUE(p.has_macs);
        CU_ASSERT_EQUAL(p.src_mac[5], rows[i].src);
        CU_ASSERT_EQUAL(p.dst_mac[5], rows[i].dst);
    }
}

#define AGGREGATE "8801 0000 " A1 A2 A3 "3012 8000 "
#define PART A3 A2 "0033 " SNAP "0800" TCP4 "000000 "

/* The next packet of an aggregate, as a line. */
static void next_part(char line[LINE_MAX_LEN], struct packet *p, const struct frame *frame)
{
    const uint32_t at = p->next_part;

    CU_ASSERT_NOT_EQUAL(at, 0);
    say_packet(line, dissect_part(frame, p, at), p);
}

static void each_packet_of_an_aggregate_is_read(void)
{
    char line[LINE_MAX_LEN];
    struct packet p;
    struct frame frame;

    size_t len =
        picture_bytes(bytes, AGGREGATE PART A1 A4 "000c " SNAP "0806 0001 0000 0000 " PART);
    picture_dissect(line, &p, &frame, 105, bytes, len, len);
    CU_ASSERT_STRING_EQUAL(line, OK_TCP4);
    CU_ASSERT_TRUE(p.aggregate);
    CU_ASSERT_EQUAL(p.payload_offset - frame.offset, 26 + 14 + 8 + 40);
    next_part(line, &p, &frame);
    CU_ASSERT_STRING_EQUAL(line, "arp");
    CU_ASSERT_TRUE(p.aggregate);
    next_part(line, &p, &frame);
    CU_ASSERT_STRING_EQUAL(line, OK_TCP4);
    CU_ASSERT_EQUAL(p.src_mac[5], 0xa2);
    CU_ASSERT_EQUAL(p.payload_offset - frame.offset, 26 + 68 + 28 + 14 + 8 + 40);
    CU_ASSERT_EQUAL(p.next_part, 0);

    len = picture_bytes(bytes, AGGREGATE PART "deadbeef"); /* a check sequence is none */
    picture_dissect(line, &p, &frame, 105, bytes, len, len);
    CU_ASSERT_STRING_EQUAL(line, OK_TCP4);
    CU_ASSERT_FALSE(p.aggregate);
    CU_ASSERT_EQUAL(p.next_part, 0);
}

static void what_is_cut_of_an_aggregate_is_truncated(void)
{
    char line[LINE_MAX_LEN];
    struct packet p;
    struct frame frame;
    const size_t len = picture_bytes(bytes, AGGREGATE PART PART);

    for (size_t captured = 26 + 65; captured < 26 + 68 + 14 + 8 + 40; captured++) {
        picture_dissect(line, &p, &frame, 105, bytes, captured, len);
        CU_ASSERT_STRING_EQUAL(line, OK_TCP4);
        next_part(line, &p, &frame);
        CU_ASSERT_STRING_EQUAL(line, "truncated");
    }
}

static void an_aggregate_behind_many_headers_is_read_in_part(void)
{
    char line[LINE_MAX_LEN];
    struct packet p;
    struct frame frame;
    size_t len = picture_bytes(bytes, "0200000000a1 0200000000a2");

    for (unsigned i = 0; i < 40; i++)
        len += picture_bytes(bytes + len, "8100 0001");
    len += picture_bytes(bytes + len, "0800 4500 00c6 0001 0000 402f 0000 0a000001 0a000002 "
                                      "0000 8200 " AGGREGATE PART PART);
    picture_dissect(line, &p, &frame, 1, bytes, len, len);
    CU_ASSERT_TRUE(p.aggregate);
    CU_ASSERT_TRUE(p.unread);
    CU_ASSERT_EQUAL(p.next_part, 0);
}

static const struct test tests[] = {
    {"802.11 is walked to its packet", radio_is_walked},
    {"rare links are walked to their packet", rare_links_are_walked},
    {"a frame cut at any length is truncated or keeps its verdict", frames_are_cut_at_each_length},
    {"mutants do no harm", mutants_do_no_harm},
    {"addresses are where the directions say", addresses_are_where_the_directions_say},
    {"each packet of an aggregate is read", each_packet_of_an_aggregate_is_read},
    {"what is cut of an aggregate is truncated", what_is_cut_of_an_aggregate_is_truncated},
    {"an aggregate behind many headers is read in part",
     an_aggregate_behind_many_headers_is_read_in_part},
};
SUITE("dissect_wlan", tests)
