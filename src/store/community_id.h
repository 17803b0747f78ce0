/* community_id.h - Community ID 1.0: the same short text for a flow in every tool that knows it.
 *
 *     "1:" base64(SHA-1(seed | lower address | higher address | protocol | 0 | ports))
 *
 * The specification is at github.com/corelight/community-id-spec. The seed is 0 unless one is given. */
#ifndef SEINE_STORE_COMMUNITY_ID_H
#define SEINE_STORE_COMMUNITY_ID_H

#include "dissect/address.h"

#include <stdbool.h>
#include <stdint.h>

enum { COMMUNITY_ID_LEN = 31 }; /* with the NUL */

/* `protocol` is the IP protocol number. For ICMP and ICMPv6 the ports are type and code of a
 * message from the source, and are mapped as the specification says. */
void community_id(char to[COMMUNITY_ID_LEN], uint8_t protocol, uint8_t ip_version,
                  const struct endpoints *ends);
void community_id_seeded(char to[COMMUNITY_ID_LEN], uint16_t seed, uint8_t protocol,
                         uint8_t ip_version, const struct endpoints *ends);

/* Whether ports (type and code of ICMP) are part of it; of another protocol they are not looked at. */
bool community_id_has_ports(uint8_t protocol);

#endif
