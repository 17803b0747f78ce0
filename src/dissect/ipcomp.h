/* ipcomp.h - a view of the header before a compressed IP payload (RFC 3173 3.1).
 *
 *     next header 1 | flags 1 | compression parameter index 2
 *
 * The index is the number of a method, or one that two ends have agreed on. */
#ifndef SEINE_DISSECT_IPCOMP_H
#define SEINE_DISSECT_IPCOMP_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    IPCOMP_HEADER_LEN = 4,
    IPCOMP_DEFLATE = 2,          /* RFC 2394 */
    IPCOMP_NEGOTIATED_MIN = 256, /* from here on the ends agree on what it means, */
    IPCOMP_NEGOTIATED_MAX = 61439,
};

struct ipcomp {
    struct span header; /* IPCOMP_HEADER_LEN bytes */
};

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
static inline bool ipcomp_view(struct span *rest, struct ipcomp *i)
{
    return span_take(rest, IPCOMP_HEADER_LEN, &i->header);
}

static inline uint8_t ipcomp_next(const struct ipcomp *i)
{
    return load_u8(i->header, 0);
}

static inline uint16_t ipcomp_index(const struct ipcomp *i)
{
    return load_be16(i->header, 2);
}

#endif
