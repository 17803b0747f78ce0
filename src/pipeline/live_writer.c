/* live_writer.c - what the writer's thread does of a live run beside what reassembly tells, and how slices are closed. */
#include "pipeline/live_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t SECOND_NS = 1000000000;

/* ---- what a killed run left in the case ---- */

static const int64_t MENDING_NS = 250 * 1000000ll; /* after each commit, which is one a second */

static bool may_mend(void *state)
{
    struct live_state *run = state;
    return !atomic_load(&run->is_behind) && live_clock_ns(CLOCK_MONOTONIC) < run->mending_until_ns;
}

/* It may take minutes, and frames do not wait: so only while nothing else is to be done, and never for long. */
void live_mend(struct live_state *run, int64_t most_ns)
{
    run->mending_until_ns = live_clock_ns(CLOCK_MONOTONIC) + most_ns;
    if (may_mend(run))
        store_mend(run->store, may_mend, run);
}

/* ---- notes ---- */

/* What the case says of frames is to be found in their file. */
static void commit(struct live_state *run, uint64_t frames_place)
{
    struct store_log log = {0};

    if (run->raw_frames)
        raw_frames_wait(run->raw_frames, frames_place);
    store_commit(run->store, &log, NULL); /* a failure is found afterwards */
    atomic_store(&run->log_len, log.len);
    atomic_store(&run->log_held, log.held);
    atomic_store(&run->case_len, log.case_len);
}

void live_begin_beside(struct live_state *run, const char *path, uint32_t file,
                       uint32_t first_evidence_id)
{
    struct frames_beside *b = &run->beside;

    evidence_close(b->again);
    *b = (struct frames_beside){.file = file, .first_evidence_id = first_evidence_id};
    snprintf(b->path, sizeof b->path, "%s", path);
}

/* A frame that was told of is in the file, or on the way to it. */
enum status live_read_frames(void *state, uint32_t evidence_id, void *to, size_t len,
                             uint64_t offset, struct error *err)
{
    struct live_state *run = state;
    struct frames_beside *b = &run->beside;

    if (evidence_id < b->first_evidence_id)
        return error_set(err, "evidence %" PRIu32 " is of an earlier case", evidence_id);
    if (raw_frames_peek(run->raw_frames, to, len, offset, b->file))
        return STATUS_OK;
    if (!b->again && evidence_open(&b->again, b->path, "pcapng", err) != STATUS_OK)
        return STATUS_FAILED;
    return evidence_read(b->again, to, len, offset, err);
}

/* Its options, and the name of its frames, which each slice has one of its own of. */
static const char *json_of(struct live_state *run, struct watched *i)
{
    const char *slash = strrchr(run->beside.path, '/');

    if (!i->json_of_slice)
        return i->json;
    snprintf(i->json_of_slice, i->json_room, "{\"frames\":\"%s\",%s", slash ? slash + 1 : "",
             i->json + 1);
    return i->json_of_slice;
}

/* What an interface is, in a case that begins. */
void live_begin_interface(struct live_state *run, size_t n)
{
    struct watched *i = &run->interfaces[n];
    const char *filter = run->options->filter ? run->options->filter : "";
    const uint32_t evidence_id = store_evidence_begin(run->store, i->said.name, "live",
                                                      run->raw_frames      ? "pcapng"
                                                      : run->options->pcap ? "pcap"
                                                                           : "ring",
                                                      json_of(run, i));

    store_interface(run->store, evidence_id, (uint32_t)n, i->said.link_type, i->said.snap_len,
                    span_of(i->said.name, strlen(i->said.name)), span_of(NULL, 0),
                    span_of(filter, strlen(filter)), 1000000000);
}

/* A slice that is being closed. */
struct closing {
    struct live_state *run;
    struct store_closing *of;
    uint32_t number;
    int64_t next_ns; /* no frame of the next one is older */
    uint64_t len;
};

uint64_t live_writing_len(struct live_state *run)
{
    return atomic_load(&run->case_len) + atomic_load(&run->log_len) +
           atomic_load(&run->raw_frames_len);
}

/* On the closer's thread. */
static void close_slice(void *closing, struct span unused)
{
    struct closing *c = closing;
    struct live_state *run = c->run;
    struct error err = {0};
    bool one_file = false;

    (void)unused;
    slices_began(&run->slices, c->number + 1, c->next_ns);
    struct case_file *still_read;
    if (store_closing_end(c->of, NULL, &one_file, &still_read, &err) != STATUS_OK)
        slices_tell(&run->slices, &err);
    slices_closed(&run->slices, c->number, !one_file, still_read);
    atomic_fetch_sub(&run->slices.closing_len, c->len);
    slices_tend(&run->slices, live_writing_len(run));
    free(c);
}

static void tend(void *of, struct span unused)
{
    struct live_state *run = of;
    const int64_t set_back_ns = atomic_exchange(&run->set_back_ns, 0);

    (void)unused;
    if (set_back_ns != 0)
        slices_began(&run->slices, atomic_load(&run->writing_number), set_back_ns);
    slices_tend(&run->slices, live_writing_len(run));
    atomic_store(&run->tending, false);
}

static void mend(void *of, struct span unused)
{
    struct live_state *run = of;

    (void)unused;
    slices_mend(&run->slices);
    atomic_store(&run->mending, false);
}

/* At any instant one of the two says that a kill interrupted the run: the old one until the next one has rows. */
static enum status begin_next(struct live_state *run, struct store_closing **old,
                              const struct live_note *note)
{
    char path[SLICES_PATH_MAX];

    if (run->raw_frames && slices_frames_path(path, &run->slices, note->rotate.number - 1)) {
        raw_frames_wait(run->raw_frames, note->rotate.frames_place);
        slices_tell_frames(run->store, 0, path);
    }
    slices_path(path, &run->slices, note->rotate.number);
    if (store_rotate(run->store, old, path, &note->rotate.slice, NULL) != STATUS_OK)
        return STATUS_FAILED;
    if (run->raw_frames && slices_frames_path(path, &run->slices, note->rotate.number))
        live_begin_beside(run, path, note->rotate.frames_file,
                          note->rotate.slice.first_evidence_id);
    for (size_t n = 0; n < run->options->interface_count; n++)
        live_begin_interface(run, n);
    atomic_store(&run->set_back_ns, 0);
    atomic_store(&run->writing_number, note->rotate.number);
    commit(run, 0);
    return store_checkpoint(run->store, NULL) == STATUS_OK
               ? store_closing_complete(run->store, *old, NULL)
               : STATUS_FAILED;
}

static void rotate_store(struct live_state *run, const struct live_note *note)
{
    struct closing *closing = calloc(1, sizeof *closing);
    struct store_closing *old = NULL;

    const enum status status = begin_next(run, &old, note);
    if (status != STATUS_OK) { /* of the store, found afterwards */
        free(closing);
        if (old)
            store_closing_abandon(old);
    } else if (closing && old) {
        *closing = (struct closing){.run = run,
                                    .of = old,
                                    .number = note->rotate.number - 1,
                                    .next_ns = note->rotate.first_ns,
                                    .len = note->rotate.len};
        atomic_fetch_add(&run->slices.closing_len, closing->len);
        worker_give(run->closer, close_slice, closing, span_of(NULL, 0));
    } else {
        free(closing);
        if (old)
            store_closing_end(old, NULL, &(bool){false}, NULL, NULL);
    }
}

static void second_over(struct live_state *run, const struct live_note *note)
{
    store_second(run->store, note->second.begin_ns, note->second.end_ns, note->second.lost);
    if (note->second.end_ns <
        note->second.begin_ns) /* the catalogue would leave out what comes now */
        atomic_store(&run->set_back_ns, note->second.end_ns - SECOND_NS);
    if (run->closer && !atomic_exchange(&run->tending, true))
        worker_give(run->closer, tend, run, span_of(NULL, 0));
    if (run->closer && slices_wants_mending(&run->slices) && !atomic_exchange(&run->mending, true))
        worker_give(run->closer, mend, run, span_of(NULL, 0));
}

void live_hear_note(void *context, struct span bytes)
{
    struct live_state *run = context;
    const struct live_note *note = (const struct live_note *)(const void *)bytes.data;

    switch (note->kind) {
    case NOTE_EVIDENCE:
        store_evidence_end(run->store, note->evidence_id, &note->evidence);
        break;
    case NOTE_STATISTICS:
        store_live_statistics(run->store, note->evidence_id, &note->statistics);
        break;
    case NOTE_SECOND:
        second_over(run, note);
        break;
    case NOTE_COMMIT:
        commit(run, note->frames_place);
        live_mend(run, MENDING_NS);
        break;
    case NOTE_ROTATE:
        rotate_store(run, note);
        break;
    }
}

/* Called when the writer has been told a batch. */
bool live_see_told(void *context)
{
    struct live_state *run = context;
    atomic_store(&run->flows, store_counts(run->store).flows);
    return store_checkpoint(run->store, NULL) == STATUS_OK;
}
