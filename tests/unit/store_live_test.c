/* store_live_test.c - a case that is read while it is written: its commits, what a kill leaves, what is shed. */
#include "store_live_rig.h"

#include "store/folder.h"
#include "store/layout.h"
#include "store/reader.h"

static void readers_see_each_commit(void)
{
    struct rig r;
    struct rig_flow f;

    rig_init(&r);
    rig_flow_init(&f, 1);
    live_open_case(&r);
    CHECK_SQL(&r, "SELECT count(*) FROM evidence", "0");
    commit(&r);
    CHECK_SQL(&r, "SELECT kind, status, bytes FROM evidence", "live|open|NULL");
    rig_text(&r, &f, 0, "AAA");
    news(&r, &f);
    CHECK_SQL(&r, "SELECT count(*) FROM flows", "0");
    commit(&r);
    CHECK_SQL(&r, "SELECT flow_id, end_reason FROM flows", "1|open");
    CHECK_SQL(&r, "SELECT stream_id, stored, verdict, sha256 FROM streams", "2|3|open|NULL");
    CHECK_SQL(&r, "SELECT position, data FROM chunks", "0|AAA");
    CHECK_SQL(&r, "SELECT frames FROM evidence", "1");
    CHECK_SQL(&r, "SELECT verdict, frames FROM verdicts", "ok|1");
    CHECK_SQL(&r, "SELECT flows_as_client, ip FROM hosts ORDER BY ip", "1|10.0.0.1 0|192.0.2.1");

    rig_text(&r, &f, 3, "BB");
    rig_text(&r, &f, 0, "AAABB"); /* compared with what is a row already */
    rig_segment(&r, &f, SIDE_SERVER, 0, "ss", 2);
    commit(&r);
    CHECK_SQL(&r, "SELECT position, data FROM chunks WHERE stream_id = 2", "0|AAA 3|BB");
    CHECK_SQL(&r, "SELECT stored, verdict FROM streams WHERE stream_id = 3", "2|open");
    CHECK_SQL(&r, "SELECT part, frames FROM flow_frames", "0|1 1|3");
    CHECK_SQL(&r, "SELECT count(*) FROM conflicts", "0");

    f.flow.sides[SIDE_CLIENT].bytes = 5;
    f.flow.last_ns = 7;
    news(&r, &f); /* renewed */
    commit(&r);
    CHECK_SQL(&r, "SELECT flow_id, client_bytes, last_ns, end_reason FROM flows", "1|5|7|open");
    CHECK_SQL(&r, "SELECT flows_as_client, last_ns FROM hosts ORDER BY ip", "1|7 0|7");
    CHECK_SQL(&r, "SELECT stored FROM streams WHERE stream_id = 2", "5");
    f.flow.end = END_FIN;
    rig_flow_end(&r, &f);
    finish(&r);
    CHECK_SQL(&r, "SELECT flow_id, end_reason FROM flows", "1|fin");
    CHECK_SQL(&r, "SELECT verdict, stored FROM streams ORDER BY 2", "complete|2 complete|5");
    CHECK_SQL(&r, "SELECT status, frames FROM evidence", "complete|4");
    CHECK_SQL(&r, "SELECT length(seal), ended_ns > 0 FROM runs", "64|1");
    CU_ASSERT_TRUE(rig_stream_is(&r, 2, "AAABB", 5));
    CU_ASSERT_TRUE(rig_stream_is(&r, 3, "ss", 2));
    rig_release(&r);
}

/* What is learned of it before its first commit would be taken to hold for as long as its file has the same size. */
static void what_has_begun_is_growing(void)
{
    struct rig r;
    struct reader *reader;
    struct slice slice = {.number = 1};
    struct error err = {0};

    rig_init(&r);
    live_open_case(&r);
    CU_ASSERT_EQUAL_FATAL(reader_open(&reader, r.path, &err), STATUS_OK);
    CU_ASSERT_EQUAL(slice_learn(&slice, reader, &err), STATUS_OK);
    CU_ASSERT_TRUE(slice.growing);
    reader_close(reader);
    finish(&r);
    CU_ASSERT_EQUAL_FATAL(reader_open(&reader, r.path, &err), STATUS_OK);
    CU_ASSERT_EQUAL(slice_learn(&slice, reader, &err), STATUS_OK);
    CU_ASSERT_FALSE(slice.growing);
    reader_close(reader);
    rig_release(&r);
}

/* A capture of frames, by number: what each has of payload. */
struct frames {
    const uint8_t *at[200];
};

static enum status read_frames(void *context, uint32_t evidence_id, void *to, size_t len,
                               uint64_t offset, struct error *err)
{
    struct frames *frames = context;
    const uint64_t number = (offset - 24 - 54) / RIG_FRAME_ROOM;

    (void)err;
    CU_ASSERT_EQUAL(evidence_id, 1);
    CU_ASSERT_TRUE_FATAL(number < 200 && frames->at[number]);
    memcpy(to, frames->at[number] + (offset - 24 - 54) % RIG_FRAME_ROOM, len);
    return STATUS_OK;
}

/* Pieces that come a few places early or late, some much later, and one never; a commit now and then. */
static void hashed_across_commits(uint32_t seed, unsigned between, bool by_reference)
{
    struct frames frames = {{NULL}};
    const struct payload_source source = {.read = read_frames, .context = &frames};
    enum { PIECE = 700, PIECES = 120, LEN = PIECE * PIECES, NEVER = 50 };
    struct rig r;
    struct rig_flow f;
    uint8_t *bytes = rig_noise(LEN, seed), *wanted = malloc(LEN);
    unsigned order[PIECES], told = 0;

    for (unsigned i = 0; i < PIECES; i++)
        order[i] = i;
    for (unsigned i = 0; i < PIECES; i++) {
        seed = seed * 1664525 + 1013904223;
        unsigned to = i + (seed >> 16) % ((seed >> 28) == 0 ? 60 : 4);
        to = to < PIECES ? to : PIECES - 1;
        unsigned late = order[i];
        order[i] = order[to];
        order[to] = late;
    }
    rig_init(&r);
    rig_flow_init(&f, 1);
    r.options.reference = by_reference ? &source : NULL;
    live_open_case(&r);
    for (unsigned i = 0; i < PIECES; i++) {
        frames.at[r.frame + 1] = bytes + order[i] * PIECE;
        if (order[i] != NEVER)
            rig_segment(&r, &f, SIDE_CLIENT, (int64_t)order[i] * PIECE, bytes + order[i] * PIECE,
                        PIECE);
        if (++told % between == 0) {
            news(&r, &f);
            commit(&r);
        }
    }
    rig_flow_end(&r, &f);
    finish(&r);
    memcpy(wanted, bytes, NEVER * PIECE);
    memcpy(wanted + NEVER * PIECE, bytes + (NEVER + 1) * PIECE, (PIECES - NEVER - 1) * PIECE);
    if (by_reference) {
        char hex[DIGEST_HEX_LEN + 1];
        uint8_t value[DIGEST_LEN];
        digest_once(value, span_of(wanted, LEN - PIECE));
        digest_hex(hex, value);
        CHECK_SQL(&r, "SELECT sha256 FROM streams", hex);
        CHECK_SQL(&r, "SELECT count(*) FROM chunks", "0");
    } else {
        CU_ASSERT_TRUE(rig_stream_is(&r, 2, wanted, LEN - PIECE));
    }
    free(bytes);
    free(wanted);
    rig_release(&r);
}

static void streams_are_hashed_across_commits(void)
{
    for (uint32_t seed = 1; seed <= 12; seed++)
        for (int by_reference = 0; by_reference < 2; by_reference++)
            hashed_across_commits(seed, 1 + seed % 6, by_reference);
}

#define CHECK_MOST(what, most)                                        \
    do {                                                              \
        const unsigned is_ = (what);                                  \
        if (is_ > (most))                                             \
            printf("\n%s is %u, more than %u\n", #what, is_, (most)); \
        CU_ASSERT_TRUE(is_ <= (most));                                \
    } while (0)

/* Bytes that this process has given to write(), so far; 0 where the kernel does not say. */
static uint64_t written(void)
{
    unsigned long long bytes = 0;
    FILE *io = fopen("/proc/self/io", "r");

    if (io && fscanf(io, "rchar: %*u wchar: %llu", &bytes) != 1)
        bytes = 0;
    if (io)
        fclose(io);
    return bytes;
}

/* A capture in which all payload is the same. */
static enum status read_same(void *context, uint32_t evidence_id, void *to, size_t len,
                             uint64_t offset, struct error *err)
{
    (void)evidence_id, (void)offset, (void)err;
    memcpy(to, context, len);
    return STATUS_OK;
}

/* What a commit a second writes for `flows` that each have so much payload between two, to the end of the case: bytes
 * for a hundred of payload. */
static unsigned wear(unsigned flows, size_t asked, size_t answered, unsigned commits,
                     bool by_reference)
{
    enum { SEGMENT = 1448 };
    struct rig r;
    struct rig_flow *f = calloc(flows, sizeof *f);
    uint8_t *bytes = rig_noise(SEGMENT, 7);
    uint64_t payload = 0;

    const struct payload_source source = {.read = read_same, .context = bytes};

    rig_init(&r);
    r.options.page_size = by_reference ? 1024 : 2048;
    r.options.reference = by_reference ? &source : NULL;
    live_open_case(&r);
    for (unsigned i = 0; i < flows; i++)
        rig_flow_init(&f[i], i + 1);
    commit(&r);
    const uint64_t before = written();
    for (unsigned n = 0; n < commits; n++) {
        for (unsigned i = 0; i < flows; i++) {
            rig_segment(&r, &f[i], SIDE_CLIENT, (int64_t)(n * asked), bytes, asked);
            for (size_t at = 0; at < answered; at += SEGMENT)
                rig_segment(&r, &f[i], SIDE_SERVER, (int64_t)(n * answered + at), bytes,
                            answered - at < SEGMENT ? answered - at : SEGMENT);
            if (n % 60 == i % 60 || n == 0)
                news(&r, &f[i]);
            payload += asked + answered;
        }
        commit(&r);
    }
    for (unsigned i = 0; i < flows; i++)
        rig_flow_end(&r, &f[i]);
    finish(&r);
    const uint64_t all = written() - before;
    rig_release(&r);
    free(bytes);
    free(f);
    return (unsigned)(all * 100 / payload);
}

/* The log has every page once more; what else comes with a commit are few pages, of all flows together. By reference:
 * without the frames, which have the payload once. */
static void wear_is_bounded(void)
{
    const bool is_long = getenv("SEINE_LONG") != NULL;
    const unsigned commits = is_long ? 400 : 60;

    if (written() == 0)
        return;
    CHECK_MOST(wear(1, 100, 1 << 20, 30, false), 225);
    CHECK_MOST(wear(10, 100, 100 << 10, 30, false), 235);
    CHECK_MOST(wear(50, 200, 6000, commits, false), is_long ? 250 : 240);
    CHECK_MOST(wear(50, 200, 3000, commits, false), 280);
    CHECK_MOST(wear(50, 200, 6000, commits, true), 20);
    if (is_long)
        CHECK_MOST(wear(50, 200, 600, commits, true), 120);
}

/* ---- what lies by commit: live_form.h ---- */

/* All that is said of the tables, and of views but for those that are virtual anyway. */
static const char schema_text[] =
    "SELECT group_concat(type || name || tbl_name || sql) FROM (SELECT * FROM sqlite_schema"
    " WHERE sql IS NOT NULL ORDER BY type, name)";

static char *text_of(struct rig *r, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    char *text = NULL;

    CU_ASSERT_EQUAL(sqlite3_prepare_v2(r->db, sql, -1, &statement, NULL), SQLITE_OK);
    if (sqlite3_step(statement) == SQLITE_ROW)
        text = strdup((const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    return text;
}

/* `flows` that bring a little in each of `commits`, and more in some. */
static void trickle(struct rig *r, struct rig_flow *f, unsigned flows, unsigned first,
                    unsigned commits, const uint8_t *bytes)
{
    enum { PIECE = 90, MUCH = 1400 };

    for (unsigned n = first; n < first + commits; n++) {
        for (unsigned i = 0; i < flows; i++) {
            const int64_t at = (int64_t)n * PIECE;
            rig_segment(r, &f[i], SIDE_CLIENT, at, bytes + at, PIECE);
            if ((n + i) % 10 == 0)
                for (unsigned m = 0; m < 30; m++) {
                    const int64_t to = (int64_t)((n + i) / 10 * 30 + m) * MUCH;
                    rig_segment(r, &f[i], SIDE_SERVER, to, bytes + to, MUCH);
                }
        }
        if (n % 2 == 0)
            news(r, &f[0]);
        commit(r);
    }
}

/* What a reader finds of the streams while the case is written. */
static void check_reader(const char *path, int64_t stream_id, const uint8_t *bytes, size_t len)
{
    struct reader *reader;
    struct stream_cursor *cursor;
    struct stream_piece piece;
    struct error err = {0};
    size_t at = 0;
    enum status status = reader_open(&reader, path, &err);

    CU_ASSERT_EQUAL_FATAL(status, STATUS_OK);
    CU_ASSERT_EQUAL_FATAL(stream_cursor_open(&cursor, reader, stream_id, &err), STATUS_OK);
    while ((status = stream_cursor_next(cursor, &piece, &err)) == STATUS_OK) {
        CU_ASSERT_EQUAL(piece.position, (int64_t)at);
        CU_ASSERT_EQUAL(memcmp(piece.bytes.data, bytes + at, piece.bytes.len), 0);
        at += piece.bytes.len;
    }
    CU_ASSERT_EQUAL(status, STATUS_END);
    CU_ASSERT_EQUAL(at, len);
    stream_cursor_close(cursor);
    reader_close(reader);
}

static void what_lies_by_commit_is_read_like_the_rest(void)
{
    enum { FLOWS = 4, COMMITS = 300, LEN = 2 << 20 };
    struct rig r, plain;
    struct rig_flow f[FLOWS];
    uint8_t *bytes = rig_noise(LEN, 5);

    rig_init(&r);
    r.options.page_size = 1024;
    live_open_case(&r);
    for (unsigned i = 0; i < FLOWS; i++)
        rig_flow_init(&f[i], i + 1);
    commit(&r);
    CHECK_SQL(&r,
              "SELECT group_concat(name) FROM (SELECT name FROM sqlite_schema WHERE type ="
              " 'view' AND name IN ('arrivals', 'flow_frames', 'chunk_data') ORDER BY 1)",
              "arrivals,chunk_data,flow_frames");
    for (unsigned n = 0; n < COMMITS; n += 50) { /* across moves, at other steps each time */
        trickle(&r, f, FLOWS, n, 50, bytes);
        CHECK_SQL(&r, "SELECT count(DISTINCT kind) FROM recent", "3");
        CHECK_SQL(&r,
                  "SELECT DISTINCT count(*) = max(part) + 1, min(part) FROM arrivals GROUP BY"
                  " stream_id",
                  "1|0");
        CHECK_SQL(&r, "SELECT DISTINCT count(*) = max(part) + 1 FROM flow_frames GROUP BY flow_id",
                  "1");
        CHECK_SQL(&r, "SELECT sum(length) - sum(length(data)) FROM chunk_data", "0");
        check_reader(r.path, 2, bytes, (n + 50) * 90);
        check_reader(r.path, 3, bytes, (n + 50) / 10 * 30 * 1400);
    }
    CHECK_SQL(&r, "SELECT count(*) > 0 FROM settled_arrivals", "1");
    CHECK_SQL(&r, "PRAGMA integrity_check", "ok");
    CHECK_SQL(&r, "SELECT sum(segments) FROM arrivals WHERE stream_id = 6", "300");
    for (unsigned i = 0; i < FLOWS; i++)
        rig_flow_end(&r, &f[i]);
    finish(&r);
    for (unsigned i = 0; i < FLOWS; i++)
        CU_ASSERT_TRUE(rig_stream_is(&r, 2 * (int64_t)(i + 1), bytes, COMMITS * 90));
    CHECK_SQL(&r,
              "SELECT DISTINCT count(*) = max(part) + 1, min(part) FROM arrivals GROUP BY"
              " stream_id",
              "1|0");

    rig_init(&plain);
    rig_open(&plain);
    rig_finish(&plain);
    char *is = text_of(&r, schema_text), *wanted = text_of(&plain, schema_text);
    CU_ASSERT_STRING_EQUAL(is, wanted);
    free(is);
    free(wanted);
    rig_release(&plain);
    rig_release(&r);
    free(bytes);
}

/* A kill leaves what lies by commit where it is. Whoever reads it has all; who writes next puts it in its place. */
static void what_lies_by_commit_outlives_a_kill(void)
{
    enum { FLOWS = 3, LEN = 1 << 20 };
    struct rig r;
    struct rig_flow f[FLOWS];
    struct error err = {0};
    struct reader *reader;
    uint8_t *bytes = rig_noise(LEN, 6);

    for (int again_live = 0; again_live < 2; again_live++) {
        rig_init(&r);
        live_open_case(&r);
        for (unsigned i = 0; i < FLOWS; i++)
            rig_flow_init(&f[i], i + 1);
        trickle(&r, f, FLOWS, 0, 5, bytes);
        store_abandon(r.store);
        r.store = NULL;
        CHECK_SQL(&r, "SELECT count(*) > 0 FROM recent", "1");
        check_reader(r.path, 2, bytes, 5 * 90);
        if (again_live) {
            live_open_case(&r);
            commit(&r);
            CHECK_SQL(&r, "SELECT count(*) FROM recent", "0");
            finish(&r);
        } else {
            sqlite3_close(r.db);
            r.db = NULL;
            r.options.live = false;
            rig_open(&r);
            rig_finish(&r);
        }
        CHECK_SQL(&r,
                  "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'settled_%' OR name ="
                  " 'recent' OR (type = 'view' AND name = 'arrivals')",
                  "0");
        CHECK_SQL(&r, "SELECT count(*) FROM sqlite_schema WHERE name = 'chunk_data_place'", "1");
        CU_ASSERT_TRUE(rig_stream_is(&r, 2, bytes, 5 * 90));
        CHECK_SQL(&r, "PRAGMA integrity_check", "ok");
        for (unsigned i = 0; i < FLOWS; i++)
            for (int side = 0; side < 2; side++)
                ranges_release(&f[i].held[side], &r.budget);
        rig_release(&r);
    }

    /* A view of another's under a promised name is none of ours. */
    rig_init(&r);
    live_open_case(&r);
    commit(&r);
    store_abandon(r.store);
    r.store = NULL;
    sqlite3_close(r.db);
    CU_ASSERT_EQUAL(sqlite3_open_v2(r.path, &r.db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(
        sqlite3_exec(r.db,
                     "DROP VIEW arrivals; CREATE VIEW arrivals AS SELECT stream_id, part,"
                     " segments, low, high, data FROM settled_arrivals",
                     NULL, NULL, NULL),
        SQLITE_OK);
    CU_ASSERT_EQUAL(reader_open(&reader, r.path, &err), STATUS_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "has no table arrivals"));
    CU_ASSERT_EQUAL(sqlite3_close(r.db), SQLITE_OK);
    r.db = NULL;
    live_open_case(&r); /* it is not run; nor written into */
    rig_flow_init(&f[0], 1);
    rig_text(&r, &f[0], 0, "AAA");
    struct store_log log;
    CU_ASSERT_EQUAL(store_commit(r.store, &log, &err), STATUS_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "view"));
    store_abandon(r.store);
    r.store = NULL;
    ranges_release(&f[0].held[0], &r.budget);
    rig_release(&r);
    free(bytes);
}

/* A case to which its owner gave something beside one of those tables keeps it, and its tables as they are. */
static void what_an_owner_added_stays(void)
{
    static const char *const added[] = {
        "CREATE INDEX mine ON arrivals (low)",
        "CREATE INDEX mine ON chunk_data (length)",
        "CREATE TRIGGER mine AFTER INSERT ON flow_frames BEGIN SELECT 1; END",
        "CREATE VIEW mine AS SELECT * FROM arrivals JOIN flow_frames",
    };

    for (size_t i = 0; i < sizeof added / sizeof *added; i++) {
        struct rig r;
        struct rig_flow f;

        rig_init(&r);
        rig_flow_init(&f, 1);
        rig_open(&r);
        rig_text(&r, &f, 0, "AAA");
        rig_flow_end(&r, &f);
        rig_finish(&r);
        sqlite3_close(r.db);
        CU_ASSERT_EQUAL_FATAL(sqlite3_open(r.path, &r.db), SQLITE_OK);
        CU_ASSERT_EQUAL(sqlite3_exec(r.db, added[i], NULL, NULL, NULL), SQLITE_OK);
        CU_ASSERT_EQUAL(sqlite3_close(r.db), SQLITE_OK);
        r.db = NULL;
        live_open_case(&r);
        rig_flow_init(&f, 2);
        rig_text(&r, &f, 0, "BB");
        commit(&r);
        CHECK_SQL(&r, "SELECT sum(segments) FROM arrivals", "2");
        rig_flow_end(&r, &f);
        finish(&r);
        CHECK_SQL(&r, "SELECT sum(segments) FROM arrivals", "2");
        CHECK_SQL(&r, "SELECT count(*) FROM sqlite_schema WHERE name = 'mine'", "1");
        rig_release(&r);
    }
}

static void a_kill_leaves_what_was_committed(void)
{
    struct rig r;
    struct rig_flow f, g;

    rig_init(&r);
    rig_flow_init(&f, 1);
    rig_flow_init(&g, 2);
    live_open_case(&r);
    rig_text(&r, &f, 0, "AAA");
    rig_text(&r, &f, 5, "CC");
    rig_text(&r, &g, 0, "ended");
    news(&r, &f);
    g.flow.end = END_FIN;
    rig_flow_end(&r, &g);
    commit(&r);
    rig_text(&r, &f, 7, "lost"); /* after the last commit */
    store_abandon(r.store);
    r.store = NULL;
    CHECK_SQL(&r, "SELECT status FROM evidence", "open");
    CHECK_SQL(&r, "SELECT end_reason FROM flows ORDER BY 1", "fin open");

    live_open_case(&r);
    CU_ASSERT_PTR_NOT_NULL(store_remark(r.store));
    CU_ASSERT_EQUAL(r.evidence_id, 2);
    finish(&r);
    CHECK_SQL(&r, "SELECT status FROM evidence ORDER BY 1", "complete interrupted");
    CHECK_SQL(
        &r, "SELECT end_reason, client_bytes, client_packets, last_ns FROM flows WHERE flow_id = 1",
        "interrupted|5|2|2000000");
    CHECK_SQL(&r, "SELECT stored, missing, length, verdict FROM streams WHERE stream_id = 2",
              "5|2|7|gap");
    CHECK_SQL(&r, "SELECT stream_id, position, length, cause, tail FROM gaps", "2|3|2|unknown|0");
    CU_ASSERT_TRUE(rig_stream_is(&r, 2, "AAACC", 5));
    CU_ASSERT_TRUE(rig_stream_is(&r, 4, "ended", 5));
    for (int side = 0; side < 2; side++)
        ranges_release(&f.held[side], &r.budget);
    rig_release(&r);
}

static void one_writes_at_a_time(void)
{
    struct rig r;
    struct store *second;
    struct error err = {0};

    rig_init(&r);
    live_open_case(&r);
    commit(&r);
    CU_ASSERT_EQUAL(store_open(&second, r.path, &r.options, &err), STATUS_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "being written by another"));
    struct store_options ingest = r.options;
    ingest.live = false;
    CU_ASSERT_EQUAL(store_open(&second, r.path, &ingest, &err), STATUS_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "being written by another"));

    struct reader *reader;
    CU_ASSERT_EQUAL_FATAL(reader_open(&reader, r.path, &err), STATUS_OK);
    CU_ASSERT_STRING_EQUAL(reader_evidence_status(reader, "open"), "open");
    store_abandon(r.store);
    r.store = NULL;
    CU_ASSERT_STRING_EQUAL(reader_evidence_status(reader, "open"), "interrupted");
    reader_close(reader);
    sqlite3_close(r.db);
    r.db = NULL;
    CU_ASSERT_EQUAL(store_open(&second, r.path, &ingest, &err), STATUS_OK); /* mends it, too */
    store_abandon(second);
    rig_release(&r);
}

static void a_stream_that_is_shed_says_from_where(void)
{
    struct rig r;
    struct rig_flow f, g;

    rig_init(&r);
    rig_flow_init(&f, 1);
    rig_flow_init(&g, 2);
    live_open_case(&r);
    rig_text(&r, &f, 0, "AAAA");
    commit(&r);
    rig_text(&r, &f, 6, "CC"); /* a hole at 4 */
    store_shed(r.store, SHED_LONG_STREAMS, 5);
    rig_text(&r, &f, 8, "shed"); /* from 8 on */
    rig_text(&r, &f, 4, "BB");   /* below: kept */
    rig_text(&r, &f, 6,
             "CCshed"); /* again, across: the front is compared, the rest is not asked for */
    rig_text(&r, &f, 8, "SHED"); /* other bytes of what is not there: no conflict */
    rig_text(&r, &g, 0, "short");
    store_shed(r.store, SHED_NOTHING, 5);
    rig_text(&r, &f, 12, "more"); /* for good */
    rig_text(&r, &g, 5, "er");
    rig_flow_end(&r, &f);
    rig_flow_end(&r, &g);
    finish(&r);
    CU_ASSERT_TRUE(rig_stream_is(&r, 2, "AAAABBCC", 8));
    CU_ASSERT_TRUE(rig_stream_is(&r, 4, "shorter", 7));
    CHECK_SQL(&r, "SELECT stored, missing, length, verdict FROM streams",
              "8|8|16|gap 7|0|7|complete");
    CHECK_SQL(&r, "SELECT stream_id, position, length, cause FROM gaps", "2|8|8|shed");
    CHECK_SQL(&r, "SELECT count(*) FROM conflicts", "0");
    CHECK_SQL(&r, "SELECT kind, frame, detail FROM oddities",
              "payload_shed|3|the client's payload is kept up to position 8: more came than could "
              "be written");
    rig_release(&r);
}

/* And in the next slice it is kept again; what was shed before is not asked for there either. */
static void a_stream_that_is_shed_is_kept_in_the_next_slice(void)
{
    struct rig r;
    struct rig_flow f;
    struct error err = {0};
    struct store_closing *old;
    char next[120];
    bool one_file;
    const struct store_slice slice = {
        .first_flow_id = 1000, .first_evidence_id = 2, .begun_ns = 10};

    rig_init(&r);
    rig_flow_init(&f, 1);
    live_open_case(&r);
    rig_text(&r, &f, 0, "AAAA");
    store_shed(r.store, SHED_ALL_BUT_FLOWS, 0);
    rig_text(&r, &f, 4, "shed");
    rig_text(&r, &f, 10, "shed"); /* a hole at 8 */
    store_shed(r.store, SHED_NOTHING, 0);
    rig_text(&r, &f, 14, "late");
    f.flow.end = END_CONTINUED;
    news(&r, &f);
    told_so_far(&r, "open");
    snprintf(next, sizeof next, "%s/next.db", r.folder);
    CU_ASSERT_EQUAL_FATAL(store_rotate(r.store, &old, next, &slice, &err), STATUS_OK);
    CU_ASSERT_EQUAL(store_closing_complete(r.store, old, &err), STATUS_OK);
    sqlite3_close(r.db);
    r.db = NULL;
    CU_ASSERT_EQUAL_FATAL(store_closing_end(old, NULL, &one_file, NULL, &err), STATUS_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open_v2(r.path, &r.db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    CHECK_SQL(&r, "SELECT status FROM evidence", "complete");
    CHECK_SQL(&r, "SELECT position, length, cause FROM gaps", "4|4|shed 10|8|shed");
    CU_ASSERT_TRUE(rig_stream_is(&r, 2, "AAAA", 4));

    sqlite3_close(r.db);
    r.db = NULL;
    strcpy(r.path, next);
    r.evidence_id = store_evidence_begin(r.store, "eth0", "live", "ring", "{}");
    f.flow.end = END_CAPTURE;
    news(&r, &f);
    r.frame = 0;
    commit(&r);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open_v2(r.path, &r.db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    rig_text(&r, &f, 12, "EDlateNEW"); /* again, across */
    rig_text(&r, &f, 8, "BB");         /* the hole */
    f.flow.end = END_FIN;
    rig_flow_end(&r, &f);
    finish(&r);
    CHECK_SQL(&r, "SELECT position, data FROM chunks", "8|BB 18|NEW");
    CHECK_SQL(&r, "SELECT count(*) FROM conflicts", "0");
    rig_release(&r);
}

static void new_streams_and_frames_are_shed(void)
{
    struct rig r;
    struct rig_flow f, g, h;

    rig_init(&r);
    rig_flow_init(&f, 1);
    rig_flow_init(&g, 2);
    rig_flow_init(&h, 3);
    live_open_case(&r);
    rig_text(&r, &f, 0, "old");
    store_shed(r.store, SHED_NEW_STREAMS, 1000);
    rig_text(&r, &f, 3, "er");
    rig_text(&r, &g, 0, "new");
    rig_text(&r, &g, 0, "NEW");
    store_shed(r.store, SHED_ALL_BUT_FLOWS, 1000);
    rig_text(&r, &f, 5, "gone");
    rig_text(&r, &h, 0, "gone");
    store_live_statistics(r.store, r.evidence_id,
                          &(struct live_statistics){.time_ns = 1, .received = 6, .detail = "x"});
    rig_flow_end(&r, &f);
    rig_flow_end(&r, &g);
    rig_flow_end(&r, &h);
    finish(&r);
    CHECK_SQL(&r,
              "SELECT flow_id, count(frames), sum(frames) FROM flows LEFT JOIN flow_frames"
              " USING (flow_id) GROUP BY 1",
              "1|1|2 2|1|2 3|0|NULL");
    CHECK_SQL(&r, "SELECT stored, missing, verdict FROM streams", "5|4|gap 0|3|gap 0|4|gap");
    CHECK_SQL(&r, "SELECT flow_id, kind, count FROM oddities ORDER BY 1, 2",
              "1|frames_shed|1 1|payload_shed|1 2|payload_shed|1 3|frames_shed|1 3|payload_shed|1");
    CHECK_SQL(&r, "SELECT received, shed, detail FROM capture_stats", "6|4|x");
    rig_release(&r);
}

static void check_lossy(int64_t begin_ns, int64_t end_ns)
{
    struct rig r;
    struct rig_flow f[5];

    rig_init(&r);
    live_open_case(&r);
    for (uint32_t i = 0; i < 5; i++) {
        rig_flow_init(&f[i], i + 1);
        rig_text(&r, &f[i], 0, "x");
        f[i].flow.first_ns = 100 * (int64_t)i;
        f[i].flow.last_ns = f[i].flow.first_ns + 50;
        f[i].flow.state = FLOW_CLOSED;
        news(&r, &f[i]);
    }
    rig_flow_end(&r, &f[0]); /* 0 to 50: before; told before the loss is known, as the next */
    rig_flow_end(&r, &f[1]); /* 100 to 150: within */
    store_second(r.store, begin_ns, end_ns, true);
    rig_flow_end(&r, &f[2]); /* 200 to 250: within */
    f[3].flow.first_ns = 210;
    f[3].flow.state = FLOW_ESTABLISHED;
    rig_flow_end(&r, &f[3]);
    rig_flow_end(&r, &f[4]); /* 400 on: after */
    store_second(r.store, 220, 500, false);
    finish(&r);
    CHECK_SQL(&r, "SELECT group_concat(lossy) FROM flows", "0,1,1,1,0");
    rig_release(&r);
}

static void flows_of_a_second_with_loss_are_lossy(void)
{
    check_lossy(120, 220);
    check_lossy(220, 120); /* the clock was set back in it */
}

static void a_flow_goes_on_in_the_next_slice(void)
{
    struct rig r;
    struct rig_flow f;
    struct error err = {0};
    struct store_closing *old;
    char next[120];
    bool one_file;
    const struct store_slice slice = {
        .first_flow_id = 1000, .first_evidence_id = 2, .begun_ns = 10};

    rig_init(&r);
    rig_flow_init(&f, 1);
    live_open_case(&r);
    rig_text(&r, &f, 0, "AAAA");
    news(&r, &f);
    commit(&r);
    rig_text(&r, &f, 6, "CC");
    rig_segment(&r, &f, SIDE_SERVER, 0, "idle", 4);
    f.flow.sides[SIDE_CLIENT].packets = 2;
    f.flow.sides[SIDE_CLIENT].bytes = 6;
    f.flow.end = END_CONTINUED;
    news(&r, &f);
    told_so_far(&r, "complete");
    snprintf(next, sizeof next, "%s/next.db", r.folder);
    CU_ASSERT_EQUAL_FATAL(store_rotate(r.store, &old, next, &slice, &err), STATUS_OK);
    sqlite3_close(r.db);
    r.db = NULL;
    CU_ASSERT_EQUAL_FATAL(store_closing_end(old, NULL, &one_file, NULL, &err), STATUS_OK);
    CU_ASSERT_TRUE(one_file);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open_v2(r.path, &r.db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    CHECK_SQL(&r, "SELECT end_reason, client_bytes, continues_flow_id FROM flows",
              "continued|6|NULL");
    CHECK_SQL(&r, "SELECT side, stored, verdict FROM streams",
              "client|6|continued server|4|continued");
    CHECK_SQL(&r, "SELECT length(seal) FROM runs", "64");
    CU_ASSERT_TRUE(rig_stream_is(&r, 2, "AAAACC", 6));

    sqlite3_close(r.db);
    r.db = NULL;
    strcpy(r.path, next);
    r.evidence_id = store_evidence_begin(r.store, "eth0", "live", "ring", "{}");
    CU_ASSERT_EQUAL(r.evidence_id, 2);
    f.flow.end = END_CAPTURE;
    news(&r, &f);
    r.frame = 0;
    commit(&r);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open_v2(r.path, &r.db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    CHECK_SQL(&r,
              "SELECT flow_id, evidence_id, first_ns, last_ns, client_packets, client_bytes,"
              " continues_flow_id, end_reason FROM flows",
              "1000|2|10|10|0|0|1|open");
    CHECK_SQL(&r, "SELECT count(*) FROM streams", "0");
    rig_text(&r, &f, 4, "BB"); /* the hole */
    rig_text(&r, &f, 0,
             "XAAABBCCDD"); /* again, and two more: what lies in the other is not compared */
    commit(&r);
    rig_text(&r, &f, 7, "CDX"); /* and here is something to compare */
    f.flow.sides[SIDE_CLIENT].packets = 5;
    f.flow.sides[SIDE_CLIENT].bytes = 10;
    f.flow.last_ns = 20;
    f.flow.end = END_FIN;
    rig_flow_end(&r, &f);
    finish(&r);
    CHECK_SQL(&r,
              "SELECT flow_id, first_frame, client_packets, client_bytes, end_reason FROM flows",
              "1000|1|3|4|fin");
    CHECK_SQL(&r, "SELECT stream_id, start, stored, missing, verdict FROM streams",
              "2000|4|4|0|conflict");
    CHECK_SQL(&r, "SELECT position, data FROM chunks", "4|BB 8|DD");
    CHECK_SQL(&r, "SELECT position, kept, other FROM conflicts", "9|D|X");
    CHECK_SQL(&r, "SELECT sum(segments) FROM arrivals", "5");
    CHECK_SQL(&r, "SELECT flows_as_client, ip FROM hosts ORDER BY ip", "1|10.0.0.1 0|192.0.2.1");
    CU_ASSERT_TRUE(rig_stream_is(&r, 2000, "BBDD", 4));
    rig_release(&r);
}

static const struct test tests[] = {
    {"readers see each commit, and what is written stays", readers_see_each_commit},
    {"a case that was begun, and has nothing yet, is being written", what_has_begun_is_growing},
    {"streams are hashed across commits", streams_are_hashed_across_commits},
    {"what is written for a byte of payload is bounded", wear_is_bounded},
    {"what lies by commit is read like the rest", what_lies_by_commit_is_read_like_the_rest},
    {"and outlives a kill", what_lies_by_commit_outlives_a_kill},
    {"what its owner added to a case stays as it is", what_an_owner_added_stays},
    {"a kill leaves what was committed, and the next run mends it",
     a_kill_leaves_what_was_committed},
    {"one writes at a time, and readers know whether one does", one_writes_at_a_time},
    {"a stream that is shed says from where, and stays so", a_stream_that_is_shed_says_from_where},
    {"but is kept in the next slice", a_stream_that_is_shed_is_kept_in_the_next_slice},
    {"new streams are shed, and at last all but flows", new_streams_and_frames_are_shed},
    {"flows of a second with loss are lossy", flows_of_a_second_with_loss_are_lossy},
    {"a flow goes on in the next slice", a_flow_goes_on_in_the_next_slice},
};
SUITE("store live", tests)
