/* ingest.c - captures in, a case out.
 *
 * One run: the captures are put in order, each is read to its end (or all are interleaved by time),
 * every frame lives its life, and the store closes the case. Flows, fragments and streams go on from
 * one capture to the next. */
#include "pipeline/ingest.h"

#include "base/buffer.h"
#include "pipeline/reading.h"
#include "reassembly/policy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
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
};

struct run {
    const struct ingest_options *options;
    struct ingest_result *result;
    struct error *err;
    char *option_text;        /* JSON, as it stands in `evidence` */
    struct reading *readings; /* in the order in which they are read */
    size_t count;
    struct store *store;
    struct life life;
    struct policy_choice policies;
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

/* ---- which captures, and in which order ---- */

struct place {
    size_t index;
    int64_t first_ns;
    bool has_frames;
};

static int by_first_time(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    if (a->has_frames != b->has_frames)
        return a->has_frames ? -1 : 1; /* empty ones last: where they stand changes nothing */
    if (a->has_frames && a->first_ns != b->first_ns)
        return a->first_ns < b->first_ns ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* Sorts by the time of the first frame. What can be read only once keeps its place among the
 * arguments: pipes come first, since their frames cannot be looked at and put back. */
static enum status put_in_order(struct run *run)
{
    struct place *places = calloc(run->count, sizeof *places);
    struct reading *sorted = calloc(run->count, sizeof *sorted);
    enum status status = places && sorted ? STATUS_OK : error_set(run->err, "no memory");

    for (size_t i = 0; i < run->count && status == STATUS_OK; i++) {
        places[i] = (struct place){.index = i, .first_ns = INT64_MIN, .has_frames = true};
        if (run->readings[i].is_file)
            status = reading_first_time(&run->readings[i], &places[i].first_ns,
                                        &places[i].has_frames, run->err);
    }
    if (status == STATUS_OK) {
        qsort(places, run->count, sizeof *places, by_first_time);
        for (size_t i = 0; i < run->count; i++)
            sorted[i] = run->readings[places[i].index];
        memcpy(run->readings, sorted, run->count * sizeof *sorted);
    }
    free(places);
    free(sorted);
    return status;
}

/* Whether a file is in the case, or earlier among the arguments. Files that look alike are hashed to
 * be sure. */
static enum status is_known(struct run *run, const struct reading *r, bool *known)
{
    char hex[DIGEST_HEX_LEN + 1], other[DIGEST_HEX_LEN + 1];
    bool hash = !run->options->no_hash;

    *known = false;
    for (const struct reading *earlier = run->readings; earlier < r && !*known; earlier++) {
        if (!earlier->is_file || strcmp(earlier->fingerprint, r->fingerprint) != 0)
            continue;
        if (!hash) {
            *known = true;
        } else {
            if (hash_file(r->path, hex, run->err) != STATUS_OK ||
                hash_file(earlier->path, other, run->err) != STATUS_OK)
                return STATUS_FAILED;
            *known = strcmp(hex, other) == 0;
        }
    }
    if (!*known && store_has_evidence(run->store, NULL, r->fingerprint, run->option_text)) {
        if (!hash) {
            *known = true;
        } else {
            if (hash_file(r->path, hex, run->err) != STATUS_OK)
                return STATUS_FAILED;
            *known = store_has_evidence(run->store, hex, r->fingerprint, run->option_text);
        }
    }
    return STATUS_OK;
}

static void skip(struct run *run, const struct reading *r)
{
    remark(run, "%s is in the case already; it is skipped", r->path);
    run->result->skipped++;
}

static enum status leave_out_known(struct run *run)
{
    size_t kept = 0;

    for (size_t i = 0; i < run->count; i++) {
        bool known = false;
        run->readings[kept] = run->readings[i];
        struct reading *r = &run->readings[kept];
        if (r->is_file && is_known(run, r, &known) != STATUS_OK)
            return STATUS_FAILED;
        if (known) {
            skip(run, r);
        } else {
            kept++;
        }
    }
    run->count = kept;
    return STATUS_OK;
}

static enum status look_at_captures(struct run *run)
{
    const struct ingest_options *o = run->options;

    run->readings = calloc(o->capture_count, sizeof *run->readings);
    if (!run->readings)
        return error_set(run->err, "no memory");
    for (size_t i = 0; i < o->capture_count; i++) {
        if (reading_init(&run->readings[i], o->captures[i], run->err) != STATUS_OK)
            return STATUS_FAILED;
        run->count = i + 1;
    }
    return run->count > 1 ? put_in_order(run) : STATUS_OK;
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
                                       .flows = store_counts(run->store).flows,
                                       .source = r->path};
    run->options->progress(run->options->context, &progress);
}

static enum status check(struct run *run, const struct reading *r, uint64_t position)
{
    if (run->options->stop && *run->options->stop)
        return error_set(run->err, "interrupted: no case was made");
    tell_progress(run, r, position);
    return store_checkpoint(run->store, run->err);
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
    if (r->digest && store_has_evidence(run->store, reading_hash(r), NULL, run->option_text)) {
        run->known_late = r;
        return error_set(run->err, "%s is in the case already", r->path);
    }
    reading_end(r);
    run->result->captures++;
    return STATUS_OK;
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
    if (!r->is_file || stat(r->path, &st) < 0)
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
        enum status status =
            reading_open(r, run->store, run->option_text, !run->options->no_hash, run->err);
        if (status != STATUS_OK)
            return status;
        while ((status = reading_next(r, &why)) == STATUS_OK) {
            see_frame(&run->life, &r->seen, &r->frame);
            if (++run->frames % FRAMES_BETWEEN_CHECKS == 0 &&
                check(run, r, capture_position(r->capture)) != STATUS_OK)
                return STATUS_FAILED;
        }
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

    if (run->count > MERGE_MAX)
        return error_set(run->err, "--merge takes at most %d captures at a time", MERGE_MAX);
    for (size_t i = 0; i < run->count; i++) {
        r = &run->readings[i];
        if (reading_open(r, run->store, run->option_text, !run->options->no_hash, run->err) !=
            STATUS_OK)
            return STATUS_FAILED;
        enum status status = reading_next(r, &why);
        if (status != STATUS_OK && end_reading(run, r, status, &why) != STATUS_OK)
            return STATUS_FAILED;
    }
    while ((r = earliest(run)) != NULL) {
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

/* Half of the budget is the flow table's, a sixteenth the defragmenter's, three eighths the store's;
 * the rest is for windows on streams and what is small. */
static enum status open_life(struct run *run, size_t memory)
{
    run->life.sink = store_sink(run->store);
    const char *name = run->options->fragment_policy;
    run->life.defrag = defrag_new(run->life.sink, memory / 16,
                                  name ? fragment_policy_find(name) : fragment_policy_at(0));
    run->life.flows = flows_new(run->life.sink, memory / 2, &flow_timeouts_offline);
    if (!run->life.defrag || !run->life.flows)
        return error_set(run->err, "no memory for the flow table");
    return STATUS_OK;
}

static void close_life(struct run *run)
{
    defrag_free(run->life.defrag);
    flows_free(run->life.flows);
    run->life.defrag = NULL;
    run->life.flows = NULL;
}

static enum status read_captures(struct run *run)
{
    enum status status =
        run->options->merge && run->count > 1 ? read_interleaved(run) : read_one_after_another(run);
    if (status != STATUS_OK)
        return status;
    defrag_end(run->life.defrag);
    flows_end_all(run->life.flows);
    return store_checkpoint(run->store, run->err);
}

/* A string of JSON, quotes and all. */
static bool json_add_text(struct buffer *text, const char *value)
{
    bool done = buffer_add_text(text, "\"");
    for (const char *c = value; *c && done; c++) {
        if (*c == '"' || *c == '\\')
            done = buffer_print(text, "\\%c", *c);
        else if ((unsigned char)*c < 0x20)
            done = buffer_print(text, "\\u%04x", (unsigned)*c);
        else
            done = buffer_add_byte(text, (uint8_t)*c);
    }
    return done && buffer_add_text(text, "\"");
}

/* The options that change rows, as JSON: {"filter":"tcp","policy":["bsd","10.0.0.0/8=linux"]}. */
static char *options_json(const struct ingest_options *o)
{
    struct buffer text;
    const char *comma = "";
    buffer_init(&text, 1 << 20);
    bool done = buffer_add_text(&text, "{");
    if (o->filter) {
        done = done && buffer_add_text(&text, "\"filter\":") && json_add_text(&text, o->filter);
        comma = ",";
    }
    for (size_t i = 0; i < o->policy_count && done; i++) {
        done = buffer_print(&text, i == 0 ? "%s\"policy\":[" : "%s", comma) &&
               json_add_text(&text, o->policies[i]);
        comma = ",";
    }
    if (o->policy_count > 0)
        done = done && buffer_add_text(&text, "]");
    if (o->fragment_policy) {
        done = done && buffer_print(&text, "%s\"frag_policy\":", comma) &&
               json_add_text(&text, o->fragment_policy);
        comma = ",";
    }
    if (o->merge && o->capture_count > 1)
        done = done && buffer_print(&text, "%s\"merge\":true", comma);
    done = done && buffer_add_text(&text, "}");
    char *copy = done ? strdup(buffer_text(&text)) : NULL;
    buffer_release(&text);
    return copy;
}

static enum status open_store(struct run *run, size_t memory)
{
    const struct ingest_options *o = run->options;

    for (size_t i = 0; i < run->count; i++) {
        struct stat st;
        if (run->readings[i].is_file && stat(run->readings[i].path, &st) == 0)
            run->bytes_all += (uint64_t)st.st_size;
    }
    const struct store_options how = {
        .memory = memory / 8 * 3,
        .page_size = run->bytes_all > LARGE_CAPTURE ? 16384 : 4096,
        .hash = !o->no_hash,
        .policies = o->policy_count > 0 ? &run->policies : NULL,
        .sync = o->sync,
        .jobs = o->jobs > 0 ? o->jobs : 1,
        .memory_total = memory,
        .version = o->version,
        .command = o->command,
    };
    if (store_open(&run->store, o->case_path, &how, run->err) != STATUS_OK)
        return STATUS_FAILED;
    const char *sentence;
    while ((sentence = store_remark(run->store)) != NULL)
        remark(run, "%s", sentence);
    return STATUS_OK;
}

static enum status run_once(struct run *run, size_t memory)
{
    enum status status = open_store(run, memory);
    if (status == STATUS_OK)
        status = leave_out_known(run);
    if (status == STATUS_OK && run->count > 0)
        status = open_life(run, memory);
    if (status == STATUS_OK && run->count > 0)
        status = read_captures(run);
    if (status == STATUS_OK && run->count > 0) {
        struct store_counts counts = store_counts(run->store);
        run->result->frames = run->frames;
        run->result->flows = counts.flows;
        run->result->streams = counts.streams;
        run->result->payload_bytes = counts.payload_bytes;
        status = store_finish(run->store, run->result->seal, run->err);
        run->store = NULL;
    }
    store_abandon(run->store); /* nothing to add, or failed */
    run->store = NULL;
    close_life(run);
    return status;
}

/* Takes a capture that the case turned out to hold out of the run, and starts over with the others. */
static enum status run_without(struct run *run, struct reading *known, size_t memory)
{
    size_t after = run->count - (size_t)(known - run->readings) - 1;
    const char *path = known->path;

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
    return run->count > 0 ? run_once(run, memory) : STATUS_OK;
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
    enum status status = choose_policies(&policies, options, err);
    policy_choice_release(&policies);
    if (status == STATUS_OK && options->filter)
        status = filter_new(&filter, options->filter, err);
    filter_free(filter);
    return status;
}

enum status ingest(struct ingest_result *result, const struct ingest_options *options,
                   struct error *err)
{
    size_t memory = options->memory ? options->memory : INGEST_MEMORY_DEFAULT;
    struct run run = {.options = options, .result = result, .err = err};

    *result = (struct ingest_result){0};
    enum status status = ingest_check(options, err);
    if (status == STATUS_OK && !(run.option_text = options_json(options)))
        status = error_set(err, "no memory");
    if (status == STATUS_OK)
        status = choose_policies(&run.policies, options, err);
    if (status == STATUS_OK)
        status = look_at_captures(&run);
    if (status == STATUS_OK && options->filter)
        status = filter_new(&run.life.filter, options->filter, err);
    if (status == STATUS_OK)
        status = run_once(&run, memory);
    while (status != STATUS_OK && run.known_late)
        status = run_without(&run, run.known_late, memory);
    for (size_t i = 0; i < run.count; i++)
        reading_release(&run.readings[i]);
    free(run.readings);
    free(run.option_text);
    policy_choice_release(&run.policies);
    filter_free(run.life.filter);
    return status;
}
