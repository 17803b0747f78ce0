/* layout_index.c - which arrivals of a stream lie in a stretch of it. */
#include "store/layout_index.h"

#include "store/sqlite.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS = 5, SHIFT_FIRST = 12, SHIFT_STEP = 5 }; /* the last holds any length of 32 bits */
enum { RUN_MOST = 1024 };                              /* bytes of a row's records */

static const char set_up[] =
    "PRAGMA page_size = 4096; PRAGMA cache_size = -192; PRAGMA journal_mode = OFF;"
    "PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; BEGIN;"
    "CREATE TABLE parts (stream_id INTEGER PRIMARY KEY, count INTEGER) STRICT;"
    "CREATE TABLE runs (stream_id INTEGER, level INTEGER, bucket INTEGER, run INTEGER, data BLOB,"
    " PRIMARY KEY (stream_id, level, bucket, run)) STRICT, WITHOUT ROWID;";

enum { GET_PARTS, SET_PARTS, PUT_RUN, FIND_RUNS, DROP_PARTS, DROP_RUNS, STATEMENT_COUNT };
static const char *const texts[STATEMENT_COUNT] = {
    [GET_PARTS] = "SELECT count FROM parts WHERE stream_id = ?1",
    [SET_PARTS] = "INSERT OR REPLACE INTO parts VALUES (?1, ?2)",
    [PUT_RUN] = "INSERT INTO runs VALUES (?1, ?2, ?3, ?4, ?5)",
    [FIND_RUNS] = "SELECT data FROM runs WHERE stream_id = ?1 AND level = ?2"
                  " AND bucket BETWEEN ?3 AND ?4",
    [DROP_PARTS] = "DELETE FROM parts WHERE stream_id = ?1",
    [DROP_RUNS] = "DELETE FROM runs WHERE stream_id = ?1",
};

struct layout_index {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    int64_t runs; /* numbers that were given to runs */
    struct {
        int64_t stream_id, begin, end;
        int level; /* at which it stands; LEVELS: at the end */
        bool bound;
    } seek;
};

static enum status fault(const struct layout_index *x, struct error *err)
{
    bool no_memory = !x->db || (sqlite3_errcode(x->db) & 0xff) == SQLITE_NOMEM;
    return (no_memory ? error_no_memory : error_set)(err, "the temporary index of arrivals: %s",
                                                     x->db ? sqlite3_errmsg(x->db) : "no memory");
}

enum status layout_index_open(struct layout_index **index, struct error *err)
{
    struct layout_index *x = calloc(1, sizeof *x);
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

    *index = NULL;
    if (!x)
        return error_no_memory(err, "no memory");
    x->seek.level = LEVELS;
    int code = sqlite3_open_v2("", &x->db, flags, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(x->db, set_up, NULL, NULL, NULL);
    for (int i = 0; i < STATEMENT_COUNT && code == SQLITE_OK; i++)
        code = sqlite3_prepare_v2(x->db, texts[i], -1, &x->statements[i], NULL);
    if (code != SQLITE_OK) {
        enum status status = fault(x, err);
        layout_index_close(x);
        return status;
    }
    *index = x;
    return STATUS_OK;
}

void layout_index_close(struct layout_index *x)
{
    if (!x)
        return;
    for (int i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(x->statements[i]);
    sqlite3_close(x->db);
    free(x);
}

bool layout_index_wants(const struct arrival_record *record)
{
    return record->fate < FATE_REFUSED && record->fate != FATE_DUPLICATE && record->offset != 0 &&
           record->captured > 0;
}

static int level_of(uint32_t len)
{
    int level = 0;

    while (level < LEVELS - 1 && len > (uint32_t)1 << (SHIFT_FIRST + level * SHIFT_STEP))
        level++;
    return level;
}

/* Rounded down, also below 0. */
static int64_t bucket_of(int64_t position, int level)
{
    int64_t len = (int64_t)1 << (SHIFT_FIRST + level * SHIFT_STEP);
    return position / len - (position % len < 0);
}

/* Runs a statement that gives no row. */
static enum status run(struct layout_index *x, int which, struct error *err)
{
    sqlite3_stmt *s = x->statements[which];
    enum status status = sqlite3_step(s) == SQLITE_DONE ? STATUS_OK : fault(x, err);

    sqlite3_reset(s);
    return status;
}

enum status layout_index_parts(struct layout_index *x, int64_t *parts, int64_t stream_id,
                               struct error *err)
{
    sqlite3_stmt *s = x->statements[GET_PARTS];

    sqlite3_bind_int64(s, 1, stream_id);
    int step = sqlite3_step(s);
    *parts = step == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    enum status status = step == SQLITE_ROW || step == SQLITE_DONE ? STATUS_OK : fault(x, err);
    sqlite3_reset(s);
    return status;
}

static enum status put_run(struct layout_index *x, int64_t stream_id, int level, int64_t bucket,
                           struct span records, struct error *err)
{
    sqlite3_stmt *s = x->statements[PUT_RUN];

    sqlite3_bind_int64(s, 1, stream_id);
    sqlite3_bind_int(s, 2, level);
    sqlite3_bind_int64(s, 3, bucket);
    sqlite3_bind_int64(s, 4, ++x->runs);
    sqlite3_bind_blob(s, 5, records.data, (int)records.len, SQLITE_STATIC);
    return run(x, PUT_RUN, err);
}

enum status layout_index_add(struct layout_index *x, int64_t stream_id, int64_t part,
                             struct span records, struct error *err)
{
    struct arrival_record record = {0}, last = {0};
    uint8_t bytes[RUN_MOST], *end = bytes;
    int level = 0;
    int64_t bucket = 0;
    enum status status = STATUS_OK;

    while (status == STATUS_OK && arrival_record_take(&records, &record)) {
        if (!layout_index_wants(&record))
            continue;
        int its_level = level_of(record.captured);
        int64_t its_bucket = bucket_of(record.position, its_level);
        if (end > bytes && (its_level != level || its_bucket != bucket ||
                            end > bytes + sizeof bytes - ARRIVAL_RECORD_MAX)) {
            status =
                put_run(x, stream_id, level, bucket, span_of(bytes, (size_t)(end - bytes)), err);
            end = bytes;
            last = (struct arrival_record){0};
        }
        level = its_level;
        bucket = its_bucket;
        end = arrival_record_put(end, &last, &record);
    }
    if (status == STATUS_OK && records.len > 0)
        status = error_set(err, "arrivals of stream %" PRId64 ": they make no sense", stream_id);
    if (status == STATUS_OK && end > bytes)
        status = put_run(x, stream_id, level, bucket, span_of(bytes, (size_t)(end - bytes)), err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(x->statements[SET_PARTS], 1, stream_id);
    sqlite3_bind_int64(x->statements[SET_PARTS], 2, part < INT64_MAX ? part + 1 : part);
    return run(x, SET_PARTS, err);
}

enum status layout_index_drop(struct layout_index *x, int64_t stream_id, struct error *err)
{
    int64_t parts;
    enum status status = layout_index_parts(x, &parts, stream_id, err);

    if (status != STATUS_OK || parts == 0)
        return status;
    sqlite3_bind_int64(x->statements[DROP_RUNS], 1, stream_id);
    sqlite3_bind_int64(x->statements[DROP_PARTS], 1, stream_id);
    status = run(x, DROP_RUNS, err);
    return status == STATUS_OK ? run(x, DROP_PARTS, err) : status;
}

void layout_index_seek(struct layout_index *x, int64_t stream_id, int64_t begin, int64_t end)
{
    sqlite3_reset(x->statements[FIND_RUNS]);
    x->seek.stream_id = stream_id;
    x->seek.begin = begin;
    x->seek.end = end;
    x->seek.level = begin < end ? 0 : LEVELS;
    x->seek.bound = false;
}

enum status layout_index_next(struct layout_index *x, struct span *records, struct error *err)
{
    sqlite3_stmt *s = x->statements[FIND_RUNS];

    for (; x->seek.level < LEVELS; x->seek.level++, x->seek.bound = false) {
        if (!x->seek.bound) {
            sqlite3_bind_int64(s, 1, x->seek.stream_id);
            sqlite3_bind_int(s, 2, x->seek.level);
            sqlite3_bind_int64(s, 3, bucket_of(x->seek.begin, x->seek.level) - 1);
            sqlite3_bind_int64(s, 4, bucket_of(x->seek.end - 1, x->seek.level));
            x->seek.bound = true;
        }
        int step = sqlite3_step(s);
        if (step == SQLITE_ROW) {
            const void *data = sqlite3_column_blob(s, 0);
            *records = span_of(data, data ? (size_t)sqlite3_column_bytes(s, 0) : 0);
            if (data)
                return STATUS_OK;
            step = SQLITE_NOMEM; /* no run is empty */
        }
        enum status status = step == SQLITE_DONE ? STATUS_OK : fault(x, err);
        sqlite3_reset(s);
        if (status != STATUS_OK) {
            x->seek.level = LEVELS;
            return status;
        }
    }
    return STATUS_END;
}
