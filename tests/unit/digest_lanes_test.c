/* digest_lanes_test.c - several messages at a time have the digests that each has by itself. */
#include "base/digest.h"

#include "property/generator.h"
#include "suite.h"

#include <string.h>

enum { PARTS = 40, PIECES = 6, BYTES = 1 << 15 };

static uint8_t bytes[BYTES];

/* The ways that this processor has, alone and together. */
static const struct {
    bool sixteen, pair;
} ways[] = {{false, false}, {true, false}, {false, true}, {true, true}};

static bool has_way(size_t way)
{
    return (!ways[way].sixteen || digest_can(DIGEST_SIXTEEN)) &&
           (!ways[way].pair || digest_can(DIGEST_PAIRS));
}

static void bytes_make(void)
{
    uint64_t luck = 7;

    for (size_t i = 0; i < BYTES; i++)
        bytes[i] = (uint8_t)random_below(&luck, 256);
}

/* Digests of parts, several of which may be of the same one, by a way and piece by piece. */
struct trial {
    struct digest lanes[PARTS], plain[PARTS];
    struct digest_part parts[PARTS];
    struct iovec pieces[PARTS][PIECES];
};

static void trial_begin(struct trial *t)
{
    for (int i = 0; i < PARTS; i++) {
        digest_start(&t->lanes[i]);
        digest_start(&t->plain[i]);
    }
}

/* Adds so many parts; `len` of each piece is made by the caller, in t->pieces. */
static void trial_add(struct trial *t, size_t way, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct digest *plain = t->plain + (t->parts[i].digest - t->lanes);
        t->parts[i].pieces = t->pieces[i];
        for (unsigned p = 0; p < t->parts[i].piece_count; p++)
            digest_add(plain, span_of(t->pieces[i][p].iov_base, t->pieces[i][p].iov_len));
    }
    digest_add_each_by(ways[way].sixteen, ways[way].pair, t->parts, count);
}

static void trial_end(struct trial *t)
{
    uint8_t lanes[PARTS][DIGEST_LEN], together[PARTS][DIGEST_LEN], plain[DIGEST_LEN],
        *values[PARTS];
    struct digest copies[PARTS];

    memcpy(copies, t->lanes, sizeof copies);
    for (int i = 0; i < PARTS; i++) {
        values[i] = together[i];
        digest_value(&t->lanes[i], lanes[i]);
    }
    digest_value_each(values, copies, PARTS);
    for (int i = 0; i < PARTS; i++) {
        digest_value(&t->plain[i], plain);
        CU_ASSERT_EQUAL(memcmp(lanes[i], plain, DIGEST_LEN), 0);
        CU_ASSERT_EQUAL(memcmp(together[i], plain, DIGEST_LEN), 0);
    }
}

static void any_pieces(void)
{
    static struct trial t;
    uint64_t luck = 1;

    bytes_make();
    for (int round = 0; round < 200; round++) {
        for (size_t way = 0; way < sizeof ways / sizeof ways[0]; way++) {
            const unsigned digests = 1 + (unsigned)random_below(&luck, PARTS);
            const unsigned len_most = 1u << random_below(&luck, 12);
            if (!has_way(way))
                continue;
            trial_begin(&t);
            for (int again = 0; again < 2; again++) { /* on from within a block */
                const size_t count = random_below(&luck, PARTS + 1);
                for (size_t i = 0; i < count; i++) {
                    t.parts[i].digest = &t.lanes[random_below(&luck, digests)];
                    t.parts[i].piece_count = (unsigned)random_below(&luck, PIECES + 1);
                    for (unsigned p = 0; p < PIECES; p++)
                        t.pieces[i][p] = (struct iovec){bytes + random_below(&luck, BYTES / 2),
                                                        random_below(&luck, len_most + 1)};
                }
                trial_add(&t, way, count);
            }
            trial_end(&t);
        }
    }
}

static void every_length(void)
{
    static struct trial t;

    bytes_make();
    for (size_t way = 0; way < sizeof ways / sizeof ways[0]; way++) {
        for (size_t least = 0; least < 200 && has_way(way); least += PARTS) {
            trial_begin(&t);
            for (size_t i = 0; i < PARTS; i++) {
                t.parts[i] = (struct digest_part){.digest = &t.lanes[i], .piece_count = 1};
                t.pieces[i][0] = (struct iovec){bytes + i, least + i};
            }
            trial_add(&t, way, PARTS);
            trial_end(&t);
        }
    }
}

static void as_published(void)
{
    /* FIPS 180-4's examples: one block, two blocks. */
    static char abc[] = "abc", two[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    static const char *const wanted[] = {
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"};
    struct digest digests[2];
    const struct iovec pieces[] = {{abc, 3}, {two, 56}};
    const struct digest_part parts[] = {{&digests[0], &pieces[0], 1}, {&digests[1], &pieces[1], 1}};
    char hex[DIGEST_HEX_LEN + 1];

    digest_start(&digests[0]);
    digest_start(&digests[1]);
    digest_add_each(parts, 2);
    for (int i = 0; i < 2; i++) {
        digest_end(&digests[i], hex);
        CU_ASSERT_STRING_EQUAL(hex, wanted[i]);
    }
}

static void lengths_beyond_32_bits(void)
{
    struct digest lanes[2], plain[2];
    static const size_t len = BYTES;
    const struct iovec pieces[] = {{bytes, len}, {bytes, len}};
    const struct digest_part parts[] = {{&lanes[0], &pieces[0], 1}, {&lanes[1], &pieces[1], 1}};
    char one[DIGEST_HEX_LEN + 1], other[DIGEST_HEX_LEN + 1];

    for (size_t way = 0; way < sizeof ways / sizeof ways[0]; way++) {
        if (!has_way(way))
            continue;
        for (int i = 0; i < 2; i++) {
            digest_start(&plain[i]);
            plain[i].sha256.Nl = UINT32_MAX - 511; /* bits: as if half a gigabyte had come */
            lanes[i] = plain[i];
            digest_add(&plain[i], span_of(bytes, len));
        }
        digest_add_each_by(ways[way].sixteen, ways[way].pair, parts, 2);
        for (int i = 0; i < 2; i++) {
            digest_end(&lanes[i], one);
            digest_end(&plain[i], other);
            CU_ASSERT_STRING_EQUAL(one, other);
        }
    }
}

static const struct test tests[] = {
    {"examples of the standard come out as published", as_published},
    {"messages of every length about a block's have the digests that they have alone",
     every_length},
    {"pieces of any length, of digests that are begun, come out as added one after another",
     any_pieces},
    {"the count of bits goes over 32 of them", lengths_beyond_32_bits},
};
SUITE("digest_lanes", tests)
