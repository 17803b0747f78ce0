/* records.c - frames and arrivals on their way to their blobs, which are cut into parts that fit a leaf
 * of their table. */
#include "store/writer.h"

#include <string.h>

/* Makes room for `len` bytes more. */
static bool grow(struct store *s, struct blob *b, size_t len)
{
    if (b->data && b->len + len <= memory_len(b->size_class))
        return true;
    size_t want = b->data ? 2 * memory_len(b->size_class) : MEMORY_LEAST;
    if (want < b->len + len)
        want = b->len + len;
    unsigned size_class = memory_class(want < MEMORY_MOST ? want : MEMORY_MOST);
    uint8_t *data = keep_room(s, size_class);
    if (!data)
        return false;
    if (b->data) {
        memcpy(data, b->data, b->len);
        memory_give(&s->memory, b->data, b->size_class);
    }
    b->data = data;
    b->size_class = (uint8_t)size_class;
    return true;
}

static void append(struct store *s, struct blob *b, const uint8_t *record, size_t len)
{
    if (!grow(s, b, len))
        return;
    memcpy(b->data + b->len, record, len);
    b->len = (uint16_t)(b->len + len);
    b->count++;
}

void records_drop(struct store *s, struct blob *b)
{
    memory_give(&s->memory, b->data, b->size_class);
    b->data = NULL;
    b->len = 0;
    b->count = 0;
}

void records_write_frames(struct store *s, struct kept_flow *k)
{
    struct blob *b = &k->frames;

    if (b->count > 0) {
        sqlite3_stmt *row = insert_begin(&s->insert, INSERT_FLOW_FRAMES);
        put_int(row, 1, keep_flow_id(s, k));
        put_int(row, 2, b->parts);
        put_int(row, 3, b->count);
        put_blob(row, 4, span_of(b->data, b->len));
        insert_end(&s->insert, row);
        b->parts++;
    }
    records_drop(s, b);
    k->last = (struct frame_record){0};
}

void records_add_frame(struct store *s, struct kept_flow *k, const struct frame_record *record)
{
    uint8_t bytes[FRAME_RECORD_MAX];
    struct frame_record last = k->last;
    size_t len = (size_t)(frame_record_put(bytes, &last, record) - bytes);

    if (k->frames.len + len > s->frames_len) {
        records_write_frames(s, k);
        last = k->last;
        len = (size_t)(frame_record_put(bytes, &last, record) - bytes);
    }
    append(s, &k->frames, bytes, len);
    k->last = last;
}

void records_write_arrivals(struct store *s, struct kept_flow *k, enum side side)
{
    struct kept_stream *t = k->sides[side];
    struct blob *b = &t->arrivals;

    if (b->count > 0) {
        sqlite3_stmt *row = insert_begin(&s->insert, INSERT_ARRIVALS);
        put_int(row, 1, keep_stream_id(s, k, side));
        put_int(row, 2, b->parts);
        put_int(row, 3, b->count);
        put_int(row, 4, t->low);
        put_int(row, 5, t->high);
        put_blob(row, 6, span_of(b->data, b->len));
        insert_end(&s->insert, row);
        b->parts++;
    }
    records_drop(s, b);
    t->last = (struct arrival_record){0};
}

void records_add_arrival(struct store *s, struct kept_flow *k, enum side side,
                         const struct arrival_record *record)
{
    struct kept_stream *t = k->sides[side];
    uint8_t bytes[ARRIVAL_RECORD_MAX];
    struct arrival_record last = t->last;
    size_t len = (size_t)(arrival_record_put(bytes, &last, record) - bytes);

    if (t->arrivals.len + len > s->arrivals_len) {
        records_write_arrivals(s, k, side);
        chunks_write_stale(s, k, side);
        last = t->last;
        len = (size_t)(arrival_record_put(bytes, &last, record) - bytes);
    }
    int64_t end = record->position + record->length;
    if (t->arrivals.count == 0 || record->position < t->low)
        t->low = record->position;
    if (t->arrivals.count == 0 || end > t->high)
        t->high = end;
    append(s, &t->arrivals, bytes, len);
    t->last = last;
}
