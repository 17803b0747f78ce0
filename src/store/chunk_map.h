/* chunk_map.h - which row of chunk_data has which bytes, while rows of it are written past SQLite and their index is not
 * there yet.
 *
 *     stream_id, position ──► chunk_id
 *
 * Ids are those of the rows, counted from 1 in the order in which they are added. A row lies within one aligned
 * stretch of its stream (chunks.c), and is found by that; and all rows of a stream are found together. At the end, or when
 * there is no room for more, it gives the order of the index. */
#ifndef SEINE_STORE_CHUNK_MAP_H
#define SEINE_STORE_CHUNK_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a row begins. */
struct chunk_place {
    int64_t stream_id, position;
};

struct chunk_map {
    struct chunk_place *places;           /* owned; the row chunk_id is places[chunk_id - 1] */
    uint32_t *next_near, *next_of_stream; /* owned; ids of rows with the same hash; 0: none */
    uint32_t *near, *streams;             /* owned; the first of each chain; a power of two */
    uint32_t *order, *other;              /* owned; for sorting */
    uint32_t count, room, buckets;
    int64_t stretch; /* positions: how many one has */
};

/* Within so many bytes. False when there is no memory: then comes chunk_map_release() all the same. */
bool chunk_map_init(struct chunk_map *m, size_t memory, int64_t stretch);
void chunk_map_release(struct chunk_map *m);

/* The next row. False when there is no room for it. */
bool chunk_map_add(struct chunk_map *m, int64_t stream_id, int64_t position);

/* The row of a stream that begins at `position`, or last before it in the same stretch; 0: none; -1: so many rows are there
 * that an index is better. */
int64_t chunk_map_find(const struct chunk_map *m, int64_t stream_id, int64_t position);

/* Puts the ids of a stream's rows, or of all, into m->order, sorted by stream and position. Returns how many. */
uint32_t chunk_map_sort_stream(struct chunk_map *m, int64_t stream_id);
uint32_t chunk_map_sort(struct chunk_map *m);

#endif
