/* ppp.c - views of PPP and of Cisco's HDLC. */
#include "dissect/ppp.h"

static bool is_odd(uint8_t byte)
{
    return byte & 1;
}

size_t ppp_need(struct span rest)
{
    enum { ADDRESS = 0xff }; /* never a protocol (RFC 1661 2) */
    size_t at = 0;

    if (rest.len > 0 && load_u8(rest, 0) == ADDRESS)
        at = 2;
    if (rest.len >= 2 && at == 2 && load_u8(rest, 1) != 0x03)
        return 0;
    if (rest.len <= at || is_odd(load_u8(rest, at)))
        return at + 1;
    if (rest.len > at + 1 && !is_odd(load_u8(rest, at + 1)))
        return 0;
    return at + 2;
}

bool ppp_view(struct span *rest, struct ppp *p)
{
    size_t len = ppp_need(*rest);
    return len > 0 && span_take(rest, len, &p->header);
}

size_t chdlc_need(struct span rest)
{
    (void)rest;
    return 4;
}

bool chdlc_view(struct span *rest, struct chdlc *c)
{
    return span_take(rest, chdlc_need(*rest), &c->header);
}
