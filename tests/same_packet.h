/* same_packet.h - whether two dissections of one frame say the same.
 *
 * All that a verdict promises is compared: members that it says nothing of may hold anything. */
#ifndef SEINE_TESTS_SAME_PACKET_H
#define SEINE_TESTS_SAME_PACKET_H

#include "dissect/packet.h"

#include <string.h>

static inline bool is_same_span(struct span a, struct span b)
{
    return a.len == b.len && a.data == b.data;
}

static inline bool is_same_quote(const struct quote *a, const struct quote *b)
{
    if (!a->present || !b->present)
        return a->present == b->present;
    return a->protocol == b->protocol && is_same_span(a->transport, b->transport) &&
           memcmp(&a->ends, &b->ends, sizeof a->ends) == 0;
}

/* The name of a member that differs in two packets of this verdict; NULL when none does. */
static inline const char *packet_difference(enum verdict verdict, const struct packet *a,
                                            const struct packet *b)
{
#define SAME(member)            \
    if (a->member != b->member) \
    return #member
#define SAME_SPAN(member)                    \
    if (!is_same_span(a->member, b->member)) \
    return #member
#define SAME_BYTES(member)                                      \
    if (memcmp(&a->member, &b->member, sizeof(a->member)) != 0) \
    return #member

    SAME(frame);
    SAME(ip_version);
    SAME(transport);
    SAME(vlan_count);
    SAME_BYTES(vlans);
    SAME(has_macs);
    if (a->has_macs) {
        SAME_BYTES(src_mac);
        SAME_BYTES(dst_mac);
    }
    SAME(bad_ip_checksum);
    SAME(aggregate);
    SAME(unread);
    SAME(tunnel_count);
    if (strcmp(a->tunnel, b->tunnel) != 0)
        return "tunnel";
    SAME(carrier_count);
    for (unsigned i = 0; i < a->carrier_count; i++) {
        SAME_BYTES(carriers[i].ends);
        SAME(carriers[i].ip_len);
        SAME(carriers[i].payload_len);
        SAME(carriers[i].tunnel_len);
    }
    SAME(fragment);
    SAME(compressed);
    SAME_SPAN(whole);
    SAME(pieces);
    SAME(piece_count);
    SAME(frames);
    SAME(frame_count);
    if (a->ip_version == 0)
        return NULL;
    SAME(ttl);
    SAME(ip_len);
    SAME_BYTES(ends);
    SAME_SPAN(ip_payload);
    SAME(ip_payload_len);
    SAME(ip_payload_offset);
    SAME(ip_protocol);
    SAME(compression);
    SAME(more_fragments);
    SAME(fragment_id);
    SAME(fragment_at);
    if (a->transport == 0 || (verdict != VERDICT_OK && verdict != VERDICT_BAD_CHECKSUM))
        return NULL;
    SAME_SPAN(headers);
    SAME(checksum);
    SAME(old_checksum);
    SAME_SPAN(payload);
    SAME(payload_len);
    SAME(payload_offset);
    if (!is_same_quote(&a->quote, &b->quote))
        return "quote";
    if (a->transport == TRANSPORT_TCP)
        SAME_SPAN(tcp.header);
    if (a->transport == TRANSPORT_SCTP)
        SAME_SPAN(sctp.header);
    if (a->transport == TRANSPORT_ICMP || a->transport == TRANSPORT_ICMPV6)
        SAME_SPAN(icmp.header);
    return NULL;
#undef SAME
#undef SAME_SPAN
#undef SAME_BYTES
}

#endif
