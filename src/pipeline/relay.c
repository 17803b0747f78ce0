/* relay.c - batches of messages, and the thread that tells them to the writer. */
#include "pipeline/relay.h"

#include "pipeline/messages.h"
#include "pipeline/queue.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    BATCHES = 8,            /* at least */
    BATCHES_MOST = 64,      /* where there is memory for more than BATCH_MOST in each */
    BATCH_LEAST = 16 << 10, /* bytes */
    BATCH_MOST = 256 << 10,
};

struct relay {
    struct sink sink; /* first: the sink's address is the relay's */
    struct relay_options options;
    bool threaded;
    bool lasting;
    atomic_bool failed;

    pthread_t thread;
    struct queue queue;
    struct messages batches[BATCHES_MOST];
    unsigned count;        /* of batches */
    struct messages *open; /* the batch being filled; NULL: none */
    uint64_t turn;         /* of the batch handed over last */

    /* Numbers of flows: those given back are given out again first. */
    uint32_t *unused; /* owned */
    uint32_t unused_count, unused_room, highest;
    struct message_flows flows; /* the writer's side of them */
};

static struct relay *relay_of(struct sink *sink)
{
    return (struct relay *)(void *)sink;
}

size_t relay_memory(size_t budget)
{
    size_t each = budget / 64 / BATCHES;
    each = each < BATCH_LEAST ? BATCH_LEAST : each > BATCH_MOST ? BATCH_MOST : each;
    return each * BATCHES;
}

size_t relay_numbers_memory(size_t budget)
{
    enum { PART = 48 };
    _Static_assert(sizeof(struct flow) >= PART * RELAY_NUMBER_COST * 23 / 64,
                   "a flow table of 23/64 of the budget has no more flows than there are numbers");
    return budget / PART;
}

/* ---- the writer's thread ---- */

static void tell(struct relay *r, struct messages *batch)
{
    const struct message_reader reader = {r->options.to, r->options.note, r->options.context};

    if (!messages_tell(batch, &r->flows, &reader) || !r->options.after(r->options.context))
        atomic_store(&r->failed, true);
}

static void write_all(void *relay)
{
    struct relay *r = relay;
    unsigned slot;

    while (queue_next(&r->queue, &slot)) {
        tell(r, &r->batches[slot]);
        queue_empty(&r->queue);
    }
}

/* ---- the reader's side ---- */

static void hand_over(struct relay *r)
{
    if (!r->open || r->open->len == 0)
        return;
    r->turn = queue_fill(&r->queue);
    r->open = NULL;
}

static struct messages *open_batch(struct relay *r)
{
    if (!r->open) {
        r->open = &r->batches[queue_room(&r->queue)];
        messages_clear(r->open);
    }
    return r->open;
}

/* The number of a flow; one that is new gets one. 0 for none. */
static uint32_t number_of(struct relay *r, struct flow *flow)
{
    if (flow && !flow->kept) {
        uint32_t number = r->unused_count > 0 ? r->unused[--r->unused_count] : ++r->highest;
        flow->kept = (void *)(uintptr_t)number;
    }
    return flow ? (uint32_t)(uintptr_t)flow->kept : 0;
}

/* Where there is no memory to remember that a number is unused, it stays so. */
static void give_back(struct relay *r, uint32_t number)
{
    if (r->unused_count == r->unused_room) {
        uint32_t room = r->unused_room > 0 ? 2 * r->unused_room : 1024;
        uint32_t *unused = realloc(r->unused, room * sizeof *unused);
        if (!unused)
            return;
        r->unused = unused;
        r->unused_room = room;
    }
    r->unused[r->unused_count++] = number;
}

static void see_frame(struct sink *sink, struct flow *flow, const struct frame *frame)
{
    struct relay *r = relay_of(sink);
    uint32_t number = number_of(r, flow);

    while (!message_put_frame(open_batch(r), number, frame, flow && flow_is_over(flow)))
        hand_over(r);
}

/* Tells a segment that is longer than a batch. */
static void tell_at_once(struct relay *r, struct flow *flow, const struct arrival *a)
{
    void *number = flow->kept, **kept = NULL;

    relay_settle(r);
    kept = message_flows_at(&r->flows, (uint32_t)(uintptr_t)number);
    if (!kept) {
        atomic_store(&r->failed, true);
        return;
    }
    flow->kept = *kept;
    r->options.to->segment(r->options.to, flow, a);
    *kept = flow->kept;
    flow->kept = number;
}

static void see_segment(struct sink *sink, struct flow *flow, const struct arrival *a)
{
    struct relay *r = relay_of(sink);
    uint32_t number = number_of(r, flow);

    if (message_put_segment(open_batch(r), number, a, r->lasting))
        return;
    hand_over(r);
    if (!message_put_segment(open_batch(r), number, a, r->lasting))
        tell_at_once(r, flow, a);
}

static void see_believe(struct sink *sink, struct flow *flow, enum side side, int64_t position,
                        int64_t len)
{
    struct relay *r = relay_of(sink);
    uint32_t number = number_of(r, flow);

    while (!message_put_believe(open_batch(r), number, side, position, len))
        hand_over(r);
}

static void see_gap(struct sink *sink, struct flow *flow, enum side side, int64_t position,
                    int64_t len, enum gap_cause cause, bool tail)
{
    struct relay *r = relay_of(sink);
    uint32_t number = number_of(r, flow);

    while (!message_put_gap(open_batch(r), number, side, position, len, cause, tail))
        hand_over(r);
}

static void see_oddity(struct sink *sink, struct flow *flow, const struct frame *frame,
                       enum oddity kind, const char *text)
{
    struct relay *r = relay_of(sink);
    uint32_t number = number_of(r, flow);

    while (!message_put_oddity(open_batch(r), number, frame, kind, text))
        hand_over(r);
}

static void see_flow_end(struct sink *sink, struct flow *flow)
{
    struct relay *r = relay_of(sink);
    uint32_t number = number_of(r, flow);

    while (!message_put_end(open_batch(r), number, flow))
        hand_over(r);
    give_back(r, number);
    flow->kept = NULL;
}

static void see_flow_news(struct sink *sink, struct flow *flow)
{
    struct relay *r = relay_of(sink);
    uint32_t number = number_of(r, flow);

    while (!message_put_news(open_batch(r), number, flow))
        hand_over(r);
}

/* ---- the relay itself ---- */

static void batches_release(struct relay *r)
{
    for (unsigned i = 0; i < r->count; i++)
        free(r->batches[i].bytes);
}

/* Makes the batches and the thread. False, with nothing made, where that cannot be. */
static bool prepare(struct relay *r)
{
    const size_t wanted = r->options.memory / BATCH_MOST;
    const unsigned count = wanted <= BATCHES        ? BATCHES
                           : wanted >= BATCHES_MOST ? BATCHES_MOST
                                                    : (unsigned)wanted;
    size_t each = r->options.memory / count;

    while (r->count < count) {
        struct messages *batch = &r->batches[r->count++];
        *batch = (struct messages){.bytes = malloc(each), .room = each};
        if (!batch->bytes) {
            batches_release(r);
            return false;
        }
    }
    if (queue_init(&r->queue, count)) {
        if (thread_start(&r->thread, write_all, r))
            return true;
        queue_release(&r->queue);
    }
    batches_release(r);
    return false;
}

struct relay *relay_new(const struct relay_options *options)
{
    struct relay *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->sink = (struct sink){.frame = see_frame,
                            .segment = see_segment,
                            .believe = see_believe,
                            .gap = see_gap,
                            .oddity = see_oddity,
                            .flow_end = see_flow_end,
                            .flow_news = see_flow_news};
    r->options = *options;
    r->threaded = options->threaded && prepare(r);
    return r;
}

void relay_free(struct relay *r)
{
    if (!r)
        return;
    if (r->threaded) {
        hand_over(r);
        queue_close(&r->queue);
        pthread_join(r->thread, NULL);
        queue_release(&r->queue);
        batches_release(r);
    }
    message_flows_release(&r->flows);
    free(r->unused);
    free(r);
}

struct sink *relay_sink(struct relay *r)
{
    return r->threaded ? &r->sink : r->options.to;
}

void relay_frames_last(struct relay *r, bool lasting)
{
    r->lasting = lasting;
}

uint64_t relay_passed(struct relay *r)
{
    hand_over(r);
    return r->turn;
}

uint64_t relay_place(const struct relay *r)
{
    return r->open && r->open->len > 0 ? r->turn + 1 : r->turn;
}

uint64_t relay_told(struct relay *r)
{
    return r->threaded ? queue_emptied(&r->queue) : r->turn;
}

unsigned relay_backlog(struct relay *r)
{
    return r->threaded ? (unsigned)(r->turn - queue_emptied(&r->queue)) : 0;
}

unsigned relay_batches(const struct relay *r)
{
    return r->threaded ? r->count : 1;
}

void relay_note(struct relay *r, const void *note, size_t len)
{
    assert(len <= RELAY_NOTE_MOST);
    if (!r->threaded) {
        r->options.note(r->options.context, span_of(note, len));
        return;
    }
    while (!message_put_note(open_batch(r), note, len))
        hand_over(r);
}

void relay_wait(struct relay *r, uint64_t place)
{
    if (r->threaded)
        queue_wait(&r->queue, place);
}

void relay_settle(struct relay *r)
{
    relay_wait(r, relay_passed(r));
}

bool relay_failed(struct relay *r)
{
    if (!r->threaded && !r->options.after(r->options.context))
        atomic_store(&r->failed, true);
    return atomic_load(&r->failed);
}
