/* replay.c - a stream rebuilt from the capture through its arrivals alone.
 *
 *     done ──────────►│                        claims: who brings which positions,
 *     [hashed........)│   [claim)[claim)       in order of position, while something
 *                     └── next expected        before them is still to come
 *
 * The gaps of the case say what will never come, so that a claim waits only for what is out of
 * order. */
#include "pipeline/replay.h"

#include "dissect/packet.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ_LEN = 64 * 1024 };

/* Positions [begin, end), brought by a segment whose byte at `begin` lies at `offset`; nowhere at 0. */
struct claim {
    int64_t begin, end;
    uint64_t offset;
    uint64_t frame;
    uint32_t evidence_id;
};

struct replay {
    struct reader *reader;
    struct replay_result *result;
    evidence_by_id *evidence;
    void *context;
    struct error *err;
    struct claim *claims;      /* sorted, disjoint, none below `done` */
    size_t first, count, room; /* claims[first] on are in use */
    int64_t done;
    struct claim *taken; /* positions that another took over, sorted; their bytes come from it */
    size_t taken_count, taken_room, taken_next;
    struct stream_cursor *cursor; /* the case's bytes, in step with `done` */
    struct stream_piece piece;    /* what is left of the last one */
    bool piece_ended;
    bool no_memory;
    struct digest digest;
    uint8_t buffer[READ_LEN];
};

static void fail(struct replay *r, enum replayed outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void no_memory(struct replay *r)
{
    r->no_memory = true;
    fail(r, REPLAY_NOT_POSSIBLE, "no memory");
}

static void fail(struct replay *r, enum replayed outcome, const char *format, ...)
{
    va_list args;
    if (r->result->outcome != REPLAY_AGREES)
        return; /* the first reason counts */
    r->result->outcome = outcome;
    va_start(args, format);
    vsnprintf(r->result->why, sizeof r->result->why, format, args);
    va_end(args);
}

/* ---- claims ---- */

/* The first claim that ends after `position`. */
static size_t claim_find(const struct replay *r, int64_t position)
{
    size_t low = r->first, high = r->first + r->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r->claims[middle].end > position)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Puts the claims into the middle of an array that is at least twice as long as they are. */
static bool claim_spread(struct replay *r)
{
    size_t room = r->room ? r->room : 64;
    while (room / 2 <= r->count)
        room *= 2;
    struct claim *more = malloc(room * sizeof *more);
    if (!more) {
        no_memory(r);
        return false;
    }
    size_t first = (room - r->count) / 2;
    if (r->count > 0)
        memcpy(more + first, r->claims + r->first, r->count * sizeof *more);
    free(r->claims);
    r->claims = more;
    r->room = room;
    r->first = first;
    return true;
}

/* Makes room at `*at`, which may be elsewhere then, by moving whichever side is shorter: nothing where
 * segments come in order, nor where they come in reverse. */
static bool claim_room(struct replay *r, size_t *at)
{
    size_t before = *at - r->first, after = r->count - before;
    bool to_front = before < after;

    if ((to_front ? r->first == 0 : r->first + r->count == r->room) && !claim_spread(r))
        return false;
    *at = r->first + before;
    if (to_front) {
        memmove(r->claims + r->first - 1, r->claims + r->first, before * sizeof *r->claims);
        r->first--;
        (*at)--;
    } else {
        memmove(r->claims + *at + 1, r->claims + *at, after * sizeof *r->claims);
    }
    return true;
}

static bool claim_put(struct replay *r, size_t at, struct claim claim)
{
    if (r->count >= REPLAY_PENDING_MAX) {
        fail(r, REPLAY_NOT_POSSIBLE, "more than %d segments are out of order", REPLAY_PENDING_MAX);
        return false;
    }
    if (!claim_room(r, &at))
        return false;
    r->claims[at] = claim;
    r->count++;
    return true;
}

static struct claim claim_part(struct claim whole, int64_t begin, int64_t end)
{
    whole.offset = offset_after(whole.offset, (uint64_t)(begin - whole.begin));
    whole.begin = begin;
    whole.end = end;
    return whole;
}

/* Claims those of the positions that nobody has. */
static bool claim_add(struct replay *r, struct claim whole)
{
    int64_t at = whole.begin > r->done ? whole.begin : r->done;

    while (at < whole.end) {
        size_t i = claim_find(r, at), end = r->first + r->count;
        if (i < end && r->claims[i].begin <= at) { /* somebody was first */
            at = r->claims[i].end;
            continue;
        }
        int64_t to = i < end && r->claims[i].begin < whole.end ? r->claims[i].begin : whole.end;
        if (!claim_put(r, i, claim_part(whole, at, to)))
            return false;
        at = to;
    }
    return true;
}

/* ---- takeovers ---- */

static bool taken_add(struct replay *r, struct claim claim)
{
    if (r->taken_count == r->taken_room) {
        size_t room = r->taken_room ? r->taken_room * 2 : 16;
        void *more = realloc(r->taken, room * sizeof *r->taken);
        if (!more) {
            no_memory(r);
            return false;
        }
        r->taken = more;
        r->taken_room = room;
    }
    r->taken[r->taken_count++] = claim;
    return true;
}

static int by_begin(const void *left, const void *right)
{
    const struct claim *a = left, *b = right;
    return a->begin < b->begin ? -1 : a->begin > b->begin;
}

static struct claim claim_of(const struct arrival_record *record)
{
    return (struct claim){.begin = record->position,
                          .end = record->position + record->captured,
                          .offset = record->offset,
                          .frame = record->frame,
                          .evidence_id = record->evidence_id};
}

static size_t first_takeover(const struct replay_takeover *takeovers, size_t count,
                             int64_t position)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (takeovers[middle].begin < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whether the bytes of an arrival from `position` on begin with these. */
static bool says(struct replay *r, const struct arrival_record *record, int64_t position,
                 const struct replay_words *words)
{
    struct evidence_file *file = r->evidence(r->context, record->evidence_id);
    const int64_t rest = record->position + record->captured - position;
    const size_t len = rest < (int64_t)words->len ? (size_t)rest : words->len;
    uint8_t bytes[REPLAY_WORDS_LEN];

    return file && record->offset != 0 &&
           evidence_read(file, bytes, len, record->offset + (uint64_t)(position - record->position),
                         NULL) == STATUS_OK &&
           memcmp(bytes, words->bytes, len) == 0;
}

static bool is_by(const struct arrival_record *record, uint32_t evidence_id, uint64_t frame)
{
    return record->frame == frame && record->evidence_id == evidence_id;
}

/* A takeover while it is found out. */
struct finding {
    bool other_seen;
    bool sure;    /* the arrival says what was kept; else another packet of the frame may */
    size_t taken; /* 1 + where in r->taken; 0: not yet */
};

/* Sees an arrival that has the first position of a conflict. True where the positions are taken over by it, as far as
 * is known yet. */
static bool find_one(struct replay *r, struct finding *f, const struct replay_takeover *t,
                     const struct arrival_record *record, struct claim part)
{
    bool is_kept = is_by(record, t->kept_evidence_id, t->kept_frame);

    if (is_by(record, t->other_evidence_id, t->other_frame) && !f->other_seen)
        f->other_seen = !is_kept || says(r, record, t->begin, &t->other);
    if (!is_kept || !f->other_seen || f->sure)
        return false;
    f->sure = says(r, record, t->begin, &t->kept);
    if (f->taken > 0 && f->sure)
        r->taken[f->taken - 1] = part;
    else if (f->taken > 0 || (!f->sure && is_by(record, t->other_evidence_id, t->other_frame)) ||
             !taken_add(r, part))
        return false;
    else
        f->taken = r->taken_count;
    return true;
}

/* Finds, in the order of the arrivals, which of the conflicts are takeovers, and where their bytes lie.
 * One that came in fragments goes on in the next record. */
static enum status find_taken(struct replay *r, int64_t stream_id,
                              const struct replay_takeover *takeovers, size_t count)
{
    struct arrival_cursor *cursor;
    struct arrival_record record;
    int64_t open_at = 0, open_end = 0;
    struct finding *findings = calloc(count, sizeof *findings);
    enum status status = findings ? arrival_cursor_open(&cursor, r->reader, stream_id, r->err)
                                  : error_no_memory(r->err, "no memory");

    if (status != STATUS_OK) {
        free(findings);
        return status;
    }
    while (r->result->outcome == REPLAY_AGREES &&
           (status = arrival_cursor_next(cursor, &record, r->err)) == STATUS_OK) {
        struct claim claim = claim_of(&record);
        int64_t rest_at = open_at, rest_end = open_end;
        open_at = open_end = 0;
        if (record.fate >= FATE_REFUSED || record.captured == 0)
            continue;
        if (rest_at < rest_end && rest_at == claim.begin) {
            int64_t to = rest_end < claim.end ? rest_end : claim.end;
            taken_add(r, claim_part(claim, rest_at, to));
            open_at = to;
            open_end = rest_end;
        }
        for (size_t i = first_takeover(takeovers, count, claim.begin);
             i < count && takeovers[i].begin < claim.end; i++) {
            const struct replay_takeover *t = &takeovers[i];
            int64_t to = t->end < claim.end ? t->end : claim.end;
            if (!find_one(r, &findings[i], t, &record, claim_part(claim, t->begin, to)))
                continue;
            if (to < t->end) {
                open_at = to;
                open_end = t->end;
            }
        }
    }
    arrival_cursor_close(cursor);
    free(findings);
    if (r->taken_count > 0)
        qsort(r->taken, r->taken_count, sizeof *r->taken, by_begin);
    return status == STATUS_FAILED ? status : STATUS_OK;
}

/* The part of `claim` from `at` on that has one owner: its own, or of who took it over. */
static struct claim owned_part(struct replay *r, const struct claim *claim, int64_t at)
{
    while (r->taken_next < r->taken_count && r->taken[r->taken_next].end <= at)
        r->taken_next++;
    if (r->taken_next == r->taken_count || r->taken[r->taken_next].begin >= claim->end)
        return claim_part(*claim, at, claim->end);
    const struct claim *taken = &r->taken[r->taken_next];
    if (taken->begin > at)
        return claim_part(*claim, at, taken->begin);
    return claim_part(*taken, at, taken->end < claim->end ? taken->end : claim->end);
}

/* ---- bytes ---- */

/* The next run of the case's bytes: moves over gaps, and `done` with them. False at the end. */
static bool next_piece(struct replay *r, enum status *status)
{
    while (r->piece.bytes.len == 0 && !r->piece_ended) {
        *status = stream_cursor_next(r->cursor, &r->piece, r->err);
        if (*status != STATUS_OK) {
            r->piece_ended = true;
            r->piece = (struct stream_piece){0};
            if (*status == STATUS_END)
                *status = STATUS_OK;
        } else if (r->piece.cause) {
            if (!r->piece.tail && r->piece.position == r->done)
                r->done += r->piece.length;
            r->piece.bytes = (struct span){NULL, 0};
        }
    }
    return !r->piece_ended;
}

/* The frame of a claim has not the case's bytes; said before fail(). */
static void blame(struct replay *r, const struct claim *c)
{
    if (r->result->outcome != REPLAY_AGREES)
        return;
    r->result->evidence_id = c->evidence_id;
    r->result->frame = c->frame;
}

/* Compares bytes from the evidence with the case's. */
static enum status compare(struct replay *r, const struct claim *c, struct span bytes)
{
    enum status status = STATUS_OK;

    while (bytes.len > 0) {
        if (!next_piece(r, &status)) {
            fail(r, REPLAY_DIFFERS,
                 "frame %" PRIu64 " brings position %" PRId64 ", which the case does not hold",
                 c->frame, r->done);
            return status;
        }
        if (r->piece.position != r->done) {
            fail(r, REPLAY_DIFFERS,
                 "the case holds position %" PRId64 " where frame %" PRIu64 " brings %" PRId64,
                 r->piece.position, c->frame, r->done);
            return status;
        }
        size_t len = bytes.len < r->piece.bytes.len ? bytes.len : r->piece.bytes.len;
        for (size_t i = 0; i < len; i++) {
            if (bytes.data[i] != r->piece.bytes.data[i]) {
                blame(r, c);
                fail(r, REPLAY_DIFFERS,
                     "the byte at position %" PRId64 " is not the one that frame %" PRIu64
                     " brought",
                     r->done + (int64_t)i, c->frame);
                break;
            }
        }
        span_take(&bytes, len, NULL);
        span_take(&r->piece.bytes, len, NULL);
        r->piece.position += (int64_t)len;
        r->done += (int64_t)len;
    }
    return status;
}

/* Reads a part that has one owner, hashes and compares it. */
static enum status emit_part(struct replay *r, const struct claim *c)
{
    struct evidence_file *file = r->evidence(r->context, c->evidence_id);
    enum status status = STATUS_OK;
    struct error why;

    if (!file) {
        fail(r, REPLAY_NOT_POSSIBLE, "evidence %" PRIu32 " is not there", c->evidence_id);
        return STATUS_OK;
    }
    if (c->offset == 0) {
        fail(r, REPLAY_UNPLACED, "frame %" PRIu64 " brought its bytes compressed", c->frame);
        return STATUS_OK;
    }
    for (int64_t at = c->begin; at < c->end && status == STATUS_OK;) {
        size_t len = c->end - at < READ_LEN ? (size_t)(c->end - at) : READ_LEN;
        if (evidence_read(file, r->buffer, len, c->offset + (uint64_t)(at - c->begin), &why) !=
            STATUS_OK) {
            blame(r, c);
            fail(r, REPLAY_DIFFERS, "frame %" PRIu64 " cannot be read: %.150s", c->frame, why.text);
            return STATUS_OK;
        }
        digest_add(&r->digest, span_of(r->buffer, len));
        status = compare(r, c, span_of(r->buffer, len));
        at += (int64_t)len;
    }
    return status;
}

static enum status emit(struct replay *r, const struct claim *claim)
{
    enum status status = STATUS_OK;

    for (int64_t at = claim->begin;
         at < claim->end && status == STATUS_OK && r->result->outcome == REPLAY_AGREES;) {
        struct claim part = owned_part(r, claim, at);
        status = emit_part(r, &part);
        at = part.end;
    }
    return status;
}

/* Emits the claims that are next in order. */
static enum status advance(struct replay *r)
{
    enum status status = STATUS_OK;

    while (status == STATUS_OK && r->result->outcome == REPLAY_AGREES) {
        next_piece(r, &status); /* moves `done` over a gap that begins here */
        if (r->count == 0 || r->claims[r->first].begin != r->done)
            break;
        struct claim claim = r->claims[r->first];
        r->first++;
        r->count--;
        status = emit(r, &claim);
    }
    return status;
}

static enum status walk(struct replay *r, int64_t stream_id)
{
    struct arrival_cursor *cursor;
    struct arrival_record record;
    enum status status = arrival_cursor_open(&cursor, r->reader, stream_id, r->err);

    if (status != STATUS_OK)
        return status;
    while (r->result->outcome == REPLAY_AGREES &&
           (status = arrival_cursor_next(cursor, &record, r->err)) == STATUS_OK) {
        r->result->segments++;
        if (record.fate >= FATE_REFUSED || record.captured == 0)
            continue;
        if (claim_add(r, claim_of(&record)))
            status = advance(r);
        if (status != STATUS_OK)
            break;
    }
    arrival_cursor_close(cursor);
    return status == STATUS_END || r->result->outcome != REPLAY_AGREES ? STATUS_OK : status;
}

enum status replay_stream(struct replay_result *result, struct reader *reader, int64_t stream_id,
                          int64_t start, const char *sha256,
                          const struct replay_takeover *takeovers, size_t takeover_count,
                          evidence_by_id *evidence, void *context, struct error *err)
{
    struct replay *r = calloc(1, sizeof *r);
    char hex[DIGEST_HEX_LEN + 1];

    *result = (struct replay_result){0};
    if (!r)
        return error_no_memory(err, "no memory");
    digest_start(&r->digest);
    r->reader = reader;
    r->result = result;
    r->evidence = evidence;
    r->context = context;
    r->err = err;
    r->done = start;
    enum status status = stream_cursor_open(&r->cursor, reader, stream_id, err);
    if (status == STATUS_OK)
        status =
            takeover_count > 0 ? find_taken(r, stream_id, takeovers, takeover_count) : STATUS_OK;
    if (status == STATUS_OK)
        status = walk(r, stream_id);
    if (status == STATUS_OK)
        status = advance(r);
    if (status == STATUS_OK && result->outcome == REPLAY_AGREES) {
        digest_end(&r->digest, hex);
        if (r->count > 0)
            fail(r, REPLAY_DIFFERS, "nothing brings the positions before %" PRId64,
                 r->claims[r->first].begin);
        else if (next_piece(r, &status))
            fail(r, REPLAY_DIFFERS, "no arrival brings position %" PRId64, r->done);
        else if (sha256[0] && strcmp(hex, sha256) != 0)
            fail(r, REPLAY_DIFFERS, "the SHA-256 of what the capture holds is %s", hex);
    }
    if (r->no_memory)
        status = error_no_memory(err, "no memory");
    stream_cursor_close(r->cursor);
    free(r->claims);
    free(r->taken);
    free(r);
    return status;
}
