/* live.c - frames from network interfaces into a case that is read while it is written. */
#include "pipeline/live.h"

#include "pipeline/live_state.h"
#include "pipeline/option_text.h"
#include "pipeline/queue.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    FRAMES_NAME_ROOM = 64, /* bytes of what names a slice's frames */

    /* A commit writes each page in which a row has come: of many slow streams one or more each. The smaller it is, the
     * less that is; but a long stream of large chunks costs more work. */
    PAGE_SIZE = 2048,
    PAGE_SIZE_WITHOUT_PAYLOAD = 1024,
};

static const int64_t MENDING_AT_END_NS = 10 * 1000 * 1000000ll;

/* Everything has come: flows end, and what is known of the interfaces is told for good. */
static enum status end_flows(struct live_state *run)
{
    const char *status = run->result->partial ? "partial" : "complete";

    life_catch_up(&run->life);
    live_tell_second(run);
    defrag_end(run->life.defrag);
    flows_end_all(run->life.flows);
    for (size_t n = 0; n < run->options->interface_count; n++) {
        struct watched *i = &run->interfaces[n];
        live_tell_evidence(run, i, status);
        run->result->lost += i->counts.dropped_by_socket;
    }
    return live_settle(run);
}

/* ---- the run ---- */

/* What is left of the memory for flows, fragments and the store, once rings, batches and numbers of flows have
 * theirs; it is shared as in ingest.c. */
static size_t shared_memory(const struct live_state *run)
{
    return run->memory - run->ring_len * run->options->interface_count - run->memory / 16 -
           relay_numbers_memory(run->memory) -
           (run->options->keep_frames ? raw_frames_memory(run->memory) : 0);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Beside a case: CASE.pcapng, and for those who come later into the same case CASE.2.pcapng and so on; in the place of
 * none that is there. */
static bool frames_path_beside(char path[SLICES_PATH_MAX], const char *case_path)
{
    enum { MOST = 100000 };
    size_t stem = strlen(case_path);
    int len = 0;

    if (stem > 3 && strcmp(case_path + stem - 3, ".db") == 0)
        stem -= 3;
    for (int n = 1; n < MOST; n++) {
        len = n == 1 ? snprintf(path, SLICES_PATH_MAX, "%.*s.pcapng", (int)stem, case_path)
                     : snprintf(path, SLICES_PATH_MAX, "%.*s.%d.pcapng", (int)stem, case_path, n);
        if (len < 0 || len >= SLICES_PATH_MAX || access(path, F_OK) != 0)
            break;
    }
    return len > 0 && len < SLICES_PATH_MAX;
}

/* Of long streams the writer would spend a fifth of its time on hashes; on a single core it would gain nothing. */
static void start_hasher(struct live_state *run)
{
    if (!run->options->no_hash && !run->options->reference && threads_have_cores())
        run->hasher = worker_new();
    run->hashing = worker_for_store(run->hasher);
}

static char *options_json(const struct live_state *run, const struct live_interface *said)
{
    const struct live_run_options *o = run->options;
    struct option_text text;
    char key[PLACE_PARTS_LEN];

    place_parts_text(key, run->place_parts);
    option_text_begin(&text);
    if (o->keep_frames && !o->slices)
        option_text_add(&text, "frames", base_name(run->beside.path));
    option_text_add(&text, "filter", o->filter);
    option_text_add(&text, "key", run->place_parts == PLACE_DEFAULT ? NULL : key);
    option_text_add(&text, "payload", o->reference ? "reference" : NULL);
    option_text_add(&text, "capture", o->pcap ? "pcap" : "ring");
    option_text_add_number(&text, "ring", run->ring_len);
    option_text_add_number(&text, "snaplen", said->snap_len);
    option_text_add_flag(&text, "promiscuous", o->promiscuous);
    option_text_add_flag(&text, "hardware_time", said->hardware_time);
    return option_text_end(&text);
}

static enum status open_interfaces(struct live_state *run)
{
    const struct live_run_options *o = run->options;
    const struct live_options how = {.interfaces = o->interfaces,
                                     .interface_count = (unsigned)o->interface_count,
                                     .filter = o->filter,
                                     .source = o->pcap ? LIVE_PCAP : LIVE_RING,
                                     .ring_len = run->ring_len,
                                     .snap_len = o->snap_len,
                                     .promiscuous = o->promiscuous,
                                     .hardware_time = o->hardware_time};

    run->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC); /* while it may */
    run->interfaces = calloc(o->interface_count, sizeof *run->interfaces);
    if (!run->interfaces)
        return error_no_memory(run->err, "no memory");
    run->last_ns = live_clock_ns(CLOCK_REALTIME);
    run->live = live_open(&how, run->err);
    return run->live ? STATUS_OK : STATUS_FAILED;
}

static enum status open_store(struct live_state *run)
{
    const struct live_run_options *o = run->options;
    struct store_slice first = {0};
    char path[SLICES_PATH_MAX];

    if (o->slices) {
        if (slices_begin(&run->slices, o->case_path, o->slices, run->err) != STATUS_OK)
            return STATUS_FAILED;
        run->closer = worker_new();
        if (!run->closer || !slices_path(path, &run->slices, ++run->slices.number))
            return error_no_memory(run->err, "no memory");
        slices_began(&run->slices, run->slices.number, live_next_slice_first_ns(run));
        atomic_store(&run->writing_number, run->slices.number);
        atomic_store(&run->set_back_ns, 0);
        first.first_flow_id = slices_first_flow_id(run->slices.number);
        first.first_evidence_id = run->slices.evidence_id + 1;
        run->result->slices++;
    }
    if (o->keep_frames) {
        char frames[SLICES_PATH_MAX];
        run->raw_frames = raw_frames_new(run->memory, !o->no_sync);
        if (!run->raw_frames)
            return error_no_memory(run->err, "no memory to keep frames");
        if (!(o->slices ? slices_frames_path(frames, &run->slices, run->slices.number)
                        : frames_path_beside(frames, o->case_path)))
            return error_set(run->err, "%s: its name is too long", o->case_path);
        live_begin_beside(run, frames, 0, 0);
        run->reference = (struct payload_source){live_read_frames, run};
    }
    start_hasher(run);
    const struct store_options how = {.memory = shared_memory(run) / 15 * 6,
                                      .page_size =
                                          o->reference ? PAGE_SIZE_WITHOUT_PAYLOAD : PAGE_SIZE,
                                      .hash = !o->no_hash,
                                      .hasher = run->hasher ? &run->hashing : NULL,
                                      .reference = o->reference ? &run->reference : NULL,
                                      .shelf = &evidence_for_mending,
                                      .live = true,
                                      .mended_beside = true,
                                      .sync = !o->no_sync,
                                      .jobs = run->hasher ? 3 : 2,
                                      .memory_total = run->memory,
                                      .version = o->version,
                                      .command = o->command,
                                      .user = o->user,
                                      .slice = o->slices ? &first : NULL};

    if (store_open(&run->store, o->slices ? path : o->case_path, &how, run->err) != STATUS_OK)
        return STATUS_FAILED;
    const char *sentence;
    while ((sentence = store_remark(run->store)) != NULL)
        live_say(run, "%s", sentence);
    return STATUS_OK;
}

/* A row of evidence for each interface, and the first commit, so that readers know of it before a frame has
 * come. */
static enum status begin_evidence(struct live_state *run)
{
    struct store_log log;

    for (size_t n = 0; n < run->options->interface_count; n++) {
        struct watched *i = &run->interfaces[n];
        live_interface(run->live, &i->said, (unsigned)n);
        free(i->json); /* of before a pause */
        i->json = options_json(run, &i->said);
        if (i->json && run->options->slices && run->raw_frames) {
            i->json_room = strlen(i->json) + FRAMES_NAME_ROOM;
            i->json_of_slice = malloc(i->json_room);
        }
        if (!i->json || (i->json_room > 0 && !i->json_of_slice))
            return error_no_memory(run->err, "no memory");
        live_begin_interface(run, n);
        i->evidence_id = store_last_evidence(run->store);
        run->next_evidence_id = i->evidence_id + 1;
    }
    if (run->raw_frames) {
        live_begin_frames(run, run->beside.path);
        run->beside.file = raw_frames_file(run->raw_frames);
        run->beside.first_evidence_id = run->interfaces[0].evidence_id;
    }
    return store_commit(run->store, &log, run->err);
}

static enum status open_life(struct live_state *run)
{
    const struct life_options life = {.memory = shared_memory(run) / 15,
                                      .timeouts = &flow_timeouts_live,
                                      .place_parts = run->place_parts};
    const struct relay_options relay = {.to = store_sink(run->store),
                                        .threaded = true,
                                        .memory = run->memory / 16,
                                        .after = live_see_told,
                                        .note = live_hear_note,
                                        .context = run};

    run->relay = relay_new(&relay);
    if (!run->relay)
        return error_no_memory(run->err, "no memory for the flow table");
    run->rotated_place = run->pointed_place = 0;
    run->pointing = true;
    relay_frames_last(run->relay, true);
    run->life.batch = LIFE_BATCH_MOST;
    enum status status = life_open(&run->life, relay_sink(run->relay), &life, run->err);
    if (status == STATUS_OK && !flows_watch(run->life.flows))
        status = error_no_memory(run->err, "no memory for the flow table");
    return status;
}

static enum status finish_store(struct live_state *run)
{
    const struct store_counts counts = store_counts(run->store);
    bool one_file;

    if (run->raw_frames) {
        raw_frames_wait(run->raw_frames, raw_frames_pass(run->raw_frames));
        slices_tell_frames(run->store, run->beside.first_evidence_id, run->beside.path);
    }

    atomic_store(&run->is_behind, false);
    live_mend(run, MENDING_AT_END_NS);
    run->result->frames = run->frames;
    run->result->flows = counts.flows;
    run->result->streams = counts.streams;
    run->result->payload_bytes = counts.payload_bytes;
    enum status status = store_finish_live(run->store, run->result->seal, &one_file, run->err);
    run->store = NULL;
    run->result->logged = status == STATUS_OK && !one_file;
    return status;
}

static void begin_clocks(struct live_state *run)
{
    const int64_t now_ns = live_clock_ns(CLOCK_MONOTONIC);

    run->ticked_ns = run->committed_ns = run->second_ns = run->framed_ns = now_ns;
    run->slice_ns = now_ns;
    run->second_began_ns = live_clock_ns(CLOCK_REALTIME);
    run->wall_ahead_ns = run->second_began_ns - now_ns;
    run->latest_ns = run->last_ns;
}

/* How long nothing was stored, with the frames of that time, and how it goes on. */
static void tell_pause(struct live_state *run)
{
    char text[200];

    if (run->paused_ns == 0)
        return;
    snprintf(text, sizeof text,
             "nothing was stored for %" PRId64
             " s, nor what came up to 2 s before: there was no room on the disk",
             (run->paused_ns + LIVE_SECOND_NS - 1) / LIVE_SECOND_NS);
    for (size_t n = 0; n < run->options->interface_count; n++)
        live_counts(run->live, &run->interfaces[n].counts, (unsigned)n);
    live_tell_all_statistics(run, text);
    for (size_t n = 0; n < run->options->interface_count; n++)
        run->interfaces[n].counts_told = run->interfaces[n].counts;
    run->paused_ns = 0;
}

enum status live_run_check(const struct live_run_options *o, struct error *err)
{
    struct filter *filter = NULL;
    unsigned place_parts;
    const size_t memory = o->memory ? o->memory : INGEST_MEMORY_DEFAULT;

    if (o->memory && o->memory < LIVE_MEMORY_LEAST)
        return error_set(err, "--memory must be at least %d MiB", LIVE_MEMORY_LEAST >> 20);
    if (o->interface_count > LIVE_INTERFACES_MAX)
        return error_set(err, "at most %d interfaces can be watched at once", LIVE_INTERFACES_MAX);
    if (o->ring_len && o->ring_len < LIVE_RING_LEN_MIN)
        return error_set(err, "--ring must be at least %d MiB", LIVE_RING_LEN_MIN >> 20);
    if (o->ring_len > memory / 2 / o->interface_count)
        return error_set(err, "the rings may have at most half of --memory, which is %zu MiB",
                         memory >> 20);
    if (o->reference && !o->keep_frames)
        return error_set(err, "--payload reference needs --pcap: payload stays in its frames");
    if (memory / 2 / LIVE_RING_LEN_MIN < o->interface_count)
        return error_set(err, "--memory is too little for %zu interfaces", o->interface_count);
    enum status status = life_choose_key(&place_parts, o->key, err);
    if (status == STATUS_OK && o->filter)
        status = filter_new(&filter, o->filter, err);
    filter_free(filter);
    return status;
}

/* Of each interface: as was said, else a quarter of the memory among them, and no more than is of use. */
static size_t ring_len(const struct live_run_options *o, size_t memory)
{
    size_t len = o->ring_len ? o->ring_len : memory / 4 / o->interface_count;

    if (!o->ring_len && len > LIVE_RING_LEN)
        len = LIVE_RING_LEN;
    return len < LIVE_RING_LEN_MIN ? LIVE_RING_LEN_MIN : len;
}

/* Of a case, or of a folder, until the end, or a failure. */
static enum status store_frames(struct live_state *run)
{
    enum status status = open_store(run);

    if (status == STATUS_OK)
        status = begin_evidence(run);
    if (status == STATUS_OK)
        status = open_life(run);
    if (status != STATUS_OK)
        return status;
    begin_clocks(run);
    live_tell_remarks(run);
    tell_pause(run);
    if (run->options->ready && !run->is_ready)
        run->options->ready(run->options->context);
    run->is_ready = true;
    status = live_watch(run);
    return status == STATUS_OK ? end_flows(run) : status;
}

/* Leaves what was begun as a kill would: but nothing of it goes on. */
static void leave_store(struct live_state *run)
{
    relay_free(run->relay); /* first: what it has to tell borrows from the others */
    run->relay = NULL;
    life_close(&run->life);
    store_abandon(run->store);
    run->store = NULL;
    worker_free(run->hasher);
    run->hasher = NULL;
    raw_frames_free(run->raw_frames);
    run->raw_frames = NULL;
    worker_free(run->closer); /* waits until the slices before are closed */
    run->closer = NULL;
}

/* All that is counted begins anew, in the next slice or the next run of the case. What came since the last commit
 * counts as shed. */
static void forget_store(struct live_state *run)
{
    for (size_t n = 0; n < run->options->interface_count; n++) {
        struct watched *i = &run->interfaces[n];
        live_counts(run->live, &i->counts, (unsigned)n);
        live_begin_anew(run, i);
        i->counts_told = i->counts;
    }
    live_release(run->live, live_mark(run->live));
    run->held_first = run->held_count = 0;
    run->frames_committed = run->frames;
    run->bytes_committed = run->bytes;
    run->frames_lost_told = 0;
    run->log_told = false;
    run->disk_level = SHED_NOTHING;
    run->pressure = (struct pressure){0};
    atomic_store(&run->case_len, 0);
    atomic_store(&run->log_len, 0);
    atomic_store(&run->log_held, false);
    atomic_store(&run->raw_frames_len, 0);
    atomic_store(&run->tending, false);
    atomic_store(&run->mending, false);
    atomic_store(&run->is_behind, false);
    atomic_store(&run->slices.closing_len, 0);
}

static void tell_of_slices(struct live_state *run)
{
    struct error sentence;

    if (slices_remark(&run->slices, &sentence))
        live_say(run, "%s", sentence.text);
}

/* The slice before the one that could not be begun, or written, has nobody to close it. */
static void let_go_of_slices(struct live_state *run)
{
    const uint32_t last = run->slices.number, writing = atomic_load(&run->writing_number);

    for (uint32_t number = writing > 1 ? writing - 1 : 1; number < last; number++)
        slices_left(&run->slices, number);
}

/* The disk is full: waits until it is not, and goes on. */
static enum status wait_for_room(struct live_state *run)
{
    leave_store(run);
    tell_of_slices(
        run); /* one that could not be closed for the same reason is mended with the others */
    if (run->options->slices)
        let_go_of_slices(run);
    forget_store(run);
    if (!live_pause(run))
        return STATUS_END;
    const uint64_t removed = atomic_load(&run->slices.removed_for_room) - run->removed_told;
    if (run->options->slices)
        slices_end(&run->slices);
    run->slices = (struct slices){.lock = -1}; /* it looks at the folder anew */
    atomic_store(&run->slices.removed_for_room, removed);
    run->removed_told = 0;
    *run->err = (struct error){0};
    return STATUS_OK;
}

/* STATUS_END: the end came while nothing could be stored. */
static enum status run_all(struct live_state *run)
{
    enum status status = open_interfaces(run);

    if (status == STATUS_OK && run->options->opened && !run->options->opened(run->options->context))
        status = STATUS_FAILED;
    if (status != STATUS_OK)
        return status;
    while ((status = store_frames(run)) == STATUS_FAILED && run->is_ready && live_wants_room(run)) {
        status = wait_for_room(run);
        if (status != STATUS_OK)
            break;
    }
    return status;
}

/* What an earlier run left open, and this one has had no time for: as much as can be begun before who stops a service
 * becomes impatient. */
static void mend_slices(struct live_state *run)
{
    const int64_t until_ns = live_clock_ns(CLOCK_MONOTONIC) + MENDING_AT_END_NS;

    while (slices_wants_mending(&run->slices) && live_clock_ns(CLOCK_MONOTONIC) < until_ns) {
        tell_of_slices(run);
        slices_mend(&run->slices);
    }
}

/* Of a folder. What was not closed in good order is for the next run. */
static void end_slices(struct live_state *run, enum status status)
{
    if (!run->options->slices)
        return;
    if (status == STATUS_OK) {
        mend_slices(run);
        slices_closed(&run->slices, run->slices.number, run->result->logged, NULL);
        slices_tend_last(&run->slices);
    }
    tell_of_slices(run);
    slices_end(&run->slices);
}

enum status live_run(struct live_run_result *result, const struct live_run_options *options,
                     struct error *err)
{
    struct live_state run = {.options = options,
                             .result = result,
                             .err = err,
                             .statm = -1,
                             .memory = options->memory ? options->memory : INGEST_MEMORY_DEFAULT};

    *result = (struct live_run_result){0};
    enum status status = live_run_check(options, err);
    if (status == STATUS_OK)
        status = life_choose_key(&run.place_parts, options->key, err);
    if (status != STATUS_OK)
        return status;
    run.ring_len = ring_len(options, run.memory);
    status = run_all(&run);
    relay_free(run.relay); /* first: what it has to tell borrows from the others */
    life_close(&run.life);
    live_close(run.live);
    if (status == STATUS_OK)
        status = finish_store(&run);
    store_abandon(run.store);
    worker_free(run.hasher);
    raw_frames_free(run.raw_frames);
    worker_free(run.closer); /* waits until the slices before are closed */
    end_slices(&run, status);
    if (status ==
        STATUS_END) { /* what was left open is for the next run, and the user has been told */
        run.result->frames = run.frames;
        run.result->unfinished = true;
        status = STATUS_OK;
    }
    for (size_t n = 0; run.interfaces && n < options->interface_count; n++) {
        free(run.interfaces[n].json);
        free(run.interfaces[n].json_of_slice);
    }
    evidence_close(run.beside.again);
    free(run.interfaces);
    if (run.statm >= 0)
        close(run.statm);
    return status;
}
