/* folder.c - many cases at hand: the slices of a folder, or cases that are named.
 *
 * The list of slices is kept sorted by number, and whoever walks it keeps a number, not a place, so that the list
 * may change under a walk. */
#include "store/folder.h"

#include "store/open_slice.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    REFRESH_MS = 1000,
    UNKNOWN_MANY = 3, /* so many slices that the catalogue should have known are worth a sentence */
};

struct folder {
    char *path;   /* NULL for cases that are named */
    char **paths; /* of those, by number - 1 */
    size_t path_count;
    struct folder_ear ear;
    struct folder_setup setup;

    struct slice *slices; /* by number */
    size_t count, room;
    struct timespec changed; /* of the folder, when it was last listed */
    struct timespec looked;
    bool listed;
    unsigned unknown; /* slices that were opened to learn what the catalogue should have said */
    bool catalogue_told;

    struct open_slice open[FOLDER_OPEN_MOST];
    uint64_t clock;
};

void folder_slice_name(char name[FOLDER_NAME_MAX], uint32_t number)
{
    snprintf(name, FOLDER_NAME_MAX, "seine-%06" PRIu32 ".db", number);
}

uint32_t folder_slice_number(const char *name)
{
    static const char before[] = "seine-";
    char again[FOLDER_NAME_MAX];
    uint32_t number = 0;

    if (strncmp(name, before, sizeof before - 1) != 0)
        return 0;
    for (const char *at = name + sizeof before - 1; *at >= '0' && *at <= '9'; at++) {
        number = number * 10 + (uint32_t)(*at - '0');
        if (number > FOLDER_NUMBER_MAX)
            return 0;
    }
    folder_slice_name(again, number);
    return strcmp(again, name) == 0 ? number : 0; /* one name a number */
}

bool folder_is_one(const char *path)
{
    struct stat there;
    return stat(path, &there) == 0 && S_ISDIR(there.st_mode);
}

static void tell(const struct folder *f, const char *sentence, bool missing)
{
    if (f->ear.tell)
        f->ear.tell(f->ear.context, sentence, missing);
}

/* What to call all of it. */
static const char *folder_name(const struct folder *f)
{
    return f->path ? f->path : "the cases";
}

char *folder_slice_path(const struct folder *f, uint32_t number)
{
    char name[FOLDER_NAME_MAX], *path;

    if (!f->path)
        return number >= 1 && number <= f->path_count ? strdup(f->paths[number - 1]) : NULL;
    folder_slice_name(name, number);
    return asprintf(&path, "%s/%s", f->path, name) < 0 ? NULL : path;
}

size_t folder_slice_count(const struct folder *f)
{
    return f->count;
}

const struct slice *folder_slice_at(const struct folder *f, size_t index)
{
    return &f->slices[index];
}

/* The place of the first slice whose number is not below. */
static size_t place_of(const struct folder *f, uint32_t number)
{
    size_t low = 0, high = f->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (f->slices[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct slice *slice_find(struct folder *f, uint32_t number)
{
    size_t at = place_of(f, number);
    return at < f->count && f->slices[at].number == number ? &f->slices[at] : NULL;
}

static void slice_remove(struct folder *f, uint32_t number)
{
    struct slice *s = slice_find(f, number);
    if (!s)
        return;
    size_t behind = f->count - (size_t)(s - f->slices) - 1;
    memmove(s, s + 1, behind * sizeof *s);
    f->count--;
}

/* A slice of which nothing is known but its number. */
static struct slice slice_of(uint32_t number, int64_t bytes)
{
    return (struct slice){.number = number, .bytes = bytes, .growing = true, .block = number};
}

static enum status slice_append(struct slice **slices, size_t *count, size_t *room,
                                const struct slice *slice, const char *where, struct error *err)
{
    if (*count == FOLDER_SLICE_MAX)
        return error_set(err, "%s has more than %d slices", where, FOLDER_SLICE_MAX);
    if (*count == *room) {
        size_t more = *room ? *room * 2 : 64;
        struct slice *grown = realloc(*slices, more * sizeof *grown);
        if (!grown)
            return error_no_memory(err, "%s: no memory for its slices", where);
        *slices = grown;
        *room = more;
    }
    (*slices)[(*count)++] = *slice;
    return STATUS_OK;
}

static int by_number(const void *a, const void *b)
{
    const struct slice *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

/* The slices that lie in a folder, with their sizes, sorted. */
static enum status list_slices(struct slice **slices, size_t *count, size_t *room, const char *path,
                               struct error *err)
{
    enum status status = STATUS_OK;
    DIR *folder = opendir(path);

    *slices = NULL;
    *count = *room = 0;
    if (!folder)
        return error_set(err, "opening %s: %s", path, strerror(errno));
    for (struct dirent *entry; status == STATUS_OK && (errno = 0, entry = readdir(folder));) {
        struct stat file;
        uint32_t number = folder_slice_number(entry->d_name);
        if (number == 0 || fstatat(dirfd(folder), entry->d_name, &file, 0) != 0)
            continue;
        struct slice slice = slice_of(number, (int64_t)file.st_size);
        status = slice_append(slices, count, room, &slice, path, err);
    }
    if (status == STATUS_OK && errno != 0)
        status = error_set(err, "reading %s: %s", path, strerror(errno));
    closedir(folder);
    if (*count > 0)
        qsort(*slices, *count, sizeof **slices, by_number);
    return status;
}

/* What was found out of a slice by opening it holds as long as its file has the same size. One that could not be
 * read is tried again: it may have been on its way from one state to another. */
static void remember(struct slice *now, const struct slice *before)
{
    bool same = before->bytes == now->bytes;
    uint32_t opened = before->opened;

    if (same && before->known && !now->known)
        *now = *before;
    now->opened = opened;
    now->broken = false;
}

static enum status folder_list(struct folder *f, struct error *err)
{
    struct slice *slices;
    size_t count, room;
    bool usable;
    struct error why = {0};
    enum status status = list_slices(&slices, &count, &room, f->path, err);

    if (status != STATUS_OK) {
        free(slices);
        return status;
    }
    folder_catalogue_read(f->path, slices, count, &usable, &why);
    if (why.no_memory) {
        free(slices);
        *err = why;
        return STATUS_FAILED;
    }
    for (size_t i = 0; i < count; i++) {
        const struct slice *before = slice_find(f, slices[i].number);
        if (before)
            remember(&slices[i], before);
    }
    free(f->slices);
    f->slices = slices;
    f->count = count;
    f->room = room;
    if (!usable && !f->catalogue_told && count > UNKNOWN_MANY) {
        char sentence[900];
        snprintf(sentence, sizeof sentence,
                 "%s, so slices are opened to learn when their rows were, which takes its time",
                 why.text);
        tell(f, sentence, false);
        f->catalogue_told = true;
    }
    return STATUS_OK;
}

static int64_t between_ms(const struct timespec *from, const struct timespec *to)
{
    return (int64_t)(to->tv_sec - from->tv_sec) * 1000 + (to->tv_nsec - from->tv_nsec) / 1000000;
}

enum status folder_refresh(struct folder *f, struct error *err)
{
    struct timespec now;
    struct stat there;

    if (!f->path)
        return STATUS_OK;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (f->listed && between_ms(&f->looked, &now) < REFRESH_MS)
        return STATUS_OK;
    f->looked = now;
    if (stat(f->path, &there) != 0)
        return error_set(err, "opening %s: %s", f->path, strerror(errno));
    if (f->listed && there.st_mtim.tv_sec == f->changed.tv_sec &&
        there.st_mtim.tv_nsec == f->changed.tv_nsec)
        return STATUS_OK;
    f->changed = there.st_mtim;
    f->listed = true;
    return folder_list(f, err);
}

enum status folder_open(struct folder **folder, const char *path, struct folder_ear ear,
                        struct error *err)
{
    struct folder *f = calloc(1, sizeof *f);
    size_t len = strlen(path);

    *folder = NULL;
    if (!f)
        return error_no_memory(err, "opening %s: no memory", path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    f->path = strndup(path, len);
    f->ear = ear;
    enum status status =
        f->path ? folder_refresh(f, err) : error_no_memory(err, "opening %s: no memory", path);
    if (status == STATUS_OK && f->count == 0)
        status = error_set(
            err, "%s is a folder without slices: none is named seine-000001.db or so", path);
    if (status != STATUS_OK) {
        folder_close(f);
        return status;
    }
    *folder = f;
    return STATUS_OK;
}

/* Of a range of ids, the block of 2^40 in which all of them lie; false if there is no such. */
static bool block_of(int64_t *block, int64_t first, int64_t last)
{
    *block = first > last ? 0 : first >> FOLDER_ID_BITS;
    return first > last || last >> FOLDER_ID_BITS == *block;
}

static bool ranges_meet(int64_t first, int64_t last, int64_t low, int64_t high)
{
    return first <= last && low <= high && first <= high && low <= last;
}

/* Whether two cases have flows with ids of one block, or the same ids of evidence. */
static bool cases_meet(const struct slice *a, const struct slice *b)
{
    bool empty = a->first_flow_id > a->last_flow_id || b->first_flow_id > b->last_flow_id;
    return (!empty &&
            ranges_meet(a->first_flow_id >> FOLDER_ID_BITS, a->last_flow_id >> FOLDER_ID_BITS,
                        b->first_flow_id >> FOLDER_ID_BITS, b->last_flow_id >> FOLDER_ID_BITS)) ||
           ranges_meet(a->first_evidence_id, a->last_evidence_id, b->first_evidence_id,
                       b->last_evidence_id);
}

static bool ids_meet(const struct folder *f)
{
    for (size_t i = 0; i < f->count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (cases_meet(&f->slices[i], &f->slices[j]))
                return true;
        }
    }
    return false;
}

/* Gives each case a block of its own. */
static enum status shift_ids(struct folder *f, struct error *err)
{
    for (size_t i = 0; i < f->count; i++) {
        struct slice *s = &f->slices[i];
        int64_t flows, evidence;
        if (!block_of(&flows, s->first_flow_id, s->last_flow_id) ||
            !block_of(&evidence, s->first_evidence_id, s->last_evidence_id) || flows < 0 ||
            evidence < 0)
            return error_set(err,
                             "%s cannot be read together with others: its ids lie too far apart",
                             f->paths[i]);
        s->block = (int64_t)i;
        s->flow_shift = (s->block - flows) * ((int64_t)1 << FOLDER_ID_BITS);
        s->evidence_shift = (s->block - evidence) * ((int64_t)1 << FOLDER_ID_BITS);
        if (s->first_flow_id <= s->last_flow_id) {
            s->first_flow_id += s->flow_shift;
            s->last_flow_id += s->flow_shift;
        }
        if (s->first_evidence_id <= s->last_evidence_id) {
            s->first_evidence_id += s->evidence_shift;
            s->last_evidence_id += s->evidence_shift;
        }
    }
    return STATUS_OK;
}

enum status folder_open_cases(struct folder **folder, char *const *paths, size_t count,
                              struct folder_ear ear, struct error *err)
{
    struct folder *f = calloc(1, sizeof *f);
    enum status status = STATUS_OK;

    *folder = NULL;
    if (!f || !(f->paths = calloc(count, sizeof *f->paths))) {
        free(f);
        return error_no_memory(err, "no memory for the cases");
    }
    f->ear = ear;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct slice slice = slice_of((uint32_t)i + 1, 0);
        struct reader *reader;
        f->paths[i] = strdup(paths[i]);
        f->path_count = i + 1;
        if (!f->paths[i]) {
            status = error_no_memory(err, "no memory for the cases");
            break;
        }
        status = reader_open(&reader, paths[i], err);
        if (status == STATUS_OK)
            status = slice_learn(&slice, reader, err);
        reader_close(reader);
        slice.block =
            slice.first_flow_id <= slice.last_flow_id ? slice.first_flow_id >> FOLDER_ID_BITS : 0;
        if (status == STATUS_OK)
            status = slice_append(&f->slices, &f->count, &f->room, &slice, "all of them", err);
    }
    if (status == STATUS_OK && ids_meet(f))
        status = shift_ids(f, err);
    if (status != STATUS_OK) {
        folder_close(f);
        return status;
    }
    *folder = f;
    return STATUS_OK;
}

void folder_set_up(struct folder *f, struct folder_setup setup)
{
    for (int i = 0; i < FOLDER_OPEN_MOST; i++) {
        assert(f->open[i].pins == 0);
        if (f->open[i].reader)
            open_slice_close(&f->open[i]);
    }
    f->setup = setup;
}

void folder_close(struct folder *f)
{
    if (!f)
        return;
    for (int i = 0; i < FOLDER_OPEN_MOST; i++) {
        if (f->open[i].reader)
            open_slice_close(&f->open[i]);
    }
    for (size_t i = 0; i < f->path_count; i++)
        free(f->paths[i]);
    free(f->paths);
    free(f->slices);
    free(f->path);
    free(f);
}

void folder_rest(struct folder *f)
{
    for (int i = 0; i < FOLDER_OPEN_MOST; i++) {
        struct open_slice *o = &f->open[i];
        if (o->reader && o->pins == 0 && o->slice.growing)
            open_slice_close(o);
    }
}

void folder_interrupt(struct folder *f)
{
    for (int i = 0; i < FOLDER_OPEN_MOST; i++) {
        struct reader *reader = f->open[i].reader;
        if (reader && f->open[i].pins > 0)
            sqlite3_interrupt(reader_db(reader));
    }
}

void folder_give_up(struct folder *f, uint32_t number, const struct error *err)
{
    struct slice *s = slice_find(f, number);
    if (s && !s->broken && err)
        tell(f, err->text, true);
    if (s)
        s->broken = true;
}

/* A place for one more open slice: one that is free, or that of the one which nobody has used for longest. */
static struct open_slice *open_place(struct folder *f)
{
    struct open_slice *vacant = NULL, *oldest = NULL;
    unsigned open = 0;

    for (int i = 0; i < FOLDER_OPEN_MOST; i++) {
        struct open_slice *o = &f->open[i];
        open += o->reader != NULL;
        if (!o->reader)
            vacant = vacant ? vacant : o;
        else if (o->pins == 0 && (!oldest || o->used < oldest->used))
            oldest = o;
    }
    if (open < FOLDER_OPEN_MAX || !oldest)
        return vacant;
    open_slice_close(oldest);
    return oldest;
}

/* What it means that a slice could not be opened. */
static enum status slice_failed(struct folder *f, uint32_t number, const char *path,
                                const struct error *err)
{
    if (access(path, F_OK) != 0 && errno == ENOENT && f->path)
        slice_remove(f, number); /* deleted meanwhile, to make room */
    else if (err->no_memory)
        return STATUS_FAILED;
    else
        folder_give_up(f, number, err);
    return STATUS_END;
}

enum status folder_pin(struct folder *f, struct open_slice **open, uint32_t number,
                       struct error *err)
{
    struct slice *s = slice_find(f, number);

    *open = NULL;
    for (int i = 0; i < FOLDER_OPEN_MOST; i++) {
        struct open_slice *o = &f->open[i];
        if (o->reader && o->slice.number == number) {
            o->pins++;
            o->used = ++f->clock;
            *open = o;
            return STATUS_OK;
        }
    }
    if (!s || s->broken)
        return STATUS_END;
    struct open_slice *o = open_place(f);
    if (!o)
        return error_set(err, "%s: one statement has rows of %d slices in hand", folder_name(f),
                         FOLDER_OPEN_MOST);
    char *path = folder_slice_path(f, number);
    if (!path)
        return error_no_memory(err, "%s: no memory to open a slice", folder_name(f));
    enum status status = open_slice_open(o, s, path, &f->setup, f->path != NULL, err);
    if (status != STATUS_OK) {
        if (o->reader)
            open_slice_close(o);
        status = slice_failed(f, number, path, err);
    } else {
        o->pins = 1;
        o->used = ++f->clock;
        *open = o;
    }
    free(path);
    return status;
}

void folder_unpin(struct folder *f, struct open_slice *open)
{
    unsigned count = 0;

    assert(open->pins > 0);
    open->pins--;
    for (int i = 0; i < FOLDER_OPEN_MOST; i++)
        count += f->open[i].reader != NULL;
    if (count > FOLDER_OPEN_MAX && open->pins == 0)
        open_slice_close(open);
}

void folder_wish_all(struct folder_wish *wish)
{
    *wish = (struct folder_wish){
        .flow_low = INT64_MIN,
        .flow_high = INT64_MAX,
        .evidence_low = INT64_MIN,
        .evidence_high = INT64_MAX,
        .time_low = INT64_MIN,
        .time_high = INT64_MAX,
        .number_low = 0,
        .number_high = INT64_MAX,
    };
}

/* Whether by its number alone the slice can have the ids that are wished for. */
static bool number_allows(const struct folder *f, const struct slice *s,
                          const struct folder_wish *wish)
{
    int64_t first = (int64_t)s->number << FOLDER_ID_BITS;
    int64_t last = first + ((int64_t)1 << FOLDER_ID_BITS) - 1;

    if ((int64_t)s->number < wish->number_low || (int64_t)s->number > wish->number_high)
        return false;
    return !f->path || ranges_meet(first, last, wish->flow_low, wish->flow_high);
}

/* Opens a slice of which nothing is known, to ask it. STATUS_END: it has nothing to say. */
static enum status learn(struct folder *f, uint32_t number, struct error *err)
{
    struct open_slice *open;
    enum status status = folder_pin(f, &open, number, err);

    if (status != STATUS_OK)
        return status;
    struct slice learned = open->slice;
    status = slice_learn(&learned, open->reader, err);
    open->slice = learned;
    folder_unpin(f, open);
    struct slice *s = slice_find(f, number);
    if (!s)
        return STATUS_END;
    if (status != STATUS_OK) {
        if (err->no_memory)
            return status;
        folder_give_up(f, number, err);
        return STATUS_END;
    }
    learned.opened = s->opened;
    *s = learned;
    if (!learned.growing && ++f->unknown == UNKNOWN_MANY && !f->catalogue_told) {
        char sentence[600];
        snprintf(sentence, sizeof sentence,
                 "%.400s/" FOLDER_CATALOGUE " does not know all slices: these are opened to learn "
                 "when their rows were",
                 folder_name(f));
        tell(f, sentence, false);
        f->catalogue_told = true;
    }
    return STATUS_OK;
}

/* Whether by what is known of it a slice may have what is wished for. */
static bool known_allows(const struct slice *s, const struct folder_wish *wish)
{
    bool by_flow = wish->flow_low != INT64_MIN || wish->flow_high != INT64_MAX;
    bool by_time = wish->time_low != INT64_MIN || wish->time_high != INT64_MAX;
    bool by_evidence = wish->evidence_low != INT64_MIN || wish->evidence_high != INT64_MAX;

    if (s->begun && wish->time_high < s->first_ns)
        return false;
    if (!s->known || s->growing)
        return true;
    return (!by_time || ranges_meet(s->first_ns, s->last_ns, wish->time_low, wish->time_high)) &&
           (!by_evidence || ranges_meet(s->first_evidence_id, s->last_evidence_id,
                                        wish->evidence_low, wish->evidence_high)) &&
           (!by_flow ||
            ranges_meet(s->first_flow_id, s->last_flow_id, wish->flow_low, wish->flow_high));
}

bool folder_allows(const struct folder *f, const struct slice *s, const struct folder_wish *wish)
{
    return !wish->nothing && !s->broken && number_allows(f, s, wish) && known_allows(s, wish);
}

bool folder_ids_rise(const struct folder *f)
{
    int64_t last = INT64_MIN;

    for (size_t i = 0; !f->path && i < f->count; i++) {
        const struct slice *s = &f->slices[i];
        if (s->first_flow_id > s->last_flow_id)
            continue;
        if (s->first_flow_id <= last)
            return false;
        last = s->last_flow_id;
    }
    return true;
}

/* Whether it must be asked for its ranges before they can decide. */
static bool must_learn(const struct slice *s, const struct folder_wish *wish)
{
    bool by_time = wish->time_low != INT64_MIN || wish->time_high != INT64_MAX;
    bool by_evidence = wish->evidence_low != INT64_MIN || wish->evidence_high != INT64_MAX;
    return !s->known && (by_time || by_evidence) && known_allows(s, wish);
}

/* The place behind (or, backwards, before) a number; the count of slices where there is none. */
static size_t place_next(const struct folder *f, uint32_t number, bool backwards,
                         const struct folder_wish *wish)
{
    if (backwards) {
        size_t at = number == 0 ? f->count : place_of(f, number);
        return at == 0 ? f->count : at - 1;
    }
    /* past numbers that are not wished for, at once */
    int64_t from = wish->number_low > (int64_t)number ? wish->number_low : (int64_t)number + 1;
    int64_t block = wish->flow_low >> FOLDER_ID_BITS;
    if (f->path && block > from)
        from = block;
    return from > FOLDER_NUMBER_MAX ? f->count : place_of(f, (uint32_t)from);
}

enum status folder_next(struct folder *f, uint32_t *next, uint32_t number, bool backwards,
                        const struct folder_wish *wish, struct error *err)
{
    if (wish->nothing)
        return STATUS_END;
    for (;;) {
        size_t at = place_next(f, number, backwards, wish);
        if (at >= f->count)
            return STATUS_END;
        const struct slice *s = &f->slices[at];
        number = s->number;
        if (s->broken || !number_allows(f, s, wish))
            continue;
        if (must_learn(s, wish)) {
            enum status status = learn(f, number, err); /* the list may change */
            if (status == STATUS_FAILED)
                return status;
            s = slice_find(f, number);
            if (status == STATUS_END || !s)
                continue;
        }
        if (known_allows(s, wish)) {
            *next = number;
            return STATUS_OK;
        }
    }
}
