/* macsec.h - a view of MACsec's tag (IEEE 802.1AE 9.3).
 *
 *     flags 6 bits, association 2 | short length 1 | packet number 4 | [channel 8] | data | check 8-16
 *
 * The data are encrypted, or only signed: then they are an EtherType and what it names. */
#ifndef SEINE_DISSECT_MACSEC_H
#define SEINE_DISSECT_MACSEC_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct macsec {
    struct span header; /* 6 or 14 bytes */
};

/* How many bytes the tag takes, the least while it cannot be told; 0 when it is of another
 * version. */
size_t macsec_need(struct span rest);

/* Takes the tag off the front of `rest`; false, with nothing changed, when it is not there. */
bool macsec_view(struct span *rest, struct macsec *m);

/* Whether the data are not what they were: encrypted, or changed in some other way. */
static inline bool macsec_is_changed(const struct macsec *m)
{
    return load_u8(m->header, 0) & 0x0c;
}

#endif
