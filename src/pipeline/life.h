/* life.h - the life of a packet, from its frame to the sink. */
#ifndef SEINE_PIPELINE_LIFE_H
#define SEINE_PIPELINE_LIFE_H

#include "base/error.h"
#include "capture/filter.h"
#include "reassembly/defrag.h"
#include "reassembly/flows.h"
#include "reassembly/unpack.h"

#include <stdint.h>

enum { LIFE_BATCH_MOST = 16 };

/* Packets that are read of a frame that holds several (A-MSDU of 802.11); of more, an oddity. A receiver can say that it
 * takes 8, 16 or 32 (IEEE 802.11, extended capabilities). */
enum { LIFE_PARTS_MOST = 64 };

/* A frame between dissection and its flow. */
struct waiting {
    struct frame frame;
    struct packet packet;
    struct flow_lookup look;
};

/* What a frame passes through. */
struct life {
    struct filter *filter; /* borrowed; NULL: everything passes */
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

/* What is needed beside the sink. `memory` bytes are for waiting fragments, and eight times as many for flows. */
struct life_options {
    size_t memory;
    const struct flow_timeouts *timeouts;
    const char *fragment_policy; /* NULL: the first of them */
    unsigned place_parts;        /* of the key of flows and fragments */
};

/* Of the words of --key the parts of a flow's key; NULL: those of the default. */
enum status life_choose_key(unsigned *place_parts, const char *words, struct error *err);

/* Makes what a frame passes through, but for the filter; life_close() frees it. STATUS_FAILED, for want of memory,
 * with nothing to close. */
enum status life_open(struct life *life, struct sink *sink, const struct life_options *options,
                      struct error *err);
void life_close(struct life *life);

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
