/* capture_erf_test.c - Endace's captures, made here byte by byte. */
#include "capture_script.h"

enum { ETH = 2, PORT_B_VARYING = 0x05 };

static const uint64_t SECOND = (uint64_t)1 << 32;
static const uint64_t DAY = 1500000000; /* in seconds: one of our days */

static struct script erf_new(void)
{
    return script_new(true);
}

static void put_le(struct script *s, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        buffer_add_byte(&s->bytes, (uint8_t)(value >> 8 * i));
}

/* A record: 16 bytes of header, `text` whatever it is, and padding to a multiple of 8. */
static void put_erf(struct script *s, uint64_t time, unsigned type, unsigned flags,
                    unsigned wire_len, const void *text, size_t text_len)
{
    size_t padding = (8 - text_len % 8) % 8;
    put_le(s, time);
    put(s, type, 1);
    put(s, flags, 1);
    put(s, 16 + text_len + padding, 2);
    put(s, 0, 2);
    put(s, wire_len, 2);
    buffer_add(&s->bytes, text, text_len);
    put_zeros(s, padding);
}

/* Ethernet, with the two bytes before it. */
static void put_eth(struct script *s, uint64_t time, unsigned flags, unsigned wire_len,
                    const char *text)
{
    char all[64];
    int len = snprintf(all, sizeof all, "..%s", text);
    put_erf(s, time, ETH, flags, wire_len, all, (size_t)len);
}

#define PORT_A "(i0 link 1 snap 0 ticks 4294967296 'port A') "

static void frames(void)
{
    struct script s = erf_new();
    put_eth(&s, DAY * SECOND, 4, 4, "abcd");
    put_eth(&s, DAY * SECOND + 1, 4, 1500, "cutcut"); /* by a snap length */
    put_eth(&s, (DAY + 1) * SECOND, 4, 0, "");
    put_eth(&s, (DAY + 1) * SECOND + 0x80000000, 0, 2, "uvwxyz"); /* padding that is no zeros */
    check_script(&s, PORT_A "1@18 1500000000000000000ns i0 link 1 4/4 abcd "
                            "2@42 1500000000000000000ns i0 link 1 6/1500 cutcut "
                            "3@66 1500000001000000000ns i0 link 1 0/0  "
                            "4@90 1500000001500000000ns i0 link 1 2/2 uv .");
}

/* A tick is 0.23 ns: to the nearest, as Wireshark rounds it, and up over the second. */
static void times(void)
{
    static const struct {
        uint64_t ticks;
        const char *ns;
    } cases[] = {
        {0, "1500000000000000000"},          {2, "1500000000000000000"},          /* 0.47 */
        {3, "1500000000000000001"},                                               /* 0.70 */
        {0x80000000, "1500000000500000000"}, {0xfffffffe, "1500000001000000000"}, /* 999999999.53 */
        {0xfffffffd, "1500000000999999999"},                                      /* 999999999.30 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[160];
        struct script s = erf_new();
        put_eth(&s, DAY * SECOND + cases[i].ticks, 4, 4, "abcd");
        snprintf(expected, sizeof expected, PORT_A "1@18 %sns i0 link 1 4/4 abcd .", cases[i].ns);
        check_script(&s, expected);
    }
}

/* Each pair of port and link type is an interface; the third bit of a port is apart. */
static void ports(void)
{
    struct script s = erf_new();
    put_eth(&s, DAY * SECOND, PORT_B_VARYING, 1, "a");
    put_eth(&s, DAY * SECOND, 4, 1, "b");
    put_eth(&s, DAY * SECOND, PORT_B_VARYING, 1, "c");
    put_erf(&s, DAY * SECOND, 22, PORT_B_VARYING, 1, "d", 1);
    put_eth(&s, DAY * SECOND, 0x47, 1, "e");
    check_script(&s, "(i0 link 1 snap 0 ticks 4294967296 'port B') "
                     "1@18 1500000000000000000ns i0 link 1 1/1 a "
                     "(i1 link 1 snap 0 ticks 4294967296 'port A') "
                     "2@42 1500000000000000000ns i1 link 1 1/1 b "
                     "3@66 1500000000000000000ns i0 link 1 1/1 c "
                     "(i2 link 228 snap 0 ticks 4294967296 'port B') "
                     "4@88 1500000000000000000ns i2 link 228 1/1 d "
                     "(i3 link 1 snap 0 ticks 4294967296 'port H') "
                     "5@114 1500000000000000000ns i3 link 1 1/1 e .");
}

/* What each type gives: its link type, and where its frame begins in a record of `text`. */
static void types(void)
{
    static const char ipv4[] = "####\x45\0\0\24................";
    static const struct {
        unsigned type;
        const char *text;
        size_t len;
        unsigned link_type, at; /* 0 is the whole record */
    } cases[] = {
        {1, "\xff\3\0!ppp", 7, 50, 16},
        {1, "\17\0\10\0cisco", 9, 50, 16},
        {1, "\x18\x41\3\xcc relay", 10, 107, 16},
        {10, "\xff\3\0!ppp", 7, 50, 16},
        {15, "\xff\3\0!ppp", 7, 50, 16},
        {19, "\xff\3\0!ppp", 7, 50, 16},
        {5, "mmmm\xff\3\0!ppp", 11, 50, 20},
        {17, "mmmm\x18\x41\3\xcc relay", 14, 107, 20},
        {2, "..eth", 5, 1, 18},
        {11, "..eth", 5, 1, 18},
        {16, "..eth", 5, 1, 18},
        {20, "..eth", 5, 1, 18},
        {4, "####\xaa\xaa\3", 7, 100, 20},
        {4, "####\xfe\xfe\3", 7, 100, 20},
        {4, ipv4, 24, 101, 20},
        {4, "####?", 5, 197, 0},
        {4, "###", 3, 197, 0},
        {9, "mmmm####\xaa\xaa\3", 11, 100, 24},
        {21, "infiniband", 10, 247, 16},
        {22, "four", 4, 228, 16},
        {23, "six", 3, 229, 16},
        {3, "####cell", 8, 197, 0},
        {7, "mmmm####cell", 12, 197, 0},
        {6, "mmmmraw", 7, 197, 0},
        {12, "mmmmaal2", 8, 197, 0},
        {18, "aal2aal2", 8, 197, 0},
        {24, "sonet", 5, 197, 0},
        {27, "meta", 4, 197, 0},
        {29, "opa", 3, 197, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t before = cases[i].type == ETH || cases[i].type == 11 || cases[i].type == 16 ||
                                cases[i].type == 20
                            ? 2
                        : strncmp(cases[i].text, "mmmm", 4) == 0 || cases[i].type == 18 ? 4
                                                                                        : 0;
        unsigned wire_len = (unsigned)(cases[i].len - before);
        unsigned taken = cases[i].at ? cases[i].at - 16 - (unsigned)before : 0;
        unsigned expected = cases[i].at ? wire_len - taken : (unsigned)cases[i].len + 16;
        struct script s = erf_new();
        put_erf(&s, DAY * SECOND, cases[i].type, 4, wire_len, cases[i].text, cases[i].len);
        struct capture *c;
        struct frame f;
        CU_ASSERT_EQUAL_FATAL(capture_open_memory(&c, "x.erf", script_span(&s), NULL, NULL),
                              STATUS_OK);
        CU_ASSERT_EQUAL_FATAL(capture_next(c, &f, NULL), STATUS_OK);
        CU_ASSERT_EQUAL(f.link_type, cases[i].link_type);
        CU_ASSERT_EQUAL(f.offset, cases[i].at);
        CU_ASSERT_EQUAL(f.bytes.len, expected);
        CU_ASSERT_EQUAL(f.wire_len, expected);
        CU_ASSERT_EQUAL(f.fcs_len, f.link_type == 1 ? 4 : 0);
        CU_ASSERT_PTR_EQUAL(f.bytes.data, s.bytes.data + cases[i].at);
        if (f.link_type != cases[i].link_type || f.offset != cases[i].at || f.bytes.len != expected)
            fprintf(stderr, "\n  case %zu: link %" PRIu32 " at %" PRIu64 ", %zu bytes\n", i,
                    f.link_type, f.offset, f.bytes.len);
        CU_ASSERT_EQUAL(capture_next(c, &f, NULL), STATUS_END);
        capture_close(c);
        script_free(&s);
    }
}

static struct script eight(void)
{
    struct script s = erf_new();
    for (unsigned i = 0; i < 8; i++)
        put_eth(&s, DAY * SECOND + 4 * i, 4, 6, "sixsix");
    return s;
}

/* Extension headers stand before the type's own. Padding has no number, but with extension headers
 * Wireshark gives it one. */
static void chained(void)
{
    struct script s = eight();
    put_erf(&s, DAY * SECOND, 0x82, 4, 3, "\x90.......\x11.......||abc", 21);
    put_erf(&s, 0, 48, 0, 0, "nothing", 7);
    put_erf(&s, DAY * SECOND, 22, 4, 3, "def", 3);
    put_erf(&s, DAY * SECOND, 0xb0, 4, 0, "\x10.......", 8);
    put_erf(&s, DAY * SECOND, 99, 4, 0, "", 0);
    put_erf(&s, DAY * SECOND, 22, 4, 3, "ghi", 3);
    struct transcript t = read_script(IN_MEMORY, script_span(&s), 0);
    CU_ASSERT_EQUAL(t.status, STATUS_END);
    CU_ASSERT_EQUAL(t.frame_count, 13);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(buffer_text(&t.text), "9@226 1500000000000000000ns i0 link 1 3/3 abc "));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(buffer_text(&t.text), "10@272 1500000000000000000ns i1 link 228 3/3 def "));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(buffer_text(&t.text), "11@280 1500000000000000000ns i2 link 197 24/24 "));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(buffer_text(&t.text), "12@304 1500000000000000000ns i2 link 197 16/16 "));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(buffer_text(&t.text), "13@336 1500000000000000000ns i1 link 228 3/3 ghi ."));
    transcript_free(&t);
    script_free(&s);
}

/* Losses are counted by port; where a record has a color, it stands in their place. */
static void losses(void)
{
    struct script s = erf_new();
    for (unsigned i = 0; i < 4; i++) {
        size_t at = s.bytes.len;
        put_erf(&s, DAY * SECOND, i == 1 ? 11 : ETH, 4, 1, "..a", 3);
        s.bytes.data[at + 13] = (uint8_t)(i == 2 ? 0 : i + 1);
    }
    check_script(&s, PORT_A "<i0 1500000000000000000ns -1 1 -1 -1> "
                            "1@18 1500000000000000000ns i0 link 1 1/1 a "
                            "2@42 1500000000000000000ns i0 link 1 1/1 a "
                            "3@66 1500000000000000000ns i0 link 1 1/1 a "
                            "<i0 1500000000000000000ns -1 5 -1 -1> "
                            "4@90 1500000000000000000ns i0 link 1 1/1 a .");
}

/* Said each second; told once, and again when it is something else. */
static void metadata(void)
{
    static const char said[] = "\xff\0\0\4\0\1\0\x20\0\20\0\5probe\0\0\0"
                               "\xff\1\0\4\0\1\0\x20\0\21\0\2os\0\0\0\24\0\5model\0\0\0"
                               "\xff\2\0\4\0\1\0\x20\0\24\0\4card\0\1\0\7comment";
    static const char other[] = "\0\1\0\5other\0\0\0\0\1\377\377past the end";
    struct script s = erf_new();
    put_erf(&s, DAY * SECOND, 27, 4, sizeof said - 1, said, sizeof said - 1);
    put_erf(&s, DAY * SECOND, 27, 4, sizeof said - 1, said, sizeof said - 1);
    put_erf(&s, DAY * SECOND, 27, 4, sizeof other - 1, other, sizeof other - 1);
    struct transcript t = read_script(STREAMED, script_span(&s), 0);
    char *notes = calloc(1, t.text.len + 1);
    for (const char *at = buffer_text(&t.text); (at = strchr(at, '{')) != NULL; at++)
        strncat(notes, at, strcspn(at, "}") + 1);
    CU_ASSERT_STRING_EQUAL(notes, "{0 application probe}{0 os os}{0 hardware model}"
                                  "{1 comment comment}{3 comment other}");
    free(notes);
    transcript_free(&t);
    script_free(&s);
}

static void check_end(struct script *s, const char *sentence)
{
    for (enum way way = 0; way < WAY_COUNT; way++) {
        struct transcript t = read_script(way, script_span(s), 0);
        CU_ASSERT_EQUAL(t.status, STATUS_DAMAGED);
        CU_ASSERT_EQUAL(t.frame_count, 8);
        if (way == IN_MEMORY)
            CU_ASSERT_STRING_EQUAL(t.error.text, sentence);
        transcript_free(&t);
    }
    script_free(s);
}

static void damage(void)
{
    struct script s = eight();
    put_zeros(&s, 24);
    check_end(&s,
              "x.pcap: frame 9 at offset 192 says a record of 0 bytes, too few for its headers");
    s = eight();
    put_erf(&s, DAY * SECOND, 0x82, 4, 6, "\x80.......", 8); /* another one should follow */
    check_end(&s,
              "x.pcap: frame 9 at offset 192 says a record of 24 bytes, too few for its headers");
    s = eight();
    put_eth(&s, DAY * SECOND, 4, 6, "sixsix");
    s.bytes.len -= 1;
    check_end(&s, "x.pcap: frame 9 at offset 192 says 24 bytes; the file ends 23 bytes later");
    s = eight();
    put_zeros(&s, 15);
    check_end(&s, "x.pcap: frame 9 at offset 192 has a header of 16 bytes; the file ends 15 bytes "
                  "later");
}

static bool is_erf(struct span bytes)
{
    bool answers[2];
    for (int stream = 0; stream < 2; stream++) {
        struct capture *c;
        struct error err;
        struct capture_options options = {.stream = stream, .window_len = (size_t)stream};
        answers[stream] = capture_open_memory(&c, "x", bytes, &options, &err) == STATUS_OK;
        CU_ASSERT(answers[stream] || err.text[0] != '\0');
        capture_close(c);
    }
    CU_ASSERT_EQUAL(answers[0], answers[1]);
    return answers[0];
}

static bool is_erf_taken(struct script *s)
{
    bool answer = is_erf(script_span(s));
    script_free(s);
    return answer;
}

static struct script one(uint64_t time, unsigned type, unsigned flags, unsigned wire_len,
                         size_t text_len)
{
    struct script s = erf_new();
    put_erf(&s, time, type, flags, wire_len, "................................", text_len);
    return s;
}

static void recognised(void)
{
    struct script s = one(DAY * SECOND, ETH, 4, 30, 32);
    CU_ASSERT_TRUE(is_erf_taken(&s)); /* a single record */
    s = one(SECOND, ETH, 4, 30, 32);
    CU_ASSERT_FALSE(is_erf_taken(&s)); /* of 1970 */
    s = one(DAY * SECOND, 33, 4, 30, 32);
    CU_ASSERT_FALSE(is_erf_taken(&s)); /* of no known type */
    s = one(DAY * SECOND, ETH, 4, 8, 32);
    CU_ASSERT_FALSE(is_erf_taken(&s)); /* with more room than its frame needs */
    s = one(DAY * SECOND, ETH, 0, 8, 32);
    CU_ASSERT_TRUE(is_erf_taken(&s)); /* as records of one length have it */
    s = one(DAY * SECOND, 0xff & (ETH | 0x80), 4, 8, 2);
    CU_ASSERT_FALSE(is_erf_taken(&s)); /* without the extension header that it should have */
    s = one(DAY * SECOND, ETH, 4, 30, 32);
    put_zeros(&s, 1);
    CU_ASSERT_FALSE(is_erf_taken(&s)); /* and something behind it */
    s = one(DAY * SECOND, ETH, 4, 30, 32);
    s.bytes.len--;
    CU_ASSERT_FALSE(is_erf_taken(&s)); /* cut off */
    s = one(DAY * SECOND, 48, 4, 30, 32);
    CU_ASSERT_FALSE(is_erf_taken(&s)); /* padding alone */

    const struct {
        uint64_t first, second;
        bool yes;
    } pairs[] = {
        {DAY * SECOND, DAY * SECOND, true},
        {DAY * SECOND, (DAY - 1) * SECOND, true},
        {DAY * SECOND, (DAY - 2) * SECOND, false},
        {DAY * SECOND, (DAY + 300 * 86400) * SECOND, true},
        {DAY * SECOND, (DAY + 400 * 86400) * SECOND, false},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        s = erf_new();
        put_eth(&s, pairs[i].first, 4, 6, "sixsix");
        put_eth(&s, pairs[i].second, 4, 6, "sixsix");
        CU_ASSERT_EQUAL(is_erf_taken(&s), pairs[i].yes);
    }
    /* As some programs write them: lengths that are no multiple of 8. */
    s = erf_new();
    for (unsigned i = 0; i < 3; i++) {
        CU_ASSERT_FALSE(is_erf(script_span(&s)));
        put_eth(&s, (DAY + i) * SECOND, 1, 6, "sixsix");
        s.bytes.data[s.bytes.len - 24 + 11] = 23;
        s.bytes.len--;
    }
    CU_ASSERT_TRUE(is_erf_taken(&s));
    s = erf_new();
    for (unsigned i = 0; i < 9; i++)
        put_eth(&s, DAY * SECOND, 4, 6, "sixsix");
    CU_ASSERT_FALSE(is_erf_taken(&s)); /* the same again and again */
}

/* Of times any bytes can be the first. */
static void begins_like_gzip(void)
{
    struct script s = one(DAY * SECOND + 0x12348b1f, ETH, 4, 30, 32);
    CU_ASSERT_TRUE(is_erf_taken(&s));
}

/* A generator of numbers that are the same everywhere. */
static uint8_t next_byte(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint8_t)(*state >> 56);
}

static void not_recognised(void)
{
    static uint8_t bytes[70000];
    uint64_t state = 1;
    CU_ASSERT_FALSE(is_erf(span_of(bytes, 0)));
    for (size_t len = 1; len <= sizeof bytes; len = len * 3 + 1)
        CU_ASSERT_FALSE(is_erf(span_of(bytes, len))); /* zeros */
    for (unsigned value = 1; value < 256; value++) {
        memset(bytes, (int)value, sizeof bytes);
        CU_ASSERT_FALSE(is_erf(span_of(bytes, sizeof bytes)));
    }
    for (size_t i = 0; i < sizeof bytes; i++) /* text, digits among it */
        bytes[i] = (uint8_t) " 0123456789abc\n"[i * 7 % 15];
    for (size_t at = 0; at < 15; at++)
        CU_ASSERT_FALSE(is_erf(span_of(bytes + at, sizeof bytes - at)));
    for (unsigned i = 0; i < 20000; i++) { /* noise, long and short */
        size_t len = i % 2 ? 16 + i % 512 : 3000;
        for (size_t k = 0; k < len; k++)
            bytes[k] = next_byte(&state);
        CU_ASSERT_FALSE(is_erf(span_of(bytes, len)));
    }
}

/* From two records on a cut is damage; before, there is nothing to know it by. */
static void cut_at_every_byte(void)
{
    struct script s = erf_new();
    size_t ends[6] = {0};
    for (unsigned i = 1; i < 6; i++) {
        put_eth(&s, (DAY + i) * SECOND, 4, i == 2 ? 0 : 5, i == 2 ? "" : "frame");
        ends[i] = s.bytes.len;
    }
    for (size_t len = 0; len <= ends[5]; len++) {
        size_t whole = 0;
        bool at_an_end = false;
        for (size_t i = 1; i < 6; i++) {
            whole += len >= ends[i];
            at_an_end |= len == ends[i];
        }
        bool known = len == ends[1] || len >= ends[1] + 16;
        for (enum way way = 0; way < WAY_COUNT; way++) {
            struct transcript t = read_script(way, span_first(script_span(&s), len), 1);
            CU_ASSERT_EQUAL(t.status, !known      ? STATUS_FAILED
                                      : at_an_end ? STATUS_END
                                                  : STATUS_DAMAGED);
            CU_ASSERT_EQUAL(t.frame_count, known ? whole : 0);
            CU_ASSERT_EQUAL(t.error.text[0] != 0, t.status != STATUS_END);
            transcript_free(&t);
        }
    }
    script_free(&s);
}

static const struct test tests[] = {
    {"a frame is what the record has without headers and padding", frames},
    {"times are rounded to the nearest nanosecond", times},
    {"a port with a link type is an interface", ports},
    {"a type says what the frame is, or the frame is the record", types},
    {"extension headers are stepped over, padding has no number", chained},
    {"lost records are told by port", losses},
    {"what metadata say is told once", metadata},
    {"damage names frame and offset", damage},
    {"a chain of records is recognised, a short one only if strict", recognised},
    {"a first time that begins like gzip is no gzip", begins_like_gzip},
    {"zeros, text and noise are no chain", not_recognised},
    {"an ERF cut anywhere gives every frame before the cut", cut_at_every_byte},
};
SUITE("capture: ERF", tests)
