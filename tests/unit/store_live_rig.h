/* store_live_rig.h - the rig of the tests of a case that is written live. */
#ifndef SEINE_TESTS_STORE_LIVE_RIG_H
#define SEINE_TESTS_STORE_LIVE_RIG_H

#include "store_rig.h"

static inline void live_open_case(struct rig *r)
{
    struct error err = {0};

    r->options.live = true;
    enum status status = store_open(&r->store, r->path, &r->options, &err);
    if (status != STATUS_OK)
        printf("\n%s\n", err.text);
    CU_ASSERT_EQUAL_FATAL(status, STATUS_OK);
    r->sink = store_sink(r->store);
    r->evidence_id = store_evidence_begin(r->store, "eth0", "live", "ring", "{}");
    r->frame = 0;
    if (!r->db) /* a reader beside the writer, from the beginning to the end */
        CU_ASSERT_EQUAL_FATAL(sqlite3_open_v2(r->path, &r->db, SQLITE_OPEN_READONLY, NULL),
                              SQLITE_OK);
}

static inline void told_so_far(struct rig *r, const char *status)
{
    struct evidence_end end = {.is_live = true, .frames = r->frame, .status = status};
    end.verdict_frames[VERDICT_OK] = r->frame;
    store_evidence_end(r->store, r->evidence_id, &end);
}

static inline void commit(struct rig *r)
{
    struct error err = {0};
    struct store_log log;
    told_so_far(r, "open");
    CU_ASSERT_EQUAL_FATAL(store_commit(r->store, &log, &err), STATUS_OK);
}

static inline void news(struct rig *r, struct rig_flow *f)
{
    r->sink->flow_news(r->sink, &f->flow);
}

static inline void finish(struct rig *r)
{
    struct error err = {0};
    bool one_file;

    told_so_far(r, "complete");
    sqlite3_close(r->db); /* else it would not become one file */
    r->db = NULL;
    CU_ASSERT_EQUAL_FATAL(store_finish_live(r->store, NULL, &one_file, &err), STATUS_OK);
    r->store = NULL;
    CU_ASSERT_TRUE(one_file);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open_v2(r->path, &r->db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    CHECK_SQL(r, "PRAGMA journal_mode", "delete");
    CHECK_SQL(r, "PRAGMA integrity_check", "ok");
}

#endif
