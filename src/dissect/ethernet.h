/* ethernet.h - a view of an Ethernet header (IEEE 802.3 3.2).
 *
 *     destination 6 | source 6 | type or length 2 | ...
 *
 * Up to 1500 the last field is the length of an 802.3 frame, and LLC follows; from 1536 on it is
 * the EtherType. Between the two it is undefined. */
#ifndef SEINE_DISSECT_ETHERNET_H
#define SEINE_DISSECT_ETHERNET_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum { ETHERNET_LENGTH_MAX = 1500, ETHERNET_TYPE_MIN = 1536 };

struct ethernet {
    struct span header; /* 14 bytes */
};

/* How many bytes the header takes. */
static inline size_t ethernet_need(struct span rest)
{
    (void)rest;
    return 14;
}

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
static inline bool ethernet_view(struct span *rest, struct ethernet *e)
{
    return span_take(rest, ethernet_need(*rest), &e->header);
}

static inline struct span ethernet_dst(const struct ethernet *e)
{
    return span_first(e->header, 6);
}
static inline struct span ethernet_src(const struct ethernet *e)
{
    return span_first(span_after(e->header, 6), 6);
}
static inline uint16_t ethernet_type(const struct ethernet *e)
{
    return load_be16(e->header, 12);
}

#endif
