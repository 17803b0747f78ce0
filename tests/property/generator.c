/* generator.c - cuts a stream, then plays the network. */
#include "property/generator.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

size_t random_below(uint64_t *state, size_t limit)
{
    assert(limit > 0);
    return (size_t)(random_next(state) % limit);
}

static bool happens(uint64_t *state, unsigned percent)
{
    return random_below(state, 100) < percent;
}

/* Often not at all, else anything up to `most`. */
static unsigned some_percent(uint64_t *state, unsigned most)
{
    return happens(state, 40) ? 0 : (unsigned)random_below(state, most + 1);
}

struct recipe recipe_of(uint64_t seed)
{
    uint64_t state = ~seed; /* other numbers than generate() draws */
    struct recipe r = {.seed = seed};
    r.stream_len = 1 + random_below(&state, happens(&state, 50) ? 40 : 4000);
    r.segment_max = 1 + random_below(&state, happens(&state, 50) ? 8 : 400);
    r.delay_max = 1 + random_below(&state, 20);
    r.lost = some_percent(&state, 20);
    r.repeated = some_percent(&state, 40);
    r.recut = some_percent(&state, 60);
    r.altered = some_percent(&state, 100);
    r.delayed = some_percent(&state, 50);
    r.truncated = some_percent(&state, 10);
    return r;
}

void recipe_print(FILE *out, const struct recipe *r)
{
    fprintf(out,
            "seed %" PRIu64
            ": %zu bytes in segments of at most %zu; of 100 are %u lost, %u repeated,"
            " %u recut (of these %u altered), %u delayed by at most %zu, %u truncated\n",
            r->seed, r->stream_len, r->segment_max, r->lost, r->repeated, r->recut, r->altered,
            r->delayed, r->delay_max, r->truncated);
}

/* One segment of the stream arrives, perhaps cut off, perhaps with other letters. */
static void segment(struct generated *g, const struct recipe *r, uint64_t *state, size_t position,
                    size_t len, bool altered)
{
    uint8_t *bytes = malloc(len);
    if (!bytes)
        abort();
    for (size_t i = 0; i < len; i++) {
        bool other = altered && happens(state, 50);
        bytes[i] = other ? (uint8_t)('A' + random_below(state, 26)) : g->stream[position + i];
    }
    size_t captured = happens(state, r->truncated) ? 1 + random_below(state, len) : len;
    arrivals_add(&g->arrivals, (int64_t)position, bytes, len, captured);
    free(bytes);
}

/* A piece that begins and ends somewhere near, regardless of the first cuts. */
static void recut(struct generated *g, const struct recipe *r, uint64_t *state, size_t position)
{
    size_t back = random_below(state, 2 * r->segment_max);
    size_t from = position > back ? position - back : 0;
    size_t len = 1 + random_below(state, 2 * r->segment_max);
    if (len > g->stream_len - from)
        len = g->stream_len - from;
    segment(g, r, state, from, len, happens(state, r->altered));
}

/* The one at `from` arrives after those up to `to`. */
static void delay(struct arrivals *a, size_t from, size_t to)
{
    struct arrival it = a->list[from];
    memmove(&a->list[from], &a->list[from + 1], (to - from) * sizeof(it));
    a->list[to] = it;
}

void generate(struct generated *g, const struct recipe *r)
{
    uint64_t state = r->seed;
    assert(r->stream_len > 0 && r->segment_max > 0 && r->delay_max > 0);
    *g = (struct generated){.stream = malloc(r->stream_len), .stream_len = r->stream_len};
    if (!g->stream)
        abort();
    for (size_t i = 0; i < r->stream_len; i++)
        g->stream[i] = (uint8_t)('a' + random_below(&state, 26));

    for (size_t position = 0, len; position < r->stream_len; position += len) {
        len = 1 + random_below(&state, r->segment_max);
        if (len > r->stream_len - position)
            len = r->stream_len - position;
        if (!happens(&state, r->lost))
            segment(g, r, &state, position, len, false);
        if (happens(&state, r->repeated))
            segment(g, r, &state, position, len, happens(&state, r->altered));
        if (happens(&state, r->recut))
            recut(g, r, &state, position);
    }

    /* From the end, so that one that was delayed is not met again. */
    for (size_t i = g->arrivals.count; i-- > 0;) {
        size_t to = i + 1 + random_below(&state, r->delay_max);
        if (happens(&state, r->delayed) && i + 1 < g->arrivals.count)
            delay(&g->arrivals, i, to < g->arrivals.count ? to : g->arrivals.count - 1);
    }
}

void generated_release(struct generated *g)
{
    free(g->stream);
    arrivals_release(&g->arrivals);
}
