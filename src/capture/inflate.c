/* inflate.c - gzip (RFC 1952) and Zstandard (RFC 8878), uncompressed as they are read.
 *
 * Both are chains: of gzip members, of Zstandard frames (and skippable ones, which hold no
 * content). What follows the last of them and is neither another nor, for gzip, zeros that pad a
 * tape, is damage, and so is an end inside one. The content before it has been handed out by
 * then. */
#include "capture/source.h"

#define ZLIB_CONST
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum { INPUT_LEN = 1 << 16 };

/* What the libraries take: zlib its state and 32 KiB of window; libzstd its state, and for a frame its
 * window and room for three blocks, as versions up to 1.5 have it. */
enum {
    GZIP_LEN = 48 << 10,
    ZSTD_LEN = 112 << 10,
    ZSTD_BLOCK_LEN = 128 << 10,
    WINDOW_LOG_LEAST = 10,
    WINDOW_LOG_MOST = 27
};

struct inflate {
    struct source base;
    struct source *raw; /* owned */
    struct span input;  /* read, and not yet uncompressed */
    uint64_t used_len;  /* compressed bytes consumed, for sentences */
    const char *name;   /* borrowed */
    bool inside;        /* a member or frame has begun and not ended */
    z_stream gzip;
    ZSTD_DStream *zstd; /* owned */
    size_t hint;        /* how many bytes libzstd waits for, and how many it does between frames */
    size_t first_hint;
    bool filled; /* the last call used all of its room: libzstd may hold more output back */
    struct budget *memory; /* borrowed; may be NULL */
    size_t charged;
    int window_log; /* of the largest window that there is memory for */
    uint8_t buffer[INPUT_LEN];
};

/* Method and flags too (RFC 1952 2.3): in one ERF of 65536 the first time would be the magic. */
bool inflate_is_gzip(struct span head)
{
    enum { DEFLATE = 8, FLAGS_RESERVED = 0xe0 };
    if (head.len < 2 || load_be16(head, 0) != 0x1f8b)
        return false;
    return head.len < 4 || (load_u8(head, 2) == DEFLATE && !(load_u8(head, 3) & FLAGS_RESERVED));
}

bool inflate_is_zstd(struct span head)
{
    if (head.len < 4)
        return false;
    uint32_t magic = load_le32(head, 0);
    return magic == 0xfd2fb528 || (magic & 0xfffffff0) == 0x184d2a50;
}

static size_t zstd_frame_len(uint64_t window_len)
{
    size_t block = window_len < ZSTD_BLOCK_LEN ? (size_t)window_len : ZSTD_BLOCK_LEN;
    return (size_t)window_len + 2 * block + ZSTD_BLOCK_LEN;
}

/* The window that a frame asks for (RFC 8878, 3.1.1.1); 0 when `head` does not hold its header. */
static uint64_t zstd_window_len(struct span head)
{
    if (head.len < CAPTURE_HEAD_LEN || load_le32(head, 0) != 0xfd2fb528)
        return 0;
    uint8_t descriptor = load_u8(head, 4), window = load_u8(head, 5);
    unsigned dictionary_len = (1u << (descriptor & 3)) / 2;
    if (!(descriptor & 0x20)) {
        uint64_t base = (uint64_t)1 << (10 + (window >> 3));
        return base + base / 8 * (window & 7);
    }
    size_t at = 5 + dictionary_len;
    switch (descriptor >> 6) { /* one segment: as long as the content */
    case 0:
        return load_u8(head, at);
    case 1:
        return (uint64_t)load_le16(head, at) + 256;
    case 2:
        return load_le32(head, at);
    default:
        return load_le64(head, at);
    }
}

size_t inflate_memory(struct span head)
{
    if (inflate_is_gzip(head))
        return sizeof(struct inflate) + GZIP_LEN;
    if (!inflate_is_zstd(head))
        return 0;
    uint64_t window_len = zstd_window_len(head);
    if (window_len > SIZE_MAX / 4)
        window_len = SIZE_MAX / 4;
    return sizeof(struct inflate) + ZSTD_LEN + zstd_frame_len(window_len);
}

/* Makes sure that input is there; STATUS_END when there is no more. */
static enum status inflate_feed(struct inflate *z, struct error *err)
{
    if (z->input.len > 0)
        return STATUS_OK;
    size_t len = 0;
    enum status status = z->raw->ops->read(z->raw, z->buffer, &len, sizeof z->buffer, err);
    z->input = span_of(z->buffer, len);
    return status;
}

static void inflate_use(struct inflate *z, size_t len)
{
    span_take(&z->input, len, NULL);
    z->used_len += len;
}

static enum status inflate_cut(const struct inflate *z, const char *what, struct error *err)
{
    return error_damaged(err, "the %s data end in their middle, after %" PRIu64 " bytes", what,
                         z->used_len);
}

/* Between members: is there another? The second byte of its magic may not have been read yet, so
 * zlib is asked, which says no in its own words. */
static enum status gzip_next_member(struct inflate *z, struct error *err)
{
    enum status status = inflate_feed(z, err);
    bool padded = false;
    while (status == STATUS_OK && load_u8(z->input, 0) == 0) {
        padded = true;
        inflate_use(z, 1);
        status = inflate_feed(z, err);
    }
    if (status != STATUS_OK)
        return status;
    if (padded || load_u8(z->input, 0) != 0x1f)
        return error_damaged(err, "byte %" PRIu64 " follows the gzip data and is not part of them",
                             z->used_len);
    inflateReset(&z->gzip);
    z->inside = true;
    return STATUS_OK;
}

static enum status gzip_read(struct source *s, uint8_t *to, size_t *len, size_t room,
                             struct error *err)
{
    struct inflate *z = (struct inflate *)(void *)s;
    if (room > UINT32_MAX)
        room = UINT32_MAX;
    z->gzip.next_out = to;
    z->gzip.avail_out = (uInt)room;
    while (z->gzip.avail_out == room) {
        enum status status = z->inside ? inflate_feed(z, err) : gzip_next_member(z, err);
        if (status != STATUS_OK && !(status == STATUS_END && z->inside))
            return status;
        z->gzip.next_in = z->input.data;
        z->gzip.avail_in = (uInt)z->input.len;
        int result = inflate(&z->gzip, Z_NO_FLUSH);
        inflate_use(z, z->input.len - z->gzip.avail_in);
        if (result == Z_STREAM_END) {
            z->inside = false;
        } else if (z->gzip.avail_out == room) { /* else what came before the trouble comes first */
            if (result == Z_MEM_ERROR)
                return error_no_memory(err, "%s: no memory to uncompress it", z->name);
            if (result != Z_OK && result != Z_BUF_ERROR)
                return error_damaged(err, "the gzip data make no sense at byte %" PRIu64 ": %s",
                                     z->used_len, z->gzip.msg ? z->gzip.msg : "unknown method");
            if (status == STATUS_END)
                return inflate_cut(z, "gzip", err);
        }
    }
    *len = room - z->gzip.avail_out;
    return STATUS_OK;
}

static enum status zstd_failed(const struct inflate *z, size_t result, struct error *err)
{
    const char *words = ZSTD_getErrorName(result);
    switch ((int)ZSTD_getErrorCode(result)) {
    case ZSTD_error_memory_allocation:
        return error_no_memory(err, "%s: no memory to uncompress it", z->name);
    case ZSTD_error_frameParameter_windowTooLarge:
        if (z->window_log < WINDOW_LOG_MOST)
            return error_set(err,
                             "%s asks for a window of more than the %d KiB that --memory leaves to "
                             "uncompress it",
                             z->name, 1 << (z->window_log - 10));
        return error_set(err, "%s asks for more than 128 MiB to be uncompressed: %s", z->name,
                         words);
    default:
        return error_damaged(err, "the zstd data make no sense at byte %" PRIu64 ": %s",
                             z->used_len, words);
    }
}

/* How much input the next call gets. One that fails forgets what it had put out, so that none may
 * reach the next block: not by the header of it that libzstd asks for in advance, and not before all
 * of the last block's output is out. */
static size_t zstd_input_len(const struct inflate *z)
{
    enum { BLOCK_HEADER_LEN = 3 };
    if (z->filled)
        return 0;
    return z->hint > BLOCK_HEADER_LEN ? z->hint - BLOCK_HEADER_LEN : z->hint;
}

/* Before a frame: how large a window it may have. */
static void zstd_allow(struct inflate *z)
{
    size_t least = sizeof *z + ZSTD_LEN, left = SIZE_MAX;
    if (z->memory)
        left = z->memory->limit - z->memory->used + (z->charged - least);
    z->window_log = WINDOW_LOG_LEAST;
    while (z->window_log < WINDOW_LOG_MOST &&
           zstd_frame_len((uint64_t)1 << (z->window_log + 1)) <= left)
        z->window_log++;
    ZSTD_DCtx_setParameter(z->zstd, ZSTD_d_windowLogMax, z->window_log);
}

/* Charges what libzstd holds by now. */
static enum status zstd_charge(struct inflate *z, struct error *err)
{
    size_t least = sizeof *z + ZSTD_LEN, held = sizeof *z + ZSTD_sizeof_DStream(z->zstd);
    if (held < least)
        held = least;
    if (held > z->charged && !memory_take(z->memory, held - z->charged))
        return error_no_memory(err, "%s: no memory to uncompress it", z->name);
    if (held < z->charged)
        memory_give(z->memory, z->charged - held);
    z->charged = held;
    return STATUS_OK;
}

static enum status zstd_read(struct source *s, uint8_t *to, size_t *len, size_t room,
                             struct error *err)
{
    struct inflate *z = (struct inflate *)(void *)s;
    ZSTD_outBuffer out = {to, room, 0};
    while (out.pos == 0) {
        enum status status = inflate_feed(z, err);
        if (status != STATUS_OK && !(status == STATUS_END && z->inside))
            return status;
        if (!z->inside)
            zstd_allow(z);
        struct span block = span_first(z->input, zstd_input_len(z));
        ZSTD_inBuffer in = {block.data, block.len, 0};
        size_t result = ZSTD_decompressStream(z->zstd, &out, &in);
        inflate_use(z, in.pos);
        if (ZSTD_isError(result))
            return zstd_failed(z, result, err);
        if (zstd_charge(z, err) != STATUS_OK)
            return STATUS_FAILED;
        z->inside = result != 0;
        z->filled = z->inside && out.pos == room;
        z->hint = result != 0 ? result : z->first_hint;
        if (status == STATUS_END && z->inside && out.pos == 0)
            return inflate_cut(z, "zstd", err);
    }
    *len = out.pos;
    return STATUS_OK;
}

static enum status inflate_drain(struct source *s, struct error *err)
{
    struct inflate *z = (struct inflate *)(void *)s;
    return z->raw->ops->drain(z->raw, err);
}

static void inflate_free(struct source *s)
{
    struct inflate *z = (struct inflate *)(void *)s;
    inflateEnd(&z->gzip);
    ZSTD_freeDStream(z->zstd);
    z->raw->ops->free(z->raw);
    memory_give(z->memory, z->charged);
    free(z);
}

/* Takes `raw` over, whatever becomes of it. */
static struct inflate *inflate_new(const struct source_ops *ops, struct source *raw,
                                   const char *name, struct budget *memory, size_t library_len)
{
    size_t cost = sizeof(struct inflate) + library_len;
    bool charged = memory_take(memory, cost);
    struct inflate *z = charged ? calloc(1, sizeof *z) : NULL;
    if (!z) {
        if (charged)
            memory_give(memory, cost);
        raw->ops->free(raw);
        return NULL;
    }
    z->memory = memory;
    z->charged = cost;
    z->base.ops = ops;
    z->raw = raw;
    z->name = name;
    return z;
}

static struct source *inflate_failed(struct inflate *z, const char *name, struct error *err)
{
    if (z)
        inflate_free(&z->base);
    error_no_memory(err, "%s: no memory to uncompress it", name);
    return NULL;
}

struct source *inflate_gzip(struct source *raw, const char *name, struct budget *memory,
                            struct error *err)
{
    static const struct source_ops ops = {gzip_read, inflate_drain, inflate_free};
    enum { GZIP_WINDOW_BITS = 16 + MAX_WBITS }; /* zlib's way of saying: gzip and nothing else */
    struct inflate *z = inflate_new(&ops, raw, name, memory, GZIP_LEN);
    if (!z || inflateInit2(&z->gzip, GZIP_WINDOW_BITS) != Z_OK)
        return inflate_failed(z, name, err);
    z->inside = true;
    return &z->base;
}

struct source *inflate_zstd(struct source *raw, const char *name, struct budget *memory,
                            struct error *err)
{
    static const struct source_ops ops = {zstd_read, inflate_drain, inflate_free};
    struct inflate *z = inflate_new(&ops, raw, name, memory, ZSTD_LEN);
    if (!z || !(z->zstd = ZSTD_createDStream()))
        return inflate_failed(z, name, err);
    z->hint = z->first_hint = ZSTD_initDStream(z->zstd);
    return &z->base;
}
