/* batch.c - rows that wait, as an image of a table or a virtual table, which one statement reads. */
#include "store/batch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)BATCH_ROW_BYTES <= (int)IMAGE_ROW_BYTES, "an image takes what a batch takes");

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
    info->estimatedCost = BATCH_ROWS_MOST;
    info->estimatedRows = BATCH_ROWS_MOST;
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
    ((struct batch_cursor *)(void *)cursor)->row = batch_of(cursor)->order_first;
    return SQLITE_OK;
}

static int cursor_next(sqlite3_vtab_cursor *cursor)
{
    ((struct batch_cursor *)(void *)cursor)->row++;
    return SQLITE_OK;
}

static int cursor_eof(sqlite3_vtab_cursor *cursor)
{
    return ((struct batch_cursor *)(void *)cursor)->row >= batch_of(cursor)->order_end;
}

static int cursor_column(sqlite3_vtab_cursor *cursor, sqlite3_context *to, int column)
{
    const struct batch *b = batch_of(cursor);
    int row = ((struct batch_cursor *)(void *)cursor)->row;
    const struct row_value *cell = &b->order[row][column];

    if (cell->type == SQLITE_INTEGER)
        sqlite3_result_int64(to, cell->number);
    else if (cell->type == SQLITE_TEXT)
        sqlite3_result_text64(to, (const char *)cell->bytes, (sqlite3_uint64)cell->number,
                              SQLITE_STATIC, SQLITE_UTF8);
    else if (cell->type == SQLITE_BLOB)
        sqlite3_result_blob64(to, cell->bytes, (sqlite3_uint64)cell->number, SQLITE_STATIC);
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

/* The statement that writes, and what it reads: an image of the table, or a virtual table over the rows. OR
 * FAIL: a failure is final anyway, so SQLite need not be able to undo half a batch. OR ROLLBACK: the same, where
 * OR FAIL would keep it from copying. */
static int open_statement(struct batch *b, sqlite3 *db, const struct batch_table_name *of,
                          enum batch_how how)
{
    const bool as_image = how == BATCH_AS_IMAGE;
    const char *table = of->table;
    char *name = sqlite3_mprintf("%s_%s", as_image ? "image" : "batch", table);
    char *sql;
    int code = SQLITE_NOMEM;

    if (as_image)
        sql = sqlite3_mprintf("INSERT OR ROLLBACK INTO main.%s SELECT * FROM image_%s.%s", table,
                              table, table);
    else if (how == BATCH_RENEWS && of->renewed) /* WHERE: else ON would belong to a join */
        sql = sqlite3_mprintf("INSERT OR FAIL INTO main.%s (%s) SELECT * FROM batch_%s WHERE true"
                              " ON CONFLICT (%s) DO UPDATE SET %s",
                              table, of->columns, table, of->key, of->renewed);
    else
        sql = sqlite3_mprintf("INSERT OR FAIL INTO main.%s (%s) SELECT * FROM batch_%s", table,
                              of->columns, table);

    if (name && sql)
        code = as_image ? image_open(&b->image, db, name, table)
                        : sqlite3_create_module(db, name, &module, b);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &b->statement, NULL);
    sqlite3_free(sql);
    sqlite3_free(name);
    return code;
}

static bool rows_init(struct batch_rows *r, struct batch_size size, int columns, bool later)
{
    r->cells = calloc((size_t)size.rows * (size_t)columns, sizeof *r->cells);
    r->bytes = malloc(size.bytes);
    r->later = later ? calloc((size_t)size.rows, sizeof *r->later) : NULL;
    return r->cells && r->bytes && (r->later || !later);
}

int batch_init(struct batch *b, sqlite3 *db, const struct batch_table_name *of,
               struct batch_size size, enum batch_how how, unsigned set_count)
{
    assert(size.rows <= BATCH_ROWS_MOST && size.bytes >= BATCH_ROW_BYTES);
    *b = (struct batch){.columns = of->column_count, .size = size, .set_count = set_count};
    b->filling = &b->sets[0];
    for (unsigned i = 0; i < set_count; i++)
        if (!rows_init(&b->sets[i], size, b->columns, of->later))
            return SQLITE_NOMEM;
    return open_statement(b, db, of, how);
}

void batch_release(struct batch *b)
{
    sqlite3_finalize(b->statement);
    for (unsigned i = 0; i < b->set_count; i++) {
        free(b->sets[i].cells);
        free(b->sets[i].bytes);
        free(b->sets[i].later);
    }
    seal_sum_release(&b->sum);
    leaves_tree_release(&b->tree);
    *b = (struct batch){0};
}

/* Room among the bytes of the rows. */
static uint8_t *take_room(struct batch *b, size_t len)
{
    struct batch_rows *rows = b->filling;
    uint8_t *room = rows->bytes + rows->bytes_len;

    assert(len <= b->size.bytes - rows->bytes_len);
    rows->bytes_len += len;
    return room;
}

struct span batch_keep(struct batch *b, struct span bytes)
{
    uint8_t *room = take_room(b, bytes.len);

    if (bytes.len > 0)
        memcpy(room, bytes.data, bytes.len);
    return span_of(room, bytes.len);
}

static void put_bytes(struct batch *b, int at, int type, struct span bytes)
{
    struct row_value *cell = batch_cell(b, at);

    cell->type = type;
    cell->number = (int64_t)bytes.len;
    cell->bytes = batch_keep(b, bytes).data;
}

uint8_t *batch_put_room(struct batch *b, int at, size_t len)
{
    struct row_value *cell = batch_cell(b, at);
    uint8_t *room = take_room(b, len);

    cell->type = SQLITE_TEXT;
    cell->number = (int64_t)len;
    cell->bytes = room;
    return room;
}

void batch_later(struct batch *b, batch_fill *fill, uint8_t *to, struct span from)
{
    struct batch_rows *rows = b->filling;

    assert(rows->later && rows->later_count < b->size.rows);
    rows->later[rows->later_count++] = (struct batch_later){fill, to, from};
}

void batch_put_text(struct batch *b, int at, struct span text)
{
    put_bytes(b, at, SQLITE_TEXT, text);
}

struct span batch_put_blob(struct batch *b, int at, struct span bytes)
{
    put_bytes(b, at, SQLITE_BLOB, bytes);
    return span_of(batch_cell(b, at)->bytes, bytes.len);
}

bool batch_later_moves(struct batch *b, const uint8_t *from, uint8_t *to)
{
    enum { LAST = 2 };
    struct batch_rows *rows = b->filling;

    for (int i = rows->later_count; i > 0 && i > rows->later_count - LAST; i--) {
        if (rows->later[i - 1].to != from)
            continue;
        rows->later[i - 1].to = to;
        return true;
    }
    return false;
}

void batch_add(struct batch *b)
{
    b->filling->count++;
}

bool batch_sum_begin(struct batch *b, int key_columns)
{
    b->in_order = seal_sum_init(&b->sum);
    b->last[0] = b->last[1] = INT64_MIN;
    b->key_columns = key_columns;
    return b->in_order;
}

static void sum_row(void *sum, const struct row_value *row, int columns)
{
    seal_values(sum, row, columns);
}

bool batch_sum_end(struct batch *b, uint8_t value[DIGEST_LEN])
{
    bool known = b->in_order;

    if (!known && b->leaves && b->sum.buffer) { /* some were not in order: they are read again */
        seal_sum_end(&b->sum, value);
        known = leaves_each(b->leaves, &b->tree, b->columns, sum_row, &b->sum) == STATUS_OK;
    }
    if (known)
        seal_sum_end(&b->sum, value);
    return known;
}

/* Whether a row comes after all before it, by its key. */
static bool is_next(struct batch *b, const struct row_value *row)
{
    int64_t first = row[0].number, second = b->key_columns > 1 ? row[1].number : 0;
    bool next = first > b->last[0] || (first == b->last[0] && second > b->last[1]);

    b->last[0] = first;
    b->last[1] = second;
    return next;
}

static int run(struct batch *b)
{
    sqlite3_step(b->statement);
    return sqlite3_reset(b->statement);
}

static int by_key(const void *a, const void *b)
{
    const struct row_value *one = *(const struct row_value *const *)a;
    const struct row_value *other = *(const struct row_value *const *)b;
    int order = (one[0].number > other[0].number) - (one[0].number < other[0].number);

    return order != 0 ? order
                      : (one[1].number > other[1].number) - (one[1].number < other[1].number);
}

/* Rows come in the order of their keys, but for those of flows that wrote early. In a live case one may come twice: there
 * the last one is the one that holds. */
static void put_in_order(struct batch *b, const struct batch_rows *rows)
{
    const int count = rows->count;
    bool in_order = true;

    for (int i = 0; i < count; i++) {
        b->order[i] = &rows->cells[i * b->columns];
        in_order = in_order && (i == 0 || by_key(&b->order[i - 1], &b->order[i]) < 0);
    }
    if (!in_order && (b->image.bytes || b->leaves))
        qsort(b->order, (size_t)count, sizeof b->order[0], by_key);
    b->order_first = 0;
    b->order_end = count;
    b->summed = 0;
}

/* Adds the next row up, while all are in order. Whether it was laid out at that. */
static bool sum_next(struct batch *b, struct record_laid *laid)
{
    const struct row_value *row = b->order[b->summed++];

    b->in_order = b->in_order && is_next(b, row);
    if (!b->in_order)
        return false;
    if (laid && seal_values_laid(&b->sum, laid, row, b->columns, !b->tree.without_rowid))
        return true;
    seal_values(&b->sum, row, b->columns);
    return false;
}

static int write_image(struct batch *b)
{
    int code = SQLITE_OK;

    image_clear(&b->image);
    for (int i = b->order_first; i < b->order_end && code == SQLITE_OK; i++) {
        if (image_add(&b->image, b->order[i], b->columns))
            continue;
        image_end(&b->image); /* it is full */
        code = run(b);
        image_clear(&b->image);
        image_add(&b->image, b->order[i], b->columns);
    }
    image_end(&b->image);
    return code == SQLITE_OK ? run(b) : code;
}

int batch_past_sqlite(struct batch *b, struct leaves *leaves, const struct batch_table_name *of,
                      bool without_rowid)
{
    b->leaves = leaves;
    b->highest[0] = b->highest[1] = INT64_MIN;
    return leaves_tree_init(&b->tree, leaves, of->table, without_rowid) ? SQLITE_OK : SQLITE_ERROR;
}

/* Whether the rows may go past SQLite: all of them are behind those before, and either their tree is open or they are
 * worth that. */
static bool may_append(struct batch *b, bool alone)
{
    enum { WORTH_PART = 4 }; /* of a batch that is full */
    const struct row_value *first = b->order[0], *last = b->order[b->order_end - 1];
    const int64_t first_part = b->tree.without_rowid ? first[1].number : 0;
    const int64_t last_part = b->tree.without_rowid ? last[1].number : 0;
    const bool behind = first[0].number > b->highest[0] ||
                        (first[0].number == b->highest[0] && first_part > b->highest[1]);

    if (last[0].number > b->highest[0] ||
        (last[0].number == b->highest[0] && last_part > b->highest[1])) {
        b->highest[0] = last[0].number;
        b->highest[1] = last_part;
    }
    return behind && (b->tree.open || (alone && b->order_end >= b->size.rows / WORTH_PART));
}

/* Writes what may go past SQLite; the rest stays in order[]. */
static enum status append(struct batch *b, bool alone)
{
    enum status status = STATUS_OK;
    struct record_laid laid;

    if (!may_append(b, alone))
        return b->tree.open ? leaves_link(b->leaves) : STATUS_OK;
    if (!b->tree.open)
        status = leaves_open(b->leaves, &b->tree);
    while (status == STATUS_OK && b->order_first < b->order_end) {
        const struct row_value *row = b->order[b->order_first];
        status = sum_next(b, &laid) ? leaves_add_laid(b->leaves, &b->tree, &laid, row[0].number)
                                    : leaves_add(b->leaves, &b->tree, row, b->columns);
        b->order_first += status == STATUS_OK;
    }
    if (status == STATUS_END) /* such a row, or such a tree, is SQLite's */
        status = leaves_link(b->leaves);
    return status;
}

struct batch_rows *batch_turn(struct batch *b)
{
    struct batch_rows *rows = b->filling;

    b->filling = &b->sets[(unsigned)(b->filling - b->sets + 1) % b->set_count];
    return rows;
}

void batch_make(const struct batch_rows *rows)
{
    for (int i = 0; i < rows->later_count; i++)
        rows->later[i].fill(rows->later[i].to, rows->later[i].from);
}

void batch_drop(struct batch_rows *rows)
{
    rows->count = 0;
    rows->bytes_len = 0;
    rows->later_count = 0;
}

int batch_write(struct batch *b, struct batch_rows *rows, bool alone)
{
    int code = SQLITE_OK;

    put_in_order(b, rows);
    if (b->leaves && rows->count > 0 && append(b, alone) != STATUS_OK)
        code = SQLITE_ABORT;
    while (b->summed < rows->count) /* those that are left for SQLite */
        sum_next(b, NULL);
    if (code == SQLITE_OK && b->order_first < b->order_end)
        code = b->image.bytes ? write_image(b) : run(b);
    batch_drop(rows);
    return code;
}
