/* export.c - flows as Zeek and Suricata write them, tables as CSV. */
#include "store/export.h"

#include "base/buffer.h"
#include "base/escape.h"
#include "store/fields.h"
#include "store/render.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

enum { LINE_LEN_MAX = 1 << 30 };

/* What a writer of lines has at hand. */
struct lines {
    FILE *to;
    sqlite3_stmt *row;
    struct buffer line;
    struct error *err;
};

static enum status no_room(struct error *err)
{
    return error_no_memory(err, "writing the rows: no memory for a line");
}

static enum status lines_open(struct lines *l, FILE *to, struct reader *reader, const char *view,
                              struct error *err)
{
    struct buffer sql;

    *l = (struct lines){.to = to, .err = err};
    buffer_init(&l->line, LINE_LEN_MAX);
    buffer_init(&sql, 1 << 16);
    enum status status = fields_select(&sql, view) && buffer_add_text(&sql, " ORDER BY flow_id")
                             ? reader_prepare(reader, &l->row, buffer_text(&sql), err)
                             : no_room(err);
    buffer_release(&sql);
    return status;
}

static void lines_release(struct lines *l)
{
    sqlite3_finalize(l->row);
    buffer_release(&l->line);
}

/* STATUS_END behind the last row. */
static enum status lines_next(struct lines *l)
{
    switch (sqlite3_step(l->row)) {
    case SQLITE_ROW:
        return STATUS_OK;
    case SQLITE_DONE:
        return STATUS_END;
    default:
        return error_set(l->err, "reading the flows: %s",
                         sqlite3_errmsg(sqlite3_db_handle(l->row)));
    }
}

static enum status lines_write(struct lines *l)
{
    if (!buffer_add_byte(&l->line, '\n'))
        return no_room(l->err);
    if (fwrite(l->line.data, 1, l->line.len, l->to) != l->line.len)
        return error_set(l->err, "writing the rows: %s", strerror(errno));
    buffer_clear(&l->line);
    return STATUS_OK;
}

static struct span text_of(sqlite3_stmt *row, int i)
{
    const void *text = sqlite3_column_text(row, i);
    return span_of(text, text ? (size_t)sqlite3_column_bytes(row, i) : 0);
}

/* ---- Zeek ---- */

static const struct zeek_field {
    const char *name, *type;
} zeek_fields[] = {
    {"ts", "time"},
    {"uid", "string"},
    {"id.orig_h", "addr"},
    {"id.orig_p", "port"},
    {"id.resp_h", "addr"},
    {"id.resp_p", "port"},
    {"proto", "enum"},
    {"service", "string"},
    {"duration", "interval"},
    {"orig_bytes", "count"},
    {"resp_bytes", "count"},
    {"conn_state", "string"},
    {"local_orig", "bool"},
    {"local_resp", "bool"},
    {"missed_bytes", "count"},
    {"history", "string"},
    {"orig_pkts", "count"},
    {"orig_ip_bytes", "count"},
    {"resp_pkts", "count"},
    {"resp_ip_bytes", "count"},
    {"tunnel_parents", "set[string]"},
    {"vlan", "int"},
    {"inner_vlan", "int"},
    {"orig_l2_addr", "string"},
    {"resp_l2_addr", "string"},
    {"community_id", "string"},
};

enum { ZEEK_FIELD_COUNT = sizeof zeek_fields / sizeof *zeek_fields };

static bool span_is(struct span text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

/* A text as the ASCII writer has it. */
static bool add_zeek_text(struct buffer *to, struct span text)
{
    if (text.len == 0)
        return buffer_add_text(to, "(empty)");
    if (span_is(text, "-") || span_is(text, "(empty)")) { /* would read as something else */
        if (!buffer_print(to, "\\x%02x", load_u8(text, 0)))
            return false;
        span_take(&text, 1, NULL);
    }
    while (text.len > 0) {
        const uint8_t *at = text.data;
        uint32_t code;
        bool valid = utf8_take(&text, &code);
        size_t len = (size_t)(text.data - at);
        bool plain = valid && code != '\\' && code >= 0x20 && (code < 0x7f || code >= 0xa0);
        if (plain) {
            if (!buffer_add(to, at, len))
                return false;
            continue;
        }
        for (size_t i = 0; i < len; i++) {
            if (!buffer_print(to, "\\x%02x", at[i]))
                return false;
        }
    }
    return true;
}

static bool add_zeek_value(struct buffer *to, sqlite3_stmt *row, int i)
{
    const char *type = zeek_fields[i].type;

    if (sqlite3_column_type(row, i) == SQLITE_NULL)
        return buffer_add_byte(to, '-');
    if (strcmp(type, "time") == 0 || strcmp(type, "interval") == 0)
        return buffer_print(to, "%.6f", sqlite3_column_double(row, i));
    if (strcmp(type, "count") == 0 || strcmp(type, "int") == 0 || strcmp(type, "port") == 0)
        return buffer_print(to, "%" PRId64, (int64_t)sqlite3_column_int64(row, i));
    return add_zeek_text(to, text_of(row, i));
}

/* A line of the header with one word for each field. */
static enum status write_zeek_words(struct lines *l, const char *head, bool types)
{
    bool added = buffer_add_text(&l->line, head);

    for (int i = 0; i < ZEEK_FIELD_COUNT && added; i++)
        added = buffer_print(&l->line, "\t%s", types ? zeek_fields[i].type : zeek_fields[i].name);
    return added ? lines_write(l) : no_room(l->err);
}

/* #open or #close, with the time that the statement gives, if the case has one. */
static enum status write_zeek_time(struct lines *l, struct reader *reader, const char *head,
                                   const char *sql)
{
    sqlite3_stmt *row;
    char text[64];
    time_t clock = 0;
    struct tm tm;

    if (reader_prepare(reader, &row, sql, l->err) != STATUS_OK)
        return STATUS_FAILED;
    if (sqlite3_step(row) == SQLITE_ROW)
        clock = (time_t)(sqlite3_column_int64(row, 0) / 1000000000);
    if (sqlite3_finalize(row) != SQLITE_OK)
        return error_set(l->err, "reading the flows: %s", sqlite3_errmsg(reader_db(reader)));
    if (!gmtime_r(&clock, &tm) || strftime(text, sizeof text, "%Y-%m-%d-%H-%M-%S", &tm) == 0)
        text[0] = 0;
    return buffer_print(&l->line, "%s\t%s", head, text) ? lines_write(l) : no_room(l->err);
}

static enum status write_zeek_header(struct lines *l, struct reader *reader)
{
    static const char *const first[] = {"#separator \\x09", "#set_separator\t,",
                                        "#empty_field\t(empty)", "#unset_field\t-", "#path\tconn"};
    enum status status = STATUS_OK;

    for (size_t i = 0; i < sizeof first / sizeof *first && status == STATUS_OK; i++)
        status = buffer_add_text(&l->line, first[i]) ? lines_write(l) : no_room(l->err);
    if (status == STATUS_OK)
        status = write_zeek_time(l, reader, "#open", "SELECT min(first_ns) FROM flows");
    if (status == STATUS_OK)
        status = write_zeek_words(l, "#fields", false);
    return status == STATUS_OK ? write_zeek_words(l, "#types", true) : status;
}

static enum status write_zeek_row(struct lines *l)
{
    for (int i = 0; i < ZEEK_FIELD_COUNT; i++) {
        if ((i > 0 && !buffer_add_byte(&l->line, '\t')) || !add_zeek_value(&l->line, l->row, i))
            return no_room(l->err);
    }
    return lines_write(l);
}

enum status export_zeek_conn(FILE *to, struct reader *reader, struct error *err)
{
    struct lines l;
    enum status more = STATUS_OK, status = lines_open(&l, to, reader, "zeek_conn", err);

    for (int i = 0; i < ZEEK_FIELD_COUNT && status == STATUS_OK; i++)
        assert(strcmp(sqlite3_column_name(l.row, i), zeek_fields[i].name) == 0);
    if (status == STATUS_OK)
        status = write_zeek_header(&l, reader);
    while (status == STATUS_OK && (more = lines_next(&l)) == STATUS_OK)
        status = write_zeek_row(&l);
    if (status == STATUS_OK && more == STATUS_END)
        status = write_zeek_time(&l, reader, "#close", "SELECT max(last_ns) FROM flows");
    lines_release(&l);
    return more == STATUS_FAILED ? more : status;
}

/* ---- EVE ---- */

/* Whether the members of `tcp` that are there only when they are true end in this name. */
static bool is_flag(const char *column)
{
    static const char *const flags[] = {"tcp.syn",    "tcp.fin",   "tcp.rst", "tcp.psh",
                                        "tcp.ack",    "tcp.urg",   "tcp.ecn", "tcp.cwr",
                                        "tcp.tc_gap", "tcp.ts_gap"};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (strcmp(column, flags[i]) == 0)
            return true;
    }
    return false;
}

/* "[10,20]", and nothing else that a text may hold. */
static bool is_list_of_numbers(struct span text)
{
    static const char digits[] = "0123456789";
    const char *at = (const char *)text.data, *end = at + text.len;

    if (text.len < 3 || *at != '[' || end[-1] != ']')
        return false;
    while (at + 1 < end) {
        at++;
        size_t len = strspn(at, digits);
        if (len == 0 || (len > 1 && *at == '0') || len > 9 || at + len >= end ||
            !strchr(",]", at[len]))
            return false;
        at += len;
        if (*at == ']')
            break;
    }
    return at + 1 == end;
}

static bool add_eve_value(struct buffer *to, sqlite3_stmt *row, int i, const char *column)
{
    int type = sqlite3_column_type(row, i);

    if (is_flag(column))
        return buffer_add_text(to, sqlite3_column_int(row, i) ? "true" : "false");
    if (type == SQLITE_INTEGER)
        return buffer_print(to, "%" PRId64, (int64_t)sqlite3_column_int64(row, i));
    struct span text = text_of(row, i);
    if (strcmp(column, "vlan") == 0 && is_list_of_numbers(text))
        return buffer_add(to, text.data, text.len);
    return buffer_add_byte(to, '"') && escape_for_json(to, text) && buffer_add_byte(to, '"');
}

/* One object: a column "flow.age" is the member `age` of the object `flow`, which its first one opens. */
static bool add_eve_object(struct buffer *to, sqlite3_stmt *row)
{
    const char *within = ""; /* the name, with its point, of the object that is open */
    size_t within_len = 0;
    bool first = true;

    bool added = buffer_add_byte(to, '{');
    for (int i = 0; i < sqlite3_column_count(row) && added; i++) {
        const char *column = sqlite3_column_name(row, i);
        if (sqlite3_column_type(row, i) == SQLITE_NULL)
            continue;
        const char *point = strchr(column, '.');
        size_t len = point ? (size_t)(point - column) + 1 : 0;
        if (len != within_len || memcmp(column, within, len) != 0) {
            added = (within_len == 0 || buffer_add_byte(to, '}')) &&
                    (len == 0 ||
                     buffer_print(to, "%s\"%.*s\":{", first ? "" : ",", (int)len - 1, column));
            first = len > 0;
            within = column;
            within_len = len;
        }
        added = added && buffer_print(to, "%s\"%s\":", first ? "" : ",", column + len) &&
                add_eve_value(to, row, i, column);
        first = false;
    }
    return added && (within_len == 0 || buffer_add_byte(to, '}')) && buffer_add_byte(to, '}');
}

enum status export_eve(FILE *to, struct reader *reader, struct error *err)
{
    struct lines l;
    enum status more = STATUS_OK, status = lines_open(&l, to, reader, "eve_flow", err);

    while (status == STATUS_OK && (more = lines_next(&l)) == STATUS_OK)
        status = add_eve_object(&l.line, l.row) ? lines_write(&l) : no_room(err);
    lines_release(&l);
    return more == STATUS_FAILED ? more : status;
}

/* ---- CSV ---- */

const char *const export_tables[] = {
    "runs",          "evidence", "evidence_blocks", "interfaces", "verdicts", "flows", "hosts",
    "streams",       "gaps",     "conflicts",       "refused",    "oddities", "notes", "secrets",
    "capture_stats", NULL,
};

enum status export_check_decoded(struct reader *reader, const char *name, struct error *err)
{
    sqlite3_stmt *row;

    if (reader_prepare(reader, &row,
                       "SELECT 1 FROM main.sqlite_schema WHERE type IN ('table', 'view')"
                       " AND lower(name) = ?1",
                       err) != STATUS_OK)
        return STATUS_FAILED;
    sqlite3_bind_text(row, 1, name, -1, SQLITE_STATIC);
    int rc = sqlite3_step(row);
    sqlite3_finalize(row);
    if (rc == SQLITE_ROW)
        return error_set(err, "%s has a %s of its own, which would be taken for what seine decodes",
                         reader_path(reader), name);
    return rc == SQLITE_DONE
               ? STATUS_OK
               : error_set(err, "%s: %s", reader_path(reader), sqlite3_errmsg(reader_db(reader)));
}

enum status export_csv(FILE *to, struct reader *reader, const char *table, struct error *err)
{
    const struct render_options options = {.crlf = true};
    char sql[80];
    sqlite3_stmt *rows;

    snprintf(sql, sizeof sql, "SELECT * FROM \"%s\"", table);
    if (reader_prepare(reader, &rows, sql, err) != STATUS_OK)
        return STATUS_FAILED;
    enum status status = render(to, rows, RENDER_CSV, &options, NULL, err);
    sqlite3_finalize(rows);
    return status;
}
