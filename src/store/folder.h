/* folder.h - many cases at hand: the slices of a folder, or cases that are named.
 *
 *     FOLDER/slices.db          the catalogue: what lies in which slice, kept by who writes the folder
 *     FOLDER/seine-000001.db    closed slices, whole cases each
 *     FOLDER/seine-000002.db
 *     FOLDER/seine-000003.db    the one that is being written
 *
 * Ids of slice n have n in front: flow_id is n * 2^40 and more, so that they are unique in the folder, and
 * an id says which slice has it. When its rows were, only the catalogue says; a slice that it does not know
 * (or knows with another size) is opened once to be asked, so the catalogue makes nothing true, only fast.
 *
 * Slices are opened when something is asked of them, read-only, at most FOLDER_OPEN_MAX at a time; only where
 * one statement has rows of more slices in hand at once are there more, up to FOLDER_OPEN_MOST. One that has gone
 * meanwhile is no trouble: the oldest are deleted when room is wanted. One that cannot be read is told, once,
 * and the others go on. */
#ifndef SEINE_STORE_FOLDER_H
#define SEINE_STORE_FOLDER_H

#include "base/error.h"
#include "store/reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FOLDER_ID_BITS = 40,               /* of an id, below the number of its slice */
    FOLDER_NUMBER_MAX = (1 << 22) - 1, /* a stream_id is twice a flow_id, and has 63 bits */
    FOLDER_SLICE_MAX = 1 << 17,        /* slices of one folder; at some 100 bytes each */
    FOLDER_OPEN_MAX = 8,
    FOLDER_OPEN_MOST = 64,
    FOLDER_NAME_MAX = 32, /* bytes of a slice's name, its NUL included */
};

/* The name of a slice in its folder: seine-000001.db. */
void folder_slice_name(char name[FOLDER_NAME_MAX], uint32_t number);

/* The number in such a name; 0 for any other name. */
uint32_t folder_slice_number(const char *name);

/* What is known of a slice. Ids are as they are shown, see folder_open_cases(). A range whose first is above
 * its last is empty. */
struct slice {
    uint32_t number;
    bool known;    /* the ranges and counts below are of now */
    bool growing;  /* it may have rows beyond them: it is being written, or was cut off */
    bool begun;    /* first_ns is known, though nothing else is */
    bool broken;   /* it could not be read, and that was told */
    int64_t bytes; /* of the file */
    int64_t first_ns, last_ns; /* no row of the slice has a time outside */
    int64_t first_flow_id, last_flow_id;
    int64_t first_evidence_id, last_evidence_id;
    int64_t flows, frames;
    uint32_t opened; /* times that it was opened by this folder */
    int64_t
        block; /* ids that are not of flows, streams and evidence are shown with this in front */
    int64_t flow_shift; /* what is added to flow_id; twice that to stream_id */
    int64_t evidence_shift;
};

struct folder;

/* What is done with the connection to each slice when it has been opened, such as to register functions there; all
 * zeros: nothing. A failure is the slice's, which is then told and left out. */
struct folder_setup {
    enum status (*opened)(const void *context, sqlite3 *db, struct error *err);
    const void *context; /* borrowed */
};

/* Who is told, in a sentence, of slices that cannot be read, whose rows are `missing` then, and of what takes time.
 * `tell` may be NULL. */
struct folder_ear {
    void (*tell)(void *context, const char *sentence, bool missing);
    void *context;
};

/* Lists the slices of a folder. STATUS_FAILED: it cannot be listed, has no slice or too many. */
enum status folder_open(struct folder **folder, const char *path, struct folder_ear ear,
                        struct error *err);

/* The same for cases that are named, which get the numbers 1, 2, ... in their order. Their ids stay as they
 * are where no two cases have ids of one block of 2^40 (slices have not). Else each case gets a block of
 * its own: the first keeps its ids, the next has 2^40 added to them, the third 2 * 2^40, ... (to stream_id twice
 * that, so that it is still 2 * flow_id + side). Each of them must be a case. */
enum status folder_open_cases(struct folder **folder, char *const *paths, size_t count,
                              struct folder_ear ear, struct error *err);
void folder_close(struct folder *folder); /* NULL is allowed */

bool folder_is_one(const char *path); /* whether a path is a folder of the filesystem */

/* For all slices from now on; those that are open are closed, so nobody may have one. */
void folder_set_up(struct folder *folder, struct folder_setup setup);

/* Looks whether slices have come or gone; at most once a second. Slices that are handed out die. */
enum status folder_refresh(struct folder *folder, struct error *err);

size_t folder_slice_count(const struct folder *folder);
const struct slice *folder_slice_at(const struct folder *folder,
                                    size_t index); /* by number, ascending */

/* The path of a slice, to be freed; NULL for want of memory. */
char *folder_slice_path(const struct folder *folder, uint32_t number);

/* What rows are asked for, as ranges that include their ends: of a slice that has none such in one of them,
 * nothing is wanted. */
struct folder_wish {
    int64_t flow_low, flow_high;
    int64_t evidence_low, evidence_high;
    int64_t time_low, time_high;
    int64_t number_low, number_high;
    bool nothing;
};
void folder_wish_all(struct folder_wish *wish);

/* The next slice after `number` (0: the first) that may have what is wished for. `backwards`: the one before it
 * (0: the last). Opens what it does not know, where it must. STATUS_END: none is left; STATUS_FAILED: for want of
 * memory. */
enum status folder_next(struct folder *folder, uint32_t *next, uint32_t number, bool backwards,
                        const struct folder_wish *wish, struct error *err);

/* Whether by what is known of it a slice may have what is wished for. */
bool folder_allows(const struct folder *folder, const struct slice *slice,
                   const struct folder_wish *wish);

/* Whether flow_id rises from each slice to the next; of cases that are named it need not. */
bool folder_ids_rise(const struct folder *folder);

/* A slice that is open. It stays so until folder_unpin(), and as long as there is room after that. */
struct open_slice;

/* STATUS_END: it has gone, or cannot be read, which has been told. */
enum status folder_pin(struct folder *folder, struct open_slice **open, uint32_t number,
                       struct error *err);
void folder_unpin(struct folder *folder, struct open_slice *open);

struct reader *open_slice_reader(struct open_slice *open);
const struct slice *open_slice_of(struct open_slice *open);

/* Which of the columns of a table a slice has, as bits in the order of `names`. Asked once a table, which is
 * known by `key` (below FOLDER_KEYS). */
enum { FOLDER_KEYS = 32 };
bool open_slice_knows(const struct open_slice *open, unsigned key); /* whether it has been asked */
enum status open_slice_columns(struct open_slice *open, uint64_t *present, unsigned key,
                               const char *table, const char *const *names, size_t count,
                               struct error *err);

/* A prepared statement, from those that were given back, or a new one. Whoever has one has pinned the slice. */
enum status open_slice_statement(struct open_slice *open, sqlite3_stmt **statement, const char *sql,
                                 struct error *err);
void open_slice_give_back(struct open_slice *open, sqlite3_stmt *statement);

/* Something of the slice could not be read: it is told, and not asked again. `err` NULL: only not asked again. */
void folder_give_up(struct folder *folder, uint32_t number, const struct error *err);

/* Nobody reads now: slices that are being written are closed, since whoever writes them cannot end a log that
 * somebody has open. */
void folder_rest(struct folder *folder);

/* From a handler of signals: ends what is being read of any slice, as sqlite3_interrupt() does. */
void folder_interrupt(struct folder *folder);

/* The catalogue, for the one who writes the folder; each call is a transaction of its own. A slice is begun
 * when its first frame comes, and closed when its file is whole, in one piece, and will not change any
 * more; then it is opened and asked for its ranges. */
#define FOLDER_CATALOGUE "slices.db"
enum status folder_catalogue_begin(const char *folder, uint32_t number, int64_t first_ns,
                                   struct error *err);
enum status folder_catalogue_add(const char *folder, uint32_t number, struct error *err);
enum status folder_catalogue_remove(const char *folder, uint32_t number, struct error *err);

/* Makes it anew from the slices that are there. Slices that cannot be read are left out, and told. */
enum status folder_catalogue_rebuild(const char *folder, struct folder_ear ear, struct error *err);

/* For folder.c: fills in what the catalogue knows of slices whose files have the size that it says.
 * *usable is false, with a sentence, where there is none or it makes no sense; that is no failure, unless it is
 * for want of memory. */
void folder_catalogue_read(const char *folder, struct slice *slices, size_t count, bool *usable,
                           struct error *err);

/* Asks a case for its ranges and counts; number, bytes and shifts stay. */
enum status slice_learn(struct slice *slice, struct reader *reader, struct error *err);

#endif
