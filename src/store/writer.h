/* writer.h - what the files of the writer share: the store itself, and what it keeps of a live
 * flow.
 *
 *     struct flow ── kept ──► kept_flow ── diary: pages          while all is as usual; then
 *                                 │ ├───── frames (blob)
 *                                 │ └───── oddities
 *                                 └─ sides ─► kept_stream ── arrivals (blob), digest, gap, sums
 *                                                 └───────── slots: chunks being filled
 *
 * All of it lies in buffers of store/memory.h. When they are used up, flows that nobody has touched
 * for longest write what they have: blobs as parts, slots and diaries as rows. Nothing is lost by that; the
 * rows are only more and shorter. What is left of a flow then is its structs (STORE_FLOW_COST), mostly as one: rest.c. */
#ifndef SEINE_STORE_WRITER_H
#define SEINE_STORE_WRITER_H

#include "base/buffer.h"
#include "base/digest.h"
#include "store/blobs.h"
#include "store/hosts.h"
#include "store/insert.h"
#include "store/layout.h"
#include "store/memory.h"
#include "store/store.h"

#include <stdatomic.h>
#include <stddef.h>

/* Records on their way to a row of flow_frames or arrivals. What is needed of the last one lies in
 * front of them in the same buffer, and goes when it goes; see records.c. */
struct blob {
    uint8_t *data; /* NULL while empty */
    uint16_t len;  /* of the records */
    uint8_t size_class;
    uint8_t pace;   /* of a live case: records.c */
    uint32_t count; /* records in it */
    uint32_t parts; /* rows written before it */
};

enum { BLOB_HEAD = 48 }; /* bytes of what is needed of the last record, about */

enum { SLOT_RUNS = 14, SLOTS_OPEN = 8 };

struct run {
    uint16_t begin, end;
};

/* A chunk being filled: positions [begin, begin + store.slot_len), as far as they came. It lies in one buffer
 * with its bytes, and moves when it grows. */
struct slot {
    struct slot *next; /* the next higher one that is open */
    int64_t begin;     /* a multiple of store.slot_len */
    struct run *runs;  /* SLOT_RUNS of them, once it has been more than one; NULL */
    struct run one;    /* valid while `runs` is NULL */
    uint32_t part;     /* no byte in it came before this part of the stream's arrivals */
    uint16_t from;     /* from here on, counted from `begin`, there is room for bytes */
    uint8_t size_class;
    uint8_t run_count : 4; /* what is there: sorted, never touching */
    uint8_t
        piece_count : 4; /* its only run lies in so many pieces elsewhere: of its bytes a `loan` is used */
    uint8_t data[];
};
enum { SLOT_HEAD = offsetof(struct slot, data) };

/* Bytes of a slot that stay where they came (store_frames_last()), one piece behind the other, until it is written or they
 * are wanted in one. */
enum { LOANS_MOST = 1024 };
struct loan {
    unsigned index; /* in store.loans */
    struct iovec pieces[LEAVES_PIECES];
};

struct pending_gap {
    int64_t position, len; /* len 0: none */
    uint8_t cause;
    bool tail;
};

/* What only few streams need. */
struct stream_rare {
    struct pending_gap gap;
    uint64_t missing, truncated, missing_tail, conflicted;
    uint64_t unhashed; /* bytes from hashed_to on, by reference; valid with kept_stream.behind */
    bool tail_lost;    /* some of the missing tail is not just truncated */
    int64_t shed_from, shed_to; /* all of what was shed lies between; valid with kept_stream.shed */
    int64_t
        carried_to; /* what was stored of it in earlier slices, or shed there, lies below; valid with
                           kept_stream.carried */
};

struct kept_stream {
    struct blob arrivals;
    union {
        struct {
            struct slot *slots;    /* in order of position */
            struct slot *current;  /* the one used last; NULL or one of them */
            struct digest *digest; /* of the rows so far; NULL before, or when `rehash` */
            int64_t hashed_to;     /* valid when rows > 0; by reference, when stored > 0 */
        };
        uint8_t value[DIGEST_LEN]; /* when `settled`: of all that came */
    };
    struct stream_rare *rare; /* NULL: all zero */
    int64_t start;            /* the lowest position present; valid when stored > 0 */
    uint64_t stored;          /* bytes present */
    uint32_t rows;            /* of stream_data and chunk_data; at most UINT32_MAX are counted */
    union {
        struct {
            uint8_t slot_count;
            uint8_t
                fresh; /* rows since the last commit of a live case; at most UINT8_MAX are counted */
        };
        uint16_t made_in; /* while `awaited`: by which insert_made() says that `value` is there */
    };
    bool settled : 1; /* all is rows, and hashed: `value` stands where slots and digest stood */
    bool small : 1;   /* its first row is in stream_data */
    bool
        rehash : 1; /* rows did not come in order, or were changed: they are read again at the end */
    bool taken : 1;      /* a provisional byte was replaced: owners stand in temp.takeovers */
    bool told : 1;       /* it has a row in streams, which is renewed */
    bool shed : 1;       /* from rare->shed_from on it keeps nothing: shed.c */
    bool behind : 1;     /* some rows from hashed_to on are not hashed yet: chunks_commit() */
    uint8_t commits : 2; /* for which it has been so */
    bool carried : 1;    /* it goes on from an earlier slice: carry.c */
    bool idle : 1;       /* nothing has come of it in this one: it has no row */
    bool
        awaited : 1; /* it is settled, but `value` is made with its row, and nobody else's until then */
};
_Static_assert(sizeof(struct kept_stream) + MEMORY_BESIDE <= STORE_STREAM_COST,
               "a million live flows have two millions of these");

struct oddity_count {
    struct oddity_count *next; /* in order of first appearance */
    char *text;                /* the first that was given, UTF-8; NULL */
    uint64_t first, last;      /* frames; 0 when there is none */
    uint64_t count;
    uint32_t evidence_id;
    uint8_t kind;
    uint8_t text_class;
};

/* What a flow had when it was carried over from an earlier slice: the row of this one is of what came since. */
struct kept_base {
    int64_t continues; /* its flow_id there */
    uint64_t packets[2], bytes[2], ip_bytes[2], frame_bytes[2], again[2],
        carried[2];   /* by enum side */
    int64_t first_ns; /* of its first frame in this slice, as the next; valid with evidence_id */
    uint64_t first_frame;
    uint32_t evidence_id; /* 0: none has come */
};

struct diary_page;

enum { DIARY_BEGIN = 44 };

/* See diary.c. */
struct diary {
    struct diary_page *last; /* NULL: all of it is in `begin` */
    uint64_t number, offset; /* of the last frame */
    int64_t time_ns;         /* likewise */
    uint16_t used;           /* bytes of the last page, or of `begin` */
    uint16_t stored[2];      /* payload by enum side, from position 0 on */
    uint16_t captured;       /* of the last frame; 0: it is longer */
    uint8_t frames, segments[2];
    uint8_t last_class; /* of the last page: its beginning need not be looked at */
    uint8_t begin[DIARY_BEGIN];
};

/* What is kept of a flow of which all is written, if it is no more than this: rest.c. */
struct kept_rest {
    int64_t flow_id;
    uint8_t values[2][DIGEST_LEN]; /* by enum side, as the next; valid with store.hash */
    uint32_t stored[2];
    uint8_t rows[2];
    uint8_t arrivals_parts[2]; /* 0: there is no such stream */
    uint16_t frames_parts;
    uint16_t
        made_in; /* with kept_flow.rest_awaited: by which insert_made() says that `values` are there */
};

struct kept_flow {
    struct oddity_count *oddities;
    struct kept_flow *older, *newer; /* in the queue of store.queues that `queue` says */
    uint8_t queue : 2;               /* enum kept_in */
    bool touched : 1;                /* since it was looked at for what could be written early */
    bool oddities_told : 1;          /* some of its oddities are rows already */
    bool told : 1; /* it has a row in flows, which is renewed, and its hosts know of it */
    bool is_diary : 1;
    bool is_rest : 1; /* then it waits in KEPT_BARE */
    bool is_over : 1; /* probably nothing more comes */
    uint8_t
        rest_small : 2; /* a bit for each side: its first row is in stream_data; while `is_rest`, as the next */
    bool rest_awaited : 1;
    uint16_t interface_id; /* of the frames of its diary, as the next */
    uint32_t evidence_id;
    union {
        struct diary diary;    /* while `is_diary`; then none of the others: */
        struct kept_rest rest; /* while `is_rest`; likewise */
        struct {
            struct kept_stream *sides[2];
            struct blob frames;
            struct kept_base *base; /* NULL: it began in this slice */
            int64_t flow_id;        /* 0 while nothing of it is written */
        };
    };
};
_Static_assert(sizeof(struct kept_flow) + MEMORY_BESIDE <= STORE_FLOW_COST,
               "a million live flows have a million of these");
_Static_assert(sizeof(struct kept_rest) <= sizeof(struct diary), "it lies where the diary lay");

/* Where no flow has a diary, flows take no more than this. */
enum { KEPT_FLOW_ORDINARY = offsetof(struct kept_flow, flow_id) + sizeof(int64_t) };

/* What a live flow has that could be written early: perhaps some; digests at most, after a commit; nothing; and
 * perhaps some, but nothing more is awaited. */
enum kept_in { KEPT_FULL, KEPT_WRITTEN, KEPT_BARE, KEPT_OVER, KEPT_QUEUES };

struct kept_queue {
    struct kept_flow *oldest, *newest;
};

/* What a diary says, as rows have it. */
struct diary_rows {
    uint8_t *bytes;    /* owned: all of it, the frames first */
    size_t frames_len; /* of their blob */
    uint32_t frame_count;
    struct frame_record last;
    struct diary_side {
        uint8_t *arrivals, *payload; /* in `bytes` */
        size_t arrivals_len;
        uint32_t payload_len;
        uint32_t count; /* of arrivals */
        struct arrival_record last;
    } sides[2];
};

/* Who reads one: for the flow at work, and for one that must be written early to make room for that. */
enum { DIARY_AT_WORK, DIARY_EARLY, DIARIES_READ };

struct diaries {
    uint8_t frames_most, segments_most; /* of one, and of a side of it; 0: there are none */
    uint16_t stored_most;               /* bytes of a side */
    bool has_begun;
    int64_t begin_ns; /* of the first frame in any, with has_begun */
    struct diary_rows read[DIARIES_READ];
};

enum {
    LENT_TOGETHER = 16,
    LENT_LEAST = 64 << 10, /* bytes of a group */
    LENT_MOST = 256 << 10,
    LENT_GROUPS_LEAST = 4,
    LENT_GROUPS_MOST =
        16, /* more than who hashes and who writes do in a slice of the scheduler's */
    LENT_SHARE =
        16, /* of the memory for what is kept: what all groups may have, where that is more */
};

/* A full chunk, on its way. */
struct lent {
    struct digest *digest; /* NULL: it is not hashed */
    struct slot *slot;     /* in which its bytes lie, or have room */
    struct insert_chunk chunk;
    struct iovec pieces[LEAVES_PIECES]; /* of its bytes */
    unsigned piece_count;
    bool more; /* bytes of the slot are lent behind these, with which it comes back */
};

struct lent_group {
    struct lent lents[LENT_TOGETHER];
    unsigned count;
    size_t bytes;                 /* at most store.lent_bytes and those of the last one */
    uint64_t number;              /* groups are counted as they are handed over, from 1 */
    uint64_t hash_turn, row_turn; /* 0: done */
    bool alone;                   /* no statement was at work when it was handed over */
    struct insert *insert;
};

enum { LOSSES_MOST = 64, ENDED_MOST = 4096, SHED_EVIDENCE_MOST = 64 };

/* What only a live case needs. */
struct live_store {
    bool on;

    /* When frames were lost: stretches of time, the latest last. */
    struct loss {
        int64_t begin_ns, end_ns;
    } losses[LOSSES_MOST];
    unsigned loss_count;

    /* Flows that ended since it was last said whether frames were lost: the first so many, and the lowest id. */
    int64_t ended[ENDED_MOST];
    unsigned ended_count;
    int64_t ended_lowest; /* of those beyond; INT64_MAX: none */

    /* Set by whoever sees how far behind we are. */
    atomic_int shed_level; /* enum store_shed */
    atomic_uint_least64_t shed_above;
    struct shed_count {
        uint32_t evidence_id;
        uint64_t frames;
    } shed[SHED_EVIDENCE_MOST];
    unsigned shed_count;

    struct mending
        *mending; /* owned: what a killed run left, and is not mended yet; NULL: nothing */

    struct store_options options; /* of each slice */
    size_t cache_len;
    int64_t begun_ns;           /* when this slice began */
    uint32_t first_evidence_id; /* of this slice */

    /* The part of an arrival that is kept. */
    struct shed_rest {
        struct arrival arrival;
        struct range fresh[RANGES_MAX + 1], taken[RANGES_MAX + 1];
    } * rest; /* owned */
};

struct store {
    struct sink sink; /* first: the sink's address is the store's */
    struct case_file file;
    struct insert insert;
    struct memory memory;
    struct hosts hosts;
    size_t memory_len;
    bool hash, sync;
    char *remark; /* NULL when there is none, or it was told */

    int64_t run_id;
    uint32_t next_evidence_id;
    int64_t next_flow_id, first_flow_id;  /* of this run */
    const struct policy_choice *policies; /* borrowed; NULL: all are first */
    struct oddity_count *oddities;        /* without a flow */
    struct oddity_count
        *recent_oddities[ODDITY_COUNT]; /* of each kind, the one of those used last */

    struct kept_queue queues[KEPT_QUEUES]; /* live flows */
    unsigned over_count;                   /* flows in KEPT_OVER */
    unsigned full_count;                   /* in KEPT_FULL */
    bool is_short;          /* memory has run out: of what is over only few wait for their end */
    struct kept_flow *busy; /* not to be asked: the one at work */

    uint16_t slot_len;   /* bytes of a full chunk */
    uint16_t frames_len; /* bytes of a full blob of frames */
    uint16_t arrivals_len;
    uint16_t fast_frames_len; /* where many come: records.c */
    uint16_t fast_arrivals_len;
    struct diaries diaries;
    struct digest digest;                     /* for streams that have none of their own */
    const struct store_worker *hasher;        /* borrowed; NULL: none */
    struct lent_group lent[LENT_GROUPS_MOST]; /* a ring of lent_groups */
    unsigned lent_groups, lent_open;          /* how many, and the one being filled */
    uint64_t lent_number,
        lent_before;   /* the last one handed over; and when lending_turn() was called */
    size_t lent_bytes; /* of a group */
    bool frames_last;  /* store_frames_last() */
    struct slot *loans[LOANS_MOST]; /* that have pieces */
    unsigned loan_count;
    const struct payload_source *reference; /* borrowed; NULL: payload is kept */
    struct layout *layout;                  /* NULL until something is read again from there */
    const struct kept_stream *laid_out;     /* whose bytes it has; NULL: nobody's */
    int64_t last_small; /* the stream_id of the last row of stream_data in this run */

    /* The chunk row that was read last: a retransmission seldom comes alone. */
    struct {
        int64_t stream_id; /* -1: none */
        int64_t chunk_id, position;
        uint32_t part;
        uint32_t len;
        bool small;    /* it is of stream_data, and has no chunk_id */
        uint8_t *data; /* MEMORY_MOST bytes */
    } cached;

    /* Positions whose bringer was looked up last. */
    struct {
        int64_t stream_id; /* -1: none */
        int64_t begin, end;
        uint32_t evidence_id;
        uint64_t frame;
    } owner;

    struct buffer kept_bytes; /* what is held of an arrival that is compared */
    struct buffer text;       /* for what is made valid UTF-8 */
    bool oddities_indexed, refused_indexed;
    uint32_t evidence_looks; /* how often it was asked whether evidence is there */
    bool takeovers;          /* temp.takeovers is there */
    struct store_counts counts;
    struct live_store live; /* live.c */
};

/* keep.c - what is kept of a live flow. */
struct kept_flow *keep_flow(struct store *s, struct flow *flow);     /* NULL after a failure */
struct kept_flow *keep_unfolded(struct store *s, struct flow *flow); /* it has no diary, then */
void keep_over(struct store *s, struct kept_flow *k); /* nothing more of it is awaited */
void keep_is_ordinary(struct kept_flow *k);           /* from now on, and empty */
struct kept_stream *keep_stream(struct store *s, struct kept_flow *k,
                                enum side side); /* likewise */
struct kept_stream *keep_stream_by_force(struct store *s, struct kept_flow *k,
                                         enum side side); /* likewise, and nobody writes early */
struct stream_rare *keep_rare(struct store *s, struct kept_stream *t); /* likewise */
void keep_drop(struct store *s, struct kept_flow *k); /* gives all back, unwritten */
void keep_drop_all(struct store *s);
void keep_write_all(
    struct store *s); /* before a commit of a live case: what flows hold in buffers */
int64_t keep_flow_id(struct store *s, struct kept_flow *k);
int64_t keep_stream_id(struct store *s, struct kept_flow *k, enum side side);

/* Has what a flow keeps brought from memory, as sink.h says of `soon`. */
void keep_bring(const struct kept_flow *k, enum sink_step step, bool ends);

/* Has lines of memory brought, the one at `from` and those behind it. */
static inline void bring_lines(const void *from, unsigned lines)
{
    enum { LINE = 64 };

    for (unsigned i = 0; i < lines; i++)
        __builtin_prefetch((const char *)from + (size_t)i * LINE);
    /* Else GCC sees that who calls this gets nothing from it, and leaves out a call across files. */
    __asm__ volatile("");
}

/* A buffer for the flow at work; others write early to make room. NULL after a failure. */
void *keep_room(struct store *s, unsigned size_class);

/* rest.c - a flow of which all is written becomes no more than a kept_rest, if it can be; and an ordinary one again, false
 * after a failure. */
void rest_fold(struct store *s, struct kept_flow *k);
bool rest_unfold(struct store *s, struct kept_flow *k);
void rest_await(struct store *s,
                struct kept_flow *k); /* before it goes: nothing is made in it any more */

/* records.c - frames and arrivals on their way to their blobs. */
void records_add_frame(struct store *s, struct kept_flow *k, const struct frame_record *record);
void records_add_arrival(struct store *s, struct kept_flow *k, enum side side,
                         const struct arrival_record *record);
enum records_why { RECORDS_FULL, RECORDS_EARLY, RECORDS_AT_END }; /* a part is written */
bool records_are_fast(const struct blob *b);                      /* its parts are long, then */
void records_write_frames(struct store *s, struct kept_flow *k, enum records_why why);
void records_write_arrivals(struct store *s, struct kept_flow *k, enum side side,
                            enum records_why why);
struct span records_arrivals(const struct kept_stream *t); /* those that are not a row yet */
void records_drop(struct store *s, struct blob *b);

/* The same of what a diary says: as rows, and into blobs that are empty. */
void records_write_diary_frames(struct store *s, struct kept_flow *k, const struct diary_rows *r);
void records_write_diary_arrivals(struct store *s, struct kept_flow *k, enum side side,
                                  const struct diary_side *from);
void records_fill_frames(struct store *s, struct kept_flow *k, const struct diary_rows *r);
void records_fill_arrivals(struct store *s, struct kept_flow *k, enum side side,
                           const struct diary_side *from);

/* diary.c - flows of which nothing is out of the ordinary. The first two say false where it is too much, or
 * not of the kind: then nothing is done, and the flow is to be unfolded. */
bool diaries_init(struct diaries *d, const struct store *s); /* false when there is no memory */
void diaries_release(struct diaries *d);
bool diary_frame(struct store *s, struct kept_flow *k, const struct frame_record *record);
bool diary_segment(struct store *s, struct kept_flow *k, enum side side,
                   const struct arrival_record *record, struct span bytes);
void diary_unfold(struct store *s, struct kept_flow *k);
void diary_write(struct store *s, struct kept_flow *k);                        /* early, as rows */
void diary_end(struct store *s, const struct flow *flow, struct kept_flow *k); /* all its rows */
void diary_drop(struct store *s, struct kept_flow *k); /* the flow is an ordinary one then */
void diary_bring(const struct diary *d, enum sink_step step, bool ends);
void diary_bring_page(const struct diary *d, unsigned index); /* those before it have come */

/* chunks.c - payload. `placed`: the bytes lie in the capture, at the place that an arrival gives. */
void chunks_keep(struct store *s, struct kept_flow *k, enum side side, int64_t position,
                 struct span bytes, bool placed,
                 bool lasting);        /* they stay until store_frames_last() */
void chunks_unborrow(struct store *s); /* all bytes that lie elsewhere */
void chunks_write(struct store *s, struct kept_flow *k,
                  enum side side); /* all open slots, as rows */
void chunks_settle(struct store *s,
                   struct kept_stream *t); /* gives up its digest; no slot is open */
void chunks_write_stale(struct store *s, struct kept_flow *k, enum side side);
void chunks_drop(struct store *s, struct kept_stream *t);
void chunks_write_rows(struct store *s, struct kept_flow *k,
                       enum side side); /* and hashes nothing */
void chunks_commit(struct store *s, struct kept_flow *k,
                   enum side side); /* all open slots, as rows, in a live case */
void chunks_catch_up(struct store *s, struct kept_flow *k,
                     enum side side); /* its digest has all rows, then */
void chunks_unsettle(
    struct store *s,
    struct kept_stream *t); /* bytes come after all, or change: all will be read again */
void chunks_await(struct store *s,
                  struct kept_stream *t); /* until the hash of one that is settled is its own */
bool chunks_take_digest(struct store *s, struct kept_stream *t); /* into t->digest; or says false */
void chunks_drop_digest(struct store *s, struct kept_stream *t);
void chunks_forget(struct store *s, struct kept_stream *t); /* all that has been written of it */

/* The bytes at `position` and up to `most` behind it, as far as they lie in one place; empty after
 * a failure. Dies with the next call of the store. */
struct chunk_view {
    struct span bytes;
    int64_t begin, end; /* of the slot, or of the row */
    uint32_t part;      /* no byte of it came before this part of the arrivals */
};
struct chunk_view chunks_view(struct store *s, struct kept_flow *k, enum side side,
                              int64_t position, size_t most);

/* Puts `bytes` in the place of those that are there. */
void chunks_replace(struct store *s, struct kept_flow *k, enum side side, int64_t position,
                    struct span bytes);

/* All that came of a stream as its row of stream_data: `bytes`, from position 0 on, of a stream without rows whose turn it
 * is. Early, or at its end. */
void chunks_write_diary(struct store *s, struct kept_flow *k, enum side side, struct span bytes);
void chunks_end_diary(
    struct store *s, int64_t stream_id, struct span bytes,
    uint8_t *hex); /* where its digest has room, by put_text_room(); NULL: it has none */

/* What is left becomes rows; `hex` is the hash of the stream. */
void chunks_end(struct store *s, struct kept_flow *k, enum side side, char hex[DIGEST_HEX_LEN + 1]);
void chunks_hash_rows(struct store *s, int64_t stream_id,
                      char hex[DIGEST_HEX_LEN + 1]); /* of a stream, anew from its rows */

/* reference.c - payload that stays in the capture. */
void reference_keep(struct store *s, struct kept_stream *t, int64_t position, struct span bytes);
struct chunk_view reference_view(struct store *s, struct kept_flow *k, enum side side,
                                 int64_t position, size_t most);
void reference_conflict(struct store *s, struct kept_flow *k, enum side side, int64_t position,
                        struct span kept); /* of which there is a row */
void reference_catch_up(struct store *s, struct kept_flow *k, enum side side,
                        bool all); /* hashes what was left behind: up to the next hole, or all */
void reference_changed(struct store *s, struct kept_stream *t); /* by a conflict */
void reference_hash(struct store *s, struct kept_flow *k, enum side side,
                    char hex[DIGEST_HEX_LEN + 1]);

/* lending.c - full chunks, hashed and written by other threads (store_options.hasher, worker). */
void lending_lend(
    struct store *s, struct digest *d, const struct insert_chunk *chunk, const struct loan *loan,
    unsigned piece_count, struct slot *slot,
    bool
        more); /* takes the slot, in which the bytes lie, or have room; `more`: the next call does */
void lending_hash(struct store *s, struct digest *d,
                  struct span bytes);                 /* after all that was lent */
void lending_wait(struct store *s, struct digest *d); /* until it has all that was lent for it */
void lending_end(struct store *s, struct digest *d, char hex[DIGEST_HEX_LEN + 1]);
void lending_close(void *store);      /* the worker gets what waits for more to come along */
void lending_return(struct store *s); /* all buffers that are lent */
void lending_turn(struct store *s); /* those that were lent before this was called the last time */

/* conflicts.c - what an arrival brings that was there before. */
enum { CONFLICT_MOST = 256 * 1024 }; /* bytes of one row */
bool conflicts_find(struct store *s, struct kept_flow *k, const struct arrival *a);
void conflicts_take(struct store *s, struct kept_flow *k, const struct arrival *a);

/* refused.c - segments that are not in the stream, and some that are after all. */
void refused_write(struct store *s, struct kept_flow *k, const struct arrival *a);
void refused_believe(struct store *s, struct kept_flow *k, enum side side, int64_t position,
                     int64_t len);

/* owners.c - who brought a byte. */
struct owner {
    uint32_t evidence_id;
    uint64_t frame;
};
struct owner owners_find(struct store *s, struct kept_flow *k, enum side side, int64_t position,
                         const struct chunk_view *in);
void owners_take(struct store *s, struct kept_flow *k, const struct arrival *a,
                 const struct range *taken);

/* The frame that brought the byte at `position` of an arrival: one of several when it was made
 * whole from fragments. */
struct owner owners_of(const struct arrival *a, int64_t position);
int64_t owners_end(const struct arrival *a, int64_t position); /* of what that frame brought */

/* pieces.c - an arrival as one or several records. */
bool pieces_placed(const struct store *s, const struct arrival *a); /* all that was captured of it
                                                                        lies in the capture of this case */
uint32_t pieces_count(const struct arrival *a);
bool pieces_at(struct arrival_record *record, const struct arrival *a, uint32_t index);

/* oddities.c */
void oddities_add(struct store *s, struct oddity_count **list, uint32_t evidence_id, uint64_t frame,
                  enum oddity kind, const char *text);
void oddities_write(struct store *s, struct kept_flow *k);
void oddities_write_evidence(struct store *s); /* those without a flow; and forgets them */
void oddities_drop(struct store *s, struct oddity_count **list);

/* flow_rows.c - the rows of flows and streams. */
void flow_rows_write(struct store *s, const struct flow *flow, struct kept_flow *k,
                     const char *verdict); /* of its streams; NULL: as they are */
void flow_rows_write_diary(struct store *s, const struct flow *flow, struct kept_flow *k,
                           const struct diary_rows *r); /* all of it: what its diary said */
void flow_rows_renew(struct store *s, const struct flow *flow,
                     struct kept_flow *k); /* of a flow that lives */
void flow_rows_open(struct store *s, struct kept_flow *k,
                    enum side side); /* a row for a stream that has none */
void flow_rows_gap(struct store *s, struct kept_flow *k, enum side side); /* the pending one */
void flow_rows_missing(struct store *s, struct kept_flow *k, enum side side, int64_t position,
                       int64_t len, enum gap_cause cause, bool tail); /* a gap, which is pending */

/* flow_indexes.c - all indexes of a fresh case, with `memory` for sorting. False: nothing was done, and SQLite must. */
bool flow_indexes_make(struct store *s, size_t memory);

/* store.c */
enum status store_open_file(struct store *s, const char *path,
                            struct error *err); /* s->live.options */
int64_t store_wall_ns(void);
int64_t store_ask(struct store *s, const char *sql); /* the number that it gives, 0 for NULL */
enum status store_close(struct store *s, char seal[65], const char hex[65],
                        struct error *err); /* commits, and frees; hands the seal over */

/* carry.c - flows that go on in the next slice. The row of a flow, and of its streams, in the one that ends. An arrival
 * some of which lies in an earlier one: what can be kept and compared is, part by part, by `keep`. */
void carry_flow(struct store *s, const struct flow *flow, struct kept_flow *k);
bool carry_crosses(const struct kept_stream *t, const struct arrival *a);
void carry_arrival(struct store *s, struct kept_flow *k, const struct arrival *a,
                   void (*keep)(struct store *s, struct kept_flow *k, const struct arrival *a));
int64_t shed_stored_to(struct store *s, struct kept_flow *k,
                       enum side side); /* one past the highest position that has a row, or will */

/* shed.c - what is not kept, since too much comes. The part of an arrival that is kept, which may be put into
 * `rest`; NULL: none. How many of `len` bytes that are believed are kept. Whether frames are not even noted. */
const struct arrival *shed_arrival(struct store *s, struct kept_flow *k, const struct arrival *a,
                                   struct shed_rest *rest);
int64_t shed_believed(struct store *s, struct kept_flow *k, enum side side, int64_t position,
                      int64_t len);
bool shed_frames(struct store *s);
uint64_t shed_counted(const struct store *s, uint32_t evidence_id); /* frames, so far */

/* mend.c - what a live run that was killed left open: all of it; or as much as may be at a time, if `may_go_on` is true each time that
 * it is asked. True: there is more. At the end, mended or not; `told`: the rest is said to be open. */
void mend_live(struct store *s);
void mend_begin(struct store *s);
bool mend_some(struct store *s, bool (*may_go_on)(void *context), void *context);
void mend_leave(struct store *s, bool told);

/* live.c - a case that is read while it is written. */
bool live_is_lossy(const struct store *s, int64_t first_ns, int64_t last_ns, bool is_over);
void live_ended(struct store *s, int64_t flow_id); /* its row is written */

/* evidence.c */
const char *evidence_text(struct store *s,
                          struct span bytes); /* valid UTF-8, until the next call */
void evidence_remove_open(struct store *s);

/* sink.c */
extern const struct sink sink_table;

#endif
