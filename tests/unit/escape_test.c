/* escape_test.c - nothing from the wire gives orders to a terminal. */
#include "base/escape.h"

#include "suite.h"

#include <stdio.h>
#include <string.h>

static void check(bool (*escape)(struct buffer *, struct span), const char *bytes, size_t len,
                  const char *expected)
{
    struct buffer to;
    buffer_init(&to, 1 << 20);
    CU_ASSERT_TRUE(escape(&to, span_of(bytes, len)));
    CU_ASSERT_STRING_EQUAL(buffer_text(&to), expected);
    if (strcmp(buffer_text(&to), expected) != 0)
        fprintf(stderr, "\n    is    %s\n    not   %s\n", buffer_text(&to), expected);
    buffer_release(&to);
}

#define TERMINAL(bytes, expected) check(escape_for_terminal, bytes, sizeof(bytes) - 1, expected)
#define JSON(bytes, expected) check(escape_for_json, bytes, sizeof(bytes) - 1, expected)

static void plain_text_stays(void)
{
    TERMINAL("", "");
    TERMINAL("GET / HTTP/1.1 \"~\"", "GET / HTTP/1.1 \"~\"");
    TERMINAL("gr\xc3\xbc\xc3\x9f \xe6\xbc\xa2 \xf0\x9f\x90\x9f",
             "gr\xc3\xbc\xc3\x9f \xe6\xbc\xa2 \xf0\x9f\x90\x9f");
    TERMINAL("\xc2\xa0\xef\xbf\xbd\xf4\x8f\xbf\xbf", "\xc2\xa0\xef\xbf\xbd\xf4\x8f\xbf\xbf");
}

static void controls_are_shown(void)
{
    TERMINAL("a\x1b[31mb\r\n\tc\0d\x7f", "a\\x1b[31mb\\x0d\\x0a\\x09c\\x00d\\x7f");
    TERMINAL("\xc2\x80\xc2\x9b\xc2\x9f", "\\u{0080}\\u{009b}\\u{009f}");
    TERMINAL("\xe2\x80\xae\xe2\x81\xa6\xe2\x81\xa9\xe2\x80\x8f\xd8\x9c",
             "\\u{202e}\\u{2066}\\u{2069}\\u{200f}\\u{061c}");
    TERMINAL("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xa7\xe2\x80\xaf",
             "\\u{2028}\\u{2029}\xe2\x80\xa7\xe2\x80\xaf");
}

static void what_is_shown_has_one_reading(void)
{
    TERMINAL("\\x1b", "\\\\x1b");
    TERMINAL("C:\\new", "C:\\\\new");
    TERMINAL("\\\n", "\\\\\\x0a");
    TERMINAL("\x80\xc2\x80", "\\x80\\u{0080}");
}

static void bytes_that_are_no_utf8_are_shown(void)
{
    TERMINAL("\xff\xfe", "\\xff\\xfe");
    TERMINAL("a\xc3", "a\\xc3");
    TERMINAL("\xc0\xaf\xe0\x80\xaf", "\\xc0\\xaf\\xe0\\x80\\xaf"); /* too long */
    TERMINAL("\xed\xa0\x80", "\\xed\\xa0\\x80");                   /* a surrogate */
    TERMINAL("\xf4\x90\x80\x80\xf5\x80\x80\x80", "\\xf4\\x90\\x80\\x80\\xf5\\x80\\x80\\x80");
    TERMINAL("\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf");
    TERMINAL("\xe6\xbc"
             "A",
             "\\xe6\\xbcA");
    TERMINAL("\xc3\x1b[0m", "\\xc3\\x1b[0m");
}

static void json_keeps_every_character(void)
{
    JSON("say \"hi\" \\ /", "say \\\"hi\\\" \\\\ /");
    JSON("a\n\t\x1b\0\x7f", "a\\n\\u0009\\u001b\\u0000\\u007f");
    JSON("\xc2\x85\xe2\x80\xae\xc3\xbc", "\\u0085\\u202e\xc3\xbc");
    JSON("\xff"
         "a\xc3",
         "\xef\xbf\xbd"
         "a\xef\xbf\xbd");
}

static void hex_is_lower_case(void)
{
    check(escape_as_hex, "\0\xaf\xff", 3, "00afff");
}

static void a_full_buffer_is_said(void)
{
    struct buffer to;
    for (size_t room = 0; room < 20; room++) {
        buffer_init(&to, room);
        CU_ASSERT_EQUAL(escape_for_terminal(&to, span_of("ab\x1b\xff\\\xe2\x80\xae", 8)),
                        room > 20);
        CU_ASSERT_TRUE(to.len <= room);
        buffer_release(&to);
    }
}

/* Every pair and many triples of bytes: no control gets through, and all of the input is there. */
static void no_bytes_get_through(void)
{
    struct buffer to;
    buffer_init(&to, 1000);
    for (unsigned all = 0; all < 1U << 18; all++) {
        static const uint8_t last[] = {0x1b, 0x80, 0xae, 0xbf};
        const uint8_t bytes[] = {(uint8_t)(all >> 8), (uint8_t)all, last[all >> 16]};
        buffer_clear(&to);
        CU_ASSERT_TRUE_FATAL(escape_for_terminal(&to, span_of(bytes, sizeof bytes)));
        struct span rest = span_of(to.data, to.len);
        CU_ASSERT_TRUE_FATAL(rest.len >= 1);
        while (rest.len > 0) {
            uint32_t code;
            CU_ASSERT_TRUE_FATAL(utf8_take(&rest, &code));
            CU_ASSERT_FALSE_FATAL(is_control(code));
        }
    }
    buffer_release(&to);
}

static const struct test tests[] = {
    {"plain text stays", plain_text_stays},
    {"controls are shown", controls_are_shown},
    {"what is shown has one reading", what_is_shown_has_one_reading},
    {"bytes that are no UTF-8 are shown", bytes_that_are_no_utf8_are_shown},
    {"JSON keeps every character", json_keeps_every_character},
    {"hex is lower case", hex_is_lower_case},
    {"a full buffer is said", a_full_buffer_is_said},
    {"no bytes get through", no_bytes_get_through},
};

SUITE("escape", tests)
