/* flow.h - a conversation between two endpoints, and what is known of each of its sides.
 *
 * A flow is looked up by its key: protocol, both endpoints and where it was seen, the same whichever way
 * a packet goes. What lies here is what reassembly needs and what becomes the flow's row; payload is
 * never kept here, only which positions of it have been held. */
#ifndef SEINE_REASSEMBLY_FLOW_H
#define SEINE_REASSEMBLY_FLOW_H

#include "dissect/packet.h"
#include "reassembly/ranges.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Direction, always by role: the client sent the first SYN, or is our guess. */
enum side { SIDE_CLIENT, SIDE_SERVER };

static inline enum side side_other(enum side side)
{
    return side == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT;
}

/* The whole key is compared, byte by byte, so it has no padding. Host byte order for the ports. */
struct flow_key {
    struct address low, high; /* the lower endpoint first: by address, then by port */
    uint16_t low_port, high_port;
    uint8_t protocol;   /* enum transport */
    uint8_t ip_version; /* IPv6 addresses may look like mapped IPv4 ones, and are not the same */
    uint16_t place;     /* the number of where it was seen, see places.h */
};
_Static_assert(sizeof(struct flow_key) == 40, "a key with padding would make equal keys differ");

/* Whether one word of two keys differs. */
static inline uint64_t flow_key_differs(const struct flow_key *key, const struct flow_key *other,
                                        size_t at)
{
    uint64_t mine, others;

    memcpy(&mine, (const char *)key + at, sizeof mine);
    memcpy(&others, (const char *)other + at, sizeof others);
    return mine ^ others;
}

/* Word by word, which takes less time than to call memcmp(). */
static inline bool flow_key_is(const struct flow_key *key, const struct flow_key *other)
{
    return (flow_key_differs(key, other, 8) | flow_key_differs(key, other, 24) |
            flow_key_differs(key, other, 32) | flow_key_differs(key, other, 0) |
            flow_key_differs(key, other, 16)) == 0;
}

enum flow_state {
    FLOW_ONE_WAY,     /* UDP and ICMP, packets one way only */
    FLOW_TWO_WAY,     /* UDP and ICMP, packets both ways */
    FLOW_ATTEMPT,     /* SYN without an answer; of SCTP, INIT */
    FLOW_HANDSHAKE,   /* SYN and SYN-ACK, or SYN-ACK alone; INIT ACK, COOKIE ECHO */
    FLOW_ESTABLISHED, /* the handshake was seen to its end, or data after a SYN-ACK */
    FLOW_MIDSTREAM,   /* TCP without a SYN from either side, SCTP without its handshake */
    FLOW_CLOSING,     /* one FIN; SHUTDOWN */
    FLOW_CLOSED,      /* both FINs; SHUTDOWN ACK or SHUTDOWN COMPLETE */
    FLOW_REJECTED,    /* RST in answer to the SYN; ABORT */
    FLOW_RESET,       /* RST in window; ABORT with a right tag */
};

enum flow_end {
    END_CAPTURE, /* the captures ended first */
    END_FIN,     /* both FINs; of SCTP, shut down */
    END_RESET,
    END_TIMEOUT,   /* idle by the capture's clock */
    END_REUSED,    /* a SYN with another sequence number took the five-tuple over */
    END_EVICTED,   /* the flow table was full */
    END_CONTINUED, /* it goes on: whoever is told begins anew with it (flows_carry_over()) */
};

/* What only few flows need: sets of positions, and a SYN that is out of the ordinary. */
struct side_rare {
    struct ranges provisional; /* held, but in doubt: a segment without fault takes over */
    struct ranges truncated;   /* on the wire, cut from the capture by the snap length */
    struct ranges refused;     /* arrived, but only in segments that were refused */
    struct ranges doubted;     /* of these, what counts once the receiver acknowledges it */
    struct ranges spoilt;      /* of these, what only a checksum speaks against: see doubt.c */
    struct range untaken; /* held, but not taken when it came: see tcp_payload.c; may be empty */
    uint32_t syn_len;     /* payload bytes that came first in its SYN, from `syn` on */
    uint32_t other_base;  /* of another SYN that came; valid with has_other_base */
    bool has_other_base;
    bool settled; /* holes below settled_to have been told and are closed */
    int64_t settled_to;
};

/* What a side needs once its payload does not simply come in order, once and whole. Then it has `fin` and what
 * is counted here in the place of what side_state says of them. */
struct side_stream {
    struct ranges held;     /* positions that came, captured */
    struct side_rare *rare; /* NULL for many */
    int64_t fin;            /* position of the FIN; valid with has_fin */
    uint64_t bytes;         /* payload of TCP, each position once */
    uint64_t again;         /* payload bytes that came again */
};

/* One direction: what this side sent. Positions count its payload bytes, see seq.h; of SCTP, its DATA
 * chunks: association.c says what it uses. */
struct side_state {
    uint64_t packets;
    uint64_t ip_bytes;
    uint64_t frame_bytes; /* on the wire */
    union {
        struct {          /* while the flow lives */
            int64_t next; /* one past the highest position that came, 0 before any */
            union {
                int64_t acked;  /* TCP: the other side has acknowledged all below it; valid with
                                   has_acked */
                uint64_t taken; /* all others: payload bytes; of SCTP each TSN once */
            };
            union {
                struct side_stream *stream; /* valid with has_stream */
                int64_t fin;                /* TCP: position of the FIN; valid with has_fin */
                uint64_t
                    carried; /* UDP: payload bytes that are packets of other flows: not `taken` */
            };
        };
        struct {                    /* once it ends */
            uint64_t bytes;         /* payload; for TCP each position once, for SCTP each TSN */
            uint64_t retransmitted; /* payload bytes that came again; of UDP see flow_carried() */
            uint8_t mac[6];         /* of the first packet; valid with flow.has_macs */
        };
    };
    int32_t syn;   /* position of the first byte after the SYN; valid with has_syn */
    uint32_t base; /* the sequence number of position 0; valid with anchored */
    union {
        uint32_t timestamp; /* that its receiver goes by (RFC 7323 4.3); valid with has_mark */
        uint32_t tag;       /* SCTP: what its packets carry; valid with has_mark */
        uint32_t icmp;      /* ICMP, of the first packet, seen from the client: of the client its
                               type, of the server its code */
    };
    uint32_t ack_number;  /* the last that it sent; valid with has_ack_number */
    uint32_t window : 30; /* the largest offered by this side, scaled, in bytes */
    bool anchored : 1, has_syn : 1;
    uint8_t flags; /* TCP flags, all that came */
    uint8_t min_ttl;
    uint8_t scale : 4; /* of the window; valid with has_scale */
    bool has_scale : 1, has_fin : 1, has_acked : 1, has_mark : 1;
    bool has_ack_number : 1, has_stream : 1;
    bool holds_all : 1; /* what came, captured, are the positions from 0 to `next`; else, without
                           has_stream, none */
    bool window_is_closed : 1; /* the last window that this side offered was 0 */
    bool rst : 1;
    bool closed : 1;         /* a FIN of this side was believed, if only its place is not known */
    bool checksum_right : 1; /* this side has shown a right checksum */
    bool checksum_left : 1;  /* and one that was left to the network card */
};

enum { SIDE_WINDOW_MOST = (1 << 30) - 1 };

enum { HISTORY_LEN = 24, HISTORY_SEEN_MOST = 0x7fffffff };

/* What a packet of the flow reads comes first, so that few lines of the cache hold it: up to FLOW_HOT_LEN it is three
 * and a half, so that four are read wherever in its first line a flow begins. Other flows are named by
 * their numbers, see flow_table.h; 0 is none. What is told of a flow when it ends, and is not needed before,
 * takes the place of what only the living need: flow_tell() puts it there. */
struct flow {
    struct flow_key key;
    uint32_t number;            /* its own */
    uint32_t chained;           /* the next in its chain, or among the nodes that are free */
    int64_t last_ns;            /* the largest time of its packets; first_ns the smallest */
    uint32_t history_seen : 31; /* a bit a letter */
    bool has_rival : 1;         /* `rival` is not 0 */
    uint8_t state : 4;          /* enum flow_state */
    uint8_t end : 3;            /* enum flow_end, set before the sink hears of the end */
    bool has_rtt : 1;           /* handshake_rtt_ns takes the place of syn_ns */
    uint8_t queue : 3;
    bool client_is_low : 1; /* which endpoint of the key is the client */
    bool client_guessed : 1;
    bool is_rival : 1;  /* it is not the one that its key finds */
    bool elder_ran : 1; /* of a rival: the other one was running when its SYN came */
    bool took_over : 1; /* of a rival: it has shown that the other one is over */
    union {
        uint16_t detour; /* the place of its detour (detours.h); its own place where it has none */
        struct {         /* once it ends */
            uint8_t vlan_count;
            bool has_macs;
        };
    };
    struct side_state sides[2]; /* by enum side */
    void *kept;                 /* the sink's own, NULL when the flow is new */
    union {
        uint64_t letters[2];    /* the history, see history.h */
        struct {                /* once it ends */
            const char *tunnel; /* the path through tunnels, of places.h; NULL for none */
            uint16_t vlans[PACKET_VLANS_MAX]; /* of the first packet */
        };
    };
    union {
        struct {
            uint32_t rival;        /* the other one of two with this key (tcp_reuse.h) */
            uint32_t origin;       /* see origins.h */
            uint32_t older, newer; /* in the queue of its timeout */
            uint32_t added_before, added_after; /* in the table */
            int64_t queued_ns;                  /* the clock when it was put into its queue */
        };
        struct {                       /* once it ends */
            char history[HISTORY_LEN]; /* Zeek's letters, the client's upper case; ends in a NUL */
            uint32_t first_evidence_id;
            uint32_t interface_id; /* of the first frame, in its capture */
        };
    };
    int64_t first_ns;
    union {
        int64_t syn_ns;           /* of the client's last SYN before the answer */
        int64_t handshake_rtt_ns; /* from the SYN to the client's ACK of the SYN-ACK; -1 unknown */
    };
    uint64_t first_frame;
};

/* Up to here a packet reads, nearly always: the second word of letters begins with the thirteenth. */
#define FLOW_HOT_LEN (offsetof(struct flow, letters) + sizeof(uint64_t))
_Static_assert(FLOW_HOT_LEN <= 4 * 64 - 32, "four lines, where flows begin at a half of one");
_Static_assert(sizeof(void *) < 8 || sizeof(struct flow) % 32 == 0, "as they do");

static inline const struct address *flow_address(const struct flow *f, enum side side)
{
    return (side == SIDE_CLIENT) == f->client_is_low ? &f->key.low : &f->key.high;
}

/* For ICMP: the type at the client's side, the code at the server's. */
uint16_t flow_port(const struct flow *f, enum side side);

/* The client acknowledges the answer to its SYN. A clock that went backwards in between measures nothing. */
static inline void flow_handshake(struct flow *f, int64_t now_ns)
{
    if (f->has_rtt || now_ns < f->syn_ns)
        return;
    f->handshake_rtt_ns = now_ns - f->syn_ns;
    f->has_rtt = true;
}

/* Of a flow that is told of: what its datagrams carried for other flows, and what came again. */
static inline uint64_t flow_carried(const struct flow *f, enum side side)
{
    return f->key.protocol == TRANSPORT_UDP ? f->sides[side].retransmitted : 0;
}

static inline uint64_t flow_retransmitted(const struct flow *f, enum side side)
{
    return f->key.protocol == TRANSPORT_UDP ? 0 : f->sides[side].retransmitted;
}

/* Whether it has come to its end by what both sides know of it: probably nothing more comes. */
static inline bool flow_is_over(const struct flow *f)
{
    return f->state == FLOW_CLOSED || f->state == FLOW_REJECTED || f->state == FLOW_RESET;
}

static inline struct side_stream *side_stream_of(const struct side_state *s) /* or NULL */
{
    return s->has_stream ? s->stream : NULL;
}

/* Of how many ranges the positions held consist. */
static inline uint32_t side_held_count(const struct side_state *s)
{
    return s->has_stream ? s->stream->held.count : s->holds_all;
}

/* The position of the FIN, with has_fin. */
static inline int64_t side_fin(const struct side_state *s)
{
    return s->has_stream ? s->stream->fin : s->fin;
}

/* NULL for nearly all. */
static inline struct side_rare *side_rare_of(const struct side_state *s)
{
    return s->has_stream ? s->stream->rare : NULL;
}

/* Words of the case; static. */
const char *flow_protocol_name(uint8_t protocol); /* "tcp", "udp", "sctp", "icmp", "icmpv6" */
const char *flow_state_name(uint8_t state);
const char *flow_end_name(uint8_t end);

#endif
