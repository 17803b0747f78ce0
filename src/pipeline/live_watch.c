/* live_watch.c - the reader's thread of a live run, from the first frame to the last: what comes, what is due by the clock,
 * and when a slice gives way to the next. */
#include "pipeline/live_state.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

enum {
    FRAMES_BETWEEN_CHECKS = 256,
    FRAMES_A_COMMIT = 200000,
    BYTES_A_COMMIT = 32 << 20, /* of frames, at most */
    WAIT_MS = 50,
};

static const int64_t COMMIT_NS = 900 * 1000000ll; /* since the commit before */

/* ---- frames that the writer still looks at ---- */

/* All frames so far have been told by now. Of those that were copied the blocks are not needed. */
static void hold_back(struct live_state *run)
{
    if (run->pointed)
        run->pointed_place = relay_place(run->relay);
    run->pointed = false;
    struct held now = {run->pointed_place, live_mark(run->live)};
    struct held *last = &run->held[(run->held_first + run->held_count - 1) % LIVE_HELD_MOST];

    if (run->held_count > 0 && (last->place == now.place || run->held_count == LIVE_HELD_MOST))
        *last = now;
    else
        run->held[(run->held_first + run->held_count++) % LIVE_HELD_MOST] = now;
}

static void let_go(struct live_state *run)
{
    const uint64_t told = relay_told(run->relay);
    uint64_t mark = 0;

    while (run->held_count > 0 && run->held[run->held_first].place <= told) {
        mark = run->held[run->held_first].mark;
        run->held_first = (run->held_first + 1) % LIVE_HELD_MOST;
        run->held_count--;
    }
    if (mark > 0)
        live_release(run->live, mark);
}

/* ---- the loop ---- */

static void tell_progress(struct live_state *run, int64_t now_ns)
{
    if (!run->options->progress || now_ns - run->told_ns < LIVE_TICK_NS)
        return;
    run->told_ns = now_ns;
    struct ingest_progress progress = {.bytes_done = run->bytes,
                                       .frames = run->frames,
                                       .flows = atomic_load(&run->flows),
                                       .source = run->interfaces[0].said.name};
    run->options->progress(run->options->context, &progress);
}

/* ---- the next slice ---- */

/* A reader who stays in a transaction keeps the log from beginning anew: that of the next case is a new one. */
static bool is_log_too_long(struct live_state *run)
{
    return atomic_load(&run->log_held) && atomic_load(&run->log_len) > LIVE_LOG_MOST;
}

static bool wants_next_slice(struct live_state *run, int64_t now_ns)
{
    return run->options->slices &&
           (slices_is_over(&run->slices, now_ns - run->slice_ns, live_writing_len(run)) ||
            is_log_too_long(run));
}

/* What is counted of an interface begins anew with the evidence of the next slice. */
void live_begin_anew(struct live_state *run, struct watched *i)
{
    i->evidence_id = run->next_evidence_id++;
    i->frames = i->frames_told = i->frames_committed = 0;
    memset(&i->seen, 0, sizeof i->seen);
    i->counts_before = i->counts;
    i->shed = 0;
}

/* The file of frames beside the case that begins. */
void live_begin_frames(struct live_state *run, const char *path)
{
    struct raw_interface interfaces[LIVE_INTERFACES_MAX];

    for (size_t n = 0; n < run->options->interface_count; n++) {
        const struct live_interface *said = &run->interfaces[n].said;
        interfaces[n] = (struct raw_interface){said->name, said->link_type, said->snap_len};
    }
    if (!raw_frames_begin(run->raw_frames, path, interfaces, run->options->interface_count))
        live_say(run, "no memory to keep frames in %s", path);
    atomic_store(&run->raw_frames_len, raw_frames_len(run->raw_frames));
}

/* The next frames may have waited in a ring since about the last one came; those of several interfaces, a little less
 * orderly. */
int64_t live_next_slice_first_ns(const struct live_state *run)
{
    const int64_t now_ns = live_clock_ns(CLOCK_REALTIME);
    return (run->last_ns < now_ns ? run->last_ns : now_ns) - LIVE_LATE_NS;
}

/* Every flow that lives has a row in both. */
static void next_slice(struct live_state *run, int64_t now_ns)
{
    struct live_note note = {.kind = NOTE_ROTATE};
    const bool is_for_log = is_log_too_long(run);

    live_tell_second(run);
    flows_tell_all(run->life.flows, true);
    for (size_t n = 0; n < run->options->interface_count; n++)
        live_tell_evidence(run, &run->interfaces[n],
                           "open"); /* complete, once the next one is there */
    note.rotate.number = ++run->slices.number;
    note.rotate.len = live_writing_len(run);
    if (run->raw_frames) {
        char path[SLICES_PATH_MAX];
        note.rotate.frames_place = raw_frames_pass(run->raw_frames);
        if (slices_frames_path(path, &run->slices, run->slices.number))
            live_begin_frames(run, path);
        note.rotate.frames_file = raw_frames_file(run->raw_frames);
    }
    note.rotate.slice =
        (struct store_slice){.first_flow_id = slices_first_flow_id(run->slices.number),
                             .first_evidence_id = run->next_evidence_id,
                             .begun_ns = live_clock_ns(CLOCK_REALTIME)};
    note.rotate.first_ns = live_next_slice_first_ns(run);
    live_tell_note(run, &note);
    for (size_t n = 0; n < run->options->interface_count; n++)
        live_begin_anew(run, &run->interfaces[n]);
    flows_tell_all(run->life.flows, false);
    if (is_for_log)
        live_tell_all_statistics(run,
                                 "somebody who reads the slice before this one does not end their "
                                 "transaction: its write-ahead log became too long");
    live_tell_commit(run);
    run->committed_ns = run->second_ns = run->slice_ns = now_ns;
    atomic_store(&run->case_len, 0);
    atomic_store(&run->log_len, 0);
    atomic_store(&run->log_held, false);
    run->result->slices++;
    run->rotated_place = relay_place(run->relay);
}

/* While a commit is flushed the ring fills: it is to be short beside the ring. */
static uint64_t bytes_a_commit(const struct live_state *run)
{
    const uint64_t part = live_ring_len(run->live) / 4;
    return part < BYTES_A_COMMIT ? part : BYTES_A_COMMIT;
}

/* What has to be done now and then, whether frames come or not. */
static void tick(struct live_state *run, int64_t now_ns)
{
    const bool is_much = run->frames - run->frames_committed >= FRAMES_A_COMMIT ||
                         run->bytes - run->bytes_committed >= bytes_a_commit(run);

    if (now_ns - run->ticked_ns < LIVE_TICK_NS && !is_much)
        return;
    run->ticked_ns = now_ns;
    live_see_clock(run, now_ns);
    if (now_ns - run->second_ns >= LIVE_SECOND_NS) {
        run->second_ns = now_ns;
        live_tell_second(run);
        live_see_disk(run);
    }
    flows_tell_news(run->life.flows);
    if (is_much || now_ns - run->committed_ns >= COMMIT_NS) {
        live_tell_commit(run);
        run->committed_ns = now_ns;
    }
    if (wants_next_slice(run, now_ns))
        next_slice(run, now_ns);
    live_tell_remarks(run);
}

/* Waits until the writer has been told all; STATUS_FAILED when it has failed. */
enum status live_settle(struct live_state *run)
{
    relay_settle(run->relay);
    enum status status = store_checkpoint(run->store, run->err);
    if (status == STATUS_OK && relay_failed(run->relay))
        return error_no_memory(run->err, "no memory");
    return status;
}

static enum status check(struct live_state *run)
{
    const int64_t now_ns = live_clock_ns(CLOCK_MONOTONIC);

    life_catch_up(&run->life);
    tick(run, now_ns);
    hold_back(run);
    /* It has nothing else to do. Where it has, a batch goes to it when it is full, so that how many wait says how
     * much there is, and not for how long the disk took to flush. */
    if (relay_backlog(run->relay) == 0)
        relay_passed(run->relay);
    let_go(run);
    atomic_store(&run->is_behind, relay_backlog(run->relay) > 1); /* one is being told */
    live_see_pressure(run, now_ns);
    if (run->options->slices) /* and where the log is too long, the next one begins */
        live_see_folder(run);
    else
        live_see_log(run);
    if (!run->options->slices && run->raw_frames)
        live_see_frames(run);
    tell_progress(run, now_ns);
    if (run->options->stop && *run->options->stop && !run->stopping) {
        run->stopping = true;
        live_stop(run->live);
    }
    return relay_failed(run->relay) ? live_settle(run) : STATUS_OK;
}

/* Whether what is told of a frame points into the ring, or has a copy: of a block with little in it, which would be held
 * while the disk is slow, and 50 ms later the next. */
static void point(struct live_state *run, bool pointing)
{
    if (pointing != run->pointing) {
        life_catch_up(&run->life); /* what was seen before is told as it was seen */
        relay_frames_last(run->relay, pointing);
        run->pointing = pointing;
    }
    run->pointed |= pointing;
}

static void see(struct live_state *run, struct frame *frame)
{
    struct watched *i = &run->interfaces[frame->interface_id];

    point(run, !live_is_sparse(run->live));
    frame->evidence_id = i->evidence_id;
    if (i->frames == 0 || frame->time_ns < i->first_ns)
        i->first_ns = frame->time_ns;
    if (i->frames == 0 || frame->time_ns > i->last_ns)
        i->last_ns = frame->time_ns;
    frame->number = ++i->frames; /* in this slice */
    if (run->raw_frames)
        frame->offset = raw_frames_put(run->raw_frames, frame);
    run->frames++;
    run->bytes += frame->bytes.len;
    run->last_ns = frame->time_ns;
    see_frame(&run->life, &i->seen, frame);
}

/* Until it is stopped, or no interface is left. */
enum status live_watch(struct live_state *run)
{
    struct error why = {0};
    struct frame frame;
    enum live_next next;
    unsigned unchecked = 0;

    do {
        next = live_next(run->live, &frame, unchecked == 0 ? WAIT_MS : 0, &why);
        if (next == LIVE_FRAME) {
            see(run, &frame);
            if (++unchecked < FRAMES_BETWEEN_CHECKS)
                continue;
        }
        if (unchecked > 0)
            run->framed_ns = live_clock_ns(CLOCK_MONOTONIC);
        unchecked = 0;
        if (check(run) != STATUS_OK)
            return STATUS_FAILED;
    } while (next == LIVE_FRAME || next == LIVE_IDLE);
    live_tell_remarks(run);
    if (next == LIVE_FAILED) {
        live_say(run, "%s", why.text);
        run->result->partial = true;
    }
    return STATUS_OK;
}
