/* relay_test.c - what passes through a relay is what was told, call for call. */
#include "pipeline/relay.h"

#include "picture_sink.h"
#include "suite.h"

#include <stdlib.h>
#include <string.h>

enum { MEMORY = 128 << 10, FLOWS = 200, LARGE = 60000 };

/* Who tells, and whom. What is told need not make sense: both pictures of it are compared. */
struct teller {
    struct sink *to;
    struct flow flows[FLOWS];
    struct frame frame;
    uint8_t bytes[LARGE];
};

static bool go_on(void *context)
{
    (void)context;
    return true;
}

static void tell_segment(struct teller *t, struct flow *flow, int64_t position, uint32_t len,
                         uint32_t pieces)
{
    struct piece several[4000];
    struct frame frames[4000];
    struct range fresh = {position, position + len};
    struct packet packet = {.frame = &t->frame,
                            .payload = span_of(t->bytes, len),
                            .payload_len = len,
                            .payload_offset = 1000};
    struct arrival arrival = {.packet = &packet,
                              .side = SIDE_CLIENT,
                              .position = position,
                              .len = len,
                              .bytes = packet.payload,
                              .fresh = &fresh,
                              .fresh_count = 1};

    if (pieces > 0) { /* so many that no batch holds the message */
        memset(several, 0, sizeof several);
        memset(frames, 0, sizeof frames);
        for (uint32_t i = 0; i < pieces; i++) {
            several[i] = (struct piece){.start = i, .len = 1, .wire_len = 1, .frame = i};
            frames[i].number = 1 + i;
        }
        packet.pieces = several;
        packet.piece_count = packet.frame_count = pieces;
        packet.frames = frames;
        packet.whole = packet.payload;
    }
    t->to->segment(t->to, flow, &arrival);
}

/* A little of everything, of many flows, and some of it longer than a batch. */
static void tell_all(struct teller *t)
{
    for (size_t i = 0; i < sizeof t->bytes; i++)
        t->bytes[i] = (uint8_t)('a' + i % 26);
    t->frame = (struct frame){.bytes = span_of(t->bytes, sizeof t->bytes), .evidence_id = 1};
    for (int i = 0; i < FLOWS; i++) {
        struct flow *f = &t->flows[i];
        memset(f, 0, sizeof *f);
        f->key.protocol = TRANSPORT_UDP;
        f->key.ip_version = 4;
        f->client_is_low = true;
        f->first_frame = (uint64_t)i + 1;
        f->first_evidence_id = 1;
        f->handshake_rtt_ns = -1;
        t->frame.number = (uint64_t)i + 1;
        t->to->frame(t->to, f, &t->frame);
        if (i % 5 == 0) {
            f->sides[0].packets = 1;
            t->to->flow_news(t->to, f);
        }
        tell_segment(t, f, 0, 1 + (uint32_t)i, 0);
        t->to->gap(t->to, f, SIDE_CLIENT, 1 + i, 10, GAP_UNKNOWN, false);
        tell_segment(t, f, 11 + i, i % 50 == 7 ? LARGE : 20, 0);
        if (i % 50 == 9)
            tell_segment(t, f, 31 + i, 4000, 4000);
        t->to->oddity(t->to, f, &t->frame, ODDITY_URGENT, NULL);
        t->to->oddity(t->to, f, &t->frame, ODDITY_CAPTURE_DAMAGED, "a sentence");
        t->to->oddity(t->to, NULL, &t->frame, ODDITY_MALFORMED, NULL);
        if (i % 3 > 0)
            t->to->flow_end(t->to, f); /* its number is another's next */
    }
    for (int i = 0; i < FLOWS; i += 3)
        t->to->flow_end(t->to, &t->flows[i]);
}

static char *told(bool relayed, bool threaded, bool lasting)
{
    struct picture_sink picture;
    struct teller *t = calloc(1, sizeof *t);

    picture_sink_init(&picture);
    const struct relay_options options = {
        .to = &picture.sink, .threaded = threaded, .memory = MEMORY, .after = go_on};
    struct relay *relay = relayed ? relay_new(&options) : NULL;
    t->to = relayed ? relay_sink(relay) : &picture.sink;
    if (relayed)
        relay_frames_last(relay, lasting);
    tell_all(t);
    if (relayed)
        relay_settle(relay);
    picture_sink_finish(&picture);
    char *drawn = picture_sink_draw(&picture, DRAWING_CLIENT);
    char *all;
    CU_ASSERT(asprintf(&all, "%s\n%s\n%s\n%s", drawn, text_read(&picture.gaps),
                       text_read(&picture.oddities), text_read(&picture.calls)) > 0);
    free(drawn);
    relay_free(relay);
    picture_sink_release(&picture);
    free(t);
    return all;
}

static void same(bool threaded, bool lasting)
{
    char *directly = told(false, false, false), *relayed = told(true, threaded, lasting);

    CU_ASSERT_STRING_EQUAL(relayed, directly);
    free(directly);
    free(relayed);
}

static void threads_change_nothing(void)
{
    same(true, true);
    same(true, false);
}

static void works_without_a_thread(void)
{
    same(false, true);
}

static bool fail(void *context)
{
    (void)context;
    return false;
}

static void says_that_the_writer_failed(void)
{
    struct picture_sink picture;
    struct frame frame = {.number = 1};

    picture_sink_init(&picture);
    for (int threaded = 0; threaded < 2; threaded++) {
        const struct relay_options options = {
            .to = &picture.sink, .threaded = threaded, .memory = MEMORY, .after = fail};
        struct relay *relay = relay_new(&options);
        struct sink *sink = relay_sink(relay);
        sink->oddity(sink, NULL, &frame, ODDITY_MALFORMED, NULL);
        relay_settle(relay);
        CU_ASSERT(relay_failed(relay));
        relay_free(relay);
    }
    picture_sink_finish(&picture);
    CU_ASSERT_STRING_EQUAL(text_read(&picture.oddities), "malformed x2");
    picture_sink_release(&picture);
}

/* What was told when each note came. */
struct notes {
    struct picture_sink picture;
    char seen[200];
};

static void hear(void *context, struct span note)
{
    struct notes *n = context;
    size_t len = strlen(n->seen), calls = 0;
    for (const char *at = text_read(&n->picture.calls); (at = strchr(at, '\n')) != NULL; at++)
        calls++;
    snprintf(n->seen + len, sizeof n->seen - len, "%.*s after %zu; ", (int)note.len,
             (const char *)note.data, calls);
}

static void a_note_comes_in_its_place(void)
{
    struct frame frame = {.number = 1};

    for (int threaded = 0; threaded < 2; threaded++) {
        struct notes notes = {.seen = ""};
        picture_sink_init(&notes.picture);
        const struct relay_options options = {.to = &notes.picture.sink,
                                              .threaded = threaded,
                                              .memory = MEMORY,
                                              .after = go_on,
                                              .note = hear,
                                              .context = &notes};
        struct relay *relay = relay_new(&options);
        struct sink *sink = relay_sink(relay);
        sink->oddity(sink, NULL, &frame, ODDITY_MALFORMED, NULL);
        relay_note(relay, "one", 3);
        sink->oddity(sink, NULL, &frame, ODDITY_TRUNCATED, NULL);
        CU_ASSERT_EQUAL(relay_place(relay), (uint64_t)threaded);
        CU_ASSERT_EQUAL(relay_told(relay), 0);
        relay_note(relay, "two", 3);
        relay_settle(relay);
        CU_ASSERT_EQUAL(relay_told(relay), (uint64_t)threaded);
        CU_ASSERT_EQUAL(relay_backlog(relay), 0);
        CU_ASSERT_STRING_EQUAL(notes.seen, "one after 1; two after 2; ");
        relay_free(relay);
        picture_sink_finish(&notes.picture);
        picture_sink_release(&notes.picture);
    }
}

static void takes_little(void)
{
    CU_ASSERT(relay_memory(8 << 20) <= (8 << 20) / 32);
    CU_ASSERT(relay_memory(256 << 20) <= (256 << 20) / 64);
    CU_ASSERT(relay_numbers_memory(256 << 20) <= (256 << 20) / 32);
}

static const struct test tests[] = {
    {"a thread changes nothing of what is told", threads_change_nothing},
    {"it works without a thread", works_without_a_thread},
    {"it says that the writer has failed", says_that_the_writer_failed},
    {"a note comes in its place", a_note_comes_in_its_place},
    {"it takes a small part of the memory", takes_little},
};
SUITE("relay", tests)
