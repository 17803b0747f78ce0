/* window.h - the bytes at this offset: what the formats see of a capture.
 *
 *     content   0 ──────────────[ start ........ start + len ]──────────────────► end
 *                                 data                          (moves forward only)
 *
 * Whether the bytes are mapped, read or lie in memory is behind the seam. Asking for bytes that are
 * at hand costs two comparisons; else the window moves so that they are. Who asks goes forward:
 * what lies before the last offset asked for may be gone. */
#ifndef SEINE_CAPTURE_WINDOW_H
#define SEINE_CAPTURE_WINDOW_H

#include "base/error.h"
#include "base/span.h"
#include "capture/source.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct window;

/* The rules. `move` makes `len` bytes from `offset` on be at hand. If it returns anything but
 * STATUS_OK they are not: STATUS_END and STATUS_DAMAGED when the content ends before them (and
 * `end` is known from then on), the latter when it ends because compressed data make no sense any
 * more; STATUS_FAILED when reading failed; all but STATUS_END with a sentence. `drain` tells the
 * evidence to its end; STATUS_OK or STATUS_FAILED. `shrank` may be NULL: it cannot. */
struct window_ops {
    enum status (*move)(struct window *w, uint64_t offset, size_t len, struct error *err);
    enum status (*drain)(struct window *w, struct error *err);
    bool (*shrank)(const struct window *w);
    void (*close)(struct window *w);
};

struct window {
    const struct window_ops *ops;
    const uint8_t *data; /* what is at hand; never NULL */
    size_t len;          /* bytes at hand */
    uint64_t start;      /* offset of data[0] in the content */
    uint64_t end;        /* of the content; UINT64_MAX while it is not known */
    size_t ceiling;      /* how many bytes at once may be asked for */
    const atomic_bool
        *struck; /* a map: what was mapped is no longer there, see guard.h; else NULL */
};

/* How much can be asked for at once: a longer record is damage. What a stream holds is memory of
 * ours; what a map holds is the kernel's. */
enum { WINDOW_STREAM_CEILING = 64 << 20, WINDOW_MAP_CEILING = 256 << 20 };

/* `len` bytes from `offset` on, valid until the next call. The status is that of `move` above. */
static inline enum status window_at(struct window *w, struct span *bytes, uint64_t offset,
                                    size_t len, struct error *err)
{
    assert(offset >= w->start && len <= w->ceiling);
    uint64_t from = offset - w->start;
    if (from > w->len || len > w->len - from) {
        enum status status = w->ops->move(w, offset, len, err);
        if (status != STATUS_OK)
            return status;
        from = offset - w->start;
    }
    *bytes = span_of(w->data + from, len);
    return STATUS_OK;
}

/* How many bytes the content has from `offset` on, once its end is known. */
static inline uint64_t window_left(const struct window *w, uint64_t offset)
{
    return offset < w->end ? w->end - offset : 0;
}

/* All at hand. `bytes` and `evidence` are borrowed, as below; NULL, with a sentence, on failure. */
struct window *window_memory(struct span bytes, struct evidence *evidence, struct error *err);

/* Over a source, which it takes, also when it fails. Holds about `window_len` bytes, more while a
 * record needs it: charged to `memory`, which may be NULL. A record for which there is no room
 * is damage. */
struct window *window_stream(struct source *source, size_t window_len, struct budget *memory,
                             struct error *err);

/* Over a regular file of `size` bytes. `fd` and `name` are borrowed. NULL without a sentence when
 * the file cannot be mapped, or too many are: it can still be read. */
struct window *window_map(int fd, const char *name, uint64_t size, size_t window_len,
                          struct evidence *evidence);

#endif
