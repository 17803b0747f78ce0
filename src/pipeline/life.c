/* life.c - the life of a packet.
 *
 *     capture -> filter -> dissect -> defragment -> unpack -> flow -> stream -> store
 *
 * A frame cannot fail: it gets a verdict. What its packet brings goes to the sink, by way of its
 * flow. */
#include "pipeline/life.h"

#include "dissect/dissect.h"

#include <assert.h>

_Static_assert(ODDITY_MALFORMED - ODDITY_TRUNCATED == VERDICT_MALFORMED - VERDICT_TRUNCATED &&
                   ODDITY_BAD_IP_CHECKSUM - ODDITY_TRUNCATED ==
                       VERDICT_BAD_CHECKSUM - VERDICT_TRUNCATED &&
                   ODDITY_FRAGMENT_OVERLAP - ODDITY_TRUNCATED ==
                       VERDICT_OVERLAP - VERDICT_TRUNCATED,
               "odd verdicts and their oddities stand in one order");

static enum verdict judge(const struct life *life, const struct frame *frame, struct packet *packet)
{
    if (life->filter && !filter_accepts(life->filter, frame))
        return VERDICT_FILTERED;
    enum verdict verdict = dissect(frame, packet);
    if (verdict == VERDICT_FRAGMENT)
        verdict = defrag_push(life->defrag, packet); /* whole again, or still waiting */
    if (verdict == VERDICT_OTHER_TRANSPORT && packet->compressed) {
        verdict = unpacker_open(life->unpacker, packet);
        if (verdict == VERDICT_FRAGMENT)
            verdict = defrag_push(life->defrag, packet);
    }
    if (verdict == VERDICT_BAD_CHECKSUM && packet->transport != 0) {
        /* Some captures have no right one at all: its flow judges, as of any other checksum. */
        packet->checksum = CHECKSUM_WRONG;
        verdict = VERDICT_OK;
    }
    return verdict;
}

void see_frame(const struct life *life, struct verdict_counts *seen, const struct frame *frame)
{
    struct packet packet;
    enum verdict verdict = judge(life, frame, &packet);

    seen->frames[verdict]++;
    seen->bytes[verdict] += frame->bytes.len;
    if (verdict >= VERDICT_TRUNCATED) { /* evidence, not an error */
        enum oddity kind = (enum oddity)(verdict - VERDICT_TRUNCATED) + ODDITY_TRUNCATED;
        life->sink->oddity(life->sink, NULL, frame, kind, NULL);
    }
    if (verdict == VERDICT_OK && packet.aggregate)
        life->sink->oddity(life->sink, NULL, frame, ODDITY_AGGREGATE, NULL);
    if (verdict == VERDICT_OK) {
        struct flow_lookup look;
        flows_look(life->flows, &look, &packet);
        flows_packet(life->flows, &packet,
                     &look); /* its flow puts it in order, and tells the sink */
    }
}
