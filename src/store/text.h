/* text.h - how addresses and words from outside are written in the case. */
#ifndef SEINE_STORE_TEXT_H
#define SEINE_STORE_TEXT_H

#include "base/buffer.h"
#include "dissect/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IP_TEXT_LEN = 46, MAC_TEXT_LEN = 18, VLAN_TEXT_LEN = 24 }; /* with the NUL */

/* The canonical text (RFC 5952); dotted for IPv4. `ip_version` is 4 or 6: an IPv6 address may be a
 * mapped IPv4 one, and is written in groups as any other, ::ffff:a00:1, so that the two are not mixed
 * up. Ends in a NUL; returns its length without it. */
size_t ip_text(char to[IP_TEXT_LEN], const struct address *address, uint8_t ip_version);

/* The address and version that a text stands for, in this or any other form; false when it is none. */
bool ip_parse(struct address *address, uint8_t *ip_version, const char *text);

/* aa:bb:cc:dd:ee:ff */
size_t mac_text(char to[MAC_TEXT_LEN], const uint8_t mac[6]);

/* "10" or "10.20", outermost first; empty for none. */
size_t vlan_text(char to[VLAN_TEXT_LEN], const uint16_t *vlans, uint8_t count);

/* Appends `bytes` as valid UTF-8: what is not becomes U+FFFD, a NUL as well. False when the buffer
 * has no room for all of it. */
bool utf8_add(struct buffer *b, struct span bytes);

#endif
