/* dissect_datagram_test.c - the transport of datagrams that were made whole from fragments. */
#include "dissect_picture.h"

static uint8_t bytes[PICTURE_MAX];

/* What a frame's first fragment left, with this for the payload of the whole. */
static enum verdict remake(char line[LINE_MAX_LEN], struct packet *packet, const char *first,
                           uint32_t link_type, const char *whole, size_t missing)
{
    static struct frame frame;

    size_t len = picture_bytes(bytes, first);
    CU_ASSERT_EQUAL(picture_dissect(line, packet, &frame, link_type, bytes, len, len),
                    VERDICT_FRAGMENT);
    len = picture_bytes(bytes, whole);
    packet->ip_payload = span_of(guard_place(bytes, len), len);
    packet->ip_payload_len = (uint32_t)(len + missing);
    enum verdict verdict = dissect_transport(packet);
    say_packet(line, verdict, packet);
    return verdict;
}

#define FIRST_V4(protocol) V4_PIECE("001c", "2000", protocol) "0000000000000000"
#define FIRST_V6(next) V6("0010", "2c") next "00 0001 00000007 0000000000000000"

static void whole_datagrams_have_a_transport(void)
{
    static const struct {
        const char *what, *first;
        uint32_t link_type;
        const char *whole;
        size_t missing; /* bytes cut off its end */
        const char *expected;
    } rows[] = {
        {"UDP", FIRST_V4("11"), 228, "04d2 0035 000b 226c 616263", 0,
         "ok udp 10.0.0.1:1234 > 10.0.0.2:53 'abc'"},
        {"TCP, cut", FIRST_V4("06"), 228, TCP ABC, 10,
         "ok tcp 10.0.0.1:1234 > 10.0.0.2:80 'abc' of 13"},
        {"ICMP", FIRST_V4("01"), 228, "0800 339a 0001 0002 616263", 0,
         "ok icmp 10.0.0.1 > 10.0.0.2 'abc'"},
        {"a UDP header that was cut", FIRST_V4("11"), 228, "04d2", 20, "truncated"},
        {"a UDP header that is not there", FIRST_V4("11"), 228, "04d2", 0, "malformed"},
        {"another transport", FIRST_V4("88"), 228, "00000001", 0, "other_transport"},
        {"ESP", FIRST_V4("32"), 228, "00000001", 0, "encrypted"},
        {"a tunnel", FIRST_V4("04"), 228, V4("002b", "06") TCP ABC, 0,
         "ok tcp 10.0.0.1:1234 > 10.0.0.2:80 'abc' in 4in4"},
        {"a fragment in a tunnel", FIRST_V4("2f"), 228,
         "0000 0800" V4_PIECE("001c", "2001", "11") "6162636465666768", 0,
         "fragment 17 #1234 at 8 more 10.0.0.1 > 10.0.0.2 'abcdefgh' in gre"},
        {"a header in a tunnel whose checksum is wrong", FIRST_V4("04"), 228,
         "4500 001f 1234 0000 40 11 5499 0a000001 0a000002" UDP("000b") ABC, 0,
         "bad_checksum in 4in4"},
        {"UDP over IPv6", FIRST_V6("11"), 229, "04d2 0035 000b daf9 616263", 0,
         "ok udp 2001:db8::1:1234 > 2001:db8::2:53 'abc'"},
        {"options inside the datagram", FIRST_V6("3c"), 229,
         "1100 0104 00000000 04d2 0035 000b daf9 616263", 0,
         "ok udp 2001:db8::1:1234 > 2001:db8::2:53 'abc'"},
        {"a fragment of a fragment", FIRST_V6("2c"), 229,
         "1100 0009 00000008 04d2 0035 000b daf9 616263", 0, "malformed"},
        {"a jumbo option inside", FIRST_V6("00"), 229,
         "1100 c204 00010000 04d2 0035 000b daf9 616263", 0, "malformed"},
    };
    char line[LINE_MAX_LEN];
    struct packet packet;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum verdict verdict =
            remake(line, &packet, rows[i].first, rows[i].link_type, rows[i].whole, rows[i].missing);
        if (strcmp(line, rows[i].expected) != 0)
            printf("\n    %s\n      got %s\n", rows[i].what, line);
        CU_ASSERT_STRING_EQUAL(line, rows[i].expected);
        if (verdict == VERDICT_OK) {
            CU_ASSERT_FALSE(packet.fragment);
            CU_ASSERT_EQUAL(packet.checksum, rows[i].missing         ? CHECKSUM_UNKNOWN
                                             : packet.transport == 6 ? CHECKSUM_WRONG
                                                                     : CHECKSUM_RIGHT);
        }
    }
}

/* Pieces count from the start of the payload of the whole, so that must stay where it was. */
static void the_payload_of_the_whole_stays(void)
{
    char line[LINE_MAX_LEN];
    struct packet packet;

    remake(line, &packet, FIRST_V6("3c"), 229, "1100 0104 00000000 04d2 0035 000b daf9 616263", 0);
    CU_ASSERT_EQUAL(packet.ip_protocol, 0x3c);
    CU_ASSERT_EQUAL(packet.ip_payload.len, 19);
    CU_ASSERT_EQUAL(packet.ip_payload_len, 19);
    CU_ASSERT_EQUAL(packet.payload.data - packet.ip_payload.data, 16);
}

static const struct test tests[] = {
    {"a datagram made whole has a transport", whole_datagrams_have_a_transport},
    {"the payload of the whole stays where its pieces count from", the_payload_of_the_whole_stays},
};
SUITE("dissect_datagram", tests)
