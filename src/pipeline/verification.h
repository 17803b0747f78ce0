/* verification.h - what the parts of a verification share.
 *
 * Each part proves one kind of thing that a case says, and tells how each proof went. STATUS_FAILED
 * is for a case that cannot be read; a proof that fails is none. */
#ifndef SEINE_PIPELINE_VERIFICATION_H
#define SEINE_PIPELINE_VERIFICATION_H

#include "pipeline/evidence_file.h"
#include "pipeline/verify.h"

/* A piece of evidence, found again or not. */
struct exhibit {
    struct evidence_place place;
    struct evidence_file *file; /* NULL: not there, or it cannot be read */
    bool same;            /* it is what the case was made from; else it is not there, or changed */
    uint64_t first_wrong; /* the first frame known to have another payload; 0: none */
};

struct verification {
    const struct verify_options *options;
    struct verify_result *result;
    struct reader *reader;
    struct evidence_row *rows;
    size_t row_count;
    struct exhibit *exhibits; /* by index of rows */
    struct error *err;
    /* What came compressed lies nowhere in the capture: only an ingest anew can prove it. */
    uint64_t unplaced_streams, unplaced_rows; /* rows of conflicts and refused */
    int64_t unplaced_stream_id;               /* the first of the streams */
    bool rebuilt;                             /* an ingest anew has given the same rows */
    struct payload_source payload;            /* for streams whose payload is in their evidence */
    bool absent;                              /* what was to be read of that is not there */
    bool no_memory; /* for something that was read: what it says is not known */
};

/* Counts and tells how a proof went. Says nothing but that one holds once memory was wanting: what could
 * not be read is neither wrong nor absent. The verification ends with an error then. */
void verification_say(struct verification *v, enum proof proof, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* err says what SQLite said of the case. */
enum status verification_fault(struct verification *v);

/* Notes whether that was for want of memory. */
void verification_note(struct verification *v, const struct error *why);

/* The evidence with this id; `context` is the verification. */
struct evidence_file *verification_file(void *context, uint32_t evidence_id);

/* A column as text, "" for NULL, and where there was no memory for it, which is noted. */
const char *verification_text(struct verification *v, sqlite3_stmt *s, int column);

/* The parts, in the order in which they are proved; the first finds the exhibits. */
enum status verify_evidence(struct verification *v);
enum status verify_streams(struct verification *v); /* by their hashes, and by their arrivals */
enum status verify_losers(struct verification *v);  /* the bytes of conflicts and refusals */
enum status verify_rebuilt(struct verification *v); /* an ingest anew gives the same rows */

/* Of evidence that changed: the first frame whose payload is not what the case says. After
 * verify_losers(), which looks at the positions in conflict and at what was refused. */
enum status verify_payload(struct verification *v);

/* Notes that a frame has another payload than the case says. */
void verification_wrong_frame(struct verification *v, uint32_t evidence_id, uint64_t frame);

#endif
