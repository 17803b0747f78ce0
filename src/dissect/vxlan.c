/* vxlan.c - a view of a VXLAN header. */
#include "dissect/vxlan.h"

size_t vxlan_need(struct span rest)
{
    (void)rest;
    return 8;
}

bool vxlan_view(struct span *rest, struct vxlan *v)
{
    return span_take(rest, vxlan_need(*rest), &v->header);
}
