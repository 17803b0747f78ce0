/* fuzz_case.c - any bytes as a case that a stranger sent, opened by everything that reads one.
 *
 * An input that begins as a SQLite file does is such a file. Any other is a list of edits of a real
 * case, made here from crafted packets: values of any type in any column, bytes changed in the
 * middle of a blob, rows removed and doubled; its tables have lost STRICT, which a stranger's need
 * not be. The case is then read as the commands do (statements in all forms, cursors, conversations,
 * virtual tables, views, searches, proofs, an extract), and whatever is in it, that must end, with no more than a
 * sentence, and leave every byte of the file as it was. To some a capture is added at last, which may
 * fail. */
#include "fuzz/fuzz.h"

#include "cli/conversation.h"
#include "cli/transcript.h"
#include "craft/craft.h"
#include "pipeline/extract.h"
#include "pipeline/files.h"
#include "pipeline/ingest.h"
#include "pipeline/verify.h"
#include "search/search.h"
#include "store/reader.h"
#include "store/render.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    EDITS_MAX = 40,
    OWNERS_MAX = 8,      /* streams and flows that are walked */
    STEPS_MAX = 5000,    /* of a cursor, rows of a statement's answer */
    WORK_MAX = 400,      /* times 10000 instructions of SQLite's machine, for one statement */
    EXTENT_MAX = 1 << 20 /* of what a case may bring to be written out */
};

struct paths {
    char made[300], capture[300], second[300], extract[300];
};

static struct paths paths;
static uint8_t *base_case; /* relaxed, see below */
static size_t base_len;
static FILE *nowhere;

/* ---- the real case ---- */

/* Holes, conflicts, cuts, refusals, fragments, a stream of several chunks, datagrams, an error. */
static const char talk[] =
    "at 1000000; c SYN mss=1460 ws=7; s SYN ACK; c\n"
    "c \"GET / HTTP/1.0\\r\\n\\r\\n\"; s \"HTTP/1.0 200 OK\\r\\n\\r\\n\"; s len=1400; s len=1400 "
    "rep=8\n"
    "s @30000 len=1000; s @30500 len=1000 bad-checksum; s @19 \"other bytes\"; c ack=30000\n"
    "s @31000 len=900 snap=500; c @5 \"XX\"; c @-9 \"below\"; c FIN; s FIN; c\n"
    "client 10.0.0.9:5353; server 10.0.0.8:53; c udp \"question\"; s udp len=2000 frag=800,1600\n"
    "c udp \"again\"; s icmp unreachable=3 quote=28\n"
    "client [2001:db8::1]:50000; server [2001:db8::2]:22; c \"midstream\"; s \"answer\"; c @90 "
    "\"x\"\n"
    "c RST\n";

static const char more[] =
    "at 2000000; c SYN; s SYN ACK; c; c \"later\"; s \"too\"; c FIN; s FIN\n";

static void craft_file(const char *path, const char *script)
{
    size_t len;
    struct craft *c = craft_frames(script, NULL);
    uint8_t *pcap = craft_pcap(&len, c, 0);
    fuzz_write(path, pcap, len);
    free(pcap);
    craft_free(c);
}

static enum status ingest_file(const char *capture, struct error *err)
{
    const char *const captures[] = {capture};
    const struct ingest_options options = {
        .case_path = paths.made,
        .captures = captures,
        .capture_count = 1,
        .memory = INGEST_MEMORY_LEAST,
        .version = "fuzz",
        .command = "fuzz_case",
    };
    struct ingest_result result;
    return ingest(&result, &options, err);
}

static void sql(sqlite3 *db, const char *statement)
{
    char *why = NULL;
    FUZZ_HOLDS(sqlite3_exec(db, statement, NULL, NULL, &why) == SQLITE_OK, "%s: %s", statement,
               why);
}

/* Without STRICT any value can be put anywhere; with small pages a page is a small thing. */
static void relax(sqlite3 *db)
{
    sql(db, "PRAGMA writable_schema = ON;"
            "UPDATE sqlite_master SET sql = replace(replace(sql, 'STRICT, WITHOUT', 'WITHOUT'),"
            " ') STRICT', ')');"
            "PRAGMA writable_schema = RESET; PRAGMA page_size = 512; VACUUM");
}

static void prepare(void)
{
    sqlite3 *db;
    struct error err = {0};

    snprintf(paths.made, sizeof paths.made, "%s/x.db", fuzz_folder());
    snprintf(paths.capture, sizeof paths.capture, "%s/x.pcap", fuzz_folder());
    snprintf(paths.second, sizeof paths.second, "%s/y.pcap", fuzz_folder());
    snprintf(paths.extract, sizeof paths.extract, "%s/flow.pcapng", fuzz_folder());
    nowhere = fuzz_must(fopen("/dev/null", "w"));
    craft_file(paths.capture, talk);
    craft_file(paths.second, more);
    FUZZ_HOLDS(ingest_file(paths.capture, &err) == STATUS_OK, "%s", err.text);
    FUZZ_HOLDS(sqlite3_open(paths.made, &db) == SQLITE_OK, "the case cannot be opened");
    relax(db);
    sqlite3_close(db);
    base_case = fuzz_read(paths.made, &base_len);
    fuzz_remove(paths.made);
}

/* ---- edits ---- */

static const char *const tables[] = {
    "streams",   "arrivals", "flow_frames", "chunk_data",      "stream_data", "gaps",
    "conflicts", "refused",  "flows",       "evidence",        "verdicts",    "oddities",
    "hosts",     "runs",     "interfaces",  "evidence_blocks", "notes",       "capture_stats",
};

/* The words that stand for its row in a WHERE: the rowid, or all of its key. */
static const char *place_of(const char *table)
{
    static const struct {
        const char *table, *place;
    } keyed[] = {
        {"arrivals", "(stream_id, part) = (SELECT stream_id, part"},
        {"flow_frames", "(flow_id, part) = (SELECT flow_id, part"},
        {"gaps", "(stream_id, position) = (SELECT stream_id, position"},
        {"verdicts", "(evidence_id, verdict) = (SELECT evidence_id, verdict"},
        {"hosts", "(addr, ip) = (SELECT addr, ip"},
        {"interfaces", "(evidence_id, interface_id) = (SELECT evidence_id, interface_id"},
        {"evidence_blocks", "(evidence_id, block) = (SELECT evidence_id, block"},
    };
    for (size_t i = 0; i < sizeof keyed / sizeof keyed[0]; i++) {
        if (strcmp(keyed[i].table, table) == 0)
            return keyed[i].place;
    }
    return "rowid = (SELECT rowid";
}

/* The name of a column, for sqlite3_free(). */
static char *column_of(sqlite3 *db, const char *table, uint8_t choice)
{
    sqlite3_stmt *s = NULL;
    char *name = NULL, *query = sqlite3_mprintf("SELECT * FROM %s", table);
    FUZZ_HOLDS(sqlite3_prepare_v2(db, query, -1, &s, NULL) == SQLITE_OK, "%s: %s", query,
               sqlite3_errmsg(db));
    name = sqlite3_mprintf("%s", sqlite3_column_name(s, choice % sqlite3_column_count(s)));
    sqlite3_finalize(s);
    sqlite3_free(query);
    return name;
}

/* Numbers at which something overflows, or ends. */
static int64_t edge_of(uint8_t choice)
{
    static const int64_t edges[] = {0,
                                    -1,
                                    1,
                                    INT64_MAX,
                                    INT64_MIN,
                                    INT32_MAX,
                                    INT32_MIN,
                                    INT64_C(1) << 32,
                                    INT64_MAX / 2,
                                    INT64_MIN + 1,
                                    INT64_MAX - 1,
                                    UINT16_MAX};
    return edges[choice % (sizeof edges / sizeof edges[0])];
}

enum edit { NUMBER, EDGE, BLOB, TEXT, NOTHING, CHANGE_BYTES, CUT, ADD, REMOVE, REAL, EDIT_COUNT };

/* The statement of an edit, for sqlite3_free(); ?1 is a value, ?2 a place in a blob. */
static char *statement_of(enum edit edit, const char *table, const char *column, uint8_t row)
{
    const char *place = place_of(table);
    const char *value = edit == CHANGE_BYTES
                            ? "CAST(substr(%s, 1, ?2) || ?1 || substr(%s, ?2 + 1 + length(?1)) AS "
                              "BLOB)"
                        : edit == CUT ? "substr(%s, 1, ?2 %% (length(%s) + 1))"
                        : edit == ADD ? "%s + ?1"
                                      : "?1";
    char *to = sqlite3_mprintf(value, column, column);
    char *query =
        edit == REMOVE
            ? sqlite3_mprintf("DELETE FROM %s WHERE %s FROM %s LIMIT 1 OFFSET %u)", table, place,
                              table, (unsigned)row)
            : sqlite3_mprintf("UPDATE OR IGNORE %s SET %s = %s WHERE %s FROM %s LIMIT 1 OFFSET %u)",
                              table, column, to, place, table, (unsigned)row);
    sqlite3_free(to);
    return query;
}

static void bind_value(sqlite3_stmt *s, enum edit edit, struct fuzz_input *in)
{
    uint8_t byte = fuzz_u8(in);
    size_t len = byte & 0x3f;
    double real;
    uint64_t bits;

    switch (edit) {
    case NUMBER:
    case ADD:
        sqlite3_bind_int64(s, 1, (int8_t)byte);
        break;
    case EDGE:
        sqlite3_bind_int64(s, 1, edge_of(byte));
        break;
    case BLOB:
    case CHANGE_BYTES: {
        const void *bytes = fuzz_bytes(in, &len);
        sqlite3_bind_blob(s, 1, len > 0 ? bytes : "", (int)len, SQLITE_TRANSIENT);
        break;
    }
    case TEXT: {
        const char *text = (const char *)fuzz_bytes(in, &len);
        sqlite3_bind_text(s, 1, len > 0 ? text : "", (int)len, SQLITE_TRANSIENT);
        break;
    }
    case REAL:
        bits = fuzz_u64(in);
        memcpy(&real, &bits, sizeof real);
        sqlite3_bind_double(s, 1, real);
        break;
    case NOTHING:
    case CUT:
    case REMOVE:
    case EDIT_COUNT:
        break;
    }
    if (edit == CHANGE_BYTES || edit == CUT)
        sqlite3_bind_int(s, 2, fuzz_u16(in));
}

static void edit_row(sqlite3 *db, struct fuzz_input *in)
{
    uint8_t which = fuzz_u8(in), column_choice = fuzz_u8(in), row = fuzz_u8(in);
    const char *table = tables[which % (sizeof tables / sizeof tables[0])];
    enum edit edit = (enum edit)(fuzz_u8(in) % EDIT_COUNT);
    char *column = column_of(db, table, column_choice);
    char *query = statement_of(edit, table, column, row % 16);
    sqlite3_stmt *s;

    FUZZ_HOLDS(sqlite3_prepare_v2(db, query, -1, &s, NULL) == SQLITE_OK, "%s: %s", query,
               sqlite3_errmsg(db));
    bind_value(s, edit, in);
    sqlite3_step(s); /* some of its columns do not take everything */
    sqlite3_finalize(s);
    sqlite3_free(query);
    sqlite3_free(column);
}

static void write_edited(struct fuzz_input *in)
{
    sqlite3 *db;
    sqlite3_int64 len;
    unsigned char *copy = sqlite3_malloc64(base_len);

    memcpy(fuzz_must(copy), base_case, base_len);
    FUZZ_HOLDS(sqlite3_open(":memory:", &db) == SQLITE_OK &&
                   sqlite3_deserialize(
                       db, "main", copy, (sqlite3_int64)base_len, (sqlite3_int64)base_len,
                       SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE) == SQLITE_OK,
               "no case in memory");
    sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
    if (in->len % 5 == 0) /* then its payload is read in the capture */
        sqlite3_exec(db,
                     "UPDATE evidence SET options = '{\"payload\":\"reference\"}';"
                     "DELETE FROM stream_data; DELETE FROM chunk_data",
                     NULL, NULL, NULL);
    for (unsigned i = 0; i < EDITS_MAX && in->len > 0; i++)
        edit_row(db, in);
    sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    const unsigned char *edited = sqlite3_serialize(db, "main", &len, SQLITE_SERIALIZE_NOCOPY);
    fuzz_write(paths.made, fuzz_must((void *)(uintptr_t)edited), (size_t)len);
    sqlite3_close(db);
}

/* ---- statements ---- */

static const char *const questions[] = {
    "SELECT * FROM evidence",
    "SELECT * FROM runs",
    "SELECT verdict, sum(frames) AS frames, sum(bytes) AS bytes FROM verdicts"
    " GROUP BY verdict ORDER BY 2 DESC, 1",
    "SELECT protocol, count(*) AS flows, sum(client_packets + server_packets) AS packets"
    "  FROM flows GROUP BY protocol ORDER BY 2 DESC, 1",
    "SELECT * FROM flows ORDER BY client_bytes + server_bytes DESC, flow_id LIMIT 10",
    "SELECT * FROM flow_times",
    "SELECT verdict, count(*) AS streams, sum(stored), sum(missing + missing_tail), sum(truncated)"
    "  FROM streams GROUP BY verdict",
    "SELECT * FROM streams",
    "SELECT cause, count(*) AS gaps, sum(length) AS bytes FROM gaps GROUP BY cause",
    "SELECT * FROM gaps",
    "SELECT kind, sum(count), count(DISTINCT flow_id), min(frame) FROM oddities GROUP BY kind",
    "SELECT * FROM chunks",
    "SELECT * FROM conflicts",
    "SELECT * FROM refused",
    "SELECT * FROM hosts",
    "SELECT * FROM notes",
    "SELECT * FROM interfaces",
    "SELECT * FROM evidence_blocks",
    "SELECT * FROM capture_stats",
    "SELECT * FROM segments",
    "SELECT * FROM frames",
    "SELECT * FROM segments(2)",
    "SELECT * FROM frames WHERE flow_id = 1 AND number > 3",
    "SELECT s.verdict, g.* FROM streams s JOIN segments g USING (stream_id) WHERE s.flow_id = 1",
    "SELECT s.verdict, b.* FROM streams s JOIN stream_bytes b USING (stream_id)",
    "SELECT * FROM stream_bytes(3, 100, 3000, 'linux')",
    "SELECT * FROM flows WHERE client_ip IN hosts_in('0.0.0.0/0') OR server_ip IN hosts_in('::/0')",
    "SELECT ip_scope(ip), ip_net(addr, 20), ip_in(addr, '10.0.0.0/8') FROM hosts",
    "SELECT community_id(protocol, client_ip, client_port, server_ip, server_port), "
    "ns_iso(first_ns),"
    " tcp_flags(client_flags) FROM flows",
    "SELECT hexdump(data), printable(data) FROM chunks",
    "SELECT * FROM zeek_conn",
    "SELECT * FROM eve_flow",
    "SELECT * FROM ecs_flow",
    "SELECT * FROM ipfix_flow",
    "SELECT stream_view_sha256(stream_id, 'last'), stream_bytes(stream_id, 3, 90) FROM streams",
    "SELECT evidence_bytes(evidence_id, file_offset, captured) FROM segments WHERE fate <> 'kept'",
    "SELECT evidence_bytes(evidence_id, file_offset, captured) FROM frames",
};

static int give_up(void *context)
{
    unsigned *work = context;
    return ++*work > WORK_MAX;
}

static void ask(struct reader *reader, const char *question, enum render_as as)
{
    static const struct render_options wide = {.wide = true};
    sqlite3_stmt *s;
    struct error err = {0};
    uint64_t rows;
    unsigned work = 0;

    sqlite3_progress_handler(reader_db(reader), 10000, give_up, &work);
    if (reader_prepare(reader, &s, question, &err) == STATUS_OK) {
        render(nowhere, s, as, as == RENDER_TABLE ? NULL : &wide, &rows, &err);
        sqlite3_finalize(s);
    }
    sqlite3_progress_handler(reader_db(reader), 0, NULL, NULL);
}

/* The first ids that a statement gives. */
static size_t ids(int64_t *to, struct reader *reader, const char *question)
{
    sqlite3_stmt *s;
    size_t count = 0;
    if (reader_prepare(reader, &s, question, NULL) != STATUS_OK)
        return 0;
    while (count < OWNERS_MAX && sqlite3_step(s) == SQLITE_ROW)
        to[count++] = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return count;
}

/* ---- cursors ---- */

static void walk_frames(struct reader *reader, int64_t flow_id)
{
    struct frame_cursor *cursor;
    struct frame_record record;
    struct error err = {0};
    if (frame_cursor_open(&cursor, reader, flow_id, &err) != STATUS_OK)
        return;
    for (unsigned i = 0; i < STEPS_MAX; i++) {
        if (frame_cursor_next(cursor, &record, &err) != STATUS_OK)
            break;
        FUZZ_HOLDS(record.captured <= record.wire_len, "more captured than on the wire");
    }
    frame_cursor_close(cursor);
}

static void walk_arrivals(struct reader *reader, int64_t stream_id)
{
    struct arrival_cursor *cursor;
    struct arrival_record record;
    struct error err = {0};
    if (arrival_cursor_open(&cursor, reader, stream_id, &err) != STATUS_OK)
        return;
    for (unsigned i = 0; i < STEPS_MAX; i++) {
        if (arrival_cursor_next(cursor, &record, &err) != STATUS_OK)
            break;
        FUZZ_HOLDS(record.captured <= record.length, "more captured than sent");
        FUZZ_HOLDS(record.position <= INT64_MAX - (int64_t)record.length, "a position overflows");
        FUZZ_HOLDS(fate_name(record.fate), "a fate without a name");
    }
    arrival_cursor_close(cursor);
}

static void check_piece(const struct stream_piece *piece)
{
    FUZZ_HOLDS(piece->length > 0, "a piece of %" PRId64 " bytes", piece->length);
    FUZZ_HOLDS(piece->position <= INT64_MAX - piece->length, "a piece overflows");
    FUZZ_HOLDS(piece->cause ? piece->bytes.len == 0
                            : piece->bytes.len == (uint64_t)piece->length && !piece->tail,
               "a piece of %" PRId64 " bytes has %zu", piece->length, piece->bytes.len);
}

static void walk_stream(struct reader *reader, int64_t stream_id)
{
    struct stream_cursor *cursor;
    struct stream_piece piece;
    struct error err = {0};
    int64_t next = 0;
    enum status status = STATUS_OK;
    if (stream_cursor_open(&cursor, reader, stream_id, &err) != STATUS_OK)
        return;
    for (unsigned i = 0; i < STEPS_MAX; i++) {
        status = stream_cursor_next(cursor, &piece, &err);
        if (status != STATUS_OK)
            break;
        check_piece(&piece);
        FUZZ_HOLDS(i == 0 || piece.position == next, "a piece at %" PRId64 ", not %" PRId64,
                   piece.position, next);
        next = piece.position + piece.length;
    }
    FUZZ_HOLDS(status != STATUS_FAILED || err.text[0], "failed without a sentence");
    stream_cursor_close(cursor);
}

static void walk_conversation(struct reader *reader, int64_t flow_id, enum transcript_form form)
{
    struct conversation *conversation;
    struct transcript transcript;
    struct stream_piece piece;
    struct error err = {0};
    enum said_by by;
    int64_t client = (int64_t)((uint64_t)flow_id * 2);
    const int64_t streams[SIDE_COUNT] = {client, client == INT64_MAX ? -1 : client + 1};

    if (conversation_open(&conversation, reader, streams, policy_at((size_t)(flow_id & 15)),
                          &err) != STATUS_OK)
        return;
    transcript_init(&transcript, nowhere, form, false);
    for (unsigned i = 0; i < STEPS_MAX; i++) {
        if (conversation_next(conversation, &by, &piece, &err) != STATUS_OK)
            break;
        check_piece(&piece);
        transcript_add(&transcript, by, &piece);
    }
    transcript_end(&transcript);
    conversation_close(conversation);
}

/* ---- all of it ---- */

/* Hits of a pattern that is everywhere, in what lost too. */
static void walk_search(struct reader *reader)
{
    const struct search_options options = {.flow_id = -1, .side = -1, .losers = true};
    struct pattern *pattern;
    struct search *search;
    struct search_hit hit;
    struct error err = {0};

    FUZZ_HOLDS(pattern_compile(&pattern, "e", PATTERN_TEXT, true, LIBRARY_PCRE2, &err) == STATUS_OK,
               "%s", err.text);
    if (search_open(&search, reader, pattern, &options, &err) == STATUS_OK) {
        for (unsigned i = 0; i < STEPS_MAX && search_next(search, &hit, &err) == STATUS_OK; i++)
            FUZZ_HOLDS(hit.begin < hit.end, "a hit without bytes");
        search_close(search);
    }
    pattern_free(pattern);
}

static void read_all(void)
{
    static const char *const words[] = {"open", "complete", "\x01"};
    struct reader *reader;
    struct error err = {0};
    int64_t owners[OWNERS_MAX];
    enum status status = reader_open(&reader, paths.made, &err);

    FUZZ_HOLDS((status == STATUS_OK) == (reader != NULL), "opened, and not opened");
    FUZZ_HOLDS(reader || err.text[0], "failed without a sentence");
    if (!reader)
        return;
    if (files_register(reader_db(reader), NULL, &err) != STATUS_OK)
        fuzz_broken(__FILE__, __LINE__, "%s", err.text);
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++)
        ask(reader, questions[i], (enum render_as)(i % 3));
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        FUZZ_HOLDS(reader_evidence_status(reader, words[i]), "a status without a word");
    size_t count = ids(owners, reader, "SELECT stream_id FROM streams");
    for (size_t i = 0; i < count; i++) {
        walk_stream(reader, owners[i]);
        walk_arrivals(reader, owners[i]);
    }
    count = ids(owners, reader, "SELECT flow_id FROM flows");
    for (size_t i = 0; i < count; i++) {
        walk_frames(reader, owners[i]);
        walk_conversation(reader, owners[i], (enum transcript_form)(i % 3));
    }
    walk_search(reader);
    reader_close(reader);
}

static void read_as_commands(void)
{
    const struct verify_options options = {.case_path = paths.made};
    struct verify_result result;
    struct error err = {0};
    uint64_t frames;

    verify_case(&result, &options, &err);
    fuzz_remove(paths.extract);
    extract_flow(&frames, paths.made, 1, paths.extract, NULL, &err);
}

static void must_be_unchanged(const uint8_t *before, size_t before_len)
{
    size_t len;
    uint8_t *now = fuzz_read(paths.made, &len);
    FUZZ_HOLDS(len == before_len && memcmp(now, before, len) == 0, "who reads a case, changed it");
    free(now);
}

static void forget_case(void)
{
    static const char *const ends[] = {"", "-journal", "-wal", "-shm", ".partial"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char path[320];
        snprintf(path, sizeof path, "%s%s", paths.made, ends[i]);
        fuzz_remove(path);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char magic[] = "SQLite format 3";
    struct fuzz_input in = {data, len};
    struct error err = {0};
    size_t before_len;

    if (len > FUZZ_INPUT_MAX)
        return -1;
    if (!base_case)
        prepare();
    if (len >= sizeof magic && memcmp(data, magic, sizeof magic) == 0)
        fuzz_write(paths.made, data, len);
    else
        write_edited(&in);
    uint8_t *before = fuzz_read(paths.made, &before_len);
    read_all();
    read_as_commands();
    must_be_unchanged(before, before_len);
    free(before);
    if (len % 4 == 0)
        ingest_file(paths.second, &err);
    forget_case();
    return 0;
}
