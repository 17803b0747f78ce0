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
#include "store/leaves.h"

#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILE_HEAD = 100, /* bytes, and where in them stands what: */
    AT_RESERVED = 20,
    AT_CHANGES = 24,
    AT_PAGES = 28,
    AT_FREE_FIRST = 32,
    AT_FREE_COUNT = 36,
    AT_AUTOVACUUM = 52,
    AT_PAGES_VALID = 92,

    LEAF_HEAD = 8, /* bytes in front of the list of a page's cells */
    INNER_HEAD = 12,
    TABLE_LEAF = 0x0d, /* the first byte of such a page */
    TABLE_INNER = 0x05,
    INDEX_LEAF = 0x0a,
    INDEX_INNER = 0x02,

    LOCKED_BYTE = 0x40000000, /* the page with it holds nothing */
    DIVIDER_MOST = 4200,      /* of an index row on LEAVES_PAGE_MOST, with its length */

    EXTENT_LEAST = 8,
    EXTENT_MOST = 16 << 20, /* bytes */

    UNUSED_MOST = 96, /* bytes of a leaf that a row leaves free, which fills it all the same */
};

/* ---- the file ---- */

static enum status failed(struct leaves *l, const char *what)
{
    return error_set(&l->error, "%s %s: %s", what, case_file_name(l->file), strerror(errno));
}

static enum status file_write(struct leaves *l, const uint8_t *bytes, size_t len, off_t at)
{
    while (len > 0) {
        ssize_t written = pwrite(l->file->lock, bytes, len, at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written == 0)
            errno = ENOSPC;
        if (written <= 0)
            return failed(l, "writing");
        bytes += written;
        len -= (size_t)written;
        at += written;
    }
    return STATUS_OK;
}

/* What lies in a mapped file that became shorter, the kernel does not find; who looks at it gets zeros, and the run fails
 * for that when the capture ends (capture/guard.h). */
static void touch(const struct iovec *part)
{
    enum { STEP = 1024 };
    const volatile uint8_t *bytes = part->iov_base;

    for (size_t at = 0; at < part->iov_len; at += STEP)
        (void)bytes[at];
    if (part->iov_len > 0)
        (void)bytes[part->iov_len - 1];
}

/* Writes what lies in several places, one behind the other. Changes `parts`. */
static enum status file_write_parts(struct leaves *l, struct iovec *parts, int count, off_t at)
{
    bool touched = false;

    while (count > 0) {
        ssize_t written = pwritev(l->file->lock, parts, count, at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno == EFAULT && !touched) {
            for (int i = 0; i < count; i++)
                touch(&parts[i]);
            touched = true;
            continue;
        }
        if (written == 0)
            errno = ENOSPC;
        if (written <= 0)
            return failed(l, "writing");
        at += written;
        while (count > 0 && (size_t)written >= parts->iov_len) {
            written -= (ssize_t)parts->iov_len;
            parts++;
            count--;
        }
        if (count > 0) {
            parts->iov_base = (uint8_t *)parts->iov_base + written;
            parts->iov_len -= (size_t)written;
        }
    }
    return STATUS_OK;
}

static enum status file_read(struct leaves *l, uint8_t *bytes, size_t len, off_t at)
{
    while (len > 0) {
        ssize_t taken = pread(l->file->lock, bytes, len, at);
        if (taken < 0 && errno == EINTR)
            continue;
        if (taken == 0)
            return error_set(&l->error, "reading %s: it ends early", case_file_name(l->file));
        if (taken < 0)
            return failed(l, "reading");
        bytes += taken;
        len -= (size_t)taken;
        at += taken;
    }
    return STATUS_OK;
}

static off_t page_at(const struct leaves *l, uint32_t number)
{
    return (off_t)(number - 1) * l->page_size;
}

static enum status sql_run(struct leaves *l, const char *sql)
{
    if (sqlite3_exec(l->file->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return case_file_fault(l->file, "writing", &l->error);
    return STATUS_OK;
}

/* Between the two, all that SQLite has written is in the file, and it looks at the file anew afterwards, if the head has
 * changed. */
static enum status between_begin(struct leaves *l)
{
    sqlite3_stmt *s = NULL;

    while ((s = sqlite3_next_stmt(l->file->db, s)) != NULL) /* it would not look at the file anew */
        if (sqlite3_stmt_busy(s))
            return error_set(&l->error, "writing %s: a statement is still at work: %s",
                             case_file_name(l->file), sqlite3_sql(s));
    return sql_run(l, "COMMIT");
}

/* Writing what is there already locks the file. BEGIN IMMEDIATE would lock images as well, which may only be read. */
static enum status between_end(struct leaves *l)
{
    char sql[64];

    snprintf(sql, sizeof sql, "BEGIN; PRAGMA main.application_id = %d", (int)STORE_APPLICATION_ID);
    return sql_run(l, sql);
}

/* Writes the head, so that SQLite sees that it is another. */
static enum status head_write(struct leaves *l, uint8_t head[FILE_HEAD])
{
    uint32_t changes = u32_take(head + AT_CHANGES) + 1;

    u32_put(head + AT_CHANGES, changes);
    u32_put(head + AT_PAGES_VALID, changes);
    return file_write(l, head, FILE_HEAD, 0);
}

/* Sets pages apart, between two transactions: an eighth of what there is, within bounds. The file becomes as long at
 * once, since SQLite takes one that is shorter than its head says for damaged. */
static enum status extent_take(struct leaves *l)
{
    uint8_t head[FILE_HEAD];
    enum status status = file_read(l, head, sizeof head, 0);

    assert(l->next == l->end);
    if (status != STATUS_OK)
        return status;
    const uint32_t pages = u32_take(head + AT_PAGES), most = EXTENT_MOST / l->page_size;
    uint32_t more = pages / 8;
    more = more < EXTENT_LEAST ? EXTENT_LEAST : more > most ? most : more;
    if (pages > UINT32_MAX - 2 - more)
        return error_set(&l->error, "writing %s: it is too long", case_file_name(l->file));
    l->next = pages + 1;
    l->end = pages + 1 + more;
    if (ftruncate(l->file->lock, page_at(l, l->end)) != 0)
        return failed(l, "writing");
    u32_put(head + AT_PAGES, l->end - 1);
    return head_write(l, head);
}

static bool is_locked(const struct leaves *l, uint32_t number)
{
    return number == LOCKED_BYTE / l->page_size + 1;
}

/* A page for us. `between`: no transaction is open. */
static enum status page_take(struct leaves *l, uint32_t *number, bool between)
{
    enum status status = STATUS_OK;

    if (l->next < l->end && is_locked(l, l->next))
        l->next++;
    if (l->next == l->end) {
        if (!between)
            status = between_begin(l);
        if (status == STATUS_OK)
            status = extent_take(l);
        if (!between && status == STATUS_OK)
            status = between_end(l);
        if (status == STATUS_OK && is_locked(l, l->next))
            l->next++;
    }
    *number = l->next++;
    return status;
}

/* ---- pages ---- */

static unsigned head_len(unsigned level)
{
    return level == 0 ? LEAF_HEAD : INNER_HEAD;
}

static bool node_ready(struct leaves *l, struct leaves_node *n)
{
    if (!n->page)
        n->page = malloc(l->page_size);
    if (!n->page)
        error_no_memory(&l->error, "writing %s: no memory", case_file_name(l->file));
    return n->page != NULL;
}

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
    const size_t list = head_len(level) + 2 * (size_t)n->cells;

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
    return parts == 0 ? STATUS_OK : file_write_parts(l, run->parts, parts, page_at(l, run->first));
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
    const size_t list_end = head_len(level) + 2 * (size_t)n->cells;
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
    return file_write(l, n->page, l->page_size, page_at(l, number));
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
        if (!node_ready(l, &t->nodes[level + 1]))
            return STATUS_FAILED;
        node_clear(l, &t->nodes[level + 1]);
        t->top++;
        *number = 0;
    }
    if (*number == 0)
        status = page_take(l, number, false);
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
    enum status status = STATUS_OK;

    if (!cell) { /* its last child leads on, and what divides that from the next goes up */
        uint8_t up[DIVIDER_MOST];
        size_t up_len;
        uint32_t number;
        const uint8_t *last = node_pop(n, &up_len);

        assert(up_len - 4 <= sizeof up);
        memcpy(up, last + 4, up_len - 4);
        memcpy(n->page + 8, last, 4);
        status = node_close(l, t, level, &number);
        if (status == STATUS_OK)
            status = child_add(l, t, level + 1, number, up, up_len - 4);
        cell = node_add(n, level, 4 + len);
    }
    u32_put(cell, child);
    memcpy(cell + 4, divider, len);
    return status;
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

/* Bytes of a record that lie in its cell, at most. */
static size_t record_most(const struct leaves *l, bool without_rowid)
{
    return without_rowid ? (l->page_size - 12) * 64 / 255 - 23 : l->page_size - 35;
}

static void pieces_copy(uint8_t *to, const struct iovec *pieces, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        memcpy(to, pieces[i].iov_base, pieces[i].iov_len);
        to += pieces[i].iov_len;
    }
}

static enum status add(struct leaves *l, struct leaves_tree *t, const struct row_value *row,
                       int columns, const struct iovec *pieces, unsigned piece_count)
{
    const bool key_apart = !t->without_rowid;
    struct leaves_node *n = &t->nodes[0];
    struct record r;

    assert(t->open && columns >= 1 && columns <= RECORD_COLUMNS);
    record_measure(&r, row, columns, key_apart);
    if (r.len > record_most(l, t->without_rowid))
        return STATUS_END;
    size_t len = number_len(r.len) + (key_apart ? number_len((uint64_t)row[0].number) : 0) + r.len;
    uint8_t *cell = node_add(n, 0, len);
    if (!cell) {
        enum status status = leaf_close(l, t);
        if (status != STATUS_OK)
            return status;
        cell = node_add(n, 0, len);
    }
    cell = number_put(cell, r.len);
    if (key_apart)
        cell = number_put(cell, (uint64_t)row[0].number);
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
    t->last_key = row[0].number;
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

/* How long a cell is; 0 when it does not end in the page, or leads to others. */
static size_t cell_len(const struct leaves *l, const struct leaves_tree *t, unsigned level,
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
    if (record > record_most(l, t->without_rowid) || len + record > room)
        return 0;
    return len + (size_t)record < 4 ? 4 : len + (size_t)record;
}

/* Copies the cells of a page so that they lie as we lay them. */
static bool node_take(const struct leaves *l, struct leaves_tree *t, unsigned level,
                      const uint8_t *page)
{
    struct leaves_node *n = &t->nodes[level];
    const unsigned count = u16_take(page + 3);

    node_clear(l, n);
    memcpy(n->page, page, head_len(level));
    if (head_len(level) + 2 * (size_t)count > l->page_size)
        return false;
    for (unsigned i = 0; i < count; i++) {
        size_t at = u16_take(page + head_len(level) + 2 * (size_t)i);
        size_t len = at < l->page_size
                         ? cell_len(l, t, level, page + at, l->page_size - at, &t->last_key)
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
        status = file_read(l, page, l->page_size, page_at(l, number));
        if (status != STATUS_OK)
            return status;
        if (page[0] == TABLE_LEAF || page[0] == INDEX_LEAF)
            break;
        number = u32_take(page + 8);
    }
    t->top = depth - 1;
    for (unsigned level = 0; level < depth; level++) {
        number = numbers[depth - 1 - level];
        status = file_read(l, page, l->page_size, page_at(l, number));
        if (status != STATUS_OK)
            return status;
        if (!node_ready(l, &t->nodes[level]))
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
    status = between_begin(l);
    enum status found = status == STATUS_OK ? edge_read(l, t, page) : status;
    free(page);
    if (status == STATUS_OK)
        status = between_end(l);
    if (status == STATUS_OK)
        status = found;
    if (status == STATUS_OK) {
        t->open = true;
        t->next = l->open;
        l->open = t;
    }
    return status;
}

/* ---- finding a row ---- */

/* Where a cell of a page lies; NULL: outside of it. */
static const uint8_t *cell_at(const struct leaves *l, const uint8_t *page, unsigned level,
                              unsigned index)
{
    const size_t at = u16_take(page + head_len(level) + 2 * (size_t)index);
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

    if (!cell || cell_len(l, t, 0, cell, (size_t)(page + l->page_size - cell), &found) == 0 ||
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
        enum status status = file_read(l, l->found, l->page_size, page_at(l, number));
        if (status != STATUS_OK)
            return status;
        const unsigned count = u16_take(page + 3);
        if (page[0] != TABLE_LEAF && page[0] != TABLE_INNER)
            return STATUS_END;
        if (head_len(page[0] == TABLE_INNER) + 2 * (size_t)count > l->page_size)
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
            status = page_take(l, &number, true);
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
        status = file_read(l, head, sizeof head, 0);
    return status == STATUS_OK ? head_write(l, head) : status;
}

enum status leaves_link(struct leaves *l)
{
    if (!l->open)
        return STATUS_OK;
    enum status status = between_begin(l);
    if (status == STATUS_OK)
        status = link_between(l);
    return status == STATUS_OK ? between_end(l) : status;
}

/* Puts the pages that are left into the list of free ones: trunks, each of which names others. */
static enum status rest_free(struct leaves *l, uint8_t *page)
{
    const uint32_t names_most = l->page_size / 4 - 8;
    uint8_t head[FILE_HEAD];
    enum status status = file_read(l, head, sizeof head, 0);

    while (status == STATUS_OK && l->next < l->end) {
        uint32_t trunk = l->next++, names = 0;
        if (is_locked(l, trunk))
            continue;
        memset(page, 0, l->page_size);
        u32_put(page, u32_take(head + AT_FREE_FIRST));
        while (names < names_most && l->next < l->end) {
            if (!is_locked(l, l->next))
                u32_put(page + 8 + 4 * (size_t)names++, l->next);
            l->next++;
        }
        u32_put(page + 4, names);
        status = file_write(l, page, l->page_size, page_at(l, trunk));
        u32_put(head + AT_FREE_FIRST, trunk);
        u32_put(head + AT_FREE_COUNT, u32_take(head + AT_FREE_COUNT) + 1 + names);
    }
    return status == STATUS_OK ? head_write(l, head) : status;
}

/* Cuts off the pages that are left, where none of SQLite's lie behind them. */
static enum status rest_cut(struct leaves *l)
{
    uint8_t head[FILE_HEAD];
    enum status status = file_read(l, head, sizeof head, 0);

    if (status != STATUS_OK || u32_take(head + AT_PAGES) != l->end - 1)
        return status;
    if (is_locked(l, l->next - 1)) /* it would be the last */
        return STATUS_OK;
    l->end = l->next;
    u32_put(head + AT_PAGES, l->end - 1);
    status = head_write(l, head);
    if (status == STATUS_OK && ftruncate(l->file->lock, page_at(l, l->end)) != 0)
        status = failed(l, "writing");
    return status;
}

enum status leaves_end(struct leaves *l)
{
    if (!l->file || (!l->open && l->next == l->end))
        return STATUS_OK;
    uint8_t *page = malloc(l->page_size);
    if (!page)
        return error_no_memory(&l->error, "writing %s: no memory", case_file_name(l->file));
    enum status status = between_begin(l);
    if (status == STATUS_OK)
        status = link_between(l);
    if (status == STATUS_OK)
        status = rest_cut(l);
    if (status == STATUS_OK)
        status = rest_free(l, page);
    if (status == STATUS_OK)
        status = between_end(l);
    free(page);
    return status;
}

/* ---- a table as if it had no rows ---- */

/* Writes the page in nodes[0] where the tree begins, between two transactions; what was there is in nodes[1] then, if it is
 * asked for. */
static enum status root_write(struct leaves *l, struct leaves_tree *t, uint8_t *before)
{
    uint8_t head[FILE_HEAD];
    enum status status = between_begin(l);

    if (status == STATUS_OK && before)
        status = file_read(l, before, l->page_size, page_at(l, t->root));
    if (status == STATUS_OK)
        status = file_write(l, t->nodes[0].page, l->page_size, page_at(l, t->root));
    if (status == STATUS_OK)
        status = file_read(l, head, sizeof head, 0);
    if (status == STATUS_OK)
        status = head_write(l, head);
    return status == STATUS_OK ? between_end(l) : status;
}

enum status leaves_hide(struct leaves *l, struct leaves_tree *t)
{
    assert(!t->open && !t->without_rowid);
    if (!node_ready(l, &t->nodes[0]) || !node_ready(l, &t->nodes[1]))
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
    size_t len = cell_len(l, t, is_leaf ? 0 : 1, cell, room, &key);

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
    if (!node_ready(l, &t->nodes[depth]))
        return STATUS_FAILED;
    const uint8_t *page = t->nodes[depth].page;
    enum status status = file_read(l, t->nodes[depth].page, l->page_size, page_at(l, number));
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
    enum status status = between_begin(l);

    assert(!t->open && columns <= RECORD_COLUMNS);
    if (status != STATUS_OK)
        return status;
    enum status told = page_tell(l, t, &reading, 0, t->root);
    status = between_end(l);
    return status == STATUS_OK ? told : status;
}

/* ---- making them ---- */

/* The single number that `sql` gives; 0: none. */
static int64_t ask(sqlite3 *db, const char *sql, const char *name)
{
    sqlite3_stmt *s = NULL;
    int64_t value = 0;

    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK) {
        sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
        if (sqlite3_step(s) == SQLITE_ROW)
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
        file_read(l, head, sizeof head, 0) != STATUS_OK || head[AT_RESERVED] != 0 ||
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

void leaves_tree_release(struct leaves_tree *t)
{
    for (unsigned i = 0; i < LEAVES_LEVELS; i++)
        free(t->nodes[i].page);
    *t = (struct leaves_tree){0};
}
