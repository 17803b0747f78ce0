/* tcp_stream.c - one TCP segment put into its place (RFC 9293).
 *
 * A watcher between two hosts is not a receiver: what a receiver would drop may be all that the
 * capture has, and what it would take may be forged. So the rules here are wide, each exception
 * leaves an oddity, and nothing that arrives is lost: it is kept in the stream, or as refused. */
#include "reassembly/tcp_stream.h"

#include "reassembly/history.h"
#include "reassembly/seq.h"

#include <assert.h>

enum {
    WINDOW_LEAST = 1 << 20,              /* bytes; a smaller offer is treated as this much */
    WINDOW_WITHOUT_SCALE = 0xffff << 14, /* the largest that can be meant (RFC 7323 2.3) */
};

/* How far beyond its highest position a side may go: what the receiver offered at most. */
static int64_t reach(const struct flow *f, enum side side)
{
    const struct side_state *us = &f->sides[side], *peer = &f->sides[side_other(side)];

    if (!us->has_syn || !peer->has_syn) /* the scale was agreed on in SYNs that we have not seen */
        return WINDOW_WITHOUT_SCALE;
    return peer->window > WINDOW_LEAST ? peer->window : WINDOW_LEAST;
}

static int64_t lowest(const struct side_state *us)
{
    return us->held.count > 0 ? ranges_items(&us->held)[0].begin : 0;
}

/* The lowest position that can belong to the stream. */
static int64_t floor_of(const struct flow *f, enum side side)
{
    const struct side_state *us = &f->sides[side];

    if (us->has_syn)
        return us->syn;
    uint32_t window = f->sides[side_other(side)].window;
    return lowest(us) - (window > WINDOW_LEAST ? window : WINDOW_LEAST);
}

static int64_t ceiling_of(const struct flow *f, enum side side)
{
    const struct side_state *us = &f->sides[side];
    int64_t high = us->has_acked && us->acked > us->next ? us->acked : us->next;

    return high + reach(f, side);
}

static void odd(const struct segment_context *at, struct flow *f, const struct packet *p,
                enum oddity kind)
{
    at->sink->oddity(at->sink, f, p->frame, kind, NULL);
}

struct side_rare *side_rare(const struct segment_context *at, struct side_state *side)
{
    if (!side->rare)
        side->rare = pool_new(at->rare);
    return side->rare;
}

void side_release(const struct segment_context *at, struct side_state *side)
{
    ranges_release(&side->held, at->budget);
    if (!side->rare)
        return;
    ranges_release(&side->rare->provisional, at->budget);
    ranges_release(&side->rare->truncated, at->budget);
    ranges_release(&side->rare->refused, at->budget);
    ranges_release(&side->rare->doubted, at->budget);
    pool_free(at->rare, side->rare);
    side->rare = NULL;
}

/* A piece of a segment: positions [position, position + len), of which `bytes` are captured. */
struct run {
    int64_t position;
    int64_t len;
    struct span bytes;
};

/* Cuts what lies below `position` off the front of `run`. */
static struct run run_cut(struct run *run, int64_t position)
{
    int64_t len = position - run->position;

    if (len <= 0)
        return (struct run){run->position, 0, {NULL, 0}};
    if (len > run->len)
        len = run->len;
    struct run front = {run->position, len, span_first(run->bytes, (size_t)len)};
    *run = (struct run){run->position + len, run->len - len, span_after(run->bytes, (size_t)len)};
    return front;
}

/* Whether the receiver may have seen another checksum, or another window, than the capture shows. */
static bool is_receivers_choice(const struct side_state *us, struct run run, enum refusal why)
{
    return why == REFUSED_CHECKSUM || (why == REFUSED_OUT_OF_WINDOW && run.position >= us->next);
}

static void refuse(const struct segment_context *at, struct flow *f, enum side side,
                   const struct packet *p, struct run run, enum refusal why)
{
    static const enum oddity kinds[REFUSAL_COUNT] = {
        [REFUSED_OUT_OF_WINDOW] = ODDITY_OUT_OF_WINDOW,
        [REFUSED_BEFORE_START] = ODDITY_BEFORE_START,
        [REFUSED_KEEPALIVE] = ODDITY_KEEPALIVE_DATA,
        [REFUSED_SETTLED] = ODDITY_SETTLED,
        [REFUSED_NO_MEMORY] = ODDITY_NO_MEMORY,
    };

    if (why != REFUSED_CHECKSUM) /* that was said when it was judged */
        odd(at, f, p, kinds[why]);
    if (run.len == 0)
        return;
    struct side_state *us = &f->sides[side];
    struct side_rare *rare = us->anchored ? side_rare(at, us) : NULL;
    if (rare)
        rare_mark(at, &rare->refused, run.position, run.position + run.len);
    if (rare && !p->pieces && is_receivers_choice(us, run, why))
        doubt(at, us, run.position, run.position + (int64_t)run.bytes.len);
    struct arrival arrival = {.packet = p,
                              .side = side,
                              .position = run.position,
                              .len = (uint32_t)run.len,
                              .bytes = run.bytes,
                              .refused = why};
    at->sink->segment(at->sink, f, &arrival);
}

/* Puts a run that is inside all bounds into the stream. */
static void keep(const struct segment_context *at, struct flow *f, enum side side,
                 const struct packet *p, struct run run, bool provisional)
{
    struct side_state *us = &f->sides[side];
    int64_t end = run.position + (int64_t)run.bytes.len;
    struct arrival arrival = {.packet = p,
                              .side = side,
                              .position = run.position,
                              .len = (uint32_t)run.len,
                              .bytes = run.bytes,
                              .provisional = provisional,
                              .fresh = at->fresh,
                              .taken = at->taken};

    if (run.bytes.len > 0) {
        bool held =
            ranges_add(&us->held, at->fresh, &arrival.fresh_count, run.position, end, at->budget);
        if (!held) { /* too many holes: close the oldest, then there is room */
            tcp_settle(at, f, side);
            if (us->settled && run.position < us->settled_to) {
                refuse(at, f, side, p, run, REFUSED_SETTLED);
                return;
            }
            held = ranges_add(&us->held, at->fresh, &arrival.fresh_count, run.position, end,
                              at->budget);
        }
        if (!held) {
            refuse(at, f, side, p, run, REFUSED_NO_MEMORY);
            return;
        }
    }
    uint64_t fresh = 0;
    for (uint32_t i = 0; i < arrival.fresh_count; i++)
        fresh += (uint64_t)(at->fresh[i].end - at->fresh[i].begin);
    if (fresh < run.bytes.len) {
        us->retransmitted += run.bytes.len - fresh;
        history_add(f, side, 'T');
        if (!provisional && us->rare && us->rare->provisional.count > 0)
            ranges_cut(&us->rare->provisional, at->taken, &arrival.taken_count, run.position, end,
                       at->budget);
    }
    us->bytes += fresh;

    /* The sets below use at->taken as scratch: the sink hears of the arrival first. */
    at->sink->segment(at->sink, f, &arrival);

    struct side_rare *rare = NULL;
    if (end < run.position + run.len && (rare = side_rare(at, us)) != NULL)
        rare_mark(at, &rare->truncated, end, run.position + run.len);
    if (provisional && fresh > 0 && (rare = side_rare(at, us)) != NULL) {
        for (uint32_t i = 0; i < arrival.fresh_count; i++)
            rare_mark(at, &rare->provisional, at->fresh[i].begin, at->fresh[i].end);
    }
    if (run.position + run.len > us->next)
        us->next = run.position + run.len;
}

/* One byte, or none, just below what has been acknowledged: a probe whether the other side is still
 * there (RFC 9293 3.8.4, RFC 1122 4.2.3.6). Its byte may be garbage. */
static bool is_keepalive(const struct side_state *us, struct run run)
{
    return run.len == 1 && us->anchored && us->has_acked && us->acked == us->next &&
           run.position + 1 == us->next;
}

static void payload(const struct segment_context *at, struct flow *f, enum side side,
                    const struct packet *p, struct run run, bool provisional)
{
    struct side_state *us = &f->sides[side];

    if (is_keepalive(us, run)) {
        refuse(at, f, side, p, run, REFUSED_KEEPALIVE);
        return;
    }
    struct run front = run_cut(&run, floor_of(f, side));
    if (front.len > 0)
        refuse(at, f, side, p, front, us->has_syn ? REFUSED_BEFORE_START : REFUSED_OUT_OF_WINDOW);
    if (us->settled) {
        front = run_cut(&run, us->settled_to);
        if (front.len > 0)
            refuse(at, f, side, p, front, REFUSED_SETTLED);
    }
    struct run inside = run_cut(&run, ceiling_of(f, side));
    if (inside.len > 0) {
        if (us->rst || f->state == FLOW_RESET)
            odd(at, f, p, ODDITY_DATA_AFTER_RESET);
        if (us->has_fin && inside.position + inside.len > us->fin)
            odd(at, f, p, ODDITY_DATA_AFTER_FIN);
        history_add(f, side, 'D');
        keep(at, f, side, p, inside, provisional);
    }
    if (run.len > 0)
        refuse(at, f, side, p, run, REFUSED_OUT_OF_WINDOW);
}

static void see_syn(const struct segment_context *at, struct flow *f, enum side side,
                    const struct packet *p)
{
    struct side_state *us = &f->sides[side];
    uint32_t first = tcp_seq(&p->tcp) + 1;
    bool answer = tcp_flags(&p->tcp) & TCP_ACK, again = us->has_syn;

    if (us->has_syn && seq_position(first, us->base, us->syn) != us->syn) {
        /* A SYN-ACK with another number: until something was sent, the last one counts. */
        odd(at, f, p, ODDITY_SYN_CHANGED);
        if (us->next > 0 || us->held.count > 0 || us->has_acked)
            return;
        us->anchored = false;
    }
    if (!us->anchored) {
        us->base = first;
        us->anchored = true;
        us->syn = 0;
        us->has_syn = true;
    } else if (!us->has_syn) { /* data was captured before it */
        int64_t position = seq_position(first, us->base, 0);
        if (position > lowest(us)) {
            odd(at, f, p, ODDITY_SYN_CHANGED);
            return;
        }
        us->syn = position;
        us->has_syn = true;
    }
    struct tcp_options options;
    tcp_options(&p->tcp, &options);
    us->has_scale = options.has_window_scale;
    us->scale = options.has_window_scale ? options.window_scale : 0;
    history_add(f, side, answer ? 'H' : 'S');
    if (!answer && side == SIDE_CLIENT && (!again || !f->sides[SIDE_SERVER].has_syn))
        f->syn_ns = p->frame->time_ns;
    if (f->state == FLOW_ATTEMPT || f->state == FLOW_MIDSTREAM)
        f->state = answer ? FLOW_HANDSHAKE : f->state;
}

/* The window is scaled only when both sides offered to (RFC 7323 2.2), and never in a SYN. */
static void see_window(struct flow *f, enum side side, const struct packet *p)
{
    struct side_state *us = &f->sides[side];
    const struct side_state *peer = &f->sides[side_other(side)];
    uint32_t window = tcp_window(&p->tcp);

    if (!(tcp_flags(&p->tcp) & TCP_SYN) && us->has_scale && peer->has_scale)
        window <<= us->scale;
    if (window > us->window)
        us->window = window;
    if (window == 0 && !(tcp_flags(&p->tcp) & (TCP_RST | TCP_SYN)))
        history_add(f, side, 'W');
}

/* What `side` acknowledges of the other side's bytes. */
static void see_ack(const struct segment_context *at, struct flow *f, enum side side,
                    const struct packet *p)
{
    enum side other = side_other(side);
    struct side_state *peer = &f->sides[other];

    if (!peer->anchored)
        return;
    int64_t position = seq_position(tcp_ack(&p->tcp), peer->base, peer->next);
    if (peer->has_fin && position == peer->fin + 1)
        position = peer->fin; /* the FIN takes a number, but is no byte */
    if (position < floor_of(f, other))
        return;
    if (position > ceiling_of(f, other) && !is_doubted(peer, position))
        return;
    if (!peer->has_acked || position > peer->acked) {
        peer->acked = position;
        peer->has_acked = true;
        believe_acknowledged(at, f, other);
    }
}

static void see_fin(const struct segment_context *at, struct flow *f, enum side side,
                    const struct packet *p, int64_t position)
{
    struct side_state *us = &f->sides[side];

    if (us->anchored && (position > ceiling_of(f, side) || position < floor_of(f, side))) {
        odd(at, f, p, ODDITY_OUT_OF_WINDOW);
        return;
    }
    if (us->has_fin && us->fin != position) {
        odd(at, f, p, ODDITY_FIN_MOVED);
        return;
    }
    if (us->has_acked && us->acked == position + 1)
        us->acked = position; /* that was the FIN being acknowledged, captured before it */
    us->fin = position;
    us->has_fin = us->anchored;
    us->closed = true;
    history_add(f, side, 'F');
    if (f->state == FLOW_RESET || f->state == FLOW_REJECTED)
        return;
    f->state = f->sides[side_other(side)].closed ? FLOW_CLOSED : FLOW_CLOSING;
}

/* A RST counts when it lies where its sender's next byte could: from what the other side has
 * acknowledged up to the end of the window (RFC 9293 3.5.2, RFC 5961 3). */
static bool is_rst_believed(const struct flow *f, enum side side, const struct packet *p,
                            uint32_t seq)
{
    const struct side_state *us = &f->sides[side], *peer = &f->sides[side_other(side)];

    if (us->anchored) {
        int64_t position = seq_position(seq, us->base, us->next);
        int64_t low = us->has_acked && us->acked < us->next ? us->acked : us->next;
        return position >= low - 1 && position <= ceiling_of(f, side);
    }
    if (peer->anchored && tcp_flags(&p->tcp) & TCP_ACK) { /* in answer to a SYN */
        int64_t acked = seq_position(tcp_ack(&p->tcp), peer->base, peer->next);
        return acked >= lowest(peer) && acked <= peer->next + 1;
    }
    return true; /* nothing to judge it by */
}

static void see_rst(const struct segment_context *at, struct flow *f, enum side side,
                    const struct packet *p, bool believed)
{
    struct side_state *us = &f->sides[side];

    if (!believed) {
        odd(at, f, p, ODDITY_RESET_OUT_OF_WINDOW);
        return;
    }
    us->rst = true;
    history_add(f, side, 'R');
    if (side == SIDE_SERVER && (f->state == FLOW_ATTEMPT || f->state == FLOW_HANDSHAKE))
        f->state = FLOW_REJECTED;
    else if (f->state != FLOW_CLOSED && f->state != FLOW_REJECTED)
        f->state = FLOW_RESET;
}

void tcp_segment(const struct segment_context *at, struct flow *f, enum side side,
                 const struct packet *p)
{
    struct side_state *us = &f->sides[side];
    uint8_t flags = tcp_flags(&p->tcp);
    uint32_t seq = tcp_seq(&p->tcp) + (flags & TCP_SYN ? 1 : 0);
    bool provisional;

    if (!checksum_counts(at, f, side, p, &provisional)) {
        int64_t where = us->anchored ? seq_position(seq, us->base, us->next) : 0;
        refuse(at, f, side, p, (struct run){where, p->payload_len, p->payload}, REFUSED_CHECKSUM);
        believe_acknowledged(at, f, side); /* the capture may have seen the acknowledgement first */
        return;
    }
    us->flags |= flags;
    if (flags & TCP_SYN)
        see_syn(at, f, side, p);
    see_window(f, side, p);
    if (flags & TCP_ACK && !(flags & TCP_RST))
        see_ack(at, f, side, p);
    /* Judged before its own payload, a reason in words (RFC 1122 4.2.2.12), moves the stream on. */
    bool believed = flags & TCP_RST && is_rst_believed(f, side, p, seq);
    if (!us->anchored && p->payload_len > 0) {
        us->base = seq; /* midstream: the first byte to arrive is position 0 */
        us->anchored = true;
    }
    int64_t position = us->anchored ? seq_position(seq, us->base, us->next) : 0;

    if (flags & TCP_URG)
        odd(at, f, p, ODDITY_URGENT);
    if (p->payload_len > 0) {
        if (flags & TCP_SYN)
            odd(at, f, p, ODDITY_SYN_DATA);
        if (us->anchored)
            payload(at, f, side, p, (struct run){position, p->payload_len, p->payload},
                    provisional);
    }
    if (flags & TCP_ACK && !(flags & (TCP_SYN | TCP_FIN | TCP_RST)) && p->payload_len == 0)
        history_add(f, side, 'A');
    if (flags & TCP_FIN)
        see_fin(at, f, side, p, position + p->payload_len);
    if (flags & TCP_RST)
        see_rst(at, f, side, p, believed);

    if (side == SIDE_CLIENT && flags & TCP_ACK && !(flags & (TCP_SYN | TCP_RST)) &&
        (f->state == FLOW_HANDSHAKE || f->state == FLOW_ATTEMPT)) {
        if (f->state == FLOW_HANDSHAKE && us->has_syn && f->sides[SIDE_SERVER].has_syn)
            f->handshake_rtt_ns = p->frame->time_ns - f->syn_ns;
        f->state = FLOW_ESTABLISHED;
    } else if (side == SIDE_SERVER && f->state == FLOW_HANDSHAKE && p->payload_len > 0) {
        f->state = FLOW_ESTABLISHED;
    }
}

bool tcp_is_reuse(const struct flow *f, enum side side, const struct packet *p)
{
    const struct side_state *us = &f->sides[side], *peer = &f->sides[side_other(side)];
    uint8_t flags = tcp_flags(&p->tcp);
    uint32_t first = tcp_seq(&p->tcp) + 1;
    bool over = f->state == FLOW_CLOSED || f->state == FLOW_RESET || f->state == FLOW_REJECTED;

    if (!(flags & TCP_SYN) || flags & TCP_RST || p->checksum == CHECKSUM_WRONG)
        return false;
    if (us->has_syn && seq_position(first, us->base, us->syn) == us->syn)
        return false; /* retransmitted */
    if (over)
        return true;
    if (flags & TCP_ACK)
        return false; /* a SYN-ACK belongs to the SYN that is there */
    if (us->has_syn)
        return true;
    if (!us->anchored) /* simultaneous open, or captured after its SYN-ACK */
        return !peer->has_syn && peer->anchored;
    int64_t position = seq_position(first, us->base, 0); /* a SYN captured after its data? */
    return position > lowest(us) || position < lowest(us) - WINDOW_LEAST;
}
