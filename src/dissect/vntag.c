/* vntag.c - a view of a VN-Tag. */
#include "dissect/vntag.h"

size_t vntag_need(struct span rest)
{
    (void)rest;
    return 6;
}

bool vntag_view(struct span *rest, struct vntag *v)
{
    return span_take(rest, vntag_need(*rest), &v->header);
}
