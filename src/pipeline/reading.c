/* reading.c - one capture while it is read into a case. */
#include "pipeline/reading.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    WINDOWS_BETWEEN_ROWS = 1024,
    BLOCKS_MOST = 1 << 20, /* bytes of checksums that wait: of 2 TiB */
};

/* ---- what the capture tells, on its way to the store ---- */

/* The store, with all told that came before. */
static struct store *settled(struct reading *r)
{
    life_catch_up(r->life);
    relay_settle(r->relay);
    return r->store;
}

static void on_interface(void *context, const struct capture_interface *i)
{
    struct reading *r = context;
    store_interface(settled(r), r->evidence_id, i->interface_id, i->link_type, i->snap_len, i->name,
                    i->description, i->filter, i->ticks_per_second);
}

static void on_note(void *context, uint64_t frame, const char *kind, struct span text)
{
    struct reading *r = context;
    store_note(settled(r), r->evidence_id, frame, kind, text);
}

static void on_statistics(void *context, const struct capture_statistics *s)
{
    struct reading *r = context;
    store_statistics(settled(r), r->evidence_id, s->interface_id, s->time_ns, s->received,
                     s->dropped_by_interface, s->accepted_by_filter, s->dropped_by_system);
}

static void on_secrets(void *context, uint32_t type, struct span data)
{
    struct reading *r = context;
    store_secrets(settled(r), r->evidence_id, type, data);
}

/* Makes rows of the checksums that wait. */
static void write_blocks(struct reading *r)
{
    const size_t count = r->blocks.len / sizeof(uint64_t);
    struct store *store = settled(r);

    for (size_t i = 0; i < count; i++) {
        uint64_t checksum;
        memcpy(&checksum, r->blocks.data + i * sizeof checksum, sizeof checksum);
        store_block(store, r->evidence_id, r->blocks_written++, checksum);
    }
    buffer_clear(&r->blocks);
}

/* A block is whole. Its row waits: until the evidence has its id, and for others. */
static void end_block(struct reading *r)
{
    uint64_t checksum = checksum64_end(r->block);

    r->blocks_lost |= !buffer_add(&r->blocks, &checksum, sizeof checksum);
    r->block_fill = 0;
}

static void hash_bytes(void *context, struct span bytes)
{
    enum { PIECE = 64 << 10 }; /* both sums find it near */
    struct reading *r = context;

    while (bytes.len > 0) {
        size_t left = EVIDENCE_BLOCK_LEN - r->block_fill;
        struct span piece = span_first(bytes, left < PIECE ? left : PIECE);
        bytes = span_after(bytes, piece.len);
        digest_add(&r->digest, piece);
        checksum64_add(r->block, piece);
        r->block_fill += piece.len;
        if (r->block_fill == EVIDENCE_BLOCK_LEN)
            end_block(r);
    }
}

/* Has the pages of a mapped window brought in, so that who reads it does not stop at each few. What this cannot bring, whoever
 * looks at it does. */
static void bring_bytes(void *context, struct span bytes)
{
#ifdef MADV_POPULATE_READ
    enum { PIECE = 1 << 20 }; /* bytes in one call: the reader may want what lies behind */
    const uintptr_t page_len = (uintptr_t)sysconf(_SC_PAGESIZE);

    while (bytes.len > 0) {
        const struct span piece = span_first(bytes, PIECE);
        const uintptr_t begin = (uintptr_t)piece.data / page_len * page_len;
        if (madvise((void *)begin, (uintptr_t)piece.data + piece.len - begin, MADV_POPULATE_READ) !=
            0)
            return;
        bytes = span_after(bytes, piece.len);
    }
#else
    (void)bytes;
#endif
    (void)context;
}

/* Has the pages of a window go, which nobody looks at any more. They would when it is unmapped, but on the thread that
 * reads. */
static void drop_bytes(void *context, struct span bytes)
{
    const uintptr_t page_len = (uintptr_t)sysconf(_SC_PAGESIZE);
    const uintptr_t begin = ((uintptr_t)bytes.data + page_len - 1) / page_len * page_len;
    const uintptr_t end = ((uintptr_t)bytes.data + bytes.len) / page_len * page_len;

    if (bytes.len > 0 && begin < end)
        (void)madvise((void *)begin, end - begin, MADV_DONTNEED);
    (void)context;
}

/* Until the hasher has seen all that it was given of this capture. */
static void wait_for_hasher(struct reading *r)
{
    if (r->hasher && r->window_count > 0)
        worker_wait(r->hasher, r->windows[(r->window_count - 1) % CAPTURE_BEHIND].hashed);
}

/* When this returns, nobody looks at the window of CAPTURE_BEHIND windows ago: who does is waited for, and the store, which
 * lets go of what lies before a window when it is told of the one after that, has been told of two. It is so many, and not
 * the last one, since threads that are close behind each other wait for each other. Its pages go by the hasher where that
 * has nothing to hash; when the next window comes they are gone, since it is unmapped then. */
static void on_bytes(void *context, struct span bytes)
{
    struct reading *r = context;
    const bool lasting = r->capture && capture_is_mapped(r->capture);
    const uint64_t number = r->window_count++;
    struct reading_window *window = &r->windows[number % CAPTURE_BEHIND];
    const struct reading_window done = *window;

    life_catch_up(r->life); /* before it is noted what was told */
    if (r->lends) /* what lies before this window is let go of when this is noted the next time */
        relay_note(r->relay, &r->lends, sizeof r->lends);
    relay_wait(r->relay, r->windows[(number + 1) % CAPTURE_BEHIND].passed);
    if (number > 0)
        r->windows[(number - 1) % CAPTURE_BEHIND].passed = relay_passed(r->relay);
    *window = (struct reading_window){.bytes = lasting ? bytes : (struct span){NULL, 0}};
    r->bytes += bytes.len;
    if (!r->hasher || !lasting) {
        drop_bytes(r, done.bytes);
        if (r->block)
            hash_bytes(r, bytes);
        return;
    }
    worker_wait(r->hasher, r->block ? done.hashed : r->dropped);
    if (r->block)
        drop_bytes(r, done.bytes);
    else
        r->dropped = worker_give(r->hasher, drop_bytes, r, done.bytes);
    window->hashed = worker_give(r->hasher, r->block ? hash_bytes : bring_bytes, r, bytes);
    if (r->block && r->window_count % WINDOWS_BETWEEN_ROWS == 0) {
        wait_for_hasher(r);
        write_blocks(r);
    }
}

/* ---- the reading itself ---- */

/* What the first bytes of a regular file say. */
static enum status look_at_head(struct reading *r, struct error *err)
{
    uint8_t head[CAPTURE_HEAD_LEN];
    struct stat st;
    int fd = -1;
    enum status status = file_open(&fd, &st, r->path, err);

    if (status == STATUS_OK) {
        ssize_t got = pread(fd, head, sizeof head, 0);
        if (got > 0)
            r->unpack_len = capture_memory(span_of(head, (size_t)got));
    }
    if (fd >= 0)
        close(fd);
    return status;
}

enum status reading_init(struct reading *r, const char *path, struct error *err)
{
    struct stat st;

    *r = (struct reading){.path = path};
    buffer_init(&r->blocks, BLOCKS_MOST);
    if (strcmp(path, "-") == 0)
        return STATUS_OK;
    if (stat(path, &st) < 0)
        return error_set(err, "opening %s: %s", path, strerror(errno));
    r->is_file = S_ISREG(st.st_mode);
    if (!r->is_file)
        return STATUS_OK;
    enum status status = look_at_head(r, err);
    return status == STATUS_OK ? fingerprint_file(path, r->fingerprint, err) : status;
}

void reading_release(struct reading *r)
{
    wait_for_hasher(r);
    capture_close(r->capture);
    checksum64_free(r->block);
    buffer_release(&r->blocks);
    r->capture = NULL;
    r->block = NULL;
}

enum status reading_first_time(const struct reading *r, int64_t *time_ns, bool *has,
                               struct reading_memory *memory, struct error *err)
{
    const struct capture_options how = {.memory = &memory->budget,
                                        .stream_len = memory->stream_len};
    struct capture *capture;
    struct frame frame;
    enum status status = capture_open(&capture, r->path, &how, err);

    if (status != STATUS_OK)
        return status;
    status = capture_next(capture, &frame, err);
    *has = status == STATUS_OK;
    if (*has)
        *time_ns = frame.time_ns;
    capture_close(capture);
    return status == STATUS_FAILED ? status : STATUS_OK;
}

enum status reading_open(struct reading *r, const struct reading_options *options,
                         struct error *err)
{
    const struct capture_options how = {
        .listener = {.interface = on_interface,
                     .note = on_note,
                     .statistics = on_statistics,
                     .secrets = on_secrets,
                     .evidence_bytes = on_bytes,
                     .lets_go = true,
                     .context = r},
        .memory = &options->memory->budget,
        .map_len = options->memory->map_len,
        .stream_len = options->memory->stream_len,
    };

    r->store = options->store;
    r->relay = options->relay;
    r->life = options->life;
    r->hasher = options->hasher;
    if (options->hash) {
        digest_start(&r->digest);
        r->block = checksum64_new();
        if (!r->block)
            return error_no_memory(err, "reading %s: no memory", r->path);
    }
    enum status status = capture_open(&r->capture, r->path, &how, err);
    if (status != STATUS_OK)
        return status;
    r->evidence_id = store_evidence_begin(settled(r), r->path, "file", capture_format(r->capture),
                                          options->json);
    return STATUS_OK;
}

enum status reading_next(struct reading *r, struct error *err)
{
    enum status status = capture_next(r->capture, &r->frame, err);

    r->has_frame = status == STATUS_OK;
    if (!r->has_frame) {
        r->damaged = status == STATUS_DAMAGED;
        return status;
    }
    r->frame.evidence_id = r->evidence_id;
    if (r->frames == 0 || r->frame.time_ns < r->first_ns)
        r->first_ns = r->frame.time_ns;
    if (r->frames == 0 || r->frame.time_ns > r->last_ns)
        r->last_ns = r->frame.time_ns;
    r->frames++;
    return STATUS_OK;
}

const char *reading_hash(struct reading *r)
{
    wait_for_hasher(r);
    if (r->block && !r->sha256[0])
        digest_end(&r->digest, r->sha256);
    return r->sha256;
}

bool reading_is_known(struct reading *r, const char *options)
{
    return r->block && store_has_evidence(settled(r), reading_hash(r), NULL, options);
}

enum status reading_end(struct reading *r, struct error *err)
{
    wait_for_hasher(r);
    if (r->block && r->block_fill > 0)
        end_block(r);
    struct evidence_end end = {
        .bytes = r->bytes,
        .sha256 = r->block ? reading_hash(r) : NULL,
        .fingerprint = r->is_file ? r->fingerprint : NULL,
        .frames = r->frames,
        .first_ns = r->first_ns,
        .last_ns = r->last_ns,
        .status = r->damaged ? "partial" : "complete",
    };
    memcpy(end.verdict_frames, r->seen.frames, sizeof end.verdict_frames);
    memcpy(end.verdict_bytes, r->seen.bytes, sizeof end.verdict_bytes);
    write_blocks(r);
    store_evidence_end(r->store, r->evidence_id, &end);
    store_frames_last(r->store, false);
    bool blocks_lost = r->blocks_lost;
    reading_release(r);
    return blocks_lost ? error_no_memory(err, "reading %s: no memory", r->path) : STATUS_OK;
}
