/* dissect.c - the walk from a link type to a payload, and the verdict at its end. */
#include "dissect/dissect.h"

#include "dissect/walk.h"

#include <assert.h>
#include <string.h>

/* Headers in one frame. Each takes bytes, so that a walk ends anyway; this keeps a frame of
 * nothing but options from costing more than some microseconds. A receiver knows no such bound,
 * so it is generous: nobody should hide a segment behind a few dozen headers. */
enum { DEPTH_MAX = 1024 };

/* LINKTYPE_ values (tcpdump.org/linktypes), and two that some systems write in their place. */
static bool link_next(uint32_t link_type, enum next *next)
{
    static const struct {
        uint32_t link_type;
        enum next next;
    } link_types[] = {
        {1, NEXT_ETHERNET},        /* ETHERNET */
        {0, NEXT_NULL},            /* NULL */
        {9, NEXT_PPP_SERIAL},      /* PPP */
        {12, NEXT_IP},             /* DLT_RAW of most systems */
        {14, NEXT_IP},             /* DLT_RAW of OpenBSD */
        {50, NEXT_PPP_SERIAL},     /* PPP_HDLC */
        {101, NEXT_IP},            /* RAW */
        {108, NEXT_NULL},          /* LOOP */
        {113, NEXT_SLL},           /* LINUX_SLL */
        {204, NEXT_PPP_DIRECTION}, /* PPP_WITH_DIR */
        {228, NEXT_IPV4},          /* IPV4 */
        {229, NEXT_IPV6},          /* IPV6 */
        {276, NEXT_SLL2},          /* LINUX_SLL2 */
    };

    for (size_t i = 0; i < sizeof(link_types) / sizeof(link_types[0]); i++) {
        if (link_types[i].link_type == link_type) {
            *next = link_types[i].next;
            return true;
        }
    }
    return false;
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
    case NEXT_IP:
        return walk_ip(w);
    case NEXT_IPV4:
        return walk_ipv4(w);
    case NEXT_IPV6:
        return walk_ipv6(w);
    case NEXT_EXTENSION:
        return walk_extension(w);
    case NEXT_TCP:
        return walk_tcp(w);
    case NEXT_UDP:
        return walk_udp(w);
    case NEXT_ICMP:
        return walk_icmp(w);
    case NEXT_PAYLOAD:
        break;
    }
    assert(w->next != NEXT_PAYLOAD); /* where the walk ends */
    return VERDICT_MALFORMED;
}

static enum verdict walk(struct walk *w)
{
    for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
        enum verdict verdict = step(w);
        if (verdict != VERDICT_OK || w->next == NEXT_PAYLOAD)
            return verdict;
    }
    return VERDICT_MALFORMED;
}

enum verdict dissect(const struct frame *frame, struct packet *packet)
{
    struct walk w = {.packet = packet, .rest = frame->bytes, .missing = SIZE_MAX};

    if (frame->wire_len > frame->bytes.len)
        w.cut = frame->wire_len - frame->bytes.len;
    memset(packet, 0, sizeof(*packet));
    packet->frame = frame;
    if (!link_next(frame->link_type, &w.next))
        return VERDICT_UNKNOWN_LINK;
    enum verdict verdict = walk(&w);
    packet->bad_ip_checksum = w.bad_header;
    return w.bad_header && verdict < VERDICT_TRUNCATED ? VERDICT_BAD_CHECKSUM : verdict;
}

enum verdict dissect_transport(struct packet *packet)
{
    struct walk w = {.packet = packet, .rest = packet->ip_payload, .remade = true};

    assert(packet->ip_payload.len <= packet->ip_payload_len);
    w.missing = w.cut = packet->ip_payload_len - packet->ip_payload.len;
    packet->fragment = false;
    enum verdict verdict = walk_protocol(&w, packet->ip_protocol);
    return verdict == VERDICT_OK ? walk(&w) : verdict;
}
