/* snoop.c - capture files of Solaris's snoop (RFC 1761), and of Shomiti's and Finisar's Surveyor.
 *
 *     ["snoop" 0 0 0][version][link type]                                 file header, 16 bytes
 *     [on the wire][captured][record][dropped][seconds][microseconds]     record header, 24 bytes
 *         bytes ... padding
 *
 * All of it is big-endian. The link types are those of DLPI, which RFC 1761 has up to 9; Solaris has
 * gone on, with numbers of its own that have the highest bit set. Surveyor gave the ones that were
 * free in the RFC meanings of its own, and nothing in the header says which of the two wrote a
 * file: it is Surveyor's if the first record has room for the 16 bytes that it puts behind each
 * frame. Its frames have their check sequence.
 *
 * `dropped` counts, over the whole capture, the packets that were lost before this one. */
#include "capture/format.h"

#include <inttypes.h>
#include <string.h>

enum { FILE_HEADER_LEN = 16, RECORD_HEADER_LEN = 24, SHOMITI_TRAILER_LEN = 16, FCS_LEN = 4 };

enum network { /* RFC 1761 3, sys/dlpi.h */
               NETWORK_IPATM = 0x12,
               NETWORK_INFINIBAND = 0x1a,
               NETWORK_SHOMITI_WLAN = 0x12,
};

enum { SUN_ATM_HEADER_LEN = 4, SUN_ATM_LLC = 2, IPOIB_HEADER_LEN = 4 };

enum { TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86dd };

/* LINKTYPE_ values, as far as they are needed here. */
enum {
    LINK_NULL = 0,
    LINK_ETHERNET = 1,
    LINK_TOKEN_RING = 6,
    LINK_FDDI = 10,
    LINK_LLC = 100,
    LINK_RAW = 101,
    LINK_WLAN = 105,
    LINK_IP_OVER_FC = 122,
    LINK_SUN_ATM = 123,
    LINK_IPNET = 226,
    LINK_IPV4 = 228,
    LINK_IPV6 = 229,
};

static enum status snoop_recognises(struct capture *c)
{
    struct span head;
    enum status status = capture_head(c, &head, 8);
    if (status != STATUS_OK)
        return status;
    return memcmp(head.data, "snoop\0\0", 8) == 0 ? STATUS_OK : STATUS_END;
}

/* The link type of frames on such a network, of the three below the one that they have beside what
 * is told record by record. */
static uint16_t link_type_of(uint32_t network, bool of_shomiti)
{
    static const struct {
        uint32_t network;
        uint16_t link_type;
    } by_sun[] =
        {
            {0, LINK_ETHERNET},    /* DL_CSMACD */
            {2, LINK_TOKEN_RING},  /* DL_TPR */
            {4, LINK_ETHERNET},    /* DL_ETHER */
            {8, LINK_FDDI},        /* DL_FDDI */
            {9, LINK_NULL},        /* DL_OTHER: as UNICOS uses it */
            {14, LINK_NULL},       /* DL_LOOP */
            {16, LINK_IP_OVER_FC}, /* DL_FC */
            {NETWORK_IPATM, LINK_SUN_ATM},
            {24, LINK_ETHERNET},    /* DL_ETH_CSMA */
            {25, LINK_ETHERNET},    /* DL_100BT */
            {0x80000001, LINK_RAW}, /* DL_IPV4: a tunnel, seen with its outer header */
            {0x80000002, LINK_RAW}, /* DL_IPV6 */
            {0x80000005, LINK_IPNET},
            {0x80000007, LINK_RAW}, /* DL_6TO4 */
        },
      by_shomiti[] = {
          {0, LINK_ETHERNET},    {2, LINK_TOKEN_RING},  {4, LINK_ETHERNET},
          {8, LINK_FDDI},        {10, LINK_ETHERNET},                        /* at 100 megabits */
          {11, LINK_TOKEN_RING},                                             /* at 4 megabits */
          {12, LINK_ETHERNET},                                               /* at a gigabit */
          {13, LINK_TOKEN_RING}, {14, LINK_TOKEN_RING}, {19, LINK_ETHERNET}, /* at 10 gigabits */
      };
    size_t count =
        of_shomiti ? sizeof by_shomiti / sizeof by_shomiti[0] : sizeof by_sun / sizeof by_sun[0];
    for (size_t i = 0; i < count; i++) {
        if ((of_shomiti ? by_shomiti[i].network : by_sun[i].network) == network)
            return of_shomiti ? by_shomiti[i].link_type : by_sun[i].link_type;
    }
    return LINK_TYPE_NONE;
}

/* Whether the first record has room behind its frame for what Surveyor puts there. */
static enum status see_first_record(struct capture *c)
{
    struct span head;
    enum status status = capture_head(c, &head, FILE_HEADER_LEN + RECORD_HEADER_LEN);
    if (status != STATUS_OK)
        return status == STATUS_END ? STATUS_OK : status;
    uint64_t captured = load_be32(head, FILE_HEADER_LEN + 4);
    uint64_t record = load_be32(head, FILE_HEADER_LEN + 8);
    c->as.snoop.of_shomiti = record >= RECORD_HEADER_LEN + captured + SHOMITI_TRAILER_LEN;
    return STATUS_OK;
}

static bool is_atm(const struct snoop *s)
{
    return !s->of_shomiti && s->network == NETWORK_IPATM;
}

static bool is_infiniband(const struct snoop *s)
{
    return !s->of_shomiti && s->network == NETWORK_INFINIBAND;
}

static bool is_wlan(const struct snoop *s)
{
    return s->of_shomiti && s->network == NETWORK_SHOMITI_WLAN;
}

/* All that link_type_at() can say of a record. */
static void snoop_link_types(struct snoop *s)
{
    s->link_type_count = 0;
    if (is_atm(s))
        s->link_types[s->link_type_count++] = LINK_LLC;
    if (is_wlan(s))
        s->link_types[s->link_type_count++] = LINK_WLAN;
    if (is_infiniband(s)) {
        s->link_types[s->link_type_count++] = LINK_IPV4;
        s->link_types[s->link_type_count++] = LINK_IPV6;
    }
    s->link_types[s->link_type_count++] = link_type_of(s->network, s->of_shomiti);
}

static enum status snoop_open(struct capture *c)
{
    struct snoop *s = &c->as.snoop;
    struct span header;
    enum status status = window_at(c->window, &header, 0, FILE_HEADER_LEN, &c->error);
    if (status == STATUS_DAMAGED)
        error_prefix(&c->error, "%s has no whole file header", c->name);
    if (status != STATUS_OK)
        return status;
    uint32_t version = load_be32(header, 8);
    if (version < 2 || version > 5) /* 3 to 5 are Surveyor's, each with another of its cards */
        return error_set(&c->error, "%s is a snoop file of version %u: only 2 to 5 can be read",
                         c->name, version);
    s->network = load_be32(header, 12);
    status = see_first_record(c);
    snoop_link_types(s);
    c->offset = FILE_HEADER_LEN;
    return status;
}

static void snoop_begin(struct capture *c)
{
    for (uint32_t i = 0; i < c->as.snoop.link_type_count && c->listener.interface; i++) {
        const struct capture_interface interface = {
            .interface_id = i,
            .link_type = c->as.snoop.link_types[i],
            .ticks_per_second = 1000000,
        };
        c->listener.interface(c->listener.context, &interface);
    }
}

/* The link type of this record: what it begins with may say more than the network, and is then not
 * part of the frame, `*skip` bytes of it. */
static uint16_t link_type_at(const struct snoop *s, size_t *skip, struct span bytes)
{
    *skip = 0;
    if (is_wlan(s) && bytes.len >= 4 && bytes.len - 4 >= load_u8(bytes, 3)) {
        *skip = 4u + load_u8(bytes, 3); /* signal, channel and the like */
        return LINK_WLAN;
    }
    if (is_atm(s) && bytes.len >= SUN_ATM_HEADER_LEN && (load_u8(bytes, 0) & 0x0f) == SUN_ATM_LLC) {
        *skip = SUN_ATM_HEADER_LEN;
        return LINK_LLC;
    }
    if (is_infiniband(s) && bytes.len >= IPOIB_HEADER_LEN) {
        uint16_t type = load_be16(bytes, 0); /* RFC 4391 6 */
        *skip = type == TYPE_IPV4 || type == TYPE_IPV6 ? IPOIB_HEADER_LEN : 0;
        return type == TYPE_IPV4 ? LINK_IPV4 : type == TYPE_IPV6 ? LINK_IPV6 : LINK_TYPE_NONE;
    }
    return link_type_of(s->network, s->of_shomiti);
}

static void snoop_link(const struct snoop *s, struct frame *frame)
{
    size_t skip;
    frame->link_type = link_type_at(s, &skip, frame->bytes);
    frame->interface_id = 0;
    while (s->link_types[frame->interface_id] != frame->link_type)
        frame->interface_id++;
    span_take(&frame->bytes, skip, NULL);
    frame->offset += skip;
    frame->wire_len -= (uint32_t)skip;
    frame->fcs_len = s->of_shomiti ? FCS_LEN : 0;
}

/* Tells how many were dropped so far, when it is another number than the one before. */
static void snoop_dropped(struct capture *c, uint32_t dropped, int64_t time_ns)
{
    struct snoop *s = &c->as.snoop;
    if (dropped == s->dropped)
        return;
    s->dropped = dropped;
    const struct capture_statistics told = {0, time_ns, -1, -1, -1, dropped};
    if (c->listener.statistics)
        c->listener.statistics(c->listener.context, &told);
}

static enum status snoop_next(struct capture *c, struct frame *frame)
{
    struct span header;
    enum status status = window_at(c->window, &header, c->offset, RECORD_HEADER_LEN, &c->error);
    if (status != STATUS_OK)
        return record_cut(c, status, c->offset, RECORD_HEADER_LEN, true);
    uint32_t wire_len = load_be32(header, 0), captured = load_be32(header, 4);
    uint32_t record = load_be32(header, 8), dropped = load_be32(header, 12);
    uint32_t seconds = load_be32(header, 16), microseconds = load_be32(header, 20);
    uint64_t offset = c->offset + RECORD_HEADER_LEN;
    if (record < RECORD_HEADER_LEN || record - RECORD_HEADER_LEN < captured)
        return error_damaged(&c->error,
                             "%s: frame %" PRIu64 " at offset %" PRIu64 " says %" PRIu32
                             " bytes in a record of %" PRIu32,
                             c->name, c->frame_count + 1, offset, captured, record);
    size_t len = record - RECORD_HEADER_LEN; /* the frame, and padding behind it */
    if (len > c->window->ceiling)
        return record_too_long(c, offset, len);
    status = window_at(c->window, &frame->bytes, offset, len, &c->error);
    if (status != STATUS_OK)
        return record_cut(c, status, offset, len, false);
    frame->bytes = span_first(frame->bytes, captured);
    frame->wire_len = wire_len > captured ? wire_len : captured;
    frame->offset = offset;
    frame->time_ns = (int64_t)seconds * 1000000000 + (int64_t)microseconds * 1000;
    snoop_link(&c->as.snoop, frame);
    snoop_dropped(c, dropped, frame->time_ns);
    c->offset += record;
    return STATUS_OK;
}

const struct format format_snoop = {
    .names = {"snoop", "snoop.gz", "snoop.zst"},
    .recognises = snoop_recognises,
    .open = snoop_open,
    .begin = snoop_begin,
    .next = snoop_next,
};
