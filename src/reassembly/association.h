/* association.h - one SCTP packet of an association (RFC 9260); private to this room.
 *
 * Associations are counted, and their payload is not kept. The client sent the INIT. What belongs
 * together are packets between the same two addresses and ports: of an association with several
 * addresses, each pair that talks is a flow of its own. */
#ifndef SEINE_REASSEMBLY_ASSOCIATION_H
#define SEINE_REASSEMBLY_ASSOCIATION_H

#include "reassembly/tcp_stream.h"

/* What the first packet of a flow tells of it: whether its sender is the client, and in which state
 * (enum flow_state) the association is. False when it is none of the handshake. */
bool association_opening(const struct packet *packet, bool *by_client, uint8_t *state);

/* Whether a packet with an INIT begins another association than `flow`, whose sender would be
 * `side`. */
bool association_is_reuse(const struct flow *flow, enum side side, const struct packet *packet);

/* A packet of `flow` sent by `side`, counted already: reads its chunks. */
void association_packet(const struct segment_context *at, struct flow *flow, enum side side,
                        const struct packet *packet);

#endif
