/* hits.h - what a search finds, as a table of SQL: a row a hit, while the search goes on.
 *
 *     stream_id, position, length    the hit
 *     version                        kept | conflict | refused
 *     evidence_id, frame, time_ns    of the frame that brought its first byte; of what lost, that which
 *                                    brought the bytes that lost
 *     excerpt_position, excerpt      bytes around its beginning, as far as there is no hole
 *
 * For one statement at a time on the reader's connection; it exists in the connection's temporary names alone,
 * and no case can call it. */
#ifndef SEINE_SEARCH_HITS_H
#define SEINE_SEARCH_HITS_H

#include "search/search.h"

enum { EXCERPT_BEFORE = 16, EXCERPT_HIT = 48, EXCERPT_AFTER = 32 };

struct hits;

/* Who finds them: search_next() or texts_next(). */
struct hits_source {
    enum status (*next)(void *context, struct search_hit *hit, struct error *err);
    void *context;
};

/* Makes the table `search_hits` of what a source finds; both are borrowed until hits_close(), which comes after
 * the last statement is finalized. */
enum status hits_open(struct hits **hits, struct reader *reader, const struct hits_source *source,
                      struct error *err);
void hits_close(struct hits *hits); /* NULL is allowed */

#endif
