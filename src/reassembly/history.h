/* history.h - a connection in a few letters, as Zeek writes it: upper case is the client's.
 *
 *     S a SYN   H a SYN-ACK   A a pure ACK   D payload   F a FIN   R a RST   C a wrong checksum
 *     G a gap   T payload that came again   W a window of zero   ^ the direction was turned
 *
 * Each letter once a side, in order of its first time (Zeek's conn.log, field `history`). While a flow lives
 * they are numbers of five bits, twelve in each of two words. */
#ifndef SEINE_REASSEMBLY_HISTORY_H
#define SEINE_REASSEMBLY_HISTORY_H

#include "reassembly/flow.h"

/* The order of their numbers; of each letter first the client's. */
#define HISTORY_LETTERS "SHADFRCGTW^"

/* Adds a letter that does not stand yet. */
void history_append(struct flow *flow, unsigned number);

/* Writes the letters out, and a NUL. */
void history_text(char text[HISTORY_LEN], const struct flow *flow);

/* Adds `letter` (upper case) unless it stands already. The letter is a constant wherever this is called, and its
 * number then known to the compiler. */
static inline void history_add(struct flow *flow, enum side side, char letter)
{
    unsigned place = 0;

    while (HISTORY_LETTERS[place] != letter)
        place++;
    const unsigned number = 2 * place + side;
    if (!(flow->history_seen & 1u << number))
        history_append(flow, number);
}

static inline bool history_has(const struct flow *flow, enum side side, char letter)
{
    unsigned place = 0;

    while (HISTORY_LETTERS[place] != letter)
        place++;
    return (flow->history_seen & 1u << (2 * place + side)) != 0;
}

#endif
