/* landlock.c - which files may be read, and in which folders files may be changed.
 *
 * The kernel's interface has grown, and says by a number how far (docs.kernel.org/userspace-api/landlock).
 * A right that it does not know is one that it does not take away, so each is asked of a kernel that has it.
 * The C library has no functions for this. */
#include "sandbox/layers.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the header of Debian 12 has not yet, by the number of the interface that brought it. */
enum {
    RIGHT_REFER = 1 << 13,     /* 2: a file gets another folder */
    RIGHT_TRUNCATE = 1 << 14,  /* 3 */
    RIGHT_IOCTL_DEV = 1 << 15, /* 5: to devices that are opened from now on */
    NET_BIND_AND_CONNECT = 3,  /* 4: TCP */
    SCOPE_SOCKETS = 1,         /* 6: abstract Unix sockets of others */
    SCOPE_SIGNALS = 2,         /* 6 */
};

struct
    ruleset_attr { /* as struct landlock_ruleset_attr is since 6; the kernel allows zeros that it does not know */
    uint64_t handled_access_fs, handled_access_net, scoped;
};

enum {
    RIGHTS_OF_FIRST = RIGHT_REFER - 1, /* 1 has all below */
    TO_READ = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
    TO_WRITE = TO_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
               LANDLOCK_ACCESS_FS_REMOVE_FILE | RIGHT_TRUNCATE,
    TO_MAKE_FOLDERS = LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR,
    OF_A_FILE = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | RIGHT_TRUNCATE,
};

/* What we need whatever we do. A loss of it would be no failure, but another way, slower or less random. */
static const char *const common_reads[] = {
    "/dev/null",      "/dev/urandom",
    "/etc/localtime", "/usr/share/zoneinfo",
    "/proc/meminfo",  "/sys/devices/system/cpu",
#ifdef SEINE_SANITIZED /* to look at the process at its end, and to name functions in a finding */
    "/proc",          "/usr/lib",
    "/lib",           "/proc/self/exe",
#endif
};

/* The rules under way. */
struct rules {
    int fd;
    uint64_t handled;
    int failed; /* an errno, or 0 */
};

static void allow(struct rules *r, const char *path, uint64_t rights)
{
    struct stat file;
    int fd = open(path, O_PATH | O_CLOEXEC);

    if (fd < 0)
        return;
    bool is_folder = fstat(fd, &file) == 0 && S_ISDIR(file.st_mode);
    struct landlock_path_beneath_attr rule = {
        .allowed_access = rights & r->handled & (is_folder ? ~UINT64_C(0) : OF_A_FILE),
        .parent_fd = fd,
    };
    if (syscall(SYS_landlock_add_rule, r->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0 &&
        errno != EBADFD) /* lies in no file system, such as a pipe: allowed without a rule */
        r->failed = errno;
    close(fd);
}

static void allow_all(struct rules *r, const char *const *paths, size_t count, uint64_t rights)
{
    for (size_t i = 0; i < count; i++)
        allow(r, paths[i], rights);
}

static enum status begin(struct rules *r, struct error *err)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    if (version < 1)
        return error_set(err, errno == EOPNOTSUPP
                                  ? "Landlock is switched off in this kernel: which files are "
                                    "read and written is not held"
                                  : "this kernel has no Landlock: which files are read and "
                                    "written is not held");
    struct ruleset_attr attr = {
        .handled_access_fs = RIGHTS_OF_FIRST | (version >= 2 ? RIGHT_REFER : 0) |
                             (version >= 3 ? RIGHT_TRUNCATE : 0) |
                             (version >= 5 ? RIGHT_IOCTL_DEV : 0),
        .handled_access_net = version >= 4 ? NET_BIND_AND_CONNECT : 0,
        .scoped = version >= 6 ? SCOPE_SOCKETS | SCOPE_SIGNALS : 0,
    };
    r->handled = attr.handled_access_fs;
    r->fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    return r->fd >= 0 ? STATUS_OK : error_set(err, "Landlock: %s", strerror(errno));
}

enum status landlock_enter(const struct sandbox_need *need, struct error *err)
{
    struct rules r = {.fd = -1};
    enum status status = begin(&r, err);

    if (status != STATUS_OK)
        return status;
    allow_all(&r, common_reads, sizeof common_reads / sizeof *common_reads, TO_READ);
    allow_all(&r, need->reads, need->read_count, TO_READ);
    if (need->reads_all)
        allow(&r, "/", TO_READ);
    allow_all(&r, need->writes, need->write_count,
              TO_WRITE | (need->makes_folders ? TO_MAKE_FOLDERS : 0));
    if (r.failed == 0 && syscall(SYS_landlock_restrict_self, r.fd, 0) != 0)
        r.failed = errno;
    if (r.failed != 0)
        status = (r.failed == ENOMEM ? error_no_memory : error_set)(err, "Landlock: %s",
                                                                    strerror(r.failed));
    close(r.fd);
    return status;
}
