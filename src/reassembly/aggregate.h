/* aggregate.h - a frame of several packets (A-MSDU of 802.11), of which some may be of one flow.
 *
 * Each packet counts, but the frame belongs to the flow once. Who is told of frames asks here, for packets of
 * aggregates alone. */
#ifndef SEINE_REASSEMBLY_AGGREGATE_H
#define SEINE_REASSEMBLY_AGGREGATE_H

#include "dissect/packet.h"
#include "reassembly/flow.h"

#include <stdbool.h>
#include <stdint.h>

/* More flows than packets of a frame are read, and those that ICMP errors among these quote. What is beyond is told
 * again. */
enum { AGGREGATE_FLOWS_MOST = 128 };

/* The flows that were told of the last such frame. Begins as zeros. */
struct aggregate_flows {
    uint64_t frame_number;
    uint32_t evidence_id;
    uint32_t count;
    uint32_t flows[AGGREGATE_FLOWS_MOST]; /* their numbers */
};

/* Whether an earlier packet of the same frame has brought that to the flow; from now on one has. To one that is new none
 * has, though another that had its number may have ended meanwhile. */
bool aggregate_was_told(struct aggregate_flows *a, const struct flow *f, const struct frame *frame,
                        bool is_new);

#endif
