/* live_tell.c - what a live run tells the store of its interfaces, and the user of what happens: by the second, with each
 * commit, and when something is worth a sentence. */
#include "pipeline/live_state.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void live_say(const struct live_state *run, const char *format, ...)
{
    char sentence[1024];
    va_list args;

    if (!run->options->remark)
        return;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    run->options->remark(run->options->context, sentence);
}

int64_t live_clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void live_tell_note(struct live_state *run, const struct live_note *note)
{
    relay_note(run->relay, note, sizeof *note);
}

void live_tell_evidence(struct live_state *run, struct watched *i, const char *status)
{
    struct live_note note = {.kind = NOTE_EVIDENCE, .evidence_id = i->evidence_id};
    struct evidence_end *end = &note.evidence;

    *end = (struct evidence_end){.is_live = true,
                                 .frames = i->frames,
                                 .first_ns = i->first_ns,
                                 .last_ns = i->last_ns,
                                 .status = status};
    memcpy(end->verdict_frames, i->seen.frames, sizeof end->verdict_frames);
    memcpy(end->verdict_bytes, i->seen.bytes, sizeof end->verdict_bytes);
    live_tell_note(run, &note);
}

/* Bytes that are the run's own, with its rings, which are the kernel's; -1 where that is not known. What is read of a
 * file and may go at any time is none. */
static int64_t memory_used(const struct live_state *run)
{
    char text[120];
    long long resident, shared;
    const ssize_t len = run->statm < 0 ? -1 : pread(run->statm, text, sizeof text - 1, 0);

    if (len <= 0)
        return -1;
    text[len] = '\0';
    if (sscanf(text, "%*d %lld %lld", &resident, &shared) != 2 || resident < shared)
        return -1;
    return (resident - shared) * sysconf(_SC_PAGESIZE) + (int64_t)live_ring_len(run->live);
}

void live_tell_statistics(struct live_state *run, const struct watched *i, int64_t now_ns,
                          const char *detail)
{
    struct live_note note = {.kind = NOTE_STATISTICS, .evidence_id = i->evidence_id};
    struct live_statistics *s = &note.statistics;
    const struct live_counts *now = &i->counts, *before = &i->counts_before;

    *s = (struct live_statistics){
        .time_ns = now_ns,
        .received = now->received - before->received,
        .dropped_by_socket = now->dropped_by_socket - before->dropped_by_socket,
        .freezes = now->freezes - before->freezes,
        .dropped_by_interface = now->dropped_by_interface - before->dropped_by_interface,
        .dropped_by_backlog = now->dropped_by_backlog - before->dropped_by_backlog,
        .discarded = now->discarded - before->discarded,
        .shed = i->shed,
        .memory = memory_used(run)};
    snprintf(s->detail, sizeof s->detail, "%s", detail);
    live_tell_note(run, &note);
}

/* Of all interfaces, and to the user. */
void live_tell_all_statistics(struct live_state *run, const char *text)
{
    const int64_t now_ns = live_clock_ns(CLOCK_REALTIME);

    for (size_t n = 0; n < run->options->interface_count; n++)
        live_tell_statistics(run, &run->interfaces[n], now_ns, text);
    live_say(run, "%s", text);
}

static bool has_lost(const struct watched *i)
{
    const struct live_counts *now = &i->counts, *told = &i->counts_told;
    return now->dropped_by_socket > told->dropped_by_socket ||
           now->dropped_by_interface > told->dropped_by_interface ||
           now->dropped_by_backlog > told->dropped_by_backlog;
}

/* A row of counters of each interface that has seen something, and what its evidence is by now. */
void live_tell_second(struct live_state *run)
{
    const int64_t now_ns = live_clock_ns(CLOCK_REALTIME);
    bool lost = false;

    for (size_t n = 0; n < run->options->interface_count; n++) {
        struct watched *i = &run->interfaces[n];
        live_counts(run->live, &i->counts, (unsigned)n);
        bool has = has_lost(i);
        lost = lost || has;
        if (i->frames == i->frames_told && !has)
            continue;
        live_tell_statistics(run, i, now_ns, "");
        i->frames_told = i->frames;
        i->counts_told = i->counts;
    }
    struct live_note second = {.kind = NOTE_SECOND};
    second.second.begin_ns = run->second_began_ns;
    second.second.end_ns = now_ns;
    second.second.lost = lost;
    live_tell_note(run, &second);
    run->second_began_ns = now_ns;
}

/* Frames, and their verdicts, are those of which the store has been told until then. */
void live_tell_commit(struct live_state *run)
{
    struct live_note note = {.kind = NOTE_COMMIT};

    for (size_t n = 0; n < run->options->interface_count; n++) {
        struct watched *i = &run->interfaces[n];
        if (i->frames != i->frames_committed)
            live_tell_evidence(run, i, "open");
        i->frames_committed = i->frames;
    }
    if (run->raw_frames) {
        note.frames_place = raw_frames_pass(run->raw_frames);
        atomic_store(&run->raw_frames_len, raw_frames_len(run->raw_frames));
    }
    live_tell_note(run, &note);
    run->frames_committed = run->frames;
    run->bytes_committed = run->bytes;
}

/* An interface that is down or gone is a row: why no frame came is to be known from the case. */
static void tell_of_interface(struct live_state *run, const char *sentence)
{
    for (size_t n = 0; n < run->options->interface_count; n++) {
        const char *name = run->interfaces[n].said.name;
        const size_t len = strlen(name);
        if (strncmp(sentence, name, len) == 0 && strncmp(sentence + len, ": ", 2) == 0)
            live_tell_statistics(run, &run->interfaces[n], live_clock_ns(CLOCK_REALTIME),
                                 sentence + len + 2);
    }
}

void live_tell_remarks(struct live_state *run)
{
    const char *sentence;
    while ((sentence = live_remark(run->live)) != NULL) {
        tell_of_interface(run, sentence);
        live_say(run, "%s", sentence);
    }
}
