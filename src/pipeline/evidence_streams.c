/* evidence_streams.c - streams whose payload is in the evidence, for the functions of SQL that read streams.
 *
 *     SELECT position, data FROM stream_bytes(5);        of a case of `ingest --payload reference`
 *
 * The captures of a case stay open from one call to the next, and are looked for as evidence_file.h says. */
#include "pipeline/evidence_file.h"
#include "pipeline/files.h"
#include "store/tables.h"

#include <stdlib.h>
#include <string.h>

/* The evidence of a case as it was in a schema of the connection. */
struct shelved {
    struct shelved *next;
    struct evidence_shelf *shelf;
    char *schema, *path;
    int64_t rows; /* of evidence: with more, it is looked at anew */
    unsigned uses;
};

struct shelves {
    const char *folder; /* borrowed, or NULL */
    struct shelved *first;
};

static void shelved_free(struct shelved *s)
{
    evidence_shelf_close(s->shelf);
    free(s->schema);
    free(s->path);
    free(s);
}

/* Lets go of what nobody reads at the moment. */
static void forget_idle(struct shelves *shelves)
{
    for (struct shelved **at = &shelves->first; *at;) {
        struct shelved *s = *at;
        if (s->uses > 0) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        shelved_free(s);
    }
}

static void shelves_free(void *context)
{
    struct shelves *shelves = context;

    forget_idle(shelves); /* and nobody reads, where a connection ends */
    free(shelves);
}

static enum status count_rows(int64_t *rows, struct reader *reader, struct error *err)
{
    sqlite3_stmt *row;
    enum status status =
        reader_prepare_own(reader, &row, "SELECT count(*) FROM \"%w\".evidence", err);

    if (status != STATUS_OK)
        return status;
    if (sqlite3_step(row) == SQLITE_ROW)
        *rows = sqlite3_column_int64(row, 0);
    else
        status = reader_fault(reader, err);
    sqlite3_finalize(row);
    return status;
}

static enum status shelve(struct shelved **made, struct reader *reader, const char *folder,
                          int64_t rows, struct error *err)
{
    struct shelved *s = calloc(1, sizeof *s);

    if (!s)
        return error_no_memory(err, "reading evidence: no memory");
    s->rows = rows;
    s->schema = strdup(reader_schema(reader));
    s->path = strdup(reader_path(reader));
    enum status status = s->schema && s->path ? evidence_shelf_open(&s->shelf, reader, folder, err)
                                              : error_no_memory(err, "reading evidence: no memory");
    if (status == STATUS_OK)
        *made = s;
    else
        shelved_free(s);
    return status;
}

static enum status take(void *context, const struct payload_source **source, struct reader *reader,
                        struct error *err)
{
    struct shelves *shelves = context;
    struct shelved *s;
    int64_t rows = 0;
    enum status status = count_rows(&rows, reader, err);

    if (status != STATUS_OK)
        return status;
    for (s = shelves->first; s; s = s->next)
        if (s->rows == rows && strcmp(s->schema, reader_schema(reader)) == 0 &&
            strcmp(s->path, reader_path(reader)) == 0)
            break;
    if (!s) {
        forget_idle(shelves);
        status = shelve(&s, reader, shelves->folder, rows, err);
        if (status != STATUS_OK)
            return status;
        s->next = shelves->first;
        shelves->first = s;
    }
    s->uses++;
    *source = evidence_shelf_source(s->shelf);
    return STATUS_OK;
}

static void give_back(void *context, const struct payload_source *source)
{
    struct shelves *shelves = context;

    for (struct shelved *s = shelves->first; s; s = s->next)
        if (evidence_shelf_source(s->shelf) == source)
            s->uses--;
}

enum status evidence_streams_register(sqlite3 *db, const char *folder, struct error *err)
{
    struct shelves *shelves = calloc(1, sizeof *shelves);

    if (!shelves)
        return error_no_memory(err, "no memory for the functions of streams");
    shelves->folder = folder;
    const struct evidence_finder finder = {
        .take = take, .give_back = give_back, .free = shelves_free, .context = shelves};
    return streams_register(db, &finder, err);
}
