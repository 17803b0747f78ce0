/* search.c - the payload of a case, row by row or stream by stream, through a pattern. */
#include "search/search.h"

#include "base/table.h"
#include "search/finder.h"
#include "search/kept.h"
#include "store/live_form.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Beyond this no stream goes; as in store/cursors.c. */
static const int64_t POSITION_MAX = INT64_MAX / 2;

/* A stream whose next chunk is waited for, or one that is put off. */
struct waiting {
    int64_t stream_id;
    int64_t next;      /* where its next byte would be */
    int64_t end;       /* where its last one is, as its row says */
    struct scan *scan; /* NULL: it was given up, or put off */
    bool put_off;
    UT_hash_handle hh;
};

enum phase {
    PHASE_SMALL,
    PHASE_LARGE,
    PHASE_LATER,
    PHASE_EACH,
    PHASE_REFUSED,
    PHASE_CONFLICTS,
    PHASE_END
};

struct search {
    struct reader *reader; /* borrowed */
    bool snapshot;         /* a transaction on its connection is ours */
    bool holds;            /* it is a regular expression */
    struct search_options options;
    enum phase phase;
    sqlite3_stmt *rows;    /* of this phase */
    sqlite3_stmt *extents; /* of a stream: where its last byte is */
    struct kept *kept;     /* bytes near a position */

    bool by_reference; /* payload of some evidence is there, and nowhere else */

    struct waiting *waiting; /* a table */
    size_t runs;             /* of them those that are not put off */

    int64_t *later; /* owned; sorted up to `planned`, then as they were put off */
    size_t later_count, later_room, planned, later_at;

    struct stream_cursor *cursor; /* of the stream that is read by itself */
    int64_t stream_id;            /* of what is fed */
    struct scan *scan;
    int64_t scan_next;

    struct finder finder; /* and the hits that the last row gave */
};

const char *search_version_name(enum search_version version)
{
    static const char *const names[] = {
        [SEARCH_KEPT] = "kept", [SEARCH_CONFLICT] = "conflict", [SEARCH_REFUSED] = "refused"};
    return names[version];
}

const struct search_sums *search_sums(const struct search *search)
{
    return &search->finder.sums;
}

const char *search_first_reason(const struct search *search)
{
    return search->finder.reason;
}

static enum status row_fails(const struct search *s, struct error *err)
{
    bool no_memory = (sqlite3_errcode(reader_db(s->reader)) & 0xff) == SQLITE_NOMEM;
    return (no_memory ? error_no_memory : error_set)(err, "reading %s: %s", reader_path(s->reader),
                                                     sqlite3_errmsg(reader_db(s->reader)));
}

static enum status no_sense(const struct search *s, int64_t stream_id, struct error *err)
{
    return error_set(err, "reading %s: the payload of stream %" PRId64 " makes no sense",
                     reader_path(s->reader), stream_id);
}

static enum status no_memory(struct error *err)
{
    return error_no_memory(err, "no memory to search");
}

static bool is_wanted(const struct search *s, int64_t stream_id)
{
    return s->options.side < 0 || (stream_id & 1) == s->options.side;
}

static int by_id(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Whether the plan says that a stream is read by itself. */
static bool is_planned(const struct search *s, int64_t stream_id)
{
    return s->planned > 0 &&
           bsearch(&stream_id, s->later, s->planned, sizeof *s->later, by_id) != NULL;
}

static enum status add_later(struct search *s, int64_t stream_id, struct error *err)
{
    if (s->later_count == s->later_room) {
        size_t room = s->later_room ? 2 * s->later_room : 64;
        int64_t *grown = realloc(s->later, room * sizeof *grown);
        if (!grown)
            return no_memory(err);
        s->later = grown;
        s->later_room = room;
    }
    s->later[s->later_count++] = stream_id;
    return STATUS_OK;
}

/* --- the plan --- */

/* Finds the streams that are read by themselves: those whose rows of chunk_data are not in the order of their
 * positions, or that have a row of stream_data too; for a regular expression, which may hold many bytes of
 * a run, all that have rows of chunk_data. The index alone says so. *each: there are too many. */
static enum status plan(struct search *s, bool *each, struct error *err)
{
    sqlite3_stmt *row;
    int64_t stream_id = -1, last = 0, added = -1;
    int rc = SQLITE_DONE;
    enum status status = reader_prepare_own(
        s->reader, &row,
        "SELECT c.stream_id, c.chunk_id,"
        " EXISTS (SELECT 1 FROM stream_data AS d WHERE d.stream_id = c.stream_id)"
        " FROM \"%w\".chunk_data AS c ORDER BY c.stream_id, c.position",
        err);

    *each = false;
    while (status == STATUS_OK && !*each && (rc = sqlite3_step(row)) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(row, 0), chunk = sqlite3_column_int64(row, 1);
        bool begins = id != stream_id || last == 0;
        bool awkward = s->holds || (begins ? sqlite3_column_int(row, 2) != 0 : chunk < last);
        if (awkward && (added != id || s->later_count == 0)) {
            status = add_later(s, id, err);
            added = id;
            *each = s->later_count > SEARCH_LATER;
        }
        stream_id = id;
        last = chunk;
    }
    if (status == STATUS_OK && !*each && rc != SQLITE_DONE)
        status = row_fails(s, err);
    sqlite3_finalize(row);
    if (s->later_count > 0)
        qsort(s->later, s->later_count, sizeof *s->later, by_id);
    s->planned = s->later_count;
    return status;
}

/* --- small streams --- */

/* The bytes of the row at hand: its stream, position and data. */
static enum status row_take(struct search *s, int64_t *stream_id, int64_t *position,
                            struct span *bytes, struct error *err)
{
    *stream_id = sqlite3_column_int64(s->rows, 0);
    *position = sqlite3_column_int64(s->rows, 1);
    const void *data = sqlite3_column_blob(s->rows, 2);
    *bytes = span_of(data, data ? (size_t)sqlite3_column_bytes(s->rows, 2) : 0);
    if (!data && sqlite3_errcode(reader_db(s->reader)) == SQLITE_NOMEM)
        return no_memory(err);
    if (sqlite3_column_type(s->rows, 2) != SQLITE_BLOB || *position < -POSITION_MAX ||
        *position > POSITION_MAX - (int64_t)bytes->len)
        return no_sense(s, *stream_id, err);
    return STATUS_OK;
}

static enum status search_small(struct search *s, struct error *err)
{
    struct span bytes;
    int64_t stream_id, position;
    enum status status = row_take(s, &stream_id, &position, &bytes, err);

    if (status != STATUS_OK || !is_wanted(s, stream_id) || is_planned(s, stream_id))
        return status;
    s->finder.sums.bytes += bytes.len;
    return finder_whole(&s->finder, stream_id, position, bytes, err);
}

/* --- large streams, mixed --- */

/* Where the last byte of a stream is; nowhere, where there is no such row. */
static enum status find_extent(struct search *s, int64_t stream_id, int64_t *end, struct error *err)
{
    sqlite3_bind_int64(s->extents, 1, stream_id);
    int rc = sqlite3_step(s->extents);
    *end = rc == SQLITE_ROW && sqlite3_column_type(s->extents, 0) == SQLITE_INTEGER
               ? sqlite3_column_int64(s->extents, 0)
               : INT64_MAX;
    enum status status = rc == SQLITE_ROW || rc == SQLITE_DONE ? STATUS_OK : row_fails(s, err);
    sqlite3_reset(s->extents);
    return status;
}

static void forget(struct search *s, struct waiting *w)
{
    s->runs -= !w->put_off;
    HASH_DELETE(hh, s->waiting, w);
    scan_drop(w->scan);
    free(w);
}

/* What becomes of a stream whose first chunk is here: a run, or, where there are too many, it is put off. */
static enum status start_run(struct search *s, struct waiting *w, int64_t position,
                             struct error *err)
{
    w->next = position;
    w->put_off = s->runs >= SEARCH_RUNS;
    if (!w->put_off) {
        enum status status = find_extent(s, w->stream_id, &w->end, err);
        return status == STATUS_OK ? scan_begin(&w->scan, s->finder.pattern, position, err)
                                   : status;
    }
    if (s->later_count - s->planned >= SEARCH_LATER)
        return error_set(err,
                         "searching %s: more than %d large streams are mixed: search flow by flow",
                         reader_path(s->reader), SEARCH_LATER);
    return add_later(s, w->stream_id, err);
}

static enum status wait_for(struct search *s, struct waiting **w, int64_t stream_id,
                            int64_t position, struct error *err)
{
    struct waiting *added = calloc(1, sizeof *added);

    *w = NULL;
    if (!added)
        return no_memory(err);
    added->stream_id = stream_id;
    enum status status = start_run(s, added, position, err);
    if (status == STATUS_OK) {
        HASH_ADD(hh, s->waiting, stream_id, sizeof added->stream_id, added);
        if (!added->hh.tbl)
            status = no_memory(err);
    }
    if (status != STATUS_OK) {
        scan_drop(added->scan);
        free(added);
        return status;
    }
    s->runs += !added->put_off;
    *w = added;
    return STATUS_OK;
}

static enum status search_chunk(struct search *s, struct error *err)
{
    struct span bytes;
    int64_t stream_id, position;
    struct waiting *w;
    enum status status = row_take(s, &stream_id, &position, &bytes, err);

    if (status != STATUS_OK || !is_wanted(s, stream_id) || is_planned(s, stream_id))
        return status;
    HASH_FIND(hh, s->waiting, &stream_id, sizeof stream_id, w);
    if (!w)
        status = wait_for(s, &w, stream_id, position, err);
    if (!w || w->put_off)
        return status;
    if (position < w->next)
        return no_sense(s, stream_id, err);
    if (position > w->next && w->scan) { /* a hole */
        status = finder_end(&s->finder, stream_id, &w->scan, err);
        if (status == STATUS_OK)
            status = scan_begin(&w->scan, s->finder.pattern, position, err);
        if (status != STATUS_OK)
            return status;
    }
    s->finder.sums.bytes += bytes.len;
    if (w->scan)
        status = finder_feed(&s->finder, stream_id, &w->scan, bytes, err);
    w->next = position + (int64_t)bytes.len;
    if (status == STATUS_OK && w->next >= w->end && w->scan) {
        status = finder_end(&s->finder, stream_id, &w->scan, err);
        forget(s, w);
    }
    return status;
}

static int by_stream(const struct waiting *a, const struct waiting *b)
{
    return (a->stream_id > b->stream_id) - (a->stream_id < b->stream_id);
}

/* No chunk is left: ends the runs of streams whose rows promised more, in the order of their ids. */
static enum status end_waiting(struct search *s, struct error *err)
{
    enum status status = STATUS_OK;

    HASH_SORT(s->waiting, by_stream);
    while (status == STATUS_OK && s->waiting) {
        status = finder_end(&s->finder, s->waiting->stream_id, &s->waiting->scan, err);
        forget(s, s->waiting);
    }
    return status;
}

/* --- streams by themselves --- */

/* A stream whose evidence is not there, or has changed, does not keep the others from being searched. */
static enum status cannot_read(struct search *s, struct error *err)
{
    stream_cursor_close(s->cursor);
    s->cursor = NULL;
    scan_drop(s->scan);
    s->scan = NULL;
    if (!s->by_reference || err->no_memory)
        return STATUS_FAILED;
    return finder_give_up(&s->finder, s->stream_id, STATUS_DAMAGED, err, NULL);
}

static enum status open_stream(struct search *s, int64_t stream_id, struct error *err)
{
    s->stream_id = stream_id;
    s->scan = NULL;
    enum status status = stream_cursor_open(&s->cursor, s->reader, stream_id, err);
    return status == STATUS_OK ? status : cannot_read(s, err);
}

static enum status close_stream(struct search *s, struct error *err)
{
    enum status status = finder_end(&s->finder, s->stream_id, &s->scan, err);

    stream_cursor_close(s->cursor);
    s->cursor = NULL;
    return status;
}

/* One piece of the stream that is open. */
static enum status search_piece(struct search *s, struct error *err)
{
    struct stream_piece piece;
    uint64_t given_up = s->finder.sums.given_up;
    enum status status = stream_cursor_next(s->cursor, &piece, err);

    if (status == STATUS_END)
        return close_stream(s, err);
    if (status != STATUS_OK)
        return cannot_read(s, err);
    if (piece.cause)
        return finder_end(&s->finder, s->stream_id, &s->scan, err);
    s->finder.sums.bytes += piece.bytes.len;
    if (!s->scan)
        status = scan_begin(&s->scan, s->finder.pattern, piece.position, err);
    if (status == STATUS_OK)
        status = finder_feed(&s->finder, s->stream_id, &s->scan, piece.bytes, err);
    if (status == STATUS_OK && s->finder.sums.given_up > given_up)
        status = close_stream(s, err);
    return status;
}

/* --- what lost --- */

static enum status search_refused(struct search *s, struct error *err)
{
    struct span bytes;
    int64_t stream_id, position;
    enum status status = row_take(s, &stream_id, &position, &bytes, err);

    if (status != STATUS_OK || !is_wanted(s, stream_id))
        return status;
    s->finder.sums.lost_bytes += bytes.len;
    const struct search_hit lost = {stream_id, position, position + (int64_t)bytes.len,
                                    SEARCH_REFUSED, sqlite3_column_int64(s->rows, 3)};
    return finder_lost(&s->finder, &lost, position, bytes, err);
}

/* Bytes that lost, between those that were kept. */
static enum status search_conflict(struct search *s, struct error *err)
{
    struct span other;
    int64_t stream_id, position;
    uint8_t before[SEARCH_AROUND], after[SEARCH_AROUND];
    bool has_before[SEARCH_AROUND], has_after[SEARCH_AROUND];
    enum status status = row_take(s, &stream_id, &position, &other, err);

    if (status != STATUS_OK || !is_wanted(s, stream_id))
        return status;
    int64_t end = position + (int64_t)other.len, row_id = sqlite3_column_int64(s->rows, 3);
    s->finder.sums.lost_bytes += other.len;
    status =
        kept_read(s->kept, before, has_before, stream_id, position - SEARCH_AROUND, position, err);
    if (status == STATUS_OK)
        status = kept_read(s->kept, after, has_after, stream_id, end, end + SEARCH_AROUND, err);
    if (status != STATUS_OK)
        return status;
    size_t in_front = 0, behind = 0;
    while (in_front < SEARCH_AROUND && has_before[SEARCH_AROUND - 1 - in_front])
        in_front++;
    while (behind < SEARCH_AROUND && has_after[behind])
        behind++;
    uint8_t *bytes = malloc(in_front + other.len + behind + 1);
    if (!bytes)
        return no_memory(err);
    memcpy(bytes, before + SEARCH_AROUND - in_front, in_front);
    if (other.len > 0)
        memcpy(bytes + in_front, other.data, other.len);
    memcpy(bytes + in_front + other.len, after, behind);
    const struct search_hit lost = {stream_id, position, end, SEARCH_CONFLICT, row_id};
    status = finder_lost(&s->finder, &lost, position - (int64_t)in_front,
                         span_of(bytes, in_front + other.len + behind), err);
    free(bytes);
    return status;
}

/* --- the walk --- */

static enum status start_phase(struct search *s, enum phase phase, struct error *err)
{
    static const char *const texts[] = {
        [PHASE_SMALL] = "SELECT stream_id, position, data FROM \"%w\".stream_data"
                        " ORDER BY stream_id",
        [PHASE_LARGE] = "SELECT stream_id, position, data FROM \"%w\".chunk_data ORDER BY chunk_id",
        [PHASE_LATER] = NULL,
        [PHASE_EACH] = "SELECT stream_id FROM \"%w\".streams WHERE stream_id BETWEEN ?1 AND ?2"
                       " ORDER BY stream_id",
        [PHASE_REFUSED] = "SELECT stream_id, position, data, refused_id FROM \"%w\".refused"
                          " WHERE ?1 = -1 OR stream_id BETWEEN ?1 AND ?2 ORDER BY refused_id",
        [PHASE_CONFLICTS] = "SELECT stream_id, position, other, conflict_id FROM \"%w\".conflicts"
                            " WHERE ?1 = -1 OR stream_id BETWEEN ?1 AND ?2 ORDER BY conflict_id",
        [PHASE_END] = NULL,
    };
    int64_t flow_id = s->options.flow_id;

    sqlite3_finalize(s->rows);
    s->rows = NULL;
    s->phase = phase;
    if (!texts[phase])
        return STATUS_OK;
    const char *text = texts[phase];
    /* While it is written live chunk_data is a view, which would have to be sorted. */
    if (phase == PHASE_LARGE && live_form_is(reader_db(s->reader), reader_schema(s->reader)))
        text = "SELECT stream_id, position, data FROM \"%w\".chunk_rows ORDER BY chunk_id";
    enum status status = reader_prepare_own(s->reader, &s->rows, text, err);
    if (status == STATUS_OK && sqlite3_bind_parameter_count(s->rows) == 2) {
        bool all = flow_id < 0;
        int64_t lowest = phase == PHASE_EACH ? INT64_MIN : -1;
        sqlite3_bind_int64(s->rows, 1, all ? lowest : flow_id * 2);
        sqlite3_bind_int64(s->rows, 2, all ? INT64_MAX : flow_id * 2 + 1);
    }
    return status;
}

static enum phase phase_after(const struct search *s)
{
    switch (s->phase) {
    case PHASE_SMALL:
        return PHASE_LARGE;
    case PHASE_LARGE:
        return PHASE_LATER;
    case PHASE_LATER:
    case PHASE_EACH:
        return s->options.losers ? PHASE_REFUSED : PHASE_END;
    case PHASE_REFUSED:
        return PHASE_CONFLICTS;
    case PHASE_CONFLICTS:
    case PHASE_END:
        break;
    }
    return PHASE_END;
}

/* Does what the row at hand asks for. */
static enum status search_row(struct search *s, struct error *err)
{
    switch (s->phase) {
    case PHASE_SMALL:
        return search_small(s, err);
    case PHASE_LARGE:
        return search_chunk(s, err);
    case PHASE_EACH:
        return is_wanted(s, sqlite3_column_int64(s->rows, 0))
                   ? open_stream(s, sqlite3_column_int64(s->rows, 0), err)
                   : STATUS_OK;
    case PHASE_REFUSED:
        return search_refused(s, err);
    case PHASE_CONFLICTS:
        return search_conflict(s, err);
    case PHASE_LATER:
    case PHASE_END:
        break;
    }
    return STATUS_END;
}

/* A step of the search: a row or a piece. STATUS_END when there is none left. */
static enum status step(struct search *s, struct error *err)
{
    enum status status = STATUS_OK;

    if (s->phase == PHASE_END)
        return STATUS_END;
    if (s->cursor)
        return search_piece(s, err);
    if (s->phase == PHASE_LATER) {
        if (s->later_at < s->later_count) {
            int64_t stream_id = s->later[s->later_at++];
            return is_wanted(s, stream_id) ? open_stream(s, stream_id, err) : STATUS_OK;
        }
        return start_phase(s, phase_after(s), err);
    }
    int rc = sqlite3_step(s->rows);
    if (rc == SQLITE_ROW)
        return search_row(s, err);
    if (rc != SQLITE_DONE)
        return row_fails(s, err);
    if (s->phase == PHASE_LARGE)
        status = end_waiting(s, err);
    return status == STATUS_OK ? start_phase(s, phase_after(s), err) : status;
}

enum status search_next(struct search *s, struct search_hit *hit, struct error *err)
{
    while (!finder_take(&s->finder, hit)) {
        enum status status = step(s, err);
        if (s->finder.no_memory)
            return no_memory(err);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* All questions of a search are put to the same case: one that is written live may grow between them, and takes other tables
 * when it ends. */
static enum status hold(struct search *s, struct error *err)
{
    sqlite3 *db = reader_db(s->reader);

    if (!sqlite3_get_autocommit(db)) /* the caller's does as well */
        return STATUS_OK;
    if (sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
        return row_fails(s, err);
    s->snapshot = true;
    return STATUS_OK;
}

static enum status begin(struct search *s, struct error *err)
{
    enum status status = kept_open(&s->kept, s->reader, err);
    bool each = false;

    if (status != STATUS_OK)
        return status;
    s->by_reference = kept_by_reference(s->kept);
    each = s->by_reference || s->options.flow_id >= 0;
    if (!each)
        status = plan(s, &each, err);
    if (status == STATUS_OK)
        status = reader_prepare_own(
            s->reader, &s->extents,
            "SELECT start + length FROM \"%w\".streams WHERE stream_id = ?1", err);
    return status == STATUS_OK ? start_phase(s, each ? PHASE_EACH : PHASE_SMALL, err) : status;
}

enum status search_open(struct search **search, struct reader *reader, struct pattern *pattern,
                        const struct search_options *options, struct error *err)
{
    struct search *s = calloc(1, sizeof *s);

    *search = NULL;
    if (!s)
        return no_memory(err);
    s->reader = reader;
    finder_init(&s->finder, pattern);
    s->holds = pattern_is_regex(pattern);
    s->options = *options;
    enum status status = hold(s, err);
    if (status == STATUS_OK)
        status = begin(s, err);
    if (status == STATUS_OK)
        *search = s;
    else
        search_close(s);
    return status;
}

void search_close(struct search *search)
{
    if (!search)
        return;
    while (search->waiting)
        forget(search, search->waiting);
    scan_drop(search->scan);
    stream_cursor_close(search->cursor);
    sqlite3_finalize(search->rows);
    sqlite3_finalize(search->extents);
    kept_close(search->kept);
    if (search->snapshot)
        sqlite3_exec(reader_db(search->reader), "ROLLBACK", NULL, NULL, NULL);
    free(search->later);
    finder_release(&search->finder);
    free(search);
}
