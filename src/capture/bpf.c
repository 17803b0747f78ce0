/* bpf.c - carries a filter over from a capture file to a socket. */
#include "capture/bpf.h"

#include "capture/filter.h"

#include <assert.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

/* What a capture file has at `at`, and the socket's filter has to ask for. */
struct asked {
    uint32_t at;
    uint32_t len;
    uint32_t ancillary; /* SKF_AD_ */
};

/* How frames in a file differ from what a socket sees. */
struct difference {
    uint32_t same_len;  /* so many bytes are the same at first */
    uint32_t added_len; /* then so many are only in the file */
    struct asked asked[6];
};

static const struct difference tagged = {
    12, 4, {{12, 2, SKF_AD_VLAN_TPID}, {14, 2, SKF_AD_VLAN_TAG}}};

static const struct difference cooked = {0,
                                         20,
                                         {{0, 2, SKF_AD_PROTOCOL},
                                          {4, 4, SKF_AD_IFINDEX},
                                          {8, 2, SKF_AD_HATYPE},
                                          {10, 1, SKF_AD_PKTTYPE}}};

static const struct difference cooked_and_tagged = {0,
                                                    24,
                                                    {{0, 2, SKF_AD_VLAN_TPID},
                                                     {4, 4, SKF_AD_IFINDEX},
                                                     {8, 2, SKF_AD_HATYPE},
                                                     {10, 1, SKF_AD_PKTTYPE},
                                                     {20, 2, SKF_AD_VLAN_TAG},
                                                     {22, 2, SKF_AD_PROTOCOL}}};

static struct sock_filter ask(uint32_t ancillary)
{
    return (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_AD_OFF + ancillary);
}

static uint32_t load_len(uint16_t code)
{
    switch (BPF_SIZE(code)) {
    case BPF_W:
        return 4;
    case BPF_H:
        return 2;
    default:
        return 1;
    }
}

/* A load from a fixed place. */
static bool carry_load(struct sock_filter *to, const struct difference *d)
{
    const uint32_t at = to->k, len = load_len(to->code);

    if (at >= d->same_len + d->added_len) {
        to->k -= d->added_len;
        return true;
    }
    if (at + len <= d->same_len)
        return true;
    for (size_t i = 0; i < sizeof(d->asked) / sizeof(d->asked[0]); i++) {
        if (d->asked[i].len == len && d->asked[i].at == at) {
            *to = ask(d->asked[i].ancillary);
            return true;
        }
    }
    return false;
}

/* Makes `to` do on what the socket sees what it did on the frame in a file; false when one instruction
 * cannot. */
static bool carry(struct sock_filter *to, const struct difference *d)
{
    const uint32_t backwards = 0x80000000u; /* a place before where the index register points to */

    switch (BPF_CLASS(to->code)) {
    case BPF_LD:
    case BPF_LDX:
        break;
    default:
        return true;
    }
    switch (BPF_MODE(to->code)) {
    case BPF_ABS:
        return carry_load(to, d);
    case BPF_IND: /* behind what was added wherever the index points to */
    case BPF_MSH:
        if (to->k < d->same_len + d->added_len || to->k >= backwards)
            return false;
        to->k -= d->added_len;
        return true;
    case BPF_LEN:
        return false;
    default: /* constants and scratch memory */
        return true;
    }
}

/* How an instruction of a filter can be reached. Jumps only go forward, so one pass tells. */
enum reached {
    NEVER,
    AFTER_TPID, /* only with what was loaded last being the type of the tag */
    SOMEHOW,
};

static void reach(enum reached *at, enum reached how)
{
    if (*at < how)
        *at = how;
}

/* A program in the making. */
struct draft {
    struct sock_filter code[BPF_MAXINSNS];
    size_t len;
    enum reached reached[BPF_MAXINSNS]; /* of the filter that is being added, from 0 on */
};

static void add(struct draft *d, struct sock_filter instruction)
{
    assert(d->len < BPF_MAXINSNS);
    d->code[d->len++] = instruction;
}

/* The kernel takes off tags of two types alone, and a filter that compares the type with any other goes on as
 * for an unequal one: so most filters ask no more of a tagged frame. */
static bool is_type_of_tag(uint32_t type)
{
    return type == ETH_P_8021Q || type == ETH_P_8021AD;
}

/* Says of what follows the instruction `to`, which was carried over, that it is reached. */
static void reach_what_follows(enum reached *at, const struct sock_filter *to, enum reached how)
{
    const uint32_t tpid = (uint32_t)SKF_AD_OFF + SKF_AD_VLAN_TPID;

    switch (BPF_CLASS(to->code)) {
    case BPF_RET:
        return;
    case BPF_JMP:
        if (BPF_OP(to->code) == BPF_JA) {
            reach(at + 1 + to->k, how);
            return;
        }
        if (to->code != (BPF_JMP | BPF_JEQ | BPF_K) || how != AFTER_TPID || is_type_of_tag(to->k))
            reach(at + 1 + to->jt, how);
        reach(at + 1 + to->jf, how);
        return;
    case BPF_ST:
    case BPF_STX:
    case BPF_LDX: /* what was loaded stays */
        reach(at + 1, how);
        return;
    default:
        reach(at + 1,
              to->code == (BPF_LD | BPF_W | BPF_ABS) && to->k == tpid ? AFTER_TPID : SOMEHOW);
        return;
    }
}

/* Adds the compiled filter as it applies to what the socket sees, if that leaves `spare` instructions; or
 * else lets all through, and says false. */
static bool add_filter(struct draft *d, const struct bpf_program *filter,
                       const struct difference *difference, uint32_t snap_len, size_t spare)
{
    const size_t start = d->len, len = filter->bf_len;
    bool carried = len < BPF_MAXINSNS - spare - start;

    memset(d->reached, 0, sizeof(d->reached));
    d->reached[0] = SOMEHOW;
    for (size_t i = 0; carried && i < len; i++) {
        const struct bpf_insn *from = &filter->bf_insns[i];
        struct sock_filter to = {from->code, from->jt, from->jf, from->k};
        if (d->reached[i] == NEVER)
            to = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
        carried = !difference || carry(&to, difference);
        reach_what_follows(&d->reached[i], &to, d->reached[i]);
        add(d, to);
    }
    if (carried)
        return true;
    d->len = start;
    add(d, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, snap_len));
    return false;
}

/* Leaves out what the loopback interface sends: it comes in as well. */
static void add_no_loops(struct draft *d)
{
    add(d, ask(SKF_AD_HATYPE));
    add(d, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARPHRD_LOOPBACK, 0, 3));
    add(d, ask(SKF_AD_PKTTYPE));
    add(d, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1));
    add(d, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0));
}

static void assemble(struct bpf *bpf, struct draft *d, const struct bpf_program *filter,
                     const struct bpf_options *options)
{
    enum { ETHERNET = 1 };
    const bool has_tags = options->cooked || options->link_type == ETHERNET;

    if (has_tags) {
        add(d, ask(SKF_AD_VLAN_TAG_PRESENT));
        add(d, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1));
        const size_t jump = d->len;
        add(d, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0)); /* over what follows */
        /* Half of the room for each: where that is too little, rather the tagged are judged again. */
        bpf->tagged_open = !add_filter(d, filter, options->cooked ? &cooked_and_tagged : &tagged,
                                       options->snap_len, BPF_MAXINSNS / 2);
        d->code[jump].k = (uint32_t)(d->len - jump - 1);
    }
    bpf->open = !add_filter(d, filter, options->cooked ? &cooked : NULL, options->snap_len, 1);
}

enum status bpf_init(struct bpf *bpf, const struct bpf_options *options, struct error *err)
{
    *bpf = (struct bpf){0};
    struct draft *d = calloc(1, sizeof(*d));
    if (!d)
        return error_no_memory(err, "no memory for a filter");
    if (options->no_loops)
        add_no_loops(d);
    if (options->filter) {
        struct bpf_program filter;
        if (filter_compile(&filter, options->filter, options->link_type, options->snap_len, err) !=
            STATUS_OK) {
            free(d);
            return STATUS_FAILED;
        }
        assemble(bpf, d, &filter, options);
        pcap_freecode(&filter);
    } else {
        add(d, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, options->snap_len));
    }
    bpf->program.len = (unsigned short)d->len;
    bpf->program.filter = calloc(d->len, sizeof(*d->code));
    if (bpf->program.filter)
        memcpy(bpf->program.filter, d->code, d->len * sizeof(*d->code));
    free(d);
    return bpf->program.filter ? STATUS_OK : error_no_memory(err, "no memory for a filter");
}

void bpf_release(struct bpf *bpf)
{
    free(bpf->program.filter);
    bpf->program.filter = NULL;
}

const struct sock_fprog *bpf_refusal(void)
{
    static struct sock_filter none[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    static const struct sock_fprog program = {1, none};

    return &program;
}
