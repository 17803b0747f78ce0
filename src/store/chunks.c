/* chunks.c - payload: chunks being filled, and the rows that they become.
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
#include "store/slots.h"

#include <assert.h>
#include <string.h>

/* A slot that stays open longer than this many parts of the arrivals is written as it is, so that
 * who brought a byte of it can be looked up in few parts. */
enum { STALE_PARTS = 32, STALE_LONG_PARTS = 4 };

/* A stream that has more rows than this in one commit is busy. */
enum { BUSY_ROWS = 8 };

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
    bool more;         /* of the slot is written behind it, and gives it back */
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
                     from->slot, from->more);
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
    bool lend = !pack && slot->run_count > 0 &&
                (fate == SLOT_GOES || (fate == SLOT_IS_LAST && slot->run_count == 1));
    bool lent = false;
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
        from.more = i + 1 < slot->run_count;
        if (pack)
            run_pack(s, t, &chunk, chunk.bytes);
        else
            lend = row_write(s, t, &chunk, &from, fate);
        lent = lent || lend;
    }
    if (lent && !lend) /* after a failure: what was lent of it before is in use */
        lending_return(s);
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
    memory_give(&s->memory, runs, memory_class(SLOT_RUNS_LEN));
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

/* A row of stream_data. The bytes lie in the batch until it is flushed; empty after a failure. */
static struct span small_put(struct store *s, int64_t stream_id, int64_t position,
                             struct span bytes)
{
    struct row *row = insert_begin(&s->insert, INSERT_STREAM_DATA);

    assert(stream_id > s->last_small);
    put_int(row, 1, stream_id);
    put_int(row, 2, position);
    bytes = put_blob_kept(row, 3, bytes);
    insert_end(&s->insert, row);
    s->last_small = stream_id;
    return bytes;
}

/* All of the stream is that row, and its bytes up to `end` are hashed, or will be. */
static void is_now_small(struct kept_stream *t, int64_t end)
{
    t->rows = 1;
    t->hashed_to = end;
    t->small = true;
}

/* Makes what came of a stream that row. */
static struct span small_write(struct store *s, struct kept_stream *t, int64_t stream_id)
{
    struct slot *only = t->slots;
    slot_collect(s, only);
    const struct run *run = runs_of(only);
    struct span bytes = small_put(s, stream_id, only->begin + run->begin, run_bytes(only, run));

    is_now_small(t, only->begin + run->end);
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

/* What the store's own digest has of a stream becomes the stream's, where there is room for that. */
static void digest_return(struct store *s, struct kept_stream *t)
{
    t->digest = NULL;
    if (chunks_take_digest(s, t))
        *t->digest = s->digest;
    else
        settle(t, &s->digest);
}

/* Until the hash of a stream that is settled is its own. */
void chunks_await(struct store *s, struct kept_stream *t)
{
    if (!t->awaited)
        return;
    insert_made(&s->insert, t->made_in);
    t->awaited = false;
    t->slot_count = t->fresh = 0;
}

/* Bytes come after all, or change: all will be read again. */
void chunks_unsettle(struct store *s, struct kept_stream *t)
{
    if (!t->settled)
        return;
    chunks_await(s, t);
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

static void make_value(uint8_t *to, struct span bytes)
{
    digest_once(to, bytes);
}

void chunks_write_diary(struct store *s, struct kept_flow *k, enum side side, struct span bytes)
{
    struct kept_stream *t = k->sides[side];
    const bool borrowed = digest_borrow(s, t);

    bytes = small_put(s, keep_stream_id(s, k, side), 0, bytes);
    is_now_small(t, (int64_t)bytes.len);
    if (borrowed && k->is_over) {
        t->digest = NULL;
        t->settled = t->awaited = true;
        t->made_in = insert_later(&s->insert, make_value, t->value, bytes);
    } else if (borrowed) {
        digest_add(&s->digest, bytes);
        digest_return(s, t);
    }
}

static void make_hex(uint8_t *to, struct span bytes)
{
    uint8_t value[DIGEST_LEN];
    char hex[DIGEST_HEX_LEN + 1];

    digest_once(value, bytes);
    digest_hex(hex, value);
    memcpy(to, hex, DIGEST_HEX_LEN);
}

void chunks_end_diary(struct store *s, int64_t stream_id, struct span bytes, uint8_t *hex)
{
    bytes = small_put(s, stream_id, 0, bytes);
    insert_later(&s->insert, make_hex, hex, bytes);
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
    const uint32_t most = records_are_fast(&t->arrivals) ? STALE_LONG_PARTS : STALE_PARTS;

    for (const struct slot *slot = t->slots; slot; slot = slot->next) {
        count++;
        if (t->arrivals.parts - slot->part > most)
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
    chunks_await(s, t);
    if (t->settled)
        return;
    slots_drop(s, t);
    chunks_drop_digest(s, t);
}

/* The open slot that covers `position`, opened when there is none, with room for `most` bytes from there on as far as
 * they are its own. Of a stream that has rows, what lies below is likely one of them. NULL after a failure. */
static struct slot *slot_open(struct store *s, struct kept_flow *k, enum side side,
                              int64_t position, size_t most)
{
    struct kept_stream *t = k->sides[side];
    int64_t begin = slot_begin(s, position);
    const size_t at = (size_t)(position - begin);
    const size_t end = most < s->slot_len - at ? at + most : s->slot_len;
    struct slot *slot = slot_find(s, t, position);

    if (!slot) {
        const size_t from = t->rows > 0 && (s->is_short || s->live.on) ? at : 0;
        if (t->slot_count == SLOTS_OPEN)
            lowest_write(s, k, side);
        slot = slot_take(s, slot_class(s, t, from, end - from, 0));
        if (!slot)
            return NULL;
        struct slot **place = slot_place(t, begin);
        slot->next = *place;
        slot->begin = begin;
        slot->runs = NULL;
        slot->part = t->arrivals.parts;
        slot->from = (uint16_t)from;
        slot->run_count = slot->piece_count = 0;
        *place = slot;
        t->slot_count++;
    } else if (at < slot->from || end > slot->from + slot_room(slot)) {
        slot = slot_grow(s, t, slot, at, end);
    }
    t->current = slot;
    return slot;
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

    chunks_unsettle(s, t);
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
            memcpy(slot_byte(slot, at), piece.data, piece.len);
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

void chunks_end(struct store *s, struct kept_flow *k, enum side side, char hex[DIGEST_HEX_LEN + 1])
{
    struct kept_stream *t = k->sides[side];
    int64_t stream_id = keep_stream_id(s, k, side);
    uint8_t value[DIGEST_LEN];

    if (t->settled) {
        chunks_await(s, t);
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
        chunks_hash_rows(s, stream_id, hex);
    else if (s->hash)
        lending_end(s, t->digest, hex);
    if (borrowed)
        t->digest = NULL;
}
