/* filter_test.c - libpcap's filters on frames made here byte by byte. */
#include "capture/filter.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ETHERNET = 1, RAW = 101, LOOP = 108, SLL = 113, IPV4 = 228 };

/* A packet under way to the wire: 10.0.0.1 to 10.0.0.2, 8 bytes of a UDP header. */
struct made {
    uint8_t bytes[128];
    size_t len;
};

static void add(struct made *m, const void *bytes, size_t len)
{
    memcpy(m->bytes + m->len, bytes, len);
    m->len += len;
}

static struct made udp_packet(struct made link, uint16_t port, uint16_t fragment)
{
    uint8_t ip[20] = {
        0x45, 0, 0,  28, 0, 1, (uint8_t)(fragment >> 8), (uint8_t)fragment, 64, 17, 0, 0, 10, 0,
        0,    1, 10, 0,  0, 2};
    uint8_t udp[8] = {0x30, 0x39, (uint8_t)(port >> 8), (uint8_t)port, 0, 8, 0, 0};
    add(&link, ip, sizeof ip);
    add(&link, udp, sizeof udp);
    return link;
}

static struct made ethernet(const char *tags, size_t tags_len)
{
    struct made m = {.len = 0};
    add(&m, "\2\0\0\0\0\1\2\0\0\0\0\2", 12);
    add(&m, tags, tags_len);
    add(&m, "\x08\x00", 2);
    return m;
}

static struct made link_header(uint32_t link_type)
{
    struct made m = {.len = 0};
    if (link_type == ETHERNET)
        return ethernet("", 0);
    if (link_type == LOOP)
        add(&m, "\0\0\0\2", 4);
    if (link_type == SLL)
        add(&m, "\0\0\0\1\0\6\2\0\0\0\0\1\0\0\x08\x00", 16);
    return m;
}

static bool accepts(struct filter *f, uint32_t link_type, const struct made *m)
{
    static uint64_t number;
    struct frame frame = {
        .bytes = span_of(m->bytes, m->len),
        .wire_len = (uint32_t)m->len + 1000,
        .link_type = link_type,
        .number = ++number,
    };
    return filter_accepts(f, &frame);
}

static struct filter *filter_of(const char *text)
{
    struct filter *f;
    struct error err = {0};
    CU_ASSERT_EQUAL_FATAL(filter_new(&f, text, &err), STATUS_OK);
    return f;
}

static void every_link_type(void)
{
    static const uint32_t link_types[] = {ETHERNET, RAW, IPV4, LOOP, SLL, RAW, ETHERNET};
    struct filter *f = filter_of("udp port 53 and host 10.0.0.1");
    for (size_t i = 0; i < sizeof link_types / sizeof link_types[0]; i++) {
        struct made passes = udp_packet(link_header(link_types[i]), 53, 0);
        struct made refused = udp_packet(link_header(link_types[i]), 54, 0);
        CU_ASSERT_TRUE(accepts(f, link_types[i], &passes));
        CU_ASSERT_FALSE(accepts(f, link_types[i], &refused));
    }
    CU_ASSERT_PTR_NULL(filter_remark(f));
    filter_free(f);
}

static void wire_length(void)
{
    struct filter *f = filter_of("greater 1000"), *g = filter_of("less 1000");
    struct made m = udp_packet(link_header(ETHERNET), 53, 0);
    CU_ASSERT_TRUE(accepts(f, ETHERNET, &m));
    CU_ASSERT_FALSE(accepts(g, ETHERNET, &m));
    filter_free(f);
    filter_free(g);
}

static void cut_frames(void)
{
    struct filter *f = filter_of("udp port 53");
    for (size_t len = 0; len < 42; len++) {
        struct made m = udp_packet(ethernet("\x81\x00\0\1", 4), 53, 0);
        uint8_t *exact = malloc(len + 1); /* so that the sanitizer sees a read beyond it */
        memcpy(exact, m.bytes, len);
        struct frame frame = {.bytes = span_of(exact, len), .wire_len = 46, .link_type = ETHERNET};
        CU_ASSERT_FALSE(filter_accepts(f, &frame));
        free(exact);
    }
    filter_free(f);
}

static void mistyped(void)
{
    struct filter *f;
    struct error err;
    CU_ASSERT_EQUAL(filter_new(&f, "tcp prot 80", &err), STATUS_FAILED);
    CU_ASSERT_PTR_NULL(f);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "'tcp prot 80'"));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "syntax error"));
    CU_ASSERT_EQUAL(filter_new(&f, "port 99999", NULL), STATUS_FAILED);
    filter_free(NULL);
}

static void check_remarks(const char *text, uint32_t link_type, const struct made *refused,
                          const char *part)
{
    struct filter *f = filter_of(text);
    CU_ASSERT_PTR_NULL(filter_remark(f));
    for (int i = 0; i < 3; i++)
        CU_ASSERT_FALSE(accepts(f, link_type, refused));
    const char *sentence = filter_remark(f);
    CU_ASSERT_EQUAL(sentence != NULL, part != NULL);
    if (sentence && part)
        CU_ASSERT_PTR_NOT_NULL(strstr(sentence, part));
    CU_ASSERT_PTR_NULL(filter_remark(f)); /* once */
    filter_free(f);
}

static void elsewhere(void)
{
    struct made m = udp_packet(link_header(ETHERNET), 53, 0);
    check_remarks("wlan type mgt", ETHERNET, &m, "cannot be applied to frames of link type 1,");
}

static void later_fragments(void)
{
    struct made first = udp_packet(link_header(ETHERNET), 54, 0x2000);
    struct made later = udp_packet(link_header(ETHERNET), 53, 0x2001);
    struct made tagged = udp_packet(ethernet("\x81\x00\0\1", 4), 53, 0x2001);
    struct made raw = udp_packet(link_header(RAW), 53, 0x2001);
    check_remarks("udp port 53", ETHERNET, &first, NULL);
    check_remarks("udp port 53", ETHERNET, &later, "only the first fragment");
    check_remarks("udp[4] = 7", ETHERNET, &later, "only the first fragment");
    check_remarks("portrange 1-99", RAW, &raw, "only the first fragment");
    check_remarks("vlan and port 53", ETHERNET, &tagged, "only the first fragment");
    check_remarks("host 10.9.9.9", ETHERNET, &later, NULL); /* refused for its address */
    check_remarks("host 10.9.9.9 and udp", ETHERNET, &later, NULL);
}

static void tagged_frames(void)
{
    struct made tagged = udp_packet(ethernet("\x81\x00\0\1", 4), 53, 0);
    struct made twice = udp_packet(ethernet("\x88\xa8\0\1\x81\x00\0\1", 8), 53, 0);
    check_remarks("udp port 53", ETHERNET, &tagged,
                  "'udp port 53 or (vlan and (udp port 53))' takes both");
    check_remarks("udp port 53", ETHERNET, &twice, "does not see inside VLAN tags");
    check_remarks("udp port 54", ETHERNET, &tagged, NULL); /* it would be refused anyhow */
    check_remarks("udp port 53 and not vlan", ETHERNET, &tagged, NULL);
    struct filter *f = filter_of("vlan and udp port 53");
    CU_ASSERT_TRUE(accepts(f, ETHERNET, &tagged));
    filter_free(f);
}

static void too_many_link_types(void)
{
    struct filter *f = filter_of("ip");
    struct made m = udp_packet(link_header(RAW), 53, 0);
    unsigned remarks = 0;
    bool told = false;
    for (uint32_t link_type = 400; link_type < 600; link_type++)
        accepts(f, link_type, &m);
    for (const char *r; (r = filter_remark(f)) != NULL; remarks++)
        told |= strstr(r, "the first 64 link types only") != NULL;
    CU_ASSERT(told && remarks <= 66);
    filter_free(f);
}

static const struct test tests[] = {
    {"a filter is compiled for each link type that comes by", every_link_type},
    {"lengths are those on the wire", wire_length},
    {"frames that are cut anywhere are refused without harm", cut_frames},
    {"a mistyped filter is refused in libpcap's own words", mistyped},
    {"a filter for another link type is taken, and a remark says where it cannot be", elsewhere},
    {"a later fragment refused for its missing ports is remarked once", later_fragments},
    {"a frame refused for its VLAN tag alone is remarked once", tagged_frames},
    {"link types have a ceiling, and a remark says so", too_many_link_types},
};
SUITE("filter", tests)
