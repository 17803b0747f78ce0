/* evidence_file.c - the evidence of a case, found again and read at any place. */
#include "pipeline/evidence_file.h"

#include "capture/capture.h"
#include "pipeline/fingerprint.h"
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* ---- rows ---- */

void evidence_rows_free(struct evidence_row *rows, size_t count)
{
    for (size_t i = 0; rows && i < count; i++) {
        free(rows[i].source);
        free(rows[i].format);
        free(rows[i].status);
        free(rows[i].frames);
    }
    free(rows);
}

static char *text_copy(sqlite3_stmt *row, int column)
{
    const unsigned char *text = sqlite3_column_text(row, column);
    if (!text && sqlite3_column_type(row, column) != SQLITE_NULL)
        return NULL; /* no memory */
    return strdup(text ? (const char *)text : "");
}

/* False when there is no memory for it. */
static bool text_into(char *to, size_t room, sqlite3_stmt *row, int column)
{
    const unsigned char *text = sqlite3_column_text(row, column);
    snprintf(to, room, "%s", text ? (const char *)text : "");
    return text || sqlite3_column_type(row, column) == SQLITE_NULL;
}

enum status evidence_rows(struct evidence_row **rows, size_t *count, struct reader *reader,
                          struct error *err)
{
    sqlite3_stmt *s = NULL;
    size_t room = 0;
    enum status status =
        reader_prepare(reader, &s,
                       "SELECT evidence_id, source, format, status, bytes, frames, sha256, "
                       "fingerprint, CASE WHEN kind = 'live' AND json_valid(options) THEN"
                       " json_extract(options, '$.frames') END FROM evidence ORDER BY evidence_id",
                       err);
    int step = SQLITE_DONE;

    *rows = NULL;
    *count = 0;
    while (status == STATUS_OK && (step = sqlite3_step(s)) == SQLITE_ROW) {
        if (*count == room) {
            room = room ? room * 2 : 8;
            struct evidence_row *more = realloc(*rows, room * sizeof *more);
            if (!more) {
                status = error_no_memory(err, "no memory");
                break;
            }
            *rows = more;
        }
        struct evidence_row *row = &(*rows)[(*count)++];
        *row = (struct evidence_row){.evidence_id = (uint32_t)sqlite3_column_int64(s, 0),
                                     .source = text_copy(s, 1),
                                     .format = text_copy(s, 2),
                                     .status = text_copy(s, 3),
                                     .bytes = sqlite3_column_int64(s, 4),
                                     .frame_count = (uint64_t)sqlite3_column_int64(s, 5),
                                     .frames = text_copy(s, 8)};
        if (!text_into(row->sha256, sizeof row->sha256, s, 6) ||
            !text_into(row->fingerprint, sizeof row->fingerprint, s, 7) || !row->source ||
            !row->format || !row->status || !row->frames)
            status = error_no_memory(err, "no memory");
    }
    if (status == STATUS_OK && step != SQLITE_DONE)
        status = error_set(err, "reading %s: %s", reader_path(reader),
                           sqlite3_errmsg(reader_db(reader)));
    sqlite3_finalize(s);
    if (status != STATUS_OK) {
        evidence_rows_free(*rows, *count);
        *rows = NULL;
    }
    return status;
}

/* ---- finding ---- */

/* What is looked for, and what was seen on the way. */
struct search {
    const struct evidence_row *row;
    enum known_by by;
    struct stat case_file; /* never opened here: closing it would drop the locks of who reads it */
    char *path;            /* of the one */
    char *another;         /* the first that only bears its name, or only begins and ends like it */
    bool no_memory;        /* for all that was to be looked at */
};

static bool has_hash(struct search *s, const char *path)
{
    const char *sha256 = s->row->sha256;
    char hex[DIGEST_HEX_LEN + 1];
    struct error why = {0};
    bool has = sha256[0] && hash_file(path, hex, &why) == STATUS_OK && strcmp(hex, sha256) == 0;

    s->no_memory = s->no_memory || why.no_memory;
    return has;
}

static bool has_fingerprint(struct search *s, const char *path)
{
    const char *fingerprint = s->row->fingerprint;
    char hex[FINGERPRINT_HEX_LEN + 1];
    struct error why = {0};
    bool has = fingerprint[0] && fingerprint_file(path, hex, &why) == STATUS_OK &&
               strcmp(hex, fingerprint) == 0;

    s->no_memory = s->no_memory || why.no_memory;
    return has;
}

static char *joined(const char *folder, const char *name)
{
    size_t len = strlen(folder);
    char *path = NULL;
    return asprintf(&path, "%s%s%s", folder, len > 0 && folder[len - 1] == '/' ? "" : "/", name) < 0
               ? NULL
               : path;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* A file that the kernel makes up calls itself regular, but may be read for ever, or wait for ever, as
 * /proc/kmsg does: a case from a stranger may name one. */
static bool is_made_up(const char *path)
{
    struct statfs system;
    return statfs(path, &system) == 0 &&
           (system.f_type == PROC_SUPER_MAGIC || system.f_type == SYSFS_MAGIC ||
            system.f_type == DEBUGFS_MAGIC || system.f_type == TRACEFS_MAGIC);
}

/* Takes `candidate`: true when it is the one. */
static bool try_path(struct search *s, char *candidate)
{
    const struct evidence_row *row = s->row;
    struct stat st;

    s->no_memory = s->no_memory || !candidate;
    if (candidate && stat(candidate, &st) == 0 && S_ISREG(st.st_mode) && !is_made_up(candidate) &&
        !(st.st_dev == s->case_file.st_dev && st.st_ino == s->case_file.st_ino)) {
        bool same = false, alike = false;
        if (st.st_size == row->bytes) {
            bool hash = row->sha256[0] && (s->by == KNOWN_BY_HASH || !row->fingerprint[0]);
            same = hash ? has_hash(s, candidate) : has_fingerprint(s, candidate);
            alike = !same && hash && has_fingerprint(s, candidate);
        }
        if (same) {
            s->path = candidate;
            return true;
        }
        if (!s->another &&
            (alike || strcmp(base_name(candidate), base_name(evidence_row_name(row))) == 0)) {
            s->another = candidate;
            return false;
        }
    }
    free(candidate);
    return false;
}

/* Any file in the folder that is the same, whatever it is called. */
static bool try_folder(struct search *s, const char *folder)
{
    bool found = false;
    DIR *dir = opendir(folder);
    struct dirent *entry;

    s->no_memory = s->no_memory || (!dir && errno == ENOMEM);
    while (dir && !found && (entry = readdir(dir)) != NULL)
        found = try_path(s, joined(folder, entry->d_name));
    if (dir)
        closedir(dir);
    return found;
}

/* What came through a pipe was nowhere, and has no name; an interface is no file. */
static bool was_file(const struct evidence_row *row)
{
    return strcmp(row->source, "-") != 0 && !row->frames[0];
}

/* The name that the frames of an interface have beside the case. It was written by who wrote the case, who may be
 * anybody: it leads nowhere else. */
static bool has_frames(const struct evidence_row *row)
{
    return row->frames[0] && !strchr(row->frames, '/') && row->frames[0] != '.';
}

/* Frames that are being written have no size and no fingerprint to be known by. */
static bool is_unfinished(const struct evidence_row *row)
{
    return !row->sha256[0] && !row->fingerprint[0];
}

static bool try_unfinished(struct search *s, char *candidate)
{
    struct stat st;

    s->no_memory = s->no_memory || !candidate;
    if (candidate && stat(candidate, &st) == 0 && S_ISREG(st.st_mode) && !is_made_up(candidate) &&
        !(st.st_dev == s->case_file.st_dev && st.st_ino == s->case_file.st_ino)) {
        s->path = candidate;
        return true;
    }
    free(candidate);
    return false;
}

static bool try_frames(struct search *s, const char *folder)
{
    char *candidate = joined(folder, s->row->frames);
    return is_unfinished(s->row) ? try_unfinished(s, candidate) : try_path(s, candidate);
}

/* Where the case lies, or the cases, if it is a folder of them. */
static char *folder_of(const char *case_path)
{
    const char *slash = strrchr(case_path, '/');
    struct stat st;

    if (stat(case_path, &st) == 0 && S_ISDIR(st.st_mode))
        return strdup(case_path);
    return slash ? strndup(case_path, (size_t)(slash - case_path) + 1) : strdup(".");
}

const char *evidence_row_name(const struct evidence_row *row)
{
    return row->frames[0] ? row->frames : row->source;
}

void evidence_find(struct evidence_place *place, const struct evidence_row *row,
                   const char *case_path, const char *folder, enum known_by by)
{
    char *beside = folder_of(case_path);
    struct search s = {.row = row, .by = by};

    if (stat(case_path, &s.case_file) < 0)
        s.case_file = (struct stat){0};

    bool found = has_frames(row) &&
                 ((folder && try_frames(&s, folder)) || (beside && try_frames(&s, beside)));
    if (!found && folder)
        found = try_folder(&s, folder);
    if (!found && was_file(row))
        found = try_path(&s, strdup(row->source));
    if (!found && was_file(row) && beside) /* before others there: it is the most likely one */
        found = try_path(&s, joined(beside, base_name(row->source)));
    if (!found && beside)
        found = try_folder(&s, beside);
    s.no_memory = s.no_memory || !beside;
    free(beside);
    place->found = found ? FOUND : s.another ? FOUND_CHANGED : FOUND_NOT;
    place->path = found ? s.path : s.another;
    place->stranger = found ? s.another : NULL;
    place->no_memory = s.no_memory;
}

void evidence_place_release(struct evidence_place *place)
{
    free(place->path);
    free(place->stranger);
}

/* ---- reading ---- */

struct evidence_file {
    int fd;
    char *path;
};

static int temporary_file(void)
{
    const char *folder = getenv("TMPDIR");
    int fd = open(folder && *folder ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    FILE *file = tmpfile();
    if (!file)
        return -1;
    fd = fcntl(fileno(file), F_DUPFD_CLOEXEC, 0);
    fclose(file);
    return fd;
}

/* Every frame at its offset, with holes between: all that will ever be asked for. */
static enum status unpack(int fd, const char *path, struct error *err)
{
    struct capture *capture;
    struct frame frame;
    enum status status = capture_open(&capture, path, NULL, err);

    while (status == STATUS_OK && (status = capture_next(capture, &frame, err)) == STATUS_OK) {
        size_t done = 0;
        while (done < frame.bytes.len) {
            ssize_t wrote = pwrite(fd, frame.bytes.data + done, frame.bytes.len - done,
                                   (off_t)(frame.offset + done));
            if (wrote < 0 && errno == EINTR)
                continue;
            if (wrote <= 0) {
                status = error_set(err, "unpacking %s: %s", path, strerror(errno));
                break;
            }
            done += (size_t)wrote;
        }
        if (status != STATUS_OK)
            break;
    }
    capture_close(capture);
    return status == STATUS_FAILED ? STATUS_FAILED : STATUS_OK;
}

enum status evidence_open(struct evidence_file **file, const char *path, const char *format,
                          struct error *err)
{
    bool packed = strstr(format, ".gz") || strstr(format, ".zst");
    struct evidence_file *f = calloc(1, sizeof *f);
    enum status status = STATUS_OK;

    *file = NULL;
    if (!f || !(f->path = strdup(path))) {
        free(f);
        return error_no_memory(err, "opening %s: no memory", path);
    }
    f->fd = packed ? temporary_file() : open(path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0)
        status =
            error_set(err, packed ? "unpacking %s into a temporary file: %s" : "opening %s: %s",
                      path, strerror(errno));
    else if (packed)
        status = unpack(f->fd, path, err);
    if (status != STATUS_OK) {
        evidence_close(f);
        return status;
    }
    *file = f;
    return STATUS_OK;
}

void evidence_close(struct evidence_file *f)
{
    if (!f)
        return;
    if (f->fd >= 0)
        close(f->fd);
    free(f->path);
    free(f);
}

enum status evidence_read(struct evidence_file *f, void *to, size_t len, uint64_t offset,
                          struct error *err)
{
    uint8_t *at = to;

    while (len > 0) {
        ssize_t got = offset > INT64_MAX ? 0 : pread(f->fd, at, len, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set(err, "reading %s at offset %" PRIu64 ": %s", f->path, offset,
                             strerror(errno));
        if (got == 0)
            return error_set(err, "reading %s: it ends before offset %" PRIu64, f->path,
                             offset + len);
        at += got;
        offset += (uint64_t)got;
        len -= (size_t)got;
    }
    return STATUS_OK;
}

/* ---- all evidence of a case ---- */

enum { OPEN_MOST = 64 };

struct evidence_shelf {
    struct payload_source source;
    char *case_path;
    const char *folder; /* borrowed, or NULL */
    struct evidence_row *rows;
    size_t count;
    struct evidence_file **files; /* by index of rows; NULL until it is wanted */
    size_t opened[OPEN_MOST];     /* which of them are open, the next to be closed at `next` */
    size_t open_count, next;
};

/* A folder has more slices than a process may have files open. */
static void make_room(struct evidence_shelf *shelf, size_t i)
{
    size_t *place = &shelf->opened[shelf->next];

    if (shelf->open_count == OPEN_MOST) {
        evidence_close(shelf->files[*place]);
        shelf->files[*place] = NULL;
    } else {
        shelf->open_count++;
    }
    *place = i;
    shelf->next = (shelf->next + 1) % OPEN_MOST;
}

/* Finds and opens one; says where it was looked for in vain. */
static enum status take_down(struct evidence_shelf *shelf, size_t i, struct error *err)
{
    const struct evidence_row *row = &shelf->rows[i];
    struct evidence_place place;
    enum status status;

    evidence_find(&place, row, shelf->case_path, shelf->folder, KNOWN_BY_FINGERPRINT);
    if (place.found == FOUND) {
        status = evidence_open(&shelf->files[i], place.path, row->format, err);
        if (status == STATUS_OK)
            make_room(shelf, i);
    } else if (place.no_memory)
        status = error_no_memory(err, "looking for %s: no memory", evidence_row_name(row));
    else
        status = error_set(
            err,
            "the payload is in the evidence, and %s %s: put it where it was or beside "
            "the case, or say with --evidence FOLDER where else it is",
            evidence_row_name(row), place.found == FOUND_CHANGED ? "has changed" : "is not there");
    evidence_place_release(&place);
    return status;
}

static enum status read_shelved(void *context, uint32_t evidence_id, void *to, size_t len,
                                uint64_t offset, struct error *err)
{
    struct evidence_shelf *shelf = context;

    for (size_t i = 0; i < shelf->count; i++) {
        if (shelf->rows[i].evidence_id != evidence_id)
            continue;
        if (!shelf->files[i] && take_down(shelf, i, err) != STATUS_OK)
            return STATUS_FAILED;
        return evidence_read(shelf->files[i], to, len, offset, err);
    }
    return error_set(err, "there is no evidence %" PRIu32, evidence_id);
}

enum status evidence_shelf_open(struct evidence_shelf **shelf, struct reader *reader,
                                const char *folder, struct error *err)
{
    struct evidence_shelf *made = calloc(1, sizeof *made);

    *shelf = NULL;
    if (!made)
        return error_no_memory(err, "no memory");
    made->source = (struct payload_source){read_shelved, made};
    made->case_path = strdup(reader_path(reader));
    made->folder = folder;
    enum status status = evidence_rows(&made->rows, &made->count, reader, err);
    made->count = status == STATUS_OK ? made->count : 0;
    made->files = calloc(made->count + 1, sizeof *made->files);
    if (status == STATUS_OK && (!made->case_path || !made->files))
        status = error_no_memory(err, "no memory");
    if (status == STATUS_OK)
        *shelf = made;
    else
        evidence_shelf_close(made);
    return status;
}

void evidence_shelf_close(struct evidence_shelf *shelf)
{
    if (!shelf)
        return;
    for (size_t i = 0; shelf->files && i < shelf->count; i++)
        evidence_close(shelf->files[i]);
    free(shelf->files);
    evidence_rows_free(shelf->rows, shelf->count);
    free(shelf->case_path);
    free(shelf);
}

const struct payload_source *evidence_shelf_source(const struct evidence_shelf *shelf)
{
    return &shelf->source;
}

/* ---- for a store that mends, and for functions of SQL ---- */

static const struct payload_source *shelf_of(void **shelf, struct reader *reader, struct error *err)
{
    struct evidence_shelf *made;

    if (evidence_shelf_open(&made, reader, NULL, err) != STATUS_OK)
        return NULL;
    *shelf = made;
    return &made->source;
}

static bool measure(void *of, uint32_t evidence_id, uint64_t *bytes,
                    char fingerprint[FINGERPRINT_HEX_LEN + 1])
{
    const struct evidence_shelf *shelf = of;
    struct evidence_place place;
    struct error why = {0};
    struct stat st;
    size_t i = 0;

    while (i < shelf->count && shelf->rows[i].evidence_id != evidence_id)
        i++;
    if (i == shelf->count)
        return false;
    evidence_find(&place, &shelf->rows[i], shelf->case_path, NULL, KNOWN_BY_FINGERPRINT);
    const bool is_there = place.found == FOUND && stat(place.path, &st) == 0 &&
                          fingerprint_file(place.path, fingerprint, &why) == STATUS_OK;
    *bytes = is_there ? (uint64_t)st.st_size : 0;
    evidence_place_release(&place);
    return is_there;
}

static void shelf_end(void *shelf)
{
    evidence_shelf_close(shelf);
}

const struct store_shelf evidence_shelves = {
    .open = shelf_of, .measure = measure, .close = shelf_end};
