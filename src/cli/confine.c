/* confine.c - what each command needs of the file system. */
#include "cli/confine.h"

#include "base/digest.h"
#include "cli/terminal.h"
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Paths, each a string of its own. */
struct paths {
    char **items;
    size_t count;
    bool no_memory;
};

static void paths_add(struct paths *p, const char *path)
{
    char **items = reallocarray(p->items, p->count + 1, sizeof *items);
    char *copy = strdup(path);

    if (items)
        p->items = items;
    if (!items || !copy) {
        p->no_memory = true;
        free(copy);
        return;
    }
    items[p->count++] = copy;
}

static void paths_release(struct paths *p)
{
    for (size_t i = 0; i < p->count; i++)
        free(p->items[i]);
    free(p->items);
}

/* The folder in which `path` lies. */
static void add_folder_of(struct paths *p, const char *path)
{
    size_t len = strlen(path);
    char folder[PATH_MAX];

    while (len > 1 && path[len - 1] == '/') /* FOLDER/ lies where FOLDER lies */
        len--;
    while (len > 0 && path[len - 1] != '/')
        len--;
    if (len == 0)
        paths_add(p, ".");
    else if ((size_t)snprintf(folder, sizeof folder, "%.*s", (int)len, path) < sizeof folder)
        paths_add(p, folder);
}

/* The folder of a case, and where that is a link, of what it leads to: SQLite writes beside that one. */
static void add_case_folder(struct paths *p, const char *case_path)
{
    char *real = realpath(case_path, NULL);

    add_folder_of(p, case_path);
    if (real)
        add_folder_of(p, real);
    free(real);
}

static bool is_there(const char *path, const char *ending)
{
    char name[PATH_MAX + 16];
    struct stat file;

    return (size_t)snprintf(name, sizeof name, "%s%s", path, ending) < sizeof name &&
           lstat(name, &file) == 0;
}

/* Whether the file says that it has a write-ahead log (SQLite's file format, 1.3). */
static bool has_log(const char *path)
{
    enum { READ_VERSION_AT = 19, IS_WAL = 2 };
    uint8_t version = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool has = fd >= 0 && pread(fd, &version, 1, READ_VERSION_AT) == 1 && version == IS_WAL;

    if (fd >= 0)
        close(fd);
    return has;
}

static bool is_folder(const char *path)
{
    struct stat file;

    return stat(path, &file) == 0 && S_ISDIR(file.st_mode);
}

/* A case that is read, or a folder of cases, one of which may be being written. */
static void add_case(struct paths *reads, struct paths *writes, const char *case_path)
{
    char *real = realpath(case_path, NULL);
    const char *path = real ? real : case_path;

    paths_add(reads, path);
    if (is_folder(path))
        paths_add(writes, path);
    else if (is_there(path, "-journal") || is_there(path, "-wal") || is_there(path, "-shm") ||
             has_log(path))
        add_folder_of(writes, path);
    free(real);
}

static bool is_folder_for_us(const char *path)
{
    return path && *path && is_folder(path) && access(path, W_OK | X_OK) == 0;
}

/* Where temporary files go, SQLite's and ours: each looks at what the user says, then at usual places. */
static void add_scratch(struct paths *writes)
{
    static const char *const usual[] = {"/var/tmp", "/usr/tmp", "/tmp"};
    const char *for_sqlite = getenv("SQLITE_TMPDIR"), *for_all = getenv("TMPDIR");

    if (is_folder_for_us(for_sqlite))
        paths_add(writes, for_sqlite);
    if (is_folder_for_us(for_all)) {
        paths_add(writes, for_all);
        return;
    }
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        if (is_folder_for_us(usual[i]))
            paths_add(writes, usual[i]);
    }
}

/* What SEINE_SANDBOX says. */
enum wish { WISH_SILENT, WISH_TELL, WISH_REQUIRE, WISH_OFF, WISH_COUNT };

static enum wish wish_read(void)
{
    static const char *const words[] = {"", "tell", "require", "off"};
    const char *said = getenv("SEINE_SANDBOX");

    for (int wish = 0; said && wish < WISH_COUNT; wish++) {
        if (strcmp(said, words[wish]) == 0)
            return (enum wish)wish;
    }
    return said ? WISH_REQUIRE : WISH_SILENT; /* who mistypes wants something: the strict one */
}

/* Whether to go on. */
static bool enter(const struct sandbox_need *need, enum wish wish)
{
    struct sandbox_report report;
    bool goes_on = true;

    sandbox_enter(need, &report);
    for (int layer = 0; layer < SANDBOX_LAYER_COUNT; layer++) {
        bool must = wish == WISH_REQUIRE || report.why[layer].no_memory;
        if (report.holds[layer])
            continue;
        if (must || wish == WISH_TELL)
            say("%s", report.why[layer].text);
        goes_on = goes_on && !must;
    }
    return goes_on;
}

/* Ends the paths. */
static bool confine(struct paths *reads, struct paths *writes, const struct sandbox_need *more)
{
    struct sandbox_need need = *more;
    enum wish wish = wish_read();
    bool goes_on = !reads->no_memory && !writes->no_memory;

    need.reads = (const char *const *)reads->items;
    need.read_count = reads->count;
    need.writes = (const char *const *)writes->items;
    need.write_count = writes->count;
    if (!goes_on)
        say("no memory to begin");
    else if (wish != WISH_OFF)
        goes_on = enter(&need, wish);
    paths_release(reads);
    paths_release(writes);
    return goes_on;
}

/* libcrypto reads its settings, and may load what they name, when it is asked for the first time. */
static void wake_libcrypto(void)
{
    uint8_t value[DIGEST_LEN];
    digest_once(value, span_of(NULL, 0));
}

bool confine_to_cases(char *const *case_paths, size_t count)
{
    struct paths reads = {0}, writes = {0};

    static const char *const of_makers[] = {"/var/lib/ieee-data", "/usr/share/ieee-data",
                                            "/usr/share/wireshark"}; /* for oui() */
    for (size_t i = 0; i < sizeof of_makers / sizeof *of_makers; i++)
        paths_add(&reads, of_makers[i]);
    for (size_t i = 0; i < count; i++)
        add_case(&reads, &writes, case_paths[i]);
    add_scratch(&writes);
    return confine(&reads, &writes, &(struct sandbox_need){0});
}

bool confine_to_screen(const char *case_path)
{
    static const char *const of_terminals[] = {"/etc/terminfo", "/lib/terminfo",
                                               "/usr/share/terminfo"};
    struct paths reads = {0}, writes = {0};
    const char *own = getenv("TERMINFO");

    for (size_t i = 0; i < sizeof of_terminals / sizeof *of_terminals; i++)
        paths_add(&reads, of_terminals[i]);
    if (own)
        paths_add(&reads, own);
    add_case(&reads, &writes, case_path);
    add_scratch(&writes);
    return confine(&reads, &writes, &(struct sandbox_need){0});
}

bool confine_to_output(const char *case_path, const char *output)
{
    struct paths reads = {0}, writes = {0};

    add_case(&reads, &writes, case_path);
    add_scratch(&writes);
    if (output)
        add_folder_of(&writes, output);
    if (output && is_folder(output))
        paths_add(&writes, output);
    return confine(&reads, &writes, &(struct sandbox_need){.makes_folders = true});
}

bool confine_to_evidence(const char *case_path, const char *output)
{
    struct paths reads = {0}, writes = {0};

    wake_libcrypto();
    if (case_path)
        add_case(&reads, &writes, case_path);
    add_scratch(&writes);
    if (output)
        add_folder_of(&writes, output);
    return confine(&reads, &writes,
                   &(struct sandbox_need){.reads_all = true, .makes_folders = true});
}

bool confine_to_captures(const char *case_path, const char *const *captures, size_t capture_count,
                         bool names)
{
    static const char *const of_names[] = {"/etc/hosts",    "/etc/services",  "/etc/protocols",
                                           "/etc/networks", "/etc/ethers",    "/etc/nsswitch.conf",
                                           "/etc/gai.conf", "/etc/host.conf", "/etc/resolv.conf"};
    struct paths reads = {0}, writes = {0};

    wake_libcrypto();
    for (size_t i = 0; i < capture_count; i++)
        paths_add(&reads, captures[i]);
    for (size_t i = 0; names && i < sizeof of_names / sizeof *of_names; i++)
        paths_add(&reads, of_names[i]);
    add_case_folder(&writes, case_path);
    if (is_folder_for_us(getenv("SQLITE_TMPDIR")) || is_folder_for_us(getenv("TMPDIR")))
        add_scratch(&writes);
    else if (writes.count > 0) /* room for what is sorted is where there is room for the case */
        writes.no_memory |= setenv("SQLITE_TMPDIR", writes.items[0], 1) != 0;
    return confine(&reads, &writes, &(struct sandbox_need){0});
}

static bool can_be_written(const char *folder)
{
    const struct passwd *user;

    if (is_folder_for_us(folder))
        return true;
    if (access(folder, F_OK) != 0 && errno == ENOENT) {
        say("there is no folder %s", folder);
        return false;
    }
    user = getpwuid(geteuid());
    say("%s cannot be written to by the user %s: make it theirs, or say --user", folder,
        user ? user->pw_name : "that this is");
    return false;
}

bool confine_to_interfaces(const char *case_path, const char *settings, bool by_libpcap)
{
    struct paths reads = {0}, writes = {0};

    wake_libcrypto();
    if (settings) /* the folder: an editor puts a new file in the place of the old one */
        add_folder_of(&reads, settings);
    if (by_libpcap) { /* it looks there for what interfaces have dropped */
        paths_add(&reads, "/sys/class/net");
        paths_add(&reads, "/sys/devices");
    }
    if (is_folder(case_path))
        paths_add(&writes, case_path);
    else
        add_case_folder(&writes, case_path);
    if (writes.count > 0 && !can_be_written(writes.items[0])) {
        paths_release(&reads);
        paths_release(&writes);
        return false;
    }
    if (writes.count > 0)
        writes.no_memory |= setenv("SQLITE_TMPDIR", writes.items[0], 1) != 0;
    return confine(&reads, &writes, &(struct sandbox_need){.uses_sockets = true});
}
