/* map.c - a window over a regular file, mapped in pieces that move forward.
 *
 *     file    ──────[ previous ][ current ]──────────►
 *                          [ next ]   begins at the page of the record that straddles the end
 *
 * The piece before the current one stays until the window moves again, so that what was returned
 * from it can still be looked at; earlier pages go back to the kernel. A piece is told to the
 * evidence listener when it is entered, and unmapped when the listener has returned from the call
 * after the next: another thread may hash it meanwhile. Where the listener lets the pages go (capture_listener.lets_go) pieces
 * stay for longer, as many as there are ranges to guard. */
#include "capture/guard.h"
#include "capture/window.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(GUARD_RANGES == CAPTURE_BEHIND + 2,
               "the current piece, those behind it, and one to be unmapped");

struct piece {
    void *data; /* NULL is none */
    size_t len;
};

struct map {
    struct window base;
    int fd;           /* borrowed */
    const char *name; /* borrowed */
    size_t window_len;
    size_t page_len;
    struct evidence *evidence; /* borrowed */
    struct guard *guard;
    struct piece pieces[GUARD_RANGES];
    size_t current; /* in pieces; the one before it, in the ring, is the previous */
};

static void map_unmap(struct map *m, size_t which)
{
    struct piece *piece = &m->pieces[which];
    if (!piece->data)
        return;
    guard_forget(m->guard, which);
    munmap(piece->data, piece->len);
    *piece = (struct piece){NULL, 0};
}

static bool map_is_told(const struct map *m)
{
    return m->evidence->listener->evidence_bytes != NULL;
}

/* Tells what of the current piece has not been told as part of the one before. */
static void map_tell(struct map *m)
{
    const struct window *w = &m->base;
    if (!map_is_told(m))
        return;
    struct span fresh = span_of(w->data, w->len);
    span_take(&fresh, (size_t)(m->evidence->told_len - w->start), NULL);
    evidence_tell(m->evidence, fresh);
}

/* Makes the window begin at the page of `offset` and hold at least `len` bytes from there, which
 * the file has. */
static enum status map_enter(struct map *m, uint64_t offset, size_t len, struct error *err)
{
    struct window *w = &m->base;
    uint64_t start = offset - offset % m->page_len;
    uint64_t need = offset - start + len;
    uint64_t want = need > m->window_len ? need : m->window_len;
    want += (m->page_len - want % m->page_len) % m->page_len;
    if (want > w->end - start)
        want = w->end - start;
    size_t next = (m->current + 1) % GUARD_RANGES;
    void *data = mmap(NULL, (size_t)want, PROT_READ, MAP_SHARED, m->fd, (off_t)start);
    if (data == MAP_FAILED)
        return error_set(err, "%s cannot be mapped at byte %" PRIu64 ": %s", m->name, start,
                         strerror(errno));
    madvise(data, (size_t)want, MADV_SEQUENTIAL);
    guard_watch(m->guard, next, data, (size_t)want);
    m->pieces[next] = (struct piece){data, (size_t)want};
    m->current = next;
    w->data = data;
    w->len = (size_t)want;
    w->start = start;
    map_tell(m);
    if (!m->evidence->listener->lets_go)
        map_unmap(m, (next + GUARD_RANGES - 2) % GUARD_RANGES);
    map_unmap(m, (next + 1) % GUARD_RANGES);
    return STATUS_OK;
}

static enum status map_move(struct window *w, uint64_t offset, size_t len, struct error *err)
{
    struct map *m = (struct map *)w;
    if (offset > w->end || len > w->end - offset)
        return STATUS_END;
    enum status status = STATUS_OK; /* what is leapt over is evidence too */
    while (map_is_told(m) && status == STATUS_OK && w->start + w->len < offset)
        status = map_enter(m, w->start + w->len, 1, err);
    return status == STATUS_OK ? map_enter(m, offset, len, err) : status;
}

static enum status map_drain(struct window *w, struct error *err)
{
    struct map *m = (struct map *)w;
    enum status status = STATUS_OK;
    while (map_is_told(m) && status == STATUS_OK && w->start + w->len < w->end)
        status = map_enter(m, w->start + w->len, 1, err);
    return status;
}

/* A file cut inside its last page gives zeros without a fault, so the size is asked for too. */
static bool map_shrank(const struct window *w)
{
    const struct map *m = (const struct map *)w;
    struct stat now;
    return atomic_load(m->base.struck) || fstat(m->fd, &now) != 0 || (uint64_t)now.st_size < w->end;
}

static void map_close(struct window *w)
{
    struct map *m = (struct map *)w;
    for (size_t i = 0; i < GUARD_RANGES; i++)
        map_unmap(m, i);
    guard_free(m->guard);
    free(m);
}

static const struct window_ops map_ops = {map_move, map_drain, map_shrank, map_close};

struct window *window_map(int fd, const char *name, uint64_t size, size_t window_len,
                          struct evidence *evidence)
{
    struct guard *guard = guard_new();
    struct map *m = calloc(1, sizeof *m);
    if (!guard || !m) {
        guard_free(guard);
        free(m);
        return NULL;
    }
    *m = (struct map){
        .base = {.ops = &map_ops, .end = size, .ceiling = WINDOW_MAP_CEILING},
        .fd = fd,
        .name = name,
        .window_len = window_len < WINDOW_MAP_CEILING ? window_len : WINDOW_MAP_CEILING,
        .page_len = (size_t)sysconf(_SC_PAGESIZE),
        .evidence = evidence,
        .guard = guard,
        .current = GUARD_RANGES - 1,
    };
    m->base.struck = guard_flag(guard);
    if (map_enter(m, 0, 1, NULL) != STATUS_OK) {
        map_close(&m->base);
        return NULL;
    }
    return &m->base;
}
