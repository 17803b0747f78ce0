/* sql.c - seine sql: questions in SQL, read-only whatever they say.
 *
 * Four things keep a case as it is: it is opened read-only and without ATTACH (store/reader.h); the
 * connection is set to query_only; an authorizer lets through only what reads; and a statement that
 * SQLite itself does not call readonly is not run, such as VACUUM INTO, which would write
 * elsewhere. */
#include "cli/listing.h"

#include "cli/confine.h"
#include "cli/prompt.h"
#include "cli/terminal.h"
#include "pipeline/files.h"
#include "store/folder.h"
#include "store/schema.h"
#include "store/tables.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { JSON, CSV, FILES, EVIDENCE };

static const struct option_word options[] = {
    [JSON] = {"json", 0, NULL, "One JSON object a line."},
    [CSV] = {"csv", 0, NULL, "Comma-separated values, with a line of names."},
    [FILES] = {"files", 0, NULL,
               "Allow capture('FILE') and capture_flows('FILE'), which open any file that the "
               "query names, "
               "and what opens the captures of the case: evidence_bytes(), and stream_bytes() of a "
               "case whose payload stays in them."},
    [EVIDENCE] = {"evidence", 0, "FOLDER",
                  "With --files: where to look for these captures besides where they were."},
    {0},
};

/* Pragmas that tell about a case; with a value of their own, some others would change things. */
static bool is_reading_pragma(const char *name, const char *value)
{
    static const char *const about[] = {
        "table_info",     "table_xinfo",     "table_list",      "index_list",  "index_info",
        "index_xinfo",    "database_list",   "function_list",   "pragma_list", "module_list",
        "collation_list", "compile_options", "integrity_check", "quick_check", "foreign_key_list",
    };
    for (size_t i = 0; i < sizeof about / sizeof about[0]; i++) {
        if (sqlite3_stricmp(name, about[i]) == 0)
            return true;
    }
    return !value;
}

static int authorize(void *context, int action, const char *first, const char *second,
                     const char *database, const char *trigger)
{
    (void)context;
    (void)database;
    (void)trigger;
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_FUNCTION:
    case SQLITE_RECURSIVE:
    case SQLITE_TRANSACTION: /* so that several questions see one state */
        return SQLITE_OK;
    case SQLITE_PRAGMA:
        return is_reading_pragma(first, second) ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_UPDATE: /* SQLite asks for this one when a virtual table tells its columns; a
                           statement that really did it would not be readonly */
        return strcmp(first, "sqlite_master") == 0 ? SQLITE_OK : SQLITE_DENY;
    default:
        return SQLITE_DENY;
    }
}

/* A session: what is read, and how its answers are shown. */
struct session {
    struct reader *reader;
    enum render_as form;
    bool many;  /* a folder, or several cases: its connection is ours, and no stranger's */
    bool files; /* what opens files is there */
};

/* For the signal handler; reader_interrupt() may be called at any time while it is open. */
static struct reader *volatile answering;

static void on_interrupt(int number)
{
    (void)number;
    if (answering)
        reader_interrupt(answering);
}

static enum exit_status refuse_to_write(void)
{
    say("sql: a case is only read here: this statement would write, or set something");
    return EXIT_USAGE;
}

/* Whether a statement could not be prepared for what it says, and not for the state of the world. */
static bool is_of_the_question(int result)
{
    switch (result & 0xff) {
    case SQLITE_NOMEM:
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_CANTOPEN:
    case SQLITE_NOTADB:
    case SQLITE_BUSY:
        return false;
    default:
        return true;
    }
}

/* What to say behind SQLite's words of what is not there; empty where nothing is to be said. */
static const char *hint_of(const struct session *s, const char *words)
{
    bool capture = strstr(words, "no such table: capture") != NULL;
    bool evidence = strstr(words, "no such function: evidence_bytes") != NULL;

    if (!s->files && (capture || evidence))
        return ": it opens files, which wants --files";
    return "";
}

/* Runs every statement of `text`; the first failure is a sentence and ends it. */
static enum exit_status answer(struct session *s, const char *text)
{
    sqlite3 *db = reader_db(s->reader);
    while (*text) {
        struct error err = {0};
        sqlite3_stmt *statement;
        int result = sqlite3_prepare_v2(db, text, -1, &statement, &text);
        if (result == SQLITE_AUTH)
            return refuse_to_write();
        if (result != SQLITE_OK) {
            say("sql: %s%s", sqlite3_errmsg(db), hint_of(s, sqlite3_errmsg(db)));
            return is_of_the_question(result) ? EXIT_USAGE : EXIT_WORLD;
        }
        if (!statement) /* blanks or a comment */
            continue;
        if (!sqlite3_stmt_readonly(statement)) {
            sqlite3_finalize(statement);
            return refuse_to_write();
        }
        answering = s->reader;
        enum status status = rows_print(statement, s->form, &err);
        answering = NULL;
        if (status != STATUS_OK) {
            say("sql: %s", err.text);
            return EXIT_WORLD;
        }
    }
    return EXIT_DONE;
}

/* An empty database with the tables that a case has: what those of many cases are made after. NULL for want of
 * memory. */
static sqlite3 *model_open(void)
{
    sqlite3 *model;
    if (sqlite3_open_v2(":memory:", &model, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
        sqlite3_exec(model, schema_sql, NULL, NULL, NULL) == SQLITE_OK)
        return model;
    sqlite3_close(model);
    return NULL;
}

static enum exit_status print_schema(struct session *s, const char *name)
{
    static const char sql[] =
        "SELECT sql || ';' FROM sqlite_schema WHERE sql IS NOT NULL AND (?1 = '' OR tbl_name = ?1)"
        " ORDER BY tbl_name, type DESC, name";
    struct error err = {0};
    sqlite3_stmt *statement = NULL;
    sqlite3 *model = s->many ? model_open() : NULL;
    enum status status = STATUS_OK;
    if (!s->many)
        status = reader_prepare(s->reader, &statement, sql, &err);
    else if (!model || sqlite3_prepare_v2(model, sql, -1, &statement, NULL) != SQLITE_OK)
        status = error_no_memory(&err, "no memory for the schema");
    if (status != STATUS_OK) {
        sqlite3_close(model);
        say("%s", err.text);
        return EXIT_WORLD;
    }
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        while (text && *text) { /* lines stay lines, the rest is escaped */
            char line[1024];
            size_t len = strcspn(text, "\n");
            snprintf(line, sizeof line, "%.*s", (int)(len < sizeof line ? len : sizeof line - 1),
                     text);
            print_escaped(stdout, line);
            putchar('\n');
            text += len + (text[len] == '\n');
        }
    }
    sqlite3_finalize(statement);
    sqlite3_close(model);
    return EXIT_DONE;
}

/* The few words that begin with a dot. `*quit` is set by .quit. */
static enum exit_status dot_word(struct session *s, char *line, bool *quit)
{
    line[strcspn(line, "\r\n")] = 0;
    char *rest = line + strcspn(line, " \t");
    if (*rest)
        *rest++ = 0;
    rest += strspn(rest, " \t");
    if (strcmp(line, ".quit") == 0 || strcmp(line, ".exit") == 0) {
        *quit = true;
        return EXIT_DONE;
    }
    if (strcmp(line, ".tables") == 0)
        return answer(s, "SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view')"
                         " AND name NOT LIKE 'sqlite_%' ORDER BY name");
    if (strcmp(line, ".schema") == 0)
        return print_schema(s, rest);
    if (strcmp(line, ".help") == 0) {
        puts(".tables         the tables and views\n"
             ".schema [NAME]  how they were made\n"
             ".quit           the end; so is Ctrl-D\n"
             "All else is SQL, up to a semicolon.");
        return EXIT_DONE;
    }
    say("there is no %s here; .help lists what there is", line);
    return EXIT_USAGE;
}

/* The query of the command line: statements, or a word with a dot as the sqlite3 shell takes it there. */
static enum exit_status answer_query(struct session *s, const char *query)
{
    char word[256];
    bool quit = false;
    if (query[0] != '.')
        return answer(s, query);
    snprintf(word, sizeof word, "%s", query);
    return dot_word(s, word, &quit);
}

/* Statements from standard input. On a terminal a failure is told and the next one is awaited;
 * elsewhere the first failure is the end. */
static enum exit_status answer_input(struct session *s, struct prompt *prompt)
{
    enum { STATEMENT_MOST = 1 << 20 };
    struct buffer text;
    bool quit = false;
    enum exit_status status = EXIT_DONE;
    buffer_init(&text, STATEMENT_MOST);
    while (!quit) {
        char *line = prompt_line(prompt, text.len > 0);
        if (!line)
            break;
        if (!*line) /* taken back */
            buffer_clear(&text);
        if (text.len == 0 && line[strspn(line, " \t\r\n")] == 0)
            continue;
        if (text.len == 0 && line[0] == '.') {
            status = dot_word(s, line, &quit);
        } else if (!buffer_add_text(&text, line)) {
            say("a statement is longer than %d bytes", STATEMENT_MOST);
            buffer_clear(&text);
            status = EXIT_USAGE;
        } else if (sqlite3_complete(buffer_text(&text))) {
            status = answer(s, buffer_text(&text));
            buffer_clear(&text);
        }
        if (prompt_is_terminal(prompt))
            status = EXIT_DONE;
        if (status != EXIT_DONE)
            break;
    }
    /* The last one needs no semicolon, unless somebody is there who can type it. */
    if (status == EXIT_DONE && text.len > 0 && !prompt_is_terminal(prompt))
        status = answer(s, buffer_text(&text));
    buffer_release(&text);
    return status;
}

/* A case may have tables or views of its own under the names of those that are decoded, and SQLite takes
 * them first: whoever asks must not believe that seine said it. */
static bool tell_strangers(struct reader *reader)
{
    struct error err = {0};
    sqlite3_stmt *row;
    if (reader_prepare(
            reader, &row,
            "SELECT type, lower(name) FROM main.sqlite_schema WHERE type IN ('table', 'view')"
            " AND lower(name) IN ('segments', 'frames', 'stream_bytes', 'hosts_in', 'capture',"
            " 'capture_flows') ORDER BY 2",
            &err) != STATUS_OK) {
        say("%s", err.text);
        return false;
    }
    while (sqlite3_step(row) == SQLITE_ROW)
        say("%s has a %s of its own named %s: that one answers, not what seine decodes",
            reader_path(reader), (const char *)sqlite3_column_text(row, 0),
            (const char *)sqlite3_column_text(row, 1));
    sqlite3_finalize(row);
    return true;
}

/* Which of the words are cases: all of them, or all but the last, which is then the query. The first is a case
 * whatever it is; another one is, if it is there. With --files a query may stand alone, for capture('FILE') needs no
 * case. False after a sentence. */
static bool words_divide(int *cases, const char **query, const struct command *self,
                         const struct arguments *a)
{
    *query = NULL;
    if (a->options[FILES] && a->word_count == 1 && strpbrk(a->words[0], " \t\n(") &&
        access(a->words[0], F_OK) != 0) {
        *cases = 0;
        *query = a->words[0];
        return true;
    }
    for (*cases = 1; *cases < a->word_count && access(a->words[*cases], F_OK) == 0; ++*cases)
        ;
    if (*cases < a->word_count - 1) {
        usage_error(self, "'%s' is not there, and only the last word can be a query",
                    a->words[*cases]);
        return false;
    }
    if (*cases < a->word_count)
        *query = a->words[*cases];
    for (int i = 0; *cases > 1 && i < *cases; i++) {
        if (folder_is_one(a->words[i])) {
            usage_error(self, "%s is a folder, which is read alone", a->words[i]);
            return false;
        }
    }
    return true;
}

/* A connection without a case. False after a sentence. */
static bool none_open(struct reader **reader, bool files)
{
    struct error err = {0};
    sqlite3 *db;
    enum status status = STATUS_OK;
    if (sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ==
        SQLITE_OK) {
        status = reader_take(reader, db, "no case", NULL, NULL, &err);
        if (status == STATUS_OK && files) /* so that it says what it lacks */
            status = evidence_bytes_register(db, NULL, &err);
    } else {
        sqlite3_close(db);
        status = error_no_memory(&err, "no memory");
    }
    if (status != STATUS_OK)
        say("%s", err.text);
    return status == STATUS_OK;
}

/* What a query may call, beside what is there when a case has been opened. */
static enum status functions_add(const struct session *s, struct error *err)
{
    sqlite3 *db = reader_db(s->reader);
    enum status status = s->many ? value_functions_register(db, err) : tables_register(db, err);
    if (status == STATUS_OK && s->files)
        status = capture_table_register(db, err);
    if (status == STATUS_OK && s->files)
        status = capture_flows_register(db, err);
    return status;
}

/* Opens what is named; false after a sentence. `folder`: where else its captures may be. */
static bool session_open(struct session *s, char *const *paths, int cases, const char *folder)
{
    s->many = cases > 1 || (cases == 1 && folder_is_one(paths[0]));
    if (cases == 0)
        return none_open(&s->reader, s->files);
    return s->files ? cases_open_with_evidence(&s->reader, paths, cases, folder)
                    : cases_open(&s->reader, paths, cases);
}

/* `query` is NULL, or else `prompt` is. */
static enum exit_status answer_all(char *const *paths, int cases, const char *query,
                                   const char *folder, struct session *session,
                                   struct prompt *prompt)
{
    struct error err = {0};
    if (!session_open(session, paths, cases, folder))
        return EXIT_WORLD;
    sqlite3 *db = reader_db(session->reader);
    enum exit_status status = EXIT_WORLD;
    if (functions_add(session, &err) != STATUS_OK) {
        say("%s", err.text);
    } else if (sqlite3_exec(db, "PRAGMA query_only = ON", NULL, NULL, NULL) != SQLITE_OK) {
        say("%s: %s", paths[0], sqlite3_errmsg(db));
    } else if (session->many || cases == 0 || tell_strangers(session->reader)) {
        sqlite3_set_authorizer(db, authorize, NULL);
        if (query) {
            status = answer_query(session, query);
        } else {
            signal(SIGINT, on_interrupt);
            status = answer_input(session, prompt);
        }
    }
    reader_close(session->reader);
    return status == EXIT_DONE ? cases_status() : status;
}

static enum exit_status sql_run(const struct command *self, const struct arguments *a)
{
    struct session session = {0};
    struct prompt *prompt = NULL;
    const char *query;
    int cases;
    if (!form_read(&session.form, self, a, JSON, CSV) || !words_divide(&cases, &query, self, a))
        return EXIT_USAGE;
    if (a->options[EVIDENCE] && !a->options[FILES])
        return usage_error(self, "--evidence opens files: it needs --files");
    if (!query) { /* it reads what the user says of keys, and what is known of terminals */
        prompt = prompt_new();
        if (!prompt)
            return EXIT_WORLD;
    }
    session.files = a->options[FILES] != NULL; /* which may lie anywhere */
    enum exit_status status = EXIT_WORLD;
    if (session.files ? confine_to_evidence(cases > 0 ? a->words[0] : NULL, NULL)
                      : confine_to_cases(a->words, (size_t)cases))
        status = answer_all(a->words, cases, query, a->options[EVIDENCE], &session, prompt);
    prompt_free(prompt);
    return status;
}

static const char *const description[] = {
    "Answers questions in SQL about a case, which is never changed: what would write is refused. "
    "Several statements are divided by semicolons. Without a query, statements are read from "
    "standard input; on a terminal with line editing, where .tables, .schema and .quit are "
    "understood as well.",
    "Besides the tables of the case there are segments and frames, which decode where each byte "
    "came "
    "from: SELECT * FROM segments(5) for the stream 5, frames(7) for the flow 7. Any other SQLite "
    "client reads the case too, and has these two from the loadable extension, seine.so.",
    "A folder that seine live has filled with slices is read as if it were one case, and so are "
    "several "
    "cases that are named one after the other. Every table and view has the rows of all, and a "
    "hidden "
    "column more: slice, the number of the slice, or of the case in the order in which they are "
    "named. Slices are opened only when they may have what is asked for, by its flow, stream or "
    "time, so a "
    "condition on one of these makes an answer quick. The table slices has what is known of each "
    "of "
    "them.",
    "Of several cases, each is a capture's own and counts its flows from 1. So that no two are "
    "taken for one, the "
    "ids of the second are shown with 1 * 2^40 (1099511627776) added, those of the third with 2 * "
    "2^40, "
    "and so on; slices.flow_shift says how much (of a stream it is twice that).",
    "More that a query may call: stream_bytes(5) for the bytes of a stream and its gaps; "
    "WHERE client_ip IN hosts_in('10.0.0.0/8'); ip_in(), ip_net(), ip_scope(), ip_first(), "
    "ip_last(), community_id(), oui(), ns_iso(), tcp_flags(), hexdump() and printable(). With "
    "--files, capture('x.pcap') are the frames of a capture file with their headers as columns, "
    "and capture_flows('x.pcap') its flows, without an ingest, and evidence_bytes(evidence_id, "
    "file_offset, captured) reads what a row of segments or frames names. A query about capture "
    "files alone needs no case: seine sql --files \"SELECT ...\".",
    NULL,
};

static const struct argument_word argument_words[] = {
    {"CASE", "A case that seine made, several of them, or a folder of slices."},
    {"QUERY", "One statement or several; from standard input when not given."},
    {0},
};

static const struct exit_word exits[] = {
    {EXIT_DONE, "Done."},
    {EXIT_TOLD, "Done, but a slice of a folder could not be read."},
    {EXIT_USAGE, "The command line or the SQL makes no sense, or would write."},
    {EXIT_WORLD, "The case could not be read."},
    {0},
};

static const struct example examples[] = {
    {"seine sql case.db \"SELECT kind, sum(count) FROM oddities GROUP BY kind\"",
     "What was odd, and how often."},
    {"seine sql monday.db tuesday.db \"SELECT slice, count(*) FROM flows GROUP BY slice\"",
     "Two cases as one."},
    {"seine sql case.db --csv < questions.sql > answers.csv", "Statements from a file."},
    {"seine sql --files \"SELECT count(*), sum(length) FROM capture('x.pcap')\"",
     "A capture file, without a case."},
    {0},
};

const struct command command_sql = {
    .name = "sql",
    .synopsis = "[--json|--csv] [--files [--evidence FOLDER]] CASE... [QUERY]",
    .summary = "answer questions in SQL, read-only",
    .description = description,
    .arguments = argument_words,
    .options = options,
    .exits = exits,
    .examples = examples,
    .word_least = 1,
    .word_most = -1,
    .run = sql_run,
};
