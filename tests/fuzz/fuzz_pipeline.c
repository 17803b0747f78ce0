/* fuzz_pipeline.c - any bytes as a capture file, all the way into a case.
 *
 * What the command `seine` does: the file is ingested into a fresh case. An input that begins with a
 * zero is no capture, but a script of packets (script.h), of which one is written: bytes that are
 * changed at random seldom have a right checksum. If it is a capture at all, the case must then be a
 * sound database (integrity_check), hold as many frames as the run counted, each in one verdict, and
 * prove itself with no proof that fails (verify_case). The frames of a flow must be found again in the
 * evidence (extract_flow). One input in four is given again, with another number of threads: to the
 * same case, which must know it, and to a fresh one, which must get the same seal. */
#include "fuzz/fuzz.h"

#include "base/buffer.h"
#include "fuzz/script.h"
#include "pipeline/extract.h"
#include "pipeline/ingest.h"
#include "pipeline/verify.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { JOBS_DEFAULT = 0, JOBS_MOST = 5 };

struct paths {
    char capture[300], made[300], again[300], partial[320], extract[300];
};

static const struct paths *paths(void)
{
    static struct paths p;
    if (!p.capture[0]) {
        snprintf(p.capture, sizeof p.capture, "%s/x.pcap", fuzz_folder());
        snprintf(p.made, sizeof p.made, "%s/x.db", fuzz_folder());
        snprintf(p.again, sizeof p.again, "%s/again.db", fuzz_folder());
        snprintf(p.partial, sizeof p.partial, "%s/x.db.partial", fuzz_folder());
        snprintf(p.extract, sizeof p.extract, "%s/flow.pcapng", fuzz_folder());
    }
    return &p;
}

static enum status ingest_into(struct ingest_result *result, const char *case_path, int jobs,
                               struct error *err)
{
    const char *const captures[] = {paths()->capture};
    const struct ingest_options options = {
        .case_path = case_path,
        .captures = captures,
        .capture_count = 1,
        .memory = INGEST_MEMORY_LEAST,
        .jobs = jobs,
        .version = "fuzz",
        .command = "fuzz_pipeline",
    };
    return ingest(result, &options, err);
}

/* ---- the case, asked by SQLite alone ---- */

static int64_t number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s;
    FUZZ_HOLDS(sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK &&
                   sqlite3_step(s) == SQLITE_ROW,
               "%s: %s", sql, sqlite3_errmsg(db));
    int64_t value = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return value;
}

static void must_be_sound(sqlite3 *db)
{
    sqlite3_stmt *s;
    FUZZ_HOLDS(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &s, NULL) == SQLITE_OK &&
                   sqlite3_step(s) == SQLITE_ROW,
               "integrity_check: %s", sqlite3_errmsg(db));
    const char *said = (const char *)sqlite3_column_text(s, 0);
    FUZZ_HOLDS(said && strcmp(said, "ok") == 0, "integrity_check: %s", said ? said : "nothing");
    sqlite3_finalize(s);
}

/* Statements that no row may satisfy. */
static const char *const never[] = {
    "SELECT count(*) FROM evidence WHERE status NOT IN ('complete', 'partial')",
    "SELECT count(*) FROM evidence e WHERE frames <>"
    " (SELECT coalesce(sum(frames), 0) FROM verdicts v WHERE v.evidence_id = e.evidence_id)",
    "SELECT count(*) FROM streams WHERE length <> stored + missing + truncated",
    "SELECT count(*) FROM streams s WHERE stored <>"
    " (SELECT coalesce(sum(length), 0) FROM chunks c WHERE c.stream_id = s.stream_id)",
    "SELECT count(*) FROM streams s WHERE missing + truncated + missing_tail <>"
    " (SELECT coalesce(sum(length), 0) FROM gaps g WHERE g.stream_id = s.stream_id)",
    "SELECT count(*) FROM gaps WHERE length <= 0",
    "SELECT count(*) FROM chunk_data WHERE length <> length(data)",
    "SELECT count(*) FROM conflicts WHERE length <> length(kept) OR length <> length(other)",
    "SELECT count(*) FROM streams WHERE flow_id NOT IN (SELECT flow_id FROM flows)"
    " OR stream_id <> 2 * flow_id + (side = 'server')",
    "SELECT count(*) FROM chunks WHERE stream_id NOT IN (SELECT stream_id FROM streams)",
    "SELECT count(*) FROM gaps WHERE stream_id NOT IN (SELECT stream_id FROM streams)",
    "SELECT count(*) FROM arrivals WHERE stream_id NOT IN (SELECT stream_id FROM streams)",
    "SELECT count(*) FROM flow_frames WHERE flow_id NOT IN (SELECT flow_id FROM flows)",
    "SELECT count(*) FROM flows WHERE first_ns > last_ns",
    "SELECT count(*) FROM flows WHERE client_ip NOT IN (SELECT ip FROM hosts)"
    " OR server_ip NOT IN (SELECT ip FROM hosts)",
    "SELECT count(*) FROM oddities WHERE count <= 0",
};

static void look_into(const struct ingest_result *result, uint64_t *flows)
{
    sqlite3 *db;
    FUZZ_HOLDS(sqlite3_open_v2(paths()->made, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK,
               "the case cannot be opened");
    must_be_sound(db);
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
        FUZZ_HOLDS(number(db, never[i]) == 0, "not 0: %s", never[i]);
    FUZZ_HOLDS((uint64_t)number(db, "SELECT coalesce(sum(frames), 0) FROM verdicts") ==
                   result->frames,
               "%" PRIu64 " frames were counted", result->frames);
    *flows = (uint64_t)number(db, "SELECT count(*) FROM flows");
    FUZZ_HOLDS(*flows == result->flows, "%" PRIu64 " flows were counted", result->flows);
    FUZZ_HOLDS((uint64_t)number(db, "SELECT count(*) FROM streams") == result->streams,
               "%" PRIu64 " streams were counted", result->streams);
    sqlite3_close(db);
}

/* ---- the case, proved ---- */

static void on_proof(void *context, enum proof proof, const char *what)
{
    (void)context;
    FUZZ_HOLDS(proof != PROOF_FAILS, "a proof fails: %s", what);
}

static void prove(const struct ingest_result *made)
{
    const struct verify_options options = {
        .case_path = paths()->made,
        .seal = made->seal,
        .no_rebuild = true, /* ingest_again() sees that the rows are the same */
        .report = on_proof};
    struct verify_result result;
    struct error err = {0};
    FUZZ_HOLDS(verify_case(&result, &options, &err) == STATUS_OK, "verify: %s", err.text);
    FUZZ_HOLDS(result.not_possible == 0, "%" PRIu64 " proofs are not possible",
               result.not_possible);
}

static void extract(uint64_t flow)
{
    uint64_t frames;
    struct error err = {0};
    fuzz_remove(paths()->extract);
    enum status status =
        extract_flow(&frames, paths()->made, (int64_t)flow, paths()->extract, NULL, &err);
    FUZZ_HOLDS(status == STATUS_OK && frames > 0, "flow %" PRIu64 ": %s", flow, err.text);
}

static void ingest_again(const struct ingest_result *first, int jobs)
{
    struct ingest_result result;
    struct error err = {0};

    FUZZ_HOLDS(ingest_into(&result, paths()->made, jobs, &err) == STATUS_OK, "again: %s", err.text);
    FUZZ_HOLDS(result.skipped == 1 && result.captures == 0, "a capture was not known again");
    fuzz_remove(paths()->again);
    FUZZ_HOLDS(ingest_into(&result, paths()->again, jobs, &err) == STATUS_OK, "again: %s",
               err.text);
    FUZZ_HOLDS(strcmp(result.seal, first->seal) == 0, "another seal: %s, then with %d jobs %s",
               first->seal, jobs, result.seal);
}

/* ---- the capture ---- */

static void put_le32(struct buffer *b, uint64_t value)
{
    for (unsigned i = 0; i < 4; i++)
        buffer_add_byte(b, (uint8_t)(value >> 8 * i));
}

static void on_frame(void *context, const uint8_t *bytes, size_t len, uint32_t wire_len,
                     int64_t time_ns)
{
    put_le32(context, (uint64_t)time_ns / 1000000000);
    put_le32(context, (uint64_t)time_ns % 1000000000);
    put_le32(context, len);
    put_le32(context, wire_len);
    buffer_add(context, bytes, len);
}

static void write_capture(const uint8_t *data, size_t len)
{
    static const uint32_t header[] = {0xa1b23c4d, 4 << 16 | 2, 0, 0, 65535, 101};
    struct buffer capture;

    if (len == 0 || data[0] != 0) {
        fuzz_write(paths()->capture, data, len);
        return;
    }
    buffer_init(&capture, 16u << 20);
    for (size_t i = 0; i < sizeof header / sizeof header[0]; i++)
        put_le32(&capture, header[i]);
    script_play((struct fuzz_input){data + 1, len - 1}, on_frame, &capture);
    fuzz_write(paths()->capture, capture.data, capture.len);
    buffer_release(&capture);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ingest_result result;
    struct error err = {0};
    uint64_t flows;

    if (len > FUZZ_INPUT_MAX)
        return -1;
    fuzz_remove(paths()->made);
    write_capture(data, len);
    enum status status = ingest_into(&result, paths()->made, JOBS_DEFAULT, &err);
    FUZZ_HOLDS(access(paths()->partial, F_OK) != 0, "a partial case is left over");
    FUZZ_HOLDS((access(paths()->made, F_OK) == 0) == (status == STATUS_OK), "%s",
               status == STATUS_OK ? "no case" : "a case, though it failed");
    if (status != STATUS_OK) {
        FUZZ_HOLDS(status == STATUS_FAILED && err.text[0], "failed without a sentence");
        return 0;
    }
    look_into(&result, &flows);
    prove(&result);
    if (flows > 0)
        extract(1 + len % flows);
    if (len % 4 == 0)
        ingest_again(&result, 1 + (int)(len / 4 % JOBS_MOST));
    return 0;
}
