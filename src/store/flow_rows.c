/* flow_rows.c - the rows of a flow and of its streams, written when it ends, and in a live case before that:
 * then they are renewed. */
#include "store/community_id.h"
#include "store/text.h"
#include "store/writer.h"

#include <string.h>

void flow_rows_gap(struct store *s, struct kept_flow *k, enum side side)
{
    struct stream_rare *rare = k->sides[side]->rare;

    if (!rare || rare->gap.len == 0)
        return;
    struct pending_gap *gap = &rare->gap;
    struct row *row = insert_begin(&s->insert, INSERT_GAP);
    put_int(row, 1, keep_stream_id(s, k, side));
    put_int(row, 2, gap->position);
    put_int(row, 3, gap->len);
    put_text(row, 4, gap_cause_name(gap->cause));
    put_int(row, 5, gap->tail);
    insert_end(&s->insert, row);
    gap->len = 0;
}

void flow_rows_missing(struct store *s, struct kept_flow *k, enum side side, int64_t position,
                       int64_t len, enum gap_cause cause, bool tail)
{
    struct stream_rare *rare = keep_rare(s, k->sides[side]);

    if (!rare)
        return;
    if (tail) {
        rare->missing_tail += (uint64_t)len;
        rare->tail_lost |= cause != GAP_TRUNCATED;
    } else if (cause == GAP_TRUNCATED) {
        rare->truncated += (uint64_t)len;
    } else {
        rare->missing += (uint64_t)len;
    }
    struct pending_gap *gap = &rare->gap;
    if (gap->len > 0 && gap->position + gap->len == position && gap->cause == cause &&
        gap->tail == tail) {
        gap->len += len;
        return;
    }
    flow_rows_gap(s, k, side);
    *gap = (struct pending_gap){position, len, (uint8_t)cause, tail};
}

static const char *verdict_of(const struct stream_rare *rare)
{
    if (rare->conflicted > 0)
        return "conflict";
    if (rare->missing > 0 || rare->tail_lost)
        return "gap";
    if (rare->truncated > 0 || rare->missing_tail > 0)
        return "truncated";
    return "complete";
}

/* The policy of who receives what `side` sends; NULL is first. Only TCP has overlaps. */
static const char *policy_of(const struct store *s, const struct flow *flow, enum side side)
{
    if (!s->policies || flow->key.protocol != TRANSPORT_TCP)
        return NULL;
    const struct policy *policy =
        policy_choose(s->policies, flow_address(flow, side_other(side)), flow->key.ip_version);
    return policy == policy_at(0) ? NULL : policy->name;
}

/* A row but for its digest; `flow` NULL: its policy is told later. */
static struct row *begin_stream(struct store *s, const struct flow *flow, struct kept_flow *k,
                                enum side side, const char *verdict)
{
    static const struct stream_rare none;
    const struct kept_stream *t = k->sides[side];
    const struct stream_rare *rare = t->rare ? t->rare : &none;

    struct row *row = insert_begin(&s->insert, INSERT_STREAM);
    put_int(row, 1, keep_stream_id(s, k, side));
    put_int(row, 2, keep_flow_id(s, k));
    put_text(row, 3, side == SIDE_CLIENT ? "client" : "server");
    put_int(row, 4, t->stored > 0 ? t->start : 0);
    put_count(row, 5, t->stored + rare->missing + rare->truncated);
    put_count(row, 6, t->stored);
    put_count(row, 7, rare->missing);
    put_count(row, 8, rare->truncated);
    put_count(row, 9, rare->missing_tail);
    put_count(row, 10, rare->conflicted);
    put_text(row, 11, verdict ? verdict : verdict_of(rare));
    put_null(row, 12);
    put_text(row, 13, flow ? policy_of(s, flow, side) : NULL);
    return row;
}

static void end_stream(struct store *s, struct kept_stream *t, struct row *row)
{
    insert_end(&s->insert, row);
    s->counts.streams += !t->told;
    t->told = true;
}

/* `hex` NULL: of a stream that goes on, or is not hashed. */
static void put_stream(struct store *s, const struct flow *flow, struct kept_flow *k,
                       enum side side, const char *verdict, const char *hex)
{
    struct row *row = begin_stream(s, flow, k, side, verdict);

    if (hex)
        put_text_len(row, 12, hex, DIGEST_HEX_LEN);
    end_stream(s, k->sides[side], row);
}

static void write_stream(struct store *s, const struct flow *flow, struct kept_flow *k,
                         enum side side, const char *verdict)
{
    char hex[DIGEST_HEX_LEN + 1];

    flow_rows_gap(s, k, side);
    chunks_end(s, k, side, hex);
    records_write_arrivals(s, k, side, RECORDS_AT_END);
    put_stream(s, flow, k, side, verdict, s->hash ? hex : NULL);
}

void flow_rows_open(struct store *s, struct kept_flow *k, enum side side)
{
    put_stream(s, NULL, k, side, "open", NULL);
}

/* A count of both sides, in two columns. */
static void put_sides(struct row *row, int at, uint64_t client, uint64_t server)
{
    put_count(row, at, client);
    put_count(row, at + 1, server);
}

/* Texts of one end of a flow, alive while its row is bound. */
struct end_text {
    char ip[IP_TEXT_LEN], mac[MAC_TEXT_LEN];
};

static void put_end(struct row *row, int ip_at, int mac_at, struct end_text *text,
                    const struct flow *flow, enum side side)
{
    put_text_len(row, ip_at, text->ip,
                 ip_text(text->ip, flow_address(flow, side), flow->key.ip_version));
    put_int(row, ip_at + 1, flow_port(flow, side));
    if (flow->has_macs)
        put_text_len(row, mac_at, text->mac, mac_text(text->mac, flow->sides[side].mac));
    else
        put_null(row, mac_at);
}

static void put_ttl(struct row *row, int at, const struct side_state *side)
{
    if (side->packets > 0)
        put_int(row, at, side->min_ttl);
    else
        put_null(row, at);
}

/* What is told of a flow in this slice: of all of it, or of what came since it was carried over. */
struct in_slice {
    uint32_t evidence_id;
    int64_t first_ns, last_ns;
    uint64_t first_frame;
    int64_t continues; /* 0: none */
    struct {
        uint64_t packets, bytes, ip_bytes, frame_bytes, again, carried;
    } sides[2];
};

static void see_slice(struct in_slice *in, const struct store *s, const struct flow *flow,
                      const struct kept_flow *k)
{
    static const struct kept_base none;
    const struct kept_base *base = k->base ? k->base : &none;

    *in = (struct in_slice){.evidence_id = flow->first_evidence_id,
                            .first_ns = flow->first_ns,
                            .last_ns = flow->last_ns,
                            .first_frame = flow->first_frame,
                            .continues = base->continues};
    for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
        const struct side_state *of = &flow->sides[side];
        in->sides[side].packets = of->packets - base->packets[side];
        in->sides[side].bytes = of->bytes - base->bytes[side];
        in->sides[side].ip_bytes = of->ip_bytes - base->ip_bytes[side];
        in->sides[side].frame_bytes = of->frame_bytes - base->frame_bytes[side];
        in->sides[side].again = flow_retransmitted(flow, side) - base->again[side];
        in->sides[side].carried = flow_carried(flow, side) - base->carried[side];
    }
    if (!k->base)
        return;
    const bool has_frames = base->evidence_id != 0;
    in->evidence_id = has_frames ? base->evidence_id : s->live.first_evidence_id;
    in->first_ns = has_frames ? base->first_ns : s->live.begun_ns;
    in->first_frame = base->first_frame;
    if (!has_frames || in->last_ns < in->first_ns)
        in->last_ns = in->first_ns;
}

static void count_hosts(struct store *s, const struct flow *flow, const struct endpoints *ends,
                        const struct in_slice *in, bool told)
{
    const uint8_t version = flow->key.ip_version;

    if (told) {
        hosts_renew(&s->hosts, &ends->src, version, in->first_ns, in->last_ns);
        hosts_renew(&s->hosts, &ends->dst, version, in->first_ns, in->last_ns);
    } else {
        hosts_add(&s->hosts, &ends->src, version, true, in->first_ns, in->last_ns);
        hosts_add(&s->hosts, &ends->dst, version, false, in->first_ns, in->last_ns);
    }
}

/* A flow that is over is lossy for what was lost while it lasted, and one that was only idle at its end for what
 * was lost until then: what was missing may have been its own. */
static bool is_lossy(const struct store *s, const struct flow *flow, const struct in_slice *in,
                     bool ended)
{
    const bool is_over = ended && (flow->state == FLOW_CLOSED || flow->state == FLOW_RESET ||
                                   flow->state == FLOW_REJECTED);

    return live_is_lossy(s, in->first_ns, in->last_ns, is_over);
}

/* What a Community ID is made from. */
struct identity {
    struct endpoints ends;
    uint8_t protocol, ip_version;
};

static void make_community_id(uint8_t *to, struct span from)
{
    struct identity of;
    char id[COMMUNITY_ID_LEN];

    memcpy(&of, from.data, sizeof of);
    community_id(id, of.protocol, of.ip_version, &of.ends);
    memcpy(to, id, COMMUNITY_ID_LEN - 1);
}

static void write_flow(struct store *s, const struct flow *flow, struct kept_flow *k, bool ended)
{
    const struct side_state *client = &flow->sides[SIDE_CLIENT];
    const struct side_state *server = &flow->sides[SIDE_SERVER];
    const struct identity identity = {.ends = {.src = *flow_address(flow, SIDE_CLIENT),
                                               .dst = *flow_address(flow, SIDE_SERVER),
                                               .src_port = flow_port(flow, SIDE_CLIENT),
                                               .dst_port = flow_port(flow, SIDE_SERVER)},
                                      .protocol = flow->key.protocol,
                                      .ip_version = flow->key.ip_version};
    struct end_text texts[2];
    struct in_slice in;
    char vlans[VLAN_TEXT_LEN];

    see_slice(&in, s, flow, k);
    struct row *row = insert_begin(&s->insert, INSERT_FLOW);
    put_int(row, 1, keep_flow_id(s, k));
    put_int(row, 2, in.evidence_id);
    put_text(row, 3, flow_protocol_name(flow->key.protocol));
    put_end(row, 4, 10, &texts[SIDE_CLIENT], flow, SIDE_CLIENT);
    put_end(row, 6, 11, &texts[SIDE_SERVER], flow, SIDE_SERVER);
    size_t vlan_len = vlan_text(vlans, flow->vlans, flow->vlan_count);
    put_text(row, 8, vlan_len > 0 ? vlans : NULL);
    put_text(row, 9, flow->tunnel);
    put_int(row, 12, in.first_ns);
    put_int(row, 13, in.last_ns);
    put_count(row, 14, in.first_frame);
    put_sides(row, 15, in.sides[0].packets, in.sides[1].packets);
    put_sides(row, 17, in.sides[0].bytes, in.sides[1].bytes);
    put_sides(row, 19, in.sides[0].ip_bytes, in.sides[1].ip_bytes);
    put_sides(row, 21, in.sides[0].frame_bytes, in.sides[1].frame_bytes);
    put_sides(row, 23, in.sides[0].again, in.sides[1].again);
    put_sides(row, 25, client->flags, server->flags);
    put_ttl(row, 27, client);
    put_ttl(row, 28, server);
    if (flow->handshake_rtt_ns >= 0)
        put_int(row, 29, flow->handshake_rtt_ns);
    else
        put_null(row, 29);
    put_text(row, 30, flow->history[0] ? flow->history : NULL);
    put_text(row, 31, flow_state_name(flow->state));
    put_text(row, 32, ended ? flow_end_name(flow->end) : "open");
    put_int(row, 33, flow->client_guessed);
    put_int(row, 34, s->live.on && is_lossy(s, flow, &in, ended));
    put_text_made(row, 35, COMMUNITY_ID_LEN - 1, make_community_id,
                  span_of(&identity, sizeof identity));
    if (in.continues != 0)
        put_int(row, 36, in.continues);
    else
        put_null(row, 36);
    put_int(row, 37, flow->interface_id);
    put_sides(row, 38, in.sides[0].carried, in.sides[1].carried);
    insert_end(&s->insert, row);

    count_hosts(s, flow, &identity.ends, &in, k->told);
    s->counts.flows += !k->told;
    k->told = true;
}

void flow_rows_write(struct store *s, const struct flow *flow, struct kept_flow *k,
                     const char *verdict)
{
    write_flow(s, flow, k, true);
    records_write_frames(s, k, RECORDS_AT_END);
    for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
        if (k->sides[side] && !k->sides[side]->idle)
            write_stream(s, flow, k, side, verdict);
    oddities_write(s, k);
    if (s->live.on)
        live_ended(s, keep_flow_id(s, k));
}

void flow_rows_write_diary(struct store *s, const struct flow *flow, struct kept_flow *k,
                           const struct diary_rows *r)
{
    write_flow(s, flow, k, true);
    if (r->frame_count > 0)
        records_write_diary_frames(s, k, r);
    for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
        const struct diary_side *from = &r->sides[side];
        struct kept_stream t = {.stored = from->payload_len};
        if (from->count == 0)
            continue;
        records_write_diary_arrivals(s, k, side, from);
        k->sides[side] = &t;
        struct row *row = begin_stream(s, flow, k, side, NULL);
        chunks_end_diary(s, keep_stream_id(s, k, side), span_of(from->payload, from->payload_len),
                         s->hash ? put_text_room(row, 12, DIGEST_HEX_LEN) : NULL);
        end_stream(s, &t, row);
        k->sides[side] = NULL;
    }
    oddities_write(s, k);
}

void flow_rows_renew(struct store *s, const struct flow *flow, struct kept_flow *k)
{
    write_flow(s, flow, k, false);
    for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
        if (k->sides[side] && !k->sides[side]->idle)
            put_stream(s, flow, k, side, "open", NULL);
}
