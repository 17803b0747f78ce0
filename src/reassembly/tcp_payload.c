/* tcp_payload.c - the bytes of a segment: kept in the stream, or refused with a reason.
 *
 *     floor        settled_to                                ceiling
 *       │ refused    │            kept                         │ refused
 *     [ before_start | settled | ........................... | out_of_window ]   one segment
 *
 * Two kinds of bytes are kept, and yet give way to a segment without fault: those in doubt for their
 * checksum (side_rare.provisional), and those of which the receiver has shown that it did not take them
 * when they came (side_rare.untaken): payload in a SYN whose answer does not acknowledge it (RFC 7413
 * 3), and the byte of a probe into a closed window (RFC 9293 3.8.6.1). */
#include "reassembly/history.h"
#include "reassembly/tcp_bounds.h"
#include "reassembly/tcp_stream.h"

struct side_stream *side_stream(const struct segment_context *at, struct side_state *side)
{
    if (side->has_stream)
        return side->stream;
    struct side_stream *s = pool_new(at->streams);
    if (!s)
        return NULL;
    s->fin = side->fin;
    if (side->holds_all) {
        s->held.one = (struct range){0, side->next};
        s->held.count = 1;
        s->bytes = (uint64_t)side->next;
    }
    side->stream = s;
    side->has_stream = true;
    side->holds_all = false;
    return s;
}

struct side_rare *side_rare(const struct segment_context *at, struct side_state *side)
{
    struct side_stream *s = side_stream(at, side);

    if (s && !s->rare)
        s->rare = pool_new(at->rare);
    return s ? s->rare : NULL;
}

static void rare_release(const struct segment_context *at, struct side_rare *rare)
{
    ranges_release(&rare->provisional, at->budget);
    ranges_release(&rare->truncated, at->budget);
    ranges_release(&rare->refused, at->budget);
    ranges_release(&rare->doubted, at->budget);
    ranges_release(&rare->spoilt, at->budget);
    pool_free(at->rare, rare);
}

void stream_release(const struct segment_context *at, struct side_stream *s)
{
    if (!s)
        return;
    if (s->rare)
        rare_release(at, s->rare);
    ranges_release(&s->held, at->budget);
    pool_free(at->streams, s);
}

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

/* ---- refused ---- */

/* Whether the receiver may have judged otherwise than we do by what the capture shows. */
static bool is_receivers_choice(const struct side_state *us, struct run run, enum refusal why)
{
    return why == REFUSED_CHECKSUM || why == REFUSED_OLD_TIMESTAMP ||
           (why == REFUSED_OUT_OF_WINDOW && run.position >= us->next);
}

/* Remembers a refused run, and what may still come into the stream of it. */
static void remember(const struct segment_context *at, const struct flow *f, enum side side,
                     struct side_state *us, const struct packet *p, struct run run,
                     enum refusal why)
{
    struct side_rare *rare = side_rare(at, us);
    if (!rare)
        return;
    rare_mark(at, &rare->refused, run.position, run.position + run.len);
    if (p->pieces || !is_receivers_choice(us, run, why))
        return;
    int64_t begin = run.position, end = run.position + (int64_t)run.bytes.len;
    rare_mark(at, &rare->doubted, begin, end);
    if (why != REFUSED_CHECKSUM)
        return;
    int64_t floor = bounds_floor(f, side), ceiling = bounds_ceiling(f, side);
    rare_mark(at, &rare->spoilt, begin > floor ? begin : floor, end < ceiling ? end : ceiling);
}

void refuse(const struct segment_context *at, struct flow *f, enum side side,
            const struct packet *p, struct run run, enum refusal why)
{
    static const enum oddity kinds[REFUSAL_COUNT] = {
        [REFUSED_OUT_OF_WINDOW] = ODDITY_OUT_OF_WINDOW,
        [REFUSED_BEFORE_START] = ODDITY_BEFORE_START,
        [REFUSED_KEEPALIVE] = ODDITY_KEEPALIVE_DATA,
        [REFUSED_SETTLED] = ODDITY_SETTLED,
        [REFUSED_NO_MEMORY] = ODDITY_NO_MEMORY,
        [REFUSED_OLD_TIMESTAMP] = ODDITY_OLD_TIMESTAMP,
    };

    if (why != REFUSED_CHECKSUM) /* that was said when it was judged */
        odd(at, f, p, kinds[why]);
    if (run.len == 0)
        return;
    struct side_state *us = &f->sides[side];
    if (us->anchored)
        remember(at, f, side, us, p, run, why);
    struct arrival arrival = {.packet = p,
                              .side = side,
                              .position = run.position,
                              .len = (uint32_t)run.len,
                              .bytes = run.bytes,
                              .refused = why};
    at->sink->segment(at->sink, f, &arrival);
}

/* ---- kept ---- */

/* How much what is kept may be relied on. */
enum trust {
    TRUSTED,
    IN_DOUBT,   /* gives way to what has no fault, for good */
    UNACCEPTED, /* gives way once its receiver has shown that it did not take it */
};

/* What the receiver did not take gives way where [begin, end) brings it again, once. */
static void yield_untaken(const struct segment_context *at, struct side_rare *rare, int64_t begin,
                          int64_t end)
{
    struct range *untaken = &rare->untaken;

    if (begin >= untaken->end || end <= untaken->begin)
        return;
    if (end >= untaken->end) {
        int64_t from = begin > untaken->begin ? begin : untaken->begin;
        rare_mark(at, &rare->provisional, from, untaken->end);
        untaken->end = from;
    } else { /* what lies before `begin` waits among those in doubt */
        rare_mark(at, &rare->provisional, untaken->begin, end);
        untaken->begin = end;
    }
}

/* The fast path: all that came before is held, and this, whole, goes on from there. */
static bool hold_next(const struct segment_context *at, struct side_state *us, struct run run,
                      uint32_t *fresh_count)
{
    if (us->has_stream || run.position != us->next || (int64_t)run.bytes.len != run.len ||
        !(us->holds_all || us->next == 0))
        return false;
    us->holds_all = true;
    us->next += run.len;
    at->fresh[0] = (struct range){run.position, us->next};
    *fresh_count = 1;
    return true;
}

/* Any other way. Where it is not held, the refusal that it is to be told with. */
static enum refusal hold(const struct segment_context *at, struct flow *f, enum side side,
                         struct run run, uint32_t *fresh_count)
{
    struct side_state *us = &f->sides[side];
    const int64_t end = run.position + (int64_t)run.bytes.len;
    struct side_stream *s = side_stream(at, us);

    if (!s)
        return REFUSED_NO_MEMORY;
    if (run.bytes.len == 0 ||
        ranges_add(&s->held, at->fresh, fresh_count, run.position, end, at->budget))
        return REFUSED_NOT;
    tcp_settle(at, f, side); /* too many holes: close the oldest, then there is room */
    if (s->rare && s->rare->settled && run.position < s->rare->settled_to)
        return REFUSED_SETTLED;
    return ranges_add(&s->held, at->fresh, fresh_count, run.position, end, at->budget)
               ? REFUSED_NOT
               : REFUSED_NO_MEMORY;
}

/* Puts a run that is inside all bounds into the stream. Returns how many of its bytes are new. */
static uint64_t keep(const struct segment_context *at, struct flow *f, enum side side,
                     const struct packet *p, struct run run, enum trust trust)
{
    struct side_state *us = &f->sides[side];
    int64_t end = run.position + (int64_t)run.bytes.len;
    bool is_first = !bounds_known(us);
    struct arrival arrival = {.packet = p,
                              .side = side,
                              .position = run.position,
                              .len = (uint32_t)run.len,
                              .bytes = run.bytes,
                              .provisional = trust == IN_DOUBT,
                              .unaccepted = trust == UNACCEPTED,
                              .fresh = at->fresh,
                              .taken = at->taken};

    if (!hold_next(at, us, run, &arrival.fresh_count)) {
        const enum refusal why = hold(at, f, side, run, &arrival.fresh_count);
        if (why != REFUSED_NOT) {
            refuse(at, f, side, p, run, why);
            return 0;
        }
    }
    uint64_t fresh = 0;
    for (uint32_t i = 0; i < arrival.fresh_count; i++)
        fresh += (uint64_t)(at->fresh[i].end - at->fresh[i].begin);
    if (us->has_stream)
        us->stream->bytes += fresh;
    if (fresh < run.bytes.len) {
        us->stream->again += run.bytes.len - fresh;
        history_add(f, side, 'T');
        struct side_rare *known = side_rare_of(us);
        if (trust == TRUSTED && known)
            yield_untaken(at, known, run.position, end);
        if (trust != IN_DOUBT && known && known->provisional.count > 0)
            ranges_cut(&known->provisional, at->taken, &arrival.taken_count, run.position, end,
                       at->budget);
    }

    /* The sets below use at->taken as scratch: the sink hears of the arrival first. */
    at->sink->segment(at->sink, f, &arrival);

    struct side_rare *rare = NULL;
    if (end < run.position + run.len && (rare = side_rare(at, us)) != NULL)
        rare_mark(at, &rare->truncated, end, run.position + run.len);
    if (trust == IN_DOUBT && fresh > 0 && (rare = side_rare(at, us)) != NULL) {
        for (uint32_t i = 0; i < arrival.fresh_count; i++)
            rare_mark(at, &rare->provisional, at->fresh[i].begin, at->fresh[i].end);
    }
    if (run.position + run.len > us->next || is_first)
        us->next = run.position + run.len;
    return fresh;
}

/* One byte, or none, just below what has been acknowledged: a probe whether the other side is still
 * there (RFC 9293 3.8.4, RFC 1122 4.2.3.6). Its byte may be garbage. */
static bool is_keepalive(const struct side_state *us, struct run run)
{
    return run.len == 1 && us->anchored && us->has_acked && us->acked == us->next &&
           run.position + 1 == us->next;
}

/* One byte behind all that was acknowledged, into a window that the receiver has closed: it asks for
 * the window, and the receiver need not take it (RFC 9293 3.8.6.1). The same for those that follow. */
static bool is_window_probe(const struct flow *f, enum side side, struct run run)
{
    const struct side_state *us = &f->sides[side];

    return run.len == 1 && us->has_acked && f->sides[side_other(side)].window_is_closed &&
           us->acked == run.position;
}

/* Whether its receiver has seen a later timestamp, and so drops the segment as an old copy (PAWS,
 * RFC 7323 5). One that brings nothing above what was acknowledged is a duplicate anyhow. */
static bool is_old(const struct side_state *us, const struct packet *p, struct run run)
{
    uint32_t timestamp;

    if (!us->has_mark || tcp_flags(&p->tcp) & (TCP_SYN | TCP_RST) ||
        !tcp_timestamp(&p->tcp, &timestamp))
        return false;
    return (int32_t)(timestamp - us->timestamp) < 0 &&
           !(us->has_acked && run.position + run.len <= us->acked);
}

static void say_odd(const struct segment_context *at, struct flow *f, enum side side,
                    const struct packet *p, struct run run)
{
    const struct side_state *us = &f->sides[side];

    if (us->rst || f->state == FLOW_RESET)
        odd(at, f, p, ODDITY_DATA_AFTER_RESET);
    if (us->has_fin && run.position + run.len > side_fin(us))
        odd(at, f, p, ODDITY_DATA_AFTER_FIN);
    int64_t end = run.position + run.len;
    if (!bounds_hold(us, run.position, end) && bounds_need_scale(f, side, run.position, end))
        odd(at, f, p, ODDITY_WINDOW_UNKNOWN);
}

/* A side that has sent a RST sends nothing new after it (RFC 9293 3.10.7.4): somebody else has sent it,
 * and the connection goes on. */
static void forget_reset(const struct segment_context *at, struct flow *f, enum side side,
                         const struct packet *p)
{
    odd(at, f, p, ODDITY_RESET_IGNORED);
    f->sides[side].rst = false;
    bool is_over = f->state == FLOW_RESET || f->state == FLOW_REJECTED;
    if (!is_over || f->sides[side_other(side)].rst)
        return;
    bool is_closing = f->sides[SIDE_CLIENT].closed || f->sides[SIDE_SERVER].closed;
    bool is_midstream = !f->sides[SIDE_CLIENT].has_syn && !f->sides[SIDE_SERVER].has_syn;
    f->state = is_closing ? FLOW_CLOSING : is_midstream ? FLOW_MIDSTREAM : FLOW_ESTABLISHED;
}

/* All of `run` came for the first time, and need not have been taken: of a probe it is so until it is
 * acknowledged, of a SYN once its answer says so. */
static void remember_unaccepted(const struct segment_context *at, struct side_state *us,
                                struct run run, bool is_probe)
{
    struct side_rare *rare = side_rare(at, us);

    if (rare && is_probe)
        rare->untaken = (struct range){run.position, run.position + run.len};
    else if (rare && run.position == us->syn)
        rare->syn_len = (uint32_t)run.len;
}

static bool is_settled(const struct side_state *us)
{
    const struct side_rare *rare = side_rare_of(us);
    return rare && rare->settled;
}

/* Refuses what lies before all that may still come, and cuts it off. */
static void refuse_front(const struct segment_context *at, struct flow *f, enum side side,
                         const struct packet *p, struct run *run)
{
    const struct side_state *us = &f->sides[side];

    struct run front = run_cut(run, bounds_floor(f, side));
    if (front.len > 0)
        refuse(at, f, side, p, front, us->has_syn ? REFUSED_BEFORE_START : REFUSED_OUT_OF_WINDOW);
    const struct side_rare *rare = side_rare_of(us);
    if (!rare || !rare->settled)
        return;
    front = run_cut(run, rare->settled_to);
    if (front.len > 0)
        refuse(at, f, side, p, front, REFUSED_SETTLED);
}

/* What lies inside all bounds. */
static inline void payload_inside(const struct segment_context *at, struct flow *f, enum side side,
                                  const struct packet *p, struct run inside, bool provisional)
{
    struct side_state *us = &f->sides[side];

    if (is_old(us, p, inside)) {
        refuse(at, f, side, p, inside, REFUSED_OLD_TIMESTAMP);
        return;
    }
    bool is_probe = is_window_probe(f, side, inside);
    say_odd(at, f, side, p, inside);
    if (!(tcp_flags(&p->tcp) & (TCP_SYN | TCP_FIN | TCP_RST)))
        history_add(f, side, 'D');
    enum trust trust = provisional ? IN_DOUBT : TRUSTED;
    if (!provisional && (is_probe || tcp_flags(&p->tcp) & TCP_SYN))
        trust = UNACCEPTED;
    uint64_t fresh = keep(at, f, side, p, inside, trust);
    if (trust == UNACCEPTED && fresh == (uint64_t)inside.len)
        remember_unaccepted(at, us, inside, is_probe);
    if (us->rst && fresh > 0 && trust == TRUSTED)
        forget_reset(at, f, side, p);
}

/* What perhaps lies outside of them, or partly. */
__attribute__((noinline)) static void payload_across(const struct segment_context *at,
                                                     struct flow *f, enum side side,
                                                     const struct packet *p, int64_t position,
                                                     bool provisional)
{
    struct run behind = {position, p->payload_len, p->payload};

    refuse_front(at, f, side, p, &behind);
    const struct run inside = run_cut(&behind, bounds_ceiling(f, side));
    if (inside.len > 0)
        payload_inside(at, f, side, p, inside, provisional);
    if (behind.len > 0)
        refuse(at, f, side, p, behind, REFUSED_OUT_OF_WINDOW);
}

void tcp_payload(const struct segment_context *at, struct flow *f, enum side side,
                 const struct packet *p, int64_t position, bool provisional)
{
    struct side_state *us = &f->sides[side];
    const struct run run = {position, p->payload_len, p->payload};

    if (is_keepalive(us, run))
        refuse(at, f, side, p, run, REFUSED_KEEPALIVE);
    else if (is_settled(us) || !bounds_hold(us, position, position + run.len))
        payload_across(at, f, side, p, position, provisional);
    else if (run.len > 0) /* the fast path: all of it at once, and in registers */
        payload_inside(at, f, side, p, run, provisional);
}
