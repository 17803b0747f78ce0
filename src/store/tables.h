/* tables.h - the virtual tables `segments` and `frames`: blobs as rows of SQL.
 *
 *     SELECT * FROM segments(5);
 *     SELECT s.verdict, g.* FROM streams s JOIN segments g USING (stream_id) WHERE s.flow_id = 2;
 *
 *     SELECT * FROM segments(5, 'other');
 *     SELECT * FROM segments WHERE schema = 'other';
 *
 * They need no CREATE, exist on every connection that registers them, and read the tables arrivals
 * and flow_frames of its main database, or of one that was attached, when it is named. Without a
 * stream or flow given they walk all of them. A database that is no case is an error. */
#ifndef SEINE_STORE_TABLES_H
#define SEINE_STORE_TABLES_H

#include "base/error.h"
#include "store/sqlite.h"

enum status tables_register(sqlite3 *db, struct error *err);

/* The functions that compute views (view.h); tables_register() has them registered too.
 *
 *     stream_view_sha256(stream_id, policy)             as in streams.sha256; policy NULL: its own;
 *                                                       NULL where there is no such stream
 *     stream_bytes(stream_id, position, length)         the bytes, of its own policy,
 *     stream_bytes(stream_id, position, length, policy) or of another; NULL where one is missing
 *
 * One more argument names the schema that an attached case has.
 *
 * A schema cannot call them: no view or trigger of a hostile case does. */
enum status functions_register(sqlite3 *db, struct error *err);

/* These two, and the table of that name, in the place of those that tables_register() has registered: so that payload
 * that is not in a case is read in its evidence. `shelf` says how, and must outlive the connection. */
struct store_shelf;
enum status functions_register_reading(sqlite3 *db, const struct store_shelf *shelf,
                                       struct error *err);

/* Those below are registered by tables_register() too.
 *
 * Functions over single values (value_functions.c); docs/functions.md says what each gives:
 *
 *     ip_first(net)  ip_last(net)  ip_in(ip, net)  ip_net(ip, bits)  ip_scope(ip)
 *     community_id(protocol, src_ip, src_port, dst_ip, dst_port [, seed])
 *     ns_iso(ns)  hexdump(blob)  printable(blob)  tcp_flags(bits)  oui(mac) */
enum status value_functions_register(sqlite3 *db, struct error *err);

/* stream_bytes(stream_id [, position, length [, policy [, schema]]]) as a table (stream_table.c). `shelf` as above;
 * NULL: what is not in the case is not read. */
enum status stream_table_register(sqlite3 *db, const struct store_shelf *shelf, struct error *err);

/* hosts_in(net [, schema]) (hosts_table.c). */
enum status hosts_table_register(sqlite3 *db, struct error *err);

#endif
