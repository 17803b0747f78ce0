/* ethernet.c - a view of an Ethernet header. */
#include "dissect/ethernet.h"

size_t ethernet_need(struct span rest)
{
    (void)rest;
    return 14;
}

bool ethernet_view(struct span *rest, struct ethernet *e)
{
    return span_take(rest, ethernet_need(*rest), &e->header);
}
