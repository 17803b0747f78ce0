/* origin.c - which frame brought a byte of a stream first. */
#include "search/origin.h"

#include <inttypes.h>
#include <stdlib.h>

enum { HINT, PARTS, KEPT, STATEMENT_COUNT };

/* A part fits a page, of 64 KiB at most: what is far beyond is not ours, and would be read for every hit. A row of
 * conflicts has at most 262,144 bytes (store/layout.c). */
static const char *const texts[STATEMENT_COUNT] = {
    [HINT] = "SELECT part, position + length FROM \"%w\".chunk_data"
             " WHERE stream_id = ?1 AND position <= ?2 ORDER BY position DESC LIMIT 1",
    [PARTS] = "SELECT low, high, CASE WHEN length(data) <= 1048576 THEN data END"
              " FROM \"%w\".arrivals WHERE stream_id = ?1 AND part >= ?2 ORDER BY stream_id, part",
    [KEPT] = "SELECT kept_evidence_id, kept_frame FROM \"%w\".conflicts WHERE stream_id = ?1"
             " AND position > ?2 - 262144 AND position <= ?2 AND position + length > ?2"
             " ORDER BY conflict_id DESC LIMIT 1",
};

struct origins {
    struct reader *reader; /* borrowed */
    sqlite3_stmt *statements[STATEMENT_COUNT];
};

/* What is looked for. */
struct wanted {
    int64_t position;
    bool has_frame; /* the frame is known, and so is the evidence */
    int64_t evidence_id, frame;
};

enum status origins_open(struct origins **origins, struct reader *reader, struct error *err)
{
    struct origins *o = calloc(1, sizeof *o);

    *origins = NULL;
    if (!o)
        return error_no_memory(err, "reading %s: no memory", reader_path(reader));
    o->reader = reader;
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        enum status status = reader_prepare_own(reader, &o->statements[i], texts[i], err);
        if (status != STATUS_OK) {
            origins_close(o);
            return status;
        }
    }
    *origins = o;
    return STATUS_OK;
}

void origins_close(struct origins *o)
{
    if (!o)
        return;
    for (int i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(o->statements[i]);
    free(o);
}

static enum status fails(const struct origins *o, struct error *err)
{
    bool no_memory = (sqlite3_errcode(reader_db(o->reader)) & 0xff) == SQLITE_NOMEM;
    return (no_memory ? error_no_memory : error_set)(err, "reading %s: %s", reader_path(o->reader),
                                                     sqlite3_errmsg(reader_db(o->reader)));
}

static sqlite3_stmt *ask(struct origins *o, int which, int64_t stream_id, int64_t number)
{
    sqlite3_stmt *s = o->statements[which];

    sqlite3_bind_int64(s, 1, stream_id);
    sqlite3_bind_int64(s, 2, number);
    return s;
}

/* STATUS_OK after a row or none; the statement begins anew next time. */
static enum status done(const struct origins *o, sqlite3_stmt *s, int rc, struct error *err)
{
    enum status status = rc == SQLITE_ROW || rc == SQLITE_DONE ? STATUS_OK : fails(o, err);

    sqlite3_reset(s);
    return status;
}

/* Before which part of the arrivals the byte did not come. */
static enum status first_part(struct origins *o, int64_t *part, int64_t stream_id, int64_t position,
                              struct error *err)
{
    sqlite3_stmt *s = ask(o, HINT, stream_id, position);
    int rc = sqlite3_step(s);

    *part =
        rc == SQLITE_ROW && sqlite3_column_int64(s, 1) > position ? sqlite3_column_int64(s, 0) : 0;
    return done(o, s, rc, err);
}

static enum status kept_frame(struct origins *o, struct wanted *w, int64_t stream_id,
                              struct error *err)
{
    sqlite3_stmt *s = ask(o, KEPT, stream_id, w->position);
    int rc = sqlite3_step(s);

    w->has_frame = rc == SQLITE_ROW;
    if (w->has_frame) {
        w->evidence_id = sqlite3_column_int64(s, 0);
        w->frame = sqlite3_column_int64(s, 1);
    }
    return done(o, s, rc, err);
}

/* Whether a segment brought the byte, if none before it did. */
static bool has_byte(const struct arrival_record *r, const struct wanted *w)
{
    if (w->has_frame && (r->frame != (uint64_t)w->frame || r->evidence_id != w->evidence_id))
        return false;
    return r->fate < FATE_REFUSED && r->position <= w->position &&
           w->position - r->position < (int64_t)r->captured;
}

static bool find_in_part(struct arrival_record *record, struct span rest, const struct wanted *w)
{
    *record = (struct arrival_record){0};
    while (arrival_record_take(&rest, record))
        if (has_byte(record, w))
            return true;
    return false;
}

static enum status find_from(struct origins *o, struct arrival_record *record, int64_t stream_id,
                             int64_t part, const struct wanted *w, struct error *err)
{
    sqlite3_stmt *s = ask(o, PARTS, stream_id, part);
    bool found = false;
    int rc;

    while (!found && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        if (w->position < sqlite3_column_int64(s, 0) || w->position >= sqlite3_column_int64(s, 1))
            continue;
        const void *data = sqlite3_column_blob(s, 2);
        found =
            find_in_part(record, span_of(data, data ? (size_t)sqlite3_column_bytes(s, 2) : 0), w);
    }
    enum status status = done(o, s, found ? SQLITE_ROW : rc, err);
    return status == STATUS_OK && !found ? STATUS_END : status;
}

enum status origin_find(struct origins *o, struct arrival_record *record, int64_t stream_id,
                        int64_t position, struct error *err)
{
    struct wanted w = {.position = position};
    int64_t part;
    enum status status = first_part(o, &part, stream_id, position, err);

    if (status == STATUS_OK)
        status = kept_frame(o, &w, stream_id, err);
    if (status != STATUS_OK)
        return status;
    status = find_from(o, record, stream_id, part, &w, err);
    if (status == STATUS_END && w.has_frame) { /* what it says is kept came in no such segment */
        w.has_frame = false;
        status = find_from(o, record, stream_id, part, &w, err);
    }
    return status;
}
