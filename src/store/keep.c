/* keep.c - what is kept of a live flow, and what is written early when memory runs out. */
#include "store/writer.h"

#include <string.h>

static struct kept_queue *queue_of(struct store *s, const struct kept_flow *k)
{
    return k->bare ? &s->bare : &s->full;
}

static void queue_in(struct store *s, struct kept_flow *k, bool bare)
{
    k->bare = bare;
    struct kept_queue *q = queue_of(s, k);
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
    struct kept_queue *q = queue_of(s, k);
    if (k->older)
        k->older->newer = k->newer;
    else
        q->oldest = k->newer;
    if (k->newer)
        k->newer->older = k->older;
    else
        q->newest = k->older;
}

static bool has_buffers(const struct kept_flow *k)
{
    if (k->frames.data || k->oddities)
        return true;
    for (int side = 0; side < 2; side++) {
        const struct kept_stream *t = k->sides[side];
        if (t && (t->arrivals.data || (!t->settled && t->slots)))
            return true;
    }
    return false;
}

static bool has_digest(const struct kept_stream *t)
{
    return t && !t->settled && t->digest;
}

static bool has_digests(const struct kept_flow *k)
{
    return has_digest(k->sides[0]) || has_digest(k->sides[1]);
}

/* Writes what the flow holds in buffers. */
static void write_early(struct store *s, struct kept_flow *k)
{
    records_write_frames(s, k);
    oddities_write(s, k);
    for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
        if (!k->sides[side])
            continue;
        chunks_write(s, k, side);
        records_write_arrivals(s, k, side);
    }
}

/* Asks the flow that is first in the queue and was not touched since it was last looked at. First
 * its buffers go, the next time its digests: those cost reading its rows again when more bytes come.
 * False when nobody has anything left. */
static bool shed(struct store *s)
{
    while (s->full.oldest && !s->insert.failed) {
        struct kept_flow *k = s->full.oldest;
        queue_out(s, k);
        if (k == s->busy || k->touched) {
            bool alone = k == s->busy && !s->full.oldest;
            k->touched = k == s->busy;
            queue_in(s, k, false);
            if (alone)
                return false;
        } else if (has_buffers(k)) {
            write_early(s, k);
            queue_in(s, k, !has_digests(k));
            return true;
        } else {
            for (int side = 0; side < 2; side++)
                if (has_digest(k->sides[side]))
                    chunks_settle(s, k->sides[side]);
            queue_in(s, k, true);
            return true;
        }
    }
    return false;
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

struct kept_flow *keep_flow(struct store *s, struct flow *flow)
{
    struct kept_flow *k = flow->kept;

    s->busy = k;
    if (!k) {
        k = keep_room(s, memory_class(sizeof *k));
        if (!k)
            return NULL;
        memset(k, 0, sizeof *k);
        flow->kept = k;
        s->busy = k;
        queue_in(s, k, false);
    }
    k->touched = true;
    if (k->bare) {
        queue_out(s, k);
        queue_in(s, k, false);
    }
    return s->insert.failed ? NULL : k;
}

struct kept_stream *keep_stream(struct store *s, struct kept_flow *k, enum side side)
{
    if (k->sides[side])
        return k->sides[side];
    struct kept_stream *t = keep_room(s, memory_class(sizeof *t));
    if (!t)
        return NULL;
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
    records_drop(s, &k->frames);
    oddities_drop(s, &k->oddities);
    for (int side = 0; side < 2; side++) {
        struct kept_stream *t = k->sides[side];
        if (!t)
            continue;
        records_drop(s, &t->arrivals);
        chunks_drop(s, t);
        memory_give(&s->memory, t->rare, memory_class(sizeof *t->rare));
        memory_give(&s->memory, t, memory_class(sizeof *t));
    }
    memory_give(&s->memory, k, memory_class(sizeof *k));
}

void keep_drop_all(struct store *s)
{
    while (s->full.oldest)
        keep_drop(s, s->full.oldest);
    while (s->bare.oldest)
        keep_drop(s, s->bare.oldest);
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
