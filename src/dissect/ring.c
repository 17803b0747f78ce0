/* ring.c - views of the headers of FDDI and token ring. */
#include "dissect/ring.h"

size_t fddi_need(struct span rest)
{
    (void)rest;
    return 13;
}

bool fddi_view(struct span *rest, struct fddi *f)
{
    return span_take(rest, fddi_need(*rest), &f->header);
}

size_t token_ring_need(struct span rest)
{
    enum { FIXED_LEN = 14, SRC_AT = 8, HAS_ROUTE = 0x80 };

    if (rest.len <= SRC_AT || !(load_u8(rest, SRC_AT) & HAS_ROUTE))
        return FIXED_LEN;
    if (rest.len <= FIXED_LEN)
        return FIXED_LEN + 2;
    size_t len = load_u8(rest, FIXED_LEN) & 0x1f;
    return len < 2 ? 0 : FIXED_LEN + len;
}

bool token_ring_view(struct span *rest, struct token_ring *t)
{
    size_t len = token_ring_need(*rest);
    return len > 0 && span_take(rest, len, &t->header);
}
