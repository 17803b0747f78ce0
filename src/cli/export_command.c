/* export_command.c - seine export: a case in the formats of other tools. */
#include "cli/listing.h"

#include "base/whole_file.h"
#include "cli/confine.h"
#include "cli/terminal.h"
#include "store/export.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ZEEK, EVE, CSV, OUTPUT, SEGMENTS, FRAMES, PARQUET };

static const struct option_word options[] = {
    [ZEEK] = {"zeek", 0, "FOLDER", "Zeek's conn.log, in a new folder."},
    [EVE] = {"eve", 0, "FILE", "Suricata's EVE, one flow a line of JSON, - for standard output."},
    [CSV] = {"csv", 0, "FOLDER",
             "Each table as a file of comma-separated values, in a new folder."},
    [OUTPUT] = {"output", 'o', "FILE",
                "A new SQLite file, with what --segments and --frames ask for as plain tables."},
    [SEGMENTS] = {"segments", 0, NULL,
                  "With --output or --csv: every segment that carried payload."},
    [FRAMES] = {"frames", 0, NULL, "With --output or --csv: every frame of every flow."},
    /* Not listed: it is only there to say why it is not. */
    [PARQUET] = {"parquet", 0, NULL, NULL},
    {0},
};

/* What the words ask for, once they are known to make sense. */
struct wanted {
    const char *zeek, *eve, *csv, *output;
    bool segments, frames;
};

static bool wanted_read(struct wanted *w, const struct command *self, const struct arguments *a)
{
    *w = (struct wanted){
        .zeek = a->options[ZEEK],
        .eve = a->options[EVE],
        .csv = a->options[CSV],
        .output = a->options[OUTPUT],
        .segments = a->options[SEGMENTS] != NULL,
        .frames = a->options[FRAMES] != NULL,
    };
    if (a->options[PARQUET]) {
        usage_error(self, "no library in Debian writes Parquet; --csv is read by what reads that");
        return false;
    }
    int count = !!w->zeek + !!w->eve + !!w->csv + !!w->output;
    bool decoded = w->segments || w->frames;
    const char *wrong = NULL;
    if (count > 1)
        wrong = "one format at a time";
    else if (decoded && !w->csv && !w->output)
        wrong = "--segments and --frames go into a file (-o FILE) or with --csv FOLDER";
    else if (count == 0)
        wrong = "no format is given: --zeek, --eve, --csv, or -o FILE with --segments or --frames";
    else if (w->output && !decoded)
        wrong = "-o FILE takes --segments, --frames or both";
    else if ((w->zeek && !*w->zeek) || (w->eve && !*w->eve) || (w->csv && !*w->csv) ||
             (w->output && !*w->output))
        wrong = "a file or folder has an empty name";
    if (wrong)
        usage_error(self, "%s", wrong);
    return !wrong;
}

static enum status write_zeek(struct reader *reader, const char *path, struct error *err)
{
    struct whole_folder folder;
    enum status status = whole_folder_open(&folder, path, err);

    if (status != STATUS_OK)
        return status;
    status = whole_folder_file(&folder, "conn.log", err);
    if (status == STATUS_OK)
        status = export_zeek_conn(folder.out, reader, err);
    return whole_folder_end(&folder, status, err);
}

static enum status write_eve(struct reader *reader, const char *path, struct error *err)
{
    struct whole_file file;

    if (strcmp(path, "-") == 0)
        return export_eve(stdout, reader, err);
    enum status status = whole_file_open(&file, path, err);
    if (status != STATUS_OK)
        return status;
    return whole_file_end(&file, export_eve(file.out, reader, err), err);
}

static enum status write_table(struct whole_folder *folder, struct reader *reader,
                               const char *table, struct error *err)
{
    char name[40];
    snprintf(name, sizeof name, "%s.csv", table);
    enum status status = whole_folder_file(folder, name, err);
    return status == STATUS_OK ? export_csv(folder->out, reader, table, err) : status;
}

static enum status write_decoded(struct whole_folder *folder, struct reader *reader,
                                 const char *table, struct error *err)
{
    enum status status = export_check_decoded(reader, table, err);
    return status == STATUS_OK ? write_table(folder, reader, table, err) : status;
}

static enum status write_csv(struct reader *reader, const struct wanted *w, struct error *err)
{
    struct whole_folder folder;
    enum status status = whole_folder_open(&folder, w->csv, err);

    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; export_tables[i] && status == STATUS_OK; i++)
        status = write_table(&folder, reader, export_tables[i], err);
    if (status == STATUS_OK && w->segments)
        status = write_decoded(&folder, reader, "segments", err);
    if (status == STATUS_OK && w->frames)
        status = write_decoded(&folder, reader, "frames", err);
    return whole_folder_end(&folder, status, err);
}

static enum exit_status export_run(const struct command *self, const struct arguments *a)
{
    struct wanted wanted;
    struct error err = {0};
    struct reader *reader;

    if (!wanted_read(&wanted, self, a) || !is_one_case(self, a->words[0]))
        return EXIT_USAGE;
    const char *to = wanted.zeek  ? wanted.zeek
                     : wanted.eve ? wanted.eve
                     : wanted.csv ? wanted.csv
                                  : wanted.output;
    if (!confine_to_output(a->words[0], to) || !case_open(&reader, a->words[0]))
        return EXIT_WORLD;
    enum status status;
    /* One state of the case, whatever is written into it meanwhile. */
    if (sqlite3_exec(reader_db(reader), "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
        status = error_set(&err, "%s: %s", a->words[0], sqlite3_errmsg(reader_db(reader)));
    else if (wanted.zeek)
        status = write_zeek(reader, wanted.zeek, &err);
    else if (wanted.eve)
        status = write_eve(reader, wanted.eve, &err);
    else if (wanted.csv)
        status = write_csv(reader, &wanted, &err);
    else
        status = export_plain(reader, wanted.output, wanted.segments, wanted.frames, &err);
    reader_close(reader);
    if (status == STATUS_OK)
        return EXIT_DONE;
    say("%s", err.text);
    return EXIT_WORLD;
}

static const char *const description[] = {
    "Writes a case in the formats of other tools: Zeek's conn.log, with its header lines, for "
    "zeek-cut and the like; Suricata's EVE, a record of event type flow a line; its tables as "
    "comma-separated values, lines ended as RFC 4180 says; and what the virtual tables segments "
    "and frames show as plain tables of a new SQLite file, for clients that cannot load an "
    "extension. Attached to the case, or the case to it, that file answers as they would.",
    "Names and units are those of the views zeek_conn and eve_flow, which every case has. Payload "
    "is not in any of them: seine follow and seine extract write it.",
    "What is written appears when it is whole, never in place of a file or folder that is there.",
    NULL,
};

static const struct argument_word argument_words[] = {
    {"CASE", "A case that seine made."},
    {0},
};

static const struct exit_word exits[] = {
    {EXIT_DONE, "Done."},
    {EXIT_USAGE, "The command line makes no sense."},
    {EXIT_WORLD, "The case could not be read, or what was asked for is there already or could not "
                 "be written: nothing is left of it."},
    {0},
};

static const struct example examples[] = {
    {"seine export case.db --zeek logs && zeek-cut id.orig_h id.resp_h history < logs/conn.log",
     "Three columns by Zeek's own tool."},
    {"seine export case.db --eve - | jq 'select(.flow.age > 60)'", "Flows of more than a minute."},
    {"seine export case.db --segments --frames -o decoded.db",
     "Where each byte came from, for any SQLite client."},
    {0},
};

const struct command command_export = {
    .name = "export",
    .synopsis = "--zeek FOLDER|--eve FILE|--csv FOLDER|-o FILE [--segments] [--frames] CASE",
    .summary = "write a case in the formats of other tools",
    .description = description,
    .arguments = argument_words,
    .options = options,
    .exits = exits,
    .examples = examples,
    .word_least = 1,
    .word_most = 1,
    .run = export_run,
};
