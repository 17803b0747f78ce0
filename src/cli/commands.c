/* commands.c - the one table of subcommands, and which of them the first word means.
 *
 * A first word that names a command is that command; any other is a capture, and then the main job
 * is done in one word: ingest and summary. A capture that is named like a command is given as
 * ./flows. */
#include "cli/commands.h"

#include "cli/terminal.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const struct command *const commands[] = {
    &command_ingest,
    &command_live,
    &command_summary,
    &command_flows,
    &command_streams,
    &command_follow,
    &command_extract,
    &command_export,
    &command_search,
    &command_sql,
    &command_ask,
    &command_index,
    &command_verify,
    &command_status,
    &command_top,
    &command_help,
    NULL,
};

const struct option_word common_options[] = {
    {"help", 'h', NULL, "Say all this."},
    {0},
};

const struct command *command_find(const char *name)
{
    for (size_t i = 0; commands[i]; i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    return NULL;
}

enum exit_status usage_error(const struct command *command, const char *format, ...)
{
    char sentence[512];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    if (command)
        say_as(WEIGHT_ERROR, "%s: %s (seine help %s says more)", command->name, sentence,
               command->name);
    else
        say_as(WEIGHT_ERROR, "%s (seine help says more)", sentence);
    return EXIT_USAGE;
}

/* A first word that can hardly be a path, and is nothing that is there: a command mistyped. */
static bool is_unknown_command(const char *word)
{
    return word[0] != '-' && !strpbrk(word, "./") && access(word, F_OK) != 0;
}

static enum exit_status command_run(const struct command *command, int argc, char **argv)
{
    struct arguments arguments;
    enum exit_status status = EXIT_USAGE;
    if (arguments_parse(&arguments, command, argc, argv, 2)) {
        if (arguments.help) {
            help_command(command);
            status = EXIT_DONE;
        } else {
            status = command->run(command, &arguments);
        }
    }
    if (arguments.world_failed)
        status = EXIT_WORLD;
    arguments_release(&arguments);
    return status;
}

static enum exit_status captures_run(int argc, char **argv)
{
    struct arguments arguments;
    enum exit_status status = EXIT_USAGE;
    if (arguments_parse(&arguments, &command_ingest, argc, argv, 1)) {
        if (arguments.help) {
            help_overview();
            status = EXIT_DONE;
        } else {
            status = ingest_and_summarise(&arguments);
        }
    }
    if (arguments.world_failed)
        status = EXIT_WORLD;
    arguments_release(&arguments);
    return status;
}

static enum exit_status words_run(int argc, char **argv)
{
    if (argc < 2)
        return usage_error(NULL, "no capture and no command is given");
    const char *first = argv[1];
    if (strcmp(first, "--version") == 0 || strcmp(first, "-V") == 0) {
        puts("seine " SEINE_VERSION);
        return EXIT_DONE;
    }
    const struct command *command = command_find(first);
    if (command)
        return command_run(command, argc, argv);
    if (is_unknown_command(first))
        return usage_error(NULL, "'%s' is neither a command nor a file", first);
    return captures_run(argc, argv);
}

enum exit_status commands_run(int argc, char **argv)
{
    signal(SIGPIPE, SIG_DFL); /* who runs us may ignore it: a reader that goes ends us quietly */
    enum exit_status status = words_run(argc, argv);
    if (!output_flush())
        return EXIT_WORLD;
    return status;
}
