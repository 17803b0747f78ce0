/* hits.c - what a search finds, as rows of SQL. */
#include "search/hits.h"

#include "search/kept.h"
#include "search/origin.h"

#include <stdlib.h>
#include <string.h>

enum { EXCERPT_MOST = EXCERPT_BEFORE + EXCERPT_HIT + EXCERPT_AFTER };

/* Which frame brought a hit, and when. */
struct bringer {
    bool known;
    int64_t evidence_id, frame, time_ns;
    bool has_time;
};

struct hits {
    sqlite3_vtab *table; /* SQLite's */
    struct reader *reader;
    struct hits_source source;
    struct origins *origins;
    struct kept *kept;
    sqlite3_stmt *refused, *conflicts;

    struct search_hit hit;
    uint64_t number; /* of the hit, from 1 */
    bool end;
    bool located, excerpted; /* what follows is of this hit */
    struct bringer bringer;
    uint8_t bytes[EXCERPT_MOST];
    int64_t excerpt_begin;
    size_t excerpt_len;
};

struct table {
    sqlite3_vtab base;
    struct hits *hits; /* borrowed */
};

enum {
    STREAM_ID,
    POSITION,
    LENGTH,
    VERSION,
    EVIDENCE_ID,
    FRAME,
    TIME_NS,
    EXCERPT_POSITION,
    EXCERPT,
};

static const char declaration[] =
    "CREATE TABLE search_hits (stream_id INTEGER, position INTEGER, length INTEGER, version TEXT,"
    " evidence_id INTEGER, frame INTEGER, time_ns INTEGER, excerpt_position INTEGER, excerpt BLOB)";

static int told(struct hits *h, enum status status, const struct error *err)
{
    if (status == STATUS_OK)
        return SQLITE_OK;
    if (err->no_memory)
        return SQLITE_NOMEM;
    sqlite3_free(h->table->zErrMsg);
    h->table->zErrMsg = sqlite3_mprintf("%s", err->text);
    return SQLITE_ERROR;
}

static int on_connect(sqlite3 *db, void *aux, int argc, const char *const *argv,
                      sqlite3_vtab **vtab, char **message)
{
    struct hits *h = aux;
    (void)argc, (void)argv, (void)message;

    int rc = sqlite3_declare_vtab(db, declaration);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY);
    struct table *t = sqlite3_malloc(sizeof *t);
    if (!t)
        return SQLITE_NOMEM;
    *t = (struct table){.hits = h};
    *vtab = &t->base;
    return SQLITE_OK;
}

static int on_disconnect(sqlite3_vtab *vtab)
{
    sqlite3_free(vtab);
    return SQLITE_OK;
}

/* There is one plan: all of it, once. */
static int on_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    (void)vtab;
    info->estimatedCost = 1e9;
    info->estimatedRows = 1000;
    return SQLITE_OK;
}

static int on_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **cursor)
{
    (void)vtab;
    *cursor = sqlite3_malloc(sizeof **cursor);
    if (!*cursor)
        return SQLITE_NOMEM;
    memset(*cursor, 0, sizeof **cursor);
    return SQLITE_OK;
}

static int on_close(sqlite3_vtab_cursor *cursor)
{
    sqlite3_free(cursor);
    return SQLITE_OK;
}

static struct hits *hits_of(sqlite3_vtab_cursor *cursor)
{
    struct hits *h = ((struct table *)cursor->pVtab)->hits;
    h->table = cursor->pVtab;
    return h;
}

static int on_next(sqlite3_vtab_cursor *cursor)
{
    struct hits *h = hits_of(cursor);
    struct error err = {0};
    enum status status = h->source.next(h->source.context, &h->hit, &err);

    h->located = h->excerpted = false;
    h->number++;
    h->end = status == STATUS_END;
    return h->end ? SQLITE_OK : told(h, status, &err);
}

static int on_filter(sqlite3_vtab_cursor *cursor, int number, const char *text, int argc,
                     sqlite3_value **argv)
{
    (void)number, (void)text, (void)argc, (void)argv;
    return on_next(cursor);
}

static int on_eof(sqlite3_vtab_cursor *cursor)
{
    return hits_of(cursor)->end;
}

static int on_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *rowid)
{
    *rowid = (sqlite3_int64)hits_of(cursor)->number;
    return SQLITE_OK;
}

/* The row of what lost, in which the hit is: evidence, frame, time (or NULL), position, data. NULL after
 * a failure. */
static sqlite3_stmt *lost_row(struct hits *h, enum status *status, struct error *err)
{
    sqlite3_stmt *s = h->hit.version == SEARCH_REFUSED ? h->refused : h->conflicts;

    sqlite3_reset(s);
    sqlite3_bind_int64(s, 1, h->hit.row_id);
    *status = STATUS_OK;
    if (sqlite3_step(s) == SQLITE_ROW)
        return s;
    *status = error_set(err, "reading %s: %s", reader_path(h->reader),
                        sqlite3_errmsg(reader_db(h->reader)));
    return NULL;
}

static enum status locate_lost(struct hits *h, struct error *err)
{
    enum status status;
    sqlite3_stmt *s = lost_row(h, &status, err);

    if (!s)
        return status;
    h->bringer = (struct bringer){
        .known = true,
        .evidence_id = sqlite3_column_int64(s, 0),
        .frame = sqlite3_column_int64(s, 1),
        .has_time = sqlite3_column_type(s, 2) == SQLITE_INTEGER,
        .time_ns = sqlite3_column_int64(s, 2),
    };
    sqlite3_reset(s);
    return STATUS_OK;
}

static enum status locate(struct hits *h, struct error *err)
{
    struct arrival_record record;

    if (h->located)
        return STATUS_OK;
    h->located = true;
    if (h->hit.version != SEARCH_KEPT)
        return locate_lost(h, err);
    enum status status = origin_find(h->origins, &record, h->hit.stream_id, h->hit.begin, err);
    h->bringer = (struct bringer){.known = status == STATUS_OK};
    if (status == STATUS_OK)
        h->bringer = (struct bringer){
            .known = true,
            .evidence_id = record.evidence_id,
            .frame = (int64_t)record.frame,
            .time_ns = record.time_ns,
            .has_time = true,
        };
    return status == STATUS_FAILED ? status : STATUS_OK;
}

/* Bytes around the beginning of the hit, that touch each other. */
static enum status excerpt(struct hits *h, struct error *err)
{
    bool present[EXCERPT_MOST] = {false};
    uint8_t bytes[EXCERPT_MOST];
    int64_t end = h->hit.end - h->hit.begin < EXCERPT_HIT ? h->hit.end : h->hit.begin + EXCERPT_HIT;
    int64_t begin = h->hit.begin - EXCERPT_BEFORE;
    enum status status = STATUS_OK;

    if (h->excerpted)
        return STATUS_OK;
    h->excerpted = true;
    end += EXCERPT_AFTER;
    if (h->hit.version != SEARCH_REFUSED)
        status = kept_read(h->kept, bytes, present, h->hit.stream_id, begin, end, err);
    if (status == STATUS_OK && h->hit.version != SEARCH_KEPT) {
        sqlite3_stmt *s = lost_row(h, &status, err);
        const void *data = s ? sqlite3_column_blob(s, 4) : NULL;
        if (data)
            kept_lay(bytes, present, begin, end, sqlite3_column_int64(s, 3),
                     span_of(data, (size_t)sqlite3_column_bytes(s, 4)));
        sqlite3_reset(s);
    }
    if (status != STATUS_OK)
        return status;
    size_t from = EXCERPT_BEFORE, to = EXCERPT_BEFORE;
    while (from > 0 && present[from - 1])
        from--;
    while (to < (size_t)(end - begin) && present[to])
        to++;
    memcpy(h->bytes, bytes + from, to - from);
    h->excerpt_begin = begin + (int64_t)from;
    h->excerpt_len = to - from;
    return STATUS_OK;
}

static int on_column(sqlite3_vtab_cursor *cursor, sqlite3_context *context, int column)
{
    struct hits *h = hits_of(cursor);
    struct error err = {0};
    enum status status = STATUS_OK;

    if (column >= EVIDENCE_ID && column <= TIME_NS)
        status = locate(h, &err);
    else if (column >= EXCERPT_POSITION)
        status = excerpt(h, &err);
    if (status != STATUS_OK) {
        if (err.no_memory)
            sqlite3_result_error_nomem(context);
        else
            sqlite3_result_error(context, err.text, -1);
        return SQLITE_ERROR;
    }
    switch (column) {
    case STREAM_ID:
        sqlite3_result_int64(context, h->hit.stream_id);
        break;
    case POSITION:
        sqlite3_result_int64(context, h->hit.begin);
        break;
    case LENGTH:
        sqlite3_result_int64(context, h->hit.end - h->hit.begin);
        break;
    case VERSION:
        sqlite3_result_text(context, search_version_name(h->hit.version), -1, SQLITE_STATIC);
        break;
    case EVIDENCE_ID:
        if (h->bringer.known)
            sqlite3_result_int64(context, h->bringer.evidence_id);
        break;
    case FRAME:
        if (h->bringer.known)
            sqlite3_result_int64(context, h->bringer.frame);
        break;
    case TIME_NS:
        if (h->bringer.has_time)
            sqlite3_result_int64(context, h->bringer.time_ns);
        break;
    case EXCERPT_POSITION:
        sqlite3_result_int64(context, h->excerpt_begin);
        break;
    default:
        sqlite3_result_blob(context, h->bytes, (int)h->excerpt_len, SQLITE_TRANSIENT);
        break;
    }
    return SQLITE_OK;
}

static const sqlite3_module module = {
    .iVersion = 1,
    .xConnect = on_connect, /* without xCreate: it is there by its name alone */
    .xBestIndex = on_best_index,
    .xDisconnect = on_disconnect,
    .xOpen = on_open,
    .xClose = on_close,
    .xFilter = on_filter,
    .xNext = on_next,
    .xEof = on_eof,
    .xColumn = on_column,
    .xRowid = on_rowid,
};

static enum status prepare(struct hits *h, struct error *err)
{
    enum status status =
        reader_prepare_own(h->reader, &h->refused,
                           "SELECT evidence_id, frame, time_ns, position, data FROM \"%w\".refused"
                           " WHERE refused_id = ?1",
                           err);

    if (status == STATUS_OK)
        status = reader_prepare_own(h->reader, &h->conflicts,
                                    "SELECT other_evidence_id, other_frame, NULL, position, other"
                                    " FROM \"%w\".conflicts WHERE conflict_id = ?1",
                                    err);
    if (status == STATUS_OK &&
        sqlite3_create_module(reader_db(h->reader), "search_hits", &module, h) != SQLITE_OK)
        status =
            error_set(err, "the hits cannot be shown: %s", sqlite3_errmsg(reader_db(h->reader)));
    return status;
}

enum status hits_open(struct hits **hits, struct reader *reader, const struct hits_source *source,
                      struct error *err)
{
    struct hits *h = calloc(1, sizeof *h);

    *hits = NULL;
    if (!h)
        return error_no_memory(err, "no memory to search");
    h->reader = reader;
    h->source = *source;
    enum status status = origins_open(&h->origins, reader, err);
    if (status == STATUS_OK)
        status = kept_open(&h->kept, reader, err);
    if (status == STATUS_OK)
        status = prepare(h, err);
    if (status == STATUS_OK)
        *hits = h;
    else
        hits_close(h);
    return status;
}

void hits_close(struct hits *h)
{
    if (!h)
        return;
    sqlite3_create_module(reader_db(h->reader), "search_hits", NULL, NULL);
    sqlite3_finalize(h->refused);
    sqlite3_finalize(h->conflicts);
    origins_close(h->origins);
    kept_close(h->kept);
    free(h);
}
