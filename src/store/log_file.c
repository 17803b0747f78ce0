/* log_file.c - a VFS that is the default one, but holds back what is written to write-ahead logs. */
#include "store/log_file.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { HELD_MOST = 64 << 10 };

/* A log that is open. Behind it lies the file of the VFS that does the work. */
struct log_file {
    sqlite3_file base; /* first: SQLite knows it by its address */
    sqlite3_file *real;
    uint8_t *held;    /* owned: HELD_MOST bytes */
    sqlite3_int64 at; /* in the file, of the first that is held */
    int held_len;
    int failed; /* SQLite's code: what was held could not be written */
};
_Static_assert(sizeof(struct log_file) % alignof(sqlite3_int64) == 0, "a file can lie behind it");

static struct log_file *log_of(sqlite3_file *file)
{
    return (struct log_file *)(void *)file;
}

/* After a failure there is a hole in the log, at pages that SQLite may believe to be there: all fails from then on, so
 * that no commit covers it. */
static int write_held(struct log_file *l)
{
    if (l->failed == SQLITE_OK && l->held_len > 0)
        l->failed = l->real->pMethods->xWrite(l->real, l->held, l->held_len, l->at);
    l->held_len = 0;
    return l->failed;
}

/* ---- what SQLite asks of a log ---- */

static int log_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
    struct log_file *l = log_of(file);

    if (at != l->at + l->held_len || len > HELD_MOST - l->held_len)
        write_held(l);
    if (l->failed != SQLITE_OK)
        return l->failed;
    if (len > HELD_MOST)
        return l->real->pMethods->xWrite(l->real, bytes, len, at);
    if (l->held_len == 0)
        l->at = at;
    memcpy(l->held + l->held_len, bytes, (size_t)len);
    l->held_len += len;
    return SQLITE_OK;
}

static int log_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 at)
{
    struct log_file *l = log_of(file);
    const int code = write_held(l);

    return code == SQLITE_OK ? l->real->pMethods->xRead(l->real, bytes, len, at) : code;
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct log_file *l = log_of(file);
    const int code = write_held(l);

    return code == SQLITE_OK ? l->real->pMethods->xTruncate(l->real, size) : code;
}

static int log_sync(sqlite3_file *file, int flags)
{
    struct log_file *l = log_of(file);
    const int code = write_held(l);

    return code == SQLITE_OK ? l->real->pMethods->xSync(l->real, flags) : code;
}

static int log_size(sqlite3_file *file, sqlite3_int64 *size)
{
    struct log_file *l = log_of(file);
    const int code = write_held(l);

    return code == SQLITE_OK ? l->real->pMethods->xFileSize(l->real, size) : code;
}

static int log_close(sqlite3_file *file)
{
    struct log_file *l = log_of(file);
    const int code = write_held(l), closed = l->real->pMethods->xClose(l->real);

    free(l->held);
    l->held = NULL;
    return code == SQLITE_OK ? closed : code;
}

static int log_lock(sqlite3_file *file, int level)
{
    struct log_file *l = log_of(file);
    return l->real->pMethods->xLock(l->real, level);
}

static int log_unlock(sqlite3_file *file, int level)
{
    struct log_file *l = log_of(file);
    return l->real->pMethods->xUnlock(l->real, level);
}

static int log_is_reserved(sqlite3_file *file, int *is)
{
    struct log_file *l = log_of(file);
    return l->real->pMethods->xCheckReservedLock(l->real, is);
}

static int log_control(sqlite3_file *file, int what, void *argument)
{
    struct log_file *l = log_of(file);
    return l->real->pMethods->xFileControl(l->real, what, argument);
}

static int log_sector_size(sqlite3_file *file)
{
    struct log_file *l = log_of(file);
    return l->real->pMethods->xSectorSize(l->real);
}

static int log_device(sqlite3_file *file)
{
    struct log_file *l = log_of(file);
    return l->real->pMethods->xDeviceCharacteristics(l->real);
}

/* Version 1 has neither shared memory nor mapping, which are the case's, not the log's. */
static const sqlite3_io_methods log_methods = {
    .iVersion = 1,
    .xClose = log_close,
    .xRead = log_read,
    .xWrite = log_write,
    .xTruncate = log_truncate,
    .xSync = log_sync,
    .xFileSize = log_size,
    .xLock = log_lock,
    .xUnlock = log_unlock,
    .xCheckReservedLock = log_is_reserved,
    .xFileControl = log_control,
    .xSectorSize = log_sector_size,
    .xDeviceCharacteristics = log_device,
};

/* ---- the VFS ---- */

static struct {
    pthread_once_t once;
    sqlite3_vfs *real;
    sqlite3_vfs vfs;
    bool registered;
} logs = {.once = PTHREAD_ONCE_INIT};

static int open_log(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags,
                    int *out)
{
    struct log_file *l = log_of(file);

    (void)vfs;
    if (!(flags & SQLITE_OPEN_WAL))
        return logs.real->xOpen(logs.real, name, file, flags, out);
    *l = (struct log_file){.real = (sqlite3_file *)(void *)(l + 1), .held = malloc(HELD_MOST)};
    if (!l->held)
        return SQLITE_NOMEM;
    const int code = logs.real->xOpen(logs.real, name, l->real, flags, out);
    if (code != SQLITE_OK) {
        free(l->held);
        return code; /* without methods nobody closes it */
    }
    l->base.pMethods = &log_methods;
    return SQLITE_OK;
}

/* All but opening is the default VFS's, which knows itself by what is copied with the rest. */
static void register_vfs(void)
{
    logs.real = sqlite3_vfs_find(NULL);
    if (!logs.real)
        return;
    logs.vfs = *logs.real;
    logs.vfs.pNext = NULL;
    logs.vfs.zName = "seine-log";
    logs.vfs.szOsFile = (int)sizeof(struct log_file) + logs.real->szOsFile;
    logs.vfs.xOpen = open_log;
    logs.registered = sqlite3_vfs_register(&logs.vfs, 0) == SQLITE_OK;
}

const char *log_file_vfs(void)
{
    pthread_once(&logs.once, register_vfs);
    return logs.registered ? logs.vfs.zName : NULL;
}
