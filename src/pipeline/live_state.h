/* live_state.h - what the threads of a live run share; private to live.c, live_pause.c and live_writer.c.
 *
 * The reader's thread owns all of it, but for what the store is, which is the writer's from the first note on, and
 * for what is atomic. */
#ifndef SEINE_PIPELINE_LIVE_STATE_H
#define SEINE_PIPELINE_LIVE_STATE_H

#include "capture/live.h"
#include "pipeline/life.h"
#include "pipeline/live.h"
#include "pipeline/pressure.h"
#include "pipeline/raw_frames.h"
#include "pipeline/relay.h"
#include "pipeline/slices.h"
#include "pipeline/worker.h"
#include "store/store.h"

#include <stdatomic.h>

enum { LIVE_HELD_MOST = 256 };

/* ---- what the reader's thread has the writer do, beside what reassembly tells ---- */

enum live_note_kind { NOTE_EVIDENCE, NOTE_STATISTICS, NOTE_SECOND, NOTE_COMMIT, NOTE_ROTATE };

struct live_note {
    enum live_note_kind kind;
    uint32_t evidence_id;
    union {
        struct evidence_end evidence;
        struct live_statistics statistics;
        struct {
            int64_t begin_ns, end_ns;
            bool lost;
        } second;
        struct {
            uint32_t number;
            struct store_slice slice;
            uint64_t len;          /* of the one before, with its log */
            uint64_t frames_place; /* where its frames are all written */
        } rotate;
        uint64_t frames_place; /* of a commit: raw_frames_wait() */
    };
};
_Static_assert(sizeof(struct live_note) <= RELAY_NOTE_MOST, "a note fits");

struct watched {
    struct live_interface said;
    char *json; /* owned: the options, for its evidence */
    uint32_t evidence_id;
    uint64_t frames, frames_told, frames_committed; /* when it was last told of */
    int64_t first_ns, last_ns;
    struct verdict_counts seen;
    struct live_counts counts, counts_told;
    struct live_counts counts_before; /* of earlier slices */
    uint64_t shed;                    /* while nothing could be stored, before this slice */
};

/* Frames up to `mark` have been told when the writer has been told up to `place`. */
struct held {
    uint64_t place, mark;
};

struct live_state {
    const struct live_run_options *options;
    struct live_run_result *result;
    struct error *err;
    size_t memory, ring_len;
    int statm; /* owned: what the system says of our memory; -1: it does not */
    unsigned place_parts;
    struct live *live;
    struct store *store; /* the writer's, from the first note on */
    struct relay *relay;
    struct life life;
    struct watched *interfaces;

    uint64_t frames, bytes;
    struct held held[LIVE_HELD_MOST]; /* a ring */
    unsigned held_first, held_count;

    /* By the monotonic clock. */
    int64_t ticked_ns, committed_ns, second_ns, framed_ns, told_ns;
    int64_t second_began_ns; /* by the wall clock, as those that frames have */
    int64_t last_ns;         /* of the last frame, by its own clock */
    uint64_t frames_committed, bytes_committed;
    bool stopping;
    bool log_told; /* that it is long */
    bool is_ready; /* it has been told so */

    struct raw_frames *raw_frames;        /* NULL: frames are not kept */
    uint64_t frames_lost_told;            /* not kept, since that was too slow */
    atomic_uint_least64_t raw_frames_len; /* of its file */

    struct slices slices;
    struct worker *closer; /* closes slices, and removes old ones; NULL: there are none */
    int64_t slice_ns;      /* when this one began, by the monotonic clock */
    uint32_t next_evidence_id;
    struct pressure pressure;
    enum store_shed disk_level; /* what is not kept since the disk is nearly full */
    uint64_t removed_told;      /* slices for want of room */
    int64_t paused_ns; /* how long nothing was stored, until it is told; 0: that did not happen */

    /* Told by the writer's thread. */
    atomic_uint_least64_t flows, log_len;
    atomic_uint_least64_t case_len;
    atomic_bool log_held;
    atomic_bool tending; /* the closer is to look at the folder, or does */

    /* Told by the closer. */
    atomic_bool closing_failed;
    struct error closing_error; /* valid with that; of the first */
};

/* live_writer.c - on the writer's thread: a note; after each batch; and what an interface is, in a case that begins,
 * which is called before there is another thread, too. How long the case that is written is, with its log. */
void live_hear_note(void *state, struct span note);
bool live_see_told(void *state);
void live_begin_interface(struct live_state *run, size_t n);
uint64_t live_writing_len(struct live_state *run);

/* live_pause.c - whether the run failed for want of room on the disk; then what is done until there is some: frames
 * are taken, and counted as shed, and not kept. False: the end came first. Nothing else of the run is open but its
 * interfaces, and the folder. */
bool live_wants_room(const struct live_state *run);
bool live_pause(struct live_state *run);

#endif
