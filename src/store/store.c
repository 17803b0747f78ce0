/* store.c - the one writer of a case: opened, asked how it goes, ended. */
#include "store/store.h"

#include "store/live_form.h"
#include "store/schema.h"
#include "store/seal.h"
#include "store/text.h"
#include "store/view.h"
#include "store/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    CACHE_LEAST = 1 << 20,
    CACHE_MOST = 32 << 20,
    FIXED = 1 << 19,         /* the chunk read last, statements */
    TEXT_CEILING = 16 << 20, /* of one text from outside, made valid */
};

/* What of a row is not its blob, at most: the record's header and its integers (SQLite file format,
 * 2). */
enum {
    CHUNK_REST = 9 + 8 + 8 + 3 + 4,
    FRAMES_REST = 7 + 8 + 4 + 2,
    ARRIVALS_REST = 9 + 8 + 4 + 2 + 8 + 8,
    BLOB_LEAST = 256,
};

int64_t store_wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t store_ask(struct store *s, const char *sql)
{
    struct row row = {0};
    int64_t value = 0;

    if (s->insert.failed)
        return 0;
    insert_settle(&s->insert);
    if (sqlite3_prepare_v2(s->file.db, sql, -1, &row.statement, NULL) != SQLITE_OK)
        insert_fault(&s->insert);
    if (insert_next(&s->insert, &row))
        value = sqlite3_column_int64(row.statement, 0);
    sqlite3_finalize(row.statement);
    return value;
}

static uint16_t fitting(int64_t local_max, int rest, int64_t most)
{
    int64_t len = local_max - rest;
    if (len < BLOB_LEAST)
        len = BLOB_LEAST;
    return (uint16_t)(len < most ? len : most);
}

/* The same of a row that has whole pages beside its leaf, as many as a buffer holds: so little of it lies in the leaf as can. */
static uint16_t fitting_beside(int64_t usable, int rest)
{
    enum { MOST = MEMORY_MOST / 2 - 2 * BLOB_HEAD };
    const int64_t local_min = (usable - 12) * 32 / 255 - 23, page = usable - 4;
    const int64_t pages = (MOST - local_min) / page;

    return (uint16_t)(local_min + pages * page - rest);
}

/* How long blobs may be, so that their rows do not leave the leaf (SQLite file format, 1.6). */
static void measure_rows(struct store *s)
{
    int64_t usable = store_ask(s, "PRAGMA page_size");
    if (s->insert.failed)
        return;
    int64_t table_max = usable - 35;
    while (s->live.on && table_max + usable - 4 - CHUNK_REST <= MEMORY_MOST - SLOT_HEAD)
        table_max += usable - 4; /* and whole pages beside the leaf, as many as a buffer holds */
    int64_t index_max = (usable - 12) * 64 / 255 - 23;

    s->slot_len = fitting(table_max, CHUNK_REST, MEMORY_MOST - SLOT_HEAD);
    s->frames_len = fitting(index_max, FRAMES_REST, MEMORY_MOST);
    s->arrivals_len = fitting(index_max, ARRIVALS_REST, MEMORY_MOST);
    s->fast_frames_len = s->frames_len;
    s->fast_arrivals_len = s->arrivals_len;
    if (s->live.on && usable <= MEMORY_MOST / 3) { /* of larger pages the leaf is long enough */
        s->fast_frames_len = fitting_beside(usable, FRAMES_REST);
        s->fast_arrivals_len = fitting_beside(usable, ARRIVALS_REST);
    }
}

static void insert_run_row(struct store *s, const struct store_options *options)
{
    char host[256] = "";

    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = 0;
    struct row *row = insert_begin(&s->insert, INSERT_RUN);
    put_text(row, 1, options->version ? options->version : "");
    const char *command = options->command ? options->command : "";
    const char *clean = evidence_text(s, span_of(command, strlen(command)));
    put_text(row, 2, clean ? clean : "");
    put_int(row, 3, store_wall_ns());
    put_text(row, 4, host[0] ? host : NULL);
    put_text(row, 5, options->user);
    put_int(row, 6, options->jobs);
    put_count(row, 7, options->memory_total);
    insert_end(&s->insert, row);
    s->run_id = sqlite3_last_insert_rowid(s->file.db);
}

/* Carries on where the case ends. */
static void continue_ids(struct store *s)
{
    int64_t evidence_id = store_ask(s, "SELECT max(evidence_id) FROM evidence");
    int64_t flow_id = store_ask(s, "SELECT max(flow_id) FROM flows");

    if (evidence_id < 0 || evidence_id > UINT32_MAX / 2 || flow_id < 0 || flow_id > INT64_MAX / 8) {
        insert_fail(&s->insert, "%s is not a case: its ids are out of range", s->file.path);
        return;
    }
    s->next_evidence_id = (uint32_t)evidence_id + 1;
    s->next_flow_id = s->first_flow_id = flow_id + 1;
    const struct store_slice *slice = s->live.options.slice;
    if (slice && evidence_id == 0 && flow_id == 0) {
        s->next_evidence_id = slice->first_evidence_id;
        s->next_flow_id = s->first_flow_id = slice->first_flow_id;
    }
}

/* A case from before a column was there gets it. */
static void add_columns(struct store *s)
{
    if (s->file.partial)
        return;
    if (store_ask(s, "SELECT count(*) FROM pragma_table_xinfo('streams') WHERE name = 'policy'") ==
        0)
        insert_run(&s->insert, "ALTER TABLE streams ADD COLUMN policy TEXT");
    if (store_ask(
            s, "SELECT count(*) FROM pragma_table_xinfo('flows') WHERE name = 'interface_id'") == 0)
        insert_run(&s->insert, "ALTER TABLE flows ADD COLUMN interface_id INTEGER");
    if (store_ask(s, "SELECT count(*) FROM pragma_table_xinfo('capture_stats')"
                     " WHERE name = 'freezes'") == 0)
        insert_run(&s->insert, "ALTER TABLE capture_stats ADD COLUMN freezes INTEGER;"
                               "ALTER TABLE capture_stats ADD COLUMN dropped_by_backlog INTEGER;"
                               "ALTER TABLE capture_stats ADD COLUMN shed INTEGER;"
                               "ALTER TABLE capture_stats ADD COLUMN detail TEXT");
    if (store_ask(
            s, "SELECT count(*) FROM pragma_table_xinfo('capture_stats') WHERE name = 'memory'") ==
        0)
        insert_run(&s->insert, "ALTER TABLE capture_stats ADD COLUMN memory INTEGER");
    if (store_ask(s, "SELECT count(*) FROM pragma_table_xinfo('capture_stats')"
                     " WHERE name = 'discarded'") == 0)
        insert_run(&s->insert, "ALTER TABLE capture_stats ADD COLUMN discarded INTEGER");
}

static void remark_on(struct store *s)
{
    if (s->file.removed_leftover &&
        asprintf(&s->remark, "%s.partial was left by a run that did not end; it is removed",
                 s->file.path) < 0)
        s->remark = NULL;
    if (s->file.partial)
        return;
    if (store_ask(s, "SELECT count(*) FROM evidence WHERE status = 'open' AND kind = 'live'") > 0) {
        (s->live.options.mended_beside ? mend_begin : mend_live)(s);
        if (asprintf(&s->remark,
                     "%s held a live run that did not end: what it committed stays, and is "
                     "interrupted",
                     s->file.path) < 0)
            s->remark = NULL;
    }
    if (store_ask(s, "SELECT count(*) FROM evidence WHERE status = 'open'") == 0)
        return;
    evidence_remove_open(s);
    if (asprintf(&s->remark, "%s held evidence of a run that did not end; its rows are removed",
                 s->file.path) < 0)
        s->remark = NULL;
}

static void release(struct store *s)
{
    mend_leave(s, false);
    insert_release(&s->insert);
    layout_close(s->layout);
    lending_return(s);
    keep_drop_all(s); /* flows that never ended, when it is given up */
    oddities_drop(s, &s->oddities);
    hosts_release(&s->hosts);
    if (s->live.options.last)
        memory_leave(&s->memory);
    else
        memory_release(&s->memory);
    buffer_release(&s->kept_bytes);
    buffer_release(&s->text);
    diaries_release(&s->diaries);
    free(s->cached.data);
    free(s->live.rest);
    free(s->remark);
}

static enum status tell_failure(const struct store *s, struct error *err)
{
    if (err)
        *err = s->insert.error;
    return STATUS_FAILED;
}

enum status store_open_file(struct store *s, const char *path, struct error *err)
{
    const struct store_options *o = &s->live.options;
    const struct case_file_options file = {.page_size = o->page_size,
                                           .cache_len = s->live.cache_len,
                                           .sync = o->sync,
                                           .live = o->live};

    if (case_file_open(&s->file, path, &file, err) != STATUS_OK)
        return STATUS_FAILED;
    insert_init(&s->insert, &s->file, o->worker, o->worker ? o->hasher : NULL, o->memory);
    s->insert.collected = lending_close;
    s->insert.collected_context = s;
    if (live_form_is(s->file.db, "main") && live_form_leave(s->file.db) != SQLITE_OK)
        insert_fault(&s->insert); /* a kill left it so */
    if (s->insert.failed)
        return tell_failure(s, err);
    measure_rows(s);
    if (s->file.partial &&
        !s->reference) /* by reference, rows are read in the middle of all: layout.c */
        insert_chunks_map(&s->insert, s->live.cache_len, s->slot_len);
    if (!o->live && !o->reference && !diaries_init(&s->diaries, s))
        return error_no_memory(err, "opening %s: no memory", path);
    if (!s->insert.failed)
        remark_on(s);
    if (!s->insert.failed)
        add_columns(s);
    if (!s->insert.failed && o->live)
        insert_enter_live_form(&s->insert, (size_t)store_ask(s, "PRAGMA page_size"));
    continue_ids(s);
    insert_run_row(s, o);
    return s->insert.failed ? tell_failure(s, err) : STATUS_OK;
}

enum status store_open(struct store **store, const char *path, const struct store_options *options,
                       struct error *err)
{
    size_t cache = options->memory / 4;
    if (cache < CACHE_LEAST)
        cache = CACHE_LEAST;
    if (cache > CACHE_MOST)
        cache = CACHE_MOST;
    size_t hosts = options->memory / 64;
    size_t used = cache + hosts + insert_cost(options->memory) + FIXED +
                  (options->reference ? LAYOUT_MEMORY : 0);

    *store = NULL;
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        return error_no_memory(err, "opening %s: no memory", path);
    s->sink = sink_table;
    s->memory_len = options->memory;
    s->hash = options->hash;
    s->hasher = options->hasher;
    s->reference = options->reference;
    s->policies = options->policies;
    s->sync = options->sync;
    s->live.on = options->live;
    s->live.ended_lowest = INT64_MAX;
    s->cached.stream_id = s->owner.stream_id = -1;
    s->file = (struct case_file){.lock = -1};
    s->live.options = *options;
    s->live.cache_len = cache;
    memory_init(&s->memory, options->memory > used ? options->memory - used : 0);
    s->lent_bytes = options->memory / 256;
    s->lent_bytes = s->lent_bytes < LENT_LEAST  ? LENT_LEAST
                    : s->lent_bytes > LENT_MOST ? LENT_MOST
                                                : s->lent_bytes;
    s->lent_groups = (unsigned)(s->memory.budget.limit / LENT_SHARE / s->lent_bytes);
    s->lent_groups = s->lent_groups < LENT_GROUPS_LEAST  ? LENT_GROUPS_LEAST
                     : s->lent_groups > LENT_GROUPS_MOST ? LENT_GROUPS_MOST
                                                         : s->lent_groups;
    buffer_init(&s->kept_bytes, CONFLICT_MOST);
    buffer_init(&s->text, TEXT_CEILING);
    s->cached.data = malloc(MEMORY_MOST);
    s->live.rest = options->live ? malloc(sizeof *s->live.rest) : NULL;
    bool has_room = hosts_init(&s->hosts, &s->insert, hosts) && s->cached.data &&
                    (!options->live || s->live.rest);
    enum status status = has_room ? store_open_file(s, path, err)
                                  : error_no_memory(err, "opening %s: no memory", path);
    if (status != STATUS_OK) {
        store_abandon(s);
        return STATUS_FAILED;
    }
    s->live.options.slice = NULL; /* it is the caller's */
    *store = s;
    return STATUS_OK;
}

const char *store_remark(struct store *s)
{
    char *remark = s->remark;
    if (!remark)
        return NULL;
    buffer_clear(&s->text);
    buffer_add_text(&s->text, remark);
    free(remark);
    s->remark = NULL;
    return buffer_text(&s->text);
}

void store_frames_last(struct store *s, bool last)
{
    chunks_unborrow(s);
    if (last && s->frames_last)
        lending_turn(s);
    else
        lending_return(s);
    s->frames_last = last;
}

struct sink *store_sink(struct store *s)
{
    return &s->sink;
}

enum status store_checkpoint(struct store *s, struct error *err)
{
    return s->insert.failed ? tell_failure(s, err) : STATUS_OK;
}

struct store_counts store_counts(const struct store *s)
{
    return s->counts;
}

/* Streams were hashed as their bytes came, so as under `first`. Where another policy decides, and there
 * is something to decide, the hash becomes that of the view. */
static void hash_views(struct store *s)
{
    struct reader *reader;
    struct error err = {0};
    char hex[DIGEST_HEX_LEN + 1];
    int64_t stream_id = 2 * s->first_flow_id - 1;
    bool more = true;

    if (!s->policies || !s->hash || s->insert.failed)
        return;
    enum status status = reader_borrow(&reader, s->file.db, "main", &err);
    if (status == STATUS_OK)
        reader_set_evidence(reader, s->reference);
    while (status == STATUS_OK && more) {
        struct row *row = insert_begin(&s->insert, SELECT_VIEW);
        put_int(row, 1, stream_id);
        more = insert_next(&s->insert, row);
        if (more)
            stream_id = sqlite3_column_int64(row->statement, 0);
        insert_done(&s->insert, row);
        if (!more)
            break;
        status = view_hash(hex, reader, stream_id, NULL, &err);
        row = status == STATUS_OK ? insert_begin(&s->insert, UPDATE_STREAM_HASH) : NULL;
        if (!row)
            break;
        put_int(row, 1, stream_id);
        put_text_len(row, 2, hex, DIGEST_HEX_LEN);
        insert_end(&s->insert, row);
    }
    reader_close(reader);
    if (status != STATUS_OK)
        insert_fail_as(&s->insert, &err);
}

/* The seal of what is written. The rows of the large tables were added up while they were written, in a
 * fresh case and where they came in order; the others are read again. */
static enum status seal(struct store *s, char hex[65], struct error *err)
{
    static const struct {
        enum statement which;
        const char *table;
    } sums[] = {{INSERT_FLOW, "flows"},
                {INSERT_FLOW_FRAMES, "flow_frames"},
                {INSERT_STREAM, "streams"},
                {INSERT_ARRIVALS, "arrivals"}};
    struct seal_known known[sizeof sums / sizeof sums[0] + 2];
    size_t count = 0;

    for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
        if (sums[i].which == INSERT_STREAM && s->policies) /* hash_views() may have changed them */
            continue;
        known[count].table = sums[i].table;
        count += insert_sum(&s->insert, sums[i].which, known[count].value);
    }
    if (s->file.partial && !(s->hash && s->policies)) { /* then no row of payload is in the seal */
        for (int i = 0; i < 2; i++) {
            known[count].table = i == 0 ? "chunk_data" : "stream_data";
            digest_once(known[count++].value, span_of(NULL, 0));
        }
    }
    return seal_compute_known(s->file.db, hex, known, count, err);
}

/* What SQLite has for sorting and reading at the end, when no chunks are kept: a good part of what they had, but for where
 * that is millions of buffers. */
static size_t sorting_memory(const struct store *s)
{
    enum { ENOUGH = 64 << 20 };
    const size_t most = s->memory_len / 4 * 3, least = s->memory_len / 4;

    return most < ENOUGH ? most : least > ENOUGH ? least : ENOUGH;
}

/* Has that memory free for it. Where the process ends soon and the budget is not small, what lies on the shelves is left there: to
 * free a million buffers takes longer than to sort and, as they lie among others, gives hardly a page back. */
static void make_room_for_sorting(struct store *s)
{
    enum { SMALL = 64 << 20 };

    if (!s->live.options.last || s->memory_len < SMALL)
        memory_make_room(&s->memory, sorting_memory(s));
}

/* Indexes and the seal. */
static void finish_rows(struct store *s, char hex[65])
{
    char sql[64];

    oddities_write_evidence(s);
    hosts_write(&s->hosts);
    insert_chunks_index(&s->insert);
    insert_flush(&s->insert);
    lending_return(s);
    make_room_for_sorting(s);
    layout_close(s->layout);
    s->layout = NULL;
    snprintf(sql, sizeof sql, "PRAGMA main.cache_size = -%zu", sorting_memory(s) / 1024);
    insert_run(&s->insert, sql);
    if (!flow_indexes_make(s, sorting_memory(s)))
        insert_run(&s->insert, indexes_sql);
    hash_views(s);
    if (s->insert.failed)
        return;
    struct error err;
    if (seal(s, hex, &err) != STATUS_OK) {
        insert_fail_as(&s->insert, &err);
        return;
    }
    struct row *row = insert_begin(&s->insert, UPDATE_RUN_SEAL);
    put_int(row, 1, s->run_id);
    put_text(row, 2, hex);
    insert_end(&s->insert, row);
    row = insert_begin(&s->insert, UPDATE_RUN_END);
    put_int(row, 1, s->run_id);
    put_int(row, 2, store_wall_ns());
    insert_end(&s->insert, row);
}

enum status store_finish(struct store *s, char seal[65], struct error *err)
{
    char hex[65] = "";

    if (!s->insert.failed)
        finish_rows(s, hex);
    if (s->insert.failed) {
        tell_failure(s, err);
        store_abandon(s);
        return STATUS_FAILED;
    }
    return store_close(s, seal, hex, err);
}

enum status store_close(struct store *s, char seal[65], const char hex[65], struct error *err)
{
    bool sync = s->sync;
    struct case_file file = s->file;
    release(s);
    free(s);
    enum status status = case_file_end(&file, sync, err);
    if (status == STATUS_OK && seal)
        memcpy(seal, hex, 65);
    return status;
}

void store_abandon(struct store *s)
{
    if (!s)
        return;
    release(s);
    case_file_drop(&s->file);
    free(s);
}
