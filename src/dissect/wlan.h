/* wlan.h - views of an 802.11 header (IEEE 802.11 9.2, 9.3.2), and of a part of an aggregate.
 *
 *     control 2 | duration 2 | address 6 | address 6 | address 6 | sequence 2 | [address 6] |
 *     [QoS 2] | [HT 4] | LLC
 *     part:  destination 6 | source 6 | length 2 | LLC, that many bytes | padding to a multiple of 4
 *
 * The control field is little-endian; some access points send it to their controller swapped,
 * and so the sequence. */
#ifndef SEINE_DISSECT_WLAN_H
#define SEINE_DISSECT_WLAN_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum wlan_type { WLAN_MANAGEMENT, WLAN_CONTROL, WLAN_DATA, WLAN_EXTENSION };

/* Of a data frame only. */
struct wlan {
    struct span header; /* 24 to 36 bytes */
    bool swapped;       /* its control field, and the sequence */
};

/* The type of the frame, and whether its control field is swapped; false when it is of another
 * version or not there. */
bool wlan_type(struct span rest, enum wlan_type *type, bool *swapped);

/* How many bytes the header of a data frame takes, the least while it cannot be told; 0 when it
 * is of another version or type. */
size_t wlan_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool wlan_view(struct span *rest, struct wlan *w);

bool wlan_has_data(const struct wlan *w); /* some kinds say something by being sent */
bool wlan_is_protected(const struct wlan *w);
bool wlan_is_fragment(const struct wlan *w); /* not the whole of what was to be sent */
bool wlan_is_aggregate(const struct wlan *w);

/* Six bytes each. */
struct span wlan_src(const struct wlan *w);
struct span wlan_dst(const struct wlan *w);

struct wlan_part {
    struct span header; /* 14 bytes */
};

size_t wlan_part_need(struct span rest);
bool wlan_part_view(struct span *rest, struct wlan_part *p);

static inline struct span wlan_part_dst(const struct wlan_part *p)
{
    return span_first(p->header, 6);
}
static inline struct span wlan_part_src(const struct wlan_part *p)
{
    return span_first(span_after(p->header, 6), 6);
}
static inline uint16_t wlan_part_len(const struct wlan_part *p)
{
    return load_be16(p->header, 12);
}

#endif
