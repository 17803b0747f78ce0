/* tables_test.c - segments and frames answer like tables, and survive what a case may hold. */
#include "store/tables.h"

#include "ask.h"
#include "made_case.h"
#include "suite.h"

static const struct frame_record some_frames[] = {
    {1, 0, 1, 40, 1000, 60, 60},
    {1, 0, 2, 116, 2000, 60, 1514},
    {2, 1, 1, 0, -1500, 90, 90},
};
static const struct arrival_record some_arrivals[] = {
    {0, 10, 10, 1, 1, 94, 1000, FATE_KEPT},
    {10, 1460, 6, 1, 2, 170, 2000, FATE_DUPLICATE},
    {-4, 10, 10, 2, 1, 0, 1500, FATE_REFUSED + 1},
};

static void make(struct made_case *c)
{
    struct error err = {0};
    made_case_new(c);
    made_case_frames(c, 1, 0, some_frames, 2);
    made_case_frames(c, 1, 1, some_frames + 2, 1);
    made_case_frames(c, 2, 0, some_frames, 1);
    made_case_arrivals(c, 4, 0, some_arrivals, 2);
    made_case_arrivals(c, 4, 1, some_arrivals + 2, 1);
    made_case_arrivals(c, 5, 0, some_arrivals, 1);
    made_case_arrivals(c, 9, 0, some_arrivals, 2);
    made_case_sql(
        c,
        "INSERT INTO streams VALUES (4, 2, 'client', 0, 1, 1, 0, 0, 0, 0, 'complete', NULL, NULL),"
        " (5, 2, 'server', 0, 1, 1, 0, 0, 0, 0, 'complete', NULL, NULL),"
        " (7, 3, 'server', 0, 1, 1, 0, 0, 0, 0, 'complete', NULL, NULL)");
    CU_ASSERT_EQUAL_FATAL(tables_register(c->db, &err), STATUS_OK);
}

static void records_are_rows(void)
{
    struct made_case c;
    make(&c);
    check(c.db, "SELECT * FROM segments(4)",
          "4|0|10|10|1|1|94|1000|kept 4|10|1460|6|1|2|170|2000|duplicate"
          " 4|-4|10|10|2|1|-|1500|refused: bad_checksum");
    check(c.db, "SELECT * FROM frames(1)",
          "1|1|1|40|1000|60|60|0 1|1|2|116|2000|60|1514|0 1|2|1|-|-1500|90|90|1");
    made_case_remove(&c);
}

static void argument_and_column_say_the_same(void)
{
    struct made_case c;
    make(&c);
    check(c.db, "SELECT count(*), sum(stream_id = 4) FROM segments WHERE stream_id = 4", "3|3");
    check(c.db, "SELECT count(*) FROM segments(4) WHERE stream_id = 5", "0");
    check(c.db, "SELECT count(*) FROM segments(4) WHERE stream_id = 4", "3");
    check(c.db, "SELECT count(*) FROM segments WHERE stream_id IN (5, 4, 6, 5)", "4");
    check(c.db, "SELECT count(*) FROM segments WHERE stream_id > 4", "3");
    check(c.db, "SELECT count(*) FROM segments('4')", "3");
    check(c.db, "SELECT count(*) FROM segments(4.0)", "3");
    check(c.db, "SELECT count(*) FROM segments(4.5)", "0");
    check(c.db, "SELECT count(*) FROM segments(NULL)", "0");
    check(c.db, "SELECT count(*) FROM segments('four')", "0");
    check(c.db, "SELECT count(*) FROM segments(1e300)", "0");
    check(c.db, "SELECT count(*) FROM segments(6)", "0");
    check(c.db, "SELECT count(*) FROM frames(1) WHERE frame = 1", "2");
    made_case_remove(&c);
}

static void all_of_them_come_in_order_of_their_owner(void)
{
    struct made_case c;
    make(&c);
    check(c.db, "SELECT stream_id, frame FROM segments", "4|1 4|2 4|1 5|1 9|1 9|2");
    check(c.db, "SELECT DISTINCT stream_id FROM segments ORDER BY stream_id", "4 5 9");
    check(c.db, "SELECT DISTINCT stream_id FROM segments ORDER BY stream_id DESC", "9 5 4");
    check(c.db, "SELECT flow_id, count(*) FROM frames GROUP BY flow_id", "1|3 2|1");
    check_holds(c.db, "EXPLAIN QUERY PLAN SELECT * FROM segments ORDER BY stream_id", "SCAN");
    made_case_remove(&c);
}

static void they_join(void)
{
    static const char *const narrow[] = {
        "EXPLAIN QUERY PLAN SELECT * FROM segments g JOIN streams s USING (stream_id)"
        " WHERE s.flow_id = 2",
        "EXPLAIN QUERY PLAN SELECT * FROM segments g JOIN streams s USING (stream_id)"
        " WHERE s.verdict = 'gap'",
        "EXPLAIN QUERY PLAN SELECT * FROM segments g JOIN streams s USING (stream_id)"
        " JOIN flows f USING (flow_id) WHERE f.client_ip = '10.0.0.1'",
        "EXPLAIN QUERY PLAN SELECT * FROM segments g JOIN conflicts x ON x.stream_id = g.stream_id"
        " AND x.other_frame = g.frame",
        "EXPLAIN QUERY PLAN SELECT * FROM frames g JOIN flows f USING (flow_id)"
        " WHERE f.protocol = 'udp'",
    };
    struct made_case c;
    make(&c);
    check(c.db,
          "SELECT s.side, count(*) FROM streams s JOIN segments g USING (stream_id)"
          " WHERE s.flow_id = 2 GROUP BY s.side",
          "client|3 server|1");
    check(c.db, "SELECT s.stream_id, g.frame FROM streams s, segments(s.stream_id) g",
          "4|1 4|2 4|1 5|1");
    check(c.db, "SELECT s.stream_id, g.frame FROM streams s LEFT JOIN segments(s.stream_id) g",
          "4|1 4|2 4|1 5|1 7|-");
    check(c.db,
          "SELECT count(*) FROM segments a JOIN segments b ON a.stream_id = b.stream_id"
          " AND a.frame = b.frame",
          "8");
    check(c.db, "SELECT (SELECT max(frame) FROM segments(s.stream_id)) FROM streams s", "2 1 -");
    for (size_t i = 0; i < sizeof narrow / sizeof *narrow; i++)
        check_holds(c.db, narrow[i], "g VIRTUAL TABLE INDEX 1");
    made_case_remove(&c);
}

static void views_may_use_them(void)
{
    struct made_case c;
    make(&c);
    sqlite3_db_config(c.db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    made_case_sql(&c, "CREATE VIEW late AS SELECT * FROM segments WHERE fate <> 'kept'");
    check(c.db, "SELECT count(*) FROM late", "3");
    made_case_remove(&c);
}

static void a_table_that_is_none_is_refused(void)
{
    struct made_case c;
    make(&c);
    made_case_sql(&c, "DROP TABLE arrivals; CREATE VIEW arrivals AS SELECT stream_id, 0 AS part,"
                      " 1 AS segments, x'00' AS data FROM segments");
    check_holds(c.db, "SELECT * FROM segments", "is not a case: it has no table arrivals");
    check_holds(c.db, "SELECT * FROM segments(4)", "is not a case: it has no table arrivals");
    check_holds(c.db, "SELECT * FROM frames", "is not a case: it has no table arrivals");
    check_holds(c.db, "SELECT stream_bytes(4, 0, 1)", "is not a case");
    made_case_remove(&c);

    /* What SQLite takes for a virtual table, though its row says that it has pages of its own. */
    make(&c);
    made_case_sql(&c, "DROP TABLE arrivals; CREATE VIRTUAL TABLE arrivals USING fts5(data);"
                      "PRAGMA writable_schema = ON; UPDATE sqlite_master SET rootpage = 2"
                      " WHERE name = 'arrivals'; PRAGMA writable_schema = OFF");
    check_holds(c.db, "SELECT * FROM segments", "is not a case: it has no table arrivals");
    made_case_remove(&c);
}

static void a_database_that_is_no_case_is_an_error(void)
{
    struct error err = {0};
    sqlite3 *db;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(":memory:", &db), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(tables_register(db, &err), STATUS_OK);
    check_holds(db, "SELECT * FROM segments", "!the database main is not a case: its application");
    check_holds(db, "SELECT * FROM frames(1)", "!the database main is not a case: its application");
    check_holds(db, "SELECT stream_bytes(4, 0, 1)", "!the database main is not a case");
    check_holds(db, "SELECT stream_view_sha256(4, NULL)", "!the database main is not a case");
    check_holds(db, "SELECT * FROM segments(1, 'other')", "unknown database");
    check(db, "SELECT * FROM segments(NULL)", "");
    check(db, "SELECT * FROM segments(1, NULL)", "");
    sqlite3_close(db);
}

static void a_case_that_is_attached_is_read_by_its_name(void)
{
    struct error err = {0};
    struct made_case c;
    char sql[400];
    sqlite3 *db;
    make(&c);
    made_case_done(&c);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(":memory:", &db), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(tables_register(db, &err), STATUS_OK);
    snprintf(sql, sizeof sql, "ATTACH '%s' AS \"a \"\"b\"", c.path);
    CU_ASSERT_EQUAL_FATAL(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    check_holds(db, "SELECT * FROM segments", "not a case");
    check(db, "SELECT frame, schema FROM segments(5, 'a \"b')", "1|a \"b");
    check(db, "SELECT frame FROM segments WHERE schema = 'a \"b' AND stream_id = 4", "1 2 1");
    check(db, "SELECT count(*) FROM frames WHERE schema = 'a \"b'", "4");
    check(db, "SELECT count(*) FROM segments(5, 'a \"b') WHERE schema = 'main'", "0");
    check(db,
          "WITH n(schema) AS (VALUES ('a \"b')) SELECT s.stream_id, count(*) FROM n"
          " JOIN \"a \"\"b\".streams s, segments(s.stream_id, n.schema) GROUP BY 1",
          "4|3 5|1");
    check(db,
          "WITH n(schema) AS (VALUES ('a \"b')) SELECT count(*) FROM segments JOIN n"
          " ON n.schema = segments.schema",
          "6");
    check(db, "SELECT stream_view_sha256(77, NULL, 'a \"b')", "-");
    check(db, "SELECT length(stream_view_sha256(4, 'last', 'a \"b'))", "64");
    check(db, "SELECT stream_bytes(4, 0, 1, NULL, 'a \"b')", "-");
    sqlite3_close(db);
    made_case_remove(&c);
}

static void each_row_is_one_however_it_is_found(void)
{
    struct made_case c;
    make(&c);
    check(c.db, "SELECT count(*) FROM segments WHERE stream_id = 4 OR (stream = 5 AND frame = 1)",
          "4");
    check(c.db, "SELECT count(*) FROM segments WHERE stream_id = 4 OR stream = 4", "3");
    check(c.db, "SELECT count(*) FROM frames WHERE flow_id = 1 OR (flow_id = 2 AND frame > 0)",
          "4");
    check(c.db, "SELECT count(DISTINCT rowid) FROM segments", "6");
    check(c.db,
          "SELECT count(*) FROM segments a, segments(9) b WHERE a.stream_id = 9 AND"
          " a.rowid = b.rowid",
          "2");
    made_case_remove(&c);
}

static void blobs_that_make_no_sense_are_errors(void)
{
    struct made_case c;
    make(&c);
    made_case_sql(&c, "UPDATE arrivals SET data = x'ff' WHERE stream_id = 5");
    check(c.db, "SELECT count(*) FROM segments(4)", "3");
    check_holds(c.db, "SELECT frame FROM segments(5)", "!arrivals of stream 5, part 0");
    check_holds(c.db, "SELECT frame FROM segments", "1 2 1!arrivals of stream 5, part 0");
    made_case_sql(&c, "UPDATE arrivals SET data = x'1000ffffffffffffffffff0100'"
                      " WHERE stream_id = 5"); /* an offset of 2^63 and more */
    check_holds(c.db, "SELECT frame FROM segments(5)", "no sense");
    made_case_sql(&c, "DROP TABLE arrivals");
    check_holds(c.db, "SELECT frame FROM segments(5)", "is not a case: it has no table arrivals");
    made_case_remove(&c);
}

static void they_cannot_be_created_or_written(void)
{
    struct made_case c;
    make(&c);
    check_holds(c.db, "CREATE VIRTUAL TABLE x USING segments", "!");
    check_holds(c.db, "DELETE FROM segments", "!");
    check_holds(c.db, "INSERT INTO frames(frame) VALUES (1)", "!");
    made_case_remove(&c);
}

static const struct test tests[] = {
    {"records are rows", records_are_rows},
    {"argument and column say the same", argument_and_column_say_the_same},
    {"all of them come in order of their owner", all_of_them_come_in_order_of_their_owner},
    {"they join", they_join},
    {"views may use them", views_may_use_them},
    {"a table that is none is refused", a_table_that_is_none_is_refused},
    {"a database that is no case is an error", a_database_that_is_no_case_is_an_error},
    {"a case that is attached is read by its name", a_case_that_is_attached_is_read_by_its_name},
    {"each row is one however it is found", each_row_is_one_however_it_is_found},
    {"blobs that make no sense are errors", blobs_that_make_no_sense_are_errors},
    {"they cannot be created or written", they_cannot_be_created_or_written},
};

SUITE("tables", tests)
