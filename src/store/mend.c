/* mend.c - a live case whose writer was killed, made whole by the next one.
 *
 *     streams of earlier runs, by id ──► their flows, by id ──► their evidence
 *
 * What was committed stands. Flows that were open then have a row that may be as old as FLOWS_RENEWED_NS: what
 * their frames, arrivals and chunks show is put into it. What these do not show (which side sent a frame without
 * payload, how long it was) stays as it was last told.
 *
 * It takes as long as there are many of them, and as they are long. So it can be left after each row and taken up again:
 * between two commits of the next run, whose rows have higher ids. Evidence says that it is interrupted from the first of
 * these commits on; if all is not done when that run ends in good order, it says `open` again, so that the next one
 * comes to the rest. */
#include "store/parts.h"
#include "store/reader.h"
#include "store/text.h"
#include "store/writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is found of a stream, from its start on. */
struct found {
    int64_t start, stored, reached;
    struct digest digest;
    bool hashed; /* all of it could be read */
};

/* How far it is. */
struct mending {
    int64_t first_evidence, last_evidence; /* that said `open` */
    int64_t seen_stream, last_stream;      /* ids, of earlier runs */
    int64_t seen_flow, last_flow;
    bool in_stream; /* the one after seen_stream is begun: */
    int64_t at;     /* what lies behind this position is to be seen yet */
    struct found found;

    const struct payload_source *source; /* of captures; `nothing` where they cannot be found */
    void *shelf;                         /* owned; NULL: none */
    struct reader *reader;               /* owned; NULL: none */
    bool (*goes_on)(void *context);
    void *context;
};

static bool goes_on(const struct mending *m)
{
    return !m->goes_on || m->goes_on(m->context);
}

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

/* The bytes of a stream, in order: hashed, counted, and what lies between them explained. True when all are. */
static bool see_rows(struct store *s, struct mending *m, int64_t stream_id)
{
    struct row *rows = insert_begin(&s->insert, MEND_ROWS);
    bool more;

    put_int(rows, 1, stream_id);
    put_int(rows, 2, m->at);
    while ((more = insert_next(&s->insert, rows))) {
        int64_t position = sqlite3_column_int64(rows->statement, 0);
        struct span bytes = span_of(sqlite3_column_blob(rows->statement, 1),
                                    (size_t)sqlite3_column_bytes(rows->statement, 1));
        if ((m->found.stored > 0 && position < m->found.reached) ||
            position > INT64_MAX - (int64_t)bytes.len) {
            insert_fail(&s->insert, "%s is not a case: rows of stream %lld make no sense",
                        s->file.path, (long long)stream_id);
            break;
        }
        see_bytes(s, stream_id, &m->found, position, bytes);
        m->at = position;
        if (!goes_on(m))
            break;
    }
    insert_done(&s->insert, rows);
    return !more;
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

/* Goes through the stream as it is laid out, from m->at on; *all when that is its end. STATUS_FAILED where its bytes cannot be
 * read. */
static enum status lay_out(struct store *s, struct mending *m, bool *all, int64_t stream_id,
                           const struct payload_source *source, struct error *err)
{
    static const char low[] = "SELECT min(low) FROM arrivals WHERE stream_id = ?1 AND high > ?2";
    static const char high[] = "SELECT max(high) FROM arrivals WHERE stream_id = ?1 AND high > ?2";
    const int64_t end = arrivals_at(s, high, stream_id, INT64_MIN);
    int64_t at = m->at == INT64_MIN ? arrivals_at(s, low, stream_id, INT64_MIN) : m->at;
    struct layout *layout = NULL;

    *all = true;
    if (at < -POSITION_MAX || end > POSITION_MAX)
        return at == end ? STATUS_OK
                         : error_set(err, "%s is not a case: arrivals of stream %lld make no sense",
                                     s->file.path, (long long)stream_id);
    enum status status = layout_open(&layout, s->file.db, "main", source, err);
    while (status == STATUS_OK && at < end && *all && !s->insert.failed) {
        const int64_t to = end - at > LAYOUT_LEN ? at + LAYOUT_LEN : end;
        status = layout_make(layout, stream_id, at, to, span_of(NULL, 0), err);
        if (status != STATUS_OK)
            break;
        int64_t next = layout_next(layout, at);
        const bool is_hole = next >= to;
        for (; next < to; next = layout_next(layout, next)) {
            struct span run = layout_run(layout, next);
            see_bytes(s, stream_id, &m->found, next, run);
            next += (int64_t)run.len;
        }
        at = is_hole ? arrivals_at(s, low, stream_id, to) : to;
        at = at > to ? at : to;
        m->at = at;
        *all = at >= end || goes_on(m);
    }
    layout_close(layout);
    return status;
}

static void begin_stream(struct mending *m, bool hashed)
{
    m->found = (struct found){.hashed = hashed};
    digest_start(&m->found.digest);
    m->at = INT64_MIN;
}

static bool see_placed(struct store *s, struct mending *m, int64_t stream_id)
{
    struct error err = {0};
    bool all;

    if (m->found.hashed) {
        if (lay_out(s, m, &all, stream_id, m->source, &err) == STATUS_OK)
            return all;
        begin_stream(m, false); /* what its length is, is known all the same */
    }
    if (lay_out(s, m, &all, stream_id, &nothing, &err) != STATUS_OK)
        insert_fail_as(&s->insert, &err);
    return all;
}

/* `options`: of its evidence. True when it is whole. */
static bool mend_stream(struct store *s, struct mending *m, int64_t stream_id, const char *options)
{
    const bool is_placed = options && layout_is_asked(options);

    if (!m->in_stream)
        begin_stream(m, !is_placed || m->source != &nothing);
    m->in_stream =
        !(is_placed ? see_placed(s, m, stream_id) : see_rows(s, m, stream_id)) || s->insert.failed;
    if (!m->in_stream)
        tell_stream(s, stream_id, &m->found);
    return !m->in_stream;
}

/* When the last frame of a flow came; what was told where that is later, or no frame is to be had. */
static int64_t last_time(struct store *s, struct parts *frames, int64_t flow_id, int64_t told_ns)
{
    struct frame_record frame;
    struct error err = {0};
    int64_t last_ns = told_ns;
    enum status status;

    parts_start(frames, flow_id);
    while ((status = parts_next_frame(frames, &frame, &err)) == STATUS_OK)
        last_ns = frame.time_ns > last_ns ? frame.time_ns : last_ns;
    if (status == STATUS_FAILED) {
        error_prefix(&err, "reading %s", s->file.path);
        insert_fail_as(&s->insert, &err);
    }
    return last_ns;
}

static void renew_host(struct store *s, const char *ip, int64_t first_ns, int64_t last_ns)
{
    struct address address;
    uint8_t version;

    if (ip && ip_parse(&address, &version, ip))
        hosts_renew(&s->hosts, &address, version, first_ns, last_ns);
}

static void mend_flow(struct store *s, struct parts *frames, sqlite3_stmt *flow)
{
    const int64_t flow_id = sqlite3_column_int64(flow, 0);
    const int64_t first_ns = sqlite3_column_int64(flow, 2);
    const int64_t last_ns = last_time(s, frames, flow_id, sqlite3_column_int64(flow, 3));

    renew_host(s, (const char *)sqlite3_column_text(flow, 4), first_ns, last_ns);
    renew_host(s, (const char *)sqlite3_column_text(flow, 5), first_ns, last_ns);
    run(s, MEND_FLOW, (const int64_t[]){flow_id, last_ns}, 2);
}

/* The captures, in which payload may be. */
static void open_shelf(struct store *s, struct mending *m)
{
    const struct store_shelf *how = s->live.options.shelf;
    const struct payload_source *source = NULL;
    struct error err;

    if (how && reader_borrow(&m->reader, s->file.db, "main", &err) == STATUS_OK)
        source = how->open(&m->shelf, m->reader, &err);
    m->source = source ? source : &nothing;
}

/* True when there is none left. */
static bool mend_streams(struct store *s, struct mending *m)
{
    struct row streams;
    bool more = true;

    if (ask(s, &streams,
            "SELECT stream_id, verdict = 'open', CASE WHEN verdict = 'open' THEN"
            " (SELECT options FROM flows JOIN evidence USING (evidence_id)"
            " WHERE flow_id = stream_id >> 1) END"
            " FROM streams WHERE stream_id > ?1 AND stream_id <= ?2 ORDER BY stream_id",
            &m->seen_stream)) {
        put_int(&streams, 2, m->last_stream);
        while ((more = insert_next(&s->insert, &streams))) {
            const int64_t stream_id = sqlite3_column_int64(streams.statement, 0);
            const char *options = (const char *)sqlite3_column_text(streams.statement, 2);
            if (sqlite3_column_int(streams.statement, 1) && !mend_stream(s, m, stream_id, options))
                break;
            m->seen_stream = stream_id;
            if (!goes_on(m))
                break;
        }
    }
    done(&streams);
    return !more;
}

/* Frames that were kept are known by what is there of them now. */
static void mend_evidence(struct store *s, const struct mending *m)
{
    struct row open;

    if (!m->shelf ||
        !ask(s, &open,
             "SELECT evidence_id FROM evidence WHERE evidence_id <= ?1 AND kind = 'live'"
             " AND format = 'pcapng' AND bytes IS NULL",
             &m->last_evidence))
        return;
    while (insert_next(&s->insert, &open)) {
        const int64_t evidence_id = sqlite3_column_int64(open.statement, 0);
        char fingerprint[17], sql[160];
        uint64_t bytes;
        if (!s->live.options.shelf->measure(m->shelf, (uint32_t)evidence_id, &bytes, fingerprint))
            continue;
        snprintf(sql, sizeof sql,
                 "UPDATE evidence SET bytes = %" PRIu64 ", fingerprint = '%s'"
                 " WHERE evidence_id = %" PRId64,
                 bytes, fingerprint, evidence_id);
        insert_run(&s->insert, sql);
    }
    done(&open);
}

static bool mend_flows(struct store *s, struct mending *m)
{
    struct parts frames = {0};
    struct error err = {0};
    struct row flows;
    bool more = true;

    if (parts_open(&frames, s->file.db, "main", PARTS_FRAMES, true, &err) != STATUS_OK)
        insert_fail_as(&s->insert, &err);
    if (ask(s, &flows,
            "SELECT flow_id, end_reason = 'open', first_ns, last_ns, client_ip, server_ip"
            " FROM flows WHERE flow_id > ?1 AND flow_id <= ?2 ORDER BY flow_id",
            &m->seen_flow)) {
        put_int(&flows, 2, m->last_flow);
        while ((more = insert_next(&s->insert, &flows))) {
            if (sqlite3_column_int(flows.statement, 1))
                mend_flow(s, &frames, flows.statement);
            m->seen_flow = sqlite3_column_int64(flows.statement, 0);
            if (!goes_on(m))
                break;
        }
    }
    done(&flows);
    parts_close(&frames);
    return !more;
}

static void mending_free(struct store *s)
{
    struct mending *m = s->live.mending;

    if (!m)
        return;
    if (m->shelf)
        s->live.options.shelf->close(m->shelf);
    reader_close(m->reader);
    free(m);
    s->live.mending = NULL;
}

static void say(struct store *s, const struct mending *m, const char *from, const char *to)
{
    char sql[200];

    snprintf(sql, sizeof sql,
             "UPDATE evidence SET status = '%s' WHERE status = '%s' AND kind = 'live'"
             " AND evidence_id BETWEEN %" PRId64 " AND %" PRId64,
             to, from, m->first_evidence, m->last_evidence);
    insert_run(&s->insert, sql);
}

void mend_begin(struct store *s)
{
    static const char first[] =
        "SELECT min(evidence_id) FROM evidence WHERE status = 'open' AND kind = 'live'";
    static const char last[] =
        "SELECT max(evidence_id) FROM evidence WHERE status = 'open' AND kind = 'live'";
    struct mending *m = calloc(1, sizeof *m);

    if (!m) {
        insert_no_memory(&s->insert);
        return;
    }
    s->live.mending = m;
    m->first_evidence = store_ask(s, first);
    m->last_evidence = store_ask(s, last);
    m->seen_stream = m->seen_flow = INT64_MIN;
    m->last_stream = store_ask(s, "SELECT max(stream_id) FROM streams");
    m->last_flow = store_ask(s, "SELECT max(flow_id) FROM flows");
    open_shelf(s, m);
    say(s, m, "open", "interrupted");
}

bool mend_some(struct store *s, bool (*may_go_on)(void *context), void *context)
{
    struct mending *m = s->live.mending;

    if (!m)
        return false;
    m->goes_on = may_go_on;
    m->context = context;
    if (s->insert.failed || !mend_streams(s, m) || !mend_flows(s, m))
        return !s->insert.failed;
    mend_evidence(s, m);
    mending_free(s);
    return false;
}

void mend_leave(struct store *s, bool told)
{
    if (s->live.mending && told && !s->insert.failed)
        say(s, s->live.mending, "interrupted", "open");
    mending_free(s);
}

void mend_live(struct store *s)
{
    mend_begin(s);
    mend_some(s, NULL, NULL);
    hosts_write(&s->hosts);
}
