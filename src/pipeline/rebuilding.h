/* rebuilding.h - what the two halves of the proof by an ingest anew share: verify_rebuilt.c repeats the
 * runs of a case, and verify_rows.c compares what they gave with it. */
#ifndef SEINE_PIPELINE_REBUILDING_H
#define SEINE_PIPELINE_REBUILDING_H

#include "pipeline/verification.h"

#include <limits.h>

struct rebuilding {
    struct verification *v;
    char folder[PATH_MAX - 16], path[PATH_MAX];
    uint32_t page_size;
    sqlite3 *scratch; /* the case that was built anew; ours, so it is trusted */
    char version[64]; /* of the seine that made the last run, when it is not this one; else empty */
    uint64_t rows;
    bool differs;
};

/* Whether the user has asked to stop. */
bool rebuilt_is_stopped(const struct rebuilding *b);

/* Says what differs. Another seine may read captures otherwise, and that proves nothing. */
void rebuilt_differs(struct rebuilding *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Compares the case with the one built anew, and says how they differ; counts the rows that are the
 * same. */
enum status rebuilt_compare(struct rebuilding *b);

#endif
