/* mpls.h - a view of one entry of an MPLS label stack (RFC 3032 2.1).
 *
 *     label 20 bits | class 3 | bottom 1 | ttl 8 | the next entry, or what is carried
 *
 * Nothing says what is carried: the labels were agreed on elsewhere. By custom the first four bits
 * are looked at (RFC 4928 3). */
#ifndef SEINE_DISSECT_MPLS_H
#define SEINE_DISSECT_MPLS_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct mpls {
    struct span header; /* 4 bytes */
};

/* How many bytes the entry takes. */
size_t mpls_need(struct span rest);

/* Takes the entry off the front of `rest`; false, with nothing changed, when it is not there. */
bool mpls_view(struct span *rest, struct mpls *m);

static inline uint32_t mpls_label(const struct mpls *m)
{
    return load_be32(m->header, 0) >> 12;
}
static inline bool mpls_is_bottom(const struct mpls *m)
{
    return load_u8(m->header, 2) & 1;
}

#endif
