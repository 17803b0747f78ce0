/* leaves.h - rows of a fresh case written as pages of their tables, past SQLite.
 *
 *     rows, in the order of their keys ──► a leaf, and what leads to it ──► pages of the file
 *
 * A fresh case is nobody's but ours until it has its name, and what is left of it after a kill is removed, so pages may be
 * written in any order as long as the file is whole at its end. SQLite and we share it by two rules:
 *
 * - Pages. Ours are set apart between two transactions of the connection, by the number of pages that stands in the file's
 *   head; SQLite then takes its own from behind them. What is left over goes to its list of free ones.
 * - Trees. One is either open or SQLite's. While it is open, its right edge (the last leaf, and what leads there) is in
 *   memory, rows can only be added behind the last one, and SQLite must not look at it. leaves_link() writes the edges of
 *   all that are open, between two transactions, and has SQLite forget the pages that it knew. From then on they
 *   are SQLite's, until one is opened again, which reads its edge out of the file.
 *
 * The pages are those of the SQLite file format, version 4 (sqlite.org/fileformat2.html, 1.3 to 1.6). As with an image,
 * nothing checks such a row. A failure leaves a sentence in leaves.error, and trees of which nothing is of use any more. */
#ifndef SEINE_STORE_LEAVES_H
#define SEINE_STORE_LEAVES_H

#include "base/error.h"
#include "store/case_file.h"
#include "store/record.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

enum {
    LEAVES_LEVELS = 12,          /* of a tree; four cells a page, at least, make 2^24 pages */
    LEAVES_PAGE_MOST = 16 << 10, /* bytes of a page; cases with larger ones go without */
    LEAVES_COST = 64 << 10,      /* bytes of memory: three levels, and something for others */
};

/* A page of a right edge. */
struct leaves_node {
    uint8_t *page;   /* owned; NULL: none yet */
    uint32_t number; /* 0: it gets one when it is written */
    unsigned cells;
    size_t end, last_len; /* its bytes from `end` on are cells; the last one is in front */
    const struct iovec
        *lent; /* borrowed: where its last `lent_len` bytes are yet, piece by piece */
    unsigned lent_count;
    size_t lent_len; /* 0: all lies in `page` */
};

struct leaves_tree {
    uint32_t root;
    bool without_rowid;
    bool open;
    struct leaves_node nodes[LEAVES_LEVELS]; /* [0] is the leaf */
    unsigned top;                            /* which of them is the root */
    int64_t last_key;                        /* valid while there is a row in the leaf */
    struct leaves_tree *next;                /* of those that are open */
};

/* Leaves on their way to pages that follow each other: each is a front, and bytes that lie elsewhere, in pieces. */
enum { LEAVES_RUN = 32, LEAVES_FRONT = 192, LEAVES_PIECES = 15 };
struct leaves_run {
    uint32_t first; /* of their pages; valid when there are any */
    unsigned count, part_count;
    struct iovec parts[(1 + LEAVES_PIECES) * LEAVES_RUN];
    uint8_t fronts[LEAVES_RUN][LEAVES_FRONT];
};

struct leaves {
    struct case_file *file; /* borrowed; NULL: nothing is written past SQLite */
    uint32_t page_size;
    uint32_t next, end; /* pages that are set apart, and have no use yet */
    struct leaves_tree *open;
    struct leaves_run run; /* none but between leaves_lend() and leaves_return() */
    uint8_t *found;        /* owned; the page that leaves_find() read last; NULL before */
    struct error error;    /* valid when something failed */
};

/* Whether a fresh case can have its rows written so. */
bool leaves_init(struct leaves *l, struct case_file *file);
void leaves_release(struct leaves *l);

/* A tree that is SQLite's; that of an index is as of a table without rowids. False when there is none of the name. */
bool leaves_tree_init(struct leaves_tree *t, struct leaves *l, const char *name,
                      bool without_rowid);

/* Why there was no such tree just now, as the failure of who needs it: SQLite may have had no memory to look. */
enum status leaves_tree_missing(struct leaves *l, const char *name);
void leaves_tree_release(struct leaves_tree *t);

/* Opens a tree. No statement may be at work, here and in those below. */
enum status leaves_open(struct leaves *l, struct leaves_tree *t);

/* Adds a row behind all others of an open tree; in one with rowids the first value is the key. STATUS_END: it is too
 * long for a leaf, and must be SQLite's. */
enum status leaves_add(struct leaves *l, struct leaves_tree *t, const struct row_value *row,
                       int columns);

/* The same with a row that is laid out, and its key. */
enum status leaves_add_laid(struct leaves *l, struct leaves_tree *t, const struct record_laid *laid,
                            int64_t key);

/* The same with a row whose last value is a blob that lies in 1 to LEAVES_PIECES pieces. They, and their list, are
 * borrowed until leaves_return(): where the row fills its leaf, the blob goes from there to the file. For a table with
 * rowids. */
enum status leaves_lend(struct leaves *l, struct leaves_tree *t, const struct row_value *row,
                        int columns, const struct iovec *pieces, unsigned piece_count);
enum status leaves_return(struct leaves *l, struct leaves_tree *t);

/* The row with a key, of an open tree of a table with rowids. Its bytes die with the next call. STATUS_END: there is none, or
 * it is not as we write it. */
enum status leaves_find(struct leaves *l, struct leaves_tree *t, int64_t key, struct row_value *row,
                        int columns);

/* All trees are SQLite's again. */
enum status leaves_link(struct leaves *l);

/* The same, and what was set apart is SQLite's too. */
enum status leaves_end(struct leaves *l);

/* Shows SQLite a table without rows, for a moment, and what it has again: so that it declares an index without building it.
 * Nothing may write into the table in between. */
enum status leaves_hide(struct leaves *l, struct leaves_tree *t);
enum status leaves_show(struct leaves *l, struct leaves_tree *t);

/* Tells all rows of a tree that is SQLite's, in the order of their keys, with their first columns, without SQLite, which takes several times as
 * long. STATUS_END: there is a row among them that does not lie in its leaf, or has values that we do not write. */
enum status leaves_each(struct leaves *l, struct leaves_tree *t, int columns,
                        void (*row)(void *context, const struct row_value *row, int columns),
                        void *context);

/* The same with the part of that number, from 0 on, of so many about as long; of a table with rowids, between two transactions:
 * by a thread of its own, if leaves (leaves_reading()) and tree are its own. */
enum status leaves_each_of(struct leaves *l, struct leaves_tree *t, unsigned part, unsigned parts,
                           int columns,
                           void (*row)(void *context, const struct row_value *row, int columns),
                           void *context);
struct leaves
leaves_reading(const struct leaves *l); /* of the same file: nothing else can be done with it */
enum status leaves_each_begin(struct leaves *l);
enum status leaves_each_end(struct leaves *l);

#endif
