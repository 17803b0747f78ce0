/* varint.h - small numbers in few bytes (LEB128: seven bits a byte, the lowest first).
 *
 * Signed numbers are folded first (0, -1, 1, -2, ... become 0, 1, 2, 3, ...), so that small
 * differences of either sign stay short. A number takes at most VARINT_MAX bytes. */
#ifndef SEINE_BASE_VARINT_H
#define SEINE_BASE_VARINT_H

#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VARINT_MAX = 10 };

/* Writes `value` at `to`, which has room for VARINT_MAX bytes; returns the end. */
static inline uint8_t *varint_put(uint8_t *to, uint64_t value)
{
    while (value >= 0x80) {
        *to++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *to++ = (uint8_t)value;
    return to;
}

static inline uint64_t varint_fold(int64_t value)
{
    return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}

static inline int64_t varint_unfold(uint64_t value)
{
    return (int64_t)(value >> 1 ^ (value & 1 ? UINT64_MAX : 0));
}

static inline uint8_t *varint_put_signed(uint8_t *to, int64_t value)
{
    return varint_put(to, varint_fold(value));
}

/* Reads a number off the front of `from`. False when the bytes end inside it or it does not fit in
 * 64 bits: the bytes may come from a hostile case. */
static inline bool varint_take(struct span *from, uint64_t *value)
{
    uint64_t all = 0;
    for (size_t i = 0; i < VARINT_MAX && i < from->len; i++) {
        uint64_t bits = from->data[i] & 0x7f;
        if (i == VARINT_MAX - 1 && bits > 1)
            return false;
        all |= bits << (7 * i);
        if (from->data[i] < 0x80) {
            *value = all;
            return span_take(from, i + 1, NULL);
        }
    }
    return false;
}

static inline bool varint_take_signed(struct span *from, int64_t *value)
{
    uint64_t folded;
    if (!varint_take(from, &folded))
        return false;
    *value = varint_unfold(folded);
    return true;
}

#endif
