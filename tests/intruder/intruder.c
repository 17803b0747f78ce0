/* intruder.c - preloaded into a program, it does one thing that the program never would.
 *
 *     INTRUDER_ACT     read, write, remove or list: what INTRUDER_PATH names; run: another program;
 *                      socket; trace: another process; signal: its parent; code: map what may be executed;
 *                      rights: get back those of root
 *     INTRUDER_PATH    a file or folder
 *     INTRUDER_WHERE   open: when the first database is opened; thread: at the first statement that is run by
 *                      a thread other than the first
 *
 * It says on standard error what became of it, `intruder: ERRNO`, 0 where it was done, and ends the program. Where
 * the kernel ends it, it says nothing. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *act, *path, *where;

/* The functions that it stands before. */
static int (*next_open)(const char *, sqlite3 **, int, const char *);
static int (*next_step)(sqlite3_stmt *);

static int become(int done)
{
    return done ? 0 : errno;
}

static int is_act(const char *name)
{
    return strcmp(act, name) == 0;
}

static int do_act(void)
{
    char *const words[] = {(char[]){"true"}, NULL};

    if (is_act("read"))
        return become(open(path, O_RDONLY | O_CLOEXEC) >= 0);
    if (is_act("write"))
        return become(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0);
    if (is_act("remove"))
        return become(unlink(path) == 0);
    if (is_act("list"))
        return become(opendir(path) != NULL);
    if (is_act("run"))
        return become(execv("/bin/true", words) == 0);
    if (is_act("socket"))
        return become(socket(AF_INET, SOCK_STREAM, 0) >= 0);
    if (is_act("trace"))
        return become(ptrace(PTRACE_SEIZE, getppid(), NULL, NULL) == 0);
    if (is_act("signal"))
        return become(kill(getppid(), 0) == 0);
    if (is_act("code"))
        return become(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
                      MAP_FAILED);
    if (is_act("rights"))
        return become(setresuid(0, 0, 0) == 0);
    return -1;
}

static void intrude(void)
{
    char text[32];
    int len = snprintf(text, sizeof text, "intruder: %d\n", do_act());
    _exit(write(STDERR_FILENO, text, (size_t)len) == len ? 77 : 78);
}

int sqlite3_open_v2(const char *name, sqlite3 **db, int flags, const char *vfs)
{
    if (strcmp(where, "open") == 0)
        intrude();
    return next_open(name, db, flags, vfs);
}

int sqlite3_step(sqlite3_stmt *statement)
{
    if (strcmp(where, "thread") == 0 && gettid() != getpid())
        intrude();
    return next_step(statement);
}

static const char *setting(const char *name)
{
    const char *value = getenv(name);
    return value ? value : "";
}

__attribute__((constructor)) static void begin(void)
{
    act = setting("INTRUDER_ACT");
    path = setting("INTRUDER_PATH");
    where = setting("INTRUDER_WHERE");
    *(void **)&next_open = dlsym(RTLD_NEXT, "sqlite3_open_v2");
    *(void **)&next_step = dlsym(RTLD_NEXT, "sqlite3_step");
}
