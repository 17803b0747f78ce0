/* wire.c - headers, byte by byte. The drawings are those of the RFCs, turned into calls. */
#include "craft/wire.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void wire_release(struct wire_bytes *b)
{
    free(b->data);
    *b = (struct wire_bytes){0};
}

static uint8_t *more_room(struct wire_bytes *b, size_t len)
{
    if (!b->data || len > b->room - b->len) {
        b->room = (b->len + len) * 2 + 16;
        b->data = realloc(b->data, b->room);
        if (!b->data)
            abort();
    }
    uint8_t *at = b->data + b->len;
    b->len += len;
    return at;
}

void wire_add(struct wire_bytes *b, const void *data, size_t len)
{
    uint8_t *at = more_room(b, len);
    if (len > 0) /* memcpy from NULL is undefined */
        memcpy(at, data, len);
}

void wire_fill(struct wire_bytes *b, uint8_t value, size_t len)
{
    memset(more_room(b, len), value, len);
}

void wire_u8(struct wire_bytes *b, uint8_t value)
{
    *more_room(b, 1) = value;
}

void wire_u16(struct wire_bytes *b, uint16_t value)
{
    wire_u8(b, (uint8_t)(value >> 8));
    wire_u8(b, (uint8_t)value);
}

void wire_u32(struct wire_bytes *b, uint32_t value)
{
    wire_u16(b, (uint16_t)(value >> 16));
    wire_u16(b, (uint16_t)value);
}

static void overwrite_u16(struct wire_bytes *b, size_t at, uint16_t value)
{
    assert(at + 2 <= b->len);
    b->data[at] = (uint8_t)(value >> 8);
    b->data[at + 1] = (uint8_t)value;
}

bool wire_address_parse(struct wire_address *a, const char *text)
{
    *a = (struct wire_address){.v6 = strchr(text, ':') != NULL};
    return inet_pton(a->v6 ? AF_INET6 : AF_INET, text, a->octets) == 1;
}

bool wire_end_parse(struct wire_end *e, const char *text)
{
    char address[64];
    unsigned port;
    char excess;
    bool shaped = text[0] == '[' ? sscanf(text, "[%63[^]]]:%5u%c", address, &port, &excess) == 2
                                 : sscanf(text, "%63[^:]:%5u%c", address, &port, &excess) == 2;
    if (!shaped || port > UINT16_MAX || !wire_address_parse(&e->address, address))
        return false;
    e->port = (uint16_t)port;
    return true;
}

bool wire_end_equal(const struct wire_end *a, const struct wire_end *b)
{
    return a->port == b->port && a->address.v6 == b->address.v6 &&
           memcmp(a->address.octets, b->address.octets, sizeof(a->address.octets)) == 0;
}

static size_t address_len(const struct wire_address *a)
{
    return a->v6 ? 16 : 4;
}

/* The checksum of RFC 1071 in its two halves: add 16-bit words, then fold the carries back in. An
 * odd byte at the end is the high half of its word. */
static uint32_t sum_add(uint32_t sum, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sum += i % 2 == 0 ? (uint32_t)data[i] << 8 : data[i];
    return sum;
}

static uint16_t sum_fold(uint32_t sum)
{
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* RFC 9293 3.1 and RFC 8200 8.1: both addresses, the protocol and the length of what follows. */
static uint32_t sum_pseudo_header(const struct wire_address *source,
                                  const struct wire_address *target, uint8_t protocol, size_t len)
{
    uint32_t sum = sum_add(0, source->octets, address_len(source));
    sum = sum_add(sum, target->octets, address_len(target));
    return sum + protocol + (uint32_t)(len >> 16) + (uint32_t)(len & 0xffff);
}

/* Writes the checksum of all bytes from `start` on, whose own field at `field` is still zero. */
static void put_checksum(struct wire_bytes *b, size_t start, size_t field, uint32_t pseudo,
                         enum wire_checksum how)
{
    uint16_t right = (uint16_t)~sum_fold(sum_add(pseudo, b->data + start, b->len - start));
    uint16_t offload = sum_fold(pseudo);
    uint16_t wrong = right;

    /* 0 and 0xffff are one number in ones' complement, and 0 says "none" in UDP: not wrong. */
    do
        wrong++;
    while (wrong == 0 || wrong == 0xffff || wrong == offload);

    if (how == CHECKSUM_RIGHT)
        overwrite_u16(b, field, right);
    else if (how == CHECKSUM_WRONG)
        overwrite_u16(b, field, wrong);
    else if (how == CHECKSUM_OFFLOAD)
        overwrite_u16(b, field, offload);
}

/* RFC 9293 3.1 */
void wire_tcp(struct wire_bytes *out, const struct wire_end *source, const struct wire_end *target,
              const struct wire_tcp *tcp, const void *payload, size_t len)
{
    assert(tcp->options.len % 4 == 0 && tcp->options.len <= 40);
    size_t start = out->len;
    size_t words = 5 + tcp->options.len / 4;
    wire_u16(out, source->port);
    wire_u16(out, target->port);
    wire_u32(out, tcp->seq);
    wire_u32(out, tcp->ack);
    wire_u8(out, (uint8_t)(words << 4));
    wire_u8(out, tcp->flags);
    wire_u16(out, tcp->window);
    wire_u16(out, 0); /* the checksum */
    wire_u16(out, tcp->urgent);
    wire_add(out, tcp->options.data, tcp->options.len);
    wire_add(out, payload, len);
    put_checksum(
        out, start, start + 16,
        sum_pseudo_header(&source->address, &target->address, PROTOCOL_TCP, out->len - start),
        tcp->checksum);
}

/* RFC 768 */
void wire_udp(struct wire_bytes *out, const struct wire_end *source, const struct wire_end *target,
              enum wire_checksum checksum, const void *payload, size_t len)
{
    size_t start = out->len;
    wire_u16(out, source->port);
    wire_u16(out, target->port);
    wire_u16(out, (uint16_t)(8 + len));
    wire_u16(out, 0); /* the checksum */
    wire_add(out, payload, len);
    put_checksum(out, start, start + 6,
                 sum_pseudo_header(&source->address, &target->address, PROTOCOL_UDP, 8 + len),
                 checksum);

    /* A sum of zero is sent as all ones: zero would say that there is none. */
    if (checksum == CHECKSUM_RIGHT && out->data[start + 6] == 0 && out->data[start + 7] == 0)
        overwrite_u16(out, start + 6, 0xffff);
}

/* RFC 9260 Appendix A, bit by bit: the value that is then written lowest byte first. */
static uint32_t crc32c(const uint8_t *bytes, size_t len)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < len * 8; i++) {
        uint32_t bit = (bytes[i / 8] >> (i % 8)) & 1;
        crc = (crc ^ bit) & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
    }
    return crc ^ 0xffffffff;
}

/* RFC 2960 Appendix B */
static uint32_t adler32(const uint8_t *bytes, size_t len)
{
    uint32_t s1 = 1, s2 = 0;
    for (size_t i = 0; i < len; i++) {
        s1 = (s1 + bytes[i]) % 65521;
        s2 = (s2 + s1) % 65521;
    }
    return s2 << 16 | s1;
}

void wire_sctp(struct wire_bytes *out, uint16_t source_port, uint16_t target_port, uint32_t tag,
               enum wire_checksum checksum, bool adler, const struct wire_bytes *chunks)
{
    size_t start = out->len;
    wire_u16(out, source_port);
    wire_u16(out, target_port);
    wire_u32(out, tag);
    wire_u32(out, 0); /* the checksum */
    wire_add(out, chunks->data, chunks->len);
    if (checksum == CHECKSUM_OFFLOAD || checksum == CHECKSUM_NONE)
        return;
    const uint8_t *packet = out->data + start;
    uint32_t sum = adler ? adler32(packet, out->len - start) : crc32c(packet, out->len - start);
    if (checksum == CHECKSUM_WRONG)
        sum ^= 0x5a5a5a5a;
    for (int i = 0; i < 4; i++)
        out->data[start + 8 + (size_t)i] = (uint8_t)(sum >> 8 * (adler ? 3 - i : i));
}

/* RFC 792 and RFC 4443; only the second sums a pseudo-header. */
void wire_icmp(struct wire_bytes *out, const struct wire_address *source,
               const struct wire_address *target, const struct wire_icmp *icmp, const void *payload,
               size_t len)
{
    size_t start = out->len;
    wire_u8(out, icmp->type);
    wire_u8(out, icmp->code);
    wire_u16(out, 0); /* the checksum */
    wire_add(out, payload, len);
    uint32_t pseudo =
        source->v6 ? sum_pseudo_header(source, target, PROTOCOL_ICMPV6, out->len - start) : 0;
    put_checksum(out, start, start + 2, pseudo, icmp->checksum);
}

/* RFC 791 3.1 */
static void wire_ipv4(struct wire_bytes *out, const struct wire_ip *ip, const void *payload,
                      size_t len)
{
    size_t start = out->len;
    unsigned flags = (ip->dont_fragment ? 0x4000U : 0) | (ip->more ? 0x2000U : 0);
    wire_u8(out, 0x45); /* version 4, five words */
    wire_u8(out, 0);
    wire_u16(out, ip->says_len >= 0 ? (uint16_t)ip->says_len : (uint16_t)(20 + len));
    wire_u16(out, (uint16_t)ip->id);
    wire_u16(out, (uint16_t)(flags | ip->offset / 8));
    wire_u8(out, ip->ttl);
    wire_u8(out, ip->protocol);
    wire_u16(out, 0); /* the checksum, of the header alone */
    wire_add(out, ip->source.octets, 4);
    wire_add(out, ip->target.octets, 4);
    put_checksum(out, start, start + 10, 0, ip->bad_checksum ? CHECKSUM_WRONG : CHECKSUM_RIGHT);
    wire_add(out, payload, len);
}

/* RFC 8200 3 and 4.5 */
static void wire_ipv6(struct wire_bytes *out, const struct wire_ip *ip, const void *payload,
                      size_t len)
{
    enum { FRAGMENT_HEADER = 44 };
    size_t payload_len = len + (ip->fragment ? 8 : 0);
    wire_u32(out, 0x60000000); /* version 6 */
    wire_u16(out, ip->says_len >= 0 ? (uint16_t)ip->says_len : (uint16_t)payload_len);
    wire_u8(out, ip->fragment ? FRAGMENT_HEADER : ip->protocol);
    wire_u8(out, ip->ttl);
    wire_add(out, ip->source.octets, 16);
    wire_add(out, ip->target.octets, 16);
    if (ip->fragment) {
        wire_u8(out, ip->protocol);
        wire_u8(out, 0);
        wire_u16(out, (uint16_t)((ip->offset & 0xfff8) | (ip->more ? 1U : 0)));
        wire_u32(out, ip->id);
    }
    wire_add(out, payload, len);
}

size_t wire_ip_room(const struct wire_ip *ip)
{
    if (!ip->source.v6)
        return 65535 - 20;
    return ip->fragment ? 65535 - 8 : 65535;
}

void wire_ip(struct wire_bytes *out, const struct wire_ip *ip, const void *payload, size_t len)
{
    assert(len <= wire_ip_room(ip));
    if (ip->source.v6)
        wire_ipv6(out, ip, payload, len);
    else
        wire_ipv4(out, ip, payload, len);
}

static const uint8_t mac_client[6] = {0x02, 0, 0, 0, 0, 0x01};
static const uint8_t mac_server[6] = {0x02, 0, 0, 0, 0, 0x02};

/* IEEE 802.3 with the tags of 802.1Q: all but the last have the type of a service tag. */
static void wire_ethernet(struct wire_bytes *out, const struct wire_link_header *h,
                          uint16_t ethertype)
{
    wire_add(out, h->from_server ? mac_client : mac_server, 6);
    wire_add(out, h->from_server ? mac_server : mac_client, 6);
    for (size_t i = 0; i < h->vlan_count; i++) {
        wire_u16(out, i + 1 < h->vlan_count ? 0x88a8 : 0x8100);
        wire_u16(out, (uint16_t)h->vlans[i]);
    }
    wire_u16(out, ethertype);
}

/* The layouts are those of tcpdump.org/linktypes.html. */
void wire_link(struct wire_bytes *out, const struct wire_link_header *h, const void *packet,
               size_t len)
{
    uint16_t ethertype = h->v6 ? 0x86dd : 0x0800;
    uint8_t direction = h->from_server ? 0 : 4; /* seen on the client: to us, or sent by us */

    switch (h->link) {
    case LINK_ETHERNET:
        wire_ethernet(out, h, ethertype);
        break;
    case LINK_RAW:
        break;
    case LINK_NULL: /* the address family in the order of the machine: a little-endian Darwin */
        wire_u32(out, h->v6 ? 0x1e000000 : 0x02000000);
        break;
    case LINK_LOOP: /* the same in network order: an OpenBSD */
        wire_u32(out, h->v6 ? 24 : 2);
        break;
    case LINK_PPP: /* RFC 1662: address, control, protocol */
        wire_u16(out, 0xff03);
        wire_u16(out, h->v6 ? 0x0057 : 0x0021);
        break;
    case LINK_SLL:
        wire_u16(out, direction);
        wire_u16(out, 1); /* ARPHRD_ETHER */
        wire_u16(out, 6);
        wire_add(out, h->from_server ? mac_server : mac_client, 6);
        wire_u16(out, 0); /* the rest of 8 bytes of address */
        wire_u16(out, ethertype);
        break;
    case LINK_SLL2:
        wire_u16(out, ethertype);
        wire_u16(out, 0);
        wire_u32(out, 1); /* the interface's index */
        wire_u16(out, 1); /* ARPHRD_ETHER */
        wire_u8(out, direction);
        wire_u8(out, 6);
        wire_add(out, h->from_server ? mac_server : mac_client, 6);
        wire_u16(out, 0);
        break;
    }
    wire_add(out, packet, len);
}
