/* capture_pcap_test.c - classic capture files, made here byte by byte. */
#include "capture_script.h"

#include <sys/stat.h>

static void same_frames(void)
{
    static const struct {
        bool big_endian;
        uint32_t magic, fraction;
    } files[] = {{false, 0xa1b2c3d4, 7},
                 {true, 0xa1b2c3d4, 7},
                 {false, 0xa1b23c4d, 7000},
                 {true, 0xa1b23c4d, 7000}};
    for (size_t i = 0; i < 4; i++) {
        struct script s = script_new(files[i].big_endian);
        put_pcap_header(&s, files[i].magic, 1);
        put_record(&s, 1, files[i].fraction, "abc");
        put_record(&s, 2, 0, "");
        put_record(&s, 4000000000, files[i].fraction, "de");
        check_script(
            &s,
            files[i].fraction == 7
                ? "(i0 link 1 snap 65535 ticks 1000000) 1@40 1000007000ns i0 link 1 3/3 abc "
                  "2@59 2000000000ns i0 link 1 0/0  3@75 4000000000000007000ns i0 link 1 2/2 de ."
                : "(i0 link 1 snap 65535 ticks 1000000000) 1@40 1000007000ns i0 link 1 3/3 abc "
                  "2@59 2000000000ns i0 link 1 0/0  3@75 4000000000000007000ns i0 link 1 2/2 de .");
    }
}

static void kuznetzov(void)
{
    for (int big_endian = 0; big_endian < 2; big_endian++) {
        struct script s = script_new(big_endian);
        put_pcap_header(&s, 0xa1b2cd34, 1);
        for (unsigned i = 1; i <= 2; i++) {
            put(&s, i, 4);
            put(&s, 5, 4);
            put(&s, 2, 4);
            put(&s, 60, 4);
            put(&s, 3, 4); /* interface */
            put(&s, 8, 2); /* protocol */
            put(&s, 0, 2);
            put_text(&s, "xy");
        }
        check_script(&s, "(i0 link 1 snap 65535 ticks 1000000) 1@48 1000005000ns i0 link 1 2/60 xy "
                         "2@74 2000005000ns i0 link 1 2/60 xy .");
    }
}

static void header_only(void)
{
    struct script s = script_new(false);
    put_pcap_header(&s, 0xa1b2c3d4, 113);
    check_script(&s, "(i0 link 113 snap 65535 ticks 1000000) .");
}

static void link_type_bits(void)
{
    static const struct {
        uint32_t network;
        const char *expected;
    } files[] = {
        {0xf0000001, "(i0 link 1 snap 65535 ticks 1000000) ."}, /* a check sequence follows */
        {0x24000001, "(i0 link 1 snap 65535 ticks 1000000) ."},
        {0x30000069, "(i0 link 105 snap 65535 ticks 1000000) ."},
        {12, "(i0 link 101 snap 65535 ticks 1000000) ."}, /* DLT_RAW as Linux numbers it */
        {14, "(i0 link 101 snap 65535 ticks 1000000) ."}, /* and OpenBSD */
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct script s = script_new(false);
        put_pcap_header(&s, 0xa1b2c3d4, files[i].network);
        check_script(&s, files[i].expected);
    }
}

/* In units of 16 bits, if a bit says that it is said. */
static void check_sequences(void)
{
    static const struct {
        uint32_t network;
        unsigned fcs_len;
    } files[] = {{1, 0}, {0x24000001, 4}, {0x14000069, 2}, {0x20000001, 0}, {0xf4000001, 30}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct script s = script_new(i % 2);
        put_pcap_header(&s, 0xa1b2c3d4, files[i].network);
        put_record(&s, 1, 0, "abc");
        CU_ASSERT_EQUAL(first_fcs_len(script_span(&s)), files[i].fcs_len);
        script_free(&s);
    }
}

static void old_versions(void)
{
    enum { REFUSED, AS_NOW, SWAPPED };
    static const struct {
        unsigned major, minor;
        uint32_t first, second; /* lengths as written */
        const char *expected;
    } files[] = {
        {2, 4, 2, 60, "1@40 0ns i0 link 1 2/60 xy ."},
        {2, 3, 2, 60, "1@40 0ns i0 link 1 2/60 xy ."},
        {2, 3, 60, 2, "1@40 0ns i0 link 1 2/60 xy ."},
        {2, 2, 60, 2, "1@40 0ns i0 link 1 2/60 xy ."},
        {2, 0, 60, 2, "1@40 0ns i0 link 1 2/60 xy ."},
        {543, 0, 60, 2, "1@40 0ns i0 link 1 2/60 xy ."},
        {2, 4, 2, 1, "1@40 0ns i0 link 1 2/2 xy ."}, /* less on the wire than captured: no */
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct script s = script_new(false);
        char expected[128];
        put(&s, 0xa1b2c3d4, 4);
        put(&s, files[i].major, 2);
        put(&s, files[i].minor, 2);
        put(&s, 0, 8);
        put(&s, 65535, 4);
        put(&s, 1, 4);
        put(&s, 0, 8);
        put(&s, files[i].first, 4);
        put(&s, files[i].second, 4);
        put_text(&s, "xy");
        snprintf(expected, sizeof expected, "(i0 link 1 snap 65535 ticks 1000000) %s",
                 files[i].expected);
        check_script(&s, expected);
    }
}

static void check_refused(struct span bytes, const char *sentence)
{
    struct capture *c;
    struct error err;
    CU_ASSERT_EQUAL(capture_open_memory(&c, "x.txt", bytes, NULL, &err), STATUS_FAILED);
    CU_ASSERT_PTR_NULL(c);
    CU_ASSERT_STRING_EQUAL(err.text, sentence);
}

static void no_captures(void)
{
    check_refused(span_of("Hello", 5),
                  "x.txt is not a capture: it begins with 48 65 6c 6c, which is "
                  "neither pcap, pcapng, snoop nor ERF");
    check_refused(span_of("", 0), "x.txt is empty: not even a file header");
    check_refused(span_of("\xd4\xc3\xb2", 3), "x.txt has 3 bytes: not even a file header");
    check_refused(span_of("\xd4\xc3\xb2\xa1\2\0\4\0", 8),
                  "x.txt ends inside its file header, after 8 bytes");
    check_refused(span_of("\xd4\xc3\xb2\xa1\7\0\11\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0", 24),
                  "x.txt is a pcap of version 7.9: only 2.x can be read");
    struct buffer packed = gzip_of(span_of("Hello", 5));
    check_refused(span_of(packed.data, packed.len),
                  "x.txt is not a capture: once uncompressed, it begins with 48 65 6c 6c, which is "
                  "neither pcap, pcapng, snoop nor ERF");
    check_refused(span_of(packed.data, 6),
                  "x.txt holds no capture: the gzip data end in their middle, after 6 bytes");
    buffer_release(&packed);
    packed = zstd_of(span_of(NULL, 0));
    check_refused(span_of(packed.data, packed.len),
                  "x.txt is empty once uncompressed: not even a file header");
    buffer_release(&packed);
}

static void no_files(void)
{
    struct capture *c;
    struct error err;
    CU_ASSERT_EQUAL(capture_open(&c, "/nowhere/x.pcap", NULL, &err), STATUS_FAILED);
    CU_ASSERT_STRING_EQUAL(err.text, "/nowhere/x.pcap cannot be opened: No such file or directory");
    CU_ASSERT_EQUAL(capture_open(&c, "/tmp", NULL, &err), STATUS_FAILED);
    CU_ASSERT_STRING_EQUAL(err.text,
                           "/tmp is a folder: name the captures in it, as in /tmp/*.pcap");
    CU_ASSERT_EQUAL(capture_open(&c, "/dev/null", NULL, NULL), STATUS_FAILED);
    CU_ASSERT_PTR_NULL(c);
}

static void check_damage(struct script *s, const char *expected, const char *sentence)
{
    struct transcript t = read_script(IN_MEMORY, script_span(s), 0);
    CU_ASSERT_STRING_EQUAL(t.error.text, sentence);
    transcript_free(&t);
    check_script(s, expected);
}

static void too_long_for_the_file(void)
{
    struct script s = script_new(false);
    put_pcap_header(&s, 0xa1b2c3d4, 1);
    put_record(&s, 1, 0, "abc");
    put(&s, 1, 4);
    put(&s, 0, 4);
    put(&s, 70000, 4);
    put(&s, 70000, 4);
    put_text(&s, "abcd");
    check_damage(&s, "(i0 link 1 snap 65535 ticks 1000000) 1@40 1000000000ns i0 link 1 3/3 abc !",
                 "x.pcap: frame 2 at offset 59 says 70000 bytes; the file ends 4 bytes later");
}

static void too_long_for_a_record(void)
{
    struct script s = script_new(true);
    put_pcap_header(&s, 0xa1b2c3d4, 1);
    put(&s, 1, 4);
    put(&s, 0, 4);
    put(&s, UINT32_MAX, 4);
    put(&s, UINT32_MAX, 4);
    check_damage(&s, "(i0 link 1 snap 65535 ticks 1000000) !",
                 "x.pcap: frame 1 at offset 40 says 4294967295 bytes, more than a record can have");
}

static void cut_at_every_byte(void)
{
    static const size_t ends[] = {24, 24 + 16 + 5, 24 + 16 + 5 + 16, 24 + 16 + 5 + 16 + 16 + 9};
    struct script s = script_new(false);
    put_pcap_header(&s, 0xa1b2c3d4, 1);
    put_record(&s, 1, 0, "abcde");
    put_record(&s, 1, 0, "");
    put_record(&s, 1, 0, "abcdefghi");
    CU_ASSERT_EQUAL(s.bytes.len, ends[3]);
    for (size_t len = 0; len <= ends[3]; len++) {
        size_t whole = 0;
        bool at_an_end = false;
        for (size_t i = 0; i < 4; i++) {
            whole += i > 0 && len >= ends[i];
            at_an_end |= len == ends[i];
        }
        for (enum way way = 0; way < WAY_COUNT; way++) {
            struct transcript t = read_script(way, span_first(script_span(&s), len), 1);
            CU_ASSERT_EQUAL(t.status, len < 24    ? STATUS_FAILED
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
    {"two byte orders and two resolutions give the same frames", same_frames},
    {"the record headers of Kuznetzov's patch are longer", kuznetzov},
    {"a header and no frames is an end", header_only},
    {"only the lower half of the link type counts, and system's own numbers are mended",
     link_type_bits},
    {"the upper half may say how long a check sequence is", check_sequences},
    {"old versions wrote the two lengths in the other order", old_versions},
    {"what is no capture is refused in a sentence", no_captures},
    {"what cannot be opened is refused in a sentence", no_files},
    {"a frame longer than the file is damage that names frame and offset", too_long_for_the_file},
    {"a frame longer than any is damage", too_long_for_a_record},
    {"a pcap cut anywhere gives every frame before the cut", cut_at_every_byte},
};
SUITE("capture: pcap", tests)
