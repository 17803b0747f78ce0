/* ranges.h - which positions of a stream are held: sorted, disjoint, never touching ranges.
 *
 *     held   [0..........1460)      [2920...4380)
 *     add            [1000..............3000)        fresh: [1460, 2920)
 *     held   [0..........................4380)
 *
 * A stream that arrives in order is one range, which lies in the struct itself; more live on the heap,
 * charged to the budget, up to a ceiling that is given at each add. */
#ifndef SEINE_REASSEMBLY_RANGES_H
#define SEINE_REASSEMBLY_RANGES_H

#include "base/budget.h"

#include <stdbool.h>
#include <stdint.h>

/* Positions from begin up to, not including, end. Never empty inside a set. */
struct range {
    int64_t begin, end;
};

enum { RANGES_MAX = 4096 };

struct ranges {
    union {
        struct range one;   /* while there is no room for more: the range, if there is one */
        struct range *more; /* owned */
    };
    uint16_t count;
    uint16_t room; /* of `more`; 0 while there never was more than one range */
};
_Static_assert(RANGES_MAX <= UINT16_MAX / 2, "room may be up to twice the most that is held");

/* An all-zero struct is an empty set. */
void ranges_release(struct ranges *r, struct budget *budget);

static inline const struct range *ranges_items(const struct ranges *r)
{
    return r->room ? r->more : &r->one;
}

/* Adds [begin, end), begin < end. Writes the parts that were not in the set before to `fresh`, which
 * has room for RANGES_MAX + 1, in order, and how many to *fresh_count. False, with nothing changed,
 * when the set would grow past RANGES_MAX ranges or the budget has no room. */
bool ranges_add(struct ranges *r, struct range *fresh, uint32_t *fresh_count, int64_t begin,
                int64_t end, struct budget *budget);

/* Takes [begin, end) out. Writes the parts that were in it as ranges_add() does. False, with nothing
 * changed, when a range would have to be split and there is no room. */
bool ranges_cut(struct ranges *r, struct range *cut, uint32_t *cut_count, int64_t begin,
                int64_t end, struct budget *budget);

/* The index of the first range that ends after `position`; `count` when there is none. */
uint32_t ranges_find(const struct ranges *r, int64_t position);

#endif
