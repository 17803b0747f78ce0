/* evidence.c - what the pipeline says of its captures, and what is removed of those that an earlier
 * run left open. */
#include "store/text.h"
#include "store/writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SECRETS_MOST = 1 << 20 }; /* bytes of a row */
enum { LOOKS_WITHOUT_INDEX = 64 };

/* The bytes as a text that SQLite takes: valid UTF-8, no NUL; NULL for none. Dies with the next. */
static const char *clean(struct store *s, struct buffer *into, struct span bytes)
{
    if (bytes.len == 0)
        return NULL;
    buffer_clear(into);
    if (!utf8_add(into, bytes))
        insert_no_memory(&s->insert);
    return buffer_text(into);
}

const char *evidence_text(struct store *s, struct span bytes)
{
    return clean(s, &s->text, bytes);
}

static struct span span_text(const char *text)
{
    return text ? span_of(text, strlen(text)) : span_of(NULL, 0);
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

bool store_has_evidence(struct store *s, const char *sha256, const char *fingerprint,
                        const char *options)
{
    const char *key = sha256 ? sha256 : fingerprint;
    if (!key)
        return false;
    if (++s->evidence_looks == LOOKS_WITHOUT_INDEX) /* each reads the whole table without one */
        insert_run(&s->insert,
                   "CREATE INDEX IF NOT EXISTS evidence_sha256 ON evidence (sha256);"
                   "CREATE INDEX IF NOT EXISTS evidence_fingerprint ON evidence (fingerprint)");
    struct row *row =
        insert_begin(&s->insert, sha256 ? SELECT_EVIDENCE_BY_HASH : SELECT_EVIDENCE_BY_FINGERPRINT);
    put_text(row, 1, key);
    put_text(row, 2, or_empty(options));
    if (sha256 && fingerprint)
        put_text(row, 3, fingerprint);
    else if (sha256)
        put_null(row, 3);
    bool found = insert_next(&s->insert, row);
    insert_done(&s->insert, row);
    return found;
}

bool store_has_other_key(struct store *s, const char *options)
{
    struct row *row = insert_begin(&s->insert, SELECT_OTHER_KEY);
    put_text(row, 1, options);
    bool found = insert_next(&s->insert, row);
    insert_done(&s->insert, row);
    return found;
}

uint32_t store_evidence_begin(struct store *s, const char *source, const char *kind,
                              const char *format, const char *options)
{
    uint32_t evidence_id = s->next_evidence_id++;
    struct buffer clean_options;

    buffer_init(&clean_options, s->text.ceiling);
    struct row *row = insert_begin(&s->insert, INSERT_EVIDENCE);
    put_int(row, 1, evidence_id);
    put_int(row, 2, s->run_id);
    put_text(row, 3, or_empty(evidence_text(s, span_text(source))));
    put_text(row, 4, kind);
    put_text(row, 5, format);
    put_text(row, 6, or_empty(clean(s, &clean_options, span_text(options))));
    insert_end(&s->insert, row);
    buffer_release(&clean_options);
    return evidence_id;
}

uint32_t store_last_evidence(const struct store *s)
{
    return s->next_evidence_id - 1;
}

void store_interface(struct store *s, uint32_t evidence_id, uint32_t interface_id,
                     uint32_t link_type, uint32_t snap_len, struct span name,
                     struct span description, struct span filter, uint64_t ticks_per_second)
{
    struct buffer texts[3];
    const struct span spans[3] = {name, description, filter};

    struct row *row = insert_begin(&s->insert, INSERT_INTERFACE);
    put_int(row, 1, evidence_id);
    put_int(row, 2, interface_id);
    put_int(row, 3, link_type);
    if (snap_len > 0)
        put_int(row, 4, snap_len);
    else
        put_null(row, 4);
    for (int i = 0; i < 3; i++) {
        buffer_init(&texts[i], s->text.ceiling);
        put_text(row, 5 + i, clean(s, &texts[i], spans[i]));
    }
    put_count(row, 8, ticks_per_second);
    insert_end(&s->insert, row);
    for (int i = 0; i < 3; i++)
        buffer_release(&texts[i]);
}

void store_note(struct store *s, uint32_t evidence_id, uint64_t frame, const char *kind,
                struct span text)
{
    struct row *row = insert_begin(&s->insert, INSERT_NOTE);
    put_int(row, 1, evidence_id);
    if (frame > 0)
        put_count(row, 2, frame);
    else
        put_null(row, 2);
    put_text(row, 3, kind);
    put_text(row, 4, or_empty(evidence_text(s, text)));
    insert_end(&s->insert, row);
}

static void put_said(struct row *row, int at, int64_t value)
{
    if (value < 0)
        put_null(row, at);
    else
        put_int(row, at, value);
}

void store_statistics(struct store *s, uint32_t evidence_id, uint32_t interface_id, int64_t time_ns,
                      int64_t received, int64_t dropped_by_interface, int64_t accepted_by_filter,
                      int64_t dropped_by_system)
{
    struct row *row = insert_begin(&s->insert, INSERT_STATISTICS);
    put_int(row, 1, evidence_id);
    put_int(row, 2, interface_id);
    put_int(row, 3, time_ns);
    put_said(row, 4, received);
    put_said(row, 5, dropped_by_interface);
    put_said(row, 6, accepted_by_filter);
    put_said(row, 7, dropped_by_system);
    for (int at = 8; at <= 13; at++)
        put_null(row, at);
    insert_end(&s->insert, row);
}

void store_live_statistics(struct store *s, uint32_t evidence_id, const struct live_statistics *of)
{
    struct row *row = insert_begin(&s->insert, INSERT_STATISTICS);
    put_int(row, 1, evidence_id);
    put_int(row, 2, 0);
    put_int(row, 3, of->time_ns);
    put_count(row, 4, of->received);
    put_count(row, 5, of->dropped_by_interface);
    put_null(row, 6);
    put_count(row, 7, of->dropped_by_socket);
    put_count(row, 8, of->freezes);
    put_count(row, 9, of->dropped_by_backlog);
    put_count(row, 10, shed_counted(s, evidence_id) + of->shed);
    put_text(row, 11, of->detail[0] ? of->detail : NULL);
    put_said(row, 12, of->memory);
    put_count(row, 13, of->discarded);
    insert_end(&s->insert, row);
}

/* How many of the bytes make a row: all, or up to the last end of a line within SECRETS_MOST. */
static size_t secrets_row_len(struct span data)
{
    if (data.len <= SECRETS_MOST)
        return data.len;
    size_t len = SECRETS_MOST;
    while (len > 0 && data.data[len - 1] != '\n')
        len--;
    return len > 0 ? len : SECRETS_MOST;
}

void store_secrets(struct store *s, uint32_t evidence_id, uint32_t type, struct span data)
{
    do {
        struct span part = span_first(data, secrets_row_len(data));
        struct row *row = insert_begin(&s->insert, INSERT_SECRETS);
        put_int(row, 1, evidence_id);
        put_int(row, 2, type);
        put_blob(row, 3, part);
        insert_end(&s->insert, row);
        data = span_after(data, part.len);
    } while (data.len > 0);
}

void store_block(struct store *s, uint32_t evidence_id, uint64_t block, uint64_t checksum)
{
    char hex[17];
    snprintf(hex, sizeof hex, "%016" PRIx64, checksum);
    struct row *row = insert_begin(&s->insert, INSERT_BLOCK);
    put_int(row, 1, evidence_id);
    put_count(row, 2, block);
    put_text(row, 3, hex);
    insert_end(&s->insert, row);
}

void store_evidence_end(struct store *s, uint32_t evidence_id, const struct evidence_end *end)
{
    struct row *row = insert_begin(&s->insert, UPDATE_EVIDENCE);
    put_int(row, 1, evidence_id);
    if (end->is_live)
        put_null(row, 2);
    else
        put_count(row, 2, end->bytes);
    put_text(row, 3, end->sha256);
    put_text(row, 4, end->fingerprint);
    put_count(row, 5, end->frames);
    if (end->frames > 0) {
        put_int(row, 6, end->first_ns);
        put_int(row, 7, end->last_ns);
    } else {
        put_null(row, 6);
        put_null(row, 7);
    }
    put_text(row, 8, end->status);
    insert_end(&s->insert, row);
    for (int verdict = 0; verdict < VERDICT_COUNT; verdict++) {
        if (end->verdict_frames[verdict] == 0)
            continue;
        row = insert_begin(&s->insert, INSERT_VERDICT);
        put_int(row, 1, evidence_id);
        put_text(row, 2, verdict_name((enum verdict)verdict));
        put_count(row, 3, end->verdict_frames[verdict]);
        put_count(row, 4, end->verdict_bytes[verdict]);
        insert_end(&s->insert, row);
    }
}

void store_evidence_file(struct store *s, uint32_t first_evidence_id, uint64_t bytes,
                         const char *fingerprint)
{
    struct row *row = insert_begin(&s->insert, UPDATE_EVIDENCE_FILE);
    put_count(row, 1, bytes);
    put_text(row, 2, fingerprint);
    put_int(row, 3, first_evidence_id);
    insert_end(&s->insert, row);
}

/* Adds up the hosts again, from the flows that are left. */
static void count_hosts(struct store *s)
{
    struct row row = {0};
    struct address address;
    uint8_t version;

    insert_run(&s->insert, "DELETE FROM hosts");
    if (s->insert.failed)
        return;
    if (sqlite3_prepare_v2(s->file.db, "SELECT client_ip, server_ip, first_ns, last_ns FROM flows",
                           -1, &row.statement, NULL) != SQLITE_OK)
        insert_fault(&s->insert);
    while (insert_next(&s->insert, &row)) {
        for (int i = 0; i < 2; i++) {
            const char *ip = (const char *)sqlite3_column_text(row.statement, i);
            if (ip && ip_parse(&address, &version, ip))
                hosts_add(&s->hosts, &address, version, i == 0,
                          sqlite3_column_int64(row.statement, 2),
                          sqlite3_column_int64(row.statement, 3));
        }
    }
    sqlite3_finalize(row.statement);
    hosts_write(&s->hosts);
}

void evidence_remove_open(struct store *s)
{
    static const char sql[] =
        "CREATE TEMP TABLE gone_evidence AS SELECT evidence_id FROM evidence"
        " WHERE status = 'open';"
        "CREATE TEMP TABLE gone_flows (flow_id INTEGER PRIMARY KEY);"
        "INSERT INTO gone_flows SELECT flow_id FROM flows"
        " WHERE evidence_id IN (SELECT evidence_id FROM gone_evidence);"
        /* flows that had begun to be written, and have no row of their own yet */
        "INSERT OR IGNORE INTO gone_flows SELECT id FROM ("
        " SELECT DISTINCT stream_id / 2 AS id FROM chunk_data UNION"
        " SELECT DISTINCT stream_id / 2 FROM stream_data UNION"
        " SELECT DISTINCT stream_id / 2 FROM arrivals UNION"
        " SELECT DISTINCT stream_id / 2 FROM gaps UNION"
        " SELECT DISTINCT stream_id / 2 FROM conflicts UNION"
        " SELECT DISTINCT stream_id / 2 FROM refused UNION"
        " SELECT DISTINCT flow_id FROM flow_frames UNION"
        " SELECT DISTINCT flow_id FROM oddities WHERE flow_id IS NOT NULL)"
        " WHERE id NOT IN (SELECT flow_id FROM flows);"
        "CREATE TEMP TABLE gone_streams (stream_id INTEGER PRIMARY KEY);"
        "INSERT INTO gone_streams SELECT 2 * flow_id FROM gone_flows"
        " UNION ALL SELECT 2 * flow_id + 1 FROM gone_flows;"
        "DELETE FROM chunk_data WHERE stream_id IN (SELECT stream_id FROM gone_streams);"
        "DELETE FROM stream_data WHERE stream_id IN (SELECT stream_id FROM gone_streams);"
        "DELETE FROM arrivals WHERE stream_id IN (SELECT stream_id FROM gone_streams);"
        "DELETE FROM gaps WHERE stream_id IN (SELECT stream_id FROM gone_streams);"
        "DELETE FROM conflicts WHERE stream_id IN (SELECT stream_id FROM gone_streams);"
        "DELETE FROM refused WHERE stream_id IN (SELECT stream_id FROM gone_streams);"
        "DELETE FROM streams WHERE stream_id IN (SELECT stream_id FROM gone_streams);"
        "DELETE FROM flow_frames WHERE flow_id IN (SELECT flow_id FROM gone_flows);"
        "DELETE FROM oddities WHERE flow_id IN (SELECT flow_id FROM gone_flows)"
        " OR evidence_id IN (SELECT evidence_id FROM gone_evidence);"
        "DELETE FROM flows WHERE flow_id IN (SELECT flow_id FROM gone_flows);"
        "DELETE FROM notes WHERE evidence_id IN (SELECT evidence_id FROM gone_evidence);"
        "DELETE FROM capture_stats WHERE evidence_id IN (SELECT evidence_id FROM gone_evidence);"
        "DELETE FROM secrets WHERE evidence_id IN (SELECT evidence_id FROM gone_evidence);"
        "DELETE FROM verdicts WHERE evidence_id IN (SELECT evidence_id FROM gone_evidence);"
        "DELETE FROM evidence_blocks WHERE evidence_id IN (SELECT evidence_id FROM gone_evidence);"
        "DELETE FROM interfaces WHERE evidence_id IN (SELECT evidence_id FROM gone_evidence);"
        "DELETE FROM evidence WHERE evidence_id IN (SELECT evidence_id FROM gone_evidence);"
        "DROP TABLE gone_streams; DROP TABLE gone_flows; DROP TABLE gone_evidence;";

    insert_run(&s->insert, sql);
    count_hosts(s);
}
