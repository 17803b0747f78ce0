/* origin.h - where a byte of a stream came from: which frame brought it first.
 *
 * The first segment, in the order of arrival, that was accepted and has the byte. Where a right segment took
 * positions over from one with a wrong checksum, the row of the conflict names the frame of what is kept.
 * A chunk knows before which part of the arrivals none of its bytes came, so that a byte of a long stream is
 * found in a few parts of it. */
#ifndef SEINE_SEARCH_ORIGIN_H
#define SEINE_SEARCH_ORIGIN_H

#include "store/reader.h"

struct origins;

/* The reader is borrowed. */
enum status origins_open(struct origins **origins, struct reader *reader, struct error *err);
void origins_close(struct origins *origins); /* NULL is allowed */

/* STATUS_END where nothing says so: in a case that was changed. */
enum status origin_find(struct origins *origins, struct arrival_record *record, int64_t stream_id,
                        int64_t position, struct error *err);

#endif
