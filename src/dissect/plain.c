/* plain.c - the frames that nearly all are, in one pass.
 *
 *     [ethernet][vlan]?[ipv4 without options | ipv6 without extensions][tcp | udp, no tunnel][payload]
 *
 * The walk (walk.h) would say the same of each: only whole packets that have nothing to be judged but the
 * checksum of their transport are read here, and everything else is left to it. */
#include "dissect/checksum.h"
#include "dissect/ethernet.h"
#include "dissect/ipv4.h"
#include "dissect/ipv6.h"
#include "dissect/udp.h"
#include "dissect/vlan.h"
#include "dissect/walk.h"

#include <string.h>

enum { LINKTYPE_ETHERNET = 1, TYPE_IPV4 = 0x0800, TYPE_VLAN = 0x8100, TYPE_IPV6 = 0x86dd };

/* Lengths that stand here as constants let the compiler see that every load is inside. */
enum { ETHERNET_LEN = 14, VLAN_LEN = 4 };

/* Takes the link headers off `rest`. The EtherType of what follows; 0 when they are not plain. */
static inline uint16_t read_link(struct span *rest, struct packet *packet)
{
    struct ethernet e;
    struct vlan v;

    if (!span_take(rest, ETHERNET_LEN, &e.header))
        return 0;
    memcpy(packet->dst_mac, e.header.data, sizeof(packet->dst_mac));
    memcpy(packet->src_mac, e.header.data + sizeof(packet->dst_mac), sizeof(packet->src_mac));
    packet->has_macs = true;
    packet->vlan_count = 0;
    memset(packet->vlans, 0, sizeof(packet->vlans));
    if (ethernet_type(&e) != TYPE_VLAN)
        return ethernet_type(&e);
    if (!span_take(rest, VLAN_LEN, &v.header))
        return 0;
    packet->vlans[packet->vlan_count++] = vlan_id(&v);
    return vlan_type(&v);
}

/* Takes the header off `rest`, which then ends where the packet does. Returns the protocol of what follows, and
 * the wide sum of the addresses; 0 when the header is not plain. */
static inline uint8_t read_ipv4(struct span *rest, struct packet *packet, uint64_t *sum)
{
    enum { VERSION_AND_LEN = 0x45, FRAGMENT_BITS = 0x3fff, ADDRESSES_AT = 12 };
    struct ipv4 i;

    if (!span_take(rest, IPV4_FIXED_LEN, &i.header))
        return 0;
    const size_t len = ipv4_len(&i);
    if (load_u8(i.header, 0) != VERSION_AND_LEN || load_be16(i.header, 6) & FRAGMENT_BITS ||
        len < IPV4_FIXED_LEN || len - IPV4_FIXED_LEN > rest->len)
        return 0;
    *sum = checksum_wide8(i.header, ADDRESSES_AT);
    const uint64_t before =
        checksum_wide_add(checksum_wide8(i.header, 0), checksum_wide4(i.header, 8));
    if (ipv4_checksum(&i) != 0 &&
        checksum_fold(checksum_wide_add(*sum, before)) != CHECKSUM_ALL_ONES)
        return 0;
    packet->ip_version = 4;
    packet->ttl = ipv4_ttl(&i);
    packet->ip_len = (uint32_t)len;
    ipv4_src(&i, &packet->ends.src);
    ipv4_dst(&i, &packet->ends.dst);
    *rest = span_first(*rest, len - IPV4_FIXED_LEN);
    return ipv4_protocol(&i);
}

static inline uint8_t read_ipv6(struct span *rest, struct packet *packet, uint64_t *sum)
{
    enum { ADDRESSES_AT = 8 };
    struct ipv6 i;

    if (!span_take(rest, IPV6_HEADER_LEN, &i.header))
        return 0;
    const size_t len = ipv6_payload_len(&i);
    if (load_u8(i.header, 0) >> 4 != 6 || len == 0 || len > rest->len)
        return 0;
    *sum = 0;
    for (size_t at = ADDRESSES_AT; at < IPV6_HEADER_LEN; at += 8)
        *sum = checksum_wide_add(*sum, checksum_wide8(i.header, at));
    packet->ip_version = 6;
    packet->ttl = ipv6_hop_limit(&i);
    packet->ip_len = (uint32_t)(IPV6_HEADER_LEN + len);
    ipv6_src(&i, &packet->ends.src);
    ipv6_dst(&i, &packet->ends.dst);
    *rest = span_first(*rest, len);
    return ipv6_next(&i);
}

/* What the checksum `found` of a segment whose addresses sum up to `sum` is worth. */
static inline enum checksum judge(const struct packet *packet, uint64_t sum, uint8_t protocol,
                                  uint16_t found, struct span segment)
{
    const uint8_t pseudo[4] = {0, protocol, (uint8_t)(segment.len >> 8), (uint8_t)segment.len};

    sum = checksum_wide_add(sum, checksum_wide4(span_of(pseudo, sizeof(pseudo)), 0));
    sum = checksum_wide_add(sum, checksum_wide(segment));
    if (checksum_fold(sum) == CHECKSUM_ALL_ONES)
        return CHECKSUM_RIGHT;
    return walk_judge(packet, protocol, found, segment, segment.len);
}

static inline bool read_tcp(struct span *rest, struct packet *packet, uint64_t sum)
{
    const struct span segment = *rest;
    struct tcp *t = &packet->tcp;

    if (!tcp_view(rest, t))
        return false;
    packet->ends.src_port = tcp_src_port(t);
    packet->ends.dst_port = tcp_dst_port(t);
    packet->checksum = judge(packet, sum, TRANSPORT_TCP, tcp_checksum(t), segment);
    packet->headers = t->header;
    return true;
}

static inline bool read_udp(struct span *rest, struct packet *packet, uint64_t sum)
{
    const struct span all = *rest;
    struct udp u;

    if (!span_take(rest, UDP_HEADER_LEN, &u.header))
        return false;
    const size_t len = udp_len(&u);
    if (len < UDP_HEADER_LEN || len > all.len ||
        walk_may_be_tunnel(udp_src_port(&u), udp_dst_port(&u)))
        return false;
    *rest = span_first(*rest, len - UDP_HEADER_LEN);
    packet->ends.src_port = udp_src_port(&u);
    packet->ends.dst_port = udp_dst_port(&u);
    packet->checksum = CHECKSUM_NONE;
    if (udp_checksum(&u) != 0)
        packet->checksum =
            judge(packet, sum, TRANSPORT_UDP, udp_checksum(&u), span_first(all, len));
    packet->headers = u.header;
    return true;
}

/* The members that only other frames set: clearing these takes less time than clearing all. */
static inline void clear_rest(struct packet *packet)
{
    packet->quote.present = false;
    packet->old_checksum = packet->bad_ip_checksum = false;
    packet->aggregate = packet->unread = false;
    packet->fragment = packet->more_fragments = packet->compressed = false;
    packet->tunnel_count = packet->carrier_count = 0;
    packet->fragment_id = packet->fragment_at = 0;
    packet->compression = 0;
    packet->whole = (struct span){NULL, 0};
    packet->pieces = NULL;
    packet->frames = NULL;
    packet->piece_count = packet->frame_count = 0;
    packet->tunnel[0] = '\0';
}

bool dissect_plain(const struct frame *frame, struct packet *packet)
{
    struct span rest = frame->bytes;
    uint64_t sum; /* of the addresses */
    uint8_t protocol = 0;

    if (frame->link_type != LINKTYPE_ETHERNET)
        return false;
    const uint16_t type = read_link(&rest, packet);
    if (type == TYPE_IPV4)
        protocol = read_ipv4(&rest, packet, &sum);
    else if (type == TYPE_IPV6)
        protocol = read_ipv6(&rest, packet, &sum);
    if (protocol != TRANSPORT_TCP && protocol != TRANSPORT_UDP)
        return false;
    packet->ip_payload = rest;
    if (!(protocol == TRANSPORT_TCP ? read_tcp(&rest, packet, sum) : read_udp(&rest, packet, sum)))
        return false;

    const uint8_t *const begin = frame->bytes.data;
    packet->frame = frame;
    packet->transport = packet->ip_protocol = protocol;
    packet->ip_payload_len = (uint32_t)packet->ip_payload.len;
    packet->ip_payload_offset = frame->offset + (uint64_t)(packet->ip_payload.data - begin);
    packet->payload = rest;
    packet->payload_len = (uint32_t)rest.len;
    packet->payload_offset = frame->offset + (uint64_t)(rest.data - begin);
    clear_rest(packet);
    return true;
}
