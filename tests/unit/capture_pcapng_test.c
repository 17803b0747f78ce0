/* capture_pcapng_test.c - pcapng captures, made here byte by byte. */
#include "capture_script.h"

#define ETH0 "(i0 link 1 snap 0 ticks 1000000) "

/* A script that has begun a section with one Ethernet interface. */
static struct script begun(bool big_endian)
{
    struct script s = script_new(big_endian);
    put_section(&s);
    put_interface(&s, 1);
    return s;
}

static void simplest(void)
{
    for (int big_endian = 0; big_endian < 2; big_endian++) {
        struct script s = begun(big_endian);
        put_packet(&s, 0, 1700000000123456, "abcde");
        put_packet(&s, 0, 1, "");
        check_script(&s, ETH0 "1@76 1700000000123456000ns i0 link 1 5/5 abcde "
                              "2@116 1000ns i0 link 1 0/0  .");
    }
}

static void sections(void)
{
    struct script s = begun(false);
    put_packet(&s, 0, 1, "a");
    s.big_endian = true;
    put_section(&s);
    put_interface(&s, 101);
    put_interface(&s, 113);
    put_packet(&s, 1, 2, "b");
    s.big_endian = false;
    put_section(&s);
    put_interface(&s, 9);
    put_packet(&s, 0, 3, "c");
    check_script(&s, ETH0 "1@76 1000ns i0 link 1 1/1 a "
                          "(i1 link 101 snap 0 ticks 1000000) (i2 link 113 snap 0 ticks 1000000) "
                          "2@180 2000ns i2 link 113 1/1 b "
                          "(i3 link 9 snap 0 ticks 1000000) 3@264 3000ns i3 link 9 1/1 c .");
}

static void resolutions(void)
{
    static const struct {
        uint8_t resolution;
        int64_t offset_s;
        uint64_t ticks;
        const char *ticks_per_second, *time_ns;
    } clocks[] = {
        {0, 0, 1700000000, "1", "1700000000000000000"},
        {3, 0, 1700000000123, "1000", "1700000000123000000"},
        {9, 0, 1700000000123456789, "1000000000", "1700000000123456789"},
        {12, 0, 1999, "1000000000000", "1"}, /* picoseconds, rounded down */
        {19, 0, UINT64_MAX, "10000000000000000000", "1844674407"},
        {28, 0, UINT64_MAX, "18446744073709551615", "1"},
        {127, 0, UINT64_MAX, "18446744073709551615", "0"},
        {0x80, 0, 5, "1", "5000000000"},
        {0x8a, 0, 1024 + 512 + 1, "1024", "1500976562"}, /* 1/1024 s is 976562.5 ns */
        {0xa0, 0, 0x6500000080000000, "4294967296", "1694498816500000000"},
        {0xbf, 0, UINT64_MAX, "9223372036854775808", "1999999999"},
        {0xc0, 0, UINT64_MAX, "18446744073709551615", "999999999"},
        {0xff, 0, UINT64_MAX, "18446744073709551615", "0"},
        {6, 100, 1, "1000000", "100000001000"},
        {6, -100, 1, "1000000", "-99999999000"},
        {0, 0, UINT64_MAX, "1", "9223372036854775807"}, /* more than there are nanoseconds */
        {0x80, 0, UINT64_MAX, "1", "9223372036854775807"},
        {9, INT64_MAX, 1, "1000000000", "9223372036854775807"},
        {9, INT64_MIN, 0, "1000000000", "-9223372036854775808"},
    };
    for (size_t i = 0; i < sizeof clocks / sizeof clocks[0]; i++) {
        struct script s = script_new(i % 2);
        char expected[256];
        uint8_t offset[8];
        for (int k = 0; k < 8; k++)
            offset[k] = (uint8_t)((uint64_t)clocks[i].offset_s >> 8 * (s.big_endian ? 7 - k : k));
        put_section(&s);
        interface_begin(&s, 1, 0);
        put_option(&s, 9, &clocks[i].resolution, 1);
        put_option(&s, 14, offset, 8);
        block_end(&s);
        put_packet(&s, 0, clocks[i].ticks, "x");
        snprintf(expected, sizeof expected,
                 "(i0 link 1 snap 0 ticks %s) 1@96 %sns i0 link 1 1/1 x .",
                 clocks[i].ticks_per_second, clocks[i].time_ns);
        check_script(&s, expected);
    }
}

static void interface_texts(void)
{
    struct script s = script_new(false);
    put_section(&s);
    interface_begin(&s, 1, 96);
    put_text_option(&s, 2, "eth0");
    put_text_option(&s, 3, "the left one");
    put_option(&s, 11, "\0tcp", 4);
    put_text_option(&s, 1, "of an interface");
    put_text_option(&s, 2988, "unknown");
    put_option(&s, 0, "", 0);
    put_text_option(&s, 2, "after the end");
    block_end(&s);
    interface_begin(&s, 1, 96);
    put_option(&s, 11, "\1bytecode", 9); /* no text */
    block_end(&s);
    check_script(&s, "{0 comment of an interface} "
                     "(i0 link 1 snap 96 ticks 1000000 'eth0' 'the left one' 'tcp') "
                     "(i1 link 1 snap 96 ticks 1000000) .");
}

static void section_notes(void)
{
    struct script s = script_new(true);
    section_begin(&s);
    put_text_option(&s, 2, "Pi 4");
    put_text_option(&s, 3, "Linux");
    put_text_option(&s, 4, "dumpcap");
    put_text_option(&s, 1, "one");
    put_text_option(&s, 1, "two");
    put_text_option(&s, 5, "unknown");
    block_end(&s);
    check_script(&s, "{0 hardware Pi 4} {0 os Linux} {0 application dumpcap} {0 comment one} "
                     "{0 comment two} .");
}

static void packet_notes(void)
{
    struct script s = begun(false);
    put_packet(&s, 0, 1, "a");
    packet_begin(&s, 0, 2, "abcde");
    put_option(&s, 2, "\0\0\0\0", 4);
    put_text_option(&s, 1, "look here");
    put_text_option(&s, 1, "and here");
    block_end(&s);
    check_script(&s, ETH0 "1@76 1000ns i0 link 1 1/1 a {2 comment look here} {2 comment and here} "
                          "2@112 2000ns i0 link 1 5/5 abcde .");
}

/* An interface says how long one is, in bytes or in bits, and a packet may know better. */
static void check_sequences(void)
{
    static const struct {
        int interface, packet; /* as written; -1 is without the option */
        unsigned fcs_len;
    } files[] = {{-1, -1, 0},  {4, -1, 4},     {32, -1, 4}, {16, -1, 2},
                 {200, -1, 0}, {4, 2 << 5, 2}, {4, 3, 4},   {-1, 4 << 5 | 1, 4}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct script s = script_new(i % 2);
        const uint8_t interface = (uint8_t)files[i].interface;
        put_section(&s);
        interface_begin(&s, 1, 0);
        if (files[i].interface >= 0)
            put_option(&s, 13, &interface, 1);
        block_end(&s);
        packet_begin(&s, 0, 0, "abc");
        if (files[i].packet >= 0) {
            put(&s, 2, 2);
            put(&s, 4, 2);
            put(&s, (uint64_t)files[i].packet, 4);
        }
        block_end(&s);
        CU_ASSERT_EQUAL(first_fcs_len(script_span(&s)), files[i].fcs_len);
        script_free(&s);
    }
}

static void malformed_options(void)
{
    struct script s = script_new(false);
    put_section(&s);
    interface_begin(&s, 1, 0);
    put_text_option(&s, 2, "eth0");
    put(&s, 3, 2);
    put(&s, 60000, 2); /* longer than its block */
    put_text(&s, "abcd");
    block_end(&s);
    packet_begin(&s, 0, 1, "a");
    put_text_option(&s, 1, "kept");
    put(&s, 1, 2);
    put(&s, 9, 2);
    put_text(&s, "too long");
    block_end(&s);
    put_packet(&s, 0, 2, "b");
    interface_begin(&s, 1, 0);
    put_option(&s, 9, "\11\11", 2); /* a resolution of two bytes is none */
    block_end(&s);
    check_script(&s, "(i0 link 1 snap 0 ticks 1000000 'eth0') {1 comment kept} "
                     "1@92 1000ns i0 link 1 1/1 a 2@148 2000ns i0 link 1 1/1 b "
                     "(i1 link 1 snap 0 ticks 1000000) .");
}

static void simple_packets(void)
{
    struct script s = script_new(false);
    put_section(&s);
    interface_begin(&s, 1, 4);
    block_end(&s);
    for (uint32_t wire_len = 3; wire_len < 6; wire_len++) {
        block_begin(&s, 3);
        put(&s, wire_len, 4);
        put_text(&s, wire_len == 3 ? "abc" : "abcd");
        block_end(&s);
        if (wire_len == 3)
            put_packet(&s, 0, 9, "x");
    }
    block_begin(&s, 3); /* says more than its block holds, within the snap length */
    put(&s, 3, 4);
    block_end(&s);
    check_script(&s, "(i0 link 1 snap 4 ticks 1000000) 1@60 0ns i0 link 1 3/3 abc "
                     "2@96 9000ns i0 link 1 1/1 x 3@116 9000ns i0 link 1 4/4 abcd "
                     "4@136 9000ns i0 link 1 4/5 abcd 5@156 9000ns i0 link 1 0/3  .");
}

static void obsolete_packets(void)
{
    for (int big_endian = 0; big_endian < 2; big_endian++) {
        struct script s = begun(big_endian);
        put_interface(&s, 9);
        block_begin(&s, 2);
        put(&s, 1, 2);
        put(&s, 77, 2); /* drops */
        put(&s, 0, 4);
        put(&s, 5, 4);
        put(&s, 2, 4);
        put(&s, 60, 4);
        put_text(&s, "ab");
        put_zeros(&s, 2);
        put_text_option(&s, 1, "old");
        block_end(&s);
        check_script(&s, ETH0 "(i1 link 9 snap 0 ticks 1000000) {1 comment old} "
                              "1@96 5000ns i1 link 9 2/60 ab .");
    }
}

static void statistics(void)
{
    for (int big_endian = 0; big_endian < 2; big_endian++) {
        struct script s = begun(big_endian);
        for (uint32_t interface = 0; interface < 2; interface++) { /* and of one that is none */
            block_begin(&s, 5);
            put(&s, interface, 4);
            put(&s, 0, 4);
            put(&s, 9, 4);
            for (uint16_t code = 4; code < 8; code++) {
                if (code == 6)
                    continue;
                put(&s, code, 2);
                put(&s, 8, 2);
                put(&s, 1000u + code, 8);
            }
            block_end(&s);
        }
        check_script(&s, ETH0 "<i0 9000ns 1004 1005 -1 1007> .");
    }
}

static void secrets(void)
{
    struct script s = begun(false);
    block_begin(&s, 10);
    put(&s, 0x544c534b, 4);
    put(&s, 6, 4);
    put_text(&s, "CLIENT");
    block_end(&s);
    put_packet(&s, 0, 1, "a");
    check_script(&s, ETH0 "[544c534b CLIENT] 1@104 1000ns i0 link 1 1/1 a .");
}

static void unread_blocks(void)
{
    struct script s = begun(false);
    static const uint32_t types[] = {4, 0x80000001, 0, 7, 0x7fffffff};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        block_begin(&s, types[i]);
        put_text(&s, "whatever");
        block_end(&s);
    }
    put_packet(&s, 0, 1, "a");
    check_script(&s, ETH0 "1@176 1000ns i0 link 1 1/1 a .");
}

static void numbered_blocks(void)
{
    struct script s = begun(false);
    put_packet(&s, 0, 1, "a");
    block_begin(&s, 0xbad);
    put(&s, 32473, 4);
    block_end(&s);
    put_packet(&s, 0, 1, "b");
    check_script(&s, ETH0 "1@76 1000ns i0 link 1 1/1 a 3@128 1000ns i0 link 1 1/1 b .");
}

static void check_damage(struct script *s, const char *expected, const char *sentence)
{
    struct transcript t = read_script(IN_MEMORY, script_span(s), 0);
    CU_ASSERT_STRING_EQUAL(t.error.text, sentence);
    transcript_free(&t);
    check_script(s, expected);
}

static void unknown_interface(void)
{
    struct script s = begun(false);
    put_packet(&s, 0, 1, "a");
    put_packet(&s, 1, 1, "b");
    put_packet(&s, 0, 1, "c");
    check_damage(&s, ETH0 "1@76 1000ns i0 link 1 1/1 a !",
                 "x.pcap: the block at offset 84, before frame 2: it names interface 1, and the "
                 "section has 1");
    s = script_new(false);
    put_section(&s);
    block_begin(&s, 3);
    put(&s, 0, 4);
    block_end(&s);
    check_damage(&s, "!",
                 "x.pcap: the block at offset 28, before frame 1: it names interface 0, "
                 "and the section has 0");
    s = begun(false);
    put_section(&s);
    put_packet(&s, 0, 1, "a"); /* the interface was the section's before */
    check_script(&s, ETH0 "!");
}

static void bad_lengths(void)
{
    static const struct {
        uint32_t first, last;
        const char *sentence;
    } blocks[] = {
        {11, 11, "it says 11 bytes, which no block can have"},
        {0, 0, "it says 0 bytes, which no block can have"},
        {18, 18, "it says 18 bytes, which no block can have"},
        {20, 24, "it says 20 bytes at its start and 24 at its end"},
        {24, 20, "it says 24 bytes; the file ends 20 bytes later"},
        {0xfffffffc, 20, "it says 4294967292 bytes, more than we can hold of one"},
    };
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        struct script s = begun(i % 2);
        char sentence[256];
        put_packet(&s, 0, 1, "a");
        put(&s, 10, 4);
        put(&s, blocks[i].first, 4);
        put(&s, 0, 8);
        put(&s, blocks[i].last, 4);
        snprintf(sentence, sizeof sentence, "x.pcap: the block at offset 84, before frame 2: %s",
                 blocks[i].sentence);
        check_damage(&s, ETH0 "1@76 1000ns i0 link 1 1/1 a !", sentence);
    }
}

static void too_short_bodies(void)
{
    static const struct {
        uint32_t type;
        size_t least;
    } blocks[] = {{1, 8}, {2, 20}, {3, 4}, {5, 12}, {6, 20}, {10, 8}};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        for (size_t len = 0; len < blocks[i].least; len += 4) {
            struct script s = begun(false);
            block_begin(&s, blocks[i].type);
            put_zeros(&s, len);
            block_end(&s);
            check_damage(&s, ETH0 "!",
                         "x.pcap: the block at offset 48, before frame 1: it is too short for "
                         "what it is");
        }
    }
}

static void packet_longer_than_its_block(void)
{
    struct script s = begun(false);
    block_begin(&s, 6);
    put_zeros(&s, 12);
    put(&s, 9, 4);
    put(&s, 9, 4);
    put_text(&s, "abcdefgh");
    block_end(&s);
    check_damage(&s, ETH0 "!",
                 "x.pcap: the block at offset 48, before frame 1: it says 9 bytes of "
                 "packet and has room for 8");
}

static void versions(void)
{
    static const struct {
        unsigned major, minor;
        const char *expected;
    } sections[] = {{1, 0, "."}, {1, 2, "."}, {1, 99, "."}, {2, 0, "!"}, {0, 0, "!"}};
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        struct script s = script_new(false);
        char expected[128];
        put_section(&s);
        block_begin(&s, 0x0a0d0d0a);
        put(&s, 0x1a2b3c4d, 4);
        put(&s, sections[i].major, 2);
        put(&s, sections[i].minor, 2);
        put(&s, 0, 8); /* a section length, which nobody needs */
        block_end(&s);
        snprintf(expected, sizeof expected, "%s", sections[i].expected);
        check_script(&s, expected);
    }
}

static void refused_headers(void)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *sentence;
    } headers[] = {
        {"\n\r\r\n\34\0\0\0", 8,
         "x.pcap: the block at offset 0, before frame 1: the file ends 8 bytes into it"},
        {"\n\r\r\n\34\0\0\0abcd", 12,
         "x.pcap: the block at offset 0, before frame 1: its byte order mark is none: 61626364"},
        {"\n\r\r\n\34\0\0\0\x4d\x3c\x2b\x1a\1\0\0\0", 16,
         "x.pcap: the block at offset 0, before frame 1: it says 28 bytes; the file ends 16 bytes "
         "later"},
        {"\n\r\r\n\0\0\0\34\x1a\x2b\x3c\x4d\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\34", 28,
         "x.pcap: the block at offset 0, before frame 1: it begins a section of version 2.0, and "
         "only 1.x can be read"},
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        struct transcript t = read_script(IN_MEMORY, span_of(headers[i].bytes, headers[i].len), 0);
        CU_ASSERT_EQUAL(t.status, STATUS_FAILED);
        CU_ASSERT_STRING_EQUAL(t.error.text, headers[i].sentence);
        transcript_free(&t);
    }
}

static void cut_at_every_byte(void)
{
    enum { BLOCKS = 5 };
    size_t ends[BLOCKS];
    struct script s = script_new(false);
    section_begin(&s);
    put_text_option(&s, 4, "dumpcap");
    block_end(&s);
    ends[0] = s.bytes.len;
    put_interface(&s, 1);
    ends[1] = s.bytes.len;
    put_packet(&s, 0, 1, "abcde");
    ends[2] = s.bytes.len;
    block_begin(&s, 4);
    put_text(&s, "names");
    block_end(&s);
    ends[3] = s.bytes.len;
    packet_begin(&s, 0, 2, "fgh");
    put_text_option(&s, 1, "last");
    block_end(&s);
    ends[4] = s.bytes.len;
    for (size_t len = 0; len <= ends[BLOCKS - 1]; len++) {
        bool at_an_end = false;
        for (size_t i = 0; i < BLOCKS; i++)
            at_an_end |= len == ends[i];
        for (enum way way = 0; way < WAY_COUNT; way++) {
            struct transcript t = read_script(way, span_first(script_span(&s), len), 1);
            CU_ASSERT_EQUAL(t.status, len < ends[0] ? STATUS_FAILED
                                      : at_an_end   ? STATUS_END
                                                    : STATUS_DAMAGED);
            CU_ASSERT_EQUAL(t.frame_count, (len >= ends[2]) + (len >= ends[4]));
            CU_ASSERT_EQUAL(t.error.text[0] != 0, t.status != STATUS_END);
            transcript_free(&t);
        }
    }
    script_free(&s);
}

static void too_many_interfaces(void)
{
    struct script s = script_new(false);
    put_section(&s);
    for (size_t i = 0; i <= 65536; i++)
        put_interface(&s, 1);
    struct transcript t = read_script(MAPPED, script_span(&s), 0);
    CU_ASSERT_EQUAL(t.status, STATUS_DAMAGED);
    CU_ASSERT_PTR_NOT_NULL(strstr(t.error.text, "the section has more than 65536 interfaces"));
    transcript_free(&t);
    script_free(&s);
}

/* Every byte of a capture that has one of everything, changed in a few ways: nothing may crash, and
 * each way of reading must come to the same end. For the sanitizers more than for the eye. */
static void bent_at_every_byte(void)
{
    static const uint8_t bends[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    struct script s = begun(false);
    packet_begin(&s, 0, 2, "fgh");
    put_text_option(&s, 1, "note");
    block_end(&s);
    block_begin(&s, 10);
    put(&s, 1, 4);
    put(&s, 3, 4);
    put_text(&s, "key");
    block_end(&s);
    block_begin(&s, 3);
    put(&s, 2, 4);
    put_text(&s, "hi");
    block_end(&s);
    for (size_t at = 0; at < s.bytes.len; at++) {
        uint8_t before = s.bytes.data[at];
        for (size_t i = 0; i < sizeof bends; i++) {
            s.bytes.data[at] = (uint8_t)(before ^ bends[i]);
            struct transcript a = read_script(IN_MEMORY, script_span(&s), 1);
            struct transcript b = read_script(STREAMED, script_span(&s), 1);
            CU_ASSERT_STRING_EQUAL(buffer_text(&a.text), buffer_text(&b.text));
            transcript_free(&a);
            transcript_free(&b);
        }
        s.bytes.data[at] = before;
    }
    script_free(&s);
}

static const struct test tests[] = {
    {"a section, an interface and packets, in either byte order", simplest},
    {"each section has its own byte order and interfaces, numbered on over the capture", sections},
    {"times of any resolution and offset become nanoseconds, rounded down", resolutions},
    {"an interface says its name, description and filter", interface_texts},
    {"what a section says of itself is notes", section_notes},
    {"comments on a packet are notes on its frame", packet_notes},
    {"a check sequence has the length that interface or packet says", check_sequences},
    {"options that make no sense end the options of their block", malformed_options},
    {"a simple packet is cut by the snap length, and has the time of the frame before",
     simple_packets},
    {"the obsolete packet block is read", obsolete_packets},
    {"interface statistics are told", statistics},
    {"decryption secrets are told", secrets},
    {"blocks that we do not know are stepped over", unread_blocks},
    {"custom blocks take a number, as Wireshark shows them", numbered_blocks},
    {"a packet of an interface that the section has not is damage", unknown_interface},
    {"a block whose lengths make no sense is damage", bad_lengths},
    {"a block too short for its own fields is damage", too_short_bodies},
    {"a packet longer than its block is damage", packet_longer_than_its_block},
    {"any minor version will do, another major one will not", versions},
    {"a file header that is not whole is refused", refused_headers},
    {"a pcapng cut anywhere gives every frame before the cut", cut_at_every_byte},
    {"a section has a ceiling of interfaces", too_many_interfaces},
    {"no changed byte does any harm", bent_at_every_byte},
};
SUITE("capture: pcapng", tests)
