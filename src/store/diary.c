/* diary.c - what came of a flow so far, in the order in which it came, while nothing about it is out of the ordinary.
 *
 *     kept_flow [frame][frame][segment, ──► pages bytes][frame][segment, by ──► ... tes]
 *     at its end, in one go                    └──► a row of frames; for each side its arrivals, and its payload
 *
 * Blobs and slots are for flows that go on for long: for most flows they hold little beside what they are, and lie
 * all over memory. Most flows are short, each side's payload comes in order, once, and fits one row. Such a flow
 * is written down as it comes: frames as differences to the one before, segments with their bytes, first where the
 * flow itself is kept, which a handshake fits, then in one chain of pages, of which only the last is touched. Its
 * rows are made from that when it ends, or must be written early. What is
 * not of this kind, or has become too much for it, is unfolded: put into blobs and slots, as if it had been there from
 * the start. No row is written before that would be written otherwise, so the rows do not depend on it. */
#include "store/writer.h"

#include "base/varint.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct diary_page {
    struct diary_page *next; /* the last one's is the first */
    uint8_t size_class;
    uint8_t data[];
};

enum {
    PAGE_HEAD = offsetof(struct diary_page, data),
    SMALL_PAGE = 88, /* bytes: the first one, of a flow without payload so far */
    USUAL_PAGE = 184,
    LARGE_PAGE =
        504, /* where a segment does not fit. Few sizes, so that what one flow gives back serves the next */
    ENTRY_HEAD_MOST = 1 + 5 * VARINT_MAX,
    FRAMES_MOST = UINT8_MAX,
    BARE_FRAME = 90, /* bytes: what is longer has payload, likely */
};

/* How an entry begins. */
enum {
    ENTRY_SEGMENT = 1, /* of the frame before it, which may have several; else a frame */
    SEGMENT_SERVER = 2,
    SEGMENT_TO_END =
        4, /* it is the rest of its frame, behind LINK_HEAD bytes and a number of words, which stands */
    SEGMENT_WORDS_AT = 3, /* from this bit on */
    LINK_HEAD = 14,       /* of Ethernet; all that follow have words of four bytes */
    WORD = 4,
    FRAME_MICROS = 2,   /* the difference in time counts microseconds */
    FRAME_CUT = 4,      /* not all of it was captured */
    FRAME_EARLIER = 8,  /* than the one before */
    FRAME_AS_LONG = 16, /* as it was captured */
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

static size_t page_len(unsigned size_class)
{
    return memory_len(size_class) - PAGE_HEAD;
}

/* A page more, for `len` bytes if they fit one; `bare`: there is no payload. False after a failure. */
static bool page_add(struct store *s, struct diary *d, size_t len, bool bare)
{
    const size_t usual = bare && !d->last ? SMALL_PAGE : USUAL_PAGE;
    const unsigned size_class = memory_class(PAGE_HEAD + len <= usual ? usual : LARGE_PAGE);
    struct diary_page *page = keep_room(s, size_class);

    if (!page)
        return false;
    page->next = d->last ? d->last->next : page;
    page->size_class = (uint8_t)size_class;
    if (d->last)
        d->last->next = page;
    d->last = page;
    d->last_class = (uint8_t)size_class;
    d->used = 0;
    return true;
}

/* Where there is room, and in as many pages as it takes; `behind`: bytes that will follow. */
static bool add(struct store *s, struct diary *d, struct span bytes, size_t behind, bool bare)
{
    while (bytes.len > 0) {
        size_t room = (d->last ? page_len(d->last_class) : DIARY_BEGIN) - d->used;
        if (room == 0) {
            if (!page_add(s, d, bytes.len + behind, bare))
                return false;
            room = page_len(d->last_class);
        }
        const struct span piece = span_first(bytes, room);
        memcpy((d->last ? d->last->data : d->begin) + d->used, piece.data, piece.len);
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
    if (d->frames > 0 && (r->evidence_id != k->evidence_id || r->interface_id != k->interface_id))
        return false;
    if (!s->diaries.has_begun) {
        s->diaries.begin_ns = r->time_ns;
        s->diaries.has_begun = true;
    }
    if (__builtin_sub_overflow(r->time_ns, d->frames > 0 ? d->time_ns : s->diaries.begin_ns,
                               &later))
        return false;
    head[0] = later < 0 ? FRAME_EARLIER : 0;
    to = varint_put(to, r->number - d->number);
    to = varint_put(to, r->offset - d->offset);
    uint64_t apart = later < 0 ? 0 - (uint64_t)later : (uint64_t)later;
    if (apart % 1000 == 0) { /* captures in microseconds are the rule */
        head[0] |= FRAME_MICROS;
        apart /= 1000;
    }
    to = varint_put(to, apart);
    if (r->captured == d->captured && d->captured > 0)
        head[0] |= FRAME_AS_LONG;
    else
        to = varint_put(to, r->captured);
    if (r->wire_len != r->captured) {
        head[0] |= FRAME_CUT;
        to = varint_put(to, r->wire_len);
    }
    const size_t behind = r->captured > BARE_FRAME ? r->captured - BARE_FRAME : 0;
    if (!add(s, d, span_of(head, (size_t)(to - head)), behind, behind == 0))
        return true; /* the store has failed, and no more is asked of it */
    d->frames++;
    d->captured = r->captured <= UINT16_MAX ? (uint16_t)r->captured : 0;
    d->number = r->number;
    d->offset = r->offset;
    d->time_ns = r->time_ns;
    k->evidence_id = r->evidence_id;
    k->interface_id = (uint16_t)r->interface_id;
    return true;
}

/* Whether a segment is the rest of the frame before it, behind whole words; *words: how many. */
static bool is_to_end(const struct diary *d, uint64_t before, size_t len, unsigned *words)
{
    enum { WORDS_MOST = UINT8_MAX >> SEGMENT_WORDS_AT };

    if (before < LINK_HEAD || (before - LINK_HEAD) % WORD != 0 ||
        (before - LINK_HEAD) / WORD > WORDS_MOST || before + len != d->captured)
        return false;
    *words = (unsigned)(before - LINK_HEAD) / WORD;
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
        r->evidence_id != k->evidence_id || r->time_ns != d->time_ns || r->offset < d->offset)
        return false;
    unsigned words;
    *to++ = (uint8_t)(ENTRY_SEGMENT | (side == SIDE_SERVER ? SEGMENT_SERVER : 0));
    if (is_to_end(d, r->offset - d->offset, bytes.len, &words)) {
        head[0] |= (uint8_t)(SEGMENT_TO_END | words << SEGMENT_WORDS_AT);
    } else {
        to = varint_put(to, r->offset - d->offset);
        to = varint_put(to, bytes.len);
    }
    if (!add(s, d, span_of(head, (size_t)(to - head)), bytes.len, false) ||
        !add(s, d, bytes, 0, false))
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

    if (at->page == d->last)
        return false;
    at->page = at->page ? at->page->next : d->last->next;
    at->rest =
        span_of(at->page->data, at->page == d->last ? d->used : page_len(at->page->size_class));
    return at->rest.len > 0;
}

static uint8_t byte_take(struct reading *at)
{
    struct span byte;

    if ((at->rest.len == 0 && !page_turn(at)) || !span_take(&at->rest, 1, &byte))
        return 0;
    return *byte.data;
}

static uint64_t count_take(struct reading *at)
{
    uint64_t value = 0;

    if (at->rest.len >= VARINT_MAX) {
        (void)varint_take(&at->rest, &value);
        return value;
    }
    for (unsigned shift = 0; shift < 64; shift += 7) { /* in two pages, perhaps */
        const uint8_t byte = byte_take(at);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            break;
    }
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
    const uint64_t apart = count_take(at) * (flags & FRAME_MICROS ? 1000 : 1);
    next->time_ns =
        (int64_t)((uint64_t)next->time_ns + (flags & FRAME_EARLIER ? 0 - apart : apart));
    if (!(flags & FRAME_AS_LONG))
        next->captured = (uint32_t)count_take(at);
    next->wire_len = flags & FRAME_CUT ? (uint32_t)count_take(at) : next->captured;
}

static void segment_take(struct reading *at, uint8_t flags, const struct frame_record *frame,
                         struct diary_side *side)
{
    const bool is_to_end = flags & SEGMENT_TO_END;
    const uint64_t before =
        is_to_end ? LINK_HEAD + WORD * (uint64_t)(flags >> SEGMENT_WORDS_AT) : count_take(at);
    const uint32_t len = (uint32_t)(is_to_end ? frame->captured - before : count_take(at));
    const uint64_t offset = frame->offset + before;
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
    struct reading at = {.diary = &k->diary,
                         .rest =
                             span_of(k->diary.begin, k->diary.last ? DIARY_BEGIN : k->diary.used)};
    struct frame_record next = {.evidence_id = k->evidence_id,
                                .interface_id = k->interface_id,
                                .time_ns = s->diaries.begin_ns};
    uint8_t *to = r->bytes;

    r->frame_count = 0;
    r->last = (struct frame_record){.number = 0};
    for (int side = 0; side < 2; side++) {
        r->sides[side].last = (struct arrival_record){.position = 0};
        r->sides[side].arrivals_len = r->sides[side].payload_len = 0;
        r->sides[side].count = 0;
    }
    while (at.rest.len > 0 || page_turn(&at)) {
        const uint8_t flags = byte_take(&at);
        if (flags & ENTRY_SEGMENT) {
            segment_take(&at, flags, &next, &r->sides[flags & SEGMENT_SERVER ? 1 : 0]);
        } else {
            frame_take(&at, flags, &next);
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
    struct diary_page *last = k->diary.last, *page = last ? last->next : NULL;

    while (page) {
        struct diary_page *next = page == last ? NULL : page->next;
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
    if (!d->last)
        return;
    if (step == SINK_STREAMS && ends)
        bring_lines(d->last, PAGE_LINES);
    else if (step == SINK_STREAMS)
        bring_lines(d->last->data + d->used, 1);
    if (step == SINK_BYTES && ends)
        bring_lines(d->last->next, PAGE_LINES);
}

void diary_bring_page(const struct diary *d, unsigned index)
{
    const struct diary_page *page = d->last;

    if (!page)
        return;
    for (unsigned i = 0; i < index; i++) {
        page = page->next;
        if (i > 0 && page == d->last->next)
            return; /* there are no more */
    }
    bring_lines(page, index == 0 ? PAGE_LINES / 2 : LARGE_PAGE_LINES);
}
