/* walk_wan.c - the steps through the rarer links: frame relay, rings, ARCNET, InfiniBand, serial
 * lines, and what systems and routers put before a frame. */
#include "dissect/arcnet.h"
#include "dissect/frelay.h"
#include "dissect/ipnet.h"
#include "dissect/ipoib.h"
#include "dissect/juniper.h"
#include "dissect/nflog.h"
#include "dissect/pktap.h"
#include "dissect/ring.h"
#include "dissect/slip.h"
#include "dissect/walk.h"

#include <string.h>

/* ---- frame relay ---- */

static enum verdict walk_frelay_snap(struct walk *w, const struct frelay *f)
{
    if (frelay_oui(f) == FRELAY_OUI_ETHERNET)
        return walk_ethertype(w, frelay_type(f));
    if (frelay_oui(f) == FRELAY_OUI_BRIDGED && (frelay_type(f) == FRELAY_BRIDGED_ETHERNET ||
                                                frelay_type(f) == FRELAY_BRIDGED_ETHERNET_NO_FCS))
        return walk_on(w, NEXT_ETHERNET);
    return VERDICT_OTHER_LINK;
}

enum verdict walk_frelay(struct walk *w)
{
    struct frelay f;

    if (!frelay_view(&w->rest, &f))
        return walk_short(w, frelay_need(w->rest));
    switch (f.protocol) {
    case 0:
        return walk_ethertype(w, frelay_type(&f));
    case FRELAY_IPV4:
        return walk_on(w, NEXT_IPV4);
    case FRELAY_IPV6:
        return walk_on(w, NEXT_IPV6);
    case FRELAY_SNAP:
        return walk_frelay_snap(w, &f);
    default:
        return VERDICT_OTHER_LINK;
    }
}

/* ---- rings, ARCNET ---- */

static void note_addresses(struct packet *packet, struct span src, struct span dst)
{
    memcpy(packet->src_mac, src.data, sizeof packet->src_mac);
    memcpy(packet->dst_mac, dst.data, sizeof packet->dst_mac);
    packet->has_macs = true;
}

enum verdict walk_fddi(struct walk *w)
{
    struct fddi f;

    if (!fddi_view(&w->rest, &f))
        return walk_short(w, fddi_need(w->rest));
    if (!fddi_is_llc(&f))
        return VERDICT_OTHER_LINK;
    note_addresses(w->packet, fddi_src(&f), fddi_dst(&f));
    return walk_on(w, NEXT_LLC);
}

enum verdict walk_token_ring(struct walk *w)
{
    struct token_ring t;

    if (!token_ring_view(&w->rest, &t))
        return walk_short(w, token_ring_need(w->rest));
    if (!token_ring_is_llc(&t))
        return VERDICT_OTHER_LINK;
    note_addresses(w->packet, token_ring_src(&t), token_ring_dst(&t));
    w->packet->src_mac[0] &= 0x7f; /* the mark of a route */
    return walk_on(w, NEXT_LLC);
}

static enum verdict walk_arcnet(struct walk *w, const struct arcnet *a)
{
    if (arcnet_is_split(a))
        return VERDICT_OTHER_LINK;
    switch (arcnet_type(a)) {
    case ARCNET_IPV4:
    case ARCNET_IPV4_1051:
        return walk_on(w, NEXT_IPV4);
    case ARCNET_IPV6:
        return walk_on(w, NEXT_IPV6);
    case ARCNET_ARP:
    case ARCNET_RARP:
    case ARCNET_ARP_1051:
        return VERDICT_ARP;
    default:
        return VERDICT_OTHER_NETWORK;
    }
}

enum verdict walk_arcnet_linux(struct walk *w)
{
    struct arcnet a;

    if (!arcnet_linux_view(&w->rest, &a))
        return walk_short(w, arcnet_linux_need(w->rest));
    return walk_arcnet(w, &a);
}

enum verdict walk_arcnet_bsd(struct walk *w)
{
    struct arcnet a;

    if (!arcnet_bsd_view(&w->rest, &a))
        return walk_short(w, arcnet_bsd_need(w->rest));
    return walk_arcnet(w, &a);
}

/* ---- serial lines, InfiniBand ---- */

enum verdict walk_slip(struct walk *w)
{
    struct slip s;

    if (!slip_view(&w->rest, &s))
        return walk_short(w, slip_need(w->rest));
    return slip_is_compressed(&s) ? VERDICT_OTHER_NETWORK : walk_on(w, NEXT_IP);
}

enum verdict walk_ipoib(struct walk *w)
{
    struct ipoib i;

    if (!ipoib_view(&w->rest, &i))
        return walk_short(w, ipoib_need(w->rest));
    return walk_ethertype(w, ipoib_type(&i));
}

/* ---- what stands before a frame of another link ---- */

enum verdict walk_pktap(struct walk *w)
{
    struct pktap p;

    if (!pktap_view(&w->rest, &p))
        return walk_short(w, pktap_need(w->rest));
    return pktap_has_frame(&p) ? walk_link_type(w, pktap_link_type(&p)) : VERDICT_OTHER_LINK;
}

static enum verdict walk_juniper(struct walk *w, enum next next)
{
    struct juniper j;

    if (!juniper_view(&w->rest, &j))
        return walk_short(w, juniper_need(w->rest));
    return juniper_is_bare(&j) ? VERDICT_OTHER_LINK : walk_on(w, next);
}

enum verdict walk_juniper_ethernet(struct walk *w)
{
    return walk_juniper(w, NEXT_ETHERNET);
}

enum verdict walk_juniper_ppp(struct walk *w)
{
    return walk_juniper(w, NEXT_PPP);
}

enum verdict walk_juniper_frelay(struct walk *w)
{
    return walk_juniper(w, NEXT_FRELAY);
}

enum verdict walk_juniper_chdlc(struct walk *w)
{
    return walk_juniper(w, NEXT_PPP_SERIAL);
}

/* ---- Solaris ---- */

enum verdict walk_ipnet(struct walk *w)
{
    struct ipnet i;

    if (!ipnet_view(&w->rest, &i))
        return walk_short(w, ipnet_need(w->rest));
    switch (ipnet_family(&i)) {
    case IPNET_IPV4:
        return walk_on(w, NEXT_IPV4);
    case IPNET_IPV6:
        return walk_on(w, NEXT_IPV6);
    default:
        return VERDICT_OTHER_NETWORK;
    }
}

/* ---- netfilter ---- */

/* Goes to the value of the attribute that holds the packet. */
static enum verdict walk_attributes(struct walk *w, uint8_t family, uint16_t payload)
{
    struct nflog_attribute a;

    for (;;) {
        if (w->rest.len == 0 && w->cut == 0)
            return VERDICT_OTHER_LINK; /* it tells about a packet, without it */
        if (!nflog_attribute_view(&w->rest, &a))
            return walk_short(w, nflog_attribute_need(w->rest));
        size_t len = nflog_attribute_len(&a);
        if (nflog_attribute_type(&a) == payload) {
            walk_bound(w, len);
            break;
        }
        len = (len + 3) / 4 * 4;
        if (!span_take(&w->rest, len, NULL))
            return walk_short(w, len);
    }
    if (family == NFLOG_IPV4)
        return walk_on(w, NEXT_IPV4);
    return family == NFLOG_IPV6 ? walk_on(w, NEXT_IPV6) : VERDICT_OTHER_NETWORK;
}

enum verdict walk_nflog(struct walk *w)
{
    struct nflog n;

    if (!nflog_view(&w->rest, &n))
        return walk_short(w, nflog_need(w->rest));
    return walk_attributes(w, nflog_family(&n), NFLOG_PAYLOAD);
}

/* Behind a cooked header: of all that netlink says, the packets of netfilter. */
enum verdict walk_netlink(struct walk *w)
{
    struct netlink m;
    struct nflog n;

    if (!netlink_view(&w->rest, &m))
        return walk_short(w, netlink_need(w->rest));
    const uint16_t type = netlink_type(&m);
    if (type != NETLINK_NFLOG && type != NETLINK_NFQUEUE)
        return VERDICT_OTHER_LINK;
    if (!nflog_view(&w->rest, &n))
        return walk_short(w, nflog_need(w->rest));
    return walk_attributes(w, nflog_family(&n),
                           type == NETLINK_NFLOG ? NFLOG_PAYLOAD : NFQUEUE_PAYLOAD);
}
