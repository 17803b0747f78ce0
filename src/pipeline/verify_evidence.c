/* verify_evidence.c - the evidence of a case: found again, and proved by its hash. */
#include "pipeline/verification.h"

#include "pipeline/reading.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The first block of 16 MiB whose checksum is not the one in the case; -1 when all agree. */
static int64_t first_changed_block(struct verification *v, const struct evidence_row *row,
                                   const char *path)
{
    sqlite3_stmt *s;
    int64_t changed = -1;
    int step = SQLITE_DONE;
    struct checksum64 *sum = checksum64_new();
    uint8_t *block = malloc(EVIDENCE_BLOCK_LEN);
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (sum && block && fd >= 0 &&
        reader_prepare(v->reader, &s,
                       "SELECT block, checksum FROM evidence_blocks WHERE evidence_id = ? "
                       "ORDER BY block",
                       v->err) == STATUS_OK) {
        sqlite3_bind_int64(s, 1, row->evidence_id);
        while (changed < 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
            char hex[17];
            int64_t number = sqlite3_column_int64(s, 0);
            if (number < 0 || number > INT64_MAX / EVIDENCE_BLOCK_LEN)
                continue; /* no file has it */
            ssize_t got = pread(fd, block, EVIDENCE_BLOCK_LEN, number * EVIDENCE_BLOCK_LEN);
            if (got > 0)
                checksum64_add(sum, span_of(block, (size_t)got));
            snprintf(hex, sizeof hex, "%016" PRIx64, checksum64_end(sum));
            if (strcmp(hex, verification_text(v, s, 1)) != 0)
                changed = number;
        }
        sqlite3_finalize(s);
    }
    v->no_memory = v->no_memory || !sum || !block || step == SQLITE_NOMEM;
    if (fd >= 0)
        close(fd);
    free(block);
    checksum64_free(sum);
    return changed;
}

static void say_changed(struct verification *v, const struct evidence_row *row, const char *path)
{
    struct stat st;
    char where[100], size[100] = "";
    int64_t block = first_changed_block(v, row, path);

    if (block >= 0)
        snprintf(where, sizeof where, "the first change is in the 16 MiB from offset %" PRId64,
                 block * EVIDENCE_BLOCK_LEN);
    else
        snprintf(where, sizeof where, "none of its blocks of 16 MiB has changed");
    if (stat(path, &st) == 0 && st.st_size != row->bytes)
        snprintf(size, sizeof size, "; it has %lld bytes instead of %" PRId64,
                 (long long)st.st_size, row->bytes);
    verification_say(v, PROOF_FAILS, "evidence %" PRIu32 ", %s: SHA-256 differs; %s%s",
                     row->evidence_id, path, where, size);
}

/* A file that is not the one, or not one to go by. */
static void prove_changed(struct verification *v, const struct evidence_row *row, const char *path)
{
    char hex[DIGEST_HEX_LEN + 1];
    struct error why = {0};

    if (!row->sha256[0])
        verification_say(v, PROOF_FAILS,
                         "evidence %" PRIu32 ", %s: its size, beginning or end has changed",
                         row->evidence_id, path);
    else if (hash_file(path, hex, &why) != STATUS_OK) {
        verification_note(v, &why);
        verification_say(v, PROOF_NOT_POSSIBLE, "evidence %" PRIu32 ": %s", row->evidence_id,
                         why.text);
    } else if (strcmp(hex, row->sha256) == 0)
        verification_say(v, PROOF_FAILS,
                         "evidence %" PRIu32 ", %s: SHA-256 agrees, but the case says that it had "
                         "%" PRId64 " bytes",
                         row->evidence_id, path, row->bytes);
    else
        say_changed(v, row, path);
}

static void prove_same(struct verification *v, const struct evidence_row *row,
                       const struct evidence_place *place)
{
    const char *stranger = place->stranger ? place->stranger : "";
    const char *and_that = place->stranger ? " is another file of that name" : "";
    const char *comma = place->stranger ? "; " : "";

    if (row->sha256[0])
        verification_say(v, PROOF_HOLDS, "evidence %" PRIu32 ", %s: SHA-256 agrees (%s)%s%.400s%s",
                         row->evidence_id, place->path, row->sha256, comma, stranger, and_that);
    else
        verification_say(v, PROOF_NOT_POSSIBLE,
                         "evidence %" PRIu32 ", %s: it was not hashed%s%.400s%s", row->evidence_id,
                         place->path, comma, stranger, and_that);
}

/* Finds a piece of evidence, proves it, and opens it. One that has changed is looked into all the same:
 * what of it still agrees, and where it does not. */
static void prove_row(struct verification *v, const struct evidence_row *row,
                      struct exhibit *exhibit)
{
    struct evidence_place *place = &exhibit->place;
    struct error why = {0};

    if (strcmp(reader_evidence_status(v->reader, row->status), "interrupted") == 0)
        verification_say(v, PROOF_NOT_POSSIBLE,
                         "evidence %" PRIu32 ", %s: its ingest was interrupted", row->evidence_id,
                         row->source);
    evidence_find(place, row, v->options->case_path, v->options->folder, KNOWN_BY_HASH);
    exhibit->same = place->found == FOUND;
    v->no_memory = v->no_memory || place->no_memory;
    if (place->no_memory)
        return;
    if (place->found == FOUND_NOT) {
        verification_say(v, PROOF_NOT_POSSIBLE, "evidence %" PRIu32 ", %s: the file is not there",
                         row->evidence_id, row->source);
        return;
    }
    if (exhibit->same)
        prove_same(v, row, place);
    else
        prove_changed(v, row, place->path);
    if (evidence_open(&exhibit->file, place->path, row->format, &why) != STATUS_OK) {
        verification_note(v, &why);
        verification_say(v, exhibit->same ? PROOF_NOT_POSSIBLE : PROOF_FAILS,
                         "evidence %" PRIu32 ": %s", row->evidence_id, why.text);
    }
}

enum status verify_evidence(struct verification *v)
{
    for (size_t i = 0; i < v->row_count; i++)
        prove_row(v, &v->rows[i], &v->exhibits[i]);
    return STATUS_OK;
}
