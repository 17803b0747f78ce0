/* scene.c - plays a script. */
#include "scene.h"

#include "craft/craft.h"
#include "dissect/dissect.h"
#include "picture_sink.h"
#include "reassembly/defrag.h"
#include "reassembly/flows.h"
#include "suite.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *or_abort(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

/* The bytes of a frame die with it, so that whoever reads them later is found out. */
static enum verdict play_frame(struct picture_sink *sink, struct defrag *defrag,
                               struct flows *flows, const struct craft_frame *f,
                               struct frame *frame)
{
    struct packet packet;
    uint8_t *bytes = or_abort(malloc(f->len + 1));

    memcpy(bytes, f->bytes, f->len);
    frame->bytes = span_of(bytes, f->len);
    frame->wire_len = f->wire_len;
    frame->time_ns = f->time_ns;
    enum verdict verdict = dissect(frame, &packet);
    if (verdict == VERDICT_BAD_CHECKSUM && packet.transport != 0) { /* its flow judges */
        packet.checksum = CHECKSUM_WRONG;
        verdict = VERDICT_OK;
    }
    if (verdict == VERDICT_FRAGMENT)
        verdict = defrag_push(defrag, &packet);
    if (verdict >= VERDICT_TRUNCATED) {
        enum oddity kind = (enum oddity)(verdict - VERDICT_TRUNCATED) + ODDITY_TRUNCATED;
        sink->sink.oddity(&sink->sink, NULL, frame, kind, NULL);
    }
    if (verdict == VERDICT_OK) {
        struct flow_lookup look;
        flows_look(flows, &look, &packet);
        flows_packet(flows, &packet, &look);
    }
    free(bytes);
    return verdict;
}

static void tell_carried(void *flows, const struct packet *packet)
{
    flows_carriers(flows, packet);
}

/* Returns the verdicts, for free(). */
static char *play(struct picture_sink *sink, const struct craft *c, const struct stage *stage,
                  size_t *peak)
{
    const struct flow_timeouts *timeouts =
        stage->timeouts ? stage->timeouts : &flow_timeouts_offline;
    size_t memory = stage->memory ? stage->memory : 16u << 20;
    size_t fragment_memory = stage->fragment_memory ? stage->fragment_memory : 1u << 20;
    const struct policy *fragment_policy = stage->fragment_policy
                                               ? fragment_policy_find(stage->fragment_policy)
                                               : fragment_policy_at(0);
    unsigned parts = PLACE_DEFAULT;
    if (stage->key && !place_parts_read(&parts, stage->key))
        abort();
    struct flows *flows = or_abort(flows_new(&sink->sink, memory, timeouts, parts));
    struct defrag *defrag =
        or_abort(defrag_new(&sink->sink, fragment_memory, fragment_policy, parts));
    defrag_tell_carried(defrag, tell_carried, flows);
    struct frame frame = {.link_type = c->link_type, .evidence_id = 1, .offset = 24};
    char *verdicts = NULL;
    size_t len;
    FILE *out = or_abort(open_memstream(&verdicts, &len));

    for (size_t i = 0; i < c->count; i++) {
        frame.number++;
        frame.offset += 16;
        enum verdict verdict = play_frame(sink, defrag, flows, &c->frames[i], &frame);
        fprintf(out, "%s%s", i > 0 ? " " : "", verdict_name(verdict));
        frame.offset += c->frames[i].len;
    }
    defrag_end(defrag);
    flows_end_all(flows);
    picture_sink_finish(sink);
    *peak = flows_memory_peak(flows);
    CU_ASSERT_EQUAL(flows_count(flows), 0);
    CU_ASSERT(*peak <= memory);
    defrag_free(defrag);
    flows_free(flows);
    fclose(out);
    return verdicts;
}

void telling_init(struct telling *t, const char *script, const struct stage *stage)
{
    static const struct stage usual;
    struct craft_error err;
    struct craft *c = craft_frames(script, &err);

    if (!c) {
        fprintf(stderr, "%s in the script\n%s\n", err.text, script);
        abort();
    }
    *t = (struct telling){.sink = or_abort(malloc(sizeof(*t->sink)))};
    picture_sink_init(t->sink);
    t->sink->is_tight = stage && stage->memory > 0;
    t->verdicts = play(t->sink, c, stage ? stage : &usual, &t->peak);
    t->client = picture_sink_draw(t->sink, DRAWING_CLIENT);
    t->server = picture_sink_draw(t->sink, DRAWING_SERVER);
    t->flows = picture_sink_draw(t->sink, DRAWING_FLOWS);
    t->counts = picture_sink_draw(t->sink, DRAWING_COUNTS);
    t->facts = picture_sink_draw(t->sink, DRAWING_FACTS);
    t->gaps = text_read(&t->sink->gaps);
    t->conflicts = text_read(&t->sink->conflicts);
    t->refused = text_read(&t->sink->refused);
    t->oddities = text_read(&t->sink->oddities);
    t->frames = text_read(&t->sink->frames);
    t->calls = text_read(&t->sink->calls);
    t->broken = text_read(&t->sink->broken);
    craft_free(c);
}

void telling_release(struct telling *t)
{
    picture_sink_release(t->sink);
    free(t->sink);
    free(t->client);
    free(t->server);
    free(t->flows);
    free(t->counts);
    free(t->facts);
    free(t->verdicts);
}

bool telling_client_at(const struct telling *t, int64_t position, uint8_t *byte, size_t *owner)
{
    return picture_sink_at(t->sink, 0, SIDE_CLIENT, position, byte, owner);
}

bool is_whole(const struct telling *t, const char *of)
{
    bool whole = *t->broken == '\0';
    if (!whole)
        printf("\n    %s: what is told breaks its promise:\n%s", of, t->broken);
    return whole;
}

/* ---- scenes ---- */

/* Where the client's and the server's sequence numbers begin. The wrap lies far off, between the
 * first bytes, at the very first one, at the SYN, and in the middle of what 31 bits can tell. */
static const uint32_t starts[][2] = {{1000, 5000},
                                     {UINT32_MAX - 2, UINT32_MAX - 4},
                                     {UINT32_MAX - 1, UINT32_MAX},
                                     {UINT32_MAX, 0},
                                     {INT32_MAX - 2u, INT32_MAX - 4u}};

static char *script_at(const char *script, uint32_t client, uint32_t server)
{
    char *at_start = NULL;
    size_t len;
    FILE *out = or_abort(open_memstream(&at_start, &len));
    fprintf(out, "isn client %" PRIu32 " server %" PRIu32 "; %s", client, server, script);
    fclose(out);
    for (char *c = at_start; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    return at_start;
}

static bool is_equal(const char *what, const char *found, const char *expected)
{
    bool equal = strcmp(found, expected) == 0;
    if (!equal)
        printf("\n    %-9s %s\n    expected  %s", what, found, expected);
    return equal;
}

/* Of a stream, "" for each flow is nothing at all. */
static const char *streams_of(const char *drawn)
{
    return drawn[strspn(drawn, " |")] ? drawn : "";
}

static const char *or_nothing(const char *expected)
{
    return expected ? expected : "";
}

static bool is_as_drawn(const struct scene *s, const struct telling *t)
{
    bool same = is_equal("client", streams_of(t->client), or_nothing(s->client));
    same &= is_equal("server", streams_of(t->server), or_nothing(s->server));
    same &= is_equal("gaps", t->gaps, or_nothing(s->gaps));
    same &= is_equal("conflicts", t->conflicts, or_nothing(s->conflicts));
    same &= is_equal("refused", t->refused, or_nothing(s->refused));
    same &= is_equal("oddities", t->oddities, or_nothing(s->oddities));
    same &= !s->flows || is_equal("flows", t->flows, s->flows);
    same &= !s->counts || is_equal("counts", t->counts, s->counts);
    same &= !s->facts || is_equal("facts", t->facts, s->facts);
    return same & is_whole(t, s->sentence);
}

void check_scenes(const struct scene *scenes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < COUNT(starts); k++) {
            char *script = script_at(scenes[i].script, starts[k][0], starts[k][1]);
            struct telling t;
            telling_init(&t, script, &scenes[i].stage);
            bool as_drawn = is_as_drawn(&scenes[i], &t);
            CU_ASSERT(as_drawn);
            if (!as_drawn)
                printf("\n    NOT SO: %s\n    %s\n", scenes[i].sentence, script);
            telling_release(&t);
            free(script);
            if (!as_drawn)
                break;
        }
    }
}
