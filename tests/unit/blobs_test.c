/* blobs_test.c - delta-coded blobs: what goes in comes out, and nothing that comes in does harm. */
#include "store/blobs.h"

#include "reassembly/sink.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORDS = 2000 };

/* xorshift64*: the same numbers in every run. */
static uint64_t draw_state = 88172645463325252U;

static uint64_t draw(void)
{
    draw_state ^= draw_state >> 12;
    draw_state ^= draw_state << 25;
    draw_state ^= draw_state >> 27;
    return draw_state * 2685821657736338717U;
}

static bool one_in(unsigned n)
{
    return draw() % n == 0;
}

static bool same_frame(const struct frame_record *a, const struct frame_record *b)
{
    return a->evidence_id == b->evidence_id && a->interface_id == b->interface_id &&
           a->number == b->number && a->offset == b->offset && a->time_ns == b->time_ns &&
           a->captured == b->captured && a->wire_len == b->wire_len;
}

static bool same_arrival(const struct arrival_record *a, const struct arrival_record *b)
{
    return a->position == b->position && a->length == b->length && a->captured == b->captured &&
           a->evidence_id == b->evidence_id && a->frame == b->frame && a->offset == b->offset &&
           a->time_ns == b->time_ns && a->fate == b->fate;
}

/* Writes all and reads all back; returns the bytes that they took. */
static size_t frames_there_and_back(const struct frame_record *records, size_t count)
{
    uint8_t *blob = malloc(count * FRAME_RECORD_MAX);
    struct frame_record last = {0}, got = {0};
    uint8_t *end = blob;
    size_t same = 0;

    for (size_t i = 0; i < count; i++) {
        uint8_t *next = frame_record_put(end, &last, &records[i]);
        CU_ASSERT_TRUE(next - end <= FRAME_RECORD_MAX);
        end = next;
    }
    struct span rest = span_of(blob, (size_t)(end - blob));
    while (same < count && frame_record_take(&rest, &got) && same_frame(&got, &records[same]))
        same++;
    CU_ASSERT_EQUAL(same, count);
    CU_ASSERT_EQUAL(rest.len, 0);
    CU_ASSERT_FALSE(frame_record_take(&rest, &got));
    size_t len = (size_t)(end - blob);
    free(blob);
    return len;
}

static size_t arrivals_there_and_back(const struct arrival_record *records, size_t count)
{
    uint8_t *blob = malloc(count * ARRIVAL_RECORD_MAX);
    struct arrival_record last = {0}, got = {0};
    uint8_t *end = blob;
    size_t same = 0;

    for (size_t i = 0; i < count; i++) {
        uint8_t *next = arrival_record_put(end, &last, &records[i]);
        CU_ASSERT_TRUE(next - end <= ARRIVAL_RECORD_MAX);
        end = next;
    }
    struct span rest = span_of(blob, (size_t)(end - blob));
    while (same < count && arrival_record_take(&rest, &got) && same_arrival(&got, &records[same]))
        same++;
    CU_ASSERT_EQUAL(same, count);
    CU_ASSERT_EQUAL(rest.len, 0);
    CU_ASSERT_FALSE(arrival_record_take(&rest, &got));
    size_t len = (size_t)(end - blob);
    free(blob);
    return len;
}

/* A value that may be anything, and is often at an edge. */
static uint64_t any(void)
{
    static const uint64_t edges[] = {0,          1,         UINT64_MAX, INT64_MAX, 1ULL << 63,
                                     127,        128,       UINT32_MAX, 1000,      UINT64_MAX - 1,
                                     1ULL << 56, 999999999, 1ULL << 32};
    if (one_in(2))
        return edges[draw() % (sizeof edges / sizeof *edges)];
    return draw() >> draw() % 64;
}

static struct frame_record any_frame(void)
{
    struct frame_record r = {
        .evidence_id = (uint32_t)any(),
        .interface_id = (uint32_t)any(),
        .number = any(),
        .offset = any(),
        .time_ns = (int64_t)any(),
        .captured = (uint32_t)any(),
        .wire_len = (uint32_t)any(),
    };
    if (r.wire_len < r.captured)
        r.wire_len = r.captured;
    return r;
}

static struct arrival_record any_arrival(void)
{
    struct arrival_record r = {
        .position = (int64_t)any(),
        .length = (uint32_t)any(),
        .captured = (uint32_t)any(),
        .evidence_id = (uint32_t)any(),
        .frame = any(),
        .offset = any(),
        .time_ns = (int64_t)any(),
        .fate = (uint8_t)any(),
    };
    if (r.captured > r.length)
        r.captured = r.length;
    if (r.position > INT64_MAX - (int64_t)r.length)
        r.position = INT64_MAX - (int64_t)r.length;
    return r;
}

static void any_values_come_back(void)
{
    static struct frame_record frames[RECORDS];
    static struct arrival_record arrivals[RECORDS];
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < RECORDS; i++) {
            frames[i] = any_frame();
            arrivals[i] = any_arrival();
        }
        frames_there_and_back(frames, RECORDS);
        arrivals_there_and_back(arrivals, RECORDS);
    }
}

static void the_ends_of_every_range_come_back(void)
{
    const struct frame_record frames[] = {
        {0, 0, 0, 0, INT64_MIN, 0, 0},
        {UINT32_MAX, UINT32_MAX, UINT64_MAX, UINT64_MAX, INT64_MAX, UINT32_MAX, UINT32_MAX},
        {0, 0, 1, 1, INT64_MIN + 1, 0, UINT32_MAX},
        {1, 0, 1ULL << 63, 1ULL << 63, 0, 1, 2},
        {1, 0, UINT64_MAX, 0, -1, 1, 1},
    };
    const struct arrival_record arrivals[] = {
        {INT64_MIN, 0, 0, 0, 0, 0, INT64_MIN, 0},
        {INT64_MAX - UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT64_MAX, UINT64_MAX,
         INT64_MAX, UINT8_MAX},
        {INT64_MAX, 0, 0, 1, 0, 0, 0, FATE_KEPT},
        {INT64_MIN, UINT32_MAX, 0, 1, 1ULL << 63, 1ULL << 63, -1, FATE_CONFLICT},
    };
    frames_there_and_back(frames, sizeof frames / sizeof *frames);
    arrivals_there_and_back(arrivals, sizeof arrivals / sizeof *arrivals);
}

/* A transfer as a capture sees it: two data segments, an acknowledgement, and so on, among frames of
 * other flows. Fills the frames of the flow and the arrivals of the side that sends. */
struct transfer {
    struct frame_record frames[RECORDS];
    struct arrival_record arrivals[RECORDS];
    size_t frame_count, arrival_count;
};

static void transfer_make(struct transfer *t, unsigned others, uint32_t segment_len, uint32_t snap,
                          int64_t apart_ns)
{
    const uint32_t headers = 66, record_header = 16;
    uint64_t offset = 24, number = 0;
    int64_t now = 1700000000123456000, position = 0;

    *t = (struct transfer){0};
    while (t->frame_count < RECORDS) {
        for (uint64_t skip = others ? draw() % (2 * others + 1) : 0; skip > 0; skip--) {
            offset += record_header + (one_in(2) ? 66 : 1514);
            number++;
        }
        bool data = number % 3 != 2;
        uint32_t wire = headers + (data ? segment_len : 0);
        uint32_t captured = wire < snap ? wire : snap;

        number++;
        now += (int64_t)(draw() % (uint64_t)(2 * apart_ns)) / 1000 * 1000;
        t->frames[t->frame_count++] =
            (struct frame_record){1, 0, number, offset + record_header, now, captured, wire};
        if (data) {
            t->arrivals[t->arrival_count++] = (struct arrival_record){
                .position = position,
                .length = segment_len,
                .captured = captured - headers,
                .evidence_id = 1,
                .frame = number,
                .offset = offset + record_header + headers,
                .time_ns = now,
                .fate = FATE_KEPT,
            };
            position += segment_len;
        }
        offset += record_header + captured;
    }
}

static void busy_flows_take_few_bytes(void)
{
    static struct transfer t;
    static const struct {
        const char *what;
        unsigned others;
        uint32_t segment_len, snap;
        int64_t apart_ns;
        double frame_most, arrival_most;
    } cases[] = {
        {"alone, 1448 bytes each 12 us", 0, 1448, 262144, 12000, 5, 5},
        {"among 20 others, each 1 ms", 20, 1448, 262144, 1000000, 8, 8},
        {"among 500 others, each 20 ms", 500, 300, 262144, 20000000, 9, 9},
        {"alone, snap length 96", 0, 1448, 96, 12000, 7, 7},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        transfer_make(&t, cases[i].others, cases[i].segment_len, cases[i].snap, cases[i].apart_ns);
        double frame =
            (double)frames_there_and_back(t.frames, t.frame_count) / (double)t.frame_count;
        double arrival =
            (double)arrivals_there_and_back(t.arrivals, t.arrival_count) / (double)t.arrival_count;
        printf("\n    %-32s frame %.1f, arrival %.1f bytes", cases[i].what, frame, arrival);
        CU_ASSERT_TRUE(frame <= cases[i].frame_most);
        CU_ASSERT_TRUE(arrival <= cases[i].arrival_most);
    }
    const struct frame_record first = t.frames[0];
    const struct arrival_record arrival = t.arrivals[0];
    printf("\n    %-32s frame %zu, arrival %zu bytes\n  ", "the first of a blob",
           frames_there_and_back(&first, 1), arrivals_there_and_back(&arrival, 1));
}

/* The worked example of docs/blobs.md. */
static const struct frame_record example_frames[] = {
    {1, 0, 4, 298, 1700000000000123000, 66, 66},
    {1, 0, 5, 380, 1700000000000135000, 1514, 1514},
    {1, 0, 6, 1910, 1700000000000147000, 1514, 1514},
    {1, 1, 9, 3672, 1700000000001147500, 96, 1514},
};
static const uint8_t example_frames_hex[] = {
    // clang-format off
    0x23, 0x01, 0x01, 0xaa, 0x02, 0xf6, 0x81, 0xf2, 0x81, 0x83, 0x89, 0x85, 0x06, 0x42,
    0x0a, 0x10, 0x18, 0xea, 0x0b,
    0x0e, 0x10, 0x18,
    0x19, 0x18, 0x01, 0x8a, 0x0b, 0xf8, 0x01, 0xe8, 0x90, 0x7a, 0x60,
    // clang-format on
};
static const struct arrival_record example_arrivals[] = {
    {0, 1448, 1448, 1, 5, 446, 1700000000000135000, FATE_KEPT},
    {1448, 1448, 1448, 1, 6, 1976, 1700000000000147000, FATE_KEPT},
    {0, 1448, 30, 1, 9, 3738, 1700000000001147500, FATE_DUPLICATE},
};
static const uint8_t example_arrivals_hex[] = {
    // clang-format off
    0x53, 0x01, 0x01, 0xa8, 0x0b, 0xbe, 0x03, 0x8e, 0x82, 0xf2, 0x81, 0x83, 0x89, 0x85, 0x06,
    0x16, 0x52, 0x18,
    0x3d, 0x18, 0x1e, 0x01, 0x9f, 0x2d, 0xba, 0x02, 0xe8, 0x90, 0x7a,
    // clang-format on
};

static void the_example_of_the_document_holds(void)
{
    uint8_t frames[4 * FRAME_RECORD_MAX], arrivals[3 * ARRIVAL_RECORD_MAX];
    uint8_t *end = frames;
    struct frame_record last_frame = {0};
    struct arrival_record last_arrival = {0};

    for (size_t i = 0; i < 4; i++)
        end = frame_record_put(end, &last_frame, &example_frames[i]);
    CU_ASSERT_EQUAL_FATAL((size_t)(end - frames), sizeof example_frames_hex);
    CU_ASSERT_EQUAL(memcmp(frames, example_frames_hex, sizeof example_frames_hex), 0);

    end = arrivals;
    for (size_t i = 0; i < 3; i++)
        end = arrival_record_put(end, &last_arrival, &example_arrivals[i]);
    CU_ASSERT_EQUAL_FATAL((size_t)(end - arrivals), sizeof example_arrivals_hex);
    CU_ASSERT_EQUAL(memcmp(arrivals, example_arrivals_hex, sizeof example_arrivals_hex), 0);
}

/* Every prefix of a blob yields the records that are whole in it, and then says that it is cut off. */
static void a_blob_cut_anywhere_yields_its_whole_records(void)
{
    uint8_t blob[8 * ARRIVAL_RECORD_MAX];
    size_t ends[8] = {0};

    for (int round = 0; round < 200; round++) {
        struct frame_record last = {0};
        uint8_t *end = blob;
        for (size_t i = 0; i < 8; i++) {
            struct frame_record r = any_frame();
            end = frame_record_put(end, &last, &r);
            ends[i] = (size_t)(end - blob);
        }
        for (size_t len = 0; len <= ends[7]; len++) {
            uint8_t *copy = malloc(len + 1); /* the sanitizer sees its end */
            memcpy(copy, blob, len);
            struct span rest = span_of(copy, len);
            struct frame_record got = {0};
            size_t count = 0, whole = 0;
            while (frame_record_take(&rest, &got))
                count++;
            while (whole < 8 && ends[whole] <= len)
                whole++;
            CU_ASSERT_EQUAL(count, whole);
            CU_ASSERT_EQUAL(rest.len, len - (whole ? ends[whole - 1] : 0));
            free(copy);
        }
    }
    for (int round = 0; round < 200; round++) {
        struct arrival_record last = {0};
        uint8_t *end = blob;
        for (size_t i = 0; i < 8; i++) {
            struct arrival_record r = any_arrival();
            end = arrival_record_put(end, &last, &r);
            ends[i] = (size_t)(end - blob);
        }
        for (size_t len = 0; len <= ends[7]; len++) {
            uint8_t *copy = malloc(len + 1);
            memcpy(copy, blob, len);
            struct span rest = span_of(copy, len);
            struct arrival_record got = {0};
            size_t count = 0, whole = 0;
            while (arrival_record_take(&rest, &got))
                count++;
            while (whole < 8 && ends[whole] <= len)
                whole++;
            CU_ASSERT_EQUAL(count, whole);
            CU_ASSERT_EQUAL(rest.len, len - (whole ? ends[whole - 1] : 0));
            free(copy);
        }
    }
}

static void garbage_keeps_the_promises_of_a_record(void)
{
    for (int round = 0; round < 20000; round++) {
        size_t len = draw() % 64;
        uint8_t *blob = malloc(len + 1);
        for (size_t i = 0; i < len; i++)
            blob[i] = one_in(4) ? 0xff : (uint8_t)draw();

        struct span rest = span_of(blob, len);
        struct frame_record frame = {0};
        while (frame_record_take(&rest, &frame))
            CU_ASSERT_TRUE_FATAL(frame.captured <= frame.wire_len);

        rest = span_of(blob, len);
        struct arrival_record arrival = {0};
        while (arrival_record_take(&rest, &arrival)) {
            CU_ASSERT_TRUE_FATAL(arrival.captured <= arrival.length);
            CU_ASSERT_TRUE_FATAL(arrival.position <= INT64_MAX - (int64_t)arrival.length);
        }
        free(blob);
    }
}

static void a_record_that_makes_no_sense_changes_nothing(void)
{
    const uint8_t unknown_flag[] = {0x01, 0x80, 1, 1, 1};
    struct span rest = span_of(unknown_flag, sizeof unknown_flag);
    struct frame_record frame = {.number = 7, .captured = 3, .wire_len = 3};
    const struct frame_record before = frame;
    CU_ASSERT_FALSE(frame_record_take(&rest, &frame));
    CU_ASSERT_EQUAL(rest.len, sizeof unknown_flag);
    CU_ASSERT_TRUE(same_frame(&frame, &before));

    const uint8_t captured_too_much[] = {0x11, 0x08, 0x05, 0x04, 0, 0};
    rest = span_of(captured_too_much, sizeof captured_too_much);
    struct arrival_record arrival = {0};
    CU_ASSERT_FALSE(arrival_record_take(&rest, &arrival));
    CU_ASSERT_EQUAL(rest.len, sizeof captured_too_much);
    CU_ASSERT_EQUAL(arrival.length, 0);
}

static void a_fate_has_the_word_of_its_refusal(void)
{
    char expected[64];
    CU_ASSERT_STRING_EQUAL(fate_name(FATE_KEPT), "kept");
    CU_ASSERT_STRING_EQUAL(fate_name(FATE_PROVISIONAL), "provisional");
    for (enum refusal why = REFUSED_NOT + 1; why < REFUSAL_COUNT; why++) {
        snprintf(expected, sizeof expected, "refused: %s", refusal_name(why));
        CU_ASSERT_STRING_EQUAL(fate_name((uint8_t)(FATE_REFUSED + why)), expected);
    }
    CU_ASSERT_STRING_EQUAL(fate_name(FATE_REFUSED + REFUSAL_COUNT), "unknown");
    CU_ASSERT_STRING_EQUAL(fate_name(UINT8_MAX), "unknown");
}

static const struct test tests[] = {
    {"any values come back", any_values_come_back},
    {"the ends of every range come back", the_ends_of_every_range_come_back},
    {"busy flows take few bytes", busy_flows_take_few_bytes},
    {"the example of the document holds", the_example_of_the_document_holds},
    {"a blob cut anywhere yields its whole records", a_blob_cut_anywhere_yields_its_whole_records},
    {"garbage keeps the promises of a record", garbage_keeps_the_promises_of_a_record},
    {"a record that makes no sense changes nothing", a_record_that_makes_no_sense_changes_nothing},
    {"a fate has the word of its refusal", a_fate_has_the_word_of_its_refusal},
};

SUITE("blobs", tests)
