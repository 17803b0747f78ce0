/* sink.c - what reassembly tells, sorted to where it belongs. */
#include "store/writer.h"

static struct store *store_of(struct sink *sink)
{
    return (struct store *)(void *)sink;
}

static void see_frame(struct sink *sink, struct flow *flow, const struct frame *frame)
{
    struct store *s = store_of(sink);
    struct kept_flow *k = keep_flow(s, flow);
    uint32_t captured = (uint32_t)frame->bytes.len;

    if (!k)
        return;
    if (!k->is_diary && k->base && k->base->evidence_id == 0) {
        k->base->evidence_id = frame->evidence_id;
        k->base->first_frame = frame->number;
        k->base->first_ns = frame->time_ns;
    }
    if (s->live.on && shed_frames(s)) {
        oddities_add(s, &k->oddities, frame->evidence_id, frame->number, ODDITY_FRAMES_SHED, NULL);
        return;
    }
    struct frame_record record = {.evidence_id = frame->evidence_id,
                                  .interface_id = frame->interface_id,
                                  .number = frame->number,
                                  .offset = frame->offset,
                                  .time_ns = frame->time_ns,
                                  .captured = captured,
                                  .wire_len =
                                      frame->wire_len > captured ? frame->wire_len : captured};
    k->is_over = flow_is_over(flow);
    if (k->is_diary && !diary_frame(s, k, &record))
        diary_unfold(s, k);
    if (!k->is_diary)
        records_add_frame(s, k, &record);
    if (k->is_over)
        keep_over(s, k);
}

/* Whether all its bytes are new: nearly every segment. */
static bool all_fresh(const struct arrival *a)
{
    return a->fresh_count == 1 && a->taken_count == 0 && a->fresh[0].begin == a->position &&
           a->fresh[0].end - a->position == (int64_t)a->bytes.len;
}

/* Whether its bytes stay where they are: in its frame, and not in what was put together of several, or unpacked. */
static bool is_lasting(const struct store *s, const struct arrival *a)
{
    const struct span frame = a->packet->frame->bytes;

    return s->frames_last && a->packet->piece_count == 0 && a->bytes.len > 0 &&
           a->bytes.data >= frame.data && a->bytes.data + a->bytes.len <= frame.data + frame.len;
}

/* Compares and keeps the bytes of an arrival that was not refused, and says what became of it. */
static uint8_t accept_bytes(struct store *s, struct kept_flow *k, const struct arrival *a)
{
    bool conflict = false, placed = pieces_placed(s, a);

    if (all_fresh(a)) {
        chunks_keep(s, k, a->side, a->position, a->bytes, placed, is_lasting(s, a));
    } else {
        conflict = conflicts_find(s, k, a);
        conflicts_take(s, k, a);
        for (uint32_t i = 0; i < a->fresh_count; i++) {
            const struct range *fresh = &a->fresh[i];
            struct span bytes =
                span_first(span_after(a->bytes, (size_t)(fresh->begin - a->position)),
                           (size_t)(fresh->end - fresh->begin));
            chunks_keep(s, k, a->side, fresh->begin, bytes, placed, false);
        }
    }
    if (conflict)
        return FATE_CONFLICT;
    if (a->provisional || a->unaccepted)
        return FATE_PROVISIONAL;
    bool brought = a->fresh_count > 0 || a->taken_count > 0;
    return brought || a->bytes.len == 0 ? FATE_KEPT : FATE_DUPLICATE;
}

static void keep_arrival(struct store *s, struct kept_flow *k, const struct arrival *a)
{
    struct arrival_record record;
    uint8_t fate;

    if (a->refused != REFUSED_NOT) {
        refused_write(s, k, a);
        fate = (uint8_t)(FATE_REFUSED + a->refused);
    } else {
        fate = accept_bytes(s, k, a);
    }
    for (uint32_t i = 0; i < pieces_count(a); i++) {
        if (!pieces_at(&record, a, i))
            continue;
        record.fate = fate;
        records_add_arrival(s, k, a->side, &record);
    }
}

/* Whether a diary may have it, if only for what it says itself. */
static bool is_usual(const struct arrival *a)
{
    return a->refused == REFUSED_NOT && !a->provisional && !a->unaccepted && all_fresh(a) &&
           a->packet->piece_count == 0;
}

/* Writes it into the flow's diary; false where it is not of that kind. */
static bool write_down(struct store *s, struct kept_flow *k, const struct arrival *a)
{
    struct arrival_record record;

    if (!is_usual(a) || !pieces_at(&record, a, 0))
        return false;
    record.fate = FATE_KEPT;
    return diary_segment(s, k, a->side, &record, a->bytes);
}

static void see_segment(struct sink *sink, struct flow *flow, const struct arrival *a)
{
    struct store *s = store_of(sink);
    struct kept_flow *k = keep_flow(s, flow);

    if (!k || (k->is_diary && write_down(s, k, a)))
        return;
    k = keep_unfolded(s, flow);
    if (!k || !keep_stream(s, k, a->side))
        return;
    if (s->live.on)
        a = shed_arrival(s, k, a, s->live.rest);
    if (!a)
        return;
    if (carry_crosses(k->sides[a->side], a))
        carry_arrival(s, k, a, keep_arrival);
    else
        keep_arrival(s, k, a);
}

static void see_believe(struct sink *sink, struct flow *flow, enum side side, int64_t position,
                        int64_t len)
{
    struct store *s = store_of(sink);
    struct kept_flow *k = keep_unfolded(s, flow);

    if (k && keep_stream(s, k, side))
        refused_believe(s, k, side, position, shed_believed(s, k, side, position, len));
}

static void see_gap(struct sink *sink, struct flow *flow, enum side side, int64_t position,
                    int64_t len, enum gap_cause cause, bool tail)
{
    struct store *s = store_of(sink);
    struct kept_flow *k = keep_unfolded(s, flow);

    if (k && len > 0 && keep_stream(s, k, side))
        flow_rows_missing(s, k, side, position, len, cause, tail);
}

static void see_oddity(struct sink *sink, struct flow *flow, const struct frame *frame,
                       enum oddity kind, const char *text)
{
    struct store *s = store_of(sink);
    uint32_t evidence_id = frame ? frame->evidence_id : flow ? flow->first_evidence_id : 0;
    uint64_t number = frame ? frame->number : 0;

    if (!flow) {
        s->busy = NULL;
        if (!s->insert.failed)
            oddities_add(s, &s->oddities, evidence_id, number, kind, text);
        return;
    }
    struct kept_flow *k = keep_flow(s, flow);
    if (k)
        oddities_add(s, &k->oddities, evidence_id, number, kind, text);
}

static void see_flow_end(struct sink *sink, struct flow *flow)
{
    struct store *s = store_of(sink);
    struct kept_flow *k = keep_flow(s, flow);

    if (k && k->is_diary)
        diary_end(s, flow, k);
    else if (k)
        flow_rows_write(s, flow, k, NULL);
    if (flow->kept)
        keep_drop(s, flow->kept);
    flow->kept = NULL;
}

static void see_flow_news(struct sink *sink, struct flow *flow)
{
    struct store *s = store_of(sink);
    struct kept_flow *k = keep_unfolded(s, flow);

    if (k && flow->end == END_CONTINUED)
        carry_flow(s, flow, k);
    else if (k)
        flow_rows_renew(s, flow, k);
}

static void see_soon(struct sink *sink, const void *kept, enum sink_step step, bool ends)
{
    (void)sink;
    keep_bring(kept, step, ends);
}

const struct sink sink_table = {.frame = see_frame,
                                .segment = see_segment,
                                .believe = see_believe,
                                .gap = see_gap,
                                .oddity = see_oddity,
                                .flow_end = see_flow_end,
                                .flow_news = see_flow_news,
                                .soon = see_soon};
