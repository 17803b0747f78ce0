/* places_test.c - where packets were seen: numbers, and which flows and fragments they keep apart. */
#include "reassembly/places.h"

#include "scene.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct places *table(size_t memory, unsigned parts)
{
    struct places *p = places_new(memory, parts);
    if (!p)
        abort();
    return p;
}

static void words(void)
{
    static const struct {
        const char *written, *read; /* NULL: refused */
    } rows[] = {
        {"none", "none"},
        {"tunnel", "tunnel"},
        {"vlan", "vlan"},
        {"vlan,tunnel", "tunnel,vlan"},
        {"interface,vlan,tunnel,vlan", "tunnel,vlan,interface"},
        {"", NULL},
        {"vlan,", NULL},
        {",vlan", NULL},
        {"none,vlan", NULL},
        {"vlans", NULL},
        {"vla", NULL},
        {"tunnel vlan", NULL},
    };
    char text[PLACE_PARTS_LEN];

    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned parts = 99;
        bool read = place_parts_read(&parts, rows[i].written);
        CU_ASSERT_EQUAL(read, rows[i].read != NULL);
        CU_ASSERT(read || parts == 99);
        if (!read || !rows[i].read)
            continue;
        place_parts_text(text, parts);
        CU_ASSERT_STRING_EQUAL(text, rows[i].read);
    }
}

/* The number of a packet with up to two tags (0 is none), at an interface, in a path. */
static uint16_t number(struct places *p, uint16_t outer, uint16_t inner, uint32_t interface_id,
                       const char *path)
{
    struct frame frame = {.interface_id = interface_id};
    struct packet packet = {.frame = &frame, .vlans = {outer, inner}};
    const char *tunnel;

    packet.vlan_count = (uint8_t)((outer > 0) + (inner > 0));
    strcpy(packet.tunnel, path);
    uint16_t found = places_number(p, &tunnel, &packet);
    CU_ASSERT(*path ? tunnel != NULL && strcmp(tunnel, path) == 0 : tunnel == NULL);
    return found;
}

static void numbers(void)
{
    struct places *p = table(1 << 20, PLACE_DEFAULT);
    CU_ASSERT_EQUAL(number(p, 7, 8, 1, ""), PLACE_NONE);
    CU_ASSERT_EQUAL(number(p, 7, 8, 1, "gre"), 1);
    CU_ASSERT_EQUAL(number(p, 0, 0, 0, "gre"), 1);
    places_free(p);

    p = table(1 << 20, 0);
    CU_ASSERT_EQUAL(number(p, 7, 8, 1, "gre"), PLACE_NONE);
    places_free(p);

    p = table(1 << 20, PLACE_VLAN);
    CU_ASSERT_EQUAL(number(p, 0, 0, 3, "gre"), PLACE_NONE);
    CU_ASSERT_EQUAL(number(p, 7, 8, 0, ""), 1);
    CU_ASSERT_EQUAL(number(p, 7, 0, 0, ""), 2);
    CU_ASSERT_EQUAL(number(p, 8, 7, 0, ""), 3);
    CU_ASSERT_EQUAL(number(p, 7, 8, 5, "gre"), 1);
    places_free(p);

    p = table(1 << 20, PLACE_TUNNEL | PLACE_VLAN | PLACE_INTERFACE);
    CU_ASSERT_EQUAL(number(p, 0, 0, 0, ""), PLACE_NONE);
    CU_ASSERT_EQUAL(number(p, 7, 0, 0, ""), 1);
    CU_ASSERT_EQUAL(number(p, 7, 0, 0, "gre"), 2);
    CU_ASSERT_EQUAL(number(p, 7, 0, 65536, "gre"), 3);
    CU_ASSERT_EQUAL(number(p, 0, 0, 65536, ""), 4);
    CU_ASSERT_EQUAL(number(p, 0, 0, 1, ""), 5);
    CU_ASSERT_EQUAL(number(p, 7, 0, 0, "gre"), 2);
    CU_ASSERT_FALSE(places_is_shared(p, 5));
    places_free(p);
}

/* What has a number keeps it. */
static void no_room(void)
{
    struct places *p = table(2000, PLACE_VLAN);
    uint16_t last = 0;

    for (uint16_t vlan = 1; last != PLACE_OTHER && vlan < 100; vlan++)
        last = number(p, vlan, 0, 0, "");
    CU_ASSERT_EQUAL(last, PLACE_OTHER);
    CU_ASSERT(places_is_shared(p, last));
    CU_ASSERT_EQUAL(number(p, 1, 0, 0, ""), 1);
    CU_ASSERT(places_memory_peak(p) <= 2000);
    places_free(p);
}

#define DIRECTIONS "c SYN vlan=10; s SYN ACK vlan=20; c vlan=10; c 'AAA' vlan=10; s 'BB' vlan=20"
#define NETWORKS                                      \
    "tunnel vxlan 192.0.2.1 192.0.2.2 7\nc udp 'A'\n" \
    "tunnel vxlan 192.0.2.1 192.0.2.2 8\nc udp 'B'"
#define DATAGRAMS "udp one_way D capture_end guessed" /* the carriers' come first */
#define PIECES                                              \
    "c ip proto=17 id=5 more hex:9c40005000100000 vlan=1\n" \
    "c ip proto=17 id=5 offset=8 'aaaaaaaa' vlan=2"

static const struct scene scenes[] = {
    {"tags that differ by direction are of one conversation", .script = DIRECTIONS, .client = "AAA",
     .server = "BB", .flows = "established ShADd capture_end"},
    {"unless they are of the key", .script = DIRECTIONS, .client = "AAA | ", .server = " | BB",
     .flows = "established SAD capture_end | established hd capture_end",
     .stage.key = "tunnel,vlan"},
    {"equal tags in both are of one all the same", .script = "every vlan=10,20\n" OPEN "c 'AAA'",
     .client = "AAA", .flows = "established ShAD capture_end", .stage.key = "vlan"},
    {"equal addresses in two networks are not", .script = NETWORKS, .client = " | A | B",
     .flows = DATAGRAMS " | " DATAGRAMS " | " DATAGRAMS},
    {"unless the tunnel is not of the key", .script = NETWORKS, .client = " | A|B",
     .flows = DATAGRAMS " | " DATAGRAMS, .stage.key = "none"},
    {"nor if only the tags are", .script = NETWORKS, .client = " | A|B",
     .flows = DATAGRAMS " | " DATAGRAMS, .stage.key = "vlan,interface"},
    {"fragments meet whatever their tags", .script = PIECES, .client = "aaaaaaaa"},
    {"and do not when tags are of the key", .script = PIECES, .oddities = "fragments_incomplete x2",
     .stage.key = "vlan"},
};

static void kept_apart(void)
{
    check_scenes(scenes, COUNT(scenes));
}

/* An error belongs to what it quotes in its own place. */
static void quotes(void)
{
    const struct stage stage = {.key = "vlan"};
    const char *script = "c udp \"A\" vlan=1; s icmp unreachable=3 vlan=2";
    struct telling t;

    telling_init(&t, script, NULL);
    CU_ASSERT_STRING_EQUAL(t.frames, "0:1, 1:2, 0:2");
    telling_release(&t);
    telling_init(&t, script, &stage);
    CU_ASSERT_STRING_EQUAL(t.frames, "0:1, 1:2");
    telling_release(&t);
}

/* Those of which there is no place of their own are told apart by their five-tuples, and say so. */
static void shared(void)
{
    enum { VLANS = 300 };
    const struct stage stage = {.key = "vlan", .memory = 400000};
    static char script[VLANS * 64];
    struct telling t;
    size_t len = 0;

    for (unsigned vlan = 1; vlan <= VLANS; vlan++)
        len += (size_t)sprintf(script + len, "c udp \"A\" vlan=%u\n", vlan);
    sprintf(script + len, "c udp \"B\" vlan=1\nc udp \"C\" vlan=%u", VLANS);
    telling_init(&t, script, &stage);
    CU_ASSERT(is_whole(&t, "many VLANs"));
    CU_ASSERT_STRING_EQUAL(t.oddities, "key_shared");
    CU_ASSERT(strncmp(t.client, "A|B | A | ", 10) == 0);
    CU_ASSERT(strlen(t.client) > 20 && strcmp(t.client + strlen(t.client) - 9, "A|A|A|A|C") == 0);
    telling_release(&t);
}

static const struct test tests[] = {
    {"the words of a key", words},
    {"places are numbered as they are seen", numbers},
    {"when there is no room, the rest share one", no_room},
    {"what is of the key keeps conversations apart, and nothing else does", kept_apart},
    {"an error belongs to what it quotes in its own place", quotes},
    {"flows of places that share a number say so", shared},
};
SUITE("places", tests)
