/* life_test.c - frames that wait for each other are told as if each had gone alone. */
#include "pipeline/life.h"

#include "craft/craft.h"
#include "dissect/dissect.h"
#include "picture_sink.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A life with a sink that draws. The bytes of a frame stay until rig_catch_up(), and no longer. */
struct rig {
    struct picture_sink sink;
    struct life life;
    struct verdict_counts seen;
    struct craft *craft;
    struct frame frame;
    uint8_t *held[LIFE_BATCH_MOST + 1];
    size_t held_count, at;
};

static void rig_init(struct rig *r, const char *script, unsigned batch)
{
    struct craft_error error;

    memset(r, 0, sizeof *r);
    picture_sink_init(&r->sink);
    r->craft = craft_frames(script, &error);
    if (!r->craft)
        fprintf(stderr, "%s\n", error.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r->craft);
    r->frame =
        (struct frame){.link_type = (uint32_t)r->craft->link_type, .evidence_id = 1, .offset = 24};
    r->life = (struct life){.sink = &r->sink.sink, .batch = batch};
    r->life.defrag = defrag_new(&r->sink.sink, 1 << 20, fragment_policy_at(0), PLACE_DEFAULT);
    r->life.flows = flows_new(&r->sink.sink, 16 << 20, &flow_timeouts_offline, PLACE_DEFAULT);
    r->life.unpacker = unpacker_new();
    CU_ASSERT_FATAL(r->life.defrag && r->life.flows && r->life.unpacker);
}

static void let_go(struct rig *r)
{
    for (size_t i = 0; i < r->held_count; i++)
        free(r->held[i]);
    r->held_count = 0;
}

static void rig_catch_up(struct rig *r)
{
    life_catch_up(&r->life);
    let_go(r);
}

/* The next frame of the script. */
static void rig_see(struct rig *r)
{
    const struct craft_frame *f = &r->craft->frames[r->at++];
    uint8_t *bytes = malloc(f->len + 1);

    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    memcpy(bytes, f->bytes, f->len);
    r->frame.number++;
    r->frame.offset += 16;
    r->frame.bytes = span_of(bytes, f->len);
    r->frame.wire_len = f->wire_len;
    r->frame.time_ns = f->time_ns;
    r->held[r->held_count++] = bytes;
    see_frame(&r->life, &r->seen, &r->frame);
    r->frame.offset += f->len;
    if (r->life.waiting_count == 0)
        let_go(r);
    CU_ASSERT_FATAL(r->held_count <= LIFE_BATCH_MOST);
}

static void rig_see_some(struct rig *r, size_t count)
{
    while (count-- > 0)
        rig_see(r);
}

static void rig_release(struct rig *r)
{
    let_go(r);
    filter_free(r->life.filter);
    unpacker_free(r->life.unpacker);
    defrag_free(r->life.defrag);
    flows_free(r->life.flows);
    craft_free(r->craft);
    picture_sink_release(&r->sink);
}

/* All of it, to the end of the capture; what was told, for free(). */
static char *told(const char *script, unsigned batch)
{
    struct rig r;

    rig_init(&r, script, batch);
    while (r.at < r.craft->count) {
        if (r.held_count == LIFE_BATCH_MOST) /* filtered frames are held here with the others */
            rig_catch_up(&r);
        rig_see(&r);
    }
    rig_catch_up(&r);
    defrag_end(r.life.defrag);
    flows_end_all(r.life.flows);
    picture_sink_finish(&r.sink);
    CU_ASSERT_STRING_EQUAL(text_read(&r.sink.broken), "");
    char *calls = strdup(text_read(&r.sink.calls));
    rig_release(&r);
    return calls;
}

static void check_frames(struct rig *r, const char *expected)
{
    const char *frames = text_read(&r->sink.frames);

    CU_ASSERT_STRING_EQUAL(frames, expected);
    if (strcmp(frames, expected) != 0)
        fprintf(stderr, "\n    is    %s\n    not   %s\n", frames, expected);
}

#define NINE_OF_TWO_FLOWS                         \
    "c SYN; s SYN ACK; c; c \"AAA\"\n"            \
    "client 10.0.0.9:1234; c SYN; s SYN ACK; c\n" \
    "client 10.0.0.1:40000; s \"BBB\"; c @9 \"CCC\"\n"
#define ODD "frame hex:0202020202020101010101010800450000\n" /* an IP header that ends too soon */
#define FRAGMENTS                                                                    \
    "c ip proto=17 id=7 more hex:0001000200180000414141414141414141414141414141ff\n" \
    "c ip proto=17 id=7 offset=24 hex:42\n"

static void nothing_is_told_before_the_batch_is_full(void)
{
    struct rig r;

    rig_init(&r, NINE_OF_TWO_FLOWS, 4);
    rig_see_some(&r, 3);
    check_frames(&r, "");
    rig_see(&r);
    check_frames(&r, "0:1, 0:2, 0:3, 0:4");
    rig_see_some(&r, 5);
    check_frames(&r, "0:1, 0:2, 0:3, 0:4, 1:5, 1:6, 1:7, 0:8");
    rig_catch_up(&r); /* the end of a capture */
    check_frames(&r, "0:1, 0:2, 0:3, 0:4, 1:5, 1:6, 1:7, 0:8, 0:9");
    rig_catch_up(&r); /* and nobody waits any more */
    check_frames(&r, "0:1, 0:2, 0:3, 0:4, 1:5, 1:6, 1:7, 0:8, 0:9");
    flows_end_all(r.life.flows);
    rig_release(&r);
}

static void a_batch_of_one_waits_for_nobody(void)
{
    struct rig r;

    for (unsigned batch = 0; batch < 2; batch++) {
        rig_init(&r, NINE_OF_TWO_FLOWS, batch);
        rig_see(&r);
        check_frames(&r, "0:1");
        rig_see(&r);
        check_frames(&r, "0:1, 0:2");
        flows_end_all(r.life.flows);
        rig_release(&r);
    }
}

static void an_odd_frame_is_told_after_those_that_wait(void)
{
    struct rig r;

    rig_init(&r, "c SYN; s SYN ACK\n" ODD "c", LIFE_BATCH_MOST);
    rig_see_some(&r, 2);
    check_frames(&r, "");
    rig_see(&r);
    check_frames(&r, "0:1, 0:2");
    CU_ASSERT_EQUAL(r.life.waiting_count, 0);
    rig_see(&r);
    check_frames(&r, "0:1, 0:2"); /* it waits again */
    rig_catch_up(&r);
    check_frames(&r, "0:1, 0:2, 0:4");
    flows_end_all(r.life.flows);
    picture_sink_finish(&r.sink);
    CU_ASSERT_STRING_EQUAL(text_read(&r.sink.oddities), "malformed");
    rig_release(&r);
}

static void a_fragment_is_not_made_whole_before_those_that_wait(void)
{
    struct rig r;

    rig_init(&r, "c SYN; s SYN ACK\n" FRAGMENTS, LIFE_BATCH_MOST);
    rig_see_some(&r, 2);
    check_frames(&r, "");
    rig_see(&r);
    check_frames(&r, "0:1, 0:2");
    rig_see(&r); /* whole: it does not wait, its bytes would not */
    check_frames(&r, "0:1, 0:2, 1:3, 1:4");
    CU_ASSERT_EQUAL(r.life.waiting_count, 0);
    flows_end_all(r.life.flows);
    rig_release(&r);
}

static void a_frame_that_the_filter_refuses_disturbs_nobody(void)
{
    struct rig r;
    struct error err = {0};

    rig_init(&r, "c SYN; c udp \"x\"; s SYN ACK; c udp \"y\"; c", 3);
    CU_ASSERT_EQUAL_FATAL(filter_new(&r.life.filter, "tcp", &err), STATUS_OK);
    rig_see_some(&r, 4);
    check_frames(&r, "");
    CU_ASSERT_EQUAL(r.life.waiting_count, 2);
    CU_ASSERT_EQUAL(r.seen.frames[VERDICT_FILTERED], 2);
    rig_see(&r);
    check_frames(&r, "0:1, 0:3, 0:5");
    CU_ASSERT_EQUAL(r.seen.frames[VERDICT_OK], 3);
    flows_end_all(r.life.flows);
    rig_release(&r);
}

static void every_batch_tells_the_same(void)
{
    static const char script[] = NINE_OF_TWO_FLOWS ODD FRAGMENTS NINE_OF_TWO_FLOWS
        "c udp \"x\"; s udp \"y\"\n" ODD ODD "c @3 \"DDDDDD\"; s \"again\"; s @0 \"BBX\"; c RST\n"
        "c \"bad\" bad-checksum; s FIN; c FIN; c icmp echo \"ping\"; s icmp reply "
        "\"ping\"\n" FRAGMENTS;
    char *alone = told(script, 1);

    CU_ASSERT(strlen(alone) > 500);
    for (unsigned batch = 2; batch <= LIFE_BATCH_MOST; batch++) {
        char *together = told(script, batch);
        CU_ASSERT_STRING_EQUAL(together, alone);
        free(together);
    }
    free(alone);
}

/* ---- flows that live ---- */

static void check_news(struct rig *r, const char *expected)
{
    char *is = strdup(text_read(&r->sink.calls)), *to = is;

    for (char *line = strtok(is, "\n"); line; line = strtok(NULL, "\n")) {
        char copy[80];
        snprintf(copy, sizeof copy, "%s, ", line);
        if (strstr(line, "news") || strstr(line, "end"))
            to = stpcpy(to, copy);
    }
    *to = 0;
    CU_ASSERT_STRING_EQUAL(is, expected);
    if (strcmp(is, expected) != 0)
        fprintf(stderr, "\n    is    %s\n    not   %s\n", is, expected);
    free(is);
}

static void flows_are_told_of_while_they_live(void)
{
    struct rig r;

    rig_init(&r,
             "at 10; c SYN\n"
             "client 10.0.0.9:1234; c udp \"x\"; at 40; c udp \"x\"\n"
             "at 100; client 10.0.0.1:40000; s SYN ACK; at 110; c; at 180; c \"A\"",
             1);
    CU_ASSERT_FATAL(flows_watch(r.life.flows));
    rig_see_some(&r, 2);
    flows_tell_news(r.life.flows); /* those that are new */
    flows_tell_news(r.life.flows); /* and no more of them */
    check_news(&r, "flow 0 news: attempt, flow 1 news: one_way, ");
    rig_see(&r);
    flows_tell_news(r.life.flows); /* busy, but told of half a minute ago */
    check_news(&r, "flow 0 news: attempt, flow 1 news: one_way, ");
    rig_see(&r);
    flows_tell_news(r.life.flows); /* the first one is over, the second was busy a minute ago */
    rig_see(&r);
    flows_tell_news(r.life.flows);
    check_news(&r, "flow 0 news: attempt, flow 1 news: one_way, "
                   "flow 0 end, flow 2 news: handshake, flow 1 news: one_way, ");
    rig_see(&r);
    flows_tell_news(r.life.flows); /* of an idle one once more at most */
    check_news(&r, "flow 0 news: attempt, flow 1 news: one_way, "
                   "flow 0 end, flow 2 news: handshake, flow 1 news: one_way, "
                   "flow 2 news: established, flow 1 news: one_way, ");
    rig_release(&r);
}

static void the_clock_goes_on_without_packets(void)
{
    struct rig r;

    rig_init(&r, "at 10; c SYN; at 5; c udp \"x\"", 1);
    rig_see_some(&r, 2);
    flows_advance(r.life.flows, 69 * 1000000000ll);
    check_news(&r, "");
    flows_advance(r.life.flows, 71 * 1000000000ll); /* half an opening */
    check_news(&r, "flow 0 end, ");
    flows_advance(r.life.flows, 10 * 1000000000ll); /* back: it stays where it is */
    flows_advance(r.life.flows, 191 * 1000000000ll);
    check_news(&r, "flow 0 end, flow 1 end, ");
    rig_release(&r);
}

/* The clock is set back by a thousand seconds between two packets of a flow that goes on, of one that does not, and of
 * one that begins then: each times out when it has been idle for as long as ever. */
static void a_clock_that_is_set_back_times_out_all_the_same(void)
{
    const int64_t second = 1000000000;
    struct rig r;

    rig_init(&r,
             "at 2000; client 10.0.0.1:1; c udp \"x\"; at 2010; client 10.0.0.2:1; c udp \"x\"\n"
             "at 1020; client 10.0.0.1:1; c udp \"x\"; at 1030; client 10.0.0.3:1; c udp \"x\"\n"
             "at 2011; client 10.0.0.4:1; c udp \"x\"",
             1);
    rig_see_some(&r, 2);
    flows_clock_stepped(r.life.flows, -1000 * second);
    rig_see_some(&r, 3); /* the last one is of before, and came late: it moves nothing */
    flows_advance(r.life.flows, 1189 * second);
    check_news(&r, "");
    flows_advance(r.life.flows, 1192 * second); /* of 2010, which is 1010 */
    check_news(&r, "flow 1 end, ");
    flows_advance(r.life.flows, 1202 * second);
    check_news(&r, "flow 1 end, flow 0 end, ");
    flows_advance(r.life.flows,
                  1212 * second); /* the late one has waited as long as the one before it */
    check_news(&r, "flow 1 end, flow 0 end, flow 2 end, flow 3 end, ");
    flows_clock_stepped(r.life.flows, 1000 * second); /* set right: nothing is as old by that */
    rig_release(&r);
}

/* Set back, and then right again: what has been quiet for a minute has been quiet for a minute. */
static void a_clock_that_is_set_right_again_times_out_nothing(void)
{
    const int64_t second = 1000000000;
    struct rig r;

    rig_init(&r,
             "at 2000; client 10.0.0.1:1; c udp \"x\"; at 1030; client 10.0.0.2:1; c udp \"x\"\n"
             "at 2060; client 10.0.0.3:1; c udp \"x\"",
             1);
    rig_see(&r);
    flows_clock_stepped(r.life.flows, -1000 * second);
    rig_see(&r);
    flows_clock_stepped(r.life.flows, 1000 * second);
    rig_see(&r);
    check_news(&r, "");
    flows_advance(r.life.flows, 2181 * second);
    check_news(&r, "flow 0 end, ");
    rig_release(&r);
}

static void many_new_flows_are_told_of_in_time(void)
{
    enum { COUNT = 5000 };
    struct rig r;
    char *script = malloc(COUNT * 48), *to = script;
    unsigned told_of = 0;

    for (int i = 0; i < COUNT; i++)
        to += sprintf(to, "client 10.0.%d.%d:1000; c SYN\n", i / 250, i % 250);
    rig_init(&r, script, 1);
    CU_ASSERT_FATAL(flows_watch(r.life.flows));
    rig_see_some(&r, COUNT);
    flows_tell_news(r.life.flows);
    for (const char *at = text_read(&r.sink.calls); (at = strstr(at, "news")) != NULL; at++)
        told_of++;
    CU_ASSERT_EQUAL(told_of, COUNT);
    CU_ASSERT_STRING_EQUAL(text_read(&r.sink.broken), "");
    rig_release(&r);
    free(script);
}

static const struct test tests[] = {
    {"nothing is told before the batch is full", nothing_is_told_before_the_batch_is_full},
    {"a batch of one waits for nobody", a_batch_of_one_waits_for_nobody},
    {"a clock that is set back times out all the same",
     a_clock_that_is_set_back_times_out_all_the_same},
    {"a clock that is set right again times out nothing",
     a_clock_that_is_set_right_again_times_out_nothing},
    {"an odd frame is told after those that wait", an_odd_frame_is_told_after_those_that_wait},
    {"a fragment is not made whole before those that wait",
     a_fragment_is_not_made_whole_before_those_that_wait},
    {"a frame that the filter refuses disturbs nobody",
     a_frame_that_the_filter_refuses_disturbs_nobody},
    {"every batch tells the same", every_batch_tells_the_same},
    {"flows are told of while they live", flows_are_told_of_while_they_live},
    {"the clock goes on without packets", the_clock_goes_on_without_packets},
    {"many new flows are told of in time", many_new_flows_are_told_of_in_time},
};

SUITE("life", tests)
