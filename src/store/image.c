/* image.c - rows as the leaves of a table. */
#include "store/image.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAGE = 32768,
    FIRST = 1, /* the page with the declaration of the table */
    ROOT = 2,
    LEAF = 3, /* the first of them */
    LEAVES = 2,
    PAGES = LEAF + LEAVES - 1,

    LEAF_HEAD = 8, /* bytes in front of the list of a leaf's cells, and of an inner page's */
    INNER_HEAD = 12,
    IS_LEAF = 0x0d, /* the first byte of such a page */
    IS_INNER = 0x05,
};

_Static_assert((size_t)PAGES *PAGE == IMAGE_COST, "what is charged is what is taken");
_Static_assert(IMAGE_ROW_BYTES + IMAGE_COLUMNS * (NUMBER_MOST + 8) <= PAGE - 35,
               "no row spills (1.6)");
_Static_assert(LEAVES == sizeof((struct image *)0)->last / sizeof(int64_t), "a key for each leaf");

static uint8_t *page_at(const struct image *m, unsigned number)
{
    return m->bytes + (size_t)(number - 1) * PAGE;
}

/* ---- pages ---- */

static void leaf_begin(struct image *m, unsigned page)
{
    m->page = page;
    m->leaf = page_at(m, page);
    m->cells = 0;
    m->end = PAGE;
}

static void leaf_end(struct image *m)
{
    uint8_t *head = m->leaf;

    head[0] = IS_LEAF;
    u16_put(head + 1, 0); /* no free blocks */
    u16_put(head + 3, m->cells);
    u16_put(head + 5, (unsigned)m->end);
    head[7] = 0; /* and no fragments */
}

void image_clear(struct image *m)
{
    leaf_begin(m, LEAF);
}

bool image_add(struct image *m, const struct row_value *row, int columns)
{
    struct record r;

    assert(columns >= 1 && columns <= IMAGE_COLUMNS && row[0].type == SQLITE_INTEGER);
    record_measure(&r, row, columns, true);
    size_t len = number_len(r.len) + number_len((uint64_t)row[0].number) + r.len;
    assert(len <= PAGE - LEAF_HEAD - 2 && r.len <= PAGE - 35); /* none spills (1.6) */
    if (LEAF_HEAD + 2 * ((size_t)m->cells + 1) + len > m->end) {
        if (m->page == PAGES)
            return false;
        leaf_end(m);
        leaf_begin(m, m->page + 1);
    }
    m->end -= len;
    u16_put(m->leaf + LEAF_HEAD + 2 * (size_t)m->cells, (unsigned)m->end);
    m->cells++;
    m->last[m->page - LEAF] = row[0].number;
    uint8_t *to = number_put(m->leaf + m->end, r.len);
    to = number_put(to, (uint64_t)row[0].number);
    record_put(to, &r, row, columns, true);
    return true;
}

void image_end(struct image *m)
{
    uint8_t *root = page_at(m, ROOT);
    unsigned inner = m->page - LEAF; /* cells of the root; the last leaf has none */
    size_t end = PAGE;

    leaf_end(m);
    if (inner == 0) { /* the root is the leaf */
        memcpy(root, m->leaf, LEAF_HEAD + 2 * (size_t)m->cells);
        memcpy(root + m->end, m->leaf + m->end, PAGE - m->end);
        return;
    }
    for (unsigned i = 0; i < inner; i++) {
        uint8_t cell[4 + NUMBER_MOST];
        u32_put(cell, LEAF + i);
        size_t len = (size_t)(number_put(cell + 4, (uint64_t)m->last[i]) - cell);
        end -= len;
        memcpy(root + end, cell, len);
        u16_put(root + INNER_HEAD + 2 * (size_t)i, (unsigned)end);
    }
    root[0] = IS_INNER;
    u16_put(root + 1, 0);
    u16_put(root + 3, inner);
    u16_put(root + 5, (unsigned)end);
    root[7] = 0;
    u32_put(root + 8, m->page);
}

/* ---- the database ---- */

static int run(sqlite3 *db, char *sql)
{
    int rc = sql ? sqlite3_exec(db, sql, NULL, NULL, NULL) : SQLITE_NOMEM;
    sqlite3_free(sql);
    return rc;
}

/* The words that declare a table; sqlite3_free(). */
static int find_declaration(sqlite3 *db, const char *table, char **words)
{
    static const char sql[] =
        "SELECT sql FROM main.sqlite_master WHERE type = 'table' AND name = ?1";
    sqlite3_stmt *s;
    int rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);

    *words = NULL;
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_text(s, 1, table, -1, SQLITE_STATIC);
    rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(s, 0);
        *words = text ? sqlite3_mprintf("%s", text) : NULL;
        rc = *words ? SQLITE_OK : SQLITE_NOMEM;
    }
    sqlite3_finalize(s);
    return rc;
}

/* A database with an empty table, as SQLite makes it: page FIRST and page ROOT. */
static int make_empty(struct image *m, char *declaration)
{
    sqlite3 *db = NULL;
    sqlite3_int64 len = 0;
    int rc = sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

    if (rc == SQLITE_OK)
        rc = run(db, sqlite3_mprintf("PRAGMA page_size = %d", PAGE));
    if (rc == SQLITE_OK)
        rc = run(db, declaration);
    else
        sqlite3_free(declaration);
    uint8_t *made = rc == SQLITE_OK ? sqlite3_serialize(db, "main", &len, 0) : NULL;
    if (rc == SQLITE_OK && !made)
        rc = SQLITE_NOMEM;
    if (rc == SQLITE_OK && len != (sqlite3_int64)ROOT * PAGE)
        rc = SQLITE_INTERNAL;
    if (rc == SQLITE_OK) {
        m->bytes = sqlite3_malloc64((sqlite3_uint64)PAGES * PAGE);
        rc = m->bytes ? SQLITE_OK : SQLITE_NOMEM;
    }
    if (rc == SQLITE_OK) {
        memcpy(m->bytes, made, (size_t)len);
        memset(m->bytes + len, 0, (size_t)PAGES * PAGE - (size_t)len);
        u32_put(m->bytes + 28, PAGES); /* of the file's head: its length in pages */
    }
    sqlite3_free(made);
    sqlite3_close(db);
    return rc;
}

int image_open(struct image *m, sqlite3 *db, const char *schema, const char *table)
{
    char *declaration;
    int rc = find_declaration(db, table, &declaration);

    *m = (struct image){0};
    if (rc == SQLITE_OK)
        rc = make_empty(m, declaration);
    if (rc == SQLITE_OK)
        rc = run(db, sqlite3_mprintf("ATTACH ':memory:' AS \"%w\"", schema));
    if (rc != SQLITE_OK) {
        sqlite3_free(m->bytes);
        m->bytes = NULL;
        return rc;
    }
    rc = sqlite3_deserialize(db, schema, m->bytes, (sqlite3_int64)PAGES * PAGE,
                             (sqlite3_int64)PAGES * PAGE,
                             SQLITE_DESERIALIZE_READONLY | SQLITE_DESERIALIZE_FREEONCLOSE);
    if (rc == SQLITE_OK) /* mapped, so that no page is kept from one use to the next */
        rc = run(db, sqlite3_mprintf("PRAGMA \"%w\".mmap_size = %d", schema, PAGES * PAGE));
    if (rc == SQLITE_OK)
        image_clear(m);
    else
        m->bytes = NULL; /* freed, or the connection's */
    return rc;
}
