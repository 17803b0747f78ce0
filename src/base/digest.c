/* digest.c - SHA-256 by libcrypto, through the functions whose state is a plain struct: those of EVP keep theirs
 * on the heap, cost half as much again for a short stream, and cannot be kept in 112 bytes. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "base/digest.h"

#include <xxhash.h>

void digest_hex(char hex[DIGEST_HEX_LEN + 1], const uint8_t value[DIGEST_LEN])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < DIGEST_LEN; i++) {
        hex[2 * i] = digits[value[i] >> 4];
        hex[2 * i + 1] = digits[value[i] & 15];
    }
    hex[DIGEST_HEX_LEN] = 0;
}

void digest_start(struct digest *d)
{
    SHA256_Init(&d->sha256);
}

void digest_add(struct digest *d, struct span bytes)
{
    SHA256_Update(&d->sha256, bytes.data, bytes.len);
}

void digest_value(struct digest *d, uint8_t value[DIGEST_LEN])
{
    SHA256_Final(value, &d->sha256);
}

void digest_end(struct digest *d, char hex[DIGEST_HEX_LEN + 1])
{
    uint8_t value[DIGEST_LEN];

    digest_value(d, value);
    digest_hex(hex, value);
}

void digest_once(uint8_t value[DIGEST_LEN], struct span bytes)
{
    struct digest d;

    digest_start(&d);
    digest_add(&d, bytes);
    digest_value(&d, value);
}

struct checksum64 *checksum64_new(void)
{
    XXH3_state_t *state = XXH3_createState();
    if (state)
        XXH3_64bits_reset(state);
    return (struct checksum64 *)state;
}

void checksum64_free(struct checksum64 *c)
{
    XXH3_freeState((XXH3_state_t *)c);
}

void checksum64_add(struct checksum64 *c, struct span bytes)
{
    if (bytes.len > 0)
        XXH3_64bits_update((XXH3_state_t *)c, bytes.data, bytes.len);
}

uint64_t checksum64_end(struct checksum64 *c)
{
    uint64_t value = XXH3_64bits_digest((XXH3_state_t *)c);
    XXH3_64bits_reset((XXH3_state_t *)c);
    return value;
}
