/* live_state.h - what the threads of a live run share; private to live.c and live_*.c.
 *
 * The reader's thread owns all of it, but for what the store is, which is the writer's from the first note on, and
 * for what is atomic. */
#ifndef SEINE_PIPELINE_LIVE_STATE_H
#define SEINE_PIPELINE_LIVE_STATE_H

#include "capture/live.h"
#include "pipeline/evidence_file.h"
#include "pipeline/life.h"
#include "pipeline/live.h"
#include "pipeline/pressure.h"
#include "pipeline/raw_frames.h"
#include "pipeline/relay.h"
#include "pipeline/slices.h"
#include "pipeline/worker.h"
#include "store/store.h"

#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

enum {
    LIVE_HELD_MOST = 256,
    LIVE_LOG_MOST = 64 << 20, /* bytes of the write-ahead log; beyond, a row says so */
};
#define LIVE_TICK_NS (200 * INT64_C(1000000))    /* news of flows are told, at least */
#define LIVE_SECOND_NS (1000 * INT64_C(1000000)) /* between rows of counters */
#define LIVE_LATE_NS (1000 * INT64_C(1000000))   /* frames may yet come that are as old as this */

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
            int64_t first_ns;      /* no frame of it is older */
            uint64_t len;          /* of the one before, with its log */
            uint64_t frames_place; /* where its frames are all written */
            uint32_t frames_file;  /* and which file has those of the next: raw_frames_file() */
        } rotate;
        uint64_t frames_place; /* of a commit: raw_frames_wait() */
    };
};
_Static_assert(sizeof(struct live_note) <= RELAY_NOTE_MOST, "a note fits");

struct watched {
    struct live_interface said;
    char *json;          /* owned: the options, for its evidence */
    char *json_of_slice; /* owned, the writer's: those with the name of the slice's frames */
    size_t json_room;    /* bytes of it */
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
    uint64_t pointed_place; /* up to which messages point into the ring */
    bool pointing, pointed; /* they do from here on; some did since hold_back() */

    /* By the monotonic clock. */
    int64_t ticked_ns, committed_ns, second_ns, framed_ns, told_ns;
    int64_t second_began_ns; /* by the wall clock, as those that frames have */
    int64_t wall_ahead_ns;   /* of the monotonic clock, until it is set */
    int64_t latest_ns;       /* of the frames since, about */
    int64_t
        last_ns; /* of the last frame, by its own clock; before the first, when the rings were opened */
    uint64_t frames_committed, bytes_committed;
    bool stopping;
    bool log_told; /* that it is long */
    bool is_ready; /* it has been told so */

    struct raw_frames *raw_frames;        /* NULL: frames are not kept */
    uint64_t frames_lost_told;            /* not kept, since that was too slow */
    atomic_uint_least64_t raw_frames_len; /* of its file */
    struct payload_source reference;      /* frames that were kept, by evidence */
    struct frames_beside {
        char path[SLICES_PATH_MAX];  /* of the case that is written */
        uint32_t file;               /* raw_frames_file() */
        uint32_t first_evidence_id;  /* those of before have another */
        struct evidence_file *again; /* to be read; NULL: not yet */
    } beside;                        /* the writer's, from the first note on */

    struct slices slices;
    struct worker *hasher; /* hashes full chunks; NULL: the writer does */
    struct store_worker hashing;
    struct worker *closer; /* closes slices, and removes old ones; NULL: there are none */
    int64_t slice_ns;      /* when this one began, by the monotonic clock */
    uint32_t next_evidence_id;
    uint64_t rotated_place; /* relay_place() when this slice had begun */
    struct pressure pressure;
    enum store_shed disk_level; /* what is not kept since the disk is nearly full */
    uint64_t removed_told;      /* slices for want of room */
    int64_t paused_ns; /* how long nothing was stored, until it is told; 0: that did not happen */

    /* Told by the writer's thread. */
    atomic_uint_least64_t flows, log_len;
    atomic_uint_least64_t case_len;
    atomic_bool log_held;
    atomic_bool tending; /* the closer is to look at the folder, or does */
    atomic_bool mending; /* and at what was left open */

    /* Of what a killed run left in a case that is no folder's: whether the writer has something else to do, as the
     * reader says, and until when it mends, by the monotonic clock. */
    atomic_bool is_behind;
    int64_t mending_until_ns; /* the writer's */

    /* Of the writer's thread, for the closer: the slice that is written, and, where the clock was set back since it
     * began, from where on it may have frames; 0: it was not. */
    atomic_uint writing_number;
    atomic_int_least64_t set_back_ns;
};

/* live_watch.c - on the reader's thread. All frames until the run is stopped, or no interface is left; FAILED: `err` says. */
enum status live_watch(struct live_state *run);

/* Everything that was told so far comes to the writer, and what failed meanwhile is known; FAILED: `err` says. */
enum status live_settle(struct live_state *run);

/* Of an interface what is told by slice begins with nothing; frames go beside the case at `path` from here on. */
void live_begin_anew(struct live_state *run, struct watched *i);
void live_begin_frames(struct live_state *run, const char *path);

/* No frame of a slice that begins now is older. */
int64_t live_next_slice_first_ns(const struct live_state *run);

/* live_tell.c - on the reader's thread: to the store, and to the user. */
void live_say(const struct live_state *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int64_t live_clock_ns(clockid_t clock);
void live_tell_note(struct live_state *run, const struct live_note *note);
void live_tell_evidence(struct live_state *run, struct watched *i, const char *status);
void live_tell_statistics(struct live_state *run, const struct watched *i, int64_t now_ns,
                          const char *detail);
void live_tell_all_statistics(struct live_state *run, const char *text); /* and to the user */
void live_tell_second(struct live_state *run);
void live_tell_commit(struct live_state *run);
void live_tell_remarks(struct live_state *run);

/* live_clock.c - on the reader's thread, at each tick: the clock that flows go by goes on. */
void live_see_clock(struct live_state *run, int64_t now_ns);

/* live_strain.c - on the reader's thread: what is looked at, and done where it is too much. */
void live_see_pressure(struct live_state *run, int64_t now_ns);
void live_see_frames(struct live_state *run); /* while frames are kept */
void live_see_folder(struct live_state *run); /* while there is one */
void live_see_disk(struct live_state *run);
void live_see_log(struct live_state *run);

/* live_writer.c - on the writer's thread: payload that stays in frames; a note; after each batch; and what an interface is, in a case that begins,
 * which is called before there is another thread, too. How long the case that is written is, with its log. */
enum status live_read_frames(void *state, uint32_t evidence_id, void *to, size_t len,
                             uint64_t offset, struct error *err);
void live_begin_beside(struct live_state *run, const char *path, uint32_t file,
                       uint32_t first_evidence_id); /* frames go there from now on */
void live_hear_note(void *state, struct span note);
bool live_see_told(void *state);
void live_begin_interface(struct live_state *run, size_t n);
uint64_t live_writing_len(struct live_state *run);
void live_mend(struct live_state *run, int64_t most_ns); /* in a case that goes on */

/* live_pause.c - whether the run failed for want of room on the disk; then what is done until there is some: frames
 * are taken, and counted as shed, and not kept. False: the end came first. Nothing else of the run is open but its
 * interfaces, and the folder. */
bool live_wants_room(const struct live_state *run);
bool live_pause(struct live_state *run);

#endif
