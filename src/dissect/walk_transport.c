/* walk_transport.c - the last step: TCP, UDP, SCTP, ICMP and ICMPv6. */
#include "dissect/checksum.h"
#include "dissect/ipv4.h"
#include "dissect/ipv6.h"
#include "dissect/udp.h"
#include "dissect/walk.h"

/* The end of the walk: the rest is the payload. */
static enum verdict arrive(struct walk *w, uint8_t transport, struct span header)
{
    struct packet *packet = w->packet;

    packet->transport = transport;
    packet->headers = header;
    packet->payload = w->rest;
    packet->payload_len = (uint32_t)(w->rest.len + w->missing);
    packet->payload_offset =
        packet->ip_payload_offset + (uint64_t)(w->rest.data - packet->ip_payload.data);
    return walk_on(w, NEXT_PAYLOAD);
}

static uint16_t pseudo_sum(const struct packet *packet, uint8_t protocol, size_t len)
{
    return packet->ip_version == 6 ? checksum_pseudo_v6(&packet->ends, protocol, (uint32_t)len)
                                   : checksum_pseudo_v4(&packet->ends, protocol, (uint32_t)len);
}

/* The length of the segment that the rest is, by the headers. */
static size_t segment_len(const struct walk *w)
{
    return w->rest.len + w->missing;
}

/* A host that leaves it to its network card writes the sum of the pseudo-header, as a start for the card;
 * Windows leaves the length out of it when the card is to cut the segment up. */
enum checksum walk_judge(const struct packet *packet, uint8_t protocol, uint16_t found,
                         struct span segment, size_t len)
{
    if (segment.len < len)
        return CHECKSUM_UNKNOWN;
    uint16_t pseudo = pseudo_sum(packet, protocol, len);
    if (checksum_add(pseudo, checksum_sum(segment)) == CHECKSUM_ALL_ONES)
        return CHECKSUM_RIGHT;
    if (found == pseudo || found == pseudo_sum(packet, protocol, 0))
        return CHECKSUM_OFFLOAD;
    return CHECKSUM_WRONG;
}

enum verdict walk_tcp(struct walk *w)
{
    struct packet *packet = w->packet;
    const struct span segment = w->rest;
    const size_t len = segment_len(w);
    struct tcp *t = &packet->tcp;

    if (!tcp_view(&w->rest, t))
        return walk_short(w, tcp_need(w->rest));
    packet->ends.src_port = tcp_src_port(t);
    packet->ends.dst_port = tcp_dst_port(t);
    packet->checksum = walk_judge(packet, TRANSPORT_TCP, tcp_checksum(t), segment, len);
    return arrive(w, TRANSPORT_TCP, t->header);
}

/* The length of a datagram, header included. It may say 0 where the packet is longer than it can
 * say, or says no length itself (RFC 2675 4). */
static size_t datagram_len(const struct walk *w, const struct udp *u, size_t whole_len)
{
    enum { LEN_MAX = 65535 };

    if (udp_len(u) == 0 && (w->unsized || whole_len > LEN_MAX))
        return whole_len;
    return udp_len(u);
}

/* Where the datagram says that it is longer than the packet, a receiver would drop it; but its
 * bytes are there, and are kept as the packet bounds them. Where it says that it is shorter,
 * what follows is none of its payload. */
enum verdict walk_udp(struct walk *w)
{
    struct packet *packet = w->packet;
    const struct span segment = w->rest;
    const size_t whole_len = segment_len(w);
    struct udp u;

    if (!udp_view(&w->rest, &u))
        return walk_short(w, udp_need(w->rest));
    size_t len = datagram_len(w, &u, whole_len);
    if (len < UDP_HEADER_LEN)
        return VERDICT_MALFORMED;
    walk_bound(w, len - UDP_HEADER_LEN);
    packet->ends.src_port = udp_src_port(&u);
    packet->ends.dst_port = udp_dst_port(&u);
    packet->checksum = CHECKSUM_NONE;
    if (udp_checksum(&u) != 0)
        packet->checksum =
            walk_judge(packet, TRANSPORT_UDP, udp_checksum(&u), span_first(segment, len), len);
    arrive(w, TRANSPORT_UDP, u.header);
    return walk_udp_tunnel(w);
}

/* The checksum has no pseudo-header. A packet whose chunks make no sense is one all the same: its flow
 * says what is wrong with them. */
enum verdict walk_sctp(struct walk *w)
{
    struct packet *packet = w->packet;
    const struct span whole = w->rest;
    struct sctp *s = &packet->sctp;

    if (!sctp_view(&w->rest, s))
        return walk_short(w, sctp_need(w->rest));
    packet->ends.src_port = sctp_src_port(s);
    packet->ends.dst_port = sctp_dst_port(s);
    packet->checksum = CHECKSUM_WRONG;
    if (w->missing > 0)
        packet->checksum = CHECKSUM_UNKNOWN;
    else if (sctp_checksum(s) == sctp_crc32c(whole))
        packet->checksum = CHECKSUM_RIGHT;
    else if (sctp_checksum(s) == 0)
        packet->checksum = CHECKSUM_OFFLOAD;
    else if (load_be32(s->header, 8) == sctp_adler32(whole)) {
        packet->checksum = CHECKSUM_RIGHT;
        packet->old_checksum = true;
    }
    return arrive(w, TRANSPORT_SCTP, s->header);
}

/* Reads the IP header in `rest` up to its transport. False when that is not at its front. */
static bool read_quoted_ipv4(struct quote *q, struct span *rest)
{
    struct ipv4 i;

    if (!ipv4_view(rest, &i) || ipv4_fragment_at(&i) > 0)
        return false;
    q->protocol = ipv4_protocol(&i);
    ipv4_src(&i, &q->ends.src);
    ipv4_dst(&i, &q->ends.dst);
    return true;
}

static bool read_quoted_ipv6(struct quote *q, struct span *rest)
{
    struct ipv6_extension e;
    struct ipv6 i;

    if (!ipv6_view(rest, &i))
        return false;
    q->protocol = ipv6_next(&i);
    ipv6_src(&i, &q->ends.src);
    ipv6_dst(&i, &q->ends.dst);
    while (ipv6_is_extension(q->protocol)) {
        if (!ipv6_extension_view(rest, q->protocol, &e))
            return false;
        if (e.kind == IPV6_FRAGMENT && ipv6_fragment_at(&e) > 0)
            return false;
        ipv6_final_dst(&e, &q->ends.dst);
        ipv6_home_src(&e, &q->ends.src);
        q->protocol = ipv6_extension_next(&e);
    }
    return true;
}

/* What an error quotes, if it is a packet of a flow: its IP header, and at least the first 8
 * bytes of its transport (RFC 792). They are 8 bytes of someone else's packet, so nothing else
 * is checked. */
static struct quote read_quote(const struct packet *packet, struct span rest)
{
    const bool v6 = packet->ip_version == 6;
    const struct quote none = {.present = false};
    struct quote q = {.present = true};

    if (v6 ? !read_quoted_ipv6(&q, &rest) : !read_quoted_ipv4(&q, &rest))
        return none;
    if (!span_take(&rest, 8, &q.transport))
        return none;
    if (q.protocol == TRANSPORT_TCP || q.protocol == TRANSPORT_UDP ||
        q.protocol == TRANSPORT_SCTP) {
        q.ends.src_port = load_be16(q.transport, 0);
        q.ends.dst_port = load_be16(q.transport, 2);
        return q;
    }
    return q.protocol == (v6 ? TRANSPORT_ICMPV6 : TRANSPORT_ICMP) ? q : none;
}

enum verdict walk_icmp(struct walk *w)
{
    struct packet *packet = w->packet;
    const bool v6 = packet->ip_version == 6;
    const struct span message = w->rest;
    const size_t len = segment_len(w);
    struct icmp *i = &packet->icmp;

    if (!icmp_view(&w->rest, i))
        return walk_short(w, icmp_need(w->rest));
    if (v6)
        packet->checksum = walk_judge(packet, TRANSPORT_ICMPV6, icmp_checksum(i), message, len);
    else if (message.len < len)
        packet->checksum = CHECKSUM_UNKNOWN;
    else /* RFC 792: without a pseudo-header */
        packet->checksum =
            checksum_sum(message) == CHECKSUM_ALL_ONES ? CHECKSUM_RIGHT : CHECKSUM_WRONG;
    if (v6 ? icmpv6_is_error(icmp_type(i)) : icmp_is_error(icmp_type(i)))
        packet->quote = read_quote(packet, w->rest);
    return arrive(w, v6 ? TRANSPORT_ICMPV6 : TRANSPORT_ICMP, i->header);
}
