/* pcapng.c - capture files as Wireshark and others write them (draft-ietf-opsawg-pcapng).
 *
 *     [type][length][ body ......................... options ][length]        a block
 *     SHB IDB IDB EPB EPB ISB | SHB IDB EPB ...                               sections
 *
 * A section has its own byte order and numbers its own interfaces from 0; the interface_id of a
 * frame counts on over sections. A block that we do not read is stepped over without being looked
 * at, and options that make no sense end that block's options, nothing more. A block whose own
 * lengths make no sense is damage: there is no telling where the next begins. */
#include "capture/format.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    BLOCK_SECTION = 0x0a0d0d0a, /* the same in both byte orders */
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 2, /* obsolete */
    BLOCK_SIMPLE_PACKET = 3,
    BLOCK_STATISTICS = 5,
    BLOCK_ENHANCED_PACKET = 6,
    BLOCK_JOURNAL = 9, /* an entry of systemd's; numbered like a frame, as are those below */
    BLOCK_SECRETS = 10,
    BLOCK_SYSDIG_EVENT = 0x204,
    BLOCK_SYSDIG_EVENT_V2 = 0x216,
    BLOCK_SYSDIG_EVENT_V2_LARGE = 0x221,
    BLOCK_CUSTOM = 0xbad,
    BLOCK_CUSTOM_NOT_COPIED = 0x40000bad,
};

enum {
    BLOCK_HEADER_LEN = 8,
    BLOCK_TRAILER_LEN = 4,
    BLOCK_LEAST_LEN = 12,
    BYTE_ORDER_MARK = 0x1a2b3c4d
};

enum { INTERFACES_MAX = 1 << 16 }; /* of a section; more are damage */

enum { OPTION_END = 0, OPTION_COMMENT = 1 };

struct block {
    uint32_t type;
    uint32_t len;     /* bytes, header and trailer included */
    struct span body; /* without them; empty when we do not read this type */
};

struct option {
    uint16_t code;
    struct span value;
};

static uint32_t load32(const struct capture *c, struct span s, size_t at)
{
    return load_32(s, at, c->as.pcapng.big_endian);
}

static uint16_t load16(const struct capture *c, struct span s, size_t at)
{
    return load_16(s, at, c->as.pcapng.big_endian);
}

static uint64_t load64(const struct capture *c, struct span s, size_t at)
{
    return c->as.pcapng.big_endian ? load_be64(s, at) : load_le64(s, at);
}

/* Times are two halves, the upper one first in either byte order. */
static uint64_t load_ticks(const struct capture *c, struct span s, size_t at)
{
    return (uint64_t)load32(c, s, at) << 32 | load32(c, s, at + 4);
}

static enum status pcapng_recognises(struct capture *c)
{
    struct span head;
    enum status status = capture_head(c, &head, 4);
    if (status != STATUS_OK)
        return status;
    return load_be32(head, 0) == BLOCK_SECTION ? STATUS_OK : STATUS_END;
}

/* Puts before the sentence where it is that the trouble was met. */
static enum status pcapng_damaged(struct capture *c)
{
    error_prefix(&c->error, "%s: the block at offset %" PRIu64 ", before frame %" PRIu64, c->name,
                 c->offset, c->frame_count + 1);
    return STATUS_DAMAGED;
}

/* The block is not all there: `status` is what the window said. */
static enum status block_cut(struct capture *c, enum status status, uint32_t len)
{
    if (status == STATUS_END)
        error_damaged(&c->error, "it says %" PRIu32 " bytes; the file ends %" PRIu64 " bytes later",
                      len, window_left(c->window, c->offset));
    return status == STATUS_FAILED ? status : pcapng_damaged(c);
}

static enum status block_header(struct capture *c, struct span *header)
{
    enum status status = window_at(c->window, header, c->offset, BLOCK_LEAST_LEN, &c->error);
    uint64_t left = status == STATUS_END ? window_left(c->window, c->offset) : 0;
    if (status == STATUS_OK || status == STATUS_FAILED || (status == STATUS_END && left == 0))
        return status;
    if (status == STATUS_END)
        error_damaged(&c->error, "the file ends %" PRIu64 " bytes into it", left);
    return pcapng_damaged(c);
}

/* The byte order of a section stands in its first block, behind the length that needs it. */
static enum status section_order(struct capture *c, struct span header)
{
    if (load_be32(header, 8) != BYTE_ORDER_MARK && load_le32(header, 8) != BYTE_ORDER_MARK) {
        error_damaged(&c->error, "its byte order mark is none: %08" PRIx32, load_be32(header, 8));
        return pcapng_damaged(c);
    }
    c->as.pcapng.big_endian = load_be32(header, 8) == BYTE_ORDER_MARK;
    return STATUS_OK;
}

static bool block_is_read(uint32_t type)
{
    return (type >= BLOCK_INTERFACE && type <= BLOCK_SIMPLE_PACKET) || type == BLOCK_STATISTICS ||
           type == BLOCK_ENHANCED_PACKET || type == BLOCK_SECRETS || type == BLOCK_SECTION;
}

/* The bytes of a block that we read, and the length at its end. */
static enum status block_hold(struct capture *c, struct block *block, struct span *trailer)
{
    struct span all;
    if (block->len > c->window->ceiling) {
        error_damaged(&c->error, "it says %" PRIu32 " bytes, more than we can hold of one",
                      block->len);
        return pcapng_damaged(c);
    }
    enum status status = window_at(c->window, &all, c->offset, block->len, &c->error);
    if (status != STATUS_OK)
        return block_cut(c, status, block->len);
    span_take(&all, BLOCK_HEADER_LEN, NULL);
    span_take(&all, block->len - BLOCK_LEAST_LEN, &block->body);
    *trailer = all;
    return STATUS_OK;
}

/* Only the length at the end of a block that we do not read: it may be longer than a window. */
static enum status block_skip(struct capture *c, const struct block *block, struct span *trailer)
{
    uint64_t end = c->offset + block->len;
    enum status status =
        window_at(c->window, trailer, end - BLOCK_TRAILER_LEN, BLOCK_TRAILER_LEN, &c->error);
    return status == STATUS_OK ? status : block_cut(c, status, block->len);
}

/* The block at c->offset. */
static enum status block_at(struct capture *c, struct block *block)
{
    struct span header, trailer;
    enum status status = block_header(c, &header);
    if (status == STATUS_OK && load_be32(header, 0) == BLOCK_SECTION)
        status = section_order(c, header);
    if (status != STATUS_OK)
        return status;
    uint32_t len = load32(c, header, 4);
    *block = (struct block){load32(c, header, 0), len, {NULL, 0}};
    if (len < BLOCK_LEAST_LEN || len % 4 != 0) {
        error_damaged(&c->error, "it says %" PRIu32 " bytes, which no block can have", len);
        return pcapng_damaged(c);
    }
    status = block_is_read(block->type) ? block_hold(c, block, &trailer)
                                        : block_skip(c, block, &trailer);
    if (status == STATUS_OK && load32(c, trailer, 0) != len) {
        error_damaged(&c->error,
                      "it says %" PRIu32 " bytes at its start and %" PRIu32 " at its end", len,
                      load32(c, trailer, 0));
        return pcapng_damaged(c);
    }
    return status;
}

static enum status body_short(struct capture *c)
{
    error_damaged(&c->error, "it is too short for what it is");
    return pcapng_damaged(c);
}

/* Cuts the fixed fields off the front of a block's body. */
static inline enum status body_take(struct capture *c, struct span *body, size_t len,
                                    struct span *fixed)
{
    return span_take(body, len, fixed) ? STATUS_OK : body_short(c);
}

/* The next option off the front of `options`; false at their end, or where they make no sense. */
static bool option_take(const struct capture *c, struct span *options, struct option *option)
{
    struct span head;
    if (!span_take(options, 4, &head))
        return false;
    option->code = load16(c, head, 0);
    size_t len = load16(c, head, 2);
    if (option->code == OPTION_END || !span_take(options, len, &option->value))
        return false;
    *options = span_after(*options, (4 - len % 4) % 4);
    return true;
}

static enum status section_version(struct capture *c, struct span *body)
{
    struct span fixed;
    enum status status = body_take(c, body, 16, &fixed);
    if (status == STATUS_OK && load16(c, fixed, 4) != 1) {
        error_damaged(&c->error, "it begins a section of version %u.%u, and only 1.x can be read",
                      load16(c, fixed, 4), load16(c, fixed, 6));
        return pcapng_damaged(c);
    }
    return status;
}

static enum status see_section(struct capture *c, struct span body)
{
    static const char *const kinds[] = {NULL, "comment", "hardware", "os", "application"};
    enum status status = section_version(c, &body);
    if (status != STATUS_OK)
        return status;
    c->as.pcapng.interface_count = 0;
    struct option option;
    while (option_take(c, &body, &option)) {
        if (option.code < sizeof kinds / sizeof kinds[0])
            capture_note(c, 0, kinds[option.code], option.value);
    }
    return STATUS_OK;
}

static uint64_t power_of_ten(unsigned exponent)
{
    uint64_t power = 1;
    while (exponent-- > 0)
        power *= 10;
    return power;
}

static void clock_set(struct pcapng_clock *k, uint8_t resolution)
{
    k->binary = resolution & 0x80;
    k->exponent = resolution & 0x7f;
    k->factor = k->exponent < 9 ? power_of_ten(9u - k->exponent) : 1;
    k->divisor = 1;
    if (k->exponent > 9) /* 10^20 does not fit: such ticks are all within the first nanosecond */
        k->divisor = k->exponent - 9u <= 19 ? power_of_ten(k->exponent - 9u) : 0;
}

static uint64_t clock_ticks_per_second(const struct pcapng_clock *k)
{
    if (k->binary)
        return k->exponent < 64 ? (uint64_t)1 << k->exponent : UINT64_MAX;
    return k->exponent <= 19 ? power_of_ten(k->exponent) : UINT64_MAX;
}

/* ticks * 10^9 / 2^exponent, rounded down, through a product of 128 bits in two halves. */
static uint64_t binary_ns(uint64_t ticks, unsigned exponent)
{
    uint64_t lower = (ticks & UINT32_MAX) * 1000000000;
    uint64_t upper = (ticks >> 32) * 1000000000;
    uint64_t low = lower + (upper << 32);
    uint64_t high = (upper >> 32) + (low < lower);
    if (exponent >= 64)
        return high >> (exponent - 64);
    if (high >> exponent != 0)
        return UINT64_MAX;
    return exponent == 0 ? low : high << (64 - exponent) | low >> exponent;
}

/* Times that no 64-bit number of nanoseconds can hold become the last one that it can. */
static int64_t clock_ns(const struct pcapng_clock *k, uint64_t ticks)
{
    uint64_t ns;
    if (k->binary)
        ns = binary_ns(ticks, k->exponent);
    else if (k->divisor != 1)
        ns = k->divisor ? ticks / k->divisor : 0;
    else if (__builtin_mul_overflow(ticks, k->factor, &ns))
        ns = UINT64_MAX;
    int64_t time = ns > INT64_MAX ? INT64_MAX : (int64_t)ns;
    int64_t offset_ns;
    if (__builtin_mul_overflow(k->offset_s, (int64_t)1000000000, &offset_ns))
        offset_ns = k->offset_s < 0 ? INT64_MIN : INT64_MAX;
    if (__builtin_add_overflow(time, offset_ns, &time))
        time = INT64_MAX; /* a time is never negative, so only a sum upwards can be too much */
    return time;
}

/* Room for one more interface of this section; NULL with a sentence, and *status says what it is. */
static struct pcapng_interface *interface_new(struct capture *c, enum status *status)
{
    *status = STATUS_FAILED;
    struct pcapng *p = &c->as.pcapng;
    if (p->interface_count == p->interface_room) {
        uint32_t room = p->interface_room ? p->interface_room * 2 : 4;
        size_t more = (room - p->interface_room) * sizeof *p->interfaces;
        if (!memory_take(c->memory, more)) {
            error_damaged(&c->error,
                          "the section has more interfaces than --memory leaves room for");
            *status = pcapng_damaged(c);
            return NULL;
        }
        struct pcapng_interface *all = realloc(p->interfaces, room * sizeof *all);
        if (!all) {
            memory_give(c->memory, more);
            error_no_memory(&c->error, "%s: no memory for %" PRIu32 " interfaces", c->name, room);
            return NULL;
        }
        p->interfaces = all;
        p->interface_room = room;
    }
    struct pcapng_interface *i = &p->interfaces[p->interface_count++];
    *i = (struct pcapng_interface){.interface_id = p->next_interface_id++};
    return i;
}

/* In bytes or in bits: which of them can be told, since there are two lengths. */
static uint8_t fcs_len_of(uint8_t written)
{
    return written == 16 || written == 32 ? written / 8 : written <= 4 ? written : 0;
}

static void interface_option(const struct capture *c, struct pcapng_interface *i,
                             struct capture_interface *told, const struct option *option)
{
    enum { NAME = 2, DESCRIPTION = 3, RESOLUTION = 9, FILTER = 11, FCS_LEN = 13, OFFSET = 14 };
    struct span value = option->value;
    switch (option->code) {
    case OPTION_COMMENT:
        capture_note(c, 0, "comment", value);
        break;
    case NAME:
        told->name = value;
        break;
    case DESCRIPTION:
        told->description = value;
        break;
    case RESOLUTION:
        if (value.len == 1)
            clock_set(&i->clock, load_u8(value, 0));
        break;
    case FILTER: /* behind a byte that says in what language; 0 is libpcap's */
        if (value.len > 0 && load_u8(value, 0) == 0)
            told->filter = span_after(value, 1);
        break;
    case FCS_LEN: /* the draft says bits, and has 4 for its example */
        if (value.len == 1)
            i->fcs_len = fcs_len_of(load_u8(value, 0));
        break;
    case OFFSET:
        if (value.len == 8)
            i->clock.offset_s = (int64_t)load64(c, value, 0);
        break;
    default:
        break;
    }
}

static enum status see_interface(struct capture *c, struct span body)
{
    struct span fixed;
    enum status status = body_take(c, &body, 8, &fixed);
    if (status != STATUS_OK)
        return status;
    if (c->as.pcapng.interface_count == INTERFACES_MAX) {
        error_damaged(&c->error, "the section has more than %d interfaces", INTERFACES_MAX);
        return pcapng_damaged(c);
    }
    struct pcapng_interface *i = interface_new(c, &status);
    if (!i)
        return status;
    i->link_type = link_type_registered(load16(c, fixed, 0));
    i->snap_len = load32(c, fixed, 4);
    clock_set(&i->clock, 6); /* microseconds, unless said otherwise */
    struct capture_interface told = {
        .interface_id = i->interface_id,
        .link_type = i->link_type,
        .snap_len = i->snap_len,
    };
    struct option option;
    while (option_take(c, &body, &option))
        interface_option(c, i, &told, &option);
    told.ticks_per_second = clock_ticks_per_second(&i->clock);
    if (c->listener.interface)
        c->listener.interface(c->listener.context, &told);
    return STATUS_OK;
}

static enum status see_statistics(struct capture *c, struct span body)
{
    enum { RECEIVED = 4, DROPPED_BY_INTERFACE, ACCEPTED_BY_FILTER, DROPPED_BY_SYSTEM };
    struct span fixed;
    enum status status = body_take(c, &body, 12, &fixed);
    uint32_t number = status == STATUS_OK ? load32(c, fixed, 0) : 0;
    if (status != STATUS_OK || number >= c->as.pcapng.interface_count)
        return status; /* counters of no interface tell nothing */
    const struct pcapng_interface *i = &c->as.pcapng.interfaces[number];
    struct capture_statistics told = {
        i->interface_id, clock_ns(&i->clock, load_ticks(c, fixed, 4)), -1, -1, -1, -1};
    struct option option;
    while (option_take(c, &body, &option)) {
        if (option.code == OPTION_COMMENT)
            capture_note(c, 0, "comment", option.value);
        if (option.value.len != 8)
            continue;
        int64_t count = (int64_t)(load64(c, option.value, 0) & INT64_MAX);
        if (option.code == RECEIVED)
            told.received = count;
        else if (option.code == DROPPED_BY_INTERFACE)
            told.dropped_by_interface = count;
        else if (option.code == ACCEPTED_BY_FILTER)
            told.accepted_by_filter = count;
        else if (option.code == DROPPED_BY_SYSTEM)
            told.dropped_by_system = count;
    }
    if (c->listener.statistics)
        c->listener.statistics(c->listener.context, &told);
    return STATUS_OK;
}

static enum status see_secrets(struct capture *c, struct span body)
{
    struct span fixed, data;
    enum status status = body_take(c, &body, 8, &fixed);
    if (status == STATUS_OK)
        status = body_take(c, &body, load32(c, fixed, 4), &data);
    if (status == STATUS_OK && c->listener.secrets)
        c->listener.secrets(c->listener.context, load32(c, fixed, 0), data);
    return status;
}

/* The interface that a packet names, or NULL with a sentence. */
static const struct pcapng_interface *interface_of(struct capture *c, uint32_t number)
{
    const struct pcapng *p = &c->as.pcapng;
    if (number < p->interface_count)
        return &p->interfaces[number];
    error_damaged(&c->error, "it names interface %" PRIu32 ", and the section has %" PRIu32, number,
                  p->interface_count);
    pcapng_damaged(c);
    return NULL;
}

/* Behind a packet: comments, and what is known of its frame check sequence, if that is another one
 * than the interface's. */
static void packet_options(const struct capture *c, struct frame *frame, struct span options,
                           uint32_t captured)
{
    enum { FLAGS = 2 };
    struct option option;
    span_take(&options, (4 - captured % 4) % 4, NULL);
    while (option_take(c, &options, &option)) {
        if (option.code == OPTION_COMMENT)
            capture_note(c, c->frame_count + 1, "comment", option.value);
        if (option.code == FLAGS && option.value.len == 4 && (load32(c, option.value, 0) & 0x1e0))
            frame->fcs_len = load32(c, option.value, 0) >> 5 & 0x0f;
    }
}

/* Both kinds of packet block that say all of it: the bytes, then options. The fast path; what is
 * left of the body is cut where it lies, since copying a span just written costs more than all the
 * rest. */
static enum status take_packet(struct capture *c, struct frame *frame, struct span *body,
                               bool enhanced)
{
    enum { FIXED_LEN = 20 };
    struct span fixed;
    if (!span_take(body, FIXED_LEN, &fixed))
        return body_short(c);
    uint32_t number = enhanced ? load32(c, fixed, 0) : load16(c, fixed, 0);
    uint64_t ticks = load_ticks(c, fixed, 4);
    uint32_t captured = load32(c, fixed, 12), wire_len = load32(c, fixed, 16);
    const struct pcapng_interface *i = interface_of(c, number);
    if (!i)
        return STATUS_DAMAGED;
    if (!span_take(body, captured, &frame->bytes)) {
        error_damaged(&c->error, "it says %" PRIu32 " bytes of packet and has room for %zu",
                      captured, body->len);
        return pcapng_damaged(c);
    }
    frame->wire_len = wire_len > captured ? wire_len : captured;
    frame->link_type = i->link_type;
    frame->fcs_len = i->fcs_len;
    frame->interface_id = i->interface_id;
    frame->offset = c->offset + BLOCK_HEADER_LEN + FIXED_LEN;
    frame->time_ns = c->as.pcapng.last_ns = clock_ns(&i->clock, ticks);
    if (body->len > 4) /* more than padding */
        packet_options(c, frame, *body, captured);
    return STATUS_OK;
}

/* Without a time, so that of the frame before; of the section's first interface. */
static enum status take_simple_packet(struct capture *c, struct frame *frame, struct span body)
{
    struct span fixed;
    enum status status = body_take(c, &body, 4, &fixed);
    if (status != STATUS_OK)
        return status;
    const struct pcapng_interface *i = interface_of(c, 0);
    if (!i)
        return STATUS_DAMAGED;
    uint32_t wire_len = load32(c, fixed, 0);
    frame->bytes = span_first(body, wire_len);
    if (i->snap_len > 0)
        frame->bytes = span_first(frame->bytes, i->snap_len);
    frame->wire_len = wire_len;
    frame->link_type = i->link_type;
    frame->fcs_len = i->fcs_len;
    frame->interface_id = i->interface_id;
    frame->offset = c->offset + BLOCK_HEADER_LEN + fixed.len;
    frame->time_ns = c->as.pcapng.last_ns;
    return STATUS_OK;
}

static enum status pcapng_next(struct capture *c, struct frame *frame)
{
    for (;;) {
        struct block block;
        bool is_frame = false;
        enum status status = block_at(c, &block);
        if (status != STATUS_OK)
            return status;
        switch (block.type) {
        case BLOCK_ENHANCED_PACKET:
        case BLOCK_PACKET:
            is_frame = true;
            status = take_packet(c, frame, &block.body, block.type == BLOCK_ENHANCED_PACKET);
            break;
        case BLOCK_SIMPLE_PACKET:
            is_frame = true;
            status = take_simple_packet(c, frame, block.body);
            break;
        case BLOCK_SECTION:
            status = see_section(c, block.body);
            break;
        case BLOCK_INTERFACE:
            status = see_interface(c, block.body);
            break;
        case BLOCK_STATISTICS:
            status = see_statistics(c, block.body);
            break;
        case BLOCK_SECRETS:
            status = see_secrets(c, block.body);
            break;
        case BLOCK_JOURNAL:
        case BLOCK_SYSDIG_EVENT:
        case BLOCK_SYSDIG_EVENT_V2:
        case BLOCK_SYSDIG_EVENT_V2_LARGE:
        case BLOCK_CUSTOM:
        case BLOCK_CUSTOM_NOT_COPIED:
            c->frame_count++; /* no frame of ours, but Wireshark shows it under a number */
            break;
        default:
            break;
        }
        if (status != STATUS_OK)
            return status;
        c->offset += block.len;
        if (is_frame)
            return STATUS_OK;
    }
}

/* Only looks: what the first section says is told when it is read as a block like any other. */
static enum status pcapng_open(struct capture *c)
{
    struct block block;
    enum status status = block_at(c, &block);
    return status == STATUS_OK ? section_version(c, &block.body) : status;
}

static void pcapng_close(struct capture *c)
{
    memory_give(c->memory, c->as.pcapng.interface_room * sizeof *c->as.pcapng.interfaces);
    free(c->as.pcapng.interfaces);
}

const struct format format_pcapng = {
    .names = {"pcapng", "pcapng.gz", "pcapng.zst"},
    .recognises = pcapng_recognises,
    .open = pcapng_open,
    .next = pcapng_next,
    .close = pcapng_close,
};
