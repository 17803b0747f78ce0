/* slices.h - the folder that a live run fills, a case after the other.
 *
 *     FOLDER/seine-000001.db    closed, and whole
 *     FOLDER/seine-000002.db    being closed, by another thread
 *     FOLDER/seine-000003.db    the one that is being written
 *
 * Slices are numbered from 1 and never use a number again, unless all are gone. When the folder has more than it is
 * to keep, whole slices go, the oldest first, never the one that is being written. */
#ifndef SEINE_PIPELINE_SLICES_H
#define SEINE_PIPELINE_SLICES_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* When the next slice begins, and what is kept. 0 is no limit. */
struct slices_options {
    int64_t rotate_ns;     /* as old as this */
    uint64_t rotate_len;   /* or as long, in bytes */
    int64_t keep_ns;       /* slices that were written since */
    uint64_t keep_len;     /* bytes of all */
    unsigned keep_percent; /* of the filesystem, whoever uses it */
};

enum { SLICES_ID_BITS = 40, SLICES_NUMBER_MAX = (1 << 22) - 1, SLICES_PATH_MAX = 4096 };

struct slices {
    const char *folder;                   /* borrowed */
    const struct slices_options *options; /* borrowed */
    uint32_t number;                      /* of the slice that is being written; 0: of none */
    uint32_t evidence_id;                 /* the highest in it, or the one before */
};

/* Looks at the folder, which is made where there is none. What a run that was killed has left open is mended and
 * closed; `tell` hears of it. STATUS_FAILED also where another run writes into the folder. */
enum status slices_begin(struct slices *s, const char *folder, const struct slices_options *options,
                         void (*tell)(void *context, const char *sentence), void *context,
                         struct error *err);

/* Where a slice lies. False when that is too long. */
bool slices_path(char path[SLICES_PATH_MAX], const struct slices *s, uint32_t number);

/* The first id of a flow in a slice. */
int64_t slices_first_flow_id(uint32_t number);

/* Removes what is not to be kept, of the slices below `number`: how many. May be called by another thread. */
unsigned slices_prune(const struct slices *s, uint32_t number);

#endif
