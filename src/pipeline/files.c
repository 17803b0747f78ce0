/* files.c - all that opens files, registered together. */
#include "pipeline/files.h"

enum status files_register(sqlite3 *db, const char *folder, struct error *err)
{
    enum status status = capture_table_register(db, err);
    if (status == STATUS_OK)
        status = capture_flows_register(db, err);
    if (status == STATUS_OK)
        status = evidence_bytes_register(db, folder, err);
    return status == STATUS_OK ? evidence_streams_register(db, folder, err) : status;
}

int files_table_connect(sqlite3_vtab **vtab, sqlite3 *db, const char *declaration)
{
    int rc = sqlite3_declare_vtab(db, declaration);
    if (rc != SQLITE_OK)
        return rc;
    *vtab = sqlite3_malloc(sizeof **vtab);
    if (!*vtab)
        return SQLITE_NOMEM;
    **vtab = (sqlite3_vtab){0};
    sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY);
    return SQLITE_OK;
}

int files_table_disconnect(sqlite3_vtab *vtab)
{
    sqlite3_free(vtab);
    return SQLITE_OK;
}
