/* open_slice.c - a slice that is open. */
#include "store/open_slice.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SLICE_CACHE_KIB = 1024 }; /* pages that SQLite keeps of one */

static void statement_drop(struct idle_statement *s)
{
    sqlite3_finalize(s->statement);
    sqlite3_free(s->sql);
    *s = (struct idle_statement){0};
}

void open_slice_close(struct open_slice *o)
{
    struct reader *reader = o->reader;

    o->reader = NULL; /* first: folder_interrupt() may come at any time */
    for (int i = 0; i < IDLE_STATEMENTS; i++)
        statement_drop(&o->idle[i]);
    reader_close(reader);
    *o = (struct open_slice){0};
}

/* Whether the ids of a slice are those that its number says: nothing may be overlooked where they are not. */
static enum status check_ids(struct open_slice *o, struct error *err)
{
    static const char sql[] =
        "SELECT (SELECT min(flow_id) FROM flows), (SELECT max(flow_id) FROM flows)";
    sqlite3_stmt *row;
    int64_t number = o->slice.number;

    enum status status = reader_prepare(o->reader, &row, sql, err);
    if (status != STATUS_OK)
        return status;
    if (sqlite3_step(row) != SQLITE_ROW)
        status = reader_fault(o->reader, err);
    else if (sqlite3_column_type(row, 0) != SQLITE_NULL &&
             (sqlite3_column_int64(row, 0) >> FOLDER_ID_BITS != number ||
              sqlite3_column_int64(row, 1) >> FOLDER_ID_BITS != number))
        status = error_set(err, "%s is left out: its flows have not the ids of slice %" PRId64,
                           reader_path(o->reader), number);
    sqlite3_finalize(row);
    return status;
}

enum status open_slice_open(struct open_slice *o, struct slice *s, const char *path,
                            const struct folder_setup *setup, bool numbered, struct error *err)
{
    char sql[64];

    *o = (struct open_slice){.slice = *s};
    enum status status = reader_open(&o->reader, path, err);
    if (status != STATUS_OK)
        return status;
    s->opened++;
    o->slice = *s;
    snprintf(sql, sizeof sql, "PRAGMA cache_size = -%d", SLICE_CACHE_KIB);
    if (sqlite3_exec(reader_db(o->reader), sql, NULL, NULL, NULL) != SQLITE_OK)
        return reader_fault(o->reader, err);
    if (setup->opened)
        status = setup->opened(setup->context, reader_db(o->reader), err);
    return status == STATUS_OK && numbered ? check_ids(o, err) : status;
}

struct reader *open_slice_reader(struct open_slice *open)
{
    return open->reader;
}

const struct slice *open_slice_of(struct open_slice *open)
{
    return &open->slice;
}

bool open_slice_knows(const struct open_slice *open, unsigned key)
{
    return (open->asked & (uint64_t)1 << key) != 0;
}

enum status open_slice_columns(struct open_slice *open, uint64_t *present, unsigned key,
                               const char *table, const char *const *names, size_t count,
                               struct error *err)
{
    sqlite3_stmt *row;
    int rc;

    assert(key < FOLDER_KEYS && count <= 64);
    *present = open->columns[key];
    if (open_slice_knows(open, key))
        return STATUS_OK;
    char *sql = sqlite3_mprintf("SELECT name FROM pragma_table_xinfo(%Q) WHERE hidden < 2", table);
    if (!sql)
        return error_no_memory(err, "reading %s: no memory", reader_path(open->reader));
    enum status status = reader_prepare(open->reader, &row, sql, err);
    sqlite3_free(sql);
    if (status != STATUS_OK)
        return status;
    *present = 0;
    while ((rc = sqlite3_step(row)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(row, 0);
        for (size_t i = 0; name && i < count; i++) {
            if (strcmp(name, names[i]) == 0)
                *present |= (uint64_t)1 << i;
        }
    }
    if (rc != SQLITE_DONE)
        status = reader_fault(open->reader, err);
    sqlite3_finalize(row);
    if (status == STATUS_OK) {
        open->columns[key] = *present;
        open->asked |= (uint64_t)1 << key;
    }
    return status;
}

enum status open_slice_statement(struct open_slice *open, sqlite3_stmt **statement, const char *sql,
                                 struct error *err)
{
    for (int i = 0; i < IDLE_STATEMENTS; i++) {
        struct idle_statement *s = &open->idle[i];
        if (s->statement && strcmp(s->sql, sql) == 0) {
            *statement = s->statement;
            sqlite3_free(s->sql);
            *s = (struct idle_statement){0};
            return STATUS_OK;
        }
    }
    return reader_prepare(open->reader, statement, sql, err);
}

void open_slice_give_back(struct open_slice *open, sqlite3_stmt *statement)
{
    static uint64_t clock; /* only which is older counts */
    struct idle_statement *place = &open->idle[0];

    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    for (int i = 1; i < IDLE_STATEMENTS && place->statement; i++) {
        if (!open->idle[i].statement || open->idle[i].used < place->used)
            place = &open->idle[i];
    }
    statement_drop(place);
    char *sql = sqlite3_mprintf("%s", sqlite3_sql(statement));
    if (!sql) {
        sqlite3_finalize(statement);
        return;
    }
    *place = (struct idle_statement){statement, sql, ++clock};
}
