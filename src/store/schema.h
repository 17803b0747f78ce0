/* schema.h - the SQL texts that are built in: schema.sql, indexes.sql and views.sql, as they stand beside
 * this file, each with a NUL at its end. */
#ifndef SEINE_STORE_SCHEMA_H
#define SEINE_STORE_SCHEMA_H

extern const char schema_sql[];
extern const char indexes_sql[];
extern const char views_sql[];

#endif
