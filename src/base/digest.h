/* digest.h - SHA-256 (FIPS 180-4) by libcrypto, and the fast checksum of evidence blocks. */
#ifndef SEINE_BASE_DIGEST_H
#define SEINE_BASE_DIGEST_H

#include "base/span.h"

#include <openssl/sha.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

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
void digest_digits(char digits[DIGEST_HEX_LEN],
                   const uint8_t value[DIGEST_LEN]); /* without a NUL */

/* All in one call. */
void digest_once(uint8_t value[DIGEST_LEN], struct span bytes);

/* Bytes for a digest, in pieces that follow each other. All are borrowed. */
struct digest_part {
    struct digest *digest;
    const struct iovec *pieces;
    unsigned piece_count;
};

/* Adds each part to its digest, those of the same digest in their order: the same as digest_add() of one piece after
 * another, but several at a time where the processor can do that (digest_lanes.c). It takes 2 KiB of stack. */
void digest_add_each(const struct digest_part parts[], size_t count);

/* What digest_value() gives of each. Of the same length, or nearly, they too take each as long as half of one. */
void digest_value_each(uint8_t *const values[], struct digest digests[], size_t count);

/* The same by some ways only, for tests; which there are is the processor's to say. */
enum digest_way { DIGEST_ALONE, DIGEST_PAIRS, DIGEST_SIXTEEN, DIGEST_WAYS };
bool digest_can(enum digest_way way);
void digest_add_each_by(bool may_sixteen, bool may_pair, const struct digest_part parts[],
                        size_t count);

/* XXH3, 64 bits, unseeded: says where bytes changed, or that two files are likely the same; proves
 * nothing against intent. The same over many pieces as over one. */
struct checksum64;

struct checksum64 *checksum64_new(void); /* NULL when there is no memory */
void checksum64_free(struct checksum64 *c);
void checksum64_add(struct checksum64 *c, struct span bytes);
uint64_t checksum64_end(struct checksum64 *c); /* the value; starts over */

#endif
