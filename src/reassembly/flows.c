/* flows.c - the table of flows. */
#include "reassembly/flows.h"

#include "reassembly/history.h"
#include "reassembly/tcp_stream.h"
#include "reassembly/tunnels.h"

#include <assert.h>
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

/* In the order in which they are asked to give a flow up when the table is full. */
enum queue_name { QUEUE_CLOSED, QUEUE_HALF_OPEN, QUEUE_UDP, QUEUE_ICMP, QUEUE_ESTABLISHED, QUEUES };

struct queue {
    struct flow *oldest, *newest;
    int64_t timeout; /* ns; 0 is none */
};

struct flows {
    struct flow *table; /* uthash's head: the flows in order of their beginning */
    struct queue queues[QUEUES];
    struct pool nodes, rare;
    struct tunnels *tunnels; /* owned */
    struct budget node_budget, range_budget;
    size_t bucket_len; /* bytes set aside for the table's buckets */
    struct segment_context at;
    struct range fresh[RANGES_MAX + 1], taken[RANGES_MAX + 1]; /* scratch */
    int64_t clock;                                             /* the highest time so far */
    bool clock_is_set;
};

struct flows *flows_new(struct sink *sink, size_t memory, const struct flow_timeouts *timeouts)
{
    struct flows *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->tunnels = tunnels_new(memory / 16);
    if (!t->tunnels) {
        free(t);
        return NULL;
    }
    t->bucket_len = memory / 24; /* with them there is about a bucket for each flow */
    budget_init(&t->node_budget, memory - memory / 4 - memory / 16 - t->bucket_len);
    budget_init(&t->range_budget, memory / 4);
    pool_init(&t->nodes, &t->node_budget, sizeof(struct flow));
    pool_init(&t->rare, &t->range_budget, sizeof(struct side_rare));
    t->at = (struct segment_context){sink, &t->range_budget, &t->rare, t->fresh, t->taken};
    t->queues[QUEUE_CLOSED].timeout = timeouts->closed;
    t->queues[QUEUE_HALF_OPEN].timeout = timeouts->half_open;
    t->queues[QUEUE_UDP].timeout = timeouts->udp;
    t->queues[QUEUE_ICMP].timeout = timeouts->icmp;
    t->queues[QUEUE_ESTABLISHED].timeout = timeouts->established;
    table_seed();
    return t;
}

void flows_free(struct flows *t)
{
    if (!t)
        return;
    for (struct flow *f = t->table; f; f = f->hh.next) {
        side_release(&t->at, &f->sides[SIDE_CLIENT]);
        side_release(&t->at, &f->sides[SIDE_SERVER]);
    }
    HASH_CLEAR(hh, t->table);
    pool_release(&t->nodes);
    pool_release(&t->rare);
    tunnels_free(t->tunnels);
    free(t);
}

uint64_t flows_count(const struct flows *t)
{
    return HASH_COUNT(t->table);
}

size_t flows_memory_peak(const struct flows *t)
{
    return t->node_budget.peak + t->range_budget.peak + tunnels_memory_peak(t->tunnels);
}

/* ---- queues ---- */

static enum queue_name queue_of(const struct flow *f)
{
    switch (f->state) {
    case FLOW_ATTEMPT:
    case FLOW_HANDSHAKE:
        return QUEUE_HALF_OPEN;
    case FLOW_CLOSED:
    case FLOW_REJECTED:
    case FLOW_RESET:
        return QUEUE_CLOSED;
    case FLOW_ONE_WAY:
    case FLOW_TWO_WAY:
        return f->key.protocol == TRANSPORT_UDP ? QUEUE_UDP : QUEUE_ICMP;
    default:
        return QUEUE_ESTABLISHED;
    }
}

static void queue_put(struct flows *t, struct flow *f)
{
    f->queue = (uint8_t)queue_of(f);
    struct queue *q = &t->queues[f->queue];
    f->queued_ns = t->clock;
    f->older = q->newest;
    f->newer = NULL;
    if (q->newest)
        q->newest->newer = f;
    else
        q->oldest = f;
    q->newest = f;
}

static void queue_take(struct flows *t, struct flow *f)
{
    struct queue *q = &t->queues[f->queue];
    if (f->older)
        f->older->newer = f->newer;
    else
        q->oldest = f->newer;
    if (f->newer)
        f->newer->older = f->older;
    else
        q->newest = f->older;
}

static bool is_idle(const struct flows *t, const struct flow *f, int64_t now)
{
    int64_t timeout = t->queues[queue_of(f)].timeout;
    return timeout > 0 && now > f->last_ns && now - f->last_ns > timeout;
}

/* ---- the life of a flow ---- */

static void flow_finish(struct flows *t, struct flow *f, enum flow_end why)
{
    struct segment_context *at = &t->at;

    if (f->state == FLOW_CLOSED)
        why = END_FIN;
    else if (f->state == FLOW_RESET || f->state == FLOW_REJECTED)
        why = END_RESET;
    f->end = (uint8_t)why;
    if (f->key.protocol == TRANSPORT_TCP) {
        tcp_tell_gaps(at, f, SIDE_CLIENT);
        tcp_tell_gaps(at, f, SIDE_SERVER);
    }
    at->sink->flow_end(at->sink, f);
    side_release(at, &f->sides[SIDE_CLIENT]);
    side_release(at, &f->sides[SIDE_SERVER]);
    queue_take(t, f);
    HASH_DEL(t->table, f);
    pool_free(&t->nodes, f);
}

/* Moves the clock on, and ends what has been idle for too long. */
static void expire(struct flows *t, int64_t now)
{
    if (t->clock_is_set && now <= t->clock)
        return;
    t->clock = now;
    t->clock_is_set = true;
    for (int i = 0; i < QUEUES; i++) {
        struct queue *q = &t->queues[i];
        if (q->timeout == 0)
            continue;
        while (q->oldest && now > q->oldest->queued_ns && now - q->oldest->queued_ns > q->timeout) {
            struct flow *f = q->oldest;
            if (is_idle(t, f, now)) {
                flow_finish(t, f, END_TIMEOUT);
            } else { /* busy since */
                queue_take(t, f);
                queue_put(t, f);
            }
        }
    }
}

/* Whether a flow at the front of its queue was busy in the later half of the time that it waited there. */
static bool is_busy(const struct flows *t, const struct flow *f)
{
    return t->clock - f->last_ns < (t->clock - f->queued_ns) / 2;
}

/* Of the first few in a queue, the one that has been idle for longest; what was busy goes to the back
 * before, once for that. NULL when the queue is empty. */
static struct flow *idlest(struct flows *t, struct queue *q)
{
    enum { LOOKS = 8 };

    while (q->oldest && is_busy(t, q->oldest)) {
        struct flow *f = q->oldest;
        queue_take(t, f);
        queue_put(t, f);
    }
    struct flow *found = q->oldest, *f = found;
    for (int i = 0; f && i < LOOKS; i++, f = f->newer) {
        if (f->last_ns < found->last_ns)
            found = f;
    }
    return found;
}

/* Takes a node from the flow that can best do without. False when there is none. */
static bool evict(struct flows *t, const struct frame *frame)
{
    for (int i = 0; i < QUEUES; i++) {
        struct flow *f = idlest(t, &t->queues[i]);
        if (!f)
            continue;
        if (i != QUEUE_CLOSED)
            t->at.sink->oddity(t->at.sink, f, frame, ODDITY_FLOW_EVICTED, NULL);
        flow_finish(t, f, END_EVICTED);
        return true;
    }
    return false;
}

/* ---- keys ---- */

/* ICMP messages that answer each other are one flow (as in Zeek and Community ID). */
static bool icmp_answer(uint8_t transport, uint8_t type, uint8_t *answer, bool *is_request)
{
    static const struct {
        uint8_t transport, request, reply;
    } pairs[] = {
        {TRANSPORT_ICMP, 8, 0},       /* echo */
        {TRANSPORT_ICMP, 13, 14},     /* timestamp */
        {TRANSPORT_ICMP, 15, 16},     /* information */
        {TRANSPORT_ICMP, 17, 18},     /* address mask */
        {TRANSPORT_ICMP, 10, 9},      /* router solicitation */
        {TRANSPORT_ICMPV6, 128, 129}, /* echo */
        {TRANSPORT_ICMPV6, 133, 134}, /* router solicitation */
        {TRANSPORT_ICMPV6, 135, 136}, /* neighbour solicitation */
        {TRANSPORT_ICMPV6, 130, 131}, /* multicast listener */
        {TRANSPORT_ICMPV6, 144, 145}, /* home agent discovery */
        {TRANSPORT_ICMPV6, 139, 140}, /* node information */
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (pairs[i].transport != transport)
            continue;
        if (pairs[i].request == type || pairs[i].reply == type) {
            *is_request = pairs[i].request == type;
            *answer = *is_request ? pairs[i].reply : pairs[i].request;
            return true;
        }
    }
    *is_request = true;
    return false;
}

/* The key of a packet; true when its sender is the lower endpoint. */
static bool key_make(struct flow_key *key, uint8_t ip_version, uint8_t protocol,
                     const struct endpoints *ends, uint16_t tunnel)
{
    int order = memcmp(&ends->src, &ends->dst, sizeof ends->src);
    bool src_is_low = order < 0 || (order == 0 && ends->src_port <= ends->dst_port);

    memset(key, 0, sizeof *key);
    key->low = src_is_low ? ends->src : ends->dst;
    key->high = src_is_low ? ends->dst : ends->src;
    key->low_port = src_is_low ? ends->src_port : ends->dst_port;
    key->high_port = src_is_low ? ends->dst_port : ends->src_port;
    key->protocol = protocol;
    key->ip_version = ip_version;
    key->tunnel = tunnel;
    return src_is_low;
}

/* ICMP has no ports: a message and its answer take their place. */
static void icmp_ports(struct endpoints *ends, uint8_t transport, uint8_t type, uint8_t code)
{
    uint8_t answer;
    bool is_request;

    ends->src_port = type;
    ends->dst_port = icmp_answer(transport, type, &answer, &is_request)
                         ? answer
                         : (uint16_t)(0x100 + code); /* no type: never meets one */
}

static bool key_of(struct flow_key *key, const struct packet *p, uint16_t tunnel)
{
    struct endpoints ends = p->ends;

    if (p->transport == TRANSPORT_ICMP || p->transport == TRANSPORT_ICMPV6)
        icmp_ports(&ends, p->transport, icmp_type(&p->icmp), icmp_code(&p->icmp));
    return key_make(key, p->ip_version, p->transport, &ends, tunnel);
}

static struct flow *find(struct flows *t, const struct flow_key *key)
{
    struct flow *f = NULL;
    HASH_FIND(hh, t->table, key, sizeof *key, f);
    return f;
}

/* ---- a new flow ---- */

/* Who the client is, as far as the first packet tells. */
static bool sender_is_client(const struct packet *p, bool *guessed)
{
    *guessed = false;
    if (p->transport == TRANSPORT_TCP) {
        uint8_t flags = tcp_flags(&p->tcp);
        if (flags & TCP_SYN && !(flags & TCP_RST))
            return !(flags & TCP_ACK);
    } else if (p->transport != TRANSPORT_UDP) {
        uint8_t answer;
        bool is_request;
        icmp_answer(p->transport, icmp_type(&p->icmp), &answer, &is_request);
        return is_request;
    }
    *guessed = true;
    bool src_low = p->ends.src_port < 1024, dst_low = p->ends.dst_port < 1024;
    return src_low == dst_low || dst_low;
}

static struct flow *flow_new(struct flows *t, const struct flow_key *key, bool src_is_low,
                             const struct packet *p, const char *tunnel)
{
    struct flow *f = pool_new(&t->nodes);
    while (!f && evict(t, p->frame))
        f = pool_new(&t->nodes);
    if (!f)
        return NULL;
    f->key = *key;
    HASH_ADD(hh, t->table, key, sizeof f->key, f);
    if (!f->hh.tbl) { /* no memory for the table itself */
        pool_free(&t->nodes, f);
        return NULL;
    }
    TABLE_BOUND(f->hh, t->bucket_len);
    bool src_is_client = sender_is_client(p, &f->client_guessed);
    f->client_is_low = src_is_client == src_is_low;
    f->first_ns = f->last_ns = p->frame->time_ns;
    f->first_frame = p->frames ? p->frames[0].number : p->frame->number;
    f->first_evidence_id = p->frames ? p->frames[0].evidence_id : p->frame->evidence_id;
    f->handshake_rtt_ns = -1;
    f->tunnel = tunnel;
    f->vlan_count = p->vlan_count;
    memcpy(f->vlans, p->vlans, sizeof f->vlans);
    f->has_macs = p->has_macs;
    memcpy(f->sides[src_is_client ? SIDE_CLIENT : SIDE_SERVER].mac, p->src_mac, 6);
    memcpy(f->sides[src_is_client ? SIDE_SERVER : SIDE_CLIENT].mac, p->dst_mac, 6);
    f->sides[SIDE_CLIENT].min_ttl = f->sides[SIDE_SERVER].min_ttl = UINT8_MAX;
    if (p->transport == TRANSPORT_TCP) {
        uint8_t flags = tcp_flags(&p->tcp);
        f->state = FLOW_MIDSTREAM;
        if (flags & TCP_SYN && !(flags & TCP_RST))
            f->state = flags & TCP_ACK ? FLOW_HANDSHAKE : FLOW_ATTEMPT;
    } else {
        f->state = FLOW_ONE_WAY;
    }
    if (p->transport == TRANSPORT_ICMP || p->transport == TRANSPORT_ICMPV6) {
        uint8_t type = icmp_type(&p->icmp), answer;
        bool is_request;
        bool paired = icmp_answer(p->transport, type, &answer, &is_request);
        f->icmp_type = paired && !is_request ? answer : type;
        f->icmp_code = icmp_code(&p->icmp);
    }
    queue_put(t, f);
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

/* An ICMP error belongs to the flow that it quotes, too, in the same tunnel. The quoted packet went the
 * other way. */
static void tell_quoted(struct flows *t, const struct packet *p, uint16_t tunnel)
{
    const struct quote *q = &p->quote;
    struct endpoints ends = q->ends;
    struct flow_key key;

    if (q->protocol == TRANSPORT_ICMP || q->protocol == TRANSPORT_ICMPV6)
        icmp_ports(&ends, q->protocol, load_u8(q->transport, 0), load_u8(q->transport, 1));
    key_make(&key, p->ip_version, q->protocol, &ends, tunnel);
    struct flow *f = find(t, &key);
    if (f)
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
    if (time_ns < f->first_ns)
        f->first_ns = time_ns;
    if (p->frame->time_ns > f->last_ns)
        f->last_ns = p->frame->time_ns;
}

void flows_packet(struct flows *t, const struct packet *p)
{
    struct flow_key key;
    const char *path;
    int64_t now = p->frame->time_ns;

    expire(t, now);
    const uint16_t tunnel = tunnels_number(t->tunnels, &path, p->tunnel);
    bool src_is_low = key_of(&key, p, tunnel);
    struct flow *f = find(t, &key);
    if (f && is_idle(t, f, now)) {
        flow_finish(t, f, END_TIMEOUT);
        f = NULL;
    }
    if (f && p->transport == TRANSPORT_TCP) {
        enum side side = src_is_low == f->client_is_low ? SIDE_CLIENT : SIDE_SERVER;
        if (tcp_is_reuse(f, side, p)) {
            flow_finish(t, f, END_REUSED);
            f = NULL;
        }
    }
    if (!f)
        f = flow_new(t, &key, src_is_low, p, path);
    if (!f) {
        t->at.sink->oddity(t->at.sink, NULL, p->frame, ODDITY_NO_MEMORY, NULL);
        return;
    }

    enum side side = src_is_low == f->client_is_low ? SIDE_CLIENT : SIDE_SERVER;
    count(f, side, p);
    tell_frames(t, f, p);
    if (p->transport == TRANSPORT_TCP)
        tcp_segment(&t->at, f, side, p);
    else
        datagram(&t->at, f, side, p);
    if (queue_of(f) != f->queue) { /* another state, another timeout */
        queue_take(t, f);
        queue_put(t, f);
    }
    if (p->quote.present)
        tell_quoted(t, p, tunnel);
}

void flows_end_all(struct flows *t)
{
    while (t->table)
        flow_finish(t, t->table, END_CAPTURE);
}
