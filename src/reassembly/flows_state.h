/* flows_state.h - what a table of flows is made of, for the files that are one: flows.c (packets find their flow),
 * flow_queues.c (flows wait, and end), flow_news.c (what is told of those that live). */
#ifndef SEINE_REASSEMBLY_FLOWS_STATE_H
#define SEINE_REASSEMBLY_FLOWS_STATE_H

#include "reassembly/aggregate.h"
#include "reassembly/detours.h"
#include "reassembly/flow_table.h"
#include "reassembly/flows.h"
#include "reassembly/tcp_stream.h"

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
    struct aggregates aggregates;
};

static inline struct flow *at(const struct flows *t, uint32_t number)
{
    return flow_at(&t->table, number);
}

/* ---- flow_queues.c ---- */

/* By its state. */
enum queue_name flow_queue_of(const struct flow *f);

/* To the back of the queue of its state; out of the one that it is in; both. */
void flow_queue(struct flows *t, struct flow *f);
void flow_unqueue(struct flows *t, struct flow *f);
void flow_queue_again(struct flows *t, struct flow *f);

/* Whether at `now` it has been idle for longer than its queue allows. */
bool flow_is_idle(const struct flows *t, const struct flow *f, int64_t now);

/* Whether there was more of a connection than an attempt. */
bool flow_has_run(const struct flow *f);

/* Tells of its end, and frees it. What its state says of how it ended outdoes `why`. */
void flow_finish(struct flows *t, struct flow *f, enum flow_end why);

/* Ask for the memory of one that will end: first its own, then, in two steps, of where it is found. */
void flow_bring_node(const struct flow *f);
void flow_bring_bucket(const struct flows *t, const struct flow *f);
void flow_bring_chain(const struct flows *t, const struct flow *f);

/* Ours is ahead of it where it was set back. */
int64_t flows_clock_of_frames(const struct flows *t);

/* A frame of this time has come, or that time without one: ends what has been idle for too long. */
void flows_move_clock(struct flows *t, int64_t now);

/* Takes a node from the flow that can best do without. False when there is none. */
bool flows_evict(struct flows *t, const struct frame *frame);

/* ---- flow_news.c ---- */

/* Nothing, where nobody watches. There is room: flows_packet() sees to it. */
void flows_remember_new(struct flows *t, const struct flow *f);

/* Tells of those that are remembered, and remembers none. */
void flows_tell_fresh(struct flows *t);

#endif
