/* index_command.c - seine index: indexes of a case that are built when asked for. */
#include "cli/confine.h"
#include "cli/listing.h"
#include "cli/terminal.h"
#include "cli/values.h"
#include "pipeline/evidence_file.h"
#include "search/indexes.h"
#include "search/texts.h"
#include "store/case_file.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LIST, DROP, TEXT, MEMORY, EVIDENCE };

static const struct option_word options[] = {
    [LIST] = {"list", 'l', NULL, "List the indexes that there are to build, and which are there."},
    [DROP] = {"drop", 0, NULL, "Take the named ones out again."},
    [TEXT] = {"text", 't', NULL,
              "Make an index of the words in the payload, in the file CASE.text, for seine search "
              "--text."},
    [MEMORY] = {"memory", 'm', "SIZE",
                "For sorting and pages, as 64M or 1G; 256M when not given. What does not fit is "
                "sorted in TMPDIR."},
    [EVIDENCE] = {"evidence", 0, "FOLDER",
                  "With --text: where to look for the captures besides where they were, of a case "
                  "whose payload stays in them."},
    {0},
};

enum { KINDS_MAX = 16, MEMORY_LEAST = 4 << 20 };

struct wish {
    const struct index_kind *kinds[KINDS_MAX];
    size_t count;
    size_t memory;
    bool drop;
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool wish_read(struct wish *w, const struct command *self, const struct arguments *a)
{
    *w = (struct wish){.memory = 256u << 20, .drop = a->options[DROP] != NULL};
    if (a->options[MEMORY] &&
        (!size_parse(&w->memory, a->options[MEMORY]) || w->memory < MEMORY_LEAST)) {
        usage_error(self, "--memory takes a size of at least 4M, not '%s'", a->options[MEMORY]);
        return false;
    }
    for (int i = 1; i < a->word_count; i++) {
        const struct index_kind *kind = index_find(a->words[i]);
        if (!kind) {
            usage_error(self, "there is no index '%s': --list names them", a->words[i]);
            return false;
        }
        for (size_t j = 0; j < w->count; j++)
            if (w->kinds[j] == kind)
                kind = NULL; /* named twice is named once */
        if (kind)
            w->kinds[w->count++] = kind;
    }
    return true;
}

static enum status print_list(struct reader *reader, struct error *err)
{
    static const char *const words[] = {
        [INDEX_NONE] = "-", [INDEX_THERE] = "there", [INDEX_FOREIGN] = "another"};
    enum status status = STATUS_OK;

    printf("%-14s%-9s%11s  %s\n", "index", "is", "size", "serves");
    for (const struct index_kind *kind = index_kinds; kind->name && status == STATUS_OK; kind++) {
        enum index_state state = INDEX_NONE;
        struct index_cost cost = {0};
        char size[VALUE_TEXT_MAX];
        status = index_state(&state, reader, kind, err);
        if (status == STATUS_OK)
            status = index_estimate(&cost, reader, kind, err);
        size_text(size, cost.bytes);
        if (status == STATUS_OK)
            printf("%-14s%-9s%11s  %s\n", kind->name, words[state], size, kind->serves);
    }
    struct texts_cost cost;
    enum texts_state state;
    char size[VALUE_TEXT_MAX];
    if (status == STATUS_OK)
        status = texts_state(&state, reader, err);
    if (status == STATUS_OK)
        status = texts_estimate(&cost, reader, err);
    if (status != STATUS_OK)
        return status;
    size_text(size, cost.bytes);
    printf("%-14s%-9s%11s  %s\n", "--text",
           state == TEXTS_THERE   ? "there"
           : state == TEXTS_STALE ? "old"
                                  : "-",
           size, "words in the payload, for seine search --text");
    return STATUS_OK;
}

/* Takes out of the wish what is as it should be, and says what the rest will cost. */
static enum status prepare(struct wish *w, struct reader *reader, struct error *err)
{
    size_t count = 0;

    for (size_t i = 0; i < w->count; i++) {
        const struct index_kind *kind = w->kinds[i];
        enum index_state state;
        struct index_cost cost;
        char rows[VALUE_TEXT_MAX], size[VALUE_TEXT_MAX], time[VALUE_TEXT_MAX];
        enum status status = index_state(&state, reader, kind, err);
        if (status != STATUS_OK)
            return status;
        if (state == INDEX_FOREIGN)
            return error_set(err, "%s has something else under the name of the index %s",
                             reader_path(reader), kind->name);
        if ((state == INDEX_THERE) != w->drop) {
            printf("%s: is %s\n", kind->name, w->drop ? "not there" : "there already");
            continue;
        }
        status = index_estimate(&cost, reader, kind, err);
        if (status != STATUS_OK)
            return status;
        count_text(rows, cost.rows);
        size_text(size, cost.bytes);
        duration_text(time, cost.ns);
        if (!w->drop)
            printf("%s: %s rows, about %s and %s\n", kind->name, rows, size, time);
        w->kinds[count++] = kind;
    }
    w->count = count;
    return STATUS_OK;
}

/* Those that every case has, which a kill may have kept from it. */
static enum status finish(const struct wish *w, const char *path, struct error *err)
{
    bool built;
    enum status status = case_file_index(&built, path, w->memory, err);

    if (status == STATUS_OK && (built || w->count == 0))
        printf("the usual ones: %s\n", built ? "built" : "are there already");
    return status;
}

/* One after the other: what is built stays when the next one fails, or is not waited for. */
static enum status change(const struct wish *w, const char *path, struct error *err)
{
    for (size_t i = 0; i < w->count; i++) {
        int64_t grown, began = now_ns();
        char size[VALUE_TEXT_MAX], time[VALUE_TEXT_MAX];
        fflush(stdout);
        enum status status = w->drop ? index_drop(&grown, path, &w->kinds[i], 1, err)
                                     : index_build(&grown, path, &w->kinds[i], 1, w->memory, err);
        if (status != STATUS_OK)
            return status;
        size_text(size, (uint64_t)(grown < 0 ? -grown : grown));
        duration_text(time, now_ns() - began);
        printf("%s: %s, %s in %s\n", w->kinds[i]->name, w->drop ? "dropped" : "built", size, time);
    }
    return STATUS_OK;
}

/* The index of words: made or removed. */
static enum status change_text(bool *told, struct reader *reader, const struct wish *w,
                               const char *folder, struct error *err)
{
    struct evidence_shelf *shelf;
    struct texts_cost cost;
    uint64_t count, bytes, skipped;
    char number[VALUE_TEXT_MAX], size[VALUE_TEXT_MAX], time[VALUE_TEXT_MAX];

    if (w->drop)
        return texts_drop(reader, err);
    enum status status = texts_estimate(&cost, reader, err);
    if (status != STATUS_OK)
        return status;
    size_text(number, cost.payload);
    size_text(size, cost.bytes);
    duration_text(time, cost.ns);
    printf("text: %s of payload, about %s and %s\n", number, size, time);
    fflush(stdout);
    int64_t began = now_ns();
    status = evidence_shelf_open(&shelf, reader, folder, err);
    if (status == STATUS_OK) {
        reader_set_evidence(reader, evidence_shelf_source(shelf));
        status = texts_build(&count, &bytes, &skipped, reader, w->memory, err);
    }
    evidence_shelf_close(shelf);
    if (status != STATUS_OK)
        return status;
    count_text(number, count);
    size_text(size, bytes);
    duration_text(time, now_ns() - began);
    printf("text: %s texts, %s in %s\n", number, size, time);
    *told = skipped > 0;
    count_text(number, skipped);
    if (skipped > 0)
        say("%s streams are not in it, or not whole: their captures are not there or have changed",
            number);
    return STATUS_OK;
}

static enum exit_status index_run(const struct command *self, const struct arguments *a)
{
    struct wish wish;
    struct reader *reader;
    struct error err = {0};
    if (!wish_read(&wish, self, a) || !is_one_case(self, a->words[0]))
        return EXIT_USAGE;
    bool list = a->options[LIST] != NULL, text = a->options[TEXT] != NULL, told = false;
    if (list ? wish.count > 0 || wish.drop || text : wish.count == 0 && !text && wish.drop)
        return usage_error(self, list ? "--list takes a case and nothing else"
                                      : "no index is named: --list says which there are");
    if (!confine_to_evidence(a->words[0], list ? NULL : a->words[0]) ||
        !case_open(&reader, a->words[0]))
        return EXIT_WORLD;
    enum status status = list ? print_list(reader, &err) : prepare(&wish, reader, &err);
    if (status == STATUS_OK && text)
        status = change_text(&told, reader, &wish, a->options[EVIDENCE], &err);
    reader_close(reader);
    if (status == STATUS_OK && !list && !text && !wish.drop)
        status = finish(&wish, a->words[0], &err);
    if (status == STATUS_OK && !list)
        status = change(&wish, a->words[0], &err);
    if (status == STATUS_OK)
        return told ? EXIT_TOLD : EXIT_DONE;
    say("%s", err.text);
    return EXIT_WORLD;
}

static const char *const description[] = {
    "Builds indexes beyond those that every case has, which are for flow_id, client_ip, server_ip "
    "and first_ns, so that questions by other columns are answered at once. What each will cost is "
    "said before, and what it did cost after.",
    "Without the name of an index those are built that every case has, of a case whose closing was "
    "cut short: seine summary says so.",
    "With --text a full-text index of the words in the payload is made, in a file beside the case "
    "that is named after it. It has the words and where they are, and no payload: it is of no use "
    "without the case, nor once that has been added to.",
    "An index says nothing that the rows do not: the seal is the same with and without, and seine "
    "verify proves that they agree. Each is built in one transaction, so that a kill leaves the "
    "case with it or without. Captures that are added later are entered in it.",
    NULL,
};

static const struct argument_word argument_words[] = {
    {"CASE", "A case that seine made."},
    {"INDEX", "The name of an index, as --list tells it."},
    {0},
};

static const struct exit_word exits[] = {
    {EXIT_DONE, "Done; the indexes are there, or with --drop are not."},
    {EXIT_TOLD, "The index of words lacks streams whose captures are not there."},
    {EXIT_USAGE, "The command line makes no sense, or there is no such index."},
    {EXIT_WORLD, "The case could not be read or written."},
    {0},
};

static const struct example examples[] = {
    {"seine index case.db --list", "Which there are, and how large they would be."},
    {"seine index case.db ports community-id", "Flows are found by their ports and Community ID."},
    {0},
};

const struct command command_index = {
    .name = "index",
    .synopsis = "[--list | --drop] [--text] [--memory SIZE] CASE [INDEX]...",
    .summary = "build indexes of a case, for other questions",
    .description = description,
    .arguments = argument_words,
    .options = options,
    .exits = exits,
    .examples = examples,
    .word_least = 1,
    .word_most = KINDS_MAX,
    .run = index_run,
};
