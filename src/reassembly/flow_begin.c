/* flow_begin.c - which flow a packet belongs to, and what its first packet says of a flow. */
#include "reassembly/flow_begin.h"

#include "dissect/dissect.h"
#include "reassembly/association.h"
#include "reassembly/history.h"

#include <string.h>

/* ICMP messages that answer each other are one flow (as in Zeek and Community ID). */
static bool icmp_answer(uint8_t transport, uint8_t type, uint8_t *answer, bool *is_request)
{
    static const struct {
        uint8_t transport, request, reply;
    } pairs[] = {
        {TRANSPORT_ICMP, 8, 0},       /* echo */
        {TRANSPORT_ICMP, 13, 14},     /* timestamp */
        {TRANSPORT_ICMP, 15, 16},     /* information */
        {TRANSPORT_ICMP, 17, 18},     /* address mask */
        {TRANSPORT_ICMP, 10, 9},      /* router solicitation */
        {TRANSPORT_ICMPV6, 128, 129}, /* echo */
        {TRANSPORT_ICMPV6, 133, 134}, /* router solicitation */
        {TRANSPORT_ICMPV6, 135, 136}, /* neighbour solicitation */
        {TRANSPORT_ICMPV6, 130, 131}, /* multicast listener */
        {TRANSPORT_ICMPV6, 144, 145}, /* home agent discovery */
        {TRANSPORT_ICMPV6, 139, 140}, /* node information */
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (pairs[i].transport != transport)
            continue;
        if (pairs[i].request == type || pairs[i].reply == type) {
            *is_request = pairs[i].request == type;
            *answer = *is_request ? pairs[i].reply : pairs[i].request;
            return true;
        }
    }
    *is_request = true;
    return false;
}

static bool is_src_low(const struct endpoints *ends)
{
    const struct span src = span_of(&ends->src, sizeof ends->src);
    const struct span dst = span_of(&ends->dst, sizeof ends->dst);
    uint64_t a = load_be64(src, 0), b = load_be64(dst, 0);

    if (a == b) { /* always so of IPv4 */
        a = load_be64(src, 8);
        b = load_be64(dst, 8);
    }
    return a < b || (a == b && ends->src_port <= ends->dst_port);
}

/* A number of `len` bytes in a word that has it from the byte `at` on, when it is stored. */
static inline uint64_t in_word(uint64_t number, unsigned at, unsigned len)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    (void)len;
    return number << 8 * at;
#else
    return number << 8 * (sizeof number - at - len);
#endif
}

/* All that is behind the addresses, as one word: it is read as one at once, for its hash, and a processor waits for words
 * that were written in parts. */
static inline uint64_t key_tail(uint16_t low_port, uint16_t high_port, uint8_t protocol,
                                uint8_t ip_version, uint16_t place)
{
    enum { TAIL = offsetof(struct flow_key, low_port) };
    _Static_assert(sizeof(struct flow_key) - TAIL == sizeof(uint64_t), "it is a word");

    return in_word(low_port, 0, 2) |
           in_word(high_port, offsetof(struct flow_key, high_port) - TAIL, 2) |
           in_word(protocol, offsetof(struct flow_key, protocol) - TAIL, 1) |
           in_word(ip_version, offsetof(struct flow_key, ip_version) - TAIL, 1) |
           in_word(place, offsetof(struct flow_key, place) - TAIL, 2);
}

/* The key of a packet; true when its sender is the lower endpoint. */
static inline bool key_make(struct flow_key *key, uint8_t ip_version, uint8_t protocol,
                            const struct endpoints *ends, uint16_t place)
{
    const bool src_is_low = is_src_low(ends);

    key->low = src_is_low ? ends->src : ends->dst;
    key->high = src_is_low ? ends->dst : ends->src;
    const uint64_t tail =
        key_tail(src_is_low ? ends->src_port : ends->dst_port,
                 src_is_low ? ends->dst_port : ends->src_port, protocol, ip_version, place);
    memcpy((char *)key + offsetof(struct flow_key, low_port), &tail, sizeof tail);
    return src_is_low;
}

/* ICMP has no ports: a message and its answer take their place. */
static void icmp_ports(struct endpoints *ends, uint8_t transport, uint8_t type, uint8_t code)
{
    uint8_t answer;
    bool is_request;

    ends->src_port = type;
    ends->dst_port = icmp_answer(transport, type, &answer, &is_request)
                         ? answer
                         : (uint16_t)(0x100 + code); /* no type: never meets one */
}

/* Apart, so that others make no room for its copy. */
__attribute__((noinline)) static bool key_of_icmp(struct flow_key *key, const struct packet *p,
                                                  uint16_t place)
{
    struct endpoints ends = p->ends;

    icmp_ports(&ends, p->transport, icmp_type(&p->icmp), icmp_code(&p->icmp));
    return key_make(key, p->ip_version, p->transport, &ends, place);
}

bool flow_key_of(struct flow_key *key, const struct packet *p, uint16_t place)
{
    if (p->transport == TRANSPORT_ICMP || p->transport == TRANSPORT_ICMPV6)
        return key_of_icmp(key, p, place);
    return key_make(key, p->ip_version, p->transport, &p->ends, place);
}

void flow_key_of_quote(struct flow_key *key, const struct packet *p, uint16_t place)
{
    const struct quote *q = &p->quote;
    struct endpoints ends = q->ends;

    if (q->protocol == TRANSPORT_ICMP || q->protocol == TRANSPORT_ICMPV6)
        icmp_ports(&ends, q->protocol, load_u8(q->transport, 0), load_u8(q->transport, 1));
    key_make(key, p->ip_version, q->protocol, &ends, place);
}

/* ---- a new flow ---- */

/* A group, or all: nobody there has asked for what is sent to it. */
static bool is_multicast(const struct packet *p)
{
    const uint8_t *dst = p->ends.dst.bytes;

    return p->ip_version == 6 ? dst[0] == 0xff : dst[ADDRESS_V4_AT] >= 224;
}

/* Whether a datagram between two ports of servers says itself that it asks, or that it answers: the first to be captured
 * may be an answer. */
static bool says_who_asks(const struct packet *p, bool *asks)
{
    enum { NTP = 123, DNS = 53, NETBIOS_NAMES = 137, DHCP_SERVER = 67, DHCP_CLIENT = 68 };
    enum { NTP_LEN = 48, DNS_LEN = 12, BOOTP_LEN = 236 };
    const uint16_t src = p->ends.src_port, dst = p->ends.dst_port;
    const struct span said = p->payload;

    if (src == NTP && dst == NTP && said.len >= NTP_LEN) { /* RFC 5905 3: the modes */
        enum { ACTIVE = 1, PASSIVE, CLIENT, SERVER, BROADCAST };
        const uint8_t mode = load_u8(said, 0) & 7;
        *asks = mode == ACTIVE || mode == CLIENT;
        return mode >= ACTIVE && mode <= BROADCAST;
    }
    if (src == dst && (src == DNS || src == NETBIOS_NAMES) && said.len >= DNS_LEN) {
        *asks = !(load_u8(said, 2) & 0x80); /* RFC 1035 4.1.1, RFC 1002 4.2.1.1 */
        return true;
    }
    if ((src == DHCP_SERVER || src == DHCP_CLIENT) && (dst == DHCP_SERVER || dst == DHCP_CLIENT) &&
        said.len >= BOOTP_LEN) { /* RFC 951 3 */
        *asks = load_u8(said, 0) == 1;
        return *asks || load_u8(said, 0) == 2;
    }
    return false;
}

/* Who the client is, as far as the first packet tells. */
static bool sender_is_client(const struct packet *p, bool *guessed)
{
    *guessed = false;
    if (p->transport == TRANSPORT_TCP) {
        uint8_t flags = tcp_flags(&p->tcp);
        if (flags & TCP_SYN && !(flags & TCP_RST))
            return !(flags & TCP_ACK);
    } else if (p->transport == TRANSPORT_SCTP) {
        bool by_client;
        uint8_t state;
        if (association_opening(p, &by_client, &state))
            return by_client;
    } else if (p->transport != TRANSPORT_UDP) {
        uint8_t answer;
        bool is_request;
        icmp_answer(p->transport, icmp_type(&p->icmp), &answer, &is_request);
        return is_request || is_multicast(p);
    }
    *guessed = true;
    bool src_serves = p->ends.src_port < 1024, dst_serves = p->ends.dst_port < 1024;
    if (src_serves == dst_serves && p->transport == TRANSPORT_UDP) {
        bool asks;
        if (src_serves && says_who_asks(p, &asks))
            return asks;
        src_serves = dissect_is_tunnel_port(p->ends.src_port);
        dst_serves = dissect_is_tunnel_port(p->ends.dst_port);
    }
    return src_serves == dst_serves || dst_serves;
}

/* Of a datagram made whole, that of its first fragment. */
static const struct frame *first_frame(const struct packet *p)
{
    return p->frames ? &p->frames[0] : p->frame;
}

void flow_origin_of(struct origin *o, bool src_is_low, const struct packet *p, const char *tunnel)
{
    *o = (struct origin){.tunnel = tunnel,
                         .evidence_id = first_frame(p)->evidence_id,
                         .interface_id = first_frame(p)->interface_id,
                         .vlan_count = p->vlan_count,
                         .has_macs = p->has_macs};
    memcpy(o->vlans, p->vlans, sizeof o->vlans);
    if (!p->has_macs)
        return;
    memcpy(src_is_low ? o->low_mac : o->high_mac, p->src_mac, sizeof o->low_mac);
    memcpy(src_is_low ? o->high_mac : o->low_mac, p->dst_mac, sizeof o->low_mac);
}

static uint64_t payload_bytes(const struct flow *f, const struct side_state *s)
{
    if (f->key.protocol != TRANSPORT_TCP)
        return s->taken;
    if (s->has_stream)
        return s->stream->bytes;
    return s->holds_all ? (uint64_t)s->next : 0;
}

/* What flow_retransmitted() and flow_carried() tell. */
static uint64_t payload_again(const struct flow *f, const struct side_state *s)
{
    if (f->key.protocol == TRANSPORT_UDP)
        return s->carried;
    return s->has_stream ? s->stream->again : 0;
}

void flow_tell(struct flow *f, const struct origin *o)
{
    const bool has_rtt = f->has_rtt;
    char history[HISTORY_LEN] = "";

    history_text(history, f);
    memcpy(f->history, history, sizeof history);
    f->first_evidence_id = o->evidence_id;
    f->interface_id = o->interface_id;
    f->tunnel = o->tunnel;
    memcpy(f->vlans, o->vlans, sizeof f->vlans);
    f->vlan_count = o->vlan_count;
    f->has_macs = o->has_macs;
    for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
        struct side_state *s = &f->sides[side];
        const bool is_low = (side == SIDE_CLIENT) == f->client_is_low;
        const uint64_t bytes = payload_bytes(f, s), again = payload_again(f, s);
        s->bytes = bytes;
        s->retransmitted = again;
        memcpy(s->mac, is_low ? o->low_mac : o->high_mac, sizeof o->low_mac);
    }
    if (!has_rtt)
        f->handshake_rtt_ns = -1;
}

void flow_begin(struct flow *f, bool src_is_low, const struct packet *p)
{
    bool guessed, src_is_client = sender_is_client(p, &guessed);
    f->client_guessed = guessed;
    f->client_is_low = src_is_client == src_is_low;
    f->first_ns = f->last_ns = p->frame->time_ns;
    f->first_frame = first_frame(p)->number;
    f->detour = f->key.place;
    f->sides[SIDE_CLIENT].min_ttl = f->sides[SIDE_SERVER].min_ttl = UINT8_MAX;
    if (p->transport == TRANSPORT_TCP) {
        uint8_t flags = tcp_flags(&p->tcp);
        f->state = FLOW_MIDSTREAM;
        if (flags & TCP_SYN && !(flags & TCP_RST))
            f->state = flags & TCP_ACK ? FLOW_HANDSHAKE : FLOW_ATTEMPT;
    } else if (p->transport == TRANSPORT_SCTP) {
        bool by_client;
        uint8_t state;
        if (!association_opening(p, &by_client, &state))
            state = FLOW_MIDSTREAM;
        f->state = state & 15u;
    } else {
        f->state = FLOW_ONE_WAY;
    }
    if (p->transport == TRANSPORT_ICMP || p->transport == TRANSPORT_ICMPV6) {
        uint8_t type = icmp_type(&p->icmp), answer;
        bool is_request;
        bool paired = icmp_answer(p->transport, type, &answer, &is_request);
        f->sides[SIDE_CLIENT].icmp = paired && !src_is_client ? answer : type;
        f->sides[SIDE_SERVER].icmp = icmp_code(&p->icmp);
    }
}
