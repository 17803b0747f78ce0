/* dissect_picture.h - frames as hexadecimal pictures, and what dissection says of them as a line.
 *
 *     dissect(1, ETHER "0800" V4("002b", "06") TCP "616263")
 *         -> ok tcp 10.0.0.1:1234 > 10.0.0.2:80 'abc'
 *
 * The bytes are written out here by hand from the RFCs: nothing of src/dissect that knows where
 * a field lies is used to make them. Each frame ends at the end of its mapping, so that a read
 * past it faults. */
#ifndef SEINE_TESTS_DISSECT_PICTURE_H
#define SEINE_TESTS_DISSECT_PICTURE_H

#include "dissect/dissect.h"
#include "same_packet.h"
#include "suite.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Addresses and an EtherType to follow. */
#define ETHER "0200000000bb 0200000000aa "

/* 10.0.0.1 to 10.0.0.2, its checksum left to the card; the second gives flags and offset. */
#define V4(len, protocol) V4_PIECE(len, "0000", protocol)
#define V4_PIECE(len, flags, protocol) \
    "4500" len "1234" flags "40" protocol "0000 0a000001 0a000002 "

/* 2001:db8::1 to 2001:db8::2. */
#define V6(len, next) \
    "60000000" len next "40 20010db8000000000000000000000001 20010db8000000000000000000000002 "

/* From port 1234 to 80, 20 bytes; to 53, 8 bytes. */
#define TCP "04d2 0050 00000001 00000002 5018 2000 0000 0000 "
#define UDP(len) "04d2 0035 " len "0000 "
#define ABC "616263 "

enum { PICTURE_MAX = 128 * 1024, LINE_MAX_LEN = 512 };

/* Bytes that end where memory does. */
static inline uint8_t *guard_place(const uint8_t *bytes, size_t len)
{
    static uint8_t *end;

    if (!end) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        uint8_t *map = mmap(NULL, PICTURE_MAX + page, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (map == MAP_FAILED || mprotect(map + PICTURE_MAX, page, PROT_NONE) != 0)
            abort();
        end = map + PICTURE_MAX;
    }
    return memcpy(end - len, bytes, len);
}

static inline int hex_digit(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* The bytes of a picture; what is not a digit is a space. */
static inline size_t picture_bytes(uint8_t bytes[PICTURE_MAX], const char *picture)
{
    size_t digits = 0;

    for (; *picture; picture++) {
        int digit = hex_digit(*picture);
        if (digit < 0)
            continue;
        bytes[digits / 2] = (uint8_t)(digits % 2 ? bytes[digits / 2] << 4 | digit : digit);
        digits++;
    }
    if (digits % 2 != 0)
        abort();
    return digits / 2;
}

__attribute__((format(printf, 2, 3))) static inline void say(char line[LINE_MAX_LEN],
                                                             const char *format, ...)
{
    size_t len = strlen(line);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line + len, LINE_MAX_LEN - len, format, arguments);
    va_end(arguments);
}

static inline void say_end(char line[LINE_MAX_LEN], const struct address *a, unsigned port)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    bool v4 = memcmp(a->bytes, mapped, sizeof(mapped)) == 0;
    char text[INET6_ADDRSTRLEN];

    inet_ntop(v4 ? AF_INET : AF_INET6, a->bytes + (v4 ? 12 : 0), text, sizeof(text));
    say(line, port ? "%s:%u" : "%s", text, port);
}

static inline void say_ends(char line[LINE_MAX_LEN], const struct endpoints *ends)
{
    say_end(line, &ends->src, ends->src_port);
    say(line, " > ");
    say_end(line, &ends->dst, ends->dst_port);
}

static inline void say_payload(char line[LINE_MAX_LEN], struct span payload, uint32_t payload_len)
{
    say(line, " '");
    if (payload.len > 20)
        say(line, "%zu bytes", payload.len);
    for (size_t i = 0; i < payload.len && payload.len <= 20; i++)
        say(line, payload.data[i] >= ' ' && payload.data[i] <= '~' ? "%c" : "\\%02x",
            payload.data[i]);
    say(line, "'");
    if (payload_len != payload.len)
        say(line, " of %u", payload_len);
}

static inline const char *transport_name(uint8_t transport)
{
    switch (transport) {
    case 1:
        return "icmp";
    case 6:
        return "tcp";
    case 17:
        return "udp";
    case 58:
        return "icmpv6";
    case 132:
        return "sctp";
    default:
        return "?";
    }
}

/* What a packet is, as a line. */
static inline void say_packet(char line[LINE_MAX_LEN], enum verdict verdict, const struct packet *p)
{
    line[0] = '\0';
    say(line, "%s", verdict_name(verdict));
    if (verdict == VERDICT_FRAGMENT) {
        say(line, " %u #%x at %u%s ", p->ip_protocol, p->fragment_id, p->fragment_at,
            p->more_fragments ? " more" : "");
        say_ends(line, &p->ends);
        say_payload(line, p->ip_payload, p->ip_payload_len);
    }
    if (verdict == VERDICT_OK) {
        say(line, " %s ", transport_name(p->transport));
        say_ends(line, &p->ends);
        say_payload(line, p->payload, p->payload_len);
        if (p->quote.present) {
            say(line, " quotes %s ", transport_name(p->quote.protocol));
            say_ends(line, &p->quote.ends);
        }
    }
    for (unsigned i = 0; i < p->vlan_count; i++)
        say(line, "%s%u", i == 0 ? " vlan " : ".", p->vlans[i]);
    if (p->tunnel[0])
        say(line, " in %s", p->tunnel);
}

/* Whether what a verdict promises of a packet is so, whatever the bytes were. */
static inline bool is_packet_sound(enum verdict verdict, const struct packet *p)
{
    const struct span bytes = p->frame->bytes;

    if (verdict >= VERDICT_COUNT || p->vlan_count > PACKET_VLANS_MAX ||
        p->tunnel_count > PACKET_TUNNELS_MAX || strlen(p->tunnel) >= PACKET_TUNNEL_MAX ||
        (p->tunnel_count > 0) != (p->tunnel[0] != '\0'))
        return false;
    if (verdict == VERDICT_FRAGMENT)
        return p->fragment && p->ip_payload.len <= p->ip_payload_len &&
               p->ip_payload_len <= 65535 && p->ip_payload.data >= bytes.data &&
               p->ip_payload.data + p->ip_payload.len <= bytes.data + bytes.len &&
               p->ip_payload_offset == p->frame->offset + (size_t)(p->ip_payload.data - bytes.data);
    if (verdict != VERDICT_OK)
        return true;
    return !p->fragment && p->payload.len <= p->payload_len && p->payload.data >= bytes.data &&
           p->payload.data + p->payload.len <= bytes.data + bytes.len &&
           p->payload_offset == p->frame->offset + (size_t)(p->payload.data - bytes.data) &&
           p->payload.data >= p->ip_payload.data && p->headers.len >= 8 &&
           (p->transport != 6 || p->tcp.header.len >= 20);
}

/* Dissects bytes as a frame of which `wire_len` bytes were on the wire. */
static inline enum verdict picture_dissect(char line[LINE_MAX_LEN], struct packet *packet,
                                           struct frame *frame, uint32_t link_type,
                                           const uint8_t *bytes, size_t len, size_t wire_len)
{
    *frame = (struct frame){.bytes = {guard_place(bytes, len), len},
                            .wire_len = (uint32_t)wire_len,
                            .link_type = link_type,
                            .number = 1,
                            .offset = 1000};
    memset(packet, 0xee, sizeof(*packet)); /* nothing may be left over from the frame before */
    enum verdict verdict = dissect(frame, packet);
    struct packet walked;
    memset(&walked, 0x11, sizeof(walked));
    CU_ASSERT_EQUAL(dissect_walked(frame, &walked), verdict);
    CU_ASSERT_PTR_NULL(packet_difference(verdict, packet, &walked));
    CU_ASSERT(is_packet_sound(verdict, packet));
    say_packet(line, verdict, packet);
    return verdict;
}

#endif
