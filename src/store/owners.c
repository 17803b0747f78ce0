/* owners.c - who brought a byte that is kept.
 *
 * It is the first arrival, in order of arrival, that was not refused and has the byte; unless a
 * later one took the byte over from a segment with a wrong checksum: then it is that one, and
 * stands in temp.takeovers. Arrivals lie in parts, and a chunk knows before which part none of its
 * bytes came, so that few parts are read. */
#include "store/writer.h"

/* What is looked for, and the positions around it that are known to have the same owner. */
struct search {
    int64_t position;
    int64_t begin, end;
    struct owner owner;
};

static void narrow(struct search *search, int64_t begin, int64_t end)
{
    if (end <= search->position && end > search->begin)
        search->begin = end;
    if (begin > search->position && begin < search->end)
        search->end = begin;
}

/* Looks through one part. */
static bool search_part(struct search *search, struct span data)
{
    struct arrival_record record = {0};

    while (arrival_record_take(&data, &record)) {
        int64_t end = record.position + record.captured;
        if (record.fate >= FATE_REFUSED)
            continue;
        if (search->position < record.position || search->position >= end) {
            narrow(search, record.position, end);
            continue;
        }
        if (record.position > search->begin)
            search->begin = record.position;
        if (end < search->end)
            search->end = end;
        search->owner = (struct owner){record.evidence_id, record.frame};
        return true;
    }
    return false;
}

static bool search_rows(struct store *s, struct search *search, int64_t stream_id, uint32_t part)
{
    bool found = false;
    insert_flush_one(&s->insert, INSERT_ARRIVALS);
    struct row *row = insert_begin(&s->insert, SELECT_ARRIVALS);
    put_int(row, 1, stream_id);
    put_int(row, 2, part);
    while (!found && insert_next(&s->insert, row)) {
        int64_t low = sqlite3_column_int64(row->statement, 0),
                high = sqlite3_column_int64(row->statement, 1);
        if (search->position < low || search->position >= high) {
            narrow(search, low, high);
            continue;
        }
        const void *data = sqlite3_column_blob(row->statement, 2);
        found = search_part(search, span_of(data, (size_t)sqlite3_column_bytes(row->statement, 2)));
    }
    insert_done(&s->insert, row);
    return found;
}

/* Who took the byte over; false when nobody did. */
static bool find_takeover(struct store *s, struct owner *owner, int64_t stream_id, int64_t position)
{
    bool found = false;
    struct row *row = insert_begin(&s->insert, SELECT_TAKEOVER);
    put_int(row, 1, stream_id);
    put_int(row, 2, position);
    if (insert_next(&s->insert, row) && position < sqlite3_column_int64(row->statement, 1)) {
        owner->evidence_id = (uint32_t)sqlite3_column_int64(row->statement, 2);
        owner->frame = (uint64_t)sqlite3_column_int64(row->statement, 3);
        found = true;
    }
    insert_done(&s->insert, row);
    return found;
}

struct owner owners_find(struct store *s, struct kept_flow *k, enum side side, int64_t position,
                         const struct chunk_view *in)
{
    struct kept_stream *t = k->sides[side];
    int64_t stream_id = keep_stream_id(s, k, side);
    struct search search = {.position = position, .begin = in->begin, .end = in->end};

    if (t->taken && find_takeover(s, &search.owner, stream_id, position))
        return search.owner;
    if (s->owner.stream_id == stream_id && position >= s->owner.begin && position < s->owner.end)
        return (struct owner){s->owner.evidence_id, s->owner.frame};
    if ((in->part < t->arrivals.parts && search_rows(s, &search, stream_id, in->part)) ||
        search_part(&search, records_arrivals(t))) {
        s->owner.stream_id = stream_id;
        s->owner.begin = search.begin;
        s->owner.end = search.end;
        s->owner.evidence_id = search.owner.evidence_id;
        s->owner.frame = search.owner.frame;
        return search.owner;
    }
    insert_fail(&s->insert, "writing %s: no arrival brought position %lld of stream %lld",
                case_file_name(&s->file), (long long)position, (long long)stream_id);
    return search.owner;
}

void owners_take(struct store *s, struct kept_flow *k, const struct arrival *a,
                 const struct range *taken)
{
    struct arrival_record record;

    if (!s->takeovers)
        insert_run(&s->insert, "CREATE TEMP TABLE takeovers (stream_id INTEGER, position INTEGER,"
                               " \"end\" INTEGER, evidence_id INTEGER, frame INTEGER,"
                               " PRIMARY KEY (stream_id, position)) WITHOUT ROWID");
    s->takeovers = true;
    k->sides[a->side]->taken = true;
    for (uint32_t i = 0; i < pieces_count(a); i++) {
        if (!pieces_at(&record, a, i))
            continue;
        int64_t begin = record.position, end = record.position + record.captured;
        if (begin < taken->begin)
            begin = taken->begin;
        if (end > taken->end)
            end = taken->end;
        if (begin >= end)
            continue;
        struct row *row = insert_begin(&s->insert, INSERT_TAKEOVER);
        put_int(row, 1, keep_stream_id(s, k, a->side));
        put_int(row, 2, begin);
        put_int(row, 3, end);
        put_int(row, 4, record.evidence_id);
        put_count(row, 5, record.frame);
        insert_end(&s->insert, row);
    }
}
