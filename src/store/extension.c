/* extension.c - segments, frames and the functions of views, for any program that has SQLite.
 *
 *     $ sqlite3 case.db ".load /usr/lib/seine/seine" "SELECT * FROM segments(5)"
 *
 * A shared object of its own, made of the same sources as `seine sql` (store/sqlite.h says how), of
 * which nothing but the entry point is visible. It changes nothing of the connection that it is loaded
 * into, and only reads. */
#include "store/tables.h"

#include <stdbool.h>
#include <stddef.h>

enum { VERSION_LEAST = 3040000 }; /* of SQLite: what seine is tested with */

SQLITE_EXTENSION_INIT1

/* SQLite finds it by the name of the file. */
__attribute__((visibility("default"))) int sqlite3_seine_init(sqlite3 *db, char **message,
                                                              const sqlite3_api_routines *api);

int sqlite3_seine_init(sqlite3 *db, char **message, const sqlite3_api_routines *api)
{
    const sqlite3_api_routines *first = NULL;
    struct error err;

    if (api->libversion_number() < VERSION_LEAST) {
        *message =
            api->mprintf("seine needs SQLite 3.40 or later, and this is %s", api->libversion());
        return SQLITE_ERROR;
    }
    /* Loaded again, from any thread, it is the same table, unless the program has two SQLites in it: the
     * handles of one must not reach the routines of the other. */
    if (!__atomic_compare_exchange_n(&sqlite3_api, &first, api, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST) &&
        first != api) {
        *message = api->mprintf("seine is loaded into another SQLite of this program already");
        return SQLITE_ERROR;
    }
    if (tables_register(db, &err) == STATUS_OK)
        return SQLITE_OK;
    *message = api->mprintf("%s", err.text);
    return SQLITE_ERROR;
}
