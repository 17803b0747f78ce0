/* case_file.h - the file under a case: made under another name, locked, and renamed when whole; or,
 * for an addition, one transaction on the file that is there.
 *
 *     fresh      x.db.partial, journal off ── commit, close, [flush] ── link ──► x.db
 *     addition   x.db, BEGIN IMMEDIATE, rollback journal ── commit ──► x.db
 *     live       x.db.partial with its tables ── link ──► x.db, write-ahead log ── commit, commit ...
 *
 * Who writes holds a lock on the open file description, on a byte where SQLite has none: of x.db.partial
 * from before SQLite opens it until it has its name, of a live case until it is closed. So a second seine
 * can tell a case that is being written from what a killed run left, and nobody removes it between SQLite's
 * close and the link.
 *
 * A live case is read while it is written, so it has its name from the start, and each commit is one that
 * readers see and a kill leaves. At its end two bytes of its header say that it has no log any more
 * (docs/decisions/0025-a-live-case.md): nobody is locked out for that. */
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
    int lock;      /* the open file description that holds the lock */
    bool live;
    sqlite3 *db;
    int *
        log_pages; /* owned: of the write-ahead log, those that are not in the file yet, and some that are */
    bool removed_leftover;
};

struct case_file_options {
    uint32_t page_size; /* of a fresh file */
    size_t cache_len;   /* bytes */
    bool sync;          /* an addition, and each commit of a live case, outlive a loss of power */
    bool live;
};

/* Opens PATH, or makes PATH.partial, and begins the transaction that holds all that is written. A
 * fresh file has its schema. On failure nothing is left to release. */
enum status case_file_open(struct case_file *f, const char *path,
                           const struct case_file_options *options, struct error *err);

/* Of a live case: commits, and begins the next transaction. *log_len is how long the write-ahead log is
 * then, in bytes, and *log_held whether a reader keeps it from being begun anew. */
enum status case_file_commit(struct case_file *f, size_t *log_len, bool *log_held,
                             struct error *err);

/* Builds the indexes that every case has where they are not there, since whoever closed it was killed before they were:
 * one transaction, as any addition. *built: they were not. */
enum status case_file_index(bool *built, const char *path, size_t cache_len, struct error *err);

/* How long it is, with what is in the log. 0 when SQLite does not say. */
uint64_t case_file_len(struct case_file *f);

/* Commits a live case, of which nothing more is to be written, and takes it out of its log, so that it is one file. Where
 * a reader has it open it stays in its log, and *one_file is false. Who opens it meanwhile is not refused, as long as it
 * stays open here: the first who opens it alone has to read the log again, and keeps the others waiting. */
enum status case_file_settle(struct case_file *f, bool *one_file, struct error *err);

/* The same for one that was left in its log, or by another run, and takes less patience. */
enum status case_file_settle_again(struct case_file *f, bool *one_file, struct error *err);

/* Says of a case that nobody has open for writing that its live run goes on, and stores nothing as long as there is no room on
 * the disk: reader_sees_pause(). By a lock, since that needs no room. What is returned is to be closed before the case
 * is opened again; -1 where it cannot be said. */
int case_file_pause(const char *path);

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
