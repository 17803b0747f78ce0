/* store_case_test.c - the file that a case is: made, added to, given up, in the way. */
#include "store/writer.h"
#include "store_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const char *open_fails(struct rig *r)
{
    static struct error err;
    struct store *store;
    err.text[0] = 0;
    CU_ASSERT_EQUAL(store_open(&store, r->path, &r->options, &err), STATUS_FAILED);
    CU_ASSERT_PTR_NULL(store);
    return err.text;
}

static void one_flow(struct rig *r, uint32_t n, const char *text)
{
    struct rig_flow f;
    rig_flow_init(&f, n);
    f.flow.first_evidence_id = r->evidence_id;
    rig_text(r, &f, 0, text);
    rig_flow_end(r, &f);
}

/* How many files are in the rig's folder. */
static int files(struct rig *r)
{
    char command[128], line[16] = "";
    snprintf(command, sizeof command, "ls -A %s | wc -l", r->folder);
    FILE *pipe = popen(command, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(pipe);
    CU_ASSERT_PTR_NOT_NULL(fgets(line, sizeof line, pipe));
    pclose(pipe);
    return atoi(line);
}

static void fresh(void)
{
    struct rig r;
    rig_init(&r);
    r.options.page_size = 16384;
    r.options.sync = true;
    rig_open(&r);
    CU_ASSERT_PTR_NULL(store_remark(r.store));
    CU_ASSERT_NOT_EQUAL(access(r.path, F_OK), 0);
    CU_ASSERT_EQUAL(access(r.partial, F_OK), 0);
    one_flow(&r, 1, "hello");
    rig_finish(&r);
    CU_ASSERT_EQUAL(files(&r), 1);
    CHECK_SQL(&r, "PRAGMA application_id", "1397049678");
    CHECK_SQL(&r, "PRAGMA user_version", "1");
    CHECK_SQL(&r, "PRAGMA page_size", "16384");
    CHECK_SQL(&r, "PRAGMA journal_mode", "delete");
    CHECK_SQL(&r, "PRAGMA integrity_check", "ok");
    CHECK_SQL(&r,
              "SELECT run_id, version, command, jobs, memory, length(seal),"
              " ended_ns >= started_ns FROM runs",
              "1|test|seine test|1|67108864|64|1");
    CHECK_SQL(&r, "SELECT evidence_id, run_id, source, frames, status FROM evidence",
              "1|1|x.pcap|1|complete");
    CHECK_SQL(&r, "SELECT verdict, frames FROM verdicts", "ok|1");
    CHECK_SQL(&r, "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL",
              "7");
    rig_release(&r);
}

static void reopen(struct rig *r)
{
    sqlite3_close(r->db);
    r->db = NULL;
    rig_open(r);
}

static void addition(void)
{
    struct rig r;
    rig_init(&r);
    rig_open(&r);
    one_flow(&r, 1, "hello");
    rig_finish(&r);
    reopen(&r);
    CU_ASSERT_EQUAL(r.evidence_id, 2);
    CU_ASSERT_NOT_EQUAL(access(r.partial, F_OK), 0);
    one_flow(&r, 1, "again");
    one_flow(&r, 2, "and more");
    rig_finish(&r);
    CU_ASSERT_EQUAL(files(&r), 1);
    CHECK_SQL(&r, "SELECT flow_id, evidence_id FROM flows", "1|1 2|2 3|2");
    CHECK_SQL(&r, "SELECT stream_id, CAST(data AS TEXT) FROM chunks", "2|hello 4|again 6|and more");
    CHECK_SQL(&r, "SELECT ip, flows_as_client, flows_as_server FROM hosts",
              "10.0.0.1|2|0 10.0.0.2|1|0 192.0.2.1|0|3");
    CHECK_SQL(&r, "SELECT count(*), count(seal), count(DISTINCT seal) FROM runs", "2|2|2");
    CHECK_SQL(&r, "PRAGMA integrity_check", "ok");
    rig_release(&r);
}

static void given_up(void)
{
    struct rig r;
    struct rig_flow f;
    rig_init(&r);
    rig_open(&r);
    rig_flow_init(&f, 1);
    rig_text(&r, &f, 0, "a flow that never ends");
    store_abandon(r.store);
    r.store = NULL;
    CU_ASSERT_EQUAL(files(&r), 0);
    rig_open(&r);
    one_flow(&r, 1, "hello");
    rig_finish(&r);
    reopen(&r);
    one_flow(&r, 2, "not to be");
    store_abandon(r.store);
    r.store = NULL;
    CU_ASSERT_EQUAL(files(&r), 1);
    CU_ASSERT_EQUAL(sqlite3_open(r.path, &r.db), SQLITE_OK);
    CHECK_SQL(&r, "SELECT count(*) FROM flows", "1");
    CHECK_SQL(&r, "SELECT count(*) FROM evidence", "1");
    rig_release(&r);
}

/* Runs a writer in a process of its own and kills it when it has written a while. */
static void killed_writer(struct rig *r)
{
    pid_t pid = fork();
    if (pid == 0) {
        rig_open(r);
        for (uint32_t i = 0; i < 3000; i++)
            one_flow(r, i, "some text that takes room");
        raise(SIGKILL);
    }
    int status;
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_TRUE(WIFSIGNALED(status));
}

static void leftover(void)
{
    struct rig r;
    rig_init(&r);
    r.options.memory = 0;
    killed_writer(&r);
    CU_ASSERT_EQUAL(access(r.partial, F_OK), 0);
    rig_open(&r);
    char expected[256];
    snprintf(expected, sizeof expected, "%s was left by a run that did not end; it is removed",
             r.partial);
    const char *remark = store_remark(r.store);
    CU_ASSERT_PTR_NOT_NULL_FATAL(remark);
    CU_ASSERT_STRING_EQUAL(remark, expected);
    CU_ASSERT_PTR_NULL(store_remark(r.store));
    one_flow(&r, 1, "hello");
    rig_finish(&r);
    CHECK_SQL(&r, "SELECT count(*) FROM flows", "1");
    sqlite3_close(r.db);
    r.db = NULL;
    killed_writer(&r); /* of an addition */
    rig_open(&r);
    CU_ASSERT_PTR_NULL(store_remark(r.store));
    rig_finish(&r);
    CU_ASSERT_EQUAL(files(&r), 1);
    CHECK_SQL(&r, "SELECT count(*) FROM flows", "1");
    CHECK_SQL(&r, "PRAGMA integrity_check", "ok");
    rig_release(&r);
}

/* A log without its case would be read as that of the new one. */
static void log_of_another(void)
{
    struct rig r;
    char name[sizeof r.path + 10];

    rig_init(&r);
    snprintf(name, sizeof name, "%s-wal", r.path);
    FILE *file = fopen(name, "w");
    fputs("frames", file);
    fclose(file);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(open_fails(&r), "x.db-wal is in the way: it belongs to a case that is not there"));
    CU_ASSERT_NOT_EQUAL(access(r.path, F_OK), 0);
    CU_ASSERT_NOT_EQUAL(access(r.partial, F_OK), 0);
    CU_ASSERT_EQUAL(truncate(name, 0), 0); /* an empty one is none */
    rig_open(&r);
    unlink(name);
    rig_release(&r);
}

static void leftover_of_others(void)
{
    struct rig r;
    rig_init(&r);
    FILE *file = fopen(r.partial, "w");
    fputs("somebody's notes", file);
    fclose(file);
    CU_ASSERT_PTR_NOT_NULL(strstr(open_fails(&r), "x.db.partial is in the way: it is no case"));
    CU_ASSERT_EQUAL(access(r.partial, F_OK), 0);
    rig_release(&r);
}

static void written_by_another(void)
{
    struct rig r;
    rig_init(&r);
    rig_open(&r);
    CU_ASSERT_PTR_NOT_NULL(strstr(open_fails(&r), "x.db is being written by another seine"));
    one_flow(&r, 1, "hello");
    rig_finish(&r);
    reopen(&r);
    CU_ASSERT_PTR_NOT_NULL(strstr(open_fails(&r), "x.db is being written by another seine"));
    one_flow(&r, 2, "hello");
    rig_finish(&r);
    CHECK_SQL(&r, "SELECT count(*) FROM flows", "2");
    rig_release(&r);
}

static void made_meanwhile(void)
{
    struct rig r;
    struct error err;
    rig_init(&r);
    rig_open(&r);
    FILE *file = fopen(r.path, "w");
    fputs("mine", file);
    fclose(file);
    CU_ASSERT_EQUAL(store_finish(r.store, NULL, &err), STATUS_FAILED);
    r.store = NULL;
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "x.db was made by somebody else meanwhile"));
    CU_ASSERT_EQUAL(files(&r), 1);
    struct stat is;
    CU_ASSERT_EQUAL(stat(r.path, &is), 0);
    CU_ASSERT_EQUAL(is.st_size, 4);
    rig_release(&r);
}

static void no_case(void)
{
    struct rig r;
    rig_init(&r);
    FILE *file = fopen(r.path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("this is no database\n", file);
    fclose(file);
    CU_ASSERT_PTR_NOT_NULL(strstr(open_fails(&r), "x.db is not a case: it is no SQLite database"));
    unlink(r.path);

    sqlite3 *db;
    sqlite3_open(r.path, &db);
    sqlite3_exec(db, "CREATE TABLE t (x)", NULL, NULL, NULL);
    CU_ASSERT_PTR_NOT_NULL(strstr(open_fails(&r), "x.db is not a case: its application_id is "
                                                  "0x00000000 instead of 0x5345494e"));
    sqlite3_exec(db, "PRAGMA application_id = 0x5345494e; PRAGMA user_version = 7", NULL, NULL,
                 NULL);
    CU_ASSERT_PTR_NOT_NULL(strstr(open_fails(&r), "schema version 7, newer than the 1"));
    sqlite3_exec(db, "PRAGMA user_version = 1", NULL, NULL, NULL);
    CU_ASSERT_PTR_NOT_NULL(strstr(open_fails(&r), "x.db"));
    sqlite3_close(db);
    unlink(r.path);

    mkdir(r.path, 0777);
    CU_ASSERT_PTR_NOT_NULL(strstr(open_fails(&r), "x.db is not a case: it is a folder"));
    CU_ASSERT_EQUAL(files(&r), 1);
    rig_release(&r);
}

static void no_folder(void)
{
    struct rig r;
    rig_init(&r);
    char kept[96];
    strcpy(kept, r.path);
    strcpy(r.path, "/proc/x.db"); /* not even root may write there */
    CU_ASSERT_PTR_NOT_NULL(strstr(open_fails(&r), "making /proc/x.db.partial: "));
    snprintf(r.path, sizeof r.path, "%s/no/x.db", r.folder);
    CU_ASSERT_PTR_NOT_NULL(strstr(open_fails(&r), "No such file or directory"));
    strcpy(r.path, kept);
    rig_release(&r);
}

/* Triggers of a hostile case do not run. */
static void hostile(void)
{
    struct rig r;
    rig_init(&r);
    rig_open(&r);
    one_flow(&r, 1, "hello");
    rig_finish(&r);
    sqlite3_close(r.db);
    r.db = NULL;
    sqlite3 *db;
    sqlite3_open(r.path, &db);
    CU_ASSERT_EQUAL(sqlite3_exec(db,
                                 "CREATE TRIGGER t AFTER INSERT ON flows BEGIN"
                                 " DELETE FROM streams; END",
                                 NULL, NULL, NULL),
                    SQLITE_OK);
    sqlite3_close(db);
    rig_open(&r);
    one_flow(&r, 2, "hello");
    rig_finish(&r);
    CHECK_SQL(&r, "SELECT count(*) FROM streams", "2");
    rig_release(&r);
}

static void open_evidence(void)
{
    struct rig r;
    rig_init(&r);
    rig_open(&r);
    one_flow(&r, 1, "hello");
    rig_finish(&r);
    reopen(&r);
    one_flow(&r, 1, "gone");
    one_flow(&r, 2, "gone too");
    store_note(r.store, r.evidence_id, 0, "comment", span_of("note", 4));
    rig_finish(&r);
    sqlite3_close(r.db);
    sqlite3_open(r.path, &r.db);
    sqlite3_exec(r.db, /* as a live run that was cut off leaves it */
                 "UPDATE evidence SET status = 'open' WHERE evidence_id = 2;"
                 "INSERT INTO chunk_data VALUES (NULL, 200, 0, 1, 0, x'00');",
                 NULL, NULL, NULL);
    reopen(&r);
    CU_ASSERT_PTR_NOT_NULL(store_remark(r.store));
    CU_ASSERT_EQUAL(r.evidence_id, 2);
    one_flow(&r, 3, "new");
    rig_finish(&r);
    CHECK_SQL(&r, "SELECT flow_id, evidence_id, client_ip FROM flows", "1|1|10.0.0.1 2|2|10.0.0.3");
    CHECK_SQL(&r, "SELECT stream_id, CAST(data AS TEXT) FROM chunks", "2|hello 4|new");
    CHECK_SQL(&r, "SELECT ip, flows_as_client, flows_as_server FROM hosts",
              "10.0.0.1|1|0 10.0.0.3|1|0 192.0.2.1|0|2");
    CHECK_SQL(&r,
              "SELECT (SELECT count(*) FROM streams), (SELECT count(*) FROM arrivals),"
              " (SELECT count(*) FROM flow_frames), (SELECT count(*) FROM notes),"
              " (SELECT count(*) FROM verdicts)",
              "2|2|2|0|2");
    rig_release(&r);
}

static void beside_frames(void)
{
    struct rig r;
    rig_init(&r);
    rig_open(&r);
    struct span none = {NULL, 0};
    store_interface(r.store, 1, 0, 1, 0, span_of("eth\xff", 4), none, span_of("tcp", 3), 1000000);
    store_interface(r.store, 1, 1, 113, 96, none, span_of("d", 1), none, 1000000000);
    store_note(r.store, 1, 7, "comment", span_of("a\0b", 3));
    store_note(r.store, 1, 0, "os", none);
    store_statistics(r.store, 1, 0, 5, 100, -1, 0, 3);
    store_secrets(r.store, 1, 0x544c534b, span_of("KEY", 3));
    store_block(r.store, 1, 0, 0xdeadbeef);
    CU_ASSERT_FALSE(store_has_evidence(r.store, "aa", NULL, "{}"));
    struct evidence_end end = {.bytes = 10,
                               .sha256 = "aa",
                               .fingerprint = "ff",
                               .frames = 2,
                               .first_ns = -5,
                               .last_ns = 6,
                               .status = "partial"};
    store_evidence_end(r.store, 1, &end);
    CU_ASSERT_TRUE(store_has_evidence(r.store, "aa", NULL, "{}"));
    CU_ASSERT_TRUE(store_has_evidence(r.store, NULL, "ff", "{\"merge\":1}"));
    CU_ASSERT_FALSE(store_has_evidence(r.store, "aa", NULL, "{\"filter\":\"tcp\"}"));
    CU_ASSERT_FALSE(store_has_evidence(r.store, "bb", "ff", "{}"));
    CU_ASSERT_FALSE(store_has_evidence(r.store, NULL, NULL, "{}"));
    r.evidence_id = store_evidence_begin(r.store, "y.pcap", "file", "pcap", "{}");
    rig_finish(&r);
    CHECK_SQL(&r,
              "SELECT interface_id, link_type, snap_len, name, description, filter,"
              " ticks_per_second FROM interfaces",
              "0|1|NULL|eth\xef\xbf\xbd|NULL|tcp|1000000 1|113|96|NULL|d|NULL|1000000000");
    CHECK_SQL(&r, "SELECT frame, kind, text FROM notes",
              "7|comment|a\xef\xbf\xbd"
              "b NULL|os|");
    CHECK_SQL(&r,
              "SELECT time_ns, received, dropped_by_interface, accepted_by_filter,"
              " dropped_by_system FROM capture_stats",
              "5|100|NULL|0|3");
    CHECK_SQL(&r, "SELECT type, CAST(data AS TEXT) FROM secrets", "1414288203|KEY");
    CHECK_SQL(&r, "SELECT block, checksum FROM evidence_blocks", "0|00000000deadbeef");
    CHECK_SQL(&r,
              "SELECT bytes, sha256, fingerprint, first_ns, last_ns, status FROM evidence"
              " WHERE evidence_id = 1",
              "10|aa|ff|-5|6|partial");
    rig_release(&r);
}

/* Writes until a disk of 1 MiB is full. */
static void fill_disk(struct rig *r)
{
    uint8_t *bytes = rig_noise(1000, 1);
    struct error err = {0};
    struct rig_flow f;
    rig_open(r);
    rig_flow_init(&f, 1);
    for (int i = 0; i < 8000; i++)
        rig_segment(r, &f, SIDE_CLIENT, i * 1000, bytes, 1000);
    rig_flow_end(r, &f);
    CU_ASSERT_EQUAL(store_checkpoint(r->store, &err), STATUS_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "writing "));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, ": database or disk is full"));
    rig_evidence_end(r);
    CU_ASSERT_EQUAL(store_finish(r->store, NULL, &err), STATUS_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, ": database or disk is full"));
    r->store = NULL;
    free(bytes);
}

static void full_disk(void)
{
    struct rig r;
    rig_init(&r);
    if (mount("tmpfs", r.folder, "tmpfs", 0, "size=1m") != 0) {
        rig_release(&r); /* only root may */
        return;
    }
    r.options.memory = 0;
    fill_disk(&r);
    CU_ASSERT_EQUAL(files(&r), 0);
    rig_open(&r);
    one_flow(&r, 1, "hello");
    rig_finish(&r);
    sqlite3_close(r.db);
    r.db = NULL;
    fill_disk(&r);
    CU_ASSERT_EQUAL(files(&r), 1);
    sqlite3_open(r.path, &r.db);
    CHECK_SQL(&r, "SELECT count(*) FROM flows", "1");
    CHECK_SQL(&r, "PRAGMA integrity_check", "ok");
    sqlite3_close(r.db);
    r.db = NULL;
    CU_ASSERT_EQUAL(umount(r.folder), 0);
    rig_release(&r);
}

/* A worker that does what it is given as late as it may. */
struct late_worker {
    struct {
        void (*task)(void *of, struct span bytes);
        void *of;
        struct span bytes;
    } given[64];
    uint64_t count, done;
};

static void late_wait(void *worker, uint64_t turn)
{
    struct late_worker *w = worker;

    for (; w->done < turn; w->done++)
        w->given[w->done % 64].task(w->given[w->done % 64].of, w->given[w->done % 64].bytes);
}

static uint64_t late_give(void *worker, void (*task)(void *of, struct span bytes), void *of,
                          struct span bytes)
{
    struct late_worker *w = worker;

    if (w->count == w->done + 64)
        late_wait(w, w->done + 1);
    w->given[w->count % 64].task = task;
    w->given[w->count % 64].of = of;
    w->given[w->count % 64].bytes = bytes;
    return ++w->count;
}

/* Batches that are given when one of another table has failed, which nobody has been told yet. */
static void full_disk_late(void)
{
    struct late_worker late = {.count = 0};
    const struct store_worker worker = {late_give, late_wait, &late};
    struct error err = {0};
    struct rig r;

    rig_init(&r);
    if (mount("tmpfs", r.folder, "tmpfs", 0, "size=1m") != 0) {
        rig_release(&r); /* only root may */
        return;
    }
    r.options.memory = 0;
    r.options.worker = &worker;
    rig_open(&r);
    for (uint32_t n = 0; n < 20000; n++)
        one_flow(&r, n, "some bytes of payload, so that all tables have something of it");
    rig_evidence_end(&r);
    CU_ASSERT_EQUAL(store_finish(r.store, NULL, &err), STATUS_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "No space left on device"));
    r.store = NULL;
    CU_ASSERT_EQUAL(files(&r), 0);
    CU_ASSERT_EQUAL(umount(r.folder), 0);
    rig_release(&r);
}

/* Two runs over the same give the same seal, whatever the memory. */
static void equal_runs(void)
{
    char seals[3][65];
    for (int i = 0; i < 3; i++) {
        struct rig r;
        struct error err;
        rig_init(&r);
        rig_open(&r);
        for (uint32_t n = 0; n < 500; n++)
            one_flow(&r, n * 77 % 500, "hello");
        rig_evidence_end(&r);
        CU_ASSERT_EQUAL(store_finish(r.store, seals[i], &err), STATUS_OK);
        r.store = NULL;
        rig_release(&r);
    }
    CU_ASSERT_STRING_EQUAL(seals[0], seals[1]);
    CU_ASSERT_STRING_EQUAL(seals[0], seals[2]);
}

/* Rows in the order of their keys are added up while they are written; others are read again. That both
 * give the same seal is what rig_finish() sees to, in every test. */
static void sealed_while_written(void)
{
    static const size_t memories[] = {64 << 20, 0};
    for (int i = 0; i < 2; i++) {
        struct rig r;
        struct rig_flow f[2];
        rig_init(&r);
        r.options.memory = memories[i];
        rig_open(&r);
        for (uint32_t n = 0; n < 400; n++)
            one_flow(&r, n, "hello");
        for (uint32_t n = 0; n < 2; n++)
            rig_flow_init(&f[n], 1000 + n);
        /* More than has room in what is kept of a flow anyhow: without memory the second has the first write early. */
        rig_text(&r, &f[0], 0, "first, in more bytes than a diary has at its very beginning");
        rig_text(&r, &f[1], 0, "second, in more bytes than a diary has at its very beginning");
        rig_flow_end(&r, &f[1]);
        for (uint32_t n = 400; n < 600; n++) /* more than a batch, which is put in order */
            one_flow(&r, n, "hello");
        rig_flow_end(&r, &f[0]);
        insert_flush(&r.store->insert);
        bool in_order = r.store->insert.rows[INSERT_FLOW].batch.in_order &&
                        r.store->insert.rows[INSERT_STREAM].batch.in_order;
        CU_ASSERT_EQUAL(in_order, memories[i] > 0);
        CU_ASSERT_TRUE(r.store->insert.rows[INSERT_FLOW_FRAMES].batch.in_order);
        CU_ASSERT_TRUE(r.store->insert.rows[INSERT_ARRIVALS].batch.in_order);
        rig_finish(&r);
        CHECK_SQL(&r, "SELECT count(*), count(DISTINCT sha256) FROM streams", "602|3");
        rig_release(&r);
    }
}

/* A flow between addresses that have much in common, in their text, at a time that may be before 1970. */
static void flow_between(struct rig *r, uint32_t n, uint32_t luck)
{
    struct rig_flow f;
    uint8_t low[16] = {0x20, 1, 0x0d, 0xb8, 0x11, 0x11, 0x22, 0x22}, high[16] = {0x20, 1};

    rig_flow_init(&f, luck % 300);
    if (luck % 3 > 0) { /* 2001:db8:1111:2222:... is 17 characters and more, and some are shorter */
        low[luck % 2 ? 8 : 15] = (uint8_t)(luck >> 8);
        low[14] = (uint8_t)(luck >> 16);
        high[15] = (uint8_t)(luck >> 9);
        address_v6(&f.flow.key.low, span_of(low, sizeof low));
        address_v6(&f.flow.key.high, span_of(high, sizeof high));
        f.flow.key.ip_version = 6;
    }
    f.flow.first_evidence_id = r->evidence_id;
    f.flow.first_ns = (int64_t)luck - INT64_C(0x7fffffff) + (int64_t)n % 7;
    f.flow.last_ns = f.flow.first_ns;
    rig_text(r, &f, 0, "hello");
    rig_flow_end(r, &f);
}

/* The indexes of flows, sorted past SQLite where there is memory for it: that each row has its entry, and in its place,
 * is for PRAGMA integrity_check to say. */
static void indexes_at_the_end(void)
{
    static const uint32_t counts[] = {1, 2, 3, 700, 9000};
    static const size_t memories[] = {64 << 20, 0};

    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        for (size_t m = 0; m < sizeof memories / sizeof *memories; m++) {
            struct rig r;
            char expected[64];
            uint32_t luck = 7;
            rig_init(&r);
            r.options.memory = memories[m];
            rig_open(&r);
            for (uint32_t n = 0; n < counts[c]; n++) {
                luck = luck * 1664525 + 1013904223;
                flow_between(&r, n, luck);
            }
            rig_finish(&r);
            CHECK_SQL(&r, "PRAGMA integrity_check", "ok");
            snprintf(expected, sizeof expected, "%u|%u|%u|1", counts[c], counts[c], counts[c]);
            CHECK_SQL(&r,
                      "SELECT count(*), (SELECT count(*) FROM flows AS f INDEXED BY flows_client_ip"
                      " WHERE f.client_ip > ''), (SELECT count(*) FROM flows INDEXED BY"
                      " flows_server_ip WHERE server_ip > ''), (SELECT min(first_ns) FROM flows)"
                      " = (SELECT min(+first_ns) FROM flows) FROM flows",
                      expected);
            rig_release(&r);
        }
    }
}

static const struct test tests[] = {
    {"a fresh case has its name only when it is whole", fresh},
    {"an addition goes on where the case ended", addition},
    {"what is given up leaves nothing", given_up},
    {"what a killed run left is removed, with a remark", leftover},
    {"but not what is somebody else's", leftover_of_others},
    {"the log of a case that is not there is in the way", log_of_another},
    {"one writer at a time", written_by_another},
    {"a file that somebody made meanwhile is left alone", made_meanwhile},
    {"what is not a case is not written", no_case},
    {"a folder that cannot be written", no_folder},
    {"triggers of a hostile case do not run", hostile},
    {"open evidence is removed with all its rows", open_evidence},
    {"what a capture says beside frames", beside_frames},
    {"a full disk is one sentence, and nothing is left", full_disk},
    {"a full disk is told when batches wait behind it", full_disk_late},
    {"equal runs have equal seals", equal_runs},
    {"rows in order are sealed while they are written", sealed_while_written},
    {"indexes are whole, with addresses that begin alike", indexes_at_the_end},
};
SUITE("store case", tests)
