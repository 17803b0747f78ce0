/* history.h - a connection in a few letters, as Zeek writes it: upper case is the client's.
 *
 *     S a SYN   H a SYN-ACK   A a pure ACK   D payload   F a FIN   R a RST   C a wrong checksum
 *     G a gap   T payload that came again   W a window of zero   ^ the direction was turned
 *
 * Each letter once a side, in order of its first time (Zeek's conn.log, field `history`). */
#ifndef SEINE_REASSEMBLY_HISTORY_H
#define SEINE_REASSEMBLY_HISTORY_H

#include "reassembly/flow.h"

#include <assert.h>
#include <string.h>

/* The same where the letter does not stand yet; `bit` is its own in history_seen. */
void history_append(struct flow *flow, enum side side, char letter, uint32_t bit);

/* Adds `letter` (upper case) unless it stands already; drops it when HISTORY_LEN is reached. The letter
 * is a constant wherever this is called, and its place then known to the compiler. */
static inline void history_add(struct flow *flow, enum side side, char letter)
{
    static const char letters[] = "SHADFRCGTW^";
    const char *place = strchr(letters, letter);
    assert(place && *place);
    const uint32_t bit = 1u << (2 * (place - letters) + side);

    if (!(flow->history_seen & bit))
        history_append(flow, side, letter, bit);
}

#endif
