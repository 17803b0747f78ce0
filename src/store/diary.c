/* diary.c - what came of a flow so far, in the order in which it came, while nothing about it is out of the ordinary.
 *
 *     pages    [frame][frame][segment, bytes][frame] ──► [segment, bytes ...] ──► ... bytes]
 *     at its end, in one go                    └──► a row of frames; for each side its arrivals, and its payload
 *
 * Blobs and slots are for flows that go on for long: for most flows they hold little beside what they are, and lie
 * all over memory. Most flows are short, each side's payload comes in order, once, and fits one row. Such a flow
 * is written down as it comes: frames as differences to the one before, segments with their bytes, in one chain of
 * pages, of which only the last is touched. Its rows are made from that when it ends, or must be written early. What is
 * not of this kind, or has become too much for it, is unfolded: put into blobs and slots, as if it had been there from
 * the start. No row is written before that would be written otherwise, so the rows do not depend on it. */
#include "store/writer.h"

#include "base/varint.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct diary_page {
    struct diary_page *next;
    uint16_t used; /* of `data`, once there is a next one */
    uint8_t size_class;
    uint8_t data[];
};

enum {
    PAGE_HEAD = offsetof(struct diary_page, data),
    FIRST_PAGE = 120, /* bytes: a handshake, and a little more */
    NEXT_PAGE = 184,
    LARGE_PAGE =
        504, /* where a segment does not fit. Few sizes, so that what one flow gives back serves the next */
    ENTRY_HEAD_MOST = 1 + 5 * VARINT_MAX,
    FRAMES_MOST = UINT8_MAX,
};

/* How an entry begins. */
enum {
    ENTRY_SEGMENT = 1, /* of the frame before it, which may have several; else a frame */
    SEGMENT_SERVER = 2,
    FRAME_MICROS = 2, /* the difference in time counts microseconds */
    FRAME_CUT = 4,    /* not all of it was captured */
};

bool diaries_init(struct diaries *d, const struct store *s)
{
    const size_t frames_most = s->frames_len / FRAME_RECORD_MAX;
    const size_t segments_most = s->arrivals_len / ARRIVAL_RECORD_MAX;

    *d = (struct diaries){
        .frames_most = (uint8_t)(frames_most < FRAMES_MOST ? frames_most : FRAMES_MOST),
        .segments_most = (uint8_t)(segments_most < FRAMES_MOST ? segments_most : FRAMES_MOST),
        .stored_most = (uint16_t)(s->slot_len - 1)}; /* a slot that is full is written */
    for (unsigned i = 0; i < DIARIES_READ; i++) {
        struct diary_rows *r = &d->read[i];
        r->bytes = malloc(s->frames_len + 2 * ((size_t)s->arrivals_len + s->slot_len));
        if (!r->bytes) {
            diaries_release(d);
            return false;
        }
        r->sides[0].arrivals = r->bytes + s->frames_len;
        r->sides[1].arrivals = r->sides[0].arrivals + s->arrivals_len;
        r->sides[0].payload = r->sides[1].arrivals + s->arrivals_len;
        r->sides[1].payload = r->sides[0].payload + s->slot_len;
    }
    return true;
}

void diaries_release(struct diaries *d)
{
    for (unsigned i = 0; i < DIARIES_READ; i++)
        free(d->read[i].bytes);
    *d = (struct diaries){.frames_most = 0};
}

/* ---- written ---- */

static size_t page_room(const struct diary *d)
{
    return d->last ? memory_len(d->last->size_class) - PAGE_HEAD - d->used : 0;
}

/* A page more, for `len` bytes if they fit one. False after a failure. */
static bool page_add(struct store *s, struct diary *d, size_t len)
{
    const size_t usual = d->last ? NEXT_PAGE : FIRST_PAGE;
    const unsigned size_class = memory_class(PAGE_HEAD + len <= usual ? usual : LARGE_PAGE);
    struct diary_page *page = keep_room(s, size_class);

    if (!page)
        return false;
    page->next = NULL;
    page->size_class = (uint8_t)size_class;
    if (d->last) {
        d->last->next = page;
        d->last->used = d->used;
    } else {
        d->first = page;
    }
    d->last = page;
    d->used = 0;
    return true;
}

/* The head of an entry lies in one page; `behind`: bytes that will follow it. */
static bool add_head(struct store *s, struct diary *d, struct span head, size_t behind)
{
    if (page_room(d) < head.len && !page_add(s, d, head.len + behind))
        return false;
    memcpy(d->last->data + d->used, head.data, head.len);
    d->used = (uint16_t)(d->used + head.len);
    return true;
}

static bool add_bytes(struct store *s, struct diary *d, struct span bytes)
{
    while (bytes.len > 0) {
        if (page_room(d) == 0 && !page_add(s, d, bytes.len))
            return false;
        const struct span piece = span_first(bytes, page_room(d));
        memcpy(d->last->data + d->used, piece.data, piece.len);
        d->used = (uint16_t)(d->used + piece.len);
        bytes = span_after(bytes, piece.len);
    }
    return true;
}

bool diary_frame(struct store *s, struct kept_flow *k, const struct frame_record *r)
{
    struct diary *d = &k->diary;
    uint8_t head[ENTRY_HEAD_MOST], *to = head + 1;
    int64_t later;

    if (d->frames >= s->diaries.frames_most || r->interface_id > UINT16_MAX ||
        r->number < d->number || r->offset < d->offset)
        return false;
    if (d->frames > 0 && (r->evidence_id != d->evidence_id || r->interface_id != d->interface_id))
        return false;
    if (__builtin_sub_overflow(r->time_ns, d->time_ns, &later))
        return false;
    head[0] = 0;
    to = varint_put(to, r->number - d->number);
    to = varint_put(to, r->offset - d->offset);
    if (later % 1000 == 0) { /* captures in microseconds are the rule */
        head[0] |= FRAME_MICROS;
        later /= 1000;
    }
    to = varint_put_signed(to, later);
    to = varint_put(to, r->captured);
    if (r->wire_len != r->captured) {
        head[0] |= FRAME_CUT;
        to = varint_put(to, r->wire_len);
    }
    if (!add_head(s, d, span_of(head, (size_t)(to - head)), 0))
        return true; /* the store has failed, and no more is asked of it */
    d->frames++;
    d->number = r->number;
    d->offset = r->offset;
    d->time_ns = r->time_ns;
    d->evidence_id = r->evidence_id;
    d->interface_id = (uint16_t)r->interface_id;
    return true;
}

bool diary_segment(struct store *s, struct kept_flow *k, enum side side,
                   const struct arrival_record *r, struct span bytes)
{
    struct diary *d = &k->diary;
    uint8_t head[ENTRY_HEAD_MOST], *to = head;

    if (r->position != d->stored[side] || r->fate != FATE_KEPT || r->captured != r->length ||
        bytes.len != r->length || bytes.len > (size_t)s->diaries.stored_most - d->stored[side])
        return false;
    if (d->frames == 0 || d->segments[side] >= s->diaries.segments_most || r->frame != d->number ||
        r->evidence_id != d->evidence_id || r->time_ns != d->time_ns || r->offset < d->offset)
        return false;
    *to++ = (uint8_t)(ENTRY_SEGMENT | (side == SIDE_SERVER ? SEGMENT_SERVER : 0));
    to = varint_put(to, r->offset - d->offset);
    to = varint_put(to, bytes.len);
    if (!add_head(s, d, span_of(head, (size_t)(to - head)), bytes.len) || !add_bytes(s, d, bytes))
        return true;
    d->segments[side]++;
    d->stored[side] = (uint16_t)(d->stored[side] + bytes.len);
    s->counts.payload_bytes += bytes.len;
    return true;
}

/* ---- read ---- */

/* A place in the pages. */
struct reading {
    const struct diary *diary;
    const struct diary_page *page;
    struct span rest; /* of the page */
};

static bool page_turn(struct reading *at)
{
    const struct diary *d = at->diary;

    at->page = at->page ? at->page->next : d->first;
    if (at->page)
        at->rest = span_of(at->page->data, at->page == d->last ? d->used : at->page->used);
    return at->page;
}

static uint64_t count_take(struct reading *at)
{
    uint64_t value = 0;

    (void)varint_take(&at->rest, &value);
    return value;
}

static void bytes_take(struct reading *at, uint8_t *to, size_t len)
{
    while (len > 0) {
        struct span piece;
        if (at->rest.len == 0 && !page_turn(at))
            return;
        const size_t part = len < at->rest.len ? len : at->rest.len;
        span_take(&at->rest, part, &piece);
        memcpy(to, piece.data, piece.len);
        to += piece.len;
        len -= piece.len;
    }
}

static void frame_take(struct reading *at, uint8_t flags, struct frame_record *next)
{
    next->number += count_take(at);
    next->offset += count_take(at);
    next->time_ns += varint_unfold(count_take(at)) * (flags & FRAME_MICROS ? 1000 : 1);
    next->captured = (uint32_t)count_take(at);
    next->wire_len = flags & FRAME_CUT ? (uint32_t)count_take(at) : next->captured;
}

static void segment_take(struct reading *at, const struct frame_record *frame,
                         struct diary_side *side)
{
    const uint64_t offset = frame->offset + count_take(at);
    const uint32_t len = (uint32_t)count_take(at);
    const struct arrival_record next = {.position = side->payload_len,
                                        .length = len,
                                        .captured = len,
                                        .evidence_id = frame->evidence_id,
                                        .frame = frame->number,
                                        .offset = offset,
                                        .time_ns = frame->time_ns,
                                        .fate = FATE_KEPT};

    side->arrivals_len +=
        (size_t)(arrival_record_put(side->arrivals + side->arrivals_len, &side->last, &next) -
                 (side->arrivals + side->arrivals_len));
    side->count++;
    bytes_take(at, side->payload + side->payload_len, len);
    side->payload_len += len;
}

/* Makes blobs and payload of it, and empties it: its flow is an ordinary one then, of which nothing has come. */
static struct diary_rows *take(struct store *s, struct kept_flow *k, unsigned which)
{
    struct diary_rows *r = &s->diaries.read[which];
    struct reading at = {.diary = &k->diary, .rest = {NULL, 0}};
    struct frame_record next = {.evidence_id = k->diary.evidence_id,
                                .interface_id = k->diary.interface_id};
    uint8_t *to = r->bytes;

    r->frame_count = 0;
    r->last = (struct frame_record){.number = 0};
    for (int side = 0; side < 2; side++) {
        r->sides[side].last = (struct arrival_record){.position = 0};
        r->sides[side].arrivals_len = r->sides[side].payload_len = 0;
        r->sides[side].count = 0;
    }
    while (at.rest.len > 0 || page_turn(&at)) {
        struct span flags;
        if (!span_take(&at.rest, 1, &flags)) /* a page in which nothing found room */
            continue;
        if (*flags.data & ENTRY_SEGMENT) {
            segment_take(&at, &next, &r->sides[*flags.data & SEGMENT_SERVER ? 1 : 0]);
        } else {
            frame_take(&at, *flags.data, &next);
            to = frame_record_put(to, &r->last, &next);
            r->frame_count++;
        }
    }
    r->frames_len = (size_t)(to - r->bytes);
    diary_drop(s, k);
    return r;
}

void diary_drop(struct store *s, struct kept_flow *k)
{
    struct diary_page *page = k->diary.first;

    while (page) {
        struct diary_page *next = page->next;
        memory_give(&s->memory, page, page->size_class);
        page = next;
    }
    keep_is_ordinary(k);
}

void diary_end(struct store *s, const struct flow *flow, struct kept_flow *k)
{
    flow_rows_write_diary(s, flow, k, take(s, k, DIARY_AT_WORK));
}

void diary_write(struct store *s, struct kept_flow *k)
{
    struct diary_rows *r = take(s, k, DIARY_EARLY);

    if (r->frame_count > 0)
        records_write_diary_frames(s, k, r);
    for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
        const struct diary_side *from = &r->sides[side];
        if (from->count == 0)
            continue;
        struct kept_stream *t = keep_stream_by_force(s, k, side); /* the pages have made room */
        if (!t)
            return;
        t->stored = from->payload_len;
        chunks_write_diary(s, k, side, span_of(from->payload, from->payload_len));
        records_write_diary_arrivals(s, k, side, from);
        t->arrivals.parts = 1;
    }
}

void diary_unfold(struct store *s, struct kept_flow *k)
{
    const struct diary_rows *r = take(s, k, DIARY_AT_WORK);

    if (r->frame_count > 0)
        records_fill_frames(s, k, r);
    for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
        const struct diary_side *from = &r->sides[side];
        if (from->count == 0 || !keep_stream(s, k, side))
            continue;
        records_fill_arrivals(s, k, side, from);
        s->counts.payload_bytes -= from->payload_len; /* they were counted when they came */
        chunks_keep(s, k, side, 0, span_of(from->payload, from->payload_len), true, false);
    }
}

/* Lines of a page, which may not be as long as that. */
enum { PAGE_LINES = 4, LARGE_PAGE_LINES = 8 };

void diary_bring(const struct diary *d, enum sink_step step, bool ends)
{
    if (step == SINK_STREAMS && d->last)
        bring_lines(d->last->data + d->used, 1);
    if (step == SINK_STREAMS && ends && d->first)
        bring_lines(d->first, PAGE_LINES);
    if (step == SINK_BYTES && ends && d->first && d->first->next)
        bring_lines(d->first->next, PAGE_LINES);
}

void diary_bring_page(const struct diary *d, unsigned index)
{
    const struct diary_page *page = d->first;

    for (unsigned i = 0; page && i < index; i++)
        page = page->next;
    if (page)
        bring_lines(page, index == 0 ? PAGE_LINES / 2 : LARGE_PAGE_LINES);
}
