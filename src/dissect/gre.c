/* gre.c - views of GRE and of EtherIP. */
#include "dissect/gre.h"

enum { FIXED_LEN = 4, ROUTE_LEN = 4 };

/* The bytes of the source routes that begin at `at`: a list that ends with an empty one. */
static size_t routes_end(struct span rest, size_t at)
{
    for (;;) {
        if (rest.len < at + ROUTE_LEN)
            return at + ROUTE_LEN;
        uint16_t family = load_be16(rest, at);
        uint8_t len = load_u8(rest, at + 3);
        at += ROUTE_LEN + (size_t)len;
        if (family == 0 && len == 0)
            return at;
    }
}

size_t gre_need(struct span rest)
{
    size_t len = FIXED_LEN;

    if (rest.len < 2)
        return FIXED_LEN;
    uint16_t flags = load_be16(rest, 0);
    if ((flags & GRE_VERSION) > 1 || ((flags & GRE_VERSION) == 1 && !(flags & GRE_KEY)))
        return 0;
    if ((flags & GRE_VERSION) == 1)
        return len + 4 + (flags & GRE_SEQUENCE ? 4 : 0) + (flags & GRE_ACKNOWLEDGED ? 4 : 0);
    if (flags & (GRE_CHECKSUM | GRE_ROUTING))
        len += 4;
    if (flags & GRE_KEY)
        len += 4;
    if (flags & GRE_SEQUENCE)
        len += 4;
    return flags & GRE_ROUTING ? routes_end(rest, len) : len;
}

bool gre_view(struct span *rest, struct gre *g)
{
    size_t len = gre_need(*rest);
    return len > 0 && span_take(rest, len, &g->header);
}

size_t etherip_need(struct span rest)
{
    enum { VERSION = 3 };
    return rest.len > 0 && load_u8(rest, 0) >> 4 != VERSION ? 0 : 2;
}

bool etherip_view(struct span *rest, struct etherip *e)
{
    size_t len = etherip_need(*rest);
    return len > 0 && span_take(rest, len, &e->header);
}
