/* packet.h - what dissection makes of a frame: a packet of views, and a verdict.
 *
 * Everything in a packet borrows from the frame (or, for a datagram made whole from fragments, from
 * the defragmenter, and for one that came compressed, from the unpacker); nothing is copied but
 * addresses, which flows are looked up by. */
#ifndef SEINE_DISSECT_PACKET_H
#define SEINE_DISSECT_PACKET_H

#include "base/span.h"
#include "capture/frame.h"
#include "dissect/address.h"
#include "dissect/icmp.h"
#include "dissect/sctp.h"
#include "dissect/tcp.h"

#include <stdbool.h>
#include <stdint.h>

/* What became of a frame: exactly one each, counted, and the counts of a run add up to its frames.
 * The order matters: from VERDICT_TRUNCATED on a verdict is also evidence of something odd, and
 * leaves an oddity. verdict_name() gives the word that stands in the case. */
enum verdict {
    VERDICT_OK,            /* a packet of a flow */
    VERDICT_FRAGMENT,      /* a piece of an IP datagram that is not whole yet, or never was */
    VERDICT_FILTERED,      /* refused by the filter that the user gave */
    VERDICT_ARP,           /* ARP or RARP */
    VERDICT_OTHER_LINK,    /* link control without a packet: LLC, STP, LLDP, control of PPP, ... */
    VERDICT_OTHER_NETWORK, /* an EtherType or protocol of the network layer that we do not read */
    VERDICT_OTHER_TRANSPORT, /* IP, but neither TCP, UDP, SCTP, ICMP nor ICMPv6 */
    VERDICT_ENCRYPTED,       /* ESP, MACsec or 802.11 whose content cannot be read */
    VERDICT_UNKNOWN_LINK,    /* a link type that we do not read */
    VERDICT_TRUNCATED,       /* cut by the snap length inside a header that we need */
    VERDICT_MALFORMED,       /* headers that contradict themselves or the length of the frame */
    VERDICT_BAD_CHECKSUM,    /* the IPv4 header's own checksum is wrong, and no flow can judge it */
    VERDICT_OVERLAP,         /* a fragment refused because it overlaps another (RFC 5722) */
    VERDICT_COUNT
};

const char *verdict_name(enum verdict verdict); /* "ok", "fragment", ...; static */

enum transport {
    TRANSPORT_ICMP = 1,
    TRANSPORT_TCP = 6,
    TRANSPORT_UDP = 17,
    TRANSPORT_ICMPV6 = 58,
    TRANSPORT_SCTP = 132,
};

enum checksum {
    CHECKSUM_RIGHT,
    CHECKSUM_WRONG,
    CHECKSUM_OFFLOAD, /* wrong, and equal to the uncomplemented sum of the pseudo-header: the host
                         that sent it left it to its network card. Of SCTP: zero, which a host writes
                         for its card, or because the ends agreed on it (RFC 9653) */
    CHECKSUM_NONE,    /* UDP sent without one (RFC 768; over IPv6 RFC 6935) */
    CHECKSUM_UNKNOWN, /* bytes are missing, it cannot be judged */
};

/* What an ICMP error quotes of the packet that caused it (RFC 792, RFC 4443 3). */
struct quote {
    bool present;
    uint8_t protocol;      /* enum transport */
    struct endpoints ends; /* of the quoted packet: its source is where the error goes */
    struct span transport; /* the first 8 bytes of its transport */
};

/* A path of so many tunnels, each with the longest name and number that there is
 * ("geneve:16777215"), fits, with the slashes between them and the NUL. */
enum { PACKET_VLANS_MAX = 4, PACKET_TUNNELS_MAX = 8, PACKET_TUNNEL_MAX = 128 };

/* Where a piece of the payload of a reassembled datagram came from. One that came compressed is a
 * single piece of the frame that brought it, or completed it. */
struct piece {
    uint32_t start;    /* of this piece, in bytes from the start of packet.whole */
    uint32_t len;      /* bytes, as captured */
    uint32_t wire_len; /* bytes */
    uint32_t frame;    /* index into packet.frames of the frame that brought it */
    uint64_t offset;   /* in the capture's uncompressed content, of the piece's first byte; 0: it
                          came compressed, and lies nowhere there */
};

/* Where the byte lies that is `skip` bytes behind the one at `offset`: nowhere, if that one does. */
static inline uint64_t offset_after(uint64_t offset, uint64_t skip)
{
    return offset == 0 ? 0 : offset + skip;
}

/* A UDP datagram that carries a packet: a tunnel's outside. Its flow counts it, and its payload is what is
 * inside. */
struct carrier {
    struct endpoints ends;
    uint32_t ip_len;      /* bytes of the IP packet, header included, as its header says */
    uint32_t payload_len; /* bytes as its header says */
    uint16_t vlans[PACKET_VLANS_MAX];
    uint8_t vlan_count;
    uint8_t ip_version;
    uint8_t ttl;
    uint8_t tunnel_count; /* how much of the packet's path leads to it: so many tunnels */
    uint8_t tunnel_len;   /* and so many letters */
    bool has_macs;
    uint8_t src_mac[6], dst_mac[6];
};

/* Inside tunnels it is the innermost packet that is the packet: addresses, lengths, payload and
 * fragments are its own, the MAC addresses those of the last header that has any, and the VLAN tags
 * all that were met. Of the headers outside, the path in `tunnel` is kept, and the datagrams that carry it. */
struct packet {
    const struct frame *frame; /* the frame, or the one that completed the datagram */
    uint8_t ip_version;        /* 4 or 6 */
    uint8_t ttl;               /* or hop limit */
    uint8_t transport;         /* enum transport: the last header found */
    uint32_t ip_len;           /* bytes of the IP packet, header included, as the header says; for a
                                  datagram made whole, of its fragments together */
    uint16_t vlans[PACKET_VLANS_MAX]; /* VLAN ids, outermost first */
    uint8_t vlan_count;
    bool has_macs;
    uint8_t src_mac[6], dst_mac[6];
    struct endpoints ends;
    struct span headers;    /* the transport header, as captured */
    struct tcp tcp;         /* a valid view when transport is TCP and the verdict OK */
    struct icmp icmp;       /* likewise for ICMP and ICMPv6 */
    struct sctp sctp;       /* likewise for SCTP; the payload is its chunks */
    struct quote quote;     /* ICMP errors */
    enum checksum checksum; /* of the transport */
    bool old_checksum;      /* SCTP's is right by RFC 2960, before RFC 3309 made it a CRC32c */
    bool bad_ip_checksum;   /* an IPv4 header's own is wrong */
    bool aggregate;         /* one of several packets of its frame (A-MSDU), or a fragment was */
    bool unread;            /* of those, further ones are not read */
    uint32_t
        next_part; /* of an aggregate: where the next one begins in the frame; 0: it is the last */
    uint8_t tunnel_count;  /* how many tunnels the path has */
    uint8_t carrier_count; /* how many of them are over UDP; of a datagram made whole, those inside
                                of it */
    struct span payload;   /* of the transport, as captured, without Ethernet padding */
    uint32_t payload_len;  /* bytes as the headers say; payload.len when nothing was cut */
    uint64_t payload_offset; /* where payload.data[0] lies in the capture; unused with pieces */

    /* Fragments. While `fragment` is true, the packet is one of: its transport is not looked at. */
    bool fragment;
    bool more_fragments;
    uint32_t fragment_id;    /* IPv4: 16 bits */
    uint32_t fragment_at;    /* bytes from the start of the datagram's payload */
    struct span ip_payload;  /* what follows the IP headers, as captured, padding taken off */
    uint32_t ip_payload_len; /* the same as the header says */
    uint64_t ip_payload_offset;
    uint8_t ip_protocol;        /* of ip_payload: the next header */
    bool compressed;            /* by IPComp: ip_payload is, by the method `compression`, and
                                   ip_protocol says what it is when it is not */
    uint16_t compression;       /* the compression parameter index */
    struct span whole;          /* the payload of the outermost datagram that was made whole, which
                                   pieces count from; else empty */
    const struct piece *pieces; /* of a datagram made whole, in order of `start`; else NULL */
    uint32_t piece_count;
    /* Every frame of a datagram made whole, in order of arrival, refused ones and `frame` included.
     * Their bytes are gone: bytes.len alone may be read, and says how many there were. NULL when there
     * are no pieces. */
    const struct frame *frames;
    uint32_t frame_count;

    /* The path through tunnels, outermost first: "gre", "vxlan:42", "vxlan:7/gre:5"; empty for
     * none. A number that is the same in both directions of a conversation is in it (VNI, key of
     * IP in GRE, I-SID), one that is a direction's own (TEID, L2TP session, MPLS label, NSH
     * service path) or only names a mirror (ERSPAN session) is not; neither are the outer
     * addresses. Beyond its NUL it is not set, and beyond the first carrier_count neither are the
     * carriers: the last members. */
    char tunnel[PACKET_TUNNEL_MAX];
    struct carrier carriers[PACKET_TUNNELS_MAX]; /* outermost first */
};

#endif
