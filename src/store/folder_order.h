/* folder_order.h - slices in the order of their times.
 *
 * Slices come one after the other, but the time in which one has rows may reach into that of the next: captures of
 * several interfaces are not sorted, and cases that are named may be of the same hour. So rows in the order of their
 * time are merged: a slice must be open from where it may have its first row, until its last one was given. How
 * many are open at once is the depth of the folder. What may lie anywhere, since nobody has asked the slice yet or it is
 * still being written, is open from the beginning. */
#ifndef SEINE_STORE_FOLDER_ORDER_H
#define SEINE_STORE_FOLDER_ORDER_H

#include "store/folder.h"

/* The most slices whose times have an instant in common; SIZE_MAX for want of memory. */
size_t folder_depth(const struct folder *folder);

/* Where a slice comes in, and which. */
struct slice_turn {
    int64_t bound; /* it has no row before */
    uint32_t number;
};

/* The slices that may have what is wished for, by the time from which they may have rows, ascending; backwards, by
 * the time up to which. It is a list of its own: what is learned meanwhile changes nothing. */
struct slice_walk {
    bool backwards;
    struct slice_turn *turns; /* owned */
    size_t count, at;         /* the next one */
};

/* STATUS_FAILED for want of memory. Asks nobody anything. */
enum status slice_walk_open(struct slice_walk *walk, const struct folder *folder,
                            const struct folder_wish *wish, bool backwards, struct error *err);
void slice_walk_close(struct slice_walk *walk); /* zeros are allowed */

/* The next one; NULL when there is none. */
static inline const struct slice_turn *slice_walk_next(const struct slice_walk *walk)
{
    return walk->at < walk->count ? &walk->turns[walk->at] : NULL;
}

/* Whether a time comes before another in the walk's direction. */
static inline bool slice_walk_before(const struct slice_walk *walk, int64_t time, int64_t other)
{
    return walk->backwards ? time > other : time < other;
}

#endif
