/* readings.c - the captures of a run: which come first, and which need not be read. */
#include "pipeline/readings.h"

#include "base/table.h"

#include <stdlib.h>
#include <string.h>

/* ---- which comes first ---- */

struct place {
    size_t index;
    int64_t first_ns;
    bool has_frames;
};

static int by_first_time(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    if (a->has_frames != b->has_frames)
        return a->has_frames ? -1 : 1; /* empty ones last: where they stand changes nothing */
    if (a->has_frames && a->first_ns != b->first_ns)
        return a->first_ns < b->first_ns ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

enum status readings_in_order(struct reading *readings, size_t count, struct reading_memory *memory,
                              struct error *err)
{
    struct place *places = calloc(count, sizeof *places);
    struct reading *sorted = calloc(count, sizeof *sorted);
    enum status status = places && sorted ? STATUS_OK : error_no_memory(err, "no memory");

    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        places[i] = (struct place){.index = i, .first_ns = INT64_MIN, .has_frames = true};
        if (readings[i].is_file)
            status = reading_first_time(&readings[i], &places[i].first_ns, &places[i].has_frames,
                                        memory, err);
    }
    if (status == STATUS_OK) {
        qsort(places, count, sizeof *places, by_first_time);
        for (size_t i = 0; i < count; i++)
            sorted[i] = readings[places[i].index];
        memcpy(readings, sorted, count * sizeof *sorted);
    }
    free(places);
    free(sorted);
    return status;
}

/* ---- which are known ---- */

/* A file that is not known so far, among those with its fingerprint. */
struct alike {
    UT_hash_handle hh; /* of the first of them */
    struct reading *reading;
    struct alike *next;
};

/* The SHA-256 of a file, computed once. */
static enum status hash_of(struct reading *r, struct error *err)
{
    return r->file_hash[0] ? STATUS_OK : hash_file(r->path, r->file_hash, err);
}

static enum status are_same(struct reading *a, struct reading *b, const struct known_where *by,
                            bool *same, struct error *err)
{
    *same = by->no_hash;
    if (*same)
        return STATUS_OK;
    if (hash_of(a, err) != STATUS_OK || hash_of(b, err) != STATUS_OK)
        return STATUS_FAILED;
    *same = strcmp(a->file_hash, b->file_hash) == 0;
    return STATUS_OK;
}

/* Whether a file is in the case, or one of `alike`, which came earlier among the arguments. */
static enum status is_known(struct reading *r, const struct alike *alike,
                            const struct known_where *by, bool *known, struct error *err)
{
    *known = false;
    for (; alike && !*known; alike = alike->next) {
        if (are_same(alike->reading, r, by, known, err) != STATUS_OK)
            return STATUS_FAILED;
    }
    if (*known || !store_has_evidence(by->store, NULL, r->fingerprint, by->option_text))
        return STATUS_OK;
    *known = by->no_hash;
    if (*known)
        return STATUS_OK;
    if (hash_of(r, err) != STATUS_OK)
        return STATUS_FAILED;
    *known = store_has_evidence(by->store, r->file_hash, r->fingerprint, by->option_text);
    return STATUS_OK;
}

enum status readings_known(struct reading *readings, size_t count, bool *known,
                           const struct known_where *by, struct error *err)
{
    struct alike *items = calloc(count, sizeof *items), *table = NULL;
    enum status status = items ? STATUS_OK : error_no_memory(err, "no memory");

    memset(known, 0, count * sizeof *known);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct reading *r = &readings[i];
        struct alike *first = NULL;
        if (!r->is_file)
            continue;
        HASH_FIND_STR(table, r->fingerprint, first);
        status = is_known(r, first, by, &known[i], err);
        if (status != STATUS_OK || known[i])
            continue;
        items[i].reading = r;
        if (first) {
            items[i].next = first->next;
            first->next = &items[i];
        } else {
            HASH_ADD_KEYPTR(hh, table, r->fingerprint, strlen(r->fingerprint), &items[i]);
            if (!items[i].hh.tbl)
                status = error_no_memory(err, "no memory");
        }
    }
    HASH_CLEAR(hh, table);
    free(items);
    return status;
}
