/* arguments.c - getopt_long(), driven from a command's table.
 *
 * getopt's own sentences are switched off (a leading ':'), since ours name the command and are
 * escaped. A flag's value for getopt is its place in the table plus OPTION_BASE, so that it never
 * looks like a letter. */
#include "cli/arguments.h"

#include "cli/commands.h"
#include "cli/config.h"
#include "cli/terminal.h"

#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_BASE = 1000, OPTION_HELP = 2000 };

struct getopt_words {
    struct option longs[ARGUMENTS_OPTION_MAX + 2];
    char shorts[2 * ARGUMENTS_OPTION_MAX + 4];
};

static void words_fill(struct getopt_words *words, const struct option_word *options)
{
    size_t count = 0;
    char *letter = words->shorts;
    *letter++ = ':';
    *letter++ = 'h';
    for (; options && options[count].name; count++) {
        assert(count < ARGUMENTS_OPTION_MAX);
        const struct option_word *option = &options[count];
        words->longs[count] =
            (struct option){option->name, option->argument ? required_argument : no_argument, NULL,
                            OPTION_BASE + (int)count};
        if (option->letter) {
            *letter++ = option->letter;
            if (option->argument)
                *letter++ = ':';
        }
    }
    words->longs[count] = (struct option){"help", no_argument, NULL, OPTION_HELP};
    words->longs[count + 1] = (struct option){NULL, 0, NULL, 0};
    *letter = 0;
}

/* The place in the table of what getopt found; -1 is none. */
static int option_place(const struct option_word *options, int found)
{
    if (found >= OPTION_BASE && found < OPTION_HELP)
        return found - OPTION_BASE;
    for (int i = 0; options && options[i].name; i++) {
        if (options[i].letter && options[i].letter == found)
            return i;
    }
    return -1;
}

bool option_takes(const struct option_word *option, const char *value)
{
    const char *choices = option->argument; /* "text|hex|raw" */
    if (!strchr(choices, '|'))
        return true;
    size_t len = strlen(value);
    for (const char *at = choices; at;) {
        const char *end = strchr(at, '|');
        size_t choice_len = end ? (size_t)(end - at) : strlen(at);
        if (choice_len == len && memcmp(at, value, len) == 0)
            return true;
        at = end ? end + 1 : NULL;
    }
    return false;
}

bool option_repeats(const struct option_word *option)
{
    size_t len = option->argument ? strlen(option->argument) : 0;
    return len > 3 && strcmp(option->argument + len - 3, "...") == 0;
}

/* Takes a value over; false when there is no room for one more of an option that repeats. */
static bool value_keep(struct arguments *a, const struct option_word *option, int place,
                       const char *value)
{
    if (option_repeats(option)) {
        if (a->repeated_count == ARGUMENTS_REPEAT_MAX)
            return false;
        a->repeated_place[a->repeated_count] = place;
        a->repeated[a->repeated_count++] = value;
    }
    a->options[place] = value;
    return true;
}

static bool option_set(struct arguments *a, const struct command *command, int place,
                       const char *value)
{
    const struct option_word *option = &command->options[place];
    if (!option->argument) {
        a->options[place] = "";
        return true;
    }
    if (a->options[place] && !option_repeats(option)) {
        usage_error(command, "--%s is given twice", option->name);
        return false;
    }
    if (!option_takes(option, value)) {
        usage_error(command, "--%s takes one of %s, not '%s'", option->name, option->argument,
                    value);
        return false;
    }
    if (!value_keep(a, option, place, value)) {
        usage_error(command, "--%s is given more than %d times", option->name,
                    ARGUMENTS_REPEAT_MAX);
        return false;
    }
    return true;
}

/* The words of the file, but for options that the command line has given. */
static bool config_take(struct arguments *a, const struct command *command)
{
    const struct config *config = a->config;
    for (size_t i = 0; i < config->count; i++) {
        const struct config_word *word = &config->words[i];
        if (a->options[word->place] && a->line[word->place] == 0)
            continue;
        if (!value_keep(a, &command->options[word->place], word->place, word->value)) {
            usage_error(command, "%s:%u: %s is given more than %d times", config->path, word->line,
                        command->options[word->place].name, ARGUMENTS_REPEAT_MAX);
            return false;
        }
        a->line[word->place] = word->line;
    }
    return true;
}

/* Reads the file of --config, if the command knows that option and it is given. */
static bool config_use(struct arguments *a, const struct command *command)
{
    int place = 0;
    while (command->options && command->options[place].name &&
           strcmp(command->options[place].name, "config") != 0)
        place++;
    if (!command->options || !command->options[place].name || !a->options[place])
        return true;

    struct error err = {0};
    enum status status = STATUS_FAILED;
    a->config = malloc(sizeof *a->config);
    if (a->config)
        status = config_read(a->config, command, a->options[place], &err);
    else
        error_no_memory(&err, "no memory to read %s", a->options[place]);
    if (status == STATUS_OK)
        return config_take(a, command);
    if (status == STATUS_DAMAGED) {
        usage_error(command, "%s", err.text);
    } else {
        say("%s", err.text);
        a->world_failed = true;
    }
    return false;
}

static bool words_check(const struct arguments *a, const struct command *command)
{
    if (a->word_count < command->word_least) {
        const char *missing = command->arguments[a->word_count].name;
        usage_error(command, "no %s is given", missing);
        return false;
    }
    if (command->word_most >= 0 && a->word_count > command->word_most) {
        usage_error(command, "'%s' is one word too many", a->words[command->word_most]);
        return false;
    }
    return true;
}

/* Says what getopt did not like about the word that it has just left behind. */
static void option_complain(const struct command *command, int found, const char *word)
{
    if (found == ':') {
        const struct option_word *option =
            &command->options[option_place(command->options, optopt)];
        usage_error(command, "--%s wants %s behind it", option->name, option->argument);
    } else if (optopt >= OPTION_BASE) {
        usage_error(command, "%s: this option takes no value", word);
    } else if (optopt > 0) {
        usage_error(command, "there is no option -%c", optopt);
    } else {
        usage_error(command, "there is no option %s, or it is short for several", word);
    }
}

static bool options_take(struct arguments *a, const struct command *command, int count)
{
    struct getopt_words words;
    words_fill(&words, command->options);
    optind = 0; /* glibc: start over */
    opterr = 0;
    for (;;) {
        int found = getopt_long(count, a->sorted, words.shorts, words.longs, NULL);
        if (found == -1)
            break;
        if (found == OPTION_HELP || found == 'h') {
            a->help = true;
            return true;
        }
        if (found == '?' || found == ':') {
            option_complain(command, found, a->sorted[optind - 1]);
            return false;
        }
        if (!option_set(a, command, option_place(command->options, found), optarg))
            return false;
    }
    a->words = a->sorted + optind;
    a->word_count = count - optind;
    return words_check(a, command) && config_use(a, command);
}

bool arguments_parse(struct arguments *a, const struct command *command, int argc,
                     char *const *argv, int first)
{
    *a = (struct arguments){.argv = argv, .argc = argc};

    /* getopt skips the first word that it is shown, as if it were a program's name, and sorts the
     * options to the front: a copy, since the case keeps the command line as it was given. */
    int count = argc - first + 1;
    a->sorted = calloc((size_t)count + 1, sizeof *a->sorted);
    if (!a->sorted) {
        say("no memory for the command line");
        a->world_failed = true;
        return false;
    }
    memcpy(a->sorted, argv + first - 1, (size_t)count * sizeof *a->sorted);
    return options_take(a, command, count);
}

void arguments_release(struct arguments *a)
{
    free(a->sorted);
    a->sorted = NULL;
    if (a->config)
        config_release(a->config);
    free(a->config);
    a->config = NULL;
}

size_t arguments_repeated(const struct arguments *a, const char *values[ARGUMENTS_REPEAT_MAX],
                          int place)
{
    size_t count = 0;
    for (size_t i = 0; i < a->repeated_count; i++) {
        if (a->repeated_place[i] == place)
            values[count++] = a->repeated[i];
    }
    return count;
}

void arguments_source(char text[ARGUMENTS_SOURCE_MAX], const struct arguments *a,
                      const struct command *command, int place)
{
    const char *name = command->options[place].name;
    if (a->line[place] > 0)
        snprintf(text, ARGUMENTS_SOURCE_MAX, "%s:%u: %s", a->config->path, a->line[place], name);
    else
        snprintf(text, ARGUMENTS_SOURCE_MAX, "--%s", name);
}

static bool is_plain(const char *word)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "-_./,:=+@%";
    return *word != 0 && strspn(word, safe) == strlen(word);
}

bool arguments_quote(struct buffer *to, int argc, char *const *argv)
{
    bool done = true;
    for (int i = 0; i < argc; i++) {
        if (i > 0)
            done = done && buffer_add_byte(to, ' ');
        if (is_plain(argv[i])) {
            done = done && buffer_add_text(to, argv[i]);
            continue;
        }
        done = done && buffer_add_byte(to, '\'');
        for (const char *at = argv[i]; *at; at++)
            done = done &&
                   (*at == '\'' ? buffer_add_text(to, "'\\''") : buffer_add_byte(to, (uint8_t)*at));
        done = done && buffer_add_byte(to, '\'');
    }
    return done;
}
