/* render.c - the rows of a statement, on a screen or in a file of text.
 *
 * A row is put together in a buffer and written in one piece. For a table the first rows wait in a
 * second buffer, as cells that end in a NUL, until their widths are known; escaped text holds no NUL
 * of its own. */
#include "store/render.h"

#include "base/buffer.h"
#include "base/escape.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

enum {
    LINE_LEN_MAX = 1 << 30,
    LOOK_LEN_MAX = 16 * RENDER_CELL_WIDTH, /* bytes of a value that can matter when it is cut */
};

static const char ellipsis[] = "\xe2\x80\xa6";

struct column {
    char *name;  /* owned; escaped for the format */
    int width;   /* columns of the screen */
    bool number; /* there is a number among the first rows */
    bool text;   /* there is something else than numbers and NULL among them */
};

struct renderer {
    FILE *to;
    sqlite3_stmt *statement;
    bool wide, crlf;
    int count;
    struct column *columns; /* owned */
    struct buffer line;
    struct buffer cell;
    struct buffer
        ahead;     /* rows whose widths are not known yet: of each cell 'r' or 'l', text, NUL */
    uint64_t rows; /* printed, or waiting */
};

static struct span column_bytes(sqlite3_stmt *row, int i)
{
    bool text = sqlite3_column_type(row, i) == SQLITE_TEXT;
    const void *data = text ? sqlite3_column_text(row, i) : sqlite3_column_blob(row, i);
    return span_of(data, data ? (size_t)sqlite3_column_bytes(row, i) : 0);
}

static bool is_number(sqlite3_stmt *row, int i)
{
    int type = sqlite3_column_type(row, i);
    return type == SQLITE_INTEGER || type == SQLITE_FLOAT;
}

/* The fewest digits that read back as the same number; with a point or exponent, so that it stays
 * a real. */
static bool add_real(struct buffer *to, double real)
{
    char text[40];

    if (isinf(real))
        return buffer_add_text(to, real > 0 ? "9e999" : "-9e999");
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, real);
        if (strtod(text, NULL) >= real && strtod(text, NULL) <= real)
            break;
    }
    return buffer_add_text(to, text) && (strpbrk(text, ".e") || buffer_add_text(to, ".0"));
}

static bool add_integer(struct buffer *to, int64_t value)
{
    return buffer_print(to, "%lld", (long long)value);
}

/* A value as one line of plain text; of a longer one its first `most` bytes and an ellipsis. */
static bool add_plain(struct buffer *to, sqlite3_stmt *row, int i, size_t most)
{
    int type = sqlite3_column_type(row, i);

    if (type == SQLITE_INTEGER)
        return add_integer(to, sqlite3_column_int64(row, i));
    if (type == SQLITE_FLOAT)
        return add_real(to, sqlite3_column_double(row, i));
    if (type == SQLITE_NULL)
        return true;
    struct span bytes = column_bytes(row, i), shown = span_first(bytes, most);
    return (type == SQLITE_TEXT ? escape_for_terminal(to, shown) : escape_as_hex(to, shown)) &&
           (shown.len == bytes.len || buffer_add_text(to, ellipsis));
}

static bool add_json(struct buffer *to, sqlite3_stmt *row, int i)
{
    switch (sqlite3_column_type(row, i)) {
    case SQLITE_INTEGER:
        return add_integer(to, sqlite3_column_int64(row, i));
    case SQLITE_FLOAT:
        return add_real(to, sqlite3_column_double(row, i));
    case SQLITE_TEXT:
        return buffer_add_byte(to, '"') && escape_for_json(to, column_bytes(row, i)) &&
               buffer_add_byte(to, '"');
    case SQLITE_BLOB:
        return buffer_add_byte(to, '"') && escape_as_hex(to, column_bytes(row, i)) &&
               buffer_add_byte(to, '"');
    default:
        return buffer_add_text(to, "null");
    }
}

/* Quoted where RFC 4180 asks for it; an empty text too, which tells it from NULL. */
static bool add_csv_text(struct buffer *to, const char *text, bool null)
{
    if (null)
        return true;
    if (text[0] && !strpbrk(text, ",\""))
        return buffer_add_text(to, text);
    bool added = buffer_add_byte(to, '"');
    for (; *text && added; text++)
        added = (*text != '"' || buffer_add_byte(to, '"')) && buffer_add_byte(to, (uint8_t)*text);
    return added && buffer_add_byte(to, '"');
}

static bool add_csv(struct buffer *to, struct buffer *cell, sqlite3_stmt *row, int i)
{
    buffer_clear(cell);
    return add_plain(cell, row, i, SIZE_MAX) &&
           add_csv_text(to, buffer_text(cell), sqlite3_column_type(row, i) == SQLITE_NULL);
}

/* Columns of the screen that a character takes; one where the locale does not know it. */
static int char_width(uint32_t code)
{
    if (code < 0x80)
        return 1;
    int width = wcwidth((wchar_t)code);
    return width < 0 ? 1 : width;
}

/* Columns of the screen that a text takes, and, in `*kept`, how many of its bytes fit into `most`. */
static int text_width(struct span text, int most, size_t *kept)
{
    struct span rest = text;
    int width = 0;

    *kept = 0;
    while (rest.len > 0) {
        uint32_t code;
        utf8_take(&rest, &code);
        int more = char_width(code);
        if (width > LINE_LEN_MAX - more)
            break;
        width += more;
        if (width <= most)
            *kept = text.len - rest.len;
    }
    return width;
}

static bool add_spaces(struct buffer *to, int count)
{
    for (; count > 0; count--) {
        if (!buffer_add_byte(to, ' '))
            return false;
    }
    return true;
}

/* One cell of a table, in its column's width. */
static bool add_cell(struct renderer *r, int i, struct span text, bool right)
{
    int room = r->columns[i].width;
    size_t kept;
    int width = text_width(text, room, &kept);
    bool cut = width > room && !r->wide;

    if (cut) { /* the ellipsis takes one column */
        text_width(text, room - 1, &kept);
        text = span_first(text, kept);
        width = text_width(text, room, &kept) + 1;
    }
    return (i == 0 || add_spaces(&r->line, 2)) && (!right || add_spaces(&r->line, room - width)) &&
           buffer_add(&r->line, text.data, text.len) &&
           (!cut || buffer_add_text(&r->line, ellipsis)) &&
           (right || add_spaces(&r->line, room - width));
}

static enum status no_room(struct error *err)
{
    return error_set(err, "printing the rows: a line has no room in memory");
}

/* Ends the line and writes it. */
static enum status write_line(struct renderer *r, struct error *err)
{
    if ((r->crlf && !buffer_add_byte(&r->line, '\r')) || !buffer_add_byte(&r->line, '\n'))
        return no_room(err);
    if (fwrite(r->line.data, 1, r->line.len, r->to) != r->line.len)
        return error_set(err, "printing the rows: %s", strerror(errno));
    buffer_clear(&r->line);
    return STATUS_OK;
}

/* The same for a table, without the spaces that fill the last column. */
static enum status write_table_line(struct renderer *r, struct error *err)
{
    while (r->line.len > 0 && r->line.data[r->line.len - 1] == ' ')
        r->line.len--;
    return write_line(r, err);
}

/* The next row, if there is one. */
static enum status next_row(struct renderer *r, struct error *err)
{
    switch (sqlite3_step(r->statement)) {
    case SQLITE_ROW:
        return STATUS_OK;
    case SQLITE_DONE:
        return STATUS_END;
    default:
        return error_set(err, "%s", sqlite3_errmsg(sqlite3_db_handle(r->statement)));
    }
}

/* Widens a column for a value among the first. */
static void fit(struct renderer *r, int i, struct span text)
{
    struct column *column = &r->columns[i];
    size_t kept;
    int width = text_width(text, RENDER_CELL_WIDTH, &kept);

    if (!r->wide && width > RENDER_CELL_WIDTH)
        width = RENDER_CELL_WIDTH;
    if (width > column->width)
        column->width = width;
}

/* Adds the row that the statement stands on to those that wait. */
static bool row_waits(struct renderer *r)
{
    for (int i = 0; i < r->count; i++) {
        bool number = is_number(r->statement, i);
        size_t at = r->ahead.len + 1;
        if (!buffer_add_byte(&r->ahead, number ? 'r' : 'l') ||
            !add_plain(&r->ahead, r->statement, i, r->wide ? SIZE_MAX : LOOK_LEN_MAX))
            return false;
        fit(r, i, span_of(r->ahead.data + at, r->ahead.len - at));
        if (!buffer_add_byte(&r->ahead, 0))
            return false;
        if (!number && sqlite3_column_type(r->statement, i) != SQLITE_NULL)
            r->columns[i].text = true;
        r->columns[i].number |= number;
    }
    r->rows++;
    return true;
}

static enum status print_names(struct renderer *r, struct error *err)
{
    for (int i = 0; i < r->count; i++) {
        const struct column *c = &r->columns[i];
        struct span name = span_of(c->name, strlen(c->name));
        if (!add_cell(r, i, name, c->number && !c->text))
            return no_room(err);
    }
    enum status status = write_table_line(r, err);
    if (status != STATUS_OK)
        return status;
    for (int i = 0; i < r->count; i++) {
        if (i > 0 && !add_spaces(&r->line, 2))
            return no_room(err);
        for (int dash = 0; dash < r->columns[i].width; dash++) {
            if (!buffer_add_byte(&r->line, '-'))
                return no_room(err);
        }
    }
    return write_table_line(r, err);
}

/* Prints the rows that have waited. */
static enum status print_ahead(struct renderer *r, struct error *err)
{
    struct span rest = span_of(r->ahead.data, r->ahead.len);
    enum status status = STATUS_OK;

    while (rest.len > 0 && status == STATUS_OK) {
        for (int i = 0; i < r->count; i++) {
            bool right = load_u8(rest, 0) == 'r';
            span_take(&rest, 1, NULL);
            struct span text = span_first(rest, strlen((const char *)rest.data));
            if (!add_cell(r, i, text, right))
                return no_room(err);
            span_take(&rest, text.len + 1, NULL);
        }
        status = write_table_line(r, err);
    }
    return status;
}

static enum status render_table(struct renderer *r, struct error *err)
{
    enum status more = STATUS_OK;

    for (int i = 0; i < r->count; i++)
        fit(r, i, span_of(r->columns[i].name, strlen(r->columns[i].name)));
    while (r->rows < RENDER_AHEAD && r->ahead.len < RENDER_AHEAD_LEN &&
           (more = next_row(r, err)) == STATUS_OK) {
        if (!row_waits(r))
            return no_room(err);
    }
    struct error *later = more == STATUS_FAILED ? NULL : err; /* the first failure is told */
    enum status status = print_names(r, later);
    if (status == STATUS_OK)
        status = print_ahead(r, later);
    while (more == STATUS_OK && status == STATUS_OK && (more = next_row(r, err)) == STATUS_OK) {
        for (int i = 0; i < r->count; i++) {
            buffer_clear(&r->cell);
            if (!add_plain(&r->cell, r->statement, i, r->wide ? SIZE_MAX : LOOK_LEN_MAX) ||
                !add_cell(r, i, span_of(r->cell.data, r->cell.len), is_number(r->statement, i)))
                return no_room(err);
        }
        r->rows++;
        status = write_table_line(r, err);
    }
    return more == STATUS_FAILED ? more : status;
}

static enum status render_json(struct renderer *r, struct error *err)
{
    enum status status, written = STATUS_OK;

    while (written == STATUS_OK && (status = next_row(r, err)) == STATUS_OK) {
        for (int i = 0; i < r->count; i++) {
            if (!buffer_print(&r->line, "%s\"%s\":", i ? "," : "{", r->columns[i].name) ||
                !add_json(&r->line, r->statement, i))
                return no_room(err);
        }
        if (!buffer_add_byte(&r->line, '}'))
            return no_room(err);
        r->rows++;
        written = write_line(r, err);
    }
    return written != STATUS_OK ? written : status;
}

static enum status render_csv(struct renderer *r, struct error *err)
{
    enum status status;

    for (int i = 0; i < r->count; i++) {
        if ((i > 0 && !buffer_add_byte(&r->line, ',')) ||
            !add_csv_text(&r->line, r->columns[i].name, false))
            return no_room(err);
    }
    enum status written = write_line(r, err);
    while (written == STATUS_OK && (status = next_row(r, err)) == STATUS_OK) {
        for (int i = 0; i < r->count; i++) {
            if ((i > 0 && !buffer_add_byte(&r->line, ',')) ||
                !add_csv(&r->line, &r->cell, r->statement, i))
                return no_room(err);
        }
        r->rows++;
        written = write_line(r, err);
    }
    return written != STATUS_OK ? written : status;
}

/* How often a name occurs among the columns before `i`. */
static int same_before(const struct renderer *r, int i)
{
    int count = 0;
    for (int j = 0; j < i; j++)
        count +=
            strcmp(sqlite3_column_name(r->statement, j), sqlite3_column_name(r->statement, i)) == 0;
    return count;
}

/* The columns' names, escaped for the format. */
static bool take_names(struct renderer *r, enum render_as as)
{
    for (int i = 0; i < r->count; i++) {
        const char *name = sqlite3_column_name(r->statement, i);
        if (!name)
            return false;
        buffer_clear(&r->cell);
        struct span text = span_of(name, strlen(name));
        bool added = as == RENDER_JSON ? escape_for_json(&r->cell, text)
                                       : escape_for_terminal(&r->cell, text);
        int same = as == RENDER_JSON ? same_before(r, i) : 0;
        if (!added || (same > 0 && !buffer_print(&r->cell, ":%d", same)))
            return false;
        r->columns[i].name = strdup(buffer_text(&r->cell));
        if (!r->columns[i].name)
            return false;
    }
    return true;
}

enum status render(FILE *to, sqlite3_stmt *statement, enum render_as as,
                   const struct render_options *options, uint64_t *rows, struct error *err)
{
    struct renderer r = {
        .to = to,
        .statement = statement,
        .wide = options && options->wide,
        .crlf = options && options->crlf && as == RENDER_CSV,
        .count = sqlite3_column_count(statement),
    };
    enum status status;

    buffer_init(&r.line, LINE_LEN_MAX);
    buffer_init(&r.cell, LINE_LEN_MAX);
    buffer_init(&r.ahead, LINE_LEN_MAX);
    r.columns = calloc((size_t)r.count + 1, sizeof *r.columns);
    if (!r.columns || !take_names(&r, as))
        status = no_room(err);
    else if (r.count == 0) /* a statement that gives no rows */
        status = next_row(&r, err);
    else if (as == RENDER_TABLE)
        status = render_table(&r, err);
    else if (as == RENDER_JSON)
        status = render_json(&r, err);
    else
        status = render_csv(&r, err);
    if (status == STATUS_END)
        status = STATUS_OK;
    if (status == STATUS_OK && fflush(to) != 0)
        status = error_set(err, "printing the rows: %s", strerror(errno));
    if (rows)
        *rows = r.rows;
    for (int i = 0; r.columns && i < r.count; i++)
        free(r.columns[i].name);
    free(r.columns);
    buffer_release(&r.line);
    buffer_release(&r.cell);
    buffer_release(&r.ahead);
    return status;
}
