/* export.h - a case in the formats of other tools.
 *
 * Each writes all flows in the order of their numbers, from the texts of views.sql (fields.h). Names, numbers
 * and texts come from a file that may be hostile: whatever they hold, a line stays one record, and a record
 * keeps its members. STATUS_FAILED: the case could not be read, or `to` not written; what has been written
 * by then is no whole file. The caller opens and closes it. */
#ifndef SEINE_STORE_EXPORT_H
#define SEINE_STORE_EXPORT_H

#include "store/reader.h"

#include <stdio.h>

/* Zeek's conn.log as its ASCII writer has it: tabs between fields, header lines in front, #close behind.
 * Where a text holds a tab, a control character, a backslash or bytes that are no UTF-8, they are \xNN; one
 * that would read as unset or empty has its first character so. #open and #close are the times of the first
 * and the last packet in UTC, so that equal cases give equal files. */
enum status export_zeek_conn(FILE *to, struct reader *reader, struct error *err);

/* Suricata's EVE, one JSON object a line. What is NULL is left out; bytes that are no UTF-8 are U+FFFD. */
enum status export_eve(FILE *to, struct reader *reader, struct error *err);

/* The tables that make sense as text, in the order in which a folder of them is written; ended by NULL. Those
 * with payload and delta-coded blobs are not among them. */
extern const char *const export_tables[];

/* A table of the case, or "segments" or "frames", as CSV (RFC 4180): a line of names, CRLF at the end of each
 * line; values as in render.h, so that none holds a line end. */
enum status export_csv(FILE *to, struct reader *reader, const char *table, struct error *err);

/* A new SQLite file with `segments` and `frames` as plain tables, of the columns and rows of the virtual ones,
 * with an index on stream_id or flow_id. Built under another name, and given its own when it is whole, never
 * over another file. */
enum status export_plain(struct reader *reader, const char *path, bool segments, bool frames,
                         struct error *err);

/* STATUS_FAILED when the case has a table or view of its own named so, which would answer in place of what is
 * decoded. */
enum status export_check_decoded(struct reader *reader, const char *name, struct error *err);

#endif
