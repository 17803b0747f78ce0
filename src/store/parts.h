/* parts.h - the blobs of flow_frames and arrivals, walked record by record.
 *
 *     (flow 5, part 0) [frame frame frame] (flow 5, part 1) [frame frame] (flow 6, part 0) ...
 *
 * What cursors and virtual tables have in common. Rows may come from a hostile case: their types,
 * order, counts and bytes are checked, and what makes no sense ends the walk with a sentence. Every
 * number of a record that is handed out fits SQLite's integers. */
#ifndef SEINE_STORE_PARTS_H
#define SEINE_STORE_PARTS_H

#include "base/error.h"
#include "store/blobs.h"
#include "store/sqlite.h"

#include <stdbool.h>
#include <stdint.h>

/* Whose blobs, and what to call them. */
enum parts_kind { PARTS_FRAMES, PARTS_ARRIVALS };

struct parts {
    sqlite3 *db; /* borrowed */
    sqlite3_stmt *statement;
    enum parts_kind kind;
    bool of_one;      /* of the owner that parts_start() names; else of all */
    int64_t owner;    /* flow_id or stream_id of the current part; valid while in_part */
    int64_t part;     /* its number, likewise */
    int64_t left;     /* records that it still owes */
    struct span rest; /* bytes that are left of it; borrowed from the statement */
    size_t blob_len;  /* bytes that it had, for sentences */
    bool in_part;
    bool end;
    union {
        struct frame_record frame;
        struct arrival_record arrival;
    } last;
};

/* Prepares the walk over the table in `schema` ("main", or what was attached). Ended by parts_close()
 * also when it fails. */
enum status parts_open(struct parts *p, sqlite3 *db, const char *schema, enum parts_kind kind,
                       bool of_one, struct error *err);
void parts_close(struct parts *p); /* zeros are allowed */

/* Goes to the first record, again if need be; `owner` counts when of_one. */
void parts_start(struct parts *p, int64_t owner);

/* The next record: STATUS_OK, STATUS_END, STATUS_FAILED. p->owner says whose it is. */
enum status parts_next_frame(struct parts *p, struct frame_record *record, struct error *err);
enum status parts_next_arrival(struct parts *p, struct arrival_record *record, struct error *err);

#endif
