/* live_pause.c - what a live run does while the disk has no room at all.
 *
 *     stored │ cannot be │ frames are counted, and let go │ stored, in the next slice
 *            └ up to 2 s    └ older slices go, but the last ┘ with a row that says so
 *               are missing, as after a kill
 *
 * Others may fill a disk faster than slices can be removed, and a quota may be full while the disk is not. What cannot be written then is undone by SQLite, with all
 * since the last commit; so what was begun is left as a kill leaves it, and is mended when there is room again, by
 * what mends it after a kill. The interfaces stay open, and no right is needed to go on. */
#include "pipeline/live_state.h"

#include "store/case_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MS = 200, TOO_LITTLE = 4 << 20, FRAMES_BETWEEN_LOOKS = 1000 };

static const int64_t LOOK_NS = 1000 * 1000000ll;

/* The disk that the case lies on, or is to. False when that cannot be said. */
static bool see_room(const struct live_state *run, uint64_t *left, uint64_t *all)
{
    char path[SLICES_PATH_MAX];
    struct statvfs of;

    snprintf(path, sizeof path, "%s", run->options->case_path);
    if (statvfs(path, &of) != 0)
        return false;
    *left = (uint64_t)of.f_bavail * of.f_frsize;
    *all = (uint64_t)of.f_blocks * of.f_frsize;
    return true;
}

/* Nobody says how much of a quota is left: so much is written, into a file that has no name any more, and which no disk
 * will see. False when there is no room for that; what else is wrong with it does not matter here. */
static bool takes_bytes(const struct live_state *run)
{
    static const char zeros[64 << 10];
    char path[SLICES_PATH_MAX];
    bool takes = true;

    const int len = snprintf(path, sizeof path, run->options->slices ? "%s/room" : "%s-room",
                             run->options->case_path);
    if (len < 0 || len >= (int)sizeof path)
        return true;
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        takes = errno != ENOSPC && errno != EDQUOT;
        if (errno == EEXIST) /* of who was killed here */
            unlink(path);
        return takes;
    }
    unlink(path);
    for (size_t written = 0; takes && written < TOO_LITTLE; written += sizeof zeros)
        takes = write(fd, zeros, sizeof zeros) == (ssize_t)sizeof zeros;
    close(fd);
    return takes;
}

/* SQLite says so, but not of the calls that make a file. */
bool live_wants_room(const struct live_state *run)
{
    uint64_t left, all;

    return run->err->no_room ||
           (run->err->text[0] &&
            ((see_room(run, &left, &all) && left < TOO_LITTLE) || !takes_bytes(run)));
}

/* As much as makes payload be kept again, within a half: what was begun is to be mended in it. */
static bool has_room_on_disk(const struct live_state *run)
{
    uint64_t left, all;

    return see_room(run, &left, &all) && left >= pressure_disk_little(all) / 2;
}

/* Where the disk has room and a quota has not, nobody else filled it: slices_tend() sees nothing of that. */
static bool has_room(struct live_state *run)
{
    if (!has_room_on_disk(run))
        return false;
    if (takes_bytes(run))
        return true;
    if (run->options->slices)
        slices_make_room(&run->slices);
    return false;
}

static void see(struct live_state *run, const struct frame *frame)
{
    run->interfaces[frame->interface_id].shed++;
    run->frames++;
    run->bytes += frame->bytes.len;
    run->last_ns = frame->time_ns;
}

static void tell_progress(const struct live_state *run)
{
    if (!run->options->progress)
        return;
    struct ingest_progress progress = {.bytes_done = run->bytes,
                                       .frames = run->frames,
                                       .flows = atomic_load(&run->flows),
                                       .source = run->interfaces[0].said.name};
    run->options->progress(run->options->context, &progress);
}

/* What is said of an interface here has no case to be a row of. */
static void tell_remarks(struct live_state *run)
{
    const char *sentence;
    while ((sentence = live_remark(run->live)) != NULL)
        live_say(run, "%s", sentence);
}

/* Lets all go that has come. False when nothing will come any more, or it is to end. */
static bool let_go(struct live_state *run)
{
    enum live_next next = LIVE_FRAME;
    struct error why = {0};
    struct frame frame;

    for (unsigned n = 0; n < FRAMES_BETWEEN_LOOKS && next == LIVE_FRAME; n++) {
        next = live_next(run->live, &frame, n == 0 ? WAIT_MS : 0, &why);
        if (next == LIVE_FRAME)
            see(run, &frame);
        live_release(run->live, live_mark(run->live));
    }
    tell_remarks(run);
    if (next == LIVE_FAILED)
        live_say(run, "%s", why.text);
    return (next == LIVE_FRAME || next == LIVE_IDLE) &&
           !(run->options->stop && *run->options->stop);
}

static uint64_t shed_so_far(const struct live_state *run)
{
    uint64_t count = 0;

    for (size_t n = 0; n < run->options->interface_count; n++)
        count += run->interfaces[n].shed;
    return count;
}

/* Who asks for the state of the case, or of the folder, looks at its last file: that of the slice that was begun, where
 * there was room for one. */
static int say_paused(struct live_state *run)
{
    char path[SLICES_PATH_MAX];
    int lock = -1;

    if (!run->options->slices)
        return case_file_pause(run->options->case_path);
    for (uint32_t back = 0; lock < 0 && back < 2 && back < run->slices.number; back++)
        if (slices_path(path, &run->slices, run->slices.number - back))
            lock = case_file_pause(path);
    return lock;
}

/* Until there is room. False: the end came first. */
static bool wait_for_room(struct live_state *run)
{
    const int64_t began_ns = live_clock_ns(CLOCK_MONOTONIC);
    int64_t looked_ns = began_ns;

    for (;;) {
        const bool goes_on = let_go(run);
        const int64_t at_ns = live_clock_ns(CLOCK_MONOTONIC);
        tell_progress(run);
        if (!goes_on)
            return false;
        if (at_ns - looked_ns < LOOK_NS)
            continue;
        looked_ns = at_ns;
        if (run->options->slices) {
            slices_heed(&run->slices);
            slices_tend(&run->slices, 0);
        }
        if (has_room(run)) {
            run->paused_ns += at_ns - began_ns;
            return true;
        }
    }
}

bool live_pause(struct live_state *run)
{
    char text[200];

    snprintf(text, sizeof text, "%.*s: nothing is stored until the disk has room again", 120,
             run->err->text);
    live_say(run, "%s", text);
    const int lock = say_paused(run);
    const bool has_room = wait_for_room(run);
    if (lock >= 0)
        close(lock);
    if (has_room)
        return true;
    snprintf(text, sizeof text,
             "it ends while there is no room on the disk: %" PRIu64 " frames were not stored",
             shed_so_far(run));
    live_say(run, "%s", text);
    run->result->partial = true;
    return false;
}
