/* memory.c - buffers of a few sizes, under the writer's share of the budget. */
#include "store/memory.h"

#include <stdlib.h>

struct memory_shelved {
    struct memory_shelved *next;
};

void memory_init(struct memory *m, size_t limit)
{
    *m = (struct memory){0};
    budget_init(&m->budget, limit);
}

/* Frees a buffer of the shelf on which the most bytes lie; false when all are empty. The others stay for
 * who asks next: what one flow gave back is what the next one wants. */
static bool clear_one(struct memory *m)
{
    unsigned most = 0;

    for (unsigned c = 1; c < MEMORY_CLASSES; c++)
        if (m->shelved[c] > m->shelved[most])
            most = c;
    struct memory_shelved *buffer = m->shelves[most];
    if (!buffer)
        return false;
    m->shelves[most] = buffer->next;
    m->shelved[most] -= memory_len(most);
    free(buffer);
    memory_discharge(m, memory_len(most) + MEMORY_BESIDE);
    return true;
}

void memory_release(struct memory *m)
{
    for (unsigned c = 0; c < MEMORY_CLASSES; c++) {
        while (m->shelves[c]) {
            struct memory_shelved *buffer = m->shelves[c];
            m->shelves[c] = buffer->next;
            free(buffer);
            memory_discharge(m, memory_len(c) + MEMORY_BESIDE);
        }
        m->shelved[c] = 0;
    }
}

/* So that they can be reached to the end: nothing is lost track of. */
static struct memory left;

void memory_leave(struct memory *m)
{
    memory_release(&left);
    left = *m;
    *m = (struct memory){0};
}

void memory_make_room(struct memory *m, size_t len)
{
    while (m->budget.limit - m->budget.used < len && clear_one(m))
        continue;
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
    if (buffer) {
        m->shelves[size_class] = buffer->next;
        m->shelved[size_class] -= memory_len(size_class);
    }
    return buffer;
}

void *memory_take(struct memory *m, unsigned size_class)
{
    void *buffer = off_shelf(m, size_class);
    if (buffer)
        return buffer;
    size_t cost = memory_len(size_class) + MEMORY_BESIDE;
    while (!memory_charge(m, cost))
        if (!clear_one(m))
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
            m->over += memory_len(size_class) + MEMORY_BESIDE;
    }
    return buffer;
}

void memory_give(struct memory *m, void *buffer, unsigned size_class)
{
    if (!buffer)
        return;
    if (m->over > 0) { /* beyond the budget nothing is put by */
        free(buffer);
        memory_discharge(m, memory_len(size_class) + MEMORY_BESIDE);
        return;
    }
    struct memory_shelved *shelved = buffer;
    shelved->next = m->shelves[size_class];
    m->shelves[size_class] = shelved;
    m->shelved[size_class] += memory_len(size_class);
}
