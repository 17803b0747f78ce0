/* player.c - packets of bare IP. */
#include "fuzz/player.h"

#include "fuzz/fuzz.h"

enum { STEP_NS = 1000000 };

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

static void show(struct player *p, const struct wire_ip *ip, const void *payload, size_t len,
                 size_t cut)
{
    struct wire_bytes packet = {0};
    wire_ip(&packet, ip, payload, len);
    size_t captured = packet.len > cut ? packet.len - cut : 0;
    p->show(p->context, packet.data, captured, (uint32_t)packet.len, p->now_ns);
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
