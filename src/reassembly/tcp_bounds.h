/* tcp_bounds.h - which positions can belong to a side of a connection; private to this room.
 *
 *          floor          acked     next                         ceiling
 *            │······[held]··│··[held]│·····························│
 *      before the SYN                        the receiver's window
 *
 * The window is the largest that the receiver has offered, and at least 1 MiB: a watcher sees offers
 * late, or not at all, and a wide bound costs nothing, since what lies in it twice is a conflict, and
 * said. Where a SYN is missing the scale of the window is not known, and the largest scale counts. */
#ifndef SEINE_REASSEMBLY_TCP_BOUNDS_H
#define SEINE_REASSEMBLY_TCP_BOUNDS_H

#include "reassembly/flow.h"

#include <stdbool.h>
#include <stdint.h>

/* How far apart two sequence numbers of one connection may lie where nothing else is known. */
enum { BOUNDS_WINDOW_LEAST = 1 << 20 };

/* Whether it is known where this side's numbers are: its SYN was seen, or bytes of it are held. Until
 * then a segment may lie anywhere. */
static inline bool bounds_known(const struct side_state *us)
{
    return us->has_syn || side_held_count(us) > 0;
}

/* The lowest position held; 0 when nothing is. */
int64_t bounds_lowest(const struct side_state *us);

/* One past the highest position that is known to have been sent: it came, or was acknowledged. What a
 * sequence number means is told from there. */
static inline int64_t bounds_highest(const struct side_state *us)
{
    return us->has_acked && us->acked > us->next ? us->acked : us->next;
}

/* The lowest position that can belong to the stream of `side`. */
int64_t bounds_floor(const struct flow *f, enum side side);

/* One past the highest position that can. */
int64_t bounds_ceiling(const struct flow *f, enum side side);

/* Whether [begin, end) lies within these bounds only because the scale of the window is not known: it
 * is taken, and called odd. */
bool bounds_need_scale(const struct flow *f, enum side side, int64_t begin, int64_t end);

/* Whether [begin, end) surely lies within these bounds, and needs no scale, since it is no further from
 * the stream's end than any window: nearly always. */
static inline bool bounds_hold(const struct side_state *us, int64_t begin, int64_t end)
{
    bool is_behind_start = us->has_syn ? begin >= us->syn : side_held_count(us) > 0;
    return is_behind_start && begin >= us->next - BOUNDS_WINDOW_LEAST &&
           end <= us->next + BOUNDS_WINDOW_LEAST;
}

#endif
