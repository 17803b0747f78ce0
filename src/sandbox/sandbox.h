/* sandbox.h - what a run may still do, held by the kernel.
 *
 * Whoever reads bytes from strangers will one day be wrong about them. From sandbox_enter() on a mistake of
 * ours can reach what the run needs, and nothing else:
 *
 *     privileges     none are gained (no_new_privs), and of those that root has only the ones about files stay
 *     Landlock       files: read what is named, change what lies in the folders that are named; no TCP, and
 *                    no signals to others
 *     seccomp        calls: those that we make. What no run of ours ever does ends the process
 *
 * Each of them holds without the others, and a kernel that lacks one gives a sentence instead. What is open
 * already stays open: pipes, captures, sockets. What is read again and again below /proc is best opened before:
 * a rule there is forgotten when the kernel forgets the name.
 *
 * All that a thread may do its children may, and no more: it is called before the first thread starts. There
 * is no way back, and it is called once. */
#ifndef SEINE_SANDBOX_SANDBOX_H
#define SEINE_SANDBOX_SANDBOX_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* What a run needs. All is borrowed until sandbox_enter() returns. A path that is not there is passed over:
 * what opens it later fails as it would without us. A link means what it leads to now, and a name the file that
 * has it now: where others may put a new one in its place, such as settings, the folder is named. */
struct sandbox_need {
    const char *const *reads; /* files; or folders, and what lies in them however deep */
    size_t read_count;
    const char *const *writes; /* folders, and files in them however deep: made, changed, removed */
    size_t write_count;
    bool reads_all;     /* every file that the user may read */
    bool makes_folders; /* and removes them, in the folders of `writes` */

    /* Sockets that are open are read, asked and set, bound anew, and sent to without an address. A packet socket lets
     * who may send to it put frames on the network. Without this, none is opened and none is spoken to. */
    bool uses_sockets;
};

enum sandbox_layer { SANDBOX_PRIVILEGES, SANDBOX_LANDLOCK, SANDBOX_SECCOMP, SANDBOX_LAYER_COUNT };

/* For each layer whether it holds, or a sentence that says why not, without a stop. */
struct sandbox_report {
    bool holds[SANDBOX_LAYER_COUNT];
    struct error why[SANDBOX_LAYER_COUNT];
};

/* Takes away everything else. `report` says what holds. */
void sandbox_enter(const struct sandbox_need *need, struct sandbox_report *report);

/* The user that root becomes when none is named. */
#define SANDBOX_USER "seine"

/* For a run that had to be root, or had CAP_NET_RAW, to open what it reads: root becomes `user` (or, for NULL,
 * SANDBOX_USER) with the groups of that user, and whoever it is gives up all capabilities and the way to any.
 * Who is not root stays who it is, and may name nobody else. STATUS_FAILED leaves a process that is not to go
 * on: some of it may be done. Called before the first thread starts, and before sandbox_enter(). */
enum status sandbox_drop(const char *user, struct error *err);

/* The folder in which that user will write: makes it where it is not there, and then, and only then, gives it
 * to the user. One that is there is left as it is: whose it is, is for its owner to say. Called with the
 * privileges that sandbox_drop() takes; it does nothing more for who is not root. */
enum status sandbox_folder(const char *path, const char *user, struct error *err);

#endif
