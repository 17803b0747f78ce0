/* source.h - bytes in order, pulled: from a descriptor, from memory, or out of compressed ones.
 *
 *     descriptor ─┐
 *                 ├─► source ──────────────► streamed window
 *     memory ─────┘        └─► inflate ─────►
 *
 * The first two are raw: they tell the evidence listener every byte that they hand out, so that
 * what is told is what lies on the disk, whether or not it is compressed. */
#ifndef SEINE_CAPTURE_SOURCE_H
#define SEINE_CAPTURE_SOURCE_H

#include "base/budget.h"
#include "base/error.h"
#include "base/span.h"
#include "capture/capture.h"

/* What of the evidence has been told so far. */
struct evidence {
    const struct capture_listener *listener; /* borrowed */
    uint64_t told_len;                       /* bytes */
};

static inline void evidence_tell(struct evidence *e, struct span bytes)
{
    e->told_len += bytes.len;
    if (e->listener->evidence_bytes && bytes.len > 0)
        e->listener->evidence_bytes(e->listener->context, bytes);
}

/* What reading takes is charged to a budget, where there is one. */
static inline bool memory_take(struct budget *memory, size_t len)
{
    return !memory || budget_take(memory, len);
}

static inline void memory_give(struct budget *memory, size_t len)
{
    if (memory)
        budget_give(memory, len);
}

struct source;

/* The rules: `read` puts between 1 and `room` bytes at `to`, their number in `*len`, and returns
 * STATUS_OK. Anything else puts none, and is the last answer: `read` is not called again. The
 * sentence of STATUS_DAMAGED names no file: whoever knows the frame does. `drain` may still be
 * called; it reads the raw bytes to their end for the evidence's sake. STATUS_OK or
 * STATUS_FAILED. */
struct source_ops {
    enum status (*read)(struct source *s, uint8_t *to, size_t *len, size_t room, struct error *err);
    enum status (*drain)(struct source *s, struct error *err);
    void (*free)(struct source *s);
};

enum { SOURCE_HEAD_LEN = 4 };

struct source {
    const struct source_ops *ops;
    struct span head; /* raw ones: the first SOURCE_HEAD_LEN bytes or all there are, unread */
};

/* From `fd`, which stays the caller's, up to `size` bytes, or to its end when `size` is UINT64_MAX.
 * NULL, with a sentence, when its first bytes cannot be read. `name` and `evidence` are
 * borrowed. */
struct source *source_file(int fd, const char *name, uint64_t size, struct evidence *evidence,
                           struct error *err);

struct source *source_memory(struct span bytes, struct evidence *evidence, struct error *err);

/* What `raw` holds, uncompressed; takes `raw` over, also when it fails with NULL and a sentence.
 * libzstd is given up to 128 MiB for a frame that asks for it (--long=27), and never more than
 * `memory`, which may be NULL, has room for: a frame that asks for more cannot be read. */
struct source *inflate_gzip(struct source *raw, const char *name, struct budget *memory,
                            struct error *err);
struct source *inflate_zstd(struct source *raw, const char *name, struct budget *memory,
                            struct error *err);

/* What is charged for it, as far as the first bytes tell; 0 of what is not compressed. */
size_t inflate_memory(struct span head);

bool inflate_is_gzip(struct span head);
bool inflate_is_zstd(struct span head);

#endif
