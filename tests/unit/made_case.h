/* made_case.h - cases for the tests of the reading side, made by SQL alone.
 *
 * A made_case is a file in a fresh folder under $TMPDIR, with the tables of schema.sql and what a
 * test puts in. */
#ifndef SEINE_TESTS_MADE_CASE_H
#define SEINE_TESTS_MADE_CASE_H

#include "base/error.h"
#include "store/blobs.h"
#include "store/reader.h"
#include "store/schema.h"
#include "store/store.h"

#include <CUnit/CUnit.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct made_case {
    char folder[256];
    char path[300];
    sqlite3 *db; /* open for writing until made_case_done() */
};

static inline void made_case_sql(struct made_case *c, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(c->db, sql, NULL, NULL, &message) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", sql, message);
        CU_FAIL_FATAL("a statement of the test failed");
    }
}

static inline void made_case_new(struct made_case *c)
{
    char marks[100];
    const char *tmp = getenv("TMPDIR");
    snprintf(c->folder, sizeof c->folder, "%s/seine-test-XXXXXX", tmp ? tmp : "/tmp");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(c->folder));
    snprintf(c->path, sizeof c->path, "%s/made.db", c->folder);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(c->path, &c->db), SQLITE_OK);
    made_case_sql(c, "PRAGMA synchronous = OFF");
    made_case_sql(c, schema_sql);
    snprintf(marks, sizeof marks, "PRAGMA application_id = %d; PRAGMA user_version = %d",
             (int)STORE_APPLICATION_ID, (int)STORE_SCHEMA_VERSION);
    made_case_sql(c, marks);
}

/* Closes it for writing; the file stays. */
static inline void made_case_done(struct made_case *c)
{
    CU_ASSERT_EQUAL(sqlite3_close(c->db), SQLITE_OK);
    c->db = NULL;
}

static inline void made_case_remove(struct made_case *c)
{
    static const char *const ends[] = {"", "-journal", "-wal", "-shm"};
    char path[320];

    if (c->db)
        made_case_done(c);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(path, sizeof path, "%s%s", c->path, ends[i]);
        unlink(path);
    }
    rmdir(c->folder);
}

/* Runs `sql` with a blob as ?1. */
static inline void made_case_blob(struct made_case *c, const char *sql, const void *data,
                                  size_t len)
{
    sqlite3_stmt *statement;
    CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(c->db, sql, -1, &statement, NULL), SQLITE_OK);
    sqlite3_bind_blob(statement, 1, data, (int)len, SQLITE_STATIC);
    CU_ASSERT_EQUAL(sqlite3_step(statement), SQLITE_DONE);
    sqlite3_finalize(statement);
}

/* One part of a flow's frames, or of a stream's arrivals. */
static inline void made_case_frames(struct made_case *c, int flow_id, int part,
                                    const struct frame_record *records, size_t count)
{
    uint8_t blob[32 * FRAME_RECORD_MAX], *end = blob;
    struct frame_record last = {0};
    char sql[120];

    CU_ASSERT_FATAL(count <= 32);
    for (size_t i = 0; i < count; i++)
        end = frame_record_put(end, &last, &records[i]);
    snprintf(sql, sizeof sql, "INSERT INTO flow_frames VALUES (%d, %d, %zu, ?1)", flow_id, part,
             count);
    made_case_blob(c, sql, blob, (size_t)(end - blob));
}

static inline void made_case_arrivals(struct made_case *c, int stream_id, int part,
                                      const struct arrival_record *records, size_t count)
{
    uint8_t blob[32 * ARRIVAL_RECORD_MAX], *end = blob;
    struct arrival_record last = {0};
    char sql[120];

    CU_ASSERT_FATAL(count <= 32);
    for (size_t i = 0; i < count; i++)
        end = arrival_record_put(end, &last, &records[i]);
    snprintf(sql, sizeof sql, "INSERT INTO arrivals VALUES (%d, %d, %zu, 0, 0, ?1)", stream_id,
             part, count);
    made_case_blob(c, sql, blob, (size_t)(end - blob));
}

/* Opens it to be read. */
static inline struct reader *made_case_read(const struct made_case *c)
{
    struct reader *reader;
    struct error err = {0};
    if (reader_open(&reader, c->path, &err) != STATUS_OK)
        fprintf(stderr, "%s\n", err.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
    return reader;
}

/* The pieces of a stream as a picture: bytes stand for themselves, a gap is its cause in brackets with
 * its length; where the walk fails, its sentence after a "!". */
static inline void stream_picture(char *to, size_t room, struct reader *reader, int64_t stream_id)
{
    struct stream_cursor *cursor;
    struct stream_piece piece;
    struct error err = {0};
    enum status status;
    size_t len = 0;

    to[0] = 0;
    if (stream_cursor_open(&cursor, reader, stream_id, &err) != STATUS_OK) {
        snprintf(to, room, "!%s", err.text);
        return;
    }
    while ((status = stream_cursor_next(cursor, &piece, &err)) == STATUS_OK && len < room / 2) {
        CU_ASSERT_EQUAL(piece.cause == NULL, piece.bytes.len == (size_t)piece.length);
        len += (size_t)snprintf(to + len, room - len,
                                len ? " %lld:" : "%lld:", (long long)piece.position);
        if (piece.cause)
            len += (size_t)snprintf(to + len, room - len, "[%.40s %lld%s]", piece.cause,
                                    (long long)piece.length, piece.tail ? " tail" : "");
        else
            len += (size_t)snprintf(to + len, room - len, "%.*s",
                                    (int)(piece.bytes.len < 100 ? piece.bytes.len : 100),
                                    (const char *)piece.bytes.data);
    }
    if (status == STATUS_FAILED)
        snprintf(to + len, room - len, "!%s", err.text);
    stream_cursor_close(cursor);
}

#endif
