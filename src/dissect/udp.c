/* udp.c - a view of a UDP header. */
#include "dissect/udp.h"

size_t udp_need(struct span rest)
{
    (void)rest;
    return UDP_HEADER_LEN;
}

bool udp_view(struct span *rest, struct udp *u)
{
    return span_take(rest, udp_need(*rest), &u->header);
}
