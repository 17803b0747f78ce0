/* generator.h - streams as a hostile network delivers them, from a seed.
 *
 * A stream of letters is cut into segments; some are lost, sent again, sent again in other cuts,
 * sent again with other bytes, delayed, or cut off by a snap length. Equal recipes give equal lists
 * on every machine. A test that fails prints the recipe, whose seed is enough when it came from
 * recipe_of().
 *
 *     struct recipe recipe = recipe_of(seed);
 *     generate(&g, &recipe);
 *     model_init(&model, &g.arrivals);
 *     ... feed g.arrivals, or arrivals_script(), to the real thing, and compare ...
 *     on failure: recipe_print(stdout, &recipe); */
#ifndef SEINE_TESTS_GENERATOR_H
#define SEINE_TESTS_GENERATOR_H

#include "property/arrivals.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* SplitMix64: small, and the same everywhere. The state is the seed. */
uint64_t random_next(uint64_t *state);
size_t random_below(uint64_t *state, size_t limit); /* 0 .. limit - 1; limit is not 0 */

struct recipe {
    uint64_t seed;
    size_t stream_len;  /* bytes, at least 1 */
    size_t segment_max; /* bytes, at least 1 */
    size_t delay_max;   /* places by which a delayed segment comes later, at least 1 */
    /* Percent of segments that are ... */
    unsigned lost;
    unsigned repeated; /* sent again as they were */
    unsigned recut;    /* followed by a piece of what is about there, in other cuts */
    unsigned
        altered; /* of those two: with some other bytes, a conflict if the first copy arrives */
    unsigned delayed;
    unsigned truncated; /* cut off by the snap length; at least one byte stays */
};

/* A recipe whose every number comes from the seed: from clean streams to wild ones. At most 4000
 * bytes of stream. */
struct recipe recipe_of(uint64_t seed);
void recipe_print(FILE *out, const struct recipe *r);

struct generated {
    uint8_t *stream; /* owned: what was sent, before anything happened to it */
    size_t stream_len;
    struct arrivals arrivals; /* owned; positions lie in 0 .. stream_len */
};

void generate(struct generated *g, const struct recipe *r);
void generated_release(struct generated *g);

#endif
