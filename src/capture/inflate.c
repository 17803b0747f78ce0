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

enum { INPUT_LEN = 1 << 18 };

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
    struct inflate *z = (struct inflate *)s;
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
                return error_set(err, "%s: no memory to uncompress it", z->name);
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
        return error_set(err, "%s: no memory to uncompress it", z->name);
    case ZSTD_error_frameParameter_windowTooLarge:
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

static enum status zstd_read(struct source *s, uint8_t *to, size_t *len, size_t room,
                             struct error *err)
{
    struct inflate *z = (struct inflate *)s;
    ZSTD_outBuffer out = {to, room, 0};
    while (out.pos == 0) {
        enum status status = inflate_feed(z, err);
        if (status != STATUS_OK && !(status == STATUS_END && z->inside))
            return status;
        struct span block = span_first(z->input, zstd_input_len(z));
        ZSTD_inBuffer in = {block.data, block.len, 0};
        size_t result = ZSTD_decompressStream(z->zstd, &out, &in);
        inflate_use(z, in.pos);
        if (ZSTD_isError(result))
            return zstd_failed(z, result, err);
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
    struct inflate *z = (struct inflate *)s;
    return z->raw->ops->drain(z->raw, err);
}

static void inflate_free(struct source *s)
{
    struct inflate *z = (struct inflate *)s;
    inflateEnd(&z->gzip);
    ZSTD_freeDStream(z->zstd);
    z->raw->ops->free(z->raw);
    free(z);
}

/* Takes `raw` over, whatever becomes of it. */
static struct inflate *inflate_new(const struct source_ops *ops, struct source *raw,
                                   const char *name)
{
    struct inflate *z = calloc(1, sizeof *z);
    if (!z) {
        raw->ops->free(raw);
        return NULL;
    }
    z->base.ops = ops;
    z->raw = raw;
    z->name = name;
    return z;
}

static struct source *inflate_failed(struct inflate *z, const char *name, struct error *err)
{
    if (z)
        inflate_free(&z->base);
    error_set(err, "%s: no memory to uncompress it", name);
    return NULL;
}

struct source *inflate_gzip(struct source *raw, const char *name, struct error *err)
{
    static const struct source_ops ops = {gzip_read, inflate_drain, inflate_free};
    enum { GZIP_WINDOW_BITS = 16 + MAX_WBITS }; /* zlib's way of saying: gzip and nothing else */
    struct inflate *z = inflate_new(&ops, raw, name);
    if (!z || inflateInit2(&z->gzip, GZIP_WINDOW_BITS) != Z_OK)
        return inflate_failed(z, name, err);
    z->inside = true;
    return &z->base;
}

struct source *inflate_zstd(struct source *raw, const char *name, struct error *err)
{
    static const struct source_ops ops = {zstd_read, inflate_drain, inflate_free};
    struct inflate *z = inflate_new(&ops, raw, name);
    if (!z || !(z->zstd = ZSTD_createDStream()))
        return inflate_failed(z, name, err);
    z->hint = z->first_hint = ZSTD_initDStream(z->zstd);
    return &z->base;
}
