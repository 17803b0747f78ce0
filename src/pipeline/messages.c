/* messages.c - the calls of a sink, written down and told again. */
#include "pipeline/messages.h"

#include <assert.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum kind {
    TOLD_FRAME,
    TOLD_SEGMENT,
    TOLD_BELIEVE,
    TOLD_GAP,
    TOLD_ODDITY,
    TOLD_END,
    TOLD_NEWS,
    TOLD_NOTE,
};

enum { ALIGNMENT = alignof(uint64_t) }; /* 4 on some 32-bit machines */

struct message_head {
    uint32_t len;  /* with this, and the segment behind a frame; a multiple of ALIGNMENT */
    uint32_t flow; /* 0: none */
    uint8_t kind;
    uint8_t side;
    uint8_t what; /* a refusal, the cause of a gap, or an oddity */
    bool
        flag; /* of a frame: its flow is over; of a gap: at the tail; of an oddity: it has a text */
};

/* Behind it: its frame, unless it is the one told last; ranges, pieces, frames of pieces, and the bytes
 * where they are not `lasting`. */
struct segment {
    struct message_head head;
    int64_t position;
    const uint8_t *bytes; /* NULL: they are at the end of the message */
    uint64_t payload_offset;
    uint64_t payload_skip, whole_skip; /* from the payload, and from the whole, to the bytes */
    uint32_t len, bytes_len, payload_len;
    uint32_t fresh_count, taken_count, piece_count, frame_count;
    bool provisional, unaccepted;
    bool has_frame; /* of its own */
};

struct stretch { /* a gap, or what is believed */
    struct message_head head;
    int64_t position, len;
};

struct told_frame {
    struct message_head head;
    struct frame frame;
};

struct told_flow { /* its end, or news */
    struct message_head head;
    struct flow flow;
};

struct told_note { /* its bytes are behind it */
    struct message_head head;
    uint64_t len;
};

_Static_assert(sizeof(struct segment) % ALIGNMENT == 0 && sizeof(struct frame) % ALIGNMENT == 0 &&
                   sizeof(struct range) % ALIGNMENT == 0 && sizeof(struct piece) % ALIGNMENT == 0 &&
                   sizeof(struct told_frame) % ALIGNMENT == 0 &&
                   sizeof(struct told_note) % ALIGNMENT == 0 &&
                   alignof(struct message_head) <= ALIGNMENT,
               "what follows each other in a message is aligned");
_Static_assert(alignof(struct flow) <= ALIGNMENT, "and so is a flow");

void messages_clear(struct messages *m)
{
    m->len = 0;
    m->frame = NULL;
    m->last = NULL;
}

/* Room for a message of `len` bytes, its head filled in; NULL when there is none. */
static void *put(struct messages *m, enum kind kind, uint32_t flow, size_t len)
{
    size_t all = (len + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

    if (all > m->room - m->len || all > UINT32_MAX)
        return NULL;
    struct message_head *head = (struct message_head *)(void *)(m->bytes + m->len);
    *head = (struct message_head){.len = (uint32_t)all, .flow = flow, .kind = (uint8_t)kind};
    m->len += all;
    m->last = NULL;
    return head;
}

bool message_put_frame(struct messages *m, uint32_t flow, const struct frame *frame, bool is_over)
{
    struct told_frame *to = put(m, TOLD_FRAME, flow, sizeof *to);

    if (!to)
        return false;
    to->head.flag = is_over;
    to->frame = *frame;
    m->frame = &to->frame;
    m->last = &to->head;
    return true;
}

static void *add(uint8_t **to, const void *from, size_t len)
{
    void *at = *to;
    if (len > 0)
        memcpy(at, from, len);
    *to += len;
    return at;
}

/* Whether the bytes lie in the frame itself, and not in what was put together of several, or unpacked. */
static bool lie_in_frame(const struct arrival *a)
{
    const struct span frame = a->packet->frame->bytes;
    return a->packet->piece_count == 0 && a->bytes.len > 0 && a->bytes.data >= frame.data &&
           a->bytes.data + a->bytes.len <= frame.data + frame.len;
}

bool message_put_segment(struct messages *m, uint32_t flow, const struct arrival *a, bool lasting)
{
    const struct packet *p = a->packet;
    const bool in_pieces = p->piece_count > 0;
    const bool points = lasting && lie_in_frame(a);
    const bool has_frame = !m->frame || m->frame->number != p->frame->number ||
                           m->frame->evidence_id != p->frame->evidence_id ||
                           /* As a fragment it was told without its bytes. */
                           (!in_pieces && m->frame->bytes.data != p->frame->bytes.data);
    const uint32_t pieces = in_pieces ? p->piece_count : 0;
    const uint32_t frames = in_pieces ? p->frame_count : 0;
    struct message_head *before = m->last;
    size_t len = sizeof(struct segment) + (has_frame ? sizeof(struct frame) : 0) +
                 ((size_t)a->fresh_count + a->taken_count) * sizeof(struct range) +
                 pieces * sizeof(struct piece) + frames * sizeof(struct frame) +
                 (points ? 0 : a->bytes.len);
    struct segment *to = put(m, TOLD_SEGMENT, flow, len);

    if (!to)
        return false;
    if (before && before->flow == flow && !has_frame) /* one message with its frame */
        before->len += to->head.len;
    to->head.side = (uint8_t)a->side;
    to->head.what = (uint8_t)a->refused;
    to->position = a->position;
    to->bytes = points ? a->bytes.data : NULL;
    to->payload_offset = p->payload_offset;
    to->payload_skip = a->bytes.len > 0 ? (uint64_t)(a->bytes.data - p->payload.data) : 0;
    to->whole_skip = in_pieces && a->bytes.len > 0 ? (uint64_t)(a->bytes.data - p->whole.data) : 0;
    to->len = a->len;
    to->bytes_len = (uint32_t)a->bytes.len;
    to->payload_len = (uint32_t)p->payload.len;
    to->fresh_count = a->fresh_count;
    to->taken_count = a->taken_count;
    to->piece_count = pieces;
    to->frame_count = frames;
    to->provisional = a->provisional;
    to->unaccepted = a->unaccepted;
    to->has_frame = has_frame;

    uint8_t *end = (uint8_t *)(to + 1);
    if (has_frame)
        m->frame = add(&end, p->frame, sizeof *p->frame);
    add(&end, a->fresh, a->fresh_count * sizeof *a->fresh);
    add(&end, a->taken, a->taken_count * sizeof *a->taken);
    add(&end, p->pieces, pieces * sizeof *p->pieces);
    add(&end, p->frames, frames * sizeof *p->frames);
    if (!points)
        add(&end, a->bytes.data, a->bytes.len);
    return true;
}

static bool put_stretch(struct messages *m, enum kind kind, uint32_t flow, enum side side,
                        int64_t position, int64_t len, enum gap_cause cause, bool tail)
{
    struct stretch *to = put(m, kind, flow, sizeof *to);

    if (!to)
        return false;
    to->head.side = (uint8_t)side;
    to->head.what = (uint8_t)cause;
    to->head.flag = tail;
    to->position = position;
    to->len = len;
    return true;
}

bool message_put_believe(struct messages *m, uint32_t flow, enum side side, int64_t position,
                         int64_t len)
{
    return put_stretch(m, TOLD_BELIEVE, flow, side, position, len, GAP_UNKNOWN, false);
}

bool message_put_gap(struct messages *m, uint32_t flow, enum side side, int64_t position,
                     int64_t len, enum gap_cause cause, bool tail)
{
    return put_stretch(m, TOLD_GAP, flow, side, position, len, cause, tail);
}

bool message_put_oddity(struct messages *m, uint32_t flow, const struct frame *frame,
                        enum oddity kind, const char *text)
{
    size_t text_len = text ? strlen(text) + 1 : 0;
    struct told_frame *to = put(m, TOLD_ODDITY, flow, sizeof *to + text_len);

    if (!to)
        return false;
    to->head.what = (uint8_t)kind;
    to->head.flag = text != NULL;
    to->frame = *frame;
    uint8_t *end = (uint8_t *)(to + 1);
    add(&end, text, text_len);
    return true;
}

static bool put_flow(struct messages *m, enum kind kind, uint32_t flow, const struct flow *of)
{
    struct told_flow *to = put(m, kind, flow, sizeof *to);

    if (!to)
        return false;
    to->flow = *of;
    return true;
}

bool message_put_end(struct messages *m, uint32_t flow, const struct flow *of)
{
    return put_flow(m, TOLD_END, flow, of);
}

bool message_put_news(struct messages *m, uint32_t flow, const struct flow *of)
{
    return put_flow(m, TOLD_NEWS, flow, of);
}

bool message_put_note(struct messages *m, const void *note, size_t len)
{
    struct told_note *to = put(m, TOLD_NOTE, 0, sizeof *to + len);

    if (!to)
        return false;
    to->len = len;
    uint8_t *end = (uint8_t *)(to + 1);
    add(&end, note, len);
    return true;
}

/* ---- told again ---- */

void **message_flows_at(struct message_flows *flows, uint32_t number)
{
    if (number >= flows->room) {
        uint32_t room = flows->room > 0 ? flows->room : 1024;
        while (room <= number) /* relay.h says what it costs */
            room += room / 4;
        void **kept = realloc(flows->kept, room * sizeof *kept);
        if (!kept)
            return NULL;
        memset(kept + flows->room, 0, (room - flows->room) * sizeof *kept);
        flows->kept = kept;
        flows->room = room;
    }
    return &flows->kept[number];
}

void message_flows_release(struct message_flows *flows)
{
    free(flows->kept);
    *flows = (struct message_flows){0};
}

/* Tells a segment; returns the frame that it came in. */
static const struct frame *tell_segment(const struct segment *from, struct flow *flow,
                                        const struct frame *last, struct sink *sink)
{
    const uint8_t *at = (const uint8_t *)(from + 1);
    struct packet packet; /* what a sink may look at is set */
    struct arrival a = {.packet = &packet,
                        .side = (enum side)from->head.side,
                        .position = from->position,
                        .len = from->len,
                        .refused = (enum refusal)from->head.what,
                        .provisional = from->provisional,
                        .unaccepted = from->unaccepted,
                        .fresh_count = from->fresh_count,
                        .taken_count = from->taken_count};

    if (from->has_frame) {
        last = (const struct frame *)(const void *)at;
        at += sizeof *last;
    }
    packet.frame = last;
    a.fresh = (const struct range *)(const void *)at;
    at += from->fresh_count * sizeof *a.fresh;
    a.taken = (const struct range *)(const void *)at;
    at += from->taken_count * sizeof *a.taken;
    packet.pieces = (const struct piece *)(const void *)at;
    at += from->piece_count * sizeof *packet.pieces;
    packet.frames = from->frame_count > 0 ? (const struct frame *)(const void *)at : NULL;
    at += from->frame_count * sizeof *packet.frames;
    a.bytes = span_of(from->bytes ? from->bytes : at, from->bytes_len);
    packet.piece_count = from->piece_count;
    packet.frame_count = from->frame_count;
    packet.payload = span_of(a.bytes.data - from->payload_skip, from->payload_len);
    packet.whole = span_of(a.bytes.data - from->whole_skip, 0);
    packet.payload_offset = from->payload_offset;
    sink->segment(sink, flow, &a);
    return last;
}

/* Looks at the messages that come soon, so that what their flows have comes from memory meanwhile: at first a place for the
 * `kept` of a flow's number, and then, as messages are told, one for each step of the sink, APART later each. */
enum { APART = 4, LOOKS = (SINK_STEPS + 1) * APART, AHEAD = 1024 /* bytes */ };
_Static_assert((LOOKS & (LOOKS - 1)) == 0, "a ring of them");

struct lookout {
    size_t at;      /* of the message that comes next */
    unsigned count; /* of those that were looked at */
    uint32_t last;  /* the flow of the one before: what follows on it need not be asked for again */
    struct {
        uint32_t flow; /* 0: none */
        bool ends;
    } seen[LOOKS]; /* a ring of the last ones */
};

static void look(struct lookout *l, const struct messages *m, const struct message_flows *flows,
                 struct sink *sink)
{
    const struct message_head *head = (const struct message_head *)(const void *)(m->bytes + l->at);
    const unsigned now = l->count++;

    l->seen[now % LOOKS].flow = 0;
    if (l->at < m->len) {
        /* the other thread has just written it, so that it is nearer to that one */
        __builtin_prefetch(m->bytes + l->at + AHEAD);
        l->at += head->len;
        const bool ends = head->kind == TOLD_END;
        const bool again = head->flow == l->last && !ends;
        l->last = head->flow;
        if (!again && head->flow > 0 && head->flow < flows->room) {
            l->seen[now % LOOKS].flow = head->flow;
            l->seen[now % LOOKS].ends = ends;
            __builtin_prefetch(&flows->kept[head->flow]);
        }
    }
    for (unsigned step = 0; step < SINK_STEPS; step++) {
        const unsigned then = (now - (step + 1) * APART) % LOOKS;
        const void *kept = flows->room > 0 ? flows->kept[l->seen[then].flow] : NULL;
        if (kept) /* nobody has the number 0 */
            sink->soon(sink, kept, (enum sink_step)step, l->seen[then].ends);
    }
}

static void lookout_begin(struct lookout *l, const struct messages *m,
                          const struct message_flows *flows, struct sink *sink)
{
    for (unsigned i = 0; i < LOOKS; i++)
        look(l, m, flows, sink);
}

bool messages_tell(struct messages *m, struct message_flows *flows,
                   const struct message_reader *reader)
{
    struct sink *sink = reader->sink;
    struct flow stand_in = {
        0}; /* but for its end and news, a sink sees only `kept` of a flow, and of a frame's
                                  whether it is over */
    const struct frame *last = NULL;
    struct lookout ahead = {0};

    if (sink->soon)
        lookout_begin(&ahead, m, flows, sink);
    for (size_t at = 0; at < m->len;) {
        struct message_head *head = (struct message_head *)(void *)(m->bytes + at);
        struct stretch *stretch = (struct stretch *)(void *)head;
        struct told_frame *told = (struct told_frame *)(void *)head;
        struct flow *flow = head->flow > 0 ? &stand_in : NULL;
        void **kept = message_flows_at(flows, head->flow);

        if (!kept)
            return false;
        if (sink->soon)
            look(&ahead, m, flows, sink);
        if (head->kind == TOLD_END || head->kind == TOLD_NEWS)
            flow = &((struct told_flow *)(void *)head)->flow;
        if (flow)
            flow->kept = *kept;
        switch ((enum kind)head->kind) {
        case TOLD_FRAME:
            last = &told->frame;
            if (flow)
                flow->state = head->flag ? FLOW_CLOSED : FLOW_ESTABLISHED;
            sink->frame(sink, flow, last);
            if (head->len > sizeof *told)
                last = tell_segment((struct segment *)(void *)(told + 1), flow, last, sink);
            break;
        case TOLD_SEGMENT:
            last = tell_segment((struct segment *)(void *)head, flow, last, sink);
            break;
        case TOLD_BELIEVE:
            sink->believe(sink, flow, (enum side)head->side, stretch->position, stretch->len);
            break;
        case TOLD_GAP:
            sink->gap(sink, flow, (enum side)head->side, stretch->position, stretch->len,
                      (enum gap_cause)head->what, head->flag);
            break;
        case TOLD_ODDITY:
            sink->oddity(sink, flow, &told->frame, (enum oddity)head->what,
                         head->flag ? (const char *)(told + 1) : NULL);
            break;
        case TOLD_END:
            sink->flow_end(sink, flow);
            break;
        case TOLD_NEWS:
            sink->flow_news(sink, flow);
            break;
        case TOLD_NOTE: {
            const struct told_note *note = (const struct told_note *)(const void *)head;
            reader->note(reader->context, span_of((const uint8_t *)(note + 1), note->len));
            break;
        }
        }
        if (flow)
            *kept = flow->kept;
        at += head->len;
    }
    return true;
}
