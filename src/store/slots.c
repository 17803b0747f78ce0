/* slots.c - chunks being filled. */
#include "store/slots.h"

#include <assert.h>
#include <string.h>

/* ---- bytes that lie elsewhere ---- */

struct loan *loan_of(struct slot *slot)
{
    enum {
        AT = (SLOT_HEAD + _Alignof(struct loan) - 1) / _Alignof(struct loan) * _Alignof(struct loan)
    };
    return (struct loan *)(void *)((uint8_t *)slot + AT);
}

void loan_end(struct store *s, struct slot *slot)
{
    struct loan *loan = loan_of(slot);
    struct slot *last = s->loans[--s->loan_count];

    s->loans[loan->index] = last;
    loan_of(last)->index = loan->index;
    slot->piece_count = 0;
}

void slot_collect(struct store *s, struct slot *slot)
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

bool slot_borrow(struct store *s, struct slot *slot, size_t at, struct span bytes)
{
    if (slot->piece_count == 0) { /* of one that will likely be filled, from its beginning */
        if (at > 0 || slot->from > 0 || slot->run_count > 0 || slot_room(slot) < s->slot_len ||
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

/* ---- slots ---- */

static void slot_free(struct store *s, struct slot *slot)
{
    if (slot->piece_count > 0)
        loan_end(s, slot);
    memory_give(&s->memory, slot->runs, memory_class(SLOT_RUNS_LEN));
    memory_give(&s->memory, slot, slot->size_class);
}

void slots_drop(struct store *s, struct kept_stream *t)
{
    while (t->slots) {
        struct slot *slot = t->slots;
        t->slots = slot->next;
        slot_free(s, slot);
    }
    t->current = NULL;
    t->slot_count = 0;
}

bool slot_full(const struct store *s, struct slot *slot)
{
    /* where memory is short, what has no room was written early */
    const bool from_there = slot->from > 0 && s->is_short && !s->live.on;

    return slot->run_count == 1 && runs_of(slot)->begin == (from_there ? slot->from : 0) &&
           runs_of(slot)->end == s->slot_len;
}

int64_t slot_begin(const struct store *s, int64_t position)
{
    int64_t in = position % s->slot_len;
    return position - (in < 0 ? in + s->slot_len : in);
}

struct slot *slot_find(const struct store *s, struct kept_stream *t, int64_t position)
{
    struct slot *slot = t->settled ? NULL : t->current;

    if (slot && position >= slot->begin && position - slot->begin < s->slot_len)
        return slot;
    for (slot = t->settled ? NULL : t->slots; slot && slot->begin <= position; slot = slot->next)
        if (position - slot->begin < s->slot_len)
            return slot;
    return NULL;
}

unsigned slot_class(const struct store *s, const struct kept_stream *t, size_t from, size_t len,
                    size_t before)
{
    enum { FINE = 512 }; /* up to here a slot grows by as little as it can; then it doubles */
    const size_t most = s->slot_len - from;

    if (before > FINE && len < 2 * before && !s->is_short)
        len = 2 * before;
    if (t->stored > s->slot_len || len > most) /* a stream that filled one fills the next */
        len = most;
    return memory_class(SLOT_HEAD + len);
}

struct slot *slot_take(struct store *s, unsigned size_class)
{
    struct slot *slot = keep_room(s, size_class);

    if (slot)
        slot->size_class = (uint8_t)size_class;
    return slot;
}

struct slot **slot_place(struct kept_stream *t, int64_t begin)
{
    struct slot **at = &t->slots;

    while (*at && (*at)->begin < begin)
        at = &(*at)->next;
    return at;
}

struct slot *slot_grow(struct store *s, struct kept_stream *t, struct slot *slot, size_t at,
                       size_t end)
{
    const size_t most = s->slot_len - (size_t)slot->from;
    const size_t before = slot_room(slot) < most ? slot_room(slot) : most;
    const uint16_t from = at < slot->from ? 0 : slot->from; /* others may come below, too */

    assert(slot->piece_count == 0);
    if (end < slot->from + before)
        end = slot->from + before;
    struct slot *grown = slot_take(s, slot_class(s, t, from, end - from, before));
    if (!grown)
        return NULL;
    uint8_t size_class = grown->size_class;
    memcpy(grown, slot, SLOT_HEAD);
    grown->size_class = size_class;
    grown->from = from;
    memcpy(slot_byte(grown, slot->from), slot->data, before);
    *slot_place(t, slot->begin) = grown;
    memory_give(&s->memory, slot, slot->size_class);
    return grown;
}

/* ---- runs ---- */

/* Gives a slot room for more than one run. False after a failure. */
static bool runs_move(struct store *s, struct slot *slot)
{
    slot->runs = keep_room(s, memory_class(SLOT_RUNS_LEN));
    if (slot->runs)
        slot->runs[0] = slot->one;
    return slot->runs != NULL;
}

bool runs_add(struct store *s, struct slot *slot, uint16_t begin, uint16_t end)
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
