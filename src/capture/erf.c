/* erf.c - captures of Endace's cards: the extensible record format (Endace ERF types, EDM11-01).
 *
 *     [time 8][type][flags][record 2][lost or color 2][on the wire 2]    record header, 16 bytes
 *     [extension header 8] ... while the first bit of the one before says so
 *     [what its type has before the frame]  bytes ...  padding
 *
 * The time is little-endian fixed point, seconds in its upper half; all else is big-endian. `record`
 * counts all of it, header and padding included.
 *
 * There is no file header and no magic, so a capture is recognised by the chain of its first records
 * (erf_recognises). Once it has been, a record needs only lengths that make sense.
 *
 * Frames. A record whose type carries a frame that we have a link type for gives that frame. Any
 * other, metadata and kinds of tomorrow included, gives all of itself, from its header on, as
 * LINKTYPE_ERF has it. PAD records fill holes in a card's memory; they are nothing, and have no
 * number in Wireshark either.
 *
 * Ethernet frames have their check sequence, as a rule, and it is counted in `on the wire`. Where a
 * snap length cut a frame, padding cannot be told from what was captured of it: a card leaves none,
 * since it cuts at multiples of 8. */
#include "capture/format.h"

#include <inttypes.h>

enum { HEADER_LEN = 16, EXTENSION_LEN = 8, ALIGNMENT = 8 };

enum type {
    TYPE_HDLC_POS = 1,
    TYPE_ETH = 2,
    TYPE_ATM = 3,
    TYPE_AAL5 = 4,
    TYPE_MC_HDLC = 5,
    TYPE_MC_RAW = 6,
    TYPE_MC_ATM = 7,
    TYPE_MC_RAW_CHANNEL = 8,
    TYPE_MC_AAL5 = 9,
    TYPE_COLOR_HDLC_POS = 10,
    TYPE_COLOR_ETH = 11,
    TYPE_MC_AAL2 = 12,
    TYPE_IP_COUNTER = 13,
    TYPE_TCP_FLOW_COUNTER = 14,
    TYPE_DSM_COLOR_HDLC_POS = 15,
    TYPE_DSM_COLOR_ETH = 16,
    TYPE_COLOR_MC_HDLC_POS = 17,
    TYPE_AAL2 = 18,
    TYPE_COLOR_HASH_POS = 19,
    TYPE_COLOR_HASH_ETH = 20,
    TYPE_INFINIBAND = 21,
    TYPE_IPV4 = 22,
    TYPE_IPV6 = 23,
    TYPE_RAW_LINK = 24,
    TYPE_INFINIBAND_LINK = 25,
    TYPE_META = 27,
    TYPE_OPA_SNC = 28,
    TYPE_OPA_9B = 29,
    TYPE_PAD = 48,
};

enum {
    TYPE_BITS = 0x7f,
    TYPE_IS_EXTENDED = 0x80,
    FLAGS_PORT = 0x03,
    FLAGS_PORT_UPPER = 0x40,
    FLAGS_VARYING = 0x04, /* records are as long as their frames, not all the same */
};

enum { ETH_HEADER_LEN = 2, MC_HEADER_LEN = 4, ATM_HEADER_LEN = 4, ETH_FCS_LEN = 4 };

/* What a record can be, as a link type. */
enum link {
    LINK_ETHERNET,
    LINK_HDLC,
    LINK_FRELAY,
    LINK_LLC,
    LINK_RAW,
    LINK_IPV4,
    LINK_IPV6,
    LINK_INFINIBAND,
    LINK_ERF, /* a record as it is */
    LINK_COUNT
};
_Static_assert((int)LINK_COUNT == (int)ERF_LINKS, "each has a place in struct erf");

static const uint16_t link_types[LINK_COUNT] = {
    [LINK_ETHERNET] = 1, [LINK_HDLC] = 50,        [LINK_FRELAY] = 107,
    [LINK_LLC] = 100,    [LINK_RAW] = 101,        [LINK_IPV4] = 228,
    [LINK_IPV6] = 229,   [LINK_INFINIBAND] = 247, [LINK_ERF] = 197,
};

struct header {
    uint64_t time; /* seconds, and a fraction of 32 bits */
    uint8_t type;  /* with the bit that says that extension headers follow */
    uint8_t flags;
    uint16_t len; /* bytes of the record */
    uint16_t lost;
    uint16_t wire_len;
};

static struct header header_of(struct span bytes)
{
    return (struct header){
        .time = load_le64(bytes, 0),
        .type = load_u8(bytes, 8),
        .flags = load_u8(bytes, 9),
        .len = load_be16(bytes, 10),
        .lost = load_be16(bytes, 12),
        .wire_len = load_be16(bytes, 14),
    };
}

/* The whole type byte, as Wireshark has it: one with extension headers would be a frame. */
static bool is_padding(const struct header *h)
{
    return h->type == TYPE_PAD;
}

/* What stands between the extension headers and the frame. */
static size_t type_header_len(uint8_t type)
{
    switch (type & TYPE_BITS) {
    case TYPE_ETH:
    case TYPE_COLOR_ETH:
    case TYPE_DSM_COLOR_ETH:
    case TYPE_COLOR_HASH_ETH:
        return ETH_HEADER_LEN;
    case TYPE_MC_HDLC:
    case TYPE_MC_RAW:
    case TYPE_MC_ATM:
    case TYPE_MC_RAW_CHANNEL:
    case TYPE_MC_AAL5:
    case TYPE_MC_AAL2:
    case TYPE_COLOR_MC_HDLC_POS:
    case TYPE_AAL2:
        return MC_HEADER_LEN;
    default:
        return 0;
    }
}

/* Takes the headers off the front of a record; false when they are not all there. */
static bool headers_take(struct span *record, const struct header *h)
{
    struct span extension;
    uint8_t type = h->type;
    if (!span_take(record, HEADER_LEN, NULL))
        return false;
    while (type & TYPE_IS_EXTENDED) {
        if (!span_take(record, EXTENSION_LEN, &extension))
            return false;
        type = load_u8(extension, 0);
    }
    return span_take(record, type_header_len(h->type), NULL);
}

/* ---- recognising ---- */

enum {
    CHAIN_ENOUGH = 8,  /* headers that are looked at, padding included */
    CHAIN_LEAST = 3,   /* headers that are believed, whatever else */
    BACKWARDS_MAX = 1, /* seconds: ports are not in strict order, nor frames made of cells */
    FORWARDS_MAX = 366 * 24 * 3600,
    EARLIEST = 631152000, /* 1990: before the first of these cards */
};

static bool is_known(uint8_t type)
{
    type &= TYPE_BITS;
    return (type >= TYPE_HDLC_POS && type <= TYPE_OPA_9B && type != 26) || type == TYPE_PAD;
}

static bool is_time_after(uint64_t time, uint64_t before)
{
    if (time < before)
        return (before - time) >> 32 <= BACKWARDS_MAX;
    return (time - before) >> 32 <= FORWARDS_MAX;
}

/* What a record of a card has, and one that a program made need not: a length that is a multiple
 * of 8, and leaves no more room than that takes. */
static bool is_strict(const struct header *h, size_t frame_len)
{
    bool fits = !(h->flags & FLAGS_VARYING) || frame_len < (size_t)h->wire_len + 2 * ALIGNMENT;
    return fits && h->len % ALIGNMENT == 0;
}

static bool is_same(const struct header *a, const struct header *b)
{
    return a->time == b->time && a->type == b->type && a->flags == b->flags && a->len == b->len &&
           a->lost == b->lost && a->wire_len == b->wire_len;
}

/* The first records, as far as they have been followed. */
struct chain {
    uint64_t offset;    /* where the next one begins */
    struct header last; /* that was believed */
    unsigned believed;  /* headers, without padding */
    bool strict;        /* all of them */
    bool repeats;       /* each is the one before */
    bool ended;         /* the file has no more, or not the whole of the last one */
};

/* Whether the header of a record, with room for `frame_len` bytes of frame, can follow the ones
 * before it. */
static bool chain_believes(struct chain *chain, const struct header *h, size_t frame_len)
{
    bool is_first = chain->believed == 0;
    if (is_padding(h))
        return true;
    if (h->time >> 32 < EARLIEST || (!is_first && !is_time_after(h->time, chain->last.time)))
        return false;
    chain->repeats &= is_first || is_same(h, &chain->last);
    chain->strict &= is_strict(h, frame_len);
    chain->last = *h;
    chain->believed++;
    return true;
}

/* One record on. STATUS_END when it is none. */
static enum status chain_follow(struct capture *c, struct chain *chain)
{
    const size_t offset = (size_t)chain->offset; /* less than CHAIN_ENOUGH times 64 KiB */
    struct span all, record = {NULL, 0};
    enum status status = capture_head(c, &all, offset + HEADER_LEN);
    chain->ended = status == STATUS_END;
    if (status != STATUS_OK)
        return chain->ended ? STATUS_OK : status;
    const struct header h = header_of(span_after(all, offset));
    if (!is_known(h.type) || h.len < HEADER_LEN)
        return STATUS_END;
    status = capture_head(c, &all, offset + h.len);
    chain->ended = status == STATUS_END;
    if (status == STATUS_FAILED)
        return status;
    if (!chain->ended) {
        record = span_after(all, offset);
        if (!headers_take(&record, &h))
            return STATUS_END;
    }
    chain->offset += h.len;
    return chain_believes(chain, &h, record.len) ? STATUS_OK : STATUS_END;
}

/* Follows the chain of records from the beginning. Eight headers, or all if there are fewer, must be
 * of a known type, hold their own headers, and have times of our days and close to each other: one
 * in some thousands does by chance, so of eight none. They must not all be the same, as in a file
 * that repeats a few bytes. A short chain must be strict as well, and two headers, or one record
 * that ends where the file does, are the least. Text, zeros and noise have neither. */
static enum status erf_recognises(struct capture *c)
{
    struct chain chain = {.strict = true, .repeats = true};
    for (unsigned i = 0; i < CHAIN_ENOUGH && !chain.ended; i++) {
        enum status status = chain_follow(c, &chain);
        if (status != STATUS_OK)
            return status;
    }
    bool ends_there = chain.ended && c->window->end == chain.offset;
    if (chain.believed >= CHAIN_LEAST)
        return chain.repeats ? STATUS_END : STATUS_OK;
    bool is_enough = chain.believed == 2 || (chain.believed == 1 && ends_there);
    return is_enough && chain.strict ? STATUS_OK : STATUS_END;
}

static enum status erf_open(struct capture *c)
{
    (void)c; /* there is no header */
    return STATUS_OK;
}

/* ---- records ---- */

/* Rounded to the nearest, as Wireshark does. */
static int64_t time_ns(uint64_t time)
{
    uint64_t fraction = (time & UINT32_MAX) * 1000000000;
    return (int64_t)((time >> 32) * 1000000000 + ((fraction + 0x80000000) >> 32));
}

static unsigned port_of(const struct header *h)
{
    return (h->flags & FLAGS_PORT) | (h->flags & FLAGS_PORT_UPPER ? FLAGS_PORT + 1 : 0);
}

/* Whether this could be frame relay, as far as we read it: an address of two bytes, the control byte
 * and a protocol (Q.922 3.3, RFC 2427). PPP and Cisco's HDLC do not begin so. */
static bool is_frame_relay(struct span bytes)
{
    if (bytes.len < 4 || (load_u8(bytes, 0) & 1) || !(load_u8(bytes, 1) & 1) ||
        load_u8(bytes, 2) != 0x03)
        return false;
    uint8_t protocol = load_u8(bytes, 3);
    return protocol == 0xcc || protocol == 0x8e || protocol == 0x80 || protocol == 0x00;
}

static bool is_llc(struct span bytes)
{
    return bytes.len >= 3 && load_u8(bytes, 2) == 0x03 && load_u8(bytes, 0) == load_u8(bytes, 1) &&
           (load_u8(bytes, 0) == 0xaa || load_u8(bytes, 0) == 0xfe);
}

/* Whether this begins like a packet that nothing stands before, and that has room in what is there:
 * so does one on a circuit of its own (RFC 2684 6). */
static bool is_packet(struct span bytes, size_t wire_len)
{
    if (bytes.len >= 20 && load_u8(bytes, 0) >> 4 == 4)
        return (load_u8(bytes, 0) & 0x0f) >= 5 && load_be16(bytes, 2) >= 20 &&
               load_be16(bytes, 2) <= wire_len;
    return bytes.len >= 40 && load_u8(bytes, 0) >> 4 == 6 && load_be16(bytes, 4) + 40u <= wire_len;
}

/* What a record is, and how many bytes of its frame stand before the link header and are counted in
 * `on the wire`. A cell of ATM is a piece of a packet, and nobody puts them together here. */
static enum link link_of(const struct header *h, size_t *skip, struct span bytes)
{
    *skip = 0;
    switch (h->type & TYPE_BITS) {
    case TYPE_ETH:
    case TYPE_COLOR_ETH:
    case TYPE_DSM_COLOR_ETH:
    case TYPE_COLOR_HASH_ETH:
        return LINK_ETHERNET;
    case TYPE_HDLC_POS:
    case TYPE_COLOR_HDLC_POS:
    case TYPE_DSM_COLOR_HDLC_POS:
    case TYPE_COLOR_HASH_POS:
    case TYPE_MC_HDLC:
    case TYPE_COLOR_MC_HDLC_POS:
        return is_frame_relay(bytes) ? LINK_FRELAY : LINK_HDLC;
    case TYPE_AAL5:
    case TYPE_MC_AAL5:
        if (bytes.len < ATM_HEADER_LEN || h->wire_len < ATM_HEADER_LEN)
            return LINK_ERF;
        *skip = ATM_HEADER_LEN;
        if (is_llc(span_after(bytes, ATM_HEADER_LEN)))
            return LINK_LLC;
        if (is_packet(span_after(bytes, ATM_HEADER_LEN), h->wire_len - ATM_HEADER_LEN))
            return LINK_RAW;
        return LINK_ERF;
    case TYPE_IPV4:
        return LINK_IPV4;
    case TYPE_IPV6:
        return LINK_IPV6;
    case TYPE_INFINIBAND:
        return LINK_INFINIBAND;
    default:
        return LINK_ERF;
    }
}

/* The interface of that port and link type, told when it is met first. */
static uint32_t interface_of(struct capture *c, unsigned port, enum link link)
{
    struct erf *e = &c->as.erf;
    if (e->interface_ids[port][link] > 0)
        return e->interface_ids[port][link] - 1;
    char name[] = "port A";
    name[sizeof name - 2] = (char)('A' + port); /* as Endace calls them */
    const struct capture_interface told = {
        .interface_id = e->interface_count,
        .link_type = link_types[link],
        .name = span_of(name, sizeof name - 1),
        .ticks_per_second = (uint64_t)1 << 32,
    };
    e->interface_ids[port][link] = ++e->interface_count;
    if (c->listener.interface)
        c->listener.interface(c->listener.context, &told);
    return told.interface_id;
}

/* In records with a color, that stands where others count what was lost before them. */
static bool has_color(uint8_t type)
{
    switch (type & TYPE_BITS) {
    case TYPE_COLOR_HDLC_POS:
    case TYPE_COLOR_ETH:
    case TYPE_DSM_COLOR_HDLC_POS:
    case TYPE_DSM_COLOR_ETH:
    case TYPE_COLOR_MC_HDLC_POS:
    case TYPE_COLOR_HASH_POS:
    case TYPE_COLOR_HASH_ETH:
        return true;
    default:
        return false;
    }
}

static void tell_lost(struct capture *c, const struct header *h, const struct frame *frame)
{
    if (h->lost == 0 || has_color(h->type))
        return;
    uint64_t *lost = &c->as.erf.lost[port_of(h)];
    *lost += h->lost;
    const struct capture_statistics told = {
        frame->interface_id, frame->time_ns, -1, (int64_t)*lost, -1, -1};
    if (c->listener.statistics)
        c->listener.statistics(c->listener.context, &told);
}

/* ---- metadata ---- */

/* Tags of a META record: type 2 | length 2 | value, to a multiple of 4. A section is a tag too, whose
 * value says how long it is; its tags follow. */
enum tag {
    TAG_COMMENT = 1,
    TAG_APPLICATION = 16,
    TAG_OS = 17,
    TAG_MODEL = 20,
    TAG_SECTION = 0xff00, /* from here on */
    TAG_SECTION_HOST = 0xff01,
};

enum note { NOTE_COMMENT, NOTE_HARDWARE, NOTE_OS, NOTE_APPLICATION, NOTE_COUNT };
_Static_assert(sizeof((struct erf *)NULL)->said / sizeof((struct erf *)NULL)->said[0] == NOTE_COUNT,
               "each has a place in struct erf");

/* A card says the same each second: what is said again is told once. */
static void tell_note(struct capture *c, enum note note, struct span text)
{
    static const char *const kinds[] = {"comment", "hardware", "os", "application"};
    while (text.len > 0 && load_u8(text, text.len - 1) == '\0')
        text.len--;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ load_u8(text, i)) * UINT64_C(0x100000001b3);
    if (hash == c->as.erf.said[note])
        return;
    c->as.erf.said[note] = hash;
    capture_note(c, note == NOTE_COMMENT ? c->frame_count + 1 : 0, kinds[note], text);
}

static void see_metadata(struct capture *c, struct span tags)
{
    uint16_t section = 0;
    struct span head, value;
    while (span_take(&tags, 4, &head) && span_take(&tags, load_be16(head, 2), &value)) {
        uint16_t tag = load_be16(head, 0);
        tags = span_after(tags, (4 - value.len % 4) % 4);
        if (tag >= TAG_SECTION)
            section = tag;
        else if (tag == TAG_COMMENT)
            tell_note(c, NOTE_COMMENT, value);
        else if (tag == TAG_MODEL && section == TAG_SECTION_HOST)
            tell_note(c, NOTE_HARDWARE, value);
        else if (tag == TAG_OS && section == TAG_SECTION_HOST)
            tell_note(c, NOTE_OS, value);
        else if (tag == TAG_APPLICATION)
            tell_note(c, NOTE_APPLICATION, value);
    }
}

/* ---- frames ---- */

static enum status record_senseless(struct capture *c, uint16_t len)
{
    return error_damaged(&c->error,
                         "%s: frame %" PRIu64 " at offset %" PRIu64 " says a record of %" PRIu16
                         " bytes, too few for its headers",
                         c->name, c->frame_count + 1, c->offset, len);
}

/* The frame in a record: what its headers leave of it, without the padding. */
static void take_frame(struct capture *c, struct frame *frame, const struct header *h,
                       struct span record, struct span rest)
{
    size_t skip;
    size_t headers_len = record.len - rest.len;
    struct span bytes = span_first(rest, h->wire_len);
    enum link link = link_of(h, &skip, bytes);
    uint32_t wire_len = h->wire_len;
    if (link == LINK_ERF) {
        skip = 0;
        wire_len += (uint32_t)headers_len;
        bytes = span_first(record, wire_len);
        headers_len = 0;
    }
    frame->bytes = span_after(bytes, skip);
    frame->wire_len = wire_len - (uint32_t)skip;
    frame->link_type = link_types[link];
    frame->fcs_len = link == LINK_ETHERNET ? ETH_FCS_LEN : 0;
    frame->interface_id = interface_of(c, port_of(h), link);
    frame->offset = c->offset + headers_len + skip;
    frame->time_ns = time_ns(h->time);
}

static enum status erf_next(struct capture *c, struct frame *frame)
{
    for (;;) {
        struct span record;
        enum status status = window_at(c->window, &record, c->offset, HEADER_LEN, &c->error);
        if (status != STATUS_OK)
            return record_cut(c, status, c->offset, HEADER_LEN, true);
        const struct header h = header_of(record);
        if (h.len < HEADER_LEN)
            return record_senseless(c, h.len);
        status = window_at(c->window, &record, c->offset, h.len, &c->error);
        if (status != STATUS_OK)
            return record_cut(c, status, c->offset, h.len, false);
        if (!is_padding(&h)) {
            struct span rest = record;
            if (!headers_take(&rest, &h))
                return record_senseless(c, h.len);
            take_frame(c, frame, &h, record, rest);
            tell_lost(c, &h, frame);
            if ((h.type & TYPE_BITS) == TYPE_META)
                see_metadata(c, span_first(rest, h.wire_len));
        }
        c->offset += h.len;
        if (!is_padding(&h))
            return STATUS_OK;
    }
}

const struct format format_erf = {
    .names = {"erf", "erf.gz", "erf.zst"},
    .recognises = erf_recognises,
    .open = erf_open,
    .next = erf_next,
};
