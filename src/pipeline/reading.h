/* reading.h - one capture while it is read into a case: its frames, its digest, its row of evidence. */
#ifndef SEINE_PIPELINE_READING_H
#define SEINE_PIPELINE_READING_H

#include "base/budget.h"
#include "base/buffer.h"
#include "base/digest.h"
#include "capture/capture.h"
#include "pipeline/life.h"
#include "store/store.h"

#include <stdbool.h>

enum { FINGERPRINT_HEX_LEN = 16, EVIDENCE_BLOCK_LEN = 16 << 20 };

/* What reading may take: shared by the captures that are open at once. */
struct reading_memory {
    struct budget budget;
    size_t stream_len; /* of a window over a stream, at first */
};

struct reading {
    const char *path;                   /* borrowed; "-" is standard input */
    bool is_file;                       /* a regular file, which can be opened again */
    char file_hash[DIGEST_HEX_LEN + 1]; /* empty until the file was hashed to know it again */
    size_t unpack_len; /* memory that uncompressing it takes, as far as its first bytes tell */
    char fingerprint[FINGERPRINT_HEX_LEN + 1]; /* empty unless is_file */

    struct capture *capture; /* open while not NULL */
    struct store *store;     /* borrowed */
    uint32_t evidence_id;
    struct digest *digest; /* NULL without hashing */
    struct checksum64 *block;
    uint64_t bytes, block_number;
    size_t block_fill;
    struct buffer early;             /* checksums of blocks told before there was an evidence_id */
    bool early_lost;                 /* no memory for them */
    char sha256[DIGEST_HEX_LEN + 1]; /* empty until reading_hash(), and without hashing */

    struct frame frame; /* the one last read */
    bool has_frame;
    uint64_t frames;
    int64_t first_ns, last_ns;
    struct verdict_counts seen;
    bool damaged;
};

/* Looks at `path`: whether it is a regular file, and which. STATUS_FAILED when it cannot be read. */
enum status reading_init(struct reading *r, const char *path, struct error *err);
void reading_release(struct reading *r); /* closes what is open */

/* XXH3 over size, first and last MiB: 16 hex digits and a NUL. */
enum status fingerprint_file(const char *path, char hex[FINGERPRINT_HEX_LEN + 1],
                             struct error *err);

/* SHA-256 of a whole file. */
enum status hash_file(const char *path, char hex[DIGEST_HEX_LEN + 1], struct error *err);

/* The time of the first frame of a regular file; *has false when it holds none. */
enum status reading_first_time(const struct reading *r, int64_t *time_ns, bool *has,
                               struct reading_memory *memory, struct error *err);

/* Opens the capture and begins its evidence in the store. `options` is JSON text. `memory` is borrowed
 * until its end. */
enum status reading_open(struct reading *r, struct store *store, const char *options, bool hash,
                         struct reading_memory *memory, struct error *err);

/* The next frame, into r->frame, with its evidence_id. As capture_next(). */
enum status reading_next(struct reading *r, struct error *err);

/* The SHA-256 of a capture that has ended: into r->sha256, and returned; "" without hashing. */
const char *reading_hash(struct reading *r);

/* Ends the evidence in the store and closes. */
void reading_end(struct reading *r);

#endif
