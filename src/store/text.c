/* text.c - how addresses and words from outside are written in the case. */
#include "store/text.h"

#include <arpa/inet.h>
#include <string.h>

static char *put_decimal(char *to, unsigned value)
{
    char digits[10];
    int count = 0;
    do
        digits[count++] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    while (count > 0)
        *to++ = digits[--count];
    return to;
}

static char *put_hex(char *to, unsigned value)
{
    static const char digits[] = "0123456789abcdef";
    int shift = value > 0xfff ? 12 : value > 0xff ? 8 : value > 0xf ? 4 : 0;
    for (; shift >= 0; shift -= 4)
        *to++ = digits[value >> shift & 15];
    return to;
}

/* RFC 5952 4.2: the longest run of at least two zero groups, the first of equals, becomes "::". */
static char *put_v6(char *to, const uint8_t bytes[16])
{
    unsigned groups[8];
    int longest_at = -1, longest = 1;

    for (int i = 0; i < 8; i++)
        groups[i] = (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1];
    for (int i = 0, run = 0; i < 8; i++) {
        run = groups[i] ? 0 : run + 1;
        if (run > longest) {
            longest = run;
            longest_at = i - run + 1;
        }
    }
    for (int i = 0; i < 8; i++) {
        if (i == longest_at) {
            *to++ = ':';
            *to++ = ':';
            i += longest - 1;
            continue;
        }
        if (i > 0 && i != longest_at + longest)
            *to++ = ':';
        to = put_hex(to, groups[i]);
    }
    return to;
}

size_t ip_text(char to[IP_TEXT_LEN], const struct address *address, uint8_t ip_version)
{
    char *end = to;
    if (ip_version == 4) {
        for (int i = ADDRESS_V4_AT; i < 16; i++) {
            if (i > ADDRESS_V4_AT)
                *end++ = '.';
            end = put_decimal(end, address->bytes[i]);
        }
    } else {
        end = put_v6(end, address->bytes);
    }
    *end = 0;
    return (size_t)(end - to);
}

bool ip_parse(struct address *address, uint8_t *ip_version, const char *text)
{
    uint8_t v4[4];
    if (inet_pton(AF_INET, text, v4) == 1) {
        address_v4(address, span_of(v4, sizeof v4));
        *ip_version = 4;
        return true;
    }
    *ip_version = 6;
    return inet_pton(AF_INET6, text, address->bytes) == 1;
}

size_t mac_text(char to[MAC_TEXT_LEN], const uint8_t mac[6])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < 6; i++) {
        to[3 * i] = digits[mac[i] >> 4];
        to[3 * i + 1] = digits[mac[i] & 15];
        to[3 * i + 2] = ':';
    }
    to[MAC_TEXT_LEN - 1] = 0;
    return MAC_TEXT_LEN - 1;
}

size_t vlan_text(char to[VLAN_TEXT_LEN], const uint16_t *vlans, uint8_t count)
{
    char *end = to;
    for (uint8_t i = 0; i < count && i < 4; i++) {
        if (i > 0)
            *end++ = '.';
        end = put_decimal(end, vlans[i]);
    }
    *end = 0;
    return (size_t)(end - to);
}

/* Length of the valid UTF-8 sequence at the front (RFC 3629 4: neither surrogates nor longer forms
 * than needed); 0 when there is none. */
static size_t sequence_len(struct span s)
{
    uint8_t first = load_u8(s, 0);
    uint8_t low = 0x80, high = 0xbf; /* of the second byte */
    size_t len;

    if (first < 0x80)
        return first > 0;
    if (first >= 0xc2 && first <= 0xdf)
        len = 2;
    else if (first >= 0xe0 && first <= 0xef)
        len = 3;
    else if (first >= 0xf0 && first <= 0xf4)
        len = 4;
    else
        return 0;
    if (first == 0xe0)
        low = 0xa0;
    else if (first == 0xed)
        high = 0x9f;
    else if (first == 0xf0)
        low = 0x90;
    else if (first == 0xf4)
        high = 0x8f;
    if (s.len < len || load_u8(s, 1) < low || load_u8(s, 1) > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((load_u8(s, i) & 0xc0) != 0x80)
            return 0;
    return len;
}

bool utf8_add(struct buffer *b, struct span bytes)
{
    static const char replacement[] = "\xef\xbf\xbd";

    while (bytes.len > 0) {
        size_t len = sequence_len(bytes);
        if (len == 0) {
            if (!buffer_add(b, replacement, 3))
                return false;
            span_take(&bytes, 1, NULL);
            continue;
        }
        struct span piece;
        span_take(&bytes, len, &piece);
        if (!buffer_add(b, piece.data, piece.len))
            return false;
    }
    return true;
}
