/* walk_wlan.c - the steps through 802.11 and what drivers put before it. */
#include "dissect/radio.h"
#include "dissect/walk.h"
#include "dissect/wlan.h"

#include <string.h>

static void note_addresses(struct packet *packet, struct span src, struct span dst)
{
    memcpy(packet->src_mac, src.data, sizeof packet->src_mac);
    memcpy(packet->dst_mac, dst.data, sizeof packet->dst_mac);
    packet->has_macs = true;
}

/* On to the packet that is meant. The datagram around the aggregate, if there is one, is told with the first. */
static void go_to_part(struct walk *w)
{
    const size_t here = (size_t)(w->rest.data - w->packet->frame->bytes.data);
    size_t skip = w->part_at > here ? w->part_at - here : 0;

    if (skip > w->rest.len)
        skip = w->rest.len; /* it was cut off */
    span_take(&w->rest, skip, NULL);
    if (w->is_first)
        return;
    w->packet->carrier_count = 0;
    w->guessing = false;
}

/* There is another packet, so many bytes from here. Each costs a walk of its own from the front of the frame, so
 * where there are many headers before it is left alone; and so is what was put together from fragments, which
 * lies in no frame, or an aggregate within one. */
static void note_next(struct walk *w, size_t distance)
{
    enum { OUTSIDE_MAX = 32 };
    struct packet *packet = w->packet;
    const struct span frame = packet->whole.len > 0 ? packet->whole : packet->frame->bytes;

    if (w->in_aggregate || w->depth > OUTSIDE_MAX || packet->whole.len > 0)
        packet->unread = true;
    else
        packet->next_part = (uint32_t)((size_t)(w->rest.data - frame.data) + distance);
    packet->aggregate = true;
}

/* A packet of an aggregate. */
static enum verdict walk_part(struct walk *w)
{
    enum { ALIGNMENT = 4 };
    struct wlan_part p;

    if (w->part_at > 0 && !w->in_aggregate) {
        go_to_part(w);
        w->packet->aggregate = true;
    }
    if (!wlan_part_view(&w->rest, &p))
        return walk_short(w, wlan_part_need(w->rest));
    size_t len = wlan_part_len(&p);
    size_t padded = (p.header.len + len + 3) / ALIGNMENT * ALIGNMENT - p.header.len;
    if (w->rest.len + w->cut > padded + p.header.len) /* more than a checksum */
        note_next(w, padded);
    if (!w->in_aggregate)
        w->guessed_around = w->guessing;
    w->in_aggregate = true;
    note_addresses(w->packet, wlan_part_src(&p), wlan_part_dst(&p));
    walk_bound(w, len);
    return walk_on(w, NEXT_LLC);
}

static enum verdict walk_wlan_padded(struct walk *w, bool is_padded)
{
    enum wlan_type type;
    bool swapped;
    struct wlan l;

    if (w->rest.len < 2)
        return walk_short(w, 2);
    if (!wlan_type(w->rest, &type, &swapped))
        return VERDICT_MALFORMED;
    if (type != WLAN_DATA)
        return VERDICT_OTHER_LINK;
    if (!wlan_view(&w->rest, &l))
        return walk_short(w, wlan_need(w->rest));
    if (!wlan_has_data(&l))
        return VERDICT_OTHER_LINK;
    if (wlan_is_protected(&l))
        return VERDICT_ENCRYPTED;
    if (wlan_is_fragment(&l)) /* what 802.11 itself has cut up is not put together */
        return VERDICT_OTHER_LINK;
    size_t padding = is_padded ? -l.header.len % 4 : 0;
    if (!span_take(&w->rest, padding, NULL))
        return walk_short(w, padding);
    if (wlan_is_aggregate(&l))
        return walk_part(w);
    note_addresses(w->packet, wlan_src(&l), wlan_dst(&l));
    return walk_on(w, NEXT_LLC);
}

enum verdict walk_wlan(struct walk *w)
{
    return walk_wlan_padded(w, false);
}

enum verdict walk_radiotap(struct walk *w)
{
    struct radiotap r;

    if (!radiotap_view(&w->rest, &r))
        return walk_short(w, radiotap_need(w->rest));
    return walk_wlan_padded(w, radiotap_is_padded(&r));
}

enum verdict walk_ppi(struct walk *w)
{
    struct ppi p;

    if (!ppi_view(&w->rest, &p))
        return walk_short(w, ppi_need(w->rest));
    return walk_link_type(w, ppi_link_type(&p));
}

enum verdict walk_prism(struct walk *w)
{
    struct prism p;

    if (!prism_view(&w->rest, &p))
        return walk_short(w, prism_need(w->rest));
    return walk_on(w, NEXT_WLAN);
}
