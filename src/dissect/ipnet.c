/* ipnet.c - a view of Solaris's header of packets between zones. */
#include "dissect/ipnet.h"

size_t ipnet_need(struct span rest)
{
    (void)rest;
    return 24;
}

bool ipnet_view(struct span *rest, struct ipnet *i)
{
    return span_take(rest, ipnet_need(*rest), &i->header);
}
