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
    LEAVES = 4,
    PAGES = LEAF + LEAVES - 1,

    LEAF_HEAD = 8, /* bytes in front of the list of a leaf's cells, and of an inner page's */
    INNER_HEAD = 12,
    IS_LEAF = 0x0d, /* the first byte of such a page */
    IS_INNER = 0x05,

    NUMBER_MOST = 9,  /* bytes of a number of variable length */
    SERIAL_BLOB = 12, /* serial types of blobs and texts begin here */
    SERIAL_TEXT = 13,
};

_Static_assert((size_t)PAGES *PAGE == IMAGE_COST, "what is charged is what is taken");
_Static_assert(IMAGE_ROW_BYTES + IMAGE_COLUMNS * (NUMBER_MOST + 8) <= PAGE - 35,
               "no row spills (1.6)");
_Static_assert(LEAVES == sizeof((struct image *)0)->last / sizeof(int64_t), "a key for each leaf");

static uint8_t *page_at(const struct image *m, unsigned number)
{
    return m->bytes + (size_t)(number - 1) * PAGE;
}

static void put_u16(uint8_t *to, unsigned value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static void put_u32(uint8_t *to, uint32_t value)
{
    put_u16(to, value >> 16);
    put_u16(to + 2, value & 0xffff);
}

/* Seven bits a byte, the highest first; a ninth byte has eight. */
static uint8_t *put_number(uint8_t *to, uint64_t value)
{
    if (value < 0x80) { /* nearly always */
        *to++ = (uint8_t)value;
        return to;
    }
    unsigned bytes = 1;
    if (value >> 56) {
        to[8] = (uint8_t)value;
        value >>= 8;
        for (int i = 7; i >= 0; i--, value >>= 7)
            to[i] = (uint8_t)(0x80 | (value & 0x7f));
        return to + NUMBER_MOST;
    }
    while (bytes < 8 && value >> (7 * bytes))
        bytes++;
    for (unsigned i = 0; i < bytes; i++) {
        unsigned shift = 7 * (bytes - 1 - i);
        to[i] = (uint8_t)((value >> shift & 0x7f) | (shift > 0 ? 0x80 : 0));
    }
    return to + bytes;
}

static unsigned number_len(uint64_t value)
{
    unsigned bytes = 1;
    while (bytes < NUMBER_MOST && value >> (7 * bytes))
        bytes++;
    return bytes;
}

/* The serial type of an integer, and how many bytes it takes. */
static unsigned integer_type(int64_t value, unsigned *len)
{
    uint64_t size = value < 0 ? ~(uint64_t)value : (uint64_t)value;

    *len = 0;
    if (size < 2 && value >= 0)
        return 8 + (unsigned)value; /* 0 and 1 are types of their own */
    unsigned bits = size > 0 ? 65 - (unsigned)__builtin_clzll(size) : 1; /* with its sign */
    static const uint8_t types[9] = {1, 1, 2, 3, 4, 5, 5, 6, 6}, lens[7] = {0, 1, 2, 3, 4, 6, 8};
    unsigned type = types[(bits + 7) / 8];
    *len = lens[type];
    return type;
}

/* A record: the types of its values, then the values. */
struct record {
    uint64_t types[IMAGE_COLUMNS];
    unsigned lens[IMAGE_COLUMNS]; /* of integers */
    size_t head_len, body_len;
};

static void measure(struct record *r, const struct image_value *row, int columns)
{
    size_t head = 0, body = 0;

    for (int i = 0; i < columns; i++) {
        uint64_t type = 0;
        if (i == 0) {
            /* the key stands in the cell: here it is NULL */
        } else if (row[i].type == SQLITE_INTEGER) {
            type = integer_type(row[i].number, &r->lens[i]);
            body += r->lens[i];
        } else if (row[i].type != SQLITE_NULL) {
            type = 2 * (uint64_t)row[i].number +
                   (row[i].type == SQLITE_TEXT ? SERIAL_TEXT : SERIAL_BLOB);
            body += (size_t)row[i].number;
        }
        r->types[i] = type;
        head += type < 0x80 ? 1 : number_len(type);
    }
    r->head_len = head + 1; /* its own length counts */
    if (r->head_len >= 0x80)
        r->head_len++;
    r->body_len = body;
}

static void put_record(uint8_t *to, const struct record *r, const struct image_value *row,
                       int columns)
{
    to = put_number(to, r->head_len);
    for (int i = 0; i < columns; i++)
        to = put_number(to, r->types[i]);
    for (int i = 1; i < columns; i++) {
        if (row[i].type == SQLITE_INTEGER) {
            for (unsigned shift = 8 * r->lens[i]; shift > 0; shift -= 8)
                *to++ = (uint8_t)((uint64_t)row[i].number >> (shift - 8));
        } else if (row[i].type != SQLITE_NULL && row[i].number > 0) {
            memcpy(to, row[i].bytes, (size_t)row[i].number);
            to += row[i].number;
        }
    }
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
    put_u16(head + 1, 0); /* no free blocks */
    put_u16(head + 3, m->cells);
    put_u16(head + 5, (unsigned)m->end);
    head[7] = 0; /* and no fragments */
}

void image_clear(struct image *m)
{
    leaf_begin(m, LEAF);
}

bool image_add(struct image *m, const struct image_value *row, int columns)
{
    struct record r;

    assert(columns >= 1 && columns <= IMAGE_COLUMNS && row[0].type == SQLITE_INTEGER);
    measure(&r, row, columns);
    size_t payload = r.head_len + r.body_len;
    size_t len = number_len(payload) + number_len((uint64_t)row[0].number) + payload;
    assert(len <= PAGE - LEAF_HEAD - 2 && payload <= PAGE - 35); /* none spills (1.6) */
    if (LEAF_HEAD + 2 * ((size_t)m->cells + 1) + len > m->end) {
        if (m->page == PAGES)
            return false;
        leaf_end(m);
        leaf_begin(m, m->page + 1);
    }
    m->end -= len;
    put_u16(m->leaf + LEAF_HEAD + 2 * (size_t)m->cells, (unsigned)m->end);
    m->cells++;
    m->last[m->page - LEAF] = row[0].number;
    uint8_t *to = put_number(m->leaf + m->end, payload);
    to = put_number(to, (uint64_t)row[0].number);
    put_record(to, &r, row, columns);
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
        put_u32(cell, LEAF + i);
        size_t len = (size_t)(put_number(cell + 4, (uint64_t)m->last[i]) - cell);
        end -= len;
        memcpy(root + end, cell, len);
        put_u16(root + INNER_HEAD + 2 * (size_t)i, (unsigned)end);
    }
    root[0] = IS_INNER;
    put_u16(root + 1, 0);
    put_u16(root + 3, inner);
    put_u16(root + 5, (unsigned)end);
    root[7] = 0;
    put_u32(root + 8, m->page);
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
        put_u32(m->bytes + 28, PAGES); /* of the file's head: its length in pages */
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
