/* folder_plan.c - how a query reads a table of many cases. */
#include "store/folder_plan.h"

#include "store/folder_order.h"
#include "store/vtab.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    LATE_S =
        120, /* older than its slice a segment may be, whose fragments came before that began */
};

static const int64_t NS = 1000000000;

static char op_of(unsigned char op)
{
    switch (op) {
    case SQLITE_INDEX_CONSTRAINT_EQ:
        return '=';
    case SQLITE_INDEX_CONSTRAINT_GT:
        return '>';
    case SQLITE_INDEX_CONSTRAINT_LT:
        return '<';
    case SQLITE_INDEX_CONSTRAINT_GE:
        return 'g';
    case SQLITE_INDEX_CONSTRAINT_LE:
        return 'l';
    default:
        return 0;
    }
}

/* What a plan costs, in rows of a slice that are read; opening a slice is worth some of them. Guesses, of
 * which only the order counts: an id is better than an address, an address than a time, all better than
 * everything. */
struct cost {
    double slices; /* that are asked */
    double each;   /* rows read of each */
    double gives;  /* rows given of each */
};

static void cost_of_term(struct cost *c, const struct column *column, char op)
{
    static const double few = 10, many = 2000;
    bool equal = op == '=';

    switch (column->role) {
    case ROLE_FLOW:
    case ROLE_STREAM:
    case ROLE_SLICE:
    case ROLE_EVIDENCE:
        c->slices = equal ? 1 : fmin(c->slices, fmax(1, c->slices / 3));
        break;
    case ROLE_TIME:
        c->slices = fmin(c->slices, fmax(2, c->slices / 3));
        break;
    case ROLE_PLAIN:
    case ROLE_OTHER_FLOW:
    case ROLE_OTHER_EVIDENCE:
    case ROLE_LOOSE:
    case ROLE_STATUS:
    default:
        break;
    }
    if (column->role == ROLE_SLICE)
        return;
    if (column->indexed)
        c->each = fmin(c->each, equal ? few : many * 10);
    c->gives = equal ? fmin(c->gives, column->indexed ? few : many) : c->gives / 3;
}

/* Whether rows can come in the order that is asked for: by an id that says which slice, slices being asked in their
 * order; or by a time that each has an index of, and then perhaps by such an id. */
static bool order_is_free(const struct kind *k, const struct folder *folder,
                          const sqlite3_index_info *info)
{
    if (info->nOrderBy < 1 || info->aOrderBy[0].iColumn < 0)
        return false;
    const struct column *c = &k->columns[info->aOrderBy[0].iColumn];
    if (c->role == ROLE_TIME)
        return c->indexed && info->nOrderBy <= 2 &&
               (info->nOrderBy == 1 ||
                (info->aOrderBy[1].iColumn == k->rowid &&
                 info->aOrderBy[1].desc == info->aOrderBy[0].desc && folder_ids_rise(folder))) &&
               folder_depth(folder) <= MERGED_MAX;
    if ((c->role != ROLE_FLOW && c->role != ROLE_STREAM) || !folder_ids_rise(folder))
        return false;
    if (info->nOrderBy == 1)
        return true;
    /* what comes behind a key that no two rows have in common does not matter */
    return info->aOrderBy[0].iColumn == k->rowid;
}

bool plan_is_argument(const struct column *c)
{
    return c->role == ROLE_STREAM || (c->hidden && c->role != ROLE_SLICE);
}

int plan_make(sqlite3_index_info *info, const struct kind *k, const struct folder *folder)
{
    struct cost cost = {fmax(1, (double)folder_slice_count(folder)), 1e5, 1e5};
    struct buffer text;
    bool unique = false, named = false;
    int argc = 0;

    for (int i = 0; k->called && i < info->nConstraint; i++) {
        int column = info->aConstraint[i].iColumn;
        if (info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ || column < 0 ||
            !plan_is_argument(&k->columns[column]))
            continue;
        if (!info->aConstraint[i].usable)
            return SQLITE_CONSTRAINT; /* another plan knows its value */
        named = named || k->columns[column].role == ROLE_STREAM;
    }
    if (k->called && !named)
        return vtab_needs_more(info);

    buffer_init(&text, QUESTION_MAX);
    if (!buffer_reserve(&text, QUESTION_MAX))
        return SQLITE_NOMEM;
    buffer_print(&text, "%" PRIx64, (uint64_t)info->colUsed);
    bool sorted = order_is_free(k, folder, info);
    buffer_print(&text, " %d %d", sorted ? info->aOrderBy[0].iColumn : -1,
                 sorted && info->aOrderBy[0].desc);
    info->orderByConsumed = sorted;
    for (int i = 0; i < info->nConstraint && argc < TERMS_MAX; i++) {
        int column = info->aConstraint[i].iColumn;
        char op = op_of(info->aConstraint[i].op);
        if (!info->aConstraint[i].usable || op == 0 || column < 0 ||
            k->columns[column].role == ROLE_STATUS ||
            sqlite3_stricmp(sqlite3_vtab_collation(info, i), "BINARY") != 0)
            continue;
        cost_of_term(&cost, &k->columns[column], op);
        unique = unique ||
                 (op == '=' && column == k->rowid &&
                  (k->columns[column].role == ROLE_FLOW || k->columns[column].role == ROLE_STREAM));
        buffer_print(&text, " %c%d", op, column);
        info->aConstraintUsage[i].argvIndex = ++argc;
        info->aConstraintUsage[i].omit = k->called && op == '=' && k->columns[column].hidden &&
                                         k->columns[column].role != ROLE_SLICE;
    }
    if (unique) {
        cost = (struct cost){1, 1, 1};
        info->idxFlags |= SQLITE_INDEX_SCAN_UNIQUE;
    }
    info->estimatedCost = cost.slices * (cost.each + 50);
    info->estimatedRows = (sqlite3_int64)fmax(1, cost.slices * cost.gives);
    info->idxStr = sqlite3_mprintf("%s", buffer_text(&text));
    info->needToFreeIdxStr = 1;
    buffer_release(&text);
    return info->idxStr ? SQLITE_OK : SQLITE_NOMEM;
}

void plan_read(struct plan *p, const struct kind *k, const char *text)
{
    char *at;

    *p = (struct plan){.used = strtoull(text, &at, 16)};
    p->order = (int)strtol(at, &at, 10);
    p->backwards = strtol(at, &at, 10) != 0;
    p->merged = p->order >= 0 && k->columns[p->order].role == ROLE_TIME;
    while (at[0] == ' ' && p->count < TERMS_MAX) {
        struct term *term = &p->terms[p->count++];
        term->op = at[1];
        term->column = (int)strtol(at + 2, &at, 10);
    }
}

/* The whole numbers next to a value, for ranges. */
static void neighbours(int64_t *below, int64_t *above, sqlite3_value *value)
{
    static const double most = 9.2e18;

    if (sqlite3_value_type(value) == SQLITE_FLOAT) {
        double real = sqlite3_value_double(value);
        *below = real < -most ? INT64_MIN : real > most ? (int64_t)most : (int64_t)floor(real);
        *above = real > most ? INT64_MAX : real < -most ? -(int64_t)most : (int64_t)ceil(real);
        return;
    }
    *below = *above = sqlite3_value_int64(value);
}

static void narrow(int64_t *low, int64_t *high, char op, int64_t below, int64_t above)
{
    if (strchr("=>g", op) && below > *low)
        *low = below;
    if (strchr("=<l", op) && above < *high)
        *high = above;
}

void plan_narrow(struct folder_wish *w, const struct kind *k, const struct term *term,
                 sqlite3_value *value)
{
    const char op = term->op;
    int64_t below, above;

    neighbours(&below, &above, value);
    if (op == '>' && below < INT64_MAX)
        below++;
    if (op == '<' && above > INT64_MIN)
        above--;
    switch (k->columns[term->column].role) {
    case ROLE_FLOW:
        narrow(&w->flow_low, &w->flow_high, op, below, above);
        break;
    case ROLE_STREAM:
        narrow(&w->flow_low, &w->flow_high, op, below >> 1, above >> 1);
        break;
    case ROLE_EVIDENCE:
        narrow(&w->evidence_low, &w->evidence_high, op, below, above);
        break;
    case ROLE_SLICE:
        narrow(&w->number_low, &w->number_high, op, below, above);
        break;
    case ROLE_TIME:
        if ((k->decoded || strcmp(k->name, "refused") == 0) && above < INT64_MAX - LATE_S * NS)
            above += LATE_S * NS;
        narrow(&w->time_low, &w->time_high, op, below, above);
        break;
    case ROLE_PLAIN:
    case ROLE_OTHER_FLOW:
    case ROLE_OTHER_EVIDENCE:
    case ROLE_LOOSE:
    case ROLE_STATUS:
    default:
        break;
    }
}

/* Whether a comparison with this value means in the slice what it means here. */
static bool goes_down(const struct column *c, const struct slice *s, sqlite3_value *value)
{
    int type = sqlite3_value_type(value);

    if (c->role == ROLE_SLICE || c->role == ROLE_LOOSE || c->role == ROLE_STATUS)
        return false;
    if (c->type == 'i')
        return type == SQLITE_INTEGER || (type == SQLITE_FLOAT && role_shift(s, c->role) == 0);
    return c->type == 't' ? type == SQLITE_TEXT : type == SQLITE_BLOB;
}

static const char *sql_of(char op)
{
    switch (op) {
    case '<':
        return "<";
    case '>':
        return ">";
    case 'l':
        return "<=";
    case 'g':
        return ">=";
    default:
        return "=";
    }
}

enum status plan_check_argument(const struct column *c, const char *table, sqlite3_value *value,
                                struct error *err)
{
    int type = sqlite3_value_type(value);

    if (type == SQLITE_NULL || type == (c->type == 't' ? SQLITE_TEXT : SQLITE_INTEGER))
        return STATUS_OK;
    return error_set(err, "%s(): the %s is no %s", table, c->name,
                     c->type == 't' ? "text" : "whole number");
}

bool plan_question(struct buffer *sql, int place[COLUMNS_MAX + 1], const struct plan *p,
                   const struct kind *k, const struct slice *slice, sqlite3_value *const *values,
                   uint64_t present)
{
    int count = 0;

    if (!buffer_reserve(sql,
                        QUESTION_MAX)) /* once: a part that found no memory must not be left out */
        return false;
    buffer_add_text(sql, "SELECT ");
    for (int i = 0; i < k->count; i++) {
        place[i] = -1;
        bool wanted = (p->used & (uint64_t)1 << i) != 0 || i == k->rowid || i == p->order;
        if (!wanted || !(present & (uint64_t)1 << i))
            continue;
        buffer_print(sql, "%s\"%s\"", count ? ", " : "", k->columns[i].name);
        place[i] = count++;
    }
    if (count == 0)
        buffer_add_text(sql, "1");
    buffer_print(sql, " FROM %s\"%s\" WHERE true", k->decoded ? "" : "main.", k->name);
    for (int i = 0; i < p->count; i++) {
        const struct column *column = &k->columns[p->terms[i].column];
        if (column->role == ROLE_SLICE || !(present & (uint64_t)1 << p->terms[i].column) ||
            !goes_down(column, slice, values[i]))
            continue;
        buffer_print(sql, " AND \"%s\" %s ?%d", column->name, sql_of(p->terms[i].op), i + 1);
        if (k->streams && column->role == ROLE_FLOW && p->terms[i].op == '=' &&
            sqlite3_value_type(values[i]) == SQLITE_INTEGER)
            buffer_print(sql, " AND stream_id BETWEEN 2 * ?%d AND 2 * ?%d + 1", i + 1, i + 1);
    }
    if (p->order >= 0 && (present & (uint64_t)1 << p->order))
        buffer_print(sql, " ORDER BY \"%s\"%s", k->columns[p->order].name,
                     p->backwards ? " DESC" : "");
    if (p->merged && k->rowid >= 0 && (present & (uint64_t)1 << k->rowid))
        buffer_print(sql, ", \"%s\"%s", k->columns[k->rowid].name, p->backwards ? " DESC" : "");
    return buffer_add_text(sql, "");
}

void plan_bind(sqlite3_stmt *statement, const struct plan *p, const struct kind *k,
               const struct slice *slice, sqlite3_value *const *values)
{
    for (int i = 0; i < p->count; i++) {
        int64_t shift = role_shift(slice, k->columns[p->terms[i].column].role);
        if (shift != 0 && sqlite3_value_type(values[i]) == SQLITE_INTEGER)
            sqlite3_bind_int64(
                statement, i + 1,
                (int64_t)((uint64_t)sqlite3_value_int64(values[i]) - (uint64_t)shift));
        else /* one that did not go down has no place, and that is no matter */
            sqlite3_bind_value(statement, i + 1, values[i]);
    }
}
