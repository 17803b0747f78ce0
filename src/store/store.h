/* store.h - the one writer of a case: the sink of reassembly, and what the pipeline says beside it.
 *
 *     arrival ──► chunk being filled ──► row of stream_data or chunk_data
 *           └───► arrivals, frames (delta-coded) ──► blobs
 *
 * Payload is copied once, into the chunk being filled, or not at all where its frames last; a chunk that fills a page of a
 * fresh case is written from there, others are copied once more, by SQLite. A
 * chunk covers an aligned slot of positions and fits one leaf page; it becomes a row when it is
 * full, when its flow ends, or when the budget asks, and is never rewritten (but for bytes that a
 * right segment takes over from one with a wrong checksum). A byte that came again is compared with
 * the one that is there, wherever it is: in the open chunk or in the database.
 *
 * A fresh case is built as PATH.partial, locked, without a journal, and named PATH, never over
 * another file, by store_finish(); until then PATH does not exist. Adding to a case is one
 * transaction in the rollback journal. Either way a kill leaves what was there before.
 *
 * When the memory is used up, the flows that nobody has touched for longest write what they hold:
 * parts of blobs, chunks that are not full. Nothing is lost or refused; rows are only more and
 * shorter.
 *
 * Failures are sticky: the first is kept, every later call does nothing, and store_checkpoint() and
 * store_finish() report it. One thread at a time; what a worker is given is between the two. */
#ifndef SEINE_STORE_STORE_H
#define SEINE_STORE_STORE_H

#include "base/digest.h"
#include "base/error.h"
#include "reassembly/policy.h"
#include "reassembly/sink.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    STORE_APPLICATION_ID = 0x5345494e, /* "SEIN" */
    STORE_SCHEMA_VERSION = 1,

    /* Bytes that a live flow costs when all that can be written early has been: the one thing that
     * goes beyond options.memory when there are more flows than it has room for. */
    STORE_FLOW_COST = 128,
    STORE_STREAM_COST = 96, /* and each of its sides that had payload or gaps */
};

struct store;

/* Another thread that does things for the one that writes: `give` has `task` called some time with `of`
 * and `bytes`, in the order of the calls, and returns the turn, counted from 1; `wait` returns when that
 * is done. Until then both are the worker's. */
struct store_worker {
    uint64_t (*give)(void *context, void (*task)(void *of, struct span bytes), void *of,
                     struct span bytes);
    void (*wait)(void *context, uint64_t turn);
    void *context;
};

struct payload_source;
struct store_slice;
struct reader;

/* Who finds the captures of a case whose payload is in them, to mend what a killed run left: by its own rows. NULL with
 * a sentence where that cannot be. */
struct store_shelf {
    const struct payload_source *(*open)(void **shelf, struct reader *reader, struct error *err);
    /* What there is of a capture, and how it is known again. False where it is not there. */
    bool (*measure)(void *shelf, uint32_t evidence_id, uint64_t *bytes, char fingerprint[17]);
    void (*close)(void *shelf);
};

struct store_options {
    size_t memory; /* bytes for all of it: SQLite's cache and sorter, chunks being filled, blobs */
    uint32_t page_size;                   /* of a fresh case: 4096 or 16384 */
    bool hash;                            /* SHA-256 of streams */
    const struct store_worker *worker;    /* writes rows; borrowed until the end; NULL: none */
    const struct store_worker *hasher;    /* hashes streams: the same, or another. NULL: none */
    const struct policy_choice *policies; /* the view that it is of; borrowed. NULL: first */
    /* Where payload lies: then the case holds none of it, and what must be read again (a segment that
     * came twice, a stream that did not come in order) is read from there, by the thread that writes.
     * What lies nowhere, since it came compressed, is kept all the same. Borrowed; NULL: all is kept. */
    const struct payload_source *reference;
    const struct store_shelf *shelf; /* borrowed; NULL: what is not in the case is not read again */
    bool live; /* below: store_commit(). Texts of these options are borrowed until the end then */
    bool mended_beside; /* of a live case: what a killed run left open is mended by store_mend() */
    const struct store_slice *slice; /* of a fresh live case; NULL: ids go on from what is there */
    bool sync;                       /* flush to the disk, so that it survives a loss of power */
    bool last;                       /* the process ends soon after it */
    int jobs;                        /* what stands in `runs` */
    size_t memory_total;             /* likewise */
    const char *version;             /* likewise */
    const char *command;             /* likewise */
    const char *user;                /* likewise; NULL: nobody knows */
};

/* Opens PATH for writing: a fresh case when there is no such file, else an addition to the case
 * that is there. A PATH.partial that nobody holds is what a killed run left: it is removed, and
 * store_remark() says so. Evidence that is `open` though nobody writes is removed with all its
 * rows. STATUS_FAILED with a sentence: not a case, of a newer schema, being written by another,
 * folder not writable, disk full. */
enum status store_open(struct store **store, const char *path, const struct store_options *options,
                       struct error *err);

/* Sentences that the user should see (a removed leftover), each once; NULL when there is none. */
const char *store_remark(struct store *store);

struct sink *store_sink(struct store *store);

/* Whether the bytes of frames that are told from here on stay where they are until this has been called twice more, or with
 * false once, or the store is abandoned: then those of payload are not copied before they are written. At first they do not. */
void store_frames_last(struct store *store, bool last);

/* Whether the case holds a file already, under the same filter: by its hash when `sha256` is not
 * NULL, where a row that was never hashed is known by its fingerprint; else by its fingerprint. `options` is the JSON text that store_evidence_begin() would get. */
bool store_has_evidence(struct store *store, const char *sha256, const char *fingerprint,
                        const char *options);

/* Whether the case holds evidence whose options, as JSON, name another `key` than these. */
bool store_has_other_key(struct store *store, const char *options);

/* A capture begins. Returns its evidence_id, which frames carry from now on; the row stands with
 * status `open`. Texts are copied; bytes from outside are made valid UTF-8 by the store, here and
 * below. */
uint32_t store_evidence_begin(struct store *store, const char *source, const char *kind,
                              const char *format, const char *options);

/* The evidence_id that was given last. */
uint32_t store_last_evidence(const struct store *store);

/* What a capture says beside frames; see capture.h for the meaning. Empty spans and negative counts
 * become NULL. */
void store_interface(struct store *store, uint32_t evidence_id, uint32_t interface_id,
                     uint32_t link_type, uint32_t snap_len, struct span name,
                     struct span description, struct span filter, uint64_t ticks_per_second);
void store_note(struct store *store, uint32_t evidence_id, uint64_t frame, const char *kind,
                struct span text);
void store_statistics(struct store *store, uint32_t evidence_id, uint32_t interface_id,
                      int64_t time_ns, int64_t received, int64_t dropped_by_interface,
                      int64_t accepted_by_filter, int64_t dropped_by_system);
/* Of a live interface, counted since it was opened; the store adds what it has shed. */
struct live_statistics {
    int64_t time_ns;
    uint64_t received, dropped_by_socket, freezes, dropped_by_interface, dropped_by_backlog;
    uint64_t discarded;
    uint64_t shed;    /* beside the frames that the store has counted itself */
    int64_t memory;   /* in use, in bytes; -1: not known */
    char detail[200]; /* a sentence; "" for none */
};
void store_live_statistics(struct store *store, uint32_t evidence_id,
                           const struct live_statistics *of);

void store_secrets(struct store *store, uint32_t evidence_id, uint32_t type, struct span data);
void store_block(struct store *store, uint32_t evidence_id, uint64_t block, uint64_t checksum);

/* What is known of a capture at its end. */
struct evidence_end {
    bool is_live;            /* an interface, of which no capture is kept: it has no `bytes` */
    uint64_t bytes;          /* on the disk */
    const char *sha256;      /* NULL: not hashed */
    const char *fingerprint; /* NULL: a pipe */
    uint64_t frames;
    int64_t first_ns, last_ns; /* meaningless when frames is 0 */
    const char *status; /* complete | partial | interrupted; open: it goes on, and is told again */
    uint64_t verdict_frames[VERDICT_COUNT]; /* no row where zero */
    uint64_t verdict_bytes[VERDICT_COUNT];
};
void store_evidence_end(struct store *store, uint32_t evidence_id, const struct evidence_end *end);

/* The pcapng file beside a live case, of all its interfaces from this evidence on, is whole: `bytes`, and how it is
 * known again. */
void store_evidence_file(struct store *store, uint32_t first_evidence_id, uint64_t bytes,
                         const char *fingerprint);

/* STATUS_OK, or the first failure. Cheap: called every so many frames. */
enum status store_checkpoint(struct store *store, struct error *err);

/* Ends the case: what is open is written, hosts and indexes are built, the seal computed (`seal`
 * may be NULL; 64 hex digits and a NUL), committed, and a fresh case given its name. All flows
 * must have ended. The store is freed whatever the result; after STATUS_FAILED nothing new is
 * there. */
enum status store_finish(struct store *store, char seal[65], struct error *err);

/* A live case is read while it is written, and has its name from the start. What was told up to a commit is
 * what readers see and a kill leaves: so the sink must have heard, by flow_news(), of each flow that it has heard
 * of otherwise. What is open is written, as rows of its own: a chunk that is a row stays as it is.
 * STATUS_FAILED when the store has failed. */
struct store_log {
    uint64_t len;      /* of SQLite's write-ahead log, in bytes */
    bool held;         /* a reader has kept it from being copied to its end */
    uint64_t case_len; /* of the case itself, in bytes */
};
enum status store_commit(struct store *store, struct store_log *log, struct error *err);

/* Mends some of what a run that was killed has left open in the case, as long as `may_go_on` says, which is asked after each
 * row. True: there is more of it. What is not mended when the case is finished is for who opens it next. */
bool store_mend(struct store *store, bool (*may_go_on)(void *context), void *context);

/* What is not kept while more comes than can be written; what the steps before say holds as well. A stream of which
 * something was not kept keeps nothing from there on: its gaps have the cause `shed`, and an oddity of its flow
 * says from where. May be called by another thread. */
enum store_shed {
    SHED_NOTHING,
    SHED_LONG_STREAMS,  /* more payload of streams that have more than `above` bytes */
    SHED_NEW_STREAMS,   /* payload of streams that have none so far */
    SHED_ALL_BUT_FLOWS, /* any payload, and the places of frames and segments */
};
void store_shed(struct store *store, enum store_shed level, uint64_t above);

/* Another stretch of time is over, in which frames were lost, or not: flows that lived then are `lossy`. To be
 * told about once a second. */
void store_second(struct store *store, int64_t begin_ns, int64_t end_ns, bool lost);

/* Ends a live case: what is open is written, and committed; then it becomes one file, with indexes, and with a
 * seal where that takes no long reading (`seal` is "" where not). *one_file is false where a reader would not let
 * go: it keeps its write-ahead log then, and is as good otherwise. As store_finish(). */
enum status store_finish_live(struct store *store, char seal[65], bool *one_file,
                              struct error *err);

/* The next case of a folder: what ids it begins with, and when, by the clock of the frames. */
struct store_slice {
    int64_t first_flow_id;
    uint32_t first_evidence_id;
    int64_t begun_ns;
};

/* Goes on in another live case, a fresh one. Each flow that lives must have been told with END_CONTINUED, by
 * flow_news(), since anything else was told of it; it has a row in each of the two. The old case has all its rows;
 * the rest of store_finish_live() is for store_closing_end(), which another thread may call meanwhile. */
struct store_closing;
enum status store_rotate(struct store *store, struct store_closing **old, const char *path,
                         const struct store_slice *to, struct error *err);

/* Once the next case has rows that say it is being written: the old one's evidence is complete, which is committed. Until
 * then it says `open`, so that after a kill at any instant one of the two is interrupted. A failure is the store's. */
enum status store_closing_complete(struct store *store, struct store_closing *closing,
                                   struct error *err);

/* Both free it. The second leaves it as a kill would. Where `held` is not NULL, a case that is not one file yet, since it is
 * read, is handed over open, for case_file_settle_again(); else *held is NULL. */
struct case_file;
enum status store_closing_end(struct store_closing *closing, char seal[65], bool *one_file,
                              struct case_file **held, struct error *err);
void store_closing_abandon(struct store_closing *closing);

/* Gives up: removes what a fresh case has so far, or rolls an addition back; a live case stays what it was at the
 * last commit. Frees; NULL allowed. */
void store_abandon(struct store *store);

/* Counts so far, for the progress line. */
struct store_counts {
    uint64_t flows, streams, payload_bytes;
};
struct store_counts store_counts(const struct store *store);

#endif
