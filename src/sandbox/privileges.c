/* privileges.c - who we are, and what that allows.
 *
 * By the system calls themselves: we only ever take away, and a library that sets capabilities would not
 * make that shorter (docs/decisions has more). */
#include "sandbox/layers.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* CAP_CHOWN: SQLite gives a journal to the owner of its database. */
const uint64_t privileges_about_files = UINT64_C(1) << CAP_CHOWN | UINT64_C(1) << CAP_DAC_OVERRIDE |
                                        UINT64_C(1) << CAP_DAC_READ_SEARCH |
                                        UINT64_C(1) << CAP_FOWNER;

enum { HALVES = _LINUX_CAPABILITY_U32S_3 };

/* What may be kept of the capabilities of this thread; false when the system does not say. */
static bool narrow(struct __user_cap_data_struct sets[HALVES], uint64_t kept)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

    if (syscall(SYS_capget, &header, sets) != 0)
        return false;
    for (int half = 0; half < HALVES; half++) {
        uint32_t mask = (uint32_t)(kept >> (32 * half));
        sets[half].effective &= mask;
        sets[half].permitted &= mask;
        sets[half].inheritable = 0;
    }
    return true;
}

/* What a program that is started may have at most. With no_new_privs that is nothing new anyway: where it takes
 * a right to empty this, it does not matter that it is not. */
static void empty_bounds(void)
{
    for (int capability = 0; prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0; capability++)
        ;
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

enum status privileges_keep(uint64_t kept, struct error *err)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[HALVES];

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return error_set(err, "new privileges cannot be refused: %s", strerror(errno));

    empty_bounds();
    if (!narrow(sets, kept) || syscall(SYS_capset, &header, sets) != 0)
        return error_set(err, "capabilities cannot be given up: %s", strerror(errno));
    return STATUS_OK;
}

static enum status find_user(const struct passwd **found, const char *user, struct error *err)
{
    errno = 0;
    *found = getpwnam(user);
    if (*found)
        return STATUS_OK;
    if (errno != 0 && errno != ENOENT && errno != ESRCH)
        return error_set(err, "looking for the user %s: %s", user, strerror(errno));
    return error_set(err, "there is no user %s to become", user);
}

/* Root becomes somebody else, for good. */
static enum status become(const struct passwd *user, struct error *err)
{
    if (initgroups(user->pw_name, user->pw_gid) != 0 ||
        setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
        setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0)
        return error_set(err, "becoming the user %s: %s", user->pw_name, strerror(errno));
    return STATUS_OK;
}

/* Whether root could be had again, which no kernel should allow any more. */
static bool is_way_back(void)
{
    return geteuid() != 0 && (setresuid(0, 0, 0) == 0 || seteuid(0) == 0);
}

enum status sandbox_drop(const char *user, struct error *err)
{
    const struct passwd *wanted = NULL;
    bool is_root = geteuid() == 0;

    if (is_root || user) {
        enum status status = find_user(&wanted, user ? user : SANDBOX_USER, err);
        if (status != STATUS_OK)
            return status;
    }
    if (!is_root && wanted && wanted->pw_uid != geteuid())
        return error_set(err, "only root can become the user %s", user);
    empty_bounds(); /* while there is the right to */
    if (is_root) {
        enum status status = become(wanted, err);
        if (status != STATUS_OK)
            return status;
    }
    enum status status = privileges_keep(0, err);
    if (status == STATUS_OK && is_way_back())
        return error_set(err, "becoming the user %s: root could be had again", wanted->pw_name);
    return status;
}

enum status sandbox_folder(const char *path, const char *user, struct error *err)
{
    const struct passwd *owner = NULL;
    enum status status = STATUS_OK;

    if (mkdir(path, 0750) != 0)
        return errno == EEXIST ? STATUS_OK : error_set(err, "making %s: %s", path, strerror(errno));
    if (geteuid() != 0)
        return STATUS_OK;
    status = find_user(&owner, user ? user : SANDBOX_USER, err);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (status == STATUS_OK && (fd < 0 || fchown(fd, owner->pw_uid, owner->pw_gid) != 0))
        status = error_set(err, "giving %s to %s: %s", path, owner->pw_name, strerror(errno));
    if (fd >= 0)
        close(fd);
    if (status != STATUS_OK)
        rmdir(path);
    return status;
}
