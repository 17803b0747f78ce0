/* cli_follow_test.c - conversations in turns, and how they look on paper. */
#include "cli/conversation.h"
#include "cli/transcript.h"
#include "made_case.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the transcript of some pieces is. */
struct paper {
    struct transcript transcript;
    FILE *to;
    char *text;
    size_t len;
};

static void paper_begin(struct paper *p, enum transcript_form form)
{
    p->to = open_memstream(&p->text, &p->len);
    transcript_init(&p->transcript, p->to, form, false);
}

static void paper_end(struct paper *p, const char *expected)
{
    transcript_end(&p->transcript);
    fclose(p->to);
    CU_ASSERT_STRING_EQUAL(p->text, expected);
    if (strcmp(p->text, expected) != 0)
        fprintf(stderr, "--- is\n%s--- not\n%s---\n", p->text, expected);
    free(p->text);
}

static void say_bytes(struct paper *p, enum said_by by, int64_t position, const char *text)
{
    struct stream_piece piece = {.position = position,
                                 .length = (int64_t)strlen(text),
                                 .bytes = span_of(text, strlen(text))};
    transcript_add(&p->transcript, by, &piece);
}

static void say_gap(struct paper *p, enum said_by by, int64_t position, int64_t length,
                    const char *cause)
{
    struct stream_piece piece = {.position = position, .length = length, .cause = cause};
    transcript_add(&p->transcript, by, &piece);
}

static void lines_stay_lines(void)
{
    struct paper p;
    paper_begin(&p, AS_TEXT);
    say_bytes(&p, BY_CLIENT, 0, "GET /");
    say_bytes(&p, BY_CLIENT, 5, " HTTP/1.1\r");
    say_bytes(&p, BY_CLIENT, 15, "\n\r\nbody");
    say_bytes(&p, BY_SERVER, 0, "a\tb\n\n> not the client\n");
    say_bytes(&p, BY_CLIENT, 22, "more\r");
    paper_end(&p, "> GET / HTTP/1.1\n>\n> body\n< a\tb\n<\n< > not the client\n> more\\x0d\n");
}

static void gaps_are_our_lines(void)
{
    struct paper p;
    paper_begin(&p, AS_TEXT);
    say_bytes(&p, BY_SERVER, 0, "abc");
    say_gap(&p, BY_SERVER, 3, 1460, "capture_loss");
    say_bytes(&p, BY_SERVER, 1463, "[client: 1 bytes missing]\n");
    say_gap(&p, BY_CLIENT, -5, 5, "trunc\033");
    paper_end(&p, "< abc\n[server: 1460 bytes missing at position 3, capture_loss]\n"
                  "< [client: 1 bytes missing]\n"
                  "[client: 5 bytes missing at position -5, trunc\\x1b]\n");
}

static void what_is_not_printable_is_escaped(void)
{
    struct paper p;
    paper_begin(&p, AS_TEXT);
    say_bytes(&p, BY_CLIENT, 0, "\033[2J \xff \\ \xe2");
    say_bytes(&p, BY_CLIENT, 9, "\x82");
    say_bytes(&p, BY_CLIENT, 10, "\xac \xe2\x80\xae\n");
    paper_end(&p, "> \\x1b[2J \\xff \\\\ \xe2\x82\xac \\u{202e}\n");
}

/* A line longer than what is held, with a character of three bytes across every boundary. */
static void long_lines_are_whole(void)
{
    enum { EURO_COUNT = 3000 };
    static char said[3 * EURO_COUNT + 2], expected[3 * EURO_COUNT + 4];
    for (size_t i = 0; i < EURO_COUNT; i++)
        memcpy(said + 3 * i, "\xe2\x82\xac", 3);
    said[3 * EURO_COUNT] = '\n';
    snprintf(expected, sizeof expected, "> %s", said);
    for (size_t cut = 1; cut < 5; cut++) {
        struct paper p;
        paper_begin(&p, AS_TEXT);
        struct stream_piece piece = {.bytes = span_of(said, cut), .length = (int64_t)cut};
        transcript_add(&p.transcript, BY_CLIENT, &piece);
        say_bytes(&p, BY_CLIENT, (int64_t)cut, said + cut);
        paper_end(&p, expected);
    }
}

static void a_dump_has_positions(void)
{
    struct paper p;
    paper_begin(&p, AS_HEX);
    say_bytes(&p, BY_CLIENT, -2, "0123456789");
    say_bytes(&p, BY_CLIENT, 8, "abcdefgh");
    say_bytes(&p, BY_SERVER, 0, "\n");
    paper_end(&p,
              "> -00000002  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|\n"
              "> 0000000e  67 68                                             |gh|\n"
              "< 00000000  0a                                                |.|\n");
}

static void raw_is_bytes_only(void)
{
    struct paper p;
    paper_begin(&p, AS_RAW);
    say_bytes(&p, BY_CLIENT, 0, "a\033");
    say_gap(&p, BY_CLIENT, 2, 7, "unknown");
    say_bytes(&p, BY_SERVER, 0, "b");
    CU_ASSERT_EQUAL(p.transcript.missing, 7);
    paper_end(&p, "a\033b");
}

/* Ranges as letters: each word START-END is added, then the frontier moves from 0. */
static void ahead_check(const char *words, int64_t from, int64_t frontier, size_t left)
{
    static struct ahead_range ranges[CONVERSATION_AHEAD];
    struct ahead a = {ranges, 0};
    int start, end, len;
    for (; sscanf(words, " %d-%d%n", &start, &end, &len) == 2; words += len)
        CU_ASSERT_TRUE(ahead_add(&a, start, end));
    CU_ASSERT_EQUAL(ahead_reach(&a, from), frontier);
    CU_ASSERT_EQUAL(a.count, left);
}

static void ranges_ahead(void)
{
    ahead_check("", 0, 0, 0);
    ahead_check("0-3", 0, 3, 0);
    ahead_check("3-5 0-3", 0, 5, 0);
    ahead_check("4-5 0-3", 0, 3, 1);
    ahead_check("4-5 6-7 8-9 0-3", 0, 3, 3);
    ahead_check("4-5 6-7 8-9 0-3 3-9", 0, 9, 0);
    ahead_check("4-5 6-7 8-9 1-20", 0, 0, 1);
    ahead_check("4-5 6-7 8-9 5-6", 4, 7, 1);
    ahead_check("-3-0 0-2", -3, 2, 0);
    ahead_check("0-2 1-3 10-12", 5, 5, 1);
}

static void ranges_have_a_ceiling(void)
{
    static struct ahead_range ranges[CONVERSATION_AHEAD];
    struct ahead a = {ranges, 0};
    for (int i = 0; i < CONVERSATION_AHEAD; i++)
        CU_ASSERT_TRUE(ahead_add(&a, 10 * i + 5, 10 * i + 6));
    CU_ASSERT_FALSE(ahead_add(&a, 1, 2));
    CU_ASSERT_TRUE(ahead_add(&a, 6, 9)); /* grows one that is there */
    CU_ASSERT_EQUAL(ahead_reach(&a, ranges[0].start), 9);
    CU_ASSERT_EQUAL(a.count, CONVERSATION_AHEAD - 1);
}

enum { STREAM_MOST = 64, ARRIVALS_MOST = 16 };

/* One side of a story: its bytes by position, 0 where they are missing, and how they arrived. */
struct part {
    char bytes[STREAM_MOST];
    int length;
    struct arrival_record arrivals[ARRIVALS_MOST];
    size_t count;
};

/* "c0:abc s0:de ..." in the order of arrival. */
static void story_read(struct part parts[SIDE_COUNT], const char *story)
{
    char side, text[STREAM_MOST];
    int at, len;
    for (uint64_t frame = 1; sscanf(story, " %c%d:%63[a-zA-Z]%n", &side, &at, text, &len) == 3;
         frame++, story += len) {
        struct part *part = &parts[side == 'c' ? BY_CLIENT : BY_SERVER];
        int text_len = (int)strlen(text);
        part->arrivals[part->count++] = (struct arrival_record){.position = at,
                                                                .length = (uint32_t)text_len,
                                                                .captured = (uint32_t)text_len,
                                                                .evidence_id = 1,
                                                                .frame = frame,
                                                                .time_ns = (int64_t)frame};
        for (int i = 0; i < text_len; i++) {
            if (!part->bytes[at + i])
                part->bytes[at + i] = text[i];
        }
        if (at + text_len > part->length)
            part->length = at + text_len;
    }
}

/* Runs of bytes become chunks, and what lies between them gaps. */
static void part_write(struct made_case *c, const struct part *part, int stream_id)
{
    char sql[300];
    if (part->count == 0)
        return;
    snprintf(sql, sizeof sql,
             "INSERT INTO streams VALUES (%d, 1, '%s', 0, %d, %d, 0, 0, 0, 0, 'gap', NULL, NULL)",
             stream_id, stream_id % 2 == 0 ? "client" : "server", part->length, part->length);
    made_case_sql(c, sql);
    for (int at = 0, end; at < part->length; at = end) {
        const char *run = part->bytes + at;
        for (end = at; end < part->length && !part->bytes[end] == !*run; end++)
            ;
        if (*run)
            snprintf(sql, sizeof sql,
                     "INSERT INTO chunk_data (stream_id, position, length, part, data)"
                     " VALUES (%d, %d, %d, 0, CAST('%.*s' AS BLOB))",
                     stream_id, at, end - at, end - at, run);
        else
            snprintf(sql, sizeof sql, "INSERT INTO gaps VALUES (%d, %d, %d, 'unknown', 0)",
                     stream_id, at, end - at);
        made_case_sql(c, sql);
    }
    made_case_arrivals(c, stream_id, 0, part->arrivals, part->count);
}

/* The turns of a conversation: "> abc < de", with [n] for a gap of n bytes. */
static void turns_print(char *said, size_t room, struct conversation *conversation)
{
    struct error err = {0};
    struct stream_piece piece;
    enum said_by by;
    enum status status;
    int last = -1;
    FILE *to = fmemopen(said, room, "w");
    while ((status = conversation_next(conversation, &by, &piece, &err)) == STATUS_OK) {
        if ((int)by != last)
            fprintf(to, "%s%s ", last < 0 ? "" : " ", by == BY_CLIENT ? ">" : "<");
        last = (int)by;
        if (piece.cause)
            fprintf(to, "[%d]", (int)piece.length);
        else
            fprintf(to, "%.*s", (int)piece.bytes.len, (const char *)piece.bytes.data);
    }
    CU_ASSERT_EQUAL(status, STATUS_END);
    fclose(to);
}

static void turns(const char *story, const char *expected)
{
    struct made_case c = {0};
    struct part parts[SIDE_COUNT] = {0};
    struct error err = {0};
    struct reader *reader;
    struct conversation *conversation;
    char said[512] = "";
    int64_t ids[SIDE_COUNT];

    story_read(parts, story);
    made_case_new(&c);
    for (int side = 0; side < SIDE_COUNT; side++) {
        ids[side] = parts[side].count > 0 ? 2 + side : -1;
        part_write(&c, &parts[side], 2 + side);
    }
    made_case_done(&c);
    CU_ASSERT_EQUAL_FATAL(reader_open(&reader, c.path, &err), STATUS_OK);
    CU_ASSERT_EQUAL_FATAL(conversation_open(&conversation, reader, ids, NULL, &err), STATUS_OK);
    turns_print(said, sizeof said, conversation);
    CU_ASSERT_STRING_EQUAL(said, expected);
    if (strcmp(said, expected) != 0)
        fprintf(stderr, "%s: is %s, not %s\n", story, said, expected);
    conversation_close(conversation);
    reader_close(reader);
    made_case_remove(&c);
}

static void sides_take_turns(void)
{
    turns("c0:ab s0:CD c2:e s2:F s3:G", "> ab < CD > e < FG");
    turns("s0:hello c0:user s5:pass", "< hello > user < pass");
    turns("c0:ab c2:cd", "> abcd");
    turns("s0:ab", "< ab");
}

static void order_is_of_what_became_whole(void)
{
    turns("c2:cd s0:XY c0:ab", "< XY > abcd");
    turns("c0:ab s0:X c4:ef s1:Y c2:cd s2:Z", "> ab < XY > cdef < Z");
    turns("c0:ab s0:X c0:ab s1:Y", "> ab < XY"); /* again, and nothing new */
}

static void gaps_are_due_when_something_is_behind(void)
{
    turns("c0:ab s0:X c5:fg s1:Y", "> ab < X > [3]fg < Y");
    turns("c0:ab s0:X c5:fg c9:j s1:Y s4:Z", "> ab < X > [3]fg[2]j < Y[2]Z");
    turns("c3:d s0:X", "> [3]d < X");
}

static const struct test tests[] = {
    {"lines stay lines, and each says who said it", lines_stay_lines},
    {"a gap is a line of ours, which no payload can forge", gaps_are_our_lines},
    {"what is not printable is escaped, UTF-8 across pieces is not",
     what_is_not_printable_is_escaped},
    {"a line of any length stays whole", long_lines_are_whole},
    {"a dump has positions, and goes on across pieces", a_dump_has_positions},
    {"raw is the bytes only, and counts what is missing", raw_is_bytes_only},
    {"ranges that arrived ahead melt together", ranges_ahead},
    {"ranges that arrived ahead have a ceiling", ranges_have_a_ceiling},
    {"the sides take turns as they arrived", sides_take_turns},
    {"a byte is told when all before it has arrived", order_is_of_what_became_whole},
    {"a gap is told when something behind it arrives", gaps_are_due_when_something_is_behind},
};

SUITE("cli follow", tests)
