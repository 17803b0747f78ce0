/* pool.h - nodes of one size, in slabs, under the budget.
 *
 *     slab 0 [node][node][node]...   slab 1 [node][node]...
 *                └── free list ──────────────┘
 *
 * pool_new() is a pointer popped off a list; pool_free() pushes it back, so the node used last is
 * used next, while it is warm. Slabs are charged to the budget as they are taken, and stay with the
 * pool until pool_release(). */
#ifndef SEINE_BASE_POOL_H
#define SEINE_BASE_POOL_H

#include "base/budget.h"

#include <stddef.h>

struct pool_node {
    struct pool_node *next;
};

struct pool_slab;

struct pool {
    struct budget *budget; /* borrowed for the life of the pool */
    size_t node_len;       /* bytes, a multiple of the strictest alignment */
    size_t slab_count;     /* nodes in a slab */
    struct pool_slab *slabs;
    struct pool_node *free;
    size_t used_count; /* nodes that are out */
};

/* A pool of nodes of `node_len` bytes each, taken about 64 KiB at a time. Takes nothing yet. */
void pool_init(struct pool *p, struct budget *budget, size_t node_len);

/* A node, its bytes zero, aligned for any object; NULL when the budget or the machine has no room. */
void *pool_new(struct pool *p);

/* Gives a node back; NULL is allowed. */
void pool_free(struct pool *p, void *node);

/* Frees every slab, whether or not nodes are still out, and gives the bytes back to the budget. */
void pool_release(struct pool *p);

#endif
