/* witness.c - whether frames brought the bytes that rows of the case say they brought. */
#include "pipeline/witness.h"

#include <stdlib.h>
#include <string.h>

enum { READ_LEN = 64 * 1024 };

struct walk {
    struct witness_claim *claims; /* by evidence, frame and position */
    size_t count;
    struct witness_claim *
        *open; /* that reach beyond the record, and room for as many as there are */
    size_t open_count;
    evidence_by_id *evidence;
    witness_bytes *bytes;
    void *context;
    uint8_t buffer[READ_LEN];
};

static int by_place(const void *left, const void *right)
{
    const struct witness_claim *a = left, *b = right;

    if (a->evidence_id != b->evidence_id)
        return a->evidence_id < b->evidence_id ? -1 : 1;
    if (a->frame != b->frame)
        return a->frame < b->frame ? -1 : 1;
    return a->position < b->position ? -1 : a->position > b->position;
}

/* The first claim that is not before this place. */
static size_t first_at(const struct walk *w, const struct arrival_record *record)
{
    const struct witness_claim place = {
        .evidence_id = record->evidence_id, .frame = record->frame, .position = record->position};
    size_t low = 0, high = w->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_place(&w->claims[middle], &place) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Compares what `record` has of a claim, from the first byte on that was not reached. */
static void ask(struct walk *w, struct witness_claim *claim, const struct arrival_record *record)
{
    struct evidence_file *file = w->evidence(w->context, record->evidence_id);
    int64_t end = record->position + record->captured;

    if (!file) {
        claim->absent = true;
        return;
    }
    if (record->offset == 0) {
        claim->unplaced = true;
        return;
    }
    struct span bytes = span_after(w->bytes(w->context, claim), claim->reached);
    while (bytes.len > 0) {
        int64_t at = claim->position + (int64_t)claim->reached;
        size_t len = bytes.len < READ_LEN ? bytes.len : READ_LEN;
        if (at >= end)
            break;
        if ((int64_t)len > end - at)
            len = (size_t)(end - at);
        if (evidence_read(file, w->buffer, len, record->offset + (uint64_t)(at - record->position),
                          NULL) != STATUS_OK)
            return;
        size_t alike = 0;
        while (alike < len && w->buffer[alike] == bytes.data[alike])
            alike++;
        claim->reached += alike;
        if (claim->reached > claim->found)
            claim->found = claim->reached;
        if (alike < len)
            return;
        bytes = span_after(bytes, len);
    }
    claim->whole = bytes.len == 0;
    claim->open = bytes.len > 0;
    if (claim->open)
        w->open[w->open_count++] = claim;
}

static void see_record(struct walk *w, const struct arrival_record *record)
{
    int64_t end = record->position + record->captured;
    size_t open_count = w->open_count;

    w->open_count = 0; /* the list is written again while it is read: never ahead of what is read */
    for (size_t i = 0; i < open_count; i++) {
        struct witness_claim *open = w->open[i];
        open->open = false;
        if (record->position == open->position + (int64_t)open->reached)
            ask(w, open, record);
    }
    for (size_t i = first_at(w, record); i < w->count; i++) {
        struct witness_claim *claim = &w->claims[i];
        if (claim->evidence_id != record->evidence_id || claim->frame != record->frame ||
            claim->position >= end)
            break;
        if (claim->whole || claim->open)
            continue;
        claim->reached = 0; /* a frame may have several packets of the stream */
        ask(w, claim, record);
    }
}

enum status witness_stream(struct witness_claim *claims, size_t count, struct reader *reader,
                           int64_t stream_id, evidence_by_id *evidence, witness_bytes *bytes,
                           void *context, struct error *err)
{
    struct arrival_cursor *cursor;
    struct arrival_record record;
    struct walk *w = malloc(sizeof *w);
    struct witness_claim **open = calloc(count, sizeof *open);

    if (!w || !open) {
        free(w);
        free(open);
        return error_no_memory(err, "no memory");
    }
    w->claims = claims;
    w->count = count;
    w->open = open;
    w->open_count = 0;
    w->evidence = evidence;
    w->bytes = bytes;
    w->context = context;
    qsort(claims, count, sizeof *claims, by_place);
    for (size_t i = 0; i < count; i++)
        claims[i].absent = !evidence(context, claims[i].evidence_id);
    enum status status = arrival_cursor_open(&cursor, reader, stream_id, err);
    if (status == STATUS_OK) {
        while ((status = arrival_cursor_next(cursor, &record, err)) == STATUS_OK)
            see_record(w, &record);
        arrival_cursor_close(cursor);
    }
    free(open);
    free(w);
    return status == STATUS_END ? STATUS_OK : status;
}
