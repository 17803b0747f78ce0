/* capwap.h - a view of the header of a CAPWAP data packet, which an access point sends to its
 * controller (RFC 5415 4.3).
 *
 *     0 1 | length 5 bits, radio 5, binding 5, T 1 | F 1, L 1, W 1, M 1, K 1, 0 3 | fragment 4 | ...
 *
 * The length is in words of four bytes. The first byte says whether it is DTLS. */
#ifndef SEINE_DISSECT_CAPWAP_H
#define SEINE_DISSECT_CAPWAP_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct capwap {
    struct span header; /* 8 bytes or more */
};

/* How many bytes the header takes, the least while it cannot be told; 0 when it is DTLS, of another
 * version, or too short for itself. */
size_t capwap_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool capwap_view(struct span *rest, struct capwap *c);

/* Whether it carries 802.11; else Ethernet. */
static inline bool capwap_is_wlan(const struct capwap *c)
{
    enum { BINDING_WLAN = 1 };
    return load_be16(c->header, 2) & 0x0100 &&
           (load_be16(c->header, 2) >> 9 & 0x1f) == BINDING_WLAN;
}
static inline bool capwap_is_native(const struct capwap *c)
{
    return load_u8(c->header, 2) & 0x01;
}
static inline bool capwap_is_fragment(const struct capwap *c)
{
    return load_u8(c->header, 3) & 0x80;
}
static inline bool capwap_is_keepalive(const struct capwap *c)
{
    return load_u8(c->header, 3) & 0x08;
}

#endif
