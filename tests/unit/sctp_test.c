/* sctp_test.c - associations of SCTP: their packets, checksums and chunks, and what is told of them. */
#include "dissect/sctp.h"

#include "scene.h"
#include "suite.h"

#include <stdlib.h>
#include <string.h>

/* RFC 3720 B.4 has the CRC32c of 32 bytes of zeros. */
static void checksums(void)
{
    uint8_t bytes[300] = {0};

    CU_ASSERT_EQUAL(sctp_crc32c(span_of(bytes, 32)),
                    0x8a9136aa); /* from its bytes in the RFC, lowest first */
    CU_ASSERT_EQUAL(sctp_crc32c_plain(span_of(bytes, 32)), 0x8a9136aa);
    memset(bytes + 8, 0xff, 4); /* what stands in the field does not count */
    CU_ASSERT_EQUAL(sctp_crc32c(span_of(bytes, 32)), 0x8a9136aa);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 197 + 5);
    for (size_t len = SCTP_HEADER_LEN; len < sizeof bytes; len++)
        CU_ASSERT_EQUAL(sctp_crc32c(span_of(bytes, len)), sctp_crc32c_plain(span_of(bytes, len)));
    memset(bytes, 0, sizeof bytes); /* n zeros: the lower half stays 1, the upper one counts them */
    CU_ASSERT_EQUAL(sctp_adler32(span_of(bytes, 32)), 32u << 16 | 1);
}

static void check_walk(const char *what, const uint8_t *bytes, size_t len, size_t missing,
                       size_t chunks, uint32_t user_len, enum sctp_walk end)
{
    struct span rest = span_of(bytes, len);
    struct sctp_chunk chunk;
    enum sctp_walk walk;
    size_t count = 0;
    uint32_t users = 0;

    while ((walk = sctp_chunk_next(&rest, &missing, &chunk)) == SCTP_CHUNK) {
        count++;
        users += sctp_user_len(&chunk);
        CU_ASSERT(chunk.value.len <= chunk.len);
    }
    if (count != chunks || users != user_len || walk != end)
        printf("\n    %s: %zu chunks, %u bytes, end %d\n", what, count, users, (int)walk);
    CU_ASSERT(count == chunks && users == user_len && walk == end);
}

static void chunks(void)
{
    static const uint8_t two[] = {0, 3, 0,   19,  0,   0, 0,  1, 0, 0,  0, 0, 0,   0,
                                  0, 0, 'a', 'b', 'c', 0, 64, 3, 0, 22, 0, 0, 0,   2,
                                  0, 0, 0,   0,   0,   0, 0,  0, 0, 0,  0, 0, 'd', 'e'};
    static const uint8_t longer[] = {0, 3, 0, 20, 0, 0, 0, 1};
    static const uint8_t shorter[] = {0, 3, 0, 3, 0, 0, 0, 1};
    static const uint8_t bare[] = {0, 3, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0};

    check_walk("DATA and I-DATA, the last unpadded", two, sizeof two, 0, 2, 5, SCTP_END);
    check_walk("its padding cut off", two, sizeof two, 2, 2, 5, SCTP_END);
    check_walk("no chunk", two, 0, 0, 0, 0, SCTP_END);
    check_walk("half a chunk header", two, 23, 0, 1, 3, SCTP_BROKEN);
    check_walk("half a chunk header, the rest cut off", two, 23, 19, 1, 3, SCTP_CUT);
    check_walk("a value that was cut off", two, 24, 18, 2, 5, SCTP_END);
    check_walk("everything was cut off", two, 0, 42, 0, 0, SCTP_CUT);
    check_walk("longer than its packet", longer, sizeof longer, 0, 0, 0, SCTP_BROKEN);
    check_walk("longer than was captured", longer, sizeof longer, 12, 1, 4, SCTP_END);
    check_walk("shorter than its header", shorter, sizeof shorter, 0, 0, 0, SCTP_BROKEN);
    check_walk("DATA too short for its own", bare, sizeof bare, 0, 1, 0, SCTP_END);
}

#define INIT "c sctp init; s sctp init-ack; c sctp cookie-echo; s sctp cookie-ack\n"
#define CLOSE "c sctp shutdown; s sctp shutdown-ack; c sctp shutdown-complete\n"

static const struct scene scenes[] = {
    {"an association from its handshake to its end",
     .script = INIT "c sctp data 'AAAA'; s sctp sack+data 'BB'; c sctp sack\n" CLOSE, .client = "",
     .server = "", .flows = "sctp closed ShDdAFf fin",
     .counts = "client 6 packets 4 bytes 0 again, server 4 packets 2 bytes 0 again, rtt 2 ms"},
    {"who answered an INIT is the server, whatever the ports and the order",
     .script = "client 10.0.0.1:80; server 10.0.0.2:40000; s sctp init-ack; c sctp init",
     .client = "", .server = "", .flows = "sctp handshake hS capture_end"},
    {"an INIT without an answer", .script = "c sctp init; c sctp init", .client = "", .server = "",
     .flows = "sctp attempt S capture_end"},
    {"one that is refused", .script = "c sctp init; s sctp abort", .client = "", .server = "",
     .flows = "sctp rejected Sr reset"},
    {"one that is refused by who has no tag of its own",
     .script = "c sctp init; s sctp abort-t tag=1000", .client = "", .server = "",
     .flows = "sctp rejected Sr reset"},
    {"without its handshake", .script = "s sctp data 'AAA'; c sctp sack", .client = "",
     .server = "", .flows = "sctp midstream dA capture_end guessed",
     .counts = "client 1 packets 0 bytes 0 again, server 1 packets 3 bytes 0 again"},
    {"data with the cookie", .script = "c sctp init; s sctp init-ack; c sctp cookie-echo+data 'AA'",
     .client = "", .server = "", .flows = "sctp handshake ShD capture_end",
     .counts = "client 2 packets 2 bytes 0 again, server 1 packets 0 bytes 0 again, rtt 2 ms"},
    {"several chunks in a packet, and both kinds of them",
     .script = INIT "c sctp data+data 'AAA'; s sctp i-data 'B'", .client = "", .server = "",
     .counts = "client 3 packets 6 bytes 0 again, server 3 packets 1 bytes 0 again, rtt 2 ms"},
    {"what comes again is no new payload",
     .script = INIT "c sctp data 'AAA'; c sctp data 'BB' tsn=0; c sctp data 'C' tsn=5",
     .client = "", .server = "", .flows = "sctp established ShDT capture_end",
     .counts = "client 5 packets 4 bytes 2 again, server 2 packets 0 bytes 0 again, rtt 2 ms"},
    {"an abort ends it, and what comes after is odd",
     .script = INIT "s sctp abort; c sctp data 'AA'", .client = "", .server = "",
     .oddities = "data_after_reset", .flows = "sctp reset ShrD reset"},
    {"an abort without the right tag does not",
     .script = INIT "s sctp abort tag=7; c sctp abort-t tag=7; c sctp data 'AA'", .client = "",
     .server = "", .oddities = "reset_out_of_window x2",
     .flows = "sctp established ShD capture_end"},
    {"nor does a receiver take data with another tag", .script = INIT "c sctp data 'AA' tag=7",
     .client = "", .server = "", .oddities = "wrong_tag",
     .counts = "client 3 packets 0 bytes 0 again, server 2 packets 0 bytes 0 again, rtt 2 ms"},
    {"the same ends again are another association",
     .script = INIT CLOSE "isn client 7 server 9\n" INIT "isn client 70\n"
                          "c sctp init; s sctp abort-t tag=70; isn client 71; c sctp init",
     .client = "", .server = "",
     .flows = "sctp closed ShFf fin | sctp established Sh reused | sctp rejected Sr reset | "
              "sctp attempt S capture_end"},
    {"an INIT that comes again is not", .script = INIT "c sctp init; s sctp init-ack", .client = "",
     .server = "", .flows = "sctp established Sh capture_end"},
    {"both ends may begin",
     .script = "c sctp init; s sctp init; s sctp init-ack; c sctp init-ack; "
               "c sctp cookie-echo; s sctp cookie-ack",
     .client = "", .server = "", .flows = "sctp established SshH capture_end"},
    {"an association that is idle does not end, and one that is closed does",
     .script = INIT "at +9000\n" CLOSE "at +121; c sctp shutdown-ack", .client = "", .server = "",
     .flows = "sctp closed ShFf fin | sctp closing F capture_end guessed"},
    {"once a side has shown a right checksum, a wrong one does not count",
     .script = INIT "c sctp abort bad-checksum; s sctp data 'AA'", .client = "", .server = "",
     .oddities = "bad_checksum", .flows = "sctp established ShCd capture_end"},
    {"zero is left to the network card", .script = "c sctp data 'AA' offload", .client = "",
     .server = "", .oddities = "checksum_offload",
     .counts = "client 1 packets 2 bytes 0 again, server 0 packets 0 bytes 0 again"},
    {"the Adler-32 of old is right, and odd", .script = "c sctp data 'AA' adler", .client = "",
     .server = "", .oddities = "old_checksum", .flows = "sctp midstream D capture_end guessed"},
    {"chunks that contradict the packet", .script = INIT "c sctp data+broken+data 'AA'",
     .client = "", .server = "", .oddities = "bad_chunk",
     .counts = "client 3 packets 2 bytes 0 again, server 2 packets 0 bytes 0 again, rtt 2 ms"},
    {"of what the snap length cut, the chunk says how much it was",
     .script = INIT "c sctp data 'AAAAAAAA' snap=54", .client = "", .server = "",
     .counts = "client 3 packets 8 bytes 0 again, server 2 packets 0 bytes 0 again, rtt 2 ms"},
    {"in fragments, over IPv6 and in a tunnel it is the same",
     .script = "client [2001:db8::1]:4000; server [2001:db8::2]:80; tunnel gre 192.0.2.1 "
               "192.0.2.2\n" INIT "c sctp data len=64 frag=40 order=1,0",
     .client = "", .server = "", .flows = "sctp established ShD capture_end",
     .counts = "client 3 packets 64 bytes 0 again, server 2 packets 0 bytes 0 again, rtt 2 ms"},
    {"a window of zero", .script = "c sctp sack win=0", .client = "", .server = "",
     .flows = "sctp midstream WA capture_end guessed"},
};

static void associations(void)
{
    check_scenes(scenes, COUNT(scenes));
}

static void quotes(void)
{
    struct telling t;
    telling_init(&t, "c sctp init; s icmp unreachable=2 quote=28", NULL);
    CU_ASSERT(is_whole(&t, "a quote of SCTP"));
    CU_ASSERT_STRING_EQUAL(t.frames, "0:1, 1:2, 0:2");
    telling_release(&t);
}

static const struct test tests[] = {
    {"both checksums are those of the RFCs", checksums},
    {"chunks are walked to where they end", chunks},
    {"associations are flows", associations},
    {"an ICMP error belongs to the association that it quotes", quotes},
};
SUITE("sctp", tests)
