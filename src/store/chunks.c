/* chunks.c - payload: chunks being filled, rows that are written, and what is read back of both.
 *
 *     slot       [0 ............ C)[C ............ 2C)[2C ...
 *     came        ██████████████    ████     ██████
 *                 full: one row     two runs: two rows, once it must go
 *
 * A slot covers an aligned stretch of positions. It becomes rows, one for each contiguous run, when
 * it is full and the lowest that is open, when more than SLOTS_OPEN or SLOT_RUNS would be needed,
 * when the budget asks, and when the flow ends; always the lowest first, so that the running hash
 * sees the bytes in order. Bytes that come into a stretch that was written open it again, and
 * become rows of their own; the stream is then hashed at its end, from its rows.
 *
 * Nearly every stream is one run in one slot when it becomes a row, and is then a row of stream_data,
 * which needs no index. What comes after that are rows of chunk_data, as are those of any other stream,
 * and of one whose turn in the order of stream_data is over: there, rows only append.
 *
 * A stream that had to be written early keeps its running hash, for what may come after. When not even for that
 * there is room the hash is taken, and kept in the place of what is not needed any more (`settled`): if
 * something comes after all, the stream is read again. */
#include "store/writer.h"

#include <assert.h>
#include <string.h>

/* A slot that stays open longer than this many parts of the arrivals is written as it is, so that
 * who brought a byte of it can be looked up in few parts. */
enum { STALE_PARTS = 32 };

/* A stream that has more rows than this in one commit is busy. */
enum { BUSY_ROWS = 8 };

enum { RUNS_LEN = SLOT_RUNS * sizeof(struct run) };

static struct run *runs_of(struct slot *slot)
{
    return slot->runs ? slot->runs : &slot->one;
}

static struct span run_bytes(const struct slot *slot, const struct run *run)
{
    return span_of(slot->data + run->begin, (size_t)(run->end - run->begin));
}

/* Bytes of it that are usable. */
static size_t slot_room(const struct slot *slot)
{
    return memory_len(slot->size_class) - SLOT_HEAD;
}

/* ---- bytes that lie elsewhere ---- */

/* What is used of a slot's bytes while they do. */
static struct loan *loan_of(struct slot *slot)
{
    enum {
        AT = (SLOT_HEAD + _Alignof(struct loan) - 1) / _Alignof(struct loan) * _Alignof(struct loan)
    };
    return (struct loan *)(void *)((uint8_t *)slot + AT);
}

/* It has none elsewhere from now on. */
static void loan_end(struct store *s, struct slot *slot)
{
    struct loan *loan = loan_of(slot);
    struct slot *last = s->loans[--s->loan_count];

    s->loans[loan->index] = last;
    loan_of(last)->index = loan->index;
    slot->piece_count = 0;
}

/* Copies them into the slot. */
static void slot_collect(struct store *s, struct slot *slot)
{
    if (slot->piece_count == 0)
        return;
    const struct loan loan = *loan_of(slot);
    const unsigned count = slot->piece_count;
    uint8_t *to = slot->data;

    loan_end(s, slot);
    for (unsigned i = 0; i < count; i++) {
        memcpy(to, loan.pieces[i].iov_base, loan.pieces[i].iov_len);
        to += loan.pieces[i].iov_len;
    }
}

/* Notes bytes at `at` of a slot where they lie. False: they must be copied. */
static bool slot_borrow(struct store *s, struct slot *slot, size_t at, struct span bytes)
{
    if (slot->piece_count == 0) { /* of one that will likely be filled, from its beginning */
        if (at > 0 || slot->run_count > 0 || slot_room(slot) < s->slot_len ||
            s->loan_count == LOANS_MOST)
            return false;
        loan_of(slot)->index = s->loan_count;
        s->loans[s->loan_count++] = slot;
    } else if (slot->one.end != at || slot->piece_count == LEAVES_PIECES) {
        return false;
    }
    loan_of(slot)->pieces[slot->piece_count++] =
        (struct iovec){.iov_base = (void *)(uintptr_t)bytes.data, .iov_len = bytes.len};
    return true;
}

void chunks_unborrow(struct store *s)
{
    while (s->loan_count > 0)
        slot_collect(s, s->loans[s->loan_count - 1]);
}

static void slot_free(struct store *s, struct slot *slot)
{
    if (slot->piece_count > 0)
        loan_end(s, slot);
    memory_give(&s->memory, slot->runs, memory_class(RUNS_LEN));
    memory_give(&s->memory, slot, slot->size_class);
}

static void slots_drop(struct store *s, struct kept_stream *t)
{
    while (t->slots) {
        struct slot *slot = t->slots;
        t->slots = slot->next;
        slot_free(s, slot);
    }
    t->current = NULL;
    t->slot_count = 0;
}

static bool slot_full(const struct store *s, struct slot *slot)
{
    return slot->run_count == 1 && runs_of(slot)->begin == 0 && runs_of(slot)->end == s->slot_len;
}

bool chunks_take_digest(struct store *s, struct kept_stream *t)
{
    if (!t->digest) {
        t->digest = memory_take(&s->memory, memory_class(sizeof *t->digest));
        if (t->digest)
            digest_start(t->digest);
    }
    return t->digest != NULL;
}

/* Whether a row is hashed later, in a live case: since there is a hole below it, which a retransmission is likely to
 * fill soon. A commit makes rows of what lies behind such a hole; without this, every stream that a segment comes
 * late to would be read again at its end, all of it. */
static bool stays_behind(const struct store *s, struct kept_stream *t, int64_t position)
{
    if (!s->live.on || t->rows == 0 || position <= t->hashed_to)
        return false;
    if (!t->behind)
        t->commits = 0;
    t->behind = true;
    return true;
}

/* The digest that a row's bytes, which come next, are to be added to; NULL when they are not, or the rows are
 * to be read again. */
static struct digest *digest_for(struct store *s, struct kept_stream *t, int64_t position,
                                 struct span bytes)
{
    if (!s->hash || t->rehash || s->reference || stays_behind(s, t, position))
        return NULL;
    if ((t->rows > 0 && position < t->hashed_to) || !chunks_take_digest(s, t)) {
        t->rehash = true;
        return NULL;
    }
    t->hashed_to = position + (int64_t)bytes.len;
    return t->digest;
}

/* What becomes of a slot that is written. */
enum slot_fate {
    SLOT_STAYS,
    SLOT_GOES,
    SLOT_IS_LAST, /* it goes, and the hash of the stream is needed next */
};

/* With which a row may be lent; where its bytes lie, if not in the slot. */
struct lent_bytes {
    struct slot *slot; /* NULL: it is not lent */
    struct loan loan;
    unsigned pieces; /* 0: in the slot */
};

/* Writes a row. True when it is lent. */
static bool row_write(struct store *s, struct kept_stream *t, struct insert_chunk *chunk,
                      const struct lent_bytes *from, enum slot_fate fate)
{
    struct digest *digest = digest_for(s, t, chunk->position, chunk->bytes);

    chunk->is_busy = t->fresh >= BUSY_ROWS;
    if (t->fresh < UINT8_MAX)
        t->fresh++;
    const bool lend = insert_chunk_ready(&s->insert, chunk) && from->slot;
    if (from->pieces > 0 && !lend) /* after a failure */
        return false;
    if (from->pieces > 0)
        chunk->bytes.data = NULL;
    t->rows += t->rows < UINT32_MAX;
    if (digest && !(lend && fate == SLOT_GOES)) {
        lending_hash(s, digest, chunk->bytes);
        digest = NULL;
    }
    if (lend)
        lending_lend(s, digest, chunk, from->pieces > 0 ? &from->loan : NULL, from->pieces,
                     from->slot);
    else
        insert_chunk(&s->insert, chunk);
    return lend;
}

/* A run as rows that fill their pages: a commit of many slow streams has a row of each, as long as it happens to be. */
static void run_pack(struct store *s, struct kept_stream *t, struct insert_chunk *chunk,
                     struct span bytes)
{
    const struct lent_bytes in_place = {.slot = NULL};

    insert_settle(&s->insert);
    while (bytes.len > 0 && !s->insert.failed) {
        chunk->bytes = bytes;
        chunk->bytes = span_first(bytes, insert_chunk_fitting(&s->insert, chunk));
        row_write(s, t, chunk, &in_place, SLOT_IS_LAST);
        chunk->position += (int64_t)chunk->bytes.len;
        bytes = span_after(bytes, chunk->bytes.len);
    }
}

/* Writes what is in a slot as rows, and empties it. True when it is lent with that: it goes by itself then. */
static bool slot_write(struct store *s, struct kept_flow *k, enum side side, struct slot *slot,
                       enum slot_fate fate)
{
    struct kept_stream *t = k->sides[side];
    struct insert_chunk chunk = {.stream_id = keep_stream_id(s, k, side), .part = slot->part};
    const bool pack = s->insert.live_form && fate == SLOT_IS_LAST;
    bool lend = !pack && fate != SLOT_STAYS && slot->run_count == 1;
    struct lent_bytes from = {.slot = lend ? slot : NULL};

    if (fate == SLOT_GOES && slot->piece_count > 0) {
        from.loan = *loan_of(slot);
        from.pieces = slot->piece_count;
        loan_end(s, slot);
    } else {
        slot_collect(s, slot);
    }
    for (unsigned i = 0; i < slot->run_count; i++) {
        const struct run *run = &runs_of(slot)[i];
        chunk.bytes = run_bytes(slot, run);
        chunk.position = slot->begin + run->begin;
        if (pack)
            run_pack(s, t, &chunk, chunk.bytes);
        else
            lend = row_write(s, t, &chunk, &from, fate);
    }
    slot->run_count = 0;
    return lend;
}

/* Writes the lowest slot and lets it go. */
static void lowest_write_of(struct store *s, struct kept_flow *k, enum side side, bool last)
{
    struct kept_stream *t = k->sides[side];
    struct slot *slot = t->slots;

    t->slots = slot->next;
    t->slot_count--;
    if (t->current == slot)
        t->current = NULL;
    struct run *runs = slot->runs;
    bool lent = slot_write(s, k, side, slot, last ? SLOT_IS_LAST : SLOT_GOES);
    memory_give(&s->memory, runs, memory_class(RUNS_LEN));
    if (!lent)
        memory_give(&s->memory, slot, slot->size_class);
}

static void lowest_write(struct store *s, struct kept_flow *k, enum side side)
{
    lowest_write_of(s, k, side, false);
}

/* Whether all that came of a stream can be its row in stream_data. */
static bool is_small(const struct store *s, const struct kept_stream *t, int64_t stream_id)
{
    return t->rows == 0 && t->slot_count == 1 && t->slots->run_count == 1 &&
           stream_id > s->last_small;
}

/* Makes it that. The bytes lie in the batch until it is flushed; empty after a failure. */
static struct span small_write(struct store *s, struct kept_stream *t, int64_t stream_id)
{
    struct slot *only = t->slots;
    slot_collect(s, only);
    const struct run *run = runs_of(only);
    struct span bytes = run_bytes(only, run);
    struct row *row = insert_begin(&s->insert, INSERT_STREAM_DATA);

    put_int(row, 1, stream_id);
    put_int(row, 2, only->begin + run->begin);
    bytes = put_blob_kept(row, 3, bytes);
    insert_end(&s->insert, row);
    s->last_small = stream_id;
    t->rows = 1;
    t->hashed_to = only->begin + run->end;
    t->small = true;
    return bytes;
}

/* The row of stream_data of a stream of which there is none. */
static struct span small_write_read(struct store *s, int64_t stream_id, struct span bytes)
{
    struct row *row = insert_begin(&s->insert, INSERT_STREAM_DATA);

    assert(stream_id > s->last_small);
    put_int(row, 1, stream_id);
    put_int(row, 2, 0);
    bytes = put_blob_kept(row, 3, bytes);
    insert_end(&s->insert, row);
    s->last_small = stream_id;
    return bytes;
}

/* Has the store's own digest hash a stream of which nothing is a row yet, so that no room is asked for before its
 * slots gave theirs. */
static bool digest_borrow(struct store *s, struct kept_stream *t)
{
    if (!s->hash || t->rows > 0)
        return false;
    assert(!t->digest);
    digest_start(&s->digest);
    t->digest = &s->digest;
    return true;
}

/* The hash is taken: nothing waits, and the digest is not kept. */
static void settle(struct kept_stream *t, struct digest *d)
{
    uint8_t value[DIGEST_LEN];

    digest_value(d, value);
    memcpy(t->value, value, DIGEST_LEN);
    t->settled = true;
}

/* What the store's own digest has of a stream is taken at once: nothing more is awaited. */
static void digest_settle(struct store *s, struct kept_stream *t)
{
    t->digest = NULL;
    settle(t, &s->digest);
}

/* What the store's own digest has of a stream becomes the stream's, where there is room for that. */
static void digest_return(struct store *s, struct kept_stream *t)
{
    t->digest = NULL;
    if (chunks_take_digest(s, t))
        *t->digest = s->digest;
    else
        settle(t, &s->digest);
}

/* Bytes come after all, or change: all will be read again. */
static void unsettle(struct kept_stream *t)
{
    if (!t->settled)
        return;
    t->slots = t->current = NULL;
    t->digest = NULL;
    t->settled = false;
    t->rehash = true;
}

void chunks_drop_digest(struct store *s, struct kept_stream *t)
{
    if (!t->digest)
        return;
    lending_wait(s, t->digest);
    memory_give(&s->memory, t->digest, memory_class(sizeof *t->digest));
    t->digest = NULL;
}

void chunks_settle(struct store *s, struct kept_stream *t)
{
    struct digest *d = t->digest;

    assert(!t->settled && !t->slots && d);
    lending_wait(s, d);
    settle(t, d);
    memory_give(&s->memory, d, memory_class(sizeof *d));
}

void chunks_write_rows(struct store *s, struct kept_flow *k, enum side side)
{
    struct kept_stream *t = k->sides[side];

    while (!t->settled && t->slots)
        lowest_write_of(s, k, side, true);
}

void chunks_write(struct store *s, struct kept_flow *k, enum side side)
{
    struct kept_stream *t = k->sides[side];

    if (t->settled || !t->slots)
        return;
    if (s->reference) {
        chunks_write_rows(s, k, side);
        return;
    }
    int64_t stream_id = keep_stream_id(s, k, side);
    /* who brought a byte of stream_data is looked up from the first part on */
    if (is_small(s, t, stream_id) && t->slots->part <= STALE_PARTS) {
        bool borrowed = digest_borrow(s, t);
        struct span bytes = small_write(s, t, stream_id);
        if (borrowed)
            digest_add(&s->digest, bytes);
        slots_drop(s, t);
        if (borrowed)
            digest_return(s, t);
        return;
    }
    bool borrowed = digest_borrow(s, t);
    while (t->slots)
        lowest_write_of(s, k, side, borrowed);
    if (borrowed)
        digest_return(s, t);
}

void chunks_write_read(struct store *s, struct kept_flow *k, enum side side, struct span bytes)
{
    struct kept_stream *t = k->sides[side];
    const bool borrowed = digest_borrow(s, t);

    bytes = small_write_read(s, keep_stream_id(s, k, side), bytes);
    t->rows = 1;
    t->hashed_to = (int64_t)bytes.len;
    t->small = true;
    if (!borrowed)
        return;
    digest_add(&s->digest, bytes);
    if (k->is_over)
        digest_settle(s, t);
    else
        digest_return(s, t);
}

void chunks_end_read(struct store *s, int64_t stream_id, struct span bytes,
                     char hex[DIGEST_HEX_LEN + 1])
{
    uint8_t value[DIGEST_LEN];

    bytes = small_write_read(s, stream_id, bytes);
    if (!s->hash)
        return;
    digest_once(value, bytes);
    digest_hex(hex, value);
}

/* Hashes rows that were left behind: up to the next hole, or all of them. */
static void catch_up(struct store *s, struct kept_flow *k, enum side side, bool all)
{
    struct kept_stream *t = k->sides[side];
    bool hole = false;

    if (!t->behind || t->rehash || t->settled)
        return;
    if (s->reference) {
        reference_catch_up(s, k, side, all);
        return;
    }
    struct row *row = insert_begin(&s->insert, SELECT_CHUNKS_FROM);
    put_int(row, 1, keep_stream_id(s, k, side));
    put_int(row, 2, t->hashed_to);
    while (!hole && insert_next(&s->insert, row)) {
        int64_t position = sqlite3_column_int64(row->statement, 0);
        struct span bytes = span_of(sqlite3_column_blob(row->statement, 1),
                                    (size_t)sqlite3_column_bytes(row->statement, 1));
        hole = !all && position > t->hashed_to;
        if (hole)
            break;
        lending_hash(s, t->digest, bytes);
        t->hashed_to = position + (int64_t)bytes.len;
    }
    insert_done(&s->insert, row);
    t->behind = hole;
}

void chunks_catch_up(struct store *s, struct kept_flow *k, enum side side)
{
    catch_up(s, k, side, true);
}

void chunks_commit(struct store *s, struct kept_flow *k, enum side side)
{
    enum { COMMITS_MOST = 3 }; /* a hole that is older will hardly be filled */
    struct kept_stream *t = k->sides[side];

    chunks_write_rows(s, k, side);
    t->fresh = 0;
    if (t->settled || !t->behind)
        return;
    catch_up(s, k, side, t->commits == COMMITS_MOST);
    t->commits = t->behind ? (t->commits + 1) & 3u : 0;
}

void chunks_write_stale(struct store *s, struct kept_flow *k, enum side side)
{
    struct kept_stream *t = k->sides[side];
    unsigned count = 0, stale = 0; /* from the lowest on, up to the last that is stale */

    if (t->settled)
        return;
    for (const struct slot *slot = t->slots; slot; slot = slot->next) {
        count++;
        if (t->arrivals.parts - slot->part > STALE_PARTS)
            stale = count;
    }
    while (stale-- > 0)
        lowest_write(s, k, side);
}

void chunks_forget(struct store *s, struct kept_stream *t)
{
    chunks_drop(s, t);
    t->slots = t->current = NULL;
    t->digest = NULL;
    t->hashed_to = 0;
    t->start = 0;
    t->stored = 0;
    t->rows = 0;
    t->settled = t->small = t->rehash = t->behind = false;
}

void chunks_drop(struct store *s, struct kept_stream *t)
{
    if (t->settled)
        return;
    slots_drop(s, t);
    chunks_drop_digest(s, t);
}

static int64_t slot_begin(const struct store *s, int64_t position)
{
    int64_t in = position % s->slot_len;
    return position - (in < 0 ? in + s->slot_len : in);
}

/* The open slot that covers `position`; NULL when there is none. */
static struct slot *slot_find(const struct store *s, struct kept_stream *t, int64_t position)
{
    struct slot *slot = t->settled ? NULL : t->current;

    if (slot && position >= slot->begin && position - slot->begin < s->slot_len)
        return slot;
    for (slot = t->settled ? NULL : t->slots; slot && slot->begin <= position; slot = slot->next)
        if (position - slot->begin < s->slot_len)
            return slot;
    return NULL;
}

/* The size class of a slot of which `len` bytes are to be usable, `before` of them are. */
static unsigned slot_class(const struct store *s, const struct kept_stream *t, size_t len,
                           size_t before)
{
    enum { FINE = 512 }; /* up to here a slot grows by as little as it can; then it doubles */

    if (before > FINE && len < 2 * before)
        len = 2 * before;
    if (t->stored > s->slot_len || len > s->slot_len) /* a stream that filled one fills the next */
        len = s->slot_len;
    return memory_class(SLOT_HEAD + len);
}

static struct slot *slot_take(struct store *s, unsigned size_class)
{
    struct slot *slot = keep_room(s, size_class);

    if (slot)
        slot->size_class = (uint8_t)size_class;
    return slot;
}

/* Where a slot that begins at `begin` is, or would be, among those of its stream. */
static struct slot **slot_place(struct kept_stream *t, int64_t begin)
{
    struct slot **at = &t->slots;

    while (*at && (*at)->begin < begin)
        at = &(*at)->next;
    return at;
}

/* Makes the first `len` bytes of a slot usable. NULL after a failure. */
static struct slot *slot_grow(struct store *s, struct kept_stream *t, struct slot *slot, size_t len)
{
    size_t before = slot_room(slot);
    assert(slot->piece_count == 0);
    struct slot *grown = slot_take(s, slot_class(s, t, len, before));

    if (!grown)
        return NULL;
    uint8_t size_class = grown->size_class;
    memcpy(grown, slot, SLOT_HEAD + before);
    grown->size_class = size_class;
    *slot_place(t, slot->begin) = grown;
    memory_give(&s->memory, slot, slot->size_class);
    return grown;
}

/* The open slot that covers `position`, opened when there is none, with room for `most` bytes from there on as far as
 * they are its own. NULL after a failure. */
static struct slot *slot_open(struct store *s, struct kept_flow *k, enum side side,
                              int64_t position, size_t most)
{
    struct kept_stream *t = k->sides[side];
    int64_t begin = slot_begin(s, position);
    size_t len = (size_t)(position - begin) + most;
    struct slot *slot = slot_find(s, t, position);

    if (len > s->slot_len)
        len = s->slot_len;
    if (!slot) {
        if (t->slot_count == SLOTS_OPEN)
            lowest_write(s, k, side);
        slot = slot_take(s, slot_class(s, t, len, 0));
        if (!slot)
            return NULL;
        struct slot **at = slot_place(t, begin);
        slot->next = *at;
        slot->begin = begin;
        slot->runs = NULL;
        slot->part = t->arrivals.parts;
        slot->run_count = slot->piece_count = 0;
        *at = slot;
        t->slot_count++;
    } else if (len > slot_room(slot)) {
        slot = slot_grow(s, t, slot, len);
    }
    t->current = slot;
    return slot;
}

/* Gives a slot room for more than one run. False after a failure. */
static bool runs_move(struct store *s, struct slot *slot)
{
    slot->runs = keep_room(s, memory_class(RUNS_LEN));
    if (slot->runs)
        slot->runs[0] = slot->one;
    return slot->runs != NULL;
}

/* Marks [begin, end) as there. False when that would be one run too many, and after a failure. */
static bool runs_add(struct store *s, struct slot *slot, uint16_t begin, uint16_t end)
{
    struct run *runs = runs_of(slot);
    unsigned i = 0;

    while (i < slot->run_count && runs[i].end < begin)
        i++;
    bool left = i < slot->run_count && runs[i].end == begin;
    unsigned right_at = left ? i + 1 : i;
    bool right = right_at < slot->run_count && runs[right_at].begin == end;

    if (left && right) {
        runs[i].end = runs[i + 1].end;
        slot->run_count--;
        memmove(&runs[i + 1], &runs[i + 2], (slot->run_count - (i + 1)) * sizeof runs[0]);
    } else if (left) {
        runs[i].end = end;
    } else if (right) {
        runs[i].begin = begin;
    } else {
        if (slot->run_count == SLOT_RUNS)
            return false;
        if (slot->run_count == 1 && !slot->runs && !runs_move(s, slot))
            return false;
        runs = runs_of(slot);
        memmove(&runs[i + 1], &runs[i], (slot->run_count - i) * sizeof runs[0]);
        runs[i] = (struct run){begin, end};
        slot->run_count++;
    }
    return true;
}

/* Makes room for a run more: the slot is written, and those below it before. It stays open. */
static void slot_empty(struct store *s, struct kept_flow *k, enum side side, struct slot *slot)
{
    while (k->sides[side]->slots != slot)
        lowest_write(s, k, side);
    slot_write(s, k, side, slot, SLOT_STAYS);
}

void chunks_keep(struct store *s, struct kept_flow *k, enum side side, int64_t position,
                 struct span bytes, bool placed, bool lasting)
{
    struct kept_stream *t = k->sides[side];

    unsettle(t);
    if (s->reference)
        reference_keep(s, t, position, bytes);
    if (t->stored == 0 || position < t->start)
        t->start = position;
    t->stored += bytes.len;
    s->counts.payload_bytes += bytes.len;
    if (s->reference && placed)
        return;
    while (bytes.len > 0) {
        struct slot *slot = slot_open(s, k, side, position, bytes.len);
        if (!slot)
            return;
        size_t at = (size_t)(position - slot->begin);
        struct span piece = span_first(bytes, s->slot_len - at);
        size_t end = at + piece.len;

        if (!lasting || !slot_borrow(s, slot, at, piece)) {
            slot_collect(s, slot);
            memcpy(slot->data + at, piece.data, piece.len);
        }
        struct run *last = slot->run_count > 0 ? &runs_of(slot)[slot->run_count - 1] : NULL;
        if (last && last->end == at) { /* in order */
            last->end = (uint16_t)end;
        } else if (!runs_add(s, slot, (uint16_t)at, (uint16_t)end)) {
            slot_empty(s, k, side, slot); /* leaves the bytes where they are */
            runs_add(s, slot, (uint16_t)at, (uint16_t)end);
        }
        while (t->slots && slot_full(s, t->slots))
            lowest_write(s, k, side);
        position += (int64_t)piece.len;
        bytes = span_after(bytes, piece.len);
    }
}

/* The same of a row of chunk_data that the index may not have yet. */
static bool chunk_find(struct store *s, int64_t stream_id, int64_t position)
{
    struct insert_chunk chunk;

    s->cached.stream_id = -1; /* its bytes are overwritten */
    if (!insert_chunk_read(&s->insert, insert_chunk_find(&s->insert, stream_id, position), &chunk,
                           s->cached.data, MEMORY_MOST) ||
        chunk.stream_id != stream_id || position < chunk.position ||
        position - chunk.position >= (int64_t)chunk.bytes.len)
        return false;
    s->cached.stream_id = stream_id;
    s->cached.small = false;
    s->cached.chunk_id = chunk.chunk_id;
    s->cached.position = chunk.position;
    s->cached.part = chunk.part;
    s->cached.len = (uint32_t)chunk.bytes.len;
    return true;
}

/* Reads the row that covers `position`, of one of the two tables, into s->cached. */
static bool row_find(struct store *s, int64_t stream_id, int64_t position, bool small)
{
    bool found = false;

    if (small)
        insert_flush_one(&s->insert, INSERT_STREAM_DATA);
    else if (insert_chunks_past(&s->insert))
        return chunk_find(s, stream_id, position);
    struct row *row = insert_begin(&s->insert, small ? SELECT_SMALL : SELECT_CHUNK);
    put_int(row, 1, stream_id);
    put_int(row, 2, position);
    if (insert_next(&s->insert, row)) {
        int64_t begin = sqlite3_column_int64(row->statement, 1);
        const void *data = sqlite3_column_blob(row->statement, 3);
        int len = sqlite3_column_bytes(row->statement, 3);
        if (data && len <= MEMORY_MOST && position - begin < len) {
            s->cached.stream_id = stream_id;
            s->cached.small = small;
            s->cached.chunk_id = sqlite3_column_int64(row->statement, 0);
            s->cached.position = begin;
            s->cached.part = (uint32_t)sqlite3_column_int64(row->statement, 2);
            s->cached.len = (uint32_t)len;
            memcpy(s->cached.data, data, (size_t)len);
            found = true;
        }
    }
    insert_done(&s->insert, row);
    return found;
}

static bool row_read(struct store *s, const struct kept_stream *t, int64_t stream_id,
                     int64_t position)
{
    if (s->cached.stream_id == stream_id && position >= s->cached.position &&
        position - s->cached.position < s->cached.len)
        return true;
    bool found = (t->small && row_find(s, stream_id, position, true)) ||
                 row_find(s, stream_id, position, false);
    if (!found)
        insert_fail(&s->insert,
                    "reading %s: position %lld of stream %lld is not where it was written",
                    case_file_name(&s->file), (long long)position, (long long)stream_id);
    return found;
}

struct chunk_view chunks_view(struct store *s, struct kept_flow *k, enum side side,
                              int64_t position, size_t most)
{
    if (s->reference)
        return reference_view(s, k, side, position, most);
    struct slot *slot = slot_find(s, k->sides[side], position);
    struct chunk_view view = {.bytes = {NULL, 0}};

    if (slot)
        slot_collect(s, slot);
    for (unsigned i = 0; slot && i < slot->run_count; i++) {
        const struct run *run = &runs_of(slot)[i];
        int64_t begin = slot->begin + run->begin, end = slot->begin + run->end;
        if (position < begin || position >= end)
            continue;
        view = (struct chunk_view){.begin = begin, .end = end, .part = slot->part};
        view.bytes = span_first(
            span_of(slot->data + (position - slot->begin), (size_t)(end - position)), most);
        return view;
    }
    if (!row_read(s, k->sides[side], keep_stream_id(s, k, side), position))
        return view;
    size_t at = (size_t)(position - s->cached.position);
    view = (struct chunk_view){.begin = s->cached.position,
                               .end = s->cached.position + s->cached.len,
                               .part = s->cached.part};
    view.bytes = span_first(span_after(span_of(s->cached.data, s->cached.len), at), most);
    return view;
}

/* Overwrites part of the row that is cached. */
static void row_replace(struct store *s, size_t at, struct span bytes)
{
    sqlite3_blob *blob = NULL;

    insert_flush_one(&s->insert, INSERT_STREAM_DATA);
    memcpy(s->cached.data + at, bytes.data, bytes.len);
    const char *table = s->cached.small       ? "stream_data"
                        : s->insert.live_form ? "chunk_rows"
                                              : "chunk_data";
    int64_t rowid = s->cached.small ? s->cached.stream_id : s->cached.chunk_id;
    if (sqlite3_blob_open(s->file.db, "main", table, "data", rowid, 1, &blob) != SQLITE_OK ||
        sqlite3_blob_write(blob, bytes.data, (int)bytes.len, (int)at) != SQLITE_OK)
        insert_fault(&s->insert);
    sqlite3_blob_close(blob);
}

/* The same where payload stays in the capture: of what has rows all the same. */
static void rows_replace(struct store *s, struct kept_flow *k, enum side side, int64_t position,
                         struct span bytes)
{
    struct kept_stream *t = k->sides[side];
    int64_t stream_id = keep_stream_id(s, k, side);

    reference_changed(s, t);
    chunks_write_rows(s, k, side);
    while (t->rows > 0 && bytes.len > 0 && !s->insert.failed) {
        size_t len = 1;
        if (row_find(s, stream_id, position, false)) {
            size_t at = (size_t)(position - s->cached.position);
            struct span piece = span_first(bytes, s->cached.len - at);
            row_replace(s, at, piece);
            len = piece.len;
        }
        position += (int64_t)len;
        bytes = span_after(bytes, len);
    }
}

void chunks_replace(struct store *s, struct kept_flow *k, enum side side, int64_t position,
                    struct span bytes)
{
    struct kept_stream *t = k->sides[side];

    unsettle(t);
    if (s->reference) {
        rows_replace(s, k, side, position, bytes);
        return;
    }
    while (bytes.len > 0) {
        struct chunk_view view = chunks_view(s, k, side, position, bytes.len);
        struct span piece = span_first(bytes, view.bytes.len);
        if (piece.len == 0)
            return; /* after a failure */
        struct slot *slot = slot_find(s, t, position);
        if (slot && view.bytes.data >= slot->data &&
            view.bytes.data < slot->data + slot_room(slot)) {
            memcpy(slot->data + (position - slot->begin), piece.data, piece.len);
        } else {
            row_replace(s, (size_t)(position - s->cached.position), piece);
            t->rehash = true;
        }
        position += (int64_t)piece.len;
        bytes = span_after(bytes, piece.len);
    }
}

/* Adds rows of chunk_data that the index may not have yet, and the one of stream_data in its place among them. */
static void hash_mapped(struct store *s, int64_t stream_id)
{
    uint32_t count;
    const uint32_t *ids = insert_chunks_of(&s->insert, stream_id, &count);
    struct row *row = insert_begin(&s->insert, SELECT_SMALL);

    put_int(row, 1, stream_id);
    put_int(row, 2, INT64_MAX);
    bool small = insert_next(&s->insert, row);
    s->cached.stream_id = -1; /* its bytes are overwritten */
    for (uint32_t i = 0; i <= count && !s->insert.failed; i++) {
        struct insert_chunk chunk = {.position = INT64_MAX};
        if (i < count &&
            !insert_chunk_read(&s->insert, ids[i], &chunk, s->cached.data, MEMORY_MOST))
            insert_fail(&s->insert, "reading %s: row %lu of chunk_data is not where it was written",
                        case_file_name(&s->file), (unsigned long)ids[i]);
        if (small && sqlite3_column_int64(row->statement, 1) < chunk.position) {
            digest_add(&s->digest, span_of(sqlite3_column_blob(row->statement, 3),
                                           (size_t)sqlite3_column_bytes(row->statement, 3)));
            small = false;
        }
        digest_add(&s->digest, chunk.bytes);
    }
    insert_done(&s->insert, row);
}

/* Hashes a stream from its rows. */
static void hash_rows(struct store *s, int64_t stream_id, char hex[DIGEST_HEX_LEN + 1])
{
    digest_start(&s->digest);
    insert_flush_one(&s->insert, INSERT_STREAM_DATA);
    if (insert_chunks_past(&s->insert)) {
        hash_mapped(s, stream_id);
        digest_end(&s->digest, hex);
        return;
    }
    struct row *row = insert_begin(&s->insert, SELECT_CHUNKS);
    put_int(row, 1, stream_id);
    while (insert_next(&s->insert, row)) {
        const void *data = sqlite3_column_blob(row->statement, 1);
        digest_add(&s->digest, span_of(data, (size_t)sqlite3_column_bytes(row->statement, 1)));
    }
    insert_done(&s->insert, row);
    digest_end(&s->digest, hex);
}

void chunks_end(struct store *s, struct kept_flow *k, enum side side, char hex[DIGEST_HEX_LEN + 1])
{
    struct kept_stream *t = k->sides[side];
    int64_t stream_id = keep_stream_id(s, k, side);
    uint8_t value[DIGEST_LEN];

    if (t->settled) {
        digest_hex(hex, t->value);
        return;
    }
    if (s->reference) {
        reference_hash(s, k, side, hex);
        return;
    }
    if (is_small(s, t, stream_id)) { /* nearly always */
        struct span bytes = small_write(s, t, stream_id);
        if (s->hash) {
            digest_once(value, bytes);
            digest_hex(hex, value);
        }
        return;
    }
    bool borrowed = digest_borrow(s, t);
    while (t->slots)
        lowest_write_of(s, k, side, true);
    catch_up(s, k, side, true);
    if (s->hash && t->rehash)
        hash_rows(s, stream_id, hex);
    else if (s->hash)
        lending_end(s, t->digest, hex);
    if (borrowed)
        t->digest = NULL;
}
