/* evidence_file.c - the evidence of a case, found again and read at any place. */
#include "pipeline/evidence_file.h"

#include "capture/capture.h"
#include "pipeline/reading.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- rows ---- */

void evidence_rows_free(struct evidence_row *rows, size_t count)
{
    for (size_t i = 0; rows && i < count; i++) {
        free(rows[i].source);
        free(rows[i].format);
        free(rows[i].status);
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

static void text_into(char *to, size_t room, sqlite3_stmt *row, int column)
{
    const unsigned char *text = sqlite3_column_text(row, column);
    snprintf(to, room, "%s", text ? (const char *)text : "");
}

enum status evidence_rows(struct evidence_row **rows, size_t *count, struct reader *reader,
                          struct error *err)
{
    sqlite3_stmt *s = NULL;
    size_t room = 0;
    enum status status =
        reader_prepare(reader, &s,
                       "SELECT evidence_id, source, format, status, bytes, frames, sha256, "
                       "fingerprint FROM evidence ORDER BY evidence_id",
                       err);
    int step = SQLITE_DONE;

    *rows = NULL;
    *count = 0;
    while (status == STATUS_OK && (step = sqlite3_step(s)) == SQLITE_ROW) {
        if (*count == room) {
            room = room ? room * 2 : 8;
            struct evidence_row *more = realloc(*rows, room * sizeof *more);
            if (!more) {
                status = error_set(err, "no memory");
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
                                     .frames = (uint64_t)sqlite3_column_int64(s, 5)};
        text_into(row->sha256, sizeof row->sha256, s, 6);
        text_into(row->fingerprint, sizeof row->fingerprint, s, 7);
        if (!row->source || !row->format || !row->status)
            status = error_set(err, "no memory");
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

static bool is_same(const struct evidence_row *row, const char *path)
{
    struct stat st;
    char hex[DIGEST_HEX_LEN + 1];

    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size != row->bytes)
        return false;
    if (row->fingerprint[0])
        return fingerprint_file(path, hex, NULL) == STATUS_OK && strcmp(hex, row->fingerprint) == 0;
    return row->sha256[0] && hash_file(path, hex, NULL) == STATUS_OK &&
           strcmp(hex, row->sha256) == 0;
}

static char *joined(const char *folder, size_t folder_len, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%.*s/%s", (int)folder_len, folder, name) < 0 ? NULL : path;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Takes `candidate`: true, with *path the candidate, when it is the one. Else the first regular file
 * that bears the name of the one looked for goes to *changed. */
static bool try_path(char **path, char **changed, const struct evidence_row *row, char *candidate)
{
    struct stat st;

    if (candidate && is_same(row, candidate)) {
        *path = candidate;
        return true;
    }
    if (candidate && !*changed && strcmp(base_name(candidate), base_name(row->source)) == 0 &&
        stat(candidate, &st) == 0 && S_ISREG(st.st_mode))
        *changed = candidate;
    else
        free(candidate);
    return false;
}

/* Any file in the folder that is the same, whatever it is called. */
static bool try_folder(char **path, char **changed, const struct evidence_row *row,
                       const char *folder)
{
    bool found = false;
    DIR *dir = opendir(folder);
    struct dirent *entry;

    while (dir && !found && (entry = readdir(dir)) != NULL)
        found = try_path(path, changed, row, joined(folder, strlen(folder), entry->d_name));
    if (dir)
        closedir(dir);
    return found;
}

enum found evidence_find(char **path, const struct evidence_row *row, const char *case_path,
                         const char *folder)
{
    const char *name = base_name(row->source), *slash = strrchr(case_path, '/');
    size_t beside_len = slash ? (size_t)(slash - case_path) : 1;
    char *changed = NULL;

    *path = NULL;
    if ((folder && try_folder(path, &changed, row, folder)) ||
        (strcmp(row->source, "-") != 0 &&
         (try_path(path, &changed, row, strdup(row->source)) ||
          try_path(path, &changed, row, joined(slash ? case_path : ".", beside_len, name))))) {
        free(changed);
        return FOUND;
    }
    *path = changed;
    return changed ? FOUND_CHANGED : FOUND_NOT;
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
        return error_set(err, "opening %s: no memory", path);
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
