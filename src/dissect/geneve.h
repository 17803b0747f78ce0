/* geneve.h - a view of a Geneve header, options included (RFC 8926 3.4).
 *
 *     version 2 bits, length 6 | control 1 bit, ... | protocol 2 | network 3 | 0 1 | options ...
 *
 * The length is that of the options, in words of four bytes. */
#ifndef SEINE_DISSECT_GENEVE_H
#define SEINE_DISSECT_GENEVE_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct geneve {
    struct span header; /* 8 bytes or more */
};

/* How many bytes the header takes, the least while it cannot be told; 0 when its version is not
 * 0. */
size_t geneve_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool geneve_view(struct span *rest, struct geneve *g);

/* Whether it is a message of the tunnel's own. */
static inline bool geneve_is_control(const struct geneve *g)
{
    return load_u8(g->header, 1) & 0x80;
}
/* An EtherType; 0x6558 is Ethernet. */
static inline uint16_t geneve_protocol(const struct geneve *g)
{
    return load_be16(g->header, 2);
}
static inline uint32_t geneve_network(const struct geneve *g)
{
    return load_be32(g->header, 4) >> 8;
}

#endif
