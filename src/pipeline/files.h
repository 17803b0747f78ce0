/* files.h - functions of SQL that open files which a query, or a case, names.
 *
 *     SELECT count(*), sum(length) FROM capture('x.pcap');
 *     SELECT server_ip, server_port, sum(server_bytes) FROM capture_flows('x.pcap') GROUP BY 1, 2;
 *     SELECT frame, evidence_bytes(evidence_id, file_offset, captured) FROM frames(7);
 *
 * They are not among what store/tables.h registers: seine sql has them with --files alone, other programs by
 * the second extension, seine_files.so. And a schema cannot call them (direct only): no view or trigger of a
 * hostile case names a file. docs/functions.md has their columns. */
#ifndef SEINE_PIPELINE_FILES_H
#define SEINE_PIPELINE_FILES_H

#include "base/error.h"
#include "store/sqlite.h"

enum status files_register(sqlite3 *db, struct error *err);

/* stream_bytes() and stream_view_sha256(), that read payload which is in the evidence of a case, and not in it. For a
 * connection to cases that are read one by one. */
enum status files_register_streams(sqlite3 *db, struct error *err);

/* Each of them. */
enum status capture_table_register(sqlite3 *db, struct error *err);
enum status capture_flows_register(sqlite3 *db, struct error *err);
enum status evidence_bytes_register(sqlite3 *db, struct error *err);

/* xConnect and xDisconnect of those that are tables: direct only, and with nothing to keep but their columns. SQLite's
 * code. */
int files_table_connect(sqlite3_vtab **vtab, sqlite3 *db, const char *declaration);
int files_table_disconnect(sqlite3_vtab *vtab);

#endif
