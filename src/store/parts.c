/* parts.c - the blobs of flow_frames and arrivals, walked record by record. */
#include "store/parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *table, *owner;
    const char *of_one, *of_all; /* %w: the schema */
} kinds[] = {
    [PARTS_FRAMES] = {"flow_frames", "flow",
                      "SELECT flow_id, part, frames, data FROM \"%w\".flow_frames"
                      " WHERE flow_id = ?1 ORDER BY flow_id, part",
                      "SELECT flow_id, part, frames, data FROM \"%w\".flow_frames"
                      " ORDER BY flow_id, part"},
    [PARTS_ARRIVALS] = {"arrivals", "stream",
                        "SELECT stream_id, part, segments, data FROM \"%w\".arrivals"
                        " WHERE stream_id = ?1 ORDER BY stream_id, part",
                        "SELECT stream_id, part, segments, data FROM \"%w\".arrivals"
                        " ORDER BY stream_id, part"},
};

static enum status cannot_read(const struct parts *p, struct error *err)
{
    bool no_memory = (sqlite3_errcode(p->db) & 0xff) == SQLITE_NOMEM;
    return (no_memory ? error_no_memory : error_set)(err, "%s cannot be read: %s",
                                                     kinds[p->kind].table, sqlite3_errmsg(p->db));
}

enum status parts_open(struct parts *p, sqlite3 *db, const char *schema, enum parts_kind kind,
                       bool of_one, struct error *err)
{
    *p = (struct parts){.db = db, .kind = kind, .of_one = of_one};
    char *sql = sqlite3_mprintf(of_one ? kinds[kind].of_one : kinds[kind].of_all, schema);
    if (!sql)
        return error_no_memory(err, "%s cannot be read: no memory", kinds[kind].table);
    int rc = sqlite3_prepare_v2(db, sql, -1, &p->statement, NULL);
    sqlite3_free(sql);
    if (rc != SQLITE_OK)
        return cannot_read(p, err);
    return STATUS_OK;
}

void parts_close(struct parts *p)
{
    sqlite3_finalize(p->statement);
    *p = (struct parts){0};
}

void parts_start(struct parts *p, int64_t owner)
{
    sqlite3_reset(p->statement);
    if (p->of_one)
        sqlite3_bind_int64(p->statement, 1, owner);
    p->owner = owner;
    p->in_part = false;
    p->end = false;
    p->left = 0;
    p->rest = (struct span){NULL, 0};
}

static enum status no_sense(const struct parts *p, const char *what, struct error *err)
{
    bool no_memory = (sqlite3_errcode(p->db) & 0xff) == SQLITE_NOMEM;
    return (no_memory ? error_no_memory : error_set)(
        err, "%s of %s %" PRId64 ", part %" PRId64 ": %s", kinds[p->kind].table,
        kinds[p->kind].owner, p->owner, p->part, what);
}

/* The next row. Its part must be the one after the last one of the same owner, or the first of a later
 * owner. */
static enum status next_part(struct parts *p, struct error *err)
{
    bool first = !p->in_part;
    int64_t last_owner = p->owner, expected = p->part + 1;

    switch (sqlite3_step(p->statement)) {
    case SQLITE_ROW:
        break;
    case SQLITE_DONE:
        p->end = true;
        return STATUS_END;
    default:
        return cannot_read(p, err);
    }
    p->owner = sqlite3_column_int64(p->statement, 0);
    p->part = sqlite3_column_int64(p->statement, 1);
    p->left = sqlite3_column_int64(p->statement, 2);
    p->in_part = true;
    for (int i = 0; i < 3; i++) {
        if (sqlite3_column_type(p->statement, i) != SQLITE_INTEGER)
            return no_sense(p, "a number is of another type", err);
    }
    if (sqlite3_column_type(p->statement, 3) != SQLITE_BLOB)
        return no_sense(p, "its data is no blob", err);

    bool same_owner = first ? p->of_one && p->owner == last_owner : p->owner == last_owner;
    if (!same_owner && (p->of_one || (!first && p->owner < last_owner)))
        return no_sense(p, "it is not what was asked for", err);
    if (p->part != (first || !same_owner ? 0 : expected))
        return no_sense(p, "the part before it is missing", err);

    const void *data = sqlite3_column_blob(p->statement, 3);
    int len = sqlite3_column_bytes(p->statement, 3);
    if (!data && len > 0)
        return no_sense(p, "there is no memory for it", err);
    p->rest = span_of(data, (size_t)len);
    p->blob_len = (size_t)len;
    if (p->left < 0 || (uint64_t)p->left > p->blob_len) /* a record takes three bytes or more */
        return no_sense(p, "it cannot hold as many records as it says", err);
    memset(&p->last, 0, sizeof p->last);
    return STATUS_OK;
}

/* Goes to where a record must be. */
static enum status to_record(struct parts *p, struct error *err)
{
    while (p->left == 0) {
        if (p->end) /* another step would begin again */
            return STATUS_END;
        if (p->rest.len > 0)
            return no_sense(p, "bytes are left after its last record", err);
        enum status status = next_part(p, err);
        if (status != STATUS_OK)
            return status;
    }
    p->left--;
    return STATUS_OK;
}

static enum status bad_record(const struct parts *p, struct error *err)
{
    char what[80];
    snprintf(what, sizeof what, "the record at byte %zu of %zu makes no sense",
             p->blob_len - p->rest.len, p->blob_len);
    return no_sense(p, what, err);
}

enum status parts_next_frame(struct parts *p, struct frame_record *record, struct error *err)
{
    enum status status = to_record(p, err);
    if (status != STATUS_OK)
        return status;
    struct frame_record *last = &p->last.frame;
    if (!frame_record_take(&p->rest, last) || last->number > INT64_MAX || last->offset > INT64_MAX)
        return bad_record(p, err);
    *record = *last;
    return STATUS_OK;
}

enum status parts_next_arrival(struct parts *p, struct arrival_record *record, struct error *err)
{
    enum status status = to_record(p, err);
    if (status != STATUS_OK)
        return status;
    struct arrival_record *last = &p->last.arrival;
    if (!arrival_record_take(&p->rest, last) || last->frame > INT64_MAX || last->offset > INT64_MAX)
        return bad_record(p, err);
    *record = *last;
    return STATUS_OK;
}
