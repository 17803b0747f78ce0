/* pktap.c - a view of Apple's PKTAP. */
#include "dissect/pktap.h"

size_t pktap_need(struct span rest)
{
    enum { LEAST = 12 };

    if (rest.len < 4)
        return LEAST;
    size_t len = load_le32(rest, 0);
    return len < LEAST ? 0 : len;
}

bool pktap_view(struct span *rest, struct pktap *p)
{
    size_t len = pktap_need(*rest);
    return len > 0 && span_take(rest, len, &p->header);
}
