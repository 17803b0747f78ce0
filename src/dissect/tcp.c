/* tcp.c - a view of a TCP header, and its options. */
#include "dissect/tcp.h"

enum { WINDOW_SCALE_MAX = 14 };

enum { /* IANA, TCP option kinds */
       KIND_END = 0,
       KIND_NOP = 1,
       KIND_MSS = 2,
       KIND_WINDOW_SCALE = 3,
       KIND_SACK_PERMITTED = 4,
       KIND_SACK = 5,
       KIND_TIMESTAMPS = 8,
};

static bool read_sack(struct tcp_options *o, struct span value)
{
    size_t count = value.len / 8;
    if (value.len % 8 != 0 || count > sizeof(o->sack) / sizeof(o->sack[0]))
        return false;
    for (size_t i = 0; i < count; i++) {
        o->sack[i].left = load_be32(value, i * 8);
        o->sack[i].right = load_be32(value, i * 8 + 4);
    }
    o->sack_count = (uint8_t)count;
    return true;
}

/* One option of a kind that has a length; false when the length is not one of its kind. */
static bool read_option(struct tcp_options *o, uint8_t kind, struct span value)
{
    switch (kind) {
    case KIND_MSS:
        if (value.len != 2)
            return false;
        o->has_mss = true;
        o->mss = load_be16(value, 0);
        return true;
    case KIND_WINDOW_SCALE:
        if (value.len != 1)
            return false;
        o->has_window_scale = true;
        o->window_scale = load_u8(value, 0);
        if (o->window_scale > WINDOW_SCALE_MAX) /* RFC 7323 2.3: use 14 instead */
            o->window_scale = WINDOW_SCALE_MAX;
        return true;
    case KIND_SACK_PERMITTED:
        o->sack_permitted = value.len == 0;
        return o->sack_permitted;
    case KIND_SACK:
        return read_sack(o, value);
    case KIND_TIMESTAMPS:
        if (value.len != 8)
            return false;
        o->has_timestamps = true;
        o->ts_value = load_be32(value, 0);
        o->ts_echo = load_be32(value, 4);
        return true;
    default:
        return true;
    }
}

bool tcp_options(const struct tcp *t, struct tcp_options *options)
{
    struct span rest = span_after(t->header, TCP_FIXED_LEN);

    *options = (struct tcp_options){0};
    while (rest.len > 0) {
        struct span piece;
        uint8_t kind = load_u8(rest, 0);
        if (kind == KIND_END)
            return true;
        span_take(&rest, 1, NULL);
        if (kind == KIND_NOP)
            continue;
        if (!span_take(&rest, 1, &piece))
            return false;
        uint8_t len = load_u8(piece, 0); /* of the option, kind and length included */
        if (len < 2 || !span_take(&rest, len - 2U, &piece) || !read_option(options, kind, piece))
            return false;
    }
    return true;
}

bool tcp_timestamp(const struct tcp *t, uint32_t *value)
{
    if (t->header.len == TCP_FIXED_LEN)
        return false;
    /* The fast path: NOP, NOP, timestamps, as everybody sends them (RFC 7323 appendix A). */
    if (t->header.len == TCP_FIXED_LEN + 12 && load_be32(t->header, TCP_FIXED_LEN) == 0x0101080a) {
        *value = load_be32(t->header, TCP_FIXED_LEN + 4);
        return true;
    }
    struct tcp_options options;
    tcp_options(t, &options);
    *value = options.ts_value;
    return options.has_timestamps;
}
