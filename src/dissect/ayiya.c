/* ayiya.c - a view of an AYIYA header. */
#include "dissect/ayiya.h"

size_t ayiya_need(struct span rest)
{
    enum { FIXED_LEN = 8 };

    if (rest.len < 2)
        return FIXED_LEN;
    return FIXED_LEN + ((size_t)1 << (load_u8(rest, 0) >> 4)) + (load_u8(rest, 1) >> 4) * 4U;
}

bool ayiya_view(struct span *rest, struct ayiya *a)
{
    return span_take(rest, ayiya_need(*rest), &a->header);
}
