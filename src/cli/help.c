/* help.c - seine help: the same words as the man pages, for the screen.
 *
 * Lines are filled to 80 columns. Two options that are not listed make what is installed beside the
 * program: `seine help --man [COMMAND]` a page as roff, --completion SHELL a script. */
#include "cli/commands.h"

#include "cli/terminal.h"

#include <stdio.h>
#include <string.h>

enum { LINE_WIDTH = 80, TEXT_INDENT = 2, OPTION_INDENT = 26 };

static void indent(int columns)
{
    printf("%*s", columns, "");
}

/* Prints `text` filled into lines; `at` is the column where the first one already stands. */
static void fill(const char *text, int left, int at)
{
    if (at > 0 && at >= left) { /* what stands there leaves no room */
        putchar('\n');
        at = 0;
    }
    indent(left - at);
    int column = left;
    while (*text) {
        int len = (int)strcspn(text, " ");
        if (column > left && column + 1 + len > LINE_WIDTH) {
            putchar('\n');
            indent(left);
            column = left;
        } else if (column > left) {
            putchar(' ');
            column++;
        }
        printf("%.*s", len, text);
        column += len;
        text += len;
        text += strspn(text, " ");
    }
    putchar('\n');
}

static void heading(const char *text)
{
    bool colours = terminal_colours(stdout);
    printf("\n%s%s%s\n", colour_start(COLOUR_BOLD, colours), text, colour_end(colours));
}

static void print_options(const struct option_word *options)
{
    for (; options && options->name; options++) {
        if (!options->text)
            continue;
        int at = printf("  ");
        at += options->letter ? printf("-%c, ", options->letter) : printf("    ");
        at += printf("--%s", options->name);
        if (options->argument)
            at += printf(" %s", options->argument);
        fill(options->text, OPTION_INDENT, at);
    }
}

void help_command(const struct command *command)
{
    int at = printf("seine %s", command->name);
    fill(command->synopsis, at + 1, at);
    putchar('\n');
    for (size_t i = 0; command->description[i]; i++) {
        if (i > 0)
            putchar('\n');
        fill(command->description[i], 0, 0);
    }
    if (command->arguments && command->arguments[0].name) {
        heading("Arguments");
        for (const struct argument_word *a = command->arguments; a->name; a++)
            fill(a->text, OPTION_INDENT, printf("  %s", a->name));
    }
    heading("Options");
    print_options(command->options);
    print_options(common_options);
    heading("Exit status");
    for (const struct exit_word *e = command->exits; e && e->text; e++)
        fill(e->text, TEXT_INDENT + 3, printf("  %d", (int)e->status));
    if (command->examples && command->examples[0].command) {
        heading("Examples");
        for (const struct example *e = command->examples; e->command; e++) {
            printf("  %s\n", e->command);
            fill(e->text, TEXT_INDENT + 4, 0);
        }
    }
}

void help_overview(void)
{
    enum { NAME_INDENT = 12 };
    puts("seine " SEINE_VERSION " - rebuilds the conversations of a packet capture into one SQLite "
         "file");
    heading("The main job in one word");
    puts("  seine CAPTURE...\n");
    fill("reads the captures into a case, a SQLite file beside you that is named after the first "
         "of them, and prints a summary of what is in it. The options of seine ingest hold here "
         "too.",
         TEXT_INDENT, 0);
    heading("Commands");
    for (size_t i = 0; commands[i]; i++)
        fill(commands[i]->summary, NAME_INDENT, printf("  %s", commands[i]->name));
    heading("Options");
    puts("  -h, --help     Say all this.\n"
         "  -V, --version  Say which version this is.\n");
    puts("seine help COMMAND says more of one.");
}

static const char *const description[] = {
    "Says what seine and its commands do. The same words are in the manual: man seine, man "
    "seine-COMMAND.",
    NULL,
};

static const struct argument_word arguments[] = {
    {"COMMAND", "The command to speak of; all of them in short when none is given."},
    {0},
};

enum { MAN, COMPLETION };

static enum exit_status help_run(const struct command *self, const struct arguments *a)
{
    const struct command *of = NULL;
    if (a->word_count > 0) {
        of = command_find(a->words[0]);
        if (!of)
            return usage_error(self, "there is no command '%s'", a->words[0]);
    }
    if (a->options[COMPLETION]) {
        completion_script(a->options[COMPLETION]);
    } else if (a->options[MAN]) {
        man_page(of);
    } else if (of) {
        help_command(of);
    } else {
        help_overview();
    }
    return EXIT_DONE;
}

static const struct option_word options[] = {
    [MAN] = {"man", 0, NULL, NULL},
    [COMPLETION] = {"completion", 0, "bash|zsh|fish", NULL},
    {0},
};

static const struct exit_word exits[] = {
    {EXIT_DONE, "Done."},
    {EXIT_USAGE, "There is no such command."},
    {0},
};

static const struct example examples[] = {
    {"seine help follow", "What seine follow does."},
    {0},
};

const struct command command_help = {
    .name = "help",
    .synopsis = "[COMMAND]",
    .summary = "say what seine and its commands do",
    .description = description,
    .arguments = arguments,
    .options = options,
    .exits = exits,
    .examples = examples,
    .word_most = 1,
    .run = help_run,
};
