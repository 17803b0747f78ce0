/* log_file_test.c - a log whose writes are held back is, for all who ask, one whose writes are not. */
#include "store/log_file.h"

#include "suite.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { LOG_MOST = 400 << 10, STEPS = 4000 };

static char folder[32], path[64], log_path[64];

/* xorshift64*: the same numbers in every run. */
static uint64_t draw_state = 88172645463325252U;

static uint64_t draw(uint64_t below)
{
    draw_state ^= draw_state >> 12;
    draw_state ^= draw_state << 25;
    draw_state ^= draw_state >> 27;
    return draw_state * 2685821657736338717U % below;
}

static void begin_place(void)
{
    strcpy(folder, "/tmp/seine-log-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/case.db", folder);
    snprintf(log_path, sizeof log_path, "%s/case.db-wal", folder);
}

static void end_place(void)
{
    char shm[64];

    snprintf(shm, sizeof shm, "%s/case.db-shm", folder);
    unlink(shm);
    unlink(log_path);
    unlink(path);
    CU_ASSERT_EQUAL(rmdir(folder), 0);
}

/* ---- the file itself, against a model ---- */

static uint8_t model[LOG_MOST];
static sqlite3_int64 model_len;

/* What the system has of the file is what it should have; held or not, when it was asked for. */
static void same_as_model(void)
{
    static uint8_t there[LOG_MOST];
    FILE *file = fopen(log_path, "rb");

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    const size_t len = fread(there, 1, sizeof there, file);
    fclose(file);
    CU_ASSERT_EQUAL_FATAL((sqlite3_int64)len, model_len);
    CU_ASSERT_EQUAL_FATAL(memcmp(there, model, len), 0);
}

/* As SQLite does: heads and pages behind each other, at times from an earlier place on, rarely large. */
static void write_some(sqlite3_file *log, sqlite3_int64 *at)
{
    static const int lens[] = {24, 4096, 24, 4096, 32, 65536, 100000, 1};
    static uint8_t bytes[100000];
    const int len = lens[draw(sizeof lens / sizeof *lens)];

    if (draw(20) == 0)
        *at = (sqlite3_int64)draw((uint64_t)model_len + 1);
    if (*at + len > LOG_MOST)
        *at = 0;
    const uint64_t first = draw(251);
    for (int i = 0; i < len; i++)
        bytes[i] = (uint8_t)((first + (uint64_t)i) % 251);
    CU_ASSERT_EQUAL_FATAL(log->pMethods->xWrite(log, bytes, len, *at), SQLITE_OK);
    memcpy(model + *at, bytes, (size_t)len);
    *at += len;
    if (*at > model_len)
        model_len = *at;
}

static void read_some(sqlite3_file *log)
{
    static uint8_t bytes[5000];
    const sqlite3_int64 at = (sqlite3_int64)draw((uint64_t)model_len + 1);
    const int len = (int)draw(sizeof bytes) + 1;
    const sqlite3_int64 left = model_len - at;
    const int code = log->pMethods->xRead(log, bytes, len, at);

    CU_ASSERT_EQUAL_FATAL(code, left < len ? SQLITE_IOERR_SHORT_READ : SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(memcmp(bytes, model + at, (size_t)(left < len ? left : len)), 0);
}

static void any_calls(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(log_file_vfs());
    sqlite3_int64 at = 0, size;
    int out;

    begin_place();
    CU_ASSERT_PTR_NOT_NULL_FATAL(vfs);
    fclose(fopen(path, "wb")); /* a log has the rights of its database */
    sqlite3_file *log = malloc((size_t)vfs->szOsFile);
    CU_ASSERT_EQUAL_FATAL(vfs->xOpen(vfs, log_path, log,
                                     SQLITE_OPEN_WAL | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                                     &out),
                          SQLITE_OK);
    model_len = 0;
    for (int step = 0; step < STEPS; step++) {
        switch (draw(40)) {
        case 0:
            CU_ASSERT_EQUAL_FATAL(log->pMethods->xSync(log, SQLITE_SYNC_NORMAL), SQLITE_OK);
            same_as_model();
            break;
        case 1:
            CU_ASSERT_EQUAL_FATAL(log->pMethods->xFileSize(log, &size), SQLITE_OK);
            CU_ASSERT_EQUAL_FATAL(size, model_len);
            break;
        case 2:
            model_len = (sqlite3_int64)draw((uint64_t)model_len + 1);
            CU_ASSERT_EQUAL_FATAL(log->pMethods->xTruncate(log, model_len), SQLITE_OK);
            at = model_len;
            break;
        case 3:
            read_some(log);
            break;
        default:
            write_some(log, &at);
        }
    }
    CU_ASSERT_EQUAL(log->pMethods->xClose(log), SQLITE_OK);
    same_as_model();
    free(log);
    end_place();
}

/* ---- under SQLite ---- */

static int run(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static int ask(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s = NULL;
    int answer = -1;

    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        answer = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    return answer;
}

static sqlite3 *open_db(const char *vfs)
{
    sqlite3 *db;

    CU_ASSERT_EQUAL_FATAL(
        sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs), SQLITE_OK);
    return db;
}

/* Its cache is too small for a transaction, so that pages go into the log before it is committed. */
static sqlite3 *open_writer(void)
{
    sqlite3 *db = open_db(log_file_vfs());

    CU_ASSERT_EQUAL_FATAL(run(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                  "PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = 10;"
                                  "CREATE TABLE t(a, b)"),
                          SQLITE_OK);
    return db;
}

static const char *const hundred =
    "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)"
    "INSERT INTO t SELECT i, randomblob(2000) FROM n";

static void others_see_commits(void)
{
    begin_place();
    sqlite3 *writer = open_writer(), *reader = open_db(NULL);

    for (int turn = 0; turn < 30; turn++) {
        CU_ASSERT_EQUAL_FATAL(run(writer, "BEGIN"), SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(run(writer, hundred), SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(run(writer, "UPDATE t SET a = a + 1 WHERE a % 7 = 3"), SQLITE_OK);
        CU_ASSERT_EQUAL(ask(reader, "SELECT count(*) FROM t"), turn * 100);
        CU_ASSERT_EQUAL_FATAL(run(writer, turn % 10 == 4 ? "ROLLBACK; BEGIN" : "COMMIT; BEGIN"),
                              SQLITE_OK);
        if (turn % 10 == 4)
            CU_ASSERT_EQUAL_FATAL(run(writer, hundred), SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(run(writer, "COMMIT"), SQLITE_OK);
        CU_ASSERT_EQUAL(ask(reader, "SELECT count(*) FROM t"), (turn + 1) * 100);
        if (turn % 8 == 7) {
            CU_ASSERT_EQUAL(
                sqlite3_wal_checkpoint_v2(writer, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL),
                SQLITE_OK);
        }
    }
    CU_ASSERT_EQUAL(ask(reader, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    CU_ASSERT_EQUAL(sqlite3_close(writer), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_close(reader), SQLITE_OK);
    end_place();
}

/* The system takes no more than so many bytes of a file: somewhere in the next transaction. */
static void limit_files(rlim_t len)
{
    struct rlimit limit;

    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = len < limit.rlim_max ? len : limit.rlim_max;
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void failed_is_not_committed(void)
{
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t more = 1000; more < 260000; more += 17000) {
        begin_place();
        sqlite3 *writer = open_writer();
        CU_ASSERT_EQUAL_FATAL(run(writer, hundred), SQLITE_OK);
        FILE *log = fopen(log_path, "rb");
        CU_ASSERT_PTR_NOT_NULL_FATAL(log);
        fseek(log, 0, SEEK_END);
        const rlim_t at = (rlim_t)ftell(log);
        fclose(log);
        limit_files(at + more);
        int code = run(writer, "BEGIN");
        for (int i = 0; i < 3 && code == SQLITE_OK; i++)
            code = run(writer, hundred);
        ask(writer, "SELECT sum(length(b)) FROM t"); /* reads the log: what is held is written */
        const int committed = run(writer, "COMMIT");
        limit_files(RLIM_INFINITY);
        CU_ASSERT_TRUE(code != SQLITE_OK || committed != SQLITE_OK);
        CU_ASSERT_NOT_EQUAL(run(writer, hundred), SQLITE_OK); /* nor is anything after it */
        sqlite3_close(writer);
        sqlite3 *reader = open_db(NULL);
        CU_ASSERT_EQUAL(ask(reader, "SELECT count(*) FROM t"), 100);
        CU_ASSERT_EQUAL(ask(reader, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"),
                        1);
        sqlite3_close(reader);
        end_place();
    }
}

/* ---- the log is copied ---- */

/* Calls of this process that write, so far; 0 where that cannot be known. */
static unsigned long writes_so_far(void)
{
    FILE *io = fopen("/proc/self/io", "r");
    char line[100];
    unsigned long count = 0;

    while (io && fgets(line, sizeof line, io))
        sscanf(line, "syscw: %lu", &count);
    if (io)
        fclose(io);
    return count;
}

static int copy(sqlite3 *db, int *pages, int *copied)
{
    return sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, pages, copied);
}

static void check_case(int rows)
{
    sqlite3 *reader = open_db(NULL);

    CU_ASSERT_EQUAL(ask(reader, "SELECT count(*) FROM t"), rows);
    CU_ASSERT_EQUAL(ask(reader, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    CU_ASSERT_EQUAL(sqlite3_close(reader), SQLITE_OK);
}

static void is_copied_in_few_calls(void)
{
    int pages = 0, copied = 0;

    begin_place();
    sqlite3 *writer = open_writer();
    CU_ASSERT_EQUAL_FATAL(run(writer, "PRAGMA cache_size = 1000; BEGIN"), SQLITE_OK);
    for (int i = 0; i < 5; i++)
        CU_ASSERT_EQUAL_FATAL(run(writer, hundred), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(run(writer, "COMMIT"), SQLITE_OK);
    const unsigned long before = writes_so_far();
    CU_ASSERT_EQUAL(copy(writer, &pages, &copied), SQLITE_OK);
    const unsigned long calls = writes_so_far() - before;
    CU_ASSERT_TRUE(pages > 200 && copied == pages);
    CU_ASSERT_TRUE(calls < (unsigned long)pages / 8);
    check_case(500);
    CU_ASSERT_EQUAL(sqlite3_close(writer), SQLITE_OK);
    end_place();
}

/* A reader that stays keeps some of the log from being copied: then nothing of it is held. */
static void a_part_is_copied_while_a_reader_stays(void)
{
    int pages = 0, copied = 0;

    begin_place();
    sqlite3 *writer = open_writer(), *reader = open_db(NULL);
    CU_ASSERT_EQUAL_FATAL(run(writer, hundred), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(run(reader, "BEGIN"), SQLITE_OK);
    CU_ASSERT_EQUAL(ask(reader, "SELECT count(*) FROM t"), 100);
    for (int turn = 0; turn < 3; turn++) {
        CU_ASSERT_EQUAL_FATAL(run(writer, hundred), SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(run(writer, "UPDATE t SET b = randomblob(1900) WHERE a % 5 = 1"),
                              SQLITE_OK);
        CU_ASSERT_EQUAL(copy(writer, &pages, &copied), SQLITE_OK);
        CU_ASSERT_TRUE(copied > 0 && copied < pages);
        CU_ASSERT_EQUAL(ask(reader, "SELECT count(*) FROM t WHERE length(b) = 2000"), 100);
        check_case(200 + 100 * turn);
    }
    CU_ASSERT_EQUAL_FATAL(run(reader, "COMMIT"), SQLITE_OK);
    CU_ASSERT_EQUAL(copy(writer, &pages, &copied), SQLITE_OK);
    CU_ASSERT_EQUAL(copied, pages);
    CU_ASSERT_EQUAL(ask(reader, "SELECT count(*) FROM t"), 400);
    CU_ASSERT_EQUAL(sqlite3_close(reader), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_close(writer), SQLITE_OK);
    check_case(400);
    end_place();
}

/* Wherever the case cannot be written, readers find all in the log, and it is copied later. The case is as long as it will be, so
 * that to truncate it does not fail by itself. */
static void a_copy_that_failed_is_not_believed(void)
{
    signal(SIGXFSZ, SIG_IGN);
    for (int turn = 0; turn < 20; turn++) {
        const bool stays = turn % 2 == 1; /* a reader, so that only a part is copied */
        int pages = 0, copied = 0;
        begin_place();
        sqlite3 *writer = open_writer(), *reader = open_db(NULL);
        for (int i = 0; i < 3; i++)
            CU_ASSERT_EQUAL_FATAL(run(writer, hundred), SQLITE_OK);
        CU_ASSERT_EQUAL(copy(writer, &pages, &copied), SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(run(writer, "UPDATE t SET b = randomblob(2000)"), SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(run(reader, stays ? "BEGIN" : "SELECT 1"), SQLITE_OK);
        CU_ASSERT_EQUAL(ask(reader, "SELECT count(*) FROM t"), 300);
        CU_ASSERT_EQUAL_FATAL(run(writer, "UPDATE t SET a = -a WHERE a = 1"), SQLITE_OK);
        limit_files((rlim_t)(ask(writer, "PRAGMA page_count") - 1 - turn / 2 * 7) *
                    (rlim_t)ask(writer, "PRAGMA page_size"));
        const int code = copy(writer, &pages, &copied);
        limit_files(RLIM_INFINITY);
        CU_ASSERT_NOT_EQUAL(code, SQLITE_OK);
        CU_ASSERT_EQUAL(ask(reader, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"),
                        1);
        CU_ASSERT_EQUAL(ask(reader, "SELECT sum(length(b)) FROM t"), 600000);
        check_case(300);
        CU_ASSERT_EQUAL_FATAL(run(reader, stays ? "COMMIT" : "SELECT 1"), SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(run(writer, hundred), SQLITE_OK);
        CU_ASSERT_EQUAL(copy(writer, &pages, &copied), SQLITE_OK);
        CU_ASSERT_EQUAL(copied, pages);
        CU_ASSERT_EQUAL(sqlite3_close(reader), SQLITE_OK);
        CU_ASSERT_EQUAL(sqlite3_close(writer), SQLITE_OK);
        check_case(400);
        end_place();
    }
}

static const struct test tests[] = {
    {"whatever is asked of a log, it answers as one that holds nothing", any_calls},
    {"who reads by another connection sees each commit, and nothing before it", others_see_commits},
    {"what could not be written is not committed, whenever that shows", failed_is_not_committed},
    {"a log is copied into its case in few calls", is_copied_in_few_calls},
    {"a part of it is copied while a reader stays", a_part_is_copied_while_a_reader_stays},
    {"a copy that failed is not believed", a_copy_that_failed_is_not_believed},
};
SUITE("log_file", tests)
