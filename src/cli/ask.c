/* ask.c - seine ask: the questions that people really ask, each a file of questions/.
 *
 * What the user gives is bound, never part of the text; --sql shows the statement with the values in it, so that
 * it runs as it is in any client that reads the case. */
#include "cli/listing.h"

#include "cli/confine.h"
#include "cli/questions.h"
#include "cli/terminal.h"
#include "cli/values.h"
#include "store/layout.h"
#include "store/network.h"

#include <stdio.h>
#include <string.h>

enum { SINCE, UNTIL, ADDRESS, LEAST, LIMIT, SQL, JSON, CSV, EVIDENCE };
enum { PARAMETER_COUNT = LIMIT + 1 }; /* the first of the options are those of questions */

static const struct option_word options[] = {
    [SINCE] = {"since", 0, "TIME",
               "Only flows that began at this time or later: 2024-05-06, "
               "or 2024-05-06T07:08:09.5, in UTC."},
    [UNTIL] = {"until", 0, "TIME", "Only flows that began before it."},
    [ADDRESS] = {"address", 0, "ADDRESS", "Only with this address; 10.1.0.0/16 is a network."},
    [LEAST] = {"least", 0, "N", "Only what has so many, of whatever the question counts."},
    [LIMIT] = {"limit", 'n', "N", "No more than so many rows."},
    [SQL] = {"sql", 0, NULL, "Print the statement, and do not run it."},
    [JSON] = {"json", 0, NULL, "One JSON object a line."},
    [CSV] = {"csv", 0, NULL, "Comma-separated values, with a line of names."},
    [EVIDENCE] = {"evidence", 0, "FOLDER",
                  "Where to look for the captures besides where they were, of a case whose payload "
                  "stays in them."},
    {0},
};

static const struct question *question_find(const char *name)
{
    for (const struct question *q = questions; q->name; q++) {
        if (strcmp(q->name, name) == 0)
            return q;
    }
    return NULL;
}

static void list_questions(void)
{
    enum { NAME_WIDTH = 20 };

    for (const struct question *q = questions; q->name; q++) {
        char value[40];
        size_t len;
        const char *summary = question_summary(q, &len);
        printf("%-*s%.*s\n%*s", NAME_WIDTH, q->name, (int)len, summary, NAME_WIDTH - 1, "");
        for (int i = 0; i < PARAMETER_COUNT; i++) {
            switch (question_parameter(q, options[i].name, value, sizeof value)) {
            case PARAMETER_NEEDED:
                printf(" --%s %s", options[i].name, options[i].argument);
                break;
            case PARAMETER_FREE:
                printf(" [--%s %s]", options[i].name, *value ? value : options[i].argument);
                break;
            case PARAMETER_NONE:
                break;
            }
        }
        putchar('\n');
    }
}

/* What is bound: of what was given, or of the question's own values. */
struct asked {
    const char *given[PARAMETER_COUNT + 3]; /* names, `reference`, `all` or `some`; ended by NULL */
    size_t given_count;
    int64_t numbers[PARAMETER_COUNT]; /* all but ADDRESS */
    struct network network;
};

static bool value_read(struct asked *asked, const struct command *self, int parameter,
                       const char *value)
{
    if (parameter == ADDRESS) {
        if (network_parse(&asked->network, value))
            return true;
        usage_error(self, "'%s' is no address and no network", value);
    } else if (parameter == SINCE || parameter == UNTIL) {
        if (time_parse(&asked->numbers[parameter], value))
            return true;
        usage_error(self, "'%s' is no time: 2024-05-06, or 2024-05-06T07:08:09, in UTC", value);
    } else {
        if (integer_parse(&asked->numbers[parameter], value, 0, INT32_MAX))
            return true;
        usage_error(self, "--%s takes a number, not '%s'", options[parameter].name, value);
    }
    return false;
}

static bool asked_read(struct asked *asked, const struct command *self, const struct question *q,
                       const struct arguments *a)
{
    *asked = (struct asked){0};
    for (int i = 0; i < PARAMETER_COUNT; i++) {
        char value[40];
        enum parameter_use use = question_parameter(q, options[i].name, value, sizeof value);
        const char *word = a->options[i];
        if (word && use == PARAMETER_NONE) {
            usage_error(self, "%s has no --%s", q->name, options[i].name);
            return false;
        }
        if (!word && use == PARAMETER_NEEDED) {
            usage_error(self, "%s needs --%s %s", q->name, options[i].name, options[i].argument);
            return false;
        }
        if (word)
            asked->given[asked->given_count++] = options[i].name;
        else if (*value)
            word = value;
        if (word && !value_read(asked, self, i, word))
            return false;
    }
    return true;
}

static void bind_number(sqlite3_stmt *statement, const char *name, int64_t value)
{
    int at = sqlite3_bind_parameter_index(statement, name);
    if (at > 0)
        sqlite3_bind_int64(statement, at, value);
}

static void bind_address(sqlite3_stmt *statement, const char *name, const uint8_t address[16])
{
    int at = sqlite3_bind_parameter_index(statement, name);
    if (at > 0)
        sqlite3_bind_blob(statement, at, address, 16, SQLITE_STATIC);
}

static void bind_asked(sqlite3_stmt *statement, const struct asked *asked)
{
    bind_number(statement, ":since", asked->numbers[SINCE]);
    bind_number(statement, ":until", asked->numbers[UNTIL]);
    bind_number(statement, ":least", asked->numbers[LEAST]);
    bind_number(statement, ":limit", asked->numbers[LIMIT]);
    bind_address(statement, ":address_first", asked->network.first.bytes);
    bind_address(statement, ":address_last", asked->network.last.bytes);
}

/* The statement with what is bound in it; finalizes it. */
static enum status statement_print(sqlite3_stmt *statement, struct error *err)
{
    char *sql = sqlite3_expanded_sql(statement);

    sqlite3_finalize(statement);
    if (!sql)
        return error_no_memory(err, "printing the statement: no memory");
    size_t len = strlen(sql);
    while (len > 0 && sql[len - 1] == '\n')
        len--;
    printf("%.*s;\n", (int)len, sql);
    sqlite3_free(sql);
    return STATUS_OK;
}

/* Whether payload of the case is in its captures. */
static enum status is_by_reference(bool *is, struct reader *reader, struct error *err)
{
    sqlite3_stmt *row;
    enum status status =
        reader_prepare_own(reader, &row, "SELECT DISTINCT options FROM \"%w\".evidence", err);
    int rc = SQLITE_DONE;

    *is = false;
    if (status != STATUS_OK)
        return status;
    while (!*is && (rc = sqlite3_step(row)) == SQLITE_ROW) {
        const char *options_text = (const char *)sqlite3_column_text(row, 0);
        *is = options_text && layout_is_asked(options_text);
    }
    if (!*is && rc != SQLITE_DONE)
        status = reader_fault(reader, err);
    sqlite3_finalize(row);
    return status;
}

/* Has the captures of the case read, where the question wants that. */
static enum status allow_evidence(struct asked *asked, struct reader *reader, struct error *err)
{
    bool is;
    enum status status = is_by_reference(&is, reader, err);

    if (status == STATUS_OK && is)
        asked->given[asked->given_count++] = "reference";
    return status;
}

/* Whether all flows of the case are asked about: in the case itself, since captures are not walked. */
static void say_how_many(struct asked *asked)
{
    static const char *const less[] = {"since", "until", "address", "reference"};
    bool all = true;

    for (size_t i = 0; i < asked->given_count; i++) {
        for (size_t k = 0; k < sizeof less / sizeof *less; k++)
            all = all && strcmp(asked->given[i], less[k]) != 0;
    }
    asked->given[asked->given_count++] = all ? "all" : "some";
}

static enum status answer(struct reader *reader, const struct question *q,
                          const struct asked *asked, enum render_as form, bool print,
                          struct error *err)
{
    struct buffer sql;
    sqlite3_stmt *statement;

    buffer_init(&sql, 1 << 16);
    enum status status = question_sql(&sql, q, asked->given)
                             ? reader_prepare(reader, &statement, buffer_text(&sql), err)
                             : error_no_memory(err, "%s: no memory", q->name);
    buffer_release(&sql);
    if (status != STATUS_OK)
        return status;
    bind_asked(statement, asked);
    return print ? statement_print(statement, err) : rows_print(statement, form, err);
}

static enum exit_status ask_run(const struct command *self, const struct arguments *a)
{
    const struct question *question = NULL;
    struct asked asked = {0};
    enum render_as form;
    struct reader *reader;

    if (!form_read(&form, self, a, JSON, CSV))
        return EXIT_USAGE;
    if (a->word_count > 1) {
        question = question_find(a->words[1]);
        if (!question)
            return usage_error(self, "there is no question '%s'; seine ask CASE lists them",
                               a->words[1]);
        if (!asked_read(&asked, self, question, a))
            return EXIT_USAGE;
    }
    bool evidence = question && question_reads_evidence(question);
    if (!(evidence ? confine_to_evidence(a->words[0], NULL) &&
                         cases_open_with_evidence(&reader, a->words, 1, a->options[EVIDENCE])
                   : confine_to_cases(a->words, 1) && cases_open(&reader, a->words, 1)))
        return EXIT_WORLD;
    struct error err = {0};
    enum status status = STATUS_OK;
    if (evidence)
        status = allow_evidence(&asked, reader, &err);
    say_how_many(&asked);
    if (question && status == STATUS_OK)
        status = answer(reader, question, &asked, form, a->options[SQL] != NULL, &err);
    if (!question)
        list_questions();
    reader_close(reader);
    if (status == STATUS_OK)
        return cases_status();
    say("%s", err.text);
    return EXIT_WORLD;
}

static const char *const description[] = {
    "Answers a question that is often asked of captures: who moved the most bytes, what comes back "
    "at regular times, which ports were scanned, what was lost. Without a name it lists what it "
    "knows, each with its parameters and the values that they have when not given.",
    "Each is one SQL statement, over tables and columns that any client can read. --sql prints it, "
    "explained in its head and with the values in it: a beginning for a question of one's own.",
    NULL,
};

static const struct argument_word argument_words[] = {
    {"CASE", "A case that seine made, or a folder of slices."},
    {"QUESTION", "Its name, as the list has it."},
    {0},
};

static const struct exit_word exits[] = {
    {EXIT_DONE, "Done."},
    {EXIT_TOLD, "Done, but a slice of a folder could not be read."},
    {EXIT_USAGE, "There is no such question, or it has no such parameter."},
    {EXIT_WORLD, "The case could not be read."},
    {0},
};

static const struct example examples[] = {
    {"seine ask case.db", "What can be asked."},
    {"seine ask case.db top-talkers --since 2024-05-06T12:00", "Who moved the most since noon."},
    {"seine ask case.db spoke-with --address 10.1.0.0/16 --csv > peers.csv",
     "All who spoke with a network."},
    {"seine ask case.db beacons --sql | sqlite3 -box case.db", "The same in another client."},
    {0},
};

const struct command command_ask = {
    .name = "ask",
    .synopsis = "[OPTION]... CASE [QUESTION]",
    .summary = "answer a question that is often asked",
    .description = description,
    .arguments = argument_words,
    .options = options,
    .exits = exits,
    .examples = examples,
    .word_least = 1,
    .word_most = 2,
    .run = ask_run,
};
