/* cli_config_test.c - the file of --config has the words of the command line, and gives way to it. */
#include "cli/commands.h"
#include "cli/config.h"
#include "suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONFIG, INTERFACE, POLICY, MEMORY, PAYLOAD, PROMISCUOUS, HIDDEN };

static const struct option_word options[] = {
    [CONFIG] = {"config", 0, "FILE", "Options from a file."},
    [INTERFACE] = {"interface", 'i', "IFACE...", "What to watch."},
    [POLICY] = {"policy", 0, "NAME...", "Something else that repeats."},
    [MEMORY] = {"memory", 0, "SIZE", "A value."},
    [PAYLOAD] = {"payload", 0, "keep|reference", "A choice."},
    [PROMISCUOUS] = {"promiscuous", 0, NULL, "A flag."},
    [HIDDEN] = {"hidden", 0, "FILE", NULL},
    {0},
};

static const struct command watch = {.name = "watch", .options = options};

static char path[64];

static void file_write(const char *text, size_t len)
{
    snprintf(path, sizeof path, "/tmp/seine-config-XXXXXX");
    int file = mkstemp(path);
    CU_ASSERT_TRUE_FATAL(file >= 0);
    CU_ASSERT_EQUAL_FATAL(write(file, text, len), (ssize_t)len);
    close(file);
}

/* The words of "seine watch ...", taken apart at blanks, with --config for the text behind them. */
struct line {
    char text[200];
    char *words[20];
    int count;
};

static bool parse(struct arguments *a, struct line *line, const char *words, const char *text)
{
    file_write(text, strlen(text));
    line->count = 0;
    snprintf(line->text, sizeof line->text, "seine watch --config %s %s", path, words);
    for (char *word = strtok(line->text, " "); word; word = strtok(NULL, " "))
        line->words[line->count++] = word;
    line->words[line->count] = NULL;
    bool done = arguments_parse(a, &watch, line->count, line->words, 2);
    unlink(path);
    return done;
}

static void a_word_is_an_option(void)
{
    struct arguments a;
    struct line line;
    const char *values[ARGUMENTS_REPEAT_MAX];
    CU_ASSERT_TRUE_FATAL(parse(&a, &line, "",
                               "# what to watch\n"
                               "interface = eth0\n"
                               "\n"
                               "   policy=first\r\n"
                               "\tinterface\t=\teth1   \n"
                               "memory = 64M # and more\n"
                               "payload = reference\n"
                               "promiscuous = yes"));
    CU_ASSERT_EQUAL_FATAL(arguments_repeated(&a, values, INTERFACE), 2);
    CU_ASSERT_STRING_EQUAL(values[0], "eth0");
    CU_ASSERT_STRING_EQUAL(values[1], "eth1");
    CU_ASSERT_EQUAL_FATAL(arguments_repeated(&a, values, POLICY), 1);
    CU_ASSERT_STRING_EQUAL(values[0], "first");
    CU_ASSERT_STRING_EQUAL(a.options[MEMORY],
                           "64M # and more"); /* a comment is a line of its own */
    CU_ASSERT_STRING_EQUAL(a.options[PAYLOAD], "reference");
    CU_ASSERT_STRING_EQUAL(a.options[PROMISCUOUS], "");
    arguments_release(&a);
}

static void a_flag_that_is_off_is_not_given(void)
{
    struct arguments a;
    struct line line;
    CU_ASSERT_TRUE_FATAL(parse(&a, &line, "", "promiscuous = no\n"));
    CU_ASSERT_PTR_NULL(a.options[PROMISCUOUS]);
    arguments_release(&a);
}

static void an_equals_sign_may_be_in_a_value(void)
{
    struct arguments a;
    struct line line;
    CU_ASSERT_TRUE_FATAL(parse(&a, &line, "", "policy = 10.0.0.0/8=linux\n"));
    CU_ASSERT_STRING_EQUAL(a.options[POLICY], "10.0.0.0/8=linux");
    arguments_release(&a);
}

static void the_command_line_wins(void)
{
    struct arguments a;
    struct line line;
    const char *values[ARGUMENTS_REPEAT_MAX];
    CU_ASSERT_TRUE_FATAL(parse(&a, &line, "-i lo --memory 8M",
                               "interface = eth0\ninterface = eth1\nmemory = 64M\n"
                               "policy = last\npolicy = first\n"));
    CU_ASSERT_STRING_EQUAL(a.options[MEMORY], "8M");
    CU_ASSERT_EQUAL_FATAL(arguments_repeated(&a, values, INTERFACE), 1);
    CU_ASSERT_STRING_EQUAL(values[0], "lo");
    CU_ASSERT_EQUAL(arguments_repeated(&a, values, POLICY), 2);
    arguments_release(&a);
}

static void a_value_knows_where_it_was_given(void)
{
    struct arguments a;
    struct line line;
    char text[ARGUMENTS_SOURCE_MAX], wanted[ARGUMENTS_SOURCE_MAX];
    CU_ASSERT_TRUE_FATAL(parse(&a, &line, "--payload keep", "\n\nmemory = lots\n"));
    arguments_source(text, &a, &watch, MEMORY);
    snprintf(wanted, sizeof wanted, "%s:3: memory", path);
    CU_ASSERT_STRING_EQUAL(text, wanted);
    arguments_source(text, &a, &watch, PAYLOAD);
    CU_ASSERT_STRING_EQUAL(text, "--payload");
    arguments_release(&a);
}

/* What is wrong with the text, without the path in front of it. */
static void check_wrong(const char *text, size_t len, const char *wanted)
{
    struct config config;
    struct error err = {0};
    file_write(text, len);
    CU_ASSERT_EQUAL(config_read(&config, &watch, path, &err), STATUS_DAMAGED);
    size_t path_len = strlen(path);
    CU_ASSERT_TRUE(strncmp(err.text, path, path_len) == 0);
    CU_ASSERT_STRING_EQUAL(err.text + path_len, wanted);
    config_release(&config);
    unlink(path);
}

static void what_makes_no_sense_is_told_with_its_line(void)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"memory", ":1: a line is WORD = VALUE, not 'memory'"},
        {"# \n\nmemory =\n", ":3: there is no value behind memory"},
        {"= 64M\n", ":1: seine watch has no word ''"},
        {"memroy = 64M\n", ":1: seine watch has no word 'memroy'"},
        {"--memory = 64M\n", ":1: seine watch has no word '--memory'"},
        {"mem = 64M\n", ":1: seine watch has no word 'mem'"}, /* nothing is short for another */
        {"config = /etc/other.conf\n", ":1: seine watch has no word 'config'"},
        {"hidden = x\n", ":1: seine watch has no word 'hidden'"},
        {"memory = 1M\nmemory = 2M\n", ":2: memory is given twice, first in line 1"},
        {"promiscuous = yes\npromiscuous = yes\n",
         ":2: promiscuous is given twice, first in line 1"},
        {"promiscuous = true\n", ":1: promiscuous is yes or no, not 'true'"},
        {"payload = drop\n", ":1: payload takes one of keep|reference, not 'drop'"},
        {"memory = \"64M\"\n", ":1: the value of memory stands without quotes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_wrong(cases[i].text, strlen(cases[i].text), cases[i].wanted);
    check_wrong("memory = 6\0M\n", 13, " is no text: there is a NUL in it");
}

static void a_file_has_its_ceilings(void)
{
    enum { REPEAT = 11 };
    static char text[CONFIG_LEN_MAX + 1];
    memset(text, '#', sizeof text);
    check_wrong(text, sizeof text, " is longer than 65536 bytes");

    struct config config;
    struct error err = {0};
    file_write(text, CONFIG_LEN_MAX); /* one comment, just short enough */
    CU_ASSERT_EQUAL(config_read(&config, &watch, path, &err), STATUS_OK);
    config_release(&config);
    unlink(path);

    for (size_t i = 0; i <= CONFIG_WORD_MAX; i++)
        memcpy(text + i * REPEAT, "policy = a\n", REPEAT);
    check_wrong(text, (size_t)(CONFIG_WORD_MAX + 1) * REPEAT,
                ":513: there are more than 512 words");

    struct arguments a;
    struct line line;
    text[(ARGUMENTS_REPEAT_MAX + 1) * REPEAT] = 0;
    fputs("(a sentence about nonsense follows)\n", stderr);
    CU_ASSERT_FALSE(parse(&a, &line, "", text));
    arguments_release(&a);
}

static void a_file_that_is_not_there_is_the_worlds_fault(void)
{
    struct arguments a;
    char *words[] = {(char[]){"seine"}, (char[]){"watch"}, (char[]){"--config"},
                     (char[]){"/nowhere/seine.conf"}, NULL};
    CU_ASSERT_FALSE(arguments_parse(&a, &watch, 4, words, 2));
    CU_ASSERT_TRUE(a.world_failed);
    arguments_release(&a);

    words[3] = (char[]){"/tmp"}; /* a folder */
    CU_ASSERT_FALSE(arguments_parse(&a, &watch, 4, words, 2));
    CU_ASSERT_TRUE(a.world_failed);
    arguments_release(&a);
}

static void check_changes(const char *before, const char *after, const char *at_once,
                          const char *restart)
{
    static const char *const reloadable[] = {"memory", "policy", NULL};
    struct arguments old, new;
    struct line old_line, new_line;
    struct config_changes changes;
    char text[100];
    CU_ASSERT_TRUE_FATAL(parse(&old, &old_line, "", before));
    CU_ASSERT_TRUE_FATAL(parse(&new, &new_line, "", after));
    new.options[CONFIG] = old.options[CONFIG]; /* in earnest the file has one name */
    config_compare(&changes, &watch, reloadable, &old, &new);
    config_names(text, sizeof text, &watch, changes.at_once, changes.at_once_count);
    CU_ASSERT_STRING_EQUAL(text, at_once);
    config_names(text, sizeof text, &watch, changes.restart, changes.restart_count);
    CU_ASSERT_STRING_EQUAL(text, restart);
    arguments_release(&old);
    arguments_release(&new);
}

static void a_reload_knows_what_may_change(void)
{
    check_changes("memory = 1M\npolicy = a\n", "# the same\npolicy = a\nmemory = 1M\n", "", "");
    check_changes("memory = 1M\n", "memory = 2M\n", "memory", "");
    check_changes("memory = 1M\n", "policy = a\n", "policy and memory", "");
    check_changes("policy = a\npolicy = b\n", "policy = a\npolicy = c\n", "policy", "");
    check_changes("policy = a\npolicy = b\n", "policy = b\n", "policy", "");
    check_changes("interface = a\ninterface = b\n", "interface = b\ninterface = a\n", "",
                  "interface");
    check_changes("interface = a\n", "promiscuous = yes\npayload = keep\nmemory = 1M\n", "memory",
                  "interface, payload and promiscuous");
}

static void rewrite(const char *text)
{
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    fclose(file);
}

static bool memory_holds(const struct arguments *a)
{
    return a->options[MEMORY] && strcmp(a->options[MEMORY], "lots") != 0;
}

static void a_reload_reads_the_file_anew(void)
{
    static const char *const reloadable[] = {"memory", NULL};
    static const char first[] = "memory = 1M\ninterface = eth0\n";
    struct arguments before, after, last;
    struct config_changes changes;
    file_write(first, sizeof first - 1);
    char *words[] = {(char[]){"seine"},
                     (char[]){"watch"},
                     (char[]){"--config"},
                     path,
                     (char[]){"--payload"},
                     (char[]){"keep"},
                     NULL};
    CU_ASSERT_TRUE_FATAL(arguments_parse(&before, &watch, 6, words, 2));

    fputs("(sentences about reloads follow)\n", stderr);
    rewrite("memory = 2M\ninterface = eth1\npayload = reference\n");
    CU_ASSERT_TRUE_FATAL(
        config_reload(&after, &changes, &watch, reloadable, &before, memory_holds));
    CU_ASSERT_EQUAL_FATAL(changes.at_once_count, 1);
    CU_ASSERT_EQUAL(changes.at_once[0], MEMORY);
    CU_ASSERT_EQUAL_FATAL(changes.restart_count, 1);
    CU_ASSERT_EQUAL(changes.restart[0], INTERFACE);
    CU_ASSERT_STRING_EQUAL(after.options[MEMORY], "2M");
    CU_ASSERT_STRING_EQUAL(after.options[PAYLOAD], "keep"); /* the command line still wins */
    CU_ASSERT_STRING_EQUAL(before.options[MEMORY], "1M");

    CU_ASSERT_TRUE(config_reload(&last, &changes, &watch, reloadable, &after, memory_holds));
    CU_ASSERT_EQUAL(changes.at_once_count + changes.restart_count, 0);
    arguments_release(&last);

    rewrite("memory = lots\n");
    CU_ASSERT_FALSE(config_reload(&last, &changes, &watch, reloadable, &after, memory_holds));
    arguments_release(&last);
    rewrite("memory = 3M\nnonsense = 1\n");
    CU_ASSERT_FALSE(config_reload(&last, &changes, &watch, reloadable, &after, memory_holds));
    arguments_release(&last);
    unlink(path);
    CU_ASSERT_FALSE(config_reload(&last, &changes, &watch, reloadable, &after, memory_holds));
    arguments_release(&last);
    CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0); /* nobody writes it: it would be waited for */
    CU_ASSERT_FALSE(config_reload(&last, &changes, &watch, reloadable, &after, memory_holds));
    arguments_release(&last);
    arguments_release(&after);
    arguments_release(&before);
}

static void names_are_cut_at_the_end_of_the_room(void)
{
    static const int places[] = {INTERFACE, PROMISCUOUS, MEMORY};
    char text[16];
    config_names(text, sizeof text, &watch, places, 3);
    CU_ASSERT_STRING_EQUAL(text, "interface, prom");
}

static bool knows(const struct command *command, const char *name)
{
    const struct option_word *option = command->options;
    while (option->name && strcmp(option->name, name) != 0)
        option++;
    return option->name != NULL;
}

/* Every line of the file that is installed holds once its '#' is gone: the words are those of the
 * command. */
static void the_installed_file_has_the_commands_words(void)
{
    const struct command *live = command_find("live");
    char text[CONFIG_LEN_MAX], line[1000];
    size_t len = 0;
    FILE *file = fopen(SEINE_CONF, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    while (fgets(line, sizeof line, file)) {
        const char *from = line[0] == '#' && line[1] != ' ' && line[1] != '\n' ? line + 1 : line;
        len += (size_t)snprintf(text + len, sizeof text - len, "%s", from);
    }
    fclose(file);
    if (!live || !knows(live, "config")) /* a build that cannot capture */
        return;
    struct config config;
    struct error err = {0};
    file_write(text, len);
    CU_ASSERT_EQUAL(config_read(&config, live, path, &err), STATUS_OK);
    CU_ASSERT_STRING_EQUAL(err.text, "");
    CU_ASSERT_TRUE(config.count > 0);
    config_release(&config);
    unlink(path);
}

static const struct test tests[] = {
    {"a word of the file is an option of the command", a_word_is_an_option},
    {"a flag that is off is not given", a_flag_that_is_off_is_not_given},
    {"a value may have an equals sign in it", an_equals_sign_may_be_in_a_value},
    {"what the command line gives, the file does not", the_command_line_wins},
    {"a value knows where it was given", a_value_knows_where_it_was_given},
    {"a line that makes no sense is told with its number",
     what_makes_no_sense_is_told_with_its_line},
    {"a file has ceilings: bytes, words, times of an option", a_file_has_its_ceilings},
    {"a file that cannot be read is no fault of the words",
     a_file_that_is_not_there_is_the_worlds_fault},
    {"a reload tells what may change at once from what may not", a_reload_knows_what_may_change},
    {"a reload reads the file anew, or changes nothing", a_reload_reads_the_file_anew},
    {"the list of names is cut at the end of its room", names_are_cut_at_the_end_of_the_room},
    {"the file that is installed has words of the command",
     the_installed_file_has_the_commands_words},
};

SUITE("cli config", tests)
