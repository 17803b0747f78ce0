/* flows.c - the table of flows. */
#include "reassembly/flows.h"

#include "base/table.h"
#include "reassembly/aggregate.h"
#include "reassembly/association.h"
#include "reassembly/detours.h"
#include "reassembly/flow_begin.h"
#include "reassembly/flow_table.h"
#include "reassembly/tcp_reuse.h"
#include "reassembly/tcp_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct flow_timeouts flow_timeouts_offline = {
    .half_open = 60 * 1000000000ll,
    .established = 0,
    .closed = 120 * 1000000000ll,
    .udp = 180 * 1000000000ll,
    .icmp = 60 * 1000000000ll,
};
const struct flow_timeouts flow_timeouts_live = {
    .half_open = 60 * 1000000000ll,
    .established = 7200 * 1000000000ll,
    .closed = 120 * 1000000000ll,
    .udp = 180 * 1000000000ll,
    .icmp = 60 * 1000000000ll,
};

/* In the order in which they are asked to give a flow up when the table is full. */
enum queue_name { QUEUE_CLOSED, QUEUE_HALF_OPEN, QUEUE_UDP, QUEUE_ICMP, QUEUE_ESTABLISHED, QUEUES };

struct queue {
    uint32_t oldest, newest;
    int64_t timeout; /* ns; 0 is none */
};

/* What is told of flows that live. The table is walked by the numbers of its nodes, all of it once in
 * FLOWS_RENEWED_NS: so no flow needs to remember when it was told of last. */
struct news {
    uint32_t *fresh; /* owned: those that are new; NULL: nobody asks */
    uint32_t fresh_count;
    uint32_t next;    /* the number at which the walk goes on */
    int64_t told_ns;  /* the clock when it last went on */
    int64_t begun_ns; /* when this walk began, and the one before */
    int64_t begun_before_ns;
};

enum { FRESH_MOST = 1024 };

struct flows {
    struct flow_table table;
    struct queue queues[QUEUES];
    struct pool streams, rare;
    struct places *places; /* owned */
    struct detours detours;
    bool has_detours; /* a place is a path, so that two may be a conversation's */
    struct budget range_budget;
    struct segment_context at;
    struct range fresh[RANGES_MAX + 1], taken[RANGES_MAX + 1]; /* scratch */
    int64_t clock;    /* the highest time so far; INT64_MIN before the first */
    int64_t deadline; /* up to this clock no flow has waited in its queue for its whole timeout */

    /* Since the clock of the frames was set back ours is ahead of it by so much, and was before, by so much. */
    int64_t ahead_ns, ahead_before_ns, stepped_back_ns;
    struct news news;
    struct aggregate_flows aggregate;
};

struct flows *flows_new(struct sink *sink, size_t memory, const struct flow_timeouts *timeouts,
                        unsigned place_parts)
{
    struct flows *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->places = places_new(memory / 16, place_parts);
    if (!t->places) {
        free(t);
        return NULL;
    }
    if (!flow_table_init(&t->table, memory - memory / 2 - memory / 16)) {
        places_free(t->places);
        free(t);
        return NULL;
    }
    t->has_detours = places_are_paths(t->places);
    t->clock = INT64_MIN;
    t->deadline = INT64_MAX;
    budget_init(&t->range_budget, memory / 2);
    pool_init(&t->streams, &t->range_budget, sizeof(struct side_stream));
    pool_init(&t->rare, &t->range_budget, sizeof(struct side_rare));
    detours_init(&t->detours, &t->range_budget);
    t->at = (struct segment_context){.sink = sink,
                                     .budget = &t->range_budget,
                                     .streams = &t->streams,
                                     .rare = &t->rare,
                                     .fresh = t->fresh,
                                     .taken = t->taken};
    t->queues[QUEUE_CLOSED].timeout = timeouts->closed;
    t->queues[QUEUE_HALF_OPEN].timeout = timeouts->half_open;
    t->queues[QUEUE_UDP].timeout = timeouts->udp;
    t->queues[QUEUE_ICMP].timeout = timeouts->icmp;
    t->queues[QUEUE_ESTABLISHED].timeout = timeouts->established;
    table_seed();
    return t;
}

static struct flow *at(const struct flows *t, uint32_t number)
{
    return flow_at(&t->table, number);
}

static struct flow *first_of(const struct flows *t)
{
    return at(t, t->table.first);
}

static void streams_release(struct flows *t, const struct flow *f)
{
    stream_release(&t->at, side_stream_of(&f->sides[SIDE_CLIENT]));
    stream_release(&t->at, side_stream_of(&f->sides[SIDE_SERVER]));
}

void flows_free(struct flows *t)
{
    if (!t)
        return;
    for (struct flow *f = first_of(t); f; f = at(t, f->added_after)) {
        streams_release(t, f);
        if (f->rival)
            streams_release(t, at(t, f->rival));
    }
    detours_release(&t->detours);
    flow_table_release(&t->table);
    pool_release(&t->streams);
    pool_release(&t->rare);
    places_free(t->places);
    free(t->news.fresh);
    free(t);
}

uint64_t flows_count(const struct flows *t)
{
    return t->table.count;
}

size_t flows_memory_peak(const struct flows *t)
{
    return flow_table_memory_peak(&t->table) + t->range_budget.peak + places_memory_peak(t->places);
}

/* ---- queues ---- */

static enum queue_name queue_of(const struct flow *f)
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

static void queue_put(struct flows *t, struct flow *f)
{
    f->queue = queue_of(f) & 7u;
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

static void queue_take(struct flows *t, struct flow *f)
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

static bool is_idle(const struct flows *t, const struct flow *f, int64_t now)
{
    int64_t timeout = t->queues[f->queue].timeout;
    return timeout > 0 && now > f->last_ns && now - f->last_ns > timeout;
}

/* ---- the life of a flow ---- */

static bool has_run(const struct flow *f)
{
    return f->state != FLOW_ATTEMPT && f->state != FLOW_REJECTED && f->state != FLOW_RESET;
}

/* The SYN of `rival` has begun no connection in the place of the elder one. */
static void tell_rival(struct flows *t, struct flow *elder, const struct flow *rival)
{
    struct frame syn = {.number = rival->first_frame,
                        .evidence_id = flow_origin(&t->table, rival)->evidence_id};

    if (!rival->elder_ran && !has_run(elder))
        return;
    t->at.sink->oddity(t->at.sink, elder, &syn, ODDITY_SYN_IN_CONNECTION, NULL);
}

static void flow_finish(struct flows *t, struct flow *f, enum flow_end why)
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
    queue_take(t, f);
    detours_hand_on(&t->detours, f, other);
    if (!was_rival)
        flow_table_remove(&t->table, f);
    flow_tell(f, flow_origin(&t->table, f));
    stream_release(context, client);
    stream_release(context, server);
    context->sink->flow_end(context->sink, f);
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
static void bring_node(const struct flow *f)
{
    __builtin_prefetch(f);
    flow_prefetch(f);
    __builtin_prefetch(&f->queued_ns);
    __builtin_prefetch(&f->first_frame);
}

/* Where it is found, in two steps: the second brings the chain's first flow, which may stand before it. */
static void bring_bucket(const struct flows *t, const struct flow *f)
{
    flow_table_prefetch_bucket(&t->table, table_hash(&f->key, sizeof f->key));
}

static void bring_chain(const struct flows *t, const struct flow *f)
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
        bring_chain(t, first);
    if (second)
        bring_bucket(t, second);
    if (third)
        bring_node(third);
}

static int64_t clock_of_frames(const struct flows *t)
{
    return t->clock - t->ahead_ns;
}

/* Whether one that was taken from the front of its queue is. The last time of one that had packets before the clock was
 * set back may lie in the future of the frames; one that had some since is at the back of its queue: queue_again(). */
static bool has_waited(const struct flows *t, const struct flow *f)
{
    const int64_t frames_ns = clock_of_frames(t);

    return f->last_ns <= frames_ns ? is_idle(t, f, frames_ns)
                                   : is_idle(t, f, t->clock - t->ahead_before_ns);
}

/* A packet of a flow whose last time is not reached again yet. */
static void queue_again(struct flows *t, struct flow *f)
{
    queue_take(t, f);
    queue_put(t, f);
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
                queue_take(t, f);
                queue_put(t, f);
            }
        }
        if (queue_deadline(t, q) < t->deadline)
            t->deadline = queue_deadline(t, q);
    }
}

/* Our clock at a time of the frames. A frame of before the clock was set back, which has waited in another ring, does not move it. */
static int64_t steady(const struct flows *t, int64_t time_ns)
{
    return time_ns - clock_of_frames(t) > t->stepped_back_ns / 2 ? t->clock : time_ns + t->ahead_ns;
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
static void expire(struct flows *t, int64_t now)
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
    return clock_of_frames(t) - f->last_ns < (t->clock - f->queued_ns) / 2;
}

/* Of the first few in a queue, the one that has been idle for longest; what was busy goes to the back
 * before, once for that. NULL when the queue is empty. */
static struct flow *idlest(struct flows *t, struct queue *q)
{
    enum { LOOKS = 8 };

    while (q->oldest && is_busy(t, at(t, q->oldest))) {
        struct flow *f = at(t, q->oldest);
        queue_take(t, f);
        queue_put(t, f);
    }
    struct flow *found = at(t, q->oldest), *f = found;
    for (int i = 0; f && i < LOOKS; i++, f = at(t, f->newer)) {
        if (f->last_ns < found->last_ns)
            found = f;
    }
    if (f)
        bring_node(f); /* it will be looked at next time */
    return found;
}

/* Takes a node from the flow that can best do without. False when there is none. */
static bool evict(struct flows *t, const struct frame *frame)
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

/* ---- looking up ---- */

static enum side side_of(const struct flow *f, bool src_is_low)
{
    return src_is_low == f->client_is_low ? SIDE_CLIENT : SIDE_SERVER;
}

/* The flow of what one of the ends sends under this key: there, or where a detour leads. */
static struct flow *find_of(struct flows *t, const struct flow_lookup *look)
{
    struct flow *f =
        t->detours.table ? detours_find(&t->detours, &look->key, look->src_is_low) : NULL;
    return f ? f : flow_table_find_near(&t->table, look->near, &look->key, look->hash);
}

void flows_look(struct flows *t, struct flow_lookup *look, const struct packet *p)
{
    const uint16_t place = places_number(t->places, &look->tunnel, p);

    look->src_is_low = flow_key_of(&look->key, p, place);
    look->hash = table_hash(&look->key, sizeof look->key);
    look->near = NULL;
    flow_table_prefetch_bucket(&t->table, look->hash);
}

void flows_prefetch(const struct flows *t, struct flow_lookup *look, unsigned step)
{
    switch (step) {
    case 1:
        flow_table_prefetch_first(&t->table, look->hash);
        break;
    case 2:
        look->near = flow_table_find(&t->table, &look->key, look->hash);
        if (look->near)
            flow_prefetch(look->near);
        break;
    default:
        if (look->near)
            __builtin_prefetch(
                side_stream_of(&look->near->sides[side_of(look->near, look->src_is_low)]));
        break;
    }
}

/* ---- what is told of flows that live ---- */

bool flows_watch(struct flows *t)
{
    t->news = (struct news){.fresh = malloc(FRESH_MOST * sizeof *t->news.fresh),
                            .next = 1,
                            .told_ns = INT64_MIN,
                            .begun_ns = INT64_MIN,
                            .begun_before_ns = INT64_MIN};
    return t->news.fresh;
}

/* There is room: flows_packet() sees to it. */
static void remember_new(struct flows *t, const struct flow *f)
{
    if (t->news.fresh)
        t->news.fresh[t->news.fresh_count++] = f->number;
}

static void tell_as(struct flows *t, struct flow *f, enum flow_end end)
{
    struct flow copy = *f;

    flow_tell(&copy, flow_origin(&t->table, f));
    copy.end = end & 7u;
    t->at.sink->flow_news(t->at.sink, &copy);
    f->kept = copy.kept;
}

static void tell_of(struct flows *t, struct flow *f)
{
    tell_as(t, f, END_CAPTURE); /* as it would be */
}

/* A node may be nobody's, or that of a flow's origin. */
static bool is_flow(const struct flow *f)
{
    return f->key.protocol != 0;
}

/* One that has ended meanwhile has been told of, and one that came into its place is told of twice, which
 * does no harm. */
static void tell_fresh(struct flows *t)
{
    for (uint32_t i = 0; i < t->news.fresh_count; i++) {
        struct flow *f = flow_of(&t->table, t->news.fresh[i]);
        if (is_flow(f))
            tell_of(t, f);
    }
    t->news.fresh_count = 0;
}

/* Those that were busy since the walk came by last, and are not new. */
static void renew_some(struct flows *t, uint32_t count)
{
    struct news *n = &t->news;

    for (; count > 0 && t->table.made > 1; count--) {
        if (n->next >= t->table.made) {
            n->next = 1;
            n->begun_before_ns = n->begun_ns;
            n->begun_ns = clock_of_frames(t);
        }
        struct flow *f = flow_of(&t->table, n->next++);
        if (is_flow(f) && f->last_ns >= n->begun_before_ns &&
            f->first_ns < clock_of_frames(t) - FLOWS_RENEWED_NS)
            tell_of(t, f);
    }
}

void flows_tell_news(struct flows *t)
{
    struct news *n = &t->news;
    uint64_t passed = 0; /* of FLOWS_RENEWED_NS */

    tell_fresh(t);
    if (t->clock == INT64_MIN)
        return;
    if (n->told_ns != INT64_MIN)
        passed = (uint64_t)t->clock - (uint64_t)n->told_ns;
    if (passed > FLOWS_RENEWED_NS)
        passed = FLOWS_RENEWED_NS;
    uint32_t count = (uint32_t)((double)passed / FLOWS_RENEWED_NS * (t->table.made - 1));
    if (count == 0 && n->told_ns != INT64_MIN)
        return; /* the time that passed counts later */
    n->told_ns = t->clock;
    renew_some(t, count);
}

void flows_tell_all(struct flows *t, bool over)
{
    t->news.fresh_count = 0;
    for (uint32_t number = 1; number < t->table.made; number++) {
        struct flow *f = flow_of(&t->table, number);
        if (is_flow(f))
            tell_as(t, f, over ? END_CONTINUED : END_CAPTURE);
    }
}

void flows_advance(struct flows *t, int64_t now_ns)
{
    expire(t, now_ns);
}

/* ---- a new flow ---- */

/* A node with nothing in it but where it comes from; NULL when there is none. Others may have been given up for
 * it. */
static struct flow *node_new(struct flows *t, const struct flow_lookup *look,
                             const struct packet *p)
{
    struct origin origin;
    struct flow *f = flow_node_new(&t->table);

    while (!f && evict(t, p->frame))
        f = flow_node_new(&t->table);
    if (!f)
        return NULL;
    flow_origin_of(&origin, look->src_is_low, p, look->tunnel);
    while (!flow_origin_set(&t->table, f, &origin)) {
        if (!evict(t, p->frame)) {
            flow_node_free(&t->table, f, 0);
            return NULL;
        }
    }
    return f;
}

static struct flow *flow_new(struct flows *t, const struct flow_lookup *look,
                             const struct packet *p)
{
    struct flow *f = node_new(t, look, p);
    if (!f)
        return NULL;
    f->key = look->key;
    flow_table_add(&t->table, f);
    detours_close(&t->detours, &look->key);
    flow_begin(f, look->src_is_low, p);
    queue_put(t, f);
    remember_new(t, f);
    return f;
}

/* ---- two connections with one five-tuple ---- */

/* A flow beside the one that has the key. NULL where that one is gone, or there is no room. */
static struct flow *rival_new(struct flows *t, const struct flow_lookup *look,
                              const struct packet *p)
{
    struct flow *f = node_new(t, look, p);
    struct flow *elder = find_of(t, look); /* it may have been given up for it */
    if (!f)
        return NULL;
    if (!elder) {
        flow_node_free(&t->table, f, f->origin);
        return NULL;
    }
    if (elder->rival)
        flow_finish(t, at(t, elder->rival), END_REUSED);
    f->key = elder->key;
    f->rival = elder->number;
    f->has_rival = elder->has_rival = true;
    f->is_rival = true;
    f->elder_ran = has_run(elder);
    elder->rival = f->number;
    flow_begin(f, look->src_is_low, p);
    queue_put(t, f);
    remember_new(t, f);
    return f;
}

/* Which flow a segment belongs to, of the one that has its five-tuple, its rival, and a new one, which
 * NULL stands for. */
static struct flow *owner_of(struct flows *t, struct flow *f, const struct flow_lookup *look,
                             const struct packet *p)
{
    struct flow *rival = at(t, f->rival);
    const bool src_is_low = look->src_is_low;

    if (rival) {
        bool settled;
        bool is_rivals = tcp_is_rivals(f, side_of(f, src_is_low), rival, side_of(rival, src_is_low),
                                       p, &settled);
        if (settled) {
            rival->took_over = true;
            flow_finish(t, f, END_REUSED);
        }
        if (is_rivals)
            return rival;
    }
    switch (tcp_claim(f, side_of(f, src_is_low), p)) {
    case CLAIM_NONE:
        break;
    case CLAIM_TAKES:
        flow_finish(t, f, END_REUSED);
        f = find_of(t, look); /* a rival may have come into its place */
        return f ? owner_of(t, f, look, p) : NULL;
    case CLAIM_WAITS:
        return rival_new(t, look, p);
    }
    return f;
}

/* A segment that has no flow, and continues one that goes another way. NULL when it does not. */
static struct flow *find_detour(struct flows *t, const struct flow_lookup *look,
                                const struct packet *p)
{
    char text[PACKET_TUNNEL_MAX + 64];
    const struct flow_key *key = &look->key;
    const bool src_is_low = look->src_is_low;
    struct flow *f = detours_match(&t->detours, &t->table, key, src_is_low, p);

    if (!f || is_idle(t, f, p->frame->time_ns) || !detours_add(&t->detours, f, key, src_is_low))
        return NULL;
    snprintf(text, sizeof text, "the %s's packets go %s%s",
             side_of(f, src_is_low) == SIDE_CLIENT ? "client" : "server",
             p->tunnel[0] ? "by " : "without a tunnel", p->tunnel);
    t->at.sink->oddity(t->at.sink, f, p->frame, ODDITY_TUNNEL_DIFFERS, text);
    return f;
}

/* ---- packets ---- */

static void tell_frames(struct flows *t, struct flow *f, const struct packet *p)
{
    if (!p->frames) {
        t->at.sink->frame(t->at.sink, f, p->frame);
        return;
    }
    for (uint32_t i = 0; i < p->frame_count; i++)
        t->at.sink->frame(t->at.sink, f, &p->frames[i]);
}

/* Of a packet of an aggregate: not of its own frame, if an earlier one has brought the flow that. True then. */
static bool tell_aggregate(struct flows *t, struct flow *f, const struct packet *p, bool is_new)
{
    if (!aggregate_was_told(&t->aggregate, f, p->frame, is_new)) {
        tell_frames(t, f, p);
        return false;
    }
    for (uint32_t i = 0; p->frames && i < p->frame_count; i++) {
        if (p->frames[i].number != p->frame->number)
            t->at.sink->frame(t->at.sink, f, &p->frames[i]);
    }
    return true;
}

/* The same for one that has been counted. */
__attribute__((noinline)) static void tell_counted(struct flows *t, struct flow *f, enum side side,
                                                   const struct packet *p)
{
    const bool is_new = f->sides[SIDE_CLIENT].packets + f->sides[SIDE_SERVER].packets == 1;

    if (tell_aggregate(t, f, p, is_new))
        f->sides[side].frame_bytes -= p->frame->wire_len;
}

/* An ICMP error belongs to the flow that it quotes, too, in the same place. The quoted packet went the
 * other way. */
static void tell_quoted(struct flows *t, const struct packet *p, uint16_t place)
{
    struct flow_key key;

    flow_key_of_quote(&key, p, place);
    struct flow *f = flow_table_find(&t->table, &key, table_hash(&key, sizeof key));
    if (f && p->aggregate)
        tell_aggregate(t, f, p, false);
    else if (f)
        tell_frames(t, f, p);
}

static void count(struct flow *f, enum side side, const struct packet *p)
{
    struct side_state *us = &f->sides[side];
    int64_t time_ns = p->frame->time_ns;

    us->packets++;
    us->ip_bytes += p->ip_len;
    if (p->frames) {
        for (uint32_t i = 0; i < p->frame_count; i++)
            us->frame_bytes += p->frames[i].wire_len;
        time_ns = p->frames[0].time_ns < time_ns ? p->frames[0].time_ns : time_ns;
    } else {
        us->frame_bytes += p->frame->wire_len;
    }
    if (p->ttl < us->min_ttl)
        us->min_ttl = p->ttl;
    if (time_ns < f->last_ns && time_ns < f->first_ns)
        f->first_ns = time_ns;
    if (p->frame->time_ns > f->last_ns)
        f->last_ns = p->frame->time_ns;
}

/* The flow of a packet that is live at its time, or NULL. */
static struct flow *find_live(struct flows *t, const struct flow_lookup *look, int64_t now)
{
    if (t->news.fresh_count + 1 >= FRESH_MOST) /* a packet makes two at most: one, and a rival */
        tell_fresh(t);
    expire(t, now);
    struct flow *f = find_of(t, look);
    while (f && is_idle(t, f, now)) {
        flow_finish(t, f, END_TIMEOUT);
        f = find_of(t, look); /* a rival may have come into its place */
    }
    return f;
}

/* The datagram around a packet, as a packet of its own. What is inside is no payload of its. */
static void carrier_packet(struct packet *outer, const struct packet *p, const struct carrier *c)
{
    *outer = (struct packet){.frame = p->frame,
                             .ip_version = c->ip_version,
                             .ttl = c->ttl,
                             .transport = TRANSPORT_UDP,
                             .ip_len = c->ip_len,
                             .vlan_count = c->vlan_count,
                             .has_macs = c->has_macs,
                             .ends = c->ends,
                             .checksum = CHECKSUM_UNKNOWN,
                             .tunnel_count = c->tunnel_count,
                             .payload_len = c->payload_len,
                             .frames = p->frames,
                             .frame_count = p->frame_count};
    memcpy(outer->vlans, c->vlans, sizeof outer->vlans);
    memcpy(outer->src_mac, c->src_mac, sizeof outer->src_mac);
    memcpy(outer->dst_mac, c->dst_mac, sizeof outer->dst_mac);
    memcpy(outer->tunnel, p->tunnel, c->tunnel_len);
    outer->tunnel[c->tunnel_len] = '\0';
}

/* A packet, or the datagram around one. Both ways lead through here, so that what a packet needs is not called but
 * lies in line. */
static void see_packet(struct flows *t, const struct packet *p, const struct flow_lookup *look,
                       bool carries)
{
    const uint16_t place = look->key.place;
    const bool src_is_low = look->src_is_low;
    int64_t now = p->frame->time_ns;

    struct flow *f = find_live(t, look, now);
    if (p->transport == TRANSPORT_TCP && t->has_detours) {
        detours_see(&t->detours, place);
        if (!f)
            f = find_detour(t, look, p);
    }
    if (f && p->transport == TRANSPORT_TCP &&
        (f->has_rival || f->state == FLOW_RESET || tcp_flags(&p->tcp) & TCP_SYN))
        f = owner_of(t, f, look, p);
    if (f && p->transport == TRANSPORT_SCTP && association_is_reuse(f, side_of(f, src_is_low), p)) {
        flow_finish(t, f, END_REUSED);
        f = NULL;
    }
    const bool is_new = !f;
    if (!f)
        f = flow_new(t, look, p);
    if (!f) {
        t->at.sink->oddity(t->at.sink, NULL, p->frame, ODDITY_NO_MEMORY, NULL);
        return;
    }

    enum side side = side_of(f, src_is_low);
    count(f, side, p);
    if (t->ahead_ns > 0 && now < f->last_ns && !is_new)
        queue_again(t, f);
    if (p->aggregate)
        tell_counted(t, f, side, p);
    else
        tell_frames(t, f, p);
    if (is_new && places_is_shared(t->places, place))
        t->at.sink->oddity(t->at.sink, f, p->frame, ODDITY_KEY_SHARED, NULL);
    if (p->transport == TRANSPORT_TCP)
        tcp_segment(&t->at, f, side, p);
    else if (p->transport == TRANSPORT_SCTP)
        association_packet(&t->at, f, side, p);
    else if (carries)
        datagram_carrying(f, side, p->payload_len);
    else
        datagram(&t->at, f, side, p);
    if (queue_of(f) != f->queue) { /* another state, another timeout */
        queue_take(t, f);
        queue_put(t, f);
    }
    if (p->quote.present)
        tell_quoted(t, p, place);
}

void flows_carriers(struct flows *t, const struct packet *p)
{
    struct flow_lookup look;
    struct packet outer;

    for (unsigned i = 0; i < p->carrier_count; i++) {
        carrier_packet(&outer, p, &p->carriers[i]);
        flows_look(t, &look, &outer);
        see_packet(t, &outer, &look, true);
    }
}

void flows_packet(struct flows *t, const struct packet *p, const struct flow_lookup *look)
{
    if (p->carrier_count > 0)
        flows_carriers(t, p);
    see_packet(t, p, look, false);
}

/* The flow that is so many behind the first. */
static struct flow *flow_ahead(const struct flows *t, unsigned count)
{
    struct flow *f = first_of(t);

    while (f && count-- > 0)
        f = at(t, f->added_after);
    return f;
}

/* Of a million flows none is near. Those that end soon are brought from memory: first what a flow has in its own place,
 * then its chain and its streams. Only the first of all leaves the list, so a place in it stays one. */
void flows_end_all(struct flows *t)
{
    enum { SOON = 8, SOONER = 5, SOONEST = 2 };
    struct flow *soon = flow_ahead(t, SOON), *sooner = flow_ahead(t, SOONER);
    struct flow *soonest = flow_ahead(t, SOONEST);

    while (t->table.first) {
        if (soon) {
            bring_node(soon);
            soon = at(t, soon->added_after);
        }
        if (sooner) {
            bring_bucket(t, sooner);
            sooner = at(t, sooner->added_after);
        }
        if (soonest) {
            bring_chain(t, soonest);
            soonest = at(t, soonest->added_after);
        }
        flow_finish(t, first_of(t), END_CAPTURE);
    }
}
