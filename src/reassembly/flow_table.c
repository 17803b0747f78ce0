/* flow_table.c - where flows lie, and how one is found by its key. */
#include "reassembly/flow_table.h"

#include "base/table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    NUMBERS_MOST = INT32_MAX, /* the highest bit says of an origin that it lies in a node */
    ORIGINS_SHARE = 16,       /* the part of the memory that is for them */
    CACHE_LINE = 64,
};

static size_t slab_count(const struct flow_table *t)
{
    return ((size_t)t->most + FLOWS_A_SLAB - 1) / FLOWS_A_SLAB;
}

/* Each packet reads one of the buckets, and of many buckets the processor does not know where most lie: fewer and
 * larger pages it does. The system gives such pages or does not, it is only asked, and only for buckets that
 * fill several: a small table would take a whole one for the first of a few flows. */
static void ask_for_huge_pages(void *at, size_t len)
{
#ifdef MADV_HUGEPAGE
    enum { LEAST = 8 << 20 };
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t skip = (page - (uintptr_t)at % page) % page; /* to where a page begins */

    if (len >= LEAST)
        (void)madvise((char *)at + skip, (len - skip) / page * page, MADV_HUGEPAGE);
#else
    (void)at, (void)len;
#endif
}

bool flow_table_init(struct flow_table *t, size_t memory)
{
    const size_t each = sizeof(struct flow) + sizeof *t->buckets;
    const size_t for_origins = memory / ORIGINS_SHARE;
    size_t most = (memory - for_origins) / each, bucket_count = 1;

    if (most > NUMBERS_MOST)
        most = NUMBERS_MOST;
    while (bucket_count <= most / 2)
        bucket_count *= 2;
    *t = (struct flow_table){.bucket_mask = (uint32_t)(bucket_count - 1),
                             .made = 1,
                             .most = (uint32_t)(most > 1 ? most : 2)};
    t->buckets = calloc(bucket_count, sizeof *t->buckets);
    t->slabs = calloc(slab_count(t), sizeof *t->slabs);
    if (!t->buckets || !t->slabs) {
        free(t->buckets);
        free(t->slabs);
        return false;
    }
    ask_for_huge_pages(t->buckets, bucket_count * sizeof *t->buckets);
    origins_init(&t->origins, for_origins);
    return true;
}

void flow_table_release(struct flow_table *t)
{
    for (size_t i = 0; i < slab_count(t); i++)
        free(t->slabs[i]);
    free(t->slabs);
    free(t->buckets);
    origins_release(&t->origins);
    *t = (struct flow_table){.buckets = NULL};
}

size_t flow_table_memory_peak(const struct flow_table *t)
{
    return ((size_t)t->bucket_mask + 1) * sizeof *t->buckets + t->made * sizeof(struct flow) +
           t->origins.budget.peak;
}

/* ---- nodes ---- */

/* The slab that the next number lies in. */
static bool slab_make(struct flow_table *t)
{
    const size_t slab = t->made >> FLOWS_A_SLAB_LOG2;
    const size_t begin = slab << FLOWS_A_SLAB_LOG2;
    const bool is_whole = t->most - begin >= FLOWS_A_SLAB;
    size_t len = (is_whole ? FLOWS_A_SLAB : t->most - begin) * sizeof(struct flow);

    len = (len + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    t->slabs[slab] = aligned_alloc(CACHE_LINE, len);
    return t->slabs[slab];
}

/* A number that nobody has had; 0 when there is none. */
static uint32_t number_make(struct flow_table *t)
{
    if (t->made == t->most)
        return 0;
    if (!t->slabs[t->made >> FLOWS_A_SLAB_LOG2] && !slab_make(t))
        return 0;
    return t->made++;
}

struct flow *flow_node_new(struct flow_table *t)
{
    uint32_t number = t->free;

    if (number)
        t->free = flow_of(t, number)->chained;
    else
        number = number_make(t);
    if (!number)
        return NULL;
    struct flow *f = flow_of(t, number);
    memset(f, 0, sizeof *f);
    f->number = number;
    return f;
}

static void node_free(struct flow_table *t, struct flow *f)
{
    f->key = (struct flow_key){.protocol = 0}; /* no packet's */
    f->chained = t->free;
    t->free = f->number;
}

/* ---- origins ---- */

static const uint32_t IN_NODE = (uint32_t)1 << 31;

/* Its key stays one that no packet has. */
_Static_assert(sizeof(struct origin) <= sizeof((struct flow){0}.sides), "a node has room for it");

static struct origin *origin_in(const struct flow_table *t, uint32_t number)
{
    return (void *)flow_of(t, number & ~IN_NODE)->sides;
}

bool flow_origin_set(struct flow_table *t, struct flow *f, const struct origin *origin)
{
    f->origin = origins_take(&t->origins, origin);
    if (f->origin)
        return true;
    struct flow *node = flow_node_new(t);
    if (!node)
        return false;
    f->origin = node->number | IN_NODE;
    *origin_in(t, f->origin) = *origin;
    return true;
}

const struct origin *flow_origin(const struct flow_table *t, const struct flow *f)
{
    return f->origin & IN_NODE ? origin_in(t, f->origin) : origins_at(&t->origins, f->origin);
}

void flow_node_free(struct flow_table *t, struct flow *f, uint32_t origin)
{
    if (origin & IN_NODE)
        node_free(t, flow_of(t, origin & ~IN_NODE));
    else if (origin)
        origins_give(&t->origins, origin);
    node_free(t, f);
}

/* ---- chains ---- */

static uint32_t *bucket_of(const struct flow_table *t, uint32_t hash)
{
    return &t->buckets[hash & t->bucket_mask];
}

void flow_table_add(struct flow_table *t, struct flow *f)
{
    uint32_t *bucket = bucket_of(t, table_hash(&f->key, sizeof f->key));

    f->chained = *bucket;
    *bucket = f->number;
    f->added_before = t->last;
    f->added_after = 0;
    if (t->last)
        flow_of(t, t->last)->added_after = f->number;
    else
        t->first = f->number;
    t->last = f->number;
    t->count++;
}

void flow_table_remove(struct flow_table *t, struct flow *f)
{
    uint32_t *from = bucket_of(t, table_hash(&f->key, sizeof f->key));

    while (*from != f->number)
        from = &flow_of(t, *from)->chained;
    *from = f->chained;
    if (f->added_before)
        flow_of(t, f->added_before)->added_after = f->added_after;
    else
        t->first = f->added_after;
    if (f->added_after)
        flow_of(t, f->added_after)->added_before = f->added_before;
    else
        t->last = f->added_before;
    t->count--;
}

struct flow *flow_table_find(const struct flow_table *t, const struct flow_key *key, uint32_t hash)
{
    uint32_t number = *bucket_of(t, hash);

    while (number) {
        struct flow *f = flow_of(t, number);
        if (flow_key_is(&f->key, key))
            return f;
        number = f->chained;
    }
    return NULL;
}

void flow_table_prefetch_bucket(const struct flow_table *t, uint32_t hash)
{
    __builtin_prefetch(bucket_of(t, hash));
}

void flow_table_prefetch_first(const struct flow_table *t, uint32_t hash)
{
    const uint32_t number = *bucket_of(t, hash);
    if (number) { /* its key, and what it is chained by, which may be two lines */
        __builtin_prefetch(flow_of(t, number));
        __builtin_prefetch(&flow_of(t, number)->chained);
    }
}

void flow_prefetch(const struct flow *f)
{
    for (size_t at = CACHE_LINE; at < FLOW_HOT_LEN; at += CACHE_LINE)
        __builtin_prefetch((const char *)f + at);
}
