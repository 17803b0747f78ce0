/* extension.h - how a loadable extension begins, all in one way. */
#ifndef SEINE_STORE_EXTENSION_H
#define SEINE_STORE_EXTENSION_H

#include "store/sqlite.h"

#include <stdbool.h>
#include <stddef.h>

enum { EXTENSION_SQLITE_LEAST = 3040000 }; /* what seine is tested with */

/* Takes the routines of the program that loads it, into `*routines` of SQLITE_EXTENSION_INIT1. False with a
 * message when they are not for it. */
static inline bool extension_take(const sqlite3_api_routines **routines,
                                  const sqlite3_api_routines *api, char **message)
{
    const sqlite3_api_routines *first = NULL;

    if (api->libversion_number() < EXTENSION_SQLITE_LEAST) {
        *message =
            api->mprintf("seine needs SQLite 3.40 or later, and this is %s", api->libversion());
        return false;
    }
    /* Loaded again, from any thread, it is the same table, unless the program has two SQLites in it: the
     * handles of one must not reach the routines of the other. */
    if (!__atomic_compare_exchange_n(routines, &first, api, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST) &&
        first != api) {
        *message = api->mprintf("seine is loaded into another SQLite of this program already");
        return false;
    }
    return true;
}

#endif
