/* cli_commands_test.c - the table of commands is whole, and takes command lines apart. */
#include "cli/commands.h"
#include "cli/progress.h"
#include "suite.h"

#include <stdio.h>
#include <string.h>

static bool is_sentence(const char *text)
{
    size_t len = strlen(text);
    return len > 1 && text[len - 1] == '.' && text[len - 2] != '.';
}

static void check_options(const struct option_word *options)
{
    size_t count = 0;
    for (; options && options[count].name; count++) {
        const struct option_word *option = &options[count];
        CU_ASSERT_TRUE(!option->text || is_sentence(option->text));
        CU_ASSERT_TRUE(option->letter != 'h' && strcmp(option->name, "help") != 0);
        for (size_t i = 0; i < count; i++) {
            CU_ASSERT_STRING_NOT_EQUAL(option->name, options[i].name);
            CU_ASSERT_TRUE(!option->letter || option->letter != options[i].letter);
        }
    }
    CU_ASSERT_TRUE(count <= ARGUMENTS_OPTION_MAX);
}

static void the_table_is_whole(void)
{
    for (size_t i = 0; commands[i]; i++) {
        const struct command *c = commands[i];
        CU_ASSERT_PTR_EQUAL(command_find(c->name), c);
        CU_ASSERT_TRUE(c->synopsis && c->summary && c->run && c->description[0]);
        CU_ASSERT_FALSE(is_sentence(c->summary));
        for (size_t j = 0; c->description[j]; j++)
            CU_ASSERT_TRUE(is_sentence(c->description[j]));
        check_options(c->options);
        CU_ASSERT_EQUAL(c->exits[0].status, EXIT_DONE);
        for (const struct exit_word *e = c->exits; e->text; e++)
            CU_ASSERT_TRUE(is_sentence(e->text));
        for (const struct example *e = c->examples; e->command; e++)
            CU_ASSERT_TRUE(is_sentence(e->text));
        for (int word = 0; word < c->word_least; word++) /* each is named when it is missing */
            CU_ASSERT_PTR_NOT_NULL_FATAL(c->arguments[word].name);
    }
    CU_ASSERT_PTR_NULL(command_find("nothing"));
}

/* ingest: 0 is --output, 2 is --merge, 3 is --memory */
enum { OUTPUT = 0, MERGE = 2, MEMORY = 3 };

/* The words of "seine COMMAND ...", taken apart at blanks. */
struct line {
    char text[200];
    char *words[20];
    int count;
};

static bool parse(struct arguments *a, struct line *line, const char *text)
{
    line->count = 0;
    snprintf(line->text, sizeof line->text, "seine %s", text);
    for (char *word = strtok(line->text, " "); word; word = strtok(NULL, " "))
        line->words[line->count++] = word;
    line->words[line->count] = NULL;
    return arguments_parse(a, command_find(line->words[1]), line->count, line->words, 2);
}

static void options_and_words_mix(void)
{
    struct arguments a;
    struct line line;
    CU_ASSERT_TRUE_FATAL(
        parse(&a, &line, "ingest a.pcap -o x.db --merge b.pcap --memory=9M -- -c"));
    CU_ASSERT_STRING_EQUAL(a.options[OUTPUT], "x.db");
    CU_ASSERT_STRING_EQUAL(a.options[MERGE], "");
    CU_ASSERT_STRING_EQUAL(a.options[MEMORY], "9M");
    CU_ASSERT_EQUAL_FATAL(a.word_count, 3);
    CU_ASSERT_STRING_EQUAL(a.words[0], "a.pcap");
    CU_ASSERT_STRING_EQUAL(a.words[1], "b.pcap");
    CU_ASSERT_STRING_EQUAL(a.words[2], "-c");
    CU_ASSERT_STRING_EQUAL(a.argv[2], "a.pcap"); /* the command line stays as it was */
    CU_ASSERT_STRING_EQUAL(a.argv[3], "-o");
    arguments_release(&a);
}

static void standard_input_is_a_word(void)
{
    struct arguments a;
    struct line line;
    CU_ASSERT_TRUE_FATAL(parse(&a, &line, "ingest -"));
    CU_ASSERT_EQUAL_FATAL(a.word_count, 1);
    CU_ASSERT_STRING_EQUAL(a.words[0], "-");
    arguments_release(&a);
}

static void help_comes_first(void)
{
    struct arguments a;
    struct line line;
    CU_ASSERT_TRUE(parse(&a, &line, "follow --help --nonsense"));
    CU_ASSERT_TRUE(a.help);
    arguments_release(&a);
}

static void nonsense_is_refused(void)
{
    static const char *const nonsense[] = {
        "ingest",
        "ingest --nonsense a",
        "ingest -z a",
        "ingest a -o",
        "ingest a --output",
        "ingest --m a", /* --merge or --memory? */
        "ingest --merge=yes a",
        "ingest -o x -o y a",
        "follow --as song a 1",
        "follow --as= a 1",
        "follow --as text|hex a 1",
        "follow a",
        "follow a 1 2",
    };
    fputs("(sentences about nonsense follow)\n", stderr);
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        struct arguments a;
        struct line line;
        CU_ASSERT_FALSE(parse(&a, &line, nonsense[i]));
        arguments_release(&a);
    }
}

static void a_command_line_is_quoted(void)
{
    char texts[][16] = {"seine", "-f", "host 1.2.3.4", "it's", "", "a.pcap", "$x", "\xc3\xa9"};
    char *words[8];
    for (size_t i = 0; i < 8; i++)
        words[i] = texts[i];
    struct buffer line;
    buffer_init(&line, 1000);
    CU_ASSERT_TRUE(arguments_quote(&line, 8, words));
    CU_ASSERT_STRING_EQUAL(buffer_text(&line),
                           "seine -f 'host 1.2.3.4' 'it'\\''s' '' a.pcap '$x' '\xc3\xa9'");
    buffer_release(&line);
}

static void progress_fits_the_terminal(void)
{
    struct ingest_progress now = {.bytes_done = 512 << 20,
                                  .bytes_all = 1 << 30,
                                  .frames = 1234567,
                                  .flows = 890,
                                  .source = "/some/where/tap\033[2J.pcap"};
    char text[256];
    progress_text(text, sizeof text, &now, 2000000000, 200);
    CU_ASSERT_STRING_EQUAL(text, " 50%  512.0 MiB of 1.0 GiB  256.0 MiB/s  2.0 s left  1,234,567 "
                                 "frames  890 flows  tap?[2J.pcap");
    progress_text(text, sizeof text, &now, 2000000000, 20);
    CU_ASSERT_STRING_EQUAL(text, " 50%  512.0 MiB of 1");

    now.bytes_all = 0; /* a pipe */
    progress_text(text, sizeof text, &now, 2000000000, 200);
    CU_ASSERT_STRING_EQUAL(text,
                           "512.0 MiB  256.0 MiB/s  1,234,567 frames  890 flows  tap?[2J.pcap");
    now.bytes_all = 1; /* it grew */
    progress_text(text, sizeof text, &now, 0, 200);
    CU_ASSERT_STRING_EQUAL(text, "100%  1 B of 1 B  1,234,567 frames  890 flows  tap?[2J.pcap");
}

static const struct test tests[] = {
    {"each command has all its words, and no option twice", the_table_is_whole},
    {"options and words may mix, and -- ends the options", options_and_words_mix},
    {"a dash alone is standard input", standard_input_is_a_word},
    {"--help is heard before anything is checked", help_comes_first},
    {"nonsense is refused", nonsense_is_refused},
    {"a command line is quoted so that a shell reads it back", a_command_line_is_quoted},
    {"the progress line fits, and its name is harmless", progress_fits_the_terminal},
};

SUITE("cli commands", tests)
