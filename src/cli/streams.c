/* streams.c - seine streams: each direction of a conversation that carried payload. */
#include "cli/listing.h"

static const char *const description[] = {
    "Lists the streams of a case: one for each direction of a conversation that carried payload. "
    "The verdict says whether all of it is there: complete, gap, conflict or truncated. Stored, "
    "missing and truncated are bytes; conflicted are bytes of which several versions were seen.",
    "A table has the columns that fit; --json and --csv give them all, the SHA-256 among them.",
    NULL,
};

static const struct listing listing = {
    .short_columns =
        "s.stream_id AS stream, s.flow_id AS flow, s.side AS side, f.protocol AS proto, " SQL_CLIENT
        " AS client, " SQL_SERVER " AS server, s.stored AS stored,"
        " s.missing + s.missing_tail AS missing, s.truncated AS truncated,"
        " s.conflicted AS conflicted, s.verdict AS verdict",
    .all_columns = "s.*",
    .from = "streams AS s JOIN flows AS f ON f.flow_id = s.flow_id",
    .order = "s.stream_id",
};

static enum exit_status streams_run(const struct command *self, const struct arguments *a)
{
    return listing_run(&listing, self, a);
}

static const struct example examples[] = {
    {"seine streams case.db --port 80", "What was said to and from web servers."},
    {"seine streams case.db --json | jq 'select(.verdict != \"complete\")'",
     "The streams of which something is missing or in dispute."},
    {0},
};

const struct command command_streams = {
    .name = "streams",
    .synopsis = "[OPTION]... CASE",
    .summary = "list each direction that carried payload",
    .description = description,
    .arguments = listing_arguments,
    .options = listing_options,
    .exits = listing_exits,
    .examples = examples,
    .word_least = 1,
    .word_most = 1,
    .run = streams_run,
};
