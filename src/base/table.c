/* table.c - the seed and the hash of every table. */
#include "base/table.h"

#include <sys/random.h>
#include <time.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

enum { FLOW_KEY_LEN = 40 };

static uint64_t seed;

void table_seed(void)
{
    while (seed == 0) {
        if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed) {
            struct timespec
                now; /* a young system without entropy: the clock is better than nothing */
            clock_gettime(CLOCK_MONOTONIC, &now);
            seed = (uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec;
        }
    }
}

uint32_t table_hash(const void *key, size_t len)
{
    if (seed == 0)
        table_seed();
    if (len == FLOW_KEY_LEN) /* as nearly always: where the length is known, a third remains */
        return (uint32_t)XXH3_64bits_withSeed(key, FLOW_KEY_LEN, seed);
    return (uint32_t)XXH3_64bits_withSeed(key, len, seed);
}
