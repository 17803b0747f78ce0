/* cursors.c - the frames of a flow, the segments of a stream, and a stream from front to end.
 *
 *     stream_data, one row       [....]
 *     chunk_data                        [....][....]      [....]
 *     gaps                                          (gap)        (tail gap)
 *     ──────────────────────────────────────────────────────────────────► position
 *
 * A stream is those three merged by position. Pieces may touch but not overlap; what lies between two
 * of them and is in no row of gaps is a gap all the same. */
#include "store/reader.h"

#include "store/parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct frame_cursor {
    struct reader *reader; /* borrowed */
    struct parts parts;
};

struct arrival_cursor {
    struct reader *reader; /* borrowed */
    struct parts parts;
};

static enum status of_case(const struct reader *reader, enum status status, struct error *err)
{
    if (status == STATUS_FAILED)
        error_prefix(err, "reading %s", reader_path(reader));
    return status;
}

enum status frame_cursor_open(struct frame_cursor **cursor, struct reader *reader, int64_t flow_id,
                              struct error *err)
{
    struct frame_cursor *c = calloc(1, sizeof *c);

    *cursor = NULL;
    if (!c)
        return of_case(reader, error_no_memory(err, "no memory"), err);
    c->reader = reader;
    enum status status =
        parts_open(&c->parts, reader_db(reader), reader_schema(reader), PARTS_FRAMES, true, err);
    if (status != STATUS_OK) {
        frame_cursor_close(c);
        return of_case(reader, status, err);
    }
    parts_start(&c->parts, flow_id);
    *cursor = c;
    return STATUS_OK;
}

enum status frame_cursor_next(struct frame_cursor *cursor, struct frame_record *record,
                              struct error *err)
{
    return of_case(cursor->reader, parts_next_frame(&cursor->parts, record, err), err);
}

void frame_cursor_close(struct frame_cursor *cursor)
{
    if (!cursor)
        return;
    parts_close(&cursor->parts);
    free(cursor);
}

enum status arrival_cursor_open(struct arrival_cursor **cursor, struct reader *reader,
                                int64_t stream_id, struct error *err)
{
    struct arrival_cursor *c = calloc(1, sizeof *c);

    *cursor = NULL;
    if (!c)
        return of_case(reader, error_no_memory(err, "no memory"), err);
    c->reader = reader;
    enum status status =
        parts_open(&c->parts, reader_db(reader), reader_schema(reader), PARTS_ARRIVALS, true, err);
    if (status != STATUS_OK) {
        arrival_cursor_close(c);
        return of_case(reader, status, err);
    }
    parts_start(&c->parts, stream_id);
    *cursor = c;
    return STATUS_OK;
}

enum status arrival_cursor_next(struct arrival_cursor *cursor, struct arrival_record *record,
                                struct error *err)
{
    return of_case(cursor->reader, parts_next_arrival(&cursor->parts, record, err), err);
}

void arrival_cursor_close(struct arrival_cursor *cursor)
{
    if (!cursor)
        return;
    parts_close(&cursor->parts);
    free(cursor);
}

/* One of the tables that a stream is merged from, and the piece that it will give next. */
struct source {
    sqlite3_stmt *statement;
    struct stream_piece piece;
    bool fetched; /* `piece` holds the current row */
    bool end;
};

enum { SOURCE_SMALL, SOURCE_LARGE, SOURCE_GAPS, SOURCE_COUNT };

/* Beyond this no stream goes; and the distance of two positions is a number. */
static const int64_t POSITION_MAX = INT64_MAX / 2;

static const char *const source_tables[] = {"stream_data", "chunk_data", "gaps"};

static const char *const source_sql[] = {
    "SELECT position, length(data), data FROM \"%w\".stream_data WHERE stream_id = ?1",
    "SELECT position, length, data FROM \"%w\".chunk_data WHERE stream_id = ?1 ORDER BY position",
    "SELECT position, length, cause, tail FROM \"%w\".gaps WHERE stream_id = ?1 ORDER BY position",
};

struct stream_cursor {
    struct reader *reader; /* borrowed */
    int64_t stream_id;
    struct source sources[SOURCE_COUNT];
    struct source *given; /* its row was handed out by the last call, or NULL */
    int64_t next;         /* one past the last piece; valid with begun */
    bool begun;
};

enum status stream_cursor_open(struct stream_cursor **cursor, struct reader *reader,
                               int64_t stream_id, struct error *err)
{
    struct stream_cursor *c = calloc(1, sizeof *c);

    *cursor = NULL;
    if (!c)
        return of_case(reader, error_no_memory(err, "no memory"), err);
    c->reader = reader;
    c->stream_id = stream_id;
    for (int i = 0; i < SOURCE_COUNT; i++) {
        enum status status =
            reader_prepare_own(reader, &c->sources[i].statement, source_sql[i], err);
        if (status != STATUS_OK) {
            stream_cursor_close(c);
            return status;
        }
        sqlite3_bind_int64(c->sources[i].statement, 1, stream_id);
    }
    *cursor = c;
    return STATUS_OK;
}

void stream_cursor_close(struct stream_cursor *cursor)
{
    if (!cursor)
        return;
    for (int i = 0; i < SOURCE_COUNT; i++)
        sqlite3_finalize(cursor->sources[i].statement);
    free(cursor);
}

static enum status row_fails(const struct stream_cursor *c, int source, const char *what,
                             struct error *err)
{
    bool no_memory = (sqlite3_errcode(reader_db(c->reader)) & 0xff) == SQLITE_NOMEM;
    (no_memory ? error_no_memory : error_set)(err, "%s of stream %" PRId64 ": %s",
                                              source_tables[source], c->stream_id,
                                              no_memory ? "no memory" : what);
    return of_case(c->reader, STATUS_FAILED, err);
}

/* Whether the row that a statement stands on has the types of its table. */
static bool has_its_types(sqlite3_stmt *row, int source)
{
    return sqlite3_column_type(row, 0) == SQLITE_INTEGER &&
           sqlite3_column_type(row, 1) == SQLITE_INTEGER &&
           (source == SOURCE_GAPS ? sqlite3_column_type(row, 2) == SQLITE_TEXT &&
                                        sqlite3_column_type(row, 3) == SQLITE_INTEGER
                                  : sqlite3_column_type(row, 2) == SQLITE_BLOB);
}

/* Has a source hold its next row, if there is one. */
static enum status fetch(struct stream_cursor *c, int which, struct error *err)
{
    struct source *s = &c->sources[which];
    if (s->fetched || s->end)
        return STATUS_OK;

    int rc = sqlite3_step(s->statement);
    if (rc == SQLITE_DONE) {
        s->end = true;
        return STATUS_OK;
    }
    if (rc != SQLITE_ROW)
        return row_fails(c, which, sqlite3_errmsg(reader_db(c->reader)), err);
    if (!has_its_types(s->statement, which))
        return row_fails(c, which, "a value is of another type", err);

    s->piece = (struct stream_piece){
        .position = sqlite3_column_int64(s->statement, 0),
        .length = sqlite3_column_int64(s->statement, 1),
    };
    if (s->piece.length <= 0 || s->piece.position < -POSITION_MAX ||
        s->piece.position > POSITION_MAX - s->piece.length)
        return row_fails(c, which, "a position or length makes no sense", err);
    if (which == SOURCE_GAPS) {
        s->piece.cause = (const char *)sqlite3_column_text(s->statement, 2);
        s->piece.tail = sqlite3_column_int64(s->statement, 3) != 0;
        if (!s->piece.cause)
            return row_fails(c, which, "no memory", err);
    } else {
        const void *data = sqlite3_column_blob(s->statement, 2);
        s->piece.bytes = span_of(data, (size_t)sqlite3_column_bytes(s->statement, 2));
        if (!data || s->piece.length != (int64_t)s->piece.bytes.len)
            return row_fails(c, which, "it has not as many bytes as it says", err);
    }
    s->fetched = true;
    return STATUS_OK;
}

enum status stream_cursor_next(struct stream_cursor *cursor, struct stream_piece *piece,
                               struct error *err)
{
    int first = -1;

    if (cursor->given)
        cursor->given->fetched = false;
    cursor->given = NULL;
    for (int i = 0; i < SOURCE_COUNT; i++) {
        const struct source *s = &cursor->sources[i];
        enum status status = fetch(cursor, i, err);
        if (status != STATUS_OK)
            return status;
        if (!s->end && (first < 0 || s->piece.position < cursor->sources[first].piece.position))
            first = i;
    }
    if (first < 0)
        return STATUS_END;

    struct source *s = &cursor->sources[first];
    if (cursor->begun && s->piece.position < cursor->next)
        return row_fails(cursor, first, "it overlaps what lies before it", err);
    if (cursor->begun && s->piece.position > cursor->next) {
        *piece = (struct stream_piece){
            .position = cursor->next,
            .length = s->piece.position - cursor->next,
            .cause = "unexplained",
        };
    } else {
        *piece = s->piece;
        cursor->given = s;
    }
    cursor->begun = true;
    cursor->next = piece->position + piece->length;
    return STATUS_OK;
}
