/* tcp_stream.h - one TCP segment put into its place; private to this room. */
#ifndef SEINE_REASSEMBLY_TCP_STREAM_H
#define SEINE_REASSEMBLY_TCP_STREAM_H

#include "base/budget.h"
#include "base/pool.h"
#include "reassembly/sink.h"

/* What a segment or datagram is seen with: its flow, and where to tell and take. */
struct segment_context {
    struct sink *sink;
    struct budget *budget; /* of ranges */
    struct pool *rare;     /* of struct side_rare */
    struct range *fresh;   /* scratch, room for RANGES_MAX + 1 */
    struct range *taken;   /* likewise */
};

/* Whether the packet's checksum lets it count; *provisional when it does although it is wrong. */
bool checksum_counts(const struct segment_context *at, struct flow *flow, enum side side,
                     const struct packet *packet, bool *provisional);

/* A segment of `flow` sent by `side`, counted already. */
void tcp_segment(const struct segment_context *at, struct flow *flow, enum side side,
                 const struct packet *packet);

/* A UDP datagram or ICMP message, likewise: its position is the sum of the lengths before. */
void datagram(const struct segment_context *at, struct flow *flow, enum side side,
              const struct packet *packet);

/* Whether a segment with SYN begins another connection than `flow`, whose sender would be `side`. */
bool tcp_is_reuse(const struct flow *flow, enum side side, const struct packet *packet);

/* Gives the lower half of a side's holes up: they are told as gaps now, and closed. */
void tcp_settle(const struct segment_context *at, struct flow *flow, enum side side);

/* Remembers that `side` brought [begin, end) in a segment that was refused for a reason that its
 * receiver may not share. */
void doubt(const struct segment_context *at, struct side_state *side, int64_t begin, int64_t end);

/* Whether an acknowledgement of all below `position` covers bytes that are doubted. */
bool is_doubted(const struct side_state *side, int64_t position);

/* Takes what is doubted and has been acknowledged into the stream. */
void believe_acknowledged(const struct segment_context *at, struct flow *flow, enum side side);

/* Adds positions to one of the rare sets; best effort: where there is no memory, a gap has a less exact
 * cause. Uses at->taken. */
void rare_mark(const struct segment_context *at, struct ranges *set, int64_t begin, int64_t end);

/* Tells the gaps of one side, when nothing more will come. */
void tcp_tell_gaps(const struct segment_context *at, struct flow *flow, enum side side);

/* The side's rare parts, made when needed; NULL when there is no memory. */
struct side_rare *side_rare(const struct segment_context *at, struct side_state *side);

/* Frees what hangs on a side. */
void side_release(const struct segment_context *at, struct side_state *side);

#endif
