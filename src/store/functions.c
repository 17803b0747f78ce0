/* functions.c - views of streams as functions of SQL. */
#include "store/streams.h"
#include "store/tables.h"
#include "store/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES_MAX = 64 << 20 }; /* that stream_bytes() gives at a time */

static void fails(sqlite3_context *context, const struct error *err)
{
    if (err->no_memory)
        sqlite3_result_error_nomem(context);
    else
        sqlite3_result_error(context, err->text, -1);
}

/* The policy that an argument names; NULL is the stream's own. False after an error. */
static bool policy_of(const struct policy **policy, sqlite3_context *context, sqlite3_value *name)
{
    struct error err = {0};

    *policy = NULL;
    if (sqlite3_value_type(name) == SQLITE_NULL)
        return true;
    const char *text = (const char *)sqlite3_value_text(name);
    *policy = text ? policy_find(text) : NULL;
    if (*policy)
        return true;
    error_set(&err, "there is no policy '%.60s'", text ? text : "");
    fails(context, &err);
    return false;
}

static bool is_integer(sqlite3_value *value)
{
    return sqlite3_value_type(value) == SQLITE_INTEGER;
}

/* The case in a schema, "main" where `schema` is NULL. Ended by streams_leave() also when it fails. */
static enum status read_case(struct streams *streams, sqlite3_context *context,
                             sqlite3_value *schema, struct error *err)
{
    const char *name = schema ? (const char *)sqlite3_value_text(schema) : "main";

    return streams_enter(streams, sqlite3_user_data(context), sqlite3_context_db_handle(context),
                         name ? name : "main", err);
}

/* Whether there is a stream of this id. */
static enum status find_stream(bool *found, struct reader *reader, int64_t stream_id,
                               struct error *err)
{
    sqlite3_stmt *row;
    enum status status =
        reader_prepare_own(reader, &row, "SELECT 1 FROM \"%w\".streams WHERE stream_id = ?1", err);

    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(row, 1, stream_id);
    int rc = sqlite3_step(row);
    *found = rc == SQLITE_ROW;
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        status = error_set(err, "reading %s: %s", reader_path(reader),
                           sqlite3_errmsg(reader_db(reader)));
    sqlite3_finalize(row);
    return status;
}

static void stream_view_sha256(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    const struct policy *policy;
    struct streams streams;
    struct error err = {0};
    char hex[DIGEST_HEX_LEN + 1];
    bool found = false;

    if (!is_integer(argv[0]) || !policy_of(&policy, context, argv[1]))
        return;
    int64_t stream_id = sqlite3_value_int64(argv[0]);
    enum status status = read_case(&streams, context, argc > 2 ? argv[2] : NULL, &err);
    if (status == STATUS_OK)
        status = find_stream(&found, streams.reader, stream_id, &err);
    if (status == STATUS_OK && found)
        status = view_hash(hex, streams.reader, stream_id, policy, &err);
    streams_leave(&streams);
    if (status != STATUS_OK)
        fails(context, &err);
    else if (found)
        sqlite3_result_text(context, hex, DIGEST_HEX_LEN, SQLITE_TRANSIENT);
}

/* Fills `to` with positions [begin, end). *whole: all of them are there. */
static enum status read_range(uint8_t *to, bool *whole, struct view *view, int64_t begin,
                              int64_t end, struct error *err)
{
    struct stream_piece piece;
    int64_t at = begin; /* all before it is there */
    enum status status = STATUS_OK;

    while (at < end && (status = view_next(view, &piece, err)) == STATUS_OK) {
        if (piece.position + piece.length <= at)
            continue;
        if (piece.cause || piece.position > at)
            break;
        struct span bytes = span_after(piece.bytes, (size_t)(at - piece.position));
        bytes = span_first(bytes, (size_t)(end - at));
        memcpy(to + (at - begin), bytes.data, bytes.len);
        at += (int64_t)bytes.len;
    }
    *whole = at == end;
    return status == STATUS_FAILED ? status : STATUS_OK;
}

static void stream_bytes(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    const struct policy *policy = NULL;
    struct view *view = NULL;
    struct streams streams;
    struct error err = {0};
    bool whole;

    if (!is_integer(argv[0]) || !is_integer(argv[1]) || !is_integer(argv[2]) ||
        (argc > 3 && !policy_of(&policy, context, argv[3])))
        return;
    int64_t position = sqlite3_value_int64(argv[1]), length = sqlite3_value_int64(argv[2]);
    if (length < 0 || length > BYTES_MAX || position > INT64_MAX - length) {
        error_set(&err, "stream_bytes() gives up to %d MiB at a time", BYTES_MAX >> 20);
        fails(context, &err);
        return;
    }
    uint8_t *bytes = sqlite3_malloc64((uint64_t)length + 1);
    if (!bytes) {
        sqlite3_result_error_nomem(context);
        return;
    }
    enum status status = read_case(&streams, context, argc > 4 ? argv[4] : NULL, &err);
    if (status == STATUS_OK)
        status = view_open(&view, streams.reader, sqlite3_value_int64(argv[0]), policy, &err);
    if (status == STATUS_OK)
        status = view_seek(view, position, &err);
    if (status == STATUS_OK)
        status = read_range(bytes, &whole, view, position, position + length, &err);
    view_close(view);
    streams_leave(&streams);
    if (status != STATUS_OK)
        fails(context, &err);
    else if (whole)
        sqlite3_result_blob64(context, bytes, (uint64_t)length, SQLITE_TRANSIENT);
    sqlite3_free(bytes);
}

enum status functions_register(sqlite3 *db, struct error *err)
{
    static const struct {
        const char *name;
        int argc;
        void (*function)(sqlite3_context *context, int argc, sqlite3_value **argv);
    } functions[] = {
        {"stream_view_sha256", 2, stream_view_sha256},
        {"stream_view_sha256", 3, stream_view_sha256},
        {"stream_bytes", 3, stream_bytes},
        {"stream_bytes", 4, stream_bytes},
        {"stream_bytes", 5, stream_bytes},
    };
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        struct reader_checked *checked = calloc(1, sizeof *checked);
        if (!checked)
            return error_no_memory(err, "no memory for the function %s", functions[i].name);
        /* Frees it also when it fails. */
        if (sqlite3_create_function_v2(db, functions[i].name, functions[i].argc,
                                       SQLITE_UTF8 | SQLITE_DIRECTONLY, checked,
                                       functions[i].function, NULL, NULL, free) != SQLITE_OK)
            return (sqlite3_errcode(db) == SQLITE_NOMEM ? error_no_memory : error_set)(
                err, "the function %s cannot be registered: %s", functions[i].name,
                sqlite3_errmsg(db));
    }
    return STATUS_OK;
}
