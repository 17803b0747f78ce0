/* icmp.h - a view of an ICMP or ICMPv6 message (RFC 792, RFC 4443). */
#ifndef SEINE_DISSECT_ICMP_H
#define SEINE_DISSECT_ICMP_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct icmp {
    struct span header; /* type, code, checksum, and four bytes by type: 8 bytes */
};

/* How many bytes the header takes. */
size_t icmp_need(struct span rest);

/* Takes the first 8 bytes off `rest`; false when they are not there. What follows stays in `rest`:
 * it is the payload of an ICMP flow. */
bool icmp_view(struct span *rest, struct icmp *i);

static inline uint8_t icmp_type(const struct icmp *i)
{
    return load_u8(i->header, 0);
}
static inline uint8_t icmp_code(const struct icmp *i)
{
    return load_u8(i->header, 1);
}
static inline uint16_t icmp_checksum(const struct icmp *i)
{
    return load_be16(i->header, 2);
}
static inline uint16_t icmp_id(const struct icmp *i)
{
    return load_be16(i->header, 4);
}

/* Whether a type is an error, which quotes the packet that caused it. */
bool icmp_is_error(uint8_t type);   /* 3, 4, 5, 11, 12 */
bool icmpv6_is_error(uint8_t type); /* below 128 */

#endif
