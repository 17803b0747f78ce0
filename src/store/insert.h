/* insert.h - every statement that the writer runs, prepared once: the one place where they stand.
 *
 *     struct row *row = insert_begin(in, INSERT_GAP);
 *     put_int(row, 1, stream_id); ...
 *     insert_end(in, row);
 *
 * Bytes and texts that are bound stay where they are until insert_end(). Rows of the tables that
 * most flows fill wait in a batch and are written together, by the worker where there is one, while
 * the next ones come; insert_flush() writes them now, and whoever reads such a table comes after it. A
 * connection does one thing at a time, so every other statement waits for the worker first. The order within a table is that of the calls. The
 * first failure is kept (in->failed, in->error), and from then on insert_begin() gives NULL, which
 * the other functions take and ignore. */
#ifndef SEINE_STORE_INSERT_H
#define SEINE_STORE_INSERT_H

#include "base/error.h"
#include "base/span.h"
#include "store/batch.h"
#include "store/case_file.h"
#include "store/chunk_map.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

enum statement {
    INSERT_FLOW, /* these go through batches */
    INSERT_FLOW_FRAMES,
    INSERT_STREAM,
    INSERT_STREAM_DATA,
    INSERT_ARRIVALS,
    INSERT_GAP,
    BATCH_COUNT,
    INSERT_RUN = BATCH_COUNT,
    UPDATE_RUN_END,
    UPDATE_RUN_SEAL,
    INSERT_EVIDENCE,
    UPDATE_EVIDENCE,
    UPDATE_EVIDENCE_FILE,
    SELECT_EVIDENCE_BY_HASH,
    SELECT_EVIDENCE_BY_FINGERPRINT,
    SELECT_OTHER_KEY,
    INSERT_BLOCK,
    INSERT_INTERFACE,
    INSERT_VERDICT,
    INSERT_NOTE,
    INSERT_STATISTICS,
    INSERT_SECRETS,
    INSERT_CHUNK,
    INSERT_PLACE, /* these of a live case only: live_form.h */
    INSERT_RECENT_PLACE,
    INSERT_RECENT_ARRIVALS,
    INSERT_RECENT_FRAMES,
    SELECT_CHUNK,
    SELECT_CHUNK_ROW,
    SELECT_SMALL,
    SELECT_CHUNKS,
    SELECT_CHUNKS_FROM,
    SELECT_GAP,
    INSERT_CONFLICT,
    INSERT_REFUSED,
    SELECT_REFUSED,
    COPY_REFUSED_FRONT,
    CUT_REFUSED_FRONT,
    CUT_REFUSED_BACK,
    DELETE_REFUSED,
    SELECT_ARRIVALS,
    INSERT_TAKEOVER,
    SELECT_TAKEOVER,
    INSERT_ODDITY,
    UPDATE_ODDITY,
    UPSERT_HOST,
    SELECT_VIEW,
    UPDATE_STREAM_HASH,
    UPDATE_FLOW_LOSSY,
    UPDATE_FLOWS_LOSSY,
    MEND_FLOW,
    MEND_STREAM,
    MEND_ROWS,
    STATEMENT_COUNT
};

struct store_worker;

/* A row, or a query, that is being bound. */
struct row {
    sqlite3_stmt *statement; /* NULL for one that goes through a batch */
    struct batch batch;
};

/* Rows of chunk_data of a fresh case, which are in the order of their ids: chunk_rows.c. */
struct chunk_rows {
    bool mapped; /* a row may go past SQLite, and is in `map` */
    struct chunk_map map;
    size_t cache_len; /* of SQLite when there is no map */

    /* The worker's, and ours when it has nothing to do. */
    struct leaves_tree tree;
    bool past;      /* some rows went past SQLite: the index lacks them */
    bool by_sqlite; /* some did not, though they are in `map` */
};

struct insert {
    struct case_file *file;            /* borrowed */
    const struct store_worker *worker; /* borrowed; NULL: none. It writes batches and chunks */
    const struct store_worker
        *maker;             /* borrowed; makes what rows lack, before that; NULL: who writes does */
    struct batch_size size; /* of each batch */
    struct leaves leaves;   /* of a fresh case */
    struct chunk_rows chunks;
    struct row rows[STATEMENT_COUNT];
    bool failed;
    struct error error; /* valid when failed */

    struct insert_job { /* rows of a batch, on their way */
        struct insert *in;
        struct batch *batch;
        struct batch_rows *rows;
        bool alone;    /* no statement was at work when they were given */
        uint64_t made; /* the maker's turn; 0: none */
        uint64_t turn; /* of the worker; 0: they are written */
    } jobs[BATCH_COUNT][BATCH_SETS];
    uint16_t given; /* how many batches of stream_data, modulo 65536: insert_made() */
    uint64_t turn;  /* the last one; 0: the connection is nobody's but ours */

    /* Hands over what others have collected for insert_give(): before the connection is ours. */
    void (*collected)(void *context);
    void *collected_context;

    /* Of a live case. */
    bool live_form;  /* live_form.h; false: its tables are not as we declare them */
    int step;        /* of its next commit */
    unsigned recent; /* rows that lie by commit */
    unsigned asked;  /* rows of this commit that were to, whether they do or not */
    bool is_broad;   /* the commit before had too many: they are put in their places at once */
    size_t page_size;
    size_t leaf_left; /* bytes of the last leaf of chunk_rows that are free */

    int open; /* statements that were begun, and may not meet the worker's */

    /* The worker's, and ours when it has nothing to do. */
    bool failed_there;
    struct error error_there;
};

/* `memory` is the writer's share of the budget, in bytes: insert_cost() of it is taken for batches, whether
 * there is a worker or not, so that what else there is room for is the same. */
void insert_init(struct insert *in, struct case_file *file, const struct store_worker *worker,
                 const struct store_worker *maker, size_t memory);
size_t insert_cost(size_t memory);
void insert_release(struct insert *in); /* finalizes; the failure stays */

/* Keeps the first failure. */
void insert_fail(struct insert *in, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same with a failure that was met elsewhere, for want of memory, and with what SQLite last said. */
void insert_fail_as(struct insert *in, const struct error *error);
void insert_no_memory(struct insert *in);
void insert_fault(struct insert *in);

/* Has a statement, or a batch, made before it is asked for. False after a failure. */
bool insert_prepare(struct insert *in, enum statement which);

/* Ready to be bound; NULL after a failure. */
struct row *insert_begin(struct insert *in, enum statement which);

/* Runs a statement that gives no rows, or puts the row into its batch. */
void insert_end(struct insert *in, struct row *row);

/* The next row of one that does; false at the end, or on failure. After the last row that is wanted
 * comes insert_done(). */
bool insert_next(struct insert *in, struct row *row);
void insert_done(struct insert *in, struct row *row);

/* Waits until the worker has written what it was given. Who uses the connection otherwise than by these
 * functions comes after it. */
void insert_settle(struct insert *in);

/* Has `task` run by the worker, where there is one: it may write chunks. Returns its turn; insert_wait() returns when that
 * is over. 0: it is. */
uint64_t insert_give(struct insert *in, void (*task)(void *of, struct span unused), void *of);
void insert_wait(struct insert *in, uint64_t turn);

/* A row of chunk_data. */
struct insert_chunk {
    int64_t chunk_id; /* 0: the next one */
    int64_t stream_id, position;
    uint32_t part;
    bool is_busy; /* its stream has many rows in this commit: what is said of them fills pages */
    struct span bytes; /* data NULL: they lie in pieces */
};

/* chunk_rows.c - rows of chunk_data. In a fresh case they go past SQLite, from where their bytes lie, once there are several
 * at a time. Half of SQLite's cache, which they do not need, is for the map that finds them. `stretch`: as of chunk_map.h.
 * Without a call of this they are all SQLite's. */
void insert_chunks_map(struct insert *in, size_t cache_len, int64_t stretch);

/* Gives a row its place among the others; then it is written, in that order: now, or by a task for insert_give(), which
 * writes `count` of them between begin and end. `alone`: insert_is_alone() when the task was given. Pieces, at most
 * LEAVES_PIECES, and bytes must stay until the end; `room` is for the bytes that lie in pieces, where they must be put
 * together. False after a failure. */
bool insert_chunk_ready(struct insert *in, struct insert_chunk *chunk);
void insert_chunk(struct insert *in, const struct insert_chunk *chunk);
void insert_chunks_begin(struct insert *in, unsigned count, bool alone);
void insert_chunk_there(struct insert *in, const struct insert_chunk *chunk,
                        const struct iovec *pieces, unsigned piece_count, uint8_t *room);
void insert_chunks_end(struct insert *in);
static inline bool insert_is_alone(const struct insert *in)
{
    return in->open == 0;
}

/* Whether rows are to be found by these: SQLite's index lacks some. Waits for the worker. The id of the row that covers a
 * position, if any does; 0: none. A row, its bytes copied: false when there is none, or after a failure. The ids of a stream's
 * rows in the order of their positions, until the next call. */
bool insert_chunks_past(struct insert *in);
int64_t insert_chunk_find(struct insert *in, int64_t stream_id, int64_t position);
bool insert_chunk_read(struct insert *in, int64_t chunk_id, struct insert_chunk *chunk, uint8_t *to,
                       size_t room);
const uint32_t *insert_chunks_of(struct insert *in, int64_t stream_id, uint32_t *count);

/* chunk_fit.c - how much of a chunk is best made a row next, so that it fills the pages that it lies on: the last leaf, and whole ones
 * beside it. What is left is the next row. Of a live case; insert_settle() was called. */
size_t insert_chunk_fitting(const struct insert *in, const struct insert_chunk *chunk);
void insert_chunk_fitted(struct insert *in, const struct insert_chunk *chunk); /* it is written */

/* All rows are SQLite's, and their index has them. */
void insert_chunks_index(struct insert *in);

/* Writes what waits in a batch; in all of them. Of gaps what waits is written by itself before a statement that reads them. */
void insert_flush_one(struct insert *in, enum statement which);
void insert_flush(struct insert *in);

/* The digest of the rows of a table, as the seal has it, where all of them came through this batch, in
 * the order of their key. False: they must be read. Once, and no row comes after it. */
bool insert_sum(struct insert *in, enum statement which, uint8_t value[DIGEST_LEN]);

/* Has the tables of a live case take the form that live_form.h tells of, before anything else is written. */
void insert_enter_live_form(struct insert *in, size_t page_size);

/* Whether a row that is to lie by commit first does: of a live case, while there are not too many, which would be moved before
 * others could share pages with them. Then `step` is its commit. */
bool insert_by_commit(struct insert *in);

/* Before each commit of such a one: all has been flushed. */
void insert_step(struct insert *in);

/* Runs SQL without parameters or rows. */
void insert_run(struct insert *in, const char *sql);

/* Binding. A text is UTF-8 already; NULL is NULL. A blob is never NULL, however short. */
static inline void put_int(struct row *row, int at, int64_t value)
{
    if (row && !row->statement)
        batch_put_int(&row->batch, at, value);
    else if (row)
        sqlite3_bind_int64(row->statement, at, value);
}

static inline void put_count(struct row *row, int at, uint64_t value) /* cut at INT64_MAX */
{
    put_int(row, at, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

void put_null(struct row *row, int at);
void put_text(struct row *row, int at, const char *text);
void put_text_len(struct row *row, int at, const char *text, size_t len);
void put_blob(struct row *row, int at, struct span bytes);

/* A blob of a row that goes through a batch; where its bytes lie until that is flushed. Empty after a
 * failure. */
struct span put_blob_kept(struct row *row, int at, struct span bytes);

/* A text of a row that goes through a batch, made by `fill`, on another thread, before that is written: from bytes that are
 * copied here. */
void put_text_made(struct row *row, int at, size_t len, batch_fill *fill, struct span from);

/* The same with what is made from the blob that was put last into stream_data, before that is written: a text of a row of
 * streams, which is written after it, or elsewhere. There insert_made() is asked, with what this returned, before anything is
 * done with it. `to` may be NULL. */
uint8_t *put_text_room(struct row *row, int at, size_t len); /* NULL after a failure */
uint16_t insert_later(struct insert *in, batch_fill *fill, uint8_t *to, struct span from);
void insert_made(struct insert *in, uint16_t made_in);

/* Has one of the two put last made into another place; false where its batch has gone. */
bool insert_later_moves(struct insert *in, const uint8_t *from, uint8_t *to);

#endif
