/* wlan.c - views of an 802.11 header. */
#include "dissect/wlan.h"

enum flags { TO_DS = 0x01, FROM_DS = 0x02, MORE = 0x04, PROTECTED = 0x40, HAS_HT = 0x80 };

enum subtype { NO_DATA = 0x04, QOS = 0x08 };

enum { FIXED_LEN = 24, ADDRESS_LEN = 6, QOS_LEN = 2, HT_LEN = 4 };

/* Which of the two bytes of the control field has version and type, and which the flags. */
static uint8_t kind_byte(struct span header, bool swapped)
{
    return load_u8(header, swapped ? 1 : 0);
}

static uint8_t flags_byte(struct span header, bool swapped)
{
    return load_u8(header, swapped ? 0 : 1);
}

static uint8_t subtype(struct span header, bool swapped)
{
    return kind_byte(header, swapped) >> 4;
}

static bool has_four(uint8_t flags)
{
    return (flags & (TO_DS | FROM_DS)) == (TO_DS | FROM_DS);
}

bool wlan_type(struct span rest, enum wlan_type *type, bool *swapped)
{
    enum { VERSION = 0x03 };

    if (rest.len < 2)
        return false;
    *swapped = (load_u8(rest, 0) & VERSION) != 0;
    *type = (enum wlan_type)(kind_byte(rest, *swapped) >> 2 & 3);
    /* Only data are known to come swapped. */
    return !*swapped || ((load_u8(rest, 1) & VERSION) == 0 && *type == WLAN_DATA);
}

size_t wlan_need(struct span rest)
{
    enum wlan_type type;
    bool swapped;
    size_t len = FIXED_LEN;

    if (rest.len < 2)
        return FIXED_LEN;
    if (!wlan_type(rest, &type, &swapped) || type != WLAN_DATA)
        return 0;
    uint8_t flags = flags_byte(rest, swapped);
    if (has_four(flags))
        len += ADDRESS_LEN;
    if (subtype(rest, swapped) & QOS)
        len += QOS_LEN + (flags & HAS_HT ? HT_LEN : 0U);
    return len;
}

bool wlan_view(struct span *rest, struct wlan *w)
{
    enum wlan_type type;
    size_t len = wlan_need(*rest);

    return len > 0 && wlan_type(*rest, &type, &w->swapped) && span_take(rest, len, &w->header);
}

bool wlan_has_data(const struct wlan *w)
{
    return !(subtype(w->header, w->swapped) & NO_DATA);
}

bool wlan_is_protected(const struct wlan *w)
{
    return flags_byte(w->header, w->swapped) & PROTECTED;
}

bool wlan_is_fragment(const struct wlan *w)
{
    uint16_t sequence = w->swapped ? load_be16(w->header, 22) : load_le16(w->header, 22);
    return flags_byte(w->header, w->swapped) & MORE || (sequence & 0x000f) != 0;
}

bool wlan_is_aggregate(const struct wlan *w)
{
    enum { AGGREGATE = 0x80 };

    if (!(subtype(w->header, w->swapped) & QOS))
        return false;
    size_t at = has_four(flags_byte(w->header, w->swapped)) ? FIXED_LEN + ADDRESS_LEN : FIXED_LEN;
    return load_u8(w->header, at) & AGGREGATE;
}

static struct span address(const struct wlan *w, size_t at)
{
    return span_first(span_after(w->header, at), ADDRESS_LEN);
}

/* IEEE 802.11 table 9-60. */
struct span wlan_src(const struct wlan *w)
{
    uint8_t flags = flags_byte(w->header, w->swapped);
    if (has_four(flags))
        return address(w, FIXED_LEN);
    return address(w, flags & FROM_DS ? 16 : 10);
}

struct span wlan_dst(const struct wlan *w)
{
    return address(w, flags_byte(w->header, w->swapped) & TO_DS ? 16 : 4);
}

size_t wlan_part_need(struct span rest)
{
    (void)rest;
    return 14;
}

bool wlan_part_view(struct span *rest, struct wlan_part *p)
{
    return span_take(rest, wlan_part_need(*rest), &p->header);
}
