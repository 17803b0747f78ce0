/* frelay.c - a view of a frame relay header. */
#include "dissect/frelay.h"

enum { ADDRESS_MIN = 2, ADDRESS_MAX = 4, UNNUMBERED = 0x03 };

/* Where the protocol stands, and whether Cisco's type stands there; 0 when it cannot be told. */
static size_t protocol_at(struct span rest, bool *is_cisco)
{
    size_t at = ADDRESS_MIN;

    while (at <= rest.len && !(load_u8(rest, at - 1) & 1))
        at++;
    if (rest.len < at + 2)
        return 0;
    *is_cisco = load_u8(rest, at) != UNNUMBERED;
    if (*is_cisco)
        return at;
    at++;
    return load_u8(rest, at) == 0 ? at + 1 : at;
}

size_t frelay_need(struct span rest)
{
    bool is_cisco;

    if (rest.len > 0 && load_u8(rest, 0) & 1)
        return 0;
    if (rest.len >= ADDRESS_MAX && !((load_u8(rest, 1) | load_u8(rest, 2) | load_u8(rest, 3)) & 1))
        return 0;
    size_t at = protocol_at(rest, &is_cisco);
    if (at == 0)
        return rest.len < ADDRESS_MIN + 2 ? ADDRESS_MIN + 2 : rest.len + 1;
    if (is_cisco)
        return at + 2;
    return rest.len > at && load_u8(rest, at) == FRELAY_SNAP ? at + 6 : at + 1;
}

bool frelay_view(struct span *rest, struct frelay *f)
{
    const struct span whole = *rest;
    bool is_cisco;
    size_t len = frelay_need(whole);

    if (len == 0 || !span_take(rest, len, &f->header))
        return false;
    size_t at = protocol_at(whole, &is_cisco);
    f->protocol = is_cisco ? 0 : load_u8(whole, at);
    return true;
}
