/* verify_streams.c - streams proved from the case's own bytes, and from the capture through the arrivals
 * alone. */
#include "pipeline/verification.h"

#include "pipeline/replay.h"
#include "store/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a row of `streams` says. */
struct stream_row {
    int64_t stream_id, start, length, stored, missing, truncated, missing_tail;
    char sha256[DIGEST_HEX_LEN + 1];
    const struct policy *other; /* the hash is of the view under this one; NULL: of the chunks */
    bool is_open;               /* its row is of earlier */
};

/* What the case says of the stream makes no sense. */
static void say_why(struct verification *v, const struct stream_row *row, const struct error *why)
{
    verification_note(v, why);
    verification_say(v, v->absent ? PROOF_NOT_POSSIBLE : PROOF_FAILS, "stream %" PRId64 ": %s",
                     row->stream_id, why->text);
    v->absent = false;
}

/* The hash of a stream in conflict is that of its view. */
static void prove_view(struct verification *v, const struct stream_row *row)
{
    char hex[DIGEST_HEX_LEN + 1];
    struct error why = {0};

    if (view_hash(hex, v->reader, row->stream_id, row->other, &why) != STATUS_OK)
        say_why(v, row, &why);
    else if (strcmp(hex, row->sha256) != 0)
        verification_say(v, PROOF_FAILS,
                         "stream %" PRId64 ": its view under policy %s has not its SHA-256",
                         row->stream_id, row->other->name);
    else
        verification_say(v, PROOF_HOLDS,
                         "stream %" PRId64 ": %" PRId64
                         " bytes in the case have its SHA-256 under policy %s",
                         row->stream_id, row->stored, row->other->name);
}

/* The case's own bytes and gaps add up to its row. */
static enum status prove_chunks(struct verification *v, const struct stream_row *row)
{
    struct stream_cursor *cursor;
    struct stream_piece piece;
    int64_t stored = 0, missing = 0, truncated = 0, tail = 0, lowest = 0;
    int64_t unexplained = 0, unexplained_at = 0;
    struct digest digest;
    char hex[DIGEST_HEX_LEN + 1];
    enum status status = stream_cursor_open(&cursor, v->reader, row->stream_id, v->err);

    if (status != STATUS_OK)
        return status;
    const char *where = stream_cursor_by_reference(cursor) ? "its evidence" : "the case";
    digest_start(&digest);
    while ((status = stream_cursor_next(cursor, &piece, v->err)) == STATUS_OK) {
        if (!piece.cause) {
            lowest = stored == 0 ? piece.position : lowest;
            stored += piece.length;
            digest_add(&digest, piece.bytes);
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
    if (status == STATUS_FAILED) {
        say_why(v, row, v->err);
        return STATUS_OK;
    }
    digest_end(&digest, hex);
    if (row->is_open && (unexplained > 0 || stored != row->stored || lowest != row->start))
        verification_say(v, PROOF_NOT_POSSIBLE,
                         "stream %" PRId64 ": it was being written, and its row is of earlier",
                         row->stream_id);
    else if (unexplained > 0)
        verification_say(v, PROOF_FAILS,
                         "stream %" PRId64 ": %" PRId64 " bytes from position %" PRId64 " on are "
                         "neither in chunks nor in gaps",
                         row->stream_id, unexplained, unexplained_at);
    else if (stored != row->stored || missing != row->missing || truncated != row->truncated ||
             tail != row->missing_tail || row->length != stored + missing + truncated ||
             lowest != row->start)
        verification_say(v, PROOF_FAILS,
                         "stream %" PRId64 ": its chunks and gaps do not add up to its row",
                         row->stream_id);
    else if (!row->sha256[0])
        verification_say(v, PROOF_NOT_POSSIBLE, "stream %" PRId64 ": it was not hashed",
                         row->stream_id);
    else if (row->other)
        prove_view(v, row);
    else if (strcmp(hex, row->sha256) != 0)
        verification_say(v, PROOF_FAILS, "stream %" PRId64 ": its chunks do not have its SHA-256",
                         row->stream_id);
    else
        verification_say(v, PROOF_HOLDS,
                         "stream %" PRId64 ": %" PRId64 " bytes in %s have its SHA-256",
                         row->stream_id, stored, where);
    return STATUS_OK;
}

static struct replay_words words_of(sqlite3_stmt *s, int column)
{
    const void *bytes = sqlite3_column_blob(s, column);
    struct replay_words words = {.len = bytes ? (size_t)sqlite3_column_bytes(s, column) : 0};

    if (words.len > sizeof words.bytes) /* characters of a text may have several */
        words.len = sizeof words.bytes;
    if (words.len > 0)
        memcpy(words.bytes, bytes, words.len);
    return words;
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
                       "other_frame, substr(kept, 1, 24), substr(other, 1, 24) "
                       "FROM conflicts WHERE stream_id = ? AND "
                       "(kept_evidence_id <> other_evidence_id OR kept_frame >= other_frame) "
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
                                     .other_frame = (uint64_t)sqlite3_column_int64(s, 5),
                                     .kept = words_of(s, 6),
                                     .other = words_of(s, 7)};
    }
    if (status == STATUS_OK && step != SQLITE_DONE)
        status = verification_fault(v);
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
                               row->other ? "" : row->sha256, takeovers, takeover_count,
                               verification_file, v, v->err);
    free(takeovers);
    if (status != STATUS_OK) {
        say_why(v, row, v->err);
        return STATUS_OK;
    }
    switch (replayed.outcome) {
    case REPLAY_AGREES:
        verification_say(v, PROOF_HOLDS,
                         "stream %" PRId64 ": %" PRIu64 " segments of the capture rebuild it",
                         row->stream_id, replayed.segments);
        break;
    case REPLAY_DIFFERS:
        if (replayed.frame > 0)
            verification_wrong_frame(v, replayed.evidence_id, replayed.frame);
        verification_say(v, PROOF_FAILS, "stream %" PRId64 ": %s", row->stream_id, replayed.why);
        break;
    case REPLAY_UNPLACED:
        v->unplaced_streams++;
        if (v->unplaced_streams == 1)
            v->unplaced_stream_id = row->stream_id;
        break;
    case REPLAY_NOT_POSSIBLE:
        verification_say(v, PROOF_NOT_POSSIBLE, "stream %" PRId64 ": from the capture: %s",
                         row->stream_id, replayed.why);
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
        verification_note(v, &why);
        verification_say(v, PROOF_FAILS, "%s", why.text);
        return false;
    }
    row->other = policy == policy_at(0) ? NULL : policy;
    return true;
}

enum status verify_streams(struct verification *v)
{
    sqlite3_stmt *s;
    int step = SQLITE_DONE;
    enum status status = reader_prepare(
        v->reader, &s,
        "SELECT stream_id, start, length, stored, missing, truncated, "
        "missing_tail, sha256, conflicted, verdict = 'open' FROM streams ORDER BY stream_id",
        v->err);

    if (status != STATUS_OK)
        return status;
    while (status == STATUS_OK && !v->no_memory && (step = sqlite3_step(s)) == SQLITE_ROW) {
        struct stream_row row = {sqlite3_column_int64(s, 0),
                                 sqlite3_column_int64(s, 1),
                                 sqlite3_column_int64(s, 2),
                                 sqlite3_column_int64(s, 3),
                                 sqlite3_column_int64(s, 4),
                                 sqlite3_column_int64(s, 5),
                                 sqlite3_column_int64(s, 6),
                                 "",
                                 NULL,
                                 sqlite3_column_int64(s, 9) != 0};
        snprintf(row.sha256, sizeof row.sha256, "%s", verification_text(v, s, 7));
        if (!find_policy(v, &row, sqlite3_column_int64(s, 8) != 0))
            continue;
        status = prove_chunks(v, &row);
        v->absent = false;
        if (status == STATUS_OK)
            status = prove_arrivals(v, &row);
        v->absent = false;
    }
    if (status == STATUS_OK && !v->no_memory && step != SQLITE_DONE)
        status = verification_fault(v);
    sqlite3_finalize(s);
    return status;
}
