/* top_capture.c - a live capture for the time that somebody looks at it. */
#include "cli/top_capture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BEGIN_MS = 10000, END_MS = 10000, STEP_MS = 20 };

struct top_capture {
    char *folder, *path, *said; /* owned: the case, and the file with what the capture has to say */
    pid_t pid;                  /* 0: there is none, or it has ended */
};

static void wait_a_step(void)
{
    const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
    nanosleep(&step, NULL);
}

/* Whether the process has ended; then it is no more. */
static bool has_ended(struct top_capture *c)
{
    if (c->pid > 0 && waitpid(c->pid, NULL, WNOHANG) == 0)
        return false;
    c->pid = 0;
    return true;
}

/* The last line that it said, without our own name before it. */
static enum status tell_said(const struct top_capture *c, struct error *err)
{
    static const char own[] = "seine: ";
    char text[1024] = "";
    int fd = open(c->said, O_RDONLY | O_CLOEXEC);
    off_t end = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    off_t from = end > (off_t)sizeof text - 1 ? end - (off_t)sizeof text + 1 : 0;
    ssize_t len = fd < 0 ? 0 : pread(fd, text, sizeof text - 1, from);

    if (fd >= 0)
        close(fd);
    while (len > 0 && text[len - 1] == '\n')
        len--;
    text[len > 0 ? len : 0] = 0;
    const char *line = strrchr(text, '\n');
    line = line ? line + 1 : text;
    if (strncmp(line, own, sizeof own - 1) == 0)
        line += sizeof own - 1;
    return error_set(err, "%s", *line ? line : "the capture has ended");
}

/* In the new process: nothing here may take memory or return. */
static void become_live(const struct top_capture *c, const char *interface, pid_t parent)
{
    int nothing = open("/dev/null", O_RDONLY);
    int said = open(c->said, O_WRONLY | O_CREAT | O_APPEND, 0600);

    prctl(PR_SET_PDEATHSIG, SIGTERM); /* nobody looks any more */
    if (getppid() != parent || nothing < 0 || said < 0 || dup2(nothing, STDIN_FILENO) < 0 ||
        dup2(said, STDOUT_FILENO) < 0 || dup2(said, STDERR_FILENO) < 0)
        _exit(3);
    execl("/proc/self/exe", "seine", "live", "--quiet", "--no-hash", "--no-sync", "--snaplen",
          "128", "-i", interface, "-o", c->path, (char *)NULL);
    _exit(3);
}

static enum status make_folder(struct top_capture *c, struct error *err)
{
    const char *tmp = getenv("TMPDIR");

    if (asprintf(&c->folder, "%s/seine-top-XXXXXX", tmp && *tmp ? tmp : "/tmp") < 0) {
        c->folder = NULL;
        return error_no_memory(err, "no memory for a capture");
    }
    if (!mkdtemp(c->folder)) {
        enum status status = error_set(err, "making %s: %s", c->folder, strerror(errno));
        free(c->folder);
        c->folder = NULL;
        return status;
    }
    if (asprintf(&c->path, "%s/case.db", c->folder) < 0)
        c->path = NULL;
    if (asprintf(&c->said, "%s/said", c->folder) < 0)
        c->said = NULL;
    return c->path && c->said ? STATUS_OK : error_no_memory(err, "no memory for a capture");
}

enum status top_capture_start(struct top_capture **capture, const char *interface,
                              struct error *err)
{
    struct top_capture *c = calloc(1, sizeof *c);
    pid_t self = getpid();

    *capture = NULL;
    if (!c)
        return error_no_memory(err, "no memory for a capture");
    enum status status = make_folder(c, err);
    if (status == STATUS_OK) {
        c->pid = fork();
        if (c->pid == 0)
            become_live(c, interface, self);
        if (c->pid < 0)
            status = error_set(err, "starting a capture: %s", strerror(errno));
    }
    for (int waited = 0; status == STATUS_OK && access(c->path, F_OK) != 0; waited += STEP_MS) {
        if (has_ended(c))
            status = tell_said(c, err);
        else if (waited > BEGIN_MS)
            status = error_set(err, "the capture has not begun for %d seconds", BEGIN_MS / 1000);
        wait_a_step();
    }
    if (status != STATUS_OK) {
        top_capture_end(c);
        return status;
    }
    *capture = c;
    return STATUS_OK;
}

const char *top_capture_path(const struct top_capture *c)
{
    return c->path;
}

bool top_capture_runs(struct top_capture *c, struct error *err)
{
    if (!has_ended(c))
        return true;
    tell_said(c, err);
    return false;
}

/* Removes all that lies in the folder, which is ours alone. */
static void remove_folder(const char *path)
{
    DIR *folder = opendir(path);

    for (struct dirent *entry; folder && (entry = readdir(folder));)
        unlinkat(dirfd(folder), entry->d_name, 0); /* "." and ".." stay */
    if (folder)
        closedir(folder);
    rmdir(path);
}

void top_capture_end(struct top_capture *c)
{
    if (!c)
        return;
    if (c->pid > 0)
        kill(c->pid, SIGTERM);
    for (int waited = 0; !has_ended(c) && waited < END_MS; waited += STEP_MS)
        wait_a_step();
    if (!has_ended(c)) {
        kill(c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
    }
    if (c->folder)
        remove_folder(c->folder);
    free(c->folder);
    free(c->path);
    free(c->said);
    free(c);
}
