/* pbb.c - a view of a provider backbone's tag. */
#include "dissect/pbb.h"

size_t pbb_need(struct span rest)
{
    (void)rest;
    return 4;
}

bool pbb_view(struct span *rest, struct pbb *p)
{
    return span_take(rest, pbb_need(*rest), &p->header);
}
