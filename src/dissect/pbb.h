/* pbb.h - a view of the tag between a backbone's Ethernet header and the customer's (IEEE 802.1Q
 * 9.7).
 *
 *     priority 3 bits, drop 1, no addresses 1, ..., service 24 | Ethernet */
#ifndef SEINE_DISSECT_PBB_H
#define SEINE_DISSECT_PBB_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct pbb {
    struct span header; /* 4 bytes */
};

/* How many bytes the tag takes. */
size_t pbb_need(struct span rest);

/* Takes the tag off the front of `rest`; false, with nothing changed, when it is not there. */
bool pbb_view(struct span *rest, struct pbb *p);

static inline uint32_t pbb_service(const struct pbb *p)
{
    return load_be32(p->header, 0) & 0xffffff;
}

#endif
