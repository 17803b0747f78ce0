/* case_file.c - the file under a case. */
#include "store/case_file.h"

#include "store/log_file.h"
#include "store/schema.h"
#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* SQLite locks bytes from 2^30 on (its PENDING_BYTE), 512 of them. Of who writes, and of who would but for want of room. */
enum { LOCK_BYTE = 0x40000000 + 4096, PAUSE_BYTE };

enum { HEADER_LEN = 100, APPLICATION_ID_AT = 68 };
enum { WITHOUT_LOG = 1, WITH_LOG = 2 }; /* as the file says */
enum { COMMIT_WAIT_MS = 10000, OPEN_WAIT_MS = 5000 };

/* Of the write-ahead log: from here on what is in it is copied into the file, and from there on a log that
 * was copied is cut off. A page that changes every second is copied once in many. */
enum { LOG_COPIED_LEN = 32 << 20, LOG_CUT_LEN = 48 << 20 };
enum { LOG_PAGE_HEAD = 24 };

const char *case_file_name(const struct case_file *f)
{
    return f->partial ? f->partial : f->path;
}

enum status case_file_fault(const struct case_file *f, const char *what, struct error *err)
{
    int code = sqlite3_errcode(f->db);
    int reason = sqlite3_system_errno(f->db);
    const bool is_of_system = (code == SQLITE_IOERR || code == SQLITE_CANTOPEN) && reason != 0;

    if (is_of_system)
        error_set(err, "%s %s: %s (%s)", what, case_file_name(f), sqlite3_errmsg(f->db),
                  strerror(reason));
    else
        (code == SQLITE_NOMEM ? error_no_memory : error_set)(
            err, "%s %s: %s", what, case_file_name(f), sqlite3_errmsg(f->db));
    if (err)
        err->no_room =
            code == SQLITE_FULL || (is_of_system && (reason == ENOSPC || reason == EDQUOT));
    return STATUS_FAILED;
}

static enum status run(struct case_file *f, const char *sql, struct error *err)
{
    if (sqlite3_exec(f->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return case_file_fault(f, "writing", err);
    return STATUS_OK;
}

/* The single number that `sql` gives. */
static bool ask(struct case_file *f, const char *sql, int64_t *value)
{
    sqlite3_stmt *statement;
    bool found = false;

    if (sqlite3_prepare_v2(f->db, sql, -1, &statement, NULL) != SQLITE_OK)
        return false;
    if (sqlite3_step(statement) == SQLITE_ROW) {
        *value = sqlite3_column_int64(statement, 0);
        found = true;
    }
    return sqlite3_finalize(statement) == SQLITE_OK && found;
}

static bool lock_byte(int fd, off_t at)
{
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
    return fcntl(fd, F_OFD_SETLK, &all) == 0;
}

static bool lock_take(int fd)
{
    return lock_byte(fd, LOCK_BYTE);
}

int case_file_pause(const char *path)
{
    const int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);

    if (fd < 0 || lock_byte(fd, PAUSE_BYTE))
        return fd;
    close(fd);
    return -1;
}

/* Whether the open file still is what stands at `path`. */
static bool still_there(int fd, const char *path)
{
    struct stat open_file, named;
    return fstat(fd, &open_file) == 0 && stat(path, &named) == 0 &&
           open_file.st_ino == named.st_ino && open_file.st_dev == named.st_dev;
}

/* Whether the file may be what an earlier run left: empty, or marked as ours. */
static bool is_leftover(int fd)
{
    uint8_t header[HEADER_LEN];
    ssize_t len = pread(fd, header, sizeof header, 0);

    if (len == 0)
        return true;
    return len == HEADER_LEN && memcmp(header, "SQLite format 3", 16) == 0 &&
           load_be32(span_of(header, sizeof header), APPLICATION_ID_AT) == STORE_APPLICATION_ID;
}

/* Removes what a killed run left at f->partial. */
static enum status remove_leftover(struct case_file *f, struct error *err)
{
    enum status status = STATUS_OK;
    int fd = open(f->partial, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0)
        return errno == ENOENT
                   ? STATUS_OK
                   : error_set(err, "%s is in the way: %s", f->partial, strerror(errno));
    if (!lock_take(fd)) {
        status = errno == EAGAIN || errno == EACCES
                     ? error_set(err, "%s is being written by another seine", f->path)
                     : error_set(err, "locking %s: %s", f->partial, strerror(errno));
    } else if (still_there(fd, f->partial)) {
        if (!is_leftover(fd))
            status = error_set(err, "%s is in the way: it is no case", f->partial);
        else if (unlink(f->partial) != 0)
            status = error_set(err, "removing %s: %s", f->partial, strerror(errno));
        else
            f->removed_leftover = true;
    }
    close(fd);
    return status;
}

/* Makes f->partial and holds its lock. */
static enum status make_partial(struct case_file *f, struct error *err)
{
    for (;;) {
        f->lock = open(f->partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (f->lock >= 0) {
            if (lock_take(f->lock) && still_there(f->lock, f->partial))
                return STATUS_OK;
            /* somebody saw it before it was locked, and took it for a leftover: theirs or
             * nobody's */
            close(f->lock);
            f->lock = -1;
            return error_set(err, "%s is being written by another seine", f->path);
        }
        if (errno != EEXIST)
            return error_set(err, "making %s: %s", f->partial, strerror(errno));
        enum status status = remove_leftover(f, err);
        if (status != STATUS_OK)
            return status;
    }
}

/* What holds for every connection that writes: nothing that a hostile case brought along runs. */
static void harden(sqlite3 *db)
{
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_extended_result_codes(db, 0);
}

static enum status bound_cache(struct case_file *f, size_t cache_len, struct error *err)
{
    char sql[160];
    snprintf(sql, sizeof sql,
             "PRAGMA main.cache_size = -%zu; PRAGMA temp.cache_size = -512;"
             "PRAGMA temp_store = FILE; PRAGMA secure_delete = OFF;",
             cache_len / 1024);
    return run(f, sql, err);
}

static enum status open_fresh(struct case_file *f, uint32_t page_size, size_t cache_len,
                              struct error *err)
{
    char sql[256];
    enum status status = make_partial(f, err);

    if (status != STATUS_OK)
        return status;
    if (sqlite3_open_v2(f->partial, &f->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK)
        return case_file_fault(f, "opening", err);
    snprintf(sql, sizeof sql, /* before harden(), which would refuse to go without a journal */
             "PRAGMA page_size = %" PRIu32 "; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
             "PRAGMA application_id = %d; PRAGMA user_version = %d;",
             page_size, (int)STORE_APPLICATION_ID, (int)STORE_SCHEMA_VERSION);
    status = run(f, sql, err);
    harden(f->db);
    sqlite3_busy_timeout(f->db,
                         OPEN_WAIT_MS); /* it is let go for a moment, now and then: leaves.h */
    if (status == STATUS_OK)
        status = bound_cache(f, cache_len, err);
    if (status == STATUS_OK)
        status = run(f, "BEGIN", err);
    if (status == STATUS_OK)
        status = run(f, schema_sql, err);
    if (status == STATUS_OK)
        status = run(f, views_sql, err);
    if (status == STATUS_OK) /* committed, so that what a kill leaves is known as ours */
        status = run(f, "COMMIT; BEGIN EXCLUSIVE", err);
    return status;
}

/* Whether the open file is a case that we can add to. */
static enum status check_case(struct case_file *f, struct error *err)
{
    int64_t application_id = 0, version = 0;

    if (!ask(f, "PRAGMA application_id", &application_id) ||
        !ask(f, "PRAGMA user_version", &version)) {
        int code = sqlite3_errcode(f->db);
        if (code == SQLITE_NOTADB)
            return error_set(err, "%s is not a case: it is no SQLite database", f->path);
        if (code == SQLITE_BUSY)
            return error_set(err, "%s is being written by another seine", f->path);
        return case_file_fault(f, "reading", err);
    }
    if (application_id != STORE_APPLICATION_ID)
        return error_set(
            err, "%s is not a case: its application_id is 0x%08" PRIx64 " instead of 0x%08x",
            f->path, (uint64_t)application_id & UINT32_MAX, STORE_APPLICATION_ID);
    if (version > STORE_SCHEMA_VERSION)
        return error_set(
            err, "%s is a case of schema version %" PRId64 ", newer than the %d of this seine",
            f->path, version, STORE_SCHEMA_VERSION);
    if (version != STORE_SCHEMA_VERSION)
        return error_set(err, "%s is not a case: its schema version is %" PRId64, f->path, version);
    return STATUS_OK;
}

/* What a run that was killed between link() and unlink() leaves: the case under both of its names. */
static void remove_second_name(const char *path, const struct stat *there)
{
    struct stat other;
    char *partial;

    if (asprintf(&partial, "%s.partial", path) < 0)
        return;
    if (lstat(partial, &other) == 0 && other.st_dev == there->st_dev &&
        other.st_ino == there->st_ino)
        unlink(partial);
    free(partial);
}

/* Takes the writer's lock of a case that is there. */
static enum status lock_case(struct case_file *f, struct error *err)
{
    f->lock = open(f->path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (f->lock < 0 && (errno == EACCES || errno == EROFS || errno == EPERM))
        return error_set(err, "writing %s: it may only be read", f->path);
    if (f->lock < 0)
        return error_set(err, "opening %s: %s", f->path, strerror(errno));
    if (lock_take(f->lock))
        return STATUS_OK;
    if (errno == EAGAIN || errno == EACCES)
        return error_set(err, "%s is being written by another seine", f->path);
    return error_set(err, "locking %s: %s", f->path, strerror(errno));
}

/* Opens the case that is there, and checks that it is one. A reader may hold it for a moment: the first one after a
 * kill reads its log again. */
static enum status open_there(struct case_file *f, size_t cache_len, int wait_ms, const char *vfs,
                              struct error *err)
{
    if (sqlite3_open_v2(f->path, &f->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, vfs) !=
        SQLITE_OK)
        return case_file_fault(f, "opening", err);
    harden(f->db);
    sqlite3_busy_timeout(f->db, wait_ms);
    enum status status = check_case(f, err);
    if (status != STATUS_OK)
        return status;
    if (sqlite3_db_readonly(f->db, "main") == 1)
        return error_set(err, "writing %s: it may only be read", f->path);
    return bound_cache(f, cache_len, err);
}

/* Runs what begins a transaction on a case that is there, which somebody may hold. */
static enum status begin(struct case_file *f, const char *sql, struct error *err)
{
    if (sqlite3_exec(f->db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return STATUS_OK;
    if (sqlite3_errcode(f->db) == SQLITE_BUSY)
        return error_set(err, "%s is being written by another seine", f->path);
    return case_file_fault(f, "writing", err);
}

static enum status open_addition(struct case_file *f, size_t cache_len, bool sync,
                                 struct error *err)
{
    enum status status = lock_case(f, err);

    if (status == STATUS_OK)
        status = open_there(f, cache_len, 0, NULL, err);
    if (status != STATUS_OK)
        return status;
    return begin(f,
                 sync ? "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;"
                        "BEGIN IMMEDIATE"
                      : "PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF;"
                        "BEGIN IMMEDIATE",
                 err);
}

static bool sync_folder(const char *path);
static enum status name_partial(struct case_file *f, struct error *err);

/* Says in the file whether it has a write-ahead log, as of when it is opened next (SQLite's file format, 1.3). For SQLite
 * to change it, the file would have to be nobody else's for a moment. */
static bool say_versions(int fd, uint8_t version)
{
    enum { VERSIONS_AT = 18 }; /* who may write it, and who may read it */
    const uint8_t both[] = {version, version};

    return pwrite(fd, both, sizeof both, VERSIONS_AT) == sizeof both;
}

/* Makes an empty case under its own name. A kill leaves it with all its tables, or none of it. */
static enum status make_live(struct case_file *f, const struct case_file_options *options,
                             struct error *err)
{
    enum status status = open_fresh(f, options->page_size, options->cache_len, err);

    if (status == STATUS_OK)
        status = run(f, "COMMIT", err);
    sqlite3_close(f->db);
    f->db = NULL;
    if (status == STATUS_OK && !say_versions(f->lock, WITH_LOG))
        status = error_set(err, "writing %s: %s", f->partial, strerror(errno));
    if (status == STATUS_OK && options->sync && fsync(f->lock) != 0)
        status = error_set(err, "flushing %s: %s", f->partial, strerror(errno));
    if (status == STATUS_OK)
        status = name_partial(f, err);
    if (status != STATUS_OK)
        return status;
    free(f->partial);
    f->partial = NULL;
    if (options->sync && !sync_folder(f->path))
        return error_set(err, "flushing the folder of %s: %s", f->path, strerror(errno));
    return STATUS_OK;
}

/* SQLite's code: after each commit, how many pages the log has. It begins anew where all were copied, and the file
 * stays as long as it was: its length says nothing. */
static int see_log(void *log_pages, sqlite3 *db, const char *schema, int pages)
{
    (void)db, (void)schema;
    *(int *)log_pages = pages;
    return SQLITE_OK;
}

/* The case is there, and its lock is ours. */
static enum status open_live(struct case_file *f, const struct case_file_options *options,
                             struct error *err)
{
    sqlite3_stmt *mode = NULL;
    enum status status =
        open_there(f, options->cache_len, OPEN_WAIT_MS, options->sync ? log_file_vfs() : NULL, err);

    if (status != STATUS_OK)
        return status;
    bool logged =
        sqlite3_prepare_v2(f->db, "PRAGMA journal_mode = WAL", -1, &mode, NULL) == SQLITE_OK &&
        sqlite3_step(mode) == SQLITE_ROW &&
        strcmp((const char *)sqlite3_column_text(mode, 0), "wal") == 0;
    if (sqlite3_finalize(mode) != SQLITE_OK)
        return sqlite3_errcode(f->db) == SQLITE_BUSY
                   ? error_set(err, "%s is being read, and cannot be made ready: try again",
                               f->path)
                   : case_file_fault(f, "opening", err);
    if (!logged)
        return error_set(err,
                         "%s cannot have a write-ahead log where it lies: a live case needs a "
                         "filesystem of this machine",
                         f->path);
    f->live = true;
    /* SQLite would lock out readers for a moment when it closes the file, to see whether it is alone with it. */
    sqlite3_db_config(f->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    f->log_pages = calloc(1, sizeof *f->log_pages);
    if (!f->log_pages)
        return error_no_memory(err, "opening %s: no memory", f->path);
    enum status begun =
        begin(f,
              options->sync ? "PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = FULL;"
                              "BEGIN IMMEDIATE"
                            : "PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = OFF;"
                              "BEGIN IMMEDIATE",
              err);
    sqlite3_wal_hook(f->db, see_log, f->log_pages); /* which goes with wal_autocheckpoint */
    return begun;
}

/* What SQLite would take for the log or the journal of a case that is made: of one that was removed without it. */
static enum status check_beside(const struct case_file *f, struct error *err)
{
    static const char *const ends[] = {"-wal", "-journal"};
    enum status status = STATUS_OK;

    for (int i = 0; i < 2 && status == STATUS_OK; i++) {
        struct stat there;
        char *name;
        if (asprintf(&name, "%s%s", f->path, ends[i]) < 0)
            return error_no_memory(err, "opening %s: no memory", f->path);
        if (stat(name, &there) == 0 && there.st_size > 0)
            status =
                error_set(err, "%s is in the way: it belongs to a case that is not there", name);
        free(name);
    }
    return status;
}

enum status case_file_open(struct case_file *f, const char *path,
                           const struct case_file_options *options, struct error *err)
{
    struct stat there;
    enum status status;

    *f = (struct case_file){.lock = -1};
    f->path = strdup(path);
    if (!f->path)
        return error_no_memory(err, "opening %s: no memory", path);
    if (stat(path, &there) == 0) {
        remove_second_name(path, &there);
        if (!S_ISREG(there.st_mode))
            status = error_set(err, "%s is not a case: it is %s", path,
                               S_ISDIR(there.st_mode) ? "a folder" : "no regular file");
        else if (!options->live)
            status = open_addition(f, options->cache_len, options->sync, err);
        else if ((status = lock_case(f, err)) == STATUS_OK)
            status = open_live(f, options, err);
    } else if (errno != ENOENT) {
        status = error_set(err, "opening %s: %s", path, strerror(errno));
    } else if ((status = check_beside(f, err)) != STATUS_OK) {
        /* said */
    } else if (asprintf(&f->partial, "%s.partial", path) < 0) {
        f->partial = NULL;
        status = error_no_memory(err, "opening %s: no memory", path);
    } else if (options->live) {
        status = make_live(f, options, err);
        if (status == STATUS_OK)
            status = open_live(f, options, err);
    } else {
        status = open_fresh(f, options->page_size, options->cache_len, err);
    }
    if (status != STATUS_OK)
        case_file_drop(f);
    return status;
}

/* Flushes the folder that `path` lies in, so that the name survives a loss of power. */
static bool sync_folder(const char *path)
{
    char *folder = strdup(path);
    if (!folder)
        return false;
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = 0;
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    free(folder);
    return done;
}

/* Gives the partial file its name, never over another file, and at one instant where the filesystem can. */
static enum status name_partial(struct case_file *f, struct error *err)
{
    if (renameat2(AT_FDCWD, f->partial, AT_FDCWD, f->path, RENAME_NOREPLACE) == 0)
        return STATUS_OK;
    if (errno != EEXIST && link(f->partial, f->path) == 0) {
        unlink(f->partial);
        return STATUS_OK;
    }
    if (errno == EEXIST)
        return error_set(err, "%s was made by somebody else meanwhile: it is left as it is",
                         f->path);
    return error_set(err, "naming %s: %s", f->path, strerror(errno));
}

/* How many pages the log has, and how many of them are in the file. */
static enum status checkpoint(struct case_file *f, int mode, int *pages, int *copied,
                              struct error *err)
{
    int code = sqlite3_wal_checkpoint_v2(f->db, "main", mode, pages, copied);

    if (code == SQLITE_OK || code == SQLITE_BUSY)
        return STATUS_OK;
    return case_file_fault(f, "writing", err);
}

static int64_t log_len_of(const struct case_file *f)
{
    struct stat log;
    char *name;

    if (asprintf(&name, "%s-wal", f->path) < 0)
        return 0;
    int64_t len = stat(name, &log) == 0 ? (int64_t)log.st_size : 0;
    free(name);
    return len;
}

uint64_t case_file_len(struct case_file *f)
{
    int64_t pages = 0, page_size = 0;

    if (!ask(f, "PRAGMA page_count", &pages) || !ask(f, "PRAGMA page_size", &page_size))
        return 0;
    return (uint64_t)pages * (uint64_t)page_size;
}

/* Bytes of the log that are in use. */
static int64_t log_used(struct case_file *f)
{
    int64_t page_size = 0;

    ask(f, "PRAGMA page_size", &page_size);
    return *f->log_pages * (page_size + LOG_PAGE_HEAD);
}

enum status case_file_commit(struct case_file *f, size_t *log_len, bool *log_held,
                             struct error *err)
{
    int pages = 0, copied = 0;
    enum status status = run(f, "COMMIT", err);
    int64_t len = log_len_of(f);

    *log_held = false;
    sqlite3_busy_timeout(f->db, 0); /* readers are not waited for: it is tried again soon */
    if (status == STATUS_OK && log_used(f) >= LOG_COPIED_LEN) {
        status = checkpoint(f, SQLITE_CHECKPOINT_PASSIVE, &pages, &copied, err);
        *log_held = status == STATUS_OK && copied < pages;
    }
    if (status == STATUS_OK && len >= LOG_CUT_LEN) {
        status = checkpoint(f, SQLITE_CHECKPOINT_TRUNCATE, &pages, &copied, err);
        len = log_len_of(f);
        *log_held = len >= LOG_CUT_LEN;
    }
    *log_len = (size_t)len;
    sqlite3_busy_timeout(f->db, OPEN_WAIT_MS);
    return status == STATUS_OK ? run(f, "BEGIN IMMEDIATE", err) : status;
}

/* ---- out of the log ---- */

/* Whether another process has the file open with SQLite: in its log, that keeps a shared lock for as long (SQLite's
 * lock page, os_unix.c). To ask takes no lock. */
static bool is_open_elsewhere(int fd)
{
    struct flock shared = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0x40000002, .l_len = 510};
    return fcntl(fd, F_GETLK, &shared) != 0 || shared.l_type != F_UNLCK;
}

static void remove_beside(const struct case_file *f, const char *end)
{
    char *name;

    if (asprintf(&name, "%s%s", f->path, end) < 0)
        return;
    unlink(name);
    free(name);
}

/* Removes the log, which is empty, and its index. Who has read the old word just before opens them yet, or makes them again: that
 * one is waited for. */
static void remove_log(const struct case_file *f)
{
    enum { TRIES = 10 };
    static const struct timespec a_while = {.tv_nsec = 20 * 1000000};

    for (int i = 0; i < TRIES; i++) {
        nanosleep(&a_while, NULL);
        remove_beside(f, "-wal");
        remove_beside(f, "-shm");
        if (!is_open_elsewhere(f->lock))
            break;
    }
}

/* The log is empty, and nobody writes until this transaction ends: then two bytes are all that tells the two forms apart. Who
 * opens the file from now on reads it without a log; who has opened it before finds an empty one, and reads the same. */
static enum status say_one_file(struct case_file *f, bool *is, struct error *err)
{
    if (sqlite3_exec(f->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
        return sqlite3_errcode(f->db) == SQLITE_BUSY ? STATUS_OK
                                                     : case_file_fault(f, "closing", err);
    if (log_len_of(f) == 0) {
        if (!say_versions(f->lock, WITHOUT_LOG))
            return error_set(err, "closing %s: %s", f->path, strerror(errno));
        *is = true;
        remove_log(f);
    }
    return run(f, "ROLLBACK", err);
}

/* Waits, no longer than so often a while, until nobody else has it open. SQLite's own way would lock the file against
 * readers for as long as it takes to remove the log and to write a transaction: some milliseconds, in which who does not
 * wait is told that it is locked. */
static enum status leave_log(struct case_file *f, bool *left, int tries, struct error *err)
{
    static const struct timespec a_while = {.tv_nsec = 2 * 1000000};
    int pages = 0, copied = 0;
    enum status status = checkpoint(f, SQLITE_CHECKPOINT_PASSIVE, &pages, &copied, err);

    *left = false;
    sqlite3_busy_timeout(f->db, 0);
    for (int i = 0; i < tries && status == STATUS_OK && !*left; i++) {
        if (i > 0)
            nanosleep(&a_while, NULL);
        if (is_open_elsewhere(f->lock))
            continue;
        status = checkpoint(f, SQLITE_CHECKPOINT_TRUNCATE, &pages, &copied, err);
        if (status == STATUS_OK && log_len_of(f) == 0)
            status = say_one_file(f, left, err);
    }
    return status;
}

static enum status settle(struct case_file *f, bool *one_file, int tries, struct error *err)
{
    int64_t sync = 0;
    enum status status = sqlite3_get_autocommit(f->db) ? STATUS_OK : run(f, "COMMIT", err);

    *one_file = false;
    if (status == STATUS_OK && ask(f, "PRAGMA synchronous", &sync))
        status = leave_log(f, one_file, tries, err);
    if (status == STATUS_OK && *one_file && sync > 0 &&
        (fsync(f->lock) != 0 || !sync_folder(f->path)))
        status = error_set(err, "flushing %s: %s", f->path, strerror(errno));
    if (!*one_file)
        sqlite3_db_release_memory(f->db); /* it may stay open for long */
    return status;
}

enum status case_file_settle(struct case_file *f, bool *one_file, struct error *err)
{
    enum { TRIES = 500 }; /* a second */
    return settle(f, one_file, TRIES, err);
}

enum status case_file_settle_again(struct case_file *f, bool *one_file, struct error *err)
{
    enum { TRIES = 25 }; /* there may be many of them */
    return settle(f, one_file, TRIES, err);
}

enum status case_file_end(struct case_file *f, bool sync, struct error *err)
{
    enum status status = STATUS_OK;

    sqlite3_busy_timeout(f->db, COMMIT_WAIT_MS); /* readers of an addition may finish first */
    if (!sqlite3_get_autocommit(f->db))
        status = run(f, "COMMIT", err);
    if (status == STATUS_OK && f->partial) {
        int code = sqlite3_close(f->db);
        assert(code == SQLITE_OK); /* every statement has been finalized */
        f->db = NULL;
        if (sync && fsync(f->lock) != 0)
            status = error_set(err, "flushing %s: %s", f->partial, strerror(errno));
        if (status == STATUS_OK)
            status = name_partial(f, err);
        if (status == STATUS_OK) {
            free(f->partial);
            f->partial = NULL; /* it has its name now: nothing to remove */
            if (sync && !sync_folder(f->path)) {
                status = error_set(err, "flushing the folder of %s: %s", f->path, strerror(errno));
                unlink(f->path);
            }
        }
    }
    case_file_drop(f);
    return status;
}

void case_file_drop(struct case_file *f)
{
    if (f->db) {
        if (!f->partial) { /* after a failure SQLite leaves the journal to whoever reads next */
            if (!sqlite3_get_autocommit(f->db))
                sqlite3_exec(f->db, "ROLLBACK", NULL, NULL, NULL);
            sqlite3_exec(f->db, "SELECT 1 FROM sqlite_schema LIMIT 1", NULL, NULL, NULL);
        }
        sqlite3_close(f->db);
    }
    if (f->partial && f->lock >= 0)
        unlink(f->partial);
    if (f->lock >= 0)
        close(f->lock);
    free(f->log_pages);
    free(f->partial);
    free(f->path);
    *f = (struct case_file){.lock = -1};
}

enum status case_file_index(bool *built, const char *path, size_t cache_len, struct error *err)
{
    struct case_file f;
    int64_t before = 0, after = 0;
    enum status status = case_file_open(
        &f, path, &(struct case_file_options){.cache_len = cache_len, .sync = true}, err);

    *built = false;
    if (status != STATUS_OK)
        return status;
    if (!ask(&f, "PRAGMA schema_version", &before) || run(&f, indexes_sql, err) != STATUS_OK ||
        !ask(&f, "PRAGMA schema_version", &after)) {
        status = case_file_fault(&f, "building the indexes of", err);
    }
    if (status != STATUS_OK || before == after) {
        case_file_drop(&f);
        return status;
    }
    *built = true;
    return case_file_end(&f, true, err);
}
