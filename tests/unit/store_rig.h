/* store_rig.h - for the tests of the writer: a case in a folder of its own, flows that are told to
 * its sink by hand, and plain SQL to look at what came of it.
 *
 * The rig plays reassembly: it keeps what is held of each side, and tells the sink which positions
 * of a segment are fresh and which are taken over. */
#ifndef SEINE_TESTS_STORE_RIG_H
#define SEINE_TESTS_STORE_RIG_H

#include "base/digest.h"
#include "reassembly/sink.h"
#include "store/seal.h"
#include "store/store.h"
#include "suite.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct rig {
    char folder[160], path[200], partial[220];
    struct store_options options;
    struct store *store;
    struct sink *sink;
    uint32_t evidence_id;
    uint64_t frame; /* the number of the last */
    struct budget budget;
    sqlite3 *db; /* of the finished case */
    char text[4096];
    size_t
        head; /* bytes captured of each frame before its payload; 0: none, though it lies behind 54 */
};

/* xorshift, from a state that is not 0: the same numbers on every machine. */
static inline uint32_t rig_random_below(uint32_t *state, uint32_t n)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state % n;
}

static inline void rig_init(struct rig *r)
{
    memset(r, 0, sizeof *r);
    const char *tmp = getenv("TMPDIR"); /* what the store does is faster in memory */
    if (!tmp || !*tmp || strlen(tmp) > 100)
        tmp = "/tmp";
    snprintf(r->folder, sizeof r->folder, "%s/seine-store-XXXXXX", tmp);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(r->folder));
    snprintf(r->path, sizeof r->path, "%s/x.db", r->folder);
    snprintf(r->partial, sizeof r->partial, "%s.partial", r->path);
    r->options = (struct store_options){.memory = 64 << 20,
                                        .page_size = 4096,
                                        .hash = true,
                                        .jobs = 1,
                                        .memory_total = 64 << 20,
                                        .version = "test",
                                        .command = "seine test"};
    budget_init(&r->budget, (size_t)1 << 30);
}

static inline void rig_open(struct rig *r)
{
    struct error err = {0};
    enum status status = store_open(&r->store, r->path, &r->options, &err);
    if (status != STATUS_OK)
        printf("\n%s\n", err.text);
    CU_ASSERT_EQUAL_FATAL(status, STATUS_OK);
    r->sink = store_sink(r->store);
    r->evidence_id = store_evidence_begin(r->store, "x.pcap", "file", "pcap", "{}");
    r->frame = 0;
}

static inline void rig_evidence_end(struct rig *r)
{
    struct evidence_end end = {.bytes = 1000, .frames = r->frame, .status = "complete"};
    end.verdict_frames[VERDICT_OK] = r->frame;
    store_evidence_end(r->store, r->evidence_id, &end);
}

/* Ends the case and opens it to be looked at. */
static inline void rig_finish(struct rig *r)
{
    struct error err = {0};
    char seal[65];
    rig_evidence_end(r);
    enum status status = store_finish(r->store, seal, &err);
    if (status != STATUS_OK)
        printf("\n%s\n", err.text);
    CU_ASSERT_EQUAL_FATAL(status, STATUS_OK);
    r->store = NULL;
    CU_ASSERT_EQUAL(strlen(seal), 64);
    CU_ASSERT_NOT_EQUAL(access(r->partial, F_OK), 0);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open_v2(r->path, &r->db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    char again[65]; /* what was added up while writing is what is read */
    CU_ASSERT_EQUAL(seal_compute(r->db, again, &err), STATUS_OK);
    CU_ASSERT_STRING_EQUAL(seal, again);
}

static inline void rig_release(struct rig *r)
{
    char command[200];
    store_abandon(r->store);
    sqlite3_close(r->db);
    snprintf(command, sizeof command, "rm -rf '%s'", r->folder);
    CU_ASSERT_EQUAL(system(command), 0);
}

/* All rows of a query: columns with '|' between, rows with a space. Blobs as their bytes. */
static inline const char *rig_ask(struct rig *r, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    size_t len = 0;

    r->text[0] = 0;
    if (sqlite3_prepare_v2(r->db, sql, -1, &statement, NULL) != SQLITE_OK)
        printf("\n%s\n", sqlite3_errmsg(r->db));
    while (sqlite3_step(statement) == SQLITE_ROW && len < sizeof r->text) {
        for (int i = 0; i < sqlite3_column_count(statement); i++) {
            const char *value = (const char *)sqlite3_column_text(statement, i);
            int left = (int)(sizeof r->text - len);
            int used = snprintf(r->text + len, (size_t)left, "%s%s",
                                i     ? "|"
                                : len ? " "
                                      : "",
                                value ? value : "NULL");
            len += (size_t)(used < left ? used : left);
        }
    }
    sqlite3_finalize(statement);
    return r->text;
}

#define CHECK_SQL(rig, sql, expected)                                              \
    do {                                                                           \
        const char *is_ = rig_ask(rig, sql);                                       \
        if (strcmp(is_, expected) != 0)                                            \
            printf("\n%s:\n  is        %s\n  should be %s\n", sql, is_, expected); \
        CU_ASSERT_STRING_EQUAL(is_, expected);                                     \
    } while (0)

/* A flow of TCP between two made-up hosts; `n` tells it from others. */
struct rig_flow {
    struct flow flow;
    struct ranges held[2], provisional[2];
};

static inline void rig_flow_init(struct rig_flow *f, uint32_t n)
{
    memset(f, 0, sizeof *f);
    const uint8_t low[4] = {10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    const uint8_t high[4] = {192, 0, 2, 1};
    address_v4(&f->flow.key.low, span_of(low, 4));
    address_v4(&f->flow.key.high, span_of(high, 4));
    f->flow.key.low_port = 40000;
    f->flow.key.high_port = 80;
    f->flow.key.protocol = TRANSPORT_TCP;
    f->flow.client_is_low = true;
    f->flow.state = FLOW_ESTABLISHED;
    f->flow.handshake_rtt_ns = -1;
    f->flow.key.ip_version = 4;
    f->flow.first_frame = 1;
    f->flow.first_evidence_id = 1;
}

static inline void rig_flow_end(struct rig *r, struct rig_flow *f)
{
    r->sink->flow_end(r->sink, &f->flow);
    CU_ASSERT_PTR_NULL(f->flow.kept);
    for (int side = 0; side < 2; side++) {
        ranges_release(&f->held[side], &r->budget);
        ranges_release(&f->provisional[side], &r->budget);
    }
}

enum rig_kind { RIG_RIGHT, RIG_PROVISIONAL };

enum {
    RIG_FRAME_ROOM = 100000
}; /* bytes in the capture, from the beginning of a frame to the next */

/* The next frame, as yet without a packet. */
static inline struct frame rig_frame(struct rig *r, size_t len)
{
    r->frame++;
    return (struct frame){.bytes = {NULL, 0},
                          .wire_len = (uint32_t)(len + 54),
                          .link_type = 1,
                          .evidence_id = r->evidence_id,
                          .number = r->frame,
                          .offset = 24 + r->frame * RIG_FRAME_ROOM,
                          .time_ns = (int64_t)r->frame * 1000000};
}

/* A segment of which `captured` of `len` bytes are in the capture. */
static inline void rig_segment_cut(struct rig *r, struct rig_flow *f, enum side side,
                                   int64_t position, const void *bytes, size_t captured, size_t len,
                                   enum rig_kind kind)
{
    static struct range fresh[RANGES_MAX + 1], taken[RANGES_MAX + 1], spare[RANGES_MAX + 1];
    struct frame frame = rig_frame(r, len);
    struct packet packet = {.frame = &frame, .transport = TRANSPORT_TCP};
    struct arrival a = {.packet = &packet,
                        .side = side,
                        .position = position,
                        .len = (uint32_t)len,
                        .bytes = span_of(bytes, captured),
                        .provisional = kind == RIG_PROVISIONAL,
                        .fresh = fresh,
                        .taken = taken};
    int64_t end = position + (int64_t)captured;
    uint32_t count;

    packet.payload = a.bytes;
    packet.payload_len = a.len;
    packet.payload_offset = frame.offset + (r->head > 0 ? r->head : 54);
    frame.bytes = span_of(bytes, r->head + captured); /* the store looks at the length only */
    if (frame.wire_len < r->head + len)
        frame.wire_len = (uint32_t)(r->head + len);
    r->sink->frame(r->sink, &f->flow, &frame);
    if (captured > 0)
        CU_ASSERT_TRUE_FATAL(
            ranges_add(&f->held[side], fresh, &a.fresh_count, position, end, &r->budget));
    if (kind == RIG_PROVISIONAL) {
        for (uint32_t i = 0; i < a.fresh_count; i++)
            ranges_add(&f->provisional[side], spare, &count, fresh[i].begin, fresh[i].end,
                       &r->budget);
    } else if (captured > 0) {
        ranges_cut(&f->provisional[side], taken, &a.taken_count, position, end, &r->budget);
    }
    r->sink->segment(r->sink, &f->flow, &a);
}

static inline void rig_segment(struct rig *r, struct rig_flow *f, enum side side, int64_t position,
                               const void *bytes, size_t len)
{
    rig_segment_cut(r, f, side, position, bytes, len, len, RIG_RIGHT);
}

static inline void rig_text(struct rig *r, struct rig_flow *f, int64_t position, const char *text)
{
    rig_segment(r, f, SIDE_CLIENT, position, text, strlen(text));
}

/* The bytes of a stream put together, gaps left out; the caller frees. */
static inline uint8_t *rig_stream(struct rig *r, int64_t stream_id, size_t *len)
{
    sqlite3_stmt *statement = NULL;
    uint8_t *all = NULL;
    size_t room = 0;
    int64_t reached = INT64_MIN;

    *len = 0;
    CU_ASSERT_EQUAL(sqlite3_prepare_v2(r->db,
                                       "SELECT position, length, data FROM chunks"
                                       " WHERE stream_id = ?1 ORDER BY position",
                                       -1, &statement, NULL),
                    SQLITE_OK);
    sqlite3_bind_int64(statement, 1, stream_id);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        size_t more = (size_t)sqlite3_column_bytes(statement, 2);
        int64_t position = sqlite3_column_int64(statement, 0);
        CU_ASSERT_EQUAL(sqlite3_column_int64(statement, 1), (int64_t)more);
        CU_ASSERT_TRUE(position >= reached);
        reached = position + (int64_t)more;
        if (*len + more >= room)
            all = realloc(all, room = 2 * (*len + more) + 1);
        memcpy(all + *len, sqlite3_column_blob(statement, 2), more);
        *len += more;
    }
    sqlite3_finalize(statement);
    return all;
}

/* Whether a stream is these bytes, and its hash theirs. */
static inline bool rig_stream_is(struct rig *r, int64_t stream_id, const void *bytes, size_t len)
{
    char hex[DIGEST_HEX_LEN + 1], sql[80];
    size_t is_len;
    uint8_t *is = rig_stream(r, stream_id, &is_len);
    bool same = is_len == len && (len == 0 || memcmp(is, bytes, len) == 0);
    free(is);
    uint8_t value[DIGEST_LEN];
    digest_once(value, span_of(bytes, len));
    digest_hex(hex, value);
    snprintf(sql, sizeof sql, "SELECT sha256 FROM streams WHERE stream_id = %lld",
             (long long)stream_id);
    return same && strcmp(rig_ask(r, sql), hex) == 0;
}

/* Bytes that never repeat for long. */
static inline uint8_t *rig_noise(size_t len, uint32_t seed)
{
    uint8_t *bytes = malloc(len ? len : 1);
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(seed >> 24);
    }
    return bytes;
}

#endif
