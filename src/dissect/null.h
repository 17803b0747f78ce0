/* null.h - a view of the four bytes that BSD puts before a packet of its loopback interface
 * (LINKTYPE_NULL and LINKTYPE_LOOP at tcpdump.org/linktypes).
 *
 * They are an address family: in the byte order of the host that captured for NULL, in network byte
 * order for LOOP. Families are small numbers, so either order can be told from the value, and one
 * view serves both. Every system has its own number for IPv6. */
#ifndef SEINE_DISSECT_NULL_H
#define SEINE_DISSECT_NULL_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum null_family {
    NULL_IPV4 = 2,
    NULL_IPV6_LINUX = 10,
    NULL_IPV6_WINDOWS = 23,
    NULL_IPV6_BSD = 24, /* NetBSD, OpenBSD, BSD/OS, Npcap */
    NULL_IPV6_FREEBSD = 28,
    NULL_IPV6_DARWIN = 30,
};

struct null {
    struct span header; /* 4 bytes */
};

/* How many bytes the header takes. */
size_t null_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool null_view(struct span *rest, struct null *n);

/* In the byte order that gives the smaller number. */
static inline uint32_t null_family(const struct null *n)
{
    uint32_t little = load_le32(n->header, 0), big = load_be32(n->header, 0);
    return little < big ? little : big;
}

#endif
