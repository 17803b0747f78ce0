/* hosts_table.c - the table-valued function hosts_in(): the addresses of a network that a case has seen.
 *
 *     SELECT * FROM flows WHERE client_ip IN hosts_in('10.0.0.0/8');
 *
 * A network is a range of hosts.addr, which is what the table is keyed by; and whom SQLite asks for the
 * flows of each of these addresses is the index on flows.client_ip. One visible column, since that is what IN
 * takes. It only reads what is in the file, so views of a case may use it (innocuous). */
#include "store/reader.h"
#include "store/tables.h"
#include "store/value.h"
#include "store/vtab.h"

#include <stdint.h>
#include <string.h>

enum column { COLUMN_IP, COLUMN_NET, COLUMN_SCHEMA };

/* What a query says, as bits; the values come in this order. */
enum { INDEX_BY_NET = 1, INDEX_BY_SCHEMA = 2 };

struct hosts_table {
    sqlite3_vtab base;
    sqlite3 *db;
    const char *sql; /* NULL: the case in a schema is asked, when it has been looked at */
};

struct hosts_cursor {
    sqlite3_vtab_cursor base;
    sqlite3_stmt *row; /* NULL at the end */
    uint8_t ip_version;
    int64_t rowid;
    sqlite3_value *net, *schema; /* as given; NULL: not given */
};

static int hosts_connect(sqlite3 *db, void *aux, int argc, const char *const *argv,
                         sqlite3_vtab **vtab, char **message)
{
    (void)argc, (void)argv, (void)message;

    int rc = sqlite3_declare_vtab(
        db, "CREATE TABLE hosts_in (ip TEXT, net TEXT HIDDEN, schema TEXT HIDDEN)");
    if (rc != SQLITE_OK)
        return rc;
    struct hosts_table *t = sqlite3_malloc(sizeof *t);
    if (!t)
        return SQLITE_NOMEM;
    *t = (struct hosts_table){.db = db, .sql = aux};
    sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS);
    *vtab = &t->base;
    return SQLITE_OK;
}

static int hosts_disconnect(sqlite3_vtab *vtab)
{
    sqlite3_free(vtab);
    return SQLITE_OK;
}

static int hosts_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    int net = vtab_argument(info, COLUMN_NET), schema = vtab_argument(info, COLUMN_SCHEMA);
    (void)vtab;

    if (net == VTAB_UNUSABLE || schema == VTAB_UNUSABLE)
        return SQLITE_CONSTRAINT;
    if (net == VTAB_NONE)
        return vtab_needs_more(info);
    info->idxNum = INDEX_BY_NET;
    vtab_take(info, net, 1);
    if (schema >= 0) {
        info->idxNum |= INDEX_BY_SCHEMA;
        vtab_take(info, schema, 2);
    }
    info->estimatedCost = 100;
    info->estimatedRows = 100;
    return SQLITE_OK;
}

static int hosts_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **cursor)
{
    (void)vtab;
    struct hosts_cursor *c = sqlite3_malloc(sizeof *c);
    if (!c)
        return SQLITE_NOMEM;
    memset(c, 0, sizeof *c);
    *cursor = &c->base;
    return SQLITE_OK;
}

static void hosts_leave(struct hosts_cursor *c)
{
    sqlite3_finalize(c->row);
    c->row = NULL;
}

static void hosts_forget(struct hosts_cursor *c)
{
    hosts_leave(c);
    sqlite3_value_free(c->net);
    sqlite3_value_free(c->schema);
    c->net = c->schema = NULL;
}

static int hosts_close(sqlite3_vtab_cursor *cursor)
{
    struct hosts_cursor *c = (struct hosts_cursor *)cursor;
    hosts_forget(c);
    sqlite3_free(c);
    return SQLITE_OK;
}

/* An IPv6 address that looks like a mapped IPv4 one lies in the same range; canonical text tells them apart. */
static bool is_of_version(const char *ip, uint8_t ip_version)
{
    return ip && (strchr(ip, '.') != NULL) == (ip_version == 4);
}

static int hosts_next(sqlite3_vtab_cursor *cursor)
{
    struct hosts_cursor *c = (struct hosts_cursor *)cursor;
    struct hosts_table *t = (struct hosts_table *)cursor->pVtab;
    struct error err;
    int rc;

    c->rowid++;
    while ((rc = sqlite3_step(c->row)) == SQLITE_ROW) {
        if (is_of_version((const char *)sqlite3_column_text(c->row, 0), c->ip_version))
            return SQLITE_OK;
    }
    hosts_leave(c);
    if (rc == SQLITE_DONE)
        return SQLITE_OK;
    error_set(&err, "hosts_in(): %s", sqlite3_errmsg(t->db));
    vtab_fail(cursor->pVtab, &err);
    return rc;
}

/* Begins to read the addresses of a network. */
static enum status hosts_enter(struct hosts_cursor *c, const struct hosts_table *t,
                               const char *schema, const struct network *n, struct error *err)
{
    struct reader *reader;
    enum status status = reader_borrow(&reader, t->db, schema, err);

    if (status == STATUS_OK && t->sql)
        status = reader_prepare(reader, &c->row, t->sql, err);
    else if (status == STATUS_OK)
        status = reader_check(reader, err);
    if (status == STATUS_OK && !t->sql)
        status = reader_prepare_own(
            reader, &c->row, "SELECT ip FROM \"%w\".hosts WHERE addr BETWEEN ?1 AND ?2", err);
    reader_close(reader);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_blob(c->row, 1, n->first.bytes, sizeof n->first.bytes, SQLITE_TRANSIENT);
    sqlite3_bind_blob(c->row, 2, n->last.bytes, sizeof n->last.bytes, SQLITE_TRANSIENT);
    c->ip_version = n->ip_version;
    return STATUS_OK;
}

static int hosts_filter(sqlite3_vtab_cursor *cursor, int index, const char *index_text, int argc,
                        sqlite3_value **argv)
{
    struct hosts_cursor *c = (struct hosts_cursor *)cursor;
    struct hosts_table *t = (struct hosts_table *)cursor->pVtab;
    const char *schema = "main";
    struct network n;
    struct error err;
    (void)index_text, (void)argc;

    hosts_forget(c);
    c->rowid = 0;
    if (index == VTAB_NONE) {
        error_set(&err, "hosts_in() needs a network, as in hosts_in('10.0.0.0/8')");
        return vtab_fail(cursor->pVtab, &err);
    }
    c->net = sqlite3_value_dup(argv[0]);
    c->schema = index & INDEX_BY_SCHEMA ? sqlite3_value_dup(argv[1]) : NULL;
    if (sqlite3_value_type(argv[0]) == SQLITE_NULL)
        return SQLITE_OK;
    if (index & INDEX_BY_SCHEMA)
        schema = (const char *)sqlite3_value_text(argv[1]);
    if (!schema) /* nothing equals NULL */
        return SQLITE_OK;
    if (!value_network(&n, argv[0])) {
        value_complain(&err, "hosts_in", argv[0], "network such as 10.0.0.0/8");
        return vtab_fail(cursor->pVtab, &err);
    }
    if (hosts_enter(c, t, schema, &n, &err) != STATUS_OK)
        return vtab_fail(cursor->pVtab, &err);
    return hosts_next(cursor);
}

static int hosts_eof(sqlite3_vtab_cursor *cursor)
{
    return ((struct hosts_cursor *)cursor)->row == NULL;
}

static int hosts_column(sqlite3_vtab_cursor *cursor, sqlite3_context *context, int column)
{
    struct hosts_cursor *c = (struct hosts_cursor *)cursor;

    if (column == COLUMN_IP)
        sqlite3_result_value(context, sqlite3_column_value(c->row, 0));
    else if (column == COLUMN_NET && c->net)
        sqlite3_result_value(context, c->net);
    else if (column == COLUMN_SCHEMA && c->schema)
        sqlite3_result_value(context, c->schema);
    return SQLITE_OK;
}

static int hosts_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *rowid)
{
    *rowid = ((struct hosts_cursor *)cursor)->rowid;
    return SQLITE_OK;
}

static const sqlite3_module hosts_methods = {
    .xConnect = hosts_connect,
    .xBestIndex = hosts_best_index,
    .xDisconnect = hosts_disconnect,
    .xOpen = hosts_open,
    .xClose = hosts_close,
    .xFilter = hosts_filter,
    .xNext = hosts_next,
    .xEof = hosts_eof,
    .xColumn = hosts_column,
    .xRowid = hosts_rowid,
};

enum status hosts_table_register(sqlite3 *db, struct error *err)
{
    return hosts_table_register_of(db, NULL, err);
}

enum status hosts_table_register_of(sqlite3 *db, const char *sql, struct error *err)
{
    if (sqlite3_create_module_v2(db, "hosts_in", &hosts_methods, (void *)(uintptr_t)sql, NULL) !=
        SQLITE_OK)
        return (sqlite3_errcode(db) == SQLITE_NOMEM ? error_no_memory : error_set)(
            err, "the table hosts_in cannot be registered: %s", sqlite3_errmsg(db));
    return STATUS_OK;
}
