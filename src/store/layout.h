/* layout.h - bytes of a stream laid out from where they lie: the capture.
 *
 *     chunks      [..]                       what lies nowhere in the capture (it came compressed)
 *     arrivals       [....][....]            in any order, each read at its file_offset
 *                        [....]
 *     conflicts          [..]                what was kept, over them, in the order of their rows
 *     ─────────────────────────────► position
 *
 * An arrival brings, wherever another one had been before it, the bytes that are there or a conflict that
 * says what is kept. So this gives each position the byte that a case with payload has in its chunks, and
 * arrivals that brought nothing new need not be looked at.
 *
 * Which arrivals lie in some stretch of a stream is looked up in an index of them: a temporary database of
 * the layout's own, made as far as it is needed, and added to as rows of arrivals are. So a stream is laid out
 * in time that grows with its arrivals (n log n), however they are mixed, and in LAYOUT_MEMORY bytes, which
 * the writer sets aside when it is opened. */
#ifndef SEINE_STORE_LAYOUT_H
#define SEINE_STORE_LAYOUT_H

#include "base/error.h"
#include "base/span.h"
#include "store/sqlite.h"

#include <stdbool.h>
#include <stdint.h>

/* Who reads `len` bytes at `offset` of a capture's content. STATUS_FAILED, with a sentence, also where
 * there are not that many, or the capture is not there. */
struct payload_source {
    enum status (*read)(void *context, uint32_t evidence_id, void *to, size_t len, uint64_t offset,
                        struct error *err);
    void *context;
};

enum {
    LAYOUT_LEN = 64 * 1024, /* positions laid out at a time, at most */
    LAYOUT_MEMORY =
        512 * 1024, /* bytes that a layout takes, with the pages and statements of its index */
};

struct layout;

/* On the case in `schema` of a connection; both borrowed, as `source` is, until layout_close(). What
 * conflicts say is read from the case until layout_kept() is first called. */
enum status layout_open(struct layout **layout, sqlite3 *db, const char *schema,
                        const struct payload_source *source, struct error *err);
void layout_close(struct layout *layout); /* NULL is allowed */

/* Lays out the positions [begin, end) of a stream, at most LAYOUT_LEN of them. `waiting` are arrivals that
 * are not a row yet, a run of records as in a row. */
enum status layout_make(struct layout *layout, int64_t stream_id, int64_t begin, int64_t end,
                        struct span waiting, struct error *err);

/* For who writes the case: what a conflict says is kept. To be called for every row of conflicts of the streams
 * that are laid out, in their order: so that these are not read, with many others, every time. */
enum status layout_kept(struct layout *layout, int64_t stream_id, int64_t position,
                        struct span kept, struct error *err);

/* Bytes that are new in the stream that is laid out. */
void layout_add(struct layout *layout, int64_t position, struct span bytes);

/* No more is asked of a stream: its arrivals go from the index. */
enum status layout_end(struct layout *layout, int64_t stream_id, struct error *err);

/* Nothing is laid out any more. */
void layout_forget(struct layout *layout);

/* Whether a position of a stream is among those that were laid out. */
bool layout_covers(const struct layout *layout, int64_t stream_id, int64_t position);

/* The run of bytes that begins at a position that was laid out; empty where nothing came. */
struct span layout_run(const struct layout *layout, int64_t position);

/* The first position from `position` on that has a byte; the end of what was laid out if none has. */
int64_t layout_next(const struct layout *layout, int64_t position);

/* Whether options of evidence, as JSON, say that its payload stays in the capture. */
bool layout_is_asked(const char *options);

#endif
