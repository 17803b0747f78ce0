/* ppp.h - views of a PPP header (RFC 1661 2, RFC 1662 3.1) and of Cisco's HDLC (RFC 1547 4.3.1).
 *
 *     PPP:    [ 0xff 0x03 ] | protocol 1 or 2 | ...
 *     Cisco:  0x0f or 0x8f | control 1 | EtherType 2 | ...
 *
 * Address and control may be left out, and a protocol below 256 may be sent as one byte. Both
 * can be told from the bytes: the last byte of a protocol is odd, every other one is even. */
#ifndef SEINE_DISSECT_PPP_H
#define SEINE_DISSECT_PPP_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum ppp_protocol {
    PPP_IPV4 = 0x0021,
    PPP_IPV6 = 0x0057,
    PPP_MPLS = 0x0281,
    PPP_MPLS_MULTICAST = 0x0283,
    PPP_CONTROL_MIN =
        0x8000, /* from here on: LCP, authentication, the control of other protocols */
};

struct ppp {
    struct span header; /* 1 to 4 bytes */
};

/* How many bytes the header takes, the least there is while it cannot be told; 0 when the protocol
 * cannot be one. */
size_t ppp_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool ppp_view(struct span *rest, struct ppp *p);

static inline uint16_t ppp_protocol(const struct ppp *p)
{
    size_t len = p->header.len; /* address and control are two bytes or none */
    return len % 2 ? load_u8(p->header, len - 1) : load_be16(p->header, len - 2);
}

enum {
    CHDLC_UNICAST = 0x0f,
    CHDLC_MULTICAST = 0x8f,
    CHDLC_CDP = 0x2000,   /* Cisco's discovery protocol */
    CHDLC_SLARP = 0x8035, /* its line control; RARP where this is an EtherType */
};

struct chdlc {
    struct span header; /* 4 bytes */
};

size_t chdlc_need(struct span rest);
bool chdlc_view(struct span *rest, struct chdlc *c);

static inline uint16_t chdlc_type(const struct chdlc *c)
{
    return load_be16(c->header, 2);
}

#endif
