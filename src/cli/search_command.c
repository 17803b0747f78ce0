/* search_command.c - seine search: where a pattern is in the payload of a case. */
#include "cli/confine.h"
#include "cli/listing.h"
#include "cli/terminal.h"
#include "cli/values.h"
#include "pipeline/evidence_file.h"
#include "search/hits.h"
#include "search/texts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { HEX, REGEX, TEXT, IGNORE_CASE, FLOW, SIDE, LOSERS, LIMIT, JSON, CSV, EVIDENCE, LIBRARY };

static const struct option_word options[] = {
    [HEX] = {"hex", 'x', NULL, "The pattern is bytes in hexadecimal digits, as 0d0a or '0d 0a'."},
    [REGEX] = {"regex", 'E', NULL, "The pattern is a regular expression, as PCRE2 has them."},
    [TEXT] = {"text", 't', NULL,
              "The pattern is a question to the index of words that seine index --text makes, as "
              "'user AND pass*' or '\"log in\"'. Hits are the texts in which it is so."},
    [IGNORE_CASE] = {"ignore-case", 'i', NULL, "Letters of ASCII match in either case."},
    [FLOW] = {"flow", 0, "N", "Only in this conversation."},
    [SIDE] = {"side", 's', "client|server", "Only in what this side said."},
    [LOSERS] =
        {"all", 0, NULL,
         "Also in bytes that the case has beside its streams: what was refused, and what lost "
         "where segments overlapped and differed. The version of such a hit says so."},
    [LIMIT] = {"limit", 'n', "N", "At most N hits."},
    [JSON] = {"json", 0, NULL, "One JSON object a line, with more columns."},
    [CSV] = {"csv", 0, NULL, "Comma-separated values, with a line of names."},
    [EVIDENCE] = {"evidence", 0, "FOLDER",
                  "Where to look for the captures besides where they were: of a case whose payload "
                  "stays in them."},
    [LIBRARY] = {"library", 0, "hyperscan|pcre2", NULL}, /* for tests */
    {0},
};

/* What the words ask for. */
struct wish {
    bool words; /* --text */
    enum pattern_kind kind;
    enum pattern_library library;
    enum render_as form;
    struct search_options options;
    int64_t limit; /* negative is none */
};

static bool wish_read(struct wish *w, const struct command *self, const struct arguments *a)
{
    const char *flow = a->options[FLOW], *side = a->options[SIDE], *limit = a->options[LIMIT];
    const char *library = a->options[LIBRARY];

    *w = (struct wish){
        .words = a->options[TEXT] != NULL,
        .kind = a->options[HEX]     ? PATTERN_HEX
                : a->options[REGEX] ? PATTERN_REGEX
                                    : PATTERN_TEXT,
        .library = !library                        ? LIBRARY_BEST
                   : strcmp(library, "pcre2") == 0 ? LIBRARY_PCRE2
                                                   : LIBRARY_HYPERSCAN,
        .options = {.flow_id = -1, .side = -1, .losers = a->options[LOSERS] != NULL},
        .limit = -1,
    };
    if (!!a->options[HEX] + !!a->options[REGEX] + !!a->options[TEXT] > 1) {
        usage_error(self, "a pattern is one of --hex, --regex and --text, not two");
        return false;
    }
    if (w->words && (a->options[IGNORE_CASE] || flow || side || a->options[LOSERS])) {
        usage_error(self, "--text finds words in either case, everywhere");
        return false;
    }
    if (flow && !integer_parse(&w->options.flow_id, flow, 0, INT64_MAX / 4)) {
        usage_error(self, "a flow is a number, as seine flows lists them, not '%s'", flow);
        return false;
    }
    if (limit && !integer_parse(&w->limit, limit, 0, INT64_MAX)) {
        usage_error(self, "--limit takes a number, not '%s'", limit);
        return false;
    }
    if (side)
        w->options.side = strcmp(side, "server") == 0;
    return form_read(&w->form, self, a, JSON, CSV);
}

/* Prints the hits. */
static enum status print_hits(uint64_t *count, struct reader *reader,
                              const struct hits_source *source, const struct wish *w,
                              struct error *err)
{
    static const char short_sql[] =
        "SELECT h.stream_id AS stream, h.stream_id / 2 AS flow, s.side AS side,"
        " f.protocol AS proto, " SQL_CLIENT " AS client, " SQL_SERVER " AS server,"
        " h.position AS position, h.evidence_id AS evidence, h.frame AS frame, ";
    static const char version_sql[] = "h.version AS version, ";
    static const char excerpt_sql[] = "CAST(h.excerpt AS TEXT) AS excerpt";
    static const char long_sql[] =
        "SELECT h.stream_id, f.flow_id, s.side, f.protocol, f.client_ip, f.client_port,"
        " f.server_ip, f.server_port, h.position, h.length, h.version, h.evidence_id, h.frame,"
        " h.time_ns, h.excerpt_position, CAST(h.excerpt AS TEXT) AS excerpt,"
        " h.excerpt AS excerpt_bytes";
    static const char from_sql[] = " FROM search_hits AS h"
                                   " LEFT JOIN main.streams AS s ON s.stream_id = h.stream_id"
                                   " LEFT JOIN main.flows AS f ON f.flow_id = s.flow_id LIMIT ?1";
    const struct render_options render_options = {.wide = isatty(STDOUT_FILENO) == 0};
    char sql[2048];
    struct hits *hits;
    sqlite3_stmt *statement = NULL;

    bool is_short = w->form == RENDER_TABLE;
    snprintf(sql, sizeof sql, "%s%s%s%s", is_short ? short_sql : long_sql,
             is_short && w->options.losers ? version_sql : "", is_short ? excerpt_sql : "",
             from_sql);
    enum status status = hits_open(&hits, reader, source, err);
    if (status == STATUS_OK)
        status = reader_prepare(reader, &statement, sql, err);
    if (status == STATUS_OK) {
        sqlite3_bind_int64(statement, 1, w->limit);
        status = render(stdout, statement, w->form, &render_options, count, err);
    }
    sqlite3_finalize(statement);
    hits_close(hits);
    return status;
}

/* How many bytes the case knows to be missing, where the search went. */
static enum status count_missing(uint64_t *missing, struct reader *reader, const struct wish *w,
                                 struct error *err)
{
    sqlite3_stmt *row;
    int64_t flow_id = w->options.flow_id, side = w->options.side;
    enum status status = reader_prepare(
        reader, &row,
        "SELECT CAST(total(missing + truncated + missing_tail) AS INTEGER) FROM main.streams"
        " WHERE (?1 < 0 OR stream_id BETWEEN 2 * ?1 AND 2 * ?1 + 1)"
        " AND (?2 < 0 OR (stream_id & 1) = ?2)",
        err);

    *missing = 0;
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(row, 1, flow_id);
    sqlite3_bind_int64(row, 2, side);
    if (sqlite3_step(row) == SQLITE_ROW)
        *missing = (uint64_t)sqlite3_column_int64(row, 0);
    else
        status = error_set(err, "%s: %s", reader_path(reader), sqlite3_errmsg(reader_db(reader)));
    sqlite3_finalize(row);
    return status;
}

/* Says what was searched, where nothing was found or not all could be. */
static enum exit_status print_sums(const struct search *search, uint64_t count, uint64_t missing)
{
    const struct search_sums *sums = search_sums(search);
    char bytes[VALUE_TEXT_MAX], without[VALUE_TEXT_MAX], given_up[VALUE_TEXT_MAX];

    count_text(bytes, sums->bytes + sums->lost_bytes);
    count_text(without, missing);
    count_text(given_up, sums->given_up);
    if (sums->given_up > 0)
        say("%s streams or segments were not searched to their end; the first: %s", given_up,
            search_first_reason(search));
    if (count == 0 && missing > 0)
        say("nothing found in %s bytes; %s more are missing from what was captured", bytes,
            without);
    else if (count == 0)
        say("nothing found in %s bytes", bytes);
    return count == 0 || sums->given_up > 0 ? EXIT_TOLD : EXIT_DONE;
}

static enum status next_of_search(void *context, struct search_hit *hit, struct error *err)
{
    return search_next(context, hit, err);
}

static enum status next_of_texts(void *context, struct search_hit *hit, struct error *err)
{
    return texts_next(context, hit, err);
}

static enum status search_words(enum exit_status *exit_status, struct reader *reader,
                                const char *query, const struct wish *w, struct error *err)
{
    struct texts *texts;
    uint64_t count = 0;
    enum status status = texts_open(&texts, reader, query, err);

    if (status == STATUS_OK)
        status = print_hits(&count, reader, &(struct hits_source){next_of_texts, texts}, w, err);
    uint64_t lacking = status == STATUS_OK ? texts_lacking(texts) : 0;
    texts_close(texts);
    if (status == STATUS_OK && count == 0)
        say("nothing found among the words of the case");
    if (lacking > 0) {
        char text[VALUE_TEXT_MAX];
        count_text(text, lacking);
        say("the index lacks %s streams, or parts of them, whose captures were not there when it "
            "was "
            "made",
            text);
    }
    *exit_status = count == 0 || lacking > 0 ? EXIT_TOLD : EXIT_DONE;
    return status;
}

static enum status search_case(enum exit_status *exit_status, struct reader *reader,
                               struct pattern *pattern, const struct wish *w, struct error *err)
{
    struct search *search;
    uint64_t count = 0, missing = 0;
    enum status status = search_open(&search, reader, pattern, &w->options, err);

    if (status == STATUS_OK)
        status = print_hits(&count, reader, &(struct hits_source){next_of_search, search}, w, err);
    if (status == STATUS_OK && count == 0)
        status = count_missing(&missing, reader, w, err);
    if (status == STATUS_OK)
        *exit_status = w->limit == 0 ? EXIT_DONE : print_sums(search, count, missing);
    search_close(search);
    return status;
}

static enum exit_status search_run(const struct command *self, const struct arguments *a)
{
    struct wish wish;
    struct reader *reader;
    struct pattern *pattern = NULL;
    struct error err = {0};
    if (!wish_read(&wish, self, a) || !is_one_case(self, a->words[0]))
        return EXIT_USAGE;
    if (!wish.words &&
        pattern_compile(&pattern, a->words[1], wish.kind, a->options[IGNORE_CASE] != NULL,
                        wish.library, &err) != STATUS_OK) {
        say("search: %s", err.text);
        return err.no_memory ? EXIT_WORLD : EXIT_USAGE;
    }
    enum exit_status exit_status = EXIT_WORLD;
    if (confine_to_evidence(a->words[0], NULL) && case_open(&reader, a->words[0])) {
        struct evidence_shelf *shelf;
        enum status status = evidence_shelf_open(&shelf, reader, a->options[EVIDENCE], &err);
        if (status == STATUS_OK) {
            reader_set_evidence(reader, evidence_shelf_source(shelf));
            status = wish.words ? search_words(&exit_status, reader, a->words[1], &wish, &err)
                                : search_case(&exit_status, reader, pattern, &wish, &err);
        }
        if (status != STATUS_OK) {
            say("%s", err.text);
            exit_status = EXIT_WORLD;
        }
        evidence_shelf_close(shelf);
        reader_close(reader);
    }
    pattern_free(pattern);
    return exit_status;
}

static const char *const description[] = {
    "Finds a pattern in the payload of a case: in streams as they were rebuilt, however their "
    "bytes came in segments and lie in chunks. A hit is told with its stream, its position there, "
    "the evidence and frame that brought its first byte, and an excerpt in which what cannot be "
    "printed is escaped. What is missing is never bridged: no hit reaches over a gap. Hits do not "
    "overlap. Datagrams of a conversation are one stream, and a hit may reach from one into the "
    "next.",
    "Searched are the bytes that the case keeps: of each position the first that was accepted. "
    "With --all also those that lost, between the kept bytes around them, and segments that were "
    "refused.",
    "A regular expression is PCRE2's, over bytes: . is any byte but a line feed, (?s) makes it "
    "any, \\xNN names one. ^ and $ match at the ends of a stream, and at gaps; with (?m) at lines. "
    "A match longer than 64 KiB may be told only up to there, or not at all. An expression that "
    "takes more than ten million steps for one match is given up for that stream, which is said at "
    "the end.",
    "With --text words are looked up in the index that seine index --text made. They are whole "
    "words, in either case and without accents; AND, OR, NOT, NEAR() and word* are FTS5's. The "
    "position is that of the text in which they are, which has at most 1 KiB.",
    "Hits come as they are found: those of a stream in the order of their positions, streams as "
    "their payload lies in the case.",
    NULL,
};

static const struct argument_word argument_words[] = {
    {"CASE", "A case that seine made."},
    {"PATTERN", "What is searched for: text, unless an option says otherwise."},
    {0},
};

static const struct exit_word exits[] = {
    {EXIT_DONE, "Something was found."},
    {EXIT_TOLD, "Nothing was found, or a stream could not be searched to its end."},
    {EXIT_USAGE, "The command line or the pattern makes no sense."},
    {EXIT_WORLD, "The case could not be read."},
    {0},
};

static const struct example examples[] = {
    {"seine search case.db 'USER anonymous'", "Who logged in so."},
    {"seine search case.db --hex 504b0304 --json", "Where a ZIP archive begins."},
    {"seine search case.db --regex '(?i)^authorization: basic .*' --limit 10",
     "The first ten such lines at the beginning of a stream."},
    {0},
};

const struct command command_search = {
    .name = "search",
    .synopsis = "[--hex|--regex|--text] [OPTION]... CASE PATTERN",
    .summary = "find a pattern in the payload of a case",
    .description = description,
    .arguments = argument_words,
    .options = options,
    .exits = exits,
    .examples = examples,
    .word_least = 2,
    .word_most = 2,
    .run = search_run,
};
