/* player.h - packets of bare IP, made by tests/craft, one after the other.
 *
 * Like tests/unit/scene.h, this header names nothing of src/, so that who makes the packets may use
 * the words of tests/craft. */
#ifndef SEINE_TESTS_FUZZ_PLAYER_H
#define SEINE_TESTS_FUZZ_PLAYER_H

#include "craft/wire.h"
#include "fuzz/script.h"

/* Two ends with the sequence numbers of their SYNs. */
struct ends {
    struct wire_end client, server;
    uint32_t isn[2]; /* of the client, of the server */
};

enum { SERVER_ISN = 5000 };

/* One of four pairs: the second differs from the first in a port, the third is the first turned
 * round, the fourth has IPv6. */
struct ends ends_of(unsigned which);

struct player {
    script_show *show;
    void *context;
    int64_t now_ns;         /* of the last packet; a millisecond lies between two */
    struct wire_bytes last; /* the last packet whole, which an ICMP error quotes; owned */
    uint32_t next_id;
    struct wire_bytes parts; /* of the frame in the making; owned */
    unsigned part_count;     /* how many packets it will have yet; 0: each is a frame of its own */
    bool parts_tunnelled;
};

/* The next `count` packets are one frame: an A-MSDU of 802.11, which comes through GRE. `tunnelled`: each of these
 * comes through GRE over UDP itself, always between the same two. */
void player_aggregate(struct player *p, unsigned count, bool tunnelled);

/* Shows a frame that is still in the making, and frees what the player has. */
void player_release(struct player *p);

/* Whether an IP payload is cut into two fragments, and what becomes of them. */
enum fragments { WHOLE, IN_ORDER, TURNED, FIRST_ALONE, REPEATED, FRAGMENTS_COUNT };

/* Shows an IP packet, the last `cut` bytes of which the snap length takes. */
void player_ip(struct player *p, const struct wire_end *from, const struct wire_end *to,
               uint8_t protocol, const struct wire_bytes *payload, size_t cut,
               enum fragments fragments);
void player_tcp(struct player *p, const struct ends *e, bool by_server, const struct wire_tcp *tcp,
                const void *data, size_t len, size_t cut, enum fragments fragments);

#endif
