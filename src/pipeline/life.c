/* life.c - the life of a packet.
 *
 *     capture -> filter -> dissect -> defragment -> unpack -> flow -> stream -> store
 *
 * A frame cannot fail: it gets a verdict. What its packet brings goes to the sink, by way of its
 * flow. Among very many flows that one is nowhere near the processor: so those before the flow are taken with
 * some frames in advance, and the flows of all of them asked for together. */
#include "pipeline/life.h"

#include "dissect/dissect.h"

#include <assert.h>

_Static_assert(ODDITY_MALFORMED - ODDITY_TRUNCATED == VERDICT_MALFORMED - VERDICT_TRUNCATED &&
                   ODDITY_BAD_IP_CHECKSUM - ODDITY_TRUNCATED ==
                       VERDICT_BAD_CHECKSUM - VERDICT_TRUNCATED &&
                   ODDITY_FRAGMENT_OVERLAP - ODDITY_TRUNCATED ==
                       VERDICT_OVERLAP - VERDICT_TRUNCATED,
               "odd verdicts and their oddities stand in one order");

enum status life_choose_key(unsigned *place_parts, const char *words, struct error *err)
{
    *place_parts = PLACE_DEFAULT;
    if (!words || place_parts_read(place_parts, words))
        return STATUS_OK;
    return error_set(err,
                     "--key takes none, or some of tunnel, vlan and interface with commas between "
                     "them, not '%.60s'",
                     words);
}

static void tell_carried(void *flows, const struct packet *packet)
{
    flows_carriers(flows, packet);
}

enum status life_open(struct life *life, struct sink *sink, const struct life_options *options,
                      struct error *err)
{
    const char *name = options->fragment_policy;
    const struct policy *policy = name ? fragment_policy_find(name) : fragment_policy_at(0);

    life->sink = sink;
    life->waiting_count = 0;
    life->defrag = defrag_new(sink, options->memory, policy, options->place_parts);
    life->flows = flows_new(sink, 8 * options->memory, options->timeouts, options->place_parts);
    life->unpacker = unpacker_new();
    if (life->defrag && life->flows && life->unpacker) {
        defrag_tell_carried(life->defrag, tell_carried, life->flows);
        return STATUS_OK;
    }
    life_close(life);
    return error_no_memory(err, "no memory for the flow table");
}

void life_close(struct life *life)
{
    life->waiting_count = 0; /* of a run that has failed */
    defrag_free(life->defrag);
    flows_free(life->flows);
    unpacker_free(life->unpacker);
    life->unpacker = NULL;
    life->defrag = NULL;
    life->flows = NULL;
}

void life_catch_up(struct life *life)
{
    const unsigned count = life->waiting_count;

    for (unsigned step = 1; step < FLOWS_PREFETCH_STEPS && count > 1; step++) {
        for (unsigned i = 0; i < count; i++)
            flows_prefetch(life->flows, &life->waiting[i].look, step);
    }
    for (unsigned i = 0; i < count; i++)
        flows_packet(life->flows, &life->waiting[i].packet, &life->waiting[i].look);
    life->waiting_count = 0;
}

/* Fragments and what came compressed, which others look at, and whose bytes are theirs then. */
static enum verdict make_whole(const struct life *life, struct packet *packet, enum verdict verdict)
{
    if (verdict == VERDICT_FRAGMENT)
        verdict = defrag_push(life->defrag, packet); /* whole again, or still waiting */
    if (verdict == VERDICT_OTHER_TRANSPORT && packet->compressed) {
        verdict = unpacker_open(life->unpacker, packet);
        if (verdict == VERDICT_FRAGMENT)
            verdict = defrag_push(life->defrag, packet);
    }
    return verdict;
}

/* What becomes of a packet as dissection left it. *at_once where it cannot wait: the others have been taken on then. */
static enum verdict judge_packet(struct life *life, struct packet *packet, enum verdict verdict,
                                 bool *at_once)
{
    *at_once = false;
    if (packet->carrier_count > 0) { /* several flows */
        life_catch_up(life);
        *at_once = true;
    }
    if (verdict == VERDICT_FRAGMENT || (verdict == VERDICT_OTHER_TRANSPORT && packet->compressed)) {
        life_catch_up(life);
        verdict = make_whole(life, packet, verdict);
        *at_once = true;
    }
    if (verdict == VERDICT_BAD_CHECKSUM && packet->transport != 0) {
        /* Some captures have no right one at all: its flow judges, as of any other checksum. */
        packet->checksum = CHECKSUM_WRONG;
        verdict = VERDICT_OK;
    }
    return verdict;
}

/* What is said of a frame beside what its packet brings. */
static void tell_odd(struct life *life, const struct waiting *w, enum verdict verdict)
{
    enum oddity kind = ODDITY_AGGREGATE;

    if (verdict >= VERDICT_TRUNCATED) /* evidence, not an error */
        kind = (enum oddity)(verdict - VERDICT_TRUNCATED) + ODDITY_TRUNCATED;
    life_catch_up(life);
    life->sink->oddity(life->sink, NULL, &w->frame, kind, NULL);
}

/* Each packet of an aggregate for itself. The frame has the verdict of the one that came furthest. */
static enum verdict see_aggregate(struct life *life, struct waiting *w, enum verdict verdict)
{
    struct packet *packet = &w->packet;
    enum verdict best = VERDICT_COUNT;
    bool at_once;

    life_catch_up(life);
    for (unsigned count = 1;; count++) {
        const uint32_t next = packet->next_part;
        /* The fragment that makes a datagram whole becomes that: what is said here is of the frame. */
        bool unread = packet->unread || (next > 0 && count == LIFE_PARTS_MOST);
        verdict = judge_packet(life, packet, verdict, &at_once);
        packet->aggregate = true;
        if (verdict >= VERDICT_TRUNCATED)
            tell_odd(life, w, verdict);
        if (unread || (verdict == VERDICT_OK && packet->unread))
            tell_odd(life, w, VERDICT_OK);
        if (verdict == VERDICT_OK) {
            flows_look(life->flows, &w->look, packet);
            flows_packet(life->flows, packet, &w->look);
        }
        if (verdict < best)
            best = verdict;
        if (next == 0 || count == LIFE_PARTS_MOST)
            return best;
        verdict = dissect_part(&w->frame, packet, next);
    }
}

static void count_verdict(struct verdict_counts *seen, const struct waiting *w,
                          enum verdict verdict)
{
    seen->frames[verdict]++;
    seen->bytes[verdict] += w->frame.bytes.len;
}

/* Takes the packet to its flow, as soon as others wait no longer. */
static void wait_for_others(struct life *life)
{
    if (++life->waiting_count >= life->batch)
        life_catch_up(life);
}

/* Any frame but the plain ones. */
__attribute__((noinline)) static void see_rare(struct life *life, struct verdict_counts *seen,
                                               struct waiting *w, enum verdict verdict)
{
    bool at_once;

    if (w->packet.aggregate) {
        count_verdict(seen, w, see_aggregate(life, w, verdict));
        return;
    }
    verdict = judge_packet(life, &w->packet, verdict, &at_once);
    count_verdict(seen, w, verdict);
    if (verdict >= VERDICT_TRUNCATED || (verdict == VERDICT_OK && w->packet.unread)) {
        tell_odd(life, w, verdict);
        at_once = true;
    }
    if (verdict != VERDICT_OK)
        return;
    flows_look(life->flows, &w->look, &w->packet);
    if (at_once)
        flows_packet(life->flows, &w->packet,
                     &w->look); /* it puts it in order, and tells the sink */
    else
        wait_for_others(life);
}

void see_frame(struct life *life, struct verdict_counts *seen, const struct frame *frame)
{
    struct waiting *w = &life->waiting[life->waiting_count];

    w->frame = *frame;
    if (life->filter && !filter_accepts(life->filter, &w->frame)) {
        count_verdict(seen, w, VERDICT_FILTERED);
        return;
    }
    enum verdict verdict = dissect(&w->frame, &w->packet);
    if (verdict != VERDICT_OK || w->packet.aggregate || w->packet.carrier_count > 0) {
        see_rare(life, seen, w, verdict);
        return;
    }
    count_verdict(seen, w, VERDICT_OK); /* as nearly always */
    flows_look(life->flows, &w->look, &w->packet);
    wait_for_others(life);
}
