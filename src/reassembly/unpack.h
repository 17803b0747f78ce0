/* unpack.h - IP payloads that came compressed (IPComp, RFC 3173), made readable again.
 *
 *     [ip][ipcomp][deflate ........]        the frame
 *                   │
 *                   ▼
 *                 [tcp][payload .........]  the unpacker's buffer
 *
 * What is unpacked lies nowhere in the capture. So the packet is made as one whole from fragments is: its
 * bytes are lent, and one piece says which frame brought them, at the offset 0, which is none.
 *
 * DEFLATE alone is read (RFC 2394): under its own index, and under those that the ends have agreed on
 * where the payload is one stream of it from its first byte to its last, and holds a packet with a right
 * checksum, or a fragment. What else is compressed is left as it came.
 *
 * Ceilings: UNPACK_MOST bytes, as many as an IP packet has: whatever would become longer, as a bomb
 * would, is left as it came. The buffer, and what zlib takes (48 KiB at most), are there from the start;
 * a packet takes no memory. */
#ifndef SEINE_REASSEMBLY_UNPACK_H
#define SEINE_REASSEMBLY_UNPACK_H

#include "dissect/packet.h"

enum { UNPACK_MOST = 65535 };

struct unpacker;

struct unpacker *unpacker_new(void);    /* NULL when there is no memory */
void unpacker_free(struct unpacker *u); /* NULL is allowed */

/* Takes a packet with packet->compressed set, that did not come from here: what is compressed twice, which
 * no sender does, stays so. VERDICT_OTHER_TRANSPORT when it is left as it came; where it says by its
 * index that it is DEFLATE, MALFORMED when it is not, and TRUNCATED when the snap length cut it. Else
 * `packet` has become what it holds, and the verdict is that of its transport. Its bytes live until the
 * next call. */
enum verdict unpacker_open(struct unpacker *u, struct packet *packet);

#endif
