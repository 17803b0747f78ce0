/* replay.h - a stream rebuilt from the capture through its arrivals alone, beside what the case holds. */
#ifndef SEINE_PIPELINE_REPLAY_H
#define SEINE_PIPELINE_REPLAY_H

#include "base/digest.h"
#include "base/error.h"
#include "pipeline/evidence_file.h"
#include "store/reader.h"

#include <stdbool.h>
#include <stdint.h>

enum replayed {
    REPLAY_AGREES,
    REPLAY_DIFFERS,
    REPLAY_NOT_POSSIBLE,
    REPLAY_UNPLACED, /* not possible, since some of it came compressed: its bytes lie nowhere */
};

struct replay_result {
    enum replayed outcome;
    char why[256];        /* a sentence, where it does not agree */
    uint64_t segments;    /* that were read */
    uint32_t evidence_id; /* with `frame`: the one that brought a byte which is not the case's */
    uint64_t frame;       /* 0: it is not a frame that differs */
};

/* Bytes that may have been taken over: a segment with a right checksum says something else than one with
 * a wrong one before it, which has lost (a row of `conflicts`). It is a takeover if the bytes that were kept
 * came later than those that lost. Where a frame has several packets that bring the position, `kept` and `other` say
 * which is meant: the first bytes of each. */
enum { REPLAY_WORDS_LEN = 24 };

struct replay_words {
    uint8_t bytes[REPLAY_WORDS_LEN];
    size_t len;
};

struct replay_takeover {
    int64_t begin, end;
    uint32_t kept_evidence_id, other_evidence_id;
    uint64_t kept_frame, other_frame; /* that brought the first of them */
    struct replay_words kept, other;
};

/* Rebuilds the stream: of each position the first accepted arrival, or, where it lost a conflict to a
 * later one, that one: `takeovers`, in order of position. Reads the bytes from the evidence, compares them
 * with the chunks, and their SHA-256 with `sha256` (may be empty). Memory: 40 bytes a segment that is
 * out of order, at most REPLAY_PENDING_MAX of them. STATUS_FAILED when the case cannot be read. */
enum { REPLAY_PENDING_MAX = 1 << 20 };

enum status replay_stream(struct replay_result *result, struct reader *reader, int64_t stream_id,
                          int64_t start, const char *sha256,
                          const struct replay_takeover *takeovers, size_t takeover_count,
                          evidence_by_id *evidence, void *context, struct error *err);

#endif
