/* search.h - a pattern looked for in the payload of a case.
 *
 *     stream_data   [..][....][.]        small streams: a row each
 *     chunk_data    [1][2][1][3][1]      the others, as their chunks came to be written
 *     ────────────────────────────► rowid
 *
 * Both are read from front to end as they lie in the file, however many streams are mixed in them: each
 * stream that is begun has a run (search/pattern.h) that waits for its next chunk. Streams whose rows are not
 * in the order of their positions, few and known beforehand from the index, come afterwards, one by one; so do
 * those that find SEARCH_RUNS others begun, and, for a regular expression, all large ones. Where payload is in
 * its evidence, or one flow is asked for, all are read one by one.
 *
 * A hole ends a run: no hit reaches over missing bytes. What is searched are the bytes that the case keeps,
 * of each position the first that was accepted. With `losers` also what lost: each segment that was
 * refused, alone, and each run of bytes in conflict, between the bytes that are kept around it.
 *
 * Hits of a stream come in the order of their positions; streams as their payload lies in the case, so equal
 * cases give equal hits in equal order. Memory: what a run needs (pattern.h), times SEARCH_RUNS at
 * most, and the hits of one chunk. */
#ifndef SEINE_SEARCH_SEARCH_H
#define SEINE_SEARCH_SEARCH_H

#include "search/pattern.h"
#include "store/reader.h"

enum {
    SEARCH_RUNS = 16384,    /* streams that wait for their next chunk */
    SEARCH_LATER = 1 << 20, /* streams known to be read one by one; with more, all are */
    SEARCH_AROUND = 256,    /* kept bytes on each side of bytes that lost */
};

enum search_version { SEARCH_KEPT, SEARCH_CONFLICT, SEARCH_REFUSED };

/* "kept", "conflict", "refused"; static. */
const char *search_version_name(enum search_version version);

struct search_options {
    int64_t flow_id; /* negative: all */
    int side;        /* 0 client, 1 server, negative both */
    bool losers;
};

struct search_hit {
    int64_t stream_id;
    int64_t begin, end; /* positions */
    enum search_version version;
    int64_t row_id; /* of conflicts or refused, where it is in bytes that lost */
};

/* What a search went through; true at its end. */
struct search_sums {
    uint64_t bytes;      /* of kept payload */
    uint64_t lost_bytes; /* of that which lost */
    uint64_t hits;
    uint64_t given_up; /* streams, or rows that lost, that were not searched to their end */
};

struct search;

/* Both are borrowed until search_close(). Until then the reader's connection is in a transaction, so that all is of the
 * case as it is now, though it may be written meanwhile. */
enum status search_open(struct search **search, struct reader *reader, struct pattern *pattern,
                        const struct search_options *options, struct error *err);
void search_close(struct search *search); /* NULL is allowed */

/* The next hit: STATUS_OK, STATUS_END. STATUS_FAILED where the case or its evidence cannot be read. */
enum status search_next(struct search *search, struct search_hit *hit, struct error *err);

const struct search_sums *search_sums(const struct search *search);

/* Why the first of sums.given_up was; "" while there is none. */
const char *search_first_reason(const struct search *search);

#endif
