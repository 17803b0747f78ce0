/* receiver.c - which segment each position is taken from, as a receiver with an overlap policy does.
 *
 * What is held lies in a treap by position: a search tree that random priorities keep shallow,
 * whoever chooses the positions. Nothing that is told depends on its shape. */
#include "reassembly/receiver.h"

#include "base/table.h"

#include <stdlib.h>
#include <string.h>

struct receiver_node {
    struct receiver_run run;
    struct range
        arrived; /* where the whole segment lay above `next`, when it came; or joined_find()'s */
    uint32_t left, right; /* indices; 0 is none */
    uint32_t priority;
};

void receiver_init(struct receiver *r, const struct policy *policy, int64_t next)
{
    *r = (struct receiver){.policy = policy, .next = next};
    r->random = (uint64_t)table_hash(&next, sizeof next) << 32 | 1;
}

void receiver_release(struct receiver *r)
{
    free(r->nodes);
    free(r->due);
    free(r->spare);
    *r = (struct receiver){.policy = r->policy};
}

/* Room for `need` items in an array that grows by doubling. */
static bool grow(void **array, size_t *room, size_t need, size_t item_len)
{
    if (need <= *room)
        return true;
    size_t wanted = *room ? *room : 64;
    while (wanted < need)
        wanted *= 2;
    void *more = realloc(*array, wanted * item_len);
    if (!more)
        return false;
    *array = more;
    *room = wanted;
    return true;
}

/* ---- the treap ---- */

/* 0 when there is no memory. */
static uint32_t node_new(struct receiver *r, const struct receiver_run *run, struct range arrived)
{
    uint32_t at = r->unused;

    if (at) {
        r->unused = r->nodes[at].right;
    } else {
        size_t room = r->node_room;
        void *nodes = r->nodes;
        if (r->node_count == 0)
            r->node_count = 1; /* [0] is nobody */
        if (!grow(&nodes, &room, (size_t)r->node_count + 1, sizeof *r->nodes))
            return 0;
        r->nodes = nodes;
        r->node_room = (uint32_t)room;
        at = r->node_count++;
    }
    r->random ^= r->random << 13;
    r->random ^= r->random >> 7;
    r->random ^= r->random << 17;
    r->nodes[at] = (struct receiver_node){
        .run = *run, .arrived = arrived, .priority = (uint32_t)(r->random >> 32)};
    r->held_count++;
    return at;
}

static void node_free(struct receiver *r, uint32_t at)
{
    r->nodes[at].right = r->unused;
    r->unused = at;
    r->held_count--;
}

/* All of `left` lies below all of `right`. */
static uint32_t merge(struct receiver *r, uint32_t left, uint32_t right)
{
    if (!left || !right)
        return left ? left : right;
    if (r->nodes[left].priority > r->nodes[right].priority) {
        r->nodes[left].right = merge(r, r->nodes[left].right, right);
        return left;
    }
    r->nodes[right].left = merge(r, left, r->nodes[right].left);
    return right;
}

/* Runs that end at or below `position` go to `*below`, the others to `*above`. */
static void split(struct receiver *r, uint32_t at, int64_t position, uint32_t *below,
                  uint32_t *above)
{
    if (!at) {
        *below = *above = 0;
        return;
    }
    struct receiver_node *n = &r->nodes[at];
    if (n->run.end <= position) {
        split(r, n->right, position, &n->right, above);
        *below = at;
    } else {
        split(r, n->left, position, below, &n->left);
        *above = at;
    }
}

/* The same, but a run goes below when it begins below `position`. */
static void split_begins(struct receiver *r, uint32_t at, int64_t position, uint32_t *below,
                         uint32_t *above)
{
    if (!at) {
        *below = *above = 0;
        return;
    }
    struct receiver_node *n = &r->nodes[at];
    if (n->run.begin < position) {
        split_begins(r, n->right, position, &n->right, above);
        *below = at;
    } else {
        split_begins(r, n->left, position, below, &n->left);
        *above = at;
    }
}

/* Lists the nodes of a tree in order, in r->spare from `count` on. Returns how many there are then. */
static uint32_t list(struct receiver *r, uint32_t at, uint32_t count)
{
    if (!at)
        return count;
    count = list(r, r->nodes[at].left, count);
    r->spare[count++] = at;
    return list(r, r->nodes[at].right, count);
}

/* ---- taking ---- */

static bool due_add(struct receiver *r, const struct receiver_run *run)
{
    void *due = r->due;

    if (r->due_at == r->due_count)
        r->due_at = r->due_count = 0;
    if (!grow(&due, &r->due_room, r->due_count + 1, sizeof *r->due))
        return false;
    r->due = due;
    r->due[r->due_count++] = *run;
    r->next = run->end;
    return true;
}

/* Takes the lowest run out of what is held, and delivers it. */
static bool deliver_lowest(struct receiver *r)
{
    uint32_t *from = &r->root;

    while (r->nodes[*from].left)
        from = &r->nodes[*from].left;
    uint32_t at = *from;
    *from = r->nodes[at].right;
    node_free(r, at);
    return due_add(r, &r->nodes[at].run);
}

static uint32_t lowest_of(const struct receiver *r, uint32_t tree)
{
    while (r->nodes[tree].left)
        tree = r->nodes[tree].left;
    return tree;
}

static uint32_t highest_of(const struct receiver *r, uint32_t tree)
{
    while (r->nodes[tree].right)
        tree = r->nodes[tree].right;
    return tree;
}

static int64_t lowest(const struct receiver *r)
{
    return r->nodes[lowest_of(r, r->root)].run.begin;
}

/* Delivers what is contiguous with `next`. */
static bool deliver(struct receiver *r)
{
    while (r->root && lowest(r) <= r->next) {
        if (!deliver_lowest(r))
            return false;
    }
    return true;
}

/* Adds a run behind all of `*tree`. */
static bool append(struct receiver *r, uint32_t *tree, struct receiver_run run, int64_t begin,
                   int64_t end, struct range arrived)
{
    if (begin >= end)
        return true;
    run.begin = begin;
    run.end = end;
    uint32_t at = node_new(r, &run, arrived);
    if (!at)
        return false;
    *tree = merge(r, *tree, at);
    return true;
}

/* For a policy that joins: sets `arrived` of the held nodes that are overlapped, which stand in r->spare, to
 * the run that each is joined to. It may go on below the first and above the last, in the trees
 * `below` and `above`. How far does not matter, as a policy only compares its ends with those of the
 * segment that came: so one neighbour that touches stands for all. */
static void joined_find(struct receiver *r, uint32_t below, uint32_t count, uint32_t above)
{
    for (uint32_t i = 0; i < count; i++) {
        struct receiver_node *n = &r->nodes[r->spare[i]];
        n->arrived = (struct range){n->run.begin, n->run.end};
    }
    if (count == 0)
        return;
    struct range *first = &r->nodes[r->spare[0]].arrived;
    struct range *last = &r->nodes[r->spare[count - 1]].arrived;
    if (below && r->nodes[highest_of(r, below)].run.end == first->begin)
        first->begin = r->nodes[highest_of(r, below)].run.begin;
    if (above && r->nodes[lowest_of(r, above)].run.begin == last->end)
        last->end = r->nodes[lowest_of(r, above)].run.end;
    for (uint32_t i = 1; i < count; i++) { /* each begins where its run does, */
        const struct range *before = &r->nodes[r->spare[i - 1]].arrived;
        struct receiver_node *n = &r->nodes[r->spare[i]];
        if (before->end == n->run.begin)
            n->arrived.begin = before->begin;
    }
    for (uint32_t i = count - 1; i > 0; i--) { /* and ends where it does */
        const struct receiver_node *behind = &r->nodes[r->spare[i]];
        struct receiver_node *n = &r->nodes[r->spare[i - 1]];
        if (n->run.end == behind->run.begin)
            n->arrived.end = behind->arrived.end;
    }
}

/* Puts `came` among the held runs that it overlaps, which stand in r->spare, and adds all of it
 * behind `*tree`. */
static bool put(struct receiver *r, uint32_t *tree, const struct receiver_run *came, uint32_t count)
{
    struct range mine = {came->begin, came->end};
    int64_t from = came->begin; /* all of it before this is placed */

    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = r->spare[i];
        struct receiver_node held = r->nodes[at];
        struct range place = r->policy->whole || r->policy->joined
                                 ? held.arrived
                                 : (struct range){held.run.begin, held.run.end};

        if (!r->policy->takes(&place, &mine)) {
            if (!append(r, tree, *came, from, held.run.begin, mine))
                return false;
            r->nodes[at].left = r->nodes[at].right = 0;
            *tree = merge(r, *tree, at);
            from = held.run.end;
            continue;
        }
        node_free(r, at);
        int64_t to = held.run.end < came->end ? held.run.end : came->end;
        bool done = append(r, tree, held.run, held.run.begin, came->begin, held.arrived);
        if (held.run.end > came->end) { /* the last one: what is behind `came` is left */
            done = done && append(r, tree, *came, from, to, mine) &&
                   append(r, tree, held.run, to, held.run.end, held.arrived);
            from = to;
        }
        if (!done)
            return false;
    }
    return append(r, tree, *came, from, came->end, mine);
}

bool receiver_take(struct receiver *r, const struct receiver_run *came)
{
    struct receiver_run run = *came;
    uint32_t below, among, above;

    if (!r->policy->absolute && run.begin < r->next)
        run.begin = r->next;
    if (run.begin >= run.end)
        return true;
    if (!r->root && run.begin == r->next && !r->policy->absolute) /* nearly always */
        return due_add(r, &run);

    split(r, r->root, run.begin, &below, &among);
    split_begins(r, among, run.end, &among, &above);
    size_t room = r->spare_room;
    void *spare = r->spare;
    if (among && !grow(&spare, &room, r->held_count, sizeof *r->spare)) {
        r->root = merge(r, merge(r, below, among), above);
        return false;
    }
    r->spare = spare;
    r->spare_room = (uint32_t)room;
    uint32_t count = list(r, among, 0);
    if (r->policy->joined)
        joined_find(r, below, count, above);
    bool done = put(r, &below, &run, count);
    r->root = merge(r, below, above);
    if (!done || r->policy->absolute)
        return done;
    done = deliver(r);
    if (done && r->held_count > RECEIVER_HELD_MAX) { /* it waits for this hole no more */
        r->next = lowest(r);
        done = deliver(r);
    }
    return done;
}

bool receiver_end(struct receiver *r)
{
    while (r->root) {
        if (!deliver_lowest(r))
            return false;
    }
    return true;
}

bool receiver_next(struct receiver *r, struct receiver_run *run)
{
    if (r->due_at == r->due_count)
        return false;
    *run = r->due[r->due_at++];
    return true;
}
