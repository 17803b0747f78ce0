/* terminal.h - where output goes: sentences, colours, and wire bytes made harmless.
 *
 * Nothing below cli/ prints. Whatever may hold bytes from outside (a sentence that quotes a name, a
 * word from a case, payload) comes out through the escapes of base/escape.h, so that no capture can
 * speak to the terminal. */
#ifndef SEINE_CLI_TERMINAL_H
#define SEINE_CLI_TERMINAL_H

#include "base/span.h"

#include <stdbool.h>
#include <stdio.h>

/* How much a sentence weighs, in the numbers of syslog(3). */
enum weight { WEIGHT_ERROR = 3, WEIGHT_WARNING = 4, WEIGHT_NOTICE = 5, WEIGHT_INFO = 6 };

/* Prints "seine: SENTENCE" and a line feed on standard error, escaped; where that is the journal, which
 * knows whose lines it gets, "<4>SENTENCE" with the weight. */
void say_as(enum weight weight, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same, as a warning. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints text, escaped, without anything around it. */
void print_escaped(FILE *to, const char *text);

/* Columns of the terminal behind the stream; 80 when it is none or does not say. */
int terminal_width(FILE *of);

/* Whether the stream is a terminal that takes colours, and NO_COLOR is not set. */
bool terminal_colours(FILE *of);

/* Whether lines on the stream can be drawn over: a terminal that is not dumb. */
bool terminal_redraws(FILE *of);

enum colour { COLOUR_PLAIN, COLOUR_BOLD, COLOUR_CLIENT, COLOUR_SERVER, COLOUR_WARNING };

/* The sequence that starts a colour, or "" when `on` is false. */
const char *colour_start(enum colour colour, bool on);
const char *colour_end(bool on);

/* Ends what was written on standard output: false, after a sentence, when not all of it arrived. */
bool output_flush(void);

#endif
