/* make_capture.c - captures for measuring: TCP over IPv4 over Ethernet with right checksums.
 *
 *     make_capture long  FLOWS BYTES      BYTES of payload over FLOWS connections, 1448 a segment,
 *                                         an acknowledgement every second one, interleaved
 *     make_capture short COUNT            COUNT connections of a request, a response and a close,
 *                                         64 alive at a time
 *
 * Writes a classic pcap with microseconds to standard output; the same words give the same bytes. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ETHERNET = 14, IP = 20, TCP = 20, HEADERS = ETHERNET + IP + TCP, SEGMENT = 1448 };
enum { FIN = 1, SYN = 2, PSH = 8, ACK = 16 };

struct connection {
    uint32_t client_ip, server_ip;
    uint16_t client_port, server_port;
    uint32_t client_seq, server_seq;
    uint64_t sent;
};

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

static uint32_t sum16(const uint8_t *bytes, size_t len, uint32_t sum)
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

static void write_all(const void *bytes, size_t len)
{
    if (fwrite(bytes, 1, len, stdout) != len) {
        perror("make_capture");
        exit(1);
    }
}

static void frame(struct connection *c, int from_client, uint8_t flags, const uint8_t *payload,
                  uint32_t len)
{
    static uint8_t packet[HEADERS + SEGMENT];
    uint8_t *ip = packet + ETHERNET, *tcp = ip + IP;
    uint32_t *seq = from_client ? &c->client_seq : &c->server_seq;
    uint32_t ack = from_client ? c->server_seq : c->client_seq;
    uint32_t record[4];

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
    write_all(record, sizeof record);
    write_all(packet, HEADERS + len);
    clock_us += 3;
    *seq += len + (flags & (SYN | FIN) ? 1 : 0);
}

static struct connection connection_of(uint32_t i)
{
    return (struct connection){.client_ip = 0x0a000000 + 1 + i / 20000,
                               .server_ip = 0xc0000200 + 1 + i % 200,
                               .client_port = (uint16_t)(20000 + i % 20000),
                               .server_port = 80,
                               .client_seq = i * 2654435761u,
                               .server_seq = i * 2246822519u};
}

static void open_connection(struct connection *c)
{
    frame(c, 1, SYN, NULL, 0);
    frame(c, 0, SYN | ACK, NULL, 0);
    frame(c, 1, ACK, NULL, 0);
}

static void close_connection(struct connection *c)
{
    frame(c, 1, FIN | ACK, NULL, 0);
    frame(c, 0, FIN | ACK, NULL, 0);
    frame(c, 1, ACK, NULL, 0);
}

static void make_long(uint32_t flows, uint64_t bytes)
{
    struct connection *all = calloc(flows, sizeof *all);
    uint64_t each = bytes / flows, done = 0;

    for (uint32_t i = 0; i < flows; i++) {
        all[i] = connection_of(i);
        open_connection(&all[i]);
        frame(&all[i], 1, PSH | ACK, (const uint8_t *)"GET / HTTP/1.1\r\n\r\n", 18);
    }
    while (done < each) {
        uint32_t len = each - done < SEGMENT ? (uint32_t)(each - done) : SEGMENT;
        for (uint32_t i = 0; i < flows; i++) {
            frame(&all[i], 0, ACK, pattern + (done + i * 97u) % (sizeof pattern - SEGMENT), len);
            if (done / SEGMENT % 2 == 1)
                frame(&all[i], 1, ACK, NULL, 0);
        }
        done += len;
    }
    for (uint32_t i = 0; i < flows; i++)
        close_connection(&all[i]);
    free(all);
}

static void make_short(uint32_t count)
{
    enum { ALIVE = 64 };
    struct connection c[ALIVE];

    for (uint32_t i = 0; i < count; i += ALIVE) {
        uint32_t n = count - i < ALIVE ? count - i : ALIVE;
        for (uint32_t k = 0; k < n; k++) {
            c[k] = connection_of(i + k);
            open_connection(&c[k]);
        }
        for (uint32_t k = 0; k < n; k++)
            frame(&c[k], 1, PSH | ACK, pattern + (i + k) % 60000, 180);
        for (uint32_t k = 0; k < n; k++) {
            frame(&c[k], 0, ACK, pattern + (i + k) % 50000, SEGMENT);
            frame(&c[k], 0, PSH | ACK, pattern + (i + k) % 40000, 600);
        }
        for (uint32_t k = 0; k < n; k++)
            close_connection(&c[k]);
    }
}

int main(int argc, char **argv)
{
    static char buffer[1 << 20];
    static const uint32_t header[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 262144, 1};
    uint32_t state = 1;

    for (size_t i = 0; i < sizeof pattern; i++) {
        state = state * 1664525 + 1013904223;
        pattern[i] = (uint8_t)(32 + (state >> 24) % 95);
    }
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    clock_us = 1700000000ull * 1000000;
    if (argc == 4 && strcmp(argv[1], "long") == 0) {
        write_all(header, sizeof header);
        make_long((uint32_t)strtoul(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
    } else if (argc == 3 && strcmp(argv[1], "short") == 0) {
        write_all(header, sizeof header);
        make_short((uint32_t)strtoul(argv[2], NULL, 10));
    } else {
        fprintf(stderr, "make_capture: long FLOWS BYTES | short COUNT\n");
        return 2;
    }
    if (fflush(stdout) != 0) {
        perror("make_capture");
        return 1;
    }
    return 0;
}
