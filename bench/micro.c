/* micro.c - what each stage of the pipeline costs a frame, on captures made here in memory.
 *
 *     micro                                 the table: a line a stage, ns a frame and GB/s
 *     micro --stage NAME [--kind NAME] [--frames N] [--flows N]
 *                                           one stage, for callgrind: count inside run_stage() only
 *                                           (--toggle-collect=run_stage)
 *
 * Each stage does what the one before it does and a thing more, so what it adds is the difference:
 *
 *     read         capture_next() to the end; no byte of a frame is looked at
 *     dissect      and dissect(): every header, and the checksums, which read the payload
 *     flow         and see_frame() with a sink that does nothing, on a capture with as many frames of
 *                  as many flows, in which each segment is an acknowledgement: nothing to put in order
 *     reassemble   the same on the capture with payload
 *     store        and the store as the sink, to the finished case: chunks, arrivals, frames, rows,
 *                  indexes; no SHA-256
 *
 * read, dissect, reassemble and store see the same capture. Flow sees another one of the same shape, which
 * on small segments is nearly as large; so what reassembly adds holds the checksum of its payload too. */
#include "frames.h"

#include "capture/capture.h"
#include "dissect/dissect.h"
#include "pipeline/life.h"
#include "reassembly/flows.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum stage { READ, DISSECT, FLOW, REASSEMBLE, STORE, STAGE_COUNT };
static const char *const stage_names[] = {"read", "dissect", "flow", "reassemble", "store"};

enum {
    FRAMES_A_FLOW = 9,    /* of a single round: three of them open it */
    WARM_FRAMES = 900000, /* so many that memory that is used for the first time is few of them */
};
static const size_t TABLE_MEMORY = (size_t)4 << 30; /* so that nothing is evicted at a million */

static _Noreturn void fail(const char *what, const struct error *err)
{
    fprintf(stderr, "micro: %s: %s\n", what, err ? err->text : "failed");
    exit(3);
}

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* ---- the sink that does nothing ---- */

static void no_frame(struct sink *s, struct flow *f, const struct frame *frame)
{
    (void)s, (void)f, (void)frame;
}

static void no_segment(struct sink *s, struct flow *f, const struct arrival *arrival)
{
    (void)s, (void)f, (void)arrival;
}

static void no_believe(struct sink *s, struct flow *f, enum side side, int64_t at, int64_t len)
{
    (void)s, (void)f, (void)side, (void)at, (void)len;
}

static void no_gap(struct sink *s, struct flow *f, enum side side, int64_t at, int64_t len,
                   enum gap_cause cause, bool tail)
{
    (void)s, (void)f, (void)side, (void)at, (void)len, (void)cause, (void)tail;
}

static void no_oddity(struct sink *s, struct flow *f, const struct frame *frame, enum oddity kind,
                      const char *text)
{
    (void)s, (void)f, (void)frame, (void)kind, (void)text;
}

static void no_end(struct sink *s, struct flow *f)
{
    (void)s, (void)f;
}

static struct sink nothing = {.frame = no_frame,
                              .segment = no_segment,
                              .believe = no_believe,
                              .gap = no_gap,
                              .oddity = no_oddity,
                              .flow_end = no_end};

/* ---- a stage ---- */

/* What a stage works on. */
struct bench {
    enum stage stage;
    struct capture *capture;
    struct flows *flows; /* from FLOW on */
    struct life life;    /* with `flows` */
    struct verdict_counts seen;
    struct store *store; /* STORE */
    uint32_t evidence_id;
    uint64_t frames, bytes;
    double longest_ns; /* of a frame that began a flow; with `timed` */
    bool timed;
};

static void feed_read(struct bench *b, const struct frame *frame)
{
    b->frames++;
    b->bytes += frame->bytes.len;
}

static void feed_dissect(struct bench *b, const struct frame *frame)
{
    struct packet packet;

    feed_read(b, frame);
    if (dissect(frame, &packet) != VERDICT_OK)
        fail("dissect", NULL);
}

static void feed_flow(struct bench *b, const struct frame *frame)
{
    struct packet packet;
    struct flow_lookup look;

    feed_read(b, frame);
    if (!b->timed) {
        see_frame(&b->life, &b->seen, frame);
        return;
    }
    if (dissect(frame, &packet) != VERDICT_OK)
        fail("dissect", NULL);
    uint64_t before = flows_count(b->flows);
    double start = now_ns();
    flows_look(b->flows, &look, &packet);
    flows_packet(b->flows, &packet, &look);
    double took = now_ns() - start;
    if (flows_count(b->flows) > before && took > b->longest_ns)
        b->longest_ns = took;
}

/* All of it; the one function in which instructions are counted. */
__attribute__((noinline)) static void run_stage(struct bench *b)
{
    struct frame frame;
    struct error err = {0};
    enum status status;

    while ((status = capture_next(b->capture, &frame, &err)) == STATUS_OK) {
        frame.evidence_id = b->evidence_id;
        if (b->stage == READ)
            feed_read(b, &frame);
        else if (b->stage == DISSECT)
            feed_dissect(b, &frame);
        else
            feed_flow(b, &frame);
    }
    if (status != STATUS_END)
        fail("capture", &err);
    life_catch_up(&b->life);
    if (b->seen.frames[VERDICT_OK] != (b->flows && !b->timed ? b->frames : 0))
        fail("dissect", NULL);
    if (b->stage == STORE) {
        flows_end_all(b->flows);
        const struct evidence_end end = {
            .bytes = b->bytes, .frames = b->frames, .status = "complete"};
        store_evidence_end(b->store, b->evidence_id, &end);
        if (store_finish(b->store, NULL, &err) != STATUS_OK)
            fail("store", &err);
    }
}

/* ---- captures ---- */

struct food {
    char *bytes;
    size_t len;
};

/* `rounds` of segments, where the kind has flows that do not end. */
static struct food make_food(const char *kind, uint64_t frames, uint32_t flows, bool with_payload,
                             uint32_t rounds)
{
    struct food food = {0};
    FILE *out = open_memstream(&food.bytes, &food.len);

    if (!out)
        fail("no memory for a capture", NULL);
    frames_begin(out);
    if (strcmp(kind, "long") == 0) /* of each three frames two are full segments */
        make_long(flows, frames * 2 / 3 * FRAMES_SEGMENT, false);
    else
        make_rounds((uint32_t)(frames / FRAMES_A_FLOW), with_payload ? 48 : 0, rounds);
    if (fclose(out) != 0)
        fail("no memory for a capture", NULL);
    return food;
}

static struct store *open_store(const char *path, struct bench *b)
{
    const struct store_options options = {.memory = (size_t)1 << 30,
                                          .page_size = 16384,
                                          .jobs = 1,
                                          .version = "micro",
                                          .command = "micro"};
    struct store *store;
    struct error err = {0};

    if (store_open(&store, path, &options, &err) != STATUS_OK)
        fail(path, &err);
    b->evidence_id = store_evidence_begin(store, "micro", "file", "pcap", NULL);
    return store;
}

/* Runs a stage over a capture; wall time in *ns. */
static struct bench measure(enum stage stage, const struct food *food, bool timed, double *ns)
{
    static char folder[] = "/tmp/seine-micro-XXXXXX";
    static char path[sizeof folder + 16];
    const struct capture_options options = {0};
    struct bench b = {.stage = stage, .timed = timed};
    struct error err = {0};

    if (stage == STORE) {
        memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
        if (!mkdtemp(folder))
            fail("no folder in /tmp", NULL);
        snprintf(path, sizeof path, "%s/case.db", folder);
        b.store = open_store(path, &b);
    }
    if (stage >= FLOW)
        b.flows = flows_new(b.store ? store_sink(b.store) : &nothing, TABLE_MEMORY,
                            &flow_timeouts_offline, 0);
    if (capture_open_memory(&b.capture, "micro", span_of(food->bytes, food->len), &options, &err) !=
            STATUS_OK ||
        (stage >= FLOW && !b.flows))
        fail("set-up", &err);
    b.life.flows = b.flows;
    b.life.batch = LIFE_BATCH_MOST;

    double start = now_ns();
    run_stage(&b);
    *ns = now_ns() - start;

    flows_free(b.flows);
    capture_close(b.capture);
    if (stage == STORE) {
        unlink(path);
        rmdir(folder);
    }
    return b;
}

/* ---- what is printed ---- */

static void print_table(const char *title, const char *kind, uint64_t frames, uint32_t flows)
{
    struct food with = make_food(kind, frames, flows, true, 1);
    struct food without = make_food(kind, frames, flows, false, 1);
    bool is_long = strcmp(kind, "long") == 0;

    printf("%s\n  %-12s %10s %10s %8s\n", title, "", "ns/frame", "adds", "GB/s");
    double before = 0;
    for (enum stage stage = READ; stage < STAGE_COUNT; stage++) {
        if (stage == FLOW && is_long)
            continue; /* without payload there is nothing long about it */
        double ns, best = 0;
        struct bench b = {0};
        for (int run = 0; run < 3; run++) {
            b = measure(stage, stage == FLOW ? &without : &with, false, &ns);
            best = run == 0 || ns < best ? ns : best;
        }
        double each = best / (double)b.frames;
        printf("  %-12s %10.1f %10.1f %8.2f\n", stage_names[stage], each, each - before,
               (double)b.bytes / best);
        before = each;
        fflush(stdout);
    }
    free(with.bytes);
    free(without.bytes);
}

static void print_flow_line(uint32_t flows)
{
    double flow_ns, whole_ns, timed_ns;
    const uint64_t frames = (uint64_t)flows * FRAMES_A_FLOW;
    const uint32_t rounds = frames < WARM_FRAMES ? (uint32_t)(WARM_FRAMES / frames) : 1;
    struct food without = make_food("small", frames, 0, false, rounds);
    struct food with = make_food("small", frames, 0, true, rounds);
    struct bench b = measure(FLOW, &without, false, &flow_ns);
    measure(REASSEMBLE, &with, false, &whole_ns);
    struct bench timed = measure(FLOW, &without, true, &timed_ns);

    printf("  %10lu %14.1f %14.1f %14.2f %18.3f\n", (unsigned long)flows,
           flow_ns / (double)b.frames, whole_ns / (double)b.frames,
           (double)b.frames / whole_ns * 1e3, timed.longest_ns / 1e6);
    fflush(stdout);
    free(with.bytes);
    free(without.bytes);
}

static int print_all(uint32_t most)
{
    print_table("10,000 flows at once, segments of 48 bytes", "small", 90000, 0);
    print_table("64 long flows, segments of 1448 bytes", "long", 90000, 64);
    printf(
        "flows at once, ns a frame (and millions of frames a second); the longest single insert\n"
        "  %10s %14s %14s %14s %18s\n",
        "flows", "to flow", "to reassemble", "10^6 frames/s", "longest insert ms");
    for (uint32_t flows = 1000; flows <= most; flows *= flows < 100000 ? 100 : 10)
        print_flow_line(flows);
    return 0;
}

static int print_stage(const char *name, const char *kind, uint64_t frames, uint32_t flows)
{
    for (enum stage stage = READ; stage < STAGE_COUNT; stage++)
        if (strcmp(name, stage_names[stage]) == 0) {
            struct food food = make_food(kind, frames, flows, stage != FLOW, 1);
            double ns;
            struct bench b = measure(stage, &food, false, &ns);
            printf("%s frames %llu bytes %llu ns/frame %.1f\n", name, (unsigned long long)b.frames,
                   (unsigned long long)b.bytes, ns / (double)b.frames);
            free(food.bytes);
            return 0;
        }
    fprintf(stderr, "micro: there is no stage %s\n", name);
    return 2;
}

int main(int argc, char **argv)
{
    const char *stage = NULL, *kind = "small";
    uint64_t frames = 9000, flows = 64, most = 1000000;
    int i = 1;

    for (; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--stage") == 0)
            stage = argv[i + 1];
        else if (strcmp(argv[i], "--kind") == 0)
            kind = argv[i + 1];
        else if (strcmp(argv[i], "--frames") == 0)
            frames = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--flows") == 0)
            flows = most = strtoull(argv[i + 1], NULL, 10);
        else
            break;
    }
    if (i != argc || frames < FRAMES_A_FLOW || flows == 0) {
        fprintf(stderr, "micro: [--stage read|dissect|flow|reassemble|store] [--kind small|long] "
                        "[--frames N] [--flows N]\n");
        return 2;
    }
    return stage ? print_stage(stage, kind, frames, (uint32_t)flows) : print_all((uint32_t)most);
}
