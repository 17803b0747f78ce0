/* layout_index.h - which arrivals of a stream lie in a stretch of it.
 *
 *     level 0    |    |    |    |    |    |    |    |    |   buckets of 4 KiB of positions
 *     level 1    |                   |                   |   of 128 KiB, and so on, up to 4 GiB
 *
 * An arrival stands on the lowest level whose buckets are as long as it is, in the one in which it begins. So
 * it lies in that and the next one, and a stretch is looked up in the buckets that it touches and one before,
 * on each level.
 *
 * Beside them stand patches: what conflicts say is kept, for 512 positions each. A later one goes over an earlier
 * one, so that many conflicts about the same positions cost no more than one.
 *
 * The index is a database of its own in an unnamed temporary file, which SQLite removes. A row has records that
 * came one after the other and are of one bucket. Arrivals that brought nothing first are left out: the
 * bytes that they have are those of others. */
#ifndef SEINE_STORE_LAYOUT_INDEX_H
#define SEINE_STORE_LAYOUT_INDEX_H

#include "base/error.h"
#include "base/span.h"
#include "store/blobs.h"

#include <stdbool.h>
#include <stdint.h>

struct layout_index;

/* Takes 384 KiB, whatever is in it. */
enum status layout_index_open(struct layout_index **index, struct error *err);
void layout_index_close(struct layout_index *index); /* NULL is allowed */

/* Whether a record has bytes in the capture that no arrival had before it. */
bool layout_index_wants(const struct arrival_record *record);

/* How many parts of a stream's arrivals are in it: those with lower numbers. */
enum status layout_index_parts(struct layout_index *index, int64_t *parts, int64_t stream_id,
                               struct error *err);

/* Puts in a part, a run of records as in a row of arrivals. */
enum status layout_index_add(struct layout_index *index, int64_t stream_id, int64_t part,
                             struct span records, struct error *err);

/* Puts all of a stream out again. */
enum status layout_index_drop(struct layout_index *index, int64_t stream_id, struct error *err);

/* Begins to look for what may lie in [begin, end), and for some more; in any order. */
void layout_index_seek(struct layout_index *index, int64_t stream_id, int64_t begin, int64_t end);

/* The next run of records, to be taken as from a row; STATUS_END after the last. Lives until the next
 * call. */
enum status layout_index_next(struct layout_index *index, struct span *records, struct error *err);

/* What is kept at `position`, whatever arrivals say. */
enum status layout_index_patch(struct layout_index *index, int64_t stream_id, int64_t position,
                               struct span kept, struct error *err);

/* The patches that touch [begin, end), each as `see` is told: runs of bytes that are kept. */
enum status layout_index_patches(struct layout_index *index, int64_t stream_id, int64_t begin,
                                 int64_t end,
                                 void (*see)(void *context, int64_t position, struct span kept),
                                 void *context, struct error *err);

#endif
