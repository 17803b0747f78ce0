/* streams.c - the case that a function of SQL reads streams of, and its evidence. */
#include "store/streams.h"

#include <stdlib.h>

struct streams_source {
    struct evidence_finder finder; /* take is NULL where nobody reads evidence */
    unsigned uses;
};

struct streams_source *streams_source_share(struct streams_source *source)
{
    source->uses++;
    return source;
}

void streams_source_drop(void *shared)
{
    struct streams_source *source = shared;

    if (--source->uses > 0)
        return;
    if (source->finder.free)
        source->finder.free(source->finder.context);
    free(source);
}

enum status streams_enter(struct streams *s, struct streams_source *source, sqlite3 *db,
                          const char *schema, struct error *err)
{
    *s = (struct streams){.source = source};
    enum status status = reader_borrow(&s->reader, db, schema, err);
    if (status == STATUS_OK)
        status = reader_check(s->reader, err);
    if (status == STATUS_OK && source->finder.take)
        status = source->finder.take(source->finder.context, &s->evidence, s->reader, err);
    if (status == STATUS_OK)
        reader_set_evidence(s->reader, s->evidence);
    return status;
}

void streams_leave(struct streams *s)
{
    reader_close(s->reader);
    if (s->evidence)
        s->source->finder.give_back(s->source->finder.context, s->evidence);
    *s = (struct streams){0};
}

enum status streams_register(sqlite3 *db, const struct evidence_finder *finder, struct error *err)
{
    struct streams_source *source = malloc(sizeof *source);

    if (!source) {
        if (finder)
            finder->free(finder->context);
        return error_no_memory(err, "no memory for the functions of streams");
    }
    *source = (struct streams_source){.finder = finder ? *finder : (struct evidence_finder){0},
                                      .uses = 1};
    enum status status = streams_functions_register(db, source, err);
    if (status == STATUS_OK)
        status = streams_table_register(db, source, err);
    streams_source_drop(source);
    return status;
}
