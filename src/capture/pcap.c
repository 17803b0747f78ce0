/* pcap.c - classic capture files, as tcpdump writes them (draft-ietf-opsawg-pcap).
 *
 *     [magic][major.minor][zone][accuracy][snap length][link type]      file header, 24 bytes
 *     [seconds][fraction][captured][on the wire]      bytes...          record header, 16 bytes
 *     [seconds][fraction][captured][on the wire][interface][protocol][kind][pad]   Kuznetzov's, 24
 *
 * The magic says three things: the byte order, whether a fraction is micro- or nanoseconds, and
 * whether the record headers are those of Alexey Kuznetzov's patch. Times are made nanoseconds
 * here, once, the same way for all of them. */
#include "capture/format.h"

enum { FILE_HEADER_LEN = 24, RECORD_HEADER_LEN = 16, KUZNETZOV_HEADER_LEN = 24 };

static const uint32_t MAGIC_MICRO = 0xa1b2c3d4, MAGIC_NANO = 0xa1b23c4d,
                      MAGIC_KUZNETZOV = 0xa1b2cd34;

static const uint32_t NETWORK_SAYS_FCS = 0x04000000;

static bool is_magic(uint32_t magic)
{
    return magic == MAGIC_MICRO || magic == MAGIC_NANO || magic == MAGIC_KUZNETZOV;
}

static enum status pcap_recognises(struct capture *c)
{
    struct span head;
    enum status status = capture_head(c, &head, 4);
    if (status != STATUS_OK)
        return status;
    return is_magic(load_le32(head, 0)) || is_magic(load_be32(head, 0)) ? STATUS_OK : STATUS_END;
}

/* Versions before 2.3 wrote the two lengths in the other order, and so did DG/UX's tcpdump, which
 * calls itself 543.0. In 2.3 the order changed, but not in every program that wrote that number. */
static enum status pcap_version(struct capture *c, unsigned major, unsigned minor)
{
    struct pcap *p = &c->as.pcap;
    bool of_dgux = major == 543 && minor == 0;
    if (major != 2 && !of_dgux)
        return error_set(&c->error, "%s is a pcap of version %u.%u: only 2.x can be read", c->name,
                         major, minor);
    p->lengths_swapped = of_dgux || minor < 3;
    p->lengths_doubtful = !of_dgux && minor == 3;
    return STATUS_OK;
}

static enum status pcap_open(struct capture *c)
{
    struct pcap *p = &c->as.pcap;
    struct span header;
    enum status status = window_at(c->window, &header, 0, FILE_HEADER_LEN, &c->error);
    if (status == STATUS_DAMAGED)
        error_prefix(&c->error, "%s has no whole file header", c->name);
    if (status != STATUS_OK)
        return status;
    p->big_endian = is_magic(load_be32(header, 0));
    uint32_t magic = load_32(header, 0, p->big_endian);
    p->header_len = magic == MAGIC_KUZNETZOV ? KUZNETZOV_HEADER_LEN : RECORD_HEADER_LEN;
    p->ns_per_tick = magic == MAGIC_NANO ? 1 : 1000;
    p->snap_len = load_32(header, 16, p->big_endian);
    /* The upper half says how long a frame check sequence is, in units of 16 bits, if anything. */
    uint32_t network = load_32(header, 20, p->big_endian);
    p->link_type = link_type_registered(network & 0xffff);
    p->fcs_len = network & NETWORK_SAYS_FCS ? (uint8_t)(2 * (network >> 28)) : 0;
    c->offset = FILE_HEADER_LEN;
    return pcap_version(c, load_16(header, 4, p->big_endian), load_16(header, 6, p->big_endian));
}

static void pcap_begin(struct capture *c)
{
    const struct pcap *p = &c->as.pcap;
    struct capture_interface interface = {
        .link_type = p->link_type,
        .snap_len = p->snap_len,
        .ticks_per_second = 1000000000 / p->ns_per_tick,
    };
    if (c->listener.interface)
        c->listener.interface(c->listener.context, &interface);
}

static enum status pcap_next(struct capture *c, struct frame *frame)
{
    const struct pcap *p = &c->as.pcap;
    struct span header;
    enum status status = window_at(c->window, &header, c->offset, p->header_len, &c->error);
    if (status != STATUS_OK)
        return record_cut(c, status, c->offset, p->header_len, true);
    uint32_t seconds = load_32(header, 0, p->big_endian);
    uint32_t fraction = load_32(header, 4, p->big_endian);
    uint32_t captured = load_32(header, 8, p->big_endian);
    uint32_t wire_len = load_32(header, 12, p->big_endian);
    if (p->lengths_swapped || (p->lengths_doubtful && captured > wire_len)) {
        uint32_t first = captured;
        captured = wire_len;
        wire_len = first;
    }
    uint64_t offset = c->offset + p->header_len;
    if (captured > c->window->ceiling)
        return record_too_long(c, offset, captured);
    status = window_at(c->window, &frame->bytes, offset, captured, &c->error);
    if (status != STATUS_OK)
        return record_cut(c, status, offset, captured, false);
    frame->wire_len = wire_len > captured ? wire_len : captured;
    frame->link_type = p->link_type;
    frame->fcs_len = p->fcs_len;
    frame->interface_id = 0;
    frame->offset = offset;
    frame->time_ns = (int64_t)seconds * 1000000000 + (int64_t)fraction * p->ns_per_tick;
    c->offset = offset + captured;
    return STATUS_OK;
}

const struct format format_pcap = {
    .names = {"pcap", "pcap.gz", "pcap.zst"},
    .recognises = pcap_recognises,
    .open = pcap_open,
    .begin = pcap_begin,
    .next = pcap_next,
};
