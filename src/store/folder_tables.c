/* folder_tables.c - the tables of many cases as one.
 *
 * A walk asks one slice after the other. In the order of a time it merges: each slice is asked when its turn may have
 * come, and the rows at hand of those that are open are compared (folder_order.h). */
#include "store/folder_tables.h"

#include "store/folder_kinds.h"
#include "store/folder_order.h"
#include "store/folder_plan.h"
#include "store/schema.h"
#include "store/tables.h"
#include "store/vtab.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More than a plan counts with: between plan and walk slices may come. */
enum { LANES_MAX = 2 * MERGED_MAX };

struct many {
    struct folder *folder;
    struct kinds kinds;
    unsigned cursors; /* that are open */
    unsigned walking; /* of these, that are between their first row and their last */
};

struct many_table {
    sqlite3_vtab base;
    struct many *many;
    const struct kind *kind;
};

/* A slice that is being read. */
struct lane {
    struct open_slice *open; /* it, pinned; NULL: not in use */
    struct slice slice;      /* it, as it was when it was opened */
    sqlite3_stmt *statement;
    int64_t time;               /* of the row at hand, where lanes are merged */
    int place[COLUMNS_MAX + 1]; /* of each column in the statement; -1: the slice has none such */
};

struct many_cursor {
    sqlite3_vtab_cursor base;
    struct plan plan;
    struct folder_wish wish;
    sqlite3_value *values[TERMS_MAX]; /* of the terms; owned */
    uint32_t number;                  /* of the slice that was asked last */
    struct slice_walk walk;           /* those that are not asked yet, where they are merged */
    struct lane lanes[LANES_MAX];     /* the first alone, where they are not */
    struct lane *row;                 /* the one whose row is at hand; NULL before the first */
    bool end;
};

static enum status of_memory(struct error *err)
{
    return error_no_memory(err, "no memory for the tables of many cases");
}

static void many_free(void *context)
{
    struct many *m = context;

    kinds_release(&m->kinds);
    folder_close(m->folder);
    free(m);
}

/* ---- the virtual table ---- */

static int many_failed(sqlite3_vtab *vtab, const struct error *err)
{
    if (err->no_memory)
        return SQLITE_NOMEM;
    sqlite3_free(vtab->zErrMsg);
    vtab->zErrMsg = sqlite3_mprintf("%s", err->text);
    return SQLITE_ERROR;
}

/* CREATE VIRTUAL TABLE name USING slices_of(kind) */
static int many_connect(sqlite3 *db, void *aux, int argc, const char *const *argv,
                        sqlite3_vtab **vtab, char **message)
{
    struct many *m = aux;
    const struct kind *kind = NULL;
    struct buffer declaration;

    for (size_t i = 0; argc > 3 && i < m->kinds.count; i++) {
        if (strcmp(argv[3], m->kinds.kinds[i].name) == 0)
            kind = &m->kinds.kinds[i];
    }
    if (!kind) {
        *message = sqlite3_mprintf("there is no such table in a case");
        return SQLITE_ERROR;
    }
    buffer_init(&declaration, QUESTION_MAX);
    int rc = kind_declaration(&declaration, kind)
                 ? sqlite3_declare_vtab(db, buffer_text(&declaration))
                 : SQLITE_NOMEM;
    buffer_release(&declaration);
    if (rc != SQLITE_OK)
        return rc;
    struct many_table *t = sqlite3_malloc(sizeof *t);
    if (!t)
        return SQLITE_NOMEM;
    *t = (struct many_table){.many = m, .kind = kind};
    sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS); /* the views of the schema read it */
    *vtab = &t->base;
    return SQLITE_OK;
}

static int many_disconnect(sqlite3_vtab *vtab)
{
    sqlite3_free(vtab);
    return SQLITE_OK;
}

static int many_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    const struct many_table *t = (const struct many_table *)vtab;
    return plan_make(info, t->kind, t->many->folder);
}

static int many_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **cursor)
{
    struct many_cursor *c = sqlite3_malloc(sizeof *c);
    if (!c)
        return SQLITE_NOMEM;
    memset(c, 0, sizeof *c);
    c->end = true;
    ((struct many_table *)vtab)->many->cursors++;
    *cursor = &c->base;
    return SQLITE_OK;
}

static struct many *many_of(const struct many_cursor *c)
{
    return ((const struct many_table *)c->base.pVtab)->many;
}

static const struct kind *kind_of(const struct many_cursor *c)
{
    return ((const struct many_table *)c->base.pVtab)->kind;
}

/* Leaves the slice. */
static void lane_leave(struct many_cursor *c, struct lane *l)
{
    if (l->statement)
        open_slice_give_back(l->open, l->statement);
    l->statement = NULL;
    if (l->open)
        folder_unpin(many_of(c)->folder, l->open);
    l->open = NULL;
}

/* The walk is over. */
static void cursor_end(struct many_cursor *c)
{
    for (int i = 0; i < LANES_MAX; i++)
        lane_leave(c, &c->lanes[i]);
    slice_walk_close(&c->walk);
    if (!c->end)
        many_of(c)->walking--;
    c->end = true;
}

static void cursor_clear(struct many_cursor *c)
{
    cursor_end(c);
    for (int i = 0; i < TERMS_MAX; i++) {
        sqlite3_value_free(c->values[i]);
        c->values[i] = NULL;
    }
}

static int many_close(sqlite3_vtab_cursor *cursor)
{
    struct many_cursor *c = (struct many_cursor *)cursor;
    struct many *m = many_of(c);

    cursor_clear(c);
    sqlite3_free(c);
    if (--m->cursors == 0)
        folder_rest(m->folder);
    return SQLITE_OK;
}

/* A case may have tables or views of its own under the names of those that are decoded: then what it would
 * answer is not what seine decodes. */
static enum status check_strangers(struct open_slice *open, const char *name, struct error *err)
{
    struct reader *reader = open_slice_reader(open);
    sqlite3_stmt *row;
    enum status status =
        reader_prepare(reader, &row,
                       "SELECT 1 FROM main.sqlite_schema WHERE type IN ('table', 'view') AND"
                       " lower(name) = ?1",
                       err);

    if (status != STATUS_OK)
        return status;
    sqlite3_bind_text(row, 1, name, -1, SQLITE_STATIC);
    int rc = sqlite3_step(row);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        status = reader_fault(reader, err);
    if (rc == SQLITE_ROW)
        status = error_set(err, "%s is left out: it has a table or view of its own named %s",
                           reader_path(reader), name);
    sqlite3_finalize(row);
    return status;
}

/* Asks a slice. STATUS_END: there is nothing to ask any more; what there was to tell is told. */
static enum status lane_ask(struct many_cursor *c, struct lane *l, uint32_t number,
                            struct error *err)
{
    const struct kind *k = kind_of(c);
    struct folder *folder = many_of(c)->folder;
    uint64_t present = 0;
    struct buffer sql;

    enum status status = folder_pin(folder, &l->open, number, err);
    if (status != STATUS_OK)
        return status;
    l->slice = *open_slice_of(l->open);
    buffer_init(&sql, QUESTION_MAX);
    if (k->decoded && !open_slice_knows(l->open, k->key))
        status = check_strangers(l->open, k->name, err);
    if (status == STATUS_OK)
        status =
            open_slice_columns(l->open, &present, k->key, k->name, k->names, (size_t)k->count, err);
    if (status == STATUS_OK && present != 0) {
        status = plan_question(&sql, l->place, &c->plan, k, &l->slice, c->values, present)
                     ? open_slice_statement(l->open, &l->statement, buffer_text(&sql), err)
                     : of_memory(err);
        if (status == STATUS_OK)
            plan_bind(l->statement, &c->plan, k, &l->slice, c->values);
    }
    buffer_release(&sql);
    if (status == STATUS_OK && present != 0)
        return STATUS_OK;
    lane_leave(c, l);
    if (status == STATUS_FAILED && err->no_memory)
        return status;
    if (status == STATUS_FAILED)
        folder_give_up(folder, number, err);
    return STATUS_END;
}

/* The time of the row at hand; false when it is no number, as a stranger may have it. */
static bool lane_time(struct lane *l, const struct plan *p)
{
    int at = l->place[p->order];
    if (at < 0 || sqlite3_column_type(l->statement, at) != SQLITE_INTEGER)
        return false;
    l->time = sqlite3_column_int64(l->statement, at);
    return true;
}

/* Goes to the next row of a slice: SQLITE_ROW; SQLITE_DONE when it has been left; or what is to be told SQLite. */
static int lane_step(struct many_cursor *c, struct lane *l)
{
    struct folder *folder = many_of(c)->folder;
    struct reader *reader = open_slice_reader(l->open);
    struct error err = {0};

    int rc = sqlite3_step(l->statement);
    if (rc == SQLITE_ROW && (!c->plan.merged || lane_time(l, &c->plan)))
        return SQLITE_ROW;
    if (rc == SQLITE_ROW) {
        error_set(&err, "reading %s: a time is no number", reader_path(reader));
        folder_give_up(folder, l->slice.number, &err);
    } else if (rc != SQLITE_DONE && rc != SQLITE_INTERRUPT && rc != SQLITE_NOMEM) {
        reader_fault(reader, &err);
        bool called = kind_of(c)->called; /* of one stream: its own sentence names the slice */
        if (called && !err.no_memory)
            error_set(&err, "%s", sqlite3_errmsg(reader_db(reader)));
        if (called || err.no_memory) {
            lane_leave(c, l);
            return many_failed(c->base.pVtab, &err);
        }
        folder_give_up(folder, l->slice.number, &err);
    }
    lane_leave(c, l);
    return rc == SQLITE_INTERRUPT || rc == SQLITE_NOMEM ? rc : SQLITE_DONE;
}

/* The next row of this slice, or the first of one of those behind it. */
static int next_in_line(struct many_cursor *c)
{
    struct folder *folder = many_of(c)->folder;
    struct lane *l = c->row = &c->lanes[0];
    struct error err = {0};

    for (;;) {
        int rc = l->open ? lane_step(c, l) : SQLITE_DONE;
        if (rc != SQLITE_DONE)
            return rc == SQLITE_ROW ? SQLITE_OK : rc;
        enum status status =
            folder_next(folder, &c->number, c->number, c->plan.backwards, &c->wish, &err);
        if (status == STATUS_END) {
            cursor_end(c);
            return SQLITE_OK;
        }
        if (status == STATUS_FAILED || lane_ask(c, l, c->number, &err) == STATUS_FAILED)
            return many_failed(c->base.pVtab, &err);
    }
}

/* Whether a row comes before another; of the same time, that of the slice whose ids are lower. */
static bool comes_before(const struct many_cursor *c, const struct lane *l,
                         const struct lane *other)
{
    if (l->time != other->time)
        return slice_walk_before(&c->walk, l->time, other->time);
    return c->plan.backwards ? l->slice.number > other->slice.number
                             : l->slice.number < other->slice.number;
}

static struct lane *first_lane(struct many_cursor *c)
{
    struct lane *first = NULL;

    for (int i = 0; i < LANES_MAX; i++) {
        struct lane *l = &c->lanes[i];
        if (l->open && (!first || comes_before(c, l, first)))
            first = l;
    }
    return first;
}

/* Opens the slice whose turn it is, at its first row; SQLite's code. */
static int open_turn(struct many_cursor *c)
{
    const struct slice_turn *turn = slice_walk_next(&c->walk);
    struct error err = {0};
    int i = 0;

    while (i < LANES_MAX && c->lanes[i].open)
        i++;
    if (i == LANES_MAX) {
        error_set(&err, "more than %d slices have rows of the same time now: ask again", LANES_MAX);
        return many_failed(c->base.pVtab, &err);
    }
    c->walk.at++;
    enum status status = lane_ask(c, &c->lanes[i], turn->number, &err);
    if (status != STATUS_OK)
        return status == STATUS_FAILED ? many_failed(c->base.pVtab, &err) : SQLITE_OK;
    int rc = lane_step(c, &c->lanes[i]);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* The first of the rows that all lanes have at hand, once no slice that is not open yet can have one before it. */
static int next_in_time(struct many_cursor *c)
{
    if (c->row && c->row->open) {
        int rc = lane_step(c, c->row);
        if (rc != SQLITE_ROW && rc != SQLITE_DONE)
            return rc;
    }
    for (;;) {
        struct lane *first = first_lane(c);
        const struct slice_turn *turn = slice_walk_next(&c->walk);
        if (!turn || (first && slice_walk_before(&c->walk, first->time, turn->bound))) {
            c->row = first;
            if (!first)
                cursor_end(c);
            return SQLITE_OK;
        }
        int rc = open_turn(c);
        if (rc != SQLITE_OK)
            return rc;
    }
}

static int many_next(sqlite3_vtab_cursor *cursor)
{
    struct many_cursor *c = (struct many_cursor *)cursor;
    return c->plan.merged ? next_in_time(c) : next_in_line(c);
}

static int many_filter(sqlite3_vtab_cursor *cursor, int index, const char *index_text, int argc,
                       sqlite3_value **argv)
{
    struct many_cursor *c = (struct many_cursor *)cursor;
    const struct many_table *t = (const struct many_table *)cursor->pVtab;
    struct error err = {0};

    cursor_clear(c);
    if (index == VTAB_NONE) {
        error_set(&err, "%s() needs a stream, as in %s(5)", t->kind->name, t->kind->name);
        return many_failed(cursor->pVtab, &err);
    }
    plan_read(&c->plan, t->kind, index_text);
    assert(argc == c->plan.count);
    /* one statement sees one list of slices */
    if (t->many->walking == 0 && folder_refresh(t->many->folder, &err) != STATUS_OK)
        return many_failed(cursor->pVtab, &err);
    folder_wish_all(&c->wish);
    for (int i = 0; i < argc; i++) {
        const struct column *column = &t->kind->columns[c->plan.terms[i].column];
        int type =
            column->type == 'i' ? sqlite3_value_numeric_type(argv[i]) : sqlite3_value_type(argv[i]);
        c->values[i] = sqlite3_value_dup(argv[i]);
        if (!c->values[i])
            return SQLITE_NOMEM;
        bool argument = t->kind->called && c->plan.terms[i].op == '=' && plan_is_argument(column);
        if (argument && plan_check_argument(column, t->kind->name, argv[i], &err) != STATUS_OK)
            return many_failed(cursor->pVtab, &err);
        if (argument && type == SQLITE_NULL && column->role != ROLE_STREAM)
            continue;
        if (type == SQLITE_NULL) /* nothing compares with it */
            c->wish.nothing = true;
        else if (column->type == 'i' && (type == SQLITE_INTEGER || type == SQLITE_FLOAT))
            plan_narrow(&c->wish, t->kind, &c->plan.terms[i], argv[i]);
    }
    if (c->plan.merged &&
        slice_walk_open(&c->walk, t->many->folder, &c->wish, c->plan.backwards, &err) != STATUS_OK)
        return many_failed(cursor->pVtab, &err);
    c->row = NULL;
    c->number = 0;
    c->end = false;
    t->many->walking++;
    return many_next(cursor);
}

static int many_eof(sqlite3_vtab_cursor *cursor)
{
    return ((struct many_cursor *)cursor)->end;
}

static int many_column(sqlite3_vtab_cursor *cursor, sqlite3_context *context, int column)
{
    const struct lane *l = ((struct many_cursor *)cursor)->row;
    const struct kind *k = ((const struct many_table *)cursor->pVtab)->kind;
    enum role role = k->columns[column].role;

    if (role == ROLE_SLICE) {
        sqlite3_result_int64(context, l->slice.number);
        return SQLITE_OK;
    }
    int at = l->place[column];
    if (at < 0)
        return SQLITE_OK; /* NULL */
    switch (sqlite3_column_type(l->statement, at)) {
    case SQLITE_INTEGER: {
        int64_t value = sqlite3_column_int64(l->statement, at);
        sqlite3_result_int64(context, role_shown(&l->slice, role, value));
        break;
    }
    case SQLITE_FLOAT:
        sqlite3_result_double(context, sqlite3_column_double(l->statement, at));
        break;
    case SQLITE_TEXT: {
        const char *text = (const char *)sqlite3_column_text(l->statement, at);
        if (text && role == ROLE_STATUS)
            sqlite3_result_text(context, reader_evidence_status(open_slice_reader(l->open), text),
                                -1, SQLITE_STATIC);
        else if (text)
            sqlite3_result_text(context, text, sqlite3_column_bytes(l->statement, at),
                                SQLITE_TRANSIENT);
        break;
    }
    case SQLITE_BLOB:
        sqlite3_result_blob(context, sqlite3_column_blob(l->statement, at),
                            sqlite3_column_bytes(l->statement, at), SQLITE_TRANSIENT);
        break;
    default:
        break;
    }
    return SQLITE_OK;
}

/* The same for the same row however it was reached, and another for each (tables.c says what for): the key. Tables
 * without such a one have no rowid here. */
static int many_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *rowid)
{
    const struct lane *l = ((const struct many_cursor *)cursor)->row;
    const struct kind *k = ((const struct many_table *)cursor->pVtab)->kind;
    int at = k->rowid < 0 ? -1 : l->place[k->rowid];
    int64_t id = at < 0 ? 0 : sqlite3_column_int64(l->statement, at);
    enum role role = k->rowid < 0 ? ROLE_PLAIN : k->columns[k->rowid].role;

    *rowid = role_shown(&l->slice, role, id);
    return SQLITE_OK;
}

static const sqlite3_module many_methods = {
    .iVersion = 0,
    .xCreate = many_connect,
    .xConnect = many_connect,
    .xBestIndex = many_best_index,
    .xDisconnect = many_disconnect,
    .xDestroy = many_disconnect,
    .xOpen = many_open,
    .xClose = many_close,
    .xFilter = many_filter,
    .xNext = many_next,
    .xEof = many_eof,
    .xColumn = many_column,
    .xRowid = many_rowid,
};

/* ---- putting it up ---- */

static enum status failed(sqlite3 *db, struct error *err)
{
    if (sqlite3_errcode(db) == SQLITE_NOMEM)
        return of_memory(err);
    return error_set(err, "the tables of many cases cannot be made: %s", sqlite3_errmsg(db));
}

static enum status run(sqlite3 *db, const char *sql, struct error *err)
{
    if (!sql)
        return of_memory(err);
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? STATUS_OK : failed(db, err);
}

static enum status tables_make(sqlite3 *db, const struct many *m, struct error *err)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < m->kinds.count && status == STATUS_OK; i++) {
        char *sql = sqlite3_mprintf("CREATE VIRTUAL TABLE \"%w\" USING slices_of(%s)",
                                    m->kinds.kinds[i].shown, m->kinds.kinds[i].name);
        status = run(db, sql, err);
        sqlite3_free(sql);
    }
    if (status != STATUS_OK)
        return status;
    /* the casts give the columns the type that they have in a case */
    return run(db,
               "CREATE VIEW hosts AS SELECT ip, addr, CAST(min(first_ns) AS INTEGER) AS first_ns,"
               " CAST(max(last_ns) AS INTEGER) AS last_ns,"
               " CAST(sum(flows_as_client) AS INTEGER) AS flows_as_client,"
               " CAST(sum(flows_as_server) AS INTEGER) AS flows_as_server"
               " FROM host_rows GROUP BY addr, ip",
               err);
}

/* The views of the schema, as they are. */
static enum status views_make(sqlite3 *db, sqlite3 *model, struct error *err)
{
    sqlite3_stmt *row;
    enum status status = STATUS_OK;
    int rc = SQLITE_DONE;

    if (sqlite3_prepare_v2(model,
                           "SELECT sql FROM sqlite_schema WHERE type = 'view' ORDER BY rowid", -1,
                           &row, NULL) != SQLITE_OK)
        return failed(model, err);
    while (status == STATUS_OK && (rc = sqlite3_step(row)) == SQLITE_ROW)
        status = run(db, (const char *)sqlite3_column_text(row, 0), err);
    if (status == STATUS_OK && rc != SQLITE_DONE)
        status = failed(model, err);
    sqlite3_finalize(row);
    return status;
}

enum status folder_tables_register(sqlite3 *db, struct folder *folder, struct error *err)
{
    struct many *m = calloc(1, sizeof *m);
    sqlite3 *model = NULL;

    if (!m) {
        folder_close(folder);
        return of_memory(err);
    }
    m->folder = folder;
    /* Frees it also when it fails. */
    if (sqlite3_create_module_v2(db, "slices_of", &many_methods, m, many_free) != SQLITE_OK)
        return failed(db, err);
    enum status status =
        sqlite3_open_v2(":memory:", &model, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK
            ? STATUS_OK
            : of_memory(err);
    if (status == STATUS_OK)
        status = run(model, schema_sql, err);
    if (status == STATUS_OK)
        status = run(model, indexes_sql, err);
    if (status == STATUS_OK)
        status = tables_register(model, err);
    if (status == STATUS_OK)
        status = kinds_read(&m->kinds, model, err);
    if (status == STATUS_OK)
        status = tables_make(db, m, err);
    if (status == STATUS_OK)
        status = views_make(db, model, err);
    sqlite3_close(model);
    return status;
}
