/* pipeline_ingest_test.c - captures in, a case out: which, in which order, and what is left behind. */
#include "pipeline/ingest.h"

#include "craft/craft.h"
#include "suite.h"

#include <dirent.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder with captures, one ingest after another into case.db, and what they said. */
struct bench {
    char folder[64];
    char paths[8][96];
    const char *captures[8];
    size_t capture_count;
    struct ingest_options options;
    struct ingest_result result;
    struct error err;
    char remarks[2048]; /* each with a line feed behind it */
    int remark_count, progress_count;
    struct ingest_progress progress; /* the first one */
    volatile int stop;
    bool stop_at_progress;
    char case_path[96], text[2048];
};

static void on_remark(void *context, const char *sentence)
{
    struct bench *b = context;
    size_t len = strlen(b->remarks);
    snprintf(b->remarks + len, sizeof b->remarks - len, "%s\n", sentence);
    b->remark_count++;
}

static void on_progress(void *context, const struct ingest_progress *progress)
{
    struct bench *b = context;
    if (b->progress_count++ == 0)
        b->progress = *progress;
    b->stop = b->stop_at_progress;
}

static void bench_open(struct bench *b)
{
    *b = (struct bench){.folder = "/tmp/seine-pipeline-XXXXXX"};
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(b->folder));
    snprintf(b->case_path, sizeof b->case_path, "%s/case.db", b->folder);
    b->options = (struct ingest_options){.case_path = b->case_path,
                                         .version = "test",
                                         .command = "seine test",
                                         .remark = on_remark,
                                         .progress = on_progress,
                                         .context = b,
                                         .stop = &b->stop};
}

/* How many files there are in the folder; `remove_them` empties it. */
static size_t files(const struct bench *b, bool remove_them)
{
    char path[400];
    size_t count = 0;
    DIR *dir = opendir(b->folder);
    const struct dirent *entry;

    CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        count++;
        snprintf(path, sizeof path, "%s/%s", b->folder, entry->d_name);
        if (remove_them)
            unlink(path);
    }
    closedir(dir);
    return count;
}

static void bench_close(struct bench *b)
{
    files(b, true);
    CU_ASSERT_EQUAL(rmdir(b->folder), 0);
}

/* Writes a file into the folder, and makes it the next capture. */
static void file_bytes(struct bench *b, const char *name, const void *data, size_t len)
{
    char path[96];
    snprintf(path, sizeof path, "%s/%s", b->folder, name);
    memcpy(b->paths[b->capture_count], path, sizeof path);
    FILE *file = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fwrite(data, 1, len, file), len);
    fclose(file);
    b->captures[b->capture_count] = b->paths[b->capture_count];
    b->capture_count++;
}

/* The same with a script's frames, without the last `cut` bytes. */
static void file_cut(struct bench *b, const char *name, const char *script, size_t cut)
{
    size_t len;
    struct craft *c = craft_frames(script, NULL);
    uint8_t *pcap = craft_pcap(&len, c, 0);
    file_bytes(b, name, pcap, len - cut);
    free(pcap);
    craft_free(c);
}

static void file(struct bench *b, const char *name, const char *script)
{
    file_cut(b, name, script, 0);
}

static enum status run(struct bench *b)
{
    b->remarks[0] = 0;
    b->remark_count = b->progress_count = 0;
    b->err = (struct error){0};
    b->options.captures = b->captures;
    b->options.capture_count = b->capture_count;
    return ingest(&b->result, &b->options, &b->err);
}

static void run_well(struct bench *b)
{
    enum status status = run(b);
    if (status != STATUS_OK)
        printf("\n%s\n", b->err.text);
    CU_ASSERT_EQUAL_FATAL(status, STATUS_OK);
}

/* The rows of a query in b->text: columns with a blank between, rows with a comma. */
static const char *rows(struct bench *b, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *s;
    size_t len = 0;

    b->text[0] = 0;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open_v2(b->case_path, &db, SQLITE_OPEN_READONLY, NULL),
                          SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK) {
        printf("\n%s: %s\n", sql, sqlite3_errmsg(db));
        CU_FAIL_FATAL("a query of the test");
    }
    while (sqlite3_step(s) == SQLITE_ROW && len < sizeof b->text) {
        for (int i = 0; i < sqlite3_column_count(s) && len < sizeof b->text; i++) {
            const char *value = (const char *)sqlite3_column_text(s, i);
            len += (size_t)snprintf(b->text + len, sizeof b->text - len, "%s%s",
                                    i > 0     ? " "
                                    : len > 0 ? ", "
                                              : "",
                                    value ? value : "-");
        }
    }
    sqlite3_finalize(s);
    sqlite3_close(db);
    return b->text;
}

static void check_rows(struct bench *b, const char *sql, const char *expected)
{
    if (strcmp(rows(b, sql), expected) != 0) {
        printf("\n%s\n  is        %s\n  should be %s\n", sql, b->text, expected);
        CU_FAIL("rows");
    }
}

static void check_says(const char *text, const char *words)
{
    if (!strstr(text, words)) {
        printf("\n\"%s\" does not say \"%s\"\n", text, words);
        CU_FAIL("a sentence");
    }
}

/* Sources without their folder, in the order in which they were read. */
static const char sources[] =
    "SELECT replace(source, rtrim(source, replace(source, '/', '')), ''), frames "
    "FROM evidence ORDER BY evidence_id";

/* The verdicts add up to the frames of each evidence. */
static void check_sums(struct bench *b)
{
    check_rows(
        b,
        "SELECT evidence_id FROM evidence e WHERE frames <> (SELECT coalesce(sum(frames), 0) "
        "FROM verdicts v WHERE v.evidence_id = e.evidence_id)",
        "");
}

/* ---- order ---- */

static void order_of_time(void)
{
    struct bench b;
    bench_open(&b);
    file(&b, "third", "at 30; c udp \"3\"");
    file(&b, "first", "at 10; c udp \"1\"");
    file(&b, "second", "at 20; c udp \"2\"");
    run_well(&b);
    check_rows(&b, sources, "first 1, second 1, third 1");
    check_rows(&b, "SELECT position, data FROM chunks", "0 123");
    CU_ASSERT_EQUAL(b.result.captures, 3);
    CU_ASSERT_EQUAL(b.result.frames, 3);
    CU_ASSERT_EQUAL(b.result.flows, 1);
    CU_ASSERT_EQUAL(b.result.streams, 1);
    CU_ASSERT_EQUAL(b.result.payload_bytes, 3);
    CU_ASSERT_EQUAL(strlen(b.result.seal), 64);
    CU_ASSERT_FALSE(b.result.partial);
    bench_close(&b);
}

static void order_of_arguments(void)
{
    struct bench b;
    bench_open(&b);
    file(&b, "b", "at 10; c udp \"1\"");
    file(&b, "a", "at 10; c udp \"2\"");
    file(&b, "c", "at 10; c udp \"3\"");
    run_well(&b);
    check_rows(&b, sources, "b 1, a 1, c 1");
    check_rows(&b, "SELECT position, data FROM chunks", "0 123");
    bench_close(&b);
}

static void order_with_empty(void)
{
    struct bench b;
    bench_open(&b);
    file(&b, "none", "");
    file(&b, "b", "at 20; c udp \"2\"");
    file(&b, "nothing", "at 5");
    file(&b, "a", "at 10; c udp \"1\"");
    run_well(&b);
    /* The second empty one has the bytes of the first: it is known. */
    check_rows(&b, sources, "a 1, b 1, none 0");
    CU_ASSERT_EQUAL(b.result.skipped, 1);
    check_rows(&b, "SELECT status, first_ns FROM evidence WHERE frames = 0", "complete -");
    bench_close(&b);
}

static void only_empty(void)
{
    struct bench b;
    bench_open(&b);
    file(&b, "none", "");
    run_well(&b);
    check_rows(&b, sources, "none 0");
    check_rows(&b, "SELECT count(*) FROM flows", "0");
    bench_close(&b);
}

/* One after the other these are not in order of time; interleaved they are. */
static void interleaved(void)
{
    struct bench b;
    bench_open(&b);
    file(&b, "out", "at 10; step 2; c udp \"1\"; c udp \"3\"; c udp \"5\"");
    file(&b, "in", "at 11; step 2; c udp \"2\"; c udp \"4\"; c udp \"6\"");
    b.options.merge = true;
    run_well(&b);
    check_rows(&b, "SELECT position, data FROM chunks", "0 123456");
    bench_close(&b);
}

static void interleaved_ties(void)
{
    struct bench b;
    bench_open(&b);
    file(&b, "z", "at 10; step 0; c udp \"1\"; c udp \"2\"; at 11; c udp \"5\"");
    file(&b, "a", "at 10; step 0; c udp \"3\"; c udp \"4\"; at 11; c udp \"6\"");
    b.options.merge = true;
    run_well(&b);
    check_rows(&b, "SELECT position, data FROM chunks", "0 123456");
    check_rows(&b, sources, "z 3, a 3");
    bench_close(&b);
}

static void too_many_interleaved(void)
{
    struct bench b;
    static char names[257][96];
    static const char *captures[257];

    bench_open(&b);
    for (int i = 0; i < 257; i++) {
        char name[20], script[60];
        snprintf(name, sizeof name, "%d", i);
        snprintf(script, sizeof script, "at %d; c udp \"%d\"", i, i);
        b.capture_count = 0;
        file(&b, name, script);
        snprintf(names[i], sizeof names[i], "%s", b.paths[0]);
        captures[i] = names[i];
    }
    b.options.merge = true;
    b.options.captures = captures;
    b.options.capture_count = 257;
    CU_ASSERT_EQUAL(ingest(&b.result, &b.options, &b.err), STATUS_FAILED);
    check_says(b.err.text, "at most 256");
    CU_ASSERT_EQUAL(files(&b, false), 257);
    b.options.merge = false;
    CU_ASSERT_EQUAL(ingest(&b.result, &b.options, &b.err), STATUS_OK);
    CU_ASSERT_EQUAL(b.result.captures, 257);
    bench_close(&b);
}

/* ---- known ---- */

static void known_in_one_run(void)
{
    struct bench b;
    bench_open(&b);
    file(&b, "a", "at 10; c udp \"1\"");
    file(&b, "copy", "at 10; c udp \"1\"");
    run_well(&b);
    CU_ASSERT_EQUAL(b.result.captures, 1);
    CU_ASSERT_EQUAL(b.result.skipped, 1);
    CU_ASSERT_EQUAL(b.remark_count, 1);
    check_says(b.remarks, "/copy is in the case already; it is skipped");
    check_rows(&b, sources, "a 1");
    bench_close(&b);
}

static void known_in_the_case(void)
{
    struct bench b;
    char seal[80];
    bench_open(&b);
    file(&b, "a", "at 10; c udp \"1\"");
    run_well(&b);
    snprintf(seal, sizeof seal, "1 %s", b.result.seal);
    run_well(&b);
    CU_ASSERT_EQUAL(b.result.captures, 0);
    CU_ASSERT_EQUAL(b.result.skipped, 1);
    CU_ASSERT_STRING_EQUAL(b.result.seal, "");
    check_rows(&b, "SELECT run_id, seal FROM runs", seal); /* no run where nothing was done */
    CU_ASSERT_EQUAL(files(&b, false), 2);
    bench_close(&b);
}

static void another_filter(void)
{
    struct bench b;
    bench_open(&b);
    file(&b, "a", "c udp \"1\"; c SYN; c udp \"2\"");
    b.options.filter = "udp and not host \\host"; /* has what JSON escapes */
    CU_ASSERT_EQUAL(run(&b), STATUS_FAILED);
    b.options.filter = "udp";
    run_well(&b);
    check_rows(&b, "SELECT json_extract(options, '$.filter') FROM evidence", "udp");
    check_rows(&b, "SELECT verdict, frames FROM verdicts ORDER BY verdict", "filtered 1, ok 2");
    check_sums(&b);
    run_well(&b);
    CU_ASSERT_EQUAL(b.result.skipped, 1);
    b.options.filter = NULL;
    run_well(&b);
    CU_ASSERT_EQUAL(b.result.captures, 1);
    check_rows(&b, "SELECT count(*), count(DISTINCT sha256) FROM evidence", "2 1");
    check_rows(&b, "SELECT options FROM evidence WHERE evidence_id = 2", "{}");
    check_sums(&b);
    bench_close(&b);
}

/* ---- damage ---- */

static void cut_off(void)
{
    struct bench b;
    bench_open(&b);
    file_cut(&b, "a", "at 10; c udp \"1\"; c udp \"2\"; c udp \"3\"", 5);
    file(&b, "b", "at 20; c udp \"4\"");
    run_well(&b);
    CU_ASSERT_TRUE(b.result.partial);
    CU_ASSERT_EQUAL(b.result.captures, 2);
    CU_ASSERT_EQUAL(b.remark_count, 1);
    check_says(b.remarks, "frame 3");
    check_rows(&b, "SELECT status, frames FROM evidence", "partial 2, complete 1");
    check_rows(&b, "SELECT data FROM chunks", "124");
    check_rows(&b, "SELECT evidence_id, flow_id, kind, frame, last_frame, count FROM oddities",
               "1 - capture_damaged 3 3 1");
    check_sums(&b);
    bench_close(&b);
}

static void cut_off_at_once(void)
{
    struct bench b;
    bench_open(&b);
    file(&b, "a", "at 10; c udp \"1\"");
    file_cut(&b, "b", "at 5; c udp \"2\"", 5);
    run_well(&b);
    CU_ASSERT_TRUE(b.result.partial);
    check_rows(&b, "SELECT status, frames FROM evidence", "complete 1, partial 0");
    check_rows(&b, "SELECT evidence_id, frame FROM oddities", "2 1");
    check_sums(&b);
    bench_close(&b);
}

/* ---- IPv4 headers ---- */

static const char verdicts[] = "SELECT verdict, frames FROM verdicts ORDER BY verdict";

static void header_never_right(void)
{
    struct bench b;
    bench_open(&b);
    file(&b, "a", "every bad-ip-checksum; c \"ab\"; c \"cd\"; c udp \"ef\"; c icmp echo \"gh\"");
    run_well(&b);
    check_rows(&b, verdicts, "ok 4");
    check_rows(&b, "SELECT data FROM chunks ORDER BY stream_id", "abcd, ef, gh");
    check_rows(&b, "SELECT count(*) FROM refused", "0");
    check_rows(&b, "SELECT flow_id, kind, count FROM oddities WHERE flow_id = 1",
               "1 bad_ip_checksum 2");
    bench_close(&b);
}

static void header_wrong_once(void)
{
    struct bench b;
    bench_open(&b);
    file(&b, "a", "c \"ab\"; c \"XX\" bad-ip-checksum; c @2 \"cd\"");
    run_well(&b);
    check_rows(&b, verdicts, "ok 3");
    check_rows(&b, "SELECT data FROM chunks", "abcd");
    check_rows(&b, "SELECT position, reason, data FROM refused", "2 bad_checksum XX");
    bench_close(&b);
}

/* Without a transport header no flow can judge: such a frame belongs to none. */
static void header_wrong_of_a_fragment(void)
{
    struct bench b;
    bench_open(&b);
    file(&b, "a",
         "c udp \"ab\"; c udp len=1000 frag=504 bad-ip-checksum; c ip proto=99 \"x\" "
         "bad-ip-checksum");
    run_well(&b);
    check_rows(&b, verdicts, "bad_checksum 3, ok 1");
    check_rows(&b, "SELECT flow_id, kind, frame, last_frame, count FROM oddities",
               "- bad_ip_checksum 2 4 3");
    check_rows(&b, "SELECT data FROM chunks", "ab");
    check_sums(&b);
    bench_close(&b);
}

/* ---- the world fails ---- */

/* Fails, says why, and leaves so many files. */
static void check_fails(struct bench *b, const char *words, size_t file_count)
{
    CU_ASSERT_EQUAL(run(b), STATUS_FAILED);
    check_says(b->err.text, words);
    CU_ASSERT_EQUAL(files(b, false), file_count);
}

static void not_there(void)
{
    struct bench b;
    bench_open(&b);
    file(&b, "a", "at 10; c udp \"1\"");
    b.captures[b.capture_count++] = "/nowhere/x.pcap";
    file(&b, "b", "at 20; c udp \"2\"");
    check_fails(&b, "/nowhere/x.pcap", 2);
    b.options.merge = true;
    check_fails(&b, "/nowhere/x.pcap", 2);
    bench_close(&b);
}

static void no_capture(void)
{
    struct bench b;
    bench_open(&b);
    file(&b, "a", "at 10; c udp \"1\"");
    file_bytes(&b, "text", "this is no capture at all", 25);
    check_fails(&b, "/text is not a capture", 2);
    b.captures[0] = b.captures[1]; /* alone, too */
    b.capture_count = 1;
    check_fails(&b, "/text is not a capture", 2);
    b.captures[0] = b.folder;
    check_fails(&b, "is a folder", 2);
    bench_close(&b);
}

static void no_capture_for_a_case(void)
{
    struct bench b;
    bench_open(&b);
    file(&b, "a", "at 10; c udp \"1\"");
    run_well(&b);
    rows(&b, "SELECT group_concat(seal) FROM runs");
    char before[sizeof b.text];
    strcpy(before, b.text);
    file(&b, "b", "at 20; c udp \"2\"");
    file_bytes(&b, "text", "this is no capture at all", 25);
    check_fails(&b, "/text is not a capture", 4);
    check_rows(&b, "SELECT group_concat(seal) FROM runs", before);
    check_rows(&b, sources, "a 1");
    bench_close(&b);
}

static void missing_folder(void)
{
    struct bench b;
    bench_open(&b);
    file(&b, "a", "c udp \"1\"");
    b.options.case_path = "/nowhere/at/all/case.db";
    check_fails(&b, "/nowhere/at/all/case.db", 1);
    b.options.case_path = b.captures[0]; /* the capture itself is no case */
    check_fails(&b, "/a", 1);
    b.options.case_path = b.case_path;
    run_well(&b); /* it is whole */
    check_rows(&b, sources, "a 1");
    bench_close(&b);
}

static void little_memory(void)
{
    struct bench b;
    bench_open(&b);
    file(&b, "a", "c udp \"1\"");
    b.options.memory = INGEST_MEMORY_LEAST - 1;
    check_fails(&b, "at least 8 MiB", 1);
    b.options.memory = INGEST_MEMORY_LEAST;
    b.options.jobs = 3;
    run_well(&b);
    check_rows(&b, "SELECT memory, jobs, version, command FROM runs", "8388608 3 test seine test");
    bench_close(&b);
}

static void default_memory(void)
{
    struct bench b;
    bench_open(&b);
    file(&b, "a", "c udp \"1\"");
    run_well(&b);
    check_rows(&b, "SELECT memory, jobs IN (1, 5) FROM runs", "268435456 1");
    bench_close(&b);
}

static void told_to_stop(void)
{
    struct bench b;
    bench_open(&b);
    file(&b, "a", "c udp \"1\" rep=20000");
    b.stop = 1;
    check_fails(&b, "interrupted", 1);
    b.stop = 0;
    b.stop_at_progress = true; /* in the middle of it */
    check_fails(&b, "interrupted", 1);
    CU_ASSERT_EQUAL(b.progress_count, 1);
    CU_ASSERT_EQUAL(b.progress.frames, 4096);
    CU_ASSERT_TRUE(b.progress.bytes_done > 0 && b.progress.bytes_done < b.progress.bytes_all);
    b.stop = 0;
    b.stop_at_progress = false;
    run_well(&b);
    check_rows(&b, sources, "a 20000");
    file(&b, "b", "at 100; c udp \"2\" rep=20000");
    b.stop_at_progress = true;
    check_fails(&b, "interrupted", 3);
    check_rows(&b, sources, "a 20000");
    bench_close(&b);
}

static const struct test tests[] = {
    {"captures are read in the order of their first frames", order_of_time},
    {"captures that begin at the same time are read in the order of the arguments",
     order_of_arguments},
    {"an empty capture is evidence too, and comes last", order_with_empty},
    {"a capture without frames gives a case without flows", only_empty},
    {"captures can be interleaved by time", interleaved},
    {"at the same time the capture that comes first goes first", interleaved_ties},
    {"more captures than can be open are not interleaved", too_many_interleaved},
    {"a capture given twice is read once", known_in_one_run},
    {"a capture that the case holds changes nothing", known_in_the_case},
    {"the same capture through another filter is read", another_filter},
    {"all that stands before a cut is read, and what comes after it", cut_off},
    {"a capture cut inside its first frame has none", cut_off_at_once},
    {"a flow whose IPv4 headers are all wrong is kept", header_never_right},
    {"a wrong IPv4 header among right ones is refused", header_wrong_once},
    {"a fragment with a wrong IPv4 header belongs to no flow", header_wrong_of_a_fragment},
    {"a capture that is not there leaves no case", not_there},
    {"a file that is no capture leaves no case", no_capture},
    {"a file that is no capture leaves a case as it was", no_capture_for_a_case},
    {"a case is not made in a folder that is not there", missing_folder},
    {"less than 8 MiB are refused", little_memory},
    {"256 MiB and one thread are the default", default_memory},
    {"an ingest that is told to stop leaves nothing behind", told_to_stop},
};
SUITE("pipeline: ingest", tests)
