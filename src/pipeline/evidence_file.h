/* evidence_file.h - the evidence of a case, found again and read at any place. */
#ifndef SEINE_PIPELINE_EVIDENCE_FILE_H
#define SEINE_PIPELINE_EVIDENCE_FILE_H

#include "base/digest.h"
#include "base/error.h"
#include "store/layout.h"
#include "store/reader.h"

#include <stdbool.h>
#include <stdint.h>

/* What a case says of one piece of evidence. Texts are owned. */
struct evidence_row {
    uint32_t evidence_id;
    char *source;
    char *format;
    char *status;
    char *frames; /* of an interface whose frames are kept: the file beside the case; else "" */
    int64_t bytes;
    uint64_t frame_count;
    char sha256[DIGEST_HEX_LEN + 1]; /* empty when there is none, as each below */
    char fingerprint[17];
};

/* All evidence of a case, by id; *rows is freed by evidence_rows_free(). */
enum status evidence_rows(struct evidence_row **rows, size_t *count, struct reader *reader,
                          struct error *err);
void evidence_rows_free(struct evidence_row *rows, size_t count);

/* What to call it in a sentence. */
const char *evidence_row_name(const struct evidence_row *row);

enum found {
    FOUND,
    FOUND_CHANGED, /* a file of that name is there, but is not the same */
    FOUND_NOT,
};

/* Where a piece of evidence is. Texts are owned. */
struct evidence_place {
    enum found found;
    char *path;     /* also of one that changed; NULL when not found */
    char *stranger; /* a file of its name that is another one, seen on the way to it; or NULL */
    bool no_memory; /* for a file on the way: it may be overlooked, or another taken for it */
};

/* How a file is known again: by size, and then by its SHA-256 or, which takes no longer for a long file
 * than for a short one, by its fingerprint. Each stands in for the other where the case has only that. */
enum known_by {
    KNOWN_BY_FINGERPRINT,
    KNOWN_BY_HASH,
};

/* Looks in `folder` (may be NULL), where it was, and beside the case, or in the folder that the cases are in; in the
 * folders under any name. Goes on looking after a file of its name that is not the same. Frames of an interface that
 * are still being written, or were when their writer was killed, are known by their name alone. Released by
 * evidence_place_release(). */
void evidence_find(struct evidence_place *place, const struct evidence_row *row,
                   const char *case_path, const char *folder, enum known_by by);
void evidence_place_release(struct evidence_place *place);

/* A capture's uncompressed content, at any offset. A compressed one is unpacked into an unnamed
 * temporary file first (TMPDIR, else /tmp). */
struct evidence_file;

enum status evidence_open(struct evidence_file **file, const char *path, const char *format,
                          struct error *err);
void evidence_close(struct evidence_file *file); /* NULL is allowed */

/* Reads `len` bytes at `offset`; STATUS_FAILED also where there are not that many. */
enum status evidence_read(struct evidence_file *file, void *to, size_t len, uint64_t offset,
                          struct error *err);

/* The evidence of a case, opened when something of it is first read: for readers of cases whose payload is
 * not in them. Looks for it as evidence_find() does, by fingerprint; `folder`, which may be NULL, is
 * borrowed. */
struct evidence_shelf;

enum status evidence_shelf_open(struct evidence_shelf **shelf, struct reader *reader,
                                const char *folder, struct error *err);
void evidence_shelf_close(struct evidence_shelf *shelf); /* NULL is allowed */

/* For reader_set_evidence(); the shelf's. */
const struct payload_source *evidence_shelf_source(const struct evidence_shelf *shelf);

/* For a store that mends, and for functions of SQL. */
struct store_shelf;
extern const struct store_shelf evidence_shelves;

/* Evidence by id, for whoever looks things up in it: NULL when it is not there. */
typedef struct evidence_file *evidence_by_id(void *context, uint32_t evidence_id);

#endif
