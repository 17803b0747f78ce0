/* conversation.c - both streams of a flow, as they were heard. */
#include "cli/conversation.h"

#include <stdlib.h>
#include <string.h>

struct voice {
    struct view *pieces;       /* NULL: this side says nothing */
    struct stream_piece piece; /* the rest of it is still to be told */
    bool has_piece;
    bool begun;       /* the first piece has been seen, so that frontier means something */
    int64_t frontier; /* all before it is due */
    bool all_due;     /* no arrival is left to wait for */

    struct arrival_cursor *arrivals; /* NULL after the last */
    struct arrival_record arrival;   /* the next, when has_arrival */
    bool has_arrival;
    struct ahead ahead;
};

struct conversation {
    struct voice voices[SIDE_COUNT];
    enum said_by speaking; /* whose last arrival may have made something due */
    struct ahead_range ranges[SIDE_COUNT][CONVERSATION_AHEAD];
};

/* The first range that ends at or after `start`: the only ones before it are out of reach. */
static size_t ahead_find(const struct ahead *a, int64_t start)
{
    size_t low = 0, high = a->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (a->ranges[middle].end < start)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool ahead_add(struct ahead *a, int64_t start, int64_t end)
{
    size_t first = ahead_find(a, start), last = first;
    while (last < a->count && a->ranges[last].start <= end) { /* meets or touches */
        if (a->ranges[last].start < start)
            start = a->ranges[last].start;
        if (a->ranges[last].end > end)
            end = a->ranges[last].end;
        last++;
    }
    if (last == first && a->count == CONVERSATION_AHEAD)
        return false;
    memmove(a->ranges + first + 1, a->ranges + last, (a->count - last) * sizeof *a->ranges);
    a->ranges[first] = (struct ahead_range){start, end};
    a->count = a->count - (last - first) + 1;
    return true;
}

int64_t ahead_reach(struct ahead *a, int64_t frontier)
{
    size_t passed = 0;
    while (passed < a->count && a->ranges[passed].start <= frontier) {
        if (a->ranges[passed].end > frontier)
            frontier = a->ranges[passed].end;
        passed++;
    }
    memmove(a->ranges, a->ranges + passed, (a->count - passed) * sizeof *a->ranges);
    a->count -= passed;
    return frontier;
}

/* Makes `piece` the next one that is not told yet, unless the stream has ended. */
static enum status voice_load(struct voice *v, struct error *err)
{
    while (!v->has_piece && v->pieces) {
        enum status status = view_next(v->pieces, &v->piece, err);
        if (status == STATUS_END) {
            view_close(v->pieces);
            v->pieces = NULL;
        } else if (status != STATUS_OK) {
            return status;
        } else {
            v->has_piece = v->piece.length > 0;
        }
    }
    if (v->has_piece && !v->begun) {
        v->frontier = v->piece.position;
        v->begun = true;
    }
    return STATUS_OK;
}

static enum status voice_load_arrival(struct voice *v, struct error *err)
{
    v->has_arrival = false;
    if (!v->arrivals)
        return STATUS_OK;
    enum status status = arrival_cursor_next(v->arrivals, &v->arrival, err);
    if (status == STATUS_END) {
        arrival_cursor_close(v->arrivals);
        v->arrivals = NULL;
        return STATUS_OK;
    }
    v->has_arrival = status == STATUS_OK;
    return status;
}

/* The end of a run; a hostile case may say that it lies beyond what a number holds. */
static int64_t end_of(int64_t position, int64_t length)
{
    int64_t end;
    if (__builtin_add_overflow(position, length, &end))
        return INT64_MAX;
    return end;
}

/* Notes what the next arrival brought. What the snap length cut came as well: its gap is due. */
static void voice_hear(struct voice *v)
{
    const struct arrival_record *r = &v->arrival;
    if (r->fate >= FATE_REFUSED || r->length == 0)
        return;
    int64_t end = end_of(r->position, r->length);
    if (ahead_add(&v->ahead, r->position, end))
        return;
    v->frontier = ahead_reach(&v->ahead, v->ahead.ranges[0].start); /* wait for that hole no more */
    ahead_add(&v->ahead, r->position, end);
}

/* Moves the frontier to where what has arrived is due. */
static void voice_advance(struct voice *v)
{
    const struct stream_piece *p = &v->piece;
    v->frontier = ahead_reach(&v->ahead, v->frontier);
    if (p->position > v->frontier && v->ahead.count > 0) /* a hole that no gap explains */
        v->frontier = ahead_reach(&v->ahead, p->position);
    if (p->cause && p->position == v->frontier && v->ahead.count > 0)
        v->frontier = ahead_reach(&v->ahead, end_of(p->position, p->length));
}

/* Takes what is due off the front of the piece; false when nothing is. */
static bool voice_tell(struct voice *v, struct stream_piece *piece)
{
    if (!v->has_piece)
        return false;
    voice_advance(v);
    bool begins = v->all_due || v->piece.position < v->frontier;
    bool ends = v->all_due || end_of(v->piece.position, v->piece.length) <= v->frontier;
    if (!begins)
        return false;
    *piece = v->piece;
    if (ends || v->piece.cause) { /* a gap is one thing */
        v->has_piece = false;
        return true;
    }
    int64_t due = v->frontier - v->piece.position;
    piece->length = due;
    piece->bytes = span_first(v->piece.bytes, (size_t)due);
    v->piece.position += due;
    v->piece.length -= due;
    v->piece.bytes = span_after(v->piece.bytes, (size_t)due);
    return true;
}

/* Whether `a` arrived before `b`: by frame in one capture, by time between captures. */
static bool arrived_before(const struct arrival_record *a, const struct arrival_record *b)
{
    if (a->evidence_id == b->evidence_id)
        return a->frame < b->frame;
    return a->time_ns < b->time_ns;
}

/* Goes on to whoever has something due next: hears the next arrival of either side or, when none is
 * left, lets the rest of the client's stream be due, then of the server's. STATUS_END when all is
 * told. */
static enum status hear(struct conversation *c, struct error *err)
{
    struct voice *client = &c->voices[BY_CLIENT], *server = &c->voices[BY_SERVER];
    if (client->has_arrival || server->has_arrival) {
        bool is_server =
            !client->has_arrival ||
            (server->has_arrival && arrived_before(&server->arrival, &client->arrival));
        c->speaking = is_server ? BY_SERVER : BY_CLIENT;
        voice_hear(&c->voices[c->speaking]);
        return voice_load_arrival(&c->voices[c->speaking], err);
    }
    for (int side = 0; side < SIDE_COUNT; side++) {
        struct voice *v = &c->voices[side];
        if (!v->all_due) {
            v->all_due = true;
            c->speaking = (enum said_by)side;
            return STATUS_OK;
        }
    }
    return STATUS_END;
}

enum status conversation_next(struct conversation *c, enum said_by *by, struct stream_piece *piece,
                              struct error *err)
{
    for (;;) {
        struct voice *v = &c->voices[c->speaking];
        enum status status = voice_load(v, err);
        if (status != STATUS_OK)
            return status;
        if (voice_tell(v, piece)) {
            *by = c->speaking;
            return STATUS_OK;
        }
        status = hear(c, err);
        if (status != STATUS_OK)
            return status;
    }
}

static enum status voice_open(struct voice *v, struct reader *reader, int64_t stream_id,
                              const struct policy *policy, bool needs_arrivals, struct error *err)
{
    if (stream_id < 0)
        return STATUS_OK;
    enum status status = view_open(&v->pieces, reader, stream_id, policy, err);
    if (status != STATUS_OK || !needs_arrivals)
        return status;
    status = voice_load(v, err); /* before the first arrival: the frontier is the stream's start */
    if (status == STATUS_OK)
        status = arrival_cursor_open(&v->arrivals, reader, stream_id, err);
    if (status == STATUS_OK)
        status = voice_load_arrival(v, err);
    return status;
}

enum status conversation_open(struct conversation **conversation, struct reader *reader,
                              const int64_t stream_ids[SIDE_COUNT], const struct policy *policy,
                              struct error *err)
{
    *conversation = NULL;
    struct conversation *c = calloc(1, sizeof *c);
    if (!c)
        return error_no_memory(err, "%s: no memory to follow a flow", reader_path(reader));
    bool both = stream_ids[BY_CLIENT] >= 0 && stream_ids[BY_SERVER] >= 0;
    enum status status = STATUS_OK;
    for (int side = 0; side < SIDE_COUNT && status == STATUS_OK; side++) {
        c->voices[side].ahead.ranges = c->ranges[side];
        status = voice_open(&c->voices[side], reader, stream_ids[side], policy, both, err);
    }
    if (status != STATUS_OK) {
        conversation_close(c);
        return status;
    }
    *conversation = c;
    return STATUS_OK;
}

void conversation_close(struct conversation *c)
{
    if (!c)
        return;
    for (int side = 0; side < SIDE_COUNT; side++) {
        view_close(c->voices[side].pieces);
        arrival_cursor_close(c->voices[side].arrivals);
    }
    free(c);
}
