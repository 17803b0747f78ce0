/* vxlan.h - a view of a VXLAN header (RFC 7348 5), of its generic protocol extension
 * (draft-ietf-nvo3-vxlan-gpe), and of LISP's, which has the same shape (RFC 9300 5.1).
 *
 *     VXLAN: flags 1 | 0 3                | network 3  | 0 1 | Ethernet
 *     GPE:   flags 1 | 0 2 | next 1       | network 3  | 0 1 | ...
 *     LISP:  flags 1 | nonce or version 3 | instance 3 | 1   | IP
 *
 * What is reserved is ignored, as its receiver must. */
#ifndef SEINE_DISSECT_VXLAN_H
#define SEINE_DISSECT_VXLAN_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum vxlan_flags {
    VXLAN_HAS_NETWORK = 0x08, /* LISP: has an instance */
    VXLAN_HAS_NEXT = 0x04,    /* GPE only */
};

struct vxlan {
    struct span header; /* 8 bytes */
};

/* How many bytes the header takes. */
size_t vxlan_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool vxlan_view(struct span *rest, struct vxlan *v);

static inline uint8_t vxlan_flags(const struct vxlan *v)
{
    return load_u8(v->header, 0);
}
static inline uint8_t vxlan_next(const struct vxlan *v)
{
    return load_u8(v->header, 3); /* enum nsh_next */
}
static inline uint32_t vxlan_network(const struct vxlan *v)
{
    return load_be32(v->header, 4) >> 8;
}

#endif
