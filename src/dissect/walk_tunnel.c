/* walk_tunnel.c - the steps into tunnels that lie over IP, MPLS or Ethernet, and the path of
 * all. */
#include "dissect/erspan.h"
#include "dissect/gre.h"
#include "dissect/l2tp.h"
#include "dissect/nsh.h"
#include "dissect/pbb.h"
#include "dissect/walk.h"

#include <assert.h>
#include <string.h>

/* ---- the path ---- */

/* The number in decimal, at the end of `digits`; returns where it begins. */
static const char *decimal(char digits[11], uint32_t number)
{
    char *at = digits + 10;

    *at = '\0';
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return at;
}

static void append(struct packet *packet, size_t *len, const char *text)
{
    size_t more = strlen(text);

    assert(*len + more < PACKET_TUNNEL_MAX); /* names are ours, and so many tunnels fit */
    memcpy(packet->tunnel + *len, text, more + 1);
    *len += more;
}

static enum verdict enter(struct walk *w, const char *name, const char *number, enum next next)
{
    struct packet *packet = w->packet;
    size_t len = strlen(packet->tunnel);

    if (packet->tunnel_count == PACKET_TUNNELS_MAX)
        return VERDICT_MALFORMED;
    packet->tunnel_count++;
    if (len > 0)
        append(packet, &len, "/");
    append(packet, &len, name);
    if (number) {
        append(packet, &len, ":");
        append(packet, &len, number);
    }
    packet->transport = 0;
    packet->ends.src_port = packet->ends.dst_port = 0;
    w->remade = false;
    return walk_on(w, next);
}

enum verdict walk_enter(struct walk *w, const char *name, enum next next)
{
    return enter(w, name, NULL, next);
}

enum verdict walk_enter_numbered(struct walk *w, const char *name, uint32_t number, enum next next)
{
    char digits[11];
    return enter(w, name, decimal(digits, number), next);
}

/* ---- what nothing names ---- */

bool walk_looks_like_ethernet(struct span rest)
{
    enum { IPV4 = 0x0800, ARP = 0x0806, VLAN = 0x8100, IPV6 = 0x86dd, SERVICE_VLAN = 0x88a8 };
    size_t at = 12; /* of the type */

    while (rest.len >= at + 6 && at < 12 + 3 * 4 &&
           (load_be16(rest, at) == VLAN || load_be16(rest, at) == SERVICE_VLAN))
        at += 4;
    if (rest.len < at + 4)
        return false;
    switch (load_be16(rest, at)) {
    case IPV4:
        return load_u8(rest, at + 2) >> 4 == 4 && (load_u8(rest, at + 2) & 0x0f) >= 5;
    case IPV6:
        return load_u8(rest, at + 2) >> 4 == 6;
    case ARP:
        return load_be16(rest, at + 2) == 1; /* its hardware is Ethernet */
    default:
        return false;
    }
}

/* ---- GRE ---- */

/* Version 1: PPTP, or MikroTik's use of it. */
static enum verdict walk_gre_1(struct walk *w, const struct gre *g)
{
    walk_bound(w, gre_payload_len(g));
    if (gre_protocol(g) == GRE_EOIP)
        return walk_enter_numbered(w, "eoip", gre_eoip_tunnel(g), NEXT_ETHERNET);
    /* Without a sequence number it only acknowledges. */
    if (gre_protocol(g) != GRE_PPP || !(gre_flags(g) & GRE_SEQUENCE))
        return VERDICT_OTHER_TRANSPORT;
    return walk_enter(w, "pptp", NEXT_PPP);
}

/* The four bytes of its second version are not there in the first; an IPv4 header begins with a
 * 4. */
static enum verdict skip_wccp(struct walk *w)
{
    if (w->rest.len == 0)
        return walk_short(w, 1);
    if (load_u8(w->rest, 0) >> 4 != 4 && !span_take(&w->rest, 4, NULL))
        return walk_short(w, 4);
    return walk_on(w, NEXT_IPV4);
}

static bool is_aruba(uint16_t protocol)
{
    return (protocol >= GRE_ARUBA_MIN && protocol <= GRE_ARUBA_MAX) ||
           (protocol >= GRE_ARUBA_2_MIN && protocol <= GRE_ARUBA_2_MAX);
}

enum verdict walk_gre(struct walk *w)
{
    struct gre g;

    if (!gre_view(&w->rest, &g))
        return walk_short(w, gre_need(w->rest));
    const uint16_t protocol = gre_protocol(&g);
    if (gre_version(&g) == 1)
        return walk_gre_1(w, &g);
    if (protocol == GRE_ERSPAN && !(gre_flags(&g) & GRE_SEQUENCE))
        return walk_enter(w, "erspan", NEXT_ETHERNET);
    if (protocol == GRE_ERSPAN || protocol == GRE_ERSPAN_3)
        return walk_enter(w, "erspan", NEXT_ERSPAN);
    /* Around Ethernet the key is no sign of who belongs together: mirrors say the direction in
     * it, NVGRE (RFC 7637 3.2) the flow. */
    if (protocol == GRE_ETHERNET)
        return walk_enter(w, "gre", NEXT_ETHERNET);

    enum verdict verdict = gre_flags(&g) & GRE_KEY
                               ? walk_enter_numbered(w, "gre", gre_key(&g), NEXT_PAYLOAD)
                               : walk_enter(w, "gre", NEXT_PAYLOAD);
    if (verdict != VERDICT_OK)
        return verdict;
    if (protocol == GRE_PPP)
        return walk_on(w, NEXT_PPP);
    if (protocol == GRE_WCCP)
        return skip_wccp(w);
    if (is_aruba(protocol))
        return walk_on(w, NEXT_WLAN);
    return walk_ethertype(w, protocol);
}

enum verdict walk_erspan(struct walk *w)
{
    struct erspan e;

    if (!erspan_view(&w->rest, &e))
        return walk_short(w, erspan_need(w->rest));
    switch (erspan_kind(&e)) {
    case ERSPAN_ETHERNET:
        return walk_on(w, NEXT_ETHERNET);
    case ERSPAN_IP:
        return walk_on(w, NEXT_IP);
    default:
        return VERDICT_OTHER_LINK;
    }
}

enum verdict walk_etherip(struct walk *w)
{
    struct etherip e;

    if (!etherip_view(&w->rest, &e))
        return walk_short(w, etherip_need(w->rest));
    return walk_enter(w, "etherip", NEXT_ETHERNET);
}

/* ---- L2TP, version 3 ---- */

/* A session's cookie has 0, 4 or 8 bytes, its sublayer 0 or 4. Where none of the places holds
 * what looks like Ethernet, or PPP with its address and control, it cannot be told what is
 * carried. */
enum verdict walk_l2tp_session(struct walk *w)
{
    enum { COOKIE_AND_SUBLAYER_MAX = 12, PPP_ADDRESS_CONTROL = 0xff03 };
    struct l2tp_session s;

    if (!l2tp_session_view(&w->rest, &s))
        return walk_short(w, l2tp_session_need(w->rest));
    if (l2tp_session_id(&s) == 0) /* a control message */
        return VERDICT_OTHER_TRANSPORT;
    for (size_t at = 0; at <= COOKIE_AND_SUBLAYER_MAX; at += 4) {
        struct span rest = span_after(w->rest, at);
        bool is_ethernet = walk_looks_like_ethernet(rest);
        if (!is_ethernet && (rest.len < 4 || load_be16(rest, 0) != PPP_ADDRESS_CONTROL))
            continue;
        w->rest = rest;
        return walk_enter(w, "l2tp", is_ethernet ? NEXT_ETHERNET : NEXT_PPP);
    }
    if (w->cut > 0 && w->rest.len < COOKIE_AND_SUBLAYER_MAX + ETHERNET_ENOUGH)
        return VERDICT_TRUNCATED; /* it cannot be told yet */
    return VERDICT_OTHER_TRANSPORT;
}

/* ---- over Ethernet ---- */

enum verdict walk_nsh(struct walk *w)
{
    struct nsh n;
    enum next next;

    if (!nsh_view(&w->rest, &n))
        return walk_short(w, nsh_need(w->rest));
    switch (nsh_next(&n)) {
    case NSH_IPV4:
        next = NEXT_IPV4;
        break;
    case NSH_IPV6:
        next = NEXT_IPV6;
        break;
    case NSH_ETHERNET:
        next = NEXT_ETHERNET;
        break;
    case NSH_NSH:
        next = NEXT_NSH;
        break;
    case NSH_MPLS:
        next = NEXT_MPLS;
        break;
    default:
        return VERDICT_OTHER_NETWORK;
    }
    return walk_enter(w, "nsh", next);
}

enum verdict walk_pbb(struct walk *w)
{
    struct pbb p;

    if (!pbb_view(&w->rest, &p))
        return walk_short(w, pbb_need(w->rest));
    return walk_enter_numbered(w, "pbb", pbb_service(&p), NEXT_ETHERNET);
}
