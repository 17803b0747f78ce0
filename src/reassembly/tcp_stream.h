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
    struct pool *streams;  /* of struct side_stream */
    struct pool *rare;     /* of struct side_rare */
    struct range *fresh;   /* scratch, room for RANGES_MAX + 1 */
    struct range *taken;   /* likewise */
};

/* The same for one that is not right. */
bool checksum_judge(const struct segment_context *at, struct flow *flow, enum side side,
                    const struct packet *packet, bool *provisional);

/* Whether the packet's checksum lets it count; *provisional when it does although it is wrong. */
static inline bool checksum_counts(const struct segment_context *at, struct flow *flow,
                                   enum side side, const struct packet *packet, bool *provisional)
{
    *provisional = false;
    if (packet->checksum != CHECKSUM_RIGHT)
        return checksum_judge(at, flow, side, packet, provisional);
    flow->sides[side].checksum_right = true;
    return true;
}

/* A segment of `flow` sent by `side`, counted already. */
void tcp_segment(const struct segment_context *at, struct flow *flow, enum side side,
                 const struct packet *packet);

/* A piece of a segment: positions [position, position + len), of which `bytes` are captured. */
struct run {
    int64_t position;
    int64_t len;
    struct span bytes;
};

/* The payload of a segment, from `position` on: kept, or refused. `provisional`: it gives way to what has no fault. */
void tcp_payload(const struct segment_context *at, struct flow *f, enum side side,
                 const struct packet *packet, int64_t position, bool provisional);

/* A run that is not in the stream: tells of it, and remembers it. */
void refuse(const struct segment_context *at, struct flow *f, enum side side,
            const struct packet *packet, struct run run, enum refusal why);

/* Tells of an oddity without words. */
void odd(const struct segment_context *at, struct flow *f, const struct packet *packet,
         enum oddity kind);

/* A UDP datagram or ICMP message, likewise: its position is the sum of the lengths before. */
void datagram(const struct segment_context *at, struct flow *flow, enum side side,
              const struct packet *packet);

/* One that carries a packet of another flow: its payload is that packet's, and takes no positions here. Its checksum is
 * not judged (dissect/walk.h). */
void datagram_carrying(struct flow *flow, enum side side, uint32_t payload_len);

/* Gives the lower half of a side's holes up: they are told as gaps now, and closed. */
void tcp_settle(const struct segment_context *at, struct flow *flow, enum side side);

/* Whether an acknowledgement of all below `position` covers bytes that are doubted, or waits for the first of them:
 * so its receiver is where they are. */
bool is_doubted(const struct side_state *side, int64_t position);

/* Takes what is doubted and has been acknowledged into the stream. */
void believe_acknowledged(const struct segment_context *at, struct flow *flow, enum side side);

/* The receiver has acknowledged all of `side` below `position`, and waits for what comes there. */
void heed_acknowledgement(const struct segment_context *at, struct side_state *side,
                          int64_t position);

/* Nothing more will come: takes into the stream what only a wrong checksum speaks against. */
void believe_uncontradicted(const struct segment_context *at, struct flow *f, enum side side);

/* Adds positions to one of the rare sets; best effort: where there is no memory, a gap has a less exact
 * cause. Uses at->taken. */
void rare_mark(const struct segment_context *at, struct ranges *set, int64_t begin, int64_t end);

/* Tells the gaps of one side, when nothing more will come. */
void tcp_tell_gaps(const struct segment_context *at, struct flow *flow, enum side side);

/* The side's parts that only some have, and its rare ones, made when needed; NULL when there is no memory. */
struct side_stream *side_stream(const struct segment_context *at, struct side_state *side);
struct side_rare *side_rare(const struct segment_context *at, struct side_state *side);

/* Frees what hangs on a side; NULL is allowed. */
void stream_release(const struct segment_context *at, struct side_stream *stream);

#endif
