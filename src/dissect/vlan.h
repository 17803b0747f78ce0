/* vlan.h - a view of a VLAN tag (IEEE 802.1Q 9.6), without the EtherType before it.
 *
 *     priority 3 bits, drop 1, id 12 | type or length 2 | ... */
#ifndef SEINE_DISSECT_VLAN_H
#define SEINE_DISSECT_VLAN_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct vlan {
    struct span header; /* 4 bytes */
};

/* How many bytes the tag takes. */
size_t vlan_need(struct span rest);

/* Takes the tag off the front of `rest`; false, with nothing changed, when it is not there. */
bool vlan_view(struct span *rest, struct vlan *v);

static inline uint16_t vlan_id(const struct vlan *v)
{
    return load_be16(v->header, 0) & 0x0fff;
}
static inline uint16_t vlan_type(const struct vlan *v)
{
    return load_be16(v->header, 2);
}

#endif
