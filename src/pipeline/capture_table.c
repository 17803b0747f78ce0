/* capture_table.c - the table-valued function capture(): the frames of a capture file, read where they lie.
 *
 *     capture_next() ──► frame number? time? ──► row ──► [dissect()] ──► columns
 *                          cheap, before all else        only when a header is asked for
 *
 * Nothing is kept but the frame at hand, so memory is that of the capture's window, and a query that asks for
 * no header costs what it costs to walk from record to record. Frames come in the order of the file. A bound on
 * the frame's number ends the walk, or passes over what is before; one on the time, in which files need not
 * be sorted, passes over the others.
 *
 * Each frame is looked at by itself: a fragment is a fragment, and what its datagram holds is not read.
 * Where the file is damaged the query fails there with a sentence, which says the number of the frame: what is
 * before is to be had by `WHERE frame < that`, since nobody looks beyond such a bound. */
#include "pipeline/files.h"

#include "base/budget.h"
#include "capture/capture.h"
#include "dissect/dissect.h"
#include "dissect/ipv4.h"
#include "dissect/ipv6.h"
#include "dissect/udp.h"
#include "reassembly/flow.h"
#include "store/text.h"
#include "store/value.h"
#include "store/vtab.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    CAPTURE_MEMORY = 256 << 20, /* bytes that a walk may take for windows and for uncompressing */
    /* Frames that are passed over, until SQLite gets one that is not asked for: it sees so, since it compares
     * each row with the bounds again, and looks whether it has been interrupted. */
    FRAMES_BETWEEN_ROWS = 1 << 16,
};

/* In the order of the declaration. */
enum column {
    FRAME,
    TIME_NS,
    CAPTURED,
    LENGTH,
    FILE_OFFSET,
    LINK_TYPE,
    INTERFACE_ID,
    VERDICT,
    SRC_MAC,
    DST_MAC,
    VLAN,
    TUNNEL,
    IP_VERSION,
    SRC_IP,
    DST_IP,
    TTL,
    IP_TOS,
    IP_LENGTH,
    IP_ID,
    IP_DONT_FRAGMENT,
    FRAGMENT_OFFSET,
    MORE_FRAGMENTS,
    BAD_IP_CHECKSUM,
    IP_PROTOCOL,
    PROTOCOL,
    SRC_PORT,
    DST_PORT,
    CHECKSUM,
    TCP_SEQ_COLUMN,
    TCP_ACK_COLUMN,
    TCP_FLAGS_COLUMN,
    TCP_WINDOW_COLUMN,
    TCP_URGENT_COLUMN,
    TCP_MSS,
    TCP_WINDOW_SCALE,
    TCP_SACK_PERMITTED,
    TCP_SACK,
    TCP_TS_VALUE,
    TCP_TS_ECHO,
    UDP_LENGTH,
    ICMP_TYPE,
    ICMP_CODE,
    PAYLOAD_OFFSET,
    PAYLOAD_LENGTH,
    PAYLOAD,
    DATA,
    FILE_ARGUMENT, /* hidden */
};

static const char declaration[] =
    "CREATE TABLE capture (frame INTEGER, time_ns INTEGER, captured INTEGER, length INTEGER,"
    " file_offset INTEGER, link_type INTEGER, interface_id INTEGER, verdict TEXT,"
    " src_mac TEXT, dst_mac TEXT, vlan TEXT, tunnel TEXT,"
    " ip_version INTEGER, src_ip TEXT, dst_ip TEXT, ttl INTEGER, ip_tos INTEGER,"
    " ip_length INTEGER, ip_id INTEGER, ip_dont_fragment INTEGER, fragment_offset INTEGER,"
    " more_fragments INTEGER, bad_ip_checksum INTEGER, ip_protocol INTEGER, protocol TEXT,"
    " src_port INTEGER, dst_port INTEGER, checksum TEXT,"
    " tcp_seq INTEGER, tcp_ack INTEGER, tcp_flags INTEGER, tcp_window INTEGER,"
    " tcp_urgent INTEGER, tcp_mss INTEGER, tcp_window_scale INTEGER, tcp_sack_permitted INTEGER,"
    " tcp_sack TEXT, tcp_ts_value INTEGER, tcp_ts_echo INTEGER, udp_length INTEGER,"
    " icmp_type INTEGER, icmp_code INTEGER,"
    " payload_offset INTEGER, payload_length INTEGER, payload BLOB, data BLOB,"
    " file TEXT HIDDEN)";

/* What may be among whole numbers: [least, most]. */
struct bounds {
    int64_t least, most;
};

static const struct bounds everything = {INT64_MIN, INT64_MAX};

struct capture_cursor {
    sqlite3_vtab_cursor base;
    struct capture *capture; /* NULL when none is open */
    char *path;              /* of it */
    struct budget memory;
    struct bounds numbers, times; /* of the frames that are asked for */
    struct frame frame;           /* valid with has_frame */
    bool has_frame;
    bool end;
    bool dissected; /* the two below are those of the frame */
    enum verdict verdict;
    struct packet packet;
};

static int capture_connect(sqlite3 *db, void *aux, int argc, const char *const *argv,
                           sqlite3_vtab **vtab, char **message)
{
    (void)aux, (void)argc, (void)argv, (void)message;
    return files_table_connect(vtab, db, declaration);
}

/* A bound as a letter of the plan: of numbers a small one, of times a capital. */
static char letter_of(const struct sqlite3_index_constraint *constraint)
{
    char letter = 0;

    if (constraint->iColumn != FRAME && constraint->iColumn != -1 && constraint->iColumn != TIME_NS)
        return 0;
    if (constraint->op == SQLITE_INDEX_CONSTRAINT_EQ)
        letter = 'e'; /* equal */
    else if (constraint->op == SQLITE_INDEX_CONSTRAINT_GT)
        letter = 'a'; /* above */
    else if (constraint->op == SQLITE_INDEX_CONSTRAINT_GE)
        letter = 'f'; /* from */
    else if (constraint->op == SQLITE_INDEX_CONSTRAINT_LT)
        letter = 'b'; /* below */
    else if (constraint->op == SQLITE_INDEX_CONSTRAINT_LE)
        letter = 't'; /* to */
    return letter && constraint->iColumn == TIME_NS ? (char)(letter - 'a' + 'A') : letter;
}

enum { BOUNDS_MOST = 8 };

/* SQLite compares each row with the bounds again: what is said here may be too much. */
static int capture_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    int file = vtab_argument(info, FILE_ARGUMENT), count = 0;
    char letters[BOUNDS_MOST + 1] = "";
    bool one = false, ends = false;
    (void)vtab;

    if (file == VTAB_UNUSABLE)
        return SQLITE_CONSTRAINT;
    if (file == VTAB_NONE)
        return vtab_needs_more(info);
    vtab_take(info, file, 1);
    for (int i = 0; i < info->nConstraint && count < BOUNDS_MOST; i++) {
        char letter = info->aConstraint[i].usable ? letter_of(&info->aConstraint[i]) : 0;
        if (!letter)
            continue;
        info->aConstraintUsage[i].argvIndex = count + 2;
        letters[count++] = letter;
        one = one || letter == 'e';
        ends = ends || letter == 'b' || letter == 't';
    }
    info->idxStr = sqlite3_mprintf("%s", letters);
    info->needToFreeIdxStr = 1;
    if (!info->idxStr)
        return SQLITE_NOMEM;
    /* A walk from the front, whatever is asked for; but not to the end with an end. */
    info->estimatedRows = one ? 1 : ends ? 500000 : count > 0 ? 1000000 : 2000000;
    info->estimatedCost = one || ends ? 1e6 : 2e6;
    if (one)
        info->idxFlags = SQLITE_INDEX_SCAN_UNIQUE;
    info->orderByConsumed = info->nOrderBy == 1 && !info->aOrderBy[0].desc &&
                            (info->aOrderBy[0].iColumn == FRAME || info->aOrderBy[0].iColumn == -1);
    return SQLITE_OK;
}

static int capture_open_cursor(sqlite3_vtab *vtab, sqlite3_vtab_cursor **cursor)
{
    (void)vtab;
    struct capture_cursor *c = sqlite3_malloc(sizeof *c);
    if (!c)
        return SQLITE_NOMEM;
    memset(c, 0, sizeof *c);
    *cursor = &c->base;
    return SQLITE_OK;
}

static void leave(struct capture_cursor *c)
{
    capture_close(c->capture);
    sqlite3_free(c->path);
    c->capture = NULL;
    c->path = NULL;
    c->has_frame = false;
}

static int capture_close_cursor(sqlite3_vtab_cursor *cursor)
{
    struct capture_cursor *c = (struct capture_cursor *)cursor;
    leave(c);
    sqlite3_free(c);
    return SQLITE_OK;
}

static const struct bounds nothing = {INT64_MAX, INT64_MIN};

/* The whole numbers that a bound lets through. */
static struct bounds let_through(char letter, int64_t low, int64_t high)
{
    struct bounds b = everything;

    switch (letter) { /* what it says lies in [low, high], two neighbours or one number */
    case 'e':
        return low == high ? (struct bounds){low, low} : nothing;
    case 'a':
        if (low == INT64_MAX)
            return nothing;
        b.least = low + 1;
        return b;
    case 'f':
        b.least = high;
        return b;
    case 'b':
        if (high == INT64_MIN)
            return nothing;
        b.most = high - 1;
        return b;
    default:
        b.most = low;
        return b;
    }
}

/* What a bound says; everything where it is not understood, since SQLite compares each row again. */
static struct bounds bounds_of(char letter, sqlite3_value *value)
{
    const double most = 9.2e18;

    switch (sqlite3_value_numeric_type(value)) {
    case SQLITE_INTEGER:
        return let_through(letter, sqlite3_value_int64(value), sqlite3_value_int64(value));
    case SQLITE_FLOAT: {
        double real = sqlite3_value_double(value);
        if (!(real > -most && real < most))
            return everything;
        return let_through(letter, (int64_t)floor(real), (int64_t)ceil(real));
    }
    case SQLITE_NULL: /* nothing compares with it */
        return nothing;
    default:
        return everything;
    }
}

static void narrow(struct bounds *b, struct bounds by)
{
    b->least = by.least > b->least ? by.least : b->least;
    b->most = by.most < b->most ? by.most : b->most;
}

static bool is_within(const struct bounds *b, int64_t value)
{
    return value >= b->least && value <= b->most;
}

/* The frame at hand, or the next one, that is asked for. */
static int walk(struct capture_cursor *c)
{
    struct error err;
    enum status status = STATUS_OK;
    unsigned passed = 0;

    c->end = true;
    for (;;) {
        if (c->has_frame && (int64_t)c->frame.number >= c->numbers.least) {
            if ((int64_t)c->frame.number > c->numbers.most)
                return SQLITE_OK; /* it stays at hand */
            if (is_within(&c->times, c->frame.time_ns))
                break;
        }
        if (c->has_frame && (int64_t)c->frame.number >= c->numbers.most)
            return SQLITE_OK;
        status = capture_next(c->capture, &c->frame, &err);
        c->has_frame = status == STATUS_OK;
        c->dissected = false;
        if (status != STATUS_OK || ++passed == FRAMES_BETWEEN_ROWS)
            break;
    }
    if (status == STATUS_END && capture_shrank(c->capture))
        status = error_set(&err, "%s became shorter while it was read", c->path);
    c->end = status != STATUS_OK;
    if (status == STATUS_DAMAGED || status == STATUS_FAILED)
        return vtab_fail(c->base.pVtab, &err);
    return SQLITE_OK;
}

static int capture_next_row(sqlite3_vtab_cursor *cursor)
{
    struct capture_cursor *c = (struct capture_cursor *)cursor;

    if (c->numbers.least <= (int64_t)c->frame.number)
        c->numbers.least = (int64_t)c->frame.number + 1;
    return walk(c);
}

static int capture_filter(sqlite3_vtab_cursor *cursor, int index, const char *letters, int argc,
                          sqlite3_value **argv)
{
    struct capture_cursor *c = (struct capture_cursor *)cursor;
    struct error err;

    c->end = true;
    if (index == VTAB_NONE) {
        error_set(&err, "capture() needs the path of a capture, as in capture('x.pcap')");
        return vtab_fail(cursor->pVtab, &err);
    }
    if (sqlite3_value_type(argv[0]) == SQLITE_NULL)
        return SQLITE_OK;
    c->numbers = c->times = everything;
    for (int i = 1; i < argc; i++) {
        const char letter = letters[i - 1];
        if (letter < 'a')
            narrow(&c->times, bounds_of((char)(letter - 'A' + 'a'), argv[i]));
        else
            narrow(&c->numbers, bounds_of(letter, argv[i]));
    }
    if (c->numbers.least > c->numbers.most || c->times.least > c->times.most)
        return SQLITE_OK;
    const char *path = files_path(argv[0], "capture", &err);
    if (!path)
        return vtab_fail(cursor->pVtab, &err);
    /* A join asks again and again: what lies ahead of the frame at hand is reached by going on. */
    bool ahead =
        c->has_frame && strcmp(c->path, path) == 0 && c->numbers.least >= (int64_t)c->frame.number;
    if (!ahead) {
        leave(c);
        c->path = sqlite3_mprintf("%s", path);
        if (!c->path)
            return SQLITE_NOMEM;
        budget_init(&c->memory, CAPTURE_MEMORY);
        const struct capture_options options = {.memory = &c->memory};
        if (capture_open(&c->capture, path, &options, &err) != STATUS_OK) {
            leave(c);
            return vtab_fail(cursor->pVtab, &err);
        }
    }
    return walk(c);
}

static int capture_eof(sqlite3_vtab_cursor *cursor)
{
    return ((struct capture_cursor *)cursor)->end;
}

/* ---- columns ---- */

/* The headers of the frame at hand. */
static const struct packet *look(struct capture_cursor *c)
{
    if (!c->dissected)
        c->verdict = dissect(&c->frame, &c->packet);
    c->dissected = true;
    return &c->packet;
}

/* Whether all headers up to the transport are there. */
static bool has_transport(const struct capture_cursor *c)
{
    return c->verdict == VERDICT_OK ||
           (c->verdict == VERDICT_BAD_CHECKSUM && c->packet.transport != 0);
}

static bool has_transport_of(const struct capture_cursor *c, enum transport transport)
{
    return has_transport(c) && c->packet.transport == transport;
}

/* The header of the packet, the innermost, as it lies in the frame; empty where it is not to be found. */
static struct span ip_header(const struct capture_cursor *c)
{
    const struct packet *p = &c->packet;
    const struct span none = {NULL, 0};
    uint64_t behind = p->ip_payload_offset - c->frame.offset;
    uint64_t len = (uint64_t)p->ip_len - p->ip_payload_len;

    if (p->ip_version == 0 || p->ip_payload_offset < c->frame.offset ||
        behind > c->frame.bytes.len || p->ip_len < p->ip_payload_len || len > behind)
        return none;
    struct span header = span_after(c->frame.bytes, (size_t)(behind - len));
    header = span_first(header, (size_t)len);
    if (header.len < (p->ip_version == 4 ? IPV4_FIXED_LEN : IPV6_HEADER_LEN) ||
        load_u8(header, 0) >> 4 != p->ip_version ||
        load_u8(header, p->ip_version == 4 ? 8 : 7) != p->ttl)
        return none;
    return header;
}

static void result_text(sqlite3_context *context, const char *text)
{
    if (*text)
        sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
}

static void result_bytes(sqlite3_context *context, struct span bytes)
{
    sqlite3_result_blob64(context, bytes.len > 0 ? (const void *)bytes.data : "", bytes.len,
                          SQLITE_TRANSIENT);
}

static void result_ip(sqlite3_context *context, const struct packet *p, bool src)
{
    char text[IP_TEXT_LEN];

    if (p->ip_version == 0)
        return;
    ip_text(text, src ? &p->ends.src : &p->ends.dst, p->ip_version);
    result_text(context, text);
}

static void result_mac(sqlite3_context *context, const struct packet *p, bool src)
{
    char text[MAC_TEXT_LEN];

    if (!p->has_macs)
        return;
    mac_text(text, src ? p->src_mac : p->dst_mac);
    result_text(context, text);
}

static const char *checksum_name(enum checksum checksum)
{
    static const char *const names[] = {
        [CHECKSUM_RIGHT] = "right", [CHECKSUM_WRONG] = "wrong",     [CHECKSUM_OFFLOAD] = "offload",
        [CHECKSUM_NONE] = "none",   [CHECKSUM_UNKNOWN] = "unknown",
    };
    return names[checksum];
}

static void link_column(struct capture_cursor *c, sqlite3_context *context, int column)
{
    const struct packet *p = look(c);
    char text[VLAN_TEXT_LEN];

    switch (column) {
    case VERDICT:
        result_text(context, verdict_name(c->verdict));
        break;
    case SRC_MAC:
    case DST_MAC:
        result_mac(context, p, column == SRC_MAC);
        break;
    case VLAN:
        vlan_text(text, p->vlans, p->vlan_count);
        result_text(context, text);
        break;
    default:
        result_text(context, p->tunnel);
        break;
    }
}

static void ip_column(struct capture_cursor *c, sqlite3_context *context, int column)
{
    const struct packet *p = look(c);
    struct span header;

    if (p->ip_version == 0)
        return;
    switch (column) {
    case IP_VERSION:
        sqlite3_result_int(context, p->ip_version);
        break;
    case SRC_IP:
    case DST_IP:
        result_ip(context, p, column == SRC_IP);
        break;
    case TTL:
        sqlite3_result_int(context, p->ttl);
        break;
    case IP_TOS:
        header = ip_header(c);
        if (header.len > 0)
            sqlite3_result_int(context, p->ip_version == 4 ? load_u8(header, 1)
                                                           : load_be16(header, 0) >> 4 & 0xff);
        break;
    case IP_LENGTH:
        sqlite3_result_int64(context, p->ip_len);
        break;
    case IP_ID:
        header = ip_header(c);
        if (p->fragment)
            sqlite3_result_int64(context, p->fragment_id);
        else if (p->ip_version == 4 && header.len > 0)
            sqlite3_result_int(context, load_be16(header, 4));
        break;
    case IP_DONT_FRAGMENT:
        header = ip_header(c);
        if (p->ip_version == 4 && header.len > 0)
            sqlite3_result_int(context, load_u8(header, 6) >> 6 & 1);
        break;
    case FRAGMENT_OFFSET:
        if (p->fragment)
            sqlite3_result_int64(context, p->fragment_at);
        break;
    case MORE_FRAGMENTS:
        if (p->fragment)
            sqlite3_result_int(context, p->more_fragments);
        break;
    case BAD_IP_CHECKSUM:
        sqlite3_result_int(context, p->bad_ip_checksum);
        break;
    default:
        sqlite3_result_int(context, p->ip_protocol);
        break;
    }
}

/* The blocks, as sequence numbers: "1000-2000 3000-4000". */
static void result_sack(sqlite3_context *context, const struct tcp_options *o)
{
    char text[4 * 24] = "";
    size_t len = 0;

    for (unsigned i = 0; i < o->sack_count; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%" PRIu32 "-%" PRIu32,
                                i > 0 ? " " : "", o->sack[i].left, o->sack[i].right);
    result_text(context, text);
}

static void tcp_option_column(const struct tcp *t, sqlite3_context *context, int column)
{
    struct tcp_options o;

    tcp_options(t, &o); /* what stands before a malformed one holds */
    switch (column) {
    case TCP_MSS:
        if (o.has_mss)
            sqlite3_result_int(context, o.mss);
        break;
    case TCP_WINDOW_SCALE:
        if (o.has_window_scale)
            sqlite3_result_int(context, o.window_scale);
        break;
    case TCP_SACK_PERMITTED:
        sqlite3_result_int(context, o.sack_permitted);
        break;
    case TCP_SACK:
        result_sack(context, &o);
        break;
    case TCP_TS_VALUE:
        if (o.has_timestamps)
            sqlite3_result_int64(context, o.ts_value);
        break;
    default:
        if (o.has_timestamps)
            sqlite3_result_int64(context, o.ts_echo);
        break;
    }
}

static void tcp_column(struct capture_cursor *c, sqlite3_context *context, int column)
{
    const struct tcp *t = &look(c)->tcp;

    if (!has_transport_of(c, TRANSPORT_TCP))
        return;
    switch (column) {
    case TCP_SEQ_COLUMN:
        sqlite3_result_int64(context, tcp_seq(t));
        break;
    case TCP_ACK_COLUMN:
        if (tcp_flags(t) & TCP_ACK)
            sqlite3_result_int64(context, tcp_ack(t));
        break;
    case TCP_FLAGS_COLUMN:
        sqlite3_result_int(context, tcp_flags(t));
        break;
    case TCP_WINDOW_COLUMN:
        sqlite3_result_int(context, tcp_window(t));
        break;
    case TCP_URGENT_COLUMN:
        if (tcp_flags(t) & TCP_URG)
            sqlite3_result_int(context, tcp_urgent(t));
        break;
    default:
        tcp_option_column(t, context, column);
        break;
    }
}

static void transport_column(struct capture_cursor *c, sqlite3_context *context, int column)
{
    const struct packet *p = look(c);

    if (!has_transport(c))
        return;
    bool icmp = p->transport == TRANSPORT_ICMP || p->transport == TRANSPORT_ICMPV6;
    switch (column) {
    case PROTOCOL:
        result_text(context, flow_protocol_name(p->transport));
        break;
    case SRC_PORT:
        if (!icmp)
            sqlite3_result_int(context, p->ends.src_port);
        break;
    case DST_PORT:
        if (!icmp)
            sqlite3_result_int(context, p->ends.dst_port);
        break;
    case CHECKSUM:
        result_text(context, checksum_name(p->checksum));
        break;
    case UDP_LENGTH:
        if (p->transport == TRANSPORT_UDP && p->headers.len == UDP_HEADER_LEN)
            sqlite3_result_int(context, load_be16(p->headers, 4));
        break;
    case ICMP_TYPE:
        if (icmp)
            sqlite3_result_int(context, icmp_type(&p->icmp));
        break;
    case ICMP_CODE:
        if (icmp)
            sqlite3_result_int(context, icmp_code(&p->icmp));
        break;
    case PAYLOAD_OFFSET:
        if (p->payload.len > 0)
            sqlite3_result_int64(context, (int64_t)p->payload_offset);
        break;
    case PAYLOAD_LENGTH:
        sqlite3_result_int64(context, p->payload_len);
        break;
    default:
        result_bytes(context, p->payload);
        break;
    }
}

static int capture_column(sqlite3_vtab_cursor *cursor, sqlite3_context *context, int column)
{
    struct capture_cursor *c = (struct capture_cursor *)cursor;
    const struct frame *frame = &c->frame;

    switch (column) {
    case FRAME:
        sqlite3_result_int64(context, (int64_t)frame->number);
        break;
    case TIME_NS:
        sqlite3_result_int64(context, frame->time_ns);
        break;
    case CAPTURED:
        sqlite3_result_int64(context, (int64_t)frame->bytes.len);
        break;
    case LENGTH:
        sqlite3_result_int64(context, frame->wire_len);
        break;
    case FILE_OFFSET:
        sqlite3_result_int64(context, (int64_t)frame->offset);
        break;
    case LINK_TYPE:
        sqlite3_result_int64(context, frame->link_type);
        break;
    case INTERFACE_ID:
        sqlite3_result_int64(context, frame->interface_id);
        break;
    case DATA:
        result_bytes(context, frame->bytes);
        break;
    case FILE_ARGUMENT:
        sqlite3_result_text(context, c->path, -1, SQLITE_TRANSIENT);
        break;
    default:
        if (column <= TUNNEL)
            link_column(c, context, column);
        else if (column <= IP_PROTOCOL)
            ip_column(c, context, column);
        else if (column >= TCP_SEQ_COLUMN && column <= TCP_TS_ECHO)
            tcp_column(c, context, column);
        else
            transport_column(c, context, column);
        break;
    }
    return SQLITE_OK;
}

static int capture_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *rowid)
{
    *rowid = (int64_t)((struct capture_cursor *)cursor)->frame.number;
    return SQLITE_OK;
}

static const sqlite3_module capture_methods = {
    .xConnect = capture_connect,
    .xBestIndex = capture_best_index,
    .xDisconnect = files_table_disconnect,
    .xOpen = capture_open_cursor,
    .xClose = capture_close_cursor,
    .xFilter = capture_filter,
    .xNext = capture_next_row,
    .xEof = capture_eof,
    .xColumn = capture_column,
    .xRowid = capture_rowid,
};

enum status capture_table_register(sqlite3 *db, struct error *err)
{
    if (sqlite3_create_module_v2(db, "capture", &capture_methods, NULL, NULL) != SQLITE_OK)
        return (sqlite3_errcode(db) == SQLITE_NOMEM ? error_no_memory : error_set)(
            err, "the table capture cannot be registered: %s", sqlite3_errmsg(db));
    return STATUS_OK;
}
