/* keep.c - what is kept of a live flow, and what is written early when memory runs out. */
#include "store/writer.h"

#include <stdlib.h>
#include <string.h>

static void queue_in(struct store *s, struct kept_flow *k, enum kept_in queue)
{
    k->queue = queue & 3u;
    s->over_count += queue == KEPT_OVER;
    s->full_count += queue == KEPT_FULL;
    struct kept_queue *q = &s->queues[queue];
    k->newer = NULL;
    k->older = q->newest;
    if (q->newest)
        q->newest->newer = k;
    else
        q->oldest = k;
    q->newest = k;
}

static void queue_out(struct store *s, struct kept_flow *k)
{
    struct kept_queue *q = &s->queues[k->queue];
    s->over_count -= k->queue == KEPT_OVER;
    s->full_count -= k->queue == KEPT_FULL;
    if (k->older)
        k->older->newer = k->newer;
    else
        q->oldest = k->newer;
    if (k->newer)
        k->newer->older = k->older;
    else
        q->newest = k->older;
}

/* The lines that a record is added to, and the one that says where; all of it when it ends. */
static void bring_blob(const struct blob *b, bool ends)
{
    enum { HEAD_LINES = 2, ALL_LINES = 4 };

    if (!b->data)
        return;
    bring_lines(b->data, ends ? ALL_LINES : HEAD_LINES);
    bring_lines(b->data + BLOB_HEAD + b->len, 1);
}

void keep_bring(const struct kept_flow *k, enum sink_step step, bool ends)
{
    enum { STRUCT_LINES = 2, SLOT_LINES = 6 };

    if (step == SINK_FLOW) {
        bring_lines(k, STRUCT_LINES);
        return;
    }
    if (k->is_rest)
        return;
    if (k->is_diary) {
        diary_bring(&k->diary, step, ends);
        return;
    }
    if (step == SINK_STREAMS)
        bring_blob(&k->frames, ends);
    for (int side = 0; side < 2; side++) {
        const struct kept_stream *t = k->sides[side];
        if (t && step == SINK_STREAMS)
            bring_lines(t, STRUCT_LINES);
        if (!t || step != SINK_BYTES)
            continue;
        bring_blob(&t->arrivals, ends);
        if (!t->settled && t->slots)
            bring_lines(t->slots, ends ? SLOT_LINES : 1);
    }
}

/* Those that write next when there is no room: each is a step further than the one behind it, and a diary has as many
 * steps as pages. */
static void bring_oldest(const struct kept_queue *q)
{
    enum { AHEAD = 8 };
    const struct kept_flow *k = q->oldest;

    for (int step = AHEAD - 1; k && step >= 0; step--, k = k->newer) {
        if (step == SINK_FLOW)
            keep_bring(k, SINK_FLOW, true);
        else if (k->is_diary)
            diary_bring_page(&k->diary, (unsigned)step - 1);
        else if (step < SINK_STEPS)
            keep_bring(k, (enum sink_step)step, true);
    }
}

static bool has_buffers(const struct kept_flow *k)
{
    if (k->oddities)
        return true;
    if (k->is_diary)
        return k->diary.last;
    if (k->is_rest)
        return false;
    if (k->frames.data)
        return true;
    for (int side = 0; side < 2; side++) {
        const struct kept_stream *t = k->sides[side];
        if (t && (t->arrivals.data || (!t->settled && t->slots)))
            return true;
    }
    return false;
}

/* Bytes that would be free if they were written, about. */
static size_t buffered(const struct kept_flow *k)
{
    size_t len = 0;

    if (k->is_diary)
        return (size_t)k->diary.stored[0] + k->diary.stored[1];
    if (k->frames.data)
        len += memory_len(k->frames.size_class);
    for (int side = 0; side < 2; side++) {
        const struct kept_stream *t = k->sides[side];
        if (t && t->arrivals.data)
            len += memory_len(t->arrivals.size_class);
        for (const struct slot *slot = t && !t->settled ? t->slots : NULL; slot; slot = slot->next)
            len += memory_len(slot->size_class);
    }
    return len;
}

/* Whether a flow has so little that its rows are better made when there is more: each time that it writes costs as much. */
static bool has_little(const struct store *s, const struct kept_flow *k)
{
    enum { PART = 2 }; /* of what a flow has */

    return s->full_count > 0 && PART * buffered(k) < s->memory.budget.used / s->full_count;
}

static bool has_digest(const struct kept_stream *t)
{
    return t && !t->settled && t->digest;
}

static bool has_digests(const struct kept_flow *k)
{
    return !k->is_diary && !k->is_rest && (has_digest(k->sides[0]) || has_digest(k->sides[1]));
}

/* Writes what the flow holds in buffers. */
static void write_early(struct store *s, struct kept_flow *k)
{
    if (k->is_diary)
        diary_write(s, k);
    records_write_frames(s, k, RECORDS_EARLY);
    oddities_write(s, k);
    for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
        if (!k->sides[side])
            continue;
        if (s->live.on)
            chunks_commit(s, k, side); /* more will come: its digest goes on */
        else
            chunks_write(s, k, side);
        records_write_arrivals(s, k, side, RECORDS_EARLY);
        if (s->live.on && !k->sides[side]->told && !k->sides[side]->idle)
            flow_rows_open(s, k, side);
    }
}

static void settle_digests(struct store *s, struct kept_flow *k)
{
    if (k->is_diary)
        return;
    for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
        if (!has_digest(k->sides[side]))
            continue;
        chunks_catch_up(s, k, side);
        chunks_settle(s, k->sides[side]);
    }
}

/* Nothing of it can be written, or given up. */
static void queue_in_bare(struct store *s, struct kept_flow *k)
{
    rest_fold(s, k);
    queue_in(s, k, KEPT_BARE);
}

/* Writes the flow that has been over for longest; false when there is none. */
static bool write_over(struct store *s)
{
    struct kept_flow *k = s->queues[KEPT_OVER].oldest;

    if (!k || k == s->busy || s->insert.failed)
        return false;
    queue_out(s, k);
    bring_oldest(&s->queues[KEPT_OVER]);
    write_early(s, k);
    settle_digests(s, k);
    queue_in_bare(s, k);
    return true;
}

void keep_over(struct store *s, struct kept_flow *k)
{
    enum {
        WAIT = 256,  /* something may come late; the memory of so many is near still */
        AT_ONCE = 2, /* so that those that waited when memory ran out come to their turn */
    };

    if (s->live.on || !has_buffers(k))
        return;
    queue_out(s, k);
    queue_in(s, k, KEPT_OVER);
    for (int i = 0; i < AT_ONCE && s->is_short && s->over_count > WAIT; i++)
        write_over(s);
}

/* Asks the flow that is first in the queue, was not touched since it was last looked at, and has not little, but for that
 * only a few are passed over. First its buffers go, the next time its digests: those cost reading its rows again when more
 * bytes come. False when nobody has anything left. */
static bool shed(struct store *s)
{
    enum { PASSED_MOST = 8 };
    unsigned passed = 0;
    struct kept_queue *full = &s->queues[KEPT_FULL], *written = &s->queues[KEPT_WRITTEN];

    s->is_short = true;
    if (write_over(s))
        return true;
    while (full->oldest && !s->insert.failed) {
        struct kept_flow *k = full->oldest;
        queue_out(s, k);
        if (k == s->busy || k->touched) {
            bool alone = k == s->busy && !full->oldest;
            k->touched = k == s->busy;
            queue_in(s, k, KEPT_FULL);
            if (alone)
                break;
        } else if (has_buffers(k) && passed < PASSED_MOST && has_little(s, k)) {
            passed++;
            queue_in(s, k, KEPT_FULL);
        } else if (has_buffers(k)) {
            bring_oldest(full);
            write_early(s, k);
            if (has_digests(k))
                queue_in(s, k, KEPT_FULL);
            else
                queue_in_bare(s, k);
            return true;
        } else {
            settle_digests(s, k);
            queue_in_bare(s, k);
            return true;
        }
    }
    struct kept_flow *k = written->oldest;
    if (!k || s->insert.failed)
        return false;
    settle_digests(s, k);
    queue_out(s, k);
    queue_in(s, k, KEPT_BARE);
    return true;
}

static void write_and_queue(struct store *s, struct kept_flow *k)
{
    write_early(s, k);
    queue_out(s, k);
    queue_in(s, k, has_digests(k) ? KEPT_WRITTEN : KEPT_BARE);
}

/* A flow that is to be written; `place` in the queue. */
struct turn {
    struct kept_flow *k;
    int64_t flow_id;
    size_t place;
};

static int by_flow(const void *a, const void *b)
{
    const struct turn *one = a, *other = b;
    const int order = (one->flow_id > other->flow_id) - (one->flow_id < other->flow_id);

    return order != 0 ? order : (one->place > other->place) - (one->place < other->place);
}

/* Writes all in the order of the tables, where there is memory to sort them: each of their pages is met once. Those without
 * a number come last, and get theirs in the order of the queue. */
static void write_in_order(struct store *s)
{
    size_t count = 0, len;

    for (const struct kept_flow *k = s->queues[KEPT_FULL].oldest; k; k = k->newer)
        count++;
    len = count * sizeof(struct turn);
    if (count == 0 || !memory_charge(&s->memory, len))
        return;
    struct turn *turns = malloc(len);
    size_t place = 0;
    for (struct kept_flow *k = turns ? s->queues[KEPT_FULL].oldest : NULL; k; k = k->newer) {
        const int64_t flow_id = k->is_diary || k->flow_id == 0 ? INT64_MAX : k->flow_id;
        turns[place] = (struct turn){k, flow_id, place};
        place++;
    }
    if (turns)
        qsort(turns, place, sizeof *turns, by_flow);
    for (size_t i = 0; i < place && !s->insert.failed; i++)
        if (turns[i].k->queue == KEPT_FULL) /* nobody had it make room meanwhile */
            write_and_queue(s, turns[i].k);
    free(turns);
    memory_discharge(&s->memory, len);
}

void keep_write_all(struct store *s)
{
    struct kept_flow *k;

    s->busy = NULL;
    if (s->insert.is_broad)
        write_in_order(s);
    while ((k = s->queues[KEPT_FULL].oldest) != NULL && !s->insert.failed)
        write_and_queue(s, k);
}

void *keep_room(struct store *s, unsigned size_class)
{
    if (s->insert.failed)
        return NULL;
    void *buffer = memory_take(&s->memory, size_class);
    while (!buffer && shed(s))
        buffer = memory_take(&s->memory, size_class);
    if (!buffer) /* only the flow at work is left: it may have what it needs for now */
        buffer = memory_force(&s->memory, size_class);
    if (!buffer)
        insert_no_memory(&s->insert);
    return buffer;
}

_Static_assert(offsetof(struct kept_flow, diary.begin) <= KEPT_FLOW_ORDINARY,
               "what a diary counts is zero when it begins");

static unsigned class_of_flows(const struct store *s)
{
    return memory_class(s->diaries.frames_most > 0 ? sizeof(struct kept_flow) : KEPT_FLOW_ORDINARY);
}

struct kept_flow *keep_flow(struct store *s, struct flow *flow)
{
    struct kept_flow *k = flow->kept;

    s->busy = k;
    if (!k) {
        k = keep_room(s, class_of_flows(s));
        if (!k)
            return NULL;
        memset(k, 0, KEPT_FLOW_ORDINARY); /* and all of a diary but what will be written */
        k->is_diary = s->diaries.frames_most > 0;
        flow->kept = k;
        s->busy = k;
        queue_in(s, k, KEPT_FULL);
    }
    k->touched = true;
    if (k->queue != KEPT_FULL) {
        queue_out(s, k);
        queue_in(s, k, KEPT_FULL);
        if (k->is_rest && !rest_unfold(s, k))
            return NULL;
    }
    return s->insert.failed ? NULL : k;
}

struct kept_flow *keep_unfolded(struct store *s, struct flow *flow)
{
    struct kept_flow *k = keep_flow(s, flow);

    if (!k || !k->is_diary)
        return k;
    diary_unfold(s, k);
    return s->insert.failed ? NULL : k;
}

void keep_is_ordinary(struct kept_flow *k)
{
    k->is_diary = false;
    k->sides[0] = k->sides[1] = NULL;
    k->frames = (struct blob){.data = NULL};
    k->base = NULL;
    k->flow_id = 0;
}

struct kept_stream *keep_stream(struct store *s, struct kept_flow *k, enum side side)
{
    if (k->sides[side]) {
        k->sides[side]->idle = false;
        return k->sides[side];
    }
    struct kept_stream *t = keep_room(s, memory_class(sizeof *t));
    if (!t)
        return NULL;
    memset(t, 0, sizeof *t);
    k->sides[side] = t;
    return t;
}

struct kept_stream *keep_stream_by_force(struct store *s, struct kept_flow *k, enum side side)
{
    struct kept_stream *t = memory_force(&s->memory, memory_class(sizeof *t));

    if (!t) {
        insert_no_memory(&s->insert);
        return NULL;
    }
    memset(t, 0, sizeof *t);
    k->sides[side] = t;
    return t;
}

struct stream_rare *keep_rare(struct store *s, struct kept_stream *t)
{
    if (!t->rare) {
        t->rare = keep_room(s, memory_class(sizeof *t->rare));
        if (t->rare)
            memset(t->rare, 0, sizeof *t->rare);
    }
    return t->rare;
}

void keep_drop(struct store *s, struct kept_flow *k)
{
    queue_out(s, k);
    if (s->busy == k)
        s->busy = NULL;
    if (k->is_diary)
        diary_drop(s, k);
    oddities_drop(s, &k->oddities);
    if (k->is_rest) { /* there is no more of it */
        rest_await(s, k);
        keep_is_ordinary(k);
    }
    records_drop(s, &k->frames);
    for (int side = 0; side < 2; side++) {
        struct kept_stream *t = k->sides[side];
        if (!t)
            continue;
        records_drop(s, &t->arrivals);
        chunks_drop(s, t);
        memory_give(&s->memory, t->rare, memory_class(sizeof *t->rare));
        memory_give(&s->memory, t, memory_class(sizeof *t));
    }
    memory_give(&s->memory, k->base, memory_class(sizeof *k->base));
    memory_give(&s->memory, k, class_of_flows(s));
}

void keep_drop_all(struct store *s)
{
    for (int i = 0; i < KEPT_QUEUES; i++)
        while (s->queues[i].oldest)
            keep_drop(s, s->queues[i].oldest);
}

int64_t keep_flow_id(struct store *s, struct kept_flow *k)
{
    if (k->flow_id == 0)
        k->flow_id = s->next_flow_id++;
    return k->flow_id;
}

int64_t keep_stream_id(struct store *s, struct kept_flow *k, enum side side)
{
    return 2 * keep_flow_id(s, k) + (int64_t)side;
}
