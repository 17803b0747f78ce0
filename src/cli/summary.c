/* summary.c - seine summary: what is in a case, on a page. */
#include "cli/listing.h"

#include "base/buffer.h"
#include "base/escape.h"
#include "cli/confine.h"
#include "cli/terminal.h"
#include "cli/values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JSON };

static const struct option_word options[] = {
    [JSON] = {"json", 0, NULL, "One JSON object instead of the page."},
    {0},
};

/* What comes under a heading; left out when it has no rows. */
struct section {
    const char *heading;
    const char *any; /* SQL: a row when the section has something to say */
    const char *sql;
};

static const struct section sections[] = {
    {"Evidence", "SELECT 1 FROM evidence",
     "SELECT evidence_id AS id, source, format, bytes, frames, evidence_status(status) AS status"
     "  FROM evidence ORDER BY evidence_id"},
    {"Frames", "SELECT 1 FROM verdicts",
     "SELECT verdict, sum(frames) AS frames, sum(bytes) AS bytes FROM verdicts"
     " GROUP BY verdict ORDER BY 2 DESC, 1"},
    {"Flows", "SELECT 1 FROM flows",
     "SELECT protocol, count(*) AS flows, sum(client_packets + server_packets) AS packets,"
     "       sum(client_bytes) AS client_bytes, sum(server_bytes) AS server_bytes"
     "  FROM flows GROUP BY protocol ORDER BY 2 DESC, 1"},
    {"Streams", "SELECT 1 FROM streams",
     "SELECT verdict, count(*) AS streams, sum(stored) AS stored,"
     "       sum(missing + missing_tail) AS missing, sum(truncated) AS truncated,"
     "       sum(conflicted) AS conflicted"
     "  FROM streams GROUP BY verdict ORDER BY 2 DESC, 1"},
    {"What is missing", "SELECT 1 FROM gaps",
     "SELECT cause, count(*) AS gaps, sum(length) AS bytes FROM gaps"
     " GROUP BY cause ORDER BY 3 DESC, 1"},
    {"Oddities", "SELECT 1 FROM oddities",
     "SELECT kind, sum(count) AS count, count(DISTINCT flow_id) AS flows,"
     "       min(frame) AS first_frame"
     "  FROM oddities GROUP BY kind ORDER BY 2 DESC, 1"},
    {"The largest conversations", "SELECT 1 FROM flows",
     "SELECT f.flow_id AS flow, f.protocol AS proto, " SQL_CLIENT " AS client, " SQL_SERVER
     " AS server, f.client_bytes AS client_bytes, f.server_bytes AS server_bytes, " SQL_TIME(
         "f.first_ns") " AS start_utc"
                       "  FROM flows AS f"
                       " ORDER BY f.client_bytes + f.server_bytes DESC, f.flow_id LIMIT 10"},
};

/* The same as one object. */
static const char json_sql[] =
    "SELECT json_object("
    "'lost', (SELECT json_group_array(json_object('evidence_id', evidence_id,"
    " 'interface_id', interface_id, 'received', received, 'dropped_by_system', by_system,"
    " 'dropped_by_interface', by_interface)) FROM (SELECT evidence_id, interface_id,"
    "  max(received) AS received, coalesce(max(dropped_by_system), 0) AS by_system,"
    "  coalesce(max(dropped_by_interface), 0) AS by_interface FROM capture_stats"
    "  GROUP BY evidence_id, interface_id) WHERE by_system + by_interface > 0),"
    "'evidence', (SELECT json_group_array(json_object('evidence_id', evidence_id, 'source', source,"
    " 'kind', kind, 'format', format, 'bytes', bytes, 'sha256', sha256, 'frames', frames,"
    " 'first_ns', first_ns, 'last_ns', last_ns, 'status', evidence_status(status))) FROM evidence),"
    "'first_ns', (SELECT min(first_ns) FROM evidence),"
    "'last_ns', (SELECT max(last_ns) FROM evidence),"
    "'verdicts', (SELECT json_group_object(verdict, n) FROM"
    " (SELECT verdict, sum(frames) AS n FROM verdicts GROUP BY verdict)),"
    "'flows', (SELECT json_group_object(protocol, json_object('flows', n, 'packets', packets,"
    " 'client_bytes', client_bytes, 'server_bytes', server_bytes)) FROM"
    " (SELECT protocol, count(*) AS n, sum(client_packets + server_packets) AS packets,"
    "  sum(client_bytes) AS client_bytes, sum(server_bytes) AS server_bytes"
    "  FROM flows GROUP BY protocol)),"
    "'streams', (SELECT json_group_object(verdict, json_object('streams', n, 'stored', stored,"
    " 'missing', missing, 'missing_tail', tail, 'truncated', truncated, 'conflicted', conflicted))"
    " FROM (SELECT verdict, count(*) AS n, sum(stored) AS stored, sum(missing) AS missing,"
    "  sum(missing_tail) AS tail, sum(truncated) AS truncated, sum(conflicted) AS conflicted"
    "  FROM streams GROUP BY verdict)),"
    "'gaps', (SELECT json_group_object(cause, json_object('gaps', n, 'bytes', bytes)) FROM"
    " (SELECT cause, count(*) AS n, sum(length) AS bytes FROM gaps GROUP BY cause)),"
    "'oddities', (SELECT json_group_object(kind, n) FROM"
    " (SELECT kind, sum(count) AS n FROM oddities GROUP BY kind)),"
    "'largest', (SELECT json_group_array(json_object('flow_id', flow_id, 'protocol', protocol,"
    " 'client_ip', client_ip, 'client_port', client_port, 'server_ip', server_ip,"
    " 'server_port', server_port, 'client_bytes', client_bytes, 'server_bytes', server_bytes,"
    " 'first_ns', first_ns)) FROM"
    " (SELECT * FROM flows ORDER BY client_bytes + server_bytes DESC, flow_id LIMIT 10)))";

/* SQL function: what the reader says of evidence.status. */
static void evidence_status(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    const char *status = (const char *)sqlite3_value_text(values[0]);
    struct reader *reader = sqlite3_user_data(context);
    sqlite3_result_text(context, status ? reader_evidence_status(reader, status) : "unknown", -1,
                        SQLITE_TRANSIENT);
}

/* JSON text from SQLite: only strings hold what is not plain, and there \uNNNN says the same. */
static void print_json(const char *text)
{
    struct span rest = span_of(text, strlen(text));
    while (rest.len > 0) {
        const uint8_t *at = rest.data;
        uint32_t code;
        if (!utf8_take(&rest, &code))
            fputs("\\ufffd", stdout);
        else if (is_control(code))
            printf("\\u%04x", (unsigned)code); /* all of them are below U+10000 */
        else
            fwrite(at, 1, (size_t)(rest.data - at), stdout);
    }
    putchar('\n');
}

static enum status summary_json(struct reader *reader, struct error *err)
{
    sqlite3_stmt *statement;
    enum status status = reader_prepare(reader, &statement, json_sql, err);
    if (status != STATUS_OK)
        return status;
    const char *text = NULL;
    if (sqlite3_step(statement) == SQLITE_ROW)
        text = (const char *)sqlite3_column_text(statement, 0);
    if (text)
        print_json(text);
    else
        status = error_set(err, "%s: %s", reader_path(reader), sqlite3_errmsg(reader_db(reader)));
    sqlite3_finalize(statement);
    return status;
}

/* Ends a statement; its last step may have failed, which is not the same as having no rows. */
static enum status statement_end(struct reader *reader, sqlite3_stmt *statement, struct error *err)
{
    if (sqlite3_finalize(statement) != SQLITE_OK)
        return error_set(err, "%s: %s", reader_path(reader), sqlite3_errmsg(reader_db(reader)));
    return STATUS_OK;
}

/* Whether some evidence is not whole; each such row is a line, before all else. */
static enum status print_warnings(struct reader *reader, bool *told, bool print, struct error *err)
{
    sqlite3_stmt *statement;
    enum status status = reader_prepare(reader, &statement,
                                        "SELECT evidence_id, source, evidence_status(status)"
                                        "  FROM evidence ORDER BY evidence_id",
                                        err);
    if (status != STATUS_OK)
        return status;
    bool colours = terminal_colours(stdout);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        const char *source = (const char *)sqlite3_column_text(statement, 1);
        const char *is = (const char *)sqlite3_column_text(statement, 2);
        if (!is || strcmp(is, "complete") == 0)
            continue;
        bool being_written = strcmp(is, "open") == 0;
        *told = *told || !being_written;
        if (!print)
            continue;
        printf("%sevidence %d, ", colour_start(COLOUR_WARNING, colours),
               sqlite3_column_int(statement, 0));
        print_escaped(stdout, source ? source : "?");
        fputs(" is ", stdout);
        print_escaped(stdout, being_written ? "being written" : is);
        printf("%s\n", colour_end(colours));
    }
    return statement_end(reader, statement, err);
}

/* What a kill leaves that no row says: a case in which nothing is yet, and one that is whole but for its indexes. Not of one
 * that is being written, nor of a folder: there the next run sees to them. */
static enum status print_unfinished(struct reader *reader, bool *told, bool print,
                                    struct error *err)
{
    sqlite3_stmt *statement;
    bool is_empty = false, has_indexes = true;

    if (strcmp(reader_evidence_status(reader, "open"), "interrupted") != 0)
        return STATUS_OK;
    enum status status = reader_prepare(
        reader, &statement,
        "SELECT NOT EXISTS (SELECT 1 FROM runs),"
        " EXISTS (SELECT 1 FROM evidence WHERE status = 'open') OR"
        " EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = 'flows_first_ns')",
        err);
    if (status != STATUS_OK)
        return status;
    if (sqlite3_step(statement) == SQLITE_ROW) {
        is_empty = sqlite3_column_int(statement, 0) != 0;
        has_indexes = sqlite3_column_int(statement, 1) != 0;
    }
    status = statement_end(reader, statement, err);
    if (status != STATUS_OK || (!is_empty && has_indexes))
        return status;
    *told = true;
    if (!print)
        return STATUS_OK;
    const bool colours = terminal_colours(stdout);
    fputs(colour_start(COLOUR_WARNING, colours), stdout);
    fputs(is_empty ? "its run is interrupted: it was ended before anything was stored here"
                   : "it has no indexes yet, since whoever closed it was ended before its time: "
                     "seine index builds them, or the next run into its folder",
          stdout);
    printf("%s\n", colour_end(colours));
    return STATUS_OK;
}

/* Of each piece of evidence what its capturing side lost: counters are cumulative, so the highest count. A case
 * from before `shed` was a column has nothing shed. */
#define LOSS_SQL(SHED)                                                                          \
    "SELECT evidence_id, source, sum(received) AS received, sum(by_system) AS by_system,"       \
    " sum(by_interface) AS by_interface, max(by_backlog) AS by_backlog, sum(shed) AS shed FROM" \
    " (SELECT evidence_id, max(received) AS received,"                                          \
    "  coalesce(max(dropped_by_system), 0) AS by_system,"                                       \
    "  coalesce(max(dropped_by_interface), 0) AS by_interface, " SHED " FROM capture_stats"     \
    "  GROUP BY evidence_id, interface_id) JOIN evidence USING (evidence_id)"                   \
    " GROUP BY evidence_id HAVING by_system + by_interface + by_backlog + shed > 0"
static const char loss_sql[] = LOSS_SQL("coalesce(max(dropped_by_backlog), 0) AS by_backlog,"
                                        " coalesce(max(shed), 0) AS shed");
static const char old_loss_sql[] = LOSS_SQL("0 AS by_backlog, 0 AS shed");

/* Whether the case has a column for what was shed. */
static enum status knows_shed(struct reader *reader, bool *knows, struct error *err)
{
    sqlite3_stmt *statement;
    enum status status =
        reader_prepare(reader, &statement,
                       "SELECT 1 FROM pragma_table_info('capture_stats') WHERE name = 'shed'", err);
    if (status != STATUS_OK)
        return status;
    *knows = sqlite3_step(statement) == SQLITE_ROW;
    return statement_end(reader, statement, err);
}

/* "1,234 frames" */
static void print_frames(sqlite3_stmt *row, int column)
{
    char text[VALUE_TEXT_MAX];
    const int64_t count = sqlite3_column_int64(row, column);

    count_text(text, count > 0 ? (uint64_t)count : 0);
    printf("%s frame%s", text, count == 1 ? "" : "s");
}

/* One line of what was lost of a piece of evidence. */
static void print_loss(sqlite3_stmt *row)
{
    static const struct {
        int column;
        const char *what;
    } losses[] = {{3, "lost, since they were not read in time"},
                  {4, "lost by the interface"},
                  {5, "lost between interface and reader, by this or another interface"},
                  {6, "read, and their payload not kept"}};
    const bool colours = terminal_colours(stdout);
    const char *source = (const char *)sqlite3_column_text(row, 1), *comma = " ";

    printf("%sevidence %d, ", colour_start(COLOUR_WARNING, colours), sqlite3_column_int(row, 0));
    print_escaped(stdout, source ? source : "?");
    fputs(": of ", stdout);
    print_frames(row, 2);
    for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
        if (sqlite3_column_int64(row, losses[i].column) <= 0)
            continue;
        fputs(comma, stdout);
        print_frames(row, losses[i].column);
        printf(" %s", losses[i].what);
        comma = "; ";
    }
    printf("%s\n", colour_end(colours));
}

/* What was lost comes before all that was found. */
static enum status print_losses(struct reader *reader, bool *told, bool print, struct error *err)
{
    sqlite3_stmt *statement;
    bool knows = false;
    enum status status = knows_shed(reader, &knows, err);

    if (status == STATUS_OK)
        status = reader_prepare(reader, &statement, knows ? loss_sql : old_loss_sql, err);
    if (status != STATUS_OK)
        return status;
    while (sqlite3_step(statement) == SQLITE_ROW) {
        *told = true;
        if (print)
            print_loss(statement);
    }
    return statement_end(reader, statement, err);
}

static enum status print_range(struct reader *reader, struct error *err)
{
    sqlite3_stmt *statement;
    enum status status = reader_prepare(
        reader, &statement, "SELECT min(first_ns), max(last_ns), sum(frames) FROM evidence", err);
    if (status != STATUS_OK)
        return status;
    fputs("case  ", stdout);
    print_escaped(stdout, reader_path(reader));
    putchar('\n');
    if (sqlite3_step(statement) == SQLITE_ROW &&
        sqlite3_column_type(statement, 0) == SQLITE_INTEGER) {
        char first[VALUE_TEXT_MAX], last[VALUE_TEXT_MAX], lasts[VALUE_TEXT_MAX];
        int64_t first_ns = sqlite3_column_int64(statement, 0);
        int64_t last_ns = sqlite3_column_int64(statement, 1), length_ns;
        time_text(first, first_ns);
        time_text(last, last_ns);
        if (__builtin_sub_overflow(last_ns, first_ns, &length_ns))
            length_ns = INT64_MAX;
        duration_text(lasts, length_ns);
        printf("time  %s to %s (%s)\n", first, last, lasts);
    }
    return statement_end(reader, statement, err);
}

static enum status print_section(struct reader *reader, const struct section *section,
                                 struct error *err)
{
    sqlite3_stmt *statement;
    enum status status = reader_prepare(reader, &statement, section->any, err);
    if (status != STATUS_OK)
        return status;
    bool any = sqlite3_step(statement) == SQLITE_ROW;
    status = statement_end(reader, statement, err);
    if (status != STATUS_OK || !any)
        return status;
    status = reader_prepare(reader, &statement, section->sql, err);
    if (status != STATUS_OK)
        return status;
    bool colours = terminal_colours(stdout);
    printf("\n%s%s%s\n", colour_start(COLOUR_BOLD, colours), section->heading, colour_end(colours));
    return rows_print(statement, RENDER_TABLE, err);
}

enum exit_status summary_print(const char *case_path, bool json)
{
    struct reader *reader;
    char *path = strdup(case_path); /* as words come */
    if (!path) {
        say("%s: no memory for a summary", case_path);
        return EXIT_WORLD;
    }
    bool open = cases_open(&reader, &path, 1);
    free(path);
    if (!open)
        return EXIT_WORLD;
    struct error err = {0};
    bool told = false;
    enum status status = STATUS_OK;
    if (sqlite3_create_function(reader_db(reader), "evidence_status", 1,
                                SQLITE_UTF8 | SQLITE_DIRECTONLY, reader, evidence_status, NULL,
                                NULL) != SQLITE_OK)
        status = error_no_memory(&err, "%s: no memory for a summary", case_path);
    if (status == STATUS_OK)
        status = print_losses(reader, &told, !json, &err);
    if (status == STATUS_OK)
        status = print_warnings(reader, &told, !json, &err);
    if (status == STATUS_OK)
        status = print_unfinished(reader, &told, !json, &err);
    if (status == STATUS_OK && json) {
        status = summary_json(reader, &err);
    } else if (status == STATUS_OK) {
        status = print_range(reader, &err);
        for (size_t i = 0; status == STATUS_OK && i < sizeof sections / sizeof sections[0]; i++)
            status = print_section(reader, &sections[i], &err);
    }
    reader_close(reader);
    if (status != STATUS_OK) {
        say("%s", err.text);
        return EXIT_WORLD;
    }
    return told ? EXIT_TOLD : cases_status();
}

static enum exit_status summary_run(const struct command *self, const struct arguments *a)
{
    (void)self;
    if (!confine_to_cases(a->words, 1))
        return EXIT_WORLD;
    return summary_print(a->words[0], a->options[JSON] != NULL);
}

static const char *const description[] = {
    "Says what is in a case: what was lost while it was captured, which captures it was made from "
    "and whether they were whole, the time "
    "they cover, what became of their frames, the conversations by protocol, how many streams are "
    "complete and what the others lack, what was odd, and the largest conversations.",
    "Of a folder of slices it says the same of all of them together, and reads all of them for "
    "that.",
    NULL,
};

static const struct argument_word argument_words[] = {
    {"CASE", "A case that seine made, or a folder of slices."},
    {0},
};

static const struct exit_word exits[] = {
    {EXIT_DONE, "Done."},
    {EXIT_TOLD, "Done, but a capture was cut off or lost frames, a run was interrupted, or a slice "
                "could not be "
                "read."},
    {EXIT_USAGE, "The command line makes no sense."},
    {EXIT_WORLD, "The case could not be read."},
    {0},
};

static const struct example examples[] = {
    {"seine summary --json case.db | jq .oddities", "What was odd, for a program."},
    {0},
};

const struct command command_summary = {
    .name = "summary",
    .synopsis = "[--json] CASE",
    .summary = "say what is in a case, on a page",
    .description = description,
    .arguments = argument_words,
    .options = options,
    .exits = exits,
    .examples = examples,
    .word_least = 1,
    .word_most = 1,
    .run = summary_run,
};
