/* budget.h - the one number of memory that the user gave, and who has how much of it.
 *
 * Everything that grows with the traffic charges its bytes here before it takes them: slabs of
 * pools, the flow table's buckets, waiting fragments, open chunks, queues. SQLite's cache is set
 * aside once at the start. What does not fit is not taken: the owner applies the rule that its
 * header states, and records that it did. Only clean pages of mapped captures are not counted, since
 * the kernel takes them back at will.
 *
 * Not thread-safe: a budget belongs to one thread, and other threads get a part of their own. */
#ifndef SEINE_BASE_BUDGET_H
#define SEINE_BASE_BUDGET_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

struct budget {
    size_t limit; /* bytes */
    size_t used;  /* bytes, at most limit */
    size_t peak;  /* the highest `used` so far */
};

static inline void budget_init(struct budget *b, size_t limit)
{
    *b = (struct budget){.limit = limit};
}

/* Charges `len` bytes, or charges nothing and says false when they would not fit. */
static inline bool budget_take(struct budget *b, size_t len)
{
    if (len > b->limit - b->used)
        return false;
    b->used += len;
    if (b->used > b->peak)
        b->peak = b->used;
    return true;
}

static inline void budget_give(struct budget *b, size_t len)
{
    assert(len <= b->used);
    b->used -= len;
}

#endif
