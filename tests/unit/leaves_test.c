/* leaves_test.c - rows written past SQLite are, to SQLite, the rows that it would have written. */
#include "store/leaves.h"

#include "property/generator.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LONGEST = 16000, DATA, ARRIVALS, COLUMNS_MOST = 6 };

/* The linker has all calls of malloc() come here: for the `fails_at`th of `fails_len` bytes there is no memory; 0: there is
 * always. */
static size_t fails_len;
static int fails_at;

void *__real_malloc(size_t len);
void *__wrap_malloc(size_t len);

void *__wrap_malloc(size_t len)
{
    if (fails_at > 0 && len == fails_len && --fails_at == 0)
        return NULL;
    return __real_malloc(len);
}

/* A fresh case, two of its trees, and what must be in them, in a database beside it. */
struct rig {
    char folder[64], path[96];
    struct case_file file;
    struct leaves leaves;
    struct leaves_tree data, arrivals;
    sqlite3 *wanted;
    uint8_t bytes[LONGEST];
    uint64_t luck;
    int64_t last; /* key */
    size_t longest;
    bool has_long; /* a row that leads out of its leaf */
};

static void run(sqlite3 *db, const char *sql)
{
    int code = sqlite3_exec(db, sql, NULL, NULL, NULL);
    if (code != SQLITE_OK)
        printf("%s: %s\n", sql, sqlite3_errmsg(db));
    CU_ASSERT_EQUAL(code, SQLITE_OK);
}

static void rig_init(struct rig *r, uint32_t page_size, size_t longest)
{
    struct case_file_options options = {.page_size = page_size, .cache_len = 64 << 10};
    struct error err;

    *r = (struct rig){.luck = page_size, .longest = longest};
    strcpy(r->folder, "/tmp/leaves_test.XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(r->folder));
    snprintf(r->path, sizeof r->path, "%s/x.db", r->folder);
    CU_ASSERT_EQUAL_FATAL(case_file_open(&r->file, r->path, &options, &err), STATUS_OK);
    CU_ASSERT_TRUE_FATAL(leaves_init(&r->leaves, &r->file));
    CU_ASSERT_TRUE(leaves_tree_init(&r->data, &r->leaves, "stream_data", false));
    CU_ASSERT_TRUE(leaves_tree_init(&r->arrivals, &r->leaves, "arrivals", true));
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(":memory:", &r->wanted), SQLITE_OK);
    run(r->wanted, "CREATE TABLE stream_data (stream_id INTEGER PRIMARY KEY, position, data);"
                   "CREATE TABLE arrivals (stream_id, part, segments, low, high, data,"
                   " PRIMARY KEY (stream_id, part)); BEGIN");
    for (int i = 0; i < LONGEST; i++)
        r->bytes[i] = (uint8_t)random_next(&r->luck);
}

/* Puts a row into a table by SQLite. */
static void insert(sqlite3 *db, int which, const struct row_value *row, int columns)
{
    sqlite3_stmt *s;
    const char *sql = which == DATA ? "INSERT INTO stream_data VALUES (?1, ?2, ?3)"
                                    : "INSERT INTO arrivals VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

    CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    for (int i = 0; i < columns - 1; i++)
        sqlite3_bind_int64(s, i + 1, row[i].number);
    sqlite3_bind_blob64(s, columns, row[columns - 1].bytes, (uint64_t)row[columns - 1].number,
                        SQLITE_STATIC);
    CU_ASSERT_EQUAL(sqlite3_step(s), SQLITE_DONE);
    sqlite3_finalize(s);
}

static int any_row(struct rig *r, struct row_value row[COLUMNS_MOST], int which, int64_t key)
{
    size_t most = random_below(&r->luck, 8) == 0 ? r->longest : 40;
    struct row_value blob = {r->bytes + random_below(&r->luck, 100),
                             (int64_t)random_below(&r->luck, most), SQLITE_BLOB};
    int count = 0;

    row[count++] = (struct row_value){NULL, key, SQLITE_INTEGER};
    row[count++] = (struct row_value){NULL, (int64_t)random_below(&r->luck, 300), SQLITE_INTEGER};
    for (int i = 0; i < 3 && which == ARRIVALS; i++)
        row[count++] = (struct row_value){
            NULL, (int64_t)(random_next(&r->luck) >> random_below(&r->luck, 64)), SQLITE_INTEGER};
    row[count++] = blob;
    return count;
}

/* Adds rows past SQLite. */
static void append(struct rig *r, int which, int rows)
{
    struct leaves_tree *t = which == DATA ? &r->data : &r->arrivals;
    struct row_value row[COLUMNS_MOST];

    if (rows > 0 && !t->open)
        CU_ASSERT_EQUAL(leaves_open(&r->leaves, t), STATUS_OK);
    for (int i = 0; i < rows; i++) {
        r->last += 2 + (int64_t)random_below(&r->luck, 3);
        int columns = any_row(r, row, which, r->last);
        CU_ASSERT_EQUAL(leaves_add(&r->leaves, t, row, columns), STATUS_OK);
        insert(r->wanted, which, row, columns);
    }
}

/* Adds rows by SQLite, anywhere. */
static void insert_strays(struct rig *r, int which, int rows)
{
    struct row_value row[COLUMNS_MOST];

    for (int i = 0; i < rows; i++) {
        int columns = any_row(r, row, which, -1 - (int64_t)(random_next(&r->luck) >> 2));
        if (random_below(&r->luck, 4) == 0) {
            r->last += 2;
            row[0].number = r->last;
        }
        insert(r->file.db, which, row, columns);
        insert(r->wanted, which, row, columns);
    }
}

/* Whether both say the same, value by value. */
static bool same_rows(sqlite3 *one, sqlite3 *other, const char *sql)
{
    sqlite3_stmt *a, *b;
    int more = SQLITE_ROW;
    bool same = true;

    CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(one, sql, -1, &a, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(other, sql, -1, &b, NULL), SQLITE_OK);
    while (same && more == SQLITE_ROW) {
        more = sqlite3_step(a);
        same = sqlite3_step(b) == more;
        for (int i = 0; same && more == SQLITE_ROW && i < sqlite3_column_count(a); i++) {
            int len = sqlite3_column_bytes(a, i);
            same = sqlite3_column_type(a, i) == sqlite3_column_type(b, i) &&
                   len == sqlite3_column_bytes(b, i) &&
                   (len == 0 ||
                    memcmp(sqlite3_column_blob(a, i), sqlite3_column_blob(b, i), (size_t)len) == 0);
        }
    }
    sqlite3_finalize(a);
    sqlite3_finalize(b);
    return same && more == SQLITE_DONE;
}

static bool is_whole(sqlite3 *db)
{
    sqlite3_stmt *s;
    CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &s, NULL),
                          SQLITE_OK);
    bool whole =
        sqlite3_step(s) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(s, 0), "ok") == 0;
    if (!whole)
        printf("%s\n", sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    return whole;
}

/* What SQLite sees once all is linked. */
static void check(struct rig *r)
{
    CU_ASSERT_TRUE(
        same_rows(r->file.db, r->wanted, "SELECT * FROM stream_data ORDER BY stream_id"));
    CU_ASSERT_TRUE(
        same_rows(r->file.db, r->wanted, "SELECT * FROM arrivals ORDER BY stream_id, part"));
}

/* A walk through one tree, beside what it must give. */
struct walk {
    sqlite3_stmt *wanted;
    bool same;
    int rows;
};

static void see_row(void *context, const struct row_value *row, int columns)
{
    struct walk *w = context;

    w->rows++;
    if (sqlite3_step(w->wanted) != SQLITE_ROW) {
        w->same = false;
        return;
    }
    for (int i = 0; i < columns; i++) {
        bool same = sqlite3_column_type(w->wanted, i) == row[i].type;
        if (same && row[i].type == SQLITE_INTEGER)
            same = sqlite3_column_int64(w->wanted, i) == row[i].number;
        else if (same)
            same = sqlite3_column_bytes(w->wanted, i) == row[i].number &&
                   (row[i].number == 0 || memcmp(sqlite3_column_blob(w->wanted, i), row[i].bytes,
                                                 (size_t)row[i].number) == 0);
        w->same = w->same && same;
    }
}

static enum status walk(struct rig *r, struct leaves_tree *t, const char *sql, int columns)
{
    struct walk w = {.same = true};

    CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(r->wanted, sql, -1, &w.wanted, NULL), SQLITE_OK);
    enum status status = leaves_each(&r->leaves, t, columns, see_row, &w);
    CU_ASSERT_TRUE(w.same);
    if (status == STATUS_OK)
        CU_ASSERT_EQUAL(sqlite3_step(w.wanted), SQLITE_DONE);
    sqlite3_finalize(w.wanted);
    return status;
}

static void rig_release(struct rig *r)
{
    struct error err;

    CU_ASSERT_EQUAL(leaves_end(&r->leaves), STATUS_OK);
    check(r);
    CU_ASSERT_EQUAL(
        walk(r, &r->arrivals, "SELECT * FROM arrivals ORDER BY stream_id, part", COLUMNS_MOST),
        STATUS_OK);
    CU_ASSERT_EQUAL(walk(r, &r->data, "SELECT * FROM stream_data ORDER BY stream_id", 3),
                    r->has_long ? STATUS_END : STATUS_OK);
    CU_ASSERT_TRUE(is_whole(r->file.db));
    CU_ASSERT_EQUAL(case_file_end(&r->file, false, &err), STATUS_OK);
    sqlite3 *db = NULL;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(r->path, &db), SQLITE_OK);
    CU_ASSERT_TRUE(is_whole(db));
    CU_ASSERT_TRUE(same_rows(db, r->wanted, "SELECT * FROM arrivals ORDER BY stream_id, part"));
    sqlite3_close(db);
    leaves_tree_release(&r->data);
    leaves_tree_release(&r->arrivals);
    leaves_release(&r->leaves);
    sqlite3_close(r->wanted);
    unlink(r->path);
    rmdir(r->folder);
}

/* After a failure. */
static void rig_drop(struct rig *r)
{
    leaves_tree_release(&r->data);
    leaves_tree_release(&r->arrivals);
    leaves_release(&r->leaves);
    case_file_drop(&r->file);
    sqlite3_close(r->wanted);
    CU_ASSERT_EQUAL(rmdir(r->folder), 0);
}

/* The longest blob whose row fits a leaf of either table. */
static size_t longest_for(uint32_t page_size)
{
    return (page_size - 12) * 64 / 255 - 23 - 60;
}

static void many_rows(void)
{
    static const uint32_t sizes[] = {1024, 4096, 16384};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct rig r;
        rig_init(&r, sizes[i], longest_for(sizes[i]));
        append(&r, DATA, 9000);
        append(&r, ARRIVALS, 9000);
        append(&r, DATA, 1);
        CU_ASSERT_EQUAL(leaves_link(&r.leaves), STATUS_OK);
        check(&r);
        rig_release(&r);
    }
}

/* Trees that are opened again and again, and are SQLite's in between, which makes rows and pages of its own. */
static void in_turn(void)
{
    static const uint32_t sizes[] = {1024, 4096};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct rig r;
        rig_init(&r, sizes[i], longest_for(sizes[i]));
        for (int round = 0; round < 150; round++) {
            append(&r, DATA, (int)random_below(&r.luck, 60));
            append(&r, ARRIVALS, (int)random_below(&r.luck, 60));
            run(r.file.db,
                "INSERT INTO gaps SELECT 7, coalesce(max(position), 0) + 1, 5, 'unknown', 0"
                " FROM gaps"); /* while they are open */
            append(&r, DATA, (int)random_below(&r.luck, 9));
            if (random_below(&r.luck, 3) == 0)
                continue;
            CU_ASSERT_EQUAL(leaves_link(&r.leaves), STATUS_OK);
            insert_strays(&r, DATA, (int)random_below(&r.luck, 20));
            insert_strays(&r, ARRIVALS, (int)random_below(&r.luck, 20));
            if (random_below(&r.luck, 4) == 0) {
                static const char cut[] = "DELETE FROM arrivals WHERE stream_id % 11 = 3;"
                                          "DELETE FROM stream_data WHERE stream_id % 11 = 4;"
                                          "UPDATE stream_data SET data = zeroblob(17)"
                                          " WHERE stream_id % 13 = 5";
                run(r.file.db, cut);
                run(r.wanted, cut);
            }
            if (random_below(&r.luck, 10) == 0)
                check(&r);
        }
        rig_release(&r);
    }
}

/* One row, and none. */
static void few(void)
{
    for (int rows = 0; rows < 3; rows++) {
        struct rig r;
        rig_init(&r, 4096, 100);
        append(&r, ARRIVALS, rows);
        rig_release(&r);
    }
}

static void too_long(void)
{
    struct rig r;
    rig_init(&r, 1024, 100);
    append(&r, DATA, 10);
    struct row_value row[3] = {{NULL, r.last + 1, SQLITE_INTEGER},
                               {NULL, 0, SQLITE_INTEGER},
                               {r.bytes, 5000, SQLITE_BLOB}};
    CU_ASSERT_EQUAL(leaves_add(&r.leaves, &r.data, row, 3), STATUS_END);
    CU_ASSERT_EQUAL(leaves_link(&r.leaves), STATUS_OK);
    insert(r.file.db, DATA, row, 3);
    insert(r.wanted, DATA, row, 3);
    r.last++;
    r.has_long = true;
    CU_ASSERT_EQUAL(leaves_open(&r.leaves, &r.data), STATUS_END); /* it leads out of its leaf */
    rig_release(&r);
}

enum { LENT_AT_ONCE = 70 }; /* more than are written at once */

/* Rows that fill their leaves, or nearly, and others, some at a time; their bytes may change after each time. */
static void lend_rows(struct rig *r, int rows, uint8_t *bytes)
{
    const size_t fills = r->leaves.page_size - 35 - 20; /* of a blob, about */
    struct row_value row[3];
    static struct iovec lists[LENT_AT_ONCE * LEAVES_PIECES];

    if (!r->data.open)
        CU_ASSERT_EQUAL(leaves_open(&r->leaves, &r->data), STATUS_OK);
    for (int i = 0; i < rows; i++) {
        size_t len = fills - random_below(&r->luck, random_below(&r->luck, 3) == 0 ? fills : 150);
        uint8_t *at = bytes + (size_t)i * r->leaves.page_size;
        memset(at, (int)random_below(&r->luck, 256), len);
        at[0] = (uint8_t)i;
        r->last += 1 + (int64_t)random_below(&r->luck, 3);
        row[0] = (struct row_value){NULL, r->last, SQLITE_INTEGER};
        row[1] = (struct row_value){NULL, r->last * 7, SQLITE_INTEGER};
        row[2] = (struct row_value){at, (int64_t)len, SQLITE_BLOB};
        struct iovec *pieces = &lists[i * LEAVES_PIECES];
        unsigned count = 0;
        for (size_t done = 0; done < len; count++) {
            size_t more = count + 1 < LEAVES_PIECES ? random_below(&r->luck, len) + 1 : len;
            more = more < len - done ? more : len - done;
            pieces[count] = (struct iovec){at + done, more};
            done += more;
        }
        CU_ASSERT_EQUAL(leaves_lend(&r->leaves, &r->data, row, 3, pieces, count), STATUS_OK);
        insert(r->wanted, DATA, row, 3);
    }
    CU_ASSERT_EQUAL(leaves_return(&r->leaves, &r->data), STATUS_OK);
    memset(bytes, 0xee, (size_t)rows * r->leaves.page_size);
}

/* Whether a key is found with its row, and not where there is none. */
static void find_any(struct rig *r, sqlite3_stmt *wanted)
{
    struct row_value row[3];
    int64_t key = 1 + (int64_t)random_below(&r->luck, (uint64_t)r->last + 3);

    enum status status = leaves_find(&r->leaves, &r->data, key, row, 3);
    sqlite3_bind_int64(wanted, 1, key);
    CU_ASSERT_EQUAL(sqlite3_step(wanted), status == STATUS_OK ? SQLITE_ROW : SQLITE_DONE);
    if (status == STATUS_OK) {
        CU_ASSERT_EQUAL(row[0].number, key);
        CU_ASSERT_EQUAL(row[1].number, sqlite3_column_int64(wanted, 1));
        CU_ASSERT_EQUAL_FATAL(row[2].number, sqlite3_column_bytes(wanted, 2));
        CU_ASSERT_EQUAL(memcmp(row[2].bytes, sqlite3_column_blob(wanted, 2), (size_t)row[2].number),
                        0);
    }
    sqlite3_reset(wanted);
}

static void lent(void)
{
    static const uint32_t sizes[] = {512, 4096, 16384};
    uint8_t *bytes = malloc((size_t)LENT_AT_ONCE * 16384);

    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        sqlite3_stmt *wanted;
        struct rig r;
        rig_init(&r, sizes[i], 60);
        CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(r.wanted,
                                                 "SELECT * FROM stream_data WHERE stream_id = ?1",
                                                 -1, &wanted, NULL),
                              SQLITE_OK);
        for (int round = 0; round < 40; round++) {
            lend_rows(&r, 1 + (int)random_below(&r.luck, LENT_AT_ONCE), bytes);
            for (int look = 0; look < 20; look++)
                find_any(&r, wanted);
            append(&r, ARRIVALS, 3);
            if (random_below(&r.luck, 4) == 0)
                CU_ASSERT_EQUAL(leaves_link(&r.leaves), STATUS_OK);
            if (random_below(&r.luck, 10) == 0) {
                CU_ASSERT_EQUAL(leaves_link(&r.leaves), STATUS_OK);
                check(&r);
            }
        }
        sqlite3_finalize(wanted);
        rig_release(&r);
    }
    free(bytes);
}

/* Adds rows until something fails. */
static enum status append_until(struct rig *r, struct leaves_tree *t, int which, int rows)
{
    struct row_value row[COLUMNS_MOST];
    enum status status = leaves_open(&r->leaves, t);

    for (int i = 0; i < rows && status == STATUS_OK; i++) {
        int columns = any_row(r, row, which, ++r->last);
        status = leaves_add(&r->leaves, t, row, columns);
    }
    return status;
}

/* A tree becomes higher, and there is no memory for the page of its new level; whatever the page below, which was full, has
 * room for by then. */
static void no_memory(void)
{
    enum { LEVELS = 3, PAGE = 512 }; /* what reads the edge, and one of each level */

    for (unsigned seed = 0; seed < 8; seed++) {
        for (int at = 1; at <= 1 + LEVELS; at++) {
            struct rig r;
            rig_init(&r, PAGE, longest_for(PAGE));
            r.luck = seed;
            fails_len = PAGE;
            fails_at = at;
            enum status status = append_until(&r, &r.arrivals, ARRIVALS, 400);
            CU_ASSERT_EQUAL(fails_at, 0);
            CU_ASSERT_EQUAL(status, STATUS_FAILED);
            CU_ASSERT_TRUE(r.leaves.error.no_memory);
            rig_drop(&r);
        }
    }
}

/* A tree that SQLite had no memory to look for is not said to be missing. */
static void no_memory_to_look(void)
{
    struct leaves_tree tree;
    struct rig r;

    rig_init(&r, 4096, longest_for(4096));
    sqlite3_int64 before = sqlite3_hard_heap_limit64(1);
    bool found = leaves_tree_init(&tree, &r.leaves, "arrivals", true);
    sqlite3_hard_heap_limit64(before);
    CU_ASSERT_FALSE(found);
    CU_ASSERT_EQUAL(leaves_tree_missing(&r.leaves, "arrivals"), STATUS_FAILED);
    CU_ASSERT_TRUE(r.leaves.error.no_memory);
    CU_ASSERT_FALSE(leaves_tree_init(&tree, &r.leaves, "nowhere", true));
    CU_ASSERT_EQUAL(leaves_tree_missing(&r.leaves, "nowhere"), STATUS_FAILED);
    CU_ASSERT_FALSE(r.leaves.error.no_memory);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.leaves.error.text, "nowhere is not there"));
    rig_drop(&r);
}

static const struct test tests[] = {
    {"rows that fill their leaves are written from where they lie, and found", lent},
    {"rows past SQLite are the rows that it reads", many_rows},
    {"a tree is ours and SQLite's in turn", in_turn},
    {"a tree of one row, and of none", few},
    {"a row that is too long for a leaf is SQLite's", too_long},
    {"a level for which there is no memory is told", no_memory},
    {"a tree is not missing for want of memory", no_memory_to_look},
};
SUITE("leaves", tests)
