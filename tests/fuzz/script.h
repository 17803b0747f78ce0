/* script.h - any bytes as packets between a few ends.
 *
 * Eight bytes are a step: a segment with any flags, with numbers near places where something is
 * decided, a checksum that may be wrong, cut by a snap length or in fragments; or a datagram, an
 * ICMP message; and a leap in time. Some packets come together in one frame. */
#ifndef SEINE_TESTS_FUZZ_SCRIPT_H
#define SEINE_TESTS_FUZZ_SCRIPT_H

#include "fuzz/fuzz.h"

/* Who is shown the frames, of bare IP (LINKTYPE_RAW). */
typedef void script_show(void *context, const uint8_t *bytes, size_t len, uint32_t wire_len,
                         int64_t time_ns);

void script_play(struct fuzz_input in, script_show *show, void *context);

#endif
