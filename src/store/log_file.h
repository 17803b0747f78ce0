/* log_file.h - the write-ahead log of a live case, in few large calls.
 *
 *     SQLite    head│page    head│page    head│page ...  sync      two calls a page
 *                └────┴────────┴───┴────────┴───┴──────────┐
 *     file      [████████████████ 64 KiB ███████████████][██]      one for as much as is held here
 *
 * SQLite hands the head of each page in the log, and the page, to the system by themselves, and copies page by page what is in
 * the log into the case. At full rate those calls are a third of what a live case costs. Here they are held until there are
 * enough, or something else is asked of the file: then what is held is written first, so nobody who asks SQLite sees a
 * difference. And a log that is copied is read so much at once.
 *
 * Who reads the log by another connection knows of no frame before its commit is told them (the index of the log), and
 * SQLite syncs the log before that, where commits outlive a loss of power. Where they need not, it does not: then this
 * is not to be used. A process that is killed leaves less of the transaction that was not committed. A write that
 * fails may be told at a later call, at the latest by the sync, so a commit is never taken for done.
 *
 * Nor does anybody read a page in the case before the index says that it was copied. SQLite says so at once after the last
 * page; only where all of the log was copied does it truncate and sync the case before. So pages are held on their way into
 * the case where that will be so, and a failure is told then. */
#ifndef SEINE_STORE_LOG_FILE_H
#define SEINE_STORE_LOG_FILE_H

/* The name of a VFS of SQLite's, for sqlite3_open_v2(): the default one, but for logs and for cases that have one. NULL where there cannot be one:
 * SQLite's own does as well. For connections that commit with `synchronous = FULL`. May be called by any thread. */
const char *log_file_vfs(void);

#endif
