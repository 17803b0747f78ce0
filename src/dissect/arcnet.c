/* arcnet.c - views of an ARCNET header. */
#include "dissect/arcnet.h"

enum { LINUX_TYPE_AT = 4, BSD_TYPE_AT = 2, EXCEPTION = 0xff };

static size_t need(struct span rest, size_t type_at)
{
    size_t len = type_at + 1;

    if (rest.len < len)
        return len;
    uint8_t type = load_u8(rest, type_at);
    if (type == ARCNET_IPV4_1051 || type == ARCNET_ARP_1051)
        return len;
    if (type_at == BSD_TYPE_AT && rest.len > len && load_u8(rest, len) == EXCEPTION)
        len += 4;
    return len + 3;
}

size_t arcnet_linux_need(struct span rest)
{
    return need(rest, LINUX_TYPE_AT);
}

size_t arcnet_bsd_need(struct span rest)
{
    return need(rest, BSD_TYPE_AT);
}

bool arcnet_linux_view(struct span *rest, struct arcnet *a)
{
    a->type_at = LINUX_TYPE_AT;
    return span_take(rest, arcnet_linux_need(*rest), &a->header);
}

bool arcnet_bsd_view(struct span *rest, struct arcnet *a)
{
    a->type_at = BSD_TYPE_AT;
    return span_take(rest, arcnet_bsd_need(*rest), &a->header);
}

bool arcnet_is_split(const struct arcnet *a)
{
    size_t len = a->header.len;
    return len >= a->type_at + 4U && load_u8(a->header, len - 3) != 0;
}
