/* tables.h - the virtual tables `segments` and `frames`: blobs as rows of SQL.
 *
 *     SELECT * FROM segments(5);
 *     SELECT s.verdict, g.* FROM streams s JOIN segments g USING (stream_id) WHERE s.flow_id = 2;
 *
 * They need no CREATE, exist on every connection that registers them, and read the tables arrivals
 * and flow_frames of its main database. Without a stream or flow given they walk all of them. */
#ifndef SEINE_STORE_TABLES_H
#define SEINE_STORE_TABLES_H

#include "base/error.h"

#include <sqlite3.h>

enum status tables_register(sqlite3 *db, struct error *err);

#endif
