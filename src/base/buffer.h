/* buffer.h - bytes that grow at the end, up to a ceiling that is given at init.
 *
 * For text that is being put together, blobs on their way to the database, datagrams being made whole. An append that would
 * pass the ceiling, or that finds no memory, appends nothing and says false; the buffer stays as it
 * was. Not charged to the budget: an owner that keeps many charges their ceilings. */
#ifndef SEINE_BASE_BUFFER_H
#define SEINE_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
    uint8_t *data; /* owned */
    size_t len;    /* bytes in use */
    size_t room;   /* bytes allocated */
    size_t ceiling;
};

void buffer_init(struct buffer *b, size_t ceiling);
void buffer_release(struct buffer *b);

/* Empties it, and keeps its memory for what comes next. */
static inline void buffer_clear(struct buffer *b)
{
    b->len = 0;
}

bool buffer_add(struct buffer *b, const void *data, size_t len);
bool buffer_add_byte(struct buffer *b, uint8_t byte);
bool buffer_add_text(struct buffer *b, const char *text);
bool buffer_print(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Makes `len` more bytes usable after the end, without using them; NULL past the ceiling. */
uint8_t *buffer_reserve(struct buffer *b, size_t len);

/* A NUL after the bytes, not counted in len; "" when there is no memory for one. Borrowed until the next call. */
const char *buffer_text(struct buffer *b);

#endif
