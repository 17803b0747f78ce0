/* values.c - numbers as people write and read them. */
#include "cli/values.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* The power of two that a suffix stands for, or -1. */
static int suffix_shift(const char *suffix)
{
    static const char letters[] = "KMGT";

    if (*suffix == 0 || strcasecmp(suffix, "B") == 0)
        return 0;
    const char *letter = strchr(letters, toupper((unsigned char)*suffix));
    if (!letter)
        return -1;
    const char *rest = suffix + 1;
    if (*rest != 0 && strcasecmp(rest, "B") != 0 && strcasecmp(rest, "iB") != 0)
        return -1;
    return 10 * (int)(letter - letters + 1);
}

bool size_parse(size_t *size, const char *text)
{
    if (!isdigit((unsigned char)*text)) /* strtoumax() takes blanks and signs */
        return false;
    char *suffix;
    errno = 0;
    uintmax_t value = strtoumax(text, &suffix, 10);
    int shift = suffix_shift(suffix);
    if (errno != 0 || shift < 0 || value > (uintmax_t)SIZE_MAX >> shift)
        return false;
    *size = (size_t)value << shift;
    return true;
}

bool integer_parse(int64_t *value, const char *text, int64_t least, int64_t most)
{
    const char *digits = *text == '-' && least < 0 ? text + 1 : text;
    if (!isdigit((unsigned char)*digits))
        return false;
    char *end;
    errno = 0;
    intmax_t number = strtoimax(text, &end, 10);
    if (errno != 0 || *end != 0 || number < least || number > most)
        return false;
    *value = number;
    return true;
}

/* Takes `count` digits off the front. */
static bool digits_take(const char **text, int count, int *value)
{
    *value = 0;
    for (int i = 0; i < count; i++) {
        if (!isdigit((unsigned char)**text))
            return false;
        *value = *value * 10 + (*(*text)++ - '0');
    }
    return true;
}

static bool char_take(const char **text, char wanted)
{
    bool found = **text == wanted;
    *text += found;
    return found;
}

/* What follows the day: ":MM", then perhaps seconds, then perhaps a fraction. */
static bool clock_take(const char **text, struct tm *tm, int64_t *fraction_ns)
{
    if (!digits_take(text, 2, &tm->tm_hour) || !char_take(text, ':') ||
        !digits_take(text, 2, &tm->tm_min))
        return false;
    if (char_take(text, ':') && !digits_take(text, 2, &tm->tm_sec))
        return false;
    if (char_take(text, '.')) {
        int64_t unit = 100000000;
        if (!isdigit((unsigned char)**text))
            return false;
        for (; isdigit((unsigned char)**text); (*text)++, unit /= 10)
            *fraction_ns += (**text - '0') * unit;
    }
    return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec < 60;
}

bool time_parse(int64_t *ns, const char *text)
{
    struct tm tm = {0};
    int64_t fraction_ns = 0;

    if (!digits_take(&text, 4, &tm.tm_year) || !char_take(&text, '-') ||
        !digits_take(&text, 2, &tm.tm_mon) || !char_take(&text, '-') ||
        !digits_take(&text, 2, &tm.tm_mday))
        return false;
    if ((*text == 'T' || *text == ' ') && (text++, !clock_take(&text, &tm, &fraction_ns)))
        return false;
    char_take(&text, 'Z');
    if (*text || tm.tm_year < 1678 || tm.tm_year > 2261)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    struct tm same = tm;
    time_t seconds = timegm(&same);
    if (same.tm_mday != tm.tm_mday || same.tm_mon != tm.tm_mon) /* there is no such day */
        return false;
    *ns = (int64_t)seconds * 1000000000 + fraction_ns;
    return true;
}

void size_text(char text[VALUE_TEXT_MAX], uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        snprintf(text, VALUE_TEXT_MAX, "%" PRIu64 " B", bytes);
        return;
    }
    double value = (double)bytes / 1024;
    size_t unit = 0;
    while (value >= 1023.95 && unit < sizeof units / sizeof units[0] - 1) { /* never "1024.0 KiB" */
        value /= 1024;
        unit++;
    }
    snprintf(text, VALUE_TEXT_MAX, "%.1f %s", value, units[unit]);
}

void count_text(char text[VALUE_TEXT_MAX], uint64_t count)
{
    char digits[VALUE_TEXT_MAX];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, count);
    char *to = text;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = 0;
}

void duration_text(char text[VALUE_TEXT_MAX], int64_t ns)
{
    double seconds = (double)ns / 1e9;
    if (seconds < 0.9995) {
        snprintf(text, VALUE_TEXT_MAX, "%.3f s", seconds);
        return;
    }
    if (seconds < 59.95) {
        snprintf(text, VALUE_TEXT_MAX, "%.1f s", seconds);
        return;
    }
    int64_t whole = ns / 1000000000 + (ns % 1000000000 >= 500000000);
    if (whole < 3600)
        snprintf(text, VALUE_TEXT_MAX, "%" PRId64 " min %" PRId64 " s", whole / 60, whole % 60);
    else if (whole < 86400)
        snprintf(text, VALUE_TEXT_MAX, "%" PRId64 " h %" PRId64 " min", whole / 3600,
                 whole % 3600 / 60);
    else
        snprintf(text, VALUE_TEXT_MAX, "%" PRId64 " d %" PRId64 " h", whole / 86400,
                 whole % 86400 / 3600);
}

void time_text(char text[VALUE_TEXT_MAX], int64_t ns)
{
    int64_t seconds = ns / 1000000000;
    int64_t fraction = ns % 1000000000;
    if (fraction < 0) { /* before 1970: the fraction counts upwards all the same */
        fraction += 1000000000;
        seconds--;
    }
    struct tm tm;
    time_t clock = (time_t)seconds;
    if (clock != seconds || !gmtime_r(&clock, &tm) || tm.tm_year < -1900 || tm.tm_year > 8099) {
        snprintf(text, VALUE_TEXT_MAX, "%" PRId64 " s after 1970", seconds);
        return;
    }
    size_t len = strftime(text, VALUE_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + len, VALUE_TEXT_MAX - len, ".%09" PRId64 "Z", fraction);
}
