/* capture_flows.c - the table-valued function capture_flows(): the flows of a capture file, without a case.
 *
 *     capture_next() ──► see_frame() ──► flow_end() ──► waiting rows ──► columns, as in the table flows
 *
 * The life of each frame is that of an ingest (life.c), with the same defaults; but the sink keeps nothing of a
 * flow until it ends, and then its row until that has been read. So a row says what an ingest of this file alone
 * would say (where the flow table is full, which flow is evicted depends on the memory), and they come in the order in which flows end. Columns that only a case can answer (flow_id,
 * evidence_id, continues_flow_id) are NULL.
 *
 * Memory: the flow table and the defragmenter have what an ingest gives them by default, and evict as there;
 * rows wait while those before them are read, at most as many as there were flows at once.
 *
 * A file that is damaged gives the flows of all that is before, and then the sentence; capture_flows(file, n)
 * reads no further than frame n. */
#include "pipeline/files.h"

#include "base/budget.h"
#include "capture/capture.h"
#include "pipeline/ingest.h"
#include "pipeline/life.h"
#include "store/community_id.h"
#include "store/text.h"
#include "store/value.h"
#include "store/vtab.h"

#include <stdlib.h>
#include <string.h>

/* As in the table flows. */
enum column {
    FLOW_ID,
    EVIDENCE_ID,
    PROTOCOL,
    CLIENT_IP,
    CLIENT_PORT,
    SERVER_IP,
    SERVER_PORT,
    VLAN,
    TUNNEL,
    CLIENT_MAC,
    SERVER_MAC,
    FIRST_NS,
    LAST_NS,
    FIRST_FRAME,
    CLIENT_PACKETS,
    SERVER_PACKETS,
    CLIENT_BYTES,
    SERVER_BYTES,
    CLIENT_IP_BYTES,
    SERVER_IP_BYTES,
    CLIENT_FRAME_BYTES,
    SERVER_FRAME_BYTES,
    CLIENT_RETRANSMITTED,
    SERVER_RETRANSMITTED,
    CLIENT_FLAGS,
    SERVER_FLAGS,
    CLIENT_MIN_TTL,
    SERVER_MIN_TTL,
    HANDSHAKE_RTT_NS,
    HISTORY,
    STATE,
    END_REASON,
    CLIENT_GUESSED,
    LOSSY,
    COMMUNITY_ID,
    CONTINUES_FLOW_ID,
    INTERFACE_ID,
    CLIENT_CARRIED,
    SERVER_CARRIED,
    FILE_ARGUMENT, /* hidden */
    LAST_FRAME_ARGUMENT,
};

static const char declaration[] =
    "CREATE TABLE capture_flows (flow_id INTEGER, evidence_id INTEGER, protocol TEXT,"
    " client_ip TEXT, client_port INTEGER, server_ip TEXT, server_port INTEGER, vlan TEXT,"
    " tunnel TEXT, client_mac TEXT, server_mac TEXT, first_ns INTEGER, last_ns INTEGER,"
    " first_frame INTEGER, client_packets INTEGER, server_packets INTEGER, client_bytes INTEGER,"
    " server_bytes INTEGER, client_ip_bytes INTEGER, server_ip_bytes INTEGER,"
    " client_frame_bytes INTEGER, server_frame_bytes INTEGER, client_retransmitted INTEGER,"
    " server_retransmitted INTEGER, client_flags INTEGER, server_flags INTEGER,"
    " client_min_ttl INTEGER, server_min_ttl INTEGER, handshake_rtt_ns INTEGER, history TEXT,"
    " state TEXT, end_reason TEXT, client_guessed INTEGER, lossy INTEGER, community_id TEXT,"
    " continues_flow_id INTEGER, interface_id INTEGER, client_carried INTEGER,"
    " server_carried INTEGER,"
    " file TEXT HIDDEN, last_frame INTEGER HIDDEN)";

/* Flows that have ended, in blocks, so that they never move. Frames without one, until SQLite gets a row that
 * belongs to no file: it sees so, since it compares each row with the argument, and looks whether it has been
 * interrupted. */
enum { BLOCK_FLOWS = 64, FRAMES_BETWEEN_ROWS = 1 << 16 };

struct block {
    struct block *next;
    unsigned count;
    struct flow flows[BLOCK_FLOWS];
};

struct ended {
    struct sink sink; /* first: the sink's address is that of its owner */
    struct block *first, *last;
    bool no_memory; /* for some of them */
};

struct flows_cursor {
    sqlite3_vtab_cursor base;
    struct capture *capture; /* NULL once it has been read to its end */
    char *path;
    struct budget memory;
    struct life life;
    struct ended ended;
    struct verdict_counts seen;
    struct frame frame;
    uint64_t last_frame;
    unsigned at; /* of the row, in the first block */
    bool pause;  /* the row is none */
    bool end;
    int64_t rowid;
    enum status last_status; /* of the capture, once it is closed */
    struct error why;
};

/* ---- the sink ---- */

static void see_no_frame(struct sink *sink, struct flow *flow, const struct frame *frame)
{
    (void)sink, (void)flow, (void)frame;
}

static void see_no_segment(struct sink *sink, struct flow *flow, const struct arrival *arrival)
{
    (void)sink, (void)flow, (void)arrival;
}

static void see_no_belief(struct sink *sink, struct flow *flow, enum side side, int64_t position,
                          int64_t len)
{
    (void)sink, (void)flow, (void)side, (void)position, (void)len;
}

static void see_no_gap(struct sink *sink, struct flow *flow, enum side side, int64_t position,
                       int64_t len, enum gap_cause cause, bool tail)
{
    (void)sink, (void)flow, (void)side, (void)position, (void)len, (void)cause, (void)tail;
}

static void see_no_oddity(struct sink *sink, struct flow *flow, const struct frame *frame,
                          enum oddity kind, const char *text)
{
    (void)sink, (void)flow, (void)frame, (void)kind, (void)text;
}

static void see_flow_end(struct sink *sink, struct flow *flow)
{
    struct ended *e = (struct ended *)sink;

    if (!e->last || e->last->count == BLOCK_FLOWS) {
        struct block *more = malloc(sizeof *more);
        if (!more) {
            e->no_memory = true;
            return;
        }
        more->next = NULL;
        more->count = 0;
        if (e->last)
            e->last->next = more;
        else
            e->first = more;
        e->last = more;
    }
    e->last->flows[e->last->count++] = *flow;
}

static const struct sink sink_of_flows = {.frame = see_no_frame,
                                          .segment = see_no_segment,
                                          .believe = see_no_belief,
                                          .gap = see_no_gap,
                                          .oddity = see_no_oddity,
                                          .flow_end = see_flow_end};

static void drop_block(struct ended *e)
{
    struct block *first = e->first;
    e->first = first->next;
    if (!e->first)
        e->last = NULL;
    free(first);
}

/* ---- the walk ---- */

static int flows_connect(sqlite3 *db, void *aux, int argc, const char *const *argv,
                         sqlite3_vtab **vtab, char **message)
{
    (void)aux, (void)argc, (void)argv, (void)message;
    return files_table_connect(vtab, db, declaration);
}

static int flows_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    int file = vtab_argument(info, FILE_ARGUMENT);
    int last = vtab_argument(info, LAST_FRAME_ARGUMENT);
    (void)vtab;

    if (file == VTAB_UNUSABLE || last == VTAB_UNUSABLE)
        return SQLITE_CONSTRAINT;
    if (file == VTAB_NONE)
        return vtab_needs_more(info);
    vtab_take(info, file, 1);
    info->aConstraintUsage[file].omit = 0; /* a pause is to be seen */
    if (last != VTAB_NONE)
        vtab_take(info, last, 2);
    info->estimatedCost = 1e8;
    info->estimatedRows = 100000;
    return SQLITE_OK;
}

static int flows_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **cursor)
{
    (void)vtab;
    struct flows_cursor *c = sqlite3_malloc(sizeof *c);
    if (!c)
        return SQLITE_NOMEM;
    memset(c, 0, sizeof *c);
    c->end = true;
    *cursor = &c->base;
    return SQLITE_OK;
}

static void leave(struct flows_cursor *c)
{
    while (c->ended.first)
        drop_block(&c->ended);
    defrag_free(c->life.defrag);
    flows_free(c->life.flows);
    unpacker_free(c->life.unpacker);
    memset(&c->life, 0, sizeof c->life);
    capture_close(c->capture);
    sqlite3_free(c->path);
    c->capture = NULL;
    c->path = NULL;
}

static int flows_close(sqlite3_vtab_cursor *cursor)
{
    struct flows_cursor *c = (struct flows_cursor *)cursor;
    leave(c);
    sqlite3_free(c);
    return SQLITE_OK;
}

/* Shares of the memory as an ingest has them (ingest.c). */
static enum status begin(struct flows_cursor *c, struct error *err)
{
    const size_t share = INGEST_MEMORY_DEFAULT / 15;
    const struct capture_options options = {.memory = &c->memory};

    budget_init(&c->memory, INGEST_MEMORY_DEFAULT);
    c->ended = (struct ended){.sink = sink_of_flows};
    struct sink *sink = &c->ended.sink;
    c->life = (struct life){.sink = sink, .batch = 1};
    c->life.defrag = defrag_new(sink, share, fragment_policy_at(0), PLACE_DEFAULT);
    c->life.flows = flows_new(sink, 8 * share, &flow_timeouts_offline, PLACE_DEFAULT);
    c->life.unpacker = unpacker_new();
    if (!c->life.defrag || !c->life.flows || !c->life.unpacker)
        return error_no_memory(err, "capture_flows(): no memory for the flow table");
    return capture_open(&c->capture, c->path, &options, err);
}

/* All has been read that will be: the flows that are left end. */
static void finish(struct flows_cursor *c)
{
    life_catch_up(&c->life);
    if (c->last_status == STATUS_END && capture_shrank(c->capture))
        c->last_status = error_set(&c->why, "%s became shorter while it was read", c->path);
    capture_close(c->capture);
    c->capture = NULL;
    defrag_end(c->life.defrag);
    flows_end_all(c->life.flows);
}

/* Reads on until a flow has ended. */
static int advance(struct flows_cursor *c)
{
    unsigned frames = 0;

    c->pause = false;
    while (!c->ended.first && c->capture && !c->pause) {
        if (c->frame.number >= c->last_frame) {
            c->last_status = STATUS_END;
            finish(c);
            continue;
        }
        c->last_status = capture_next(c->capture, &c->frame, &c->why);
        if (c->last_status != STATUS_OK) {
            finish(c);
            continue;
        }
        c->frame.evidence_id = 1;
        see_frame(&c->life, &c->seen, &c->frame);
        c->pause = ++frames == FRAMES_BETWEEN_ROWS && !c->ended.first;
    }
    if (c->ended.no_memory)
        c->last_status = error_no_memory(&c->why, "capture_flows(): no memory for flows");
    c->end = (!c->ended.first && !c->pause) || c->ended.no_memory;
    if (c->end && (c->last_status == STATUS_DAMAGED || c->last_status == STATUS_FAILED))
        return vtab_fail(c->base.pVtab, &c->why);
    return SQLITE_OK;
}

static int flows_next(sqlite3_vtab_cursor *cursor)
{
    struct flows_cursor *c = (struct flows_cursor *)cursor;

    c->rowid++;
    if (c->pause)
        return advance(c);
    if (++c->at < c->ended.first->count)
        return SQLITE_OK;
    drop_block(&c->ended);
    c->at = 0;
    return advance(c);
}

static int flows_filter(sqlite3_vtab_cursor *cursor, int index, const char *index_text, int argc,
                        sqlite3_value **argv)
{
    struct flows_cursor *c = (struct flows_cursor *)cursor;
    struct error err;
    (void)index_text;

    leave(c);
    c->end = true;
    if (index == VTAB_NONE) {
        error_set(&err,
                  "capture_flows() needs the path of a capture, as in capture_flows('x.pcap')");
        return vtab_fail(cursor->pVtab, &err);
    }
    c->at = 0;
    c->rowid = 1;
    c->frame.number = 0;
    c->last_frame = UINT64_MAX;
    c->last_status = STATUS_OK;
    if (sqlite3_value_type(argv[0]) == SQLITE_NULL)
        return SQLITE_OK;
    const char *path = files_path(argv[0], "capture_flows", &err);
    if (!path)
        return vtab_fail(cursor->pVtab, &err);
    if (argc > 1 && sqlite3_value_type(argv[1]) != SQLITE_NULL) {
        int64_t last = sqlite3_value_int64(argv[1]);
        if (sqlite3_value_type(argv[1]) != SQLITE_INTEGER || last < 0) {
            value_complain(&err, "capture_flows", argv[1], "number of a frame");
            return vtab_fail(cursor->pVtab, &err);
        }
        c->last_frame = (uint64_t)last;
    }
    c->path = sqlite3_mprintf("%s", path);
    if (!c->path)
        return SQLITE_NOMEM;
    if (begin(c, &err) != STATUS_OK) {
        leave(c);
        return vtab_fail(cursor->pVtab, &err);
    }
    return advance(c);
}

static int flows_eof(sqlite3_vtab_cursor *cursor)
{
    return ((struct flows_cursor *)cursor)->end;
}

/* ---- columns ---- */

static void result_text(sqlite3_context *context, const char *text)
{
    if (text && *text)
        sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
}

static void result_count(sqlite3_context *context, uint64_t count)
{
    sqlite3_result_int64(context, (int64_t)count);
}

/* What there is of each side, the client's in the column before the server's. */
static void side_column(const struct flow *f, sqlite3_context *context, int column, enum side side)
{
    const struct side_state *s = &f->sides[side];
    char ip[IP_TEXT_LEN], mac[MAC_TEXT_LEN];

    switch (column) {
    case CLIENT_IP:
        ip_text(ip, flow_address(f, side), f->key.ip_version);
        result_text(context, ip);
        break;
    case CLIENT_PORT:
        sqlite3_result_int(context, flow_port(f, side));
        break;
    case CLIENT_MAC:
        if (f->has_macs) {
            mac_text(mac, s->mac);
            result_text(context, mac);
        }
        break;
    case CLIENT_PACKETS:
        result_count(context, s->packets);
        break;
    case CLIENT_BYTES:
        result_count(context, s->bytes);
        break;
    case CLIENT_IP_BYTES:
        result_count(context, s->ip_bytes);
        break;
    case CLIENT_FRAME_BYTES:
        result_count(context, s->frame_bytes);
        break;
    case CLIENT_RETRANSMITTED:
        result_count(context, flow_retransmitted(f, side));
        break;
    case CLIENT_CARRIED:
        result_count(context, flow_carried(f, side));
        break;
    case CLIENT_FLAGS:
        sqlite3_result_int(context, s->flags);
        break;
    default: /* CLIENT_MIN_TTL */
        if (s->packets > 0)
            sqlite3_result_int(context, s->min_ttl);
        break;
    }
}

static void result_community_id(sqlite3_context *context, const struct flow *f)
{
    const struct endpoints ends = {.src = *flow_address(f, SIDE_CLIENT),
                                   .dst = *flow_address(f, SIDE_SERVER),
                                   .src_port = flow_port(f, SIDE_CLIENT),
                                   .dst_port = flow_port(f, SIDE_SERVER)};
    char id[COMMUNITY_ID_LEN];

    community_id(id, f->key.protocol, f->key.ip_version, &ends);
    result_text(context, id);
}

static void flow_column(const struct flow *f, sqlite3_context *context, int column)
{
    char vlans[VLAN_TEXT_LEN];

    switch (column) {
    case PROTOCOL:
        result_text(context, flow_protocol_name(f->key.protocol));
        break;
    case VLAN:
        vlan_text(vlans, f->vlans, f->vlan_count);
        result_text(context, vlans);
        break;
    case TUNNEL:
        result_text(context, f->tunnel);
        break;
    case FIRST_NS:
        sqlite3_result_int64(context, f->first_ns);
        break;
    case LAST_NS:
        sqlite3_result_int64(context, f->last_ns);
        break;
    case FIRST_FRAME:
        result_count(context, f->first_frame);
        break;
    case HANDSHAKE_RTT_NS:
        if (f->handshake_rtt_ns >= 0)
            sqlite3_result_int64(context, f->handshake_rtt_ns);
        break;
    case HISTORY:
        result_text(context, f->history);
        break;
    case STATE:
        result_text(context, flow_state_name(f->state));
        break;
    case END_REASON:
        result_text(context, flow_end_name(f->end));
        break;
    case CLIENT_GUESSED:
        sqlite3_result_int(context, f->client_guessed);
        break;
    case LOSSY: /* a file does not say so */
        sqlite3_result_int(context, 0);
        break;
    case COMMUNITY_ID:
        result_community_id(context, f);
        break;
    case INTERFACE_ID:
        sqlite3_result_int64(context, f->interface_id);
        break;
    default: /* what only a case knows */
        break;
    }
}

static int flows_column(sqlite3_vtab_cursor *cursor, sqlite3_context *context, int column)
{
    struct flows_cursor *c = (struct flows_cursor *)cursor;

    if (c->pause)
        return SQLITE_OK;
    const struct flow *f = &c->ended.first->flows[c->at];
    switch (column) {
    case CLIENT_IP:
    case CLIENT_PORT:
    case CLIENT_MAC:
    case CLIENT_PACKETS:
    case CLIENT_BYTES:
    case CLIENT_IP_BYTES:
    case CLIENT_FRAME_BYTES:
    case CLIENT_RETRANSMITTED:
    case CLIENT_FLAGS:
    case CLIENT_MIN_TTL:
    case CLIENT_CARRIED:
        side_column(f, context, column, SIDE_CLIENT);
        break;
    case SERVER_IP:
    case SERVER_PORT: /* two columns behind the client's; the others one */
        side_column(f, context, column - 2, SIDE_SERVER);
        break;
    case SERVER_MAC:
    case SERVER_PACKETS:
    case SERVER_BYTES:
    case SERVER_IP_BYTES:
    case SERVER_FRAME_BYTES:
    case SERVER_RETRANSMITTED:
    case SERVER_FLAGS:
    case SERVER_MIN_TTL:
    case SERVER_CARRIED:
        side_column(f, context, column - 1, SIDE_SERVER);
        break;
    case FILE_ARGUMENT:
        sqlite3_result_text(context, c->path, -1, SQLITE_TRANSIENT);
        break;
    case LAST_FRAME_ARGUMENT:
        if (c->last_frame != UINT64_MAX)
            result_count(context, c->last_frame);
        break;
    default:
        flow_column(f, context, column);
        break;
    }
    return SQLITE_OK;
}

static int flows_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *rowid)
{
    *rowid = ((struct flows_cursor *)cursor)->rowid;
    return SQLITE_OK;
}

static const sqlite3_module flows_methods = {
    .xConnect = flows_connect,
    .xBestIndex = flows_best_index,
    .xDisconnect = files_table_disconnect,
    .xOpen = flows_open,
    .xClose = flows_close,
    .xFilter = flows_filter,
    .xNext = flows_next,
    .xEof = flows_eof,
    .xColumn = flows_column,
    .xRowid = flows_rowid,
};

enum status capture_flows_register(sqlite3 *db, struct error *err)
{
    if (sqlite3_create_module_v2(db, "capture_flows", &flows_methods, NULL, NULL) != SQLITE_OK)
        return (sqlite3_errcode(db) == SQLITE_NOMEM ? error_no_memory : error_set)(
            err, "the table capture_flows cannot be registered: %s", sqlite3_errmsg(db));
    return STATUS_OK;
}
