/* raw_frames.c - frames as they came, into pcapng files (draft-ietf-opsawg-pcapng). */
#include "pipeline/raw_frames.h"

#include "pipeline/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCKS = 4, BLOCK_PART = 64, BLOCK_LEAST = 320 << 10 };

/* Of pcapng. */
enum {
    SECTION = 0x0a0d0d0a,
    INTERFACE = 1,
    PACKET = 6,
    SECTION_LEN = 28,
    INTERFACE_LEN = 20, /* without options */
    PACKET_HEAD_LEN = 28,
    PACKET_LEN = 32, /* without bytes */
    OPTION_NAME = 2,
    OPTION_RESOLUTION = 9,
    NAME_MOST = 64,
};
_Static_assert(BLOCK_LEAST > PACKET_LEN + 262144 + 4, "any frame fits");

struct block {
    uint8_t *bytes; /* owned */
    size_t len;
    char *path; /* owned: the file to begin with this; NULL: it goes on */

    /* Under the lock: in which file, and where there, it is to lie. */
    uint32_t file; /* 0: it is written, or nothing is in it */
    uint64_t begin;
};

struct raw_frames {
    struct queue queue;
    pthread_t thread;
    bool sync;

    /* The queue is for two threads; a third waits here. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t written; /* blocks */

    struct block blocks[BLOCKS];
    size_t room; /* bytes of a block */

    /* Of the thread that captures. */
    struct block *open; /* the one being filled; NULL: none */
    uint64_t len;       /* of the file, with all that was copied */
    uint64_t lost, turn;
    uint32_t file; /* how many were begun */
    bool begun;

    /* Of the thread that writes. */
    int fd;
    atomic_bool failed; /* the file: nothing more comes into it */
    atomic_bool told;   /* `why` is there, and was not taken */
    struct error why;
};

/* ---- on the thread that writes ---- */

static void fail(struct raw_frames *r, const char *what, const char *path)
{
    if (!atomic_load(&r->told)) {
        error_set(&r->why, "%s%s%s: %s: frames are no longer kept", what, path ? " " : "",
                  path ? path : "", strerror(errno));
        atomic_store(&r->told, true);
    }
    atomic_store(&r->failed, true);
}

static void begin_file(struct raw_frames *r, char *path)
{
    if (r->fd >= 0)
        close(r->fd);
    atomic_store(&r->failed, false);
    r->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (r->fd < 0)
        fail(r, "making", path);
    free(path);
}

static void write_block(struct raw_frames *r, struct block *block)
{
    size_t written = 0;

    if (block->path)
        begin_file(r, block->path);
    block->path = NULL;
    while (written < block->len && r->fd >= 0 && !atomic_load(&r->failed)) {
        ssize_t len = write(r->fd, block->bytes + written, block->len - written);
        if (len < 0 && errno == EINTR)
            continue;
        if (len <= 0)
            fail(r, "writing a capture", NULL);
        else
            written += (size_t)len;
    }
    if (r->sync && r->fd >= 0 && !atomic_load(&r->failed) && fdatasync(r->fd) != 0)
        fail(r, "flushing a capture", NULL);
}

static void work(void *raw_frames)
{
    struct raw_frames *r = raw_frames;
    unsigned slot;

    while (queue_next(&r->queue, &slot)) {
        write_block(r, &r->blocks[slot]);
        pthread_mutex_lock(&r->lock);
        r->blocks[slot].file = 0; /* before it may be filled again: raw_frames_peek() */
        r->written++;
        pthread_cond_broadcast(&r->changed);
        pthread_mutex_unlock(&r->lock);
        queue_empty(&r->queue);
    }
}

/* ---- on the thread that captures ---- */

static size_t block_len(size_t budget)
{
    const size_t len = budget / BLOCK_PART / BLOCKS;
    return len < BLOCK_LEAST ? BLOCK_LEAST : len;
}

size_t raw_frames_memory(size_t budget)
{
    return BLOCKS * block_len(budget);
}

struct raw_frames *raw_frames_new(size_t budget, bool sync)
{
    struct raw_frames *r = calloc(1, sizeof *r);
    bool has_room = r != NULL;

    if (!r)
        return NULL;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    r->fd = -1;
    r->sync = sync;
    r->room = block_len(budget);
    for (size_t i = 0; i < BLOCKS; i++) {
        r->blocks[i].bytes = malloc(r->room);
        has_room = has_room && r->blocks[i].bytes;
    }
    if (has_room && queue_init(&r->queue, BLOCKS)) {
        if (thread_start(&r->thread, work, r))
            return r;
        queue_release(&r->queue);
    }
    for (size_t i = 0; i < BLOCKS; i++)
        free(r->blocks[i].bytes);
    free(r);
    return NULL;
}

void raw_frames_free(struct raw_frames *r)
{
    if (!r)
        return;
    raw_frames_pass(r);
    queue_close(&r->queue);
    pthread_join(r->thread, NULL);
    queue_release(&r->queue);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    if (r->fd >= 0)
        close(r->fd);
    for (size_t i = 0; i < BLOCKS; i++) {
        free(r->blocks[i].bytes);
        free(r->blocks[i].path);
    }
    free(r);
}

/* A block that is free is to lie at the end of what was copied so far. */
static struct block *block_begin(struct raw_frames *r, unsigned slot)
{
    struct block *b = &r->blocks[slot];

    b->len = 0;
    pthread_mutex_lock(&r->lock);
    b->file = r->file;
    b->begin = r->len;
    pthread_mutex_unlock(&r->lock);
    return b;
}

/* The block being filled, if `len` bytes more have room in it, or in the next; NULL: all wait to be written. */
static struct block *room_for(struct raw_frames *r, size_t len)
{
    if (r->open && r->open->len + len > r->room)
        raw_frames_pass(r);
    if (!r->open && r->turn - queue_emptied(&r->queue) < BLOCKS)
        r->open = block_begin(r, queue_room(&r->queue));
    return r->open;
}

static void put16(struct block *b, uint16_t value)
{
    memcpy(b->bytes + b->len, &value, sizeof value); /* in our byte order, as the section says */
    b->len += sizeof value;
}

static void put32(struct block *b, uint32_t value)
{
    memcpy(b->bytes + b->len, &value, sizeof value);
    b->len += sizeof value;
}

/* Filled up to a multiple of four. */
static void put_bytes(struct block *b, const void *bytes, size_t len)
{
    static const uint8_t zeros[4];

    memcpy(b->bytes + b->len, bytes, len);
    memcpy(b->bytes + b->len + len, zeros, -len & 3);
    b->len += len + (-len & 3);
}

static void put_section(struct block *b)
{
    put32(b, SECTION);
    put32(b, SECTION_LEN);
    put32(b, 0x1a2b3c4d);
    put16(b, 1);
    put16(b, 0);
    put32(b, UINT32_MAX); /* how long it is, is not said */
    put32(b, UINT32_MAX);
    put32(b, SECTION_LEN);
}

static void put_interface(struct block *b, const struct raw_interface *i)
{
    static const uint8_t nanoseconds = 9;
    const size_t name_len = strnlen(i->name, NAME_MOST);
    const uint32_t len = (uint32_t)(INTERFACE_LEN + 4 + name_len + (-name_len & 3) + 8 + 4);

    put32(b, INTERFACE);
    put32(b, len);
    put16(b, (uint16_t)i->link_type);
    put16(b, 0);
    put32(b, i->snap_len);
    put16(b, OPTION_NAME);
    put16(b, (uint16_t)name_len);
    put_bytes(b, i->name, name_len);
    put16(b, OPTION_RESOLUTION);
    put16(b, 1);
    put_bytes(b, &nanoseconds, 1);
    put32(b, 0);
    put32(b, len);
}

bool raw_frames_begin(struct raw_frames *r, const char *path,
                      const struct raw_interface *interfaces, size_t count)
{
    raw_frames_pass(r);
    r->begun = false;
    char *copy = strdup(path);
    if (!copy)
        return false;
    r->file++;
    r->len = 0;
    struct block *b = block_begin(r, queue_room(&r->queue)); /* waits where all are waiting */
    r->open = b;
    b->path = copy;
    put_section(b);
    for (size_t i = 0; i < count; i++)
        put_interface(b, &interfaces[i]);
    r->len = b->len;
    r->begun = true;
    return true;
}

uint64_t raw_frames_put(struct raw_frames *r, const struct frame *frame)
{
    const size_t len = frame->bytes.len, padded = len + (-len & 3);
    struct block *b = NULL;

    if (r->begun && !atomic_load(&r->failed) && PACKET_LEN + padded <= r->room)
        b = room_for(r, PACKET_LEN + padded);
    if (!b) {
        r->lost++;
        return 0;
    }
    put32(b, PACKET);
    put32(b, (uint32_t)(PACKET_LEN + padded));
    put32(b, frame->interface_id);
    put32(b, (uint32_t)((uint64_t)frame->time_ns >> 32));
    put32(b, (uint32_t)frame->time_ns);
    put32(b, (uint32_t)len);
    put32(b, frame->wire_len > len ? frame->wire_len : (uint32_t)len);
    put_bytes(b, frame->bytes.data, len);
    put32(b, (uint32_t)(PACKET_LEN + padded));
    const uint64_t offset = r->len + PACKET_HEAD_LEN;
    r->len += PACKET_LEN + padded;
    return offset;
}

uint64_t raw_frames_pass(struct raw_frames *r)
{
    if (r->open && (r->open->len > 0 || r->open->path)) {
        r->turn = queue_fill(&r->queue);
        r->open = NULL;
    }
    return r->turn;
}

uint32_t raw_frames_file(const struct raw_frames *r)
{
    return r->file;
}

/* A frame lies in one block, whose first bytes are there when it is told of. */
bool raw_frames_peek(struct raw_frames *r, void *to, size_t len, uint64_t offset, uint32_t file)
{
    const struct block *found = NULL;

    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < BLOCKS; i++) {
        const struct block *b = &r->blocks[i];
        if (b->file == file && b->begin <= offset && (!found || b->begin > found->begin))
            found = b;
    }
    const bool is_there = found && offset - found->begin <= r->room - len;
    if (is_there)
        memcpy(to, found->bytes + (offset - found->begin), len);
    pthread_mutex_unlock(&r->lock);
    return is_there;
}

uint64_t raw_frames_lost(const struct raw_frames *r)
{
    return r->lost;
}

uint64_t raw_frames_len(const struct raw_frames *r)
{
    return r->len;
}

void raw_frames_wait(struct raw_frames *r, uint64_t place)
{
    pthread_mutex_lock(&r->lock);
    while (r->written < place)
        pthread_cond_wait(&r->changed, &r->lock);
    pthread_mutex_unlock(&r->lock);
}

bool raw_frames_failed(struct raw_frames *r, struct error *why)
{
    if (!atomic_load(&r->told))
        return false;
    *why = r->why;
    atomic_store(&r->told, false);
    return true;
}
