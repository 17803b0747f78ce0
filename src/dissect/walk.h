/* walk.h - the walk over a frame's headers: where it stands, and the steps that it takes.
 *
 *     frame:  [ethernet][vlan][ipv4][tcp][payload      ]· · · · · · ·
 *                             └────── rest ────────────┘└── missing ─┘
 *                                                       └ cut ┘
 *
 * A step reads the header that `next` names off the front of `rest`, says what comes after it, and
 * returns VERDICT_OK; or it returns the verdict with which the frame ends. A new protocol is a file
 * with its view, an enumerator here, a step in the file of its layer, and a case where its number
 * occurs: link_types in dissect.c, walk_ethertype(), walk_protocol().
 *
 * Private to the room. */
#ifndef SEINE_DISSECT_WALK_H
#define SEINE_DISSECT_WALK_H

#include "base/span.h"
#include "dissect/packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum next {
    /* Link: walk_link.c */
    NEXT_ETHERNET,
    NEXT_LLC,
    NEXT_VLAN,
    NEXT_SLL,
    NEXT_SLL2,
    NEXT_NULL,
    NEXT_PPP,
    NEXT_PPP_DIRECTION, /* one byte that says who sent it, then PPP */
    NEXT_PPP_SERIAL,    /* PPP or Cisco's HDLC */
    NEXT_PPPOE,
    NEXT_MPLS,

    /* Network: walk_network.c */
    NEXT_IP, /* of the version that it says */
    NEXT_IPV4,
    NEXT_IPV6,
    NEXT_EXTENSION, /* of the kind that walk.extension says */

    /* Transport: walk_transport.c */
    NEXT_TCP,
    NEXT_UDP,
    NEXT_ICMP, /* of either version */

    NEXT_PAYLOAD, /* the end */
};

struct walk {
    struct packet *packet;
    struct span rest; /* what no header has claimed yet */
    size_t cut;     /* bytes that followed `rest` on the wire, and that the capture did not keep */
    size_t missing; /* bytes that should follow `rest` by what the headers say: as a rule the same;
                         SIZE_MAX while none has said a length */
    enum next next;
    uint8_t extension; /* the kind of NEXT_EXTENSION */
    bool unsized;      /* the IP header says no length: its host left that to the network card */
    bool bad_header;   /* its checksum is wrong */
    bool remade;       /* a datagram that was made whole from fragments, not a frame */
};

/* What comes after this step. */
static inline enum verdict walk_on(struct walk *w, enum next next)
{
    w->next = next;
    return VERDICT_OK;
}

/* The verdict when a view of `need` bytes was not born: it is the snap length's fault if these
 * bytes were on the wire. A `need` of 0 is a header that makes no sense. */
static inline enum verdict walk_short(const struct walk *w, size_t need)
{
    if (need > w->rest.len && need - w->rest.len <= w->cut)
        return VERDICT_TRUNCATED;
    return VERDICT_MALFORMED;
}

/* Ends the rest `len` bytes from here, as a header says: what follows is padding. A length that an
 * outer header has said before is not widened. */
static inline void walk_bound(struct walk *w, size_t len)
{
    w->rest = span_first(w->rest, len);
    if (w->missing > len - w->rest.len)
        w->missing = len - w->rest.len;
    if (w->cut > w->missing)
        w->cut = w->missing;
}

/* Goes on to what an EtherType names, or an IP protocol number. */
enum verdict walk_ethertype(struct walk *w, uint16_t type);
enum verdict walk_protocol(struct walk *w, uint8_t protocol);

enum verdict walk_ethernet(struct walk *w);
enum verdict walk_llc(struct walk *w);
enum verdict walk_vlan(struct walk *w);
enum verdict walk_sll(struct walk *w);
enum verdict walk_sll2(struct walk *w);
enum verdict walk_null(struct walk *w);
enum verdict walk_ppp(struct walk *w);
enum verdict walk_ppp_direction(struct walk *w);
enum verdict walk_ppp_serial(struct walk *w);
enum verdict walk_pppoe(struct walk *w);
enum verdict walk_mpls(struct walk *w);

enum verdict walk_ip(struct walk *w);
enum verdict walk_ipv4(struct walk *w);
enum verdict walk_ipv6(struct walk *w);
enum verdict walk_extension(struct walk *w);

enum verdict walk_tcp(struct walk *w);
enum verdict walk_udp(struct walk *w);
enum verdict walk_icmp(struct walk *w);

#endif
