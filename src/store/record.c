/* record.c - a row as SQLite lays it out. */
#include "store/record.h"

#include <sqlite3.h>
#include <string.h>

enum {
    SERIAL_BLOB = 12, /* serial types of blobs and texts begin here */
    SERIAL_TEXT = 13,
};

uint8_t *number_put(uint8_t *to, uint64_t value)
{
    if (value < 0x80) { /* nearly always */
        *to++ = (uint8_t)value;
        return to;
    }
    unsigned bytes = 1;
    if (value >> 56) {
        to[8] = (uint8_t)value;
        value >>= 8;
        for (int i = 7; i >= 0; i--, value >>= 7)
            to[i] = (uint8_t)(0x80 | (value & 0x7f));
        return to + NUMBER_MOST;
    }
    while (bytes < 8 && value >> (7 * bytes))
        bytes++;
    for (unsigned i = 0; i < bytes; i++) {
        unsigned shift = 7 * (bytes - 1 - i);
        to[i] = (uint8_t)((value >> shift & 0x7f) | (shift > 0 ? 0x80 : 0));
    }
    return to + bytes;
}

unsigned number_len(uint64_t value)
{
    unsigned bytes = 1;
    while (bytes < NUMBER_MOST && value >> (7 * bytes))
        bytes++;
    return bytes;
}

unsigned number_take(const uint8_t *from, uint64_t *value)
{
    uint64_t taken = 0;

    for (unsigned i = 0; i < NUMBER_MOST - 1; i++) {
        taken = taken << 7 | (from[i] & 0x7f);
        if (from[i] < 0x80) {
            *value = taken;
            return i + 1;
        }
    }
    *value = taken << 8 | from[NUMBER_MOST - 1];
    return NUMBER_MOST;
}

/* The serial type of an integer, and how many bytes it takes. */
static inline unsigned integer_type(int64_t value, uint8_t *len)
{
    static const uint8_t types[9] = {1, 1, 2, 3, 4, 5, 5, 6, 6}, lens[7] = {0, 1, 2, 3, 4, 6, 8};
    uint64_t size = value < 0 ? ~(uint64_t)value : (uint64_t)value;

    *len = 0;
    if (size < 2 && value >= 0)
        return 8 + (unsigned)value; /* 0 and 1 are types of their own */
    unsigned bits = size > 0 ? 65 - (unsigned)__builtin_clzll(size) : 1; /* with its sign */
    unsigned type = types[(bits + 7) / 8];
    *len = lens[type];
    return type;
}

void record_measure(struct record *r, const struct row_value *row, int columns, bool key_apart)
{
    size_t head = 0, body = 0;

    for (int i = 0; i < columns; i++) {
        uint64_t type = 0;
        if (i == 0 && key_apart) {
            /* it stands in the cell: here it is NULL */
        } else if (row[i].type == SQLITE_INTEGER) {
            type = integer_type(row[i].number, &r->lens[i]);
            body += r->lens[i];
        } else if (row[i].type != SQLITE_NULL) {
            type = 2 * (uint64_t)row[i].number +
                   (row[i].type == SQLITE_TEXT ? SERIAL_TEXT : SERIAL_BLOB);
            body += (size_t)row[i].number;
        }
        r->types[i] = type;
        head += type < 0x80 ? 1 : number_len(type);
    }
    r->head_len = head + 1; /* its own length counts */
    if (r->head_len >= 0x80)
        r->head_len++;
    r->len = r->head_len + body;
}

/* The lowest `len` bytes of a number, the highest of them first; not a byte more, since others are there already. */
static inline uint8_t *integer_put(uint8_t *to, uint64_t value, unsigned len)
{
    switch (len) { /* 1, 2, 3, 4, 6 or 8, or none */
    case 8:
        *to++ = (uint8_t)(value >> 56);
        *to++ = (uint8_t)(value >> 48);
        /* fall through */
    case 6:
        *to++ = (uint8_t)(value >> 40);
        *to++ = (uint8_t)(value >> 32);
        /* fall through */
    case 4:
        *to++ = (uint8_t)(value >> 24);
        /* fall through */
    case 3:
        *to++ = (uint8_t)(value >> 16);
        /* fall through */
    case 2:
        *to++ = (uint8_t)(value >> 8);
        /* fall through */
    case 1:
        *to++ = (uint8_t)value;
        break;
    default:
        break;
    }
    return to;
}

void record_put(uint8_t *to, const struct record *r, const struct row_value *row, int columns,
                bool key_apart)
{
    to = number_put(to, r->head_len);
    for (int i = 0; i < columns; i++) {
        if (r->types[i] < 0x80)
            *to++ = (uint8_t)r->types[i];
        else
            to = number_put(to, r->types[i]);
    }
    for (int i = key_apart ? 1 : 0; i < columns; i++) {
        if (row[i].type == SQLITE_INTEGER) { /* most are */
            to = integer_put(to, (uint64_t)row[i].number, r->lens[i]);
        } else if (row[i].type != SQLITE_NULL && row[i].number > 0) {
            memcpy(to, row[i].bytes, (size_t)row[i].number);
            to += row[i].number;
        }
    }
}
