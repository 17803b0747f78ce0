/* record.c - a row as SQLite lays it out. */
#include "store/record.h"

#include "base/span.h"

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

/* Values from the first up to `end`. */
static void put(uint8_t *to, const struct record *r, const struct row_value *row, int columns,
                int end, bool key_apart)
{
    to = number_put(to, r->head_len);
    for (int i = 0; i < columns; i++) {
        if (r->types[i] < 0x80)
            *to++ = (uint8_t)r->types[i];
        else
            to = number_put(to, r->types[i]);
    }
    for (int i = key_apart ? 1 : 0; i < end; i++) {
        if (row[i].type == SQLITE_INTEGER) { /* most are */
            to = integer_put(to, (uint64_t)row[i].number, r->lens[i]);
        } else if (row[i].type != SQLITE_NULL && row[i].number > 0) {
            memcpy(to, row[i].bytes, (size_t)row[i].number);
            to += row[i].number;
        }
    }
}

void record_put(uint8_t *to, const struct record *r, const struct row_value *row, int columns,
                bool key_apart)
{
    put(to, r, row, columns, columns, key_apart);
}

void record_put_front(uint8_t *to, const struct record *r, const struct row_value *row, int columns,
                      bool key_apart)
{
    put(to, r, row, columns, columns - 1, key_apart);
}

/* One value, whose type is known. Returns how long it is; SIZE_MAX: it is none that we write. */
static inline size_t value_take(struct row_value *value, uint64_t type, const uint8_t *from,
                                size_t room)
{
    static const uint8_t lens[7] = {0, 1, 2, 3, 4, 6, 8};

    if (type >= SERIAL_BLOB) {
        const size_t len = (size_t)(type - SERIAL_BLOB) / 2;
        *value = (struct row_value){.bytes = from,
                                    .number = (int64_t)len,
                                    .type = type % 2 == 0 ? SQLITE_BLOB : SQLITE_TEXT};
        return len;
    }
    value->type = type == 0 ? SQLITE_NULL : SQLITE_INTEGER;
    value->number = type == 9;
    if (type == 7 || type > 9)
        return SIZE_MAX;
    if (type >= 7 || type == 0)
        return 0;
    const size_t len = lens[type];
    if (len > room)
        return SIZE_MAX;
    if (room >= sizeof(uint64_t)) { /* nearly always: what is behind it is shifted out */
        value->number = (int64_t)load_be64(span_of(from, room), 0) >> (64 - 8 * len);
        return len;
    }
    uint64_t bits = from[0] & 0x80 ? UINT64_MAX : 0; /* its sign */
    for (size_t i = 0; i < len; i++)
        bits = bits << 8 | from[i];
    value->number = (int64_t)bits;
    return len;
}

bool record_take(struct row_value *row, int columns, bool key_apart, int64_t key,
                 const uint8_t *record, size_t len)
{
    uint8_t head[RECORD_COLUMNS * NUMBER_MOST + 2 * NUMBER_MOST] = {
        0}; /* a number may be cut off */
    uint64_t head_len, type;

    memcpy(head, record, len < sizeof head - NUMBER_MOST ? len : sizeof head - NUMBER_MOST);
    size_t at = number_take(head, &head_len);
    if (head_len > len || head_len > sizeof head - NUMBER_MOST)
        return false;
    size_t value_at = (size_t)head_len;
    for (int i = 0; i < columns; i++) {
        if (at >= head_len)
            return false;
        if (head[at] < 0x80)
            type = head[at++];
        else
            at += number_take(head + at, &type);
        size_t taken = value_take(&row[i], type, record + value_at, len - value_at);
        if (taken > len - value_at)
            return false;
        value_at += taken;
    }
    if (key_apart)
        row[0] = (struct row_value){.number = key, .type = SQLITE_INTEGER};
    return true;
}
