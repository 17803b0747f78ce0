/* ingest.h - captures in, a case out: the main job. */
#ifndef SEINE_PIPELINE_INGEST_H
#define SEINE_PIPELINE_INGEST_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How far it has come; told a few times a second at most. */
struct ingest_progress {
    uint64_t bytes_done,
        bytes_all; /* of the captures as they lie on the disk; all is 0 when unknown */
    uint64_t frames, flows;
    const char *source; /* the capture being read; borrowed */
};

struct ingest_options {
    const char *case_path;
    const char *const *captures; /* paths; "-" is standard input */
    size_t capture_count;
    const char *filter; /* libpcap's language, or NULL */
    bool merge;         /* interleave the captures by time instead of one after the other */
    /* Overlap policies, each "NAME" or "NETWORK=NAME" by the receiver's network (reassembly/policy.h): the
     * view that streams are hashed of. Then that of IPv4 fragments, or NULL for `first`. */
    const char *const *policies;
    size_t policy_count;
    const char *fragment_policy;
    const char *key; /* what belongs to a flow's key beside its five-tuple (reassembly/places.h), or
                        NULL for `tunnel` */
    bool
        reference; /* payload stays in the captures, which must be regular files that are not compressed */
    bool no_hash; /* neither of evidence nor of streams */
    bool sync;
    bool last;                            /* the process ends soon after it */
    size_t memory;                        /* the budget in bytes; 0 is INGEST_MEMORY_DEFAULT */
    int jobs;                             /* 0 is the default */
    const char *version, *command, *user; /* for the `runs` row; the user may be NULL */

    /* For who repeats an ingest: the captures stand in the order in which they were read, even those that
     * were pipes then; a fresh case gets pages of this length (0: by the size of the captures). */
    bool in_order;
    uint32_t page_size;

    /* Sentences that the user should see, without a stop: a capture cut off, one that is skipped, a filter
     * that cannot see fragments. May quote bytes from outside. May be NULL. */
    void (*remark)(void *context, const char *sentence);
    void (*progress)(void *context, const struct ingest_progress *progress); /* may be NULL */
    void *context;

    /* Set from a signal handler to end early: nothing is kept, STATUS_FAILED. May be NULL. */
    const volatile int *stop;
};

enum {
    INGEST_MEMORY_DEFAULT = 256 << 20,
    INGEST_MEMORY_LEAST = 8 << 20, /* less is refused */
};

struct ingest_result {
    uint64_t frames, flows, streams, payload_bytes;
    uint64_t captures; /* that were read into the case */
    uint64_t skipped;  /* that the case held already */
    bool partial;      /* some capture was cut off or damaged */
    char seal[65];     /* of the case afterwards; empty when nothing was written */
};

/* Whether the options make sense by themselves: the filter's language, the least memory. STATUS_FAILED
 * with a sentence is a fault of the command line; nothing has been touched then. */
enum status ingest_check(const struct ingest_options *options, struct error *err);

/* Reads the captures, in the order of their first timestamps, into the case: a fresh one, or an
 * addition to the one that is there. STATUS_OK also when captures were damaged (result.partial) or all
 * were there already; STATUS_FAILED leaves the case, or its absence, as it was. */
enum status ingest(struct ingest_result *result, const struct ingest_options *options,
                   struct error *err);

#endif
