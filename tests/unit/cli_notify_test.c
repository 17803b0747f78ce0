/* cli_notify_test.c - what the service manager hears, at a socket that stands for its own. */
#include "cli/notify.h"
#include "suite.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char name[64];

/* A socket of that name: a path, or with '@' in front one of the kernel's own space. */
static int manager_open(char first)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(name, sizeof name, "%c%stmp/seine-notify-%d", first, first == '@' ? "/" : "",
             (int)getpid());
    size_t len = strlen(name);
    memcpy(address.sun_path, name, len);
    if (first == '@')
        address.sun_path[0] = 0;
    int manager = socket(AF_UNIX, SOCK_DGRAM, 0);
    CU_ASSERT_EQUAL_FATAL(bind(manager, (struct sockaddr *)&address,
                               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
                          0);
    setenv("NOTIFY_SOCKET", name, 1);
    return manager;
}

static void manager_close(int manager)
{
    close(manager);
    if (name[0] == '/')
        unlink(name);
}

/* The next message, or "" when there is none. */
static const char *heard(int manager)
{
    static char text[2048];
    ssize_t len = recv(manager, text, sizeof text - 1, MSG_DONTWAIT);
    text[len > 0 ? len : 0] = 0;
    return text;
}

static void check_life(char first)
{
    struct notify n;
    int manager = manager_open(first);
    notify_open(&n);
    CU_ASSERT_TRUE(n.socket >= 0);
    CU_ASSERT_PTR_NULL(getenv("NOTIFY_SOCKET")); /* no child speaks in our name */
    notify_ready(&n, "watching %s", "eth0");
    CU_ASSERT_STRING_EQUAL(heard(manager), "READY=1\nSTATUS=watching eth0");
    notify_status(&n, "%d lost", 7);
    CU_ASSERT_STRING_EQUAL(heard(manager), "STATUS=7 lost");
    notify_reloading(&n, "reading");
    const char *text = heard(manager);
    static const char begin[] = "RELOADING=1\nMONOTONIC_USEC=", end[] = "\nSTATUS=reading";
    CU_ASSERT_TRUE(strncmp(text, begin, sizeof begin - 1) == 0);
    size_t digits = strspn(text + sizeof begin - 1, "0123456789");
    CU_ASSERT_TRUE(digits > 0);
    CU_ASSERT_STRING_EQUAL(text + sizeof begin - 1 + digits, end);
    notify_stopping(&n, "writing");
    CU_ASSERT_STRING_EQUAL(heard(manager), "STOPPING=1\nSTATUS=writing");
    notify_close(&n);
    notify_status(&n, "nobody hears this");
    CU_ASSERT_STRING_EQUAL(heard(manager), "");
    manager_close(manager);
}

static void a_run_tells_its_life(void)
{
    check_life('/');
    check_life('@');
}

static void a_sentence_stays_one_line(void)
{
    struct notify n;
    int manager = manager_open('/');
    notify_open(&n);
    notify_status(&n, "eth0\nWATCHDOG=trigger\x1b");
    CU_ASSERT_STRING_EQUAL(heard(manager), "STATUS=eth0 WATCHDOG=trigger ");
    char longer[3000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    notify_ready(&n, "%s", longer);
    CU_ASSERT_EQUAL(strlen(heard(manager)), 1023);
    notify_close(&n);
    manager_close(manager);
}

static void the_watchdog_gets_three_beats(void)
{
    struct notify n;
    char pid[32];
    int manager = manager_open('/');
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("WATCHDOG_USEC", "30000000", 1);
    setenv("WATCHDOG_PID", pid, 1);
    notify_open(&n);
    CU_ASSERT_EQUAL(n.period_ns, 10000000000);
    notify_alive(&n, 5);
    CU_ASSERT_STRING_EQUAL(heard(manager), "WATCHDOG=1");
    notify_alive(&n, 6);
    notify_alive(&n, 10000000004);
    CU_ASSERT_STRING_EQUAL(heard(manager), "");
    notify_alive(&n, 10000000005);
    CU_ASSERT_STRING_EQUAL(heard(manager), "WATCHDOG=1");
    notify_close(&n);
    manager_close(manager);
}

static void check_no_watchdog(const char *patience, const char *pid)
{
    struct notify n;
    setenv("WATCHDOG_USEC", patience, 1);
    if (pid)
        setenv("WATCHDOG_PID", pid, 1);
    notify_open(&n);
    CU_ASSERT_EQUAL(n.period_ns, 0);
    CU_ASSERT_EQUAL(n.socket, -1);
    notify_alive(&n, 1);
}

static void a_watchdog_of_others_is_left_alone(void)
{
    check_no_watchdog("30000000", "1");
    check_no_watchdog("30000000", "-1");
    check_no_watchdog("0", NULL);
    check_no_watchdog("", NULL);
    check_no_watchdog("3 s", NULL);
    check_no_watchdog("-3", NULL);
    check_no_watchdog("99999999999999999999999", NULL);
    check_no_watchdog("9223372036854775807", NULL);
}

static void without_a_manager_nothing_is_told(void)
{
    static const char *const names[] = {
        "", "@", "tmp/relative", "/nowhere/at/all", "vsock:2:1234",
    };
    struct notify n;
    unsetenv("NOTIFY_SOCKET");
    notify_open(&n);
    CU_ASSERT_EQUAL(n.socket, -1);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        setenv("NOTIFY_SOCKET", names[i], 1);
        notify_open(&n);
        CU_ASSERT_EQUAL(n.socket, -1);
        notify_ready(&n, "nobody hears this");
    }

    char longer[200] = "/"; /* than a socket's address */
    memset(longer + 1, 'x', sizeof longer - 2);
    setenv("NOTIFY_SOCKET", longer, 1);
    notify_open(&n);
    CU_ASSERT_EQUAL(n.socket, -1);
    notify_close(&n);
}

static void a_manager_that_is_full_or_gone_stops_nothing(void)
{
    struct notify n;
    int manager = manager_open('/');
    notify_open(&n);
    for (int i = 0; i < 2000; i++)
        notify_status(&n, "%d", i);
    manager_close(manager);
    notify_status(&n, "gone");
    notify_close(&n);
}

static void a_log_knows_the_journal(void)
{
    struct stat at;
    char stream[64];
    CU_ASSERT_EQUAL_FATAL(fstat(STDERR_FILENO, &at), 0);
    unsetenv("JOURNAL_STREAM");
    CU_ASSERT_FALSE(notify_logs_to_journal());
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)at.st_dev, (uintmax_t)at.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    CU_ASSERT_TRUE(notify_logs_to_journal());
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)at.st_dev, (uintmax_t)at.st_ino + 1);
    setenv("JOURNAL_STREAM", stream, 1);
    CU_ASSERT_FALSE(notify_logs_to_journal()); /* led elsewhere, as by 2>FILE */
    setenv("JOURNAL_STREAM", "8", 1);
    CU_ASSERT_FALSE(notify_logs_to_journal());
    setenv("JOURNAL_STREAM", "8:", 1);
    CU_ASSERT_FALSE(notify_logs_to_journal());
    unsetenv("JOURNAL_STREAM");
}

static const struct test tests[] = {
    {"a run tells that it is ready, reloads and stops", a_run_tells_its_life},
    {"a sentence stays one line, and is cut", a_sentence_stays_one_line},
    {"the watchdog hears three beats in its patience", the_watchdog_gets_three_beats},
    {"a watchdog that is meant for others, or makes no sense, hears none",
     a_watchdog_of_others_is_left_alone},
    {"without a manager, nothing is told", without_a_manager_nothing_is_told},
    {"a manager that is full or gone stops nothing", a_manager_that_is_full_or_gone_stops_nothing},
    {"lines have a weight only where they go to the journal", a_log_knows_the_journal},
};

SUITE("cli notify", tests)
