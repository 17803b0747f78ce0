/* raw_frames.h - the frames of a live run as they came, in pcapng files beside its cases.
 *
 *     frame ──► copied to the block being filled ──► a thread of its own writes it
 *
 * Where a frame will lie is known when it is copied, so that the case can say so. Memory is bounded: when the thread
 * does not keep up, or the file cannot be written, frames are not kept, and counted; nobody waits for it but where the
 * next file begins. */
#ifndef SEINE_PIPELINE_RAW_FRAMES_H
#define SEINE_PIPELINE_RAW_FRAMES_H

#include "base/error.h"
#include "capture/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct raw_frames;

struct raw_interface {
    const char *name;
    uint32_t link_type, snap_len;
};

/* Bytes that it takes of a budget of so many. */
size_t raw_frames_memory(size_t budget);

/* `sync`: what was waited for outlives a loss of power. NULL where there is no memory, or no thread. */
struct raw_frames *raw_frames_new(size_t budget, bool sync);

/* Ends the thread, after all has been written. NULL is allowed. */
void raw_frames_free(struct raw_frames *r);

/* What follows is for the thread that captures. */

/* From now on frames go into this file, which is made; the one before is closed. False when there is no memory: then
 * frames are not kept. Frames name an interface by its place among these. */
bool raw_frames_begin(struct raw_frames *r, const char *path,
                      const struct raw_interface *interfaces, size_t count);

/* Keeps a frame: where its first byte lies in the file; 0: it is not kept. */
uint64_t raw_frames_put(struct raw_frames *r, const struct frame *frame);

/* Hands all so far to the thread. Its place, for raw_frames_wait(). */
uint64_t raw_frames_pass(struct raw_frames *r);

/* Frames that were not kept; how long the file is. */
uint64_t raw_frames_lost(const struct raw_frames *r);
uint64_t raw_frames_len(const struct raw_frames *r);

/* Which file it is that frames go into: how many were begun. */
uint32_t raw_frames_file(const struct raw_frames *r);

/* By another thread, which was told of the frame: `len` bytes of it, at `offset` of that file. False: they are not
 * waiting to be written any more, and lie in the file, if they could be. */
bool raw_frames_peek(struct raw_frames *r, void *to, size_t len, uint64_t offset, uint32_t file);

/* By another thread: waits until all up to that place is written. Whether something could not be, once for each
 * file. */
void raw_frames_wait(struct raw_frames *r, uint64_t place);
bool raw_frames_failed(struct raw_frames *r, struct error *why);

#endif
