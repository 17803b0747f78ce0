/* fuzz_reassembly.c - any bytes as a script of segments between a few ends.
 *
 * The first byte says how it is played. As a `model`, one client sends data alone, whose positions,
 * lengths, bytes and cuts come from the input: what is told must be what the byte model of
 * tests/property says, byte for byte, with every conflict and hole. As `anything`, eight bytes are a
 * step: a segment with any flags, numbers near places where something is decided, a checksum that
 * may be wrong, in fragments, or a datagram, an ICMP error, a leap in time. Then it is the promises
 * of sink.h that must be kept, in short memory too, and kept the same way twice. */
#include "fuzz/fuzz.h"

#include "craft/craft.h"
#include "craft/wire.h"
#include "fuzz/stage.h"
#include "property/byte_model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MAX = 300, SERVER_ISN = 5000, STEP_NS = 1000000 };
enum { MEMORY_AMPLE = 4 << 20, MEMORY_SHORT = 96 * 1024 };

/* Two ends with the sequence numbers of their first bytes. */
struct ends {
    struct wire_end client, server;
    uint32_t isn[2]; /* of the client, of the server */
};

static struct ends ends_of(unsigned which)
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

/* ---- packets on the stage ---- */

struct player {
    struct stage *stage;
    int64_t now_ns;
    struct wire_bytes last; /* the last packet whole, which an ICMP error quotes */
    uint32_t next_id;
};

/* Where the IP payload of a packet is cut into two fragments, and what becomes of them. */
enum fragments { WHOLE, IN_ORDER, TURNED, FIRST_ALONE, REPEATED, FRAGMENTS_COUNT };

static void show(struct player *p, const struct wire_ip *ip, const void *payload, size_t len,
                 size_t cut)
{
    struct wire_bytes packet = {0};
    wire_ip(&packet, ip, payload, len);
    size_t captured = packet.len > cut ? packet.len - cut : 0;
    stage_frame(p->stage, packet.data, captured, (uint32_t)packet.len, p->now_ns);
    wire_release(&packet);
}

/* Sends an IP payload, the last `cut` bytes of which the snap length takes. */
static void send_ip(struct player *p, const struct wire_end *from, const struct wire_end *to,
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

static void send_tcp(struct player *p, const struct ends *e, bool by_server,
                     const struct wire_tcp *tcp, const void *data, size_t len, size_t cut,
                     enum fragments fragments)
{
    const struct wire_end *from = by_server ? &e->server : &e->client;
    const struct wire_end *to = by_server ? &e->client : &e->server;
    struct wire_bytes segment = {0};
    wire_tcp(&segment, from, to, tcp, data, len);
    send_ip(p, from, to, PROTOCOL_TCP, &segment, cut, fragments);
    wire_release(&segment);
}

static void player_release(struct player *p)
{
    stage_free(p->stage);
    wire_release(&p->last);
}

/* ---- a model ---- */

/* What happens beside the client's data. */
struct around {
    bool handshake;
    uint32_t isn;
    int64_t acked; /* the server acknowledges all below it; 0: it does not */
    int64_t fin;   /* position of the client's FIN; -1: none */
};

static void read_arrivals(struct arrivals *a, struct fuzz_input *in)
{
    for (unsigned i = 0; i < STEPS_MAX && in->len > 0; i++) {
        uint8_t bytes[256];
        int64_t position = fuzz_u16(in) % 1024;
        size_t len = 1 + fuzz_u8(in) % 128u;
        uint8_t how = fuzz_u8(in);
        size_t cut = how & 0x40 ? (how & 0x3f) % (len + 1) : 0;
        for (size_t k = 0; k < len; k++) /* the same at every position, but where it is altered */
            bytes[k] = (uint8_t)('a' + craft_pattern(position + (int64_t)k) % 26);
        if (how & 0x80)
            bytes[(how & 0x3f) % len] = (uint8_t)('A' + i % 26);
        arrivals_add(a, position, bytes, len, len - cut);
    }
}

static void play_arrivals(struct player *p, const struct arrivals *a, const struct around *how)
{
    struct ends e = ends_of(0);
    struct wire_tcp tcp = {.seq = how->isn, .window = 65535, .flags = TCP_SYN};
    struct wire_tcp answer = {.seq = SERVER_ISN, .ack = how->isn + 1, .window = 65535};

    if (how->handshake) {
        answer.flags = TCP_SYN | TCP_ACK;
        send_tcp(p, &e, false, &tcp, NULL, 0, 0, WHOLE);
        send_tcp(p, &e, true, &answer, NULL, 0, 0, WHOLE);
    }
    answer.seq++;
    answer.flags = tcp.flags = TCP_ACK;
    tcp.ack = answer.seq;
    if (how->handshake) {
        tcp.seq = how->isn + 1;
        send_tcp(p, &e, false, &tcp, NULL, 0, 0, WHOLE);
    }
    for (size_t i = 0; i < a->count; i++) {
        const struct arrival *it = &a->list[i];
        tcp.seq = how->isn + 1 + (uint32_t)it->position;
        send_tcp(p, &e, false, &tcp, it->bytes, it->len, it->len - it->captured, WHOLE);
    }
    if (how->acked > 0) {
        answer.ack = how->isn + 1 + (uint32_t)how->acked;
        send_tcp(p, &e, true, &answer, NULL, 0, 0, WHOLE);
    }
    if (how->fin >= 0) {
        tcp.flags = TCP_FIN | TCP_ACK;
        tcp.seq = how->isn + 1 + (uint32_t)how->fin;
        send_tcp(p, &e, false, &tcp, NULL, 0, 0, WHOLE);
    }
}

/* The stream as it must be drawn: the model's picture, and holes around it. */
static char *expected_stream(const struct model *m, const struct around *how)
{
    int64_t start = how->handshake ? 0 : m->low, low = m->low;
    int64_t last = low + (int64_t)m->cell_count, end = last;
    char *picture = model_picture(m), *text;
    size_t len;
    FILE *out = fuzz_must(open_memstream(&text, &len));

    end = how->acked > end ? how->acked : end;
    end = how->fin > end ? how->fin : end;
    if (start != 0)
        fprintf(out, "@%" PRId64 " ", start);
    for (int64_t at = start; at < low; at++)
        fputc('.', out);
    fputs(picture, out);
    for (int64_t at = last; at < end; at++)
        fputc('.', out);
    fclose(out);
    free(picture);
    return text;
}

static char *expected_conflicts(const struct model *m)
{
    char *text;
    size_t len;
    FILE *out = fuzz_must(open_memstream(&text, &len));
    for (size_t i = 0; i < m->conflict_count; i++)
        fprintf(out, "%sclient %.*s@%" PRId64, i > 0 ? ", " : "", (int)m->conflicts[i].length,
                (const char *)m->conflicts[i].other, m->conflicts[i].position);
    fclose(out);
    return text;
}

/* Takes `expected`. */
static void must_be(const char *what, const char *found, char *expected)
{
    FUZZ_HOLDS(strcmp(found, expected) == 0, "%s\n    %s\nthe model says\n    %s", what, found,
               expected);
    free(expected);
}

static void compare(struct stage *s, const struct model *m, const struct around *how)
{
    must_be("stream", stage_client(s), expected_stream(m, how));
    must_be("conflicts", stage_conflicts(s), expected_conflicts(m));
    FUZZ_HOLDS(!*stage_refused(s), "refused: %s", stage_refused(s));
    FUZZ_HOLDS(!*stage_oddities(s), "odd: %s", stage_oddities(s));
    for (size_t i = 0; i < m->cell_count; i++) {
        uint8_t byte;
        size_t owner;
        int64_t position = m->low + (int64_t)i;
        bool held = stage_client_at(s, position, &byte, &owner);
        FUZZ_HOLDS(held == (m->cells[i].owner != MODEL_NOBODY), "%" PRId64 " is %sheld", position,
                   held ? "" : "not ");
        FUZZ_HOLDS(!held || ((int)owner == m->cells[i].owner && byte == m->cells[i].byte),
                   "%" PRId64 " is arrival %zu's", position, owner);
    }
}

static void model(struct fuzz_input *in, uint8_t mode)
{
    struct arrivals arrivals;
    struct model m;
    struct around how = {.handshake = mode & 0x20, .fin = -1};
    uint16_t wrap = fuzz_u16(in), ending = fuzz_u16(in);

    how.isn = isn_wrapping_at(wrap % 1300);
    arrivals_init(&arrivals);
    read_arrivals(&arrivals, in);
    if (arrivals.count == 0) {
        arrivals_release(&arrivals);
        return;
    }
    if (!how.handshake) /* with nothing before it, the first to arrive is at 0 */
        arrivals_rebase(&arrivals);
    model_init(&m, &arrivals);
    int64_t end = m.low + (int64_t)m.cell_count;
    if (how.handshake && ending & 1)
        how.fin = end + (ending >> 8) % 8;
    if (how.handshake && ending & 2)
        how.acked = (ending >> 4) % (how.fin >= 0 ? how.fin + 1 : end + 5);
    struct player p = {.stage = stage_new(MEMORY_AMPLE, false)};
    play_arrivals(&p, &arrivals, &how);
    stage_end(p.stage);
    compare(p.stage, &m, &how);
    player_release(&p);
    model_release(&m);
    arrivals_release(&arrivals);
}

/* ---- anything ---- */

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
    send_tcp(p, &s->ends, s->by_server, &tcp, data, len, cut, fragments_of(s));
}

static void step_udp(struct player *p, const struct step *s)
{
    uint8_t data[32];
    struct wire_bytes datagram = {0};
    const struct wire_end *from = s->by_server ? &s->ends.server : &s->ends.client;
    const struct wire_end *to = s->by_server ? &s->ends.client : &s->ends.server;
    size_t len = payload_of(data, s);
    wire_udp(&datagram, from, to, checksum_of(s), data, len);
    send_ip(p, from, to, PROTOCOL_UDP, &datagram, s->carriage >> 3, fragments_of(s));
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
    send_ip(p, from, to, v6 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP, &message, s->carriage >> 3,
            fragments_of(s));
    wire_release(&message);
    wire_release(&body);
}

static void step(struct player *p, const struct step *s)
{
    static const int64_t seconds[] = {70, 130, 200, 8000, -200};
    if (s->leap >= 0xf0)
        p->now_ns += seconds[s->leap % 5u] * 1000000000;
    if (s->kind == 31)
        step_udp(p, s);
    else if (s->kind == 30 || s->kind == 29)
        step_icmp(p, s, s->kind == 30);
    else
        step_tcp(p, s);
}

static struct stage *play_anything(struct fuzz_input in, uint8_t mode)
{
    struct player p = {
        .stage = stage_new(mode & 0x10 ? MEMORY_SHORT : MEMORY_AMPLE, mode & 0x20),
        .now_ns = INT64_C(1000000000000000),
    };
    uint32_t isn = isn_wrapping_at(fuzz_u8(&in) % 50);
    for (unsigned i = 0; i < STEPS_MAX && in.len > 0; i++) {
        struct step s = read_step(&in, isn);
        step(&p, &s);
    }
    stage_end(p.stage);
    wire_release(&p.last);
    return p.stage;
}

static void anything(const struct fuzz_input *in, uint8_t mode)
{
    struct stage *once = play_anything(*in, mode);
    if (mode & 0x40) {
        struct stage *twice = play_anything(*in, mode);
        FUZZ_HOLDS(strcmp(stage_calls(once), stage_calls(twice)) == 0, "once:\n%s\ntwice:\n%s",
                   stage_calls(once), stage_calls(twice));
        stage_free(twice);
    }
    stage_free(once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fuzz_input in = {data, len};
    uint8_t mode = fuzz_u8(&in);

    if (len > FUZZ_INPUT_MAX)
        return -1;
    if (mode & 0x80)
        model(&in, mode);
    else
        anything(&in, mode);
    return 0;
}
