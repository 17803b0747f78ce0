/* ring.h - views of the headers of two rings: FDDI (ISO 9314-2) and token ring (IEEE 802.5 3.2).
 *
 *     FDDI:       control 1 | destination 6 | source 6 | LLC
 *     token ring: access 1 | control 1 | destination 6 | source 6 | [route, length in 5 bits] | LLC
 *
 * There is a route when the first bit of the source says so. */
#ifndef SEINE_DISSECT_RING_H
#define SEINE_DISSECT_RING_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct fddi {
    struct span header; /* 13 bytes */
};

/* How many bytes the header takes. */
size_t fddi_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool fddi_view(struct span *rest, struct fddi *f);

/* Whether it carries LLC. */
static inline bool fddi_is_llc(const struct fddi *f)
{
    return (load_u8(f->header, 0) & 0x70) == 0x50;
}
static inline struct span fddi_dst(const struct fddi *f)
{
    return span_first(span_after(f->header, 1), 6);
}
static inline struct span fddi_src(const struct fddi *f)
{
    return span_first(span_after(f->header, 7), 6);
}

struct token_ring {
    struct span header; /* 14 to 44 bytes */
};

/* How many bytes the header takes, the least while it cannot be told; 0 when its route is too
 * short for itself. */
size_t token_ring_need(struct span rest);
bool token_ring_view(struct span *rest, struct token_ring *t);

static inline bool token_ring_is_llc(const struct token_ring *t)
{
    return (load_u8(t->header, 1) & 0xc0) == 0x40;
}
static inline struct span token_ring_dst(const struct token_ring *t)
{
    return span_first(span_after(t->header, 2), 6);
}
/* The first bit set where there is a route. */
static inline struct span token_ring_src(const struct token_ring *t)
{
    return span_first(span_after(t->header, 8), 6);
}

#endif
