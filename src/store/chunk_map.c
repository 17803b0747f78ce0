/* chunk_map.c - which row of chunk_data has which bytes. */
#include "store/chunk_map.h"

#include "base/table.h"

#include <stdlib.h>
#include <string.h>

enum { LOOKS_MOST = 512 }; /* for one row: a stretch that was written byte by byte has thousands */

/* Bytes a row: its place, two links, two of the firsts (there are as many buckets, or fewer), and two to be sorted. */
enum { COST = sizeof(struct chunk_place) + 6 * sizeof(uint32_t) };

bool chunk_map_init(struct chunk_map *m, size_t memory, int64_t stretch)
{
    const size_t room = memory / COST;

    *m = (struct chunk_map){.stretch = stretch,
                            .room = room < UINT32_MAX / 2 ? (uint32_t)room : UINT32_MAX / 2,
                            .buckets = 1};
    while (m->buckets <= m->room / 2)
        m->buckets *= 2;
    m->places = malloc(m->room * sizeof *m->places);
    m->next_near = malloc(m->room * sizeof *m->next_near);
    m->next_of_stream = malloc(m->room * sizeof *m->next_of_stream);
    m->near = calloc(m->buckets, sizeof *m->near); /* the system gives the pages that are used */
    m->streams = calloc(m->buckets, sizeof *m->streams);
    m->order = malloc(m->room * sizeof *m->order);
    m->other = malloc(m->room * sizeof *m->other);
    return m->places && m->next_near && m->next_of_stream && m->near && m->streams && m->order &&
           m->other;
}

void chunk_map_release(struct chunk_map *m)
{
    free(m->places);
    free(m->next_near);
    free(m->next_of_stream);
    free(m->near);
    free(m->streams);
    free(m->order);
    free(m->other);
    *m = (struct chunk_map){0};
}

static int64_t stretch_of(const struct chunk_map *m, int64_t position)
{
    return position / m->stretch - (position % m->stretch < 0);
}

static uint32_t *near_of(const struct chunk_map *m, int64_t stream_id, int64_t position)
{
    const int64_t key[] = {stream_id, stretch_of(m, position)};
    return &m->near[table_hash(key, sizeof key) & (m->buckets - 1)];
}

static uint32_t *stream_of(const struct chunk_map *m, int64_t stream_id)
{
    return &m->streams[table_hash(&stream_id, sizeof stream_id) & (m->buckets - 1)];
}

bool chunk_map_add(struct chunk_map *m, int64_t stream_id, int64_t position)
{
    if (m->count == m->room)
        return false;
    uint32_t *near = near_of(m, stream_id, position), *stream = stream_of(m, stream_id);
    m->places[m->count] = (struct chunk_place){stream_id, position};
    m->next_near[m->count] = *near;
    m->next_of_stream[m->count] = *stream;
    *near = *stream = ++m->count;
    return true;
}

int64_t chunk_map_find(const struct chunk_map *m, int64_t stream_id, int64_t position)
{
    const int64_t stretch = stretch_of(m, position);
    const struct chunk_place *best = NULL;
    unsigned looks = 0;

    for (uint32_t id = *near_of(m, stream_id, position); id > 0; id = m->next_near[id - 1]) {
        const struct chunk_place *at = &m->places[id - 1];
        if (++looks > LOOKS_MOST)
            return -1;
        if (at->stream_id == stream_id && at->position <= position &&
            stretch_of(m, at->position) == stretch && (!best || at->position > best->position))
            best = at;
    }
    return best ? best - m->places + 1 : 0;
}

/* ---- sorting ---- */

static bool is_before(const struct chunk_map *m, uint32_t one, uint32_t other)
{
    const struct chunk_place *a = &m->places[one - 1], *z = &m->places[other - 1];

    return a->stream_id != z->stream_id ? a->stream_id < z->stream_id
           : a->position != z->position ? a->position < z->position
                                        : one < other;
}

static void merge(const struct chunk_map *m, uint32_t *to, const uint32_t *from, uint32_t middle,
                  uint32_t end)
{
    uint32_t left = 0, right = middle;

    for (uint32_t i = 0; i < end; i++) {
        bool from_right = left == middle || (right < end && is_before(m, from[right], from[left]));
        to[i] = from_right ? from[right++] : from[left++];
    }
}

/* Sorts the ids in m->order, and hardly looks at what is sorted already. */
static void sort(struct chunk_map *m, uint32_t count)
{
    for (uint64_t width = 1; width < count; width *= 2) {
        bool sorted = true;
        for (uint32_t i = 1; i < count && sorted; i++)
            sorted = is_before(m, m->order[i - 1], m->order[i]);
        if (sorted)
            return;
        for (uint64_t at = 0; at < count; at += 2 * width) {
            const uint64_t left = count - at;
            merge(m, m->other + at, m->order + at, (uint32_t)(width < left ? width : left),
                  (uint32_t)(2 * width < left ? 2 * width : left));
        }
        uint32_t *swap = m->order;
        m->order = m->other;
        m->other = swap;
    }
}

uint32_t chunk_map_sort_stream(struct chunk_map *m, int64_t stream_id)
{
    uint32_t count = 0;

    for (uint32_t id = *stream_of(m, stream_id); id > 0; id = m->next_of_stream[id - 1])
        if (m->places[id - 1].stream_id == stream_id)
            m->order[count++] = id;
    for (uint32_t i = 0; i < count / 2; i++) { /* the last comes first in a chain */
        uint32_t swap = m->order[i];
        m->order[i] = m->order[count - 1 - i];
        m->order[count - 1 - i] = swap;
    }
    sort(m, count);
    return count;
}

uint32_t chunk_map_sort(struct chunk_map *m)
{
    for (uint32_t i = 0; i < m->count; i++)
        m->order[i] = i + 1;
    sort(m, m->count);
    return m->count;
}
