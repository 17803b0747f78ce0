/* faults.c - preloaded into a program, it makes one chosen call of the program fail.
 *
 *     FAULTS_KIND    disk: calls that change what lies below FAULTS_FOLDER; memory: allocations;
 *                    shrink: no call fails, FAULTS_VICTIM is cut to FAULTS_SIZE bytes before the
 *                    chosen disk call
 *     FAULTS_AT      which call, from 1 on; 0 only counts
 *     FAULTS_LASTS   not empty: every later call fails too, but for removals
 *     FAULTS_HOW     ENOSPC or EIO; short: half of a write is done, and what follows it is ENOSPC
 *     FAULTS_REPORT  a file that is told, at the end, how many calls there were
 *
 * Four callers are spared a lack of memory, since they end the process on it, which is no matter of
 * the program: the loader's calloc() (do_lookup_unique() of glibc, when Hyperscan is loaded; what else the loader asks for
 * may be refused), libcrypto (EVP_MD_fetch() of OpenSSL 3.0 follows a null pointer), libseccomp (2.5.4 frees
 * twice; seine sees to it that there is memory before it asks) and glibc's look-up of a user (an assert of
 * nss_database.c).
 *
 * Calls are counted from the first line of main() on. What the C library does inside stdio does not
 * pass here: it calls the kernel without going through a name that may be replaced. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { KIND_NONE, KIND_DISK, KIND_MEMORY, KIND_SHRINK };
enum { DO_IT, FAIL_IT, DO_HALF };

static enum kind kind;
static atomic_ulong calls;
static unsigned long chosen;
static bool lasts, is_short;
static int reason = ENOSPC;
static const char *folder;
static int report = -1, victim = -1; /* open before the program gives up the right to */
static off_t victim_size;

/* What becomes of the call that is being made. */
static int fate(bool is_removal)
{
    unsigned long number = atomic_fetch_add(&calls, 1) + 1;
    bool is_it = number == chosen;
    bool is_later = chosen != 0 && number > chosen && (lasts || is_short) && !is_removal;

    if (kind == KIND_SHRINK) {
        if (is_it)
            syscall(SYS_ftruncate, victim, victim_size);
        return DO_IT;
    }
    if (!is_it && !is_later)
        return DO_IT;
    return is_it && is_short ? DO_HALF : FAIL_IT;
}

static bool is_below(const char *path)
{
    return folder && strncmp(path, folder, strlen(folder)) == 0;
}

static int path_fate(const char *path, bool is_removal)
{
    bool is_ours = (kind == KIND_DISK || kind == KIND_SHRINK) && is_below(path);
    int what = is_ours ? fate(is_removal) : DO_IT;
    if (what == DO_IT)
        return DO_IT;
    errno = reason;
    return FAIL_IT;
}

static int fd_fate(int fd)
{
    char name[64], path[4096];
    int before = errno;

    if (kind != KIND_DISK && kind != KIND_SHRINK)
        return DO_IT;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(name, path, sizeof path - 1);
    errno = before;
    if (len < 0)
        return DO_IT;
    path[len] = '\0';
    int what = is_below(path) ? fate(false) : DO_IT;
    if (what == FAIL_IT)
        errno = reason;
    return what;
}

/* ---- the disk ---- */

ssize_t write(int fd, const void *data, size_t len)
{
    int what = fd_fate(fd);
    if (what == FAIL_IT)
        return -1;
    return syscall(SYS_write, fd, data, what == DO_HALF ? len / 2 : len);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t offset)
{
    int what = fd_fate(fd);
    if (what == FAIL_IT)
        return -1;
    return syscall(SYS_pwrite64, fd, data, what == DO_HALF ? len / 2 : len, offset);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
    return pwrite64(fd, data, len, offset);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset)
{
    int what = fd_fate(fd);
    if (what == FAIL_IT)
        return -1;
    if (what == DO_HALF) /* of the first one */
        return syscall(SYS_pwrite64, fd, parts->iov_base, parts->iov_len / 2, offset);
    return syscall(SYS_pwritev, fd, parts, count, (long)offset, (long)((uint64_t)offset >> 32));
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    return pwritev64(fd, parts, count, offset);
}

int fsync(int fd)
{
    return fd_fate(fd) == DO_IT ? (int)syscall(SYS_fsync, fd) : (errno = reason, -1);
}

int fdatasync(int fd)
{
    return fd_fate(fd) == DO_IT ? (int)syscall(SYS_fdatasync, fd) : (errno = reason, -1);
}

int ftruncate64(int fd, off64_t len)
{
    return fd_fate(fd) == DO_IT ? (int)syscall(SYS_ftruncate, fd, len) : (errno = reason, -1);
}

int ftruncate(int fd, off_t len)
{
    return ftruncate64(fd, len);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t len)
{
    return fd_fate(fd) == DO_IT ? (int)syscall(SYS_fallocate, fd, mode, offset, len)
                                : (errno = reason, -1);
}

int fallocate(int fd, int mode, off_t offset, off_t len)
{
    return fallocate64(fd, mode, offset, len);
}

int posix_fallocate(int fd, off_t offset, off_t len)
{
    int before = errno;
    int code = fallocate64(fd, 0, offset, len) == 0 ? 0 : errno;
    errno = before;
    return code;
}

int posix_fallocate64(int fd, off64_t offset, off64_t len)
{
    return posix_fallocate(fd, offset, len);
}

int link(const char *from, const char *to)
{
    return path_fate(to, false) == DO_IT ? (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0)
                                         : -1;
}

int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags)
{
    return path_fate(to, false) == DO_IT
               ? (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags)
               : -1;
}

int rename(const char *from, const char *to)
{
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlink(const char *path)
{
    return path_fate(path, true) == DO_IT ? (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0) : -1;
}

/* Only an open that may make the file changes the folder. */
static int open_any(int at, const char *path, int flags, mode_t mode)
{
    if (flags & O_CREAT && path_fate(path, false) != DO_IT)
        return -1;
    return (int)syscall(SYS_openat, at, path, flags, mode);
}

static mode_t mode_of(int flags, va_list args)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return open_any(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return open_any(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}

/* ---- memory: glibc keeps its own allocator under these names ---- */

void *__libc_malloc(size_t len);
void *__libc_calloc(size_t count, size_t len);
void *__libc_realloc(void *old, size_t len);
void *__libc_memalign(size_t alignment, size_t len);

static _Thread_local bool in_look_up;

/* Where a library is loaded. */
struct library {
    const char *name;
    uintptr_t start, end;
};
static struct library libcrypto = {.name = "/libcrypto.so"},
                      libseccomp = {.name = "/libseccomp.so"}, loader = {.name = "/ld-linux"};

static bool is_in(const struct library *l, const void *caller)
{
    return (uintptr_t)caller >= l->start && (uintptr_t)caller < l->end;
}

static bool memory_fails(const void *caller)
{
    if (kind != KIND_MEMORY || in_look_up || is_in(&libcrypto, caller) ||
        is_in(&libseccomp, caller))
        return false;
    if (fate(false) == DO_IT)
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t len)
{
    return memory_fails(__builtin_return_address(0)) ? NULL : __libc_malloc(len);
}

void *calloc(size_t count, size_t len)
{
    const void *caller = __builtin_return_address(0);
    return !is_in(&loader, caller) && memory_fails(caller) ? NULL : __libc_calloc(count, len);
}

void *realloc(void *old, size_t len)
{
    return memory_fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, len);
}

void *memalign(size_t alignment, size_t len)
{
    return memory_fails(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, len);
}

void *aligned_alloc(size_t alignment, size_t len)
{
    return memalign(alignment, len);
}

int posix_memalign(void **made, size_t alignment, size_t len)
{
    void *at = memalign(alignment, len);
    if (!at)
        return ENOMEM;
    *made = at;
    return 0;
}

struct passwd *getpwuid(uid_t uid)
{
    struct passwd *(*next)(uid_t);
    *(void **)&next = dlsym(RTLD_NEXT, "getpwuid");
    in_look_up = true;
    struct passwd *found = next(uid);
    in_look_up = false;
    return found;
}

/* ---- the beginning and the end ---- */

static int (*program_main)(int, char **, char **);

static const char *setting(const char *name)
{
    const char *value = getenv(name);
    return value ? value : "";
}

static int find_library(struct dl_phdr_info *info, size_t len, void *context)
{
    struct library *library = context;

    (void)len;
    if (!strstr(info->dlpi_name, library->name))
        return 0;
    library->start = info->dlpi_addr;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t end = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
        if (info->dlpi_phdr[i].p_type == PT_LOAD && end > library->end)
            library->end = end;
    }
    return 1;
}

static int main_with_faults(int argc, char **argv, char **environment)
{
    const char *wanted = setting("FAULTS_KIND"), *how = setting("FAULTS_HOW");

    folder = getenv("FAULTS_FOLDER");
    report = (int)syscall(SYS_openat, AT_FDCWD, setting("FAULTS_REPORT"),
                          O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    victim = (int)syscall(SYS_openat, AT_FDCWD, setting("FAULTS_VICTIM"), O_WRONLY | O_CLOEXEC);
    victim_size = (off_t)strtoll(setting("FAULTS_SIZE"), NULL, 10);
    chosen = strtoul(setting("FAULTS_AT"), NULL, 10);
    lasts = *setting("FAULTS_LASTS") != '\0';
    is_short = strcmp(how, "short") == 0;
    reason = strcmp(how, "EIO") == 0 ? EIO : ENOSPC;
    dl_iterate_phdr(find_library, &libcrypto);
    dl_iterate_phdr(find_library, &libseccomp);
    dl_iterate_phdr(find_library, &loader);
    kind = strcmp(wanted, "disk") == 0     ? KIND_DISK
           : strcmp(wanted, "memory") == 0 ? KIND_MEMORY
           : strcmp(wanted, "shrink") == 0 ? KIND_SHRINK
                                           : KIND_NONE;
    return program_main(argc, argv, environment);
}

int __libc_start_main(int (*main_)(int, char **, char **), int argc, char **argv,
                      void (*init)(void), void (*fini)(void), void (*rtld_fini)(void),
                      void *stack_end)
{
    __typeof__(&__libc_start_main) next;
    *(void **)&next = dlsym(RTLD_NEXT, "__libc_start_main");
    program_main = main_;
    return next(main_with_faults, argc, argv, init, fini, rtld_fini, stack_end);
}

__attribute__((destructor)) static void tell_count(void)
{
    kind = KIND_NONE;
    char text[32];
    int len = snprintf(text, sizeof text, "%lu\n", atomic_load(&calls));
    if (report >= 0 && syscall(SYS_write, report, text, (size_t)len) == len)
        close(report);
}
