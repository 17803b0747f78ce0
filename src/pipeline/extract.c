/* extract.c - the original frames of a flow, out of the evidence into a pcapng
 * (draft-ietf-opsawg-pcapng: section header, interface description and enhanced packet blocks). */
#include "pipeline/extract.h"

#include "base/buffer.h"
#include "pipeline/evidence_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BLOCK_SECTION = 0x0a0d0d0a,
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 6,
    BYTE_ORDER_MAGIC = 0x1a2b3c4d,
    OPTION_NAME = 2,
    OPTION_RESOLUTION = 9,
    OPTION_APPLICATION = 4,
    BATCH = 32768,             /* frames at hand while they are put in order */
    FRAME_CEILING = 256 << 20, /* bytes: as the longest that a capture may hold */
};

/* An interface of the output: one of the evidence's. */
struct out_interface {
    uint32_t evidence_id, interface_id;
    uint32_t link_type, snap_len;
    char *name;
};

struct extraction {
    struct reader *reader;
    struct evidence_row *rows;
    struct evidence_file **files; /* by index of rows; opened when first needed */
    size_t row_count;
    struct out_interface *interfaces;
    size_t interface_count;
    const char *case_path, *folder;
    FILE *out;
    uint32_t last_evidence_id; /* of the frame last written, with its number */
    uint64_t last_number;
    struct buffer block;
    bool no_memory; /* for a part of the block */
    struct error *err;
};

/* ---- blocks: little-endian, each ends as it began with its length ---- */

/* Once there was no memory for a part, the block is not written. */
static void add_bytes(struct extraction *x, const void *data, size_t len)
{
    if (!buffer_add(&x->block, data, len))
        x->no_memory = true;
}

static void add_le(struct extraction *x, uint64_t value, size_t len)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    add_bytes(x, bytes, len);
}

/* Up to a multiple of four. */
static void add_padding(struct extraction *x)
{
    static const uint8_t zeros[4];
    add_bytes(x, zeros, (4 - x->block.len % 4) % 4);
}

static void add_option(struct extraction *x, uint16_t code, const void *data, size_t len)
{
    add_le(x, code, 2);
    add_le(x, len, 2);
    add_bytes(x, data, len);
    add_padding(x);
}

static enum status write_block(struct extraction *x, uint32_t type)
{
    struct buffer *body = &x->block;
    uint32_t len = (uint32_t)body->len + 12;
    uint8_t head[8], tail[4];

    if (x->no_memory)
        return error_no_memory(x->err, "writing the frames: no memory");
    for (int i = 0; i < 4; i++) {
        head[i] = (uint8_t)(type >> (8 * i));
        head[4 + i] = tail[i] = (uint8_t)(len >> (8 * i));
    }
    bool done = fwrite(head, sizeof head, 1, x->out) == 1 &&
                (body->len == 0 || fwrite(body->data, body->len, 1, x->out) == 1) &&
                fwrite(tail, sizeof tail, 1, x->out) == 1;
    buffer_clear(body);
    return done ? STATUS_OK : error_set(x->err, "writing the frames: %s", strerror(errno));
}

static enum status write_section(struct extraction *x)
{
    static const char application[] = "seine";
    add_le(x, BYTE_ORDER_MAGIC, 4);
    add_le(x, 1, 2); /* version 1.0 */
    add_le(x, 0, 2);
    add_le(x, UINT64_MAX, 8); /* length not said */
    add_option(x, OPTION_APPLICATION, application, sizeof application - 1);
    add_option(x, 0, NULL, 0);
    return write_block(x, BLOCK_SECTION);
}

static enum status write_interface(struct extraction *x, const struct out_interface *i)
{
    static const uint8_t nanoseconds = 9;
    size_t name_len = i->name ? strlen(i->name) : 0;

    add_le(x, i->link_type, 2);
    add_le(x, 0, 2);
    add_le(x, i->snap_len, 4);
    if (name_len > 0 && name_len <= UINT16_MAX)
        add_option(x, OPTION_NAME, i->name, name_len);
    add_option(x, OPTION_RESOLUTION, &nanoseconds, 1);
    add_option(x, 0, NULL, 0);
    return write_block(x, BLOCK_INTERFACE);
}

/* ---- what the case says ---- */

static enum status load_interfaces(struct extraction *x)
{
    sqlite3_stmt *s;
    size_t room = 0;
    enum status status = reader_prepare(x->reader, &s,
                                        "SELECT evidence_id, interface_id, link_type, snap_len, "
                                        "name FROM interfaces ORDER BY evidence_id, interface_id",
                                        x->err);

    while (status == STATUS_OK && sqlite3_step(s) == SQLITE_ROW) {
        if (x->interface_count == room) {
            room = room ? room * 2 : 8;
            void *more = realloc(x->interfaces, room * sizeof *x->interfaces);
            if (!more) {
                status = error_no_memory(x->err, "no memory");
                break;
            }
            x->interfaces = more;
        }
        bool has_name = sqlite3_column_type(s, 4) != SQLITE_NULL;
        const char *name = has_name ? (const char *)sqlite3_column_text(s, 4) : NULL;
        char *copy = name ? strdup(name) : NULL;
        if (has_name && !copy) {
            status = error_no_memory(x->err, "no memory");
            break;
        }
        x->interfaces[x->interface_count++] =
            (struct out_interface){.evidence_id = (uint32_t)sqlite3_column_int64(s, 0),
                                   .interface_id = (uint32_t)sqlite3_column_int64(s, 1),
                                   .link_type = (uint32_t)sqlite3_column_int64(s, 2),
                                   .snap_len = (uint32_t)sqlite3_column_int64(s, 3),
                                   .name = copy};
    }
    if (sqlite3_finalize(s) != SQLITE_OK && status == STATUS_OK)
        status =
            error_set(x->err, "reading %s: %s", x->case_path, sqlite3_errmsg(reader_db(x->reader)));
    return status;
}

static enum status flow_exists(struct extraction *x, int64_t flow_id)
{
    sqlite3_stmt *s;
    enum status status =
        reader_prepare(x->reader, &s, "SELECT 1 FROM flows WHERE flow_id = ?", x->err);
    if (status == STATUS_OK) {
        sqlite3_bind_int64(s, 1, flow_id);
        if (sqlite3_step(s) != SQLITE_ROW)
            status = error_set(x->err, "%s has no flow %" PRId64, x->case_path, flow_id);
    }
    sqlite3_finalize(s);
    return status;
}

/* The evidence that a frame lies in, opened when it is first asked for. */
static struct evidence_file *file_of(struct extraction *x, uint32_t evidence_id)
{
    size_t i = 0;
    while (i < x->row_count && x->rows[i].evidence_id != evidence_id)
        i++;
    if (i == x->row_count) {
        error_set(x->err, "%s names evidence %" PRIu32 ", which it does not describe", x->case_path,
                  evidence_id);
        return NULL;
    }
    if (x->files[i])
        return x->files[i];
    struct evidence_place place;
    evidence_find(&place, &x->rows[i], x->case_path, x->folder, KNOWN_BY_FINGERPRINT);
    if (place.no_memory) {
        error_no_memory(x->err, "no memory to find the evidence %s",
                        evidence_row_name(&x->rows[i]));
        evidence_place_release(&place);
        return NULL;
    }
    switch (place.found) {
    case FOUND:
        evidence_open(&x->files[i], place.path, x->rows[i].format, x->err);
        break;
    case FOUND_CHANGED:
        error_set(x->err,
                  "%s is not the file that the case was made from: its size or content "
                  "has changed",
                  evidence_row_name(&x->rows[i]));
        break;
    case FOUND_NOT:
        error_set(x->err,
                  "the evidence %s is neither where it was nor beside the case; "
                  "--evidence FOLDER says where else",
                  evidence_row_name(&x->rows[i]));
        break;
    }
    evidence_place_release(&place);
    return x->files[i];
}

/* ---- frames ---- */

static enum status write_frame(struct extraction *x, const struct frame_record *r)
{
    struct evidence_file *file = file_of(x, r->evidence_id);
    size_t i = 0;

    if (!file)
        return STATUS_FAILED;
    while (i < x->interface_count && (x->interfaces[i].evidence_id != r->evidence_id ||
                                      x->interfaces[i].interface_id != r->interface_id))
        i++;
    if (i == x->interface_count || r->captured > FRAME_CEILING)
        return error_set(x->err, "%s describes frame %" PRIu64 " in a way that makes no sense",
                         x->case_path, r->number);
    uint64_t time = (uint64_t)r->time_ns;
    add_le(x, i, 4);
    add_le(x, time >> 32, 4);
    add_le(x, time, 4);
    add_le(x, r->captured, 4);
    add_le(x, r->wire_len, 4);
    uint8_t *bytes = buffer_reserve(&x->block, r->captured);
    if (!bytes)
        return error_no_memory(x->err, "no memory for frame %" PRIu64, r->number);
    enum status status = evidence_read(file, bytes, r->captured, r->offset, x->err);
    if (status != STATUS_OK)
        return status;
    x->block.len += r->captured;
    add_padding(x);
    return write_block(x, BLOCK_PACKET);
}

/* Frames of one capture come in order but for fragments, which are told with their datagram. */
static void put_in_order(struct frame_record *records, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct frame_record one = records[i];
        size_t at = i;
        while (at > 0 && records[at - 1].evidence_id == one.evidence_id &&
               records[at - 1].number > one.number) {
            records[at] = records[at - 1];
            at--;
        }
        records[at] = one;
    }
}

/* Writes the first `count` records. */
static enum status write_records(struct extraction *x, const struct frame_record *records,
                                 size_t count, uint64_t *frames)
{
    for (size_t i = 0; i < count; i++) {
        const struct frame_record *r = &records[i];
        if (r->evidence_id == x->last_evidence_id && r->number == x->last_number)
            continue; /* it belongs to the flow twice: an error that quotes itself */
        if (write_frame(x, r) != STATUS_OK)
            return STATUS_FAILED;
        x->last_evidence_id = r->evidence_id;
        x->last_number = r->number;
        (*frames)++;
    }
    return STATUS_OK;
}

/* Half of what is at hand stays there, so that a frame finds its place up to BATCH / 2 others before
 * the one that it came after. */
static enum status write_frames(struct extraction *x, int64_t flow_id, uint64_t *frames)
{
    struct frame_record *records = calloc(BATCH, sizeof *records);
    struct frame_cursor *cursor = NULL;
    size_t count = 0;
    enum status status = records ? frame_cursor_open(&cursor, x->reader, flow_id, x->err)
                                 : error_no_memory(x->err, "no memory");

    while (status == STATUS_OK) {
        status = frame_cursor_next(cursor, &records[count], x->err);
        count += status == STATUS_OK;
        if (status == STATUS_FAILED || (status == STATUS_OK && count < BATCH))
            continue;
        size_t ready = status == STATUS_END ? count : BATCH / 2;
        put_in_order(records, count);
        if (write_records(x, records, ready, frames) != STATUS_OK)
            status = STATUS_FAILED;
        count -= ready;
        memmove(records, records + ready, count * sizeof *records);
    }
    frame_cursor_close(cursor);
    free(records);
    return status == STATUS_END ? STATUS_OK : status;
}

static enum status write_all(struct extraction *x, int64_t flow_id, uint64_t *frames)
{
    enum status status = write_section(x);
    for (size_t i = 0; i < x->interface_count && status == STATUS_OK; i++)
        status = write_interface(x, &x->interfaces[i]);
    return status == STATUS_OK ? write_frames(x, flow_id, frames) : status;
}

/* Gives the whole file its name, never in place of another. */
static enum status name_partial(struct extraction *x, const char *partial, const char *out_path)
{
    if (link(partial, out_path) == 0 ||
        (errno != EEXIST && /* a filesystem without hard links */
         renameat2(AT_FDCWD, partial, AT_FDCWD, out_path, RENAME_NOREPLACE) == 0))
        return STATUS_OK;
    if (errno == EEXIST)
        return error_set(x->err, "%s exists already; nothing was written", out_path);
    return error_set(x->err, "writing %s: %s", out_path, strerror(errno));
}

/* The file appears under its name only when it is whole. */
static enum status write_file(struct extraction *x, int64_t flow_id, const char *out_path,
                              uint64_t *frames)
{
    char *partial = NULL;
    enum status status;

    if (access(out_path, F_OK) == 0)
        return error_set(x->err, "%s exists already; nothing was written", out_path);
    if (asprintf(&partial, "%s.partial", out_path) < 0)
        return error_no_memory(x->err, "no memory");
    int fd = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        status = errno == EEXIST
                     ? error_set(x->err,
                                 "%s is in the way: being written, or left by a run that was "
                                 "cut off",
                                 partial)
                     : error_set(x->err, "writing %s: %s", out_path, strerror(errno));
        free(partial);
        return status;
    }
    x->out = fdopen(fd, "wb");
    if (x->out) {
        status = write_all(x, flow_id, frames);
        if (fclose(x->out) != 0 && status == STATUS_OK)
            status = error_set(x->err, "writing %s: %s", out_path, strerror(errno));
    } else {
        status = error_no_memory(x->err, "writing %s: no memory", out_path);
        close(fd);
    }
    if (status == STATUS_OK)
        status = name_partial(x, partial, out_path);
    unlink(partial);
    free(partial);
    return status;
}

enum status extract_flow(uint64_t *frames, const char *case_path, int64_t flow_id,
                         const char *out_path, const char *folder, struct error *err)
{
    struct extraction x = {.case_path = case_path, .folder = folder, .err = err};

    *frames = 0;
    buffer_init(&x.block, FRAME_CEILING + 4096);
    enum status status = reader_open(&x.reader, case_path, err);
    if (status == STATUS_OK)
        status = flow_exists(&x, flow_id);
    if (status == STATUS_OK)
        status = evidence_rows(&x.rows, &x.row_count, x.reader, err);
    if (status == STATUS_OK)
        status = load_interfaces(&x);
    if (status == STATUS_OK && !(x.files = calloc(x.row_count + 1, sizeof(struct evidence_file *))))
        status = error_no_memory(err, "no memory");
    if (status == STATUS_OK && strcmp(out_path, "-") == 0) {
        x.out = stdout;
        status = write_all(&x, flow_id, frames);
        if (status == STATUS_OK && fflush(stdout) != 0)
            status = error_set(err, "writing the frames: %s", strerror(errno));
    } else if (status == STATUS_OK) {
        status = write_file(&x, flow_id, out_path, frames);
    }

    for (size_t i = 0; x.files && i < x.row_count; i++)
        evidence_close(x.files[i]);
    free(x.files);
    for (size_t i = 0; i < x.interface_count; i++)
        free(x.interfaces[i].name);
    free(x.interfaces);
    evidence_rows_free(x.rows, x.row_count);
    buffer_release(&x.block);
    reader_close(x.reader);
    return status;
}
