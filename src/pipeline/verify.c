/* verify.c - what a case says, proved again from its evidence.
 *
 * The file as a database; evidence by its hash; streams from the case's own bytes and from the capture
 * through the arrivals alone; what lost (conflicts) and what was refused by their frames; sums; every
 * other row by an ingest anew; the seal. What cannot be proved, because its evidence or its hash is not
 * there, is said by name. */
#include "pipeline/verify.h"

#include "pipeline/verification.h"
#include "store/seal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool wants_memory(sqlite3 *db)
{
    return (sqlite3_errcode(db) & 0xff) == SQLITE_NOMEM;
}

void verification_say(struct verification *v, enum proof proof, const char *format, ...)
{
    char what[1024];
    va_list args;

    v->no_memory = v->no_memory || wants_memory(reader_db(v->reader));
    if (v->no_memory && proof != PROOF_HOLDS)
        return;
    v->result->holds += proof == PROOF_HOLDS;
    v->result->fails += proof == PROOF_FAILS;
    v->result->not_possible += proof == PROOF_NOT_POSSIBLE;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (v->options->report)
        v->options->report(v->options->context, proof, what);
}

enum status verification_fault(struct verification *v)
{
    return error_set(v->err, "reading %s: %s", reader_path(v->reader),
                     sqlite3_errmsg(reader_db(v->reader)));
}

void verification_note(struct verification *v, const struct error *why)
{
    v->no_memory = v->no_memory || why->no_memory;
}

static struct exhibit *exhibit_of(const struct verification *v, uint32_t evidence_id)
{
    for (size_t i = 0; i < v->row_count; i++) {
        if (v->rows[i].evidence_id == evidence_id)
            return &v->exhibits[i];
    }
    return NULL;
}

struct evidence_file *verification_file(void *context, uint32_t evidence_id)
{
    const struct exhibit *exhibit = exhibit_of(context, evidence_id);
    return exhibit ? exhibit->file : NULL;
}

/* Payload that is not in the case. */
static enum status read_payload(void *context, uint32_t evidence_id, void *to, size_t len,
                                uint64_t offset, struct error *err)
{
    struct verification *v = context;
    struct evidence_file *file = verification_file(v, evidence_id);

    if (file)
        return evidence_read(file, to, len, offset, err);
    v->absent = true;
    return error_set(err, "its payload is in evidence %" PRIu32 ", which is not there",
                     evidence_id);
}

void verification_wrong_frame(struct verification *v, uint32_t evidence_id, uint64_t frame)
{
    struct exhibit *exhibit = exhibit_of(v, evidence_id);
    if (exhibit && (exhibit->first_wrong == 0 || frame < exhibit->first_wrong))
        exhibit->first_wrong = frame;
}

const char *verification_text(struct verification *v, sqlite3_stmt *s, int column)
{
    const unsigned char *text = sqlite3_column_text(s, column);
    if (!text && wants_memory(sqlite3_db_handle(s)))
        v->no_memory = true;
    return text ? (const char *)text : "";
}

static enum status prove_sum(struct verification *v, const char *sql, const char *what)
{
    sqlite3_stmt *s;
    enum status status = reader_prepare(v->reader, &s, sql, v->err);

    if (status != STATUS_OK)
        return status;
    int step = sqlite3_step(s);
    if (step == SQLITE_ROW && sqlite3_column_int64(s, 0) == 0)
        verification_say(v, PROOF_HOLDS, "%s", what);
    else if (step == SQLITE_ROW)
        verification_say(v, PROOF_FAILS, "%s: not so in %lld rows", what,
                         (long long)sqlite3_column_int64(s, 0));
    else
        status = verification_fault(v);
    sqlite3_finalize(s);
    return status;
}

static enum status prove_seal(struct verification *v)
{
    sqlite3_stmt *s;
    char seal[65], recorded[65] = "";
    enum status status = seal_compute(reader_db(v->reader), seal, v->err);

    if (status == STATUS_OK)
        status = reader_prepare(v->reader, &s, "SELECT seal FROM runs ORDER BY run_id DESC LIMIT 1",
                                v->err);
    if (status != STATUS_OK)
        return status;
    if (sqlite3_step(s) == SQLITE_ROW)
        snprintf(recorded, sizeof recorded, "%s", verification_text(v, s, 0));
    if (sqlite3_finalize(s) != SQLITE_OK)
        return verification_fault(v);
    if (v->options->seal) {
        bool agrees = strcasecmp(v->options->seal, seal) == 0;
        verification_say(v, agrees ? PROOF_HOLDS : PROOF_FAILS,
                         "seal: %s the one that was given (%s)", agrees ? "is" : "is not", seal);
    }
    if (!recorded[0])
        verification_say(v, PROOF_NOT_POSSIBLE, "seal: none is recorded (%s now)", seal);
    else if (strcmp(recorded, seal) == 0)
        verification_say(v, PROOF_HOLDS, "seal: is the one recorded in the case (%s)", seal);
    else
        verification_say(v, PROOF_FAILS, "seal: %s now, but %s is recorded in the case", seal,
                         recorded);
    return STATUS_OK;
}

/* SQLite's check goes on where it lacks memory for a page, and says so as if it were the page's fault.
 * Names out of the case, which could say the same, are in none of the lines below this heading. */
static bool is_want_of_memory(const char *said)
{
    static const char heading[] = "*** in database main ***\n", what[] = "unable to get the page.";
    const char *at = strncmp(said, heading, sizeof heading - 1) == 0 ? strstr(said, what) : NULL;
    int code = 0;
    return at && sscanf(at + sizeof what - 1, " error code=%d", &code) == 1 &&
           (code == SQLITE_NOMEM || code == SQLITE_IOERR_NOMEM);
}

/* That tables, and the indexes by which they are read, are whole and say the same. SQLite reads names and
 * declarations as texts, whatever they are; who asks for them sees the difference. */
static enum status prove_database(struct verification *v)
{
    static const char sql[] =
        "SELECT integrity_check FROM pragma_integrity_check(1, 'main') WHERE integrity_check <> "
        "'ok'"
        " UNION ALL SELECT 'a name or a declaration is not a text' FROM main.sqlite_master"
        " WHERE typeof(type) <> 'text' OR typeof(name) <> 'text' OR typeof(tbl_name) <> 'text'"
        " OR typeof(sql) NOT IN ('text', 'null') UNION ALL SELECT 'ok'";
    sqlite3_stmt *s;
    enum status status = reader_prepare(v->reader, &s, sql, v->err);

    if (status != STATUS_OK)
        return status;
    const char *said = sqlite3_step(s) == SQLITE_ROW ? verification_text(v, s, 0) : "";
    v->no_memory = v->no_memory || is_want_of_memory(said);
    if (strcmp(said, "ok") == 0)
        verification_say(v, PROOF_HOLDS, "database: its tables and indexes are whole");
    else
        verification_say(v, PROOF_FAILS, "database: %.600s",
                         said[0] ? said : sqlite3_errmsg(reader_db(v->reader)));
    sqlite3_finalize(s);
    return STATUS_OK;
}

/* Streams, conflicts and refusals of which some bytes came compressed. Where an ingest anew gives every
 * row of the case, it has unpacked them once more, and found the same. */
static void say_unplaced(struct verification *v)
{
    enum proof proof = v->rebuilt ? PROOF_HOLDS : PROOF_NOT_POSSIBLE;
    const char *how = v->rebuilt ? "the ingest anew has unpacked them again"
                                 : "only an ingest anew can prove what came compressed";

    if (v->unplaced_streams > 0)
        verification_say(v, proof,
                         "compressed: %" PRIu64 " streams, the first of them stream %" PRId64
                         ", came compressed in part: %s",
                         v->unplaced_streams, v->unplaced_stream_id, how);
    if (v->unplaced_rows > 0)
        verification_say(v, proof,
                         "compressed: the bytes of %" PRIu64 " conflicts and refusals: %s",
                         v->unplaced_rows, how);
}

static enum status prove_all(struct verification *v)
{
    static const struct {
        const char *sql, *what;
    } sums[] = {
        {"SELECT count(*) FROM evidence e WHERE frames <> "
         "(SELECT coalesce(sum(frames), 0) FROM verdicts v WHERE v.evidence_id = e.evidence_id)",
         "sums: the verdicts of each evidence add up to its frames"},
        {"SELECT count(*) FROM (SELECT evidence_id FROM evidence_blocks "
         "UNION SELECT evidence_id FROM interfaces UNION SELECT evidence_id FROM verdicts "
         "UNION SELECT evidence_id FROM flows UNION SELECT evidence_id FROM refused "
         "UNION SELECT kept_evidence_id FROM conflicts "
         "UNION SELECT other_evidence_id FROM conflicts UNION SELECT evidence_id FROM oddities "
         "UNION SELECT evidence_id FROM notes UNION SELECT evidence_id FROM capture_stats "
         "UNION SELECT evidence_id FROM secrets) WHERE evidence_id NOT IN "
         "(SELECT evidence_id FROM evidence)",
         "sums: rows are of evidence that is there"},
        {"SELECT count(*) FROM streams WHERE length <> stored + missing + truncated",
         "sums: the length of each stream is what is stored, missing and truncated"},
        {"SELECT count(*) FROM (SELECT stream_id FROM stream_data "
         "UNION SELECT stream_id FROM chunk_data) WHERE stream_id NOT IN "
         "(SELECT stream_id FROM streams)",
         "sums: no stream that is not there has chunks"}, /* they would not be in the seal */
        {"SELECT count(*) FROM streams s WHERE conflicted <> "
         "(SELECT coalesce(sum(length), 0) FROM conflicts c WHERE c.stream_id = s.stream_id)",
         "sums: the conflicts of each stream add up to what its row says"},
        {"SELECT count(*) FROM conflicts WHERE length <> length(kept) OR length <> length(other)",
         "sums: each conflict has as many bytes as it says"},
        /* Where one took over from another, an earlier row has what was kept then. */
        {"SELECT count(*) FROM (SELECT kept, "
         "coalesce((SELECT substr(d.data, c.position - d.position + 1, c.length) "
         "FROM stream_data d WHERE d.stream_id = c.stream_id AND d.position <= c.position "
         "AND c.position < d.position + length(d.data)), "
         "(SELECT substr(d.data, c.position - d.position + 1, c.length) FROM chunk_data d "
         "WHERE d.stream_id = c.stream_id AND d.position <= c.position "
         "ORDER BY d.position DESC LIMIT 1), x'') AS held FROM conflicts c WHERE stream_id NOT IN "
         "(SELECT stream_id FROM conflicts "
         "WHERE kept_evidence_id <> other_evidence_id OR kept_frame > other_frame) "
         /* What is in the evidence has no chunks: there the hash of the stream holds it. */
         "AND stream_id NOT IN (SELECT s.stream_id FROM streams s JOIN flows f USING (flow_id) "
         "JOIN evidence e USING (evidence_id) "
         "WHERE instr(e.options, '\"payload\":\"reference\"') > 0)) "
         "WHERE held = x'' OR substr(kept, 1, length(held)) <> held",
         "sums: what each conflict says was kept is in the chunks"},
        /* A frame of 802.11 may hold several packets: of a radio, of what may tell of one (cooked, PKTAP), or
         * in a tunnel of access points. */
        {"SELECT count(*) FROM flows f WHERE client_packets + server_packets > "
         "(SELECT coalesce(sum(frames), 0) FROM flow_frames x WHERE x.flow_id = f.flow_id) * "
         "CASE WHEN tunnel GLOB '*gre*' OR tunnel GLOB '*capwap*' OR tunnel GLOB '*tzsp*' OR "
         "EXISTS "
         "(SELECT 1 FROM interfaces WHERE link_type IN (105, 113, 119, 127, 149, 163, 192, 258, "
         "276)) "
         "THEN 64 ELSE 1 END", /* LIFE_PARTS_MOST */
         "sums: every packet of a flow has its frames"},
    };
    enum status status = prove_database(v);

    if (status == STATUS_OK)
        status = verify_evidence(v);
    if (status == STATUS_OK)
        status = verify_streams(v);
    if (status == STATUS_OK)
        status = verify_losers(v);
    if (status == STATUS_OK)
        status = verify_payload(v);
    for (size_t i = 0; i < sizeof sums / sizeof sums[0] && status == STATUS_OK; i++)
        status = prove_sum(v, sums[i].sql, sums[i].what);
    if (status == STATUS_OK && !v->options->no_rebuild)
        status = verify_rebuilt(v);
    say_unplaced(v);
    return status == STATUS_OK ? prove_seal(v) : status;
}

enum status verify_case(struct verify_result *result, const struct verify_options *options,
                        struct error *err)
{
    struct verification v = {.options = options, .result = result, .err = err};

    *result = (struct verify_result){0};
    enum status status = reader_open(&v.reader, options->case_path, err);
    if (status == STATUS_OK)
        status = evidence_rows(&v.rows, &v.row_count, v.reader, err);
    if (status == STATUS_OK && !(v.exhibits = calloc(v.row_count + 1, sizeof *v.exhibits)))
        status = error_no_memory(err, "no memory");
    if (status == STATUS_OK) {
        v.payload = (struct payload_source){read_payload, &v};
        reader_set_evidence(v.reader, &v.payload);
        status = prove_all(&v);
    }
    if (status == STATUS_OK && v.no_memory)
        status = error_no_memory(err, "verifying %s: no memory", options->case_path);
    for (size_t i = 0; v.exhibits && i < v.row_count; i++) {
        evidence_close(v.exhibits[i].file);
        evidence_place_release(&v.exhibits[i].place);
    }
    free(v.exhibits);
    evidence_rows_free(v.rows, v.row_count);
    reader_close(v.reader);
    return status;
}
