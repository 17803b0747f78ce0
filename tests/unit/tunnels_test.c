/* tunnels_test.c - paths through tunnels have numbers, and flows are told apart by them. */
#include "reassembly/tunnels.h"

#include "scene.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct tunnels *table(size_t memory)
{
    struct tunnels *t = tunnels_new(memory);
    if (!t)
        abort();
    return t;
}

static void numbers(void)
{
    struct tunnels *t = table(1 << 20);
    const char *text;

    CU_ASSERT_EQUAL(tunnels_number(t, &text, ""), TUNNEL_NONE);
    CU_ASSERT_PTR_NULL(text);
    CU_ASSERT_EQUAL(tunnels_number(t, &text, "gre"), 1);
    CU_ASSERT_STRING_EQUAL(text, "gre");
    CU_ASSERT_EQUAL(tunnels_number(t, &text, "vxlan:7"), 2);
    CU_ASSERT_EQUAL(tunnels_number(t, NULL, "vxlan:70"), 3);
    CU_ASSERT_EQUAL(tunnels_number(t, &text, "gre"), 1);
    CU_ASSERT_STRING_EQUAL(text, "gre");
    CU_ASSERT_EQUAL(tunnels_number(t, &text, "vxlan:7"), 2);
    CU_ASSERT_STRING_EQUAL(text, "vxlan:7");
    tunnels_free(t);
}

static void many(void)
{
    struct tunnels *t = table(64 << 20);
    char path[32];
    const char *first, *text;

    tunnels_number(t, &first, "vxlan:1");
    for (unsigned i = 2; i < TUNNEL_OTHER; i++) {
        sprintf(path, "vxlan:%u", i);
        if (tunnels_number(t, NULL, path) != i)
            CU_FAIL("not in order");
    }
    CU_ASSERT_EQUAL(tunnels_number(t, &text, "gre"), TUNNEL_OTHER);
    CU_ASSERT_STRING_EQUAL(text, "other");
    CU_ASSERT_EQUAL(tunnels_number(t, &text, "vxlan:1"), 1);
    CU_ASSERT_PTR_EQUAL(text, first);
    tunnels_free(t);
}

static void no_room(void)
{
    struct tunnels *t = table(1000);
    char path[32];
    uint16_t last = 0;

    for (unsigned i = 0; last != TUNNEL_OTHER && i < 100; i++) {
        sprintf(path, "gre:%u", i);
        last = tunnels_number(t, NULL, path);
    }
    CU_ASSERT_EQUAL(last, TUNNEL_OTHER);
    CU_ASSERT_EQUAL(tunnels_number(t, NULL, "gre:0"), 1);
    CU_ASSERT(tunnels_memory_peak(t) <= 1000);
    tunnels_free(t);
    t = table(0);
    CU_ASSERT_EQUAL(tunnels_number(t, NULL, "gre"), TUNNEL_OTHER);
    tunnels_free(t);
}

#define IN(kind) "tunnel " kind "\n"
#define GRE IN("gre 192.0.2.1 192.0.2.2")
#define VXLAN_7 IN("vxlan 192.0.2.1 192.0.2.2 7")
#define VXLAN_8 IN("vxlan 192.0.2.1 192.0.2.2 8")
#define MIDSTREAM "midstream D capture_end guessed"
#define CARRIER "udp one_way D capture_end guessed"

static const struct scene scenes[] = {
    {"a conversation in a tunnel is rebuilt", .script = GRE OPEN "c 'AAA'; s 'BB'; c 'CC'",
     .client = "AAACC", .server = "BB", .flows = "established ShADd capture_end"},
    {"the same ends in different tunnels are different conversations",
     .script =
         VXLAN_7 "c @0 'AAA'\n" VXLAN_8 "c @0 'BBBB'\n" GRE "c @0 'C'\n" IN("none") "c @0 'DD'",
     .client = " | AAA | BBBB | C | DD",
     .flows = CARRIER " | " MIDSTREAM " | " MIDSTREAM " | " MIDSTREAM " | " MIDSTREAM},
    {"by whichever way the tunnel goes, it is one",
     .script = VXLAN_7 "c @0 'AAA'\n" IN("vxlan 192.0.2.7 192.0.2.9 7") "c @3 'BB'\n" IN(
         "vxlan 2001:db8::7 2001:db8::9 7") "c @5 'C'",
     .client = " | AAABBC |  | ", .flows = CARRIER " | " MIDSTREAM " | " CARRIER " | " CARRIER},
    {"datagrams and pings too",
     .script = GRE
     "c udp 'A'; c icmp echo 'E'; s icmp reply 'E'\n" IN("none") "s icmp reply 'E'; s udp 'B'",
     .client = "A | E |  | ", .server = " | E | E | B"},
};

static void flows_are_told_apart(void)
{
    check_scenes(scenes, COUNT(scenes));
}

/* An error in a tunnel is of the flow in the same tunnel. */
static void quotes(void)
{
    struct telling t;
    telling_init(&t,
                 VXLAN_7 "c udp \"A\"\n" IN("none") "c udp \"A\"\n" VXLAN_7 "s icmp unreachable=3",
                 NULL);
    CU_ASSERT(is_whole(&t, "a quote in a tunnel"));
    CU_ASSERT_STRING_EQUAL(t.frames, "0:1, 1:1, 2:2, 3:3, 4:3, 1:3");
    telling_release(&t);
}

/* A datagram of VXLAN, 51 bytes of payload, around one with a Z. */
#define AROUND_Z                                       \
    "hex:08000000000007000200000000020200000000010800" \
    "4500001d00070000401100000a0000010a00000200010002000900005a"

static const struct scene carriers[] = {
    {"what carries is a flow of its own, and its payload that of the other",
     .script = VXLAN_7 "c udp 'A'; c udp 'BB'", .client = " | A|BB",
     .counts = "client 2 packets 0 bytes 0 again 103 carried, server 0 packets 0 bytes 0 again | "
               "client 2 packets 3 bytes 0 again, server 0 packets 0 bytes 0 again"},
    {"what is no tunnel is payload of the same flow",
     .script = "client 192.0.2.1:40000; server 192.0.2.2:4789\n"
               "c udp 'no'; c udp " AROUND_Z "; c udp 'tunnel'",
     .client = "no|tunnel | Z",
     .counts = "client 3 packets 8 bytes 0 again 51 carried, server 0 packets 0 bytes 0 again | "
               "client 1 packets 1 bytes 0 again, server 0 packets 0 bytes 0 again"},
    {"in fragments it is one datagram",
     .script = "client 192.0.2.1:40000; server 192.0.2.2:4789\nc udp " AROUND_Z " frag=16,32",
     .client = " | Z",
     .counts = "client 1 packets 0 bytes 0 again 51 carried, server 0 packets 0 bytes 0 again | "
               "client 1 packets 1 bytes 0 again, server 0 packets 0 bytes 0 again"},
    {"a fragment is carried whether or not it becomes whole",
     .script = VXLAN_7 "c udp 'aaaaaaaabbbbbbbb' frag=8,16; "
                       "c ip proto=17 id=9 more hex:9c40005000100000",
     .client = " | aaaaaaaabbbbbbbb", .oddities = "fragments_incomplete",
     .counts = "client 4 packets 0 bytes 0 again 200 carried, server 0 packets 0 bytes 0 again | "
               "client 1 packets 16 bytes 0 again, server 0 packets 0 bytes 0 again"},
    {"whose answer is captured first has its server at the tunnel's port",
     .script = "client 192.0.2.1:40000; server 192.0.2.2:3544\ns udp 'x'; c udp 'y'", .client = "y",
     .server = "x", .flows = "udp two_way dD capture_end guessed"},
    {"but a port below 1024 says more",
     .script = "client 192.0.2.1:3544; server 192.0.2.2:53\ns udp 'x'; c udp 'y'", .client = "y",
     .server = "x", .flows = "udp two_way dD capture_end guessed"},
};

static void carriers_are_flows(void)
{
    check_scenes(carriers, COUNT(carriers));
}

static const struct test tests[] = {
    {"paths are numbered as they are seen", numbers},
    {"when there are too many, the rest share one", many},
    {"when there is no room, likewise", no_room},
    {"flows are told apart by their tunnels, not by who carries them", flows_are_told_apart},
    {"what carries others is a flow, too", carriers_are_flows},
    {"an error belongs to what it quotes in its own tunnel", quotes},
};
SUITE("tunnels", tests)
