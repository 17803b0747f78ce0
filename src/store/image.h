/* image.h - rows laid out as SQLite lays them out, so that it can copy instead of making them.
 *
 *     rows ──► leaves ──► a database in memory ──► INSERT INTO main.t SELECT * FROM image.t
 *
 * Between two tables that are declared alike SQLite copies each record as it is (its "transfer
 * optimization"): no value is looked at, none is checked. So it is on us that a row has what its table
 * promises: types, NOT NULL. Only for tables with an INTEGER PRIMARY KEY, which is their first column.
 *
 * The pages are those of the SQLite file format, version 4 (sqlite.org/fileformat2.html, 1.6 and 2.1). The
 * image stays where it is and is filled again for the next rows: SQLite has it mapped, and keeps none of its
 * pages but the first, which does not change. */
#ifndef SEINE_STORE_IMAGE_H
#define SEINE_STORE_IMAGE_H

#include "store/record.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    IMAGE_COST = 128 * 1024, /* bytes of memory */
    IMAGE_COLUMNS = RECORD_COLUMNS,
    IMAGE_ROW_BYTES = 24 * 1024, /* of a row's texts and blobs, at most */
};

struct image {
    uint8_t *bytes;  /* the connection's, until it is closed; NULL: there is none */
    uint8_t *leaf;   /* the page being filled, inside `bytes` */
    unsigned page;   /* its number */
    unsigned cells;  /* in it */
    size_t end;      /* its bytes from here on are cells */
    int64_t last[2]; /* the highest key of each leaf that is full */
};

/* Attaches an image of `table` of main to a connection, under the name `schema`. SQLite's code. After a
 * failure there is none. */
int image_open(struct image *m, sqlite3 *db, const char *schema, const char *table);

/* No rows. */
void image_clear(struct image *m);

/* One more, of at most IMAGE_COLUMNS values; the first is its key, higher than all before. False when there
 * is no room. */
bool image_add(struct image *m, const struct row_value *row, int columns);

/* No more rows come: now they can be read. */
void image_end(struct image *m);

#endif
