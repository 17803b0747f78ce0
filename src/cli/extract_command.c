/* extract_command.c - seine extract: the original frames of a flow, as a capture. */
#include "cli/commands.h"

#include "cli/confine.h"
#include "cli/terminal.h"
#include "cli/values.h"
#include "pipeline/extract.h"
#include "store/folder.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { OUTPUT, EVIDENCE };

static const struct option_word options[] = {
    [OUTPUT] = {"output", 'o', "FILE", "The pcapng to make, - for standard output. Always needed."},
    [EVIDENCE] = {"evidence", 0, "FOLDER",
                  "Where to look for the captures besides where they were."},
    {0},
};

static enum exit_status extract_run(const struct command *self, const struct arguments *a)
{
    const char *out = a->options[OUTPUT];
    int64_t flow_id;
    if (!integer_parse(&flow_id, a->words[1], 0, INT64_MAX))
        return usage_error(self, "a flow is a number, as seine flows lists them, not '%s'",
                           a->words[1]);
    if (!out || !*out)
        return usage_error(self, "no file to write is given (-o FILE)");
    bool to_stdout = strcmp(out, "-") == 0;
    if (to_stdout && isatty(STDOUT_FILENO))
        return usage_error(self, "a capture is not written to a terminal");

    if (folder_is_one(a->words[0])) {
        char name[FOLDER_NAME_MAX];
        uint64_t slice = (uint64_t)flow_id >> FOLDER_ID_BITS;
        if (slice < 1 || slice > UINT32_MAX)
            return usage_error(self, "%s is a folder, and there is no flow %" PRId64 " in one",
                               a->words[0], flow_id);
        folder_slice_name(name, (uint32_t)slice);
        return usage_error(self,
                           "%s is a folder: extract takes one case, and this flow is in %s/%s",
                           a->words[0], a->words[0], name);
    }
    if (!confine_to_evidence(a->words[0], to_stdout ? NULL : out))
        return EXIT_WORLD;
    struct error err = {0};
    uint64_t frames;
    if (extract_flow(&frames, a->words[0], flow_id, out, a->options[EVIDENCE], &err) != STATUS_OK) {
        say("%s", err.text);
        return EXIT_WORLD;
    }
    if (!to_stdout) {
        char count[VALUE_TEXT_MAX];
        count_text(count, frames);
        printf("%s %s -> ", count, frames == 1 ? "frame" : "frames");
        print_escaped(stdout, out);
        putchar('\n');
    }
    return EXIT_DONE;
}

static const char *const description[] = {
    "Writes every frame of a conversation, as it was captured, into a pcapng of its own: with "
    "payload or without, its IP fragments and the ICMP errors that quote it included. Times, "
    "lengths and link types are the original ones.",
    "Only these frames are read from the captures, which are looked for where they were at ingest, "
    "beside the case, and in the folder of --evidence, and are known again by their contents.",
    NULL,
};

static const struct argument_word argument_words[] = {
    {"CASE", "A case that seine made."},
    {"FLOW", "The number of a conversation, as seine flows lists it."},
    {0},
};

static const struct exit_word exits[] = {
    {EXIT_DONE, "Done."},
    {EXIT_USAGE, "The command line makes no sense."},
    {EXIT_WORLD,
     "There is no such flow, a capture is not there or has changed, or the file is there "
     "already or could not be written: no file is left."},
    {0},
};

static const struct example examples[] = {
    {"seine extract case.db 17 -o flow17.pcapng", "One conversation for another tool."},
    {"seine extract case.db 17 -o - | tcpdump -r -", "The same, looked at right away."},
    {0},
};

const struct command command_extract = {
    .name = "extract",
    .synopsis = "[--evidence FOLDER] -o FILE CASE FLOW",
    .summary = "write the original frames of a conversation to a pcapng",
    .description = description,
    .arguments = argument_words,
    .options = options,
    .exits = exits,
    .examples = examples,
    .word_least = 2,
    .word_most = 2,
    .run = extract_run,
};
