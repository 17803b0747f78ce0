/* cli_values_test.c - numbers as people write and read them. */
#include "cli/values.h"
#include "suite.h"

#include <stdint.h>
#include <string.h>

static void size_is(const char *text, size_t expected)
{
    size_t size = 0;
    CU_ASSERT_TRUE(size_parse(&size, text));
    CU_ASSERT_EQUAL(size, expected);
}

static void sizes(void)
{
    size_is("0", 0);
    size_is("4096", 4096);
    size_is("17B", 17);
    size_is("8K", 8 << 10);
    size_is("8k", 8 << 10);
    size_is("256M", 256 << 20);
    size_is("256MB", 256 << 20);
    size_is("256mib", 256 << 20);
    size_is("1G", 1 << 30);
}

static void sizes_that_are_none(void)
{
    static const char *const none[] = {"",
                                       " 8M",
                                       "8 M",
                                       "-8M",
                                       "+8M",
                                       "M",
                                       "8X",
                                       "8MM",
                                       "8Mi",
                                       "8iB",
                                       "1.5G",
                                       "0x10",
                                       "8M ",
                                       "8MiBs",
                                       "18446744073709551616",
                                       "18014398509481984K",
                                       "99999999999999999999999999T"};
    size_t size = 7;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        CU_ASSERT_FALSE(size_parse(&size, none[i]));
    CU_ASSERT_EQUAL(size, 7);
}

static void integers(void)
{
    int64_t value = 0;
    CU_ASSERT_TRUE(integer_parse(&value, "0", 0, 10));
    CU_ASSERT_TRUE(integer_parse(&value, "9223372036854775807", 0, INT64_MAX));
    CU_ASSERT_EQUAL(value, INT64_MAX);
    CU_ASSERT_TRUE(integer_parse(&value, "-3", -5, 5));
    CU_ASSERT_EQUAL(value, -3);
    CU_ASSERT_FALSE(integer_parse(&value, "-3", 0, 5));
    CU_ASSERT_FALSE(integer_parse(&value, "11", 0, 10));
    CU_ASSERT_FALSE(integer_parse(&value, "9223372036854775808", 0, INT64_MAX));
    CU_ASSERT_FALSE(integer_parse(&value, "", 0, 10));
    CU_ASSERT_FALSE(integer_parse(&value, " 1", 0, 10));
    CU_ASSERT_FALSE(integer_parse(&value, "1x", 0, 10));
    CU_ASSERT_FALSE(integer_parse(&value, "+1", -5, 10));
    CU_ASSERT_EQUAL(value, -3);
}

static void sizes_to_read(void)
{
    char text[VALUE_TEXT_MAX];
    size_text(text, 0);
    CU_ASSERT_STRING_EQUAL(text, "0 B");
    size_text(text, 1023);
    CU_ASSERT_STRING_EQUAL(text, "1023 B");
    size_text(text, 1024);
    CU_ASSERT_STRING_EQUAL(text, "1.0 KiB");
    size_text(text, (1 << 20) - 1);
    CU_ASSERT_STRING_EQUAL(text, "1.0 MiB");
    size_text(text, UINT64_MAX);
    CU_ASSERT_STRING_EQUAL(text, "16.0 EiB");
}

static void counts_to_read(void)
{
    char text[VALUE_TEXT_MAX];
    count_text(text, 0);
    CU_ASSERT_STRING_EQUAL(text, "0");
    count_text(text, 999);
    CU_ASSERT_STRING_EQUAL(text, "999");
    count_text(text, 1000);
    CU_ASSERT_STRING_EQUAL(text, "1,000");
    count_text(text, UINT64_MAX);
    CU_ASSERT_STRING_EQUAL(text, "18,446,744,073,709,551,615");
}

static void durations_to_read(void)
{
    static const int64_t second = 1000000000;
    char text[VALUE_TEXT_MAX];
    duration_text(text, second / 4);
    CU_ASSERT_STRING_EQUAL(text, "0.250 s");
    duration_text(text, 12 * second + second / 3);
    CU_ASSERT_STRING_EQUAL(text, "12.3 s");
    duration_text(text, 60 * second - 1);
    CU_ASSERT_STRING_EQUAL(text, "1 min 0 s");
    duration_text(text, 245 * second);
    CU_ASSERT_STRING_EQUAL(text, "4 min 5 s");
    duration_text(text, 12000 * second);
    CU_ASSERT_STRING_EQUAL(text, "3 h 20 min");
    duration_text(text, (12 * 24 + 4) * 3600 * second);
    CU_ASSERT_STRING_EQUAL(text, "12 d 4 h");
    duration_text(text, INT64_MAX);
    CU_ASSERT_TRUE(strlen(text) < VALUE_TEXT_MAX);
}

static void times_to_read(void)
{
    char text[VALUE_TEXT_MAX];
    time_text(text, 0);
    CU_ASSERT_STRING_EQUAL(text, "1970-01-01T00:00:00.000000000Z");
    time_text(text, -1);
    CU_ASSERT_STRING_EQUAL(text, "1969-12-31T23:59:59.999999999Z");
    time_text(text, 1714979289123456789);
    CU_ASSERT_STRING_EQUAL(text, "2024-05-06T07:08:09.123456789Z");
    time_text(text, INT64_MIN);
    CU_ASSERT_STRING_EQUAL(text, "1677-09-21T00:12:43.145224192Z");
}

static void times_that_are_written(void)
{
    static const struct {
        const char *text;
        int64_t ns;
    } times[] = {
        {"1970-01-01", 0},
        {"1970-01-01T00:00:01Z", 1000000000},
        {"1969-12-31T23:59:59.999999999", -1},
        {"2024-05-06 07:08", 1714979280000000000},
        {"2024-05-06T07:08:09.123456789Z", 1714979289123456789},
        {"2024-02-29T00:00:00.5", 1709164800500000000},
        {"2024-05-06T07:08:09.1234567899",
         1714979289123456789}, /* further digits count for nothing */
    };
    static const char *const none[] = {
        "",
        "yesterday",
        "2024",
        "2024-05",
        "2024-5-6",
        "2023-02-29",
        "2024-13-01",
        "2024-00-10",
        "2024-05-06T",
        "2024-05-06T24:00",
        "2024-05-06T07",
        "2024-05-06T07:60",
        "2024-05-06T07:08:60",
        "2024-05-06T07:08:09.",
        "2024-05-06T07:08:09+01:00",
        " 2024-05-06",
        "2024-05-06 ",
        "1677-01-01",
        "2262-01-01",
    };
    int64_t ns;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        CU_ASSERT_TRUE(time_parse(&ns, times[i].text));
        CU_ASSERT_EQUAL(ns, times[i].ns);
    }
    ns = 7;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        CU_ASSERT_FALSE(time_parse(&ns, none[i]));
    CU_ASSERT_EQUAL(ns, 7);
}

static const struct test tests[] = {
    {"a size is digits and a letter for a power of 1024", sizes},
    {"what is no size, or does not fit, is refused", sizes_that_are_none},
    {"an integer is digits within the bounds", integers},
    {"a size is read with its unit", sizes_to_read},
    {"a count is read in groups of three", counts_to_read},
    {"a duration is read in its two largest units", durations_to_read},
    {"a time is read in UTC, before 1970 too", times_to_read},
    {"a time that is written is UTC, to the digit", times_that_are_written},
};

SUITE("cli values", tests)
