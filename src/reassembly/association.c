/* association.c - one SCTP packet of an association.
 *
 * Each DATA chunk has a number, its TSN, and takes one position in its side's `held`: so one that
 * comes again is known, and counted as such. The tags that the ends chose in INIT and INIT ACK say
 * whether a packet is one that its receiver would take (RFC 9260 8.5); in an association that was
 * picked up in the middle they are not known, and each packet is believed. */
#include "reassembly/association.h"

#include "reassembly/history.h"
#include "reassembly/seq.h"

/* Where INIT and INIT ACK have what the sender chose (RFC 9260 3.3.2). */
enum { INIT_LEN = 16, INIT_TAG_AT = 0, INIT_TSN_AT = 12 };

/* The first chunk; INIT and INIT ACK are the only ones of their packet, COOKIE ECHO and COOKIE ACK
 * stand before all others (RFC 9260 5.1, 6.10). */
static bool first_chunk(const struct packet *p, struct sctp_chunk *chunk)
{
    struct span rest = p->payload;
    size_t missing = p->payload_len - p->payload.len;

    return sctp_chunk_next(&rest, &missing, chunk) == SCTP_CHUNK;
}

static bool is_over(const struct flow *f)
{
    return f->state == FLOW_CLOSED || f->state == FLOW_RESET || f->state == FLOW_REJECTED;
}

static bool is_opening(const struct flow *f)
{
    return f->state == FLOW_ATTEMPT || f->state == FLOW_HANDSHAKE;
}

bool association_opening(const struct packet *p, bool *by_client, uint8_t *state)
{
    struct sctp_chunk c;

    if (!first_chunk(p, &c))
        return false;
    switch (c.type) {
    case SCTP_INIT:
        *by_client = true;
        *state = FLOW_ATTEMPT;
        return true;
    case SCTP_INIT_ACK:
    case SCTP_COOKIE_ACK:
        *by_client = false;
        *state = FLOW_HANDSHAKE;
        return true;
    case SCTP_COOKIE_ECHO:
        *by_client = true;
        *state = FLOW_HANDSHAKE;
        return true;
    default:
        return false;
    }
}

bool association_is_reuse(const struct flow *f, enum side side, const struct packet *p)
{
    const struct side_state *peer = &f->sides[side_other(side)];
    struct sctp_chunk c;

    if (p->checksum == CHECKSUM_WRONG || !first_chunk(p, &c) || c.type != SCTP_INIT ||
        c.value.len < INIT_LEN)
        return false;
    if (peer->has_mark) /* the same again is a retransmission */
        return peer->tag != load_be32(c.value, INIT_TAG_AT);
    return is_over(f) || f->state == FLOW_MIDSTREAM;
}

/* Whether the receiver of a chunk would take it, by the tag of its packet. */
static bool is_tag_right(const struct flow *f, enum side side, const struct packet *p,
                         const struct sctp_chunk *c)
{
    const uint32_t tag = sctp_tag(&p->sctp);

    if (c->type == SCTP_INIT)
        return tag == 0;
    if (c->type == SCTP_COOKIE_ECHO && is_opening(f))
        return true; /* of several INIT ACKs, it says which one counted */
    bool is_own =
        (c->type == SCTP_ABORT || c->type == SCTP_SHUTDOWN_COMPLETE) && c->flags & SCTP_CHUNK_T;
    const struct side_state *whose = &f->sides[is_own ? side_other(side) : side];
    return !whose->has_mark || whose->tag == tag;
}

/* INIT or INIT ACK: the tag and the first TSN that its sender chose. */
static void see_init(struct flow *f, enum side side, const struct packet *p,
                     const struct sctp_chunk *c)
{
    struct side_state *us = &f->sides[side], *peer = &f->sides[side_other(side)];
    const bool is_answer = c->type == SCTP_INIT_ACK;

    history_add(f, side, is_answer ? 'H' : 'S');
    if (c->value.len >= INIT_LEN && !peer->has_mark) {
        peer->tag = load_be32(c->value, INIT_TAG_AT);
        peer->has_mark = true;
    }
    if (c->value.len >= INIT_LEN && !us->anchored) {
        us->base = load_be32(c->value, INIT_TSN_AT);
        us->anchored = true;
    }
    us->has_syn = true;
    if (!is_answer && side == SIDE_CLIENT && !f->sides[SIDE_SERVER].has_syn)
        f->syn_ns = p->frame->time_ns;
    if (is_answer && (f->state == FLOW_ATTEMPT || f->state == FLOW_MIDSTREAM))
        f->state = FLOW_HANDSHAKE;
}

static void see_cookie_echo(struct flow *f, enum side side, const struct packet *p)
{
    struct side_state *us = &f->sides[side];

    if (!is_opening(f))
        return;
    us->tag = sctp_tag(&p->sctp);
    us->has_mark = true;
    f->state = FLOW_HANDSHAKE;
    if (side == SIDE_CLIENT && us->has_syn && f->sides[SIDE_SERVER].has_syn)
        flow_handshake(f, p->frame->time_ns);
}

/* Whether a DATA chunk brings a TSN for the first time. Where its TSN is cut off, or there are more
 * holes than can be remembered, it is taken for a new one. */
static bool is_fresh(const struct segment_context *at, struct side_state *us,
                     const struct sctp_chunk *c)
{
    uint32_t fresh_count;

    if (c->value.len < 4)
        return true;
    const uint32_t tsn = load_be32(c->value, 0);
    if (!us->anchored) {
        us->base = tsn;
        us->anchored = true;
    }
    int64_t position = seq_position(tsn, us->base, us->next);
    if (!us->has_stream && position == us->next && (us->holds_all || us->next == 0)) {
        us->holds_all = true; /* in order, as nearly always */
        us->next++;
        return true;
    }
    struct side_stream *s = side_stream(at, us);
    if (position >= us->next)
        us->next = position + 1;
    return !s ||
           !ranges_add(&s->held, at->fresh, &fresh_count, position, position + 1, at->budget) ||
           fresh_count > 0;
}

static void see_data(const struct segment_context *at, struct flow *f, enum side side,
                     const struct packet *p, const struct sctp_chunk *c)
{
    struct side_state *us = &f->sides[side];
    const uint32_t len = sctp_user_len(c);

    history_add(f, side, 'D');
    if (f->state == FLOW_HANDSHAKE && side == SIDE_SERVER)
        f->state = FLOW_ESTABLISHED; /* it has taken the cookie */
    if (us->rst || f->state == FLOW_RESET)
        odd(at, f, p, ODDITY_DATA_AFTER_RESET);
    if (is_fresh(at, us, c)) {
        if (us->closed)
            odd(at, f, p, ODDITY_DATA_AFTER_FIN);
        us->taken += len;
    } else {
        us->stream->again += len;
        history_add(f, side, 'T');
    }
}

/* SHUTDOWN and SHUTDOWN ACK are what the two FINs are to TCP; SHUTDOWN COMPLETE only follows both. */
static void see_shutdown(struct flow *f, enum side side, const struct sctp_chunk *c)
{
    struct side_state *us = &f->sides[side];

    us->closed = true;
    history_add(f, side, 'F');
    if (is_over(f))
        return;
    bool both = f->sides[side_other(side)].closed || c->type == SCTP_SHUTDOWN_COMPLETE;
    f->state = both ? FLOW_CLOSED : FLOW_CLOSING;
}

static void see_abort(struct flow *f, enum side side)
{
    f->sides[side].rst = true;
    history_add(f, side, 'R');
    if (side == SIDE_SERVER && is_opening(f))
        f->state = FLOW_REJECTED;
    else if (!is_over(f))
        f->state = FLOW_RESET;
}

static void see_chunk(const struct segment_context *at, struct flow *f, enum side side,
                      const struct packet *p, const struct sctp_chunk *c)
{
    enum { WINDOW_AT = 4, SACK_LEN = 12 };

    switch (c->type) {
    case SCTP_INIT:
    case SCTP_INIT_ACK:
        see_init(f, side, p, c);
        break;
    case SCTP_COOKIE_ECHO:
        see_cookie_echo(f, side, p);
        break;
    case SCTP_COOKIE_ACK:
        if (is_opening(f))
            f->state = FLOW_ESTABLISHED;
        break;
    case SCTP_DATA:
    case SCTP_I_DATA:
        see_data(at, f, side, p, c);
        break;
    case SCTP_SACK:
        if (c->value.len >= SACK_LEN && load_be32(c->value, WINDOW_AT) == 0)
            history_add(f, side, 'W');
        break;
    case SCTP_SHUTDOWN:
    case SCTP_SHUTDOWN_ACK:
    case SCTP_SHUTDOWN_COMPLETE:
        see_shutdown(f, side, c);
        break;
    case SCTP_ABORT:
        see_abort(f, side);
        break;
    default: /* heartbeats, errors and whatever else changes nothing that is told */
        break;
    }
}

void association_packet(const struct segment_context *at, struct flow *f, enum side side,
                        const struct packet *p)
{
    struct span rest = p->payload;
    size_t missing = p->payload_len - p->payload.len;
    struct sctp_chunk c;
    enum sctp_walk walk;
    bool provisional, has_data = false, has_sack = false;

    if (p->old_checksum)
        odd(at, f, p, ODDITY_OLD_CHECKSUM);
    if (!checksum_counts(at, f, side, p, &provisional))
        return;
    while ((walk = sctp_chunk_next(&rest, &missing, &c)) == SCTP_CHUNK) {
        if (!is_tag_right(f, side, p, &c)) {
            odd(at, f, p, c.type == SCTP_ABORT ? ODDITY_RESET_OUT_OF_WINDOW : ODDITY_WRONG_TAG);
            return; /* its receiver drops the packet */
        }
        has_data |= c.type == SCTP_DATA || c.type == SCTP_I_DATA;
        has_sack |= c.type == SCTP_SACK;
        see_chunk(at, f, side, p, &c);
    }
    if (walk == SCTP_BROKEN)
        odd(at, f, p, ODDITY_BAD_CHUNK);
    if (has_sack && !has_data)
        history_add(f, side, 'A');
}
