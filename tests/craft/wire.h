/* wire.h - how headers lie on the wire, written down for craft alone, from the RFCs.
 *
 * Each function appends one layer to `out`: its header, then the payload that it was given. So a
 * frame is made from the inside out: wire_tcp(), wire_ip(), wire_link(). */
#ifndef SEINE_TESTS_CRAFT_WIRE_H
#define SEINE_TESTS_CRAFT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that grow. No memory is the end of a test: it aborts. */
struct wire_bytes {
    uint8_t *data; /* owned */
    size_t len;
    size_t room;
};

void wire_release(struct wire_bytes *b);
void wire_add(struct wire_bytes *b, const void *data, size_t len);
void wire_fill(struct wire_bytes *b, uint8_t value, size_t len);
void wire_u8(struct wire_bytes *b, uint8_t value);
void wire_u16(struct wire_bytes *b, uint16_t value); /* big-endian, as all of these */
void wire_u32(struct wire_bytes *b, uint32_t value);

struct wire_address {
    bool v6;
    uint8_t octets[16]; /* the first 4 of IPv4 */
};

struct wire_end {
    struct wire_address address;
    uint16_t port;
};

bool wire_address_parse(struct wire_address *a, const char *text);
bool wire_end_parse(struct wire_end *e, const char *text); /* 10.0.0.1:80 or [::1]:80 */
bool wire_end_equal(const struct wire_end *a, const struct wire_end *b);

enum wire_checksum {
    CHECKSUM_RIGHT,
    CHECKSUM_WRONG,   /* neither right nor the value of offload */
    CHECKSUM_OFFLOAD, /* the pseudo-header's sum, as a stack leaves it to its network card */
    CHECKSUM_NONE,    /* zero */
};

enum {
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_PSH = 0x08,
    TCP_ACK = 0x10,
    TCP_URG = 0x20,
    TCP_ECE = 0x40,
    TCP_CWR = 0x80,
};

enum {
    PROTOCOL_ICMP = 1,
    PROTOCOL_IPIP = 4,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_IPV6 = 41,
    PROTOCOL_GRE = 47,
    PROTOCOL_ICMPV6 = 58,
    PROTOCOL_SCTP = 132,
};

struct wire_tcp {
    uint32_t seq;
    uint32_t ack;
    uint16_t window;
    uint16_t urgent;
    uint8_t flags;
    struct wire_bytes options; /* borrowed; a multiple of 4 bytes, at most 40 */
    enum wire_checksum checksum;
};

struct wire_icmp {
    uint8_t type;
    uint8_t code;
    enum wire_checksum checksum;
};

void wire_tcp(struct wire_bytes *out, const struct wire_end *source, const struct wire_end *target,
              const struct wire_tcp *tcp, const void *payload, size_t len);
void wire_udp(struct wire_bytes *out, const struct wire_end *source, const struct wire_end *target,
              enum wire_checksum checksum, const void *payload, size_t len);

/* The chunks are made already; each a multiple of four bytes. */
void wire_sctp(struct wire_bytes *out, uint16_t source_port, uint16_t target_port, uint32_t tag,
               enum wire_checksum checksum, bool adler, const struct wire_bytes *chunks);

/* ICMP or ICMPv6, as the addresses say; the payload is all after the checksum. */
void wire_icmp(struct wire_bytes *out, const struct wire_address *source,
               const struct wire_address *target, const struct wire_icmp *icmp, const void *payload,
               size_t len);

struct wire_ip {
    struct wire_address source;
    struct wire_address target;
    uint8_t protocol;
    uint8_t ttl;
    uint32_t id;     /* 16 bits in IPv4 */
    uint32_t offset; /* of a fragment, in bytes, a multiple of 8 */
    bool fragment;   /* IPv6: with a fragment header */
    bool more;
    bool dont_fragment;
    bool bad_checksum; /* of the IPv4 header */
    int32_t says_len;  /* in the length field; -1 for the right one */
};

/* The longest payload that an IP packet of this kind has room for. */
size_t wire_ip_room(const struct wire_ip *ip);
void wire_ip(struct wire_bytes *out, const struct wire_ip *ip, const void *payload, size_t len);

/* The values are LINKTYPE_ values. */
enum wire_link {
    LINK_NULL = 0,
    LINK_ETHERNET = 1,
    LINK_PPP = 9,
    LINK_RAW = 101,
    LINK_LOOP = 108,
    LINK_SLL = 113,
    LINK_SLL2 = 276,
};

struct wire_link_header {
    enum wire_link link;
    bool v6;
    bool from_server;
    size_t vlan_count; /* Ethernet only */
    const int64_t *vlans;
};

void wire_link(struct wire_bytes *out, const struct wire_link_header *header, const void *packet,
               size_t len);

#endif
