/* pppoe.h - a view of a PPPoE header (RFC 2516 4).
 *
 *     version 4 bits, type 4 bits | code 1 | session 2 | length 2 | PPP, length bytes | padding */
#ifndef SEINE_DISSECT_PPPOE_H
#define SEINE_DISSECT_PPPOE_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum { PPPOE_SESSION_DATA = 0 }; /* the one code of the session stage */

struct pppoe {
    struct span header; /* 6 bytes */
};

/* How many bytes the header takes; 0 when version or type is not 1. */
size_t pppoe_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool pppoe_view(struct span *rest, struct pppoe *p);

static inline uint8_t pppoe_code(const struct pppoe *p)
{
    return load_u8(p->header, 1);
}
static inline uint16_t pppoe_session(const struct pppoe *p)
{
    return load_be16(p->header, 2);
}
static inline uint16_t pppoe_len(const struct pppoe *p)
{
    return load_be16(p->header, 4);
}

#endif
