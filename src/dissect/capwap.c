/* capwap.c - a view of the header of a CAPWAP data packet. */
#include "dissect/capwap.h"

size_t capwap_need(struct span rest)
{
    enum { FIXED_LEN = 8 };

    if (rest.len < 2)
        return FIXED_LEN;
    size_t len = (load_u8(rest, 1) >> 3) * 4U;
    return load_u8(rest, 0) != 0 || len < FIXED_LEN ? 0 : len;
}

bool capwap_view(struct span *rest, struct capwap *c)
{
    size_t len = capwap_need(*rest);
    return len > 0 && span_take(rest, len, &c->header);
}
