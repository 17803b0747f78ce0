/* readings.h - the captures of a run: which come first, and which need not be read. */
#ifndef SEINE_PIPELINE_READINGS_H
#define SEINE_PIPELINE_READINGS_H

#include "pipeline/reading.h"

#include <stdbool.h>
#include <stddef.h>

/* Sorts by the time of the first frame, and what has no frame to the end. What can be read only once keeps its
 * place among the arguments: pipes come first, since their frames cannot be looked at and put back.
 * STATUS_FAILED when a file cannot be read; the order is then as it was. */
enum status readings_in_order(struct reading *readings, size_t count, struct reading_memory *memory,
                              struct error *err);

/* By what a capture is known again. All borrowed. */
struct known_where {
    struct store *store;
    const char *
        option_text; /* JSON, as it stands in `evidence`: read with others, it is another reading */
    bool no_hash;    /* a fingerprint must do */
};

/* Says of each whether it is in the case, or the same as one before it. Files that look alike are hashed to be
 * sure; their `file_hash` stays. Pipes are not known. `known` has room for `count`. */
enum status readings_known(struct reading *readings, size_t count, bool *known,
                           const struct known_where *by, struct error *err);

#endif
