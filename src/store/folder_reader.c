/* folder_reader.c - many cases as one reader: the connection, the table `slices`, the functions of views. */
#include "store/folder_reader.h"

#include "store/folder_kinds.h"
#include "store/folder_tables.h"
#include "store/tables.h"
#include "store/value.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- slices ---- */

struct slices_table {
    sqlite3_vtab base;
    struct folder *folder;
};

struct slices_cursor {
    sqlite3_vtab_cursor base;
    size_t at;
};

static int slices_connect(sqlite3 *db, void *aux, int argc, const char *const *argv,
                          sqlite3_vtab **vtab, char **message)
{
    (void)argc, (void)argv, (void)message;
    int rc = sqlite3_declare_vtab(
        db,
        "CREATE TABLE x (number INTEGER, path TEXT, status TEXT, bytes INTEGER, first_ns INTEGER,"
        " last_ns INTEGER, first_flow_id INTEGER, last_flow_id INTEGER, flows INTEGER,"
        " frames INTEGER, flow_shift INTEGER, opened INTEGER)");
    if (rc != SQLITE_OK)
        return rc;
    struct slices_table *t = sqlite3_malloc(sizeof *t);
    if (!t)
        return SQLITE_NOMEM;
    *t = (struct slices_table){.folder = aux};
    *vtab = &t->base;
    return SQLITE_OK;
}

static int slices_disconnect(sqlite3_vtab *vtab)
{
    sqlite3_free(vtab);
    return SQLITE_OK;
}

static int slices_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    double count = (double)folder_slice_count(((struct slices_table *)vtab)->folder);
    info->estimatedCost = count;
    info->estimatedRows = (sqlite3_int64)count;
    info->orderByConsumed =
        info->nOrderBy == 1 && info->aOrderBy[0].iColumn == 0 && !info->aOrderBy[0].desc;
    return SQLITE_OK;
}

static int slices_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **cursor)
{
    (void)vtab;
    struct slices_cursor *c = sqlite3_malloc(sizeof *c);
    if (!c)
        return SQLITE_NOMEM;
    memset(c, 0, sizeof *c);
    *cursor = &c->base;
    return SQLITE_OK;
}

static int slices_close(sqlite3_vtab_cursor *cursor)
{
    sqlite3_free(cursor);
    return SQLITE_OK;
}

static int slices_filter(sqlite3_vtab_cursor *cursor, int index, const char *text, int argc,
                         sqlite3_value **argv)
{
    (void)index, (void)text, (void)argc, (void)argv;
    ((struct slices_cursor *)cursor)->at = 0;
    return SQLITE_OK;
}

static int slices_next(sqlite3_vtab_cursor *cursor)
{
    ((struct slices_cursor *)cursor)->at++;
    return SQLITE_OK;
}

/* The list may become shorter while it is walked. */
static int slices_eof(sqlite3_vtab_cursor *cursor)
{
    const struct slices_table *t = (struct slices_table *)cursor->pVtab;
    return ((struct slices_cursor *)cursor)->at >= folder_slice_count(t->folder);
}

static const char *status_of(const struct slice *s)
{
    return s->known && !s->growing ? "closed" : s->known || s->begun ? "open" : "unread";
}

static int slices_column(sqlite3_vtab_cursor *cursor, sqlite3_context *context, int column)
{
    enum {
        NUMBER,
        PATH,
        STATUS,
        BYTES,
        FIRST_NS,
        LAST_NS,
        FIRST_FLOW,
        LAST_FLOW,
        FLOWS,
        FRAMES,
        SHIFT,
        OPENED
    };
    const struct slices_table *t = (struct slices_table *)cursor->pVtab;
    const struct slice *s = folder_slice_at(t->folder, ((struct slices_cursor *)cursor)->at);
    bool timed = s->known ? s->first_ns <= s->last_ns : s->begun;
    bool flows = s->known && s->first_flow_id <= s->last_flow_id;
    const struct {
        bool there;
        int64_t value;
    } numbers[] = {
        [NUMBER] = {true, s->number},
        [BYTES] = {s->bytes > 0, s->bytes},
        [FIRST_NS] = {timed, s->first_ns},
        [LAST_NS] = {timed && s->known, s->last_ns},
        [FIRST_FLOW] = {flows, s->first_flow_id},
        [LAST_FLOW] = {flows, s->last_flow_id},
        [FLOWS] = {s->known, s->flows},
        [FRAMES] = {s->known, s->frames},
        [SHIFT] = {true, s->flow_shift},
        [OPENED] = {true, s->opened},
    };

    if (column == STATUS) {
        sqlite3_result_text(context, status_of(s), -1, SQLITE_STATIC);
    } else if (column == PATH) {
        char *path = folder_slice_path(t->folder, s->number);
        if (!path)
            return SQLITE_NOMEM;
        sqlite3_result_text(context, path, -1, free);
    } else if (column >= 0 && numbers[column].there) {
        sqlite3_result_int64(context, numbers[column].value);
    }
    return SQLITE_OK;
}

static int slices_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *rowid)
{
    const struct slices_table *t = (struct slices_table *)cursor->pVtab;
    *rowid = folder_slice_at(t->folder, ((struct slices_cursor *)cursor)->at)->number;
    return SQLITE_OK;
}

static const sqlite3_module slices_methods = {
    .iVersion = 0,
    .xCreate = slices_connect,
    .xConnect = slices_connect,
    .xBestIndex = slices_best_index,
    .xDisconnect = slices_disconnect,
    .xDestroy = slices_disconnect,
    .xOpen = slices_open,
    .xClose = slices_close,
    .xFilter = slices_filter,
    .xNext = slices_next,
    .xEof = slices_eof,
    .xColumn = slices_column,
    .xRowid = slices_rowid,
};

/* ---- functions of views ---- */

/* A function of a stream, or of evidence, as the slice answers that has it. */
struct routed {
    const char *name;
    int argc;
    enum role role;  /* of the first argument: a stream, or evidence */
    const char *sql; /* to the slice, that id as it is there first */
};

static const struct routed routed[] = {
    {"stream_view_sha256", 2, ROLE_STREAM, "SELECT stream_view_sha256(?1, ?2)"},
    {"stream_bytes", 3, ROLE_STREAM, "SELECT stream_bytes(?1, ?2, ?3)"},
    {"stream_bytes", 4, ROLE_STREAM, "SELECT stream_bytes(?1, ?2, ?3, ?4)"},
    {"evidence_bytes", 3, ROLE_EVIDENCE, "SELECT evidence_bytes(?1, ?2, ?3)"},
};

enum { ROUTED_COUNT = sizeof routed / sizeof *routed };

/* Whose function, and where: what SQLite keeps of each. */
struct route {
    const struct routed *routed;
    struct folder *folder;
};

static void ask_slice(sqlite3_context *context, const struct route *route, struct open_slice *open,
                      sqlite3_value **argv)
{
    sqlite3_stmt *statement;
    struct error err = {0};
    int64_t shift = role_shift(open_slice_of(open), route->routed->role);

    if (open_slice_statement(open, &statement, route->routed->sql, &err) != STATUS_OK) {
        sqlite3_result_error(context, err.text, -1);
        return;
    }
    sqlite3_bind_int64(statement, 1,
                       (int64_t)((uint64_t)sqlite3_value_int64(argv[0]) - (uint64_t)shift));
    for (int i = 1; i < route->routed->argc; i++)
        sqlite3_bind_value(statement, i + 1, argv[i]);
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        sqlite3_result_value(context, sqlite3_column_value(statement, 0));
    else if (rc == SQLITE_NOMEM)
        sqlite3_result_error_nomem(context);
    else
        sqlite3_result_error(context, sqlite3_errmsg(reader_db(open_slice_reader(open))), -1);
    open_slice_give_back(open, statement);
}

static void route_call(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    const struct route *route = sqlite3_user_data(context);
    struct folder_wish wish;
    struct open_slice *open;
    struct error err = {0};
    (void)argc;

    if (sqlite3_value_type(argv[0]) != SQLITE_INTEGER) {
        if (route->routed->role != ROLE_EVIDENCE || sqlite3_value_type(argv[0]) == SQLITE_NULL)
            return;
        value_complain(&err, route->routed->name, argv[0], "number of evidence");
        sqlite3_result_error(context, err.text, -1);
        return;
    }
    int64_t id = sqlite3_value_int64(argv[0]);
    folder_wish_all(&wish);
    if (route->routed->role == ROLE_STREAM)
        wish.flow_low = wish.flow_high = id >> 1;
    else
        wish.evidence_low = wish.evidence_high = id;
    uint32_t number;
    enum status status = folder_next(route->folder, &number, 0, false, &wish, &err);
    if (status == STATUS_OK)
        status = folder_pin(route->folder, &open, number, &err);
    if (status == STATUS_END && route->routed->role == ROLE_EVIDENCE)
        status = error_set(&err, "%s(): there is no evidence %" PRId64, route->routed->name, id);
    if (status == STATUS_FAILED)
        sqlite3_result_error(context, err.text, -1);
    if (status != STATUS_OK)
        return; /* there is no such stream: NULL */
    ask_slice(context, route, open, argv);
    folder_unpin(route->folder, open);
}

/* `evidence`: slices can read theirs. */
static enum status functions_make(sqlite3 *db, struct folder *folder, bool evidence,
                                  struct error *err)
{
    for (int i = 0; i < ROUTED_COUNT; i++) {
        if (routed[i].role == ROLE_EVIDENCE && !evidence)
            continue;
        struct route *route = malloc(sizeof *route);
        if (!route)
            return error_no_memory(err, "no memory for the functions of many cases");
        *route = (struct route){&routed[i], folder};
        /* Frees it also when it fails. */
        if (sqlite3_create_function_v2(db, routed[i].name, routed[i].argc,
                                       SQLITE_UTF8 | SQLITE_DIRECTONLY, route, route_call, NULL,
                                       NULL, free) != SQLITE_OK)
            return error_no_memory(err, "the function %s cannot be registered: %s", routed[i].name,
                                   sqlite3_errmsg(db));
    }
    return STATUS_OK;
}

/* ---- the reader ---- */

static void interrupt_slices(void *context)
{
    folder_interrupt(context);
}

/* All of it in a fresh database; the folder goes with that. */
static enum status fill(sqlite3 *db, struct folder *folder, bool evidence, struct error *err)
{
    enum status status = folder_tables_register(db, folder, err);

    if (status == STATUS_OK)
        status = functions_make(db, folder, evidence, err);
    if (status == STATUS_OK)
        status = hosts_table_register_of(
            db, "SELECT DISTINCT ip FROM main.host_rows WHERE addr BETWEEN ?1 AND ?2", err);
    if (status == STATUS_OK &&
        (sqlite3_create_module_v2(db, "slices_list", &slices_methods, folder, NULL) != SQLITE_OK ||
         sqlite3_exec(db, "CREATE VIRTUAL TABLE slices USING slices_list", NULL, NULL, NULL) !=
             SQLITE_OK))
        status = (sqlite3_errcode(db) == SQLITE_NOMEM ? error_no_memory : error_set)(
            err, "the table slices cannot be made: %s", sqlite3_errmsg(db));
    return status;
}

enum status folder_reader_open(struct reader **reader, char *const *paths, size_t count,
                               struct folder_ear ear, const struct folder_setup *setup,
                               struct error *err)
{
    struct folder *folder;
    sqlite3 *db = NULL;
    bool one_folder = count == 1 && folder_is_one(paths[0]);
    enum status status = one_folder ? folder_open(&folder, paths[0], ear, err)
                                    : folder_open_cases(&folder, paths, count, ear, err);

    *reader = NULL;
    if (status != STATUS_OK)
        return status;
    if (setup)
        folder_set_up(folder, *setup);
    if (sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK) {
        sqlite3_close(db);
        folder_close(folder);
        return error_no_memory(err, "opening %s: no memory", paths[0]);
    }
    status = fill(db, folder, setup != NULL, err);
    if (status != STATUS_OK) {
        sqlite3_close_v2(db);
        return status;
    }
    return reader_take(reader, db, one_folder ? paths[0] : "the cases", interrupt_slices, folder,
                       err);
}
