/* ranges_test.c - sets of positions against a plain array of them.
 *
 * In a picture '#' is a position in the set; the first character is position 0. */
#include "reassembly/ranges.h"

#include "property/generator.h"
#include "suite.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAP_LEN = 300, LOTS = 1 << 20 };

static struct range told[RANGES_MAX + 1];
static uint32_t told_count;

static void draw(char picture[], const struct range *items, uint32_t count, size_t len)
{
    memset(picture, '.', len);
    picture[len] = '\0';
    for (uint32_t i = 0; i < count; i++)
        memset(picture + items[i].begin, '#', (size_t)(items[i].end - items[i].begin));
}

static void check(const struct ranges *r, const char *set, const char *parts)
{
    char picture[64];
    draw(picture, ranges_items(r), r->count, strlen(set));
    CU_ASSERT_STRING_EQUAL(picture, set);
    draw(picture, told, told_count, strlen(parts));
    CU_ASSERT_STRING_EQUAL(picture, parts);
}

static void adds(void)
{
    struct ranges r = {0};
    struct budget budget;
    budget_init(&budget, LOTS);

    CU_ASSERT(ranges_add(&r, told, &told_count, 3, 5, &budget));
    check(&r, "...##.....", "...##.....");
    CU_ASSERT(ranges_add(&r, told, &told_count, 5, 6, &budget)); /* touches its end */
    check(&r, "...###....", ".....#....");
    CU_ASSERT(ranges_add(&r, told, &told_count, 2, 3, &budget)); /* touches its begin */
    check(&r, "..####....", "..#.......");
    CU_ASSERT_EQUAL(r.count, 1);
    CU_ASSERT_EQUAL(budget.used, 0); /* one range lies in the struct */
    CU_ASSERT(ranges_add(&r, told, &told_count, 8, 9, &budget));
    check(&r, "..####..#.", "........#.");
    CU_ASSERT(ranges_add(&r, told, &told_count, 3, 5, &budget)); /* inside */
    check(&r, "..####..#.", "..........");
    CU_ASSERT(ranges_add(&r, told, &told_count, 0, 10, &budget)); /* around */
    check(&r, "##########", "##....##.#");
    CU_ASSERT_EQUAL(r.count, 1);
    ranges_release(&r, &budget);
    CU_ASSERT_EQUAL(budget.used, 0);
}

static void cuts(void)
{
    struct ranges r = {0};
    struct budget budget;
    budget_init(&budget, LOTS);

    CU_ASSERT(ranges_add(&r, told, &told_count, 2, 8, &budget));
    CU_ASSERT(ranges_cut(&r, told, &told_count, 4, 5, &budget)); /* splits */
    check(&r, "..##.###..", "....#.....");
    CU_ASSERT(ranges_cut(&r, told, &told_count, 4, 5, &budget)); /* nothing there */
    check(&r, "..##.###..", "..........");
    CU_ASSERT(ranges_cut(&r, told, &told_count, 3, 6, &budget)); /* an end and a begin */
    check(&r, "..#...##..", "...#.#....");
    CU_ASSERT(ranges_cut(&r, told, &told_count, 0, 10, &budget)); /* all */
    check(&r, "..........", "..#...##..");
    CU_ASSERT_EQUAL(r.count, 0);
    CU_ASSERT(ranges_add(&r, told, &told_count, 1, 2, &budget)); /* and again */
    check(&r, ".#........", ".#........");
    ranges_release(&r, &budget);
    CU_ASSERT_EQUAL(budget.used, 0);
}

static void finds(void)
{
    struct ranges r = {0};
    struct budget budget;
    budget_init(&budget, LOTS);

    CU_ASSERT_EQUAL(ranges_find(&r, 0), 0);
    for (int64_t begin = 10; begin < 100; begin += 10)
        CU_ASSERT(ranges_add(&r, told, &told_count, begin, begin + 5, &budget));
    CU_ASSERT_EQUAL(ranges_find(&r, -5), 0);
    CU_ASSERT_EQUAL(ranges_find(&r, 14), 0);
    CU_ASSERT_EQUAL(ranges_find(&r, 15), 1); /* it is not in [10, 15) */
    CU_ASSERT_EQUAL(ranges_find(&r, 52), 4);
    CU_ASSERT_EQUAL(ranges_find(&r, 94), 8);
    CU_ASSERT_EQUAL(ranges_find(&r, 95), r.count);
    ranges_release(&r, &budget);
}

/* ---- against a map ---- */

/* The positions of [begin, end) whose map says `value`, as ranges, are those that were told. */
static bool told_is(const uint8_t map[], uint8_t value, int64_t begin, int64_t end)
{
    uint32_t count = 0;
    for (int64_t at = begin; at < end; at++) {
        if (map[at] != value)
            continue;
        if (at == begin || map[at - 1] != value) {
            if (count == told_count || told[count].begin != at)
                return false;
            count++;
        }
        bool last = at + 1 == end || map[at + 1] != value;
        if (last && told[count - 1].end != at + 1)
            return false;
    }
    return count == told_count;
}

/* The set is the map, in as few ranges as can be. */
static bool set_is(const struct ranges *r, const uint8_t map[])
{
    const struct range *items = ranges_items(r);
    uint32_t count = 0;
    for (int64_t at = 0; at < MAP_LEN; at++) {
        if (!map[at])
            continue;
        if (at == 0 || !map[at - 1]) {
            if (count == r->count || items[count].begin != at)
                return false;
            count++;
        }
        if ((at + 1 == MAP_LEN || !map[at + 1]) && items[count - 1].end != at + 1)
            return false;
    }
    return count == r->count;
}

/* Whether anything must be found there, the index agrees with a look at every range. */
static bool find_is(const struct ranges *r, int64_t position)
{
    uint32_t i = 0;
    while (i < r->count && ranges_items(r)[i].end <= position)
        i++;
    return ranges_find(r, position) == i;
}

/* One random step; false when set and map disagree. A step that finds no room changes nothing. */
static bool step(struct ranges *r, uint8_t map[], uint64_t *state, struct budget *budget,
                 unsigned *refused)
{
    int64_t begin = (int64_t)random_below(state, MAP_LEN);
    int64_t most = random_below(state, 4) == 0 ? MAP_LEN : 6;
    int64_t end = begin + 1 + (int64_t)random_below(state, (size_t)most);
    bool add = random_below(state, 3) != 0;
    if (end > MAP_LEN)
        end = MAP_LEN;

    bool done = add ? ranges_add(r, told, &told_count, begin, end, budget)
                    : ranges_cut(r, told, &told_count, begin, end, budget);
    *refused += !done;
    if (!done)
        return set_is(r, map);
    if (!told_is(map, !add, begin, end))
        return false;
    memset(map + begin, add, (size_t)(end - begin));
    return set_is(r, map) && find_is(r, begin) && find_is(r, end);
}

static unsigned walk(uint64_t seed, size_t limit)
{
    uint8_t map[MAP_LEN] = {0};
    struct ranges r = {0};
    struct budget budget;
    unsigned refused = 0;
    uint64_t state = seed;

    budget_init(&budget, limit);
    for (int i = 0; i < 200; i++) {
        if (step(&r, map, &state, &budget, &refused))
            continue;
        printf("\n    seed %" PRIu64 " with %zu bytes goes wrong at step %d\n", seed, limit, i);
        CU_FAIL("the set is not the map");
        break;
    }
    ranges_release(&r, &budget);
    CU_ASSERT_EQUAL(budget.used, 0);
    return refused;
}

static void map(void)
{
    for (uint64_t seed = 0; seed < 1000; seed++)
        CU_ASSERT_EQUAL(walk(seed, LOTS), 0);
}

static void small_budget(void)
{
    unsigned refused = 0;
    for (uint64_t seed = 0; seed < 300; seed++)
        refused += walk(seed, (seed % 9) * 4 * sizeof(struct range));
    CU_ASSERT(refused > 1000); /* the rule was put to the test */
}

/* ---- ceilings ---- */

static void most(void)
{
    struct ranges r = {0};
    struct budget budget;
    budget_init(&budget, LOTS);

    for (int64_t i = 0; i < RANGES_MAX; i++)
        CU_ASSERT_FATAL(ranges_add(&r, told, &told_count, 10 * i, 10 * i + 5, &budget));
    CU_ASSERT_EQUAL(r.count, RANGES_MAX);
    CU_ASSERT(!ranges_add(&r, told, &told_count, 7, 8, &budget));
    CU_ASSERT(!ranges_cut(&r, told, &told_count, 2, 3, &budget));
    CU_ASSERT_EQUAL(r.count, RANGES_MAX);
    CU_ASSERT(ranges_add(&r, told, &told_count, 5, 10, &budget)); /* closes a hole: that is room */
    CU_ASSERT(ranges_add(&r, told, &told_count, 27, 28, &budget));
    CU_ASSERT_EQUAL(r.count, RANGES_MAX);
    CU_ASSERT(ranges_add(&r, told, &told_count, -1, 10 * RANGES_MAX, &budget)); /* every hole */
    CU_ASSERT_EQUAL(told_count, RANGES_MAX + 1);
    CU_ASSERT_EQUAL(r.count, 1);
    ranges_release(&r, &budget);
    CU_ASSERT_EQUAL(budget.used, 0);
}

static void no_budget(void)
{
    struct ranges r = {0};
    struct budget budget;
    budget_init(&budget, 0);

    CU_ASSERT(ranges_add(&r, told, &told_count, 3, 5, &budget)); /* the first costs nothing */
    CU_ASSERT(!ranges_add(&r, told, &told_count, 7, 9, &budget));
    CU_ASSERT(!ranges_cut(&r, told, &told_count, 3, 4, &budget) || r.count == 1);
    CU_ASSERT(ranges_add(&r, told, &told_count, 4, 9, &budget));
    CU_ASSERT_EQUAL(r.count, 1);
    ranges_release(&r, &budget);
}

static const struct test tests[] = {
    {"an added range tells what of it is new, and melts into what it touches", adds},
    {"a cut tells what was there, and splits", cuts},
    {"the first range that ends after a position is found", finds},
    {"the set is the same as a map of its positions, for every seed", map},
    {"with no room a step changes nothing, and the budget gets all back", small_budget},
    {"there are never more than RANGES_MAX ranges, and holes may still be closed", most},
    {"one range costs nothing", no_budget},
};
SUITE("ranges", tests)
