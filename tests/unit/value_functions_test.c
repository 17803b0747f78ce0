/* value_functions_test.c - functions of SQL over single values, and the tables that networks and streams are. */
#include "store/oui.h"
#include "store/tables.h"

#include "ask.h"
#include "made_case.h"
#include "suite.h"

static sqlite3 *open_memory(void)
{
    struct error err = {0};
    sqlite3 *db;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(":memory:", &db), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(tables_register(db, &err), STATUS_OK);
    return db;
}

/* What `expression` is; what of a failure. */
struct pair {
    const char *expression, *expected;
};

static void check_pairs(const struct pair *pairs, size_t count)
{
    sqlite3 *db = open_memory();
    for (size_t i = 0; i < count; i++) {
        char sql[400];
        snprintf(sql, sizeof sql, "SELECT %s", pairs[i].expression);
        check(db, sql, pairs[i].expected);
    }
    sqlite3_close(db);
}

#define CHECK_PAIRS(pairs) check_pairs(pairs, sizeof(pairs) / sizeof((pairs)[0]))

static void a_network_is_a_range(void)
{
    static const struct pair pairs[] = {
        {"hex(ip_first('10.0.0.0/8'))", "00000000000000000000FFFF0A000000"},
        {"hex(ip_last('10.0.0.0/8'))", "00000000000000000000FFFF0AFFFFFF"},
        {"hex(ip_first('10.1.2.3/8'))", "00000000000000000000FFFF0A000000"},
        {"hex(ip_last('10.1.2.3/31'))", "00000000000000000000FFFF0A010203"},
        {"ip_first('10.1.2.3') = ip_last('10.1.2.3/32')", "1"},
        {"hex(ip_first('0.0.0.0/0'))", "00000000000000000000FFFF00000000"},
        {"hex(ip_last('0.0.0.0/0'))", "00000000000000000000FFFFFFFFFFFF"},
        {"hex(ip_last('::/0'))", "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"},
        {"hex(ip_last('2001:db8::/33'))", "20010DB87FFFFFFFFFFFFFFFFFFFFFFF"},
        {"ip_first('::1/128') = ip_last('::1')", "1"},
        {"typeof(ip_first('::1'))", "blob"},
        {"ip_first(NULL)", "-"},
        {"ip_last(NULL)", "-"},
        {"ip_first('10.0.0.0/33')", "!ip_first(): '10.0.0.0/33' is no network such as 10.0.0.0/8"},
        {"ip_last('10.0.0.0/')", "!ip_last(): '10.0.0.0/' is no network such as 10.0.0.0/8"},
        {"ip_first('10.0.0.0/8 ')", "!ip_first(): '10.0.0.0/8 ' is no network such as 10.0.0.0/8"},
        {"ip_first('10.0.0.0/-1')", "!ip_first(): '10.0.0.0/-1' is no network such as 10.0.0.0/8"},
        {"ip_first('::/1234')", "!ip_first(): '::/1234' is no network such as 10.0.0.0/8"},
        {"ip_first('10/8')", "!ip_first(): '10/8' is no network such as 10.0.0.0/8"},
        {"ip_first('')", "!ip_first(): '' is no network such as 10.0.0.0/8"},
        {"ip_first(10)", "!ip_first(): 10 is no network such as 10.0.0.0/8"},
        {"ip_first(x'0a')", "!ip_first(): a blob of 1 bytes is no network such as 10.0.0.0/8"},
        {"ip_first('10.0.0.1' || char(0) || '9')",
         "!ip_first(): '10.0.0.1\\x009' is no network such as 10.0.0.0/8"},
        {"ip_first(CAST(x'ff1b' AS TEXT))",
         "!ip_first(): '\\xff\\x1b' is no network such as 10.0.0.0/8"},
    };
    CHECK_PAIRS(pairs);
}

static void an_address_lies_in_a_network_of_its_version(void)
{
    static const struct pair pairs[] = {
        {"ip_in('10.255.0.1', '10.0.0.0/8')", "1"},
        {"ip_in('11.0.0.0', '10.0.0.0/8')", "0"},
        {"ip_in('9.255.255.255', '10.0.0.0/8')", "0"},
        {"ip_in('::ffff:a00:1', '10.0.0.0/8')", "0"}, /* an IPv6 address that looks like one */
        {"ip_in('::ffff:10.0.0.1', '10.0.0.0/8')", "0"},
        {"ip_in('::ffff:a00:1', '::ffff:10.0.0.0/104')", "1"}, /* either way of writing it */
        {"ip_in('::ffff:10.0.0.1', '::ffff:a00:0/104')", "1"},
        {"ip_net('::ffff:a00:102', 120)", "::ffff:a00:100/120"},
        {"ip_in('10.0.0.1', '::/0')", "0"},
        {"ip_in('2001:db8:8000::', '2001:db8::/33')", "0"},
        {"ip_in(x'00000000000000000000ffff0a000001', '10.0.0.0/8')", "1"},
        {"ip_in(x'20010db8000000000000000000000001', '2001:db8::/32')", "1"},
        {"ip_in(NULL, '10.0.0.0/8')", "-"},
        {"ip_in('10.0.0.1', NULL)", "-"},
        {"ip_in('10.0.0', '10.0.0.0/8')", "!ip_in(): '10.0.0' is no IP address"},
        {"ip_in(x'0a000001', '10.0.0.0/8')", "!ip_in(): a blob of 4 bytes is no IP address"},
        {"ip_in(1.5, '10.0.0.0/8')", "!ip_in(): 1.5 is no IP address"},
        {"ip_in('10.0.0.1', 'ten')", "!ip_in(): 'ten' is no network such as 10.0.0.0/8"},
        {"sum(ip_in(value, '10.0.0.0/8')) FROM "
         "json_each('[\"10.0.0.1\",\"1.2.3.4\",\"10.9.9.9\"]')",
         "2"}, /* the network is read once */
        {"ip_net('10.1.2.3', 16)", "10.1.0.0/16"},
        {"ip_net('10.1.2.3', 0)", "0.0.0.0/0"},
        {"ip_net('10.1.2.3', 32)", "10.1.2.3/32"},
        {"ip_net('2001:db8:ffff::1', 36)", "2001:db8:f000::/36"},
        {"ip_net('2001:db8::1', 128)", "2001:db8::1/128"},
        {"ip_net(NULL, 8)", "-"},
        {"ip_net('10.1.2.3', NULL)", "-"},
        {"ip_net('10.1.2.3', 33)", "!ip_net(): 33 is no length from 0 to 32"},
        {"ip_net('::', 129)", "!ip_net(): 129 is no length from 0 to 128"},
        {"ip_net('::', -1)", "!ip_net(): -1 is no length from 0 to 128"},
        {"ip_net('10.1.2.3', '8')", "!ip_net(): '8' is no length from 0 to 32"},
        {"ip_net('10.1.2.3', 1e300)", "!ip_net(): 1.0e+300 is no length from 0 to 32"},
    };
    CHECK_PAIRS(pairs);
}

/* By the special-purpose registries of IANA: first and last addresses of the blocks, and their neighbours. */
static void each_address_has_a_scope(void)
{
    static const struct pair scopes[] = {
        {"0.0.0.0", "unspecified"},
        {"0.0.0.1", "this-network"},
        {"0.255.255.255", "this-network"},
        {"1.0.0.0", "global"},
        {"9.255.255.255", "global"},
        {"10.0.0.0", "private"},
        {"10.255.255.255", "private"},
        {"11.0.0.0", "global"},
        {"100.63.255.255", "global"},
        {"100.64.0.0", "shared"},
        {"100.127.255.255", "shared"},
        {"100.128.0.0", "global"},
        {"127.0.0.1", "loopback"},
        {"127.255.255.255", "loopback"},
        {"169.254.0.0", "link-local"},
        {"169.255.0.0", "global"},
        {"172.15.255.255", "global"},
        {"172.16.0.0", "private"},
        {"172.31.255.255", "private"},
        {"172.32.0.0", "global"},
        {"192.0.0.8", "ietf-protocol"},
        {"192.0.0.9", "global"},
        {"192.0.2.255", "documentation"},
        {"192.0.3.0", "global"},
        {"192.88.99.1", "6to4-relay"},
        {"192.168.0.0", "private"},
        {"192.169.0.0", "global"},
        {"198.18.0.0", "benchmarking"},
        {"198.19.255.255", "benchmarking"},
        {"198.20.0.0", "global"},
        {"198.51.100.7", "documentation"},
        {"203.0.113.7", "documentation"},
        {"223.255.255.255", "global"},
        {"224.0.0.1", "multicast"},
        {"239.255.255.255", "multicast"},
        {"240.0.0.0", "reserved"},
        {"255.255.255.254", "reserved"},
        {"255.255.255.255", "broadcast"},
        {"::", "unspecified"},
        {"::1", "loopback"},
        {"::2", "reserved"},
        {"::ffff:a00:1", "mapped"},
        {"64:ff9b::1", "translation"},
        {"64:ff9b:1::1", "translation-local"},
        {"64:ff9b:2::", "reserved"},
        {"100::1", "discard"},
        {"100:0:0:1::", "dummy"},
        {"100:0:0:2::", "reserved"},
        {"2000::", "global"},
        {"2001::1", "teredo"},
        {"2001:1::1", "global"},
        {"2001:1::4", "ietf-protocol"},
        {"2001:2::", "benchmarking"},
        {"2001:2:1::", "ietf-protocol"},
        {"2001:3::", "global"},
        {"2001:4:112::", "global"},
        {"2001:10::", "ietf-protocol"},
        {"2001:20::", "orchid"},
        {"2001:2f:ffff::", "orchid"},
        {"2001:30::", "global"},
        {"2001:1ff::", "ietf-protocol"},
        {"2001:200::", "global"},
        {"2001:db8::1", "documentation"},
        {"2001:db9::", "global"},
        {"2002:a00:1::", "6to4"},
        {"3fff:fff::", "documentation"},
        {"3fff:1000::", "global"},
        {"4000::", "reserved"},
        {"5f00::1", "segment-routing"},
        {"fc00::", "private"},
        {"fdff::", "private"},
        {"fe00::", "reserved"},
        {"fe80::1", "link-local"},
        {"febf::", "link-local"},
        {"fec0::", "site-local"},
        {"ff02::1", "multicast"},
    };
    sqlite3 *db = open_memory();
    for (size_t i = 0; i < sizeof scopes / sizeof scopes[0]; i++) {
        char sql[200];
        snprintf(sql, sizeof sql, "SELECT ip_scope('%s')", scopes[i].expression);
        check(db, sql, scopes[i].expected);
    }
    check(db, "SELECT ip_scope(x'00000000000000000000ffff0a000001')", "private");
    check(db, "SELECT ip_scope(NULL)", "-");
    check(db, "SELECT ip_scope('fe80::1%eth0')", "!ip_scope(): 'fe80::1%eth0' is no IP address");
    sqlite3_close(db);
}

/* The baseline of the specification, for the seeds 0 and 1: its repository's baseline/baseline_deflt.json
 * and baseline_seed1.json (github.com/corelight/community-id-spec). */
static const struct {
    const char *arguments, *seed_0, *seed_1;
} baseline[] = {
    {"58, 'fe80::200:86ff:fe05:80da', 135, 'fe80::260:97ff:fe07:69ea', 136",
     "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=", "1:kHa1FhMYIT6Ym2Vm2AOtoOARDzY="},
    {"58, 'fe80::260:97ff:fe07:69ea', 136, 'fe80::200:86ff:fe05:80da', 135",
     "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=", "1:kHa1FhMYIT6Ym2Vm2AOtoOARDzY="},
    {"58, 'fe80::260:97ff:fe07:69ea', 135, 'fe80::200:86ff:fe05:80da', 136",
     "1:zavyT/cezQr1fmImYCwYnMXbgck=", "1:2hSqmsDZ2kdcY9kbiUzOEBic0iM="},
    {"58, 'fe80::200:86ff:fe05:80da', 136, 'fe80::260:97ff:fe07:69ea', 135",
     "1:zavyT/cezQr1fmImYCwYnMXbgck=", "1:2hSqmsDZ2kdcY9kbiUzOEBic0iM="},
    {"58, '3ffe:501:1800:2345::2', 3, '3ffe:507:0:1:200:86ff:fe05:80da', 0",
     "1:2ObVBgIn28oZvibYZhZMBgh7WdQ=", "1:lVEtCZpYu84Xqaa++3lXFyuu2n4="},
    {"58, '3ffe:501:410:0:2c0:dfff:fe47:33e', 1, '3ffe:507:0:1:200:86ff:fe05:80da', 4",
     "1:hLZd0XGWojozrvxqE0dWB1iM6R0=", "1:W8MHwXpWzpoSTD+cGcaJr4u0ys8="},
    {"58, '3ffe:507:0:1:200:86ff:fe05:80da', 128, '3ffe:501:0:1001::2', 129",
     "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg=", "1:GfZxjAkDk2MkegpBYHV6tadtFXQ="},
    {"58, '3ffe:501:0:1001::2', 129, '3ffe:507:0:1:200:86ff:fe05:80da', 128",
     "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg=", "1:GfZxjAkDk2MkegpBYHV6tadtFXQ="},
    {"58, 'fe80::200:86ff:fe05:80da', 133, 'ff02::2', 134",
     "1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0=", "1:L7Ka0ZMYu+J3bL4ulW2PrqyXNo8="},
    {"58, 'fe80::260:97ff:fe07:69ea', 134, 'ff02::1', 133",
     "1:pkvHqCL88/tg1k4cPigmZXUtL00=", "1:K/ee5UCqAMAQXDorP5nSa2CGLjc="},
    {"1, '192.168.0.89', 8, '192.168.0.1', 0",
     "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=", "1:03g6IloqVBdcZlPyX8r0hgoE7kA="},
    {"1, '192.168.0.1', 0, '192.168.0.89', 8",
     "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=", "1:03g6IloqVBdcZlPyX8r0hgoE7kA="},
    {"1, '10.0.0.1', 11, '10.0.0.2', 0",
     "1:YHxtAirCG//0OzkcVAukqKQN9xM=", "1:XjUibYHaafLQ3pxQeiMI8g25q20="},
    {"6, '2001:470:e5bf:dead:4957:2174:e82c:4887', 63943, '2607:f8b0:400c:c03::1a', 25",
     "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=", "1:eJYTW6AOzFLlSUoESovMjnu7rMw="},
    {"6, '2607:f8b0:400c:c03::1a', 25, '2001:470:e5bf:dead:4957:2174:e82c:4887', 63943",
     "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=", "1:eJYTW6AOzFLlSUoESovMjnu7rMw="},
    {"132, '192.168.170.8', 7, '192.168.170.56', 7",
     "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=", "1:5w3ZRjeKBzqT3zsaEECDGjUbYeg="},
    {"132, '192.168.170.56', 7, '192.168.170.8', 7",
     "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=", "1:5w3ZRjeKBzqT3zsaEECDGjUbYeg="},
    {"6, '128.232.110.120', 34855, '66.35.250.204', 80",
     "1:LQU9qZlK+B5F3KDmev6m5PMibrg=", "1:3V71V58M3Ksw/yuFALMcW0LAHvc="},
    {"6, '66.35.250.204', 80, '128.232.110.120', 34855",
     "1:LQU9qZlK+B5F3KDmev6m5PMibrg=", "1:3V71V58M3Ksw/yuFALMcW0LAHvc="},
    {"17, '192.168.1.52', 54585, '8.8.8.8', 53",
     "1:d/FP5EW3wiY1vCndhwleRRKHowQ=", "1:Q9We8WO3piVF8yEQBNJF4uiSVrI="},
    {"17, '8.8.8.8', 53, '192.168.1.52', 54585",
     "1:d/FP5EW3wiY1vCndhwleRRKHowQ=", "1:Q9We8WO3piVF8yEQBNJF4uiSVrI="},
    {"46, '10.1.12.1', NULL, '10.1.12.2', NULL",
     "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw=", "1:rYir8gphR31noO9iDRQmF/BteEI="},
    {"46, '10.1.12.2', NULL, '10.1.12.1', NULL",
     "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw=", "1:rYir8gphR31noO9iDRQmF/BteEI="},
};

static void community_ids_are_those_of_the_specification(void)
{
    static const struct pair pairs[] = {
        {"community_id('tcp', '128.232.110.120', 34855, '66.35.250.204', 80)",
         "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
        {"community_id('ICMPv6', 'fe80::200:86ff:fe05:80da', 135, 'fe80::260:97ff:fe07:69ea', 0)",
         "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
        {"community_id('tcp', '10.0.0.1', NULL, '10.0.0.2', 80)", "-"},
        {"community_id(NULL, '10.0.0.1', 1, '10.0.0.2', 80)", "-"},
        {"community_id(6, '10.0.0.1', 1, NULL, 80)", "-"},
        {"community_id(6, '10.0.0.1', 1, '10.0.0.2', 80, NULL)", "-"},
        {"community_id('gre', '10.0.0.1', 1, '10.0.0.2', 80)",
         "!community_id(): 'gre' is no protocol: tcp, udp, sctp, icmp, icmpv6, or a number up to "
         "255"},
        {"community_id(256, '10.0.0.1', 1, '10.0.0.2', 80)",
         "!community_id(): 256 is no protocol: tcp, udp, sctp, icmp, icmpv6, or a number up to "
         "255"},
        {"community_id(6, '10.0.0.1', 65536, '10.0.0.2', 80)",
         "!community_id(): 65536 is no port, type or code from 0 to 65535"},
        {"community_id(6, '10.0.0.1', 1, '10.0.0.2', 80, -1)",
         "!community_id(): -1 is no seed from 0 to 65535"},
        {"community_id(6, '10.0.0.1', 1, '::1', 80)",
         "!community_id(): '::1' is no address of the same version as the other one"},
        {"community_id(6, '10.0.0.1', 1, '10.0.0.2')",
         "!wrong number of arguments to function community_id()"},
    };
    CHECK_PAIRS(pairs);
    sqlite3 *db = open_memory();
    for (size_t i = 0; i < sizeof baseline / sizeof baseline[0]; i++) {
        char sql[300];
        snprintf(sql, sizeof sql, "SELECT community_id(%s)", baseline[i].arguments);
        check(db, sql, baseline[i].seed_0);
        snprintf(sql, sizeof sql, "SELECT community_id(%s, 1)", baseline[i].arguments);
        check(db, sql, baseline[i].seed_1);
    }
    sqlite3_close(db);
}

static void a_time_is_a_date_in_utc(void)
{
    static const struct pair pairs[] = {
        {"ns_iso(0)", "1970-01-01T00:00:00.000000000Z"},
        {"ns_iso(-1)", "1969-12-31T23:59:59.999999999Z"},
        {"ns_iso(951782399999999999)", "2000-02-28T23:59:59.999999999Z"},
        {"ns_iso(951782400000000000)", "2000-02-29T00:00:00.000000000Z"},
        {"ns_iso(951868800000000000)", "2000-03-01T00:00:00.000000000Z"},
        {"ns_iso(4107542400000000000)", "2100-03-01T00:00:00.000000000Z"},
        {"ns_iso(9223372036854775807)", "2262-04-11T23:47:16.854775807Z"},
        {"ns_iso(-9223372036854775807 - 1)", "1677-09-21T00:12:43.145224192Z"},
        {"ns_iso(NULL)", "-"},
        {"ns_iso(1.5)", "!ns_iso(): 1.5 is no whole number of nanoseconds"},
        {"ns_iso('0')", "!ns_iso(): '0' is no whole number of nanoseconds"},
        /* Every thousandth day of 180 years, by SQLite's own calendar. */
        {"sum(substr(ns_iso(day * 86400000000000), 1, 10) <> date(day * 86400, 'unixepoch')) FROM"
         " (WITH RECURSIVE n(day) AS (SELECT -33000 UNION ALL SELECT day + 7 FROM n WHERE day <"
         " 33000) SELECT day FROM n)",
         "0"},
    };
    CHECK_PAIRS(pairs);
}

static void bytes_are_shown_harmlessly(void)
{
    static const struct pair pairs[] = {
        {"hexdump('GET / HTTP/1.1' || char(13, 10) || 'Hi')",
         "00000000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  |GET / HTTP/1.1..|\n"
         "00000010  48 69                                             |Hi|"},
        {"hexdump(x'')", ""},
        {"length(hexdump(zeroblob(16)))", "78"},
        {"length(hexdump(zeroblob(17)))", "142"},
        {"hexdump(NULL)", "-"},
        {"hexdump(1)", "!hexdump(): 1 is no blob or text"},
        {"hexdump(zeroblob(16777217))",
         "!hexdump(): 16777217 bytes are more than the 16 MiB that are shown at a time"},
        {"printable(x'47c3a900ff0a1b5c')", "G\xc3\xa9\\x00\\xff\\x0a\\x1b\\\\"},
        {"printable(x'e280ae')", "\\u{202e}"},
        {"printable('')", ""},
        {"printable(NULL)", "-"},
        {"printable(2.5)", "!printable(): 2.5 is no blob or text"},
        {"length(printable(zeroblob(100000)))", "400000"},
        {"tcp_flags(2)", "SYN"},
        {"tcp_flags(18)", "SYN,ACK"},
        {"tcp_flags(255)", "FIN,SYN,RST,PSH,ACK,URG,ECE,CWR"},
        {"tcp_flags(0)", ""},
        {"tcp_flags(NULL)", "-"},
        {"tcp_flags(256)", "!tcp_flags(): 256 is no set of flags from 0 to 255"},
        {"tcp_flags('S')", "!tcp_flags(): 'S' is no set of flags from 0 to 255"},
    };
    CHECK_PAIRS(pairs);
}

static void write_file(char path[300], const char *text)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(path, 300, "%s/seine-test-XXXXXX", tmp ? tmp : "/tmp");
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL_FATAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void check_owner(struct oui_list *list, const char *mac, const char *owner)
{
    uint8_t bytes[6];
    CU_ASSERT_TRUE_FATAL(oui_parse_mac(bytes, mac));
    const char *name = oui_find(list, bytes);
    CU_ASSERT_STRING_EQUAL(name ? name : "-", owner);
}

static void the_longest_assignment_says_whose_an_address_is(void)
{
    static const char csv[] = "Registry,Assignment,Organization Name,Organization Address\n"
                              "MA-L,0050C2,IEEE Registration Authority,x\r\n"
                              "MA-S,0050C2ABC,\"Small, and quoted\",\"two\nlines\"\n"
                              "MA-M,0050C2D,Middle,\n"
                              "MA-L,0050C,Too short,\n"
                              "MA-L,zz50C2,No digits,\n"
                              "MA-L,112233\n"
                              "MA-L,112234,,\n"
                              "\n,,,,,,,\n"
                              "MA-L,AABBCC,\"never closed";
    static const char manuf[] = "# a comment\n"
                                "00:00:0C\tCisco\tCisco Systems, Inc\n"
                                "00:1B:C5:00:00:00/36\tShort\n"
                                "00:1B:C5:00:00:00/99\tWrong\tWrong\n"
                                "01:00:0C:CC:CC:CC\tCDP\tNot an owner\n"
                                "nothing\n";
    char path[300];
    uint8_t mac[6];
    struct oui_list *list = oui_new();

    check_owner(list, "00:50:c2:00:00:01", "-");
    write_file(path, csv);
    CU_ASSERT_TRUE(oui_add_csv(list, path));
    unlink(path);
    check_owner(list, "00:50:c2:00:00:01", "IEEE Registration Authority");
    check_owner(list, "00-50-C2-D0-00-01", "Middle");
    check_owner(list, "0050.c2ab.cfff", "Small, and quoted");
    check_owner(list, "0050c2abcfff", "Small, and quoted");
    check_owner(list, "0050c2abbfff", "IEEE Registration Authority");
    check_owner(list, "112233000000", "-");
    check_owner(list, "aabbcc000000", "never closed");
    CU_ASSERT_FALSE(oui_add_csv(list, path));
    write_file(path, manuf);
    CU_ASSERT_TRUE(oui_add_manuf(list, path));
    unlink(path);
    check_owner(list, "00:00:0c:11:11:11", "Cisco Systems, Inc");
    check_owner(list, "00:1b:c5:00:01:11", "Short");
    check_owner(list, "01:00:0c:cc:cc:cc", "-");
    oui_free(list);
    CU_ASSERT_FALSE(oui_parse_mac(mac, "00:50:c2:00:00"));
    CU_ASSERT_FALSE(oui_parse_mac(mac, "00:50:c2:00:00:01:02"));
    CU_ASSERT_FALSE(oui_parse_mac(mac, ":00:50:c2:00:00:01"));
    CU_ASSERT_FALSE(oui_parse_mac(mac, "00:50:c2:00:00:0g"));
    CU_ASSERT_FALSE(oui_parse_mac(mac, ""));
}

/* What the system has is its own; that of a name that nobody has is always NULL. */
static void an_owner_is_asked_for_by_a_mac_address(void)
{
    static const struct pair pairs[] = {
        {"oui(NULL)", "-"},
        {"oui('02:00:00:00:00:00')", "-"}, /* locally administered */
        {"oui(x'020000000000')", "-"},
        {"oui('02:00')", "!oui(): '02:00' is no MAC address"},
        {"oui(x'02')", "!oui(): a blob of 1 bytes is no MAC address"},
        {"oui(2)", "!oui(): 2 is no MAC address"},
    };
    CHECK_PAIRS(pairs);
}

/* Views of a database may call what sees nothing but its arguments, even where its schema is not trusted. */
static void a_schema_may_call_what_is_innocuous(void)
{
    sqlite3 *db = open_memory();
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
    sqlite3_exec(db,
                 "CREATE VIEW pure AS SELECT ip_scope('10.0.0.1') || ns_iso(0) || tcp_flags(2);"
                 "CREATE VIEW reads AS SELECT oui('02:00:00:00:00:00');"
                 "CREATE VIEW computes AS SELECT * FROM stream_bytes(2)",
                 NULL, NULL, NULL);
    check(db, "SELECT * FROM pure", "private1970-01-01T00:00:00.000000000ZSYN");
    check(db, "SELECT * FROM reads", "!unsafe use of oui()");
    check_holds(db, "SELECT * FROM computes", "!unsafe use of virtual table");
    check_holds(db, "CREATE INDEX i ON nothing (oui(a))", "!");
    sqlite3_close(db);
}

static void make(struct made_case *c)
{
    struct error err = {0};
    made_case_new(c);
    CU_ASSERT_EQUAL_FATAL(tables_register(c->db, &err), STATUS_OK);
    made_case_sql(c, "CREATE INDEX flows_client_ip ON flows (client_ip);"
                     "INSERT INTO hosts SELECT value, ip_first(value), 0, 0, 1, 0 FROM"
                     " json_each('[\"10.0.0.1\",\"10.255.255.255\",\"11.0.0.0\","
                     " \"::ffff:a00:1\", \"2001:db8::1\", \"9.9.9.9\"]');"
                     "INSERT INTO streams VALUES"
                     " (4, 2, 'client', 0, 14, 9, 5, 0, 3, 0, 'gap', NULL, NULL);"
                     "INSERT INTO stream_data VALUES (4, 0, x'61626364');"
                     "INSERT INTO gaps VALUES (4, 4, 5, 'capture_loss', 0),"
                     " (4, 14, 3, 'unknown', 1);"
                     "INSERT INTO chunk_data VALUES (1, 4, 9, 5, 0, x'4546474849')");
}

static void a_network_has_the_hosts_of_its_version(void)
{
    struct made_case c;
    make(&c);
    check(c.db, "SELECT ip FROM hosts_in('10.0.0.0/8')", "10.0.0.1 10.255.255.255");
    check(c.db, "SELECT * FROM hosts_in('10.0.0.1')", "10.0.0.1");
    check(c.db, "SELECT count(*) FROM hosts_in('0.0.0.0/0')", "4");
    check(c.db, "SELECT ip FROM hosts_in('::/0') ORDER BY ip", "2001:db8::1 ::ffff:a00:1");
    check(c.db, "SELECT ip FROM hosts_in('::ffff:0:0/96')", "::ffff:a00:1");
    check(c.db, "SELECT ip FROM hosts_in('::ffff:10.0.0.0/120')", "::ffff:a00:1");
    check(c.db, "SELECT ip FROM hosts_in('10.0.0.0/8', 'main')", "10.0.0.1 10.255.255.255");
    check(c.db, "SELECT count(*) FROM hosts_in(NULL)", "0");
    check(c.db, "SELECT count(*) FROM hosts_in('10.0.0.0/8', NULL)", "0");
    check(c.db,
          "SELECT value, (SELECT count(*) FROM hosts_in(value)) FROM"
          " json_each('[\"10.0.0.0/8\",\"8.0.0.0/7\",\"::/0\"]')",
          "10.0.0.0/8|2 8.0.0.0/7|1 ::/0|2");
    check(c.db, "SELECT * FROM hosts_in('ten')",
          "!hosts_in(): 'ten' is no network such as 10.0.0.0/8");
    check(c.db, "SELECT * FROM hosts_in",
          "!hosts_in() needs a network, as in hosts_in('10.0.0.0/8')");
    check_holds(c.db, "SELECT * FROM hosts_in('10.0.0.0/8', 'nowhere')", "!");
    check_holds(c.db, "EXPLAIN QUERY PLAN SELECT * FROM flows WHERE client_ip IN hosts_in('::/0')",
                "SEARCH flows USING INDEX flows_client_ip (client_ip=?)");
    check_holds(c.db,
                "EXPLAIN QUERY PLAN SELECT * FROM hosts"
                " WHERE addr BETWEEN ip_first('::/8') AND ip_last('::/8')",
                "SEARCH hosts USING PRIMARY KEY (addr>? AND addr<?)");
    made_case_sql(&c, "DROP TABLE hosts");
    check_holds(c.db, "SELECT * FROM hosts_in('::/0')", "is not a case: it has no table hosts");
    made_case_remove(&c);
}

static void a_stream_is_rows_of_bytes_and_gaps(void)
{
    struct made_case c;
    make(&c);
    check(c.db, "SELECT * FROM stream_bytes(4)",
          "4|0|4|abcd|-|0 4|4|5|-|capture_loss|0 4|9|5|EFGHI|-|0 4|14|3|-|unknown|1");
    check(c.db, "SELECT position, data, length FROM stream_bytes(4, 2, 9)", "2|cd|2 4|-|5 9|EF|2");
    check(c.db, "SELECT position, data FROM stream_bytes(4, 10)", "10|FGHI 14|-");
    check(c.db, "SELECT position, data FROM stream_bytes(4, NULL, 2)", "0|ab");
    check(c.db, "SELECT position, data FROM stream_bytes(4, -5, 6)", "0|a");
    check(c.db, "SELECT position, data FROM stream_bytes(4, 0, 1, 'last', 'main')", "0|a");
    check(c.db, "SELECT count(*) FROM stream_bytes(4, 0, 9223372036854775807)", "4");
    check(c.db, "SELECT count(*) FROM stream_bytes(4, 9223372036854775807, 5)", "0");
    check(c.db, "SELECT count(*) FROM stream_bytes(4, -9223372036854775807, 5)", "0");
    check(c.db, "SELECT count(*) FROM stream_bytes(4, 0, 0)", "0");
    check(c.db, "SELECT count(*) FROM stream_bytes WHERE stream_id = 4", "4");
    check(c.db, "SELECT count(*) FROM stream_bytes WHERE stream_id IN (3, 4)", "4");
    check(c.db, "SELECT stream_id, count(*) FROM streams JOIN stream_bytes USING (stream_id)",
          "4|4");
    check(c.db,
          "SELECT count(*) FROM stream_bytes WHERE stream_id = 4 AND (length = 4 OR tail = 1)",
          "2");
    check(c.db, "SELECT position FROM stream_bytes(4) WHERE stream_id = 3 OR length = 3", "14");
    check(c.db, "SELECT count(*) FROM stream_bytes(NULL)", "0");
    check(c.db, "SELECT count(*) FROM stream_bytes(99)", "0");
    check(c.db, "SELECT * FROM stream_bytes(4, 'a')",
          "!stream_bytes(): the position is no whole number");
    check(c.db, "SELECT * FROM stream_bytes(4, 0, -1)",
          "!stream_bytes(): the length is no whole number from 0 on");
    check(c.db, "SELECT * FROM stream_bytes(4, 0, 1, 'windoze')", "!there is no policy 'windoze'");
    check(c.db, "SELECT * FROM stream_bytes('four')",
          "!stream_bytes(): the stream is not a number");
    check(c.db, "SELECT * FROM stream_bytes",
          "!stream_bytes() needs a stream, as in stream_bytes(5)");
    made_case_sql(&c, "UPDATE gaps SET position = 3 WHERE position = 4");
    check_holds(c.db, "SELECT * FROM stream_bytes(4)", "!");
    made_case_remove(&c);
}

static const struct test tests[] = {
    {"a network is a range", a_network_is_a_range},
    {"an address lies in a network of its version", an_address_lies_in_a_network_of_its_version},
    {"each address has a scope", each_address_has_a_scope},
    {"community ids are those of the specification", community_ids_are_those_of_the_specification},
    {"a time is a date in UTC", a_time_is_a_date_in_utc},
    {"bytes are shown harmlessly", bytes_are_shown_harmlessly},
    {"the longest assignment says whose an address is",
     the_longest_assignment_says_whose_an_address_is},
    {"an owner is asked for by a MAC address", an_owner_is_asked_for_by_a_mac_address},
    {"a schema may call what is innocuous", a_schema_may_call_what_is_innocuous},
    {"a network has the hosts of its version", a_network_has_the_hosts_of_its_version},
    {"a stream is rows of bytes and gaps", a_stream_is_rows_of_bytes_and_gaps},
};

SUITE("value functions", tests)
