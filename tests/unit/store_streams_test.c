/* store_streams_test.c - payload through the sink, and what the case says of it. */
#include "store/blobs.h"
#include "store/writer.h"
#include "store_rig.h"

static void in_order_and_small(void)
{
    struct rig r;
    struct rig_flow f;
    rig_init(&r);
    rig_open(&r);
    rig_flow_init(&f, 1);
    rig_text(&r, &f, 0, "GET /");
    rig_text(&r, &f, 5, " HTTP");
    rig_flow_end(&r, &f);
    rig_finish(&r);
    CHECK_SQL(&r, "SELECT stream_id, position, CAST(data AS TEXT) FROM stream_data",
              "2|0|GET / HTTP");
    CHECK_SQL(&r, "SELECT count(*) FROM chunk_data", "0");
    CHECK_SQL(
        &r, "SELECT stream_id, flow_id, side, start, length, stored, missing, verdict FROM streams",
        "2|1|client|0|10|10|0|complete");
    CHECK_SQL(&r, "SELECT flow_id, client_ip, client_port, server_ip, community_id FROM flows",
              "1|10.0.0.1|40000|192.0.2.1|1:upY0XMjXSSugGqB6kcIBog/GLTQ=");
    CHECK_SQL(&r, "SELECT ip, flows_as_client, flows_as_server FROM hosts ORDER BY addr",
              "10.0.0.1|1|0 192.0.2.1|0|1");
    CU_ASSERT_TRUE(rig_stream_is(&r, 2, "GET / HTTP", 10));
    rig_release(&r);
}

static void in_order_and_long(void)
{
    struct rig r;
    struct rig_flow f;
    size_t len = 1000000;
    uint8_t *bytes = rig_noise(len, 1);
    rig_init(&r);
    rig_open(&r);
    rig_flow_init(&f, 1);
    for (size_t at = 0; at < len; at += 1460)
        rig_segment(&r, &f, SIDE_SERVER, (int64_t)at, bytes + at,
                    len - at < 1460 ? len - at : 1460);
    rig_flow_end(&r, &f);
    rig_finish(&r);
    CU_ASSERT_TRUE(rig_stream_is(&r, 3, bytes, len));
    CHECK_SQL(&r, "SELECT count(DISTINCT length) < 3, sum(length) FROM chunks", "1|1000000");
    /* no row leaves its leaf */
    CHECK_SQL(&r,
              "SELECT count(*) FROM dbstat WHERE pagetype = 'overflow' AND name <> 'sqlite_schema'",
              "0");
    free(bytes);
    rig_release(&r);
}

static void out_of_order(void)
{
    struct rig r;
    struct rig_flow f;
    rig_init(&r);
    rig_open(&r);
    rig_flow_init(&f, 1);
    rig_text(&r, &f, 0, "AAA");
    rig_text(&r, &f, 5, "CC");
    rig_text(&r, &f, 3, "BB");
    rig_flow_end(&r, &f);
    rig_finish(&r);
    CHECK_SQL(&r, "SELECT position, length, CAST(data AS TEXT) FROM chunks", "0|7|AAABBCC");
    rig_release(&r);
}

static void below_zero(void)
{
    struct rig r;
    struct rig_flow f;
    rig_init(&r);
    rig_open(&r);
    rig_flow_init(&f, 1);
    rig_text(&r, &f, 0, "CC");
    rig_text(&r, &f, -2, "BB");
    rig_text(&r, &f, -6, "AA");
    r.sink->gap(r.sink, &f.flow, SIDE_CLIENT, -4, 2, GAP_NETWORK_LOSS, false);
    rig_flow_end(&r, &f);
    rig_finish(&r);
    CHECK_SQL(&r, "SELECT position, length, CAST(data AS TEXT) FROM chunks ORDER BY 1",
              "-6|2|AA -2|2|BB 0|2|CC");
    CHECK_SQL(&r, "SELECT start, length, stored, missing, verdict FROM streams", "-6|8|6|2|gap");
    CU_ASSERT_TRUE(rig_stream_is(&r, 2, "AABBCC", 6));
    rig_release(&r);
}

static void late_into_a_written_hole(void)
{
    struct rig r;
    struct rig_flow f;
    size_t len = 200000, hole = 5000;
    uint8_t *bytes = rig_noise(len, 2);
    rig_init(&r);
    rig_open(&r);
    rig_flow_init(&f, 1);
    for (size_t at = 0; at < len; at += 1000)
        if (at != hole)
            rig_segment(&r, &f, SIDE_CLIENT, (int64_t)at, bytes + at, 1000);
    rig_segment(&r, &f, SIDE_CLIENT, (int64_t)hole, bytes + hole, 1000);
    rig_flow_end(&r, &f);
    rig_finish(&r);
    CU_ASSERT_TRUE(rig_stream_is(&r, 2, bytes, len));
    free(bytes);
    rig_release(&r);
}

static void versions_of_a_byte(void)
{
    struct rig r;
    struct rig_flow f;
    rig_init(&r);
    rig_open(&r);
    rig_flow_init(&f, 1);
    rig_text(&r, &f, 0, "abc");      /* frame 1 */
    rig_text(&r, &f, 3, "defgh");    /* frame 2 */
    rig_text(&r, &f, 1, "bcd");      /* frame 3: the same */
    rig_text(&r, &f, 0, "abXXefYh"); /* frame 4: over two arrivals, two ranges */
    rig_text(&r, &f, 2, "Zd");       /* frame 5: a third version */
    rig_flow_end(&r, &f);
    rig_finish(&r);
    CHECK_SQL(&r,
              "SELECT position, length, CAST(kept AS TEXT), kept_frame, CAST(other AS TEXT),"
              " other_frame FROM conflicts ORDER BY conflict_id",
              "2|2|cd|1|XX|4 6|1|g|2|Y|4 2|1|c|1|Z|5");
    CHECK_SQL(&r, "SELECT CAST(data AS TEXT) FROM chunks", "abcdefgh");
    CHECK_SQL(&r, "SELECT conflicted, verdict FROM streams", "4|conflict");
    rig_release(&r);
}

/* Fills `count` bytes from `position` on, so that chunks before them are written. */
static void fill(struct rig *r, struct rig_flow *f, int64_t position, size_t count)
{
    uint8_t *bytes = calloc(1, count);
    for (size_t at = 0; at < count; at += 1000)
        rig_segment(r, f, SIDE_CLIENT, position + (int64_t)at, bytes,
                    count - at < 1000 ? count - at : 1000);
    free(bytes);
}

static void conflict_with_a_written_chunk(void)
{
    struct rig r;
    struct rig_flow f;
    rig_init(&r);
    rig_open(&r);
    rig_flow_init(&f, 1);
    rig_text(&r, &f, 0, "secret");
    fill(&r, &f, 6, 100000);
    for (int i = 0; i < 3; i++)
        rig_text(&r, &f, 0, "SecreT");
    rig_flow_end(&r, &f);
    rig_finish(&r);
    CHECK_SQL(&r,
              "SELECT count(*), min(kept_frame), max(kept_frame), group_concat(CAST(other AS TEXT))"
              " FROM conflicts",
              "6|1|1|S,T,S,T,S,T");
    rig_release(&r);
}

static void a_right_segment_takes_over(void)
{
    struct rig r;
    struct rig_flow f;
    rig_init(&r);
    rig_open(&r);
    rig_flow_init(&f, 1);
    rig_segment_cut(&r, &f, SIDE_CLIENT, 0, "abXd", 4, 4, RIG_PROVISIONAL); /* frame 1 */
    fill(&r, &f, 4, 20000);
    size_t before = r.frame;
    rig_text(&r, &f, 0, "abcd"); /* into the written chunk */
    rig_text(&r, &f, 1, "b?");   /* differs from what took over */
    rig_segment_cut(&r, &f, SIDE_SERVER, 0, "12?4", 4, 4, RIG_PROVISIONAL);
    rig_segment(&r, &f, SIDE_SERVER, 0, "1234", 4); /* into the open chunk */
    rig_flow_end(&r, &f);
    rig_finish(&r);
    char expected[200];
    snprintf(expected, sizeof expected, "2|2|c|%zu|X|1 2|2|c|%zu|?|%zu 3|2|3|%zu|?|%zu", before + 1,
             before + 1, before + 2, before + 4, before + 3);
    CHECK_SQL(&r,
              "SELECT stream_id, position, CAST(kept AS TEXT), kept_frame, CAST(other AS TEXT),"
              " other_frame FROM conflicts ORDER BY conflict_id",
              expected);
    uint8_t *bytes = calloc(1, 20004);
    memcpy(bytes, "abcd", 4);
    CU_ASSERT_TRUE(rig_stream_is(&r, 2, bytes, 20004));
    CU_ASSERT_TRUE(rig_stream_is(&r, 3, "1234", 4));
    free(bytes);
    rig_release(&r);
}

static void gaps_and_sums(void)
{
    struct rig r;
    struct rig_flow f;
    rig_init(&r);
    rig_open(&r);
    rig_flow_init(&f, 1);
    rig_text(&r, &f, 0, "aaaa");
    rig_segment_cut(&r, &f, SIDE_CLIENT, 14, "bb", 2, 6, RIG_RIGHT);
    r.sink->gap(r.sink, &f.flow, SIDE_CLIENT, 4, 3, GAP_CAPTURE_LOSS, false);
    r.sink->gap(r.sink, &f.flow, SIDE_CLIENT, 7, 7, GAP_CAPTURE_LOSS, false); /* touches: one row */
    r.sink->gap(r.sink, &f.flow, SIDE_CLIENT, 16, 4, GAP_TRUNCATED, false);
    r.sink->gap(r.sink, &f.flow, SIDE_CLIENT, 20, 5, GAP_UNKNOWN, true);
    r.sink->gap(r.sink, &f.flow, SIDE_SERVER, 0, 1000000000, GAP_UNKNOWN, true);
    rig_flow_end(&r, &f);
    rig_finish(&r);
    CHECK_SQL(&r, "SELECT stream_id, position, length, cause, tail FROM gaps",
              "2|4|10|capture_loss|0 2|16|4|truncated|0 2|20|5|unknown|1 3|0|1000000000|unknown|1");
    CHECK_SQL(&r,
              "SELECT stream_id, start, length, stored, missing, truncated, missing_tail, verdict"
              " FROM streams",
              "2|0|20|6|10|4|5|gap 3|0|0|0|0|0|1000000000|gap");
    rig_release(&r);
}

static void refused(void)
{
    struct rig r;
    struct rig_flow f;
    struct frame frame;
    rig_init(&r);
    rig_open(&r);
    rig_flow_init(&f, 1);
    frame = rig_frame(&r, 3);
    struct packet packet = {.frame = &frame, .payload = span_of("xyz", 3)};
    struct arrival a = {.packet = &packet,
                        .side = SIDE_SERVER,
                        .position = 70000,
                        .len = 3,
                        .bytes = packet.payload,
                        .refused = REFUSED_CHECKSUM};
    r.sink->segment(r.sink, &f.flow, &a);
    a.bytes = span_of(NULL, 0); /* nothing of it was captured */
    r.sink->segment(r.sink, &f.flow, &a);
    rig_flow_end(&r, &f);
    rig_finish(&r);
    CHECK_SQL(&r,
              "SELECT stream_id, position, length, frame, reason, CAST(data AS TEXT) FROM refused",
              "3|70000|3|1|bad_checksum|xyz 3|70000|3|1|bad_checksum|");
    CHECK_SQL(&r, "SELECT stream_id, start, length, stored, verdict FROM streams",
              "3|0|0|0|complete");
    CHECK_SQL(&r, "SELECT stream_id, segments FROM arrivals", "3|2");
    rig_release(&r);
}

/* A segment of the server at 100, refused, of which the bytes of each `taken` are believed in turn. */
static void check_believed(size_t captured, size_t len, const int64_t (*taken)[2],
                           const char *refused_then, const char *bytes_then)
{
    struct rig r;
    struct rig_flow f;
    rig_init(&r);
    rig_open(&r);
    rig_flow_init(&f, 1);
    for (int copy = 0; copy < 2; copy++) { /* only the first is believed */
        struct frame frame = rig_frame(&r, len);
        struct packet packet = {.frame = &frame,
                                .payload = span_of(copy ? "012345" : "abcdef", captured),
                                .payload_offset = 1000};
        struct arrival a = {.packet = &packet,
                            .side = SIDE_SERVER,
                            .position = 100,
                            .len = (uint32_t)len,
                            .bytes = packet.payload,
                            .refused = REFUSED_CHECKSUM};
        r.sink->segment(r.sink, &f.flow, &a);
    }
    for (; (*taken)[0] < (*taken)[1]; taken++)
        r.sink->believe(r.sink, &f.flow, SIDE_SERVER, (*taken)[0], (*taken)[1] - (*taken)[0]);
    rig_flow_end(&r, &f);
    rig_finish(&r);
    CHECK_SQL(&r,
              "SELECT position, length, file_offset, CAST(data AS TEXT) FROM refused"
              " WHERE frame = 1 ORDER BY position",
              refused_then);
    CHECK_SQL(&r, "SELECT position, CAST(data AS TEXT) FROM chunks ORDER BY position", bytes_then);
    CHECK_SQL(&r, "SELECT CAST(data AS TEXT) FROM refused WHERE frame = 2",
              captured == 6 ? "012345" : "0123");
    rig_release(&r);
}

#define BELIEVED(captured, len, refused_then, bytes_then, ...)                             \
    check_believed(captured, len, (const int64_t[][2]){__VA_ARGS__, {0, 0}}, refused_then, \
                   bytes_then)

static void believed_in_parts(void)
{
    BELIEVED(6, 6, "", "100|abcdef", {100, 106});
    BELIEVED(6, 6, "102|4|1002|cdef", "100|ab", {100, 102});
    BELIEVED(6, 6, "100|4|1000|abcd", "104|ef", {104, 106});
    BELIEVED(6, 6, "100|2|1000|ab 104|2|1004|ef", "102|cd", {102, 104});
    BELIEVED(6, 6, "", "100|abcdef", {100, 103}, {103, 106});
    BELIEVED(6, 6, "102|2|1002|cd", "100|ab 104|ef", {100, 102}, {104, 106});
    BELIEVED(6, 6, "100|2|1000|ab", "102|cdef", {102, 104}, {104, 106});
    BELIEVED(6, 6, "100|1|1000|a 102|1|1002|c 104|1|1004|e", "101|b 103|d 105|f", {101, 102},
             {103, 104}, {105, 106});
    /* What the snap length cut nobody can take. */
    BELIEVED(4, 6, "104|2|1004|", "100|abcd", {100, 104});
    BELIEVED(4, 6, "103|3|1003|d", "100|abc", {100, 103});
}

static void in_pieces(void)
{
    struct rig r;
    struct rig_flow f;
    uint8_t datagram[8 + 30] = {0};
    rig_init(&r);
    rig_open(&r);
    rig_flow_init(&f, 1);
    f.flow.key.protocol = TRANSPORT_UDP;
    struct frame frames[2] = {rig_frame(&r, 20), rig_frame(&r, 18)};
    struct piece pieces[2] = {{0, 16, 16, 1, 5000}, {16, 22, 22, 0, 6000}};
    memcpy(datagram + 8, "0123456789abcdefghijABCDEFGHIJ", 30);
    struct packet packet = {.frame = &frames[1],
                            .whole = span_of(datagram, sizeof datagram),
                            .ip_payload = span_of(datagram, sizeof datagram),
                            .payload = span_of(datagram + 8, 30),
                            .pieces = pieces,
                            .piece_count = 2,
                            .frames = frames,
                            .frame_count = 2};
    struct range fresh = {0, 30};
    struct arrival a = {.packet = &packet,
                        .position = 0,
                        .len = 30,
                        .bytes = packet.payload,
                        .fresh = &fresh,
                        .fresh_count = 1};
    r.sink->segment(r.sink, &f.flow, &a);
    datagram[8 + 7] = '?'; /* a second one that differs on both sides of where the pieces meet */
    datagram[8 + 8] = '?';
    datagram[8 + 20] = '?';
    frames[0].number = 8;
    frames[1].number = 9;
    a.fresh_count = 0;
    r.sink->segment(r.sink, &f.flow, &a);
    rig_flow_end(&r, &f);
    rig_finish(&r);

    sqlite3_stmt *row;
    struct arrival_record record = {0};
    sqlite3_prepare_v2(r.db, "SELECT data FROM arrivals", -1, &row, NULL);
    CU_ASSERT_EQUAL_FATAL(sqlite3_step(row), SQLITE_ROW);
    struct span data = span_of(sqlite3_column_blob(row, 0), (size_t)sqlite3_column_bytes(row, 0));
    CU_ASSERT_TRUE(arrival_record_take(&data, &record));
    CU_ASSERT_EQUAL(record.position, 0);
    CU_ASSERT_EQUAL(record.length, 8);
    CU_ASSERT_EQUAL(record.frame, 2);
    CU_ASSERT_EQUAL(record.offset, 5008);
    CU_ASSERT_EQUAL(record.time_ns, 2000000);
    CU_ASSERT_TRUE(arrival_record_take(&data, &record));
    CU_ASSERT_EQUAL(record.position, 8);
    CU_ASSERT_EQUAL(record.length, 22);
    CU_ASSERT_EQUAL(record.frame, 1);
    CU_ASSERT_EQUAL(record.offset, 6000);
    sqlite3_finalize(row);
    CHECK_SQL(
        &r, "SELECT position, length, kept_frame, other_frame FROM conflicts ORDER BY conflict_id",
        "7|1|2|9 8|1|1|8 20|1|1|8");
    rig_release(&r);
}

static void oddities(void)
{
    struct rig r;
    struct rig_flow f;
    rig_init(&r);
    rig_open(&r);
    rig_flow_init(&f, 1);
    struct frame frame = rig_frame(&r, 0), later = rig_frame(&r, 0);
    r.sink->oddity(r.sink, &f.flow, &frame, ODDITY_URGENT, "byte \xff at 3");
    r.sink->oddity(r.sink, &f.flow, &later, ODDITY_URGENT, "byte at 4");
    r.sink->oddity(r.sink, NULL, &frame, ODDITY_MALFORMED, NULL);
    r.sink->oddity(r.sink, NULL, &later, ODDITY_MALFORMED, NULL);
    rig_flow_end(&r, &f);
    rig_finish(&r);
    CHECK_SQL(&r,
              "SELECT evidence_id, flow_id, kind, frame, last_frame, count, detail FROM oddities",
              "1|1|urgent|1|2|2|byte \xef\xbf\xbd at 3 1|NULL|malformed|1|2|2|NULL");
    rig_release(&r);
}

static void oddities_without_memory(void)
{
    struct rig r;
    struct rig_flow f[3];
    rig_init(&r);
    r.options.memory = 0;
    rig_open(&r);
    for (uint32_t i = 0; i < 3; i++)
        rig_flow_init(&f[i], i);
    for (int n = 0; n < 30; n++) {
        struct frame frame = rig_frame(&r, 0);
        r.sink->oddity(r.sink, &f[n % 3].flow, &frame,
                       n < 15 ? ODDITY_URGENT : ODDITY_KEEPALIVE_DATA, "text");
        r.sink->frame(r.sink, &f[n % 3].flow, &frame);
    }
    for (int i = 0; i < 3; i++)
        rig_flow_end(&r, &f[i]);
    rig_finish(&r);
    CHECK_SQL(&r,
              "SELECT count(*), count(DISTINCT flow_id), sum(count), min(count), max(count)"
              " FROM oddities",
              "6|3|30|5|5");
    CHECK_SQL(&r, "SELECT count(*) > 6, sum(frames) FROM flow_frames", "1|30");
    rig_release(&r);
}

/* Frames without payload, so many that what comes next has no room in what is kept of a flow anyhow, and can be
 * written early. */
static void fill_the_beginning(struct rig *r, struct rig_flow *f)
{
    for (int i = 0; i < DIARY_BEGIN / 4; i++) {
        struct frame frame = rig_frame(r, 0);
        r->sink->frame(r->sink, &f->flow, &frame);
    }
}

/* What had to be written early is one row of stream_data if it can be, and what comes later adds to it. */
static void small_and_early(void)
{
    struct rig r;
    struct rig_flow f[5];
    rig_init(&r);
    r.options.memory = 0;
    rig_open(&r);
    for (uint32_t i = 0; i < 5; i++) {
        rig_flow_init(&f[i], i);
        fill_the_beginning(&r, &f[i]);
        if (i == 4) /* whoever is told makes the others write */
            rig_segment_cut(&r, &f[i], SIDE_CLIENT, 0, "abXYef", 6, 6, RIG_PROVISIONAL);
        else
            rig_text(&r, &f[i], 0, "abcdef");
    }
    rig_text(&r, &f[0], 0, "abcdef");
    rig_text(&r, &f[1], 0, "abCdef");
    rig_text(&r, &f[2], 6, "ghi");
    rig_text(&r, &f[3], 100, "jkl");
    rig_text(&r, &f[4], 0, "abcdef");
    rig_text(&r, &f[2], 4, "efghIj");
    for (int i = 0; i < 5; i++)
        rig_flow_end(&r, &f[i]);
    rig_finish(&r);
    CHECK_SQL(&r, "SELECT stream_id, position, CAST(data AS TEXT) FROM stream_data",
              "2|0|abcdef 4|0|abcdef 6|0|abcdef 8|0|abcdef 10|0|abcdef");
    CHECK_SQL(&r, "SELECT stream_id, position, CAST(data AS TEXT) FROM chunk_data",
              "6|6|ghi 8|100|jkl 6|9|j");
    CHECK_SQL(&r,
              "SELECT stream_id, position, CAST(kept AS TEXT), CAST(other AS TEXT) FROM conflicts",
              "4|2|c|C 10|2|cd|XY 6|8|i|I");
    CU_ASSERT_TRUE(rig_stream_is(&r, 2, "abcdef", 6));
    CU_ASSERT_TRUE(rig_stream_is(&r, 4, "abcdef", 6));
    CU_ASSERT_TRUE(rig_stream_is(&r, 6, "abcdefghij", 10));
    CU_ASSERT_TRUE(rig_stream_is(&r, 8, "abcdefjkl", 9));
    CU_ASSERT_TRUE(rig_stream_is(&r, 10, "abcdef", 6));
    rig_release(&r);
}

/* A conflict far into a long stream finds its bringer in few steps, so that as many conflicts as
 * there are segments take no more than a multiple of the time. */
static void many_conflicts(void)
{
    struct rig r;
    struct rig_flow f;
    size_t count = 20000;
    uint8_t *bytes = rig_noise(count * 100, 3);
    rig_init(&r);
    rig_open(&r);
    rig_flow_init(&f, 1);
    for (size_t i = 0; i < count; i++)
        rig_segment(&r, &f, SIDE_CLIENT, (int64_t)i * 100, bytes + i * 100, 100);
    for (size_t i = 0; i < count; i++) {
        uint8_t other[100];
        size_t at = i * 7919 % count;
        memcpy(other, bytes + at * 100, 100);
        other[i % 100] ^= 1;
        rig_segment(&r, &f, SIDE_CLIENT, (int64_t)at * 100, other, 100);
    }
    rig_flow_end(&r, &f);
    rig_finish(&r);
    CHECK_SQL(&r, "SELECT count(*), sum(kept_frame = position / 100 + 1) FROM conflicts",
              "20000|20000");
    CU_ASSERT_TRUE(rig_stream_is(&r, 2, bytes, count * 100));
    free(bytes);
    rig_release(&r);
}

/* What goes beyond the budget is what the header says, and the buffer of the flow at work. */
static void within_the_budget(void)
{
    enum { FLOWS = 3000, ROUNDS = 4 };
    struct rig r;
    struct rig_flow *flows = calloc(FLOWS, sizeof *flows);
    uint8_t *bytes = rig_noise(ROUNDS * 2000, 4);
    rig_init(&r);
    r.options.memory = 3 << 20;
    rig_open(&r);
    for (uint32_t i = 0; i < FLOWS; i++)
        rig_flow_init(&flows[i], i);
    size_t over = 0;
    for (int round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < FLOWS; i++) {
            rig_segment(&r, &flows[i], SIDE_CLIENT, round * 2000, bytes + round * 2000, 2000);
            over = r.store->memory.over > over ? r.store->memory.over : over;
        }
    }
    CU_ASSERT_TRUE(r.store->memory.budget.peak <= r.store->memory.budget.limit);
    CU_ASSERT_TRUE(over <= FLOWS * (STORE_FLOW_COST + STORE_STREAM_COST) + (64 << 10));
    for (uint32_t i = 0; i < FLOWS; i++)
        rig_flow_end(&r, &flows[i]);
    rig_finish(&r);
    CHECK_SQL(&r, "SELECT count(*), sum(stored), count(DISTINCT sha256) FROM streams",
              "3000|24000000|1");
    CU_ASSERT_TRUE(rig_stream_is(&r, 1000, bytes, ROUNDS * 2000));
    free(flows);
    free(bytes);
    rig_release(&r);
}

/* A stream that was written early has room in memory for what comes next, and for what comes below that after all. */
static void below_what_has_room(void)
{
    enum { FLOWS = 1500, WRITTEN = 2000, LEN = 20000 };
    static const struct {
        int from, to;
    } parts[] = {{6000, 7000}, {7000, 9000}, {3000, 4000}, {4000, 6000}, {2000, 3000}, {9000, LEN}};
    struct rig r;
    struct rig_flow *flows = calloc(FLOWS, sizeof *flows);
    uint8_t *bytes = rig_noise(LEN, 6);
    uint8_t other[10];

    rig_init(&r);
    r.options.page_size = 16384;
    r.options.memory = 3 << 20;
    rig_open(&r);
    for (uint32_t i = 0; i < FLOWS; i++)
        rig_flow_init(&flows[i], i);
    for (uint32_t i = 0; i < FLOWS; i++)
        rig_segment(&r, &flows[i], SIDE_CLIENT, 0, bytes, WRITTEN);
    memcpy(other, bytes + 6500, sizeof other);
    other[3] ^= 1;
    for (uint32_t i = 0; i < FLOWS / 2; i++) {
        for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
            rig_segment(&r, &flows[i], SIDE_CLIENT, parts[p].from, bytes + parts[p].from,
                        (size_t)(parts[p].to - parts[p].from));
            if (p < 4)
                rig_segment(&r, &flows[i], SIDE_CLIENT, 6500, other, sizeof other);
        }
    }
    CU_ASSERT_TRUE(r.store->is_short);
    for (uint32_t i = 0; i < FLOWS; i++)
        rig_flow_end(&r, &flows[i]);
    rig_finish(&r);
    CHECK_SQL(&r,
              "SELECT stored, conflicted, count(DISTINCT sha256), count(*) FROM streams GROUP BY 1",
              "2000|0|1|750 20000|4|1|750");
    CHECK_SQL(&r, "SELECT DISTINCT position, length, count(*) FROM conflicts GROUP BY stream_id",
              "6503|1|4");
    CHECK_SQL(&r, "PRAGMA integrity_check", "ok");
    for (int64_t i = 0; i < FLOWS / 2; i += 150)
        CU_ASSERT_TRUE(rig_stream_is(&r, 2 * (i + 1), bytes, LEN));
    free(flows);
    free(bytes);
    rig_release(&r);
}

/* Long streams side by side, with bytes that come late, twice, otherwise, and right at last: while their rows are not in the
 * index yet, and, where there is no room for so many, after they were put there. */
static void long_and_disturbed(size_t memory, uint32_t page_size, size_t each, bool lasting)
{
    enum { FLOWS = 5, SEGMENT = 1400, WINDOW = 33 /* segments */ };
    struct rig r;
    struct rig_flow f[FLOWS];
    uint8_t *bytes = rig_noise(each, 9), other[SEGMENT], *window = NULL;
    size_t conflicts = 0;

    rig_init(&r);
    r.options.memory = memory;
    r.options.page_size = page_size;
    rig_open(&r);
    for (uint32_t i = 0; i < FLOWS; i++) {
        rig_flow_init(&f[i], i);
        rig_segment(&r, &f[i], SIDE_CLIENT, 0, bytes, 10);
    }
    for (size_t at = 10, n = 0; at < each; at += SEGMENT, n++) {
        const size_t len = each - at < SEGMENT ? each - at : SEGMENT;
        const uint8_t *from = bytes + at;
        if (lasting && n % WINDOW == 0) { /* who has not let go of it looks at what is not there */
            store_frames_last(r.store, true);
            free(window);
            window = malloc((size_t)WINDOW * SEGMENT);
            CU_ASSERT_PTR_NOT_NULL_FATAL(window);
            memcpy(window, bytes + at,
                   each - at < (size_t)WINDOW * SEGMENT ? each - at : (size_t)WINDOW * SEGMENT);
        }
        if (lasting)
            from = window + n % WINDOW * SEGMENT;
        for (uint32_t i = 0; i < FLOWS; i++) {
            memcpy(other, bytes + at, len);
            other[n % len] ^= 1;
            if (n % 97 == i)
                continue; /* later */
            if (n % 211 == i) {
                if (lasting)
                    store_frames_last(r.store, false); /* `other` does not */
                rig_segment_cut(&r, &f[i], SIDE_CLIENT, (int64_t)at, other, len, len,
                                RIG_PROVISIONAL);
                if (lasting)
                    store_frames_last(r.store, true);
            } else {
                rig_segment(&r, &f[i], SIDE_CLIENT, (int64_t)at, from, len);
            }
        }
        const size_t old = n / 2 * SEGMENT + 10;
        const uint32_t i = (uint32_t)n % FLOWS;
        if (n / 2 % 97 == i || n / 2 % 211 == i || old + SEGMENT > at)
            continue;
        memcpy(other, bytes + old, SEGMENT);
        other[n % SEGMENT] ^= 1;
        rig_segment(&r, &f[i], SIDE_CLIENT, (int64_t)old, other, SEGMENT);
        conflicts++;
    }
    store_frames_last(r.store, false);
    free(window);
    for (uint32_t i = 0; i < FLOWS; i++) {
        for (size_t at = 10, n = 0; at < each; at += SEGMENT, n++) {
            const size_t len = each - at < SEGMENT ? each - at : SEGMENT;
            if (n % 97 == i || n % 211 == i)
                rig_segment(&r, &f[i], SIDE_CLIENT, (int64_t)at, bytes + at, len);
            conflicts += n % 97 != i && n % 211 == i;
        }
        rig_flow_end(&r, &f[i]);
    }
    rig_finish(&r);
    for (uint32_t i = 0; i < FLOWS; i++)
        CU_ASSERT_TRUE(rig_stream_is(&r, 2 + 2 * (int64_t)i, bytes, each));
    char expected[32];
    snprintf(expected, sizeof expected, "%zu", conflicts);
    CHECK_SQL(&r, "SELECT count(*) FROM conflicts", expected);
    CHECK_SQL(&r, "PRAGMA integrity_check", "ok");
    free(bytes);
    rig_release(&r);
}

static void disturbed_unindexed(void)
{
    long_and_disturbed(64 << 20, 4096, 2000000, false);
}

static void disturbed_indexed_at_last(void)
{
    long_and_disturbed(8 << 20, 512, 2700000, true);
}

static void borrowed(void)
{
    long_and_disturbed(64 << 20, 16384, 2000000, true);
}

static const struct test tests[] = {
    {"long streams, disturbed, whose rows are not in an index yet", disturbed_unindexed},
    {"and those that are put into it in the middle", disturbed_indexed_at_last},
    {"and those whose bytes lie in windows that go", borrowed},
    {"a small stream is one row of stream_data", in_order_and_small},
    {"a long stream is chunks that fill their leaves", in_order_and_long},
    {"segments out of order become one run", out_of_order},
    {"positions below zero, and a gap between them", below_zero},
    {"bytes that come into a written hole: the hash is that of the bytes",
     late_into_a_written_hole},
    {"each later version of a byte is a row", versions_of_a_byte},
    {"a conflict with a chunk that was written long ago", conflict_with_a_written_chunk},
    {"a right segment takes over from a wrong one", a_right_segment_takes_over},
    {"gaps are rows, and add up", gaps_and_sums},
    {"a refused segment is kept aside", refused},
    {"what is believed of a refused segment leaves its row, and no more", believed_in_parts},
    {"a datagram in fragments is as many arrivals", in_pieces},
    {"oddities are counted by flow and kind", oddities},
    {"and are still one row each when they had to be written early", oddities_without_memory},
    {"a small stream that had to be written early is one row all the same", small_and_early},
    {"more live flows than the memory has room for", within_the_budget},
    {"what was written early goes on, and below that", below_what_has_room},
    {"twenty thousand conflicts all over a stream", many_conflicts},
};
SUITE("store streams", tests)
