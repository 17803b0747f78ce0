/* table.h - uthash, set up once.
 *
 * Include this instead of <uthash.h>. A table that finds no memory does not end the process: the
 * object that was to be added is simply not in the table, and its `hh.tbl` is NULL afterwards. The
 * hash is XXH3 with a seed drawn at start, so that nobody on the wire can choose who collides. Nothing
 * may depend on the order in which a table is walked. Buckets come from calloc(): of a table that begins
 * with many, the system gives only the pages that are used. */
#ifndef SEINE_BASE_TABLE_H
#define SEINE_BASE_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* The seeded hash of `len` bytes; the same bytes give the same value within one process only. */
uint32_t table_hash(const void *key, size_t len);

/* Draws the seed from the system once; called by the first hash, or earlier for a known cost. */
void table_seed(void);

#define HASH_NONFATAL_OOM 1
#define uthash_malloc(len) calloc(1, (len))
#define uthash_bzero(at, len) ((void)0) /* nothing but what uthash_malloc() has just given */
#define HASH_FUNCTION(key, len, value) ((value) = table_hash((key), (len)))
#include <uthash.h>

/* To be called after an object was added: keeps what the buckets take, while they double too, within
 * `most` bytes, which may rise and fall. Chains become longer then, no more. Set aside as many for a table
 * that grows. */
#define TABLE_BOUND(handle, most)                                                        \
    do {                                                                                 \
        if ((handle).tbl)                                                                \
            (handle).tbl->noexpand =                                                     \
                (size_t)(handle).tbl->num_buckets * 3 * sizeof(UT_hash_bucket) > (most); \
    } while (0)

#endif
