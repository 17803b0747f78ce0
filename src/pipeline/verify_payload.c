/* verify_payload.c - of evidence that changed, the first frame whose payload is not what the case says.
 *
 * Every segment that was taken is looked at, those too that brought nothing new: it brought what the
 * chunks hold, but for the positions at which it lost a conflict. What it said there, and what refused
 * segments said, is what the frames of conflicts and refusals have been asked about. Left out are
 * positions that one took over from another: an earlier segment may have agreed with what was there. */
#include "pipeline/verification.h"

#include "reassembly/ranges.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { READ_LEN = 64 * 1024, CONFLICTS_MAX = 1 << 20 };

/* Positions at which an arrival lost. */
struct lost {
    uint64_t frame;
    uint32_t evidence_id;
    int64_t begin, end;
};

struct payload {
    struct verification *v;
    sqlite3_stmt *streams, *conflicts, *chunk;
    int64_t stream_id;
    struct lost *lost; /* by evidence, frame and position */
    size_t lost_count, lost_room;
    struct range *taken; /* positions that one may have taken over, in order, disjoint */
    size_t taken_count, taken_room;
    int64_t held_at; /* the chunk at hand, of this stream */
    struct span held;
    uint8_t buffer[READ_LEN];
};

static int by_bringer(const void *left, const void *right)
{
    const struct lost *a = left, *b = right;

    if (a->evidence_id != b->evidence_id)
        return a->evidence_id < b->evidence_id ? -1 : 1;
    if (a->frame != b->frame)
        return a->frame < b->frame ? -1 : 1;
    return a->begin < b->begin ? -1 : a->begin > b->begin;
}

/* The array with room for one more thing; NULL, and the array as it was, when there are too many or no
 * memory. */
static void *with_room(struct verification *v, void *array, size_t *room, size_t count,
                       size_t thing_len)
{
    if (count < *room)
        return array;
    size_t more = *room ? 2 * *room : 64;
    void *longer = more <= CONFLICTS_MAX ? realloc(array, more * thing_len) : NULL;
    v->no_memory = v->no_memory || (more <= CONFLICTS_MAX && !longer);
    if (longer)
        *room = more;
    return longer;
}

/* What is in conflict in the stream at hand. False in *all when there are more than can be kept. */
static enum status load_conflicts(struct payload *p, bool *all)
{
    int step = SQLITE_DONE;

    *all = true;
    p->lost_count = p->taken_count = 0;
    sqlite3_reset(p->conflicts);
    sqlite3_bind_int64(p->conflicts, 1, p->stream_id);
    while (*all && (step = sqlite3_step(p->conflicts)) == SQLITE_ROW) {
        int64_t begin = sqlite3_column_int64(p->conflicts, 0);
        int64_t length = sqlite3_column_int64(p->conflicts, 1);
        if (length <= 0 || begin > INT64_MAX - length)
            continue; /* its sum is found to be wrong */
        struct range range = {begin, begin + length};
        void *lost = with_room(p->v, p->lost, &p->lost_room, p->lost_count, sizeof *p->lost);
        void *taken = with_room(p->v, p->taken, &p->taken_room, p->taken_count, sizeof *p->taken);
        p->lost = lost ? lost : p->lost;
        p->taken = taken ? taken : p->taken;
        *all = lost && taken;
        if (!*all)
            break;
        p->lost[p->lost_count++] =
            (struct lost){.frame = (uint64_t)sqlite3_column_int64(p->conflicts, 3),
                          .evidence_id = (uint32_t)sqlite3_column_int64(p->conflicts, 2),
                          .begin = range.begin,
                          .end = range.end};
        struct range *last = p->taken_count > 0 ? &p->taken[p->taken_count - 1] : NULL;
        if (!sqlite3_column_int(p->conflicts, 4))
            continue;
        if (last && range.begin <= last->end)
            last->end = range.end > last->end ? range.end : last->end;
        else
            p->taken[p->taken_count++] = range;
    }
    if (*all && step != SQLITE_DONE)
        return verification_fault(p->v);
    if (p->lost_count > 0)
        qsort(p->lost, p->lost_count, sizeof *p->lost, by_bringer);
    return STATUS_OK;
}

/* The first position from `at` on that nobody took over, or beyond `end`; *to is where the next such
 * range begins, or `end`. */
static int64_t next_plain(const struct payload *p, int64_t at, int64_t end, int64_t *to)
{
    size_t low = 0, high = p->taken_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (p->taken[middle].end > at)
            high = middle;
        else
            low = middle + 1;
    }
    if (low < p->taken_count && p->taken[low].begin <= at)
        at = p->taken[low++].end;
    *to = low < p->taken_count && p->taken[low].begin < end ? p->taken[low].begin : end;
    return at;
}

/* The first of what an arrival lost. */
static size_t first_lost(const struct payload *p, const struct arrival_record *r)
{
    const struct lost place = {
        .frame = r->frame, .evidence_id = r->evidence_id, .begin = INT64_MIN};
    size_t low = 0, high = p->lost_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_bringer(&p->lost[middle], &place) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whether the row that was read last holds a position. A case may say any of where it begins. */
static bool is_held(const struct payload *p, int64_t position)
{
    return p->held.data && position >= p->held_at &&
           (uint64_t)position - (uint64_t)p->held_at < p->held.len;
}

/* What the chunks hold from `position` on; empty where they hold nothing. */
static struct span held_at(struct payload *p, int64_t position)
{
    if (!is_held(p, position)) {
        p->held = span_of(NULL, 0);
        sqlite3_reset(p->chunk);
        sqlite3_bind_int64(p->chunk, 1, p->stream_id);
        sqlite3_bind_int64(p->chunk, 2, position);
        int step = sqlite3_step(p->chunk);
        const void *data = step == SQLITE_ROW ? sqlite3_column_blob(p->chunk, 1) : NULL;
        if (!data && sqlite3_errcode(reader_db(p->v->reader)) == SQLITE_NOMEM)
            p->v->no_memory = true;
        if (step != SQLITE_ROW)
            return p->held;
        p->held_at = sqlite3_column_int64(p->chunk, 0);
        p->held = span_of(data, (size_t)sqlite3_column_bytes(p->chunk, 1));
    }
    if (!is_held(p, position))
        return span_of(NULL, 0);
    return span_after(p->held, (size_t)(position - p->held_at));
}

/* Whether a segment has, at the positions [at, to), what the chunks hold. */
static bool has_held(struct payload *p, struct evidence_file *file, const struct arrival_record *r,
                     int64_t at, int64_t to)
{
    while (at < to) {
        struct span held = held_at(p, at);
        if (held.len == 0)
            return true; /* then the case has changed, and its sums say so */
        size_t len = held.len < READ_LEN ? held.len : READ_LEN;
        if ((int64_t)len > to - at)
            len = (size_t)(to - at);
        if (evidence_read(file, p->buffer, len, r->offset + (uint64_t)(at - r->position), NULL) !=
                STATUS_OK ||
            memcmp(p->buffer, held.data, len) != 0)
            return false;
        at += (int64_t)len;
    }
    return true;
}

/* The same of the positions among these at which it did not lose. */
static bool has_payload(struct payload *p, struct evidence_file *file,
                        const struct arrival_record *r, int64_t at, int64_t to)
{
    for (size_t i = first_lost(p, r); i < p->lost_count && at < to; i++) {
        const struct lost *lost = &p->lost[i];
        if (lost->frame != r->frame || lost->evidence_id != r->evidence_id || lost->begin >= to)
            break;
        if (!has_held(p, file, r, at, lost->begin))
            return false;
        at = lost->end > at ? lost->end : at;
    }
    return has_held(p, file, r, at, to);
}

static void see_arrival(struct payload *p, const struct arrival_record *r)
{
    int64_t end = r->position + r->captured, to;
    struct evidence_file *file = verification_file(p->v, r->evidence_id);

    if (!file || r->fate >= FATE_REFUSED || r->offset == 0)
        return;
    for (int64_t at = r->position; (at = next_plain(p, at, end, &to)) < end; at = to) {
        if (!has_payload(p, file, r, at, to)) {
            verification_wrong_frame(p->v, r->evidence_id, r->frame);
            return;
        }
    }
}

static enum status see_stream(struct payload *p)
{
    struct arrival_cursor *cursor;
    struct arrival_record record;
    bool all;
    enum status status = load_conflicts(p, &all);

    p->held = span_of(NULL, 0);
    if (status == STATUS_OK && !all)
        return STATUS_OK; /* no frame of it is named then; that it differs is told all the same */
    if (status == STATUS_OK)
        status = arrival_cursor_open(&cursor, p->v->reader, p->stream_id, p->v->err);
    if (status != STATUS_OK)
        return status;
    while ((status = arrival_cursor_next(cursor, &record, p->v->err)) == STATUS_OK)
        see_arrival(p, &record);
    if (status == STATUS_FAILED)
        verification_note(p->v, p->v->err);
    arrival_cursor_close(cursor); /* what makes no sense in it has been told with its stream */
    return STATUS_OK;
}

static enum status see_streams(struct payload *p)
{
    struct verification *v = p->v;
    enum status status = reader_prepare(
        v->reader, &p->streams, "SELECT stream_id FROM main.streams ORDER BY stream_id", v->err);
    int step = SQLITE_DONE;

    if (status == STATUS_OK)
        status = reader_prepare(v->reader, &p->conflicts,
                                "SELECT position, length, other_evidence_id, other_frame, "
                                "kept_evidence_id <> other_evidence_id OR kept_frame > other_frame "
                                "FROM main.conflicts WHERE stream_id = ?1 ORDER BY position",
                                v->err);
    if (status == STATUS_OK)
        status = reader_prepare(v->reader, &p->chunk,
                                "SELECT position, data FROM (SELECT position, data FROM "
                                "main.stream_data WHERE stream_id = ?1 AND position <= ?2 "
                                "AND ?2 < position + length(data)) "
                                "UNION ALL SELECT position, data FROM (SELECT position, data FROM "
                                "main.chunk_data WHERE stream_id = ?1 AND position <= ?2 "
                                "ORDER BY position DESC LIMIT 1)",
                                v->err);
    while (status == STATUS_OK && (step = sqlite3_step(p->streams)) == SQLITE_ROW) {
        p->stream_id = sqlite3_column_int64(p->streams, 0);
        status = see_stream(p);
    }
    return status == STATUS_OK && step != SQLITE_DONE ? verification_fault(v) : status;
}

enum status verify_payload(struct verification *v)
{
    bool changed = false;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < v->row_count; i++)
        changed = changed || (v->exhibits[i].file && !v->exhibits[i].same);
    if (!changed)
        return STATUS_OK;
    struct payload *p = calloc(1, sizeof *p);
    if (!p)
        return error_no_memory(v->err, "no memory");
    p->v = v;
    status = see_streams(p);
    for (size_t i = 0; i < v->row_count && status == STATUS_OK; i++) {
        const struct exhibit *exhibit = &v->exhibits[i];
        if (!exhibit->same && exhibit->first_wrong > 0)
            verification_say(v, PROOF_FAILS,
                             "evidence %" PRIu32 ", %s: frame %" PRIu64
                             " is the first whose payload is not what the case says",
                             v->rows[i].evidence_id, exhibit->place.path, exhibit->first_wrong);
    }
    sqlite3_finalize(p->streams);
    sqlite3_finalize(p->conflicts);
    sqlite3_finalize(p->chunk);
    free(p->lost);
    free(p->taken);
    free(p);
    return status;
}
