/* reader_test.c - what a case says is read as it stands, and what makes no sense is said. */
#include "store/reader.h"

#include "made_case.h"
#include "suite.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct reader *open_made(const struct made_case *c)
{
    struct reader *reader;
    struct error err = {""};
    if (reader_open(&reader, c->path, &err) != STATUS_OK)
        fprintf(stderr, "%s\n", err.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
    return reader;
}

/* Opening fails, and the sentence holds `words`. */
static void refuses(const char *path, const char *words)
{
    struct reader *reader;
    struct error err = {""};
    CU_ASSERT_EQUAL(reader_open(&reader, path, &err), STATUS_FAILED);
    CU_ASSERT_PTR_NULL(reader);
    if (!strstr(err.text, words))
        fprintf(stderr, "\n    \"%s\" does not hold \"%s\"\n", err.text, words);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, words));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, path));
}

/* The pieces of a stream as a picture: bytes stand for themselves, a gap is its cause in brackets with
 * its length; where the walk fails, its sentence after a "!". */
static void stream_picture(char *to, size_t room, struct reader *reader, int64_t stream_id)
{
    struct stream_cursor *cursor;
    struct stream_piece piece;
    struct error err = {""};
    enum status status;
    size_t len = 0;

    to[0] = 0;
    CU_ASSERT_EQUAL_FATAL(stream_cursor_open(&cursor, reader, stream_id, &err), STATUS_OK);
    while ((status = stream_cursor_next(cursor, &piece, &err)) == STATUS_OK) {
        CU_ASSERT_EQUAL(piece.cause == NULL, piece.bytes.len == (size_t)piece.length);
        len += (size_t)snprintf(to + len, room - len,
                                len ? " %lld:" : "%lld:", (long long)piece.position);
        if (piece.cause)
            len += (size_t)snprintf(to + len, room - len, "[%s %lld%s]", piece.cause,
                                    (long long)piece.length, piece.tail ? " tail" : "");
        else
            len += (size_t)snprintf(to + len, room - len, "%.*s", (int)piece.bytes.len,
                                    (const char *)piece.bytes.data);
    }
    if (status == STATUS_FAILED)
        snprintf(to + len, room - len, "!%s", err.text);
    stream_cursor_close(cursor);
}

static void check_stream(const char *sql, const char *expected)
{
    struct made_case c;
    char picture[2000], *bang;

    made_case_new(&c);
    made_case_sql(&c, sql);
    made_case_done(&c);
    struct reader *reader = open_made(&c);
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
    struct reader *reader = open_made(&c);

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
    struct error err = {""};
    enum status status;

    made_case_new(&c);
    made_case_frames(&c, 5, 0, some_frames, 3);
    made_case_frames(&c, 5, 1, some_frames, 3);
    made_case_sql(&c, change);
    made_case_done(&c);
    struct reader *reader = open_made(&c);
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

static void what_is_no_case_is_refused_with_a_sentence(void)
{
    struct made_case c;
    char path[320];
    FILE *file;

    made_case_new(&c);
    refuses(c.folder, "it is a folder");
    snprintf(path, sizeof path, "%s/none.db", c.folder);
    refuses(path, "No such file");
    file = fopen(path, "w");
    fclose(file);
    refuses(path, "it is empty");
    file = fopen(path, "w");
    for (int i = 0; i < 2000; i++)
        fputs("no database", file);
    fclose(file);
    refuses(path, "no SQLite database");
    unlink(path);
    refuses(":memory:", "No such file");

    made_case_sql(&c, "PRAGMA user_version = 2");
    refuses(c.path, "schema version 2, newer");
    made_case_sql(&c, "PRAGMA user_version = 0");
    refuses(c.path, "schema version is 0");
    made_case_sql(&c, "PRAGMA user_version = 1; PRAGMA application_id = 7");
    refuses(c.path, "application_id is 0x00000007");
    made_case_remove(&c);
}

static void a_promised_table_must_be_a_table(void)
{
    struct made_case c;

    made_case_new(&c);
    made_case_sql(&c, "DROP TABLE arrivals;"
                      "CREATE VIEW arrivals AS WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT"
                      " i + 1 FROM n) SELECT i AS stream_id FROM n");
    refuses(c.path, "no table arrivals");
    made_case_remove(&c);

    /* Every table of schema.sql is promised. */
    static char names[64][32];
    sqlite3_stmt *tables;
    int count = 0;
    made_case_new(&c);
    sqlite3_prepare_v2(c.db, "SELECT name FROM sqlite_master WHERE type = 'table'", -1, &tables,
                       NULL);
    while (count < 64 && sqlite3_step(tables) == SQLITE_ROW)
        snprintf(names[count++], sizeof *names, "%s", sqlite3_column_text(tables, 0));
    sqlite3_finalize(tables);
    made_case_remove(&c);
    CU_ASSERT_TRUE(count > 10);
    for (int i = 0; i < count; i++) {
        char sql[200];
        made_case_new(&c);
        snprintf(sql, sizeof sql, "DROP VIEW chunks; DROP VIEW flow_times; DROP TABLE %s",
                 names[i]);
        made_case_sql(&c, sql);
        refuses(c.path, names[i]);
        made_case_remove(&c);
    }
}

static void nothing_is_written_and_nothing_attached(void)
{
    struct made_case c;
    static const char *const forbidden[] = {
        "DELETE FROM runs",
        "CREATE TABLE t (a)",
        "PRAGMA user_version = 9",
        "ATTACH ':memory:' AS other",
        "INSERT INTO runs VALUES (1, '', '', 0, 0, '', '', 1, 1, '')",
    };

    made_case_new(&c);
    made_case_done(&c);
    struct reader *reader = open_made(&c);
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++)
        CU_ASSERT_NOT_EQUAL(sqlite3_exec(reader_db(reader), forbidden[i], NULL, NULL, NULL),
                            SQLITE_OK);
    CU_ASSERT_EQUAL(
        sqlite3_exec(reader_db(reader), "SELECT * FROM chunks, flow_times", NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_stmt *statement;
    struct error err;
    CU_ASSERT_EQUAL(reader_prepare(reader, &statement, "SELECT nothing FROM flows", &err),
                    STATUS_FAILED);
    CU_ASSERT_PTR_NULL(statement);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "nothing"));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, c.path));
    CU_ASSERT_STRING_EQUAL(reader_path(reader), c.path);
    reader_close(reader);
    made_case_remove(&c);
}

static void evidence_is_interrupted_when_nobody_holds_the_lock(void)
{
    struct made_case c;
    struct flock all = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0x40000000 + 4096, .l_len = 1};

    made_case_new(&c);
    made_case_done(&c);
    struct reader *reader = open_made(&c);
    CU_ASSERT_STRING_EQUAL(reader_evidence_status(reader, "complete"), "complete");
    CU_ASSERT_STRING_EQUAL(reader_evidence_status(reader, "partial"), "partial");
    CU_ASSERT_STRING_EQUAL(reader_evidence_status(reader, "\x1b[31m"), "unknown");
    CU_ASSERT_STRING_EQUAL(reader_evidence_status(reader, "open"), "interrupted");
    int writer = open(c.path, O_RDWR | O_CLOEXEC);
    CU_ASSERT_EQUAL_FATAL(fcntl(writer, F_OFD_SETLK, &all), 0);
    CU_ASSERT_STRING_EQUAL(reader_evidence_status(reader, "open"), "open");
    close(writer);
    CU_ASSERT_STRING_EQUAL(reader_evidence_status(reader, "open"), "interrupted");
    reader_close(reader);
    made_case_remove(&c);
}

static void a_partial_case_is_read_unless_it_is_being_written(void)
{
    struct made_case c;
    char path[320];
    struct flock all = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0x40000000 + 4096, .l_len = 1};

    made_case_new(&c);
    made_case_done(&c);
    snprintf(path, sizeof path, "%s/made.db.partial", c.folder);
    CU_ASSERT_EQUAL_FATAL(rename(c.path, path), 0);
    memcpy(c.path, path, sizeof c.path);
    struct reader *reader = open_made(&c);
    reader_close(reader);
    int writer = open(path, O_RDWR | O_CLOEXEC);
    CU_ASSERT_EQUAL_FATAL(fcntl(writer, F_OFD_SETLK, &all), 0);
    refuses(path, "being written");
    close(writer);
    made_case_remove(&c);
}

/* A child that changes the case and is killed with the transaction open, its pages spilled. */
static void kill_in_an_addition(const struct made_case *c)
{
    pid_t child = fork();
    if (child == 0) {
        sqlite3 *db;
        sqlite3_open(c->path, &db);
        sqlite3_exec(db,
                     "PRAGMA cache_size = 1; BEGIN IMMEDIATE; DELETE FROM stream_data;"
                     "INSERT INTO stream_data WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT"
                     " i + 1 FROM n LIMIT 1000) SELECT i, 0, zeroblob(2000) FROM n",
                     NULL, NULL, NULL);
        _exit(sqlite3_get_autocommit(db)); /* nothing is closed, as after a kill */
    }
    int how = -1;
    CU_ASSERT_EQUAL_FATAL(waitpid(child, &how, 0), child);
    CU_ASSERT_EQUAL(how, 0);
}

static void an_addition_that_was_killed_is_rolled_back(void)
{
    struct made_case c;
    char picture[200], journal[320];
    struct stat file;

    made_case_new(&c);
    made_case_sql(&c, "INSERT INTO stream_data VALUES (2, 0, x'414243')");
    made_case_done(&c);
    kill_in_an_addition(&c);
    snprintf(journal, sizeof journal, "%s-journal", c.path);
    CU_ASSERT_EQUAL(stat(journal, &file), 0);
    struct reader *reader = open_made(&c);
    stream_picture(picture, sizeof picture, reader, 2);
    CU_ASSERT_STRING_EQUAL(picture, "0:ABC");
    CU_ASSERT_NOT_EQUAL(stat(journal, &file), 0);
    reader_close(reader);
    made_case_remove(&c);
}

static void a_journal_that_names_another_file_is_left_alone(void)
{
    static const uint8_t magic[8] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};
    struct made_case c;
    char journal[320];

    made_case_new(&c);
    made_case_done(&c);
    kill_in_an_addition(&c);
    snprintf(journal, sizeof journal, "%s-journal", c.path);
    FILE *file = fopen(journal, "ab");
    fwrite(magic, 1, sizeof magic, file);
    fclose(file);
    refuses(c.path, "journal that seine did not write");
    made_case_remove(&c);
}

static const struct test tests[] = {
    {"a stream is its chunks and gaps in order", a_stream_is_its_chunks_and_gaps_in_order},
    {"a hole without a row is told", a_hole_without_a_row_is_told},
    {"rows that make no sense end a stream", rows_that_make_no_sense_end_a_stream},
    {"records come back over parts", records_come_back_over_parts},
    {"blobs that make no sense end a walk", blobs_that_make_no_sense_end_a_walk},
    {"what is no case is refused with a sentence", what_is_no_case_is_refused_with_a_sentence},
    {"a promised table must be a table", a_promised_table_must_be_a_table},
    {"nothing is written and nothing attached", nothing_is_written_and_nothing_attached},
    {"evidence is interrupted when nobody holds the lock",
     evidence_is_interrupted_when_nobody_holds_the_lock},
    {"a partial case is read unless it is being written",
     a_partial_case_is_read_unless_it_is_being_written},
    {"an addition that was killed is rolled back", an_addition_that_was_killed_is_rolled_back},
    {"a journal that names another file is left alone",
     a_journal_that_names_another_file_is_left_alone},
};

SUITE("reader", tests)
