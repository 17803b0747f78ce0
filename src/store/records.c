/* records.c - frames and arrivals on their way to their blobs, which are cut into parts that fit a
 * leaf of their table.
 *
 *     buffer    [head: the last record, ...][record][record][record]
 *     row                                   └────── data ─────────┘
 *
 * In a live case a leaf is short, and a row costs a search in its tree. Where many records come between two commits
 * parts are longer, and have whole pages beside the leaf. */
#include "store/writer.h"

#include <string.h>

struct frames_head {
    struct frame_record last;
};

struct arrivals_head {
    struct arrival_record last;
    int64_t low, high; /* of the positions */
};

/* Adds a record's bytes; a new buffer has its head zeroed. False after a failure. */
static bool append(struct store *s, struct blob *b, size_t head_len, const uint8_t *record,
                   size_t len)
{
    size_t need = head_len + b->len + len;

    if (!b->data || need > memory_len(b->size_class)) {
        unsigned size_class = memory_class(need); /* classes are far enough apart to grow by */
        uint8_t *data = keep_room(s, size_class);
        if (!data)
            return false;
        if (b->data) {
            memcpy(data, b->data, head_len + b->len);
            memory_give(&s->memory, b->data, b->size_class);
        } else {
            memset(data, 0, head_len);
        }
        b->data = data;
        b->size_class = (uint8_t)size_class;
    }
    memcpy(b->data + head_len + b->len, record, len);
    b->len = (uint16_t)(b->len + len);
    b->count++;
    return true;
}

/* How fast records come: a full part counts as what it has, and a commit halves that. */
enum { PACE_PART = 1, PACE_LONG_PART = 8, PACE_FAST = 4 };

bool records_are_fast(const struct blob *b)
{
    return b->pace >= PACE_FAST;
}

static size_t most_len(const struct blob *b, size_t usual, size_t fast)
{
    return records_are_fast(b) ? fast : usual;
}

static void see_pace(const struct store *s, struct blob *b, enum records_why why)
{
    const int step = records_are_fast(b) ? PACE_LONG_PART : PACE_PART;

    if (why == RECORDS_EARLY)
        b->pace /= 2;
    else if (s->live.on && b->pace <= UINT8_MAX - step)
        b->pace = (uint8_t)(b->pace + step);
}

void records_drop(struct store *s, struct blob *b)
{
    memory_give(&s->memory, b->data, b->size_class);
    b->data = NULL;
    b->len = 0;
    b->count = 0;
}

static struct frames_head *frames_head(const struct blob *b)
{
    return (struct frames_head *)(void *)b->data;
}

static struct arrivals_head *arrivals_head(const struct blob *b)
{
    return (struct arrivals_head *)(void *)b->data;
}

/* Whether a part lies by commit first: in a live case one that does not fill a leaf, of so many bytes, unless it is all that
 * its owner has, which is over. */
static bool is_recent(struct store *s, const struct blob *b, size_t leaf, enum records_why why)
{
    return b->len <= leaf && (why == RECORDS_EARLY || (why == RECORDS_AT_END && b->parts > 0)) &&
           insert_by_commit(&s->insert);
}

void records_write_frames(struct store *s, struct kept_flow *k, enum records_why why)
{
    struct blob *b = &k->frames;

    if (!b->data)
        return;
    const bool recent = is_recent(s, b, s->frames_len, why);
    struct row *row = insert_begin(&s->insert, recent ? INSERT_RECENT_FRAMES : INSERT_FLOW_FRAMES);
    put_int(row, 1, keep_flow_id(s, k));
    put_int(row, 2, b->parts);
    put_int(row, 3, b->count);
    put_blob(row, 4, span_of(b->data + sizeof(struct frames_head), b->len));
    if (recent)
        put_int(row, 5, s->insert.step);
    insert_end(&s->insert, row);
    b->parts++;
    see_pace(s, b, why);
    records_drop(s, b);
}

void records_write_diary_frames(struct store *s, struct kept_flow *k, const struct diary_rows *r)
{
    struct row *row = insert_begin(&s->insert, INSERT_FLOW_FRAMES);

    put_int(row, 1, keep_flow_id(s, k));
    put_int(row, 2, 0);
    put_int(row, 3, r->frame_count);
    put_blob(row, 4, span_of(r->bytes, r->frames_len));
    insert_end(&s->insert, row);
    k->frames.parts = 1;
}

/* A blob of `count` records, which was empty. False after a failure. */
static bool fill(struct store *s, struct blob *b, size_t head_len, struct span records,
                 uint32_t count)
{
    const bool filled = append(s, b, head_len, records.data, records.len);

    if (filled)
        b->count = count;
    return filled;
}

void records_fill_frames(struct store *s, struct kept_flow *k, const struct diary_rows *r)
{
    struct blob *b = &k->frames;

    if (fill(s, b, sizeof(struct frames_head), span_of(r->bytes, r->frames_len), r->frame_count))
        frames_head(b)->last = r->last;
}

/* Whether any record fits into the buffer, and the part: nearly always. */
static bool has_room(const struct blob *b, size_t head_len, size_t record_most, size_t part_most)
{
    return b->data && b->len + record_most <= part_most &&
           head_len + b->len + record_most <= memory_len(b->size_class);
}

static void frame_append(struct store *s, struct kept_flow *k, const struct frame_record *record,
                         size_t most)
{
    struct blob *b = &k->frames;
    uint8_t bytes[FRAME_RECORD_MAX];
    struct frame_record last = {0};

    if (b->data)
        last = frames_head(b)->last;
    size_t len = (size_t)(frame_record_put(bytes, &last, record) - bytes);
    if (b->len + len > most) {
        records_write_frames(s, k, RECORDS_FULL);
        last = (struct frame_record){0};
        len = (size_t)(frame_record_put(bytes, &last, record) - bytes);
    }
    if (append(s, b, sizeof(struct frames_head), bytes, len))
        frames_head(b)->last = last;
}

void records_add_frame(struct store *s, struct kept_flow *k, const struct frame_record *record)
{
    struct blob *b = &k->frames;
    const size_t most = most_len(b, s->frames_len, s->fast_frames_len);

    if (!has_room(b, sizeof(struct frames_head), FRAME_RECORD_MAX, most)) {
        frame_append(s, k, record, most);
        return;
    }
    uint8_t *to = b->data + sizeof(struct frames_head) + b->len;
    b->len += (uint16_t)(frame_record_put(to, &frames_head(b)->last, record) - to);
    b->count++;
}

struct span records_arrivals(const struct kept_stream *t)
{
    if (!t->arrivals.data)
        return span_of(NULL, 0);
    return span_of(t->arrivals.data + sizeof(struct arrivals_head), t->arrivals.len);
}

void records_write_arrivals(struct store *s, struct kept_flow *k, enum side side,
                            enum records_why why)
{
    struct blob *b = &k->sides[side]->arrivals;

    if (!b->data)
        return;
    const bool recent = is_recent(s, b, s->arrivals_len, why);
    struct row *row = insert_begin(&s->insert, recent ? INSERT_RECENT_ARRIVALS : INSERT_ARRIVALS);
    put_int(row, 1, keep_stream_id(s, k, side));
    put_int(row, 2, b->parts);
    put_int(row, 3, b->count);
    put_int(row, 4, arrivals_head(b)->low);
    put_int(row, 5, arrivals_head(b)->high);
    put_blob(row, 6, records_arrivals(k->sides[side]));
    if (recent)
        put_int(row, 7, s->insert.step);
    insert_end(&s->insert, row);
    b->parts++;
    see_pace(s, b, why);
    records_drop(s, b);
}

void records_write_diary_arrivals(struct store *s, struct kept_flow *k, enum side side,
                                  const struct diary_side *from)
{
    struct row *row = insert_begin(&s->insert, INSERT_ARRIVALS);

    put_int(row, 1, keep_stream_id(s, k, side));
    put_int(row, 2, 0);
    put_int(row, 3, from->count);
    put_int(row, 4, 0);
    put_int(row, 5, from->payload_len);
    put_blob(row, 6, span_of(from->arrivals, from->arrivals_len));
    insert_end(&s->insert, row);
}

void records_fill_arrivals(struct store *s, struct kept_flow *k, enum side side,
                           const struct diary_side *from)
{
    struct blob *b = &k->sides[side]->arrivals;

    if (!fill(s, b, sizeof(struct arrivals_head), span_of(from->arrivals, from->arrivals_len),
              from->count))
        return;
    *arrivals_head(b) = (struct arrivals_head){.last = from->last, .high = from->payload_len};
}

/* False after a failure. */
static bool arrival_append(struct store *s, struct kept_flow *k, enum side side,
                           const struct arrival_record *record, size_t most)
{
    struct blob *b = &k->sides[side]->arrivals;
    uint8_t bytes[ARRIVAL_RECORD_MAX];
    struct arrival_record last = {0};

    if (b->data)
        last = arrivals_head(b)->last;
    size_t len = (size_t)(arrival_record_put(bytes, &last, record) - bytes);
    if (b->len + len > most) {
        records_write_arrivals(s, k, side, RECORDS_FULL);
        chunks_write_stale(s, k, side);
        last = (struct arrival_record){0};
        len = (size_t)(arrival_record_put(bytes, &last, record) - bytes);
    }
    if (!append(s, b, sizeof(struct arrivals_head), bytes, len))
        return false;
    arrivals_head(b)->last = last;
    return true;
}

void records_add_arrival(struct store *s, struct kept_flow *k, enum side side,
                         const struct arrival_record *record)
{
    struct blob *b = &k->sides[side]->arrivals;
    const size_t most = most_len(b, s->arrivals_len, s->fast_arrivals_len);

    if (has_room(b, sizeof(struct arrivals_head), ARRIVAL_RECORD_MAX, most)) {
        uint8_t *to = b->data + sizeof(struct arrivals_head) + b->len;
        b->len += (uint16_t)(arrival_record_put(to, &arrivals_head(b)->last, record) - to);
        b->count++;
    } else if (!arrival_append(s, k, side, record, most)) {
        return;
    }
    struct arrivals_head *head = arrivals_head(b);
    const int64_t end = record->position + record->length;
    if (b->count == 1 || record->position < head->low)
        head->low = record->position;
    if (b->count == 1 || end > head->high)
        head->high = end;
}
