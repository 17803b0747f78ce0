/* seccomp.c - which system calls may be made.
 *
 *     one that we make                        done
 *     one that no run of ours ever makes      ends the process (SIGSYS): there is no innocent reason for it
 *     any other                               ENOSYS, as from a kernel that has not got it
 *
 * The last is what C libraries expect of a call that is newer than the kernel: they then take an older one.
 * Opening a socket is refused with EACCES, since a look-up of a name may try, and does without.
 *
 * The filter is a binary tree, and what is allowed whatever its arguments are, the kernel remembers in a
 * bitmap: to pread() and its like the filter costs next to nothing. */
#include "sandbox/layers.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* Allowed whatever their arguments are; those that an architecture has not got are passed over. */
static const int made[] = {
    /* bytes */
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(pread64),
    SCMP_SYS(preadv),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(pwrite64),
    SCMP_SYS(pwritev),
    SCMP_SYS(lseek),
    SCMP_SYS(_llseek),
    /* files: Landlock says which */
    SCMP_SYS(openat),
    SCMP_SYS(open),
    SCMP_SYS(close),
    SCMP_SYS(close_range),
    SCMP_SYS(fstat),
    SCMP_SYS(fstat64),
    SCMP_SYS(stat),
    SCMP_SYS(stat64),
    SCMP_SYS(lstat),
    SCMP_SYS(lstat64),
    SCMP_SYS(newfstatat),
    SCMP_SYS(fstatat64),
    SCMP_SYS(statx),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getdents),
    SCMP_SYS(getdents64),
    SCMP_SYS(getcwd),
    SCMP_SYS(statfs),
    SCMP_SYS(statfs64),
    SCMP_SYS(fstatfs),
    SCMP_SYS(fstatfs64),
    SCMP_SYS(flock),
    SCMP_SYS(ftruncate),
    SCMP_SYS(ftruncate64),
    SCMP_SYS(fallocate),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(sync_file_range),
    SCMP_SYS(fadvise64),
    SCMP_SYS(fadvise64_64),
    SCMP_SYS(arm_fadvise64_64),
    SCMP_SYS(readahead),
    SCMP_SYS(mkdir),
    SCMP_SYS(mkdirat),
    SCMP_SYS(rmdir),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    SCMP_SYS(rename),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(link),
    SCMP_SYS(linkat),
    SCMP_SYS(fchmod),
    SCMP_SYS(fchown),
    SCMP_SYS(fchown32),
    SCMP_SYS(umask),
    SCMP_SYS(dup),
    SCMP_SYS(dup2),
    SCMP_SYS(dup3),
    /* memory; what may be executed is below */
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(mincore),
    SCMP_SYS(msync),
    /* threads; how they begin is below */
    SCMP_SYS(futex),
    SCMP_SYS(futex_time64),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(get_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(set_tid_address),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(membarrier),
    SCMP_SYS(getcpu),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    /* signals to ourselves */
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(rt_sigtimedwait_time64),
    SCMP_SYS(rt_sigpending),
    SCMP_SYS(rt_sigsuspend),
    SCMP_SYS(pause),
    SCMP_SYS(restart_syscall),
    /* time and waiting */
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_gettime64),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_getres_time64),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(clock_nanosleep_time64),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(times),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(ppoll_time64),
    SCMP_SYS(select),
    SCMP_SYS(_newselect),
    SCMP_SYS(pselect6),
    SCMP_SYS(pselect6_time64),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(eventfd2),
    SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(timerfd_settime64),
    SCMP_SYS(setitimer),
    /* who and where we are */
    SCMP_SYS(getrandom),
    SCMP_SYS(sysinfo),
    SCMP_SYS(uname),
    SCMP_SYS(getrlimit),
    SCMP_SYS(ugetrlimit),
    SCMP_SYS(getrusage),
    SCMP_SYS(getuid),
    SCMP_SYS(getuid32),
    SCMP_SYS(geteuid),
    SCMP_SYS(geteuid32),
    SCMP_SYS(getgid),
    SCMP_SYS(getgid32),
    SCMP_SYS(getegid),
    SCMP_SYS(getegid32),
    SCMP_SYS(getppid),
#ifdef SEINE_SANITIZED /* they look at the process from a second one, which has its memory */
    SCMP_SYS(clone),
    SCMP_SYS(wait4),
    SCMP_SYS(ptrace),
    SCMP_SYS(prctl),
    SCMP_SYS(mmap),
    SCMP_SYS(mmap2),
    SCMP_SYS(mprotect),
    SCMP_SYS(pipe),
    SCMP_SYS(pipe2),
    SCMP_SYS(mlock),
    SCMP_SYS(munlock),
    SCMP_SYS(prlimit64),
    SCMP_SYS(setrlimit),
    SCMP_SYS(tkill),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(arch_prctl),
#endif
};

/* Of sockets that are open. */
static const int made_of_sockets[] = {
    SCMP_SYS(recvfrom),    SCMP_SYS(recv), SCMP_SYS(recvmsg),
    SCMP_SYS(recvmmsg),    SCMP_SYS(send), SCMP_SYS(getsockopt),
    SCMP_SYS(getsockname), SCMP_SYS(bind), /* a packet socket whose interface is back */
};

/* What is asked of an interface. */
static const unsigned long of_interfaces[] = {SIOCGIFINDEX, SIOCGIFHWADDR, SIOCGIFFLAGS,
                                              SIOCGIFNAME};

/* No run of ours ever does this: another program, another process, other users' rights, the kernel's inside,
 * the machine. */
static const int hostile[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
#ifndef SEINE_SANITIZED
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
#endif
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(kcmp),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(pidfd_send_signal),
    SCMP_SYS(connect),
    SCMP_SYS(listen),
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendmmsg),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(io_setup),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(keyctl),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(mount),
    SCMP_SYS(umount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(fanotify_init),
    SCMP_SYS(mknod),
    SCMP_SYS(mknodat),
    SCMP_SYS(memfd_create),
    SCMP_SYS(setuid),
    SCMP_SYS(setgid),
    SCMP_SYS(setreuid),
    SCMP_SYS(setregid),
    SCMP_SYS(setresuid),
    SCMP_SYS(setresgid),
    SCMP_SYS(setgroups),
    SCMP_SYS(capset),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    SCMP_SYS(syslog),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(modify_ldt),
    SCMP_SYS(personality),
};

/* What is asked of a terminal, or set: not that it takes bytes as if they had been typed. The last ones are
 * TCGETS2 and TCSETS2 to TCSETSF2, which newer C libraries use, and whose header does not go with theirs. */
static const unsigned long of_terminals[] = {
    TCGETS,   TCSETS,     TCSETSW,    TCSETSF,    TIOCGWINSZ, TIOCGPGRP,
    FIONREAD, 0x802c542a, 0x402c542b, 0x402c542c, 0x402c542d,
};

static const int of_descriptors[] = {
    F_DUPFD,     F_DUPFD_CLOEXEC,
    F_GETFD,     F_SETFD,
    F_GETFL,     F_SETFL,
    F_GETLK,     F_SETLK,
    F_SETLKW,    F_OFD_GETLK,
    F_OFD_SETLK, F_OFD_SETLKW,
    5,           6,
    7,           12,
    13,          14, /* the three kinds of locks, as 32- and 64-bit systems count them */
};

/* A filter under way; a rule that libseccomp refuses is told at the end. */
struct filter_rules {
    scmp_filter_ctx context;
    int failed; /* a negative errno, or 0 */
};

static void note(struct filter_rules *f, int code)
{
    if (code < 0 && code != -EEXIST && f->failed == 0)
        f->failed = code;
}

static void rule(struct filter_rules *f, uint32_t action, int call)
{
    note(f, seccomp_rule_add_array(f->context, action, call, 0, NULL));
}

/* Whether this architecture has it: libseccomp's number for one that it has not is far below zero (above that are
 * those that go through socketcall() and ipc()). */
static bool is_here(int call)
{
    enum { NOT_HERE = -10000 };
    return call > NOT_HERE;
}

static void rules(struct filter_rules *f, uint32_t action, const int *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_here(calls[i]))
            rule(f, action, calls[i]);
    }
}

/* Allows the call when of its argument `at`, from 0 on, the bits of `mask` are those of `value`. */
static void allow_when(struct filter_rules *f, int call, unsigned at, uint64_t mask, uint64_t value)
{
    struct scmp_arg_cmp is = {
        .arg = at, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
    if (is_here(call))
        note(f, seccomp_rule_add_array(f->context, SCMP_ACT_ALLOW, call, 1, &is));
}

/* All bits of an argument, or those that the kernel looks at where it takes an int. */
static const uint64_t whole = UINT64_MAX, as_int = UINT32_MAX;

#ifdef __s390__
enum { FLAGS_OF_CLONE = 1 };
#else
enum { FLAGS_OF_CLONE = 0 };
#endif

/* Calls that depend on one argument. */
static void allow_some(struct filter_rules *f)
{
    uint64_t ourselves = (uint64_t)getpid();

    for (size_t i = 0; i < COUNT(of_terminals); i++)
        allow_when(f, SCMP_SYS(ioctl), 1, as_int, of_terminals[i]);
    for (size_t i = 0; i < COUNT(of_descriptors); i++) {
        allow_when(f, SCMP_SYS(fcntl), 1, as_int, (uint64_t)of_descriptors[i]);
        allow_when(f, SCMP_SYS(fcntl64), 1, as_int, (uint64_t)of_descriptors[i]);
    }
    /* raise(), abort(), and libedit's way to pass on what the terminal sent to all of its group */
    allow_when(f, SCMP_SYS(tgkill), 0, as_int, ourselves);
    allow_when(f, SCMP_SYS(kill), 0, as_int, ourselves);
    allow_when(f, SCMP_SYS(kill), 0, as_int, 0);
#ifndef SEINE_SANITIZED
    /* No new code, and no process: clone3(), which hides what it makes, is one that is not there. */
    allow_when(f, SCMP_SYS(mmap), 2, PROT_EXEC, 0);
    allow_when(f, SCMP_SYS(mmap2), 2, PROT_EXEC, 0);
    allow_when(f, SCMP_SYS(mprotect), 2, PROT_EXEC, 0);
    allow_when(f, SCMP_SYS(clone), FLAGS_OF_CLONE, CLONE_THREAD, CLONE_THREAD);
    allow_when(f, SCMP_SYS(prctl), 0, as_int, PR_SET_NAME);
    allow_when(f, SCMP_SYS(prlimit64), 2, whole, 0); /* asks, sets nothing */
#endif
}

static void allow_sockets(struct filter_rules *f)
{
    rules(f, SCMP_ACT_ALLOW, made_of_sockets, COUNT(made_of_sockets));
    for (size_t i = 0; i < COUNT(of_interfaces); i++)
        allow_when(f, SCMP_SYS(ioctl), 1, as_int, of_interfaces[i]);
    allow_when(f, SCMP_SYS(sendto), 4, whole, 0); /* to whom it is connected */
    allow_when(f, SCMP_SYS(setsockopt), 1, as_int, SOL_SOCKET);
    allow_when(f, SCMP_SYS(setsockopt), 1, as_int, SOL_PACKET);
}

/* libseccomp (2.5.4) frees twice when it has no memory, and needs 300 KB for a while: so there is to be more. */
static bool is_memory_there(void)
{
    enum { PLENTY = 1 << 20 };
    void *volatile room = malloc(PLENTY); /* volatile: a compiler may leave out a pair like this */
    bool is_there = room != NULL;

    free(room);
    return is_there;
}

enum status seccomp_enter(const struct sandbox_need *need, struct error *err)
{
    static const char no_filter[] = "this kernel cannot filter system calls (%s): which are made "
                                    "is not held";
    enum { BINARY_TREE = 2 };
    struct filter_rules f = {0};

    if (is_memory_there())
        f.context = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    if (!f.context)
        return error_no_memory(err, "no memory for a filter of system calls");
    note(&f, seccomp_attr_set(f.context, SCMP_FLTATR_CTL_OPTIMIZE, BINARY_TREE));
    note(&f,
         seccomp_attr_set(f.context, SCMP_FLTATR_CTL_NNP, 0)); /* done, and a failure was told */
    note(&f, seccomp_attr_set(f.context, SCMP_FLTATR_CTL_TSYNC, 1));    /* threads that are there */
    note(&f, seccomp_attr_set(f.context, SCMP_FLTATR_API_SYSRAWRC, 1)); /* what the kernel said */
    note(&f, seccomp_attr_set(f.context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS));
    rules(&f, SCMP_ACT_ALLOW, made, COUNT(made));
    rules(&f, SCMP_ACT_KILL_PROCESS, hostile, COUNT(hostile));
    rule(&f, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket));
    allow_some(&f);
    if (need->uses_sockets)
        allow_sockets(&f);
    else
        rule(&f, SCMP_ACT_KILL_PROCESS, SCMP_SYS(bind));
    if (f.failed == 0)
        note(&f, seccomp_load(f.context));
    seccomp_release(f.context);
    if (f.failed == -ENOMEM)
        return error_no_memory(err, "no memory for a filter of system calls");
    return f.failed == 0 ? STATUS_OK : error_set(err, no_filter, strerror(-f.failed));
}
