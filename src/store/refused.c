/* refused.c - segments that are not in the stream: their rows, and how some come into it after all.
 *
 * When bytes that came in refused segments only are believed (doubt.c), they are taken from the
 * rows of `refused`, the first first, and kept as if they arrived now, provisionally. What was taken is
 * no longer refused: its row keeps the bytes before and behind it, and is removed when there are none.
 *
 *     row             [front|taken|back]
 *     the rows then   [front]     [back]      `back` is the row that was
 *
 * A segment that segmentation offload left whole may be longer than any on the wire: it is several rows
 * then, of SEGMENT_MOST bytes. */
#include "store/writer.h"

enum { SEGMENT_MOST = 65535 }; /* bytes of a row */

/* One row, of `len` bytes on the wire from byte `at` of the arrival on. */
static void write_part(struct store *s, struct kept_flow *k, const struct arrival *a, uint32_t at,
                       uint32_t len)
{
    struct owner by = owners_of(a, a->position);
    struct arrival_record place;
    bool in_one_piece = a->packet->piece_count == 0 && pieces_at(&place, a, 0);
    struct row *row = insert_begin(&s->insert, INSERT_REFUSED);
    put_int(row, 1, keep_stream_id(s, k, a->side));
    put_int(row, 2, a->position + at);
    put_int(row, 3, len);
    put_int(row, 4, by.evidence_id);
    put_count(row, 5, by.frame);
    put_text(row, 6, refusal_name(a->refused));
    put_blob(row, 7, span_first(span_after(a->bytes, at), len));
    if (in_one_piece)
        put_count(row, 8, offset_after(place.offset, at));
    else
        put_null(row, 8);
    put_int(row, 9, a->packet->frame->time_ns);
    insert_end(&s->insert, row);
}

void refused_write(struct store *s, struct kept_flow *k, const struct arrival *a)
{
    uint32_t at = 0;

    while (a->bytes.len - at > SEGMENT_MOST) {
        write_part(s, k, a, at, SEGMENT_MOST);
        at += SEGMENT_MOST;
    }
    write_part(s, k, a, at, a->len - at); /* with what the snap length cut */
}

/* Runs a statement on a row of which `len` bytes, from its start on, are of interest. */
static void change_row(struct store *s, enum statement how, int64_t refused_id, int64_t len)
{
    struct row *row = insert_begin(&s->insert, how);
    put_int(row, 1, refused_id);
    if (how != DELETE_REFUSED)
        put_int(row, 2, len);
    insert_end(&s->insert, row);
}

/* Takes bytes [begin, end) out of a row of `len` on the wire. Bytes are believed from the lowest position
 * up, so what lies behind the taken ones may be wanted yet, and keeps its turn among the rows. */
static void cut_row(struct store *s, int64_t refused_id, int64_t begin, int64_t end, int64_t len)
{
    if (begin > 0 && end < len)
        change_row(s, COPY_REFUSED_FRONT, refused_id, begin);
    if (end < len)
        change_row(s, CUT_REFUSED_FRONT, refused_id, end);
    else if (begin > 0)
        change_row(s, CUT_REFUSED_BACK, refused_id, begin);
    else
        change_row(s, DELETE_REFUSED, refused_id, 0);
}

/* Takes the bytes at `position`, as many as the first row that has them brings, up to `end`. Returns
 * where they end; `end` after a failure. */
static int64_t take_row(struct store *s, struct kept_flow *k, enum side side, int64_t position,
                        int64_t end)
{
    struct row *row = insert_begin(&s->insert, SELECT_REFUSED);
    put_int(row, 1, keep_stream_id(s, k, side));
    put_int(row, 2, position);
    put_int(row, 3, position - SEGMENT_MOST);
    if (!insert_next(&s->insert, row)) {
        insert_done(&s->insert, row);
        if (k->sides[side]->carried) { /* its row is in an earlier slice */
            flow_rows_missing(s, k, side, position, end - position, GAP_REFUSED, false);
            return end;
        }
        insert_fail(&s->insert, "reading %s: position %lld was refused, but has no row",
                    case_file_name(&s->file), (long long)position);
        return end;
    }
    sqlite3_stmt *found = row->statement;
    int64_t refused_id = sqlite3_column_int64(found, 0), begin = sqlite3_column_int64(found, 1);
    struct span bytes =
        span_of(sqlite3_column_blob(found, 4), (size_t)sqlite3_column_bytes(found, 4));
    int64_t len = sqlite3_column_int64(found, 7);
    size_t skipped = (size_t)(position - begin);
    bytes = span_after(bytes, skipped);
    bytes = span_first(bytes, (size_t)(end - position));
    buffer_clear(
        &s->kept_bytes); /* what is kept may become rows, beside which no statement is at work */
    if (!buffer_add(&s->kept_bytes, bytes.data, bytes.len))
        insert_no_memory(&s->insert);
    bytes = span_of(s->kept_bytes.data, s->kept_bytes.len);
    struct arrival_record record = {
        .position = position,
        .length = (uint32_t)bytes.len,
        .captured = (uint32_t)bytes.len,
        .evidence_id = (uint32_t)sqlite3_column_int64(found, 2),
        .frame = (uint64_t)sqlite3_column_int64(found, 3),
        .offset = offset_after((uint64_t)sqlite3_column_int64(found, 5), skipped),
        .time_ns = sqlite3_column_int64(found, 6),
        .fate = FATE_PROVISIONAL,
    };
    insert_done(&s->insert, row);
    if (s->insert.failed)
        return end;
    chunks_keep(s, k, side, position, bytes, record.offset != 0,
                false); /* of pieces SELECT_REFUSED gives none */
    records_add_arrival(s, k, side, &record);
    end = position + record.length;
    cut_row(s, refused_id, position - begin, end - begin, len);
    return end;
}

void refused_believe(struct store *s, struct kept_flow *k, enum side side, int64_t position,
                     int64_t len)
{
    if (!s->refused_indexed) /* indexes.sql has the same for the end */
        insert_run(&s->insert,
                   "CREATE INDEX IF NOT EXISTS refused_place ON refused (stream_id, position)");
    s->refused_indexed = true;
    for (int64_t at = position; at < position + len && !s->insert.failed;)
        at = take_row(s, k, side, at, position + len);
}
