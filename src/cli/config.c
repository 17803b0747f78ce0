/* config.c - options from a file. */
#include "cli/config.h"

#include "cli/commands.h"
#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char blanks[] = " \t\r";

/* The whole file as one text that ends in a NUL. */
static enum status text_read(struct config *config, size_t *len, struct error *err)
{
    enum status status = STATUS_OK;
    ssize_t count = 0;

    *len = 0;
    config->text = malloc(CONFIG_LEN_MAX + 2);
    if (!config->text)
        return error_no_memory(err, "no memory to read %s", config->path);
    int file = open(config->path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return error_set(err, "%s: %s", config->path, strerror(errno));
    do {
        count = read(file, config->text + *len, CONFIG_LEN_MAX + 1 - *len);
        if (count > 0)
            *len += (size_t)count;
    } while (count > 0 || (count < 0 && errno == EINTR));
    if (count < 0)
        status = error_set(err, "%s: %s", config->path, strerror(errno));
    else if (*len > CONFIG_LEN_MAX)
        status = error_damaged(err, "%s is longer than %d bytes", config->path, CONFIG_LEN_MAX);
    else if (memchr(config->text, 0, *len))
        status = error_damaged(err, "%s is no text: there is a NUL in it", config->path);
    close(file);
    config->text[*len] = 0;
    return status;
}

/* Cuts the blanks off both ends of the text between `from` and its NUL. */
static char *trimmed(char *from)
{
    from += strspn(from, blanks);
    size_t len = strlen(from);
    while (len > 0 && strchr(blanks, from[len - 1]))
        len--;
    from[len] = 0;
    return from;
}

/* The place of the option in the table, or -1. One that is not listed is not for people. */
static int word_place(const struct command *command, const char *name)
{
    for (int i = 0; command->options && command->options[i].name; i++) {
        if (command->options[i].text && strcmp(command->options[i].name, name) == 0)
            return i;
    }
    return -1;
}

static const struct config_word *word_of(const struct config *config, int place)
{
    for (size_t i = 0; i < config->count; i++) {
        if (config->words[i].place == place)
            return &config->words[i];
    }
    return NULL;
}

static bool is_quoted(const char *value)
{
    size_t len = strlen(value);
    return len > 1 && strchr("\"'", value[0]) && value[len - 1] == value[0];
}

/* What is wrong with `name = value`, in `err`; else it is one word more. */
static enum status word_add(struct config *config, const struct command *command, unsigned line,
                            const char *name, const char *value, struct error *err)
{
    int place = word_place(command, name);
    if (place < 0 || strcmp(name, "config") == 0)
        return error_damaged(err, "seine %s has no word '%s'", command->name, name);

    const struct option_word *option = &command->options[place];
    if (*value == 0)
        return error_damaged(err, "there is no value behind %s", name);
    if (is_quoted(value))
        return error_damaged(err, "the value of %s stands without quotes", name);
    if (!option->argument) {
        if (strcmp(value, "no") == 0)
            return STATUS_OK;
        if (strcmp(value, "yes") != 0)
            return error_damaged(err, "%s is yes or no, not '%s'", name, value);
        value = "";
    } else if (!option_takes(option, value)) {
        return error_damaged(err, "%s takes one of %s, not '%s'", name, option->argument, value);
    }
    const struct config_word *first = word_of(config, place);
    if (first && !option_repeats(option))
        return error_damaged(err, "%s is given twice, first in line %u", name, first->line);
    if (config->count == CONFIG_WORD_MAX)
        return error_damaged(err, "there are more than %d words", CONFIG_WORD_MAX);
    config->words[config->count++] = (struct config_word){place, line, value};
    return STATUS_OK;
}

static enum status line_read(struct config *config, const struct command *command, unsigned line,
                             char *text, struct error *err)
{
    text = trimmed(text);
    if (*text == 0 || *text == '#')
        return STATUS_OK;
    char *equals = strchr(text, '=');
    if (!equals)
        return error_damaged(err, "a line is WORD = VALUE, not '%s'", text);
    *equals = 0;
    const char *name = trimmed(text), *value = trimmed(equals + 1);
    return word_add(config, command, line, name, value, err);
}

enum status config_read(struct config *config, const struct command *command, const char *path,
                        struct error *err)
{
    *config = (struct config){.path = strdup(path)};
    if (!config->path)
        return error_no_memory(err, "no memory to read %s", path);
    size_t len;
    enum status status = text_read(config, &len, err);
    char *at = config->text;
    for (unsigned line = 1; status == STATUS_OK && at; line++) {
        char *end = strchr(at, '\n');
        if (end)
            *end = 0;
        status = line_read(config, command, line, at, err);
        if (status != STATUS_OK)
            error_prefix(err, "%s:%u", path, line);
        at = end ? end + 1 : NULL;
    }
    return status;
}

void config_release(struct config *config)
{
    free(config->path);
    free(config->text);
    *config = (struct config){0};
}

static bool is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Whether the option has the same values, in the same order, in both. */
static bool is_unchanged(int place, const struct arguments *before, const struct arguments *after)
{
    const char *old[ARGUMENTS_REPEAT_MAX], *new[ARGUMENTS_REPEAT_MAX];
    size_t count = arguments_repeated(before, old, place);

    if (!is_same(before->options[place], after->options[place]) ||
        arguments_repeated(after, new, place) != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(old[i], new[i]) != 0)
            return false;
    }
    return true;
}

static bool is_among(const char *const *names, const char *name)
{
    for (; *names; names++) {
        if (strcmp(*names, name) == 0)
            return true;
    }
    return false;
}

void config_compare(struct config_changes *changes, const struct command *command,
                    const char *const *reloadable, const struct arguments *before,
                    const struct arguments *after)
{
    *changes = (struct config_changes){0};
    for (int i = 0; command->options && command->options[i].name; i++) {
        if (is_unchanged(i, before, after))
            continue;
        if (is_among(reloadable, command->options[i].name))
            changes->at_once[changes->at_once_count++] = i;
        else
            changes->restart[changes->restart_count++] = i;
    }
}

/* What is no file may be waited for, a FIFO for its writer; and frames come meanwhile. */
static bool is_file(const char *path)
{
    struct stat is;

    if (stat(path, &is) == 0 && !S_ISREG(is.st_mode)) {
        say_as(WEIGHT_ERROR, "%s is no regular file, and is not read while frames come", path);
        return false;
    }
    return true; /* or it is not there, which reading it says */
}

bool config_reload(struct arguments *after, struct config_changes *changes,
                   const struct command *command, const char *const *reloadable,
                   const struct arguments *before, bool (*holds)(const struct arguments *after))
{
    enum { COMMAND_WORDS = 2 }; /* seine live */
    char names[1024];

    *after = (struct arguments){0};
    if ((before->config && !is_file(before->config->path)) ||
        !arguments_parse(after, command, before->argc, before->argv, COMMAND_WORDS) ||
        !holds(after)) {
        say_as(WEIGHT_ERROR, "reload: everything stays as it was");
        return false;
    }
    config_compare(changes, command, reloadable, before, after);
    if (changes->at_once_count > 0) {
        config_names(names, sizeof names, command, changes->at_once, changes->at_once_count);
        say_as(WEIGHT_NOTICE, "reload: changed, and in force: %s", names);
    }
    if (changes->restart_count > 0) {
        config_names(names, sizeof names, command, changes->restart, changes->restart_count);
        say_as(WEIGHT_WARNING, "reload: changed, but only a restart takes it over: %s", names);
    }
    if (changes->at_once_count + changes->restart_count == 0)
        say_as(WEIGHT_NOTICE, "reload: nothing has changed");
    return true;
}

void config_names(char *text, size_t room, const struct command *command, const int *places,
                  size_t count)
{
    size_t len = 0;
    text[0] = 0;
    for (size_t i = 0; i < count && len < room; i++) {
        const char *between = i == 0 ? "" : i + 1 == count ? " and " : ", ";
        int more =
            snprintf(text + len, room - len, "%s%s", between, command->options[places[i]].name);
        len += more > 0 ? (size_t)more : 0;
    }
}
