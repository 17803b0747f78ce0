/* tcp_bounds.c - which positions can belong to a side of a connection. */
#include "reassembly/tcp_bounds.h"

enum { WINDOW_WITHOUT_SCALE = 0xffff << 14 }; /* the largest that can be meant (RFC 7323 2.3) */

static const int64_t ANYWHERE = 1ll << 31; /* as far as a sequence number can tell */

int64_t bounds_lowest(const struct side_state *us)
{
    return us->has_stream && us->stream->held.count > 0 ? ranges_items(&us->stream->held)[0].begin
                                                        : 0;
}

/* The largest window that `side` was offered as far as it is known, in bytes. */
static int64_t offered(const struct flow *f, enum side side)
{
    uint32_t window = f->sides[side_other(side)].window;
    return window > BOUNDS_WINDOW_LEAST ? window : BOUNDS_WINDOW_LEAST;
}

/* The scale was agreed on in two SYNs; one SYN without the option is enough to know that there is
 * none (RFC 7323 2.2). */
static bool is_scale_known(const struct flow *f)
{
    const struct side_state *client = &f->sides[SIDE_CLIENT], *server = &f->sides[SIDE_SERVER];

    return (client->has_syn && server->has_syn) || (client->has_syn && !client->has_scale) ||
           (server->has_syn && !server->has_scale);
}

/* The same where the scale may be the largest that there is. */
static int64_t offered_at_most(const struct flow *f, enum side side)
{
    return is_scale_known(f) ? offered(f, side) : WINDOW_WITHOUT_SCALE;
}

int64_t bounds_floor(const struct flow *f, enum side side)
{
    const struct side_state *us = &f->sides[side];

    if (us->has_syn)
        return us->syn;
    return bounds_known(us) ? bounds_lowest(us) - offered_at_most(f, side) : -ANYWHERE;
}

int64_t bounds_ceiling(const struct flow *f, enum side side)
{
    const struct side_state *us = &f->sides[side];

    return bounds_known(us) ? bounds_highest(us) + offered_at_most(f, side) : ANYWHERE;
}

bool bounds_need_scale(const struct flow *f, enum side side, int64_t begin, int64_t end)
{
    const struct side_state *us = &f->sides[side];

    if (!bounds_known(us) || is_scale_known(f))
        return false;
    return end > bounds_highest(us) + offered(f, side) ||
           begin < bounds_lowest(us) - offered(f, side);
}
