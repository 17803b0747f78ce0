/* ingest_command.c - seine ingest, and the main job in one word: seine CAPTURE... */
#include "cli/commands.h"

#include "base/buffer.h"
#include "cli/confine.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "cli/values.h"
#include "pipeline/ingest.h"
#include "pipeline/queue.h"

#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    OUTPUT,
    FILTER,
    MERGE,
    MEMORY,
    JOBS,
    PAYLOAD,
    POLICY,
    FRAG_POLICY,
    KEY,
    NO_HASH,
    SYNC,
    QUIET
};

enum { JOBS_MOST = 64, COMMAND_LINE_MOST = 1 << 20 };

static const struct option_word options[] = {
    [OUTPUT] = {"output", 'o', "CASE",
                "The case to make or to add to. Without it, a capture x.pcap makes "
                "x.pcap.seine.db in the current folder, and a pipe stdin.seine.db."},
    [FILTER] = {"filter", 'f', "FILTER",
                "Take only frames that pass this filter, in the language of pcap-filter(7). "
                "Names in it are those of the system's files, such as /etc/hosts."},
    [MERGE] = {"merge", 0, NULL,
               "Interleave the captures by time, as from a tap with a port per direction, instead "
               "of reading one after the other."},
    [MEMORY] = {"memory", 0, "SIZE",
                "The budget of memory, 8M or more, with K, M or G for powers of 1024; 256M when "
                "not given. What does not fit is left out, counted and recorded."},
    [JOBS] = {"jobs", 0, "N",
              "Threads to use, up to 5: by default 5, and 1 where there is one core. "
              "The rows of the case do not depend on it."},
    [PAYLOAD] =
        {"payload", 0, "keep|reference",
         "keep, the default: the payload is in the case. reference: it stays in the captures, "
         "for those too large to copy; they must be regular files, not compressed, and be "
         "kept for whoever wants to see it."},
    [POLICY] = {"policy", 0, "[NET=]NAME...",
                "Where segments overlap and differ: the stream that is hashed, and that follow "
                "shows, is as a receiver with this overlap policy has it. first (the default), "
                "last, bsd, freebsd12, netbsd, bsd-right, linux, old-linux, windows, windows2k3, "
                "vista, solaris, hpux10, hpux11, irix or macos. With NET=, such as "
                "10.0.0.0/8=linux, only for receivers in that network; the longest counts. May be "
                "given several times. What is stored does not depend on it: every version is in "
                "the case."},
    [FRAG_POLICY] = {"frag-policy", 0, "first|last|bsd|bsd-right|linux|windows|solaris",
                     "Which bytes are taken where IPv4 fragments overlap; first when not given. "
                     "IPv6 fragments that overlap are refused, as RFC 5722 says."},
    [KEY] =
        {"key", 0, "PARTS",
         "What tells conversations apart beside their addresses, ports and protocol: some, with "
         "commas between them, of tunnel (the path through tunnels), vlan (the tags) and interface "
         "(its number in the "
         "capture), or none of them; tunnel when not given. What is not of the key may change "
         "within a conversation. It holds for the captures of this run: flows never go on into "
         "those that a case holds already."},
    [NO_HASH] = {"no-hash", 0, NULL,
                 "Leave out the SHA-256 of evidence and streams. "
                 "The seal then says nothing of payload, which only the evidence proves."},
    [SYNC] = {"sync", 0, NULL, "Flush to the disk, so that the case survives a loss of power."},
    [QUIET] = {"quiet", 'q', NULL, "No progress on the terminal, and no line at the end."},
    {0},
};

/* What the callbacks of one ingest share. */
struct job {
    struct progress progress;
};

static volatile int nothing = -1; /* /dev/null, open while standard input is being read */

/* A pipe may never say another word: let it end. */
static void end_input(void)
{
    if (nothing >= 0)
        dup2(nothing, STDIN_FILENO);
}

static void catch_signals(const struct arguments *a)
{
    for (int i = 0; i < a->word_count && nothing < 0; i++) {
        if (strcmp(a->words[i], "-") == 0)
            nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    interrupt_catch(end_input);
}

static void on_remark(void *context, const char *sentence)
{
    struct job *job = context;
    progress_wipe(&job->progress);
    if (!interrupted) /* whatever ends now ends since we were told to */
        say("%s", sentence);
}

static void on_progress(void *context, const struct ingest_progress *now)
{
    struct job *job = context;
    progress_show(&job->progress, now);
}

/* The values of the options; false after a sentence about one that is wrong. */
static bool options_read(struct ingest_options *to, const struct arguments *a)
{
    const struct command *self = &command_ingest;
    const char *memory = a->options[MEMORY], *jobs = a->options[JOBS];
    int64_t job_count;

    if (memory && !size_parse(&to->memory, memory)) {
        usage_error(self, "--memory takes a size such as 512M, not '%s'", memory);
        return false;
    }
    if (memory && to->memory < INGEST_MEMORY_LEAST) {
        usage_error(self, "--memory %s is too little: 8M is the least", memory);
        return false;
    }
    if (jobs) {
        if (!integer_parse(&job_count, jobs, 1, JOBS_MOST)) {
            usage_error(self, "--jobs takes a number from 1 to %d, not '%s'", JOBS_MOST, jobs);
            return false;
        }
        to->jobs = (int)job_count;
    }
    to->reference = a->options[PAYLOAD] && strcmp(a->options[PAYLOAD], "reference") == 0;
    to->policies = a->repeated;
    to->policy_count = a->repeated_count;
    to->fragment_policy = a->options[FRAG_POLICY];
    to->key = a->options[KEY];
    to->filter = a->options[FILTER];
    to->merge = a->options[MERGE] != NULL;
    to->no_hash = a->options[NO_HASH] != NULL;
    to->sync = a->options[SYNC] != NULL;
    return true;
}

/* Where the case goes: -o, or the first capture's name in the current folder. */
static bool case_path(char *path, size_t room, const struct arguments *a)
{
    const char *given = a->options[OUTPUT];
    const char *first = a->words[0];
    const char *slash = strrchr(first, '/');
    int len;
    if (given)
        len = snprintf(path, room, "%s", given);
    else if (strcmp(first, "-") == 0)
        len = snprintf(path, room, "stdin.seine.db");
    else
        len = snprintf(path, room, "%s.seine.db", slash ? slash + 1 : first);
    if (len == 0) {
        usage_error(&command_ingest, "the name of the case is empty");
        return false;
    }
    if (len < 0 || (size_t)len >= room) {
        usage_error(&command_ingest, "the name of the case is too long");
        return false;
    }
    return true;
}

/* "12,345 frames", "1 flow". */
static void print_count(uint64_t count, const char *thing)
{
    char text[VALUE_TEXT_MAX];
    count_text(text, count);
    printf("%s %s%s, ", text, thing, count == 1 ? "" : "s");
}

static void print_result(const struct ingest_result *r, const char *path)
{
    char payload[VALUE_TEXT_MAX];
    print_count(r->captures, "capture");
    print_count(r->frames, "frame");
    print_count(r->flows, "flow");
    print_count(r->streams, "stream");
    size_text(payload, r->payload_bytes);
    printf("%s of payload -> ", payload);
    print_escaped(stdout, path);
    if (r->seal[0])
        printf(", seal %s", r->seal);
    putchar('\n');
}

/* The ingest, and the line at its end; `after` is printed behind that line. */
static enum exit_status ingest_words(const struct arguments *a, const char *path, const char *after)
{
    struct ingest_options ingest_options = {
        .case_path = path,
        .captures = (const char *const *)a->words,
        .capture_count = (size_t)a->word_count,
        .last = true,
        .version = SEINE_VERSION,
        .remark = on_remark,
        .progress = on_progress,
        .stop = &interrupted,
    };
    if (!options_read(&ingest_options, a))
        return EXIT_USAGE;
    const struct passwd *user = getpwuid(geteuid()); /* which may ask the network */
    ingest_options.user = user ? user->pw_name : NULL;
    threads_run_on();
    if (!confine_to_captures(path, ingest_options.captures, ingest_options.capture_count,
                             ingest_options.filter != NULL))
        return EXIT_WORLD;
    struct error err = {0};
    if (ingest_check(&ingest_options, &err) != STATUS_OK) {
        say("%s", err.text);
        return EXIT_USAGE;
    }

    struct buffer command;
    buffer_init(&command, COMMAND_LINE_MOST);
    arguments_quote(&command, a->argc, a->argv); /* one too long is cut, and still says the most */
    ingest_options.command = buffer_text(&command);

    struct job job = {0};
    progress_init(&job.progress, a->options[QUIET] != NULL);
    ingest_options.context = &job;
    bool was_there = access(path, F_OK) == 0;
    catch_signals(a);

    struct ingest_result result = {0};
    enum status done = ingest(&result, &ingest_options, &err);
    progress_wipe(&job.progress);
    buffer_release(&command);
    if (done != STATUS_OK) {
        if (interrupted)
            say("interrupted: %s",
                was_there ? "nothing was added to the case" : "no case was made");
        else
            say("%s", err.text);
        return EXIT_WORLD;
    }
    if (!a->options[QUIET] && result.captures > 0) {
        print_result(&result, path);
        fputs(after, stdout);
    }
    return result.partial ? EXIT_TOLD : EXIT_DONE;
}

static enum exit_status ingest_run(const struct command *self, const struct arguments *a)
{
    (void)self;
    char path[PATH_MAX];
    if (!case_path(path, sizeof path, a))
        return EXIT_USAGE;
    return ingest_words(a, path, "");
}

enum exit_status ingest_and_summarise(const struct arguments *a)
{
    char path[PATH_MAX];
    if (!case_path(path, sizeof path, a))
        return EXIT_USAGE;
    enum exit_status status = ingest_words(a, path, "\n");
    if (status == EXIT_USAGE || status == EXIT_WORLD)
        return status;
    enum exit_status told = summary_print(path, false);
    return told > status ? told : status;
}

static const char *const description[] = {
    "Reads captures into a case: a single SQLite file with every conversation rebuilt, in which "
    "each "
    "byte says which frame it came from. A case that is there already gets an addition; one that "
    "is "
    "not is made whole or not at all.",
    "Captures given together are one run. They are read in the order of their first timestamps, "
    "and "
    "conversations go on from one to the next, as in a rotated capture. A capture that the case "
    "holds already is skipped with a sentence. Formats are pcap, pcapng, snoop and ERF, also "
    "compressed by gzip or zstd, and are known by their contents.",
    "At the end one line says what was read, and the seal: a hash over all that the case says. "
    "Kept "
    "elsewhere, it shows any later change (seine verify --seal). When interrupted, nothing is "
    "kept.",
    NULL,
};

static const struct argument_word argument_words[] = {
    {"CAPTURE", "A capture file, or - for standard input."},
    {0},
};

static const struct exit_word exits[] = {
    {EXIT_DONE, "Done; also when the case held all captures already."},
    {EXIT_TOLD, "Done, but a capture was cut off or damaged: what came before is in the case."},
    {EXIT_USAGE, "The command line makes no sense."},
    {EXIT_WORLD, "A file, disk or the memory failed, or it was interrupted: nothing was written."},
    {0},
};

static const struct example examples[] = {
    {"seine ingest -o case.db monday.pcap tuesday.pcapng.gz", "Two captures, one after the other."},
    {"tcpdump -w - | seine ingest -o case.db -", "From a pipe, until tcpdump ends."},
    {"seine ingest -f 'host 192.0.2.7' big.pcap", "Only what concerns one address."},
    {0},
};

const struct command command_ingest = {
    .name = "ingest",
    .synopsis = "[OPTION]... [-o CASE] CAPTURE...",
    .summary = "read captures into a case",
    .description = description,
    .arguments = argument_words,
    .options = options,
    .exits = exits,
    .examples = examples,
    .word_least = 1,
    .word_most = -1,
    .run = ingest_run,
};
