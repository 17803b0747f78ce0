/* folder_catalogue.c - what lies in which slice of a folder, so that not all of them need be opened.
 *
 * A small database of its own beside the slices. It is a help and no promise: each row holds as long as the file
 * has the size that the row says, and what it does not know can be asked of the slice. So nothing is lost
 * when it is, and a kill between closing a slice and telling it here costs a reader one slice to open. */
#include "store/folder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CATALOGUE_APPLICATION_ID = 0x53454943, /* "SEIC" */
    CATALOGUE_VERSION = 1,
    CATALOGUE_WAIT_MS = 5000,
};

static const char catalogue_sql[] =
    "CREATE TABLE IF NOT EXISTS slices ("
    " number INTEGER PRIMARY KEY,"
    " status TEXT NOT NULL," /* open | closed */
    " bytes INTEGER,"    /* of the file; NULL, as all that follows but first_ns, while it is open */
    " first_ns INTEGER," /* no row of it has a time outside; NULL where there is none */
    " last_ns INTEGER,"
    " first_flow_id INTEGER,"
    " last_flow_id INTEGER,"
    " first_evidence_id INTEGER,"
    " last_evidence_id INTEGER,"
    " flows INTEGER,"
    " frames INTEGER"
    ") STRICT";

/* Both ends of a range as two columns; an empty one is NULL twice. */
static void range_column(sqlite3_stmt *row, int column, int64_t *first, int64_t *last)
{
    if (sqlite3_column_type(row, column) == SQLITE_NULL ||
        sqlite3_column_type(row, column + 1) == SQLITE_NULL) {
        *first = INT64_MAX;
        *last = INT64_MIN;
        return;
    }
    *first = sqlite3_column_int64(row, column);
    *last = sqlite3_column_int64(row, column + 1);
}

static void widen(int64_t *first, int64_t *last, int64_t other_first, int64_t other_last)
{
    *first = other_first < *first ? other_first : *first;
    *last = other_last > *last ? other_last : *last;
}

enum status slice_learn(struct slice *slice, struct reader *reader, struct error *err)
{
    static const char sql[] =
        "SELECT (SELECT min(first_ns) FROM evidence), (SELECT max(last_ns) FROM evidence),"
        " CASE o.n WHEN 0 THEN (SELECT min(time_ns) FROM capture_stats)"
        " ELSE (SELECT time_ns FROM capture_stats ORDER BY stat_id LIMIT 1) END,"
        " CASE o.n WHEN 0 THEN (SELECT max(time_ns) FROM capture_stats)"
        " ELSE (SELECT time_ns FROM capture_stats ORDER BY stat_id DESC LIMIT 1) END,"
        " (SELECT min(flow_id) FROM flows), (SELECT max(flow_id) FROM flows),"
        " (SELECT min(evidence_id) FROM evidence), (SELECT max(evidence_id) FROM evidence),"
        " (SELECT sum(frames) FROM evidence), o.n,"
        /* what costs a walk over all rows is not asked of one that is being written, and asked often: ids
         * follow each other, and times nearly so */
        " CASE o.n WHEN 0 THEN (SELECT count(*) FROM flows)"
        " ELSE (SELECT max(flow_id) FROM flows) - (SELECT min(flow_id) FROM flows) + 1 END,"
        " CASE o.n WHEN 0 THEN (SELECT min(first_ns) FROM flows) END"
        /* one without evidence has been begun, and nothing of it is committed */
        " FROM (SELECT count(*) FILTER (WHERE status = 'open') + (count(*) = 0) AS n FROM evidence)"
        " AS o";
    enum {
        EVIDENCE,
        STATS = 2,
        FLOW_IDS = 4,
        EVIDENCE_IDS = 6,
        FRAMES = 8,
        OPEN,
        FLOWS,
        FIRST_FLOW
    };
    sqlite3_stmt *row;
    enum status status = reader_prepare(reader, &row, sql, err);

    if (status != STATUS_OK)
        return status;
    if (sqlite3_step(row) == SQLITE_ROW) {
        int64_t first, last;
        range_column(row, EVIDENCE, &slice->first_ns, &slice->last_ns);
        range_column(row, STATS, &first, &last);
        widen(&slice->first_ns, &slice->last_ns, first, last);
        if (sqlite3_column_type(row, FIRST_FLOW) == SQLITE_INTEGER) {
            first = sqlite3_column_int64(row, FIRST_FLOW);
            widen(&slice->first_ns, &slice->last_ns, first, first);
        }
        range_column(row, FLOW_IDS, &slice->first_flow_id, &slice->last_flow_id);
        range_column(row, EVIDENCE_IDS, &slice->first_evidence_id, &slice->last_evidence_id);
        slice->flows = sqlite3_column_int64(row, FLOWS);
        slice->frames = sqlite3_column_int64(row, FRAMES);
        slice->growing = sqlite3_column_int64(row, OPEN) > 0;
        slice->known = true;
    } else {
        status = reader_fault(reader, err);
    }
    sqlite3_finalize(row);
    return status;
}

static char *catalogue_path(const char *folder)
{
    char *path;
    return asprintf(&path, "%s/" FOLDER_CATALOGUE, folder) < 0 ? NULL : path;
}

static enum status of_catalogue(sqlite3 *db, const char *what, const char *folder,
                                struct error *err)
{
    return (sqlite3_errcode(db) == SQLITE_NOMEM ? error_no_memory : error_set)(
        err, "%s %s/" FOLDER_CATALOGUE ": %s", what, folder, sqlite3_errmsg(db));
}

static bool ask(sqlite3 *db, const char *sql, int64_t *value)
{
    sqlite3_stmt *row;
    if (sqlite3_prepare_v2(db, sql, -1, &row, NULL) != SQLITE_OK)
        return false;
    bool found = sqlite3_step(row) == SQLITE_ROW;
    if (found)
        *value = sqlite3_column_int64(row, 0);
    return sqlite3_finalize(row) == SQLITE_OK && found;
}

/* Opens the catalogue of a folder. Nothing that a stranger's would bring along runs. */
static enum status catalogue_open(sqlite3 **db, const char *folder, int flags, struct error *err)
{
    enum status status = STATUS_OK;
    char *path = catalogue_path(folder);
    char *plain = path ? sqlite3_mprintf("%s%s", path[0] == '/' ? "" : "./", path) : NULL;

    *db = NULL;
    if (!plain)
        status = error_no_memory(err, "%s: no memory for its catalogue", folder);
    else if (sqlite3_open_v2(plain, db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL) !=
             SQLITE_OK)
        status = *db && sqlite3_errcode(*db) != SQLITE_NOMEM
                     ? error_set(err, "opening %s: %s", path, sqlite3_errmsg(*db))
                     : error_no_memory(err, "opening %s: no memory", path);
    sqlite3_free(plain);
    free(path);
    if (status != STATUS_OK) {
        sqlite3_close(*db);
        *db = NULL;
        return status;
    }
    sqlite3_db_config(*db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(*db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(*db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(*db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_limit(*db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_busy_timeout(*db, CATALOGUE_WAIT_MS);
    return STATUS_OK;
}

/* Whether it is one; false, too, where SQLite fails, which its error code says. */
static bool is_catalogue(sqlite3 *db)
{
    int64_t application_id = 0, version = 0;
    return ask(db, "PRAGMA application_id", &application_id) &&
           ask(db, "PRAGMA user_version", &version) && application_id == CATALOGUE_APPLICATION_ID &&
           version == CATALOGUE_VERSION;
}

static struct slice *slice_among(struct slice *slices, size_t count, int64_t number)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slices[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && slices[low].number == number ? &slices[low] : NULL;
}

/* Whether ids that a row of the catalogue says are among those that the slice's number allows. */
static bool ids_make_sense(const struct slice *s)
{
    return s->first_flow_id > s->last_flow_id || (s->first_flow_id >> FOLDER_ID_BITS == s->number &&
                                                  s->last_flow_id >> FOLDER_ID_BITS == s->number);
}

/* One row of the catalogue, for a slice whose file is there. */
static void take_row(struct slice *slice, sqlite3_stmt *row)
{
    enum { STATUS = 1, BYTES, FIRST_NS, LAST_NS, FLOW_IDS, EVIDENCE_IDS = 7, FLOWS = 9, FRAMES };
    const char *status = (const char *)sqlite3_column_text(row, STATUS);
    struct slice s = *slice;

    if (status && strcmp(status, "open") == 0) {
        slice->begun = sqlite3_column_type(row, FIRST_NS) == SQLITE_INTEGER;
        slice->first_ns = sqlite3_column_int64(row, FIRST_NS);
        return;
    }
    if (!status || strcmp(status, "closed") != 0 || sqlite3_column_int64(row, BYTES) != s.bytes)
        return;
    range_column(row, FIRST_NS, &s.first_ns, &s.last_ns);
    range_column(row, FLOW_IDS, &s.first_flow_id, &s.last_flow_id);
    range_column(row, EVIDENCE_IDS, &s.first_evidence_id, &s.last_evidence_id);
    s.flows = sqlite3_column_int64(row, FLOWS);
    s.frames = sqlite3_column_int64(row, FRAMES);
    s.growing = false;
    s.known = true;
    if (ids_make_sense(&s))
        *slice = s;
}

static const char rows_sql[] = "SELECT number, status, bytes, first_ns, last_ns, first_flow_id, "
                               "last_flow_id, first_evidence_id,"
                               " last_evidence_id, flows, frames FROM slices";

void folder_catalogue_read(const char *folder, struct slice *slices, size_t count, bool *usable,
                           struct error *err)
{
    sqlite3_stmt *row = NULL;
    sqlite3 *db;
    char *path = catalogue_path(folder);
    int rc = SQLITE_ERROR;

    *usable = false;
    if (!path) {
        error_no_memory(err, "%s: no memory for its catalogue", folder);
        return;
    }
    bool there = access(path, F_OK) == 0;
    free(path);
    if (!there) {
        error_set(err, "%s has no catalogue (" FOLDER_CATALOGUE ")", folder);
        return;
    }
    if (catalogue_open(&db, folder, SQLITE_OPEN_READONLY, err) != STATUS_OK)
        return;
    bool is_one = is_catalogue(db);
    if (!is_one && sqlite3_errcode(db) != SQLITE_NOMEM)
        error_set(err, "%s/" FOLDER_CATALOGUE " is no catalogue of slices", folder);
    else if (!is_one || sqlite3_prepare_v2(db, rows_sql, -1, &row, NULL) != SQLITE_OK)
        of_catalogue(db, "reading", folder, err);
    while (row && (rc = sqlite3_step(row)) == SQLITE_ROW) {
        struct slice *slice = slice_among(slices, count, sqlite3_column_int64(row, 0));
        if (slice)
            take_row(slice, row);
    }
    *usable = row && rc == SQLITE_DONE;
    if (row && !*usable)
        of_catalogue(db, "reading", folder, err);
    sqlite3_finalize(row);
    sqlite3_close(db);
}

static enum status catalogue_run(sqlite3 *db, const char *folder, const char *sql,
                                 struct error *err)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return STATUS_OK;
    return of_catalogue(db, "writing", folder, err);
}

/* Opens it to write, and begins a transaction; makes it where it is not, or is none. */
static enum status catalogue_begin(sqlite3 **db, const char *folder, struct error *err)
{
    char sql[160];
    enum status status =
        catalogue_open(db, folder, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);

    if (status != STATUS_OK)
        return status;
    status = catalogue_run(*db, folder, "PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE", err);
    if (status == STATUS_OK && !is_catalogue(*db)) {
        int64_t tables = 0;
        if (!ask(*db, "SELECT count(*) FROM sqlite_schema", &tables))
            status = of_catalogue(*db, "reading", folder, err);
        else if (tables > 0)
            status = error_set(
                err, "%s/" FOLDER_CATALOGUE " is no catalogue of slices: it is left alone", folder);
        snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                 (int)CATALOGUE_APPLICATION_ID, (int)CATALOGUE_VERSION);
        if (status == STATUS_OK)
            status = catalogue_run(*db, folder, sql, err);
    }
    if (status == STATUS_OK)
        status = catalogue_run(*db, folder, catalogue_sql, err);
    if (status != STATUS_OK) {
        sqlite3_close(*db); /* rolls back */
        *db = NULL;
    }
    return status;
}

static enum status catalogue_end(sqlite3 *db, const char *folder, enum status status,
                                 struct error *err)
{
    if (status == STATUS_OK)
        status = catalogue_run(db, folder, "COMMIT", err);
    sqlite3_close(db);
    return status;
}

/* Runs a statement whose parameters are integers, or NULL where `set` has no bit for them. */
static enum status catalogue_put(sqlite3 *db, const char *folder, const char *sql,
                                 const int64_t *values, int count, unsigned set, struct error *err)
{
    sqlite3_stmt *statement;

    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        return of_catalogue(db, "writing", folder, err);
    for (int i = 0; i < count; i++) {
        if (set & 1u << i)
            sqlite3_bind_int64(statement, i + 1, values[i]);
    }
    sqlite3_step(statement);
    if (sqlite3_finalize(statement) != SQLITE_OK)
        return of_catalogue(db, "writing", folder, err);
    return STATUS_OK;
}

/* The row of a slice that is closed. */
static enum status put_slice(sqlite3 *db, const char *folder, const struct slice *s,
                             struct error *err)
{
    static const char sql[] =
        "INSERT OR REPLACE INTO slices (number, status, bytes, first_ns, last_ns, first_flow_id,"
        " last_flow_id, first_evidence_id, last_evidence_id, flows, frames)"
        " VALUES (?1, 'closed', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    const int64_t values[] = {
        s->number,        s->bytes,        s->first_ns,          s->last_ns,
        s->first_flow_id, s->last_flow_id, s->first_evidence_id, s->last_evidence_id,
        s->flows,         s->frames};
    unsigned set = 0x303;
    set |= s->first_ns <= s->last_ns ? 0xcu : 0;
    set |= s->first_flow_id <= s->last_flow_id ? 0x30u : 0;
    set |= s->first_evidence_id <= s->last_evidence_id ? 0xc0u : 0;
    return catalogue_put(db, folder, sql, values, 10, set, err);
}

/* Opens a slice that is closed, and asks it. */
static enum status read_slice(struct slice *slice, const char *folder, uint32_t number,
                              struct error *err)
{
    char name[FOLDER_NAME_MAX], *path;
    struct stat file;
    struct reader *reader;

    folder_slice_name(name, number);
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        return error_no_memory(err, "%s: no memory for its catalogue", folder);
    enum status status = reader_open(&reader, path, err);
    if (status == STATUS_OK && stat(path, &file) != 0)
        status = error_set(err, "%s has gone", path);
    if (status == STATUS_OK) {
        *slice = (struct slice){.number = number, .bytes = (int64_t)file.st_size};
        status = slice_learn(slice, reader, err);
    }
    if (status == STATUS_OK && !ids_make_sense(slice))
        status = error_set(err, "%s: its flows have not the ids of slice %" PRIu32, path, number);
    reader_close(reader);
    free(path);
    return status;
}

enum status folder_catalogue_begin(const char *folder, uint32_t number, int64_t first_ns,
                                   struct error *err)
{
    static const char sql[] =
        "INSERT OR REPLACE INTO slices (number, status, first_ns) VALUES (?1, 'open', ?2)";
    const int64_t values[] = {number, first_ns};
    sqlite3 *db;
    enum status status = catalogue_begin(&db, folder, err);

    if (status != STATUS_OK)
        return status;
    return catalogue_end(db, folder, catalogue_put(db, folder, sql, values, 2, 3, err), err);
}

enum status folder_catalogue_add(const char *folder, uint32_t number, struct error *err)
{
    struct slice slice;
    sqlite3 *db;
    enum status status = read_slice(&slice, folder, number, err);

    if (status == STATUS_OK && slice.growing)
        status = error_set(err, "%s: slice %" PRIu32 " is not closed", folder, number);
    if (status == STATUS_OK)
        status = catalogue_begin(&db, folder, err);
    if (status != STATUS_OK)
        return status;
    return catalogue_end(db, folder, put_slice(db, folder, &slice, err), err);
}

enum status folder_catalogue_remove(const char *folder, uint32_t number, struct error *err)
{
    const int64_t values[] = {number};
    sqlite3 *db;
    enum status status = catalogue_begin(&db, folder, err);

    if (status != STATUS_OK)
        return status;
    return catalogue_end(
        db, folder,
        catalogue_put(db, folder, "DELETE FROM slices WHERE number = ?1", values, 1, 1, err), err);
}

enum status folder_catalogue_rebuild(const char *path, struct folder_ear ear, struct error *err)
{
    struct folder *folder;
    sqlite3 *db;
    enum status status = folder_open(&folder, path, (struct folder_ear){0}, err);

    if (status != STATUS_OK)
        return status;
    status = catalogue_begin(&db, path, err);
    if (status == STATUS_OK) {
        status = catalogue_run(db, path, "DELETE FROM slices", err);
        for (size_t i = 0; i < folder_slice_count(folder) && status == STATUS_OK; i++) {
            struct slice slice;
            struct error why = {0};
            uint32_t number = folder_slice_at(folder, i)->number;
            if (read_slice(&slice, path, number, &why) != STATUS_OK) {
                if (ear.tell)
                    ear.tell(ear.context, why.text, true);
            } else if (!slice.growing) {
                status = put_slice(db, path, &slice, err);
            }
        }
        status = catalogue_end(db, path, status, err);
    }
    folder_close(folder);
    return status;
}
