/* escape.c - bytes from outside, made harmless on their way to a screen or a file of text. */
#include "base/escape.h"

#include <stddef.h>

/* How many bytes a character takes by its first one, and the bits that this one gives; 0 when no
 * character begins so. */
static size_t utf8_len(uint8_t first, uint32_t *bits)
{
    if (first < 0x80) {
        *bits = first;
        return 1;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        *bits = first & 0x1fU;
        return 2;
    }
    if (first >= 0xe0 && first <= 0xef) {
        *bits = first & 0x0fU;
        return 3;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        *bits = first & 0x07U;
        return 4;
    }
    return 0;
}

bool utf8_take(struct span *from, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    struct span rest = *from;
    uint8_t first = load_u8(rest, 0);
    uint32_t all = 0;
    size_t len = utf8_len(first, &all);
    bool valid = len > 0 && len <= rest.len;

    *code = first;
    span_take(from, 1, NULL);
    for (size_t i = 1; i < len && valid; i++) {
        valid = (load_u8(rest, i) & 0xc0) == 0x80;
        all = all << 6 | (load_u8(rest, i) & 0x3fU);
    }
    if (!valid || all < least[len] || all > 0x10ffff || (all >= 0xd800 && all <= 0xdfff))
        return false;
    *code = all;
    return span_take(from, len - 1, NULL);
}

bool is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c ||
           (code >= 0x200e && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

/* A run of printable ASCII without quote and backslash, which needs no thought. */
static struct span take_plain(struct span *from)
{
    size_t len = 0;
    while (len < from->len) {
        uint8_t byte = from->data[len];
        if (byte < 0x20 || byte >= 0x7f || byte == '\\' || byte == '"')
            break;
        len++;
    }
    struct span run = span_first(*from, len);
    *from = span_after(*from, len);
    return run;
}

static bool add_hex(struct buffer *to, uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";
    const char hex[2] = {digits[byte >> 4], digits[byte & 15]};
    return buffer_add(to, hex, sizeof hex);
}

static bool add_byte(struct buffer *to, uint8_t byte)
{
    return buffer_add(to, "\\x", 2) && add_hex(to, byte);
}

bool escape_for_terminal(struct buffer *to, struct span bytes)
{
    while (bytes.len > 0) {
        struct span plain = take_plain(&bytes);
        if (!buffer_add(to, plain.data, plain.len))
            return false;
        if (bytes.len == 0)
            break;
        struct span before = bytes;
        uint32_t code;
        bool added;
        if (!utf8_take(&bytes, &code))
            added = add_byte(to, (uint8_t)code);
        else if (code == '\\')
            added = buffer_add(to, "\\\\", 2);
        else if (!is_control(code))
            added = buffer_add(to, before.data, before.len - bytes.len);
        else if (code < 0x80)
            added = add_byte(to, (uint8_t)code);
        else
            added = buffer_print(to, "\\u{%04x}", code);
        if (!added)
            return false;
    }
    return true;
}

bool escape_for_json(struct buffer *to, struct span bytes)
{
    while (bytes.len > 0) {
        struct span plain = take_plain(&bytes);
        if (!buffer_add(to, plain.data, plain.len))
            return false;
        if (bytes.len == 0)
            break;
        struct span before = bytes;
        uint32_t code;
        bool added;
        if (!utf8_take(&bytes, &code))
            added = buffer_add(to, "\xef\xbf\xbd", 3);
        else if (code == '\\' || code == '"')
            added = buffer_add_byte(to, '\\') && buffer_add_byte(to, (uint8_t)code);
        else if (code == '\n')
            added = buffer_add(to, "\\n", 2);
        else if (!is_control(code))
            added = buffer_add(to, before.data, before.len - bytes.len);
        else /* all of them are below U+10000 */
            added = buffer_print(to, "\\u%04x", code);
        if (!added)
            return false;
    }
    return true;
}

bool escape_as_hex(struct buffer *to, struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (!add_hex(to, load_u8(bytes, i)))
            return false;
    }
    return true;
}
