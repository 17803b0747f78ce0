/* slices.h - the folder that a live run fills, a case after the other.
 *
 *     FOLDER/seine-000001.db    closed, and whole
 *     FOLDER/seine-000002.db    being closed, by another thread
 *     FOLDER/seine-000003.db    the one that is being written
 *     FOLDER/slices.db          what lies in which (store/folder.h)
 *
 * Slices are numbered from 1 and never use a number again, unless all are gone. When the folder has more than it is
 * to keep, or the disk is nearly full, whole slices go, the oldest first, never the one that is being written, and
 * for the disk's sake not the last before it: somebody else may fill it.
 *
 * What a run that was killed has left open is mended while the next slice is written already: what closing it takes
 * grows with what came in two minutes, and frames do not wait.
 *
 * After slices_begin() all of it is done by one thread, the one that closes slices, but for what says otherwise. */
#ifndef SEINE_PIPELINE_SLICES_H
#define SEINE_PIPELINE_SLICES_H

#include "base/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* When the next slice begins, and what is kept. 0 is no limit. They may be changed between two frames: slices_heed(). */
struct slices_options {
    int64_t rotate_ns;     /* as old as this */
    uint64_t rotate_len;   /* or as long, in bytes */
    int64_t keep_ns;       /* slices that were written since */
    uint64_t keep_len;     /* bytes of all */
    unsigned keep_percent; /* of the filesystem, whoever uses it */
};

enum {
    SLICES_PATH_MAX = 4096,
    SLICES_KEEP_LEAST =
        32 << 20, /* less is refused: the log of the one that is written may have half of it */
};

struct kept_slice {
    uint32_t number;
    bool logged; /* somebody read it when it was closed: it has its log beside it yet */
    struct case_file *
        held; /* owned: that one, open, so that its readers find each other; NULL: there are many */
    bool open; /* a run that was killed has left it so */
    uint64_t len;
    int64_t written_ns; /* last */
    int64_t closed_ns;  /* by this run, by a clock that nobody sets; 0: by an earlier one */
};

struct slices {
    const char *folder;                   /* borrowed */
    int lock;                             /* the folder's: it has one writer */
    const struct slices_options *options; /* borrowed; of the thread that captures */
    uint32_t number;                      /* of the slice that is being written; 0: of none */
    uint32_t evidence_id;                 /* the highest in it, or the one before */

    atomic_int_least64_t keep_ns; /* as the options say: slices_heed() */
    atomic_uint_least64_t keep_len;
    atomic_uint keep_percent;

    struct kept_slice *kept; /* closed ones, by number; owned */
    size_t kept_count, kept_room;
    unsigned held_count;               /* of them */
    uint64_t tended_len;               /* of all, when they were last tended */
    atomic_uint_least64_t closing_len; /* of those on their way to be closed; by the writer, too */
    bool unindexed;                    /* it is not known that they have their indexes */
    atomic_bool unmended;              /* slices_mend() has something to do */

    /* Of the thread that closes, for another one. */
    atomic_bool is_short; /* the disk is fuller than it may be, and there is no slice to remove */
    atomic_uint_least64_t disk_len; /* all that the disk has; 0: nobody knows yet */
    atomic_uint_least64_t removed_for_room;

    atomic_bool told; /* `sentence` is there */
    struct error sentence;
};

/* Looks at the folder, which is made where there is none, and removes what is not to be kept. STATUS_FAILED also where
 * another run writes into the folder. After a failure, too, slices_end(). */
enum status slices_begin(struct slices *s, const char *folder, const struct slices_options *options,
                         struct error *err);
void slices_end(struct slices *s);

/* Where a slice lies. False when that is too long. May be called by another thread. */
bool slices_path(char path[SLICES_PATH_MAX], const struct slices *s, uint32_t number);

/* And the frames of it. */
bool slices_frames_path(char path[SLICES_PATH_MAX], const struct slices *s, uint32_t number);

/* The first id of a flow in a slice. */
int64_t slices_first_flow_id(uint32_t number);

/* The options may have changed: what is kept goes by them from now on. By another thread. */
void slices_heed(struct slices *s);

/* Whether one that is so old, and so long with its log, is to be the last no more. By another thread. */
bool slices_is_over(const struct slices *s, int64_t age_ns, uint64_t len);

/* Tells the store of the file of frames beside it, by which its evidence from that one on will be known again. By who
 * writes the store. */
struct store;
void slices_tell_frames(struct store *store, uint32_t first_evidence_id, const char *path);

/* A slice is begun; another is closed, and one file unless `logged`, when `held`, which may be NULL, is taken over. The
 * catalogue hears of it. */
void slices_began(struct slices *s, uint32_t number, int64_t first_ns);
void slices_closed(struct slices *s, uint32_t number, bool logged, struct case_file *held);

/* A slice that nobody closes, since what began the next one failed: it is one of those that may go. */
void slices_left(struct slices *s, uint32_t number);

/* What is wrong with it, to be told: slices_remark(). */
void slices_tell(struct slices *s, const struct error *why);

/* Removes what is not to be kept, beside the one that is being written, which has so many bytes. To be done about
 * once a second. */
void slices_tend(struct slices *s, uint64_t writing_len);

/* The same for the last time: nothing more is to be written, so that nothing has to make room for it. */
void slices_tend_last(struct slices *s);

/* Removes the oldest, since a quota is full: the last one as well, where the one that was being written has enough to be
 * what stays. */
void slices_make_room(struct slices *s);

/* Mends and closes one slice that was left open, the oldest; when there is none left, builds the indexes that the last
 * closed ones lack. To be called while slices_wants_mending(), which any thread may ask. */
bool slices_wants_mending(const struct slices *s);
void slices_mend(struct slices *s);

/* What has been done or has gone wrong, once; false: nothing. By another thread. */
bool slices_remark(struct slices *s, struct error *sentence);

#endif
