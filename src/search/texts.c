/* texts.c - the words of a case, in a file beside it. */
#include "search/texts.h"

#include "base/escape.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 'stxt': no case, and nobody else's. */
enum { TEXTS_APPLICATION_ID = 0x73747874, SEAL_LEN = 64, BUSY_MS = 5000 };

#define TABLE_ABOUT "CREATE TABLE about (seal TEXT NOT NULL, lacking INTEGER NOT NULL) STRICT"
#define TABLE_TEXTS                                                                \
    "CREATE TABLE texts (text_id INTEGER PRIMARY KEY, stream_id INTEGER NOT NULL," \
    " position INTEGER NOT NULL, length INTEGER NOT NULL) STRICT"

static const char schema[] = TABLE_ABOUT
    ";" TABLE_TEXTS
    ";CREATE VIRTUAL TABLE words USING fts5 (text, content = '', tokenize = 'unicode61');";

char *texts_path(const char *case_path)
{
    char *path;
    return asprintf(&path, "%s.text", case_path) < 0 ? NULL : path;
}

static enum status no_memory(struct error *err)
{
    return error_no_memory(err, "no memory for the index of words");
}

static enum status fails(sqlite3 *db, const char *what, const char *path, struct error *err)
{
    bool none = !db || (sqlite3_errcode(db) & 0xff) == SQLITE_NOMEM;
    return (none ? error_no_memory : error_set)(err, "%s %s: %s", what, path,
                                                none ? "no memory" : sqlite3_errmsg(db));
}

/* The seal of the last run of the case; empty where there is none. */
static enum status case_seal(char seal[SEAL_LEN + 1], struct reader *reader, struct error *err)
{
    sqlite3_stmt *row;
    enum status status = reader_prepare_own(
        reader, &row, "SELECT seal FROM \"%w\".runs ORDER BY run_id DESC LIMIT 1", err);

    seal[0] = 0;
    if (status != STATUS_OK)
        return status;
    int rc = sqlite3_step(row);
    const char *text = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(row, 0) : NULL;
    if (text)
        snprintf(seal, SEAL_LEN + 1, "%s", text);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        status = fails(reader_db(reader), "reading", reader_path(reader), err);
    else if (rc == SQLITE_ROW && !text && sqlite3_errcode(reader_db(reader)) == SQLITE_NOMEM)
        status = no_memory(err);
    sqlite3_finalize(row);
    return status;
}

/* Opens the file, which may be anybody's: nothing that it brought along runs. */
static enum status open_file(sqlite3 **db, const char *path, int flags, struct error *err)
{
    char *plain = sqlite3_mprintf("%s%s", path[0] == '/' ? "" : "./", path);

    *db = NULL;
    if (!plain)
        return no_memory(err);
    int rc = sqlite3_open_v2(plain, db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    sqlite3_free(plain);
    if (rc != SQLITE_OK)
        return fails(*db, "opening", path, err);
    sqlite3_db_config(*db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(*db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(*db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_limit(*db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_limit(*db, SQLITE_LIMIT_LENGTH, 128 << 20);
    sqlite3_busy_timeout(*db, BUSY_MS);
    return STATUS_OK;
}

/* Whether the file has the tables that we made, and nothing that goes round in them: no view stands for one. */
static bool is_plain(sqlite3 *db)
{
    static const char sql[] =
        "SELECT count(*) FILTER (WHERE sql IN ('" TABLE_ABOUT "', '" TABLE_TEXTS "')) = 2"
        " AND count(*) FILTER (WHERE name = 'words' AND sql LIKE 'CREATE VIRTUAL TABLE words %') = "
        "1"
        " AND count(*) FILTER (WHERE type IN ('view', 'trigger')"
        " OR (sql LIKE 'CREATE VIRTUAL%' AND name <> 'words')) = 0 FROM main.sqlite_master";
    sqlite3_stmt *row = NULL;
    bool plain = sqlite3_prepare_v2(db, sql, -1, &row, NULL) == SQLITE_OK &&
                 sqlite3_step(row) == SQLITE_ROW && sqlite3_column_int(row, 0) == 1;

    sqlite3_finalize(row);
    return plain;
}

/* Whether the open file is such an index, and of which seal. */
static bool read_about(sqlite3 *db, char seal[SEAL_LEN + 1])
{
    sqlite3_stmt *row = NULL;
    bool is_ours = false;

    seal[0] = 0;
    if (sqlite3_prepare_v2(db, "PRAGMA application_id", -1, &row, NULL) == SQLITE_OK)
        is_ours =
            sqlite3_step(row) == SQLITE_ROW && sqlite3_column_int64(row, 0) == TEXTS_APPLICATION_ID;
    sqlite3_finalize(row);
    row = NULL;
    if (is_ours && sqlite3_prepare_v2(db, "SELECT seal FROM about", -1, &row, NULL) == SQLITE_OK) {
        const char *text =
            sqlite3_step(row) == SQLITE_ROW ? (const char *)sqlite3_column_text(row, 0) : NULL;
        snprintf(seal, SEAL_LEN + 1, "%s", text ? text : "");
    }
    sqlite3_finalize(row);
    return is_ours && seal[0] && is_plain(db);
}

enum status texts_state(enum texts_state *state, struct reader *reader, struct error *err)
{
    char seal[SEAL_LEN + 1], of_case[SEAL_LEN + 1];
    sqlite3 *db = NULL;
    char *path = texts_path(reader_path(reader));
    enum status status = path ? case_seal(of_case, reader, err) : no_memory(err);

    *state = TEXTS_NONE;
    if (status == STATUS_OK && access(path, F_OK) == 0) {
        status = open_file(&db, path, SQLITE_OPEN_READONLY, err);
        if (status == STATUS_OK && !read_about(db, seal)) {
            if ((sqlite3_errcode(db) & 0xff) == SQLITE_NOMEM)
                status = no_memory(err);
        } else if (status == STATUS_OK) {
            *state = of_case[0] && strcmp(seal, of_case) == 0 ? TEXTS_THERE : TEXTS_STALE;
        }
    }
    sqlite3_close(db);
    free(path);
    return status;
}

/* ---- what is text ---- */

static bool is_blank(uint32_t code)
{
    return code == ' ' || code == '\t' || code == '\r' || code == '\n';
}

/* What a text is put together in, and where it goes. */
struct writer {
    sqlite3 *db;
    sqlite3_stmt *text, *words;
    int64_t stream_id;
    int64_t position; /* of bytes[0] */
    size_t len;       /* bytes that are text */
    size_t rest;      /* bytes behind them that may begin a character */
    uint8_t bytes[TEXT_MOST + 8];
    uint64_t count; /* of texts */
};

/* Writes the first `len` bytes as a text; false after a failure of SQLite's. */
static bool put_text(struct writer *w, size_t len)
{
    if (len < TEXT_LEAST)
        return true;
    w->count++;
    sqlite3_bind_int64(w->text, 1, (int64_t)w->count);
    sqlite3_bind_int64(w->text, 2, w->stream_id);
    sqlite3_bind_int64(w->text, 3, w->position);
    sqlite3_bind_int64(w->text, 4, (int64_t)len);
    sqlite3_bind_int64(w->words, 1, (int64_t)w->count);
    sqlite3_bind_text(w->words, 2, (const char *)w->bytes, (int)len, SQLITE_STATIC);
    bool done = sqlite3_step(w->text) == SQLITE_DONE;
    done = done && sqlite3_step(w->words) == SQLITE_DONE;
    sqlite3_reset(w->text);
    sqlite3_reset(w->words);
    return done;
}

/* Forgets the first `len` bytes. */
static void skip(struct writer *w, size_t len)
{
    size_t all = w->len + w->rest;
    memmove(w->bytes, w->bytes + len, all - len);
    w->position += (int64_t)len;
    w->len -= len;
}

/* The text at hand is full: it is cut behind its last blank, if it has one in its second half. */
static bool cut(struct writer *w)
{
    size_t at = w->len;
    while (at > w->len / 2 && !is_blank(w->bytes[at - 1]))
        at--;
    if (at <= w->len / 2)
        at = w->len;
    bool done = put_text(w, at);
    skip(w, at);
    return done;
}

/* The run of text ends. */
static bool end_text(struct writer *w)
{
    bool done = put_text(w, w->len);
    skip(w, w->len);
    return done;
}

/* Whether the bytes may be the beginning of a longer character of UTF-8. */
static bool may_go_on(const uint8_t *bytes, size_t len)
{
    size_t whole = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : bytes[0] >= 0xc2 ? 2 : 1;
    return len < whole && bytes[0] <= 0xf4;
}

static bool put_byte(struct writer *w, uint8_t byte, int64_t position)
{
    if (w->len + w->rest == 0)
        w->position = position;
    w->bytes[w->len + w->rest++] = byte;
    while (w->rest > 0) {
        struct span from = span_of(w->bytes + w->len, w->rest);
        uint32_t code;
        if (may_go_on(from.data, from.len))
            return true;
        size_t before = from.len;
        bool is_text = utf8_take(&from, &code) && (is_blank(code) || !is_control(code));
        size_t taken = before - from.len;
        if (is_text) {
            w->len += taken;
            w->rest -= taken;
        } else {
            if (!end_text(w))
                return false;
            w->len = taken; /* not text: goes */
            w->rest -= taken;
            skip(w, taken);
        }
        if (w->len >= TEXT_MOST && !cut(w))
            return false;
    }
    return true;
}

/* A gap, or the end of the stream. */
static bool end_run(struct writer *w)
{
    bool done = end_text(w);
    w->len = w->rest = 0;
    return done;
}

/* ---- building ---- */

static enum status put_stream(struct writer *w, struct reader *reader, int64_t stream_id,
                              bool *skipped, struct error *err)
{
    struct stream_cursor *cursor;
    struct stream_piece piece;
    bool done = true;
    enum status status = stream_cursor_open(&cursor, reader, stream_id, err);

    *skipped = status == STATUS_FAILED && !err->no_memory;
    if (status != STATUS_OK)
        return *skipped ? STATUS_OK : status;
    w->stream_id = stream_id;
    while (done && (status = stream_cursor_next(cursor, &piece, err)) == STATUS_OK) {
        if (piece.cause)
            done = end_run(w);
        for (size_t i = 0; i < piece.bytes.len && done; i++)
            done = put_byte(w, piece.bytes.data[i], piece.position + (int64_t)i);
    }
    done = done && end_run(w);
    bool by_reference = stream_cursor_by_reference(cursor);
    stream_cursor_close(cursor);
    if (!done)
        return fails(w->db, "writing", "the index of words", err);
    *skipped = status == STATUS_FAILED && by_reference && !err->no_memory;
    return status == STATUS_FAILED && !*skipped ? status : STATUS_OK;
}

static enum status put_streams(struct writer *w, struct reader *reader, uint64_t *skipped_count,
                               struct error *err)
{
    sqlite3_stmt *row;
    int rc = SQLITE_DONE;
    enum status status = reader_prepare_own(
        reader, &row, "SELECT stream_id FROM \"%w\".streams ORDER BY stream_id", err);

    while (status == STATUS_OK && (rc = sqlite3_step(row)) == SQLITE_ROW) {
        bool skipped;
        status = put_stream(w, reader, sqlite3_column_int64(row, 0), &skipped, err);
        *skipped_count += skipped;
    }
    if (status == STATUS_OK && rc != SQLITE_DONE)
        status = fails(reader_db(reader), "reading", reader_path(reader), err);
    sqlite3_finalize(row);
    return status;
}

static enum status run(sqlite3 *db, const char *sql, const char *path, struct error *err)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? STATUS_OK
                                                                : fails(db, "writing", path, err);
}

static enum status begin(struct writer *w, const char *path, const char *seal, size_t memory,
                         struct error *err)
{
    char sql[400];

    snprintf(sql, sizeof sql,
             "PRAGMA page_size = 16384; PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;"
             "PRAGMA cache_size = -%zu; BEGIN EXCLUSIVE; PRAGMA application_id = %d;",
             memory / 1024, TEXTS_APPLICATION_ID);
    enum status status = run(w->db, sql, path, err);
    if (status == STATUS_OK)
        status = run(w->db, schema, path, err);
    if (status != STATUS_OK)
        return status;
    char *about = sqlite3_mprintf("INSERT INTO about VALUES (%Q, 0)", seal);
    status = about ? run(w->db, about, path, err) : no_memory(err);
    sqlite3_free(about);
    if (status == STATUS_OK &&
        (sqlite3_prepare_v2(w->db, "INSERT INTO texts VALUES (?1, ?2, ?3, ?4)", -1, &w->text,
                            NULL) != SQLITE_OK ||
         sqlite3_prepare_v2(w->db, "INSERT INTO words (rowid, text) VALUES (?1, ?2)", -1, &w->words,
                            NULL) != SQLITE_OK))
        status = fails(w->db, "writing", path, err);
    return status;
}

/* An index of before goes first; a file that is none is left alone. */
static enum status make_room(const char *path, struct error *err)
{
    char seal[SEAL_LEN + 1];
    struct stat there;
    sqlite3 *db = NULL;

    if (lstat(path, &there) != 0)
        return errno == ENOENT ? STATUS_OK
                               : error_set(err, "opening %s: %s", path, strerror(errno));
    bool is_ours = S_ISREG(there.st_mode) && there.st_size == 0;
    if (S_ISREG(there.st_mode) && !is_ours) {
        /* for writing, so that what was cut off is undone first */
        enum status status = open_file(&db, path, SQLITE_OPEN_READWRITE, err);
        sqlite3_stmt *row = NULL;
        if (status == STATUS_OK) {
            is_ours = read_about(db, seal);
            /* cut off before it had anything: an empty database */
            if (!is_ours &&
                sqlite3_prepare_v2(db, "SELECT count(*) FROM sqlite_master", -1, &row, NULL) ==
                    SQLITE_OK &&
                sqlite3_step(row) == SQLITE_ROW)
                is_ours = sqlite3_column_int64(row, 0) == 0;
            sqlite3_finalize(row);
        }
        sqlite3_close(db);
    }
    if (!is_ours)
        return error_set(err, "%s is in the way: it is no index of words", path);
    return unlink(path) == 0 || errno == ENOENT
               ? STATUS_OK
               : error_set(err, "removing %s: %s", path, strerror(errno));
}

enum status texts_build(uint64_t *count, uint64_t *bytes, uint64_t *skipped, struct reader *reader,
                        size_t memory, struct error *err)
{
    struct writer *w = calloc(1, sizeof *w);
    char *path = texts_path(reader_path(reader));
    char seal[SEAL_LEN + 1], end[128];
    struct stat made;
    bool opened = false;
    enum status status = w && path ? case_seal(seal, reader, err) : no_memory(err);

    *count = *bytes = *skipped = 0;
    if (status == STATUS_OK && !seal[0])
        status = error_set(err, "%s has no seal by which an index of words would know it again",
                           reader_path(reader));
    if (status == STATUS_OK)
        status = make_room(path, err);
    if (status == STATUS_OK) {
        opened = true;
        status = open_file(&w->db, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
    }
    if (status == STATUS_OK)
        status = begin(w, path, seal, memory, err);
    if (status == STATUS_OK)
        status = put_streams(w, reader, skipped, err);
    if (status == STATUS_OK) {
        snprintf(end, sizeof end,
                 "UPDATE about SET lacking = %" PRIu64
                 "; INSERT INTO words (words) VALUES ('optimize'); COMMIT",
                 *skipped);
        status = run(w->db, end, path, err);
    }
    if (w) {
        sqlite3_finalize(w->text);
        sqlite3_finalize(w->words);
        sqlite3_close(w->db); /* rolls back what was not committed */
        *count = w->count;
    }
    if (status != STATUS_OK && opened)
        unlink(path);
    if (status == STATUS_OK && stat(path, &made) == 0)
        *bytes = (uint64_t)made.st_size;
    free(path);
    free(w);
    return status;
}

enum status texts_drop(struct reader *reader, struct error *err)
{
    char *path = texts_path(reader_path(reader));
    enum status status = path ? make_room(path, err) : no_memory(err);

    free(path);
    return status;
}

enum status texts_estimate(struct texts_cost *cost, struct reader *reader, struct error *err)
{
    enum { STREAM_NS = 60000, BYTE_NS = 15, TEXT_NS = 100 }; /* measured */
    sqlite3_stmt *row;
    uint64_t looked = 0, readable = 0;
    int64_t streams = 0;
    int rc = SQLITE_DONE;
    enum status status = reader_prepare_own(
        reader, &row, "SELECT count(*), CAST(total(stored) AS INTEGER) FROM \"%w\".streams", err);

    *cost = (struct texts_cost){0};
    if (status != STATUS_OK)
        return status;
    if (sqlite3_step(row) == SQLITE_ROW) {
        streams = sqlite3_column_int64(row, 0);
        cost->payload = (uint64_t)sqlite3_column_int64(row, 1);
    } else {
        status = fails(reader_db(reader), "reading", reader_path(reader), err);
    }
    sqlite3_finalize(row);
    if (status != STATUS_OK)
        return status;
    status = reader_prepare_own(reader, &row,
                                "SELECT substr(data, 1, 4096) FROM (SELECT data FROM \"%w\".chunks"
                                " LIMIT 2000)",
                                err);
    while (status == STATUS_OK && (rc = sqlite3_step(row)) == SQLITE_ROW) {
        const uint8_t *data = sqlite3_column_blob(row, 0);
        size_t len = data ? (size_t)sqlite3_column_bytes(row, 0) : 0;
        for (size_t i = 0; i < len; i++)
            readable += is_blank(data[i]) || (data[i] >= 0x20 && data[i] < 0x7f);
        looked += len;
        if (!data && sqlite3_errcode(reader_db(reader)) == SQLITE_NOMEM)
            status = no_memory(err);
    }
    if (status == STATUS_OK && rc != SQLITE_DONE)
        status = fails(reader_db(reader), "reading", reader_path(reader), err);
    sqlite3_finalize(row);
    if (status != STATUS_OK)
        return status;
    double share = looked > 0 ? (double)readable / (double)looked : 0.5;
    share = share > 0.5 ? share : share / 4; /* of bytes at random a third is readable, alone */
    double text = share * (double)cost->payload;
    cost->bytes = (uint64_t)(0.8 * text);
    cost->ns =
        (int64_t)((double)streams * STREAM_NS + (double)cost->payload * BYTE_NS + text * TEXT_NS);
    return status;
}

/* ---- asking ---- */

struct texts {
    char *path;
    sqlite3 *db;
    sqlite3_stmt *row;
    uint64_t lacking; /* streams that are not in it */
};

/* What the index says of itself. */
static enum status read_lacking(struct texts *t, struct error *err)
{
    sqlite3_stmt *row = NULL;
    enum status status = STATUS_OK;

    if (sqlite3_prepare_v2(t->db, "SELECT lacking FROM about", -1, &row, NULL) != SQLITE_OK ||
        sqlite3_step(row) != SQLITE_ROW)
        status = fails(t->db, "reading", t->path, err);
    else
        t->lacking = (uint64_t)sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    return status;
}

uint64_t texts_lacking(const struct texts *t)
{
    return t->lacking;
}

void texts_close(struct texts *t)
{
    if (!t)
        return;
    sqlite3_finalize(t->row);
    sqlite3_close(t->db);
    free(t->path);
    free(t);
}

enum status texts_open(struct texts **texts, struct reader *reader, const char *query,
                       struct error *err)
{
    enum texts_state state = TEXTS_NONE;
    enum status status = texts_state(&state, reader, err);

    *texts = NULL;
    if (status == STATUS_OK && state != TEXTS_THERE)
        status = error_set(err, "%s has %s: seine index --text makes one", reader_path(reader),
                           state == TEXTS_NONE ? "no index of words"
                                               : "been added to since its index of words was made");
    if (status != STATUS_OK)
        return status;
    struct texts *t = calloc(1, sizeof *t);
    if (!t)
        return no_memory(err);
    t->path = texts_path(reader_path(reader));
    status = t->path ? open_file(&t->db, t->path, SQLITE_OPEN_READONLY, err) : no_memory(err);
    if (status == STATUS_OK &&
        sqlite3_prepare_v2(t->db,
                           "SELECT t.stream_id, t.position, t.length FROM words AS w CROSS JOIN"
                           " texts AS t ON t.text_id = w.rowid WHERE w.words MATCH ?1"
                           " ORDER BY w.rowid",
                           -1, &t->row, NULL) != SQLITE_OK)
        status = fails(t->db, "reading", t->path, err);
    if (status == STATUS_OK)
        sqlite3_bind_text(t->row, 1, query, -1, SQLITE_TRANSIENT);
    if (status == STATUS_OK)
        status = read_lacking(t, err);
    if (status == STATUS_OK)
        *texts = t;
    else
        texts_close(t);
    return status;
}

enum status texts_next(struct texts *t, struct search_hit *hit, struct error *err)
{
    int rc = sqlite3_step(t->row);

    if (rc == SQLITE_DONE)
        return STATUS_END;
    if (rc != SQLITE_ROW)
        return fails(t->db, "asking", t->path, err);
    int64_t position = sqlite3_column_int64(t->row, 1), length = sqlite3_column_int64(t->row, 2);
    if (length <= 0 || length > 2 * TEXT_MOST || position < INT64_MIN / 4 ||
        position > INT64_MAX / 4)
        return error_set(err, "reading %s: a text makes no sense", t->path);
    *hit = (struct search_hit){
        .stream_id = sqlite3_column_int64(t->row, 0),
        .begin = position,
        .end = position + length,
        .version = SEARCH_KEPT,
    };
    return STATUS_OK;
}
