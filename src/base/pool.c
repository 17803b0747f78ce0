/* pool.c - nodes of one size, in slabs. */
#include "base/pool.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SLAB_LEN = 64 * 1024 };

struct pool_slab {
    struct pool_slab *next;
    alignas(max_align_t) unsigned char nodes[];
};

static size_t slab_len(const struct pool *p)
{
    return sizeof(struct pool_slab) + p->slab_count * p->node_len;
}

void pool_init(struct pool *p, struct budget *budget, size_t node_len)
{
    const size_t alignment = alignof(max_align_t);

    assert(node_len > 0);
    if (node_len < sizeof(struct pool_node))
        node_len = sizeof(struct pool_node);
    node_len = (node_len + alignment - 1) / alignment * alignment;
    size_t count = (SLAB_LEN - sizeof(struct pool_slab)) / node_len;
    *p = (struct pool){.budget = budget, .node_len = node_len, .slab_count = count ? count : 1};
}

static bool pool_grow(struct pool *p)
{
    if (!budget_take(p->budget, slab_len(p)))
        return false;
    struct pool_slab *slab = malloc(slab_len(p));
    if (!slab) {
        budget_give(p->budget, slab_len(p));
        return false;
    }
    slab->next = p->slabs;
    p->slabs = slab;
    for (size_t i = p->slab_count; i-- > 0;) { /* backwards, so that nodes leave in address order */
        struct pool_node *node = (void *)(slab->nodes + i * p->node_len);
        node->next = p->free;
        p->free = node;
    }
    return true;
}

void *pool_new(struct pool *p)
{
    if (!p->free && !pool_grow(p))
        return NULL;
    struct pool_node *node = p->free;
    p->free = node->next;
    p->used_count++;
    return memset(node, 0, p->node_len);
}

void pool_free(struct pool *p, void *node)
{
    if (!node)
        return;
    struct pool_node *n = node;
    assert(p->used_count > 0);
    n->next = p->free;
    p->free = n;
    p->used_count--;
}

void pool_release(struct pool *p)
{
    while (p->slabs) {
        struct pool_slab *slab = p->slabs;
        p->slabs = slab->next;
        free(slab);
        budget_give(p->budget, slab_len(p));
    }
    p->free = NULL;
    p->used_count = 0;
}
