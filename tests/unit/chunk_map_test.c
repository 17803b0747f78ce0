/* chunk_map_test.c - rows are found as by looking at all of them. */
#include "store/chunk_map.h"

#include "property/generator.h"
#include "suite.h"

enum { ROWS = 600, STRETCH = 100, STREAMS = 7 };

static int64_t any_position(uint64_t *luck)
{
    return (int64_t)random_below(luck, 40 * STRETCH) - 20 * STRETCH;
}

/* What chunk_map_find() is to give. */
static int64_t look_for(const struct chunk_place *rows, uint32_t count, int64_t stream_id,
                        int64_t position)
{
    const int64_t begin =
        (position + 1000 * (int64_t)STRETCH) / STRETCH * STRETCH - 1000 * (int64_t)STRETCH;
    int64_t best = 0;

    for (uint32_t i = 0; i < count; i++)
        if (rows[i].stream_id == stream_id && rows[i].position >= begin &&
            rows[i].position <= position &&
            (best == 0 || rows[i].position > rows[best - 1].position))
            best = i + 1;
    return best;
}

static void check_order(const struct chunk_map *m, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        const struct chunk_place *a = &m->places[m->order[i - 1] - 1];
        const struct chunk_place *z = &m->places[m->order[i] - 1];
        CU_ASSERT_TRUE(a->stream_id < z->stream_id ||
                       (a->stream_id == z->stream_id && a->position < z->position));
    }
}

static void as_by_looking(void)
{
    struct chunk_place rows[ROWS];
    struct chunk_map m;
    uint64_t luck = 7;
    uint32_t of_streams = 0;

    CU_ASSERT_TRUE_FATAL(chunk_map_init(&m, (size_t)ROWS * 40, STRETCH));
    CU_ASSERT_EQUAL_FATAL(m.room, ROWS);
    for (uint32_t i = 0; i < ROWS;) {
        rows[i] = (struct chunk_place){(int64_t)random_below(&luck, STREAMS), any_position(&luck)};
        int64_t same = look_for(rows, i, rows[i].stream_id, rows[i].position);
        if (same > 0 && rows[same - 1].position == rows[i].position)
            continue;
        CU_ASSERT_TRUE(chunk_map_add(&m, rows[i].stream_id, rows[i].position));
        i++;
        for (int look = 0; look < 10; look++) {
            int64_t stream_id = (int64_t)random_below(&luck, STREAMS);
            int64_t position = any_position(&luck);
            CU_ASSERT_EQUAL(chunk_map_find(&m, stream_id, position),
                            look_for(rows, i, stream_id, position));
        }
    }
    CU_ASSERT_FALSE(chunk_map_add(&m, 1, 1)); /* it is full */
    for (int64_t stream_id = 0; stream_id <= STREAMS; stream_id++) {
        uint32_t count = chunk_map_sort_stream(&m, stream_id);
        for (uint32_t i = 0; i < count; i++)
            CU_ASSERT_EQUAL(rows[m.order[i] - 1].stream_id, stream_id);
        check_order(&m, count);
        of_streams += count;
    }
    CU_ASSERT_EQUAL(of_streams, ROWS);
    CU_ASSERT_EQUAL(chunk_map_sort(&m), ROWS);
    check_order(&m, ROWS);
    chunk_map_release(&m);
}

/* A stretch of very many rows is not walked through for each that is wanted. */
static void too_many(void)
{
    enum { MANY = 3000 };
    struct chunk_map m;

    CU_ASSERT_TRUE_FATAL(chunk_map_init(&m, (size_t)2 * MANY * 40, 2 * MANY));
    for (int64_t i = 0; i < MANY; i++)
        chunk_map_add(&m, 3, i);
    chunk_map_add(&m, 3, 2 * MANY);
    CU_ASSERT_EQUAL(chunk_map_find(&m, 3, 5), -1);
    CU_ASSERT_EQUAL(chunk_map_find(&m, 3, 2 * MANY + 1), MANY + 1);
    chunk_map_release(&m);
}

static void none(void)
{
    struct chunk_map m;

    CU_ASSERT_TRUE_FATAL(chunk_map_init(&m, 0, STRETCH));
    CU_ASSERT_EQUAL(chunk_map_find(&m, 1, 1), 0);
    CU_ASSERT_EQUAL(chunk_map_sort_stream(&m, 1), 0);
    CU_ASSERT_EQUAL(chunk_map_sort(&m), 0);
    CU_ASSERT_FALSE(chunk_map_add(&m, 1, 1));
    chunk_map_release(&m);
}

static const struct test tests[] = {
    {"rows are found, and sorted, as by looking at all of them", as_by_looking},
    {"a stretch of very many rows is for an index", too_many},
    {"a map without room", none},
};
SUITE("chunk_map", tests)
