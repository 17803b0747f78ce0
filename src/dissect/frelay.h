/* frelay.h - a view of a frame relay header, address and what follows it (ITU-T Q.922, RFC 2427).
 *
 *     address 2 to 4 | 0x03 | [0] | protocol 1 | ...
 *     address 2 to 4 | 0x03 | [0] | 0x80 | oui 3 | type 2 | ...        SNAP
 *     address 2 to 4 | EtherType 2 | ...                              Cisco's own
 *
 * The last byte of the address is odd, the others are even. */
#ifndef SEINE_DISSECT_FRELAY_H
#define SEINE_DISSECT_FRELAY_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum frelay_protocol { /* ISO TR 9577 */
                       FRELAY_SNAP = 0x80,
                       FRELAY_IPV6 = 0x8e,
                       FRELAY_IPV4 = 0xcc,
};

enum frelay_oui {
    FRELAY_OUI_ETHERNET = 0x000000, /* the type is an EtherType */
    FRELAY_OUI_BRIDGED = 0x0080c2,  /* RFC 2427 4.2 */
};

enum { FRELAY_BRIDGED_ETHERNET = 0x0001, FRELAY_BRIDGED_ETHERNET_NO_FCS = 0x0007 };

struct frelay {
    struct span header;
    uint8_t protocol; /* 0 in Cisco's, whose type is at the end */
};

/* How many bytes the header takes, the least while it cannot be told; 0 when its address does
 * not end. */
size_t frelay_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool frelay_view(struct span *rest, struct frelay *f);

/* Of Cisco's, and of SNAP. */
static inline uint16_t frelay_type(const struct frelay *f)
{
    return load_be16(f->header, f->header.len - 2);
}
/* Of SNAP. */
static inline uint32_t frelay_oui(const struct frelay *f)
{
    return load_be32(f->header, f->header.len - 6) & 0xffffff;
}

#endif
