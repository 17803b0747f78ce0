/* memory.h - buffers of a few sizes, under the writer's share of the budget.
 *
 *     56  88  120  184  248  376 ... 12280  16376
 *
 * What the writer keeps of a live flow (its struct, blobs, chunks being filled) comes and goes in
 * these sizes, so that a buffer given back by one flow serves the next. Buffers given back wait on
 * a shelf, still charged; when the budget has no room those are freed first. Who may be
 * asked to give more back is for the caller to know: memory_take() then says NULL. */
#ifndef SEINE_STORE_MEMORY_H
#define SEINE_STORE_MEMORY_H

#include "base/budget.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A buffer and what the C library keeps beside it are a multiple of 16 together, with nothing lost. */
enum { MEMORY_CLASSES = 17, MEMORY_LEAST = 64, MEMORY_BESIDE = 8 };
enum { MEMORY_MOST = (MEMORY_LEAST << (MEMORY_CLASSES / 2)) - MEMORY_BESIDE };

struct memory_shelved;

struct memory {
    struct budget budget;
    size_t over; /* bytes taken by force, beyond the budget */
    struct memory_shelved *shelves[MEMORY_CLASSES];
    size_t shelved[MEMORY_CLASSES]; /* bytes on each */
};

/* Bytes of a buffer of this class. */
static inline size_t memory_len(unsigned size_class)
{
    size_t all = ((size_t)MEMORY_LEAST + (size_class & 1) * (MEMORY_LEAST / 2))
                 << (size_class >> 1);
    return all - MEMORY_BESIDE;
}

/* The smallest class that holds `len` bytes, at most MEMORY_MOST. */
static inline unsigned memory_class(size_t len)
{
    assert(len <= MEMORY_MOST);
    size_t all = len + MEMORY_BESIDE;
    if (all <= MEMORY_LEAST)
        return 0;
    /* in which doubling of MEMORY_LEAST it lies, and in which half of that */
    unsigned doubled = 63 - (unsigned)__builtin_clzll((all - 1) / MEMORY_LEAST);
    size_t between = (size_t)(MEMORY_LEAST + MEMORY_LEAST / 2) << doubled;
    return 2 * doubled + (all <= between ? 1 : 2);
}

void memory_init(struct memory *m, size_t limit);
void memory_release(struct memory *m); /* frees the shelves; what is out must have come back */

/* The same where the process ends soon: what lies on the shelves is left to the kernel, since to give back millions of
 * buffers one by one takes seconds. */
void memory_leave(struct memory *m);

/* Frees what is on the shelves until `len` bytes of the budget are free, or they are empty. */
void memory_make_room(struct memory *m, size_t len);

/* A buffer; its bytes are anything. NULL when the budget, or the machine, has no room. */
void *memory_take(struct memory *m, unsigned size_class);

/* The same, beyond the budget when it must be: for what cannot be written early, and is bounded
 * elsewhere. NULL only when the machine has no room. */
void *memory_force(struct memory *m, unsigned size_class);

void memory_give(struct memory *m, void *buffer, unsigned size_class); /* NULL is allowed */

/* For memory that comes from elsewhere: charges `len` bytes, or says false. */
bool memory_charge(struct memory *m, size_t len);
void memory_discharge(struct memory *m, size_t len);

#endif
