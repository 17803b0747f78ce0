/* macsec.c - a view of MACsec's tag. */
#include "dissect/macsec.h"

size_t macsec_need(struct span rest)
{
    enum { VERSION = 0x80, HAS_CHANNEL = 0x20 };

    if (rest.len == 0)
        return 6;
    if (load_u8(rest, 0) & VERSION)
        return 0;
    return load_u8(rest, 0) & HAS_CHANNEL ? 14 : 6;
}

bool macsec_view(struct span *rest, struct macsec *m)
{
    size_t len = macsec_need(*rest);
    return len > 0 && span_take(rest, len, &m->header);
}
