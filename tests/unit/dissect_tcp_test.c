/* dissect_tcp_test.c - the view of a TCP header, and its options. */
#include "dissect/tcp.h"

#include "dissect_picture.h"

static uint8_t bytes[PICTURE_MAX];

/* A header with these options, filled up with their end to a multiple of four bytes. */
static struct tcp header_with(const char *options)
{
    size_t len = picture_bytes(bytes, "04d2 0050 01020304 05060708 5011 1000 abcd 0007");
    len += picture_bytes(bytes + len, options);
    while (len % 4 != 0)
        bytes[len++] = 0;
    bytes[12] = (uint8_t)(len / 4 << 4);

    struct span rest = span_of(guard_place(bytes, len), len);
    struct tcp t = {{NULL, 0}};
    CU_ASSERT_TRUE_FATAL(tcp_view(&rest, &t));
    CU_ASSERT_EQUAL(rest.len, 0);
    return t;
}

static void accessors_read_their_fields(void)
{
    struct tcp t = header_with("");

    CU_ASSERT_EQUAL(tcp_src_port(&t), 1234);
    CU_ASSERT_EQUAL(tcp_dst_port(&t), 80);
    CU_ASSERT_EQUAL(tcp_seq(&t), 0x01020304);
    CU_ASSERT_EQUAL(tcp_ack(&t), 0x05060708);
    CU_ASSERT_EQUAL(tcp_flags(&t), TCP_FIN | TCP_ACK);
    CU_ASSERT_EQUAL(tcp_window(&t), 0x1000);
    CU_ASSERT_EQUAL(tcp_checksum(&t), 0xabcd);
    CU_ASSERT_EQUAL(tcp_urgent(&t), 7);
}

static void a_view_is_born_whole_or_not_at_all(void)
{
    size_t len =
        picture_bytes(bytes, "04d2 0050 00000001 00000002 6010 1000 0000 0000 01010101 ff");

    for (size_t cut = 0; cut <= len; cut++) {
        const struct span before = span_of(guard_place(bytes, cut), cut);
        struct span rest = before;
        struct tcp t;
        bool born = tcp_view(&rest, &t);
        CU_ASSERT_EQUAL(born, cut >= 24);
        CU_ASSERT_EQUAL(rest.len, born ? cut - 24 : cut);
        CU_ASSERT_PTR_EQUAL(rest.data, born ? before.data + 24 : before.data);
    }
    for (unsigned offset = 0; offset < 5; offset++) {
        struct span rest = span_of(bytes, len);
        struct tcp t;
        bytes[12] = (uint8_t)(offset << 4);
        CU_ASSERT_FALSE(tcp_view(&rest, &t));
    }
}

static void options_are_read(void)
{
    struct tcp t = header_with("020405b4 0402 080a 00000001 fffffffe 01 030307");
    struct tcp_options o;

    CU_ASSERT_TRUE(tcp_options(&t, &o));
    CU_ASSERT(o.has_mss && o.mss == 1460);
    CU_ASSERT(o.has_window_scale && o.window_scale == 7);
    CU_ASSERT_TRUE(o.sack_permitted);
    CU_ASSERT(o.has_timestamps && o.ts_value == 1 && o.ts_echo == 0xfffffffe);
    CU_ASSERT_EQUAL(o.sack_count, 0);

    t = header_with("0101 051a 00000001 00000002 00000003 00000004 fffffff0 00000005");
    CU_ASSERT_TRUE(tcp_options(&t, &o));
    CU_ASSERT_EQUAL(o.sack_count, 3);
    CU_ASSERT(o.sack[0].left == 1 && o.sack[0].right == 2);
    CU_ASSERT(o.sack[2].left == 0xfffffff0 && o.sack[2].right == 5);
    CU_ASSERT_FALSE(o.has_mss || o.has_window_scale || o.sack_permitted || o.has_timestamps);
}

static void odd_options_are_borne(void)
{
    struct tcp_options o;
    struct tcp t = header_with("");

    CU_ASSERT_TRUE(tcp_options(&t, &o));
    t = header_with("00 ffffff"); /* what stands after the end is nothing */
    CU_ASSERT_TRUE(tcp_options(&t, &o));
    t = header_with("fd04f989 fe02 02040200"); /* unknown kinds are passed over */
    CU_ASSERT_TRUE(tcp_options(&t, &o));
    CU_ASSERT(o.has_mss && o.mss == 512);
    t = header_with("03030f"); /* RFC 7323 2.3 */
    CU_ASSERT_TRUE(tcp_options(&t, &o));
    CU_ASSERT(o.has_window_scale && o.window_scale == 14);
}

static void broken_options_end_the_list(void)
{
    static const char *const broken[] = {
        "02040200 0800 0101",                  /* a length below two */
        "02040200 0801 0101",                  /* the same */
        "02040200 080a 0000",                  /* past the end */
        "02040200 010101 08",                  /* no room for a length */
        "02040200 0101 0303",                  /* past the end */
        "02040200 03040707",                   /* a length that is not its kind's */
        "02040200 020301 01",                  /* the same */
        "02040200 0403ff 01",                  /* the same */
        "02040200 0809 00000000000000 010101", /* the same */
        "02040200 0507 0000000001",            /* a block and a half */
    };

    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct tcp_options o;
        struct tcp t = header_with(broken[i]);
        CU_ASSERT_FALSE(tcp_options(&t, &o));
        CU_ASSERT(o.has_mss && o.mss == 512); /* what stood before holds */
        CU_ASSERT_FALSE(o.has_window_scale || o.sack_permitted || o.has_timestamps);
        CU_ASSERT_EQUAL(o.sack_count, 0);
    }
}

static const struct test tests[] = {
    {"accessors read their fields", accessors_read_their_fields},
    {"a view is born whole or not at all", a_view_is_born_whole_or_not_at_all},
    {"options are read", options_are_read},
    {"odd options are borne", odd_options_are_borne},
    {"a broken option ends the list, and what stood before holds", broken_options_end_the_list},
};
SUITE("dissect_tcp", tests)
