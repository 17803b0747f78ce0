/* live.c - a case that is read while it is written: its commits, its losses, its end.
 *
 *     told │ written early │ COMMIT │ told │ written early │ COMMIT ...
 *
 * Between two commits all is as in an ingest. Before each, what flows hold in buffers becomes rows, so that what
 * a kill leaves lacks nothing that came before: chunks that are not full, parts of frames and arrivals, rows of
 * flows and streams that say `open`. */
#include "store/live_form.h"
#include "store/schema.h"
#include "store/seal.h"
#include "store/writer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A case of which no more than this is read for the seal, at its end: a service that is told to stop has not
 * much time. */
enum { SEALED_MOST = 64 << 20 };

static const int64_t SECOND_NS = 1000000000;

static enum status tell_failure(const struct store *s, struct error *err)
{
    if (err)
        *err = s->insert.error;
    return STATUS_FAILED;
}

/* All that was told becomes rows. */
static void write_all(struct store *s)
{
    keep_write_all(s);
    oddities_write_evidence(s);
    hosts_write(&s->hosts);
    insert_flush(&s->insert);
}

enum status store_commit(struct store *s, struct store_log *log, struct error *err)
{
    struct error why;
    size_t log_len = 0;

    assert(s->live.on);
    write_all(s);
    insert_step(&s->insert);
    if (!s->insert.failed && case_file_commit(&s->file, &log_len, &log->held, &why) != STATUS_OK)
        insert_fail_as(&s->insert, &why);
    log->len = log_len;
    log->case_len = s->insert.failed ? 0 : case_file_len(&s->file);
    return s->insert.failed ? tell_failure(s, err) : STATUS_OK;
}

bool store_mend(struct store *s, bool (*may_go_on)(void *context), void *context)
{
    return mend_some(s, may_go_on, context);
}

/* ---- loss ---- */

bool live_is_lossy(const struct store *s, int64_t first_ns, int64_t last_ns, bool is_over)
{
    for (unsigned i = 0; i < s->live.loss_count; i++) {
        const struct loss *loss = &s->live.losses[i];
        if (loss->end_ns >= first_ns && (!is_over || loss->begin_ns <= last_ns))
            return true;
    }
    return false;
}

void live_ended(struct store *s, int64_t flow_id)
{
    struct live_store *l = &s->live;

    if (l->ended_count < ENDED_MOST)
        l->ended[l->ended_count++] = flow_id;
    else if (flow_id < l->ended_lowest)
        l->ended_lowest = flow_id;
}

/* Two stretches that touch become one; so do the two oldest where there is no room: what lies between them is
 * taken for lost as well, which errs on the side of doubt. */
static void add_loss(struct live_store *l, int64_t begin_ns, int64_t end_ns)
{
    struct loss *last = l->loss_count > 0 ? &l->losses[l->loss_count - 1] : NULL;

    if (last && begin_ns <= last->end_ns + SECOND_NS / 2) {
        last->end_ns = end_ns > last->end_ns ? end_ns : last->end_ns;
        return;
    }
    if (l->loss_count == LOSSES_MOST) {
        l->losses[0].end_ns = l->losses[1].end_ns;
        memmove(&l->losses[1], &l->losses[2], (LOSSES_MOST - 2) * sizeof l->losses[0]);
        l->loss_count--;
    }
    l->losses[l->loss_count++] = (struct loss){begin_ns, end_ns};
}

static void mark(struct store *s, enum statement how, int64_t flow_id, int64_t begin_ns,
                 int64_t end_ns)
{
    struct row *row = insert_begin(&s->insert, how);
    put_int(row, 1, flow_id);
    put_int(row, 2, begin_ns);
    put_int(row, 3, end_ns);
    insert_end(&s->insert, row);
}

void store_second(struct store *s, int64_t begin_ns, int64_t end_ns, bool lost)
{
    struct live_store *l = &s->live;

    if (end_ns < begin_ns) { /* the clock was set back: frames have times of before and after */
        const int64_t later_ns = begin_ns;
        begin_ns = end_ns;
        end_ns = later_ns;
    }
    if (lost) {
        add_loss(l, begin_ns, end_ns);
        insert_flush_one(&s->insert, INSERT_FLOW);
        for (unsigned i = 0; i < l->ended_count; i++)
            mark(s, UPDATE_FLOW_LOSSY, l->ended[i], begin_ns, end_ns);
        if (l->ended_lowest != INT64_MAX)
            mark(s, UPDATE_FLOWS_LOSSY, l->ended_lowest, begin_ns, end_ns);
    }
    l->ended_count = 0;
    l->ended_lowest = INT64_MAX;
}

/* ---- the end ---- */

static void run_ended(struct store *s)
{
    struct row *row = insert_begin(&s->insert, UPDATE_RUN_END);
    put_int(row, 1, s->run_id);
    put_int(row, 2, store_wall_ns());
    insert_end(&s->insert, row);
}

/* What is left to do to a case of which all rows are written: it is whole whatever becomes of this. The store that
 * wrote it may be at the next one meanwhile. */
struct store_closing {
    struct case_file file;
    int64_t run_id;
    size_t cache_len;
    bool sync;
};

static enum status run_sql(struct case_file *f, const char *sql, struct error *err)
{
    return sqlite3_exec(f->db, sql, NULL, NULL, NULL) == SQLITE_OK
               ? STATUS_OK
               : case_file_fault(f, "closing", err);
}

static bool is_short(const struct case_file *f)
{
    sqlite3_stmt *s = NULL;
    const char *sql =
        "SELECT page_count * page_size <= ?1 FROM pragma_page_count, pragma_page_size";
    bool is = sqlite3_prepare_v2(f->db, sql, -1, &s, NULL) == SQLITE_OK &&
              sqlite3_bind_int64(s, 1, SEALED_MOST) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW &&
              sqlite3_column_int(s, 0) != 0;
    sqlite3_finalize(s);
    return is;
}

static enum status write_seal(struct store_closing *c, char hex[65], struct error *err)
{
    char sql[160];

    if (!is_short(&c->file))
        return STATUS_OK;
    if (seal_compute(c->file.db, hex, err) != STATUS_OK)
        return STATUS_FAILED;
    snprintf(sql, sizeof sql, "UPDATE runs SET seal = '%s' WHERE run_id = %" PRId64, hex,
             c->run_id);
    return run_sql(&c->file, sql, err);
}

enum status store_closing_end(struct store_closing *c, char seal[65], bool *one_file,
                              struct case_file **held, struct error *err)
{
    char sql[64], hex[65] = "";
    const bool sync = c->sync;
    struct case_file *still_read = NULL;

    snprintf(sql, sizeof sql, "PRAGMA main.cache_size = -%zu", c->cache_len / 1024);
    enum status status = run_sql(&c->file, sql, err);
    if (status == STATUS_OK && live_form_is(c->file.db, "main") &&
        live_form_leave(c->file.db) != SQLITE_OK)
        status = case_file_fault(&c->file, "closing", err);
    if (status == STATUS_OK) /* in the log, so that it can be read meanwhile */
        status = run_sql(&c->file, indexes_sql, err);
    if (status == STATUS_OK)
        status = write_seal(c, hex, err);
    if (status == STATUS_OK)
        status = case_file_settle(&c->file, one_file, err);
    if (status == STATUS_OK && !*one_file && held)
        still_read = malloc(sizeof *still_read);
    if (still_read)
        *still_read = c->file;
    else if (status == STATUS_OK)
        status = case_file_end(&c->file, sync, err);
    else
        case_file_drop(&c->file);
    free(c);
    if (held)
        *held = still_read;
    if (status == STATUS_OK && seal)
        memcpy(seal, hex, sizeof hex);
    return status;
}

/* All is written, and nothing of it is ours any more. NULL after a failure. */
static struct store_closing *let_go(struct store *s, size_t cache_len)
{
    struct store_closing *c = malloc(sizeof *c);

    mend_leave(s, true);
    write_all(s);
    run_ended(s);
    lending_return(s);
    layout_close(s->layout);
    s->layout = NULL;
    s->laid_out = NULL;
    if (!c)
        insert_no_memory(&s->insert);
    insert_release(&s->insert); /* its statements; a failure stays */
    if (s->insert.failed) {
        free(c);
        return NULL;
    }
    *c = (struct store_closing){
        .file = s->file, .run_id = s->run_id, .cache_len = cache_len, .sync = s->sync};
    s->file = (struct case_file){.lock = -1};
    return c;
}

enum status store_finish_live(struct store *s, char seal[65], bool *one_file, struct error *err)
{
    struct store_closing *c = let_go(s, s->memory_len / 4 * 3);

    *one_file = true;
    if (!c)
        tell_failure(s, err);
    store_abandon(s); /* what it was given is not its own any more */
    return c ? store_closing_end(c, seal, one_file, NULL, err) : STATUS_FAILED;
}

/* ---- the next slice ---- */

enum status store_rotate(struct store *s, struct store_closing **old, const char *path,
                         const struct store_slice *to, struct error *err)
{
    enum { CLOSING_CACHE = 2 << 20 }; /* beside the next one's */
    struct error why = {0};
    size_t log_len;
    bool log_held;

    *old = let_go(s, CLOSING_CACHE);
    if (!*old)
        return tell_failure(s, err);
    /* Before the next one has rows that go on with its own: who closes it may come to it late, or be killed before. */
    if (case_file_commit(&(*old)->file, &log_len, &log_held, &why) != STATUS_OK) {
        insert_fail_as(&s->insert, &why);
        return tell_failure(s, err);
    }
    s->live.options.slice = to;
    enum status status = store_open_file(s, path, &why);
    s->live.options.slice = NULL;
    if (status != STATUS_OK) {
        insert_fail_as(&s->insert, &why);
        return tell_failure(s, err);
    }
    s->live.first_evidence_id = to->first_evidence_id;
    s->live.begun_ns = to->begun_ns;
    s->live.ended_count = 0;
    s->live.ended_lowest = INT64_MAX;
    s->live.shed_count = 0;
    s->cached.stream_id = s->owner.stream_id = -1;
    s->last_small = 0;
    s->oddities_indexed = s->refused_indexed = s->takeovers = false;
    return s->insert.failed ? tell_failure(s, err) : STATUS_OK;
}

enum status store_closing_complete(struct store *s, struct store_closing *c, struct error *err)
{
    struct error why = {0};
    char sql[160];
    size_t log_len;
    bool log_held;

    snprintf(sql, sizeof sql,
             "UPDATE evidence SET status = 'complete' WHERE run_id = %" PRId64
             " AND status = 'open'",
             c->run_id);
    if (run_sql(&c->file, sql, &why) == STATUS_OK &&
        case_file_commit(&c->file, &log_len, &log_held, &why) == STATUS_OK)
        return STATUS_OK;
    insert_fail_as(&s->insert, &why);
    return tell_failure(s, err);
}

void store_closing_abandon(struct store_closing *c)
{
    case_file_drop(&c->file);
    free(c);
}
