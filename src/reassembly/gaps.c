/* gaps.c - the holes of a stream, told with their causes.
 *
 *     syn                                    next    acked or fin
 *      │······[held]·····[held]··~~~~[held]~~~│·······│
 *        gap        gap      gap cut          cut      tail
 *
 * A hole is cut at every place where its cause changes: what the snap length cut, what came in refused
 * segments only, what the receiver has acknowledged, and the rest. */
#include "reassembly/history.h"
#include "reassembly/tcp_stream.h"

#include <string.h>

/* The end of the part of [begin, end) that is uniformly inside or outside of `set`. */
static int64_t uniform(const struct ranges *set, int64_t begin, int64_t end, bool *inside)
{
    uint32_t i = ranges_find(set, begin);

    *inside = false;
    if (i == set->count)
        return end;
    const struct range *range = &ranges_items(set)[i];
    if (range->begin > begin)
        return range->begin < end ? range->begin : end;
    *inside = true;
    return range->end < end ? range->end : end;
}

static void tell(const struct segment_context *at, struct flow *f, enum side side, int64_t begin,
                 int64_t end, bool tail)
{
    const struct side_state *us = &f->sides[side];
    static const struct ranges none;

    while (begin < end) {
        bool truncated, refused;
        const struct side_rare *rare = side_rare_of(us);
        int64_t to = uniform(rare ? &rare->truncated : &none, begin, end, &truncated);
        to = uniform(rare ? &rare->refused : &none, begin, to, &refused);
        enum gap_cause cause = GAP_UNKNOWN;
        if (truncated)
            cause = GAP_TRUNCATED;
        else if (refused)
            cause = GAP_REFUSED;
        else if (us->has_acked && us->acked > begin)
            cause = GAP_CAPTURE_LOSS;
        else if (us->has_acked)
            cause = GAP_NETWORK_LOSS;
        if (cause == GAP_CAPTURE_LOSS && us->acked < to)
            to = us->acked;
        at->sink->gap(at->sink, f, side, begin, to - begin, cause, tail && !truncated);
        if (!truncated)
            history_add(f, side, 'G');
        begin = to;
    }
}

/* The ranges that are held, of which there may be none; `one` is where they lie if nothing else has them. */
static const struct range *held_of(const struct side_state *us, struct range *one)
{
    *one = (struct range){0, us->next};
    return us->has_stream ? ranges_items(&us->stream->held) : one;
}

/* Tells the holes before the first `count` held ranges; returns where the last of these ends. */
static int64_t tell_holes(const struct segment_context *at, struct flow *f, enum side side,
                          uint32_t count)
{
    const struct side_state *us = &f->sides[side];
    struct range one;
    const struct range *held = held_of(us, &one);
    const struct side_rare *rare = side_rare_of(us);
    const struct ranges *truncated = rare ? &rare->truncated : NULL;
    const bool settled = rare && rare->settled;

    /* Where the stream begins: at its SYN, or at the lowest position that came. */
    int64_t done = settled ? rare->settled_to : us->syn;
    if (!us->has_syn && !settled) {
        done = side_held_count(us) > 0 ? held[0].begin : 0;
        if (truncated && truncated->count > 0 &&
            (side_held_count(us) == 0 || ranges_items(truncated)[0].begin < done))
            done = ranges_items(truncated)[0].begin;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (held[i].end <= done)
            continue;
        if (held[i].begin > done)
            tell(at, f, side, done, held[i].begin, false);
        done = held[i].end;
    }
    return done;
}

void tcp_settle(const struct segment_context *at, struct flow *f, enum side side)
{
    struct side_state *us = &f->sides[side];
    struct side_rare *rare = side_held_count(us) < 4 ? NULL : side_rare(at, us);

    if (!rare)
        return;
    struct ranges *set = &us->stream->held;
    struct range *held = set->more;
    const uint16_t middle = set->count / 2;
    tell_holes(at, f, side, middle + 1);
    rare->settled = true;
    rare->settled_to = held[middle].begin;
    held[middle].begin = held[0].begin; /* what lies below is closed: one range stands for it */
    set->count = (uint16_t)(set->count - middle);
    memmove(held, held + middle, set->count * sizeof *held);
}

void tcp_tell_gaps(const struct segment_context *at, struct flow *f, enum side side)
{
    struct side_state *us = &f->sides[side];

    if (!us->anchored)
        return;
    believe_uncontradicted(at, f, side);
    int64_t done = tell_holes(at, f, side, side_held_count(us));
    const struct side_rare *rare = side_rare_of(us);
    if (rare && rare->truncated.count > 0) {
        /* The last segments were cut: that is inside the stream, not behind it. */
        const struct ranges *truncated = &rare->truncated;
        int64_t end = ranges_items(truncated)[truncated->count - 1].end;
        if (end > done) {
            tell(at, f, side, done, end, false);
            done = end;
        }
    }
    int64_t known = us->has_acked && us->acked > done ? us->acked : done;
    if (us->has_fin && side_fin(us) > known)
        known = side_fin(us);
    if (known > done)
        tell(at, f, side, done, known, true);
}
