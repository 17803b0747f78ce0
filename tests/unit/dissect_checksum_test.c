/* dissect_checksum_test.c - the sum, fast and plain, and what a packet's own checksum is worth. */
#include "dissect/checksum.h"

#include "dissect_picture.h"

static uint8_t bytes[PICTURE_MAX];

static void fill(uint64_t state, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        bytes[i] = (uint8_t)(state >> 56);
    }
}

static void sums_are_those_of_the_rfc(void)
{
    static const uint8_t example[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

    CU_ASSERT_EQUAL(checksum_sum(span_of(example, 8)), 0xddf2); /* RFC 1071 3 */
    CU_ASSERT_EQUAL(checksum_sum_plain(span_of(example, 8)), 0xddf2);
    CU_ASSERT_EQUAL(checksum_sum(span_of(example, 3)), 0xf201);
    CU_ASSERT_EQUAL(checksum_sum_plain(span_of(example, 3)), 0xf201);
    CU_ASSERT_EQUAL(checksum_sum(span_of(NULL, 0)), 0);
    CU_ASSERT_EQUAL(checksum_add(0xffff, 0xffff), 0xffff);
    CU_ASSERT_EQUAL(checksum_add(0x8000, 0x8001), 2);
}

static void fast_is_plain(void)
{
    fill(1, 400);
    for (size_t at = 0; at < 16; at++) {
        for (size_t len = 0; len + at <= 300; len++) {
            struct span span = span_of(guard_place(bytes + at, len), len);
            uint16_t plain = checksum_sum_plain(span);
            CU_ASSERT_EQUAL(checksum_sum(span), plain);
            CU_ASSERT_EQUAL(checksum_sum(span_of(bytes + at, len)), plain);
        }
    }
}

static void fast_is_plain_where_every_carry_counts(void)
{
    memset(bytes, 0xff, PICTURE_MAX);
    CU_ASSERT_EQUAL(checksum_sum(span_of(bytes, PICTURE_MAX)), 0xffff);
    CU_ASSERT_EQUAL(checksum_sum(span_of(bytes + 1, 65535)),
                    checksum_sum_plain(span_of(bytes + 1, 65535)));
    for (uint64_t seed = 2; seed < 20; seed++) {
        fill(seed, 65535);
        CU_ASSERT_EQUAL(checksum_sum(span_of(bytes, 65535)),
                        checksum_sum_plain(span_of(bytes, 65535)));
    }
}

/* The segments of dissect_picture.h with their checksums, worked out by another program. */
#define SUM_TCP(sum) "04d2 0050 00000001 00000002 5018 2000 " sum "0000 "
#define SUM_UDP(len, sum) "04d2 0035 " len sum " "

static void checksums_are_judged(void)
{
    static const struct {
        const char *what;
        uint32_t link_type;
        const char *picture;
        enum checksum expected;
        size_t captured;
    } rows[] = {
        {"TCP", 228, V4("002b", "06") SUM_TCP("b23f") ABC, CHECKSUM_RIGHT, 0},
        {"TCP, with Ethernet's padding", 1,
         ETHER "0800" V4("002b", "06") SUM_TCP("b23f") ABC "ffff", CHECKSUM_RIGHT, 0},
        {"TCP of no IP length", 228, V4("0000", "06") SUM_TCP("b23f") ABC, CHECKSUM_RIGHT, 0},
        {"TCP, one bit wrong", 228, V4("002b", "06") SUM_TCP("b23e") ABC, CHECKSUM_WRONG, 0},
        {"TCP, zero", 228, V4("002b", "06") SUM_TCP("0000") ABC, CHECKSUM_WRONG, 0},
        {"TCP, left to the card", 228, V4("002b", "06") SUM_TCP("1420") ABC, CHECKSUM_OFFLOAD, 0},
        {"TCP, left to the card without a length", 228, V4("002b", "06") SUM_TCP("1409") ABC,
         CHECKSUM_OFFLOAD, 0},
        {"TCP, cut", 228, V4("002b", "06") SUM_TCP("b23f") ABC, CHECKSUM_UNKNOWN, 42},
        {"TCP, longer than the wire", 228, V4("002c", "06") SUM_TCP("b23f") ABC, CHECKSUM_UNKNOWN,
         0},
        {"TCP over IPv6", 229, V6("0017", "06") SUM_TCP("6acd") ABC, CHECKSUM_RIGHT, 0},
        {"TCP over IPv6, wrong", 229, V6("0017", "06") SUM_TCP("6acc") ABC, CHECKSUM_WRONG, 0},
        {"TCP over IPv6, left to the card", 229, V6("0017", "06") SUM_TCP("5b92") ABC,
         CHECKSUM_OFFLOAD, 0},
        {"TCP over IPv6 by way of others", 229,
         V6("003f", "2b") "0604 0002 00000000 20010db8000000000000000000000009"
                          "20010db800000000000000000000000a" SUM_TCP("6ac5") ABC,
         CHECKSUM_RIGHT, 0},
        {"TCP over IPv6, where the way has ended", 229,
         V6("003f", "2b") "0604 0000 00000000 20010db8000000000000000000000009"
                          "20010db800000000000000000000000a" SUM_TCP("6acd") ABC,
         CHECKSUM_RIGHT, 0},
        {"TCP over IPv6 away from home", 229,
         V6("002f", "3c") "0602 0102 0000 c910 20010db800000000000000000000000d" SUM_TCP("6ac1")
             ABC,
         CHECKSUM_RIGHT, 0},
        {"UDP", 228, V4("001f", "11") SUM_UDP("000b", "226c") ABC, CHECKSUM_RIGHT, 0},
        {"UDP, shorter than its packet", 228, V4("0021", "11") SUM_UDP("000b", "226c") ABC "ffff",
         CHECKSUM_RIGHT, 0},
        {"UDP, longer than its packet", 228, V4("001f", "11") SUM_UDP("000c", "226c") ABC,
         CHECKSUM_UNKNOWN, 0},
        {"UDP, wrong", 228, V4("001f", "11") SUM_UDP("000b", "226d") ABC, CHECKSUM_WRONG, 0},
        {"UDP, left to the card", 228, V4("001f", "11") SUM_UDP("000b", "141f") ABC,
         CHECKSUM_OFFLOAD, 0},
        {"UDP without one", 228, V4("001f", "11") SUM_UDP("000b", "0000") ABC, CHECKSUM_NONE, 0},
        {"UDP without one, cut", 228, V4("001f", "11") SUM_UDP("000b", "0000") ABC, CHECKSUM_NONE,
         30},
        {"UDP, cut", 228, V4("001f", "11") SUM_UDP("000b", "226c") ABC, CHECKSUM_UNKNOWN, 30},
        {"UDP over IPv6", 229, V6("000b", "11") SUM_UDP("000b", "daf9") ABC, CHECKSUM_RIGHT, 0},
        {"UDP over IPv6 without one", 229, V6("000b", "11") SUM_UDP("000b", "0000") ABC,
         CHECKSUM_NONE, 0},
        {"ICMP", 228, V4("001f", "01") "0800 339a 0001 0002" ABC, CHECKSUM_RIGHT, 0},
        {"ICMP, wrong", 228, V4("001f", "01") "0800 339b 0001 0002" ABC, CHECKSUM_WRONG, 0},
        {"ICMP, cut", 228, V4("001f", "01") "0800 339a 0001 0002" ABC, CHECKSUM_UNKNOWN, 30},
        {"ICMPv6", 229, V6("000b", "3a") "8000 5fdf 0001 0002" ABC, CHECKSUM_RIGHT, 0},
        {"ICMPv6, wrong", 229, V6("000b", "3a") "8000 339a 0001 0002" ABC, CHECKSUM_WRONG, 0},
    };
    char line[LINE_MAX_LEN];
    struct packet packet;
    struct frame frame;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = picture_bytes(bytes, rows[i].picture);
        size_t captured = rows[i].captured ? rows[i].captured : len;
        enum verdict verdict =
            picture_dissect(line, &packet, &frame, rows[i].link_type, bytes, captured, len);
        CU_ASSERT_EQUAL(verdict, VERDICT_OK);
        if (packet.checksum != rows[i].expected)
            printf("\n    %s: %d\n", rows[i].what, (int)packet.checksum);
        CU_ASSERT_EQUAL(packet.checksum, rows[i].expected);
    }
}

static const struct test tests[] = {
    {"sums are those of RFC 1071", sums_are_those_of_the_rfc},
    {"the fast sum is the plain one at every length and alignment", fast_is_plain},
    {"the fast sum loses no carry", fast_is_plain_where_every_carry_counts},
    {"a checksum is right, wrong, left to the card, left out, or not to be judged",
     checksums_are_judged},
};
SUITE("dissect_checksum", tests)
