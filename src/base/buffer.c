/* buffer.c - bytes that grow at the end. */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buffer_init(struct buffer *b, size_t ceiling)
{
    *b = (struct buffer){.ceiling = ceiling};
}

void buffer_release(struct buffer *b)
{
    free(b->data);
    *b = (struct buffer){.ceiling = b->ceiling};
}

uint8_t *buffer_reserve(struct buffer *b, size_t len)
{
    if (len > b->ceiling - b->len)
        return NULL;
    size_t need = b->len + len;
    if (need > b->room || !b->data) {
        size_t room = b->room ? b->room : 64;
        while (room < need)
            room = room > SIZE_MAX / 2 ? need : room * 2;
        uint8_t *data = realloc(b->data, room);
        if (!data)
            return NULL;
        b->data = data;
        b->room = room;
    }
    return b->data + b->len;
}

bool buffer_add(struct buffer *b, const void *data, size_t len)
{
    uint8_t *end = buffer_reserve(b, len);
    if (!end)
        return false;
    if (len > 0)
        memcpy(end, data, len);
    b->len += len;
    return true;
}

bool buffer_add_byte(struct buffer *b, uint8_t byte)
{
    return buffer_add(b, &byte, 1);
}

bool buffer_add_text(struct buffer *b, const char *text)
{
    return buffer_add(b, text, strlen(text));
}

bool buffer_print(struct buffer *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    bool done = false;
    uint8_t *end = len < 0 ? NULL : buffer_reserve(b, (size_t)len + 1);
    if (end) {
        vsnprintf((char *)end, (size_t)len + 1, format, again);
        b->len += (size_t)len;
        done = true;
    }
    va_end(again);
    return done;
}

const char *buffer_text(struct buffer *b)
{
    if (b->len == b->room) {
        uint8_t *data = realloc(b->data, b->room + 1);
        if (!data)
            return "";
        b->data = data;
        b->room++;
    }
    b->data[b->len] = 0;
    return (const char *)b->data;
}
