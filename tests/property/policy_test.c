/* policy_test.c - every policy, over all orders and overlaps of up to four segments in six bytes,
 * against a model that does everything a byte at a time (policy_model.h). */
#include "reassembly/receiver.h"

#include "property/policy_model.h"
#include "suite.h"

#include <stdio.h>
#include <string.h>

enum { BYTES = 6, SEGMENTS = 4 };

/* Adds to `found` what is due; false where it does not rise. */
static bool drain(struct receiver *r, int found[BYTES], int64_t *told)
{
    struct receiver_run run;

    while (receiver_next(r, &run)) {
        if (run.begin < *told || run.begin >= run.end || run.end > BYTES)
            return false;
        for (int64_t at = run.begin; at < run.end; at++)
            found[at] = (int)run.frame;
        *told = run.end;
    }
    return true;
}

static bool is_like_the_model(size_t policy, const struct range *segments, int count)
{
    struct model m;
    struct receiver r;
    int found[BYTES];
    int64_t told = 0;
    bool like = true;

    for (int at = 0; at < BYTES; at++)
        found[at] = NOBODY;
    model_init(&m);
    receiver_init(&r, policy_find(known[policy].name), 0);
    for (int i = 0; i < count && like; i++) {
        struct receiver_run run = {
            .begin = segments[i].begin, .end = segments[i].end, .frame = (uint64_t)i};
        model_take(&m, policy, i, (int)segments[i].begin, (int)segments[i].end);
        like = receiver_take(&r, &run) && drain(&r, found, &told);
        for (int at = 0; at < BYTES; at++) /* delivered as soon as it can be, and nothing more */
            like = like && found[at] == (at < m.next ? m.owner[at] : NOBODY);
    }
    like = like && receiver_end(&r) && drain(&r, found, &told) &&
           memcmp(found, m.owner, sizeof found) == 0;
    receiver_release(&r);
    if (!like) {
        printf("\n%s:", known[policy].name);
        for (int i = 0; i < count; i++)
            printf(" [%d, %d)", (int)segments[i].begin, (int)segments[i].end);
        printf("\n    is        ");
        for (int at = 0; at < BYTES; at++)
            putchar(found[at] == NOBODY ? '.' : 'A' + found[at]);
        printf("\n    the model ");
        for (int at = 0; at < BYTES; at++)
            putchar(m.owner[at] == NOBODY ? '.' : 'A' + m.owner[at]);
        putchar('\n');
    }
    return like;
}

/* All lists of `count` segments, each any of the 21 places in six bytes. */
static bool is_every_list_like_the_model(size_t policy, int count)
{
    struct range places[BYTES * (BYTES + 1) / 2], segments[SEGMENTS];
    int place_count = 0, chosen[SEGMENTS] = {0};

    for (int begin = 0; begin < BYTES; begin++)
        for (int end = begin + 1; end <= BYTES; end++)
            places[place_count++] = (struct range){begin, end};
    for (;;) {
        for (int i = 0; i < count; i++)
            segments[i] = places[chosen[i]];
        if (!is_like_the_model(policy, segments, count))
            return false;
        int i = 0;
        while (i < count && ++chosen[i] == place_count)
            chosen[i++] = 0;
        if (i == count)
            return true;
    }
}

static void every_order_and_overlap(void)
{
    for (size_t policy = 0; policy < KNOWN_COUNT; policy++)
        for (int count = 1; count <= SEGMENTS; count++)
            CU_ASSERT(is_every_list_like_the_model(policy, count));
}

static void every_policy_is_known(void)
{
    size_t count = 0;
    while (policy_at(count)) {
        CU_ASSERT_STRING_EQUAL(policy_at(count)->name, known[count].name);
        CU_ASSERT_EQUAL(policy_at(count)->absolute, known[count].absolute);
        count++;
    }
    CU_ASSERT_EQUAL(count, (size_t)KNOWN_COUNT);
}

static const struct test tests[] = {
    {"no policy is left out", every_policy_is_known},
    {"every order and overlap of four segments in six bytes is the model's",
     every_order_and_overlap},
};
SUITE("policy", tests)
