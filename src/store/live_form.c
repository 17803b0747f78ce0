/* live_form.c - the tables of a case while it is written live. */
#include "store/live_form.h"

#include <string.h>

#define STEPS LIVE_FORM_STEP_LIST
_Static_assert(LIVE_FORM_STEPS == 256, "as the list has it");

/* What lies by commit, in the order in which a flow is written: so rows are added behind those before, and fill their
 * pages. Frames of a flow are with its first stream. */
#define RECENT_TEXT                                                                          \
    "CREATE TABLE recent (step INTEGER NOT NULL, stream_id INTEGER NOT NULL,"                \
    " kind INTEGER NOT NULL, place INTEGER NOT NULL, number INTEGER NOT NULL, low INTEGER,"  \
    " high INTEGER, flow_id INTEGER, data BLOB, PRIMARY KEY (step, stream_id, kind, place))" \
    " STRICT, WITHOUT ROWID"
_Static_assert(LIVE_FORM_FRAMES == 0 && LIVE_FORM_PLACE == 1 && LIVE_FORM_ARRIVALS == 2,
               "as the texts have it");

static const struct {
    const char *name, *settled; /* the table, under its own name and while it is live */
    const char *view;           /* in its place */
    const char *settle;
} forms[] = {
    {"arrivals", "settled_arrivals",
     "CREATE VIEW arrivals AS"
     " SELECT stream_id, part, segments, low, high, data FROM settled_arrivals UNION ALL"
     " SELECT stream_id, place, number, low, high, data FROM recent WHERE step IN " STEPS
     " AND kind = 2",
     "INSERT OR FAIL INTO settled_arrivals (stream_id, part, segments, low, high, data)"
     " SELECT stream_id, place, number, low, high, data FROM recent WHERE kind = 2"
     " ORDER BY stream_id, place"},
    {"flow_frames", "settled_frames",
     "CREATE VIEW flow_frames AS"
     " SELECT flow_id, part, frames, data FROM settled_frames UNION ALL"
     " SELECT flow_id, place, number, data FROM recent WHERE step IN " STEPS
     " AND stream_id = 2 * flow_id AND kind = 0",
     "INSERT OR FAIL INTO settled_frames (flow_id, part, frames, data)"
     " SELECT flow_id, place, number, data FROM recent WHERE kind = 0 ORDER BY flow_id, place"},
    {"chunk_data", "chunk_rows",
     "CREATE VIEW chunk_data AS"
     " SELECT d.chunk_id, p.stream_id, p.position, d.length, d.part, d.data"
     " FROM settled_places AS p CROSS JOIN chunk_rows AS d ON d.chunk_id = p.chunk_id UNION ALL"
     " SELECT d.chunk_id, p.stream_id, p.place, d.length, d.part, d.data"
     " FROM recent AS p CROSS JOIN chunk_rows AS d ON d.chunk_id = p.number"
     " WHERE p.step IN " STEPS " AND p.kind = 1",
     "INSERT OR FAIL INTO settled_places (stream_id, position, chunk_id)"
     " SELECT stream_id, place, number FROM recent WHERE kind = 1"
     " ORDER BY stream_id, place, number"},
};

enum { FORMS = sizeof forms / sizeof *forms };
_Static_assert(FORMS == 3, "as live_form_is() asks for them");

/* A record of an index ends with the rowid; a table without rowid that has no column beside its key has the same
 * records, in the same order (SQLite's file format, 2.4 and 2.5). */
#define INDEX_TEXT "CREATE INDEX chunk_data_place ON chunk_data (stream_id, position)"
#define PLACES_TEXT                                                                             \
    "CREATE TABLE settled_places (stream_id INTEGER NOT NULL, position INTEGER NOT NULL,"       \
    " chunk_id INTEGER NOT NULL, PRIMARY KEY (stream_id, position, chunk_id)) STRICT, WITHOUT " \
    "ROWID"

const char *const live_form_tables[] = {
    "settled_arrivals", "settled_frames", "settled_places", "chunk_rows", "recent", NULL,
};

bool live_form_is_view(const char *name, const char *sql)
{
    for (int i = 0; i < FORMS; i++)
        if (strcmp(name, forms[i].name) == 0)
            return strcmp(sql, forms[i].view) == 0;
    return false;
}

/* Takes `sql`, and runs it. The number that it gives, where that is asked for. */
static int run(sqlite3 *db, char *sql, int *number)
{
    sqlite3_stmt *s = NULL;

    if (!sql)
        return SQLITE_NOMEM;
    int code = number ? sqlite3_prepare_v2(db, sql, -1, &s, NULL)
                      : sqlite3_exec(db, sql, NULL, NULL, NULL);
    if (code == SQLITE_OK && number) {
        *number = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int(s, 0) : 0;
        code = sqlite3_finalize(s);
    }
    sqlite3_free(sql);
    return code;
}

/* To the letter, so that nothing of a stranger's runs when it is left. */
bool live_form_is(sqlite3 *db, const char *schema)
{
    int found = 0;

    return run(db,
               sqlite3_mprintf(
                   "SELECT count(*) FROM \"%w\".sqlite_schema WHERE"
                   " (type = 'view' AND (name, sql) IN (VALUES (%Q, %Q), (%Q, %Q), (%Q, %Q))) OR"
                   " (type = 'table' AND rootpage > 0 AND sql IN (%Q, %Q))",
                   schema, forms[0].name, forms[0].view, forms[1].name, forms[1].view,
                   forms[2].name, forms[2].view, RECENT_TEXT, PLACES_TEXT),
               &found) == SQLITE_OK &&
           found == FORMS + 2;
}

/* ---- the rows of the schema ---- */

static int rename_table(sqlite3 *db, const char *from, const char *to, int *found)
{
    int code = run(db,
                   sqlite3_mprintf(
                       "UPDATE sqlite_schema SET name = %Q, tbl_name = %Q, sql = 'CREATE TABLE ' ||"
                       " %Q || substr(sql, length('CREATE TABLE ' || %Q) + 1)"
                       " WHERE type = 'table' AND name = %Q"
                       " AND substr(sql, 1, length('CREATE TABLE ' || %Q || ' ')) ="
                       " 'CREATE TABLE ' || %Q || ' '",
                       to, to, to, from, from, from, from),
                   NULL);

    *found += code == SQLITE_OK ? sqlite3_changes(db) : 0;
    return code;
}

static int turn(sqlite3 *db, const char *type, const char *name, const char *table, const char *sql,
                const char *from, int *found)
{
    int code =
        run(db,
            sqlite3_mprintf("UPDATE sqlite_schema SET type = %Q, name = %Q, tbl_name = %Q, sql = %Q"
                            " WHERE rootpage > 0 AND sql = %Q",
                            type, name, table, sql, from),
            NULL);

    *found += code == SQLITE_OK ? sqlite3_changes(db) : 0;
    return code;
}

/* Renames the tables, which is not seen until the schema is read again; *found of them were as expected. */
static int rename_all(sqlite3 *db, bool to_live, int *found)
{
    int code = SQLITE_OK;

    for (int i = 0; i < FORMS && code == SQLITE_OK; i++)
        code = to_live ? rename_table(db, forms[i].name, forms[i].settled, found)
                       : rename_table(db, forms[i].settled, forms[i].name, found);
    if (code == SQLITE_OK && to_live)
        code =
            turn(db, "table", "settled_places", "settled_places", PLACES_TEXT, INDEX_TEXT, found);
    else if (code == SQLITE_OK)
        code = turn(db, "index", "chunk_data_place", "chunk_data", INDEX_TEXT, PLACES_TEXT, found);
    return code;
}

/* The same, or nothing. */
static int rename_tables(sqlite3 *db, bool to_live, bool *done)
{
    int found = 0;

    *done = false;
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
    int code = sqlite3_exec(db, "SAVEPOINT form; PRAGMA writable_schema = ON", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = rename_all(db, to_live, &found);
    *done = code == SQLITE_OK && found == FORMS + 1;
    if (code == SQLITE_OK && !*done)
        code = sqlite3_exec(db, "ROLLBACK TO form", NULL, NULL, NULL);
    const int reset =
        sqlite3_exec(db, "RELEASE form; PRAGMA writable_schema = RESET", NULL, NULL, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    return code == SQLITE_OK ? reset : code;
}

/* ---- */

/* How many indexes and triggers the owner of a case has made for these tables: under another name they would not find
 * them, and SQLite could not read the schema. */
static int count_others(sqlite3 *db, int *count)
{
    return run(db,
               sqlite3_mprintf("SELECT count(*) FROM main.sqlite_schema WHERE type IN ('index',"
                               " 'trigger') AND tbl_name IN (%Q, %Q, %Q) AND sql IS NOT %Q",
                               forms[0].name, forms[1].name, forms[2].name, INDEX_TEXT),
               count);
}

int live_form_enter(sqlite3 *db, bool *is)
{
    int others = 0, code = count_others(db, &others);

    *is = false;
    if (code == SQLITE_OK && others == 0)
        code = rename_tables(db, true, is);

    if (code == SQLITE_OK && *is)
        code = sqlite3_exec(db, RECENT_TEXT, NULL, NULL, NULL);
    for (int i = 0; i < FORMS && code == SQLITE_OK && *is; i++)
        code = sqlite3_exec(db, forms[i].view, NULL, NULL, NULL);
    *is = *is && code == SQLITE_OK;
    return code;
}

int live_form_settle(sqlite3 *db)
{
    int code = SQLITE_OK;

    for (int i = 0; i < FORMS && code == SQLITE_OK; i++)
        code = sqlite3_exec(db, forms[i].settle, NULL, NULL, NULL);
    return code == SQLITE_OK ? sqlite3_exec(db, "DELETE FROM recent", NULL, NULL, NULL) : code;
}

int live_form_leave(sqlite3 *db)
{
    bool done = false;
    int code = live_form_settle(db);

    for (int i = 0; i < FORMS && code == SQLITE_OK; i++)
        code = run(db, sqlite3_mprintf("DROP VIEW main.%s", forms[i].name), NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, "DROP TABLE main.recent", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = rename_tables(db, false, &done);
    return code == SQLITE_OK && !done ? SQLITE_CORRUPT : code;
}
