/* datagram.c - UDP and ICMP: every datagram is kept as it came, one behind the other. */
#include "reassembly/history.h"
#include "reassembly/tcp_stream.h"

static void see_direction(struct flow *f, enum side side)
{
    if (f->sides[side_other(side)].packets > 0)
        f->state = FLOW_TWO_WAY;
}

void datagram_carrying(struct flow *f, enum side side, uint32_t payload_len)
{
    see_direction(f, side);
    history_add(f, side, 'D');
    f->sides[side].carried += payload_len;
}

void datagram(const struct segment_context *at, struct flow *f, enum side side,
              const struct packet *p)
{
    struct side_state *us = &f->sides[side];

    bool provisional;
    bool counts = checksum_counts(at, f, side, p, &provisional);
    see_direction(f, side);
    if (p->payload_len == 0)
        return;
    if (!counts) {
        struct arrival refused = {.packet = p,
                                  .side = side,
                                  .position = us->next,
                                  .len = p->payload_len,
                                  .bytes = p->payload,
                                  .refused = REFUSED_CHECKSUM};
        at->sink->segment(at->sink, f, &refused);
        return;
    }

    history_add(f, side, 'D');
    int64_t position = us->next;
    int64_t captured = position + (int64_t)p->payload.len;
    us->next = position + p->payload_len;
    us->taken += p->payload.len;
    at->fresh[0] = (struct range){position, captured};
    struct arrival arrival = {.packet = p,
                              .side = side,
                              .position = position,
                              .len = p->payload_len,
                              .bytes = p->payload,
                              .provisional = provisional,
                              .fresh = at->fresh,
                              .fresh_count = p->payload.len > 0,
                              .taken = at->taken};
    at->sink->segment(at->sink, f, &arrival);
    if (captured < us->next)
        at->sink->gap(at->sink, f, side, captured, us->next - captured, GAP_TRUNCATED, false);
}
