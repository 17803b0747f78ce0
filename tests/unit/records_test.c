/* records_test.c - parts of frames and arrivals in a live case: longer ones where many come between two commits. */
#include "store_live_rig.h"

#include "store/parts.h"

enum { PAGE = 2048, LEAF = (PAGE - 12) * 64 / 255 - 23, SEGMENT = 10, FAST = 2000, SLOW = 20 };

/* So many segments of a flow whose positions go on from `from`. */
static void bring(struct rig *r, struct rig_flow *f, unsigned from, unsigned count,
                  const uint8_t *bytes)
{
    for (unsigned n = from; n < from + count; n++)
        rig_segment(r, f, SIDE_CLIENT, (int64_t)n * SEGMENT, bytes + (size_t)n * SEGMENT, SEGMENT);
}

/* All arrivals of a stream are there, in their order, and as many frames of its flow. */
static void check_parts(struct rig *r, int64_t stream_id, unsigned count)
{
    struct parts parts;
    struct arrival_record arrival;
    struct frame_record frame;
    struct error err = {0};
    unsigned found = 0;
    uint64_t last = 0;

    CU_ASSERT_EQUAL_FATAL(parts_open(&parts, r->db, "main", PARTS_ARRIVALS, true, &err), STATUS_OK);
    for (parts_start(&parts, stream_id); parts_next_arrival(&parts, &arrival, &err) == STATUS_OK;
         found++)
        CU_ASSERT_EQUAL(arrival.position, (int64_t)found * SEGMENT);
    CU_ASSERT_EQUAL(found, count);
    parts_close(&parts);
    found = 0;
    CU_ASSERT_EQUAL_FATAL(parts_open(&parts, r->db, "main", PARTS_FRAMES, true, &err), STATUS_OK);
    for (parts_start(&parts, stream_id / 2); parts_next_frame(&parts, &frame, &err) == STATUS_OK;
         found++, last = frame.number)
        CU_ASSERT_TRUE(frame.number > last);
    CU_ASSERT_EQUAL(found, count);
    parts_close(&parts);
}

static void check_length(struct rig *r, const char *what, const char *of, bool is_long)
{
    char sql[200];

    snprintf(sql, sizeof sql, "SELECT %s(length(data)) > %d FROM %s", what, LEAF, of);
    CHECK_SQL(r, sql, is_long ? "1" : "0");
}

static void a_fast_flow_has_long_parts(void)
{
    enum { COMMITS = 4 };
    struct rig r;
    struct rig_flow fast, slow;
    uint8_t *bytes = rig_noise((COMMITS + 1) * FAST * SEGMENT, 9);

    rig_init(&r);
    r.options.page_size = PAGE;
    live_open_case(&r);
    rig_flow_init(&fast, 1);
    rig_flow_init(&slow, 2);
    for (unsigned n = 0; n < COMMITS; n++) {
        bring(&r, &fast, n * FAST, FAST, bytes);
        bring(&r, &slow, n * SLOW, SLOW, bytes);
        commit(&r);
        check_parts(&r, 2, (n + 1) * FAST);
        check_parts(&r, 4, (n + 1) * SLOW);
    }
    check_length(&r, "max", "arrivals WHERE stream_id = 2 AND part < 4", false);
    check_length(&r, "min", "arrivals WHERE stream_id = 2 AND part BETWEEN 4 AND 8", true);
    check_length(&r, "min", "flow_frames WHERE flow_id = 1 AND part BETWEEN 4 AND 8", true);
    check_length(&r, "max", "recent", false);
    CHECK_SQL(&r, "SELECT count(*) < 25 FROM arrivals WHERE stream_id = 2", "1");

    /* It is slow again: what comes shares pages with others. */
    for (unsigned n = 0; n < 8; n++) {
        bring(&r, &fast, COMMITS * FAST + n * SLOW, SLOW, bytes);
        commit(&r);
    }
    CHECK_SQL(&r, "SELECT count(*) FROM recent WHERE stream_id = 2 AND kind = 2", "8");
    rig_flow_end(&r, &fast);
    rig_flow_end(&r, &slow);
    finish(&r);
    check_parts(&r, 4, COMMITS * SLOW);
    rig_release(&r);
    free(bytes);
}

/* A byte that comes again as another is found in long parts, whose it was. */
static void who_brought_a_byte_is_found_in_long_parts(void)
{
    struct rig r;
    struct rig_flow f;
    uint8_t *bytes = rig_noise(FAST * SEGMENT, 10);

    rig_init(&r);
    r.options.page_size = 2 * PAGE;
    live_open_case(&r);
    rig_flow_init(&f, 1);
    bring(&r, &f, 0, FAST, bytes);
    commit(&r);
    for (unsigned n = 7; n < FAST; n += 300) {
        const uint8_t other = (uint8_t)~bytes[n * SEGMENT];
        char sql[120], expected[40];
        rig_segment(&r, &f, SIDE_CLIENT, (int64_t)n * SEGMENT, &other, 1);
        commit(&r);
        snprintf(sql, sizeof sql,
                 "SELECT kept_frame, other_frame FROM conflicts WHERE position = %u", n * SEGMENT);
        snprintf(expected, sizeof expected, "%u|%llu", n + 1, (unsigned long long)r.frame);
        CHECK_SQL(&r, sql, expected);
    }
    rig_flow_end(&r, &f);
    rig_release(&r);
    free(bytes);
}

/* Of more flows than lie by commit, all is put in its place at once, and is as it would be. */
static void many_flows_are_written_in_their_places(void)
{
    enum { FLOWS = 12000, COMMITS = 3 };
    static const unsigned strides[COMMITS] = {7919, 11, 13};
    struct rig r;
    struct rig_flow *f = calloc(FLOWS, sizeof *f);
    uint8_t *bytes = rig_noise(COMMITS * SEGMENT, 11);

    rig_init(&r);
    r.options.page_size = PAGE;
    live_open_case(&r);
    for (unsigned i = 0; i < FLOWS; i++)
        rig_flow_init(&f[i], i + 1);
    for (unsigned n = 0; n < COMMITS; n++) {
        for (unsigned i = 0; i < FLOWS; i++) { /* in another order each time */
            bring(&r, &f[i * strides[n] % FLOWS], n, 1, bytes);
            if (n == 0)
                r.sink->flow_news(r.sink, &f[i].flow);
        }
        commit(&r);
        CHECK_SQL(&r, "SELECT count(*) FROM recent", "0");
        CHECK_SQL(&r, "SELECT DISTINCT part FROM arrivals ORDER BY 1",
                  n == 0   ? "0"
                  : n == 1 ? "0 1"
                           : "0 1 2");
        CHECK_SQL(&r, "SELECT count(*) % 12000, sum(length(data)) % 12000 FROM chunk_data", "0|0");
    }
    check_parts(&r, 2 * 777, COMMITS);
    check_parts(&r, 2 * FLOWS, COMMITS);
    CHECK_SQL(&r, "PRAGMA integrity_check", "ok");
    bring(&r, &f[0], COMMITS - 1, 1, bytes); /* the next commit has few again */
    commit(&r);
    bring(&r, &f[0], COMMITS - 1, 1, bytes);
    commit(&r);
    CHECK_SQL(&r, "SELECT count(*) FROM recent", "2");
    for (unsigned i = 0; i < FLOWS; i++)
        rig_flow_end(&r, &f[i]);
    finish(&r);
    CU_ASSERT_TRUE(rig_stream_is(&r, 2 * 777, bytes, COMMITS * SEGMENT));
    rig_release(&r);
    free(bytes);
    free(f);
}

static const struct test tests[] = {
    {"many flows are written in their places at once", many_flows_are_written_in_their_places},
    {"a fast flow has long parts, and a slow one none", a_fast_flow_has_long_parts},
    {"who brought a byte is found in long parts", who_brought_a_byte_is_found_in_long_parts},
};
SUITE("records", tests)
