/* walk_udp.c - tunnels over UDP: by their port, and a header that makes sense.
 *
 * A step here says VERDICT_MALFORMED for whatever does not look like its tunnel: that the frame
 * is then the UDP datagram is for the end of the walk to settle (walk.h). */
#include "dissect/ayiya.h"
#include "dissect/capwap.h"
#include "dissect/dissect.h"
#include "dissect/geneve.h"
#include "dissect/gre.h"
#include "dissect/gtp.h"
#include "dissect/l2tp.h"
#include "dissect/nsh.h"
#include "dissect/sctp.h"
#include "dissect/teredo.h"
#include "dissect/tzsp.h"
#include "dissect/vxlan.h"
#include "dissect/walk.h"

#include <string.h>

enum { VERSION_4 = 4, VERSION_6 = 6 };

/* The version in the first bits of what is carried; 0 when nothing is there. */
static uint8_t ip_version(struct span rest)
{
    return rest.len > 0 ? load_u8(rest, 0) >> 4 : 0;
}

static bool is_ip(struct span rest)
{
    return ip_version(rest) == VERSION_4 || ip_version(rest) == VERSION_6;
}

static enum verdict walk_vxlan(struct walk *w)
{
    struct vxlan v;

    if (!vxlan_view(&w->rest, &v) || !(vxlan_flags(&v) & VXLAN_HAS_NETWORK))
        return VERDICT_MALFORMED;
    return walk_enter_numbered(w, "vxlan", vxlan_network(&v), NEXT_ETHERNET);
}

static enum verdict walk_vxlan_gpe(struct walk *w)
{
    static const enum next nexts[] = {[NSH_IPV4] = NEXT_IPV4,
                                      [NSH_IPV6] = NEXT_IPV6,
                                      [NSH_ETHERNET] = NEXT_ETHERNET,
                                      [NSH_NSH] = NEXT_NSH,
                                      [NSH_MPLS] = NEXT_MPLS};
    struct vxlan v;

    if (!vxlan_view(&w->rest, &v) || !(vxlan_flags(&v) & VXLAN_HAS_NETWORK))
        return VERDICT_MALFORMED;
    uint8_t next = vxlan_flags(&v) & VXLAN_HAS_NEXT ? vxlan_next(&v) : (uint8_t)NSH_ETHERNET;
    if (next < NSH_IPV4 || next > NSH_MPLS)
        return VERDICT_MALFORMED;
    return walk_enter_numbered(w, "vxlan", vxlan_network(&v), nexts[next]);
}

static enum verdict walk_lisp(struct walk *w)
{
    struct vxlan v;

    if (!vxlan_view(&w->rest, &v) || !is_ip(w->rest))
        return VERDICT_MALFORMED;
    if (vxlan_flags(&v) & VXLAN_HAS_NETWORK)
        return walk_enter_numbered(w, "lisp", vxlan_network(&v), NEXT_IP);
    return walk_enter(w, "lisp", NEXT_IP);
}

static enum verdict walk_geneve(struct walk *w)
{
    struct geneve g;

    if (!geneve_view(&w->rest, &g) || geneve_is_control(&g))
        return VERDICT_MALFORMED;
    const uint16_t protocol = geneve_protocol(&g);
    enum verdict verdict = walk_enter_numbered(w, "geneve", geneve_network(&g), NEXT_ETHERNET);
    if (verdict != VERDICT_OK || protocol == GRE_ETHERNET)
        return verdict;
    return walk_ethertype(w, protocol);
}

static enum verdict walk_gtp(struct walk *w)
{
    const size_t whole_len = w->rest.len + w->missing;
    struct gtp g;

    if (!gtp_view(&w->rest, &g))
        return VERDICT_MALFORMED;
    size_t len = GTP_FIXED_LEN + (size_t)gtp_len(&g);
    if (len < g.header.len || len > whole_len)
        return VERDICT_MALFORMED;
    walk_bound(w, len - g.header.len);
    return is_ip(w->rest) ? walk_enter(w, "gtp", NEXT_IP) : VERDICT_MALFORMED;
}

/* The packet inside has an address of Teredo's at one of its ends, or of a link at both (RFC
 * 4380 2.6, 5.2.1). */
static bool is_teredo(struct span rest)
{
    enum { SRC_AT = 8, DST_AT = 24, LEN = 40, LINK_LOCAL = 0xfe80 };
    const uint32_t prefix = 0x20010000;

    if (rest.len < LEN || ip_version(rest) != VERSION_6)
        return false;
    return load_be32(rest, SRC_AT) == prefix || load_be32(rest, DST_AT) == prefix ||
           load_be16(rest, SRC_AT) == LINK_LOCAL;
}

static enum verdict walk_teredo(struct walk *w)
{
    struct teredo t;

    if (!teredo_view(&w->rest, &t) || !is_teredo(w->rest))
        return VERDICT_MALFORMED;
    return walk_enter(w, "teredo", NEXT_IPV6);
}

static enum verdict walk_ayiya(struct walk *w)
{
    enum { IPV4_IN_IP = 4, IPV6_IN_IP = 41 };
    struct ayiya a;

    if (!ayiya_view(&w->rest, &a) || ayiya_operation(&a) != AYIYA_FORWARD)
        return VERDICT_MALFORMED;
    if (ayiya_next(&a) != IPV4_IN_IP && ayiya_next(&a) != IPV6_IN_IP)
        return VERDICT_MALFORMED;
    return walk_enter(w, "ayiya", ayiya_next(&a) == IPV4_IN_IP ? NEXT_IPV4 : NEXT_IPV6);
}

static enum verdict walk_capwap(struct walk *w)
{
    struct capwap c;

    if (!capwap_view(&w->rest, &c) || capwap_is_fragment(&c) || capwap_is_keepalive(&c))
        return VERDICT_MALFORMED;
    if (!capwap_is_native(&c))
        return walk_enter(w, "capwap", NEXT_ETHERNET);
    return capwap_is_wlan(&c) ? walk_enter(w, "capwap", NEXT_WLAN) : VERDICT_MALFORMED;
}

static enum verdict walk_tzsp(struct walk *w)
{
    struct tzsp t;

    if (!tzsp_view(&w->rest, &t))
        return VERDICT_MALFORMED;
    if (tzsp_type(&t) != TZSP_RECEIVED && tzsp_type(&t) != TZSP_TO_SEND)
        return VERDICT_MALFORMED;
    switch (tzsp_protocol(&t)) {
    case TZSP_ETHERNET:
        return walk_enter(w, "tzsp", NEXT_ETHERNET);
    case TZSP_WLAN:
        return walk_enter(w, "tzsp", NEXT_WLAN);
    case TZSP_PRISM:
    case TZSP_AVS:
        return walk_enter(w, "tzsp", NEXT_PRISM);
    default:
        return VERDICT_MALFORMED;
    }
}

static enum verdict walk_l2tp(struct walk *w)
{
    struct l2tp l;

    if (!l2tp_view(&w->rest, &l))
        return VERDICT_MALFORMED;
    return l2tp_version(&l) == 2 ? walk_enter(w, "l2tp", NEXT_PPP) : walk_on(w, NEXT_L2TP_SESSION);
}

static enum verdict walk_mpls_in_udp(struct walk *w)
{
    return walk_enter(w, "mpls", NEXT_MPLS);
}

/* RFC 8086. */
static enum verdict walk_gre_in_udp(struct walk *w)
{
    return walk_on(w, NEXT_GRE);
}

/* RFC 6951: the addresses are those of the IP packet around, the ports SCTP's own. */
static enum verdict walk_sctp_in_udp(struct walk *w)
{
    if (!sctp_looks_right(w->rest, w->missing))
        return VERDICT_MALFORMED;
    return walk_enter(w, "udp", NEXT_SCTP);
}

typedef enum verdict tunnel_step(struct walk *w);

/* Who listens at a port; NULL when it is no tunnel. */
static tunnel_step *tunnel_at(uint16_t port)
{
    switch (port) { /* IANA, service names and port numbers */
    case 1701:
        return walk_l2tp;
    case 2152:
        return walk_gtp;
    case 3544:
        return walk_teredo;
    case 4341:
        return walk_lisp;
    case 4754:
        return walk_gre_in_udp;
    case 4789:
    case 8472: /* Linux, before there was a number */
        return walk_vxlan;
    case 4790:
        return walk_vxlan_gpe;
    case 5072:
        return walk_ayiya;
    case 5247:
        return walk_capwap;
    case 6081:
        return walk_geneve;
    case 6635:
        return walk_mpls_in_udp;
    case 9899:
        return walk_sctp_in_udp;
    case 37008: /* by custom */
        return walk_tzsp;
    default:
        return NULL;
    }
}

/* Tunnels whose answers come from their port. With the others the source is a mark of the flow
 * inside: what comes from their port is no tunnel to its receiver. */
static bool is_answered(uint16_t port)
{
    return port == 1701 || port == 2152 || port == 3544 || port == 5072 || port == 5247 ||
           port == 9899;
}

/* The tunnel that a datagram's ports name; NULL for none. */
static tunnel_step *tunnel_of(uint16_t src_port, uint16_t dst_port)
{
    tunnel_step *step = tunnel_at(dst_port);
    return !step && is_answered(src_port) ? tunnel_at(src_port) : step;
}

bool walk_may_be_tunnel(uint16_t src_port, uint16_t dst_port)
{
    return tunnel_of(src_port, dst_port);
}

bool dissect_is_tunnel_port(uint16_t port)
{
    return tunnel_at(port);
}

/* The datagram that has just been found carries what follows. There are never more of them than tunnels: who
 * would be one too many enters none. */
static void note_carrier(struct packet *packet)
{
    if (packet->carrier_count == PACKET_TUNNELS_MAX)
        return;
    struct carrier *c = &packet->carriers[packet->carrier_count++];
    *c = (struct carrier){.ends = packet->ends,
                          .ip_len = packet->ip_len,
                          .payload_len = packet->payload_len,
                          .vlan_count = packet->vlan_count,
                          .ip_version = packet->ip_version,
                          .ttl = packet->ttl,
                          .tunnel_count = packet->tunnel_count,
                          .tunnel_len = (uint8_t)strlen(packet->tunnel),
                          .has_macs = packet->has_macs};
    memcpy(c->vlans, packet->vlans, sizeof(c->vlans));
    memcpy(c->src_mac, packet->src_mac, sizeof(c->src_mac));
    memcpy(c->dst_mac, packet->dst_mac, sizeof(c->dst_mac));
}

enum verdict walk_udp_tunnel(struct walk *w)
{
    struct packet *packet = w->packet;

    tunnel_step *step = tunnel_of(packet->ends.src_port, packet->ends.dst_port);
    if (!step)
        return VERDICT_OK; /* as nearly all: its payload is the end */
    *w->outside = *packet;
    w->bad_header_outside = w->bad_header;
    w->guessing = true;
    w->guessed_around = false;
    note_carrier(packet);
    return step(w);
}
