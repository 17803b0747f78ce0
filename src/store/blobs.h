/* blobs.h - the delta-coded blobs of flow_frames.data and arrivals.data, both ways.
 *
 * A blob is a run of records, each coded against the one before it in the same blob (the first
 * against zeros), so that a blob is read without any other. All numbers are varints (base/varint.h).
 * docs/blobs.md specifies the bytes for other readers. A frame of a busy flow takes 3 to 8 bytes, and
 * so does an arrival; the first of a blob takes 15. */
#ifndef SEINE_STORE_BLOBS_H
#define SEINE_STORE_BLOBS_H

#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A frame of a flow: enough to read it back without parsing the capture. */
struct frame_record {
    uint32_t evidence_id;
    uint32_t interface_id;
    uint64_t number;
    uint64_t offset; /* of its first byte, in the capture's uncompressed content; 0: none is kept */
    int64_t time_ns;
    uint32_t captured; /* bytes */
    uint32_t wire_len; /* bytes, at least captured */
};

/* What became of a segment. fate_name() is the word in `segments`. */
enum fate {
    FATE_KEPT,        /* it brought at least one position first, and contradicts nothing */
    FATE_DUPLICATE,   /* it brought nothing new, and contradicts nothing */
    FATE_CONFLICT,    /* somewhere it differs from what is kept */
    FATE_PROVISIONAL, /* kept, though in doubt, or its receiver need not take it: docs/schema.md */
    FATE_REFUSED,     /* FATE_REFUSED + enum refusal: not in the stream */
};

/* "kept", ..., "refused: bad_checksum", ...; static; "unknown" for others. */
const char *fate_name(uint8_t fate);

/* A segment, or a piece of one that came in IP fragments. */
struct arrival_record {
    int64_t position;  /* position + length does not overflow */
    uint32_t length;   /* bytes on the wire */
    uint32_t captured; /* the first of them that are in the capture, at most length */
    uint32_t evidence_id;
    uint64_t frame;
    uint64_t offset; /* of the first payload byte, as above; 0 also where it came compressed */
    int64_t time_ns;
    uint8_t fate;
};

enum { FRAME_RECORD_MAX = 64, ARRIVAL_RECORD_MAX = 80 }; /* bytes that one takes at most */

/* Appends `record` at `to`, which has room for the maximum; returns the end. `last` is the record
 * before it in this blob, all zero for the first, and is updated. */
uint8_t *frame_record_put(uint8_t *to, struct frame_record *last,
                          const struct frame_record *record);
uint8_t *arrival_record_put(uint8_t *to, struct arrival_record *last,
                            const struct arrival_record *record);

/* Reads the next record off `from`, updating `*record`, which holds the one before it (all zero at the
 * start of a blob). False at the end of the bytes (from->len is 0) or where they make no sense
 * (from->len is not): the blob may come from a hostile case. */
bool frame_record_take(struct span *from, struct frame_record *record);
bool arrival_record_take(struct span *from, struct arrival_record *record);

#endif
