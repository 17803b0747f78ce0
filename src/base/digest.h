/* digest.h - SHA-256 (FIPS 180-4) by libcrypto, and the fast checksum of evidence blocks. */
#ifndef SEINE_BASE_DIGEST_H
#define SEINE_BASE_DIGEST_H

#include "base/span.h"

#include <openssl/sha.h>
#include <stdbool.h>
#include <stdint.h>

enum { DIGEST_LEN = 32, DIGEST_HEX_LEN = 64 };

/* A SHA-256 under way: a value of 112 bytes, which may be copied. Of a million streams that wait for more
 * each keeps one. */
struct digest {
    SHA256_CTX sha256;
};

void digest_start(struct digest *d);
void digest_add(struct digest *d, struct span bytes);

/* The value of what was added, as 64 lower-case hex digits and a NUL. Started anew before more is added. */
void digest_end(struct digest *d, char hex[DIGEST_HEX_LEN + 1]);

/* The same as bytes; and bytes as digits. */
void digest_value(struct digest *d, uint8_t value[DIGEST_LEN]);
void digest_hex(char hex[DIGEST_HEX_LEN + 1], const uint8_t value[DIGEST_LEN]);

/* All in one call. */
void digest_once(uint8_t value[DIGEST_LEN], struct span bytes);

/* XXH3, 64 bits, unseeded: says where bytes changed, or that two files are likely the same; proves
 * nothing against intent. The same over many pieces as over one. */
struct checksum64;

struct checksum64 *checksum64_new(void); /* NULL when there is no memory */
void checksum64_free(struct checksum64 *c);
void checksum64_add(struct checksum64 *c, struct span bytes);
uint64_t checksum64_end(struct checksum64 *c); /* the value; starts over */

#endif
