/* erspan.h - views of what a Cisco switch puts before a frame that it mirrors
 * (draft-foschiano-erspan).
 *
 *     type II:  version 4 bits (1), VLAN 12 | class 3, how 2, cut 1, session 10 | index 4 | Ethernet
 *     type III: version 4 bits (2), VLAN 12 | the same | time 4 | tag 2 | cut 1, kind 5 bits, ...,
 *               platform 1 | [platform's own 8] | Ethernet
 *
 * Type I has no header at all. */
#ifndef SEINE_DISSECT_ERSPAN_H
#define SEINE_DISSECT_ERSPAN_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum erspan_kind { ERSPAN_ETHERNET = 0, ERSPAN_IP = 2 }; /* of what type III mirrors */

struct erspan {
    struct span header; /* 8, 12 or 20 bytes */
};

/* How many bytes the header takes, the least while it cannot be told; 0 when it is of another
 * version. */
size_t erspan_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool erspan_view(struct span *rest, struct erspan *e);

static inline uint8_t erspan_kind(const struct erspan *e)
{
    return e->header.len == 8 ? ERSPAN_ETHERNET : (load_u8(e->header, 10) >> 2) & 0x1f;
}

#endif
