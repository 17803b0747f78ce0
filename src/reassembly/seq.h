/* seq.h - TCP sequence numbers, unwrapped once and for all.
 *
 * On the wire they wrap at 2^32 (RFC 9293 3.4). Inside, a place in a stream is a 64-bit position that
 * never wraps, so plain < and - are right everywhere. seq_position() is the only door between the
 * two: of all positions that a sequence number may mean, it takes the one nearest to where the stream
 * is now. */
#ifndef SEINE_REASSEMBLY_SEQ_H
#define SEINE_REASSEMBLY_SEQ_H

#include <stdint.h>

/* The position that `seq` means. `base` is the sequence number of position 0, `near` a position that
 * the stream has reached. The result lies in [near - 2^31, near + 2^31). */
static inline int64_t seq_position(uint32_t seq, uint32_t base, int64_t near)
{
    uint32_t distance = seq - (base + (uint32_t)(uint64_t)near);
    return near + (distance < 0x80000000u ? (int64_t)distance : (int64_t)distance - 0x100000000);
}

#endif
