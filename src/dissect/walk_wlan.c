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

/* The first packet of an aggregate. A frame is one packet, so that there are more is only noted. */
static enum verdict walk_part(struct walk *w)
{
    enum { ALIGNMENT = 4 };
    struct wlan_part p;

    if (!wlan_part_view(&w->rest, &p))
        return walk_short(w, wlan_part_need(w->rest));
    size_t len = wlan_part_len(&p), padded = (14 + len + 3) / ALIGNMENT * ALIGNMENT - 14;
    w->packet->aggregate |= w->rest.len + w->cut > padded + p.header.len; /* more than a checksum */
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
