/* flow_news.c - what is told of flows that live. */
#include "reassembly/flow_begin.h"
#include "reassembly/flows_state.h"

#include <stdlib.h>

bool flows_watch(struct flows *t)
{
    t->news = (struct news){.fresh = malloc(FRESH_MOST * sizeof *t->news.fresh),
                            .next = 1,
                            .told_ns = INT64_MIN,
                            .begun_ns = INT64_MIN,
                            .begun_before_ns = INT64_MIN};
    return t->news.fresh;
}

/* There is room: flows_packet() sees to it. */
void flows_remember_new(struct flows *t, const struct flow *f)
{
    if (t->news.fresh)
        t->news.fresh[t->news.fresh_count++] = f->number;
}

static void tell_as(struct flows *t, struct flow *f, enum flow_end end)
{
    struct flow copy = *f;

    flow_tell(&copy, flow_origin(&t->table, f));
    copy.end = end & 7u;
    t->at.sink->flow_news(t->at.sink, &copy);
    f->kept = copy.kept;
}

static void tell_of(struct flows *t, struct flow *f)
{
    tell_as(t, f, END_CAPTURE); /* as it would be */
}

/* A node may be nobody's, or that of a flow's origin. */
static bool is_flow(const struct flow *f)
{
    return f->key.protocol != 0;
}

/* One that has ended meanwhile has been told of, and one that came into its place is told of twice, which
 * does no harm. */
void flows_tell_fresh(struct flows *t)
{
    for (uint32_t i = 0; i < t->news.fresh_count; i++) {
        struct flow *f = flow_of(&t->table, t->news.fresh[i]);
        if (is_flow(f))
            tell_of(t, f);
    }
    t->news.fresh_count = 0;
}

/* Those that were busy since the walk came by last, and are not new. */
static void renew_some(struct flows *t, uint32_t count)
{
    struct news *n = &t->news;

    for (; count > 0 && t->table.made > 1; count--) {
        if (n->next >= t->table.made) {
            n->next = 1;
            n->begun_before_ns = n->begun_ns;
            n->begun_ns = flows_clock_of_frames(t);
        }
        struct flow *f = flow_of(&t->table, n->next++);
        if (is_flow(f) && f->last_ns >= n->begun_before_ns &&
            f->first_ns < flows_clock_of_frames(t) - FLOWS_RENEWED_NS)
            tell_of(t, f);
    }
}

void flows_tell_news(struct flows *t)
{
    struct news *n = &t->news;
    uint64_t passed = 0; /* of FLOWS_RENEWED_NS */

    flows_tell_fresh(t);
    if (t->clock == INT64_MIN)
        return;
    if (n->told_ns != INT64_MIN)
        passed = (uint64_t)t->clock - (uint64_t)n->told_ns;
    if (passed > FLOWS_RENEWED_NS)
        passed = FLOWS_RENEWED_NS;
    uint32_t count = (uint32_t)((double)passed / FLOWS_RENEWED_NS * (t->table.made - 1));
    if (count == 0 && n->told_ns != INT64_MIN)
        return; /* the time that passed counts later */
    n->told_ns = t->clock;
    renew_some(t, count);
}

void flows_tell_all(struct flows *t, bool over)
{
    t->news.fresh_count = 0;
    for (uint32_t number = 1; number < t->table.made; number++) {
        struct flow *f = flow_of(&t->table, number);
        if (is_flow(f))
            tell_as(t, f, over ? END_CONTINUED : END_CAPTURE);
    }
}
