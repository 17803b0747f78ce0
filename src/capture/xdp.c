/* xdp.c - frames from an interface by AF_XDP (libxdp): before the kernel has made packets of them.
 *
 * It gains only where the driver hands over XDP frames, so it is an option of the build, off by default
 * (-DSEINE_XDP=ON). The driver writes each frame into a slot of 4096 bytes of memory that is ours:
 *
 *     fill       slots that are free      we ──► driver
 *     received   slots with a frame       driver ──► we
 *
 * A block here is up to 64 slots that came together, not a piece of memory. Four things differ from the ring:
 * frames do not go on to this host, so it is for mirror ports; what is longer than a slot does not come; a
 * frame's time is that at which we took it; and no filter runs in the kernel, all frames are judged here. One
 * queue is listened on: with several, frames of the others would not be seen, so that is refused. */
#include "capture/port.h"

#ifdef SEINE_XDP

#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h> /* before those of Linux, which leave out what it has */

#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <xdp/libxdp.h>
#include <xdp/xsk.h>

enum { SLOT_LEN = XSK_UMEM__DEFAULT_FRAME_SIZE, BATCH = 64, LINK_ETHERNET = 1 };

struct xdp {
    struct xsk_umem *memory; /* owned, as all below */
    struct xsk_socket *socket;
    struct xsk_ring_prod fill;
    struct xsk_ring_cons sent, received;
    struct xdp_desc (*slots)[BATCH]; /* of each block */
    uint32_t *counts;                /* of each block: how many of them */
    int membership;                  /* a socket that keeps the interface promiscuous, or -1 */

    unsigned block; /* the current one */
    uint32_t next;  /* of its slots */
    int64_t time_ns;
    uint64_t taken;
    struct xdp_statistics last;
    bool quiet;
    uint32_t remaining; /* once quiet: frames that had come before */
};

static enum status failed(const struct port *p, const char *what, int why, struct error *err)
{
    if (why == EPERM || why == EACCES)
        return error_set(err, "%s: AF_XDP needs rights (CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF): %s",
                         p->name, what);
    return error_set(err, "%s: %s: %s", p->name, what, strerror(why));
}

/* Where the driver does not say, it has one. */
static unsigned queue_count(const char *name)
{
    struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
    struct ifreq request = {.ifr_data = (void *)&channels};
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    memcpy(request.ifr_name, name, strnlen(name, sizeof(request.ifr_name) - 1));
    const bool said = fd >= 0 && ioctl(fd, SIOCETHTOOL, &request) == 0;
    if (fd >= 0)
        close(fd);
    return said ? channels.combined_count + channels.rx_count : 1;
}

static enum status make_promiscuous(struct port *p, struct error *err)
{
    const struct packet_mreq all = {.mr_ifindex = (int)p->nic.index, .mr_type = PACKET_MR_PROMISC};

    p->xdp->membership = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (p->xdp->membership < 0 ||
        setsockopt(p->xdp->membership, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) < 0)
        return failed(p, "cannot make it promiscuous", errno, err);
    return STATUS_OK;
}

/* Gives slots to the driver. There is always room: the queue takes all that there are. */
static void fill(struct xdp *x, const struct xdp_desc *slots, uint32_t count)
{
    uint32_t at = 0;

    if (xsk_ring_prod__reserve(&x->fill, count, &at) != count)
        return;
    for (uint32_t i = 0; i < count; i++)
        *xsk_ring_prod__fill_addr(&x->fill, at + i) = slots[i].addr & ~(uint64_t)(SLOT_LEN - 1);
    xsk_ring_prod__submit(&x->fill, count);
}

static enum status make_slots(struct port *p, struct error *err)
{
    struct xdp *x = p->xdp;
    uint32_t slots = BATCH * 2;

    while ((size_t)slots * 2 * SLOT_LEN <= p->options.ring_len)
        slots *= 2;
    p->block_count = slots / BATCH;
    p->block_len = (size_t)BATCH * SLOT_LEN;
    p->memory_len = (size_t)slots * SLOT_LEN;
    void *memory =
        mmap(NULL, p->memory_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    x->slots = calloc(p->block_count, sizeof(*x->slots));
    x->counts = calloc(p->block_count, sizeof(*x->counts));
    if (memory != MAP_FAILED)
        p->memory = memory;
    if (!p->memory || !x->slots || !x->counts)
        return error_no_memory(err, "no memory for the frames of %s", p->name);
    const struct xsk_umem_config config = {
        .fill_size = slots, .comp_size = BATCH, .frame_size = SLOT_LEN};
    const int why =
        xsk_umem__create(&x->memory, p->memory, p->memory_len, &x->fill, &x->sent, &config);
    return why ? failed(p, "cannot have memory for AF_XDP", -why, err) : STATUS_OK;
}

static enum status listen_on(struct port *p, struct error *err)
{
    struct xdp *x = p->xdp;
    const struct xsk_socket_config config = {.rx_size = p->block_count * BATCH};
    const int why =
        xsk_socket__create(&x->socket, p->name, 0, x->memory, &x->received, NULL, &config);

    if (why)
        return failed(p, "cannot listen on it by AF_XDP", -why, err);
    p->descriptor = xsk_socket__fd(x->socket);
    return STATUS_OK;
}

static enum status xdp_open(struct port *p, struct error *err)
{
    if (p->any)
        return error_set(err, "any: AF_XDP listens on one interface at a time");
    if (p->nic.hardware != ARPHRD_ETHER)
        return error_set(err, "%s: AF_XDP is for Ethernet", p->name);
    if (queue_count(p->name) > 1)
        return error_set(
            err, "%s: it has %u queues, and AF_XDP listens on one: 'ethtool -L %s combined 1'",
            p->name, queue_count(p->name), p->name);
    libbpf_set_print(NULL); /* what these two would say on the terminal */
    libxdp_set_print(NULL);
    p->xdp = calloc(1, sizeof(*p->xdp));
    if (!p->xdp)
        return error_no_memory(err, "no memory for the interface %s", p->name);
    p->xdp->membership = -1;
    p->link_type = LINK_ETHERNET;
    p->judges = p->options.filter ? JUDGES_ALL : JUDGES_NONE;
    if (p->options.hardware_time)
        error_set(&p->remark, "%s: there are no hardware times with AF_XDP: ours are taken",
                  p->name);
    if (make_slots(p, err) != STATUS_OK)
        return STATUS_FAILED;
    for (unsigned i = 0; i < p->block_count; i++) {
        for (uint32_t k = 0; k < BATCH; k++)
            p->xdp->slots[i][k].addr = ((uint64_t)i * BATCH + k) * SLOT_LEN;
        fill(p->xdp, p->xdp->slots[i], BATCH);
    }
    if (p->options.promiscuous && make_promiscuous(p, err) != STATUS_OK)
        return STATUS_FAILED;
    return listen_on(p, err);
}

static void xdp_close(struct port *p)
{
    struct xdp *x = p->xdp;

    if (!x)
        return;
    if (x->socket)
        xsk_socket__delete(x->socket);
    if (x->memory)
        xsk_umem__delete(x->memory);
    if (x->membership >= 0)
        close(x->membership);
    if (p->memory)
        munmap(p->memory, p->memory_len);
    free(x->slots);
    free(x->counts);
    free(x);
    p->xdp = NULL;
}

static int64_t real_time_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool xdp_begin(struct port *p)
{
    struct xdp *x = p->xdp;
    const unsigned block = port_block(p, p->held_count);
    uint32_t at = 0, count = BATCH;

    if (x->quiet && x->remaining < count)
        count = x->remaining;
    if (count > 0)
        count = xsk_ring_cons__peek(&x->received, count, &at);
    p->gone = x->quiet && count == 0;
    if (count == 0)
        return false;
    for (uint32_t i = 0; i < count; i++)
        x->slots[block][i] = *xsk_ring_cons__rx_desc(&x->received, at + i);
    xsk_ring_cons__release(&x->received, count);
    if (x->quiet)
        x->remaining -= count;
    x->block = block;
    x->next = 0;
    x->time_ns = real_time_ns();
    x->counts[block] = p->left = count;
    x->taken += count;
    return true;
}

static unsigned xdp_waiting(const struct port *p)
{
    return (xsk_cons_nb_avail(&p->xdp->received, UINT32_MAX) + BATCH - 1) / BATCH;
}

static bool xdp_is_pressed(const struct port *p)
{
    return xdp_waiting(p) > p->block_count / 4;
}

static bool xdp_take(struct port *p, struct frame *frame)
{
    struct xdp *x = p->xdp;
    const struct xdp_desc *slot = &x->slots[x->block][x->next++];

    frame->bytes = span_first(span_of(xsk_umem__get_data(p->memory, slot->addr), slot->len),
                              p->options.snap_len);
    frame->wire_len = slot->len;
    frame->link_type = p->link_type;
    frame->time_ns = x->time_ns;
    p->left--;
    return true;
}

static int64_t xdp_head_ns(const struct port *p)
{
    return p->xdp->time_ns;
}

static void xdp_give_back(struct port *p, unsigned block)
{
    fill(p->xdp, p->xdp->slots[block], p->xdp->counts[block]);
}

static void xdp_quiet(struct port *p)
{
    p->xdp->quiet = true;
    p->xdp->remaining = xsk_cons_nb_avail(&p->xdp->received, UINT32_MAX);
}

static bool xdp_count(struct port *p, struct live_counts *counts)
{
    struct xdp *x = p->xdp;
    struct xdp_statistics said;
    socklen_t len = sizeof(said);

    memset(&said, 0, sizeof(said));
    if (getsockopt(p->descriptor, SOL_XDP, XDP_STATISTICS, &said, &len) < 0)
        return false;
    const uint64_t dropped =
        said.rx_dropped + said.rx_ring_full - x->last.rx_dropped - x->last.rx_ring_full;
    counts->dropped_by_socket += dropped;
    counts->received += x->taken + dropped;
    counts->freezes += said.rx_fill_ring_empty_descs - x->last.rx_fill_ring_empty_descs;
    x->taken = 0;
    x->last = said;
    return true;
}

static bool xdp_trouble(struct port *p, struct error *err)
{
    if (nic_is_there(p->descriptor, p->nic.index))
        return false;
    error_set(err, "%s: the interface is gone", p->name);
    p->gone = true;
    p->up = false;
    return true;
}

#else /* without libxdp */

static enum status xdp_open(struct port *p, struct error *err)
{
    return error_set(
        err, "%s: this build has no AF_XDP (it was not configured with -DSEINE_XDP=ON)", p->name);
}

static void xdp_close(struct port *p)
{
    (void)p;
}

#define xdp_begin NULL
#define xdp_waiting NULL
#define xdp_is_pressed NULL
#define xdp_take NULL
#define xdp_head_ns NULL
#define xdp_give_back NULL
#define xdp_quiet NULL
#define xdp_count NULL
#define xdp_trouble NULL

#endif

/* A socket of AF_XDP is bound once. */
static bool xdp_rejoin(struct port *p)
{
    (void)p;
    return false;
}

const struct port_source xdp_source = {
    .open = xdp_open,
    .close = xdp_close,
    .begin = xdp_begin,
    .waiting = xdp_waiting,
    .is_pressed = xdp_is_pressed,
    .take = xdp_take,
    .head_ns = xdp_head_ns,
    .give_back = xdp_give_back,
    .quiet = xdp_quiet,
    .count = xdp_count,
    .trouble = xdp_trouble,
    .rejoin = xdp_rejoin,
};
