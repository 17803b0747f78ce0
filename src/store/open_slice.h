/* open_slice.h - a slice that is open: its reader, and statements that wait to be used again; for folder.c.
 *
 * What others may do with one is in folder.h. */
#ifndef SEINE_STORE_OPEN_SLICE_H
#define SEINE_STORE_OPEN_SLICE_H

#include "store/folder.h"

enum { IDLE_STATEMENTS = 16 };

struct idle_statement {
    sqlite3_stmt *statement;
    char *sql;
    uint64_t used;
};

struct open_slice {
    struct reader *reader; /* NULL: not in use */
    struct slice slice;    /* as it was when it was opened */
    unsigned pins;
    uint64_t used; /* the clock when it was last pinned */
    struct idle_statement idle[IDLE_STATEMENTS];
    uint64_t asked, columns[FOLDER_KEYS]; /* bits of open_slice_columns() */
};

/* Opens a case as a slice, and does what `setup` says. `numbered`: the ids of its flows must be those that its
 * number says. slice->opened counts it once there is a reader. When it fails it may have one, and is to be closed then. */
enum status open_slice_open(struct open_slice *open, struct slice *slice, const char *path,
                            const struct folder_setup *setup, bool numbered, struct error *err);

/* Zeros remain. */
void open_slice_close(struct open_slice *open);

#endif
