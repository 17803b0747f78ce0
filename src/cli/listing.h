/* listing.h - lists of rows of a case: opening it, the options that lists share, rendering. */
#ifndef SEINE_CLI_LISTING_H
#define SEINE_CLI_LISTING_H

#include "base/error.h"
#include "cli/commands.h"
#include "store/reader.h"
#include "store/render.h"

#include <sqlite3.h>
#include <stdint.h>

/* Opens a case; false after a sentence. */
bool case_open(struct reader **reader, const char *path);

/* For commands that read one case: false after a sentence, of usage, where the path is a folder. */
bool is_one_case(const struct command *self, const char *path);

/* The same as case_open() for a folder of slices, or for several cases, which are read as one (store/folder_reader.h). What cannot
 * be read of a folder is said when it is met, and the rest is read: cases_status() is then what the command
 * ends with, in place of EXIT_DONE. */
bool cases_open(struct reader **reader, char *const *paths, int count);

/* The same with evidence_bytes(), so that what reads streams reads payload in the captures; `folder` says where
 * else these may be: NULL, or borrowed as long as the reader is open. */
bool cases_open_with_evidence(struct reader **reader, char *const *paths, int count,
                              const char *folder);
enum exit_status cases_status(void);

/* For a struct folder_ear: says the sentence, and remembers that rows are missing. */
void cases_hear(void *context, const char *sentence, bool missing);

/* The form that --json and --csv ask for, a table without either; false after a sentence when both
 * are given. The numbers are their places in the command's table. */
bool form_read(enum render_as *form, const struct command *self, const struct arguments *a,
               int json, int csv);

/* Renders the rows of a prepared statement on standard output, and finalizes it. */
enum status rows_print(sqlite3_stmt *statement, enum render_as form, struct error *err);

/* What flows and streams say of themselves alike. */
extern const struct option_word listing_options[];
extern const struct argument_word listing_arguments[];
extern const struct exit_word listing_exits[];

struct listing {
    const char *short_columns; /* SQL: what a table shows, some 110 columns wide */
    const char *all_columns;   /* SQL: what --json and --csv give */
    const char *from;          /* SQL: the tables, flows among them as f */
    const char *order;         /* SQL */
};

/* flows and streams: the rows that pass the filters. */
enum exit_status listing_run(const struct listing *listing, const struct command *self,
                             const struct arguments *a);

/* SQL: an end of a flow f as ADDRESS:PORT; behind ICMP's server the message's type and code. */
#define SQL_CLIENT                                                                       \
    "CASE WHEN f.protocol LIKE 'icmp%' THEN f.client_ip"                                 \
    " WHEN instr(f.client_ip, ':') > 0 THEN '[' || f.client_ip || ']:' || f.client_port" \
    " ELSE f.client_ip || ':' || f.client_port END"
#define SQL_SERVER                                                                       \
    "CASE WHEN f.protocol LIKE 'icmp%' THEN"                                             \
    " f.server_ip || ' type ' || f.client_port || ' code ' || f.server_port"             \
    " WHEN instr(f.server_ip, ':') > 0 THEN '[' || f.server_ip || ']:' || f.server_port" \
    " ELSE f.server_ip || ':' || f.server_port END"

/* SQL: a column of nanoseconds as UTC to the millisecond, rounded down before 1970 too. */
#define SQL_TIME(column)                                               \
    "strftime('%Y-%m-%d %H:%M:%S', " column " / 1000000000 - (" column \
    " % 1000000000 < 0), 'unixepoch') || printf('.%03d', (" column     \
    " % 1000000000 + 1000000000) % 1000000000 / 1000000)"

#endif
