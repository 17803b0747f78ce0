/* l2tp.c - views of L2TP's data messages. */
#include "dissect/l2tp.h"

enum { CONTROL = 0x8000, LENGTH = 0x4000, SEQUENCE = 0x0800, OFFSET = 0x0200, VERSION = 0x000f };

size_t l2tp_need(struct span rest)
{
    if (rest.len < 2)
        return 4;
    uint16_t flags = load_be16(rest, 0);
    if (flags & CONTROL)
        return 0;
    if ((flags & VERSION) == 3)
        return 4;
    if ((flags & VERSION) != 2)
        return 0;
    size_t len = 6 + (flags & LENGTH ? 2U : 0U) + (flags & SEQUENCE ? 4U : 0U);
    if (!(flags & OFFSET))
        return len;
    len += 2;
    return rest.len < len ? len : len + load_be16(rest, len - 2);
}

bool l2tp_view(struct span *rest, struct l2tp *l)
{
    size_t len = l2tp_need(*rest);
    return len > 0 && span_take(rest, len, &l->header);
}

size_t l2tp_session_need(struct span rest)
{
    (void)rest;
    return 4;
}

bool l2tp_session_view(struct span *rest, struct l2tp_session *s)
{
    return span_take(rest, l2tp_session_need(*rest), &s->header);
}
