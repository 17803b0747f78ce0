/* folder_plan.h - how a query reads a table of many cases: what SQLite asks for, and what each slice is asked then.
 *
 * A condition is handed down only where it means the same in the slice (a number compared with an INTEGER, a text
 * with a TEXT, by bytes), and SQLite checks it again above (omit stays 0). So a slice that is asked for too
 * much is slow, and never wrong. An order is promised only where slices have it between them: by flow_id or stream_id, which
 * rise from slice to slice, and by the time of flows, where so few slices overlap that they can be merged. */
#ifndef SEINE_STORE_FOLDER_PLAN_H
#define SEINE_STORE_FOLDER_PLAN_H

#include "base/buffer.h"
#include "store/folder.h"
#include "store/folder_kinds.h"
#include "store/sqlite.h"

enum {
    TERMS_MAX = 16,         /* conditions that are handed down */
    QUESTION_MAX = 1 << 14, /* bytes of a question to a slice */
    MERGED_MAX = 8,         /* slices that overlap, where an order by time is promised */
};

struct term {
    char op; /* '=', '<', '>', 'l' (<=), 'g' (>=) */
    int column;
};

/* What xBestIndex tells xFilter. */
struct plan {
    uint64_t used; /* columns, as bits */
    int order;     /* the column by which rows come sorted; -1: they do not */
    bool backwards;
    bool merged; /* that column is a time, so slices are read side by side where they overlap */
    int count;
    struct term terms[TERMS_MAX];
};

/* Makes a plan, as xBestIndex does, and writes it down; SQLite's code. */
int plan_make(sqlite3_index_info *info, const struct kind *kind, const struct folder *folder);

/* The plan that was written down. */
void plan_read(struct plan *plan, const struct kind *kind, const char *text);

/* Of a table that is called: a hidden column, or the one that names the stream as well. */
bool plan_is_argument(const struct column *column);

/* Whether an argument of a table that is called is what it takes. NULL is as if it were not there. */
enum status plan_check_argument(const struct column *column, const char *table,
                                sqlite3_value *value, struct error *err);

/* What a condition on a column of numbers says about which slices have rows. */
void plan_narrow(struct folder_wish *wish, const struct kind *kind, const struct term *term,
                 sqlite3_value *value);

/* The question to a slice, of whose columns `present` are there: what it lacks is NULL. `values` are those of the terms.
 * place[i] becomes the place of column i in the answer, or -1. False for want of memory. */
bool plan_question(struct buffer *sql, int place[COLUMNS_MAX + 1], const struct plan *plan,
                   const struct kind *kind, const struct slice *slice, sqlite3_value *const *values,
                   uint64_t present);

/* Gives the statement of that question its values. */
void plan_bind(sqlite3_stmt *statement, const struct plan *plan, const struct kind *kind,
               const struct slice *slice, sqlite3_value *const *values);

#endif
