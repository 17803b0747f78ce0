/* llc.c - a view of an LLC header, and of SNAP. */
#include "dissect/llc.h"

enum { UNNUMBERED = 0x03 };

size_t llc_need(struct span rest)
{
    if (rest.len < 3)
        return 3;
    uint8_t control = load_u8(rest, 2);
    if (load_u8(rest, 0) == LLC_SNAP && load_u8(rest, 1) == LLC_SNAP && control == UNNUMBERED)
        return 8;
    return (control & UNNUMBERED) == UNNUMBERED ? 3 : 4;
}

bool llc_view(struct span *rest, struct llc *l)
{
    return span_take(rest, llc_need(*rest), &l->header);
}
