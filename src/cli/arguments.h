/* arguments.h - the words behind a command, taken apart from the command's own table. */
#ifndef SEINE_CLI_ARGUMENTS_H
#define SEINE_CLI_ARGUMENTS_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

struct command;
struct config;
struct option_word;

enum {
    ARGUMENTS_OPTION_MAX = 48, /* options that one command may have */
    ARGUMENTS_REPEAT_MAX = 256 /* times that one may be given */
};

struct arguments {
    const char *options[ARGUMENTS_OPTION_MAX]; /* by index in the command's table: the argument, ""
                                                  for a flag that is given, NULL if not given */
    const char
        *repeated[ARGUMENTS_REPEAT_MAX]; /* all of the options that may be given several times */
    int repeated_place[ARGUMENTS_REPEAT_MAX]; /* and which of them each is of */
    size_t repeated_count;
    unsigned line[ARGUMENTS_OPTION_MAX]; /* where the option's value stands in the file of --config;
                                            0 when the command line gave it */
    char **words;                        /* what is not an option */
    int word_count;
    bool help;         /* --help was among them: nothing else was checked */
    char *const *argv; /* all of it, as main() got it; borrowed */
    int argc;
    char **sorted; /* owned: the words of argv in getopt's order */
    struct config
        *config;       /* owned: the file of --config, which the values may point into; or NULL */
    bool world_failed; /* why arguments_parse() said false, when it is no fault of the words */
};

/* Takes argv[first...] apart for `command`, and the file of its --config (config.h). False after it has
 * printed what is wrong: an option that the command does not know, one without its argument or given
 * twice, one that is none of its choices, too few or too many words; a file that cannot be read, or a
 * line of it that makes no sense. */
bool arguments_parse(struct arguments *a, const struct command *command, int argc,
                     char *const *argv, int first);

/* Also after arguments_parse() has said false. */
void arguments_release(struct arguments *a);

/* The values of one option that may be given several times, in their order; returns how many. */
size_t arguments_repeated(const struct arguments *a, const char *values[ARGUMENTS_REPEAT_MAX],
                          int place);

/* Where the option was given, for a sentence about its value: "--memory", or
 * "/etc/seine/seine.conf:4: memory". */
enum { ARGUMENTS_SOURCE_MAX = 512 };
void arguments_source(char text[ARGUMENTS_SOURCE_MAX], const struct arguments *a,
                      const struct command *command, int place);

/* Whether an option may be given several times, and whether it takes that value: one of its choices,
 * or anything where there are none. */
bool option_repeats(const struct option_word *option);
bool option_takes(const struct option_word *option, const char *value);

/* The command line for the `runs` row, each word quoted as a shell would need it. */
bool arguments_quote(struct buffer *to, int argc, char *const *argv);

#endif
