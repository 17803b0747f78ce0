/* flow_table.h - where flows lie, and how one is found by its key; private to this room.
 *
 *     bucket    flows, by number
 *     [ 7 ] ──> [7 key ... | 12] ──> [12 key ... | 0]
 *     [ 0 ]
 *     [ 3 ] ──> [3 key ... | 0]
 *
 * Flows name each other by numbers of 32 bits, which are half as long as pointers; 0 is nobody. Nodes lie in
 * slabs of FLOWS_A_SLAB, and never move. Among a million flows a lookup is a wait for memory and little else, so
 * a chain's first flow is one step from its bucket, and nodes begin with a line of the cache.
 *
 * Where a flow comes from is kept in `origins`, or, when these find no room there, in a node of its own, which is
 * then no flow's.
 *
 * Ceilings: the table begins with as many buckets as it can have flows, or up to half as many: moving a million
 * flows to others would hold a frame up for as long as thousands take, and more of them would be further apart. */
#ifndef SEINE_REASSEMBLY_FLOW_TABLE_H
#define SEINE_REASSEMBLY_FLOW_TABLE_H

#include "reassembly/flow.h"
#include "reassembly/origins.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FLOWS_A_SLAB_LOG2 = 13, FLOWS_A_SLAB = 1 << FLOWS_A_SLAB_LOG2 };

struct flow_table {
    uint32_t *buckets; /* owned: the first flow of each chain */
    uint32_t bucket_mask;
    uint32_t made;        /* numbers below it have been given out once */
    uint32_t most;        /* and none from here on is */
    uint32_t free;        /* nodes that are not in use, chained */
    uint32_t first, last; /* in the table, in the order in which they were added */
    uint32_t count;
    struct flow **slabs; /* owned, and so is each */
    struct origins origins;
};

/* `memory` bytes are for buckets and nodes. False when there is not even memory for the buckets. */
bool flow_table_init(struct flow_table *t, size_t memory);

/* Frees all nodes, whether or not they are still in use. */
void flow_table_release(struct flow_table *t);

/* Bytes that buckets and nodes have taken, at most so far. */
size_t flow_table_memory_peak(const struct flow_table *t);

/* A node that is in no chain, its bytes zero but for its number; NULL when there is none left. */
struct flow *flow_node_new(struct flow_table *t);

/* Gives a node back, and with it the place of its origin. */
void flow_node_free(struct flow_table *t, struct flow *flow, uint32_t origin);

/* Remembers where a flow that is new comes from. False when there is no room. */
bool flow_origin_set(struct flow_table *t, struct flow *flow, const struct origin *origin);
const struct origin *flow_origin(const struct flow_table *t, const struct flow *flow);

/* The flow of this number, which is not 0; the second says NULL of 0. */
static inline struct flow *flow_of(const struct flow_table *t, uint32_t number)
{
    return &t->slabs[number >> FLOWS_A_SLAB_LOG2][number & (FLOWS_A_SLAB - 1)];
}
static inline struct flow *flow_at(const struct flow_table *t, uint32_t number)
{
    return number ? flow_of(t, number) : NULL;
}

/* Puts a flow where its key is looked up; no other there has the same. */
void flow_table_add(struct flow_table *t, struct flow *flow);
void flow_table_remove(struct flow_table *t, struct flow *flow);

/* The hash of a key is table_hash()'s. NULL when no flow has it. */
struct flow *flow_table_find(const struct flow_table *t, const struct flow_key *key, uint32_t hash);

/* The same where `near`, a node or NULL, is perhaps that flow, as it was a moment ago. */
static inline struct flow *flow_table_find_near(const struct flow_table *t, struct flow *near,
                                                const struct flow_key *key, uint32_t hash)
{
    if (near && !near->is_rival && flow_key_is(&near->key, key))
        return near;
    return flow_table_find(t, key, hash);
}

/* Asks for the memory that flow_table_find() will read: for the bucket, and then, when that has come, for the
 * first flow there. */
void flow_table_prefetch_bucket(const struct flow_table *t, uint32_t hash);
void flow_table_prefetch_first(const struct flow_table *t, uint32_t hash);

/* Asks for the rest of what a packet of a flow reads, which is not NULL. */
void flow_prefetch(const struct flow *flow);

#endif
