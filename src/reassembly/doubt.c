/* doubt.c - what was refused, and is believed by what its receiver shows.
 *
 * A receiver acknowledges only what it has taken. So where it acknowledges bytes that came in no other
 * way than in segments which we refused, we were wrong: the checksum was spoilt by the capture (the
 * host had merged segments, or somebody edited the file), or the window that we knew was not the
 * real one (the capture paused). They count then, provisionally: a segment without a fault that brings
 * the same positions later takes them over, as it does where an attacker's segment with a wrong
 * checksum went before the real one and the capture saw the acknowledgement first. */
#include "reassembly/history.h"
#include "reassembly/tcp_bounds.h"
#include "reassembly/tcp_stream.h"

void rare_mark(const struct segment_context *at, struct ranges *set, int64_t begin, int64_t end)
{
    uint32_t count;
    if (begin < end)
        (void)ranges_add(set, at->taken, &count, begin, end, at->budget);
}

bool is_doubted(const struct side_state *side, int64_t position)
{
    const struct side_rare *rare = side_rare_of(side);

    if (!rare)
        return false;
    const struct ranges *doubted = &rare->doubted;
    uint32_t i = ranges_find(doubted, position - 1);
    return i < doubted->count && ranges_items(doubted)[i].begin <= position;
}

/* The lowest position that may still come into the stream. */
static int64_t lowest_open(const struct side_state *us)
{
    int64_t low = us->has_syn ? us->syn : bounds_lowest(us);
    const struct side_rare *rare = side_rare_of(us);
    return rare && rare->settled && rare->settled_to > low ? rare->settled_to : low;
}

static void believe(const struct segment_context *at, struct flow *f, enum side side,
                    struct range range)
{
    struct side_state *us = &f->sides[side];
    uint32_t count;

    if (!ranges_add(&us->stream->held, at->fresh, &count, range.begin, range.end, at->budget))
        return; /* no memory to remember its place: it stays refused */
    for (uint32_t i = 0; i < count; i++) {
        int64_t len = at->fresh[i].end - at->fresh[i].begin;
        us->stream->bytes += (uint64_t)len;
        history_add(f, side, 'D');
        at->sink->believe(at->sink, f, side, at->fresh[i].begin, len);
        rare_mark(at, &side_rare_of(us)->provisional, at->fresh[i].begin, at->fresh[i].end);
    }
    if (range.end > us->next)
        us->next = range.end;
}

void believe_acknowledged(const struct segment_context *at, struct flow *f, enum side side)
{
    struct side_state *us = &f->sides[side];

    struct side_rare *rare = side_rare_of(us);

    if (!rare || !us->has_acked)
        return;
    struct ranges *doubted = &rare->doubted;
    while (doubted->count > 0 && ranges_items(doubted)[0].begin < us->acked) {
        struct range range = ranges_items(doubted)[0];
        uint32_t count;
        if (range.end > us->acked)
            range.end = us->acked;
        ranges_cut(doubted, at->taken, &count, range.begin, range.end,
                   at->budget); /* off the front */
        if (range.begin < lowest_open(us))
            range.begin = lowest_open(us);
        if (range.begin < range.end)
            believe(at, f, side, range);
    }
}

void heed_acknowledgement(const struct segment_context *at, struct side_state *us, int64_t position)
{
    struct side_rare *rare = side_rare_of(us);
    uint32_t count;

    if (!rare)
        return;

    if (rare->untaken.begin < position) /* taken after all */
        rare->untaken.begin = position < rare->untaken.end ? position : rare->untaken.end;
    uint32_t i = ranges_find(&rare->spoilt, position);
    if (i == rare->spoilt.count || ranges_items(&rare->spoilt)[i].begin > position)
        return;
    ranges_cut(&rare->spoilt, at->taken, &count, position, ranges_items(&rare->spoilt)[i].end,
               at->budget);
}

void believe_uncontradicted(const struct segment_context *at, struct flow *f, enum side side)
{
    const struct side_state *us = &f->sides[side];
    const struct side_rare *rare = side_rare_of(us);

    for (uint32_t i = 0; rare && i < rare->spoilt.count; i++) {
        struct range range = ranges_items(&rare->spoilt)[i];
        if (range.begin < lowest_open(us))
            range.begin = lowest_open(us);
        if (us->has_fin && range.end > side_fin(us))
            range.end = side_fin(us);
        if (range.end > bounds_ceiling(f, side))
            range.end = bounds_ceiling(f, side);
        if (range.begin < range.end && !bounds_need_scale(f, side, range.begin, range.end))
            believe(at, f, side, range);
    }
}
