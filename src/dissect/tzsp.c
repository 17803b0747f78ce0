/* tzsp.c - a view of a TZSP header. */
#include "dissect/tzsp.h"

size_t tzsp_need(struct span rest)
{
    enum { FIXED_LEN = 4, VERSION = 1, TAG_PADDING = 0, TAG_END = 1 };
    size_t len = FIXED_LEN;

    if (rest.len > 0 && load_u8(rest, 0) != VERSION)
        return 0;
    while (rest.len > len && load_u8(rest, len) != TAG_END) {
        if (load_u8(rest, len) == TAG_PADDING)
            len++;
        else if (rest.len > len + 1)
            len += 2 + (size_t)load_u8(rest, len + 1);
        else
            return len + 2;
    }
    return len + 1;
}

bool tzsp_view(struct span *rest, struct tzsp *t)
{
    size_t len = tzsp_need(*rest);
    return len > 0 && span_take(rest, len, &t->header);
}
