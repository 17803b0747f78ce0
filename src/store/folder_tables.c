/* folder_tables.c - the tables of many cases as one.
 *
 * A condition is handed down only where it means the same in the slice (a number compared with an INTEGER, a text
 * with a TEXT, by bytes), and SQLite checks it again here (omit stays 0). So a slice that is asked for
 * too much is slow, and never wrong. */
#include "store/folder_tables.h"

#include "store/folder_kinds.h"
#include "store/schema.h"
#include "store/tables.h"
#include "store/vtab.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TERMS_MAX = 16,    /* conditions that are handed down */
    SQL_MAX = 1 << 14, /* bytes of a question to a slice, and of what else is put together here */
    LATE_S =
        120, /* older than its slice a segment may be, whose fragments came before that began */
};

static const int64_t NS = 1000000000;

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

struct term {
    char op; /* '=', '<', '>', 'l' (<=), 'g' (>=) */
    int column;
};

/* How a query reads the table: what xBestIndex tells xFilter. */
struct plan {
    uint64_t used; /* columns, as bits */
    int order;     /* the column by which rows come sorted; -1: they do not */
    bool backwards;
    int count;
    struct term terms[TERMS_MAX];
};

struct many_cursor {
    sqlite3_vtab_cursor base;
    struct plan plan;
    struct folder_wish wish;
    sqlite3_value *values[TERMS_MAX]; /* of the terms; owned */
    uint32_t number;                  /* of the slice that is being read */
    struct open_slice *open;          /* it, pinned; NULL between slices */
    struct slice slice;               /* it, as it was when it was opened */
    sqlite3_stmt *statement;
    int place[COLUMNS_MAX + 1]; /* of each column in the statement; -1: the slice has none such */
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
    buffer_init(&declaration, SQL_MAX);
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

static char op_of(unsigned char op)
{
    switch (op) {
    case SQLITE_INDEX_CONSTRAINT_EQ:
        return '=';
    case SQLITE_INDEX_CONSTRAINT_GT:
        return '>';
    case SQLITE_INDEX_CONSTRAINT_LT:
        return '<';
    case SQLITE_INDEX_CONSTRAINT_GE:
        return 'g';
    case SQLITE_INDEX_CONSTRAINT_LE:
        return 'l';
    default:
        return 0;
    }
}

/* What a plan costs, in rows of a slice that are read; opening a slice is worth some of them. Guesses, of
 * which only the order counts: an id is better than an address, an address than a time, all better than
 * everything. */
struct cost {
    double slices; /* that are asked */
    double each;   /* rows read of each */
    double gives;  /* rows given of each */
};

static void cost_of_term(struct cost *c, const struct column *column, char op)
{
    static const double few = 10, many = 2000;
    bool equal = op == '=';

    switch (column->role) {
    case ROLE_FLOW:
    case ROLE_STREAM:
    case ROLE_SLICE:
    case ROLE_EVIDENCE:
        c->slices = equal ? 1 : fmin(c->slices, fmax(1, c->slices / 3));
        break;
    case ROLE_TIME:
        c->slices = fmin(c->slices, fmax(2, c->slices / 3));
        break;
    case ROLE_PLAIN:
    case ROLE_OTHER_FLOW:
    case ROLE_OTHER_EVIDENCE:
    case ROLE_LOOSE:
    case ROLE_STATUS:
    default:
        break;
    }
    if (column->role == ROLE_SLICE)
        return;
    if (column->indexed)
        c->each = fmin(c->each, equal ? few : many * 10);
    c->gives = equal ? fmin(c->gives, column->indexed ? few : many) : c->gives / 3;
}

/* Which order comes of itself: by an id that says which slice, slices being asked in their order. */
static bool order_is_free(const struct kind *k, const sqlite3_index_info *info)
{
    if (info->nOrderBy < 1 || info->aOrderBy[0].iColumn < 0)
        return false;
    const struct column *c = &k->columns[info->aOrderBy[0].iColumn];
    if (c->role != ROLE_FLOW && c->role != ROLE_STREAM)
        return false;
    if (info->nOrderBy == 1)
        return true;
    /* what comes behind a key that no two rows have in common does not matter */
    return info->aOrderBy[0].iColumn == k->rowid;
}

/* Of a table that is called: a hidden column, or the one that names the stream as well. */
static bool is_argument(const struct column *c)
{
    return c->role == ROLE_STREAM || (c->hidden && c->role != ROLE_SLICE);
}

static int many_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    const struct many_table *t = (const struct many_table *)vtab;
    const struct kind *k = t->kind;
    struct cost cost = {fmax(1, (double)folder_slice_count(t->many->folder)), 1e5, 1e5};
    struct buffer text;
    bool unique = false, named = false;
    int argc = 0;

    for (int i = 0; k->called && i < info->nConstraint; i++) {
        int column = info->aConstraint[i].iColumn;
        if (info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ || column < 0 ||
            !is_argument(&k->columns[column]))
            continue;
        if (!info->aConstraint[i].usable)
            return SQLITE_CONSTRAINT; /* another plan knows its value */
        named = named || k->columns[column].role == ROLE_STREAM;
    }
    if (k->called && !named)
        return vtab_needs_more(info);

    buffer_init(&text, SQL_MAX);
    if (!buffer_reserve(&text, SQL_MAX))
        return SQLITE_NOMEM;
    buffer_print(&text, "%" PRIx64, (uint64_t)info->colUsed);
    bool sorted = order_is_free(k, info);
    buffer_print(&text, " %d %d", sorted ? info->aOrderBy[0].iColumn : -1,
                 sorted && info->aOrderBy[0].desc);
    info->orderByConsumed = sorted;
    for (int i = 0; i < info->nConstraint && argc < TERMS_MAX; i++) {
        int column = info->aConstraint[i].iColumn;
        char op = op_of(info->aConstraint[i].op);
        if (!info->aConstraint[i].usable || op == 0 || column < 0 ||
            k->columns[column].role == ROLE_STATUS ||
            sqlite3_stricmp(sqlite3_vtab_collation(info, i), "BINARY") != 0)
            continue;
        cost_of_term(&cost, &k->columns[column], op);
        unique = unique ||
                 (op == '=' && column == k->rowid &&
                  (k->columns[column].role == ROLE_FLOW || k->columns[column].role == ROLE_STREAM));
        buffer_print(&text, " %c%d", op, column);
        info->aConstraintUsage[i].argvIndex = ++argc;
        info->aConstraintUsage[i].omit = k->called && op == '=' && k->columns[column].hidden &&
                                         k->columns[column].role != ROLE_SLICE;
    }
    if (unique) {
        cost = (struct cost){1, 1, 1};
        info->idxFlags |= SQLITE_INDEX_SCAN_UNIQUE;
    }
    info->estimatedCost = cost.slices * (cost.each + 50);
    info->estimatedRows = (sqlite3_int64)fmax(1, cost.slices * cost.gives);
    info->idxStr = sqlite3_mprintf("%s", buffer_text(&text));
    info->needToFreeIdxStr = 1;
    buffer_release(&text);
    return info->idxStr ? SQLITE_OK : SQLITE_NOMEM;
}

/* The plan that xBestIndex wrote down. */
static void plan_read(struct plan *p, const char *text)
{
    char *at;

    *p = (struct plan){.used = strtoull(text, &at, 16)};
    p->order = (int)strtol(at, &at, 10);
    p->backwards = strtol(at, &at, 10) != 0;
    while (at[0] == ' ' && p->count < TERMS_MAX) {
        struct term *term = &p->terms[p->count++];
        term->op = at[1];
        term->column = (int)strtol(at + 2, &at, 10);
    }
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

/* Leaves the slice that is being read. */
static void cursor_leave(struct many_cursor *c)
{
    struct many *m = ((struct many_table *)c->base.pVtab)->many;

    if (c->statement)
        open_slice_give_back(c->open, c->statement);
    c->statement = NULL;
    if (c->open)
        folder_unpin(m->folder, c->open);
    c->open = NULL;
}

/* The walk is over. */
static void cursor_end(struct many_cursor *c)
{
    cursor_leave(c);
    if (!c->end)
        ((struct many_table *)c->base.pVtab)->many->walking--;
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
    struct many *m = ((struct many_table *)cursor->pVtab)->many;

    cursor_clear(c);
    sqlite3_free(c);
    if (--m->cursors == 0)
        folder_rest(m->folder);
    return SQLITE_OK;
}

/* The whole numbers next to a value, for ranges. */
static void neighbours(int64_t *below, int64_t *above, sqlite3_value *value)
{
    static const double most = 9.2e18;

    if (sqlite3_value_type(value) == SQLITE_FLOAT) {
        double real = sqlite3_value_double(value);
        *below = real < -most ? INT64_MIN : real > most ? (int64_t)most : (int64_t)floor(real);
        *above = real > most ? INT64_MAX : real < -most ? -(int64_t)most : (int64_t)ceil(real);
        return;
    }
    *below = *above = sqlite3_value_int64(value);
}

static void narrow(int64_t *low, int64_t *high, char op, int64_t below, int64_t above)
{
    if (strchr("=>g", op) && below > *low)
        *low = below;
    if (strchr("=<l", op) && above < *high)
        *high = above;
}

/* What a condition on a column of numbers says about which slices have rows. */
static void wish_narrow(struct folder_wish *w, const struct kind *k, enum role role, char op,
                        sqlite3_value *value)
{
    int64_t below, above;

    neighbours(&below, &above, value);
    if (op == '>' && below < INT64_MAX)
        below++;
    if (op == '<' && above > INT64_MIN)
        above--;
    switch (role) {
    case ROLE_FLOW:
        narrow(&w->flow_low, &w->flow_high, op, below, above);
        break;
    case ROLE_STREAM:
        narrow(&w->flow_low, &w->flow_high, op, below >> 1, above >> 1);
        break;
    case ROLE_EVIDENCE:
        narrow(&w->evidence_low, &w->evidence_high, op, below, above);
        break;
    case ROLE_SLICE:
        narrow(&w->number_low, &w->number_high, op, below, above);
        break;
    case ROLE_TIME:
        if ((k->decoded || strcmp(k->name, "refused") == 0) && above < INT64_MAX - LATE_S * NS)
            above += LATE_S * NS;
        narrow(&w->time_low, &w->time_high, op, below, above);
        break;
    case ROLE_PLAIN:
    case ROLE_OTHER_FLOW:
    case ROLE_OTHER_EVIDENCE:
    case ROLE_LOOSE:
    case ROLE_STATUS:
    default:
        break;
    }
}

/* Whether a comparison with this value means in the slice what it means here. */
static bool goes_down(const struct column *c, const struct slice *s, sqlite3_value *value)
{
    int type = sqlite3_value_type(value);

    if (c->role == ROLE_SLICE || c->role == ROLE_LOOSE || c->role == ROLE_STATUS)
        return false;
    if (c->type == 'i')
        return type == SQLITE_INTEGER || (type == SQLITE_FLOAT && role_shift(s, c->role) == 0);
    return c->type == 't' ? type == SQLITE_TEXT : type == SQLITE_BLOB;
}

static const char *sql_of(char op)
{
    switch (op) {
    case '<':
        return "<";
    case '>':
        return ">";
    case 'l':
        return "<=";
    case 'g':
        return ">=";
    default:
        return "=";
    }
}

/* Whether an argument of a table that is called is what it takes. NULL is as if it were not there. */
static enum status check_argument(const struct column *c, const char *table, sqlite3_value *value,
                                  struct error *err)
{
    int type = sqlite3_value_type(value);

    if (type == SQLITE_NULL || type == (c->type == 't' ? SQLITE_TEXT : SQLITE_INTEGER))
        return STATUS_OK;
    return error_set(err, "%s(): the %s is no %s", table, c->name,
                     c->type == 't' ? "text" : "whole number");
}

/* The question to a slice. Which columns it has decides: what it lacks is NULL. */
static bool question(struct buffer *sql, struct many_cursor *c, const struct kind *k,
                     uint64_t present)
{
    const struct plan *p = &c->plan;
    int place = 0;

    if (!buffer_reserve(sql, SQL_MAX)) /* once: a part that found no memory must not be left out */
        return false;
    buffer_add_text(sql, "SELECT ");
    for (int i = 0; i < k->count; i++) {
        c->place[i] = -1;
        bool wanted = (p->used & (uint64_t)1 << i) != 0 || i == k->rowid;
        if (!wanted || !(present & (uint64_t)1 << i))
            continue;
        buffer_print(sql, "%s\"%s\"", place ? ", " : "", k->columns[i].name);
        c->place[i] = place++;
    }
    if (place == 0)
        buffer_add_text(sql, "1");
    buffer_print(sql, " FROM %s\"%s\" WHERE true", k->decoded ? "" : "main.", k->name);
    for (int i = 0; i < p->count; i++) {
        const struct column *column = &k->columns[p->terms[i].column];
        if (column->role == ROLE_SLICE || !(present & (uint64_t)1 << p->terms[i].column) ||
            !goes_down(column, &c->slice, c->values[i]))
            continue;
        buffer_print(sql, " AND \"%s\" %s ?%d", column->name, sql_of(p->terms[i].op), i + 1);
        if (k->streams && column->role == ROLE_FLOW && p->terms[i].op == '=' &&
            sqlite3_value_type(c->values[i]) == SQLITE_INTEGER)
            buffer_print(sql, " AND stream_id BETWEEN 2 * ?%d AND 2 * ?%d + 1", i + 1, i + 1);
    }
    if (p->order >= 0 && (present & (uint64_t)1 << p->order))
        buffer_print(sql, " ORDER BY \"%s\"%s", k->columns[p->order].name,
                     p->backwards ? " DESC" : "");
    return buffer_add_text(sql, "");
}

static void bind_terms(struct many_cursor *c, const struct kind *k)
{
    for (int i = 0; i < c->plan.count; i++) {
        int64_t shift = role_shift(&c->slice, k->columns[c->plan.terms[i].column].role);
        if (shift != 0 && sqlite3_value_type(c->values[i]) == SQLITE_INTEGER)
            sqlite3_bind_int64(
                c->statement, i + 1,
                (int64_t)((uint64_t)sqlite3_value_int64(c->values[i]) - (uint64_t)shift));
        else /* one that did not go down has no place, and that is no matter */
            sqlite3_bind_value(c->statement, i + 1, c->values[i]);
    }
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
static enum status cursor_ask(struct many_cursor *c, uint32_t number, struct error *err)
{
    const struct many_table *t = (const struct many_table *)c->base.pVtab;
    const struct kind *k = t->kind;
    struct folder *folder = t->many->folder;
    uint64_t present = 0;
    struct buffer sql;

    c->number = number;
    enum status status = folder_pin(folder, &c->open, c->number, err);
    if (status != STATUS_OK)
        return status;
    c->slice = *open_slice_of(c->open);
    buffer_init(&sql, SQL_MAX);
    if (k->decoded && !open_slice_knows(c->open, k->key))
        status = check_strangers(c->open, k->name, err);
    if (status == STATUS_OK)
        status =
            open_slice_columns(c->open, &present, k->key, k->name, k->names, (size_t)k->count, err);
    if (status == STATUS_OK && present != 0) {
        status = question(&sql, c, k, present)
                     ? open_slice_statement(c->open, &c->statement, buffer_text(&sql), err)
                     : of_memory(err);
        if (status == STATUS_OK)
            bind_terms(c, k);
    }
    buffer_release(&sql);
    if (status == STATUS_OK && present != 0)
        return STATUS_OK;
    cursor_leave(c);
    if (status == STATUS_FAILED && err->no_memory)
        return status;
    if (status == STATUS_FAILED)
        folder_give_up(folder, c->number, err);
    return STATUS_END;
}

/* Goes to the next row: of this slice, or the first of one of those behind it. */
static int many_next(sqlite3_vtab_cursor *cursor)
{
    struct many_cursor *c = (struct many_cursor *)cursor;
    struct folder *folder = ((struct many_table *)cursor->pVtab)->many->folder;
    struct error err = {0};

    for (;;) {
        if (c->statement) {
            int rc = sqlite3_step(c->statement);
            if (rc == SQLITE_ROW)
                return SQLITE_OK;
            if (rc == SQLITE_INTERRUPT || rc == SQLITE_NOMEM) {
                cursor_leave(c);
                return rc;
            }
            if (rc != SQLITE_DONE) {
                struct reader *reader = open_slice_reader(c->open);
                reader_fault(reader, &err);
                if (err.no_memory) {
                    cursor_leave(c);
                    return SQLITE_NOMEM;
                }
                if (((struct many_table *)cursor->pVtab)->kind->called) { /* of one stream */
                    cursor_leave(c);
                    return many_failed(cursor->pVtab, &err);
                }
                folder_give_up(folder, c->number, &err);
            }
            cursor_leave(c);
        }
        uint32_t number;
        enum status status =
            folder_next(folder, &number, c->number, c->plan.backwards, &c->wish, &err);
        if (status == STATUS_END) {
            cursor_end(c);
            return SQLITE_OK;
        }
        if (status == STATUS_FAILED || cursor_ask(c, number, &err) == STATUS_FAILED)
            return many_failed(cursor->pVtab, &err);
    }
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
    plan_read(&c->plan, index_text);
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
        bool argument = t->kind->called && c->plan.terms[i].op == '=' && is_argument(column);
        if (argument && check_argument(column, t->kind->name, argv[i], &err) != STATUS_OK)
            return many_failed(cursor->pVtab, &err);
        if (argument && type == SQLITE_NULL && column->role != ROLE_STREAM)
            continue;
        if (type == SQLITE_NULL) /* nothing compares with it */
            c->wish.nothing = true;
        else if (column->type == 'i' && (type == SQLITE_INTEGER || type == SQLITE_FLOAT))
            wish_narrow(&c->wish, t->kind, column->role, c->plan.terms[i].op, argv[i]);
    }
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
    struct many_cursor *c = (struct many_cursor *)cursor;
    const struct kind *k = ((const struct many_table *)cursor->pVtab)->kind;
    enum role role = k->columns[column].role;

    if (role == ROLE_SLICE) {
        sqlite3_result_int64(context, c->slice.number);
        return SQLITE_OK;
    }
    int at = c->place[column];
    if (at < 0)
        return SQLITE_OK; /* NULL */
    switch (sqlite3_column_type(c->statement, at)) {
    case SQLITE_INTEGER: {
        int64_t value = sqlite3_column_int64(c->statement, at);
        sqlite3_result_int64(context, role_shown(&c->slice, role, value));
        break;
    }
    case SQLITE_FLOAT:
        sqlite3_result_double(context, sqlite3_column_double(c->statement, at));
        break;
    case SQLITE_TEXT: {
        const char *text = (const char *)sqlite3_column_text(c->statement, at);
        if (text && role == ROLE_STATUS)
            sqlite3_result_text(context, reader_evidence_status(open_slice_reader(c->open), text),
                                -1, SQLITE_STATIC);
        else if (text)
            sqlite3_result_text(context, text, sqlite3_column_bytes(c->statement, at),
                                SQLITE_TRANSIENT);
        break;
    }
    case SQLITE_BLOB:
        sqlite3_result_blob(context, sqlite3_column_blob(c->statement, at),
                            sqlite3_column_bytes(c->statement, at), SQLITE_TRANSIENT);
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
    const struct many_cursor *c = (const struct many_cursor *)cursor;
    const struct kind *k = ((const struct many_table *)cursor->pVtab)->kind;
    int at = k->rowid < 0 ? -1 : c->place[k->rowid];
    int64_t id = at < 0 ? 0 : sqlite3_column_int64(c->statement, at);
    enum role role = k->rowid < 0 ? ROLE_PLAIN : k->columns[k->rowid].role;

    *rowid = role_shown(&c->slice, role, id);
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
