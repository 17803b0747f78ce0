/* origins.h - where flows come from: what is the same for very many of them, kept once; private to this room.
 *
 * Flows of one link have the same capture, interface, tags and MAC addresses. Each different set of these is kept
 * once, with a number and a count of the flows that have it, and goes when the last of them does.
 *
 * Ceiling: they take at most `memory`. Whoever chooses MAC addresses can make each flow's origin its own: what
 * finds no room here is kept beside its flow, see flow_table.h. */
#ifndef SEINE_REASSEMBLY_ORIGINS_H
#define SEINE_REASSEMBLY_ORIGINS_H

#include "base/budget.h"
#include "dissect/packet.h"

#include <stddef.h>
#include <stdint.h>

/* What the first packet of a flow says. All of it is compared, byte by byte, so it has no padding. */
struct origin {
    const char *tunnel; /* the path through tunnels, of places.h; NULL for none */
    uint32_t evidence_id;
    uint32_t interface_id;            /* in its capture */
    uint16_t vlans[PACKET_VLANS_MAX]; /* outermost first */
    uint8_t low_mac[6], high_mac[6];  /* of the ends of the flow's key; valid with has_macs */
    uint8_t vlan_count;
    uint8_t has_macs;
    uint8_t zero[2];
};
_Static_assert(sizeof(struct origin) == sizeof(const char *) + 32, "no padding");

struct origin_node;

struct origins {
    struct origin_node *table; /* uthash's head */
    struct origin_node **at;   /* owned, and so is each: by number, [0] is nobody */
    uint32_t count, room;      /* of `at` */
    struct origin_node *free;
    struct origin_node *last; /* the one asked for last, as packets come in trains; or NULL */
    struct budget budget;
};

void origins_init(struct origins *o, size_t memory);
void origins_release(struct origins *o);

/* The number of an origin, for one flow more; 0 when there is no room. */
uint32_t origins_take(struct origins *o, const struct origin *origin);

/* One flow less has it. */
void origins_give(struct origins *o, uint32_t number);

const struct origin *origins_at(const struct origins *o, uint32_t number);

#endif
