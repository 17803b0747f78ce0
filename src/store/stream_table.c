/* stream_table.c - the table-valued function stream_bytes(): a stream from front to end, as rows.
 *
 *     SELECT position, length, data, cause FROM stream_bytes(5);
 *     SELECT data FROM stream_bytes(5, 1000, 200, 'linux') WHERE cause IS NULL;
 *
 * A row is a run of bytes, or a gap, with its cause in place of data; each begins where the one before it ended,
 * and is at most a chunk long. The function of the same name gives the bytes in one blob, and NULL where one is
 * missing. As that one it computes views, so a schema cannot call it (direct only). */
#include "store/streams.h"
#include "store/tables.h"
#include "store/view.h"
#include "store/vtab.h"

#include <string.h>

enum column {
    COLUMN_STREAM_ID,
    COLUMN_POSITION,
    COLUMN_LENGTH,
    COLUMN_DATA,
    COLUMN_CAUSE,
    COLUMN_TAIL,
    COLUMN_ARGUMENTS, /* the hidden ones, in this order: */
    ARGUMENT_STREAM = 0,
    ARGUMENT_POSITION,
    ARGUMENT_LENGTH,
    ARGUMENT_POLICY,
    ARGUMENT_SCHEMA,
    ARGUMENT_COUNT,
};

struct stream_table {
    sqlite3_vtab base;
    sqlite3 *db;
    struct reader_checked checked;
};

struct stream_cursor_of {
    sqlite3_vtab_cursor base;
    struct streams streams;
    struct view *view; /* NULL at the end */
    struct stream_piece piece;
    int64_t stream_id;
    int64_t begin, end; /* positions that were asked for */
    int64_t length;     /* of what was asked for from the first piece on; -1: `end` says it */
    int64_t rowid;
    sqlite3_value *given[ARGUMENT_COUNT]; /* arguments; NULL: not given */
};

static int bytes_connect(sqlite3 *db, void *aux, int argc, const char *const *argv,
                         sqlite3_vtab **vtab, char **message)
{
    (void)aux, (void)argc, (void)argv, (void)message;

    int rc = sqlite3_declare_vtab(
        db, "CREATE TABLE stream_bytes (stream_id INTEGER, position INTEGER, length INTEGER,"
            " data BLOB, cause TEXT, tail INTEGER, stream INTEGER HIDDEN, \"begin\" INTEGER HIDDEN,"
            " count INTEGER HIDDEN, policy TEXT HIDDEN, schema TEXT HIDDEN)");
    if (rc != SQLITE_OK)
        return rc;
    struct stream_table *t = sqlite3_malloc(sizeof *t);
    if (!t)
        return SQLITE_NOMEM;
    *t = (struct stream_table){.db = db};
    sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY);
    *vtab = &t->base;
    return SQLITE_OK;
}

static int bytes_disconnect(sqlite3_vtab *vtab)
{
    sqlite3_free(vtab);
    return SQLITE_OK;
}

/* The index is a bit for each argument that is given. The stream may also be named by its column. */
static int bytes_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    int place = 0;
    (void)vtab;

    info->idxNum = 0;
    for (int i = 0; i < ARGUMENT_COUNT; i++) {
        int at = vtab_argument(info, COLUMN_ARGUMENTS + i);
        bool by_column = at == VTAB_NONE && i == ARGUMENT_STREAM;
        if (by_column)
            at = vtab_argument(info, COLUMN_STREAM_ID);
        if (at == VTAB_UNUSABLE)
            return SQLITE_CONSTRAINT;
        if (at == VTAB_NONE && i == ARGUMENT_STREAM)
            return vtab_needs_more(info);
        if (at == VTAB_NONE)
            continue;
        vtab_take(info, at, ++place);
        info->aConstraintUsage[at].omit = !by_column;
        info->idxNum |= 1 << i;
    }
    info->estimatedCost = 10000;
    info->estimatedRows = 100;
    return SQLITE_OK;
}

static int bytes_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **cursor)
{
    (void)vtab;
    struct stream_cursor_of *c = sqlite3_malloc(sizeof *c);
    if (!c)
        return SQLITE_NOMEM;
    memset(c, 0, sizeof *c);
    *cursor = &c->base;
    return SQLITE_OK;
}

static void bytes_leave(struct stream_cursor_of *c)
{
    view_close(c->view);
    streams_leave(&c->streams);
    c->view = NULL;
}

static void bytes_forget(struct stream_cursor_of *c)
{
    bytes_leave(c);
    for (int i = 0; i < ARGUMENT_COUNT; i++) {
        sqlite3_value_free(c->given[i]);
        c->given[i] = NULL;
    }
}

static int bytes_close(sqlite3_vtab_cursor *cursor)
{
    struct stream_cursor_of *c = (struct stream_cursor_of *)cursor;
    bytes_forget(c);
    sqlite3_free(c);
    return SQLITE_OK;
}

/* Cuts what was not asked for off a piece; false when nothing is left. */
static bool clip(struct stream_piece *piece, int64_t begin, int64_t end)
{
    int64_t from = piece->position > begin ? piece->position : begin;
    int64_t to = piece->position + piece->length; /* no stream goes as far as to pass the end */

    to = to < end ? to : end;
    if (from >= to)
        return false;
    if (!piece->cause) {
        piece->bytes = span_after(piece->bytes, (size_t)(from - piece->position));
        piece->bytes = span_first(piece->bytes, (size_t)(to - from));
    }
    piece->position = from;
    piece->length = to - from;
    return true;
}

static int64_t end_of(int64_t begin, int64_t length)
{
    return begin > 0 && length > INT64_MAX - begin ? INT64_MAX : begin + length;
}

static int bytes_next(sqlite3_vtab_cursor *cursor)
{
    struct stream_cursor_of *c = (struct stream_cursor_of *)cursor;
    struct error err;
    enum status status;

    c->rowid++;
    while ((status = view_next(c->view, &c->piece, &err)) == STATUS_OK) {
        if (c->length >= 0)
            c->end = end_of(c->piece.position, c->length);
        c->length = -1;
        if (c->piece.position >= c->end)
            break;
        if (clip(&c->piece, c->begin, c->end))
            return SQLITE_OK;
    }
    bytes_leave(c);
    return status == STATUS_FAILED ? vtab_fail(cursor->pVtab, &err) : SQLITE_OK;
}

/* What was asked for. STATUS_END when nothing can be that. */
static enum status bytes_ask(struct stream_cursor_of *c, const struct policy **policy,
                             const char **schema, struct error *err)
{
    sqlite3_value *const *given = c->given;
    sqlite3_value *position = given[ARGUMENT_POSITION], *length = given[ARGUMENT_LENGTH];

    *policy = NULL;
    *schema = "main";
    if (!given[ARGUMENT_STREAM])
        return STATUS_END;
    if (sqlite3_value_numeric_type(given[ARGUMENT_STREAM]) != SQLITE_INTEGER)
        return error_set(err, "stream_bytes(): the stream is not a number");
    c->stream_id = sqlite3_value_int64(given[ARGUMENT_STREAM]);
    c->begin = INT64_MIN;
    c->end = INT64_MAX;
    c->length = -1;
    if (position) {
        if (sqlite3_value_type(position) != SQLITE_INTEGER)
            return error_set(err, "stream_bytes(): the position is no whole number");
        c->begin = sqlite3_value_int64(position);
    }
    if (length) {
        int64_t len = sqlite3_value_int64(length);
        if (sqlite3_value_type(length) != SQLITE_INTEGER || len < 0)
            return error_set(err, "stream_bytes(): the length is no whole number from 0 on");
        if (position)
            c->end = end_of(c->begin, len);
        else
            c->length = len;
    }
    if (given[ARGUMENT_POLICY]) {
        const char *name = (const char *)sqlite3_value_text(given[ARGUMENT_POLICY]);
        *policy = name ? policy_find(name) : NULL;
        if (!*policy)
            return error_set(err, "there is no policy '%.60s'", name ? name : "");
    }
    if (given[ARGUMENT_SCHEMA])
        *schema = (const char *)sqlite3_value_text(given[ARGUMENT_SCHEMA]);
    return *schema ? STATUS_OK : error_no_memory(err, "stream_bytes(): no memory");
}

static int bytes_filter(sqlite3_vtab_cursor *cursor, int index, const char *index_text, int argc,
                        sqlite3_value **argv)
{
    struct stream_cursor_of *c = (struct stream_cursor_of *)cursor;
    struct stream_table *t = (struct stream_table *)cursor->pVtab;
    const struct policy *policy;
    const char *schema;
    struct error err;
    (void)index_text, (void)argc;

    bytes_forget(c);
    c->rowid = 0;
    if (index == VTAB_NONE) {
        error_set(&err, "stream_bytes() needs a stream, as in stream_bytes(5)");
        return vtab_fail(cursor->pVtab, &err);
    }
    for (int i = 0; i < ARGUMENT_COUNT; i++) {
        sqlite3_value *value = index >> i & 1 ? *argv++ : NULL;
        if (!value || sqlite3_value_type(value) == SQLITE_NULL) /* as if it were not there */
            continue;
        c->given[i] = sqlite3_value_dup(value);
        if (!c->given[i])
            return SQLITE_NOMEM;
    }
    enum status status = bytes_ask(c, &policy, &schema, &err);
    if (status == STATUS_END)
        return SQLITE_OK;
    if (status == STATUS_OK)
        status = streams_enter(&c->streams, &t->checked, t->db, schema, &err);
    if (status == STATUS_OK)
        status = view_open(&c->view, c->streams.reader, c->stream_id, policy, &err);
    if (status == STATUS_OK && c->begin != INT64_MIN)
        status = view_seek(c->view, c->begin, &err);
    if (status == STATUS_OK)
        return bytes_next(cursor);
    bytes_leave(c);
    return vtab_fail(cursor->pVtab, &err);
}

static int bytes_eof(sqlite3_vtab_cursor *cursor)
{
    return ((struct stream_cursor_of *)cursor)->view == NULL;
}

static int bytes_column(sqlite3_vtab_cursor *cursor, sqlite3_context *context, int column)
{
    struct stream_cursor_of *c = (struct stream_cursor_of *)cursor;
    const struct stream_piece *piece = &c->piece;

    switch (column) {
    case COLUMN_STREAM_ID:
        sqlite3_result_int64(context, c->stream_id);
        break;
    case COLUMN_POSITION:
        sqlite3_result_int64(context, piece->position);
        break;
    case COLUMN_LENGTH:
        sqlite3_result_int64(context, piece->length);
        break;
    case COLUMN_DATA:
        if (!piece->cause)
            sqlite3_result_blob64(context, piece->bytes.data, piece->bytes.len, SQLITE_TRANSIENT);
        break;
    case COLUMN_CAUSE:
        sqlite3_result_text(context, piece->cause, -1, SQLITE_TRANSIENT);
        break;
    case COLUMN_TAIL:
        sqlite3_result_int(context, piece->tail);
        break;
    default:
        if (c->given[column - COLUMN_ARGUMENTS])
            sqlite3_result_value(context, c->given[column - COLUMN_ARGUMENTS]);
        break;
    }
    return SQLITE_OK;
}

static int bytes_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *rowid)
{
    *rowid = ((struct stream_cursor_of *)cursor)->rowid;
    return SQLITE_OK;
}

static const sqlite3_module bytes_methods = {
    .xConnect = bytes_connect,
    .xBestIndex = bytes_best_index,
    .xDisconnect = bytes_disconnect,
    .xOpen = bytes_open,
    .xClose = bytes_close,
    .xFilter = bytes_filter,
    .xNext = bytes_next,
    .xEof = bytes_eof,
    .xColumn = bytes_column,
    .xRowid = bytes_rowid,
};

enum status stream_table_register(sqlite3 *db, struct error *err)
{
    if (sqlite3_create_module_v2(db, "stream_bytes", &bytes_methods, NULL, NULL) != SQLITE_OK)
        return (sqlite3_errcode(db) == SQLITE_NOMEM ? error_no_memory : error_set)(
            err, "the table stream_bytes cannot be registered: %s", sqlite3_errmsg(db));
    return STATUS_OK;
}
