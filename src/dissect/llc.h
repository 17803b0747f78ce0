/* llc.h - a view of an LLC header and of the SNAP header that may follow it (IEEE 802.2, 802 9.2).
 *
 *     dsap 1 | ssap 1 | control 1 |                      unnumbered
 *     dsap 1 | ssap 1 | control 2 |                      information, supervisory
 *     0xaa   | 0xaa   | 0x03      | oui 3 | type 2 |     SNAP */
#ifndef SEINE_DISSECT_LLC_H
#define SEINE_DISSECT_LLC_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum llc_sap {
    LLC_IP = 0x06,
    LLC_SNAP = 0xaa,
    LLC_IPX = 0xe0,
    LLC_GLOBAL = 0xff, /* in both: no LLC at all, but Novell's IPX straight in 802.3 */
};

enum llc_oui {
    LLC_OUI_ETHERNET = 0x000000, /* the type is an EtherType (RFC 1042) */
    LLC_OUI_BRIDGED = 0x0000f8,  /* the same (IEEE 802.1H) */
};

struct llc {
    struct span header; /* 3 or 4 bytes, with SNAP 8 */
};

/* How many bytes the header takes; the shortest there is while it cannot be told. */
size_t llc_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool llc_view(struct span *rest, struct llc *l);

static inline uint8_t llc_dsap(const struct llc *l)
{
    return load_u8(l->header, 0);
}
static inline uint8_t llc_ssap(const struct llc *l)
{
    return load_u8(l->header, 1);
}
static inline bool llc_is_snap(const struct llc *l)
{
    return l->header.len == 8;
}

/* Of SNAP only. */
static inline uint32_t llc_oui(const struct llc *l)
{
    return load_be32(l->header, 2) & 0xffffff;
}
static inline uint16_t llc_type(const struct llc *l)
{
    return load_be16(l->header, 6);
}

#endif
