/* ipv4.h - a view of an IPv4 header, options included (RFC 791 3.1). */
#ifndef SEINE_DISSECT_IPV4_H
#define SEINE_DISSECT_IPV4_H

#include "base/span.h"
#include "dissect/address.h"

#include <stdbool.h>
#include <stdint.h>

enum { IPV4_FIXED_LEN = 20 };

struct ipv4 {
    struct span header; /* options included: 20 to 60 bytes */
};

/* How many bytes the header takes, 20 while it cannot be told; 0 when it is not IPv4 or says
 * that it is shorter than that. */
static inline size_t ipv4_need(struct span rest)
{
    if (rest.len == 0)
        return IPV4_FIXED_LEN;
    uint8_t first = load_u8(rest, 0);
    size_t len = (first & 0x0fU) * 4;
    if (first >> 4 != 4 || len < IPV4_FIXED_LEN)
        return 0;
    return len;
}

/* Takes the header and its options off the front of `rest`. False, with nothing changed, when they
 * do not lie inside it, or make no sense. */
static inline bool ipv4_view(struct span *rest, struct ipv4 *i)
{
    size_t len = ipv4_need(*rest);
    return len > 0 && span_take(rest, len, &i->header);
}

static inline uint16_t ipv4_len(const struct ipv4 *i)
{
    return load_be16(i->header, 2);
}
static inline uint16_t ipv4_id(const struct ipv4 *i)
{
    return load_be16(i->header, 4);
}
static inline bool ipv4_more_fragments(const struct ipv4 *i)
{
    return load_u8(i->header, 6) & 0x20;
}

/* Bytes from the start of the datagram's payload. */
static inline uint32_t ipv4_fragment_at(const struct ipv4 *i)
{
    return (load_be16(i->header, 6) & 0x1fffU) * 8;
}
static inline uint8_t ipv4_ttl(const struct ipv4 *i)
{
    return load_u8(i->header, 8);
}
static inline uint8_t ipv4_protocol(const struct ipv4 *i)
{
    return load_u8(i->header, 9);
}
static inline uint16_t ipv4_checksum(const struct ipv4 *i)
{
    return load_be16(i->header, 10);
}
static inline void ipv4_src(const struct ipv4 *i, struct address *src)
{
    address_v4(src, span_after(i->header, 12));
}
static inline void ipv4_dst(const struct ipv4 *i, struct address *dst)
{
    address_v4(dst, span_after(i->header, 16));
}

#endif
