/* seal_test.c - the seal changes with all that a case says, and with nothing else. */
#include "store/seal.h"

#include "base/digest.h"
#include "made_case.h"
#include "store/seal_sum.h"
#include "suite.h"

#include <sqlite3.h>
#include <string.h>

static void make(struct made_case *c)
{
    made_case_new(c);
    made_case_sql(
        c,
        "INSERT INTO runs VALUES (1, '0.1', 'seine x', 0, 1, 'h', 'u', 1, 1, NULL);"
        "INSERT INTO evidence VALUES (1, 1, 'x.pcap', 'file', 'pcap', 24, NULL, 0, NULL, NULL,"
        " 'complete', '{}', NULL);"
        "INSERT INTO streams VALUES (4, 2, 'client', 0, 3, 3, 0, 0, 0, 0, 'complete', 'aa', NULL),"
        " (5, 2, 'server', 0, 6, 6, 0, 0, 0, 1, 'conflict', 'cc', 'linux'),"
        " (6, 3, 'client', 0, 1, 1, 0, 0, 0, 0, 'complete', 'bb', NULL);"
        "INSERT INTO stream_data VALUES (4, 0, x'414243');"
        "INSERT INTO chunk_data (chunk_id, stream_id, position, length, part, data) VALUES"
        " (1, 5, 3, 3, 0, x'444546'), (2, 5, 0, 3, 0, x'414243'), (3, 6, 0, 1, 0, x'58');"
        "INSERT INTO gaps VALUES (4, 3, 1, 'unknown', 1);"
        "INSERT INTO hosts VALUES ('::1', x'00000000000000000000000000000001', 1, 2, 3, 4)");
}

static void seal_of(const struct made_case *c, char hex[65])
{
    struct error err = {0};
    CU_ASSERT_EQUAL(seal_compute(c->db, hex, &err), STATUS_OK);
    CU_ASSERT_STRING_EQUAL(err.text, "");
    CU_ASSERT_EQUAL(strlen(hex), 64);
}

/* Whether the seal of a case is another one after `sql`. */
static bool changes(const char *sql)
{
    struct made_case c;
    char before[65], after[65];
    make(&c);
    seal_of(&c, before);
    made_case_sql(&c, sql);
    seal_of(&c, after);
    made_case_remove(&c);
    return strcmp(before, after) != 0;
}

static void every_row_counts(void)
{
    CU_ASSERT_TRUE(changes("UPDATE evidence SET source = 'y.pcap'"));
    CU_ASSERT_TRUE(changes("UPDATE evidence SET bytes = NULL"));
    CU_ASSERT_TRUE(changes("UPDATE evidence SET sha256 = ''"));
    CU_ASSERT_TRUE(changes("UPDATE streams SET sha256 = 'ab' WHERE stream_id = 4"));
    CU_ASSERT_TRUE(changes("UPDATE gaps SET tail = 0"));
    CU_ASSERT_TRUE(changes("DELETE FROM gaps"));
    CU_ASSERT_TRUE(changes("UPDATE hosts SET addr = x'01'"));
    CU_ASSERT_TRUE(changes("INSERT INTO notes VALUES (1, 1, NULL, 'comment', '')"));
    CU_ASSERT_TRUE(changes("UPDATE streams SET stream_id = 7 WHERE stream_id = 6"));
}

static void what_lies_where_counts(void)
{
    CU_ASSERT_TRUE(changes("UPDATE evidence SET source = 'x.pcapfile', kind = ''"));
    CU_ASSERT_TRUE(changes("UPDATE evidence SET bytes = NULL, first_ns = 24"));
    CU_ASSERT_TRUE(changes("UPDATE streams SET missing = missing_tail + 1"));
}

/* Where hashes were left out, nothing is read of payload. */
static void bytes_without_a_hash_do_not_count(void)
{
    struct made_case c;
    char before[65], after[65];
    make(&c);
    seal_of(&c, before);
    made_case_sql(&c, "UPDATE streams SET sha256 = NULL");
    seal_of(&c, after);
    CU_ASSERT_STRING_NOT_EQUAL(before, after);
    made_case_sql(&c, "UPDATE chunk_data SET data = x'00'; UPDATE stream_data SET data = x'59'");
    seal_of(&c, before);
    CU_ASSERT_STRING_EQUAL(before, after);
    made_case_remove(&c);
}

static void bytes_of_a_hash_do_not_count_again(void)
{
    CU_ASSERT_TRUE(changes("UPDATE chunk_data SET data = x'444547' WHERE chunk_id = 1"));
    CU_ASSERT_TRUE(changes("UPDATE chunk_data SET position = 4 WHERE chunk_id = 1"));
    CU_ASSERT_TRUE(changes("INSERT INTO stream_data VALUES (5, 9, x'00')"));
    CU_ASSERT_FALSE(changes("UPDATE chunk_data SET data = x'59' WHERE chunk_id = 3"));
    CU_ASSERT_FALSE(changes("UPDATE stream_data SET data = x'59' WHERE stream_id = 4"));
}

/* Where a policy took other bytes than those stored, the hash is not of what is stored. */
static void bytes_under_a_policy_count(void)
{
#define UNDER(policy, conflicted)                                        \
    "DELETE FROM stream_data; DELETE FROM streams WHERE stream_id <> 4;" \
    "UPDATE streams SET policy = " policy ", conflicted = " conflicted
    struct made_case c;
    char hexes[3][2][65];
    static const char *const made[] = {UNDER("'linux'", "1"), UNDER("'linux'", "0"),
                                       UNDER("NULL", "1")};
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 2; j++) {
            make(&c);
            made_case_sql(&c, made[i]);
            made_case_sql(&c, j == 0 ? "INSERT INTO stream_data VALUES (4, 0, x'414243')"
                                     : "INSERT INTO stream_data VALUES (4, 0, x'414244')");
            seal_of(&c, hexes[i][j]);
            made_case_remove(&c);
        }
    }
    CU_ASSERT_STRING_NOT_EQUAL(hexes[0][0], hexes[0][1]);
    CU_ASSERT_STRING_EQUAL(hexes[1][0], hexes[1][1]);
    CU_ASSERT_STRING_EQUAL(hexes[2][0], hexes[2][1]);
}

/* A case from before streams had policies has a seal too. */
static void the_column_may_be_missing(void)
{
    struct made_case c;
    char hex[65];
    make(&c);
    made_case_sql(&c, "CREATE TABLE old AS SELECT stream_id, conflicted, sha256 FROM streams;"
                      "DROP TABLE streams; ALTER TABLE old RENAME TO streams");
    seal_of(&c, hex);
    made_case_remove(&c);
}

static void runs_and_indexes_do_not_count(void)
{
    CU_ASSERT_FALSE(changes("UPDATE runs SET seal = 'x'"));
    CU_ASSERT_FALSE(changes("DELETE FROM runs"));
    CU_ASSERT_FALSE(changes("CREATE INDEX mine ON flows (protocol)"));
    CU_ASSERT_FALSE(changes("CREATE INDEX mine ON streams (sha256, stream_id)"));
    CU_ASSERT_FALSE(changes("DROP INDEX chunk_data_place"));
    CU_ASSERT_FALSE(changes("CREATE INDEX mine ON streams (flow_id); ANALYZE"));
    CU_ASSERT_FALSE(changes("VACUUM"));
}

static void an_index_over_all_columns_does_not_change_the_order(void)
{
    CU_ASSERT_FALSE(changes("CREATE INDEX mine ON gaps (length DESC, position, tail, cause)"));
    CU_ASSERT_FALSE(changes("CREATE INDEX mine ON stream_data (data, position)"));
    CU_ASSERT_FALSE(
        changes("CREATE INDEX mine ON streams (sha256 DESC, flow_id, side, start, length, stored,"
                " missing, truncated, missing_tail, conflicted, verdict)"));
}

static void nothing_hides_beside_our_tables(void)
{
    CU_ASSERT_TRUE(changes("CREATE TABLE mine (a)"));
    CU_ASSERT_TRUE(changes("CREATE TABLE mine (rowid, _rowid_ PRIMARY KEY, b)"));
    CU_ASSERT_TRUE(changes("CREATE TABLE mine (\"a\"\"b\" , c, PRIMARY KEY (c, \"a\"\"b\"))"
                           " WITHOUT ROWID"));
    CU_ASSERT_TRUE(changes("CREATE VIEW mine AS SELECT 1"));
    CU_ASSERT_TRUE(changes("CREATE TRIGGER mine AFTER DELETE ON gaps BEGIN SELECT 1; END"));
    CU_ASSERT_TRUE(changes("DROP VIEW chunks; CREATE VIEW chunks AS SELECT 1"));
    CU_ASSERT_FALSE(changes("CREATE TEMP TABLE mine (a)"));
    CU_ASSERT_FALSE(changes("CREATE TEMP VIEW mine AS SELECT 1"));
}

static void a_table_may_not_pose_as_the_list_of_tables(void)
{
    CU_ASSERT_TRUE(
        changes("CREATE TABLE pragma_table_list (schema, name, type, ncol, wr, strict)"));
    CU_ASSERT_TRUE(changes("CREATE VIEW pragma_table_list AS SELECT 'main' AS schema WHERE 0"));
}

static void what_cannot_be_read_is_a_sentence(void)
{
    struct made_case c;
    char hex[65];
    struct error err = {0};
    make(&c);
    made_case_sql(&c, "CREATE TABLE mine (rowid, _rowid_, oid)");
    CU_ASSERT_EQUAL(seal_compute(c.db, hex, &err), STATUS_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "mine"));
    made_case_sql(&c, "DROP TABLE mine; DROP VIEW chunks; DROP TABLE stream_data;"
                      "CREATE TABLE stream_data (other)");
    CU_ASSERT_EQUAL(seal_compute(c.db, hex, &err), STATUS_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "stream_data"));
    made_case_remove(&c);
}

/* The worked example of docs/blobs.md: a file with one table, and no view. */
static void the_example_of_the_document_holds(void)
{
    static const char rows[] = "RI\xd8\x04S\x02hi"
                               "RI\x01"
                               "B\x01\xff"
                               "RNF\x3f\xf8\0\0\0\0\0\0";
    static const char before[] = "seine seal 2\n"
                                 "T\x01t"
                                 "C\x02"
                                 "S\x01"
                                 "aS\x01"
                                 "bD";
    static const char after[] = "T\x0dsqlite_master"
                                "C\x04S\x04typeS\x04nameS\x08tbl_nameS\x03sqlD";
    char hex[65], expected[65];
    struct error err;
    sqlite3 *db;

    sqlite3_open(":memory:", &db);
    sqlite3_exec(db,
                 "CREATE TABLE t (a, b); INSERT INTO t VALUES (300, 'hi'), (-1, x'ff'),"
                 " (NULL, 1.5)",
                 NULL, NULL, NULL);
    CU_ASSERT_EQUAL(seal_compute(db, hex, &err), STATUS_OK);
    uint8_t of_rows[DIGEST_LEN], of_none[DIGEST_LEN], value[DIGEST_LEN];
    digest_once(of_rows, span_of(rows, sizeof rows - 1));
    digest_once(of_none, span_of(NULL, 0));
    struct digest whole;
    digest_start(&whole);
    digest_add(&whole, span_of(before, sizeof before - 1));
    digest_add(&whole, span_of(of_rows, sizeof of_rows));
    digest_add(&whole, span_of(after, sizeof after - 1));
    digest_add(&whole, span_of(of_none, sizeof of_none));
    digest_value(&whole, value);
    digest_hex(expected, value);
    CU_ASSERT_STRING_EQUAL(hex, expected);
    CU_ASSERT_STRING_EQUAL(hex, "5e97e30e2c7a7bf7f4574e52b13266f5a9614bb85a659cd82a393df9c5844021");
    sqlite3_close(db);
}

static void long_values_pass_whole(void)
{
    struct made_case c;
    char before[65], after[65];
    make(&c);
    made_case_sql(&c, "INSERT INTO secrets VALUES (1, 1, 1, zeroblob(200000))");
    seal_of(&c, before);
    seal_of(&c, after);
    CU_ASSERT_STRING_EQUAL(before, after);
    made_case_sql(&c, "UPDATE secrets SET data = CAST(zeroblob(199999) || x'01' AS BLOB)");
    seal_of(&c, after);
    CU_ASSERT_STRING_NOT_EQUAL(before, after);
    made_case_remove(&c);
}

/* A row at once is what its values are one by one, wherever it lies in the buffer. */
static void a_row_at_once(void)
{
    enum { COLUMNS = 5, ROWS = 400, LONGEST = 40000 };
    static uint8_t bytes[LONGEST];
    struct seal_sum whole, parts;
    uint8_t a[DIGEST_LEN], b[DIGEST_LEN];

    for (size_t i = 0; i < LONGEST; i++)
        bytes[i] = (uint8_t)(i * i >> 3);
    CU_ASSERT_TRUE_FATAL(seal_sum_init(&whole) && seal_sum_init(&parts));
    for (int i = 0; i < ROWS; i++) {
        const int64_t len = i % 50 == 49 ? i * 100 : i * 7 % 300;
        const int64_t number = (int64_t)(((uint64_t)1 << i % 64) - (uint64_t)i % 3);
        const struct row_value row[COLUMNS] = {{NULL, number, SQLITE_INTEGER},
                                               {bytes, len, SQLITE_TEXT},
                                               {NULL, 0, SQLITE_NULL},
                                               {bytes, 0, SQLITE_TEXT},
                                               {bytes + 1, len / 2, SQLITE_BLOB}};
        seal_values(&whole, row, COLUMNS);
        seal_row(&parts);
        seal_int(&parts, number);
        seal_text(&parts, span_of(bytes, (size_t)len));
        seal_null(&parts);
        seal_text(&parts, span_of(bytes, 0));
        seal_blob(&parts, span_of(bytes + 1, (size_t)len / 2));
    }
    seal_sum_end(&whole, a);
    seal_sum_end(&parts, b);
    CU_ASSERT_EQUAL(memcmp(a, b, DIGEST_LEN), 0);
    seal_sum_release(&whole);
    seal_sum_release(&parts);
}

static const struct test tests[] = {
    {"every row counts", every_row_counts},
    {"what lies where counts", what_lies_where_counts},
    {"bytes without a hash do not count", bytes_without_a_hash_do_not_count},
    {"bytes of a hash do not count again", bytes_of_a_hash_do_not_count_again},
    {"bytes that are not those of the hash count", bytes_under_a_policy_count},
    {"a case without policies has a seal", the_column_may_be_missing},
    {"runs and indexes do not count", runs_and_indexes_do_not_count},
    {"an index over all columns does not change the order",
     an_index_over_all_columns_does_not_change_the_order},
    {"nothing hides beside our tables", nothing_hides_beside_our_tables},
    {"a table may not pose as the list of tables", a_table_may_not_pose_as_the_list_of_tables},
    {"what cannot be read is a sentence", what_cannot_be_read_is_a_sentence},
    {"the example of the document holds", the_example_of_the_document_holds},
    {"long values pass whole", long_values_pass_whole},
    {"a row at once is its values", a_row_at_once},
};

SUITE("seal", tests)
