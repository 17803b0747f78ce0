/* flow_queues.c - flows wait in queues for their ends: by the clock, or because another needs the room. */
#include "reassembly/flow_begin.h"
#include "reassembly/flows_state.h"

#include "base/table.h"

enum queue_name flow_queue_of(const struct flow *f)
{
    switch (f->state) {
    case FLOW_ATTEMPT:
    case FLOW_HANDSHAKE:
        return QUEUE_HALF_OPEN;
    case FLOW_CLOSED:
    case FLOW_REJECTED:
    case FLOW_RESET:
        return QUEUE_CLOSED;
    case FLOW_ONE_WAY:
    case FLOW_TWO_WAY:
        return f->key.protocol == TRANSPORT_UDP ? QUEUE_UDP : QUEUE_ICMP;
    default:
        return QUEUE_ESTABLISHED;
    }
}

/* The clock at which the oldest in a queue has waited for its whole timeout. */
static int64_t queue_deadline(const struct flows *t, const struct queue *q)
{
    if (!q->oldest || q->timeout == 0 || at(t, q->oldest)->queued_ns > INT64_MAX - q->timeout)
        return INT64_MAX;
    return at(t, q->oldest)->queued_ns + q->timeout;
}

void flow_queue(struct flows *t, struct flow *f)
{
    f->queue = flow_queue_of(f) & 7u;
    struct queue *q = &t->queues[f->queue];
    f->queued_ns = t->clock;
    f->older = q->newest;
    f->newer = 0;
    if (q->newest)
        at(t, q->newest)->newer = f->number;
    else
        q->oldest = f->number;
    q->newest = f->number;
    if (q->oldest == f->number && queue_deadline(t, q) < t->deadline)
        t->deadline = queue_deadline(t, q);
}

void flow_unqueue(struct flows *t, struct flow *f)
{
    struct queue *q = &t->queues[f->queue];
    if (f->older)
        at(t, f->older)->newer = f->newer;
    else
        q->oldest = f->newer;
    if (f->newer)
        at(t, f->newer)->older = f->older;
    else
        q->newest = f->older;
}

bool flow_is_idle(const struct flows *t, const struct flow *f, int64_t now)
{
    int64_t timeout = t->queues[f->queue].timeout;
    return timeout > 0 && now > f->last_ns && now - f->last_ns > timeout;
}

/* ---- the life of a flow ---- */

bool flow_has_run(const struct flow *f)
{
    return f->state != FLOW_ATTEMPT && f->state != FLOW_REJECTED && f->state != FLOW_RESET;
}

/* The SYN of `rival` has begun no connection in the place of the elder one. */
static void tell_rival(struct flows *t, struct flow *elder, const struct flow *rival)
{
    struct frame syn = {.number = rival->first_frame,
                        .evidence_id = flow_origin(&t->table, rival)->evidence_id};

    if (!rival->elder_ran && !flow_has_run(elder))
        return;
    t->at.sink->oddity(t->at.sink, elder, &syn, ODDITY_SYN_IN_CONNECTION, NULL);
}

void flow_finish(struct flows *t, struct flow *f, enum flow_end why)
{
    struct segment_context *context = &t->at;

    struct flow *other = at(t, f->rival);
    if (f->is_rival)
        tell_rival(t, other, f);
    else if (other && !other->took_over)
        tell_rival(t, f, other);

    if (f->state == FLOW_CLOSED)
        why = END_FIN;
    else if (f->state == FLOW_RESET || f->state == FLOW_REJECTED)
        why = END_RESET;
    f->end = why & 7u;
    if (f->key.protocol == TRANSPORT_TCP) {
        tcp_tell_gaps(context, f, SIDE_CLIENT);
        tcp_tell_gaps(context, f, SIDE_SERVER);
    }
    const bool was_rival = f->is_rival;
    const uint32_t origin = f->origin;
    struct side_stream *client = side_stream_of(&f->sides[SIDE_CLIENT]),
                       *server = side_stream_of(&f->sides[SIDE_SERVER]);
    flow_unqueue(t, f);
    detours_hand_on(&t->detours, f, other);
    if (!was_rival)
        flow_table_remove(&t->table, f);
    flow_tell(f, flow_origin(&t->table, f));
    stream_release(context, client);
    stream_release(context, server);
    context->sink->flow_end(context->sink, f);
    if (t->aggregates.count > 0)
        aggregate_forget(&t->aggregates, f->number);
    flow_node_free(&t->table, f, origin);
    if (!other)
        return;
    other->rival = 0;
    other->has_rival = false;
    if (was_rival)
        return;
    other->is_rival = false; /* the five-tuple is its own now */
    flow_table_add(&t->table, other);
}

/* What a flow has in its own place, all of it. */
void flow_bring_node(const struct flow *f)
{
    __builtin_prefetch(f);
    flow_prefetch(f);
    __builtin_prefetch(&f->queued_ns);
    __builtin_prefetch(&f->first_frame);
}

/* Where it is found, in two steps: the second brings the chain's first flow, which may stand before it. */
void flow_bring_bucket(const struct flows *t, const struct flow *f)
{
    flow_table_prefetch_bucket(&t->table, table_hash(&f->key, sizeof f->key));
}

void flow_bring_chain(const struct flows *t, const struct flow *f)
{
    flow_table_prefetch_first(&t->table, table_hash(&f->key, sizeof f->key));
    __builtin_prefetch(side_stream_of(&f->sides[SIDE_CLIENT]));
    __builtin_prefetch(side_stream_of(&f->sides[SIDE_SERVER]));
}

/* Of those that end after `f`, which are no more near than it was: each is a step further than the one behind it. */
static void bring_after(const struct flows *t, const struct flow *f)
{
    const struct flow *first = at(t, f->newer);
    const struct flow *second = first ? at(t, first->newer) : NULL;
    const struct flow *third = second ? at(t, second->newer) : NULL;

    if (first)
        flow_bring_chain(t, first);
    if (second)
        flow_bring_bucket(t, second);
    if (third)
        flow_bring_node(third);
}

int64_t flows_clock_of_frames(const struct flows *t)
{
    return t->clock - t->ahead_ns;
}

/* Whether one that was taken from the front of its queue is. The last time of one that had packets before the clock was
 * set back may lie in the future of the frames; one that had some since is at the back of its queue: flow_queue_again(). */
static bool has_waited(const struct flows *t, const struct flow *f)
{
    const int64_t frames_ns = flows_clock_of_frames(t);

    return f->last_ns <= frames_ns ? flow_is_idle(t, f, frames_ns)
                                   : flow_is_idle(t, f, t->clock - t->ahead_before_ns);
}

/* A packet of a flow whose last time is not reached again yet. */
void flow_queue_again(struct flows *t, struct flow *f)
{
    flow_unqueue(t, f);
    flow_queue(t, f);
}

/* Ends what has been idle for too long. */
static void expire_now(struct flows *t)
{
    const int64_t now = t->clock;

    t->deadline = INT64_MAX;
    for (int i = 0; i < QUEUES; i++) {
        struct queue *q = &t->queues[i];
        while (now > queue_deadline(t, q)) {
            struct flow *f = at(t, q->oldest);
            if (has_waited(t, f)) {
                bring_after(t, f);
                flow_finish(t, f, END_TIMEOUT);
            } else { /* busy since */
                flow_unqueue(t, f);
                flow_queue(t, f);
            }
        }
        if (queue_deadline(t, q) < t->deadline)
            t->deadline = queue_deadline(t, q);
    }
}

/* Our clock at a time of the frames. A frame of before the clock was set back, which has waited in another ring, does not move it. */
static int64_t steady(const struct flows *t, int64_t time_ns)
{
    return time_ns - flows_clock_of_frames(t) > t->stepped_back_ns / 2 ? t->clock
                                                                       : time_ns + t->ahead_ns;
}

void flows_clock_stepped(struct flows *t, int64_t stepped_ns)
{
    if (t->clock == INT64_MIN)
        return;
    if (stepped_ns >= 0) {
        t->ahead_ns -= stepped_ns < t->ahead_ns ? stepped_ns : t->ahead_ns;
        return;
    }
    t->ahead_before_ns = t->ahead_ns;
    t->ahead_ns -= stepped_ns;
    t->stepped_back_ns = -stepped_ns;
}

/* Moves the clock on: a comparison or two, nearly always, and no flow is looked at. */
void flows_move_clock(struct flows *t, int64_t now)
{
    if (t->ahead_ns > 0)
        now = steady(t, now);
    if (now <= t->clock)
        return;
    t->clock = now;
    if (now > t->deadline)
        expire_now(t);
}

/* Whether a flow at the front of its queue was busy in the later half of the time that it waited there. */
static bool is_busy(const struct flows *t, const struct flow *f)
{
    return flows_clock_of_frames(t) - f->last_ns < (t->clock - f->queued_ns) / 2;
}

/* Of the first few in a queue, the one that has been idle for longest; what was busy goes to the back
 * before, once for that. NULL when the queue is empty. */
static struct flow *idlest(struct flows *t, struct queue *q)
{
    enum { LOOKS = 8 };

    while (q->oldest && is_busy(t, at(t, q->oldest))) {
        struct flow *f = at(t, q->oldest);
        flow_unqueue(t, f);
        flow_queue(t, f);
    }
    struct flow *found = at(t, q->oldest), *f = found;
    for (int i = 0; f && i < LOOKS; i++, f = at(t, f->newer)) {
        if (f->last_ns < found->last_ns)
            found = f;
    }
    if (f)
        flow_bring_node(f); /* it will be looked at next time */
    return found;
}

/* Takes a node from the flow that can best do without. False when there is none. */
bool flows_evict(struct flows *t, const struct frame *frame)
{
    for (int i = 0; i < QUEUES; i++) {
        struct flow *f = idlest(t, &t->queues[i]);
        if (!f)
            continue;
        if (i != QUEUE_CLOSED)
            t->at.sink->oddity(t->at.sink, f, frame, ODDITY_FLOW_EVICTED, NULL);
        bring_after(t, f);
        flow_finish(t, f, END_EVICTED);
        return true;
    }
    return false;
}

void flows_advance(struct flows *t, int64_t now_ns)
{
    flows_move_clock(t, now_ns);
}
