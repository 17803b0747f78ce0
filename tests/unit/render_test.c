/* render_test.c - rows as a table, as JSON lines and as CSV. */
#include "store/render.h"

#include "suite.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

static char *rendered(const char *sql, enum render_as as, bool wide, uint64_t *rows,
                      enum status *status, struct error *err)
{
    char *text = NULL;
    size_t len = 0;
    sqlite3 *db;
    sqlite3_stmt *statement;
    const struct render_options options = {.wide = wide};

    sqlite3_open(":memory:", &db);
    CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    FILE *to = open_memstream(&text, &len);
    *status = render(to, statement, as, &options, rows, err);
    fclose(to);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return text;
}

static void check_as(const char *sql, enum render_as as, bool wide, const char *expected)
{
    struct error err = {0};
    enum status status;
    uint64_t rows;
    char *text = rendered(sql, as, wide, &rows, &status, &err);
    CU_ASSERT_EQUAL(status, STATUS_OK);
    CU_ASSERT_STRING_EQUAL(text, expected);
    if (strcmp(text, expected) != 0)
        fprintf(stderr, "\n%s\nis\n%snot\n%s\n", sql, text, expected);
    free(text);
}

static void numbers_stand_right_and_words_left(void)
{
    check_as(
        "SELECT 1 AS flow_id, 'tcp' AS protocol, 5 AS bytes UNION ALL SELECT 20, 'icmpv6', NULL",
        RENDER_TABLE, false,
        "flow_id  protocol  bytes\n"
        "-------  --------  -----\n"
        "      1  tcp           5\n"
        "     20  icmpv6\n");
    check_as("SELECT 1.5 AS a, x'00ff' AS b, -9223372036854775807 - 1 AS c", RENDER_TABLE, false,
             "  a  b                        c\n"
             "---  ----  --------------------\n"
             "1.5  00ff  -9223372036854775808\n");
}

static void a_table_without_rows_has_its_names(void)
{
    check_as("SELECT 1 AS one, 2 AS two WHERE 0", RENDER_TABLE, false,
             "one  two\n"
             "---  ---\n");
    check_as("SELECT 1 AS one WHERE 0", RENDER_JSON, false, "");
    check_as("SELECT 1 AS one, 2 AS two WHERE 0", RENDER_CSV, false, "one,two\n");
}

#define TEN "1234567890"
#define SIXTY TEN TEN TEN TEN TEN TEN

static void long_values_are_cut_unless_wide(void)
{
    check_as("SELECT '" SIXTY "1234' AS a, 1 AS b", RENDER_TABLE, true,
             "a                                                                 b\n"
             "----------------------------------------------------------------  -\n" SIXTY
             "1234  1\n");
    check_as("SELECT '" SIXTY "1234' AS a", RENDER_TABLE, false,
             "a\n"
             "----------------------------------------------------------------\n" SIXTY "1234\n");
    check_as("SELECT '" SIXTY "12345' AS a", RENDER_TABLE, false,
             "a\n"
             "----------------------------------------------------------------\n" SIXTY
             "123\xe2\x80\xa6\n");
    check_as("SELECT zeroblob(100000) AS a", RENDER_TABLE, false,
             "a\n"
             "----------------------------------------------------------------\n"
             "000000000000000000000000000000000000000000000000000000000000000\xe2\x80\xa6\n");
}

static void a_value_after_the_first_rows_keeps_to_its_width(void)
{
    struct error err = {0};
    enum status status;
    uint64_t rows;
    static const char sql[] = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT"
                              " 300) SELECT iif(i = 300, 'wider than them', 'few') AS a FROM n";
    char *text = rendered(sql, RENDER_TABLE, false, &rows, &status, &err);
    CU_ASSERT_EQUAL(rows, 300);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\nfew\nwi\xe2\x80\xa6\n"));
    free(text);
    text = rendered(sql, RENDER_TABLE, true, &rows, &status, &err);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\nfew\nwider than them\n"));
    free(text);
}

static void widths_are_those_of_the_screen(void)
{
    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        return;
    check_as("SELECT '\xe6\xbc\xa2\xe5\xad\x97' AS a, 1 AS b UNION ALL SELECT 'abc', 2"
             " UNION ALL SELECT 'e\xcc\x81', 3",
             RENDER_TABLE, false,
             "a     b\n"
             "----  -\n"
             "\xe6\xbc\xa2\xe5\xad\x97  1\n"
             "abc   2\n"
             "e\xcc\x81     3\n");
    setlocale(LC_CTYPE, "C");
}

static void hostile_values_stay_on_their_line(void)
{
    check_as("SELECT char(27) || '[2J' AS a, 'x' || char(10) || 'y' AS \"b\nc\"", RENDER_TABLE,
             false,
             "a        b\\x0ac\n"
             "-------  ------\n"
             "\\x1b[2J  x\\x0ay\n");
    check_as("SELECT char(27, 10, 0x202e) AS a, '=1+1' AS b, CAST(x'ff41' AS TEXT) AS c",
             RENDER_CSV, false, "a,b,c\n\\x1b\\x0a\\u{202e},=1+1,\\xffA\n");
    check_as("SELECT char(27, 10) AS a, CAST(x'ff41' AS TEXT) AS b", RENDER_JSON, false,
             "{\"a\":\"\\u001b\\n\",\"b\":\"\xef\xbf\xbd"
             "A\"}\n");
}

static void json_holds_every_value(void)
{
    check_as(
        "SELECT 9223372036854775807 AS a, NULL AS b, 'q\"' AS c, x'00ff' AS d, '' AS e, x'' AS f",
        RENDER_JSON, false,
        "{\"a\":9223372036854775807,\"b\":null,\"c\":\"q\\\"\",\"d\":\"00ff\",\"e\":\"\","
        "\"f\":\"\"}\n");
    check_as("SELECT 1.0 AS a, 0.1 AS b, 1e300 AS c, 9e999 AS d, -9e999 AS e, 0.1 + 0.2 AS f",
             RENDER_JSON, false,
             "{\"a\":1.0,\"b\":0.1,\"c\":1e+300,\"d\":9e999,\"e\":-9e999,"
             "\"f\":0.30000000000000004}\n");
    check_as("SELECT 1 AS a, 2 AS a, 3 AS a, 4 AS \"b\"\"\"", RENDER_JSON, false,
             "{\"a\":1,\"a:1\":2,\"a:2\":3,\"b\\\"\":4}\n");
}

static void csv_quotes_where_it_must(void)
{
    check_as("SELECT 'a,b' AS \"x,y\", 'say \"hi\"' AS z, '' AS empty, NULL AS absent, 1.0 AS r",
             RENDER_CSV, false,
             "\"x,y\",z,empty,absent,r\n"
             "\"a,b\",\"say \"\"hi\"\"\",\"\",,1.0\n");
}

static void a_statement_that_fails_is_told_after_its_rows(void)
{
    struct error err = {0};
    enum status status;
    uint64_t rows = 0;
    static const enum render_as all[] = {RENDER_TABLE, RENDER_JSON, RENDER_CSV};
    for (size_t i = 0; i < 3; i++) {
        char *text = rendered("SELECT 7 AS a UNION ALL SELECT abs(-9223372036854775807 - 1)",
                              all[i], false, &rows, &status, &err);
        CU_ASSERT_EQUAL(status, STATUS_FAILED);
        CU_ASSERT_EQUAL(rows, 1);
        CU_ASSERT_PTR_NOT_NULL(strchr(text, '7'));
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "integer overflow"));
        free(text);
    }
}

static void a_full_disk_is_told(void)
{
    FILE *full = fopen("/dev/full", "w");
    sqlite3 *db;
    sqlite3_stmt *statement;
    struct error err = {0};
    if (!full)
        return;
    sqlite3_open(":memory:", &db);
    sqlite3_prepare_v2(db, "SELECT 1", -1, &statement, NULL);
    CU_ASSERT_EQUAL(render(full, statement, RENDER_CSV, NULL, NULL, &err), STATUS_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "No space left"));
    fclose(full);
    sqlite3_finalize(statement);
    sqlite3_close(db);
}

static const struct test tests[] = {
    {"numbers stand right and words left", numbers_stand_right_and_words_left},
    {"a table without rows has its names", a_table_without_rows_has_its_names},
    {"long values are cut unless wide", long_values_are_cut_unless_wide},
    {"a value after the first rows keeps to its width",
     a_value_after_the_first_rows_keeps_to_its_width},
    {"widths are those of the screen", widths_are_those_of_the_screen},
    {"hostile values stay on their line", hostile_values_stay_on_their_line},
    {"JSON holds every value", json_holds_every_value},
    {"CSV quotes where it must", csv_quotes_where_it_must},
    {"a statement that fails is told after its rows",
     a_statement_that_fails_is_told_after_its_rows},
    {"a full disk is told", a_full_disk_is_told},
};

SUITE("render", tests)
