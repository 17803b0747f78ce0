/* streams.c - the case that a function of SQL reads streams of, and its evidence. */
#include "store/streams.h"

#include <string.h>

static enum status read_evidence(void *context, uint32_t evidence_id, void *to, size_t len,
                                 uint64_t offset, struct error *err)
{
    struct streams *s = context;
    sqlite3 *db = sqlite3_db_handle(s->bytes);

    sqlite3_bind_int64(s->bytes, 1, evidence_id);
    sqlite3_bind_int64(s->bytes, 2, (sqlite3_int64)offset);
    sqlite3_bind_int64(s->bytes, 3, (sqlite3_int64)len);
    int rc = sqlite3_step(s->bytes);
    const void *bytes = rc == SQLITE_ROW ? sqlite3_column_blob(s->bytes, 0) : NULL;
    bool whole = bytes && (size_t)sqlite3_column_bytes(s->bytes, 0) == len;
    enum status status = STATUS_OK;
    if (whole)
        memcpy(to, bytes, len);
    else if (rc == SQLITE_NOMEM)
        status = error_no_memory(err, "no memory");
    else
        status = error_set(
            err, "%s", rc == SQLITE_ROW ? "evidence_bytes() is not seine's" : sqlite3_errmsg(db));
    sqlite3_reset(s->bytes);
    return status;
}

enum status streams_enter(struct streams *s, struct reader_checked *checked, sqlite3 *db,
                          const char *schema, struct error *err)
{
    *s = (struct streams){.evidence = {read_evidence, s}};
    enum status status = reader_borrow(&s->reader, db, schema, err);
    if (status == STATUS_OK)
        status = reader_check_once(s->reader, checked, err);
    if (status != STATUS_OK || sqlite3_prepare_v2(db, "SELECT evidence_bytes(?1, ?2, ?3, ?4)", -1,
                                                  &s->bytes, NULL) != SQLITE_OK)
        return status; /* without it too, as long as nobody wants evidence */
    sqlite3_bind_text(s->bytes, 4, reader_schema(s->reader), -1, SQLITE_STATIC);
    reader_set_evidence(s->reader, &s->evidence);
    return STATUS_OK;
}

void streams_leave(struct streams *s)
{
    sqlite3_finalize(s->bytes);
    reader_close(s->reader);
    *s = (struct streams){0};
}
