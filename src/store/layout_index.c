/* layout_index.c - which arrivals of a stream lie in a stretch of it. */
#include "store/layout_index.h"

#include "store/sqlite.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS = 5, SHIFT_FIRST = 12, SHIFT_STEP = 5 }; /* the last holds any length of 32 bits */
enum { RUN_MOST = 1024 };                              /* bytes of a row's records */
enum { PATCH_LEN = 512 };                              /* positions */

/* As a row has it. */
struct patch {
    uint8_t present[PATCH_LEN]; /* 0 or 1 */
    uint8_t bytes[PATCH_LEN];
};

static const char set_up[] =
    "PRAGMA page_size = 4096; PRAGMA cache_size = -192; PRAGMA journal_mode = OFF;"
    "PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; BEGIN;"
    "CREATE TABLE parts (stream_id INTEGER PRIMARY KEY, count INTEGER) STRICT;"
    "CREATE TABLE runs (stream_id INTEGER, level INTEGER, bucket INTEGER, run INTEGER, data BLOB,"
    " PRIMARY KEY (stream_id, level, bucket, run)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE patches (stream_id INTEGER, place INTEGER, data BLOB,"
    " PRIMARY KEY (stream_id, place)) STRICT, WITHOUT ROWID;";

enum {
    GET_PARTS,
    SET_PARTS,
    PUT_RUN,
    FIND_RUNS,
    PUT_PATCH,
    FIND_PATCHES,
    DROP_PARTS,
    DROP_RUNS,
    DROP_PATCHES,
    STATEMENT_COUNT
};
static const char *const texts[STATEMENT_COUNT] = {
    [GET_PARTS] = "SELECT count FROM parts WHERE stream_id = ?1",
    [SET_PARTS] = "INSERT OR REPLACE INTO parts VALUES (?1, ?2)",
    [PUT_RUN] = "INSERT INTO runs VALUES (?1, ?2, ?3, ?4, ?5)",
    [FIND_RUNS] = "SELECT data FROM runs WHERE stream_id = ?1 AND level = ?2"
                  " AND bucket BETWEEN ?3 AND ?4",
    [PUT_PATCH] = "INSERT OR REPLACE INTO patches VALUES (?1, ?2, ?3)",
    [FIND_PATCHES] = "SELECT place, data FROM patches WHERE stream_id = ?1"
                     " AND place BETWEEN ?2 AND ?3",
    [DROP_PARTS] = "DELETE FROM parts WHERE stream_id = ?1",
    [DROP_RUNS] = "DELETE FROM runs WHERE stream_id = ?1",
    [DROP_PATCHES] = "DELETE FROM patches WHERE stream_id = ?1",
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

/* Also below 0. */
static int64_t divided_down(int64_t position, int64_t len)
{
    return position / len - (position % len < 0);
}

static int64_t bucket_of(int64_t position, int level)
{
    return divided_down(position, (int64_t)1 << (SHIFT_FIRST + level * SHIFT_STEP));
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
    enum status status = STATUS_OK;

    for (int i = DROP_PARTS; i <= DROP_PATCHES && status == STATUS_OK; i++) {
        sqlite3_bind_int64(x->statements[i], 1, stream_id);
        status = run(x, i, err);
    }
    return status;
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

/* The patch of a place; an empty one where there is none. */
static enum status get_patch(struct layout_index *x, struct patch *patch, int64_t stream_id,
                             int64_t place, struct error *err)
{
    sqlite3_stmt *s = x->statements[FIND_PATCHES];
    enum status status = STATUS_OK;

    memset(patch, 0, sizeof *patch);
    sqlite3_bind_int64(s, 1, stream_id);
    sqlite3_bind_int64(s, 2, place);
    sqlite3_bind_int64(s, 3, place);
    int step = sqlite3_step(s);
    const void *data = step == SQLITE_ROW ? sqlite3_column_blob(s, 1) : NULL;
    if (data)
        memcpy(patch, data, sizeof *patch);
    else if (step != SQLITE_DONE)
        status = fault(x, err);
    sqlite3_reset(s);
    return status;
}

enum status layout_index_patch(struct layout_index *x, int64_t stream_id, int64_t position,
                               struct span kept, struct error *err)
{
    enum status status = STATUS_OK;
    struct patch patch;

    while (kept.len > 0 && status == STATUS_OK) {
        int64_t place = divided_down(position, PATCH_LEN);
        size_t at = (size_t)(position - place * PATCH_LEN);
        size_t len = kept.len < PATCH_LEN - at ? kept.len : PATCH_LEN - at;
        status = get_patch(x, &patch, stream_id, place, err);
        if (status != STATUS_OK)
            break;
        memset(patch.present + at, 1, len);
        memcpy(patch.bytes + at, kept.data, len);
        sqlite3_bind_int64(x->statements[PUT_PATCH], 1, stream_id);
        sqlite3_bind_int64(x->statements[PUT_PATCH], 2, place);
        sqlite3_bind_blob(x->statements[PUT_PATCH], 3, &patch, sizeof patch, SQLITE_STATIC);
        status = run(x, PUT_PATCH, err);
        position += (int64_t)len;
        kept = span_after(kept, len);
    }
    return status;
}

enum status layout_index_patches(struct layout_index *x, int64_t stream_id, int64_t begin,
                                 int64_t end,
                                 void (*see)(void *context, int64_t position, struct span kept),
                                 void *context, struct error *err)
{
    sqlite3_stmt *s = x->statements[FIND_PATCHES];
    int step;

    sqlite3_bind_int64(s, 1, stream_id);
    sqlite3_bind_int64(s, 2, divided_down(begin, PATCH_LEN));
    sqlite3_bind_int64(s, 3, divided_down(end - 1, PATCH_LEN));
    while ((step = sqlite3_step(s)) == SQLITE_ROW) {
        const struct patch *patch = sqlite3_column_blob(s, 1);
        if (!patch) {
            step = SQLITE_NOMEM;
            break;
        }
        int64_t position = sqlite3_column_int64(s, 0) * PATCH_LEN;
        for (size_t at = 0; at < PATCH_LEN;) {
            size_t from = at;
            while (at < PATCH_LEN && patch->present[at])
                at++;
            if (at > from)
                see(context, position + (int64_t)from, span_of(patch->bytes + from, at - from));
            else
                at++;
        }
    }
    enum status status = step == SQLITE_DONE ? STATUS_OK : fault(x, err);
    sqlite3_reset(s);
    return status;
}
