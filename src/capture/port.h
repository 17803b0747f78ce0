/* port.h - one interface that is listened on, and the table of what a source of live frames does.
 *
 * Frames lie in blocks, which go round:
 *
 *     0           first_held          current                 block_count
 *     ├ kernel's ───┼ given, waiting ──┼ being given ┼ kernel's ┤
 *
 * live.c keeps account of the blocks and of their marks. A source fills them, says when one has come, and
 * takes it back. Only the capture room includes this. */
#ifndef SEINE_CAPTURE_PORT_H
#define SEINE_CAPTURE_PORT_H

#include "capture/bpf.h"
#include "capture/live.h"
#include "capture/nic.h"

struct port;

struct port_source {
    /* Opens and begins to listen: name, options and nic are set. Sets link_type, descriptor, blocks, and
     * what of `judges` it leaves open. What it took until it failed, close() gives back. */
    enum status (*open)(struct port *port, struct error *err);
    void (*close)(struct port *port);

    /* Whether the next block, which is not held, has come. Then `left` is the count of its frames, which may
     * be 0. Where nothing will ever come again, sets `gone`, and says why in `remark`. */
    bool (*begin)(struct port *port);

    /* How many blocks have come behind those that are held, as far as that can be seen. */
    unsigned (*waiting)(const struct port *port);

    /* Whether so much has come behind the current block that it must not wait. */
    bool (*is_pressed)(const struct port *port);

    /* The next of the `left` frames; all but numbers and ids. False when there is no such frame after
     * all. */
    bool (*take)(struct port *port, struct frame *frame);

    /* When the frame that take() will give next was captured. */
    int64_t (*head_ns)(const struct port *port);

    void (*give_back)(struct port *port, unsigned block);

    /* Takes no more frames from the system, but for those that it has taken already. */
    void (*quiet)(struct port *port);

    /* Adds to `counts` what the system has counted since it was last asked. */
    bool (*count)(struct port *port, struct live_counts *counts);

    /* epoll says that something is wrong: puts that into a sentence, and sets up and gone. False when nothing
     * is. */
    bool (*trouble)(struct port *port, struct error *err);

    /* Of one that is gone: whether it is there again, of the same kind, and is listened on. Sets nic. */
    bool (*rejoin)(struct port *port);
};
extern const struct port_source ring_source, pcap_source, xdp_source;

enum port_judges {
    JUDGES_NONE,
    JUDGES_TAGGED,
    JUDGES_ALL
}; /* frames that must still be judged here */

struct port {
    const struct port_source *source;
    char *name; /* owned */
    struct nic nic;
    bool any; /* not one interface, but every one */
    struct live_options options;
    struct error remark; /* of open() and begin(): live.c tells it where it is not empty */

    uint32_t link_type;
    enum port_judges judges;
    bool filter_too_long; /* for the kernel: `judges` is all */
    bool tagged;          /* take() put a tag into the frame */
    bool sparse;          /* the block at hand has little in it: begin() says so */
    bool up;
    bool gone; /* nothing is taken any more; what was taken may still come, for LIVE_HOLD_MS */
    int64_t gone_ms; /* when that was found, by the monotonic clock; 0: nothing may still come */
    bool hardware_time;
    int descriptor; /* readable when a block may have come */

    /* Blocks. Between the blocks that are held, the newest is current while `left` is above 0. */
    unsigned block_count;
    size_t block_len;
    unsigned first_held, held_count;
    uint64_t *
        marks; /* owned; of each block given: that of the last frame that was given when it ended */
    uint32_t left;   /* frames of the current block that were not given */
    uint8_t *at;     /* the next of them */
    int64_t seen_ms; /* when the current block came, by the monotonic clock */

    uint64_t number;
    struct live_counts counts;
    struct nic_drops drops_last; /* as the system counts */

    uint8_t *memory; /* owned: all blocks */
    size_t memory_len;

    /* Of the ring. */
    bool cooked;

    /* Of AF_XDP. */
    struct xdp *xdp; /* owned */

    /* Of libpcap. */
    struct pcap *pcap; /* owned */
    bool broken;       /* gone, but for another reason than its interface: it cannot come back */
    uint8_t *fill;     /* where the next frame is copied to */
    uint8_t *fill_end; /* behind the last place at which one may begin */
    int64_t stopped_ns;
    unsigned received_last, lost_last; /* as libpcap counts: they wrap */
};

static inline unsigned port_block(const struct port *p, unsigned after_first_held)
{
    return (p->first_held + after_first_held) % p->block_count;
}

/* How the length of a ring is cut into blocks. */
void port_cut(struct port *p, size_t ring_len, size_t least_block_len);

/* Has the AF_PACKET socket of a port listen on p->nic; it needs no rights to do so again. */
enum status port_listen(struct port *p, struct error *err);

/* rejoin() of such a socket: it stays, and with it the ring. */
bool port_rejoin(struct port *p);

#endif
