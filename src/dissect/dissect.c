/* dissect.c - the walk from a link type to a payload, and the verdict at its end. */
#include "dissect/dissect.h"

#include "dissect/walk.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

/* Headers in one frame. Each takes bytes, so that a walk ends anyway; this keeps a frame of
 * nothing but options from costing more than some microseconds. A receiver knows no such bound,
 * so it is generous: nobody should hide a segment behind a few dozen headers. */
enum { DEPTH_MAX = 1024 };

/* Packets of an aggregate, of which none is what a tunnel would bring: as many as are read of one. */
enum { PARTS_GUESSED_MAX = 64 };

/* LINKTYPE_ values (tcpdump.org/linktypes), and some that systems write in their place. */
enum verdict walk_link_type(struct walk *w, uint32_t link_type)
{
    static const struct {
        uint32_t link_type;
        enum next next;
    } link_types[] = {
        {1, NEXT_ETHERNET},       /* ETHERNET */
        {0, NEXT_NULL},           /* NULL */
        {6, NEXT_TOKEN_RING},     /* IEEE802_5 */
        {7, NEXT_ARCNET_BSD},     /* ARCNET_BSD */
        {8, NEXT_SLIP},           /* SLIP */
        {9, NEXT_PPP_SERIAL},     /* PPP */
        {10, NEXT_FDDI},          /* FDDI */
        {12, NEXT_IP},            /* DLT_RAW of most systems */
        {14, NEXT_IP},            /* DLT_RAW of OpenBSD */
        {50, NEXT_PPP_SERIAL},    /* PPP_HDLC */
        {51, NEXT_PPPOE},         /* PPP_ETHER */
        {100, NEXT_LLC},          /* ATM_RFC1483 */
        {101, NEXT_IP},           /* RAW */
        {104, NEXT_PPP_SERIAL},   /* C_HDLC */
        {105, NEXT_WLAN},         /* IEEE802_11 */
        {107, NEXT_FRELAY},       /* FRELAY */
        {108, NEXT_NULL},         /* LOOP */
        {113, NEXT_SLL},          /* LINUX_SLL */
        {119, NEXT_PRISM},        /* IEEE802_11_PRISM */
        {127, NEXT_RADIOTAP},     /* IEEE802_11_RADIOTAP */
        {129, NEXT_ARCNET_LINUX}, /* ARCNET_LINUX */
        {149, NEXT_PKTAP},        /* DLT_USER2 of Apple's first ones */
        {163, NEXT_PRISM},        /* IEEE802_11_AVS */
        {178, NEXT_JUNIPER_ETHERNET},
        {179, NEXT_JUNIPER_PPP},
        {180, NEXT_JUNIPER_FRELAY},
        {181, NEXT_JUNIPER_CHDLC},
        {192, NEXT_PPI},           /* PPI */
        {204, NEXT_PPP_DIRECTION}, /* PPP_WITH_DIR */
        {226, NEXT_IPNET},         /* IPNET */
        {228, NEXT_IPV4},          /* IPV4 */
        {229, NEXT_IPV6},          /* IPV6 */
        {239, NEXT_NFLOG},         /* NFLOG */
        {242, NEXT_IPOIB},         /* IPOIB */
        {253, NEXT_SLL},           /* NETLINK: its device says that it is */
        {258, NEXT_PKTAP},         /* PKTAP */
        {276, NEXT_SLL2},          /* LINUX_SLL2 */
    };

    for (size_t i = 0; i < sizeof(link_types) / sizeof(link_types[0]); i++)
        if (link_types[i].link_type == link_type)
            return walk_on(w, link_types[i].next);
    return VERDICT_UNKNOWN_LINK;
}

static enum verdict step(struct walk *w)
{
    switch (w->next) {
    case NEXT_ETHERNET:
        return walk_ethernet(w);
    case NEXT_LLC:
        return walk_llc(w);
    case NEXT_VLAN:
        return walk_vlan(w);
    case NEXT_SLL:
        return walk_sll(w);
    case NEXT_SLL2:
        return walk_sll2(w);
    case NEXT_NULL:
        return walk_null(w);
    case NEXT_PPP:
        return walk_ppp(w);
    case NEXT_PPP_DIRECTION:
        return walk_ppp_direction(w);
    case NEXT_PPP_SERIAL:
        return walk_ppp_serial(w);
    case NEXT_PPPOE:
        return walk_pppoe(w);
    case NEXT_MPLS:
        return walk_mpls(w);
    case NEXT_MACSEC:
        return walk_macsec(w);
    case NEXT_VNTAG:
        return walk_vntag(w);
    case NEXT_FRELAY:
        return walk_frelay(w);
    case NEXT_FDDI:
        return walk_fddi(w);
    case NEXT_TOKEN_RING:
        return walk_token_ring(w);
    case NEXT_ARCNET_LINUX:
        return walk_arcnet_linux(w);
    case NEXT_ARCNET_BSD:
        return walk_arcnet_bsd(w);
    case NEXT_SLIP:
        return walk_slip(w);
    case NEXT_IPOIB:
        return walk_ipoib(w);
    case NEXT_PKTAP:
        return walk_pktap(w);
    case NEXT_JUNIPER_ETHERNET:
        return walk_juniper_ethernet(w);
    case NEXT_JUNIPER_PPP:
        return walk_juniper_ppp(w);
    case NEXT_JUNIPER_FRELAY:
        return walk_juniper_frelay(w);
    case NEXT_JUNIPER_CHDLC:
        return walk_juniper_chdlc(w);
    case NEXT_NFLOG:
        return walk_nflog(w);
    case NEXT_NETLINK:
        return walk_netlink(w);
    case NEXT_IPNET:
        return walk_ipnet(w);
    case NEXT_WLAN:
        return walk_wlan(w);
    case NEXT_RADIOTAP:
        return walk_radiotap(w);
    case NEXT_PPI:
        return walk_ppi(w);
    case NEXT_PRISM:
        return walk_prism(w);
    case NEXT_GRE:
        return walk_gre(w);
    case NEXT_ERSPAN:
        return walk_erspan(w);
    case NEXT_ETHERIP:
        return walk_etherip(w);
    case NEXT_L2TP_SESSION:
        return walk_l2tp_session(w);
    case NEXT_NSH:
        return walk_nsh(w);
    case NEXT_PBB:
        return walk_pbb(w);
    case NEXT_IP:
        return walk_ip(w);
    case NEXT_IPV4:
        return walk_ipv4(w);
    case NEXT_IPV6:
        return walk_ipv6(w);
    case NEXT_EXTENSION:
        return walk_extension(w);
    case NEXT_IPCOMP:
        return walk_ipcomp(w);
    case NEXT_TCP:
        return walk_tcp(w);
    case NEXT_UDP:
        return walk_udp(w);
    case NEXT_ICMP:
        return walk_icmp(w);
    case NEXT_SCTP:
        return walk_sctp(w);
    case NEXT_PAYLOAD:
        break;
    }
    assert(w->next != NEXT_PAYLOAD); /* where the walk ends */
    return VERDICT_MALFORMED;
}

static enum verdict walk(struct walk *w)
{
    for (; w->depth < DEPTH_MAX; w->depth++) {
        enum verdict verdict = step(w);
        if (verdict != VERDICT_OK || w->next == NEXT_PAYLOAD)
            return verdict;
    }
    return VERDICT_MALFORMED;
}

/* What was taken for a tunnel over UDP holds no packet. */
static bool has_guessed_wrong(const struct walk *w, enum verdict verdict)
{
    return w->guessing && verdict != VERDICT_OK && (verdict != VERDICT_FRAGMENT || w->bad_header);
}

/* The verdict at the end of a walk, when nothing was guessed or the guess was right. */
static enum verdict settle(struct walk *w, enum verdict verdict)
{
    struct packet *packet = w->packet;

    if (has_guessed_wrong(w, verdict)) {
        *packet = *w->outside;
        w->bad_header = w->bad_header_outside;
        verdict = VERDICT_OK;
    }
    packet->bad_ip_checksum = w->bad_header;
    return w->bad_header && verdict < VERDICT_TRUNCATED ? VERDICT_BAD_CHECKSUM : verdict;
}

enum verdict dissect(const struct frame *frame, struct packet *packet)
{
    if (dissect_plain(frame, packet)) /* as nearly always */
        return VERDICT_OK;
    return dissect_walked(frame, packet);
}

enum verdict dissect_walked(const struct frame *frame, struct packet *packet)
{
    return dissect_part(frame, packet, 0);
}

/* From the front of a frame. */
static enum verdict walk_frame(struct walk *w, const struct frame *frame)
{
    struct packet *packet = w->packet;

    w->rest = frame->bytes;
    w->missing = SIZE_MAX;
    if (frame->wire_len > frame->bytes.len)
        w->cut = frame->wire_len - frame->bytes.len;
    memset(packet, 0, offsetof(struct packet, tunnel));
    packet->tunnel[0] = '\0';
    packet->frame = frame;
    enum verdict verdict = walk_link_type(w, frame->link_type);
    return verdict == VERDICT_OK ? walk(w) : verdict;
}

enum verdict dissect_part(const struct frame *frame, struct packet *packet, uint32_t part_at)
{
    struct packet outside;
    struct walk w = {.packet = packet, .part_at = part_at, .outside = &outside};
    enum verdict verdict = walk_frame(&w, frame);

    /* What a tunnel is thought to bring is an aggregate, if any packet of it is read. */
    for (unsigned i = 0; i < PARTS_GUESSED_MAX && w.guessed_around && packet->next_part > 0 &&
                         has_guessed_wrong(&w, verdict);
         i++) {
        w = (struct walk){
            .packet = packet, .part_at = packet->next_part, .is_first = true, .outside = &outside};
        verdict = walk_frame(&w, frame);
    }
    return settle(&w, verdict);
}

enum verdict dissect_transport(struct packet *packet)
{
    struct packet outside;
    struct walk w = {
        .packet = packet, .rest = packet->ip_payload, .remade = true, .outside = &outside};

    assert(packet->ip_payload.len <= packet->ip_payload_len);
    packet->whole = packet->ip_payload;
    w.missing = w.cut = packet->ip_payload_len - packet->ip_payload.len;
    packet->fragment = false;
    enum verdict verdict = walk_protocol(&w, packet->ip_protocol);
    return settle(&w, verdict == VERDICT_OK ? walk(&w) : verdict);
}
