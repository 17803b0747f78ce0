/* byte_model.c - one cell a position, one loop a question. */
#include "property/byte_model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *zeroed(size_t count, size_t size)
{
    void *memory = calloc(count + 1, size); /* never of nothing */
    if (!memory)
        abort();
    return memory;
}

/* One cell for every position from the lowest to the highest that was sent. */
static void make_cells(struct model *m, const struct arrivals *arrivals)
{
    const int64_t most = INT64_C(64) << 20;
    int64_t low = INT64_MAX;
    int64_t high = INT64_MIN;
    for (size_t i = 0; i < arrivals->count; i++) {
        int64_t first = arrivals->list[i].position;
        int64_t end = first + (int64_t)arrivals->list[i].len;
        low = first < low ? first : low;
        high = end > high ? end : high;
    }
    if (arrivals->count == 0)
        low = high = 0;
    if (high > most && high - most > low)
        abort();

    m->low = low;
    m->cell_count = (size_t)(high - low);
    m->cells = zeroed(m->cell_count, sizeof(*m->cells));
    for (size_t i = 0; i < m->cell_count; i++)
        m->cells[i].owner = MODEL_NOBODY;
}

/* A differing byte prolongs the conflict that the byte before it made, or is a new one. */
static void add_conflict(struct model *m, size_t arrival, int64_t position, const uint8_t *other)
{
    struct model_conflict *last =
        m->conflict_count > 0 ? &m->conflicts[m->conflict_count - 1] : NULL;
    if (last && last->arrival == arrival && last->position + (int64_t)last->length == position) {
        last->length++;
        return;
    }
    m->conflicts = realloc(m->conflicts, (m->conflict_count + 1) * sizeof(*m->conflicts));
    if (!m->conflicts)
        abort();
    m->conflicts[m->conflict_count++] = (struct model_conflict){arrival, position, 1, other};
}

static void arrive(struct model *m, size_t index, const struct arrival *it)
{
    for (size_t k = 0; k < it->len; k++) {
        int64_t position = it->position + (int64_t)k;
        struct model_cell *cell = &m->cells[position - m->low];
        cell->sent = true;
        if (k >= it->captured)
            continue;
        cell->last = it->bytes[k];
        if (cell->owner == MODEL_NOBODY) {
            cell->owner = (int)index;
            cell->byte = it->bytes[k];
        } else if (cell->byte != it->bytes[k]) {
            add_conflict(m, index, position, &it->bytes[k]);
        }
    }
}

static bool is_gap(const struct model_cell *cell)
{
    return !cell->sent;
}

static bool is_cut(const struct model_cell *cell)
{
    return cell->sent && cell->owner == MODEL_NOBODY;
}

/* Every maximal run of cells of which `is_one` is true. Returns how many cells they have. */
static size_t collect(const struct model *m, struct model_range **ranges, size_t *count,
                      bool (*is_one)(const struct model_cell *))
{
    size_t total = 0;
    *ranges = zeroed(m->cell_count, sizeof(**ranges));
    *count = 0;
    for (size_t i = 0; i < m->cell_count; i++) {
        if (!is_one(&m->cells[i]))
            continue;
        if (i == 0 || !is_one(&m->cells[i - 1]))
            (*ranges)[(*count)++].position = m->low + (int64_t)i;
        (*ranges)[*count - 1].length++;
        total++;
    }
    return total;
}

void model_init(struct model *m, const struct arrivals *arrivals)
{
    *m = (struct model){0};
    make_cells(m, arrivals);
    for (size_t i = 0; i < arrivals->count; i++)
        arrive(m, i, &arrivals->list[i]);

    m->missing = collect(m, &m->gaps, &m->gap_count, is_gap);
    m->truncated = collect(m, &m->cuts, &m->cut_count, is_cut);
    m->present = zeroed(m->cell_count, 1);
    m->start = m->low;
    for (size_t i = 0; i < m->cell_count; i++) {
        if (m->cells[i].owner == MODEL_NOBODY)
            continue;
        if (m->stored == 0)
            m->start = m->low + (int64_t)i;
        m->present[m->stored++] = m->cells[i].byte;
    }
}

void model_release(struct model *m)
{
    free(m->cells);
    free(m->conflicts);
    free(m->gaps);
    free(m->cuts);
    free(m->present);
    *m = (struct model){0};
}

const struct model_cell *model_at(const struct model *m, int64_t position)
{
    if (position < m->low || position - m->low >= (int64_t)m->cell_count)
        return NULL;
    return &m->cells[position - m->low];
}

char *model_picture(const struct model *m)
{
    char *picture = zeroed(m->cell_count, 1);
    for (size_t i = 0; i < m->cell_count; i++) {
        const struct model_cell *cell = &m->cells[i];
        picture[i] = is_gap(cell) ? '.' : is_cut(cell) ? '~' : (char)cell->byte;
    }
    return picture;
}

char *model_conflict_picture(const struct model *m)
{
    char *picture = NULL;
    size_t picture_len;
    FILE *out = open_memstream(&picture, &picture_len);
    if (!out)
        abort();
    for (size_t i = 0; i < m->conflict_count; i++) {
        const struct model_conflict *it = &m->conflicts[i];
        fprintf(out, "%s%.*s@%" PRId64, i > 0 ? " " : "", (int)it->length, (const char *)it->other,
                it->position);
    }
    fclose(out);
    return picture;
}
