/* geneve.c - a view of a Geneve header. */
#include "dissect/geneve.h"

size_t geneve_need(struct span rest)
{
    enum { FIXED_LEN = 8 };

    if (rest.len == 0)
        return FIXED_LEN;
    uint8_t first = load_u8(rest, 0);
    return first >> 6 != 0 ? 0 : FIXED_LEN + (first & 0x3fU) * 4;
}

bool geneve_view(struct span *rest, struct geneve *g)
{
    size_t len = geneve_need(*rest);
    return len > 0 && span_take(rest, len, &g->header);
}
