/* vlan.c - a view of a VLAN tag. */
#include "dissect/vlan.h"

size_t vlan_need(struct span rest)
{
    (void)rest;
    return 4;
}

bool vlan_view(struct span *rest, struct vlan *v)
{
    return span_take(rest, vlan_need(*rest), &v->header);
}
