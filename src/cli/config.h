/* config.h - options from a file, in the words of the command line.
 *
 *     # /etc/seine/seine.conf
 *     interface = eth0
 *     interface = eth1            a line for each time that the option is given
 *     memory = 64M
 *     filter = not port 22        everything behind the '=' is the value; nothing is quoted
 *     promiscuous = yes           an option that takes no value: yes or no
 *
 * A word is the long name of an option of the command that reads the file, and a value is judged as
 * behind that option. A comment is a line of its own. What the command line gives, the file does not
 * give: an option that stands there is taken from there alone, all its times.
 *
 * arguments_parse() reads the file that --config names, for a command whose table has that option. A
 * run that is told to reload calls config_reload(), which reads it anew, and takes over what it may. */
#ifndef SEINE_CLI_CONFIG_H
#define SEINE_CLI_CONFIG_H

#include "base/error.h"
#include "cli/arguments.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    CONFIG_LEN_MAX = 64 << 10, /* bytes of a file; a longer one is refused */
    CONFIG_WORD_MAX = 512      /* words in it; likewise */
};

struct config_word {
    int place;         /* in the command's table */
    unsigned line;     /* 1-based */
    const char *value; /* "" for a flag that is on */
};

struct config {
    char *path;
    char *text; /* the values point into it */
    size_t count;
    struct config_word words[CONFIG_WORD_MAX]; /* in the file's order; a flag that is off is none */
};

/* Reads the file for the command: STATUS_FAILED when it cannot be read, STATUS_DAMAGED when a line of
 * it makes no sense, with a sentence that says which and why. */
enum status config_read(struct config *config, const struct command *command, const char *path,
                        struct error *err);

/* Also after config_read() has failed. */
void config_release(struct config *config);

/* The places in the command's table at which two command lines, each with its file, differ: those that a
 * run may take over while it goes on, and those for which it needs a right that it has dropped, or that
 * were opened and set apart at its start. */
struct config_changes {
    int at_once[ARGUMENTS_OPTION_MAX];
    size_t at_once_count;
    int restart[ARGUMENTS_OPTION_MAX];
    size_t restart_count;
};

/* `reloadable` names the options that may change in a run, and is ended by NULL. */
void config_compare(struct config_changes *changes, const struct command *command,
                    const char *const *reloadable, const struct arguments *before,
                    const struct arguments *after);

/* What a run does when it is told to reload, before it takes anything over: the command line of `before`,
 * which is what it read last, is taken apart once more with the file as it is now; `holds` says a sentence
 * when a value makes no sense, as at the start. Then sentences tell which words hold from now on, and
 * which need a restart. False after a sentence when something makes no sense: all stays as it was. Either
 * way the caller releases `after`; after true it is what the next reload compares with. */
bool config_reload(struct arguments *after, struct config_changes *changes,
                   const struct command *command, const char *const *reloadable,
                   const struct arguments *before, bool (*holds)(const struct arguments *after));

/* "keep, memory and rotate", cut at the end of the room. */
void config_names(char *text, size_t room, const struct command *command, const int *places,
                  size_t count);

#endif
