/* teredo.c - a view of Teredo's indications. */
#include "dissect/teredo.h"

size_t teredo_need(struct span rest)
{
    enum { ORIGIN = 0, AUTHENTICATION = 1 };
    size_t len = 0;

    if (rest.len >= 4 && load_be16(rest, 0) == AUTHENTICATION)
        len = 4 + (size_t)load_u8(rest, 2) + load_u8(rest, 3) + 9;
    if (rest.len >= len + 2 && load_be16(rest, len) == ORIGIN)
        len += 8;
    return len;
}

bool teredo_view(struct span *rest, struct teredo *t)
{
    return span_take(rest, teredo_need(*rest), &t->header);
}
