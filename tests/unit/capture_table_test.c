/* capture_table_test.c - frames of a capture file as rows, against what a script put into them. */
#include "pipeline/files.h"
#include "store/tables.h"

#include "ask.h"
#include "craft/craft.h"
#include "suite.h"

#include <stdlib.h>
#include <unistd.h>

static char path[300];

/* A capture of the script at `path`, its last `cut` bytes left out, and a connection that may read it. */
static sqlite3 *open_capture(const char *script, size_t cut)
{
    const char *tmp = getenv("TMPDIR");
    struct craft_error why;
    struct error err = {0};
    sqlite3 *db;
    size_t len;

    struct craft *c = craft_frames(script, &why);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    uint8_t *pcap = craft_pcap(&len, c, 0);
    snprintf(path, sizeof path, "%s/seine-test-XXXXXX", tmp ? tmp : "/tmp");
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL_FATAL(write(fd, pcap, len - cut), (ssize_t)(len - cut));
    close(fd);
    free(pcap);
    craft_free(c);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(":memory:", &db), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(tables_register(db, &err), STATUS_OK);
    CU_ASSERT_EQUAL_FATAL(files_register(db, NULL, &err), STATUS_OK);
    return db;
}

static void close_capture(sqlite3 *db)
{
    CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
    unlink(path);
}

/* The question about `columns` of capture(path), with a condition. */
static void check_frames(sqlite3 *db, const char *columns, const char *where, const char *expected)
{
    char sql[1000];
    snprintf(sql, sizeof sql, "SELECT %s FROM capture('%s') WHERE %s", columns, path, where);
    check(db, sql, expected);
}

static void headers_are_columns(void)
{
    sqlite3 *db = open_capture("at 1000.5; isn client 1000 server 5000\n"
                               "c SYN mss=1460 ws=7 sackok id=77 ttl=63 df win=512\n"
                               "s SYN ACK\n"
                               "c \"hello\" ts=11,22 urg=2 vlan=10,20\n"
                               "s sack=1,3 ack=1\n"
                               "c udp \"question\"\n"
                               "c icmp echo=1,2 \"ping\"\n"
                               "client [2001:db8::1]:5353; server [2001:db8::2]:53\n"
                               "c udp \"six\" ttl=7\n"
                               "c icmp type=3,1 hex:00000000\n"
                               "client 10.0.0.1:1; server 10.0.0.2:2\n"
                               "c udp len=40 frag=24 id=99\n"
                               "c \"x\" bad-checksum snap=60; c \"y\" bad-ip-checksum\n"
                               "c ip proto=47 \"zzzz\"\n"
                               "frame hex:ffffffffffff0200000000010806000108000604\n",
                               0);
    check_frames(db, "time_ns, captured, length, file_offset, link_type, interface_id, verdict",
                 "frame = 1", "1000500000000|66|66|40|1|0|ok");
    check_frames(db,
                 "ip_version, src_ip, dst_ip, ttl, ip_tos, ip_length, ip_id, ip_dont_fragment,"
                 " fragment_offset, more_fragments, bad_ip_checksum, ip_protocol, protocol",
                 "frame = 1", "4|10.0.0.1|10.0.0.2|63|0|52|77|1|-|-|0|6|tcp");
    check_frames(
        db,
        "src_port, dst_port, checksum, tcp_seq, tcp_ack, tcp_flags, tcp_window, tcp_urgent,"
        " tcp_mss, tcp_window_scale, tcp_sack_permitted, tcp_sack, tcp_ts_value",
        "frame = 1", "40000|80|right|1000|-|2|512|-|1460|7|1|-|-");
    check_frames(db, "tcp_seq, tcp_ack, tcp_flags(tcp_flags)", "frame = 2", "5000|1001|SYN,ACK");
    check_frames(db,
                 "vlan, tcp_urgent, tcp_ts_value, tcp_ts_echo, payload_length, payload,"
                 " payload_offset - file_offset",
                 "frame = 3", "10.20|2|11|22|5|hello|74");
    check_frames(db, "tcp_sack, tcp_sack_permitted", "frame = 4", "1002-1004|0");
    check_frames(db, "protocol, udp_length, payload, tcp_seq, icmp_type", "frame = 5",
                 "udp|16|question|-|-");
    check_frames(db, "protocol, src_port, icmp_type, icmp_code, payload", "frame = 6",
                 "icmp|-|8|0|ping");
    check_frames(db, "ip_version, src_ip, ttl, ip_id, ip_tos, ip_length, ip_dont_fragment, payload",
                 "frame = 7", "6|2001:db8::1|7|-|0|51|-|six");
    check_frames(db, "protocol, icmp_type, icmp_code, ip_protocol", "frame = 8", "icmpv6|3|1|58");
    check_frames(db,
                 "verdict, ip_id, fragment_offset, more_fragments, protocol, ip_protocol, src_port",
                 "frame IN (9, 10)", "fragment|99|0|1|-|17|- fragment|99|24|0|-|17|-");
    check_frames(db, "verdict, checksum, captured, bad_ip_checksum, payload", "frame > 10 LIMIT 2",
                 "ok|wrong|55|0|x bad_checksum|right|55|1|y");
    check_frames(db, "verdict, protocol, ip_protocol, src_ip, payload, hex(substr(data, 13, 2))",
                 "frame > 12", "malformed|-|47|10.0.0.1|-|0800 arp|-|-|-|-|0806");
    close_capture(db);
}

static void inside_a_tunnel_it_is_the_inner_packet(void)
{
    sqlite3 *db = open_capture("tunnel vxlan 192.0.2.1 192.0.2.2 42\nc SYN id=5 ttl=9; s SYN ACK\n"
                               "tunnel none\ntunnel gre 192.0.2.1 192.0.2.2\nc \"x\" id=6\n",
                               0);
    check_frames(db, "tunnel, src_ip, src_port, ip_id, ttl, ip_length, payload", "1",
                 "vxlan:42|10.0.0.1|40000|5|9|40| vxlan:42|10.0.0.2|80|2|64|40|"
                 " gre|10.0.0.1|40000|6|64|41|x");
    close_capture(db);
}

static void bounds_are_exact(void)
{
    static const struct {
        const char *where, *frames;
    } bounds[] = {
        {"frame < 3", "1 2"},
        {"frame <= 3", "1 2 3"},
        {"frame > 7", "8 9"},
        {"frame >= 7.5", "8 9"},
        {"frame < 2.5", "1 2"},
        {"frame = 4.0", "4"},
        {"frame = 4.5", ""},
        {"frame = '4'", "4"},
        {"frame > 'a'", ""},
        {"frame = NULL", ""},
        {"frame IN (9, 2, 2, 5)", "2 5 9"},
        {"frame > 9223372036854775807", ""},
        {"frame < -9223372036854775807 - 1", ""},
        {"frame BETWEEN 3 AND 5 AND time_ns <> 3000000000", "3 5"},
        {"time_ns >= 7000000000", "8 9"},
        {"time_ns < 1000000000 OR frame = 6", "1 6"},
        {"time_ns = 2000000000", "3"},
        {"rowid = 5", "5"},
        {"frame BETWEEN 8 AND 3", ""},
    };
    sqlite3 *db = open_capture("at 0; step 1\nc udp len=1 rep=9\n", 0);
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++)
        check_frames(db, "frame", bounds[i].where, bounds[i].frames);
    check(db, "SELECT * FROM capture WHERE frame = 1 OR time_ns = 2",
          "!capture() needs the path of a capture, as in capture('x.pcap')");
    close_capture(db);
}

static void damage_is_a_sentence_and_a_bound_goes_round_it(void)
{
    sqlite3 *db = open_capture("c udp len=5 rep=4\n", 3);
    check_holds(db, "SELECT 1", "1");
    check_frames(db, "frame", "frame < 4", "1 2 3");
    char sql[400], answer[1000];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM capture('%s')", path);
    check_holds(db, sql, "frame 4");
    snprintf(sql, sizeof sql, "SELECT frame FROM capture('%s') WHERE frame <= 4", path);
    ask(answer, sizeof answer, db, sql);
    CU_ASSERT_EQUAL(strncmp(answer, "1 2 3!", 6), 0);
    snprintf(sql, sizeof sql, "SELECT client_packets FROM capture_flows('%s')", path);
    ask(answer, sizeof answer, db, sql);
    CU_ASSERT_EQUAL(strncmp(answer, "3!", 2), 0);
    snprintf(sql, sizeof sql, "SELECT client_packets FROM capture_flows('%s', 2)", path);
    check(db, sql, "2");
    close_capture(db);
}

/* Now and then SQLite gets a row that is none, so that it can be interrupted. */
static void what_is_passed_over_is_no_row(void)
{
    sqlite3 *db = open_capture("c udp len=1 rep=150000\nc udp len=2 rep=2\n", 0);
    char sql[400];
    check_frames(db, "count(*), min(frame), max(frame)", "frame > 149999", "3|150000|150002");
    check_frames(db, "count(*), min(frame), max(frame)", "time_ns >= 149999000000",
                 "3|150000|150002");
    check_frames(db, "count(*)", "1", "150002");
    snprintf(sql, sizeof sql,
             "SELECT count(*), sum(client_packets), sum(client_bytes) FROM capture_flows('%s')",
             path);
    check(db, sql, "1|150002|150004");
    snprintf(sql, sizeof sql,
             "SELECT n.value, f.client_bytes FROM (SELECT 1 AS value UNION SELECT 70000) n"
             " LEFT JOIN capture_flows('%s', n.value) f ON f.client_bytes > 1",
             path);
    check(db, sql, "1|- 70000|70000");
    close_capture(db);
}

static void flows_come_as_they_end(void)
{
    sqlite3 *db = open_capture("isn client 1 server 1; step 1\n"
                               "c SYN; s SYN ACK; c; c \"hello\"; s \"you\"; c FIN; s FIN; c\n"
                               "client 10.0.0.3:5; c udp \"a\"; at +1000; s udp \"b\"\n",
                               0);
    char sql[400];
    snprintf(sql, sizeof sql,
             "SELECT flow_id, protocol, client_ip, client_port, server_port, client_bytes,"
             " server_bytes, state, end_reason, history, lossy, rowid FROM capture_flows('%s')",
             path);
    check(db, sql,
          "-|tcp|10.0.0.1|40000|80|5|3|closed|fin|ShADdFf|0|1"
          " -|udp|10.0.0.3|5|80|1|0|one_way|timeout|D|0|2"
          " -|udp|10.0.0.2|80|5|1|0|one_way|capture_end|D|0|3");
    close_capture(db);
}

static const struct test tests[] = {
    {"headers are columns", headers_are_columns},
    {"inside a tunnel it is the inner packet", inside_a_tunnel_it_is_the_inner_packet},
    {"bounds are exact", bounds_are_exact},
    {"damage is a sentence, and a bound goes round it",
     damage_is_a_sentence_and_a_bound_goes_round_it},
    {"what is passed over is no row", what_is_passed_over_is_no_row},
    {"flows come as they end", flows_come_as_they_end},
};

SUITE("capture table", tests)
