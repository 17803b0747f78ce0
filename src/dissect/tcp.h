/* tcp.h - a view of a TCP header (RFC 9293 3.1) and of the options that reassembly uses. */
#ifndef SEINE_DISSECT_TCP_H
#define SEINE_DISSECT_TCP_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum tcp_flags {
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_PSH = 0x08,
    TCP_ACK = 0x10,
    TCP_URG = 0x20,
    TCP_ECE = 0x40,
    TCP_CWR = 0x80,
};

enum { TCP_FIXED_LEN = 20 };

struct tcp {
    struct span header; /* options included, data not */
};

/* Options as they are found; what is not there says so. */
struct tcp_options {
    bool has_mss, has_window_scale, has_timestamps, sack_permitted;
    uint16_t mss;               /* bytes (RFC 9293 3.7.1) */
    uint8_t window_scale;       /* shift, at most 14 (RFC 7323 2.3) */
    uint8_t sack_count;         /* blocks; at most 4 (RFC 2018) */
    uint32_t ts_value, ts_echo; /* RFC 7323 3.2 */
    struct {
        uint32_t left, right; /* sequence numbers */
    } sack[4];
};

/* How many bytes the header takes, 20 while that cannot be told; 0 when its offset is below 5. */
static inline size_t tcp_need(struct span rest)
{
    if (rest.len < TCP_FIXED_LEN)
        return TCP_FIXED_LEN;
    size_t len = (load_u8(rest, 12) >> 4) * 4U;
    return len < TCP_FIXED_LEN ? 0 : len;
}

/* Takes the header and its options off the front of `rest`, which keeps the data. False, with
 * nothing changed, when they do not lie inside it or the data offset is below 5. */
static inline bool tcp_view(struct span *rest, struct tcp *t)
{
    size_t len = tcp_need(*rest);
    return len > 0 && span_take(rest, len, &t->header);
}

/* Reads the options; a malformed one ends the list, and false is returned. What stood before it
 * holds. */
bool tcp_options(const struct tcp *t, struct tcp_options *options);

/* The timestamp that the segment was sent with (RFC 7323 3.2); false when it has none. */
bool tcp_timestamp(const struct tcp *t, uint32_t *value);

static inline uint16_t tcp_src_port(const struct tcp *t)
{
    return load_be16(t->header, 0);
}
static inline uint16_t tcp_dst_port(const struct tcp *t)
{
    return load_be16(t->header, 2);
}
static inline uint32_t tcp_seq(const struct tcp *t)
{
    return load_be32(t->header, 4);
}
static inline uint32_t tcp_ack(const struct tcp *t)
{
    return load_be32(t->header, 8);
}
static inline uint8_t tcp_flags(const struct tcp *t)
{
    return load_u8(t->header, 13);
}
static inline bool tcp_has_options(const struct tcp *t)
{
    return t->header.len > TCP_FIXED_LEN;
}
static inline uint16_t tcp_window(const struct tcp *t)
{
    return load_be16(t->header, 14);
}
static inline uint16_t tcp_checksum(const struct tcp *t)
{
    return load_be16(t->header, 16);
}
static inline uint16_t tcp_urgent(const struct tcp *t)
{
    return load_be16(t->header, 18);
}

#endif
