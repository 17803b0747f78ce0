/* value.h - values of SQL as functions and table-valued functions take them. */
#ifndef SEINE_STORE_VALUE_H
#define SEINE_STORE_VALUE_H

#include "base/error.h"
#include "base/span.h"
#include "store/network.h"
#include "store/sqlite.h"

/* The text of a text, alive as long as the value; NULL when it is none, or a NUL hides a part of it. */
const char *value_text(sqlite3_value *value);

/* The bytes of a text or blob; those of what is none are its text. */
struct span value_bytes(sqlite3_value *value);

/* Reads a text as a network; false when it is none. */
bool value_network(struct network *n, sqlite3_value *value);

/* The sentence "NAME(): VALUE is no WHAT", and STATUS_FAILED. */
enum status value_complain(struct error *err, const char *name, sqlite3_value *value,
                           const char *what);

#endif
