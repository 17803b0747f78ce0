/* files.c - all that opens files, registered together. */
#include "pipeline/files.h"

#include "pipeline/evidence_file.h"
#include "store/tables.h"

enum status files_register(sqlite3 *db, struct error *err)
{
    enum status status = capture_table_register(db, err);
    if (status == STATUS_OK)
        status = capture_flows_register(db, err);
    return status == STATUS_OK ? evidence_bytes_register(db, err) : status;
}

enum status files_register_streams(sqlite3 *db, struct error *err)
{
    return functions_register_reading(db, &evidence_shelves, err);
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
