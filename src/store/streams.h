/* streams.h - what functions of SQL that read streams have in common: the case, and its evidence.
 *
 * Payload that is not in the case but in its captures is read by the function evidence_bytes(), if the connection has
 * that: who lets a query open files registers it (pipeline/files.h), be it in this extension or in the other one, before
 * or after. */
#ifndef SEINE_STORE_STREAMS_H
#define SEINE_STORE_STREAMS_H

#include "store/layout.h"
#include "store/reader.h"

/* A case, for as long as a stream of it is read. It stays where it is meanwhile. */
struct streams {
    struct reader *reader;
    struct payload_source evidence;
    sqlite3_stmt *bytes; /* of evidence; NULL where the connection has nothing that reads it */
};

/* The case in a schema of a connection; `checked` is the caller's, of this connection. To be ended by streams_leave() also when it fails. */
enum status streams_enter(struct streams *streams, struct reader_checked *checked, sqlite3 *db,
                          const char *schema, struct error *err);
void streams_leave(struct streams *streams); /* also of one that is all zeros */

#endif
