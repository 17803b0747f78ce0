/* capture_table.c - the table-valued function capture(): the frames of a capture file, read where they lie.
 *
 *     capture_next() ──► frame number? time? ──► row ──► [dissect()] ──► columns
 *                          cheap, before all else        only when a header is asked for
 *
 * Nothing is kept but the frame at hand, so memory is that of the capture's window, and a query that asks for
 * no header costs what it costs to walk from record to record. Frames come in the order of the file. A bound on
 * the frame's number ends the walk, or passes over what is before; one on the time, in which files need not
 * be sorted, passes over the others.
 *
 * Each frame is looked at by itself: a fragment is a fragment, and what its datagram holds is not read.
 * Where the file is damaged the query fails there with a sentence, which says the number of the frame: what is
 * before is to be had by `WHERE frame < that`, since nobody looks beyond such a bound. */
#include "pipeline/files.h"

#include "base/budget.h"
#include "capture/capture.h"
#include "pipeline/capture_columns.h"
#include "store/value.h"
#include "store/vtab.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    CAPTURE_MEMORY = 256 << 20, /* bytes that a walk may take for windows and for uncompressing */
    /* Frames that are passed over, until SQLite gets one that is not asked for: it sees so, since it compares
     * each row with the bounds again, and looks whether it has been interrupted. */
    FRAMES_BETWEEN_ROWS = 1 << 16,
};

/* What may be among whole numbers: [least, most]. */
struct bounds {
    int64_t least, most;
};

static const struct bounds everything = {INT64_MIN, INT64_MAX};

struct capture_cursor {
    sqlite3_vtab_cursor base;
    struct capture *capture; /* NULL when none is open */
    char *path;              /* of it */
    struct budget memory;
    struct bounds numbers, times; /* of the frames that are asked for */
    struct capture_row row;       /* valid with has_frame */
    bool has_frame;
    bool end;
};

static int capture_connect(sqlite3 *db, void *aux, int argc, const char *const *argv,
                           sqlite3_vtab **vtab, char **message)
{
    (void)aux, (void)argc, (void)argv, (void)message;
    return files_table_connect(vtab, db, capture_declaration);
}

/* A bound as a letter of the plan: of numbers a small one, of times a capital. */
static char letter_of(const struct sqlite3_index_constraint *constraint)
{
    char letter = 0;

    if (constraint->iColumn != CAPTURE_FRAME && constraint->iColumn != -1 &&
        constraint->iColumn != CAPTURE_TIME_NS)
        return 0;
    if (constraint->op == SQLITE_INDEX_CONSTRAINT_EQ)
        letter = 'e'; /* equal */
    else if (constraint->op == SQLITE_INDEX_CONSTRAINT_GT)
        letter = 'a'; /* above */
    else if (constraint->op == SQLITE_INDEX_CONSTRAINT_GE)
        letter = 'f'; /* from */
    else if (constraint->op == SQLITE_INDEX_CONSTRAINT_LT)
        letter = 'b'; /* below */
    else if (constraint->op == SQLITE_INDEX_CONSTRAINT_LE)
        letter = 't'; /* to */
    return letter && constraint->iColumn == CAPTURE_TIME_NS ? (char)(letter - 'a' + 'A') : letter;
}

enum { BOUNDS_MOST = 8 };

/* SQLite compares each row with the bounds again: what is said here may be too much. */
static int capture_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    int file = vtab_argument(info, CAPTURE_FILE), count = 0;
    char letters[BOUNDS_MOST + 1] = "";
    bool one = false, ends = false;
    (void)vtab;

    if (file == VTAB_UNUSABLE)
        return SQLITE_CONSTRAINT;
    if (file == VTAB_NONE)
        return vtab_needs_more(info);
    vtab_take(info, file, 1);
    for (int i = 0; i < info->nConstraint && count < BOUNDS_MOST; i++) {
        char letter = info->aConstraint[i].usable ? letter_of(&info->aConstraint[i]) : 0;
        if (!letter)
            continue;
        info->aConstraintUsage[i].argvIndex = count + 2;
        letters[count++] = letter;
        one = one || letter == 'e';
        ends = ends || letter == 'b' || letter == 't';
    }
    info->idxStr = sqlite3_mprintf("%s", letters);
    info->needToFreeIdxStr = 1;
    if (!info->idxStr)
        return SQLITE_NOMEM;
    /* A walk from the front, whatever is asked for; but not to the end with an end. */
    info->estimatedRows = one ? 1 : ends ? 500000 : count > 0 ? 1000000 : 2000000;
    info->estimatedCost = one || ends ? 1e6 : 2e6;
    if (one)
        info->idxFlags = SQLITE_INDEX_SCAN_UNIQUE;
    info->orderByConsumed =
        info->nOrderBy == 1 && !info->aOrderBy[0].desc &&
        (info->aOrderBy[0].iColumn == CAPTURE_FRAME || info->aOrderBy[0].iColumn == -1);
    return SQLITE_OK;
}

static int capture_open_cursor(sqlite3_vtab *vtab, sqlite3_vtab_cursor **cursor)
{
    (void)vtab;
    struct capture_cursor *c = sqlite3_malloc(sizeof *c);
    if (!c)
        return SQLITE_NOMEM;
    memset(c, 0, sizeof *c);
    *cursor = &c->base;
    return SQLITE_OK;
}

static void leave(struct capture_cursor *c)
{
    capture_close(c->capture);
    sqlite3_free(c->path);
    c->capture = NULL;
    c->path = NULL;
    c->has_frame = false;
}

static int capture_close_cursor(sqlite3_vtab_cursor *cursor)
{
    struct capture_cursor *c = (struct capture_cursor *)cursor;
    leave(c);
    sqlite3_free(c);
    return SQLITE_OK;
}

static const struct bounds nothing = {INT64_MAX, INT64_MIN};

/* The whole numbers that a bound lets through. */
static struct bounds let_through(char letter, int64_t low, int64_t high)
{
    struct bounds b = everything;

    switch (letter) { /* what it says lies in [low, high], two neighbours or one number */
    case 'e':
        return low == high ? (struct bounds){low, low} : nothing;
    case 'a':
        if (low == INT64_MAX)
            return nothing;
        b.least = low + 1;
        return b;
    case 'f':
        b.least = high;
        return b;
    case 'b':
        if (high == INT64_MIN)
            return nothing;
        b.most = high - 1;
        return b;
    default:
        b.most = low;
        return b;
    }
}

/* What a bound says; everything where it is not understood, since SQLite compares each row again. */
static struct bounds bounds_of(char letter, sqlite3_value *value)
{
    const double most = 9.2e18;

    switch (sqlite3_value_numeric_type(value)) {
    case SQLITE_INTEGER:
        return let_through(letter, sqlite3_value_int64(value), sqlite3_value_int64(value));
    case SQLITE_FLOAT: {
        double real = sqlite3_value_double(value);
        if (!(real > -most && real < most))
            return everything;
        return let_through(letter, (int64_t)floor(real), (int64_t)ceil(real));
    }
    case SQLITE_NULL: /* nothing compares with it */
        return nothing;
    default:
        return everything;
    }
}

static void narrow(struct bounds *b, struct bounds by)
{
    b->least = by.least > b->least ? by.least : b->least;
    b->most = by.most < b->most ? by.most : b->most;
}

static bool is_within(const struct bounds *b, int64_t value)
{
    return value >= b->least && value <= b->most;
}

/* The frame at hand, or the next one, that is asked for. */
static int walk(struct capture_cursor *c)
{
    struct error err;
    enum status status = STATUS_OK;
    unsigned passed = 0;

    c->end = true;
    for (;;) {
        if (c->has_frame && (int64_t)c->row.frame.number >= c->numbers.least) {
            if ((int64_t)c->row.frame.number > c->numbers.most)
                return SQLITE_OK; /* it stays at hand */
            if (is_within(&c->times, c->row.frame.time_ns))
                break;
        }
        if (c->has_frame && (int64_t)c->row.frame.number >= c->numbers.most)
            return SQLITE_OK;
        status = capture_next(c->capture, &c->row.frame, &err);
        c->has_frame = status == STATUS_OK;
        c->row.dissected = false;
        if (status != STATUS_OK || ++passed == FRAMES_BETWEEN_ROWS)
            break;
    }
    if (status == STATUS_END && capture_shrank(c->capture))
        status = error_set(&err, "%s became shorter while it was read", c->path);
    c->end = status != STATUS_OK;
    if (status == STATUS_DAMAGED || status == STATUS_FAILED)
        return vtab_fail(c->base.pVtab, &err);
    return SQLITE_OK;
}

static int capture_next_row(sqlite3_vtab_cursor *cursor)
{
    struct capture_cursor *c = (struct capture_cursor *)cursor;

    if (c->numbers.least <= (int64_t)c->row.frame.number)
        c->numbers.least = (int64_t)c->row.frame.number + 1;
    return walk(c);
}

static int capture_filter(sqlite3_vtab_cursor *cursor, int index, const char *letters, int argc,
                          sqlite3_value **argv)
{
    struct capture_cursor *c = (struct capture_cursor *)cursor;
    struct error err;

    c->end = true;
    if (index == VTAB_NONE) {
        error_set(&err, "capture() needs the path of a capture, as in capture('x.pcap')");
        return vtab_fail(cursor->pVtab, &err);
    }
    if (sqlite3_value_type(argv[0]) == SQLITE_NULL)
        return SQLITE_OK;
    c->numbers = c->times = everything;
    for (int i = 1; i < argc; i++) {
        const char letter = letters[i - 1];
        if (letter < 'a')
            narrow(&c->times, bounds_of((char)(letter - 'A' + 'a'), argv[i]));
        else
            narrow(&c->numbers, bounds_of(letter, argv[i]));
    }
    if (c->numbers.least > c->numbers.most || c->times.least > c->times.most)
        return SQLITE_OK;
    const char *path = files_path(argv[0], "capture", &err);
    if (!path)
        return vtab_fail(cursor->pVtab, &err);
    /* A join asks again and again: what lies ahead of the frame at hand is reached by going on. */
    bool ahead = c->has_frame && strcmp(c->path, path) == 0 &&
                 c->numbers.least >= (int64_t)c->row.frame.number;
    if (!ahead) {
        leave(c);
        c->path = sqlite3_mprintf("%s", path);
        if (!c->path)
            return SQLITE_NOMEM;
        budget_init(&c->memory, CAPTURE_MEMORY);
        const struct capture_options options = {.memory = &c->memory};
        if (capture_open(&c->capture, path, &options, &err) != STATUS_OK) {
            leave(c);
            return vtab_fail(cursor->pVtab, &err);
        }
    }
    return walk(c);
}

static int capture_eof(sqlite3_vtab_cursor *cursor)
{
    return ((struct capture_cursor *)cursor)->end;
}

static int capture_column(sqlite3_vtab_cursor *cursor, sqlite3_context *context, int column)
{
    struct capture_cursor *c = (struct capture_cursor *)cursor;

    if (column == CAPTURE_FILE)
        sqlite3_result_text(context, c->path, -1, SQLITE_TRANSIENT);
    else
        capture_row_column(&c->row, context, column);
    return SQLITE_OK;
}

static int capture_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *rowid)
{
    *rowid = (int64_t)((struct capture_cursor *)cursor)->row.frame.number;
    return SQLITE_OK;
}

static const sqlite3_module capture_methods = {
    .xConnect = capture_connect,
    .xBestIndex = capture_best_index,
    .xDisconnect = files_table_disconnect,
    .xOpen = capture_open_cursor,
    .xClose = capture_close_cursor,
    .xFilter = capture_filter,
    .xNext = capture_next_row,
    .xEof = capture_eof,
    .xColumn = capture_column,
    .xRowid = capture_rowid,
};

enum status capture_table_register(sqlite3 *db, struct error *err)
{
    if (sqlite3_create_module_v2(db, "capture", &capture_methods, NULL, NULL) != SQLITE_OK)
        return (sqlite3_errcode(db) == SQLITE_NOMEM ? error_no_memory : error_set)(
            err, "the table capture cannot be registered: %s", sqlite3_errmsg(db));
    return STATUS_OK;
}
