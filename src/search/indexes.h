/* indexes.h - indexes of a case that are built when asked for.
 *
 * Ingest builds those that most questions need (store/indexes.sql); each of these serves some, and costs
 * room and time that not every case should. An index says nothing that the rows do not, so the seal leaves it
 * out, and verify proves that it agrees with its rows.
 *
 * Each change is one transaction in the rollback journal, flushed: after a kill or a loss of power the index
 * is there or it is not. */
#ifndef SEINE_SEARCH_INDEXES_H
#define SEINE_SEARCH_INDEXES_H

#include "store/reader.h"

enum { INDEX_PARTS_MAX = 2 };

struct index_kind {
    const char *name;   /* NULL ends the table */
    const char *serves; /* the questions */
    const char *table;
    const char *keys; /* SQL: how many bytes the keys of a row have, for the estimate */
    struct index_part {
        const char *name; /* in the case; NULL ends them */
        const char *sql;
    } parts[INDEX_PARTS_MAX + 1];
};

extern const struct index_kind index_kinds[];

/* The kind of that name, or NULL. */
const struct index_kind *index_find(const char *name);

enum index_state {
    INDEX_NONE,
    INDEX_THERE,
    INDEX_FOREIGN, /* something else has a name of its parts: somebody else's, which is left alone */
};
enum status index_state(enum index_state *state, struct reader *reader,
                        const struct index_kind *kind, struct error *err);

/* What it will cost: from the number of rows, and the first of them. */
struct index_cost {
    uint64_t rows;
    uint64_t bytes;
    int64_t ns;
};
enum status index_estimate(struct index_cost *cost, struct reader *reader,
                           const struct index_kind *kind, struct error *err);

/* Builds or drops the parts of kinds, all or none. The case must be checked already (reader_open()), and no
 * reader of the caller's may be open. `memory` is for SQLite's cache. *grown is by how many bytes of
 * pages in use the case has grown; what is dropped leaves its pages to what is added next. */
enum status index_build(int64_t *grown, const char *path, const struct index_kind *const *kinds,
                        size_t count, size_t memory, struct error *err);
enum status index_drop(int64_t *grown, const char *path, const struct index_kind *const *kinds,
                       size_t count, struct error *err);

#endif
