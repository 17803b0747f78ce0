/* live.h - frames from network interfaces into a case that is read while it is written.
 *
 *     interfaces ──► dissects, reassembles ──► batches of messages ──► makes rows, commits
 *          ▲             one thread                                         another
 *          └──────── blocks, once their frames have been told ◄─────────────┘
 *
 * The one thread never waits for a disk: what it tells waits in batches, payload in the ring. A commit comes
 * about once a second, in its place among what is told, after each flow that is new has been told of. */
#ifndef SEINE_PIPELINE_LIVE_H
#define SEINE_PIPELINE_LIVE_H

#include "base/error.h"
#include "pipeline/ingest.h"
#include "pipeline/slices.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LIVE_MEMORY_LEAST = 16 << 20 }; /* less is refused */

struct live_run_options {
    const char *case_path;               /* or a folder: */
    const struct slices_options *slices; /* NULL: it is no folder */
    bool keep_frames;                    /* in pcapng files beside the case, or the cases */
    bool reference;                      /* with that: payload stays in them */
    const char *const *interfaces;
    size_t interface_count;
    const char *filter; /* libpcap's language, or NULL */
    const char *key;    /* as in ingest.h */
    bool pcap;          /* by libpcap, instead of our own ring */
    bool promiscuous, hardware_time;
    size_t ring_len;   /* bytes of each interface's ring; 0: by the memory */
    uint32_t snap_len; /* 0: all of a frame */
    bool no_hash, no_sync;
    size_t memory;                        /* the budget in bytes; 0 is INGEST_MEMORY_DEFAULT */
    const char *version, *command, *user; /* for the `runs` row; the user may be NULL */

    /* As in ingest.h. `ready` is called once, when no frame will be missed any more. Each may be NULL. */
    void (*remark)(void *context, const char *sentence);
    void (*progress)(void *context, const struct ingest_progress *progress);
    void (*ready)(void *context);

    /* Called once, when the interfaces are open and nothing else is: before there are threads, and before the case is
     * opened. The place to give up rights. False: go no further, which is STATUS_FAILED without a sentence. May be
     * NULL. */
    bool (*opened)(void *context);
    void *context;

    /* Set from a signal handler to end: what has come is kept, and the case closed. */
    const volatile int *stop;
};

struct live_run_result {
    uint64_t frames, flows, streams, payload_bytes;
    uint64_t lost; /* frames that this machine dropped */
    bool partial;  /* it ended since all interfaces were gone */
    bool
        unfinished; /* it ended while nothing could be stored: frames are counted, and nothing else is */
    bool logged;     /* a reader would not let go of the case: its write-ahead log is still there */
    char seal[65];   /* empty where the case is too long to be read for it; of the last slice */
    uint64_t slices; /* that were begun */
};

/* Whether the options make sense by themselves, as ingest_check(). */
enum status live_run_check(const struct live_run_options *options, struct error *err);

/* Captures until it is stopped. STATUS_FAILED: nothing could be opened, or the case could not be written; what
 * was committed before stays. */
enum status live_run(struct live_run_result *result, const struct live_run_options *options,
                     struct error *err);

#endif
