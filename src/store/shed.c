/* shed.c - payload that is no longer kept, since more comes than can be written.
 *
 *     positions     kept ──────────────┐ shed_from
 *                   AAAAAAAAAAAAA..AAAA│AAAA..AAAAAAA      what came before goes on being compared;
 *                                      └ gaps, `shed`      from here on nothing is kept, or looked at
 *
 * From one position on a stream keeps nothing until its slice ends: not what comes late, nor what is refused, so that nothing
 * is asked for later that was not kept. That position is above all that is stored of it. What comes behind it is
 * an arrival with the fate `refused: shed`, until only flows are kept: then it is counted, and no more. */
#include "store/writer.h"

#include <inttypes.h>
#include <stdio.h>

void store_shed(struct store *s, enum store_shed level, uint64_t above)
{
    atomic_store(&s->live.shed_above, above);
    atomic_store(&s->live.shed_level, level);
}

static enum store_shed level_of(struct store *s)
{
    return (enum store_shed)atomic_load_explicit(&s->live.shed_level, memory_order_relaxed);
}

bool shed_frames(struct store *s)
{
    return level_of(s) >= SHED_ALL_BUT_FLOWS;
}

/* Where the highest row of a stream ends, in one of the two tables; `to` when there is none. */
static int64_t row_end(struct store *s, enum statement which, int64_t stream_id, int64_t to)
{
    struct row *row = insert_begin(&s->insert, which);
    put_int(row, 1, stream_id);
    put_int(row, 2, INT64_MAX);
    if (insert_next(&s->insert, row)) {
        int64_t end =
            sqlite3_column_int64(row->statement, 1) + sqlite3_column_bytes(row->statement, 3);
        to = end > to ? end : to;
    }
    insert_done(&s->insert, row);
    return to;
}

int64_t shed_stored_to(struct store *s, struct kept_flow *k, enum side side)
{
    const struct kept_stream *t = k->sides[side];
    int64_t to = t->start;

    for (const struct slot *slot = t->settled ? NULL : t->slots; slot; slot = slot->next)
        if (slot->run_count > 0)
            to = slot->begin + (slot->runs ? slot->runs : &slot->one)[slot->run_count - 1].end;
    if (t->rows == 0)
        return to;
    insert_flush_one(&s->insert, INSERT_STREAM_DATA);
    to = row_end(s, SELECT_SMALL, keep_stream_id(s, k, side), to);
    return row_end(s, SELECT_CHUNK, keep_stream_id(s, k, side), to);
}

static bool is_wanted(struct store *s, const struct kept_stream *t)
{
    switch (level_of(s)) {
    case SHED_NOTHING:
        return false;
    case SHED_LONG_STREAMS:
        return t->stored > atomic_load_explicit(&s->live.shed_above, memory_order_relaxed);
    case SHED_NEW_STREAMS:
        return (t->stored == 0 && !t->carried) ||
               t->stored > atomic_load_explicit(&s->live.shed_above, memory_order_relaxed);
    case SHED_ALL_BUT_FLOWS:
        break;
    }
    return true;
}

/* From now on the stream keeps nothing more. */
static void begin(struct store *s, struct kept_flow *k, const struct arrival *a)
{
    struct kept_stream *t = k->sides[a->side];
    struct stream_rare *rare = keep_rare(s, t);
    const struct frame *frame = a->packet->frame;
    char text[120];

    if (!rare)
        return;
    rare->shed_from = t->stored > 0 ? shed_stored_to(s, k, a->side) : INT64_MIN;
    if (t->carried && rare->carried_to > rare->shed_from)
        rare->shed_from = rare->carried_to;
    rare->shed_to = INT64_MIN;
    t->shed = true;
    if (rare->shed_from > INT64_MIN)
        snprintf(text, sizeof text,
                 "the %s's payload is kept up to position %" PRId64
                 ": more came than could be written",
                 a->side == SIDE_CLIENT ? "client" : "server", rare->shed_from);
    else
        snprintf(text, sizeof text,
                 "none of the %s's payload is kept: more came than could be written",
                 a->side == SIDE_CLIENT ? "client" : "server");
    oddities_add(s, &k->oddities, frame->evidence_id, frame->number, ODDITY_PAYLOAD_SHED, text);
}

static void count(struct store *s, uint32_t evidence_id)
{
    struct live_store *l = &s->live;
    unsigned i = 0;

    while (i < l->shed_count && l->shed[i].evidence_id != evidence_id)
        i++;
    if (i == SHED_EVIDENCE_MOST)
        return;
    if (i == l->shed_count)
        l->shed[l->shed_count++] = (struct shed_count){.evidence_id = evidence_id};
    l->shed[i].frames++;
}

uint64_t shed_counted(const struct store *s, uint32_t evidence_id)
{
    for (unsigned i = 0; i < s->live.shed_count; i++)
        if (s->live.shed[i].evidence_id == evidence_id)
            return s->live.shed[i].frames;
    return 0;
}

/* The part of an arrival from `position` on, as an arrival that is shed: what it would have brought is missing. */
static void shed_part(struct store *s, struct kept_flow *k, const struct arrival *a,
                      int64_t position)
{
    struct arrival part = *a;
    struct arrival_record record;
    const uint32_t skipped = (uint32_t)(position - a->position);

    if (a->position + a->len > k->sides[a->side]->rare->shed_to)
        k->sides[a->side]->rare->shed_to = a->position + a->len;
    part.position = position;
    part.len = a->len - skipped;
    part.bytes = span_after(a->bytes, skipped < a->bytes.len ? skipped : a->bytes.len);
    count(s, a->packet->frame->evidence_id);
    for (uint32_t i = 0; i < a->fresh_count && a->refused == REFUSED_NOT; i++) {
        int64_t begin = a->fresh[i].begin > position ? a->fresh[i].begin : position;
        if (begin < a->fresh[i].end)
            flow_rows_missing(s, k, a->side, begin, a->fresh[i].end - begin, GAP_SHED, false);
    }
    if (shed_frames(s))
        return;
    for (uint32_t i = 0; i < pieces_count(&part); i++) {
        if (!pieces_at(&record, &part, i))
            continue;
        record.fate = (uint8_t)(FATE_REFUSED + REFUSED_SHED);
        records_add_arrival(s, k, a->side, &record);
    }
}

const struct arrival *shed_arrival(struct store *s, struct kept_flow *k, const struct arrival *a,
                                   struct shed_rest *rest)
{
    struct kept_stream *t = k->sides[a->side];
    const int64_t end = a->position + a->len;

    if (!t->shed && is_wanted(s, t))
        begin(s, k, a);
    if (!t->shed || !t->rare || end <= t->rare->shed_from)
        return a;
    const int64_t from = t->rare->shed_from;
    if (a->position >= from) {
        shed_part(s, k, a, a->position);
        return NULL;
    }
    rest->arrival = *a;
    rest->arrival.len = (uint32_t)(from - a->position);
    rest->arrival.bytes = span_first(a->bytes, (size_t)(from - a->position));
    rest->arrival.fresh = rest->fresh;
    rest->arrival.taken = rest->taken;
    rest->arrival.fresh_count = 0;
    rest->arrival.taken_count = 0;
    for (uint32_t i = 0; i < a->fresh_count && a->fresh[i].begin < from; i++) {
        struct range range = a->fresh[i];
        range.end = range.end < from ? range.end : from;
        rest->fresh[rest->arrival.fresh_count++] = range;
    }
    for (uint32_t i = 0; i < a->taken_count && a->taken[i].begin < from; i++) {
        struct range range = a->taken[i];
        range.end = range.end < from ? range.end : from;
        rest->taken[rest->arrival.taken_count++] = range;
    }
    shed_part(s, k, a, from);
    return &rest->arrival;
}

int64_t shed_believed(struct store *s, struct kept_flow *k, enum side side, int64_t position,
                      int64_t len)
{
    const struct kept_stream *t = k->sides[side];

    if (!t->shed || !t->rare || position + len <= t->rare->shed_from)
        return len;
    int64_t from = t->rare->shed_from > position ? t->rare->shed_from : position;
    if (position + len > t->rare->shed_to)
        t->rare->shed_to = position + len;
    flow_rows_missing(s, k, side, from, position + len - from, GAP_SHED, false);
    return from - position;
}
