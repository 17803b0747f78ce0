/* folder_test.c - slices are found by their names, and by what the catalogue says of them. */
#include "store/folder_reader.h"

#include "made_case.h"
#include "suite.h"

#include <sys/stat.h>

static const int64_t BLOCK = (int64_t)1 << FOLDER_ID_BITS;

struct made_folder {
    char path[256];
    char told[1000];
    bool missing;
};

static void hear(void *context, const char *sentence, bool missing)
{
    struct made_folder *f = context;
    size_t len = strlen(f->told);
    snprintf(f->told + len, sizeof f->told - len, "%s. ", sentence);
    f->missing = f->missing || missing;
}

static void made_folder_new(struct made_folder *f)
{
    const char *tmp = getenv("TMPDIR");
    *f = (struct made_folder){0};
    snprintf(f->path, sizeof f->path, "%s/seine-test-XXXXXX", tmp ? tmp : "/tmp");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(f->path));
}

static void path_in(char *to, size_t room, const struct made_folder *f, const char *name)
{
    snprintf(to, room, "%s/%s", f->path, name);
}

/* A slice with `flows` conversations, each a second after the other, from second `number` * 1000 on. */
static void made_slice(const struct made_folder *f, uint32_t number, int flows, const char *status)
{
    char name[FOLDER_NAME_MAX], path[300], sql[900];
    struct made_case c;

    made_case_new(&c);
    snprintf(sql, sizeof sql,
             "INSERT INTO evidence VALUES (%u, 1, 'eth0', 'live', 'live', NULL, NULL, %d, "
             "%u000000000000,"
             " %u000000000000 + %d000000000, '%s', '{}', NULL)",
             number, flows * 2, number, number, flows, status);
    made_case_sql(&c, sql);
    for (int i = 0; i < flows; i++) {
        snprintf(
            sql, sizeof sql,
            "INSERT INTO flows VALUES (%lld, %u, 'tcp', '10.0.0.%d', 1, '10.0.0.9', 2, NULL, NULL,"
            " NULL, NULL, %u000000000000 + %d000000000, %u000000000000 + %d000000000, 1, 1, 1, 1, "
            "1,"
            " 1, 1, 1, 1, 0, 0, 0, 0, NULL, NULL, NULL, NULL, 'closed', 'fin', 0, 0, '', NULL, 0, "
            "0, 0)",
            (long long)(number * BLOCK + 1 + i), number, i, number, i, number, i + 1);
        made_case_sql(&c, sql);
    }
    made_case_done(&c);
    folder_slice_name(name, number);
    path_in(path, sizeof path, f, name);
    CU_ASSERT_EQUAL_FATAL(rename(c.path, path), 0);
    rmdir(c.folder);
}

static void made_folder_remove(struct made_folder *f)
{
    char path[300];
    for (uint32_t number = 1; number < 20; number++) {
        char name[FOLDER_NAME_MAX];
        folder_slice_name(name, number);
        path_in(path, sizeof path, f, name);
        unlink(path);
    }
    path_in(path, sizeof path, f, FOLDER_CATALOGUE);
    unlink(path);
    CU_ASSERT_EQUAL(rmdir(f->path), 0);
}

static struct reader *made_folder_read(struct made_folder *f)
{
    struct reader *reader;
    struct error err = {0};
    char *path = f->path;
    if (folder_reader_open(&reader, &path, 1, (struct folder_ear){hear, f}, NULL, &err) !=
        STATUS_OK)
        fprintf(stderr, "%s\n", err.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
    return reader;
}

static int64_t number_of(struct reader *reader, const char *sql)
{
    struct error err = {0};
    sqlite3_stmt *row;
    int64_t value = -1;
    if (reader_prepare(reader, &row, sql, &err) != STATUS_OK) {
        fprintf(stderr, "%s\n", err.text);
        CU_FAIL_FATAL("a question of the test is none");
    }
    if (sqlite3_step(row) == SQLITE_ROW)
        value = sqlite3_column_int64(row, 0);
    CU_ASSERT_EQUAL(sqlite3_finalize(row), SQLITE_OK);
    return value;
}

static void a_slice_has_one_name(void)
{
    static const struct {
        const char *name;
        uint32_t number;
    } names[] = {
        {"seine-000001.db", 1},
        {"seine-999999.db", 999999},
        {"seine-1000000.db", 1000000},
        {"seine-4194303.db", 4194303},
        {"seine-4194304.db", 0},
        {"seine-000000.db", 0},
        {"seine-1.db", 0},
        {"seine-0000001.db", 0},
        {"seine-000001.db-wal", 0},
        {"seine-000001.pcapng", 0},
        {"seine-00000a.db", 0},
        {"slices.db", 0},
        {"seine-.db", 0},
        {"seine-99999999999999.db", 0},
        {"seine-000001.db.partial", 0},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        CU_ASSERT_EQUAL(folder_slice_number(names[i].name), names[i].number);
}

static void the_catalogue_says_which_slices_need_be_opened(void)
{
    struct made_folder f;
    struct error err = {0};

    made_folder_new(&f);
    for (uint32_t n = 1; n <= 12; n++) {
        made_slice(&f, n, 3, "complete");
        CU_ASSERT_EQUAL(folder_catalogue_add(f.path, n, &err), STATUS_OK);
    }
    struct reader *r = made_folder_read(&f);
    CU_ASSERT_EQUAL(number_of(r, "SELECT count(*) FROM flows WHERE first_ns >= 5000000000000"
                                 " AND first_ns <= 6001000000000"),
                    5);
    CU_ASSERT_EQUAL(number_of(r, "SELECT sum(opened) FROM slices"), 2);
    CU_ASSERT_EQUAL(
        number_of(r,
                  "SELECT client_ip = '10.0.0.2' FROM flows WHERE flow_id = 8 * 1099511627776 + 3"),
        1);
    CU_ASSERT_EQUAL(number_of(r, "SELECT sum(opened) FROM slices"), 3);
    CU_ASSERT_EQUAL(number_of(r, "SELECT count(*) FROM flows"), 36);
    CU_ASSERT_EQUAL(number_of(r, "SELECT sum(flows) FROM slices"), 36);
    CU_ASSERT_STRING_EQUAL(f.told, "");
    reader_close(r);

    CU_ASSERT_EQUAL(folder_catalogue_remove(f.path, 5, &err), STATUS_OK);
    r = made_folder_read(&f);
    CU_ASSERT_EQUAL(number_of(r, "SELECT count(*) FROM slices WHERE status = 'unread'"), 1);
    CU_ASSERT_EQUAL(number_of(r, "SELECT count(*) FROM flows WHERE first_ns < 2000000000000"), 3);
    CU_ASSERT_EQUAL(number_of(r, "SELECT sum(opened) FROM slices"),
                    2); /* the fifth is asked when it was */
    CU_ASSERT_EQUAL(number_of(r, "SELECT count(*) FROM slices WHERE status = 'closed'"), 12);
    reader_close(r);
    made_folder_remove(&f);
}

static void a_slice_that_is_written_may_always_have_more(void)
{
    struct made_folder f;
    struct error err = {0};

    made_folder_new(&f);
    made_slice(&f, 1, 3, "complete");
    made_slice(&f, 2, 3, "open");
    CU_ASSERT_EQUAL(folder_catalogue_add(f.path, 1, &err), STATUS_OK);
    CU_ASSERT_EQUAL(folder_catalogue_add(f.path, 2, &err), STATUS_FAILED);
    CU_ASSERT_EQUAL(folder_catalogue_begin(f.path, 2, 2000000000000, &err), STATUS_OK);
    struct reader *r = made_folder_read(&f);
    CU_ASSERT_EQUAL(number_of(r, "SELECT count(*) FROM flows WHERE last_ns > 9000000000000"), 0);
    CU_ASSERT_EQUAL(number_of(r, "SELECT opened FROM slices WHERE number = 1"), 0);
    CU_ASSERT_TRUE(number_of(r, "SELECT opened FROM slices WHERE number = 2") > 0);
    reader_close(r);
    r = made_folder_read(&f); /* but nothing from before it began */
    CU_ASSERT_EQUAL(number_of(r, "SELECT count(*) FROM flows WHERE first_ns < 1500000000000"), 3);
    CU_ASSERT_EQUAL(number_of(r, "SELECT opened FROM slices WHERE number = 2"), 0);
    CU_ASSERT_EQUAL(number_of(r, "SELECT count(*) FROM evidence WHERE status = 'interrupted'"), 1);
    reader_close(r);
    made_folder_remove(&f);
}

static void it_is_made_anew_from_what_is_there(void)
{
    struct made_folder f;
    struct error err = {0};
    char path[300];

    made_folder_new(&f);
    for (uint32_t n = 3; n <= 6; n++)
        made_slice(&f, n, (int)n, n == 6 ? "open" : "complete");
    path_in(path, sizeof path, &f, "seine-000004.db");
    CU_ASSERT_EQUAL(truncate(path, 100), 0);
    CU_ASSERT_EQUAL(folder_catalogue_rebuild(f.path, (struct folder_ear){hear, &f}, &err),
                    STATUS_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.told, "seine-000004.db"));
    f.told[0] = 0;
    f.missing = false;
    struct reader *r = made_folder_read(&f);
    CU_ASSERT_EQUAL(number_of(r, "SELECT sum(flows) FROM slices"), 8);
    CU_ASSERT_EQUAL(number_of(r, "SELECT count(*) FROM slices WHERE status = 'closed'"), 2);
    CU_ASSERT_STRING_EQUAL(f.told, "");
    CU_ASSERT_EQUAL(number_of(r, "SELECT count(*) FROM flows"), 14);
    CU_ASSERT_TRUE(f.missing);
    reader_close(r);

    /* what is no catalogue is not written over */
    path_in(path, sizeof path, &f, FOLDER_CATALOGUE);
    unlink(path);
    made_slice(&f, 7, 1, "complete");
    char name[300];
    path_in(name, sizeof name, &f, "seine-000007.db");
    CU_ASSERT_EQUAL(rename(name, path), 0);
    CU_ASSERT_EQUAL(folder_catalogue_add(f.path, 3, &err), STATUS_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "left alone"));
    made_folder_remove(&f);
}

static void a_hostile_catalogue_says_nothing_of_other_ids(void)
{
    struct made_folder f;
    struct error err = {0};
    char path[300];
    sqlite3 *db;

    made_folder_new(&f);
    made_slice(&f, 1, 3, "complete");
    CU_ASSERT_EQUAL(folder_catalogue_add(f.path, 1, &err), STATUS_OK);
    path_in(path, sizeof path, &f, FOLDER_CATALOGUE);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(path, &db), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_exec(db,
                                 "UPDATE slices SET last_flow_id = 9223372036854775807;"
                                 "INSERT INTO slices (number, status) VALUES (-5, 'closed'),"
                                 " (9223372036854775807, 'open'), (2, 'no word')",
                                 NULL, NULL, NULL),
                    SQLITE_OK);
    sqlite3_close(db);
    struct reader *r = made_folder_read(&f);
    CU_ASSERT_EQUAL(number_of(r, "SELECT count(*) FROM slices"), 1);
    CU_ASSERT_EQUAL(number_of(r, "SELECT count(*) FROM slices WHERE status = 'unread'"), 1);
    CU_ASSERT_EQUAL(number_of(r, "SELECT count(*) FROM flows WHERE flow_id > 0"), 3);
    reader_close(r);
    made_folder_remove(&f);
}

static const struct test tests[] = {
    {"a slice has one name", a_slice_has_one_name},
    {"the catalogue says which slices need be opened",
     the_catalogue_says_which_slices_need_be_opened},
    {"a slice that is written may always have more", a_slice_that_is_written_may_always_have_more},
    {"it is made anew from what is there", it_is_made_anew_from_what_is_there},
    {"a hostile catalogue says nothing of other ids",
     a_hostile_catalogue_says_nothing_of_other_ids},
};

SUITE("folder", tests)
