/* insert.c - every statement that the writer runs. */
#include "store/insert.h"

#include "store/live_form.h"
#include "store/store.h"

#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MEND_FLOW_TEXT(ARRIVALS)                                                          \
    "UPDATE flows SET last_ns = ?2, end_reason = 'interrupted',"                          \
    " client_bytes = max(client_bytes, coalesce((SELECT stored + truncated FROM streams"  \
    " WHERE stream_id = 2 * ?1), 0)),"                                                    \
    " server_bytes = max(server_bytes, coalesce((SELECT stored + truncated FROM streams"  \
    " WHERE stream_id = 2 * ?1 + 1), 0)),"                                                \
    " client_packets = max(client_packets, coalesce((SELECT sum(segments) FROM " ARRIVALS \
    " WHERE stream_id = 2 * ?1), 0)),"                                                    \
    " server_packets = max(server_packets, coalesce((SELECT sum(segments) FROM " ARRIVALS \
    " WHERE stream_id = 2 * ?1 + 1), 0)) WHERE flow_id = ?1"

#define MEND_ROWS_TEXT(CHUNKS)                                                      \
    "SELECT position, data FROM stream_data WHERE stream_id = ?1 AND position > ?2" \
    " UNION ALL SELECT p.position, data FROM " CHUNKS                               \
    " WHERE p.stream_id = ?1 AND p.position > ?2 ORDER BY 1"

static const char *const texts[STATEMENT_COUNT] = {
    [INSERT_RUN] = "INSERT INTO runs (version, command, started_ns, host, user, jobs, memory)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [UPDATE_RUN_END] = "UPDATE runs SET ended_ns = ?2 WHERE run_id = ?1",
    [UPDATE_RUN_SEAL] = "UPDATE runs SET seal = ?2 WHERE run_id = ?1",
    [INSERT_EVIDENCE] = "INSERT INTO evidence (evidence_id, run_id, source, kind, format, frames,"
                        " status, options) VALUES (?1, ?2, ?3, ?4, ?5, 0, 'open', ?6)",
    [UPDATE_EVIDENCE] =
        "UPDATE evidence SET bytes = ?2, sha256 = ?3, fingerprint = ?4, frames = ?5,"
        " first_ns = ?6, last_ns = ?7, status = ?8 WHERE evidence_id = ?1",
    [UPDATE_EVIDENCE_FILE] = "UPDATE evidence SET bytes = ?1, fingerprint = ?2"
                             " WHERE kind = 'live' AND format = 'pcapng' AND bytes IS NULL"
                             " AND evidence_id >= ?3",
    [SELECT_EVIDENCE_BY_HASH] =
        "SELECT 1 FROM evidence WHERE status <> 'open' AND"
        " (sha256 = ?1 OR (sha256 IS NULL AND fingerprint = ?3)) AND"
        " (options = ?2 OR CASE WHEN json_valid(options) AND json_valid(?2) THEN"
        " json_extract(options, '$.filter') IS json_extract(?2, '$.filter') END)",
    [SELECT_EVIDENCE_BY_FINGERPRINT] =
        "SELECT 1 FROM evidence WHERE fingerprint = ?1 AND status <> 'open' AND"
        " (options = ?2 OR CASE WHEN json_valid(options) AND json_valid(?2) THEN"
        " json_extract(options, '$.filter') IS json_extract(?2, '$.filter') END)",
    [SELECT_OTHER_KEY] =
        "SELECT 1 FROM evidence WHERE status <> 'open' AND json_valid(options) AND json_valid(?1)"
        " AND json_extract(options, '$.key') IS NOT json_extract(?1, '$.key') LIMIT 1",
    [INSERT_BLOCK] = "INSERT INTO evidence_blocks VALUES (?1, ?2, ?3)",
    [INSERT_INTERFACE] = "INSERT INTO interfaces (evidence_id, interface_id, link_type, snap_len,"
                         " name, description, filter, ticks_per_second)"
                         " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [INSERT_VERDICT] = "INSERT OR REPLACE INTO verdicts (evidence_id, verdict, frames, bytes)"
                       " VALUES (?1, ?2, ?3, ?4)", /* live, they are told again and again */
    [INSERT_NOTE] = "INSERT INTO notes (evidence_id, frame, kind, text) VALUES (?1, ?2, ?3, ?4)",
    [INSERT_STATISTICS] = "INSERT INTO capture_stats (evidence_id, interface_id, time_ns, received,"
                          " dropped_by_interface, accepted_by_filter, dropped_by_system, freezes,"
                          " dropped_by_backlog, shed, detail, memory, discarded)"
                          " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    [INSERT_SECRETS] = "INSERT INTO secrets (evidence_id, type, data) VALUES (?1, ?2, ?3)",
    [INSERT_CHUNK] = "INSERT INTO chunk_data (chunk_id, stream_id, position, length, part, data)"
                     " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [INSERT_PLACE] = "INSERT INTO settled_places (stream_id, position, chunk_id)"
                     " VALUES (?1, ?2, ?3)",
    [INSERT_RECENT_PLACE] = "INSERT INTO recent (step, stream_id, kind, place, number)"
                            " VALUES (?4, ?1, 1, ?2, ?3)",
    [INSERT_RECENT_ARRIVALS] = "INSERT INTO recent (step, stream_id, kind, place, number, low,"
                               " high, data) VALUES (?7, ?1, 2, ?2, ?3, ?4, ?5, ?6)",
    [INSERT_RECENT_FRAMES] = "INSERT INTO recent (step, stream_id, kind, place, number, data,"
                             " flow_id) VALUES (?5, 2 * ?1, 0, ?2, ?3, ?4, ?1)",
    [SELECT_CHUNK] = "SELECT chunk_id, position, part, data FROM chunk_data"
                     " WHERE stream_id = ?1 AND position <= ?2 ORDER BY position DESC LIMIT 1",
    [SELECT_CHUNK_ROW] = "SELECT stream_id, position, part, data FROM chunk_data"
                         " WHERE chunk_id = ?1",
    [SELECT_SMALL] = "SELECT NULL, position, 0, data FROM stream_data"
                     " WHERE stream_id = ?1 AND position <= ?2",
    [SELECT_CHUNKS] = "SELECT position, data FROM stream_data WHERE stream_id = ?1 UNION ALL"
                      " SELECT position, data FROM chunk_data WHERE stream_id = ?1 ORDER BY 1",
    [SELECT_CHUNKS_FROM] = "SELECT position, data FROM chunk_data WHERE stream_id = ?1"
                           " AND position >= ?2 ORDER BY position",
    [SELECT_GAP] = "SELECT position + length FROM gaps WHERE stream_id = ?1 AND position <= ?2"
                   " ORDER BY position DESC LIMIT 1",
    [INSERT_CONFLICT] = "INSERT INTO conflicts (stream_id, position, length, kept,"
                        " kept_evidence_id, kept_frame, other, other_evidence_id, other_frame)"
                        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [INSERT_REFUSED] = "INSERT INTO refused (stream_id, position, length, evidence_id, frame,"
                       " reason, data, file_offset, time_ns)"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [SELECT_REFUSED] =
        "SELECT refused_id, position, evidence_id, frame, data, file_offset, time_ns,"
        " length FROM refused WHERE stream_id = ?1 AND position BETWEEN ?3 AND ?2"
        " AND position + length(data) > ?2 AND file_offset IS NOT NULL"
        " AND reason IN ('bad_checksum', 'out_of_window', 'old_timestamp')"
        " ORDER BY refused_id LIMIT 1",
    [COPY_REFUSED_FRONT] = "INSERT INTO refused (stream_id, position, length, evidence_id, frame,"
                           " reason, data, file_offset, time_ns)"
                           " SELECT stream_id, position, ?2, evidence_id, frame, reason,"
                           " substr(data, 1, ?2), file_offset, time_ns"
                           " FROM refused WHERE refused_id = ?1",
    [CUT_REFUSED_FRONT] = "UPDATE refused SET position = position + ?2, length = length - ?2,"
                          " data = substr(data, ?2 + 1), file_offset = file_offset + ?2"
                          " WHERE refused_id = ?1",
    [CUT_REFUSED_BACK] = "UPDATE refused SET length = ?2, data = substr(data, 1, ?2)"
                         " WHERE refused_id = ?1",
    [DELETE_REFUSED] = "DELETE FROM refused WHERE refused_id = ?1",
    [SELECT_ARRIVALS] = "SELECT low, high, data FROM arrivals WHERE stream_id = ?1 AND part >= ?2"
                        " ORDER BY stream_id, part",
    [INSERT_TAKEOVER] = "INSERT INTO temp.takeovers VALUES (?1, ?2, ?3, ?4, ?5)",
    [SELECT_TAKEOVER] = "SELECT position, \"end\", evidence_id, frame FROM temp.takeovers"
                        " WHERE stream_id = ?1 AND position <= ?2 ORDER BY position DESC LIMIT 1",
    [INSERT_ODDITY] = "INSERT INTO oddities (evidence_id, flow_id, kind, frame, last_frame, count,"
                      " detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [UPDATE_ODDITY] = "UPDATE oddities SET last_frame = coalesce(?3, last_frame),"
                      " count = count + ?4 WHERE flow_id = ?1 AND kind = ?2",
    [UPSERT_HOST] = "INSERT INTO hosts (ip, addr, first_ns, last_ns, flows_as_client,"
                    " flows_as_server) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
                    " ON CONFLICT (addr, ip) DO UPDATE SET"
                    " first_ns = min(first_ns, excluded.first_ns),"
                    " last_ns = max(last_ns, excluded.last_ns),"
                    " flows_as_client = flows_as_client + excluded.flows_as_client,"
                    " flows_as_server = flows_as_server + excluded.flows_as_server",
    [SELECT_VIEW] = "SELECT stream_id FROM streams WHERE stream_id > ?1 AND policy IS NOT NULL"
                    " AND conflicted > 0 ORDER BY stream_id LIMIT 1",
    [UPDATE_STREAM_HASH] = "UPDATE streams SET sha256 = ?2 WHERE stream_id = ?1",
    [UPDATE_FLOW_LOSSY] = "UPDATE flows SET lossy = 1 WHERE flow_id = ?1 AND first_ns <= ?3"
                          " AND last_ns >= ?2",
    /* Each side has at least what its stream has; its packets are as many as its segments, or more. */
    [MEND_FLOW] = MEND_FLOW_TEXT("arrivals"),
    [MEND_STREAM] =
        "UPDATE streams SET start = ?2, stored = ?3, sha256 = ?4, missing = missing_now,"
        " truncated = truncated_now, missing_tail = tail_now, conflicted = conflicted_now,"
        " length = ?3 + missing_now + truncated_now,"
        " verdict = CASE WHEN conflicted_now > 0 THEN 'conflict'"
        " WHEN missing_now > 0 OR tail_now > 0 THEN 'gap'"
        " WHEN truncated_now > 0 THEN 'truncated' ELSE 'complete' END"
        " FROM (SELECT"
        " coalesce(sum(length) FILTER (WHERE tail = 0 AND cause <> 'truncated'), 0) AS missing_now,"
        " coalesce(sum(length) FILTER (WHERE tail = 0 AND cause = 'truncated'), 0) AS "
        "truncated_now,"
        " coalesce(sum(length) FILTER (WHERE tail = 1), 0) AS tail_now,"
        " (SELECT coalesce(sum(length), 0) FROM conflicts WHERE stream_id = ?1) AS conflicted_now"
        " FROM gaps WHERE stream_id = ?1) WHERE stream_id = ?1",
    [MEND_ROWS] = MEND_ROWS_TEXT("chunk_data AS p"),
    [UPDATE_FLOWS_LOSSY] = "UPDATE flows SET lossy = 1 WHERE flow_id >= ?1 AND first_ns <= ?3"
                           " AND last_ns >= ?2",
};

/* Those that are others in a live case. The place of a chunk alone is looked for, and then its row. What is mended came
 * before the first commit of this run, and so has its place. */
static const char *const live_texts[STATEMENT_COUNT] = {
    [INSERT_CHUNK] = "INSERT INTO chunk_rows (chunk_id, stream_id, position, length, part, data)"
                     " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [SELECT_CHUNK] =
        "SELECT chunk_id, position, part, data FROM chunk_rows WHERE chunk_id ="
        " (SELECT chunk_id FROM"
        " (SELECT position, chunk_id FROM (SELECT position, chunk_id FROM settled_places"
        " WHERE stream_id = ?1 AND position <= ?2 ORDER BY position DESC LIMIT 1) UNION ALL"
        " SELECT place, number FROM recent WHERE step IN " LIVE_FORM_STEP_LIST
        " AND stream_id = ?1 AND kind = 1 AND place <= ?2) ORDER BY position DESC LIMIT 1)",
    [MEND_FLOW] = MEND_FLOW_TEXT("settled_arrivals"),
    [MEND_ROWS] = MEND_ROWS_TEXT("settled_places AS p CROSS JOIN chunk_rows USING (chunk_id)"),
};

/* The tables that go through batches. */
static const struct {
    struct batch_table_name name;
    const char *settled; /* the table in a live case; NULL: the same */
    bool by_rowid;       /* its first column is its INTEGER PRIMARY KEY */
    int key_columns;     /* 0: its rows are not all in the seal */
} batches[BATCH_COUNT] = {
    [INSERT_FLOW] =
        {{"flows",
          "flow_id, evidence_id, protocol, client_ip, client_port, server_ip, server_port,"
          " vlan, tunnel, client_mac, server_mac, first_ns, last_ns, first_frame, client_packets,"
          " server_packets, client_bytes, server_bytes, client_ip_bytes, server_ip_bytes,"
          " client_frame_bytes, server_frame_bytes, client_retransmitted, server_retransmitted,"
          " client_flags, server_flags, client_min_ttl, server_min_ttl, handshake_rtt_ns, history,"
          " state, end_reason, client_guessed, lossy, community_id, continues_flow_id, "
          "interface_id, client_carried, server_carried",
          39, "flow_id",
          "evidence_id = excluded.evidence_id, first_frame = excluded.first_frame,"
          " first_ns = excluded.first_ns, last_ns = excluded.last_ns,"
          " client_packets = excluded.client_packets, server_packets = excluded.server_packets,"
          " client_bytes = excluded.client_bytes, server_bytes = excluded.server_bytes,"
          " client_ip_bytes = excluded.client_ip_bytes, server_ip_bytes = excluded.server_ip_bytes,"
          " client_frame_bytes = excluded.client_frame_bytes,"
          " server_frame_bytes = excluded.server_frame_bytes,"
          " client_retransmitted = excluded.client_retransmitted,"
          " server_retransmitted = excluded.server_retransmitted,"
          " client_flags = excluded.client_flags, server_flags = excluded.server_flags,"
          " client_min_ttl = excluded.client_min_ttl, server_min_ttl = excluded.server_min_ttl,"
          " handshake_rtt_ns = excluded.handshake_rtt_ns, history = excluded.history,"
          " state = excluded.state, end_reason = excluded.end_reason, lossy = excluded.lossy,"
          " client_carried = excluded.client_carried, server_carried = excluded.server_carried",
          true},
         NULL,
         true,
         1},
    [INSERT_FLOW_FRAMES] = {{"flow_frames", "flow_id, part, frames, data", 4, NULL, NULL, false},
                            "settled_frames",
                            false,
                            2},
    [INSERT_STREAM] = {{"streams",
                        "stream_id, flow_id, side, start, length, stored, missing, truncated,"
                        " missing_tail, conflicted, verdict, sha256, policy",
                        13, "stream_id",
                        "start = excluded.start, length = excluded.length,"
                        " stored = excluded.stored, missing = excluded.missing,"
                        " truncated = excluded.truncated, missing_tail = excluded.missing_tail,"
                        " conflicted = excluded.conflicted, verdict = excluded.verdict,"
                        " sha256 = excluded.sha256, policy = excluded.policy",
                        false},
                       NULL,
                       true,
                       1},
    [INSERT_STREAM_DATA] = {{"stream_data", "stream_id, position, data", 3, NULL, NULL, true},
                            NULL,
                            true,
                            0},
    [INSERT_ARRIVALS] = {{"arrivals", "stream_id, part, segments, low, high, data", 6, NULL, NULL,
                          false},
                         "settled_arrivals",
                         false,
                         2},
    [INSERT_GAP] = {{"gaps", "stream_id, position, length, cause, tail", 5, NULL, NULL, false},
                    NULL,
                    false,
                    0},
};

/* Another thread is woken for each batch, so that large ones are better, up to a point. */
static struct batch_size size_for(size_t memory)
{
    enum { LEAST = 40 << 10, MOST = 512 << 10, BYTES_A_ROW = 512 };
    size_t bytes = memory / 128;

    bytes = bytes < LEAST ? LEAST : bytes > MOST ? MOST : bytes;
    return (struct batch_size){.rows = (int)(bytes / BYTES_A_ROW), .bytes = bytes};
}

/* Gaps are few, and short: they are in a batch since a statement for each would have to wait for all that is being written. */
static struct batch_size size_of(int table, struct batch_size size)
{
    enum { PART = 8, BYTES_A_GAP = 32 };

    if (table != INSERT_GAP)
        return size;
    size.rows = size.rows / PART + 1;
    size.bytes = BATCH_ROW_BYTES + (size_t)size.rows * BYTES_A_GAP;
    return size;
}

/* How many sets of rows a table has where there is a worker: one is filled while another is written. stream_data, which fills
 * soonest, has more where there is memory: else who fills it waits while other tables are written. */
static unsigned sets_for(int table, struct batch_size size)
{
    return table == INSERT_STREAM_DATA && size.bytes >= BATCH_ROW_BYTES * BATCH_SETS ? BATCH_SETS
                                                                                     : 2;
}

size_t insert_cost(size_t memory)
{
    size_t cost = 0;

    for (int i = 0; i < BATCH_COUNT; i++) {
        const struct batch_size size = size_of(i, size_for(memory));
        const size_t row = (size_t)batches[i].name.column_count * sizeof(struct row_value) +
                           (batches[i].name.later ? sizeof(struct batch_later) : 0);
        cost += sets_for(i, size) * (size.bytes + (size_t)size.rows * row) +
                (batches[i].by_rowid ? IMAGE_COST + LEAVES_COST : 0); /* the trees of all */
    }
    return cost;
}

void insert_init(struct insert *in, struct case_file *file, const struct store_worker *worker,
                 const struct store_worker *maker, size_t memory)
{
    *in = (struct insert){.file = file, .worker = worker, .maker = maker, .size = size_for(memory)};
    for (int i = 0; i < BATCH_COUNT; i++)
        for (int k = 0; k < BATCH_SETS; k++)
            in->jobs[i][k] = (struct insert_job){.in = in, .batch = &in->rows[i].batch};
    if (file->partial)
        leaves_init(&in->leaves, file);
}

void insert_release(struct insert *in)
{
    insert_settle(in);
    chunk_map_release(&in->chunks.map);
    leaves_tree_release(&in->chunks.tree);
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        sqlite3_finalize(in->rows[i].statement);
        in->rows[i].statement = NULL;
        batch_release(&in->rows[i].batch);
    }
    leaves_release(&in->leaves);
}

void insert_fail(struct insert *in, const char *format, ...)
{
    if (in->failed)
        return;
    in->failed = true;
    va_list args;
    va_start(args, format);
    vsnprintf(in->error.text, sizeof in->error.text, format, args);
    va_end(args);
}

void insert_fail_as(struct insert *in, const struct error *error)
{
    if (!in->failed)
        in->error = *error;
    in->failed = true;
}

void insert_no_memory(struct insert *in)
{
    struct error error;
    error_no_memory(&error, "writing %s: no memory", case_file_name(in->file));
    insert_fail_as(in, &error);
}

void insert_fault(struct insert *in)
{
    if (in->failed)
        return;
    in->failed = true;
    case_file_fault(in->file, "writing", &in->error);
}

/* ---- batches ---- */

/* On the maker's thread, where there is one. */
static void make_batch(void *job, struct span unused)
{
    const struct insert_job *j = job;

    (void)unused;
    batch_make(j->rows);
}

/* On the worker's thread, where there is one. */
static void write_batch(void *job, struct span unused)
{
    const struct insert_job *j = job;
    struct insert *in = j->in;

    (void)unused;
    if (j->made > 0)
        in->maker->wait(in->maker->context, j->made);
    if (in->failed_there) { /* who gives the next may not know yet */
        batch_drop(j->rows);
        return;
    }
    if (batch_write(j->batch, j->rows, j->alone) == SQLITE_OK)
        return;
    in->failed_there = true;
    if (in->leaves.error.text[0])
        in->error_there = in->leaves.error;
    else
        case_file_fault(in->file, "writing", &in->error_there);
}

/* Until the batches up to a turn are written. */
static void wait_for(struct insert *in, uint64_t turn)
{
    if (turn > 0)
        in->worker->wait(in->worker->context, turn);
    if (turn == in->turn)
        in->turn = 0;
    if (in->turn == 0 && in->failed_there)
        insert_fail_as(in, &in->error_there);
}

void insert_wait(struct insert *in, uint64_t turn)
{
    if (turn > 0)
        wait_for(in, turn);
}

void insert_settle(struct insert *in)
{
    if (in->collected)
        in->collected(in->collected_context);
    if (in->turn == 0)
        return;
    wait_for(in, in->turn);
    for (int i = 0; i < BATCH_COUNT; i++)
        for (int k = 0; k < BATCH_SETS; k++)
            in->jobs[i][k].turn = 0;
}

uint64_t insert_give(struct insert *in, void (*task)(void *of, struct span unused), void *of)
{
    if (!in->worker) {
        task(of, span_of(NULL, 0));
        wait_for(in, 0);
        return 0;
    }
    uint64_t turn = in->turn = in->worker->give(in->worker->context, task, of, span_of(NULL, 0));
    if (in->open == 0)
        return turn;
    wait_for(in, turn); /* the connection is in use */
    return 0;
}

/* The tables of batches are SQLite's: what of them was written past it is in its place. */
static void link_rows(struct insert *in, enum status (*how)(struct leaves *l))
{
    insert_settle(in);
    if (!in->failed && in->leaves.file && how(&in->leaves) != STATUS_OK)
        insert_fail_as(in, &in->leaves.error);
}

/* The rows of a set, on their way. */
static struct insert_job *job_of(struct insert *in, enum statement which,
                                 const struct batch_rows *set)
{
    return &in->jobs[which][set - in->rows[which].batch.sets];
}

static void wait_for_job(struct insert *in, struct insert_job *job)
{
    if (job->turn > 0)
        wait_for(in, job->turn);
    job->turn = 0;
}

/* Has a batch written. */
static void hand_over(struct insert *in, enum statement which)
{
    struct batch *batch = &in->rows[which].batch;

    if (which == INSERT_STREAM) /* their digests are made of those */
        hand_over(in, INSERT_STREAM_DATA);
    if (in->failed || batch_is_empty(batch))
        return;
    struct insert_job *job = job_of(in, which, batch->filling);
    job->rows = batch_turn(batch);
    job->alone = in->open == 0;
    if (which == INSERT_STREAM_DATA)
        in->given++;
    if (in->maker && batches[which].name.later)
        job->made = in->maker->give(in->maker->context, make_batch, job, span_of(NULL, 0));
    else
        make_batch(job, span_of(NULL, 0));
    job->turn = insert_give(in, write_batch, job);
    wait_for_job(in, job_of(in, which, batch->filling)); /* it may be the same */
}

static bool prepare(struct insert *in, enum statement which)
{
    struct row *row = &in->rows[which];
    int code = SQLITE_OK;

    if (which < BATCH_COUNT && !row->batch.statement) {
        insert_settle(in);
        const enum batch_how how = in->file->live                                 ? BATCH_RENEWS
                                   : in->file->partial && batches[which].by_rowid ? BATCH_AS_IMAGE
                                                                                  : BATCH_AS_TABLE;
        struct batch_table_name name = batches[which].name;
        if (in->live_form && batches[which].settled)
            name.table = batches[which].settled;
        code = batch_init(&row->batch, in->file->db, &name, size_of((int)which, in->size), how,
                          in->worker ? sets_for((int)which, in->size) : 1);
        if (code == SQLITE_OK && in->leaves.file && which != INSERT_GAP)
            code = batch_past_sqlite(&row->batch, &in->leaves, &name, !batches[which].by_rowid);
        bool all_of_it = in->file->partial && batches[which].key_columns > 0;
        if (code == SQLITE_OK && all_of_it &&
            !batch_sum_begin(&row->batch, batches[which].key_columns))
            code = SQLITE_NOMEM;
    }
    if (which >= BATCH_COUNT && !row->statement) {
        const char *text = in->live_form && live_texts[which] ? live_texts[which] : texts[which];
        insert_settle(in);
        code = sqlite3_prepare_v3(in->file->db, text, -1, SQLITE_PREPARE_PERSISTENT,
                                  &row->statement, NULL);
    }
    if (code == SQLITE_NOMEM)
        insert_no_memory(in);
    else if (code != SQLITE_OK)
        insert_fault(in);
    return code == SQLITE_OK;
}

bool insert_prepare(struct insert *in, enum statement which)
{
    return !in->failed && (in->rows[which].statement || prepare(in, which));
}

bool insert_sum(struct insert *in, enum statement which, uint8_t value[DIGEST_LEN])
{
    assert(which < BATCH_COUNT);
    insert_flush_one(in, which);
    bool known = !in->failed && batch_sum_end(&in->rows[which].batch, value);
    if (in->leaves.error.text[0])
        insert_fail_as(in, &in->leaves.error);
    return known;
}

void insert_flush_one(struct insert *in, enum statement which)
{
    hand_over(in, which);
    link_rows(in, leaves_link);
}

void insert_flush(struct insert *in)
{
    for (int i = 0; i < BATCH_COUNT; i++)
        hand_over(in, (enum statement)i);
    link_rows(in, leaves_end);
}

/* ---- a live case ---- */

void insert_enter_live_form(struct insert *in, size_t page_size)
{
    if (!in->failed && live_form_enter(in->file->db, &in->live_form) != SQLITE_OK)
        insert_fault(in);
    in->step = 0;
    in->recent = in->asked = 0;
    in->is_broad = false;
    in->page_size = page_size;
    in->leaf_left = 0;
}

/* Rows that lie by commit before they are moved, which takes some tens of milliseconds; and those of a single commit from which
 * on the next one does without. */
enum { RECENT_MOST = 65536, BROAD_LEAST = 32768 };

bool insert_by_commit(struct insert *in)
{
    if (!in->live_form)
        return false;
    in->asked++;
    if (in->is_broad || in->asked > BROAD_LEAST || in->recent >= RECENT_MOST)
        return false;
    in->recent++;
    return true;
}

void insert_step(struct insert *in)
{
    in->is_broad = in->asked >= BROAD_LEAST;
    in->asked = 0;
    in->step++;
    if (in->live_form && in->recent > 0) {
        if (in->step < LIVE_FORM_STEPS && in->recent < RECENT_MOST && !in->is_broad)
            return;
        insert_settle(in);
        if (!in->failed && live_form_settle(in->file->db) != SQLITE_OK)
            insert_fault(in);
    }
    in->step = 0;
    in->recent = 0;
}

/* ---- statements ---- */

struct row *insert_begin(struct insert *in, enum statement which)
{
    if (which == SELECT_GAP || which == MEND_STREAM)
        hand_over(in, INSERT_GAP);
    if (which >= BATCH_COUNT)
        insert_settle(in);
    if (in->failed || !prepare(in, which))
        return NULL;
    if (which < BATCH_COUNT && batch_full(&in->rows[which].batch)) {
        hand_over(in, which);
        if (in->failed)
            return NULL;
    }
    in->open += which >= BATCH_COUNT;
    return &in->rows[which];
}

void insert_end(struct insert *in, struct row *row)
{
    if (!row)
        return;
    if (!row->statement) {
        batch_add(&row->batch);
        return;
    }
    if (sqlite3_step(row->statement) != SQLITE_DONE)
        insert_fault(in);
    sqlite3_reset(row->statement);
    in->open--;
}

bool insert_next(struct insert *in, struct row *row)
{
    if (!row)
        return false;
    insert_settle(in);
    int code = sqlite3_step(row->statement);
    if (code == SQLITE_ROW)
        return true;
    if (code != SQLITE_DONE)
        insert_fault(in);
    return false;
}

void insert_done(struct insert *in, struct row *row)
{
    if (!row)
        return;
    sqlite3_reset(row->statement);
    in->open--;
}

void insert_run(struct insert *in, const char *sql)
{
    insert_settle(in);
    if (!in->failed && sqlite3_exec(in->file->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        insert_fault(in);
}

void put_null(struct row *row, int at)
{
    if (row && row->statement)
        sqlite3_bind_null(row->statement, at);
    else if (row)
        batch_put_null(&row->batch, at);
}

void put_text_len(struct row *row, int at, const char *text, size_t len)
{
    if (row && row->statement)
        sqlite3_bind_text64(row->statement, at, text, len, SQLITE_STATIC, SQLITE_UTF8);
    else if (row)
        batch_put_text(&row->batch, at, span_of(text, len));
}

void put_text(struct row *row, int at, const char *text)
{
    if (text)
        put_text_len(row, at, text, strlen(text));
    else
        put_null(row, at);
}

struct span put_blob_kept(struct row *row, int at, struct span bytes)
{
    if (!row)
        return span_of(NULL, 0);
    return batch_put_blob(&row->batch, at, bytes);
}

uint8_t *put_text_room(struct row *row, int at, size_t len)
{
    return row ? batch_put_room(&row->batch, at, len) : NULL;
}

void put_text_made(struct row *row, int at, size_t len, batch_fill *fill, struct span from)
{
    if (row)
        batch_later(&row->batch, fill, batch_put_room(&row->batch, at, len),
                    batch_keep(&row->batch, from));
}

uint16_t insert_later(struct insert *in, batch_fill *fill, uint8_t *to, struct span from)
{
    if (to && !in->failed)
        batch_later(&in->rows[INSERT_STREAM_DATA].batch, fill, to, from);
    return in->given;
}

bool insert_later_moves(struct insert *in, const uint8_t *from, uint8_t *to)
{
    return !in->failed && batch_later_moves(&in->rows[INSERT_STREAM_DATA].batch, from, to);
}

/* Batches take the sets in turn, so that one that as many as there are sets came after was waited for. */
void insert_made(struct insert *in, uint16_t made_in)
{
    const struct batch *batch = &in->rows[INSERT_STREAM_DATA].batch;

    if (made_in == in->given) /* it waits in the batch that is filled */
        hand_over(in, INSERT_STREAM_DATA);
    if ((uint16_t)(in->given - made_in) < batch->set_count)
        wait_for_job(in, &in->jobs[INSERT_STREAM_DATA][made_in % batch->set_count]);
}

void put_blob(struct row *row, int at, struct span bytes)
{
    if (row && row->statement)
        sqlite3_bind_blob64(row->statement, at, bytes.len > 0 ? bytes.data : (const void *)"",
                            bytes.len, SQLITE_STATIC);
    else if (row)
        batch_put_blob(&row->batch, at, bytes);
}
