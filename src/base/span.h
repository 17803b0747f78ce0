/* span.h - a borrowed run of bytes, and the only way to walk one.
 *
 * A span narrows and never widens: span_take() cuts a piece off the front, or says that the piece is
 * not there. Nobody adds a number from the wire to a pointer. The loads are byte shifts, which a
 * compiler turns into one move and a byte swap: they need no alignment, and give the same value on
 * every machine. A load asserts that its bytes are inside the span, so a view must have checked. */
#ifndef SEINE_BASE_SPAN_H
#define SEINE_BASE_SPAN_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    const uint8_t *data; /* borrowed; may be NULL only when len is 0 */
    size_t len;          /* bytes */
};

static inline struct span span_of(const void *data, size_t len)
{
    return (struct span){data, len};
}

/* Cuts the first `len` bytes off `*from` into `*piece`. False, with nothing changed, when there are
 * not that many. `piece` may be NULL to skip. */
static inline bool span_take(struct span *from, size_t len, struct span *piece)
{
    if (len > from->len)
        return false;
    if (piece)
        *piece = (struct span){from->data, len};
    if (len > 0) /* NULL + 0 is undefined */
        from->data += len;
    from->len -= len;
    return true;
}

/* The first `len` bytes, or all when there are fewer. */
static inline struct span span_first(struct span from, size_t len)
{
    return (struct span){from.data, len < from.len ? len : from.len};
}

/* What is left after the first `len` bytes; empty when there are fewer. */
static inline struct span span_after(struct span from, size_t len)
{
    if (len >= from.len)
        return (struct span){NULL, 0};
    return (struct span){from.data + len, from.len - len};
}

static inline uint8_t load_u8(struct span s, size_t at)
{
    assert(at < s.len);
    return s.data[at];
}

static inline uint16_t load_be16(struct span s, size_t at)
{
    assert(s.len >= 2 && at <= s.len - 2);
    return (uint16_t)(s.data[at] << 8 | s.data[at + 1]);
}

static inline uint32_t load_be32(struct span s, size_t at)
{
    assert(s.len >= 4 && at <= s.len - 4);
    return (uint32_t)s.data[at] << 24 | (uint32_t)s.data[at + 1] << 16 |
           (uint32_t)s.data[at + 2] << 8 | s.data[at + 3];
}

static inline uint64_t load_be64(struct span s, size_t at)
{
    return (uint64_t)load_be32(s, at) << 32 | load_be32(s, at + 4);
}

static inline uint16_t load_le16(struct span s, size_t at)
{
    assert(s.len >= 2 && at <= s.len - 2);
    return (uint16_t)(s.data[at + 1] << 8 | s.data[at]);
}

static inline uint32_t load_le32(struct span s, size_t at)
{
    assert(s.len >= 4 && at <= s.len - 4);
    return (uint32_t)s.data[at + 3] << 24 | (uint32_t)s.data[at + 2] << 16 |
           (uint32_t)s.data[at + 1] << 8 | s.data[at];
}

static inline uint64_t load_le64(struct span s, size_t at)
{
    return (uint64_t)load_le32(s, at + 4) << 32 | load_le32(s, at);
}

#endif
