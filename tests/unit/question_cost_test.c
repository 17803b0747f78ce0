/* What questions cost on a case of many flows, by SQLite's own counters: they are the same on every machine, which times
 * are not. docs/performance.md has the times of a million flows.
 *
 * A lookup walks nothing and sorts nothing, reads a few pages a row, and costs the same in a case four times as large.
 * A sum over all flows costs so many steps of SQLite's machine a flow, and not more of them when there are more. */
#include "cli/questions.h"
#include "made_case.h"
#include "search/indexes.h"
#include "suite.h"

#include <inttypes.h>

enum { FEW = 2000, MANY = 4 * FEW };

/* Flows of 50 clients, 20 servers and 10 ports, a millisecond after each other, half of them with payload; and ten
 * of 198.51.100.7, however many there are. */
static void fill(struct made_case *c, int flows)
{
    char sql[4000];

    made_case_new(c);
    snprintf(
        sql, sizeof sql,
        "BEGIN; WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d),"
        " f AS (SELECT i, iif(i %% %d = 3, '198.51.100.7', '10.0.0.' || (i %% 50)) AS client"
        "         FROM n)"
        " INSERT INTO flows SELECT i + 1, 1, iif(i %% 4, 'tcp', 'udp'), client, 1024 + i %% 60000,"
        "  '192.0.2.' || (i * 7 %% 20), 80 + i * 3 %% 10, NULL, NULL, '02:00:00:00:00:01',"
        "  '02:00:00:00:00:02', i * 1000000, i * 1000000 + i %% 70 * 1000000, i + 1, i %% 9, i %% "
        "5,"
        "  i %% 2 * 100, i %% 2 * 900, 400, 1200, 500, 1300, i %% 3 * 10, 0, 26, 26, 64, 64,"
        "  iif(i %% 4, i %% 70 * 1000, NULL), 'ShADadFf', iif(i %% 11, 'closed', 'attempt'), "
        "'fin', 0,"
        "  i %% 13 = 0, '1:' || i, NULL, 0, 0, 0 FROM f;"
        "INSERT INTO hosts SELECT ip, CAST(x'00000000000000000000ffff' || substr('....' || ip, -4) "
        "AS BLOB),"
        "  0, 0, sum(c), sum(s) FROM (SELECT client_ip AS ip, 1 AS c, 0 AS s FROM flows UNION ALL"
        "  SELECT server_ip, 0, 1 FROM flows) GROUP BY ip;"
        "UPDATE hosts SET addr = x'00000000000000000000ffffc6336407' WHERE ip = '198.51.100.7';"
        "INSERT INTO streams SELECT 2 * flow_id + s.side, flow_id, iif(s.side, 'server', "
        "'client'), 0, 100,"
        "  90, 10, 0, 0, 0, 'gap', NULL, NULL FROM flows, (SELECT 0 AS side UNION ALL SELECT 1) AS "
        "s"
        "  WHERE client_bytes > 0;"
        "INSERT INTO stream_data SELECT stream_id, 0, CAST(iif(stream_id %% 2, 'HTTP/1.1 200', "
        "'GET / HT') AS BLOB)"
        "  FROM streams;"
        "INSERT INTO gaps SELECT stream_id, 90, 10, 'capture_loss', 0 FROM streams WHERE stream_id "
        "%% 10 = 6;"
        "INSERT INTO oddities SELECT NULL, 1, flow_id, 'retransmission', 1, 1, 1, NULL FROM flows"
        "  WHERE flow_id %% 10 = 1; COMMIT",
        flows - 1, flows / 10);
    made_case_sql(c, sql);
    made_case_sql(c, indexes_sql);
    made_case_sql(c, views_sql);
    made_case_done(c);
}

/* What a statement cost. */
struct cost {
    int rows;    /* given */
    int scanned; /* steps through a whole table or index */
    int sorts, steps, pages;
    int indexed; /* rows of an index that was made for it */
};

static struct cost cost_of(struct made_case *c, const char *sql, const char *const *given)
{
    static const struct {
        const char *name;
        int64_t value;
    } numbers[] = {{":since", 1500000000}, {":until", 1510000000}, {":least", 5}, {":limit", 20}};
    static const uint8_t address[17] = "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\x07";
    struct cost cost = {0};
    struct error err = {0};
    struct reader *reader;
    sqlite3_stmt *s;
    int high;

    CU_ASSERT_EQUAL_FATAL(reader_open(&reader, c->path, &err), STATUS_OK);
    sqlite3 *db = reader_db(reader);
    sqlite3_exec(db, "PRAGMA cache_size = 10", NULL, NULL, NULL);
    if (reader_prepare(reader, &s, sql, &err) != STATUS_OK) {
        fprintf(stderr, "%s: %s\n", sql, err.text);
        CU_FAIL_FATAL("a question of the test is none");
    }
    for (size_t i = 0; given && i < sizeof numbers / sizeof *numbers; i++) {
        int at = sqlite3_bind_parameter_index(s, numbers[i].name);
        if (at > 0)
            sqlite3_bind_int64(s, at, numbers[i].value);
    }
    for (int i = 0; given && i < 2; i++) {
        int at = sqlite3_bind_parameter_index(s, i ? ":address_last" : ":address_first");
        if (at > 0)
            sqlite3_bind_blob(s, at, address, 16, SQLITE_STATIC);
    }
    sqlite3_db_status(db, SQLITE_DBSTATUS_CACHE_MISS, &cost.pages, &high, 1);
    while (sqlite3_step(s) == SQLITE_ROW)
        cost.rows++;
    sqlite3_db_status(db, SQLITE_DBSTATUS_CACHE_MISS, &cost.pages, &high, 0);
    cost.scanned = sqlite3_stmt_status(s, SQLITE_STMTSTATUS_FULLSCAN_STEP, 0);
    cost.sorts = sqlite3_stmt_status(s, SQLITE_STMTSTATUS_SORT, 0);
    cost.steps = sqlite3_stmt_status(s, SQLITE_STMTSTATUS_VM_STEP, 0);
    cost.indexed = sqlite3_stmt_status(s, SQLITE_STMTSTATUS_AUTOINDEX, 0);
    CU_ASSERT_EQUAL(sqlite3_finalize(s), SQLITE_OK);
    reader_close(reader);
    return cost;
}

static struct made_case few, many;

/* With SEINE_SHOW_COSTS set, what the bounds below are drawn from. */
static void show(const char *what, const struct cost *c, int flows)
{
    if (getenv("SEINE_SHOW_COSTS"))
        printf("\n%-50.50s %5d flows: %4d rows, %5d scanned, %d sorts, %7d steps, %5.1f a flow, "
               "%3d pages",
               what, flows, c->rows, c->scanned, c->sorts, c->steps, (double)c->steps / flows,
               c->pages);
}

static bool is_so(bool claim, const char *what, const char *sentence)
{
    if (!claim)
        fprintf(stderr, "    NOT SO: %s: %s\n", what, sentence);
    CU_ASSERT(claim);
    return claim;
}

/* A question that an index answers. */
struct lookup {
    const char *sql;
    int rows; /* in either case */
};

static const struct lookup lookups[] = {
    {"SELECT * FROM flows WHERE flow_id = 7", 1},
    {"SELECT * FROM flows WHERE client_ip = '198.51.100.7' OR server_ip = '198.51.100.7'", 10},
    {"SELECT * FROM flows WHERE client_ip IN (SELECT ip FROM hosts WHERE addr BETWEEN"
     " x'00000000000000000000ffffc6336400' AND x'00000000000000000000ffffc63364ff')",
     10},
    {"SELECT * FROM flows WHERE first_ns BETWEEN 1500000000 AND 1510000000", 11},
    {"SELECT * FROM streams WHERE stream_id BETWEEN 4 AND 5", 2},
    {"SELECT * FROM chunks WHERE stream_id = 4 AND position < 100", 1},
    {"SELECT * FROM gaps WHERE stream_id = 16", 1},
    {"SELECT * FROM oddities WHERE flow_id = 11", 1},
    {"SELECT * FROM flow_times WHERE flow_id = 7", 1},
    {"SELECT * FROM zeek_conn WHERE \"id.orig_h\" = '198.51.100.7'", 10},
    {"SELECT * FROM eve_flow WHERE flow_id = 7", 1},
    {"SELECT * FROM ecs_flow WHERE \"source.ip\" = '198.51.100.7'", 10},
    {"SELECT * FROM ipfix_flow WHERE flowStartNanoseconds BETWEEN 1500000000 AND 1510000000", 11},
};

/* A sum over all flows. */
struct sum {
    const char *sql;
    double steps; /* at most, a flow */
    int sorts;
};

static const struct sum sums[] = {
    {"SELECT client_ip, sum(client_bytes + server_bytes) FROM flows GROUP BY client_ip", 14, 0},
    {"SELECT server_ip, sum(client_bytes + server_bytes) FROM flows GROUP BY server_ip", 14, 0},
    {"SELECT client_ip, server_ip, count(*), sum(client_bytes), sum(server_bytes) FROM flows"
     " GROUP BY 1, 2",
     28, 1},
    {"SELECT server_ip, server_port, count(*), sum(server_bytes) FROM flows GROUP BY 1, 2", 24, 1},
    {"SELECT server_port, sum(server_bytes) FROM flows GROUP BY server_port", 19, 1},
    {"SELECT protocol, count(*) FROM flows GROUP BY protocol", 16, 1},
    {"SELECT first_ns / 60000000000, count(*) FROM flows GROUP BY 1", 19, 1},
    {"SELECT conn_state, count(*) FROM zeek_conn GROUP BY 1", 46, 1},
};

/* What each of `seine ask` may cost of all flows: steps a flow, and walks through tables. */
struct bound {
    const char *name;
    double steps, walks;
};

static const struct bound bounds[] = {
    {"top-talkers", 32, 1.5},   {"beacons", 140, 1},      {"long-connections", 8, 1},
    {"large-uploads", 7, 1},    {"scanned-ports", 14, 1}, {"failed-handshakes", 18, 1},
    {"retransmissions", 30, 1}, {"round-trips", 28, 1},   {"conflicts", 1, 0},
    {"losses", 10, 0.25},       {"clear-text", 130, 3},   {"spoke-with", 1, 0},
};

static void check_lookup(const struct lookup *lookup)
{
    const char *sql = lookup->sql;
    struct cost a = cost_of(&few, sql, NULL), b = cost_of(&many, sql, NULL);

    show(sql, &a, FEW);
    show(sql, &b, MANY);
    is_so(a.rows == lookup->rows && b.rows == lookup->rows, sql, "it finds what is there");
    is_so(b.scanned == 0 && b.sorts == 0 && b.indexed == 0, sql,
          "no walk, no sort, no index of its own");
    is_so(b.steps == a.steps && b.steps <= 400 * b.rows, sql, "its steps are those of its rows");
    is_so(b.pages <= 5 + 4 * b.rows, sql, "it reads few pages a row");
}

static void a_lookup_costs_its_rows(void)
{
    for (size_t i = 0; i < sizeof lookups / sizeof *lookups; i++)
        check_lookup(&lookups[i]);
}

/* What `seine index` builds; last, since others would use it as well. */
static void an_index_on_request_serves(void)
{
    static const struct lookup by_request[] = {
        {"SELECT * FROM flows WHERE client_port = 1500 OR server_port = 1500", 1},
        {"SELECT * FROM flows WHERE community_id = '1:7'", 1},
        {"SELECT * FROM flows WHERE evidence_id = 1 AND first_frame = 7", 1},
    };
    struct made_case *const cases[] = {&few, &many};

    for (int c = 0; c < 2; c++) {
        CU_ASSERT_EQUAL_FATAL(sqlite3_open(cases[c]->path, &cases[c]->db), SQLITE_OK);
        for (const struct index_kind *kind = index_kinds; kind->name; kind++) {
            for (const struct index_part *part = kind->parts; part->name; part++)
                made_case_sql(cases[c], part->sql);
        }
        made_case_done(cases[c]);
    }
    for (size_t i = 0; i < sizeof by_request / sizeof *by_request; i++)
        check_lookup(&by_request[i]);
}

static void a_sum_costs_one_walk(void)
{
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) {
        const char *sql = sums[i].sql;
        struct cost a = cost_of(&few, sql, NULL), b = cost_of(&many, sql, NULL);
        show(sql, &a, FEW);
        show(sql, &b, MANY);
        is_so(b.scanned <= MANY && b.indexed == 0, sql, "it walks once");
        is_so(b.sorts <= sums[i].sorts, sql, "it sorts no more than it must");
        is_so(a.steps <= sums[i].steps * FEW && b.steps <= sums[i].steps * MANY, sql,
              "its steps are so many a flow");
    }
}

static struct bound bound_of(const struct question *q)
{
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        if (strcmp(bounds[i].name, q->name) == 0)
            return bounds[i];
    }
    is_so(false, q->name, "each question has its bound");
    return (struct bound){0};
}

/* What a question costs when these parameters are given. */
static void question_cost(struct cost *a, struct cost *b, const struct question *q,
                          const char *const *given)
{
    struct buffer sql;
    char what[60];

    buffer_init(&sql, 1 << 16);
    CU_ASSERT_FATAL(question_sql(&sql, q, given));
    *a = cost_of(&few, buffer_text(&sql), given);
    *b = cost_of(&many, buffer_text(&sql), given);
    buffer_release(&sql);
    snprintf(what, sizeof what, "%s %s", q->name, given[0] ? given[0] : "");
    show(what, a, FEW);
    show(what, b, MANY);
}

static void a_question_costs_so_much_a_flow(void)
{
    static const char *const none[] = {"all", NULL};

    for (const struct question *q = questions; q->name; q++) {
        const struct bound bound = bound_of(q);
        struct cost a, b;
        question_cost(&a, &b, q, none);
        is_so(b.scanned <= bound.walks * MANY, q->name, "it walks through no more than it must");
        is_so(a.steps <= bound.steps * FEW && b.steps <= bound.steps * MANY, q->name,
              "its steps are so many a flow");
        is_so(b.indexed == 0, q->name, "no index of its own");
    }
}

/* Those that walk through something that is rare walk through it all the same. */
static bool walks_what_is_rare(const struct question *q)
{
    return strcmp(q->name, "losses") == 0 || strcmp(q->name, "conflicts") == 0;
}

static void a_question_of_few_flows_costs_those(void)
{
    static const char *const by[][4] = {{"since", "until", "some", NULL},
                                        {"address", "some", NULL}};

    for (const struct question *q = questions; q->name; q++) {
        for (size_t i = 0; i < sizeof by / sizeof *by; i++) {
            struct cost a, b;
            char value[40];
            if (question_parameter(q, by[i][0], value, sizeof value) == PARAMETER_NONE ||
                walks_what_is_rare(q))
                continue;
            question_cost(&a, &b, q, by[i]);
            is_so(b.scanned <= 50 && b.scanned == a.scanned, q->name,
                  "it looks up what it is asked");
            is_so(b.steps <= a.steps + 20 && b.steps <= 5000, q->name,
                  "its steps are those of its flows");
        }
    }
}

static void cases_are_made(void)
{
    fill(&few, FEW);
    fill(&many, MANY);
}

static void cases_are_gone(void)
{
    made_case_remove(&few);
    made_case_remove(&many);
}

static const struct test tests[] = {
    {"two cases are made, one four times as large", cases_are_made},
    {"a lookup costs its rows, however large the case", a_lookup_costs_its_rows},
    {"a sum over all flows costs one walk", a_sum_costs_one_walk},
    {"a question costs so much a flow", a_question_costs_so_much_a_flow},
    {"a question of few flows costs those", a_question_of_few_flows_costs_those},
    {"an index on request serves as those that are there", an_index_on_request_serves},
    {"and the cases are removed", cases_are_gone},
};
SUITE("question_cost", tests)
