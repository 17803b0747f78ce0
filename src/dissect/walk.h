/* walk.h - the walk over a frame's headers: where it stands, and the steps that it takes.
 *
 *     frame:  [ethernet][vlan][ipv4][tcp][payload      ]· · · · · · ·
 *                             └────── rest ────────────┘└── missing ─┘
 *                                                       └ cut ┘
 *
 * A step reads the header that `next` names off the front of `rest`, says what comes after it,
 * and returns VERDICT_OK; or it returns the verdict with which the frame ends. A new protocol is
 * a file with its view, an enumerator here, a step in the file of its layer, and a case where
 * its number occurs: link_types in dissect.c, walk_ethertype(), walk_protocol(), tunnel_at() in
 * walk_udp.c.
 *
 * A frame has one verdict and is one packet, but for an A-MSDU of 802.11, which is walked once for each of its
 * packets: part_at says which.
 *
 * Tunnels. The packet is the innermost. walk_enter() notes the
 * tunnel in the packet's path, and the walk goes on inside, where every later header takes the
 * place of the one outside. At most PACKET_TUNNELS_MAX deep: what lies deeper is malformed. A
 * tunnel over IP is named by its protocol number, and what is found inside is the frame's
 * verdict. One over UDP is only a guess, from a port and from a header that makes sense: so the
 * packet as it is outside is set aside, and where the inside is not a packet of a flow in the
 * end, the frame is that UDP datagram, with all of its bytes. So no payload is lost to a port
 * that is used for something else. Where it is a packet, the datagrams around it are noted with it, its
 * carriers (packet.h). Of the checksums it is the packet's own that is judged, with
 * those of all IPv4 headers around it. Those of GRE and of UDP outside are not: tunnel ends
 * compute them wrongly and ignore them, and where a packet is damaged its own says so.
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
    /* Link: walk_link.c, walk_wan.c, walk_wlan.c */
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
    NEXT_MACSEC,
    NEXT_VNTAG,
    NEXT_FRELAY,
    NEXT_FDDI,
    NEXT_TOKEN_RING,
    NEXT_ARCNET_LINUX,
    NEXT_ARCNET_BSD,
    NEXT_SLIP,
    NEXT_IPOIB,
    NEXT_PKTAP,
    NEXT_JUNIPER_ETHERNET,
    NEXT_JUNIPER_PPP,
    NEXT_JUNIPER_FRELAY,
    NEXT_JUNIPER_CHDLC,
    NEXT_NFLOG,
    NEXT_NETLINK,
    NEXT_IPNET,
    NEXT_WLAN,
    NEXT_RADIOTAP,
    NEXT_PPI,
    NEXT_PRISM, /* or AVS */

    /* Tunnels: walk_tunnel.c */
    NEXT_GRE,
    NEXT_ERSPAN, /* of type II or III */
    NEXT_ETHERIP,
    NEXT_L2TP_SESSION, /* version 3, from the session on */
    NEXT_NSH,
    NEXT_PBB,

    /* Network: walk_network.c */
    NEXT_IP, /* of the version that it says */
    NEXT_IPV4,
    NEXT_IPV6,
    NEXT_EXTENSION, /* of the kind that walk.extension says */
    NEXT_IPCOMP,

    /* Transport: walk_transport.c */
    NEXT_TCP,
    NEXT_UDP,
    NEXT_ICMP, /* of either version */
    NEXT_SCTP,

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
    uint32_t
        part_at; /* of an aggregate the packet that begins there in the frame is meant; 0: the first */
    bool is_first; /* of those that can be read: what is around the aggregate is its own, too */
    bool in_aggregate;
    unsigned depth;  /* headers so far */
    bool unsized;    /* the IP header says no length: its host left that to the network card */
    bool bad_header; /* the checksum of an IP header is wrong */
    bool remade;     /* a datagram that was made whole from fragments, and no tunnel in it yet */
    bool guessing;   /* inside a tunnel over UDP */
    bool guessed_around;     /* which is around the aggregate, and inside it there is none */
    bool bad_header_outside; /* what bad_header was there */
    struct packet *outside;  /* the datagram that it is otherwise */
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

/* Goes on into a tunnel, which is called that in the path, or "name:number". */
enum verdict walk_enter(struct walk *w, const char *name, enum next next);
enum verdict walk_enter_numbered(struct walk *w, const char *name, uint32_t number, enum next next);

/* Whether this could be the beginning of an Ethernet frame around a packet, or ARP: for where
 * nothing says what is carried. */
bool walk_looks_like_ethernet(struct span rest);
enum { ETHERNET_ENOUGH = 14 + 3 * 4 + 2 }; /* bytes that it looks at, at most */

/* Goes on to what a link type names, an EtherType, or an IP protocol number. */
enum verdict walk_link_type(struct walk *w, uint32_t link_type);
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
enum verdict walk_macsec(struct walk *w);
enum verdict walk_vntag(struct walk *w);

enum verdict walk_frelay(struct walk *w);
enum verdict walk_fddi(struct walk *w);
enum verdict walk_token_ring(struct walk *w);
enum verdict walk_arcnet_linux(struct walk *w);
enum verdict walk_arcnet_bsd(struct walk *w);
enum verdict walk_slip(struct walk *w);
enum verdict walk_ipoib(struct walk *w);
enum verdict walk_pktap(struct walk *w);
enum verdict walk_juniper_ethernet(struct walk *w);
enum verdict walk_juniper_ppp(struct walk *w);
enum verdict walk_juniper_frelay(struct walk *w);
enum verdict walk_juniper_chdlc(struct walk *w);
enum verdict walk_nflog(struct walk *w);
enum verdict walk_netlink(struct walk *w);
enum verdict walk_ipnet(struct walk *w);

enum verdict walk_wlan(struct walk *w);
enum verdict walk_radiotap(struct walk *w);
enum verdict walk_ppi(struct walk *w);
enum verdict walk_prism(struct walk *w);

enum verdict walk_gre(struct walk *w);
enum verdict walk_erspan(struct walk *w);
enum verdict walk_etherip(struct walk *w);
enum verdict walk_l2tp_session(struct walk *w);
enum verdict walk_nsh(struct walk *w);
enum verdict walk_pbb(struct walk *w);

enum verdict walk_ip(struct walk *w);
enum verdict walk_ipv4(struct walk *w);
enum verdict walk_ipv6(struct walk *w);
enum verdict walk_extension(struct walk *w);
enum verdict walk_ipcomp(struct walk *w);

enum verdict walk_tcp(struct walk *w);
enum verdict walk_udp(struct walk *w);
enum verdict walk_udp_tunnel(struct walk *w); /* its end, or into the tunnel that its ports name */
bool walk_may_be_tunnel(uint16_t src_port, uint16_t dst_port); /* whether they name one */
enum verdict walk_icmp(struct walk *w);
enum verdict walk_sctp(struct walk *w);

/* What the checksum `found` in a segment of `len` bytes by its headers is worth. */
enum checksum walk_judge(const struct packet *packet, uint8_t protocol, uint16_t found,
                         struct span segment, size_t len);

/* Reads a frame whose headers are plain, as nearly all are, without a walk (plain.c). False, with nothing of
 * the packet to be believed, when the frame needs one. */
bool dissect_plain(const struct frame *frame, struct packet *packet);

#endif
