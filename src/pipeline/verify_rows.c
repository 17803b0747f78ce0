/* verify_rows.c - a case and what an ingest anew has made of its captures: are they the same, table by
 * table, row by row, column by column?
 *
 *     the case     ... key 7 │ a │ b ...      both walk in the order of the key, so that a row that only
 *     built anew   ... key 7 │ a │ c ...      one of them has is told from one that differs
 *
 * Of each table the first difference is told. The case may come from an enemy: only the case that was
 * built anew says which tables there are and what is in their keys. */
#include "pipeline/rebuilding.h"

#include <stdio.h>
#include <string.h>

enum { VALUE_SHOWN = 60 };

static enum status scratch_fault(struct rebuilding *b)
{
    return error_set(b->v->err, "the case that was built anew: %s", sqlite3_errmsg(b->scratch));
}

static int by_bytes(const void *a, int a_len, const void *b, int b_len)
{
    int len = a_len < b_len ? a_len : b_len;
    int order = len > 0 ? memcmp(a, b, (size_t)len) : 0;
    return order ? order : (a_len > b_len) - (a_len < b_len);
}

/* Where one value stands beside another, in the order of SQLite. 0 is: the same. */
static int by_value(sqlite3_stmt *a, sqlite3_stmt *b, int column)
{
    int type = sqlite3_column_type(a, column), other = sqlite3_column_type(b, column);

    if (type != other) /* the types that there are have numbers in this order, but for NULL */
        return (type == SQLITE_NULL ? 0 : type) - (other == SQLITE_NULL ? 0 : other);
    if (type == SQLITE_INTEGER) {
        int64_t x = sqlite3_column_int64(a, column), y = sqlite3_column_int64(b, column);
        return (x > y) - (x < y);
    }
    if (type == SQLITE_FLOAT) {
        double x = sqlite3_column_double(a, column), y = sqlite3_column_double(b, column);
        return (x > y) - (x < y);
    }
    if (type == SQLITE_NULL)
        return 0;
    const void *x = sqlite3_column_blob(a, column), *y = sqlite3_column_blob(b, column);
    return by_bytes(x, sqlite3_column_bytes(a, column), y, sqlite3_column_bytes(b, column));
}

static void show_value(struct verification *v, char *to, size_t room, sqlite3_stmt *s, int column)
{
    switch (sqlite3_column_type(s, column)) {
    case SQLITE_NULL:
        snprintf(to, room, "NULL");
        break;
    case SQLITE_TEXT:
        snprintf(to, room, "'%.*s'", VALUE_SHOWN, verification_text(v, s, column));
        break;
    case SQLITE_BLOB:
        snprintf(to, room, "%d bytes", sqlite3_column_bytes(s, column));
        break;
    default:
        snprintf(to, room, "%s", verification_text(v, s, column));
    }
}

/* A table in both cases. The columns of the primary key come first. */
struct table {
    const char *name;
    int columns, keys;
    sqlite3_stmt *is, *should_be; /* the row at hand; NULL behind the last */
};

/* "7" or "7, 0": the key of a row. */
static const char *show_key(struct verification *v, char *to, size_t room, const struct table *t,
                            sqlite3_stmt *row)
{
    size_t len = 0;
    to[0] = 0;
    for (int i = 0; i < t->keys && len < room; i++) {
        char value[2 * VALUE_SHOWN];
        show_value(v, value, sizeof value, row, i);
        len += (size_t)snprintf(to + len, room - len, "%s%s", i > 0 ? ", " : "", value);
    }
    return to;
}

static void say_value(struct rebuilding *b, const struct table *t, int column)
{
    char key[200], is[2 * VALUE_SHOWN], should_be[2 * VALUE_SHOWN];
    const char *name = sqlite3_column_name(t->should_be, column);

    show_key(b->v, key, sizeof key, t, t->is);
    show_value(b->v, is, sizeof is, t->is, column);
    show_value(b->v, should_be, sizeof should_be, t->should_be, column);
    if (strcmp(is, should_be) == 0)
        rebuilt_differs(b, "%s %s: its %s is not what the captures give", t->name, key, name);
    else
        rebuilt_differs(b, "%s %s: its %s is %s, but by the captures %s", t->name, key, name, is,
                        should_be);
}

/* The next row; NULL behind the last. */
static enum status next_row(struct rebuilding *b, const struct table *t, sqlite3_stmt **row)
{
    int step = sqlite3_step(*row);

    if (step == SQLITE_ROW)
        return STATUS_OK;
    if (step != SQLITE_DONE && row == &t->is)
        return verification_fault(b->v);
    if (step != SQLITE_DONE)
        return scratch_fault(b);
    sqlite3_finalize(*row);
    *row = NULL;
    return STATUS_OK;
}

/* Says how the rows at hand differ. True when they do. */
static bool rows_differ(struct rebuilding *b, const struct table *t)
{
    char key[200];
    int order = t->is ? -1 : 1, column = 0;

    if (t->is && t->should_be) {
        while (column < t->columns && (order = by_value(t->is, t->should_be, column)) == 0)
            column++;
        if (column == t->columns)
            return false;
        if (column >= t->keys) {
            say_value(b, t, column);
            return true;
        }
    }
    if (order < 0)
        rebuilt_differs(b, "%s %s: the captures give no such row", t->name,
                        show_key(b->v, key, sizeof key, t, t->is));
    else
        rebuilt_differs(b, "%s %s: the row that the captures give is not in the case", t->name,
                        show_key(b->v, key, sizeof key, t, t->should_be));
    return true;
}

/* Prepares the same statement on both. The columns: those of the key, then the others that both have. */
static enum status prepare_both(struct rebuilding *b, struct table *t)
{
    sqlite3_stmt *names;
    char *columns = NULL, *keys = NULL;
    enum status status = STATUS_OK;
    char *sql = sqlite3_mprintf("SELECT name, pk FROM pragma_table_info(%Q) "
                                "ORDER BY pk = 0, pk, cid",
                                t->name);

    if (!sql || sqlite3_prepare_v2(b->scratch, sql, -1, &names, NULL) != SQLITE_OK) {
        sqlite3_free(sql);
        return scratch_fault(b);
    }
    sqlite3_free(sql);
    while (sqlite3_step(names) == SQLITE_ROW) {
        const char *name = verification_text(b->v, names, 0), *type;
        bool is_key = sqlite3_column_int(names, 1) > 0;
        if (sqlite3_table_column_metadata(reader_db(b->v->reader), "main", t->name, name, &type,
                                          NULL, NULL, NULL, NULL) != SQLITE_OK)
            continue; /* from before there was this column: the case says nothing of it */
        columns = sqlite3_mprintf("%z%s\"%w\"", columns, t->columns > 0 ? ", " : "", name);
        if (is_key)
            keys = sqlite3_mprintf("%z%s\"%w\"", keys, t->keys > 0 ? ", " : "", name);
        t->columns++;
        t->keys += is_key;
    }
    sqlite3_finalize(names);
    sql = columns && keys
              ? sqlite3_mprintf("SELECT %s FROM main.\"%w\" ORDER BY %s", columns, t->name, keys)
              : NULL;
    if (!sql)
        status = error_set(b->v->err, "table %s has no key", t->name);
    if (status == STATUS_OK)
        status = reader_prepare(b->v->reader, &t->is, sql, b->v->err);
    if (status == STATUS_OK &&
        sqlite3_prepare_v2(b->scratch, sql, -1, &t->should_be, NULL) != SQLITE_OK)
        status = scratch_fault(b);
    sqlite3_free(sql);
    sqlite3_free(columns);
    sqlite3_free(keys);
    return status;
}

/* Tells the first difference of a table. */
static enum status compare_table(struct rebuilding *b, const char *name)
{
    struct table t = {.name = name};
    enum status status = prepare_both(b, &t);

    while (status == STATUS_OK) {
        if (rebuilt_is_stopped(b))
            status = error_set(b->v->err, "interrupted");
        if (t.is && status == STATUS_OK)
            status = next_row(b, &t, &t.is);
        if (status == STATUS_OK && t.should_be)
            status = next_row(b, &t, &t.should_be);
        if (status != STATUS_OK || (!t.is && !t.should_be) || rows_differ(b, &t))
            break;
        b->rows++;
    }
    sqlite3_finalize(t.is);
    sqlite3_finalize(t.should_be);
    return status;
}

static enum status compare_tables(struct rebuilding *b)
{
    sqlite3_stmt *s;
    enum status status = STATUS_OK;

    if (sqlite3_prepare_v2(b->scratch,
                           "SELECT name FROM sqlite_master WHERE type = 'table'"
                           " AND name <> 'runs' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
                           " ORDER BY name",
                           -1, &s, NULL) != SQLITE_OK)
        return scratch_fault(b);
    int step = SQLITE_DONE;
    while (status == STATUS_OK && (step = sqlite3_step(s)) == SQLITE_ROW)
        status = compare_table(b, verification_text(b->v, s, 0));
    if (status == STATUS_OK && step != SQLITE_DONE)
        status = scratch_fault(b);
    sqlite3_finalize(s);
    return status;
}

/* Whether a table of the case has some of the columns that an ingest makes, each as it is made, and no other: one from
 * before there were all of them. Where all are there its text must be ours, comments included. */
static enum status is_older(struct rebuilding *b, const char *name, bool *older)
{
    sqlite3_stmt *theirs, *ours = NULL;
    int step = SQLITE_DONE, found = SQLITE_ROW, count = 0, all = 0;
    enum status status = reader_prepare(
        b->v->reader, &theirs,
        "SELECT name, type, \"notnull\", pk, hidden FROM pragma_table_xinfo(?1, 'main')",
        b->v->err);

    if (status == STATUS_OK &&
        sqlite3_prepare_v2(b->scratch,
                           "SELECT (SELECT count(*) FROM pragma_table_xinfo(?6, 'main'))"
                           " FROM pragma_table_xinfo(?6, 'main') WHERE name = ?1 AND type = ?2"
                           " AND \"notnull\" = ?3 AND pk = ?4 AND hidden = ?5",
                           -1, &ours, NULL) != SQLITE_OK)
        status = scratch_fault(b);
    if (status == STATUS_OK)
        sqlite3_bind_text(theirs, 1, name, -1, SQLITE_TRANSIENT);
    while (status == STATUS_OK && found == SQLITE_ROW &&
           (step = sqlite3_step(theirs)) == SQLITE_ROW) {
        sqlite3_reset(ours);
        for (int i = 0; i < 5; i++)
            sqlite3_bind_value(ours, i + 1, sqlite3_column_value(theirs, i));
        sqlite3_bind_text(ours, 6, name, -1, SQLITE_TRANSIENT);
        found = sqlite3_step(ours);
        all = found == SQLITE_ROW ? sqlite3_column_int(ours, 0) : 0;
        count++;
    }
    if (status == STATUS_OK && found != SQLITE_ROW && found != SQLITE_DONE)
        status = scratch_fault(b);
    else if (status == STATUS_OK && step != SQLITE_ROW && step != SQLITE_DONE)
        status = verification_fault(b->v);
    sqlite3_finalize(theirs);
    sqlite3_finalize(ours);
    *older = count > 0 && count < all;
    return status;
}

/* Tables, views and triggers that no ingest makes. Indexes may be added: the database is found to be
 * whole, so they say what their tables say. */
static enum status compare_schema(struct rebuilding *b)
{
    sqlite3_stmt *s, *ours = NULL;
    int step = SQLITE_DONE;
    enum status status = reader_prepare(b->v->reader, &s,
                                        "SELECT type, name, sql, type = 'table' AND rootpage > 0"
                                        " FROM main.sqlite_master WHERE type <> 'index'"
                                        " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
                                        b->v->err);

    if (status == STATUS_OK &&
        sqlite3_prepare_v2(b->scratch,
                           "SELECT 1 FROM sqlite_master WHERE type = ?1 AND name = ?2 AND sql = ?3",
                           -1, &ours, NULL) != SQLITE_OK)
        status = scratch_fault(b);
    while (status == STATUS_OK && (step = sqlite3_step(s)) == SQLITE_ROW) {
        for (int i = 0; i < 3; i++)
            sqlite3_bind_text(ours, i + 1, verification_text(b->v, s, i), -1, SQLITE_STATIC);
        int found = sqlite3_step(ours);
        bool is_ours = found == SQLITE_ROW;
        if (found != SQLITE_ROW && found != SQLITE_DONE)
            status = scratch_fault(b);
        else if (!is_ours && sqlite3_column_int(s, 3))
            status = is_older(b, verification_text(b->v, s, 1), &is_ours);
        if (status == STATUS_OK && !is_ours)
            rebuilt_differs(b, "%.20s %.60s: it is none that an ingest makes",
                            verification_text(b->v, s, 0), verification_text(b->v, s, 1));
        sqlite3_reset(ours);
    }
    if (status == STATUS_OK && step != SQLITE_DONE)
        status = verification_fault(b->v);
    sqlite3_finalize(s);
    sqlite3_finalize(ours);
    return status;
}

enum status rebuilt_compare(struct rebuilding *b)
{
    enum status status = compare_schema(b);
    return status == STATUS_OK ? compare_tables(b) : status;
}
