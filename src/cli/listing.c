/* listing.c - lists of rows of a case. */
#include "cli/listing.h"

#include "base/buffer.h"
#include "cli/confine.h"
#include "cli/terminal.h"
#include "cli/values.h"
#include "pipeline/files.h"
#include "store/folder_reader.h"
#include "store/network.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PROTOCOL, IP, PORT, LIMIT, JSON, CSV };

const struct argument_word listing_arguments[] = {
    {"CASE", "A case that seine made, or a folder of slices."},
    {0},
};

const struct exit_word listing_exits[] = {
    {EXIT_DONE, "Done."},
    {EXIT_TOLD, "Done, but a slice of a folder could not be read."},
    {EXIT_USAGE, "The command line makes no sense."},
    {EXIT_WORLD, "The case could not be read."},
    {0},
};

const struct option_word listing_options[] = {
    [PROTOCOL] = {"protocol", 'p', "NAME", "Only this protocol: tcp, udp, sctp, icmp or icmpv6."},
    [IP] = {"ip", 0, "ADDRESS", "Only with this address on either side; 10.1.0.0/16 is a network."},
    [PORT] = {"port", 0, "N", "Only with this TCP or UDP port on either side."},
    [LIMIT] = {"limit", 'n', "N", "No more than so many rows."},
    [JSON] = {"json", 0, NULL, "One JSON object a line, with all columns."},
    [CSV] = {"csv", 0, NULL, "Comma-separated values, with all columns and a line of names."},
    {0},
};

bool case_open(struct reader **reader, const char *path)
{
    struct error err = {0};
    if (reader_open(reader, path, &err) == STATUS_OK)
        return true;
    say("%s", err.text);
    return false;
}

bool is_one_case(const struct command *self, const char *path)
{
    if (!folder_is_one(path))
        return true;
    usage_error(self, "%s is a folder: %s takes one case, such as a slice of it", path, self->name);
    return false;
}

/* Whether rows of a slice are missing from what was printed. */
static bool rows_missing;

void cases_hear(void *context, const char *sentence, bool missing)
{
    (void)context;
    say("%s", sentence);
    rows_missing = rows_missing || missing;
}

/* `setup` is what makes evidence readable, or NULL. */
static bool open_all(struct reader **reader, char *const *paths, int count,
                     const struct folder_setup *setup)
{
    struct error err = {0};
    enum status status;
    if (count == 1 && !folder_is_one(paths[0])) {
        status = reader_open(reader, paths[0], &err);
        if (status == STATUS_OK && setup)
            status = setup->opened(setup->context, reader_db(*reader), &err);
    } else {
        status = folder_reader_open(reader, paths, (size_t)count,
                                    (struct folder_ear){.tell = cases_hear}, setup, &err);
    }
    if (status == STATUS_OK)
        return true;
    reader_close(*reader);
    *reader = NULL;
    say("%s", err.text);
    return false;
}

bool cases_open(struct reader **reader, char *const *paths, int count)
{
    return open_all(reader, paths, count, NULL);
}

static enum status evidence_opened(const void *folder, sqlite3 *db, struct error *err)
{
    return evidence_bytes_register(db, folder, err);
}

bool cases_open_with_evidence(struct reader **reader, char *const *paths, int count,
                              const char *folder)
{
    return open_all(reader, paths, count, &(struct folder_setup){evidence_opened, folder});
}

enum exit_status cases_status(void)
{
    return rows_missing ? EXIT_TOLD : EXIT_DONE;
}

bool form_read(enum render_as *form, const struct command *self, const struct arguments *a,
               int json, int csv)
{
    if (a->options[json] && a->options[csv]) {
        usage_error(self, "--json and --csv cannot both be");
        return false;
    }
    *form = a->options[json] ? RENDER_JSON : a->options[csv] ? RENDER_CSV : RENDER_TABLE;
    return true;
}

enum status rows_print(sqlite3_stmt *statement, enum render_as form, struct error *err)
{
    const struct render_options options = {.wide = isatty(STDOUT_FILENO) == 0};
    enum status status = render(stdout, statement, form, &options, NULL, err);
    sqlite3_finalize(statement);
    return status;
}

/* What the filters ask for. */
struct wanted {
    const char *protocol; /* or NULL */
    bool has_network;
    struct network network;
    int64_t port;  /* -1 is any */
    int64_t limit; /* -1 is none */
};

static bool wanted_read(struct wanted *w, const struct command *self, const struct arguments *a)
{
    *w = (struct wanted){.protocol = a->options[PROTOCOL], .port = -1, .limit = -1};
    const char *ip = a->options[IP], *port = a->options[PORT], *limit = a->options[LIMIT];
    if (ip && !network_parse(&w->network, ip)) {
        usage_error(self, "'%s' is no address and no network", ip);
        return false;
    }
    w->has_network = ip != NULL;
    if (port && !integer_parse(&w->port, port, 0, 65535)) {
        usage_error(self, "'%s' is no port", port);
        return false;
    }
    if (limit && !integer_parse(&w->limit, limit, 0, INT64_MAX)) {
        usage_error(self, "--limit takes a number, not '%s'", limit);
        return false;
    }
    return true;
}

/* What the user gave is bound, never part of the text. */
static void sql_build(struct buffer *sql, const struct listing *l, enum render_as form,
                      const struct wanted *w)
{
    buffer_print(sql, "SELECT %s FROM %s WHERE true",
                 form == RENDER_TABLE ? l->short_columns : l->all_columns, l->from);
    if (w->protocol)
        buffer_add_text(sql, " AND f.protocol = :protocol");
    if (w->has_network)
        buffer_add_text(
            sql, " AND (f.client_ip IN (SELECT ip FROM hosts WHERE addr BETWEEN :low AND :high)"
                 " OR f.server_ip IN (SELECT ip FROM hosts WHERE addr BETWEEN :low AND :high))");
    if (w->port >= 0)
        buffer_add_text(sql,
                        " AND (f.client_port = :port OR f.server_port = :port)"
                        " AND f.protocol NOT LIKE 'icmp%'"); /* whose ports are type and code */
    buffer_print(sql, " ORDER BY %s LIMIT :limit", l->order);
}

static void bind_wanted(sqlite3_stmt *statement, const struct wanted *w)
{
    int at;
    if ((at = sqlite3_bind_parameter_index(statement, ":protocol")) > 0)
        sqlite3_bind_text(statement, at, w->protocol, -1, SQLITE_STATIC);
    if ((at = sqlite3_bind_parameter_index(statement, ":low")) > 0)
        sqlite3_bind_blob(statement, at, w->network.first.bytes, sizeof w->network.first.bytes,
                          SQLITE_STATIC);
    if ((at = sqlite3_bind_parameter_index(statement, ":high")) > 0)
        sqlite3_bind_blob(statement, at, w->network.last.bytes, sizeof w->network.last.bytes,
                          SQLITE_STATIC);
    if ((at = sqlite3_bind_parameter_index(statement, ":port")) > 0)
        sqlite3_bind_int64(statement, at, w->port);
    if ((at = sqlite3_bind_parameter_index(statement, ":limit")) > 0)
        sqlite3_bind_int64(statement, at, w->limit);
}

enum exit_status listing_run(const struct listing *listing, const struct command *self,
                             const struct arguments *a)
{
    struct wanted wanted;
    enum render_as form;
    if (!form_read(&form, self, a, JSON, CSV) || !wanted_read(&wanted, self, a))
        return EXIT_USAGE;
    struct reader *reader;
    if (!confine_to_cases(a->words, 1) || !cases_open(&reader, a->words, 1))
        return EXIT_WORLD;

    struct error err = {0};
    struct buffer sql;
    sqlite3_stmt *statement;
    buffer_init(&sql, 1 << 16);
    sql_build(&sql, listing, form, &wanted);
    enum status status = reader_prepare(reader, &statement, buffer_text(&sql), &err);
    if (status == STATUS_OK) {
        bind_wanted(statement, &wanted);
        status = rows_print(statement, form, &err);
    }
    buffer_release(&sql);
    reader_close(reader);
    if (status == STATUS_OK)
        return cases_status();
    say("%s", err.text);
    return EXIT_WORLD;
}
