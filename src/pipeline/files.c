/* files.c - all that opens files, registered together. */
#include "pipeline/files.h"

#include "store/value.h"

#include <string.h>
#include <sys/stat.h>

enum status files_register(sqlite3 *db, const char *folder, struct error *err)
{
    enum status status = capture_table_register(db, err);
    if (status == STATUS_OK)
        status = capture_flows_register(db, err);
    return status == STATUS_OK ? evidence_bytes_register(db, folder, err) : status;
}

const char *files_path(sqlite3_value *argument, const char *function, struct error *err)
{
    const char *path = value_text(argument);
    struct stat file;

    if (!path || !*path || strcmp(path, "-") == 0) { /* the input of the program is its own */
        value_complain(err, function, argument, "path of a capture");
        return NULL;
    }
    if (stat(path, &file) == 0 && !S_ISREG(file.st_mode) && !S_ISDIR(file.st_mode)) {
        error_set(err, "%s(): %s is a pipe or a device, and no file", function, path);
        return NULL;
    }
    return path;
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
