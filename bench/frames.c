/* frames.c - the bytes of frames, and the captures that are made of them. */
#include "frames.h"

#include <stdlib.h>
#include <string.h>

enum { ETHERNET = 14, IP = 20, TCP = 20, HEADERS = ETHERNET + IP + TCP };

static FILE *frames_out;
static uint64_t clock_us;
static uint8_t pattern[1 << 16]; /* payload: text-like, not compressible to nothing */

static void put16(uint8_t *to, uint16_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static void put32(uint8_t *to, uint32_t value)
{
    put16(to, (uint16_t)(value >> 16));
    put16(to + 2, (uint16_t)value);
}

uint32_t sum16(const uint8_t *bytes, size_t len, uint32_t sum)
{
    uint64_t wide = sum;
    for (; len >= 2; bytes += 2, len -= 2)
        wide += (uint32_t)(bytes[0] << 8 | bytes[1]);
    if (len)
        wide += (uint32_t)bytes[0] << 8;
    while (wide >> 16)
        wide = (wide & 0xffff) + (wide >> 16);
    return (uint32_t)wide;
}

void frames_write(const void *bytes, size_t len)
{
    if (fwrite(bytes, 1, len, frames_out) != len) {
        perror("a capture cannot be written");
        exit(1);
    }
}

void frames_begin(FILE *out)
{
    static const uint32_t header[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 262144, 1};
    uint32_t state = 1;

    for (size_t i = 0; i < sizeof pattern; i++) {
        state = state * 1664525 + 1013904223;
        pattern[i] = (uint8_t)(32 + (state >> 24) % 95);
    }
    clock_us = 1700000000ull * 1000000;
    frames_out = out;
    frames_write(header, sizeof header);
}

const uint8_t *frames_payload(uint64_t at)
{
    return pattern + at % (sizeof pattern - FRAMES_SEGMENT);
}

void frame(struct connection *c, bool from_client, uint8_t flags, const uint8_t *payload,
           uint32_t len)
{
    static uint8_t packet[HEADERS + FRAMES_SEGMENT];
    uint8_t *ip = packet + ETHERNET, *tcp = ip + IP;
    uint32_t *seq = from_client ? &c->client_seq : &c->server_seq;
    uint32_t ack = from_client ? c->server_seq : c->client_seq;
    uint32_t record[4];

    if (from_client && c->held.turns > 0)
        ack = c->held.seq; /* what lies behind a hole is not acknowledged */
    memset(packet, 0, HEADERS);
    memcpy(packet, from_client ? "\2\0\0\0\0\2\2\0\0\0\0\1" : "\2\0\0\0\0\1\2\0\0\0\0\2", 12);
    put16(packet + 12, 0x0800);
    ip[0] = 0x45;
    put16(ip + 2, (uint16_t)(IP + TCP + len));
    ip[6] = 0x40; /* do not fragment */
    ip[8] = 64;
    ip[9] = 6;
    put32(ip + 12, from_client ? c->client_ip : c->server_ip);
    put32(ip + 16, from_client ? c->server_ip : c->client_ip);
    put16(ip + 10, (uint16_t)~sum16(ip, IP, 0));
    put16(tcp, from_client ? c->client_port : c->server_port);
    put16(tcp + 2, from_client ? c->server_port : c->client_port);
    put32(tcp + 4, *seq);
    put32(tcp + 8, flags & ACK ? ack : 0);
    tcp[12] = 5 << 4;
    tcp[13] = flags;
    put16(tcp + 14, 0xffff);
    if (len > 0)
        memcpy(tcp + TCP, payload, len);
    uint32_t sum = sum16(ip + 12, 8, 6 + TCP + len);
    put16(tcp + 16, (uint16_t)~sum16(tcp, TCP + len, sum));

    record[0] = (uint32_t)(clock_us / 1000000);
    record[1] = (uint32_t)(clock_us % 1000000);
    record[2] = record[3] = HEADERS + len;
    frames_write(record, sizeof record);
    frames_write(packet, HEADERS + len);
    clock_us += 3;
    *seq += len + (flags & (SYN | FIN) ? 1 : 0);
}

struct connection connection_of(uint32_t i)
{
    return (struct connection){.client_ip = 0x0a000000 + 1 + i / 20000,
                               .server_ip = 0xc0000200 + 1 + i % 200,
                               .client_port = (uint16_t)(20000 + i % 20000),
                               .server_port = 80,
                               .client_seq = i * 2654435761u,
                               .server_seq = i * 2246822519u};
}

static struct connection *connections(uint32_t count)
{
    struct connection *all = calloc(count, sizeof *all);

    if (!all) {
        fprintf(stderr, "no memory for %lu connections\n", (unsigned long)count);
        exit(1);
    }
    for (uint32_t i = 0; i < count; i++)
        all[i] = connection_of(i);
    return all;
}

void connection_open(struct connection *c)
{
    frame(c, true, SYN, NULL, 0);
    frame(c, false, SYN | ACK, NULL, 0);
    frame(c, true, ACK, NULL, 0);
}

void connection_close(struct connection *c)
{
    frame(c, true, FIN | ACK, NULL, 0);
    frame(c, false, FIN | ACK, NULL, 0);
    frame(c, true, ACK, NULL, 0);
}

/* ---- long flows, and the same on a bad path ---- */

/* The server's segment again, or late: with the sequence number that it had. */
static void frame_at(struct connection *c, uint32_t seq, const uint8_t *payload, uint32_t len)
{
    uint32_t next = c->server_seq;

    c->server_seq = seq;
    frame(c, false, ACK, payload, len);
    c->server_seq = next;
}

static void release(struct connection *c)
{
    struct held late = c->held;

    c->held.turns = 0;
    if (late.turns > 0)
        frame_at(c, late.seq, late.payload, late.len);
}

/* A segment of the server: 3% are overtaken by one to three others, 0.5% are not in the capture though
 * they are acknowledged, and 1% come twice. One is late at a time, so that few of the 3% are not. */
static void frame_lossy(struct connection *c, const uint8_t *payload, uint32_t len)
{
    static uint32_t state = 12345;
    uint32_t seq = c->server_seq;

    state ^= state << 13; /* xorshift32, Marsaglia 2003 */
    state ^= state >> 17;
    state ^= state << 5;
    uint32_t dice = state % 1000;
    if (dice < 5) {
        c->server_seq += len;
    } else if (dice < 35 && c->held.turns == 0) {
        c->held = (struct held){
            .seq = seq, .len = len, .turns = 2 + state / 1000 % 3, .payload = payload};
        c->server_seq += len;
        return;
    } else {
        frame(c, false, ACK, payload, len);
        if (dice >= 990)
            frame_at(c, seq, payload, len);
    }
    if (c->held.turns > 1 && --c->held.turns == 1)
        release(c);
}

void make_long(uint32_t flows, uint64_t bytes, bool lossy)
{
    struct connection *all = connections(flows);
    uint64_t each = bytes / flows, done = 0;

    for (uint32_t i = 0; i < flows; i++) {
        connection_open(&all[i]);
        frame(&all[i], true, PSH | ACK, (const uint8_t *)"GET / HTTP/1.1\r\n\r\n", 18);
    }
    while (done < each) {
        uint32_t len = each - done < FRAMES_SEGMENT ? (uint32_t)(each - done) : FRAMES_SEGMENT;
        for (uint32_t i = 0; i < flows; i++) {
            const uint8_t *payload = frames_payload(done + i * 97u);
            if (lossy)
                frame_lossy(&all[i], payload, len);
            else
                frame(&all[i], false, ACK, payload, len);
            if (done / FRAMES_SEGMENT % 2 == 1)
                frame(&all[i], true, ACK, NULL, 0);
        }
        done += len;
    }
    for (uint32_t i = 0; i < flows; i++) {
        release(&all[i]);
        connection_close(&all[i]);
    }
    free(all);
}

void make_short(uint32_t count)
{
    enum { ALIVE = 64 };
    struct connection c[ALIVE];

    for (uint32_t i = 0; i < count; i += ALIVE) {
        uint32_t n = count - i < ALIVE ? count - i : ALIVE;
        for (uint32_t k = 0; k < n; k++) {
            c[k] = connection_of(i + k);
            connection_open(&c[k]);
        }
        for (uint32_t k = 0; k < n; k++)
            frame(&c[k], true, PSH | ACK, pattern + (i + k) % 60000, 180);
        for (uint32_t k = 0; k < n; k++) {
            frame(&c[k], false, ACK, pattern + (i + k) % 50000, FRAMES_SEGMENT);
            frame(&c[k], false, PSH | ACK, pattern + (i + k) % 40000, 600);
        }
        for (uint32_t k = 0; k < n; k++)
            connection_close(&c[k]);
    }
}

/* ---- a million at once ---- */

void make_million(uint32_t count, uint32_t payload)
{
    make_rounds(count, payload, 1);
}

void make_rounds(uint32_t count, uint32_t payload, uint32_t rounds)
{
    /* Primes above any count in use: i * prime % count visits each connection once, in an order that no
     * cache can guess. Each turn has an order of its own. */
    enum { TURNS = 6 };
    static const uint64_t orders[TURNS] = {2654435761, 2246822519, 3266489917,
                                           668265263,  374761393,  4294967291};
    struct connection *all = connections(count);

    for (uint32_t i = 0; i < count; i++)
        connection_open(&all[i]);
    for (uint32_t turn = 0; turn < TURNS * rounds; turn++)
        for (uint32_t i = 0; i < count; i++) {
            struct connection *c = &all[i * orders[turn % TURNS] % count];
            frame(c, turn % 2 == 0, payload ? PSH | ACK : ACK, frames_payload(i + turn), payload);
        }
    free(all);
}
