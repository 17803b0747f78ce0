/* chunk_rows.c - rows of chunk_data: past SQLite in a fresh case, and by it elsewhere.
 *
 *     chunk_rows.map        which row has which position: what the index says of other rows
 *     leaves                the rows, as pages of the file
 *     chunk_data_place      empty until the end, when it is written from the map, sorted
 *
 * Chunks come in the order of their ids, whatever stream they are of, so each goes behind the last. The index is
 * in the order of streams, and would be sought and changed in another place for each row. Where there is no room for the map
 * any more the index is written, and from then on all is SQLite's. A row, or a few, when the tree is not open, is SQLite's
 * as well; it then has an entry in the index, which is made anew without it. */
#include "store/insert.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS = 6, WORTH = 4 }; /* rows at a time, for which the tree is opened */

/* ---- the map ---- */

static void cache_set(struct insert *in, size_t len)
{
    char sql[64];

    snprintf(sql, sizeof sql, "PRAGMA main.cache_size = -%zu", len / 1024);
    insert_run(in, sql);
}

void insert_chunks_map(struct insert *in, size_t cache_len, int64_t stretch)
{
    enum { LEAST = 2 << 20 }; /* with less, rows are better kept in it */
    struct chunk_rows *c = &in->chunks;

    if (!in->leaves.file || in->failed || cache_len < LEAST)
        return;
    c->cache_len = cache_len;
    c->mapped = leaves_tree_init(&c->tree, &in->leaves, "chunk_data", false) &&
                chunk_map_init(&c->map, cache_len / 2 - LEAVES_COST, stretch);
    if (c->mapped)
        cache_set(in, cache_len / 2);
    else
        chunk_map_release(&c->map);
}

bool insert_chunk_ready(struct insert *in, struct insert_chunk *chunk)
{
    struct chunk_rows *c = &in->chunks;

    if (c->mapped && !chunk_map_add(&c->map, chunk->stream_id, chunk->position))
        insert_chunks_index(in);
    chunk->chunk_id = c->mapped ? c->map.count : 0;
    return insert_prepare(in, INSERT_CHUNK) &&
           (!in->live_form ||
            (insert_prepare(in, INSERT_PLACE) && insert_prepare(in, INSERT_RECENT_PLACE)));
}

/* ---- writing ---- */

static void fail_there(struct insert *in)
{
    in->failed_there = true;
    if (in->leaves.error.text[0])
        in->error_there = in->leaves.error;
    else
        case_file_fault(in->file, "writing", &in->error_there);
}

void insert_chunks_begin(struct insert *in, unsigned count, bool alone)
{
    struct chunk_rows *c = &in->chunks;

    if (in->failed_there || !c->mapped || c->tree.open || !alone || count < WORTH)
        return;
    if (leaves_open(&in->leaves, &c->tree) == STATUS_OK)
        c->past = true;
    else
        fail_there(in);
}

/* Runs a statement that gives no rows. */
static bool run_there(struct insert *in, struct row *row)
{
    if (sqlite3_step(row->statement) != SQLITE_DONE)
        fail_there(in);
    sqlite3_reset(row->statement);
    return !in->failed_there;
}

/* The row that was written last has no entry in an index: of a live case it has a row, by commit or by stream. */
static void write_place(struct insert *in, const struct insert_chunk *chunk)
{
    const bool by_commit = !chunk->is_busy && insert_by_commit(in);
    struct row *row = &in->rows[by_commit ? INSERT_RECENT_PLACE : INSERT_PLACE];

    put_int(row, 1, chunk->stream_id);
    put_int(row, 2, chunk->position);
    put_int(row, 3, sqlite3_last_insert_rowid(in->file->db));
    if (by_commit)
        put_int(row, 4, in->step);
    run_there(in, row);
}

static void write_by_sqlite(struct insert *in, const struct insert_chunk *chunk, struct span bytes)
{
    struct row *row = &in->rows[INSERT_CHUNK];

    in->chunks.by_sqlite = true;
    if (chunk->chunk_id > 0)
        put_int(row, 1, chunk->chunk_id);
    else
        put_null(row, 1);
    put_int(row, 2, chunk->stream_id);
    put_int(row, 3, chunk->position);
    put_int(row, 4, (int64_t)bytes.len);
    put_int(row, 5, chunk->part);
    put_blob(row, 6, bytes);
    if (!run_there(in, row) || !in->live_form)
        return;
    insert_chunk_fitted(in, chunk);
    write_place(in, chunk);
}

static struct row_value integer(int64_t value)
{
    return (struct row_value){.type = SQLITE_INTEGER, .number = value};
}

void insert_chunk_there(struct insert *in, const struct insert_chunk *chunk,
                        const struct iovec *pieces, unsigned piece_count, uint8_t *room)
{
    struct chunk_rows *c = &in->chunks;
    struct span bytes = chunk->bytes;

    if (in->failed_there)
        return;
    if (!c->tree.open) {
        uint8_t *to = room;
        for (unsigned i = 0; !bytes.data && i < piece_count; i++) {
            memcpy(to, pieces[i].iov_base, pieces[i].iov_len);
            to += pieces[i].iov_len;
        }
        write_by_sqlite(in, chunk, bytes.data ? bytes : span_of(room, bytes.len));
        return;
    }
    const struct row_value row[COLUMNS] = {
        integer(chunk->chunk_id), integer(chunk->stream_id),
        integer(chunk->position), integer((int64_t)chunk->bytes.len),
        integer(chunk->part),     {.type = SQLITE_BLOB, .number = (int64_t)bytes.len}};
    enum status status = leaves_lend(&in->leaves, &c->tree, row, COLUMNS, pieces, piece_count);
    assert(status != STATUS_END); /* store.c measured what fits a leaf */
    if (status != STATUS_OK)
        fail_there(in);
}

void insert_chunks_end(struct insert *in)
{
    if (!in->failed_there && leaves_return(&in->leaves, &in->chunks.tree) != STATUS_OK)
        fail_there(in);
}

void insert_chunk(struct insert *in, const struct insert_chunk *chunk)
{
    insert_settle(in);
    if (in->failed)
        return;
    const struct iovec all = {.iov_base = (void *)(uintptr_t)chunk->bytes.data,
                              .iov_len = chunk->bytes.len};
    insert_chunks_begin(in, 1, insert_is_alone(in));
    insert_chunk_there(in, chunk, &all, 1, NULL);
    insert_chunks_end(in);
    if (in->failed_there)
        insert_fail_as(in, &in->error_there);
}

/* ---- finding ---- */

bool insert_chunks_past(struct insert *in)
{
    insert_settle(in);
    return in->chunks.mapped && in->chunks.past;
}

int64_t insert_chunk_find(struct insert *in, int64_t stream_id, int64_t position)
{
    int64_t chunk_id = chunk_map_find(&in->chunks.map, stream_id, position);

    if (chunk_id >= 0)
        return chunk_id;
    insert_chunks_index(in);
    struct row *row = insert_begin(in, SELECT_CHUNK);
    put_int(row, 1, stream_id);
    put_int(row, 2, position);
    chunk_id = insert_next(in, row) ? sqlite3_column_int64(row->statement, 0) : 0;
    insert_done(in, row);
    return chunk_id;
}

/* A row of an open tree. */
static bool read_leaf(struct insert *in, int64_t chunk_id, struct insert_chunk *chunk, uint8_t *to,
                      size_t room)
{
    struct row_value row[COLUMNS];
    enum status status = leaves_find(&in->leaves, &in->chunks.tree, chunk_id, row, COLUMNS);

    if (status == STATUS_FAILED)
        insert_fail_as(in, &in->leaves.error);
    const struct row_value *data = &row[COLUMNS - 1];
    if (status != STATUS_OK || data->type != SQLITE_BLOB || (size_t)data->number > room)
        return false;
    memcpy(to, data->bytes, (size_t)data->number);
    *chunk = (struct insert_chunk){.chunk_id = chunk_id,
                                   .stream_id = row[1].number,
                                   .position = row[2].number,
                                   .part = (uint32_t)row[4].number,
                                   .bytes = span_of(to, (size_t)data->number)};
    return true;
}

static bool read_by_sqlite(struct insert *in, int64_t chunk_id, struct insert_chunk *chunk,
                           uint8_t *to, size_t room)
{
    struct row *row = insert_begin(in, SELECT_CHUNK_ROW);

    put_int(row, 1, chunk_id);
    bool found = insert_next(in, row);
    if (found) {
        const void *data = sqlite3_column_blob(row->statement, 3);
        const size_t len = (size_t)sqlite3_column_bytes(row->statement, 3);
        *chunk = (struct insert_chunk){.chunk_id = chunk_id,
                                       .stream_id = sqlite3_column_int64(row->statement, 0),
                                       .position = sqlite3_column_int64(row->statement, 1),
                                       .part = (uint32_t)sqlite3_column_int64(row->statement, 2),
                                       .bytes = span_of(to, len)};
        found = data && len <= room;
        if (found)
            memcpy(to, data, len);
    }
    insert_done(in, row);
    return found;
}

bool insert_chunk_read(struct insert *in, int64_t chunk_id, struct insert_chunk *chunk, uint8_t *to,
                       size_t room)
{
    insert_settle(in);
    if (in->failed || chunk_id == 0)
        return false;
    return in->chunks.tree.open ? read_leaf(in, chunk_id, chunk, to, room)
                                : read_by_sqlite(in, chunk_id, chunk, to, room);
}

const uint32_t *insert_chunks_of(struct insert *in, int64_t stream_id, uint32_t *count)
{
    *count = chunk_map_sort_stream(&in->chunks.map, stream_id);
    return in->chunks.map.order;
}

/* ---- the index ---- */

/* Takes the entries out of the index that SQLite made: it is shown a table without rows, and makes the index of it. */
static enum status index_clear(struct insert *in)
{
    struct leaves *l = &in->leaves;
    enum status status = leaves_hide(l, &in->chunks.tree);

    if (status == STATUS_OK)
        insert_run(in, "REINDEX main.chunk_data_place");
    if (status == STATUS_OK && !in->failed)
        status = leaves_show(l, &in->chunks.tree);
    return status;
}

static enum status index_write(struct leaves *l, struct leaves_tree *tree, struct chunk_map *map)
{
    const uint32_t count = chunk_map_sort(map);
    enum status status = leaves_open(l, tree);

    for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
        const struct chunk_place *at = &map->places[map->order[i] - 1];
        const struct row_value row[] = {integer(at->stream_id), integer(at->position),
                                        integer(map->order[i])};
        status = leaves_add(l, tree, row, sizeof row / sizeof row[0]);
    }
    return status == STATUS_OK ? leaves_link(l) : status;
}

void insert_chunks_index(struct insert *in)
{
    struct chunk_rows *c = &in->chunks;
    struct leaves *l = &in->leaves;
    static const char place_index[] = "chunk_data_place";
    struct leaves_tree index = {0};

    insert_settle(in);
    if (c->mapped && c->past && !in->failed) {
        enum status status = leaves_link(l);
        if (status == STATUS_OK && c->by_sqlite)
            status = index_clear(in);
        if (status == STATUS_OK && !in->failed && !leaves_tree_init(&index, l, place_index, true))
            status = leaves_tree_missing(l, place_index);
        if (status == STATUS_OK && !in->failed)
            status = index_write(l, &index, &c->map);
        if (status != STATUS_OK)
            insert_fail_as(in, &l->error);
        leaves_tree_release(&index);
    }
    if (c->mapped)
        cache_set(in, c->cache_len);
    c->mapped = false;
    chunk_map_release(&c->map);
}
