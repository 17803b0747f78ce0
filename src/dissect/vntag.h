/* vntag.h - a view of a VN-Tag (Cisco; IEEE 802.1BR's predecessor), without the EtherType before
 * it.
 *
 *     direction, pointer, ports 4 | type 2 | ... */
#ifndef SEINE_DISSECT_VNTAG_H
#define SEINE_DISSECT_VNTAG_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct vntag {
    struct span header; /* 6 bytes */
};

/* How many bytes the tag takes. */
size_t vntag_need(struct span rest);

/* Takes the tag off the front of `rest`; false, with nothing changed, when it is not there. */
bool vntag_view(struct span *rest, struct vntag *v);

static inline uint16_t vntag_type(const struct vntag *v)
{
    return load_be16(v->header, 4);
}

#endif
