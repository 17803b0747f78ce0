/* unpack_test.c - packets that came compressed are read as if they had not, or are left as they came. */
#include "reassembly/unpack.h"

#include "base/span.h"
#include "dissect/dissect.h"
#include "dissect/ipcomp.h"
#include "suite.h"

#define ZLIB_CONST
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { LINK_RAW = 101, UDP = 17, IPV4 = 4, LZS = 3, AGREED = 0x63e1, ROOM = 1 << 17 };

/* UDP from 10.0.0.1:1234 to 10.0.0.2:53 with "abc", its checksum right; of the other one wrong. */
static const uint8_t right[] = {0x04, 0xd2, 0, 0x35, 0, 0x0b, 0x22, 0x6c, 'a', 'b', 'c'};
static const uint8_t wrong[] = {0x04, 0xd2, 0, 0x35, 0, 0x0b, 0x22, 0x6d, 'a', 'b', 'c'};

static uint8_t bytes[ROOM];
static struct frame frame;
static struct packet packet;

static size_t deflated(uint8_t *to, size_t room, const void *data, size_t len)
{
    z_stream z = {0};

    if (deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    z.next_in = data;
    z.avail_in = (uInt)len;
    z.next_out = to;
    z.avail_out = (uInt)room;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END)
        abort();
    deflateEnd(&z);
    return room - z.avail_out;
}

/* An IPv4 packet from 10.0.0.1 to 10.0.0.2 with IPComp, its checksum left to the network card. */
static size_t compressed(uint8_t *to, uint8_t next, uint16_t index, const void *data, size_t len)
{
    static const uint8_t ip[20] = {0x45, 0, 0,  0, 0, 1, 0,  0, 64, 108,
                                   0,    0, 10, 0, 0, 1, 10, 0, 0,  2};

    memcpy(to, ip, sizeof ip);
    to[20] = next;
    to[21] = 0;
    to[22] = (uint8_t)(index >> 8);
    to[23] = (uint8_t)index;
    size_t whole = 24 + deflated(to + 24, ROOM / 2, data, len);
    to[2] = (uint8_t)(whole >> 8);
    to[3] = (uint8_t)whole;
    return whole;
}

static enum verdict open_frame(struct unpacker *u, size_t captured, size_t len)
{
    frame = (struct frame){.bytes = span_of(bytes, captured),
                           .wire_len = (uint32_t)len,
                           .number = 7,
                           .offset = 1000,
                           .link_type = LINK_RAW};
    CU_ASSERT_EQUAL(dissect(&frame, &packet), VERDICT_OTHER_TRANSPORT);
    CU_ASSERT(packet.compressed);
    return unpacker_open(u, &packet);
}

static bool is_abc(void)
{
    return packet.transport == UDP && packet.payload.len == 3 && packet.payload_len == 3 &&
           memcmp(packet.payload.data, "abc", 3) == 0 && packet.ends.src_port == 1234;
}

static void is_read(void)
{
    struct unpacker *u = unpacker_new();
    static const uint16_t indexes[] = {IPCOMP_DEFLATE, IPCOMP_NEGOTIATED_MIN, AGREED,
                                       IPCOMP_NEGOTIATED_MAX};

    for (size_t i = 0; i < sizeof indexes / sizeof indexes[0]; i++) {
        size_t len = compressed(bytes, UDP, indexes[i], right, sizeof right);
        CU_ASSERT_EQUAL(open_frame(u, len, len), VERDICT_OK);
        CU_ASSERT(is_abc());
        CU_ASSERT_EQUAL(packet.checksum, CHECKSUM_RIGHT);
        CU_ASSERT_FATAL(packet.piece_count == 1 && packet.frame_count == 1);
        CU_ASSERT_EQUAL(packet.pieces[0].offset, 0); /* nowhere in the capture */
        CU_ASSERT_EQUAL(packet.pieces[0].len, sizeof right);
        CU_ASSERT_EQUAL(packet.frames[packet.pieces[0].frame].number, 7);
        CU_ASSERT_PTR_EQUAL(packet.whole.data + 8, packet.payload.data);
    }
    unpacker_free(u);
}

static void is_left(void)
{
    struct unpacker *u = unpacker_new();
    static const uint16_t others[] = {0, 1, LZS, 255, 61440, 65535};
    size_t len;

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        len = compressed(bytes, UDP, others[i], right, sizeof right);
        CU_ASSERT_EQUAL(open_frame(u, len, len), VERDICT_OTHER_TRANSPORT);
    }
    /* By an index of its own a wrong checksum is the flow's matter, by an agreed one a sign that it is
     * something else. */
    len = compressed(bytes, UDP, IPCOMP_DEFLATE, wrong, sizeof wrong);
    CU_ASSERT_EQUAL(open_frame(u, len, len), VERDICT_OK);
    len = compressed(bytes, UDP, AGREED, wrong, sizeof wrong);
    CU_ASSERT_EQUAL(open_frame(u, len, len), VERDICT_OTHER_TRANSPORT);
    CU_ASSERT(packet.transport == 0 && !packet.pieces && packet.ip_payload.data == bytes + 24);
    unpacker_free(u);
}

static void damaged(void)
{
    struct unpacker *u = unpacker_new();
    size_t len = compressed(bytes, UDP, IPCOMP_DEFLATE, right, sizeof right);

    for (size_t captured = 24; captured < len; captured++)
        CU_ASSERT_EQUAL(open_frame(u, captured, len), VERDICT_TRUNCATED);
    for (size_t whole = 24; whole < len; whole++) { /* its end is not there */
        bytes[3] = (uint8_t)whole;
        CU_ASSERT_EQUAL(open_frame(u, whole, whole), VERDICT_MALFORMED);
    }
    bytes[3] = (uint8_t)(len + 1); /* nor is it all */
    bytes[len] = 0;
    CU_ASSERT_EQUAL(open_frame(u, len + 1, len + 1), VERDICT_MALFORMED);
    bytes[22] = AGREED >> 8;
    CU_ASSERT_EQUAL(open_frame(u, len + 1, len + 1), VERDICT_OTHER_TRANSPORT);
    CU_ASSERT_EQUAL(open_frame(u, len, len + 1), VERDICT_OTHER_TRANSPORT);

    len = compressed(bytes, UDP, IPCOMP_DEFLATE, right, sizeof right); /* after all that */
    CU_ASSERT_EQUAL(open_frame(u, len, len), VERDICT_OK);
    CU_ASSERT(is_abc());
    unpacker_free(u);
}

static void bombs(void)
{
    enum { BOMB = 10 << 20 };
    struct unpacker *u = unpacker_new();
    uint8_t *zeros = calloc(1, BOMB);

    CU_ASSERT_FATAL(u && zeros);
    size_t len = compressed(bytes, UDP, IPCOMP_DEFLATE, zeros, BOMB);
    CU_ASSERT_EQUAL(open_frame(u, len, len), VERDICT_MALFORMED);
    len = compressed(bytes, UDP, IPCOMP_DEFLATE, zeros, UNPACK_MOST + 1);
    CU_ASSERT_EQUAL(open_frame(u, len, len), VERDICT_MALFORMED);
    zeros[4] = zeros[5] = 0xff; /* a datagram as long as one can be, without a checksum */
    len = compressed(bytes, UDP, IPCOMP_DEFLATE, zeros, UNPACK_MOST);
    CU_ASSERT_EQUAL(open_frame(u, len, len), VERDICT_OK);
    CU_ASSERT_EQUAL(packet.payload.len, UNPACK_MOST - 8);
    free(zeros);
    unpacker_free(u);
}

/* In a tunnel; and compressed again, which stays as it is. */
static void inside(void)
{
    struct unpacker *u = unpacker_new();
    static uint8_t inner[ROOM];
    static const uint8_t ip[20] = {0x45, 0, 0,  31, 0, 1, 0,  0, 64, UDP,
                                   0,    0, 10, 0,  0, 1, 10, 0, 0,  2};

    memcpy(inner, ip, sizeof ip);
    memcpy(inner + 20, right, sizeof right);
    size_t len = compressed(bytes, IPV4, AGREED, inner, 31);
    CU_ASSERT_EQUAL(open_frame(u, len, len), VERDICT_OK);
    CU_ASSERT(is_abc());
    CU_ASSERT_STRING_EQUAL(packet.tunnel, "4in4");
    inner[6] = 0x20; /* a fragment of something */
    inner[3] = 20 + 8;
    len = compressed(bytes, IPV4, AGREED, inner, 28);
    CU_ASSERT_EQUAL(open_frame(u, len, len), VERDICT_FRAGMENT);

    size_t inner_len = compressed(inner, UDP, IPCOMP_DEFLATE, right, sizeof right);
    len = compressed(bytes, IPV4, IPCOMP_DEFLATE, inner, inner_len);
    CU_ASSERT_EQUAL(open_frame(u, len, len), VERDICT_OTHER_TRANSPORT);
    unpacker_free(u);
}

static const struct test tests[] = {
    {"DEFLATE is read, by its index and by those that ends agree on", is_read},
    {"what is not, or only looks so, is left as it came", is_left},
    {"so is what is cut, damaged or followed by something", damaged},
    {"and what would become longer than a packet", bombs},
    {"tunnels and fragments are found inside", inside},
};
SUITE("unpack", tests)
