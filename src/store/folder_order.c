/* folder_order.c - slices in the order of their times. */
#include "store/folder_order.h"

#include <stdlib.h>

/* Whether the times of all its rows are known: they lie from first_ns to last_ns. */
static bool is_bounded(const struct slice *s)
{
    return s->known && !s->growing && s->first_ns <= s->last_ns;
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

size_t folder_depth(const struct folder *folder)
{
    size_t count = folder_slice_count(folder), bounded = 0, anywhere = 0, depth = 0, ended = 0;
    int64_t *begins = malloc((2 * count + 1) * sizeof *begins);

    if (!begins)
        return SIZE_MAX;
    int64_t *ends = begins + count;
    for (size_t i = 0; i < count; i++) {
        const struct slice *s = folder_slice_at(folder, i);
        if (is_bounded(s)) {
            begins[bounded] = s->first_ns;
            ends[bounded++] = s->last_ns;
        } else if (!s->broken) {
            anywhere++;
        }
    }
    qsort(begins, bounded, sizeof *begins, by_time);
    qsort(ends, bounded, sizeof *ends, by_time);
    for (size_t begun = 0; begun < bounded; begun++) {
        while (ends[ended] < begins[begun])
            ended++;
        if (begun + 1 - ended > depth)
            depth = begun + 1 - ended;
    }
    free(begins);
    return anywhere + depth;
}

static int64_t bound_of(const struct slice *s, bool backwards)
{
    if (!is_bounded(s))
        return backwards ? INT64_MAX : INT64_MIN;
    return backwards ? s->last_ns : s->first_ns;
}

static int by_turn(const void *a, const void *b)
{
    const struct slice_turn *x = a, *y = b;
    if (x->bound != y->bound)
        return x->bound < y->bound ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static int by_turn_backwards(const void *a, const void *b)
{
    return by_turn(b, a);
}

enum status slice_walk_open(struct slice_walk *w, const struct folder *folder,
                            const struct folder_wish *wish, bool backwards, struct error *err)
{
    size_t count = folder_slice_count(folder);

    *w = (struct slice_walk){.backwards = backwards,
                             .turns = malloc((count + 1) * sizeof *w->turns)};
    if (!w->turns)
        return error_no_memory(err, "no memory for the order of the slices");
    for (size_t i = 0; i < count; i++) {
        const struct slice *s = folder_slice_at(folder, i);
        if (folder_allows(folder, s, wish))
            w->turns[w->count++] = (struct slice_turn){bound_of(s, backwards), s->number};
    }
    qsort(w->turns, w->count, sizeof *w->turns, backwards ? by_turn_backwards : by_turn);
    return STATUS_OK;
}

void slice_walk_close(struct slice_walk *w)
{
    free(w->turns);
    *w = (struct slice_walk){0};
}
