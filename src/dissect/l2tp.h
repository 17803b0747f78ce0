/* l2tp.h - views of L2TP's data messages (RFC 2661 3.1, RFC 3931 4.1).
 *
 *     v2 over UDP: flags 2 | [length 2] | tunnel 2 | session 2 | [sent 2, received 2] |
 *                  [offset 2, that many bytes] | PPP
 *     v3 over UDP: flags 2 | 0 2 | session 4 | [cookie 4 or 8] | [sublayer 4] | Ethernet, PPP, ...
 *     v3 over IP:  session 4 | ...                              whose session is not 0
 *
 * What a session of version 3 carries, and with which cookie, is agreed on elsewhere. */
#ifndef SEINE_DISSECT_L2TP_H
#define SEINE_DISSECT_L2TP_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct l2tp {
    struct span header; /* v2: all; v3: 4 bytes */
};

/* How many bytes the header of a data message over UDP takes, without the session of version 3,
 * the least while it cannot be told; 0 when it is none. */
size_t l2tp_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool l2tp_view(struct span *rest, struct l2tp *l);

static inline uint8_t l2tp_version(const struct l2tp *l)
{
    return load_u8(l->header, 1) & 0x0f;
}

/* The session of version 3. */
struct l2tp_session {
    struct span header; /* 4 bytes */
};

size_t l2tp_session_need(struct span rest);
bool l2tp_session_view(struct span *rest, struct l2tp_session *s);

static inline uint32_t l2tp_session_id(const struct l2tp_session *s)
{
    return load_be32(s->header, 0);
}

#endif
