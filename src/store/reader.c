/* reader.c - a case opened to be read.
 *
 * What the file says of itself is not believed before it is checked: that it is SQLite's, that it is a
 * case, of a version that we know, and that each of its promised tables is a table and not a view, so
 * that a walk over one ends when the file does.
 *
 * The file is opened once more than SQLite needs, to ask for the writer's lock. That descriptor must
 * be closed after SQLite's own: closing any descriptor of a file drops the POSIX locks which this
 * process holds on it. */
#include "store/reader.h"

#include "store/live_form.h"
#include "store/store.h"
#include "store/tables.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    WRITER_LOCK_BYTE = 0x40000000 + 4096, /* as in case_file.c */
    PAUSE_BYTE,
    BUSY_TIMEOUT_MS = 5000,
    VALUE_LEN_MAX = 128 << 20, /* bytes of a text, blob or row */
};

struct reader {
    sqlite3 *db;
    char *path;
    char *schema; /* where the case is in this connection */
    int lock;     /* a descriptor of the file, to ask for the writer's lock */
    const struct payload_source *evidence; /* borrowed; NULL */
    bool borrowed;                         /* the connection is another's */
    bool taken;                       /* it is one that answers like a case: there is no file */
    void (*interrupt)(void *context); /* of such a one, whatever else reads; or NULL */
    void *interrupt_context;
};

static const char *const promised_tables[] = {
    "runs",        "evidence", "evidence_blocks", "interfaces", "verdicts", "flows",     "hosts",
    "flow_frames", "streams",  "stream_data",     "chunk_data", "gaps",     "conflicts", "refused",
    "oddities",    "notes",    "capture_stats",   "secrets",    "arrivals",
};

enum {
    PROMISED_COUNT = sizeof promised_tables / sizeof *promised_tables
}; /* more than live_form_tables */

static bool is_locked(int file, off_t at)
{
    struct flock ask = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
    return fcntl(file, F_OFD_GETLK, &ask) == 0 && ask.l_type != F_UNLCK;
}

static bool is_writer_there(const struct reader *r)
{
    return is_locked(r->lock, WRITER_LOCK_BYTE);
}

bool reader_sees_pause(const struct reader *r)
{
    return r->lock >= 0 && is_locked(r->lock, PAUSE_BYTE);
}

bool reader_sees_writer(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool is = file >= 0 && is_locked(file, WRITER_LOCK_BYTE);

    if (file >= 0)
        close(file);
    return is;
}

static bool ends_in(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

enum status reader_fault(const struct reader *r, struct error *err)
{
    if (sqlite3_extended_errcode(r->db) == SQLITE_IOERR_NOMEM)
        return error_no_memory(err, "reading %s: no memory", r->path);
    switch (sqlite3_errcode(r->db) & 0xff) {
    case SQLITE_NOTADB:
        return error_set(err, "%s is not a case: it is no SQLite database", r->path);
    case SQLITE_BUSY:
        return error_set(err, "%s is being written by another seine", r->path);
    case SQLITE_NOMEM:
        return error_no_memory(err, "reading %s: no memory", r->path);
    default:
        return error_set(err, "reading %s: %s", r->path, sqlite3_errmsg(r->db));
    }
}

/* The file as the system sees it. */
static enum status open_file(struct reader *r, struct error *err)
{
    struct stat file;

    if (stat(r->path, &file) != 0)
        return error_set(err, "opening %s: %s", r->path, strerror(errno));
    if (!S_ISREG(file.st_mode))
        return error_set(err, "%s is not a case: it is %s", r->path,
                         S_ISDIR(file.st_mode) ? "a folder" : "no regular file");
    if (file.st_size == 0)
        return error_set(err, "%s is not a case: it is empty", r->path);
    r->lock = open(r->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (r->lock < 0)
        return error_set(err, "opening %s: %s", r->path, strerror(errno));
    if (ends_in(r->path, ".partial") && is_writer_there(r))
        return error_set(err, "%s is being written by another seine", r->path);
    return STATUS_OK;
}

/* Nothing that a hostile case brought along runs, and nothing is written. Limits beyond SQLite's own
 * are far above what a case or a question needs. */
static void harden(sqlite3 *db)
{
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, VALUE_LEN_MAX);
    sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, 1 << 20);
    sqlite3_limit(db, SQLITE_LIMIT_COLUMN, 500);
    sqlite3_limit(db, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000);
    sqlite3_limit(db, SQLITE_LIMIT_TRIGGER_DEPTH, 1);
    sqlite3_limit(db, SQLITE_LIMIT_WORKER_THREADS, 0);
    sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
}

/* A path that SQLite takes for nothing but a path: not ":memory:", not "file:x?mode=rwc". */
static char *plain_path(const char *path)
{
    return sqlite3_mprintf("%s%s", path[0] == '/' ? "" : "./", path);
}

static enum status open_database(struct reader *r, int flags, struct error *err)
{
    char *path = plain_path(r->path);
    if (!path)
        return error_no_memory(err, "opening %s: no memory", r->path);
    int rc = sqlite3_open_v2(path, &r->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    sqlite3_free(path);
    if (!r->db)
        return error_no_memory(err, "opening %s: no memory", r->path);
    if (rc != SQLITE_OK)
        return reader_fault(r, err);
    harden(r->db);
    if (sqlite3_exec(r->db,
                     "PRAGMA query_only = ON; PRAGMA cell_size_check = ON;"
                     "PRAGMA mmap_size = 0",
                     NULL, NULL, NULL) != SQLITE_OK)
        return reader_fault(r, err);
    return STATUS_OK;
}

static void close_database(struct reader *r)
{
    sqlite3_close_v2(r->db);
    r->db = NULL;
}

/* The single number that a question about its schema gives: `sql` has %w in place of the name. */
static enum status ask(struct reader *r, int64_t *value, const char *sql, struct error *err)
{
    sqlite3_stmt *statement;
    enum status status = reader_prepare_own(r, &statement, sql, err);

    if (status != STATUS_OK)
        return status;
    if (sqlite3_step(statement) == SQLITE_ROW)
        *value = sqlite3_column_int64(statement, 0);
    else
        status = reader_fault(r, err);
    sqlite3_finalize(statement);
    return status;
}

/* Whether a journal names a super-journal (SQLite's file format, 3): one that an addition left never
 * does, and SQLite would delete the file that is named. */
static bool names_another_file(const char *path)
{
    static const uint8_t magic[8] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};
    uint8_t end[8];
    struct stat file;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);

    bool plain = fd >= 0 && fstat(fd, &file) == 0 && S_ISREG(file.st_mode) &&
                 file.st_size >= (off_t)sizeof end &&
                 pread(fd, end, sizeof end, file.st_size - (off_t)sizeof end) == sizeof end &&
                 memcmp(end, magic, sizeof magic) != 0;
    if (fd >= 0)
        close(fd);
    return !plain;
}

/* A kill in the middle of an addition leaves a journal, and who may only read cannot roll back. So
 * the case is opened for writing once, which brings it back to what it was before. */
static enum status roll_back(struct reader *r, struct error *err)
{
    int64_t version;
    char *journal = sqlite3_mprintf("%s-journal", r->path);
    bool strange = !journal || names_another_file(journal);

    sqlite3_free(journal);
    if (strange)
        return error_set(err, "%s has a journal that seine did not write: it is left alone",
                         r->path);
    close_database(r);
    if (open_database(r, SQLITE_OPEN_READWRITE, err) != STATUS_OK ||
        ask(r, &version, "PRAGMA \"%w\".user_version", err) != STATUS_OK)
        return error_set(err,
                         "%s was cut off in the middle of an addition, and cannot be brought "
                         "back to what it was: %s",
                         r->path, r->db ? sqlite3_errmsg(r->db) : "no memory");
    close_database(r);
    return open_database(r, SQLITE_OPEN_READONLY, err);
}

/* That a row is what lies in the file: a computed column costs as much time and memory as a stranger
 * likes. */
static enum status check_columns(struct reader *r, const char *table, struct error *err)
{
    enum { HIDDEN = 6, IS_COMPUTED = 2 }; /* 2: VIRTUAL, 3: STORED */
    sqlite3_stmt *row;
    int rc = SQLITE_DONE;
    char *sql = sqlite3_mprintf("PRAGMA \"%w\".table_xinfo(%Q)", r->schema, table);
    enum status status = sql ? reader_prepare(r, &row, sql, err)
                             : error_no_memory(err, "opening %s: no memory", r->path);

    sqlite3_free(sql);
    if (status != STATUS_OK)
        return status;
    while (status == STATUS_OK && (rc = sqlite3_step(row)) == SQLITE_ROW) {
        if (sqlite3_column_int(row, HIDDEN) >= IS_COMPUTED)
            status = error_set(err, "%s is not a case: a column of %s is computed", r->path, table);
    }
    if (status == STATUS_OK && rc != SQLITE_DONE)
        status = reader_fault(r, err);
    sqlite3_finalize(row);
    return status;
}

/* What is found of the tables that a case must have. */
enum found { FOUND_NONE, FOUND_TABLE, FOUND_VIEW };

/* Finds the tables of such names: neither views nor virtual tables, so that a walk over them ends. SQLite has compared
 * type and name of these rows with what their sql says. While a case is written live some are views of ours. */
static enum status find_tables(struct reader *r, enum found *found, const char *const *names,
                               size_t count, struct error *err)
{
    sqlite3_stmt *row;
    int rc;
    enum status status = reader_prepare_own(
        r, &row,
        "SELECT name, type = 'view', sql FROM \"%w\".sqlite_master WHERE type = 'view' OR"
        " (type = 'table' AND rootpage > 0 AND substr(sql, 1, 13) = 'CREATE TABLE ')",
        err);

    if (status != STATUS_OK)
        return status;
    while ((rc = sqlite3_step(row)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(row, 0);
        const bool is_view = sqlite3_column_int(row, 1) != 0;
        const char *sql = (const char *)sqlite3_column_text(row, 2);
        if (!name || !sql || (is_view && !live_form_is_view(name, sql)))
            continue;
        for (size_t i = 0; i < count; i++)
            if (strcmp(name, names[i]) == 0)
                found[i] = is_view ? FOUND_VIEW : FOUND_TABLE;
    }
    if (rc != SQLITE_DONE)
        status = reader_fault(r, err);
    sqlite3_finalize(row);
    return status;
}

/* Whether they are tables, or, where that is allowed, views of ours, which *views then says. */
static enum status check_found(struct reader *r, bool *views, const char *const *names,
                               size_t count, struct error *err)
{
    enum found found[PROMISED_COUNT] = {FOUND_NONE};
    enum status status = find_tables(r, found, names, count, err);

    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        if (found[i] == FOUND_VIEW && views)
            *views = true;
        else if (found[i] == FOUND_TABLE)
            status = check_columns(r, names[i], err);
        else
            status = error_set(err, "%s is not a case: it has no table %s", r->path, names[i]);
    }
    return status;
}

static enum status check_tables(struct reader *r, struct error *err)
{
    bool views = false;
    size_t count = 0;
    enum status status = check_found(r, &views, promised_tables, PROMISED_COUNT, err);

    while (live_form_tables[count])
        count++;
    return status == STATUS_OK && views ? check_found(r, NULL, live_form_tables, count, err)
                                        : status;
}

enum status reader_check(struct reader *r, struct error *err)
{
    int64_t application_id = 0, version = 0;
    enum status status = ask(r, &application_id, "PRAGMA \"%w\".application_id", err);

    if (status == STATUS_OK)
        status = ask(r, &version, "PRAGMA \"%w\".user_version", err);
    if (status != STATUS_OK)
        return status;
    if (application_id != STORE_APPLICATION_ID)
        return error_set(
            err, "%s is not a case: its application_id is 0x%08" PRIx32 " instead of 0x%08x",
            r->path, (uint32_t)application_id, (unsigned)STORE_APPLICATION_ID);
    if (version > STORE_SCHEMA_VERSION)
        return error_set(
            err, "%s is a case of schema version %" PRId64 ", newer than the %d of this seine",
            r->path, version, STORE_SCHEMA_VERSION);
    if (version != STORE_SCHEMA_VERSION)
        return error_set(err, "%s is not a case: its schema version is %" PRId64, r->path, version);
    return check_tables(r, err);
}

/* The number that SQLite counts up whenever a schema is changed; false where it cannot be had. */
static bool schema_version(int64_t *version, sqlite3 *db)
{
    sqlite3_stmt *row;
    bool found = false;

    if (sqlite3_prepare_v2(db, "PRAGMA main.schema_version", -1, &row, NULL) == SQLITE_OK &&
        sqlite3_step(row) == SQLITE_ROW) {
        *version = sqlite3_column_int64(row, 0);
        found = true;
    }
    sqlite3_finalize(row);
    return found;
}

enum status reader_check_once(struct reader *r, struct reader_checked *checked, struct error *err)
{
    int64_t version = 0;
    bool is_main = strcmp(r->schema, "main") == 0 && schema_version(&version, r->db);

    if (is_main && checked->is && checked->version == version)
        return STATUS_OK;
    enum status status = reader_check(r, err);
    checked->is = is_main && status == STATUS_OK;
    checked->version = version;
    return status;
}

/* The same, of one moment: a live case that ends takes other tables. `code`: what SQLite said last. */
static enum status check_at_once(struct reader *r, int *code, struct error *err)
{
    if (sqlite3_exec(r->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
        return reader_fault(r, err);
    enum status status = reader_check(r, err);
    *code = sqlite3_extended_errcode(r->db);
    sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

/* Whether the file that was opened is a case, brought back first to what it was before an addition that
 * was cut off. */
static enum status check_file(struct reader *r, struct error *err)
{
    int code = SQLITE_OK;
    enum status status = check_at_once(r, &code, err);

    if (status != STATUS_OK && code == SQLITE_READONLY_ROLLBACK) {
        status = roll_back(r, err);
        if (status == STATUS_OK)
            status = check_at_once(r, &code, err);
    }
    return status;
}

enum status reader_open(struct reader **reader, const char *path, struct error *err)
{
    struct reader *r = malloc(sizeof *r);

    *reader = NULL;
    if (!r)
        return error_no_memory(err, "opening %s: no memory", path);
    *r = (struct reader){.path = strdup(path), .schema = strdup("main"), .lock = -1};
    enum status status = r->path && r->schema ? open_file(r, err)
                                              : error_no_memory(err, "opening %s: no memory", path);
    if (status == STATUS_OK)
        status = open_database(r, SQLITE_OPEN_READONLY, err);
    if (status == STATUS_OK)
        status = check_file(r, err);
    if (status == STATUS_OK)
        status = tables_register(r->db, err);
    if (status == STATUS_OK)
        *reader = r;
    else
        reader_close(r);
    return status;
}

/* What to call a database that is in no file. */
static char *memory_name(const char *schema)
{
    char name[100];
    snprintf(name, sizeof name, "the database %s", schema);
    return strdup(name);
}

enum status reader_borrow(struct reader **reader, sqlite3 *db, const char *schema,
                          struct error *err)
{
    const char *path = sqlite3_db_filename(db, schema);
    struct reader *r = malloc(sizeof *r);

    *reader = NULL;
    if (!r)
        return error_no_memory(err, "reading a case: no memory");
    *r = (struct reader){.db = db,
                         .path = path && path[0] ? strdup(path) : memory_name(schema),
                         .schema = strdup(schema),
                         .lock = -1,
                         .borrowed = true};
    if (!r->path || !r->schema) {
        reader_close(r);
        return error_no_memory(err, "reading a case: no memory");
    }
    *reader = r;
    return STATUS_OK;
}

enum status reader_take(struct reader **reader, sqlite3 *db, const char *name,
                        void (*interrupt)(void *context), void *context, struct error *err)
{
    struct reader *r = malloc(sizeof *r);

    *reader = NULL;
    if (!r) {
        sqlite3_close_v2(db);
        return error_no_memory(err, "opening %s: no memory", name);
    }
    *r = (struct reader){.db = db,
                         .path = strdup(name),
                         .schema = strdup("main"),
                         .lock = -1,
                         .taken = true,
                         .interrupt = interrupt,
                         .interrupt_context = context};
    harden(db);
    if (!r->path || !r->schema) {
        reader_close(r);
        return error_no_memory(err, "opening %s: no memory", name);
    }
    if (sqlite3_exec(db, "PRAGMA query_only = ON", NULL, NULL, NULL) != SQLITE_OK) {
        enum status status = reader_fault(r, err);
        reader_close(r);
        return status;
    }
    *reader = r;
    return STATUS_OK;
}

void reader_interrupt(struct reader *reader)
{
    sqlite3_interrupt(reader->db);
    if (reader->interrupt)
        reader->interrupt(reader->interrupt_context);
}

void reader_close(struct reader *reader)
{
    if (!reader)
        return;
    if (!reader->borrowed)
        close_database(reader);
    if (reader->lock >= 0)
        close(reader->lock); /* after SQLite's own, see above */
    free(reader->path);
    free(reader->schema);
    free(reader);
}

void reader_set_evidence(struct reader *reader, const struct payload_source *evidence)
{
    reader->evidence = evidence;
}

const struct payload_source *reader_evidence(const struct reader *reader)
{
    return reader->evidence;
}

sqlite3 *reader_db(struct reader *reader)
{
    return reader->db;
}

const char *reader_path(const struct reader *reader)
{
    return reader->path;
}

const char *reader_schema(const struct reader *reader)
{
    return reader->schema;
}

const char *reader_evidence_status(struct reader *reader, const char *status)
{
    static const char *const words[] = {"complete", "partial", "interrupted"};

    if (strcmp(status, "open") == 0)
        return reader->taken || is_writer_there(reader) /* of a folder, each slice has been asked */
                   ? "open"
                   : "interrupted";
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(status, words[i]) == 0)
            return words[i];
    }
    return "unknown";
}

enum status reader_prepare(struct reader *reader, sqlite3_stmt **statement, const char *sql,
                           struct error *err)
{
    *statement = NULL;
    if (sqlite3_prepare_v2(reader->db, sql, -1, statement, NULL) != SQLITE_OK)
        return reader_fault(reader, err);
    return STATUS_OK;
}

enum status reader_prepare_own(struct reader *reader, sqlite3_stmt **statement, const char *sql,
                               struct error *err)
{
    char *text = sqlite3_mprintf(sql, reader->schema);

    *statement = NULL;
    if (!text)
        return error_no_memory(err, "reading %s: no memory", reader->path);
    enum status status = reader_prepare(reader, statement, text, err);
    sqlite3_free(text);
    return status;
}
