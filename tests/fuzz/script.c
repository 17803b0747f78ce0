/* script.c - steps, each a packet. */
#include "fuzz/script.h"

#include "fuzz/player.h"
#include "property/arrivals.h"

#include <string.h>

enum { STEPS_MAX = 300 };

/* One of a few places where something is decided, or one near it. */
static int64_t place_of(uint8_t choice)
{
    static const int64_t places[] = {0,        0,       0,       10,       20,         40,
                                     65535,    1 << 20, 2000000, 70000000, 1000000000, 2147483647,
                                     -1048576, 1460,    1 << 30, -10};
    return places[choice & 15] + (choice >> 4) - 4;
}

struct step {
    struct ends ends;
    bool by_server;
    uint8_t kind, flags, seq, ack, size, carriage, extra, leap;
};

static struct step read_step(struct fuzz_input *in, uint32_t isn)
{
    uint8_t first = fuzz_u8(in);
    struct step s = {.ends = ends_of(first & 3), .by_server = first & 4, .kind = first >> 3};
    s.ends.isn[0] = isn;
    s.flags = fuzz_u8(in);
    s.seq = fuzz_u8(in);
    s.ack = fuzz_u8(in);
    s.size = fuzz_u8(in);
    s.carriage = fuzz_u8(in);
    s.extra = fuzz_u8(in);
    s.leap = fuzz_u8(in);
    return s;
}

static size_t payload_of(uint8_t *data, const struct step *s)
{
    size_t len = s->size & 0x1f;
    memset(data, s->size & 0x80 ? 'b' : 'a', len);
    if (s->size & 0x40 && len > 0)
        data[len / 2] = 'X';
    return len;
}

static enum wire_checksum checksum_of(const struct step *s)
{
    static const enum wire_checksum kinds[] = {CHECKSUM_RIGHT,   CHECKSUM_RIGHT, CHECKSUM_RIGHT,
                                               CHECKSUM_RIGHT,   CHECKSUM_RIGHT, CHECKSUM_WRONG,
                                               CHECKSUM_OFFLOAD, CHECKSUM_NONE};
    return kinds[s->carriage & 7];
}

static enum fragments fragments_of(const struct step *s)
{
    return s->extra >= 0xe0 ? (enum fragments)(s->extra % FRAGMENTS_COUNT) : WHOLE;
}

static void step_tcp(struct player *p, const struct step *s)
{
    static const uint8_t scale[] = {3, 3, 7, 1}, too_large[] = {3, 3, 200, 1};
    uint8_t data[32];
    size_t len = payload_of(data, s), cut = s->carriage >> 3;
    struct wire_tcp tcp = {
        .seq = s->ends.isn[s->by_server] + 1 + (uint32_t)place_of(s->seq),
        .ack = s->ends.isn[!s->by_server] + 1 + (uint32_t)place_of(s->ack),
        .flags = s->flags,
        .window = s->extra & 4   ? 10
                  : s->extra & 8 ? 0
                                 : 65535,
        .urgent = s->extra & 16 ? 2 : 0,
        .checksum = checksum_of(s),
    };
    if (s->flags & TCP_SYN) /* a SYN stands before the first byte */
        tcp.seq--;
    if (s->extra & 1) {
        tcp.options.data = (uint8_t *)(uintptr_t)(s->extra & 2 ? too_large : scale);
        tcp.options.len = sizeof scale;
    }
    player_tcp(p, &s->ends, s->by_server, &tcp, data, len, cut, fragments_of(s));
}

static void step_udp(struct player *p, const struct step *s)
{
    uint8_t data[32];
    struct wire_bytes datagram = {0};
    const struct wire_end *from = s->by_server ? &s->ends.server : &s->ends.client;
    const struct wire_end *to = s->by_server ? &s->ends.client : &s->ends.server;
    size_t len = payload_of(data, s);
    wire_udp(&datagram, from, to, checksum_of(s), data, len);
    player_ip(p, from, to, PROTOCOL_UDP, &datagram, s->carriage >> 3, fragments_of(s));
    wire_release(&datagram);
}

/* A message of any type, or an error that quotes the last packet. */
static void step_icmp(struct player *p, const struct step *s, bool quotes)
{
    uint8_t data[32];
    struct wire_bytes message = {0}, body = {0};
    const struct wire_end *from = s->by_server ? &s->ends.server : &s->ends.client;
    const struct wire_end *to = s->by_server ? &s->ends.client : &s->ends.server;
    bool v6 = from->address.v6;
    struct wire_icmp icmp = {
        .type = quotes ? (v6 ? 1 : 3) : s->flags, .code = s->ack & 3, .checksum = checksum_of(s)};
    wire_u32(&body, s->seq);
    if (quotes)
        wire_add(&body, p->last.data, p->last.len < 60 ? p->last.len : 60);
    else
        wire_add(&body, data, payload_of(data, s));
    wire_icmp(&message, &from->address, &to->address, &icmp, body.data, body.len);
    player_ip(p, from, to, v6 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP, &message, s->carriage >> 3,
              fragments_of(s));
    wire_release(&message);
    wire_release(&body);
}

static void step(struct player *p, const struct step *s)
{
    static const int64_t seconds[] = {70, 130, 200, 8000, -200};
    if ((s->leap & 0xf0) == 0xe0)
        player_aggregate(p, 2 + (s->leap & 3), s->leap & 4);
    if (s->leap >= 0xf0)
        p->now_ns += seconds[s->leap % 5u] * 1000000000;
    if (s->kind == 31)
        step_udp(p, s);
    else if (s->kind == 30 || s->kind == 29)
        step_icmp(p, s, s->kind == 30);
    else
        step_tcp(p, s);
}

void script_play(struct fuzz_input in, script_show *show, void *context)
{
    struct player p = {.show = show, .context = context, .now_ns = INT64_C(1000000000000000)};
    uint32_t isn = isn_wrapping_at(fuzz_u8(&in) % 50);

    for (unsigned i = 0; i < STEPS_MAX && in.len > 0; i++) {
        struct step s = read_step(&in, isn);
        step(&p, &s);
    }
    player_release(&p);
}
