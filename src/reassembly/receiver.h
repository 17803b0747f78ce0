/* receiver.h - which segment each position is taken from, as a receiver with an overlap policy does.
 *
 *     delivered ────────►│ next
 *     [............ ..... )     [held)[held)   [held)      sorted, disjoint
 *                               └── who brought it, and where that segment lay
 *
 * Segments are given in the order in which they arrive, without their bytes: a run says who brought
 * its positions, and whoever asks has the bytes. What is contiguous with `next` is delivered at once,
 * in rising order, and is never taken back; what is not is held. A policy that is absolute has no next
 * position: all is held until the end.
 *
 * Ceiling: RECEIVER_HELD_MAX runs are held, about 4 MiB. Past it the receiver waits for its first hole no
 * more: what lies behind it is delivered. It does not depend on the user's budget, so that a view is the
 * same everywhere. An absolute policy has no hole to wait for, and no ceiling: its caller bounds what
 * it gives. Time: O(log n) a segment, and one step for each run that it overlaps. */
#ifndef SEINE_REASSEMBLY_RECEIVER_H
#define SEINE_REASSEMBLY_RECEIVER_H

#include "reassembly/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RECEIVER_HELD_MAX = 65536 };

/* Positions that one segment brings. */
struct receiver_run {
    int64_t begin, end;
    uint64_t frame; /* who brought it, as it was given */
    uint32_t evidence_id;
};

struct receiver_node;

struct receiver {
    const struct policy *policy;
    int64_t next;                /* all below it is delivered */
    struct receiver_node *nodes; /* a treap in an array; [0] is nobody */
    uint32_t root, unused;
    uint32_t node_count, node_room, held_count;
    uint64_t random;
    struct receiver_run *due; /* delivered, and not told yet */
    size_t due_at, due_count, due_room;
    uint32_t *spare; /* indices, while a segment is put in */
    uint32_t spare_room;
};

/* `next` is the first position that is waited for. */
void receiver_init(struct receiver *r, const struct policy *policy, int64_t next);
void receiver_release(struct receiver *r);

/* The next segment to arrive. False when there is no memory. */
bool receiver_take(struct receiver *r, const struct receiver_run *came);

/* Nothing more will come: what is held is due, in order. False when there is no memory. */
bool receiver_end(struct receiver *r);

/* The next run that was delivered, in order of position; false when there is none yet. */
bool receiver_next(struct receiver *r, struct receiver_run *run);

#endif
