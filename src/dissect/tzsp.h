/* tzsp.h - a view of a TZSP header, tags included: what sniffers in access points and routers put before the frames
 * that they send to a collector (TaZmen Sniffer Protocol; UDP port 37008).
 *
 *     version 1 | type 1 | protocol 2 | tag ...
 *     tag:  0, a byte of padding | 1, the end | any other, length 1, that many bytes */
#ifndef SEINE_DISSECT_TZSP_H
#define SEINE_DISSECT_TZSP_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum tzsp_type { TZSP_RECEIVED = 0, TZSP_TO_SEND = 1 }; /* others bring no frame */

/* What a frame is. */
enum tzsp_protocol { TZSP_ETHERNET = 1, TZSP_WLAN = 18, TZSP_PRISM = 119, TZSP_AVS = 127 };

struct tzsp {
    struct span header; /* 5 bytes or more */
};

/* How many bytes the header takes, the least while it cannot be told; 0 when its version is not 1. */
size_t tzsp_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool tzsp_view(struct span *rest, struct tzsp *t);

static inline uint8_t tzsp_type(const struct tzsp *t)
{
    return load_u8(t->header, 1);
}
static inline uint16_t tzsp_protocol(const struct tzsp *t)
{
    return load_be16(t->header, 2);
}

#endif
