/* slip.c - a view of SLIP's header. */
#include "dissect/slip.h"

size_t slip_need(struct span rest)
{
    (void)rest;
    return 16;
}

bool slip_view(struct span *rest, struct slip *s)
{
    return span_take(rest, slip_need(*rest), &s->header);
}
