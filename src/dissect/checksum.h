/* checksum.h - the Internet checksum (RFC 1071), and what a packet's own one is worth.
 *
 * A sum is the 16-bit one's complement sum of 16-bit words in network byte order, not complemented;
 * an odd last byte counts as the high half of a word. Bytes that carry a right checksum sum up to
 * CHECKSUM_ALL_ONES. */
#ifndef SEINE_DISSECT_CHECKSUM_H
#define SEINE_DISSECT_CHECKSUM_H

#include "base/span.h"
#include "dissect/address.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

enum { CHECKSUM_ALL_ONES = 0xffff };

/* The sum of some bytes; the second says the same slowly and plainly, and the tests hold the two
 * against each other. */
uint16_t checksum_sum(struct span bytes);
uint16_t checksum_sum_plain(struct span bytes);

/* A wide sum is made of words as the machine reads them, and is not folded yet. Folded, it is all ones exactly
 * where the sum is; else its bytes may stand the other way round (RFC 1071 2.B). */
uint64_t checksum_wide(struct span bytes);

/* Of two wide sums; an odd number of bytes must be the last. The carry comes around: an add, and an add with
 * carry. */
static inline uint64_t checksum_wide_add(uint64_t sum, uint64_t other)
{
    sum += other;
    return sum + (sum < other);
}

/* The wide sum of the 8 or 4 bytes from `at` on, which are there. */
static inline uint64_t checksum_wide8(struct span bytes, size_t at)
{
    uint64_t word;
    assert(bytes.len >= sizeof(word) && at <= bytes.len - sizeof(word));
    memcpy(&word, bytes.data + at, sizeof(word));
    return word;
}
static inline uint64_t checksum_wide4(struct span bytes, size_t at)
{
    uint32_t word;
    assert(bytes.len >= sizeof(word) && at <= bytes.len - sizeof(word));
    memcpy(&word, bytes.data + at, sizeof(word));
    return word;
}

static inline uint16_t checksum_fold(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* The same sum of an IPv4 header: without options, as nearly always, five words. */
static inline uint16_t checksum_of_header(struct span header)
{
    if (header.len != 20)
        return checksum_sum(header);
    return checksum_fold((uint64_t)load_be32(header, 0) + load_be32(header, 4) +
                         load_be32(header, 8) + load_be32(header, 12) + load_be32(header, 16));
}

/* Of two sums over an even number of bytes each; the last may be odd. */
static inline uint16_t checksum_add(uint16_t a, uint16_t b)
{
    uint32_t sum = (uint32_t)a + b;
    return (uint16_t)(sum + (sum >> 16));
}

/* The sum of the pseudo-header before a transport of `len` bytes (RFC 9293 3.1, RFC 8200 8.1). */
uint16_t checksum_pseudo_v4(const struct endpoints *ends, uint8_t protocol, uint32_t len);
uint16_t checksum_pseudo_v6(const struct endpoints *ends, uint8_t protocol, uint32_t len);

#endif
