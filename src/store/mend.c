/* mend.c - a live case whose writer was killed, made whole by the next one.
 *
 * What was committed stands. Flows that were open then have a row that may be as old as FLOWS_RENEWED_NS: what
 * their frames, arrivals and chunks show is put into it. What these do not show (which side sent a frame without
 * payload, how long it was) stays as it was last told. */
#include "store/reader.h"
#include "store/text.h"
#include "store/writer.h"

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

/* The bytes of a stream, in order: hashed, counted, and what lies between them explained. */
static void mend_stream(struct store *s, int64_t stream_id)
{
    char hex[DIGEST_HEX_LEN + 1];
    struct digest digest;
    int64_t start = 0, stored = 0, reached = 0;
    struct row rows;

    digest_start(&digest);
    if (!ask(s, &rows,
             "SELECT position, data FROM stream_data WHERE stream_id = ?1 UNION ALL"
             " SELECT position, data FROM chunk_data WHERE stream_id = ?1 ORDER BY 1",
             &stream_id))
        return;
    while (insert_next(&s->insert, &rows)) {
        int64_t position = sqlite3_column_int64(rows.statement, 0);
        struct span bytes = span_of(sqlite3_column_blob(rows.statement, 1),
                                    (size_t)sqlite3_column_bytes(rows.statement, 1));
        if (stored == 0)
            start = reached = position;
        if (position < reached || position > INT64_MAX - (int64_t)bytes.len) {
            insert_fail(&s->insert, "%s is not a case: rows of stream %lld make no sense",
                        s->file.path, (long long)stream_id);
            break;
        }
        explain(s, stream_id, reached, position);
        digest_add(&digest, bytes);
        stored += (int64_t)bytes.len;
        reached = position + (int64_t)bytes.len;
    }
    done(&rows);
    digest_end(&digest, hex);
    struct row *row = insert_begin(&s->insert, MEND_STREAM);
    put_int(row, 1, stream_id);
    put_int(row, 2, start);
    put_int(row, 3, stored);
    put_text(row, 4, s->hash ? hex : NULL);
    insert_end(&s->insert, row);
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

static void mend_streams(struct store *s)
{
    struct row open;

    if (!ask(s, &open, "SELECT stream_id FROM streams WHERE verdict = 'open'", NULL))
        return;
    while (insert_next(&s->insert, &open))
        mend_stream(s, sqlite3_column_int64(open.statement, 0));
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
    mend_streams(s);
    mend_flows(s);
    insert_run(
        &s->insert,
        "UPDATE evidence SET status = 'interrupted' WHERE status = 'open' AND kind = 'live'");
}
