/* seal.c - one SHA-256 over all that a case says.
 *
 *     magic  { 'T' table  'C' columns  { 'S' column }...  'D' digest }...
 *                                                               └─ of { 'R' value... }...
 */
#include "store/seal.h"

#include "store/seal_sum.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SEAL_TABLES_MAX = 1000 };

static const char seal_magic[] = "seine seal 2\n";

struct seal {
    sqlite3 *db;
    const struct seal_known *known;
    size_t known_count;
    struct seal_sum whole; /* the seal itself */
    struct seal_sum table; /* the rows of the table at hand */
};

static void add_name(struct seal *s, char letter, const char *name)
{
    seal_run(&s->whole, letter, span_of(name, strlen(name)));
}

/* False when there was no memory for the value. */
static bool add_value(struct seal *s, sqlite3_stmt *row, int column)
{
    const void *data;

    switch (sqlite3_column_type(row, column)) {
    case SQLITE_INTEGER:
        seal_int(&s->table, sqlite3_column_int64(row, column));
        return true;
    case SQLITE_NULL:
        seal_null(&s->table);
        return true;
    case SQLITE_FLOAT:
        seal_real(&s->table, sqlite3_column_double(row, column));
        return true;
    case SQLITE_TEXT:
        data = sqlite3_column_text(row, column);
        if (!data)
            return false;
        seal_text(&s->table, span_of(data, (size_t)sqlite3_column_bytes(row, column)));
        return true;
    default:
        data = sqlite3_column_blob(row, column); /* NULL for an empty one */
        if (!data && sqlite3_errcode(s->db) == SQLITE_NOMEM)
            return false;
        seal_blob(&s->table, span_of(data, (size_t)sqlite3_column_bytes(row, column)));
        return true;
    }
}

/* The digest of a table whose rows need not be read; NULL when they must be. */
static const uint8_t *find_known(const struct seal *s, const char *name)
{
    for (size_t i = 0; i < s->known_count; i++)
        if (strcmp(s->known[i].table, name) == 0)
            return s->known[i].value;
    return NULL;
}

static enum status seal_failed(const struct seal *s, const char *what, struct error *err)
{
    bool no_memory = (sqlite3_errcode(s->db) & 0xff) == SQLITE_NOMEM;
    return (no_memory ? error_no_memory : error_set)(err, "the seal cannot read %s: %s", what,
                                                     sqlite3_errmsg(s->db));
}

/* A table with the digest of every row that a statement gives. */
static enum status seal_rows(struct seal *s, const char *name, const char *sql, struct error *err)
{
    sqlite3_stmt *row;
    int rc = SQLITE_ROW;

    if (sqlite3_prepare_v2(s->db, sql, -1, &row, NULL) != SQLITE_OK)
        return seal_failed(s, name, err);
    int columns = sqlite3_column_count(row);
    add_name(s, 'T', name);
    seal_mark(&s->whole, 'C', (uint64_t)columns);
    bool whole = true;
    for (int i = 0; i < columns && whole; i++) {
        const char *column = sqlite3_column_name(row, i);
        whole = column != NULL;
        if (column)
            add_name(s, 'S', column);
    }
    uint8_t value[DIGEST_LEN];
    const uint8_t *known = find_known(s, name);
    while (!known && whole && (rc = sqlite3_step(row)) == SQLITE_ROW) {
        seal_row(&s->table);
        for (int i = 0; i < columns && whole; i++)
            whole = add_value(s, row, i);
    }
    if (!known)
        seal_sum_end(&s->table, value);
    seal_letter(&s->whole, 'D');
    seal_bytes(&s->whole, span_of(known ? known : value, DIGEST_LEN));
    enum status status = STATUS_OK;
    if (!whole)
        status = error_no_memory(err, "the seal found no memory");
    else if (!known && rc != SQLITE_DONE)
        status = seal_failed(s, name, err);
    sqlite3_finalize(row);
    return status;
}

/* The first row of a statement, which is freed: SQLITE_ROW with its first value as a text of the caller's
 * (sqlite3_free(); NULL where `text` is NULL, or the value is), SQLITE_DONE, or an error. A statement of NULL
 * is one for which there was no memory. */
static int first_row(struct seal *s, char *sql, char **text)
{
    sqlite3_stmt *row = NULL;
    int rc = sql ? sqlite3_prepare_v2(s->db, sql, -1, &row, NULL) : SQLITE_NOMEM;

    sqlite3_free(sql);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(row);
    if (text)
        *text = NULL;
    if (rc == SQLITE_ROW && text && sqlite3_column_type(row, 0) != SQLITE_NULL) {
        const char *value = (const char *)sqlite3_column_text(row, 0);
        *text = value ? sqlite3_mprintf("%s", value) : NULL;
        if (!*text)
            rc = SQLITE_NOMEM;
    }
    sqlite3_finalize(row);
    return rc;
}

/* What orders the rows of a table: the columns of its primary key, or a name by which its rowid can
 * be asked for; NULL when there is none. The functions that are asked here cannot be shadowed by a table of
 * the file: one called with arguments is an error. */
static int seal_order(struct seal *s, const char *name, bool without_rowid, char **order)
{
    static const char by_key[] =
        "SELECT group_concat(printf('\"%%w\"', name), ', ') FROM"
        " (SELECT name FROM pragma_table_xinfo(%Q, 'main') WHERE pk > 0 ORDER BY pk)";
    static const char by_rowid[] =
        "SELECT column1 FROM (VALUES ('rowid'), ('_rowid_'), ('oid')) WHERE NOT EXISTS"
        " (SELECT 1 FROM pragma_table_xinfo(%Q, 'main') WHERE lower(name) = column1)";
    return first_row(s, sqlite3_mprintf(without_rowid ? by_key : by_rowid, name), order);
}

/* Whether streams can have a policy: SQLITE_DONE for a case from before that has not the column. */
static int find_policies(struct seal *s)
{
    return first_row(s,
                     sqlite3_mprintf("SELECT 1 FROM pragma_table_xinfo('streams', 'main')"
                                     " WHERE name = 'policy'"),
                     NULL);
}

/* The statement for the rows that carry payload: only those of streams whose hash is of other bytes than
 * those that are stored. */
static int payload_sql(struct seal *s, const char *name, char **sql)
{
    int rc = find_policies(s);
    const char *other = rc == SQLITE_ROW
                            ? "s.policy IS NOT NULL AND s.conflicted > 0 AND s.sha256 IS NOT NULL"
                            : "0";

    *sql = NULL;
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return rc;
    if (strcmp(name, "stream_data") == 0)
        *sql = sqlite3_mprintf("SELECT d.* FROM main.streams AS s CROSS JOIN main.stream_data AS d"
                               " ON d.stream_id = s.stream_id WHERE %s ORDER BY s.stream_id",
                               other);
    else
        *sql = sqlite3_mprintf("SELECT d.* FROM main.streams AS s CROSS JOIN main.chunk_data AS d"
                               " ON d.stream_id = s.stream_id WHERE %s"
                               " ORDER BY s.stream_id, d.position, d.chunk_id",
                               other);
    return *sql ? SQLITE_ROW : SQLITE_NOMEM;
}

/* The statement for the rows of any other table. */
static int rows_sql(struct seal *s, const char *name, bool without_rowid, char **sql)
{
    char *order;
    int rc = seal_order(s, name, without_rowid, &order);

    *sql = NULL;
    if (rc == SQLITE_ROW && order) {
        *sql = sqlite3_mprintf("SELECT * FROM main.\"%w\" ORDER BY %s", name, order);
        rc = *sql ? SQLITE_ROW : SQLITE_NOMEM;
    }
    sqlite3_free(order);
    return rc;
}

static enum status seal_table(struct seal *s, const char *name, bool without_rowid,
                              struct error *err)
{
    bool payload = strcmp(name, "stream_data") == 0 || strcmp(name, "chunk_data") == 0;
    char *sql;
    int rc = payload ? payload_sql(s, name, &sql) : rows_sql(s, name, without_rowid, &sql);

    if ((rc & 0xff) == SQLITE_NOMEM)
        return error_no_memory(err, "the seal found no memory");
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return seal_failed(s, name, err);
    if (!sql)
        return error_set(err, "the seal cannot read %s: its rows have no order", name);
    enum status status = seal_rows(s, name, sql, err);
    sqlite3_free(sql);
    return status;
}

/* The tables of the file, in order of name. */
struct seal_item {
    char *name; /* owned, by sqlite3_free() */
    bool without_rowid;
};

struct seal_list {
    struct seal_item *items; /* owned */
    size_t count;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct seal_item *)a)->name, ((const struct seal_item *)b)->name);
}

static void list_release(struct seal_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        sqlite3_free(list->items[i].name);
    free(list->items);
}

/* Only such a table has columns to tell when it is asked for as if it were an index. */
static int is_without_rowid(struct seal *s, const char *name, bool *without_rowid)
{
    int rc = first_row(s, sqlite3_mprintf("PRAGMA main.index_info(%Q)", name), NULL);

    *without_rowid = rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* The tables with rows of their own. Not by PRAGMA table_list: it works out the columns of every view,
 * which takes for ever where a stranger nested them. */
static enum status list_tables(struct seal *s, struct seal_list *list, struct error *err)
{
    static const char sql[] = "SELECT name FROM main.sqlite_master"
                              " WHERE type = 'table' AND rootpage > 0 AND name <> 'runs'";
    sqlite3_stmt *row;
    int rc;

    list->items = malloc(SEAL_TABLES_MAX * sizeof *list->items);
    if (!list->items)
        return error_no_memory(err, "the seal found no memory");
    if (sqlite3_prepare_v2(s->db, sql, -1, &row, NULL) != SQLITE_OK)
        return seal_failed(s, "the list of tables", err);
    while ((rc = sqlite3_step(row)) == SQLITE_ROW && list->count < SEAL_TABLES_MAX) {
        const char *name = (const char *)sqlite3_column_text(row, 0);
        bool without_rowid;
        if (name && sqlite3_strnicmp(name, "sqlite_", 7) == 0)
            continue;
        char *copy = name ? sqlite3_mprintf("%s", name) : NULL;
        if (!copy || is_without_rowid(s, copy, &without_rowid) != SQLITE_OK) {
            sqlite3_free(copy);
            break;
        }
        list->items[list->count++] = (struct seal_item){copy, without_rowid};
    }
    sqlite3_finalize(row);
    if (rc == SQLITE_ROW && list->count < SEAL_TABLES_MAX)
        return error_no_memory(err, "the seal found no memory");
    if (rc == SQLITE_ROW)
        return error_set(err, "the seal covers at most %d tables", SEAL_TABLES_MAX);
    if (rc != SQLITE_DONE)
        return seal_failed(s, "the list of tables", err);
    qsort(list->items, list->count, sizeof *list->items, by_name);
    return STATUS_OK;
}

/* Views, triggers and virtual tables: their text. */
static enum status seal_texts(struct seal *s, struct error *err)
{
    return seal_rows(s, "sqlite_master",
                     "SELECT type, name, tbl_name, sql FROM main.sqlite_master"
                     " WHERE type <> 'index' AND (rootpage IS NULL OR rootpage = 0)"
                     " ORDER BY type, name",
                     err);
}

static enum status seal_all(struct seal *s, struct error *err)
{
    struct seal_list list = {NULL, 0};

    seal_bytes(&s->whole, span_of(seal_magic, sizeof seal_magic - 1));
    enum status status = list_tables(s, &list, err);
    for (size_t i = 0; i < list.count && status == STATUS_OK; i++)
        status = seal_table(s, list.items[i].name, list.items[i].without_rowid, err);
    if (status == STATUS_OK)
        status = seal_texts(s, err);
    list_release(&list);
    return status;
}

enum status seal_compute_known(sqlite3 *db, char hex[65], const struct seal_known *known,
                               size_t known_count, struct error *err)
{
    struct seal s = {.db = db, .known = known, .known_count = known_count};
    uint8_t value[DIGEST_LEN];
    enum status status;

    if (seal_sum_init(&s.whole) && seal_sum_init(&s.table)) {
        status = seal_all(&s, err);
        seal_sum_end(&s.whole, value);
        digest_hex(hex, value);
    } else {
        status = error_no_memory(err, "the seal found no memory");
    }
    seal_sum_release(&s.whole);
    seal_sum_release(&s.table);
    return status;
}

enum status seal_compute(sqlite3 *db, char hex[65], struct error *err)
{
    return seal_compute_known(db, hex, NULL, 0, err);
}
