/* verify.c - what a case says, proved again from its evidence.
 *
 * Evidence by its hash; streams from the case's own bytes and from the capture through the arrivals
 * alone; what lost (conflicts) and what was refused by their frames; sums; the seal. What cannot be
 * proved, because its evidence or its hash is not there, is said by name. */
#include "pipeline/verify.h"

#include "pipeline/evidence_file.h"
#include "pipeline/reading.h"
#include "pipeline/replay.h"
#include "pipeline/witness.h"
#include "store/seal.h"
#include "store/view.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

struct verification {
    const struct verify_options *options;
    struct verify_result *result;
    struct reader *reader;
    struct evidence_row *rows;
    size_t row_count;
    struct evidence_file **files; /* by index of rows; NULL: not there */
    struct error *err;
    bool no_memory; /* a text could not be read for want of it */
};

static void say(struct verification *v, enum proof proof, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(struct verification *v, enum proof proof, const char *format, ...)
{
    char what[1024];
    va_list args;

    v->result->holds += proof == PROOF_HOLDS;
    v->result->fails += proof == PROOF_FAILS;
    v->result->not_possible += proof == PROOF_NOT_POSSIBLE;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (v->options->report)
        v->options->report(v->options->context, proof, what);
}

static enum status fault(struct verification *v)
{
    return error_set(v->err, "reading %s: %s", reader_path(v->reader),
                     sqlite3_errmsg(reader_db(v->reader)));
}

/* A text, "" for NULL. One that is there but finds no memory would be read as one that is not: it is
 * remembered, and no proof is given. */
static const char *text_of(struct verification *v, sqlite3_stmt *s, int column)
{
    const unsigned char *text = sqlite3_column_text(s, column);
    if (!text && (sqlite3_errcode(reader_db(v->reader)) & 0xff) == SQLITE_NOMEM)
        v->no_memory = true;
    return text ? (const char *)text : "";
}

/* What became of a proof that ended early: it fails, for what the case says makes no sense, unless
 * there was no memory for it. */
static enum status say_why(struct verification *v, const struct error *why, const char *of,
                           int64_t stream_id)
{
    if (why->no_memory) {
        if (why != v->err)
            *v->err = *why;
        return STATUS_FAILED;
    }
    say(v, PROOF_FAILS, "%sstream %" PRId64 ": %s", of, stream_id, why->text);
    return STATUS_OK;
}

/* ---- evidence ---- */

/* The first block of 16 MiB whose checksum is not the one in the case; -1 when all agree. */
static int64_t first_changed_block(struct verification *v, const struct evidence_row *row,
                                   const char *path)
{
    sqlite3_stmt *s;
    int64_t changed = -1;
    struct checksum64 *sum = checksum64_new();
    uint8_t *block = malloc(EVIDENCE_BLOCK_LEN);
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (sum && block && fd >= 0 &&
        reader_prepare(v->reader, &s,
                       "SELECT block, checksum FROM evidence_blocks WHERE evidence_id = ? "
                       "ORDER BY block",
                       v->err) == STATUS_OK) {
        sqlite3_bind_int64(s, 1, row->evidence_id);
        while (changed < 0 && sqlite3_step(s) == SQLITE_ROW) {
            char hex[17];
            int64_t number = sqlite3_column_int64(s, 0);
            if (number < 0 || number > INT64_MAX / EVIDENCE_BLOCK_LEN)
                continue; /* no file has it */
            ssize_t got = pread(fd, block, EVIDENCE_BLOCK_LEN, number * EVIDENCE_BLOCK_LEN);
            if (got > 0)
                checksum64_add(sum, span_of(block, (size_t)got));
            snprintf(hex, sizeof hex, "%016" PRIx64, checksum64_end(sum));
            if (strcmp(hex, text_of(v, s, 1)) != 0)
                changed = number;
        }
        sqlite3_finalize(s);
    }
    if (fd >= 0)
        close(fd);
    free(block);
    checksum64_free(sum);
    return changed;
}

static void say_changed(struct verification *v, const struct evidence_row *row, const char *path)
{
    struct stat st;
    int64_t block = first_changed_block(v, row, path);

    if (block >= 0)
        say(v, PROOF_FAILS,
            "evidence %" PRIu32 ", %s: SHA-256 differs; the first change is in the "
            "16 MiB from offset %" PRId64,
            row->evidence_id, path, block * EVIDENCE_BLOCK_LEN);
    else if (stat(path, &st) == 0 && st.st_size != row->bytes)
        say(v, PROOF_FAILS,
            "evidence %" PRIu32 ", %s: SHA-256 differs; it has %lld bytes instead of "
            "%" PRId64,
            row->evidence_id, path, (long long)st.st_size, row->bytes);
    else
        say(v, PROOF_FAILS,
            "evidence %" PRIu32 ", %s: SHA-256 differs, though none of its blocks of "
            "16 MiB has changed",
            row->evidence_id, path);
}

static void prove_hash(struct verification *v, const struct evidence_row *row, const char *path,
                       bool changed)
{
    char hex[DIGEST_HEX_LEN + 1];
    struct error why;

    if (!row->sha256[0] && changed)
        say(v, PROOF_FAILS, "evidence %" PRIu32 ", %s: its size, beginning or end has changed",
            row->evidence_id, path);
    else if (!row->sha256[0])
        say(v, PROOF_NOT_POSSIBLE, "evidence %" PRIu32 ", %s: it was not hashed", row->evidence_id,
            row->source);
    else if (hash_file(path, hex, &why) != STATUS_OK)
        say(v, PROOF_NOT_POSSIBLE, "evidence %" PRIu32 ": %s", row->evidence_id, why.text);
    else if (strcmp(hex, row->sha256) == 0)
        say(v, PROOF_HOLDS, "evidence %" PRIu32 ", %s: SHA-256 agrees (%s)", row->evidence_id, path,
            hex);
    else
        say_changed(v, row, path);
}

static enum status prove_evidence(struct verification *v)
{
    for (size_t i = 0; i < v->row_count; i++) {
        const struct evidence_row *row = &v->rows[i];
        struct error why = {0};
        char *path;

        if (strcmp(reader_evidence_status(v->reader, row->status), "interrupted") == 0)
            say(v, PROOF_NOT_POSSIBLE, "evidence %" PRIu32 ", %s: its ingest was interrupted",
                row->evidence_id, row->source);
        switch (evidence_find(&path, row, v->options->case_path, v->options->folder)) {
        case FOUND:
            prove_hash(v, row, path, false);
            if (evidence_open(&v->files[i], path, row->format, &why) != STATUS_OK)
                say(v, PROOF_NOT_POSSIBLE, "evidence %" PRIu32 ": %s", row->evidence_id, why.text);
            break;
        case FOUND_CHANGED:
            /* Look into it all the same: what of it still agrees, and from which frame on it does not. */
            prove_hash(v, row, path, true);
            if (evidence_open(&v->files[i], path, row->format, &why) != STATUS_OK)
                say(v, PROOF_FAILS, "evidence %" PRIu32 ": %s", row->evidence_id, why.text);
            break;
        case FOUND_NOT:
            say(v, PROOF_NOT_POSSIBLE, "evidence %" PRIu32 ", %s: the file is not there",
                row->evidence_id, row->source);
            break;
        }
        free(path);
    }
    return STATUS_OK;
}

static struct evidence_file *file_of(void *context, uint32_t evidence_id)
{
    struct verification *v = context;
    for (size_t i = 0; i < v->row_count; i++) {
        if (v->rows[i].evidence_id == evidence_id)
            return v->files[i];
    }
    return NULL;
}

/* ---- streams ---- */

/* What a row of `streams` says. */
struct stream_row {
    int64_t stream_id, start, length, stored, missing, truncated, missing_tail;
    char sha256[DIGEST_HEX_LEN + 1];
    const struct policy *other; /* the hash is of the view under this one; NULL: of the chunks */
};

/* The hash of a stream in conflict is that of its view. */
static enum status prove_view(struct verification *v, const struct stream_row *row)
{
    char hex[DIGEST_HEX_LEN + 1];
    struct error why = {0};

    if (view_hash(hex, v->reader, row->stream_id, row->other, &why) != STATUS_OK)
        return say_why(v, &why, "", row->stream_id);
    if (strcmp(hex, row->sha256) != 0)
        say(v, PROOF_FAILS, "stream %" PRId64 ": its view under policy %s has not its SHA-256",
            row->stream_id, row->other->name);
    else
        say(v, PROOF_HOLDS,
            "stream %" PRId64 ": %" PRId64 " bytes in the case have its SHA-256 under policy %s",
            row->stream_id, row->stored, row->other->name);
    return STATUS_OK;
}

/* The case's own bytes and gaps add up to its row. */
static enum status prove_chunks(struct verification *v, const struct stream_row *row,
                                struct digest *digest)
{
    struct stream_cursor *cursor;
    struct stream_piece piece;
    int64_t stored = 0, missing = 0, truncated = 0, tail = 0, lowest = 0;
    int64_t unexplained = 0, unexplained_at = 0;
    char hex[DIGEST_HEX_LEN + 1];
    enum status status = stream_cursor_open(&cursor, v->reader, row->stream_id, v->err);

    if (status != STATUS_OK)
        return status;
    digest_reset(digest);
    while ((status = stream_cursor_next(cursor, &piece, v->err)) == STATUS_OK) {
        if (!piece.cause) {
            lowest = stored == 0 ? piece.position : lowest;
            stored += piece.length;
            digest_add(digest, piece.bytes);
        } else if (strcmp(piece.cause, "unexplained") == 0) {
            unexplained_at = unexplained == 0 ? piece.position : unexplained_at;
            unexplained += piece.length;
        } else if (piece.tail) {
            tail += piece.length;
        } else if (strcmp(piece.cause, "truncated") == 0) {
            truncated += piece.length;
        } else {
            missing += piece.length;
        }
    }
    stream_cursor_close(cursor);
    if (status == STATUS_FAILED)
        return say_why(v, v->err, "", row->stream_id);
    digest_end(digest, hex);
    if (unexplained > 0)
        say(v, PROOF_FAILS,
            "stream %" PRId64 ": %" PRId64 " bytes from position %" PRId64 " on are "
            "neither in chunks nor in gaps",
            row->stream_id, unexplained, unexplained_at);
    else if (stored != row->stored || missing != row->missing || truncated != row->truncated ||
             tail != row->missing_tail || row->length != stored + missing + truncated ||
             lowest != row->start)
        say(v, PROOF_FAILS, "stream %" PRId64 ": its chunks and gaps do not add up to its row",
            row->stream_id);
    else if (!row->sha256[0])
        say(v, PROOF_NOT_POSSIBLE, "stream %" PRId64 ": it was not hashed", row->stream_id);
    else if (row->other)
        return prove_view(v, row);
    else if (strcmp(hex, row->sha256) != 0)
        say(v, PROOF_FAILS, "stream %" PRId64 ": its chunks do not have its SHA-256",
            row->stream_id);
    else
        say(v, PROOF_HOLDS, "stream %" PRId64 ": %" PRId64 " bytes in the case have its SHA-256",
            row->stream_id, stored);
    return STATUS_OK;
}

/* Rows of conflicts that may say that bytes were taken over; *takeovers is for free(). */
static enum status load_takeovers(struct verification *v, struct replay_takeover **takeovers,
                                  size_t *count, int64_t stream_id)
{
    sqlite3_stmt *s;
    size_t room = 0;
    int step = SQLITE_DONE;
    enum status status =
        reader_prepare(v->reader, &s,
                       "SELECT position, length, kept_evidence_id, kept_frame, other_evidence_id, "
                       "other_frame FROM conflicts WHERE stream_id = ? AND "
                       "(kept_evidence_id <> other_evidence_id OR kept_frame > other_frame) "
                       "ORDER BY position",
                       v->err);

    *takeovers = NULL;
    *count = 0;
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(s, 1, stream_id);
    while (status == STATUS_OK && (step = sqlite3_step(s)) == SQLITE_ROW) {
        if (*count == room) {
            room = room ? room * 2 : 16;
            void *more = realloc(*takeovers, room * sizeof **takeovers);
            if (!more) {
                status = error_no_memory(v->err, "no memory");
                break;
            }
            *takeovers = more;
        }
        int64_t begin = sqlite3_column_int64(s, 0), length = sqlite3_column_int64(s, 1);
        if (length <= 0 || begin > INT64_MAX - length)
            continue; /* its sum is found to be wrong */
        (*takeovers)[(*count)++] =
            (struct replay_takeover){.begin = begin,
                                     .end = begin + length,
                                     .kept_evidence_id = (uint32_t)sqlite3_column_int64(s, 2),
                                     .kept_frame = (uint64_t)sqlite3_column_int64(s, 3),
                                     .other_evidence_id = (uint32_t)sqlite3_column_int64(s, 4),
                                     .other_frame = (uint64_t)sqlite3_column_int64(s, 5)};
    }
    if (status == STATUS_OK && step != SQLITE_DONE)
        status = fault(v);
    sqlite3_finalize(s);
    return status;
}

static enum status prove_arrivals(struct verification *v, const struct stream_row *row)
{
    struct replay_result replayed;
    struct replay_takeover *takeovers;
    size_t takeover_count;
    enum status status = load_takeovers(v, &takeovers, &takeover_count, row->stream_id);

    if (status == STATUS_OK)
        status = replay_stream(&replayed, v->reader, row->stream_id, row->start,
                               row->other ? "" : row->sha256, takeovers, takeover_count, file_of, v,
                               v->err);
    free(takeovers);
    if (status != STATUS_OK)
        return say_why(v, v->err, "", row->stream_id);
    switch (replayed.outcome) {
    case REPLAY_AGREES:
        say(v, PROOF_HOLDS, "stream %" PRId64 ": %" PRIu64 " segments of the capture rebuild it",
            row->stream_id, replayed.segments);
        break;
    case REPLAY_DIFFERS:
        say(v, PROOF_FAILS, "stream %" PRId64 ": %s", row->stream_id, replayed.why);
        break;
    case REPLAY_NOT_POSSIBLE:
        say(v, PROOF_NOT_POSSIBLE, "stream %" PRId64 ": from the capture: %s", row->stream_id,
            replayed.why);
        break;
    }
    return STATUS_OK;
}

/* Which view a stream's hash is of. False after a proof that fails. */
static bool find_policy(struct verification *v, struct stream_row *row, bool in_conflict)
{
    const struct policy *policy;
    struct error why = {0};

    if (!in_conflict)
        return true;
    if (view_policy(&policy, v->reader, row->stream_id, &why) != STATUS_OK) {
        if (why.no_memory)
            v->no_memory = true;
        else
            say(v, PROOF_FAILS, "%s", why.text);
        return false;
    }
    row->other = policy == policy_at(0) ? NULL : policy;
    return true;
}

static enum status prove_streams(struct verification *v)
{
    sqlite3_stmt *s;
    struct digest *digest = digest_new();
    int step = SQLITE_DONE;
    enum status status =
        digest ? reader_prepare(v->reader, &s,
                                "SELECT stream_id, start, length, stored, missing, truncated, "
                                "missing_tail, sha256, conflicted FROM streams ORDER BY stream_id",
                                v->err)
               : error_no_memory(v->err, "no memory");

    if (status != STATUS_OK) {
        digest_free(digest);
        return status;
    }
    while (status == STATUS_OK && (step = sqlite3_step(s)) == SQLITE_ROW) {
        struct stream_row row = {sqlite3_column_int64(s, 0),
                                 sqlite3_column_int64(s, 1),
                                 sqlite3_column_int64(s, 2),
                                 sqlite3_column_int64(s, 3),
                                 sqlite3_column_int64(s, 4),
                                 sqlite3_column_int64(s, 5),
                                 sqlite3_column_int64(s, 6),
                                 "",
                                 NULL};
        snprintf(row.sha256, sizeof row.sha256, "%s", text_of(v, s, 7));
        if (v->no_memory)
            break;
        if (!find_policy(v, &row, sqlite3_column_int64(s, 8) != 0))
            continue;
        status = prove_chunks(v, &row, digest);
        if (status == STATUS_OK)
            status = prove_arrivals(v, &row);
    }
    if (status == STATUS_OK && !v->no_memory && step != SQLITE_DONE)
        status = fault(v);
    sqlite3_finalize(s);
    digest_free(digest);
    return status;
}

/* ---- conflicts and refusals ---- */

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
    uint64_t proved, absent;
};

static struct span bytes_of_row(void *context, const struct witness_claim *claim)
{
    struct told *t = context;

    sqlite3_reset(t->bytes);
    sqlite3_bind_int64(t->bytes, 1, t->ids[claim->row]);
    int step = sqlite3_step(t->bytes);
    if ((step & 0xff) == SQLITE_NOMEM)
        t->v->no_memory = true;
    if (step != SQLITE_ROW)
        return span_of(NULL, 0);
    const void *data = sqlite3_column_blob(t->bytes, 0);
    if (!data && (sqlite3_errcode(reader_db(t->v->reader)) & 0xff) == SQLITE_NOMEM)
        t->v->no_memory = true;
    return span_of(data, (size_t)sqlite3_column_bytes(t->bytes, 0));
}

static struct evidence_file *file_of_told(void *context, uint32_t evidence_id)
{
    struct told *t = context;
    return file_of(t->v, evidence_id);
}

/* Proves the rows at hand, all of one stream. */
static void prove_claims(struct told *t)
{
    struct verification *v = t->v;
    enum status status = witness_stream(t->claims, t->count, v->reader, t->stream_id, file_of_told,
                                        bytes_of_row, t, v->err);

    sqlite3_reset(t->bytes);
    if (status != STATUS_OK && v->err->no_memory)
        v->no_memory = true;
    else if (status != STATUS_OK) /* its arrivals make no sense */
        say(v, PROOF_FAILS, "%s of stream %" PRId64 ": %s", t->rows->kind, t->stream_id,
            v->err->text);
    if (v->no_memory) { /* bytes that could not be read are not bytes that differ */
        t->count = 0;
        return;
    }
    for (size_t i = 0; i < t->count && status == STATUS_OK; i++) {
        const struct witness_claim *claim = &t->claims[i];
        if (claim->absent)
            t->absent++;
        else if (claim->found >= t->needs[claim->row])
            t->proved++;
        else
            say(v, PROOF_FAILS,
                "%s %" PRId64 " of stream %" PRId64 ": its bytes are not those of "
                "frame %" PRIu64,
                t->rows->kind, t->ids[claim->row], t->stream_id, claim->frame);
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
        status = fault(v);
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
        say(v, PROOF_HOLDS, "%s: the bytes of %" PRIu64 " are those of their frames", rows->kind,
            t.proved);
    if (t.absent > 0)
        say(v, PROOF_NOT_POSSIBLE, "%s: %" PRIu64 " of them, their evidence is not there",
            rows->kind, t.absent);
    return status;
}

/* ---- sums and the seal ---- */

static enum status prove_sum(struct verification *v, const char *sql, const char *what)
{
    sqlite3_stmt *s;
    enum status status = reader_prepare(v->reader, &s, sql, v->err);

    if (status != STATUS_OK)
        return status;
    int step = sqlite3_step(s);
    if (step == SQLITE_ROW && sqlite3_column_int64(s, 0) == 0)
        say(v, PROOF_HOLDS, "%s", what);
    else if (step == SQLITE_ROW)
        say(v, PROOF_FAILS, "%s: not so in %lld rows", what, (long long)sqlite3_column_int64(s, 0));
    else
        status = fault(v);
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
        snprintf(recorded, sizeof recorded, "%s", text_of(v, s, 0));
    if (sqlite3_finalize(s) != SQLITE_OK)
        return fault(v);
    if (v->no_memory)
        return STATUS_OK;
    if (v->options->seal) {
        bool agrees = strcasecmp(v->options->seal, seal) == 0;
        say(v, agrees ? PROOF_HOLDS : PROOF_FAILS, "seal: %s the one that was given (%s)",
            agrees ? "is" : "is not", seal);
    }
    if (!recorded[0])
        say(v, PROOF_NOT_POSSIBLE, "seal: none is recorded (%s now)", seal);
    else if (strcmp(recorded, seal) == 0)
        say(v, PROOF_HOLDS, "seal: is the one recorded in the case (%s)", seal);
    else
        say(v, PROOF_FAILS, "seal: %s now, but %s is recorded in the case", seal, recorded);
    return STATUS_OK;
}

static enum status prove_all(struct verification *v)
{
    static const struct {
        const char *sql, *what;
    } sums[] = {
        {"SELECT count(*) FROM evidence e WHERE frames <> "
         "(SELECT coalesce(sum(frames), 0) FROM verdicts v WHERE v.evidence_id = e.evidence_id)",
         "sums: the verdicts of each evidence add up to its frames"},
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
         "FROM stream_data d WHERE d.stream_id = c.stream_id AND d.position <= c.position), "
         "(SELECT substr(d.data, c.position - d.position + 1, c.length) FROM chunk_data d "
         "WHERE d.stream_id = c.stream_id AND d.position <= c.position "
         "ORDER BY d.position DESC LIMIT 1), x'') AS held FROM conflicts c WHERE stream_id NOT IN "
         "(SELECT stream_id FROM conflicts "
         "WHERE kept_evidence_id <> other_evidence_id OR kept_frame > other_frame)) "
         "WHERE held = x'' OR substr(kept, 1, length(held)) <> held",
         "sums: what each conflict says was kept is in the chunks"},
        {"SELECT count(*) FROM flows f WHERE client_packets + server_packets > "
         "(SELECT coalesce(sum(frames), 0) FROM flow_frames x WHERE x.flow_id = f.flow_id)",
         "sums: every packet of a flow has its frames"},
    };
    enum status status = prove_evidence(v);

    if (status == STATUS_OK)
        status = prove_streams(v);
    for (size_t i = 0; i < sizeof told_rows / sizeof told_rows[0] && status == STATUS_OK; i++)
        status = prove_rows(v, &told_rows[i]);
    for (size_t i = 0; i < sizeof sums / sizeof sums[0] && status == STATUS_OK; i++)
        status = prove_sum(v, sums[i].sql, sums[i].what);
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
    if (status == STATUS_OK && !(v.files = calloc(v.row_count + 1, sizeof(struct evidence_file *))))
        status = error_no_memory(err, "no memory");
    if (status == STATUS_OK)
        status = prove_all(&v);
    if (status == STATUS_OK && v.no_memory)
        status = error_no_memory(err, "verifying %s: no memory", options->case_path);
    for (size_t i = 0; v.files && i < v.row_count; i++)
        evidence_close(v.files[i]);
    free(v.files);
    evidence_rows_free(v.rows, v.row_count);
    reader_close(v.reader);
    return status;
}
