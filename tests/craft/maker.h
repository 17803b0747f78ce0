/* maker.h - what is remembered while a script is gone through. */
#ifndef SEINE_TESTS_CRAFT_MAKER_H
#define SEINE_TESTS_CRAFT_MAKER_H

#include "craft/craft.h"
#include "craft/script.h"
#include "craft/wire.h"

enum { CLIENT = 0, SERVER = 1 };

/* What one end of a pair has sent so far. */
struct side {
    uint32_t isn;
    int64_t next;       /* the position after the highest byte sent by TCP */
    int64_t udp_len;    /* bytes sent in datagrams: where the next one begins, for len= */
    int64_t icmp_len;   /* the same of ICMP */
    uint32_t tsn_count; /* of the data chunks of SCTP */
    uint32_t ts_value;  /* of its last timestamp option */
};

struct pair {
    struct wire_end ends[2];
    struct side sides[2];
};

enum tunnel { TUNNEL_NONE, TUNNEL_IPIP, TUNNEL_GRE, TUNNEL_VXLAN };

struct maker {
    struct script script;
    struct craft *out;
    size_t room; /* frames allocated in `out` */

    struct wire_end ends[2]; /* as set last; they name the pair */
    struct pair *pairs;
    size_t pair_count;

    enum wire_link link;
    enum tunnel tunnel;
    struct wire_address tunnel_ends[2];
    uint32_t vni;
    struct script_frame every;

    int64_t last_ns; /* of the last frame */
    int64_t next_ns;
    int64_t step_ns;
    uint32_t next_id;              /* of IP */
    struct wire_bytes last_packet; /* for an ICMP error to quote */
};

/* The pair of the ends that are set; made when it is first asked for. */
struct pair *maker_pair(struct maker *m);

/* Makes the frames of one line, once. What cannot be made is told to the script. */
void maker_send(struct maker *m, const struct script_frame *f);

#endif
