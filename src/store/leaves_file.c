/* leaves_file.c - the file of a case beside SQLite. */
#include "store/leaves_file.h"

#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXTENT_LEAST = 8, EXTENT_MOST = 16 << 20 }; /* the second in bytes */

enum status leaves_failed(struct leaves *l, const char *what)
{
    return error_set(&l->error, "%s %s: %s", what, case_file_name(l->file), strerror(errno));
}

enum status leaves_file_write(struct leaves *l, const uint8_t *bytes, size_t len, off_t at)
{
    while (len > 0) {
        ssize_t written = pwrite(l->file->lock, bytes, len, at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written == 0)
            errno = ENOSPC;
        if (written <= 0)
            return leaves_failed(l, "writing");
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

enum status leaves_file_write_parts(struct leaves *l, struct iovec *parts, int count, off_t at)
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
            return leaves_failed(l, "writing");
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

enum status leaves_file_read(struct leaves *l, uint8_t *bytes, size_t len, off_t at)
{
    while (len > 0) {
        ssize_t taken = pread(l->file->lock, bytes, len, at);
        if (taken < 0 && errno == EINTR)
            continue;
        if (taken == 0)
            return error_set(&l->error, "reading %s: it ends early", case_file_name(l->file));
        if (taken < 0)
            return leaves_failed(l, "reading");
        bytes += taken;
        len -= (size_t)taken;
        at += taken;
    }
    return STATUS_OK;
}

static enum status sql_run(struct leaves *l, const char *sql)
{
    if (sqlite3_exec(l->file->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return case_file_fault(l->file, "writing", &l->error);
    return STATUS_OK;
}

enum status leaves_between_begin(struct leaves *l)
{
    sqlite3_stmt *s = NULL;

    while ((s = sqlite3_next_stmt(l->file->db, s)) != NULL) /* it would not look at the file anew */
        if (sqlite3_stmt_busy(s))
            return error_set(&l->error, "writing %s: a statement is still at work: %s",
                             case_file_name(l->file), sqlite3_sql(s));
    return sql_run(l, "COMMIT");
}

/* Writing what is there already locks the file. BEGIN IMMEDIATE would lock images as well, which may only be read. */
enum status leaves_between_end(struct leaves *l)
{
    char sql[64];

    snprintf(sql, sizeof sql, "BEGIN; PRAGMA main.application_id = %d", (int)STORE_APPLICATION_ID);
    return sql_run(l, sql);
}

enum status leaves_head_write(struct leaves *l, uint8_t head[FILE_HEAD])
{
    uint32_t changes = u32_take(head + AT_CHANGES) + 1;

    u32_put(head + AT_CHANGES, changes);
    u32_put(head + AT_PAGES_VALID, changes);
    return leaves_file_write(l, head, FILE_HEAD, 0);
}

/* Sets pages apart, between two transactions: an eighth of what there is, within bounds. The file becomes as long at
 * once, since SQLite takes one that is shorter than its head says for damaged. */
static enum status extent_take(struct leaves *l)
{
    uint8_t head[FILE_HEAD];
    enum status status = leaves_file_read(l, head, sizeof head, 0);

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
    if (ftruncate(l->file->lock, leaves_page_at(l, l->end)) != 0)
        return leaves_failed(l, "writing");
    u32_put(head + AT_PAGES, l->end - 1);
    return leaves_head_write(l, head);
}

enum status leaves_page_take(struct leaves *l, uint32_t *number, bool between)
{
    enum status status = STATUS_OK;

    if (l->next < l->end && leaves_is_locked(l, l->next))
        l->next++;
    if (l->next == l->end) {
        if (!between)
            status = leaves_between_begin(l);
        if (status == STATUS_OK)
            status = extent_take(l);
        if (!between && status == STATUS_OK)
            status = leaves_between_end(l);
        if (status == STATUS_OK && leaves_is_locked(l, l->next))
            l->next++;
    }
    *number = l->next++;
    return status;
}

bool leaves_node_ready(struct leaves *l, struct leaves_node *n)
{
    if (!n->page)
        n->page = malloc(l->page_size);
    if (!n->page)
        error_no_memory(&l->error, "writing %s: no memory", case_file_name(l->file));
    return n->page != NULL;
}
