/* memory.c - buffers of a few sizes, under the writer's share of the budget. */
#include "store/memory.h"

#include <stdlib.h>

struct memory_shelved {
    struct memory_shelved *next;
};

enum { MALLOC_COST = 16 }; /* what the C library keeps beside a buffer */

void memory_init(struct memory *m, size_t limit)
{
    *m = (struct memory){0};
    budget_init(&m->budget, limit);
}

/* Frees what lies on the shelves; false when there was nothing. */
static bool empty_shelves(struct memory *m)
{
    bool any = false;
    for (unsigned c = 0; c < MEMORY_CLASSES; c++) {
        while (m->shelves[c]) {
            struct memory_shelved *buffer = m->shelves[c];
            m->shelves[c] = buffer->next;
            free(buffer);
            memory_discharge(m, memory_len(c) + MALLOC_COST);
            any = true;
        }
    }
    return any;
}

void memory_release(struct memory *m)
{
    empty_shelves(m);
}

bool memory_charge(struct memory *m, size_t len)
{
    return m->over == 0 && budget_take(&m->budget, len);
}

void memory_discharge(struct memory *m, size_t len)
{
    size_t from_over = len < m->over ? len : m->over;
    m->over -= from_over;
    budget_give(&m->budget, len - from_over);
}

static void *off_shelf(struct memory *m, unsigned size_class)
{
    struct memory_shelved *buffer = m->shelves[size_class];
    if (buffer)
        m->shelves[size_class] = buffer->next;
    return buffer;
}

void *memory_take(struct memory *m, unsigned size_class)
{
    void *buffer = off_shelf(m, size_class);
    if (buffer)
        return buffer;
    size_t cost = memory_len(size_class) + MALLOC_COST;
    if (!memory_charge(m, cost) && !(empty_shelves(m) && memory_charge(m, cost)))
        return NULL;
    buffer = malloc(memory_len(size_class));
    if (!buffer)
        memory_discharge(m, cost);
    return buffer;
}

void *memory_force(struct memory *m, unsigned size_class)
{
    void *buffer = memory_take(m, size_class);
    if (!buffer) {
        buffer = malloc(memory_len(size_class));
        if (buffer)
            m->over += memory_len(size_class) + MALLOC_COST;
    }
    return buffer;
}

void memory_give(struct memory *m, void *buffer, unsigned size_class)
{
    if (!buffer)
        return;
    if (m->over > 0) { /* beyond the budget nothing is put by */
        free(buffer);
        memory_discharge(m, memory_len(size_class) + MALLOC_COST);
        return;
    }
    struct memory_shelved *shelved = buffer;
    shelved->next = m->shelves[size_class];
    m->shelves[size_class] = shelved;
}
