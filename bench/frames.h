/* frames.h - TCP over IPv4 over Ethernet with right checksums, as records of a classic pcap.
 *
 * Shared by what makes captures for measuring and by bench/micro, which makes its own in memory. The
 * same calls give the same bytes. Includes nothing of src/: what is measured must not make its food. */
#ifndef BENCH_FRAMES_H
#define BENCH_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { FRAMES_SEGMENT = 1448 }; /* bytes of payload in a full segment */
enum { FIN = 1, SYN = 2, PSH = 8, ACK = 16 };

/* A segment of the server that the network delivers late. */
struct held {
    uint32_t seq, len, turns; /* turns: segments of the same side that overtake it; 0 is none */
    const uint8_t *payload;
};

struct connection {
    uint32_t client_ip, server_ip;
    uint16_t client_port, server_port;
    uint32_t client_seq, server_seq;
    struct held held;
};

/* The file header, and the time of the first frame. All that follows goes to `out` too, which is borrowed.
 * Ends the program with a sentence when it cannot be written. */
void frames_begin(FILE *out);
void frames_write(const void *bytes, size_t len);

/* Text-like bytes, the same for the same `at`, FRAMES_SEGMENT of them at least. */
const uint8_t *frames_payload(uint64_t at);

/* The connection with this number: its five-tuple is no other's below 2^30. */
struct connection connection_of(uint32_t i);

/* A frame, three microseconds after the one before. */
void frame(struct connection *c, bool from_client, uint8_t flags, const uint8_t *payload,
           uint32_t len);

void connection_open(struct connection *c);
void connection_close(struct connection *c);

/* The ones' complement sum of `bytes`, on top of `sum`, folded to 16 bits. */
uint32_t sum16(const uint8_t *bytes, size_t len, uint32_t sum);

/* ---- captures; each says in make_capture.c what it is ---- */

void make_long(uint32_t flows, uint64_t bytes, bool lossy);
void make_short(uint32_t count);

/* `payload`: bytes of each of the six segments behind a handshake; 0 makes them acknowledgements. */
void make_million(uint32_t count, uint32_t payload);

/* The same, with so many times six segments a connection. */
void make_rounds(uint32_t count, uint32_t payload, uint32_t rounds);

#endif
