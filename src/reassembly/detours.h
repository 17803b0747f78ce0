/* detours.h - conversations of which each direction takes a way of its own; private to this room.
 *
 *     client ──[IP in IP]──> server        direct server return: requests come through a
 *     client <──────plain─── server        tunnel, answers go without one
 *
 * The path through tunnels is part of a flow's key, so these are two keys. A *detour* is the second one,
 * and says that what one of the ends sends under it belongs to the flow under the first. It is made
 * when a segment finds no flow under its own key, and a flow with the same ends under another path
 * - has heard nothing yet from this segment's sender, and
 * - is continued by it exactly: it answers that flow's SYN, or its sequence number is where the flow
 *   expects one and it acknowledges what the flow has sent. Both are numbers of 32 bits that nobody has
 *   by chance.
 * Should the other end speak under the second key as well, there are two conversations, or two copies of
 * one: the detour ends, and what comes from then on is told apart by its key.
 *
 * Two paths of which each names a network, as VNIs and keys do, are two networks whatever the numbers say.
 *
 * Ceilings: flows under the last DETOUR_PLACES paths that were seen are looked at, no others; detours
 * take from the budget of ranges, and without memory for one the flow is not joined. Captures that show
 * one path only, as nearly all do, pay a comparison a segment. */
#ifndef SEINE_REASSEMBLY_DETOURS_H
#define SEINE_REASSEMBLY_DETOURS_H

#include "base/budget.h"
#include "base/pool.h"
#include "reassembly/flow_table.h"

#include <stdbool.h>
#include <stdint.h>

enum { DETOUR_PLACES = 8 };

struct detour;

struct detours {
    struct detour *table; /* uthash's head */
    struct pool nodes;
    uint16_t places[DETOUR_PLACES]; /* the last that were seen, the latest first */
    unsigned place_count;
};

void detours_init(struct detours *d, struct budget *budget);
void detours_release(struct detours *d);

/* Of every segment: it was seen at this place. */
void detours_see(struct detours *d, uint16_t place);

/* The flow that a detour leads to; NULL when there is none for this sender. */
struct flow *detours_find(const struct detours *d, const struct flow_key *key, bool src_is_low);

/* The flow in `flows` that a segment without one continues as said above; NULL when
 * there is none. */
struct flow *detours_match(const struct detours *d, const struct flow_table *flows,
                           const struct flow_key *key, bool src_is_low,
                           const struct packet *packet);

/* Leads there from now on. False when there is no memory. */
bool detours_add(struct detours *d, struct flow *flow, const struct flow_key *key, bool src_is_low);

/* A flow of its own begins under this key, since the other end speaks there too: no detour begins there any
 * more. */
void detours_close(struct detours *d, const struct flow_key *key);

/* A flow ends: its detour goes too, or on to the one that takes its place, if not NULL. */
void detours_hand_on(struct detours *d, struct flow *flow, struct flow *heir);

#endif
