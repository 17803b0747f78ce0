/* live_command.c - seine live: from network interfaces into a case. */
#include "cli/commands.h"

#include "base/buffer.h"
#include "cli/interrupt.h"
#include "cli/live_service.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "cli/values.h"
#include "pipeline/live.h"

#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    INTERFACE,
    OUTPUT,
    ROTATE,
    KEEP,
    PCAP,
    PAYLOAD,
    FILTER,
    CAPTURE,
    RING,
    SNAPLEN,
    PROMISCUOUS,
    HARDWARE_TIME,
    KEY,
    MEMORY,
    NO_HASH,
    NO_SYNC,
    USER,
    CONFIG,
    QUIET
};

enum { COMMAND_LINE_MOST = 1 << 20, SNAPLEN_MOST = 262144 };

static const struct option_word options[] = {
    [INTERFACE] = {"interface", 'i', "IFACE...",
                   "An interface to capture from; any is all of them. May be given several times: "
                   "the conversations of all are rebuilt together."},
    [OUTPUT] =
        {"output", 'o', "CASE",
         "The case to make or to add to; or a folder that is there, or with --rotate is made: "
         "then a case after the other, seine-000001.db and so on."},
    [ROTATE] = {"rotate", 0, "LIMIT",
                "Begin the next case after so long (30s, 10m, 1h, 1d), or when one has this size "
                "(256M); 1h when not given. A conversation that goes on has a row in each."},
    [KEEP] =
        {"keep", 0, "LIMIT",
         "Remove the oldest cases of the folder that are older than so long (30d), when all "
         "have more than this size (8G), or when the filesystem is fuller than this (80%). All "
         "are kept when not given. With a size, a case has at most an eighth of it."},
    [PCAP] = {"pcap", 0, NULL,
              "Keep the frames as well, in a pcapng file beside the case, or beside each case of a "
              "folder. Where a frame lies is then in the case (file_offset), and seine extract(1) "
              "finds it."},
    [PAYLOAD] = {"payload", 0, "keep|reference",
                 "keep, the default: the payload is in the case. reference, with --pcap: it stays "
                 "in the frames, so that it is written once; seine follow, search and verify "
                 "read it there, and nobody can once that file has gone."},
    [FILTER] =
        {"filter", 'f', "FILTER",
         "Take only frames that pass this filter, in the language of pcap-filter(7). It runs "
         "in the kernel."},
    [CAPTURE] = {"capture", 0, "ring|pcap",
                 "ring, the default: a ring that the kernel fills. pcap: by libpcap, which is "
                 "slower."},
    [RING] = {"ring", 0, "SIZE",
              "The ring of each interface: what comes while this machine is busy waits there. A "
              "quarter of the memory, 16M at most, when not given."},
    [SNAPLEN] = {"snaplen", 's', "BYTES", "Keep no more than so much of a frame."},
    [PROMISCUOUS] = {"promiscuous", 'p', NULL,
                     "Take frames for other machines as well: what a mirror port needs."},
    [HARDWARE_TIME] = {"hardware-time", 0, NULL, "The network card's times, where it has them."},
    [KEY] = {"key", 0, "PARTS",
             "What tells conversations apart beside their addresses, ports and protocol: some, "
             "with commas between them, of tunnel, vlan and interface, or none; tunnel when not "
             "given."},
    [MEMORY] = {"memory", 0, "SIZE",
                "The budget of memory, rings included, 16M or more; 256M when not given. What does "
                "not fit is left out, counted and recorded."},
    [NO_HASH] = {"no-hash", 0, NULL, "Leave out the SHA-256 of streams."},
    [NO_SYNC] = {"no-sync", 0, NULL,
                 "Do not flush each commit to the disk: a loss of power may then cost the case."},
    [USER] = {"user", 0, "NAME",
              "Who root becomes when the interfaces are open; the case is theirs. seine when not "
              "given, where there is such a user."},
    [CONFIG] = {"config", 0, "FILE",
                "Read options from a file of WORD = VALUE lines; those of the command line go "
                "before. SIGHUP reads it again."},
    [QUIET] = {"quiet", 'q', NULL, "No progress on the terminal, and no lines but remarks."},
    {0},
};

/* What options say that is more than a word. */
struct words {
    const char *interfaces[ARGUMENTS_REPEAT_MAX];
    struct slices_options slices;
};

/* What the callbacks of one run share. */
struct job {
    struct progress progress;
    struct service service;
    struct words *words;
    bool quiet, is_folder, by_libpcap, is_stopping;
    const char *path, *user;
};

static volatile int reload; /* how often it was asked for */

static void on_reload(int number)
{
    (void)number;
    reload++;
}

/* SIGHUP says that a terminal has gone; but to who has a file to read again, that it should. */
static void catch_signals(bool has_file)
{
    const struct sigaction again = {.sa_handler = on_reload, .sa_flags = SA_RESTART};

    interrupt_catch(NULL);
    if (has_file)
        sigaction(SIGHUP, &again, NULL);
}

static void on_remark(void *context, const char *sentence)
{
    struct job *job = context;
    progress_wipe(&job->progress);
    say("%s", sentence);
}

static void on_progress(void *context, const struct ingest_progress *now)
{
    struct job *job = context;
    progress_show(&job->progress, now);
    service_tick(&job->service, now);
    if (interrupted && !job->is_stopping) {
        job->is_stopping = true;
        service_stopping(&job->service);
    }
}

static void on_ready(void *context)
{
    struct job *job = context;
    if (!job->quiet)
        say_as(WEIGHT_NOTICE, "capturing into %s", job->path);
    service_ready(&job->service, job->path);
}

static bool on_opened(void *context)
{
    struct job *job = context;
    return service_confine(&job->service, job->path, job->is_folder, job->user, job->by_libpcap);
}

static bool size_option(size_t *to, const char *name, const char *text)
{
    if (!text || size_parse(to, text))
        return true;
    usage_error(&command_live, "--%s takes a size such as 64M, not '%s'", name, text);
    return false;
}

/* "30s", "10m", "1h", "30d": lower case, so that no size is meant. */
static bool duration_parse(int64_t *ns, const char *text)
{
    static const struct {
        char letter;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    const size_t len = strlen(text);
    char number[20];
    int64_t value;

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (len < 2 || len > sizeof number || text[len - 1] != units[i].letter)
            continue;
        memcpy(number, text, len - 1);
        number[len - 1] = 0;
        if (!integer_parse(&value, number, 1, INT64_MAX / 1000000000 / units[i].seconds))
            return false;
        *ns = value * units[i].seconds * 1000000000;
        return true;
    }
    return false;
}

static bool percent_parse(unsigned *percent, const char *text)
{
    const size_t len = strlen(text);
    char number[4] = "";
    int64_t value;

    if (len < 2 || len > sizeof number || text[len - 1] != '%')
        return false;
    memcpy(number, text, len - 1);
    if (!integer_parse(&value, number, 1, 99))
        return false;
    *percent = (unsigned)value;
    return true;
}

/* Whether -o is a folder, and what is said of it. False after a sentence. */
static bool slices_read(struct live_run_options *to, struct words *words, const struct arguments *a)
{
    struct slices_options *slices = &words->slices;
    enum { ROTATE_LEAST = 64 << 10 };
    const char *rotate = a->options[ROTATE], *keep = a->options[KEEP];
    int64_t age_ns = 0;
    unsigned percent = 0;
    struct stat there;
    size_t len = 0;

    if (rotate && !duration_parse(&slices->rotate_ns, rotate) &&
        (!size_parse(&len, rotate) || len < ROTATE_LEAST)) {
        usage_error(&command_live,
                    "--rotate takes a time such as 1h or a size such as 256M, not '%s'", rotate);
        return false;
    }
    slices->rotate_len = len;
    len = 0;
    if (keep && !duration_parse(&age_ns, keep) && !percent_parse(&percent, keep) &&
        (!size_parse(&len, keep) || len < SLICES_KEEP_LEAST)) {
        usage_error(&command_live,
                    "--keep takes a time such as 30d, a size such as 8G (32M or more), or a part "
                    "such as 80%%, not '%s'",
                    keep);
        return false;
    }
    slices->keep_len = len;
    slices->keep_ns = age_ns;
    slices->keep_percent = percent;
    const bool is_there = stat(to->case_path, &there) == 0;
    const bool is_folder = is_there && S_ISDIR(there.st_mode);
    if ((rotate || keep) && is_there && !is_folder) {
        usage_error(&command_live, "--rotate and --keep want a folder, and %s is none",
                    to->case_path);
        return false;
    }
    if (!rotate)
        slices->rotate_ns = 3600 * 1000000000ll;
    if (is_folder || rotate || keep)
        to->slices = slices;
    to->keep_frames = a->options[PCAP] != NULL;
    to->reference = a->options[PAYLOAD] && strcmp(a->options[PAYLOAD], "reference") == 0;
    return true;
}

/* The values of the options; false after a sentence about one that is wrong. */
static bool options_read(struct live_run_options *to, struct words *words,
                         const struct arguments *a)
{
    const struct command *self = &command_live;
    const char *snaplen = a->options[SNAPLEN];
    int64_t value;

    if (!a->options[INTERFACE]) {
        usage_error(self, "no interface is given: -i IFACE");
        return false;
    }
    if (!a->options[OUTPUT] || !a->options[OUTPUT][0]) {
        usage_error(self, "no case is given: -o CASE");
        return false;
    }
    if (snaplen && !integer_parse(&value, snaplen, 1, SNAPLEN_MOST)) {
        usage_error(self, "--snaplen takes a number from 1 to %d, not '%s'", SNAPLEN_MOST, snaplen);
        return false;
    }
    to->snap_len = snaplen ? (uint32_t)value : 0;
    to->case_path = a->options[OUTPUT];
    if (!slices_read(to, words, a))
        return false;
    to->interface_count = arguments_repeated(a, words->interfaces, INTERFACE);
    to->interfaces = words->interfaces;
    to->filter = a->options[FILTER];
    to->pcap = a->options[CAPTURE] && strcmp(a->options[CAPTURE], "pcap") == 0;
    to->promiscuous = a->options[PROMISCUOUS] != NULL;
    to->hardware_time = a->options[HARDWARE_TIME] != NULL;
    to->key = a->options[KEY];
    to->no_hash = a->options[NO_HASH] != NULL;
    to->no_sync = a->options[NO_SYNC] != NULL;
    return size_option(&to->memory, "memory", a->options[MEMORY]) &&
           size_option(&to->ring_len, "ring", a->options[RING]);
}

static bool makes_sense(struct live_run_options *to, struct words *words, const struct arguments *a)
{
    struct error err = {0};

    if (!options_read(to, words, a))
        return false;
    if (live_run_check(to, &err) == STATUS_OK)
        return true;
    say("%s", err.text);
    return false;
}

/* ---- what a reload may change ---- */

static const char *const reloadable[] = {"rotate", "keep", "quiet", NULL};

static bool on_reread(const struct arguments *a)
{
    struct live_run_options options_of = {0};
    struct words words = {0};
    return makes_sense(&options_of, &words, a);
}

static void on_changed(void *context, const struct arguments *a)
{
    struct job *job = context;
    struct live_run_options options_of = {0};
    struct words words = {0};

    job->quiet = a->options[QUIET] != NULL;
    if (makes_sense(&options_of, &words, a))
        job->words->slices = words.slices;
}

/* "12,345 frames", "1 flow". */
static void print_count(uint64_t count, const char *thing)
{
    char text[VALUE_TEXT_MAX];
    count_text(text, count);
    printf("%s %s%s", text, thing, count == 1 ? "" : "s");
}

static void print_result(const struct live_run_result *r, const char *path)
{
    char text[VALUE_TEXT_MAX];

    if (r->lost > 0) {
        count_text(text, r->lost);
        printf("%s frame%s lost: this machine was too slow; ", text, r->lost == 1 ? "" : "s");
    }
    print_count(r->frames, "frame");
    if (!r->unfinished) {
        printf(", ");
        print_count(r->flows, "flow");
        printf(", ");
        print_count(r->streams, "stream");
        size_text(text, r->payload_bytes);
        printf(", %s of payload", text);
    }
    printf(" -> ");
    print_escaped(stdout, path);
    if (r->slices > 0) {
        count_text(text, r->slices);
        printf(", %s slice%s", text, r->slices == 1 ? "" : "s");
    } else if (r->seal[0]) {
        printf(", seal %s", r->seal);
    }
    putchar('\n');
}

static enum exit_status live_command_run(const struct command *self, const struct arguments *a)
{
    struct live_run_options live_options = {.version = SEINE_VERSION,
                                            .remark = on_remark,
                                            .progress = on_progress,
                                            .ready = on_ready,
                                            .opened = on_opened,
                                            .stop = &interrupted};
    struct words words = {0};
    struct error err = {0};

    if (!makes_sense(&live_options, &words, a))
        return EXIT_USAGE;
    struct buffer command;
    buffer_init(&command, COMMAND_LINE_MOST);
    arguments_quote(&command, a->argc, a->argv); /* one too long is cut, and still says the most */
    live_options.command = buffer_text(&command);
    struct job job = {.quiet = a->options[QUIET] != NULL,
                      .words = &words,
                      .path = live_options.case_path,
                      .user = a->options[USER],
                      .by_libpcap = live_options.pcap,
                      .is_folder = live_options.slices != NULL,
                      .service = {.command = self,
                                  .reloadable = reloadable,
                                  .holds = on_reread,
                                  .changed = on_changed,
                                  .in_force = a,
                                  .reload = &reload}};
    job.service.context = &job;
    const struct passwd *user = getpwuid(geteuid());
    live_options.user = user ? user->pw_name : NULL;
    progress_init(&job.progress, job.quiet);
    live_options.context = &job;
    service_begin(&job.service);
    catch_signals(a->config != NULL);

    struct live_run_result result;
    enum status done = live_run(&result, &live_options, &err);
    progress_wipe(&job.progress);
    buffer_release(&command);
    service_end(&job.service);
    if (done != STATUS_OK) {
        if (err.text[0])
            say_as(WEIGHT_ERROR, "%s", err.text);
        return EXIT_WORLD;
    }
    if (result.logged)
        say("%s is still being read: its write-ahead log stays beside it until the next run",
            live_options.case_path);
    if (!job.quiet)
        print_result(&result, live_options.case_path);
    return result.partial || result.lost > 0 ? EXIT_TOLD : EXIT_DONE;
}

static const char *const description[] = {
    "Captures from network interfaces into a case, until it is interrupted (Ctrl-C, SIGTERM). The "
    "case can be read at any moment, by seine and by any other program with SQLite: a "
    "conversation is there within two seconds of its first frame.",
    "What came is committed once a second, so that a crash or a kill costs no more than the last "
    "two. The next run into the same case says of what was left open that it was interrupted. At a "
    "proper end everything that has come is kept, and the case becomes one file.",
    "In a folder each case is whole by itself, and is closed and indexed while the next one is "
    "written. A conversation that goes on from one to the next has a row in each, with what came "
    "in it; continues_flow_id names the one before. Ids are unique in the folder, which seine "
    "sql(1) and the others read as one case. When the disk is nearly full the oldest case of the "
    "folder is removed, whatever --keep says, but for the last one, and where there is none, "
    "payload is no longer kept until there is room. A disk that is full to its end does not end "
    "the "
    "run: frames are counted, and nothing is stored until there is room.",
    "Frames that this machine lost are counted, each second, in capture_stats, and conversations "
    "of that time are marked as lossy. What is captured is not kept as a capture, unless --pcap "
    "says so: the case has the payload, and no file to prove it by.",
    "On a card or a stick, --pcap --payload reference writes least: the payload once, in the "
    "frames, where a case has it twice, in its log and in itself. Frames and cases belong "
    "together then, and go together from a folder.",
    NULL,
};

static const struct exit_word exits[] = {
    {EXIT_DONE, "Ended when it was told to, and no frame was lost."},
    {EXIT_TOLD, "Ended, but frames were lost, or the interfaces went away, or the disk was full at "
                "the end."},
    {EXIT_USAGE, "The command line makes no sense."},
    {EXIT_WORLD, "An interface could not be opened, or the disk or the memory failed: what was "
                 "committed before is kept."},
    {0},
};

static const struct example examples[] = {
    {"seine live -i eth0 -p -o today.db", "All that a mirror port sends to eth0."},
    {"seine live -i eth0 -p -o /var/lib/seine --rotate 1h --keep 80%",
     "For months: a case an hour, and the oldest go when the disk is full to four fifths."},
    {"seine live -i eth0 -p -o /media/card --rotate 10m --keep 8G --pcap --payload reference",
     "What a memory card can bear."},
    {"seine live -i eth0 -i eth1 -f 'not port 22' -o case.db", "Two interfaces, as one."},
    {0},
};

const struct command command_live = {
    .name = "live",
    .synopsis = "[OPTION]... -i IFACE... -o CASE|FOLDER",
    .summary = "capture from network interfaces into a case",
    .description = description,
    .options = options,
    .exits = exits,
    .examples = examples,
    .word_least = 0,
    .word_most = 0,
    .run = live_command_run,
};
