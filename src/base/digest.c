/* digest.c - SHA-256 by libcrypto. The algorithm is fetched once: a look-up each time costs three
 * times the digest of a short stream. */
#include "base/digest.h"

#include <assert.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <xxhash.h>

static EVP_MD *sha256;
static pthread_key_t scratch; /* each thread has a digest for short runs, and frees it at its end */
static pthread_once_t fetched = PTHREAD_ONCE_INIT;

static void free_scratch(void *digest)
{
    digest_free(digest);
}

static void fetch(void)
{
    int code = pthread_key_create(&scratch, free_scratch);
    assert(code == 0);
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL); /* NULL only where there is no memory for it */
}

void digest_hex(char hex[DIGEST_HEX_LEN + 1], const uint8_t value[DIGEST_LEN])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < DIGEST_LEN; i++) {
        hex[2 * i] = digits[value[i] >> 4];
        hex[2 * i + 1] = digits[value[i] & 15];
    }
    hex[DIGEST_HEX_LEN] = 0;
}

struct digest *digest_new(void)
{
    pthread_once(&fetched, fetch);
    EVP_MD_CTX *context = sha256 ? EVP_MD_CTX_new() : NULL;
    if (context && EVP_DigestInit_ex2(context, sha256, NULL) != 1) {
        EVP_MD_CTX_free(context);
        context = NULL;
    }
    return (struct digest *)context;
}

void digest_free(struct digest *d)
{
    EVP_MD_CTX_free((EVP_MD_CTX *)d);
}

void digest_reset(struct digest *d)
{
    int done = EVP_DigestInit_ex2((EVP_MD_CTX *)d, NULL, NULL);
    assert(done == 1);
}

void digest_add(struct digest *d, struct span bytes)
{
    if (bytes.len == 0)
        return;
    int done = EVP_DigestUpdate((EVP_MD_CTX *)d, bytes.data, bytes.len);
    assert(done == 1);
}

void digest_value(struct digest *d, uint8_t value[DIGEST_LEN])
{
    int done = EVP_DigestFinal_ex((EVP_MD_CTX *)d, value, NULL);
    assert(done == 1);
}

void digest_end(struct digest *d, char hex[DIGEST_HEX_LEN + 1])
{
    uint8_t value[DIGEST_LEN];

    digest_value(d, value);
    digest_hex(hex, value);
}

void digest_once(uint8_t value[DIGEST_LEN], struct span bytes)
{
    pthread_once(&fetched, fetch);
    struct digest *kept = pthread_getspecific(scratch);
    if (!kept) {
        kept = digest_new();
        assert(kept != NULL);
        pthread_setspecific(scratch, kept);
    }
    digest_reset(kept);
    digest_add(kept, bytes);
    digest_value(kept, value);
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
