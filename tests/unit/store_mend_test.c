/* store_mend_test.c - what a killed run left in a live case, mended while the next one writes into it. */
#include "store_live_rig.h"

#include "store/live_form.h"

enum { FLOWS = 5, PIECE = 700, COMMITS = 9, LEFT = COMMITS * PIECE };

/* All that mending may change, and when each frame came last: whoever mended it, it is the same. */
static const char mended[] =
    "SELECT flow_id, evidence_id, last_ns, client_packets, server_packets, client_bytes,"
    " server_bytes, end_reason, s.stream_id, start, length, stored, missing, truncated,"
    " missing_tail, conflicted, verdict, sha256, (SELECT group_concat(g, ',') FROM (SELECT"
    " position || '+' || length || cause || tail AS g FROM gaps WHERE gaps.stream_id = s.stream_id"
    " ORDER BY position)), (SELECT max(last_ns) FROM hosts)"
    " FROM flows LEFT JOIN streams AS s USING (flow_id) WHERE flow_id <= 5 ORDER BY flow_id, side";

/* A run that is killed: streams with rows of many commits and with one, with a hole, with both sides, and none. */
static void leave(struct rig *r, struct rig_flow *f, const uint8_t *bytes)
{
    live_open_case(r);
    for (unsigned i = 0; i < FLOWS; i++)
        rig_flow_init(&f[i], i + 1);
    for (unsigned n = 0; n < COMMITS; n++) {
        const int64_t at = (int64_t)n * PIECE;
        rig_segment(r, &f[0], SIDE_CLIENT, at, bytes + at, PIECE);
        rig_segment(r, &f[0], SIDE_SERVER, at, bytes + at, PIECE);
        rig_segment(r, &f[1], SIDE_CLIENT, 2 * at, bytes + at, PIECE); /* holes between */
        if (n == 2)
            rig_text(r, &f[2], 0, "once");
        if (n == 3) {
            rig_text(r, &f[3], 0, "over");
            f[3].flow.end = END_FIN;
            rig_flow_end(r, &f[3]);
        }
        if (n == 4) {
            struct frame frame = rig_frame(r, 0);
            r->sink->frame(r->sink, &f[4].flow, &frame);
            news(r, &f[4]);
        }
        for (unsigned i = 0; i < 3; i++)
            if (f[i].flow.kept)
                news(r, &f[i]);
        commit(r);
    }
    rig_text(r, &f[2], 4, "lost");
    store_abandon(r->store);
    r->store = NULL;
    for (unsigned i = 0; i < FLOWS; i++)
        for (int side = 0; side < 2; side++)
            ranges_release(&f[i].held[side], &r->budget);
}

/* What it looks like when all of it is mended before anything else. */
static char *mended_first(const uint8_t *bytes)
{
    struct rig r;
    struct rig_flow f[FLOWS];

    rig_init(&r);
    leave(&r, f, bytes);
    live_open_case(&r);
    finish(&r);
    CHECK_SQL(&r, "SELECT count(*) FROM flows WHERE end_reason = 'open'", "0");
    CHECK_SQL(&r, "SELECT count(*) FROM flows WHERE end_reason = 'interrupted'", "4");
    CHECK_SQL(&r, "SELECT count(*), sum(length) FROM gaps", "8|5600");
    char *text = strdup(rig_ask(&r, mended));
    rig_release(&r);
    return text;
}

/* How often it may go on yet. */
static bool may_go_on(void *context)
{
    int *left = context;
    return (*left)-- > 0;
}

static void told(struct rig *r, struct rig_flow *f, unsigned n, const uint8_t *bytes)
{
    rig_segment(r, f, SIDE_CLIENT, (int64_t)n * PIECE, bytes + (size_t)n * PIECE, PIECE);
    news(r, f);
    commit(r);
}

static const char left_open[] =
    "SELECT (SELECT count(*) FROM flows WHERE end_reason = 'open' AND flow_id <= 5)"
    " + (SELECT count(*) FROM streams WHERE verdict = 'open' AND stream_id <= 11)";

/* So many rows between two commits of the next run; at each of them the case is one that makes sense. */
static void what_a_kill_left_is_mended_beside_what_comes(void)
{
    struct rig r;
    struct rig_flow f[FLOWS], next;
    uint8_t *bytes = rig_noise(100 * PIECE, 9);
    char *wanted = mended_first(bytes);

    for (int step = 1; step < 8; step++) {
        rig_init(&r);
        leave(&r, f, bytes);
        CHECK_SQL(&r, left_open, "8");
        r.options.mended_beside = true;
        live_open_case(&r);
        CU_ASSERT_PTR_NOT_NULL(store_remark(r.store));
        rig_flow_init(&next, 70);
        unsigned n = 0;
        bool more;
        told(&r, &next, n++, bytes);
        CHECK_SQL(&r, left_open, "8");
        CHECK_SQL(&r, "SELECT status FROM evidence ORDER BY evidence_id", "interrupted open");
        do {
            int left = step;
            more = store_mend(r.store, may_go_on, &left);
            told(&r, &next, n++, bytes);
            CHECK_SQL(&r, "SELECT status FROM evidence ORDER BY evidence_id", "interrupted open");
            CHECK_SQL(&r, "SELECT end_reason FROM flows WHERE flow_id > 5", "open");
        } while (more && n < 100);
        CU_ASSERT_FALSE(more);
        CU_ASSERT_TRUE(n > 4); /* it was left, and taken up again */
        CHECK_SQL(&r, left_open, "0");
        CU_ASSERT_STRING_EQUAL(rig_ask(&r, mended), wanted);
        next.flow.end = END_FIN;
        rig_flow_end(&r, &next);
        finish(&r);
        CHECK_SQL(&r, "SELECT status FROM evidence ORDER BY evidence_id", "interrupted complete");
        CU_ASSERT_STRING_EQUAL(rig_ask(&r, mended), wanted);
        CU_ASSERT_TRUE(rig_stream_is(&r, 2, bytes, LEFT));
        CU_ASSERT_TRUE(rig_stream_is(&r, 12, bytes, (size_t)n * PIECE));
        rig_release(&r);
    }
    free(wanted);
    free(bytes);
}

/* In good order, or by another kill: the one after it comes to the rest, whether beside or first. */
static void what_is_not_mended_is_for_the_next(void)
{
    struct rig r;
    struct rig_flow f[FLOWS], next;
    uint8_t *bytes = rig_noise(100 * PIECE, 9);
    char *wanted = mended_first(bytes);

    for (int how = 0; how < 16; how++) {
        const bool is_killed = how & 1, is_first = how & 2;
        int left = how >> 2 << 2; /* as much is mended by this one */
        rig_init(&r);
        leave(&r, f, bytes);
        r.options.mended_beside = true;
        live_open_case(&r);
        commit(&r);
        CU_ASSERT_TRUE(store_mend(r.store, may_go_on, &left));
        rig_flow_init(&next, 70);
        told(&r, &next, 0, bytes);
        if (is_killed) {
            store_abandon(r.store);
            r.store = NULL;
            CHECK_SQL(&r, "SELECT status FROM evidence ORDER BY evidence_id", "interrupted open");
            for (int side = 0; side < 2; side++)
                ranges_release(&next.held[side], &r.budget);
        } else {
            next.flow.end = END_FIN;
            rig_flow_end(&r, &next);
            finish(&r);
            CHECK_SQL(&r, "SELECT status FROM evidence ORDER BY evidence_id", "open complete");
        }
        r.options.mended_beside = !is_first;
        live_open_case(&r);
        commit(&r);
        CHECK_SQL(&r, "SELECT status FROM evidence ORDER BY evidence_id",
                  is_killed ? "interrupted interrupted open" : "interrupted complete open");
        left = 1000;
        CU_ASSERT_FALSE(store_mend(r.store, may_go_on, &left));
        finish(&r);
        CU_ASSERT_STRING_EQUAL(rig_ask(&r, mended), wanted);
        CHECK_SQL(&r, "SELECT count(*) FROM flows WHERE end_reason = 'open'", "0");
        CHECK_SQL(&r, "SELECT status FROM evidence ORDER BY evidence_id",
                  is_killed ? "interrupted interrupted complete" : "interrupted complete complete");
        rig_release(&r);
    }
    free(wanted);
    free(bytes);
}

static const struct test tests[] = {
    {"what a kill left is mended beside what comes next",
     what_a_kill_left_is_mended_beside_what_comes},
    {"what is not mended then is for the next run", what_is_not_mended_is_for_the_next},
};
SUITE("store mend", tests)
