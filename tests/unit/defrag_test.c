/* defrag_test.c - datagrams in pieces. Letters of eight are fragments. */
#include "reassembly/defrag.h"

#include "craft/craft.h"
#include "dissect/dissect.h"
#include "picture_sink.h"
#include "scene.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of a UDP datagram from 40000 to 80 with 24 bytes of payload and no checksum: a fragment at an
 * offset of the IP payload, in which the header is the first 8 bytes. */
#define AT(offset) "c ip proto=17 id=5 offset=" #offset " "
#define HEAD AT(0) "more hex:9c40005000200000\n"
#define A8 AT(8) "more 'aaaaaaaa'\n"
#define B8 AT(16) "more 'bbbbbbbb'\n"
#define C8 AT(24) "'cccccccc'\n"
#define WHOLE "aaaaaaaabbbbbbbbcccccccc"
#define V6 "client [2001:db8::1]:40000; server [2001:db8::2]:80\n"

static const struct scene order_scenes[] = {
    {"fragments in order", .script = HEAD A8 B8 C8, .client = WHOLE},
    {"fragments back to front", .script = C8 B8 A8 HEAD, .client = WHOLE},
    {"fragments in any order", .script = B8 HEAD C8 A8, .client = WHOLE},
    {"IPv6 in any order", .script = V6 B8 HEAD C8 A8, .client = WHOLE},
    {"fragments that come twice", .script = B8 B8 HEAD C8 C8 HEAD A8, .client = WHOLE},
    {"exact duplicates in IPv6 (RFC 8200 4.5)", .script = V6 B8 B8 HEAD C8 C8 HEAD A8,
     .client = WHOLE},
    {"a checksum over the fragments is judged over the whole",
     .script = "c udp 'aaaaaaaabbbbbbbbcccc' frag=8,16 order=2,0,1\n"
               "c udp 'dddddddd' frag=8 bad-checksum",
     .client = "aaaaaaaabbbbbbbbcccc", .refused = "client bad_checksum dddddddd@20",
     .oddities = "bad_checksum"},
    {"TCP in fragments is a segment",
     .script = OPEN "c 'AAAABBBBCCCC' frag=8,24 order=1,0,2; c 'DD'", .client = "AAAABBBBCCCCDD",
     .flows = "established ShAD capture_end"},
    {"ICMP in fragments", .script = "c icmp echo 'AAAAAAAAAAAAAAAA' frag=8,16; s icmp reply 'A' ",
     .client = "AAAAAAAAAAAAAAAA", .server = "A", .flows = "icmp 8/0 two_way Dd capture_end"},
    {"only what has the same id belongs together",
     .script = HEAD A8 B8 "c ip proto=17 id=6 offset=24 'xxxxxxxx'\n" C8, .client = WHOLE,
     .oddities = "fragments_incomplete"},
    {"and the same protocol", .script = HEAD A8 B8 "c ip proto=6 id=5 offset=24 'xxxxxxxx'\n" C8,
     .client = WHOLE, .oddities = "fragments_incomplete"},
    {"and the same addresses", .script = HEAD A8 B8 AT(24) "'xxxxxxxx' from=10.0.0.7\n" C8,
     .client = WHOLE, .oddities = "fragments_incomplete"},
};

static const struct scene overlap_scenes[] = {
    {"where fragments overlap and agree, nothing is odd",
     .script = HEAD A8 AT(8) "more 'aaaaaaaabbbbbbbb'\n" C8, .client = WHOLE},
    {"where they differ, the first wins", .script = HEAD A8 AT(8) "more 'xxxxxxxxbbbbbbbb'\n" C8,
     .client = WHOLE, .oddities = "fragment_conflict"},
    {"also when the later one lies around it",
     .script = B8 AT(8) "more 'aaaaaaaaxxxxxxxxxxxxxxxx'\n" AT(24) "'cccccccc'\n" HEAD,
     .client = "aaaaaaaabbbbbbbbxxxxxxxx", .oddities = "fragment_conflict x2"},
    {"also at its front", .script = B8 AT(8) "more 'aaaaaaaaxxxxxxxx'\n" HEAD C8, .client = WHOLE,
     .oddities = "fragment_conflict"},
    {"IPv6 fragments that overlap are refused, and all of their datagram (RFC 5722)",
     .script = V6 HEAD A8 AT(8) "more 'aaaaaaaabbbbbbbb'\n" C8 B8,
     .oddities = "fragment_overlap x3"},
    {"a duplicate with other bytes is an overlap in IPv6",
     .script = V6 HEAD A8 AT(8) "more 'xxxxxxxx'\n", .oddities = "fragment_overlap"},
    {"what lies behind the last fragment contradicts it",
     .script = HEAD A8 AT(32) "more 'xxxxxxxx'\n" B8 C8, .oddities = "fragment_conflict"},
    {"even if the bytes add up", .script = HEAD A8 AT(24) "more 'xxxxxxxx'\n" AT(24) "\n",
     .oddities = "fragment_conflict"},
    {"of two last fragments the first counts", .script = C8 AT(16) "'xxxxxxxx'\n" HEAD A8,
     .client = "aaaaaaaaxxxxxxxxcccccccc", .oddities = "fragment_conflict"},
    {"a fragment beyond what a datagram can be is malformed",
     .script = HEAD "c ip proto=17 id=5 offset=65528 'xxxxxxxx'",
     .oddities = "malformed, fragments_incomplete"},
};

/* The fragments of Novak 2005, as in Suricata's src/defrag.c (DefragDoSturgesNovakTest), eight bytes
 * behind the header of a UDP datagram; a letter below is eight bytes. */
#define F(offset, letters) "c ip proto=17 id=5 more offset=" #offset " '" letters "'\n"
#define X8(c) c c c c c c c c
#define X16(c) X8(c) X8(c)
#define X24(c) X16(c) X8(c)
#define NOVAK                                                                                \
    "c ip proto=17 id=5 more offset=0 hex:9c40005000c80000\n" F(8, X24("A")) F(40, X16("B")) \
        F(56, X24("C")) F(88, X8("D")) F(112, X16("E")) F(128, X24("F")) F(152, X16("G"))    \
            F(168, X16("H")) F(184, X8("I")) F(16, X24("J") X8("J")) F(56, X24("K"))         \
                F(80, X24("L")) F(104, X24("M")) F(136, X8("N")) F(160, X8("O"))             \
                    F(168, X8("P")) "c ip proto=17 id=5 offset=184 '" X16("Q") "'\n"
#define OTHERS(name, picture)                                                                    \
    {                                                                                            \
        name, .script = NOVAK, .client = picture, .oddities = "fragment_conflict x8", .stage = { \
            .fragment_policy = name                                                              \
        }                                                                                        \
    }

static const struct scene policy_scenes[] = {
    OTHERS("bsd", X24("A") X16("J") X8("B") X24("C") X24("L") X24("M") X24("F") X16("G") X16("H")
                      X8("I") X8("Q")),
    OTHERS("linux", X24("A") X16("J") X8("B") X24("K") X24("L") X24("M") X24("F") X16("G") X8("P")
                        X8("H") X16("Q")),
    OTHERS("windows", X24("A") X8("J") X16("B") X24("C") X24("L") X8("M") X16("E") X24("F") X16("G")
                          X16("H") X8("I") X8("Q")),
    OTHERS("solaris", X24("A") X8("J") X16("B") X24("C") X24("L") X24("M") X24("F") X16("G")
                          X16("H") X8("I") X8("Q")),
    OTHERS("first", X24("A") X8("J") X16("B") X24("C") X8("L") X8("D") X8("L") X8("M") X16("E")
                        X24("F") X16("G") X16("H") X8("I") X8("Q")),
    OTHERS("last", X8("A") X24("J") X8("J") X8("B") X24("K") X24("L") X24("M") X8("F") X8("N")
                       X8("F") X8("G") X8("O") X8("P") X8("H") X16("Q")),
    /* Suricata has no test of this one: by the rule in Snort's ip_defrag.cc. */
    OTHERS("bsd-right", X8("A") X24("J") X16("B") X24("K") X24("L") X24("M") X24("F") X16("G")
                            X16("H") X16("Q")),
    {"a fragment inside another cuts it in two",
     .script = HEAD AT(8) "more 'aaaaaaaabbbbbbbb'\n" AT(8) "more 'xxxxxxxx'\n" C8,
     .client = "xxxxxxxxbbbbbbbbcccccccc", .oddities = "fragment_conflict",
     .stage = {.fragment_policy = "last"}},
    {"what replaces a cut fragment is whole",
     .script = HEAD AT(8) "more 'aaaaaaaa' snap=36\n" A8 B8 C8, .client = WHOLE,
     .stage = {.fragment_policy = "last"}},
    {"IPv6 is refused under every policy",
     .script = V6 HEAD A8 AT(8) "more 'aaaaaaaabbbbbbbb'\n" C8 B8,
     .oddities = "fragment_overlap x3", .stage = {.fragment_policy = "last"}},
};

/* What PYROLYSE measured of lwIP 2.1.2, the one stack whose answers its repository has: ANSSI-FR/pyrolyse at
 * dd5e116, target/custom_stack/lwip_2.1.2/ipv4/output/ipv4_peoe_payload.json, and the same in ipv6. Of the
 * 13 ways in which two fragments can lie it answered six, tests 2 (di), 5 (fi), 11 (si), 4 (eq), 8 (m) and 7
 * (mi), in the order of the scenes. The files have numbers, not names; the names follow from the lengths of
 * the answers, as lwIP drops a fragment that overlaps a held one (src/core/ipv4/ip4_frag.c). So it
 * answers where what came first has all of the other's bytes, with what came first, as does `first`, our
 * default. Where the later one has bytes of its own lwIP never answers: no one wins there. */
#define FIRST24 AT(8) "more 'aaaaaaaabbbbbbbbcccccccc'\n"
#define PYROLYSE(name, fragments, picture, told)                                                  \
    {                                                                                             \
        name, .script = HEAD_OF_32 fragments AT(32) "'zzzzzzzz'\n", .client = picture "zzzzzzzz", \
              .oddities = told                                                                    \
    }
#define HEAD_OF_32 AT(0) "more hex:9c40005000280000\n"

static const struct scene pyrolyse_scenes[] = {
    PYROLYSE("the later one lies within the first", FIRST24 AT(16) "more 'xxxxxxxx'\n", WHOLE,
             "fragment_conflict"),
    PYROLYSE("begins with it", FIRST24 AT(8) "more 'xxxxxxxxxxxxxxxx'\n", WHOLE,
             "fragment_conflict"),
    PYROLYSE("ends with it", FIRST24 AT(16) "more 'xxxxxxxxxxxxxxxx'\n", WHOLE,
             "fragment_conflict"),
    PYROLYSE("is equal to it", FIRST24 AT(8) "more 'xxxxxxxxxxxxxxxxxxxxxxxx'\n", WHOLE,
             "fragment_conflict"),
    PYROLYSE("meets its end", A8 AT(16) "more 'xxxxxxxxxxxxxxxx'\n", "aaaaaaaaxxxxxxxxxxxxxxxx",
             NULL),
    PYROLYSE("meets its front", B8 AT(8) "more 'xxxxxxxx'\n" AT(24) "more 'cccccccc'\n",
             "xxxxxxxxbbbbbbbbcccccccc", NULL),
};

static const struct scene cut_scenes[] = {
    {"a cut at the end", .script = HEAD A8 B8 AT(24) "'cccccccc' snap=36\n",
     .client = "aaaaaaaabbbbbbbbcc~~~~~~", .gaps = "client 18+6 truncated"},
    {"what follows a cut is not offered", .script = HEAD AT(8) "more 'aaaaaaaa' snap=36\n" B8 C8,
     .client = "aa~~~~~~~~~~~~~~~~~~~~~~", .gaps = "client 2+22 truncated"},
    {"a header that was cut", .script = AT(0) "more hex:9c40005000200000 snap=38\n" A8 B8 C8,
     .oddities = "truncated"},
};

static const struct scene waiting_scenes[] = {
    {"at the end what is not whole is told", .script = HEAD A8 C8 "c udp 'z'", .client = "z",
     .oddities = "fragments_incomplete"},
    {"fragments wait for a minute", .script = HEAD A8 "at +59\n" B8 C8, .client = WHOLE},
    {"and no longer", .script = HEAD A8 "at +61\n" B8 C8, .oddities = "fragments_incomplete x2"},
    {"a clock that runs backwards gives nothing up", .script = "at 1000\n" HEAD A8 "at 10\n" B8 C8,
     .client = WHOLE},
};

static void order(void)
{
    check_scenes(order_scenes, COUNT(order_scenes));
}
static void overlaps(void)
{
    check_scenes(overlap_scenes, COUNT(overlap_scenes));
}
static void policies(void)
{
    check_scenes(policy_scenes, COUNT(policy_scenes));
}
static void pyrolyse(void)
{
    check_scenes(pyrolyse_scenes, COUNT(pyrolyse_scenes));
}
static void cuts(void)
{
    check_scenes(cut_scenes, COUNT(cut_scenes));
}
static void waiting(void)
{
    check_scenes(waiting_scenes, COUNT(waiting_scenes));
}

/* Both versions of what differs first are told. */
static void texts(void)
{
    struct telling t;
    telling_init(&t,
                 "c ip proto=17 id=5 offset=8 more \"aaaaaaaabbbbbbbb\"\n"
                 "c ip proto=17 id=5 offset=16 more \"bbxybbbb\"\n",
                 NULL);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(t.calls, "byte 18 of the datagram: frame 1 has 6262, frame 2 7879"));
    telling_release(&t);
}

static void frames(void)
{
    struct telling t;
    telling_init(&t, "c udp \"z\"; c udp \"aaaaaaaabbbbbbbb\" frag=8,16 order=1,1,0,2; s udp \"y\"",
                 NULL);
    CU_ASSERT(is_whole(&t, "a datagram in fragments"));
    CU_ASSERT_STRING_EQUAL(t.frames, "0:1, 0:2, 0:3, 0:4, 0:5, 0:6");
    CU_ASSERT_STRING_EQUAL(t.verdicts, "ok fragment fragment fragment ok ok");
    CU_ASSERT_STRING_EQUAL(t.counts, "client 2 packets 17 bytes 0 again, "
                                     "server 1 packets 1 bytes 0 again");
    telling_release(&t);
}

/* ---- ceilings ---- */

/* Twenty datagrams of which one fragment is missing, then the missing ones. */
static void memory(void)
{
    char script[20 * 300] = "";
    struct telling t;
    struct stage stage = {.fragment_memory = 8 * 1024};

    for (int round = 0; round < 2; round++) {
        for (int id = 1; id <= 20; id++)
            sprintf(script + strlen(script), "c ip proto=17 id=%d offset=%d len=%d %s\n", id,
                    round == 0 ? 8 : 0, round == 0 ? 400 : 8, round == 0 ? "" : "more");
    }
    telling_init(&t, script, &stage);
    CU_ASSERT(is_whole(&t, "many datagrams"));
    const char *first = strstr(t.calls, "oddity fragments_evicted frame ");
    CU_ASSERT_PTR_NOT_NULL_FATAL(first);
    CU_ASSERT_EQUAL(strncmp(first, "oddity fragments_evicted frame 1\n", 33), 0); /* the oldest */
    CU_ASSERT_PTR_NOT_NULL(strstr(first + 1, "oddity fragments_evicted frame 2\n"));
    telling_release(&t);
}

/* The oldest datagram itself needs more room: others go. */
static void memory_for_the_oldest(void)
{
    char script[1000] = "";
    struct telling t;
    struct stage stage = {.fragment_memory = 12 * 1024};

    for (int id = 1; id <= 8; id++)
        sprintf(script + strlen(script), "c ip proto=17 id=%d offset=8 len=200 more\n", id);
    strcat(script, "c ip proto=17 id=1 offset=208 len=1400 more\n"
                   "c ip proto=17 id=1 offset=1608 len=1400\n"
                   "c ip proto=17 id=1 offset=0 hex:9c4000500bc00000 more\n");
    telling_init(&t, script, &stage);
    CU_ASSERT(is_whole(&t, "a datagram that grows"));
    CU_ASSERT_EQUAL(strlen(t.client), 3000);
    CU_ASSERT_PTR_NOT_NULL(strstr(t.calls, "oddity fragments_evicted frame 2\n"));
    CU_ASSERT_PTR_NULL(strstr(t.calls, "oddity fragments_evicted frame 1\n"));
    telling_release(&t);
}

static void no_memory(void)
{
    struct telling t;
    struct stage stage = {.fragment_memory = 100};
    telling_init(&t, "c udp \"aaaaaaaabbbbbbbb\" frag=8,16; c udp \"z\"", &stage);
    CU_ASSERT(is_whole(&t, "no memory"));
    CU_ASSERT_STRING_EQUAL(t.client, "z");
    CU_ASSERT_STRING_EQUAL(t.oddities, "fragments_evicted x3");
    telling_release(&t);
}

/* A datagram as long as can be, eight bytes at a time, from the end. */
static void tiny(void)
{
    enum { LEN = 65512 };
    char *script;
    size_t script_len;
    struct telling t;
    FILE *out = open_memstream(&script, &script_len);
    if (!out)
        abort();
    for (int at = LEN - 8; at > 0; at -= 8)
        fprintf(out, "c ip proto=17 id=5 offset=%d \"aaaaaaaa\"%s\n", at,
                at + 8 < LEN ? " more" : "");
    fprintf(out, "c ip proto=17 id=5 offset=0 more hex:9c400050ffe80000\n");
    fclose(out);
    telling_init(&t, script, NULL);
    CU_ASSERT(is_whole(&t, "8189 fragments"));
    CU_ASSERT_STRING_EQUAL(t.oddities, "");
    CU_ASSERT_EQUAL(strlen(t.client), LEN - 8);
    telling_release(&t);
    free(script);
}

/* ---- where the bytes came from ---- */

/* A capture in memory, whose frames lie at their offsets. */
struct tape {
    struct craft *craft;
    uint8_t *bytes;
    size_t len;
};

static void tape_init(struct tape *tape, const char *script)
{
    tape->craft = craft_frames(script, NULL);
    tape->len = 0;
    for (size_t i = 0; i < tape->craft->count; i++)
        tape->len += tape->craft->frames[i].len;
    tape->bytes = malloc(tape->len);
    if (!tape->bytes)
        abort();
    size_t at = 0;
    for (size_t i = 0; i < tape->craft->count; i++) {
        memcpy(tape->bytes + at, tape->craft->frames[i].bytes, tape->craft->frames[i].len);
        at += tape->craft->frames[i].len;
    }
}

static void tape_release(struct tape *tape)
{
    craft_free(tape->craft);
    free(tape->bytes);
}

/* Whether each piece says where on the tape its bytes are, in a frame that is one of the packet's,
 * and all pieces together are what the packet has. */
static bool are_pieces_right(const struct packet *p, const struct tape *tape)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < p->piece_count; i++) {
        const struct piece *piece = &p->pieces[i];
        if (piece->start != at || piece->len > piece->wire_len || piece->frame >= p->frame_count)
            return false;
        const struct frame *frame = &p->frames[piece->frame];
        if (frame->bytes.data || piece->offset < frame->offset ||
            piece->offset + piece->len > frame->offset + frame->bytes.len)
            return false;
        if (memcmp(p->whole.data + at, tape->bytes + piece->offset, piece->len) != 0)
            return false;
        at += piece->len;
    }
    return at == p->whole.len && p->frames[p->frame_count - 1].number == p->frame->number;
}

/* Plays a tape on which one datagram is made whole; false when it is not, or its pieces are wrong. */
static bool is_traced(const struct tape *tape, const struct policy *policy)
{
    struct picture_sink sink;
    struct frame frame = {.link_type = tape->craft->link_type};
    struct packet packet;
    unsigned whole = 0;
    bool right = true;

    picture_sink_init(&sink);
    struct defrag *d = defrag_new(&sink.sink, 1 << 20, policy, PLACE_DEFAULT);
    for (size_t i = 0; d && i < tape->craft->count; i++) {
        frame.number = i + 1;
        frame.bytes = span_of(tape->bytes + frame.offset, tape->craft->frames[i].len);
        frame.wire_len = tape->craft->frames[i].wire_len;
        if (dissect(&frame, &packet) == VERDICT_FRAGMENT && defrag_push(d, &packet) == VERDICT_OK) {
            whole++;
            right &= are_pieces_right(&packet, tape);
            break;
        }
        frame.offset += tape->craft->frames[i].len;
    }
    defrag_free(d);
    picture_sink_release(&sink);
    return right && whole == 1;
}

/* A number below `limit`, the same on every machine. */
static size_t some(uint64_t *state, size_t limit)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(*state >> 33) % limit;
}

/* Fragments at random places, of random lengths, that overlap and conflict, until all is there. */
static void pieces(void)
{
    for (uint64_t seed = 0; seed < 500; seed++) {
        uint64_t state = seed;
        char script[100 * 80] = "";
        for (int i = 0; i < 50; i++) {
            size_t at = 8 * some(&state, 12);
            sprintf(script + strlen(script), "c ip proto=17 id=5 offset=%zu more len=%zu%s\n", at,
                    8 * (1 + some(&state, 3)), some(&state, 4) ? "" : " snap=60");
        }
        /* What is missing still: a last fragment first, then everything. */
        strcat(script, "c ip proto=17 id=5 offset=112 \"zzzz\"\n"
                       "c ip proto=17 id=5 offset=0 more len=112\n");
        struct tape tape;
        tape_init(&tape, script);
        bool traced = is_traced(&tape, fragment_policy_at(seed % 7));
        CU_ASSERT(traced);
        tape_release(&tape);
        if (!traced) {
            printf("\n    seed %llu\n%s", (unsigned long long)seed, script);
            break;
        }
    }
}

/* A datagram in fragments, each alone in a tunnel, and that in fragments again. */
#define INSIDE_A \
    "c ip proto=4 hex:45000024000720004011000009000001090000029c400050001800006161616161616161 "
#define INSIDE_B                                                \
    "c ip proto=4 hex:4500001c00070002401100000900000109000002" \
    "6262626262626262 "

static const struct scene tunnel_scenes[] = {
    {"a tunnel in fragments is made whole, and gone into",
     .script = "c ip proto=4 hex:4500002400070000401100000900000109000002"
               "9c400050001000006161616161616161 frag=8,24 order=2,0,1",
     .client = "aaaaaaaa", .flows = "udp one_way D capture_end guessed"},
    {"fragments in a tunnel are made whole", .script = INSIDE_A "\n" INSIDE_B,
     .client = "aaaaaaaabbbbbbbb"},
    {"fragments in a tunnel in fragments are made whole",
     .script = INSIDE_A "frag=8,24\n" INSIDE_B "frag=16 order=1,0", .client = "aaaaaaaabbbbbbbb"},
    {"and in any order", .script = INSIDE_B "frag=16\n" INSIDE_A "frag=24 order=1,0",
     .client = "aaaaaaaabbbbbbbb"},
    {"fragments in different tunnels do not belong together",
     .script =
         "tunnel gre 192.0.2.1 192.0.2.2\n" HEAD A8 "tunnel vxlan 192.0.2.1 192.0.2.2 7\n" B8 C8,
     .oddities = "fragments_incomplete x2"},
    {"in the same they do",
     .script = "tunnel vxlan 192.0.2.1 192.0.2.2 7\n" HEAD A8
               "tunnel vxlan 192.0.2.3 192.0.2.4 7\n" B8 C8,
     .client = " |  | " WHOLE}, /* the first two carry the pieces */
    {"what the snap length cut of a fragment inside is missing",
     .script = INSIDE_A "frag=8,24 snap=40\n" INSIDE_B,
     .oddities = "truncated, fragments_incomplete"},
};

static void tunnels(void)
{
    check_scenes(tunnel_scenes, COUNT(tunnel_scenes));
}

static void pieces_in_tunnels(void)
{
    static const char *const scripts[] = {
        INSIDE_A "\n" INSIDE_B,
        INSIDE_A "frag=8,24\n" INSIDE_B "frag=16 order=1,0",
        INSIDE_B "frag=8,16,24 order=3,1,2,0\n" INSIDE_A "frag=24 order=1,0",
        ("c ip proto=4 hex:4500002400070000401100000900000109000002"
         "9c400050001000006161616161616161 frag=8,24 order=2,0,1"),
    };

    for (size_t i = 0; i < COUNT(scripts); i++) {
        struct tape tape;
        tape_init(&tape, scripts[i]);
        CU_ASSERT(is_traced(&tape, fragment_policy_at(0)));
        tape_release(&tape);
    }
}

static const struct test tests[] = {
    {"fragments are put in order", order},
    {"overlaps are decided, and told", overlaps},
    {"each policy gives what Suricata's tests expect of it", policies},
    {"where lwIP answered PYROLYSE, the first policy gives the same bytes", pyrolyse},
    {"what the snap length cut of a fragment is missing in the datagram", cuts},
    {"a datagram that is not whole is given up", waiting},
    {"a conflict has both versions in its text", texts},
    {"every fragment is a frame of the flow, before the one that made it whole", frames},
    {"when memory is full the oldest datagram is given up", memory},
    {"but never the one that needs the room", memory_for_the_oldest},
    {"without memory every fragment is told", no_memory},
    {"a datagram may have thousands of fragments", tiny},
    {"every byte is traced to its frame and offset", pieces},
    {"tunnels and fragments go through each other", tunnels},
    {"also there every byte is traced to its frame and offset", pieces_in_tunnels},
};
SUITE("defrag", tests)
