/* walk_network.c - the steps through IPv4, IPv6 and its extension headers.
 *
 * What the IP header says about its length is believed: the rest after it is padding of the
 * link. It is believed too when the frame ends before: then the snap length has cut the frame,
 * or a tool did and wrote the shorter length down as if it had been on the wire. The sequence
 * numbers after it count the bytes that the header says. Only where an outer header with a
 * length of its own (802.3, PPPoE) says less, that one wins: what follows there is padding.
 * Wireshark takes what is there for the length in each of these cases, and shows the same bytes. A
 * header with a wrong checksum is not believed to mean more than what is there. */
#include "dissect/checksum.h"
#include "dissect/ipcomp.h"
#include "dissect/ipv4.h"
#include "dissect/ipv6.h"
#include "dissect/walk.h"

enum protocol { /* IANA, protocol numbers; the transports are in packet.h */
                PROTOCOL_IPV4 = 4,
                PROTOCOL_IPV6 = 41,
                PROTOCOL_GRE = 47,
                PROTOCOL_ESP = 50,
                PROTOCOL_ETHERIP = 97,
                PROTOCOL_IPCOMP = 108,
                PROTOCOL_L2TP = 115,
                PROTOCOL_MPLS = 137,
                PROTOCOL_ETHERNET = 143, /* RFC 8986 10.1 */
};

enum verdict walk_protocol(struct walk *w, uint8_t protocol)
{
    const bool v6 = w->packet->ip_version == 6;

    if (protocol == TRANSPORT_TCP)
        return walk_on(w, NEXT_TCP);
    if (protocol == TRANSPORT_UDP)
        return walk_on(w, NEXT_UDP);
    if (protocol == TRANSPORT_SCTP)
        return walk_on(w, NEXT_SCTP);
    if (protocol == (v6 ? TRANSPORT_ICMPV6 : TRANSPORT_ICMP))
        return walk_on(w, NEXT_ICMP);
    if (v6 ? ipv6_is_extension(protocol) : protocol == IPV6_AUTHENTICATION) {
        w->extension = protocol;
        return walk_on(w, NEXT_EXTENSION);
    }
    switch (protocol) {
    case PROTOCOL_IPV4:
        return walk_enter(w, v6 ? "4in6" : "4in4", NEXT_IPV4);
    case PROTOCOL_IPV6:
        return walk_enter(w, v6 ? "6in6" : "6in4", NEXT_IPV6);
    case PROTOCOL_GRE:
        return walk_on(w, NEXT_GRE);
    case PROTOCOL_ESP:
        return VERDICT_ENCRYPTED;
    case PROTOCOL_ETHERIP:
        return walk_on(w, NEXT_ETHERIP);
    case PROTOCOL_L2TP:
        return walk_on(w, NEXT_L2TP_SESSION);
    case PROTOCOL_MPLS:
        return walk_enter(w, "mpls", NEXT_MPLS);
    case PROTOCOL_ETHERNET:
        return walk_enter(w, "ethernet", NEXT_ETHERNET);
    case PROTOCOL_IPCOMP:
        return walk_on(w, NEXT_IPCOMP);
    default:
        return VERDICT_OTHER_TRANSPORT;
    }
}

/* What the IP headers read so far leave is the payload of the packet, `protocol` its kind. A
 * datagram made whole keeps what the defragmenter gave it, until a tunnel begins in it. */
static void note_ip_payload(struct walk *w, uint8_t protocol)
{
    struct packet *packet = w->packet;

    if (w->remade)
        return;
    packet->ip_protocol = protocol;
    packet->ip_payload = w->rest;
    packet->ip_payload_len = (uint32_t)(w->rest.len + w->missing);
    packet->ip_payload_offset = 0; /* a tunnel inside a datagram made whole: the pieces know */
    if (!packet->whole.data)
        packet->ip_payload_offset =
            packet->frame->offset + (uint64_t)(w->rest.data - packet->frame->bytes.data);
}

enum verdict walk_ip(struct walk *w)
{
    if (w->rest.len == 0)
        return walk_short(w, 1);
    return walk_on(w, load_u8(w->rest, 0) >> 4 == 6 ? NEXT_IPV6 : NEXT_IPV4);
}

/* Whether the fragment in `packet` could be part of a datagram. Each but the last is a multiple
 * of 8 bytes; and `before`, the bytes that count as well, must not take the whole past the
 * greatest length there is (RFC 791 3.2, RFC 8200 4.5; "ping of death"). */
static bool is_fragment_possible(const struct packet *packet, uint64_t before)
{
    enum { LEN_MAX = 65535 };

    if (packet->more_fragments && packet->ip_payload_len % 8 != 0)
        return false;
    return before + packet->fragment_at + packet->ip_payload_len <= LEN_MAX;
}

/* A checksum of zero was left to the network card, as that of the transport is. */
static bool is_header_right(const struct ipv4 *i)
{
    return ipv4_checksum(i) == 0 || checksum_of_header(i->header) == CHECKSUM_ALL_ONES;
}

/* How long a packet is that does not say so: all that is left, which at the end of the frame is not
 * what the capture calls a frame check sequence. */
static size_t unsized_len(const struct walk *w)
{
    size_t len = w->rest.len + w->cut;
    size_t fcs_len = w->missing == SIZE_MAX ? w->packet->frame->fcs_len : 0;
    return len > fcs_len ? len - fcs_len : 0;
}

enum verdict walk_ipv4(struct walk *w)
{
    struct packet *packet = w->packet;
    struct ipv4 i;

    if (!ipv4_view(&w->rest, &i))
        return walk_short(w, ipv4_need(w->rest));
    const bool is_right = is_header_right(&i);
    w->bad_header |= !is_right;
    size_t header_len = i.header.len, len = ipv4_len(&i);
    w->unsized = len == 0; /* segmentation offload: the packet is as long as the frame */
    const size_t there = header_len + unsized_len(w);
    if (w->unsized || (!is_right && len > there))
        len = there;
    if (len < header_len)
        return VERDICT_MALFORMED;

    packet->ip_version = 4;
    packet->ttl = ipv4_ttl(&i);
    packet->ip_len = (uint32_t)len;
    ipv4_src(&i, &packet->ends.src);
    ipv4_dst(&i, &packet->ends.dst);
    walk_bound(w, len - header_len);
    note_ip_payload(w, ipv4_protocol(&i));
    if (!ipv4_more_fragments(&i) && ipv4_fragment_at(&i) == 0)
        return walk_protocol(w, ipv4_protocol(&i));

    packet->fragment = true;
    packet->fragment_at = ipv4_fragment_at(&i);
    packet->more_fragments = ipv4_more_fragments(&i);
    packet->fragment_id = ipv4_id(&i);
    return is_fragment_possible(packet, header_len) ? VERDICT_FRAGMENT : VERDICT_MALFORMED;
}

enum verdict walk_ipv6(struct walk *w)
{
    struct packet *packet = w->packet;
    struct ipv6 i;

    if (!ipv6_view(&w->rest, &i))
        return walk_short(w, ipv6_need(w->rest));
    size_t header_len = i.header.len, len = ipv6_payload_len(&i);
    /* No length, although something follows: segmentation offload, or a jumbogram, whose length
     * stands in its hop-by-hop header (RFC 2675 3). */
    w->unsized = len == 0 && ipv6_next(&i) != IPV6_NOTHING;
    if (w->unsized)
        len = unsized_len(w);

    packet->ip_version = 6;
    packet->ttl = ipv6_hop_limit(&i);
    packet->ip_len = (uint32_t)(header_len + len);
    ipv6_src(&i, &packet->ends.src);
    ipv6_dst(&i, &packet->ends.dst);
    walk_bound(w, len);
    note_ip_payload(w, ipv6_next(&i));
    return walk_protocol(w, ipv6_next(&i));
}

/* Takes the length of a jumbogram. False when it has one already, or is not that long. */
static bool read_jumbo(struct walk *w, uint32_t len)
{
    /* What extension headers, with this one, have taken of it. */
    const size_t taken = w->packet->ip_len - IPV6_HEADER_LEN - (w->rest.len + w->missing);

    if (!w->unsized || len <= IPV6_PAYLOAD_MAX || len > UINT32_MAX - IPV6_HEADER_LEN || len < taken)
        return false;
    w->unsized = false;
    w->packet->ip_len = IPV6_HEADER_LEN + len;
    w->missing = SIZE_MAX;
    walk_bound(w, len - taken);
    return true;
}

/* A fragment header. One that stands before the whole datagram is passed over (RFC 6946); one
 * inside a datagram that was made whole would be a fragment of a fragment (RFC 8200 4.1: at most
 * one). */
static enum verdict walk_fragment(struct walk *w, const struct ipv6_extension *e)
{
    struct packet *packet = w->packet;

    if (!ipv6_more_fragments(e) && ipv6_fragment_at(e) == 0)
        return walk_protocol(w, ipv6_extension_next(e));
    if (w->remade)
        return VERDICT_MALFORMED;
    packet->fragment = true;
    packet->fragment_at = ipv6_fragment_at(e);
    packet->more_fragments = ipv6_more_fragments(e);
    packet->fragment_id = ipv6_fragment_id(e);
    uint64_t before = packet->ip_len - IPV6_HEADER_LEN - packet->ip_payload_len - e->header.len;
    return is_fragment_possible(packet, before) ? VERDICT_FRAGMENT : VERDICT_MALFORMED;
}

enum verdict walk_extension(struct walk *w)
{
    const uint8_t kind = w->extension;
    struct ipv6_extension e;
    uint32_t jumbo_len;

    if (!ipv6_extension_view(&w->rest, kind, &e))
        return walk_short(w, ipv6_extension_need(w->rest, kind));
    if (ipv6_jumbo_len(&e, &jumbo_len) && !read_jumbo(w, jumbo_len))
        return VERDICT_MALFORMED;
    ipv6_final_dst(&e, &w->packet->ends.dst);
    ipv6_home_src(&e, &w->packet->ends.src);
    note_ip_payload(w, ipv6_extension_next(&e));
    if (kind == IPV6_FRAGMENT)
        return walk_fragment(w, &e);
    return walk_protocol(w, ipv6_extension_next(&e));
}

/* The end for this walk, which has no place for what is unpacked; it goes on from dissect_transport(). */
enum verdict walk_ipcomp(struct walk *w)
{
    struct packet *packet = w->packet;
    struct ipcomp i;

    if (!ipcomp_view(&w->rest, &i))
        return walk_short(w, IPCOMP_HEADER_LEN);
    packet->compressed = true;
    packet->compression = ipcomp_index(&i);
    packet->ip_protocol = ipcomp_next(&i);
    packet->ip_payload = w->rest;
    packet->ip_payload_len = (uint32_t)(w->rest.len + w->missing);
    packet->ip_payload_offset = 0; /* what it holds lies nowhere in the capture */
    return VERDICT_OTHER_TRANSPORT;
}
