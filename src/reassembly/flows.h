/* flows.h - the table of flows: finds the flow of a packet, makes it, ends it.
 *
 * A flow ends by the capture's clock when it has been idle for longer than the timeout of its state,
 * when a SYN with another sequence number, or an INIT with another tag, takes its five-tuple over, when
 * the captures end, or when the table is full. Expiry never scans: each timeout has a queue of its own,
 * oldest first; a flow that was busy since it was queued goes to the back when it reaches the front.
 *
 * Ceilings: what a side needs for its payload takes at most half of `memory`, ranges of held positions included,
 * places and paths through tunnels a sixteenth (places.h says what happens then), flows and the table of them the
 * rest (flow_table.h). When there is no node for a new
 * flow, one is taken from another: of a closed flow if there is one, else of a half-open one, and so
 * on, each time one of those that have been idle for longest; an unfinished one leaves the oddity
 * flow_evicted. When a side has more than RANGES_MAX holes, its lower half is settled: the gaps are
 * told, and what comes later for them is refused. Both are decided in frame order from accounted
 * sizes only. */
#ifndef SEINE_REASSEMBLY_FLOWS_H
#define SEINE_REASSEMBLY_FLOWS_H

#include "reassembly/places.h"
#include "reassembly/sink.h"

#include <stddef.h>
#include <stdint.h>

struct flows;

/* Idle times in nanoseconds; 0 is none. */
struct flow_timeouts {
    int64_t half_open, established, closed, udp, icmp;
};

extern const struct flow_timeouts flow_timeouts_offline, flow_timeouts_live;

/* NULL when there is no memory. `sink` is borrowed for the life of the table. `place_parts` is what
 * belongs to a flow's key beside its five-tuple (places.h). */
struct flows *flows_new(struct sink *sink, size_t memory, const struct flow_timeouts *timeouts,
                        unsigned place_parts);

/* Frees the table; flows that have not ended are forgotten in silence. NULL is allowed. */
void flows_free(struct flows *t);

/* What a packet's flow is looked up by. */
struct flow_lookup {
    struct flow_key key;
    uint32_t hash; /* of the key, by table_hash() */
    bool src_is_low;
    const char *tunnel; /* the path through tunnels, borrowed from the table; NULL for none */
    struct flow *near;  /* the flow as flows_prefetch() found it; or NULL */
};

/* What the flow of a packet with verdict OK is looked up by. Places get their numbers here, so each packet is
 * looked at once, and in the order of the frames. */
void flows_look(struct flows *t, struct flow_lookup *look, const struct packet *packet);

/* Asks for the memory that flows_packet() will read; changes nothing. Among a million flows each of these reads
 * is a wait of a hundred nanoseconds, unless others are under way meanwhile: so for a batch of packets, step 0
 * for all (flows_look() takes it), then step 1 for all, and so on. */
enum { FLOWS_PREFETCH_STEPS = 4 };
void flows_prefetch(const struct flows *t, struct flow_lookup *look, unsigned step);

/* A packet that was looked at: finds or makes its flow, tells the sink of its frames and of what it
 * brings, and, for an ICMP error, of the flow that it quotes. Before it, the datagrams that carry it are seen, each as
 * one of a flow of its own: the frame is theirs too, the payload is not. */
void flows_packet(struct flows *t, const struct packet *packet, const struct flow_lookup *look);

/* The datagrams that carry a packet which is not of a flow yet, being a fragment: each is one of its own flow. Those of a
 * packet that is are seen with it. */
void flows_carriers(struct flows *t, const struct packet *packet);

/* For a sink that is to know of flows before they end: flow_news() is told of those that are new, when
 * flows_tell_news() is called or when there are many, and then, for as long as they are busy, about once in
 * FLOWS_RENEWED_NS of the capture's clock. False when there is no memory. */
#define FLOWS_RENEWED_NS (60 * 1000000000ll)
bool flows_watch(struct flows *t);
void flows_tell_news(struct flows *t);

/* Tells of every flow that lives, busy or not; with `over`, that its row of now is the last: its end is
 * END_CONTINUED, and who is told begins anew with it. Counters go on all the same. */
void flows_tell_all(struct flows *t, bool over);

/* The clock goes on though no packet comes: ends what has been idle for too long. */
void flows_advance(struct flows *t, int64_t now_ns);

/* The clock of the frames was set, back by `stepped_ns` where that is negative: from now on their times are of after that. What
 * times flows out goes on as if it had not been set back, and does not go on twice when it is set right again. */
void flows_clock_stepped(struct flows *t, int64_t stepped_ns);

/* Ends every flow, in the order in which they began. */
void flows_end_all(struct flows *t);

uint64_t flows_count(const struct flows *t); /* alive */
size_t flows_memory_peak(const struct flows *t);

#endif
