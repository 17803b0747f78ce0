/* policy_test.c - every policy, over all orders and overlaps of up to four segments in six bytes,
 * against a model that does everything a byte at a time.
 *
 * The model knows a policy as nine letters: how the segment that came lies to the one that is held,
 * and who keeps what they share, 'h' or 'c':
 *
 *                   it ends  before  with  after
 *     it begins before          c      c     c
 *               with            h      h     c        Linux
 *               after           h      h     h                                                       */
#include "reassembly/receiver.h"

#include "suite.h"

#include <stdio.h>
#include <string.h>

enum { BYTES = 6, SEGMENTS = 4, NOBODY = -1 };

static const struct {
    const char *name, *letters;
    bool absolute, whole;
} known[] = {
    {"first", "hhh hhh hhh", true, false},    {"last", "ccc ccc ccc", true, false},
    {"bsd", "ccc hhh hhh", false, false},     {"bsd-right", "hcc hcc hhc", false, false},
    {"linux", "ccc hhc hhh", false, true},    {"old-linux", "ccc hcc hhh", false, true},
    {"windows", "ccc hhh hhh", false, false}, {"windows2k3", "ccc hhh hhh", false, false},
    {"vista", "hhh hhh hhh", false, false},   {"solaris", "hcc hcc hhc", false, false},
    {"hpux11", "hcc hcc hhc", false, false},  {"hpux10", "ccc hhc hhh", false, false},
    {"irix", "ccc hhc hhh", false, false},    {"macos", "ccc hhh hhh", false, false},
};

struct model {
    int owner[BYTES];
    struct range lay[SEGMENTS]; /* above next, when it came */
    int next;
};

static int order(int64_t a, int64_t b)
{
    return a < b ? 0 : a == b ? 1 : 2;
}

/* Where the segment that holds a byte lies. */
static struct range place(const struct model *m, int at, bool whole)
{
    struct range run = {at, at + 1};

    if (whole)
        return m->lay[m->owner[at]];
    while (run.begin > m->next && m->owner[run.begin - 1] == m->owner[at])
        run.begin--;
    while (run.end < BYTES && m->owner[run.end] == m->owner[at])
        run.end++;
    return run;
}

static void model_take(struct model *m, size_t policy, int segment, int begin, int end)
{
    bool takes[BYTES] = {false};

    if (!known[policy].absolute && begin < m->next)
        begin = m->next;
    m->lay[segment] = (struct range){begin, end};
    for (int at = begin; at < end; at++) {
        if (m->owner[at] == NOBODY) {
            takes[at] = true;
            continue;
        }
        struct range held = place(m, at, known[policy].whole);
        int row = order(begin, held.begin), column = order(end, held.end);
        takes[at] = known[policy].letters[row * 4 + column] == 'c';
    }
    for (int at = begin; at < end; at++) {
        if (takes[at])
            m->owner[at] = segment;
    }
    while (!known[policy].absolute && m->next < BYTES && m->owner[m->next] != NOBODY)
        m->next++;
}

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
    struct model m = {.next = 0};
    struct receiver r;
    int found[BYTES];
    int64_t told = 0;
    bool like = true;

    for (int at = 0; at < BYTES; at++)
        m.owner[at] = found[at] = NOBODY;
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
    for (size_t policy = 0; policy < sizeof known / sizeof known[0]; policy++)
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
    CU_ASSERT_EQUAL(count, sizeof known / sizeof known[0]);
}

static const struct test tests[] = {
    {"no policy is left out", every_policy_is_known},
    {"every order and overlap of four segments in six bytes is the model's",
     every_order_and_overlap},
};
SUITE("policy", tests)
