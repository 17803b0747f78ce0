/* sandbox_test.c - what must fail, tried from within: each attempt is a child that is confined first. */
#include "suite.h"

#include "sandbox/layers.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The folders of a test: one to write in, one to read, and one that is not named. */
static char top[64], inside[96], readable[96], outside[96];
static char inside_file[128], readable_file[128], outside_file[128], other_file[128], door[128];

static int pair[2]; /* two ends of a conversation that is open already */

enum { NOT_HELD = 200, NO_CASE = 201 }; /* of an exit status, beside errno */
enum { DONE = 0, KILLED = -SIGSYS };

/* An attempt gives the errno, or 0 when it was done. */
struct attempt {
    const char *what;
    int (*try)(void);
    enum sandbox_layer by;
    int becomes; /* an errno, DONE or KILLED */
};

static int outcome(bool done)
{
    return done ? DONE : errno;
}

static void make_file(const char *path, const char *bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT(write(fd, bytes, strlen(bytes)) == (ssize_t)strlen(bytes));
    close(fd);
}

static void make_folders(void)
{
    snprintf(top, sizeof top, "/tmp/seine-sandbox-XXXXXX");
    CU_ASSERT_FATAL(mkdtemp(top) != NULL);
    snprintf(inside, sizeof inside, "%s/inside", top);
    snprintf(readable, sizeof readable, "%s/readable", top);
    snprintf(outside, sizeof outside, "%s/outside", top);
    CU_ASSERT_FATAL(mkdir(inside, 0700) == 0 && mkdir(readable, 0700) == 0 &&
                    mkdir(outside, 0700) == 0);
    snprintf(inside_file, sizeof inside_file, "%s/file", inside);
    snprintf(readable_file, sizeof readable_file, "%s/file", readable);
    snprintf(outside_file, sizeof outside_file, "%s/file", outside);
    snprintf(other_file, sizeof other_file, "%s/other", inside);
    snprintf(door, sizeof door, "%s/door", inside);
    make_file(inside_file, "mine");
    make_file(readable_file, "given");
    make_file(outside_file, "theirs");
    CU_ASSERT(symlink(outside_file, door) == 0);
    CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
}

static void remove_folders(void)
{
    char command[160];
    snprintf(command, sizeof command, "rm -rf %s", top);
    CU_ASSERT(system(command) == 0);
    close(pair[0]);
    close(pair[1]);
}

/* What became of `try` in a child that entered the sandbox. */
static int in_sandbox(int (*try)(void), const struct sandbox_need *need, enum sandbox_layer by)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct sandbox_report report;
        sandbox_enter(need, &report);
        if (!report.holds[by]) {
            fprintf(stderr, "not tried: %s\n", report.why[by].text);
            _exit(NOT_HELD);
        }
        _exit(try());
    }
    int status = 0;
    CU_ASSERT_FATAL(child > 0 && waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void attempt_all(const struct attempt *attempts, size_t count, bool more)
{
    make_folders();
    const char *reads[] = {readable}, *writes[] = {inside};
    const struct sandbox_need need = {.reads = reads,
                                      .read_count = 1,
                                      .writes = writes,
                                      .write_count = 1,
                                      .makes_folders = more,
                                      .uses_sockets = more};

    for (size_t i = 0; i < count; i++) {
        int became = in_sandbox(attempts[i].try, &need, attempts[i].by);
        if (became != attempts[i].becomes && became != NOT_HELD && became != NO_CASE) {
            fprintf(stderr, "%s: became %d, not %d\n", attempts[i].what, became,
                    attempts[i].becomes);
            CU_FAIL("an attempt did not become what it must");
        }
    }
    remove_folders();
}

#define ATTEMPT_ALL(attempts, more) \
    attempt_all(attempts, sizeof(attempts) / sizeof *(attempts), more)

/* ---- files ---- */

static int open_for(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    return outcome(fd >= 0);
}

static int read_outside(void)
{
    return open_for(outside_file, O_RDONLY);
}

static int read_through_link(void)
{
    return open_for(door, O_RDONLY);
}

static int read_passwords(void)
{
    return open_for("/etc/passwd", O_RDONLY);
}

static int list_outside(void)
{
    return outcome(opendir(outside) != NULL);
}

static int write_outside(void)
{
    return open_for(outside_file, O_WRONLY);
}

static int cut_outside(void)
{
    return open_for(outside_file, O_WRONLY | O_TRUNC);
}

static int make_outside(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/new", outside);
    return open_for(path, O_WRONLY | O_CREAT);
}

static int write_readable(void)
{
    return open_for(readable_file, O_RDWR);
}

static int remove_outside(void)
{
    return outcome(unlink(outside_file) == 0);
}

static int remove_readable(void)
{
    return outcome(unlink(readable_file) == 0);
}

static int move_out(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/moved", outside);
    return outcome(rename(inside_file, path) == 0);
}

static int link_in(void)
{
    return outcome(link(outside_file, other_file) == 0);
}

static int make_folder(void)
{
    return outcome(mkdir(other_file, 0700) == 0);
}

static int make_link(void)
{
    return outcome(symlink("/etc/shadow", other_file) == 0);
}

static int read_inside(void)
{
    return open_for(inside_file, O_RDWR);
}

static int read_readable(void)
{
    return open_for(readable_file, O_RDONLY);
}

static int list_readable(void)
{
    return outcome(opendir(readable) != NULL);
}

static int make_and_rename_inside(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/made", inside);
    int fd = open(other_file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return outcome(fd >= 0 && write(fd, "x", 1) == 1 && ftruncate(fd, 0) == 0 && fsync(fd) == 0 &&
                   renameat2(AT_FDCWD, other_file, AT_FDCWD, path, RENAME_NOREPLACE) == 0 &&
                   link(path, other_file) == 0 && unlink(path) == 0 && unlink(other_file) == 0);
}

static int make_nameless_inside(void)
{
    int fd = open(inside, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return outcome(fd >= 0 || errno == EOPNOTSUPP);
}

static int randomness(void)
{
    return open_for("/dev/urandom", O_RDONLY);
}

static void files_that_were_not_named(void)
{
    static const struct attempt attempts[] = {
        {"read a file outside", read_outside, SANDBOX_LANDLOCK, EACCES},
        {"read a file outside through a link inside", read_through_link, SANDBOX_LANDLOCK, EACCES},
        {"read the users of the system", read_passwords, SANDBOX_LANDLOCK, EACCES},
        {"list a folder outside", list_outside, SANDBOX_LANDLOCK, EACCES},
        {"write to a file outside", write_outside, SANDBOX_LANDLOCK, EACCES},
        {"cut a file outside", cut_outside, SANDBOX_LANDLOCK, EACCES},
        {"make a file outside", make_outside, SANDBOX_LANDLOCK, EACCES},
        {"write to what is only to be read", write_readable, SANDBOX_LANDLOCK, EACCES},
        {"remove a file outside", remove_outside, SANDBOX_LANDLOCK, EACCES},
        {"remove what is only to be read", remove_readable, SANDBOX_LANDLOCK, EACCES},
        {"move a file out", move_out, SANDBOX_LANDLOCK, EACCES},
        {"link a file in", link_in, SANDBOX_LANDLOCK, EXDEV},
        {"make a folder", make_folder, SANDBOX_LANDLOCK, EACCES},
        {"make a link", make_link, SANDBOX_SECCOMP, ENOSYS},
    };
    ATTEMPT_ALL(attempts, false);
}

static void files_that_were_named(void)
{
    static const struct attempt attempts[] = {
        {"read and write inside", read_inside, SANDBOX_LANDLOCK, DONE},
        {"read what is to be read", read_readable, SANDBOX_LANDLOCK, DONE},
        {"list what is to be read", list_readable, SANDBOX_LANDLOCK, DONE},
        {"make, rename, link and remove inside", make_and_rename_inside, SANDBOX_LANDLOCK, DONE},
        {"make a file without a name", make_nameless_inside, SANDBOX_LANDLOCK, DONE},
        {"read what is random", randomness, SANDBOX_LANDLOCK, DONE},
        {"make a folder where that was asked for", make_folder, SANDBOX_LANDLOCK, DONE},
    };
    ATTEMPT_ALL(attempts, true);
}

static void everything_to_read_is_nothing_to_write(void)
{
    make_folders();
    const struct sandbox_need need = {.reads_all = true};
    int became = in_sandbox(read_outside, &need, SANDBOX_LANDLOCK);
    CU_ASSERT(became == DONE || became == NOT_HELD);
    became = in_sandbox(write_outside, &need, SANDBOX_LANDLOCK);
    CU_ASSERT(became == EACCES || became == NOT_HELD);
    became = in_sandbox(make_outside, &need, SANDBOX_LANDLOCK);
    CU_ASSERT(became == EACCES || became == NOT_HELD);
    remove_folders();
}

/* ---- programs and processes ---- */

static int run_program(void)
{
    char *const words[] = {(char[]){"true"}, NULL};
    return outcome(execv("/bin/true", words) == 0);
}

static int run_shell(void)
{
    return outcome(system("true") == 0);
}

static int fork_once(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    return outcome(child > 0);
}

static int trace_parent(void)
{
    return outcome(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0);
}

static int write_parent(void)
{
    return outcome(syscall(SYS_process_vm_writev, getppid(), NULL, 0, NULL, 0, 0) >= 0);
}

static int signal_parent(void)
{
    return outcome(kill(getppid(), 0) == 0);
}

static int signal_self(void)
{
    signal(SIGUSR1, SIG_IGN);
    return outcome(raise(SIGUSR1) == 0 && kill(getpid(), SIGUSR1) == 0);
}

static int map_code(void)
{
    void *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return outcome(at != MAP_FAILED);
}

static int make_code(void)
{
    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return outcome(at != MAP_FAILED && mprotect(at, 4096, PROT_READ | PROT_EXEC) == 0);
}

static int make_file_without_folder(void)
{
    return outcome(syscall(SYS_memfd_create, "x", 0) >= 0);
}

static int type_into_terminal(void)
{
    return outcome(ioctl(STDIN_FILENO, TIOCSTI, "x") == 0);
}

static int call_of_tomorrow(void)
{
    return outcome(syscall(9999) == 0);
}

static int load_filter(void)
{
    return outcome(syscall(SYS_bpf, 0, NULL, 0) >= 0);
}

static int make_ring(void)
{
    return outcome(syscall(SYS_io_uring_setup, 1, NULL) >= 0);
}

static int mount_over(void)
{
    return outcome(syscall(SYS_mount, "none", top, "tmpfs", 0, NULL) == 0);
}

static int new_namespace(void)
{
    return outcome(syscall(SYS_unshare, 0x10000000) == 0); /* CLONE_NEWUSER */
}

static void programs_and_processes(void)
{
    static const struct attempt attempts[] = {
        {"run a program", run_program, SANDBOX_SECCOMP, KILLED},
        {"write to another process", write_parent, SANDBOX_SECCOMP, KILLED},
        {"send a signal to another process", signal_parent, SANDBOX_SECCOMP, ENOSYS},
        {"send a signal to itself", signal_self, SANDBOX_SECCOMP, DONE},
        {"make a file that is nowhere", make_file_without_folder, SANDBOX_SECCOMP, KILLED},
        {"type into the terminal", type_into_terminal, SANDBOX_SECCOMP, ENOSYS},
        {"call what is not known yet", call_of_tomorrow, SANDBOX_SECCOMP, ENOSYS},
        {"load a program into the kernel", load_filter, SANDBOX_SECCOMP, KILLED},
        {"have the kernel make the calls", make_ring, SANDBOX_SECCOMP, KILLED},
        {"mount", mount_over, SANDBOX_SECCOMP, KILLED},
        {"make a namespace", new_namespace, SANDBOX_SECCOMP, KILLED},
#ifndef SEINE_SANITIZED
        {"make a process", fork_once, SANDBOX_SECCOMP, ENOSYS},
        {"run a shell", run_shell, SANDBOX_SECCOMP, ENOSYS},
        {"trace another process", trace_parent, SANDBOX_SECCOMP, KILLED},
        {"map code", map_code, SANDBOX_SECCOMP, ENOSYS},
        {"make code", make_code, SANDBOX_SECCOMP, ENOSYS},
#endif
    };
    (void)run_shell, (void)fork_once, (void)trace_parent, (void)map_code, (void)make_code;
    ATTEMPT_ALL(attempts, false);
}

/* ---- the network ---- */

static int socket_inet(void)
{
    return outcome(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}

static int socket_unix(void)
{
    return outcome(socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
}

static int socket_packet(void)
{
    return outcome(socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)) >= 0);
}

static int connect_open(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    return outcome(connect(pair[0], (struct sockaddr *)&to, sizeof to) == 0);
}

static int send_open(void)
{
    return outcome(send(pair[0], "x", 1, MSG_NOSIGNAL) == 1);
}

static int receive_open(void)
{
    char byte;
    return outcome(write(pair[0], "x", 1) == 1 && recv(pair[1], &byte, 1, 0) == 1);
}

static int send_elsewhere(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    return outcome(sendto(pair[0], "x", 1, 0, (struct sockaddr *)&to, sizeof to) == 1);
}

static int ask_and_set_open(void)
{
    int type, len = 4096;
    socklen_t room = sizeof type;
    return outcome(getsockopt(pair[0], SOL_SOCKET, SO_TYPE, &type, &room) == 0 &&
                   setsockopt(pair[0], SOL_SOCKET, SO_RCVBUF, &len, sizeof len) == 0);
}

static void the_network(void)
{
    static const struct attempt offline[] = {
        {"open a TCP socket", socket_inet, SANDBOX_SECCOMP, EACCES},
        {"open a local socket", socket_unix, SANDBOX_SECCOMP, EACCES},
        {"open a packet socket", socket_packet, SANDBOX_SECCOMP, EACCES},
        {"connect", connect_open, SANDBOX_SECCOMP, KILLED},
        {"send over what is open", send_open, SANDBOX_SECCOMP, ENOSYS},
    };
    static const struct attempt live[] = {
        {"live: open a TCP socket", socket_inet, SANDBOX_SECCOMP, EACCES},
        {"live: connect", connect_open, SANDBOX_SECCOMP, KILLED},
        {"live: send over what is open", send_open, SANDBOX_SECCOMP, DONE},
        {"live: receive over what is open", receive_open, SANDBOX_SECCOMP, DONE},
        {"live: send to an address", send_elsewhere, SANDBOX_SECCOMP, ENOSYS},
        {"live: ask and set what is open", ask_and_set_open, SANDBOX_SECCOMP, DONE},
    };
    ATTEMPT_ALL(offline, false);
    ATTEMPT_ALL(live, true);
}

/* ---- privileges ---- */

/* A line of /proc/self/status as a number, of base 16. */
static uint64_t told(const char *name)
{
    char line[256];
    uint64_t value = UINT64_MAX;
    FILE *file = fopen("/proc/thread-self/status", "r");

    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
            value = strtoull(line + strlen(name) + 1, NULL, 16);
    }
    if (file)
        fclose(file);
    return value;
}

static int become_root(void)
{
    return outcome(setresuid(0, 0, 0) == 0);
}

static int gain_capability(void)
{
    uint32_t header[2] = {0x20080522, 0}, sets[6] = {UINT32_MAX, UINT32_MAX, 0, 0, 0, 0};
    return outcome(syscall(SYS_capset, header, sets) == 0);
}

static int nothing_is_gained(void)
{
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? DONE : 1;
}

static void privileges_in_the_sandbox(void)
{
    static const struct attempt attempts[] = {
        {"become root", become_root, SANDBOX_SECCOMP, KILLED},
        {"gain a capability", gain_capability, SANDBOX_SECCOMP, KILLED},
    };
    ATTEMPT_ALL(attempts, false);
}

/* In a child of its own, without the other layers, since these must hold by themselves. */
static int alone(int (*try)(void))
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        _exit(try());
    int status = 0;
    CU_ASSERT_FATAL(child > 0 && waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int keep_about_files(void)
{
    struct error err;
    if (privileges_keep(privileges_about_files, &err) != STATUS_OK || nothing_is_gained() != DONE)
        return 1;
    if ((told("CapEff") | told("CapPrm")) & ~privileges_about_files)
        return 2;
    if (told("CapInh") != 0 || told("CapAmb") != 0)
        return 3;
    if (socket_packet() != EPERM)
        return 4;
    return gain_capability() == EPERM ? DONE : 5;
}

static int drop_to_nobody(void)
{
    struct error err;
    const struct passwd *nobody = getpwnam("nobody");
    if (geteuid() != 0 || !nobody)
        return NO_CASE;
    if (sandbox_drop("nobody", &err) != STATUS_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    uid_t uids[3];
    gid_t gids[3], groups[64];
    if (getresuid(&uids[0], &uids[1], &uids[2]) != 0 ||
        getresgid(&gids[0], &gids[1], &gids[2]) != 0)
        return 2;
    for (int i = 0; i < 3; i++) {
        if (uids[i] != nobody->pw_uid || gids[i] != nobody->pw_gid)
            return 3;
    }
    int group_count = getgroups(64, groups);
    for (int i = 0; i < group_count; i++) {
        if (groups[i] == 0)
            return 4;
    }
    if (told("CapEff") != 0 || told("CapPrm") != 0 || told("CapInh") != 0 || told("CapAmb") != 0 ||
        told("CapBnd") != 0)
        return 5;
    if (become_root() != EPERM || gain_capability() != EPERM || nothing_is_gained() != DONE)
        return 6;
    return read_outside() == EACCES && socket_packet() == EPERM ? DONE : 7;
}

static int drop_to_nobody_that_is(void)
{
    struct error err = {0};
    if (geteuid() != 0)
        return NO_CASE;
    return sandbox_drop("no-such-user-of-seine", &err) == STATUS_FAILED &&
                   strstr(err.text, "no-such-user-of-seine")
               ? DONE
               : 1;
}

/* Who is not root keeps its ids, and cannot take another's. */
static int drop_without_root(void)
{
    struct error err = {0};
    const struct passwd *nobody = getpwnam("nobody");
    if (geteuid() == 0 && (!nobody || setresuid(nobody->pw_uid, nobody->pw_uid, nobody->pw_uid)))
        return NO_CASE;
    uid_t before = geteuid();
    if (sandbox_drop("root", &err) != STATUS_FAILED)
        return 1;
    if (sandbox_drop(NULL, &err) != STATUS_OK || geteuid() != before)
        return 2;
    return told("CapEff") == 0 && nothing_is_gained() == DONE ? DONE : 3;
}

/* Root that stays root, since that was said, has nothing of it but its name. */
static int drop_to_root(void)
{
    struct error err = {0};
    if (geteuid() != 0)
        return NO_CASE;
    if (sandbox_drop("root", &err) != STATUS_OK || told("CapEff") != 0)
        return 1;
    return socket_packet() == EPERM && gain_capability() == EPERM ? DONE : 2;
}

static void privileges_given_up(void)
{
    static const struct {
        const char *what;
        int (*try)(void);
    } tries[] = {{"keep those about files", keep_about_files},
                 {"become nobody", drop_to_nobody},
                 {"become who is not there", drop_to_nobody_that_is},
                 {"without root", drop_without_root},
                 {"root stays root", drop_to_root}};
    make_folders();
    CU_ASSERT(chmod(top, 0755) == 0 && chmod(outside, 0755) == 0);
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        int became = alone(tries[i].try);
        if (became != DONE && became != NO_CASE) {
            fprintf(stderr, "%s: became %d\n", tries[i].what, became);
            CU_FAIL("privileges are not given up");
        }
    }
    remove_folders();
}

static void a_folder_is_given_only_when_it_was_made(void)
{
    struct error err = {0};
    struct stat file;
    const struct passwd *nobody = getpwnam("nobody");

    make_folders();
    if (geteuid() == 0 && nobody) {
        CU_ASSERT_EQUAL(sandbox_folder(other_file, "nobody", &err), STATUS_OK);
        CU_ASSERT(stat(other_file, &file) == 0 && file.st_uid == nobody->pw_uid &&
                  file.st_gid == nobody->pw_gid);
        CU_ASSERT_EQUAL(sandbox_folder(outside, "nobody", &err), STATUS_OK);
        CU_ASSERT(stat(outside, &file) == 0 && file.st_uid == 0);
    }
    snprintf(door, sizeof door, "%s/not/there", top);
    CU_ASSERT_EQUAL(sandbox_folder(door, NULL, &err), STATUS_FAILED);
    CU_ASSERT(strstr(err.text, door) != NULL);
    remove_folders();
}

/* ---- threads ---- */

static void *read_outside_later(void *result)
{
    *(int *)result = read_outside();
    return NULL;
}

static int thread_reads_outside(void)
{
    pthread_t thread;
    int result = 0;
    if (pthread_create(&thread, NULL, read_outside_later, &result) != 0)
        return errno ? errno : EAGAIN;
    pthread_join(thread, NULL);
    return result;
}

static void *run_program_later(void *nothing)
{
    run_program();
    return nothing;
}

static int thread_runs_program(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, run_program_later, NULL) != 0)
        return errno ? errno : EAGAIN;
    pthread_join(thread, NULL);
    return DONE;
}

static void *filters_of_thread(void *result)
{
    *(int *)result = told("Seccomp") == 2 && told("NoNewPrivs") == 1 ? DONE : 1;
    return NULL;
}

static int thread_says_so(void)
{
    pthread_t thread;
    int result = 1;
    FILE *file = fopen("/proc/thread-self/status", "r");
    if (!file) /* not to be read, where no sanitizer needs it */
        return DONE;
    fclose(file);
    if (pthread_create(&thread, NULL, filters_of_thread, &result) != 0)
        return errno ? errno : EAGAIN;
    pthread_join(thread, NULL);
    return result;
}

static int gate[2];

static void *run_program_after_gate(void *nothing)
{
    char byte;
    if (read(gate[0], &byte, 1) == 1)
        run_program();
    return nothing;
}

/* The layers of Landlock and capabilities are a thread's own; the filter goes to those that are there. */
static int earlier_thread_runs_program(void)
{
    static const struct sandbox_need need;
    struct sandbox_report report;
    pthread_t thread;
    if (pipe(gate) != 0 || pthread_create(&thread, NULL, run_program_after_gate, NULL) != 0)
        return NO_CASE;
    sandbox_enter(&need, &report);
    if (!report.holds[SANDBOX_SECCOMP])
        return NO_CASE;
    if (write(gate[1], "x", 1) == 1)
        pthread_join(thread, NULL);
    return DONE;
}

static void an_earlier_thread(void)
{
    int became = alone(earlier_thread_runs_program);
    CU_ASSERT(became == KILLED || became == NO_CASE);
}

static void a_later_thread(void)
{
    static const struct attempt attempts[] = {
        {"a later thread reads a file outside", thread_reads_outside, SANDBOX_LANDLOCK, EACCES},
        {"a later thread runs a program", thread_runs_program, SANDBOX_SECCOMP, KILLED},
        {"a later thread has the filter", thread_says_so, SANDBOX_SECCOMP, DONE},
    };
    ATTEMPT_ALL(attempts, false);
}

static const struct test tests[] = {
    {"no file is read, made, changed or removed that was not named", files_that_were_not_named},
    {"what was named can be used", files_that_were_named},
    {"who may read everything may write nothing", everything_to_read_is_nothing_to_write},
    {"no program is run, no process made or touched, no code made", programs_and_processes},
    {"no socket is opened, and those that are open speak only where that was asked for",
     the_network},
    {"what was given up cannot be had again", privileges_in_the_sandbox},
    {"users and capabilities are given up by themselves", privileges_given_up},
    {"a folder is given to the user only when it was made",
     a_folder_is_given_only_when_it_was_made},
    {"a thread that starts later is confined as well", a_later_thread},
    {"a thread that was there has the filter too", an_earlier_thread},
};
SUITE("sandbox", tests)
