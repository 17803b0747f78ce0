/* live_pcap.c - frames from an interface by way of libpcap: to compare with, and for what our own ring does not
 * know.
 *
 * What libpcap hands out is gone at its next call, so frames are copied, each behind a note, into blocks that
 * go round as those of the ring do:
 *
 *     block     note | bytes | note | bytes | ...        each at a multiple of 8
 *
 * Half of the memory for the ring is libpcap's own buffer, and half is these blocks. While they are all held,
 * libpcap is not asked, and what does not fit into its buffer is dropped there, and counted. */
#include "capture/filter.h"
#include "capture/port.h"

#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TIMEOUT_MS = 50, LINK_COOKED = 276 };

struct note {
    int64_t time_ns;
    uint32_t len, wire_len;
};

static size_t place_len(size_t len)
{
    return sizeof(struct note) + ((len + 7) & ~(size_t)7);
}

static enum status failed(const struct port *p, int status, struct error *err)
{
    const char *more = pcap_geterr(p->pcap);
    if (status == PCAP_ERROR_PERM_DENIED || status == PCAP_ERROR_PROMISC_PERM_DENIED)
        return error_set(err,
                         "%s: capturing from an interface needs the right to (CAP_NET_RAW): run it "
                         "as root, or 'setcap cap_net_raw+ep' the program",
                         p->name);
    return error_set(err, "%s: libpcap: %s", p->name, more[0] ? more : pcap_statustostr(status));
}

static enum status apply_filter(struct port *p, struct error *err)
{
    struct bpf_program code;

    if (!p->options.filter)
        return STATUS_OK;
    if (pcap_compile(p->pcap, &code, p->options.filter, 1, PCAP_NETMASK_UNKNOWN) < 0)
        return error_set(err, "%s: the filter '%s' is refused by libpcap: %s", p->name,
                         p->options.filter, pcap_geterr(p->pcap));
    const int status = pcap_setfilter(p->pcap, &code);
    pcap_freecode(&code);
    p->judges = JUDGES_ALL; /* it takes tagged frames for untagged ones */
    return status < 0 ? failed(p, status, err) : STATUS_OK;
}

static void ask_for_hardware_time(struct port *p)
{
    const int status = pcap_set_tstamp_type(p->pcap, PCAP_TSTAMP_ADAPTER_UNSYNCED);
    p->hardware_time = status == 0;
    if (status != 0)
        error_set(&p->remark, "%s: there are no hardware times (%s): the kernel's are taken",
                  p->name, pcap_statustostr(status));
}

static enum status activate(struct port *p, struct error *err)
{
    char why[PCAP_ERRBUF_SIZE];

    p->pcap = pcap_create(p->name, why);
    if (!p->pcap)
        return error_set(err, "%s: libpcap: %s", p->name, why);
    pcap_set_snaplen(p->pcap, (int)p->options.snap_len);
    pcap_set_promisc(p->pcap, p->options.promiscuous);
    pcap_set_timeout(p->pcap, TIMEOUT_MS);
    pcap_set_buffer_size(p->pcap, (int)(p->options.ring_len / 2));
    pcap_set_tstamp_precision(p->pcap, PCAP_TSTAMP_PRECISION_NANO);
    if (p->options.hardware_time)
        ask_for_hardware_time(p);
    const int status = pcap_activate(p->pcap);
    if (status < 0)
        return failed(p, status, err);
    if (p->any)
        pcap_set_datalink(p->pcap, LINK_COOKED);
    if (pcap_setnonblock(p->pcap, 1, why) < 0)
        return error_set(err, "%s: libpcap: %s", p->name, why);
    return STATUS_OK;
}

static enum status pcap_source_open(struct port *p, struct error *err)
{
    if (activate(p, err) != STATUS_OK || apply_filter(p, err) != STATUS_OK)
        return STATUS_FAILED;
    p->link_type = filter_link_type(pcap_datalink(p->pcap));
    p->descriptor = pcap_get_selectable_fd(p->pcap);
    if (p->descriptor < 0)
        return error_set(err, "%s: libpcap has no way to wait for its frames", p->name);
    port_cut(p, p->options.ring_len / 2, 512 << 10); /* so that one frame fits twice */
    p->memory_len = p->block_len * p->block_count;
    p->memory = malloc(p->memory_len);
    if (!p->memory)
        return error_no_memory(err, "no memory for the frames of %s", p->name);
    return STATUS_OK;
}

static void pcap_source_close(struct port *p)
{
    if (p->pcap)
        pcap_close(p->pcap);
    free(p->memory);
    p->pcap = NULL;
    p->memory = NULL;
}

static int64_t time_of(const struct port *p, const struct timeval *time)
{
    const int64_t fraction =
        pcap_get_tstamp_precision(p->pcap) == PCAP_TSTAMP_PRECISION_NANO ? 1 : 1000;
    return (int64_t)time->tv_sec * 1000000000 + time->tv_usec * fraction;
}

static void copy(u_char *context, const struct pcap_pkthdr *header, const u_char *bytes)
{
    void *who = context;
    struct port *p = who;
    const size_t len = header->caplen < p->options.snap_len ? header->caplen : p->options.snap_len;
    const struct note note = {time_of(p, &header->ts), (uint32_t)len, header->len};

    if (p->stopped_ns && note.time_ns > p->stopped_ns) {
        p->gone = true; /* what comes now is later than the end */
        pcap_breakloop(p->pcap);
        return;
    }
    memcpy(p->fill, &note, sizeof(note));
    memcpy(p->fill + sizeof(note), bytes, len);
    p->fill += place_len(len);
    p->left++;
    if (p->fill > p->fill_end)
        pcap_breakloop(p->pcap);
}

/* Whether its interface is gone, or down, or something else is wrong, after which nothing will come. That it went
 * down libpcap mostly does not say, and waits. */
static void tell_end(struct port *p)
{
    const bool is_there = p->any || nic_is_there(p->descriptor, p->nic.index);
    const char *why = pcap_geterr(p->pcap);

    p->up = false;
    if (!is_there) {
        p->gone = true;
        error_set(&p->remark, "%s: the interface is gone", p->name);
    } else if (!p->any && strstr(why, "went down")) {
        error_set(&p->remark, "%s: the interface went down; frames come again once it is up",
                  p->name);
    } else {
        p->gone = p->broken = true;
        error_set(&p->remark, "%s: libpcap: %s", p->name, why);
    }
}

static bool pcap_source_begin(struct port *p)
{
    const unsigned block = port_block(p, p->held_count);

    if (p->gone)
        return false;
    p->at = p->fill = p->memory + block * p->block_len;
    p->fill_end = p->fill + p->block_len - place_len(p->options.snap_len);
    void *context = p;
    const int status = pcap_dispatch(p->pcap, -1, copy, context);
    if (status < 0 && status != PCAP_ERROR_BREAK)
        tell_end(p);
    return p->left > 0;
}

static unsigned pcap_source_waiting(const struct port *p)
{
    (void)p;
    return 0;
}

/* When the block was filled, and there may be more. */
static bool pcap_source_is_pressed(const struct port *p)
{
    return p->fill > p->fill_end;
}

static bool pcap_source_take(struct port *p, struct frame *frame)
{
    struct note note;

    memcpy(&note, p->at, sizeof(note));
    frame->bytes = span_of(p->at + sizeof(note), note.len);
    frame->wire_len = note.wire_len;
    frame->link_type = p->link_type;
    frame->time_ns = note.time_ns;
    p->at += place_len(note.len);
    p->left--;
    return true;
}

static int64_t pcap_source_head_ns(const struct port *p)
{
    struct note note;
    memcpy(&note, p->at, sizeof(note));
    return note.time_ns;
}

static void pcap_source_give_back(struct port *p, unsigned block)
{
    (void)p;
    (void)block;
}

static void pcap_source_quiet(struct port *p)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    p->stopped_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool pcap_source_count(struct port *p, struct live_counts *counts)
{
    struct pcap_stat said;

    if (pcap_stats(p->pcap, &said) < 0)
        return false;
    counts->received += said.ps_recv - p->received_last;
    counts->dropped_by_socket += said.ps_drop - p->lost_last;
    p->received_last = said.ps_recv;
    p->lost_last = said.ps_drop;
    return true;
}

/* libpcap says what is wrong when it is asked for frames. */
static bool pcap_source_trouble(struct port *p, struct error *err)
{
    (void)p;
    (void)err;
    return false;
}

/* A new handle would need the rights that were given up. But it is a socket as the ring's is, and what it says of an
 * interface that is gone it says when its socket tells of it, and by its name. */
static bool pcap_source_rejoin(struct port *p)
{
    return !p->broken && port_rejoin(p);
}

const struct port_source pcap_source = {
    .open = pcap_source_open,
    .close = pcap_source_close,
    .begin = pcap_source_begin,
    .waiting = pcap_source_waiting,
    .is_pressed = pcap_source_is_pressed,
    .take = pcap_source_take,
    .head_ns = pcap_source_head_ns,
    .give_back = pcap_source_give_back,
    .quiet = pcap_source_quiet,
    .count = pcap_source_count,
    .trouble = pcap_source_trouble,
    .rejoin = pcap_source_rejoin,
};
