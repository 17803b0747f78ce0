/* value.c - values of SQL as they are taken, and what is said of wrong ones. */
#include "store/value.h"

#include "base/escape.h"

#include <string.h>

enum { SHOWN_MAX = 60 }; /* bytes of a wrong argument, in its sentence */

const char *value_text(sqlite3_value *value)
{
    if (sqlite3_value_type(value) != SQLITE_TEXT)
        return NULL;
    const char *text = (const char *)sqlite3_value_text(value);
    return text && strlen(text) == (size_t)sqlite3_value_bytes(value) ? text : NULL;
}

bool value_network(struct network *n, sqlite3_value *value)
{
    const char *text = value_text(value);
    return text && network_parse(n, text);
}

struct span value_bytes(sqlite3_value *value)
{
    const void *bytes = sqlite3_value_type(value) == SQLITE_TEXT
                            ? (const void *)sqlite3_value_text(value)
                            : sqlite3_value_blob(value);
    return span_of(bytes, bytes ? (size_t)sqlite3_value_bytes(value) : 0);
}

enum status value_complain(struct error *err, const char *name, sqlite3_value *value,
                           const char *what)
{
    struct buffer shown;
    const char *text;

    buffer_init(&shown, (size_t)SHOWN_MAX * 8);
    switch (sqlite3_value_type(value)) {
    case SQLITE_BLOB:
        buffer_print(&shown, "a blob of %d bytes", sqlite3_value_bytes(value));
        break;
    case SQLITE_TEXT:
        buffer_add_byte(&shown, '\'');
        escape_for_terminal(&shown, span_first(value_bytes(value), SHOWN_MAX));
        buffer_add_byte(&shown, '\'');
        break;
    default:
        text = (const char *)sqlite3_value_text(value);
        buffer_add_text(&shown, text ? text : "NULL");
        break;
    }
    enum status status = error_set(err, "%s(): %s is no %s", name, buffer_text(&shown), what);
    buffer_release(&shown);
    return status;
}
