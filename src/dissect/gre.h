/* gre.h - views of GRE (RFC 2784, RFC 2890; with routing RFC 1701), of the version of it that PPTP
 * uses (RFC 2637 4.1), and of EtherIP (RFC 3378).
 *
 *     flags 2 | protocol 2 | [checksum 2, offset 2] | [key 4] | [sequence 4] | [routing] | ...
 *     flags 2 | protocol 2 | length 2 | call 2      | [sequence 4] | [acknowledged 4] | PPP
 *     version 4 bits, 12 zero | Ethernet
 *
 * The protocol is an EtherType, or one of those below. */
#ifndef SEINE_DISSECT_GRE_H
#define SEINE_DISSECT_GRE_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum gre_protocol {
    GRE_ERSPAN = 0x88be, /* type I without a sequence number, else II (draft-foschiano-erspan) */
    GRE_ERSPAN_3 = 0x22eb,
    GRE_ETHERNET = 0x6558, /* transparent bridging */
    GRE_PPP = 0x880b,
    GRE_EOIP = 0x6400, /* MikroTik's Ethernet over IP: version 1, its tunnel in place of the call */
    GRE_WCCP = 0x883e, /* Cisco's redirection of web traffic: IPv4, as a rule after 4 bytes */
    GRE_ARUBA_MIN = 0x8200, /* an access point's 802.11, by radio */
    GRE_ARUBA_MAX = 0x837f,
    GRE_ARUBA_2_MIN = 0x9000,
    GRE_ARUBA_2_MAX = 0x903f,
};

enum gre_flags {
    GRE_CHECKSUM = 0x8000,
    GRE_ROUTING = 0x4000,
    GRE_KEY = 0x2000,
    GRE_SEQUENCE = 0x1000,
    GRE_ACKNOWLEDGED = 0x0080, /* version 1 */
    GRE_VERSION = 0x0007,
};

struct gre {
    struct span header; /* 4 bytes or more */
};

/* How many bytes the header takes, the least while it cannot be told; 0 when its version is
 * neither 0 nor 1, or 1 without a key. */
size_t gre_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool gre_view(struct span *rest, struct gre *g);

static inline uint16_t gre_flags(const struct gre *g)
{
    return load_be16(g->header, 0);
}
static inline uint8_t gre_version(const struct gre *g)
{
    return gre_flags(g) & GRE_VERSION;
}
static inline uint16_t gre_protocol(const struct gre *g)
{
    return load_be16(g->header, 2);
}

/* Of version 0 with GRE_KEY only. */
static inline uint32_t gre_key(const struct gre *g)
{
    return load_be32(g->header, gre_flags(g) & (GRE_CHECKSUM | GRE_ROUTING) ? 8 : 4);
}

/* Of version 1 only: bytes that follow. */
static inline uint16_t gre_payload_len(const struct gre *g)
{
    return load_be16(g->header, 4);
}
/* Of GRE_EOIP only. */
static inline uint16_t gre_eoip_tunnel(const struct gre *g)
{
    return load_le16(g->header, 6);
}

struct etherip {
    struct span header; /* 2 bytes */
};

/* How many bytes the header takes; 0 when it is not of version 3. */
size_t etherip_need(struct span rest);
bool etherip_view(struct span *rest, struct etherip *e);

#endif
