/* pcap.c - frames as a capture file: draft-ietf-opsawg-pcap, in both orders and resolutions.
 *
 *     magic | 2 | 4 | 0 | 0 | snap length | link type      24 bytes, once
 *     seconds | fraction | captured | on the wire | bytes  16 bytes and the frame's, each */
#include "craft/craft.h"

#include "craft/wire.h"

enum { SNAP_LEN = 262144 };

static void put_u32(struct wire_bytes *b, uint32_t value, unsigned options)
{
    wire_u32(b, options & CRAFT_BIG_ENDIAN ? value : __builtin_bswap32(value));
}

static void put_u16(struct wire_bytes *b, uint16_t value, unsigned options)
{
    wire_u16(b, options & CRAFT_BIG_ENDIAN ? value : __builtin_bswap16(value));
}

uint8_t *craft_pcap(size_t *len, const struct craft *c, unsigned options)
{
    const int64_t second = 1000000000;
    struct wire_bytes b = {0};
    put_u32(&b, options & CRAFT_NANOSECONDS ? 0xa1b23c4d : 0xa1b2c3d4, options);
    put_u16(&b, 2, options);
    put_u16(&b, 4, options);
    put_u32(&b, 0, options);
    put_u32(&b, 0, options);
    put_u32(&b, SNAP_LEN, options);
    put_u32(&b, c->link_type, options);
    for (size_t i = 0; i < c->count; i++) {
        const struct craft_frame *f = &c->frames[i];
        int64_t fraction = f->time_ns % second;
        put_u32(&b, (uint32_t)(f->time_ns / second), options);
        put_u32(&b, (uint32_t)(options & CRAFT_NANOSECONDS ? fraction : fraction / 1000), options);
        put_u32(&b, (uint32_t)f->len, options);
        put_u32(&b, f->wire_len, options);
        wire_add(&b, f->bytes, f->len);
    }
    *len = b.len;
    return b.data;
}
