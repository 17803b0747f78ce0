/* gtp.c - a view of the header of a GTP-U packet. */
#include "dissect/gtp.h"

enum { VERSION_AND_KIND = 0xf0, VERSION_1 = 0x30, HAS_NEXT = 0x04, HAS_MORE = 0x07 };

size_t gtp_need(struct span rest)
{
    size_t len = GTP_FIXED_LEN + 4; /* with the next extension's kind at its end */

    if (rest.len < 2)
        return GTP_FIXED_LEN;
    uint8_t flags = load_u8(rest, 0);
    if ((flags & VERSION_AND_KIND) != VERSION_1 || load_u8(rest, 1) != GTP_PACKET)
        return 0;
    if (!(flags & HAS_MORE))
        return GTP_FIXED_LEN;
    if (!(flags & HAS_NEXT))
        return len;
    while (rest.len >= len && load_u8(rest, len - 1) != 0) {
        if (rest.len == len)
            return len + 4;
        uint8_t words = load_u8(rest, len);
        if (words == 0)
            return 0;
        len += words * 4U;
    }
    return len;
}

bool gtp_view(struct span *rest, struct gtp *g)
{
    size_t len = gtp_need(*rest);
    return len > 0 && span_take(rest, len, &g->header);
}
