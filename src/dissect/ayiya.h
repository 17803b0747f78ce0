/* ayiya.h - a view of an AYIYA header (draft-massar-v6ops-ayiya): IPv6 in UDP, as SixXS had it.
 *
 *     identity 4 bits, its type 4 | signature 4, hash 4 | how 4, operation 4 | next 1 | time 4 |
 *     identity, 2 to that power bytes | signature, that many words of four bytes */
#ifndef SEINE_DISSECT_AYIYA_H
#define SEINE_DISSECT_AYIYA_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum { AYIYA_FORWARD = 1 };

struct ayiya {
    struct span header; /* 8 bytes or more */
};

/* How many bytes the header takes, the least while it cannot be told. */
size_t ayiya_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool ayiya_view(struct span *rest, struct ayiya *a);

static inline uint8_t ayiya_operation(const struct ayiya *a)
{
    return load_u8(a->header, 2) & 0x0f;
}
static inline uint8_t ayiya_next(const struct ayiya *a)
{
    return load_u8(a->header, 3); /* an IP protocol number */
}

#endif
