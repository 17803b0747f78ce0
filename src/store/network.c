/* network.c - networks, and what IANA has set aside.
 *
 * The blocks are those of the IPv4 and IPv6 special-purpose address registries, with multicast and what
 * the address space registries call reserved. Of two that hold an address the longer one says what it is. */
#include "store/network.h"

#include "store/text.h"

#include <stddef.h>
#include <string.h>

enum { V4_BITS = 32, V6_BITS = 128 };

bool network_around(struct network *n, const struct address *address, uint8_t ip_version,
                    int64_t bits)
{
    if (bits < 0 || bits > (ip_version == 4 ? V4_BITS : V6_BITS))
        return false;
    *n = (struct network){.first = *address, .last = *address, .ip_version = ip_version};
    size_t from = (size_t)bits + (ip_version == 4 ? V6_BITS - V4_BITS : 0);
    for (size_t i = from / 8; i < sizeof address->bytes; i++) {
        unsigned rest = i > from / 8 ? 0xffU : 0xffU >> from % 8;
        n->first.bytes[i] = (uint8_t)(n->first.bytes[i] & ~rest);
        n->last.bytes[i] = (uint8_t)(n->last.bytes[i] | rest);
    }
    return true;
}

/* Digits only, no more than three of them. */
static bool parse_bits(int64_t *bits, const char *text)
{
    size_t len = strspn(text, "0123456789");

    if (len == 0 || len > 3 || text[len])
        return false;
    *bits = 0;
    for (; *text; text++)
        *bits = *bits * 10 + (*text - '0');
    return true;
}

bool network_parse(struct network *n, const char *text)
{
    char before[IP_TEXT_LEN];
    struct address address;
    uint8_t ip_version;
    size_t len = strcspn(text, "/");

    if (len >= sizeof before)
        return false;
    memcpy(before, text, len);
    before[len] = 0;
    if (!ip_parse(&address, &ip_version, before))
        return false;
    int64_t bits = ip_version == 4 ? V4_BITS : V6_BITS;
    if (text[len] && !parse_bits(&bits, text + len + 1))
        return false;
    return network_around(n, &address, ip_version, bits);
}

bool network_holds(const struct network *n, const struct address *address, uint8_t ip_version)
{
    return ip_version == n->ip_version &&
           memcmp(address->bytes, n->first.bytes, sizeof address->bytes) >= 0 &&
           memcmp(address->bytes, n->last.bytes, sizeof address->bytes) <= 0;
}

struct block {
    uint8_t prefix[16];
    uint8_t bits;
    const char *scope;
};

/* Longer ones first where one lies in another. */
static const struct block v4_blocks[] = {
    {{0, 0, 0, 0}, 32, "unspecified"},
    {{0}, 8, "this-network"},              /* RFC 791 3.2 */
    {{10}, 8, "private"},                  /* RFC 1918 */
    {{100, 64}, 10, "shared"},             /* RFC 6598: behind the NAT of a carrier */
    {{127}, 8, "loopback"},                /* RFC 1122 3.2.1.3 */
    {{169, 254}, 16, "link-local"},        /* RFC 3927 */
    {{172, 16}, 12, "private"},            /* RFC 1918 */
    {{192, 0, 0, 9}, 32, "global"},        /* RFC 7723: PCP anycast */
    {{192, 0, 0, 10}, 32, "global"},       /* RFC 8155: TURN anycast */
    {{192, 0, 0}, 24, "ietf-protocol"},    /* RFC 6890 2.1 */
    {{192, 0, 2}, 24, "documentation"},    /* RFC 5737 */
    {{192, 88, 99}, 24, "6to4-relay"},     /* RFC 7526, deprecated */
    {{192, 168}, 16, "private"},           /* RFC 1918 */
    {{198, 18}, 15, "benchmarking"},       /* RFC 2544 */
    {{198, 51, 100}, 24, "documentation"}, /* RFC 5737 */
    {{203, 0, 113}, 24, "documentation"},  /* RFC 5737 */
    {{224}, 4, "multicast"},               /* RFC 5771 */
    {{255, 255, 255, 255}, 32, "broadcast"},
    {{240}, 4, "reserved"}, /* RFC 1112 4 */
    {{0}, 0, "global"},
};

static const struct block v6_blocks[] = {
    {{0}, 128, "unspecified"},
    {{[15] = 1}, 128, "loopback"},
    {{[10] = 0xff, [11] = 0xff}, 96, "mapped"},                /* RFC 4291 */
    {{0x00, 0x64, 0xff, 0x9b}, 96, "translation"},             /* RFC 6052 */
    {{0x00, 0x64, 0xff, 0x9b, 0, 1}, 48, "translation-local"}, /* RFC 8215 */
    {{0x01, 0x00}, 64, "discard"},                             /* RFC 6666 */
    {{0x01, 0x00, [7] = 1}, 64, "dummy"},                      /* RFC 9780 */
    {{0x20, 0x01, 0, 0}, 32, "teredo"},                        /* RFC 4380 */
    {{0x20, 0x01, 0, 1, [15] = 1}, 128, "global"},             /* RFC 7723: PCP anycast */
    {{0x20, 0x01, 0, 1, [15] = 2}, 128, "global"},             /* RFC 8155: TURN anycast */
    {{0x20, 0x01, 0, 1, [15] = 3}, 128, "global"},             /* RFC 9665: DNS-SD anycast */
    {{0x20, 0x01, 0, 2, 0, 0}, 48, "benchmarking"},            /* RFC 5180 */
    {{0x20, 0x01, 0, 3}, 32, "global"},                        /* RFC 7450: AMT */
    {{0x20, 0x01, 0, 4, 0x01, 0x12}, 48, "global"},            /* RFC 7535: AS112 */
    {{0x20, 0x01, 0, 0x20}, 28, "orchid"},                     /* RFC 7343 */
    {{0x20, 0x01, 0, 0x30}, 28, "global"},                     /* RFC 9374: drone ids */
    {{0x20, 0x01, 0, 0}, 23, "ietf-protocol"},                 /* RFC 2928 */
    {{0x20, 0x01, 0x0d, 0xb8}, 32, "documentation"},           /* RFC 3849 */
    {{0x20, 0x02}, 16, "6to4"},                                /* RFC 3056 */
    {{0x3f, 0xff, 0}, 20, "documentation"},                    /* RFC 9637 */
    {{0x5f, 0x00}, 16, "segment-routing"},                     /* RFC 9602 */
    {{0xfc}, 7, "private"},                                    /* RFC 4193: unique local */
    {{0xfe, 0x80}, 10, "link-local"},                          /* RFC 4291 */
    {{0xfe, 0xc0}, 10, "site-local"},                          /* RFC 3879, deprecated */
    {{0xff}, 8, "multicast"},                                  /* RFC 4291 */
    {{0x20}, 3, "global"},                                     /* RFC 3587 */
    {{0}, 0, "reserved"},
};

static bool begins_with(const uint8_t *bytes, const struct block *b)
{
    size_t whole = b->bits / 8;
    uint8_t mask = (uint8_t)(0xff00 >> b->bits % 8);

    if (memcmp(bytes, b->prefix, whole) != 0)
        return false;
    return b->bits % 8 == 0 || ((bytes[whole] ^ b->prefix[whole]) & mask) == 0;
}

const char *address_scope(const struct address *address, uint8_t ip_version)
{
    const uint8_t *bytes = address->bytes + (ip_version == 4 ? ADDRESS_V4_AT : 0);
    const struct block *b = ip_version == 4 ? v4_blocks : v6_blocks;

    while (!begins_with(bytes, b)) /* the last one holds all */
        b++;
    return b->scope;
}
