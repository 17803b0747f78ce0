/* history.h - a connection in a few letters, as Zeek writes it: upper case is the client's.
 *
 *     S a SYN   H a SYN-ACK   A a pure ACK   D payload   F a FIN   R a RST   C a wrong checksum
 *     G a gap   T payload that came again   W a window of zero   ^ the direction was turned
 *
 * Each letter once a side, in order of its first time (Zeek's conn.log, field `history`). */
#ifndef SEINE_REASSEMBLY_HISTORY_H
#define SEINE_REASSEMBLY_HISTORY_H

#include "reassembly/flow.h"

/* Adds `letter` (upper case) unless it stands already; drops it when HISTORY_LEN is reached. */
void history_add(struct flow *flow, enum side side, char letter);

#endif
