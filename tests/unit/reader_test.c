/* reader_test.c - what is no case is refused, and what was cut off is put right. */
#include "store/reader.h"

#include "made_case.h"
#include "suite.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Opening fails, and the sentence holds `words`. */
static void refuses(const char *path, const char *words)
{
    struct reader *reader;
    struct error err = {0};
    CU_ASSERT_EQUAL(reader_open(&reader, path, &err), STATUS_FAILED);
    CU_ASSERT_PTR_NULL(reader);
    if (!strstr(err.text, words))
        fprintf(stderr, "\n    \"%s\" does not hold \"%s\"\n", err.text, words);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, words));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, path));
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
    struct reader *reader = made_case_read(&c);
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
    struct reader *reader = made_case_read(&c);
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
    struct reader *reader = made_case_read(&c);
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
    char picture[2000], journal[320];
    struct stat file;

    made_case_new(&c);
    made_case_sql(&c, "INSERT INTO stream_data VALUES (2, 0, x'414243')");
    made_case_done(&c);
    kill_in_an_addition(&c);
    snprintf(journal, sizeof journal, "%s-journal", c.path);
    CU_ASSERT_EQUAL(stat(journal, &file), 0);
    struct reader *reader = made_case_read(&c);
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
