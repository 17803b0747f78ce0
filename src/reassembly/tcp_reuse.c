/* tcp_reuse.c - whether a five-tuple has gone to another connection. */
#include "reassembly/tcp_reuse.h"

#include "reassembly/history.h"
#include "reassembly/seq.h"
#include "reassembly/tcp_bounds.h"

/* The number of the first byte after a SYN. */
static uint32_t first_of(const struct packet *p)
{
    return tcp_seq(&p->tcp) + 1;
}

static bool is_syn_again(const struct side_state *us, const struct packet *p)
{
    return us->has_syn && seq_position(first_of(p), us->base, us->syn) == us->syn;
}

/* A SYN with the number of one that has been refused: its sender has let go of that connection (RFC 9293 3.10.7.3), and
 * tries to open another; Windows does so twice, half a second apart. A copy of the refused SYN, as some
 * captures have it, comes sooner behind the RST. */
static bool is_tried_again(const struct flow *f, const struct packet *p)
{
    const int64_t copied_within = 100 * 1000000ll; /* ns */

    return f->state == FLOW_REJECTED && !(tcp_flags(&p->tcp) & TCP_ACK) &&
           p->frame->time_ns > f->last_ns && p->frame->time_ns - f->last_ns >= copied_within;
}

/* Payload of a side that had broken off its own handshake with a RST, as who scans ports does. A receiver that had
 * not heeded the RST would have repeated its SYN-ACK by then: after a second (RFC 6298 2), or three of older
 * stacks (RFC 1122 4.2.3.1). So it has let go of that connection, and answers this as a closed port would. */
static bool is_broken_off(const struct flow *f, enum side side, const struct packet *p)
{
    const int64_t repeated_within = 3500 * 1000000ll; /* ns */

    return f->sides[side].rst && f->state == FLOW_RESET && p->payload_len > 0 &&
           history_has(f, side, 'S') && history_has(f, side_other(side), 'H') &&
           !history_has(f, side, 'A') && !history_has(f, side, 'D') &&
           p->frame->time_ns > f->last_ns && p->frame->time_ns - f->last_ns >= repeated_within;
}

/* Whether a segment acknowledges the SYN of the other side, and at most the payload in it. */
static bool answers_syn(const struct side_state *peer, const struct packet *p)
{
    if (!peer->has_syn)
        return false;
    int64_t position = seq_position(tcp_ack(&p->tcp), peer->base, peer->syn);
    return position >= peer->syn && position <= peer->next;
}

/* A wrong checksum speaks against a SYN only where its side has shown others; see checksums.c. */
static bool is_spoilt(const struct side_state *us, const struct packet *p)
{
    return p->checksum == CHECKSUM_WRONG && (us->checksum_right || us->checksum_left);
}

enum claim tcp_claim(const struct flow *f, enum side side, const struct packet *p)
{
    const struct side_state *us = &f->sides[side], *peer = &f->sides[side_other(side)];
    uint8_t flags = tcp_flags(&p->tcp);

    if (!(flags & TCP_SYN) && us->rst && is_broken_off(f, side, p))
        return CLAIM_TAKES;
    if (!(flags & TCP_SYN) || flags & TCP_RST || is_spoilt(us, p))
        return CLAIM_NONE;
    if (is_syn_again(us, p))
        return is_tried_again(f, p) ? CLAIM_TAKES : CLAIM_NONE;
    if (flags & TCP_ACK) {
        if (!us->has_syn && answers_syn(peer, p)) /* perhaps after a forged RST */
            return CLAIM_NONE;
        if (f->state == FLOW_CLOSED || f->state == FLOW_REJECTED)
            return CLAIM_TAKES;
        if (f->state == FLOW_RESET) /* perhaps both are forged */
            return CLAIM_WAITS;
        /* Otherwise a SYN-ACK belongs to the SYN that is there; of a capture of this side alone nobody
         * knows. */
        return us->has_syn && peer->packets == 0 ? CLAIM_WAITS : CLAIM_NONE;
    }
    if (f->state == FLOW_CLOSED || f->state == FLOW_REJECTED)
        return CLAIM_TAKES;
    if (us->has_syn)
        return CLAIM_WAITS; /* also of an attempt: the answer says which of them it is */
    if (!bounds_known(us))  /* simultaneous open, or captured after its SYN-ACK */
        return !peer->has_syn && peer->anchored ? CLAIM_WAITS : CLAIM_NONE;
    int64_t position = seq_position(first_of(p), us->base, 0), low = bounds_lowest(us);
    bool is_captured_late = position <= low && position >= low - BOUNDS_WINDOW_LEAST;
    return is_captured_late ? CLAIM_NONE : CLAIM_WAITS;
}

/* How well a segment fits into a flow. */
enum fit { FIT_NOT, FIT_WITHIN, FIT_EXACT };

/* By its own number where that side's are known, else by what it acknowledges. */
static enum fit fit_of(const struct flow *f, enum side side, const struct packet *p)
{
    const struct side_state *us = &f->sides[side], *peer = &f->sides[side_other(side)];

    if (us->anchored && bounds_known(us)) {
        int64_t position = seq_position(tcp_seq(&p->tcp), us->base, bounds_highest(us));
        if (position == us->next)
            return FIT_EXACT;
        bool is_within =
            position >= bounds_floor(f, side) - 1 && position < bounds_ceiling(f, side);
        return is_within ? FIT_WITHIN : FIT_NOT;
    }
    if (!(tcp_flags(&p->tcp) & TCP_ACK) || !peer->anchored || !bounds_known(peer))
        return FIT_NOT;
    int64_t position = seq_position(tcp_ack(&p->tcp), peer->base, bounds_highest(peer));
    if (position == peer->next)
        return FIT_EXACT;
    return position >= bounds_floor(f, side_other(side)) && position < peer->next ? FIT_WITHIN
                                                                                  : FIT_NOT;
}

/* Whether what a segment acknowledges has been sent. */
static bool acknowledges_sent(const struct side_state *peer, const struct packet *p)
{
    return peer->anchored &&
           seq_position(tcp_ack(&p->tcp), peer->base, bounds_highest(peer)) <= peer->next;
}

bool tcp_is_rivals(const struct flow *elder, enum side elder_side, const struct flow *rival,
                   enum side rival_side, const struct packet *p, bool *settled)
{
    const struct side_state *peer = &rival->sides[side_other(rival_side)];
    uint8_t flags = tcp_flags(&p->tcp);

    *settled = false;
    if (is_syn_again(&rival->sides[rival_side], p) && flags & TCP_SYN)
        return true;
    if (flags & TCP_SYN) {
        if (is_syn_again(&elder->sides[elder_side], p) || !(flags & TCP_ACK))
            return false;
        *settled = answers_syn(peer, p) && !is_spoilt(&elder->sides[elder_side], p);
        return *settled;
    }
    if (flags & TCP_RST && flags & TCP_ACK && answers_syn(peer, p))
        return true; /* refused */
    enum fit in_rival = fit_of(rival, rival_side, p), in_elder = fit_of(elder, elder_side, p);
    if (in_rival == FIT_NOT || in_rival < in_elder || (in_rival == in_elder && in_elder != FIT_NOT))
        return false;
    bool is_one_sided = elder->sides[side_other(elder_side)].packets == 0;
    bool is_answer = flags & TCP_ACK && answers_syn(peer, p);
    bool is_elders = !is_answer || acknowledges_sent(&elder->sides[side_other(elder_side)], p);
    if (in_elder != FIT_NOT && !is_one_sided && is_elders)
        return false; /* a forged SYN may have a number of the elder's window */
    *settled = !is_spoilt(&elder->sides[elder_side], p) && !(flags & TCP_RST) &&
               (is_answer || is_one_sided);
    return true;
}
