/* aggregate.c - which flows were told of frames of several packets. */
#include "reassembly/aggregate.h"

static bool is_of(const struct aggregates *a, const struct frame *frame)
{
    return a->frame_number == frame->number && a->evidence_id == frame->evidence_id;
}

void aggregate_begin(struct aggregates *a, const struct frame *frame)
{
    if (is_of(a, frame))
        return;
    a->frame_number = frame->number;
    a->evidence_id = frame->evidence_id;
    a->count_since = 0;
}

bool aggregate_was_told(struct aggregates *a, uint32_t flow, const struct frame *frame)
{
    /* Of the last frame nothing was told before it came: there is little to look at, as nearly always. */
    const uint32_t count = is_of(a, frame) ? a->count_since : a->count;
    struct aggregate_told *told;

    for (uint32_t i = 1; i <= count; i++) {
        told = &a->told[(a->next - i) % AGGREGATE_TOLD_MOST];
        if (told->flow == flow && told->frame_number == frame->number &&
            told->evidence_id == frame->evidence_id)
            return true;
    }
    told = &a->told[a->next++ % AGGREGATE_TOLD_MOST];
    *told = (struct aggregate_told){frame->number, frame->evidence_id, flow};
    if (a->count < AGGREGATE_TOLD_MOST)
        a->count++;
    if (a->count_since < AGGREGATE_TOLD_MOST)
        a->count_since++;
    return false;
}

void aggregate_forget(struct aggregates *a, uint32_t flow)
{
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->told[i].flow == flow)
            a->told[i].flow = 0;
    }
}
