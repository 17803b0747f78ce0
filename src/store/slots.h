/* slots.h - chunks being filled: which bytes of a slot came, and where they lie. For chunks.c and chunk_read.c.
 *
 *     slot       [0 ............ C)[C ............ 2C)
 *     came        ██████  ███        ██████████
 *     pieces                         in the capture, until they are wanted in one
 *
 * Slots are of a stream, in order of position; their memory is the store's budget's. A slot of a mapped capture may only note
 * where its bytes lie (a loan), until the window goes (chunks_unborrow()). */
#ifndef SEINE_STORE_SLOTS_H
#define SEINE_STORE_SLOTS_H

#include "store/writer.h"

enum { SLOT_RUNS_LEN = SLOT_RUNS * sizeof(struct run) };

static inline struct run *runs_of(struct slot *slot)
{
    return slot->runs ? slot->runs : &slot->one;
}

/* Where the byte of a slot lies that is at `at`, counted from where the slot begins. */
static inline uint8_t *slot_byte(struct slot *slot, size_t at)
{
    return slot->data + (at - slot->from);
}

static inline struct span run_bytes(struct slot *slot, const struct run *run)
{
    return span_of(slot_byte(slot, run->begin), (size_t)(run->end - run->begin));
}

/* Bytes of it that are usable, from slot.from on. */
static inline size_t slot_room(const struct slot *slot)
{
    return memory_len(slot->size_class) - SLOT_HEAD;
}

/* Bytes that stay where they came, and are noted: a loan. Of a slot with pieces (piece_count > 0) its own bytes are not
 * used but for that. */
struct loan *loan_of(struct slot *slot);

/* Has no pieces any more, without a look at their bytes; or has them copied into it. */
void loan_end(struct store *s, struct slot *slot);
void slot_collect(struct store *s, struct slot *slot);

/* Notes where the bytes of [at, at + bytes.len) lie, which stay there until store_frames_last(). The caller marks them as there.
 * False: nothing is noted, and they must be copied. */
bool slot_borrow(struct store *s, struct slot *slot, size_t at, struct span bytes);

/* Lets go of all slots of a stream. */
void slots_drop(struct store *s, struct kept_stream *t);

/* Whether all of it is there, or a row. */
bool slot_full(const struct store *s, struct slot *slot);

/* Where the slot of a position begins. */
int64_t slot_begin(const struct store *s, int64_t position);

/* The open slot that covers `position`; NULL when there is none. */
struct slot *slot_find(const struct store *s, struct kept_stream *t, int64_t position);

/* The size class of a slot of which `len` bytes from `from` on are to be usable, and `before` of them are now; and a slot of a
 * class, with nothing of it set but that: NULL after a failure. */
unsigned slot_class(const struct store *s, const struct kept_stream *t, size_t from, size_t len,
                    size_t before);
struct slot *slot_take(struct store *s, unsigned size_class);

/* Where a slot that begins at `begin` is, or would be, among those of its stream. */
struct slot **slot_place(struct kept_stream *t, int64_t begin);

/* Makes the bytes of a slot from `at` to `end` usable, beside those that are, which moves it. NULL after a failure. */
struct slot *slot_grow(struct store *s, struct kept_stream *t, struct slot *slot, size_t at,
                       size_t end);

/* Marks [begin, end) as there, counted from where the slot begins, of which nothing was. False when that would be one run too
 * many, and after a failure. */
bool runs_add(struct store *s, struct slot *slot, uint16_t begin, uint16_t end);

#endif
