/* pressure_test.c - less is kept step by step, and more again when there is time. */
#include "pipeline/pressure.h"

#include "suite.h"

#include <string.h>

static const int64_t MS = 1000000;

static void goes_up_step_by_step(void)
{
    struct pressure p = {0};

    CU_ASSERT_FALSE(pressure_see(&p, 69, 1 * MS));
    CU_ASSERT_TRUE(pressure_see(&p, 70, 2 * MS));
    CU_ASSERT_EQUAL(p.level, SHED_LONG_STREAMS);
    CU_ASSERT_EQUAL(p.above, PRESSURE_LONG_MOST);
    CU_ASSERT_FALSE(pressure_see(&p, 85, 3 * MS)); /* the step wants a moment */
    CU_ASSERT_TRUE(pressure_see(&p, 85, 103 * MS));
    CU_ASSERT_EQUAL(p.above, PRESSURE_LONG_MOST / 8);
    CU_ASSERT_TRUE(pressure_see(&p, 75, 203 * MS));
    CU_ASSERT_EQUAL(p.above, PRESSURE_LONG_LEAST);
    CU_ASSERT_FALSE(pressure_see(&p, 75, 303 * MS)); /* enough for as much as this */
    CU_ASSERT_TRUE(pressure_see(&p, 80, 403 * MS));
    CU_ASSERT_EQUAL(p.level, SHED_NEW_STREAMS);
    CU_ASSERT_FALSE(pressure_see(&p, 89, 1000 * MS));
    CU_ASSERT_TRUE(pressure_see(&p, 90, 1001 * MS));
    CU_ASSERT_EQUAL(p.level, SHED_ALL_BUT_FLOWS);
    CU_ASSERT_FALSE(pressure_see(&p, 100, 2000 * MS));
}

static void hurries_when_it_is_nearly_full(void)
{
    struct pressure p = {0};

    pressure_see(&p, 100, 1 * MS);
    CU_ASSERT_TRUE(pressure_see(&p, 100, 101 * MS));
    CU_ASSERT_EQUAL(p.level, SHED_NEW_STREAMS);
    CU_ASSERT_TRUE(pressure_see(&p, 100, 201 * MS));
    CU_ASSERT_EQUAL(p.level, SHED_ALL_BUT_FLOWS);
}

static void comes_back_when_it_stays_little(void)
{
    struct pressure p = {.level = SHED_ALL_BUT_FLOWS, .above = PRESSURE_LONG_LEAST};
    char text[160];

    CU_ASSERT_FALSE(pressure_see(&p, 10, 1000 * MS));
    CU_ASSERT_FALSE(pressure_see(&p, 30, 1500 * MS)); /* it was not little all the time */
    CU_ASSERT_FALSE(pressure_see(&p, 10, 1600 * MS));
    CU_ASSERT_FALSE(pressure_see(&p, 10, 2599 * MS));
    for (int level = SHED_NEW_STREAMS; level >= SHED_NOTHING; level--) {
        CU_ASSERT_TRUE(pressure_see(&p, 0, 10000 * MS * (SHED_ALL_BUT_FLOWS - level)));
        CU_ASSERT_EQUAL((int)p.level, level);
        pressure_text(text, sizeof text, &p);
        CU_ASSERT(strlen(text) > 0);
        CU_ASSERT_FALSE(pressure_see(&p, 0, 10000 * MS * (SHED_ALL_BUT_FLOWS - level) + 1));
    }
    CU_ASSERT_FALSE(pressure_see(&p, 0, 90000 * MS));
}

static void a_disk_that_fills_keeps_less(void)
{
    const uint64_t all = 1000, little = pressure_disk_little(all);
    enum store_shed level = SHED_NOTHING;

    CU_ASSERT(little > 0 && little < all);
    CU_ASSERT_EQUAL(pressure_of_disk(level, little, all), SHED_NOTHING);
    CU_ASSERT_EQUAL(pressure_of_disk(level, little - 1, all), SHED_NOTHING);
    level = pressure_of_disk(level, little / 2 - 1, all);
    CU_ASSERT_EQUAL(level, SHED_NEW_STREAMS);
    CU_ASSERT_EQUAL(pressure_of_disk(level, little - 1, all), SHED_NEW_STREAMS);
    level = pressure_of_disk(level, little / 4 - 1, all);
    CU_ASSERT_EQUAL(level, SHED_ALL_BUT_FLOWS);
    CU_ASSERT_EQUAL(pressure_of_disk(level, little / 2 - 1, all), SHED_ALL_BUT_FLOWS);
    CU_ASSERT_EQUAL(pressure_of_disk(level, little, all), SHED_NOTHING);
    CU_ASSERT(pressure_disk_little((uint64_t)1 << 40) < (uint64_t)1 << 30);
}

static const struct test tests[] = {
    {"it goes up step by step", goes_up_step_by_step},
    {"it hurries when nearly all is full", hurries_when_it_is_nearly_full},
    {"a disk that fills keeps less, until it has room", a_disk_that_fills_keeps_less},
    {"it comes back when there is little for a second", comes_back_when_it_stays_little},
};
SUITE("pressure", tests)
