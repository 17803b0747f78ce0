/* detours.c - conversations of which each direction takes a way of its own. */
#include "reassembly/detours.h"

#include "base/table.h"
#include "reassembly/places.h"
#include "reassembly/seq.h"
#include "reassembly/tcp_bounds.h"

#include <assert.h>
#include <string.h>

struct detour {
    struct flow_key key;
    UT_hash_handle hh;
    struct flow *flow;
    bool src_is_low; /* of its sender */
};

/* What a detour costs beside its node: its part of the table's buckets; the first are not charged. */
enum { BUCKETS_COST = 3 * sizeof(UT_hash_bucket), BUCKETS_FREE = 256 };

void detours_init(struct detours *d, struct budget *budget)
{
    *d = (struct detours){.table = NULL};
    pool_init(&d->nodes, budget, sizeof(struct detour));
}

void detours_release(struct detours *d)
{
    budget_give(d->nodes.budget, HASH_COUNT(d->table) * BUCKETS_COST);
    HASH_CLEAR(hh, d->table);
    pool_release(&d->nodes);
}

void detours_see(struct detours *d, uint16_t place)
{
    unsigned i = 0;

    if (d->place_count > 0 && d->places[0] == place) /* as nearly always */
        return;
    while (i < d->place_count && d->places[i] != place)
        i++;
    if (i == d->place_count && d->place_count < DETOUR_PLACES)
        d->place_count++;
    if (i == DETOUR_PLACES)
        i--;
    memmove(d->places + 1, d->places, i * sizeof *d->places);
    d->places[0] = place;
}

struct flow *detours_find(const struct detours *d, const struct flow_key *key, bool src_is_low)
{
    struct detour *found = NULL;

    if (!d->table)
        return NULL;
    HASH_FIND(hh, d->table, key, sizeof *key, found);
    return found && found->src_is_low == src_is_low ? found->flow : NULL;
}

/* ---- whether a segment continues a flow ---- */

/* VNIs, keys and the like are in a path behind a colon. */
static bool names_network(const char *path)
{
    return path && strchr(path, ':');
}

/* Whether it acknowledges what `peer` has sent lately, the SYN alone included, at most to its end. */
static bool acknowledges(const struct side_state *peer, const struct packet *p)
{
    int64_t position = seq_position(tcp_ack(&p->tcp), peer->base, peer->next);
    int64_t lowest = peer->has_syn ? peer->syn : bounds_lowest(peer);

    if (lowest < peer->next - BOUNDS_WINDOW_LEAST)
        lowest = peer->next - BOUNDS_WINDOW_LEAST;
    return position >= lowest && position <= peer->next + (peer->has_fin ? 1 : 0);
}

/* Whether it begins where `peer` has said that it expects the other side. */
static bool is_expected(const struct side_state *peer, const struct packet *p)
{
    if (!peer->has_ack_number)
        return false;
    int64_t distance = seq_position(tcp_seq(&p->tcp), peer->ack_number, 0);
    return distance >= -BOUNDS_WINDOW_LEAST && distance <= BOUNDS_WINDOW_LEAST;
}

/* Whether a segment of `side`, which has never spoken, is what the flow waits for. */
static bool continues(const struct flow *f, enum side side, const struct packet *p)
{
    const struct side_state *us = &f->sides[side], *peer = &f->sides[side_other(side)];
    const uint8_t flags = tcp_flags(&p->tcp);

    if (us->packets > 0 || !(flags & TCP_ACK) || p->checksum == CHECKSUM_WRONG)
        return false;
    if (!peer->anchored || !bounds_known(peer) || !acknowledges(peer, p))
        return false;
    return (flags & (TCP_SYN | TCP_RST) && f->state == FLOW_ATTEMPT) || is_expected(peer, p);
}

struct flow *detours_match(const struct detours *d, const struct flow_table *flows,
                           const struct flow_key *key, bool src_is_low, const struct packet *p)
{
    struct flow_key elsewhere = *key;

    if (key->place == PLACE_OTHER)
        return NULL;
    for (unsigned i = 0; i < d->place_count; i++) {
        elsewhere.place = d->places[i];
        if (elsewhere.place == key->place || elsewhere.place == PLACE_OTHER)
            continue;
        struct flow *f =
            flow_table_find(flows, &elsewhere, table_hash(&elsewhere, sizeof elsewhere));
        if (!f || f->detour != f->key.place ||
            (names_network(flow_origin(flows, f)->tunnel) && names_network(p->tunnel)))
            continue;
        if (continues(f, src_is_low == f->client_is_low ? SIDE_CLIENT : SIDE_SERVER, p))
            return f;
    }
    return NULL;
}

/* ---- their life ---- */

bool detours_add(struct detours *d, struct flow *flow, const struct flow_key *key, bool src_is_low)
{
    struct detour *found = NULL, *new;

    HASH_FIND(hh, d->table, key, sizeof *key, found);
    if (found) /* the other direction's, of another flow */
        return false;
    if (!budget_take(d->nodes.budget, BUCKETS_COST))
        return false;
    new = pool_new(&d->nodes);
    if (!new) {
        budget_give(d->nodes.budget, BUCKETS_COST);
        return false;
    }
    *new = (struct detour){.key = *key, .flow = flow, .src_is_low = src_is_low};
    HASH_ADD(hh, d->table, key, sizeof new->key, new);
    if (!new->hh.tbl) {
        pool_free(&d->nodes, new);
        budget_give(d->nodes.budget, BUCKETS_COST);
        return false;
    }
    TABLE_BOUND(new->hh, (HASH_COUNT(d->table) + BUCKETS_FREE) * BUCKETS_COST);
    flow->detour = key->place;
    return true;
}

static void detour_end(struct detours *d, struct detour *detour)
{
    HASH_DEL(d->table, detour);
    pool_free(&d->nodes, detour);
    budget_give(d->nodes.budget, BUCKETS_COST);
}

void detours_hand_on(struct detours *d, struct flow *flow, struct flow *heir)
{
    struct flow_key key = flow->key;
    struct detour *detour = NULL;

    if (flow->detour == key.place)
        return;
    key.place = flow->detour;
    HASH_FIND(hh, d->table, &key, sizeof key, detour);
    assert(detour && detour->flow == flow);
    flow->detour = flow->key.place;
    if (heir) {
        heir->detour = key.place;
        detour->flow = heir;
        return;
    }
    detour_end(d, detour);
}

void detours_close(struct detours *d, const struct flow_key *key)
{
    struct detour *found = NULL;

    if (!d->table)
        return;
    HASH_FIND(hh, d->table, key, sizeof *key, found);
    if (!found)
        return;
    found->flow->detour = found->flow->key.place;
    detour_end(d, found);
}
