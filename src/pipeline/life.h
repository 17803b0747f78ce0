/* life.h - the life of a packet, from its frame to the sink. */
#ifndef SEINE_PIPELINE_LIFE_H
#define SEINE_PIPELINE_LIFE_H

#include "capture/filter.h"
#include "reassembly/defrag.h"
#include "reassembly/flows.h"
#include "reassembly/unpack.h"

#include <stdint.h>

enum { LIFE_BATCH_MOST = 16 };

/* A frame between dissection and its flow. */
struct waiting {
    struct frame frame;
    struct packet packet;
    struct flow_lookup look;
};

/* What a frame passes through. All borrowed. */
struct life {
    struct filter *filter; /* NULL: everything passes */
    struct defrag *defrag;
    struct unpacker *unpacker;
    struct flows *flows;
    struct sink *sink;

    /* Frames that have nothing to do with anybody but their flow wait for each other, up to that many, while
     * the flows of all come from memory. At most 1: none waits. */
    unsigned batch;
    unsigned waiting_count;
    struct waiting waiting[LIFE_BATCH_MOST];
};

/* How the frames of one capture ended: each in exactly one verdict. */
struct verdict_counts {
    uint64_t frames[VERDICT_COUNT];
    uint64_t bytes[VERDICT_COUNT]; /* as captured */
};

/* Counts the verdict of a frame, and takes it all the way, if not now, then with those that follow: its bytes
 * must stay until life_catch_up(). The sink hears of frames in their order. */
void see_frame(struct life *life, struct verdict_counts *seen, const struct frame *frame);

/* Takes all that wait the rest of their way. To be called before the sink, or the store behind it, is told
 * anything else, and before bytes of frames go. */
void life_catch_up(struct life *life);

#endif
