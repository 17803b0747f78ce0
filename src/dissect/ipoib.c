/* ipoib.c - a view of IPoIB's header. */
#include "dissect/ipoib.h"

size_t ipoib_need(struct span rest)
{
    (void)rest;
    return 44;
}

bool ipoib_view(struct span *rest, struct ipoib *i)
{
    return span_take(rest, ipoib_need(*rest), &i->header);
}
