/* aggregate.c - which flows were told of a frame of several packets. */
#include "reassembly/aggregate.h"

bool aggregate_was_told(struct aggregate_flows *a, const struct flow *f, const struct frame *frame,
                        bool is_new)
{
    if (a->frame_number != frame->number || a->evidence_id != frame->evidence_id) {
        a->frame_number = frame->number;
        a->evidence_id = frame->evidence_id;
        a->count = 0;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->flows[i] == f->number)
            return !is_new;
    }
    if (a->count < AGGREGATE_FLOWS_MOST)
        a->flows[a->count++] = f->number;
    return false;
}
