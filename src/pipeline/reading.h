/* reading.h - one capture while it is read into a case: its frames, its digest, its row of evidence. */
#ifndef SEINE_PIPELINE_READING_H
#define SEINE_PIPELINE_READING_H

#include "base/budget.h"
#include "base/buffer.h"
#include "base/digest.h"
#include "capture/capture.h"
#include "pipeline/fingerprint.h"
#include "pipeline/life.h"
#include "pipeline/relay.h"
#include "pipeline/worker.h"
#include "store/store.h"

#include <stdbool.h>

enum { EVIDENCE_BLOCK_LEN = 16 << 20 };

/* What reading may take: shared by the captures that are open at once. */
struct reading_memory {
    struct budget budget;
    size_t map_len,
        stream_len; /* of a window over a file that is mapped, and over a stream, at first */
};

struct reading {
    const char *path;                   /* borrowed; "-" is standard input */
    bool lends;                         /* the store is told that its frames last */
    bool is_file;                       /* a regular file, which can be opened again */
    char file_hash[DIGEST_HEX_LEN + 1]; /* empty until the file was hashed to know it again */
    size_t unpack_len; /* memory that uncompressing it takes, as far as its first bytes tell */
    char fingerprint[FINGERPRINT_HEX_LEN + 1]; /* empty unless is_file */

    struct capture *capture; /* open while not NULL */
    struct store *store;     /* borrowed; to be asked while the relay is settled */
    struct relay *relay;     /* borrowed: how frames go to the store */
    struct life *life;       /* borrowed: where frames may wait that were returned */
    struct worker *hasher;   /* borrowed; without hashing it brings pages; NULL: none */
    struct reading_window {
        struct span bytes;     /* empty where they do not last */
        uint64_t passed;       /* the place of what was told of it last; once it was left */
        uint64_t hashed;       /* its turn with the hasher */
    } windows[CAPTURE_BEHIND]; /* the last ones, a ring */
    uint64_t window_count;
    uint64_t dropped; /* the turn with the hasher of the last window that was let go */
    uint32_t evidence_id;
    struct digest digest;
    struct checksum64 *block; /* NULL without hashing, and then there is no digest either */
    uint64_t bytes, blocks_written;
    size_t block_fill;
    struct buffer blocks;            /* checksums that are no rows yet */
    bool blocks_lost;                /* no memory for them */
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

/* The time of the first frame of a regular file; *has false when it holds none. */
enum status reading_first_time(const struct reading *r, int64_t *time_ns, bool *has,
                               struct reading_memory *memory, struct error *err);

/* All borrowed until the capture's end. */
struct reading_options {
    struct store *store;
    struct relay *relay;
    struct life *life;
    struct worker *hasher; /* for mapped captures; NULL: hashed as they are read */
    const char *json;      /* the options, for the row of evidence */
    bool hash;
    struct reading_memory *memory;
};

/* Opens the capture and begins its evidence in the store. */
enum status reading_open(struct reading *r, const struct reading_options *options,
                         struct error *err);

/* The next frame, into r->frame, with its evidence_id. As capture_next(). Frames that wait are taken on
 * before the store is told anything that stands between them and this one, and before bytes of theirs go. */
enum status reading_next(struct reading *r, struct error *err);

/* The SHA-256 of a capture that has ended: into r->sha256, and returned; "" without hashing. */
const char *reading_hash(struct reading *r);

/* Whether a capture that has ended, and was hashed, is in the case already, by its hash and `options`. */
bool reading_is_known(struct reading *r, const char *options);

/* Ends the evidence in the store and closes. STATUS_FAILED when there was no memory for what is to
 * be said of it. */
enum status reading_end(struct reading *r, struct error *err);

#endif
