/* nsh.h - a view of the network service header (RFC 8300 2).
 *
 *     version 2 bits, ..., ttl 6, length 6 | metadata 1 | next 1 | path 3 | index 1 | metadata ...
 *
 * The length is in words of four bytes, and of all of it. */
#ifndef SEINE_DISSECT_NSH_H
#define SEINE_DISSECT_NSH_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* Of NSH and of VXLAN-GPE. */
enum nsh_next {
    NSH_IPV4 = 1,
    NSH_IPV6 = 2,
    NSH_ETHERNET = 3,
    NSH_NSH = 4,
    NSH_MPLS = 5,
};

struct nsh {
    struct span header; /* 8 bytes or more */
};

/* How many bytes the header takes, the least while it cannot be told; 0 when version or length
 * make no sense. */
size_t nsh_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool nsh_view(struct span *rest, struct nsh *n);

static inline uint8_t nsh_next(const struct nsh *n)
{
    return load_u8(n->header, 3);
}

#endif
