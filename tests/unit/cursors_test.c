/* cursors_test.c - what a case says is read as it stands, and what makes no sense is said. */
#include "store/reader.h"

#include "made_case.h"
#include "suite.h"

#include <sys/stat.h>

static void check_stream(const char *sql, const char *expected)
{
    struct made_case c;
    char picture[2000], *bang;

    made_case_new(&c);
    made_case_sql(&c, sql);
    made_case_done(&c);
    struct reader *reader = made_case_read(&c);
    stream_picture(picture, sizeof picture, reader, 2);
    if (expected[0] && expected[strlen(expected) - 1] == '!' && (bang = strchr(picture, '!')))
        bang[1] = 0; /* that it fails counts, not the words */
    CU_ASSERT_STRING_EQUAL(picture, expected);
    if (strcmp(picture, expected) != 0)
        fprintf(stderr, "\n    %s\n    is    %s\n    not   %s\n", sql, picture, expected);
    reader_close(reader);
    made_case_remove(&c);
}

static void a_stream_is_its_chunks_and_gaps_in_order(void)
{
    check_stream("", "");
    check_stream("INSERT INTO stream_data VALUES (2, 0, x'414141')", "0:AAA");
    check_stream("INSERT INTO stream_data VALUES (2, -3, x'414141');"
                 "INSERT INTO gaps VALUES (2, 0, 5, 'capture_loss', 0), (2, 7, 9, 'unknown', 1);"
                 "INSERT INTO chunk_data VALUES (1, 2, 5, 2, 0, x'4242')",
                 "-3:AAA 0:[capture_loss 5] 5:BB 7:[unknown 9 tail]");
    check_stream("INSERT INTO chunk_data VALUES (1, 2, 2, 1, 0, x'43'), (2, 2, 0, 2, 0, x'4142'),"
                 " (3, 3, 0, 1, 0, x'58')",
                 "0:AB 2:C");
    check_stream("INSERT INTO gaps VALUES (2, 0, 1000000000000, 'evicted', 0)",
                 "0:[evicted 1000000000000]");
}

static void a_hole_without_a_row_is_told(void)
{
    check_stream("INSERT INTO chunk_data VALUES (1, 2, 0, 1, 0, x'41'), (2, 2, 9, 1, 0, x'42')",
                 "0:A 1:[unexplained 8] 9:B");
}

/* Whatever is passed over, each byte and each hole from the position on is given as without a seek. */
static void a_seek_leaves_out_what_lies_before_it(void)
{
    struct made_case c;
    struct error err = {0};

    made_case_new(&c);
    made_case_sql(
        &c, "INSERT INTO stream_data VALUES (2, -3, x'414141');"
            "INSERT INTO gaps VALUES (2, 0, 5, 'capture_loss', 0), (2, 30, 9, 'unknown', 1);"
            "INSERT INTO chunk_data VALUES (1, 2, 5, 2, 0, x'4242'), (2, 2, 7, 3, 0, x'434343'),"
            " (3, 2, 14, 2, 0, x'4444'), (4, 2, 20, 1, 0, x'45'), (5, 3, 8, 1, 0, x'58')");
    made_case_done(&c);
    struct reader *reader = made_case_read(&c);
    for (int64_t position = -6; position < 45; position++) {
        struct stream_cursor *whole, *part;
        struct stream_piece one, other;
        enum status status;
        CU_ASSERT_EQUAL_FATAL(stream_cursor_open(&whole, reader, 2, &err), STATUS_OK);
        CU_ASSERT_EQUAL_FATAL(stream_cursor_open(&part, reader, 2, &err), STATUS_OK);
        CU_ASSERT_EQUAL(stream_cursor_seek(part, position, &err), STATUS_OK);
        CU_ASSERT_EQUAL(stream_cursor_next(part, &other, &err), STATUS_OK);
        CU_ASSERT(other.position <= position || position < -3);
        while ((status = stream_cursor_next(whole, &one, &err)) == STATUS_OK &&
               one.position < other.position)
            CU_ASSERT(one.position + one.length <= position);
        do {
            CU_ASSERT(one.position == other.position && one.length == other.length);
            CU_ASSERT(one.tail == other.tail && (one.cause != NULL) == (other.cause != NULL));
            status = stream_cursor_next(whole, &one, &err);
            CU_ASSERT_EQUAL(stream_cursor_next(part, &other, &err), status);
        } while (status == STATUS_OK);
        CU_ASSERT_EQUAL(status, STATUS_END);
        stream_cursor_close(whole);
        stream_cursor_close(part);
    }
    reader_close(reader);
    made_case_remove(&c);
}

static void rows_that_make_no_sense_end_a_stream(void)
{
    check_stream("INSERT INTO chunk_data VALUES (1, 2, 0, 2, 0, x'4141'), (2, 2, 1, 1, 0, x'42')",
                 "0:AA!");
    check_stream("INSERT INTO chunk_data VALUES (1, 2, 0, 3, 0, x'4141')", "!");
    check_stream("INSERT INTO stream_data VALUES (2, 0, x'')", "!");
    check_stream("INSERT INTO stream_data VALUES (2, 9223372036854775807, x'41')", "!");
    check_stream("INSERT INTO stream_data VALUES (2, -9223372036854775808, x'41')", "!");
    check_stream("INSERT INTO gaps VALUES (2, 5, -5, 'unknown', 0)", "!");
    check_stream("INSERT INTO gaps VALUES (2, 5, 9223372036854775807, 'unknown', 0)", "!");
    check_stream("INSERT INTO stream_data VALUES (2, 0, x'414141');"
                 "INSERT INTO gaps VALUES (2, 2, 1, 'unknown', 0)",
                 "0:AAA!");
    check_stream("DROP VIEW chunks; DROP TABLE stream_data;"
                 "CREATE TABLE stream_data (stream_id, position, data);"
                 "INSERT INTO stream_data VALUES (2, 'here', x'41')",
                 "!");
    check_stream("DROP VIEW chunks; DROP TABLE stream_data;"
                 "CREATE TABLE stream_data (stream_id, position, data);"
                 "INSERT INTO stream_data VALUES (2, 0, 'text')",
                 "!");
    check_stream("DROP TABLE gaps; CREATE TABLE gaps (stream_id, position, length, cause, tail);"
                 "INSERT INTO gaps VALUES (2, 0, 1, x'00', 0)",
                 "!");
    check_stream("DROP TABLE gaps; CREATE TABLE gaps (stream_id, position, length, cause, tail);"
                 "INSERT INTO gaps VALUES (2, 0, 1, NULL, 0)",
                 "!");
}

static const struct frame_record some_frames[] = {
    {1, 0, 1, 40, 1000, 60, 60},
    {1, 0, 2, 116, 2000, 60, 1514},
    {2, 1, 1, 40, 1500, 90, 90},
};
static const struct arrival_record some_arrivals[] = {
    {0, 10, 10, 1, 1, 94, 1000, FATE_KEPT},
    {10, 1460, 6, 1, 2, 170, 2000, FATE_KEPT},
    {4, 10, 10, 2, 1, 94, 1500, FATE_CONFLICT},
};

static void records_come_back_over_parts(void)
{
    struct made_case c;
    struct frame_cursor *frames;
    struct arrival_cursor *arrivals;
    struct frame_record frame;
    struct arrival_record arrival;
    struct error err;

    made_case_new(&c);
    made_case_frames(&c, 5, 0, some_frames, 2);
    made_case_frames(&c, 5, 1, some_frames + 2, 1);
    made_case_frames(&c, 6, 0, some_frames, 1);
    made_case_arrivals(&c, 10, 0, some_arrivals, 1);
    made_case_arrivals(&c, 10, 1, some_arrivals + 1, 2);
    made_case_done(&c);
    struct reader *reader = made_case_read(&c);

    CU_ASSERT_EQUAL_FATAL(frame_cursor_open(&frames, reader, 5, &err), STATUS_OK);
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(frame_cursor_next(frames, &frame, &err), STATUS_OK);
        CU_ASSERT_EQUAL(frame.number, some_frames[i].number);
        CU_ASSERT_EQUAL(frame.offset, some_frames[i].offset);
        CU_ASSERT_EQUAL(frame.wire_len, some_frames[i].wire_len);
    }
    CU_ASSERT_EQUAL(frame_cursor_next(frames, &frame, &err), STATUS_END);
    CU_ASSERT_EQUAL(frame_cursor_next(frames, &frame, &err), STATUS_END);
    frame_cursor_close(frames);

    CU_ASSERT_EQUAL_FATAL(arrival_cursor_open(&arrivals, reader, 10, &err), STATUS_OK);
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(arrival_cursor_next(arrivals, &arrival, &err), STATUS_OK);
        CU_ASSERT_EQUAL(arrival.position, some_arrivals[i].position);
        CU_ASSERT_EQUAL(arrival.fate, some_arrivals[i].fate);
    }
    CU_ASSERT_EQUAL(arrival_cursor_next(arrivals, &arrival, &err), STATUS_END);
    arrival_cursor_close(arrivals);

    CU_ASSERT_EQUAL_FATAL(frame_cursor_open(&frames, reader, 7, &err), STATUS_OK);
    CU_ASSERT_EQUAL(frame_cursor_next(frames, &frame, &err), STATUS_END);
    frame_cursor_close(frames);
    reader_close(reader);
    made_case_remove(&c);
}

/* Walks the frames of flow 5 in a case with `change` applied; it must end in a sentence that holds
 * `words`. */
static void frames_fail(const char *change, const char *words)
{
    struct made_case c;
    struct frame_cursor *frames;
    struct frame_record frame;
    struct error err = {0};
    enum status status;

    made_case_new(&c);
    made_case_frames(&c, 5, 0, some_frames, 3);
    made_case_frames(&c, 5, 1, some_frames, 3);
    made_case_sql(&c, change);
    made_case_done(&c);
    struct reader *reader = made_case_read(&c);
    CU_ASSERT_EQUAL_FATAL(frame_cursor_open(&frames, reader, 5, &err), STATUS_OK);
    do
        status = frame_cursor_next(frames, &frame, &err);
    while (status == STATUS_OK);
    CU_ASSERT_EQUAL(status, STATUS_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, words));
    if (!strstr(err.text, words))
        fprintf(stderr, "\n    \"%s\" does not hold \"%s\"\n", err.text, words);
    frame_cursor_close(frames);
    reader_close(reader);
    made_case_remove(&c);
}

static void blobs_that_make_no_sense_end_a_walk(void)
{
    frames_fail("UPDATE flow_frames SET frames = 4 WHERE part = 0", "makes no sense");
    frames_fail("UPDATE flow_frames SET frames = 2 WHERE part = 0", "bytes are left");
    frames_fail("UPDATE flow_frames SET frames = -1 WHERE part = 0", "as many records");
    frames_fail("UPDATE flow_frames SET frames = 1000000 WHERE part = 1", "as many records");
    frames_fail("UPDATE flow_frames SET part = 2 WHERE part = 1", "is missing");
    frames_fail("UPDATE flow_frames SET part = -1 WHERE part = 0", "is missing");
    frames_fail("UPDATE flow_frames SET data = x'ffffffffffffffffffff', frames = 1", "no sense");
    frames_fail("DROP TABLE flow_frames; CREATE TABLE flow_frames (flow_id, part, frames, data);"
                "INSERT INTO flow_frames VALUES (5, 0, 'many', x'00')",
                "another type");
    frames_fail("DROP TABLE flow_frames; CREATE TABLE flow_frames (flow_id, part, frames, data);"
                "INSERT INTO flow_frames VALUES (5, 0, 1, 'text')",
                "no blob");
}

static void read_file(const char *path, uint8_t **data, size_t *len)
{
    struct stat info;
    FILE *file = fopen(path, "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL_FATAL(fstat(fileno(file), &info), 0);
    *data = malloc((size_t)info.st_size);
    *len = fread(*data, 1, (size_t)info.st_size, file);
    fclose(file);
}

/* Reads all that a case has, as far as it goes. */
static void read_everything(const char *path)
{
    static const char *const questions[] = {"SELECT * FROM segments", "SELECT * FROM frames",
                                            "SELECT * FROM chunks", "SELECT * FROM flow_times"};
    struct reader *reader;
    struct error err;
    char picture[8000];

    if (reader_open(&reader, path, &err) != STATUS_OK)
        return;
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
        sqlite3_exec(reader_db(reader), questions[i], NULL, NULL, NULL);
    for (int64_t id = 0; id < 12; id++) {
        struct frame_cursor *frames;
        struct frame_record frame;
        stream_picture(picture, 2000, reader, id);
        if (frame_cursor_open(&frames, reader, id, &err) != STATUS_OK)
            continue;
        while (frame_cursor_next(frames, &frame, &err) == STATUS_OK)
            CU_ASSERT_TRUE(frame.number <= INT64_MAX);
        frame_cursor_close(frames);
    }
    reader_close(reader);
}

static void a_damaged_file_does_no_harm(void)
{
    struct made_case c;
    uint8_t *whole;
    size_t len;
    unsigned draw = 1;

    made_case_new(&c);
    made_case_sql(&c, "INSERT INTO stream_data VALUES (2, 0, x'414141'), (4, 5, zeroblob(900));"
                      "INSERT INTO chunk_data VALUES (1, 6, 0, 2, 0, x'4141');"
                      "INSERT INTO gaps VALUES (2, 3, 1, 'unknown', 1)");
    made_case_frames(&c, 5, 0, some_frames, 3);
    made_case_arrivals(&c, 10, 0, some_arrivals, 3);
    made_case_done(&c);
    read_file(c.path, &whole, &len);
    for (int round = 0; round < 300; round++) {
        uint8_t *copy = malloc(len);
        memcpy(copy, whole, len);
        for (int change = 0; change <= round % 8; change++) {
            draw = draw * 1103515245 + 12345;
            size_t page = (draw >> 8) % 4 == 0 ? 0 : (draw >> 10) % (len / 4096) * 4096;
            draw = draw * 1103515245 + 12345;
            copy[(page + (draw >> 8) % (round & 1 ? 128 : 4096)) % len] ^= (uint8_t)(draw >> 23);
        }
        FILE *file = fopen(c.path, "wb");
        fwrite(copy, 1, round % 10 == 9 ? len / 2 : len, file);
        fclose(file);
        free(copy);
        read_everything(c.path);
    }
    free(whole);
    made_case_remove(&c);
}

static const struct test tests[] = {
    {"a stream is its chunks and gaps in order", a_stream_is_its_chunks_and_gaps_in_order},
    {"a hole without a row is told", a_hole_without_a_row_is_told},
    {"a seek leaves out what lies before it", a_seek_leaves_out_what_lies_before_it},
    {"rows that make no sense end a stream", rows_that_make_no_sense_end_a_stream},
    {"records come back over parts", records_come_back_over_parts},
    {"blobs that make no sense end a walk", blobs_that_make_no_sense_end_a_walk},
    {"a damaged file does no harm", a_damaged_file_does_no_harm},
};

SUITE("cursors", tests)
