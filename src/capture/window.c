/* window.c - windows over memory and over a stream; map.c has the mapped one. */
#include "capture/window.h"

#include <stdlib.h>
#include <string.h>

struct memory {
    struct window base;
    struct evidence *evidence;
};

static enum status memory_move(struct window *w, uint64_t offset, size_t len, struct error *err)
{
    (void)w, (void)offset, (void)len, (void)err;
    return STATUS_END; /* all that there is was at hand */
}

static enum status memory_drain(struct window *w, struct error *err)
{
    (void)w, (void)err;
    return STATUS_OK; /* told in one piece when it was opened */
}

static void memory_close(struct window *w)
{
    free(w);
}

static const struct window_ops memory_ops = {memory_move, memory_drain, NULL, memory_close};

struct window *window_memory(struct span bytes, struct evidence *evidence, struct error *err)
{
    struct window *w = malloc(sizeof *w);
    if (!w) {
        error_no_memory(err, "no memory to read a capture");
        return NULL;
    }
    *w = (struct window){
        .ops = &memory_ops,
        .data = bytes.data,
        .len = bytes.len,
        .end = bytes.len,
        .ceiling = WINDOW_MAP_CEILING,
    };
    evidence_tell(evidence, bytes);
    return w;
}

struct stream {
    struct window base;
    struct source *source; /* owned */
    uint8_t *buffer;       /* owned; base.data is the same */
    size_t room;
    struct budget *memory; /* borrowed, may be NULL: what `room` is charged to */
    enum status status;    /* how the source ended; STATUS_OK while it has not */
    struct error error;
};

/* Makes the buffer longer, towards `need` but never much ahead of what has really come: a record
 * that only says that it is long gets no memory for it. */
static enum status stream_grow(struct stream *s, size_t need, struct error *err)
{
    size_t room = s->room > need / 2 ? need : s->room * 2, more = room - s->room;
    if (!memory_take(s->memory, more))
        return error_damaged(err, "it says %zu bytes, more than --memory leaves for a record",
                             need);
    uint8_t *buffer = realloc(s->buffer, room);
    if (!buffer) {
        memory_give(s->memory, more);
        return error_no_memory(err, "no memory for %zu bytes of a capture", room);
    }
    s->base.data = s->buffer = buffer;
    s->room = room;
    return STATUS_OK;
}

/* Reads more after what is at hand. */
static enum status stream_fill(struct stream *s, struct error *err)
{
    size_t len = 0;
    if (s->status == STATUS_OK)
        s->status = s->source->ops->read(s->source, s->buffer + s->base.len, &len,
                                         s->room - s->base.len, &s->error);
    if (s->status == STATUS_OK) {
        s->base.len += len;
        return STATUS_OK;
    }
    s->base.end = s->base.start + s->base.len;
    if (err)
        *err = s->error;
    return s->status;
}

/* Lets go of what lies before `offset`, reading past it when it is not there yet. */
static enum status stream_forget(struct stream *s, uint64_t offset, struct error *err)
{
    struct window *w = &s->base;
    while (offset - w->start > w->len) {
        w->start += w->len;
        w->len = 0;
        enum status status = stream_fill(s, err);
        if (status != STATUS_OK)
            return status;
    }
    size_t gone = (size_t)(offset - w->start);
    if (gone > 0)
        memmove(s->buffer, s->buffer + gone, w->len - gone);
    w->start = offset;
    w->len -= gone;
    return STATUS_OK;
}

static enum status stream_move(struct window *w, uint64_t offset, size_t len, struct error *err)
{
    struct stream *s = (struct stream *)w;
    enum status status = stream_forget(s, offset, err);
    while (status == STATUS_OK && w->len < len) {
        if (w->len == s->room)
            status = stream_grow(s, len, err);
        if (status == STATUS_OK)
            status = stream_fill(s, err);
    }
    return status;
}

static enum status stream_drain(struct window *w, struct error *err)
{
    struct stream *s = (struct stream *)w;
    return s->status == STATUS_FAILED ? STATUS_OK : s->source->ops->drain(s->source, err);
}

static void stream_close(struct window *w)
{
    struct stream *s = (struct stream *)w;
    s->source->ops->free(s->source);
    memory_give(s->memory, s->room);
    free(s->buffer);
    free(s);
}

static const struct window_ops stream_ops = {stream_move, stream_drain, NULL, stream_close};

struct window *window_stream(struct source *source, size_t window_len, struct budget *memory,
                             struct error *err)
{
    bool charged = memory_take(memory, window_len);
    struct stream *s = calloc(1, sizeof *s);
    uint8_t *buffer = charged ? malloc(window_len) : NULL;
    if (!s || !buffer) {
        if (charged)
            memory_give(memory, window_len);
        free(s);
        free(buffer);
        source->ops->free(source);
        error_no_memory(err, "no memory for a window of %zu bytes", window_len);
        return NULL;
    }
    *s = (struct stream){
        .base = {&stream_ops, buffer, 0, 0, UINT64_MAX, WINDOW_STREAM_CEILING, NULL},
        .source = source,
        .buffer = buffer,
        .room = window_len,
        .memory = memory,
    };
    return &s->base;
}
