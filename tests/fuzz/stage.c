/* stage.c - plays frames as the pipeline does, without a store. */
#include "fuzz/stage.h"

#include "fuzz/fuzz.h"
#include "pipeline/life.h"
#include "unit/picture_sink.h"

#include <stdlib.h>
#include <string.h>

enum { IPV4_LEN = 20, IPV4_PROTOCOL = 9, PROTOCOL_GRE = 47 };
enum { LINK_RAW = 101, FRAGMENT_MEMORY = 4000, MEMORY_AMPLE = 1 << 20 };

struct stage {
    struct picture_sink sink;
    struct life life;
    struct verdict_counts seen;
    struct frame frame;
    size_t memory;
    char *client; /* once it has ended */
};

static void tell_carried(void *flows, const struct packet *packet)
{
    flows_carriers(flows, packet);
}

struct stage *stage_new(size_t memory, bool live_timeouts)
{
    struct stage *s = fuzz_must(calloc(1, sizeof *s));
    picture_sink_init(&s->sink);
    s->sink.is_tight = memory < MEMORY_AMPLE;
    s->memory = memory;
    s->frame = (struct frame){.link_type = LINK_RAW, .evidence_id = 1, .offset = 24};
    s->life.sink = &s->sink.sink;
    s->life.defrag =
        fuzz_must(defrag_new(s->life.sink, FRAGMENT_MEMORY, fragment_policy_at(0), PLACE_DEFAULT));
    s->life.unpacker = fuzz_must(unpacker_new());
    s->life.flows = fuzz_must(
        flows_new(s->life.sink, memory,
                  live_timeouts ? &flow_timeouts_live : &flow_timeouts_offline, PLACE_DEFAULT));
    defrag_tell_carried(s->life.defrag, tell_carried, s->life.flows);
    return s;
}

void stage_frame(void *stage, const uint8_t *bytes, size_t len, uint32_t wire_len, int64_t time_ns)
{
    struct stage *s = stage;
    /* In memory of its own, so that whoever reads the bytes later is found out. */
    uint8_t *copy = fuzz_must(malloc(len > 0 ? len : 1));
    if (len > 0)
        memcpy(copy, bytes, len);
    if (len >= IPV4_LEN && copy[0] >> 4 == 4 && copy[IPV4_PROTOCOL] == PROTOCOL_GRE)
        s->sink.has_aggregates = true; /* as the player makes these */
    s->frame.bytes = span_of(copy, len);
    s->frame.wire_len = wire_len;
    s->frame.time_ns = time_ns;
    s->frame.number++;
    s->frame.offset += 16;
    see_frame(&s->life, &s->seen, &s->frame);
    s->frame.offset += len;
    free(copy);
}

void stage_end(struct stage *s)
{
    uint64_t frames = 0;

    defrag_end(s->life.defrag);
    flows_end_all(s->life.flows);
    picture_sink_finish(&s->sink);
    for (size_t i = 0; i < VERDICT_COUNT; i++)
        frames += s->seen.frames[i];
    FUZZ_HOLDS(frames == s->frame.number, "the verdicts do not add up to the frames");
    FUZZ_HOLDS(flows_count(s->life.flows) == 0, "a flow is left over");
    FUZZ_HOLDS(flows_memory_peak(s->life.flows) <= s->memory, "the flow table took %zu bytes",
               flows_memory_peak(s->life.flows));
    const char *broken = text_read(&s->sink.broken);
    FUZZ_HOLDS(!*broken, "what is told breaks its promise:\n%s%s", text_read(&s->sink.calls),
               broken);
    s->client = picture_sink_draw(&s->sink, DRAWING_CLIENT);
}

const char *stage_client(const struct stage *s)
{
    return s->client;
}

const char *stage_conflicts(struct stage *s)
{
    return text_read(&s->sink.conflicts);
}

const char *stage_refused(struct stage *s)
{
    return text_read(&s->sink.refused);
}

const char *stage_oddities(struct stage *s)
{
    return text_read(&s->sink.oddities);
}

const char *stage_calls(struct stage *s)
{
    return text_read(&s->sink.calls);
}

bool stage_client_at(const struct stage *s, int64_t position, uint8_t *byte, size_t *owner)
{
    return picture_sink_at(&s->sink, 0, SIDE_CLIENT, position, byte, owner);
}

void stage_free(struct stage *s)
{
    defrag_free(s->life.defrag);
    unpacker_free(s->life.unpacker);
    flows_free(s->life.flows);
    picture_sink_release(&s->sink);
    free(s->client);
    free(s);
}
