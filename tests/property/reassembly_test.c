/* reassembly_test.c - reassembly against a model of it that is too plain to be wrong (byte_model.h),
 * and against anything at all, of which it must at least keep its promises (picture_sink.h).
 *
 * SEINE_LONG=1 tries many more seeds. A failure prints what makes it again. */
#include "property/byte_model.h"
#include "property/generator.h"

#include "scene.h"
#include "suite.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed_count(uint64_t usual)
{
    return getenv("SEINE_LONG") ? 50 * usual : usual / 2;
}

/* Text in the making; for free(). */
static FILE *text_open(char **text, size_t *len)
{
    FILE *out = open_memstream(text, len);
    if (!out)
        abort();
    return out;
}

/* ---- what the model says must be told ---- */

/* What the script says besides the arrivals. */
struct ending {
    bool handshake;
    int64_t acked; /* the server acknowledges all below it; 0 is nothing but the SYN */
    int64_t fin;   /* position of a FIN; -1 is none */
};

static int64_t model_end(const struct model *m)
{
    return m->low + (int64_t)m->cell_count;
}

static const char *cause_at(const struct model *m, const struct ending *e, int64_t position)
{
    const struct model_cell *cell = model_at(m, position);
    if (cell && cell->owner != MODEL_NOBODY)
        return NULL;
    if (cell && cell->sent)
        return "truncated";
    if (!e->handshake)
        return "unknown";
    return position < e->acked ? "capture_loss" : "network_loss";
}

static int64_t expected_start(const struct model *m, const struct ending *e)
{
    return e->handshake ? 0 : m->low;
}

static int64_t expected_end(const struct model *m, const struct ending *e)
{
    int64_t end = model_end(m);
    end = e->acked > end ? e->acked : end;
    return e->fin > end ? e->fin : end;
}

static char *expected_gaps(const struct model *m, const struct ending *e)
{
    char *text;
    size_t len;
    FILE *out = text_open(&text, &len);
    int64_t begin = expected_start(m, e), end = expected_end(m, e);
    const char *separator = "";

    while (begin < end) {
        const char *cause = cause_at(m, e, begin);
        bool tail = begin >= model_end(m);
        int64_t to = begin + 1;
        while (to < end && cause_at(m, e, to) == cause && tail == (to >= model_end(m)))
            to++;
        if (cause)
            fprintf(out, "%sclient %" PRId64 "+%" PRId64 " %s%s", separator, begin, to - begin,
                    cause, tail ? " tail" : "");
        separator = cause ? ", " : separator;
        begin = to;
    }
    fclose(out);
    return text;
}

static char *expected_stream(const struct model *m, const struct ending *e)
{
    char *text;
    size_t len;
    FILE *out = text_open(&text, &len);
    int64_t start = expected_start(m, e);

    if (start != 0)
        fprintf(out, "@%" PRId64 " ", start);
    for (int64_t position = start; position < expected_end(m, e); position++) {
        const char *cause = cause_at(m, e, position);
        fputc(!cause                            ? model_at(m, position)->byte
              : strcmp(cause, "truncated") == 0 ? '~'
                                                : '.',
              out);
    }
    fclose(out);
    return text;
}

static char *expected_conflicts(const struct model *m)
{
    char *text;
    size_t len;
    FILE *out = text_open(&text, &len);
    for (size_t i = 0; i < m->conflict_count; i++) {
        const struct model_conflict *it = &m->conflicts[i];
        fprintf(out, "%sclient %.*s@%" PRId64, i > 0 ? ", " : "", (int)it->length,
                (const char *)it->other, it->position);
    }
    fclose(out);
    return text;
}

static bool are_owners_right(const struct model *m, const struct telling *t)
{
    for (size_t i = 0; i < m->cell_count; i++) {
        uint8_t byte = 0;
        size_t owner = 0;
        bool held = telling_client_at(t, m->low + (int64_t)i, &byte, &owner);
        if (held != (m->cells[i].owner != MODEL_NOBODY))
            return false;
        if (held && ((int)owner != m->cells[i].owner || byte != m->cells[i].byte))
            return false;
    }
    return true;
}

static bool is_same(const char *what, const char *found, char *expected)
{
    bool same = strcmp(found, expected) == 0;
    if (!same)
        printf("\n    %-9s %s\n    the model %s\n", what, found, expected);
    free(expected);
    return same;
}

/* Plays the list, and compares all that is told with the model. */
static bool is_like_the_model(const struct arrivals *a, uint32_t isn, const struct ending *e)
{
    char *begin = arrivals_script(a, isn, e->handshake ? OPENING_HANDSHAKE : OPENING_NONE);
    char *script;
    size_t len;
    FILE *out = text_open(&script, &len);
    struct model m;
    struct telling t;

    fputs(begin, out);
    if (e->acked > 0)
        fprintf(out, "s ack=%" PRId64 "\n", e->acked);
    if (e->fin >= 0)
        fprintf(out, "c @%" PRId64 " FIN\n", e->fin);
    fclose(out);
    model_init(&m, a);
    telling_init(&t, script, NULL);

    bool like = is_same("stream", t.client, expected_stream(&m, e));
    like &= is_same("gaps", t.gaps, expected_gaps(&m, e));
    like &= is_same("conflicts", t.conflicts, expected_conflicts(&m));
    like &= is_same("refused", t.refused, strdup(""));
    like &= is_same("oddities", t.oddities, strdup(""));
    like &= are_owners_right(&m, &t) && is_whole(&t, "the list");

    telling_release(&t);
    model_release(&m);
    free(script);
    free(begin);
    return like;
}

static bool is_seed_like_the_model(uint64_t seed)
{
    uint64_t state = seed ^ UINT64_C(0x5e19e);
    struct recipe recipe = recipe_of(seed);
    struct generated g;
    int64_t len = (int64_t)recipe.stream_len;

    generate(&g, &recipe);
    struct ending handshake = {.handshake = true, .acked = 0, .fin = -1};
    if (random_below(&state, 2) == 0)
        handshake.acked = (int64_t)random_below(&state, (size_t)len + 5);
    if (random_below(&state, 2) == 0)
        handshake.fin = len + (int64_t)random_below(&state, 5);
    if (handshake.fin >= 0 && handshake.acked > handshake.fin)
        handshake.acked = handshake.fin;
    uint32_t isn = isn_wrapping_at((int64_t)random_below(&state, (size_t)len + 2));
    bool like = is_like_the_model(&g.arrivals, seed % 4 == 0 ? (uint32_t)seed : isn, &handshake);

    arrivals_rebase(&g.arrivals); /* with nothing before it, the first to arrive is at 0 */
    struct ending none = {.handshake = false, .acked = 0, .fin = -1};
    isn = isn_wrapping_at((int64_t)random_below(&state, (size_t)len + 2) - len / 2);
    if (g.arrivals.count > 0)
        like &= is_like_the_model(&g.arrivals, isn, &none);
    generated_release(&g);
    if (!like)
        recipe_print(stdout, &recipe);
    return like;
}

static void seeds(void)
{
    unsigned failed = 0;
    for (uint64_t seed = 0; seed < seed_count(1500) && failed < 3; seed++)
        failed += !is_seed_like_the_model(seed);
    CU_ASSERT_EQUAL(failed, 0);
}

/* ---- every order ---- */

static bool is_order_like_the_model(const struct arrivals *segments, const size_t order[])
{
    enum { LAST_BYTE = 13 };
    struct arrivals ordered;
    bool like = true;

    arrivals_init(&ordered);
    arrivals_add_ordered(&ordered, segments, order);
    char *picture = arrivals_picture(&ordered);
    for (int64_t wrap = -2; like && wrap <= LAST_BYTE; wrap += 3) {
        struct ending e = {.handshake = true, .acked = LAST_BYTE, .fin = LAST_BYTE};
        like = is_like_the_model(&ordered, isn_wrapping_at(wrap), &e);
    }
    arrivals_rebase(&ordered);
    struct ending none = {.handshake = false, .acked = 0, .fin = -1};
    like &= is_like_the_model(&ordered, isn_wrapping_at(1), &none);
    if (!like)
        printf("    in the order %s\n", picture);
    free(picture);
    arrivals_release(&ordered);
    return like;
}

static void orders(void)
{
    static const char *const lists[] = {"AAA@0 BB@3 C@5 DDDDD@6 EE@11",
                                        "abcd@0 cdef@2 ghijk@6 jklm@9 bcdefghi@1",
                                        "AA@0 BB@3 CC@5 DD@8 EE@11", /* with holes */
                                        "abc~~@0 bcdef@1 fg~@5 hijkl@7 m@12"};
    for (size_t i = 0; i < COUNT(lists); i++) {
        size_t order[5] = {0, 1, 2, 3, 4};
        bool like = true;
        struct arrivals segments;
        arrivals_init(&segments);
        arrivals_draw(&segments, lists[i]);
        do
            like &= is_order_like_the_model(&segments, order);
        while (like && order_next(order, 5));
        CU_ASSERT(like);
        arrivals_release(&segments);
    }
}

/* ---- anything at all ---- */

/* One of a few places where something is decided, or a place near it. */
static int64_t some_position(uint64_t *state)
{
    static const int64_t places[] = {0,       0,       0,        0,          20,         65535,
                                     1 << 20, 2000000, 70000000, 1000000000, 2147483647, -1048576};
    return places[random_below(state, COUNT(places))] + (int64_t)random_below(state, 24) - 6;
}

/* Few segments open or close anything, so that there is much between. */
static const char *some_flags(uint64_t *state)
{
    static const char *const rare[] = {"SYN",     "FIN",     "RST",     "SYN ACK",
                                       "RST ACK", "FIN",     "SYN FIN", "SYN RST",
                                       "FIN RST", "flags=0", "noack",   "URG"};
    return random_below(state, 12) == 0 ? rare[random_below(state, COUNT(rare))] : "";
}

static const char *some_extra(uint64_t *state)
{
    static const char *const rare[] = {"bad-checksum",
                                       "offload",
                                       "win=0",
                                       "win=10",
                                       "snap=55",
                                       "snap=58",
                                       "snap=54",
                                       "ws=7",
                                       "ws=14",
                                       "urg=2",
                                       "ts",
                                       "rep=2",
                                       "frag=8,16",
                                       "pad=4",
                                       "frag=16 order=1,0",
                                       "frag=8 order=0",
                                       "bad-checksum snap=57"};
    return random_below(state, 4) == 0 ? rare[random_below(state, COUNT(rare))] : "";
}

static void write_segment(FILE *out, uint64_t *state)
{
    fprintf(out, "%s %s", random_below(state, 3) == 0 ? "s" : "c", some_flags(state));
    if (random_below(state, 3) != 0)
        fprintf(out, " @%" PRId64, some_position(state));
    size_t len = random_below(state, 4) == 0 ? 0 : 1 + random_below(state, 10);
    if (len > 0)
        fprintf(out, " \"%.*s\"", (int)len,
                random_below(state, 5) == 0 ? "ABCDEFGHIJ" : "aaaaaaaaaa");
    if (random_below(state, 8) == 0)
        fprintf(out, " ack=%" PRId64, some_position(state));
    else if (random_below(state, 30) == 0)
        fprintf(out, " seq=%" PRIu32, (uint32_t)random_next(state));
    fprintf(out, " %s\n", some_extra(state));
}

static void write_line(FILE *out, uint64_t *state)
{
    static const char *const others[] = {
        "client 10.0.0.1:40000; server 10.0.0.2:80",
        "client 10.0.0.1:40001; server 10.0.0.2:80",
        "client 10.0.0.2:80; server 10.0.0.1:40000", /* the same, turned round */
        "client [2001:db8::1]:2; server [2001:db8::2]:1",
        "c SYN; s SYN ACK; c",
        "c FIN; s FIN; c",
        "at +0.5",
        "at +70",
        "at +130",
        "at -200",
        "c udp \"aaa\"",
        "s udp \"bb\" snap=43",
        "s udp",
        "c icmp echo \"aa\"",
        "s icmp reply",
        "c; s icmp unreachable=3 quote=28",
        "c ip proto=17 \"aaaaaaaa\" offset=8 id=7 more",
        "c ip proto=6 \"aaaaaaaabbbbbbbbcccccccc\" offset=0 id=8 more",
    };
    size_t kind = random_below(state, 60);
    if (kind < 5)
        fprintf(out, "%s\n", others[random_below(state, COUNT(others))]);
    else if (kind == 5)
        fprintf(out, "isn client %" PRIu32 " server %" PRIu32 "\n", (uint32_t)random_next(state),
                (uint32_t)random_next(state));
    else
        write_segment(out, state);
}

static char *anything(uint64_t seed)
{
    char *script;
    size_t len;
    uint64_t state = seed;
    FILE *out = text_open(&script, &len);
    size_t lines = 1 + random_below(&state, 120);

    fprintf(out, "at 1000000; c udp; isn client %" PRIu32 "\n",
            isn_wrapping_at((int64_t)random_below(&state, 40)));
    if (random_below(&state, 2) == 0)
        fputs(OPEN, out);
    for (size_t i = 0; i < lines; i++)
        write_line(out, &state);
    fclose(out);
    return script;
}

static bool is_anything_whole(uint64_t seed)
{
    static const struct stage stages[] = {{0}, {.memory = 96 * 1024, .fragment_memory = 900}};
    const struct stage *stage = &stages[seed % COUNT(stages)];
    char *script = anything(seed);
    struct telling t, again;

    telling_init(&t, script, stage);
    telling_init(&again, script, stage);
    bool whole = is_whole(&t, "a promise") && strcmp(t.calls, again.calls) == 0;
    if (!whole)
        printf("\n    seed %" PRIu64 ":\n%s", seed, script);
    telling_release(&t);
    telling_release(&again);
    free(script);
    return whole;
}

static void chaos(void)
{
    unsigned failed = 0;
    for (uint64_t seed = 0; seed < seed_count(2000) && failed < 1; seed++)
        failed += !is_anything_whole(seed);
    CU_ASSERT_EQUAL(failed, 0);
}

static const struct test tests[] = {
    {"bytes, owners, conflicts, gaps and cuts are the model's, for every seed", seeds},
    {"the order of segments that agree does not matter, wherever the numbers wrap", orders},
    {"whatever comes, every promise is kept, and kept the same way twice", chaos},
};
SUITE("reassembly", tests)
