/* flow_rows.c - the rows of a flow and of its streams, written when it ends, and in a live case before that:
 * then they are renewed. */
#include "store/community_id.h"
#include "store/text.h"
#include "store/writer.h"

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

/* `hex` NULL: of a stream that goes on, or is not hashed; `flow` NULL: its policy is told later. */
static void put_stream(struct store *s, const struct flow *flow, struct kept_flow *k,
                       enum side side, const char *verdict, const char *hex)
{
    static const struct stream_rare none;
    struct kept_stream *t = k->sides[side];
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
    if (hex)
        put_text_len(row, 12, hex, DIGEST_HEX_LEN);
    else
        put_null(row, 12);
    put_text(row, 13, flow ? policy_of(s, flow, side) : NULL);
    insert_end(&s->insert, row);
    s->counts.streams += !t->told;
    t->told = true;
}

static void write_stream(struct store *s, const struct flow *flow, struct kept_flow *k,
                         enum side side)
{
    char hex[DIGEST_HEX_LEN + 1];

    flow_rows_gap(s, k, side);
    chunks_end(s, k, side, hex);
    records_write_arrivals(s, k, side);
    put_stream(s, flow, k, side, NULL, s->hash ? hex : NULL);
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

static void count_hosts(struct store *s, const struct flow *flow, const struct endpoints *ends,
                        bool told)
{
    const uint8_t version = flow->key.ip_version;

    if (told) {
        hosts_renew(&s->hosts, &ends->src, version, flow->first_ns, flow->last_ns);
        hosts_renew(&s->hosts, &ends->dst, version, flow->first_ns, flow->last_ns);
    } else {
        hosts_add(&s->hosts, &ends->src, version, true, flow->first_ns, flow->last_ns);
        hosts_add(&s->hosts, &ends->dst, version, false, flow->first_ns, flow->last_ns);
    }
}

static void write_flow(struct store *s, const struct flow *flow, struct kept_flow *k, bool ended)
{
    const struct side_state *client = &flow->sides[SIDE_CLIENT];
    const struct side_state *server = &flow->sides[SIDE_SERVER];
    struct endpoints ends = {.src = *flow_address(flow, SIDE_CLIENT),
                             .dst = *flow_address(flow, SIDE_SERVER),
                             .src_port = flow_port(flow, SIDE_CLIENT),
                             .dst_port = flow_port(flow, SIDE_SERVER)};
    struct end_text texts[2];
    char vlans[VLAN_TEXT_LEN], id[COMMUNITY_ID_LEN];

    struct row *row = insert_begin(&s->insert, INSERT_FLOW);
    put_int(row, 1, keep_flow_id(s, k));
    put_int(row, 2, flow->first_evidence_id);
    put_text(row, 3, flow_protocol_name(flow->key.protocol));
    put_end(row, 4, 10, &texts[SIDE_CLIENT], flow, SIDE_CLIENT);
    put_end(row, 6, 11, &texts[SIDE_SERVER], flow, SIDE_SERVER);
    size_t vlan_len = vlan_text(vlans, flow->vlans, flow->vlan_count);
    put_text(row, 8, vlan_len > 0 ? vlans : NULL);
    put_text(row, 9, flow->tunnel);
    put_int(row, 12, flow->first_ns);
    put_int(row, 13, flow->last_ns);
    put_count(row, 14, flow->first_frame);
    put_sides(row, 15, client->packets, server->packets);
    put_sides(row, 17, client->bytes, server->bytes);
    put_sides(row, 19, client->ip_bytes, server->ip_bytes);
    put_sides(row, 21, client->frame_bytes, server->frame_bytes);
    put_sides(row, 23, client->retransmitted, server->retransmitted);
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
    put_int(row, 34, s->live.on && live_is_lossy(s, flow, ended));
    community_id(id, flow->key.protocol, flow->key.ip_version, &ends);
    put_text_len(row, 35, id, COMMUNITY_ID_LEN - 1);
    put_null(row, 36); /* continues_flow_id: told by live capture only */
    put_int(row, 37, flow->interface_id);
    insert_end(&s->insert, row);

    count_hosts(s, flow, &ends, k->told);
    s->counts.flows += !k->told;
    k->told = true;
}

void flow_rows_write(struct store *s, const struct flow *flow, struct kept_flow *k)
{
    write_flow(s, flow, k, true);
    records_write_frames(s, k);
    for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
        if (k->sides[side])
            write_stream(s, flow, k, side);
    oddities_write(s, k);
    if (s->live.on)
        live_ended(s, keep_flow_id(s, k));
}

void flow_rows_renew(struct store *s, const struct flow *flow, struct kept_flow *k)
{
    write_flow(s, flow, k, false);
    for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
        if (k->sides[side])
            put_stream(s, flow, k, side, "open", NULL);
}
