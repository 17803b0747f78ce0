/* verify.h - what a case says, proved again from its evidence. */
#ifndef SEINE_PIPELINE_VERIFY_H
#define SEINE_PIPELINE_VERIFY_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum proof {
    PROOF_HOLDS,
    PROOF_FAILS,
    PROOF_NOT_POSSIBLE, /* its evidence is not there, or there is no hash to compare with */
};

struct verify_options {
    const char *case_path;
    const char
        *folder;      /* where evidence may lie besides where it was and beside the case; or NULL */
    const char *seal; /* 64 hex digits to compare with, or NULL */

    /* The captures are ingested anew, into a case in TMPDIR (else /tmp) that goes again, and its rows are
     * compared. That takes as long as the ingest did, and as much room as the case has. */
    bool no_rebuild;
    const char *version; /* of this seine: the rows of another may differ. NULL: the same */

    /* Told before the ingest anew begins: from here on `stop`, set from a signal handler, ends it early and
     * leaves nothing behind (STATUS_FAILED). Either may be NULL. */
    void (*rebuild)(void *context);
    const volatile int *stop;

    /* One call a thing that was proved, or not: `what` is a sentence such as "evidence 1, sample.pcap:
     * SHA-256 agrees" or "stream 7: bytes differ from the capture from frame 812 on". */
    void (*report)(void *context, enum proof proof, const char *what);
    void *context;
};

struct verify_result {
    uint64_t holds, fails, not_possible;
};

/* Proves that the database is whole; the hash of each evidence; each stream's hash, from its chunks and,
 * where the evidence is there, from the capture through the arrivals alone; the bytes of conflicts and
 * refusals; that the sums add up; that an ingest anew gives the same rows; the seal. STATUS_FAILED only
 * when the case could not be read. */
enum status verify_case(struct verify_result *result, const struct verify_options *options,
                        struct error *err);

#endif
