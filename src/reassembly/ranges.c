/* ranges.c - sorted, disjoint ranges of positions. */
#include "reassembly/ranges.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct range *items_of(struct ranges *r)
{
    return r->room ? r->more : &r->one;
}

void ranges_release(struct ranges *r, struct budget *budget)
{
    if (r->room) {
        budget_give(budget, r->room * sizeof *r->more);
        free(r->more);
    }
    *r = (struct ranges){0};
}

uint32_t ranges_find(const struct ranges *r, int64_t position)
{
    const struct range *items = ranges_items(r);
    uint32_t low = 0, high = r->count;

    if (high > 0 && items[high - 1].begin <= position) /* nearly always: at or past the last one */
        return items[high - 1].end > position ? high - 1 : high;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (items[middle].end > position)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Makes room for one range more. */
static bool grow(struct ranges *r, struct budget *budget)
{
    if (r->room == 0 && r->count == 0)
        return true; /* it fits into the struct */
    if (r->count >= RANGES_MAX)
        return false;
    if (r->count < r->room)
        return true;
    uint16_t room = r->room ? (uint16_t)(r->room * 2) : 4;
    size_t grown = (size_t)(room - r->room) * sizeof *r->more;
    if (!budget_take(budget, grown))
        return false;
    struct range *more = realloc(r->room ? r->more : NULL, room * sizeof *more);
    if (!more) {
        budget_give(budget, grown);
        return false;
    }
    if (r->room == 0)
        more[0] = r->one;
    r->more = more;
    r->room = room;
    return true;
}

bool ranges_add(struct ranges *r, struct range *fresh, uint32_t *fresh_count, int64_t begin,
                int64_t end, struct budget *budget)
{
    assert(begin < end);
    struct range *items = items_of(r);

    *fresh_count = 0;
    if (r->count > 0 && items[r->count - 1].end == begin) { /* in order */
        items[r->count - 1].end = end;
        fresh[0] = (struct range){begin, end};
        *fresh_count = 1;
        return true;
    }

    /* Ranges [first, last) overlap or touch the new one, and melt into it. */
    uint32_t first = ranges_find(r, begin);
    if (first > 0 && items[first - 1].end == begin)
        first--;
    uint32_t last = first;
    int64_t at = begin;
    struct range whole = {begin, end};
    while (last < r->count && items[last].begin <= end) {
        if (items[last].begin > at)
            fresh[(*fresh_count)++] = (struct range){at, items[last].begin};
        if (items[last].end > at)
            at = items[last].end;
        last++;
    }
    if (at < end)
        fresh[(*fresh_count)++] = (struct range){at, end};

    if (last == first) { /* stands alone */
        if (!grow(r, budget)) {
            *fresh_count = 0;
            return false;
        }
        items = items_of(r);
        memmove(items + first + 1, items + first, (r->count - first) * sizeof *items);
        items[first] = whole;
        r->count++;
        return true;
    }
    if (items[first].begin < whole.begin)
        whole.begin = items[first].begin;
    if (items[last - 1].end > whole.end)
        whole.end = items[last - 1].end;
    items[first] = whole;
    memmove(items + first + 1, items + last, (r->count - last) * sizeof *items);
    r->count = (uint16_t)(r->count - (last - first - 1));
    return true;
}

bool ranges_cut(struct ranges *r, struct range *cut, uint32_t *cut_count, int64_t begin,
                int64_t end, struct budget *budget)
{
    assert(begin < end);
    *cut_count = 0;
    uint32_t first = ranges_find(r, begin);
    struct range *items = items_of(r);
    if (first == r->count || items[first].begin >= end)
        return true;

    if (items[first].begin < begin && items[first].end > end) { /* splits one in two */
        if (!grow(r, budget))
            return false;
        items = items_of(r);
        memmove(items + first + 1, items + first, (r->count - first) * sizeof *items);
        items[first].end = begin;
        items[first + 1].begin = end;
        r->count++;
        cut[(*cut_count)++] = (struct range){begin, end};
        return true;
    }
    uint32_t keep = first;
    for (uint32_t i = first; i < r->count; i++) {
        struct range whole = items[i];
        int64_t from = whole.begin > begin ? whole.begin : begin;
        int64_t to = whole.end < end ? whole.end : end;
        if (from < to)
            cut[(*cut_count)++] = (struct range){from, to};
        if (from >= to || whole.begin < begin || whole.end > end) { /* something is left of it */
            if (from < to && whole.begin < begin)
                whole.end = begin;
            else if (from < to)
                whole.begin = end;
            items[keep++] = whole;
        }
    }
    r->count = (uint16_t)keep;
    return true;
}
