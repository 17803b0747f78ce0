/* tcp_stream.c - what the header of a TCP segment says, and its place in the stream (RFC 9293).
 *
 * A watcher between two hosts is not a receiver: what a receiver would drop may be all that the
 * capture has, and what it would take may be forged. So the rules here are wide, each exception
 * leaves an oddity, and nothing that arrives is lost: it is kept in the stream, or as refused. */
#include "reassembly/tcp_stream.h"

#include "reassembly/history.h"
#include "reassembly/seq.h"
#include "reassembly/tcp_bounds.h"

#include <inttypes.h>
#include <stdio.h>

static void fin_at(struct side_state *us, int64_t position)
{
    us->has_fin = true;
    if (us->has_stream)
        us->stream->fin = position;
    else
        us->fin = position;
}

/* Position 0 is at `first`. A FIN that was captured before is at its place now, unless that makes no sense. */
static void anchor_at(struct side_state *us, uint32_t first)
{
    int64_t fin = seq_position(us->base, first, 0);

    us->has_fin = false;
    if (us->closed && fin >= 0 && fin <= BOUNDS_WINDOW_LEAST)
        fin_at(us, fin);
    us->base = first;
    us->anchored = true;
}

void odd(const struct segment_context *at, struct flow *f, const struct packet *p, enum oddity kind)
{
    at->sink->oddity(at->sink, f, p->frame, kind, NULL);
}

/* A SYN, or SYN-ACK, with another number than before. The first counts, unless what follows shows that
 * it is the other: only while nothing has followed can that be. */
static void remember_syn(const struct segment_context *at, struct side_state *us, uint32_t first)
{
    if (us->next > us->syn || side_held_count(us) > 0 || us->has_acked)
        return;
    struct side_rare *rare = side_rare(at, us);
    if (!rare)
        return;
    rare->other_base = first;
    rare->has_other_base = true;
}

/* Of two SYNs with different numbers, the one that the connection goes on from: `first` is the number
 * after it, as somebody has just sent or acknowledged it. */
static void choose_syn(struct side_state *us, uint32_t first)
{
    struct side_rare *rare = side_rare_of(us);

    if (!rare || !rare->has_other_base)
        return;
    if (first != us->base && first != rare->other_base)
        return;
    us->base = first;
    rare->has_other_base = false;
}

static void see_scale(struct side_state *us, const struct packet *p)
{
    struct tcp_options options;

    tcp_options(&p->tcp, &options);
    us->has_scale = options.has_window_scale;
    us->scale = options.has_window_scale ? options.window_scale & 15u : 0u;
}

static void see_syn(const struct segment_context *at, struct flow *f, enum side side,
                    const struct packet *p)
{
    struct side_state *us = &f->sides[side];
    uint32_t first = tcp_seq(&p->tcp) + 1;
    bool answer = tcp_flags(&p->tcp) & TCP_ACK, again = us->has_syn;

    if (us->has_syn && seq_position(first, us->base, us->syn) != us->syn) {
        odd(at, f, p, ODDITY_SYN_CHANGED);
        remember_syn(at, us, first);
        return;
    }
    if (!us->anchored) {
        anchor_at(us, first);
        us->syn = 0;
        us->has_syn = true;
    } else if (!us->has_syn) { /* data was captured before it */
        int64_t position = seq_position(first, us->base, 0);
        if (bounds_known(us) && position > bounds_lowest(us)) {
            odd(at, f, p, ODDITY_SYN_CHANGED);
            return;
        }
        if (!bounds_known(us))
            us->next = position;
        us->syn = (int32_t)position; /* at most 2^31 from position 0 */
        us->has_syn = true;
    }
    if (!(again && us->has_acked)) /* after the answer it changes nothing (RFC 5961 4) */
        see_scale(us, p);
    history_add(f, side, answer ? 'H' : 'S');
    if (answer == (side == SIDE_SERVER))
        f->client_guessed = false;
    if (!answer && side == SIDE_CLIENT && (!again || !f->sides[SIDE_SERVER].has_syn))
        f->syn_ns = p->frame->time_ns;
    /* The answer came after all: the RST was not its sender's. */
    if (answer && !again && f->state == FLOW_REJECTED) {
        odd(at, f, p, ODDITY_RESET_IGNORED);
        us->rst = false;
        f->state = FLOW_ATTEMPT;
    }
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
        us->window = window & SIDE_WINDOW_MOST;
    if (tcp_flags(&p->tcp) & (TCP_RST | TCP_SYN))
        return;
    us->window_is_closed = window == 0;
}

/* The letters of a segment that is neither SYN, FIN nor RST; of a window behind the other side's FIN nobody asks. */
static void see_letters(struct flow *f, enum side side, const struct packet *p)
{
    uint8_t flags = tcp_flags(&p->tcp);

    if (flags & (TCP_SYN | TCP_FIN | TCP_RST))
        return;
    if (flags & TCP_ACK && p->payload_len == 0)
        history_add(f, side, 'A');
    if (tcp_window(&p->tcp) == 0 && !f->sides[side_other(side)].closed)
        history_add(f, side, 'W');
}

/* The answer to a SYN with payload acknowledges the SYN alone, or not all of the payload: what is left
 * was not taken (RFC 7413 4.2). True when that is so. */
static bool see_syn_data_ignored(struct side_state *peer, const struct packet *answer,
                                 int64_t position)
{
    struct side_rare *rare = side_rare_of(peer);

    if (!(tcp_flags(&answer->tcp) & TCP_SYN) || !rare || rare->syn_len == 0 || !peer->has_syn ||
        peer->has_acked)
        return false;
    const int64_t begin = peer->syn, end = begin + rare->syn_len;
    if (position < begin || position >= end)
        return false;
    rare->untaken = (struct range){position, end};
    return true;
}

/* What `side` acknowledges of the other side's bytes. */
static void see_ack(const struct segment_context *at, struct flow *f, enum side side,
                    const struct packet *p)
{
    enum side other = side_other(side);
    struct side_state *peer = &f->sides[other];

    if (!peer->anchored)
        return;
    choose_syn(peer, tcp_ack(&p->tcp));
    int64_t position = seq_position(tcp_ack(&p->tcp), peer->base, bounds_highest(peer));
    if (peer->has_fin && position == side_fin(peer) + 1)
        position = side_fin(peer); /* the FIN takes a number, but is no byte */
    if (!bounds_hold(peer, position, position)) {
        bool is_possible = bounds_known(peer) && position >= bounds_floor(f, other) &&
                           position <= bounds_ceiling(f, other);
        if (!is_possible && !is_doubted(peer, position))
            return;
    }
    if (see_syn_data_ignored(peer, p, position))
        odd(at, f, p, ODDITY_SYN_DATA_IGNORED);
    const bool is_further = !peer->has_acked || position > peer->acked;
    if (is_further) {
        peer->acked = position;
        peer->has_acked = true;
    }
    if (!side_rare_of(peer)) /* as nearly always */
        return;
    if (is_further)
        believe_acknowledged(at, f, other);
    heed_acknowledgement(at, peer, position);
}

/* The latest timestamp of a side counts once it is on a segment that its receiver was waiting for
 * (RFC 7323 4.3); an acknowledgement has shown how far that is. What lies below, its receiver drops
 * before it looks at the timestamp (RFC 7323 5.3, R2): else anybody could make all that follows look old. */
static void see_timestamp(struct side_state *us, const struct packet *p, int64_t position)
{
    uint32_t timestamp;

    if (!tcp_timestamp(&p->tcp, &timestamp))
        return;
    if (us->has_mark && (int32_t)(timestamp - us->timestamp) <= 0)
        return;
    bool is_awaited =
        us->has_acked && position <= us->acked && position + (int64_t)p->payload_len >= us->acked;
    if (!(tcp_flags(&p->tcp) & TCP_SYN) && !is_awaited)
        return;
    us->timestamp = timestamp;
    us->has_mark = true;
}

static void see_fin(const struct segment_context *at, struct flow *f, enum side side,
                    const struct packet *p, int64_t position)
{
    struct side_state *us = &f->sides[side];

    if (us->anchored && (position > bounds_ceiling(f, side) || position < bounds_floor(f, side))) {
        odd(at, f, p, ODDITY_OUT_OF_WINDOW);
        return;
    }
    if (us->has_fin && side_fin(us) != position) {
        odd(at, f, p, ODDITY_FIN_MOVED);
        if (us->next <= side_fin(us) || position < us->next)
            return;
        /* Bytes came after the other one, which so was not the end. */
    }
    if (us->has_acked && us->acked == position + 1)
        us->acked = position; /* that was the FIN being acknowledged, captured before it */
    us->has_fin = false;
    if (us->anchored)
        fin_at(us, position);
    else /* its number is kept until it is known which position that is */
        us->base = tcp_seq(&p->tcp) + p->payload_len;
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

    if (us->anchored && bounds_known(us)) {
        int64_t position = seq_position(seq, us->base, bounds_highest(us));
        int64_t low = us->has_acked && us->acked < us->next ? us->acked : us->next;
        return position >= low - 1 && position <= bounds_ceiling(f, side);
    }
    if (peer->anchored && tcp_flags(&p->tcp) & TCP_ACK) { /* in answer to a SYN */
        int64_t acked = seq_position(tcp_ack(&p->tcp), peer->base, bounds_highest(peer));
        return acked >= bounds_lowest(peer) && acked <= peer->next + 1;
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

/* But for SYNs and RSTs every segment acknowledges: what does not is dropped (RFC 9293 3.10.7.4), by
 * those who look at it. */
static bool is_without_ack(uint8_t flags)
{
    return !(flags & (TCP_ACK | TCP_SYN | TCP_RST));
}

/* Midstream: the first byte to arrive is position 0. */
static void anchor(struct side_state *us, const struct packet *p, uint32_t seq)
{
    if (us->anchored || p->payload_len == 0)
        return;
    anchor_at(us, seq);
}

/* The bytes are kept in the stream (RFC 6093); where they end is told, in either reading of the
 * pointer (RFC 1122 4.2.2.4). */
static void say_urgent(const struct segment_context *at, struct flow *f, const struct packet *p,
                       int64_t position)
{
    char text[96];
    unsigned pointer = tcp_urgent(&p->tcp);

    snprintf(text, sizeof text, "pointer %u: the urgent byte is at position %" PRId64, pointer,
             position + (pointer > 0 ? (int64_t)pointer - 1 : 0));
    at->sink->oddity(at->sink, f, p->frame, ODDITY_URGENT, text);
}

void tcp_segment(const struct segment_context *at, struct flow *f, enum side side,
                 const struct packet *p)
{
    struct side_state *us = &f->sides[side];
    uint8_t flags = tcp_flags(&p->tcp);
    uint32_t seq = tcp_seq(&p->tcp) + (flags & TCP_SYN ? 1 : 0);
    bool provisional;

    if (!checksum_counts(at, f, side, p, &provisional)) {
        anchor(us, p, seq);
        int64_t where = us->anchored ? seq_position(seq, us->base, bounds_highest(us)) : 0;
        refuse(at, f, side, p, (struct run){where, p->payload_len, p->payload}, REFUSED_CHECKSUM);
        believe_acknowledged(at, f, side); /* the capture may have seen the acknowledgement first */
        return;
    }
    us->flags |= flags;
    if (flags & TCP_SYN)
        see_syn(at, f, side, p);
    see_window(f, side, p);
    if (flags & TCP_ACK && !(flags & TCP_RST)) {
        us->ack_number = tcp_ack(&p->tcp);
        us->has_ack_number = true;
        see_ack(at, f, side, p);
    }
    /* Judged before its own payload, a reason in words (RFC 1122 4.2.2.12), moves the stream on. */
    bool believed = flags & TCP_RST && is_rst_believed(f, side, p, seq);
    if (!(flags & TCP_SYN) && p->payload_len > 0)
        choose_syn(us, seq);
    anchor(us, p, seq);
    int64_t position = us->anchored ? seq_position(seq, us->base, bounds_highest(us)) : 0;

    if (flags & TCP_URG)
        say_urgent(at, f, p, position);
    if (p->payload_len > 0) {
        if (flags & TCP_SYN)
            odd(at, f, p, ODDITY_SYN_DATA);
        if (us->anchored)
            tcp_payload(at, f, side, p, position, provisional || is_without_ack(flags));
        if (is_without_ack(flags))
            odd(at, f, p, ODDITY_NO_ACK_FLAG);
    }
    if (tcp_has_options(&p->tcp) && !provisional && !(flags & TCP_RST))
        see_timestamp(us, p, position);
    see_letters(f, side, p);
    if (flags & TCP_FIN)
        see_fin(at, f, side, p, position + p->payload_len);
    if (flags & TCP_RST)
        see_rst(at, f, side, p, believed);

    if (side == SIDE_CLIENT && flags & TCP_ACK && !(flags & (TCP_SYN | TCP_RST)) &&
        (f->state == FLOW_HANDSHAKE || f->state == FLOW_ATTEMPT)) {
        if (f->state == FLOW_HANDSHAKE && us->has_syn && f->sides[SIDE_SERVER].has_syn)
            flow_handshake(f, p->frame->time_ns);
        f->state = FLOW_ESTABLISHED;
    } else if (side == SIDE_SERVER && f->state == FLOW_HANDSHAKE && p->payload_len > 0) {
        f->state = FLOW_ESTABLISHED;
    }
}
