/* model_test.c - the model by pictures, the generator by what must hold of every seed, and the
 * script by reading its frames again.
 *
 * Letters are segments, dots are holes, '~' is what the snap length cut off. */
#include "craft/craft.h"
#include "property/byte_model.h"
#include "property/generator.h"

#include "suite.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEEDS = 2000 };

static void check_text(const char *what, const char *shown, char *found, const char *expected)
{
    CU_ASSERT_STRING_EQUAL(found, expected);
    if (strcmp(found, expected) != 0)
        printf("\n    %s of %s: %s, not %s\n", what, shown, found, expected);
    free(found);
}

static void check(const char *arrivals, const char *kept)
{
    struct arrivals a;
    struct model m;
    arrivals_init(&a);
    arrivals_draw(&a, arrivals);
    model_init(&m, &a);
    check_text("the stream", arrivals, model_picture(&m), kept);
    model_release(&m);
    arrivals_release(&a);
}

static void check_conflicts(const char *arrivals, const char *conflicts)
{
    struct arrivals a;
    struct model m;
    arrivals_init(&a);
    arrivals_draw(&a, arrivals);
    model_init(&m, &a);
    check_text("conflicts", arrivals, model_conflict_picture(&m), conflicts);
    model_release(&m);
    arrivals_release(&a);
}

static void streams(void)
{
    check("", "");
    check("AAA@0 CC@5 BB@3", "AAABBCC");
    check("AAA@0 CC@5", "AAA..CC");
    check("BB@3 AAA@0", "AAABB");
    check("AAA@0 BBB@1", "AAAB");
    check("BBB@1 AAA@0", "ABBB");
    check("B@1 D@3 xxxxx@0", "xBxDx");
    check("A@0 B@-2", "B.A");
    check("AA~~@0 BB@4", "AA~~BB");
    check("AA~~@0 xB@1 CC@6", "AAB~..CC");
    check("~~@0 A@0", "A~");
}

static void conflicts(void)
{
    check_conflicts("AAA@0 AAA@0 AA@1", "");
    check_conflicts("AAA@0 xxx@0", "xxx@0");
    check_conflicts("AAA@0 xAx@0", "x@0 x@2");
    check_conflicts("AA@0 BB@4 xxxxxx@0", "xx@0 xx@4"); /* the middle is its own */
    check_conflicts("AA@0 BB@2 xxxx@0", "xxxx@0");      /* one range over two owners */
    check_conflicts("AAA@0 xx@1 yy@1", "xx@1 yy@1");    /* each against the first */
    check_conflicts("AA~~@0 xxxx@0 yyyy@0", "xx@0 yyyy@0");
    check_conflicts("AA@0 xx~~@1", "x@1");
}

static void numbers(void)
{
    struct arrivals a;
    struct model m;
    arrivals_init(&a);
    arrivals_draw(&a, "AAA@-4 CC@2 AxB@-3 D~@4");
    model_init(&m, &a);
    CU_ASSERT_EQUAL(m.low, -4);
    CU_ASSERT_EQUAL(m.start, -4);
    CU_ASSERT_EQUAL(m.stored, 7);
    CU_ASSERT(memcmp(m.present, "AAABCCD", 7) == 0);
    CU_ASSERT_EQUAL(m.gap_count, 1);
    CU_ASSERT_EQUAL(m.gaps[0].position, 0);
    CU_ASSERT_EQUAL(m.gaps[0].length, 2);
    CU_ASSERT_EQUAL(m.missing, 2);
    CU_ASSERT_EQUAL(m.cut_count, 1);
    CU_ASSERT_EQUAL(m.cuts[0].position, 5);
    CU_ASSERT_EQUAL(m.truncated, 1);
    CU_ASSERT_EQUAL(m.conflict_count, 1);
    CU_ASSERT_EQUAL(m.conflicts[0].arrival, 2);
    CU_ASSERT_EQUAL(m.conflicts[0].position, -2);
    CU_ASSERT_EQUAL(model_at(&m, -1)->owner, 2);
    CU_ASSERT_EQUAL(model_at(&m, -2)->owner, 0);
    CU_ASSERT_EQUAL(model_at(&m, -2)->last, 'x');
    CU_ASSERT_EQUAL(model_at(&m, 0)->owner, MODEL_NOBODY);
    CU_ASSERT_PTR_NULL(model_at(&m, 6));
    CU_ASSERT_PTR_NULL(model_at(&m, -5));
    model_release(&m);
    arrivals_release(&a);
}

static void orders(void)
{
    size_t order[5] = {0, 1, 2, 3, 4};
    size_t count = 0;
    struct arrivals a;
    arrivals_init(&a);
    arrivals_draw(&a, "abc@0 cde@2 fg@5 f@5 hi@8");
    do {
        struct arrivals ordered;
        struct model m;
        arrivals_init(&ordered);
        arrivals_add_ordered(&ordered, &a, order);
        model_init(&m, &ordered);
        check_text("the stream", "some order", model_picture(&m), "abcdefg.hi");
        CU_ASSERT_EQUAL(m.conflict_count, 0);
        model_release(&m);
        arrivals_release(&ordered);
        count++;
    } while (order_next(order, 5));
    CU_ASSERT_EQUAL(count, 120);
    for (size_t i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(order[i], i);
    CU_ASSERT_FALSE(order_next(order, 1));
    CU_ASSERT_FALSE(order_next(order, 0));
    arrivals_release(&a);
}

static void pictures(void)
{
    const char *drawn = "AAA@0 b~~@-12 ~@7";
    struct arrivals a;
    arrivals_init(&a);
    arrivals_draw(&a, drawn);
    check_text("the picture", drawn, arrivals_picture(&a), drawn);
    arrivals_shift(&a, 5);
    CU_ASSERT_EQUAL(arrivals_rebase(&a), -5);
    check_text("the picture", drawn, arrivals_picture(&a), drawn);
    arrivals_release(&a);
}

/* Said in other words than the model's own: by looking at each byte of each arrival alone. */
static bool model_holds(const struct model *m, const struct arrivals *a)
{
    size_t differing = 0;
    size_t in_conflicts = 0;
    for (size_t i = 0; i < a->count; i++) {
        for (size_t k = 0; k < a->list[i].captured; k++) {
            const struct model_cell *cell = model_at(m, a->list[i].position + (int64_t)k);
            if (!cell || cell->owner < 0 || cell->owner > (int)i)
                return false;
            if (cell->owner == (int)i && cell->byte != a->list[i].bytes[k])
                return false;
            differing += cell->byte != a->list[i].bytes[k];
        }
    }
    for (size_t i = 0; i < m->conflict_count; i++) {
        const struct model_conflict *it = &m->conflicts[i];
        in_conflicts += it->length;
        for (size_t k = 0; k < it->length; k++) {
            if (model_at(m, it->position + (int64_t)k)->byte == it->other[k])
                return false;
        }
    }
    return differing == in_conflicts && m->stored + m->missing + m->truncated == m->cell_count;
}

/* What a recipe leaves out cannot be in the result. */
static bool recipe_holds(const struct recipe *r, const struct generated *g, const struct model *m)
{
    if (r->altered == 0 && m->conflict_count > 0)
        return false;
    if (r->truncated == 0 && m->truncated > 0)
        return false;
    if (r->lost == 0 && m->missing > 0)
        return false;
    if (r->lost == 0 && r->truncated == 0 && m->stored != g->stream_len)
        return false;
    for (size_t i = 0; i < m->cell_count && r->altered == 0; i++) {
        if (m->cells[i].owner >= 0 && m->cells[i].byte != g->stream[m->low + (int64_t)i])
            return false;
    }
    return true;
}

static void seeds(void)
{
    size_t with_conflicts = 0;
    size_t with_gaps = 0;
    size_t with_cuts = 0;
    size_t clean = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct recipe r = recipe_of(seed);
        struct generated g;
        struct model m;
        generate(&g, &r);
        model_init(&m, &g.arrivals);
        bool holds = model_holds(&m, &g.arrivals) && recipe_holds(&r, &g, &m);
        CU_ASSERT(holds);
        if (!holds)
            recipe_print(stdout, &r);
        with_conflicts += m.conflict_count > 0;
        with_gaps += m.gap_count > 0;
        with_cuts += m.cut_count > 0;
        clean += m.stored == g.stream_len && m.conflict_count == 0;
        model_release(&m);
        generated_release(&g);
    }
    /* A generator that forgot one of them would make every comparison with it worthless. */
    CU_ASSERT(with_conflicts > SEEDS / 10);
    CU_ASSERT(with_gaps > SEEDS / 10);
    CU_ASSERT(with_cuts > SEEDS / 10);
    CU_ASSERT(clean > SEEDS / 10);
}

static void same_seed(void)
{
    struct recipe r = recipe_of(7);
    struct generated one;
    struct generated two;
    generate(&one, &r);
    generate(&two, &r);
    char *picture = arrivals_picture(&one.arrivals);
    check_text("the picture", "seed 7", arrivals_picture(&two.arrivals), picture);
    free(picture);
    generated_release(&one);
    generated_release(&two);
}

/* Reads the arrivals out of the frames again, at offsets that are known. */
static void check_script(const struct arrivals *a, uint32_t isn, enum arrivals_opening opening)
{
    enum { TCP = 14 + 20, DATA = TCP + 20 };
    char *script = arrivals_script(a, isn, opening);
    struct craft *c = craft_frames(script, NULL);
    size_t before = opening == OPENING_HANDSHAKE ? 3 : 0;
    CU_ASSERT_EQUAL_FATAL(c->count, before + a->count);
    bool same = true;
    for (size_t i = 0; i < a->count; i++) {
        const struct craft_frame *f = &c->frames[before + i];
        const uint8_t *seq = f->bytes + TCP + 4;
        uint32_t number =
            (uint32_t)seq[0] << 24 | (uint32_t)seq[1] << 16 | (uint32_t)seq[2] << 8 | seq[3];
        same &= number == (uint32_t)(isn + 1 + (uint64_t)a->list[i].position);
        same &= f->len == DATA + a->list[i].captured;
        same &= f->wire_len == DATA + a->list[i].len;
        same &= memcmp(f->bytes + DATA, a->list[i].bytes, a->list[i].captured) == 0;
    }
    CU_ASSERT(same);
    craft_free(c);
    free(script);
}

static void scripts(void)
{
    CU_ASSERT_EQUAL(isn_wrapping_at(0), UINT32_MAX);
    CU_ASSERT_EQUAL(isn_wrapping_at(3), UINT32_MAX - 3);
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct recipe r = recipe_of(seed);
        struct generated g;
        generate(&g, &r);
        check_script(&g.arrivals, 1000, OPENING_HANDSHAKE);
        check_script(&g.arrivals, isn_wrapping_at((int64_t)r.stream_len / 2), OPENING_HANDSHAKE);
        arrivals_rebase(&g.arrivals);
        check_script(&g.arrivals, isn_wrapping_at(0), OPENING_NONE);
        generated_release(&g);
    }
}

static const struct test tests[] = {
    {"the first arrival of a position is kept", streams},
    {"a conflict is each maximal range that differs from what is kept", conflicts},
    {"the model's numbers are those of the picture", numbers},
    {"an order does not matter where nothing conflicts", orders},
    {"a picture is drawn as it is read", pictures},
    {"model and generator hold what they promise, for every seed", seeds},
    {"a seed gives one list", same_seed},
    {"frames carry the arrivals, also across the wrap", scripts},
};
SUITE("model", tests)
