/* rest.c - what is kept of a flow of which all is written, until it ends.
 *
 *     kept_flow ── sides ─► kept_stream, kept_stream     ──►     kept_flow, with all of it in the place of these
 *
 * Where memory has run out, what both sides have closed is written soon, and ends two minutes later by the capture's
 * clock: there are many more of these then than of flows that live, and what each of them keeps is not there for the payload
 * of those. The same holds where there are so many flows that even hashes are given up. Of nearly all of them no more is
 * kept than hashes and counts, which lie where the diary lay. When something comes after all, or it ends, it is an
 * ordinary flow again. */
#include "store/writer.h"

#include <assert.h>
#include <string.h>

/* Whether hash and counts are all that there is of a stream. */
static bool is_simple(const struct store *s, const struct kept_stream *t)
{
    const bool holds = t->arrivals.data || t->rare || (!t->settled && (t->slots || t->digest));
    const bool odd = t->rehash || t->taken || t->told || t->shed || t->behind || t->carried ||
                     t->idle || t->arrivals.pace > 0;

    return !holds && !odd && t->settled == s->hash && t->start == 0 && t->stored <= UINT32_MAX &&
           t->rows <= UINT8_MAX && t->arrivals.parts > 0 && t->arrivals.parts <= UINT8_MAX;
}

void rest_fold(struct store *s, struct kept_flow *k)
{
    struct kept_rest rest = {.flow_id = 0};
    struct kept_stream *streams[2] = {NULL, NULL};
    unsigned small = 0;
    bool awaited = false;

    assert(!k->is_rest);
    if (k->is_diary || s->diaries.frames_most == 0 || s->live.on || k->oddities || k->base ||
        k->frames.data || k->frames.pace > 0 || k->frames.parts > UINT16_MAX)
        return;
    rest.flow_id = k->flow_id;
    rest.frames_parts = (uint16_t)k->frames.parts;
    for (int side = 0; side < 2; side++) {
        struct kept_stream *t = k->sides[side];
        if (!t)
            continue;
        if (!is_simple(s, t))
            return;
        rest.stored[side] = (uint32_t)t->stored;
        rest.rows[side] = (uint8_t)t->rows;
        rest.arrivals_parts[side] = (uint8_t)t->arrivals.parts;
        small |= (unsigned)t->small << side;
        awaited |= t->awaited;
        if (t->awaited && !insert_later_moves(&s->insert, t->value, t->value))
            return; /* it may be being made there: all stays as it is */
    }
    rest.made_in = s->insert.given;
    for (int side = 0; side < 2; side++) {
        struct kept_stream *t = k->sides[side];
        if (!t)
            continue;
        if (t->awaited)
            (void)insert_later_moves(&s->insert, t->value, k->rest.values[side]);
        else if (t->settled)
            memcpy(rest.values[side], t->value, DIGEST_LEN);
        streams[side] = t;
    }
    for (int side = 0; side < 2; side++)
        memory_give(&s->memory, streams[side], memory_class(sizeof *streams[side]));
    k->rest = rest;
    k->rest_small = small & 3u;
    k->rest_awaited = awaited;
    k->is_rest = true;
}

void rest_await(struct store *s, struct kept_flow *k)
{
    if (k->rest_awaited)
        insert_made(&s->insert, k->rest.made_in);
    k->rest_awaited = false;
}

bool rest_unfold(struct store *s, struct kept_flow *k)
{
    assert(k->is_rest);
    rest_await(s, k);

    const struct kept_rest rest = k->rest;
    const unsigned small = k->rest_small;
    k->is_rest = false;
    keep_is_ordinary(k);
    k->flow_id = rest.flow_id;
    k->frames.parts = rest.frames_parts;
    for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
        if (rest.arrivals_parts[side] == 0)
            continue;
        struct kept_stream *t = keep_stream_by_force(s, k, side);
        if (!t)
            return false;
        t->stored = rest.stored[side];
        t->rows = rest.rows[side];
        t->small = small >> side & 1u;
        t->arrivals.parts = rest.arrivals_parts[side];
        t->settled = s->hash;
        if (s->hash)
            memcpy(t->value, rest.values[side], DIGEST_LEN);
    }
    return true;
}
