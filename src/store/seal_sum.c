/* seal_sum.c - values as the seal has them, on their way to a digest. */
#include "store/seal_sum.h"

#include "base/varint.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

bool seal_sum_init(struct seal_sum *s)
{
    *s = (struct seal_sum){.buffer = malloc(SEAL_SUM_BUFFER)};
    digest_start(&s->digest);
    return s->buffer != NULL;
}

void seal_sum_release(struct seal_sum *s)
{
    free(s->buffer);
    *s = (struct seal_sum){0};
}

static void flush(struct seal_sum *s)
{
    digest_add(&s->digest, span_of(s->buffer, s->len));
    s->len = 0;
}

void seal_sum_end(struct seal_sum *s, uint8_t value[DIGEST_LEN])
{
    flush(s);
    digest_value(&s->digest, value);
    digest_start(&s->digest);
}

/* Where `len` bytes more, at most a few, will stand. */
static uint8_t *room(struct seal_sum *s, size_t len)
{
    if (len > SEAL_SUM_BUFFER - s->len)
        flush(s);
    return s->buffer + s->len;
}

void seal_bytes(struct seal_sum *s, struct span bytes)
{
    if (bytes.len == 0)
        return;
    if (bytes.len > SEAL_SUM_BUFFER) {
        flush(s);
        digest_add(&s->digest, bytes);
        return;
    }
    memcpy(room(s, bytes.len), bytes.data, bytes.len);
    s->len += bytes.len;
}

void seal_letter(struct seal_sum *s, char letter)
{
    *room(s, 1) = (uint8_t)letter;
    s->len++;
}

void seal_mark(struct seal_sum *s, char letter, uint64_t number)
{
    uint8_t *to = room(s, 1 + VARINT_MAX);
    *to++ = (uint8_t)letter;
    to = varint_put(to, number);
    s->len = (size_t)(to - s->buffer);
}

void seal_run(struct seal_sum *s, char letter, struct span bytes)
{
    seal_mark(s, letter, bytes.len);
    seal_bytes(s, bytes);
}

void seal_row(struct seal_sum *s)
{
    seal_letter(s, 'R');
}

void seal_null(struct seal_sum *s)
{
    seal_letter(s, 'N');
}

void seal_int(struct seal_sum *s, int64_t value)
{
    seal_mark(s, 'I', varint_fold(value));
}

void seal_real(struct seal_sum *s, double value)
{
    uint64_t bits;
    uint8_t be[8];

    memcpy(&bits, &value, sizeof bits);
    for (int i = 0; i < 8; i++)
        be[i] = (uint8_t)(bits >> (56 - 8 * i));
    seal_letter(s, 'F');
    seal_bytes(s, span_of(be, sizeof be));
}

void seal_text(struct seal_sum *s, struct span utf8)
{
    seal_run(s, 'S', utf8);
}

void seal_blob(struct seal_sum *s, struct span bytes)
{
    seal_run(s, 'B', bytes);
}

/* Value by value, where a row is longer than what is left of the buffer. */
static void put_values(struct seal_sum *s, const struct row_value *row, int columns)
{
    seal_row(s);
    for (int i = 0; i < columns; i++) {
        if (row[i].type == SQLITE_INTEGER)
            seal_int(s, row[i].number);
        else if (row[i].type == SQLITE_TEXT)
            seal_text(s, span_of(row[i].bytes, (size_t)row[i].number));
        else if (row[i].type == SQLITE_BLOB)
            seal_blob(s, span_of(row[i].bytes, (size_t)row[i].number));
        else
            seal_null(s);
    }
}

void seal_values(struct seal_sum *s, const struct row_value *row, int columns)
{
    size_t most = 1 + (size_t)columns * (1 + VARINT_MAX);

    for (int i = 0; i < columns; i++)
        if (row[i].type == SQLITE_TEXT || row[i].type == SQLITE_BLOB)
            most += (size_t)row[i].number;
    if (most > SEAL_SUM_BUFFER - s->len)
        flush(s);
    if (most > SEAL_SUM_BUFFER) {
        put_values(s, row, columns);
        return;
    }
    uint8_t *to = s->buffer + s->len; /* the fast path: nothing below asks for room */
    *to++ = 'R';
    for (int i = 0; i < columns; i++) {
        if (row[i].type == SQLITE_INTEGER) {
            *to++ = 'I';
            to = varint_put(to, varint_fold(row[i].number));
        } else if (row[i].type == SQLITE_NULL) {
            *to++ = 'N';
        } else {
            const size_t len = (size_t)row[i].number;
            *to++ = row[i].type == SQLITE_TEXT ? 'S' : 'B';
            to = varint_put(to, len);
            if (len > 0)
                memcpy(to, row[i].bytes, len);
            to += len;
        }
    }
    s->len = (size_t)(to - s->buffer);
}

/* The highest byte first: `len` of them, and a few more behind. */
static inline void word_put(uint8_t *to, int64_t value, unsigned len)
{
    const uint64_t word = (uint64_t)value << (64 - 8 * len);

    u32_put(to, (uint32_t)(word >> 32));
    u32_put(to + 4, (uint32_t)word);
}

bool seal_values_laid(struct seal_sum *s, struct record_laid *laid, const struct row_value *row,
                      int columns, bool key_apart)
{
    enum { ROW_MOST = 1 + RECORD_COLUMNS * (1 + VARINT_MAX) + RECORD_SHORT };
    /* by how many bytes a number takes with its sign: record.c */
    static const uint8_t kinds[9] = {1, 1, 2, 3, 4, 5, 5, 6, 6},
                         lens[9] = {1, 1, 2, 3, 4, 6, 6, 8, 8};
    uint8_t *types = laid->types, *values = laid->values;
    uint8_t *to = room(s, ROW_MOST);
    size_t left = RECORD_SHORT;

    *to++ = 'R';
    for (int i = 0; i < columns; i++) {
        const struct row_value *v = &row[i];
        if (v->type == SQLITE_INTEGER) {
            const uint64_t folded = varint_fold(v->number);
            *to++ = 'I';
            to = varint_put(to, folded);
            if (i == 0 && key_apart) {
                *types++ = 0;
            } else if (v->number == 0 || v->number == 1) {
                *types++ = (uint8_t)(8 + v->number);
            } else {
                const unsigned bytes = (71 - (unsigned)__builtin_clzll(folded)) / 8;
                *types++ = kinds[bytes];
                word_put(values, v->number, lens[bytes]);
                values += lens[bytes];
            }
        } else if (v->type == SQLITE_NULL) {
            *to++ = 'N';
            *types++ = 0;
        } else {
            const size_t len = (size_t)v->number;
            const bool is_text = v->type == SQLITE_TEXT;
            if (len > left)
                return false;
            left -= len;
            *to++ = is_text ? 'S' : 'B';
            to = varint_put(to, len);
            types = number_put(types, 2 * len + (is_text ? 13 : 12));
            if (len > 0) {
                memcpy(to, v->bytes, len);
                memcpy(values, v->bytes, len);
            }
            to += len;
            values += len;
        }
    }
    laid->types_len = (size_t)(types - laid->types);
    laid->values_len = (size_t)(values - laid->values);
    if (laid->types_len > RECORD_TYPES)
        return false;
    s->len = (size_t)(to - s->buffer);
    return true;
}
