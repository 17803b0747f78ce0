/* defrag.h - IP fragments made whole (RFC 791 3.2, RFC 8200 4.5).
 *
 * Fragments wait, copied, until their datagram is whole. Where IPv4 fragments overlap, a policy says
 * who keeps what they share (policy.h): by default the first to arrive. Bytes that differ leave an
 * oddity with both versions of the first of them. Where IPv6 fragments overlap, the whole
 * datagram is refused (RFC 5722 4), later fragments of it too; an exact duplicate is no overlap.
 *
 * Fragments belong together within one place (places.h). Where a datagram made whole holds a
 * tunnel, and that a fragment again, the inner one is made whole in turn: its pieces are then
 * those of the frames outside.
 *
 * Ceilings: 60 s by the capture's clock from the first fragment, and `memory` bytes. A datagram
 * that is given up leaves an oddity with its first frame: fragments_incomplete, or
 * fragments_evicted when it was the oldest and the room was needed. */
#ifndef SEINE_REASSEMBLY_DEFRAG_H
#define SEINE_REASSEMBLY_DEFRAG_H

#include "reassembly/places.h"
#include "reassembly/policy.h"
#include "reassembly/sink.h"

#include <stddef.h>

struct defrag;

/* NULL when there is no memory. `sink` hears of oddities only, and is borrowed. `policy` is one of
 * fragments, `place_parts` what keeps those of equal addresses and ids apart, as in flows.h. */
struct defrag *defrag_new(struct sink *sink, size_t memory, const struct policy *policy,
                          unsigned place_parts);
void defrag_free(struct defrag *d); /* NULL is allowed */

/* Takes a packet that dissect(), or the unpacker, has called a fragment. VERDICT_FRAGMENT while the datagram is
 * not whole; VERDICT_OVERLAP when it is refused; else `packet` has become the whole datagram,
 * with its pieces and frames, and the verdict is that of its transport. Its bytes live until the
 * next call. */
enum verdict defrag_push(struct defrag *d, struct packet *packet);

/* Who is told of each fragment that a datagram carries (packet.h), before it waits: of the packet that it becomes a
 * part of, carriers are not told again. */
void defrag_tell_carried(struct defrag *d, void (*carried)(void *whom, const struct packet *packet),
                         void *whom);

/* Gives up all that still waits: the captures have ended. */
void defrag_end(struct defrag *d);

#endif
