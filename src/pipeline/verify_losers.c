/* verify_losers.c - the bytes of conflicts and of refused segments, proved by the frames that brought
 * them. */
#include "pipeline/verification.h"

#include "pipeline/witness.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Rows that say which bytes a frame brought. */
struct told_rows {
    const char *kind;
    const char *sql; /* id, stream_id, evidence_id, frame, position, bytes, how many of them must be
                              the frame's; by stream */
    const char *bytes_sql; /* the bytes of one row by its id */
};

static const struct told_rows told_rows[] = {
    /* An arrival brought all that lost to what was there before, and all that took over from what was;
     * what it is compared with may have come in several, and the row names the first. */
    {"conflicts",
     "SELECT conflict_id, stream_id, other_evidence_id, other_frame, position, length(other), "
     "CASE WHEN kept_evidence_id = other_evidence_id AND kept_frame < other_frame "
     "THEN length(other) ELSE 1 END FROM conflicts ORDER BY stream_id",
     "SELECT other FROM conflicts WHERE conflict_id = ?"},
    {"kept bytes of conflicts",
     "SELECT conflict_id, stream_id, kept_evidence_id, kept_frame, position, length(kept), "
     "CASE WHEN kept_evidence_id = other_evidence_id AND kept_frame > other_frame "
     "THEN length(kept) ELSE 1 END FROM conflicts ORDER BY stream_id",
     "SELECT kept FROM conflicts WHERE conflict_id = ?"},
    {"refused segments",
     "SELECT refused_id, stream_id, evidence_id, frame, position, length(data), length(data) "
     "FROM refused ORDER BY stream_id",
     "SELECT data FROM refused WHERE refused_id = ?"},
};

enum { ROWS_AT_A_TIME = 64 * 1024 };

struct told {
    struct verification *v;
    const struct told_rows *rows;
    sqlite3_stmt *bytes;
    struct witness_claim *claims; /* of one stream */
    int64_t *ids;                 /* by claim->row */
    size_t *needs;                /* likewise */
    size_t count;
    int64_t stream_id;
    uint64_t proved, absent, unplaced;
};

static struct span bytes_of_row(void *context, const struct witness_claim *claim)
{
    struct told *t = context;

    sqlite3_reset(t->bytes);
    sqlite3_bind_int64(t->bytes, 1, t->ids[claim->row]);
    int step = sqlite3_step(t->bytes);
    if (step == SQLITE_NOMEM)
        t->v->no_memory = true;
    if (step != SQLITE_ROW)
        return span_of(NULL, 0);
    const void *data = sqlite3_column_blob(t->bytes, 0);
    if (!data && sqlite3_errcode(reader_db(t->v->reader)) == SQLITE_NOMEM)
        t->v->no_memory = true;
    return span_of(data, (size_t)sqlite3_column_bytes(t->bytes, 0));
}

static struct evidence_file *file_of_told(void *context, uint32_t evidence_id)
{
    struct told *t = context;
    return verification_file(t->v, evidence_id);
}

/* Proves the rows at hand, all of one stream. */
static void prove_claims(struct told *t)
{
    struct verification *v = t->v;
    enum status status = witness_stream(t->claims, t->count, v->reader, t->stream_id, file_of_told,
                                        bytes_of_row, t, v->err);

    sqlite3_reset(t->bytes);
    if (status != STATUS_OK) { /* its arrivals make no sense */
        verification_note(v, v->err);
        verification_say(v, PROOF_FAILS, "%s of stream %" PRId64 ": %s", t->rows->kind,
                         t->stream_id, v->err->text);
    }
    if (v->no_memory) { /* bytes that could not be read are not bytes that differ */
        t->count = 0;
        return;
    }
    for (size_t i = 0; i < t->count && status == STATUS_OK; i++) {
        const struct witness_claim *claim = &t->claims[i];
        if (claim->absent)
            t->absent++;
        else if (claim->unplaced)
            t->unplaced++;
        else if (claim->found >= t->needs[claim->row])
            t->proved++;
        else {
            verification_wrong_frame(v, claim->evidence_id, claim->frame);
            verification_say(v, PROOF_FAILS,
                             "%s %" PRId64 " of stream %" PRId64 ": its bytes are not those of "
                             "frame %" PRIu64,
                             t->rows->kind, t->ids[claim->row], t->stream_id, claim->frame);
        }
    }
    t->count = 0;
}

static enum status walk_rows(struct told *t)
{
    struct verification *v = t->v;
    sqlite3_stmt *s;
    int step = SQLITE_DONE;
    enum status status = reader_prepare(v->reader, &s, t->rows->sql, v->err);

    if (status != STATUS_OK)
        return status;
    while ((step = sqlite3_step(s)) == SQLITE_ROW) {
        int64_t stream_id = sqlite3_column_int64(s, 1);
        if (t->count == ROWS_AT_A_TIME || (t->count > 0 && stream_id != t->stream_id))
            prove_claims(t);
        t->stream_id = stream_id;
        t->ids[t->count] = sqlite3_column_int64(s, 0);
        t->needs[t->count] = (size_t)sqlite3_column_int64(s, 6);
        t->claims[t->count] =
            (struct witness_claim){.row = t->count,
                                   .evidence_id = (uint32_t)sqlite3_column_int64(s, 2),
                                   .frame = (uint64_t)sqlite3_column_int64(s, 3),
                                   .position = sqlite3_column_int64(s, 4)};
        t->count++;
    }
    if (step != SQLITE_DONE)
        status = verification_fault(v);
    sqlite3_finalize(s);
    if (status == STATUS_OK && t->count > 0)
        prove_claims(t);
    return status;
}

static enum status prove_rows(struct verification *v, const struct told_rows *rows)
{
    struct told t = {.v = v,
                     .rows = rows,
                     .claims = calloc(ROWS_AT_A_TIME, sizeof *t.claims),
                     .ids = calloc(ROWS_AT_A_TIME, sizeof *t.ids),
                     .needs = calloc(ROWS_AT_A_TIME, sizeof *t.needs)};
    enum status status = t.claims && t.ids && t.needs
                             ? reader_prepare(v->reader, &t.bytes, rows->bytes_sql, v->err)
                             : error_no_memory(v->err, "no memory");

    if (status == STATUS_OK)
        status = walk_rows(&t);
    sqlite3_finalize(t.bytes);
    free(t.claims);
    free(t.ids);
    free(t.needs);
    if (t.proved > 0)
        verification_say(v, PROOF_HOLDS, "%s: the bytes of %" PRIu64 " are those of their frames",
                         rows->kind, t.proved);
    if (t.absent > 0)
        verification_say(v, PROOF_NOT_POSSIBLE,
                         "%s: %" PRIu64 " of them, their evidence is not there", rows->kind,
                         t.absent);
    v->unplaced_rows += t.unplaced;
    return status;
}

enum status verify_losers(struct verification *v)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < sizeof told_rows / sizeof told_rows[0] && status == STATUS_OK; i++)
        status = prove_rows(v, &told_rows[i]);
    return status;
}
