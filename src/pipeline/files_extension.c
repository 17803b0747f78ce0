/* files_extension.c - what opens files, for any program that has SQLite.
 *
 *     $ sqlite3 ":memory:" ".load /usr/lib/seine/seine_files" "SELECT count(*) FROM capture('x.pcap')"
 *
 * A shared object beside seine.so, made as that one is, and of use without it. */
#include "pipeline/files.h"
#include "store/extension.h"

SQLITE_EXTENSION_INIT1

/* SQLite finds it by the letters of the file's name. */
__attribute__((visibility("default"))) int sqlite3_seinefiles_init(sqlite3 *db, char **message,
                                                                   const sqlite3_api_routines *api);

int sqlite3_seinefiles_init(sqlite3 *db, char **message, const sqlite3_api_routines *api)
{
    struct error err;

    if (!extension_take(&sqlite3_api, api, message))
        return SQLITE_ERROR;
    /* Loaded by a statement, or beside one, those of seine.so stay as they are. */
    if (files_register(db, &err) == STATUS_OK &&
        (files_register_streams(db, &err) == STATUS_OK || sqlite3_errcode(db) == SQLITE_BUSY))
        return SQLITE_OK;
    *message = api->mprintf("%s", err.text);
    return SQLITE_ERROR;
}
