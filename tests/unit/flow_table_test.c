/* flow_table_test.c - flows are found by their keys, whatever came and went, and each says where it came from. */
#include "reassembly/flow_table.h"

#include "base/table.h"
#include "property/generator.h"
#include "suite.h"

#include <stdlib.h>
#include <string.h>

enum { KEYS = 4000, STEPS = 60000 };

static struct flow_key key_of(uint32_t n)
{
    struct flow_key key;

    memset(&key, 0, sizeof key);
    memcpy(key.low.bytes + 12, &n, sizeof n);
    key.low_port = (uint16_t)(n * 7);
    key.protocol = TRANSPORT_TCP;
    key.ip_version = n % 3 ? 4 : 6;
    return key;
}

/* Of `several` there are as many different ones. */
static struct origin origin_of(uint32_t n, uint32_t several)
{
    const uint32_t of = n % several;
    struct origin o = {.evidence_id = 1, .has_macs = 1, .vlan_count = 1, .vlans = {10}};

    memcpy(o.low_mac, &of, sizeof of);
    return o;
}

static struct flow *find(const struct flow_table *t, uint32_t n)
{
    const struct flow_key key = key_of(n);
    return flow_table_find(t, &key, table_hash(&key, sizeof key));
}

/* NULL when there is no room. */
static struct flow *begin(struct flow_table *t, uint32_t n, uint32_t several)
{
    const struct origin origin = origin_of(n, several);
    struct flow *f = flow_node_new(t);

    if (!f)
        return NULL;
    f->key = key_of(n);
    if (!flow_origin_set(t, f, &origin)) {
        flow_node_free(t, f, 0);
        return NULL;
    }
    flow_table_add(t, f);
    return f;
}

static void end(struct flow_table *t, struct flow *f)
{
    flow_table_remove(t, f);
    flow_node_free(t, f, f->origin);
}

static bool is_right(const struct flow_table *t, const struct flow *f, uint32_t n, uint32_t several)
{
    const struct origin origin = origin_of(n, several);
    const struct flow_key key = key_of(n);

    return memcmp(&f->key, &key, sizeof key) == 0 &&
           memcmp(flow_origin(t, f), &origin, sizeof origin) == 0 && flow_at(t, f->number) == f;
}

/* Begins and ends flows at random, and compares with a plain array. Returns how many were alive at most. */
static uint32_t against_an_array(size_t memory, uint32_t several)
{
    static bool alive[KEYS];
    uint64_t random = several;
    struct flow_table t;
    uint32_t count = 0, most = 0;
    bool right = true;

    memset(alive, 0, sizeof alive);
    CU_ASSERT_FATAL(flow_table_init(&t, memory));
    for (int step = 0; step < STEPS; step++) {
        uint32_t n = (uint32_t)random_below(&random, KEYS);
        struct flow *f = find(&t, n);
        right &= (f != NULL) == alive[n] && (!f || is_right(&t, f, n, several));
        if (f) {
            end(&t, f);
            count--;
        } else {
            f = begin(&t, n, several);
            count += f != NULL;
        }
        alive[n] = f && !alive[n];
        most = count > most ? count : most;
        right &= t.count == count && flow_table_memory_peak(&t) <= memory;
    }
    uint32_t listed = 0;
    for (struct flow *f = flow_at(&t, t.first); f; f = flow_at(&t, f->added_after))
        listed++;
    CU_ASSERT_EQUAL(listed, count);
    CU_ASSERT(right);
    while (t.first)
        end(&t, flow_at(&t, t.first));
    CU_ASSERT_PTR_NULL(t.origins.table);
    flow_table_release(&t);
    return most;
}

static void test_found(void)
{
    CU_ASSERT(against_an_array((size_t)4 << 20, 1) > KEYS / 4);
    CU_ASSERT(against_an_array((size_t)4 << 20, 100) > KEYS / 4);
}

/* Where no origin is like another, most lie in nodes; about half as many flows have room then. */
static void test_origins_of_their_own(void)
{
    enum { MEMORY = 256 << 10 };
    uint32_t shared = against_an_array(MEMORY, 1), own = against_an_array(MEMORY, UINT32_MAX);

    CU_ASSERT(shared > MEMORY / 360);
    CU_ASSERT(own > shared / 2 && own < shared);
}

static void test_in_order(void)
{
    struct flow_table t;

    CU_ASSERT_FATAL(flow_table_init(&t, 1 << 20));
    for (uint32_t n = 0; n < 100; n++)
        begin(&t, n, 1);
    for (uint32_t n = 0; n < 100; n += 2)
        end(&t, find(&t, n));
    begin(&t, 0, 1);
    uint32_t expected = 1;
    for (struct flow *f = flow_at(&t, t.first); f; f = flow_at(&t, f->added_after)) {
        CU_ASSERT(is_right(&t, f, expected, 1));
        expected = expected == 99 ? 0 : expected + 2;
    }
    flow_table_release(&t);
}

/* docs/performance.md says so. */
static void test_small(void)
{
    CU_ASSERT(sizeof(struct flow) <= 288);
    CU_ASSERT(sizeof(struct side_stream) <= 64);
}

static const struct test tests[] = {
    {"flows that come and go are found by their keys", test_found},
    {"what comes from everywhere takes up nodes, and gives them back", test_origins_of_their_own},
    {"flows stand in the order in which they were added", test_in_order},
    {"a flow takes as little as is said of it", test_small},
};
SUITE("flow_table", tests)
