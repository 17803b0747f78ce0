/* pppoe.c - a view of a PPPoE header. */
#include "dissect/pppoe.h"

size_t pppoe_need(struct span rest)
{
    if (rest.len > 0 && load_u8(rest, 0) != 0x11)
        return 0;
    return 6;
}

bool pppoe_view(struct span *rest, struct pppoe *p)
{
    size_t len = pppoe_need(*rest);
    return len > 0 && span_take(rest, len, &p->header);
}
