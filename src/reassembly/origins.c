/* origins.c - where flows come from, kept once. */
#include "reassembly/origins.h"

#include "base/table.h"

#include <stdlib.h>
#include <string.h>

struct origin_node {
    struct origin origin;
    UT_hash_handle hh;
    uint32_t number;          /* its own for good, whatever it holds */
    uint32_t flows;           /* how many have it */
    struct origin_node *next; /* among those that are free */
};

/* What one costs: its node, its place in `at` while that is copied to twice the room, and its part of the
 * table's buckets. */
enum {
    BUCKETS_COST = 3 * sizeof(UT_hash_bucket),
    COST = sizeof(struct origin_node) + 3 * sizeof(struct origin_node *) + BUCKETS_COST,
    ROOM_FIRST = 16,
};

void origins_init(struct origins *o, size_t memory)
{
    *o = (struct origins){.table = NULL};
    budget_init(&o->budget, memory);
}

void origins_release(struct origins *o)
{
    HASH_CLEAR(hh, o->table);
    for (uint32_t i = 1; i < o->count; i++)
        free(o->at[i]);
    free(o->at);
    *o = (struct origins){.table = NULL};
}

static bool grow(struct origins *o)
{
    const uint32_t room = o->room ? o->room * 2 : ROOM_FIRST;

    if (o->count > 0 && o->count < o->room)
        return true;
    struct origin_node **at = realloc(o->at, room * sizeof *at);
    if (!at)
        return false;
    o->at = at;
    o->room = room;
    if (o->count == 0)
        o->at[o->count++] = NULL;
    return true;
}

/* A node with a number, in no table. */
static struct origin_node *node_new(struct origins *o)
{
    struct origin_node *node = o->free;

    if (node) {
        o->free = node->next;
        return node;
    }
    if (!budget_take(&o->budget, COST))
        return NULL;
    node = grow(o) ? calloc(1, sizeof *node) : NULL;
    if (!node) {
        budget_give(&o->budget, COST);
        return NULL;
    }
    node->number = o->count;
    o->at[o->count++] = node;
    return node;
}

static void node_free(struct origins *o, struct origin_node *node)
{
    node->next = o->free;
    o->free = node;
}

static struct origin_node *find(const struct origins *o, const struct origin *origin)
{
    struct origin_node *node = o->last;

    if (node && memcmp(&node->origin, origin, sizeof *origin) == 0)
        return node;
    HASH_FIND(hh, o->table, origin, sizeof *origin, node);
    return node;
}

uint32_t origins_take(struct origins *o, const struct origin *origin)
{
    struct origin_node *node = find(o, origin);

    if (!node) {
        node = node_new(o);
        if (!node)
            return 0;
        node->origin = *origin;
        node->flows = 0;
        HASH_ADD(hh, o->table, origin, sizeof *origin, node);
        if (!node->hh.tbl) {
            node_free(o, node);
            return 0;
        }
        TABLE_BOUND(node->hh, (HASH_COUNT(o->table) + ROOM_FIRST) * BUCKETS_COST);
    }
    node->flows++;
    o->last = node;
    return node->number;
}

void origins_give(struct origins *o, uint32_t number)
{
    struct origin_node *node = o->at[number];

    if (--node->flows > 0)
        return;
    HASH_DEL(o->table, node);
    if (o->last == node)
        o->last = NULL;
    node_free(o, node);
}

const struct origin *origins_at(const struct origins *o, uint32_t number)
{
    return &o->at[number]->origin;
}
