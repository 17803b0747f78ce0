/* byte_model.h - what reassembly must find, byte by byte, so plainly that it cannot be wrong.
 *
 * The first arrival that brings a position owns it; a later one that brings another byte there is
 * in conflict with it. The model keeps an array with one cell a position and does nothing clever:
 *
 *     arrivals   AAA@0 CC@6 AxB@1 D~@8
 *
 *     position    0  1  2  3  4  5  6  7  8  9
 *     byte        A  A  A  B  .  .  C  C  D  ~        model_picture()
 *     owner       0  0  0  2  -  -  1  1  3  -
 *     conflicts         x                             arrival 2, position 2, length 1
 *     gaps                    4, length 2
 *     cuts                                   9, length 1
 *
 * It decides overlaps only. It has no windows, sequence numbers, checksums or budgets: whoever
 * compares feeds the real thing what it accepts whole, or leaves what it refuses out of the list.
 *
 * To compare with a case: `present` is the stream's bytes, in order, gaps left out; `start`,
 * `stored`, `missing`, `truncated` are the columns of streams; `gaps` and `cuts` together are the
 * rows of gaps; `conflicts` are the rows of conflicts in the order of arrival. A conflict range is
 * maximal among positions, and may lie over bytes of more than one owner: cells[] tells them. */
#ifndef SEINE_TESTS_BYTE_MODEL_H
#define SEINE_TESTS_BYTE_MODEL_H

#include "property/arrivals.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODEL_NOBODY = -1 };

struct model_cell {
    int owner;    /* index of the arrival whose byte is kept, or MODEL_NOBODY */
    uint8_t byte; /* kept: of the first arrival that brought one */
    uint8_t last; /* of the last arrival that brought one: policy `last` */
    bool sent;    /* some arrival covers it, captured or not */
};

struct model_range {
    int64_t position;
    size_t length;
};

struct model_conflict {
    size_t arrival; /* index of the later one */
    int64_t position;
    size_t length;
    const uint8_t *other; /* its bytes there; borrowed from the arrivals */
};

struct model {
    int64_t low; /* position of cells[0]: the lowest that was sent, captured or not */
    struct model_cell *cells;
    size_t cell_count;

    struct model_conflict *conflicts; /* by arrival, then by position */
    size_t conflict_count;
    struct model_range *gaps; /* sent by nobody, between the lowest and the highest sent; rising */
    size_t gap_count;
    struct model_range *cuts; /* sent, but never captured; rising */
    size_t cut_count;

    uint8_t *present; /* the kept bytes in order */
    int64_t start;    /* the lowest position kept; `low` where there is none */
    size_t stored;    /* bytes in `present` */
    size_t missing;   /* in gaps */
    size_t truncated; /* in cuts */
};

/* Runs the list, which must stay as it is until model_release(). The whole stretch of positions is
 * in memory: at most 64 Mi of them, else it aborts. */
void model_init(struct model *m, const struct arrivals *arrivals);
void model_release(struct model *m);

/* The cell of a position; NULL outside of all. */
const struct model_cell *model_at(const struct model *m, int64_t position);

/* Bytes as letters, '.' a hole, '~' a byte that was cut off; the first is at `low`. For free(). */
char *model_picture(const struct model *m);

/* The conflicts as a picture of the bytes that lost: "x@2 yy@7". For free(). */
char *model_conflict_picture(const struct model *m);

#endif
