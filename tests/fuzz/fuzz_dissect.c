/* fuzz_dissect.c - any bytes as frames of any link type, and their fragments made whole.
 *
 * The input is a link type, then frames: each says how many bytes it has and how many more it had on
 * the wire. Whatever the verdict, every view that the packet has must lie inside of the frame, at
 * the offset that it says, and its lengths must agree; a second look at the frame, by the walk alone, must
 * find the same. A datagram made whole must consist of pieces in order, each of a frame that was a fragment
 * of it, whose bytes are those that the fragment had. The bytes of a frame are freed before the
 * next one comes, so that whoever kept a view of them is found out. */
#include "fuzz/fuzz.h"

#include "dissect/dissect.h"
#include "reassembly/defrag.h"
#include "same_packet.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES_MAX = 64, DEFRAG_MEMORY = 100 * 1000 };

/* Every byte of every frame, where its offset says, to compare pieces with. */
struct evidence {
    uint8_t bytes[2 * FUZZ_INPUT_MAX];
    uint64_t end;
};

static void on_oddity(struct sink *sink, struct flow *flow, const struct frame *frame,
                      enum oddity kind, const char *text)
{
    (void)sink, (void)text;
    FUZZ_HOLDS(!flow && frame->number >= 1 && frame->number <= FRAMES_MAX, "odd, but where?");
    FUZZ_HOLDS(kind < ODDITY_COUNT && oddity_name(kind), "an oddity without a name");
}

static bool is_inside(struct span view, struct span of)
{
    return view.len == 0 || (of.len > 0 && view.data >= of.data && view.len <= of.len &&
                             (size_t)(view.data - of.data) <= of.len - view.len);
}

/* Where a view that is not empty stands must be what its offset says. */
static void check_view(const struct frame *f, struct span view, uint32_t len, uint64_t offset,
                       const char *what)
{
    FUZZ_HOLDS(is_inside(view, f->bytes), "the %s lies outside of its frame", what);
    FUZZ_HOLDS(view.len <= len, "the %s has %zu bytes of %" PRIu32, what, view.len, len);
    FUZZ_HOLDS(view.len == 0 || f->offset + (uint64_t)(view.data - f->bytes.data) == offset,
               "the %s is not at its offset", what);
}

/* What a packet of any verdict may have. */
static void check_any(const struct packet *p)
{
    FUZZ_HOLDS(p->vlan_count <= PACKET_VLANS_MAX, "%u tags", (unsigned)p->vlan_count);
    FUZZ_HOLDS(p->tunnel_count <= PACKET_TUNNELS_MAX &&
                   strnlen(p->tunnel, PACKET_TUNNEL_MAX) < PACKET_TUNNEL_MAX,
               "%u tunnels", (unsigned)p->tunnel_count);
    FUZZ_HOLDS(p->ip_version == 0 || p->ip_version == 4 || p->ip_version == 6, "IP version %u",
               (unsigned)p->ip_version);
}

/* What a transport has been found in: the frame, or the datagram made whole. */
static void check_transport(const struct packet *p, struct span in)
{
    FUZZ_HOLDS(is_inside(p->headers, in) && is_inside(p->payload, in), "a view leads outside");
    FUZZ_HOLDS(is_inside(p->payload, p->ip_payload), "the payload is not in that of IP");
    FUZZ_HOLDS(p->payload.len <= p->payload_len, "%zu bytes of %" PRIu32, p->payload.len,
               p->payload_len);
    FUZZ_HOLDS(p->headers.len + p->payload_len <= p->ip_payload_len,
               "%zu and %" PRIu32 " bytes in %" PRIu32, p->headers.len, p->payload_len,
               p->ip_payload_len);
    FUZZ_HOLDS(p->checksum <= CHECKSUM_UNKNOWN, "what checksum is this?");
    FUZZ_HOLDS(p->payload.len == p->payload_len || p->checksum == CHECKSUM_UNKNOWN ||
                   p->checksum == CHECKSUM_NONE,
               "a checksum is judged without all of its bytes");
    if (p->transport == TRANSPORT_TCP) {
        struct tcp_options options;
        FUZZ_HOLDS(p->headers.len >= 20 && p->headers.len <= 60 &&
                       p->tcp.header.data == p->headers.data && p->tcp.header.len == p->headers.len,
                   "a TCP header of %zu bytes", p->headers.len);
        tcp_options(&p->tcp, &options);
        FUZZ_HOLDS(options.sack_count <= 4, "%u SACK blocks", (unsigned)options.sack_count);
        FUZZ_HOLDS(!options.has_window_scale || options.window_scale <= 14, "scale %u",
                   (unsigned)options.window_scale);
    } else if (p->transport == TRANSPORT_SCTP) {
        struct span rest = p->payload;
        size_t missing = p->payload_len - p->payload.len;
        struct sctp_chunk chunk;
        FUZZ_HOLDS(p->headers.len == SCTP_HEADER_LEN && p->sctp.header.data == p->headers.data,
                   "an SCTP header of %zu bytes", p->headers.len);
        while (sctp_chunk_next(&rest, &missing, &chunk) == SCTP_CHUNK)
            FUZZ_HOLDS(is_inside(chunk.value, p->payload) && chunk.value.len <= chunk.len &&
                           sctp_user_len(&chunk) <= chunk.len,
                       "a chunk leads outside");
    } else {
        FUZZ_HOLDS(p->headers.len == 8, "a header of %zu bytes", p->headers.len);
        FUZZ_HOLDS(p->transport == TRANSPORT_UDP ||
                       p->transport == (p->ip_version == 6 ? TRANSPORT_ICMPV6 : TRANSPORT_ICMP),
                   "transport %u", (unsigned)p->transport);
    }
    FUZZ_HOLDS(!p->quote.present ||
                   (is_inside(p->quote.transport, p->payload) && p->quote.transport.len == 8),
               "the quote lies outside of the payload");
}

static void check_whole(const struct packet *p, const struct evidence *e)
{
    uint32_t next = 0;
    FUZZ_HOLDS(p->piece_count > 0 && p->frame_count > 0, "whole, out of nothing");
    FUZZ_HOLDS(p->ip_payload_len <= UINT16_MAX, "%" PRIu32 " bytes", p->ip_payload_len);
    for (uint32_t i = 0; i < p->frame_count; i++)
        FUZZ_HOLDS(!p->frames[i].bytes.data && p->frames[i].number <= p->frame->number,
                   "frame %" PRIu64 " is no fragment", p->frames[i].number);
    FUZZ_HOLDS(p->frames[p->frame_count - 1].number == p->frame->number,
               "another frame completed it");
    for (uint32_t i = 0; i < p->piece_count; i++) {
        const struct piece *piece = &p->pieces[i];
        FUZZ_HOLDS(piece->start == next, "a piece at %" PRIu32 ", not %" PRIu32, piece->start,
                   next);
        FUZZ_HOLDS(piece->len <= piece->wire_len && piece->frame < p->frame_count,
                   "a piece that makes no sense");
        /* What the snap length cut is a hole, and nothing is offered behind it. */
        FUZZ_HOLDS(piece->len == piece->wire_len || i + 1 == p->piece_count,
                   "a hole in the pieces");
        const struct frame *from = &p->frames[piece->frame];
        FUZZ_HOLDS(
            piece->len == 0 ||
                (piece->offset >= from->offset &&
                 piece->offset + piece->len <= from->offset + from->bytes.len &&
                 memcmp(e->bytes + piece->offset, p->whole.data + piece->start, piece->len) == 0),
            "a piece is not where it says");
        next = piece->start + piece->len;
    }
    FUZZ_HOLDS(next == p->whole.len, "%" PRIu32 " bytes in pieces, %zu in all", next, p->whole.len);
    FUZZ_HOLDS(is_inside(p->ip_payload, p->whole) && p->ip_payload.len <= p->ip_payload_len,
               "the payload of IP is not in the datagram");
}

/* Frames of a tunnel over UDP that hold no packet are the datagram, which nothing of that kind carries. */
static void check_carriers(const struct packet *p, enum verdict verdict)
{
    const bool is_packet = verdict == VERDICT_OK || verdict == VERDICT_FRAGMENT ||
                           (verdict == VERDICT_BAD_CHECKSUM && p->transport != 0);

    FUZZ_HOLDS(p->carrier_count == 0 || is_packet, "%s in a carrier", verdict_name(verdict));
    FUZZ_HOLDS(p->carrier_count <= p->tunnel_count, "%u carriers of %u tunnels", p->carrier_count,
               p->tunnel_count);
    for (unsigned i = 0; i < p->carrier_count; i++)
        FUZZ_HOLDS(p->carriers[i].tunnel_count < p->tunnel_count &&
                       p->carriers[i].tunnel_len < strlen(p->tunnel) &&
                       (i == 0 || p->carriers[i - 1].tunnel_count < p->carriers[i].tunnel_count),
                   "a carrier has no place in the path");
}

/* Returns where the next packet of an aggregate begins, 0 for none. */
static uint32_t see(struct defrag *defrag, const struct frame *frame, const struct evidence *e,
                    uint32_t part_at)
{
    struct packet packet, again;
    enum verdict verdict =
        part_at > 0 ? dissect_part(frame, &packet, part_at) : dissect(frame, &packet);

    const uint32_t next = packet.aggregate ? packet.next_part : 0;
    FUZZ_HOLDS(next == 0 || next > part_at, "an aggregate without end");
    FUZZ_HOLDS(verdict < VERDICT_COUNT && verdict_name(verdict), "verdict %d", (int)verdict);
    FUZZ_HOLDS(verdict != VERDICT_FILTERED && verdict != VERDICT_OVERLAP, "not dissect's verdict");
    FUZZ_HOLDS(dissect_part(frame, &again, part_at) == verdict, "another verdict at a second look");
    const char *other = packet_difference(verdict, &packet, &again);
    FUZZ_HOLDS(!other, "another %s at a second look", other);
    FUZZ_HOLDS(packet.frame == frame && !packet.pieces && !packet.frames, "a packet without frame");
    check_any(&packet);
    check_carriers(&packet, verdict);
    if (packet.compressed)
        FUZZ_HOLDS(is_inside(packet.ip_payload, frame->bytes) && packet.ip_payload_offset == 0,
                   "what came compressed has a place");
    else if (packet.ip_payload_len > 0)
        check_view(frame, packet.ip_payload, packet.ip_payload_len, packet.ip_payload_offset,
                   "payload of IP");
    if (verdict == VERDICT_OK || (verdict == VERDICT_BAD_CHECKSUM && packet.transport != 0)) {
        check_view(frame, packet.payload, packet.payload_len, packet.payload_offset, "payload");
        check_transport(&packet, frame->bytes);
    }
    FUZZ_HOLDS((verdict == VERDICT_FRAGMENT) <= packet.fragment, "a fragment that is none");
    if (verdict != VERDICT_FRAGMENT)
        return next;
    FUZZ_HOLDS(packet.fragment_at % 8 == 0, "a fragment at %" PRIu32, packet.fragment_at);
    verdict = defrag_push(defrag, &packet);
    if (packet.pieces && verdict != VERDICT_FRAGMENT && verdict != VERDICT_OVERLAP) {
        check_whole(&packet, e);
        check_any(&packet);
        FUZZ_HOLDS(verdict != VERDICT_OK || !packet.fragment, "a fragment that is a packet");
        if (verdict == VERDICT_OK)
            check_transport(&packet, packet.ip_payload);
    } else {
        FUZZ_HOLDS(verdict == VERDICT_FRAGMENT || verdict == VERDICT_OVERLAP,
                   "verdict %s, and no datagram", verdict_name(verdict));
    }
    return next;
}

static uint32_t link_type_of(uint8_t choice)
{
    static const uint32_t known[] = {1,   0,   9,   50,  101, 108, 113, 204, 228, 229, 276, 12,
                                     14,  6,   7,   8,   10,  51,  100, 104, 105, 107, 119, 127,
                                     129, 163, 178, 179, 180, 181, 192, 239, 242, 253, 258, 226};
    size_t count = sizeof known / sizeof known[0];
    return choice < count ? known[choice] : choice == count ? 147 : known[choice % count];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct evidence evidence;
    struct fuzz_input in = {data, len};
    struct sink sink = {.oddity = on_oddity};
    struct frame frame = {.evidence_id = 1, .link_type = link_type_of(fuzz_u8(&in))};

    if (len > FUZZ_INPUT_MAX)
        return -1;
    struct defrag *defrag =
        fuzz_must(defrag_new(&sink, DEFRAG_MEMORY, fragment_policy_at(0), PLACE_DEFAULT));
    evidence.end = 1; /* offset 0 is nowhere, see offset_after() */
    while (in.len > 0 && frame.number < FRAMES_MAX) {
        uint8_t how = fuzz_u8(&in);
        size_t captured = fuzz_u16(&in);
        const uint8_t *bytes = fuzz_bytes(&in, &captured);
        uint8_t *copy = fuzz_must(malloc(captured > 0 ? captured : 1));

        if (captured > 0)
            memcpy(copy, bytes, captured);
        frame.bytes = span_of(copy, captured);
        frame.number++;
        frame.offset = evidence.end;
        frame.time_ns += how & 0x80 ? INT64_C(61000000000) : 1000;
        /* As it was on the wire: no longer, a little longer, or any length that a header says. */
        uint32_t cut = how & 0x40 ? (uint32_t)(how & 0x3f) << 10 : how & 0x3f;
        frame.wire_len = (uint32_t)captured + cut;
        if (captured > 0)
            memcpy(evidence.bytes + evidence.end, copy, captured);
        evidence.end += captured;
        uint32_t part_at = 0;
        do {
            part_at = see(defrag, &frame, &evidence, part_at);
        } while (part_at > 0);
        free(copy);
    }
    defrag_end(defrag);
    defrag_free(defrag);
    return 0;
}
