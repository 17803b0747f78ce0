/* pieces.c - an arrival as one record, or as one for each fragment that it came in. */
#include "store/writer.h"

#include <string.h>

static bool came_in_pieces(const struct arrival *a)
{
    return a->packet->piece_count > 0 && a->bytes.len > 0;
}

uint32_t pieces_count(const struct arrival *a)
{
    return came_in_pieces(a) ? a->packet->piece_count : 1;
}

/* The whole of it, as brought by `frame`, which may lie nowhere: of a live run that keeps no frames, or has not kept
 * this one. */
static void describe(struct arrival_record *record, const struct arrival *a,
                     const struct frame *frame)
{
    *record = (struct arrival_record){.position = a->position,
                                      .length = a->len,
                                      .captured = (uint32_t)a->bytes.len,
                                      .evidence_id = frame->evidence_id,
                                      .frame = frame->number,
                                      .offset = frame->offset ? a->packet->payload_offset : 0,
                                      .time_ns = frame->time_ns};
}

/* What fragment `index` brought of the arrival's bytes; false when nothing. */
bool pieces_at(struct arrival_record *record, const struct arrival *a, uint32_t index)
{
    const struct packet *packet = a->packet;

    if (!came_in_pieces(a)) {
        describe(record, a, packet->frame);
        if (a->bytes.len > 0)
            record->offset =
                offset_after(record->offset, (uint64_t)(a->bytes.data - packet->payload.data));
        return true;
    }
    const struct piece *piece = &packet->pieces[index];
    uint64_t first = (uint64_t)(a->bytes.data - packet->whole.data); /* of the arrival */
    uint64_t begin = piece->start > first ? piece->start : first;
    uint64_t end = (uint64_t)piece->start + piece->wire_len;
    uint64_t captured_end = (uint64_t)piece->start + piece->len;
    if (end > first + a->len)
        end = first + a->len;
    if (captured_end > first + a->bytes.len)
        captured_end = first + a->bytes.len;
    if (begin >= end)
        return false;
    describe(record, a, &packet->frames[piece->frame]);
    record->position += (int64_t)(begin - first);
    record->length = (uint32_t)(end - begin);
    record->captured = captured_end > begin ? (uint32_t)(captured_end - begin) : 0;
    record->offset =
        packet->frames[piece->frame].offset ? offset_after(piece->offset, begin - piece->start) : 0;
    return true;
}

bool pieces_placed(const struct store *s, const struct arrival *a)
{
    struct arrival_record record;

    if (!came_in_pieces(a)) /* and so none came in an earlier slice */
        return a->packet->frame->offset != 0;
    for (uint32_t i = 0; i < pieces_count(a); i++)
        if (pieces_at(&record, a, i) && record.captured > 0 &&
            (record.offset == 0 || record.evidence_id < s->live.first_evidence_id))
            return false;
    return true;
}

struct owner owners_of(const struct arrival *a, int64_t position)
{
    struct arrival_record record;

    for (uint32_t i = 0; i < pieces_count(a); i++)
        if (pieces_at(&record, a, i) && position >= record.position &&
            position - record.position < record.length)
            return (struct owner){record.evidence_id, record.frame};
    return (struct owner){a->packet->frame->evidence_id, a->packet->frame->number};
}

int64_t owners_end(const struct arrival *a, int64_t position)
{
    struct arrival_record record;

    for (uint32_t i = 0; i < pieces_count(a); i++)
        if (pieces_at(&record, a, i) && position >= record.position &&
            position - record.position < record.length)
            return record.position + record.length;
    return a->position + (int64_t)a->bytes.len;
}
