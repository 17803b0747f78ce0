/* live.c - a case that is read while it is written: its commits, its losses, its end.
 *
 *     told │ written early │ COMMIT │ told │ written early │ COMMIT ...
 *
 * Between two commits all is as in an ingest. Before each, what flows hold in buffers becomes rows, so that what
 * a kill leaves lacks nothing that came before: chunks that are not full, parts of frames and arrivals, rows of
 * flows and streams that say `open`. */
#include "store/schema.h"
#include "store/seal.h"
#include "store/writer.h"

#include <assert.h>
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
    if (!s->insert.failed && case_file_commit(&s->file, &log_len, &log->held, &why) != STATUS_OK)
        insert_fail_as(&s->insert, &why);
    log->len = log_len;
    return s->insert.failed ? tell_failure(s, err) : STATUS_OK;
}

/* ---- loss ---- */

/* A flow that is over is lossy for what it lost while it lasted, and one that was only idle at its end for what
 * was lost until then: what was missing may have been its own. */
bool live_is_lossy(const struct store *s, const struct flow *flow, bool ended)
{
    const bool is_over = ended && (flow->state == FLOW_CLOSED || flow->state == FLOW_RESET ||
                                   flow->state == FLOW_REJECTED);
    int64_t last_ns = flow->last_ns;

    for (unsigned i = 0; i < s->live.loss_count; i++) {
        const struct loss *loss = &s->live.losses[i];
        if (loss->end_ns >= flow->first_ns && (!is_over || loss->begin_ns <= last_ns))
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

static bool is_cheap(struct store *s)
{
    return store_ask(s, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size") <=
           SEALED_MOST;
}

/* Indexes, and the seal. The rows stand already: whatever becomes of this, the case is whole. */
static void finish_case(struct store *s, char hex[65])
{
    struct error why;
    char sql[64];

    memory_release(&s->memory);
    snprintf(sql, sizeof sql, "PRAGMA main.cache_size = -%zu", s->memory_len / 1024 / 4 * 3);
    insert_run(&s->insert, sql);
    insert_run(&s->insert, indexes_sql);
    if (s->insert.failed || !is_cheap(s))
        return;
    if (seal_compute(s->file.db, hex, &why) != STATUS_OK) {
        insert_fail_as(&s->insert, &why);
        return;
    }
    struct row *row = insert_begin(&s->insert, UPDATE_RUN_SEAL);
    put_int(row, 1, s->run_id);
    put_text(row, 2, hex);
    insert_end(&s->insert, row);
}

enum status store_finish_live(struct store *s, char seal[65], bool *one_file, struct error *err)
{
    struct error why;
    char hex[65] = "";

    *one_file = true;
    write_all(s);
    run_ended(s);
    lending_return(s);
    if (!s->insert.failed && case_file_settle(&s->file, one_file, &why) != STATUS_OK)
        insert_fail_as(&s->insert, &why);
    if (!s->insert.failed)
        finish_case(s, hex);
    if (s->insert.failed) {
        tell_failure(s, err);
        store_abandon(s);
        return STATUS_FAILED;
    }
    return store_close(s, seal, hex, err);
}
