/* witness.h - whether frames brought the bytes that rows of the case say they brought. */
#ifndef SEINE_PIPELINE_WITNESS_H
#define SEINE_PIPELINE_WITNESS_H

#include "base/error.h"
#include "base/span.h"
#include "pipeline/evidence_file.h"
#include "store/reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a row says: frame `frame` brought its bytes, from `position` on. */
struct witness_claim {
    size_t row; /* the caller's */
    uint32_t evidence_id;
    uint64_t frame;
    int64_t position;

    size_t
        found; /* how many of the bytes, from the first on, are those of the frame: of its arrivals that begin
                      there, the one that has most of them */
    bool whole;     /* all of them are */
    bool absent;    /* its evidence is not there */
    bool unplaced;  /* its bytes lie nowhere in it: they came compressed */
    size_t reached; /* how many are those of the arrival at hand */
    bool open;      /* and it may go on in the next */
};

/* The bytes of a claim's row; they live until the next call. */
typedef struct span witness_bytes(void *context, const struct witness_claim *claim);

/* Asks the arrivals of one stream about all claims, in a single walk: the time that it takes grows with
 * the arrivals and the claims, not with their product. Puts the claims into another order. Where a
 * datagram came in fragments, a claim that begins in one goes on in the next. STATUS_FAILED when the
 * case cannot be read. */
enum status witness_stream(struct witness_claim *claims, size_t count, struct reader *reader,
                           int64_t stream_id, evidence_by_id *evidence, witness_bytes *bytes,
                           void *context, struct error *err);

#endif
