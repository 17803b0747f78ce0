/* seq_test.c - the door between sequence numbers that wrap and positions that do not. */
#include "reassembly/seq.h"

#include "suite.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

static const uint32_t bases[] = {
    0, 1, 2, 1000, INT32_MAX, 0x80000000, 0x80000001, UINT32_MAX - 1, UINT32_MAX, 0xdeadbeef};

/* Positions that a stream has reached: at its beginning, below it, and after many wraps. */
static const int64_t places[] = {0,
                                 1,
                                 -1,
                                 -1000,
                                 INT32_MAX,
                                 INT64_C(1) << 31,
                                 UINT32_MAX,
                                 INT64_C(1) << 32,
                                 (INT64_C(1) << 32) + 1,
                                 -(INT64_C(1) << 32),
                                 (INT64_C(1) << 31) - (INT64_C(1) << 34),
                                 INT64_C(123456789012345),
                                 INT64_C(1) << 60};

/* How far from there a segment may be, and still be told apart. */
static const int64_t centres[] = {0,      -(INT64_C(1) << 31), INT64_C(1) << 31, 1460, -1460, 65535,
                                  1 << 20};

enum { AROUND = 300 };

static bool can_be_told(int64_t distance)
{
    return distance >= -(INT64_C(1) << 31) && distance < INT64_C(1) << 31;
}

/* The number on the wire of a position: RFC 9293 3.4 in so many words. */
static uint32_t on_the_wire(uint32_t base, int64_t position)
{
    int64_t round = INT64_C(1) << 32;
    int64_t number = (position % round + round + (int64_t)base) % round;
    return (uint32_t)number;
}

static void check_around(uint32_t base, int64_t near, int64_t centre)
{
    for (int64_t distance = centre - AROUND; distance <= centre + AROUND; distance++) {
        int64_t position = near + distance;
        int64_t found = seq_position(on_the_wire(base, position), base, near);
        int64_t expected = position;
        if (distance < -(INT64_C(1) << 31))
            expected += INT64_C(1) << 32;
        else if (!can_be_told(distance))
            expected -= INT64_C(1) << 32;
        if (found == expected)
            continue;
        printf("\n    base %" PRIu32 ", near %" PRId64 ": %" PRId64 " is read as %" PRId64 "\n",
               base, near, position, found);
        CU_FAIL("a position is not read back");
        return;
    }
}

static void reads_back(void)
{
    for (size_t b = 0; b < sizeof(bases) / sizeof(bases[0]); b++) {
        for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
            for (size_t c = 0; c < sizeof(centres) / sizeof(centres[0]); c++)
                check_around(bases[b], places[p], centres[c]);
        }
    }
}

static void nearest(void)
{
    CU_ASSERT_EQUAL(seq_position(5, UINT32_MAX - 4, 0), 10);
    CU_ASSERT_EQUAL(seq_position(UINT32_MAX, 0, 0), -1);
    CU_ASSERT_EQUAL(seq_position(0x7fffffff, 0, 0), INT32_MAX);
    CU_ASSERT_EQUAL(seq_position(0x80000000, 0, 0), INT32_MIN);
    CU_ASSERT_EQUAL(seq_position(0x80000000, 0, 1), INT64_C(1) << 31);
}

/* A stream of 20 GiB, one step a window, never loses its place. */
static void walks_on(void)
{
    const int64_t step = (INT64_C(1) << 30) - 3;
    int64_t position = 0;
    for (int i = 0; i < 20; i++) {
        int64_t next = position + step;
        CU_ASSERT_EQUAL(seq_position(on_the_wire(77, next), 77, position), next);
        position = next;
    }
}

static const struct test tests[] = {
    {"every position is read back from its number, at every distance", reads_back},
    {"of the positions that a number may mean, the nearest is meant", nearest},
    {"a stream may wrap many times", walks_on},
};
SUITE("seq", tests)
