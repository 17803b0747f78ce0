/* follow.c - seine follow: what the two sides of a flow said, in turns. */
#include "cli/commands.h"

#include "cli/confine.h"
#include "cli/conversation.h"
#include "cli/listing.h"
#include "cli/terminal.h"
#include "cli/transcript.h"
#include "cli/values.h"
#include "pipeline/evidence_file.h"
#include "store/folder.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SIDE, AS, POLICY, EVIDENCE };

static const struct option_word options[] = {
    [SIDE] = {"side", 's', "client|server", "Only what this side said, front to end."},
    [AS] = {"as", 'a', "text|hex|raw",
            "text, the default: lines, with what cannot be printed escaped. hex: a dump with "
            "positions. raw: the bytes and nothing else."},
    [POLICY] = {"policy", 0, "NAME",
                "Where segments overlapped and differed: shows what a receiver with this overlap "
                "policy has, first, last, bsd, linux, windows, solaris or another that seine "
                "ingest knows. When not given, that of the ingest."},
    [EVIDENCE] = {"evidence", 0, "FOLDER",
                  "Where to look for the captures besides where they were: of a case whose payload "
                  "stays in them."},
    {0},
};

/* What the words ask for. */
struct wish {
    int64_t flow_id;
    enum transcript_form form;
    const char *side;            /* or NULL for both */
    const struct policy *policy; /* or NULL for that of the ingest */
};

static bool wish_read(struct wish *w, const struct command *self, const struct arguments *a)
{
    const char *as = a->options[AS] ? a->options[AS] : "text";
    *w = (struct wish){.side = a->options[SIDE]};
    w->form = strcmp(as, "raw") == 0 ? AS_RAW : strcmp(as, "hex") == 0 ? AS_HEX : AS_TEXT;
    if (!integer_parse(&w->flow_id, a->words[1], 0, INT64_MAX)) {
        usage_error(self, "a flow is a number, as seine flows lists them, not '%s'", a->words[1]);
        return false;
    }
    w->policy = a->options[POLICY] ? policy_find(a->options[POLICY]) : NULL;
    if (a->options[POLICY] && !w->policy) {
        usage_error(self, "there is no policy '%s'", a->options[POLICY]);
        return false;
    }
    if (w->form == AS_RAW && isatty(STDOUT_FILENO)) {
        usage_error(self, "raw bytes can harm a terminal: send them to a file or a pipe");
        return false;
    }
    return true;
}

/* Who talks; printed before the conversation unless that is raw. STATUS_FAILED: no such flow. */
static enum status print_flow(struct reader *reader, const struct wish *w, struct error *err)
{
    sqlite3_stmt *statement;
    enum status status =
        reader_prepare(reader, &statement,
                       "SELECT f.protocol, " SQL_CLIENT ", " SQL_SERVER ", f.client_guessed"
                       "  FROM flows AS f WHERE f.flow_id = ?1",
                       err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(statement, 1, w->flow_id);
    int result = sqlite3_step(statement);
    if (result == SQLITE_DONE) {
        status = error_set(err, "%s: there is no flow %" PRId64, reader_path(reader), w->flow_id);
    } else if (result != SQLITE_ROW) {
        status = error_set(err, "%s: %s", reader_path(reader), sqlite3_errmsg(reader_db(reader)));
    } else if (w->form != AS_RAW) {
        static const char *const before[] = {", ", ": client ", ", server "};
        printf("[flow %" PRId64, w->flow_id);
        for (int column = 0; column < 3; column++) {
            const char *text = (const char *)sqlite3_column_text(statement, column);
            fputs(before[column], stdout);
            print_escaped(stdout, text ? text : "?");
        }
        puts(sqlite3_column_int(statement, 3) ? "; who is the client is a guess]" : "]");
    }
    sqlite3_finalize(statement);
    return status;
}

/* The flow's streams, of the sides that are wished for; negative where there is none. */
static enum status streams_find(int64_t ids[SIDE_COUNT], struct reader *reader,
                                const struct wish *w, struct error *err)
{
    sqlite3_stmt *statement;
    ids[BY_CLIENT] = ids[BY_SERVER] = -1;
    enum status status =
        reader_prepare(reader, &statement,
                       "SELECT stream_id, stream_id & 1 FROM streams"
                       " WHERE stream_id IN (?1, ?1 + 1) AND (?2 IS NULL OR side = ?2)",
                       err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(statement, 1, (int64_t)((uint64_t)w->flow_id * 2));
    if (w->side)
        sqlite3_bind_text(statement, 2, w->side, -1, SQLITE_STATIC);
    int result;
    while ((result = sqlite3_step(statement)) == SQLITE_ROW)
        ids[sqlite3_column_int(statement, 1) & 1] = sqlite3_column_int64(statement, 0);
    if (result != SQLITE_DONE)
        status = error_set(err, "%s: %s", reader_path(reader), sqlite3_errmsg(reader_db(reader)));
    sqlite3_finalize(statement);
    return status;
}

/* Whether the flow's datagrams are a tunnel's outside. Not in a case that does not know of such. */
static bool carries_others(struct reader *reader, int64_t flow_id)
{
    struct error ignored;
    sqlite3_stmt *statement;

    if (reader_prepare(reader, &statement,
                       "SELECT 1 FROM flows WHERE flow_id = ?1"
                       " AND client_carried + server_carried > 0",
                       &ignored) != STATUS_OK)
        return false;
    sqlite3_bind_int64(statement, 1, flow_id);
    const bool carries = sqlite3_step(statement) == SQLITE_ROW;
    sqlite3_finalize(statement);
    return carries;
}

/* Of a flow without streams: whether there was no payload, or it is not kept, as that of SCTP. */
static enum status print_nothing(bool *not_kept, struct reader *reader, const struct wish *w,
                                 struct error *err)
{
    sqlite3_stmt *statement;
    enum status status =
        reader_prepare(reader, &statement,
                       "SELECT 1 FROM flows WHERE flow_id = ?1 AND protocol = 'sctp'"
                       " AND (client_bytes > 0 OR server_bytes > 0)",
                       err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(statement, 1, w->flow_id);
    *not_kept = sqlite3_step(statement) == SQLITE_ROW;
    sqlite3_finalize(statement);
    if (!*not_kept && w->form != AS_RAW)
        puts(carries_others(reader, w->flow_id) ? "[no payload but the packets of other flows]"
                                                : "[no payload]");
    return STATUS_OK;
}

/* Says by which policy a side is shown, where that is not `first`. */
static enum status print_policies(struct reader *reader, const int64_t ids[SIDE_COUNT],
                                  const struct wish *w, struct error *err)
{
    static const char *const names[SIDE_COUNT] = {[BY_CLIENT] = "client", [BY_SERVER] = "server"};
    enum status status = STATUS_OK;

    for (int side = 0; side < SIDE_COUNT && status == STATUS_OK && w->form != AS_RAW; side++) {
        const struct policy *policy = w->policy;
        if (ids[side] >= 0 && !policy)
            status = view_policy(&policy, reader, ids[side], err);
        if (ids[side] >= 0 && status == STATUS_OK && policy != policy_at(0))
            printf("[%s: policy %s]\n", names[side], policy->name);
    }
    return status;
}

/* All of the conversation. `*missing` is how many bytes its gaps have. */
static enum status conversation_print(uint64_t *missing, struct reader *reader,
                                      const int64_t ids[SIDE_COUNT], const struct wish *w,
                                      struct error *err)
{
    enum transcript_form form = w->form;
    struct conversation *conversation;
    enum status status = conversation_open(&conversation, reader, ids, w->policy, err);
    if (status != STATUS_OK)
        return status;
    struct transcript transcript;
    struct stream_piece piece;
    enum said_by by;
    transcript_init(&transcript, stdout, form, form != AS_RAW && terminal_colours(stdout));
    while ((status = conversation_next(conversation, &by, &piece, err)) == STATUS_OK) {
        transcript_add(&transcript, by, &piece);
        if (transcript.no_memory ||
            ferror(stdout)) /* the latter is told at the end of the program */
            break;
    }
    transcript_end(&transcript);
    conversation_close(conversation);
    *missing = transcript.missing;
    if (transcript.no_memory)
        return error_no_memory(err, "%s: no memory to show it", reader_path(reader));
    return status == STATUS_END ? STATUS_OK : status;
}

/* What became of it. */
struct outcome {
    uint64_t missing;
    bool not_kept;
};

/* The part of the conversation that one case has. */
static enum status follow_case(struct outcome *outcome, struct reader *reader, const struct wish *w,
                               const char *evidence, struct error *err)
{
    int64_t ids[SIDE_COUNT];
    uint64_t missing = 0;
    bool not_kept = false;
    struct evidence_shelf *shelf;
    enum status status = evidence_shelf_open(&shelf, reader, evidence, err);
    if (status == STATUS_OK) {
        reader_set_evidence(reader, evidence_shelf_source(shelf));
        status = print_flow(reader, w, err);
    }
    if (status == STATUS_OK)
        status = streams_find(ids, reader, w, err);
    if (status == STATUS_OK && ids[BY_CLIENT] < 0 && ids[BY_SERVER] < 0)
        status = print_nothing(&not_kept, reader, w, err);
    if (status == STATUS_OK)
        status = print_policies(reader, ids, w, err);
    if (status == STATUS_OK)
        status = conversation_print(&missing, reader, ids, w, err);
    evidence_shelf_close(shelf);
    outcome->missing += missing;
    outcome->not_kept = outcome->not_kept || not_kept;
    return status;
}

/* Where a flow of a folder is. */
struct whereabouts {
    char *path;     /* of the slice; owned by SQLite */
    int64_t before; /* the flow of an earlier slice that it goes on with; -1 is none */
};

static enum status flow_find(struct whereabouts *where, struct reader *folder, int64_t flow_id,
                             struct error *err)
{
    sqlite3_stmt *row;
    enum status status = reader_prepare(
        folder, &row,
        "SELECT s.path, f.continues_flow_id FROM flows AS f JOIN slices AS s ON s.number = f.slice"
        " WHERE f.flow_id = ?1",
        err);

    *where = (struct whereabouts){.before = -1};
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(row, 1, flow_id);
    int result = sqlite3_step(row);
    if (result == SQLITE_DONE) {
        status = error_set(err, "%s: there is no flow %" PRId64, reader_path(folder), flow_id);
    } else if (result != SQLITE_ROW) {
        status = error_set(err, "%s: %s", reader_path(folder), sqlite3_errmsg(reader_db(folder)));
    } else {
        where->path = sqlite3_mprintf("%s", sqlite3_column_text(row, 0));
        if (!where->path)
            status = error_no_memory(err, "%s: no memory to follow a flow", reader_path(folder));
        if (sqlite3_column_type(row, 1) == SQLITE_INTEGER)
            where->before = sqlite3_column_int64(row, 1);
    }
    sqlite3_finalize(row);
    return status;
}

/* The flow of a later slice that goes on with this one; -1 where there is none. One that has ended is not looked
 * for; of the others, each later slice is asked by the address. */
static enum status flow_next(int64_t *next, struct reader *folder, int64_t flow_id,
                             struct error *err)
{
    sqlite3_stmt *row;
    enum status status =
        reader_prepare(folder, &row,
                       "SELECT n.flow_id FROM (SELECT slice, client_ip, end_reason FROM flows "
                       "WHERE flow_id = ?1) AS f"
                       " CROSS JOIN flows AS n ON n.slice > f.slice AND n.client_ip = f.client_ip"
                       " WHERE n.continues_flow_id = ?1"
                       " AND f.end_reason NOT IN ('fin', 'reset', 'timeout', 'reused', 'evicted')"
                       " ORDER BY n.flow_id LIMIT 1",
                       err);

    *next = -1;
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(row, 1, flow_id);
    int result = sqlite3_step(row);
    if (result == SQLITE_ROW)
        *next = sqlite3_column_int64(row, 0);
    else if (result != SQLITE_DONE)
        status = error_set(err, "%s: %s", reader_path(folder), sqlite3_errmsg(reader_db(folder)));
    sqlite3_finalize(row);
    return status;
}

/* All of the conversation, through the slices in which it went on. */
static enum status follow_folder(struct outcome *outcome, struct reader *folder,
                                 const struct wish *wish, const char *evidence, struct error *err)
{
    struct wish w = *wish;
    enum status status = STATUS_OK;
    bool first = true;

    while (status == STATUS_OK && w.flow_id >= 0) {
        struct whereabouts where;
        struct reader *reader = NULL;
        status = flow_find(&where, folder, w.flow_id, err);
        if (status == STATUS_OK && w.form != AS_RAW && !first)
            puts("[goes on in the next slice]");
        if (status == STATUS_OK && w.form != AS_RAW && first && where.before >= 0)
            printf("[began in an earlier slice, as flow %" PRId64 "]\n", where.before);
        if (status == STATUS_OK)
            status = reader_open(&reader, where.path, err);
        if (status == STATUS_OK)
            status = follow_case(outcome, reader, &w, evidence, err);
        reader_close(reader);
        sqlite3_free(where.path);
        first = false;
        int64_t next = -1;
        if (status == STATUS_OK)
            status = flow_next(&next, folder, w.flow_id, err);
        w.flow_id = next > w.flow_id ? next : -1; /* ids rise, so that it ends */
    }
    return status;
}

static enum exit_status follow_run(const struct command *self, const struct arguments *a)
{
    struct wish wish;
    struct reader *reader;
    if (!wish_read(&wish, self, a))
        return EXIT_USAGE;
    if (!confine_to_evidence(a->words[0], NULL) || !cases_open(&reader, a->words, 1))
        return EXIT_WORLD;

    struct error err = {0};
    struct outcome outcome = {0};
    enum status status = (folder_is_one(a->words[0]) ? follow_folder : follow_case)(
        &outcome, reader, &wish, a->options[EVIDENCE], &err);
    reader_close(reader);
    if (status != STATUS_OK) {
        say("%s", err.text);
        return EXIT_WORLD;
    }
    if (outcome.not_kept) {
        say("flow %" PRId64 ": its payload was counted, and is not in the case", wish.flow_id);
        return EXIT_TOLD;
    }
    if (wish.form == AS_RAW && outcome.missing > 0) {
        say("flow %" PRId64 ": %" PRIu64 " bytes are missing from what was written", wish.flow_id,
            outcome.missing);
        return EXIT_TOLD;
    }
    return cases_status();
}

static const char *const description[] = {
    "Prints what the two sides of a conversation said, in turns: each byte when it and all before "
    "it "
    "had arrived. Lines of the client begin with >, those of the server with <, so no payload can "
    "look like anything else. What is missing is a line in brackets, at its place.",
    "As text, a line ends at a line feed, with or without a carriage return before it; what cannot "
    "be printed is \\xNN, or \\u{NNNN}, and a backslash is two. The exact bytes are shown by --as "
    "hex, and written by --as raw.",
    "Of a case that was made with --payload reference the bytes are read in the captures, which "
    "are looked for where they were at ingest, beside the case, and in the folder of --evidence, "
    "and are known again by size and by their first and last MiB. Where one is not there or not "
    "the same, that is said, with the frame that was to be read; where other bytes of it have "
    "changed, the hash of the stream says so after the last one.",
    "In a folder of slices, a conversation that was going on when one slice ended has a row in the "
    "next as well: it is "
    "followed from the flow that is named to its end.",
    NULL,
};

static const struct argument_word argument_words[] = {
    {"CASE", "A case that seine made, or a folder of slices."},
    {"FLOW", "The number of a conversation, as seine flows lists it."},
    {0},
};

static const struct exit_word exits[] = {
    {EXIT_DONE, "Done."},
    {EXIT_TOLD, "Bytes are missing from a raw output, the payload is not kept (SCTP), or a slice "
                "of a folder could not be read."},
    {EXIT_USAGE, "The command line makes no sense."},
    {EXIT_WORLD,
     "The case could not be read, there is no such flow, or a capture that has its payload is not "
     "there or has changed."},
    {0},
};

static const struct example examples[] = {
    {"seine follow case.db 17", "The conversation, to read."},
    {"seine follow case.db 17 --side server --as raw > body", "What the server sent, as a file."},
    {"seine follow case.db 17 --policy linux", "The conversation as two Linux hosts had it."},
    {0},
};

const struct command command_follow = {
    .name = "follow",
    .synopsis = "[--side client|server] [--as text|hex|raw] [--policy NAME] [--evidence FOLDER] "
                "CASE FLOW",
    .summary = "print what the two sides of a conversation said",
    .description = description,
    .arguments = argument_words,
    .options = options,
    .exits = exits,
    .examples = examples,
    .word_least = 2,
    .word_most = 2,
    .run = follow_run,
};
