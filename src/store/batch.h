/* batch.h - rows that wait, so that one statement writes many.
 *
 *     INSERT INTO flows SELECT * FROM image_flows.flows
 *
 * where image_flows is a database in memory that the rows that wait here are laid out as (image.h), or
 *
 *     INSERT INTO arrivals (...) SELECT * FROM batch_arrivals
 *
 * where batch_arrivals is a virtual table over them: for tables without rowid, and for a case that is
 * added to, whose tables need not be declared as ours are. A statement a row costs as much again as the
 * row. Values are copied, so that their owner may go. */
#ifndef SEINE_STORE_BATCH_H
#define SEINE_STORE_BATCH_H

#include "base/span.h"
#include "store/image.h"
#include "store/seal_sum.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BATCH_ROWS = 128,
    BATCH_BYTES = 64 * 1024,     /* of texts and blobs */
    BATCH_ROW_BYTES = 20 * 1024, /* of one row, at most */
};

/* A table and its columns, in their order. */
struct batch_table_name {
    const char *table, *columns;
    int column_count;
};

struct batch {
    sqlite3_stmt *statement;
    struct image_value *cells; /* owned; BATCH_ROWS times `columns` */
    uint8_t *bytes;            /* owned; BATCH_BYTES */
    size_t bytes_len;
    int columns, rows;
    struct image image; /* without bytes: there is none, but a virtual table */

    /* The digest of all rows so far, as the seal has it; while `in_order`. */
    struct seal_sum sum;
    int64_t last[2]; /* the key of the last row */
    int key_columns; /* the first ones, which order the rows; 0: nothing is added up */
    bool in_order;
};

/* `as_image`: the table was declared by us, and its first column is its INTEGER PRIMARY KEY. SQLite's
 * code. After a failure comes batch_release() all the same. */
int batch_init(struct batch *b, sqlite3 *db, const struct batch_table_name *of, bool as_image);
void batch_release(struct batch *b); /* before the database is closed; what waits is lost */

/* Whether a row more may not fit: then batch_write() comes first. */
static inline bool batch_full(const struct batch *b)
{
    return b->rows == BATCH_ROWS || b->bytes_len + BATCH_ROW_BYTES > BATCH_BYTES;
}

/* Values of the row after the last, columns counted from 1; those that are not put are NULL. Then
 * batch_add() makes it a row. */
void batch_put_null(struct batch *b, int at);
void batch_put_int(struct batch *b, int at, int64_t value);
void batch_put_text(struct batch *b, int at, struct span text);
struct span batch_put_blob(struct batch *b, int at, struct span bytes); /* where they are now */
void batch_add(struct batch *b);

/* Has the rows from now on added up, which are all of their table. The columns must be all that it has,
 * in its order, the first `key_columns` of them (one or two, integers) its primary key. False when there
 * is no memory. */
bool batch_sum_begin(struct batch *b, int key_columns);

/* What batch_sum_begin() began; false when not all rows came in the order of their keys. */
bool batch_sum_end(struct batch *b, uint8_t value[DIGEST_LEN]);

/* Writes the rows that wait. SQLite's code. */
int batch_write(struct batch *b);

#endif
