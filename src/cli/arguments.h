/* arguments.h - the words behind a command, taken apart from the command's own table. */
#ifndef SEINE_CLI_ARGUMENTS_H
#define SEINE_CLI_ARGUMENTS_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

struct command;

enum {
    ARGUMENTS_OPTION_MAX = 24, /* options that one command may have */
    ARGUMENTS_REPEAT_MAX = 256 /* times that one may be given */
};

struct arguments {
    const char *options[ARGUMENTS_OPTION_MAX]; /* by index in the command's table: the argument, ""
                                                  for a flag that is given, NULL if not given */
    const char
        *repeated[ARGUMENTS_REPEAT_MAX]; /* all of the option that may be given several times */
    size_t repeated_count;
    char **words; /* what is not an option */
    int word_count;
    bool help;         /* --help was among them: nothing else was checked */
    char *const *argv; /* all of it, as main() got it; borrowed */
    int argc;
    char **sorted;  /* owned: the words of argv in getopt's order */
    bool no_memory; /* why arguments_parse() said false, when it is no fault of the words */
};

/* Takes argv[first...] apart for `command`. False after it has printed what is wrong: an option
 * that the command does not know, one without its argument or given twice, one that is none of its
 * choices, too few or too many words. */
bool arguments_parse(struct arguments *a, const struct command *command, int argc,
                     char *const *argv, int first);

/* Also after arguments_parse() has said false. */
void arguments_release(struct arguments *a);

/* The command line for the `runs` row, each word quoted as a shell would need it. */
bool arguments_quote(struct buffer *to, int argc, char *const *argv);

#endif
