/* checksum.c - the Internet checksum.
 *
 * The sum does not care in which byte order the words are read, as long as the result is swapped
 * likewise (RFC 1071 2.B), nor how many words are added at once, as long as no carry is lost. So
 * the fast one reads eight bytes at a time as the machine likes them, adds the two halves of
 * each to sums of 64 bits, which cannot overflow below 16 GiB, and folds at the end. */
#include "dissect/checksum.h"

#include <string.h>

static uint16_t fold(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* Eight bytes in the machine's order, as the sum of their halves. */
static uint64_t halves(const uint8_t *from)
{
    uint64_t word;
    memcpy(&word, from, sizeof(word));
    return (word & 0xffffffff) + (word >> 32);
}

uint16_t checksum_sum(struct span bytes)
{
    uint64_t sums[4] = {0};
    struct span piece;

    while (span_take(&bytes, 32, &piece)) { /* four sums that do not wait for each other */
        sums[0] += halves(piece.data);
        sums[1] += halves(piece.data + 8);
        sums[2] += halves(piece.data + 16);
        sums[3] += halves(piece.data + 24);
    }
    uint64_t sum = sums[0] + sums[1] + sums[2] + sums[3];
    while (span_take(&bytes, 8, &piece))
        sum += halves(piece.data);
    if (span_take(&bytes, 4, &piece)) {
        uint32_t word;
        memcpy(&word, piece.data, sizeof(word));
        sum += word;
    }
    if (span_take(&bytes, 2, &piece)) {
        uint16_t word;
        memcpy(&word, piece.data, sizeof(word));
        sum += word;
    }
    if (span_take(&bytes, 1, &piece)) {
        const uint8_t padded[2] = {piece.data[0], 0};
        uint16_t word;
        memcpy(&word, padded, sizeof(word));
        sum += word;
    }
    uint16_t folded = fold(sum);
    return load_be16(span_of(&folded, sizeof(folded)), 0);
}

uint16_t checksum_sum_plain(struct span bytes)
{
    uint16_t sum = 0;

    for (size_t i = 0; i < bytes.len; i++)
        sum = checksum_add(sum, (uint16_t)(i % 2 ? bytes.data[i] : bytes.data[i] << 8));
    return sum;
}

/* Two words of an address, the upper one not yet folded onto the lower. */
static uint64_t words(const struct address *a, size_t at)
{
    return load_be32(span_of(a->bytes, sizeof(a->bytes)), at);
}

uint16_t checksum_pseudo_v4(const struct endpoints *ends, uint8_t protocol, uint32_t len)
{
    return fold((uint64_t)len + protocol + words(&ends->src, ADDRESS_V4_AT) +
                words(&ends->dst, ADDRESS_V4_AT));
}

uint16_t checksum_pseudo_v6(const struct endpoints *ends, uint8_t protocol, uint32_t len)
{
    uint64_t sum = (uint64_t)len + protocol;

    for (size_t at = 0; at < sizeof(ends->src.bytes); at += 4)
        sum += words(&ends->src, at) + words(&ends->dst, at);
    return fold(sum);
}
