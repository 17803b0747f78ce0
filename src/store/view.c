/* view.c - a stream as a receiver with another overlap policy has it.
 *
 *     arrivals ──► receiver ──► runs: who is taken        ┐ both in order of position,
 *     conflicts, by position ──► lost: what each lost     ┘ beside the pieces of the chunks
 *
 * Only a position that some conflict covers asks who is taken; there, the bytes are the chunk's, or what
 * stands in the conflict row of the one that is taken. Arrivals are read as far as the positions that
 * are asked about need it.
 *
 * Under `last` a position may change until the last arrival. So positions in conflict are taken a
 * stretch at a time, and for each the arrivals are read from first to last. */
#include "store/view.h"

#include "base/table.h"
#include "reassembly/receiver.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STRETCH_RANGES = 16384,
    STRETCH_LEN = 1 << 20, /* positions in conflict, about */
    TAKEOVERS_MAX = 1 << 18,
    LOST_CHECK = 1024, /* conflicts kept before the first look for those that are over */
};

static const int64_t POSITION_MAX = INT64_MAX / 2;

/* Who brought something. Without padding: it is a key. */
struct bringer {
    uint64_t frame;
    uint32_t evidence_id;
    uint32_t zero;
};
_Static_assert(sizeof(struct bringer) == 16, "a key with padding would make equal keys differ");

/* A row of conflicts. */
struct conflict {
    int64_t conflict_id;
    int64_t begin, end;
    struct bringer kept, other;
};

/* What an arrival lost, and where. */
struct lost {
    struct lost *next;
    int64_t conflict_id;
    int64_t begin, end;
};

struct loser {
    struct bringer who;
    UT_hash_handle hh;
    struct lost *lost; /* those over the position at hand, and some that are over */
};

/* Positions that a right segment took over. */
struct takeover {
    struct conflict row;
    bool other_came; /* while it is found out */
    bool done;       /* the right segment has come */
};

struct view {
    struct reader *reader; /* borrowed */
    int64_t stream_id;
    const struct policy *policy;
    struct stream_cursor *cursor;
    struct stream_piece piece; /* what is left of the last one */
    bool plain;                /* nothing is in conflict, or the chunks are the view */

    sqlite3_stmt *conflicts; /* by position */
    struct conflict upcoming;
    bool has_upcoming;
    struct loser *losers; /* uthash's head */
    size_t lost_count, lost_check;
    int64_t contested_to; /* no conflict that has begun goes further */
    sqlite3_stmt *bytes;  /* of one conflict */
    int64_t bytes_of;     /* its id; 0 is none */

    struct takeover *takeovers; /* by position, disjoint */
    size_t takeover_count, takeover_room;

    struct receiver receiver;
    struct arrival_cursor *arrivals; /* NULL before the first and after the last */
    struct receiver_run run;
    bool has_run;
    bool begun, ended; /* the arrivals */

    sqlite3_stmt *stretches; /* under `last`: the conflicts once more, for the stretches */
    struct conflict stretch_next;
    bool has_stretch_next;
    struct range *stretch; /* positions in conflict, in order, disjoint */
    size_t stretch_count;
};

static const char conflicts_sql[] =
    "SELECT conflict_id, position, length, kept_frame, kept_evidence_id, other_frame,"
    " other_evidence_id FROM \"%w\".conflicts WHERE stream_id = ?1 ORDER BY position, conflict_id";

static enum status no_memory(const struct view *v, struct error *err)
{
    return error_no_memory(err, "reading %s: no memory", reader_path(v->reader));
}

static enum status nonsense(const struct view *v, struct error *err)
{
    return error_set(err, "reading %s: conflicts of stream %" PRId64 ": a row makes no sense",
                     reader_path(v->reader), v->stream_id);
}

static enum status fault(const struct view *v, struct error *err)
{
    return error_set(err, "reading %s: %s", reader_path(v->reader),
                     sqlite3_errmsg(reader_db(v->reader)));
}

static bool is_same(const struct bringer *a, uint64_t frame, uint32_t evidence_id)
{
    return a->frame == frame && a->evidence_id == evidence_id;
}

/* ---- conflicts ---- */

/* The next row of conflicts_sql; STATUS_END behind the last. */
static enum status read_conflict(const struct view *v, sqlite3_stmt *row, struct conflict *to,
                                 struct error *err)
{
    int rc = sqlite3_step(row);

    if (rc == SQLITE_DONE)
        return STATUS_END;
    if (rc != SQLITE_ROW)
        return fault(v, err);
    int64_t begin = sqlite3_column_int64(row, 1), length = sqlite3_column_int64(row, 2);
    *to = (struct conflict){
        .conflict_id = sqlite3_column_int64(row, 0),
        .begin = begin,
        .kept = {(uint64_t)sqlite3_column_int64(row, 3), (uint32_t)sqlite3_column_int64(row, 4), 0},
        .other = {(uint64_t)sqlite3_column_int64(row, 5), (uint32_t)sqlite3_column_int64(row, 6),
                  0}};
    if (length <= 0 || begin < -POSITION_MAX || begin > POSITION_MAX - length)
        return nonsense(v, err);
    to->end = begin + length;
    return STATUS_OK;
}

/* The first takeover that ends behind `position`. */
static size_t takeover_find(const struct view *v, int64_t position)
{
    size_t low = 0, high = v->takeover_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (v->takeovers[middle].row.end > position)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static bool is_takeover(const struct view *v, const struct conflict *row)
{
    for (size_t i = takeover_find(v, row->begin);
         i < v->takeover_count && v->takeovers[i].row.begin <= row->begin; i++) {
        if (v->takeovers[i].row.conflict_id == row->conflict_id)
            return true;
    }
    return false;
}

/* The next row that is no takeover. */
static enum status read_lost(const struct view *v, sqlite3_stmt *row, struct conflict *to,
                             bool *has, struct error *err)
{
    enum status status;

    do
        status = read_conflict(v, row, to, err);
    while (status == STATUS_OK && is_takeover(v, to));
    *has = status == STATUS_OK;
    return status == STATUS_END ? STATUS_OK : status;
}

static void loser_free(struct view *v, struct loser *loser)
{
    HASH_DEL(v->losers, loser);
    while (loser->lost) {
        struct lost *next = loser->lost->next;
        free(loser->lost);
        loser->lost = next;
        v->lost_count--;
    }
    free(loser);
}

static void drop_all_lost(struct view *v)
{
    struct loser *loser, *next;

    HASH_ITER (hh, v->losers, loser, next)
        loser_free(v, loser);
    v->lost_check = LOST_CHECK;
}

/* Forgets what ends at or before `position`. */
static void drop_lost(struct view *v, struct loser *loser, int64_t position)
{
    for (struct lost **at = &loser->lost; *at;) {
        struct lost *lost = *at;
        if (lost->end > position) {
            at = &lost->next;
            continue;
        }
        *at = lost->next;
        free(lost);
        v->lost_count--;
    }
}

static void drop_over(struct view *v, int64_t position)
{
    struct loser *loser, *next;

    HASH_ITER (hh, v->losers, loser, next) {
        drop_lost(v, loser, position);
        if (!loser->lost)
            loser_free(v, loser);
    }
    v->lost_check = 2 * v->lost_count > LOST_CHECK ? 2 * v->lost_count : LOST_CHECK;
}

/* Remembers what `row` says was lost. */
static enum status lost_add(struct view *v, const struct conflict *row, struct error *err)
{
    struct loser *loser = NULL;

    if (v->lost_count >= v->lost_check)
        drop_over(v, row->begin);
    if (v->lost_count >= VIEW_CONFLICTS_MAX)
        return error_set(err,
                         "reading %s: stream %" PRId64 " has more than %d conflicts at %" PRId64,
                         reader_path(v->reader), v->stream_id, VIEW_CONFLICTS_MAX, row->begin);
    HASH_FIND(hh, v->losers, &row->other, sizeof row->other, loser);
    if (!loser) {
        loser = calloc(1, sizeof *loser);
        if (!loser)
            return no_memory(v, err);
        loser->who = row->other;
        HASH_ADD(hh, v->losers, who, sizeof loser->who, loser);
        if (!loser->hh.tbl) {
            free(loser);
            return no_memory(v, err);
        }
    }
    struct lost *lost = malloc(sizeof *lost);
    if (!lost)
        return no_memory(v, err);
    *lost = (struct lost){loser->lost, row->conflict_id, row->begin, row->end};
    loser->lost = lost;
    v->lost_count++;
    if (row->end > v->contested_to)
        v->contested_to = row->end;
    return STATUS_OK;
}

/* What the one that `run` names lost at `position`; NULL: nothing, it said what the chunk says. */
static const struct lost *lost_find(struct view *v, const struct receiver_run *run,
                                    int64_t position)
{
    struct bringer who = {run->frame, run->evidence_id, 0};
    struct loser *loser = NULL;

    HASH_FIND(hh, v->losers, &who, sizeof who, loser);
    if (!loser)
        return NULL;
    drop_lost(v, loser, position);
    const struct lost *lost = loser->lost;
    while (lost && lost->begin > position)
        lost = lost->next;
    return lost;
}

/* The bytes that lost, from `position` on. */
static enum status lost_bytes(struct view *v, const struct lost *lost, int64_t position,
                              struct span *bytes, struct error *err)
{
    if (v->bytes_of != lost->conflict_id) {
        v->bytes_of = 0;
        sqlite3_reset(v->bytes);
        sqlite3_bind_int64(v->bytes, 1, lost->conflict_id);
        if (sqlite3_step(v->bytes) != SQLITE_ROW)
            return fault(v, err);
        v->bytes_of = lost->conflict_id;
    }
    if (sqlite3_column_type(v->bytes, 0) != SQLITE_BLOB ||
        sqlite3_column_bytes(v->bytes, 0) != lost->end - lost->begin)
        return nonsense(v, err);
    *bytes = span_of(sqlite3_column_blob(v->bytes, 0), (size_t)(lost->end - lost->begin));
    if (!bytes->data)
        return no_memory(v, err);
    *bytes = span_after(*bytes, (size_t)(position - lost->begin));
    return STATUS_OK;
}

/* ---- takeovers ---- */

/* Conflicts of which the one that was kept may have come later: it has a right checksum, and took the
 * positions over. Within one capture the frame numbers say it. */
static enum status load_takeovers(struct view *v, bool *certain, struct error *err)
{
    sqlite3_stmt *row;
    struct conflict c;
    enum status status = reader_prepare_own(v->reader, &row, conflicts_sql, err);

    *certain = true;
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(row, 1, v->stream_id);
    while ((status = read_conflict(v, row, &c, err)) == STATUS_OK) {
        bool same_capture = c.kept.evidence_id == c.other.evidence_id;
        if (same_capture && c.kept.frame <= c.other.frame)
            continue;
        *certain = *certain && same_capture;
        if (v->takeover_count == v->takeover_room) {
            size_t room = v->takeover_room ? v->takeover_room * 2 : 64;
            void *more = realloc(v->takeovers, room * sizeof *v->takeovers);
            if (!more || room > TAKEOVERS_MAX) {
                v->takeovers = more ? more : v->takeovers;
                status = no_memory(v, err);
                break;
            }
            v->takeovers = more;
            v->takeover_room = room;
        }
        v->takeovers[v->takeover_count++] = (struct takeover){.row = c};
    }
    sqlite3_finalize(row);
    return status == STATUS_END ? STATUS_OK : status;
}

/* The first takeover that begins at or behind `position`. */
static size_t takeover_begins(const struct view *v, int64_t position)
{
    size_t low = 0, high = v->takeover_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (v->takeovers[middle].row.begin < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Between captures the order of the arrivals says who came later. Those that are no takeovers go. */
static enum status sift_takeovers(struct view *v, struct error *err)
{
    struct arrival_cursor *arrivals;
    struct arrival_record r;
    enum status status = arrival_cursor_open(&arrivals, v->reader, v->stream_id, err);

    if (status != STATUS_OK)
        return status;
    while ((status = arrival_cursor_next(arrivals, &r, err)) == STATUS_OK) {
        if (r.fate >= FATE_REFUSED)
            continue;
        for (size_t i = takeover_begins(v, r.position);
             i < v->takeover_count && v->takeovers[i].row.begin < r.position + r.length; i++) {
            struct takeover *t = &v->takeovers[i];
            if (is_same(&t->row.other, r.frame, r.evidence_id))
                t->other_came = true;
            if (is_same(&t->row.kept, r.frame, r.evidence_id) && t->other_came)
                t->done = true;
        }
    }
    arrival_cursor_close(arrivals);
    size_t kept = 0;
    for (size_t i = 0; i < v->takeover_count; i++) {
        if (v->takeovers[i].done)
            v->takeovers[kept++] = v->takeovers[i];
    }
    v->takeover_count = kept;
    return status == STATUS_END ? STATUS_OK : status;
}

/* ---- who is taken ---- */

/* The part of a run that is asked about: under `last`, what lies in the stretch. */
static bool take_part(struct view *v, const struct arrival_record *r, int64_t begin, int64_t end)
{
    struct receiver_run run = {.frame = r->frame, .evidence_id = r->evidence_id};

    if (!v->policy->absolute) {
        run.begin = begin;
        run.end = end;
        return receiver_take(&v->receiver, &run);
    }
    size_t low = 0, high = v->stretch_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (v->stretch[middle].end > begin)
            high = middle;
        else
            low = middle + 1;
    }
    for (; low < v->stretch_count && v->stretch[low].begin < end; low++) {
        const struct range *range = &v->stretch[low];
        run.begin = range->begin > begin ? range->begin : begin;
        run.end = range->end < end ? range->end : end;
        if (!receiver_take(&v->receiver, &run))
            return false;
    }
    return true;
}

/* Gives an arrival to the receiver, but for positions that one who has not come yet will take over. */
static enum status take(struct view *v, const struct arrival_record *r, struct error *err)
{
    int64_t at = r->position, end = r->position + r->length;

    for (size_t i = takeover_find(v, at); i < v->takeover_count && v->takeovers[i].row.begin < end;
         i++) {
        struct takeover *t = &v->takeovers[i];
        t->done = t->done || is_same(&t->row.kept, r->frame, r->evidence_id);
        if (t->done)
            continue;
        if (at < t->row.begin && !take_part(v, r, at, t->row.begin))
            return no_memory(v, err);
        at = t->row.end > at ? t->row.end : at;
    }
    return at >= end || take_part(v, r, at, end) ? STATUS_OK : no_memory(v, err);
}

/* The next positions in conflict, as many as a stretch has. */
static enum status next_stretch(struct view *v, struct error *err)
{
    int64_t len = 0;

    v->stretch_count = 0;
    while (v->has_stretch_next && len < STRETCH_LEN) {
        struct range *last = v->stretch_count > 0 ? &v->stretch[v->stretch_count - 1] : NULL;
        const struct conflict *c = &v->stretch_next;
        if (last && c->begin <= last->end) {
            len += c->end > last->end ? c->end - last->end : 0;
            last->end = c->end > last->end ? c->end : last->end;
        } else {
            if (v->stretch_count == STRETCH_RANGES)
                break;
            v->stretch[v->stretch_count++] = (struct range){c->begin, c->end};
            len += c->end - c->begin;
        }
        enum status status =
            read_lost(v, v->stretches, &v->stretch_next, &v->has_stretch_next, err);
        if (status != STATUS_OK)
            return status;
    }
    for (size_t i = 0; i < v->takeover_count; i++)
        v->takeovers[i].done = false;
    return STATUS_OK;
}

static enum status begin_arrivals(struct view *v, struct error *err)
{
    v->begun = true;
    v->ended = false;
    return arrival_cursor_open(&v->arrivals, v->reader, v->stream_id, err);
}

/* Hears the next arrival; at the end, what is held is due. */
static enum status hear(struct view *v, struct error *err)
{
    struct arrival_record r;
    enum status status = arrival_cursor_next(v->arrivals, &r, err);

    if (status == STATUS_OK)
        return r.fate >= FATE_REFUSED || r.length == 0 ? STATUS_OK : take(v, &r, err);
    if (status != STATUS_END)
        return status;
    arrival_cursor_close(v->arrivals);
    v->arrivals = NULL;
    v->ended = true;
    return receiver_end(&v->receiver) ? STATUS_OK : no_memory(v, err);
}

/* Makes v->run the one that covers `position`, or the next one behind it, if there is any. */
static enum status find_run(struct view *v, int64_t position, struct error *err)
{
    enum status status = STATUS_OK;

    while (status == STATUS_OK && !(v->has_run && v->run.end > position)) {
        v->has_run = receiver_next(&v->receiver, &v->run);
        if (v->has_run)
            continue;
        if (v->begun && !v->ended) {
            status = hear(v, err);
            continue;
        }
        if (v->begun && !(v->policy->absolute && v->has_stretch_next))
            return STATUS_OK; /* that was all */
        if (v->policy->absolute)
            status = next_stretch(v, err);
        if (status == STATUS_OK)
            status = begin_arrivals(v, err);
    }
    return status;
}

/* ---- the view ---- */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Cuts the front of v->piece off, up to `end`. */
static struct stream_piece cut(struct view *v, int64_t end)
{
    struct stream_piece front = v->piece;
    size_t len = (size_t)(end - front.position);

    front.length = (int64_t)len;
    front.bytes = span_first(front.bytes, len);
    v->piece.position = end;
    v->piece.length -= front.length;
    v->piece.bytes = span_after(v->piece.bytes, len);
    return front;
}

/* The next piece at a position that is in conflict. */
static enum status view_contested(struct view *v, struct stream_piece *piece, struct error *err)
{
    int64_t at = v->piece.position, end = at + v->piece.length;
    enum status status = find_run(v, at, err);

    if (status != STATUS_OK)
        return status;
    bool taken = v->has_run && v->run.begin <= at;
    const struct lost *lost = taken ? lost_find(v, &v->run, at) : NULL;
    if (v->has_run)
        end = least(end, taken ? v->run.end : v->run.begin);
    if (!lost) {
        end = least(end, v->contested_to);
        *piece = cut(v, v->has_upcoming ? least(end, v->upcoming.begin) : end);
        return STATUS_OK;
    }
    struct span bytes = {NULL, 0};
    status = lost_bytes(v, lost, at, &bytes, err);
    if (status != STATUS_OK)
        return status;
    *piece = cut(v, least(end, lost->end));
    piece->bytes = span_first(bytes, (size_t)piece->length);
    return STATUS_OK;
}

enum status view_next(struct view *v, struct stream_piece *piece, struct error *err)
{
    enum status status = STATUS_OK;

    if (v->piece.length == 0)
        status = stream_cursor_next(v->cursor, &v->piece, err);
    if (status != STATUS_OK)
        return status;
    int64_t at = v->piece.position, end = at + v->piece.length;
    if (v->plain || v->piece.cause) { /* the fast path */
        *piece = v->piece;
        v->piece.length = 0;
        return STATUS_OK;
    }
    while (status == STATUS_OK && v->has_upcoming && v->upcoming.begin <= at) {
        if (at >= v->contested_to)
            drop_all_lost(v);
        status = lost_add(v, &v->upcoming, err);
        if (status == STATUS_OK)
            status = read_lost(v, v->conflicts, &v->upcoming, &v->has_upcoming, err);
    }
    if (status != STATUS_OK)
        return status;
    if (at < v->contested_to)
        return view_contested(v, piece, err);
    *piece = cut(v, v->has_upcoming ? least(end, v->upcoming.begin) : end);
    return STATUS_OK;
}

/* What the receiver waits for first: where the stream begins. */
static enum status open_receiver(struct view *v, struct error *err)
{
    struct stream_piece first;
    enum status status = stream_cursor_next(v->cursor, &first, err);

    if (status == STATUS_FAILED)
        return status;
    receiver_init(&v->receiver, v->policy, status == STATUS_OK ? first.position : 0);
    if (status == STATUS_OK)
        v->piece = first;
    if (!v->policy->absolute)
        return STATUS_OK;
    v->stretch = calloc(STRETCH_RANGES, sizeof *v->stretch);
    if (!v->stretch)
        return no_memory(v, err);
    status = reader_prepare_own(v->reader, &v->stretches, conflicts_sql, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(v->stretches, 1, v->stream_id);
    return read_lost(v, v->stretches, &v->stretch_next, &v->has_stretch_next, err);
}

static enum status open_conflicts(struct view *v, struct error *err)
{
    bool certain;
    enum status status = load_takeovers(v, &certain, err);

    if (status == STATUS_OK && !certain)
        status = sift_takeovers(v, err);
    if (status == STATUS_OK)
        status = reader_prepare_own(v->reader, &v->conflicts, conflicts_sql, err);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < v->takeover_count; i++)
        v->takeovers[i].done = false;
    sqlite3_bind_int64(v->conflicts, 1, v->stream_id);
    status = read_lost(v, v->conflicts, &v->upcoming, &v->has_upcoming, err);
    if (status != STATUS_OK)
        return status;
    v->plain = !v->has_upcoming;
    if (v->plain)
        return STATUS_OK;
    status = reader_prepare_own(v->reader, &v->bytes,
                                "SELECT other FROM \"%w\".conflicts WHERE conflict_id = ?1", err);
    return status == STATUS_OK ? open_receiver(v, err) : status;
}

enum status view_open(struct view **view, struct reader *reader, int64_t stream_id,
                      const struct policy *policy, struct error *err)
{
    enum status status = STATUS_OK;

    *view = NULL;
    if (!policy)
        status = view_policy(&policy, reader, stream_id, err);
    if (status != STATUS_OK)
        return status;
    struct view *v = calloc(1, sizeof *v);
    if (!v)
        return error_no_memory(err, "reading %s: no memory", reader_path(reader));
    v->reader = reader;
    v->stream_id = stream_id;
    v->policy = policy;
    v->lost_check = LOST_CHECK;
    v->contested_to = INT64_MIN;
    v->plain = policy == policy_at(0);
    status = stream_cursor_open(&v->cursor, reader, stream_id, err);
    if (status == STATUS_OK && !v->plain)
        status = open_conflicts(v, err);
    if (status == STATUS_OK)
        *view = v;
    else
        view_close(v);
    return status;
}

enum status view_seek(struct view *v, int64_t position, struct error *err)
{
    return v->plain ? stream_cursor_seek(v->cursor, position, err) : STATUS_OK;
}

void view_close(struct view *v)
{
    if (!v)
        return;
    stream_cursor_close(v->cursor);
    arrival_cursor_close(v->arrivals);
    sqlite3_finalize(v->conflicts);
    sqlite3_finalize(v->stretches);
    sqlite3_finalize(v->bytes);
    drop_all_lost(v);
    receiver_release(&v->receiver);
    free(v->takeovers);
    free(v->stretch);
    free(v);
}

enum status view_policy(const struct policy **policy, struct reader *reader, int64_t stream_id,
                        struct error *err)
{
    sqlite3_stmt *row;
    struct error none;

    *policy = policy_at(0);
    if (reader_prepare_own(reader, &row, "SELECT policy FROM \"%w\".streams WHERE stream_id = ?1",
                           &none) != STATUS_OK)
        return STATUS_OK; /* a case from before there were others */
    sqlite3_bind_int64(row, 1, stream_id);
    if (sqlite3_step(row) == SQLITE_ROW && sqlite3_column_type(row, 0) != SQLITE_NULL) {
        const char *name = (const char *)sqlite3_column_text(row, 0);
        *policy = policy_find(name ? name : "");
    }
    sqlite3_finalize(row);
    if (!*policy)
        return error_set(err, "reading %s: stream %" PRId64 " has a policy that is not known here",
                         reader_path(reader), stream_id);
    return STATUS_OK;
}

enum status view_hash(char hex[DIGEST_HEX_LEN + 1], struct reader *reader, int64_t stream_id,
                      const struct policy *policy, struct error *err)
{
    struct view *view;
    struct stream_piece piece;
    enum status status = view_open(&view, reader, stream_id, policy, err);
    struct digest digest;

    digest_start(&digest);
    while (status == STATUS_OK && (status = view_next(view, &piece, err)) == STATUS_OK)
        digest_add(&digest, piece.bytes);
    if (status == STATUS_END) {
        digest_end(&digest, hex);
        status = STATUS_OK;
    }
    view_close(view);
    return status;
}
