/* log_file.c - a VFS that is the default one, but holds back what is written to write-ahead logs, and to a case while
 * its log is copied. */
#include "store/log_file.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { HELD_MOST = 64 << 10 };
enum { LOG_PAGE_HEAD = 24 };

/* A log that is open, or a case. Behind it lies the file of the VFS that does the work. */
struct log_file {
    sqlite3_file base; /* first: SQLite knows it by its address */
    sqlite3_file *real;
    uint8_t *
        held; /* owned: HELD_MOST bytes. NULL: nothing is held, as of a case that no log is copied into */
    sqlite3_int64 at; /* in the file, of the first that is held */
    int held_len;
    int failed; /* SQLite's code: what was held could not be written */
    bool told;  /* of a case: that one was told */

    /* Of a log that is being copied, and holds nothing: what was read of it at once. */
    uint_fast64_t copy; /* which copy that was for */
    int ahead_len;
    sqlite3_int64 read_to;
};
_Static_assert(sizeof(struct log_file) % alignof(sqlite3_int64) == 0, "a file can lie behind it");

/* The copy of a log that this thread is at, of all that there were; 0: none. */
static atomic_uint_fast64_t copies;
static _Thread_local uint_fast64_t copy_here;

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

static int hold(struct log_file *l, const void *bytes, int len, sqlite3_int64 at)
{
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

/* ---- what SQLite asks of a log ---- */

static int log_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
    log_of(file)->ahead_len = 0;
    return hold(log_of(file), bytes, len, at);
}

static int read_real(const struct log_file *l, void *bytes, int len, sqlite3_int64 at)
{
    return l->real->pMethods->xRead(l->real, bytes, len, at);
}

/* While a log is copied it is read page by page, in the order of the pages in the case: mostly that in which they lie. Nobody
 * may write meanwhile where it is read. Where as much is not there, it is read as it is asked for. */
static int read_ahead(struct log_file *l, void *bytes, int len, sqlite3_int64 at)
{
    const bool goes_on = l->copy == copy_here && at == l->read_to + LOG_PAGE_HEAD;

    if (!goes_on)
        l->ahead_len = 0;
    l->copy = copy_here;
    l->read_to = at + len;
    if (goes_on && (l->ahead_len == 0 || at + len > l->at + l->ahead_len)) {
        l->at = at;
        l->ahead_len = HELD_MOST;
        while (l->ahead_len > len && read_real(l, l->held, l->ahead_len, at) != SQLITE_OK)
            l->ahead_len /= 2;
    }
    if (l->ahead_len <= len) {
        l->ahead_len = 0;
        return read_real(l, bytes, len, at);
    }
    memcpy(bytes, l->held + (at - l->at), (size_t)len);
    return SQLITE_OK;
}

static int log_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 at)
{
    struct log_file *l = log_of(file);
    const int code = write_held(l);

    if (code != SQLITE_OK)
        return code;
    return copy_here > 0 && len <= HELD_MOST ? read_ahead(l, bytes, len, at)
                                             : read_real(l, bytes, len, at);
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct log_file *l = log_of(file);
    const int code = write_held(l);

    l->ahead_len = 0;
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

/* ---- what it asks of a case ---- */

static int case_map(sqlite3_file *file, int region, int len, int extend, void volatile **to)
{
    struct log_file *l = log_of(file);
    return l->real->pMethods->xShmMap(l->real, region, len, extend, to);
}

static int case_lock(sqlite3_file *file, int first, int count, int flags)
{
    struct log_file *l = log_of(file);
    return l->real->pMethods->xShmLock(l->real, first, count, flags);
}

static void case_barrier(sqlite3_file *file)
{
    struct log_file *l = log_of(file);
    l->real->pMethods->xShmBarrier(l->real);
}

static int case_unmap(sqlite3_file *file, int remove)
{
    struct log_file *l = log_of(file);
    return l->real->pMethods->xShmUnmap(l->real, remove);
}

/* Whether all of the log is to be copied, as its index says (SQLite's "WAL-mode file format", 2.1): no reader holds it. */
static bool copies_all(struct log_file *l)
{
    enum { REGION = 32768, LAST_FRAME = 16 / 4, ATTEMPTED = 128 / 4 }; /* words of it */
    void volatile *region = NULL;

    if (case_map(&l->base, 0, REGION, 0, &region) != SQLITE_OK || !region)
        return false;
    const volatile uint32_t *index = region;
    return index[LAST_FRAME] == index[ATTEMPTED];
}

/* What is held is written when the last page has come, which SQLite asks nothing of; but where all of the log was copied it
 * truncates the case before it tells readers of the copy, and hears of a failure there. Where not all is, nothing is held. */
static void copy_begins(struct log_file *l)
{
    copy_here = atomic_fetch_add(&copies, 1) + 1;
    if (l->failed != SQLITE_OK && !l->told)
        return; /* readers may believe in pages that are not there: nothing is copied any more */
    l->failed = SQLITE_OK;
    l->told = false;
    if (copies_all(l))
        l->held = malloc(HELD_MOST);
}

static void copy_ended(struct log_file *l)
{
    copy_here = 0;
    write_held(l);
    free(l->held);
    l->held = NULL;
}

static int tell(struct log_file *l, int code)
{
    l->told = l->told || code != SQLITE_OK;
    return code;
}

static int case_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
    struct log_file *l = log_of(file);

    if (l->held)
        return tell(l, hold(l, bytes, len, at));
    return l->failed == SQLITE_OK ? l->real->pMethods->xWrite(l->real, bytes, len, at)
                                  : tell(l, l->failed);
}

static int case_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 at)
{
    struct log_file *l = log_of(file);

    write_held(l);
    return read_real(l, bytes, len, at);
}

static int case_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct log_file *l = log_of(file);
    const int code = tell(l, write_held(l));

    return code == SQLITE_OK ? l->real->pMethods->xTruncate(l->real, size) : code;
}

static int case_sync(sqlite3_file *file, int flags)
{
    struct log_file *l = log_of(file);
    const int code = tell(l, write_held(l));

    return code == SQLITE_OK ? l->real->pMethods->xSync(l->real, flags) : code;
}

static int case_size(sqlite3_file *file, sqlite3_int64 *size)
{
    struct log_file *l = log_of(file);

    write_held(l);
    return l->real->pMethods->xFileSize(l->real, size);
}

static int case_control(sqlite3_file *file, int what, void *argument)
{
    if (what == SQLITE_FCNTL_CKPT_START)
        copy_begins(log_of(file));
    else if (what == SQLITE_FCNTL_CKPT_DONE)
        copy_ended(log_of(file));
    return log_control(file, what, argument);
}

/* Version 2 has shared memory, and no mapping, which would see nothing of what is held. */
static const sqlite3_io_methods case_methods = {
    .iVersion = 2,
    .xClose = log_close,
    .xRead = case_read,
    .xWrite = case_write,
    .xTruncate = case_truncate,
    .xSync = case_sync,
    .xFileSize = case_size,
    .xLock = log_lock,
    .xUnlock = log_unlock,
    .xCheckReservedLock = log_is_reserved,
    .xFileControl = case_control,
    .xSectorSize = log_sector_size,
    .xDeviceCharacteristics = log_device,
    .xShmMap = case_map,
    .xShmLock = case_lock,
    .xShmBarrier = case_barrier,
    .xShmUnmap = case_unmap,
};

/* ---- the VFS ---- */

static struct {
    pthread_once_t once;
    sqlite3_vfs *real;
    sqlite3_vfs vfs;
    bool registered;
} logs = {.once = PTHREAD_ONCE_INIT};

static int open_file(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags,
                     int *out)
{
    struct log_file *l = log_of(file);
    const bool is_log = flags & SQLITE_OPEN_WAL;

    (void)vfs;
    if (!is_log && !(flags & SQLITE_OPEN_MAIN_DB))
        return logs.real->xOpen(logs.real, name, file, flags, out);
    *l = (struct log_file){.real = (sqlite3_file *)(void *)(l + 1)};
    if (is_log && !(l->held = malloc(HELD_MOST)))
        return SQLITE_NOMEM;
    const int code = logs.real->xOpen(logs.real, name, l->real, flags, out);
    if (code == SQLITE_OK) {
        l->base.pMethods = is_log ? &log_methods : &case_methods;
        return SQLITE_OK;
    }
    free(l->held);
    return code; /* without methods nobody closes it */
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
    logs.vfs.xOpen = open_file;
    logs.registered = sqlite3_vfs_register(&logs.vfs, 0) == SQLITE_OK;
}

const char *log_file_vfs(void)
{
    pthread_once(&logs.once, register_vfs);
    return logs.registered ? logs.vfs.zName : NULL;
}
