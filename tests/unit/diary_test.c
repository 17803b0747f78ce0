/* diary_test.c - flows with a diary and without one give the same rows.
 *
 * Short flows are told at random: segments in order, as nearly all are, and now and then one thing that a diary does
 * not take. The same is told to a store that has no diaries; memory is ample, so that nothing is written early. Where
 * it is not, the rows are other parts, but what a stream is stays the same. */
#include "store/writer.h"
#include "store_rig.h"

enum { FLOWS = 12, SIDE_MOST = 60000 };

static uint32_t state;

struct telling {
    uint32_t page_size, longest, count;
    uint32_t odd; /* one event in so many is out of the ordinary */
    size_t memory;
};

static void tell_odd(struct rig *r, struct rig_flow *f, enum side side, int64_t *next,
                     const uint8_t *bytes, uint32_t len)
{
    struct frame frame = rig_frame(r, 0);

    switch (rig_random_below(&state, 9)) {
    case 0: /* a hole before it */
        *next += len;
        rig_segment(r, f, side, *next, bytes + *next, len);
        break;
    case 1: /* it came before */
        rig_segment(r, f, side, *next > len ? *next - len : 0, bytes, len);
        return;
    case 2:
        rig_segment_cut(r, f, side, *next, bytes + *next, len / 2, len, RIG_RIGHT);
        break;
    case 3:
        rig_segment_cut(r, f, side, *next, bytes + *next, len, len, RIG_PROVISIONAL);
        break;
    case 4:
        r->sink->oddity(r->sink, &f->flow, &frame, ODDITY_CHECKSUM_OFFLOAD, "so it is");
        return;
    case 5:
        r->sink->gap(r->sink, &f->flow, side, *next, len, GAP_CAPTURE_LOSS, false);
        break;
    case 6: /* below where it began */
        rig_segment(r, f, side, -(int64_t)len, bytes, len);
        return;
    case 7:
        frame.offset =
            rig_random_below(&state, 2) ? 24 : frame.offset; /* back, or on another interface */
        frame.interface_id = 1 + rig_random_below(&state, 2) * UINT16_MAX;
        r->sink->frame(r->sink, &f->flow, &frame);
        return;
    default: /* time goes by itself, and back */
        frame.time_ns = rig_random_below(&state, 2) ? INT64_MIN + frame.time_ns : INT64_MAX;
        frame.bytes.len = 10;
        r->sink->frame(r->sink, &f->flow, &frame);
        return;
    }
    *next += len;
}

/* One run; `ask` says what is to be compared. */
static void tell_all(char seal[65], char answer[4096], const struct telling *t, uint32_t seed,
                     bool diaries, const char *ask)
{
    struct rig r;
    struct error err;
    struct rig_flow flows[FLOWS];
    int64_t next[FLOWS][2] = {{0}};
    uint8_t *bytes = rig_noise(2 * SIDE_MOST, seed);

    state = seed;
    rig_init(&r);
    r.options.page_size = t->page_size;
    r.options.memory = t->memory;
    rig_open(&r);
    CU_ASSERT_TRUE(r.store->diaries.frames_most > 0);
    if (!diaries)
        r.store->diaries.frames_most = 0;
    for (uint32_t i = 0; i < FLOWS; i++)
        rig_flow_init(&flows[i], i + 1);
    for (uint32_t n = 0; n < t->count; n++) {
        static const size_t heads[] = {54, 66, 55, 14, 13, 200, 0};
        r.head = heads[rig_random_below(&state, sizeof heads / sizeof heads[0])];
        const uint32_t i = rig_random_below(&state, FLOWS),
                       len = 1 + rig_random_below(&state, t->longest);
        const enum side side = rig_random_below(&state, 3) ? SIDE_SERVER : SIDE_CLIENT;
        if (rig_random_below(&state, 20) == 0 ||
            next[i][side] > SIDE_MOST - 2 * (int64_t)t->longest) {
            rig_flow_end(&r, &flows[i]);
            rig_flow_init(&flows[i], FLOWS + n);
            next[i][0] = next[i][1] = 0;
        }
        flows[i].flow.state = rig_random_below(&state, 4) == 0 ? FLOW_CLOSED : FLOW_ESTABLISHED;
        if (t->odd && rig_random_below(&state, t->odd) == 0) {
            tell_odd(&r, &flows[i], side, &next[i][side], bytes, len);
        } else if (rig_random_below(&state, 3) == 0) {
            struct frame frame = rig_frame(&r, 0);
            r.sink->frame(r.sink, &flows[i].flow, &frame);
        } else {
            rig_segment(&r, &flows[i], side, next[i][side], bytes + next[i][side], len);
            next[i][side] += len;
        }
    }
    for (uint32_t i = 0; i < FLOWS; i++)
        rig_flow_end(&r, &flows[i]);
    rig_finish(&r);
    CHECK_SQL(&r, "PRAGMA integrity_check", "ok");
    CU_ASSERT_EQUAL(seal_compute(r.db, seal, &err), STATUS_OK);
    snprintf(answer, 4096, "%s", rig_ask(&r, ask));
    rig_release(&r);
    free(bytes);
}

static void compare(const struct telling *t, uint32_t seeds, bool whole, const char *ask)
{
    char seals[2][65], answers[2][4096];

    for (uint32_t seed = 1; seed <= seeds; seed++) {
        for (int i = 0; i < 2; i++)
            tell_all(seals[i], answers[i], t, seed * 7919, i == 0, ask);
        if (whole)
            CU_ASSERT_STRING_EQUAL(seals[0], seals[1]);
        CU_ASSERT_STRING_EQUAL(answers[0], answers[1]);
    }
}

static const char *const every_row =
    "SELECT (SELECT count(*) || ' ' || sum(stream_id * length(data) + position) FROM stream_data),"
    " (SELECT count(*) || ' ' || sum(stream_id * position + length * chunk_id) FROM chunk_data),"
    " (SELECT count(*) || ' ' || sum(flow_id * length(data) + part) FROM flow_frames)";

static void all_as_usual(void)
{
    compare(&(struct telling){4096, 400, 400, 0, 64 << 20}, 5, true, every_row);
    compare(&(struct telling){16384, 3000, 400, 0, 64 << 20}, 5, true, every_row);
    compare(&(struct telling){4096, 1, 3000, 0, 64 << 20}, 2, true, every_row);
}

static void odd_things(void)
{
    compare(&(struct telling){4096, 400, 400, 30, 64 << 20}, 10, true, every_row);
    compare(&(struct telling){16384, 1460, 400, 6, 64 << 20}, 10, true, every_row);
}

static void written_early(void)
{
    static const char *const hashes =
        "SELECT substr(sha256, 1, 4), stored FROM streams ORDER BY sha256";

    compare(&(struct telling){4096, 400, 400, 30, 0}, 10, false, hashes);
    compare(&(struct telling){4096, 1460, 300, 10, (1 << 20) + (1 << 15)}, 10, false, hashes);
    compare(&(struct telling){16384, 3000, 300, 0, 0}, 5, false, hashes);
}

/* A flow of which only something odd is known when its end is foreseen. */
static void nothing_yet(void)
{
    struct rig r;
    struct rig_flow f;

    rig_init(&r);
    rig_open(&r);
    rig_flow_init(&f, 1);
    struct frame frame = rig_frame(&r, 0);
    r.sink->oddity(r.sink, &f.flow, &frame, ODDITY_CHECKSUM_OFFLOAD, NULL);
    for (enum sink_step step = SINK_FLOW; step < SINK_STEPS; step++)
        r.sink->soon(r.sink, f.flow.kept, step, true);
    rig_flow_end(&r, &f);
    rig_finish(&r);
    CHECK_SQL(&r, "SELECT count(*), (SELECT count(*) FROM flow_frames) FROM flows", "1|0");
    rig_release(&r);
}

/* What many flows that are over, and are written, take is no more than STORE_FLOW_COST each; of those of which
 * something comes after all, the same is told as of others. */
static void over_and_written(void)
{
    enum { MANY = 4000, LATE = 8, REQUEST = 100, RESPONSE = 300 };
    static const char text[] = "bytes that come again, and otherwise";
    struct rig r;
    struct rig_flow *flows = calloc(MANY, sizeof *flows);
    uint8_t *bytes = rig_noise(MANY + RESPONSE, 5);
    uint32_t rests = 0;

    rig_init(&r);
    r.options.memory = 2 << 20;
    rig_open(&r);
    for (uint32_t i = 0; i < MANY; i++) {
        rig_flow_init(&flows[i], i);
        rig_segment(&r, &flows[i], SIDE_CLIENT, 0, bytes + i, REQUEST);
        flows[i].flow.state = FLOW_CLOSED;
        rig_segment(&r, &flows[i], SIDE_SERVER, 0, bytes + i, RESPONSE);
        struct frame last = rig_frame(&r, 0);
        r.sink->frame(r.sink, &flows[i].flow, &last);
    }
    for (const struct kept_flow *k = r.store->queues[KEPT_BARE].oldest; k; k = k->newer)
        rests += k->is_rest;
    CU_ASSERT_TRUE(rests > MANY - 1000);
    CU_ASSERT_TRUE(r.store->memory.budget.used + r.store->memory.over <=
                   MANY * STORE_FLOW_COST + 1000 * 1024);
    for (uint32_t i = 0; i < LATE; i++) {
        struct frame frame = rig_frame(&r, 0);
        r.sink->frame(r.sink, &flows[i].flow, &frame);
        if (i % 4 == 1) /* other bytes, where some are, and new ones */
            rig_segment(&r, &flows[i], SIDE_SERVER, RESPONSE - 20, text, 20);
        if (i % 4 == 2)
            rig_segment(&r, &flows[i], SIDE_CLIENT, REQUEST, bytes + i, 20);
        if (i % 4 == 3)
            r.sink->gap(r.sink, &flows[i].flow, SIDE_SERVER, RESPONSE, 50, GAP_CAPTURE_LOSS, true);
    }
    for (uint32_t i = 0; i < MANY; i++)
        rig_flow_end(&r, &flows[i]);
    rig_finish(&r);
    CHECK_SQL(&r, "SELECT count(*), sum(stored), sum(missing_tail), sum(conflicted) FROM streams",
              "8000|1600040|100|40");
    CHECK_SQL(&r, "SELECT stream_id % 8, position, length(data) FROM chunk_data",
              "6|100|20 6|100|20");
    CHECK_SQL(&r, "SELECT flow_id % 4, sum(frames) FROM flow_frames GROUP BY 1",
              "0|3002 1|3002 2|3004 3|3004");
    CHECK_SQL(&r, "PRAGMA integrity_check", "ok");
    for (uint32_t i = 0; i < LATE; i += LATE / 2)
        CU_ASSERT_TRUE(rig_stream_is(&r, 2 * (i + 1) + 1, bytes + i, RESPONSE));
    free(flows);
    free(bytes);
    rig_release(&r);
}

static const struct test tests[] = {
    {"segments in order give the same rows", all_as_usual},
    {"and so do others", odd_things},
    {"where there is no memory, the same streams", written_early},
    {"one that is over and written takes little, and may go on", over_and_written},
    {"one in which nothing is written yet may be about to end", nothing_yet},
};
SUITE("diaries of flows", tests)
