/* capture_columns.c - a frame and its headers, as columns of the table capture(). */
#include "pipeline/capture_columns.h"

#include "dissect/dissect.h"
#include "dissect/ipv4.h"
#include "dissect/ipv6.h"
#include "dissect/udp.h"
#include "reassembly/flow.h"
#include "store/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

const char capture_declaration[] =
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

_Static_assert((int)FRAME == CAPTURE_FRAME && (int)TIME_NS == CAPTURE_TIME_NS &&
                   (int)FILE_ARGUMENT == CAPTURE_FILE,
               "the header says where they are");

/* The headers of the frame at hand. */
static const struct packet *look(struct capture_row *row)
{
    if (!row->dissected)
        row->verdict = dissect(&row->frame, &row->packet);
    row->dissected = true;
    return &row->packet;
}

/* Whether all headers up to the transport are there. */
static bool has_transport(const struct capture_row *row)
{
    return row->verdict == VERDICT_OK ||
           (row->verdict == VERDICT_BAD_CHECKSUM && row->packet.transport != 0);
}

static bool has_transport_of(const struct capture_row *row, enum transport transport)
{
    return has_transport(row) && row->packet.transport == transport;
}

/* The header of the packet, the innermost, as it lies in the frame; empty where it is not to be found. */
static struct span ip_header(const struct capture_row *row)
{
    const struct packet *p = &row->packet;
    const struct span none = {NULL, 0};
    uint64_t behind = p->ip_payload_offset - row->frame.offset;
    uint64_t len = (uint64_t)p->ip_len - p->ip_payload_len;

    if (p->ip_version == 0 || p->ip_payload_offset < row->frame.offset ||
        behind > row->frame.bytes.len || p->ip_len < p->ip_payload_len || len > behind)
        return none;
    struct span header = span_after(row->frame.bytes, (size_t)(behind - len));
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

static void link_column(struct capture_row *row, sqlite3_context *context, int column)
{
    const struct packet *p = look(row);
    char text[VLAN_TEXT_LEN];

    switch (column) {
    case VERDICT:
        result_text(context, verdict_name(row->verdict));
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

static void ip_column(struct capture_row *row, sqlite3_context *context, int column)
{
    const struct packet *p = look(row);
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
        header = ip_header(row);
        if (header.len > 0)
            sqlite3_result_int(context, p->ip_version == 4 ? load_u8(header, 1)
                                                           : load_be16(header, 0) >> 4 & 0xff);
        break;
    case IP_LENGTH:
        sqlite3_result_int64(context, p->ip_len);
        break;
    case IP_ID:
        header = ip_header(row);
        if (p->fragment)
            sqlite3_result_int64(context, p->fragment_id);
        else if (p->ip_version == 4 && header.len > 0)
            sqlite3_result_int(context, load_be16(header, 4));
        break;
    case IP_DONT_FRAGMENT:
        header = ip_header(row);
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

static void tcp_column(struct capture_row *row, sqlite3_context *context, int column)
{
    const struct tcp *t = &look(row)->tcp;

    if (!has_transport_of(row, TRANSPORT_TCP))
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

static void transport_column(struct capture_row *row, sqlite3_context *context, int column)
{
    const struct packet *p = look(row);

    if (!has_transport(row))
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

void capture_row_column(struct capture_row *row, sqlite3_context *context, int column)
{
    const struct frame *frame = &row->frame;

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
    default:
        if (column <= TUNNEL)
            link_column(row, context, column);
        else if (column <= IP_PROTOCOL)
            ip_column(row, context, column);
        else if (column >= TCP_SEQ_COLUMN && column <= TCP_TS_ECHO)
            tcp_column(row, context, column);
        else
            transport_column(row, context, column);
        break;
    }
}
