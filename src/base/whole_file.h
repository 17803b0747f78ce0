/* whole_file.h - a file or a folder of files that has its name only when it is whole.
 *
 *     NAME.partial ── written, closed ── link ──► NAME
 *
 * Never in place of another: when NAME is there already, or NAME.partial, nothing is written. What a killed
 * run left as NAME.partial is not ours to remove: it is in the way, and a sentence says so. */
#ifndef SEINE_BASE_WHOLE_FILE_H
#define SEINE_BASE_WHOLE_FILE_H

#include "base/error.h"

#include <stdio.h>

struct whole_file {
    char *path;    /* owned */
    char *partial; /* owned */
    FILE *out;
};

/* On failure nothing is left to release. */
enum status whole_file_open(struct whole_file *f, const char *path, struct error *err);

/* The same, but empty and closed (`out` is NULL): for whoever writes `partial` by other means. */
enum status whole_file_reserve(struct whole_file *f, const char *path, struct error *err);

/* Closes it and gives it its name, if `status`, of what was written into it, is STATUS_OK; else, or when that
 * fails, nothing is left of it. Returns what came of it; `err` is kept where `status` was a failure. */
enum status whole_file_end(struct whole_file *f, enum status status, struct error *err);

enum { WHOLE_FOLDER_FILES_MAX = 32 };

struct whole_folder {
    char *path;                          /* owned */
    char *partial;                       /* owned */
    char *files[WHOLE_FOLDER_FILES_MAX]; /* owned: the paths of those in it */
    size_t file_count;
    FILE *out; /* the file that is being written */
};

enum status whole_folder_open(struct whole_folder *f, const char *path, struct error *err);

/* Closes the file before it, and begins one of that name. */
enum status whole_folder_file(struct whole_folder *f, const char *name, struct error *err);

/* As whole_file_end(). */
enum status whole_folder_end(struct whole_folder *f, enum status status, struct error *err);

#endif
