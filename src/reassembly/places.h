/* places.h - where a packet was seen, as a number that keys have room for.
 *
 * Equal addresses and ports are not always the same conversation: private addresses come again in
 * every tunnel. And what is the same conversation does not always look so: a mirror port may tag
 * each direction differently. Which of these make a place is the user's choice (`ingest --key`);
 * docs/decisions/0011 has the reasons for the default. Places get 1, 2, 3, ... as they are first
 * seen; 0 is that of a packet of which nothing is asked, or that has nothing of it.
 *
 * Ceilings: those of tunnels.h, for paths and for places alike, each with half of `memory` when both
 * are needed. Places beyond them share the number PLACE_OTHER: their packets are told apart by the
 * rest of their keys only. Flows there have the oddity key_shared, unless the path alone is asked
 * for: then they say so by the path "other". */
#ifndef SEINE_REASSEMBLY_PLACES_H
#define SEINE_REASSEMBLY_PLACES_H

#include "dissect/packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What makes a place; bits. */
enum place_part {
    PLACE_TUNNEL = 1,    /* the path through tunnels */
    PLACE_VLAN = 2,      /* all VLAN ids, in their order */
    PLACE_INTERFACE = 4, /* the number of the interface in its capture */
};

enum { PLACE_DEFAULT = PLACE_TUNNEL, PLACE_NONE = 0, PLACE_OTHER = UINT16_MAX };

/* "none", or some of "tunnel", "vlan" and "interface" with commas between them. False when it is
 * anything else. */
bool place_parts_read(unsigned *parts, const char *words);

/* The same the other way round, always in the order above. */
enum { PLACE_PARTS_LEN = 24 };
void place_parts_text(char text[PLACE_PARTS_LEN], unsigned parts);

struct places;

/* NULL when there is no memory. `parts` are bits of enum place_part. */
struct places *places_new(size_t memory, unsigned parts);
void places_free(struct places *p); /* NULL is allowed */

/* The number of the place where a packet was seen. `*tunnel`, if not NULL, becomes the packet's path as
 * tunnels_number() says, whether or not it is of the place. */
uint16_t places_number(struct places *p, const char **tunnel, const struct packet *packet);

/* Whether the place of this number is shared by several, and no path says so. */
bool places_is_shared(const struct places *p, uint16_t number);

/* Whether a place is a path through tunnels, and nothing else. */
bool places_are_paths(const struct places *p);

size_t places_memory_peak(const struct places *p);

#endif
