/* flows.c - seine flows: the conversations of a case. */
#include "cli/listing.h"

static const char *const description[] = {
    "Lists the conversations of a case in the order in which they began. A table has the columns "
    "that fit; --json and --csv give them all. The client sent the first SYN, or is a guess that "
    "the column client_guessed admits. Bytes are payload.",
    "Anything beyond these filters is a question for seine sql.",
    NULL,
};

static const struct listing listing = {
    .short_columns = "f.flow_id AS flow, f.protocol AS proto, " SQL_CLIENT " AS client, " SQL_SERVER
                     " AS server, f.client_packets + f.server_packets AS packets,"
                     " f.client_bytes + f.server_bytes AS bytes, " SQL_TIME(
                         "f.first_ns") " AS start_utc, printf('%.3f', (f.last_ns - f.first_ns) / "
                                       "1e9) AS seconds,"
                                       " f.state AS state",
    .all_columns = "f.*",
    .from = "flows AS f",
    .order = "f.first_ns, f.flow_id",
};

static enum exit_status flows_run(const struct command *self, const struct arguments *a)
{
    return listing_run(&listing, self, a);
}

static const struct example examples[] = {
    {"seine flows case.db --protocol tcp --port 443", "What went to or from port 443."},
    {"seine flows case.db --ip 10.0.0.0/8 --json | jq .server_ip", "Every column, for a program."},
    {0},
};

const struct command command_flows = {
    .name = "flows",
    .synopsis = "[OPTION]... CASE",
    .summary = "list the conversations of a case",
    .description = description,
    .arguments = listing_arguments,
    .options = listing_options,
    .exits = listing_exits,
    .examples = examples,
    .word_least = 1,
    .word_most = 1,
    .run = flows_run,
};
