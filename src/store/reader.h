/* reader.h - a case opened to be read, by any number of processes at any time.
 *
 * The file may be hostile: a schema with triggers and views of its own, wrong types, blobs that make
 * no sense. It is opened read-only, with trusted_schema off, defensive, with no attach and bounded
 * limits, and what is read is checked. One thread at a time. */
#ifndef SEINE_STORE_READER_H
#define SEINE_STORE_READER_H

#include "base/error.h"
#include "store/blobs.h"
#include "store/sqlite.h"

#include <stdbool.h>
#include <stdint.h>

struct reader;
struct payload_source; /* layout.h */

/* Opens a case (also a PATH.partial that a killed run left). The virtual tables of store/tables.h are
 * there. STATUS_FAILED: no such file, a folder, not a SQLite file, not a case (application_id, its
 * promised tables), of a newer schema, locked by its writer for more than five seconds. A case that
 * was cut off in the middle of an addition is first brought back to what it was before, which needs
 * write permission: the one time that a reader writes. */
enum status reader_open(struct reader **reader, const char *path, struct error *err);
void reader_close(struct reader *reader); /* NULL is allowed */

/* A reader on a connection that stays its owner's: for whoever has one already. `schema` is where the
 * case is there, "main" or what it was attached as. */
enum status reader_borrow(struct reader **reader, sqlite3 *db, const char *schema,
                          struct error *err);

/* A reader on a connection that becomes its own, closed with it, also on failure: for what answers like a case
 * and is none (folder_reader.h). `name` is what sentences call it; `interrupt` is called, with `context`, by
 * reader_interrupt(). */
enum status reader_take(struct reader **reader, sqlite3 *db, const char *name,
                        void (*interrupt)(void *context), void *context, struct error *err);

/* Ends what is being read, from a handler of signals too, as long as the reader is open. */
void reader_interrupt(struct reader *reader);

/* Whether what it reads is a case: reader_open() has asked, reader_borrow() has not. */
enum status reader_check(struct reader *reader, struct error *err);

/* The same, asked once of the main database as long as its schema stays what it is, for who is called for each row of
 * a query. One of these for a connection, zeros at first. */
struct reader_checked {
    bool is; /* it was a case when its schema had this version */
    int64_t version;
};
enum status reader_check_once(struct reader *reader, struct reader_checked *checked,
                              struct error *err);

/* The connection, borrowed, for queries of the caller's own. */
sqlite3 *reader_db(struct reader *reader);
const char *reader_path(const struct reader *reader);
const char *reader_schema(const struct reader *reader);

/* What a row says of its evidence's state: `status`, but "interrupted" for one that is "open" though no
 * writer holds the case, and "unknown" for what is no word of ours. Static text. */
const char *reader_evidence_status(struct reader *reader, const char *status);

/* Whether its live run goes on, and stores nothing as long as the disk is full. */
bool reader_sees_pause(const struct reader *reader);

/* Whether a seine writes the case at this moment, which need not be one that can be opened. */
bool reader_sees_writer(const char *path);

/* Who reads payload that is not in the case but in its evidence (ingest --payload reference); borrowed, NULL
 * for nobody. Without it such a stream cannot be read, and a sentence says so. */
void reader_set_evidence(struct reader *reader, const struct payload_source *evidence);
const struct payload_source *reader_evidence(const struct reader *reader);

/* What SQLite said last of this connection, as a sentence about the case; want of memory is marked as such.
 * STATUS_FAILED. */
enum status reader_fault(const struct reader *reader, struct error *err);

/* Prepares a statement; the sentence names the case on failure. */
enum status reader_prepare(struct reader *reader, sqlite3_stmt **statement, const char *sql,
                           struct error *err);

/* The same for a table of the case, wherever the case is: `sql` has "%w" once in place of its schema. */
enum status reader_prepare_own(struct reader *reader, sqlite3_stmt **statement, const char *sql,
                               struct error *err);

/* The frames of a flow, in the order in which they belong to it. */
struct frame_cursor;
enum status frame_cursor_open(struct frame_cursor **cursor, struct reader *reader, int64_t flow_id,
                              struct error *err);
enum status frame_cursor_next(struct frame_cursor *cursor, struct frame_record *record,
                              struct error *err);     /* STATUS_OK, STATUS_END, STATUS_FAILED */
void frame_cursor_close(struct frame_cursor *cursor); /* NULL is allowed */

/* The segments of a stream, in order of arrival. */
struct arrival_cursor;
enum status arrival_cursor_open(struct arrival_cursor **cursor, struct reader *reader,
                                int64_t stream_id, struct error *err);
enum status arrival_cursor_next(struct arrival_cursor *cursor, struct arrival_record *record,
                                struct error *err);
void arrival_cursor_close(struct arrival_cursor *cursor);

/* A stream from front to end: runs of bytes and gaps, in order of position, each beginning where the
 * one before it ended, in pieces of at most one chunk. Positions between two pieces that no row of
 * gaps explains are a gap whose cause is "unexplained": a stream that is still being written, or a
 * case that was changed. STATUS_FAILED where rows overlap or make no sense. */
struct stream_piece {
    int64_t position;
    int64_t length;
    struct span bytes; /* empty for a gap; dies at the next call */
    const char *cause; /* of a gap, else NULL; dies at the next call */
    bool tail;         /* a gap behind the last byte present */
};
struct stream_cursor;
enum status stream_cursor_open(struct stream_cursor **cursor, struct reader *reader,
                               int64_t stream_id, struct error *err);
enum status stream_cursor_next(struct stream_cursor *cursor, struct stream_piece *piece,
                               struct error *err);

/* Before the first piece: may pass over pieces that lie before `position`. What is passed over is not looked
 * at. Of a stream whose bytes come from the evidence nothing is, since these prove themselves as a whole. */
enum status stream_cursor_seek(struct stream_cursor *cursor, int64_t position, struct error *err);
void stream_cursor_close(struct stream_cursor *cursor);

/* Whether the bytes come from the evidence. At the end of such a stream STATUS_FAILED, with a sentence, says
 * that they are not those of the ingest, where their SHA-256 is known. */
bool stream_cursor_by_reference(const struct stream_cursor *cursor);

#endif
