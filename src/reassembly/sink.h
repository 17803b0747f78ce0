/* sink.h - who is told what reassembly finds, in the order of the frames that cause it.
 *
 * The callbacks return nothing and cannot fail: a store remembers its first failure, ignores what
 * follows, and reports it when the pipeline asks. What they are handed dies when they return: a sink
 * copies what it keeps. Between the first packet of a flow and its flow_end the flow's address is
 * its identity, and flow->kept is the sink's own.
 *
 * Reassembly says which positions of a segment are new; it never holds payload. The bytes of the
 * other positions came before, and it is the sink, which has them, that compares. */
#ifndef SEINE_REASSEMBLY_SINK_H
#define SEINE_REASSEMBLY_SINK_H

#include "dissect/packet.h"
#include "reassembly/flow.h"

#include <stdint.h>

/* Why a segment was refused. refusal_name() is the word in the case. */
enum refusal {
    REFUSED_NOT,
    REFUSED_CHECKSUM,      /* wrong, on a side that has shown a right one */
    REFUSED_OUT_OF_WINDOW, /* too far from where the stream is */
    REFUSED_BEFORE_START,  /* below the first byte after the SYN */
    REFUSED_KEEPALIVE, /* one byte just below what the other side has acknowledged (RFC 9293 3.8.4) */
    REFUSED_SETTLED,   /* into a hole that was given up earlier */
    REFUSED_NO_MEMORY,     /* the budget had no room to remember its place */
    REFUSED_OLD_TIMESTAMP, /* its receiver has seen a later one (PAWS, RFC 7323 5) */
    REFUSED_SHED,          /* by the store: more came than could be written */
    REFUSED_EARLIER,       /* by the store: it came before, in an earlier slice of the folder */
    REFUSAL_COUNT
};

const char *refusal_name(enum refusal why);

/* Why positions are missing. gap_cause_name() is the word in the case. */
enum gap_cause {
    GAP_UNKNOWN,      /* the receiver's acknowledgements are not in the capture */
    GAP_CAPTURE_LOSS, /* the receiver acknowledged past it */
    GAP_NETWORK_LOSS, /* its acknowledgements are in the capture and stop before it */
    GAP_TRUNCATED,    /* cut by the snap length */
    GAP_REFUSED,      /* it came in refused segments only */
    GAP_EVICTED,      /* it came, but there was no memory left to keep it */
    GAP_SHED,         /* by the store: it came, when more came than could be written */
    GAP_CAUSE_COUNT
};

const char *gap_cause_name(enum gap_cause cause);

/* What is odd. oddity_name() is the word in the case; docs/schema.md explains each. The first ones
 * are the verdicts that are odd in themselves, in their order. */
enum oddity {
    ODDITY_TRUNCATED,
    ODDITY_MALFORMED,
    ODDITY_BAD_IP_CHECKSUM,
    ODDITY_FRAGMENT_OVERLAP,
    ODDITY_FRAGMENTS_INCOMPLETE, /* pieces of a datagram that never became whole */
    ODDITY_FRAGMENTS_EVICTED,    /* given up early because too many datagrams were waiting */
    ODDITY_FRAGMENT_CONFLICT,    /* overlapping fragments with different bytes */
    ODDITY_BAD_CHECKSUM,
    ODDITY_CHECKSUM_OFFLOAD,
    ODDITY_OUT_OF_WINDOW,
    ODDITY_BEFORE_START,
    ODDITY_KEEPALIVE_DATA,
    ODDITY_SETTLED,
    ODDITY_NO_MEMORY,
    ODDITY_OLD_TIMESTAMP,
    ODDITY_WINDOW_UNKNOWN, /* taken only since the scale of the window is not known */
    ODDITY_RESET_OUT_OF_WINDOW,
    ODDITY_RESET_IGNORED, /* a believed RST, after which its own side went on */
    ODDITY_DATA_AFTER_RESET,
    ODDITY_DATA_AFTER_FIN,
    ODDITY_FIN_MOVED,
    ODDITY_SYN_CHANGED,       /* a SYN-ACK with another sequence number */
    ODDITY_NO_ACK_FLAG,       /* payload without ACK, which its receiver drops */
    ODDITY_SYN_IN_CONNECTION, /* a SYN that would begin another connection while this one runs */
    ODDITY_SYN_DATA,
    ODDITY_SYN_DATA_IGNORED, /* the answer to it acknowledges the SYN alone */
    ODDITY_URGENT,
    ODDITY_FLOW_EVICTED,
    ODDITY_CAPTURE_DAMAGED, /* the capture is cut off or damaged here; `text` says how */
    ODDITY_AGGREGATE,       /* a frame of several packets, not all of which are read */
    ODDITY_OLD_CHECKSUM,    /* SCTP with the Adler-32 of RFC 2960 */
    ODDITY_WRONG_TAG,       /* SCTP with a tag that is not its association's */
    ODDITY_BAD_CHUNK,       /* SCTP chunks that contradict the length of their packet */
    ODDITY_KEY_SHARED,      /* more places than can be told apart (places.h) */
    ODDITY_TUNNEL_DIFFERS,  /* each direction takes another path (detours.h); `text` says which */
    ODDITY_PAYLOAD_SHED, /* by the store, as the next: payload is not kept; `text` says from where */
    ODDITY_FRAMES_SHED,  /* frames are not noted */
    ODDITY_COUNT
};

const char *oddity_name(enum oddity kind);

/* A segment with payload, or a datagram. */
struct arrival {
    const struct packet *packet;
    enum side side;
    int64_t position;     /* of its first byte */
    uint32_t len;         /* bytes on the wire */
    struct span bytes;    /* the captured ones, the first bytes.len of len; inside packet->payload,
                              of which an arrival may be a part */
    enum refusal refused; /* if not REFUSED_NOT, nothing of it is in the stream */
    bool provisional;     /* its checksum is wrong, but this side has never shown a right one;
                              or it has no ACK */
    bool unaccepted; /* payload in a SYN, or a probe into a closed window: its receiver need not
                              take it, and where it shows that it did not, a later arrival takes over */

    const struct range
        *fresh;           /* positions that it brings for the first time, in order, inside the */
    uint32_t fresh_count; /* captured bytes: the sink keeps these */
    const struct range
        *taken; /* positions held in one of these ways before, which it takes over, in order */
    uint32_t taken_count;
};

enum sink_step { SINK_FLOW, SINK_STREAMS, SINK_BYTES, SINK_STEPS };

struct sink {
    /* A frame belongs to a flow: with or without payload, a fragment of one of its packets (then
     * before the packet's own), or an ICMP error that quotes it. Of frame->bytes only the length may be
     * read: those of a fragment are gone. Of the flow flow_is_over() may be asked, as it was before that frame. */
    void (*frame)(struct sink *sink, struct flow *flow, const struct frame *frame);

    /* A segment or datagram with at least one byte of payload on the wire. */
    void (*segment)(struct sink *sink, struct flow *flow, const struct arrival *arrival);

    /* The bytes at [position, position + len) came in segments that were refused, and are in the
     * stream after all, provisionally: their receiver has acknowledged them, or the flow ends and
     * only a checksum speaks against them. Of several segments the first that was refused with such a
     * byte brings it. None of these came in fragments. */
    void (*believe)(struct sink *sink, struct flow *flow, enum side side, int64_t position,
                    int64_t len);

    /* Positions [position, position + len) will not come. `tail`: they lie behind the last byte
     * present. In order of position within a side, but for those of a datagram stream, which come with the
     * datagram. */
    void (*gap)(struct sink *sink, struct flow *flow, enum side side, int64_t position, int64_t len,
                enum gap_cause cause, bool tail);

    /* Something odd. `flow` may be NULL; `text` is a sentence, or NULL. */
    void (*oddity)(struct sink *sink, struct flow *flow, const struct frame *frame,
                   enum oddity kind, const char *text);

    /* Nothing more of this flow will come; all its gaps have been told. The sink lets go of
     * flow->kept. */
    void (*flow_end)(struct sink *sink, struct flow *flow);

    /* A flow that lives, as flow_end() would tell it if it ended now: a copy, but for `kept`. Told only where
     * it was asked for (flows_watch()), and such a sink has it. */
    void (*flow_news)(struct sink *sink, struct flow *flow);

    /* Something will be told soon of a flow whose flow->kept this is: the sink may have what it needs for that brought
     * from memory, which many flows at once are too large to be near. `step` counts from 0, in the order in which one
     * thing leads to the next; `ends`: it is its end. Changes nothing, and may be NULL. */
    void (*soon)(struct sink *sink, const void *kept, enum sink_step step, bool ends);
};

#endif
