/* export_plain.c - what the virtual tables show, as plain tables of a new SQLite file.
 *
 * In a file of its own and not in the case: rows that are put beside the evidence change its seal, and a
 * case is opened here for reading only. Whoever wants both at once attaches the one to the other. */
#include "store/export.h"

#include "base/whole_file.h"

#include <errno.h>
#include <string.h>

struct plain {
    sqlite3 *db;
    const char *path;
    struct error *err;
};

static const struct decoded {
    const char *name, *create, *insert, *index;
} decoded_tables[] = {
    {
        "segments",
        "CREATE TABLE segments (stream_id INTEGER NOT NULL, position INTEGER NOT NULL,"
        " length INTEGER NOT NULL, captured INTEGER NOT NULL, evidence_id INTEGER NOT NULL,"
        " frame INTEGER NOT NULL, file_offset INTEGER, time_ns INTEGER NOT NULL,"
        " fate TEXT NOT NULL) STRICT",
        "INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        "CREATE INDEX segments_stream ON segments (stream_id)",
    },
    {
        "frames",
        "CREATE TABLE frames (flow_id INTEGER NOT NULL, evidence_id INTEGER NOT NULL,"
        " frame INTEGER NOT NULL, file_offset INTEGER, time_ns INTEGER NOT NULL,"
        " captured INTEGER NOT NULL, length INTEGER NOT NULL, interface_id INTEGER) STRICT",
        "INSERT INTO frames VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        "CREATE INDEX frames_flow ON frames (flow_id)",
    },
};

static enum status plain_failed(struct plain *p)
{
    int reason = sqlite3_system_errno(p->db);

    if (sqlite3_errcode(p->db) == SQLITE_FULL)
        return error_set(p->err, "writing %s: %s", p->path, strerror(ENOSPC));
    if (sqlite3_errcode(p->db) == SQLITE_IOERR && reason != 0)
        return error_set(p->err, "writing %s: %s (%s)", p->path, sqlite3_errmsg(p->db),
                         strerror(reason));
    return error_set(p->err, "writing %s: %s", p->path, sqlite3_errmsg(p->db));
}

static enum status plain_run(struct plain *p, const char *sql)
{
    return sqlite3_exec(p->db, sql, NULL, NULL, NULL) == SQLITE_OK ? STATUS_OK : plain_failed(p);
}

/* Copies the rows of `from` into `into`, which has as many parameters. */
static enum status plain_copy(struct plain *p, sqlite3_stmt *from, sqlite3_stmt *into)
{
    int count = sqlite3_column_count(from), rc;

    if (count != sqlite3_bind_parameter_count(into))
        return error_set(p->err, "a decoded table has %d columns, not %d", count,
                         sqlite3_bind_parameter_count(into));
    while ((rc = sqlite3_step(from)) == SQLITE_ROW) {
        for (int i = 0; i < count; i++)
            sqlite3_bind_value(into, i + 1, sqlite3_column_value(from, i));
        sqlite3_step(into);
        if (sqlite3_reset(into) != SQLITE_OK)
            return plain_failed(p);
    }
    if (rc != SQLITE_DONE)
        return error_set(p->err, "%s", sqlite3_errmsg(sqlite3_db_handle(from)));
    return STATUS_OK;
}

static enum status plain_table(struct plain *p, struct reader *reader, const struct decoded *table)
{
    char sql[64];
    sqlite3_stmt *from = NULL, *into = NULL;

    enum status status = export_check_decoded(reader, table->name, p->err);
    snprintf(sql, sizeof sql, "SELECT * FROM \"%s\"", table->name);
    if (status == STATUS_OK)
        status = plain_run(p, table->create);
    if (status == STATUS_OK)
        status = reader_prepare(reader, &from, sql, p->err);
    if (status == STATUS_OK &&
        sqlite3_prepare_v2(p->db, table->insert, -1, &into, NULL) != SQLITE_OK)
        status = plain_failed(p);
    if (status == STATUS_OK)
        status = plain_copy(p, from, into);
    sqlite3_finalize(from);
    sqlite3_finalize(into);
    return status == STATUS_OK ? plain_run(p, table->index) : status;
}

/* Opens the file, which is there and empty. */
static enum status plain_open(struct plain *p, const char *partial)
{
    char *path = sqlite3_mprintf("%s%s", partial[0] == '/' ? "" : "./", partial);
    int rc = path ? sqlite3_open_v2(path, &p->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL)
                  : SQLITE_NOMEM;

    sqlite3_free(path);
    if (!p->db)
        return error_no_memory(p->err, "writing %s: no memory", p->path);
    if (rc != SQLITE_OK)
        return plain_failed(p);
    return plain_run(p, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
                        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -8192;"
                        "PRAGMA temp_store = FILE; BEGIN");
}

enum status export_plain(struct reader *reader, const char *path, bool segments, bool frames,
                         struct error *err)
{
    struct plain p = {.path = path, .err = err};
    struct whole_file file;

    enum status status = whole_file_reserve(&file, path, err);
    if (status != STATUS_OK)
        return status;
    status = plain_open(&p, file.partial);
    for (size_t i = 0; i < sizeof decoded_tables / sizeof *decoded_tables; i++) {
        const struct decoded *table = &decoded_tables[i];
        bool wanted = strcmp(table->name, "segments") == 0 ? segments : frames;
        if (status == STATUS_OK && wanted)
            status = plain_table(&p, reader, table);
    }
    if (status == STATUS_OK)
        status = plain_run(&p, "COMMIT");
    if (sqlite3_close(p.db) != SQLITE_OK && status == STATUS_OK)
        status = error_set(err, "writing %s: it could not be closed", path);
    return whole_file_end(&file, status, err);
}
