/* policy_test.c - overlap policies against what others have published of them, and the receiver. */
#include "reassembly/policy.h"
#include "reassembly/receiver.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 64 };

/* What a receiver that waits for `next` has of the arrivals in `script` ("AAA@2 BB@6") in the end, from
 * position 1 on; '.' is a hole. */
static void play(char picture[MOST], const struct policy *policy, const char *script, int64_t next)
{
    struct receiver r;
    struct receiver_run run;
    int64_t told = INT64_MIN;

    memset(picture, 0, MOST);
    receiver_init(&r, policy, next);
    for (const char *c = script; *c;) {
        char letter = *c;
        int64_t len = (int64_t)strcspn(c, "@"), at = 0;
        for (c += len + 1; *c >= '0' && *c <= '9'; c++)
            at = at * 10 + (*c - '0');
        while (*c == ' ')
            c++;
        run = (struct receiver_run){.begin = at, .end = at + len, .frame = (uint64_t)letter};
        CU_ASSERT(receiver_take(&r, &run));
    }
    CU_ASSERT(receiver_end(&r));
    while (receiver_next(&r, &run)) {
        CU_ASSERT(run.begin >= told && run.begin < run.end);
        told = run.end;
        for (int64_t p = run.begin; p < run.end; p++)
            picture[p - 1] = (char)run.frame;
    }
    CU_ASSERT_EQUAL(r.held_count, 0);
    for (int64_t i = 0; i + 1 < told; i++) {
        if (!picture[i])
            picture[i] = '.';
    }
    receiver_release(&r);
}

/* The tests of Suricata's TCP overlap policies, src/tests/stream-tcp-list.c: Overlap*, *Before, *Same
 * and *After. Nothing is delivered there, so position 0 is waited for and never comes. The arrivals of
 * the first are those of Novak and Sturges 2007. */
#define NOVAK                                              \
    "AAA@2 BB@6 CCC@8 D@12 EE@15 FFF@17 GG@20 HH@22 I@24 " \
    "JJJJ@3 KKK@8 LLL@11 MMM@14 N@18 O@21 P@22 QQ@24 0@1"
#define BEFORE "B@3 D@9 EE@12 AA@2 JJJJ@1 LLL@8 MMM@11"
#define SAME "CCC@1 HH@15 II@17 KKK@1 LLLL@1 P@15 QQ@15"
#define AFTER "AA@1 FFF@16 GG@19 JJ@2 O@20 N@17"

static const struct {
    const char *policy, *script, *picture;
} published[] = {
    {"bsd", NOVAK, "0AAAJJBCCCLLLMMMFFFGGHHIQ"},
    {"bsd", BEFORE, "JJJJ...LLLMMM"},
    {"bsd", SAME, "CCCL..........HHII"},
    {"bsd", AFTER, "AAJ............FFFGG"},
    {"bsd", "BBB@3 AA@1", "AABBB"}, /* StreamTcpReassembleTest30 to 32 */
    {"bsd", "AA@1 BBB@3", "AABBB"},
    {"bsd", "AAAAAAAAAA@11 BBBBBBBBBB@21 CCCCCCCCCC@41 aaaaaaaaaaaaaaaaaaaa@6",
     ".....aaaaaaaaaaaaaaaaaaaaBBBBB..........CCCCCCCCCC"},
    {"bsd",
     "AAAAAAAAAA@11 BBBBBBBBBB@21 CCCCCCCCCC@41 aaaaaaaaaaaaaaaaaaaa@6 "
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx@1",
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},
    {"vista", NOVAK, "0AAAJBBCCCLDLMEEFFFGGHHIQ"},
    {"vista", BEFORE, "JABJ...LDLMEE"},
    {"vista", SAME, "CCCL..........HHII"},
    {"vista", AFTER, "AAJ............FFFGG"},
    {"linux", NOVAK, "0AAAJJBCCCLLLMMMFFFGGHHQQ"},
    {"linux", BEFORE, "JJJJ...LLLMMM"},
    {"linux", SAME, "LLLL..........HHII"},
    {"linux", AFTER, "AAJ............FFFGG"},
    {"old-linux", NOVAK, "0AAAJJBKKKLLLMMMFFFGGHHQQ"},
    {"old-linux", BEFORE, "JJJJ...LLLMMM"},
    {"old-linux", SAME, "LLLL..........QQII"},
    {"old-linux", AFTER, "AAJ............FFFGG"},
    {"solaris", NOVAK, "0AJJJBBKKKLLLMMMFFFGGHHQQ"},
    {"solaris", BEFORE, "JJJJ...LLLMMM"},
    {"solaris", SAME, "LLLL..........QQII"},
    {"solaris", AFTER, "AJJ............FFFGG"},
    {"last", NOVAK, "0AJJJJBKKKLLLMMMFNFGOPHQQ"},
    {"last", BEFORE, "JJJJ...LLLMMM"},
    {"last", SAME, "LLLL..........QQII"},
    {"last", AFTER, "AJJ............FNFGO"},
    {"first", NOVAK, "0AAAJBBCCCLDLMEEFFFGGHHIQ"},
    /* Those that Suricata and Snort treat as one of the above. */
    {"windows", NOVAK, "0AAAJJBCCCLLLMMMFFFGGHHIQ"},
    {"windows2k3", NOVAK, "0AAAJJBCCCLLLMMMFFFGGHHIQ"},
    {"macos", NOVAK, "0AAAJJBCCCLLLMMMFFFGGHHIQ"},
    {"hpux10", NOVAK, "0AAAJJBCCCLLLMMMFFFGGHHQQ"}, /* Snort's full_right_overlap_os2() */
    {"irix", NOVAK, "0AAAJJBCCCLLLMMMFFFGGHHQQ"},
    {"hpux11", NOVAK, "0AJJJBBKKKLLLMMMFFFGGHHQQ"},
};

static void check(const char *policy, const char *script, int64_t next, const char *expected)
{
    char picture[MOST];

    CU_ASSERT_PTR_NOT_NULL_FATAL(policy_find(policy));
    play(picture, policy_find(policy), script, next);
    if (strcmp(picture, expected) != 0)
        printf("\n%s, %s:\n    is        %s\n    should be %s\n", policy, script, picture,
               expected);
    CU_ASSERT_STRING_EQUAL(picture, expected);
}

static void others_results(void)
{
    for (size_t i = 0; i < sizeof published / sizeof published[0]; i++)
        check(published[i].policy, published[i].script, 0, published[i].picture);
}

/* ---- the receiver ---- */

static void delivered(void)
{
    static const char *const stacks[] = {"bsd",       "freebsd12", "netbsd",  "bsd-right", "linux",
                                         "old-linux", "windows",   "solaris", "vista"};
    for (size_t i = 0; i < sizeof stacks / sizeof stacks[0]; i++) {
        check(stacks[i], "AAA@1 xxx@1", 1, "AAA");
        check(stacks[i], "AAA@1 xxxxx@1", 1, "AAAxx");
        check(stacks[i], "BB@3 AA@1 xxxx@1 xx@3", 1, "AABB");
    }
    check("last", "AAA@1 xxx@1", 1, "xxx");
    check("first", "BB@3 AAAA@1", 1, "AABB");
    check("bsd", "BB@3 AAAA@1", 1, "AAAA"); /* only BB waited */
}

/* What is left of a segment decides, but for Linux, which cuts when it delivers. */
static void three_segments(void)
{
    check("bsd", "CCCCC@5 AAAAA@3 xxxxxx@6", 0, "..AAAAAxxxx");
    check("linux", "CCCCC@5 AAAAA@3 xxxxxx@6", 0, "..AAAAACCxx");
}

/* Stacks that join what touches, by their source: FreeBSD since August 2018, sys/netinet/tcp_reass.c, at
 * commit 30506465adb5 of freebsd-src; NetBSD, sys/netinet/tcp_input.c, at commit 00d92f7f8ce2 of src. */
static void joined_segments(void)
{
    static const struct {
        const char *script, *bsd, *freebsd12, *netbsd;
    } rows[] = {
        {"BB@4 xxx@2", ".xxxB", ".xxxB", ".xxBB"}, /* NetBSD trims what comes, at both ends, */
        {"BB@4 xxx@3", "..xxx", "..xxx", "..xxx"},
        {"BB@4 xxxx@3", "..xxxx", "..xxxx", "..xxxx"},
        {"BBB@4 x@5", "...BBB", "...BBB", "...BBB"},
        {"BB@4 xx@4", "...BB", "...BB", "...BB"}, /* but for what it covers, if it is longer */
        {"BB@4 xxx@4", "...BBx", "...BBx", "...xxx"},
        {"BB@4 xx@5", "...BBx", "...BBx", "...BBx"},
        {"AA@2 BB@4 xxxx@3", ".AAxxx", ".AABBx", ".AABBx"}, /* A and B are one */
        {"AA@2 BB@4 xxx@4", ".AABBx", ".AABBx", ".AABBx"},
        {"AA@2 BB@4 xxxx@2", ".AAxx", ".AABB", ".AABB"},
        {"AA@2 BB@4 xxxxx@2", ".AAxxx", ".AABBx", ".xxxxx"},
        {"AA@2 CC@6 xxxx@4", ".AAxxxx", ".AAxxxx", ".AAxxxx"}, /* C is not, until x comes */
        {"AA@2 DD@8 CC@6 xxxx@3", ".AAxxxCDD", ".AAxxxCDD", ".AAxxCCDD"},
        {"DD@8 CC@6 xxxx@4", "...xxxxDD", "...xxxxDD", "...xxCCDD"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check("bsd", rows[i].script, 0, rows[i].bsd);
        check("freebsd12", rows[i].script, 0, rows[i].freebsd12);
        check("netbsd", rows[i].script, 0, rows[i].netbsd);
    }
}

/* A hole in front of more runs than may be held is given up, lowest first. */
static void ceiling(void)
{
    enum { MORE = 10 };
    struct receiver r;
    struct receiver_run run;
    uint64_t told = 0;

    receiver_init(&r, policy_find("bsd"), 0);
    for (int64_t i = 0; i < RECEIVER_HELD_MAX + MORE; i++) { /* every other byte, from above */
        int64_t at = 1 + 2 * i;
        run = (struct receiver_run){.begin = at, .end = at + 1, .frame = 1};
        CU_ASSERT(receiver_take(&r, &run));
        while (receiver_next(&r, &run)) {
            CU_ASSERT_EQUAL(run.begin, 1 + 2 * (int64_t)told);
            told++;
        }
    }
    CU_ASSERT_EQUAL(told, MORE);
    CU_ASSERT_EQUAL(r.held_count, RECEIVER_HELD_MAX);
    run = (struct receiver_run){.begin = 0, .end = 2 * MORE + 2, .frame = 2};
    CU_ASSERT(receiver_take(&r, &run)); /* where it waited no more it takes nothing */
    CU_ASSERT(receiver_next(&r, &run));
    CU_ASSERT_EQUAL(run.begin, 2 * MORE);
    receiver_release(&r);
}

/* ---- networks ---- */

static const char *chosen(const struct policy_choice *choice, int a, int b, int c, int d)
{
    const uint8_t bytes[4] = {(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d};
    struct address address;
    address_v4(&address, span_of(bytes, 4));
    return policy_choose(choice, &address, 4)->name;
}

static void networks(void)
{
    static const char *const given[] = {"10.0.0.0/8=linux", "10.1.2.0/23=solaris", "10.1.3.7=last",
                                        "0.0.0.0/0=bsd", "2001:db8::/32=vista"};
    static const char *const wrong[] = {
        "",           "nobody",           "=linux",      "10.0.0.0/33=linux",
        "10/8=linux", "10.0.0.0/=bsd",    "10.0.0.0/8=", "10.0.0.0/-1=bsd",
        "::/129=bsd", "10.0.0.0/8/8=bsd", "first=linux"};
    struct policy_choice choice = {0};
    struct error err;

    CU_ASSERT_STRING_EQUAL(chosen(&choice, 10, 0, 0, 1), "first");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CU_ASSERT_EQUAL(policy_choice_add(&choice, wrong[i], &err), STATUS_FAILED);
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++)
        CU_ASSERT_EQUAL(policy_choice_add(&choice, given[i], &err), STATUS_OK);
    CU_ASSERT_EQUAL(policy_choice_add(&choice, "windows", &err), STATUS_OK);
    CU_ASSERT_STRING_EQUAL(chosen(&choice, 10, 0, 0, 1), "linux");
    CU_ASSERT_STRING_EQUAL(chosen(&choice, 10, 1, 3, 6), "solaris");
    CU_ASSERT_STRING_EQUAL(chosen(&choice, 10, 1, 3, 7), "last");
    CU_ASSERT_STRING_EQUAL(chosen(&choice, 10, 1, 4, 7), "linux");
    CU_ASSERT_STRING_EQUAL(chosen(&choice, 11, 1, 4, 7), "bsd");
    const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, 1}, other[16] = {0x20, 0x01, 0x0d, 0xb9};
    struct address address;
    address_v6(&address, span_of(v6, 16));
    CU_ASSERT_STRING_EQUAL(policy_choose(&choice, &address, 6)->name, "vista");
    address_v6(&address, span_of(other, 16));
    CU_ASSERT_STRING_EQUAL(policy_choose(&choice, &address, 6)->name, "windows");
    policy_choice_release(&choice);
}

static void tables(void)
{
    CU_ASSERT_STRING_EQUAL(policy_at(0)->name, "first");
    CU_ASSERT_STRING_EQUAL(fragment_policy_at(0)->name, "first");
    for (size_t i = 0; policy_at(i); i++) {
        CU_ASSERT_PTR_EQUAL(policy_find(policy_at(i)->name), policy_at(i));
        CU_ASSERT(policy_at(i)->source[0] && policy_at(i)->stacks[0]);
    }
    for (size_t i = 0; fragment_policy_at(i); i++)
        CU_ASSERT_PTR_EQUAL(fragment_policy_find(fragment_policy_at(i)->name),
                            fragment_policy_at(i));
    CU_ASSERT_PTR_NULL(policy_find("First"));
    CU_ASSERT_PTR_NULL(fragment_policy_find("vista"));
}

static const struct test tests[] = {
    {"each policy gives what Suricata's tests expect of it", others_results},
    {"what is delivered is never taken back, but by the absolute policies", delivered},
    {"what is left of a segment decides, or for Linux where it arrived", three_segments},
    {"what touches is one to stacks that join it", joined_segments},
    {"past its ceiling a receiver waits for its first hole no more", ceiling},
    {"the longest network decides, and what is no network is refused", networks},
    {"every policy is found by its name", tables},
};
SUITE("policy", tests)
