/* render.h - the rows of a statement, on a screen or in a file of text.
 *
 *     flow_id  client_ip  client_port  bytes
 *           1  10.0.0.1         49152   1448
 *
 * What was on the wire is escaped (base/escape.h) in tables and CSV: no value moves the cursor, and
 * none holds a line feed, so that a line is a row. JSON keeps every character, by its own escapes.
 *
 *     integer   all digits
 *     real      the fewest digits that read back as the same number; infinite ones as 9e999
 *     text      escaped; a table cuts it at a width, CSV quotes it where RFC 4180 says, JSON has
 *               U+FFFD for what is no UTF-8
 *     blob      lower-case hex digits, in JSON as a string
 *     NULL      null in JSON, else nothing; an empty text is "" in CSV
 *
 * CSV has a line of names, and LF line ends unless told otherwise; what a spreadsheet would take for a formula is left as it
 * is. Names that occur twice in one statement become `name:1` in JSON, as SQLite does elsewhere. */
#ifndef SEINE_STORE_RENDER_H
#define SEINE_STORE_RENDER_H

#include "base/error.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum render_as { RENDER_TABLE, RENDER_JSON, RENDER_CSV };

struct render_options {
    bool wide; /* tables: nothing is cut */
    bool crlf; /* CSV: lines end as RFC 4180 says, and not in LF */
};

/* Runs the statement to its end and prints its rows; `*rows` is how many, also after a failure; may
 * be NULL. `options` may be NULL. Column widths of a table follow from its first rows (RENDER_AHEAD):
 * a later value that is wider is cut, or, when wide, moves its line. STATUS_FAILED: the statement
 * failed, or `to` could not be written. The statement is neither reset nor finalized. */
enum status render(FILE *to, sqlite3_stmt *statement, enum render_as as,
                   const struct render_options *options, uint64_t *rows, struct error *err);

enum {
    RENDER_AHEAD = 200,         /* rows that decide widths */
    RENDER_AHEAD_LEN = 1 << 20, /* or bytes of them */
    RENDER_CELL_WIDTH = 64,     /* columns of the screen that a value has at most, unless wide */
};

#endif
