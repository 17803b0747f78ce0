/* detours_test.c - conversations whose directions take different ways through tunnels are one, and
 * conversations that only look alike stay two. */
#include "scene.h"
#include "suite.h"

#define IN(kind) "tunnel " kind "\n"
#define PLAIN IN("none")
#define IPIP IN("ipip 192.0.2.1 192.0.2.2")
#define GRE IN("gre 192.0.2.1 192.0.2.2")
#define VXLAN_7 IN("vxlan 192.0.2.1 192.0.2.2 7")
#define VXLAN_8 IN("vxlan 192.0.2.1 192.0.2.2 8")
#define DIFFERS "tunnel_differs"
#define CARRIER "udp one_way D capture_end guessed"

static const struct scene joined[] = {
    {"direct server return: requests in IP in IP, answers without",
     .script = IPIP "c SYN\n" PLAIN "s SYN ACK\n" IPIP "c; c 'AAA'\n" PLAIN "s 'BB'\n" IPIP
                    "c 'CC' FIN\n" PLAIN "s FIN\n" IPIP "c",
     .client = "AAACC", .server = "BB", .flows = "closed ShADdFf fin", .oddities = DIFFERS},
    {"and the other way round",
     .script = "c SYN\n" GRE "s SYN ACK\n" PLAIN "c; c 'A'\n" GRE "s 'B'", .client = "A",
     .server = "B", .flows = "established ShADd capture_end", .oddities = DIFFERS},
    {"two tunnels, of which one names a network",
     .script = GRE "c SYN\n" VXLAN_7 "s SYN ACK\n" GRE "c 'A'\n" VXLAN_7 "s 'B'", .client = "A | ",
     .server = "B | ", .flows = "established ShDd capture_end | " CARRIER, .oddities = DIFFERS},
    {"picked up in the middle", .script = "c 'AAA'\n" IPIP "s 'BB'; s 'CC'\n" PLAIN "c 'D'",
     .client = "AAAD", .server = "BBCC", .flows = "midstream Dd capture_end guessed",
     .oddities = DIFFERS},
    {"a refusal too", .script = "c SYN\n" IPIP "s RST ACK", .flows = "rejected Sr reset",
     .oddities = DIFFERS},
    {"the five-tuple is used again",
     .script = "c SYN\n" IPIP "s SYN ACK\n" PLAIN "c 'A' FIN\n" IPIP "s FIN\n" PLAIN
               "c\nisn client 99000\nisn server 77000\nc SYN\n" IPIP "s SYN ACK\n" PLAIN
               "c 'B'\n" IPIP "s 'C'",
     .client = "A | B", .server = " | C",
     .flows = "closed ShFfA fin | established ShDd capture_end", .oddities = DIFFERS " x2"},
};

#define MIDSTREAM "midstream D capture_end guessed"
#define OPENED "established ShADd capture_end"

static const struct scene apart[] = {
    {"two networks with the same ends and the same numbers",
     .script =
         VXLAN_7 OPEN VXLAN_8 OPEN VXLAN_7 "c @0 'AA'; s @0 'BB'\n" VXLAN_8 "c @0 'CC'; s @0 'DD'",
     .client = " | AA |  | CC", .server = " | BB |  | DD",
     .flows = CARRIER " | " OPENED " | " CARRIER " | " OPENED},
    {"also where each shows one side first",
     .script = VXLAN_7 "c SYN\n" VXLAN_8 "s SYN ACK\n" VXLAN_7 "c 'A'\n" VXLAN_8 "s 'B'",
     .client = " | A |  | ", .server = " |  |  | B",
     .flows = CARRIER " | established SD capture_end | " CARRIER " | established hd capture_end"},
    {"a network without a tunnel beside one with the same numbers",
     .script = PLAIN "c SYN\n" VXLAN_7 "c SYN\n" PLAIN "s SYN ACK\n" VXLAN_7 "s SYN ACK\n" PLAIN
                     "c; c @0 'AA'; s @0 'BB'\n" VXLAN_7 "c; c @0 'CC'; s @0 'DD'",
     .client = "AA |  | CC | ", .server = "BB |  | DD | ",
     .flows = OPENED " | " CARRIER " | " OPENED " | " CARRIER},
    {"a router captured on both sides, the copy in the tunnel last",
     .script = PLAIN "c SYN\n" GRE "c SYN; s SYN ACK\n" PLAIN "s SYN ACK; c; c @0 'A'\n" GRE
                     "c; c @0 'A'; s @0 'B'\n" PLAIN "s @0 'B'",
     .client = "A | A", .server = "B | B", .flows = OPENED " | " OPENED},
    {"an answer to another SYN", .script = "c SYN\n" GRE "s SYN ACK ack=5000", .server = NULL,
     .flows = "attempt S capture_end | handshake h capture_end"},
    {"an answer with a wrong checksum", .script = "c SYN\n" GRE "s SYN ACK bad-checksum",
     .flows = "attempt S capture_end | handshake ch capture_end", .oddities = "bad_checksum"},
    {"data that nobody expects", .script = "c 'AAA'\n" GRE "s @3000000 'B'", .client = "AAA | ",
     .server = " | B", .flows = MIDSTREAM " | midstream d capture_end guessed"},
    {"data that acknowledges what was not sent", .script = "c 'AAA'\n" GRE "s ack=9 'B'",
     .client = "AAA | ", .server = " | B", .flows = MIDSTREAM " | midstream d capture_end guessed"},
    {"what the same side sends elsewhere", .script = "c 'AAA'\n" GRE "c 'BB'", .client = "AAA | BB",
     .flows = MIDSTREAM " | " MIDSTREAM},
    {"datagrams", .script = "c udp 'A'\n" GRE "s udp 'B'", .client = "A | ", .server = " | B"},
    {"by a key of the user's own, all of it", .script = "c SYN\n" GRE "s SYN ACK",
     .flows = "attempt S capture_end | handshake h capture_end", .stage = {.key = "tunnel,vlan"}},
};

/* Where the other end turns up in the tunnel as well, what follows is told apart by its key. */
static const struct scene ended[] = {
    {"a copy in the tunnel, of which an answer came first",
     .script = PLAIN "c SYN\n" GRE "s SYN ACK; c; c @0 'A'; s @0 'B'\n" PLAIN "c @0 'A'; s @0 'B'",
     .client = "A | A", .server = "B | B",
     .flows = "established ShDd capture_end | midstream ADd capture_end guessed",
     .oddities = DIFFERS},
};

static void are_one(void)
{
    check_scenes(joined, COUNT(joined));
}

static void stay_two(void)
{
    check_scenes(apart, COUNT(apart));
}

static void end(void)
{
    check_scenes(ended, COUNT(ended));
}

static const struct test tests[] = {
    {"what continues a flow by another way belongs to it", are_one},
    {"what does not stays apart", stay_two},
    {"a detour ends where the other end speaks there too", end},
};
SUITE("detours", tests)
