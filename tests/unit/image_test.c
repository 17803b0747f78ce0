/* image_test.c - rows laid out as pages are, to SQLite, the rows that it would have made. */
#include "store/image.h"

#include "property/generator.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 5, LONGEST = 20000 };

static const char declaration[] =
    "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b TEXT, c BLOB, d INTEGER)"
    " STRICT";

/* A database with the table, its image, and the statement that copies. */
struct rig {
    sqlite3 *db;
    struct image image;
    sqlite3_stmt *copy;
    uint8_t *bytes;
};

static void rig_open(struct rig *r, const char *page_size)
{
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(":memory:", &r->db), SQLITE_OK);
    sqlite3_exec(r->db, page_size, NULL, NULL, NULL);
    CU_ASSERT_EQUAL_FATAL(sqlite3_exec(r->db, declaration, NULL, NULL, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_exec(r->db, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(image_open(&r->image, r->db, "image", "t"), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(r->db,
                                             "INSERT OR ROLLBACK INTO main.t SELECT * FROM image.t",
                                             -1, &r->copy, NULL),
                          SQLITE_OK);
    r->bytes = malloc(LONGEST);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r->bytes);
    for (int i = 0; i < LONGEST; i++)
        r->bytes[i] = (uint8_t)('a' + i % 26);
}

static void rig_copy(struct rig *r)
{
    image_end(&r->image);
    CU_ASSERT_EQUAL(sqlite3_step(r->copy), SQLITE_DONE);
    CU_ASSERT_EQUAL(sqlite3_reset(r->copy), SQLITE_OK);
    image_clear(&r->image);
}

/* What a query that gives one text gives. */
static bool gives(struct rig *r, const char *sql, const char *expected)
{
    sqlite3_stmt *s;
    CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(r->db, sql, -1, &s, NULL), SQLITE_OK);
    bool same = sqlite3_step(s) == SQLITE_ROW &&
                strcmp((const char *)sqlite3_column_text(s, 0), expected) == 0;
    if (!same)
        printf("%s: %s, not %s\n", sql, sqlite3_column_text(s, 0), expected);
    sqlite3_finalize(s);
    return same;
}

static void rig_close(struct rig *r)
{
    sqlite3_finalize(r->copy);
    CU_ASSERT_EQUAL(sqlite3_exec(r->db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    CU_ASSERT_TRUE(gives(r, "PRAGMA main.integrity_check", "ok"));
    CU_ASSERT_EQUAL(sqlite3_close(r->db), SQLITE_OK);
    free(r->bytes);
}

/* Adds a row, after the rows before it were copied where it has no room. */
static void add(struct rig *r, int64_t id, int64_t a, int text_len, int blob_len)
{
    const struct row_value row[COLUMNS] = {
        {NULL, id, SQLITE_INTEGER},
        {NULL, a, SQLITE_INTEGER},
        {r->bytes, text_len, text_len < 0 ? SQLITE_NULL : SQLITE_TEXT},
        {r->bytes, blob_len, SQLITE_BLOB},
        {NULL, -a, SQLITE_INTEGER},
    };
    if (image_add(&r->image, row, COLUMNS))
        return;
    rig_copy(r);
    CU_ASSERT_TRUE(image_add(&r->image, row, COLUMNS));
}

static void every_size_of_number(void)
{
    struct rig r;
    char sql[200];
    int64_t id = 0;

    rig_open(&r, "PRAGMA page_size = 4096");
    for (int bits = 0; bits < 63; bits++) {
        for (int64_t around = -2; around <= 2; around++) {
            id += bits < 40 ? 1 : (int64_t)1 << (bits - 3);
            int64_t a = ((int64_t)1 << bits) + around;
            add(&r, id, a, -1, 0);
        }
    }
    rig_copy(&r);
    CU_ASSERT_TRUE(gives(&r, "SELECT count(*) || '|' || sum(a = -d) FROM main.t", "315|315"));
    id = 0;
    for (int bits = 0; bits < 63; bits++) {
        for (int64_t around = -2; around <= 2; around++) {
            id += bits < 40 ? 1 : (int64_t)1 << (bits - 3);
            snprintf(sql, sizeof sql,
                     "SELECT a = %lld AND typeof(a) = 'integer' FROM main.t WHERE id = %lld",
                     (long long)(((int64_t)1 << bits) + around), (long long)id);
            CU_ASSERT_TRUE(gives(&r, sql, "1"));
        }
    }
    rig_close(&r);
}

static void every_length(void)
{
    struct rig r;
    int64_t id = -40;

    rig_open(&r, "PRAGMA page_size = 16384");
    for (int len = 0; len < LONGEST; len += 1 + len / 9)
        add(&r, ++id, len, len, LONGEST - 1 - len > 4000 ? len % 4000 : 0);
    rig_copy(&r);
    CU_ASSERT_TRUE(gives(&r,
                         "SELECT count(*) = max(id) + 40 AND sum(length(b) = a) = count(*)"
                         " AND sum(length(c) IN (a % 4000, 0)) = count(*)"
                         " AND sum(typeof(b) = 'text' AND typeof(c) = 'blob') = count(*)"
                         " AND sum(substr(b, 1, 26) = substr('abcdefghijklmnopqrstuvwxyz', 1,"
                         " min(a, 26))) = count(*) FROM main.t",
                         "1"));
    rig_close(&r);
}

static void used_again_and_again(void)
{
    struct rig r;
    uint64_t luck = 5;
    int64_t id = 0, sum = 0;
    char sql[160];

    rig_open(&r, "PRAGMA page_size = 4096");
    for (int round = 0; round < 300; round++) {
        int rows = (int)random_below(&luck, 700);
        for (int i = 0; i < rows; i++) {
            int len = (int)random_below(&luck, random_below(&luck, 20) == 0 ? 6000 : 90);
            add(&r, id += 1 + (int64_t)random_below(&luck, 3), len, len, len % 7);
            sum += len;
        }
        rig_copy(&r);
    }
    snprintf(sql, sizeof sql,
             "SELECT max(id) || '|' || sum(a) || '|' || sum(length(b)) FROM main.t");
    char expected[100];
    snprintf(expected, sizeof expected, "%lld|%lld|%lld", (long long)id, (long long)sum,
             (long long)sum);
    CU_ASSERT_TRUE(gives(&r, sql, expected));
    rig_close(&r);
}

static void a_key_that_is_there(void)
{
    struct rig r;

    rig_open(&r, "PRAGMA page_size = 4096");
    add(&r, 7, 1, 3, 3);
    rig_copy(&r);
    add(&r, 7, 2, 3, 3);
    image_end(&r.image);
    CU_ASSERT_EQUAL(sqlite3_step(r.copy), SQLITE_CONSTRAINT);
    sqlite3_reset(r.copy);
    sqlite3_exec(r.db, "BEGIN", NULL, NULL, NULL); /* rig_close() ends it */
    rig_close(&r);
}

static const struct test tests[] = {
    {"numbers of every size, and keys", every_size_of_number},
    {"texts and blobs of many lengths, in leaves that fill", every_length},
    {"an image is filled again for other rows", used_again_and_again},
    {"a key that the table has already is an error", a_key_that_is_there},
};
SUITE("image", tests)
