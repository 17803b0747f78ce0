/* slip.h - a view of what stands before a packet of a serial line (LINKTYPE_SLIP).
 *
 *     direction 1 | kind 1 | compressed header 14 | IP */
#ifndef SEINE_DISSECT_SLIP_H
#define SEINE_DISSECT_SLIP_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct slip {
    struct span header; /* 16 bytes */
};

/* How many bytes the header takes. */
size_t slip_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool slip_view(struct span *rest, struct slip *s);

/* Whether the header of the packet is compressed (RFC 1144). */
static inline bool slip_is_compressed(const struct slip *s)
{
    return load_u8(s->header, 1) & 0x80;
}

#endif
