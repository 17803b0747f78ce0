/* pattern_test.c - a pattern is found however a run is cut into pieces, by either library. */
#include "search/pattern.h"

#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The linker has all calls of aligned_alloc() come here: the `fails_at`th has no memory; 0: there is always. */
static int fails_at;

void *__real_aligned_alloc(size_t alignment, size_t len);
void *__wrap_aligned_alloc(size_t alignment, size_t len);

void *__wrap_aligned_alloc(size_t alignment, size_t len)
{
    if (fails_at > 0 && --fails_at == 0)
        return NULL;
    return __real_aligned_alloc(alignment, len);
}

/* What is told, as "begin-end begin-end". */
struct told {
    char text[4096];
    size_t len, count;
};

static void on_found(void *context, int64_t begin, int64_t end)
{
    struct told *t = context;
    t->count++;
    if (t->len < sizeof t->text - 50)
        t->len += (size_t)snprintf(t->text + t->len, sizeof t->text - t->len, "%s%lld-%lld",
                                   t->len ? " " : "", (long long)begin, (long long)end);
}

static struct pattern *make(const char *text, enum pattern_kind kind, bool ignore_case,
                            enum pattern_library library)
{
    struct error err = {0};
    struct pattern *pattern;
    CU_ASSERT_EQUAL(pattern_compile(&pattern, text, kind, ignore_case, library, &err), STATUS_OK);
    CU_ASSERT_STRING_EQUAL(err.text, "");
    return pattern;
}

/* Feeds `bytes` in pieces of `piece` and tells what was found. */
static void search_in_pieces(struct told *told, struct pattern *pattern, struct span bytes,
                             size_t piece)
{
    struct error err = {0};
    struct pattern_sink sink = {on_found, told};
    struct scan *scan;
    *told = (struct told){.len = 0};
    CU_ASSERT_EQUAL(scan_begin(&scan, pattern, 0, &err), STATUS_OK);
    while (bytes.len > 0) {
        struct span next = span_first(bytes, piece);
        CU_ASSERT_EQUAL(scan_feed(scan, next, &sink, &err), STATUS_OK);
        bytes = span_after(bytes, next.len);
    }
    CU_ASSERT_EQUAL(scan_end(scan, &sink, &err), STATUS_OK);
}

/* The same hits in pieces of any length, and in one. */
static void check(const char *text, enum pattern_kind kind, bool ignore_case,
                  enum pattern_library library, const char *in, const char *expected)
{
    struct pattern *pattern = make(text, kind, ignore_case, library);
    struct span bytes = span_of(in, strlen(in));
    struct told told;
    struct error err = {0};
    if (!pattern)
        return;
    for (size_t piece = 1; piece <= bytes.len; piece++) {
        search_in_pieces(&told, pattern, bytes, piece);
        CU_ASSERT_STRING_EQUAL(told.text, expected);
    }
    told = (struct told){.len = 0};
    struct pattern_sink sink = {on_found, &told};
    CU_ASSERT_EQUAL(pattern_scan(pattern, 0, bytes, &sink, &err), STATUS_OK);
    CU_ASSERT_STRING_EQUAL(told.text, expected);
    pattern_free(pattern);
}

static void check_bytes(const char *text, bool ignore_case, const char *in, const char *expected)
{
    check(text, PATTERN_TEXT, ignore_case, LIBRARY_PCRE2, in, expected);
    check(text, PATTERN_TEXT, ignore_case, LIBRARY_BEST, in, expected);
}

static void check_regex(const char *text, const char *in, const char *expected)
{
    check(text, PATTERN_REGEX, false, LIBRARY_BEST, in, expected);
}

static void bytes_are_found(void)
{
    check_bytes("abc", false, "abcabxabc", "0-3 6-9");
    check_bytes("aa", false, "aaaaa", "0-2 2-4");
    check_bytes("aba", false, "abababa", "0-3 4-7");
    check_bytes("a.c", false, "abca.c", "3-6");
    check_bytes("AbC", true, "xabcABC", "1-4 4-7");
    check_bytes("x", false, "abc", "");
}

static void hex_is_read(void)
{
    struct error err = {0};
    struct pattern *pattern;
    check("61 62:63", PATTERN_HEX, false, LIBRARY_BEST, "xabc", "1-4");
    check("6A6b", PATTERN_HEX, false, LIBRARY_PCRE2, "jkjk", "0-2 2-4");
    static const char *const wrong[] = {"6", "6g", "61 6", "", " ", "0x61"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CU_ASSERT_EQUAL(pattern_compile(&pattern, wrong[i], PATTERN_HEX, false, LIBRARY_BEST, &err),
                        STATUS_FAILED);
        CU_ASSERT_PTR_NULL(pattern);
    }
}

static void expressions_are_found(void)
{
    check_regex("a+", "aabaaa", "0-2 3-6");
    check_regex("a+?", "aab", "0-1 1-2");
    check_regex("foo(?=bar)", "foobarfoox", "0-3");
    check_regex("(?<=foo)bar", "foobar barfoobar", "3-6 13-16");
    check_regex("^a", "aaa", "0-1");
    check_regex("(?m)^a.*$", "ab\nac\nba", "0-2 3-5");
    check_regex("c$", "cabc", "3-4");
    check_regex("\\bis\\b", "this is it is", "5-7 11-13");
    check_regex("(a|ab)(c|bcd)", "abcd", "0-4");
    check_regex("x*", "axxb", "1-3");
    check_regex("(.)\\1", "aabbcd", "0-2 2-4");
}

/* Random bytes of a small alphabet, so that much nearly matches. */
static void pieces_do_not_matter(void)
{
    static const char *const texts[] = {"abab", "a[ab]*c", "(?:ab)+", "b{2,5}a", "c(?!a)"};
    char in[600];
    srand(7);
    for (int turn = 0; turn < 20; turn++) {
        for (size_t i = 0; i < sizeof in; i++)
            in[i] = (char)('a' + rand() % 3);
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
            struct pattern *pattern = make(texts[i], PATTERN_REGEX, false, LIBRARY_BEST);
            struct told whole, pieces;
            search_in_pieces(&whole, pattern, span_of(in, sizeof in), sizeof in);
            CU_ASSERT_TRUE(whole.count > 0);
            for (size_t piece = 1; piece < 40; piece += 1 + (size_t)rand() % 6) {
                search_in_pieces(&pieces, pattern, span_of(in, sizeof in), piece);
                CU_ASSERT_EQUAL(pieces.count, whole.count);
                CU_ASSERT_STRING_EQUAL(pieces.text, whole.text);
            }
            pattern_free(pattern);
        }
    }
}

/* A match that grows for ever is told up to a bound, and takes no more memory and time than it should. */
static void a_long_match_is_bounded(void)
{
    enum { LEN = 1 << 20 };
    char *in = malloc(LEN);
    struct told told;
    CU_ASSERT_PTR_NOT_NULL_FATAL(in);
    memset(in, 'a', LEN);
    struct pattern *pattern = make("a+", PATTERN_REGEX, false, LIBRARY_BEST);
    search_in_pieces(&told, pattern, span_of(in, LEN), 1000);
    CU_ASSERT_TRUE(told.count >= 1 && told.count <= LEN / PATTERN_HELD);
    pattern_free(pattern);
    pattern = make("[^x]*x", PATTERN_REGEX, false, LIBRARY_BEST);
    search_in_pieces(&told, pattern, span_of(in, LEN), 100);
    CU_ASSERT_EQUAL(told.count, 0);
    in[LEN - 1] = 'x';
    search_in_pieces(&told, pattern, span_of(in, LEN), 100);
    CU_ASSERT_EQUAL(told.count, 1);
    pattern_free(pattern);
    free(in);
}

static void too_many_steps_are_told(void)
{
    struct pattern *pattern =
        make("(?:a*)*(?:a*)*(?:a*)*[bc]\\1?(x)", PATTERN_REGEX, false, LIBRARY_BEST);
    char in[3000];
    struct told told = {.len = 0};
    struct pattern_sink sink = {on_found, &told};
    struct error err = {0};
    memset(in, 'a', sizeof in);
    in[sizeof in - 1] = 'b';
    enum status status = pattern_scan(pattern, 0, span_of(in, sizeof in), &sink, &err);
    CU_ASSERT_TRUE(status == STATUS_DAMAGED || status == STATUS_OK);
    CU_ASSERT_EQUAL(status == STATUS_DAMAGED, strstr(err.text, "searched up to position") != NULL);
    pattern_free(pattern);
}

static void no_pattern_is_told(void)
{
    static const char *const wrong[] = {"(", "a{2,1}", "(*UTF)a", "[z-a]", ""};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct error err = {0};
        struct pattern *pattern;
        CU_ASSERT_EQUAL(
            pattern_compile(&pattern, wrong[i], PATTERN_REGEX, false, LIBRARY_BEST, &err),
            STATUS_FAILED);
        CU_ASSERT_TRUE(err.text[0] != 0);
    }
}

/* Hyperscan looks at none of what posix_memalign() gave it, so it is given something each time. */
static void want_of_memory_is_survived(void)
{
    struct error err = {0};
    struct pattern *pattern;
    int asked = 0;

    if (pattern_compile(&pattern, "e", PATTERN_TEXT, false, LIBRARY_HYPERSCAN, &err) != STATUS_OK)
        return; /* it is not built in, or not installed, or the processor is not for it */
    pattern_free(pattern);
    for (int at = 1;; at++) {
        fails_at = at;
        CU_ASSERT_EQUAL(
            pattern_compile(&pattern, "e", PATTERN_TEXT, false, LIBRARY_HYPERSCAN, &err),
            STATUS_OK);
        pattern_free(pattern);
        if (fails_at > 0)
            break;
        asked++;
    }
    fails_at = 0;
    CU_ASSERT_TRUE(asked > 0);
}

static const struct test tests[] = {
    {"bytes are found", bytes_are_found},
    {"hex is read", hex_is_read},
    {"expressions are found", expressions_are_found},
    {"pieces do not matter", pieces_do_not_matter},
    {"a long match is bounded", a_long_match_is_bounded},
    {"too many steps are told", too_many_steps_are_told},
    {"no pattern is told", no_pattern_is_told},
    {"Hyperscan survives want of memory", want_of_memory_is_survived},
};

SUITE("pattern", tests)
