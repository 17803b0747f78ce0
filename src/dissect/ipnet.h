/* ipnet.h - a view of what Solaris puts before a packet that it shows between its zones
 * (LINKTYPE_IPNET, ipnet(7D)).
 *
 *     version 1 | family 1 | hook 2 | length 4 | interface 4 | group 4 | zones 4 + 4 | ... */
#ifndef SEINE_DISSECT_IPNET_H
#define SEINE_DISSECT_IPNET_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum ipnet_family { IPNET_IPV4 = 2, IPNET_IPV6 = 26 };

struct ipnet {
    struct span header; /* 24 bytes */
};

/* How many bytes the header takes. */
size_t ipnet_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool ipnet_view(struct span *rest, struct ipnet *i);

static inline uint8_t ipnet_family(const struct ipnet *i)
{
    return load_u8(i->header, 1);
}

#endif
