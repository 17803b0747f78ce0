/* radio.h - views of what a driver puts before an 802.11 frame that it captured.
 *
 *     radiotap: 0 1 | 0 1 | length 2 | present 4 [present 4 ...] | fields ...   (radiotap.org)
 *     PPI:      0 1 | flags 1 | length 2 | link type 4 | fields ...             (CACE, PPI 1.0.10)
 *     prism:    0x44 4 | 144 4 | ...                                            of one size
 *     AVS:      0x80211001 4 | length 4 | ...                                   big-endian
 *
 * The first two are little-endian. */
#ifndef SEINE_DISSECT_RADIO_H
#define SEINE_DISSECT_RADIO_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct radiotap {
    struct span header; /* 8 bytes or more */
};

/* How many bytes the header takes, the least while it cannot be told; 0 when it is of another
 * version or too short for itself. */
size_t radiotap_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool radiotap_view(struct span *rest, struct radiotap *r);

/* Whether the header of the frame is padded to a multiple of four bytes. */
bool radiotap_is_padded(const struct radiotap *r);

struct ppi {
    struct span header; /* 8 bytes or more */
};

size_t ppi_need(struct span rest);
bool ppi_view(struct span *rest, struct ppi *p);

static inline uint32_t ppi_link_type(const struct ppi *p)
{
    return load_le32(p->header, 4);
}

/* Prism's or AVS's, which come under each other's link type. */
struct prism {
    struct span header; /* 144 bytes, or as many as AVS says */
};

size_t prism_need(struct span rest);
bool prism_view(struct span *rest, struct prism *p);

#endif
