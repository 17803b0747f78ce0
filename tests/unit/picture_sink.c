/* picture_sink.c - pages of bytes, lists of gaps, and a suspicion at every step. */
#include "picture_sink.h"

#include "base/table.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_LEN = 1024, DRAWN_MAX = 4096 };

enum held { HELD_NOT, HELD, HELD_PROVISIONALLY, HELD_UNACCEPTED };

struct page {
    int64_t number; /* of positions [number * PAGE_LEN, ...) */
    UT_hash_handle hh;
    uint8_t held[PAGE_LEN]; /* enum held */
    uint8_t byte[PAGE_LEN];
    size_t owner[PAGE_LEN];
};

/* A stretch of positions that a drawing shows alike. */
struct stretch {
    int64_t begin, end;
    const struct page *page; /* of bytes, all in this page; NULL for a gap */
    bool cut;                /* of gaps: by the snap length */
    bool tail;
};

/* The bytes of a segment that was refused. */
struct refused {
    int64_t position;
    uint8_t *bytes;
    size_t len;
    size_t owner;
};

struct told_side {
    struct page *pages; /* uthash's head */
    struct refused *refused;
    size_t refused_count;
    struct stretch *gaps;
    size_t gap_count;
    uint64_t fresh, again; /* captured payload bytes of accepted arrivals */
    int64_t datagrams_end; /* where the next datagram must be */
    char *drawn;           /* the stream, once the flow has ended */
};

struct told_flow {
    bool ended, is_tcp;
    uint64_t frames, frame_bytes;
    uint64_t *numbers; /* of these frames */
    struct told_side sides[2];
    char *drawn, *counts, *facts; /* once the flow has ended */
};

static const char *side_name(enum side side)
{
    return side == SIDE_CLIENT ? "client" : "server";
}

static void *or_abort(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

/* ---- text ---- */

static void text_init(struct text *t)
{
    t->out = or_abort(open_memstream(&t->chars, &t->len));
}

const char *text_read(struct text *t)
{
    fflush(t->out);
    return t->chars;
}

static void text_release(struct text *t)
{
    fclose(t->out);
    free(t->chars);
}

/* What was written, for free(). */
static char *text_take(struct text *t)
{
    fclose(t->out);
    return t->chars;
}

/* Goes to the next item of a list. */
static FILE *text_next(struct text *t)
{
    if (*text_read(t))
        fputs(", ", t->out);
    return t->out;
}

static void text_bytes(FILE *out, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        fputc(bytes[i] > ' ' && bytes[i] < 0x7f ? bytes[i] : '?', out);
}

__attribute__((format(printf, 2, 3))) static void broken(struct picture_sink *p, const char *format,
                                                         ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(p->broken.out, format, arguments);
    va_end(arguments);
    fputc('\n', p->broken.out);
}

__attribute__((format(printf, 2, 3))) static void call(struct picture_sink *p, const char *format,
                                                       ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(p->calls.out, format, arguments);
    va_end(arguments);
    fputc('\n', p->calls.out);
}

/* ---- positions ---- */

static int64_t page_number(int64_t position)
{
    return position >= 0 ? position / PAGE_LEN : (position + 1) / PAGE_LEN - 1;
}

static size_t page_place(int64_t position)
{
    return (size_t)(position - page_number(position) * PAGE_LEN);
}

static struct page *page_find(const struct told_side *side, int64_t position)
{
    int64_t number = page_number(position);
    struct page *page = NULL;
    HASH_FIND(hh, side->pages, &number, sizeof(number), page);
    return page;
}

static struct page *page_make(struct told_side *side, int64_t position)
{
    struct page *page = page_find(side, position);
    if (page)
        return page;
    page = or_abort(calloc(1, sizeof(*page)));
    page->number = page_number(position);
    HASH_ADD(hh, side->pages, number, sizeof(page->number), page);
    return page;
}

static enum held held_at(const struct told_side *side, int64_t position)
{
    const struct page *page = page_find(side, position);
    return page ? (enum held)page->held[page_place(position)] : HELD_NOT;
}

static uint8_t byte_at(const struct told_side *side, int64_t position)
{
    return page_find(side, position)->byte[page_place(position)];
}

/* ---- flows ---- */

static struct told_flow *told_flow(struct picture_sink *p, struct flow *flow, const char *by)
{
    struct told_flow *told = flow->kept;
    if (told) {
        if (told->ended)
            broken(p, "a %s after the end of its flow", by);
        return told;
    }
    if (strcmp(by, "frame") != 0)
        broken(p, "a flow begins with a %s, not with a frame", by);
    told = or_abort(calloc(1, sizeof(*told)));
    told->is_tcp = flow->key.protocol == TRANSPORT_TCP;
    p->flows = or_abort(realloc(p->flows, (p->flow_count + 1) * sizeof(struct told_flow *)));
    p->flows[p->flow_count++] = told;
    flow->kept = told;
    return told;
}

static size_t flow_name(const struct picture_sink *p, const struct flow *flow)
{
    for (size_t i = 0; i < p->flow_count; i++) {
        if (p->flows[i] == flow->kept)
            return i;
    }
    return p->flow_count;
}

static void see_frame(struct sink *sink, struct flow *flow, const struct frame *frame)
{
    struct picture_sink *p = (struct picture_sink *)sink;
    struct told_flow *told = told_flow(p, flow, "frame");

    call(p, "flow %zu frame %" PRIu64, flow_name(p, flow), frame->number);
    fprintf(text_next(&p->frames), "%zu:%" PRIu64, flow_name(p, flow), frame->number);
    if (told->frames == 0 && frame->number != flow->first_frame)
        broken(p, "frame %" PRIu64 " is first, not %" PRIu64, frame->number, flow->first_frame);
    for (uint64_t i = told->frames; i > 0; i--) {
        if (told->numbers[i - 1] == frame->number)
            broken(p, "frame %" PRIu64 " comes twice", frame->number);
    }
    told->numbers = or_abort(realloc(told->numbers, (told->frames + 1) * sizeof *told->numbers));
    told->numbers[told->frames++] = frame->number;
    told->frame_bytes += frame->wire_len;
}

/* ---- arrivals ---- */

/* Whether `ranges` rise, are not empty, do not touch, and lie inside the captured bytes. */
static bool are_sound(const struct arrival *a, const struct range *ranges, uint32_t count)
{
    int64_t at = a->position - 1;
    for (uint32_t i = 0; i < count; i++) {
        if (ranges[i].begin <= at || ranges[i].begin >= ranges[i].end)
            return false;
        at = ranges[i].end;
    }
    return count == 0 || at <= a->position + (int64_t)a->bytes.len;
}

static bool is_in(const struct range *ranges, uint32_t count, int64_t position)
{
    for (uint32_t i = 0; i < count; i++) {
        if (position >= ranges[i].begin && position < ranges[i].end)
            return true;
    }
    return false;
}

static void check_arrival(struct picture_sink *p, const struct arrival *a)
{
    const struct span payload = a->packet->payload;

    if (a->len == 0)
        broken(p, "an arrival of nothing at %" PRId64, a->position);
    if (a->bytes.len > a->len)
        broken(p, "more captured than sent at %" PRId64, a->position);
    if (a->bytes.len > 0 &&
        (a->bytes.data < payload.data || a->bytes.data + a->bytes.len > payload.data + payload.len))
        broken(p, "an arrival at %" PRId64 " lies outside of its packet", a->position);
    if (a->refused != REFUSED_NOT && (a->fresh_count > 0 || a->taken_count > 0))
        broken(p, "a refused arrival at %" PRId64 " brings something", a->position);
    if (a->provisional && a->taken_count > 0)
        broken(p, "a provisional arrival at %" PRId64 " takes positions", a->position);
    if (!are_sound(a, a->fresh, a->fresh_count) || !are_sound(a, a->taken, a->taken_count))
        broken(p, "ranges at %" PRId64 " are not in order", a->position);
}

/* A byte that lost prolongs the conflict of the byte before it, or is a new one. */
struct losers {
    struct text *to;
    enum side side;
    bool taken; /* it was an earlier arrival's */
    int64_t begin;
    uint8_t bytes[UINT16_MAX + 1];
    size_t len;
};

static void losers_tell(struct losers *l)
{
    if (l->len > 0) {
        fprintf(text_next(l->to), "%s ", side_name(l->side));
        text_bytes(l->to->out, l->bytes, l->len);
        fprintf(l->to->out, "@%" PRId64, l->begin);
    }
    l->len = 0;
}

static void losers_add(struct losers *l, int64_t position, uint8_t byte)
{
    if (l->begin + (int64_t)l->len != position)
        losers_tell(l);
    if (l->len == 0)
        l->begin = position;
    l->bytes[l->len++] = byte;
}

/* One captured position of an accepted arrival. */
static void arrive(struct picture_sink *p, struct told_side *side, const struct arrival *a,
                   int64_t position, struct losers *losers)
{
    uint8_t byte = a->bytes.data[position - a->position];
    bool fresh = is_in(a->fresh, a->fresh_count, position);
    bool taken = is_in(a->taken, a->taken_count, position);
    enum held held = held_at(side, position);

    if (fresh == (held != HELD_NOT))
        broken(p, "%" PRId64 " is %s", position,
               fresh ? "fresh, but held" : "neither fresh nor held");
    if (taken && held != HELD_PROVISIONALLY && held != HELD_UNACCEPTED)
        broken(p, "%" PRId64 " is taken, but was not provisional", position);
    if (!taken && held == HELD_PROVISIONALLY && !a->provisional &&
        a->packet->checksum == CHECKSUM_RIGHT && !p->is_tight)
        broken(p, "%" PRId64 " is provisional, and not taken by a right checksum", position);
    side->fresh += fresh;
    side->again += !fresh;

    if (taken != losers->taken) /* whose byte lost is another question there */
        losers_tell(losers);
    losers->taken = taken;
    if (held != HELD_NOT && byte_at(side, position) != byte)
        losers_add(losers, position, taken ? byte_at(side, position) : byte);
    if (!fresh && !taken)
        return;
    struct page *page = page_make(side, position);
    size_t place = page_place(position);
    page->byte[place] = byte;
    page->owner[place] = p->arrival_count;
    page->held[place] = a->provisional  ? HELD_PROVISIONALLY
                        : a->unaccepted ? HELD_UNACCEPTED
                                        : HELD;
}

static void refused_keep(struct told_side *side, const struct arrival *a, size_t owner)
{
    side->refused =
        or_abort(realloc(side->refused, (side->refused_count + 1) * sizeof(*side->refused)));
    struct refused *r = &side->refused[side->refused_count++];
    *r = (struct refused){a->position, or_abort(malloc(a->bytes.len + 1)), a->bytes.len, owner};
    if (a->bytes.len > 0)
        memcpy(r->bytes, a->bytes.data, a->bytes.len);
}

static void see_segment(struct sink *sink, struct flow *flow, const struct arrival *a)
{
    static struct losers losers;
    struct picture_sink *p = (struct picture_sink *)sink;
    struct told_flow *told = told_flow(p, flow, "segment");
    struct told_side *side = &told->sides[a->side];
    int64_t end = a->position + (int64_t)a->bytes.len;

    call(p,
         "flow %zu %s segment %" PRId64 "+%" PRIu32 " captured %zu %s%s fresh %" PRIu32
         " taken %" PRIu32,
         flow_name(p, flow), side_name(a->side), a->position, a->len, a->bytes.len,
         refusal_name(a->refused), a->provisional ? " provisional" : "", a->fresh_count,
         a->taken_count);
    for (uint32_t i = 0; i < a->fresh_count; i++)
        call(p, "    fresh %" PRId64 " to %" PRId64, a->fresh[i].begin, a->fresh[i].end);
    for (uint32_t i = 0; i < a->taken_count; i++)
        call(p, "    taken %" PRId64 " to %" PRId64, a->taken[i].begin, a->taken[i].end);
    check_arrival(p, a);
    if (a->refused != REFUSED_NOT) {
        FILE *out = text_next(&p->refused);
        fprintf(out, "%s %s ", side_name(a->side), refusal_name(a->refused));
        text_bytes(out, a->bytes.data, a->bytes.len);
        fprintf(out, "@%" PRId64, a->position);
        refused_keep(side, a, p->arrival_count);
    } else {
        losers = (struct losers){.to = &p->conflicts, .side = a->side};
        for (int64_t position = a->position; position < end; position++)
            arrive(p, side, a, position, &losers);
        losers_tell(&losers);
        if (!told->is_tcp && a->position != side->datagrams_end)
            broken(p, "a datagram is at %" PRId64 ", not behind the last one", a->position);
        side->datagrams_end = a->position + a->len;
    }
    p->arrival_count++;
}

/* The first refused segment that has the byte; NULL when there is none. */
static const struct refused *refused_find(const struct told_side *side, int64_t position)
{
    for (size_t i = 0; i < side->refused_count; i++) {
        const struct refused *r = &side->refused[i];
        if (position >= r->position && position - r->position < (int64_t)r->len)
            return r;
    }
    return NULL;
}

static void see_believe(struct sink *sink, struct flow *flow, enum side which, int64_t position,
                        int64_t len)
{
    struct picture_sink *p = (struct picture_sink *)sink;
    struct told_side *side = &told_flow(p, flow, "belief")->sides[which];

    call(p, "flow %zu %s believes %" PRId64 "+%" PRId64, flow_name(p, flow), side_name(which),
         position, len);
    for (int64_t at = position; at < position + len; at++) {
        const struct refused *r = refused_find(side, at);
        if (!r || held_at(side, at) != HELD_NOT) {
            broken(p, "%" PRId64 " is believed, but %s", at, r ? "is held" : "never came");
            continue;
        }
        struct page *page = page_make(side, at);
        page->byte[page_place(at)] = r->bytes[at - r->position];
        page->owner[page_place(at)] = r->owner;
        page->held[page_place(at)] = HELD_PROVISIONALLY;
        side->fresh++;
    }
}

/* ---- gaps and oddities ---- */

static void see_gap(struct sink *sink, struct flow *flow, enum side which, int64_t position,
                    int64_t len, enum gap_cause cause, bool tail)
{
    struct picture_sink *p = (struct picture_sink *)sink;
    struct told_flow *told = told_flow(p, flow, "gap");
    struct told_side *side = &told->sides[which];

    call(p, "flow %zu %s gap %" PRId64 "+%" PRId64 " %s%s", flow_name(p, flow), side_name(which),
         position, len, gap_cause_name(cause), tail ? " tail" : "");
    fprintf(text_next(&p->gaps), "%s %" PRId64 "+%" PRId64 " %s%s", side_name(which), position, len,
            gap_cause_name(cause), tail ? " tail" : "");
    if (len <= 0)
        broken(p, "a gap of nothing at %" PRId64, position);
    if (side->gap_count > 0 && position < side->gaps[side->gap_count - 1].end)
        broken(p, "the gap at %" PRId64 " comes out of order", position);
    side->gaps = or_abort(realloc(side->gaps, (side->gap_count + 1) * sizeof(*side->gaps)));
    side->gaps[side->gap_count++] = (struct stretch){
        .begin = position, .end = position + len, .cut = cause == GAP_TRUNCATED, .tail = tail};
}

static void odd_tell(struct picture_sink *p)
{
    if (p->odd_times > 0)
        fprintf(text_next(&p->oddities), p->odd_times > 1 ? "%s x%u" : "%s", p->odd_before,
                p->odd_times);
    p->odd_times = 0;
}

static void see_oddity(struct sink *sink, struct flow *flow, const struct frame *frame,
                       enum oddity kind, const char *text)
{
    struct picture_sink *p = (struct picture_sink *)sink;

    if (flow)
        told_flow(p, flow, "oddity");
    call(p, "oddity %s frame %" PRIu64, oddity_name(kind), frame->number);
    if (text)
        call(p, "says %s", text);
    if (strcmp(p->odd_before, oddity_name(kind)) != 0)
        odd_tell(p);
    snprintf(p->odd_before, sizeof(p->odd_before), "%s", oddity_name(kind));
    p->odd_times++;
}

/* ---- the end of a flow ---- */

static int by_begin(const void *a, const void *b)
{
    const struct stretch *left = a, *right = b;
    return (left->begin > right->begin) - (left->begin < right->begin);
}

/* All that was told of a side, in order of position: gaps, and runs of bytes in each page. */
static struct stretch *stretches(const struct told_side *side, size_t *count)
{
    size_t room = side->gap_count + (size_t)HASH_COUNT(side->pages) * PAGE_LEN + 1;
    struct stretch *all = or_abort(calloc(room, sizeof(*all)));

    *count = side->gap_count;
    if (*count > 0)
        memcpy(all, side->gaps, *count * sizeof(*all));
    for (const struct page *page = side->pages; page; page = page->hh.next) {
        for (size_t i = 0; i < PAGE_LEN; i++) {
            int64_t position = page->number * PAGE_LEN + (int64_t)i;
            if (page->held[i] != HELD_NOT && i > 0 && page->held[i - 1] != HELD_NOT)
                all[*count - 1].end++;
            else if (page->held[i] != HELD_NOT)
                all[(*count)++] =
                    (struct stretch){.begin = position, .end = position + 1, .page = page};
        }
    }
    qsort(all, *count, sizeof(*all), by_begin);
    return all;
}

static void draw_bytes(FILE *out, const struct stretch *s, bool is_tcp, size_t *owner)
{
    for (int64_t position = s->begin; position < s->end; position++) {
        size_t place = page_place(position);
        if (!is_tcp && *owner != SIZE_MAX && *owner != s->page->owner[place])
            fputc('|', out);
        *owner = s->page->owner[place];
        text_bytes(out, &s->page->byte[place], 1);
    }
}

static void draw_gap(FILE *out, const struct stretch *s)
{
    char hole = s->cut ? '~' : '.';
    if (s->end - s->begin > DRAWN_MAX) {
        fprintf(out, "%c{%" PRId64 "}", hole, s->end - s->begin);
        return;
    }
    for (int64_t position = s->begin; position < s->end; position++)
        fputc(hole, out);
}

/* Draws a side; every position from the first to the last must have been told exactly once. */
static char *draw_side(struct picture_sink *p, const struct told_side *side, bool is_tcp)
{
    struct text t;
    size_t count, owner = SIZE_MAX;
    struct stretch *all = stretches(side, &count);

    text_init(&t);
    if (count > 0 && all[0].begin != 0)
        fprintf(t.out, "@%" PRId64 " ", all[0].begin);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && all[i].begin != all[i - 1].end)
            broken(p, "%" PRId64 " was told %s",
                   all[i].begin < all[i - 1].end ? all[i].begin : all[i - 1].end,
                   all[i].begin < all[i - 1].end ? "twice" : "never");
        if (i > 0 && all[i - 1].tail && !all[i].tail)
            broken(p, "something lies behind the tail at %" PRId64, all[i].begin);
        if (all[i].page)
            draw_bytes(t.out, &all[i], is_tcp, &owner);
        else
            draw_gap(t.out, &all[i]);
    }
    free(all);
    return text_take(&t);
}

static char *draw_flow(const struct flow *flow)
{
    struct text t;
    text_init(&t);
    if (flow->key.protocol != TRANSPORT_TCP)
        fprintf(t.out, "%s ", flow_protocol_name(flow->key.protocol));
    if (flow->key.protocol == TRANSPORT_ICMP || flow->key.protocol == TRANSPORT_ICMPV6)
        fprintf(t.out, "%u/%u ", flow_port(flow, SIDE_CLIENT), flow_port(flow, SIDE_SERVER));
    fprintf(t.out, "%s %s %s%s", flow_state_name(flow->state), *flow->history ? flow->history : "-",
            flow_end_name(flow->end), flow->client_guessed ? " guessed" : "");
    return text_take(&t);
}

static char *draw_counts(const struct flow *flow)
{
    struct text t;
    text_init(&t);
    for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
        const struct side_state *s = &flow->sides[side];
        fprintf(text_next(&t), "%s %" PRIu64 " packets %" PRIu64 " bytes %" PRIu64 " again",
                side_name(side), s->packets, s->bytes, flow_retransmitted(flow, side));
        if (flow_carried(flow, side) > 0)
            fprintf(t.out, " %" PRIu64 " carried", flow_carried(flow, side));
    }
    if (flow->handshake_rtt_ns >= 0)
        fprintf(text_next(&t), "rtt %g ms", (double)flow->handshake_rtt_ns / 1e6);
    return text_take(&t);
}

static char *draw_facts(const struct flow *flow)
{
    struct text t;
    text_init(&t);
    for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
        const struct side_state *s = &flow->sides[side];
        fprintf(text_next(&t), "%s %" PRIu64 " of ip %" PRIu64 " of frames", side_name(side),
                s->ip_bytes, s->frame_bytes);
        if (s->packets > 0)
            fprintf(t.out, " ttl %u flags %02x", s->min_ttl, s->flags);
        if (flow->has_macs)
            fprintf(t.out, " mac %02x", s->mac[5]);
    }
    for (unsigned i = 0; i < flow->vlan_count; i++)
        fprintf(text_next(&t), "vlan %u", flow->vlans[i]);
    fprintf(text_next(&t), "%g to %g ms", (double)flow->first_ns / 1e6,
            (double)flow->last_ns / 1e6);
    return text_take(&t);
}

static void see_end(struct sink *sink, struct flow *flow)
{
    struct picture_sink *p = (struct picture_sink *)sink;
    struct told_flow *told = told_flow(p, flow, "end");

    call(p, "flow %zu end", flow_name(p, flow));
    for (enum side which = SIDE_CLIENT; which <= SIDE_SERVER; which++) {
        const struct side_state *counted = &flow->sides[which];
        struct told_side *side = &told->sides[which];
        side->drawn = draw_side(p, side, told->is_tcp);
        if (flow->key.protocol == TRANSPORT_SCTP) /* counted by its chunks, which are not told */
            continue;
        if (counted->bytes != side->fresh)
            broken(p, "%s counts %" PRIu64 " bytes, not %" PRIu64, side_name(which), counted->bytes,
                   side->fresh);
        if (flow_retransmitted(flow, which) != side->again)
            broken(p, "%s counts %" PRIu64 " bytes again, not %" PRIu64, side_name(which),
                   flow_retransmitted(flow, which), side->again);
    }
    uint64_t packets = flow->sides[0].packets + flow->sides[1].packets;
    uint64_t frame_bytes = flow->sides[0].frame_bytes + flow->sides[1].frame_bytes;
    if (packets == 0 || (packets > told->frames && !p->has_aggregates))
        broken(p, "%" PRIu64 " packets in %" PRIu64 " frames", packets, told->frames);
    if (frame_bytes > told->frame_bytes)
        broken(p, "%" PRIu64 " bytes of frames are counted, %" PRIu64 " came", frame_bytes,
               told->frame_bytes);
    if (flow->first_ns > flow->last_ns)
        broken(p, "a flow ends before it begins");
    told->drawn = draw_flow(flow);
    told->counts = draw_counts(flow);
    told->facts = draw_facts(flow);
    told->ended = true;
    flow->kept = NULL; /* whoever names it again begins a flow without a frame */
}

static void see_news(struct sink *sink, struct flow *flow)
{
    struct picture_sink *p = (struct picture_sink *)sink;

    told_flow(p, flow, "news");
    call(p, "flow %zu news: %s", flow_name(p, flow), flow_state_name(flow->state));
    if (flow->sides[0].packets + flow->sides[1].packets == 0)
        broken(p, "news of a flow without a packet");
}

/* ---- all together ---- */

void picture_sink_init(struct picture_sink *p)
{
    *p = (struct picture_sink){
        .sink = {see_frame, see_segment, see_believe, see_gap, see_oddity, see_end, see_news, NULL},
    };
    text_init(&p->gaps);
    text_init(&p->conflicts);
    text_init(&p->refused);
    text_init(&p->oddities);
    text_init(&p->frames);
    text_init(&p->calls);
    text_init(&p->broken);
}

static void told_side_release(struct told_side *side)
{
    struct page *page, *next;
    HASH_ITER (hh, side->pages, page, next) {
        HASH_DEL(side->pages, page);
        free(page);
    }
    for (size_t i = 0; i < side->refused_count; i++)
        free(side->refused[i].bytes);
    free(side->refused);
    free(side->gaps);
    free(side->drawn);
}

void picture_sink_release(struct picture_sink *p)
{
    for (size_t i = 0; i < p->flow_count; i++) {
        told_side_release(&p->flows[i]->sides[SIDE_CLIENT]);
        told_side_release(&p->flows[i]->sides[SIDE_SERVER]);
        free(p->flows[i]->numbers);
        free(p->flows[i]->drawn);
        free(p->flows[i]->counts);
        free(p->flows[i]->facts);
        free(p->flows[i]);
    }
    free(p->flows);
    text_release(&p->gaps);
    text_release(&p->conflicts);
    text_release(&p->refused);
    text_release(&p->oddities);
    text_release(&p->frames);
    text_release(&p->calls);
    text_release(&p->broken);
}

void picture_sink_finish(struct picture_sink *p)
{
    odd_tell(p);
    for (size_t i = 0; i < p->flow_count; i++) {
        if (!p->flows[i]->ended)
            broken(p, "flow %zu has no end", i);
    }
}

char *picture_sink_draw(const struct picture_sink *p, enum drawing what)
{
    struct text t;
    text_init(&t);
    for (size_t i = 0; i < p->flow_count; i++) {
        const struct told_flow *told = p->flows[i];
        const char *drawings[] = {
            [DRAWING_CLIENT] = told->sides[SIDE_CLIENT].drawn,
            [DRAWING_SERVER] = told->sides[SIDE_SERVER].drawn,
            [DRAWING_FLOWS] = told->drawn,
            [DRAWING_COUNTS] = told->counts,
            [DRAWING_FACTS] = told->facts,
        };
        fprintf(t.out, "%s%s", i > 0 ? " | " : "", told->ended ? drawings[what] : "?");
    }
    return text_take(&t);
}

bool picture_sink_at(const struct picture_sink *p, size_t flow, enum side side, int64_t position,
                     uint8_t *byte, size_t *owner)
{
    if (flow >= p->flow_count || held_at(&p->flows[flow]->sides[side], position) == HELD_NOT)
        return false;
    const struct page *page = page_find(&p->flows[flow]->sides[side], position);
    *byte = page->byte[page_place(position)];
    *owner = page->owner[page_place(position)];
    return true;
}
