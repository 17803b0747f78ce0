/* null.c - a view of BSD's loopback header. */
#include "dissect/null.h"

size_t null_need(struct span rest)
{
    (void)rest;
    return 4;
}

bool null_view(struct span *rest, struct null *n)
{
    return span_take(rest, null_need(*rest), &n->header);
}
