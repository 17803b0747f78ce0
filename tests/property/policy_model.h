/* policy_model.h - a receiver with an overlap policy, a byte at a time, too plain to be wrong.
 *
 * The model knows a policy as nine letters: how the segment that came lies to the one that is held,
 * and who keeps what they share, 'h' or 'c':
 *
 *                   it ends  before  with  after
 *     it begins before          c      c     c
 *               with            h      h     c        Linux
 *               after           h      h     h
 *
 * It shares no code with src/reassembly/policy.c, and counts positions from 0. */
#ifndef SEINE_TESTS_POLICY_MODEL_H
#define SEINE_TESTS_POLICY_MODEL_H

#include <stdbool.h>
#include <stddef.h>

enum { MODEL_BYTES = 32, MODEL_SEGMENTS = 128, NOBODY = -1 };

static const struct {
    const char *name, *letters;
    bool absolute, whole, joined;
} known[] = {
    {"first", "hhh hhh hhh", true, false, false},
    {"last", "ccc ccc ccc", true, false, false},
    {"bsd", "ccc hhh hhh", false, false, false},
    {"freebsd12", "ccc hhh hhh", false, false, true},
    {"netbsd", "hcc hhc hhh", false, false, true},
    {"bsd-right", "hcc hcc hhc", false, false, false},
    {"linux", "ccc hhc hhh", false, true, false},
    {"old-linux", "ccc hcc hhh", false, true, false},
    {"windows", "ccc hhh hhh", false, false, false},
    {"windows2k3", "ccc hhh hhh", false, false, false},
    {"vista", "hhh hhh hhh", false, false, false},
    {"solaris", "hcc hcc hhc", false, false, false},
    {"hpux11", "hcc hcc hhc", false, false, false},
    {"hpux10", "ccc hhc hhh", false, false, false},
    {"irix", "ccc hhc hhh", false, false, false},
    {"macos", "ccc hhh hhh", false, false, false},
};

enum { KNOWN_COUNT = sizeof known / sizeof known[0] };

struct place {
    int begin, end;
};

struct model {
    int owner[MODEL_BYTES];
    struct place lay[MODEL_SEGMENTS]; /* above next, when it came */
    int next;                         /* all below it is delivered; stays 0 for absolute policies */
};

static inline void model_init(struct model *m)
{
    m->next = 0;
    for (int at = 0; at < MODEL_BYTES; at++)
        m->owner[at] = NOBODY;
}

static inline int model_order(int a, int b)
{
    return a < b ? 0 : a == b ? 1 : 2;
}

/* Where the segment that holds a byte lies, or all that it is joined to. */
static inline struct place model_place(const struct model *m, int at, size_t policy)
{
    struct place run = {at, at + 1};
    const bool joined = known[policy].joined;

    if (known[policy].whole)
        return m->lay[m->owner[at]];
    while (run.begin > m->next && m->owner[run.begin - 1] != NOBODY &&
           (joined || m->owner[run.begin - 1] == m->owner[at]))
        run.begin--;
    while (run.end < MODEL_BYTES && m->owner[run.end] != NOBODY &&
           (joined || m->owner[run.end] == m->owner[at]))
        run.end++;
    return run;
}

static inline void model_take(struct model *m, size_t policy, int segment, int begin, int end)
{
    bool takes[MODEL_BYTES] = {false};

    if (!known[policy].absolute && begin < m->next)
        begin = m->next;
    m->lay[segment] = (struct place){begin, end};
    for (int at = begin; at < end; at++) {
        if (m->owner[at] == NOBODY) {
            takes[at] = true;
            continue;
        }
        struct place held = model_place(m, at, policy);
        int row = model_order(begin, held.begin), column = model_order(end, held.end);
        takes[at] = known[policy].letters[row * 4 + column] == 'c';
    }
    for (int at = begin; at < end; at++) {
        if (takes[at])
            m->owner[at] = segment;
    }
    while (!known[policy].absolute && m->next < MODEL_BYTES && m->owner[m->next] != NOBODY)
        m->next++;
}

#endif
