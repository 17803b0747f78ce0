/* finder.c - a pattern in runs of bytes, and the hits that it had in them. */
#include "search/finder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void finder_init(struct finder *f, struct pattern *pattern)
{
    *f = (struct finder){.pattern = pattern};
}

void finder_release(struct finder *f)
{
    free(f->hits);
    *f = (struct finder){0};
}

bool finder_take(struct finder *f, struct search_hit *hit)
{
    if (f->at == f->count) {
        f->at = f->count = 0;
        return false;
    }
    *hit = f->hits[f->at++];
    f->sums.hits++;
    return true;
}

static bool make_room(struct finder *f)
{
    if (f->count < f->room)
        return true;
    size_t more = f->room ? 2 * f->room : 64;
    struct search_hit *grown = realloc(f->hits, more * sizeof *grown);
    if (!grown)
        return false;
    f->hits = grown;
    f->room = more;
    return true;
}

static void on_found(void *context, int64_t begin, int64_t end)
{
    struct finder *f = context;

    if (f->hit.version != SEARCH_KEPT && (end <= f->hit.begin || begin >= f->hit.end))
        return;
    if (!make_room(f)) {
        f->no_memory = true;
        return;
    }
    f->hits[f->count] = f->hit;
    f->hits[f->count].begin = begin;
    f->hits[f->count].end = end;
    f->count++;
}

static struct pattern_sink sink_for(struct finder *f, int64_t stream_id)
{
    f->hit = (struct search_hit){.stream_id = stream_id, .version = SEARCH_KEPT};
    return (struct pattern_sink){on_found, f};
}

enum status finder_give_up(struct finder *f, int64_t stream_id, enum status status,
                           const struct error *why, struct error *err)
{
    if (status != STATUS_DAMAGED) {
        if (status == STATUS_FAILED && err != why)
            *err = *why;
        return status;
    }
    if (f->sums.given_up++ == 0)
        snprintf(f->reason, sizeof f->reason, "stream %" PRId64 ": %.500s", stream_id, why->text);
    return STATUS_OK;
}

enum status finder_end(struct finder *f, int64_t stream_id, struct scan **run, struct error *err)
{
    struct pattern_sink sink = sink_for(f, stream_id);
    struct error why = {0};
    struct scan *ended = *run;

    *run = NULL;
    if (!ended)
        return STATUS_OK;
    return finder_give_up(f, stream_id, scan_end(ended, &sink, &why), &why, err);
}

enum status finder_feed(struct finder *f, int64_t stream_id, struct scan **run, struct span bytes,
                        struct error *err)
{
    struct pattern_sink sink = sink_for(f, stream_id);
    struct error why = {0};
    enum status status = scan_feed(*run, bytes, &sink, &why);

    if (status != STATUS_OK) {
        scan_drop(*run);
        *run = NULL;
    }
    return finder_give_up(f, stream_id, status, &why, err);
}

enum status finder_whole(struct finder *f, int64_t stream_id, int64_t position, struct span bytes,
                         struct error *err)
{
    struct pattern_sink sink = sink_for(f, stream_id);
    struct error why = {0};

    return finder_give_up(f, stream_id, pattern_scan(f->pattern, position, bytes, &sink, &why),
                          &why, err);
}

enum status finder_lost(struct finder *f, const struct search_hit *lost, int64_t position,
                        struct span bytes, struct error *err)
{
    struct pattern_sink sink = sink_for(f, lost->stream_id);
    struct error why = {0};

    f->hit = *lost;
    return finder_give_up(f, lost->stream_id,
                          pattern_scan(f->pattern, position, bytes, &sink, &why), &why, err);
}
