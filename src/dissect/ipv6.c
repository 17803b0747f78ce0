/* ipv6.c - views of an IPv6 header and of its extension headers. */
#include "dissect/ipv6.h"

#include <stddef.h>

enum { ADDRESS_LEN = 16 };

size_t ipv6_need(struct span rest)
{
    if (rest.len > 0 && load_u8(rest, 0) >> 4 != 6)
        return 0;
    return IPV6_HEADER_LEN;
}

bool ipv6_view(struct span *rest, struct ipv6 *i)
{
    size_t len = ipv6_need(*rest);
    return len > 0 && span_take(rest, len, &i->header);
}

bool ipv6_is_extension(uint8_t kind)
{
    return kind == IPV6_HOP_BY_HOP || kind == IPV6_ROUTING || kind == IPV6_FRAGMENT ||
           kind == IPV6_AUTHENTICATION || kind == IPV6_OPTIONS;
}

size_t ipv6_extension_need(struct span rest, uint8_t kind)
{
    const size_t least = kind == IPV6_AUTHENTICATION ? 12 : 8;

    if (kind == IPV6_FRAGMENT || rest.len < 2)
        return least;
    size_t len = load_u8(rest, 1);
    /* RFC 4302 2.2: unlike all others, in words of four bytes, less two. */
    len = kind == IPV6_AUTHENTICATION ? (len + 2) * 4 : (len + 1) * 8;
    return len < least ? 0 : len;
}

bool ipv6_extension_view(struct span *rest, uint8_t kind, struct ipv6_extension *e)
{
    size_t len = ipv6_extension_need(*rest, kind);
    e->kind = kind;
    return len > 0 && span_take(rest, len, &e->header);
}

/* The value of an option in a hop-by-hop or destination options header, `len` bytes long. */
static bool find_option(const struct ipv6_extension *e, struct span *value, uint8_t type,
                        size_t len)
{
    enum { PAD1 = 0x00 };
    struct span options = span_after(e->header, 2);

    while (options.len >= 2) {
        uint8_t found = load_u8(options, 0), found_len = load_u8(options, 1);
        if (found == PAD1) {
            span_take(&options, 1, NULL);
            continue;
        }
        span_take(&options, 2, NULL);
        if (!span_take(&options, found_len, value))
            return false;
        if (found == type && found_len == len)
            return true;
    }
    return false;
}

bool ipv6_jumbo_len(const struct ipv6_extension *e, uint32_t *len)
{
    enum { JUMBO = 0xc2 };
    struct span value;

    if (e->kind != IPV6_HOP_BY_HOP || !find_option(e, &value, JUMBO, 4))
        return false;
    *len = load_be32(value, 0);
    return true;
}

bool ipv6_home_src(const struct ipv6_extension *e, struct address *src)
{
    enum { HOME_ADDRESS = 0xc9 };
    struct span value;

    if (e->kind != IPV6_OPTIONS || !find_option(e, &value, HOME_ADDRESS, ADDRESS_LEN))
        return false;
    address_v6(src, value);
    return true;
}

bool ipv6_final_dst(const struct ipv6_extension *e, struct address *dst)
{
    enum { SOURCE_ROUTE = 0, MOBILE = 2, SEGMENT_ROUTING = 4 };

    if (e->kind != IPV6_ROUTING)
        return false;
    uint8_t type = load_u8(e->header, 2), segments_left = load_u8(e->header, 3);
    struct span addresses = span_after(e->header, 8);
    size_t count = addresses.len / ADDRESS_LEN;
    if (segments_left == 0 || segments_left > count)
        return false;
    if (type == SOURCE_ROUTE || type == MOBILE) /* RFC 5095 (deprecated), RFC 6275 6.4: in order */
        address_v6(dst, span_after(addresses, (count - 1) * ADDRESS_LEN));
    else if (type == SEGMENT_ROUTING) /* RFC 8754 2: the last segment stands first */
        address_v6(dst, addresses);
    else
        return false;
    return true;
}
