/* life.h - the life of a packet, from its frame to the sink. */
#ifndef SEINE_PIPELINE_LIFE_H
#define SEINE_PIPELINE_LIFE_H

#include "capture/filter.h"
#include "reassembly/defrag.h"
#include "reassembly/flows.h"
#include "reassembly/unpack.h"

#include <stdint.h>

/* What a frame passes through. All borrowed. */
struct life {
    struct filter *filter; /* NULL: everything passes */
    struct defrag *defrag;
    struct unpacker *unpacker;
    struct flows *flows;
    struct sink *sink;
};

/* How the frames of one capture ended: each in exactly one verdict. */
struct verdict_counts {
    uint64_t frames[VERDICT_COUNT];
    uint64_t bytes[VERDICT_COUNT]; /* as captured */
};

/* Takes one frame all the way, and counts its verdict. */
void see_frame(const struct life *life, struct verdict_counts *seen, const struct frame *frame);

#endif
