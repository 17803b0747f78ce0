/* status_command.c - seine status: how a capture is doing, once. */
#include "cli/commands.h"

#include "base/buffer.h"
#include "base/escape.h"
#include "cli/confine.h"
#include "cli/listing.h"
#include "cli/terminal.h"
#include "cli/values.h"
#include "cli/vitals.h"
#include "store/folder.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PROMETHEUS, REBUILD };

static const struct option_word options[] = {
    [PROMETHEUS] = {"prometheus", 0, NULL, "As metrics in the text format of Prometheus."},
    [REBUILD] =
        {"rebuild", 0, NULL,
         "Make the catalogue of a folder (slices.db) anew from its slices first, for one that "
         "lost it or was put together by hand."},
    {0},
};

static const char *const lost_by[VITAL_COUNT] = {
    [VITAL_BY_SOCKET] = "socket",
    [VITAL_BY_INTERFACE] = "interface",
    [VITAL_BY_BACKLOG] = "backlog",
};

/* Something that the user must know. */
static bool is_trouble(enum vitals_state state)
{
    return state == VITALS_INTERRUPTED || state == VITALS_PAUSED;
}

static const char *state_text(enum vitals_state state)
{
    switch (state) {
    case VITALS_WRITTEN:
        return "being written";
    case VITALS_INTERRUPTED:
        return "interrupted: whoever wrote it ended before its time";
    case VITALS_PAUSED:
        return "paused: there is no room on the disk, and nothing is stored until there is";
    case VITALS_CLOSED:
    default:
        return "closed";
    }
}

/* ---- for people ---- */

static void print_count(const char *before, int64_t count, const char *behind)
{
    char text[VALUE_TEXT_MAX];
    count_text(text, count < 0 ? 0 : (uint64_t)count);
    printf("%s%s%s", before, text, behind);
}

static void print_interface(const struct vitals_interface *i, bool written)
{
    print_escaped(stdout, i->name);
    print_count("  received ", i->total[VITAL_RECEIVED], "");
    if (written && i->recent_ns > 0)
        printf(" (%.0f/s)", (double)i->recent[VITAL_RECEIVED] * 1e9 / (double)i->recent_ns);
    for (int by = 0; by < VITAL_COUNT; by++) {
        if (!lost_by[by] || !i->said[by])
            continue;
        print_count(", ", i->total[by], " dropped by the ");
        fputs(lost_by[by], stdout);
        if (written && i->recent[by] > 0)
            print_count(" (", i->recent[by], " lately)");
    }
    if (i->said[VITAL_SHED])
        print_count(", ", i->total[VITAL_SHED], " without payload");
    putchar('\n');
}

static void print_vitals(const char *path, const struct vitals *v)
{
    char size[VALUE_TEXT_MAX], first[VALUE_TEXT_MAX], last[VALUE_TEXT_MAX];
    bool colours = terminal_colours(stdout);

    size_text(size, v->bytes < 0 ? 0 : (uint64_t)v->bytes);
    fputs(v->slice_count ? "folder  " : "case    ", stdout);
    print_escaped(stdout, path);
    if (v->slice_count)
        printf(", %" PRIu64 " slice%s, the newest is %" PRIu32, v->slice_count,
               v->slice_count == 1 ? "" : "s", v->slice);
    printf(", %s\n", size);
    printf("state   %s%s%s\n",
           colour_start(is_trouble(v->state) ? COLOUR_WARNING : COLOUR_PLAIN, colours),
           state_text(v->state), colour_end(colours));
    if (v->has_time) {
        time_text(first, v->first_ns);
        time_text(last, v->last_ns);
        printf("time    %s to %s\n", first, last);
    }
    print_count("flows   ", v->flows, "");
    print_count(", ", v->frames, " frames of evidence\n");
    if (v->unread > 0)
        printf("        %" PRIu64
               " of the slices %s not known: the catalogue lacks %s, and --rebuild "
               "makes it anew\n",
               v->unread, v->unread == 1 ? "is" : "are", v->unread == 1 ? "it" : "them");
    if (v->memory_budget >= 0) {
        size_text(size, (uint64_t)v->memory_budget);
        printf("memory  budget %s", size);
        size_text(size, v->memory_used < 0 ? 0 : (uint64_t)v->memory_used);
        if (v->memory_used >= 0)
            printf(", %s in use", size);
        putchar('\n');
    }
    for (int i = 0; i < v->interface_count; i++)
        print_interface(&v->interfaces[i], v->state == VITALS_WRITTEN);
    if (v->detail[0]) {
        fputs("load    ", stdout);
        print_escaped(stdout, v->detail);
        putchar('\n');
    }
}

/* ---- for Prometheus ---- */

static void print_metric(const char *name, const char *type, const char *help)
{
    printf("# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* The inside of a label's value: what the wire brought is escaped as for a terminal, and then, as the format
 * says, backslashes and quotes. */
static void print_label(const char *text)
{
    uint8_t room[8 * VITALS_NAME];
    struct buffer safe = {.data = room, .room = sizeof room, .ceiling = sizeof room};

    escape_for_terminal(&safe, span_of(text, strlen(text)));
    for (const char *at = buffer_text(&safe); *at; at++) {
        if (*at == '\\' || *at == '"')
            putchar('\\');
        putchar(*at);
    }
}

/* One sample for each interface that says it. `by` is a label of its own, or NULL. */
static void print_samples(const struct vitals *v, const char *name, enum vital vital,
                          const char *by)
{
    for (int i = 0; i < v->interface_count; i++) {
        const struct vitals_interface *of = &v->interfaces[i];
        if (!of->said[vital])
            continue;
        printf("%s{interface=\"", name);
        print_label(of->name);
        printf("\",evidence=\"%" PRId64 "\"", of->evidence_id);
        if (by)
            printf(",by=\"%s\"", by);
        printf("} %" PRId64 "\n", of->total[vital]);
    }
}

static void print_gauge(const char *name, const char *help, int64_t value)
{
    print_metric(name, "gauge", help);
    printf("%s %" PRId64 "\n", name, value);
}

static void print_seconds(const char *name, const char *help, int64_t ns)
{
    int64_t seconds = ns / 1000000000, rest = ns % 1000000000;
    if (rest < 0) {
        seconds--;
        rest += 1000000000;
    }
    print_metric(name, "gauge", help);
    /* below zero the fraction counts the other way, and no capture is from before 1970 */
    printf("%s %" PRId64 ".%09" PRId64 "\n", name, seconds, rest);
}

static void print_prometheus(const struct vitals *v)
{
    print_gauge("seine_writing", "Whether a seine is writing it now.", v->state == VITALS_WRITTEN);
    print_gauge("seine_interrupted", "Whether whoever wrote it ended before its time.",
                v->state == VITALS_INTERRUPTED);
    print_gauge("seine_paused", "Whether a seine stores nothing, since there is no room.",
                v->state == VITALS_PAUSED);
    print_metric("seine_frames_received_total", "counter", "Frames that an interface was given.");
    print_samples(v, "seine_frames_received_total", VITAL_RECEIVED, NULL);
    print_metric("seine_frames_dropped_total", "counter",
                 "Frames that were lost before seine saw them.");
    for (int by = 0; by < VITAL_COUNT; by++) {
        if (lost_by[by])
            print_samples(v, "seine_frames_dropped_total", (enum vital)by, lost_by[by]);
    }
    print_metric("seine_frames_shed_total", "counter",
                 "Frames whose payload was not kept, under load.");
    print_samples(v, "seine_frames_shed_total", VITAL_SHED, NULL);
    print_metric("seine_ring_freezes_total", "counter",
                 "Times that the ring of an interface was full.");
    print_samples(v, "seine_ring_freezes_total", VITAL_FREEZES, NULL);
    print_gauge("seine_flows", "Conversations that are there.", v->flows);
    print_gauge("seine_stored_bytes", "Bytes of the files.", v->bytes);
    if (v->slice_count)
        print_gauge("seine_slices", "Slices of the folder.", (int64_t)v->slice_count);
    if (v->memory_budget >= 0)
        print_gauge("seine_memory_budget_bytes", "What --memory allows.", v->memory_budget);
    if (v->memory_used >= 0)
        print_gauge("seine_memory_used_bytes", "What of it is in use.", v->memory_used);
    if (v->has_time) {
        print_seconds("seine_first_time_seconds",
                      "The oldest time that is there, by the capture's clock.", v->first_ns);
        print_seconds("seine_last_time_seconds", "The newest.", v->last_ns);
    }
}

static enum exit_status rebuild(const char *path)
{
    struct error err = {0};

    if (folder_catalogue_rebuild(path, (struct folder_ear){.tell = cases_hear}, &err) == STATUS_OK)
        return EXIT_DONE;
    say("%s", err.text);
    return EXIT_WORLD;
}

static enum exit_status status_run(const struct command *self, const struct arguments *a)
{
    struct patient *patient = NULL;
    struct vitals vitals;
    struct error err = {0};

    if (a->options[REBUILD] && !folder_is_one(a->words[0]))
        return usage_error(self, "--rebuild is for a folder, which %s is not", a->words[0]);
    if (!confine_to_cases(a->words, 1))
        return EXIT_WORLD;
    if (a->options[REBUILD] && rebuild(a->words[0]) != EXIT_DONE)
        return EXIT_WORLD;
    enum status status =
        patient_open(&patient, a->words[0], (struct folder_ear){.tell = cases_hear}, &err);
    if (status == STATUS_OK)
        status = patient_read(patient, &vitals, &err);
    patient_close(patient);
    if (status != STATUS_OK) {
        say("%s", err.text);
        return EXIT_WORLD;
    }
    if (a->options[PROMETHEUS])
        print_prometheus(&vitals);
    else
        print_vitals(a->words[0], &vitals);
    return is_trouble(vitals.state) ? EXIT_TOLD : cases_status();
}

static const char *const description[] = {
    "Says how a capture is doing: whether it is being written, the time that it covers, how many "
    "conversations there are, and for each interface what it received and what was lost, in all "
    "and "
    "in the last seconds. Of a folder it reads the newest slice, and knows of the others what its "
    "catalogue says, so that it takes no time however much there is. seine top shows the same, "
    "every "
    "second.",
    NULL,
};

static const struct argument_word argument_words[] = {
    {"CASE", "A case that seine made, or a folder of slices."},
    {0},
};

static const struct exit_word exits[] = {
    {EXIT_DONE, "Done."},
    {EXIT_TOLD,
     "Done, but whoever wrote it was interrupted, or waits for room on the disk, or a slice could "
     "not be read."},
    {EXIT_USAGE, "The command line makes no sense."},
    {EXIT_WORLD, "It could not be read."},
    {0},
};

static const struct example examples[] = {
    {"seine status --prometheus /var/lib/seine > /var/lib/node_exporter/seine.prom",
     "For the textfile collector of Prometheus's node exporter."},
    {0},
};

const struct command command_status = {
    .name = "status",
    .synopsis = "[--prometheus] [--rebuild] CASE",
    .summary = "say how a capture is doing",
    .description = description,
    .arguments = argument_words,
    .options = options,
    .exits = exits,
    .examples = examples,
    .word_least = 1,
    .word_most = 1,
    .run = status_run,
};
