/* bpf.h - a filter as a socket of the kernel takes it.
 *
 * libpcap compiles a filter for frames as they lie in a capture file. What a socket's filter sees differs
 * in two ways. The VLAN tag that the network card took off is beside the frame, not in it. And a socket that
 * has no link header (cooked) sees the packet alone, where a capture file has a header made of what the
 * kernel knows (LINKTYPE_LINUX_SLL2):
 *
 *     as in a file, tagged      destination 6 | source 6 | tpid 2 | tci 2 | type 2 | ...
 *     as the socket sees it     destination 6 | source 6 |                  type 2 | ...
 *
 *     as in a file, cooked      protocol 2 | 0 2 | interface 4 | device 2 | direction 1 | 1 | address 8 | ...
 *     as the socket sees it                                                                             ...
 *
 * So the program is carried over, load by load: what lies in the missing bytes is asked of the kernel
 * (SKF_AD_), what lies behind them moves. One program for tagged frames and one for the others stand behind
 * each other, and the first instruction chooses. A load that cannot be carried over opens the filter: it lets
 * all such frames through, and who reads them judges them, with the same filter, as they are in the end. */
#ifndef SEINE_CAPTURE_BPF_H
#define SEINE_CAPTURE_BPF_H

#include "base/error.h"

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

struct bpf {
    struct sock_fprog program; /* owned */
    bool tagged_open;          /* lets all tagged frames through: they must be judged again */
    bool open;                 /* lets all frames through, likewise */
};

struct bpf_options {
    const char *filter; /* NULL: all frames */
    uint32_t link_type;
    uint32_t snap_len;
    bool cooked; /* the socket has no link headers, link_type is LINKTYPE_LINUX_SLL2 */
    bool
        no_loops; /* of what goes over the loopback interface, only what comes in: it would be seen twice */
};

/* STATUS_FAILED, with a sentence, when the filter cannot be compiled for this link type. */
enum status bpf_init(struct bpf *bpf, const struct bpf_options *options, struct error *err);
void bpf_release(struct bpf *bpf);

/* A program that refuses all. Static. */
const struct sock_fprog *bpf_refusal(void);

#endif
