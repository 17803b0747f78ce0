/* reference.c - payload that stays in the capture.
 *
 *     arrival ──► the running hash, while bytes come in order
 *           └───► arrivals, which say where its bytes lie
 *
 * Nothing of it is copied. What came before is laid out from the capture (layout.h) when a later segment
 * must be compared with it, and, of a stream whose bytes did not come in order, for its hash. */
#include "store/writer.h"

/* Whether bytes are hashed later, in a live case: since there is a hole below them, as in chunks.c. */
static bool stays_behind(struct store *s, struct kept_stream *t, int64_t position, size_t len)
{
    if (!s->live.on || t->stored == 0 || position <= t->hashed_to)
        return false;
    struct stream_rare *rare = keep_rare(s, t);
    if (!rare)
        return false;
    if (!t->behind) {
        t->commits = 0;
        rare->unhashed = 0;
    }
    t->behind = true;
    rare->unhashed += len;
    return true;
}

/* Adds bytes to the running hash, or says that they are to be read again. */
static void hash_bytes(struct store *s, struct kept_stream *t, int64_t position, struct span bytes)
{
    if (!s->hash || t->rehash || stays_behind(s, t, position, bytes.len))
        return;
    if ((t->stored > 0 && position < t->hashed_to) || !chunks_take_digest(s, t)) {
        t->rehash = true;
        chunks_drop_digest(s, t);
        return;
    }
    digest_add(t->digest, bytes);
    t->hashed_to = position + (int64_t)bytes.len;
}

void reference_keep(struct store *s, struct kept_stream *t, int64_t position, struct span bytes)
{
    if (s->laid_out == t)
        layout_add(s->layout, position, bytes);
    hash_bytes(s, t, position, bytes);
}

void reference_changed(struct store *s, struct kept_stream *t)
{
    if (s->laid_out == t)
        layout_forget(s->layout);
    t->rehash = true;
    chunks_drop_digest(s, t);
}

static void fail(struct store *s, struct error *err)
{
    error_prefix(err, "reading payload again for %s", case_file_name(&s->file));
    insert_fail_as(&s->insert, err);
}

void reference_conflict(struct store *s, struct kept_flow *k, enum side side, int64_t position,
                        struct span kept)
{
    struct error err = {0};
    int64_t stream_id = keep_stream_id(s, k, side);

    if (s->layout && layout_kept(s->layout, stream_id, position, kept, &err) != STATUS_OK)
        fail(s, &err);
}

/* Lays out from `position` on, up to `most`. False after a failure. */
static bool lay_out(struct store *s, struct kept_flow *k, enum side side, int64_t position,
                    size_t most)
{
    struct error err = {0};
    enum status status = STATUS_OK;
    int64_t stream_id = keep_stream_id(s, k, side);

    chunks_write_rows(s, k, side);
    insert_flush_one(&s->insert, INSERT_ARRIVALS);
    if (!s->layout)
        status = layout_open(&s->layout, s->file.db, "main", s->reference, &err);
    if (s->insert.failed)
        return false;
    if (most > LAYOUT_LEN)
        most = LAYOUT_LEN;
    if (status == STATUS_OK)
        status = layout_make(s->layout, stream_id, position, position + (int64_t)most,
                             records_arrivals(k->sides[side]), &err);
    s->laid_out = k->sides[side];
    if (status == STATUS_OK)
        return true;
    fail(s, &err);
    return false;
}

struct chunk_view reference_view(struct store *s, struct kept_flow *k, enum side side,
                                 int64_t position, size_t most)
{
    struct chunk_view view = {.bytes = {NULL, 0}};
    int64_t stream_id = keep_stream_id(s, k, side);

    if (!(s->layout && layout_covers(s->layout, stream_id, position)) &&
        !lay_out(s, k, side, position, most))
        return view;
    struct span run = layout_run(s->layout, position);
    view = (struct chunk_view){.begin = position, .end = position + (int64_t)run.len};
    view.bytes = span_first(run, most);
    if (run.len == 0)
        insert_fail(&s->insert, "reading %s: no arrival brought position %lld of stream %lld",
                    case_file_name(&s->file), (long long)position, (long long)stream_id);
    return view;
}

/* Where the gap ends that covers `position`; `position` when there is none. */
static int64_t gap_end(struct store *s, int64_t stream_id, int64_t position)
{
    int64_t end = position;
    struct row *row = insert_begin(&s->insert, SELECT_GAP);

    put_int(row, 1, stream_id);
    put_int(row, 2, position);
    if (insert_next(&s->insert, row) && sqlite3_column_int64(row->statement, 0) > position)
        end = sqlite3_column_int64(row->statement, 0);
    insert_done(&s->insert, row);
    return end;
}

/* Nothing more is asked of a stream. */
static void end_layout(struct store *s, struct kept_flow *k, enum side side)
{
    struct error err = {0};

    if (s->laid_out == k->sides[side])
        s->laid_out = NULL;
    if (s->layout && layout_end(s->layout, keep_stream_id(s, k, side), &err) != STATUS_OK)
        fail(s, &err);
}

/* Nothing is hashed before the end. */
static void give_digest_up(struct store *s, struct kept_stream *t)
{
    t->rehash = true;
    t->behind = false;
    chunks_drop_digest(s, t);
}

void reference_catch_up(struct store *s, struct kept_flow *k, enum side side, bool all)
{
    enum { EMPTY_MOST = 64 }; /* stretches, of a hole that has no row yet */
    struct kept_stream *t = k->sides[side];
    unsigned empty = 0;

    for (int64_t at = t->hashed_to; t->rare->unhashed > 0;) {
        if (!lay_out(s, k, side, at, LAYOUT_LEN))
            return;
        const int64_t end = at + LAYOUT_LEN;
        int64_t next = layout_next(s->layout, at);
        empty = next < end ? 0 : empty + 1;
        for (; next < end && t->rare->unhashed > 0; next = layout_next(s->layout, next)) {
            struct span run = layout_run(s->layout, next);
            if (!all && next > t->hashed_to)
                return; /* the hole is there yet */
            digest_add(t->digest, run);
            t->rare->unhashed -= run.len < t->rare->unhashed ? run.len : t->rare->unhashed;
            next += (int64_t)run.len;
            t->hashed_to = next;
        }
        if (!all && t->hashed_to < end && t->rare->unhashed > 0)
            return;
        const int64_t behind = empty > 0 ? gap_end(s, keep_stream_id(s, k, side), at) : at;
        at = behind > end ? behind : end;
        if (empty > EMPTY_MOST) {
            give_digest_up(s, t);
            return;
        }
    }
    t->behind = false;
}

/* Hashes a stream from the capture. Its gaps are rows. */
static void hash_again(struct store *s, struct kept_flow *k, enum side side)
{
    const struct kept_stream *t = k->sides[side];
    int64_t stream_id = keep_stream_id(s, k, side), at = t->start;

    for (uint64_t left = t->stored; left > 0;) {
        if (!lay_out(s, k, side, at, LAYOUT_LEN))
            return;
        int64_t end = at + LAYOUT_LEN, next = layout_next(s->layout, at);
        bool any = next < end;
        for (; next < end && left > 0; next = layout_next(s->layout, next)) {
            struct span run = layout_run(s->layout, next);
            digest_add(&s->digest, run);
            left -= run.len < left ? run.len : left;
            next += (int64_t)run.len;
        }
        if (!any)
            end = gap_end(s, stream_id, at);
        if (end == at) {
            insert_fail(&s->insert, "reading %s: no arrival brought position %lld of stream %lld",
                        case_file_name(&s->file), (long long)at, (long long)stream_id);
            return;
        }
        at = end;
    }
}

void reference_hash(struct store *s, struct kept_flow *k, enum side side,
                    char hex[DIGEST_HEX_LEN + 1])
{
    struct kept_stream *t = k->sides[side];

    chunks_write_rows(s, k, side);
    if (t->behind && !t->rehash)
        reference_catch_up(s, k, side, true);
    if (s->hash && t->digest && !t->rehash) {
        digest_end(t->digest, hex);
    } else if (s->hash) {
        digest_start(&s->digest);
        hash_again(s, k, side);
        digest_end(&s->digest, hex);
    }
    end_layout(s, k, side);
}
