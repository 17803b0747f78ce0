/* nsh.c - a view of the network service header. */
#include "dissect/nsh.h"

size_t nsh_need(struct span rest)
{
    enum { LEAST = 8 };

    if (rest.len < 2)
        return LEAST;
    size_t len = (load_u8(rest, 1) & 0x3fU) * 4;
    return load_u8(rest, 0) >> 6 != 0 || len < LEAST ? 0 : len;
}

bool nsh_view(struct span *rest, struct nsh *n)
{
    size_t len = nsh_need(*rest);
    return len > 0 && span_take(rest, len, &n->header);
}
