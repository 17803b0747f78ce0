/* commands.h - what a subcommand is: the words from which all that talks about it comes.
 *
 *     const struct command ──► getopt_long        (arguments.c)
 *                          ├─► seine help COMMAND (help.c)
 *                          ├─► seine-COMMAND.1    (man.c)
 *                          └─► completion         (completion.c)
 *
 * A subcommand is one file that defines one of these; commands.c names them all. Texts are plain
 * sentences; who prints them wraps and quotes them. */
#ifndef SEINE_CLI_COMMANDS_H
#define SEINE_CLI_COMMANDS_H

#include "cli/arguments.h"

#include <stddef.h>

enum exit_status {
    EXIT_DONE = 0,
    EXIT_TOLD = 1,  /* done, and something that the user must know was printed */
    EXIT_USAGE = 2, /* the words of the command line make no sense */
    EXIT_WORLD = 3, /* file, disk, database or memory failed; no case was made */
};

/* An option. Its place in the command's table is its index in struct arguments. */
struct option_word {
    const char *name; /* long, without dashes; NULL ends the table */
    char letter;      /* short, or 0 */
    const char
        *argument;    /* "CASE", or the choices "text|hex|raw", or NULL for a flag; "NAME..." may be
                             given several times */
    const char *text; /* a sentence; an option without one is not listed */
};

struct argument_word {
    const char *name; /* "CASE"; NULL ends the table */
    const char *text;
};

struct exit_word {
    enum exit_status status;
    const char *text; /* NULL ends the table */
};

struct example {
    const char *command; /* a whole command line; NULL ends the table */
    const char *text;
};

struct command {
    const char *name;
    const char *synopsis;           /* what follows the name */
    const char *summary;            /* a line for the list, lower case, no stop */
    const char *const *description; /* paragraphs, ended by NULL */
    const struct argument_word *arguments;
    const struct option_word *options;
    const struct exit_word *exits;
    const struct example *examples;
    int word_least, word_most; /* how many words besides options; a negative most is no limit */

    /* Does it. `self` is this command, for sentences about usage. */
    enum exit_status (*run)(const struct command *self, const struct arguments *arguments);
};

/* In the order in which help lists them; ended by NULL. */
extern const struct command *const commands[];

extern const struct command command_ingest, command_live, command_summary, command_flows,
    command_streams, command_follow, command_extract, command_export, command_search, command_sql,
    command_ask, command_index, command_verify, command_status, command_top, command_help;

/* What every command knows beside its own options. Ended by a NULL name. */
extern const struct option_word common_options[];

/* The command of that name, or NULL. */
const struct command *command_find(const char *name);

/* Does what main() was asked to; the process ends with the value. */
enum exit_status commands_run(int argc, char **argv);

/* Prints the sentence on standard error, with where to read more; returns EXIT_USAGE. `command` may
 * be NULL. */
enum exit_status usage_error(const struct command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* help.c: the texts on standard output. */
void help_overview(void);
void help_command(const struct command *command);

/* man.c: a page of section 1, as roff, for seine itself (NULL) or a command. */
void man_page(const struct command *command);

/* completion.c: for "bash", "zsh" or "fish"; false for any other word. */
bool completion_script(const char *shell);

/* ingest_command.c: seine CAPTURE..., which is an ingest followed by a summary. */
enum exit_status ingest_and_summarise(const struct arguments *arguments);

/* summary.c: the page for a case. */
enum exit_status summary_print(const char *case_path, bool json);

#endif
