/* store_text_test.c - how addresses, flows and words from outside are written. */
#include "dissect/packet.h"
#include "store/community_id.h"
#include "store/memory.h"
#include "store/text.h"
#include "suite.h"

#include <arpa/inet.h>
#include <string.h>

static struct address address(const char *text, uint8_t *version)
{
    struct address a = {{0}};
    CU_ASSERT_TRUE(ip_parse(&a, version, text));
    return a;
}

static void check_id(uint8_t protocol, const char *src, uint16_t src_port, const char *dst,
                     uint16_t dst_port, const char *expected)
{
    uint8_t version;
    struct endpoints ends = {address(src, &version), address(dst, &version), src_port, dst_port};
    char id[COMMUNITY_ID_LEN];
    community_id(id, protocol, version, &ends);
    CU_ASSERT_STRING_EQUAL(id, expected);
}

/* The first of each pair are published with the specification; all were computed by other means. */
static void community_ids(void)
{
    check_id(6, "128.232.110.120", 34855, "66.35.250.204", 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
    check_id(6, "66.35.250.204", 80, "128.232.110.120", 34855, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
    check_id(17, "192.168.1.52", 54585, "8.8.8.8", 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ=");
    check_id(17, "8.8.8.8", 53, "192.168.1.52", 54585, "1:d/FP5EW3wiY1vCndhwleRRKHowQ=");
    check_id(1, "192.168.0.89", 8, "192.168.0.1", 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
    check_id(1, "192.168.0.1", 0, "192.168.0.89", 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
    check_id(58, "fe80::200:86ff:fe05:80da", 135, "fe80::260:97ff:fe07:69ea", 0,
             "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=");
    check_id(58, "fe80::260:97ff:fe07:69ea", 136, "fe80::200:86ff:fe05:80da", 0,
             "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=");
    check_id(58, "fe80::260:97ff:fe07:69ea", 1, "fe80::200:86ff:fe05:80da", 4,
             "1:7fO1NoMmOlnn29+Lz7gg3xJHO+k=");
    check_id(1, "192.168.0.89", 3, "192.168.0.1", 1, "1:LXCfhMUFbYXe+CEMrQuZCbiLY3o=");
    check_id(6, "2001:db8::2", 443, "2001:db8::1", 50000, "1:YXqXufkGr4i6TbJJYF83fvyDLZ8=");
}

static void check_ip(const char *text)
{
    uint8_t version;
    struct address a = address(text, &version);
    char is[IP_TEXT_LEN];
    CU_ASSERT_EQUAL(ip_text(is, &a, version), strlen(text));
    CU_ASSERT_STRING_EQUAL(is, text);
}

/* A mapped address may come with dots (RFC 5952 5). */
static void mapped_ips_are_read_either_way(void)
{
    static const char *const texts[] = {"::ffff:10.0.0.1", "::ffff:a00:1", "::FFFF:0A00:0001",
                                        "0:0:0:0:0:ffff:10.0.0.1"};
    char is[IP_TEXT_LEN];
    uint8_t version;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct address a = address(texts[i], &version);
        CU_ASSERT_EQUAL(version, 6);
        ip_text(is, &a, version);
        CU_ASSERT_STRING_EQUAL(is, "::ffff:a00:1");
    }
}

static void ips(void)
{
    check_ip("0.0.0.0");
    check_ip("255.255.255.255");
    check_ip("10.200.3.45");
    check_ip("::ffff:a00:1"); /* IPv6, though it looks like the one above */
    check_ip("::");
    check_ip("::1");
    check_ip("1::");
    check_ip("fe80::1");
    check_ip("2001:db8::1:0:0:1");    /* RFC 5952 4.2.3: the first of equals */
    check_ip("2001:db8:0:1:1:1:1:1"); /* 4.2.2: one group is not shortened */
    check_ip("2001:0:0:1::1");        /* 4.2.3: the longest */
    check_ip("1:2:3:4:5:6:7:8");
    check_ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    check_ip("::2:3:4:5:6:7");
    check_ip("1:2:3:4:5:6::");
}

static void check_utf8(const char *bytes, size_t len, const char *expected)
{
    struct buffer b;
    buffer_init(&b, 1000);
    CU_ASSERT_TRUE(utf8_add(&b, span_of(bytes, len)));
    CU_ASSERT_STRING_EQUAL(buffer_text(&b), expected);
    buffer_release(&b);
}

#define BAD "\xef\xbf\xbd"

static void words(void)
{
    check_utf8("plain", 5, "plain");
    check_utf8("gr\xc3\xbc\xc3\x9f", 6, "gr\xc3\xbc\xc3\x9f");
    check_utf8("\xf0\x9f\x90\x9f", 4, "\xf0\x9f\x90\x9f");
    check_utf8("a\0b", 3, "a" BAD "b");
    check_utf8("\xff", 1, BAD);
    check_utf8("\xc3", 1, BAD);                 /* cut off */
    check_utf8("\xc0\x80", 2, BAD BAD);         /* longer than needed */
    check_utf8("\xed\xa0\x80", 3, BAD BAD BAD); /* a surrogate */
    check_utf8("\xf4\x90\x80\x80", 4, BAD BAD BAD BAD);
}

static void vlans_and_macs(void)
{
    const uint16_t vlans[] = {10, 4095, 0, 7};
    const uint8_t mac[6] = {0x00, 0x1b, 0x21, 0xff, 0x0a, 0x09};
    char vlan[VLAN_TEXT_LEN], text[MAC_TEXT_LEN];
    CU_ASSERT_EQUAL(vlan_text(vlan, vlans, 0), 0);
    vlan_text(vlan, vlans, 4);
    CU_ASSERT_STRING_EQUAL(vlan, "10.4095.0.7");
    mac_text(text, mac);
    CU_ASSERT_STRING_EQUAL(text, "00:1b:21:ff:0a:09");
}

/* The least that holds it, for every length. */
static void classes(void)
{
    unsigned least = 0;
    for (size_t len = 0; len <= MEMORY_MOST; len++) {
        least += memory_len(least) < len;
        CU_ASSERT_EQUAL_FATAL(memory_class(len), least);
    }
    CU_ASSERT_EQUAL(least, MEMORY_CLASSES - 1);
}

static void budget(void)
{
    struct memory m;
    memory_init(&m, 1000);
    unsigned small = memory_class(100), large = memory_class(700);
    CU_ASSERT_EQUAL(memory_len(small), 120);
    CU_ASSERT_EQUAL(memory_len(large), 760);
    void *a = memory_take(&m, small), *b = memory_take(&m, large);
    CU_ASSERT_PTR_NOT_NULL(a);
    CU_ASSERT_PTR_NOT_NULL(b);
    CU_ASSERT_PTR_NULL(memory_take(&m, small));
    memory_give(&m, b, large);
    void *c = memory_take(&m, small); /* what lies on the shelf makes room */
    CU_ASSERT_PTR_NOT_NULL(c);
    b = memory_force(&m, large);
    CU_ASSERT(m.over > 0);
    CU_ASSERT_FALSE(memory_charge(&m, 1));
    memory_give(&m, c, small);
    memory_give(&m, b, large);
    memory_give(&m, a, small);
    memory_release(&m);
    CU_ASSERT_EQUAL(m.over, 0);
    CU_ASSERT_EQUAL(m.budget.used, 0);
}

static const struct test tests[] = {
    {"community ids as published", community_ids},
    {"addresses in canonical text", ips},
    {"mapped IPs are read either way", mapped_ips_are_read_either_way},
    {"bytes from outside become valid UTF-8", words},
    {"VLANs and MACs", vlans_and_macs},
    {"a class is the least that holds the bytes", classes},
    {"buffers under a budget, and beyond it by force", budget},
};
SUITE("store text", tests)
