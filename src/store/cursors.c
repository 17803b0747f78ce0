/* cursors.c - the frames of a flow, the segments of a stream, and a stream from front to end.
 *
 *     stream_data, one row       [....]
 *     chunk_data                        [....][....]      [....]
 *     gaps                                          (gap)        (tail gap)
 *     ──────────────────────────────────────────────────────────────────► position
 *
 * A stream is those three merged by position. Where its payload stayed in the capture, what layout.h makes of
 * that stands in the place of the first two. Pieces may touch but not overlap; what lies between two
 * of them and is in no row of gaps is a gap all the same. */
#include "store/reader.h"

#include "base/digest.h"
#include "store/layout.h"
#include "store/parts.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
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

#define SOURCES(and)                                                                            \
    {                                                                                           \
        "SELECT position, length(data), data FROM \"%w\".stream_data WHERE stream_id = ?1" and, \
            "SELECT position, length, data FROM \"%w\".chunk_data WHERE stream_id = ?1" and     \
                " ORDER BY position",                                                           \
            "SELECT position, length, cause, tail FROM \"%w\".gaps WHERE stream_id = ?1" and    \
                " ORDER BY position",                                                           \
    }

static const char *const source_sql[] = SOURCES("");
static const char *const later_sql[] = SOURCES(" AND position >= ?2"); /* after a seek */

struct stream_cursor {
    struct reader *reader; /* borrowed */
    int64_t stream_id;
    struct source sources[SOURCE_COUNT];
    struct source *given; /* its row was handed out by the last call, or NULL */
    int64_t next;         /* one past the last piece; valid with begun */
    bool begun;

    /* Of a stream whose payload is in its evidence. */
    struct layout *layout; /* NULL: it is in the case */
    struct source laid;
    int64_t start, end;              /* of what is present */
    bool open;                       /* its row is of earlier: more may have come */
    char sha256[DIGEST_HEX_LEN + 1]; /* that its bytes must have; empty: not known */
    struct digest digest;            /* of what was given of them so far */
};

/* Whether the payload of any stream of the case is in evidence. */
static enum status any_by_reference(bool *any, struct reader *reader, struct error *err)
{
    sqlite3_stmt *s;
    enum status status = reader_prepare_own(reader, &s, "SELECT options FROM \"%w\".evidence", err);

    *any = false;
    if (status != STATUS_OK)
        return status;
    int step;
    while (!*any && (step = sqlite3_step(s)) == SQLITE_ROW) {
        const char *options = (const char *)sqlite3_column_text(s, 0);
        *any = options && layout_is_asked(options);
    }
    if (!*any && step != SQLITE_DONE)
        status = of_case(reader, error_set(err, "%s", sqlite3_errmsg(reader_db(reader))), err);
    sqlite3_finalize(s);
    return status;
}

/* The number that a statement gives of the stream (?1) and `bound` (?2); `otherwise` where there is none. Takes `sql`. */
static enum status ask_number(int64_t *number, struct stream_cursor *c, char *sql, int64_t bound,
                              int64_t otherwise, struct error *err)
{
    sqlite3_stmt *s = NULL;
    enum status status = sql ? reader_prepare(c->reader, &s, sql, err)
                             : of_case(c->reader, error_no_memory(err, "no memory"), err);

    *number = otherwise;
    sqlite3_free(sql);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(s, 1, c->stream_id);
    sqlite3_bind_int64(s, 2, bound);
    if (sqlite3_step(s) == SQLITE_ROW && sqlite3_column_type(s, 0) == SQLITE_INTEGER)
        *number = sqlite3_column_int64(s, 0);
    if (sqlite3_finalize(s) != SQLITE_OK)
        status =
            of_case(c->reader, error_set(err, "%s", sqlite3_errmsg(reader_db(c->reader))), err);
    return status;
}

/* A number that SQL makes of the arrivals of the stream; `otherwise` where there is none. */
static enum status ask_arrivals(int64_t *number, struct stream_cursor *c, const char *what,
                                int64_t beyond, int64_t otherwise, struct error *err)
{
    char *sql = sqlite3_mprintf("SELECT %s FROM \"%w\".arrivals WHERE stream_id = ?1 AND high > ?2",
                                what, reader_schema(c->reader));

    return ask_number(number, c, sql, beyond, otherwise, err);
}

/* Of a stream that is being written, or was when its writer was killed. */
static enum status reach_further(struct stream_cursor *c, struct error *err)
{
    int64_t low, high;
    enum status status = ask_arrivals(&low, c, "min(low)", INT64_MIN, c->start, err);

    if (status == STATUS_OK)
        status = ask_arrivals(&high, c, "max(high)", INT64_MIN, c->end, err);
    if (status != STATUS_OK)
        return status;
    c->start = low >= -POSITION_MAX && low <= POSITION_MAX ? low : c->start;
    c->end = high > c->start && high <= POSITION_MAX ? high : c->end;
    return STATUS_OK;
}

/* Finds out whether the payload of the stream is in its evidence, and makes ready to read it there. */
static enum status open_layout(struct stream_cursor *c, struct error *err)
{
    const char *schema = reader_schema(c->reader);
    sqlite3_stmt *s = NULL;
    bool any;
    enum status status = any_by_reference(&any, c->reader, err);

    if (status != STATUS_OK || !any)
        return status;
    char *sql = sqlite3_mprintf(
        "SELECT e.options, s.start, s.length, CASE WHEN s.policy IS NULL OR s.conflicted = 0"
        " THEN s.sha256 END, s.verdict = 'open' FROM \"%w\".streams AS s JOIN \"%w\".flows AS f ON "
        "f.flow_id = "
        "s.flow_id"
        " JOIN \"%w\".evidence AS e ON e.evidence_id = f.evidence_id WHERE s.stream_id = ?1",
        schema, schema, schema);
    status = sql ? reader_prepare(c->reader, &s, sql, err)
                 : of_case(c->reader, error_no_memory(err, "no memory"), err);
    sqlite3_free(sql);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(s, 1, c->stream_id);
    int step = sqlite3_step(s);
    const char *options = step == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
    if (options && layout_is_asked(options)) {
        const char *sha256 = (const char *)sqlite3_column_text(s, 3);
        int64_t start = sqlite3_column_int64(s, 1), length = sqlite3_column_int64(s, 2);
        digest_start(&c->digest);
        snprintf(c->sha256, sizeof c->sha256, "%s", sha256 ? sha256 : "");
        c->start = start;
        c->open = sqlite3_column_int(s, 4) != 0;
        c->end = length >= 0 && start <= POSITION_MAX - length ? start + length : start;
        if (!reader_evidence(c->reader))
            status = error_set(err,
                               "the payload of stream %" PRId64 " is not in the case but in its"
                               " evidence, which is not read here: seine sql --files, the extension"
                               " seine_files and seine follow do",
                               c->stream_id);
        else if (length < 0 || start < -POSITION_MAX || start > POSITION_MAX - length)
            status = error_set(err, "stream %" PRId64 ": a position or length makes no sense",
                               c->stream_id);
        else
            status = layout_open(&c->layout, reader_db(c->reader), schema,
                                 reader_evidence(c->reader), err);
        of_case(c->reader, status, err);
        if (status == STATUS_OK && c->open)
            status = reach_further(c, err);
    } else if (step != SQLITE_ROW && step != SQLITE_DONE) {
        status =
            of_case(c->reader, error_set(err, "%s", sqlite3_errmsg(reader_db(c->reader))), err);
    }
    sqlite3_finalize(s);
    return status;
}

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
    enum status status = open_layout(c, err);
    if (status != STATUS_OK) {
        stream_cursor_close(c);
        return status;
    }
    if (c->layout) /* what of it is in the case, the layout knows */
        c->sources[SOURCE_SMALL].end = c->sources[SOURCE_LARGE].end = true;
    *cursor = c;
    return STATUS_OK;
}

/* The place of the last row of a source that begins at `position` or before; *found is raised to it. */
static enum status find_last(int64_t *found, struct stream_cursor *c, int source, int64_t position,
                             struct error *err)
{
    int64_t last;
    char *sql = sqlite3_mprintf("SELECT max(position) FROM \"%w\".\"%w\""
                                " WHERE stream_id = ?1 AND position <= ?2",
                                reader_schema(c->reader), source_tables[source]);
    enum status status = ask_number(&last, c, sql, position, INT64_MIN, err);

    if (last > *found)
        *found = last;
    return status;
}

enum status stream_cursor_seek(struct stream_cursor *c, int64_t position, struct error *err)
{
    int64_t found = INT64_MIN;

    assert(!c->begun && !c->given);
    if (c->layout) /* its bytes are hashed from the first to the last */
        return STATUS_OK;
    for (int i = 0; i < SOURCE_COUNT; i++) {
        enum status status = find_last(&found, c, i, position, err);
        if (status != STATUS_OK)
            return status;
    }
    for (int i = 0; i < SOURCE_COUNT && found != INT64_MIN; i++) {
        sqlite3_stmt *later;
        enum status status = reader_prepare_own(c->reader, &later, later_sql[i], err);
        if (status != STATUS_OK)
            return status;
        sqlite3_finalize(c->sources[i].statement);
        c->sources[i].statement = later;
        sqlite3_bind_int64(later, 1, c->stream_id);
        sqlite3_bind_int64(later, 2, found);
    }
    return STATUS_OK;
}

void stream_cursor_close(struct stream_cursor *cursor)
{
    if (!cursor)
        return;
    for (int i = 0; i < SOURCE_COUNT; i++)
        sqlite3_finalize(cursor->sources[i].statement);
    layout_close(cursor->layout);
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

/* Has the layout hold the run of bytes that comes next, if one does before the next gap. The row of that
 * has been fetched. */
static enum status fetch_laid(struct stream_cursor *c, struct error *err)
{
    enum { HOLES_MOST = 64 };
    unsigned holes = 0;
    const struct source *gaps = &c->sources[SOURCE_GAPS];
    int64_t at = c->begun && c->next > c->start ? c->next : c->start, end = c->end;

    if (c->laid.fetched)
        return STATUS_OK;
    if (!gaps->end && gaps->piece.position < end)
        end = gaps->piece.position;
    while (at < end) {
        if (!layout_covers(c->layout, c->stream_id, at)) {
            enum status status =
                layout_make(c->layout, c->stream_id, at, end, span_of(NULL, 0), err);
            if (status != STATUS_OK)
                return of_case(c->reader, status, err);
        }
        struct span run = layout_run(c->layout, at);
        if ((int64_t)run.len > end - at)
            run = span_first(run, (size_t)(end - at));
        if (run.len > 0) {
            c->laid.piece =
                (struct stream_piece){.position = at, .length = (int64_t)run.len, .bytes = run};
            c->laid.fetched = true;
            return STATUS_OK;
        }
        int64_t next = layout_next(c->layout, at);
        const bool is_long = next - at >= LAYOUT_LEN;
        if (is_long && (!c->open || holes++ == HOLES_MOST))
            break; /* no case of ours has such a hole that is in no gap, but where it is open */
        at = next;
        enum status status = is_long ? ask_arrivals(&next, c, "min(low)", at, at, err) : STATUS_OK;
        if (status != STATUS_OK)
            return status;
        at = next > at ? next : at;
    }
    return STATUS_OK;
}

/* Whether the bytes that were read in evidence are those of the ingest. */
static enum status check_laid(struct stream_cursor *c, struct error *err)
{
    char hex[DIGEST_HEX_LEN + 1];

    if (!c->sha256[0])
        return STATUS_END;
    digest_end(&c->digest, hex);
    bool same = strcmp(hex, c->sha256) == 0;
    c->sha256[0] = 0; /* it is told once */
    if (same)
        return STATUS_END;
    return of_case(c->reader,
                   error_set(err,
                             "stream %" PRId64 ": its evidence has changed: the bytes that it "
                             "has now do not have the SHA-256 of the stream",
                             c->stream_id),
                   err);
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
    if (cursor->layout) {
        enum status status = fetch_laid(cursor, err);
        if (status != STATUS_OK)
            return status;
    }
    const struct source *gap = first < 0 ? NULL : &cursor->sources[first];
    bool is_laid =
        cursor->laid.fetched && (!gap || cursor->laid.piece.position < gap->piece.position);
    if (first < 0 && !is_laid)
        return check_laid(cursor, err);

    struct source *s = is_laid ? &cursor->laid : &cursor->sources[first];
    if (!is_laid && cursor->begun && s->piece.position < cursor->next)
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
        if (is_laid)
            digest_add(&cursor->digest, piece->bytes);
    }
    cursor->begun = true;
    cursor->next = piece->position + piece->length;
    return STATUS_OK;
}

bool stream_cursor_by_reference(const struct stream_cursor *cursor)
{
    return cursor->layout != NULL;
}
