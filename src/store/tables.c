/* tables.c - the virtual tables `segments` and `frames`: blobs as rows of SQL.
 *
 * Both are the same table but for their columns: the owner (a stream or flow) first, the record's
 * fields, and last two hidden columns, since SQLite gives the arguments of a table-valued function to
 * these: the owner again, for `segments(5)`, and the schema, for `segments(5, 'other')`, where a case is
 * attached.
 *
 * They only read, and what they show is in the file anyway, so views of a case may use them
 * (innocuous). Before they read a schema they ask whether it is a case: the tables of one are tables, and
 * no views that go round in `segments`. Should one do so all the same, whoever is asked for rows while
 * it is fetching its own says so. */
#include "store/tables.h"

#include "store/parts.h"
#include "store/reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The records of one kind as SQL sees them. */
struct table_kind {
    const char *name;
    const char *declaration;
    enum parts_kind parts;
    int hidden; /* column of the first argument; the second is behind it */
    enum status (*next)(struct parts *p, void *record, struct error *err);
    void (*column)(const void *record, sqlite3_context *context, int column);
};

/* What one connection has of it. */
struct table_module {
    const struct table_kind *kind;
    sqlite3 *db;
    bool busy;    /* fetching rows of the tables below */
    bool checked; /* the main database was a case when its schema had this version */
    int64_t checked_version;
};

struct table {
    sqlite3_vtab base;
    struct table_module *module; /* borrowed, lives as long as the connection */
};

struct table_cursor {
    sqlite3_vtab_cursor base;
    struct parts parts;
    char *schema; /* of `parts`; NULL while these are not open */
    bool end;
    uint64_t index; /* of the record among those of its owner */
    union {
        struct frame_record frame;
        struct arrival_record arrival;
    } record;
};

/* What a query says, as bits; the values come in this order. */
enum { INDEX_BY_OWNER = 1, INDEX_BY_SCHEMA = 2 };

static int table_connect(sqlite3 *db, void *aux, int argc, const char *const *argv,
                         sqlite3_vtab **vtab, char **message)
{
    struct table_module *module = aux;
    (void)argc, (void)argv, (void)message;

    int rc = sqlite3_declare_vtab(db, module->kind->declaration);
    if (rc != SQLITE_OK)
        return rc;
    struct table *t = sqlite3_malloc(sizeof *t);
    if (!t)
        return SQLITE_NOMEM;
    *t = (struct table){.module = module};
    sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS);
    *vtab = &t->base;
    return SQLITE_OK;
}

static int table_disconnect(sqlite3_vtab *vtab)
{
    sqlite3_free(vtab);
    return SQLITE_OK;
}

/* With an owner given, few rows; else all of them, which come in order of the owner. SQLite checks the
 * equalities again (omit stays 0), so that segments('5') and segments(5.5) mean what they mean
 * elsewhere. */
static int table_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    const struct table_kind *kind = ((struct table *)vtab)->module->kind;
    int owner = -1, schema = -1, argc = 0;

    for (int i = 0; i < info->nConstraint; i++) {
        int column = info->aConstraint[i].iColumn;
        if (info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ)
            continue;
        if (column == kind->hidden + 1) {
            if (!info->aConstraint[i].usable)
                return SQLITE_CONSTRAINT; /* it says where to read: another plan is needed */
            schema = i;
        } else if (info->aConstraint[i].usable && (column == 0 || column == kind->hidden)) {
            owner = i;
        }
    }
    info->idxNum = 0;
    if (owner >= 0) {
        info->idxNum |= INDEX_BY_OWNER;
        info->aConstraintUsage[owner].argvIndex = ++argc;
    }
    if (schema >= 0) {
        info->idxNum |= INDEX_BY_SCHEMA;
        info->aConstraintUsage[schema].argvIndex = ++argc;
    }
    info->estimatedCost = owner >= 0 ? 1000 : 1e9;
    info->estimatedRows = owner >= 0 ? 100 : 10000000;
    info->orderByConsumed =
        info->nOrderBy == 1 && info->aOrderBy[0].iColumn == 0 && !info->aOrderBy[0].desc;
    return SQLITE_OK;
}

static int table_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **cursor)
{
    (void)vtab;
    struct table_cursor *c = sqlite3_malloc(sizeof *c);
    if (!c)
        return SQLITE_NOMEM;
    memset(c, 0, sizeof *c);
    *cursor = &c->base;
    return SQLITE_OK;
}

/* Ends the walk, if there is one. */
static void table_leave(struct table_cursor *c)
{
    parts_close(&c->parts);
    sqlite3_free(c->schema);
    c->schema = NULL;
}

static int table_close(sqlite3_vtab_cursor *cursor)
{
    struct table_cursor *c = (struct table_cursor *)(void *)cursor;
    table_leave(c);
    sqlite3_free(c);
    return SQLITE_OK;
}

static int table_failed(sqlite3_vtab *vtab, const struct error *err)
{
    if (err->no_memory)
        return SQLITE_NOMEM;
    sqlite3_free(vtab->zErrMsg);
    vtab->zErrMsg = sqlite3_mprintf("%s", err->text);
    return SQLITE_ERROR;
}

static int table_next(sqlite3_vtab_cursor *cursor)
{
    struct table_cursor *c = (struct table_cursor *)(void *)cursor;
    struct table_module *module = ((struct table *)cursor->pVtab)->module;
    int64_t owner = c->parts.owner;
    struct error err = {0};

    module->busy = true;
    enum status status = module->kind->next(&c->parts, &c->record, &err);
    module->busy = false;
    c->index = c->parts.owner == owner ? c->index + 1 : 0;
    c->end = status != STATUS_OK;
    return status == STATUS_FAILED ? table_failed(cursor->pVtab, &err) : SQLITE_OK;
}

/* The owner that was asked for; false when nothing can equal it. */
static bool owner_of(sqlite3_value *value, int64_t *owner)
{
    switch (sqlite3_value_numeric_type(value)) {
    case SQLITE_INTEGER:
        *owner = sqlite3_value_int64(value);
        return true;
    case SQLITE_FLOAT: { /* 5.0 equals 5 */
        double real = sqlite3_value_double(value);
        if (!(real >= -9.2e18 && real <= 9.2e18) || floor(real) < real)
            return false;
        *owner = (int64_t)real;
        return true;
    }
    default:
        return false;
    }
}

/* The number that SQLite counts up whenever a schema is changed; false where it cannot be had. */
static bool schema_version(int64_t *version, sqlite3 *db)
{
    sqlite3_stmt *row;
    bool found = false;

    if (sqlite3_prepare_v2(db, "PRAGMA main.schema_version", -1, &row, NULL) == SQLITE_OK &&
        sqlite3_step(row) == SQLITE_ROW) {
        *version = sqlite3_column_int64(row, 0);
        found = true;
    }
    sqlite3_finalize(row);
    return found;
}

/* Whether `schema` is a case. Of the main database that is asked once as long as its schema stays the same: a
 * question per stream would cost more than its segments. */
static enum status check_case(struct table_module *module, const char *schema, struct error *err)
{
    int64_t version = 0;
    bool is_main = strcmp(schema, "main") == 0 && schema_version(&version, module->db);
    struct reader *reader;

    if (is_main && module->checked && module->checked_version == version)
        return STATUS_OK;
    enum status status = reader_borrow(&reader, module->db, schema, err);
    if (status == STATUS_OK)
        status = reader_check(reader, err);
    reader_close(reader);
    module->checked = is_main && status == STATUS_OK;
    module->checked_version = version;
    return status;
}

/* Prepares to read the table of `schema`, if that is a case. */
static enum status table_enter(struct table_cursor *c, struct table_module *module,
                               const char *schema, bool of_one, struct error *err)
{
    if (c->schema && c->parts.of_one == of_one && strcmp(c->schema, schema) == 0)
        return STATUS_OK;
    table_leave(c);
    c->schema = sqlite3_mprintf("%s", schema);
    if (!c->schema)
        return error_no_memory(err, "%s cannot be read: no memory", module->kind->name);
    enum status status = check_case(module, schema, err);
    if (status == STATUS_OK)
        status = parts_open(&c->parts, module->db, schema, module->kind->parts, of_one, err);
    if (status != STATUS_OK)
        table_leave(c);
    return status;
}

static int table_filter(sqlite3_vtab_cursor *cursor, int index, const char *index_text, int argc,
                        sqlite3_value **argv)
{
    struct table_cursor *c = (struct table_cursor *)(void *)cursor;
    struct table_module *module = ((struct table *)cursor->pVtab)->module;
    const char *schema = "main";
    struct error err = {0};
    int64_t owner = 0;
    (void)index_text, (void)argc;

    c->end = true;
    if ((index & INDEX_BY_OWNER) && !owner_of(*argv++, &owner))
        return SQLITE_OK;
    if (index & INDEX_BY_SCHEMA)
        schema = (const char *)sqlite3_value_text(*argv);
    if (!schema) /* nothing equals NULL */
        return SQLITE_OK;
    if (module->busy) {
        error_set(&err, "%s is asked for while it reads its own table", module->kind->name);
        return table_failed(cursor->pVtab, &err);
    }
    if (table_enter(c, module, schema, index & INDEX_BY_OWNER, &err) != STATUS_OK)
        return table_failed(cursor->pVtab, &err);
    parts_start(&c->parts, owner);
    c->index = UINT64_MAX; /* the first of this owner is the next */
    return table_next(cursor);
}

static int table_eof(sqlite3_vtab_cursor *cursor)
{
    return ((struct table_cursor *)(void *)cursor)->end;
}

static int table_column(sqlite3_vtab_cursor *cursor, sqlite3_context *context, int column)
{
    struct table_cursor *c = (struct table_cursor *)(void *)cursor;
    const struct table_kind *kind = ((struct table *)cursor->pVtab)->module->kind;

    if (column == 0 || column == kind->hidden)
        sqlite3_result_int64(context, c->parts.owner);
    else if (column == kind->hidden + 1)
        sqlite3_result_text(context, c->schema, -1, SQLITE_TRANSIENT);
    else
        kind->column(&c->record, context, column);
    return SQLITE_OK;
}

/* The same for the same record however it was reached, and another for each: where a query joins what
 * two ways of looking found (`stream_id = 4 OR frame = 7`), SQLite knows by it what it has had. Room
 * for 2^31 records of an owner. */
static int table_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *rowid)
{
    const struct table_cursor *c = (const struct table_cursor *)(const void *)cursor;
    *rowid = (int64_t)(((uint64_t)c->parts.owner << 31) + c->index);
    return SQLITE_OK;
}

/* A capture begins with a header, so that no byte of a packet lies at offset 0: what has it lies nowhere. */
static void result_offset(sqlite3_context *context, uint64_t offset)
{
    if (offset != 0)
        sqlite3_result_int64(context, (int64_t)offset);
}

static enum status segments_next(struct parts *p, void *record, struct error *err)
{
    return parts_next_arrival(p, record, err);
}

static void segments_column(const void *record, sqlite3_context *context, int column)
{
    const struct arrival_record *r = record;
    switch (column) {
    case 1:
        sqlite3_result_int64(context, r->position);
        break;
    case 2:
        sqlite3_result_int64(context, r->length);
        break;
    case 3:
        sqlite3_result_int64(context, r->captured);
        break;
    case 4:
        sqlite3_result_int64(context, r->evidence_id);
        break;
    case 5:
        sqlite3_result_int64(context, (int64_t)r->frame);
        break;
    case 6:
        result_offset(context, r->offset);
        break;
    case 7:
        sqlite3_result_int64(context, r->time_ns);
        break;
    case 8:
        sqlite3_result_text(context, fate_name(r->fate), -1, SQLITE_STATIC);
        break;
    default:
        break;
    }
}

static enum status frames_next(struct parts *p, void *record, struct error *err)
{
    return parts_next_frame(p, record, err);
}

static void frames_column(const void *record, sqlite3_context *context, int column)
{
    const struct frame_record *r = record;
    switch (column) {
    case 1:
        sqlite3_result_int64(context, r->evidence_id);
        break;
    case 2:
        sqlite3_result_int64(context, (int64_t)r->number);
        break;
    case 3:
        result_offset(context, r->offset);
        break;
    case 4:
        sqlite3_result_int64(context, r->time_ns);
        break;
    case 5:
        sqlite3_result_int64(context, r->captured);
        break;
    case 6:
        sqlite3_result_int64(context, r->wire_len);
        break;
    case 7:
        sqlite3_result_int64(context, r->interface_id);
        break;
    default:
        break;
    }
}

static const struct table_kind table_kinds[] = {
    {"segments",
     "CREATE TABLE segments (stream_id INTEGER, position INTEGER, length INTEGER, captured INTEGER,"
     " evidence_id INTEGER, frame INTEGER, file_offset INTEGER, time_ns INTEGER, fate TEXT,"
     " stream INTEGER HIDDEN, schema TEXT HIDDEN)",
     PARTS_ARRIVALS, 9, segments_next, segments_column},
    {"frames",
     "CREATE TABLE frames (flow_id INTEGER, evidence_id INTEGER, frame INTEGER,"
     " file_offset INTEGER, time_ns INTEGER, captured INTEGER, length INTEGER,"
     " interface_id INTEGER, flow INTEGER HIDDEN, schema TEXT HIDDEN)",
     PARTS_FRAMES, 8, frames_next, frames_column},
};

/* No xCreate: nothing but the eponymous tables can be made of it. */
static const sqlite3_module table_methods = {
    .iVersion = 0,
    .xConnect = table_connect,
    .xBestIndex = table_best_index,
    .xDisconnect = table_disconnect,
    .xOpen = table_open,
    .xClose = table_close,
    .xFilter = table_filter,
    .xNext = table_next,
    .xEof = table_eof,
    .xColumn = table_column,
    .xRowid = table_rowid,
};

enum status tables_register(sqlite3 *db, struct error *err)
{
    for (size_t i = 0; i < sizeof table_kinds / sizeof *table_kinds; i++) {
        struct table_module *module = calloc(1, sizeof *module);
        if (!module)
            return error_no_memory(err, "no memory for the table %s", table_kinds[i].name);
        module->kind = &table_kinds[i];
        module->db = db;
        /* Frees the module also when it fails. */
        if (sqlite3_create_module_v2(db, table_kinds[i].name, &table_methods, module, free) !=
            SQLITE_OK)
            return (sqlite3_errcode(db) == SQLITE_NOMEM ? error_no_memory : error_set)(
                err, "the table %s cannot be registered: %s", table_kinds[i].name,
                sqlite3_errmsg(db));
    }
    enum status status = functions_register(db, err);
    if (status == STATUS_OK)
        status = value_functions_register(db, err);
    if (status == STATUS_OK)
        status = stream_table_register(db, NULL, err);
    return status == STATUS_OK ? hosts_table_register(db, err) : status;
}
