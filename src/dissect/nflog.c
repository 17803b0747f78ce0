/* nflog.c - views of netfilter's packets. */
#include "dissect/nflog.h"

size_t netlink_need(struct span rest)
{
    (void)rest;
    return 16;
}

bool netlink_view(struct span *rest, struct netlink *n)
{
    return span_take(rest, netlink_need(*rest), &n->header);
}

size_t nflog_need(struct span rest)
{
    (void)rest;
    return 4;
}

bool nflog_view(struct span *rest, struct nflog *n)
{
    return span_take(rest, nflog_need(*rest), &n->header);
}

size_t nflog_attribute_need(struct span rest)
{
    enum { LEN = 4 };

    if (rest.len < 2)
        return LEN;
    uint16_t big = load_be16(rest, 0), little = load_le16(rest, 0);
    return (big < little ? big : little) < LEN ? 0 : LEN;
}

bool nflog_attribute_view(struct span *rest, struct nflog_attribute *a)
{
    size_t len = nflog_attribute_need(*rest);
    return len > 0 && span_take(rest, len, &a->header);
}
