/* player.c - packets of bare IP. */
#include "fuzz/player.h"

#include "fuzz/fuzz.h"

enum { STEP_NS = 1000000, GRE_OVER_UDP = 4754 };

struct ends ends_of(unsigned which)
{
    static const char *const clients[] = {"10.0.0.1:40000", "10.0.0.1:40001", "10.0.0.2:80",
                                          "[2001:db8::1]:2"};
    static const char *const servers[] = {"10.0.0.2:80", "10.0.0.2:80", "10.0.0.1:40000",
                                          "[2001:db8::2]:1"};
    struct ends e = {.isn = {1000, SERVER_ISN}};
    bool parsed = wire_end_parse(&e.client, clients[which % 4]) &&
                  wire_end_parse(&e.server, servers[which % 4]);
    FUZZ_HOLDS(parsed, "ends that make no sense");
    return e;
}

static void show_bytes(struct player *p, const struct wire_bytes *packet, size_t cut)
{
    size_t captured = packet->len > cut ? packet->len - cut : 0;
    p->show(p->context, packet->data, captured, (uint32_t)packet->len, p->now_ns);
}

/* ---- several packets in one frame ---- */

static struct wire_ip tunnel(uint8_t protocol)
{
    return (struct wire_ip){.source = {.octets = {192, 0, 2, 1}},
                            .target = {.octets = {192, 0, 2, 2}},
                            .protocol = protocol,
                            .ttl = 64,
                            .says_len = -1};
}

static void add_gre(struct wire_bytes *out, uint16_t type, const struct wire_bytes *payload)
{
    wire_u16(out, 0); /* no flags, version 0 */
    wire_u16(out, type);
    wire_add(out, payload->data, payload->len);
}

static uint16_t ethertype(const struct wire_bytes *packet)
{
    return packet->len > 0 && packet->data[0] >> 4 == 6 ? 0x86dd : 0x0800;
}

/* The packet in GRE in UDP. */
static struct wire_bytes tunnelled(const struct wire_bytes *packet)
{
    const struct wire_ip ip = tunnel(PROTOCOL_UDP);
    const struct wire_end from = {ip.source, 50000}, to = {ip.target, GRE_OVER_UDP};
    struct wire_bytes gre = {0}, udp = {0}, out = {0};

    add_gre(&gre, ethertype(packet), packet);
    wire_udp(&udp, &from, &to, CHECKSUM_RIGHT, gre.data, gre.len);
    wire_ip(&out, &ip, udp.data, udp.len);
    wire_release(&gre);
    wire_release(&udp);
    return out;
}

static void add_part(struct player *p, const struct wire_bytes *packet)
{
    static const uint8_t addresses[] = {2, 0, 0, 0, 0, 0xb2, 2, 0, 0, 0, 0, 0xa1};
    static const uint8_t snap[] = {0xaa, 0xaa, 3, 0, 0, 0};

    while (p->parts.len % 4 != 0)
        wire_u8(&p->parts, 0);
    wire_add(&p->parts, addresses, sizeof addresses);
    wire_u16(&p->parts, (uint16_t)(sizeof snap + 2 + packet->len));
    wire_add(&p->parts, snap, sizeof snap);
    wire_u16(&p->parts, ethertype(packet));
    wire_add(&p->parts, packet->data, packet->len);
}

static void show_parts(struct player *p, size_t cut)
{
    static const uint8_t qos_data[] = {0x88, 2, 0,    0, 2, 0, 0, 0, 0,    0xb2, 2, 0,    0,
                                       0,    0, 0xaf, 2, 0, 0, 0, 0, 0xa1, 0,    0, 0x80, 0};
    const struct wire_ip ip = tunnel(PROTOCOL_GRE);
    struct wire_bytes frame = {0}, gre = {0}, packet = {0};

    wire_add(&frame, qos_data, sizeof qos_data);
    wire_add(&frame, p->parts.data, p->parts.len);
    add_gre(&gre, 0x8240, &frame);
    wire_ip(&packet, &ip, gre.data, gre.len);
    show_bytes(p, &packet, cut);
    wire_release(&frame);
    wire_release(&gre);
    wire_release(&packet);
    wire_release(&p->parts);
    p->parts = (struct wire_bytes){0};
    p->part_count = 0;
}

void player_aggregate(struct player *p, unsigned count, bool is_tunnelled)
{
    if (p->parts.len > 0)
        show_parts(p, 0);
    p->part_count = count;
    p->parts_tunnelled = is_tunnelled;
}

void player_release(struct player *p)
{
    if (p->parts.len > 0)
        show_parts(p, 0);
    wire_release(&p->last);
}

/* ---- packets ---- */

static void show(struct player *p, const struct wire_ip *ip, const void *payload, size_t len,
                 size_t cut)
{
    struct wire_bytes packet = {0};
    wire_ip(&packet, ip, payload, len);
    if (p->part_count == 0) {
        show_bytes(p, &packet, cut);
    } else {
        if (p->parts_tunnelled) {
            struct wire_bytes inside = packet;
            packet = tunnelled(&inside);
            wire_release(&inside);
        }
        add_part(p, &packet);
        if (--p->part_count == 0)
            show_parts(p, cut);
    }
    wire_release(&packet);
}

void player_ip(struct player *p, const struct wire_end *from, const struct wire_end *to,
               uint8_t protocol, const struct wire_bytes *payload, size_t cut,
               enum fragments fragments)
{
    struct wire_ip ip = {.source = from->address,
                         .target = to->address,
                         .protocol = protocol,
                         .ttl = 64,
                         .id = p->next_id++ & 0xffff,
                         .says_len = -1};
    size_t first = payload->len / 16 * 8;
    p->now_ns += STEP_NS;
    wire_release(&p->last);
    p->last = (struct wire_bytes){0};
    wire_ip(&p->last, &ip, payload->data, payload->len);
    if (fragments == WHOLE || first == 0) {
        show(p, &ip, payload->data, payload->len, cut);
        return;
    }
    struct wire_ip one = ip, two = ip;
    one.fragment = two.fragment = true;
    one.more = true;
    two.offset = (uint32_t)first;
    if (fragments == TURNED)
        show(p, &two, payload->data + first, payload->len - first, cut);
    show(p, &one, payload->data, first, 0);
    if (fragments == REPEATED)
        show(p, &one, payload->data, first, cut > 0 ? 8 : 0);
    if (fragments == IN_ORDER || fragments == REPEATED)
        show(p, &two, payload->data + first, payload->len - first, cut);
}

void player_tcp(struct player *p, const struct ends *e, bool by_server, const struct wire_tcp *tcp,
                const void *data, size_t len, size_t cut, enum fragments fragments)
{
    const struct wire_end *from = by_server ? &e->server : &e->client;
    const struct wire_end *to = by_server ? &e->client : &e->server;
    struct wire_bytes segment = {0};
    wire_tcp(&segment, from, to, tcp, data, len);
    player_ip(p, from, to, PROTOCOL_TCP, &segment, cut, fragments);
    wire_release(&segment);
}
