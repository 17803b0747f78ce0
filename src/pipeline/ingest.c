/* ingest.c - captures in, a case out.
 *
 * One run: the captures are put in order, each is read to its end (or all are interleaved by time),
 * every frame lives its life, and the store closes the case. Flows, fragments and streams go on from
 * one capture to the next. */
#include "pipeline/ingest.h"

#include "pipeline/evidence_file.h"
#include "pipeline/option_text.h"
#include "pipeline/queue.h"
#include "pipeline/readings.h"
#include "reassembly/policy.h"
#include "store/layout.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum {
    FRAMES_BETWEEN_CHECKS = 4096,
    PROGRESS_NS = 200 * 1000000,
    LARGE_CAPTURE = 64 << 20, /* bytes: from here on pages are large */
    MERGE_MAX = 256,          /* captures open at a time */
    MAPPED_MOST = 64,         /* of these, how many can be mapped instead of read (capture.h) */
    STREAM_LEAST = 64 << 10,  /* bytes of a window over a stream, at first */
    STREAM_MOST = 1 << 20,
    MAP_LEAST =
        1 << 20, /* of a window over a file that is mapped; its pages are the kernel's to take */
    MAP_MOST = 4 << 20,
    MAP_SHARE = 32, /* of the memory */
};

struct run {
    const struct ingest_options *options;
    struct ingest_result *result;
    struct error *err;
    char *option_text;        /* JSON, as it stands in `evidence` */
    struct reading *readings; /* in the order in which they are read */
    size_t count;
    struct store *store;
    struct relay *relay;    /* between reassembly and the store */
    struct worker *hasher;  /* of evidence, or bringing its pages; NULL: none */
    struct worker *rows;    /* writes what the writer made ready; NULL: none */
    struct worker *streams; /* hashes streams; NULL: `rows` does */
    struct store_worker rows_worker, streams_worker;
    struct payload_source reference; /* captures read again, by the thread that writes */
    struct evidence_file **again;    /* by index of readings; NULL until it is wanted */
    atomic_uint_least64_t flows;     /* written so far */
    struct life life;
    bool from_pipe;                /* some capture is no regular file */
    size_t memory;                 /* all of it, in bytes */
    struct reading_memory reading; /* what of it reading has */
    struct policy_choice policies;
    unsigned place_parts; /* of the key of flows and fragments */
    uint64_t frames;
    uint64_t bytes_all;
    uint64_t bytes_before;      /* of captures read to their end */
    int64_t told_ns;            /* when progress was last told, by the monotonic clock */
    struct reading *known_late; /* turned out to be in the case at its end: start over without it */
};

static void remark(const struct run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void remark(const struct run *run, const char *format, ...)
{
    char sentence[1024];
    va_list args;

    if (!run->options->remark)
        return;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    run->options->remark(run->options->context, sentence);
}

static void skip(struct run *run, const struct reading *r)
{
    remark(run, "%s is in the case already; it is skipped", r->path);
    run->result->skipped++;
}

static enum status leave_out_known(struct run *run)
{
    const struct known_where by = {run->store, run->option_text, run->options->no_hash};
    bool *known = calloc(run->count, sizeof *known);
    size_t kept = 0;

    if (!known)
        return error_no_memory(run->err, "no memory");
    enum status status = readings_known(run->readings, run->count, known, &by, run->err);
    for (size_t i = 0; i < run->count && status == STATUS_OK; i++) {
        if (known[i])
            skip(run, &run->readings[i]);
        else
            run->readings[kept++] = run->readings[i];
    }
    if (status == STATUS_OK)
        run->count = kept;
    free(known);
    return status;
}

/* ---- who gets how much of the memory ---- */

static bool are_merged(const struct run *run)
{
    return run->options->merge && run->count > 1;
}

/* What the captures take that are open at once, or the one that takes most, where they are read through
 * a window of ours rather than mapped. */
static size_t reading_need(const struct run *run)
{
    bool at_once = are_merged(run);
    size_t all = 0, most = 0;

    for (size_t i = 0; i < run->count; i++) {
        const struct reading *r = &run->readings[i];
        bool is_read = r->unpack_len > 0 || !r->is_file || (at_once && i >= MAPPED_MOST);
        size_t need = is_read ? r->unpack_len + STREAM_LEAST : 0;
        all = need > SIZE_MAX - all ? SIZE_MAX : all + need;
        most = need > most ? need : most;
    }
    return at_once ? all : most;
}

/* Sets apart what reading takes: a sixteenth, more where captures are compressed or come through pipes,
 * and never more than five eighths. The others share the rest. */
static enum status share_memory(struct run *run)
{
    const size_t mib = 1 << 20;
    size_t need = reading_need(run), share = run->memory / 16;

    for (size_t i = 0; i < run->count; i++)
        run->from_pipe |= !run->readings[i].is_file; /* nobody knows what will come through it */
    if (need > 0)
        share = run->memory / (run->from_pipe ? 4 : 8);
    if (need > run->memory / 8 * 5)
        return error_set(
            run->err,
            "reading these captures takes %zu MiB, since they are compressed or many at "
            "once: with --memory %zuM it can be done",
            need / mib + 1, need / mib / 5 * 8 + 8);
    if (share < need + run->memory / 16) /* long records want room, too */
        share = need + run->memory / 16;
    budget_init(&run->reading.budget, share);
    size_t open = are_merged(run) ? run->count : 1; /* one being written is read, too */
    size_t each = (share - need) / (open + 1) / 2 + (need > 0 ? STREAM_LEAST : 0);
    run->reading.stream_len = each < STREAM_MOST ? each : STREAM_MOST;
    run->reading.map_len = run->memory / MAP_SHARE;
    if (run->reading.map_len > MAP_MOST)
        run->reading.map_len = MAP_MOST;
    if (run->reading.map_len < MAP_LEAST)
        run->reading.map_len = MAP_LEAST;
    return STATUS_OK;
}

/* What is left for the others. Batches and numbers of flows have theirs whether there are threads or not:
 * what is evicted must not depend on that. */
static size_t shared_memory(const struct run *run)
{
    return run->memory - run->reading.budget.limit - relay_memory(run->memory) -
           relay_numbers_memory(run->memory);
}

/* Reads payload of a capture that is being read, or was. Which evidence it is stands before the store is
 * told of its first frame. */
static enum status read_again(void *context, uint32_t evidence_id, void *to, size_t len,
                              uint64_t offset, struct error *err)
{
    struct run *run = context;
    size_t i = 0;

    while (i < run->count && run->readings[i].evidence_id != evidence_id)
        i++;
    if (i == run->count)
        return error_set(err, "there is no evidence %" PRIu32, evidence_id);
    if (!run->again[i] &&
        evidence_open(&run->again[i], run->readings[i].path, "", err) != STATUS_OK)
        return STATUS_FAILED;
    return evidence_read(run->again[i], to, len, offset, err);
}

/* Whether payload can stay in a capture: whoever asks later must find it at its offset. */
static enum status can_stay(const struct reading *r, struct error *err)
{
    struct capture *capture;
    const char *why = NULL;

    if (!r->is_file)
        why = "is not a regular file";
    else if (r->unpack_len > 0)
        why = "is compressed";
    else if (capture_open(&capture, r->path, NULL, err) != STATUS_OK)
        return STATUS_FAILED;
    else {
        why = capture_is_mapped(capture) ? NULL : "is still being written";
        capture_close(capture);
    }
    return why ? error_set(err, "%s %s: --payload reference would not find its payload again",
                           r->path, why)
               : STATUS_OK;
}

/* Those that are open stand by the place of their reading: before the places change, they are closed. */
static void close_again(struct run *run)
{
    for (size_t i = 0; run->again && i < run->options->capture_count; i++) {
        evidence_close(run->again[i]);
        run->again[i] = NULL;
    }
}

static enum status look_at_captures(struct run *run)
{
    const struct ingest_options *o = run->options;

    run->readings = calloc(o->capture_count, sizeof *run->readings);
    if (!run->readings)
        return error_no_memory(run->err, "no memory");
    for (size_t i = 0; i < o->capture_count; i++) {
        if (reading_init(&run->readings[i], o->captures[i], run->err) != STATUS_OK)
            return STATUS_FAILED;
        run->count = i + 1;
        if (o->reference && can_stay(&run->readings[i], run->err) != STATUS_OK)
            return STATUS_FAILED;
    }
    run->reference = (struct payload_source){read_again, run};
    run->again = calloc(o->capture_count, sizeof *run->again);
    if (!run->again)
        return error_no_memory(run->err, "no memory");
    enum status status = share_memory(run);
    if (status == STATUS_OK && run->count > 1 && !o->in_order)
        status = readings_in_order(run->readings, run->count, &run->reading, run->err);
    return status;
}

/* ---- reading ---- */

static void tell_progress(struct run *run, const struct reading *r, uint64_t position)
{
    struct timespec now;

    if (!run->options->progress)
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t now_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    if (now_ns - run->told_ns < PROGRESS_NS)
        return;
    run->told_ns = now_ns;
    struct ingest_progress progress = {.bytes_done = run->bytes_before + position,
                                       .bytes_all = run->bytes_all,
                                       .frames = run->frames,
                                       .flows = atomic_load(&run->flows),
                                       .source = r->path};
    run->options->progress(run->options->context, &progress);
}

/* Called on the writer's thread, when it has been told some more. */
static bool see_progress(void *context)
{
    struct run *run = context;
    atomic_store(&run->flows, store_counts(run->store).flows);
    return store_checkpoint(run->store, NULL) == STATUS_OK;
}

/* Waits until the store has been told all; STATUS_FAILED when it has failed. */
static enum status settle(struct run *run)
{
    relay_settle(run->relay);
    enum status status = store_checkpoint(run->store, run->err);
    if (status == STATUS_OK && relay_failed(run->relay))
        return error_no_memory(run->err, "no memory");
    return status;
}

static enum status check(struct run *run, const struct reading *r, uint64_t position)
{
    if (run->options->stop && *run->options->stop)
        return error_set(run->err, "interrupted: no case was made");
    tell_progress(run, r, position);
    return relay_failed(run->relay) ? settle(run) : STATUS_OK;
}

static void tell_filter_remarks(struct run *run)
{
    const char *sentence;
    while (run->life.filter && (sentence = filter_remark(run->life.filter)) != NULL)
        remark(run, "%s", sentence);
}

/* Closes a capture that has ended, well or damaged. */
static enum status close_reading(struct run *run, struct reading *r, const char *damage)
{
    if (capture_shrank(r->capture))
        return error_set(run->err, "%s became shorter while it was read", r->path);
    if (r->damaged) {
        struct frame after = r->frame;
        after.evidence_id = r->evidence_id;
        after.number = r->frames + 1;
        run->life.sink->oddity(run->life.sink, NULL, &after, ODDITY_CAPTURE_DAMAGED, damage);
        remark(run, "%s", damage);
        run->result->partial = true;
    }
    run->bytes_before += capture_position(r->capture);
    /* A pipe is known only now, and so is a file that came through one before. Its own row has no
     * hash yet, so it does not find itself. */
    if (reading_is_known(r, run->option_text)) {
        run->known_late = r;
        return error_set(run->err, "%s is in the case already", r->path);
    }
    run->result->captures++;
    return reading_end(r, run->err);
}

/* After anything but STATUS_OK from reading_next(). */
static enum status end_reading(struct run *run, struct reading *r, enum status status,
                               const struct error *why)
{
    if (status == STATUS_FAILED) {
        *run->err = *why;
        return STATUS_FAILED;
    }
    return close_reading(run, r, why->text);
}

/* Whether what this file holds came through a pipe earlier in this run. */
static enum status came_through_pipe(struct run *run, const struct reading *r, bool *came)
{
    char hex[DIGEST_HEX_LEN + 1] = "";
    struct stat st;

    *came = false;
    if (!run->from_pipe || !r->is_file || stat(r->path, &st) < 0)
        return STATUS_OK;
    for (const struct reading *earlier = run->readings; earlier < r && !*came; earlier++) {
        if (earlier->is_file || !earlier->sha256[0] || earlier->bytes != (uint64_t)st.st_size)
            continue;
        if (!hex[0] && hash_file(r->path, hex, run->err) != STATUS_OK)
            return STATUS_FAILED;
        *came = strcmp(hex, earlier->sha256) == 0;
    }
    return STATUS_OK;
}

static enum status open_reading(struct run *run, struct reading *r)
{
    const struct reading_options how = {.store = run->store,
                                        .relay = run->relay,
                                        .life = &run->life,
                                        .hasher = run->hasher,
                                        .json = run->option_text,
                                        .hash = !run->options->no_hash,
                                        .memory = &run->reading};
    return reading_open(r, &how, run->err);
}

static enum status read_one_after_another(struct run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        struct reading *r = &run->readings[i];
        struct error why = {0};
        bool came;
        if (came_through_pipe(run, r, &came) != STATUS_OK)
            return STATUS_FAILED;
        if (came) {
            skip(run, r);
            continue;
        }
        enum status status = open_reading(run, r);
        if (status != STATUS_OK)
            return status;
        relay_frames_last(run->relay, capture_is_mapped(r->capture));
        r->lends = capture_is_mapped(r->capture);
        relay_note(run->relay, &r->lends, sizeof r->lends);
        run->life.batch = r->lends ? LIFE_BATCH_MOST : 1;
        while ((status = reading_next(r, &why)) == STATUS_OK) {
            see_frame(&run->life, &r->seen, &r->frame);
            if (++run->frames % FRAMES_BETWEEN_CHECKS == 0 &&
                check(run, r, capture_position(r->capture)) != STATUS_OK)
                return STATUS_FAILED;
        }
        life_catch_up(&run->life);
        tell_filter_remarks(run);
        if (end_reading(run, r, status, &why) != STATUS_OK || check(run, r, 0) != STATUS_OK)
            return STATUS_FAILED;
    }
    return STATUS_OK;
}

/* The capture whose next frame is the earliest; the first of these at a tie. */
static struct reading *earliest(struct run *run)
{
    struct reading *first = NULL;
    for (size_t i = 0; i < run->count; i++) {
        struct reading *r = &run->readings[i];
        if (r->has_frame && (!first || r->frame.time_ns < first->frame.time_ns))
            first = r;
    }
    return first;
}

static enum status read_interleaved(struct run *run)
{
    struct error why = {0};
    struct reading *r;

    run->life.batch =
        1; /* the bytes of a frame stay for as long as its own capture is not read on */
    if (run->count > MERGE_MAX)
        return error_set(run->err, "--merge takes at most %d captures at a time", MERGE_MAX);
    for (size_t i = 0; i < run->count; i++) {
        r = &run->readings[i];
        if (open_reading(run, r) != STATUS_OK)
            return STATUS_FAILED;
        enum status status = reading_next(r, &why);
        if (status != STATUS_OK && end_reading(run, r, status, &why) != STATUS_OK)
            return STATUS_FAILED;
    }
    while ((r = earliest(run)) != NULL) {
        relay_frames_last(run->relay, capture_is_mapped(r->capture));
        see_frame(&run->life, &r->seen, &r->frame);
        if (++run->frames % FRAMES_BETWEEN_CHECKS == 0 && check(run, r, 0) != STATUS_OK)
            return STATUS_FAILED;
        enum status status = reading_next(r, &why);
        if (status != STATUS_OK && end_reading(run, r, status, &why) != STATUS_OK)
            return STATUS_FAILED;
    }
    tell_filter_remarks(run);
    return check(run, run->readings, 0);
}

/* ---- the run ---- */

/* How many threads share the work. The default is more than there are cores, since they wait for each
 * other now and then; a single core is best left to one. */
static int jobs_of(const struct ingest_options *options)
{
    if (options->jobs > 0)
        return options->jobs;
    return threads_have_cores() ? 5 : 1;
}

/* A note between two frames: whether those behind it stay. */
static void see_lasting(void *context, struct span lends)
{
    const struct run *run = context;
    store_frames_last(run->store, lends.data[0] != 0);
}

/* Of what reading leaves, eight fifteenths are the flow table's, one the defragmenter's, six the
 * store's: of all of it a half, a sixteenth and three eighths where captures are mapped. */
static enum status open_life(struct run *run)
{
    const struct life_options life = {.memory = shared_memory(run) / 15,
                                      .timeouts = &flow_timeouts_offline,
                                      .fragment_policy = run->options->fragment_policy,
                                      .place_parts = run->place_parts};
    const struct relay_options relay = {.to = store_sink(run->store),
                                        .threaded = jobs_of(run->options) > 1,
                                        .memory = relay_memory(run->memory),
                                        .after = see_progress,
                                        .note = see_lasting,
                                        .context = run};

    run->relay = relay_new(&relay);
    if (!run->relay)
        return error_no_memory(run->err, "no memory for the flow table");
    return life_open(&run->life, relay_sink(run->relay), &life, run->err);
}

static void close_life(struct run *run)
{
    relay_free(run->relay); /* first: what it has to tell borrows from the others */
    run->relay = NULL;
    life_close(&run->life);
}

static enum status read_captures(struct run *run)
{
    enum status status = are_merged(run) ? read_interleaved(run) : read_one_after_another(run);
    if (status != STATUS_OK)
        return status;
    defrag_end(run->life.defrag);
    flows_end_all(run->life.flows);
    return settle(run);
}

/* The options that change rows. */
static char *options_json(const struct ingest_options *o, unsigned place_parts)
{
    struct option_text text;
    char key[PLACE_PARTS_LEN];

    place_parts_text(key, place_parts);
    option_text_begin(&text);
    option_text_add(&text, "filter", o->filter);
    option_text_add_list(&text, "policy", o->policies, o->policy_count);
    option_text_add(&text, "frag_policy", o->fragment_policy);
    option_text_add(&text, "key", place_parts == PLACE_DEFAULT ? NULL : key);
    option_text_add(&text, "payload", o->reference ? "reference" : NULL);
    option_text_add_flag(&text, "merge", /* the others may be in the case already */
                         o->merge && (o->capture_count > 1 || o->in_order));
    return option_text_end(&text);
}

static enum status open_store(struct run *run)
{
    const struct ingest_options *o = run->options;

    for (size_t i = 0; i < run->count; i++) {
        struct stat st;
        if (run->readings[i].is_file && stat(run->readings[i].path, &st) == 0)
            run->bytes_all += (uint64_t)st.st_size;
    }
    uint32_t page_size = o->page_size;
    if (page_size == 0)
        page_size = run->bytes_all > LARGE_CAPTURE ? 16384 : 4096;
    const struct store_options how = {
        .memory = shared_memory(run) / 15 * 6,
        .page_size = page_size,
        .hash = !o->no_hash,
        .worker = run->rows ? &run->rows_worker : NULL,
        .hasher = run->streams_worker.context ? &run->streams_worker : NULL,
        .reference = o->reference ? &run->reference : NULL,
        .policies = o->policy_count > 0 ? &run->policies : NULL,
        .sync = o->sync,
        .last = o->last,
        .jobs = jobs_of(o),
        .memory_total = run->memory,
        .version = o->version,
        .command = o->command,
        .user = o->user,
    };
    if (store_open(&run->store, o->case_path, &how, run->err) != STATUS_OK)
        return STATUS_FAILED;
    const char *sentence;
    while ((sentence = store_remark(run->store)) != NULL)
        remark(run, "%s", sentence);
    if (store_has_other_key(run->store, run->option_text))
        remark(run,
               "%s holds captures whose conversations were told apart by another --key: "
               "evidence.options says by which",
               o->case_path);
    return STATUS_OK;
}

static enum status run_once(struct run *run)
{
    enum status status = open_store(run);
    if (status == STATUS_OK)
        status = leave_out_known(run);
    if (status == STATUS_OK && run->count > 0)
        status = open_life(run);
    if (status == STATUS_OK && run->count > 0)
        status = read_captures(run);
    if (status == STATUS_OK && run->count > 0) {
        struct store_counts counts = store_counts(run->store);
        run->result->frames = run->frames;
        run->result->flows = counts.flows;
        run->result->streams = counts.streams;
        run->result->payload_bytes = counts.payload_bytes;
        close_life(run); /* what the flow table had is for sorting now */
        status = store_finish(run->store, run->result->seal, run->err);
        run->store = NULL;
    }
    close_life(run);
    store_abandon(run->store); /* nothing to add, or failed */
    run->store = NULL;
    return status;
}

/* Takes a capture that the case turned out to hold out of the run, and starts over with the others. */
static enum status run_without(struct run *run, struct reading *known)
{
    size_t after = run->count - (size_t)(known - run->readings) - 1;
    const char *path = known->path;

    close_again(run);
    reading_release(known);
    memmove(known, known + 1, after * sizeof *known);
    run->count--;
    run->known_late = NULL;
    for (size_t i = 0; i < run->count; i++) {
        if (!run->readings[i].is_file)
            return error_set(run->err,
                             "%s is in the case already, and %s cannot be read a second time; "
                             "nothing was added",
                             path, run->readings[i].path);
        reading_release(&run->readings[i]);
        if (reading_init(&run->readings[i], run->readings[i].path, run->err) != STATUS_OK)
            return STATUS_FAILED;
    }
    *run->result = (struct ingest_result){.skipped = run->result->skipped + 1};
    run->frames = run->bytes_all = run->bytes_before = 0;
    remark(run, "%s is in the case already; it is skipped", path);
    return run->count > 0 ? run_once(run) : STATUS_OK;
}

static enum status choose_policies(struct policy_choice *to, const struct ingest_options *options,
                                   struct error *err)
{
    enum status status = STATUS_OK;

    *to = (struct policy_choice){0};
    for (size_t i = 0; i < options->policy_count && status == STATUS_OK; i++)
        status = policy_choice_add(to, options->policies[i], err);
    return status;
}

enum status ingest_check(const struct ingest_options *options, struct error *err)
{
    struct filter *filter = NULL;

    if (options->memory && options->memory < INGEST_MEMORY_LEAST)
        return error_set(err, "--memory must be at least %d MiB", INGEST_MEMORY_LEAST >> 20);
    if (options->fragment_policy && !fragment_policy_find(options->fragment_policy))
        return error_set(err, "there is no fragment policy '%.60s'", options->fragment_policy);
    struct policy_choice policies;
    unsigned place_parts;
    enum status status = choose_policies(&policies, options, err);
    policy_choice_release(&policies);
    if (status == STATUS_OK)
        status = life_choose_key(&place_parts, options->key, err);
    if (status == STATUS_OK && options->filter)
        status = filter_new(&filter, options->filter, err);
    filter_free(filter);
    return status;
}

/* Threads beside the one that reads and the one that writes. Where there are none, these two do it all. */
static void start_workers(struct run *run)
{
    const int jobs = jobs_of(run->options);

    const bool hash = !run->options->no_hash;

    if (jobs > (hash ? 2 : 3))
        run->hasher = worker_new();
    if (jobs > (hash ? 3 : 2))
        run->rows = worker_new();
    if (jobs > 4 && hash)
        run->streams = worker_new();
    run->rows_worker = worker_for_store(run->rows);
    run->streams_worker = worker_for_store(run->streams ? run->streams : run->rows);
}

enum status ingest(struct ingest_result *result, const struct ingest_options *options,
                   struct error *err)
{
    struct run run = {.options = options,
                      .result = result,
                      .err = err,
                      .memory = options->memory ? options->memory : INGEST_MEMORY_DEFAULT};

    *result = (struct ingest_result){0};
    enum status status = ingest_check(options, err);
    if (status == STATUS_OK)
        status = life_choose_key(&run.place_parts, options->key, err);
    if (status == STATUS_OK && !(run.option_text = options_json(options, run.place_parts)))
        status = error_no_memory(err, "no memory");
    if (status == STATUS_OK)
        status = choose_policies(&run.policies, options, err);
    if (status == STATUS_OK)
        status = look_at_captures(&run);
    if (status == STATUS_OK && options->filter)
        status = filter_new(&run.life.filter, options->filter, err);
    if (status == STATUS_OK)
        start_workers(&run);
    if (status == STATUS_OK)
        status = run_once(&run);
    while (status != STATUS_OK && run.known_late)
        status = run_without(&run, run.known_late);
    for (size_t i = 0; i < run.count; i++)
        reading_release(&run.readings[i]);
    worker_free(run.hasher); /* after those that gave them something to do */
    worker_free(run.rows);
    worker_free(run.streams);
    close_again(&run);
    free(run.again);
    free(run.readings);
    free(run.option_text);
    policy_choice_release(&run.policies);
    filter_free(run.life.filter);
    return status;
}
