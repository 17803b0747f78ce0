/* picture_sink.h - a sink that remembers all that it is told, draws it, and believes nothing.
 *
 * It keeps bytes as a store would: the fresh positions of each arrival, and in `taken` ones the
 * newer byte. Captured positions that are neither are compared with what is kept.
 *
 *     stream     "AAA..CC"     '.' is in a gap, '~' was cut by the snap length; one that does not
 *                              begin at 0 says where: "@-3 xyzAAA"; '|' stands between datagrams
 *     gap        "client 3+2 unknown", and " tail" behind the last byte
 *     conflict   "client x@2": the bytes that lost, the first at position 2
 *     refusal    "client keepalive z@-1"
 *     oddity     "urgent", "urgent x3" when told three times in a row
 *     flow       "established ShADad capture_end": state, history ('-' when empty), end; before
 *                it "udp", or "icmp 8/0" with type and code; after it " guessed" if the client was
 *     frame      "0:1": the first flow has frame 1
 *     counts     "client 2 packets 4 bytes 1 again, server ..., rtt 2 ms"
 *     facts      "client 40 of ip 54 of frames ttl 64 flags 02 mac 01, server ..., vlan 5, 0 to 2 ms"
 *
 * Bytes that cannot be printed are '?'. More than 4096 equal things are counted: ".{1048576}".
 * Several of one kind are joined by ", ", those of several flows' streams by " | ".
 *
 * What sink.h promises is checked at every call; where it does not hold, a sentence is added to
 * `broken`. */
#ifndef SEINE_TESTS_PICTURE_SINK_H
#define SEINE_TESTS_PICTURE_SINK_H

#include "reassembly/sink.h"

#include <stdbool.h>
#include <stdio.h>

/* Text in the making. */
struct text {
    FILE *out;
    char *chars; /* owned; valid after text_read() */
    size_t len;
};

const char *text_read(struct text *t);

struct told_flow;

struct picture_sink {
    struct sink sink;
    struct told_flow **flows; /* owned; in the order in which they were first heard of */
    size_t flow_count;
    size_t
        arrival_count; /* segments and datagrams so far: an arrival's index is its owner's name */
    struct text gaps, conflicts, refused, oddities, frames;
    struct text calls; /* everything, a line a call */
    struct text broken;
    bool is_tight;       /* memory is short: which bytes are provisional may have been forgotten */
    bool has_aggregates; /* frames may have several packets */
    char odd_before[40]; /* the oddity told last, and how many times in a row */
    unsigned odd_times;
};

void picture_sink_init(struct picture_sink *p);
void picture_sink_release(struct picture_sink *p);

/* To be called when nothing more is to come: a flow that has not ended is broken. */
void picture_sink_finish(struct picture_sink *p);

enum drawing { DRAWING_CLIENT, DRAWING_SERVER, DRAWING_FLOWS, DRAWING_COUNTS, DRAWING_FACTS };

/* Draws this of every flow, for free(). */
char *picture_sink_draw(const struct picture_sink *p, enum drawing what);

/* What is kept at a position of the flow that was heard of as number `flow`; false when nothing. */
bool picture_sink_at(const struct picture_sink *p, size_t flow, enum side side, int64_t position,
                     uint8_t *byte, size_t *owner);

#endif
