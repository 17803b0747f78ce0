/* live_strain.c - what a live run does when there is too much: more frames than are written, frames that are not kept in
 * time, a disk that is nearly full, a log that a reader holds. Each step, and each return, is a row. */
#include "pipeline/live_state.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <time.h>

/* Of the reasons to keep less the stronger one counts. */
static void shed(struct live_state *run)
{
    const struct pressure *p = &run->pressure;
    const enum store_shed level = p->level > run->disk_level ? p->level : run->disk_level;

    store_shed(run->store, level, p->level > SHED_NOTHING ? p->above : UINT64_MAX);
}

/* Of a hundred. What all flows are told with when a slice begins comes at once, and says nothing of the traffic: until
 * the writer has heard it, the ring alone counts. */
static unsigned batches_full(struct live_state *run)
{
    return relay_told(run->relay) < run->rotated_place
               ? 0
               : 100 * relay_backlog(run->relay) / relay_batches(run->relay);
}

/* How full that is which stands between us and the writer: more than one of both is none too much. */
void live_see_pressure(struct live_state *run, int64_t now_ns)
{
    const unsigned batches = batches_full(run);
    const size_t ring = live_ring_len(run->live) / 100;
    const unsigned held = ring > 0 ? (unsigned)(live_held_len(run->live) / ring) : 0;
    char text[160];

    if (!pressure_see(&run->pressure, batches > held ? batches : held, now_ns))
        return;
    shed(run);
    pressure_text(text, sizeof text, &run->pressure);
    live_tell_all_statistics(run, text);
}

/* Frames that are not in the file beside the case. */
void live_see_frames(struct live_state *run)
{
    const uint64_t lost = raw_frames_lost(run->raw_frames);
    struct error why;
    char text[160];

    if (raw_frames_failed(run->raw_frames, &why))
        live_tell_all_statistics(run, why.text);
    if (lost == run->frames_lost_told ||
        live_clock_ns(CLOCK_MONOTONIC) - run->second_ns < LIVE_TICK_NS * 4)
        return; /* at most once a second */
    snprintf(text, sizeof text, "frames are missing in the pcapng file: %" PRIu64,
             lost - run->frames_lost_told);
    run->frames_lost_told = lost;
    live_tell_all_statistics(run, text);
}

/* What the closer has found, and done for want of room. */
void live_see_folder(struct live_state *run)
{
    const uint64_t removed = atomic_load(&run->slices.removed_for_room);
    struct error sentence;
    char text[160];

    slices_heed(&run->slices);
    if (run->raw_frames)
        live_see_frames(run);
    if (slices_remark(&run->slices, &sentence))
        live_say(run, "%s", sentence.text);
    if (removed == run->removed_told)
        return;
    const uint64_t count = removed - run->removed_told;
    snprintf(text, sizeof text, "there is little room on the disk: %" PRIu64 " slice%s removed",
             count, count == 1 ? " was" : "s were");
    run->removed_told = removed;
    live_tell_all_statistics(run, text);
}

/* A disk that is nearly full: the oldest slices go (slices_tend()), and if that is not enough, less is kept. */
void live_see_disk(struct live_state *run)
{
    static const char *const texts[] = {
        [SHED_NOTHING] = "the disk has room again: the payload of streams that begin is kept",
        [SHED_NEW_STREAMS] = "no payload of streams that begin is kept: the disk is nearly full",
        [SHED_ALL_BUT_FLOWS] = "only flows are kept: the disk is full",
    };
    struct statvfs of;

    if (statvfs(run->options->case_path, &of) != 0)
        return;
    const enum store_shed level = pressure_of_disk(
        run->disk_level, (uint64_t)of.f_bavail * of.f_frsize, (uint64_t)of.f_blocks * of.f_frsize);
    if (level == run->disk_level)
        return;
    run->disk_level = level;
    shed(run);
    live_tell_all_statistics(run, texts[level]);
}

/* Where a reader stays in its transaction, the log cannot begin anew. No row is lost by that; but the disk fills. */
void live_see_log(struct live_state *run)
{
    const uint64_t len = atomic_load(&run->log_len);
    const bool is_long = atomic_load(&run->log_held) && len > LIVE_LOG_MOST;
    char text[160];

    if (is_long == run->log_told)
        return;
    run->log_told = is_long;
    if (is_long)
        snprintf(text, sizeof text,
                 "the write-ahead log has %" PRIu64
                 " MiB: somebody who reads the case does not end their transaction",
                 len >> 20);
    else
        snprintf(text, sizeof text, "the write-ahead log is short again");
    live_tell_statistics(run, &run->interfaces[0], live_clock_ns(CLOCK_REALTIME), text);
    live_say(run, "%s", text);
}
