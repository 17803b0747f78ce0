/* log_file.h - the write-ahead log of a live case, in few large writes.
 *
 *     SQLite    head│page    head│page    head│page ...  sync      two calls a page
 *                └────┴────────┴───┴────────┴───┴──────────┐
 *     file      [████████████████ 64 KiB ███████████████][██]      one for as much as is held here
 *
 * SQLite hands the head of each page in the log, and the page, to the system by themselves. At full rate those calls
 * are a quarter of what a live case costs. Here they are held until there are enough, or something else is asked of the
 * log: then what is held is written first, so nobody who asks SQLite sees a difference.
 *
 * Who reads the log by another connection knows of no frame before its commit is told them (the index of the log), and
 * SQLite syncs the log before that, where commits outlive a loss of power. Where they need not, it does not: then this
 * is not to be used. A process that is killed leaves less of the transaction that was not committed. A write that
 * fails may be told at a later call, at the latest by the sync, so a commit is never taken for done. */
#ifndef SEINE_STORE_LOG_FILE_H
#define SEINE_STORE_LOG_FILE_H

/* The name of a VFS of SQLite's, for sqlite3_open_v2(): the default one, but for logs. NULL where there cannot be one:
 * SQLite's own does as well. For connections that commit with `synchronous = FULL`. May be called by any thread. */
const char *log_file_vfs(void);

#endif
