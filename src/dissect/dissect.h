/* dissect.h - a frame in, a packet and a verdict out.
 *
 * The loop walks one header after the other until it stands on a transport. Each protocol has a
 * file of its own with the same parts in the same order: a struct that is a view, a NAME_view()
 * that takes it off the front of a span or says that it is not there, and accessors that cannot
 * fail. */
#ifndef SEINE_DISSECT_DISSECT_H
#define SEINE_DISSECT_DISSECT_H

#include "capture/frame.h"
#include "dissect/packet.h"

/* Reads `frame`; of an aggregate of several packets the first, or, in a tunnel over UDP, the first that can be
 * read. The packet borrows from the frame, and `packet->frame` points to it. With any
 * verdict but OK and FRAGMENT only the members that were reached are set; with BAD_CHECKSUM all
 * that was there has been read all the same: `transport` is not 0 if the verdict would have been
 * OK, and `fragment` is set if it would have been FRAGMENT. With OTHER_TRANSPORT `compressed` is set where
 * the payload came compressed: unpack.h goes on from there. Deterministic, without memory. */
enum verdict dissect(const struct frame *frame, struct packet *packet);

/* The same, slowly: header by header, also where all are plain. The tests hold the two against each other. */
enum verdict dissect_walked(const struct frame *frame, struct packet *packet);

/* The same of a later packet of an aggregate, which begins there in the frame: the `next_part` of the one before.
 * What carries the frame through tunnels is among the carriers of the first one alone. */
enum verdict dissect_part(const struct frame *frame, struct packet *packet, uint32_t part_at);

/* Reads the transport of a datagram that the defragmenter has made whole: `packet` holds what
 * its first fragment had, with ip_payload, ip_payload_len, ip_protocol and pieces of the whole. Likewise of
 * one that was unpacked.
 * Where it is a tunnel, goes on inside, so the verdicts are those of dissect(): FRAGMENT when
 * what is inside is a fragment again. `whole` is then what pieces count from, and ip_payload
 * lies in it. */
enum verdict dissect_transport(struct packet *packet);

/* Whether UDP's tunnels are looked for at this port. */
bool dissect_is_tunnel_port(uint16_t port);

#endif
