/* finder.h - a pattern in runs of bytes, and the hits that it had in them; for search.c. */
#ifndef SEINE_SEARCH_FINDER_H
#define SEINE_SEARCH_FINDER_H

#include "search/search.h"

struct finder {
    struct pattern *pattern; /* borrowed */
    struct search_hit hit;   /* what hits have in common */
    struct search_hit *hits; /* owned: those that were not taken yet */
    size_t count, room, at;
    bool no_memory; /* for a hit */
    struct search_sums sums;
    char reason[640]; /* why the first of sums.given_up was */
};

void finder_init(struct finder *finder, struct pattern *pattern);
void finder_release(struct finder *finder);

/* The next hit of what was searched since the last time there was none; false when there is none. */
bool finder_take(struct finder *finder, struct search_hit *hit);

/* Feeds a run of a stream, or ends it. One in which the pattern could not be looked for to its end is given up: that is
 * told at the end and no failure, and *run is NULL then, as it is behind the end. */
enum status finder_feed(struct finder *finder, int64_t stream_id, struct scan **run,
                        struct span bytes, struct error *err);
enum status finder_end(struct finder *finder, int64_t stream_id, struct scan **run,
                       struct error *err);

/* A run that is whole, from `position` on. */
enum status finder_whole(struct finder *finder, int64_t stream_id, int64_t position,
                         struct span bytes, struct error *err);

/* The same for bytes that lost, `lost`, which stand in a row and among others that were kept: what has none of them is
 * no hit. lost->begin and end are their positions. */
enum status finder_lost(struct finder *finder, const struct search_hit *lost, int64_t position,
                        struct span bytes, struct error *err);

/* Counts something that was given up, for STATUS_DAMAGED; any other status is handed on, with `why` in `err`. */
enum status finder_give_up(struct finder *finder, int64_t stream_id, enum status status,
                           const struct error *why, struct error *err);

#endif
