/* teredo.h - a view of what may stand between UDP and IPv6 in Teredo (RFC 4380 5.1.1).
 *
 *     [0x0001 2 | id length 1 | value length 1 | id | value | nonce 8 | confirmation 1]
 *     [0x0000 2 | port 2 | address 4] */
#ifndef SEINE_DISSECT_TEREDO_H
#define SEINE_DISSECT_TEREDO_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct teredo {
    struct span header; /* 0 bytes or more */
};

/* How many bytes the indications take: both, one or none. */
size_t teredo_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool teredo_view(struct span *rest, struct teredo *t);

#endif
