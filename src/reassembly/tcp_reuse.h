/* tcp_reuse.h - whether a five-tuple has gone to another connection; private to this room.
 *
 * A SYN with another number says that it has, and anybody can send one: a receiver in a running
 * connection answers it with a challenge, and goes on (RFC 5961 4). So a SYN takes the five-tuple at once
 * only where nothing runs any more. Otherwise it begins a *rival*, a flow of its own beside the
 * *elder* one, and the packets show which of the two they belong to. The rival takes the elder's place
 * when the other side has answered it, or when the capture has only one side of both, and data follows the
 * SYN. If neither happens it stays what it is, an attempt.
 *
 * Without a SYN only payload begins another: that of a side which had broken off its own handshake, and whose
 * other side has shown by its silence that it heeded that. */
#ifndef SEINE_REASSEMBLY_TCP_REUSE_H
#define SEINE_REASSEMBLY_TCP_REUSE_H

#include "reassembly/flow.h"

#include <stdbool.h>

enum claim {
    CLAIM_NONE,  /* it belongs to the flow */
    CLAIM_TAKES, /* it begins another connection, and this one is over */
    CLAIM_WAITS, /* it would begin another, and this one may go on */
};

/* What a segment sent by `side` of `f` says of its five-tuple. */
enum claim tcp_claim(const struct flow *f, enum side side, const struct packet *packet);

/* Whether a segment, sent by `elder_side` of the elder and `rival_side` of the rival, belongs to the
 * rival. *settled: with it the elder is over. */
bool tcp_is_rivals(const struct flow *elder, enum side elder_side, const struct flow *rival,
                   enum side rival_side, const struct packet *packet, bool *settled);

#endif
