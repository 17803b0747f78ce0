/* fuzz_capture.c - any bytes as a capture file: pcap, pcapng, snoop or ERF, plain or compressed.
 *
 * They are read where they lie in memory, as a stream through the smallest window, and, when they
 * are not compressed themselves, once more out of gzip or zstd: all that is told must be the same
 * each time, up to the same frame, also when the capture is damaged. Frames must lie inside of the
 * input, where their offsets say, and the evidence must be told whole and in order, with an end that
 * is told again when asked again. */
#include "fuzz/fuzz.h"

#include "base/buffer.h"
#include "capture/capture.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

/* A few kilobytes of compressed zeros are a billion frames; nobody waits for them. */
enum { FRAMES_MAX = 10000 };

/* What a capture said, as text, so that a difference can be read. */
struct telling {
    struct buffer text;
    struct span evidence; /* what must be told of it */
    uint64_t evidence_told;
    bool next_was_called;
    uint64_t last_number;
    unsigned frames;
};

static void tell_bytes(struct telling *t, struct span bytes)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < bytes.len; i++)
        sum = (sum ^ bytes.data[i]) * UINT64_C(0x100000001b3);
    buffer_print(&t->text, "%zu bytes %016" PRIx64 " ", bytes.len, sum);
}

static void on_interface(void *context, const struct capture_interface *i)
{
    struct telling *t = context;
    FUZZ_HOLDS(t->next_was_called, "an interface is told before a frame is asked for");
    FUZZ_HOLDS(i->ticks_per_second > 0, "an interface has no clock");
    buffer_print(&t->text, "interface %" PRIu32 " link %" PRIu32 " snap %" PRIu32 " ticks %" PRIu64,
                 i->interface_id, i->link_type, i->snap_len, i->ticks_per_second);
    tell_bytes(t, i->name);
    tell_bytes(t, i->description);
    tell_bytes(t, i->filter);
}

static void on_note(void *context, uint64_t frame, const char *kind, struct span text)
{
    struct telling *t = context;
    buffer_print(&t->text, "note %" PRIu64 " %s ", frame, kind);
    tell_bytes(t, text);
}

static void on_statistics(void *context, const struct capture_statistics *s)
{
    struct telling *t = context;
    FUZZ_HOLDS(s->received >= -1 && s->dropped_by_interface >= -1 && s->accepted_by_filter >= -1 &&
                   s->dropped_by_system >= -1,
               "a count below -1");
    buffer_print(&t->text,
                 "statistics %" PRIu32 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64
                 " ",
                 s->interface_id, s->time_ns, s->received, s->dropped_by_interface,
                 s->accepted_by_filter, s->dropped_by_system);
}

static void on_secrets(void *context, uint32_t type, struct span data)
{
    struct telling *t = context;
    buffer_print(&t->text, "secrets %" PRIu32 " ", type);
    tell_bytes(t, data);
}

static void on_evidence(void *context, struct span bytes)
{
    struct telling *t = context;
    FUZZ_HOLDS(bytes.len <= t->evidence.len - t->evidence_told &&
                   memcmp(t->evidence.data + t->evidence_told, bytes.data, bytes.len) == 0,
               "the evidence that is told at %" PRIu64 " is not what is there", t->evidence_told);
    t->evidence_told += bytes.len;
}

static void tell_frame(struct telling *t, const struct frame *f, struct span content, bool in_place)
{
    FUZZ_HOLDS(f->number > t->last_number, "frame %" PRIu64 " after %" PRIu64, f->number,
               t->last_number);
    t->last_number = f->number;
    FUZZ_HOLDS(f->wire_len >= f->bytes.len, "frame %" PRIu64 " was shorter on the wire", f->number);
    FUZZ_HOLDS(f->link_type <= UINT16_MAX, "frame %" PRIu64 " has link type %" PRIu32, f->number,
               f->link_type);
    FUZZ_HOLDS(!content.data ||
                   (f->offset <= content.len && f->bytes.len <= content.len - f->offset &&
                    (f->bytes.len == 0 ||
                     memcmp(content.data + f->offset, f->bytes.data, f->bytes.len) == 0)),
               "frame %" PRIu64 " is not at offset %" PRIu64, f->number, f->offset);
    FUZZ_HOLDS(!in_place || f->bytes.len == 0 || f->bytes.data == content.data + f->offset,
               "frame %" PRIu64 " was copied", f->number);
    buffer_print(&t->text,
                 "frame %" PRIu64 " at %" PRIu64 " %" PRId64 " ns interface %" PRIu32
                 " link %" PRIu32 " wire %" PRIu32 " fcs %u ",
                 f->number, f->offset, f->time_ns, f->interface_id, f->link_type, f->wire_len,
                 (unsigned)f->fcs_len);
    tell_bytes(t, f->bytes);
    buffer_add_text(&t->text, "\n");
    t->frames++;
}

/* The end, and what must be so there. */
static void tell_end(struct telling *t, struct capture *capture, enum status status)
{
    struct frame frame;
    FUZZ_HOLDS(status == STATUS_END || status == STATUS_DAMAGED, "memory failed");
    FUZZ_HOLDS(capture_next(capture, &frame, NULL) == status, "another end when asked again");
    FUZZ_HOLDS(t->evidence_told == t->evidence.len, "%" PRIu64 " bytes of %zu are told",
               t->evidence_told, t->evidence.len);
    FUZZ_HOLDS(capture_size(capture) == t->evidence.len &&
                   capture_position(capture) == t->evidence.len,
               "at the end, the end is at %" PRIu64, capture_position(capture));
}

/* Reads `evidence` to its end. `content` is what it holds, uncompressed; empty when not known. */
static struct telling tell(struct span evidence, struct span content, bool stream)
{
    struct telling t = {.evidence = evidence};
    struct capture_options options = {
        .listener = {.interface = on_interface,
                     .note = on_note,
                     .statistics = on_statistics,
                     .secrets = on_secrets,
                     .evidence_bytes = on_evidence,
                     .context = &t},
        .window_len = stream ? 1 : 0,
        .stream = stream,
    };
    struct capture *capture;
    struct frame frame;
    struct error err = {0};

    buffer_init(&t.text, 64u << 20);
    enum status status = capture_open_memory(&capture, "input", evidence, &options, &err);
    FUZZ_HOLDS((status == STATUS_OK) == (capture != NULL), "opened, and not opened");
    FUZZ_HOLDS(status == STATUS_OK || (status == STATUS_FAILED && err.text[0]),
               "opening gave %d and \"%s\"", (int)status, err.text);
    if (capture) {
        bool in_place = !stream && strchr(capture_format(capture), '.') == NULL;
        t.next_was_called = true;
        while (t.frames < FRAMES_MAX &&
               (status = capture_next(capture, &frame, &err)) == STATUS_OK) {
            tell_frame(&t, &frame, content, in_place);
            FUZZ_HOLDS(capture_position(capture) <= evidence.len, "it is read past its end");
        }
        FUZZ_HOLDS(status != STATUS_DAMAGED || err.text[0], "damage without a sentence");
        if (status != STATUS_OK)
            tell_end(&t, capture, status);
    }
    buffer_print(&t.text, "status %d\n", (int)status);
    capture_close(capture);
    return t;
}

static struct buffer gzip_of(struct span bytes)
{
    struct buffer packed;
    z_stream z = {0};
    buffer_init(&packed, 2 * FUZZ_INPUT_MAX);
    FUZZ_HOLDS(deflateInit2(&z, 1, Z_DEFLATED, 16 + MAX_WBITS, 4, 0) == Z_OK, "no memory");
    uLong room = deflateBound(&z, (uLong)bytes.len);
    z.next_out = fuzz_must(buffer_reserve(&packed, room));
    z.avail_out = (uInt)room;
    z.next_in = (z_const Bytef *)(uintptr_t)bytes.data;
    z.avail_in = (uInt)bytes.len;
    FUZZ_HOLDS(deflate(&z, Z_FINISH) == Z_STREAM_END, "zlib has no room");
    packed.len = z.total_out;
    deflateEnd(&z);
    return packed;
}

static struct buffer zstd_of(struct span bytes)
{
    struct buffer packed;
    buffer_init(&packed, 2 * FUZZ_INPUT_MAX);
    size_t room = ZSTD_compressBound(bytes.len);
    uint8_t *to = fuzz_must(buffer_reserve(&packed, room));
    packed.len = ZSTD_compress(to, room, bytes.data, bytes.len, -5);
    FUZZ_HOLDS(!ZSTD_isError(packed.len), "zstd has no room");
    return packed;
}

static bool is_packed(struct span bytes)
{
    return bytes.len >= 4 &&
           ((memcmp(bytes.data, "\x1f\x8b\x08", 3) == 0 && bytes.data[3] < 0x20) ||
            memcmp(bytes.data, "\x28\xb5\x2f\xfd", 4) == 0 ||
            ((bytes.data[0] & 0xf0) == 0x50 && memcmp(bytes.data + 1, "\x2a\x4d\x18", 3) == 0));
}

/* Takes `b`. Shows the first line in which they differ. */
static void must_be_same(struct telling *a, struct telling *b, const char *how)
{
    const char *one = buffer_text(&a->text), *other = buffer_text(&b->text);
    size_t line = 0;
    for (size_t i = 0; one[i] && one[i] == other[i]; i++)
        line = one[i] == '\n' ? i + 1 : line;
    FUZZ_HOLDS(strcmp(one, other) == 0, "in memory: %.200s\n%s: %.200s", one + line, how,
               other + line);
    buffer_release(&b->text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct span bytes = span_of(data, len), none = {NULL, 0};
    bool packed = is_packed(bytes);

    if (len > FUZZ_INPUT_MAX)
        return -1;
    struct telling in_memory = tell(bytes, packed ? none : bytes, false);
    struct telling streamed = tell(bytes, packed ? none : bytes, true);
    must_be_same(&in_memory, &streamed, "streamed");
    if (!packed && len > 4) {
        struct buffer smaller = len % 2 == 0 ? gzip_of(bytes) : zstd_of(bytes);
        struct telling unpacked = tell(span_of(smaller.data, smaller.len), bytes, true);
        must_be_same(&in_memory, &unpacked, "out of a compressed file");
        buffer_release(&smaller);
    }
    buffer_release(&in_memory.text);
    return 0;
}
