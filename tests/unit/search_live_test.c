/* search_live_test.c - a case is searched while it is written, and while it ends. */
#include "store_live_rig.h"

#include "search/search.h"

enum { LEN = 100000, EVERY = 20000 };

/* A stream of many chunks, with a word in each stretch of it. */
static void put_stream(struct rig *r, struct rig_flow *f, uint32_t n)
{
    enum { SEGMENT = 1000 };
    uint8_t *bytes = rig_noise(LEN, n);

    for (int at = EVERY / 2; at < LEN; at += EVERY)
        memcpy(bytes + at, "needle", 6);
    rig_flow_init(f, n);
    for (int at = 0; at < LEN; at += SEGMENT)
        rig_segment(r, f, SIDE_CLIENT, at, bytes + at, SEGMENT);
    news(r, f);
    free(bytes);
}

static void one_that_ends_meanwhile(void)
{
    const struct search_options options = {.flow_id = -1, .side = -1};
    struct rig r;
    struct rig_flow small, large, later;
    struct reader *reader;
    struct pattern *pattern;
    struct search *search;
    struct search_hit hit;
    struct error err = {0};
    enum status status;
    unsigned count = 0;
    bool one_file;

    for (int library = LIBRARY_BEST; library <= LIBRARY_PCRE2; library += LIBRARY_PCRE2) {
        rig_init(&r);
        live_open_case(&r);
        rig_flow_init(&small, 1);
        rig_text(&r, &small, 0, "a needle");
        rig_flow_end(&r, &small);
        put_stream(&r, &large, 2);
        commit(&r);
        CU_ASSERT_EQUAL_FATAL(reader_open(&reader, r.path, &err), STATUS_OK);
        CU_ASSERT_EQUAL_FATAL(pattern_compile(&pattern, "needle", PATTERN_TEXT, false,
                                              (enum pattern_library)library, &err),
                              STATUS_OK);
        CU_ASSERT_EQUAL_FATAL(search_open(&search, reader, pattern, &options, &err), STATUS_OK);
        CU_ASSERT_EQUAL(search_next(search, &hit, &err), STATUS_OK);
        put_stream(&r, &later, 3);
        commit(&r);
        rig_flow_end(&r, &large);
        rig_flow_end(&r, &later);
        told_so_far(&r, "complete");
        CU_ASSERT_EQUAL(store_finish_live(r.store, NULL, &one_file, &err), STATUS_OK);
        r.store = NULL;
        CU_ASSERT_FALSE(one_file); /* it is still read */
        for (count = 1; (status = search_next(search, &hit, &err)) == STATUS_OK; count++)
            ;
        CU_ASSERT_EQUAL(status, STATUS_END);
        CU_ASSERT_STRING_EQUAL(err.text, "");
        CU_ASSERT_EQUAL(count, 1 + LEN / EVERY);
        search_close(search);

        CU_ASSERT_EQUAL_FATAL(search_open(&search, reader, pattern, &options, &err), STATUS_OK);
        for (count = 0; (status = search_next(search, &hit, &err)) == STATUS_OK; count++)
            ;
        CU_ASSERT_EQUAL(count, 1 + 2 * LEN / EVERY); /* what it is now */
        search_close(search);
        pattern_free(pattern);
        reader_close(reader);
        rig_release(&r);
    }
}

static const struct test tests[] = {
    {"a live case is searched as it was when that began", one_that_ends_meanwhile},
};
SUITE("search live", tests)
