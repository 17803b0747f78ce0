/* case_file.h - the file under a case: made under another name, locked, and renamed when whole; or,
 * for an addition, one transaction on the file that is there.
 *
 *     fresh      x.db.partial, journal off ── commit, close, [flush] ── link ──► x.db
 *     addition   x.db, BEGIN IMMEDIATE, rollback journal ── commit ──► x.db
 *
 * Who builds x.db.partial holds a lock on its open file description, on a byte where SQLite has
 * none, from before SQLite opens it until it has its name. So a second seine can tell a case that
 * is being written from what a killed run left, and nobody removes it between SQLite's close and
 * the link. */
#ifndef SEINE_STORE_CASE_FILE_H
#define SEINE_STORE_CASE_FILE_H

#include "base/error.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct case_file {
    char *path;    /* owned */
    char *partial; /* owned; NULL for an addition */
    int lock;      /* the open file description that holds the lock; -1 for an addition */
    sqlite3 *db;
    bool removed_leftover;
};

/* Opens PATH, or makes PATH.partial, and begins the transaction that holds all that is written. A
 * fresh file has its schema. `cache_len` is in bytes; `sync` makes an addition outlive a loss of
 * power. On failure nothing is left to release. */
enum status case_file_open(struct case_file *f, const char *path, uint32_t page_size,
                           size_t cache_len, bool sync, struct error *err);

/* The file that is being written, for sentences. */
const char *case_file_name(const struct case_file *f);

/* What SQLite last said on this connection, after `what`, as a sentence. STATUS_FAILED. */
enum status case_file_fault(const struct case_file *f, const char *what, struct error *err);

/* Commits, closes, and gives a fresh case its name. Releases, whatever the result; on failure a
 * fresh case is gone, and an addition has not happened. */
enum status case_file_end(struct case_file *f, bool sync, struct error *err);

/* Rolls back, removes what a fresh case has so far, and releases. */
void case_file_drop(struct case_file *f);

#endif
