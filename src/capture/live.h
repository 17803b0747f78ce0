/* live.h - frames from network interfaces, as they come.
 *
 *     interface ──► filter ──► ring of blocks ──► live_next() ──► a frame: a view into its block
 *                   in the      mapped            live_mark()     how many frames have been given
 *                   kernel                        live_release()  the first so many are dead
 *
 * LIVE_RING is an AF_PACKET socket for each interface with a ring that the kernel fills and we have
 * mapped (TPACKET_V3). The ring is cut into blocks of up to 1 MiB. A block comes to us when it is full,
 * or about a tenth of a second after its first frame, and goes back to the kernel when all of its frames
 * have been given and released. LIVE_PCAP asks libpcap, and copies into blocks of the same kind, since
 * what libpcap hands out dies at once.
 *
 * LIVE_XDP is there if the build has it (-DSEINE_XDP=ON); what it cannot do, src/capture/xdp.c says.
 *
 * Blocks go back in the order in which they came. A caller may hold as many as there are; while it holds
 * all, nothing more comes (the kernel then drops, and counts), and live_next() waits as if nothing had
 * come. A caller that holds a few frames for long should copy them: a view holds its whole block.
 *
 * Frames of several interfaces come in the order of their times. For that, a frame is given once each
 * other interface has shown one, or has had its time to (LIVE_HOLD_MS), or the ring is a quarter full.
 * Between interfaces whose clocks differ (hardware times) the order means nothing.
 *
 * A frame is as it was on the wire where that can be known: a VLAN tag that the kernel or the network
 * card took off is put back. Three things are as the kernel had them. Segments may come joined, as
 * super-frames of 64 KiB and more (GRO, TSO). A host's own frames may have the checksum that its network
 * card is to fill in: the uncomplemented sum of the pseudo-header, which dissection knows as such from the
 * bytes (CHECKSUM_OFFLOAD), live and in a capture file alike; so the frame has no mark of it. And padding
 * or a frame check sequence is there only if the driver leaves it.
 *
 * A filter means the same as for a capture file (filter.h), VLAN tags included. It runs in the kernel; what
 * the kernel cannot judge (see bpf.h) it lets through, and it is judged here. It is in place before the
 * first frame can come, so none slips by, and from the return of live_open() on none is missed. By LIVE_PCAP
 * it passes libpcap's own live filter first, which may refuse tagged frames for bytes around their tag.
 *
 * One thread calls all of this, but for live_stop(). Frames have evidence_id 0 and offset 0, an
 * interface_id that is the place in the list that was given, and numbers 1, 2, ... for each interface. */
#ifndef SEINE_CAPTURE_LIVE_H
#define SEINE_CAPTURE_LIVE_H

#include "base/error.h"
#include "capture/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct live;

enum live_source { LIVE_RING, LIVE_PCAP, LIVE_XDP };

enum {
    LIVE_INTERFACES_MAX = 64,
    LIVE_RING_LEN_MIN = 1 << 20,
    LIVE_RING_LEN_MAX = 1 << 30,
    LIVE_RING_LEN = 16 << 20, /* the default */
    LIVE_SNAP_LEN = 262144,   /* the default, and the most: libpcap's own */
    LIVE_HOLD_MS = 150,
};

struct live_options {
    const char *const *interfaces; /* borrowed for the call; "any" is every one, and stands alone */
    unsigned interface_count;      /* 1 to LIVE_INTERFACES_MAX, none twice */
    const char *filter;            /* in libpcap's language; NULL: none */
    enum live_source source;
    size_t ring_len;    /* bytes of each interface's ring, cut to whole blocks; 0: LIVE_RING_LEN */
    uint32_t snap_len;  /* bytes of a frame that are kept; 0: LIVE_SNAP_LEN */
    bool promiscuous;   /* also frames that are not for this host; "any" cannot be */
    bool hardware_time; /* the card's times where it has them; else a remark says why not */
};

/* Opens the interfaces. NULL, with a sentence, if any one cannot be opened, the filter is mistyped, or the
 * rights are missing. One that is down is taken, with a remark.
 *
 * This alone needs rights (CAP_NET_RAW; for hardware_time CAP_NET_ADMIN) and opens files. What follows can be
 * done in a sandbox that allows, on descriptors that are open, epoll_wait, write, pread64, recvfrom, sendto,
 * ioctl, getsockopt, setsockopt and bind, and besides clock_gettime, munmap and close; LIVE_PCAP also needs
 * poll and, for what libpcap looks up in files of /sys, openat, which may fail. */
struct live *live_open(const struct live_options *options, struct error *err);

/* Closes and frees; frames that were not released die too. NULL is allowed. */
void live_close(struct live *live);

enum live_next {
    LIVE_FRAME,   /* `frame` was filled in */
    LIVE_IDLE,    /* nothing came within wait_ms; also each time there is a new remark */
    LIVE_STOPPED, /* live_stop() was called, and everything that came before has been given */
    LIVE_FAILED,  /* no interface is left, or the system failed: the sentence says how */
};

/* The next frame, waiting up to wait_ms for it (0: not at all; negative: for ever). The bytes of the frame
 * live until it is released. After LIVE_STOPPED and LIVE_FAILED the same is returned again; frames given
 * before stay until they are released or all is closed.
 *
 * An interface that goes down is listened on all the same. One that vanishes while others are there is looked
 * for each second, and listened on again when it is back (not by libpcap). */
enum live_next live_next(struct live *live, struct frame *frame, int wait_ms, struct error *err);

/* How many frames live_next() has given in all: the mark of the last one. */
uint64_t live_mark(const struct live *live);

/* The first `mark` frames are dead: nobody looks at their bytes again. Blocks of which all frames have been
 * given and are dead go back. A mark that is not above the last one does nothing. Cheap, but once for a
 * batch of frames is better than once for each. */
void live_release(struct live *live, uint64_t mark);

/* Whether the frame that was given last lies in a block with little in it. Blocks come whether they are full or not,
 * and the ring is used up by their number: who holds such a one for long had better have a copy of its frames. */
bool live_is_sparse(const struct live *live);

/* Of all rings together: bytes of blocks that have come and have not gone back, whether they were given yet
 * or not, and of all blocks. A caller that falls behind sees it here first; of LIVE_PCAP, what lies in
 * libpcap's own buffer cannot be seen. */
size_t live_held_len(const struct live *live);
size_t live_ring_len(const struct live *live);

/* From now on no frame is taken; those that the kernel has are still given, which takes up to LIVE_HOLD_MS,
 * and then LIVE_STOPPED. May be called from a signal handler or another thread, and again. */
void live_stop(struct live *live);

/* What is known of an interface. Borrowed from `live`. */
struct live_interface {
    const char *name;
    uint32_t
        link_type; /* of all its frames; 276, LINUX_SLL2, of "any" and where no header is known */
    uint32_t snap_len;
    bool up;            /* as far as live_next() learned */
    bool hardware_time; /* its frames have the card's times, where the card gave one */
};
void live_interface(const struct live *live, struct live_interface *said, unsigned interface);

/* Counted since live_open(), never falling. What is discarded may be among `received`, or among those that the backlog
 * dropped: only the drops are losses. */
struct live_counts {
    uint64_t received;             /* passed the filter, dropped_by_socket included */
    uint64_t dropped_by_socket;    /* passed the filter, and the ring had no room */
    uint64_t freezes;              /* how often the ring became full */
    uint64_t dropped_by_interface; /* they never reached the system: nic_lost_since() */
    uint64_t
        discarded; /* rx_dropped: by the system or a driver, before or after they were captured */
    uint64_t
        dropped_by_backlog; /* by the queues between drivers and sockets, of all interfaces of the
                                      machine: /proc/net/softnet_stat does not say of which */
};

/* False when they cannot be had any more, with *counts as they were last. Of "any", dropped_by_interface and
 * discarded are 0. */
bool live_counts(struct live *live, struct live_counts *counts, unsigned interface);

/* Sentences that the user should see once: an interface that went down, vanished or came back, hardware
 * times that are not to be had, what filter.h remarks. Returns the next that was not yet told, or NULL.
 * Borrowed until the next call of any function here. A ceiling keeps them from growing: what is above it is
 * left out, and the last one says so. */
const char *live_remark(struct live *live);

#endif
