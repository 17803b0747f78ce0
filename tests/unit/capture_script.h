/* capture_script.h - captures made byte by byte, and what reading one gives, as a line of text.
 *
 * A transcript holds all that a capture says, in order, so that a test is one picture of it:
 *
 *     (i0 link 1 snap 96 ticks 1000000 'eth0') {0 os linux} 1@40 1000000000ns i0 link 1 3/60 abc .
 *
 * (...) is an interface, {...} a note with its frame, <...> statistics, [...] secrets; a frame is
 * number@offset, time, interface, link type, captured/wire length, and the bytes. It ends in . at
 * the end, ! at damage, # at a failure. */
#ifndef SEINE_TESTS_CAPTURE_SCRIPT_H
#define SEINE_TESTS_CAPTURE_SCRIPT_H

#include "base/buffer.h"
#include "capture/capture.h"
#include "suite.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { SCRIPT_CEILING = 128 << 20 };

/* Bytes in the making, in one byte order or the other. */
struct script {
    struct buffer bytes;
    bool big_endian;
    size_t block; /* where the pcapng block under way began */
};

static inline struct script script_new(bool big_endian)
{
    struct script s = {.big_endian = big_endian};
    buffer_init(&s.bytes, SCRIPT_CEILING);
    return s;
}

static inline void script_free(struct script *s)
{
    buffer_release(&s->bytes);
}

static inline struct span script_span(const struct script *s)
{
    return span_of(s->bytes.data, s->bytes.len);
}

static inline void put(struct script *s, uint64_t value, unsigned len)
{
    for (unsigned i = 0; i < len; i++)
        buffer_add_byte(&s->bytes, (uint8_t)(value >> 8 * (s->big_endian ? len - 1 - i : i)));
}

static inline void put_text(struct script *s, const char *text)
{
    buffer_add_text(&s->bytes, text);
}

static inline void put_zeros(struct script *s, size_t len)
{
    uint8_t *zeros = buffer_reserve(&s->bytes, len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(zeros);
    memset(zeros, 0, len);
    s->bytes.len += len;
}

/* A pcap's file header, and a record of `text` with its lengths as they should be. */
static inline void put_pcap_header(struct script *s, uint32_t magic, uint32_t network)
{
    put(s, magic, 4);
    put(s, 2, 2);
    put(s, 4, 2);
    put(s, 0, 8);
    put(s, 65535, 4);
    put(s, network, 4);
}

static inline void put_record(struct script *s, uint32_t seconds, uint32_t fraction,
                              const char *text)
{
    put(s, seconds, 4);
    put(s, fraction, 4);
    put(s, strlen(text), 4);
    put(s, strlen(text), 4);
    put_text(s, text);
}

/* A pcapng block: what is put between the two is its body; the lengths are put right at its end. */
static inline void block_begin(struct script *s, uint32_t type)
{
    s->block = s->bytes.len;
    put(s, type, 4);
    put(s, 0, 4);
}

static inline void block_end(struct script *s)
{
    while ((s->bytes.len - s->block) % 4 != 0)
        buffer_add_byte(&s->bytes, 0);
    size_t len = s->bytes.len - s->block + 4;
    for (unsigned i = 0; i < 4; i++)
        s->bytes.data[s->block + 4 + i] = (uint8_t)(len >> 8 * (s->big_endian ? 3 - i : i));
    put(s, len, 4);
}

static inline void put_option(struct script *s, uint16_t code, const void *value, size_t len)
{
    put(s, code, 2);
    put(s, len, 2);
    buffer_add(&s->bytes, value, len);
    put_zeros(s, (4 - len % 4) % 4);
}

static inline void put_text_option(struct script *s, uint16_t code, const char *text)
{
    put_option(s, code, text, strlen(text));
}

static inline void section_begin(struct script *s)
{
    block_begin(s, 0x0a0d0d0a);
    put(s, 0x1a2b3c4d, 4);
    put(s, 1, 2);
    put(s, 0, 2);
    put(s, UINT64_MAX, 8);
}

static inline void put_section(struct script *s)
{
    section_begin(s);
    block_end(s);
}

static inline void interface_begin(struct script *s, uint16_t link_type, uint32_t snap_len)
{
    block_begin(s, 1);
    put(s, link_type, 2);
    put(s, 0, 2);
    put(s, snap_len, 4);
}

static inline void put_interface(struct script *s, uint16_t link_type)
{
    interface_begin(s, link_type, 0);
    block_end(s);
}

static inline void packet_begin(struct script *s, uint32_t interface, uint64_t ticks,
                                const char *text)
{
    block_begin(s, 6);
    put(s, interface, 4);
    put(s, ticks >> 32, 4);
    put(s, ticks & UINT32_MAX, 4);
    put(s, strlen(text), 4);
    put(s, strlen(text), 4);
    put_text(s, text);
    put_zeros(s, (4 - strlen(text) % 4) % 4);
}

static inline void put_packet(struct script *s, uint32_t interface, uint64_t ticks,
                              const char *text)
{
    packet_begin(s, interface, ticks, text);
    block_end(s);
}

/* What reading gives. */
struct transcript {
    struct buffer text;
    struct buffer evidence;
    enum status status;
    struct error error;
    uint64_t frame_count;
    char format[16];
    bool mapped;
    uint64_t size;
    uint64_t position;
};

static inline void see_interface(void *context, const struct capture_interface *i)
{
    struct buffer *b = context;
    buffer_print(b, "(i%" PRIu32 " link %" PRIu32 " snap %" PRIu32 " ticks %" PRIu64,
                 i->interface_id, i->link_type, i->snap_len, i->ticks_per_second);
    const struct span texts[] = {i->name, i->description, i->filter};
    for (size_t k = 0; k < 3; k++) {
        if (texts[k].len > 0)
            buffer_print(b, " '%.*s'", (int)texts[k].len, (const char *)texts[k].data);
    }
    buffer_add_text(b, ") ");
}

static inline void see_note(void *context, uint64_t frame, const char *kind, struct span text)
{
    buffer_print(context, "{%" PRIu64 " %s %.*s} ", frame, kind, (int)text.len,
                 (const char *)text.data);
}

static inline void see_statistics(void *context, const struct capture_statistics *s)
{
    buffer_print(context,
                 "<i%" PRIu32 " %" PRId64 "ns %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "> ",
                 s->interface_id, s->time_ns, s->received, s->dropped_by_interface,
                 s->accepted_by_filter, s->dropped_by_system);
}

static inline void see_secrets(void *context, uint32_t type, struct span data)
{
    buffer_print(context, "[%08" PRIx32 " %.*s] ", type, (int)data.len, (const char *)data.data);
}

static inline void see_evidence(void *context, struct span bytes)
{
    /* The transcript's text is the first member of it, and so is its address. */
    struct transcript *t = context;
    buffer_add(&t->evidence, bytes.data, bytes.len);
}

static inline struct capture_options script_options(struct transcript *t, size_t window_len)
{
    *t = (struct transcript){.status = STATUS_OK};
    buffer_init(&t->text, SCRIPT_CEILING);
    buffer_init(&t->evidence, SCRIPT_CEILING);
    return (struct capture_options){
        .listener = {see_interface, see_note, see_statistics, see_secrets, see_evidence, t, false},
        .window_len = window_len,
    };
}

static inline void transcript_free(struct transcript *t)
{
    buffer_release(&t->text);
    buffer_release(&t->evidence);
}

static inline void transcript_frame(struct transcript *t, const struct frame *f)
{
    buffer_print(&t->text,
                 "%" PRIu64 "@%" PRIu64 " %" PRId64 "ns i%" PRIu32 " link %" PRIu32 " %zu/%" PRIu32
                 " %.*s ",
                 f->number, f->offset, f->time_ns, f->interface_id, f->link_type, f->bytes.len,
                 f->wire_len, (int)f->bytes.len, (const char *)f->bytes.data);
    t->frame_count++;
}

/* Reads what `opened` says was opened, to its end, and closes it. */
static inline void transcribe(struct transcript *t, enum status opened, struct capture *c)
{
    struct frame frame;
    t->status = opened;
    if (opened == STATUS_OK) {
        while ((t->status = capture_next(c, &frame, &t->error)) == STATUS_OK)
            transcript_frame(t, &frame);
        CU_ASSERT_EQUAL(capture_next(c, &frame, NULL), t->status);
        snprintf(t->format, sizeof t->format, "%s", capture_format(c));
        t->mapped = capture_is_mapped(c);
        t->size = capture_size(c);
        t->position = capture_position(c);
    } else {
        CU_ASSERT_PTR_NULL(c);
    }
    capture_close(c);
    buffer_add_text(&t->text, t->status == STATUS_END       ? "."
                              : t->status == STATUS_DAMAGED ? "!"
                                                            : "#");
}

/* A file of these bytes; the caller removes it. */
static inline void write_file(char path[32], struct span bytes)
{
    strcpy(path, "/tmp/seine-test-XXXXXX");
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, bytes.data, bytes.len), (ssize_t)bytes.len);
    close(fd);
}

static inline struct buffer gzip_of(struct span bytes)
{
    struct buffer packed;
    z_stream z = {0};
    uint8_t none = 0;
    buffer_init(&packed, SCRIPT_CEILING);
    CU_ASSERT_EQUAL_FATAL(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, 0), Z_OK);
    uLong room = deflateBound(&z, (uLong)bytes.len);
    z.next_out = buffer_reserve(&packed, room);
    z.avail_out = (uInt)room;
    z.next_in = bytes.len > 0 ? (z_const Bytef *)(uintptr_t)bytes.data : &none;
    z.avail_in = (uInt)bytes.len;
    CU_ASSERT_EQUAL(deflate(&z, Z_FINISH), Z_STREAM_END);
    packed.len = z.total_out;
    deflateEnd(&z);
    return packed;
}

static inline struct buffer zstd_of(struct span bytes)
{
    struct buffer packed;
    buffer_init(&packed, SCRIPT_CEILING);
    size_t room = ZSTD_compressBound(bytes.len);
    uint8_t *to = buffer_reserve(&packed, room);
    packed.len = ZSTD_compress(to, room, bytes.data, bytes.len, 3);
    CU_ASSERT_FALSE(ZSTD_isError(packed.len));
    return packed;
}

/* What the first frame of it says of a frame check sequence. */
static inline unsigned first_fcs_len(struct span bytes)
{
    struct capture *c;
    struct frame frame = {.fcs_len = 99};
    CU_ASSERT_EQUAL_FATAL(capture_open_memory(&c, "x", bytes, NULL, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(capture_next(c, &frame, NULL), STATUS_OK);
    capture_close(c);
    return frame.fcs_len;
}

/* The ways in which the same bytes can come. */
enum way { IN_MEMORY, STREAMED, MAPPED, READ, PIPED, GZIP, ZSTD, WAY_COUNT };

static inline void read_file_as(struct transcript *t, struct span bytes, size_t window_len,
                                bool stream)
{
    char path[32];
    struct capture *c;
    write_file(path, bytes);
    struct capture_options options = script_options(t, window_len);
    options.stream = stream;
    enum status status = capture_open(&c, path, &options, &t->error);
    transcribe(t, status, c);
    unlink(path);
}

struct pipe_writer {
    int fd;
    struct span bytes;
};

static inline void *pipe_write(void *context)
{
    struct pipe_writer *w = context;
    struct span left = w->bytes;
    ssize_t done;
    while (left.len > 0 && (done = write(w->fd, left.data, left.len)) > 0)
        span_take(&left, (size_t)done, NULL);
    close(w->fd);
    return NULL;
}

/* Through a pipe that a thread writes to. */
static inline void read_pipe(struct transcript *t, struct span bytes, size_t window_len)
{
    int ends[2];
    char path[32];
    pthread_t thread;
    struct capture *c;
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    signal(SIGPIPE, SIG_IGN);
    struct pipe_writer writer = {ends[1], bytes};
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, pipe_write, &writer), 0);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    struct capture_options options = script_options(t, window_len);
    enum status status = capture_open(&c, path, &options, &t->error);
    close(ends[0]);
    transcribe(t, status, c);
    pthread_join(thread, NULL);
}

static inline void read_memory(struct transcript *t, struct span bytes, size_t window_len,
                               bool stream)
{
    struct capture *c;
    struct capture_options options = script_options(t, window_len);
    options.stream = stream;
    enum status status = capture_open_memory(&c, "x.pcap", bytes, &options, &t->error);
    transcribe(t, status, c);
}

static inline struct transcript read_script(enum way way, struct span bytes, size_t window_len)
{
    struct transcript t;
    struct buffer packed;
    buffer_init(&packed, 0);
    if (way == GZIP)
        packed = gzip_of(bytes);
    if (way == ZSTD)
        packed = zstd_of(bytes);
    struct span raw = packed.data ? span_of(packed.data, packed.len) : bytes;
    if (way == IN_MEMORY || way == STREAMED)
        read_memory(&t, raw, window_len, way == STREAMED);
    else if (way == PIPED)
        read_pipe(&t, raw, window_len);
    else
        read_file_as(&t, raw, window_len, way == READ);
    if (t.status == STATUS_END || t.status == STATUS_DAMAGED) { /* each byte was told once */
        CU_ASSERT_EQUAL(t.evidence.len, raw.len);
        CU_ASSERT(t.evidence.len == raw.len && memcmp(t.evidence.data, raw.data, raw.len) == 0);
        CU_ASSERT_EQUAL(t.size, raw.len);
        CU_ASSERT_EQUAL(t.position, raw.len);
    }
    buffer_release(&packed);
    return t;
}

/* The picture test: what the script gives, whichever way it comes. */
static inline void check_script(struct script *s, const char *expected)
{
    for (enum way way = 0; way < WAY_COUNT; way++) {
        struct transcript t = read_script(way, script_span(s), 0);
        CU_ASSERT_STRING_EQUAL(buffer_text(&t.text), expected);
        if (strcmp(buffer_text(&t.text), expected) != 0)
            fprintf(stderr, "\n  way %d gave  %s\n  wanted     %s\n  saying     %s\n", (int)way,
                    buffer_text(&t.text), expected, t.error.text);
        transcript_free(&t);
    }
    script_free(s);
}

#endif
