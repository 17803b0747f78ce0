/* folder_kinds.c - what the tables of many cases are made of. */
#include "store/folder_kinds.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Tables whose rows are of the slice in which their evidence is. In others an evidence_id may be that of an
 * earlier slice, in which a flow began. */
static bool is_of_evidence(const char *table)
{
    static const char *const tables[] = {"evidence", "evidence_blocks", "interfaces", "verdicts",
                                         "notes",    "capture_stats",   "secrets"};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        if (strcmp(table, tables[i]) == 0)
            return true;
    }
    return false;
}

static enum role role_of(const char *table, const char *column, bool is_integer)
{
    static const struct {
        const char *name;
        enum role role;
    } roles[] = {
        {"flow_id", ROLE_FLOW},
        {"flow", ROLE_FLOW},
        {"stream_id", ROLE_STREAM},
        {"stream", ROLE_STREAM},
        {"continues_flow_id", ROLE_OTHER_FLOW},
        {"kept_evidence_id", ROLE_OTHER_EVIDENCE},
        {"other_evidence_id", ROLE_OTHER_EVIDENCE},
        {"first_ns", ROLE_TIME},
        {"last_ns", ROLE_TIME},
        {"time_ns", ROLE_TIME},
        {"interface_id", ROLE_PLAIN},
    };
    size_t len = strlen(column);

    if (strcmp(table, "evidence") == 0 && strcmp(column, "status") == 0)
        return ROLE_STATUS;
    if (!is_integer || strcmp(table, "runs") == 0)
        return is_integer && strcmp(column, "run_id") == 0 ? ROLE_LOOSE : ROLE_PLAIN;
    if (strcmp(column, "evidence_id") == 0)
        return is_of_evidence(table) ? ROLE_EVIDENCE : ROLE_OTHER_EVIDENCE;
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        if (strcmp(column, roles[i].name) == 0)
            return roles[i].role;
    }
    return len > 3 && strcmp(column + len - 3, "_id") == 0 ? ROLE_LOOSE : ROLE_PLAIN;
}

static enum status of_memory(struct error *err)
{
    return error_no_memory(err, "no memory for the tables of many cases");
}

static enum status of_model(sqlite3 *model, struct error *err)
{
    if (sqlite3_errcode(model) == SQLITE_NOMEM)
        return of_memory(err);
    return error_set(err, "the schema cannot be read: %s", sqlite3_errmsg(model));
}

static void kind_release(struct kind *k)
{
    for (int i = 0; i <= k->count && i <= COLUMNS_MAX; i++)
        free(k->columns[i].name);
    free(k->name);
    free(k->shown);
}

void kinds_release(struct kinds *m)
{
    for (size_t i = 0; i < m->count; i++)
        kind_release(&m->kinds[i]);
    free(m->kinds);
    *m = (struct kinds){0};
}

/* Reads the columns of a table off the template. */
static enum status kind_columns(struct kind *k, sqlite3 *model, struct error *err)
{
    enum { NAME, TYPE, KEY, HIDDEN, INDEXED };
    sqlite3_stmt *row = NULL;
    enum status status = STATUS_OK;
    int rc;

    if (sqlite3_prepare_v2(
            model,
            "SELECT x.name, x.type, x.pk, x.hidden, x.pk = 1 OR EXISTS (SELECT 1 FROM"
            " pragma_index_list(?1) AS l, pragma_index_info(l.name) AS i WHERE i.seqno = 0 AND"
            " i.name = x.name) FROM pragma_table_xinfo(?1) AS x WHERE x.name <> 'schema' OR "
            "x.hidden = 0",
            -1, &row, NULL) != SQLITE_OK)
        return of_model(model, err);
    sqlite3_bind_text(row, 1, k->name, -1, SQLITE_STATIC);
    while (status == STATUS_OK && (rc = sqlite3_step(row)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(row, NAME);
        const char *type = (const char *)sqlite3_column_text(row, TYPE);
        assert(k->count < COLUMNS_MAX); /* the schema is ours */
        struct column *c = &k->columns[k->count];
        c->name = name && type ? strdup(name) : NULL;
        c->type = type && strcmp(type, "INTEGER") == 0 ? 'i'
                  : type && strcmp(type, "TEXT") == 0  ? 't'
                                                       : 'b';
        c->key = sqlite3_column_int(row, KEY) > 0;
        c->hidden = sqlite3_column_int(row, HIDDEN) != 0;
        c->indexed = sqlite3_column_int(row, INDEXED) != 0;
        if (k->decoded)
            c->indexed = k->count == 0 || c->hidden;
        else if (k->streams && name && strcmp(name, "flow_id") == 0)
            c->indexed = true;
        if (!c->name)
            status = of_memory(err);
        else
            c->role = role_of(k->name, c->name, c->type == 'i');
        k->names[k->count] = c->name;
        k->count++;
    }
    if (status == STATUS_OK && rc != SQLITE_DONE)
        status = of_model(model, err);
    sqlite3_finalize(row);
    k->columns[k->count] =
        (struct column){.name = strdup("slice"), .role = ROLE_SLICE, .type = 'i', .hidden = true};
    return status == STATUS_OK && !k->columns[k->count].name ? of_memory(err) : status;
}

/* A table that is no WITHOUT ROWID table has a key of one integer, the rowid; of others all columns are the key
 * that are declared so or, where none is, all that there are. */
static void kind_key(struct kind *k, bool without_rowid)
{
    int keys = 0, last = -1;

    for (int i = 0; i < k->count; i++) {
        if (k->columns[i].key) {
            keys++;
            last = i;
        }
    }
    k->rowid = !without_rowid && keys == 1 && k->columns[last].type == 'i' ? last : -1;
    for (int i = 0; keys == 0 && i < k->count; i++)
        k->columns[i].key = !k->columns[i].hidden;
}

static enum status kind_add(struct kinds *m, sqlite3 *model, const char *name, const char *shown,
                            bool without_rowid, bool decoded, struct error *err)
{
    struct kind *grown = realloc(m->kinds, (m->count + 1) * sizeof *grown);

    if (!grown)
        return of_memory(err);
    m->kinds = grown;
    struct kind *k = &m->kinds[m->count];
    *k = (struct kind){.name = strdup(name),
                       .shown = strdup(shown),
                       .key = (unsigned)m->count,
                       .decoded = decoded,
                       .called = strcmp(name, "stream_bytes") == 0,
                       .streams = strcmp(name, "streams") == 0};
    m->count++;
    assert(m->count <= FOLDER_KEYS);
    enum status status = k->name && k->shown ? kind_columns(k, model, err) : of_memory(err);
    kind_key(k, without_rowid);
    return status;
}

/* All tables of the schema, and the three that are decoded. */
enum status kinds_read(struct kinds *m, sqlite3 *model, struct error *err)
{
    sqlite3_stmt *row;
    enum status status = STATUS_OK;
    int rc = SQLITE_DONE;

    if (sqlite3_prepare_v2(
            model,
            "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"
            " AND name NOT LIKE 'sqlite_%' ORDER BY name",
            -1, &row, NULL) != SQLITE_OK)
        return of_model(model, err);
    while (status == STATUS_OK && (rc = sqlite3_step(row)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(row, 0);
        bool hosts = name && strcmp(name, "hosts") == 0;
        if (!name) {
            status = of_memory(err);
            break;
        }
        status = kind_add(m, model, name, hosts ? "host_rows" : name,
                          sqlite3_column_int(row, 1) != 0, false, err);
    }
    if (status == STATUS_OK && rc != SQLITE_DONE)
        status = of_model(model, err);
    sqlite3_finalize(row);
    if (status == STATUS_OK)
        status = kind_add(m, model, "segments", "segments", false, true, err);
    if (status == STATUS_OK)
        status = kind_add(m, model, "frames", "frames", false, true, err);
    if (status == STATUS_OK)
        status = kind_add(m, model, "stream_bytes", "stream_bytes", false, true, err);
    return status;
}

bool kind_declaration(struct buffer *to, const struct kind *k)
{
    static const char *const types[] = {['i'] = "INTEGER", ['t'] = "TEXT", ['b'] = "BLOB"};
    bool keyed = k->rowid < 0;

    if (!buffer_reserve(to, to->ceiling)) /* once: no part may be left out */
        return false;
    buffer_add_text(to, "CREATE TABLE x (");
    for (int i = 0; i <= k->count; i++)
        buffer_print(to, "%s\"%s\" %s%s", i ? ", " : "", k->columns[i].name,
                     types[(unsigned char)k->columns[i].type],
                     k->columns[i].hidden ? " HIDDEN" : "");
    if (keyed) {
        buffer_add_text(to, ", PRIMARY KEY (");
        for (int i = 0; i < k->count; i++) {
            if (k->columns[i].key)
                buffer_print(to, "\"%s\", ", k->columns[i].name);
        }
        buffer_add_text(to, "slice)");
    }
    return buffer_add_text(to, keyed ? ") WITHOUT ROWID" : ")");
}

static int64_t sum_of(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b); /* a hostile id may pass the end */
}

int64_t role_shift(const struct slice *s, enum role role)
{
    switch (role) {
    case ROLE_FLOW:
    case ROLE_OTHER_FLOW:
        return s->flow_shift;
    case ROLE_STREAM:
        return sum_of(s->flow_shift, s->flow_shift);
    case ROLE_EVIDENCE:
    case ROLE_OTHER_EVIDENCE:
        return s->evidence_shift;
    case ROLE_PLAIN:
    case ROLE_TIME:
    case ROLE_SLICE:
    case ROLE_LOOSE:
    case ROLE_STATUS:
    default:
        return 0;
    }
}

int64_t role_shown(const struct slice *s, enum role role, int64_t id)
{
    if (role != ROLE_LOOSE)
        return sum_of(id, role_shift(s, role));
    return id >> FOLDER_ID_BITS == s->block || id < 0
               ? id
               : sum_of(id, (int64_t)((uint64_t)s->block << FOLDER_ID_BITS));
}
