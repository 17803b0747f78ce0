/* community_id.c - Community ID 1.0. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "store/community_id.h"

#include "dissect/packet.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <string.h>

enum { SHA1_LEN = 20, INPUT_MAX = 2 + 16 + 16 + 2 + 4 };

/* Types of which one answers the other. A type that is not here has no answer, and its code stands
 * where the answer's type would. */
struct pair {
    uint8_t ask, answer;
};

static const struct pair icmp_pairs[] = {
    {8, 0},   /* echo */
    {13, 14}, /* timestamp */
    {15, 16}, /* information */
    {10, 9},  /* router solicitation */
    {17, 18}, /* address mask */
};

static const struct pair icmpv6_pairs[] = {
    {128, 129}, /* echo */
    {133, 134}, /* router solicitation */
    {135, 136}, /* neighbour solicitation */
    {130, 131}, /* multicast listener query */
    {139, 140}, /* who are you */
    {144, 145}, /* home agent address discovery */
};

/* Whether `type` has a counterpart, and which. */
static bool counterpart(const struct pair pairs[], size_t count, uint16_t type, uint16_t *other)
{
    for (size_t i = 0; i < count; i++) {
        if (pairs[i].ask == type || pairs[i].answer == type) {
            *other = pairs[i].ask == type ? pairs[i].answer : pairs[i].ask;
            return true;
        }
    }
    return false;
}

static uint8_t *put_be16(uint8_t *to, uint16_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
    return to + 2;
}

bool community_id_has_ports(uint8_t protocol)
{
    return protocol == TRANSPORT_TCP || protocol == TRANSPORT_UDP || protocol == TRANSPORT_SCTP ||
           protocol == TRANSPORT_ICMP || protocol == TRANSPORT_ICMPV6;
}

void community_id(char to[COMMUNITY_ID_LEN], uint8_t protocol, uint8_t ip_version,
                  const struct endpoints *ends)
{
    community_id_seeded(to, 0, protocol, ip_version, ends);
}

void community_id_seeded(char to[COMMUNITY_ID_LEN], uint16_t seed, uint8_t protocol,
                         uint8_t ip_version, const struct endpoints *ends)
{
    const struct address *src = &ends->src, *dst = &ends->dst;
    uint16_t src_port = ends->src_port, dst_port = ends->dst_port;
    bool one_way = false;

    if (protocol == TRANSPORT_ICMP)
        one_way =
            !counterpart(icmp_pairs, sizeof icmp_pairs / sizeof icmp_pairs[0], src_port, &dst_port);
    else if (protocol == TRANSPORT_ICMPV6)
        one_way = !counterpart(icmpv6_pairs, sizeof icmpv6_pairs / sizeof icmpv6_pairs[0], src_port,
                               &dst_port);
    int order = memcmp(src->bytes, dst->bytes, sizeof src->bytes);
    if (!one_way && (order > 0 || (order == 0 && src_port > dst_port))) {
        src = &ends->dst;
        dst = &ends->src;
        uint16_t port = src_port;
        src_port = dst_port;
        dst_port = port;
    }

    size_t skip = ip_version == 4 ? ADDRESS_V4_AT : 0;
    uint8_t input[INPUT_MAX];
    uint8_t *end = put_be16(input, seed);
    memcpy(end, src->bytes + skip, 16 - skip);
    end += 16 - skip;
    memcpy(end, dst->bytes + skip, 16 - skip);
    end += 16 - skip;
    *end++ = protocol;
    *end++ = 0;
    if (community_id_has_ports(protocol)) {
        end = put_be16(end, src_port);
        end = put_be16(end, dst_port);
    }

    unsigned char value[SHA1_LEN];
    SHA_CTX sha1;
    SHA1_Init(&sha1); /* SHA1() looks the algorithm up each time, which costs five times as much */
    SHA1_Update(&sha1, input, (size_t)(end - input));
    SHA1_Final(value, &sha1);
    memcpy(to, "1:", 2);
    EVP_EncodeBlock((unsigned char *)to + 2, value, SHA1_LEN);
}
