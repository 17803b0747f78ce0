/* indexes.c - indexes of a case that are built when asked for. */
#include "search/indexes.h"

#include "store/case_file.h"

#include <stdio.h>
#include <string.h>

const struct index_kind index_kinds[] = {
    {"ports",
     "flows by client_port or server_port",
     "flows",
     "5",
     {{"flows_client_port", "CREATE INDEX flows_client_port ON flows (client_port)"},
      {"flows_server_port", "CREATE INDEX flows_server_port ON flows (server_port)"}}},
    {"community-id",
     "flows by community_id",
     "flows",
     "length(community_id)",
     {{"flows_community_id", "CREATE INDEX flows_community_id ON flows (community_id)"}}},
    {"macs",
     "flows by client_mac or server_mac",
     "flows",
     "coalesce(length(client_mac) + length(server_mac), 0)",
     {{"flows_client_mac", "CREATE INDEX flows_client_mac ON flows (client_mac)"},
      {"flows_server_mac", "CREATE INDEX flows_server_mac ON flows (server_mac)"}}},
    {"states",
     "flows by state and end_reason",
     "flows",
     "length(state) + length(end_reason)",
     {{"flows_state", "CREATE INDEX flows_state ON flows (state, end_reason)"}}},
    {"frames",
     "the flow that a frame began, by evidence_id and first_frame",
     "flows",
     "6",
     {{"flows_first_frame", "CREATE INDEX flows_first_frame ON flows (evidence_id, first_frame)"}}},
    {"hashes",
     "streams by sha256: the same content again",
     "streams",
     "coalesce(length(sha256), 0)",
     {{"streams_sha256", "CREATE INDEX streams_sha256 ON streams (sha256)"}}},
    {"verdicts",
     "streams by verdict",
     "streams",
     "length(verdict)",
     {{"streams_verdict", "CREATE INDEX streams_verdict ON streams (verdict)"}}},
    {0},
};

const struct index_kind *index_find(const char *name)
{
    for (const struct index_kind *kind = index_kinds; kind->name; kind++)
        if (strcmp(kind->name, name) == 0)
            return kind;
    return NULL;
}

static enum status fails(struct reader *reader, struct error *err)
{
    bool no_memory = (sqlite3_errcode(reader_db(reader)) & 0xff) == SQLITE_NOMEM;
    return (no_memory ? error_no_memory : error_set)(err, "reading %s: %s", reader_path(reader),
                                                     sqlite3_errmsg(reader_db(reader)));
}

enum status index_state(enum index_state *state, struct reader *reader,
                        const struct index_kind *kind, struct error *err)
{
    sqlite3_stmt *row;
    int there = 0, count = 0;
    bool foreign = false;
    enum status status = reader_prepare_own(
        reader, &row, "SELECT sql = ?2 FROM \"%w\".sqlite_master WHERE name = ?1 COLLATE NOCASE",
        err);

    if (status != STATUS_OK)
        return status;
    for (const struct index_part *part = kind->parts; part->name && status == STATUS_OK; part++) {
        sqlite3_bind_text(row, 1, part->name, -1, SQLITE_STATIC);
        sqlite3_bind_text(row, 2, part->sql, -1, SQLITE_STATIC);
        int rc = sqlite3_step(row);
        there += rc == SQLITE_ROW && sqlite3_column_int(row, 0) == 1;
        foreign = foreign || (rc == SQLITE_ROW && sqlite3_column_int(row, 0) != 1);
        if (rc != SQLITE_ROW && rc != SQLITE_DONE)
            status = fails(reader, err);
        sqlite3_reset(row);
        count++;
    }
    sqlite3_finalize(row);
    *state = foreign ? INDEX_FOREIGN : there == count ? INDEX_THERE : INDEX_NONE;
    return status;
}

enum status index_estimate(struct index_cost *cost, struct reader *reader,
                           const struct index_kind *kind, struct error *err)
{
    enum { ROW_LEN = 8, ROW_NS = 1100, BYTE_NS = 25 }; /* measured, on a million flows */
    sqlite3_stmt *row = NULL;
    char sql[400];

    snprintf(sql, sizeof sql,
             "SELECT (SELECT count(*) FROM main.%s),"
             " (SELECT avg(%s) FROM (SELECT * FROM main.%s LIMIT 1000))",
             kind->table, kind->keys, kind->table);
    enum status status = reader_prepare(reader, &row, sql, err);
    if (status != STATUS_OK)
        return status;
    uint64_t parts = 0;
    for (const struct index_part *part = kind->parts; part->name; part++)
        parts++;
    if (sqlite3_step(row) == SQLITE_ROW) {
        double key_len = sqlite3_column_double(row, 1);
        key_len = key_len > 0 && key_len < 1e6 ? key_len : 0;
        cost->rows = (uint64_t)sqlite3_column_int64(row, 0);
        cost->bytes = (uint64_t)((double)cost->rows * (key_len + (double)(ROW_LEN * parts)));
        cost->ns = (int64_t)((double)cost->rows * (key_len * BYTE_NS + (double)(ROW_NS * parts)));
    } else {
        status = fails(reader, err);
    }
    sqlite3_finalize(row);
    return status;
}

/* Bytes of pages in use. */
static int64_t used_bytes(sqlite3 *db)
{
    static const char *const names[] = {"page_count", "freelist_count", "page_size"};
    int64_t values[3] = {0};

    for (int i = 0; i < 3; i++) {
        sqlite3_stmt *row;
        char sql[40];
        snprintf(sql, sizeof sql, "PRAGMA main.%s", names[i]);
        if (sqlite3_prepare_v2(db, sql, -1, &row, NULL) == SQLITE_OK &&
            sqlite3_step(row) == SQLITE_ROW)
            values[i] = sqlite3_column_int64(row, 0);
        sqlite3_finalize(row);
    }
    return (values[0] - values[1]) * values[2];
}

/* Whether a part is in the case as we declare it: what else has its name is left alone. */
static bool is_there(sqlite3 *db, const struct index_part *part)
{
    sqlite3_stmt *row;
    bool there = false;

    if (sqlite3_prepare_v2(db, "SELECT 1 FROM main.sqlite_master WHERE name = ?1 AND sql = ?2", -1,
                           &row, NULL) == SQLITE_OK) {
        sqlite3_bind_text(row, 1, part->name, -1, SQLITE_STATIC);
        sqlite3_bind_text(row, 2, part->sql, -1, SQLITE_STATIC);
        there = sqlite3_step(row) == SQLITE_ROW;
    }
    sqlite3_finalize(row);
    return there;
}

static enum status change(struct case_file *f, const struct index_part *part, bool build,
                          struct error *err)
{
    char drop[80];

    snprintf(drop, sizeof drop, "DROP INDEX main.%s", part->name);
    if (is_there(f->db, part) == build)
        return STATUS_OK;
    if (sqlite3_exec(f->db, build ? part->sql : drop, NULL, NULL, NULL) != SQLITE_OK)
        return case_file_fault(f, build ? "building an index of" : "dropping an index of", err);
    return STATUS_OK;
}

static enum status change_all(int64_t *grown, const char *path,
                              const struct index_kind *const *kinds, size_t count, bool build,
                              size_t memory, struct error *err)
{
    const struct case_file_options how = {.cache_len = memory, .sync = true};
    struct case_file file;
    enum status status = case_file_open(&file, path, &how, err);

    *grown = 0;
    if (status != STATUS_OK)
        return status;
    if (file.partial) { /* the case went away meanwhile, and this would be a new one */
        case_file_drop(&file);
        return error_set(err, "opening %s: it is not there any more", path);
    }
    int64_t before = used_bytes(file.db);
    for (size_t i = 0; i < count; i++)
        for (const struct index_part *part = kinds[i]->parts; part->name && status == STATUS_OK;
             part++)
            status = change(&file, part, build, err);
    *grown = used_bytes(file.db) - before;
    if (status == STATUS_OK)
        return case_file_end(&file, true, err);
    case_file_drop(&file);
    return status;
}

enum status index_build(int64_t *grown, const char *path, const struct index_kind *const *kinds,
                        size_t count, size_t memory, struct error *err)
{
    return change_all(grown, path, kinds, count, true, memory, err);
}

enum status index_drop(int64_t *grown, const char *path, const struct index_kind *const *kinds,
                       size_t count, struct error *err)
{
    enum { DROP_MEMORY = 4 << 20 };
    return change_all(grown, path, kinds, count, false, DROP_MEMORY, err);
}
