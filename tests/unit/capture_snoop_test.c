/* capture_snoop_test.c - snoop files (RFC 1761), made here byte by byte. */
#include "capture_script.h"

static struct script snoop_new(uint32_t version, uint32_t network)
{
    struct script s = script_new(true);
    put_text(&s, "snoop");
    put_zeros(&s, 3);
    put(&s, version, 4);
    put(&s, network, 4);
    return s;
}

/* A record of `text` with `padding` bytes behind it, of a frame of `wire_len` bytes. */
static void put_snoop(struct script *s, uint32_t seconds, uint32_t microseconds, uint32_t wire_len,
                      uint32_t dropped, const char *text, uint32_t padding)
{
    put(s, wire_len, 4);
    put(s, strlen(text), 4);
    put(s, 24 + strlen(text) + padding, 4);
    put(s, dropped, 4);
    put(s, seconds, 4);
    put(s, microseconds, 4);
    put_text(s, text);
    put_zeros(s, padding);
}

static void frames(void)
{
    struct script s = snoop_new(2, 4);
    put_snoop(&s, 1, 7, 60, 0, "abcde", 3);
    put_snoop(&s, 4000000000, 999999, 2, 0, "xy", 0);
    put_snoop(&s, 3, 0, 0, 0, "", 0);
    check_script(&s, "(i0 link 1 snap 0 ticks 1000000) 1@40 1000007000ns i0 link 1 5/60 abcde "
                     "2@72 4000000000999999000ns i0 link 1 2/2 xy "
                     "3@98 3000000000ns i0 link 1 0/0  .");
    s = snoop_new(2, 0);
    check_script(&s, "(i0 link 1 snap 0 ticks 1000000) .");
}

/* The counter goes over the whole capture, and is told where it changes. */
static void drops(void)
{
    struct script s = snoop_new(2, 4);
    put_snoop(&s, 1, 0, 1, 0, "a", 3);
    put_snoop(&s, 2, 0, 1, 5, "b", 3);
    put_snoop(&s, 3, 0, 1, 5, "c", 3);
    put_snoop(&s, 4, 0, 1, 6, "d", 3);
    check_script(&s, "(i0 link 1 snap 0 ticks 1000000) 1@40 1000000000ns i0 link 1 1/1 a "
                     "<i0 2000000000ns -1 -1 -1 5> 2@68 2000000000ns i0 link 1 1/1 b "
                     "3@96 3000000000ns i0 link 1 1/1 c "
                     "<i0 4000000000ns -1 -1 -1 6> 4@124 4000000000ns i0 link 1 1/1 d .");
}

static void networks(void)
{
    static const struct {
        uint32_t network, link_type;
    } cases[] = {
        {0, 1},
        {1, 65535},
        {2, 6},
        {3, 65535},
        {4, 1},
        {8, 10},
        {9, 0},
        {14, 0},
        {16, 122},
        {17, 65535},
        {24, 1},
        {25, 1},
        {0x80000001, 101},
        {0x80000002, 101},
        {0x80000003, 65535},
        {0x80000005, 226},
        {0x80000007, 101},
        {99, 65535},
        {UINT32_MAX, 65535},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[160];
        struct script s = snoop_new(2, cases[i].network);
        put_snoop(&s, 1, 0, 4, 0, "abcd", 0);
        snprintf(expected, sizeof expected,
                 "(i0 link %" PRIu32 " snap 0 ticks 1000000) 1@40 1000000000ns i0 link %" PRIu32
                 " 4/4 abcd .",
                 cases[i].link_type, cases[i].link_type);
        check_script(&s, expected);
    }
}

/* The first record has room for 16 bytes behind its frame. */
static void surveyor(void)
{
    static const struct {
        uint32_t network, link_type;
    } cases[] = {{0, 1},  {2, 6},  {4, 1},  {8, 10}, {10, 1},    {11, 6},
                 {12, 1}, {13, 6}, {14, 6}, {19, 1}, {9, 65535}, {15, 65535}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[160];
        struct script s = snoop_new(3 + (uint32_t)i % 3, cases[i].network);
        put_snoop(&s, 1, 0, 4, 0, "abcd", 16);
        snprintf(expected, sizeof expected,
                 "(i0 link %" PRIu32 " snap 0 ticks 1000000) 1@40 1000000000ns i0 link %" PRIu32
                 " 4/4 abcd .",
                 cases[i].link_type, cases[i].link_type);
        check_script(&s, expected);
    }
}

/* Ten bytes of radio header, four that say how long it is included; a record without it whole. */
static void surveyor_radio(void)
{
    struct script s = snoop_new(2, 18);
    put(&s, 17, 4);
    put(&s, 17, 4);
    put(&s, 24 + 17 + 19, 4);
    put_zeros(&s, 12);
    put(&s, 10, 4);
    put_text(&s, "0123456789wla");
    put_zeros(&s, 19);
    put_snoop(&s, 1, 0, 4, 0, "abcd", 16);
    check_script(&s, "(i0 link 105 snap 0 ticks 1000000) (i1 link 65535 snap 0 ticks 1000000) "
                     "1@54 0ns i0 link 105 3/3 wla 2@100 1000000000ns i1 link 65535 4/4 abcd .");
}

/* Classical IP over ATM: LLC behind four bytes that say so, anything else as it is. */
static void atm(void)
{
    struct script s = snoop_new(2, 18);
    put_snoop(&s, 1, 0, 64, 0, "\x82\1\1\1llc", 0);
    put_snoop(&s, 1, 0, 4, 0, "\x81\1\1!", 0);
    put_snoop(&s, 1, 0, 1, 0, "\x82", 0);
    check_script(&s, "(i0 link 100 snap 0 ticks 1000000) (i1 link 123 snap 0 ticks 1000000) "
                     "1@44 1000000000ns i0 link 100 3/60 llc "
                     "2@71 1000000000ns i1 link 123 4/4 \x81\1\1! "
                     "3@99 1000000000ns i1 link 123 1/1 \x82 .");
}

static void infiniband(void)
{
    struct script s = snoop_new(2, 26);
    put_snoop(&s, 1, 0, 60, 0, "\x86\xdd!!six", 0);
    put_snoop(&s, 1, 0, 4, 0, "arp!", 0);
    check_script(&s, "(i0 link 228 snap 0 ticks 1000000) (i1 link 229 snap 0 ticks 1000000) "
                     "(i2 link 65535 snap 0 ticks 1000000) 1@44 1000000000ns i1 link 229 3/56 six "
                     "2@71 1000000000ns i2 link 65535 4/4 arp! .");
}

static void check_end(struct script *s, const char *expected, const char *sentence)
{
    struct transcript t = read_script(IN_MEMORY, script_span(s), 0);
    CU_ASSERT_STRING_EQUAL(buffer_text(&t.text), expected);
    CU_ASSERT_STRING_EQUAL(t.error.text, sentence);
    transcript_free(&t);
    check_script(s, expected);
}

static void damage(void)
{
    const char *const before =
        "(i0 link 1 snap 0 ticks 1000000) 1@40 1000000000ns i0 link 1 1/1 a !";
    struct script s = snoop_new(2, 4);
    put_snoop(&s, 1, 0, 1, 0, "a", 3);
    put_snoop(&s, 2, 0, 1, 0, "bcd", 0);
    s.bytes.data[68 - 24 + 11] = 26; /* the second says that it is shorter than its frame */
    check_end(&s, before, "x.pcap: frame 2 at offset 68 says 3 bytes in a record of 26");

    s = snoop_new(2, 4);
    put_snoop(&s, 1, 0, 1, 0, "a", 3);
    put(&s, 1, 4);
    put(&s, 0xffffff00, 4);
    put(&s, 0xffffff20, 4);
    put_zeros(&s, 12);
    check_end(&s, before,
              "x.pcap: frame 2 at offset 68 says 4294967048 bytes, more than a record can have");

    s = snoop_new(2, 4);
    put_snoop(&s, 1, 0, 1, 0, "a", 3);
    put_snoop(&s, 1, 0, 4, 0, "abcd", 4);
    s.bytes.len -= 1; /* of padding */
    check_end(&s, before, "x.pcap: frame 2 at offset 68 says 8 bytes; the file ends 7 bytes later");
}

static void check_refused(struct span bytes, const char *sentence)
{
    struct capture *c;
    struct error err;
    CU_ASSERT_EQUAL(capture_open_memory(&c, "x.txt", bytes, NULL, &err), STATUS_FAILED);
    CU_ASSERT_STRING_EQUAL(err.text, sentence);
}

static void no_captures(void)
{
    check_refused(span_of("snooping", 8), "x.txt is not a capture: it begins with 73 6e 6f 6f, "
                                          "which is neither pcap, pcapng, snoop nor ERF");
    check_refused(span_of("snoop\0\0\0\0\0\0\2", 12),
                  "x.txt ends inside its file header, after 12 bytes");
    check_refused(span_of("snoop\0\0\0\0\0\0\6\0\0\0\4", 16),
                  "x.txt is a snoop file of version 6: only 2 to 5 can be read");
}

static void cut_at_every_byte(void)
{
    struct script s = snoop_new(2, 4);
    size_t ends[4] = {16};
    for (unsigned i = 1; i < 4; i++) {
        put_snoop(&s, i, 0, 60, 0, i == 2 ? "" : "frame", 3);
        ends[i] = s.bytes.len;
    }
    for (size_t len = 0; len <= ends[3]; len++) {
        size_t whole = 0;
        bool at_an_end = false;
        for (size_t i = 0; i < 4; i++) {
            whole += i > 0 && len >= ends[i];
            at_an_end |= len == ends[i];
        }
        for (enum way way = 0; way < WAY_COUNT; way++) {
            struct transcript t = read_script(way, span_first(script_span(&s), len), 1);
            CU_ASSERT_EQUAL(t.status, len < 16    ? STATUS_FAILED
                                      : at_an_end ? STATUS_END
                                                  : STATUS_DAMAGED);
            CU_ASSERT_EQUAL(t.frame_count, whole);
            CU_ASSERT_EQUAL(t.error.text[0] != 0, t.status != STATUS_END);
            transcript_free(&t);
        }
    }
    script_free(&s);
}

static const struct test tests[] = {
    {"a frame is what the record has without its padding", frames},
    {"drops are told where their count changes", drops},
    {"DLPI's types are link types, Solaris's own ones too", networks},
    {"a file with room behind its first frame is Surveyor's, whose types are others", surveyor},
    {"Surveyor's 802.11 stands behind a header that says its length", surveyor_radio},
    {"LLC over ATM stands behind four bytes", atm},
    {"IP over InfiniBand stands behind its type", infiniband},
    {"damage names frame and offset", damage},
    {"what is no snoop file is refused in a sentence", no_captures},
    {"a snoop file cut anywhere gives every frame before the cut", cut_at_every_byte},
};
SUITE("capture: snoop", tests)
