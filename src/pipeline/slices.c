/* slices.c - the folder that a live run fills. */
#include "pipeline/slices.h"

#include "store/reader.h"
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { MENDING_MEMORY = 16 << 20 };

/* What lies beside a slice, and goes with it. */
static const char *const beside[] = {".db-wal", ".db-shm", ".db-journal", ".db.partial", ".pcapng"};

/* The number in the name of a slice; 0 for any other name. */
static uint32_t number_of(const char *name)
{
    unsigned number;
    char again[40];

    if (sscanf(name, "seine-%9u.db", &number) != 1 || number > SLICES_NUMBER_MAX)
        return 0;
    snprintf(again, sizeof again, "seine-%06u.db", number);
    return strcmp(name, again) == 0 ? number : 0;
}

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

int64_t slices_first_flow_id(uint32_t number)
{
    return ((int64_t)number << SLICES_ID_BITS) + 1;
}

/* The numbers of all slices that are there, in their order; NULL, with errno, when that cannot be said. */
static uint32_t *numbers_of(const struct slices *s, size_t *count)
{
    DIR *dir = opendir(s->folder);
    struct dirent *entry;
    uint32_t *numbers = NULL;
    size_t room = 0;

    *count = 0;
    while (dir && (entry = readdir(dir)) != NULL) {
        uint32_t number = number_of(entry->d_name);
        if (number == 0)
            continue;
        if (*count == room) {
            room = room ? 2 * room : 64;
            uint32_t *more = realloc(numbers, room * sizeof *more);
            if (!more)
                break;
            numbers = more;
        }
        size_t at = (*count)++;
        while (at > 0 && numbers[at - 1] > number) { /* nearly in order as they come */
            numbers[at] = numbers[at - 1];
            at--;
        }
        numbers[at] = number;
    }
    if (dir)
        closedir(dir);
    return numbers;
}

/* ---- the beginning ---- */

/* Whether a slice may have been left open. */
static bool is_open(const struct slices *s, uint32_t number)
{
    char path[SLICES_PATH_MAX];

    return (path_of(path, s, number, ".db-wal") && access(path, F_OK) == 0) ||
           (path_of(path, s, number, ".db-journal") && access(path, F_OK) == 0);
}

/* Opening it mends it, and closing it makes it one file. */
static enum status mend(const struct slices *s, uint32_t number,
                        void (*tell)(void *context, const char *sentence), void *context,
                        struct error *err)
{
    const struct store_options how = {.memory = MENDING_MEMORY,
                                      .page_size = 4096,
                                      .hash = true,
                                      .live = true,
                                      .sync = true,
                                      .jobs = 1,
                                      .memory_total = MENDING_MEMORY,
                                      .version = "",
                                      .command = "mending"};
    struct store *store;
    char path[SLICES_PATH_MAX];
    bool one_file;

    if (!slices_path(path, s, number))
        return error_set(err, "%s: its name is too long", s->folder);
    if (store_open(&store, path, &how, err) != STATUS_OK)
        return STATUS_FAILED;
    const char *sentence = store_remark(store);
    if (sentence)
        tell(context, sentence);
    return store_finish_live(store, NULL, &one_file, err);
}

/* The highest evidence_id in a slice; 0 where that cannot be said. */
static uint32_t evidence_in(const struct slices *s, uint32_t number)
{
    struct reader *reader;
    sqlite3_stmt *row;
    struct error err;
    char path[SLICES_PATH_MAX];
    uint32_t found = 0;

    if (!slices_path(path, s, number) || reader_open(&reader, path, &err) != STATUS_OK)
        return 0;
    if (reader_prepare(reader, &row, "SELECT max(evidence_id) FROM evidence", &err) == STATUS_OK) {
        if (sqlite3_step(row) == SQLITE_ROW)
            found = (uint32_t)sqlite3_column_int64(row, 0);
        sqlite3_finalize(row);
    }
    reader_close(reader);
    return found;
}

enum status slices_begin(struct slices *s, const char *folder, const struct slices_options *options,
                         void (*tell)(void *context, const char *sentence), void *context,
                         struct error *err)
{
    size_t count = 0;
    enum status status = STATUS_OK;

    *s = (struct slices){.folder = folder, .options = options};
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return error_set(err, "making the folder %s: %s", folder, strerror(errno));
    errno = 0;
    uint32_t *numbers = numbers_of(s, &count);
    if (!numbers && errno != 0)
        return error_set(err, "reading the folder %s: %s", folder, strerror(errno));
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        if (is_open(s, numbers[i]))
            status = mend(s, numbers[i], tell, context, err);
    for (size_t i = count; i > 0 && s->evidence_id == 0; i--)
        s->evidence_id = evidence_in(s, numbers[i - 1]);
    if (count > 0)
        s->number = numbers[count - 1];
    free(numbers);
    if (status == STATUS_OK && s->number == SLICES_NUMBER_MAX)
        status = error_set(err, "%s has no number left for another slice", folder);
    return status;
}

/* ---- what is kept ---- */

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Of a slice and what lies beside it; *written_ns is when it was written last. */
static uint64_t len_of(const struct slices *s, uint32_t number, int64_t *written_ns)
{
    char path[SLICES_PATH_MAX];
    struct stat st;
    uint64_t len = 0;

    *written_ns = INT64_MAX;
    if (slices_path(path, s, number) && stat(path, &st) == 0) {
        len = (uint64_t)st.st_size;
        *written_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    }
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++)
        if (path_of(path, s, number, beside[i]) && stat(path, &st) == 0)
            len += (uint64_t)st.st_size;
    return len;
}

static bool is_too_full(const struct slices *s)
{
    struct statvfs of;

    if (s->options->keep_percent == 0 || statvfs(s->folder, &of) != 0 || of.f_blocks == 0)
        return false;
    return (of.f_blocks - of.f_bavail) * 100 / of.f_blocks >= s->options->keep_percent;
}

/* The case first: what is left after a kill then is no slice. */
static bool remove_slice(const struct slices *s, uint32_t number)
{
    char path[SLICES_PATH_MAX];

    if (!slices_path(path, s, number) || unlink(path) != 0)
        return false;
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++)
        if (path_of(path, s, number, beside[i]))
            unlink(path);
    return true;
}

unsigned slices_prune(const struct slices *s, uint32_t number)
{
    const struct slices_options *o = s->options;
    size_t count;
    uint32_t *numbers = numbers_of(s, &count);
    uint64_t all = 0;
    int64_t written_ns;
    unsigned gone = 0;

    for (size_t i = 0; i < count; i++)
        all += len_of(s, numbers[i], &written_ns);
    for (size_t i = 0; i < count && numbers[i] < number; i++) {
        uint64_t len = len_of(s, numbers[i], &written_ns);
        bool too_old = o->keep_ns > 0 && written_ns < now_ns() - o->keep_ns;
        bool too_much = o->keep_len > 0 && all > o->keep_len;
        if (!too_old && !too_much && !is_too_full(s))
            break;
        if (!remove_slice(s, numbers[i]))
            break;
        all -= len;
        gone++;
    }
    free(numbers);
    return gone;
}
