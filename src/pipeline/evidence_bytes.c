/* evidence_bytes.c - the function evidence_bytes(): what lies in a capture that a case was made from.
 *
 *     SELECT frame, evidence_bytes(evidence_id, file_offset, captured) FROM frames(7);
 *     SELECT fate, evidence_bytes(evidence_id, file_offset, captured) FROM segments(5);
 *
 * The capture is looked for where it was and beside the case, and is known by its size and fingerprint, as
 * `seine follow` knows it; a file that is another one is not read. A few stay open, for the next row. */
#include "pipeline/evidence_file.h"
#include "pipeline/files.h"
#include "store/value.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPEN_MOST = 8,        /* captures at once */
    BYTES_MAX = 64 << 20, /* at a time */
};

struct kept_file {
    uint32_t evidence_id;
    struct evidence_file *file; /* NULL: none */
};

/* What a connection has open: captures of one case. */
struct kept {
    const char *folder;  /* where else they may be; borrowed, or NULL */
    char *schema, *path; /* of the case */
    struct kept_file files[OPEN_MOST];
    unsigned next; /* the place to be given up */
};

static void forget(struct kept *k)
{
    for (size_t i = 0; i < OPEN_MOST; i++) {
        evidence_close(k->files[i].file);
        k->files[i].file = NULL;
    }
    free(k->schema);
    free(k->path);
    k->schema = k->path = NULL;
}

static void kept_free(void *context)
{
    forget(context);
    free(context);
}

/* Finds the capture, which is the same as it was, and opens it. */
static enum status open_row(struct evidence_file **file, const struct evidence_row *row,
                            const char *case_path, const char *folder, struct error *err)
{
    struct evidence_place place;
    enum status status;

    evidence_find(&place, row, case_path, folder, KNOWN_BY_FINGERPRINT);
    if (place.found == FOUND)
        status = evidence_open(file, place.path, row->format, err);
    else if (place.no_memory)
        status = error_no_memory(err, "looking for %s: no memory", evidence_row_name(row));
    else
        status = error_set(err,
                           "%s %s: put it where it was or beside "
                           "the case, or say to seine with --evidence FOLDER where else it is",
                           evidence_row_name(row),
                           place.found == FOUND_CHANGED ? "has changed" : "is not there");
    evidence_place_release(&place);
    return status;
}

static enum status open_evidence(struct evidence_file **file, struct reader *reader,
                                 uint32_t evidence_id, const char *folder, struct error *err)
{
    struct evidence_row *rows;
    size_t count;
    enum status status = evidence_rows(&rows, &count, reader, err);

    if (status != STATUS_OK)
        return status;
    status = error_set(err, "evidence_bytes(): %s has no evidence %" PRIu32, reader_path(reader),
                       evidence_id);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].evidence_id == evidence_id) {
            status = open_row(file, &rows[i], reader_path(reader), folder, err);
            break;
        }
    }
    evidence_rows_free(rows, count);
    return status;
}

/* The capture, from among those that are open, or opened in the place of one. */
static enum status take_file(struct evidence_file **file, struct kept *k, sqlite3 *db,
                             const char *schema, uint32_t evidence_id, struct error *err)
{
    const char *path = sqlite3_db_filename(db, schema);
    struct reader *reader;

    path = path ? path : "";
    if (!k->schema || strcmp(k->schema, schema) != 0 || strcmp(k->path, path) != 0)
        forget(k);
    for (size_t i = 0; i < OPEN_MOST; i++) {
        *file = k->files[i].file;
        if (*file && k->files[i].evidence_id == evidence_id)
            return STATUS_OK;
    }
    enum status status = reader_borrow(&reader, db, schema, err);
    if (status == STATUS_OK)
        status = reader_check(reader, err);
    if (status == STATUS_OK)
        status = open_evidence(file, reader, evidence_id, k->folder, err);
    reader_close(reader);
    if (status != STATUS_OK)
        return status;
    if (!k->schema) {
        k->schema = strdup(schema);
        k->path = strdup(path);
        if (!k->schema || !k->path) {
            evidence_close(*file);
            forget(k);
            return error_no_memory(err, "evidence_bytes(): no memory");
        }
    }
    struct kept_file *place = &k->files[k->next++ % OPEN_MOST];
    evidence_close(place->file);
    *place = (struct kept_file){evidence_id, *file};
    return STATUS_OK;
}

static bool is_integer(sqlite3_value *value, int64_t least, int64_t most)
{
    return sqlite3_value_type(value) == SQLITE_INTEGER && sqlite3_value_int64(value) >= least &&
           sqlite3_value_int64(value) <= most;
}

/* Whether the arguments make sense; the sentence otherwise. */
static enum status check(sqlite3_value **argv, struct error *err)
{
    if (!is_integer(argv[0], 1, UINT32_MAX))
        return value_complain(err, "evidence_bytes", argv[0], "number of evidence");
    if (!is_integer(argv[1], 0, INT64_MAX - BYTES_MAX))
        return value_complain(err, "evidence_bytes", argv[1], "offset in a file");
    if (!is_integer(argv[2], 0, BYTES_MAX))
        return value_complain(err, "evidence_bytes", argv[2], "length of up to 64 MiB");
    return STATUS_OK;
}

static void evidence_bytes(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    struct evidence_file *file;
    struct error err;

    for (int i = 0; i < argc; i++)
        if (sqlite3_value_type(argv[i]) == SQLITE_NULL)
            return;
    const char *schema = argc > 3 ? (const char *)sqlite3_value_text(argv[3]) : "main";
    enum status status = check(argv, &err);
    uint64_t len = (uint64_t)sqlite3_value_int64(argv[2]);
    uint8_t *bytes = status == STATUS_OK ? sqlite3_malloc64(len + 1) : NULL;
    if (status == STATUS_OK && (!bytes || !schema))
        status = error_no_memory(&err, "evidence_bytes(): no memory");
    if (status == STATUS_OK)
        status = take_file(&file, sqlite3_user_data(context), sqlite3_context_db_handle(context),
                           schema, (uint32_t)sqlite3_value_int64(argv[0]), &err);
    if (status == STATUS_OK)
        status =
            evidence_read(file, bytes, (size_t)len, (uint64_t)sqlite3_value_int64(argv[1]), &err);
    if (status == STATUS_OK) {
        sqlite3_result_blob64(context, bytes, len, sqlite3_free);
        return;
    }
    sqlite3_free(bytes);
    if (err.no_memory)
        sqlite3_result_error_nomem(context);
    else
        sqlite3_result_error(context, err.text, -1);
}

enum status evidence_bytes_register(sqlite3 *db, const char *folder, struct error *err)
{
    for (int argc = 3; argc <= 4; argc++) {
        struct kept *k = calloc(1, sizeof *k);
        if (!k)
            return error_no_memory(err, "no memory for the function evidence_bytes");
        k->folder = folder;
        /* Frees it also when it fails. */
        if (sqlite3_create_function_v2(db, "evidence_bytes", argc, SQLITE_UTF8 | SQLITE_DIRECTONLY,
                                       k, evidence_bytes, NULL, NULL, kept_free) != SQLITE_OK)
            return (sqlite3_errcode(db) == SQLITE_NOMEM ? error_no_memory : error_set)(
                err, "the function evidence_bytes cannot be registered: %s", sqlite3_errmsg(db));
    }
    return STATUS_OK;
}
