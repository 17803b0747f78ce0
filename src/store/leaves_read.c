/* leaves_read.c - rows that were written as pages are read again: one by its key, and all. */
#include "store/leaves_file.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

size_t leaves_cell_len(const struct leaves *l, const struct leaves_tree *t, unsigned level,
                       const uint8_t *cell, size_t room, int64_t *key)
{
    uint8_t bytes[4 + 2 * NUMBER_MOST] = {0};
    size_t len = level > 0 ? 4 : 0;
    uint64_t record = 0, number = 0;

    memcpy(bytes, cell, room < sizeof bytes ? room : sizeof bytes);
    if (level == 0 || t->without_rowid)
        len += number_take(bytes + len, &record);
    if (!t->without_rowid) {
        len += number_take(bytes + len, &number);
        *key = (int64_t)number;
    }
    if (record > leaves_record_most(l, t->without_rowid) || len + record > room)
        return 0;
    return len + (size_t)record < 4 ? 4 : len + (size_t)record;
}

/* ---- finding a row ---- */

/* Where a cell of a page lies; NULL: outside of it. */
static const uint8_t *cell_at(const struct leaves *l, const uint8_t *page, unsigned level,
                              unsigned index)
{
    const size_t at = u16_take(page + leaves_head_len(level) + 2 * (size_t)index);
    return at + 4 <= l->page_size ? page + at : NULL;
}

/* The first cell of a page of a table whose key is not below `key`; `count` where there is none, or where a cell cannot be. */
static unsigned cell_search(const struct leaves *l, const uint8_t *page, unsigned level,
                            unsigned count, int64_t key)
{
    unsigned low = 0, high = count;

    while (low < high) {
        const unsigned middle = low + (high - low) / 2;
        const uint8_t *cell = cell_at(l, page, level, middle);
        uint8_t bytes[4 + 2 * NUMBER_MOST] = {0};
        uint64_t number, record;
        if (!cell)
            return count;
        const size_t room = (size_t)(page + l->page_size - cell);
        memcpy(bytes, cell, room < sizeof bytes ? room : sizeof bytes);
        number_take(bytes + (level > 0 ? 4 : number_take(bytes, &record)), &number);
        if ((int64_t)number < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The child in whose keys a key lies; 0: it is behind all that have a cell. */
static uint32_t child_find(const struct leaves *l, const uint8_t *page, unsigned level,
                           unsigned count, int64_t key)
{
    const unsigned index = cell_search(l, page, level, count, key);
    const uint8_t *cell = index < count ? cell_at(l, page, level, index) : NULL;

    return cell ? u32_take(cell) : 0;
}

/* Tells what a leaf has under a key. */
static enum status cell_find(const struct leaves *l, const struct leaves_tree *t,
                             const uint8_t *page, unsigned count, int64_t key,
                             struct row_value *row, int columns)
{
    const unsigned index = cell_search(l, page, 0, count, key);
    const uint8_t *cell = index < count ? cell_at(l, page, 0, index) : NULL;
    uint64_t record, number;
    int64_t found;

    if (!cell ||
        leaves_cell_len(l, t, 0, cell, (size_t)(page + l->page_size - cell), &found) == 0 ||
        found != key)
        return STATUS_END;
    cell += number_take(cell, &record);
    cell += number_take(cell, &number);
    return record_take(row, columns, true, key, cell, (size_t)record) ? STATUS_OK : STATUS_END;
}

enum status leaves_find(struct leaves *l, struct leaves_tree *t, int64_t key, struct row_value *row,
                        int columns)
{
    uint32_t number = 0;

    assert(t->open && !t->without_rowid && t->nodes[0].lent_len == 0 && l->run.count == 0);
    for (unsigned level = t->top; level > 0 && number == 0; level--) { /* the right edge */
        const struct leaves_node *n = &t->nodes[level];
        number = child_find(l, n->page, level, n->cells, key);
    }
    if (number == 0)
        return cell_find(l, t, t->nodes[0].page, t->nodes[0].cells, key, row, columns);
    if (!l->found)
        l->found = malloc(l->page_size);
    if (!l->found)
        return error_no_memory(&l->error, "reading %s: no memory", case_file_name(l->file));
    for (unsigned depth = 0; depth < LEAVES_LEVELS; depth++) {
        const uint8_t *page = l->found;
        enum status status = leaves_file_read(l, l->found, l->page_size, leaves_page_at(l, number));
        if (status != STATUS_OK)
            return status;
        const unsigned count = u16_take(page + 3);
        if (page[0] != TABLE_LEAF && page[0] != TABLE_INNER)
            return STATUS_END;
        if (leaves_head_len(page[0] == TABLE_INNER) + 2 * (size_t)count > l->page_size)
            return STATUS_END;
        if (page[0] == TABLE_LEAF)
            return cell_find(l, t, page, count, key, row, columns);
        number = child_find(l, page, 1, count, key);
        if (number == 0)
            number = u32_take(page + 8); /* behind all cells */
        if (number == 0)
            return STATUS_END;
    }
    return STATUS_END;
}

/* ---- all rows ---- */

struct reading {
    int columns;
    void (*row)(void *context, const struct row_value *row, int columns);
    void *context;
};

/* Tells the row of a cell. */
static enum status cell_tell(const struct leaves *l, const struct leaves_tree *t,
                             const struct reading *r, bool is_leaf, const uint8_t *cell,
                             size_t room)
{
    struct row_value row[RECORD_COLUMNS];
    uint64_t record;
    int64_t key = 0;
    size_t len = leaves_cell_len(l, t, is_leaf ? 0 : 1, cell, room, &key);

    if (len == 0)
        return STATUS_END;
    const uint8_t *at = cell + (is_leaf ? 0 : 4);
    uint64_t number;
    at += number_take(at, &record);
    if (!t->without_rowid)
        at += number_take(at, &number);
    if (!record_take(row, r->columns, !t->without_rowid, key, at, (size_t)record))
        return STATUS_END;
    r->row(r->context, row, r->columns);
    return STATUS_OK;
}

/* What lies below a page, and in it; the pages that lead there are in the nodes above. */
static enum status page_tell(struct leaves *l, struct leaves_tree *t, const struct reading *r,
                             unsigned depth, uint32_t number)
{
    if (depth == LEAVES_LEVELS)
        return STATUS_END;
    if (!leaves_node_ready(l, &t->nodes[depth]))
        return STATUS_FAILED;
    const uint8_t *page = t->nodes[depth].page;
    enum status status =
        leaves_file_read(l, t->nodes[depth].page, l->page_size, leaves_page_at(l, number));
    if (status != STATUS_OK)
        return status;
    const bool is_leaf = page[0] == TABLE_LEAF || page[0] == INDEX_LEAF;
    const size_t list = is_leaf ? LEAF_HEAD : INNER_HEAD;
    const unsigned count = u16_take(page + 3);
    if (list + 2 * (size_t)count > l->page_size)
        return STATUS_END;
    for (unsigned i = 0; i < count && status == STATUS_OK; i++) {
        const size_t at = u16_take(page + list + 2 * (size_t)i);
        if (at + 4 > l->page_size)
            return STATUS_END;
        if (!is_leaf)
            status = page_tell(l, t, r, depth + 1, u32_take(page + at));
        if (status == STATUS_OK && (is_leaf || t->without_rowid))
            status = cell_tell(l, t, r, is_leaf, page + at, l->page_size - at);
    }
    if (!is_leaf && status == STATUS_OK)
        status = page_tell(l, t, r, depth + 1, u32_take(page + 8));
    return status;
}

enum status leaves_each(struct leaves *l, struct leaves_tree *t, int columns,
                        void (*row)(void *context, const struct row_value *row, int columns),
                        void *context)
{
    const struct reading reading = {columns, row, context};
    enum status status = leaves_between_begin(l);

    assert(!t->open && columns <= RECORD_COLUMNS);
    if (status != STATUS_OK)
        return status;
    enum status told = page_tell(l, t, &reading, 0, t->root);
    status = leaves_between_end(l);
    return status == STATUS_OK ? told : status;
}

enum status leaves_each_of(struct leaves *l, struct leaves_tree *t, unsigned part, unsigned parts,
                           int columns,
                           void (*row)(void *context, const struct row_value *row, int columns),
                           void *context)
{
    const struct reading reading = {columns, row, context};

    assert(!t->open && !t->without_rowid && columns <= RECORD_COLUMNS && part < parts);
    if (!leaves_node_ready(l, &t->nodes[0]))
        return STATUS_FAILED;
    const uint8_t *page = t->nodes[0].page;
    enum status status =
        leaves_file_read(l, t->nodes[0].page, l->page_size, leaves_page_at(l, t->root));
    if (status != STATUS_OK)
        return status;
    if (page[0] == TABLE_LEAF) /* there is only one */
        return part == 0 ? page_tell(l, t, &reading, 0, t->root) : STATUS_OK;
    const size_t count = u16_take(page + 3);
    if (INNER_HEAD + 2 * count > l->page_size)
        return STATUS_END;
    const size_t end = (part + 1) * (count + 1) / parts;
    for (size_t i = part * (count + 1) / parts; i < end && status == STATUS_OK; i++) {
        const size_t at = i < count ? u16_take(page + INNER_HEAD + 2 * i) : 8; /* the last child */
        status =
            at + 4 > l->page_size ? STATUS_END : page_tell(l, t, &reading, 1, u32_take(page + at));
    }
    return status;
}

struct leaves leaves_reading(const struct leaves *l)
{
    return (struct leaves){.file = l->file, .page_size = l->page_size};
}

enum status leaves_each_begin(struct leaves *l)
{
    return leaves_between_begin(l);
}

enum status leaves_each_end(struct leaves *l)
{
    return leaves_between_end(l);
}
