/* kept.c - bytes that a case keeps: its rows, or, where payload is in its evidence, a layout of it. */
#include "search/kept.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct kept {
    struct reader *reader; /* borrowed */
    sqlite3_stmt *rows;
    struct layout *layout; /* NULL where payload is in the case, or evidence is not read */
    bool by_reference;
};

static enum status fails(const struct kept *k, struct error *err)
{
    bool no_memory = (sqlite3_errcode(reader_db(k->reader)) & 0xff) == SQLITE_NOMEM;
    return (no_memory ? error_no_memory : error_set)(err, "reading %s: %s", reader_path(k->reader),
                                                     sqlite3_errmsg(reader_db(k->reader)));
}

static enum status ask_reference(struct kept *k, struct error *err)
{
    sqlite3_stmt *row;
    int rc = SQLITE_DONE;
    enum status status =
        reader_prepare_own(k->reader, &row, "SELECT options FROM \"%w\".evidence", err);

    while (status == STATUS_OK && !k->by_reference && (rc = sqlite3_step(row)) == SQLITE_ROW) {
        const char *options = (const char *)sqlite3_column_text(row, 0);
        k->by_reference = options && layout_is_asked(options);
    }
    if (status == STATUS_OK && !k->by_reference && rc != SQLITE_DONE)
        status = fails(k, err);
    sqlite3_finalize(row);
    return status;
}

/* As in store/layout.c: a row of chunk_data has at most 16,384 bytes. */
static enum status prepare_rows(struct kept *k, struct error *err)
{
    const char *schema = reader_schema(k->reader);
    char *sql = sqlite3_mprintf("SELECT position, data FROM \"%w\".stream_data"
                                " WHERE stream_id = ?1 UNION ALL SELECT position, data"
                                " FROM \"%w\".chunk_data WHERE stream_id = ?1"
                                " AND position > ?2 - 16384 AND position < ?3",
                                schema, schema);
    enum status status =
        sql ? reader_prepare(k->reader, &k->rows, sql, err)
            : error_no_memory(err, "reading %s: no memory", reader_path(k->reader));

    sqlite3_free(sql);
    return status;
}

enum status kept_open(struct kept **kept, struct reader *reader, struct error *err)
{
    struct kept *k = calloc(1, sizeof *k);

    *kept = NULL;
    if (!k)
        return error_no_memory(err, "reading %s: no memory", reader_path(reader));
    k->reader = reader;
    enum status status = ask_reference(k, err);
    if (status == STATUS_OK)
        status = prepare_rows(k, err);
    if (status == STATUS_OK && k->by_reference && reader_evidence(reader))
        status = layout_open(&k->layout, reader_db(reader), reader_schema(reader),
                             reader_evidence(reader), err);
    if (status == STATUS_OK)
        *kept = k;
    else
        kept_close(k);
    return status;
}

void kept_close(struct kept *k)
{
    if (!k)
        return;
    sqlite3_finalize(k->rows);
    layout_close(k->layout);
    free(k);
}

bool kept_by_reference(const struct kept *k)
{
    return k->by_reference;
}

void kept_lay(uint8_t *bytes, bool *present, int64_t begin, int64_t end, int64_t position,
              struct span run)
{
    int64_t last;

    if (__builtin_add_overflow(position, (int64_t)run.len, &last))
        return;
    int64_t from = position > begin ? position : begin, to = last < end ? last : end;
    if (from >= to)
        return;
    memcpy(bytes + (from - begin), run.data + (from - position), (size_t)(to - from));
    memset(present + (from - begin), true, (size_t)(to - from));
}

static enum status read_layout(struct kept *k, uint8_t *bytes, bool *present, int64_t stream_id,
                               int64_t begin, int64_t end, struct error *err)
{
    enum status status = layout_make(k->layout, stream_id, begin, end, span_of(NULL, 0), err);
    int64_t at = begin;

    while (status == STATUS_OK && (at = layout_next(k->layout, at)) < end) {
        struct span run = layout_run(k->layout, at);
        if (run.len == 0)
            break;
        kept_lay(bytes, present, begin, end, at, run);
        at += (int64_t)run.len;
    }
    return status;
}

enum status kept_read(struct kept *k, uint8_t *bytes, bool *present, int64_t stream_id,
                      int64_t begin, int64_t end, struct error *err)
{
    int rc;

    assert(begin <= end && end - begin <= LAYOUT_LEN);
    memset(present, 0, (size_t)(end - begin));
    if (k->layout)
        return read_layout(k, bytes, present, stream_id, begin, end, err);
    sqlite3_bind_int64(k->rows, 1, stream_id);
    sqlite3_bind_int64(k->rows, 2, begin);
    sqlite3_bind_int64(k->rows, 3, end);
    while ((rc = sqlite3_step(k->rows)) == SQLITE_ROW) {
        const void *data = sqlite3_column_blob(k->rows, 1);
        size_t len = data ? (size_t)sqlite3_column_bytes(k->rows, 1) : 0;
        kept_lay(bytes, present, begin, end, sqlite3_column_int64(k->rows, 0), span_of(data, len));
    }
    enum status status = rc == SQLITE_DONE ? STATUS_OK : fails(k, err);
    sqlite3_reset(k->rows);
    return status;
}
