/* store_model_test.c - random arrivals, against a model so plain that it is right.
 *
 * The model is an array: for each position the byte that is kept, the frame that brought it, and
 * whether its checksum was wrong. Several flows are told at once, so that under a small budget each
 * makes the others write early; what the case says must not depend on it. */
#include "store/blobs.h"
#include "store_rig.h"

enum { FLOWS = 5, BELOW = 3000, SPAN = 40000 };

struct cell {
    uint8_t byte;
    bool present, provisional;
    uint64_t frame;
};

struct expected {
    struct expected *next;
    int64_t position;
    size_t len;
    uint8_t *kept, *other;
    uint64_t kept_frame, other_frame;
};

struct model {
    struct rig_flow flow;
    struct cell cells[SPAN]; /* position p is cells[p + BELOW] */
    bool right_seen;
    struct expected *conflicts, **conflicts_end;
    uint64_t conflicted;
    uint8_t *fates;
    size_t fate_count;
};

static uint32_t state;

static void expect_conflict(struct model *m, size_t at, size_t len, const uint8_t *came,
                            uint64_t frame, bool taken)
{
    struct expected *e = calloc(1, sizeof *e);
    uint8_t *held = malloc(len), *new = malloc(len);

    for (size_t i = 0; i < len; i++)
        held[i] = m->cells[at + i].byte;
    memcpy(new, came, len);
    e->position = (int64_t)at - BELOW;
    e->len = len;
    e->kept = taken ? new : held;
    e->other = taken ? held : new;
    e->kept_frame = taken ? frame : m->cells[at].frame;
    e->other_frame = taken ? m->cells[at].frame : frame;
    m->conflicted += len;
    *m->conflicts_end = e;
    m->conflicts_end = &e->next;
}

/* What the rows for the positions that are (or are not) taken over will be. */
static bool model_compare(struct model *m, size_t at, const uint8_t *bytes, size_t len,
                          uint64_t frame, bool right, bool taken)
{
    bool any = false;
    for (size_t i = 0; i < len;) {
        size_t end = i;
        while (end < len && m->cells[at + end].present &&
               (right && m->cells[at + end].provisional) == taken &&
               m->cells[at + end].byte != bytes[end])
            end++;
        if (end > i) {
            expect_conflict(m, at + i, end - i, bytes + i, frame, taken);
            any = true;
        }
        i = end > i ? end : i + 1;
    }
    return any;
}

static void arrive(struct rig *r, struct model *m, size_t at, const uint8_t *bytes, size_t len,
                   bool right)
{
    uint64_t frame = r->frame + 1;
    bool conflict = model_compare(m, at, bytes, len, frame, right, false);
    bool brought = false;

    model_compare(m, at, bytes, len, frame, right, true);
    for (size_t i = 0; i < len; i++) {
        struct cell *c = &m->cells[at + i];
        if (c->present && !(right && c->provisional))
            continue;
        *c = (struct cell){bytes[i], true, !right, frame};
        brought = true;
    }
    m->fates = realloc(m->fates, m->fate_count + 1);
    m->fates[m->fate_count++] = conflict  ? FATE_CONFLICT
                                : !right  ? FATE_PROVISIONAL
                                : brought ? FATE_KEPT
                                          : FATE_DUPLICATE;
    rig_segment_cut(r, &m->flow, SIDE_CLIENT, (int64_t)at - BELOW, bytes, len, len,
                    right ? RIG_RIGHT : RIG_PROVISIONAL);
}

static void check_conflicts(struct rig *r, const struct model *m, int64_t stream_id)
{
    sqlite3_stmt *row;
    const struct expected *e = m->conflicts;
    CU_ASSERT_EQUAL(
        sqlite3_prepare_v2(r->db,
                           "SELECT position, length, kept, kept_frame, other, other_frame"
                           " FROM conflicts WHERE stream_id = ?1 ORDER BY conflict_id",
                           -1, &row, NULL),
        SQLITE_OK);
    sqlite3_bind_int64(row, 1, stream_id);
    bool same = true;
    while (same && sqlite3_step(row) == SQLITE_ROW) {
        if (!e) {
            same = false;
            break;
        }
        same = sqlite3_column_int64(row, 0) == e->position &&
               sqlite3_column_int64(row, 1) == (int64_t)e->len &&
               memcmp(sqlite3_column_blob(row, 2), e->kept, e->len) == 0 &&
               sqlite3_column_int64(row, 3) == (int64_t)e->kept_frame &&
               memcmp(sqlite3_column_blob(row, 4), e->other, e->len) == 0 &&
               sqlite3_column_int64(row, 5) == (int64_t)e->other_frame;
        if (!same)
            printf("\nstream %lld: conflict at %lld of %zu, kept frame %llu; the row says %lld of "
                   "%lld, kept frame %lld\n",
                   (long long)stream_id, (long long)e->position, e->len,
                   (unsigned long long)e->kept_frame, sqlite3_column_int64(row, 0),
                   sqlite3_column_int64(row, 1), sqlite3_column_int64(row, 3));
        e = e->next;
    }
    CU_ASSERT_TRUE(same);
    CU_ASSERT_PTR_NULL(e);
    sqlite3_finalize(row);
}

static void check_fates(struct rig *r, const struct model *m, int64_t stream_id)
{
    sqlite3_stmt *row;
    size_t count = 0;
    bool same = true;
    sqlite3_prepare_v2(r->db, "SELECT data FROM arrivals WHERE stream_id = ?1 ORDER BY part", -1,
                       &row, NULL);
    sqlite3_bind_int64(row, 1, stream_id);
    while (sqlite3_step(row) == SQLITE_ROW) {
        struct arrival_record record = {0};
        struct span data =
            span_of(sqlite3_column_blob(row, 0), (size_t)sqlite3_column_bytes(row, 0));
        while (arrival_record_take(&data, &record)) {
            same = same && count < m->fate_count && record.fate == m->fates[count];
            count++;
        }
        CU_ASSERT_EQUAL(data.len, 0);
    }
    CU_ASSERT_TRUE(same);
    CU_ASSERT_EQUAL(count, m->fate_count);
    sqlite3_finalize(row);
}

static void check_model(struct rig *r, struct model *m)
{
    char sql[200], expected[80];
    uint8_t *bytes = malloc(SPAN);
    size_t len = 0, first = SPAN;

    snprintf(sql, sizeof sql,
             "SELECT stream_id FROM streams NATURAL JOIN flows WHERE client_ip = '10.0.0.%u'",
             m->flow.flow.key.low.bytes[15]);
    int64_t stream_id = atoll(rig_ask(r, sql));
    for (size_t i = 0; i < SPAN; i++) {
        if (!m->cells[i].present)
            continue;
        if (first == SPAN)
            first = i;
        bytes[len++] = m->cells[i].byte;
    }
    CU_ASSERT_TRUE(rig_stream_is(r, stream_id, bytes, len));
    snprintf(sql, sizeof sql,
             "SELECT stored, start, conflicted FROM streams WHERE stream_id = %lld",
             (long long)stream_id);
    snprintf(expected, sizeof expected, "%zu|%lld|%llu", len, (long long)first - BELOW,
             (unsigned long long)m->conflicted);
    CHECK_SQL(r, sql, expected);
    check_conflicts(r, m, stream_id);
    check_fates(r, m, stream_id);
    free(bytes);
}

static void model_release(struct model *m)
{
    while (m->conflicts) {
        struct expected *e = m->conflicts;
        m->conflicts = e->next;
        free(e->kept);
        free(e->other);
        free(e);
    }
    free(m->fates);
    free(m);
}

/* How segments come: where the next one begins, how long it is, and how often bytes are wrong. */
struct style {
    size_t memory;
    uint32_t page_size;
    uint32_t longest;   /* of a segment */
    uint32_t backwards; /* how far from the front of the stream it may begin */
    uint32_t wrong;     /* one in so many segments has wrong bytes; 0: none */
    uint32_t count;
};

static void run_model(uint32_t seed, const struct style *style)
{
    struct rig r;
    struct model *models[FLOWS];
    uint32_t front[FLOWS];
    uint8_t *truth = rig_noise(SPAN, seed);

    state = seed;
    rig_init(&r);
    r.options.memory = style->memory;
    r.options.page_size = style->page_size;
    rig_open(&r);
    for (uint32_t i = 0; i < FLOWS; i++) {
        models[i] = calloc(1, sizeof *models[i]);
        models[i]->conflicts_end = &models[i]->conflicts;
        rig_flow_init(&models[i]->flow, i + 1);
        front[i] = BELOW;
    }
    for (uint32_t n = 0; n < style->count; n++) {
        uint32_t i = rig_random_below(&state, FLOWS);
        struct model *m = models[i];
        uint32_t len = 1 + rig_random_below(&state, style->longest);
        int64_t at =
            (int64_t)front[i] + rig_random_below(&state, len) -
            (rig_random_below(&state, 2) ? (int64_t)rig_random_below(&state, style->backwards) : 0);
        if (at < 0)
            at = 0;
        if (at + len > SPAN)
            at = SPAN - len;
        uint8_t *bytes = malloc(len);
        memcpy(bytes, truth + at, len);
        if (style->wrong && rig_random_below(&state, style->wrong) == 0)
            for (uint32_t k = 0; k <= rig_random_below(&state, 4); k++)
                bytes[rig_random_below(&state, len)] ^= (uint8_t)(1 + rig_random_below(&state, 3));
        bool right = m->right_seen || rig_random_below(&state, 40) == 0;
        m->right_seen = right;
        arrive(&r, m, (size_t)at, bytes, len, right);
        if (at + len > front[i])
            front[i] = (uint32_t)at + len;
        free(bytes);
    }
    for (int i = 0; i < FLOWS; i++)
        rig_flow_end(&r, &models[i]->flow);
    rig_finish(&r);
    for (int i = 0; i < FLOWS; i++) {
        check_model(&r, models[i]);
        model_release(models[i]);
    }
    CU_ASSERT_EQUAL(r.budget.used, 0);
    CHECK_SQL(&r, "PRAGMA integrity_check", "ok");
    free(truth);
    rig_release(&r);
}

static void run_seeds(const struct style *style, uint32_t seeds)
{
    for (uint32_t seed = 1; seed <= seeds; seed++)
        run_model(seed * 7919, style);
}

static void nearly_in_order(void)
{
    run_seeds(&(struct style){64 << 20, 4096, 1460, 3000, 20, 300}, 20);
}

static void scattered(void)
{
    run_seeds(&(struct style){64 << 20, 4096, 900, SPAN, 3, 400}, 20);
}

static void tiny_segments(void)
{
    run_seeds(&(struct style){64 << 20, 4096, 6, 400, 4, 4000}, 10);
}

static void without_memory(void)
{
    run_seeds(&(struct style){0, 4096, 1460, 3000, 10, 300}, 20);
    run_seeds(&(struct style){0, 4096, 900, SPAN, 3, 400}, 20);
    run_seeds(&(struct style){0, 4096, 6, 400, 4, 4000}, 5);
}

static void with_little_memory(void)
{
    run_seeds(&(struct style){(1 << 20) + (1 << 15), 4096, 1460, 20000, 10, 300}, 20);
}

static void large_pages(void)
{
    run_seeds(&(struct style){64 << 20, 16384, 3000, 9000, 5, 300}, 10);
    run_seeds(&(struct style){0, 16384, 3000, 30000, 5, 300}, 10);
}

static const struct test tests[] = {
    {"segments nearly in order, some of them wrong", nearly_in_order},
    {"segments from anywhere", scattered},
    {"segments of a few bytes, thousands of them", tiny_segments},
    {"the same without any memory: all is written early", without_memory},
    {"the same with hardly any", with_little_memory},
    {"the same with large pages", large_pages},
};
SUITE("store against a model", tests)
