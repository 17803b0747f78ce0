/* bpf_test.c - filters as they are carried over to sockets. live_test.c holds what they accept against what
 * they accept of a file; here it is which of them can be carried over. */
#include "capture/bpf.h"
#include "suite.h"

#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ETHERNET = 1, RAW = 101, COOKED = 276, SNAP_LEN = 1000 };

static struct bpf made(const char *filter, uint32_t link_type)
{
    const struct bpf_options options = {.filter = filter,
                                        .link_type = link_type,
                                        .snap_len = SNAP_LEN,
                                        .cooked = link_type == COOKED};
    struct bpf bpf;
    struct error err = {0};
    CU_ASSERT_EQUAL_FATAL(bpf_init(&bpf, &options, &err), STATUS_OK);
    return bpf;
}

static void in_the_kernel(void)
{
    static const struct {
        const char *filter;
        uint32_t link_type;
        bool tagged_open, open;
    } rows[] = {
        {"tcp port 80", ETHERNET, false, false},
        {"vlan 7 and (tcp port 80 or udp)", ETHERNET, false, false},
        {"host 10.0.0.1 and not arp", ETHERNET, false, false},
        {"ip6 and tcp port 443", ETHERNET, false, false},
        {"tcp[tcpflags] & tcp-syn != 0", ETHERNET, false, false},
        {"ether src 02:00:00:00:00:02", ETHERNET, false, false},
        {"greater 100", ETHERNET, true, false},
        {"ether[12:4] = 1", ETHERNET, true, false}, /* two fields at once */
        {"ether[13] = 1", ETHERNET, true, false},   /* half a field */
        {"tcp port 80", RAW, false, false},
        {"greater 100", RAW, false, false},
        {"tcp port 80", COOKED, false, false},
        {"tcp[tcpflags] & tcp-syn != 0 and ifindex 3", COOKED, false, false},
        {"greater 100", COOKED, true, true},
        {"ether[12:4] = 1", COOKED, true, true}, /* the address, which nobody can be asked for */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bpf bpf = made(rows[i].filter, rows[i].link_type);
        CU_ASSERT_EQUAL(bpf.tagged_open, rows[i].tagged_open);
        CU_ASSERT_EQUAL(bpf.open, rows[i].open);
        if (bpf.tagged_open != rows[i].tagged_open || bpf.open != rows[i].open)
            fprintf(stderr, "'%s' for link type %u\n", rows[i].filter, (unsigned)rows[i].link_type);
        bpf_release(&bpf);
    }
}

static void ends_in_bounds(void)
{
    /* Every jump stays inside, and the last instruction is a return: else the kernel would refuse it. */
    static const char *const filters[] = {NULL, "vlan 7 and udp", "greater 100 or ip6 and port 9"};
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        struct bpf bpf = made(filters[i], ETHERNET);
        const struct sock_filter *code = bpf.program.filter;
        const size_t len = bpf.program.len;
        for (size_t k = 0; k < len; k++) {
            if (code[k].code == (BPF_JMP | BPF_JA))
                CU_ASSERT(code[k].k < len - k - 1);
            if (BPF_CLASS(code[k].code) == BPF_JMP && BPF_OP(code[k].code) != BPF_JA)
                CU_ASSERT(code[k].jt < len - k - 1 && code[k].jf < len - k - 1);
            if (BPF_CLASS(code[k].code) == BPF_RET)
                CU_ASSERT(code[k].k == 0 || code[k].k == SNAP_LEN);
        }
        CU_ASSERT_EQUAL(BPF_CLASS(code[len - 1].code), BPF_RET);
        bpf_release(&bpf);
    }
}

/* Eight instructions each. */
static char *many_sums(unsigned count)
{
    char *text = malloc(count * 48 + 1), *at = text;
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    for (unsigned i = 0; i < count; i++)
        at += sprintf(at, "%slink[%u] + link[%u] = 7", i ? " or " : "", 20 + i, 2000 + 3 * i);
    return text;
}

static void long_filters(void)
{
    static const struct {
        unsigned count;
        bool tagged_open, open;
    } rows[] = {{10, false, false}, {400, true, false}, {600, true, true}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = many_sums(rows[i].count);
        struct bpf bpf = made(text, ETHERNET);
        CU_ASSERT_EQUAL(bpf.tagged_open, rows[i].tagged_open);
        CU_ASSERT_EQUAL(bpf.open, rows[i].open);
        CU_ASSERT(bpf.program.len > 0 && bpf.program.len <= BPF_MAXINSNS);
        bpf_release(&bpf);
        free(text);
    }
}

static void other_link_types(void)
{
    const struct bpf_options options = {
        .filter = "wlan type mgt", .link_type = ETHERNET, .snap_len = SNAP_LEN};
    struct bpf bpf;
    struct error err = {0};
    CU_ASSERT_EQUAL(bpf_init(&bpf, &options, &err), STATUS_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "link type 1"));
}

static const struct test tests[] = {
    {"filters run in the kernel where they can", in_the_kernel},
    {"a program is one that the kernel takes", ends_in_bounds},
    {"a filter too long for the kernel lets through what it cannot judge", long_filters},
    {"a filter for another link type is refused", other_link_types},
};
SUITE("bpf", tests)
