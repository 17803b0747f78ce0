/* network.h - a network as people write it: the addresses from its first to its last. */
#ifndef SEINE_STORE_NETWORK_H
#define SEINE_STORE_NETWORK_H

#include "dissect/address.h"

#include <stdbool.h>
#include <stdint.h>

/* IPv4 addresses are mapped, as everywhere; an IPv6 one that looks like these is none of them. */
struct network {
    struct address first, last;
    uint8_t ip_version;
};

/* Reads "10.0.0.0/8", "2001:db8::/32", or one address, which is a network of itself. Bits behind the length
 * do not count: 10.1.2.3/8 is 10.0.0.0/8. False when it is none of these. */
bool network_parse(struct network *n, const char *text);

/* The network of so many bits in which an address lies; false when it has fewer. */
bool network_around(struct network *n, const struct address *address, uint8_t ip_version,
                    int64_t bits);

bool network_holds(const struct network *n, const struct address *address, uint8_t ip_version);

/* What an address is for, by the registries of IANA: a word for each special-purpose block (RFC 6890), or
 * "global", and "reserved" for what has not been given out. Static. */
const char *address_scope(const struct address *address, uint8_t ip_version);

#endif
