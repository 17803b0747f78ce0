/* address.h - who sent a packet and who it is for.
 *
 * An IP address of either family is 16 bytes, so that one key serves both: IPv4 is mapped into
 * ::ffff:0:0/96 (RFC 4291 2.5.5.2). */
#ifndef SEINE_DISSECT_ADDRESS_H
#define SEINE_DISSECT_ADDRESS_H

#include "base/span.h"

#include <stdint.h>
#include <string.h>

/* Network byte order. */
struct address {
    uint8_t bytes[16];
};

enum { ADDRESS_V4_AT = 12 }; /* where the four bytes of an IPv4 address stand */

/* Both ends of a packet. For ICMP the ports are zero here; the flow table knows what to put.
 * With an IPv6 routing header `dst` is the last destination, and with a home address option
 * `src` is that: the addresses of the conversation, which are in the checksum too (RFC 8200 8.1,
 * RFC 6275 6.3.1). */
struct endpoints {
    struct address src, dst;
    uint16_t src_port, dst_port; /* host byte order */
};

/* From the four bytes at the front of `bytes`, which are there. */
static inline void address_v4(struct address *to, struct span bytes)
{
    static const uint8_t mapped[ADDRESS_V4_AT] = {[10] = 0xff, [11] = 0xff};

    assert(bytes.len >= 4);
    memcpy(to->bytes, mapped, ADDRESS_V4_AT);
    memcpy(to->bytes + ADDRESS_V4_AT, bytes.data, 4);
}

/* From the sixteen bytes at the front of `bytes`, which are there. */
static inline void address_v6(struct address *to, struct span bytes)
{
    assert(bytes.len >= sizeof(to->bytes));
    memcpy(to->bytes, bytes.data, sizeof(to->bytes));
}

#endif
