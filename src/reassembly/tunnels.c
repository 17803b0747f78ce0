/* tunnels.c - the paths through tunnels, each with a number. */
#include "reassembly/tunnels.h"

#include "base/budget.h"
#include "base/table.h"

#include <stdlib.h>
#include <string.h>

struct tunnel {
    UT_hash_handle hh;
    uint16_t number;
    char path[];
};

struct tunnels {
    struct tunnel *table; /* uthash's head */
    struct budget budget;
    struct tunnel *last; /* the one asked for last, as packets come in trains; or NULL */
};

struct tunnels *tunnels_new(size_t memory)
{
    struct tunnels *t = calloc(1, sizeof *t);
    if (t)
        budget_init(&t->budget, memory);
    return t;
}

void tunnels_free(struct tunnels *t)
{
    if (!t)
        return;
    for (struct tunnel *u = t->table, *next; u; u = next) {
        next = u->hh.next;
        HASH_DEL(t->table, u);
        free(u);
    }
    free(t);
}

size_t tunnels_memory_peak(const struct tunnels *t)
{
    return t->budget.peak;
}

/* NULL when there is no room for another. */
static struct tunnel *add(struct tunnels *t, const char *path, size_t len)
{
    const size_t number = HASH_COUNT(t->table) + 1;
    const size_t cost = sizeof(struct tunnel) + len + 1 + sizeof(UT_hash_bucket);

    if (number >= TUNNEL_OTHER || !budget_take(&t->budget, cost))
        return NULL;
    struct tunnel *u = malloc(sizeof *u + len + 1);
    if (u) {
        u->number = (uint16_t)number;
        memcpy(u->path, path, len + 1);
        HASH_ADD_KEYPTR(hh, t->table, u->path, len, u);
        if (u->hh.tbl)
            return u;
        free(u); /* no memory for the table itself */
    }
    budget_give(&t->budget, cost);
    return NULL;
}

static struct tunnel *find(struct tunnels *t, const char *path)
{
    const size_t len = strlen(path);
    struct tunnel *u = NULL;

    if (t->last && strcmp(t->last->path, path) == 0)
        return t->last;
    HASH_FIND(hh, t->table, path, len, u);
    if (!u)
        u = add(t, path, len);
    if (u)
        t->last = u;
    return u;
}

uint16_t tunnels_number(struct tunnels *t, const char **text, const char *path)
{
    const struct tunnel *u = NULL;
    uint16_t number = TUNNEL_NONE;

    if (*path) {
        u = find(t, path);
        number = u ? u->number : TUNNEL_OTHER;
    }
    if (text)
        *text = u ? u->path : *path ? "other" : NULL;
    return number;
}
