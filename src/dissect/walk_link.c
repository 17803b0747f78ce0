/* walk_link.c - the steps from a link header to a packet. */
#include "dissect/ethernet.h"
#include "dissect/llc.h"
#include "dissect/macsec.h"
#include "dissect/mpls.h"
#include "dissect/null.h"
#include "dissect/ppp.h"
#include "dissect/pppoe.h"
#include "dissect/sll.h"
#include "dissect/vlan.h"
#include "dissect/vntag.h"
#include "dissect/walk.h"

#include <string.h>

enum ethertype { /* IEEE registration authority */
                 TYPE_IPV4 = 0x0800,
                 TYPE_ARP = 0x0806,
                 TYPE_RARP = 0x8035,
                 TYPE_VLAN = 0x8100,
                 TYPE_IPV6 = 0x86dd,
                 TYPE_PAUSE = 0x8808,
                 TYPE_SLOW = 0x8809, /* link aggregation and its like */
                 TYPE_MPLS = 0x8847,
                 TYPE_MPLS_MULTICAST = 0x8848,
                 TYPE_PPPOE_DISCOVERY = 0x8863,
                 TYPE_PPPOE_SESSION = 0x8864,
                 TYPE_EAPOL = 0x888e,
                 TYPE_SERVICE_VLAN = 0x88a8,
                 TYPE_LLDP = 0x88cc,
                 TYPE_MACSEC = 0x88e5,
                 TYPE_PBB = 0x88e7,
                 TYPE_FAULT = 0x8902, /* connectivity fault management */
                 TYPE_VNTAG = 0x8926,
                 TYPE_NSH = 0x894f,
                 TYPE_LOOPBACK = 0x9000, /* Ethernet's configuration testing */
                 TYPE_STACKED_VLAN = 0x9100,
                 TYPE_STACKED_VLAN_2 = 0x9200,
};

enum verdict walk_ethertype(struct walk *w, uint16_t type)
{
    switch (type) {
    case TYPE_IPV4:
        return walk_on(w, NEXT_IPV4);
    case TYPE_IPV6:
        return walk_on(w, NEXT_IPV6);
    case TYPE_VLAN:
    case TYPE_SERVICE_VLAN:
    case TYPE_STACKED_VLAN:
    case TYPE_STACKED_VLAN_2:
        return walk_on(w, NEXT_VLAN);
    case TYPE_PPPOE_SESSION:
        return walk_on(w, NEXT_PPPOE);
    case TYPE_MPLS:
    case TYPE_MPLS_MULTICAST:
        return walk_on(w, NEXT_MPLS);
    case TYPE_MACSEC:
        return walk_on(w, NEXT_MACSEC);
    case TYPE_PBB:
        return walk_on(w, NEXT_PBB);
    case TYPE_VNTAG:
        return walk_on(w, NEXT_VNTAG);
    case TYPE_NSH:
        return walk_on(w, NEXT_NSH);
    case TYPE_ARP:
    case TYPE_RARP:
        return VERDICT_ARP;
    case TYPE_PAUSE:
    case TYPE_SLOW:
    case TYPE_PPPOE_DISCOVERY:
    case TYPE_EAPOL:
    case TYPE_LLDP:
    case TYPE_FAULT:
    case TYPE_LOOPBACK:
        return VERDICT_OTHER_LINK;
    default:
        return VERDICT_OTHER_NETWORK;
    }
}

/* The last field of an Ethernet header or of a VLAN tag. */
static enum verdict walk_type_or_length(struct walk *w, uint16_t value)
{
    if (value >= ETHERNET_TYPE_MIN)
        return walk_ethertype(w, value);
    if (value > ETHERNET_LENGTH_MAX)
        return VERDICT_OTHER_LINK;
    walk_bound(w, value);
    return walk_on(w, NEXT_LLC);
}

enum verdict walk_ethernet(struct walk *w)
{
    struct ethernet e;

    if (!ethernet_view(&w->rest, &e))
        return walk_short(w, ethernet_need(w->rest));
    memcpy(w->packet->src_mac, ethernet_src(&e).data, sizeof(w->packet->src_mac));
    memcpy(w->packet->dst_mac, ethernet_dst(&e).data, sizeof(w->packet->dst_mac));
    w->packet->has_macs = true;
    return walk_type_or_length(w, ethernet_type(&e));
}

enum verdict walk_llc(struct walk *w)
{
    struct llc l;

    if (!llc_view(&w->rest, &l))
        return walk_short(w, llc_need(w->rest));
    if (llc_is_snap(&l)) {
        if (llc_oui(&l) == LLC_OUI_ETHERNET || llc_oui(&l) == LLC_OUI_BRIDGED)
            return walk_ethertype(w, llc_type(&l));
        return VERDICT_OTHER_LINK; /* a vendor's own, as Cisco's CDP */
    }
    switch (llc_dsap(&l)) {
    case LLC_IP:
        return walk_on(w, NEXT_IPV4); /* RFC 948 */
    case LLC_IPX:
        return VERDICT_OTHER_NETWORK;
    case LLC_GLOBAL:
        return llc_ssap(&l) == LLC_GLOBAL ? VERDICT_OTHER_NETWORK : VERDICT_OTHER_LINK;
    default:
        return VERDICT_OTHER_LINK;
    }
}

enum verdict walk_vlan(struct walk *w)
{
    struct packet *packet = w->packet;
    struct vlan v;

    if (!vlan_view(&w->rest, &v))
        return walk_short(w, vlan_need(w->rest));
    if (packet->vlan_count < PACKET_VLANS_MAX)
        packet->vlans[packet->vlan_count++] = vlan_id(&v);
    return walk_type_or_length(w, vlan_type(&v));
}

static enum verdict walk_cooked(struct walk *w, uint16_t device, uint16_t protocol)
{
    switch (device) {
    case SLL_FRAME_RELAY:
        return walk_on(w, NEXT_FRELAY);
    case SLL_WIFI:
        return walk_on(w, NEXT_WLAN);
    case SLL_WIFI_PRISM:
        return walk_on(w, NEXT_PRISM);
    case SLL_WIFI_RADIOTAP:
        return walk_on(w, NEXT_RADIOTAP);
    case SLL_NETLINK:
        return protocol == SLL_NETFILTER ? walk_on(w, NEXT_NETLINK) : VERDICT_OTHER_LINK;
    default:
        break;
    }
    if (protocol == SLL_LLC)
        return walk_on(w, NEXT_LLC);
    if (protocol < ETHERNET_TYPE_MIN) /* other numbers of Linux's own: CAN, ... */
        return VERDICT_OTHER_LINK;
    return walk_ethertype(w, protocol);
}

enum verdict walk_sll(struct walk *w)
{
    struct sll s;

    if (!sll_view(&w->rest, &s))
        return walk_short(w, sll_need(w->rest));
    return walk_cooked(w, sll_device(&s), sll_protocol(&s));
}

enum verdict walk_sll2(struct walk *w)
{
    struct sll2 s;

    if (!sll2_view(&w->rest, &s))
        return walk_short(w, sll2_need(w->rest));
    return walk_cooked(w, sll2_device(&s), sll2_protocol(&s));
}

enum verdict walk_null(struct walk *w)
{
    struct null n;

    if (!null_view(&w->rest, &n))
        return walk_short(w, null_need(w->rest));
    switch (null_family(&n)) {
    case NULL_IPV4:
        return walk_on(w, NEXT_IPV4);
    case NULL_IPV6_LINUX:
    case NULL_IPV6_WINDOWS:
    case NULL_IPV6_BSD:
    case NULL_IPV6_FREEBSD:
    case NULL_IPV6_DARWIN:
        return walk_on(w, NEXT_IPV6);
    default:
        return VERDICT_OTHER_NETWORK;
    }
}

enum verdict walk_ppp(struct walk *w)
{
    struct ppp p;

    if (!ppp_view(&w->rest, &p))
        return walk_short(w, ppp_need(w->rest));
    switch (ppp_protocol(&p)) {
    case PPP_IPV4:
        return walk_on(w, NEXT_IPV4);
    case PPP_IPV6:
        return walk_on(w, NEXT_IPV6);
    case PPP_MPLS:
    case PPP_MPLS_MULTICAST:
        return walk_on(w, NEXT_MPLS);
    default:
        return ppp_protocol(&p) >= PPP_CONTROL_MIN ? VERDICT_OTHER_LINK : VERDICT_OTHER_NETWORK;
    }
}

enum verdict walk_ppp_direction(struct walk *w)
{
    if (!span_take(&w->rest, 1, NULL))
        return walk_short(w, 1);
    return walk_on(w, NEXT_PPP);
}

enum verdict walk_ppp_serial(struct walk *w)
{
    struct chdlc c;

    if (w->rest.len == 0)
        return walk_short(w, 1);
    uint8_t first = load_u8(w->rest, 0);
    if (first != CHDLC_UNICAST && first != CHDLC_MULTICAST)
        return walk_on(w, NEXT_PPP);
    if (!chdlc_view(&w->rest, &c))
        return walk_short(w, chdlc_need(w->rest));
    if (chdlc_type(&c) == CHDLC_SLARP || chdlc_type(&c) == CHDLC_CDP)
        return VERDICT_OTHER_LINK;
    return walk_ethertype(w, chdlc_type(&c));
}

enum verdict walk_pppoe(struct walk *w)
{
    struct pppoe p;

    if (!pppoe_view(&w->rest, &p))
        return walk_short(w, pppoe_need(w->rest));
    if (pppoe_code(&p) != PPPOE_SESSION_DATA)
        return VERDICT_OTHER_LINK;
    walk_bound(w, pppoe_len(&p));
    return walk_on(w, NEXT_PPP);
}

/* What is neither IPv4 nor IPv6 is a wire's worth of frames: Ethernet, as a rule behind a
 * control word whose first four bits are 0 (RFC 4385 3, RFC 4448 4.6); where they are not, or
 * those of an address, without. */
static enum verdict walk_pseudowire(struct walk *w)
{
    enum { WORD_LEN = 4 };

    for (size_t at = load_u8(w->rest, 0) >> 4 == 0 ? WORD_LEN : 0;; at = 0) {
        if (walk_looks_like_ethernet(span_after(w->rest, at))) {
            span_take(&w->rest, at, NULL);
            return walk_enter(w, "pw", NEXT_ETHERNET);
        }
        if (at == 0)
            break;
    }
    if (w->cut > 0 && w->rest.len < WORD_LEN + ETHERNET_ENOUGH) /* it cannot be told yet */
        return VERDICT_TRUNCATED;
    return VERDICT_OTHER_NETWORK;
}

enum verdict walk_mpls(struct walk *w)
{
    struct mpls m;

    if (!mpls_view(&w->rest, &m))
        return walk_short(w, mpls_need(w->rest));
    if (!mpls_is_bottom(&m))
        return walk_on(w, NEXT_MPLS);
    if (w->rest.len == 0)
        return walk_short(w, 1);
    switch (load_u8(w->rest, 0) >> 4) {
    case 4:
        return walk_on(w, NEXT_IPV4);
    case 6:
        return walk_on(w, NEXT_IPV6);
    default:
        return walk_pseudowire(w);
    }
}

enum verdict walk_macsec(struct walk *w)
{
    struct macsec m;

    if (!macsec_view(&w->rest, &m))
        return walk_short(w, macsec_need(w->rest));
    if (macsec_is_changed(&m))
        return VERDICT_ENCRYPTED;
    if (w->rest.len < 2)
        return walk_short(w, 2);
    const uint16_t type = load_be16(w->rest, 0);
    span_take(&w->rest, 2, NULL);
    return walk_type_or_length(w, type);
}

enum verdict walk_vntag(struct walk *w)
{
    struct vntag v;

    if (!vntag_view(&w->rest, &v))
        return walk_short(w, vntag_need(w->rest));
    return walk_type_or_length(w, vntag_type(&v));
}
