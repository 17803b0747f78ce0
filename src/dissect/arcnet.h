/* arcnet.h - views of an ARCNET header as Linux and as BSD capture it (RFC 1201 2, RFC 1051).
 *
 *     Linux: source 1 | destination 1 | offset 2 | type 1 | [split 1 | sequence 2]
 *     BSD:   source 1 | destination 1 | type 1 | [split 1 | [0 3 | split 1] | sequence 2]
 *
 * What is in brackets is not there with the types of RFC 1051. */
#ifndef SEINE_DISSECT_ARCNET_H
#define SEINE_DISSECT_ARCNET_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum arcnet_type {
    ARCNET_IPV6 = 196,
    ARCNET_IPV4 = 212,
    ARCNET_ARP = 213,
    ARCNET_RARP = 214,
    ARCNET_IPV4_1051 = 240,
    ARCNET_ARP_1051 = 241,
};

struct arcnet {
    struct span header;
    uint8_t type_at; /* in it */
};

/* How many bytes the header takes, the least while it cannot be told. */
size_t arcnet_linux_need(struct span rest);
size_t arcnet_bsd_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool arcnet_linux_view(struct span *rest, struct arcnet *a);
bool arcnet_bsd_view(struct span *rest, struct arcnet *a);

static inline uint8_t arcnet_type(const struct arcnet *a)
{
    return load_u8(a->header, a->type_at);
}

/* Whether it is one of several that the packet was split into. */
bool arcnet_is_split(const struct arcnet *a);

#endif
