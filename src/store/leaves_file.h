/* leaves_file.h - the file of a case beside SQLite: its pages, and those that are set apart for leaves. For leaves.c and
 * leaves_read.c.
 *
 * Failures leave a sentence in l->error. */
#ifndef SEINE_STORE_LEAVES_FILE_H
#define SEINE_STORE_LEAVES_FILE_H

#include "store/leaves.h"

#include <sys/types.h>

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
};

enum status leaves_failed(struct leaves *l, const char *what); /* of a call, by errno */

/* All of it, at a place in the file. The second, of bytes that lie in several places, changes `parts`. */
enum status leaves_file_write(struct leaves *l, const uint8_t *bytes, size_t len, off_t at);
enum status leaves_file_write_parts(struct leaves *l, struct iovec *parts, int count, off_t at);
enum status leaves_file_read(struct leaves *l, uint8_t *bytes, size_t len, off_t at);

static inline off_t leaves_page_at(const struct leaves *l, uint32_t number)
{
    return (off_t)(number - 1) * l->page_size;
}

static inline bool leaves_is_locked(const struct leaves *l, uint32_t number)
{
    return number == LOCKED_BYTE / l->page_size + 1;
}

/* Between the two no transaction is open: all that SQLite has written is in the file, and it looks at the file anew afterwards, if
 * the head has changed. */
enum status leaves_between_begin(struct leaves *l);
enum status leaves_between_end(struct leaves *l);

/* Writes the head, so that SQLite sees that it is another. */
enum status leaves_head_write(struct leaves *l, uint8_t head[FILE_HEAD]);

/* A page for us. `between`: no transaction is open. */
enum status leaves_page_take(struct leaves *l, uint32_t *number, bool between);

static inline unsigned leaves_head_len(unsigned level)
{
    return level == 0 ? LEAF_HEAD : INNER_HEAD;
}

/* Has the page of a node; false when there is no memory. */
bool leaves_node_ready(struct leaves *l, struct leaves_node *n);

/* Bytes of a record that lie in its cell, at most. */
static inline size_t leaves_record_most(const struct leaves *l, bool without_rowid)
{
    return without_rowid ? (l->page_size - 12) * 64 / 255 - 23 : l->page_size - 35;
}

/* leaves_read.c - how long a cell is; 0 when it does not end in the page, or leads to others. */
size_t leaves_cell_len(const struct leaves *l, const struct leaves_tree *t, unsigned level,
                       const uint8_t *cell, size_t room, int64_t *key);

#endif
