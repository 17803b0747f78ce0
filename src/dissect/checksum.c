/* checksum.c - the Internet checksum.
 *
 * The sum does not care in which byte order the words are read, as long as the result is swapped
 * likewise (RFC 1071 2.B), nor how many words are added at once, as long as no carry is lost. So
 * the fast one reads eight bytes at a time as the machine likes them, adds the carry of each sum of 64 bits
 * to it again, and folds at the end. */
#include "dissect/checksum.h"

/* Asks for what lies a page further, most likely of one of the next frames. Who adds up is the first to look at each
 * byte of a mapped capture, and the processor's own foresight ends with each page. Nothing needs to be there. */
static void look_ahead(const uint8_t *at)
{
    enum { AHEAD = 4096 };

    __builtin_prefetch((const void *)((uintptr_t)at + AHEAD));
}

uint64_t checksum_wide(struct span bytes)
{
    uint64_t sum = 0, second = 0, third = 0, fourth = 0;
    struct span piece;

    while (span_take(&bytes, 32, &piece)) { /* four sums that do not wait for each other */
        look_ahead(piece.data);
        sum = checksum_wide_add(sum, checksum_wide8(piece, 0));
        second = checksum_wide_add(second, checksum_wide8(piece, 8));
        third = checksum_wide_add(third, checksum_wide8(piece, 16));
        fourth = checksum_wide_add(fourth, checksum_wide8(piece, 24));
    }
    sum = checksum_wide_add(checksum_wide_add(sum, second), checksum_wide_add(third, fourth));
    while (span_take(&bytes, 8, &piece))
        sum = checksum_wide_add(sum, checksum_wide8(piece, 0));
    if (span_take(&bytes, 4, &piece))
        sum = checksum_wide_add(sum, checksum_wide4(piece, 0));
    if (bytes.len > 0) { /* up to three, and zeros */
        uint8_t padded[4] = {0};
        memcpy(padded, bytes.data, bytes.len);
        sum = checksum_wide_add(sum, checksum_wide4(span_of(padded, sizeof(padded)), 0));
    }
    return sum;
}

uint16_t checksum_sum(struct span bytes)
{
    uint16_t folded = checksum_fold(checksum_wide(bytes));
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
    return checksum_fold((uint64_t)len + protocol + words(&ends->src, ADDRESS_V4_AT) +
                         words(&ends->dst, ADDRESS_V4_AT));
}

uint16_t checksum_pseudo_v6(const struct endpoints *ends, uint8_t protocol, uint32_t len)
{
    uint64_t sum = (uint64_t)len + protocol;

    for (size_t at = 0; at < sizeof(ends->src.bytes); at += 4)
        sum += words(&ends->src, at) + words(&ends->dst, at);
    return checksum_fold(sum);
}
