/* erspan.c - views of ERSPAN's headers. */
#include "dissect/erspan.h"

size_t erspan_need(struct span rest)
{
    enum { TYPE_2 = 1, TYPE_3 = 2 };

    if (rest.len == 0)
        return 8;
    switch (load_u8(rest, 0) >> 4) {
    case TYPE_2:
        return 8;
    case TYPE_3:
        return rest.len >= 12 && load_u8(rest, 11) & 1 ? 20 : 12;
    default:
        return 0;
    }
}

bool erspan_view(struct span *rest, struct erspan *e)
{
    size_t len = erspan_need(*rest);
    return len > 0 && span_take(rest, len, &e->header);
}
