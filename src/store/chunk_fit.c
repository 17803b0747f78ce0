/* chunk_fit.c - how long a row of payload is best, in a live case: so long that it ends where a page ends.
 *
 * A page that is written at a commit and is not full is written again at the next one. */
#include "store/insert.h"
#include "store/record.h"

/* Where the rows of a table end (SQLite's file format, 1.6): a leaf has a head, and two bytes for each cell beside
 * it; a cell the length of its record, its rowid and the record. Of one that is longer than `most`, so much lies in
 * whole pages beside the leaf that `least` and up to a page more stay, and four bytes say where. */
struct leaf_rule {
    size_t whole, most, least, beside;
};

enum { LEAF_HEAD = 8, LEAF_NAME = 2, LEAF_LINK = 4 };

/* A row more costs what it says beside its bytes, here and where it is looked up, each of them more than once: so much of a
 * leaf is rather left empty. */
enum { LEAST_CUT = 128 };

static struct leaf_rule leaf_rule(const struct insert *in)
{
    const size_t usable = in->page_size;

    return (struct leaf_rule){.whole = usable - LEAF_HEAD,
                              .most = usable - 35,
                              .least = (usable - 12) * 32 / 255 - 23,
                              .beside = usable - LEAF_LINK};
}

static size_t record_len(const struct insert_chunk *chunk)
{
    const struct row_value row[] = {
        {.type = SQLITE_NULL},
        {.type = SQLITE_INTEGER, .number = chunk->stream_id},
        {.type = SQLITE_INTEGER, .number = chunk->position},
        {.type = SQLITE_INTEGER, .number = (int64_t)chunk->bytes.len},
        {.type = SQLITE_INTEGER, .number = chunk->part},
        {.type = SQLITE_BLOB, .number = (int64_t)chunk->bytes.len, .bytes = chunk->bytes.data}};
    struct record record;

    record_measure(&record, row, sizeof row / sizeof *row, true);
    return record.len;
}

/* What a cell has beside its record. */
static size_t cell_rest(const struct insert *in, size_t record)
{
    return LEAF_NAME + number_len(record) +
           number_len((uint64_t)sqlite3_last_insert_rowid(in->file->db));
}

/* What a record takes of its leaf, with where the rest of it is. */
static size_t leaf_part(const struct leaf_rule *rule, size_t record)
{
    if (record <= rule->most)
        return record;
    const size_t here = rule->least + (record - rule->least) % rule->beside;
    return (here > rule->most ? rule->least : here) + LEAF_LINK;
}

size_t insert_chunk_fitting(const struct insert *in, const struct insert_chunk *chunk)
{
    const struct leaf_rule rule = leaf_rule(in);
    const size_t record = record_len(chunk), rest = cell_rest(in, record);
    const size_t others = record - chunk->bytes.len; /* of the record, that are not the chunk's */
    const size_t left = in->leaf_left;

    if (leaf_part(&rule, record) + rest <= left || left < rest + others + LEAST_CUT)
        return chunk->bytes.len;
    size_t here = left - rest;
    if (record > rule.most && here >= rule.least + LEAF_LINK) {
        here -= LEAF_LINK;
        here = here < rule.most ? here : rule.most;
        here += (record - here) / rule.beside * rule.beside;
    } else if (here > rule.most) {
        here = rule.most;
    }
    return here < record && here > others ? here - others : chunk->bytes.len;
}

void insert_chunk_fitted(struct insert *in, const struct insert_chunk *chunk)
{
    const struct leaf_rule rule = leaf_rule(in);
    const size_t record = record_len(chunk);
    const size_t here = leaf_part(&rule, record) + cell_rest(in, record);

    in->leaf_left = (here <= in->leaf_left ? in->leaf_left : rule.whole) - here;
}
