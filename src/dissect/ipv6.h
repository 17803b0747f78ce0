/* ipv6.h - views of an IPv6 header and of the extension headers after it (RFC 8200 3, 4).
 *
 *     IPv6 40 | hop-by-hop | routing | fragment | authentication | options | TCP ...
 *                                              └── of the whole datagram ──┘
 *
 * Each header names the kind of the next one. The authentication header (RFC 4302) counts as an
 * extension, since what follows it is plain; in IPv4 it is the only one. ESP does not. */
#ifndef SEINE_DISSECT_IPV6_H
#define SEINE_DISSECT_IPV6_H

#include "base/span.h"
#include "dissect/address.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    IPV6_HEADER_LEN = 40,
    IPV6_PAYLOAD_MAX = 65535, /* without the jumbo payload option */
};

/* Values of a next header field, IANA's protocol numbers. */
enum ipv6_next {
    IPV6_HOP_BY_HOP = 0,
    IPV6_ROUTING = 43,
    IPV6_FRAGMENT = 44,
    IPV6_AUTHENTICATION = 51,
    IPV6_NOTHING = 59,
    IPV6_OPTIONS = 60,
};

struct ipv6 {
    struct span header; /* 40 bytes */
};

/* How many bytes the header takes; 0 when it is not IPv6. */
size_t ipv6_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool ipv6_view(struct span *rest, struct ipv6 *i);

static inline uint16_t ipv6_payload_len(const struct ipv6 *i)
{
    return load_be16(i->header, 4);
}
static inline uint8_t ipv6_next(const struct ipv6 *i)
{
    return load_u8(i->header, 6);
}
static inline uint8_t ipv6_hop_limit(const struct ipv6 *i)
{
    return load_u8(i->header, 7);
}
static inline void ipv6_src(const struct ipv6 *i, struct address *src)
{
    address_v6(src, span_after(i->header, 8));
}
static inline void ipv6_dst(const struct ipv6 *i, struct address *dst)
{
    address_v6(dst, span_after(i->header, 24));
}

struct ipv6_extension {
    uint8_t kind;       /* enum ipv6_next */
    struct span header; /* as long as it says: 8 bytes or more */
};

bool ipv6_is_extension(uint8_t kind);

/* How many bytes an extension header of this kind takes, the least while it cannot be told; 0
 * when it says that it is shorter than that. */
size_t ipv6_extension_need(struct span rest, uint8_t kind);

/* Takes an extension header of this kind off the front of `rest`; false, with nothing changed,
 * when it is not there. */
bool ipv6_extension_view(struct span *rest, uint8_t kind, struct ipv6_extension *e);

static inline uint8_t ipv6_extension_next(const struct ipv6_extension *e)
{
    return load_u8(e->header, 0);
}

/* Of the fragment header only. The place is in bytes from the start of the fragmentable part. */
static inline uint32_t ipv6_fragment_at(const struct ipv6_extension *e)
{
    return load_be16(e->header, 2) & 0xfff8U;
}
static inline bool ipv6_more_fragments(const struct ipv6_extension *e)
{
    return load_u8(e->header, 3) & 1;
}
static inline uint32_t ipv6_fragment_id(const struct ipv6_extension *e)
{
    return load_be32(e->header, 4);
}

/* The length in a jumbo payload option (RFC 2675 2) of a hop-by-hop header; false when there is
 * none. */
bool ipv6_jumbo_len(const struct ipv6_extension *e, uint32_t *len);

/* The home address of a mobile sender (RFC 6275 6.3), which stands for the source to those it
 * talks to; false when there is none. */
bool ipv6_home_src(const struct ipv6_extension *e, struct address *src);

/* Where a routing header takes the packet in the end; false when it is there already, or the
 * kind of routing is not known. */
bool ipv6_final_dst(const struct ipv6_extension *e, struct address *dst);

#endif
