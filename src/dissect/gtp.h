/* gtp.h - a view of the header of a GTP-U packet, version 1, extensions included (3GPP TS 29.281
 * 5).
 *
 *     version 3 bits, kind 1, ..., E 1, S 1, N 1 | message 1 | length 2 | tunnel 4 |
 *     [sequence 2 | number 1 | next 1 | extensions ...]         when any of E, S and N is set
 *
 * An extension is its length in words of four bytes, the rest of it, and the kind of the next.
 * The length in the header counts all behind the tunnel. */
#ifndef SEINE_DISSECT_GTP_H
#define SEINE_DISSECT_GTP_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum { GTP_FIXED_LEN = 8, GTP_PACKET = 0xff /* the message that carries one */ };

struct gtp {
    struct span header; /* 8 bytes or more */
};

/* How many bytes the header takes, the least while it cannot be told; 0 when it is no version 1,
 * not GTP but its charging kin, another message than a packet, or makes no sense. */
size_t gtp_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool gtp_view(struct span *rest, struct gtp *g);

/* Bytes after the first eight. */
static inline uint16_t gtp_len(const struct gtp *g)
{
    return load_be16(g->header, 2);
}

#endif
