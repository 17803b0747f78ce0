/* layout_test.c - bytes of a stream are laid out from where they lie: as the case says, in any order. */
#include "store/layout.h"

#include "made_case.h"
#include "suite.h"

enum { STREAM = 2, EVIDENCE_LEN = 300000 };

/* A capture of letters: at each offset the one of its place in the alphabet. */
struct evidence {
    uint64_t len;
    unsigned reads;
};

static uint8_t letter(uint64_t offset)
{
    return (uint8_t)('a' + offset % 26);
}

static enum status read_letters(void *context, uint32_t evidence_id, void *to, size_t len,
                                uint64_t offset, struct error *err)
{
    struct evidence *evidence = context;

    CU_ASSERT_EQUAL(evidence_id, 1);
    evidence->reads++;
    if (offset + len > evidence->len)
        return error_set(err, "it ends");
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)to)[i] = letter(offset + i);
    return STATUS_OK;
}

struct bench {
    struct made_case made;
    struct evidence evidence;
    struct payload_source source;
    struct layout *layout;
    struct error err;
    int parts;
};

static void bench_init(struct bench *b)
{
    memset(b, 0, sizeof *b);
    made_case_new(&b->made);
    b->evidence.len = EVIDENCE_LEN;
    b->source = (struct payload_source){read_letters, &b->evidence};
    CU_ASSERT_EQUAL_FATAL(layout_open(&b->layout, b->made.db, "main", &b->source, &b->err),
                          STATUS_OK);
}

static void bench_release(struct bench *b)
{
    layout_close(b->layout);
    made_case_remove(&b->made);
}

static struct arrival_record arrival(int64_t position, uint32_t len, uint64_t offset,
                                     enum fate fate)
{
    return (struct arrival_record){.position = position,
                                   .length = len,
                                   .captured = len,
                                   .evidence_id = 1,
                                   .frame = 7,
                                   .offset = offset,
                                   .fate = (uint8_t)fate};
}

static void add(struct bench *b, const struct arrival_record *records, size_t count)
{
    made_case_arrivals(&b->made, STREAM, b->parts++, records, count);
}

/* Lays out [begin, end), and what is there as a picture: dots are holes. */
static void check(struct bench *b, int64_t begin, int64_t end, const char *expected)
{
    char picture[200] = "";

    if (layout_make(b->layout, STREAM, begin, end, span_of(NULL, 0), &b->err) != STATUS_OK) {
        snprintf(picture, sizeof picture, "!%s", b->err.text);
    } else {
        memset(picture, '.', (size_t)(end - begin));
        for (int64_t at = begin; (at = layout_next(b->layout, at)) < end;) {
            struct span run = layout_run(b->layout, at);
            memcpy(picture + (at - begin), run.data, run.len);
            at += (int64_t)run.len;
        }
    }
    CU_ASSERT_STRING_EQUAL(picture, expected);
    if (strcmp(picture, expected) != 0)
        fprintf(stderr, "\n    is    %s\n    not   %s\n", picture, expected);
}

static void arrivals_lie_at_their_positions_in_any_order(void)
{
    struct bench b;
    bench_init(&b);
    check(&b, 0, 5, ".....");
    add(&b, (struct arrival_record[]){arrival(6, 2, 26, FATE_KEPT), arrival(0, 3, 27, FATE_KEPT)},
        2);
    check(&b, 0, 10, "bcd...ab..");
    check(&b, 2, 7, "d...a"); /* cut in front and behind */
    add(&b, (struct arrival_record[]){arrival(-2, 2, 50, FATE_PROVISIONAL)}, 1); /* a row is new */
    check(&b, -4, 4, "..yzbcd.");
    bench_release(&b);
}

static void what_brought_nothing_is_not_read(void)
{
    struct bench b;
    bench_init(&b);
    add(&b,
        (struct arrival_record[]){arrival(0, 4, 26, FATE_KEPT), arrival(0, 4, 26, FATE_DUPLICATE),
                                  arrival(0, 4, 30, FATE_REFUSED), arrival(4, 2, 0, FATE_KEPT)},
        4);
    check(&b, 0, 6, "abcd..");
    CU_ASSERT_EQUAL(b.evidence.reads, 1);
    bench_release(&b);
}

static void arrivals_that_are_not_a_row_yet_are_there(void)
{
    struct bench b;
    struct arrival_record last = {0}, record = arrival(3, 2, 26, FATE_KEPT);
    uint8_t bytes[ARRIVAL_RECORD_MAX];
    bench_init(&b);
    add(&b, (struct arrival_record[]){arrival(0, 3, 50, FATE_KEPT)}, 1);
    size_t len = (size_t)(arrival_record_put(bytes, &last, &record) - bytes);
    CU_ASSERT_EQUAL(layout_make(b.layout, STREAM, 0, 8, span_of(bytes, len), &b.err), STATUS_OK);
    struct span run = layout_run(b.layout, 0);
    CU_ASSERT_EQUAL_FATAL(run.len, 5);
    CU_ASSERT_EQUAL(memcmp(run.data, "yzaab", 5), 0);
    layout_add(b.layout, 5, span_of("NEW and beyond", 14)); /* no more than was laid out */
    run = layout_run(b.layout, 4);
    CU_ASSERT_EQUAL_FATAL(run.len, 4);
    CU_ASSERT_EQUAL(memcmp(run.data, "bNEW", 4), 0);
    CU_ASSERT_TRUE(layout_covers(b.layout, STREAM, 7));
    CU_ASSERT_FALSE(layout_covers(b.layout, STREAM, 8));
    CU_ASSERT_FALSE(layout_covers(b.layout, STREAM + 1, 7));
    layout_forget(b.layout);
    CU_ASSERT_FALSE(layout_covers(b.layout, STREAM, 7));
    bench_release(&b);
}

/* Read from the case, and told as by who writes it. */
static void what_conflicts_kept_goes_over_arrivals(void)
{
    for (int told = 0; told < 2; told++) {
        static const struct {
            int64_t position;
            const char *kept;
        } rows[] = {{1, "XX"}, {2, "YZZ"}, {510, "across"}, {-3, "BELOW"}};
        struct bench b;
        bench_init(&b);
        add(&b,
            (struct arrival_record[]){
                arrival(0, 4, 26, FATE_KEPT), arrival(0, 4, 30, FATE_CONFLICT),
                arrival(509, 6, 26, FATE_KEPT), arrival(-2, 1, 26, FATE_KEPT)},
            4);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            struct span kept = span_of(rows[i].kept, strlen(rows[i].kept));
            char sql[200];
            snprintf(sql, sizeof sql,
                     "INSERT INTO conflicts (stream_id, position, length, kept, kept_evidence_id,"
                     " kept_frame, other, other_evidence_id, other_frame)"
                     " VALUES (%d, %lld, %zu, ?1, 1, 1, ?1, 1, 2)",
                     STREAM, (long long)rows[i].position, kept.len);
            if (!told)
                made_case_blob(&b.made, sql, kept.data, kept.len);
            else
                CU_ASSERT_EQUAL(layout_kept(b.layout, STREAM, rows[i].position, kept, &b.err),
                                STATUS_OK);
        }
        check(&b, 2, 6, "YZ.."); /* only where something came */
        check(&b, -4, 4, "..E.OWYZ");
        check(&b, 508, 517, ".aacros..");
        bench_release(&b);
    }
}

static void a_stream_that_ended_is_looked_up_anew(void)
{
    struct bench b;
    bench_init(&b);
    add(&b, (struct arrival_record[]){arrival(0, 3, 26, FATE_KEPT)}, 1);
    check(&b, 0, 3, "abc");
    CU_ASSERT_EQUAL(layout_kept(b.layout, STREAM, 0, span_of("X", 1), &b.err), STATUS_OK);
    check(&b, 0, 3, "Xbc");
    CU_ASSERT_EQUAL(layout_end(b.layout, STREAM + 1, &b.err), STATUS_OK);
    check(&b, 0, 3, "Xbc");
    CU_ASSERT_EQUAL(layout_end(b.layout, STREAM, &b.err), STATUS_OK);
    CU_ASSERT_FALSE(layout_covers(b.layout, STREAM, 0));
    check(&b, 0, 3, "abc");
    bench_release(&b);
}

static void what_cannot_be_read_is_said_with_its_frame(void)
{
    struct bench b;
    bench_init(&b);
    add(&b, (struct arrival_record[]){arrival(0, 3, EVIDENCE_LEN - 1, FATE_KEPT)}, 1);
    check(&b, 0, 3, "!frame 7: it ends");
    CU_ASSERT_FALSE(layout_covers(b.layout, STREAM, 0));
    bench_release(&b);

    bench_init(&b);
    made_case_sql(&b.made, "INSERT INTO arrivals VALUES (2, 9223372036854775807, 1, 0, 0, x'ff')");
    check(&b, 0, 3, "!arrivals of stream 2: they make no sense");
    bench_release(&b);
}

/* Against a plain twin: which positions have a byte, and each of them the letter of its position. */
static void many_arrivals_of_every_length(void)
{
    enum { LEN = 250000, COUNT = 600, LOW = -100000 };
    static bool present[LEN];
    static const uint32_t most[] = {1, 4096, 4097, 9000, 140000};
    struct bench b;
    uint32_t luck = 1;
    bench_init(&b);
    memset(present, false, sizeof present);
    for (int part = 0; part < COUNT / 6; part++) {
        struct arrival_record records[6];
        for (int i = 0; i < 6; i++) {
            luck = luck * 1664525 + 1013904223;
            uint32_t len = 1 + (luck >> 8) % most[part == COUNT / 12 ? 4 : i % 4];
            luck = luck * 1664525 + 1013904223;
            uint32_t at = (luck >> 8) % (LEN - len);
            records[i] = arrival(LOW + (int64_t)at, len, 1 + at, FATE_KEPT);
            memset(present + at, true, len);
        }
        add(&b, records, 6);
    }
    for (int round = 0; round < 200; round++) {
        luck = luck * 1664525 + 1013904223;
        int64_t begin = (luck >> 8) % LEN, wrong = 0;
        int64_t end = begin + 1 + round * 400 < LEN ? begin + 1 + round * 400 : LEN;
        CU_ASSERT_EQUAL_FATAL(
            layout_make(b.layout, STREAM, LOW + begin, LOW + end, span_of(NULL, 0), &b.err),
            STATUS_OK);
        end = end - begin < LAYOUT_LEN ? end : begin + LAYOUT_LEN;
        for (int64_t at = begin; at < end; at++) {
            struct span run = layout_run(b.layout, LOW + at);
            wrong += present[at] != (run.len > 0) ||
                     (present[at] && run.data[0] != letter(1 + (uint64_t)at));
            at += run.len > 1 ? (int64_t)run.len / 2 : 0; /* a run is as long as its half */
        }
        CU_ASSERT_EQUAL(wrong, 0);
    }
    bench_release(&b);
}

static const struct test tests[] = {
    {"arrivals lie at their positions in any order", arrivals_lie_at_their_positions_in_any_order},
    {"what brought nothing is not read", what_brought_nothing_is_not_read},
    {"arrivals that are not a row yet are there", arrivals_that_are_not_a_row_yet_are_there},
    {"what conflicts kept goes over arrivals", what_conflicts_kept_goes_over_arrivals},
    {"a stream that ended is looked up anew", a_stream_that_ended_is_looked_up_anew},
    {"what cannot be read is said with its frame", what_cannot_be_read_is_said_with_its_frame},
    {"many arrivals of every length", many_arrivals_of_every_length},
};

SUITE("layout", tests)
