/* juniper.h - a view of what a Juniper router puts before a frame that it captured.
 *
 *     "MGC" | flags 1 | [length 2 | extensions, that many bytes] | the frame */
#ifndef SEINE_DISSECT_JUNIPER_H
#define SEINE_DISSECT_JUNIPER_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct juniper {
    struct span header; /* 4 bytes or more */
};

/* How many bytes the header takes, the least while it cannot be told; 0 when it does not begin
 * so. */
size_t juniper_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool juniper_view(struct span *rest, struct juniper *j);

/* Whether the link header is left out. */
static inline bool juniper_is_bare(const struct juniper *j)
{
    return load_u8(j->header, 3) & 0x02;
}

#endif
