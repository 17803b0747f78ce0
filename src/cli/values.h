/* values.h - numbers as people write and read them: sizes, counts, times. */
#ifndef SEINE_CLI_VALUES_H
#define SEINE_CLI_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "4096", "512K", "64M", "2G", with or without "iB" or "B" behind the letter, either case; powers
 * of 1024. False for anything else, and for what does not fit in a size_t. */
bool size_parse(size_t *size, const char *text);

/* Decimal digits, with a sign where `least` is negative, and within the bounds; no blanks. */
bool integer_parse(int64_t *value, const char *text, int64_t least, int64_t most);

/* "2024-05-06", "2024-05-06T07:08", "2024-05-06 07:08:09.123456789", with or without a Z behind: nanoseconds
 * since 1970, UTC, from the years 1678 to 2262. */
bool time_parse(int64_t *ns, const char *text);

enum { VALUE_TEXT_MAX = 40 }; /* bytes that each text below takes at most, its NUL included */

/* "812 B", "1.2 KiB", "3.0 GiB". */
void size_text(char text[VALUE_TEXT_MAX], uint64_t bytes);

/* "812", "12,345". */
void count_text(char text[VALUE_TEXT_MAX], uint64_t count);

/* "0.250 s", "12.3 s", "4 min 5 s", "3 h 20 min", "12 d 4 h". */
void duration_text(char text[VALUE_TEXT_MAX], int64_t ns);

/* "2024-05-06T07:08:09.123456789Z"; years outside 0 to 9999 are given as seconds. */
void time_text(char text[VALUE_TEXT_MAX], int64_t ns);

#endif
