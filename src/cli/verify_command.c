/* verify_command.c - seine verify: a line for each thing that was proved, or was not. */
#include "cli/commands.h"

#include "cli/confine.h"
#include "cli/listing.h"
#include "cli/terminal.h"
#include "cli/values.h"
#include "pipeline/verify.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { EVIDENCE, SEAL, NO_REBUILD };
enum { SEAL_LEN = 64 };

static const struct option_word options[] = {
    [EVIDENCE] = {"evidence", 0, "FOLDER",
                  "Where to look for the captures besides where they were."},
    [SEAL] = {"seal", 0, "HASH",
              "The seal that was printed at the end of the ingest, to compare with."},
    [NO_REBUILD] = {"no-rebuild", 0, NULL,
                    "Leave out the ingest anew, which takes as long as the ingest did, and as much "
                    "room in TMPDIR as the case has."},
    {0},
};

static volatile int stop;

static void on_stop(int number)
{
    (void)number;
    stop = 1;
}

/* From here on a case is built anew, which must not stay behind. */
static void on_rebuild(void *context)
{
    (void)context;
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_stop, .sa_flags = SA_RESTART | (int)SA_RESETHAND};
    struct sigaction before;

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) /* nohup */
            sigaction(numbers[i], &action, NULL);
    }
}

static void on_report(void *context, enum proof proof, const char *what)
{
    static const struct {
        const char *word;
        enum colour colour;
    } says[] = {
        [PROOF_HOLDS] = {"holds", COLOUR_PLAIN},
        [PROOF_FAILS] = {"FAILS", COLOUR_WARNING},
        [PROOF_NOT_POSSIBLE] = {"not provable", COLOUR_BOLD},
    };
    bool colours = *(bool *)context;
    printf("%s%s%s: ", colour_start(says[proof].colour, colours), says[proof].word,
           colour_end(colours));
    print_escaped(stdout, what);
    putchar('\n');
}

/* Any case of letters; false when it is no SHA-256. */
static bool seal_read(char seal[SEAL_LEN + 1], const char *text)
{
    if (strlen(text) != SEAL_LEN || strspn(text, "0123456789abcdefABCDEF") != SEAL_LEN)
        return false;
    for (size_t i = 0; i <= SEAL_LEN; i++)
        seal[i] = (char)tolower((unsigned char)text[i]);
    return true;
}

static enum exit_status verify_run(const struct command *self, const struct arguments *a)
{
    bool colours = terminal_colours(stdout);
    char seal[SEAL_LEN + 1];
    struct verify_options verify_options = {
        .case_path = a->words[0],
        .folder = a->options[EVIDENCE],
        .no_rebuild = a->options[NO_REBUILD] != NULL,
        .version = SEINE_VERSION,
        .rebuild = on_rebuild,
        .stop = &stop,
        .report = on_report,
        .context = &colours,
    };
    if (a->options[SEAL]) {
        if (!seal_read(seal, a->options[SEAL]))
            return usage_error(self, "a seal is %d hexadecimal digits, not '%s'", SEAL_LEN,
                               a->options[SEAL]);
        verify_options.seal = seal;
    }
    if (!is_one_case(self, a->words[0]))
        return EXIT_USAGE;
    if (!confine_to_evidence(a->words[0], NULL))
        return EXIT_WORLD;
    struct error err = {0};
    struct verify_result result = {0};
    if (verify_case(&result, &verify_options, &err) != STATUS_OK) {
        say("%s", err.text);
        return EXIT_WORLD;
    }
    char holds[VALUE_TEXT_MAX], fails[VALUE_TEXT_MAX], not_possible[VALUE_TEXT_MAX];
    count_text(holds, result.holds);
    count_text(fails, result.fails);
    count_text(not_possible, result.not_possible);
    printf("%s hold, %s fail, %s not provable\n", holds, fails, not_possible);
    return result.fails > 0 || result.not_possible > 0 ? EXIT_TOLD : EXIT_DONE;
}

static const char *const description[] = {
    "Proves again what a case says: the hash of each capture; the hash of each stream, from the "
    "case "
    "and, where the capture is there, from the capture alone; the bytes of conflicts and refusals; "
    "that the sums add up; that an ingest anew gives the same rows; the seal. One line says how "
    "each proof went: it holds, it FAILS, or, "
    "since a "
    "capture or a hash is not there, it is not provable; the last line counts them.",
    "The seal inside a case shows accidents only, since who changes the case can change it too. "
    "One "
    "that was kept elsewhere and is given as --seal shows any change.",
    NULL,
};

static const struct argument_word argument_words[] = {
    {"CASE", "A case that seine made."},
    {0},
};

static const struct exit_word exits[] = {
    {EXIT_DONE, "Every proof holds."},
    {EXIT_TOLD, "Some proof fails, or was not possible since a capture or a hash is not there."},
    {EXIT_USAGE, "The command line makes no sense."},
    {EXIT_WORLD, "The case could not be read."},
    {0},
};

static const struct example examples[] = {
    {"seine verify case.db --evidence /mnt/originals", "With the captures from another place."},
    {0},
};

const struct command command_verify = {
    .name = "verify",
    .synopsis = "[--evidence FOLDER] [--seal HASH] CASE",
    .summary = "prove again what a case says",
    .description = description,
    .arguments = argument_words,
    .options = options,
    .exits = exits,
    .examples = examples,
    .word_least = 1,
    .word_most = 1,
    .run = verify_run,
};
