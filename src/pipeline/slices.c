/* slices.c - the folder that a live run fills. */
#include "pipeline/slices.h"

#include "pipeline/evidence_file.h"

#include "capture/live.h"
#include "pipeline/pressure.h"
#include "pipeline/reading.h"
#include "store/case_file.h"
#include "store/folder.h"
#include "store/reader.h"
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { MENDING_MEMORY = 16 << 20, HELD_MOST = 8 };

/* A slice is at most this part of what is kept, and of the disk, so that what is removed is little beside what stays,
 * and there is room to close one. */
enum { SLICES_KEPT = 8, SLICES_ON_DISK = 16 };

/* When the disk is full, and no slice is there to remove, one that has so much may as well be the next to go. */
enum { WORTH_REMOVING = 8 << 20 };

/* Closed ones that stay though the disk is full, since who fills it may be somebody else: the last one, so that there
 * is something to look at for who has to find out what happened. */
enum { SLICES_STAY = 1 };

/* What lies beside a slice, and goes with it. */
static const char *const beside[] = {".db-wal", ".db-shm", ".db-journal", ".db.partial", ".pcapng"};

/* folder/seine-000001 and what comes behind it. */
static bool path_of(char path[SLICES_PATH_MAX], const struct slices *s, uint32_t number,
                    const char *end)
{
    int len = snprintf(path, SLICES_PATH_MAX, "%s/seine-%06" PRIu32 "%s", s->folder, number, end);
    return len > 0 && len < SLICES_PATH_MAX;
}

bool slices_path(char path[SLICES_PATH_MAX], const struct slices *s, uint32_t number)
{
    return path_of(path, s, number, ".db");
}

bool slices_frames_path(char path[SLICES_PATH_MAX], const struct slices *s, uint32_t number)
{
    return path_of(path, s, number, ".pcapng");
}

int64_t slices_first_flow_id(uint32_t number)
{
    return ((int64_t)number << FOLDER_ID_BITS) + 1;
}

/* ---- what goes wrong here is told by another thread ---- */

void slices_tell(struct slices *s, const struct error *why)
{
    if (atomic_load(&s->told))
        return;
    s->sentence = *why;
    atomic_store(&s->told, true);
}

bool slices_remark(struct slices *s, struct error *sentence)
{
    if (!atomic_load(&s->told))
        return false;
    *sentence = s->sentence;
    atomic_store(&s->told, false);
    return true;
}

/* ---- what is kept ---- */

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Written so long ago. A board without a clock of its own may learn the time while it runs: what this run has closed is
 * not a month old since a month was added then. */
static bool is_older(const struct kept_slice *k, int64_t keep_ns)
{
    return k->written_ns < clock_ns(CLOCK_REALTIME) - keep_ns &&
           (k->closed_ns == 0 || k->closed_ns < clock_ns(CLOCK_BOOTTIME) - keep_ns);
}

/* How long a slice is, with what lies beside it, and when it was written last. */
static void measure(const struct slices *s, struct kept_slice *k)
{
    char path[SLICES_PATH_MAX];
    struct stat st;

    k->len = 0;
    k->written_ns = clock_ns(CLOCK_REALTIME);
    if (slices_path(path, s, k->number) && stat(path, &st) == 0) {
        k->len = (uint64_t)st.st_size;
        k->written_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    }
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++)
        if (path_of(path, s, k->number, beside[i]) && stat(path, &st) == 0)
            k->len += (uint64_t)st.st_size;
}

/* Without memory for it a slice is kept until the next run. */
static struct kept_slice *remember(struct slices *s, uint32_t number, bool logged,
                                   int64_t closed_ns)
{
    struct kept_slice slice = {.number = number, .logged = logged, .closed_ns = closed_ns};

    if (s->kept_count == s->kept_room) {
        size_t room = s->kept_room > 0 ? 2 * s->kept_room : 64;
        struct kept_slice *more = realloc(s->kept, room * sizeof *more);
        if (!more)
            return NULL;
        s->kept = more;
        s->kept_room = room;
    }
    measure(s, &slice);
    size_t at = s->kept_count++;
    for (; at > 0 && s->kept[at - 1].number > number; at--) /* nearly in order as they come */
        s->kept[at] = s->kept[at - 1];
    s->kept[at] = slice;
    return &s->kept[at];
}

static uint64_t len_of_all(const struct slices *s)
{
    uint64_t all = 0;

    for (size_t i = 0; i < s->kept_count; i++)
        all += s->kept[i].len;
    return all;
}

/* So full that what is to be written soon may have no room; with `percent`, fuller than it may be. */
static bool is_full(struct slices *s, bool percent)
{
    struct statvfs of;

    if (statvfs(s->folder, &of) != 0 || of.f_blocks == 0)
        return false;
    const unsigned most = atomic_load(&s->keep_percent);
    atomic_store(&s->disk_len, (uint64_t)of.f_blocks * of.f_frsize);
    if (percent)
        return most > 0 && (of.f_blocks - of.f_bavail) * 100 / of.f_blocks >= most;
    return (uint64_t)of.f_bavail * of.f_frsize <
           pressure_disk_little((uint64_t)of.f_blocks * of.f_frsize);
}

/* The case first: what is left after a kill then is no slice. */
static bool remove_files(struct slices *s, uint32_t number)
{
    char path[SLICES_PATH_MAX];
    struct error why = {0};

    if (!slices_path(path, s, number))
        return false;
    if (unlink(path) != 0 && errno != ENOENT) {
        error_set(&why, "removing %s: %s", path, strerror(errno));
        slices_tell(s, &why);
        return false;
    }
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++)
        if (path_of(path, s, number, beside[i]))
            unlink(path);
    if (folder_catalogue_remove(s->folder, number, &why) != STATUS_OK)
        slices_tell(s, &why);
    return true;
}

static void let_go(struct slices *s, struct kept_slice *k)
{
    if (!k->held)
        return;
    case_file_drop(k->held);
    free(k->held);
    k->held = NULL;
    s->held_count--;
}

static void hold(struct slices *s, struct kept_slice *k)
{
    const struct case_file_options how = {.cache_len = 1 << 20, .sync = true, .live = true};
    char path[SLICES_PATH_MAX];
    struct error why;

    if (k->held || !slices_path(path, s, k->number) || !(k->held = malloc(sizeof *k->held)))
        return;
    if (case_file_open(k->held, path, &how, &why) == STATUS_OK) {
        s->held_count++;
        return;
    }
    free(k->held);
    k->held = NULL;
}

static bool remove_oldest(struct slices *s)
{
    if (s->kept_count == 0 || !remove_files(s, s->kept[0].number))
        return false;
    let_go(s, &s->kept[0]);
    s->kept_count--;
    memmove(s->kept, s->kept + 1, s->kept_count * sizeof *s->kept);
    return true;
}

/* Those that somebody read while they were closed are tried again. */
static void take_out_of_logs(struct slices *s)
{
    for (size_t i = 0; i < s->kept_count; i++) {
        struct kept_slice *k = &s->kept[i];
        struct error why = {0};
        bool one_file = false;
        if (!k->logged)
            continue;
        hold(s, k);
        if (k->held && case_file_settle_again(k->held, &one_file, &why) == STATUS_OK)
            k->logged = !one_file;
        if (one_file || s->held_count > HELD_MOST)
            let_go(s, k);
        if (k->logged)
            continue;
        measure(s, k);
        if (folder_catalogue_add(s->folder, k->number, &why) != STATUS_OK)
            slices_tell(s, &why);
    }
}

/* What is left free of what may be kept, since it is written before the folder is looked at again: twice what came
 * since it was looked at last. */
static uint64_t headroom(const struct slices *s, uint64_t keep_len, uint64_t all)
{
    const uint64_t grown = all > s->tended_len ? 2 * (all - s->tended_len) : 0;

    if (grown < keep_len / 16)
        return keep_len / 16;
    return grown < keep_len / 4 ? grown : keep_len / 4;
}

static void tend(struct slices *s, uint64_t writing_len, bool needs_room)
{
    const int64_t keep_ns = atomic_load(&s->keep_ns);
    const uint64_t keep_len = atomic_load(&s->keep_len);
    uint64_t all = len_of_all(s) + writing_len + atomic_load(&s->closing_len);
    const uint64_t most = keep_len - headroom(s, keep_len, all);

    take_out_of_logs(s);
    while (s->kept_count > 0) {
        const struct kept_slice oldest = s->kept[0];
        const bool is_old = keep_ns > 0 && is_older(&oldest, keep_ns);
        const bool is_much = keep_len > 0 && all > most;
        const bool may_make_room = needs_room && s->kept_count > SLICES_STAY;
        const bool has_no_room = may_make_room && is_full(s, false);
        if (!is_old && !is_much && !has_no_room && !(may_make_room && is_full(s, true)))
            break;
        if (!remove_oldest(s))
            break;
        all -= oldest.len;
        if (has_no_room && !is_old && !is_much)
            atomic_fetch_add(&s->removed_for_room, 1);
    }
    s->tended_len = all;
    atomic_store(&s->is_short,
                 s->kept_count <= SLICES_STAY && (is_full(s, false) || is_full(s, true)));
}

void slices_tend(struct slices *s, uint64_t writing_len)
{
    tend(s, writing_len, true);
}

void slices_tend_last(struct slices *s)
{
    tend(s, 0, false);
}

void slices_make_room(struct slices *s)
{
    struct kept_slice writing = {.number = s->number};

    measure(s, &writing);
    if (s->kept_count > (writing.len < WORTH_REMOVING ? SLICES_STAY : 0) && remove_oldest(s))
        atomic_fetch_add(&s->removed_for_room, 1);
}

void slices_heed(struct slices *s)
{
    atomic_store(&s->keep_ns, s->options->keep_ns);
    atomic_store(&s->keep_len, s->options->keep_len);
    atomic_store(&s->keep_percent, s->options->keep_percent);
}

bool slices_is_over(const struct slices *s, int64_t age_ns, uint64_t len)
{
    const struct slices_options *o = s->options;
    const uint64_t disk_len = atomic_load(&s->disk_len);
    const bool is_grown = age_ns >= 1000000000;

    if (s->number == FOLDER_NUMBER_MAX) /* the last there can be */
        return false;
    return (o->rotate_ns > 0 && age_ns >= o->rotate_ns) ||
           (o->rotate_len > 0 && len >= o->rotate_len) ||
           (is_grown && o->keep_len > 0 && len >= o->keep_len / SLICES_KEPT) ||
           (is_grown && disk_len > 0 && len >= disk_len / SLICES_ON_DISK) ||
           (atomic_load(&s->is_short) && len >= WORTH_REMOVING);
}

/* ---- the catalogue ---- */

void slices_began(struct slices *s, uint32_t number, int64_t first_ns)
{
    struct error why = {0};

    if (folder_catalogue_begin(s->folder, number, first_ns, &why) != STATUS_OK)
        slices_tell(s, &why);
}

void slices_closed(struct slices *s, uint32_t number, bool logged, struct case_file *held)
{
    struct error why = {0};
    struct kept_slice *k = remember(s, number, logged, clock_ns(CLOCK_BOOTTIME));

    if (k) {
        k->held = held;
        s->held_count += held != NULL;
    } else if (held) {
        case_file_drop(held);
        free(held);
    }
    if (!logged && folder_catalogue_add(s->folder, number, &why) != STATUS_OK)
        slices_tell(s, &why);
}

void slices_left(struct slices *s, uint32_t number)
{
    char path[SLICES_PATH_MAX];

    for (size_t i = 0; i < s->kept_count; i++)
        if (s->kept[i].number == number)
            return;
    if (slices_path(path, s, number) && access(path, F_OK) == 0)
        remember(s, number, false, clock_ns(CLOCK_BOOTTIME));
}

/* ---- the beginning ---- */

/* Whether the file says that it has a write-ahead log (SQLite's file format, 1.3). The log itself need not be there:
 * who reads what a kill left takes it into the file. */
static bool is_logged(const char *path)
{
    enum { READ_VERSION_AT = 19, IS_LOGGED = 2 };
    uint8_t version = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool is = fd >= 0 && pread(fd, &version, 1, READ_VERSION_AT) == 1 && version == IS_LOGGED;

    if (fd >= 0)
        close(fd);
    return is;
}

/* Whether a slice may have been left open. */
static bool is_open(const struct slices *s, uint32_t number)
{
    char path[SLICES_PATH_MAX];

    return (slices_path(path, s, number) && is_logged(path)) ||
           (path_of(path, s, number, ".db-journal") && access(path, F_OK) == 0);
}

void slices_tell_frames(struct store *store, uint32_t first_evidence_id, const char *path)
{
    char fingerprint[FINGERPRINT_HEX_LEN + 1] = "";
    struct error why = {0};
    struct stat st;

    if (stat(path, &st) == 0 && fingerprint_file(path, fingerprint, &why) == STATUS_OK)
        store_evidence_file(store, first_evidence_id, (uint64_t)st.st_size, fingerprint);
}

/* Opening it mends it, and closing it makes it one file. */
static enum status mend(struct slices *s, uint32_t number, bool *one_file, struct error *err)
{
    const struct store_options how = {.memory = MENDING_MEMORY,
                                      .page_size = 4096,
                                      .hash = true,
                                      .shelf = &evidence_for_mending,
                                      .live = true,
                                      .sync = true,
                                      .jobs = 1,
                                      .memory_total = MENDING_MEMORY,
                                      .version = "",
                                      .command = "mending"};
    struct store *store;
    char path[SLICES_PATH_MAX];

    if (!slices_path(path, s, number))
        return error_set(err, "%s: its name is too long", s->folder);
    if (store_open(&store, path, &how, err) != STATUS_OK)
        return STATUS_FAILED;
    const char *sentence = store_remark(store);
    struct error remark;
    if (sentence) {
        error_set(&remark, "%s", sentence);
        slices_tell(s, &remark);
    }
    if (slices_frames_path(path, s, number))
        slices_tell_frames(store, 0, path);
    return store_finish_live(store, NULL, one_file, err);
}

/* Who closed slices may have been killed before the last of them had its indexes: they are closed in order. What cannot
 * be done stays undone: a case without them is as true. */
static void index_last(struct slices *s)
{
    bool built = true;

    for (size_t i = s->kept_count; i > 0 && built; i--) {
        char path[SLICES_PATH_MAX];
        struct error why = {0};
        if (is_open(s, s->kept[i - 1].number) || !slices_path(path, s, s->kept[i - 1].number))
            continue;
        if (case_file_index(&built, path, MENDING_MEMORY / 4, &why) != STATUS_OK) {
            error_prefix(&why, "slice %" PRIu32 " stays without indexes", s->kept[i - 1].number);
            slices_tell(s, &why);
            built = true;
        } else if (built) {
            measure(s, &s->kept[i - 1]);
            if (folder_catalogue_add(s->folder, s->kept[i - 1].number, &why) != STATUS_OK)
                slices_tell(s, &why);
        }
    }
}

/* One slice that a loss of power has damaged does not keep the next from being written: it stays as it is, for who
 * knows how to save what is in it. */
static void mend_if_possible(struct slices *s, struct kept_slice *k)
{
    struct error why = {0};
    bool one_file = true;

    if (mend(s, k->number, &one_file, &why) != STATUS_OK) {
        error_prefix(&why, "slice %" PRIu32 " stays as it was left", k->number);
        slices_tell(s, &why);
        return;
    }
    k->logged = !one_file;
    measure(s, k);
    if (one_file && folder_catalogue_add(s->folder, k->number, &why) != STATUS_OK)
        slices_tell(s, &why);
}

bool slices_wants_mending(const struct slices *s)
{
    return atomic_load(&s->unmended);
}

void slices_mend(struct slices *s)
{
    for (size_t i = 0; i < s->kept_count; i++) {
        if (!s->kept[i].open)
            continue;
        s->kept[i].open = false; /* or it was tried */
        mend_if_possible(s, &s->kept[i]);
        return;
    }
    if (s->unindexed)
        index_last(s);
    s->unindexed = false;
    atomic_store(&s->unmended, false);
}

/* The highest evidence_id in a slice, 0 where there is none. False where that cannot be said. */
static bool evidence_in(uint32_t *id, const struct slices *s, uint32_t number)
{
    struct reader *reader;
    sqlite3_stmt *row;
    struct error err;
    char path[SLICES_PATH_MAX];
    int64_t found = -1;

    *id = 0;
    if (!slices_path(path, s, number) || reader_open(&reader, path, &err) != STATUS_OK)
        return false;
    if (reader_prepare(reader, &row, "SELECT max(evidence_id) FROM evidence", &err) == STATUS_OK) {
        if (sqlite3_step(row) == SQLITE_ROW)
            found = sqlite3_column_int64(row, 0);
        sqlite3_finalize(row);
    }
    reader_close(reader);
    if (found < 0 || found >= UINT32_MAX / 2)
        return false;
    *id = (uint32_t)found;
    return true;
}

/* The highest evidence_id in the folder, or one above it: a slice that cannot be read has at most so many as a run
 * has interfaces. */
static uint32_t last_evidence(const struct slices *s)
{
    uint32_t last = 0, unread = 0;

    for (size_t i = s->kept_count; i > 0 && last == 0; i--)
        if (!evidence_in(&last, s, s->kept[i - 1].number))
            unread += LIVE_INTERFACES_MAX;
    return last + unread;
}

/* What a kill left beside slices that are gone, or were never begun, goes as well. */
static enum status list(struct slices *s, struct error *err)
{
    DIR *dir = opendir(s->folder);
    struct dirent *entry;

    if (!dir)
        return error_set(err, "reading the folder %s: %s", s->folder, strerror(errno));
    errno = 0;
    while ((entry = readdir(dir)) != NULL) {
        uint32_t number = folder_slice_number(entry->d_name);
        if (number > 0)
            remember(s, number, false, 0);
        errno = 0;
    }
    int why = errno;
    closedir(dir);
    return why == 0 ? STATUS_OK
                    : error_set(err, "reading the folder %s: %s", s->folder, strerror(why));
}

/* Before anything there is touched: two runs would remove each other's slices. */
static enum status lock_folder(struct slices *s, struct error *err)
{
    s->lock = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->lock < 0)
        return error_set(err, "opening the folder %s: %s", s->folder, strerror(errno));
    if (flock(s->lock, LOCK_EX | LOCK_NB) == 0)
        return STATUS_OK;
    if (errno == EWOULDBLOCK)
        return error_set(err, "%s is being written by another seine", s->folder);
    return error_set(err, "locking the folder %s: %s", s->folder, strerror(errno));
}

enum status slices_begin(struct slices *s, const char *folder, const struct slices_options *options,
                         struct error *err)
{
    enum status status = STATUS_OK;

    s->folder = folder;
    s->options = options;
    s->lock = -1;
    slices_heed(s);
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return error_set(err, "making the folder %s: %s", folder, strerror(errno));
    status = lock_folder(s, err);
    if (status == STATUS_OK)
        status = list(s, err);
    if (status == STATUS_OK)
        slices_tend(s, 0); /* what is mended may need room */
    for (size_t i = 0; i < s->kept_count && status == STATUS_OK; i++)
        s->kept[i].open = is_open(s, s->kept[i].number);
    s->unindexed = s->kept_count > 0;
    atomic_store(&s->unmended, s->unindexed);
    s->evidence_id = last_evidence(s);
    if (s->kept_count > 0)
        s->number = s->kept[s->kept_count - 1].number;
    if (status == STATUS_OK && s->number == FOLDER_NUMBER_MAX)
        status = error_set(err, "%s has no number left for another slice", folder);
    return status;
}

void slices_end(struct slices *s)
{
    if (s->folder && s->lock >= 0)
        close(s->lock);
    s->lock = -1;
    for (size_t i = 0; i < s->kept_count; i++)
        let_go(s, &s->kept[i]);
    free(s->kept);
    s->kept = NULL;
    s->kept_count = s->kept_room = 0;
}
