/* record.h - a row as SQLite lays it out: the record of the SQLite file format, version 4
 * (sqlite.org/fileformat2.html, 2.1), and the numbers around it. */
#ifndef SEINE_STORE_RECORD_H
#define SEINE_STORE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A value of a row. Bytes are borrowed for the call. */
struct row_value {
    const uint8_t *bytes; /* of a text or blob */
    int64_t number;       /* or how many bytes */
    int type;             /* SQLITE_INTEGER, SQLITE_TEXT, SQLITE_BLOB, SQLITE_NULL */
};

enum {
    RECORD_COLUMNS = 64, /* of a row, at most */
    NUMBER_MOST = 9,     /* bytes of a number of variable length */
};

/* Numbers of fixed length, the highest byte first (1.6 of it). */
static inline void u16_put(uint8_t *to, unsigned value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static inline void u32_put(uint8_t *to, uint32_t value)
{
    u16_put(to, value >> 16);
    u16_put(to + 2, value & 0xffff);
}

static inline unsigned u16_take(const uint8_t *from)
{
    return (unsigned)from[0] << 8 | from[1];
}

static inline uint32_t u32_take(const uint8_t *from)
{
    return (uint32_t)u16_take(from) << 16 | u16_take(from + 2);
}

/* Seven bits a byte, the highest first; a ninth byte has eight. Returns what is behind it. */
uint8_t *number_put(uint8_t *to, uint64_t value);
unsigned number_len(uint64_t value);
unsigned number_take(const uint8_t *from, uint64_t *value); /* how long it is */

/* The types of its values, then the values. */
struct record {
    uint64_t types[RECORD_COLUMNS];
    uint8_t lens[RECORD_COLUMNS]; /* of integers */
    size_t head_len, len;
};

/* `key_apart`: the first value is the key of the row, and stands beside the record. */
void record_measure(struct record *r, const struct row_value *row, int columns, bool key_apart);
void record_put(uint8_t *to, const struct record *r, const struct row_value *row, int columns,
                bool key_apart);

/* The same without the last value, which is a blob or a text, and would lie behind it. */
void record_put_front(uint8_t *to, const struct record *r, const struct row_value *row, int columns,
                      bool key_apart);

/* A short record before its place is known: what is behind its first byte, which is how long that and the types are. */
enum {
    RECORD_SHORT = 1024, /* bytes of texts and blobs, at most */
    RECORD_TYPES = 126,  /* of types: then that first byte is all that is in front of them */
};
struct record_laid {
    uint8_t types[2 * RECORD_COLUMNS];
    uint8_t values[RECORD_SHORT + RECORD_COLUMNS * sizeof(uint64_t) + sizeof(uint64_t)];
    size_t types_len, values_len;
};

static inline size_t record_laid_len(const struct record_laid *laid)
{
    return 1 + laid->types_len + laid->values_len;
}

/* The first values of a record; texts and blobs lie in it. False when it has not so many, or others than we write. */
bool record_take(struct row_value *row, int columns, bool key_apart, int64_t key,
                 const uint8_t *record, size_t len);

#endif
