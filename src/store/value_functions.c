/* value_functions.c - functions of SQL over single values: addresses, times, bytes.
 *
 * They see nothing but their arguments, so views of a case may call them (innocuous), and SQLite may compute
 * them once where these do not change (deterministic). One differs: oui() reads lists of the system. Nobody who
 * made the case chooses these, or learns what was read; but another machine has others, so that it is neither
 * of the two. A NULL among the arguments gives NULL; an argument of another kind is a sentence. */
#include "base/escape.h"
#include "store/community_id.h"
#include "store/network.h"
#include "store/oui.h"
#include "store/tables.h"
#include "store/text.h"
#include "store/value.h"

#include "dissect/packet.h"
#include "reassembly/flow.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES_MAX = 16 << 20 }; /* that are shown at a time */

/* ---- arguments ---- */

static bool has_null(int argc, sqlite3_value **argv)
{
    for (int i = 0; i < argc; i++)
        if (sqlite3_value_type(argv[i]) == SQLITE_NULL)
            return true;
    return false;
}

static void complain(sqlite3_context *context, const char *name, sqlite3_value *value,
                     const char *what)
{
    struct error err;
    value_complain(&err, name, value, what);
    sqlite3_result_error(context, err.text, -1);
}

/* An address as in flows.client_ip, or as in hosts.addr. False after a sentence, as each below. */
static bool take_address(struct address *address, uint8_t *ip_version, sqlite3_context *context,
                         const char *name, sqlite3_value *value)
{
    static const uint8_t mapped[ADDRESS_V4_AT] = {[10] = 0xff, [11] = 0xff};
    const char *text = value_text(value);

    if (text && ip_parse(address, ip_version, text))
        return true;
    if (sqlite3_value_type(value) == SQLITE_BLOB) {
        struct span bytes = value_bytes(value);
        *ip_version = 6;
        if (bytes.len == sizeof address->bytes) {
            address_v6(address, bytes);
            if (memcmp(bytes.data, mapped, sizeof mapped) == 0)
                *ip_version = 4;
            return true;
        }
    }
    complain(context, name, value, "IP address");
    return false;
}

static bool take_network(struct network *n, sqlite3_context *context, const char *name,
                         sqlite3_value *value)
{
    if (value_network(n, value))
        return true;
    complain(context, name, value, "network such as 10.0.0.0/8");
    return false;
}

static bool take_integer(int64_t *number, int64_t least, int64_t most, sqlite3_context *context,
                         const char *name, sqlite3_value *value, const char *what)
{
    *number = sqlite3_value_int64(value);
    if (sqlite3_value_type(value) == SQLITE_INTEGER && *number >= least && *number <= most)
        return true;
    complain(context, name, value, what);
    return false;
}

/* ---- addresses ---- */

static void ip_end(sqlite3_context *context, sqlite3_value **argv, const char *name, bool last)
{
    struct network n;

    if (has_null(1, argv) || !take_network(&n, context, name, argv[0]))
        return;
    const struct address *end = last ? &n.last : &n.first;
    sqlite3_result_blob(context, end->bytes, sizeof end->bytes, SQLITE_TRANSIENT);
}

static void ip_first(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    ip_end(context, argv, "ip_first", false);
}

static void ip_last(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    ip_end(context, argv, "ip_last", true);
}

/* The network is the same for all rows, as a rule, and is read once then. */
static void ip_in(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    struct network read;
    const struct network *n = sqlite3_get_auxdata(context, 1);
    struct address address;
    uint8_t ip_version;

    if (has_null(argc, argv))
        return;
    if (!n && !take_network(&read, context, "ip_in", argv[1]))
        return;
    if (take_address(&address, &ip_version, context, "ip_in", argv[0]))
        sqlite3_result_int(context, network_holds(n ? n : &read, &address, ip_version));
    struct network *kept = n ? NULL : sqlite3_malloc(sizeof *kept);
    if (kept) {
        *kept = read;
        sqlite3_set_auxdata(context, 1, kept, sqlite3_free);
    }
}

static void ip_net(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    struct network n;
    struct address address;
    uint8_t ip_version;
    int64_t bits;
    char text[IP_TEXT_LEN + 4];

    if (has_null(argc, argv) || !take_address(&address, &ip_version, context, "ip_net", argv[0]) ||
        !take_integer(&bits, 0, ip_version == 4 ? 32 : 128, context, "ip_net", argv[1],
                      ip_version == 4 ? "length from 0 to 32" : "length from 0 to 128"))
        return;
    network_around(&n, &address, ip_version, bits);
    size_t len = ip_text(text, &n.first, ip_version);
    snprintf(text + len, sizeof text - len, "/%d", (int)bits);
    sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
}

static void ip_scope(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    struct address address;
    uint8_t ip_version;

    if (!has_null(argc, argv) && take_address(&address, &ip_version, context, "ip_scope", argv[0]))
        sqlite3_result_text(context, address_scope(&address, ip_version), -1, SQLITE_STATIC);
}

/* A protocol by its number, or as in flows.protocol. */
static bool take_protocol(int64_t *protocol, sqlite3_context *context, sqlite3_value *value)
{
    static const uint8_t named[] = {TRANSPORT_TCP, TRANSPORT_UDP, TRANSPORT_SCTP, TRANSPORT_ICMP,
                                    TRANSPORT_ICMPV6};
    static const char what[] = "protocol: tcp, udp, sctp, icmp, icmpv6, or a number up to 255";
    const char *text = value_text(value);

    for (size_t i = 0; text && i < sizeof named; i++) {
        if (sqlite3_stricmp(text, flow_protocol_name(named[i])) == 0) {
            *protocol = named[i];
            return true;
        }
    }
    return take_integer(protocol, 0, 255, context, "community_id", value, what);
}

static void community_id_of(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    enum { PROTOCOL, SRC_IP, SRC_PORT, DST_IP, DST_PORT, SEED };
    static const char port[] = "port, type or code from 0 to 65535";
    static const char name[] = "community_id";
    struct endpoints ends = {.src_port = 0};
    uint8_t src_version, dst_version;
    int64_t protocol, src_port = 0, dst_port = 0, seed = 0;
    char id[COMMUNITY_ID_LEN];

    if (sqlite3_value_type(argv[PROTOCOL]) == SQLITE_NULL ||
        !take_protocol(&protocol, context, argv[PROTOCOL]))
        return;
    bool ports = community_id_has_ports((uint8_t)protocol); /* of others these may be NULL */
    if (has_null(1, argv + SRC_IP) || has_null(1, argv + DST_IP) ||
        (ports && (has_null(1, argv + SRC_PORT) || has_null(1, argv + DST_PORT))) ||
        (argc > SEED && has_null(1, argv + SEED)))
        return;
    if (!take_address(&ends.src, &src_version, context, name, argv[SRC_IP]) ||
        !take_address(&ends.dst, &dst_version, context, name, argv[DST_IP]) ||
        (ports && (!take_integer(&src_port, 0, 65535, context, name, argv[SRC_PORT], port) ||
                   !take_integer(&dst_port, 0, 65535, context, name, argv[DST_PORT], port))) ||
        (argc > SEED &&
         !take_integer(&seed, 0, 65535, context, name, argv[SEED], "seed from 0 to 65535")))
        return;
    if (src_version != dst_version) {
        complain(context, name, argv[DST_IP], "address of the same version as the other one");
        return;
    }
    ends.src_port = (uint16_t)src_port;
    ends.dst_port = (uint16_t)dst_port;
    community_id_seeded(id, (uint16_t)seed, (uint8_t)protocol, src_version, &ends);
    sqlite3_result_text(context, id, COMMUNITY_ID_LEN - 1, SQLITE_TRANSIENT);
}

/* The lists are read when somebody first asks; the connection keeps them. */
struct oui_kept {
    struct oui_list *list;
};

static void oui_kept_free(void *context)
{
    struct oui_kept *kept = context;
    oui_free(kept->list);
    free(kept);
}

static void oui(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    struct oui_kept *kept = sqlite3_user_data(context);
    const char *text = value_text(argv[0]);
    struct span bytes = {NULL, 0};
    uint8_t mac[6];

    if (has_null(argc, argv))
        return;
    if (sqlite3_value_type(argv[0]) == SQLITE_BLOB)
        bytes = value_bytes(argv[0]);
    if (bytes.len == sizeof mac) {
        memcpy(mac, bytes.data, sizeof mac);
    } else if (!text || !oui_parse_mac(mac, text)) {
        complain(context, "oui", argv[0], "MAC address");
        return;
    }
    if (!kept->list) {
        kept->list = oui_new();
        if (!kept->list) {
            sqlite3_result_error_nomem(context);
            return;
        }
        oui_add_system(kept->list);
    }
    const char *name = oui_find(kept->list, mac);
    if (name)
        sqlite3_result_text(context, name, -1, SQLITE_TRANSIENT);
}

/* ---- times ---- */

/* The date of a day counted from 1970-01-01, in the Gregorian calendar. Counted in eras of 400 years that
 * begin in March, so that a leap day ends its year. */
static void date_of(int64_t day, int64_t *year, int *month, int *day_of_month)
{
    enum { ERA_DAYS = 146097, TO_MARCH_0000 = 719468 };
    int64_t since = day + TO_MARCH_0000;
    int64_t era = (since >= 0 ? since : since - (ERA_DAYS - 1)) / ERA_DAYS;
    int in_era = (int)(since - era * ERA_DAYS);
    int year_of_era = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int from_march = (5 * in_year + 2) / 153;

    *day_of_month = in_year - (153 * from_march + 2) / 5 + 1;
    *month = from_march < 10 ? from_march + 3 : from_march - 9;
    *year = year_of_era + era * 400 + (*month <= 2);
}

static void ns_iso(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    enum { NS = 1000000000, DAY = 86400 };
    int64_t ns, year;
    int month, day;
    char text[64];

    if (has_null(argc, argv) || !take_integer(&ns, INT64_MIN, INT64_MAX, context, "ns_iso", argv[0],
                                              "whole number of nanoseconds"))
        return;
    int64_t seconds = ns / NS - (ns % NS < 0);
    int64_t days = seconds / DAY - (seconds % DAY < 0);
    int of_day = (int)(seconds - days * DAY);
    date_of(days, &year, &month, &day);
    snprintf(text, sizeof text, "%04" PRId64 "-%02d-%02dT%02d:%02d:%02d.%09dZ", year, month, day,
             of_day / 3600, of_day / 60 % 60, of_day % 60, (int)((ns % NS + NS) % NS));
    sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
}

/* ---- bytes ---- */

/* Bytes that are shown in whole. False after a sentence. */
static bool take_bytes(struct span *bytes, sqlite3_context *context, const char *name,
                       sqlite3_value *value)
{
    struct error err;

    if (sqlite3_value_type(value) != SQLITE_BLOB && sqlite3_value_type(value) != SQLITE_TEXT) {
        complain(context, name, value, "blob or text");
        return false;
    }
    *bytes = value_bytes(value);
    if (bytes->len <= BYTES_MAX)
        return true;
    error_set(&err, "%s(): %zu bytes are more than the %d MiB that are shown at a time", name,
              bytes->len, BYTES_MAX >> 20);
    sqlite3_result_error(context, err.text, -1);
    return false;
}

/* Hands over what was put together. */
static void result_buffer(sqlite3_context *context, struct buffer *text, bool whole)
{
    if (whole)
        sqlite3_result_text64(context, buffer_text(text), text->len, SQLITE_TRANSIENT, SQLITE_UTF8);
    else
        sqlite3_result_error_nomem(context);
    buffer_release(text);
}

/* 00000010  47 45 54 20 2f 0d 0a                              |GET /..| */
static void put_hexdump_line(char line[80], size_t offset, struct span bytes)
{
    enum { HEX_AT = 10, TEXT_AT = 60 };
    static const char digits[] = "0123456789abcdef";
    char number[HEX_AT + 1];

    memset(line, ' ', TEXT_AT);
    snprintf(number, sizeof number, "%08zx", offset);
    memcpy(line, number, 8);
    line[TEXT_AT] = '|';
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t byte = load_u8(bytes, i);
        size_t at = HEX_AT + 3 * i + (i >= 8);
        line[at] = digits[byte >> 4];
        line[at + 1] = digits[byte & 15];
        line[TEXT_AT + 1 + i] = byte >= 0x20 && byte < 0x7f ? (char)byte : '.';
    }
    line[TEXT_AT + 1 + bytes.len] = '|';
    line[TEXT_AT + 2 + bytes.len] = 0;
}

static void hexdump(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    enum { WIDTH = 16 };
    struct span bytes, row;
    struct buffer text;
    char line[80];
    bool whole = true;

    if (has_null(argc, argv) || !take_bytes(&bytes, context, "hexdump", argv[0]))
        return;
    buffer_init(&text, (size_t)BYTES_MAX / WIDTH * sizeof line);
    for (size_t at = 0; bytes.len > 0 && whole; at += WIDTH) {
        row = span_first(bytes, WIDTH);
        span_take(&bytes, row.len, NULL);
        put_hexdump_line(line, at, row);
        whole = buffer_add_text(&text, line) && (bytes.len == 0 || buffer_add_byte(&text, '\n'));
    }
    result_buffer(context, &text, whole);
}

static void printable(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    struct span bytes;
    struct buffer text;

    if (has_null(argc, argv) || !take_bytes(&bytes, context, "printable", argv[0]))
        return;
    buffer_init(&text, (size_t)BYTES_MAX * 8 + 1);
    result_buffer(context, &text, escape_for_terminal(&text, bytes));
}

static void tcp_flags_of(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    static const char names[8][4] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
    int64_t flags;
    char text[40] = "";
    size_t len = 0;

    if (has_null(argc, argv) ||
        !take_integer(&flags, 0, 255, context, "tcp_flags", argv[0], "set of flags from 0 to 255"))
        return;
    for (int i = 0; i < 8; i++)
        if (flags >> i & 1)
            len += (size_t)snprintf(text + len, sizeof text - len, len ? ",%s" : "%s", names[i]);
    sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
}

/* ---- all of them ---- */

static enum status failed(sqlite3 *db, const char *name, struct error *err)
{
    return (sqlite3_errcode(db) == SQLITE_NOMEM ? error_no_memory : error_set)(
        err, "the function %s cannot be registered: %s", name, sqlite3_errmsg(db));
}

enum status value_functions_register(sqlite3 *db, struct error *err)
{
    static const struct {
        const char *name;
        int argc;
        void (*function)(sqlite3_context *context, int argc, sqlite3_value **argv);
    } functions[] = {
        {"ip_first", 1, ip_first},
        {"ip_last", 1, ip_last},
        {"ip_in", 2, ip_in},
        {"ip_net", 2, ip_net},
        {"ip_scope", 1, ip_scope},
        {"community_id", 5, community_id_of},
        {"community_id", 6, community_id_of},
        {"ns_iso", 1, ns_iso},
        {"hexdump", 1, hexdump},
        {"printable", 1, printable},
        {"tcp_flags", 1, tcp_flags_of},
    };
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (sqlite3_create_function_v2(db, functions[i].name, functions[i].argc,
                                       SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL,
                                       functions[i].function, NULL, NULL, NULL) != SQLITE_OK)
            return failed(db, functions[i].name, err);
    }
    struct oui_kept *kept = calloc(1, sizeof *kept);
    if (!kept)
        return error_no_memory(err, "no memory for the function oui");
    /* Frees it also when it fails. */
    if (sqlite3_create_function_v2(db, "oui", 1, SQLITE_UTF8, kept, oui, NULL, NULL,
                                   oui_kept_free) != SQLITE_OK)
        return failed(db, "oui", err);
    return STATUS_OK;
}
