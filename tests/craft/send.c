/* send.c - one line of a script becomes frames, from the inside out: the segment or datagram, the
 * IP packet or its fragments, the tunnel around it, the link header. */
#include "craft/maker.h"

#include <stdlib.h>
#include <string.h>

static void frame_add(struct maker *m, const struct script_frame *f, struct wire_bytes *bytes)
{
    if (m->out->count == m->room) {
        m->room = m->room * 2 + 16;
        m->out->frames = realloc(m->out->frames, m->room * sizeof(*m->out->frames));
        if (!m->out->frames)
            abort();
    }
    wire_fill(bytes, 0, f->pad.given ? (size_t)f->pad.value : 0);
    if (f->poke_at.given) {
        if ((uint64_t)f->poke_at.value + f->poke.len > bytes->len) {
            script_fail(&m->script, "poke= lies outside the %zu bytes of the frame", bytes->len);
            wire_release(bytes);
            return;
        }
        memcpy(bytes->data + f->poke_at.value, f->poke.data, f->poke.len);
    }

    size_t len = bytes->len;
    if (f->snap.given && (uint64_t)f->snap.value < len)
        len = (size_t)f->snap.value;
    m->out->frames[m->out->count++] = (struct craft_frame){
        .bytes = bytes->data, /* the frame owns them now */
        .len = len,
        .wire_len = f->wire.given ? (uint32_t)f->wire.value : (uint32_t)bytes->len,
        .time_ns = m->next_ns,
    };
    *bytes = (struct wire_bytes){0};
    m->last_ns = m->next_ns;
    m->next_ns += m->step_ns;
}

/* Puts the tunnel's headers around a packet; which is IPv6 afterwards is told in `v6`. */
static void tunnel_wrap(struct maker *m, bool *v6, const struct script_frame *f,
                        struct wire_bytes *packet)
{
    struct wire_bytes inside = {0};
    struct wire_end source = {m->tunnel_ends[f->from_server ? SERVER : CLIENT], 49152};
    struct wire_end target = {m->tunnel_ends[f->from_server ? CLIENT : SERVER], 4789};
    struct wire_ip ip = {.source = source.address, .target = target.address};
    ip.ttl = 64;
    ip.id = m->next_id++;
    ip.says_len = -1;

    if (m->tunnel == TUNNEL_IPIP) { /* RFC 2003, RFC 2473 */
        ip.protocol = *v6 ? PROTOCOL_IPV6 : PROTOCOL_IPIP;
        wire_add(&inside, packet->data, packet->len);
    } else if (m->tunnel == TUNNEL_GRE) { /* RFC 2784, without a checksum */
        ip.protocol = PROTOCOL_GRE;
        wire_u16(&inside, 0);
        wire_u16(&inside, *v6 ? 0x86dd : 0x0800);
        wire_add(&inside, packet->data, packet->len);
    } else { /* RFC 7348 */
        struct wire_link_header link = {LINK_ETHERNET, *v6, f->from_server, 0, NULL};
        struct wire_bytes frame = {0};
        ip.protocol = PROTOCOL_UDP;
        wire_u32(&frame, 0x08000000); /* there is a VNI */
        wire_u32(&frame, m->vni << 8);
        wire_link(&frame, &link, packet->data, packet->len);
        wire_udp(&inside, &source, &target, CHECKSUM_RIGHT, frame.data, frame.len);
        wire_release(&frame);
    }

    packet->len = 0;
    *v6 = ip.source.v6;
    if (inside.len > wire_ip_room(&ip))
        script_fail(&m->script, "the packet does not fit into the tunnel's");
    else
        wire_ip(packet, &ip, inside.data, inside.len);
    wire_release(&inside);
}

static void send_packet(struct maker *m, const struct script_frame *f, const struct wire_ip *ip,
                        const uint8_t *payload, size_t len)
{
    if (len > wire_ip_room(ip)) {
        script_fail(&m->script, "%zu bytes do not fit into an IP packet", len);
        return;
    }
    struct wire_bytes packet = {0};
    struct wire_bytes frame = {0};
    struct wire_link_header link = {m->link, ip->source.v6, f->from_server, f->vlan.count,
                                    f->vlan.values};
    wire_ip(&packet, ip, payload, len);
    m->last_packet.len = 0;
    wire_add(&m->last_packet, packet.data, packet.len);
    if (m->tunnel != TUNNEL_NONE)
        tunnel_wrap(m, &link.v6, f, &packet);
    wire_link(&frame, &link, packet.data, packet.len);
    frame_add(m, f, &frame);
    wire_release(&packet);
}

/* Cuts the payload at the offsets of frag=, and sends the pieces in the order asked for. */
static void send_fragments(struct maker *m, const struct script_frame *f, const struct wire_ip *ip,
                           const struct wire_bytes *payload)
{
    size_t piece_count = f->frag.count + 1;
    size_t cuts[SCRIPT_LIST_MAX + 1] = {0};
    for (size_t i = 0; i < f->frag.count; i++) {
        cuts[i + 1] = (size_t)f->frag.values[i];
        if (cuts[i + 1] % 8 != 0 || cuts[i + 1] <= cuts[i] || cuts[i + 1] >= payload->len) {
            script_fail(&m->script, "frag= are multiples of 8 that rise, below %zu", payload->len);
            return;
        }
    }
    cuts[piece_count] = payload->len;

    size_t send_count = f->order.given ? f->order.count : piece_count;
    for (size_t i = 0; i < send_count; i++) {
        size_t piece = f->order.given ? (size_t)f->order.values[i] : i;
        if (piece >= piece_count) {
            script_fail(&m->script, "order= names fragment %zu of %zu", piece, piece_count);
            return;
        }
        struct wire_ip part = *ip;
        part.fragment = true;
        part.offset = (uint32_t)cuts[piece];
        part.more = piece + 1 < piece_count;
        send_packet(m, f, &part, payload->data + cuts[piece], cuts[piece + 1] - cuts[piece]);
    }
}

static void send_payload(struct maker *m, const struct script_frame *f, struct wire_ip *ip,
                         const struct wire_bytes *payload)
{
    ip->ttl = f->ttl.given ? (uint8_t)f->ttl.value : 64;
    ip->id = f->id.given ? (uint32_t)f->id.value : m->next_id++;
    ip->dont_fragment = f->df;
    ip->bad_checksum = f->bad_ip_checksum;
    ip->says_len = f->iplen.given ? (int32_t)f->iplen.value : -1;
    if (f->frag.given)
        send_fragments(m, f, ip, payload);
    else if (f->order.given)
        script_fail(&m->script, "order= needs frag=");
    else
        send_packet(m, f, ip, payload->data, payload->len);
}

static enum wire_checksum checksum_of(const struct script_frame *f)
{
    if (f->bad_checksum)
        return CHECKSUM_WRONG;
    if (f->offload)
        return CHECKSUM_OFFLOAD;
    return f->no_checksum ? CHECKSUM_NONE : CHECKSUM_RIGHT;
}

/* The bytes of the line, or as many as len= says of the pattern. */
static void data_of(struct wire_bytes *data, const struct script_frame *f, int64_t position)
{
    wire_add(data, f->data.data, f->data.len);
    for (int64_t i = 0; f->len.given && i < f->len.value; i++)
        wire_u8(data, craft_pattern(position + i));
}

static uint8_t tcp_flags_of(const struct script_frame *f)
{
    if (f->flags.given)
        return (uint8_t)f->flags.value;
    uint8_t flags = f->named_flags;
    bool has_data = f->data.len > 0 || (f->len.given && f->len.value > 0);
    if (!(flags & (TCP_SYN | TCP_RST)))
        flags |= TCP_ACK;
    if (has_data && !(flags & (TCP_SYN | TCP_RST)))
        flags |= TCP_PSH;
    if (f->urg.given)
        flags |= TCP_URG;
    if (f->ack.given)
        flags |= TCP_ACK;
    return f->noack ? flags & (uint8_t)~TCP_ACK : flags;
}

/* Where the frame's first sequence number lies, counted from the byte after the SYN. */
static int64_t tcp_position_of(const struct script_frame *f, const struct side *me, uint8_t flags)
{
    if (f->seq.given) /* near the SYN, on either side of it */
        return (int32_t)((uint32_t)f->seq.value - me->isn - 1);
    if (f->position_from_next)
        return me->next + f->position.value;
    if (f->position.given)
        return f->position.value;
    return flags & TCP_SYN ? -1 : me->next;
}

static uint32_t seq_at(const struct side *side, int64_t position)
{
    return side->isn + 1 + (uint32_t)position;
}

static bool tcp_options(struct maker *m, struct wire_bytes *options, const struct script_frame *f,
                        struct side *me, const struct side *other)
{
    if (f->mss.given) { /* RFC 9293 3.2 */
        wire_u16(options, 0x0204);
        wire_u16(options, (uint16_t)f->mss.value);
    }
    if (f->ws.given) { /* RFC 7323 2.2 */
        wire_u16(options, 0x0303);
        wire_u8(options, (uint8_t)f->ws.value);
    }
    if (f->sackok) /* RFC 2018 2 */
        wire_u16(options, 0x0402);
    if (f->ts.given) { /* RFC 7323 3.2 */
        me->ts_value =
            f->ts.count > 0 ? (uint32_t)f->ts.values[0] : (uint32_t)(m->next_ns / 1000000);
        wire_u16(options, 0x080a);
        wire_u32(options, me->ts_value);
        wire_u32(options, f->ts.count > 1 ? (uint32_t)f->ts.values[1] : other->ts_value);
    }
    if (f->sack.given) { /* RFC 2018 3 */
        if (f->sack.count % 2 != 0)
            return script_fail(&m->script,
                               "sack= are pairs: the first position and the next after");
        wire_u8(options, 5);
        wire_u8(options, (uint8_t)(2 + 4 * f->sack.count));
        for (size_t i = 0; i < f->sack.count; i++)
            wire_u32(options, seq_at(other, f->sack.values[i]));
    }
    wire_add(options, f->options.data, f->options.len);
    while (options->len % 4 != 0)
        wire_u8(options, 1); /* NOP */
    return options->len <= 40 ||
           script_fail(&m->script, "%zu bytes of options are more than 40", options->len);
}

static void send_tcp(struct maker *m, const struct script_frame *f, struct wire_ip *ip)
{
    struct pair *p = maker_pair(m);
    struct side *me = &p->sides[f->from_server];
    const struct side *other = &p->sides[!f->from_server];
    struct wire_end source = {ip->source, p->ends[f->from_server].port};
    struct wire_end target = {ip->target, p->ends[!f->from_server].port};
    struct wire_bytes data = {0};
    struct wire_bytes segment = {0};

    struct wire_tcp tcp = {.flags = tcp_flags_of(f), .checksum = checksum_of(f)};
    int64_t position = tcp_position_of(f, me, tcp.flags);
    int64_t data_at = position + (tcp.flags & TCP_SYN ? 1 : 0);
    data_of(&data, f, data_at);

    tcp.seq = seq_at(me, position);
    if (tcp.flags & TCP_ACK || f->ack.given)
        tcp.ack = seq_at(other, f->ack.given ? f->ack.value : other->next);
    tcp.window = f->win.given ? (uint16_t)f->win.value : 65535;
    tcp.urgent = (uint16_t)f->urg.value;
    if (tcp_options(m, &tcp.options, f, me, other)) {
        wire_tcp(&segment, &source, &target, &tcp, data.data, data.len);
        send_payload(m, f, ip, &segment);
    }

    int64_t end = data_at + (int64_t)data.len + (tcp.flags & TCP_FIN ? 1 : 0);
    if (!f->seq.given && !(tcp.flags & TCP_RST) && end > position && end > me->next)
        me->next = end;
    wire_release(&tcp.options);
    wire_release(&segment);
    wire_release(&data);
}

static void send_udp(struct maker *m, const struct script_frame *f, struct wire_ip *ip)
{
    struct pair *p = maker_pair(m);
    struct side *me = &p->sides[f->from_server];
    struct wire_end source = {ip->source, p->ends[f->from_server].port};
    struct wire_end target = {ip->target, p->ends[!f->from_server].port};
    struct wire_bytes data = {0};
    struct wire_bytes datagram = {0};

    data_of(&data, f, me->udp_len);
    me->udp_len += (int64_t)data.len;
    wire_udp(&datagram, &source, &target, checksum_of(f), data.data, data.len);
    send_payload(m, f, ip, &datagram);
    wire_release(&datagram);
    wire_release(&data);
}

enum chunk_form {
    FORM_PLAIN,
    FORM_INIT,
    FORM_DATA,
    FORM_I_DATA,
    FORM_SACK,
    FORM_CUMULATIVE,
    FORM_BROKEN
};

/* RFC 9260 3.3, RFC 8260 2.1 */
static const struct chunk_kind {
    const char *name;
    uint8_t type, flags;
    enum chunk_form form;
} chunk_kinds[] = {
    {"data", 0, 3, FORM_DATA},
    {"init", 1, 0, FORM_INIT},
    {"init-ack", 2, 0, FORM_INIT},
    {"sack", 3, 0, FORM_SACK},
    {"heartbeat", 4, 0, FORM_PLAIN},
    {"abort", 6, 0, FORM_PLAIN},
    {"abort-t", 6, 1, FORM_PLAIN},
    {"shutdown", 7, 0, FORM_CUMULATIVE},
    {"shutdown-ack", 8, 0, FORM_PLAIN},
    {"cookie-echo", 10, 0, FORM_PLAIN},
    {"cookie-ack", 11, 0, FORM_PLAIN},
    {"shutdown-complete", 14, 0, FORM_PLAIN},
    {"shutdown-complete-t", 14, 1, FORM_PLAIN},
    {"i-data", 64, 3, FORM_I_DATA},
    {"broken", 0, 3, FORM_BROKEN},
};

/* One chunk, padded. */
static void chunk_add(struct wire_bytes *chunks, const struct chunk_kind *kind,
                      const struct script_frame *f, struct side *me, const struct side *other)
{
    struct wire_bytes value = {0};
    const uint32_t acked = other->isn + other->tsn_count - 1;

    switch (kind->form) {
    case FORM_INIT:
        wire_u32(&value, me->isn);
        wire_u32(&value, 65536);
        wire_u16(&value, 10);
        wire_u16(&value, 10);
        wire_u32(&value, me->isn);
        break;
    case FORM_DATA:
    case FORM_I_DATA:
        wire_u32(&value, me->isn + (f->tsn.given ? (uint32_t)f->tsn.value : me->tsn_count));
        if (!f->tsn.given)
            me->tsn_count++;
        wire_u32(&value, 0);
        wire_u32(&value, 0);
        if (kind->form == FORM_I_DATA)
            wire_u32(&value, 0);
        data_of(&value, f, 0);
        break;
    case FORM_SACK:
        wire_u32(&value, acked);
        wire_u32(&value, f->win.given ? (uint32_t)f->win.value : 65536);
        wire_u32(&value, 0);
        break;
    case FORM_CUMULATIVE:
        wire_u32(&value, acked);
        break;
    case FORM_PLAIN:
    case FORM_BROKEN:
        break;
    }
    wire_u8(chunks, kind->type);
    wire_u8(chunks, kind->flags);
    wire_u16(chunks, kind->form == FORM_BROKEN ? 2 : (uint16_t)(4 + value.len));
    wire_add(chunks, value.data, value.len);
    wire_fill(chunks, 0, (4 - value.len % 4) % 4);
    wire_release(&value);
}

static void send_sctp(struct maker *m, const struct script_frame *f, struct wire_ip *ip)
{
    struct pair *p = maker_pair(m);
    struct side *me = &p->sides[f->from_server];
    const struct side *other = &p->sides[!f->from_server];
    struct wire_bytes chunks = {0};
    struct wire_bytes packet = {0};
    const size_t kind_count = sizeof(chunk_kinds) / sizeof(chunk_kinds[0]);
    const char *names = f->chunks;
    uint32_t tag = strcmp(names, "init") == 0 ? 0 : other->isn;
    size_t len = strlen(names);

    if (len > 2 && strcmp(names + len - 2, "-t") == 0)
        tag = me->isn;
    while (*names) {
        size_t name_len = strcspn(names, "+"), i = 0;
        while (i < kind_count && (strlen(chunk_kinds[i].name) != name_len ||
                                  strncmp(chunk_kinds[i].name, names, name_len) != 0))
            i++;
        if (i == kind_count) {
            script_fail(&m->script, "'%s' begins with no chunk of SCTP", names);
            break;
        }
        chunk_add(&chunks, &chunk_kinds[i], f, me, other);
        names += name_len + (names[name_len] == '+');
    }
    if (!m->script.failed) {
        wire_sctp(&packet, p->ends[f->from_server].port, p->ends[!f->from_server].port,
                  f->tag.given ? (uint32_t)f->tag.value : tag, checksum_of(f), f->adler, &chunks);
        send_payload(m, f, ip, &packet);
    }
    wire_release(&packet);
    wire_release(&chunks);
}

/* The four bytes after the checksum, and for an error the packet that it is about. */
static bool icmp_body(struct maker *m, struct wire_icmp *icmp, struct wire_bytes *body,
                      const struct script_frame *f, bool v6)
{
    const struct script_list *echo = f->echo.given ? &f->echo : &f->reply;
    const struct script_list *error = f->unreachable.given ? &f->unreachable : &f->exceeded;
    if (f->echo.given + f->reply.given + f->unreachable.given + f->exceeded.given + f->type.given !=
        1)
        return script_fail(&m->script, "icmp is one of echo reply unreachable exceeded type=");

    if (f->type.given) {
        icmp->type = (uint8_t)f->type.values[0];
        icmp->code = (uint8_t)f->type.values[1];
    } else if (echo->given) {
        icmp->type = echo == &f->echo ? (v6 ? 128 : 8) : (v6 ? 129 : 0);
        wire_u16(body, echo->count > 0 ? (uint16_t)echo->values[0] : 1);
        wire_u16(body, echo->count > 1 ? (uint16_t)echo->values[1] : 1);
    } else {
        size_t quote = m->last_packet.len;
        if (quote == 0)
            return script_fail(&m->script, "there is no packet yet to quote");
        if (f->quote.given && (size_t)f->quote.value < quote)
            quote = (size_t)f->quote.value;
        icmp->type = error == &f->unreachable ? (v6 ? 1 : 3) : (v6 ? 3 : 11);
        icmp->code = error->count > 0 ? (uint8_t)error->values[0] : 0;
        wire_u32(body, 0);
        wire_add(body, m->last_packet.data, quote);
    }
    return true;
}

static void send_icmp(struct maker *m, const struct script_frame *f, struct wire_ip *ip)
{
    struct side *me = &maker_pair(m)->sides[f->from_server];
    struct wire_icmp icmp = {.checksum = checksum_of(f)};
    struct wire_bytes body = {0};
    struct wire_bytes message = {0};

    if (icmp_body(m, &icmp, &body, f, ip->source.v6)) {
        size_t before = body.len;
        data_of(&body, f, me->icmp_len);
        me->icmp_len += (int64_t)(body.len - before);
        wire_icmp(&message, &ip->source, &ip->target, &icmp, body.data, body.len);
        send_payload(m, f, ip, &message);
    }
    wire_release(&message);
    wire_release(&body);
}

static void send_ip(struct maker *m, const struct script_frame *f, struct wire_ip *ip)
{
    struct wire_bytes data = {0};
    if (!f->proto.given)
        script_fail(&m->script, "an ip frame needs proto=");
    if (f->offset.value % 8 != 0)
        script_fail(&m->script, "offset= is a multiple of 8");
    ip->protocol = (uint8_t)f->proto.value;
    ip->offset = (uint32_t)f->offset.value;
    ip->more = f->more;
    ip->fragment = f->offset.given || f->more;
    data_of(&data, f, f->offset.value);
    send_payload(m, f, ip, &data);
    wire_release(&data);
}

void maker_send(struct maker *m, const struct script_frame *f)
{
    if (f->kind == KIND_RAW) {
        struct wire_bytes bytes = {0};
        wire_add(&bytes, f->data.data, f->data.len);
        frame_add(m, f, &bytes);
        return;
    }

    struct pair *p = maker_pair(m);
    struct wire_ip ip = {
        .source = f->from.given ? f->from.value : p->ends[f->from_server].address,
        .target = p->ends[!f->from_server].address,
    };
    if (ip.source.v6 != ip.target.v6)
        script_fail(&m->script, "one end is IPv4 and the other IPv6");
    else if (f->vlan.given && m->link != LINK_ETHERNET)
        script_fail(&m->script, "vlan= needs link ethernet");
    else if (f->kind == KIND_TCP) {
        ip.protocol = PROTOCOL_TCP;
        send_tcp(m, f, &ip);
    } else if (f->kind == KIND_UDP) {
        ip.protocol = PROTOCOL_UDP;
        send_udp(m, f, &ip);
    } else if (f->kind == KIND_ICMP) {
        ip.protocol = ip.source.v6 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP;
        send_icmp(m, f, &ip);
    } else if (f->kind == KIND_SCTP) {
        ip.protocol = PROTOCOL_SCTP;
        send_sctp(m, f, &ip);
    } else {
        send_ip(m, f, &ip);
    }
}
