/* error.c - sentences about what failed. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void put(struct error *err, bool no_memory, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

static void put(struct error *err, bool no_memory, const char *format, va_list args)
{
    if (!err)
        return;
    err->no_memory = no_memory;
    err->no_room = false;
    vsnprintf(err->text, sizeof err->text, format, args);
}

enum status error_set(struct error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put(err, false, format, args);
    va_end(args);
    return STATUS_FAILED;
}

enum status error_no_memory(struct error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put(err, true, format, args);
    va_end(args);
    return STATUS_FAILED;
}

enum status error_damaged(struct error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put(err, false, format, args);
    va_end(args);
    return STATUS_DAMAGED;
}

void error_prefix(struct error *err, const char *format, ...)
{
    if (!err)
        return;
    struct error before = *err;
    va_list args;
    va_start(args, format);
    int used = vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    if (used < 0 || (size_t)used >= sizeof err->text)
        return;
    int room = (int)sizeof err->text - used - 3;
    if (room > 0)
        snprintf(err->text + used, sizeof err->text - (size_t)used, ": %.*s", room, before.text);
}
