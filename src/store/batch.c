/* batch.c - rows that wait, as a virtual table that one statement reads. */
#include "store/batch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct batch_cell {
    const uint8_t *bytes; /* of a text or blob, in batch.bytes */
    int64_t value;        /* or the length */
    int type;             /* SQLITE_INTEGER, SQLITE_TEXT, SQLITE_BLOB, SQLITE_NULL */
};

struct batch_table {
    sqlite3_vtab base; /* first: SQLite hands it back */
    const struct batch *batch;
};

struct batch_cursor {
    sqlite3_vtab_cursor base; /* first */
    int row;
};

static const struct batch *batch_of(sqlite3_vtab_cursor *cursor)
{
    return ((struct batch_table *)(void *)cursor->pVtab)->batch;
}

static int table_connect(sqlite3 *db, void *batch, int argc, const char *const *argv,
                         sqlite3_vtab **to, char **message)
{
    const struct batch *b = batch;
    char sql[512] = "CREATE TABLE x (c1";
    size_t len = strlen(sql);

    (void)argc;
    (void)argv;
    (void)message;
    for (int i = 2; i <= b->columns; i++)
        len += (size_t)snprintf(sql + len, sizeof sql - len, ", c%d", i);
    snprintf(sql + len, sizeof sql - len, ")");
    int code = sqlite3_declare_vtab(db, sql);
    if (code != SQLITE_OK)
        return code;
    struct batch_table *table = sqlite3_malloc(sizeof *table);
    if (!table)
        return SQLITE_NOMEM;
    *table = (struct batch_table){.batch = b};
    *to = &table->base;
    return SQLITE_OK;
}

static int table_disconnect(sqlite3_vtab *table)
{
    sqlite3_free(table);
    return SQLITE_OK;
}

static int table_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table;
    info->estimatedCost = BATCH_ROWS;
    info->estimatedRows = BATCH_ROWS;
    return SQLITE_OK;
}

static int cursor_open(sqlite3_vtab *table, sqlite3_vtab_cursor **to)
{
    struct batch_cursor *cursor = sqlite3_malloc(sizeof *cursor);
    (void)table;
    if (!cursor)
        return SQLITE_NOMEM;
    *cursor = (struct batch_cursor){.row = 0};
    *to = &cursor->base;
    return SQLITE_OK;
}

static int cursor_close(sqlite3_vtab_cursor *cursor)
{
    sqlite3_free(cursor);
    return SQLITE_OK;
}

static int cursor_filter(sqlite3_vtab_cursor *cursor, int plan, const char *plan_text, int argc,
                         sqlite3_value **argv)
{
    (void)plan;
    (void)plan_text;
    (void)argc;
    (void)argv;
    ((struct batch_cursor *)(void *)cursor)->row = 0;
    return SQLITE_OK;
}

static int cursor_next(sqlite3_vtab_cursor *cursor)
{
    ((struct batch_cursor *)(void *)cursor)->row++;
    return SQLITE_OK;
}

static int cursor_eof(sqlite3_vtab_cursor *cursor)
{
    return ((struct batch_cursor *)(void *)cursor)->row >= batch_of(cursor)->rows;
}

static int cursor_column(sqlite3_vtab_cursor *cursor, sqlite3_context *to, int column)
{
    const struct batch *b = batch_of(cursor);
    int row = ((struct batch_cursor *)(void *)cursor)->row;
    const struct batch_cell *cell = &b->cells[row * b->columns + column];

    if (cell->type == SQLITE_INTEGER)
        sqlite3_result_int64(to, cell->value);
    else if (cell->type == SQLITE_TEXT)
        sqlite3_result_text64(to, (const char *)cell->bytes, (sqlite3_uint64)cell->value,
                              SQLITE_STATIC, SQLITE_UTF8);
    else if (cell->type == SQLITE_BLOB)
        sqlite3_result_blob64(to, cell->bytes, (sqlite3_uint64)cell->value, SQLITE_STATIC);
    return SQLITE_OK;
}

static int cursor_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *rowid)
{
    *rowid = ((struct batch_cursor *)(void *)cursor)->row;
    return SQLITE_OK;
}

static const sqlite3_module module = {.xConnect = table_connect,
                                      .xBestIndex = table_best_index,
                                      .xDisconnect = table_disconnect,
                                      .xOpen = cursor_open,
                                      .xClose = cursor_close,
                                      .xFilter = cursor_filter,
                                      .xNext = cursor_next,
                                      .xEof = cursor_eof,
                                      .xColumn = cursor_column,
                                      .xRowid = cursor_rowid};

int batch_init(struct batch *b, sqlite3 *db, const char *name, const char *into, int columns)
{
    *b = (struct batch){.columns = columns};
    b->cells = calloc((size_t)BATCH_ROWS * (size_t)columns, sizeof *b->cells);
    b->bytes = malloc(BATCH_BYTES);
    /* OR FAIL: a failure is final anyway, so SQLite need not be able to undo half a batch */
    char *sql = sqlite3_mprintf("INSERT OR FAIL INTO main.%s SELECT * FROM %s", into, name);
    int code = b->cells && b->bytes && sql ? SQLITE_OK : SQLITE_NOMEM;
    if (code == SQLITE_OK)
        code = sqlite3_create_module(db, name, &module, b);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &b->statement, NULL);
    sqlite3_free(sql);
    return code;
}

void batch_release(struct batch *b)
{
    sqlite3_finalize(b->statement);
    free(b->cells);
    free(b->bytes);
    seal_sum_release(&b->sum);
    *b = (struct batch){0};
}

static struct batch_cell *cell_at(struct batch *b, int at)
{
    assert(b->rows < BATCH_ROWS && at >= 1 && at <= b->columns);
    return &b->cells[b->rows * b->columns + at - 1];
}

void batch_put_null(struct batch *b, int at)
{
    cell_at(b, at)->type = SQLITE_NULL;
}

void batch_put_int(struct batch *b, int at, int64_t value)
{
    struct batch_cell *cell = cell_at(b, at);
    cell->type = SQLITE_INTEGER;
    cell->value = value;
}

static void put_bytes(struct batch *b, int at, int type, struct span bytes)
{
    struct batch_cell *cell = cell_at(b, at);

    assert(bytes.len <= BATCH_BYTES - b->bytes_len);
    cell->type = type;
    cell->value = (int64_t)bytes.len;
    cell->bytes = b->bytes + b->bytes_len;
    if (bytes.len > 0)
        memcpy(b->bytes + b->bytes_len, bytes.data, bytes.len);
    b->bytes_len += bytes.len;
}

void batch_put_text(struct batch *b, int at, struct span text)
{
    put_bytes(b, at, SQLITE_TEXT, text);
}

struct span batch_put_blob(struct batch *b, int at, struct span bytes)
{
    put_bytes(b, at, SQLITE_BLOB, bytes);
    return span_of(cell_at(b, at)->bytes, bytes.len);
}

void batch_add(struct batch *b)
{
    b->rows++;
}

bool batch_sum_begin(struct batch *b, int key_columns)
{
    b->in_order = seal_sum_init(&b->sum);
    b->last[0] = b->last[1] = INT64_MIN;
    b->key_columns = key_columns;
    return b->in_order;
}

bool batch_sum_end(struct batch *b, uint8_t value[DIGEST_LEN])
{
    if (!b->in_order)
        return false;
    seal_sum_end(&b->sum, value);
    return true;
}

/* Whether a row comes after all before it, by its key. */
static bool is_next(struct batch *b, const struct batch_cell *row)
{
    int64_t first = row[0].value, second = b->key_columns > 1 ? row[1].value : 0;
    bool next = first > b->last[0] || (first == b->last[0] && second > b->last[1]);

    b->last[0] = first;
    b->last[1] = second;
    return next;
}

static void sum_row(struct batch *b, const struct batch_cell *row)
{
    seal_row(&b->sum);
    for (int i = 0; i < b->columns; i++) {
        if (row[i].type == SQLITE_INTEGER)
            seal_int(&b->sum, row[i].value);
        else if (row[i].type == SQLITE_TEXT)
            seal_text(&b->sum, span_of(row[i].bytes, (size_t)row[i].value));
        else if (row[i].type == SQLITE_BLOB)
            seal_blob(&b->sum, span_of(row[i].bytes, (size_t)row[i].value));
        else
            seal_null(&b->sum);
    }
}

int batch_write(struct batch *b)
{
    int code = SQLITE_OK;

    for (int i = 0; i < b->rows && b->in_order; i++) {
        const struct batch_cell *row = &b->cells[i * b->columns];
        b->in_order = is_next(b, row);
        if (b->in_order)
            sum_row(b, row);
    }
    if (b->rows > 0) {
        sqlite3_step(b->statement);
        code = sqlite3_reset(b->statement);
    }
    b->rows = 0;
    b->bytes_len = 0;
    return code;
}
