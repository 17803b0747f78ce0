/* ring.c - frames from an interface, in place: an AF_PACKET socket with a mapped ring (TPACKET_V3;
 * Documentation/networking/packet_mmap.rst of Linux).
 *
 *     block     head | frame | frame | ...                       ours while its status says USER
 *     frame     tpacket3_hdr | sockaddr_ll | spare | bytes       the next one is tp_next_offset behind it
 *
 * The spare room takes what is put before the bytes, or into them: a VLAN tag of 4 bytes, for which the 12 of
 * the addresses move forward, or the header of 20 bytes that stands for the missing one of a cooked frame. */
#include "capture/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    RETIRE_MS = 50,   /* a block that is not full comes after so long, or twice that */
    SPARSE_PART = 8,  /* a block that came with less than this part of it is sparse */
    FRAME_LEN = 2048, /* the kernel wants a number: frames of TPACKET_V3 are as long as they are */
    MACS_LEN = 12,
    TAG_LEN = 4,
    COOKED_LEN = 20,
};

enum {
    ADDRESS_AT = sizeof(struct tpacket3_hdr),
    HEADS_LEN = ADDRESS_AT + sizeof(struct sockaddr_ll)
};
_Static_assert(ADDRESS_AT % TPACKET_ALIGNMENT == 0, "the address follows at once");

enum link_type {
    LINK_ETHERNET = 1,
    LINK_RAW = 101,
    LINK_WIFI = 105,
    LINK_WIFI_PRISM = 119,
    LINK_WIFI_RADIOTAP = 127,
    LINK_COOKED = 276,
};

/* What has no link header that is known and always there is cooked: PPP, whose header depends on the driver,
 * tunnels, and the rest. */
static uint32_t link_type_of(unsigned hardware)
{
    switch (hardware) {
    case ARPHRD_ETHER:
    case ARPHRD_LOOPBACK:
        return LINK_ETHERNET;
    case ARPHRD_NONE: /* tun, WireGuard */
    case ARPHRD_RAWIP:
        return LINK_RAW;
    case ARPHRD_IEEE80211:
        return LINK_WIFI;
    case ARPHRD_IEEE80211_PRISM:
        return LINK_WIFI_PRISM;
    case ARPHRD_IEEE80211_RADIOTAP:
        return LINK_WIFI_RADIOTAP;
    default:
        return LINK_COOKED;
    }
}

/* ---- opening ---- */

static enum status failed(const struct port *p, const char *what, struct error *err)
{
    return error_set(err, "%s: %s: %s", p->name, what, strerror(errno));
}

static enum status set(const struct port *p, int option, const void *value, socklen_t len,
                       const char *what, struct error *err)
{
    if (setsockopt(p->descriptor, SOL_PACKET, option, value, len) < 0)
        return failed(p, what, err);
    return STATUS_OK;
}

static enum status open_socket(struct port *p, struct error *err)
{
    /* Of no protocol, so that nothing comes before it is bound to all. */
    p->descriptor =
        socket(AF_PACKET, (p->cooked ? SOCK_DGRAM : SOCK_RAW) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (p->descriptor >= 0)
        return STATUS_OK;
    if (errno == EPERM || errno == EACCES)
        return error_set(err,
                         "%s: capturing from an interface needs the right to (CAP_NET_RAW): run it "
                         "as root, or 'setcap cap_net_raw+ep' the program",
                         p->name);
    return failed(p, "cannot open a socket for it", err);
}

/* With `filter` NULL all is let through. errno is of the attempt, when it was made and failed. */
static enum status try_filter(struct port *p, const char *filter, struct error *err)
{
    struct bpf bpf;
    const struct bpf_options options = {
        .filter = filter,
        .link_type = p->link_type,
        .snap_len = p->options.snap_len,
        .cooked = p->cooked,
        .no_loops = p->any || p->nic.hardware == ARPHRD_LOOPBACK,
    };
    enum status status = STATUS_OK;

    errno = 0;
    if (bpf_init(&bpf, &options, err) != STATUS_OK) {
        error_prefix(err, "%s", p->name);
        return STATUS_FAILED;
    }
    p->judges = bpf.open ? JUDGES_ALL : bpf.tagged_open ? JUDGES_TAGGED : JUDGES_NONE;
    if (setsockopt(p->descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &bpf.program, sizeof(bpf.program)) <
        0)
        status = failed(p, "the kernel does not take the filter", err);
    const int why = errno;
    bpf_release(&bpf);
    errno = why;
    return status;
}

static enum status attach_filter(struct port *p, struct error *err)
{
    enum status status = try_filter(p, p->options.filter, err);

    if (status == STATUS_OK || errno != ENOMEM)
        return status;
    if (try_filter(p, NULL, err) != STATUS_OK)
        return STATUS_FAILED;
    p->judges = JUDGES_ALL;
    p->filter_too_long = true;
    return STATUS_OK;
}

static enum status map_ring(struct port *p, struct error *err)
{
    port_cut(p, p->options.ring_len, 128 << 10);
    struct tpacket_req3 request = {
        .tp_block_size = (unsigned)p->block_len,
        .tp_block_nr = p->block_count,
        .tp_frame_size = FRAME_LEN,
        .tp_frame_nr = (unsigned)(p->block_len / FRAME_LEN) * p->block_count,
        .tp_retire_blk_tov = RETIRE_MS,
    };
    if (set(p, PACKET_RX_RING, &request, sizeof(request), "cannot have a ring", err) != STATUS_OK)
        return STATUS_FAILED;
    const size_t len = p->block_len * p->block_count;
    void *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, p->descriptor, 0);
    if (memory == MAP_FAILED)
        return failed(p, "cannot map its ring", err);
    p->memory = memory;
    p->memory_len = len;
    return STATUS_OK;
}

/* Hardware times are a wish: where there are none, a remark says so. */
static void ask_for_hardware_time(struct port *p)
{
    const int raw = SOF_TIMESTAMPING_RAW_HARDWARE;
    struct error why;

    if (p->any)
        error_set(&why, "it is not one card");
    else if (nic_stamp(p->descriptor, p->name, &why) == STATUS_OK &&
             set(p, PACKET_TIMESTAMP, &raw, sizeof(raw), "the kernel does not pass them on",
                 &why) == STATUS_OK)
        p->hardware_time = true;
    if (!p->hardware_time)
        error_set(&p->remark, "%s: there are no hardware times (%s): the kernel's are taken",
                  p->name, why.text);
}

enum status port_listen(struct port *p, struct error *err)
{
    const struct sockaddr_ll address = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(ETH_P_ALL),
        .sll_ifindex = (int)p->nic.index,
    };
    if (p->options.promiscuous && !p->any) {
        const struct packet_mreq all = {.mr_ifindex = (int)p->nic.index,
                                        .mr_type = PACKET_MR_PROMISC};
        if (set(p, PACKET_ADD_MEMBERSHIP, &all, sizeof(all), "cannot make it promiscuous", err) !=
            STATUS_OK)
            return STATUS_FAILED;
    }
    if (bind(p->descriptor, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return failed(p, "cannot listen on it", err);
    return STATUS_OK;
}

static enum status ring_open(struct port *p, struct error *err)
{
    const int version = TPACKET_V3;
    const int spare = TAG_LEN; /* of cooked frames there are 24 bytes anyhow, and more */

    p->link_type = p->any ? LINK_COOKED : link_type_of(p->nic.hardware);
    p->cooked = p->link_type == LINK_COOKED;
    if (open_socket(p, err) != STATUS_OK ||
        set(p, PACKET_VERSION, &version, sizeof(version), "the kernel has no TPACKET_V3", err) !=
            STATUS_OK ||
        set(p, PACKET_RESERVE, &spare, sizeof(spare), "the kernel leaves no room for a tag", err) !=
            STATUS_OK ||
        attach_filter(p, err) != STATUS_OK || map_ring(p, err) != STATUS_OK)
        return STATUS_FAILED;
    if (p->options.hardware_time)
        ask_for_hardware_time(p);
    return port_listen(p, err);
}

static void ring_close(struct port *p)
{
    if (p->memory)
        munmap(p->memory, p->memory_len);
    p->memory = NULL;
    if (p->descriptor >= 0)
        close(p->descriptor);
    p->descriptor = -1;
}

/* ---- blocks and frames ---- */

/* Blocks and frames begin at multiples of 8: the kernel sees to it. */
static struct tpacket_block_desc *block_at(const struct port *p, unsigned block)
{
    void *at = p->memory + block * p->block_len;
    return at;
}

static const struct tpacket3_hdr *frame_at(const uint8_t *at)
{
    const void *head = at;
    return head;
}

static bool has_come(const struct port *p, unsigned block)
{
    const struct tpacket_block_desc *head = block_at(p, block);
    return __atomic_load_n(&head->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER;
}

static bool ring_begin(struct port *p)
{
    const unsigned next = port_block(p, p->held_count);

    if (!has_come(p, next))
        return false;
    const struct tpacket_hdr_v1 *head = &block_at(p, next)->hdr.bh1;
    p->left = head->num_pkts;
    p->sparse = head->blk_len < p->block_len / SPARSE_PART;
    p->at = p->memory + next * p->block_len + head->offset_to_first_pkt;
    return true;
}

static unsigned ring_waiting(const struct port *p)
{
    unsigned count = 0;
    while (p->held_count + count < p->block_count &&
           has_come(p, port_block(p, p->held_count + count)))
        count++;
    return count;
}

/* When a quarter of the ring waits. */
static bool ring_is_pressed(const struct port *p)
{
    const unsigned ahead = p->held_count - 1 + p->block_count / 4;
    return ahead >= p->block_count || has_come(p, port_block(p, ahead));
}

static void ring_give_back(struct port *p, unsigned block)
{
    __atomic_store_n(&block_at(p, block)->hdr.bh1.block_status, (uint32_t)TP_STATUS_KERNEL,
                     __ATOMIC_RELEASE);
}

static int64_t ring_head_ns(const struct port *p)
{
    const struct tpacket3_hdr *head = frame_at(p->at);
    return (int64_t)head->tp_sec * 1000000000 + head->tp_nsec;
}

static void store_be16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static uint16_t tag_type(const struct tpacket3_hdr *head)
{
    return head->tp_status & TP_STATUS_VLAN_TPID_VALID ? head->hv1.tp_vlan_tpid
                                                       : (uint16_t)ETH_P_8021Q;
}

/* How many bytes may be put before the frame's. */
static size_t spare_len(const struct tpacket3_hdr *head)
{
    return head->tp_mac > HEADS_LEN ? head->tp_mac - (size_t)HEADS_LEN : 0;
}

/* Puts the tag back between addresses and type; returns where the frame begins now. */
static uint8_t *put_tag(uint8_t *bytes, const struct tpacket3_hdr *head)
{
    uint8_t *start = bytes - TAG_LEN;

    memmove(start, bytes, MACS_LEN);
    store_be16(start + MACS_LEN, tag_type(head));
    store_be16(start + MACS_LEN + 2, (uint16_t)head->hv1.tp_vlan_tci);
    return start;
}

/* Puts a header before the packet (dissect/sll.h has it in full), and the tag behind it. */
static uint8_t *put_cooked(uint8_t *bytes, const struct tpacket3_hdr *head, bool tagged)
{
    const void *address = (const uint8_t *)head + ADDRESS_AT;
    const struct sockaddr_ll *from = address;
    uint8_t *start = bytes - COOKED_LEN;

    if (tagged) {
        start -= TAG_LEN;
        store_be16(start + COOKED_LEN, (uint16_t)head->hv1.tp_vlan_tci);
        store_be16(start + COOKED_LEN + 2, ntohs(from->sll_protocol));
    }
    store_be16(start, tagged ? tag_type(head) : ntohs(from->sll_protocol));
    store_be16(start + 2, 0);
    store_be16(start + 4, (uint16_t)((unsigned)from->sll_ifindex >> 16));
    store_be16(start + 6, (uint16_t)from->sll_ifindex);
    store_be16(start + 8, from->sll_hatype);
    start[10] = from->sll_pkttype;
    start[11] = from->sll_halen;
    memcpy(start + 12, from->sll_addr, sizeof(from->sll_addr));
    return start;
}

/* What the kernel has beside the bytes goes back into them. */
static void complete(struct port *p, struct frame *frame, const struct tpacket3_hdr *head)
{
    uint8_t *bytes = p->at + head->tp_mac, *start = bytes;
    const bool tagged = head->tp_status & TP_STATUS_VLAN_VALID;

    p->tagged = false;
    if (p->cooked && spare_len(head) >= COOKED_LEN + TAG_LEN) {
        start = put_cooked(bytes, head, tagged);
        p->tagged = tagged;
    } else if (tagged && p->link_type == LINK_ETHERNET && head->tp_snaplen >= MACS_LEN &&
               spare_len(head) >= TAG_LEN) {
        start = put_tag(bytes, head);
        p->tagged = true;
    }
    const size_t added = (size_t)(bytes - start);
    frame->bytes = span_first(span_of(start, head->tp_snaplen + added), p->options.snap_len);
    frame->wire_len = head->tp_len + (uint32_t)added;
}

/* Another processor wrote the frames. The one after the next two is on its way here while the caller looks at
 * this one, if it lies where it would were they all as long, as they often are; else nothing is lost. The lines
 * are its head, and the headers that will be dissected. */
static void fetch_early(const uint8_t *at, size_t frame_len)
{
    enum { AHEAD = 3, LINE = 64 };
    const uintptr_t there = (uintptr_t)at + AHEAD * frame_len; /* may be behind the ring */

    __builtin_prefetch((const void *)there);
    __builtin_prefetch((const void *)(there + LINE));
    __builtin_prefetch((const void *)(there + 2 * LINE));
}

static bool ring_take(struct port *p, struct frame *frame)
{
    const struct tpacket3_hdr *head = frame_at(p->at);

    frame->bytes = span_of(p->at + head->tp_mac, head->tp_snaplen);
    frame->wire_len = head->tp_len;
    frame->link_type = p->link_type;
    frame->time_ns = (int64_t)head->tp_sec * 1000000000 + head->tp_nsec;
    if (p->cooked || head->tp_status & TP_STATUS_VLAN_VALID)
        complete(p, frame, head);
    else
        p->tagged = false;
    p->at += head->tp_next_offset;
    p->left--;
    fetch_early(p->at, head->tp_next_offset);
    return true;
}

/* ---- the end, counts, trouble ---- */

static void ring_quiet(struct port *p)
{
    setsockopt(p->descriptor, SOL_SOCKET, SO_ATTACH_FILTER, bpf_refusal(), sizeof(*bpf_refusal()));
}

static bool ring_count(struct port *p, struct live_counts *counts)
{
    struct tpacket_stats_v3 said; /* since it was last asked */
    socklen_t len = sizeof(said);

    if (getsockopt(p->descriptor, SOL_PACKET, PACKET_STATISTICS, &said, &len) < 0)
        return false;
    counts->received += said.tp_packets;
    counts->dropped_by_socket += said.tp_drops;
    counts->freezes += said.tp_freeze_q_cnt;
    return true;
}

static bool ring_trouble(struct port *p, struct error *err)
{
    int why = 0;
    socklen_t len = sizeof(why);

    if (getsockopt(p->descriptor, SOL_SOCKET, SO_ERROR, &why, &len) < 0 || why == 0)
        return false;
    p->gone = !p->any && !nic_is_there(p->descriptor, p->nic.index);
    if (p->gone)
        error_set(err, "%s: the interface is gone", p->name);
    else if (why == ENETDOWN)
        error_set(err, "%s: the interface went down; frames come again once it is up", p->name);
    else
        error_set(err, "%s: %s", p->name, strerror(why));
    p->up = false;
    return true;
}

bool port_rejoin(struct port *p)
{
    struct nic nic;

    if (nic_find(&nic, p->descriptor, p->name, NULL) != STATUS_OK ||
        nic.hardware != p->nic.hardware)
        return false;
    p->nic = nic;
    if (port_listen(p, NULL) != STATUS_OK)
        return false;
    if (p->hardware_time)
        nic_stamp(p->descriptor, p->name, NULL);
    return true;
}

const struct port_source ring_source = {
    .open = ring_open,
    .close = ring_close,
    .begin = ring_begin,
    .waiting = ring_waiting,
    .is_pressed = ring_is_pressed,
    .take = ring_take,
    .head_ns = ring_head_ns,
    .give_back = ring_give_back,
    .quiet = ring_quiet,
    .count = ring_count,
    .trouble = ring_trouble,
    .rejoin = port_rejoin,
};
