/* udp.h - a view of a UDP header (RFC 768). */
#ifndef SEINE_DISSECT_UDP_H
#define SEINE_DISSECT_UDP_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum { UDP_HEADER_LEN = 8 };

struct udp {
    struct span header; /* 8 bytes */
};

/* How many bytes the header takes. */
size_t udp_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool udp_view(struct span *rest, struct udp *u);

static inline uint16_t udp_src_port(const struct udp *u)
{
    return load_be16(u->header, 0);
}
static inline uint16_t udp_dst_port(const struct udp *u)
{
    return load_be16(u->header, 2);
}

/* Bytes of the datagram, header included; may be 0 in a jumbogram (RFC 2675 4). */
static inline uint16_t udp_len(const struct udp *u)
{
    return load_be16(u->header, 4);
}
static inline uint16_t udp_checksum(const struct udp *u)
{
    return load_be16(u->header, 6);
}

#endif
