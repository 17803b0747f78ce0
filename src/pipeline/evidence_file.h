/* evidence_file.h - the evidence of a case, found again and read at any place. */
#ifndef SEINE_PIPELINE_EVIDENCE_FILE_H
#define SEINE_PIPELINE_EVIDENCE_FILE_H

#include "base/digest.h"
#include "base/error.h"
#include "store/reader.h"

#include <stdbool.h>
#include <stdint.h>

/* What a case says of one piece of evidence. Texts are owned. */
struct evidence_row {
    uint32_t evidence_id;
    char *source;
    char *format;
    char *status;
    int64_t bytes;
    uint64_t frames;
    char sha256[DIGEST_HEX_LEN + 1]; /* empty when there is none, as each below */
    char fingerprint[17];
};

/* All evidence of a case, by id; *rows is freed by evidence_rows_free(). */
enum status evidence_rows(struct evidence_row **rows, size_t *count, struct reader *reader,
                          struct error *err);
void evidence_rows_free(struct evidence_row *rows, size_t count);

enum found {
    FOUND,
    FOUND_CHANGED, /* a file of that name is there, but is not the same */
    FOUND_NOT,
};

/* Looks in `folder` (may be NULL), there under any name, where it was, and beside the case. A file is
 * the same when its size and fingerprint are, or, for what came through a pipe, size and SHA-256.
 * `*path`, also of one that changed, is freed by the caller; NULL when not found. */
enum found evidence_find(char **path, const struct evidence_row *row, const char *case_path,
                         const char *folder);

/* A capture's uncompressed content, at any offset. A compressed one is unpacked into an unnamed
 * temporary file first (TMPDIR, else /tmp). */
struct evidence_file;

enum status evidence_open(struct evidence_file **file, const char *path, const char *format,
                          struct error *err);
void evidence_close(struct evidence_file *file); /* NULL is allowed */

/* Reads `len` bytes at `offset`; STATUS_FAILED also where there are not that many. */
enum status evidence_read(struct evidence_file *file, void *to, size_t len, uint64_t offset,
                          struct error *err);

/* Evidence by id, for whoever looks things up in it: NULL when it is not there. */
typedef struct evidence_file *evidence_by_id(void *context, uint32_t evidence_id);

#endif
