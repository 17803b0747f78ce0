/* whole_file.c - a file or a folder of files that has its name only when it is whole. */
#include "base/whole_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum status is_there(const char *path, struct error *err)
{
    return error_set(err, "%s exists already; nothing was written", path);
}

static enum status cannot_write(const char *path, struct error *err)
{
    return error_set(err, "writing %s: %s", path, strerror(errno));
}

static enum status is_in_the_way(const char *partial, struct error *err)
{
    return error_set(err, "%s is in the way: being written, or left by a run that was cut off",
                     partial);
}

/* Copies the path, without slashes at its end, and makes the name of what is not whole. */
static enum status names_make(char **path, char **partial, const char *from, struct error *err)
{
    *partial = NULL;
    *path = strdup(from);
    if (*path) {
        size_t len = strlen(*path);
        while (len > 1 && (*path)[len - 1] == '/')
            (*path)[--len] = 0;
        if (asprintf(partial, "%s.partial", *path) < 0)
            *partial = NULL;
    }
    struct stat there;
    enum status status = STATUS_OK;
    if (!*partial)
        status = error_no_memory(err, "writing %s: no memory", from);
    else if (lstat(*path, &there) == 0)
        status = is_there(*path, err);
    else if (errno != ENOENT)
        status = cannot_write(*path, err);
    if (status != STATUS_OK) {
        free(*path);
        free(*partial);
    }
    return status;
}

/* A new file, for writing; sentences speak of it as `name`. */
static enum status file_make(FILE **out, const char *path, const char *name, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return errno == EEXIST ? is_in_the_way(path, err) : cannot_write(name, err);
    *out = fdopen(fd, "wb");
    if (*out)
        return STATUS_OK;
    close(fd);
    unlink(path);
    return error_no_memory(err, "writing %s: no memory", name);
}

/* Closes what was written, which is the last that can fail of it. */
static enum status file_close(FILE *out, const char *path, enum status status, struct error *err)
{
    bool failed = out && (ferror(out) != 0 || fflush(out) != 0);
    if (failed && status == STATUS_OK)
        status = cannot_write(path, err);
    if (out && fclose(out) != 0 && status == STATUS_OK)
        status = cannot_write(path, err);
    return status;
}

enum status whole_file_open(struct whole_file *f, const char *path, struct error *err)
{
    *f = (struct whole_file){0};
    enum status status = names_make(&f->path, &f->partial, path, err);
    if (status != STATUS_OK)
        return status;
    status = file_make(&f->out, f->partial, f->path, err);
    if (status != STATUS_OK) {
        free(f->path);
        free(f->partial);
    }
    return status;
}

enum status whole_file_reserve(struct whole_file *f, const char *path, struct error *err)
{
    enum status status = whole_file_open(f, path, err);
    if (status == STATUS_OK) {
        fclose(f->out);
        f->out = NULL;
    }
    return status;
}

enum status whole_file_end(struct whole_file *f, enum status status, struct error *err)
{
    status = file_close(f->out, f->path, status, err);
    if (status == STATUS_OK && link(f->partial, f->path) != 0 &&
        (errno == EEXIST || /* else perhaps a file system without hard links */
         renameat2(AT_FDCWD, f->partial, AT_FDCWD, f->path, RENAME_NOREPLACE) != 0))
        status = errno == EEXIST ? is_there(f->path, err) : cannot_write(f->path, err);
    unlink(f->partial);
    free(f->path);
    free(f->partial);
    return status;
}

enum status whole_folder_open(struct whole_folder *f, const char *path, struct error *err)
{
    *f = (struct whole_folder){0};
    enum status status = names_make(&f->path, &f->partial, path, err);
    if (status != STATUS_OK)
        return status;
    if (mkdir(f->partial, 0777) == 0)
        return STATUS_OK;
    status = errno == EEXIST ? is_in_the_way(f->partial, err) : cannot_write(f->path, err);
    free(f->path);
    free(f->partial);
    return status;
}

/* The name under which a sentence speaks of the file at hand. */
static const char *at_hand(const struct whole_folder *f)
{
    return f->file_count > 0 ? f->files[f->file_count - 1] : f->path;
}

enum status whole_folder_file(struct whole_folder *f, const char *name, struct error *err)
{
    assert(f->file_count < WHOLE_FOLDER_FILES_MAX);
    enum status status = file_close(f->out, at_hand(f), STATUS_OK, err);
    f->out = NULL;
    if (status != STATUS_OK)
        return status;
    char *path;
    if (asprintf(&path, "%s/%s", f->partial, name) < 0)
        return error_no_memory(err, "writing %s: no memory", f->path);
    status = file_make(&f->out, path, path, err);
    if (status == STATUS_OK)
        f->files[f->file_count++] = path;
    else
        free(path);
    return status;
}

enum status whole_folder_end(struct whole_folder *f, enum status status, struct error *err)
{
    status = file_close(f->out, at_hand(f), status, err);
    if (status == STATUS_OK &&
        renameat2(AT_FDCWD, f->partial, AT_FDCWD, f->path, RENAME_NOREPLACE) != 0 &&
        /* a file system without it: an empty folder that has come since is no loss */
        ((errno != EINVAL && errno != ENOSYS) || rename(f->partial, f->path) != 0))
        status = errno == EEXIST || errno == ENOTEMPTY ? is_there(f->path, err)
                                                       : cannot_write(f->path, err);
    for (size_t i = 0; i < f->file_count; i++) {
        if (status != STATUS_OK)
            unlink(f->files[i]);
        free(f->files[i]);
    }
    if (status != STATUS_OK)
        rmdir(f->partial);
    free(f->path);
    free(f->partial);
    return status;
}
