/* unpack.c - IP payloads that came compressed, made readable again. */
#include "reassembly/unpack.h"

#include "dissect/dissect.h"
#include "dissect/ipcomp.h"

#define ZLIB_CONST
#include <assert.h>
#include <stdlib.h>
#include <zlib.h>

struct unpacker {
    z_stream deflate;
    struct piece piece; /* lent with the packet */
    uint8_t bytes[UNPACK_MOST];
};

struct unpacker *unpacker_new(void)
{
    enum { RAW = -MAX_WBITS }; /* no header around it, and the largest window (RFC 2394 2.3) */
    struct unpacker *u = calloc(1, sizeof *u);

    if (u && inflateInit2(&u->deflate, RAW) != Z_OK) {
        free(u);
        return NULL;
    }
    return u;
}

void unpacker_free(struct unpacker *u)
{
    if (!u)
        return;
    inflateEnd(&u->deflate);
    free(u);
}

/* Whether `packed` is one stream of DEFLATE, no more and no less, and fits; `*unpacked` is what it holds. */
static bool unpack(struct unpacker *u, struct span *unpacked, struct span packed)
{
    if (inflateReset(&u->deflate) != Z_OK)
        return false;
    u->deflate.next_in = packed.data;
    u->deflate.avail_in = (uInt)packed.len;
    u->deflate.next_out = u->bytes;
    u->deflate.avail_out = UNPACK_MOST;
    if (inflate(&u->deflate, Z_FINISH) != Z_STREAM_END || u->deflate.avail_in > 0)
        return false;
    *unpacked = span_of(u->bytes, UNPACK_MOST - u->deflate.avail_out);
    return true;
}

/* Whether what was found under an index that the ends agreed on shows that they agreed on DEFLATE. */
static bool is_plausible(enum verdict verdict, const struct packet *p)
{
    return verdict == VERDICT_FRAGMENT ||
           (verdict == VERDICT_OK && p->checksum != CHECKSUM_WRONG && !p->bad_ip_checksum);
}

enum verdict unpacker_open(struct unpacker *u, struct packet *p)
{
    const bool is_agreed = p->compression >= IPCOMP_NEGOTIATED_MIN;
    const struct packet packed = *p;
    struct span bytes;

    assert(p->compressed && p->pieces != &u->piece);
    if (p->compression != IPCOMP_DEFLATE && !(is_agreed && p->compression <= IPCOMP_NEGOTIATED_MAX))
        return VERDICT_OTHER_TRANSPORT;
    if (p->ip_payload.len < p->ip_payload_len)
        return is_agreed ? VERDICT_OTHER_TRANSPORT : VERDICT_TRUNCATED;
    if (!unpack(u, &bytes, p->ip_payload))
        return is_agreed ? VERDICT_OTHER_TRANSPORT : VERDICT_MALFORMED;

    p->compressed = false;
    p->ip_payload = bytes;
    p->ip_payload_len = (uint32_t)bytes.len;
    if (!p->frames) {
        p->frames = p->frame;
        p->frame_count = 1;
    }
    u->piece = (struct piece){
        .len = (uint32_t)bytes.len, .wire_len = (uint32_t)bytes.len, .frame = p->frame_count - 1};
    p->pieces = &u->piece;
    p->piece_count = 1;
    enum verdict verdict = dissect_transport(p);
    if (is_agreed && !is_plausible(verdict, p)) {
        *p = packed;
        return VERDICT_OTHER_TRANSPORT;
    }
    return verdict;
}
