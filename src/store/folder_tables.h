/* folder_tables.h - the tables of many cases as one.
 *
 *     SELECT * FROM flows WHERE flow_id = 5497558138881       asks slice 5 and no other
 *     SELECT slice, count(*) FROM flows GROUP BY slice        asks all of them
 *     SELECT * FROM slices                                    what is known of each, without opening one
 *
 * A connection to nothing but memory, in which every table and view of a case stands under its name. Tables are
 * virtual: a row of one is a row of one slice, asked for in that slice's own SQL with as much of the
 * condition as the slice can answer, so that its indexes are used and columns that nobody wants are not
 * read. Which slices are asked follows from conditions on ids, times and the hidden column `slice`. Views are
 * those of the schema, on these tables. `hosts` alone is a view where a case has a table: one row per
 * address, over the rows that each slice has of it (host_rows).
 *
 * segments() and frames(), stream_view_sha256() and stream_bytes() are there too, and are answered by the slice
 * that has the stream or flow. */
#ifndef SEINE_STORE_FOLDER_TABLES_H
#define SEINE_STORE_FOLDER_TABLES_H

#include "store/folder.h"

/* Makes the tables and views in `db`, an empty database in memory. The folder is the connection's from then on, and
 * goes with it; also on failure. */
enum status folder_tables_register(sqlite3 *db, struct folder *folder, struct error *err);

#endif
