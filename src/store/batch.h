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
#include "store/leaves.h"
#include "store/seal_sum.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BATCH_ROWS_MOST = 1024,
    BATCH_ROW_BYTES = 20 * 1024, /* of texts and blobs of one row, at most */
    BATCH_SETS = 4,              /* of rows: who fills them may be so far ahead of who writes */
};

/* How much may wait. */
struct batch_size {
    int rows;     /* at most BATCH_ROWS_MOST */
    size_t bytes; /* of texts and blobs; at least BATCH_ROW_BYTES */
};

/* A table and its columns, in their order. */
struct batch_table_name {
    const char *table, *columns;
    int column_count;
    const char *key,
        *renewed; /* what BATCH_RENEWS goes by, and sets; NULL: its rows never come again */
    bool later;   /* batch_later() is called, once a row at most */
};

/* How rows are written. As an image: only where the table was declared by us, and its first column is its
 * INTEGER PRIMARY KEY. Renewed: a row whose key is there takes the place of that one. */
enum batch_how { BATCH_AS_TABLE, BATCH_AS_IMAGE, BATCH_RENEWS };

/* Text of a row that is made before that row is written, by another thread: `fill` puts it where there is room for it. */
typedef void batch_fill(uint8_t *to, struct span from);
struct batch_later {
    batch_fill *fill;
    uint8_t *to;      /* in the bytes of this batch, or of one that is written after it */
    struct span from; /* in the bytes of this one */
};

/* Rows that wait, or are being written. */
struct batch_rows {
    struct row_value *cells; /* owned; batch.size.rows times `columns` */
    uint8_t *bytes;          /* owned; batch.size.bytes */
    size_t bytes_len;
    int count;
    struct batch_later *later; /* owned; as many as rows; NULL: there are none */
    int later_count;
};

struct batch {
    sqlite3_stmt *statement;
    struct batch_size size;
    int columns;
    struct batch_rows sets[BATCH_SETS], *filling;
    unsigned set_count;
    struct image image;    /* without bytes: there is none, but a virtual table */
    struct leaves *leaves; /* borrowed; NULL: rows are not written past SQLite */
    struct leaves_tree tree;
    int64_t highest[2]; /* the highest key of those written so far */

    /* Those being written, in the order of their keys. */
    const struct row_value *order[BATCH_ROWS_MOST];
    int order_first, order_end;
    int summed; /* those that have been added up, or must not be */

    /* The digest of all rows so far, as the seal has it; while `in_order`. */
    struct seal_sum sum;
    int64_t last[2]; /* the key of the last row */
    int key_columns; /* the first ones, which order the rows; 0: nothing is added up */
    bool in_order;
};

/* SQLite's code. After a failure comes batch_release() all the same.
 * `set_count`: 1 to BATCH_SETS; with more than one, others are filled while one is written by another thread. */
int batch_init(struct batch *b, sqlite3 *db, const struct batch_table_name *of,
               struct batch_size size, enum batch_how how, unsigned set_count);
/* Has rows that come in the order of their keys written past SQLite, while there are enough of them. The first two values
 * of a row are its key where the table has no rowid, else the first. SQLite's code. */
int batch_past_sqlite(struct batch *b, struct leaves *leaves, const struct batch_table_name *of,
                      bool without_rowid);
void batch_release(struct batch *b); /* before the database is closed; what waits is lost */

/* Whether a row more may not fit: then those that wait are written first. */
static inline bool batch_full(const struct batch *b)
{
    return b->filling->count == b->size.rows ||
           b->filling->bytes_len + BATCH_ROW_BYTES > b->size.bytes;
}

/* Values of the row after the last, columns counted from 1; those that are not put are NULL. Then
 * batch_add() makes it a row. */
static inline struct row_value *batch_cell(struct batch *b, int at)
{
    assert(b->filling->count < b->size.rows && at >= 1 && at <= b->columns);
    return &b->filling->cells[b->filling->count * b->columns + at - 1];
}

static inline void batch_put_null(struct batch *b, int at)
{
    batch_cell(b, at)->type = SQLITE_NULL;
}

static inline void batch_put_int(struct batch *b, int at, int64_t value)
{
    struct row_value *cell = batch_cell(b, at);
    cell->type = SQLITE_INTEGER;
    cell->number = value;
}

void batch_put_text(struct batch *b, int at, struct span text);
struct span batch_put_blob(struct batch *b, int at, struct span bytes); /* where they are now */

/* A text that a call of batch_later(), of this batch or of one that is written before it, puts there. Of the bytes that a row
 * may have it takes as many; what it is made from, which batch_keep() copies, counts as well. */
uint8_t *batch_put_room(struct batch *b, int at, size_t len);
struct span batch_keep(struct batch *b, struct span bytes);
void batch_later(struct batch *b, batch_fill *fill, uint8_t *to, struct span from);
bool batch_later_moves(struct batch *b, const uint8_t *from,
                       uint8_t *to); /* of the last two; false: it is not among these */
void batch_add(struct batch *b);

/* Has the rows from now on added up, which are all of their table. The columns must be all that it has,
 * in its order, the first `key_columns` of them (one or two, integers) its primary key. False when there
 * is no memory. */
bool batch_sum_begin(struct batch *b, int key_columns);

/* What batch_sum_begin() began. Rows that did not come in the order of their keys are read again past SQLite, where that can
 * be; else false: SQLite must read them. No statement may be at work. */
bool batch_sum_end(struct batch *b, uint8_t value[DIGEST_LEN]);

static inline bool batch_is_empty(const struct batch *b)
{
    return !b->filling || b->filling->count == 0;
}

/* Takes the rows that wait; others are added to the next set from now on, whose rows must have been written. */
struct batch_rows *batch_turn(struct batch *b);

/* Makes what batch_later() was told of them, before they are written. */
void batch_make(const struct batch_rows *rows);

/* Writes what batch_turn() took, in that order. `alone`: no statement of the connection is at work. SQLite's code; SQLITE_ABORT
 * when b->leaves says what failed. */
int batch_write(struct batch *b, struct batch_rows *rows, bool alone);

/* Forgets it instead. */
void batch_drop(struct batch_rows *rows);

#endif
