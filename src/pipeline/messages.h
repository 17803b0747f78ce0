/* messages.h - what reassembly tells, as bytes that another thread reads: each call of a sink is a
 * message, and told again to another sink it is the same call.
 *
 *     sink call ── message_put_*() ──► [head|body][head|body]... ── messages_tell() ──► sink call
 *
 * Nearly every frame brings a segment: told right behind it, that is the same message, and looked up once.
 *
 * Where the bytes of payload outlive the call they stay where they are, and the message points to them;
 * else it carries a copy. A flow is named by a number, which the writer of the messages gives and
 * takes back; the reader has a `kept` of each number. */
#ifndef SEINE_PIPELINE_MESSAGES_H
#define SEINE_PIPELINE_MESSAGES_H

#include "reassembly/sink.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct message_head;

/* A stretch of memory that messages fill, from its beginning; aligned for any of them. */
struct messages {
    uint8_t *bytes; /* borrowed */
    size_t room, len;
    const struct frame *frame; /* told last, inside `bytes`; NULL: none */
    struct message_head
        *last; /* the message of a frame that is the last one, inside `bytes`; NULL */
};

void messages_clear(struct messages *m);

/* Each adds a message; false, with nothing added, when it does not fit. `flow` is the number of the
 * flow, 0 for none. */
bool message_put_frame(struct messages *m, uint32_t flow, const struct frame *frame, bool is_over);

/* `lasting`: the bytes of the packet's frame stay until the message has been told. */
bool message_put_segment(struct messages *m, uint32_t flow, const struct arrival *arrival,
                         bool lasting);
bool message_put_believe(struct messages *m, uint32_t flow, enum side side, int64_t position,
                         int64_t len);
bool message_put_gap(struct messages *m, uint32_t flow, enum side side, int64_t position,
                     int64_t len, enum gap_cause cause, bool tail);

bool message_put_oddity(struct messages *m, uint32_t flow, const struct frame *frame,
                        enum oddity kind, const char *text);

/* Carries a copy of the flow, for its row: its counters, its texts, not its sets of positions. */
bool message_put_end(struct messages *m, uint32_t flow, const struct flow *of);

/* The same of a flow that lives. */
bool message_put_news(struct messages *m, uint32_t flow, const struct flow *of);

/* Bytes that are for whoever reads the messages, not for its sink: told in their place in the order, and
 * aligned for any type. */
bool message_put_note(struct messages *m, const void *note, size_t len);

/* What each flow's number stands for on the reader's side. */
struct message_flows {
    void **kept; /* owned; by number */
    uint32_t room;
};

/* The place of a number's `kept`; NULL when there is no memory for it. */
void **message_flows_at(struct message_flows *flows, uint32_t number);

/* Who is told messages. */
struct message_reader {
    struct sink *sink;
    void (*note)(void *context, struct span note); /* NULL where there are none */
    void *context;
};

/* Tells all messages, in order. False when there is no memory for `flows`: none are told from there on. */
bool messages_tell(struct messages *m, struct message_flows *flows,
                   const struct message_reader *reader);
void message_flows_release(struct message_flows *flows);

#endif
