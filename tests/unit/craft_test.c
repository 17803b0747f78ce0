/* craft_test.c - craft against bytes that were not made by craft: from a textbook, from a known
 * capture, or computed by hand. */
#include "craft/craft.h"

#include "suite.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ETHERNET = 14, IPV4 = 20, IPV6 = 40 };
enum { SEGMENT = ETHERNET + IPV4 }; /* where a TCP, UDP or ICMP header lies */

/* Frame `index` has these bytes, written in hex with blanks, at `at`. */
static void check_at(const struct craft *c, size_t index, size_t at, const char *hex)
{
    char found[1024] = "";
    char expected[1024] = "";
    size_t len = 0;
    for (const char *digit = hex; *digit != '\0'; digit++) {
        if (*digit != ' ')
            expected[len++] = *digit;
    }
    CU_ASSERT_FATAL(index < c->count);
    for (size_t i = 0; i < len / 2 && at + i < c->frames[index].len; i++)
        snprintf(found + 2 * i, 3, "%02x", c->frames[index].bytes[at + i]);
    CU_ASSERT_STRING_EQUAL(found, expected);
    if (strcmp(found, expected) != 0)
        printf("\n    frame %zu at %zu: %s\n    expected   %s\n", index, at, found, expected);
}

static void check(const char *script, size_t at, const char *hex)
{
    struct craft *c = craft_frames(script, NULL);
    check_at(c, c->count - 1, at, hex);
    craft_free(c);
}

/* "s 1 4 18" for each segment: who, sequence and acknowledgement counted from the numbers of both
 * SYNs, flags in hex. */
static void check_numbers(const char *script, const char *expected)
{
    struct craft *c = craft_frames(script, NULL);
    char found[512] = "";
    for (size_t i = 0; i < c->count; i++) {
        const uint8_t *ip = c->frames[i].bytes + ETHERNET;
        const uint8_t *tcp = ip + IPV4;
        bool from_server = ip[15] == 2;
        uint32_t seq = (uint32_t)(tcp[6] << 8 | tcp[7]);
        uint32_t ack = (uint32_t)(tcp[10] << 8 | tcp[11]);
        size_t len = strlen(found);
        seq -= from_server ? 5000 : 1000;
        if (ack != 0)
            ack -= from_server ? 1000 : 5000;
        snprintf(found + len, sizeof(found) - len, "%s%c %u %u %02x", i ? ", " : "",
                 from_server ? 's' : 'c', seq & 0xffff, ack & 0xffff, tcp[13]);
    }
    CU_ASSERT_STRING_EQUAL(found, expected);
    if (strcmp(found, expected) != 0)
        printf("\n    found    %s\n    expected %s\n", found, expected);
    craft_free(c);
}

/* The example header of en.wikipedia.org/wiki/Internet_checksum. */
static void textbook_header(void)
{
    check("client 192.168.0.1:5; server 192.168.0.199:6; c udp len=87 id=0 df", ETHERNET,
          "4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7");
}

/* Frame 1 of http.cap, the example of the Wireshark wiki. */
static void known_syn(void)
{
    check("client 145.254.160.237:3372; server 65.208.228.223:80; isn client 0x38affe13\n"
          "c SYN win=8760 mss=1460 options=01010402 id=0x0f41 ttl=128 df",
          0,
          "020000000002 020000000001 0800"
          "4500 0030 0f41 4000 8006 91eb 91fea0ed 41d0e4df"
          "0d2c 0050 38affe13 00000000 7002 2238 c30c 0000 020405b4 01010402");
}

static void right_checksums(void)
{
    const char *v6 = "client [2001:db8::1]:40000; server [2001:db8::2]:80;";
    char script[128];
    check("c \"abc\"", SEGMENT, "9c40 0050 000003e9 00001389 5018 ffff 2362 0000 616263");
    check("c udp \"hello\"", SEGMENT, "9c40 0050 000d 0b6f 68656c6c6f");
    check("c icmp echo=7,1 \"ping\"", SEGMENT, "0800 1927 0007 0001 70696e67");
    snprintf(script, sizeof(script), "%s c \"abc\"", v6);
    check(script, ETHERNET,
          "60000000 0017 06 40 20010db8000000000000000000000001 20010db8000000000000000000000002"
          "9c40 0050 000003e9 00001389 5018 ffff dbef 0000 616263");
    snprintf(script, sizeof(script), "%s server [2001:db8::2]:53; c udp \"hello\"", v6);
    check(script, ETHERNET + IPV6, "9c40 0035 000d c417 68656c6c6f");
    snprintf(script, sizeof(script), "%s c icmp echo=7,1 \"ping\"", v6);
    check(script, ETHERNET + IPV6, "8000 456b 0007 0001 70696e67");
}

static void other_checksums(void)
{
    check("c \"abc\" offload", SEGMENT + 16, "1420");
    check("c \"abc\" bad-checksum", SEGMENT + 16, "2363");
    check("c \"abc\" no-checksum", SEGMENT + 16, "0000");
    check("c udp \"hello\" offload", SEGMENT + 6, "1421");
    check("c udp \"hello\" no-checksum", SEGMENT + 6, "0000");
    check("c udp hex:4f47", SEGMENT + 6, "ffff"); /* a sum of zero is not "none" */
    check("client 192.168.0.1:5; server 192.168.0.199:6; c udp len=87 id=0 df bad-ip-checksum",
          ETHERNET + 10, "b862");
}

static void numbers(void)
{
    check_numbers("c SYN; s SYN ACK; c; c \"abc\"; s; s \"de\"; c FIN; s FIN; c",
                  "c 0 0 02, s 0 1 12, c 1 1 10, c 1 1 18, s 1 4 10, s 1 4 18, "
                  "c 4 3 11, s 3 5 11, c 5 4 10");
    check_numbers("c SYN \"abc\"; c \"d\"", "c 0 0 02, c 4 1 18");
    check_numbers("c @5 \"CC\"; c @0 \"AAA\"; c \"D\"; c @-1 \"x\"",
                  "c 6 1 18, c 1 1 18, c 8 1 18, c 0 1 18");
    check_numbers("c \"abc\"; c @next-1 \"x\"; c @next+10 \"y\"; c",
                  "c 1 1 18, c 3 1 18, c 14 1 18, c 15 1 10");
    check_numbers("c @100 RST; c @100; c", "c 101 0 04, c 101 1 10, c 1 1 10");
    check_numbers("c \"abc\" seq=2000; c noack; c ack=7; c flags=SFU; c flags=0 ack=7",
                  "c 1000 1 18, c 1 0 00, c 1 8 10, c 0 0 23, c 2 8 00");
    check_numbers("every ack=3; c; every; c; s RST ACK; s SYN FIN",
                  "c 1 4 10, c 1 1 10, s 1 1 14, s 0 0 03");
}

static void wrap(void)
{
    const char *script = "isn client 0xfffffffe; c SYN; c \"A\"; c \"BB\"; s";
    struct craft *c = craft_frames(script, NULL);
    check_at(c, 0, SEGMENT + 4, "fffffffe");
    check_at(c, 1, SEGMENT + 4, "ffffffff");
    check_at(c, 2, SEGMENT + 4, "00000000");
    check_at(c, 3, SEGMENT + 8, "00000002");
    craft_free(c);
}

static void pairs(void)
{
    check_numbers("c \"abc\"; client 10.0.0.1:40001; c \"d\"; client 10.0.0.1:40000; c \"e\"",
                  "c 1 1 18, c 1 1 18, c 4 1 18");
    check_numbers("c \"abc\"; isn client 2000; c SYN; c", "c 1 1 18, c 1000 0 02, c 1001 1 10");
}

static void options(void)
{
    check("at 2; c SYN mss=1460 ws=7 sackok ts", SEGMENT + 12,
          "a002 ffff bd83 0000 020405b4 030307 0402 080a 000007d0 00000000 01");
    check("c SYN ts=7; s SYN ACK ts=9,8; c ts=10", SEGMENT + 20, "080a 0000000a 00000009 0101");
    check("s ts=9; c ts=10", SEGMENT + 20, "080a 0000000a 00000009 0101");
    check("s sack=10,20", SEGMENT + 20, "050a 000003f3 000003fd 0101");
    check("c urg=5 win=1", SEGMENT + 12, "5030 0001");
    check("c urg=5 win=1", SEGMENT + 18, "0005");
}

static void fragments(void)
{
    struct craft *c = craft_frames("c \"abcd\" frag=8,16 order=2,0,1,0 id=7", NULL);
    CU_ASSERT_EQUAL(c->count, 4);
    check_at(c, 0, ETHERNET, "4500 001c 0007 0002 4006");
    check_at(c, 0, SEGMENT + 4, "61626364"); /* the last 8 of 24 bytes */
    check_at(c, 1, ETHERNET, "4500 001c 0007 2000 4006");
    check_at(c, 1, SEGMENT, "9c40 0050 000003e9");
    check_at(c, 2, ETHERNET, "4500 001c 0007 2001 4006");
    check_at(c, 3, ETHERNET, "4500 001c 0007 2000 4006");
    craft_free(c);

    check("c ip proto=17 offset=8 more id=7 hex:0102030405060708", ETHERNET + 2,
          "001c 0007 2001 4011 46c7 0a000001 0a000002 0102030405060708");
    check("client [::1]:1; server [::2]:2; c ip proto=17 offset=16 more id=7 \"12345678\"",
          ETHERNET + 4, "0010 2c 40");
    check("client [::1]:1; server [::2]:2; c ip proto=17 offset=16 more id=7 \"12345678\"",
          ETHERNET + IPV6, "11 00 0011 00000007 3132333435363738");
}

static void links(void)
{
    const char *v6 = "client [::1]:1; server [::2]:2;";
    char script[128];
    check("s", 0, "020000000001 020000000002 0800 45");
    check("c vlan=5", 12, "8100 0005 0800 45");
    check("c vlan=10,20", 12, "88a8 000a 8100 0014 0800 45");
    check("link raw; c", 0, "45");
    check("link null; c", 0, "02000000 45");
    check("link loop; c", 0, "00000002 45");
    check("link ppp; c", 0, "ff03 0021 45");
    check("link sll; c", 0, "0004 0001 0006 020000000001 0000 0800 45");
    check("link sll2; s", 0, "0800 0000 00000001 0001 00 06 020000000002 0000 45");
    snprintf(script, sizeof(script), "link null; %s c", v6);
    check(script, 0, "1e000000 60");
    snprintf(script, sizeof(script), "link ppp; %s c", v6);
    check(script, 0, "ff03 0057 60");
    snprintf(script, sizeof(script), "%s c", v6);
    check(script, 12, "86dd 60");
}

static void tunnels(void)
{
    check("tunnel ipip 192.0.2.1 192.0.2.2; c", ETHERNET + 9, "04 f6b8 c0000201 c0000202 45");
    check("tunnel gre 192.0.2.1 192.0.2.2; s", ETHERNET + 9,
          "2f f689 c0000202 c0000201 0000 0800 45");
    check("tunnel vxlan 192.0.2.1 192.0.2.2 42; c no-checksum", SEGMENT,
          "c000 12b5 0046 6692 08000000 00002a00 020000000002 020000000001 0800 45");
}

static void icmp_errors(void)
{
    check("c udp \"hello\" id=3; s icmp unreachable=3 quote=28 from=10.9.9.9", ETHERNET + 12,
          "0a090909 0a000001 0303 54f0 00000000"
          "4500 0021 0003 0000 4011 66c7 0a000001 0a000002 9c40 0050 000d 0b6f");
    check("c udp \"hello\"; s icmp exceeded", SEGMENT, "0b00");
    check("c icmp type=5,1 hex:0a000003", SEGMENT, "0501 f0fb 0a000003");
}

static void record(void)
{
    struct craft *c = craft_frames("c len=100 snap=60\n"
                                   "c pad=6 rep=3\n"
                                   "c wire=1500 poke=0:ffff\n"
                                   "frame hex:0102 \"3\"",
                                   NULL);
    CU_ASSERT_EQUAL(c->count, 6);
    CU_ASSERT_EQUAL(c->link_type, 1);
    CU_ASSERT_EQUAL(c->frames[0].len, 60);
    CU_ASSERT_EQUAL(c->frames[0].wire_len, 154);
    for (size_t i = 54; i < 60; i++)
        CU_ASSERT_EQUAL(c->frames[0].bytes[i], craft_pattern((int64_t)i - 54));
    CU_ASSERT_EQUAL(c->frames[2].len, 60);
    check_at(c, 2, 54, "000000000000");
    check_at(c, 4, 0, "ffff 0000");
    CU_ASSERT_EQUAL(c->frames[4].wire_len, 1500);
    check_at(c, 5, 0, "010233");
    craft_free(c);
}

static void pattern(void)
{
    struct craft *c = craft_frames("c \"12345\"; c len=3; c udp len=2; c udp len=2 rep=2", NULL);
    CU_ASSERT_EQUAL(c->frames[1].bytes[54], craft_pattern(5));
    CU_ASSERT_EQUAL(c->frames[1].bytes[56], craft_pattern(7));
    CU_ASSERT_EQUAL(c->frames[2].bytes[42], craft_pattern(0));
    CU_ASSERT_EQUAL(c->frames[4].bytes[42], craft_pattern(4));
    craft_free(c);
}

static void times(void)
{
    struct craft *c =
        craft_frames("c; c; at 1.5; c; at +0.000000001; c; at -1; c; step 2; c; c", NULL);
    const int64_t expected[] = {0,         1000000,   1500000000, 1500000001,
                                500000001, 501000001, 2501000001};
    CU_ASSERT_EQUAL_FATAL(c->count, 7);
    for (size_t i = 0; i < 7; i++)
        CU_ASSERT_EQUAL(c->frames[i].time_ns, expected[i]);
    craft_free(c);
}

static void pcaps(void)
{
    static const struct {
        unsigned options;
        const char *bytes;
    } kinds[] = {
        {0, "\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\0\0\4\0\145\0\0\0"
            "\7\0\0\0\100\342\1\0\1\0\0\0\2\0\0\0A"},
        {CRAFT_NANOSECONDS, "\x4d\x3c\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\0\0\4\0\145\0\0\0"
                            "\7\0\0\0\025\315\133\7\1\0\0\0\2\0\0\0A"},
        {CRAFT_BIG_ENDIAN, "\xa1\xb2\xc3\xd4\0\2\0\4\0\0\0\0\0\0\0\0\0\4\0\0\0\0\0\145"
                           "\0\0\0\7\0\1\342\100\0\0\0\1\0\0\0\2A"},
        {CRAFT_BIG_ENDIAN | CRAFT_NANOSECONDS,
         "\xa1\xb2\x3c\x4d\0\2\0\4\0\0\0\0\0\0\0\0\0\4\0\0\0\0\0\145"
         "\0\0\0\7\7\133\315\025\0\0\0\1\0\0\0\2A"},
    };
    struct craft *c = craft_frames("link raw; at 7.123456789; frame \"AB\" snap=1", NULL);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t len;
        uint8_t *pcap = craft_pcap(&len, c, kinds[i].options);
        CU_ASSERT_EQUAL_FATAL(len, 24 + 16 + 1);
        CU_ASSERT(memcmp(pcap, kinds[i].bytes, len) == 0);
        free(pcap);
    }
    craft_free(c);
}

static void check_refused(const char *script, const char *sentence)
{
    struct craft_error err;
    struct craft *c = craft_frames(script, &err);
    CU_ASSERT_PTR_NULL(c);
    CU_ASSERT_STRING_EQUAL(err.text, sentence);
    craft_free(c);
}

static void mistakes(void)
{
    check_refused("c SYN\n# a comment; s\n\nc SYNN", "line 4: there is no attribute 'SYNN'");
    check_refused("c; c \"abc", "line 1: the text has no closing quote");
    check_refused("c \"\\q\"", "line 1: an escape is one of \\r \\n \\t \\0 \\\\ \\\" \\x41");
    check_refused("c hex:123", "line 1: hex digits come in pairs");
    check_refused("c udp win=3", "line 1: 'win' means nothing in a UDP frame");
    check_refused("c win=70000", "line 1: 70000 is not between 0 and 65535");
    check_refused("c \"a\" len=3", "line 1: the payload is either bytes or len=");
    check_refused("c len=65530", "line 1: 65550 bytes do not fit into an IP packet");
    check_refused("c frag=12", "line 1: frag= are multiples of 8 that rise, below 20");
    check_refused("c frag=8 order=2", "line 1: order= names fragment 2 of 2");
    check_refused("client 10.0.0.1", "line 1: '10.0.0.1' is not IP:PORT or [IPv6]:PORT");
    check_refused("client [::1]:1\nc", "line 2: one end is IPv4 and the other IPv6");
    check_refused("c\nlink raw", "line 2: link comes before the first frame: a pcap has only one");
    check_refused("x \"a\"", "line 1: a line begins with c, s, frame or a setting, not 'x'");
    check_refused("at 1 2", "line 1: '2' is too much for at");
}

/* How many frames of the capture tshark has this filter match; -1 when tshark fails. */
static int tshark_count(const char *path, const char *filter)
{
    char command[1024];
    int count = 0;
    snprintf(command, sizeof(command),
             "tshark -r %s -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE"
             " -o udp.check_checksum:TRUE -Y '%s' 2>/dev/null",
             path, filter);
    FILE *out = popen(command, "r");
    if (!out)
        return -1;
    for (int c = fgetc(out); c != EOF; c = fgetc(out))
        count += c == '\n';
    return pclose(out) == 0 ? count : -1;
}

static const char *every_kind =
    "c SYN mss=1460 ws=7 sackok ts; s SYN ACK mss=1400 ts; c\n"
    "c \"GET / HTTP/1.0\\r\\n\\r\\n\"; s len=100 frag=8,64 order=2,0,1; s @100 len=9 sack=3,5\n"
    "c udp \"hello\" pad=5; s icmp unreachable=3 from=10.9.9.9; c icmp echo \"ping\"\n"
    "tunnel gre 192.0.2.1 192.0.2.2; c \"in GRE\"\n"
    "tunnel vxlan 2001:db8::1 2001:db8::2 42; s \"in VXLAN\"\n"
    "tunnel ipip 2001:db8::1 2001:db8::2; s \"in IPv6\"; tunnel none\n"
    "c FIN; s FIN; c; s RST\n"
    "client [2001:db8::1]:40000; server [2001:db8::2]:80\n"
    "c SYN; s SYN ACK; c \"v6\"; c len=3000 frag=1000,2000; c udp \"x\"\n"
    "s icmp exceeded; c icmp echo; s RST\n";

static const char *complaints =
    "_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0 ||"
    " udp.checksum.status == 0 || icmp.checksum.status == 0 || icmpv6.checksum.status == 0";

static void write_capture(int file, const struct craft *c)
{
    size_t len;
    uint8_t *pcap = craft_pcap(&len, c, CRAFT_NANOSECONDS);
    CU_ASSERT_EQUAL(ftruncate(file, 0), 0);
    CU_ASSERT_EQUAL(pwrite(file, pcap, len, 0), (ssize_t)len);
    free(pcap);
}

static void tshark(void)
{
    static const char *const link_names[] = {"ethernet", "raw", "null", "loop",
                                             "sll",      "ppp", "sll2"};
    char path[] = "/tmp/craft-test-XXXXXX";
    if (system("command -v tshark > /dev/null") != 0) {
        printf("tshark is not here, so nobody else reads a crafted capture: ");
        return;
    }
    int file = mkstemp(path);
    CU_ASSERT_FATAL(file >= 0);
    for (size_t i = 0; i < sizeof(link_names) / sizeof(link_names[0]); i++) {
        char script[2048];
        snprintf(script, sizeof(script), "link %s\n%s", link_names[i], every_kind);
        struct craft *c = craft_frames(script, NULL);
        write_capture(file, c);
        CU_ASSERT_EQUAL(tshark_count(path, "frame"), (int)c->count);
        CU_ASSERT_EQUAL(tshark_count(path, complaints), 0);
        craft_free(c);
    }

    struct craft *c = craft_frames("c \"a\" bad-checksum; c udp \"a\" bad-checksum;"
                                   "c icmp echo bad-checksum; c \"a\" bad-ip-checksum; c \"a\"",
                                   NULL);
    write_capture(file, c);
    CU_ASSERT_EQUAL(tshark_count(path, complaints), 4); /* so the filter does see one */
    craft_free(c);
    close(file);
    unlink(path);
}

static const struct test tests[] = {
    {"an IPv4 header is that of the textbook", textbook_header},
    {"a SYN is, byte for byte, that of a known capture", known_syn},
    {"checksums are right by hand", right_checksums},
    {"and wrong, offloaded or missing where asked", other_checksums},
    {"sequence and acknowledgement follow what was sent", numbers},
    {"sequence numbers wrap", wrap},
    {"each pair of ends has its own numbers", pairs},
    {"TCP options lie where RFC 7323 and 2018 put them", options},
    {"fragments come in the order that was asked for", fragments},
    {"link headers are those of the registry", links},
    {"tunnels wrap the packet", tunnels},
    {"an ICMP error quotes the last packet", icmp_errors},
    {"snap, pad, wire, poke and rep do as they say", record},
    {"len= fills by position", pattern},
    {"time goes as told", times},
    {"a pcap in two byte orders and two resolutions", pcaps},
    {"a mistake is told with its line", mistakes},
    {"tshark finds nothing to complain about", tshark},
};
SUITE("craft", tests)
