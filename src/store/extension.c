/* extension.c - what seine decodes, and its functions, for any program that has SQLite.
 *
 *     $ sqlite3 case.db ".load /usr/lib/seine/seine" "SELECT * FROM segments(5)"
 *
 * A shared object of its own, made of the same sources as `seine sql` (store/sqlite.h says how), of
 * which nothing but the entry point is visible. It changes nothing of the connection that it is loaded
 * into, and only reads. What opens files that a query names is in another one (pipeline/files_extension.c). */
#include "store/extension.h"
#include "store/tables.h"

SQLITE_EXTENSION_INIT1

/* SQLite finds it by the name of the file. */
__attribute__((visibility("default"))) int sqlite3_seine_init(sqlite3 *db, char **message,
                                                              const sqlite3_api_routines *api);

int sqlite3_seine_init(sqlite3 *db, char **message, const sqlite3_api_routines *api)
{
    struct error err;

    if (!extension_take(&sqlite3_api, api, message))
        return SQLITE_ERROR;
    if (tables_register(db, &err) == STATUS_OK)
        return SQLITE_OK;
    *message = api->mprintf("%s", err.text);
    return SQLITE_ERROR;
}
