/* capture.c - one capture: opened, recognised, read to its end, closed. */
#include "capture/capture.h"
#include "capture/format.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW_MAPPED = 8 << 20, WINDOW_STREAMED = 1 << 20, WINDOW_LEAST = 4096 };
enum { MAGIC_LEN = 4 };

/* In the order in which they are asked: the one that has no magic comes last. */
static const struct format *const formats[] = {&format_pcap, &format_pcapng, &format_snoop,
                                               &format_erf};

uint32_t link_type_registered(uint32_t link_type)
{
    switch (link_type) {
    case 11: /* DLT_ATM_RFC1483 */
        return 100;
    case 12: /* DLT_RAW, but for OpenBSD */
    case 14: /* DLT_RAW of OpenBSD */
        return 101;
    case 19: /* DLT_ATM_CLIP of Linux */
        return 106;
    default:
        return link_type;
    }
}

/* A file that somebody has open for writing gets no read lease. One that we may not have a lease on
 * (another's file, a file system without them) is taken to be at rest; the guard holds if it is
 * not. */
static bool is_being_written(int fd)
{
    /* Should a writer come while the lease is held, the signal must be one that is ignored. */
    fcntl(fd, F_SETSIG, SIGURG);
    bool refused = fcntl(fd, F_SETLEASE, F_RDLCK) != 0;
    bool written = refused && errno == EAGAIN;
    if (!refused)
        fcntl(fd, F_SETLEASE, F_UNLCK);
    fcntl(fd, F_SETSIG, 0);
    return written;
}

static enum packing packing_of(struct span head)
{
    if (inflate_is_gzip(head))
        return PACKING_GZIP;
    return inflate_is_zstd(head) ? PACKING_ZSTD : PACKING_NONE;
}

/* A window that reads, and uncompresses as it does. Takes `source`. */
static struct window *stream_window(struct capture *c, struct source *source,
                                    const struct capture_options *options)
{
    size_t window_len = options->window_len ? options->window_len : options->stream_len;
    if (c->packing == PACKING_GZIP)
        source = inflate_gzip(source, c->name, c->memory, &c->error);
    else if (c->packing == PACKING_ZSTD)
        source = inflate_zstd(source, c->name, c->memory, &c->error);
    if (!source)
        return NULL;
    if (window_len == 0)
        window_len = WINDOW_STREAMED;
    if (window_len < WINDOW_LEAST)
        window_len = WINDOW_LEAST;
    return window_stream(source, window_len, c->memory, &c->error);
}

size_t capture_memory(struct span head)
{
    return inflate_memory(head);
}

/* Mapped where it can be, else read. */
static struct window *file_window(struct capture *c, const struct capture_options *options)
{
    uint64_t stop = c->regular ? c->size : UINT64_MAX;
    struct source *source = source_file(c->fd, c->name, stop, &c->evidence, &c->error);
    if (!source)
        return NULL;
    c->packing = packing_of(source->head);
    struct window *map = NULL;
    if (c->regular && c->size > 0 && c->packing == PACKING_NONE && !options->stream && c->owns_fd &&
        !is_being_written(c->fd)) {
        size_t window_len = options->window_len ? options->window_len : options->map_len;
        if (window_len == 0)
            window_len = WINDOW_MAPPED;
        map = window_map(c->fd, c->name, c->size, window_len, &c->evidence);
    }
    if (!map)
        return stream_window(c, source, options);
    source->ops->free(source);
    return map;
}

static struct window *memory_window(struct capture *c, struct span bytes,
                                    const struct capture_options *options)
{
    c->packing = packing_of(bytes);
    if (c->packing == PACKING_NONE && !options->stream)
        return window_memory(bytes, &c->evidence, &c->error);
    struct source *source = source_memory(bytes, &c->evidence, &c->error);
    return source ? stream_window(c, source, options) : NULL;
}

/* Says why there is no format: `status` is what became of asking for the magic, `head`. */
static enum status not_a_capture(struct capture *c, enum status status, struct span head)
{
    bool packed = c->packing != PACKING_NONE;
    if (status == STATUS_FAILED)
        return status;
    if (status == STATUS_DAMAGED) {
        error_prefix(&c->error, "%s holds no capture", c->name);
        return STATUS_FAILED;
    }
    if (status == STATUS_END && c->window->end == 0)
        return error_set(&c->error, "%s is empty%s: not even a file header", c->name,
                         packed ? " once uncompressed" : "");
    if (status == STATUS_END)
        return error_set(&c->error, "%s has %" PRIu64 " bytes%s: not even a file header", c->name,
                         c->window->end, packed ? " once uncompressed" : "");
    return error_set(&c->error,
                     "%s is not a capture: %sit begins with %02x %02x %02x %02x, which is neither "
                     "pcap, pcapng, snoop nor ERF",
                     c->name, packed ? "once uncompressed, " : "", load_u8(head, 0),
                     load_u8(head, 1), load_u8(head, 2), load_u8(head, 3));
}

enum status capture_head(struct capture *c, struct span *head, size_t len)
{
    enum status status = window_at(c->window, head, 0, len, &c->error);
    return status == STATUS_DAMAGED ? STATUS_END : status;
}

/* Picks the format that recognises what is there, and lets it read the file header. */
static enum status capture_recognise(struct capture *c)
{
    struct span head = {NULL, 0};
    enum status status = STATUS_END;
    for (size_t i = 0; status == STATUS_END && i < sizeof formats / sizeof formats[0]; i++) {
        status = formats[i]->recognises(c);
        if (status == STATUS_OK)
            c->format = formats[i];
    }
    if (status == STATUS_END)
        status = window_at(c->window, &head, 0, MAGIC_LEN, &c->error);
    if (!c->format)
        return not_a_capture(c, status, head);
    status = c->format->open(c);
    if (status == STATUS_END)
        return error_set(&c->error, "%s ends inside its file header, after %" PRIu64 " bytes",
                         c->name, c->window->end);
    return status == STATUS_DAMAGED ? STATUS_FAILED : status;
}

/* Hands the capture out, or frees what there is of it and hands the sentence out. */
static enum status capture_ready(struct capture **capture, struct capture *c, struct error *err)
{
    enum status status = c->window ? capture_recognise(c) : STATUS_FAILED;
    *capture = c;
    if (status != STATUS_OK) {
        if (err)
            *err = c->error;
        capture_close(c);
        *capture = NULL;
    }
    return status;
}

static struct capture *capture_new(const char *name, const struct capture_options *options)
{
    struct capture *c = calloc(1, sizeof *c);
    char *copy = strdup(name);
    if (!c || !copy) {
        free(c);
        free(copy);
        return NULL;
    }
    c->name = copy;
    c->fd = -1;
    c->listener = options->listener;
    c->memory = options->memory;
    c->evidence.listener = &c->listener;
    return c;
}

/* Opens the file itself, and learns what it is. */
static enum status capture_open_file(struct capture *c, const char *path)
{
    bool from_stdin = strcmp(path, "-") == 0;
    c->fd = from_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    c->owns_fd = !from_stdin && c->fd >= 0;
    if (c->fd < 0)
        return error_set(&c->error, "%s cannot be opened: %s", path, strerror(errno));
    struct stat info;
    if (fstat(c->fd, &info) != 0)
        return error_set(&c->error, "%s cannot be opened: %s", c->name, strerror(errno));
    if (S_ISDIR(info.st_mode))
        return error_set(&c->error, "%s is a folder: name the captures in it, as in %s/*.pcap",
                         c->name, c->name);
    c->regular = S_ISREG(info.st_mode);
    off_t at = c->regular && from_stdin ? lseek(c->fd, 0, SEEK_CUR) : 0;
    if (c->regular && at >= 0 && at <= info.st_size)
        c->size = (uint64_t)(info.st_size - at);
    return STATUS_OK;
}

enum status capture_open(struct capture **capture, const char *path,
                         const struct capture_options *options, struct error *err)
{
    static const struct capture_options defaults;
    if (!options)
        options = &defaults;
    *capture = NULL;
    struct capture *c = capture_new(strcmp(path, "-") == 0 ? "standard input" : path, options);
    if (!c)
        return error_no_memory(err, "%s: no memory to open it", path);
    if (capture_open_file(c, path) == STATUS_OK)
        c->window = file_window(c, options);
    return capture_ready(capture, c, err);
}

enum status capture_open_memory(struct capture **capture, const char *name, struct span bytes,
                                const struct capture_options *options, struct error *err)
{
    static const struct capture_options defaults;
    if (!options)
        options = &defaults;
    *capture = NULL;
    struct capture *c = capture_new(name, options);
    if (!c)
        return error_no_memory(err, "%s: no memory to open it", name);
    c->regular = true;
    c->size = bytes.len;
    c->window = memory_window(c, bytes, options);
    return capture_ready(capture, c, err);
}

bool capture_shrank(const struct capture *c)
{
    return c->window->ops->shrank && c->window->ops->shrank(c->window);
}

static enum status shrank(struct capture *c)
{
    struct stat now;
    if (fstat(c->fd, &now) == 0 && (uint64_t)now.st_size < c->size)
        return error_set(&c->error,
                         "%s was cut off while it was read: %" PRIu64 " bytes when opened, %" PRIu64
                         " now",
                         c->name, c->size, (uint64_t)now.st_size);
    return error_set(&c->error,
                     "%s cannot be read near offset %" PRIu64
                     ": its pages could not be had from the disk",
                     c->name, c->offset);
}

/* No more frames: tells the rest of the evidence, and keeps why. */
static enum status capture_finish(struct capture *c, enum status status)
{
    struct error error;
    if (status != STATUS_FAILED && c->window->ops->drain(c->window, &error) != STATUS_OK) {
        c->error = error;
        status = STATUS_FAILED;
    }
    if (status != STATUS_FAILED && capture_shrank(c))
        status = shrank(c);
    if (status != STATUS_FAILED && !c->regular)
        c->size = c->evidence.told_len;
    c->status = status;
    return status;
}

enum status record_cut(struct capture *c, enum status status, uint64_t offset, uint64_t len,
                       bool in_header)
{
    uint64_t number = c->frame_count + 1;
    uint64_t left = status == STATUS_END ? window_left(c->window, offset) : 0;
    if (status == STATUS_DAMAGED)
        error_prefix(&c->error, "%s: frame %" PRIu64 " at offset %" PRIu64, c->name, number,
                     offset);
    if (status != STATUS_END || (in_header && left == 0))
        return status;
    return error_damaged(&c->error,
                         "%s: frame %" PRIu64 " at offset %" PRIu64 " %s %" PRIu64
                         " bytes; the file ends %" PRIu64 " bytes later",
                         c->name, number, offset, in_header ? "has a header of" : "says", len,
                         left);
}

enum status record_too_long(struct capture *c, uint64_t offset, uint64_t len)
{
    return error_damaged(&c->error,
                         "%s: frame %" PRIu64 " at offset %" PRIu64 " says %" PRIu64
                         " bytes, more than a record can have",
                         c->name, c->frame_count + 1, offset, len);
}

/* The first frame, and what comes instead of one: `status` is what the format said, if it was
 * asked. */
static enum status capture_next_slow(struct capture *c, enum status status, struct frame *frame)
{
    if (c->status != STATUS_OK)
        return c->status;
    if (!c->begun) {
        c->begun = true;
        if (c->format->begin)
            c->format->begin(c);
        status = c->format->next(c, frame);
    }
    const atomic_bool *struck = c->window->struck;
    if (struck && atomic_load(struck))
        status = shrank(c);
    if (status == STATUS_OK) {
        frame->number = ++c->frame_count;
        return STATUS_OK;
    }
    return capture_finish(c, status);
}

enum status capture_next(struct capture *c, struct frame *frame, struct error *err)
{
    enum status status = c->status;
    frame->evidence_id = 0;
    frame->fcs_len = 0;
    if (c->begun && status == STATUS_OK) { /* the fast path: one call, and a look at the guard */
        status = c->format->next(c, frame);
        const atomic_bool *struck = c->window->struck;
        if (status == STATUS_OK &&
            !(struck && atomic_load_explicit(struck, memory_order_relaxed))) {
            frame->number = ++c->frame_count;
            return STATUS_OK;
        }
    }
    status = capture_next_slow(c, status, frame);
    if (err && status != STATUS_OK && status != STATUS_END)
        *err = c->error;
    return status;
}

void capture_close(struct capture *c)
{
    if (!c)
        return;
    if (c->format && c->format->close)
        c->format->close(c);
    if (c->window)
        c->window->ops->close(c->window);
    if (c->owns_fd)
        close(c->fd);
    free(c->name);
    free(c);
}

const char *capture_format(const struct capture *c)
{
    return c->format->names[c->packing];
}

bool capture_is_mapped(const struct capture *c)
{
    return c->window->struck != NULL;
}

uint64_t capture_size(const struct capture *c)
{
    return c->size;
}

uint64_t capture_position(const struct capture *c)
{
    if (c->status == STATUS_END || c->status == STATUS_DAMAGED)
        return c->size;
    bool all_at_hand = c->packing == PACKING_NONE && (capture_is_mapped(c) || c->fd < 0);
    return all_at_hand ? c->offset : c->evidence.told_len;
}
