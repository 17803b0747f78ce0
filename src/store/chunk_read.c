/* chunk_read.c - payload that is read back, out of slots and rows: to be compared, replaced, or hashed anew. */
#include "store/slots.h"

#include <string.h>

/* Reads the row of chunk_data that covers `position`, which the index may not have yet, into s->cached. */
static bool chunk_find(struct store *s, int64_t stream_id, int64_t position)
{
    struct insert_chunk chunk;

    s->cached.stream_id = -1; /* its bytes are overwritten */
    if (!insert_chunk_read(&s->insert, insert_chunk_find(&s->insert, stream_id, position), &chunk,
                           s->cached.data, MEMORY_MOST) ||
        chunk.stream_id != stream_id || position < chunk.position ||
        position - chunk.position >= (int64_t)chunk.bytes.len)
        return false;
    s->cached.stream_id = stream_id;
    s->cached.small = false;
    s->cached.chunk_id = chunk.chunk_id;
    s->cached.position = chunk.position;
    s->cached.part = chunk.part;
    s->cached.len = (uint32_t)chunk.bytes.len;
    return true;
}

/* The same, of one of the two tables. */
static bool row_find(struct store *s, int64_t stream_id, int64_t position, bool small)
{
    bool found = false;

    if (small)
        insert_flush_one(&s->insert, INSERT_STREAM_DATA);
    else if (insert_chunks_past(&s->insert))
        return chunk_find(s, stream_id, position);
    struct row *row = insert_begin(&s->insert, small ? SELECT_SMALL : SELECT_CHUNK);
    put_int(row, 1, stream_id);
    put_int(row, 2, position);
    if (insert_next(&s->insert, row)) {
        int64_t begin = sqlite3_column_int64(row->statement, 1);
        const void *data = sqlite3_column_blob(row->statement, 3);
        int len = sqlite3_column_bytes(row->statement, 3);
        if (data && len <= MEMORY_MOST && position - begin < len) {
            s->cached.stream_id = stream_id;
            s->cached.small = small;
            s->cached.chunk_id = sqlite3_column_int64(row->statement, 0);
            s->cached.position = begin;
            s->cached.part = (uint32_t)sqlite3_column_int64(row->statement, 2);
            s->cached.len = (uint32_t)len;
            memcpy(s->cached.data, data, (size_t)len);
            found = true;
        }
    }
    insert_done(&s->insert, row);
    return found;
}

static bool row_read(struct store *s, const struct kept_stream *t, int64_t stream_id,
                     int64_t position)
{
    if (s->cached.stream_id == stream_id && position >= s->cached.position &&
        position - s->cached.position < s->cached.len)
        return true;
    bool found = (t->small && row_find(s, stream_id, position, true)) ||
                 row_find(s, stream_id, position, false);
    if (!found)
        insert_fail(&s->insert,
                    "reading %s: position %lld of stream %lld is not where it was written",
                    case_file_name(&s->file), (long long)position, (long long)stream_id);
    return found;
}

struct chunk_view chunks_view(struct store *s, struct kept_flow *k, enum side side,
                              int64_t position, size_t most)
{
    if (s->reference)
        return reference_view(s, k, side, position, most);
    struct slot *slot = slot_find(s, k->sides[side], position);
    struct chunk_view view = {.bytes = {NULL, 0}};

    if (slot)
        slot_collect(s, slot);
    for (unsigned i = 0; slot && i < slot->run_count; i++) {
        const struct run *run = &runs_of(slot)[i];
        int64_t begin = slot->begin + run->begin, end = slot->begin + run->end;
        if (position < begin || position >= end)
            continue;
        view = (struct chunk_view){.begin = begin, .end = end, .part = slot->part};
        view.bytes = span_first(
            span_of(slot_byte(slot, (size_t)(position - slot->begin)), (size_t)(end - position)),
            most);
        return view;
    }
    if (!row_read(s, k->sides[side], keep_stream_id(s, k, side), position))
        return view;
    size_t at = (size_t)(position - s->cached.position);
    view = (struct chunk_view){.begin = s->cached.position,
                               .end = s->cached.position + s->cached.len,
                               .part = s->cached.part};
    view.bytes = span_first(span_after(span_of(s->cached.data, s->cached.len), at), most);
    return view;
}

/* Overwrites part of the row that is cached. */
static void row_replace(struct store *s, size_t at, struct span bytes)
{
    sqlite3_blob *blob = NULL;

    insert_flush_one(&s->insert, INSERT_STREAM_DATA);
    memcpy(s->cached.data + at, bytes.data, bytes.len);
    const char *table = s->cached.small       ? "stream_data"
                        : s->insert.live_form ? "chunk_rows"
                                              : "chunk_data";
    int64_t rowid = s->cached.small ? s->cached.stream_id : s->cached.chunk_id;
    if (sqlite3_blob_open(s->file.db, "main", table, "data", rowid, 1, &blob) != SQLITE_OK ||
        sqlite3_blob_write(blob, bytes.data, (int)bytes.len, (int)at) != SQLITE_OK)
        insert_fault(&s->insert);
    sqlite3_blob_close(blob);
}

/* The same where payload stays in the capture: of what has rows all the same. */
static void rows_replace(struct store *s, struct kept_flow *k, enum side side, int64_t position,
                         struct span bytes)
{
    struct kept_stream *t = k->sides[side];
    int64_t stream_id = keep_stream_id(s, k, side);

    reference_changed(s, t);
    chunks_write_rows(s, k, side);
    while (t->rows > 0 && bytes.len > 0 && !s->insert.failed) {
        size_t len = 1;
        if (row_find(s, stream_id, position, false)) {
            size_t at = (size_t)(position - s->cached.position);
            struct span piece = span_first(bytes, s->cached.len - at);
            row_replace(s, at, piece);
            len = piece.len;
        }
        position += (int64_t)len;
        bytes = span_after(bytes, len);
    }
}

void chunks_replace(struct store *s, struct kept_flow *k, enum side side, int64_t position,
                    struct span bytes)
{
    struct kept_stream *t = k->sides[side];

    chunks_unsettle(s, t);
    if (s->reference) {
        rows_replace(s, k, side, position, bytes);
        return;
    }
    while (bytes.len > 0) {
        struct chunk_view view = chunks_view(s, k, side, position, bytes.len);
        struct span piece = span_first(bytes, view.bytes.len);
        if (piece.len == 0)
            return; /* after a failure */
        struct slot *slot = slot_find(s, t, position);
        if (slot && view.bytes.data >= slot->data &&
            view.bytes.data < slot->data + slot_room(slot)) {
            memcpy(slot_byte(slot, (size_t)(position - slot->begin)), piece.data, piece.len);
        } else {
            row_replace(s, (size_t)(position - s->cached.position), piece);
            t->rehash = true;
        }
        position += (int64_t)piece.len;
        bytes = span_after(bytes, piece.len);
    }
}

/* Adds rows of chunk_data that the index may not have yet, and the one of stream_data in its place among them. */
static void hash_mapped(struct store *s, int64_t stream_id)
{
    uint32_t count;
    const uint32_t *ids = insert_chunks_of(&s->insert, stream_id, &count);
    struct row *row = insert_begin(&s->insert, SELECT_SMALL);

    put_int(row, 1, stream_id);
    put_int(row, 2, INT64_MAX);
    bool small = insert_next(&s->insert, row);
    s->cached.stream_id = -1; /* its bytes are overwritten */
    for (uint32_t i = 0; i <= count && !s->insert.failed; i++) {
        struct insert_chunk chunk = {.position = INT64_MAX};
        if (i < count &&
            !insert_chunk_read(&s->insert, ids[i], &chunk, s->cached.data, MEMORY_MOST))
            insert_fail(&s->insert, "reading %s: row %lu of chunk_data is not where it was written",
                        case_file_name(&s->file), (unsigned long)ids[i]);
        if (small && sqlite3_column_int64(row->statement, 1) < chunk.position) {
            digest_add(&s->digest, span_of(sqlite3_column_blob(row->statement, 3),
                                           (size_t)sqlite3_column_bytes(row->statement, 3)));
            small = false;
        }
        digest_add(&s->digest, chunk.bytes);
    }
    insert_done(&s->insert, row);
}

void chunks_hash_rows(struct store *s, int64_t stream_id, char hex[DIGEST_HEX_LEN + 1])
{
    digest_start(&s->digest);
    insert_flush_one(&s->insert, INSERT_STREAM_DATA);
    if (insert_chunks_past(&s->insert)) {
        hash_mapped(s, stream_id);
        digest_end(&s->digest, hex);
        return;
    }
    struct row *row = insert_begin(&s->insert, SELECT_CHUNKS);
    put_int(row, 1, stream_id);
    while (insert_next(&s->insert, row)) {
        const void *data = sqlite3_column_blob(row->statement, 1);
        digest_add(&s->digest, span_of(data, (size_t)sqlite3_column_bytes(row->statement, 1)));
    }
    insert_done(&s->insert, row);
    digest_end(&s->digest, hex);
}
