/* ipv4.c - a view of an IPv4 header. */
#include "dissect/ipv4.h"

enum { FIXED_LEN = 20 };

size_t ipv4_need(struct span rest)
{
    if (rest.len == 0)
        return FIXED_LEN;
    uint8_t first = load_u8(rest, 0);
    size_t len = (first & 0x0fU) * 4;
    if (first >> 4 != 4 || len < FIXED_LEN)
        return 0;
    return len;
}

bool ipv4_view(struct span *rest, struct ipv4 *i)
{
    size_t len = ipv4_need(*rest);
    return len > 0 && span_take(rest, len, &i->header);
}
