/* notify.c - datagrams of NAME=VALUE lines, as sd_notify(3) has them. */
#include "cli/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE_MAX = 1024, BEATS_A_PATIENCE = 3 };

/* Decimal digits and nothing else; a pointer behind them, or NULL. */
static const char *digits(uintmax_t *value, const char *text)
{
    if (!text || *text < '0' || *text > '9')
        return NULL;
    char *end;
    errno = 0;
    *value = strtoumax(text, &end, 10);
    return errno == 0 ? end : NULL;
}

static bool number(uintmax_t *value, const char *text)
{
    const char *end = digits(value, text);
    return end && *end == 0;
}

/* A path, or with '@' in front a name in the kernel's own space. */
static bool address_fill(struct sockaddr_un *to, socklen_t *len, const char *name)
{
    size_t name_len = strlen(name);
    *to = (struct sockaddr_un){.sun_family = AF_UNIX};
    if ((name[0] != '/' && name[0] != '@') || name_len < 2 || name_len >= sizeof to->sun_path)
        return false;
    memcpy(to->sun_path, name, name_len);
    if (name[0] == '@')
        to->sun_path[0] = 0;
    *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + name_len + (name[0] == '/'));
    return true;
}

/* The watchdog may be meant for another process, such as the shell that has started this one. */
static int64_t watchdog_period_ns(void)
{
    const char *pid_text = getenv("WATCHDOG_PID");
    uintmax_t patience_us = 0, pid = 0;
    if (!number(&patience_us, getenv("WATCHDOG_USEC")) || patience_us == 0 ||
        patience_us > INT64_MAX / 1000)
        return 0;
    if (pid_text && (!number(&pid, pid_text) || pid != (uintmax_t)getpid()))
        return 0;
    return (int64_t)patience_us * 1000 / BEATS_A_PATIENCE;
}

void notify_open(struct notify *n)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    socklen_t len;

    *n = (struct notify){.socket = -1, .period_ns = watchdog_period_ns()};
    if (name && address_fill(&address, &len, name)) {
        n->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (n->socket >= 0 && connect(n->socket, (struct sockaddr *)&address, len) != 0)
            notify_close(n);
    }
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void notify_close(struct notify *n)
{
    if (n->socket >= 0)
        close(n->socket);
    n->socket = -1;
}

/* Without waiting: a manager whose queue is full is told the next time. */
static void message_send(struct notify *n, const char *text, size_t len)
{
    while (send(n->socket, text, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EINTR)
        ;
}

/* `state`, a line or none, and the sentence as the manager's STATUS. */
static void __attribute__((format(printf, 3, 0)))
state_send(struct notify *n, const char *state, const char *format, va_list args)
{
    char text[MESSAGE_MAX];
    if (n->socket < 0)
        return;
    int len = snprintf(text, sizeof text, "%sSTATUS=", state);
    char *sentence = text + len;
    vsnprintf(sentence, sizeof text - (size_t)len, format, args);
    for (char *at = sentence; *at; at++) { /* a line feed would begin a line of the protocol */
        if ((unsigned char)*at < ' ')
            *at = ' ';
    }
    message_send(n, text, strlen(text));
}

void notify_ready(struct notify *n, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    state_send(n, "READY=1\n", format, args);
    va_end(args);
}

void notify_status(struct notify *n, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    state_send(n, "", format, args);
    va_end(args);
}

void notify_reloading(struct notify *n, const char *format, ...)
{
    char state[64];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\n",
             (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    va_list args;
    va_start(args, format);
    state_send(n, state, format, args);
    va_end(args);
}

void notify_stopping(struct notify *n, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    state_send(n, "STOPPING=1\n", format, args);
    va_end(args);
}

void notify_alive(struct notify *n, int64_t now_ns)
{
    static const char beat[] = "WATCHDOG=1";
    if (n->period_ns == 0 || now_ns < n->next_ns || n->socket < 0)
        return;
    n->next_ns = now_ns + n->period_ns;
    message_send(n, beat, sizeof beat - 1);
}

bool notify_logs_to_journal(void)
{
    uintmax_t device, inode;
    struct stat at;
    const char *end = digits(&device, getenv("JOURNAL_STREAM"));
    return end && *end == ':' && number(&inode, end + 1) && fstat(STDERR_FILENO, &at) == 0 &&
           at.st_dev == device && at.st_ino == inode;
}
