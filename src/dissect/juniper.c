/* juniper.c - a view of a Juniper router's header. */
#include "dissect/juniper.h"

size_t juniper_need(struct span rest)
{
    enum { LEAST = 4, HAS_EXTENSIONS = 0x80 };
    static const uint8_t magic[] = {0x4d, 0x47, 0x43};

    for (size_t i = 0; i < sizeof magic && i < rest.len; i++)
        if (load_u8(rest, i) != magic[i])
            return 0;
    if (rest.len < LEAST || !(load_u8(rest, 3) & HAS_EXTENSIONS))
        return LEAST;
    return rest.len < LEAST + 2 ? LEAST + 2 : LEAST + 2 + (size_t)load_be16(rest, LEAST);
}

bool juniper_view(struct span *rest, struct juniper *j)
{
    size_t len = juniper_need(*rest);
    return len > 0 && span_take(rest, len, &j->header);
}
