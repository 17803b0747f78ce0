/* streams.h - what functions of SQL that read streams have in common: the case, and who reads its evidence. */
#ifndef SEINE_STORE_STREAMS_H
#define SEINE_STORE_STREAMS_H

#include "store/reader.h"
#include "store/tables.h"

/* A finder, shared by all that were registered together. */
struct streams_source;
struct streams_source *streams_source_share(struct streams_source *source);
void streams_source_drop(void *source);

/* A case, for as long as a stream of it is read. */
struct streams {
    struct reader *reader;
    struct streams_source *source;         /* borrowed */
    const struct payload_source *evidence; /* NULL: nobody reads it */
};

/* The case in a schema of a connection. To be ended by streams_leave() also when it fails. */
enum status streams_enter(struct streams *streams, struct streams_source *source, sqlite3 *db,
                          const char *schema, struct error *err);
void streams_leave(struct streams *streams); /* also of one that is all zeros */

/* The parts of streams_register(). */
enum status streams_functions_register(sqlite3 *db, struct streams_source *source,
                                       struct error *err);
enum status streams_table_register(sqlite3 *db, struct streams_source *source, struct error *err);

#endif
