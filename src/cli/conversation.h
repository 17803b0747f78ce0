/* conversation.h - both streams of a flow, as they were heard: in turns, by when each byte arrived.
 *
 *     client   GET / ...            GET /a ...
 *     server             200 OK ...            200 OK ...
 *              ──────────────────────────────────────────► arrival
 *
 * The bytes come from the streams, front to end, so each is told once and in order. When they are
 * told is decided by the arrivals: a position is due when it and all before it have arrived, and a
 * gap when something behind it has. What no arrival explains comes at the end, the client first.
 *
 * Memory is bounded whatever the length of the streams: one chunk a side, and the ranges that
 * arrived ahead of a hole, of which at most CONVERSATION_AHEAD are kept a side. Past that the first
 * hole is no longer waited for: its bytes are then told a little earlier than they arrived. */
#ifndef SEINE_CLI_CONVERSATION_H
#define SEINE_CLI_CONVERSATION_H

#include "base/error.h"
#include "store/view.h"

#include <stdint.h>

enum { CONVERSATION_AHEAD = 4096 };

enum said_by { BY_CLIENT, BY_SERVER, SIDE_COUNT };

struct conversation;

/* The streams to tell, by side; a negative id leaves a side out. With one side alone the arrivals
 * are not needed, and not read. `policy` NULL: each stream as its own policy has it. */
enum status conversation_open(struct conversation **conversation, struct reader *reader,
                              const int64_t stream_ids[SIDE_COUNT], const struct policy *policy,
                              struct error *err);

/* The next run of bytes, or gap, and who said it. The piece dies at the next call. STATUS_OK,
 * STATUS_END, STATUS_FAILED. */
enum status conversation_next(struct conversation *conversation, enum said_by *by,
                              struct stream_piece *piece, struct error *err);

void conversation_close(struct conversation *conversation); /* NULL is allowed */

/* What arrived ahead of a hole: ranges in order that neither meet nor touch. For conversation.c and
 * its tests. */
struct ahead {
    struct ahead_range {
        int64_t start, end;
    } * ranges; /* room for CONVERSATION_AHEAD, borrowed */
    size_t count;
};

/* Adds a range; false, with nothing changed, when there is no room for one more. */
bool ahead_add(struct ahead *a, int64_t start, int64_t end);

/* Moves `frontier` over the ranges that begin at or before it, and forgets them. */
int64_t ahead_reach(struct ahead *a, int64_t frontier);

#endif
