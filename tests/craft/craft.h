/* craft.h - packets and captures from a small script, for tests.
 *
 * Craft knows the wire formats by itself: it shares no header with src/, so that a wrong offset
 * there cannot pass a test by being wrong here too. A script is one line a frame:
 *
 *     client 10.0.0.1:40000; server 10.0.0.2:80
 *     c SYN mss=1460 ws=7              # 'c' is sent by the client, 's' by the server
 *     s SYN ACK
 *     c ACK
 *     c "GET / HTTP/1.0\r\n\r\n"       # at the client's next position, ACK and PSH set
 *     s @5 "world"                     # before what comes ahead of it
 *     s @0 "hello" bad-checksum
 *     c FIN; s FIN; c ACK
 *
 * A line ends at a line feed or a ';'. '#' opens a comment that ends with the line feed. Numbers
 * may be written 0x1f; a LIST is numbers with commas.
 *
 * SETTINGS, each for the frames that follow
 *     link TYPE                ethernet (at first) | raw | null | loop | sll | sll2 | ppp; only
 *                              before the first frame
 *     client IP:PORT           at first 10.0.0.1:40000; [2001:db8::1]:80 for IPv6
 *     server IP:PORT           at first 10.0.0.2:80. Every pair of ends has its own sequence
 *                              numbers: going back to an earlier pair goes on where it was
 *     isn client N server N    one or both, at first 1000 and 5000: this pair starts again, and its
 *                              SYN has this number
 *     at SECONDS               when the next frame is seen: 1.5; or +0.001, -2 after the last one
 *     step SECONDS             from one frame to the next, at first 0.001
 *     tunnel KIND IP IP [VNI]  wraps the IP packets: ipip | gre | vxlan, the client's outer address
 *                              first; `tunnel none` ends it
 *     every ATTRIBUTES         put on each frame before its own; `every` alone ends it
 *
 * FRAMES
 *     c|s [FLAGS] [@P] [DATA] [ATTRIBUTES]      TCP
 *     c|s udp [DATA] [ATTRIBUTES]
 *     c|s icmp WHAT [DATA] [ATTRIBUTES]         ICMP, or ICMPv6 between IPv6 ends; WHAT is one of
 *                                                 echo[=ID,SEQ], reply[=ID,SEQ]   at first 1,1
 *                                                 unreachable[=CODE], exceeded[=CODE]: with the
 *                                                   last packet, or quote=N bytes of it
 *                                                 type=T,C: DATA is all after the checksum
 *     c|s sctp CHUNK[+CHUNK...] [DATA] [ATTRIBUTES]   CHUNK is one of init init-ack cookie-echo
 *                                                 cookie-ack data i-data sack heartbeat abort
 *                                                 abort-t shutdown shutdown-ack shutdown-complete
 *                                                 shutdown-complete-t broken. The initiate tags
 *                                                 and the first TSNs are the numbers of `isn`,
 *                                                 DATA is the user data of each data chunk
 *     c|s ip proto=N [DATA] [ATTRIBUTES]        an IP packet with this payload; `offset=N`, `more`
 *                                               and `id=N` make it a fragment
 *     frame DATA [ATTRIBUTES]                   all bytes from the link header on
 *
 * DATA is "text" (with \r \n \t \0 \\ \" \x41) and hex:0a0b, several in a row put together; or
 * len=N, the bytes craft_pattern() of their positions.
 *
 * POSITIONS of a TCP side count from the first byte after its SYN, which is 0; so `seq = isn + 1 +
 * position`. Without @ a frame is at the side's next position: the highest end of what it sent. A
 * SYN is at -1, its data at 0. @P puts the frame at P; `@next-1` and `@next+10` count from the next
 * position. Data, SYN and FIN that end beyond it move it; RSTs and pure ACKs never do.
 *
 * FLAGS are SYN FIN RST PSH ACK URG ECE CWR. ACK comes by itself except with SYN or RST, PSH with
 * data. What is acknowledged is all that the other side sent.
 *
 * ATTRIBUTES of TCP
 *     flags=SFRPAUEC  exactly these, or flags=0         noack      without ACK
 *     ack=N           acknowledges the other side up to position N
 *     seq=N           this sequence number; the next position stays
 *     win=N           the window field, at first 65535  urg=N      URG and its pointer
 *     mss=N ws=N sackok ts[=VALUE,ECHO]                 options, in this order; ts by itself is the
 *                                                       time in ms and the other side's last one
 *     sack=LIST       pairs of positions of the other side
 *     options=HEX     after the others; padded with NOP
 * of SCTP
 *     tag=N           the verification tag              tsn=N      of the data, from the first
 *     adler           the checksum of RFC 2960
 * of TCP, UDP, SCTP and ICMP
 *     bad-checksum    wrong, and not by offload         offload    the uncomplemented pseudo-header
 *     no-checksum     zero                                         sum (TCP and UDP)
 * of every IP packet
 *     ttl=N           or hop limit, at first 64         id=N       at first 1, 2, 3, ...; IPv6
 *     df              do not fragment                              has it in fragments only
 *     iplen=N         says this length (total in IPv4, payload in IPv6)
 *     bad-ip-checksum                                   from=IP    another source address
 *     frag=LIST       in fragments, cut at these offsets of the IP payload, multiples of 8
 *     order=LIST      which of them are sent: order=2,0,1; one may be left out or come twice
 *     vlan=LIST       802.1Q tags, the outer first
 * of every frame
 *     pad=N           zero bytes after the packet       snap=N     captured bytes, at most
 *     wire=N          says this length on the wire      rep=N      the line, N times over
 *     poke=AT:HEX     overwrites bytes of the finished frame, at this offset in it */
#ifndef SEINE_TESTS_CRAFT_H
#define SEINE_TESTS_CRAFT_H

#include <stddef.h>
#include <stdint.h>

struct craft_frame {
    uint8_t *bytes; /* owned by the struct craft */
    size_t len;     /* bytes captured */
    uint32_t wire_len;
    int64_t time_ns; /* never negative; 0 for the first frame of a script without `at` */
};

struct craft {
    struct craft_frame *frames;
    size_t count;
    uint32_t link_type; /* LINKTYPE_ value, as in a pcap header */
};

struct craft_error {
    char text[200]; /* "line 3: ..." */
};

/* The frames of a script. A script that makes no sense gives NULL and a sentence; with `err` NULL
 * it is a bug of the test, and ends the process with the sentence. */
struct craft *craft_frames(const char *script, struct craft_error *err);
void craft_free(struct craft *c); /* NULL is allowed */

enum { CRAFT_BIG_ENDIAN = 1, CRAFT_NANOSECONDS = 2 };

/* A pcap file in memory; `options` is 0 for little-endian with microseconds. For free(). */
uint8_t *craft_pcap(size_t *len, const struct craft *c, unsigned options);

/* The byte that len= puts at a position. Neighbours, and positions that a power of two lies
 * between, differ as random bytes do. */
uint8_t craft_pattern(int64_t position);

#endif
