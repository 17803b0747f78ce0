/* pktap.h - a view of what Apple's tcpdump puts before a frame, to say which program it is of
 * (LINKTYPE_PKTAP; older systems wrote the number 149).
 *
 *     length 4 | kind 4 | link type 4 | interface ...      little-endian, the length is of all of it */
#ifndef SEINE_DISSECT_PKTAP_H
#define SEINE_DISSECT_PKTAP_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct pktap {
    struct span header; /* 12 bytes or more */
};

/* How many bytes the header takes, the least while it cannot be told; 0 when it is too short for
 * itself. */
size_t pktap_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool pktap_view(struct span *rest, struct pktap *p);

/* Whether a frame follows. */
static inline bool pktap_has_frame(const struct pktap *p)
{
    return load_le32(p->header, 4) == 1;
}
static inline uint32_t pktap_link_type(const struct pktap *p)
{
    return load_le32(p->header, 8);
}

#endif
