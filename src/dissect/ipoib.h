/* ipoib.h - a view of what stands before a packet of IP over InfiniBand (LINKTYPE_IPOIB, RFC
 * 4391 6).
 *
 *     addresses 40 | EtherType 2 | 0 2 | ... */
#ifndef SEINE_DISSECT_IPOIB_H
#define SEINE_DISSECT_IPOIB_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct ipoib {
    struct span header; /* 44 bytes */
};

/* How many bytes the header takes. */
size_t ipoib_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool ipoib_view(struct span *rest, struct ipoib *i);

static inline uint16_t ipoib_type(const struct ipoib *i)
{
    return load_be16(i->header, 40);
}

#endif
