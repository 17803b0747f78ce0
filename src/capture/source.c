/* source.c - raw bytes in order, from a file descriptor or from memory. */
#include "capture/source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct file {
    struct source base;
    int fd;            /* borrowed */
    const char *name;  /* borrowed */
    uint64_t size;     /* where to stop; UINT64_MAX is at the end, wherever that is */
    uint64_t read_len; /* bytes taken from the descriptor so far */
    struct evidence *evidence;
    uint8_t head[SOURCE_HEAD_LEN];
};

/* A read() that is not interrupted and does not pass the size that the file had at opening. A
 * regular file that ends before it has been cut off under us: that is no end of the evidence, but a
 * failure. */
static enum status file_pull(struct file *f, uint8_t *to, size_t *len, size_t room,
                             struct error *err)
{
    uint64_t left = f->size - f->read_len;
    if (room > left)
        room = (size_t)left;
    if (room == 0)
        return STATUS_END;
    ssize_t got;
    do
        got = read(f->fd, to, room);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return error_set(err, "%s cannot be read at byte %" PRIu64 ": %s", f->name, f->read_len,
                         strerror(errno));
    if (got == 0 && f->size != UINT64_MAX)
        return error_set(
            err, "%s was cut off while it was read: %" PRIu64 " bytes when opened, %" PRIu64 " now",
            f->name, f->size, f->read_len);
    if (got == 0)
        return STATUS_END;
    f->read_len += (uint64_t)got;
    *len = (size_t)got;
    return STATUS_OK;
}

static enum status file_read(struct source *s, uint8_t *to, size_t *len, size_t room,
                             struct error *err)
{
    struct file *f = (struct file *)(void *)s;
    struct span ahead;
    if (s->head.len > 0) {
        ahead = span_first(s->head, room);
        memcpy(to, ahead.data, ahead.len);
        span_take(&s->head, ahead.len, NULL);
        *len = ahead.len;
    } else {
        enum status status = file_pull(f, to, len, room, err);
        if (status != STATUS_OK)
            return status;
    }
    evidence_tell(f->evidence, span_of(to, *len));
    return STATUS_OK;
}

static enum status file_drain(struct source *s, struct error *err)
{
    uint8_t piece[1 << 16];
    size_t len = 0;
    enum status status;
    do
        status = file_read(s, piece, &len, sizeof piece, err);
    while (status == STATUS_OK);
    return status == STATUS_END ? STATUS_OK : status;
}

static void file_free(struct source *s)
{
    free(s);
}

static const struct source_ops file_ops = {file_read, file_drain, file_free};

struct source *source_file(int fd, const char *name, uint64_t size, struct evidence *evidence,
                           struct error *err)
{
    struct file *f = calloc(1, sizeof *f);
    if (!f) {
        error_no_memory(err, "%s: no memory to read it", name);
        return NULL;
    }
    *f = (struct file){{&file_ops, {f->head, 0}}, fd, name, size, 0, evidence, {0}};
    enum status status = STATUS_OK;
    while (status == STATUS_OK && f->base.head.len < sizeof f->head) {
        size_t have = f->base.head.len, len;
        status = file_pull(f, f->head + have, &len, sizeof f->head - have, err);
        if (status == STATUS_OK)
            f->base.head.len += len;
    }
    if (status == STATUS_FAILED) {
        free(f);
        return NULL;
    }
    return &f->base;
}

struct memory {
    struct source base;
    struct span left;
    struct evidence *evidence;
};

static enum status memory_read(struct source *s, uint8_t *to, size_t *len, size_t room,
                               struct error *err)
{
    (void)err;
    struct memory *m = (struct memory *)s;
    struct span piece = span_first(m->left, room);
    if (piece.len == 0)
        return STATUS_END;
    memcpy(to, piece.data, piece.len);
    span_take(&m->left, piece.len, NULL);
    evidence_tell(m->evidence, piece);
    *len = piece.len;
    return STATUS_OK;
}

static enum status memory_drain(struct source *s, struct error *err)
{
    (void)err;
    struct memory *m = (struct memory *)s;
    evidence_tell(m->evidence, m->left);
    span_take(&m->left, m->left.len, NULL);
    return STATUS_OK;
}

static void memory_free(struct source *s)
{
    free(s);
}

static const struct source_ops memory_ops = {memory_read, memory_drain, memory_free};

struct source *source_memory(struct span bytes, struct evidence *evidence, struct error *err)
{
    struct memory *m = malloc(sizeof *m);
    if (!m) {
        error_no_memory(err, "no memory to read a capture from memory");
        return NULL;
    }
    *m = (struct memory){{&memory_ops, span_first(bytes, SOURCE_HEAD_LEN)}, bytes, evidence};
    return &m->base;
}
