/* blobs.c - the delta-coded blobs of flow_frames.data and arrivals.data, both ways.
 *
 *     frame:    head [more] [evidence] [interface] [number] [cut]   offset time [captured]
 *     arrival:  head [more] [evidence] [frame] [captured] [fate]    [position] [length] offset time
 *               └ flags in the low bits, what was added to the frame number above them
 *
 * What nearly every record shares with the one before it costs at most a bit of the head: the evidence,
 * the interface, all bytes captured, the fate `kept`, a position where the last one ended. What is
 * rare sets the lowest bit of the head, and a byte of further flags says what it is.
 *
 * Differences are taken modulo 2^64, so that every pair of values has one and none overflows. */
#include "store/blobs.h"

#include "base/varint.h"
#include "reassembly/sink.h"

#include <assert.h>

/* The low bits of a head, and how many they are. */
enum {
    HEAD_MORE = 1,     /* a byte of further flags follows */
    HEAD_MICROS = 2,   /* the time difference counts microseconds */
    HEAD_SAME_LEN = 4, /* frame: captured as before; arrival: length as before */
    FRAME_HEAD_BITS = 3,
    HEAD_POSITION = 8, /* arrival: it does not begin where the last one ended */
    ARRIVAL_HEAD_BITS = 4,
};

/* Further flags. Those of the same name mean the same in both. */
enum {
    MORE_EVIDENCE = 1,
    MORE_NUMBER = 2, /* the frame number's difference does not fit the head: it follows, signed */
    MORE_BACK = 4,   /* the offset went back: its difference is to be subtracted */
    MORE_INTERFACE = 8,
    MORE_CUT = 16, /* frame: not all of it was captured */
    FRAME_MORE_ALL = MORE_EVIDENCE | MORE_NUMBER | MORE_BACK | MORE_INTERFACE | MORE_CUT,
    MORE_CAPTURED = 8, /* arrival: not all of it was captured */
    MORE_FATE = 16,    /* arrival: not FATE_KEPT */
    ARRIVAL_MORE_ALL = MORE_EVIDENCE | MORE_NUMBER | MORE_BACK | MORE_CAPTURED | MORE_FATE,
};

/* A frame number's difference up to this stands in the head. */
static const uint64_t HEAD_NUMBER_MAX = (uint64_t)1 << 56;

static int64_t as_signed(uint64_t value)
{
    return value > INT64_MAX ? -(int64_t)(UINT64_MAX - value) - 1 : (int64_t)value;
}

/* A difference in nanoseconds as it will be written. Captures in microseconds are the rule, and it
 * saves more than a byte a record to divide. */
static int64_t time_unit(int64_t difference_ns, unsigned *head)
{
    if (difference_ns % 1000 != 0)
        return difference_ns;
    *head |= HEAD_MICROS;
    return difference_ns / 1000;
}

/* Where the offset is expected: behind what was captured last. What lies between two neighbours is a
 * record header and the packet's own, which fits seven bits. Returns how far off it is. */
static uint64_t offset_off(uint64_t expected, uint64_t offset, unsigned *more)
{
    uint64_t off = offset - expected;
    if (off <= INT64_MAX)
        return off;
    *more |= MORE_BACK;
    return 0 - off;
}

/* Head and further flags, and what both records have right behind them. */
static uint8_t *put_head(uint8_t *to, uint64_t number_step, int bits, unsigned head, unsigned more)
{
    if (more & MORE_NUMBER)
        number_step = 0;
    if (more)
        head |= HEAD_MORE;
    to = varint_put(to, number_step << bits | head);
    if (more)
        *to++ = (uint8_t)more;
    return to;
}

uint8_t *frame_record_put(uint8_t *to, struct frame_record *last, const struct frame_record *record)
{
    assert(record->captured <= record->wire_len);

    unsigned head = 0, more = 0;
    uint64_t step = record->number - last->number;
    uint64_t off = offset_off(last->offset + last->captured, record->offset, &more);
    int64_t later_ns = as_signed((uint64_t)record->time_ns - (uint64_t)last->time_ns);
    int64_t later = time_unit(later_ns, &head);

    if (step > HEAD_NUMBER_MAX)
        more |= MORE_NUMBER;
    if (record->evidence_id != last->evidence_id)
        more |= MORE_EVIDENCE;
    if (record->interface_id != last->interface_id)
        more |= MORE_INTERFACE;
    if (record->captured != record->wire_len)
        more |= MORE_CUT;
    if (record->captured == last->captured)
        head |= HEAD_SAME_LEN;

    to = put_head(to, step, FRAME_HEAD_BITS, head, more);
    if (more & MORE_EVIDENCE)
        to = varint_put(to, record->evidence_id);
    if (more & MORE_INTERFACE)
        to = varint_put(to, record->interface_id);
    if (more & MORE_NUMBER)
        to = varint_put_signed(to, as_signed(step));
    if (more & MORE_CUT)
        to = varint_put(to, record->wire_len - record->captured);
    to = varint_put(to, off);
    to = varint_put_signed(to, later);
    if (!(head & HEAD_SAME_LEN))
        to = varint_put(to, record->captured);

    *last = *record;
    return to;
}

uint8_t *arrival_record_put(uint8_t *to, struct arrival_record *last,
                            const struct arrival_record *record)
{
    assert(record->captured <= record->length);
    assert(record->position <= INT64_MAX - (int64_t)record->length);

    unsigned head = 0, more = 0;
    uint64_t step = record->frame - last->frame;
    uint64_t off = offset_off(last->offset + last->captured, record->offset, &more);
    int64_t later_ns = as_signed((uint64_t)record->time_ns - (uint64_t)last->time_ns);
    int64_t later = time_unit(later_ns, &head);
    uint64_t moved = (uint64_t)record->position - ((uint64_t)last->position + last->length);

    if (step > HEAD_NUMBER_MAX)
        more |= MORE_NUMBER;
    if (record->evidence_id != last->evidence_id)
        more |= MORE_EVIDENCE;
    if (record->captured != record->length)
        more |= MORE_CAPTURED;
    if (record->fate != FATE_KEPT)
        more |= MORE_FATE;
    if (record->length == last->length)
        head |= HEAD_SAME_LEN;
    if (moved != 0)
        head |= HEAD_POSITION;

    to = put_head(to, step, ARRIVAL_HEAD_BITS, head, more);
    if (more & MORE_EVIDENCE)
        to = varint_put(to, record->evidence_id);
    if (more & MORE_NUMBER)
        to = varint_put_signed(to, as_signed(step));
    if (more & MORE_CAPTURED)
        to = varint_put(to, record->captured);
    if (more & MORE_FATE)
        *to++ = record->fate;
    if (moved != 0)
        to = varint_put_signed(to, as_signed(moved));
    if (!(head & HEAD_SAME_LEN))
        to = varint_put(to, record->length);
    to = varint_put(to, off);
    to = varint_put_signed(to, later);

    *last = *record;
    return to;
}

static bool take_u8(struct span *from, uint8_t *value)
{
    struct span byte;
    if (!span_take(from, 1, &byte))
        return false;
    *value = load_u8(byte, 0);
    return true;
}

static bool take_u32(struct span *from, uint32_t *value)
{
    uint64_t wide;
    if (!varint_take(from, &wide) || wide > UINT32_MAX)
        return false;
    *value = (uint32_t)wide;
    return true;
}

/* Adds a signed difference to an unsigned value, modulo 2^64. */
static bool take_step(struct span *from, uint64_t *value)
{
    int64_t step;
    if (!varint_take_signed(from, &step))
        return false;
    *value += (uint64_t)step;
    return true;
}

/* The flags of a record, and the number of its frame as far as the head says it. */
static bool take_head(struct span *from, int bits, uint8_t more_all, unsigned *head, uint8_t *more,
                      uint64_t *number)
{
    uint64_t both;
    if (!varint_take(from, &both))
        return false;
    *head = (unsigned)(both & ((1U << bits) - 1));
    *number += both >> bits;
    *more = 0;
    return !(*head & HEAD_MORE) || (take_u8(from, more) && (*more & ~more_all) == 0);
}

static bool take_offset(struct span *from, uint8_t more, uint32_t last_captured, uint64_t *offset)
{
    uint64_t off;
    if (!varint_take(from, &off))
        return false;
    *offset += last_captured;
    *offset += more & MORE_BACK ? 0 - off : off;
    return true;
}

static bool take_time(struct span *from, unsigned head, int64_t *time_ns)
{
    int64_t later;
    if (!varint_take_signed(from, &later))
        return false;
    uint64_t later_ns = (uint64_t)later * (head & HEAD_MICROS ? 1000 : 1);
    *time_ns = as_signed((uint64_t)*time_ns + later_ns);
    return true;
}

bool frame_record_take(struct span *from, struct frame_record *record)
{
    struct frame_record r = *record; /* becomes the next one */
    struct span rest = *from;
    unsigned head;
    uint8_t more;
    uint32_t cut = 0;

    if (!take_head(&rest, FRAME_HEAD_BITS, FRAME_MORE_ALL, &head, &more, &r.number))
        return false;
    if ((more & MORE_EVIDENCE) && !take_u32(&rest, &r.evidence_id))
        return false;
    if ((more & MORE_INTERFACE) && !take_u32(&rest, &r.interface_id))
        return false;
    if ((more & MORE_NUMBER) && !take_step(&rest, &r.number))
        return false;
    if ((more & MORE_CUT) && !take_u32(&rest, &cut))
        return false;
    if (!take_offset(&rest, more, record->captured, &r.offset) ||
        !take_time(&rest, head, &r.time_ns))
        return false;
    if (!(head & HEAD_SAME_LEN) && !take_u32(&rest, &r.captured))
        return false;
    if (cut > UINT32_MAX - r.captured)
        return false;
    r.wire_len = r.captured + cut;

    *record = r;
    *from = rest;
    return true;
}

bool arrival_record_take(struct span *from, struct arrival_record *record)
{
    struct arrival_record r = *record; /* becomes the next one */
    struct span rest = *from;
    unsigned head;
    uint8_t more;
    uint64_t position = (uint64_t)r.position + r.length;

    if (!take_head(&rest, ARRIVAL_HEAD_BITS, ARRIVAL_MORE_ALL, &head, &more, &r.frame))
        return false;
    if ((more & MORE_EVIDENCE) && !take_u32(&rest, &r.evidence_id))
        return false;
    if ((more & MORE_NUMBER) && !take_step(&rest, &r.frame))
        return false;
    if ((more & MORE_CAPTURED) && !take_u32(&rest, &r.captured))
        return false;
    r.fate = FATE_KEPT;
    if ((more & MORE_FATE) && !take_u8(&rest, &r.fate))
        return false;
    if ((head & HEAD_POSITION) && !take_step(&rest, &position))
        return false;
    if (!(head & HEAD_SAME_LEN) && !take_u32(&rest, &r.length))
        return false;
    if (!take_offset(&rest, more, record->captured, &r.offset) ||
        !take_time(&rest, head, &r.time_ns))
        return false;
    if (!(more & MORE_CAPTURED))
        r.captured = r.length;
    r.position = as_signed(position);
    if (r.captured > r.length || r.position > INT64_MAX - (int64_t)r.length)
        return false;

    *record = r;
    *from = rest;
    return true;
}

const char *fate_name(uint8_t fate)
{
    static const char *const names[] = {
        [FATE_KEPT] = "kept",
        [FATE_DUPLICATE] = "duplicate",
        [FATE_CONFLICT] = "conflict",
        [FATE_PROVISIONAL] = "provisional",
        [FATE_REFUSED] = "refused",
        [FATE_REFUSED + REFUSED_CHECKSUM] = "refused: bad_checksum",
        [FATE_REFUSED + REFUSED_OUT_OF_WINDOW] = "refused: out_of_window",
        [FATE_REFUSED + REFUSED_BEFORE_START] = "refused: before_start",
        [FATE_REFUSED + REFUSED_KEEPALIVE] = "refused: keepalive",
        [FATE_REFUSED + REFUSED_SETTLED] = "refused: settled",
        [FATE_REFUSED + REFUSED_NO_MEMORY] = "refused: no_memory",
        [FATE_REFUSED + REFUSED_OLD_TIMESTAMP] = "refused: old_timestamp",
        [FATE_REFUSED + REFUSED_SHED] = "refused: shed",
        [FATE_REFUSED + REFUSED_EARLIER] = "refused: earlier_slice",
    };
    _Static_assert(sizeof names / sizeof *names == FATE_REFUSED + REFUSAL_COUNT,
                   "every refusal has its word");
    return fate < sizeof names / sizeof *names ? names[fate] : "unknown";
}
