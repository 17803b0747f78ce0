/* flows.c - the table of flows: packets find theirs, or begin it. */
#include "reassembly/flows.h"

#include "base/table.h"
#include "reassembly/association.h"
#include "reassembly/flow_begin.h"
#include "reassembly/flows_state.h"
#include "reassembly/tcp_reuse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct flow_timeouts flow_timeouts_offline = {
    .half_open = 60 * 1000000000ll,
    .established = 0,
    .closed = 120 * 1000000000ll,
    .udp = 180 * 1000000000ll,
    .icmp = 60 * 1000000000ll,
};
const struct flow_timeouts flow_timeouts_live = {
    .half_open = 60 * 1000000000ll,
    .established = 7200 * 1000000000ll,
    .closed = 120 * 1000000000ll,
    .udp = 180 * 1000000000ll,
    .icmp = 60 * 1000000000ll,
};

struct flows *flows_new(struct sink *sink, size_t memory, const struct flow_timeouts *timeouts,
                        unsigned place_parts)
{
    struct flows *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->places = places_new(memory / 16, place_parts);
    if (!t->places) {
        free(t);
        return NULL;
    }
    if (!flow_table_init(&t->table, memory - memory / 2 - memory / 16)) {
        places_free(t->places);
        free(t);
        return NULL;
    }
    t->has_detours = places_are_paths(t->places);
    t->clock = INT64_MIN;
    t->deadline = INT64_MAX;
    budget_init(&t->range_budget, memory / 2);
    pool_init(&t->streams, &t->range_budget, sizeof(struct side_stream));
    pool_init(&t->rare, &t->range_budget, sizeof(struct side_rare));
    detours_init(&t->detours, &t->range_budget);
    t->at = (struct segment_context){.sink = sink,
                                     .budget = &t->range_budget,
                                     .streams = &t->streams,
                                     .rare = &t->rare,
                                     .fresh = t->fresh,
                                     .taken = t->taken};
    t->queues[QUEUE_CLOSED].timeout = timeouts->closed;
    t->queues[QUEUE_HALF_OPEN].timeout = timeouts->half_open;
    t->queues[QUEUE_UDP].timeout = timeouts->udp;
    t->queues[QUEUE_ICMP].timeout = timeouts->icmp;
    t->queues[QUEUE_ESTABLISHED].timeout = timeouts->established;
    table_seed();
    return t;
}

static struct flow *first_of(const struct flows *t)
{
    return at(t, t->table.first);
}

static void streams_release(struct flows *t, const struct flow *f)
{
    stream_release(&t->at, side_stream_of(&f->sides[SIDE_CLIENT]));
    stream_release(&t->at, side_stream_of(&f->sides[SIDE_SERVER]));
}

void flows_free(struct flows *t)
{
    if (!t)
        return;
    for (struct flow *f = first_of(t); f; f = at(t, f->added_after)) {
        streams_release(t, f);
        if (f->rival)
            streams_release(t, at(t, f->rival));
    }
    detours_release(&t->detours);
    flow_table_release(&t->table);
    pool_release(&t->streams);
    pool_release(&t->rare);
    places_free(t->places);
    free(t->news.fresh);
    free(t);
}

uint64_t flows_count(const struct flows *t)
{
    return t->table.count;
}

size_t flows_memory_peak(const struct flows *t)
{
    return flow_table_memory_peak(&t->table) + t->range_budget.peak + places_memory_peak(t->places);
}

/* ---- looking up ---- */

static enum side side_of(const struct flow *f, bool src_is_low)
{
    return src_is_low == f->client_is_low ? SIDE_CLIENT : SIDE_SERVER;
}

/* The flow of what one of the ends sends under this key: there, or where a detour leads. */
static struct flow *find_of(struct flows *t, const struct flow_lookup *look)
{
    struct flow *f =
        t->detours.table ? detours_find(&t->detours, &look->key, look->src_is_low) : NULL;
    return f ? f : flow_table_find_near(&t->table, look->near, &look->key, look->hash);
}

void flows_look(struct flows *t, struct flow_lookup *look, const struct packet *p)
{
    const uint16_t place = places_number(t->places, &look->tunnel, p);

    look->src_is_low = flow_key_of(&look->key, p, place);
    look->hash = table_hash(&look->key, sizeof look->key);
    look->near = NULL;
    flow_table_prefetch_bucket(&t->table, look->hash);
}

void flows_prefetch(const struct flows *t, struct flow_lookup *look, unsigned step)
{
    switch (step) {
    case 1:
        flow_table_prefetch_first(&t->table, look->hash);
        break;
    case 2:
        look->near = flow_table_find(&t->table, &look->key, look->hash);
        if (look->near)
            flow_prefetch(look->near);
        break;
    default:
        if (look->near)
            __builtin_prefetch(
                side_stream_of(&look->near->sides[side_of(look->near, look->src_is_low)]));
        break;
    }
}

/* ---- a new flow ---- */

/* A node with nothing in it but where it comes from; NULL when there is none. Others may have been given up for
 * it. */
static struct flow *node_new(struct flows *t, const struct flow_lookup *look,
                             const struct packet *p)
{
    struct origin origin;
    struct flow *f = flow_node_new(&t->table);

    while (!f && flows_evict(t, p->frame))
        f = flow_node_new(&t->table);
    if (!f)
        return NULL;
    flow_origin_of(&origin, look->src_is_low, p, look->tunnel);
    while (!flow_origin_set(&t->table, f, &origin)) {
        if (!flows_evict(t, p->frame)) {
            flow_node_free(&t->table, f, 0);
            return NULL;
        }
    }
    return f;
}

static struct flow *flow_new(struct flows *t, const struct flow_lookup *look,
                             const struct packet *p)
{
    struct flow *f = node_new(t, look, p);
    if (!f)
        return NULL;
    f->key = look->key;
    flow_table_add(&t->table, f);
    detours_close(&t->detours, &look->key);
    flow_begin(f, look->src_is_low, p);
    flow_queue(t, f);
    flows_remember_new(t, f);
    return f;
}

/* ---- two connections with one five-tuple ---- */

/* A flow beside the one that has the key. NULL where that one is gone, or there is no room. */
static struct flow *rival_new(struct flows *t, const struct flow_lookup *look,
                              const struct packet *p)
{
    struct flow *f = node_new(t, look, p);
    struct flow *elder = find_of(t, look); /* it may have been given up for it */
    if (!f)
        return NULL;
    if (!elder) {
        flow_node_free(&t->table, f, f->origin);
        return NULL;
    }
    if (elder->rival)
        flow_finish(t, at(t, elder->rival), END_REUSED);
    f->key = elder->key;
    f->rival = elder->number;
    f->has_rival = elder->has_rival = true;
    f->is_rival = true;
    f->elder_ran = flow_has_run(elder);
    elder->rival = f->number;
    flow_begin(f, look->src_is_low, p);
    flow_queue(t, f);
    flows_remember_new(t, f);
    return f;
}

/* Which flow a segment belongs to, of the one that has its five-tuple, its rival, and a new one, which
 * NULL stands for. */
static struct flow *owner_of(struct flows *t, struct flow *f, const struct flow_lookup *look,
                             const struct packet *p)
{
    struct flow *rival = at(t, f->rival);
    const bool src_is_low = look->src_is_low;

    if (rival) {
        bool settled;
        bool is_rivals = tcp_is_rivals(f, side_of(f, src_is_low), rival, side_of(rival, src_is_low),
                                       p, &settled);
        if (settled) {
            rival->took_over = true;
            flow_finish(t, f, END_REUSED);
        }
        if (is_rivals)
            return rival;
    }
    switch (tcp_claim(f, side_of(f, src_is_low), p)) {
    case CLAIM_NONE:
        break;
    case CLAIM_TAKES:
        flow_finish(t, f, END_REUSED);
        f = find_of(t, look); /* a rival may have come into its place */
        return f ? owner_of(t, f, look, p) : NULL;
    case CLAIM_WAITS:
        return rival_new(t, look, p);
    }
    return f;
}

/* A segment that has no flow, and continues one that goes another way. NULL when it does not. */
static struct flow *find_detour(struct flows *t, const struct flow_lookup *look,
                                const struct packet *p)
{
    char text[PACKET_TUNNEL_MAX + 64];
    const struct flow_key *key = &look->key;
    const bool src_is_low = look->src_is_low;
    struct flow *f = detours_match(&t->detours, &t->table, key, src_is_low, p);

    if (!f || flow_is_idle(t, f, p->frame->time_ns) ||
        !detours_add(&t->detours, f, key, src_is_low))
        return NULL;
    snprintf(text, sizeof text, "the %s's packets go %s%s",
             side_of(f, src_is_low) == SIDE_CLIENT ? "client" : "server",
             p->tunnel[0] ? "by " : "without a tunnel", p->tunnel);
    t->at.sink->oddity(t->at.sink, f, p->frame, ODDITY_TUNNEL_DIFFERS, text);
    return f;
}

/* ---- packets ---- */

static void tell_frames(struct flows *t, struct flow *f, const struct packet *p)
{
    if (!p->frames) {
        t->at.sink->frame(t->at.sink, f, p->frame);
        return;
    }
    for (uint32_t i = 0; i < p->frame_count; i++)
        t->at.sink->frame(t->at.sink, f, &p->frames[i]);
}

/* Of a packet of an aggregate: but for the frames that another packet has brought the flow. Returns how many bytes
 * these had on the wire. */
__attribute__((noinline)) static uint64_t tell_aggregate(struct flows *t, struct flow *f,
                                                         const struct packet *p)
{
    const struct frame *frames = p->frames ? p->frames : p->frame;
    const uint32_t count = p->frames ? p->frame_count : 1;
    uint64_t told_before = 0;

    aggregate_begin(&t->aggregates, p->frame);
    for (uint32_t i = 0; i < count; i++) {
        if (aggregate_was_told(&t->aggregates, f->number, &frames[i]))
            told_before += frames[i].wire_len;
        else
            t->at.sink->frame(t->at.sink, f, &frames[i]);
    }
    return told_before;
}

/* An ICMP error belongs to the flow that it quotes, too, in the same place. The quoted packet went the
 * other way. An error about an error may be of the flow that it quotes (`own`), which has the frame then. */
static void tell_quoted(struct flows *t, const struct flow *own, const struct packet *p,
                        uint16_t place)
{
    struct flow_key key;

    flow_key_of_quote(&key, p, place);
    struct flow *f = flow_table_find(&t->table, &key, table_hash(&key, sizeof key));
    if (!f || f == own)
        return;
    if (p->aggregate)
        tell_aggregate(t, f, p);
    else
        tell_frames(t, f, p);
}

static void count(struct flow *f, enum side side, const struct packet *p)
{
    struct side_state *us = &f->sides[side];
    int64_t time_ns = p->frame->time_ns;

    us->packets++;
    us->ip_bytes += p->ip_len;
    if (p->frames) {
        for (uint32_t i = 0; i < p->frame_count; i++)
            us->frame_bytes += p->frames[i].wire_len;
        time_ns = p->frames[0].time_ns < time_ns ? p->frames[0].time_ns : time_ns;
    } else {
        us->frame_bytes += p->frame->wire_len;
    }
    if (p->ttl < us->min_ttl)
        us->min_ttl = p->ttl;
    if (time_ns < f->last_ns && time_ns < f->first_ns)
        f->first_ns = time_ns;
    if (p->frame->time_ns > f->last_ns)
        f->last_ns = p->frame->time_ns;
}

/* The flow of a packet that is live at its time, or NULL. */
static struct flow *find_live(struct flows *t, const struct flow_lookup *look, int64_t now)
{
    if (t->news.fresh_count + 1 >= FRESH_MOST) /* a packet makes two at most: one, and a rival */
        flows_tell_fresh(t);
    flows_move_clock(t, now);
    struct flow *f = find_of(t, look);
    while (f && flow_is_idle(t, f, now)) {
        flow_finish(t, f, END_TIMEOUT);
        f = find_of(t, look); /* a rival may have come into its place */
    }
    return f;
}

/* The datagram around a packet, as a packet of its own. What is inside is no payload of its. */
static void carrier_packet(struct packet *outer, const struct packet *p, const struct carrier *c)
{
    *outer = (struct packet){.frame = p->frame,
                             .ip_version = c->ip_version,
                             .ttl = c->ttl,
                             .transport = TRANSPORT_UDP,
                             .ip_len = c->ip_len,
                             .vlan_count = c->vlan_count,
                             .has_macs = c->has_macs,
                             .ends = c->ends,
                             .checksum = CHECKSUM_UNKNOWN,
                             .aggregate = p->aggregate,
                             .tunnel_count = c->tunnel_count,
                             .payload_len = c->payload_len,
                             .frames = p->frames,
                             .frame_count = p->frame_count};
    memcpy(outer->vlans, c->vlans, sizeof outer->vlans);
    memcpy(outer->src_mac, c->src_mac, sizeof outer->src_mac);
    memcpy(outer->dst_mac, c->dst_mac, sizeof outer->dst_mac);
    memcpy(outer->tunnel, p->tunnel, c->tunnel_len);
    outer->tunnel[c->tunnel_len] = '\0';
}

/* A packet, or the datagram around one. Both ways lead through here, so that what a packet needs is not called but
 * lies in line. */
static void see_packet(struct flows *t, const struct packet *p, const struct flow_lookup *look,
                       bool carries)
{
    const uint16_t place = look->key.place;
    const bool src_is_low = look->src_is_low;
    int64_t now = p->frame->time_ns;

    struct flow *f = find_live(t, look, now);
    if (p->transport == TRANSPORT_TCP && t->has_detours) {
        detours_see(&t->detours, place);
        if (!f)
            f = find_detour(t, look, p);
    }
    if (f && p->transport == TRANSPORT_TCP &&
        (f->has_rival || f->state == FLOW_RESET || tcp_flags(&p->tcp) & TCP_SYN))
        f = owner_of(t, f, look, p);
    if (f && p->transport == TRANSPORT_SCTP && association_is_reuse(f, side_of(f, src_is_low), p)) {
        flow_finish(t, f, END_REUSED);
        f = NULL;
    }
    const bool is_new = !f;
    if (!f)
        f = flow_new(t, look, p);
    if (!f) {
        t->at.sink->oddity(t->at.sink, NULL, p->frame, ODDITY_NO_MEMORY, NULL);
        return;
    }

    enum side side = side_of(f, src_is_low);
    count(f, side, p);
    if (t->ahead_ns > 0 && now < f->last_ns && !is_new)
        flow_queue_again(t, f);
    if (p->aggregate)
        f->sides[side].frame_bytes -= tell_aggregate(t, f, p); /* they were counted again */
    else
        tell_frames(t, f, p);
    if (is_new && places_is_shared(t->places, place))
        t->at.sink->oddity(t->at.sink, f, p->frame, ODDITY_KEY_SHARED, NULL);
    if (p->transport == TRANSPORT_TCP)
        tcp_segment(&t->at, f, side, p);
    else if (p->transport == TRANSPORT_SCTP)
        association_packet(&t->at, f, side, p);
    else if (carries)
        datagram_carrying(f, side, p->payload_len);
    else
        datagram(&t->at, f, side, p);
    if (flow_queue_of(f) != f->queue) { /* another state, another timeout */
        flow_unqueue(t, f);
        flow_queue(t, f);
    }
    if (p->quote.present)
        tell_quoted(t, f, p, place);
}

void flows_carriers(struct flows *t, const struct packet *p)
{
    struct flow_lookup look;
    struct packet outer;

    for (unsigned i = 0; i < p->carrier_count; i++) {
        carrier_packet(&outer, p, &p->carriers[i]);
        flows_look(t, &look, &outer);
        see_packet(t, &outer, &look, true);
    }
}

void flows_packet(struct flows *t, const struct packet *p, const struct flow_lookup *look)
{
    if (p->carrier_count > 0)
        flows_carriers(t, p);
    see_packet(t, p, look, false);
}

/* The flow that is so many behind the first. */
static struct flow *flow_ahead(const struct flows *t, unsigned count)
{
    struct flow *f = first_of(t);

    while (f && count-- > 0)
        f = at(t, f->added_after);
    return f;
}

/* Of a million flows none is near. Those that end soon are brought from memory: first what a flow has in its own place,
 * then its chain and its streams. Only the first of all leaves the list, so a place in it stays one. */
void flows_end_all(struct flows *t)
{
    enum { SOON = 8, SOONER = 5, SOONEST = 2 };
    struct flow *soon = flow_ahead(t, SOON), *sooner = flow_ahead(t, SOONER);
    struct flow *soonest = flow_ahead(t, SOONEST);

    t->aggregates.count = 0; /* no frame will come */
    while (t->table.first) {
        if (soon) {
            flow_bring_node(soon);
            soon = at(t, soon->added_after);
        }
        if (sooner) {
            flow_bring_bucket(t, sooner);
            sooner = at(t, sooner->added_after);
        }
        if (soonest) {
            flow_bring_chain(t, soonest);
            soonest = at(t, soonest->added_after);
        }
        flow_finish(t, first_of(t), END_CAPTURE);
    }
}
