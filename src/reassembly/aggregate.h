/* aggregate.h - frames of several packets (A-MSDU of 802.11), of which some may be of one flow.
 *
 * Each packet counts, but the frame belongs to the flow once. Who is told of frames asks here, for packets of
 * aggregates alone, and for datagrams of whose fragments one was such a packet: a fragment's frame may have been told
 * long before the datagram is whole, since another packet of it was of the same flow. */
#ifndef SEINE_REASSEMBLY_AGGREGATE_H
#define SEINE_REASSEMBLY_AGGREGATE_H

#include "dissect/packet.h"

#include <stdbool.h>
#include <stdint.h>

/* So much is remembered. More than the packets of one frame tell of, and the ICMP errors among these quote; of frames
 * before that what was told last. A frame that was forgotten is told again. */
enum { AGGREGATE_TOLD_MOST = 1024 };

/* A flow was told of a frame. */
struct aggregate_told {
    uint64_t frame_number;
    uint32_t evidence_id;
    uint32_t flow; /* its number; 0: of one that has ended */
};

/* A ring. Begins as zeros. */
struct aggregates {
    struct aggregate_told told[AGGREGATE_TOLD_MOST];
    uint32_t count, next;
    uint64_t frame_number; /* the last frame, and how much was told since it came */
    uint32_t evidence_id;
    uint32_t count_since;
};

/* A packet of this frame is told of next. */
void aggregate_begin(struct aggregates *a, const struct frame *frame);

/* Whether that frame has been told to the flow of this number; from now on it has. */
bool aggregate_was_told(struct aggregates *a, uint32_t flow, const struct frame *frame);

/* The flow has ended, and another may get its number. */
void aggregate_forget(struct aggregates *a, uint32_t flow);

#endif
