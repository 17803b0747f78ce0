/* leaves.c - rows written as pages of their tables.
 *
 *     root                     [ ... ]                       nodes[top], at the page where the tree begins
 *                     ...   [ ........ ]                     nodes[1]
 *     leaves    [....][....][....][....][ rows come here     nodes[0]
 *
 * A page that is full is written where the next free one is, and its cell goes into the page above, which may be full
 * by that. So there is one page of each level in memory, whatever the tree holds. Where the rows are an index (a
 * table without rowid), what divides two leaves is a row itself, and stands above them only.
 *
 * A row that fills its leaf, as payload does, is not copied into it. What is in front of its bytes is made, and
 * several such leaves are written at once, each from two places:
 *
 *     file      [head, cell | bytes ........ ][head, cell | bytes ........ ]   pages that follow each other
 *                    ▲            ▲                 ▲            ▲
 *                 a front    where they lie      a front    where they lie
 *
 * The last row stays in memory as any other does, since a leaf without rows is none. */
#include "store/leaves_file.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { UNUSED_MOST = 96 }; /* bytes of a leaf that a row leaves free, which fills it all the same */

/* ---- pages ---- */

static void node_clear(const struct leaves *l, struct leaves_node *n)
{
    n->cells = 0;
    n->end = l->page_size;
    n->number = 0;
    n->lent_len = 0;
}

/* Room for a cell of `len` bytes; NULL: there is none. */
static uint8_t *node_add(struct leaves_node *n, unsigned level, size_t len)
{
    const size_t list = leaves_head_len(level) + 2 * (size_t)n->cells;

    if (list + 2 + len > n->end)
        return NULL;
    n->end -= len;
    n->last_len = len;
    n->cells++;
    u16_put(n->page + list, (unsigned)n->end);
    return n->page + n->end;
}

/* Takes the last cell out; it stays where it is until the next one comes. */
static const uint8_t *node_pop(struct leaves_node *n, size_t *len)
{
    const uint8_t *cell = n->page + n->end;

    assert(n->cells > 1);
    *len = n->last_len;
    n->end += n->last_len;
    n->cells--;
    return cell;
}

static enum status run_write(struct leaves *l)
{
    struct leaves_run *run = &l->run;
    const int parts = (int)run->part_count;

    run->count = run->part_count = 0;
    return parts == 0
               ? STATUS_OK
               : leaves_file_write_parts(l, run->parts, parts, leaves_page_at(l, run->first));
}

/* Has a page written whose last bytes lie elsewhere, with those before it. */
static enum status run_add(struct leaves *l, const struct leaves_node *n, uint32_t number)
{
    struct leaves_run *run = &l->run;
    const size_t front_len = l->page_size - n->lent_len;
    enum status status = STATUS_OK;

    if (run->count > 0 && (run->count == LEAVES_RUN || number != run->first + run->count))
        status = run_write(l);
    if (run->count == 0)
        run->first = number;
    uint8_t *front = run->fronts[run->count];
    run->count++;
    assert(front_len <= sizeof run->fronts[0]);
    memcpy(front, n->page, front_len);
    run->parts[run->part_count++] = (struct iovec){.iov_base = front, .iov_len = front_len};
    memcpy(&run->parts[run->part_count], n->lent, n->lent_count * sizeof *n->lent);
    run->part_count += n->lent_count;
    return status;
}

/* Writes a page. What is between the list and the cells may be anything, but not what the memory held before. */
static enum status node_write(struct leaves *l, const struct leaves_tree *t, unsigned level,
                              uint32_t number)
{
    const struct leaves_node *n = &t->nodes[level];
    const size_t list_end = leaves_head_len(level) + 2 * (size_t)n->cells;
    uint8_t *head = n->page;

    if (level == 0)
        head[0] = t->without_rowid ? INDEX_LEAF : TABLE_LEAF;
    else
        head[0] = t->without_rowid ? INDEX_INNER : TABLE_INNER;
    u16_put(head + 1, 0); /* no free blocks */
    u16_put(head + 3, n->cells);
    u16_put(head + 5, (unsigned)n->end);
    head[7] = 0; /* and no fragments */
    memset(n->page + list_end, 0, n->end - list_end);
    if (n->lent_len > 0)
        return run_add(l, n, number);
    return leaves_file_write(l, n->page, l->page_size, leaves_page_at(l, number));
}

/* Writes a page that is full. The next one of its level begins. */
static enum status node_close(struct leaves *l, struct leaves_tree *t, unsigned level,
                              uint32_t *number)
{
    enum status status = STATUS_OK;

    *number = t->nodes[level].number;
    if (level == t->top) { /* the root moves up, and stays at its page */
        if (level + 1 == LEAVES_LEVELS)
            return error_set(&l->error, "writing %s: a tree is too high", case_file_name(l->file));
        if (!leaves_node_ready(l, &t->nodes[level + 1]))
            return STATUS_FAILED;
        node_clear(l, &t->nodes[level + 1]);
        t->top++;
        *number = 0;
    }
    if (*number == 0)
        status = leaves_page_take(l, number, false);
    if (status == STATUS_OK)
        status = node_write(l, t, level, *number);
    node_clear(l, &t->nodes[level]);
    return status;
}

/* Puts a page that was closed, and what divides it from the next, into the level above. */
static enum status child_add(struct leaves *l, struct leaves_tree *t, unsigned level,
                             uint32_t child, const uint8_t *divider, size_t len)
{
    struct leaves_node *n = &t->nodes[level];
    uint8_t *cell = node_add(n, level, 4 + len);

    if (!cell) { /* its last child leads on, and what divides that from the next goes up */
        uint8_t up[DIVIDER_MOST];
        size_t up_len;
        uint32_t number;
        const uint8_t *last = node_pop(n, &up_len);

        assert(up_len - 4 <= sizeof up);
        memcpy(up, last + 4, up_len - 4);
        memcpy(n->page + 8, last, 4);
        enum status status = node_close(l, t, level, &number);
        if (status == STATUS_OK)
            status = child_add(l, t, level + 1, number, up, up_len - 4);
        if (status != STATUS_OK) /* it may be as full as before */
            return status;
        cell = node_add(n, level, 4 + len);
    }
    u32_put(cell, child);
    memcpy(cell + 4, divider, len);
    return STATUS_OK;
}

/* Writes the leaf, which is full. */
static enum status leaf_close(struct leaves *l, struct leaves_tree *t)
{
    uint8_t divider[DIVIDER_MOST];
    size_t len;
    uint32_t number;

    if (t->without_rowid) {
        const uint8_t *last = node_pop(&t->nodes[0], &len);
        assert(len <= sizeof divider);
        memcpy(divider, last, len);
    } else {
        len = (size_t)(number_put(divider, (uint64_t)t->last_key) - divider);
    }
    enum status status = node_close(l, t, 0, &number);
    return status == STATUS_OK ? child_add(l, t, 1, number, divider, len) : status;
}

static void pieces_copy(uint8_t *to, const struct iovec *pieces, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        memcpy(to, pieces[i].iov_base, pieces[i].iov_len);
        to += pieces[i].iov_len;
    }
}

/* Begins a cell for a record of that length: where the record goes. */
static enum status cell_begin(struct leaves *l, struct leaves_tree *t, size_t record_len,
                              int64_t key, uint8_t **record)
{
    const bool key_apart = !t->without_rowid;

    if (record_len > leaves_record_most(l, t->without_rowid))
        return STATUS_END;
    const size_t len =
        number_len(record_len) + (key_apart ? number_len((uint64_t)key) : 0) + record_len;
    uint8_t *cell = node_add(&t->nodes[0], 0, len);
    if (!cell) {
        enum status status = leaf_close(l, t);
        if (status != STATUS_OK)
            return status;
        cell = node_add(&t->nodes[0], 0, len);
    }
    cell = number_put(cell, record_len);
    *record = key_apart ? number_put(cell, (uint64_t)key) : cell;
    t->last_key = key;
    return STATUS_OK;
}

static enum status add(struct leaves *l, struct leaves_tree *t, const struct row_value *row,
                       int columns, const struct iovec *pieces, unsigned piece_count)
{
    const bool key_apart = !t->without_rowid;
    struct leaves_node *n = &t->nodes[0];
    struct record r;

    assert(t->open && columns >= 1 && columns <= RECORD_COLUMNS);
    record_measure(&r, row, columns, key_apart);
    uint8_t *cell;
    enum status status = cell_begin(l, t, r.len, row[0].number, &cell);
    if (status != STATUS_OK)
        return status;
    const size_t blob_len = (size_t)row[columns - 1].number;
    if (piece_count == 0) {
        record_put(cell, &r, row, columns, key_apart);
    } else {
        record_put_front(cell, &r, row, columns, key_apart);
        if (n->cells == 1 && n->end <= LEAF_HEAD + 2 + UNUSED_MOST &&
            l->page_size - blob_len <= LEAVES_FRONT) {
            n->lent = pieces;
            n->lent_count = piece_count;
            n->lent_len = blob_len;
        } else {
            pieces_copy(cell + r.len - blob_len, pieces, piece_count);
        }
    }
    return STATUS_OK;
}

enum status leaves_add_laid(struct leaves *l, struct leaves_tree *t, const struct record_laid *laid,
                            int64_t key)
{
    uint8_t *record;
    enum status status = cell_begin(l, t, record_laid_len(laid), key, &record);

    assert(t->open);
    if (status != STATUS_OK)
        return status;
    *record++ = (uint8_t)(1 + laid->types_len);
    memcpy(record, laid->types, laid->types_len);
    memcpy(record + laid->types_len, laid->values, laid->values_len);
    return STATUS_OK;
}

enum status leaves_add(struct leaves *l, struct leaves_tree *t, const struct row_value *row,
                       int columns)
{
    return add(l, t, row, columns, NULL, 0);
}

enum status leaves_lend(struct leaves *l, struct leaves_tree *t, const struct row_value *row,
                        int columns, const struct iovec *pieces, unsigned piece_count)
{
    assert(!t->without_rowid && row[columns - 1].type == SQLITE_BLOB && piece_count > 0 &&
           piece_count <= LEAVES_PIECES);
    return add(l, t, row, columns, pieces, piece_count);
}

enum status leaves_return(struct leaves *l, struct leaves_tree *t)
{
    struct leaves_node *n = &t->nodes[0];

    if (t->open && n->lent_len > 0) {
        pieces_copy(n->page + l->page_size - n->lent_len, n->lent, n->lent_count);
        n->lent_len = 0;
    }
    return run_write(l);
}

/* ---- a tree that SQLite wrote ---- */

/* Copies the cells of a page so that they lie as we lay them. */
static bool node_take(const struct leaves *l, struct leaves_tree *t, unsigned level,
                      const uint8_t *page)
{
    struct leaves_node *n = &t->nodes[level];
    const unsigned count = u16_take(page + 3);

    node_clear(l, n);
    memcpy(n->page, page, leaves_head_len(level));
    if (leaves_head_len(level) + 2 * (size_t)count > l->page_size)
        return false;
    for (unsigned i = 0; i < count; i++) {
        size_t at = u16_take(page + leaves_head_len(level) + 2 * (size_t)i);
        size_t len = at + 4 <= l->page_size /* no cell is shorter */
                         ? leaves_cell_len(l, t, level, page + at, l->page_size - at, &t->last_key)
                         : 0;
        uint8_t *to = len > 0 ? node_add(n, level, len) : NULL;
        if (!to)
            return false;
        memcpy(to, page + at, len);
    }
    return true;
}

/* Reads the right edge, from the root down: a page of a level that is not known yet, so into the places from the
 * highest on; then they move down. */
static enum status edge_read(struct leaves *l, struct leaves_tree *t, uint8_t *page)
{
    uint32_t numbers[LEAVES_LEVELS], number = t->root;
    unsigned depth = 0;
    enum status status;

    for (;;) { /* how high it is */
        if (depth == LEAVES_LEVELS)
            return STATUS_END;
        numbers[depth++] = number;
        status = leaves_file_read(l, page, l->page_size, leaves_page_at(l, number));
        if (status != STATUS_OK)
            return status;
        if (page[0] == TABLE_LEAF || page[0] == INDEX_LEAF)
            break;
        number = u32_take(page + 8);
    }
    t->top = depth - 1;
    for (unsigned level = 0; level < depth; level++) {
        number = numbers[depth - 1 - level];
        status = leaves_file_read(l, page, l->page_size, leaves_page_at(l, number));
        if (status != STATUS_OK)
            return status;
        if (!leaves_node_ready(l, &t->nodes[level]))
            return STATUS_FAILED;
        int64_t key = t->last_key;
        if (!node_take(l, t, level, page))
            return STATUS_END;
        if (level > 0) /* the leaf's is the last */
            t->last_key = key;
        t->nodes[level].number = number;
    }
    return STATUS_OK;
}

enum status leaves_open(struct leaves *l, struct leaves_tree *t)
{
    uint8_t *page = malloc(l->page_size);
    enum status status = STATUS_OK;

    assert(!t->open);
    if (!page)
        return error_no_memory(&l->error, "writing %s: no memory", case_file_name(l->file));
    status = leaves_between_begin(l);
    enum status found = status == STATUS_OK ? edge_read(l, t, page) : status;
    free(page);
    if (status == STATUS_OK)
        status = leaves_between_end(l);
    if (status == STATUS_OK)
        status = found;
    if (status == STATUS_OK) {
        t->open = true;
        t->next = l->open;
        l->open = t;
    }
    return status;
}

/* ---- and back to SQLite ---- */

static enum status edge_write(struct leaves *l, struct leaves_tree *t)
{
    enum status status = STATUS_OK;
    uint32_t below = 0;

    assert(t->nodes[0].lent_len == 0 && l->run.count == 0);
    for (unsigned level = 0; level <= t->top && status == STATUS_OK; level++) {
        struct leaves_node *n = &t->nodes[level];
        uint32_t number = level == t->top ? t->root : n->number;
        if (number == 0)
            status = leaves_page_take(l, &number, true);
        if (level > 0)
            u32_put(n->page + 8, below);
        if (status == STATUS_OK)
            status = node_write(l, t, level, number);
        below = number;
    }
    t->open = false;
    return status;
}

static enum status link_between(struct leaves *l)
{
    enum status status = STATUS_OK;
    uint8_t head[FILE_HEAD];

    while (l->open && status == STATUS_OK) {
        struct leaves_tree *t = l->open;
        l->open = t->next;
        status = edge_write(l, t);
    }
    if (status == STATUS_OK)
        status = leaves_file_read(l, head, sizeof head, 0);
    return status == STATUS_OK ? leaves_head_write(l, head) : status;
}

enum status leaves_link(struct leaves *l)
{
    if (!l->open)
        return STATUS_OK;
    enum status status = leaves_between_begin(l);
    if (status == STATUS_OK)
        status = link_between(l);
    return status == STATUS_OK ? leaves_between_end(l) : status;
}

/* Puts the pages that are left into the list of free ones: trunks, each of which names others. */
static enum status rest_free(struct leaves *l, uint8_t *page)
{
    const uint32_t names_most = l->page_size / 4 - 8;
    uint8_t head[FILE_HEAD];
    enum status status = leaves_file_read(l, head, sizeof head, 0);

    while (status == STATUS_OK && l->next < l->end) {
        uint32_t trunk = l->next++, names = 0;
        if (leaves_is_locked(l, trunk))
            continue;
        memset(page, 0, l->page_size);
        u32_put(page, u32_take(head + AT_FREE_FIRST));
        while (names < names_most && l->next < l->end) {
            if (!leaves_is_locked(l, l->next))
                u32_put(page + 8 + 4 * (size_t)names++, l->next);
            l->next++;
        }
        u32_put(page + 4, names);
        status = leaves_file_write(l, page, l->page_size, leaves_page_at(l, trunk));
        u32_put(head + AT_FREE_FIRST, trunk);
        u32_put(head + AT_FREE_COUNT, u32_take(head + AT_FREE_COUNT) + 1 + names);
    }
    return status == STATUS_OK ? leaves_head_write(l, head) : status;
}

/* Cuts off the pages that are left, where none of SQLite's lie behind them. */
static enum status rest_cut(struct leaves *l)
{
    uint8_t head[FILE_HEAD];
    enum status status = leaves_file_read(l, head, sizeof head, 0);

    if (status != STATUS_OK || u32_take(head + AT_PAGES) != l->end - 1)
        return status;
    if (leaves_is_locked(l, l->next - 1)) /* it would be the last */
        return STATUS_OK;
    l->end = l->next;
    u32_put(head + AT_PAGES, l->end - 1);
    status = leaves_head_write(l, head);
    if (status == STATUS_OK && ftruncate(l->file->lock, leaves_page_at(l, l->end)) != 0)
        status = leaves_failed(l, "writing");
    return status;
}

enum status leaves_end(struct leaves *l)
{
    if (!l->file || (!l->open && l->next == l->end))
        return STATUS_OK;
    uint8_t *page = malloc(l->page_size);
    if (!page)
        return error_no_memory(&l->error, "writing %s: no memory", case_file_name(l->file));
    enum status status = leaves_between_begin(l);
    if (status == STATUS_OK)
        status = link_between(l);
    if (status == STATUS_OK)
        status = rest_cut(l);
    if (status == STATUS_OK)
        status = rest_free(l, page);
    if (status == STATUS_OK)
        status = leaves_between_end(l);
    free(page);
    return status;
}

/* ---- a table as if it had no rows ---- */

/* Writes the page in nodes[0] where the tree begins, between two transactions; what was there is in nodes[1] then, if it is
 * asked for. */
static enum status root_write(struct leaves *l, struct leaves_tree *t, uint8_t *before)
{
    uint8_t head[FILE_HEAD];
    enum status status = leaves_between_begin(l);

    if (status == STATUS_OK && before)
        status = leaves_file_read(l, before, l->page_size, leaves_page_at(l, t->root));
    if (status == STATUS_OK)
        status = leaves_file_write(l, t->nodes[0].page, l->page_size, leaves_page_at(l, t->root));
    if (status == STATUS_OK)
        status = leaves_file_read(l, head, sizeof head, 0);
    if (status == STATUS_OK)
        status = leaves_head_write(l, head);
    return status == STATUS_OK ? leaves_between_end(l) : status;
}

enum status leaves_hide(struct leaves *l, struct leaves_tree *t)
{
    assert(!t->open && !t->without_rowid);
    if (!leaves_node_ready(l, &t->nodes[0]) || !leaves_node_ready(l, &t->nodes[1]))
        return STATUS_FAILED;
    memset(t->nodes[0].page, 0, l->page_size);
    t->nodes[0].page[0] = TABLE_LEAF;
    u16_put(t->nodes[0].page + 5, l->page_size);
    return root_write(l, t, t->nodes[1].page);
}

enum status leaves_show(struct leaves *l, struct leaves_tree *t)
{
    memcpy(t->nodes[0].page, t->nodes[1].page, l->page_size);
    return root_write(l, t, NULL);
}

/* ---- making them ---- */

/* The single number that `sql` gives; 0: none. */
static int64_t ask(sqlite3 *db, const char *sql, const char *name)
{
    sqlite3_stmt *s = NULL;
    int64_t value = 0;

    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK) {
        if (sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC) != SQLITE_NOMEM &&
            sqlite3_step(s) == SQLITE_ROW)
            value = sqlite3_column_int64(s, 0);
    }
    sqlite3_finalize(s);
    return value;
}

bool leaves_init(struct leaves *l, struct case_file *file)
{
    uint8_t head[FILE_HEAD];

    *l = (struct leaves){.file = file};
    int64_t page_size = ask(file->db, "PRAGMA page_size", "");
    if (page_size < 512 || page_size > LEAVES_PAGE_MOST ||
        leaves_file_read(l, head, sizeof head, 0) != STATUS_OK || head[AT_RESERVED] != 0 ||
        u32_take(head + AT_AUTOVACUUM) != 0) {
        l->file = NULL;
        return false;
    }
    l->page_size = (uint32_t)page_size;
    return true;
}

void leaves_release(struct leaves *l)
{
    free(l->found);
    *l = (struct leaves){0};
}

bool leaves_tree_init(struct leaves_tree *t, struct leaves *l, const char *name, bool without_rowid)
{
    int64_t root = ask(l->file->db,
                       "SELECT rootpage FROM main.sqlite_master WHERE name = ?1"
                       " AND type IN ('table', 'index')",
                       name);

    *t = (struct leaves_tree){.root = (uint32_t)root, .without_rowid = without_rowid};
    return root >= 2 && root <= UINT32_MAX;
}

enum status leaves_tree_missing(struct leaves *l, const char *name)
{
    const int code = sqlite3_errcode(l->file->db) & 0xff;

    if (code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE)
        return case_file_fault(l->file, "writing", &l->error);
    return error_set(&l->error, "writing %s: %s is not there", case_file_name(l->file), name);
}

void leaves_tree_release(struct leaves_tree *t)
{
    for (unsigned i = 0; i < LEAVES_LEVELS; i++)
        free(t->nodes[i].page);
    *t = (struct leaves_tree){0};
}
