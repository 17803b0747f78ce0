/* layout.c - bytes of a stream laid out from where they lie: the capture. */
#include "store/layout.h"

#include "store/blobs.h"
#include "store/layout_index.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNKS, ARRIVALS, CONFLICTS, STATEMENT_COUNT };

/* The schema is given twice, and ignored where it is not asked for. A row of chunk_data has at most 16,384
 * bytes, one of conflicts at most 262,144. */
static const char *const texts[STATEMENT_COUNT] = {
    [CHUNKS] = "SELECT position, data FROM \"%w\".stream_data WHERE stream_id = ?1 UNION ALL"
               " SELECT position, data FROM \"%w\".chunk_data WHERE stream_id = ?1"
               " AND position > ?2 - 16384 AND position < ?3",
    [ARRIVALS] = "SELECT part, data FROM \"%w\".arrivals WHERE stream_id = ?1 AND part >= ?2"
                 " ORDER BY stream_id, part",
    [CONFLICTS] = "SELECT position, kept FROM \"%w\".conflicts WHERE stream_id = ?1"
                  " AND position > ?2 - 262144 AND position < ?3 ORDER BY conflict_id",
};

struct layout {
    sqlite3 *db; /* borrowed */
    sqlite3_stmt *statements[STATEMENT_COUNT];
    const struct payload_source *source; /* borrowed */
    struct layout_index *index;          /* NULL until there are rows of arrivals to look up */
    bool told;                           /* what conflicts say is kept: it is in the index */
    int64_t stream_id, begin, end;       /* what is laid out; nothing when begin is end */
    uint8_t bytes[LAYOUT_LEN];
    bool present[LAYOUT_LEN];
};

static enum status fault(const struct layout *l, struct error *err)
{
    bool no_memory = (sqlite3_errcode(l->db) & 0xff) == SQLITE_NOMEM;
    return (no_memory ? error_no_memory : error_set)(err, "%s", sqlite3_errmsg(l->db));
}

enum status layout_open(struct layout **layout, sqlite3 *db, const char *schema,
                        const struct payload_source *source, struct error *err)
{
    struct layout *l = malloc(sizeof *l);

    *layout = NULL;
    if (!l)
        return error_no_memory(err, "no memory");
    l->db = db;
    l->source = source;
    l->index = NULL;
    l->told = false;
    l->stream_id = l->begin = l->end = 0;
    memset(l->statements, 0, sizeof l->statements);
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        char *text = sqlite3_mprintf(texts[i], schema, schema);
        int code = text ? sqlite3_prepare_v2(db, text, -1, &l->statements[i], NULL) : SQLITE_NOMEM;
        sqlite3_free(text);
        if (code != SQLITE_OK) {
            enum status status = text ? fault(l, err) : error_no_memory(err, "no memory");
            layout_close(l);
            return status;
        }
    }
    *layout = l;
    return STATUS_OK;
}

void layout_close(struct layout *l)
{
    if (!l)
        return;
    for (int i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(l->statements[i]);
    layout_index_close(l->index);
    free(l);
}

void layout_forget(struct layout *l)
{
    if (l)
        l->begin = l->end = 0;
}

/* Cuts [position, position + len) to what is laid out. False when nothing is left; else *at is its place
 * in `bytes`, and *skipped what was cut in front. */
static bool clip(const struct layout *l, int64_t position, int64_t len, size_t *at, size_t *skipped,
                 size_t *left)
{
    int64_t end;

    if (len <= 0 || __builtin_add_overflow(position, len, &end) || position >= l->end ||
        end <= l->begin)
        return false;
    int64_t begin = position > l->begin ? position : l->begin;
    end = end < l->end ? end : l->end;
    *at = (size_t)(begin - l->begin);
    *skipped = (size_t)(begin - position);
    *left = (size_t)(end - begin);
    return true;
}

static void lay_bytes(struct layout *l, int64_t position, struct span bytes)
{
    size_t at, skipped, left;

    if (!clip(l, position, (int64_t)bytes.len, &at, &skipped, &left))
        return;
    memcpy(l->bytes + at, bytes.data + skipped, left);
    memset(l->present + at, true, left);
}

/* What was kept stands only where something came. */
static void lay_kept(struct layout *l, int64_t position, struct span kept)
{
    size_t at, skipped, left;

    if (!clip(l, position, (int64_t)kept.len, &at, &skipped, &left))
        return;
    for (size_t i = 0; i < left; i++)
        if (l->present[at + i])
            l->bytes[at + i] = kept.data[skipped + i];
}

static void see_kept(void *layout, int64_t position, struct span kept)
{
    lay_kept(layout, position, kept);
}

static enum status lay_arrivals(struct layout *l, struct span records, struct error *err)
{
    struct arrival_record record = {0};
    size_t at, skipped, left;

    while (arrival_record_take(&records, &record)) {
        if (!layout_index_wants(&record) ||
            !clip(l, record.position, record.captured, &at, &skipped, &left) ||
            !memchr(l->present + at, false, left)) /* all of it is there already */
            continue;
        enum status status = l->source->read(l->source->context, record.evidence_id, l->bytes + at,
                                             left, record.offset + skipped, err);
        if (status != STATUS_OK) {
            error_prefix(err, "frame %" PRIu64, record.frame);
            return status;
        }
        memset(l->present + at, true, left);
    }
    return records.len == 0
               ? STATUS_OK
               : error_set(err, "arrivals of stream %" PRId64 ": they make no sense", l->stream_id);
}

static enum status need_index(struct layout *l, struct error *err)
{
    return l->index ? STATUS_OK : layout_index_open(&l->index, err);
}

/* Has the index hold every row of arrivals that the stream has by now. */
static enum status index_arrivals(struct layout *l, struct error *err)
{
    sqlite3_stmt *s = l->statements[ARRIVALS];
    int64_t parts = 0;
    enum status status = STATUS_OK;
    int step = SQLITE_DONE;

    if (l->index)
        status = layout_index_parts(l->index, &parts, l->stream_id, err);
    sqlite3_bind_int64(s, 1, l->stream_id);
    sqlite3_bind_int64(s, 2, parts);
    while (status == STATUS_OK && (step = sqlite3_step(s)) == SQLITE_ROW) {
        const void *data = sqlite3_column_blob(s, 1);
        struct span records = span_of(data, data ? (size_t)sqlite3_column_bytes(s, 1) : 0);
        status = need_index(l, err);
        if (status == STATUS_OK)
            status =
                layout_index_add(l->index, l->stream_id, sqlite3_column_int64(s, 0), records, err);
    }
    if (status == STATUS_OK && step != SQLITE_DONE)
        status = fault(l, err);
    sqlite3_reset(s);
    return status;
}

static enum status lay_indexed(struct layout *l, struct error *err)
{
    struct span records;
    enum status status = index_arrivals(l, err), found = STATUS_END;

    if (status != STATUS_OK || !l->index)
        return status;
    layout_index_seek(l->index, l->stream_id, l->begin, l->end);
    while (status == STATUS_OK && (found = layout_index_next(l->index, &records, err)) == STATUS_OK)
        status = lay_arrivals(l, records, err);
    return status == STATUS_OK && found == STATUS_FAILED ? STATUS_FAILED : status;
}

static enum status lay_rows(struct layout *l, int which, struct error *err)
{
    sqlite3_stmt *s = l->statements[which];
    enum status status = STATUS_OK;
    int step = SQLITE_DONE;

    sqlite3_bind_int64(s, 1, l->stream_id);
    sqlite3_bind_int64(s, 2, l->begin);
    sqlite3_bind_int64(s, 3, l->end);
    while (status == STATUS_OK && (step = sqlite3_step(s)) == SQLITE_ROW) {
        const void *data = sqlite3_column_blob(s, 1);
        struct span bytes = span_of(data, data ? (size_t)sqlite3_column_bytes(s, 1) : 0);
        if (which == CHUNKS)
            lay_bytes(l, sqlite3_column_int64(s, 0), bytes);
        else
            lay_kept(l, sqlite3_column_int64(s, 0), bytes);
    }
    if (status == STATUS_OK && step != SQLITE_DONE)
        status = fault(l, err);
    sqlite3_reset(s);
    return status;
}

enum status layout_make(struct layout *l, int64_t stream_id, int64_t begin, int64_t end,
                        struct span waiting, struct error *err)
{
    if (end - begin > LAYOUT_LEN)
        end = begin + LAYOUT_LEN;
    l->stream_id = stream_id;
    l->begin = begin;
    l->end = end;
    memset(l->present, false, (size_t)(end - begin));
    enum status status = lay_rows(l, CHUNKS, err);
    if (status == STATUS_OK)
        status = lay_indexed(l, err);
    if (status == STATUS_OK)
        status = lay_arrivals(l, waiting, err);
    if (status == STATUS_OK)
        status = l->told ? layout_index_patches(l->index, stream_id, begin, end, see_kept, l, err)
                         : lay_rows(l, CONFLICTS, err);
    if (status != STATUS_OK)
        layout_forget(l);
    return status;
}

enum status layout_kept(struct layout *l, int64_t stream_id, int64_t position, struct span kept,
                        struct error *err)
{
    enum status status = need_index(l, err);

    if (status == STATUS_OK)
        status = layout_index_patch(l->index, stream_id, position, kept, err);
    l->told = l->told || status == STATUS_OK;
    return status;
}

void layout_add(struct layout *l, int64_t position, struct span bytes)
{
    lay_bytes(l, position, bytes);
}

enum status layout_end(struct layout *l, int64_t stream_id, struct error *err)
{
    if (l && l->stream_id == stream_id)
        layout_forget(l);
    return l && l->index ? layout_index_drop(l->index, stream_id, err) : STATUS_OK;
}

bool layout_covers(const struct layout *l, int64_t stream_id, int64_t position)
{
    return l->begin < l->end && l->stream_id == stream_id && position >= l->begin &&
           position < l->end;
}

struct span layout_run(const struct layout *l, int64_t position)
{
    size_t at = (size_t)(position - l->begin), end = at, most = (size_t)(l->end - l->begin);

    while (end < most && l->present[end])
        end++;
    return span_of(l->bytes + at, end - at);
}

int64_t layout_next(const struct layout *l, int64_t position)
{
    while (position < l->end && !l->present[position - l->begin])
        position++;
    return position;
}

bool layout_is_asked(const char *options)
{
    /* Quotes inside of a value have a backslash before them, so that this is in none. */
    return strstr(options, "\"payload\":\"reference\"") != NULL;
}
