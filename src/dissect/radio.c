/* radio.c - views of radiotap, PPI, prism and AVS. */
#include "dissect/radio.h"

enum { LEAST = 8 };

/* Radiotap and PPI begin alike: a version of 0, a byte, and the length of the whole header. */
static size_t versioned_need(struct span rest)
{
    if (rest.len > 0 && load_u8(rest, 0) != 0)
        return 0;
    if (rest.len < 4)
        return LEAST;
    size_t len = load_le16(rest, 2);
    return len < LEAST ? 0 : len;
}

size_t radiotap_need(struct span rest)
{
    return versioned_need(rest);
}

bool radiotap_view(struct span *rest, struct radiotap *r)
{
    size_t len = radiotap_need(*rest);
    return len > 0 && span_take(rest, len, &r->header);
}

/* The flags are the second field; before them may stand a time of eight bytes, aligned. */
bool radiotap_is_padded(const struct radiotap *r)
{
    enum { HAS_TIME = 0x01, HAS_FLAGS = 0x02, PADDED = 0x20 };
    const uint32_t more = 0x80000000;
    uint32_t present = load_le32(r->header, 4);
    size_t at = LEAST;

    if (!(present & HAS_FLAGS))
        return false;
    for (uint32_t word = present; word & more; at += 4) {
        if (r->header.len < at + 4)
            return false;
        word = load_le32(r->header, at);
    }
    if (present & HAS_TIME)
        at = (at + 7) / 8 * 8 + 8;
    return r->header.len > at && load_u8(r->header, at) & PADDED;
}

size_t ppi_need(struct span rest)
{
    return versioned_need(rest);
}

bool ppi_view(struct span *rest, struct ppi *p)
{
    size_t len = ppi_need(*rest);
    return len > 0 && span_take(rest, len, &p->header);
}

size_t prism_need(struct span rest)
{
    enum { PRISM_LEN = 144 };
    const uint32_t avs = 0x80211000;

    if (rest.len < LEAST)
        return LEAST;
    if ((load_be32(rest, 0) & 0xfffff000) != avs)
        return PRISM_LEN;
    size_t len = load_be32(rest, 4);
    return len < LEAST ? 0 : len;
}

bool prism_view(struct span *rest, struct prism *p)
{
    size_t len = prism_need(*rest);
    return len > 0 && span_take(rest, len, &p->header);
}
