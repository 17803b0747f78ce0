/* mpls.c - a view of one entry of an MPLS label stack. */
#include "dissect/mpls.h"

size_t mpls_need(struct span rest)
{
    (void)rest;
    return 4;
}

bool mpls_view(struct span *rest, struct mpls *m)
{
    return span_take(rest, mpls_need(*rest), &m->header);
}
