/* carry.c - flows that go on in the next slice of a folder.
 *
 *     slice 1   [AAAAAA]        [BB]          row: flow 1, `continued`
 *     slice 2          [CCCCCCCC]  [DDDD]     row: flow 2, continues 1; counts, bytes and hash of what came since
 *
 * Positions go on. What came again of an earlier slice cannot be compared with bytes that are not here: such a part is
 * an arrival with the fate `refused: earlier_slice`, and brings nothing. */
#include "store/writer.h"

#include <string.h>

static void carry_stream(struct store *s, struct kept_flow *k, enum side side, int64_t stored_to)
{
    struct kept_stream *t = k->sides[side];
    struct stream_rare *rare = keep_rare(s, t);
    const bool had = t->stored > 0;

    chunks_forget(s, t);
    t->taken = t->told = false;
    t->arrivals.parts = 0;
    if (!rare)
        return;
    rare->missing = rare->truncated = rare->missing_tail = rare->conflicted = 0;
    rare->tail_lost = false;
    if (!t->carried || (had && stored_to > rare->carried_to))
        rare->carried_to = had ? stored_to : INT64_MIN;
    if (t->shed &&
        rare->shed_to > rare->carried_to) /* what was not kept is asked for no more than what was */
        rare->carried_to = rare->shed_to;
    t->shed = false; /* the next slice may have the room that this one had not */
    t->carried = t->idle = true;
}

void carry_flow(struct store *s, const struct flow *flow, struct kept_flow *k)
{
    int64_t to[2] = {0, 0};

    for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
        if (k->sides[side] && k->sides[side]->stored > 0)
            to[side] = shed_stored_to(s, k, side);
    flow_rows_write(s, flow, k, "continued");
    for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
        if (k->sides[side])
            carry_stream(s, k, side, to[side]);
    if (!k->base)
        k->base = keep_room(s, memory_class(sizeof *k->base));
    if (!k->base)
        return;
    *k->base = (struct kept_base){.continues = k->flow_id};
    for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
        const struct side_state *of = &flow->sides[side];
        k->base->packets[side] = of->packets;
        k->base->bytes[side] = of->bytes;
        k->base->ip_bytes[side] = of->ip_bytes;
        k->base->frame_bytes[side] = of->frame_bytes;
        k->base->again[side] = flow_retransmitted(flow, side);
        k->base->carried[side] = flow_carried(flow, side);
    }
    k->flow_id = 0;
    k->frames.parts = 0;
    k->told = k->oddities_told = false;
}

bool carry_crosses(const struct kept_stream *t, const struct arrival *a)
{
    return t->carried && t->rare && a->refused == REFUSED_NOT && a->bytes.len > 0 &&
           a->position < t->rare->carried_to;
}

/* A part of an arrival, cut at its ends. */
struct part {
    struct arrival arrival;
    struct range fresh, taken[2];
};

static void cut(struct part *part, const struct arrival *a, int64_t begin, int64_t end,
                bool is_fresh)
{
    const size_t skipped = (size_t)(begin - a->position);

    part->arrival = *a;
    part->arrival.position = begin;
    part->arrival.len = (uint32_t)(end - begin);
    part->arrival.bytes = span_first(span_after(a->bytes, skipped), (size_t)(end - begin));
    part->fresh = (struct range){begin, end};
    part->arrival.fresh = &part->fresh;
    part->arrival.fresh_count = is_fresh;
    part->arrival.taken = part->taken;
    part->arrival.taken_count = 0;
}

static void tell_earlier(struct store *s, struct kept_flow *k, const struct arrival *a)
{
    struct arrival_record record;

    for (uint32_t i = 0; i < pieces_count(a); i++) {
        if (!pieces_at(&record, a, i))
            continue;
        record.fate = (uint8_t)(FATE_REFUSED + REFUSED_EARLIER);
        records_add_arrival(s, k, a->side, &record);
    }
}

/* The range of `count` that holds `at`, or else the next one behind it; NULL when there is none. */
static const struct range *range_at(const struct range *ranges, uint32_t count, int64_t at)
{
    for (uint32_t i = 0; i < count; i++)
        if (ranges[i].end > at)
            return &ranges[i];
    return NULL;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void carry_arrival(struct store *s, struct kept_flow *k, const struct arrival *a,
                   void (*keep)(struct store *s, struct kept_flow *k, const struct arrival *a))
{
    const int64_t carried_to = k->sides[a->side]->rare->carried_to;
    const int64_t captured_to = a->position + (int64_t)a->bytes.len;
    struct part part;

    for (int64_t at = a->position, to; at < captured_to; at = to) {
        const struct range *fresh = range_at(a->fresh, a->fresh_count, at);
        const struct range *taken = range_at(a->taken, a->taken_count, at);
        const bool is_fresh = fresh && fresh->begin <= at;
        const bool is_taken = taken && taken->begin <= at;

        to = captured_to;
        if (fresh)
            to = least(to, is_fresh ? fresh->end : fresh->begin);
        if (taken)
            to = least(to, is_taken ? taken->end : taken->begin);
        if (!is_fresh && at < carried_to)
            to = least(to, carried_to);
        cut(&part, a, at, to, is_fresh);
        if (is_taken)
            part.taken[part.arrival.taken_count++] = (struct range){at, to};
        if (to == captured_to) /* what the snap length cut comes with the last one */
            part.arrival.len = (uint32_t)(a->position + a->len - at);
        if (!is_fresh && at < carried_to)
            tell_earlier(s, k, &part.arrival);
        else
            keep(s, k, &part.arrival);
    }
}
