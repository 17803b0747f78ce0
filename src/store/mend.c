/* mend.c - a live case whose writer was killed, made whole by the next one.
 *
 * What was committed stands. Flows that were open then have a row that may be as old as FLOWS_RENEWED_NS: what
 * their frames, arrivals and chunks show is put into it. What these do not show (which side sent a frame without
 * payload, how long it was) stays as it was last told. */
#include "store/reader.h"
#include "store/text.h"
#include "store/writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Whether `row` has another row; bound to one number, if any. */
static bool ask(struct store *s, struct row *row, const char *sql, const int64_t *value)
{
    *row = (struct row){.statement = NULL};
    insert_settle(&s->insert);
    if (s->insert.failed)
        return false;
    if (sqlite3_prepare_v2(s->file.db, sql, -1, &row->statement, NULL) != SQLITE_OK) {
        insert_fault(&s->insert);
        return false;
    }
    if (value)
        put_int(row, 1, *value);
    return true;
}

static void done(struct row *row)
{
    sqlite3_finalize(row->statement);
}

static void run(struct store *s, enum statement which, const int64_t *values, int count)
{
    struct row *row = insert_begin(&s->insert, which);
    for (int i = 0; i < count; i++)
        put_int(row, i + 1, values[i]);
    insert_end(&s->insert, row);
}

/* Where the gaps that have rows end that begin at or below a position: from there on nothing is explained. */
static int64_t explained_to(struct store *s, int64_t stream_id, int64_t position)
{
    struct row *row = insert_begin(&s->insert, SELECT_GAP);
    put_int(row, 1, stream_id);
    put_int(row, 2, position);
    int64_t to = insert_next(&s->insert, row) ? sqlite3_column_int64(row->statement, 0) : position;
    insert_done(&s->insert, row);
    return to > position ? to : position;
}

static void tell_gap(struct store *s, int64_t stream_id, int64_t begin, int64_t end)
{
    struct row *row = insert_begin(&s->insert, INSERT_GAP);
    put_int(row, 1, stream_id);
    put_int(row, 2, begin);
    put_int(row, 3, end - begin);
    put_text(row, 4, gap_cause_name(GAP_UNKNOWN));
    put_int(row, 5, 0);
    insert_end(&s->insert, row);
}

/* What [begin, end) lacks, and no row says so. */
static void explain(struct store *s, int64_t stream_id, int64_t begin, int64_t end)
{
    while (begin < end && !s->insert.failed) {
        int64_t to = explained_to(s, stream_id, begin);
        if (to > begin) {
            begin = to;
            continue;
        }
        struct row next;
        int64_t until = end;
        if (ask(s, &next,
                "SELECT min(position) FROM gaps WHERE stream_id = ?1 AND position > ?2 AND tail = "
                "0",
                &stream_id)) {
            put_int(&next, 2, begin);
            if (insert_next(&s->insert, &next) &&
                sqlite3_column_type(next.statement, 0) == SQLITE_INTEGER &&
                sqlite3_column_int64(next.statement, 0) < end)
                until = sqlite3_column_int64(next.statement, 0);
        }
        done(&next);
        tell_gap(s, stream_id, begin, until);
        begin = until;
    }
}

/* What is found of a stream, from its start on. */
struct found {
    int64_t start, stored, reached;
    struct digest digest;
    bool hashed; /* all of it could be read */
};

static void tell_stream(struct store *s, int64_t stream_id, struct found *f)
{
    char hex[DIGEST_HEX_LEN + 1];

    digest_end(&f->digest, hex);
    struct row *row = insert_begin(&s->insert, MEND_STREAM);
    put_int(row, 1, stream_id);
    put_int(row, 2, f->start);
    put_int(row, 3, f->stored);
    put_text(row, 4, s->hash && f->hashed ? hex : NULL);
    insert_end(&s->insert, row);
}

/* More bytes of it. */
static void see_bytes(struct store *s, int64_t stream_id, struct found *f, int64_t position,
                      struct span bytes)
{
    if (f->stored == 0)
        f->start = f->reached = position;
    explain(s, stream_id, f->reached, position);
    digest_add(&f->digest, bytes);
    f->stored += (int64_t)bytes.len;
    f->reached = position + (int64_t)bytes.len;
}

/* The bytes of a stream, in order: hashed, counted, and what lies between them explained. There may be a hundred thousand
 * of them to mend, so the question for its `rows` is made once. */
static void mend_stream(struct store *s, int64_t stream_id, struct row *rows)
{
    struct found f = {.hashed = true};

    digest_start(&f.digest);
    sqlite3_reset(rows->statement);
    put_int(rows, 1, stream_id);
    while (insert_next(&s->insert, rows)) {
        int64_t position = sqlite3_column_int64(rows->statement, 0);
        struct span bytes = span_of(sqlite3_column_blob(rows->statement, 1),
                                    (size_t)sqlite3_column_bytes(rows->statement, 1));
        if ((f.stored > 0 && position < f.reached) || position > INT64_MAX - (int64_t)bytes.len) {
            insert_fail(&s->insert, "%s is not a case: rows of stream %lld make no sense",
                        s->file.path, (long long)stream_id);
            break;
        }
        see_bytes(s, stream_id, &f, position, bytes);
    }
    tell_stream(s, stream_id, &f);
}

/* ---- where payload is in the capture ---- */

/* Where no capture can be read: what came is known all the same. */
static enum status read_nothing(void *context, uint32_t evidence_id, void *to, size_t len,
                                uint64_t offset, struct error *err)
{
    (void)context, (void)evidence_id, (void)offset, (void)err;
    memset(to, 0, len);
    return STATUS_OK;
}

static const struct payload_source nothing = {.read = read_nothing};

/* Where the arrivals begin, or end, of those that go beyond `position`. */
static int64_t arrivals_at(struct store *s, const char *sql, int64_t stream_id, int64_t position)
{
    struct row row;
    int64_t at = position;

    if (ask(s, &row, sql, &stream_id)) {
        put_int(&row, 2, position);
        if (insert_next(&s->insert, &row) &&
            sqlite3_column_type(row.statement, 0) == SQLITE_INTEGER)
            at = sqlite3_column_int64(row.statement, 0);
    }
    done(&row);
    return at;
}

/* No stream gets so far. */
static const int64_t POSITION_MAX = INT64_C(1) << 48;

/* Goes through the stream as it is laid out. STATUS_FAILED where its bytes cannot be read. */
static enum status lay_out(struct store *s, struct found *f, int64_t stream_id,
                           const struct payload_source *source, struct error *err)
{
    static const char low[] = "SELECT min(low) FROM arrivals WHERE stream_id = ?1 AND high > ?2";
    static const char high[] = "SELECT max(high) FROM arrivals WHERE stream_id = ?1 AND high > ?2";
    const int64_t end = arrivals_at(s, high, stream_id, INT64_MIN);
    int64_t at = arrivals_at(s, low, stream_id, INT64_MIN);
    struct layout *layout = NULL;

    *f = (struct found){.hashed = source != &nothing};
    digest_start(&f->digest);
    if (at < -POSITION_MAX || end > POSITION_MAX)
        return at == end ? STATUS_OK
                         : error_set(err, "%s is not a case: arrivals of stream %lld make no sense",
                                     s->file.path, (long long)stream_id);
    enum status status = layout_open(&layout, s->file.db, "main", source, err);
    while (status == STATUS_OK && at < end && !s->insert.failed) {
        const int64_t to = end - at > LAYOUT_LEN ? at + LAYOUT_LEN : end;
        status = layout_make(layout, stream_id, at, to, span_of(NULL, 0), err);
        if (status != STATUS_OK)
            break;
        int64_t next = layout_next(layout, at);
        const bool is_hole = next >= to;
        for (; next < to; next = layout_next(layout, next)) {
            struct span run = layout_run(layout, next);
            see_bytes(s, stream_id, f, next, run);
            next += (int64_t)run.len;
        }
        at = is_hole ? arrivals_at(s, low, stream_id, to) : to;
        at = at > to ? at : to;
    }
    layout_close(layout);
    return status;
}

static void mend_placed(struct store *s, int64_t stream_id, const struct payload_source *source)
{
    struct found found;
    struct error err = {0};

    if (lay_out(s, &found, stream_id, source, &err) != STATUS_OK &&
        (source == &nothing || lay_out(s, &found, stream_id, &nothing, &err) != STATUS_OK))
        insert_fail_as(&s->insert, &err);
    tell_stream(s, stream_id, &found);
}

/* When the last frame of a flow came; what was told where that is later, or no frame is to be had. */
static int64_t last_time(struct store *s, struct reader *reader, int64_t flow_id, int64_t told_ns)
{
    struct frame_cursor *cursor;
    struct frame_record frame;
    struct error err = {0};
    int64_t last_ns = told_ns;
    enum status status = frame_cursor_open(&cursor, reader, flow_id, &err);

    while (status == STATUS_OK && (status = frame_cursor_next(cursor, &frame, &err)) == STATUS_OK)
        last_ns = frame.time_ns > last_ns ? frame.time_ns : last_ns;
    frame_cursor_close(cursor);
    if (status == STATUS_FAILED)
        insert_fail_as(&s->insert, &err);
    return last_ns;
}

static void renew_host(struct store *s, const char *ip, int64_t first_ns, int64_t last_ns)
{
    struct address address;
    uint8_t version;

    if (ip && ip_parse(&address, &version, ip))
        hosts_renew(&s->hosts, &address, version, first_ns, last_ns);
}

static void mend_flow(struct store *s, struct reader *reader, sqlite3_stmt *flow)
{
    const int64_t flow_id = sqlite3_column_int64(flow, 0);
    const int64_t first_ns = sqlite3_column_int64(flow, 1);
    const int64_t last_ns = last_time(s, reader, flow_id, sqlite3_column_int64(flow, 2));

    renew_host(s, (const char *)sqlite3_column_text(flow, 3), first_ns, last_ns);
    renew_host(s, (const char *)sqlite3_column_text(flow, 4), first_ns, last_ns);
    run(s, MEND_FLOW, (const int64_t[]){flow_id, last_ns}, 2);
}

/* The captures, in which payload may be; `nothing` where they cannot be found. */
static const struct payload_source *open_shelf(struct store *s, void **shelf,
                                               struct reader **reader)
{
    const struct store_shelf *how = s->live.options.shelf;
    const struct payload_source *source = NULL;
    struct error err;

    *shelf = NULL;
    *reader = NULL;
    if (how && reader_borrow(reader, s->file.db, "main", &err) == STATUS_OK)
        source = how->open(shelf, *reader, &err);
    return source ? source : &nothing;
}

static void mend_streams(struct store *s, const struct payload_source *source)
{
    struct row open, rows = {.statement = NULL};

    if (ask(s, &open,
            "SELECT stream_id, (SELECT options FROM flows JOIN evidence USING (evidence_id)"
            "  WHERE flow_id = stream_id >> 1) FROM streams WHERE verdict = 'open'",
            NULL) &&
        ask(s, &rows,
            "SELECT position, data FROM stream_data WHERE stream_id = ?1 UNION ALL"
            " SELECT position, data FROM chunk_data WHERE stream_id = ?1 ORDER BY 1",
            NULL)) {
        while (insert_next(&s->insert, &open)) {
            const int64_t stream_id = sqlite3_column_int64(open.statement, 0);
            const char *options = (const char *)sqlite3_column_text(open.statement, 1);
            if (options && layout_is_asked(options))
                mend_placed(s, stream_id, source);
            else
                mend_stream(s, stream_id, &rows);
        }
    }
    done(&rows);
    done(&open);
}

/* Frames that were kept are known by what is there of them now. */
static void mend_evidence(struct store *s, void *shelf)
{
    struct row open;

    if (!shelf || !ask(s, &open,
                       "SELECT evidence_id FROM evidence WHERE status = 'open' AND kind = 'live'"
                       " AND format = 'pcapng' AND bytes IS NULL",
                       NULL))
        return;
    while (insert_next(&s->insert, &open)) {
        const int64_t evidence_id = sqlite3_column_int64(open.statement, 0);
        char fingerprint[17], sql[160];
        uint64_t bytes;
        if (!s->live.options.shelf->measure(shelf, (uint32_t)evidence_id, &bytes, fingerprint))
            continue;
        snprintf(sql, sizeof sql,
                 "UPDATE evidence SET bytes = %" PRIu64 ", fingerprint = '%s'"
                 " WHERE evidence_id = %" PRId64,
                 bytes, fingerprint, evidence_id);
        insert_run(&s->insert, sql);
    }
    done(&open);
}

static void mend_flows(struct store *s)
{
    struct reader *reader;
    struct error err = {0};
    struct row open;

    if (reader_borrow(&reader, s->file.db, "main", &err) != STATUS_OK) {
        insert_fail_as(&s->insert, &err);
        return;
    }
    if (ask(s, &open,
            "SELECT flow_id, first_ns, last_ns, client_ip, server_ip FROM flows"
            " WHERE end_reason = 'open'",
            NULL)) {
        while (insert_next(&s->insert, &open))
            mend_flow(s, reader, open.statement);
        done(&open);
    }
    reader_close(reader);
    hosts_write(&s->hosts);
}

void mend_live(struct store *s)
{
    struct reader *reader;
    void *shelf;
    const struct payload_source *source = open_shelf(s, &shelf, &reader);

    mend_streams(s, source);
    mend_flows(s);
    mend_evidence(s, shelf);
    if (shelf)
        s->live.options.shelf->close(shelf);
    reader_close(reader);
    insert_run(
        &s->insert,
        "UPDATE evidence SET status = 'interrupted' WHERE status = 'open' AND kind = 'live'");
}
