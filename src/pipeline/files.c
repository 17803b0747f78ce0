/* files.c - all that opens files, registered together. */
#include "pipeline/files.h"

enum status files_register(sqlite3 *db, struct error *err)
{
    enum status status = capture_table_register(db, err);
    if (status == STATUS_OK)
        status = capture_flows_register(db, err);
    return status == STATUS_OK ? evidence_bytes_register(db, err) : status;
}
