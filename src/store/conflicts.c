/* conflicts.c - what an arrival brings that was there before: the same bytes, or others.
 *
 *     kept      AAAAAAAAAAAA
 *     arrival       AXXAAYAA         two maximal ranges that differ: two rows
 *
 * A row has at most CONFLICT_MOST bytes of each version: a frame that segmentation offload left whole may
 * be longer than any row should be.
 *
 * A position that a right segment takes over from one with a wrong checksum gets the new bytes;
 * where they differ, the row has them as kept and the old ones as other. */
#include "store/writer.h"

#include <string.h>

/* Copies what is kept of [begin, end) to s->kept_bytes. */
static bool load(struct store *s, struct kept_flow *k, enum side side, struct range range)
{
    buffer_clear(&s->kept_bytes);
    while (range.begin < range.end) {
        struct chunk_view view =
            chunks_view(s, k, side, range.begin, (size_t)(range.end - range.begin));
        if (view.bytes.len == 0)
            return false; /* after a failure */
        if (!buffer_add(&s->kept_bytes, view.bytes.data, view.bytes.len)) {
            insert_no_memory(&s->insert);
            return false;
        }
        range.begin += (int64_t)view.bytes.len;
    }
    return true;
}

static void write_row(struct store *s, struct kept_flow *k, enum side side, int64_t position,
                      struct span kept, struct owner kept_by, struct span other,
                      struct owner other_by)
{
    struct row *row = insert_begin(&s->insert, INSERT_CONFLICT);
    put_int(row, 1, keep_stream_id(s, k, side));
    put_int(row, 2, position);
    put_int(row, 3, (int64_t)kept.len);
    put_blob(row, 4, kept);
    put_int(row, 5, kept_by.evidence_id);
    put_count(row, 6, kept_by.frame);
    put_blob(row, 7, other);
    put_int(row, 8, other_by.evidence_id);
    put_count(row, 9, other_by.frame);
    insert_end(&s->insert, row);
    if (s->reference)
        reference_conflict(s, k, side, position, kept);
    struct stream_rare *rare = keep_rare(s, k->sides[side]);
    if (rare)
        rare->conflicted += kept.len;
}

/* Compares the arrival with what is kept in `range`, and writes a row for each maximal range in
 * which they differ and that one frame brought. `taken`: the arrival's bytes are to be the kept ones. */
static bool compare_piece(struct store *s, struct kept_flow *k, const struct arrival *a,
                          struct range range, bool taken)
{
    if (!load(s, k, a->side, range))
        return false;
    size_t len = (size_t)(range.end - range.begin);
    const uint8_t *kept = s->kept_bytes.data;
    const uint8_t *came = span_after(a->bytes, (size_t)(range.begin - a->position)).data;

    if (memcmp(kept, came, len) == 0) /* nearly always */
        return false;
    for (size_t at = 0; at < len;) {
        if (kept[at] == came[at]) {
            at++;
            continue;
        }
        int64_t position = range.begin + (int64_t)at;
        int64_t frame_end = owners_end(a, position) - range.begin;
        size_t most = frame_end < (int64_t)len ? (size_t)frame_end : len, end = at + 1;
        while (end < most && kept[end] != came[end])
            end++;
        struct chunk_view in = chunks_view(s, k, a->side, position, 1);
        struct owner held_by = owners_find(s, k, a->side, position, &in);
        struct owner came_by = owners_of(a, position);
        struct span held = span_of(kept + at, end - at), new = span_of(came + at, end - at);
        if (taken)
            write_row(s, k, a->side, position, new, came_by, held, held_by);
        else
            write_row(s, k, a->side, position, held, held_by, new, came_by);
        at = end;
    }
    return true;
}

static bool compare(struct store *s, struct kept_flow *k, const struct arrival *a,
                    struct range range, bool taken)
{
    bool conflict = false;

    while (range.begin < range.end) {
        struct range piece = range;
        if (piece.end - piece.begin > CONFLICT_MOST)
            piece.end = piece.begin + CONFLICT_MOST;
        conflict |= compare_piece(s, k, a, piece, taken);
        range.begin = piece.end;
    }
    return conflict;
}

/* Compares all captured positions that are neither fresh nor taken. */
bool conflicts_find(struct store *s, struct kept_flow *k, const struct arrival *a)
{
    bool conflict = false;
    int64_t at = a->position, end = a->position + (int64_t)a->bytes.len;
    uint32_t fresh = 0, taken = 0;

    while (at < end) {
        while (fresh < a->fresh_count && a->fresh[fresh].end <= at)
            fresh++;
        while (taken < a->taken_count && a->taken[taken].end <= at)
            taken++;
        const struct range *next = NULL; /* the nearest that is not to be compared */
        if (fresh < a->fresh_count)
            next = &a->fresh[fresh];
        if (taken < a->taken_count && (!next || a->taken[taken].begin < next->begin))
            next = &a->taken[taken];
        int64_t until = next && next->begin < end ? next->begin : end;
        if (at < until && compare(s, k, a, (struct range){at, until}, false))
            conflict = true;
        at = next && next->begin < end ? next->end : end;
    }
    return conflict;
}

void conflicts_take(struct store *s, struct kept_flow *k, const struct arrival *a)
{
    for (uint32_t i = 0; i < a->taken_count; i++) {
        const struct range *range = &a->taken[i];
        struct span bytes = span_first(span_after(a->bytes, (size_t)(range->begin - a->position)),
                                       (size_t)(range->end - range->begin));
        if (compare(s, k, a, *range, true))
            chunks_replace(s, k, a->side, range->begin, bytes);
        owners_take(s, k, a, range);
    }
}
