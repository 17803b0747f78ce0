/* flow_begin.h - which flow a packet belongs to, and what its first packet says of a flow; private to
 * this room.
 *
 * ICMP has no ports: the type of a message and that of its answer take their place, so that the two are
 * one flow, as for Zeek and Community ID. */
#ifndef SEINE_REASSEMBLY_FLOW_BEGIN_H
#define SEINE_REASSEMBLY_FLOW_BEGIN_H

#include "reassembly/flow.h"
#include "reassembly/origins.h"

#include <stdbool.h>
#include <stdint.h>

/* The key of a packet in `place` (places.h); true when its sender is the lower endpoint. */
bool flow_key_of(struct flow_key *key, const struct packet *packet, uint16_t place);

/* The key of the packet that an ICMP error quotes: it went the other way. */
void flow_key_of_quote(struct flow_key *key, const struct packet *packet, uint16_t place);

/* Fills in what the first packet says: who is the client, the state, times. The flow is all zero but for its key,
 * its number and where it comes from. */
void flow_begin(struct flow *flow, bool src_is_low, const struct packet *packet);

/* Where a packet comes from; `tunnel` is borrowed. */
void flow_origin_of(struct origin *origin, bool src_is_low, const struct packet *packet,
                    const char *tunnel);

/* Puts what is told of a flow once it ends into the place of what only the living need. */
void flow_tell(struct flow *flow, const struct origin *origin);

#endif
